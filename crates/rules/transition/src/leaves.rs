//! How a batch is cut into the leaves that are proven one by one, and how much a batch may hold so that it can settle by its
//! proof.
//!
//! Whoever cuts a sealed batch and whoever decides when to seal count by the same weights. A leaf's tables have a bounded
//! height, and grow with its entries by at most [`ROWS`] for each unit of weight.

use crate::block::Entry;
use crate::receipt::{Event, Receipt};
use crate::transaction::{Action, Transaction};
use ledger::Message;
use ledger::tally::Resolver;
use proof::evidence::Contents;
use proof::validity::LOG_HEIGHT_MAX;
use types::{Decode as _, limits};

/// So many bytes of an entry weigh as much as a transfer.
const WEIGHT_BYTES: usize = 512;
/// What a rule weighs that is a program of the circuit's machine, and not a table: a run has thousands of rows.
const WEIGHT_RUN: usize = 16;
/// Rows that no table has more of for a unit of weight.
pub const ROWS: usize = (1 << LOG_HEIGHT_MAX) / limits::LEAF_WEIGHT;

/// What it takes to prove one entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    units: usize,
    messages: usize,
    actions: usize,
    withdrawals: usize,
}

impl Weight {
    /// Returns what an entry takes at most.
    pub fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Message(message) => Self::of_message(message),
            // Only sound transactions are proven, so what others weigh does not matter.
            Entry::Transaction(bytes) => match Transaction::from_bytes(bytes) {
                Ok(transaction) => Self::of_action(&transaction.action, bytes.len()),
                Err(_) => Self { units: WEIGHT_RUN, ..Self::default() },
            },
        }
    }

    /// Returns what a message of the inbox takes at most.
    pub fn of_message(message: &Message) -> Self {
        let one = Self { units: 1, messages: 1, ..Self::default() };
        match message {
            Message::Deposit(_) => one,
            Message::Withdrawal(_) => Self { withdrawals: 1, ..one },
            Message::Action(_) => Self { actions: 1, ..one },
        }
    }

    /// Returns what an action in a transaction of so many bytes takes at most.
    pub fn of_action(action: &Action, bytes: usize) -> Self {
        let units = bytes.div_ceil(WEIGHT_BYTES).max(1) + units(action);
        Self { units, withdrawals: usize::from(matches!(action, Action::Withdraw(_))), ..Self::default() }
    }

    /// Returns how many units it weighs. A transfer is one.
    pub fn units(&self) -> usize {
        self.units
    }
}

/// Returns what an action weighs beside its bytes.
fn units(action: &Action) -> usize {
    match action {
        Action::Transfer(_)
        | Action::Withdraw(_)
        | Action::Rekey(_)
        | Action::Authorise(_)
        | Action::Revoke(_)
        | Action::Merge(_)
        | Action::Reclaim(_)
        | Action::Redeem(_) => 0,
        Action::Split(tx) if matches!(tx.terms.resolver, Resolver::Account(_)) => 0,
        Action::Resolve(tx) if tx.endorsements.is_empty() => 0,
        // Each of those that sign besides is a signature more.
        Action::Resolve(tx) => WEIGHT_RUN + tx.endorsements.len(),
        Action::Decide(tx) => WEIGHT_RUN + tx.signatures.len(),
        Action::Split(_)
        | Action::Publish(_)
        | Action::MakeOffer(_)
        | Action::Retire(_)
        | Action::Submit(_)
        | Action::Assign(_)
        | Action::Commit(_)
        | Action::Deliver(_)
        | Action::Refund(_) => WEIGHT_RUN,
    }
}

/// What a batch holds, as far as its proof goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// The weight of the last leaf.
    held: usize,
    contents: Contents,
}

impl Load {
    /// Adds an entry, and says whether it begins a leaf.
    pub fn push(&mut self, weight: Weight) -> bool {
        let Weight { units, messages, actions, withdrawals } = weight;
        let begins = self.held == 0 || self.held + units > limits::LEAF_WEIGHT;
        self.held = if begins { units } else { self.held + units };
        self.contents.leaves += usize::from(begins);
        self.contents.messages += messages;
        self.contents.actions += actions;
        self.contents.withdrawals += withdrawals;
        begins
    }

    /// Adds entries with what became of them.
    pub fn extend(&mut self, entries: &[Entry], receipts: &[Receipt]) {
        for (entry, receipt) in entries.iter().zip(receipts) {
            let made = receipt.events.iter().filter(|event| matches!(event, Event::Withdrawn(_)));
            self.push(Weight { withdrawals: made.count(), ..Weight::of(entry) });
        }
    }

    /// Says whether nothing was added.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what the batch's evidence lists. A batch without entries has one leaf.
    pub fn contents(&self) -> Contents {
        Contents { leaves: self.contents.leaves.max(1), ..self.contents }
    }

    /// Says whether a batch with this can settle by its proof, of so many leaves, attested by so many bytes.
    pub fn fits(&self, leaves: usize, attestation: usize) -> bool {
        let contents = self.contents();
        contents.leaves <= leaves.min(limits::BATCH_LEAVES) && contents.bytes(attestation) <= limits::EVIDENCE_BYTES
    }
}
