//! A compact sparse Merkle tree: a leaf stands at the shortest prefix of its path that no other leaf shares, so that a
//! path has about log2 of the leaf count siblings. Its shape depends only on the set of leaves, never on their order.

use crate::path::{Path, Terminal};
use crypto::poseidon::compress;
use types::{Digest, limits::PATH_DEPTH};

/// Sets a leaf's digest apart from an inner node's: its right input is a constant that no tree node can have as
/// its digest without a preimage of it.
const LEAF_MARK: [u64; 4] = [0x7461_6c65_615f_6c66, 1, 1, 1];

pub(crate) fn leaf_digest(path: &Digest, value: &Digest) -> Digest {
    let mark = Digest::new(LEAF_MARK).expect("the mark's limbs are below the prime");
    compress(&compress(path, value), &mark)
}

/// A new value digest for a path, or the leaf's removal.
pub(crate) type Update = (Digest, Option<Digest>);

#[derive(Default, Clone)]
pub(crate) enum Node {
    #[default]
    Empty,
    Leaf {
        path: Digest,
        value: Digest,
        digest: Digest,
    },
    Inner {
        digest: Digest,
        children: Box<[Node; 2]>,
    },
}

impl Node {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Empty => Digest::ZERO,
            Self::Leaf { digest, .. } | Self::Inner { digest, .. } => *digest,
        }
    }

    fn leaf(path: Digest, value: Digest) -> Self {
        Self::Leaf { path, value, digest: leaf_digest(&path, &value) }
    }

    /// Joins two subtrees. A lone leaf moves up, so that the shape stays the shortest.
    fn inner(left: Node, right: Node) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (leaf @ Self::Leaf { .. }, Self::Empty) | (Self::Empty, leaf @ Self::Leaf { .. }) => leaf,
            (left, right) => {
                Self::Inner { digest: compress(&left.digest(), &right.digest()), children: Box::new([left, right]) }
            }
        }
    }

    /// Applies updates that are sorted by path and unique, all of them below this node at `depth`.
    pub(crate) fn update(&mut self, updates: &[Update], depth: usize) {
        if updates.is_empty() {
            return;
        }
        *self = match std::mem::take(self) {
            Self::Inner { children, .. } => {
                let [mut left, mut right] = *children;
                let middle = updates.partition_point(|(path, _)| !path.bit(depth));
                left.update(&updates[..middle], depth + 1);
                right.update(&updates[middle..], depth + 1);
                Self::inner(left, right)
            }
            Self::Leaf { path, value, .. } => {
                let mut merged: Vec<Update> = updates.to_vec();
                if let Err(at) = merged.binary_search_by_key(&path, |(path, _)| *path) {
                    merged.insert(at, (path, Some(value)));
                }
                Self::build(&merged, depth)
            }
            Self::Empty => Self::build(updates, depth),
        };
    }

    fn build(updates: &[Update], depth: usize) -> Self {
        let present = updates.iter().filter(|(_, value)| value.is_some()).count();
        if present == 0 {
            return Self::Empty;
        }
        if present == 1 {
            let found = updates.iter().find_map(|(path, value)| value.map(|value| (*path, value)));
            return found.map_or(Self::Empty, |(path, value)| Self::leaf(path, value));
        }
        assert!(depth < PATH_DEPTH, "two leaves have one path: the updates are not unique");
        let middle = updates.partition_point(|(path, _)| !path.bit(depth));
        Self::inner(Self::build(&updates[..middle], depth + 1), Self::build(&updates[middle..], depth + 1))
    }

    pub(crate) fn path(&self, target: &Digest) -> Path {
        let mut siblings = Vec::new();
        let mut node = self;
        while let Self::Inner { children, .. } = node {
            let bit = usize::from(target.bit(siblings.len()));
            siblings.push(children[1 - bit].digest());
            node = &children[bit];
        }
        let terminal = match node {
            Self::Leaf { path, value, .. } => Some(Terminal { path: *path, value: *value }),
            _ => None,
        };
        Path { siblings, terminal }
    }
}
