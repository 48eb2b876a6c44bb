//! The coordinator's loop: looks at the ledger whenever it moved, and sends what is to be done.

use crate::core::{Coordinator, Effect, Input, Refusal};
use api::Vote;
use client::Wallet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use task::Parameters;
use tokio::sync::{mpsc, oneshot};
use types::{Causes, Height, Millis};

/// How long one wait for a block lasts; deadlines are looked at in between.
const POLL_MS: u64 = 500;
/// How long to pause after the gateway failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Most votes that wait to be taken.
const WAITING: usize = 1_024;

type Answer = oneshot::Sender<Result<(), Refusal>>;

/// Why a vote was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The loop is gone.
    #[error("the coordinator has stopped: start the node again")]
    Stopped,
    /// The vote was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Speaks to a running coordinator.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<(Vote, Answer)>);

impl Handle {
    /// Hands over a resolver's vote.
    pub async fn vote(&self, vote: Vote) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.0.send((vote, answer)).await.map_err(|_| Error::Stopped)?;
        Ok(answered.await.map_err(|_| Error::Stopped)??)
    }
}

/// Where votes arrive.
pub struct Votes(mpsc::Receiver<(Vote, Answer)>);

/// Makes the two ends of the channel that votes arrive by.
pub fn votes() -> (Handle, Votes) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Handle(sender), Votes(receiver))
}

/// Runs until the last handle is gone.
pub async fn run(wallet: Wallet, parameters: Parameters, mut votes: Votes) {
    let mut coordinator = Coordinator::new(*wallet.chain(), parameters);
    let mut seen = Height(0);
    loop {
        tokio::select! {
            vote = votes.0.recv() => {
                let Some((vote, answer)) = vote else { return };
                // A member that went away votes again.
                let _ = answer.send(coordinator.check(&vote));
                coordinator.step(Input::Vote(Box::new(vote)));
            }
            moved = wallet.client().blocks(seen.next(), POLL_MS) => {
                match moved {
                    Ok(blocks) => seen = blocks.last().map_or(seen, |block| block.header.height),
                    Err(error) => pause(&error).await,
                }
            }
        }
        if let Err(error) = look(&mut coordinator, &wallet).await {
            pause(&error).await;
        }
    }
}

async fn pause(error: &client::Error) {
    tracing::warn!(error = %Causes(error), "coordinator");
    tokio::time::sleep(PAUSE).await;
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

async fn look(coordinator: &mut Coordinator, wallet: &Wallet) -> Result<(), client::Error> {
    let tasks = wallet.client().tasks().await?.into_iter().map(|view| (view.id, view.record)).collect::<Vec<_>>();
    let offers = match tasks.is_empty() {
        true => Vec::new(),
        false => wallet.client().offers().await?,
    };
    let offers = offers.into_iter().map(|view| (view.provider, view.record)).collect();
    for Effect::Send(action) in coordinator.step(Input::View { now: now(), tasks, offers }) {
        match wallet.send(&action).await {
            Ok(confirmation) => tracing::info!(height = confirmation.height.0, "sent"),
            // The ledger moved since the view was taken: the next view tells.
            Err(client::Error::Refused(failure)) => tracing::info!(code = failure.code, failure.message, "refused"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
