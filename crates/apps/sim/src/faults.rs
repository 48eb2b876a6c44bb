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
    /// A member without whom no quorum counts kept silent for a while.
    MandatorySilence,
    /// A node lost power while it wrote, and half of the block was on the disk.
    TornWrite,
    /// A node lost power while it wrote, and nothing or all of the block was on the disk.
    LostWrite,
    /// L1 replaced its last blocks.
    Reorganised,
    /// It replaced eight of them or more.
    ReorganisedDeeply,
    /// A settlement was in them.
    SettlementDropped,
    /// Messages came again without one of them.
    MessagesLost,
    /// Messages came again in another order.
    MessagesSwapped,
    /// One of the messages came again with something else in it.
    MessagesChanged,
    /// Messages stayed away for a while.
    MessagesLate,
    /// The sequencer took its chain back.
    ChainRewound,
    /// A member took its chain back.
    MemberRewound,
    /// Gas on L1 cost many times the usual.
    GasSpike,
    /// A transaction reached no node of L1.
    SendLost,
    /// A transaction reached L1, and nobody heard that it did.
    AnswerLost,
    /// L1's pool lost a transaction, and those with higher nonces wait behind the gap.
    PoolLost,
    /// Somebody else used the settler's key.
    KeyUsedElsewhere,
    /// A transaction of the settler was in a block and did nothing.
    SettlementReverted,
    /// The operator's hook answered late.
    HookSlow,
    /// The operator's hook did not answer.
    HookSilent,
    /// The operator named something else in the place of a transaction.
    HookAlternative,
    /// The chain stood still until the operator answered.
    ChainHalted,
    /// The settler died while L1 held a batch that it had not heard of.
    SettlerMissedL1,
    /// L1 did not answer the settler.
    L1Away,
    /// L1's messages came long after they were read.
    LateMessages,
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
    pub const ALL: [Self; 40] = [
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
        Self::MandatorySilence,
        Self::TornWrite,
        Self::LostWrite,
        Self::Reorganised,
        Self::ReorganisedDeeply,
        Self::SettlementDropped,
        Self::MessagesLost,
        Self::MessagesSwapped,
        Self::MessagesChanged,
        Self::MessagesLate,
        Self::ChainRewound,
        Self::MemberRewound,
        Self::GasSpike,
        Self::SendLost,
        Self::AnswerLost,
        Self::PoolLost,
        Self::KeyUsedElsewhere,
        Self::SettlementReverted,
        Self::HookSlow,
        Self::HookSilent,
        Self::HookAlternative,
        Self::ChainHalted,
        Self::SettlerMissedL1,
        Self::L1Away,
        Self::LateMessages,
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
            Self::Silence => 5_000,
            Self::TornWrite => 1_500,
            Self::Reorganised => 40_000,
            Self::GasSpike | Self::PoolLost => 12_000,
            Self::KeyUsedElsewhere => 5_000,
            Self::SendLost | Self::AnswerLost | Self::SettlementReverted => 40_000,
            Self::SettlerMissedL1 => 15_000,
            Self::L1Away => 30_000,
            Self::LateMessages => 100_000,
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
