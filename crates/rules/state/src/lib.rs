//! The authenticated state tree: typed leaves, overlays, paths.
//!
//! A leaf is declared by its crate ([`leaf!`]) with a key type, a value type and a number. The tree commits to every
//! leaf; an [`Overlay`] collects the changes of a block, one transaction at a time, and leaves no trace of one that
//! was rejected.
//!
//! ```
//! use state::{Overlay, State};
//! use types::{Height, Amount};
//! state::leaf!(
//!     /// Something counted at a height.
//!     pub Counted = 200: Height => Amount
//! );
//!
//! let mut state = State::default();
//! let mut overlay = Overlay::new(&state);
//! overlay.put::<Counted>(&Height(1), &Amount::new(5)?);
//! overlay.keep();
//! let changes = overlay.into_changes();
//! state.apply(&changes);
//! let path = state.path::<Counted>(&Height(1));
//! assert!(path.includes::<Counted>(&state.root(), &Height(1), &Amount::new(5)?));
//! # Ok::<(), types::Overflow>(())
//! ```

mod leaf;
mod overlay;
mod path;
mod tree;

pub use leaf::{Leaf, LeafChange, LeafRecord};
pub use overlay::{Overlay, Touched};
pub use path::{Path, Terminal};

use std::collections::BTreeMap;
use tree::Node;
use types::{Decode, Digest, Encode};

/// All leaves and the tree over them.
#[derive(Default)]
pub struct State {
    leaves: BTreeMap<Vec<u8>, LeafRecord>,
    tree: Node,
}

impl State {
    /// Rebuilds a state from its stored leaves. The caller compares the root with the one it expects.
    pub fn restore(records: impl IntoIterator<Item = (Vec<u8>, LeafRecord)>) -> Self {
        let mut state = Self::default();
        let changes: Vec<LeafChange> =
            records.into_iter().map(|(key, record)| LeafChange { key: key.into(), record: Some(record) }).collect();
        state.apply(&changes);
        state
    }

    /// Returns the root: the zero digest when there is no leaf.
    pub fn root(&self) -> Digest {
        self.tree.digest()
    }

    /// Returns a leaf's value.
    pub fn get<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        let record = self.leaves.get(&leaf::key_bytes::<L>(key))?;
        Some(leaf::decode_value::<L>(record))
    }

    /// Lists the leaves of one kind in key order.
    pub fn iter<L: Leaf>(&self) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        self.range::<L>(vec![L::NUMBER])
    }

    /// Lists the leaves of one kind in key order, from the first key whose bytes begin with `prefix` or come after it.
    pub fn iter_from<L: Leaf>(&self, prefix: &impl Encode) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        let mut start = vec![L::NUMBER];
        start.extend(prefix.to_bytes());
        self.range::<L>(start)
    }

    fn range<L: Leaf>(&self, start: Vec<u8>) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        self.leaves.range(start..).take_while(|(key, _)| key[0] == L::NUMBER).map(|(key, record)| {
            let key = L::Key::from_bytes(&key[1..]).expect("a key was written by its own encoder");
            (key, leaf::decode_value::<L>(record))
        })
    }

    /// Applies changes, all at once: the tree is walked once for all of them.
    pub fn apply(&mut self, changes: &[LeafChange]) {
        let mut updates = Vec::with_capacity(changes.len());
        for change in changes {
            match &change.record {
                Some(record) => {
                    updates.push((record.path, Some(record.value_digest)));
                    self.leaves.insert(change.key.to_vec(), record.clone());
                }
                None => {
                    if let Some(old) = self.leaves.remove(&*change.key) {
                        updates.push((old.path, None));
                    }
                }
            }
        }
        updates.sort_unstable_by_key(|(path, _)| *path);
        self.tree.update(&updates, 0);
    }

    /// Returns the path that shows a leaf's value, or that there is no such leaf.
    pub fn path<L: Leaf>(&self, key: &L::Key) -> Path {
        self.tree.path(&leaf::path_of::<L>(key))
    }

    /// Returns a leaf as it is stored, by its kind's number and its key's canonical bytes.
    pub fn record(&self, key: &[u8]) -> Option<&LeafRecord> {
        self.leaves.get(key)
    }

    /// Lists all leaves as they are stored, in key order.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], &LeafRecord)> + '_ {
        self.leaves.iter().map(|(key, record)| (&key[..], record))
    }

    /// Returns how many leading bits of a path no other leaf shares: as many name the leaf, whether it is there or not.
    pub fn unique_bits(&self, path: &Digest) -> usize {
        let found = self.tree.path(path);
        match found.terminal {
            Some(other) if other.path != *path => shared_bits(&other.path, path) + 1,
            _ => found.siblings.len(),
        }
    }

    /// Returns how many leaves there are.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Says whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }
}

/// Returns how many leading bits two paths share.
pub fn shared_bits(a: &Digest, b: &Digest) -> usize {
    (0..types::limits::PATH_DEPTH).take_while(|depth| a.bit(*depth) == b.bit(*depth)).count()
}

#[cfg(test)]
mod tests;
