//! The sequencer's shell, and the routes of the gateway that read its disk.

use super::wallet::Answer;
use crate::Sabotage;
use crate::check::{Broken, Checked, Reason, ensure};
use crate::faults::Fault;
use crate::leaves::told;
use crate::world::{L1Call, Message, Name, World};
use proof::confirmation::SoftConfirmation;
use sequencer::core::Restored;
use sequencer::{Confirmed, Effect, Input, Sequencer};
use std::collections::BTreeMap;
use std::sync::Arc;
use transition::{Checked as Sound, Executed, Transaction, diff};
use types::{Bytes32, Encode as _, Height, TransactionId};

/// Most blocks in one answer of the feed.
const BLOCKS: u64 = 64;

/// How many leaves the sequencer keeps in memory: so few that it reads its disk all the time.
const CACHED_LEAVES: usize = 6;

/// How many times likelier than usual the sequencer dies while it takes its chain back: it seldom does.
const RARE: u64 = 60;

/// A sequencer that may be down.
#[derive(Default)]
pub(crate) struct Sequencing {
    pub(crate) core: Option<Sequencer>,
    waiting: BTreeMap<u64, (Name, TransactionId)>,
    tickets: u64,
    /// Up to where L1's messages were read, and the inbox's hash there.
    read: Option<(u64, Option<Bytes32>)>,
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Commit(_) => "Commit",
        Effect::Confirm { .. } => "Confirm",
        Effect::Refuse { .. } => "Refuse",
        Effect::Busy { .. } => "Busy",
        Effect::Ask { .. } => "Ask",
        Effect::Halted { .. } => "Halted",
        Effect::Seal { .. } => "Seal",
    }
}

impl World {
    pub(crate) fn sequencer_start(&mut self) -> Checked {
        if let Some(executed) = self.disk.recover()? {
            self.line(&format!("block {} was stored whole after all", executed.block.header.height));
            self.check.block(&executed)?;
        }
        self.disk.check_root()?;
        self.check.all_told(&self.disk)?;
        let mut sequencer = self.sequencer_restored();
        sequencer.requeue(self.sequencer_revoked());
        self.sequencer.core = Some(sequencer);
        Ok(())
    }

    /// Makes a sequencer of what the disk holds.
    fn sequencer_restored(&self) -> Sequencer {
        let (blocks, receipts) = self.disk.unsealed();
        let mut before = diff::Before::new();
        self.disk.unsealed_undo().iter().for_each(|undo| diff::note(&mut before, undo));
        let restored = Restored {
            state: self.disk.cached_state(Some(CACHED_LEAVES)),
            head: self.disk.head().cloned(),
            batch: self.disk.batches.last().map(|batch| batch.header.clone()),
            blocks,
            receipts: receipts.concat(),
            before,
        };
        Sequencer::restore(self.config.clone(), self.knobs.policy.clone(), Arc::clone(&self.sequencer_key), restored)
    }

    pub(crate) fn sequencer_crash(&mut self) {
        self.sequencer = Sequencing { tickets: self.sequencer.tickets, ..Sequencing::default() };
        if self.sabotage == Sabotage::DiskForgetsTheLastBlock {
            self.disk.forget_last_block();
        }
    }

    pub(crate) fn sequencer_tick(&mut self) -> Checked {
        let Some(core) = &mut self.sequencer.core else { return Ok(()) };
        let effects = core.step(self.now, Input::Tick);
        self.sequencer_perform(effects)?;
        if self.sequencer.core.as_ref().is_some_and(|core| core.queued() == 0) {
            self.disk.revoked.clear();
        }
        self.sequencer_read_l1();
        Ok(())
    }

    /// Returns the transactions of blocks that were taken back and are not dealt with.
    fn sequencer_revoked(&self) -> Vec<Sound> {
        if self.sabotage == Sabotage::RewindForgetsTransactions {
            return Vec::new();
        }
        self.disk.revoked.iter().filter_map(|bytes| Transaction::check(bytes, &self.chain).ok()).collect()
    }

    /// Hands L1's messages over. When L1 has others than those that were read, there is nothing to hand over.
    fn sequencer_read_l1(&mut self) {
        let Some(core) = &self.sequencer.core else { return };
        let (next, view) = (core.inbox_next(), self.l1.view(self.knobs.confirmations));
        let hash = self.l1.inbox_hash(view, next);
        if hash.is_none() || self.sequencer.read.is_some_and(|(at, read)| at == next && read != hash) {
            return;
        }
        let messages = self.l1.messages(view, next);
        let until = messages.last().map_or(next, |last| last.index() + 1);
        self.sequencer.read = Some((until, self.l1.inbox_hash(view, until)));
        if messages.is_empty() {
            return;
        }
        if self.faults.strikes(Fault::LateMessages) {
            let delay = self.faults.length_ms(500, 6_000);
            self.send_after(delay, Name::Sequencer, Message::Messages(messages));
        } else {
            self.send(Name::Sequencer, Message::Messages(messages));
        }
    }

    pub(crate) fn sequencer_message(&mut self, message: Message) -> Checked {
        let Some(core) = &mut self.sequencer.core else { return Ok(()) };
        let input = match message {
            Message::Submit { from, transaction } => {
                let checked = Transaction::check(&transaction.to_bytes(), &self.chain);
                let transaction = checked.map_err(|reject| Broken(format!("a wallet signed nonsense: {reject}")))?;
                self.sequencer.tickets += 1;
                let ticket = self.sequencer.tickets;
                self.sequencer.waiting.insert(ticket, (from, transaction.id()));
                Input::Submit { ticket, transaction: Box::new(transaction) }
            }
            Message::Messages(messages) => Input::Messages(messages),
            Message::Alternative { id, transactions } => Input::Alternative { id, transactions },
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
        // Known before the block that leaves them out.
        for effect in &effects {
            if let Effect::Ask { transaction, .. } = effect {
                self.check.excuse(transaction.signer());
            }
        }
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Sequencer, done, Some(name)) {
                return Ok(());
            }
            done = Some(name);
            let effect = match effect {
                Effect::Commit(executed) => match self.tears(Name::Sequencer, executed) {
                    Some(executed) => Effect::Commit(executed),
                    None => return Ok(()),
                },
                other => other,
            };
            self.sequencer_effect(effect)?;
        }
        self.dies(Name::Sequencer, done, None);
        Ok(())
    }

    fn sequencer_effect(&mut self, effect: Effect) -> Checked {
        match effect {
            Effect::Commit(executed) => self.sequencer_commit(&executed),
            Effect::Confirm { ticket, confirmed } => {
                self.check_confirmation(&confirmed)?;
                let Confirmed { id, height, position, receipt, .. } = *confirmed;
                self.check.told(&self.disk, id, height, position, &receipt)?;
                self.sequencer_answer(ticket, Answer::Confirmed { height, position, receipt });
                Ok(())
            }
            Effect::Refuse { ticket, id, code } => {
                let answer = match self.disk.find(id) {
                    Some((height, position, receipt)) => {
                        self.check.told(&self.disk, id, height, position, &receipt)?;
                        Answer::Confirmed { height, position, receipt }
                    }
                    None => Answer::Refused(code),
                };
                self.sequencer_answer(ticket, answer);
                Ok(())
            }
            Effect::Busy { ticket } => {
                self.sequencer_answer(ticket, Answer::Busy);
                Ok(())
            }
            Effect::Ask { transaction, .. } => {
                self.send(Name::Operator, Message::Ask(transaction));
                Ok(())
            }
            Effect::Halted { id } => {
                self.line(&format!("the chain stands still until the operator answers about {id}"));
                self.faults.count(Fault::ChainHalted);
                Ok(())
            }
            Effect::Seal { batch, diff } => {
                self.disk.commit_batch(&batch, diff)?;
                let number = batch.header.number;
                self.line(&format!("batch {number} of {}-{} is stored", batch.first, batch.last));
                // Who claims before the batch has settled gets nothing.
                self.send_l1(L1Call::Claim { batch: number });
                Ok(())
            }
        }
    }

    fn sequencer_commit(&mut self, executed: &Executed) -> Checked {
        self.disk.commit_block(executed)?;
        let header = &executed.block.header;
        if let Some(core) = &mut self.sequencer.core {
            core.trim(told(header.height));
        }
        self.line(&format!("block {} is stored, root {}", header.height, header.state_root));
        self.check.block(executed)?;
        let Some(core) = &self.sequencer.core else { return Ok(()) };
        // A step may have made a block and no more: then the core's state is the block's.
        if core.state().root() == header.state_root { self.check.books(core.state(), &self.l1) } else { Ok(()) }
    }

    /// Checks a confirmation as the client does, with nothing but the chain's configuration.
    fn check_confirmation(&self, confirmed: &Confirmed) -> Checked {
        let soft = SoftConfirmation {
            receipt: confirmed.receipt.to_bytes().into(),
            position: confirmed.position.into(),
            path: confirmed.path.clone(),
            block: (*confirmed.block).clone(),
        };
        let entry = self.disk.entry(confirmed.height, confirmed.position).map(types::Encode::to_bytes);
        let holds = entry.is_some_and(|entry| soft.confirms(&entry, &self.config.sequencer, &self.chain));
        ensure(holds, || format!("the confirmation of {} binds the sequencer to nothing", confirmed.id))
    }

    fn sequencer_answer(&mut self, ticket: u64, answer: Answer) {
        if let Some((to, id)) = self.sequencer.waiting.remove(&ticket) {
            self.send(to, Message::Answer { id, answer });
        }
    }

    /// Takes the chain back to the end of a batch, and puts what was in the lost blocks first in the queue. Says whether
    /// it was done.
    pub(crate) fn sequencer_rewind(&mut self, to: u64) -> Result<bool, Broken> {
        if self.sequencer.core.is_none() {
            return Ok(false);
        }
        if self.sabotage == Sabotage::SequencerForgetsTheRewind {
            return Ok(true);
        }
        if self.dies_times(Name::Sequencer, RARE, None, Some("rewind")) {
            return Ok(false);
        }
        let view = self.l1.view(self.knobs.confirmations);
        let next = self.disk.batch(to + 1).map(|batch| batch.header.clone());
        let removed = self.disk.rewind(to)?;
        self.line(&format!("the chain goes back to batch {to}: {} blocks are no more", removed.len()));
        self.faults.count(Fault::ChainRewound);
        let reason = Reason { l1: &self.l1, view, batch: to, next: next.as_ref() };
        self.check.rewound(&self.disk, &removed, &reason)?;
        if self.dies_times(Name::Sequencer, RARE, Some("rewind"), Some("requeue")) {
            return Ok(false);
        }
        let mut sequencer = self.sequencer_restored();
        if let Some(old) = &mut self.sequencer.core {
            sequencer.take_queue_of(old);
        }
        sequencer.requeue(self.sequencer_revoked());
        self.sequencer.core = Some(sequencer);
        Ok(!self.dies_times(Name::Sequencer, RARE, Some("requeue"), None))
    }
}
