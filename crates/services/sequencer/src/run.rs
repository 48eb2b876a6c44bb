//! The sequencer's loop: stores, answers, and keeps time.

use crate::core::{Confirmed, Effect, Input, Policy, Restored, Sequencer};
use api::metric;
use crypto::account::SecretKey;
use crypto::list;
use ledger::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::sync::{mpsc, oneshot, watch};
use transition::{ChainConfig, Checked, Executed, Transaction, diff, entry_leaves};
use types::{Causes, Digest, Height, Millis, TransactionId, limits};

/// How often the sequencer looks at the clock when nothing arrives.
const TICK: Duration = Duration::from_millis(20);
/// Most requests that join one block.
const GROUP: usize = 2_048;
/// Most questions that wait for the operator's answer to be asked.
const QUESTIONS: usize = 1_024;

/// Why the sequencer stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed: nothing more can be confirmed.
    #[error("the sequencer cannot store: see the cause, then start it again")]
    Store(#[from] store::Error),
    /// The loop is gone: the node is shutting down.
    #[error("the sequencer has stopped: start the node again")]
    Stopped,
    /// Too much is waiting.
    #[error("too many transactions are waiting: send again in a moment")]
    Busy,
    /// The transaction was not taken into a block, for the reason with this code.
    #[error("the transaction was not taken into a block: code {0}")]
    Refused(u32),
}

type Outcome = Result<Confirmed, Error>;

enum Command {
    Submit(Vec<Checked>, oneshot::Sender<Vec<Outcome>>),
    Messages(Vec<Message>),
    Alternative(TransactionId, Vec<Checked>),
    Rewind(u64, oneshot::Sender<Result<Height, Error>>),
    Read(Box<dyn FnOnce(&Sequencer) + Send>),
}

/// A transaction that would be rejected, and what for: see [`Input::Alternative`].
#[derive(Debug)]
pub struct Question {
    /// The transaction.
    pub transaction: Checked,
    /// The code of the reason.
    pub code: u32,
}

/// Speaks to a running sequencer. Cheap to clone; the sequencer stops when the last handle is gone.
#[derive(Clone)]
pub struct Handle {
    commands: SyncSender<Command>,
    head: watch::Receiver<Height>,
}

impl Handle {
    fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Stopped,
        })
    }

    /// Submits a transaction and returns what became of it, once that is stored.
    pub async fn submit(&self, transaction: Checked) -> Outcome {
        let mut outcomes = self.submit_all(vec![transaction]).await?;
        outcomes.pop().unwrap_or(Err(Error::Stopped))
    }

    /// Submits transactions in their order and returns what became of each, once all are stored.
    pub async fn submit_all(&self, transactions: Vec<Checked>) -> Result<Vec<Outcome>, Error> {
        if transactions.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.send(Command::Submit(transactions, answer))?;
        answered.await.map_err(|_| Error::Stopped)
    }

    /// Hands over confirmed L1 messages.
    pub fn messages(&self, messages: Vec<Message>) -> Result<(), Error> {
        self.send(Command::Messages(messages))
    }

    /// Answers a question: these transactions take the place of the one that was asked about.
    pub fn alternative(&self, id: TransactionId, transactions: Vec<Checked>) -> Result<(), Error> {
        self.send(Command::Alternative(id, transactions))
    }

    /// Takes the chain back to the end of a batch, because L1 dropped what the next one stands on. The transactions of the
    /// blocks that are no more come first in the next block; L1's messages are to be handed over anew. Returns the height
    /// of the last block that stays.
    pub async fn rewind(&self, to_batch: u64) -> Result<Height, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Rewind(to_batch, answer))?;
        answered.await.map_err(|_| Error::Stopped)?
    }

    /// Reads from the sequencer between two steps.
    pub async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Sequencer) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let (answer, answered) = oneshot::channel();
        // A reader that went away does not need its answer.
        self.send(Command::Read(Box::new(move |sequencer| drop(answer.send(read(sequencer))))))?;
        answered.await.map_err(|_| Error::Stopped)
    }

    /// Returns the height of the last stored block, and tells when it changes.
    pub fn head(&self) -> watch::Receiver<Height> {
        self.head.clone()
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What a sequencer is started with besides its store.
#[derive(Clone)]
pub struct Settings {
    /// The chain's configuration.
    pub config: ChainConfig,
    /// The operator's choices.
    pub policy: Policy,
    /// The key that signs confirmations; the configuration names its public half.
    pub key: Arc<SecretKey>,
    /// How many leaves of the state are kept in memory beside those that the store is yet to take; `None` for all.
    pub state_cache_leaves: Option<usize>,
}

/// Reads back what the store holds; a new store gets its genesis.
pub fn restore(store: &Store, settings: &Settings) -> Result<Sequencer, Error> {
    let found = store.resume(&transition::genesis(&settings.config))?;
    let (head, batch) = (found.head, found.batch.map(|batch| batch.header));
    let mut before = diff::Before::new();
    found.undo.iter().for_each(|undo| diff::note(&mut before, undo));
    let state = store.state(settings.state_cache_leaves, &Threads)?;
    let (blocks, receipts): (Vec<_>, Vec<_>) = found.unsealed.into_iter().unzip();
    let restored = Restored { state, head, batch, blocks, receipts: receipts.concat(), before };
    let Settings { config, policy, key, state_cache_leaves: _ } = settings;
    Ok(Sequencer::restore(config.clone(), policy.clone(), Arc::clone(key), restored).sharing(Arc::new(Threads)))
}

/// Returns the transactions of blocks that were taken back and are not dealt with.
fn revoked(store: &Store, chain: &Digest) -> Result<Vec<Checked>, Error> {
    // They were checked when they came, and everything in a block has its shape.
    Ok(store.revoked()?.iter().filter_map(|bytes| Transaction::check(bytes, chain).ok()).collect())
}

/// A running sequencer: its handle, why it stopped if it fails, and what it asks the operator.
pub struct Started {
    /// Speaks to it.
    pub handle: Handle,
    /// Tells why it stopped, if it fails.
    pub failure: oneshot::Receiver<Error>,
    /// What it asks. Dropped questions are asked again.
    pub questions: mpsc::Receiver<Question>,
}

/// Starts the loop on a thread of its own, since storing blocks.
pub fn start(store: Store, settings: Settings) -> Result<Started, Error> {
    let mut sequencer = restore(&store, &settings)?;
    let chain = settings.config.hash();
    let revoked = revoked(&store, &chain)?;
    let has_revoked = !revoked.is_empty();
    sequencer.requeue(revoked);
    let (commands, inbox) = sync_channel(limits::QUEUE_TRANSACTIONS);
    let (head, heads) = watch::channel(sequencer.head().map_or(Height(0), |head| head.height));
    let (failed, failure) = oneshot::channel();
    let (asks, questions) = mpsc::channel(QUESTIONS);
    let looping = Loop {
        sequencer,
        has_revoked,
        store,
        settings,
        chain,
        head,
        asks,
        waiting: BTreeMap::new(),
        groups: BTreeMap::new(),
        tickets: 0,
    };
    std::thread::spawn(move || {
        if let Err(error) = looping.run(&inbox) {
            tracing::error!(error = %Causes(&error), "sequencer stopped");
            // Whoever watched is gone too when this cannot be told.
            drop(failed.send(error));
        }
    });
    Ok(Started { handle: Handle { commands, head: heads }, failure, questions })
}

/// Counts transactions by what became of them.
fn count(outcome: &'static str, count: usize) {
    metrics::counter!(metric::TRANSACTIONS, "outcome" => outcome).increment(u64::try_from(count).unwrap_or(u64::MAX));
}

/// Sets a number. Far beyond what happens here it stops to grow: a measured number is not worth a panic.
fn set(name: &'static str, value: impl TryInto<u32>) {
    metrics::gauge!(name).set(value.try_into().unwrap_or(u32::MAX));
}

/// Shares work between threads.
pub struct Threads;

impl state::Join for Threads {
    fn join(&self, left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
        rayon::join(left, right);
    }
}

/// The transactions of one request, and the answers so far.
struct Group {
    answers: Vec<Option<Outcome>>,
    missing: usize,
    answer: oneshot::Sender<Vec<Outcome>>,
}

struct Loop {
    sequencer: Sequencer,
    /// Whether the store still keeps transactions of blocks that were taken back.
    has_revoked: bool,
    store: Store,
    settings: Settings,
    chain: Digest,
    head: watch::Sender<Height>,
    asks: mpsc::Sender<Question>,
    /// To which group a ticket belongs, and where in it.
    waiting: BTreeMap<u64, (u64, usize)>,
    groups: BTreeMap<u64, Group>,
    tickets: u64,
}

impl Loop {
    fn run(mut self, inbox: &Receiver<Command>) -> Result<(), Error> {
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(command) => {
                    self.take(command)?;
                    // Whatever arrived meanwhile joins the same block: one write for all of it.
                    for command in inbox.try_iter().take(GROUP) {
                        self.take(command)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.tick()?;
        }
    }

    fn tick(&mut self) -> Result<(), Error> {
        let (start, now) = (Instant::now(), now());
        let effects = self.sequencer.step(now, Input::Tick);
        if effects.iter().any(|effect| matches!(effect, Effect::Commit(_))) {
            metrics::histogram!(metric::EXECUTE_SECONDS).record(start.elapsed());
        }
        self.perform(effects)?;
        // Nothing waits any more, so that all that came again is in the chain, or was refused.
        if self.has_revoked && self.sequencer.queued() == 0 {
            self.store.forget_revoked()?;
            self.has_revoked = false;
        }
        let age = self.sequencer.unsealed_since().map_or(0, |since| now.0.saturating_sub(since.0));
        metrics::gauge!(metric::BATCH_AGE_SECONDS).set(Duration::from_millis(age));
        set(metric::QUEUE_DEPTH, self.sequencer.queued());
        Ok(())
    }

    fn commit(&mut self, executed: &Executed) -> Result<(), Error> {
        let start = Instant::now();
        self.store.commit_block(executed)?;
        metrics::histogram!(metric::BLOCK_COMMIT_SECONDS).record(start.elapsed());
        let (height, entries) = (executed.block.header.height, executed.block.entries.len());
        self.head.send_replace(height);
        tracing::debug!(height = height.0, entries, "block");
        let applied = executed.receipts.iter().filter(|receipt| receipt.is_applied()).count();
        count("applied", applied);
        count("rejected", entries - applied);
        metrics::histogram!(metric::BLOCK_ENTRIES).record(f64::from(u32::try_from(entries).unwrap_or(u32::MAX)));
        set(metric::HEAD_HEIGHT, height.0);
        self.sequencer.trim(self.store.stored());
        let state = self.sequencer.state();
        set(metric::STATE_LEAVES, state.len());
        set(metric::STATE_CACHED_LEAVES, state.cached());
        set(metric::STATE_PAGES, state.pages());
        Ok(())
    }

    fn step(&mut self, input: Input) -> Result<(), Error> {
        let effects = self.sequencer.step(now(), input);
        self.perform(effects)
    }

    fn take(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Submit(transactions, answer) => self.submit(transactions, answer),
            Command::Messages(messages) => self.step(Input::Messages(messages)),
            Command::Alternative(id, transactions) => self.step(Input::Alternative { id, transactions }),
            Command::Rewind(to_batch, answer) => {
                let done = self.rewind(to_batch);
                // Whoever asked is gone too when this cannot be told; the chain is where the store says.
                drop(answer.send(done));
                Ok(())
            }
            Command::Read(read) => {
                read(&self.sequencer);
                Ok(())
            }
        }
    }

    fn submit(&mut self, transactions: Vec<Checked>, answer: oneshot::Sender<Vec<Outcome>>) -> Result<(), Error> {
        let count = transactions.len();
        let group = self.tickets + 1;
        self.groups.insert(group, Group { answers: (0..count).map(|_| None).collect(), missing: count, answer });
        for (at, transaction) in transactions.into_iter().enumerate() {
            self.tickets += 1;
            self.waiting.insert(self.tickets, (group, at));
            self.step(Input::Submit { ticket: self.tickets, transaction: Box::new(transaction) })?;
        }
        Ok(())
    }

    fn answer(&mut self, ticket: u64, outcome: Outcome) {
        let Some((number, at)) = self.waiting.remove(&ticket) else { return };
        let Some(group) = self.groups.get_mut(&number) else { return };
        group.answers[at] = Some(outcome);
        group.missing -= 1;
        if group.missing == 0
            && let Some(group) = self.groups.remove(&number)
        {
            // A sender that went away asks again by id.
            drop(group.answer.send(group.answers.into_iter().flatten().collect()));
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        for effect in effects {
            match effect {
                Effect::Commit(executed) => self.commit(&executed)?,
                Effect::Confirm { ticket, confirmed } => self.answer(ticket, Ok(*confirmed)),
                Effect::Refuse { ticket, id, code } => {
                    let outcome = self.known(id)?.ok_or(Error::Refused(code));
                    count("refused", usize::from(outcome.is_err()));
                    self.answer(ticket, outcome);
                }
                Effect::Busy { ticket } => {
                    count("busy", 1);
                    self.answer(ticket, Err(Error::Busy));
                }
                Effect::Ask { transaction, code } => {
                    let id = transaction.id();
                    if self.asks.try_send(Question { transaction: *transaction, code }).is_err() {
                        tracing::warn!(%id, code, "nobody takes the question; it is asked again");
                    }
                }
                Effect::Halted { id } => {
                    tracing::error!(%id, "the operator's hook does not answer: the chain stands still")
                }
                Effect::Seal { batch, diff } => {
                    match diff {
                        Some(diff) => self.store.commit_batch_with(&batch, &diff)?,
                        None => self.store.commit_batch(&batch)?,
                    }
                    set(metric::BATCH_SEALED, batch.header.number);
                    tracing::info!(batch = batch.header.number, first = batch.first.0, last = batch.last.0, "sealed");
                }
            }
        }
        Ok(())
    }

    /// Finds a transaction that was sent twice: its second sending is answered like the first.
    fn known(&self, id: TransactionId) -> Result<Option<Confirmed>, Error> {
        let Some((height, position, receipt)) = self.store.receipt_of(id)? else { return Ok(None) };
        let (Some(block), Some(receipts)) = (self.store.block(height)?, self.store.receipts(height)?) else {
            return Ok(None);
        };
        let leaves = entry_leaves(&block.entries, &receipts);
        let path = usize::try_from(position).ok().and_then(|at| list::path(&leaves, at)).unwrap_or_default();
        let block = Arc::new(self.sequencer.sign(block.header));
        Ok(Some(Confirmed { id, height, position, receipt, path, block }))
    }

    /// Takes the store back, starts over from it, and puts what was in the lost blocks first in the queue. What waited
    /// when the rewind came waits behind it: its senders still hold their tickets.
    fn rewind(&mut self, to_batch: u64) -> Result<Height, Error> {
        let rewound = self.store.rewind(to_batch)?;
        let mut sequencer = restore(&self.store, &self.settings)?;
        let again = revoked(&self.store, &self.chain)?;
        tracing::warn!(to_batch, blocks = rewound.removed.len(), transactions = again.len(), "rewound");
        sequencer.take_queue_of(&mut self.sequencer);
        sequencer.requeue(again);
        self.has_revoked = true;
        self.sequencer = sequencer;
        let height = self.sequencer.head().map_or(Height(0), |head| head.height);
        self.head.send_replace(height);
        Ok(height)
    }
}

#[cfg(test)]
mod tests;
