//! The sequencer's shell, and the routes of the gateway that read its disk.

use super::wallet::Answer;
use crate::Sabotage;
use crate::check::{Broken, Checked};
use crate::faults::Fault;
use crate::world::{L1Call, Message, Name, World};
use sequencer::core::Restored;
use sequencer::{Confirmed, Effect, Input, Policy, Sequencer};
use std::collections::BTreeMap;
use std::sync::Arc;
use transition::{Transaction, diff};
use types::{Encode as _, Height, TransactionId};

/// Most blocks in one answer of the feed.
const BLOCKS: u64 = 64;

/// A sequencer that may be down.
#[derive(Default)]
pub(crate) struct Sequencing {
    pub(crate) core: Option<Sequencer>,
    waiting: BTreeMap<u64, (Name, TransactionId)>,
    tickets: u64,
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Commit(_) => "Commit",
        Effect::Confirm { .. } => "Confirm",
        Effect::Refuse { .. } => "Refuse",
        Effect::Busy { .. } => "Busy",
        Effect::Seal { .. } => "Seal",
        Effect::Ask { .. } => "Ask",
        Effect::Halted { .. } => "Halted",
    }
}

impl World {
    pub(crate) fn sequencer_start(&mut self) -> Checked {
        self.disk.check_root()?;
        self.check.all_told(&self.disk)?;
        let (blocks, receipts) = self.disk.unsealed();
        let mut before = diff::Before::new();
        self.disk.unsealed_undo().iter().for_each(|undo| diff::note(&mut before, undo));
        let restored = Restored {
            state: self.disk.state(),
            head: self.disk.head().cloned(),
            batch: self.disk.batches.last().map(|batch| batch.header.clone()),
            blocks,
            receipts: receipts.concat(),
            before,
        };
        self.sequencer.core =
            Some(Sequencer::restore(self.config.clone(), Policy::default(), Arc::clone(&self.sequencer_key), restored));
        Ok(())
    }

    pub(crate) fn sequencer_crash(&mut self) {
        self.sequencer.core = None;
        self.sequencer.waiting.clear();
        if self.sabotage == Sabotage::DiskForgetsTheLastBlock {
            self.disk.forget_last_block();
        }
    }

    pub(crate) fn sequencer_tick(&mut self) -> Checked {
        let Some(core) = &mut self.sequencer.core else { return Ok(()) };
        let next = core.inbox_next();
        let effects = core.step(self.now, Input::Tick);
        self.sequencer_perform(effects)?;
        let messages = self.l1.inbox(self.now, next);
        if !messages.is_empty() && self.is_up(Name::Sequencer) {
            if self.faults.strikes(Fault::LateDeposit) {
                let delay = self.faults.length_ms(500, 6_000);
                self.send_after(delay, Name::Sequencer, Message::Messages(messages));
            } else {
                self.send(Name::Sequencer, Message::Messages(messages));
            }
        }
        Ok(())
    }

    pub(crate) fn sequencer_message(&mut self, message: Message) -> Checked {
        let Some(core) = &mut self.sequencer.core else { return Ok(()) };
        let input = match message {
            Message::Submit { from, transaction } => {
                self.sequencer.tickets += 1;
                let ticket = self.sequencer.tickets;
                self.sequencer.waiting.insert(ticket, (from, transaction.id(&self.chain)));
                let checked = Transaction::check(&transaction.to_bytes(), &self.chain);
                let transaction = checked.map_err(|reject| Broken(format!("a wallet signed nonsense: {reject}")))?;
                Input::Submit { ticket, transaction: Box::new(transaction) }
            }
            Message::Messages(messages) => Input::Messages(messages),
            Message::AskBlocks { member, token, from } => {
                let blocks: Vec<_> =
                    (from.0..from.0 + BLOCKS).map_while(|height| self.disk.block(Height(height)).cloned()).collect();
                self.send(Name::Member(member), Message::Blocks { token, blocks });
                return Ok(());
            }
            Message::AskBatches { member, token, from } => {
                let batches = self.batches_for(from);
                self.send(Name::Member(member), Message::Batches { token, batches });
                return Ok(());
            }
            _ => return Err(Broken("the sequencer got a message that is not for it".into())),
        };
        let effects = core.step(self.now, input);
        self.sequencer_perform(effects)
    }

    /// Lists the batches that a member has to look at: those after its last one, and those that lack their quorum.
    fn batches_for(&self, from: u64) -> Vec<transition::Batch> {
        let last = self.disk.last_batch();
        let lacks = |number: &u64| !self.disk.evidence.contains_key(number);
        let tail = last - u64::try_from((1..=last).rev().take_while(lacks).count()).unwrap_or(0);
        let shown = |number: &u64| match self.sabotage {
            Sabotage::FeedShowsTheUnsignedTail => *number > tail,
            Sabotage::FeedHidesAGap => *number >= from || *number > tail,
            _ => *number >= from || lacks(number),
        };
        let numbers: Vec<u64> = (1..=last).filter(shown).collect();
        numbers.into_iter().filter_map(|number| self.disk.batch(number).cloned()).collect()
    }

    fn sequencer_perform(&mut self, effects: Vec<Effect>) -> Checked {
        let mut done: Option<&'static str> = None;
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Sequencer, done, Some(name)) {
                return Ok(());
            }
            done = Some(name);
            self.sequencer_effect(effect)?;
        }
        self.dies(Name::Sequencer, done, None);
        Ok(())
    }

    fn sequencer_effect(&mut self, effect: Effect) -> Checked {
        match effect {
            Effect::Commit(executed) => {
                self.disk.commit_block(&executed)?;
                let header = &executed.block.header;
                self.line(&format!("block {} is stored, root {}", header.height, header.state_root));
                self.check.block(&self.chain, &executed)
            }
            Effect::Confirm { ticket, confirmed } => {
                let Confirmed { id, height, position, receipt, .. } = *confirmed;
                self.check.told(&self.disk, id, height, position, &receipt)?;
                self.sequencer_answer(ticket, Answer::Confirmed { height, position, receipt });
                Ok(())
            }
            Effect::Refuse { ticket, id, code } => {
                let answer = match self.disk.find(id) {
                    Some((height, position, receipt)) => Answer::Confirmed { height, position, receipt },
                    None => Answer::Refused(code),
                };
                self.sequencer_answer(ticket, answer);
                Ok(())
            }
            Effect::Busy { ticket } => {
                self.sequencer_answer(ticket, Answer::Busy);
                Ok(())
            }
            Effect::Ask { .. } | Effect::Halted { .. } => Ok(()),
            Effect::Seal { batch, diff } => {
                self.disk.commit_batch(&batch, diff)?;
                let number = batch.header.number;
                self.line(&format!("batch {number} of {}-{} is stored", batch.first, batch.last));
                if let Some(core) = &self.sequencer.core {
                    self.check.books(core.state(), &self.l1)?;
                }
                // Who claims before the batch has settled gets nothing.
                self.send_l1(L1Call::Claim { batch: number });
                Ok(())
            }
        }
    }

    fn sequencer_answer(&mut self, ticket: u64, answer: Answer) {
        if let Some((to, id)) = self.sequencer.waiting.remove(&ticket) {
            self.send(to, Message::Answer { id, answer });
        }
    }
}
