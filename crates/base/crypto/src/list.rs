//! The list Merkle tree that contracts verify: keccak-256, leaves and nodes tagged apart, padded with zero digests to
//! the next power of two. An empty list has the zero root; a list of one has its leaf as root.

use crate::eth::keccak;
use types::{Bytes32, limits};

/// Returns the digest of a leaf's payload.
pub fn leaf(payload: &[u8]) -> Bytes32 {
    keccak(&[&[0], payload])
}

fn node(left: &Bytes32, right: &Bytes32) -> Bytes32 {
    keccak(&[&[1], &left.0, &right.0])
}

fn layers(leaves: &[Bytes32]) -> Vec<Vec<Bytes32>> {
    let mut layer = leaves.to_vec();
    layer.resize(leaves.len().next_power_of_two(), Bytes32::ZERO);
    let mut all = vec![layer];
    while let Some(layer) = all.last().filter(|layer| layer.len() > 1) {
        let above = layer.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
        all.push(above);
    }
    all
}

/// Returns the root of a list of leaf digests.
pub fn root(leaves: &[Bytes32]) -> Bytes32 {
    if leaves.is_empty() {
        return Bytes32::ZERO;
    }
    layers(leaves).last().map_or(Bytes32::ZERO, |layer| layer[0])
}

/// Returns the siblings from a leaf to the root, or `None` when there is no such leaf.
pub fn path(leaves: &[Bytes32], position: usize) -> Option<Vec<Bytes32>> {
    leaves.get(position)?;
    let layers = layers(leaves);
    Some(layers[..layers.len() - 1].iter().enumerate().map(|(height, layer)| layer[position >> height ^ 1]).collect())
}

/// Says whether the leaf digest stands at `position` under `root`. Total.
pub fn verifies(leaf: &Bytes32, position: u64, path: &[Bytes32], root: &Bytes32) -> bool {
    if path.len() > limits::LIST_DEPTH || position >> path.len() != 0 || *root == Bytes32::ZERO {
        return false;
    }
    let mut digest = *leaf;
    for (height, sibling) in path.iter().enumerate() {
        digest = if position >> height & 1 == 0 { node(&digest, sibling) } else { node(sibling, &digest) };
    }
    digest == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_leaf_has_a_path_and_no_other_position_has_it(count in 1usize..40, at in 0usize..40, wrong in 0u64..64) {
            let leaves: Vec<_> = (0..count).map(|i| leaf(&i.to_be_bytes())).collect();
            let at = at % count;
            let path = path(&leaves, at).unwrap();
            let root = root(&leaves);
            let position = u64::try_from(at).unwrap();
            prop_assert!(verifies(&leaves[at], position, &path, &root));
            if wrong != position {
                prop_assert!(!verifies(&leaves[at], wrong, &path, &root));
            }
            for level in 0..path.len() {
                let mut bad = path.clone();
                bad[level].0[0] ^= 1;
                prop_assert!(!verifies(&leaves[at], position, &bad, &root));
            }
        }
    }

    #[test]
    fn an_empty_list_proves_nothing() {
        assert_eq!(root(&[]), Bytes32::ZERO);
        assert!(!verifies(&Bytes32::ZERO, 0, &[], &Bytes32::ZERO));
        assert_eq!(path(&[], 0), None);
    }
}
