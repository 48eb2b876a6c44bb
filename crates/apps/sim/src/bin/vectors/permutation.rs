//! `poseidon.json`: the permutation, the sponge in every domain, and the compression.

use crate::decimals;
use crypto::{Domain, poseidon};
use p3_field::PrimeField64 as _;
use p3_goldilocks::{Goldilocks, default_goldilocks_poseidon2_8};
use p3_symmetric::Permutation as _;
use serde_json::{Value, json};
use types::{Digest, GOLDILOCKS};

/// Every domain with its tag.
const DOMAINS: [(Domain, u64); 11] = [
    (Domain::Key, 1),
    (Domain::Value, 2),
    (Domain::Account, 3),
    (Domain::Owner, 4),
    (Domain::Token, 5),
    (Domain::Half, 6),
    (Domain::Tally, 7),
    (Domain::Transaction, 8),
    (Domain::Commitment, 9),
    (Domain::Verdict, 10),
    (Domain::Config, 11),
];

pub fn vector() -> Value {
    let counting = [0, 1, 2, 3, 4, 5, 6, 7];
    let inputs: [&[u64]; 7] =
        [&[], &[0], &[1, 2, 3], &[1, 2, 3, 4], &counting, &[GOLDILOCKS - 1; 5], &[1 << 63, 1 << 32, 0xffff_ffff]];
    let mut hashes: Vec<Value> = DOMAINS.iter().map(|(domain, tag)| hash(*domain, *tag, &[1, 2, 3])).collect();
    hashes.extend(inputs.iter().map(|elements| hash(Domain::Value, 2, elements)));
    json!({
        "about": "Poseidon2, width 8, over the prime 2^64 - 2^32 + 1. Sponge: rate 4 in cells 0 to 3, the domain's tag in \
                  cell 4 and the number of elements in cell 5 at the start. Compression: the first four cells of \
                  permutation(left right) + (left right). Digests are four elements of eight big-endian bytes.",
        "permutations": [permutation(counting), permutation([0; 8]), permutation([GOLDILOCKS - 1; 8])],
        "hashes": hashes,
        "compressions": [
            compression([0; 4], [0; 4]),
            compression([0, 1, 2, 3], [4, 5, 6, 7]),
            compression([4, 5, 6, 7], [0, 1, 2, 3]),
            compression([GOLDILOCKS - 1; 4], [1 << 63, 1 << 32, 1, 0]),
        ],
    })
}

fn permute(cells: [u64; 8]) -> [u64; 8] {
    let permuted = default_goldilocks_poseidon2_8().permute(cells.map(Goldilocks::new));
    permuted.map(|cell| cell.as_canonical_u64())
}

fn permutation(input: [u64; 8]) -> Value {
    json!({ "input": decimals(&input), "output": decimals(&permute(input)) })
}

fn hash(domain: Domain, tag: u64, elements: &[u64]) -> Value {
    json!({
        "domain": format!("{domain:?}"),
        "tag": tag,
        "elements": decimals(elements),
        "digest": poseidon::hash(domain, elements),
    })
}

fn compression(left: [u64; 4], right: [u64; 4]) -> Value {
    let digest = |limbs| Digest::new(limbs).expect("the vectors' limbs are below the prime");
    let (left, right) = (digest(left), digest(right));
    json!({ "left": left, "right": right, "digest": poseidon::compress(&left, &right) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &Value) -> Vec<u64> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().parse().unwrap()).collect()
    }

    fn sum(left: u64, right: u64) -> u64 {
        (Goldilocks::new(left) + Goldilocks::new(right)).as_canonical_u64()
    }

    /// The sponge, from nothing but the file's own description.
    fn sponge(tag: u64, elements: &[u64]) -> Digest {
        let mut cells = [0, 0, 0, 0, tag, u64::try_from(elements.len()).unwrap(), 0, 0];
        let mut chunks: Vec<&[u64]> = elements.chunks(4).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        for chunk in chunks {
            chunk.iter().enumerate().for_each(|(at, element)| cells[at] = sum(cells[at], *element));
            cells = permute(cells);
        }
        Digest::new([cells[0], cells[1], cells[2], cells[3]]).unwrap()
    }

    #[test]
    fn the_description_is_enough_to_compute_every_digest() {
        let vector = vector();
        for hash in vector["hashes"].as_array().unwrap() {
            let digest = sponge(hash["tag"].as_u64().unwrap(), &parsed(&hash["elements"]));
            assert_eq!(hash["digest"], digest.to_string(), "{}", hash["domain"]);
        }
        for pair in vector["compressions"].as_array().unwrap() {
            let limbs = |side: &str| pair[side].as_str().unwrap().parse::<Digest>().unwrap().limbs();
            let cells: Vec<u64> = [limbs("left"), limbs("right")].concat();
            let permuted = permute(cells.clone().try_into().unwrap());
            let digest = Digest::new(std::array::from_fn(|at| sum(permuted[at], cells[at]))).unwrap();
            assert_eq!(pair["digest"], digest.to_string());
        }
    }
}
