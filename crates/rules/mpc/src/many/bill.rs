//! What plans cost any number of parties.

use vm::plan::{Parties, Plan};

/// The most parties there are.
const MOST: usize = 7;

/// What a run costs, added up plan by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    parties: Parties,
    pub(crate) rounds: usize,
    bytes: [usize; MOST],
}

impl Bill {
    pub(crate) fn new(parties: Parties) -> Self {
        Self { parties, rounds: 0, bytes: [0; MOST] }
    }

    /// Returns how many bytes each party sends.
    pub(crate) fn bytes(&self) -> Vec<usize> {
        self.bytes[..self.parties.count()].to_vec()
    }

    /// Adds a plan.
    pub(crate) fn plan(&mut self, plan: &Plan) {
        for round in plan.rounds.iter().filter(|round| !round.talk.is_empty()) {
            self.rounds += 1;
            for (party, bytes) in self.bytes.iter_mut().enumerate().take(self.parties.count()) {
                let each = round.talk.iter().map(|step| step.what.bytes_to_each(self.parties, party));
                *bytes += each.sum::<usize>() * self.parties.curious();
            }
        }
    }

    /// Returns the larger of each figure.
    pub(crate) fn dearer(self, other: Self) -> Self {
        let bytes = std::array::from_fn(|party| self.bytes[party].max(other.bytes[party]));
        Self { rounds: self.rounds.max(other.rounds), bytes, ..self }
    }

    /// Returns the bill after as many turns more as the one since an earlier bill.
    pub(crate) fn again(self, before: &Self, turns: u64) -> Option<Self> {
        let turns = usize::try_from(turns).ok()?;
        let more = |now: usize, then: usize| now.checked_add((now - then).checked_mul(turns)?);
        let mut after = Self { rounds: more(self.rounds, before.rounds)?, ..self };
        for (now, then) in after.bytes.iter_mut().zip(before.bytes) {
            *now = more(*now, then)?;
        }
        Some(after)
    }
}
