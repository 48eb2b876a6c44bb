//! The queue of jobs: who works on which, until when, and what is tried again.

use std::collections::BTreeMap;
use types::Millis;

/// How long a job is lent for. A prover that lives says so more often.
pub const LEASE: Millis = Millis(30_000);
/// How often a job is tried before it is given up.
pub const ATTEMPTS: u32 = 5;
/// How long a job rests after its first failure; twice as long after each further one.
pub const BACKOFF: Millis = Millis(2_000);
/// The longest that a job rests.
pub const BACKOFF_MAX: Millis = Millis(60_000);
/// Most batches that are planned and not proven.
pub const BATCHES: usize = 64;

/// A job: a leaf of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// The batch.
    pub batch: u64,
    /// Which leaf of it, from 0.
    pub leaf: u32,
}

/// What happens to the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A batch is to be proven in so many leaves, of which some are proven.
    Planned {
        /// The batch.
        batch: u64,
        /// For each leaf, whether there is a proof of it.
        proven: Vec<bool>,
    },
    /// Somebody wants work.
    Ask {
        /// Who.
        prover: String,
    },
    /// A prover says that it lives, and how far it is.
    Beat {
        /// Its job.
        job: JobId,
        /// Its lease.
        lease: u64,
        /// Which stage of the work.
        stage: u8,
    },
    /// A proof came and holds, from whomever.
    Proven {
        /// Of which job.
        job: JobId,
    },
    /// A prover could not do its job.
    Failed {
        /// Which job.
        job: JobId,
        /// Its lease.
        lease: u64,
        /// Why.
        reason: String,
        /// Whether every prover would fail.
        is_final: bool,
    },
    /// A batch is no more, or is not to be proven.
    Dropped {
        /// Which.
        batch: u64,
    },
    /// Time passes.
    Tick,
}

/// What the queue wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Lend a job to whoever asked.
    Lend {
        /// Which job.
        job: JobId,
        /// The lease, by which its holder is known.
        lease: u64,
    },
    /// Tell whoever asked that there is no work.
    Idle,
    /// Tell a prover whether its lease still counts.
    Held(bool),
    /// Every leaf of a batch is proven.
    Done {
        /// Which batch.
        batch: u64,
    },
    /// A job failed and is tried again later.
    Retry {
        /// Which job.
        job: JobId,
        /// Why it failed.
        reason: String,
    },
    /// Record that a batch is not proven, and why.
    Refuse {
        /// Which batch.
        batch: u64,
        /// Why.
        reason: String,
    },
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It waits for a prover, from some time on.
    Waiting {
        /// From when on.
        from: Millis,
    },
    /// A prover has it.
    Lent {
        /// Its lease.
        lease: u64,
        /// Who.
        prover: String,
        /// Until when, unless it says that it lives.
        until: Millis,
        /// Since when.
        since: Millis,
        /// How far it is.
        stage: u8,
    },
    /// There is a proof.
    Proven,
}

/// A leaf that is to be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Where its job is.
    pub place: Place,
    /// How often it was tried in vain.
    pub failures: u32,
}

/// Lends jobs to provers, the oldest batch first.
#[derive(Debug, Default)]
pub struct Queue {
    batches: BTreeMap<u64, Vec<Leaf>>,
    leases: u64,
    never_gives_up: bool,
}

impl Queue {
    /// Starts with nothing. `first_lease` is larger than any lease before, so that an old one is known to be old.
    pub fn new(first_lease: u64) -> Self {
        Self { batches: BTreeMap::new(), leases: first_lease, never_gives_up: false }
    }

    /// Says that a batch is tried for as long as it takes, whatever provers say: it settles by its proof or not at all.
    pub fn never_gives_up(mut self) -> Self {
        self.never_gives_up = true;
        self
    }

    /// Returns the batches that are not proven, with their leaves.
    pub fn batches(&self) -> &BTreeMap<u64, Vec<Leaf>> {
        &self.batches
    }

    /// Says whether there is room for another batch.
    pub fn has_room(&self) -> bool {
        self.batches.len() < BATCHES
    }

    /// Returns how many jobs wait for a prover, and how many are lent.
    pub fn depth(&self) -> (usize, usize) {
        let places = || self.batches.values().flatten().map(|leaf| &leaf.place);
        let waiting = places().filter(|place| matches!(place, Place::Waiting { .. })).count();
        (waiting, places().filter(|place| matches!(place, Place::Lent { .. })).count())
    }

    fn leaf(&mut self, job: JobId) -> Option<&mut Leaf> {
        self.batches.get_mut(&job.batch)?.get_mut(usize::try_from(job.leaf).ok()?)
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        match input {
            Input::Planned { batch, proven } => {
                let place = |proven| if proven { Place::Proven } else { Place::Waiting { from: now } };
                let leaves = proven.into_iter().map(|proven| Leaf { place: place(proven), failures: 0 });
                self.batches.insert(batch, leaves.collect());
                self.finish(batch)
            }
            Input::Ask { prover } => vec![self.lend(now, prover)],
            Input::Beat { job, lease, stage } => vec![Effect::Held(self.beat(now, job, lease, stage))],
            Input::Proven { job } => {
                let Some(leaf) = self.leaf(job) else { return Vec::new() };
                leaf.place = Place::Proven;
                self.finish(job.batch)
            }
            Input::Failed { job, lease, reason, is_final } => {
                let held = self.leaf(job).map(|leaf| &leaf.place);
                if !matches!(held, Some(Place::Lent { lease: held, .. }) if *held == lease) {
                    return Vec::new();
                }
                self.fail(now, job, reason, is_final)
            }
            Input::Dropped { batch } => {
                self.batches.remove(&batch);
                Vec::new()
            }
            Input::Tick => self.expire(now),
        }
    }

    /// Forgets a batch when all of it is proven.
    fn finish(&mut self, batch: u64) -> Vec<Effect> {
        let is_proven = |leaves: &Vec<Leaf>| leaves.iter().all(|leaf| leaf.place == Place::Proven);
        if !self.batches.get(&batch).is_some_and(is_proven) {
            return Vec::new();
        }
        self.batches.remove(&batch);
        vec![Effect::Done { batch }]
    }

    fn lend(&mut self, now: Millis, prover: String) -> Effect {
        let lease = self.leases;
        for (batch, leaves) in &mut self.batches {
            for (number, leaf) in (0..).zip(leaves) {
                if matches!(leaf.place, Place::Waiting { from } if from <= now) {
                    self.leases += 1;
                    leaf.place = Place::Lent { lease, prover, until: now.after(LEASE), since: now, stage: 0 };
                    return Effect::Lend { job: JobId { batch: *batch, leaf: number }, lease };
                }
            }
        }
        Effect::Idle
    }

    fn beat(&mut self, now: Millis, job: JobId, lease: u64, at: u8) -> bool {
        match self.leaf(job).map(|leaf| &mut leaf.place) {
            Some(Place::Lent { lease: held, until, stage, .. }) if *held == lease => {
                (*until, *stage) = (now.after(LEASE), at);
                true
            }
            _ => false,
        }
    }

    fn fail(&mut self, now: Millis, job: JobId, reason: String, is_final: bool) -> Vec<Effect> {
        let gives_up = !self.never_gives_up;
        let Some(leaf) = self.leaf(job) else { return Vec::new() };
        leaf.failures = leaf.failures.saturating_add(1);
        if gives_up && (is_final || leaf.failures >= ATTEMPTS) {
            // The other leaves of a batch that is not proven are worth nothing.
            self.batches.remove(&job.batch);
            return vec![Effect::Refuse { batch: job.batch, reason }];
        }
        let doubled = BACKOFF.0.saturating_mul(1 << (leaf.failures.min(ATTEMPTS) - 1));
        leaf.place = Place::Waiting { from: now.after(Millis(doubled.min(BACKOFF_MAX.0))) };
        vec![Effect::Retry { job, reason }]
    }

    /// Takes jobs back whose provers do not say any more that they live.
    fn expire(&mut self, now: Millis) -> Vec<Effect> {
        let mut lost = Vec::new();
        for (batch, leaves) in &self.batches {
            for (number, leaf) in (0..).zip(leaves) {
                if let Place::Lent { until, prover, .. } = &leaf.place
                    && *until <= now
                {
                    lost.push((JobId { batch: *batch, leaf: number }, format!("{prover} was not heard of in time")));
                }
            }
        }
        lost.into_iter().flat_map(|(job, reason)| self.fail(now, job, reason, false)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(batch: u64, leaf: u32) -> JobId {
        JobId { batch, leaf }
    }

    fn ask(name: &str) -> Input {
        Input::Ask { prover: name.to_owned() }
    }

    fn planned(batch: u64, leaves: usize) -> Input {
        Input::Planned { batch, proven: vec![false; leaves] }
    }

    fn failed(batch: u64, leaf: u32, lease: u64, is_final: bool) -> Input {
        Input::Failed { job: job(batch, leaf), lease, reason: "it broke".to_owned(), is_final }
    }

    /// Feeds an input at a time and shows the effects.
    fn check(queue: &mut Queue, at: u64, input: Input, expected: &str) {
        let words = queue.step(Millis(at), input).into_iter().map(|effect| match effect {
            Effect::Lend { job, lease } => format!("lend {}.{} as {lease}", job.batch, job.leaf),
            Effect::Idle => "idle".to_owned(),
            Effect::Held(held) => format!("held {held}"),
            Effect::Done { batch } => format!("done {batch}"),
            Effect::Retry { job, reason } => format!("retry {}.{}: {reason}", job.batch, job.leaf),
            Effect::Refuse { batch, reason } => format!("refuse {batch}: {reason}"),
        });
        assert_eq!(words.collect::<Vec<_>>().join("; "), expected);
    }

    fn proven(batch: u64, leaf: u32) -> Input {
        Input::Proven { job: job(batch, leaf) }
    }

    #[test]
    fn leaves_are_lent_in_order_and_a_batch_is_done_with_its_last() {
        let mut queue = Queue::new(1);
        check(&mut queue, 0, ask("a"), "idle");
        check(&mut queue, 0, planned(2, 1), "");
        check(&mut queue, 0, planned(1, 2), "");
        check(&mut queue, 1, ask("a"), "lend 1.0 as 1");
        check(&mut queue, 1, ask("b"), "lend 1.1 as 2");
        check(&mut queue, 1, ask("a"), "lend 2.0 as 3");
        check(&mut queue, 1, ask("b"), "idle");
        assert_eq!(queue.depth(), (0, 3));
        check(&mut queue, 2, proven(1, 1), "");
        check(&mut queue, 2, proven(2, 0), "done 2");
        check(&mut queue, 2, proven(1, 0), "done 1");
        assert!(queue.batches().is_empty());
    }

    #[test]
    fn a_job_of_a_prover_that_is_silent_goes_to_another_and_either_answer_counts_once() {
        let mut queue = Queue::new(1);
        check(&mut queue, 0, planned(1, 2), "");
        check(&mut queue, 0, ask("a"), "lend 1.0 as 1");
        let beat = |lease| Input::Beat { job: job(1, 0), lease, stage: 2 };
        check(&mut queue, LEASE.0 - 1, beat(1), "held true");
        check(&mut queue, LEASE.0, Input::Tick, "");
        let lost = 2 * LEASE.0 - 1;
        check(&mut queue, lost, Input::Tick, "retry 1.0: a was not heard of in time");
        check(&mut queue, lost, beat(1), "held false");
        check(&mut queue, lost, ask("b"), "lend 1.1 as 2");
        check(&mut queue, lost, ask("b"), "idle");
        let again = lost + BACKOFF.0;
        check(&mut queue, again, ask("b"), "lend 1.0 as 3");
        check(&mut queue, again, beat(1), "held false");
        // The first prover was only slow. Its failure would say nothing; its proof is as good as any.
        check(&mut queue, again, failed(1, 0, 1, true), "");
        check(&mut queue, again, proven(1, 0), "");
        check(&mut queue, again, beat(3), "held false");
        check(&mut queue, again, proven(1, 0), "");
        check(&mut queue, again, failed(1, 0, 3, true), "");
        check(&mut queue, again, proven(1, 1), "done 1");
        check(&mut queue, again, proven(1, 1), "");
        check(&mut queue, again, proven(1, 9), "");
    }

    #[test]
    fn a_job_that_fails_rests_longer_each_time_and_is_given_up_with_its_batch() {
        let mut queue = Queue::new(1);
        check(&mut queue, 0, planned(1, 2), "");
        let mut now = 0;
        for attempt in 1..ATTEMPTS {
            check(&mut queue, now, ask("a"), &format!("lend 1.{} as {}", 0, 2 * attempt - 1));
            check(&mut queue, now, ask("a"), &format!("lend 1.{} as {}", 1, 2 * attempt));
            check(&mut queue, now, failed(1, 0, u64::from(2 * attempt - 1), false), "retry 1.0: it broke");
            check(&mut queue, now, failed(1, 1, u64::from(2 * attempt), false), "retry 1.1: it broke");
            now += BACKOFF.0 << (attempt - 1);
            check(&mut queue, now - 1, ask("a"), "idle");
        }
        let lease = 2 * ATTEMPTS - 1;
        check(&mut queue, now, ask("a"), &format!("lend 1.0 as {lease}"));
        check(&mut queue, now, failed(1, 0, lease.into(), false), "refuse 1: it broke");
        check(&mut queue, now, ask("a"), "idle");
    }

    #[test]
    fn what_no_prover_can_prove_is_given_up_at_once() {
        let mut queue = Queue::new(7);
        check(&mut queue, 0, planned(1, 1), "");
        check(&mut queue, 0, planned(2, 1), "");
        check(&mut queue, 0, ask("a"), "lend 1.0 as 7");
        check(&mut queue, 0, failed(1, 0, 7, true), "refuse 1: it broke");
        check(&mut queue, 0, ask("a"), "lend 2.0 as 8");
        check(&mut queue, 0, Input::Dropped { batch: 2 }, "");
        check(&mut queue, 0, Input::Beat { job: job(2, 0), lease: 8, stage: 0 }, "held false");
        check(&mut queue, 0, proven(2, 0), "");
    }

    #[test]
    fn where_batches_settle_by_proof_no_prover_can_have_one_given_up() {
        let mut queue = Queue::new(1).never_gives_up();
        check(&mut queue, 0, planned(1, 1), "");
        let mut now = 0;
        for attempt in 1..40u64 {
            check(&mut queue, now, ask("a"), &format!("lend 1.0 as {attempt}"));
            check(&mut queue, now, failed(1, 0, attempt, attempt % 2 == 0), "retry 1.0: it broke");
            now += BACKOFF_MAX.0;
        }
        check(&mut queue, now, proven(1, 0), "done 1");
    }

    #[test]
    fn what_was_proven_before_a_restart_is_not_lent_again() {
        let mut queue = Queue::new(1);
        check(&mut queue, 0, Input::Planned { batch: 1, proven: vec![true, false] }, "");
        check(&mut queue, 0, ask("a"), "lend 1.1 as 1");
        check(&mut queue, 0, Input::Planned { batch: 2, proven: vec![true] }, "done 2");
        (3..).take(BATCHES).for_each(|batch| check(&mut queue, 0, planned(batch, 1), ""));
        assert!(!queue.has_room());
    }

    /// Provers that die, come late and answer twice: in the end every batch is proven or refused, once.
    #[test]
    fn every_batch_ends_once_whatever_provers_do() {
        for seed in 1u64..200 {
            let mut queue = Queue::new(1);
            let (mut lent, mut ended) = (Vec::new(), BTreeMap::new());
            let mut chance = seed;
            let mut roll = |sides: u64| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (chance >> 33) % sides
            };
            for batch in 1..=5 {
                queue.step(Millis(0), Input::Planned { batch, proven: vec![false; 3] });
            }
            for step in 0..4_000u64 {
                let now = Millis(step * 500);
                let input = match (roll(6), lent.is_empty()) {
                    (0 | 1, _) => ask("a"),
                    (2, false) => {
                        let (job, lease) = lent[usize::try_from(roll(lent.len().try_into().unwrap())).unwrap()];
                        Input::Beat { job, lease, stage: 1 }
                    }
                    // Neither the proof nor the failure makes the prover forget its job: it may answer again.
                    (3, false) => {
                        Input::Proven { job: lent[usize::try_from(roll(lent.len().try_into().unwrap())).unwrap()].0 }
                    }
                    (4, false) => {
                        let (job, lease) = lent[usize::try_from(roll(lent.len().try_into().unwrap())).unwrap()];
                        Input::Failed { job, lease, reason: String::new(), is_final: false }
                    }
                    _ => Input::Tick,
                };
                for effect in queue.step(now, input) {
                    match effect {
                        Effect::Lend { job, lease } => lent.push((job, lease)),
                        Effect::Done { batch } | Effect::Refuse { batch, .. } => {
                            assert_eq!(ended.insert(batch, now), None, "batch {batch} ended twice with seed {seed}");
                        }
                        Effect::Idle | Effect::Held(_) | Effect::Retry { .. } => {}
                    }
                }
            }
            assert_eq!(ended.len(), 5, "seed {seed}");
        }
    }
}
