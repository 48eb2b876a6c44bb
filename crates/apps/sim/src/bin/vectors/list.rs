//! `list.json`: keccak list trees of several lengths.

use crate::hex;
use crypto::list;
use serde_json::{Value, json};
use types::Bytes32;

const LENGTHS: [usize; 7] = [0, 1, 2, 3, 4, 5, 8];

pub fn vector() -> Value {
    json!({
        "about": "leaf = keccak(0x00 payload), node = keccak(0x01 left right); padded with zero digests to a power of two",
        "lists": LENGTHS.map(of_length).to_vec(),
    })
}

fn of_length(length: usize) -> Value {
    let payloads: Vec<Vec<u8>> = (0..length).map(|n| format!("payload {n}").into_bytes()).collect();
    let leaves: Vec<Bytes32> = payloads.iter().map(|payload| list::leaf(payload)).collect();
    let root = list::root(&leaves);
    let entries: Vec<Value> = (0u64..)
        .zip(payloads.iter().zip(&leaves).enumerate())
        .map(|(position, (at, (payload, leaf)))| {
            let path = list::path(&leaves, at).expect("every leaf has a path");
            assert!(list::verifies(leaf, position, &path, &root), "the path leads to the root");
            json!({ "payload": hex(payload), "leaf": leaf, "path": path })
        })
        .collect();
    json!({ "root": root, "entries": entries })
}
