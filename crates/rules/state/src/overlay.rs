//! Changes on top of a state: a block's, and within it the running transaction's.

use crate::State;
use crate::leaf::{self, Leaf, LeafChange, LeafRecord};
use std::collections::BTreeMap;

type Changes = BTreeMap<Vec<u8>, Option<LeafRecord>>;

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
        let bytes = leaf::key_bytes::<L>(key);
        match self.running.get(&bytes).or_else(|| self.kept.get(&bytes)) {
            Some(record) => record.as_ref().map(leaf::decode_value::<L>),
            None => self.base.get::<L>(key),
        }
    }

    /// Returns a leaf's value as it was before the block.
    pub fn before<L: Leaf>(&self, key: &L::Key) -> Option<L::Value> {
        self.base.get::<L>(key)
    }

    /// Sets a leaf's value.
    pub fn put<L: Leaf>(&mut self, key: &L::Key, value: &L::Value) {
        self.running.insert(leaf::key_bytes::<L>(key), Some(leaf::record_of::<L>(key, value)));
    }

    /// Removes a leaf.
    pub fn remove<L: Leaf>(&mut self, key: &L::Key) {
        self.running.insert(leaf::key_bytes::<L>(key), None);
    }

    /// Keeps what the running transaction changed.
    pub fn keep(&mut self) {
        self.kept.append(&mut self.running);
    }

    /// Forgets what the running transaction changed.
    pub fn discard(&mut self) {
        self.running.clear();
    }

    /// Lists the leaves of one kind that the kept changes touch, with the value before and after.
    pub fn touched<L: Leaf>(&self) -> Vec<Touched<L>> {
        use types::Decode as _;
        let of_kind = self.kept.range(vec![L::NUMBER]..).take_while(|(key, _)| key[0] == L::NUMBER);
        of_kind
            .map(|(bytes, record)| {
                let key = L::Key::from_bytes(&bytes[1..]).expect("a key was written by its own encoder");
                let before = self.base.get::<L>(&key);
                (key, before, record.as_ref().map(leaf::decode_value::<L>))
            })
            .collect()
    }

    /// Returns the kept changes in key order, leaving out leaves that came and went within the block.
    pub fn into_changes(self) -> Vec<LeafChange> {
        let base = self.base;
        self.kept
            .into_iter()
            .filter(|(key, record)| record.as_ref() != base.leaves.get(key))
            .map(|(key, record)| LeafChange { key: key.into_boxed_slice(), record })
            .collect()
    }
}
