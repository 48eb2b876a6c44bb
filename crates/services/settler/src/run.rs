//! The settler's loop: watches the store for batches and L1 for settlements, and sends.

use crate::core::{Effect, Input, Refusal, Settler};
use crypto::eth::EthSignature;
use l1::{Reader, Writer};
use proof::{Anchor, BatchHeader};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Settlement, Store};
use tokio::sync::{mpsc, oneshot};
use types::{Causes, EthAddress, Millis};

/// How often the settler looks at the store and at L1.
const POLL: Duration = Duration::from_millis(100);
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

/// Makes a settler and its handle. The future runs until the store fails or L1 shows another chain.
pub fn start(
    store: Store,
    anchor: Anchor,
    reader: Reader,
    writer: Writer,
) -> Result<(Handle, impl Future<Output = Result<(), Error>>), Error> {
    let done = store.settled()?;
    let settler = Settler::restore(anchor, done, unsettled(&store, done)?);
    let sealed = store.last_batch()?.map_or(0, |batch| batch.header.number);
    let (commands, inbox) = mpsc::channel(WAITING);
    let looping = Loop { settler, store, reader, writer, sealed };
    Ok((Handle(commands), looping.run(inbox)))
}

struct Loop {
    settler: Settler,
    store: Store,
    reader: Reader,
    writer: Writer,
    sealed: u64,
}

impl Loop {
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
        let effects = self.settler.step(now(), Input::Signature { number, signer, signature });
        self.perform(effects).await
    }

    async fn look(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.store.batch(self.sealed + 1)? {
            self.sealed += 1;
            self.settler.step(now(), Input::Sealed(batch.header));
        }
        match self.reader.settled().await {
            Ok(settled) => {
                let input = Input::Settled { number: settled.number, state_root: settled.state_root };
                let effects = self.settler.step(now(), input);
                self.perform(effects).await?;
            }
            Err(error) => tracing::warn!(error = %Causes(&error), "L1 is away"),
        }
        let effects = self.settler.step(now(), Input::Tick);
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        for effect in effects {
            match effect {
                Effect::Keep { number, evidence } => self.store.commit_evidence(number, &evidence)?,
                Effect::Send { header, evidence } => match self.writer.settle(&header, &evidence).await {
                    Ok(sent) => tracing::info!(batch = header.number, gas = sent.gas_used, "sent to L1"),
                    Err(error) => {
                        tracing::warn!(batch = header.number, error = %Causes(&error), "not settled");
                        self.settler.step(now(), Input::Failed);
                    }
                },
                Effect::Final { number } => self.record(number).await?,
                Effect::Halt(why) => return Err(Error::Halted(why)),
            }
        }
        Ok(())
    }

    /// Stores how a batch settled. The loop asks L1 until it tells: the batch is final whether or not we noted it.
    async fn record(&mut self, number: u64) -> Result<(), Error> {
        loop {
            match self.reader.settlement(number).await {
                Ok(Some(found)) => {
                    let (transaction, block, gas_used) = (found.transaction, found.block, found.gas_used);
                    self.store.commit_settlement(number, &Settlement { transaction, block, gas_used })?;
                    tracing::info!(batch = number, block, gas_used, "settled");
                    return Ok(());
                }
                Ok(None) => tracing::warn!(batch = number, "L1 does not tell yet where this batch settled"),
                Err(error) => tracing::warn!(error = %Causes(&error), "L1 is away"),
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
