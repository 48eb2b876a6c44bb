//! The settler's shell.

use crate::Sabotage;
use crate::check::{Broken, Checked};
use crate::faults::Fault;
use crate::world::{L1Call, Message, Name, World};
use settler::{Effect, Input, Settler};

/// A settler that may be down.
#[derive(Default)]
pub(crate) struct Settling {
    pub(crate) core: Option<Settler>,
    sealed: u64,
    /// Counts starts, so that news for a dead process does not reach the next one.
    life: u64,
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Keep { .. } => "Keep",
        Effect::Send { .. } => "Send",
        Effect::Final { .. } => "Final",
        Effect::Reopen { .. } => "Reopen",
        Effect::Rewind { .. } => "Rewind",
        Effect::Halt(_) => "Halt",
    }
}

impl World {
    pub(crate) fn settler_start(&mut self) -> Checked {
        let (settled, last) = (self.disk.settled(), self.disk.last_batch());
        let found = (settled + 1..=last).filter_map(|number| {
            let evidence = self.disk.evidence.get(&number).cloned();
            self.disk.batch(number).map(|batch| (batch.header.clone(), evidence))
        });
        let unsettled = found.collect();
        self.settler.core = Some(Settler::restore(self.anchor.clone(), settled, unsettled));
        self.settler.sealed = last;
        self.settler.life += 1;
        Ok(())
    }

    pub(crate) fn settler_crash(&mut self) {
        self.settler.core = None;
    }

    pub(crate) fn settler_tick(&mut self) -> Checked {
        let Some(core) = &self.settler.core else { return Ok(()) };
        if self.l1.number() > core.settled() && self.faults.strikes(Fault::SettlerMissedL1) {
            self.crash(Name::Settler, "before it heard that L1 took a batch");
            return Ok(());
        }
        while let Some(batch) = self.disk.batch(self.settler.sealed + 1) {
            self.settler.sealed += 1;
            let skipped = self.sabotage == Sabotage::SettlerSkipsABatch && batch.header.number == 3;
            if let Some(core) = &mut self.settler.core
                && !skipped
            {
                core.step(self.now, Input::Sealed(batch.header.clone()));
            }
        }
        if !self.faults.strikes(Fault::L1Away)
            && let Some(header) = self.l1.settled(self.now)
        {
            let input = Input::Settled { number: header.number, state_root: header.state_root };
            self.settler_step(input)?;
        }
        self.settler_step(Input::Tick)
    }

    pub(crate) fn settler_message(&mut self, message: Message) -> Checked {
        match message {
            Message::BatchSignature { number, signer, signature } => {
                self.settler_step(Input::Signature { number, signer, signature })
            }
            Message::NotSettled { life, number } if life == self.settler.life => {
                self.settler_step(Input::Failed { number })
            }
            Message::NotSettled { .. } => Ok(()),
            _ => Err(Broken("the settler got a message that is not for it".into())),
        }
    }

    fn settler_step(&mut self, input: Input) -> Checked {
        let Some(core) = &mut self.settler.core else { return Ok(()) };
        let effects = core.step(self.now, input);
        let mut done = None;
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Settler, done, Some(name)) {
                return Ok(());
            }
            done = Some(name);
            self.settler_effect(effect)?;
        }
        self.dies(Name::Settler, done, None);
        Ok(())
    }

    fn settler_effect(&mut self, effect: Effect) -> Checked {
        match effect {
            Effect::Keep { number, evidence } => {
                self.line(&format!("the settler keeps the quorum of batch {number}"));
                self.disk.commit_evidence(number, evidence)
            }
            Effect::Send { header, evidence } => {
                self.line(&format!("the settler sends batch {}", header.number));
                let (life, number) = (self.settler.life, header.number);
                if self.faults.strikes(Fault::SendFailed) {
                    self.send_after(100, Name::Settler, Message::NotSettled { life, number });
                } else {
                    self.send_l1(L1Call::Settle { life, header, evidence });
                }
                Ok(())
            }
            Effect::Final { number } => {
                self.line(&format!("batch {number} is final"));
                self.disk.settlements.insert(number);
                Ok(())
            }
            Effect::Reopen { settled } => {
                self.disk.forget_settlements(settled);
                Err(Broken(format!("L1 dropped what was settled after batch {settled}")))
            }
            Effect::Rewind { to } => {
                let removed = self.disk.rewind(to)?;
                Err(Broken(format!("L1 dropped what {} blocks stand on", removed.len())))
            }
            Effect::Halt(why) => Err(Broken(format!("the settler stops: {why}"))),
        }
    }
}
