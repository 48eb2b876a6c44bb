//! The evidence for a proven batch, as `prover` writes it, read back as `IValidityVerifier` declares it.

#![allow(
    missing_docs,
    clippy::all,
    clippy::as_conversions,
    clippy::unwrap_used,
    reason = "generated from declarations"
)]

alloy::sol! {
    struct Header {
        bytes32 configHash;
        uint64 number;
        bytes32 parentRoot;
        bytes32 stateRoot;
        uint64 inboxCount;
        bytes32 inboxHash;
        bytes32 withdrawalsRoot;
        bytes32 dataRoot;
        bytes32 diffHash;
    }

    struct Message {
        uint8 kind;
        bytes32 account;
        bytes32 token;
        uint64 amount;
        address party;
    }

    struct Withdrawal {
        uint64 index;
        address recipient;
        bytes32 token;
        uint64 amount;
    }

    struct Leaf {
        bytes32 context;
        bytes32 stateRoot;
        uint64 time;
        bytes32 entries;
        bytes32 taken;
        bytes32 made;
        Message[] messages;
        uint64[14][] actions;
        Withdrawal[] withdrawals;
    }

    struct Evidence {
        bytes attestation;
        Header header;
        uint64 inboxCount;
        bytes32 inboxHash;
        uint64 time;
        Leaf[] leaves;
    }
}

use alloy::sol_types::SolValue as _;
use std::path::Path;

/// Returns the parts of `vectors/batch.bin`, each of which stands after its length.
fn parts() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../vectors/batch.bin");
    let file = std::fs::read(path).expect("write it with `cargo xtask gen verifier`");
    let mut rest = file.as_slice();
    let mut parts = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (part, after) = after.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap());
        parts.push(part.to_vec());
        rest = after;
    }
    parts
}

fn decoded(bytes: &[u8]) -> Evidence {
    let evidence = Evidence::abi_decode_validate(bytes).unwrap();
    assert_eq!(evidence.abi_encode(), bytes, "there is one way to write it");
    evidence
}

fn kinds(leaf: &Leaf) -> Vec<u8> {
    leaf.messages.iter().map(|message| message.kind).collect()
}

#[test]
fn evidence_is_written_as_the_contract_reads_it() {
    let parts = parts();
    let Evidence { attestation, header, inboxCount, inboxHash, time, leaves } = decoded(&parts[0]);
    assert_eq!(attestation.to_vec(), b"the signatures of a quorum over the header of this batch");
    assert_eq!((header.number, header.inboxCount), (1, 67));
    assert_eq!((inboxCount, inboxHash.is_zero()), (0, true));
    let [first, second] = &leaves[..] else { panic!("two leaves") };
    assert_eq!([time, first.time, second.time], [1_699_999_999_000, 1_700_000_000_000, 1_700_000_001_500]);
    assert_eq!((kinds(first), kinds(second)), (vec![1; 65], vec![3, 2]));
    assert_eq!(first.messages[0].account, second.messages[0].account);
    assert_eq!((second.stateRoot, first.withdrawals.len()), (header.stateRoot, 0));
    let amounts = |leaf: &Leaf| leaf.messages.iter().map(|message| message.amount).collect::<Vec<_>>();
    assert_eq!((&amounts(first)[..3], amounts(second)), (&[50, 30, 1][..], vec![0, 25]));
    // A transfer of three.
    let [action] = second.actions[..] else { panic!("one action") };
    assert_eq!((action[0], action[9], first.actions.len()), (1, 3, 0));
    let made: Vec<(u64, u64)> = second.withdrawals.iter().map(|made| (made.index, made.amount)).collect();
    assert_eq!(made, [(0, 25), (1, 7)]);
}

#[test]
fn the_largest_numbers_are_written_too() {
    let evidence = decoded(&parts()[2]);
    assert_eq!(evidence.inboxCount, (7 << 32) - 9);
    let [leaf] = &evidence.leaves[..] else { panic!("one leaf") };
    assert_eq!((leaf.messages.len(), leaf.withdrawals.len()), (64, 64));
    assert_eq!(leaf.withdrawals[0].index, u64::MAX);
    assert_eq!(leaf.messages[0].amount, (1 << 62) - 1);
    assert_eq!(leaf.actions.len(), 12);
    assert_eq!(leaf.actions[0][0], 0xffff_ffff_0000_0001 - 5, "above 2^63, below the order");
}
