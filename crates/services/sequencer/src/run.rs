//! The sequencer's loop: stores, answers, and keeps time.

use crate::core::{Effect, Input, Restored, Sequencer};
use ledger::Deposit;
use state::State;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::sync::{oneshot, watch};
use transition::{ChainConfig, Receipt, Reject, Transaction};
use types::{Causes, Height, Millis, TransactionId, limits};

/// How often the sequencer looks at the clock when nothing arrives.
const TICK: Duration = Duration::from_millis(20);
/// Most commands that join one block.
const GROUP: usize = 2_048;

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
    /// The transaction was not taken into a block.
    #[error("{0}")]
    Refused(Reject),
}

/// Where a transaction stands and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The transaction.
    pub id: TransactionId,
    /// Its block.
    pub height: Height,
    /// Its place in the block.
    pub position: u32,
    /// What became of it.
    pub receipt: Receipt,
}

type Answer = oneshot::Sender<Result<Confirmed, Error>>;

enum Command {
    Submit(Box<Transaction>, Answer),
    Deposits(Vec<Deposit>),
    Read(Box<dyn FnOnce(&Sequencer) + Send>),
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
    pub async fn submit(&self, transaction: Transaction) -> Result<Confirmed, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Submit(Box::new(transaction), answer))?;
        answered.await.map_err(|_| Error::Stopped)?
    }

    /// Hands over confirmed L1 messages.
    pub fn deposits(&self, deposits: Vec<Deposit>) -> Result<(), Error> {
        self.send(Command::Deposits(deposits))
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

/// Reads back what the store holds; a new store gets its genesis.
pub fn restore(store: &Store, config: ChainConfig) -> Result<Sequencer, Error> {
    let found = store.resume(&transition::genesis(&config))?;
    let (state, head, batch) = (State::restore(found.leaves), found.head, found.batch.map(|batch| batch.header));
    let (blocks, receipts): (Vec<_>, Vec<_>) = found.unsealed.into_iter().unzip();
    Ok(Sequencer::restore(config, Restored { state, head, batch, blocks, receipts: receipts.concat() }))
}

/// Starts the loop on a thread of its own, since storing blocks. The receiver tells why it stopped, if it fails.
pub fn start(store: Store, config: ChainConfig) -> Result<(Handle, oneshot::Receiver<Error>), Error> {
    let sequencer = restore(&store, config)?;
    let (commands, inbox) = sync_channel(limits::QUEUE_TRANSACTIONS);
    let (head, heads) = watch::channel(sequencer.head().map_or(Height(0), |head| head.height));
    let (failed, failure) = oneshot::channel();
    let looping = Loop { sequencer, store, head, waiting: BTreeMap::new(), tickets: 0 };
    std::thread::spawn(move || {
        if let Err(error) = looping.run(&inbox) {
            tracing::error!(error = %Causes(&error), "sequencer stopped");
            // Whoever watched is gone too when this cannot be told.
            drop(failed.send(error));
        }
    });
    Ok((Handle { commands, head: heads }, failure))
}

struct Loop {
    sequencer: Sequencer,
    store: Store,
    head: watch::Sender<Height>,
    waiting: BTreeMap<u64, Answer>,
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
            let effects = self.sequencer.step(now(), Input::Tick);
            self.perform(effects)?;
        }
    }

    fn take(&mut self, command: Command) -> Result<(), Error> {
        let input = match command {
            Command::Submit(transaction, answer) => {
                self.tickets += 1;
                self.waiting.insert(self.tickets, answer);
                Input::Submit { ticket: self.tickets, transaction: *transaction }
            }
            Command::Deposits(deposits) => Input::Deposits(deposits),
            Command::Read(read) => {
                read(&self.sequencer);
                return Ok(());
            }
        };
        let effects = self.sequencer.step(now(), input);
        self.perform(effects)
    }

    fn answer(&mut self, ticket: u64, answer: Result<Confirmed, Error>) {
        if let Some(waiting) = self.waiting.remove(&ticket) {
            // A sender that went away asks again by id.
            drop(waiting.send(answer));
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        for effect in effects {
            match effect {
                Effect::Commit(executed) => {
                    self.store.commit_block(&executed)?;
                    self.head.send_replace(executed.block.header.height);
                    tracing::debug!(
                        height = executed.block.header.height.0,
                        entries = executed.block.entries.len(),
                        "block"
                    );
                }
                Effect::Confirm { ticket, id, height, position, receipt } => {
                    self.answer(ticket, Ok(Confirmed { id, height, position, receipt }));
                }
                Effect::Refuse { ticket, id, reject } => {
                    let answer = self.known(id)?.ok_or(Error::Refused(reject));
                    self.answer(ticket, answer);
                }
                Effect::Busy { ticket } => self.answer(ticket, Err(Error::Busy)),
                Effect::Seal(batch) => {
                    self.store.commit_batch(&batch)?;
                    tracing::info!(batch = batch.header.number, first = batch.first.0, last = batch.last.0, "sealed");
                }
            }
        }
        Ok(())
    }

    /// Finds a transaction that was sent twice: its second sending is answered like the first.
    fn known(&self, id: TransactionId) -> Result<Option<Confirmed>, Error> {
        let found = self.store.receipt_of(id)?;
        Ok(found.map(|(height, position, receipt)| Confirmed { id, height, position, receipt }))
    }
}
