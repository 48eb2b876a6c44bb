//! Changes on top of a state: a block's, and within it the running transaction's.

use crate::State;
use crate::leaf::{self, Kind, Leaf, LeafChange, LeafRecord, MapKey};
use crypto::{Domain, poseidon};
use std::collections::BTreeMap;
use types::Encode as _;

/// A leaf's new bytes, or its removal. Hashed only when the block is done: what is written again before costs nothing.
struct Change {
    kind: Kind,
    value: Option<Box<[u8]>>,
}

type Changes = BTreeMap<MapKey, Change>;

/// A leaf that changed: its key, its value before the block and after it.
pub type Touched<L> = (<L as Leaf>::Key, Option<<L as Leaf>::Value>, Option<<L as Leaf>::Value>);

/// Reads through to the state; writes only to itself until [`State::apply`].
pub struct Overlay<'a> {
    base: &'a State,
    kept: Changes,
    running: Changes,
}

impl<'a> Overlay<'a> {
    /// Starts with no change.
    pub fn new(base: &'a State) -> Self {
        Self { base, kept: Changes::new(), running: Changes::new() }
    }

    /// Returns a leaf's value as the running transaction sees it.
    pub fn get<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        let key = MapKey::of::<L>(key);
        match self.running.get(&key).or_else(|| self.kept.get(&key)) {
            Some(change) => change.value.as_deref().map(leaf::decode_value::<L>),
            None => self.base.stored(&key).map(|record| leaf::decode_value::<L>(&record.value)),
        }
    }

    /// Returns a leaf's value as it was before the block.
    pub fn before<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        self.base.get::<L>(key)
    }

    /// Sets a leaf's value.
    pub fn put<L: Leaf>(&mut self, key: &L::Key, value: &L::Value) {
        let value = Some(value.to_bytes().into_boxed_slice());
        self.running.insert(MapKey::of::<L>(key), Change { kind: Kind::of::<L>(), value });
    }

    /// Removes a leaf.
    pub fn remove<L: Leaf>(&mut self, key: &L::Key) {
        self.running.insert(MapKey::of::<L>(key), Change { kind: Kind::of::<L>(), value: None });
    }

    /// Keeps what the running transaction changed.
    pub fn keep(&mut self) {
        // Key by key: to append whole maps would go through all that the block has kept so far.
        while let Some((key, change)) = self.running.pop_first() {
            self.kept.insert(key, change);
        }
    }

    /// Forgets what the running transaction changed.
    pub fn discard(&mut self) {
        self.running.clear();
    }

    /// Lists the leaves of one kind that the kept changes touch, with the value before and after.
    pub fn touched<L: Leaf>(&self) -> Vec<Touched<L>> {
        let of_kind = self.kept.range(MapKey::before::<L>(&[])..).take_while(|(key, _)| key.is_of::<L>());
        of_kind
            .map(|(key, change)| {
                let before = self.base.stored(key).map(|record| leaf::decode_value::<L>(&record.value));
                (leaf::decode_key::<L>(key.bytes()), before, change.value.as_deref().map(leaf::decode_value::<L>))
            })
            .collect()
    }

    /// Returns the kept changes in key order, leaving out leaves that came and went within the block.
    pub fn into_changes(self) -> Vec<LeafChange> {
        let base = self.base;
        let (mut changed, mut inputs) = (Vec::new(), Vec::new());
        for (key, Change { kind, value }) in self.kept {
            let stored = base.stored(&key);
            // The encoding is canonical, so the same bytes are the same value.
            if value.as_ref() == stored.as_ref().map(|stored| &stored.value) {
                continue;
            }
            let path = stored.map(|stored| stored.path);
            if let Some(value) = &value {
                inputs.push((Domain::Value, (kind.value)(value)));
                if path.is_none() {
                    inputs.push((Domain::Key, (kind.path)(key.bytes())));
                }
            }
            changed.push((key, path, value));
        }
        let mut digests = poseidon::hash_all(&inputs).into_iter();
        let mut next = || digests.next().expect("a digest for each input");
        let changes = changed.into_iter().map(|(key, path, value)| {
            let record = value.map(|value| {
                let value_digest = next();
                let path = path.unwrap_or_else(&mut next);
                LeafRecord { path, value_digest, value }
            });
            LeafChange { key: key.into_bytes(), record }
        });
        changes.collect()
    }
}
