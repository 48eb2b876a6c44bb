//! The settler's loop: watches the store for batches and L1 for settlements, and brings batches to L1 by the outbox.

mod contest;

pub use contest::Contested;

use crate::core::{Effect, Input, Patience, Refusal, Settler};
use crate::errands::{Errands, Known, Question};
use crate::history;
use crate::outbox::{self, Course, Limits, Outbox, Package, Record};
use crate::part::{Part, Places, parts};
use crate::prepare::Preparing;
use api::metric;
use crypto::eth::{EthSignature, keccak};
use l1::validity::Checks;
use l1::{Reader, Writer};
use proof::{Anchor, BatchHeader};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{ProofCost, Settlement, StepCost, Store};
use tokio::sync::{mpsc, oneshot};
use types::{Causes, Decode as _, Encode as _, EthAddress, Millis};

/// How often the settler looks at the store and at L1.
const POLL: Duration = Duration::from_millis(100);
/// How often it looks up on L1 which steps of proofs were checked.
const LOOK: Millis = Millis(500);
/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;
/// Most signatures that wait to be taken.
const WAITING: usize = 1_024;

/// Why the settler stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the settler cannot store: see the cause, then start it again")]
    Store(#[from] store::Error),
    /// L1 settled another chain under our contract.
    #[error(
        "{0}: the data folder and the contract do not belong together; use the folder that this contract was deployed for"
    )]
    Halted(String),
    /// The sequencer did not take its chain back.
    #[error("the chain stands on messages that L1 dropped, and could not be taken back: {0}")]
    Rewind(String),
    /// What is kept for L1 cannot be read.
    #[error("the record of what was sent to L1 is damaged: restore the store from a snapshot")]
    Outbox,
    /// The loop is gone.
    #[error("the settler has stopped: start the node again")]
    Stopped,
    /// A signature was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

struct Command {
    number: u64,
    signer: EthAddress,
    signature: Box<EthSignature>,
    answer: oneshot::Sender<Result<(), Refusal>>,
}

/// Speaks to a running settler.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<Command>);

impl Handle {
    /// Hands over a member's signature on a batch.
    pub async fn sign(&self, number: u64, signer: EthAddress, signature: EthSignature) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        let command = Command { number, signer, signature: Box::new(signature), answer };
        self.0.send(command).await.map_err(|_| Error::Stopped)?;
        Ok(answered.await.map_err(|_| Error::Stopped)??)
    }
}

/// Who takes the chain back.
pub trait Rewinder: Send + 'static {
    /// Takes it back to the end of a batch, in the store too.
    fn rewind(&self, to_batch: u64) -> impl Future<Output = Result<(), String>> + Send;
}

/// The operator's choices.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What may be spent on L1.
    pub limits: Limits,
    /// How long messages that L1 dropped are waited for.
    pub patience: Patience,
    /// How many L1 blocks on top of a settlement make it final: the chain is never taken back behind it.
    pub final_depth: u64,
    /// How many final batches keep their blocks; `None` keeps all.
    pub history: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { limits: Limits::default(), patience: Patience::default(), final_depth: 64, history: None }
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A sealed batch, with its quorum's signatures once there are enough.
type Sealed = (BatchHeader, Option<Vec<u8>>);

/// Returns the sealed batches after `settled`, with the evidence that there is.
fn unsettled(store: &Store, settled: u64) -> Result<Vec<Sealed>, store::Error> {
    let last = store.last_batch()?.map_or(0, |batch| batch.header.number);
    let mut found = Vec::new();
    for number in settled + 1..=last {
        if let Some(batch) = store.batch(number)? {
            found.push((batch.header, store.evidence(number)?));
        }
    }
    Ok(found)
}

/// What a settler works with.
pub struct Setting<R> {
    /// The node's store.
    pub store: Store,
    /// Which contract batches are for, and whose signatures it takes.
    pub anchor: Anchor,
    /// Reads L1 at the depth that counts as settled.
    pub reader: Reader,
    /// Signs and pays.
    pub writer: Writer,
    /// The operator's choices.
    pub policy: Policy,
    /// Takes the chain back.
    pub rewinder: R,
    /// Where proofs are checked, on a chain whose batches settle by them, or by claims that they decide between.
    pub checks: Option<Checks>,
    /// Where claims are made, on a chain whose batches settle by them.
    pub claims: Option<Contested>,
}

/// Makes a settler and its handle. The future runs until the store fails or L1 shows another chain.
pub fn start<R: Rewinder>(setting: Setting<R>) -> Result<(Handle, impl Future<Output = Result<(), Error>>), Error> {
    let Setting { store, anchor, reader, writer, policy, rewinder, checks, claims } = setting;
    let done = store.settled()?;
    let settler = Settler::restore(anchor.clone(), done, unsettled(&store, done)?).patient(policy.patience);
    let settler = match (&claims, &checks) {
        (Some(_), _) => settler.by_claims(),
        (None, Some(_)) => settler.by_proof(),
        (None, None) => settler,
    };
    let contest = match claims {
        Some(claims) => Some(contest::Contest::restore(claims, &store, done, anchor.domain, writer.address())?),
        None => None,
    };
    let proofs = checks.map(|checks| Proofs { checks, preparing: Preparing::new(store.clone()), looked: Millis(0) });
    let sealed = store.last_batch()?.map_or(0, |batch| batch.header.number);
    let mut kept: BTreeMap<u64, Record> = BTreeMap::new();
    for (nonce, bytes) in store.outbox()? {
        kept.insert(nonce, Record::from_bytes(&bytes).map_err(|_| Error::Outbox)?);
    }
    let newest = kept.values().map(|record| record.newest.max(record.package.id)).max().unwrap_or(0);
    let mut course = Course::default();
    kept.values().filter(|record| !record.closed).for_each(|record| course.begin(record.package.clone()));
    let outbox = Outbox::restore(policy.limits.clone(), kept);
    let (commands, inbox) = mpsc::channel(WAITING);
    let (errands, next_id) = (Errands::default(), newest + 1);
    let progress = Progress { waiting_since: None, sealed };
    let looping = Loop {
        settler,
        outbox,
        store,
        reader,
        writer,
        rewinder,
        policy,
        proofs,
        contest,
        progress,
        errands,
        course,
        next_id,
    };
    Ok((Handle(commands), looping.run(inbox)))
}

/// What operators want to know first.
struct Progress {
    /// Since when sealed batches wait: when the first of them was seen, or when one last settled.
    waiting_since: Option<Millis>,
    /// The last batch that the settler knows of.
    sealed: u64,
}

/// What it takes to settle by proof.
struct Proofs {
    checks: Checks,
    preparing: Preparing,
    /// When it was last looked up what was checked.
    looked: Millis,
}

struct Loop<R> {
    settler: Settler,
    outbox: Outbox,
    store: Store,
    reader: Reader,
    writer: Writer,
    rewinder: R,
    policy: Policy,
    proofs: Option<Proofs>,
    contest: Option<contest::Contest>,
    progress: Progress,
    /// What is still to be handed to the outbox.
    errands: Errands,
    /// What was handed to the outbox and is not final.
    course: Course,
    next_id: u64,
}

impl<R: Rewinder> Loop<R> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Result<(), Error> {
        let mut clock = tokio::time::interval(POLL);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.take(command).await?,
                    None => return Ok(()),
                },
                _ = clock.tick() => self.look().await?,
            }
        }
    }

    async fn take(&mut self, command: Command) -> Result<(), Error> {
        let Command { number, signer, signature, answer } = command;
        let checked = self.settler.check(number, signer, &signature);
        // A member that went away asks again.
        let _ = answer.send(checked);
        self.step(Input::Signature { number, signer, signature }).await
    }

    async fn step(&mut self, input: Input) -> Result<(), Error> {
        let effects = self.settler.step(now(), input);
        self.perform(effects).await
    }

    async fn look(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.store.batch(self.progress.sealed + 1)? {
            self.progress.sealed += 1;
            self.step(Input::Sealed(batch.header)).await?;
        }
        if let Err(error) = self.watch().await? {
            tracing::warn!(error = %Causes(&error), "L1 is away");
        }
        self.prepare().await?;
        self.step(Input::Tick).await?;
        let handed = if self.contest.is_some() { self.contend().await? } else { self.hand_over().await? };
        if let Err(error) = handed {
            tracing::warn!(error = %Causes(&error), "L1 is away");
        }
        if let Err(error) = self.deliver().await? {
            tracing::warn!(error = %Causes(&error), "L1 is away");
        }
        self.tell()?;
        let Policy { final_depth, history, .. } = self.policy;
        Ok(history::settle(&self.store, self.outbox.head(), final_depth, history)?)
    }

    /// Tells operators how far L1 is behind.
    fn tell(&mut self) -> Result<(), Error> {
        let (settled, now) = (self.store.settled()?, now());
        let lag = if self.progress.sealed > settled {
            let since = *self.progress.waiting_since.get_or_insert(now);
            Duration::from_millis(now.0.saturating_sub(since.0))
        } else {
            self.progress.waiting_since = None;
            Duration::ZERO
        };
        metrics::gauge!(metric::BATCH_SETTLED).set(u32::try_from(settled).unwrap_or(u32::MAX));
        metrics::gauge!(metric::SETTLE_LAG_SECONDS).set(lag.as_secs_f64());
        Ok(())
    }

    /// Asks L1 what is settled and whether the messages that the chain took are still there. The inner result passes.
    async fn watch(&mut self) -> Result<Result<(), l1::Error>, Error> {
        let settled = match self.reader.settled().await {
            Ok(settled) => settled,
            Err(error) => return Ok(Err(error)),
        };
        self.step(Input::Settled { number: settled.number, state_root: settled.state_root }).await?;
        match self.reader.newest_settled().await {
            Ok(number) => self.step(Input::Newest { number }).await?,
            Err(error) => return Ok(Err(error)),
        }
        if let Some((number, count)) = self.settler.lowest() {
            match self.reader.inbox_hash(count).await {
                Ok(hash) => self.step(Input::Inbox { number, hash }).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Notes which batches have proofs that are ready for L1.
    async fn prepare(&mut self) -> Result<(), Error> {
        let Some(proofs) = &mut self.proofs else { return Ok(()) };
        proofs.preparing.forget(self.settler.settled());
        if let Some(contest) = &self.contest {
            // Whether they are ready is asked when they are wanted.
            proofs.preparing.work(contest.wanted().into_iter()).await?;
            return Ok(());
        }
        for number in proofs.preparing.work(self.settler.unproven()).await? {
            self.step(Input::Proven { number }).await?;
        }
        Ok(())
    }

    /// Hands parts to the outbox as far as it has room, with what they need. The inner result passes.
    async fn hand_over(&mut self) -> Result<Result<(), l1::Error>, Error> {
        let known = match self.known().await {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        for part in self.errands.due(&known, &self.course, self.outbox.room()) {
            match self.hand(part).await? {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Hands a part to the outbox, with what it needs. Says whether others may follow; the inner result passes.
    async fn hand(&mut self, part: Part) -> Result<Result<bool, l1::Error>, Error> {
        let places = self.places();
        let Some(order) = part.order(&self.writer, &places) else { return Ok(Ok(true)) };
        let gas = match self.writer.estimate(&order).await {
            Ok(gas) => gas,
            // All that it stands on is there, so it would fail in a block too, and cost.
            Err(error @ (l1::Error::Reverted { .. } | l1::Error::TooMuchGas { .. })) if places.checks.is_some() => {
                let (number, reason) = (part.batch(), Causes(&error).to_string());
                if let Some(contest) = &mut self.contest {
                    // Others may have come first, or a window have ended: the next look tells.
                    tracing::warn!(batch = number, part = part.name(), reason, "L1 would refuse this now");
                    contest.rest(now());
                    return Ok(Ok(false));
                }
                tracing::error!(batch = number, part = part.name(), reason, "L1 would refuse this");
                self.refused(number, reason).await?;
                return Ok(Ok(false));
            }
            Err(error) if places.checks.is_some() => return Ok(Err(error)),
            Err(_) => part.gas_at_most(),
        };
        let package = Package { id: self.next_id, what: part.to_bytes().into(), gas };
        self.next_id += 1;
        self.errands.handed_over(&part);
        self.course.begin(package.clone());
        let effects = self.outbox.step(now(), outbox::Input::Package(package));
        self.send(effects).await?;
        Ok(Ok(true))
    }

    fn places(&self) -> Places {
        let checks = self.proofs.as_ref().map(|proofs| proofs.checks.contracts());
        Places { checks, claims: self.contest.as_ref().map(contest::Contest::address) }
    }

    /// Looks up what the errands ask; `None` when it is too early to ask again.
    async fn known(&mut self) -> Result<Option<Known>, l1::Error> {
        let questions = self.errands.questions();
        let Some(proofs) = self.proofs.as_mut().filter(|_| !questions.is_empty()) else {
            return Ok(Some(Known::default()));
        };
        if now() < proofs.looked.after(LOOK) {
            return Ok(None);
        }
        let known = self.look_up(questions).await?;
        if let Some(proofs) = &mut self.proofs {
            proofs.looked = now();
        }
        Ok(Some(known))
    }

    async fn look_up(&self, questions: impl IntoIterator<Item = Question>) -> Result<Known, l1::Error> {
        let mut known = Known::default();
        let Some(proofs) = &self.proofs else { return Ok(known) };
        for question in questions {
            match question {
                Question::Settled => known.settled = self.reader.newest_settled().await?,
                Question::Answered(context) => {
                    known.answered.insert(context, proofs.checks.answered(&context).await?);
                }
                Question::Published(chunk) => {
                    if self.reader.is_published(&chunk).await? {
                        known.there.insert(question);
                    }
                }
                Question::Registered(context) => {
                    if proofs.checks.is_registered(&context).await? {
                        known.there.insert(question);
                    }
                }
            }
        }
        Ok(known)
    }

    /// L1 refuses a part of a batch with a proof: nothing more of it goes until the settler says so.
    async fn refused(&mut self, number: u64, reason: String) -> Result<(), Error> {
        self.drop_from(number);
        self.step(Input::Refused { number, reason }).await
    }

    /// Nothing more of this batch goes, nor of those behind it, until the settler says so.
    fn drop_from(&mut self, number: u64) {
        self.errands.drop_from(number);
        if let Some(contest) = &mut self.contest {
            contest.claiming.drop_from(number);
        }
    }

    /// One round of the outbox. The inner result passes.
    async fn deliver(&mut self) -> Result<Result<(), l1::Error>, Error> {
        let view = match self.writer.view(self.policy.limits.depth).await {
            Ok(view) => view,
            Err(error) => return Ok(Err(error)),
        };
        let eth = u32::try_from(view.balance_wei / (GWEI * GWEI)).unwrap_or(u32::MAX);
        let gwei = u32::try_from(view.balance_wei / GWEI % GWEI).unwrap_or(u32::MAX);
        metrics::gauge!(metric::L1_BALANCE_GWEI).set(f64::from(eth) * 1e9 + f64::from(gwei));
        let effects = self.outbox.step(now(), outbox::Input::View(view));
        self.send(effects).await?;
        for transaction in self.outbox.watched() {
            let input = match self.writer.receipt(&transaction).await {
                Ok(Some(receipt)) => outbox::Input::Receipt(receipt),
                Ok(None) => outbox::Input::Gone { transaction },
                Err(error) => return Ok(Err(error)),
            };
            let effects = self.outbox.step(now(), input);
            self.send(effects).await?;
        }
        let effects = self.outbox.step(now(), outbox::Input::Tick);
        self.send(effects).await?;
        Ok(Ok(()))
    }

    async fn send(&mut self, effects: Vec<outbox::Effect>) -> Result<(), Error> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            let failed = self.course.hear(&effect);
            match effect {
                outbox::Effect::Keep { nonce, record } => {
                    self.store.commit_outbox(nonce, Some(&record.to_bytes()))?;
                }
                outbox::Effect::Forget { nonce } => self.store.commit_outbox(nonce, None)?,
                outbox::Effect::Send { nonce, offer, package, gas_limit, terms } => {
                    let part = Part::from_bytes(&package.what).map_err(|_| Error::Outbox)?;
                    let order = part.order(&self.writer, &self.places()).ok_or(Error::Outbox)?;
                    let (transaction, answer) =
                        self.writer.sign_and_send(&order, nonce, gas_limit, terms.max_fee_wei, terms.tip_wei).await;
                    tracing::info!(batch = part.batch(), nonce, offer, gas_limit, ?answer, "sent to L1");
                    let input = outbox::Input::Sent { nonce, offer, transaction, answer };
                    effects.extend(self.outbox.step(now(), input));
                }
                outbox::Effect::Mined { package, receipt } => {
                    let wei = u128::from(receipt.gas_used) * u128::from(receipt.price_wei);
                    metrics::counter!(metric::L1_SPENT_GWEI).increment(u64::try_from(wei / GWEI).unwrap_or(u64::MAX));
                    tracing::info!(package, block = receipt.block, gas = receipt.gas_used, "in an L1 block");
                    self.note_cost(package, receipt.gas_used)?;
                }
                outbox::Effect::Failed { package, why } => {
                    tracing::warn!(package, ?why, "in vain");
                    if let Some(package) = failed {
                        let part = Part::from_bytes(&package.what).map_err(|_| Error::Outbox)?;
                        self.failed(&part, why).await?;
                    }
                }
                outbox::Effect::Reorged { package } => tracing::warn!(package, "dropped by L1: it waits again"),
                outbox::Effect::Final { package } => tracing::debug!(package, "final"),
                outbox::Effect::Alert(alert) => tracing::error!(?alert, "L1 writer"),
            }
        }
        Ok(())
    }

    /// Stores what a step of a proof used.
    fn note_cost(&self, package: u64, gas_used: u64) -> Result<(), Error> {
        let Some(package) = self.course.package(package) else { return Ok(()) };
        let part = Part::from_bytes(&package.what).map_err(|_| Error::Outbox)?;
        if !part.is_proof() {
            return Ok(());
        }
        metrics::counter!(metric::VERIFY_GAS).increment(gas_used);
        metrics::counter!(metric::VERIFY_STEPS, "outcome" => "checked").increment(1);
        let (name, cost) = (keccak(&[&package.what]), ProofCost::Step(StepCost { gas_used }));
        match self.store.commit_proof_cost(part.batch(), &name, &cost) {
            // The chain was taken back behind it.
            Ok(()) | Err(store::Error::UnknownBatch(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A part of a batch did not do what it should. Nothing more of the batch goes until the settler says so.
    async fn failed(&mut self, part: &Part, why: outbox::Failure) -> Result<(), Error> {
        let number = part.batch();
        if let Some(contest) = &mut self.contest {
            contest.rest(now());
        }
        if number == 0 {
            return Ok(());
        }
        self.drop_from(number);
        let input = if part.is_proof() {
            metrics::counter!(metric::VERIFY_STEPS, "outcome" => "refused").increment(1);
            tracing::error!(batch = number, part = part.name(), ?why, "a step of a proof failed");
            Input::Refused { number, reason: format!("{} failed: {why:?}", part.name()) }
        } else {
            Input::Failed { number }
        };
        self.step(input).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Keep { number, evidence } => self.store.commit_evidence(number, &evidence)?,
                Effect::Send { header, evidence } => self.begin(*header, evidence)?,
                Effect::GiveUp { number, reason } => {
                    tracing::error!(
                        batch = number,
                        reason,
                        "L1 refuses the batch again and again: it is not sent any more; mend the cause, then start the node again"
                    );
                }
                Effect::Final { number } => {
                    self.errands.drop_up_to(number);
                    self.record(number).await?;
                }
                Effect::Reopen { settled } => {
                    tracing::warn!(settled, "L1 dropped settled batches: they are handed over again");
                    self.store.forget_settlements(settled)?;
                    effects.extend(self.reopen(settled)?);
                }
                Effect::Rewind { to } => {
                    tracing::error!(to, "L1 dropped messages that the chain took: taking the chain back");
                    self.rewinder.rewind(to).await.map_err(Error::Rewind)?;
                    self.progress.sealed = self.store.last_batch()?.map_or(0, |batch| batch.header.number);
                    // What is committed to stays, although it is not settled.
                    effects.extend(self.reopen(to.min(self.settler.settled()))?);
                }
                Effect::Halt(why) => return Err(Error::Halted(why)),
            }
        }
        Ok(())
    }

    /// Takes a batch up: from now on its parts go to L1.
    fn begin(&mut self, header: BatchHeader, signatures: Vec<u8>) -> Result<(), Error> {
        let number = header.number;
        if let Some(contest) = &mut self.contest {
            contest.claiming.begin(header);
            return Ok(());
        }
        let difference = self.store.diff(number)?;
        let prepared = self.proofs.as_ref().and_then(|proofs| proofs.preparing.get(&header));
        let parts = match (&self.proofs, prepared) {
            (None, _) => parts(header, signatures, difference.as_deref(), []),
            (Some(_), Some(prepared)) => match prepared.evidence(&signatures) {
                Ok(evidence) => parts(header, evidence, difference.as_deref(), prepared.steps.clone()),
                Err(why) => {
                    tracing::error!(batch = number, why, "the batch's proof gives no evidence");
                    return Ok(());
                }
            },
            // The chain was taken back since the settler heard of the proof: it hears of the next one.
            (Some(_), None) => return Ok(()),
        };
        self.errands.begin(number, parts);
        Ok(())
    }

    fn reopen(&mut self, settled: u64) -> Result<Vec<Effect>, Error> {
        self.errands.clear();
        if let Some(contest) = &mut self.contest {
            contest.claiming.drop_from(settled + 1);
        }
        if let Some(proofs) = &mut self.proofs {
            proofs.preparing.clear();
        }
        let unsettled = unsettled(&self.store, settled)?;
        Ok(self.settler.step(now(), Input::Reopened { settled, unsettled }))
    }

    /// Stores how a batch settled. The loop asks L1 until it tells: the batch is settled whether or not we noted it.
    async fn record(&mut self, number: u64) -> Result<(), Error> {
        loop {
            match self.reader.settlement(number).await {
                Ok(Some(found)) => {
                    let (transaction, block, gas_used) = (found.transaction, found.block, found.gas_used);
                    self.store.commit_settlement(number, &Settlement { transaction, block, gas_used })?;
                    self.progress.waiting_since = None;
                    tracing::info!(batch = number, block, gas_used, "settled");
                    return Ok(());
                }
                Ok(None) => {
                    // Reorganised away between two questions: the next look tells.
                    tracing::warn!(batch = number, "L1 does not tell yet where this batch settled");
                    if self.reader.settled().await.is_ok_and(|settled| settled.number < number) {
                        return Ok(());
                    }
                }
                Err(error) => tracing::warn!(error = %Causes(&error), "L1 is away"),
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
