//! The settler's shell: what `settler::run` does, call by call, on the simulated store and base chain.

use crate::Sabotage;
use crate::check::{Broken, Checked};
use crate::faults::Fault;
use crate::l1::account::{Offered, needed, part_of};
use crate::world::{Message, Name, World};
use settler::errands::{Errands, Known};
use settler::outbox::{self, Course, Outbox, Package};
use settler::part::parts;
use settler::{Effect, Input, Settler};
use std::collections::VecDeque;
use store::Settlement;
use types::Encode as _;

/// How many blocks of L1 on top of a settlement make it final for the store: the default of the real settler.
const FINAL_DEPTH: u64 = 64;

/// A settler that may be down.
#[derive(Default)]
pub(crate) struct Settling {
    pub(crate) core: Option<Settler>,
    outbox: Option<Outbox>,
    /// What is still to be handed to the outbox.
    errands: Errands,
    /// What was handed to the outbox and is not final.
    course: Course,
    next_id: u64,
    sealed: u64,
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Keep { .. } => "Keep",
        Effect::Send { .. } => "Send",
        Effect::Final { .. } => "Final",
        Effect::Reopen { .. } => "Reopen",
        Effect::Rewind { .. } => "Rewind",
        Effect::GiveUp { .. } => "GiveUp",
        Effect::Halt(_) => "Halt",
    }
}

fn outbox_name_of(effect: &outbox::Effect) -> &'static str {
    match effect {
        outbox::Effect::Keep { .. } => "outbox Keep",
        outbox::Effect::Forget { .. } => "outbox Forget",
        outbox::Effect::Send { .. } => "outbox Send",
        outbox::Effect::Mined { .. } => "outbox Mined",
        outbox::Effect::Failed { .. } => "outbox Failed",
        outbox::Effect::Reorged { .. } => "outbox Reorged",
        outbox::Effect::Final { .. } => "outbox Final",
        outbox::Effect::Alert(_) => "outbox Alert",
    }
}

/// Whether the settler is still alive.
type Alive = Result<bool, Broken>;

impl World {
    pub(crate) fn settler_start(&mut self) -> Checked {
        let settled = self.disk.settled();
        let settler = Settler::restore(self.anchor.clone(), settled, self.disk.unsettled(settled));
        let kept = self.disk.outbox.clone();
        let newest = kept.values().map(|record| record.newest.max(record.package.id)).max().unwrap_or(0);
        let mut course = Course::default();
        kept.values().filter(|record| !record.closed).for_each(|record| course.begin(record.package.clone()));
        let mut limits = self.knobs.limits.clone();
        if self.sabotage == Sabotage::OutboxIgnoresTheCap {
            (limits.gas_price_max_wei, limits.spend_max_wei) = (u64::MAX, u128::MAX);
        }
        self.settler = Settling {
            core: Some(settler.patient(self.knobs.patience)),
            errands: Errands::default(),
            course,
            next_id: newest + 1,
            outbox: Some(Outbox::restore(limits, kept)),
            sealed: self.disk.last_batch(),
        };
        Ok(())
    }

    pub(crate) fn settler_crash(&mut self) {
        self.settler = Settling::default();
    }

    pub(crate) fn settler_message(&mut self, message: Message) -> Checked {
        match message {
            Message::BatchSignature { number, signer, signature } => {
                self.settler_step(Input::Signature { number, signer, signature }).map(drop)
            }
            _ => Err(Broken("the settler got a message that is not for it".into())),
        }
    }

    pub(crate) fn settler_tick(&mut self) -> Checked {
        let Some(core) = &self.settler.core else { return Ok(()) };
        if self.l1.number() > core.settled() && self.faults.strikes(Fault::SettlerMissedL1) {
            self.crash(Name::Settler, "before it heard that L1 took a batch");
            return Ok(());
        }
        self.settler_look().map(drop)
    }

    /// One turn of the loop.
    fn settler_look(&mut self) -> Alive {
        while let Some(batch) = self.disk.batch(self.settler.sealed + 1) {
            let header = batch.header.clone();
            self.settler.sealed += 1;
            let skipped = self.sabotage == Sabotage::SettlerSkipsABatch && header.number == 3;
            if !skipped && !self.settler_step(Input::Sealed(header))? {
                return Ok(false);
            }
        }
        Ok(self.settler_watch()?
            && self.settler_step(Input::Tick)?
            && self.settler_hand_over()?
            && self.settler_deliver()?
            && self.settler_finalize()?)
    }

    /// Asks L1 what is settled, and whether the messages that the chain took are still there.
    fn settler_watch(&mut self) -> Alive {
        if self.faults.strikes(Fault::L1Away) {
            return Ok(true);
        }
        let view = self.l1.view(self.knobs.confirmations);
        let (number, state_root) = self.l1.settled(view);
        if !self.settler_step(Input::Settled { number, state_root })? {
            return Ok(false);
        }
        let lowest = self.settler.core.as_ref().and_then(Settler::lowest);
        let Some((number, count)) = lowest.filter(|_| !self.faults.strikes(Fault::L1Away)) else { return Ok(true) };
        let hash = self.l1.inbox_hash(view, count);
        self.settler_step(Input::Inbox { number, hash })
    }

    /// Hands parts to the outbox as far as it has room, with what they need.
    fn settler_hand_over(&mut self) -> Alive {
        while self.settler.outbox.as_ref().is_some_and(|outbox| outbox.room() > 0) {
            // Batches settle by signatures here, so that nothing is looked up.
            let Some(part) = self.settler.errands.due(&Known::default(), &self.settler.course, 1).pop() else { break };
            let what: Box<[u8]> = part.to_bytes().into();
            let gas = if self.l1.would(&part) { needed(&part) } else { part.gas_at_most() };
            let package = Package { id: self.settler.next_id, what, gas };
            self.settler.next_id += 1;
            self.settler.course.begin(package.clone());
            if !self.outbox_step(outbox::Input::Package(package))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One round of the outbox.
    fn settler_deliver(&mut self) -> Alive {
        if self.faults.strikes(Fault::L1Away) {
            return Ok(true);
        }
        let view = self.l1.account.standing(self.l1.head);
        if !self.outbox_step(outbox::Input::View(view))? {
            return Ok(false);
        }
        let watched = self.settler.outbox.as_ref().map(Outbox::watched).unwrap_or_default();
        for transaction in watched {
            if self.faults.strikes(Fault::L1Away) {
                return Ok(true);
            }
            let input = match self.l1.account.receipt(&transaction) {
                Some(receipt) => outbox::Input::Receipt(receipt),
                None => outbox::Input::Gone { transaction },
            };
            if !self.outbox_step(input)? {
                return Ok(false);
            }
        }
        self.outbox_step(outbox::Input::Tick)
    }

    fn outbox_step(&mut self, input: outbox::Input) -> Alive {
        let Some(outbox) = &mut self.settler.outbox else { return Ok(false) };
        let mut effects = VecDeque::from(outbox.step(self.now, input));
        let mut done = None;
        while let Some(effect) = effects.pop_front() {
            let name = outbox_name_of(&effect);
            if self.dies(Name::Settler, done, Some(name)) {
                return Ok(false);
            }
            done = Some(name);
            let failed = self.settler.course.hear(&effect);
            match effect {
                outbox::Effect::Keep { nonce, record } => drop(self.disk.outbox.insert(nonce, record)),
                outbox::Effect::Forget { nonce } => drop(self.disk.outbox.remove(&nonce)),
                outbox::Effect::Send { nonce, offer, package, gas_limit, terms } => {
                    let offered = Offered::new(nonce, gas_limit, &terms, &package.what);
                    effects.extend(self.outbox_send(offered, offer)?);
                }
                outbox::Effect::Failed { package, why } => {
                    self.line(&format!("package {package} was in vain: {why:?}"));
                    let Some(package) = failed else { continue };
                    let number = part_of(&package.what)?.batch();
                    self.settler.errands.drop_from(number);
                    if !self.settler_step(Input::Failed { number })? {
                        return Ok(false);
                    }
                }
                outbox::Effect::Final { package } => self.line(&format!("package {package} is final on L1")),
                outbox::Effect::Mined { package, .. } => self.line(&format!("package {package} is in a block of L1")),
                outbox::Effect::Reorged { package } => self.line(&format!("L1 dropped package {package}")),
                outbox::Effect::Alert(alert) => self.alerted(alert),
            }
        }
        Ok(!self.dies(Name::Settler, done, None))
    }

    /// Signs and sends, and tells the outbox what the node said.
    fn outbox_send(&mut self, offered: Offered, offer: usize) -> Result<Vec<outbox::Effect>, Broken> {
        let (nonce, transaction) = (offered.nonce, offered.transaction);
        self.line(&format!("the settler offers {} wei under nonce {nonce}", offered.terms.max_fee_wei));
        self.l1.account.check_cap(&offered, self.l1.head)?;
        let answer = self.l1.account.take(offered, &mut self.faults);
        let Some(outbox) = &mut self.settler.outbox else { return Ok(Vec::new()) };
        Ok(outbox.step(self.now, outbox::Input::Sent { nonce, offer, transaction, answer }))
    }

    fn alerted(&mut self, alert: outbox::Alert) {
        self.line(&format!("the outbox alerts: {alert:?}"));
        *self.alerts.entry(alert_name(alert)).or_default() += 1;
    }

    /// Takes a step and performs its effects.
    fn settler_step(&mut self, input: Input) -> Alive {
        let Some(core) = &mut self.settler.core else { return Ok(false) };
        let mut effects = VecDeque::from(core.step(self.now, input));
        let mut done = None;
        while let Some(effect) = effects.pop_front() {
            let name = name_of(&effect);
            if self.dies(Name::Settler, done, Some(name)) {
                return Ok(false);
            }
            done = Some(name);
            match effect {
                Effect::Keep { number, evidence } => {
                    self.line(&format!("the settler keeps the quorum of batch {number}"));
                    self.disk.commit_evidence(number, evidence)?;
                }
                Effect::Send { header, evidence } => {
                    self.line(&format!("the settler sends batch {}", header.number));
                    let difference = self.disk.diffs.get(&header.number).map(Vec::as_slice);
                    let number = header.number;
                    self.settler.errands.begin(number, parts(*header, evidence, difference, []));
                }
                Effect::Final { number } => {
                    self.settler.errands.drop_up_to(number);
                    self.settler_record(number)?;
                }
                Effect::Reopen { settled } => {
                    self.line(&format!("what was settled after batch {settled} is open again"));
                    self.disk.forget_settlements(settled);
                    effects.extend(self.settler_reopen(settled));
                }
                Effect::Rewind { to } => {
                    if !self.sequencer_rewind(to)? {
                        self.crash(Name::Settler, "because the sequencer did not go back");
                        return Ok(false);
                    }
                    self.settler.sealed = self.disk.last_batch();
                    effects.extend(self.settler_reopen(to));
                }
                Effect::GiveUp { number, .. } => {
                    return Err(Broken(format!("batch {number} is given up without a proof")));
                }
                Effect::Halt(why) => return Err(Broken(format!("the settler stops: {why}"))),
            }
        }
        Ok(!self.dies(Name::Settler, done, None))
    }

    fn settler_reopen(&mut self, settled: u64) -> Vec<Effect> {
        self.settler.errands.clear();
        let unsettled = self.disk.unsettled(settled);
        let Some(core) = &mut self.settler.core else { return Vec::new() };
        core.step(self.now, Input::Reopened { settled, unsettled })
    }

    /// Stores how a batch settled.
    fn settler_record(&mut self, number: u64) -> Checked {
        let view = self.l1.view(self.knobs.confirmations);
        let Some((block, settled)) = self.l1.settlement(view, number) else { return Ok(()) };
        let settlement = Settlement { transaction: settled.transaction, block, gas_used: 0 };
        self.line(&format!("batch {number} settled in block {block} of L1"));
        self.disk.commit_settlement(number, settlement)
    }

    /// Makes final what lies deep enough.
    fn settler_finalize(&mut self) -> Alive {
        let next = self.disk.finalized() + 1;
        let head = self.settler.outbox.as_ref().and_then(Outbox::head);
        let is_deep = |settlement: &Settlement| head.is_some_and(|head| head >= settlement.block + FINAL_DEPTH);
        if self.disk.settlement(next).is_some_and(is_deep) {
            self.disk.finalize(next)?;
        }
        Ok(true)
    }
}

fn alert_name(alert: outbox::Alert) -> &'static str {
    match alert {
        outbox::Alert::FeesTooHigh => "FeesTooHigh",
        outbox::Alert::FundsTooLow => "FundsTooLow",
        outbox::Alert::KeyUsedElsewhere { .. } => "KeyUsedElsewhere",
        outbox::Alert::Refused { .. } => "Refused",
        outbox::Alert::OffersSpent { .. } => "OffersSpent",
        outbox::Alert::ChainBehind => "ChainBehind",
        outbox::Alert::QueueFull => "QueueFull",
    }
}
