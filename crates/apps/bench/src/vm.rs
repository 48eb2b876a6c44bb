//! The clear engine on whole programs, beside CPython on the same ones where there is a `python3`, and beside wasmi where
//! the environment's `WASMI` names its command (`cargo install wasmi_cli`). All are measured in processor time, so that
//! what else the machine does bears less on them.

use crate::Measured;
use crate::machine::{children_seconds, thread_seconds};
use crate::measure::runs;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use types::Encode as _;
use vm::clear::{Loaded, View, Watch};
use vm::sample::Chance;
use vm::text::assemble;
use vm::{Limits, Place, Verified, certify, verify_bytes};

const LIMITS: Limits = Limits { fuel: 1 << 50, memory_bytes: 1 << 32 };
/// Rows and columns of the matrices.
const SIZE: u64 = 128;
/// Blocks that are hashed in one run, the padding aside.
const BLOCKS: u32 = 1_000;
/// Runs that are measured as one: processor time is not counted finely.
const TURNS: u32 = 5;
/// Primes below 2^20.
const PRIMES: u64 = 82_025;

/// A program with its inputs and what it must give.
struct Sample {
    name: &'static str,
    peer: &'static str,
    program: Verified,
    inputs: Vec<Vec<u64>>,
    expected: Vec<u64>,
    what: String,
}

/// What the engine is compared with: the unit of the comparison, and the seconds that each program takes there.
type Peer = (&'static str, BTreeMap<String, f64>);

/// Counts instructions.
#[derive(Default)]
struct Counter(u64);

impl Watch for Counter {
    fn before(&mut self, _: Place, _: &View<'_>) {
        self.0 += 1;
    }
}

pub(crate) fn vm(quick: bool) -> Vec<Measured> {
    let peers = [("times CPython", cpython(quick)), ("times wasmi", wasmi(quick))];
    let mut all: Vec<Measured> = samples().iter().flat_map(|sample| measured(sample, &peers, quick)).collect();
    all.push(verified(quick));
    all
}

fn measured(sample: &Sample, peers: &[Peer], quick: bool) -> Vec<Measured> {
    let mut loaded = Loaded::new(&sample.program).expect("the program fits the engine");
    let mut counter = Counter::default();
    let run = loaded.watched(&sample.inputs, LIMITS, &mut Chance::new(0), &mut counter).expect("the program ends");
    assert_eq!(run.outputs, std::slice::from_ref(&sample.expected), "{} is right", sample.name);
    let certificate = sample.program.program().certificate;
    let is_met =
        if certificate.exact { run.measured.fuel == certificate.fuel } else { run.measured.fuel <= certificate.fuel };
    assert!(is_met, "the run costs what the certificate says");
    let once = |_| {
        let start = thread_seconds();
        for _ in 0..TURNS {
            black_box(loaded.run(&sample.inputs, LIMITS, &mut Chance::new(0)).expect("the program ends"));
        }
        (thread_seconds() - start) / f64::from(TURNS)
    };
    let seconds: Vec<f64> = (0..runs(quick)).map(once).collect();
    let count = f64::from(u32::try_from(counter.0).unwrap_or(u32::MAX));
    let rates = seconds.iter().map(|seconds| count / seconds).collect();
    let mix = format!("{}; {} instructions, {} fuel a run", sample.what, counter.0, run.measured.fuel);
    let mut all = vec![Measured { name: sample.name, unit: "instructions/s", runs: rates, mix }];
    for (unit, taken) in peers {
        let Some(peer) = taken.get(sample.peer) else { continue };
        let times = seconds.iter().map(|seconds| peer / seconds).collect();
        let mix = format!("the other takes {:.1} ms for the same loops", peer * 1e3);
        all.push(Measured { name: sample.name, unit, runs: times, mix });
    }
    all
}

/// How fast bytes become a program that may run.
fn verified(quick: bool) -> Measured {
    let bytes = vm::sample::program(1, 200_000).program().to_bytes();
    let rate = |_| {
        let start = thread_seconds();
        black_box(verify_bytes(&bytes).expect("a sample keeps every rule"));
        f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) / (thread_seconds() - start) / 1e6
    };
    let runs = (0..runs(quick)).map(rate).collect();
    Measured { name: "vm/verify", unit: "MB/s", runs, mix: format!("decode and verify {} bytes", bytes.len()) }
}

fn program(text: &str) -> Verified {
    certify(assemble(text).expect("the text is a program")).expect("the program keeps every rule")
}

fn samples() -> Vec<Sample> {
    let [a, b] = matrices();
    let product = product_of_matrices();
    let (inputs, digest) = message();
    let what = format!("{SIZE} by {SIZE} of 64 bits");
    let sample = |name, text, what| Sample {
        name,
        peer: "matmul",
        program: program(text),
        inputs: vec![a.clone(), b.clone()],
        expected: product.clone(),
        what,
    };
    vec![
        Sample {
            name: "vm/sieve",
            peer: "sieve",
            program: program(include_str!("vm/sieve.talea")),
            inputs: Vec::new(),
            expected: vec![PRIMES],
            what: "primes below 2^20".to_owned(),
        },
        Sample {
            name: "vm/sha256",
            peer: "sha256",
            program: program(include_str!("vm/sha256.talea")),
            inputs,
            expected: digest,
            what: format!("{} blocks", BLOCKS + 1),
        },
        sample("vm/matmul/loops", include_str!("vm/loops.talea"), format!("{what}, lane by lane")),
        sample("vm/matmul", include_str!("vm/matmul.talea"), format!("{what}, one instruction")),
    ]
}

fn matrices() -> [Vec<u64>; 2] {
    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9]
        .map(|factor: u64| (0..SIZE * SIZE).map(|i| i.wrapping_mul(factor)).collect())
}

fn product_of_matrices() -> Vec<u64> {
    let [a, b] = matrices();
    let size = usize::try_from(SIZE).expect("a small number");
    let cell = |row: usize, column: usize| {
        (0..size).fold(0_u64, |sum, k| sum.wrapping_add(a[row * size + k].wrapping_mul(b[k * size + column])))
    };
    (0..size).flat_map(|row| (0..size).map(move |column| cell(row, column))).collect()
}

/// The inputs of the hash, and the digest as the library gives it.
fn message() -> (Vec<Vec<u64>>, Vec<u64>) {
    let words = |bytes: &[u8]| -> Vec<u64> {
        bytes.chunks(4).map(|word| word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))).collect()
    };
    let block: Vec<u8> = (0..64).collect();
    let mut last = vec![0; 64];
    last[0] = 0x80;
    last[56..].copy_from_slice(&(u64::from(BLOCKS) * 512).to_be_bytes());
    let whole = block.repeat(usize::try_from(BLOCKS).expect("a small number"));
    let digest = crypto::content_id(&whole).0;
    (vec![words(&block), vec![BLOCKS.into()], words(&last)], words(&digest))
}

/// What CPython takes for the same programs, in seconds; empty without a `python3`.
fn cpython(quick: bool) -> BTreeMap<String, f64> {
    let turns = if quick { "1" } else { "3" };
    let arguments = ["-c", include_str!("vm/peer.py"), turns];
    let Ok(output) = Command::new("python3").args(arguments).output() else {
        eprintln!("there is no python3: the engine is not compared with it");
        return BTreeMap::new();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (name, seconds) = line.split_once(' ')?;
        Some((name.to_owned(), seconds.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// What wasmi's interpreter takes for the same programs in WebAssembly, in seconds; empty where `WASMI` names no command.
fn wasmi(quick: bool) -> BTreeMap<String, f64> {
    let Some(command) = std::env::var_os("WASMI") else {
        eprintln!("WASMI names no command of wasmi: the engine is not compared with it");
        return BTreeMap::new();
    };
    let folder = tempfile::tempdir().expect("a folder for the module can be made");
    let module = folder.path().join("peer.wat");
    std::fs::write(&module, include_str!("vm/peer.wat")).expect("the module can be written");
    let more = if quick { 10 } else { 50 };
    let taken = |name: &str, turns: u32| {
        let before = children_seconds();
        let output = Command::new(&command).args(["--invoke", name]).arg(&module).arg(turns.to_string()).output();
        let output = output.expect("WASMI names a command that runs");
        (children_seconds() - before, String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let last = product_of_matrices().last().map_or(0, |last| last.cast_signed());
    let first = message().1.first().map_or(0, |word| u32::try_from(*word).unwrap_or_default().cast_signed());
    [("sieve", PRIMES.to_string()), ("matmul", last.to_string()), ("sha256", first.to_string())]
        .into_iter()
        .map(|(name, expected)| {
            // The first turn carries the start and the translation.
            let ((one, _), (all, given)) = (taken(name, 1), taken(name, 1 + more));
            assert!(given.ends_with(&expected), "wasmi gives {given} for {name}, and {expected} is right");
            (name.to_owned(), (all - one) / f64::from(more))
        })
        .collect()
}
