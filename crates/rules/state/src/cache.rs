//! A state that is larger than memory: what it reads from, and what of it is kept.
//!
//! A backing holds all leaves, by key and by path, as they were at some block. The state holds what was written since,
//! and beyond that what was written last, up to a bound. Of the tree it holds the top, and the ways to what was written
//! last; every other subtree is closed, that is, known by its digest, and is read back when a way leads into it.
//!
//! Setting: the backing is the owner's own disk. It may be ahead of what the state was last told, as long as that is part
//! of what the state was given; it must never lack what it was said to hold. A subtree that is read back is hashed and
//! compared with its digest, so that a disk that forgets stops the process and no wrong root comes of it.

use crate::leaf::{LeafRecord, MapKey};
use crate::path::Terminal;
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use types::{Digest, Height};

/// Why a backing could not be read.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A leaf with its key: its kind's number and the key's canonical bytes.
pub type KeyedLeaf = (Box<[u8]>, LeafRecord);

/// All leaves, where a [`crate::State`] with a bounded cache reads them.
pub trait Backing: Send + Sync {
    /// Returns how many leaves there are.
    fn count(&self) -> Result<u64, Fault>;

    /// Returns a leaf, by its kind's number and its key's canonical bytes.
    fn leaf(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault>;

    /// Returns at most `count` leaves in key order, from the first whose key is `from` or comes after it.
    fn leaves(&self, from: &[u8], count: usize) -> Result<Vec<KeyedLeaf>, Fault>;

    /// Returns where at most `count` leaves stand and what they hold, in path order: the first whose paths' big-endian
    /// bytes lie within `span`.
    fn terminals(&self, span: &RangeInclusive<[u8; 32]>, count: usize) -> Result<Vec<Terminal>, Fault>;
}

/// How a state is cached: see [`crate::State::open`].
#[derive(Clone)]
pub struct Cache {
    /// Where the leaves are.
    pub backing: Arc<dyn Backing>,
    /// How many leaves are kept in memory beside those that the backing may lack. For each there may be a way of the tree,
    /// so that it takes up to 2 KiB.
    pub leaves_max: usize,
}

/// How many leaves a page has on average, at least; twice as many at most. To open one takes three hashes for each of them,
/// and for each page there are some hundred bytes in memory. Fewer in tests, so that small trees have pages.
const PAGE_LEAVES: usize = if cfg!(test) { 2 } else { 16 };
/// How many ways into one page are counted at most: with so many they share most of their nodes.
const PAGE_WAYS: usize = 16;
/// Paths of this many bits name a page at most.
const PAGE_DEPTH_MAX: usize = 48;
/// Leaves that are read at once when a state is opened.
pub(crate) const OPENED_TOGETHER: usize = if cfg!(test) { 5 } else { 16_384 };

/// What a backing gave, or the end: without its leaves a state has no answer, and none is better than a wrong one.
pub(crate) fn read<T>(found: Result<T, Fault>) -> T {
    match found {
        Ok(found) => found,
        Err(error) => panic!("the state cannot be read back: {error}"),
    }
}

/// A node's place in the tree: the bits that lead to it.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    bytes: [u8; 32],
    depth: usize,
}

impl Way {
    /// The way to the root.
    pub(crate) const TOP: Self = Self { bytes: [0; 32], depth: 0 };

    /// The way to the node at a depth above a path.
    pub(crate) fn above(path: &Digest, depth: usize) -> Self {
        Self { bytes: path.to_be_bytes(), depth }
    }

    /// The way to the other child of the same node.
    pub(crate) fn beside(mut self) -> Self {
        let last = self.depth - 1;
        self.bytes[last / 8] ^= 0x80 >> (last % 8);
        self
    }

    /// Returns all bytes that begin with the way's bits.
    fn span(&self) -> RangeInclusive<[u8; 32]> {
        let (mut first, mut last) = (self.bytes, self.bytes);
        for (at, (low, high)) in first.iter_mut().zip(&mut last).enumerate() {
            let kept = self.depth.saturating_sub(at * 8).min(8);
            let free = 0xff_u8.checked_shr(u32::try_from(kept).expect("eight at most")).unwrap_or(0);
            (*low, *high) = (*low & !free, *high | free);
        }
        first..=last
    }

    /// Reads the leaves below.
    pub(crate) fn terminals(&self, backing: &dyn Backing) -> Vec<Terminal> {
        read(backing.terminals(&self.span(), usize::MAX))
    }
}

/// A page: a subtree at the page depth, by the bits that lead to it and zeros.
pub(crate) type Page = u64;

fn page_of(path: &Digest, depth: usize) -> Page {
    let rest = u64::MAX.checked_shr(u32::try_from(depth).expect("a depth is small")).unwrap_or(0);
    path.limbs()[0] & !rest
}

#[derive(Clone, Copy)]
struct Opened {
    /// When something in it was written last.
    stamp: u64,
    ways: usize,
}

/// What is in memory beside the top of the tree, in the order in which it was written.
pub(crate) struct Recent {
    cache: Cache,
    /// Counts the calls of [`Recent::settle`]: what is written between two of them has one stamp.
    now: u64,
    /// Up to which stamp the blocks go that the backing may lack.
    blocks: VecDeque<(Height, u64)>,
    /// Up to which stamp the backing has everything.
    stored: u64,
    leaves: VecDeque<(u64, MapKey)>,
    pages: BTreeMap<Page, Opened>,
    pages_written: VecDeque<(u64, Page)>,
    ways: usize,
    depth: usize,
}

impl Recent {
    /// Starts with nothing in memory.
    pub(crate) fn new(cache: Cache, count: usize) -> Self {
        Self {
            cache,
            now: 1,
            blocks: VecDeque::new(),
            stored: 0,
            leaves: VecDeque::new(),
            pages: BTreeMap::new(),
            pages_written: VecDeque::new(),
            ways: 0,
            depth: page_depth(count),
        }
    }

    pub(crate) fn backing(&self) -> &dyn Backing {
        &*self.cache.backing
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns how many pages are open.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    pub(crate) fn page(&self, path: &Digest) -> Page {
        page_of(path, self.depth)
    }

    pub(crate) fn note_leaf(&mut self, key: MapKey) {
        self.leaves.push_back((self.now, key));
    }

    pub(crate) fn note_way(&mut self, path: &Digest) {
        let page = self.page(path);
        let opened = self.pages.entry(page).or_insert(Opened { stamp: 0, ways: 0 });
        if opened.stamp != self.now {
            opened.stamp = self.now;
            self.pages_written.push_back((self.now, page));
        }
        if opened.ways < PAGE_WAYS {
            opened.ways += 1;
            self.ways += 1;
        }
    }

    /// Takes what was written since the last call for that of the blocks up to `head`, and what the blocks up to `stored`
    /// wrote for what the backing holds.
    pub(crate) fn settle(&mut self, head: Height, stored: Height) {
        self.blocks.push_back((head, self.now));
        self.now += 1;
        while let Some((_, stamp)) = self.blocks.pop_front_if(|(height, _)| *height <= stored) {
            self.stored = stamp;
        }
    }

    /// Returns the next leaf to forget while there are more than may be, with its stamp. It may have been written again.
    pub(crate) fn next_leaf(&mut self, count: usize) -> Option<(u64, MapKey)> {
        let (excess, stored) = (count > self.cache.leaves_max, self.stored);
        self.leaves.pop_front_if(|(stamp, _)| excess && *stamp <= stored)
    }

    /// Drops what is noted of leaves that were written again, once that is the larger part.
    pub(crate) fn tidy_leaves(&mut self, count: usize, is_current: impl Fn(u64, &MapKey) -> bool) {
        if self.leaves.len() / 2 > count {
            self.leaves.retain(|(stamp, key)| is_current(*stamp, key));
        }
    }

    /// Returns the next page to close while more ways are open than may be.
    pub(crate) fn next_page(&mut self) -> Option<Page> {
        if self.pages_written.len() / 2 > self.pages.len() {
            let pages = &self.pages;
            self.pages_written.retain(|(stamp, page)| pages.get(page).is_some_and(|opened| opened.stamp == *stamp));
        }
        while self.ways > self.cache.leaves_max {
            let stored = self.stored;
            let (stamp, page) = self.pages_written.pop_front_if(|(stamp, _)| *stamp <= stored)?;
            if let Some(opened) = self.pages.get(&page).copied().filter(|opened| opened.stamp == stamp) {
                self.pages.remove(&page);
                self.ways -= opened.ways;
                return Some(page);
            }
        }
        None
    }

    /// Divides the pages when the state has grown, so that they stay small.
    pub(crate) fn divide_pages(&mut self, count: usize) {
        while self.depth < page_depth(count) {
            let other = |page: Page| page | 1 << (63 - self.depth);
            self.pages_written =
                self.pages_written.iter().flat_map(|(stamp, page)| [(*stamp, *page), (*stamp, other(*page))]).collect();
            self.pages =
                self.pages.iter().flat_map(|(page, opened)| [(*page, *opened), (other(*page), *opened)]).collect();
            self.ways *= 2;
            self.depth += 1;
        }
    }
}

/// Returns how deep pages begin in a state of so many leaves. Paths are digests, so all of one depth are about as large.
fn page_depth(count: usize) -> usize {
    let depth = (count / PAGE_LEAVES).checked_ilog2().unwrap_or(0);
    usize::try_from(depth).expect("a logarithm is small").min(PAGE_DEPTH_MAX)
}
