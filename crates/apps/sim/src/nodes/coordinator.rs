//! The coordinator's shell.

use super::wallet::Wallet;
use crate::check::Checked;
use crate::faults::Fault;
use crate::world::{Name, World};
use api::Vote;
use coordinator::{Coordinator, Effect, Input};
use std::collections::BTreeSet;
use task::{Offer, Task};

/// A coordinator that may be down.
pub(crate) struct Coordinating {
    pub(crate) core: Option<Coordinator>,
    pub(crate) wallet: Wallet,
    votes: u64,
}

impl Coordinating {
    pub(crate) fn new(wallet: Wallet) -> Self {
        Self { core: None, wallet, votes: 0 }
    }
}

impl World {
    pub(crate) fn coordinator_start(&mut self) -> Checked {
        self.coordinator.core = Some(Coordinator::new(self.chain, self.config.parameters.clone()));
        Ok(())
    }

    pub(crate) fn coordinator_crash(&mut self) {
        self.coordinator.core = None;
        self.coordinator.wallet.crash();
        if std::mem::take(&mut self.coordinator.votes) > 0 {
            self.faults.count(Fault::VotesForgotten);
        }
    }

    pub(crate) fn coordinator_vote(&mut self, vote: Box<Vote>) -> Checked {
        if let Some(core) = &mut self.coordinator.core {
            self.coordinator.votes += 1;
            core.step(Input::Vote(vote));
        }
        Ok(())
    }

    pub(crate) fn coordinator_tick(&mut self) -> Checked {
        // The loop sends one action after the other and looks at the ledger again when all are answered.
        if self.coordinator.core.is_none() || !self.coordinator.wallet.is_idle() || !self.is_readable() {
            return Ok(());
        }
        let (Some(core), Some(node)) = (&mut self.coordinator.core, &self.sequencer.core) else { return Ok(()) };
        let tasks: Vec<_> = node.state().iter::<Task>().filter(|(_, task)| task.is_open()).collect();
        let offers = node.state().iter::<Offer>().collect();
        let effects = core.step(Input::View { now: self.now, tasks, offers, private: BTreeSet::new() });
        let mut done = None;
        for Effect::Send(action) in effects {
            if self.dies(Name::Coordinator, done, Some("Send")) {
                return Ok(());
            }
            done = Some("Send");
            self.push(Name::Coordinator, action);
        }
        self.dies(Name::Coordinator, done, None);
        Ok(())
    }
}
