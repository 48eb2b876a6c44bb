//! Receipts: what became of an entry.

use ledger::{Deposit, Withdrawal};
use task::{Paid, Slashed};
use types::{Amount, Digest, TallyId, TaskId, choice, record};

choice! {
    /// Whether an entry was applied.
    pub enum Status {
        /// Applied. The number is unused and zero.
        0 => Applied(u8),
        /// Rejected, with the stable code of the reason.
        1 => Rejected(u32),
    }
}

record! {
    /// A task's price that went back.
    pub struct Refunded {
        /// Which task.
        pub task: TaskId,
        /// How much.
        pub amount: Amount,
    }
}

record! {
    /// Collateral that a tally paid out.
    pub struct Redeemed {
        /// Which tally.
        pub tally: TallyId,
        /// How much of its collateral.
        pub amount: Amount,
    }
}

choice! {
    /// What an entry did that somebody outside waits for.
    pub enum Event {
        /// A deposit was credited.
        0 => Deposited(Deposit),
        /// L1 will pay this once the batch has settled.
        1 => Withdrawn(Withdrawal),
        /// A task was opened.
        2 => Submitted(TaskId),
        /// A verdict paid somebody.
        3 => Paid(Paid),
        /// A verdict cut a stake.
        4 => Slashed(Slashed),
        /// A price went back.
        5 => Refunded(Refunded),
        /// A tally was split.
        6 => Split(TallyId),
        /// A tally paid for halves.
        7 => Redeemed(Redeemed),
    }
}

record! {
    /// What became of an entry.
    pub struct Receipt {
        /// The transaction's id; for an L1 message the digest of its bytes, for undecodable bytes the same.
        pub id: Digest,
        /// Whether it was applied.
        pub status: Status,
        /// What it did.
        pub events: Vec<Event>,
    }
}

impl Receipt {
    /// Says whether the entry was applied.
    pub fn is_applied(&self) -> bool {
        matches!(self.status, Status::Applied(_))
    }
}
