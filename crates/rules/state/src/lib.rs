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

mod cache;
mod fork;
mod leaf;
mod overlay;
mod path;
mod portion;
mod records;
mod tree;
mod witness;

pub use cache::{Backing, Cache, Fault, KeyedLeaf};
pub use fork::{Join, Sequential};
pub use leaf::{Leaf, LeafChange, LeafRecord, path_of};
pub use overlay::{Overlay, Touched};
pub use path::{Path, Terminal};
pub use portion::{Beyond, Portion, Shown};
pub use tree::Write;
pub use witness::{Excerpt, Nothing, Pair, Part, WITNESS_LEAVES, Witness, WitnessError};

use cache::{OPENED_TOGETHER, Recent};
use fork::FORK_WRITES;
use leaf::MapKey;
use records::Records;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tree::{Means, Node};
use types::{Digest, Encode, Height};

/// All leaves and the tree over them: in memory, or as much of them as a [`Cache`] allows.
#[derive(Default)]
pub struct State {
    leaves: Leaves,
    tree: Node,
    count: usize,
    /// Without it, everything is in memory.
    recent: Option<Box<Recent>>,
}

type Leaves = BTreeMap<MapKey, Held>;

/// A leaf in memory.
struct Held {
    /// When it was written; see [`Recent`].
    stamp: u64,
    /// What is there, or that nothing is any more while the backing may still have something. The digest of its value is in
    /// the tree too, but a walk away.
    record: Option<LeafRecord>,
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
            leaves.push((MapKey::new(key.into()), Held { stamp: 0, record: Some(record) }));
        }
        let mut state = Self::default();
        let mut added = 0;
        join.join(&mut || state.leaves = std::mem::take(&mut leaves).into_iter().collect(), &mut || {
            writes.sort_unstable_by_key(|write| write.path);
            added = state.tree.update(&writes, Means { join, backing: None });
        });
        state.count_added(added);
        state
    }

    /// Takes up a state whose leaves a backing holds. No more of it comes into memory than the top of its tree, at most seven
    /// bytes for each leaf. The caller compares the root with the one it expects.
    ///
    /// The owner calls [`State::trim`] after each block, and may change the backing only by what this state was given.
    ///
    /// # Errors
    /// When the backing cannot be read. Later that is a panic.
    pub fn open(cache: Cache, join: &dyn Join) -> Result<Self, Fault> {
        let expected = usize::try_from(cache.backing.count()?)?;
        let recent = Recent::new(cache, expected);
        let depth = recent.depth();
        let mut state = Self::default();
        let mut span = [0; 32]..=[0xff; 32];
        let mut open = None;
        loop {
            let found = recent.backing().terminals(&span, OPENED_TOGETHER)?;
            let writes: Vec<Write> =
                found.iter().map(|leaf| Write { path: leaf.path, value: Some(leaf.value) }).collect();
            let added = state.tree.update(&writes, Means { join, backing: Some(recent.backing()) });
            state.count_added(added);
            let mut pages: Vec<_> = open.into_iter().chain(found.iter().map(|leaf| recent.page(&leaf.path))).collect();
            pages.dedup();
            // More of the last page may follow.
            open = if found.len() < OPENED_TOGETHER { None } else { pages.pop() };
            pages.into_iter().for_each(|page| state.tree.close(page, depth));
            let (Some(last), Some(_)) = (found.last(), open) else { break };
            span = after(last.path.to_be_bytes())..=[0xff; 32];
        }
        state.recent = Some(Box::new(recent));
        Ok(state)
    }

    fn count_added(&mut self, added: isize) {
        self.count = self.count.checked_add_signed(added).expect("no more leaves are removed than there were");
    }

    fn backing(&self) -> Option<&dyn Backing> {
        self.recent.as_deref().map(Recent::backing)
    }

    /// Returns the root: the zero digest when there is no leaf.
    pub fn root(&self) -> Digest {
        self.tree.digest
    }

    /// Returns a leaf's value.
    pub fn get<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        self.stored(&MapKey::of::<L>(key)).map(|record| leaf::decode_value::<L>(&record.value))
    }

    fn stored(&self, key: &MapKey) -> Option<Cow<'_, LeafRecord>> {
        match (self.leaves.get(key), self.backing()) {
            (Some(held), _) => held.record.as_ref().map(Cow::Borrowed),
            (None, Some(backing)) => cache::read(backing.leaf(key.bytes())).map(Cow::Owned),
            (None, None) => None,
        }
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
        let of_kind = self.records_from(first).take_while(|(key, _)| key.first() == Some(&L::NUMBER));
        of_kind.map(|(key, record)| (leaf::decode_key::<L>(&key), leaf::decode_value::<L>(&record.value)))
    }

    fn records_from(&self, first: MapKey) -> Records<'_> {
        Records::new(self.backing(), first.bytes().into(), self.leaves.range(first..))
    }

    /// Applies changes, all at once: the tree is walked once for all of them.
    pub fn apply(&mut self, changes: &[LeafChange]) {
        self.apply_with(changes, &Sequential);
    }

    /// Applies changes as [`State::apply`] does, sharing the work of many.
    pub fn apply_with(&mut self, changes: &[LeafChange], join: &dyn Join) {
        let writes = self.writes_of(changes);
        let Self { leaves, tree, recent, .. } = self;
        let stamp = recent.as_ref().map(|recent| recent.now());
        let means = Means { join, backing: recent.as_deref().map(Recent::backing) };
        let mut added = 0;
        if writes.len() < FORK_WRITES {
            store(leaves, changes, stamp);
            added = tree.update(&writes, means);
        } else {
            join.join(&mut || store(leaves, changes, stamp), &mut || added = tree.update(&writes, means));
        }
        if let Some(recent) = recent {
            changes.iter().for_each(|change| recent.note_leaf(MapKey::new(change.key.clone())));
            writes.iter().for_each(|write| recent.note_way(&write.path));
        }
        self.count_added(added);
    }

    /// Forgets of a state with a backing what is more than its cache may hold, the oldest first. What was applied since
    /// the last call belongs to blocks up to `head`; the backing holds those up to `stored`, and what later ones wrote
    /// stays in memory. A state without a backing stays as it is.
    pub fn trim(&mut self, head: Height, stored: Height) {
        let Self { leaves, tree, count, recent } = self;
        let Some(recent) = recent else { return };
        recent.settle(head, stored);
        while let Some((stamp, key)) = recent.next_leaf(leaves.len()) {
            if leaves.get(&key).is_some_and(|held| held.stamp == stamp) {
                leaves.remove(&key);
            }
        }
        recent.tidy_leaves(leaves.len(), |stamp, key| leaves.get(key).is_some_and(|held| held.stamp == stamp));
        recent.divide_pages(*count);
        let depth = recent.depth();
        while let Some(page) = recent.next_page() {
            tree.close(page, depth);
        }
    }

    /// Returns what changes write to the tree, in the tree's order. To remove a leaf that is not there writes nothing.
    pub fn writes_of(&self, changes: &[LeafChange]) -> Vec<Write> {
        let written = changes.iter().filter_map(|change| match &change.record {
            Some(record) => Some(Write { path: record.path, value: Some(record.value_digest) }),
            None => {
                let stored = self.stored(&MapKey::new(change.key.clone()))?;
                Some(Write { path: stored.path, value: None })
            }
        });
        let mut writes: Vec<Write> = written.collect();
        writes.sort_unstable_by_key(|write| write.path);
        writes
    }

    /// Returns the changes that take this state's successor back. Called before `changes` are applied.
    pub fn undo_of(&self, changes: &[LeafChange]) -> Vec<LeafChange> {
        let undo =
            changes.iter().map(|change| LeafChange { key: change.key.clone(), record: self.record(&change.key) });
        undo.collect()
    }

    /// Returns a leaf as it is stored, by its kind's number and its key's canonical bytes.
    pub fn record(&self, key: &[u8]) -> Option<LeafRecord> {
        self.stored(&MapKey::new(key.into())).map(Cow::into_owned)
    }

    /// Returns the path that shows a leaf's value, or that there is no such leaf.
    pub fn path<L: Leaf>(&self, key: &L::Key) -> Path {
        self.tree.path(&leaf::path_of::<L>(key), self.backing())
    }

    /// Lists all leaves as they are stored, in key order.
    pub fn records(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, LeafRecord)> + '_ {
        self.records_from(MapKey::new(Box::default())).map(|(key, record)| (key, record.into_owned()))
    }

    /// Returns how many leading bits of a path no other leaf shares: as many name the leaf, whether it is there or not.
    pub fn unique_bits(&self, path: &Digest) -> usize {
        let found = self.tree.path(path, self.backing());
        match found.terminal {
            Some(other) if other.path != *path => shared_bits(&other.path, path) + 1,
            _ => found.siblings.len(),
        }
    }

    /// Returns what shows the leaves at these paths, present or absent, and the root after writes to them.
    pub fn witness(&self, paths: impl IntoIterator<Item = Digest>) -> Witness {
        Witness::of(&self.tree, paths, self.backing())
    }

    /// Returns how many leaves there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Says whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many leaves are in memory, with those that are gone and may still be in the backing.
    pub fn cached(&self) -> usize {
        self.leaves.len()
    }

    /// Returns how many pages of the tree are open; 0 without a backing, when all of the tree is in memory.
    pub fn pages(&self) -> usize {
        self.recent.as_ref().map_or(0, |recent| recent.pages())
    }
}

/// Returns the bytes that come next in their order; those of a path are never the last.
fn after(mut bytes: [u8; 32]) -> [u8; 32] {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    bytes
}

/// Returns how many leading bits two paths share.
pub fn shared_bits(a: &Digest, b: &Digest) -> usize {
    (0..types::limits::PATH_DEPTH).take_while(|depth| a.bit(*depth) == b.bit(*depth)).count()
}

/// Writes leaves. With a stamp there is a backing, and a leaf that is gone is remembered as such.
fn store(leaves: &mut Leaves, changes: &[LeafChange], stamp: Option<u64>) {
    for change in changes {
        let key = MapKey::new(change.key.clone());
        match (&change.record, leaves.entry(key)) {
            (None, Entry::Occupied(held)) if stamp.is_none() => drop(held.remove()),
            (None, Entry::Vacant(_)) if stamp.is_none() => {}
            (record, Entry::Occupied(mut held)) => {
                let held = held.get_mut();
                held.record.clone_from(record);
                held.stamp = stamp.unwrap_or(0);
            }
            (record, Entry::Vacant(free)) => {
                free.insert(Held { stamp: stamp.unwrap_or(0), record: record.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests;
