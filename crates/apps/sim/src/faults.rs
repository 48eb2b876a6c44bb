//! What goes wrong, how often, and a count of it.

use crate::prng::Prng;
use std::collections::BTreeMap;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A node died between two steps.
    CrashIdle,
    /// A node died after it had decided and before it did anything.
    CrashBeforeEffects,
    /// A node died after some effects of a step and before the others.
    CrashBetweenEffects,
    /// A node died right after the last effect of a step.
    CrashAfterEffects,
    /// A message was lost.
    Dropped,
    /// A message arrived twice.
    Duplicated,
    /// A message took long.
    Delayed,
    /// A message arrived after one that was sent later.
    Reordered,
    /// A reader got no answer.
    ReadFailed,
    /// A member kept silent for a while.
    Silence,
    /// A batch did not reach L1.
    SendFailed,
    /// L1 took a batch and the settler was told otherwise.
    ConfirmationLost,
    /// The settler died while L1 held a batch that it had not heard of.
    SettlerMissedL1,
    /// L1 did not answer the settler.
    L1Away,
    /// A deposit came long after it was made.
    LateDeposit,
    /// A provider gave a wrong output.
    WrongOutput,
    /// A provider gave a wrong fuel count.
    WrongFuel,
    /// A provider was given work and never answered.
    NoAnswer,
    /// A provider's machine failed to run a task.
    RunFailed,
    /// The coordinator restarted and had forgotten votes.
    VotesForgotten,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::CrashIdle,
        Self::CrashBeforeEffects,
        Self::CrashBetweenEffects,
        Self::CrashAfterEffects,
        Self::Dropped,
        Self::Duplicated,
        Self::Delayed,
        Self::Reordered,
        Self::ReadFailed,
        Self::Silence,
        Self::SendFailed,
        Self::ConfirmationLost,
        Self::SettlerMissedL1,
        Self::L1Away,
        Self::LateDeposit,
        Self::WrongOutput,
        Self::WrongFuel,
        Self::NoAnswer,
        Self::RunFailed,
        Self::VotesForgotten,
    ];

    /// Returns the chance of the fault at each occasion, in parts per million. Zero for those that follow from others.
    fn chance_ppm(self) -> u64 {
        match self {
            Self::CrashIdle => 400,
            Self::CrashBeforeEffects | Self::CrashAfterEffects => 2_000,
            Self::CrashBetweenEffects => 4_000,
            Self::Dropped => 25_000,
            Self::Duplicated | Self::Delayed | Self::ReadFailed => 20_000,
            Self::Silence => 2_000,
            Self::SendFailed | Self::ConfirmationLost => 120_000,
            Self::SettlerMissedL1 => 15_000,
            Self::L1Away => 50_000,
            Self::LateDeposit => 100_000,
            Self::RunFailed => 60_000,
            _ => 0,
        }
    }
}

/// Decides which faults happen.
pub(crate) struct Faults {
    /// Nothing new goes wrong when off.
    pub(crate) on: bool,
    /// Percent of the usual chance: seeds differ, so that calm and wild runs are both seen.
    intensity: u64,
    prng: Prng,
    pub(crate) counts: BTreeMap<Fault, u64>,
    /// Where nodes died: between which effects.
    pub(crate) crash_points: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn new(mut prng: Prng) -> Self {
        let intensity = prng.between(20, 250);
        Self { on: true, intensity, prng, counts: BTreeMap::new(), crash_points: BTreeMap::new() }
    }

    /// Decides whether a fault happens now, and counts it.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        self.strikes_times(fault, 1)
    }

    /// The same, with a chance that is some times the usual one.
    pub(crate) fn strikes_times(&mut self, fault: Fault, times: u64) -> bool {
        let strikes = self.prng.chance(fault.chance_ppm() * times * self.intensity / 100) && self.on;
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Counts a fault that followed from something else.
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    /// Draws how long something takes or lasts.
    pub(crate) fn length_ms(&mut self, low: u64, high: u64) -> u64 {
        self.prng.between(low, high)
    }
}
