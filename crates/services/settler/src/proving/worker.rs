//! A prover process: asks for jobs, several at once, proves them and sends the proofs.
//!
//! It has no state of its own. Killed at any moment, it leaves a job that the queue lends to somebody else.

use api::proving::{Ask, Beat, Failure, Lease, TEXT_BYTES, Upload};
use client::Client;
use prover::{Failed, Job, Stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use types::{Causes, Decode as _};

/// How often a prover without work asks for some.
const IDLE: Duration = Duration::from_millis(500);
/// How long it pauses after the gateway failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it says that it lives.
const BEAT: Duration = Duration::from_secs(2);

/// What a prover tells whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has a job.
    Begun {
        /// The batch.
        batch: u64,
        /// The leaf.
        leaf: u32,
        /// How many entries.
        entries: usize,
    },
    /// It goes on.
    At {
        /// The batch.
        batch: u64,
        /// The leaf.
        leaf: u32,
        /// How far it is.
        stage: Stage,
        /// Since when it is at work.
        elapsed: Duration,
    },
    /// Its proof was taken.
    Proven {
        /// The batch.
        batch: u64,
        /// The leaf.
        leaf: u32,
        /// How many entries.
        entries: usize,
        /// How long it took.
        elapsed: Duration,
        /// How long the proof is.
        bytes: usize,
    },
    /// It did not do the job.
    Failed {
        /// The batch.
        batch: u64,
        /// The leaf.
        leaf: u32,
        /// Why.
        reason: String,
    },
}

/// Hears of events.
pub type Watch = Arc<dyn Fn(&Event) + Send + Sync>;

/// What a prover works with.
#[derive(Clone)]
pub struct Setting {
    /// The gateway.
    pub client: Client,
    /// Its name, by which operators know it.
    pub name: String,
    /// Whom it tells.
    pub watch: Watch,
    /// Processor time that the process has used so far. Of several jobs at one time each is charged with all of it.
    pub cpu: fn() -> Duration,
}

/// Works on one job after the other, for ever. Several of these run beside each other.
pub async fn run(setting: Setting) {
    loop {
        let ask = Ask { prover: setting.name.clone() };
        match setting.client.lease(&ask).await {
            Ok(Some(lease)) => work(&setting, lease).await,
            Ok(None) => tokio::time::sleep(IDLE).await,
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "no job");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Why a job gave no proof.
struct Fault {
    reason: String,
    is_final: bool,
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        // Every prover of this build would find the same.
        let is_final = matches!(failed, Failed::Unprovable(_));
        Self { reason: Causes(&failed).to_string(), is_final }
    }
}

async fn work(setting: &Setting, lease: Lease) {
    let Lease { batch, leaf, lease, job, .. } = lease;
    let (start, cpu) = (Instant::now(), (setting.cpu)());
    let failed = |fault: &Fault| (setting.watch)(&Event::Failed { batch, leaf, reason: fault.reason.clone() });
    let done = match Job::from_bytes(&job) {
        Ok(job) if (job.batch, job.leaf) == (batch, leaf) => {
            let entries = job.entries();
            (setting.watch)(&Event::Begun { batch, leaf, entries });
            prove(setting, job, lease, start).await.map(|proof| (proof, entries))
        }
        _ => Err(Fault {
            reason: "the job does not read: use the prover of the node's release".to_owned(),
            is_final: false,
        }),
    };
    let sent = match done {
        Ok((proof, entries)) => {
            let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let (elapsed, bytes) = (start.elapsed(), proof.len());
            let cpu_ms = millis((setting.cpu)().saturating_sub(cpu));
            let upload = Upload { batch, leaf, wall_ms: millis(elapsed), cpu_ms, proof };
            let sent = setting.client.prove(&upload).await;
            if sent.is_ok() {
                (setting.watch)(&Event::Proven { batch, leaf, entries, elapsed, bytes });
            }
            sent
        }
        Err(fault) => {
            failed(&fault);
            let Fault { mut reason, is_final } = fault;
            let end = (0..=TEXT_BYTES.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
            reason.truncate(end);
            setting.client.fail(&Failure { batch, leaf, lease, reason, is_final }).await
        }
    };
    if let Err(error) = sent {
        // The lease runs out, and the job is lent again.
        failed(&Fault { reason: Causes(&error).to_string(), is_final: false });
    }
}

/// Proves a job, and says meanwhile that it lives.
async fn prove(setting: &Setting, job: Job, lease: u64, start: Instant) -> Result<Box<[u8]>, Fault> {
    let (batch, leaf) = (job.batch, job.leaf);
    let stage = Arc::new(AtomicU8::new(0));
    let told = Arc::clone(&stage);
    let tell = move |at: Stage| told.store(number(at), Ordering::Relaxed);
    let mut proving = tokio::task::spawn_blocking(move || job.prove(&tell));
    let mut clock = tokio::time::interval(BEAT);
    let mut is_held = true;
    loop {
        tokio::select! {
            proven = &mut proving => return match proven {
                Ok(Ok(leaf)) => Ok(leaf.proof),
                Ok(Err(failed)) => Err(failed.into()),
                Err(_) => Err(Fault { reason: "the prover failed: see its log".to_owned(), is_final: false }),
            },
            _ = clock.tick() => {
                let number = stage.load(Ordering::Relaxed);
                let at = Stage::ALL[usize::from(number).min(Stage::ALL.len() - 1)];
                (setting.watch)(&Event::At { batch, leaf, stage: at, elapsed: start.elapsed() });
                let beat = Beat { batch, leaf, lease, stage: number };
                // A proof that comes late counts as well, so the work goes on whatever the answer.
                if matches!(setting.client.beat(&beat).await, Ok(false)) && std::mem::take(&mut is_held) {
                    tracing::warn!(batch, leaf, "the lease does not count any more: the proof is sent all the same");
                }
            }
        }
    }
}

fn number(stage: Stage) -> u8 {
    let at = Stage::ALL.iter().position(|other| *other == stage);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}
