//! Paths: why somebody without the state believes what a leaf holds.

use crate::leaf::{self, Leaf};
use crate::tree::leaf_digest;
use crypto::Domain;
use crypto::poseidon::{compress, hash_of};
use types::{Digest, limits::PATH_DEPTH, record};

record! {
    /// The leaf that a path ends in.
    pub struct Terminal {
        /// The digest of the leaf's key.
        pub path: Digest,
        /// The digest of the leaf's value.
        pub value: Digest,
    }
}

impl Terminal {
    /// Returns the leaf's digest: its node in the tree.
    pub fn digest(&self) -> Digest {
        leaf_digest(&self.path, &self.value)
    }
}

record! {
    /// The siblings on the way from the root to where a leaf is, or would be.
    pub struct Path {
        /// One sibling for each level, the root's child first.
        pub siblings: Vec<Digest>,
        /// What stands at the end: a leaf, or nothing.
        pub terminal: Option<Terminal>,
    }
}

impl Path {
    /// Says whether the leaf holds `value` under `root`. Total.
    pub fn includes<L: Leaf>(&self, root: &Digest, key: &L::Key, value: &L::Value) -> bool {
        let expected = Terminal { path: leaf::path_of::<L>(key), value: hash_of(Domain::Value, value) };
        self.terminal.as_ref() == Some(&expected) && self.leads_to(&expected.path, root)
    }

    /// Says whether there is no such leaf under `root`. Total.
    pub fn excludes<L: Leaf>(&self, root: &Digest, key: &L::Key) -> bool {
        let target = leaf::path_of::<L>(key);
        self.terminal.as_ref().is_none_or(|terminal| terminal.path != target) && self.leads_to(&target, root)
    }

    fn leads_to(&self, target: &Digest, root: &Digest) -> bool {
        if self.siblings.len() > PATH_DEPTH {
            return false;
        }
        let mut digest = Digest::ZERO;
        if let Some(terminal) = &self.terminal {
            // A leaf elsewhere in the tree says nothing about this path.
            if (0..self.siblings.len()).any(|depth| terminal.path.bit(depth) != target.bit(depth)) {
                return false;
            }
            digest = leaf_digest(&terminal.path, &terminal.value);
        }
        for (depth, sibling) in self.siblings.iter().enumerate().rev() {
            digest = if target.bit(depth) { compress(sibling, &digest) } else { compress(&digest, sibling) };
        }
        digest == *root
    }
}
