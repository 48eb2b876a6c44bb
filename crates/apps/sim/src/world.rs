//! The world: who is there, what is under way, and the loop that makes one thing happen after another.

use crate::check::{Broken, Checked, Checker, ensure};
use crate::clock::{Queue, Trace};
use crate::disk::Disk;
use crate::faults::{Fault, Faults};
use crate::l1::{L1, Revert};
use crate::load::Requester;
use crate::nodes::wallet::{Answer, Want};
use crate::nodes::{Coordinating, Following, Sequencing, Settling, Working};
use crate::prng::Prng;
use crate::{Plan, Sabotage};
use api::Vote;
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use crypto::list;
use ledger::account::Account;
use ledger::bridge::Cursor;
use proof::{Anchor, BatchHeader};
use provider::Ran;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use task::{Offer, Task};
use transition::{Action, Batch, Block, ChainConfig, Transaction};
use types::{AccountId, Amount, Digest, EthAddress, Height, Millis, TaskId, TransactionId};

/// When the world begins. Not zero, so that nothing can confuse a length with an instant.
const START: Millis = Millis(1_000_000);
/// How long the world may take to become quiet once nothing goes wrong any more.
const QUIET_WITHIN: Millis = Millis(80_000);

/// Who something happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Sequencer,
    Settler,
    Coordinator,
    Member(usize),
    Provider(usize),
    Requester(usize),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequencer => f.write_str("sequencer"),
            Self::Settler => f.write_str("settler"),
            Self::Coordinator => f.write_str("coordinator"),
            Self::Member(at) => write!(f, "member {at}"),
            Self::Provider(at) => write!(f, "provider {at}"),
            Self::Requester(at) => write!(f, "requester {at}"),
        }
    }
}

impl Name {
    /// Returns the role without the place.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Settler => "settler",
            Self::Coordinator => "coordinator",
            Self::Member(_) => "member",
            Self::Provider(_) => "provider",
            Self::Requester(_) => "requester",
        }
    }

    /// Returns how many times likelier than usual a node dies at an effect. Who has few effects has few occasions.
    fn frailty(self) -> u64 {
        match self {
            Self::Sequencer => 2,
            Self::Settler => 10,
            Self::Coordinator | Self::Provider(_) => 6,
            Self::Member(_) | Self::Requester(_) => 1,
        }
    }

    fn period_ms(self) -> u64 {
        match self {
            Self::Sequencer => 40,
            Self::Settler | Self::Coordinator | Self::Member(_) => 100,
            Self::Provider(_) => 150,
            Self::Requester(_) => 220,
        }
    }
}

/// What travels between nodes.
#[derive(Clone)]
pub(crate) enum Message {
    Submit { from: Name, transaction: Box<Transaction> },
    Answer { id: TransactionId, answer: Answer },
    Messages(Vec<ledger::Message>),
    AskBlocks { member: usize, token: u64, from: Height },
    Blocks { token: u64, blocks: Vec<Block> },
    AskBatches { member: usize, token: u64, from: u64 },
    Batches { token: u64, batches: Vec<Batch> },
    BatchSignature { number: u64, signer: EthAddress, signature: Box<EthSignature> },
    Vote(Box<Vote>),
    NotSettled { life: u64, number: u64 },
    Ran { life: u64, task: TaskId, ran: Option<Ran> },
}

impl Message {
    fn kind(&self) -> &'static str {
        match self {
            Self::Submit { .. } => "submit",
            Self::Answer { .. } => "answer",
            Self::Messages(_) => "messages",
            Self::AskBlocks { .. } => "ask for blocks",
            Self::Blocks { .. } => "blocks",
            Self::AskBatches { .. } => "ask for batches",
            Self::Batches { .. } => "batches",
            Self::BatchSignature { .. } => "batch signature",
            Self::Vote(_) => "vote",
            Self::NotSettled { .. } => "not settled",
            Self::Ran { .. } => "ran",
        }
    }
}

/// What is asked of L1.
pub(crate) enum L1Call {
    Deposit { account: AccountId, token: EthAddress, amount: Amount },
    Settle { life: u64, header: Box<BatchHeader>, evidence: Vec<u8> },
    Claim { batch: u64 },
}

pub(crate) enum Event {
    Tick(Name),
    Restart(Name),
    Arrives { to: Name, order: u64, message: Message },
    L1(L1Call),
}

/// All there is.
pub(crate) struct World {
    pub(crate) now: Millis,
    pub(crate) step: u64,
    pub(crate) draining: bool,
    pub(crate) sabotage: Sabotage,
    pub(crate) queue: Queue<Event>,
    pub(crate) prng: Prng,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) check: Checker,
    pub(crate) config: ChainConfig,
    pub(crate) chain: Digest,
    pub(crate) anchor: Anchor,
    /// The disk of the node: sequencer, settler and gateway share it.
    pub(crate) disk: Disk,
    pub(crate) l1: L1,
    pub(crate) sequencer: Sequencing,
    pub(crate) sequencer_key: Arc<SecretKey>,
    pub(crate) settler: Settling,
    pub(crate) coordinator: Coordinating,
    pub(crate) members: Vec<Following>,
    pub(crate) providers: Vec<Working>,
    pub(crate) requesters: Vec<Requester>,
    order: u64,
    heard: BTreeMap<Name, u64>,
    intentions: u64,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut prng = Prng::new(plan.seed);
        let faults = Faults::new(Prng::new(prng.draw()));
        let founded = crate::genesis::found(&mut prng);
        let (config, anchor) = (founded.config, founded.anchor);
        let mut check = Checker::new(config.parameters.treasury);
        check.liars = founded.providers.iter().filter(|p| p.lies()).map(|p| p.wallet.account).collect();
        let mut world = Self {
            now: START,
            step: 0,
            draining: false,
            sabotage: plan.sabotage,
            queue: Queue::new(),
            prng,
            faults,
            trace: Trace::new(plan.trace),
            check,
            chain: config.hash(),
            disk: Disk::new(&config),
            l1: L1::new(anchor.clone(), founded.genesis_root),
            sequencer: Sequencing::default(),
            sequencer_key: founded.sequencer,
            settler: Settling::default(),
            coordinator: Coordinating::new(founded.coordinator),
            members: founded.member_seeds.map(|seed| Following::new(seed, &config)).into(),
            providers: founded.providers,
            requesters: founded.requesters,
            config,
            anchor,
            order: 0,
            heard: BTreeMap::new(),
            intentions: 0,
        };
        for (offset, name) in (0..).zip(world.names()) {
            world.queue.plan(Millis(START.0 + offset), Event::Restart(name));
            world.queue.plan(Millis(START.0 + 20 + offset), Event::Tick(name));
        }
        world
    }

    fn names(&self) -> Vec<Name> {
        let mut names = vec![Name::Sequencer, Name::Settler, Name::Coordinator];
        names.extend((0..self.members.len()).map(Name::Member));
        names.extend((0..self.providers.len()).map(Name::Provider));
        names.extend((0..self.requesters.len()).map(Name::Requester));
        names
    }

    /// Runs a number of steps under faults, then lets everything come to rest and checks that it does.
    pub(crate) fn run(&mut self, steps: u64) -> Checked {
        while self.step < steps {
            self.advance()?;
        }
        self.draining = true;
        self.faults.on = false;
        self.line("no more faults and no more load");
        let last = self.now.after(QUIET_WITHIN);
        while let Some(unrest) = self.unrest() {
            ensure(self.now < last, || format!("the network does not come to rest: {unrest}"))?;
            for _ in 0..100 {
                self.advance()?;
            }
        }
        let core = self.sequencer.core.as_ref().ok_or_else(|| Broken("the sequencer is down".into()))?;
        self.check.quiet(core.state(), &self.l1, &self.disk)?;
        for (at, member) in self.members.iter().enumerate() {
            let same = member.disk.blocks == self.disk.blocks && member.disk.batches == self.disk.batches;
            ensure(same, || format!("member {at} does not hold what the sequencer holds"))?;
            member.disk.check_root()?;
        }
        Ok(())
    }

    fn advance(&mut self) -> Checked {
        let Some((at, event)) = self.queue.take() else { return Err(Broken("nothing is planned any more".into())) };
        self.step += 1;
        self.now = at;
        match event {
            Event::Tick(name) => self.tick(name),
            Event::Restart(name) => self.restart(name),
            Event::Arrives { to, order, message } => self.arrives(to, order, message),
            Event::L1(call) => self.l1_call(call),
        }
    }

    /// Says what is still going on, if something is.
    fn unrest(&self) -> Option<String> {
        let Some(core) = &self.sequencer.core else { return Some("the sequencer is down".into()) };
        let wallets = self.requesters.iter().map(|r| &r.wallet).chain(self.providers.iter().map(|p| &p.wallet));
        if wallets.chain([&self.coordinator.wallet]).any(|wallet| !wallet.is_idle()) {
            return Some("somebody waits for an answer".into());
        }
        let open = core.state().iter::<Task>().filter(|(_, task)| task.is_open()).count();
        if open > 0 {
            return Some(format!("{open} tasks are open"));
        }
        let offers = core.state().iter::<Offer>().count();
        if offers > 0 {
            return Some(format!("{offers} offers are open"));
        }
        let taken = core.state().get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
        if self.l1.waiting(taken).next().is_some() || self.queue.any(|event| matches!(event, Event::L1(_))) {
            return Some("L1 has something that is not taken".into());
        }
        if !self.disk.unsealed().0.is_empty() || self.disk.settled() < self.disk.last_batch() {
            let (settled, sealed) = (self.disk.settled(), self.disk.last_batch());
            return Some(format!("{settled} of {sealed} batches are settled"));
        }
        let behind = self.members.iter().position(|m| m.disk.last_batch() < self.disk.last_batch());
        behind.map(|at| format!("member {at} has not signed the last batch"))
    }

    /// Adds a line to the record.
    pub(crate) fn line(&mut self, text: &str) {
        self.trace.line(self.step, self.now, text);
    }

    /// Sends a message over a network that loses, doubles, delays and reorders.
    pub(crate) fn send(&mut self, to: Name, message: Message) {
        let copies = if self.faults.strikes(Fault::Dropped) {
            0
        } else if self.faults.strikes(Fault::Duplicated) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = if self.faults.strikes(Fault::Delayed) {
                self.faults.length_ms(200, 3_000)
            } else {
                self.faults.length_ms(1, 25)
            };
            self.send_after(delay, to, message.clone());
        }
    }

    /// Sends a message that arrives for certain, after a given time.
    pub(crate) fn send_after(&mut self, delay_ms: u64, to: Name, message: Message) {
        self.order += 1;
        let order = self.order;
        self.queue.plan(self.now.after(Millis(delay_ms)), Event::Arrives { to, order, message });
    }

    /// Sends a call to L1 that arrives for certain.
    pub(crate) fn send_l1(&mut self, call: L1Call) {
        let delay = self.faults.length_ms(5, 250);
        self.queue.plan(self.now.after(Millis(delay)), Event::L1(call));
    }

    /// Says whether a reader of the node gets an answer.
    pub(crate) fn is_readable(&mut self) -> bool {
        self.sequencer.core.is_some() && !self.faults.strikes(Fault::ReadFailed)
    }

    fn arrives(&mut self, to: Name, order: u64, message: Message) -> Checked {
        let latest = self.heard.entry(to).or_default();
        if order < *latest {
            self.faults.count(Fault::Reordered);
        }
        *latest = order.max(*latest);
        self.line(&format!("{} arrives at {to}", message.kind()));
        match (to, message) {
            (Name::Sequencer, message) => self.sequencer_message(message),
            (Name::Settler, message) => self.settler_message(message),
            (Name::Coordinator, Message::Vote(vote)) => self.coordinator_vote(vote),
            (Name::Member(at), message) => self.member_message(at, message),
            (Name::Provider(at), Message::Ran { life, task, ran }) => self.provider_ran(at, life, task, ran),
            (name, Message::Answer { id, answer }) => self.answered(name, id, answer),
            (name, message) => Err(Broken(format!("{name} got a message of kind {}", message.kind()))),
        }
    }

    fn tick(&mut self, name: Name) -> Checked {
        let jitter = self.faults.length_ms(0, 10);
        self.queue.plan(Millis(self.now.0 + name.period_ms() + jitter), Event::Tick(name));
        let mortal = !matches!(name, Name::Requester(_));
        if mortal && self.is_up(name) && self.faults.strikes(Fault::CrashIdle) {
            self.crash(name, "between two steps");
            return Ok(());
        }
        match name {
            Name::Sequencer => self.sequencer_tick(),
            Name::Settler => self.settler_tick(),
            Name::Coordinator => self.coordinator_tick(),
            Name::Member(at) => self.member_tick(at),
            Name::Provider(at) => self.provider_tick(at),
            Name::Requester(at) => self.requester_tick(at),
        }?;
        self.wallet_tick(name);
        Ok(())
    }

    /// Decides whether a node dies now. `before` and `after` name the effects on both sides of the moment.
    pub(crate) fn dies(&mut self, name: Name, after: Option<&str>, before: Option<&str>) -> bool {
        let (fault, point) = match (after, before) {
            (None, Some(before)) => (Fault::CrashBeforeEffects, format!("before {before}")),
            (Some(after), Some(before)) => (Fault::CrashBetweenEffects, format!("after {after}, before {before}")),
            (Some(after), None) => (Fault::CrashAfterEffects, format!("after {after}")),
            (None, None) => return false,
        };
        let dies = self.faults.strikes_times(fault, name.frailty());
        if dies {
            self.crash(name, &point);
        }
        dies
    }

    /// Ends a node's process; it starts again after a while.
    pub(crate) fn crash(&mut self, name: Name, point: &str) {
        self.line(&format!("{name} dies {point}"));
        *self.faults.crash_points.entry(format!("{} {point}", name.role())).or_default() += 1;
        match name {
            Name::Sequencer => self.sequencer_crash(),
            Name::Settler => self.settler_crash(),
            Name::Coordinator => self.coordinator_crash(),
            Name::Member(at) => self.member_crash(at),
            Name::Provider(at) => self.provider_crash(at),
            Name::Requester(_) => {}
        }
        let down = self.faults.length_ms(20, 2_500);
        self.queue.plan(self.now.after(Millis(down)), Event::Restart(name));
    }

    fn restart(&mut self, name: Name) -> Checked {
        if self.is_up(name) {
            return Ok(());
        }
        self.line(&format!("{name} starts"));
        match name {
            Name::Sequencer => self.sequencer_start(),
            Name::Settler => self.settler_start(),
            Name::Coordinator => self.coordinator_start(),
            Name::Member(at) => self.member_start(at),
            Name::Provider(at) => self.provider_start(at),
            Name::Requester(_) => Ok(()),
        }
    }

    pub(crate) fn is_up(&self, name: Name) -> bool {
        match name {
            Name::Sequencer => self.sequencer.core.is_some(),
            Name::Settler => self.settler.core.is_some(),
            Name::Coordinator => self.coordinator.core.is_some(),
            Name::Member(at) => self.members[at].core.is_some(),
            Name::Provider(at) => self.providers[at].core.is_some(),
            Name::Requester(_) => true,
        }
    }
}

/// Wallets.
impl World {
    /// Lets a wallet's owner send an action.
    pub(crate) fn push(&mut self, name: Name, action: Action) {
        self.intentions += 1;
        let intention = self.intentions;
        if let Some(wallet) = self.wallet(name) {
            wallet.push(intention, action);
        }
    }

    fn wallet(&mut self, name: Name) -> Option<&mut crate::nodes::wallet::Wallet> {
        match name {
            Name::Coordinator => Some(&mut self.coordinator.wallet),
            Name::Provider(at) => Some(&mut self.providers[at].wallet),
            Name::Requester(at) => Some(&mut self.requesters[at].wallet),
            _ => None,
        }
    }

    fn wallet_tick(&mut self, name: Name) {
        let (now, chain) = (self.now, self.chain);
        let Some(wallet) = self.wallet(name) else { return };
        let account = wallet.account;
        let transaction = match wallet.want(now) {
            Want::Nothing => return,
            Want::Send(transaction) => transaction,
            Want::Nonce => {
                if !self.is_readable() {
                    return;
                }
                let stored = self.sequencer.core.as_ref().and_then(|core| core.state().get::<Account>(&account));
                let nonce = stored.map_or(0, |record| record.nonce);
                let signed = self.wallet(name).and_then(|wallet| wallet.sign(&chain, nonce, now));
                let Some((transaction, intention)) = signed else { return };
                self.check.intended(transaction.id(&chain), intention);
                Box::new(transaction)
            }
        };
        self.send(Name::Sequencer, Message::Submit { from: name, transaction });
    }

    fn answered(&mut self, name: Name, id: TransactionId, answer: Answer) -> Checked {
        let Some(done) = self.wallet(name).and_then(|wallet| wallet.answer(id, answer)) else { return Ok(()) };
        self.check.told(&self.disk, done.id, done.height, done.position, &done.receipt)?;
        self.wallet_tick(name);
        Ok(())
    }
}

/// L1.
impl World {
    fn l1_call(&mut self, call: L1Call) -> Checked {
        match call {
            L1Call::Deposit { account, token, amount } => {
                self.line(&format!("L1 takes a deposit of {amount} for {account}"));
                self.l1.deposit(self.now, account, token, amount);
                Ok(())
            }
            L1Call::Settle { life, header, evidence } => self.l1_settle(life, &header, &evidence),
            L1Call::Claim { batch } => self.l1_claim(batch),
        }
    }

    fn l1_settle(&mut self, life: u64, header: &BatchHeader, evidence: &[u8]) -> Checked {
        let number = header.number;
        let taken = match self.l1.settle(self.now, header, evidence) {
            Ok(()) => true,
            Err(Revert::Repeated) => false,
            Err(Revert::Wrong(why)) => return Err(Broken(format!("L1 refused what honest nodes sent: {why}"))),
        };
        self.line(&format!("L1 {} batch {number}", if taken { "settles" } else { "has settled" }));
        if taken {
            let sealed = self.disk.batch(number).map(|batch| &batch.header);
            ensure(sealed == Some(header), || format!("L1 settled another batch {number} than was sealed"))?;
            self.send_l1(L1Call::Claim { batch: number });
        }
        if !taken || self.faults.strikes(Fault::ConfirmationLost) {
            self.send_after(100, Name::Settler, Message::NotSettled { life, number });
        }
        Ok(())
    }

    /// Claims all withdrawals of a batch, each of them twice: the first time must pay if the batch is settled.
    pub(crate) fn l1_claim(&mut self, number: u64) -> Checked {
        let Some(batch) = self.disk.batch(number) else { return Ok(()) };
        let is_settled = self.l1.settled_header(number).is_some();
        let leaves: Vec<_> = batch.withdrawals.iter().map(ledger::Withdrawal::leaf).collect();
        for (at, withdrawal) in batch.withdrawals.iter().enumerate() {
            let path = list::path(&leaves, at).unwrap_or_default();
            let position = u64::try_from(at).unwrap_or(u64::MAX);
            let claimed = self.l1.is_claimed(withdrawal.index);
            let paid = self.l1.claim(number, withdrawal, position, &path);
            ensure(paid.is_ok() == (is_settled && !claimed), || {
                format!("withdrawal {} of batch {number}: settled {is_settled}, claimed {claimed}", withdrawal.index)
            })?;
            let again = self.l1.claim(number, withdrawal, position, &path);
            ensure(again.is_err(), || format!("withdrawal {} was paid twice", withdrawal.index))?;
        }
        Ok(())
    }
}
