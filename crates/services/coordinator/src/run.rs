//! The coordinator's loop: looks at the ledger whenever it moved, and sends what is to be done.

use crate::core::{Coordinator, Effect, Input, Refusal};
use api::Vote;
use api::private::{Host, Job, PARTIES};
use client::Wallet;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use task::{Parameters, TaskRecord};
use tokio::sync::{mpsc, oneshot};
use types::{Causes, Height, Millis, TaskId};

/// How long one wait for a block lasts; deadlines are looked at in between.
const POLL_MS: u64 = 500;
/// How long to pause after the gateway failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Most votes that wait to be taken.
const WAITING: usize = 1_024;

type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What the coordinator is told or asked.
enum Said {
    Vote(Vote, Answer),
    Host(Host, Answer),
    Hosts(oneshot::Sender<Vec<Host>>),
}

/// Why a word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The loop is gone.
    #[error("the coordinator has stopped: start the node again")]
    Stopped,
    /// It was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Speaks to a running coordinator.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<Said>);

impl Handle {
    /// Hands over a resolver's vote.
    pub async fn vote(&self, vote: Vote) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Said::Vote(vote, answer)).await.map_err(|_| Error::Stopped)?;
        Ok(answered.await.map_err(|_| Error::Stopped)??)
    }

    /// Hands over a provider's word that it takes part in private programs.
    pub async fn host(&self, host: Host) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Said::Host(host, answer)).await.map_err(|_| Error::Stopped)?;
        Ok(answered.await.map_err(|_| Error::Stopped)??)
    }

    /// Returns the words of those who take part in private programs.
    pub async fn hosts(&self) -> Result<Vec<Host>, Error> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Said::Hosts(answer)).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)
    }
}

/// Where votes and hosts' words arrive.
pub struct Votes(mpsc::Receiver<Said>);

/// Makes the two ends of the channel that votes and hosts' words arrive by.
pub fn votes() -> (Handle, Votes) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Handle(sender), Votes(receiver))
}

/// Runs until the last handle is gone.
pub async fn run(wallet: Wallet, parameters: Parameters, mut votes: Votes) {
    let mut coordinator = Coordinator::new(*wallet.chain(), parameters);
    let mut seen = Height(0);
    let mut known = BTreeMap::new();
    loop {
        tokio::select! {
            said = votes.0.recv() => match said {
                Some(said) => hear(&mut coordinator, said),
                None => return,
            },
            moved = wallet.client().blocks(seen.next(), POLL_MS) => {
                match moved {
                    Ok(blocks) => seen = blocks.last().map_or(seen, |block| block.header.height),
                    Err(error) => pause(&error).await,
                }
            }
        }
        if let Err(error) = look(&mut coordinator, &wallet, &mut known).await {
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

/// Whoever went away before the answer says it again.
fn hear(coordinator: &mut Coordinator, said: Said) {
    match said {
        Said::Vote(vote, answer) => {
            let _ = answer.send(coordinator.check(&vote));
            coordinator.step(Input::Vote(Box::new(vote)));
        }
        Said::Host(host, answer) => {
            let now = now();
            let _ = answer.send(coordinator.check_host(&host, now).map(|_| ()));
            coordinator.step(Input::Host { now, host: Box::new(host) });
        }
        Said::Hosts(answer) => drop(answer.send(coordinator.hosts(now()))),
    }
}

/// Returns which tasks are private. What the input of a task says is looked at once; `known` is what came of it.
async fn private(
    wallet: &Wallet,
    tasks: &[(TaskId, TaskRecord)],
    known: &mut BTreeMap<TaskId, bool>,
) -> Result<BTreeSet<TaskId>, client::Error> {
    known.retain(|id, _| tasks.iter().any(|(open, _)| open == id));
    for (id, task) in tasks {
        let redundancy = task.submit.redundancy;
        if known.contains_key(id) || usize::from(redundancy) != PARTIES {
            continue;
        }
        match wallet.client().content(&task.submit.input).await {
            Ok(input) => drop(known.insert(*id, Job::of(redundancy, &input).is_some())),
            // A private task's input is stored before the task is submitted.
            Err(client::Error::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(known.iter().filter(|(_, is_private)| **is_private).map(|(id, _)| *id).collect())
}

async fn look(
    coordinator: &mut Coordinator,
    wallet: &Wallet,
    known: &mut BTreeMap<TaskId, bool>,
) -> Result<(), client::Error> {
    let tasks = wallet.client().tasks().await?.into_iter().map(|view| (view.id, view.record)).collect::<Vec<_>>();
    let private = private(wallet, &tasks, known).await?;
    let offers = match tasks.is_empty() {
        true => Vec::new(),
        false => wallet.client().offers().await?,
    };
    let offers = offers.into_iter().map(|view| (view.provider, view.record)).collect();
    for Effect::Send(action) in coordinator.step(Input::View { now: now(), tasks, offers, private }) {
        match wallet.send(&action).await {
            Ok(confirmation) => tracing::info!(height = confirmation.height.0, "sent"),
            // The ledger moved since the view was taken: the next view tells.
            Err(client::Error::Refused(failure)) => tracing::info!(code = failure.code, failure.message, "refused"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
