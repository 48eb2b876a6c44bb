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

/// A list's tree, kept for as many paths as are asked for.
pub struct Tree(Vec<Vec<Bytes32>>);

impl Tree {
    /// Hashes the tree over leaf digests.
    pub fn new(leaves: &[Bytes32]) -> Self {
        let mut layer = leaves.to_vec();
        layer.resize(leaves.len().next_power_of_two(), Bytes32::ZERO);
        let mut all = vec![layer];
        while let Some(layer) = all.last().filter(|layer| layer.len() > 1) {
            let above = layer.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
            all.push(above);
        }
        Self(all)
    }

    /// Returns the root. An empty list is padded to one zero digest, which is its root.
    pub fn root(&self) -> Bytes32 {
        self.0.last().map_or(Bytes32::ZERO, |layer| layer[0])
    }

    /// Returns the siblings from a leaf to the root, or `None` beyond the padded list.
    pub fn path(&self, position: usize) -> Option<Vec<Bytes32>> {
        let (_, below) = self.0.split_last()?;
        below.iter().enumerate().map(|(height, layer)| layer.get(position >> height ^ 1).copied()).collect()
    }
}

/// Returns the root of a list of leaf digests.
pub fn root(leaves: &[Bytes32]) -> Bytes32 {
    Tree::new(leaves).root()
}

/// Returns the siblings from a leaf to the root, or `None` when there is no such leaf.
pub fn path(leaves: &[Bytes32], position: usize) -> Option<Vec<Bytes32>> {
    leaves.get(position)?;
    Tree::new(leaves).path(position)
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
