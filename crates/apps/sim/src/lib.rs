//! The whole network in one thread: virtual time, crashes by seed, invariants.
//!
//! The real cores of every service run against a model of L1 and of disks. Shells in `nodes` perform the
//! cores' effects as the services' loops do, and die between any two of them, or while they write. The network loses,
//! doubles, delays and reorders; providers lie; members fall silent; the operator's hook does not answer. L1 replaces
//! blocks with all that was in them, gas gets dear, and what is sent there is lost; the real outbox deals with it. A
//! checker keeps books of its own and compares; what must hold is written at the top of `check.rs`. When a seed has had
//! its share of faults, everything must come to rest: tasks ended, batches settled, withdrawals paid.
//!
//! A run is a function of its [`Plan`]: the same seed gives the same trace.
//!
//! ```
//! let report = sim::run(&sim::Plan { steps: 300, ..sim::Plan::of(1) });
//! assert_eq!(report.failure, None);
//! ```

mod books;
mod check;
mod clock;
mod disk;
mod faults;
mod genesis;
mod l1;
mod leaves;
mod load;
mod nodes;
mod prng;
mod world;

pub use books::Tallied;
pub use faults::Fault;
pub use prng::Prng;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many steps a run takes under faults unless it is told otherwise.
pub const STEPS: u64 = 4_000;

/// A part that is broken on purpose, to see that the simulator notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing is broken.
    None,
    /// The node's disk loses the last block in a crash, though it said that it was written.
    DiskForgetsTheLastBlock,
    /// A provider derives other salts after a restart.
    ProviderSaltChanges,
    /// The settler is never told of batch 3.
    SettlerSkipsABatch,
    /// Members sign batches without keeping them.
    MemberKeepsNoBatch,
    /// The outbox offers whatever L1 asks.
    OutboxIgnoresTheCap,
    /// The sequencer is told to go back, says that it did, and did not.
    SequencerForgetsTheRewind,
    /// The sequencer goes back, and forgets what was in the blocks.
    RewindForgetsTransactions,
    /// The feed shows members only the batches after the last one that has a quorum.
    FeedShowsTheUnsignedTail,
    /// The feed hides a batch that lacks its quorum while a later one has it.
    FeedHidesAGap,
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// From which everything follows.
    pub seed: u64,
    /// How many steps to take under faults.
    pub steps: u64,
    /// Whether to print every event.
    pub trace: bool,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
}

impl Plan {
    /// Plans a usual run of a seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, steps: STEPS, trace: false, sabotage: Sabotage::None }
    }
}

/// An invariant that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Under which seed.
    pub seed: u64,
    /// At which step.
    pub step: u64,
    /// At which virtual time, in milliseconds.
    pub time_ms: u64,
    /// What does not hold.
    pub broken: String,
    /// How to see it again.
    pub rerun: String,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// How many steps it took, rest included.
    pub steps: u64,
    /// How much virtual time passed, in milliseconds.
    pub time_ms: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// What the load did.
    pub tallied: Tallied,
    /// What the outbox told the operators.
    pub alerts: BTreeMap<&'static str, u64>,
    /// How many batches L1 settled.
    pub settled: u64,
    /// How often each fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// Where nodes died.
    pub crash_points: BTreeMap<String, u64>,
    /// What broke, if something did.
    pub failure: Option<Failure>,
}

/// Runs a plan to its end or to the first broken invariant. A panic of a core counts as one.
pub fn run(plan: &Plan) -> Report {
    let mut world = world::World::new(plan);
    let start = world.now;
    let ended = catch_unwind(AssertUnwindSafe(|| world.run(plan.steps)));
    let broken = match ended {
        Ok(Ok(())) => None,
        Ok(Err(check::Broken(what))) => Some(what),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("a core panicked: {}", text.unwrap_or_default()))
        }
    };
    let rerun = || format!("cargo run --release -p sim -- --seed {} --steps {} --trace", plan.seed, plan.steps);
    let failure = broken.map(|broken| Failure {
        seed: plan.seed,
        step: world.step,
        time_ms: world.now.0 - start.0,
        broken,
        rerun: rerun(),
    });
    Report {
        steps: world.step,
        time_ms: world.now.0 - start.0,
        trace: world.trace.hash(),
        tallied: world.check.tallied().clone(),
        alerts: world.alerts,
        settled: world.l1.number(),
        faults: world.faults.counts,
        crash_points: world.faults.crash_points,
        failure,
    }
}
