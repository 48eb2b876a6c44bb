//! Portions: so much of a state that the transition can go on from it, for somebody who does not have the rest.
//!
//! A portion holds some leaves, present or absent, and the tree above them. Unlike a [`crate::Witness`] it opens
//! everything beside their ways by one level, so that a state made of it answers for these leaves as the whole state
//! does: their values, their witnesses, and the root after any writes to them.
//!
//! Setting: whoever makes the portion may lie in any part of it; the root is known to be that of a state. Assumed is
//! that nobody finds two inputs of one digest.

use crate::cache::{Backing, Cache, Fault, KeyedLeaf, Recent};
use crate::leaf::{LeafRecord, MapKey};
use crate::witness::{read_wide, wide};
use crate::{Held, Leaves, Part, State, Terminal, WITNESS_LEAVES, WitnessError};
use std::ops::RangeInclusive;
use std::sync::Arc;
use types::{Digest, record};

record! {
    /// A leaf of a portion.
    pub struct Shown {
        /// The kind's number and the key's canonical bytes.
        pub key: Box<[u8]>,
        /// The digest of the key.
        pub path: Digest,
        /// What stands there, if anything does.
        pub record: Option<LeafRecord>,
    }
}

record! {
    /// Some leaves of a state and the tree above them.
    pub struct Portion {
        /// The leaves, sorted by their paths, each once.
        pub leaves: Vec<Shown>,
        /// The tree from its root, as in [`crate::Witness`], but that everything beside the ways is opened.
        pub parts: Vec<Part>,
    }
}

/// Whom a state that was made of a portion tells of leaves that the portion does not show, and what it gets instead.
pub trait Beyond: Send + Sync {
    /// Returns such a leaf.
    fn leaf(&self, key: &[u8]) -> Option<LeafRecord>;
}

/// What stands behind a portion.
struct Behind(Arc<dyn Beyond>);

impl Backing for Behind {
    fn count(&self) -> Result<u64, Fault> {
        Ok(0)
    }

    fn leaf(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault> {
        Ok(self.0.leaf(key))
    }

    fn leaves(&self, _: &[u8], _: usize) -> Result<Vec<KeyedLeaf>, Fault> {
        Err("a portion of a state lists no leaves".into())
    }

    fn terminals(&self, _: &RangeInclusive<[u8; 32]>, _: usize) -> Result<Vec<Terminal>, Fault> {
        Err("a leaf is written that the portion of the state does not show".into())
    }
}

impl State {
    /// Returns the portion that shows these leaves, each by its key and its path.
    pub fn portion(&self, keys: impl IntoIterator<Item = (Box<[u8]>, Digest)>) -> Portion {
        let shown = keys.into_iter().map(|(key, path)| Shown { record: self.record(&key), key, path });
        let mut leaves: Vec<Shown> = shown.collect();
        leaves.sort_unstable_by_key(|leaf| leaf.path);
        leaves.dedup_by_key(|leaf| leaf.path);
        let touched: Vec<Digest> = leaves.iter().map(|leaf| leaf.path).collect();
        Portion { parts: wide(&self.tree, &touched, self.backing()), leaves }
    }
}

impl Portion {
    /// Makes a state that knows these leaves and no others. Total. To read another leaf asks `beyond`; to write one, or to
    /// list leaves, is a fault of the caller, and a panic.
    ///
    /// # Errors
    /// When it is no portion of the state with this root.
    pub fn open(&self, root: &Digest, beyond: Arc<dyn Beyond>) -> Result<State, WitnessError> {
        let sorted = self.leaves.is_sorted_by(|a, b| a.path < b.path);
        if !sorted || self.leaves.len() > WITNESS_LEAVES {
            return Err(WitnessError::Form);
        }
        let touched: Vec<Digest> = self.leaves.iter().map(|leaf| leaf.path).collect();
        let tree = read_wide(&self.parts, &touched, root)?;
        for leaf in &self.leaves {
            let claimed = leaf.record.as_ref().map(|record| record.value_digest);
            let is_here = leaf.record.as_ref().is_none_or(|record| record.path == leaf.path);
            if !is_here || tree.value(&leaf.path) != claimed {
                return Err(WitnessError::Form);
            }
        }
        let count = self.leaves.iter().filter(|leaf| leaf.record.is_some()).count();
        let held = |leaf: &Shown| (MapKey::new(leaf.key.clone()), Held { stamp: 0, record: leaf.record.clone() });
        let leaves: Leaves = self.leaves.iter().map(held).collect();
        let cache = Cache { backing: Arc::new(Behind(beyond)), leaves_max: usize::MAX };
        Ok(State { leaves, tree, count, recent: Some(Box::new(Recent::new(cache, count))) })
    }
}
