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

mod fork;
mod leaf;
mod overlay;
mod path;
mod tree;
mod witness;

pub use fork::{Join, Sequential};
pub use leaf::{Leaf, LeafChange, LeafRecord, path_of};
pub use overlay::{Overlay, Touched};
pub use path::{Path, Terminal};
pub use tree::Write;
pub use witness::{Excerpt, Nothing, Pair, Part, WITNESS_LEAVES, Witness, WitnessError};

use fork::FORK_WRITES;
use leaf::MapKey;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tree::Node;
use types::{Digest, Encode};

/// All leaves and the tree over them.
#[derive(Default)]
pub struct State {
    leaves: Leaves,
    tree: Node,
}

type Leaves = BTreeMap<MapKey, Stored>;

/// A leaf's bytes and where it stands. The digest of its value is in the tree too, but a walk away.
struct Stored {
    path: Digest,
    value_digest: Digest,
    value: Box<[u8]>,
}

impl State {
    /// Rebuilds a state from its stored leaves. The caller compares the root with the one it expects.
    pub fn restore(records: impl IntoIterator<Item = (Vec<u8>, LeafRecord)>) -> Self {
        Self::restore_with(records, &Sequential)
    }

    /// Rebuilds a state as [`State::restore`] does, sharing the work.
    pub fn restore_with(records: impl IntoIterator<Item = (Vec<u8>, LeafRecord)>, join: &dyn Join) -> Self {
        let (mut leaves, mut writes) = (Vec::new(), Vec::new());
        for (key, record) in records {
            writes.push(Write { path: record.path, value: Some(record.value_digest) });
            let LeafRecord { path, value_digest, value } = record;
            leaves.push((MapKey::new(key.into()), Stored { path, value_digest, value }));
        }
        let mut state = Self::default();
        join.join(&mut || state.leaves = std::mem::take(&mut leaves).into_iter().collect(), &mut || {
            writes.sort_unstable_by_key(|write| write.path);
            state.tree.update(&writes, join);
        });
        state
    }

    /// Returns the root: the zero digest when there is no leaf.
    pub fn root(&self) -> Digest {
        self.tree.digest
    }

    /// Returns a leaf's value.
    pub fn get<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        self.value_bytes(&MapKey::of::<L>(key)).map(leaf::decode_value::<L>)
    }

    fn value_bytes(&self, key: &MapKey) -> Option<&[u8]> {
        self.leaves.get(key).map(|stored| &*stored.value)
    }

    /// Lists the leaves of one kind in key order.
    pub fn iter<L: Leaf>(&self) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        self.range::<L>(MapKey::before::<L>(&[]))
    }

    /// Lists the leaves of one kind in key order, from the first key whose bytes begin with `prefix` or come after it.
    pub fn iter_from<L: Leaf>(&self, prefix: &impl Encode) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        self.range::<L>(MapKey::before::<L>(&prefix.to_bytes()))
    }

    fn range<L: Leaf>(&self, first: MapKey) -> impl Iterator<Item = (L::Key, L::Value)> + '_ {
        let of_kind = self.leaves.range(first..).take_while(|(key, _)| key.is_of::<L>());
        of_kind.map(|(key, stored)| (leaf::decode_key::<L>(key.bytes()), leaf::decode_value::<L>(&stored.value)))
    }

    /// Applies changes, all at once: the tree is walked once for all of them.
    pub fn apply(&mut self, changes: &[LeafChange]) {
        self.apply_with(changes, &Sequential);
    }

    /// Applies changes as [`State::apply`] does, sharing the work of many.
    pub fn apply_with(&mut self, changes: &[LeafChange], join: &dyn Join) {
        let writes = self.writes_of(changes);
        let Self { leaves, tree } = self;
        if writes.len() < FORK_WRITES {
            store(leaves, changes);
            tree.update(&writes, join);
        } else {
            join.join(&mut || store(leaves, changes), &mut || tree.update(&writes, join));
        }
    }

    /// Returns what changes write to the tree, in the tree's order. To remove a leaf that is not there writes nothing.
    pub fn writes_of(&self, changes: &[LeafChange]) -> Vec<Write> {
        let written = changes.iter().filter_map(|change| match &change.record {
            Some(record) => Some(Write { path: record.path, value: Some(record.value_digest) }),
            None => {
                let stored = self.leaves.get(&MapKey::new(change.key.clone()))?;
                Some(Write { path: stored.path, value: None })
            }
        });
        let mut writes: Vec<Write> = written.collect();
        writes.sort_unstable_by_key(|write| write.path);
        writes
    }

    /// Returns the changes that take this state's successor back. Called before `changes` are applied.
    pub fn undo_of(&self, changes: &[LeafChange]) -> Vec<LeafChange> {
        let undo = changes.iter().map(|change| LeafChange {
            key: change.key.clone(),
            record: self.record_at(&MapKey::new(change.key.clone())),
        });
        undo.collect()
    }

    /// Returns a leaf as it is stored, by its kind's number and its key's canonical bytes.
    pub fn record(&self, key: &[u8]) -> Option<LeafRecord> {
        self.record_at(&MapKey::new(key.into()))
    }

    fn record_at(&self, key: &MapKey) -> Option<LeafRecord> {
        let Stored { path, value_digest, value } = self.leaves.get(key)?;
        Some(LeafRecord { path: *path, value_digest: *value_digest, value: value.clone() })
    }

    /// Returns the path that shows a leaf's value, or that there is no such leaf.
    pub fn path<L: Leaf>(&self, key: &L::Key) -> Path {
        self.tree.path(&leaf::path_of::<L>(key))
    }

    /// Lists all leaves as they are stored, in key order.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], LeafRecord)> + '_ {
        self.leaves.keys().filter_map(|key| Some((key.bytes(), self.record_at(key)?)))
    }

    /// Returns how many leading bits of a path no other leaf shares: as many name the leaf, whether it is there or not.
    pub fn unique_bits(&self, path: &Digest) -> usize {
        let found = self.tree.path(path);
        match found.terminal {
            Some(other) if other.path != *path => shared_bits(&other.path, path) + 1,
            _ => found.siblings.len(),
        }
    }

    /// Returns what shows the leaves at these paths, present or absent, and the root after writes to them.
    pub fn witness(&self, paths: impl IntoIterator<Item = Digest>) -> Witness {
        Witness::of(&self.tree, paths)
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

fn store(leaves: &mut Leaves, changes: &[LeafChange]) {
    for change in changes {
        let key = MapKey::new(change.key.clone());
        match (&change.record, leaves.entry(key)) {
            (Some(LeafRecord { value_digest, value, .. }), Entry::Occupied(mut stored)) => {
                let stored = stored.get_mut();
                stored.value_digest = *value_digest;
                stored.value.clone_from(value);
            }
            (Some(LeafRecord { path, value_digest, value }), Entry::Vacant(free)) => {
                free.insert(Stored { path: *path, value_digest: *value_digest, value: value.clone() });
            }
            (None, Entry::Occupied(stored)) => drop(stored.remove()),
            (None, Entry::Vacant(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests;
