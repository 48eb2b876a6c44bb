//! A disk's leaves, which the roles of the same node read while they run.

use state::{Backing, Cache, Fault, KeyedLeaf, LeafChange, LeafRecord, Sequential, State, Terminal};
use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::Height;

type Map = BTreeMap<Box<[u8]>, LeafRecord>;

/// Leaves by key.
#[derive(Default)]
pub(crate) struct Leaves(Mutex<Map>);

impl Leaves {
    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, changes: &[LeafChange]) {
        let mut map = self.map();
        for change in changes {
            match &change.record {
                Some(record) => map.insert(change.key.clone(), record.clone()),
                None => map.remove(&change.key),
            };
        }
    }

    /// Returns a state of which everything is in memory.
    pub(crate) fn whole(&self) -> State {
        State::restore(self.map().iter().map(|(key, record)| (key.to_vec(), record.clone())))
    }

    /// Returns a state of which little is in memory.
    pub(crate) fn cached(self: &Arc<Self>, leaves_max: usize) -> State {
        let leaves = Arc::clone(self);
        State::open(Cache { backing: leaves, leaves_max }, &Sequential).expect("what is in memory can be read")
    }
}

/// Returns up to which block a role is told that the disk has everything: often less than it has.
pub(crate) fn told(head: Height) -> Height {
    Height(head.0 - head.0 % 3)
}

impl Backing for Leaves {
    fn count(&self) -> Result<u64, Fault> {
        Ok(self.map().len().try_into()?)
    }

    fn leaf(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault> {
        Ok(self.map().get(key).cloned())
    }

    fn leaves(&self, from: &[u8], count: usize) -> Result<Vec<KeyedLeaf>, Fault> {
        let map = self.map();
        let found = map.range::<[u8], _>((Bound::Included(from), Bound::Unbounded)).take(count);
        Ok(found.map(|(key, record)| (key.clone(), record.clone())).collect())
    }

    fn terminals(&self, span: &RangeInclusive<[u8; 32]>, count: usize) -> Result<Vec<Terminal>, Fault> {
        let map = self.map();
        let within = map.values().filter(|record| span.contains(&record.path.to_be_bytes()));
        let mut found: Vec<_> =
            within.map(|record| Terminal { path: record.path, value: record.value_digest }).collect();
        found.sort_unstable_by_key(|leaf| leaf.path);
        found.truncate(count);
        Ok(found)
    }
}
