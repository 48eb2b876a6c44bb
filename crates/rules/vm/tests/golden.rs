//! Bytes and costs that never change without a change of the protocol.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use types::Encode;
use vm::sample::{self, Chance};
use vm::text::assemble;
use vm::{Certificate, Engine, Limits, certify, clear::Clear, verify_bytes};

const AUCTION: &str = "talea 1
port in \"auction\" \"bids\" : secret u32 x 4 unsigned
port in \"\" \"reserve\" : u32 unsigned
port out \"\" \"winner\" : u2 unsigned
port out \"seller\" \"price\" : secret u32 unsigned
release \"winner\" 1
function \"main\" [] -> () releases (0) {
    %bids : secret u32 x 4 = input 0 ()
    %reserve : u32 = input 1 ()
    %best : secret u32, %place : secret u2 = argmax (%bids)
    %zero : u32 = int 0 ()
    %none : secret u32 x 4 = owrite (%bids, %place, %zero)
    %second : secret u32, %other : secret u2 = argmax (%none)
    %price : secret u32 = call 1 (%second, %reserve)
    %winner : u2 = reveal 0 (%place)
    output 2 (%winner)
    output 3 (%price)
    give ()
}
function \"most\" [%a : secret u32, %b : u32] -> (secret u32) releases () {
    %less : secret u1 = lt (%a, %b)
    %most : secret u32 = select (%less, %b, %a)
    give (%most)
}
";

#[test]
fn a_known_program_has_known_bytes_and_costs() {
    let program = certify(assemble(AUCTION).unwrap()).unwrap();
    let bytes = program.program().to_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("golden/auction.hex").trim());
    let id = program.program().id().to_string();
    assert_eq!(id, include_str!("golden/auction.id").trim());
    assert_eq!(verify_bytes(&bytes).as_ref(), Ok(&program));
    let expected = Certificate {
        exact: true,
        fuel: 12,
        slots: 20,
        rounds: 61,
        sent_first: 355,
        sent_second: 355,
        sent_third: 484,
        preprocessing: 0,
    };
    assert_eq!(program.program().certificate, expected);
    let limits = Limits { fuel: 100, memory_bytes: 1_000 };
    let auction = |bids: [u64; 4], reserve| {
        Clear.run(&program, &[bids.to_vec(), vec![reserve]], limits, &mut Chance::new(0)).unwrap().outputs
    };
    assert_eq!(auction([7, 40, 12, 40], 3), [[1], [40]]);
    assert_eq!(auction([7, 40, 12, 31], 3), [[1], [31]]);
    assert_eq!(auction([7, 2, 3, 1], 5), [[0], [5]]);
}

/// The generator is part of what engines are compared on: the same seeds give the same programs for ever.
#[test]
fn the_samples_of_a_seed_stay_the_same() {
    let mut all = Vec::new();
    for seed in 0..100 {
        all.extend(sample::draft(seed, 40).to_bytes());
    }
    assert_eq!(crypto::content_id(&all).to_string(), include_str!("golden/samples.id").trim());
}
