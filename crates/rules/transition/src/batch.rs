//! Batches: what settles on L1.

use crate::block::{Block, Entry};
use crate::diff;
use crate::receipt::{Event, Receipt};
use crypto::list;
use ledger::Withdrawal;
use proof::BatchHeader;
use types::{Bytes32, Digest, Height, record};

record! {
    /// A sealed batch.
    pub struct Batch {
        /// What L1 settles.
        pub header: BatchHeader,
        /// Its first block.
        pub first: Height,
        /// Its last block.
        pub last: Height,
        /// Its withdrawals, in order.
        pub withdrawals: Vec<Withdrawal>,
    }
}

/// What a batch is sealed from.
pub struct BatchInput<'a> {
    /// The digest of the chain's configuration.
    pub config_hash: Digest,
    /// The header of the batch before; `None` for the first.
    pub parent: Option<&'a BatchHeader>,
    /// The state root before the first batch.
    pub genesis_root: Digest,
    /// The blocks, in order.
    pub blocks: &'a [Block],
    /// The receipts of all blocks, in order.
    pub receipts: &'a [Receipt],
    /// The state difference as L1 is given it; `None` when it stays with the committee.
    pub diff: Option<&'a [u8]>,
}

/// Seals blocks into a batch. Pure: whoever has the same blocks gets the same batch.
///
/// # Panics
/// When there is no block: an empty batch says nothing.
pub fn seal(input: &BatchInput<'_>) -> Batch {
    let (first, last) = input.blocks.first().zip(input.blocks.last()).expect("a batch has a block");
    let withdrawals: Vec<Withdrawal> = withdrawals(input.receipts).cloned().collect();
    let (inbox_count, inbox_hash) = inbox_after(input);
    let header = BatchHeader {
        config_hash: input.config_hash,
        number: input.parent.map_or(1, |parent| parent.number + 1),
        parent_root: input.parent.map_or(input.genesis_root, |parent| parent.state_root),
        state_root: last.header.state_root,
        inbox_count,
        inbox_hash,
        withdrawals_root: list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>()),
        data_root: list::root(&input.blocks.iter().map(|block| block.header.hash()).collect::<Vec<_>>()),
        diff_hash: input.diff.map_or(Bytes32::ZERO, diff::hash),
    };
    Batch { header, first: first.header.height, last: last.header.height, withdrawals }
}

/// Advances the inbox over the messages that the blocks take, by the same rule as the ledger: in order or not at all.
fn inbox_after(input: &BatchInput<'_>) -> (u64, Bytes32) {
    let start = input.parent.map_or((0, Bytes32::ZERO), |parent| (parent.inbox_count, parent.inbox_hash));
    let entries = input.blocks.iter().flat_map(|block| &block.entries);
    entries.fold(start, |(count, hash), entry| match entry {
        Entry::Message(message) if message.index() == count => (count + 1, message.hash_after(&hash)),
        _ => (count, hash),
    })
}

/// Returns what receipts tell of withdrawals, in order.
pub(crate) fn withdrawals(receipts: &[Receipt]) -> impl Iterator<Item = &Withdrawal> {
    let events = receipts.iter().flat_map(|receipt| &receipt.events);
    events.filter_map(|event| match event {
        Event::Withdrawn(withdrawal) => Some(withdrawal),
        _ => None,
    })
}
