//! The queue's loop: plans sealed batches, lends jobs, takes proofs, and remembers both in the store.

use super::core::{Effect, Input, JobId, LEASE, Place, Queue};
use super::plan::{Fault, Plan, Planned, PlannedLeaf, Refused, View, plan};
use api::metric;
use api::proving::{BatchAtWork, LeafAtWork, NotProven, Proving};
use proof::joined::Leaf;
use prover::Stage;
use prover::security::security_of;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{LeafCost, ProofCost, Store};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use transition::proven::ProvenLeaf;
use transition::{Batch, ChainConfig};
use types::{Bytes32, Causes, Decode as _, Encode as _, Millis};

/// How often the queue looks at the store.
const POLL: Duration = Duration::from_millis(100);
/// How long a batch rests that could not be planned.
const AGAIN: Millis = Millis(1_000);
/// Most requests of provers that wait.
const WAITING: usize = 256;
/// Most proofs that are checked at one time.
const CHECKED: usize = 2;
/// How many of the batches that are not proven are told of.
const TOLD: usize = 16;
/// Under which name the store notes the first batch that is neither proven nor refused.
const FIRST: &str = "proving";

/// Why the queue stopped, or did not take something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the proving queue cannot store: see the cause, then start it again")]
    Store(#[from] store::Error),
    /// What is stored cannot be read.
    #[error("the record of what is to be proven is damaged: restore the store from a snapshot")]
    Damaged,
    /// The loop is gone.
    #[error("the proving queue has stopped: start the node again")]
    Stopped,
    /// Nobody waits for this proof.
    #[error("batch {0} has no such leaf to be proven: ask for a job")]
    Unknown(u64),
    /// A proof does not hold.
    #[error("this is no proof of the job: {0}")]
    Refused(String),
}

/// A job that is lent.
pub struct Lent {
    /// Which.
    pub job: JobId,
    /// The lease.
    pub lease: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// What a proof took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// In milliseconds.
    pub wall_ms: u64,
    /// Of processor time, in milliseconds.
    pub cpu_ms: u64,
}

enum Command {
    Ask(String, oneshot::Sender<Option<Lent>>),
    Beat(JobId, u64, u8, oneshot::Sender<bool>),
    Proven(JobId, Cost, Box<Leaf>, u32, u32, oneshot::Sender<()>),
    Failed(JobId, u64, String, bool),
    Look(oneshot::Sender<Proving>),
}

/// Speaks to a running queue.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    store: Store,
    checking: Arc<Semaphore>,
}

impl Handle {
    async fn ask<R>(&self, command: impl FnOnce(oneshot::Sender<R>) -> Command) -> Result<R, Error> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)
    }

    /// Lends a job, if there is one.
    pub async fn lend(&self, prover: String) -> Result<Option<Lent>, Error> {
        self.ask(|answer| Command::Ask(prover, answer)).await
    }

    /// Hears that a prover lives, and says whether its lease still counts.
    pub async fn beat(&self, job: JobId, lease: u64, stage: u8) -> Result<bool, Error> {
        self.ask(|answer| Command::Beat(job, lease, stage, answer)).await
    }

    /// Takes a proof that holds, from whomever.
    pub async fn prove(&self, job: JobId, cost: Cost, proof: Box<[u8]>) -> Result<(), Error> {
        let turn = self.checking.acquire().await.map_err(|_| Error::Stopped)?;
        let PlannedLeaf { claim, entries, messages, withdrawals } = planned(&self.store, job)?;
        let leaf = Leaf { claim, messages, withdrawals, proof };
        let check = move || {
            leaf.verify().map_err(|why| why.to_string())?;
            let bits = security_of(&leaf.proof).ok_or_else(|| "it has no tables".to_owned())?.proven;
            Ok((leaf, u32::try_from(bits).unwrap_or(u32::MAX)))
        };
        let checked = tokio::task::spawn_blocking(check);
        let checked = checked.await.unwrap_or_else(|_| Err("it could not be checked".to_owned()));
        drop(turn);
        let (leaf, bits) = checked.map_err(|why: String| {
            count("refused");
            Error::Refused(why)
        })?;
        self.ask(|answer| Command::Proven(job, cost, Box::new(leaf), entries, bits, answer)).await
    }

    /// Hears that a prover could not do its job.
    pub async fn fail(&self, job: JobId, lease: u64, reason: String, is_final: bool) -> Result<(), Error> {
        self.commands.send(Command::Failed(job, lease, reason, is_final)).await.map_err(|_| Error::Stopped)
    }

    /// Says where proving stands.
    pub async fn look(&self) -> Result<Proving, Error> {
        self.ask(Command::Look).await
    }
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::PROVE_LEAVES, "outcome" => outcome).increment(1);
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn read(bytes: &[u8]) -> Result<Plan, Error> {
    Plan::from_bytes(bytes).map_err(|_| Error::Damaged)
}

/// Returns what a job is to prove.
fn planned(store: &Store, job: JobId) -> Result<PlannedLeaf, Error> {
    let plan = store.plan(job.batch)?.ok_or(Error::Unknown(job.batch))?;
    let Plan::Leaves(Planned { leaves }) = read(&plan)? else { return Err(Error::Unknown(job.batch)) };
    let leaf = usize::try_from(job.leaf).ok().and_then(|leaf| leaves.into_iter().nth(leaf));
    leaf.ok_or(Error::Unknown(job.batch))
}

/// Which batches are proven.
#[derive(Debug)]
pub enum Demand {
    /// All of them, beside their settling by the quorum.
    All,
    /// All of them, and they settle by it: none is given up because provers fail.
    Needed,
    /// Those that are named, and they wait for it: none of them is given up.
    Named(watch::Receiver<BTreeSet<u64>>),
}

/// Makes a queue and its handle. The future runs until the store fails.
pub fn start<V: View>(
    store: Store,
    config: ChainConfig,
    view: V,
    demand: Demand,
) -> Result<(Handle, impl Future<Output = Result<(), Error>>), Error> {
    let (commands, inbox) = mpsc::channel(WAITING);
    let handle = Handle { commands, store: store.clone(), checking: Arc::new(Semaphore::new(CHECKED)) };
    // Leases of an earlier run are smaller: time passed since.
    let queue = Queue::new(now().0);
    let queue = if matches!(demand, Demand::All) { queue } else { queue.never_gives_up() };
    let (planning, again) = (None, Millis(0));
    let mut looping = Loop {
        queue,
        store,
        config: Arc::new(config),
        view,
        demand,
        planning,
        again,
        planned: 0,
        first: 0,
        proven: None,
        not_proven: VecDeque::new(),
    };
    looping.restore()?;
    Ok((handle, looping.run(inbox)))
}

/// A plan that is being made, of which batch.
type Planning = (u64, JoinHandle<Result<(Planned, Vec<Vec<u8>>), Fault>>);

struct Loop<V> {
    queue: Queue,
    store: Store,
    config: Arc<ChainConfig>,
    view: V,
    demand: Demand,
    planning: Option<Planning>,
    /// When planning is tried again.
    again: Millis,
    /// The last batch of which it is decided how it is proven.
    planned: u64,
    /// The first batch that a restart has to look at.
    first: u64,
    proven: Option<u64>,
    not_proven: VecDeque<NotProven>,
}

impl<V: View> Loop<V> {
    /// Takes up from the store.
    fn restore(&mut self) -> Result<(), Error> {
        let noted = self.store.note(FIRST)?.map(|bytes| u64::from_bytes(&bytes).map_err(|_| Error::Damaged));
        self.first = noted.transpose()?.unwrap_or(0);
        let told = u64::try_from(TOLD).unwrap_or(u64::MAX);
        for (batch, plan) in self.store.plans(self.first.saturating_sub(told), usize::MAX)? {
            self.planned = batch;
            match read(&plan)? {
                Plan::Leaves(_) if batch < self.first => self.proven = Some(batch),
                Plan::Leaves(Planned { leaves }) => {
                    let mut proven = Vec::new();
                    for leaf in (0..).take(leaves.len()) {
                        proven.push(self.store.leaf_proof(batch, leaf)?.is_some());
                    }
                    for effect in self.queue.step(now(), Input::Planned { batch, proven }) {
                        if let Effect::Done { batch } = effect {
                            self.proven = self.proven.max(Some(batch));
                        }
                    }
                }
                Plan::Refused(Refused { reason }) => self.note(batch, &String::from_utf8_lossy(&reason)),
            }
        }
        if self.planned == 0 {
            // What was sealed before anybody asked for proofs is not proven.
            self.planned = self.store.finalized()?;
        }
        Ok(())
    }

    /// Notes from which batch on a restart has to look, so that it need not read what is done.
    fn mark(&mut self, first: u64) -> Result<(), Error> {
        if first != self.first {
            self.store.put_note(FIRST, &first.to_bytes())?;
            self.first = first;
        }
        Ok(())
    }

    fn mark_open(&mut self) -> Result<(), Error> {
        let open = self.queue.batches().keys().next().copied();
        self.mark(open.unwrap_or(self.planned + 1))
    }

    fn note(&mut self, batch: u64, reason: &str) {
        if self.not_proven.len() == TOLD {
            self.not_proven.pop_front();
        }
        self.not_proven.push_back(NotProven { batch, reason: reason.to_owned() });
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Result<(), Error> {
        let mut clock = tokio::time::interval(POLL);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.take(command)?,
                    None => return Ok(()),
                },
                _ = clock.tick() => self.look().await?,
            }
        }
    }

    fn take(&mut self, command: Command) -> Result<(), Error> {
        // Whoever went away asks again.
        match command {
            Command::Ask(prover, answer) => drop(answer.send(self.lend(prover)?)),
            Command::Beat(job, lease, stage, answer) => {
                let held = self.queue.step(now(), Input::Beat { job, lease, stage });
                let _ = answer.send(held == [Effect::Held(true)]);
            }
            Command::Proven(job, cost, leaf, entries, bits, answer) => {
                self.keep(job, cost, &leaf, entries, bits)?;
                let _ = answer.send(());
            }
            Command::Failed(job, lease, reason, is_final) => {
                self.step(Input::Failed { job, lease, reason, is_final })?;
            }
            Command::Look(answer) => drop(answer.send(self.view())),
        }
        Ok(())
    }

    fn lend(&mut self, prover: String) -> Result<Option<Lent>, Error> {
        for effect in self.queue.step(now(), Input::Ask { prover }) {
            let Effect::Lend { job, lease } = effect else { continue };
            match self.store.job(job.batch, job.leaf)? {
                Some(bytes) => return Ok(Some(Lent { job, lease, bytes })),
                // The chain was taken back behind it.
                None => self.step(Input::Dropped { batch: job.batch })?,
            }
        }
        Ok(None)
    }

    fn keep(&mut self, job: JobId, cost: Cost, leaf: &Leaf, entries: u32, bits: u32) -> Result<(), Error> {
        // While it was checked the chain may have been taken back, and the batch be another.
        if !planned(&self.store, job).is_ok_and(|planned| planned.claim == leaf.claim) {
            return Ok(());
        }
        if self.store.leaf_proof(job.batch, job.leaf)?.is_none() {
            let proven = ProvenLeaf { entries, leaf: leaf.clone() };
            self.store.commit_leaf_proof(job.batch, job.leaf, &proven.to_bytes())?;
            measure(cost, leaf.proof.len(), entries);
            let Cost { wall_ms, cpu_ms } = cost;
            let bytes = u64::try_from(leaf.proof.len()).unwrap_or(u64::MAX);
            let took = ProofCost::Leaf(LeafCost { prove_ms: wall_ms, bytes, security_bits: bits });
            self.store.commit_proof_cost(job.batch, &leaf_name(job.leaf), &took)?;
            tracing::info!(batch = job.batch, leaf = job.leaf, entries, wall_ms, cpu_ms, "proven");
        }
        self.step(Input::Proven { job })
    }

    fn step(&mut self, input: Input) -> Result<(), Error> {
        for effect in self.queue.step(now(), input) {
            match effect {
                Effect::Done { batch } => {
                    self.proven = self.proven.max(Some(batch));
                    tracing::info!(batch, "every leaf of the batch is proven");
                    self.mark_open()?;
                }
                Effect::Retry { job, reason } => {
                    count("failed");
                    tracing::warn!(batch = job.batch, leaf = job.leaf, reason, "a leaf is tried again");
                }
                Effect::Refuse { batch, reason } => self.refuse(batch, &reason)?,
                Effect::Lend { .. } | Effect::Idle | Effect::Held(_) => {}
            }
        }
        Ok(())
    }

    /// Records that a batch is not proven.
    fn refuse(&mut self, batch: u64, reason: &str) -> Result<(), Error> {
        tracing::warn!(batch, reason, "the batch is not proven");
        let plan = Plan::Refused(Refused { reason: reason.as_bytes().into() });
        match self.store.commit_plan(batch, &plan.to_bytes(), &[]) {
            Ok(()) => self.note(batch, reason),
            // The chain was taken back behind it.
            Err(store::Error::UnknownBatch(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.mark_open()
    }

    async fn look(&mut self) -> Result<(), Error> {
        self.follow_back()?;
        self.step(Input::Tick)?;
        let (waiting, lent) = self.queue.depth();
        let gauge = |state: &'static str, jobs: usize| {
            metrics::gauge!(metric::PROVE_JOBS, "state" => state).set(u32::try_from(jobs).unwrap_or(u32::MAX));
        };
        gauge("waiting", waiting);
        gauge("lent", lent);
        metrics::gauge!(metric::PROVE_BATCH).set(u32::try_from(self.proven.unwrap_or(0)).unwrap_or(u32::MAX));
        self.plan().await
    }

    /// Forgets the batches that were taken back.
    fn follow_back(&mut self) -> Result<(), Error> {
        let pending: Vec<u64> = self.queue.batches().keys().copied().collect();
        for batch in pending {
            if self.store.plan(batch)?.is_none() {
                self.planned = self.planned.min(batch - 1);
                self.step(Input::Dropped { batch })?;
            }
        }
        if self.store.batch(self.planned)?.is_none() || self.store.plan(self.planned)?.is_none() {
            let last = self.store.plans(0, usize::MAX)?.last().map_or(0, |(batch, _)| *batch);
            self.planned = last.max(self.store.finalized()?).min(self.planned);
        }
        Ok(())
    }

    /// Returns the batch that is to be planned next, if it is there.
    fn next(&self) -> Result<Option<Batch>, store::Error> {
        let Demand::Named(named) = &self.demand else { return self.store.batch(self.planned + 1) };
        for number in named.borrow().iter() {
            if self.store.plan(*number)?.is_none() {
                return self.store.batch(*number);
            }
        }
        Ok(None)
    }

    /// Plans the next sealed batch, one at a time and beside everything else.
    async fn plan(&mut self) -> Result<(), Error> {
        if let Some((batch, planning)) = self.planning.take_if(|(_, planning)| planning.is_finished()) {
            let planned =
                planning.await.unwrap_or_else(|_| Err(Fault::Never("it could not be executed again".to_owned())));
            return self.planned(batch, planned);
        }
        if self.planning.is_some() || now() < self.again || !self.queue.has_room() {
            return Ok(());
        }
        let Some(batch) = self.next()? else { return Ok(()) };
        let (number, store) = (batch.header.number, self.store.clone());
        let (config, view) = (Arc::clone(&self.config), self.view.clone());
        let work = move || {
            let (planned, jobs) = plan(&store, &config, &view, &batch)?;
            Ok((planned, jobs.iter().map(types::Encode::to_bytes).collect()))
        };
        self.planning = Some((number, tokio::task::spawn_blocking(work)));
        Ok(())
    }

    fn planned(&mut self, batch: u64, planned: Result<(Planned, Vec<Vec<u8>>), Fault>) -> Result<(), Error> {
        match planned {
            Ok((planned, jobs)) => {
                let proven = vec![false; planned.leaves.len()];
                // While it was made the chain may have been taken back, and the batch be another.
                let root = planned.leaves.last().map(|leaf| leaf.claim.state_root);
                if self.store.batch(batch)?.map(|batch| batch.header.state_root) != root {
                    return Ok(());
                }
                self.mark(self.first.min(batch))?;
                match self.store.commit_plan(batch, &Plan::Leaves(planned).to_bytes(), &jobs) {
                    Ok(()) => {}
                    Err(store::Error::UnknownBatch(_)) => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
                self.planned = batch;
                self.step(Input::Planned { batch, proven })
            }
            Err(Fault::Never(reason)) => {
                self.planned = batch;
                self.refuse(batch, &reason)
            }
            Err(Fault::Store(error)) => Err(error.into()),
            Err(fault @ Fault::Later(_)) => {
                tracing::debug!(batch, why = %Causes(&fault), "not planned");
                self.again = now().after(AGAIN);
                Ok(())
            }
        }
    }

    fn view(&self) -> Proving {
        let now = now();
        let batches = self.queue.batches().iter().map(|(batch, leaves)| BatchAtWork {
            batch: *batch,
            leaves: leaves.len(),
            proven: leaves.iter().filter(|leaf| leaf.place == Place::Proven).count(),
            failures: leaves.iter().map(|leaf| leaf.failures).sum(),
            at_work: (0..).zip(leaves).filter_map(|(number, leaf)| at_work(number, &leaf.place, now)).collect(),
        });
        Proving {
            planned: self.planned,
            proven: self.proven,
            batches: batches.collect(),
            not_proven: self.not_proven.iter().cloned().collect(),
        }
    }
}

fn at_work(leaf: u32, place: &Place, now: Millis) -> Option<LeafAtWork> {
    let Place::Lent { prover, since, stage, .. } = place else { return None };
    let stage = Stage::ALL.get(usize::from(*stage)).map_or("unknown", |stage| stage.name());
    let for_ms = now.0.saturating_sub(since.0);
    Some(LeafAtWork { leaf, prover: prover.clone(), stage: stage.to_owned(), for_ms })
}

/// Under which name the store has what a leaf took.
fn leaf_name(leaf: u32) -> Bytes32 {
    let mut name = [0; 32];
    name[28..].copy_from_slice(&leaf.to_be_bytes());
    Bytes32(name)
}

fn measure(cost: Cost, bytes: usize, entries: u32) {
    count("proven");
    let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
    let (wall, cpu) = (seconds(cost.wall_ms).max(0.001), seconds(cost.cpu_ms));
    metrics::histogram!(metric::PROVE_SECONDS).record(wall);
    metrics::gauge!(metric::PROVE_PROOF_BYTES).set(u32::try_from(bytes).unwrap_or(u32::MAX));
    metrics::gauge!(metric::PROVE_TPS).set(f64::from(entries) / wall);
    metrics::gauge!(metric::PROVE_CPU_PER_TRANSACTION_SECONDS).set(cpu / f64::from(entries.max(1)));
}

/// How long a job is lent for.
pub const LEASE_MS: u64 = LEASE.0;
