//! Leaves in key order: those in memory, and between them those that only the backing holds.

use crate::Held;
use crate::cache::{Backing, KeyedLeaf, read};
use crate::leaf::{LeafRecord, MapKey};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::btree_map::Range;
use std::iter::Peekable;

/// Leaves that are read from the backing at first, and each time twice as many, up to [`READ_MOST`].
const READ_FIRST: usize = 16;
const READ_MOST: usize = 1_024;

pub(crate) struct Records<'a> {
    held: Peekable<Range<'a, MapKey, Held>>,
    stored: Option<Peekable<Stored<'a>>>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(backing: Option<&'a dyn Backing>, first: Box<[u8]>, held: Range<'a, MapKey, Held>) -> Self {
        let stored = |backing| Stored { backing, from: Some(first), count: READ_FIRST, read: Vec::new().into_iter() };
        Self { held: held.peekable(), stored: backing.map(|backing| stored(backing).peekable()) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (Cow<'a, [u8]>, Cow<'a, LeafRecord>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.held.peek(), self.stored.as_mut().and_then(Peekable::peek)) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((held, _)), Some((stored, _))) => held.bytes().cmp(stored),
            };
            if order != Ordering::Less {
                let (key, record) = self.stored.as_mut().and_then(Iterator::next)?;
                if order == Ordering::Greater {
                    return Some((Cow::Owned(key.into()), Cow::Owned(record)));
                }
            }
            // What is in memory is as new as what is stored, or newer.
            let (key, held) = self.held.next()?;
            if let Some(record) = &held.record {
                return Some((Cow::Borrowed(key.bytes()), Cow::Borrowed(record)));
            }
        }
    }
}

/// The backing's leaves, read some at a time.
struct Stored<'a> {
    backing: &'a dyn Backing,
    /// Where the next ones begin; `None` when there are no more.
    from: Option<Box<[u8]>>,
    count: usize,
    read: std::vec::IntoIter<KeyedLeaf>,
}

impl Iterator for Stored<'_> {
    type Item = KeyedLeaf;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.len() == 0 {
            let found = read(self.backing.leaves(&self.from.take()?, self.count));
            // The key that comes next in the order of bytes.
            let last = found.last().filter(|_| found.len() == self.count);
            self.from = last.map(|(key, _)| [key, &[0][..]].concat().into());
            self.count = (2 * self.count).min(READ_MOST);
            self.read = found.into_iter();
        }
        self.read.next()
    }
}
