//! Questions to the operator: what shall stand in the place of a transaction that would be rejected.
//!
//! A transaction is confirmed when it is in a block, so that one which would be rejected was never promised anything. The
//! operator may still owe its sender something, and names what is to be done instead. Until then whatever the same
//! signer sent after it waits behind it; nobody else does, unless the operator would rather halt.

use crate::core::{Effect, Waiting};
use std::collections::BTreeMap;
use types::{AccountId, Millis, TransactionId};

/// What becomes of a transaction when the operator does not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTimeout {
    /// It is refused; what waited behind it is taken as if it had never come.
    Drop,
    /// No transaction is taken any more until the operator answers. L1 messages wait too; batches are still sealed.
    Halt,
    /// It is refused, and so is what waited behind it.
    Quarantine,
}

/// How the operator is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questioning {
    /// How long an answer may take.
    pub timeout: Millis,
    /// What happens then.
    pub on_timeout: OnTimeout,
}

/// How long an unanswered question waits before it is asked again.
const REPEAT: Millis = Millis(1_000);

/// A transaction that the operator was asked about.
#[derive(Debug)]
pub(crate) struct Asked {
    waiting: Waiting,
    pub code: u32,
    deadline: Millis,
    repeat: Millis,
    pub on_timeout: OnTimeout,
    told: bool,
    /// What the same signer sent after it, in order.
    pub dependents: Vec<Waiting>,
}

impl Waiting {
    pub(crate) fn refusal(&self, code: u32) -> Option<Effect> {
        self.ticket.map(|ticket| Effect::Refuse { ticket, id: self.transaction.id(), code })
    }
}

impl Asked {
    pub fn new(waiting: Waiting, code: u32, now: Millis, questioning: &Questioning) -> Self {
        let (deadline, repeat) = (now.after(questioning.timeout), now.after(REPEAT));
        let on_timeout = questioning.on_timeout;
        Self { waiting, code, deadline, repeat, on_timeout, told: false, dependents: Vec::new() }
    }

    /// Refuses the transaction and every copy of it that waits, and returns what else waited.
    pub fn parted(self) -> (Vec<Effect>, Vec<Waiting>) {
        let id = self.waiting.transaction.id();
        let (copies, others): (Vec<_>, Vec<_>) =
            self.dependents.into_iter().partition(|waiting| waiting.transaction.id() == id);
        let refused = std::iter::once(self.waiting).chain(copies);
        (refused.filter_map(|waiting| waiting.refusal(self.code)).collect(), others)
    }
}

/// All open questions, by the signer: one has at most one.
#[derive(Debug, Default)]
pub(crate) struct Questions(BTreeMap<AccountId, Asked>);

impl Questions {
    /// Returns how many transactions are in question or wait behind one.
    pub fn len(&self) -> usize {
        self.0.values().map(|asked| 1 + asked.dependents.len()).sum()
    }

    /// Lets a transaction wait behind its signer's question, or gives it back.
    pub fn defer(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        match self.0.get_mut(&waiting.transaction.signer()) {
            Some(asked) => {
                asked.dependents.push(waiting);
                Ok(())
            }
            None => Err(waiting),
        }
    }

    pub fn ask(&mut self, asked: Asked) {
        self.0.insert(asked.waiting.transaction.signer(), asked);
    }

    /// Takes out the question about a transaction.
    pub fn take(&mut self, id: TransactionId) -> Option<Asked> {
        let signer = *self.0.iter().find(|(_, asked)| asked.waiting.transaction.id() == id)?.0;
        self.0.remove(&signer)
    }

    /// Says whether a question that halts the chain has run out of time.
    pub fn halt(&self, now: Millis) -> bool {
        self.0.values().any(|asked| asked.on_timeout == OnTimeout::Halt && now >= asked.deadline)
    }

    /// Takes out the questions that have run out of time and do not halt the chain.
    pub fn overdue(&mut self, now: Millis) -> Vec<Asked> {
        let late = |asked: &Asked| asked.on_timeout != OnTimeout::Halt && now >= asked.deadline;
        let signers: Vec<AccountId> =
            self.0.iter().filter(|(_, asked)| late(asked)).map(|(signer, _)| *signer).collect();
        signers.iter().filter_map(|signer| self.0.remove(signer)).collect()
    }

    /// Asks again what was not answered, and tells once that the chain stands still.
    pub fn repeat(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        for asked in self.0.values_mut() {
            if now >= asked.repeat {
                asked.repeat = now.after(REPEAT);
                effects.push(Effect::Ask { transaction: asked.waiting.transaction.clone(), code: asked.code });
            }
            if asked.on_timeout == OnTimeout::Halt && now >= asked.deadline && !asked.told {
                asked.told = true;
                effects.push(Effect::Halted { id: asked.waiting.transaction.id() });
            }
        }
        effects
    }
}
