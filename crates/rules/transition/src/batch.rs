//! Batches: what settles on L1.

use crate::receipt::{Event, Receipt};
use crypto::list;
use ledger::Withdrawal;
use ledger::bridge::{Cursor, CursorRecord};
use proof::{BatchHeader, BlockHeader};
use state::State;
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

/// What a batch is sealed from. The state is that after the last block.
pub struct BatchInput<'a> {
    /// The digest of the chain's configuration.
    pub config_hash: Digest,
    /// The header of the batch before; `None` for the first.
    pub parent: Option<&'a BatchHeader>,
    /// The state root before the first batch.
    pub genesis_root: Digest,
    /// The blocks' headers.
    pub blocks: &'a [BlockHeader],
    /// The receipts of all blocks, in order.
    pub receipts: &'a [Receipt],
    /// The state after the last block.
    pub state: &'a State,
}

/// Seals blocks into a batch. Pure: whoever has the same blocks gets the same batch.
///
/// # Panics
/// When there is no block: an empty batch says nothing.
pub fn seal(input: &BatchInput<'_>) -> Batch {
    let (first, last) = input.blocks.first().zip(input.blocks.last()).expect("a batch has a block");
    let withdrawals: Vec<Withdrawal> = withdrawals(input.receipts);
    let cursor = input.state.get::<Cursor>(&0);
    let cursor = cursor.unwrap_or(CursorRecord { inbox_count: 0, inbox_hash: Bytes32::ZERO, withdrawals: 0 });
    let header = BatchHeader {
        config_hash: input.config_hash,
        number: input.parent.map_or(1, |parent| parent.number + 1),
        parent_root: input.parent.map_or(input.genesis_root, |parent| parent.state_root),
        state_root: last.state_root,
        inbox_count: cursor.inbox_count,
        inbox_hash: cursor.inbox_hash,
        withdrawals_root: list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>()),
        data_root: list::root(&input.blocks.iter().map(BlockHeader::hash).collect::<Vec<_>>()),
    };
    Batch { header, first: first.height, last: last.height, withdrawals }
}

fn withdrawals(receipts: &[Receipt]) -> Vec<Withdrawal> {
    let events = receipts.iter().flat_map(|receipt| &receipt.events);
    events
        .filter_map(|event| match event {
            Event::Withdrawn(withdrawal) => Some(withdrawal.clone()),
            _ => None,
        })
        .collect()
}
