//! The world: who is there, what is under way, and the loop that makes one thing happen after another.

use crate::books::Known;
use crate::check::{Broken, Checked, Checker, ensure};
use crate::clock::{Queue, Trace};
use crate::disk::Disk;
use crate::faults::{Fault, Faults};
use crate::genesis::Knobs;
use crate::l1::account::Account as L1Account;
use crate::l1::{Call, Claim, FINAL, Happened, L1, Revert};
use crate::load::Requester;
use crate::nodes::operator::Operator;
use crate::nodes::wallet::{Answer, Want};
use crate::nodes::{Coordinating, Following, Sequencing, Settling, Working};
use crate::prng::Prng;
use crate::{Plan, Sabotage};
use api::Vote;
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use crypto::list;
use ledger::bridge::Cursor;
use proof::Anchor;
use provider::Ran;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use task::{Offer, Task};
use transition::{Action, Batch, Block, ChainConfig, Checked as Sound, Executed, Transaction};
use types::{AccountId, Digest, EthAddress, Height, Millis, TaskId, TransactionId};

/// When the world begins. Not zero, so that nothing can confuse a length with an instant.
const START: Millis = Millis(1_000_000);
/// How long the world may take to become quiet once nothing goes wrong any more.
const QUIET_WITHIN: Millis = Millis(300_000);
/// About how often L1 makes a block. Its time runs faster than the real one's, like everything here.
const L1_BLOCK_MS: u64 = 150;

/// Who something happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Sequencer,
    Settler,
    Coordinator,
    Member(usize),
    Provider(usize),
    Requester(usize),
    Operator,
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
            Self::Operator => f.write_str("operator"),
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
            Self::Operator => "operator",
        }
    }

    /// Returns how many times likelier than usual a node dies at an effect. Who has few effects has few occasions.
    fn frailty(self) -> u64 {
        match self {
            Self::Sequencer => 2,
            Self::Settler => 10,
            Self::Coordinator | Self::Provider(_) => 6,
            Self::Member(_) => 3,
            Self::Requester(_) | Self::Operator => 1,
        }
    }

    fn period_ms(self) -> u64 {
        match self {
            Self::Sequencer => 40,
            Self::Settler | Self::Coordinator | Self::Member(_) => 100,
            Self::Provider(_) => 150,
            Self::Requester(_) => 220,
            Self::Operator => 3_000,
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
    Ask(Box<Sound>),
    Alternative { id: TransactionId, transactions: Vec<Sound> },
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
            Self::Ask(_) => "ask",
            Self::Alternative { .. } => "alternative",
            Self::Ran { .. } => "ran",
        }
    }
}

/// What is asked of L1.
pub(crate) enum L1Call {
    Send(Call),
    Claim { batch: u64 },
}

pub(crate) enum Event {
    Tick(Name),
    Restart(Name),
    Arrives { to: Name, order: u64, message: Message },
    L1(L1Call),
    L1Block,
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
    /// What the outbox told the operators, by kind.
    pub(crate) alerts: BTreeMap<&'static str, u64>,
    pub(crate) operator: Operator,
    pub(crate) knobs: Knobs,
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
        let liars = founded.providers.iter().filter(|p| p.lies()).map(|p| p.wallet.account).collect();
        let (chain, treasury) = (config.hash(), config.parameters.treasury);
        let mut check = Checker::new(Known { chain, treasury, liars, intentions: BTreeMap::new() });
        // What the operator names in a transaction's place comes before everything.
        check.excuse(founded.operator.wallet.account);
        let account = L1Account::new(founded.knobs.limits.clone());
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
            chain,
            disk: Disk::new(&config),
            l1: L1::new(anchor.clone(), founded.genesis_root, config.rules.data_on_l1, account),
            alerts: BTreeMap::new(),
            operator: founded.operator,
            knobs: founded.knobs,
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
        world.queue.plan(START, Event::L1Block);
        for token in crate::load::TOKENS {
            let (account, amount) = (world.operator.wallet.account, crate::load::amount(1_000));
            world.l1.send(Call::Deposit { account, token, amount });
        }
        world
    }

    fn names(&self) -> Vec<Name> {
        let mut names = vec![Name::Sequencer, Name::Settler, Name::Coordinator, Name::Operator];
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
        self.l1.check_published(&transition::genesis(&self.config))?;
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
            Event::L1(call) => {
                self.l1_call(call);
                Ok(())
            }
            Event::L1Block => self.l1_block(),
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
        if self.l1.waiting(taken).next().is_some()
            || self.l1.is_busy()
            || self.queue.any(|event| matches!(event, Event::L1(_)))
        {
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
            (Name::Operator, Message::Ask(transaction)) => self.operator_asked(&transaction),
            (Name::Member(at), message) => self.member_message(at, message),
            (Name::Provider(at), Message::Ran { life, task, ran }) => self.provider_ran(at, life, task, ran),
            (name, Message::Answer { id, answer }) => self.answered(name, id, answer),
            (name, message) => Err(Broken(format!("{name} got a message of kind {}", message.kind()))),
        }
    }

    fn tick(&mut self, name: Name) -> Checked {
        let jitter = self.faults.length_ms(0, 10);
        self.queue.plan(Millis(self.now.0 + name.period_ms() + jitter), Event::Tick(name));
        let mortal = !matches!(name, Name::Requester(_) | Name::Operator);
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
            Name::Operator => Ok(()),
        }?;
        self.wallet_tick(name);
        Ok(())
    }

    /// Decides whether a node dies now. `before` and `after` name the effects on both sides of the moment.
    pub(crate) fn dies(&mut self, name: Name, after: Option<&str>, before: Option<&str>) -> bool {
        self.dies_times(name, name.frailty(), after, before)
    }

    /// The same, so many times likelier than usual: for moments that are rare.
    pub(crate) fn dies_times(&mut self, name: Name, times: u64, after: Option<&str>, before: Option<&str>) -> bool {
        let (fault, point) = match (after, before) {
            (None, Some(before)) => (Fault::CrashBeforeEffects, format!("before {before}")),
            (Some(after), Some(before)) => (Fault::CrashBetweenEffects, format!("after {after}, before {before}")),
            (Some(after), None) => (Fault::CrashAfterEffects, format!("after {after}")),
            (None, None) => return false,
        };
        let dies = self.faults.strikes_times(fault, times);
        if dies {
            self.crash(name, &point);
        }
        dies
    }

    /// Decides whether a node loses power while it writes a block. Gives the block back if it does not.
    pub(crate) fn tears(&mut self, name: Name, executed: Box<Executed>) -> Option<Box<Executed>> {
        if !self.faults.strikes_times(Fault::TornWrite, name.frailty()) {
            return Some(executed);
        }
        let ppm = match self.faults.length_ms(0, 4) {
            0 => 0,
            1 => 1_000_000,
            _ => self.faults.length_ms(1, 1_000_000),
        };
        if ppm % 1_000_000 == 0 {
            self.faults.count(Fault::LostWrite);
        }
        match name {
            Name::Sequencer => self.disk.tear(executed, ppm),
            Name::Member(at) => self.members[at].disk.tear(executed, ppm),
            _ => {}
        }
        self.crash(name, "while it writes a block");
        None
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
            Name::Requester(_) | Name::Operator => {}
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
            Name::Requester(_) | Name::Operator => Ok(()),
        }
    }

    pub(crate) fn is_up(&self, name: Name) -> bool {
        match name {
            Name::Sequencer => self.sequencer.core.is_some(),
            Name::Settler => self.settler.core.is_some(),
            Name::Coordinator => self.coordinator.core.is_some(),
            Name::Member(at) => self.members[at].core.is_some(),
            Name::Provider(at) => self.providers[at].core.is_some(),
            Name::Requester(_) | Name::Operator => true,
        }
    }
}

/// Wallets.
impl World {
    /// Lets a wallet's owner send an action.
    pub(crate) fn push(&mut self, name: Name, action: Action) {
        self.push_for(name, None, action);
    }

    /// The same, for another account than the wallet's own.
    pub(crate) fn push_for(&mut self, name: Name, on_behalf: Option<AccountId>, action: Action) {
        self.intentions += 1;
        let intention = self.intentions;
        if let Some(wallet) = self.wallet(name) {
            wallet.push(intention, on_behalf, action);
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
                let nonce = self.nonce_of(account);
                let signed = self.wallet(name).and_then(|wallet| wallet.sign(&chain, nonce, now));
                let Some((transaction, intention)) = signed else { return };
                let id = transaction.id(&chain);
                self.line(&format!("{name} signs {id} with nonce {nonce} for intention {intention}"));
                self.check.intended(id, intention);
                Box::new(transaction)
            }
        };
        self.send(Name::Sequencer, Message::Submit { from: name, transaction });
    }

    fn answered(&mut self, name: Name, id: TransactionId, answer: Answer) -> Checked {
        if let Answer::Refused(code) = &answer {
            self.line(&format!("{name} hears that {id} is refused: {code}"));
        }
        let Some(done) = self.wallet(name).and_then(|wallet| wallet.answer(id, answer)) else { return Ok(()) };
        self.check.heard(&self.disk, done.id, done.height, done.position, &done.receipt)?;
        self.wallet_tick(name);
        Ok(())
    }
}

/// L1.
impl World {
    fn l1_call(&mut self, call: L1Call) {
        match call {
            L1Call::Send(call) => {
                self.line(&format!("L1 is sent {call:?}"));
                self.l1.send(call);
            }
            L1Call::Claim { batch } => self.l1_claim(batch),
        }
    }

    /// Makes a block, after whatever goes wrong on L1.
    fn l1_block(&mut self) -> Checked {
        let pause = L1_BLOCK_MS + self.faults.length_ms(0, 60);
        self.queue.plan(self.now.after(Millis(pause)), Event::L1Block);
        if self.faults.strikes(Fault::GasSpike) {
            let (blocks, times) = (self.faults.length_ms(10, 60), self.faults.length_ms(3, 60));
            self.l1.account.spike(blocks, times);
        }
        if self.faults.on && self.l1.account.lose_by_chance(&mut self.faults) {
            self.line("L1's pool loses a transaction");
        }
        if self.faults.strikes(Fault::KeyUsedElsewhere) {
            self.l1.account.use_elsewhere(self.l1.head);
        }
        let reach = self.l1.reach();
        if reach > 0 && self.faults.strikes(Fault::Reorganised) {
            self.l1_reorganise(reach)?;
        }
        let happened = self.l1.mine(&mut self.faults);
        happened.into_iter().try_for_each(|happened| self.l1_happened(happened))
    }

    fn l1_reorganise(&mut self, reach: u64) -> Checked {
        // Mostly a few blocks, sometimes as many as there can be.
        let deep = self.faults.length_ms(0, 3) == 0;
        let depth = self.faults.length_ms(1, if deep { FINAL + 1 } else { 4 }).min(reach);
        let dropped = self.l1.reorganise(depth, &mut self.faults);
        let (settlements, changed) = (dropped.settlements, dropped.inbox_changed);
        self.line(&format!("L1 replaces {depth} blocks with {settlements} settlements; another inbox: {changed}"));
        if depth >= 8 {
            self.faults.count(Fault::ReorganisedDeeply);
        }
        if settlements > 0 {
            self.faults.count(Fault::SettlementDropped);
        }
        for _ in 0..depth {
            for happened in self.l1.mine(&mut self.faults) {
                self.l1_happened(happened)?;
            }
        }
        Ok(())
    }

    fn l1_happened(&mut self, happened: Happened) -> Checked {
        match happened {
            Happened::Settled(header) => {
                let number = header.number;
                self.line(&format!("L1 settles batch {number}"));
                let sealed = self.disk.batch(number).map(|batch| &batch.header);
                ensure(sealed == Some(&header), || format!("L1 settled another batch {number} than was sealed"))?;
                self.send_l1(L1Call::Claim { batch: number });
                Ok(())
            }
            Happened::Reverted { batch, why } => {
                self.line(&format!("L1 does nothing of what it was sent of batch {batch}: {why:?}"));
                let disturbed = [Fault::Reorganised, Fault::SettlementReverted, Fault::KeyUsedElsewhere];
                let disturbed = disturbed.iter().any(|fault| self.faults.counts.contains_key(fault));
                match why {
                    Revert::Wrong(why) => Err(Broken(format!("L1 refused what honest nodes sent: {why}"))),
                    why => ensure(disturbed, || format!("L1 did nothing of batch {batch} without a cause: {why:?}")),
                }
            }
            Happened::Claimed { claim, paid, due } => {
                let (index, number) = (claim.withdrawal.index, claim.header.number);
                ensure(paid.is_ok() == due, || format!("withdrawal {index} of batch {number}, due {due}: {paid:?}"))
            }
        }
    }

    /// Claims all withdrawals of a batch, each of them twice: the first time must pay if the batch is settled.
    fn l1_claim(&mut self, number: u64) {
        let Some(batch) = self.disk.batch(number) else { return };
        let leaves: Vec<_> = batch.withdrawals.iter().map(ledger::Withdrawal::leaf).collect();
        for (at, withdrawal) in batch.withdrawals.iter().enumerate() {
            let path = list::path(&leaves, at).unwrap_or_default();
            let position = u64::try_from(at).unwrap_or(u64::MAX);
            let (header, withdrawal) = (batch.header.clone(), withdrawal.clone());
            let claim = Box::new(Claim { header, withdrawal, position, path });
            self.l1.send(Call::Claim(claim.clone()));
            self.l1.send(Call::Claim(claim));
        }
    }
}
