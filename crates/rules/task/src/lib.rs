//! The life of a task: publish, offer, submit, assign, commit, deliver, verdict, payout, slash.
//!
//! A task's price and a provider's stake are tallies of the ledger; this crate decides when they are split and who is
//! paid. The scheduler's choice and the providers' results arrive as transactions and are checked again here.

pub mod offer;
mod params;
pub mod program;
mod task;
pub mod verdict;

pub use offer::{MakeOffer, Offer, OfferRecord, Retire};
pub use params::{Parameters, Params};
pub use program::{Program, ProgramRecord, Publish};
pub use task::{
    Assign, Assignment, Commit, Considered, Deliver, Reason, Refund, Stage, Standing, Submit, Task, TaskRecord, assign,
    commit, commitment, deliver, refund, submit,
};
pub use verdict::{Decide, ResolverSignature, Verdict};

use types::{AccountId, Amount, Digest, Millis, TaskId, choice, record};

/// What a transaction runs under.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The digest of the chain's configuration.
    pub chain: Digest,
    /// The block's time.
    pub now: Millis,
    /// The transaction's digest: new things take their id from it.
    pub id: Digest,
    /// Who signed the transaction.
    pub sender: AccountId,
}

record! {
    /// A payment that a verdict made.
    pub struct Paid {
        /// For which task.
        pub task: TaskId,
        /// To whom.
        pub account: AccountId,
        /// How much of the task's asset.
        pub amount: Amount,
    }
}

record! {
    /// A stake that a verdict cut.
    pub struct Slashed {
        /// For which task.
        pub task: TaskId,
        /// Whose stake.
        pub provider: AccountId,
        /// How much the treasury got.
        pub amount: Amount,
        /// How much the provider got back.
        pub returned: Amount,
    }
}

choice! {
    /// What a receipt tells about value that a task moved.
    pub enum Moved {
        /// Somebody was paid.
        0 => Paid(Paid),
        /// A stake was cut.
        1 => Slashed(Slashed),
    }
}

types::rejects! {
    /// Why a task's step is refused. Codes 200 to 299.
    pub enum Reject {
        200 => NotCoordinator: "only the chain's coordinator may assign tasks: make an offer and wait for it to choose",
        201 => UnknownProgram: "no such program is published: publish it first",
        202 => ProgramExists: "this program is already published: use it as it is; its first publisher stays its author",
        203 => UnknownTask: "no such task: check its id",
        204 => TaskClosed: "the task is already decided or refunded: read how it ended, or submit a new one",
        205 => DeadlinePassed: "the task's deadline has passed: submit a task with a later one",
        206 => LimitTooLarge: "a limit of the task is zero or above the chain's bound: ask for less",
        207 => BadRedundancy: "the redundancy must be at least 1 and at most 3: name how many results must agree",
        210 => OfferExists: "this provider has an open offer: retire it first",
        211 => UnknownOffer: "this provider has no open offer: make one first",
        212 => StakeTooSmall: "the stake is below the chain's minimum: stake more",
        213 => OfferBusy: "the offer has open tasks: deliver them, or wait for their verdicts",
        214 => OfferUnfit: "the offer does not fit the task: choose one in its asset, at its rate or below, with its memory or more",
        220 => AlreadyAssigned: "this provider already works on the task: choose another one",
        221 => TooManyProviders: "the task has as many providers as it may have: wait for their results or for the refund",
        222 => NotAssigned: "the task is not assigned to this account: work on the tasks whose assignments name it",
        223 => WrongStage: "this step was already taken, or the one before it was not: look at the task's assignments",
        224 => TooFewCommitments: "results are revealed only when enough providers have committed: wait for them",
        225 => WrongReveal: "the result does not match the commitment: reveal exactly what was committed",
        226 => FuelOverLimit: "the result claims more fuel than the task allows: run it under the task's limit",
        230 => NoQuorum: "the verdict is not signed by a quorum: bring enough resolvers' signatures, by increasing place, each once",
        231 => WrongVerdict: "the verdict contradicts the deliveries on the ledger: read the task again and bring what they call for",
        232 => TooEarly: "the task may still be decided: refund it after its deadline and the verdict window",
    }
}

/// A refusal by this crate or by the ledger beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A task's step is refused.
    Task(Reject),
    /// A movement of value is refused.
    Ledger(ledger::Reject),
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::Task(reject)
    }
}

impl From<ledger::Reject> for Refusal {
    fn from(reject: ledger::Reject) -> Self {
        Self::Ledger(reject)
    }
}

impl From<types::Overflow> for Refusal {
    fn from(overflow: types::Overflow) -> Self {
        Self::Ledger(overflow.into())
    }
}

impl Refusal {
    /// Returns the stable number that receipts carry.
    pub fn code(self) -> u32 {
        match self {
            Self::Task(reject) => reject.code(),
            Self::Ledger(reject) => reject.code(),
        }
    }
}
