//! The tail: the blocks that the journal holds and the tables do not, yet.

use crate::Error;
use crate::tables::{self, ENTRIES, LEAVES, Place, RECEIPTS, number_key};
use proof::BlockHeader;
use state::LeafChange;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use transition::{Block, Executed, Receipt};
use types::{Bytes32, Decode as _, Digest, Encode as _, Height, record};

record! {
    /// A block as the journal holds it. Each part is in its canonical encoding, and goes into its table as it is.
    pub struct Parts {
        /// The header.
        pub header: BlockHeader,
        /// The entries.
        pub entries: Box<[u8]>,
        /// The receipts.
        pub receipts: Box<[u8]>,
        /// The changed leaves.
        pub changes: Box<[u8]>,
    }
}

/// A block of the tail.
pub(crate) struct Kept {
    pub(crate) parts: Parts,
    /// The header's hash: what the next block names as its parent.
    pub(crate) hash: Bytes32,
    /// The places of its entries, with their ids.
    pub(crate) places: Vec<(Digest, Place)>,
    /// How much memory and journal it takes, about.
    pub(crate) bytes: usize,
}

impl Kept {
    pub(crate) fn of(executed: &Executed) -> Self {
        let Executed { block, receipts, changes, entry_leaves: _, undo: _ } = executed;
        let parts = Parts {
            header: block.header.clone(),
            entries: block.entries.to_bytes().into(),
            receipts: receipts.to_bytes().into(),
            changes: changes.to_bytes().into(),
        };
        Self::new(parts, receipts)
    }

    /// Reads a block back from the journal, unless its bytes are not a block's.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let parts = Parts::from_bytes(payload).ok()?;
        let receipts = Vec::from_bytes(&parts.receipts).ok()?;
        Some(Self::new(parts, &receipts))
    }

    fn new(parts: Parts, receipts: &[Receipt]) -> Self {
        let height = parts.header.height;
        let place = |(receipt, position): (&Receipt, u32)| {
            (receipt.id, Place { height, position, acted: tables::has_acted(receipt) })
        };
        let places: Vec<_> = receipts.iter().zip(0u32..).map(place).collect();
        let bytes = parts.entries.len() + parts.receipts.len() + parts.changes.len() + 64 * places.len() + 256;
        Self { hash: parts.header.hash(), parts, places, bytes }
    }

    pub(crate) fn height(&self) -> Height {
        self.parts.header.height
    }

    pub(crate) fn block(&self) -> Result<Block, Error> {
        let entries = tables::decode(ENTRIES, &number_key(self.height().0), &self.parts.entries)?;
        Ok(Block { header: self.parts.header.clone(), entries })
    }

    pub(crate) fn receipts(&self) -> Result<Vec<Receipt>, Error> {
        tables::decode(RECEIPTS, &number_key(self.height().0), &self.parts.receipts)
    }

    pub(crate) fn changes(&self) -> Result<Vec<LeafChange>, Error> {
        tables::decode(LEAVES, &number_key(self.height().0), &self.parts.changes)
    }
}

/// How much the store lets wait, and how much it moves at a time.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// From which length on the journal begins another file.
    pub(crate) segment_bytes: u64,
    /// The tail is moved when it has so many bytes, and about so many at a time.
    pub(crate) group_bytes: usize,
    /// The same in blocks.
    pub(crate) group_blocks: usize,
    /// The tail is moved when its first block waited so long.
    pub(crate) group_age: Duration,
    /// Whoever adds a block waits while the tail has more bytes.
    pub(crate) tail_bytes: usize,
    /// The same in blocks.
    pub(crate) tail_blocks: usize,
    /// Whether a thread moves the tail. Without one, whoever finds the tail full moves it.
    pub(crate) background: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            // A transaction of the tables keeps other writers out; this much takes it a few tens of milliseconds.
            group_bytes: 4 << 20,
            group_blocks: 256,
            group_age: Duration::from_millis(500),
            tail_bytes: 256 << 20,
            tail_blocks: 4_096,
            background: true,
        }
    }
}

/// The blocks behind the tables' last one, and the head that they lead to.
#[derive(Default)]
pub(crate) struct Tail {
    blocks: VecDeque<Arc<Kept>>,
    places: HashMap<Digest, Place>,
    bytes: usize,
    /// When its first block came, or the last group was moved.
    since: Option<Instant>,
    /// The chain's last block, be it here or in the tables.
    head: Option<(BlockHeader, Bytes32)>,
    /// Set when the last handle is gone.
    pub(crate) stop: bool,
    /// Set when the thread that moves the tail has ended.
    pub(crate) ended: bool,
    /// Why it ended, if it failed.
    pub(crate) failure: Option<Arc<Error>>,
}

impl Tail {
    /// Starts behind the tables' last block.
    pub(crate) fn new(head: Option<BlockHeader>) -> Self {
        Self { head: head.map(with_hash), ..Self::default() }
    }

    pub(crate) fn head(&self) -> Option<&BlockHeader> {
        self.head.as_ref().map(|(header, _)| header)
    }

    /// Returns the height of the head; 0 before the first block.
    pub(crate) fn height(&self) -> Height {
        self.head().map_or(Height(0), |header| header.height)
    }

    /// Returns the height of the block behind which the tail begins.
    pub(crate) fn stored(&self) -> Height {
        let before = |kept: &Arc<Kept>| Height(kept.height().0 - 1);
        self.blocks.front().map_or_else(|| self.height(), before)
    }

    pub(crate) fn check_next(&self, header: &BlockHeader) -> Result<(), Error> {
        let next = self.height().next();
        let parent = self.head.as_ref().map_or(Bytes32::ZERO, |(_, hash)| *hash);
        if header.height == next && header.parent == parent {
            return Ok(());
        }
        Err(Error::Order { what: "block", number: header.height.0, next: next.0 })
    }

    /// Adds the next block.
    pub(crate) fn push(&mut self, kept: Kept) {
        for (id, place) in &kept.places {
            if place.replaces(self.places.get(id)) {
                self.places.insert(*id, place.clone());
            }
        }
        self.bytes += kept.bytes;
        self.since.get_or_insert_with(Instant::now);
        self.head = Some((kept.parts.header.clone(), kept.hash));
        self.blocks.push_back(Arc::new(kept));
    }

    pub(crate) fn at(&self, height: Height) -> Option<Arc<Kept>> {
        let first = self.blocks.front()?.height();
        let position = usize::try_from(height.0.checked_sub(first.0)?).ok()?;
        self.blocks.get(position).cloned()
    }

    pub(crate) fn place(&self, id: &Digest) -> Option<Place> {
        self.places.get(id).cloned()
    }

    pub(crate) fn blocks(&self) -> Vec<Arc<Kept>> {
        self.blocks.iter().cloned().collect()
    }

    /// Returns the oldest blocks, as many as are moved at a time.
    pub(crate) fn group(&self, bounds: &Bounds) -> Vec<Arc<Kept>> {
        let mut bytes = 0;
        let fits = |kept: &&Arc<Kept>| {
            let fits = bytes < bounds.group_bytes;
            bytes += kept.bytes;
            fits
        };
        self.blocks.iter().take(bounds.group_blocks).take_while(fits).cloned().collect()
    }

    /// Lets go of the blocks up to a height: the tables hold them.
    pub(crate) fn drop_to(&mut self, stored: Height) {
        while let Some(kept) = self.blocks.pop_front_if(|kept| kept.height() <= stored) {
            self.bytes -= kept.bytes;
            for (id, _) in &kept.places {
                if self.places.get(id).is_some_and(|place| place.height <= stored) {
                    self.places.remove(id);
                }
            }
        }
        self.since = self.blocks.front().map(|_| Instant::now());
    }

    /// Starts over behind another block of the tables: the chain was taken back to it.
    pub(crate) fn rewind(&mut self, head: Option<BlockHeader>) {
        assert!(self.blocks.is_empty(), "only what the tables hold can be taken back");
        self.head = head.map(with_hash);
    }

    pub(crate) fn is_full(&self, bounds: &Bounds) -> bool {
        self.bytes > bounds.tail_bytes || self.blocks.len() > bounds.tail_blocks
    }

    /// Returns how long the tail may wait before its oldest blocks are moved; `None` when there are none.
    pub(crate) fn wait(&self, bounds: &Bounds) -> Option<Duration> {
        if self.bytes >= bounds.group_bytes || self.blocks.len() >= bounds.group_blocks {
            return Some(Duration::ZERO);
        }
        self.since.map(|since| bounds.group_age.saturating_sub(since.elapsed()))
    }
}

fn with_hash(header: BlockHeader) -> (BlockHeader, Bytes32) {
    let hash = header.hash();
    (header, hash)
}
