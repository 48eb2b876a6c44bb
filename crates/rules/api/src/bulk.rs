//! Many transactions in one request. Bytes and not JSON, since whoever sends many cares for the cost of each.
//!
//! `POST /v1/transactions/bulk` takes the canonical bytes of a `Vec<Box<[u8]>>`, each the bytes of a transaction, and
//! answers with those of an [`Answer`].

use proof::confirmation::SignedHeader;
use transition::Status;
use types::{Height, TransactionId, choice, record};

/// Most transactions in one request.
pub const TRANSACTIONS: usize = 1_024;
/// Longest request, in bytes.
pub const BYTES: usize = 1 << 20;

record! {
    /// Where a transaction stands, without the path to it.
    pub struct Placed {
        /// The transaction.
        pub id: TransactionId,
        /// Its block.
        pub height: Height,
        /// Its place in the block.
        pub position: u32,
        /// Whether it was applied.
        pub status: Status,
    }
}

choice! {
    /// What became of one transaction of many.
    pub enum Outcome {
        /// It is in a block.
        0 => Placed(Placed),
        /// It is in no block, for the reason with this code.
        1 => Refused(u32),
        /// It is in no block, and may be when it is sent again in a moment. The number is unused and zero.
        2 => Busy(u8),
    }
}

record! {
    /// What became of all of them.
    pub struct Answer {
        /// One for each transaction, in their order.
        pub outcomes: Vec<Outcome>,
        /// Every block that one of them is in, once, in order: the sequencer can be held to them. The path from a
        /// transaction to its block is an answer of its own.
        pub blocks: Vec<SignedHeader>,
    }
}
