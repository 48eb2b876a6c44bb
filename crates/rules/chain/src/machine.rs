//! Whether a machine can carry a chain.

use crate::config::{Config, Draft};
use crate::kind::Members;
use crate::source::Reading;
use types::limits;

/// How many transactions of a second one core carries through one role that executes, in signed transfers. A careful
/// reading of `cargo xtask bench`, whose figures are in docs/measurements.md.
pub const TPS_PER_CORE: u64 = 5_000;
/// How long the chain has to run at its full rate, in seconds, before an operator must look after its disk.
pub const HORIZON_S: u64 = 3_600;
/// What one transaction leaves on the disk of each role that executes, in bytes: itself, its receipt, its index.
pub const ENTRY_BYTES: u64 = 512;
/// One in so many transactions opens an account or an asset in one, and so adds a leaf to the state.
pub const ENTRIES_PER_LEAF: u64 = 10;
/// What a leaf takes in memory with its part of the tree, in bytes.
pub const LEAF_BYTES: u64 = 512;
/// What a leaf takes at most of those that `scaling.state_cache_leaves` keeps in memory: it may have a way of the tree for
/// itself.
pub const CACHED_LEAF_BYTES: u64 = 2_048;
/// What a process takes in memory before it holds any state, in bytes.
pub const PROCESS_BYTES: u64 = 64 << 20;

/// What a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Cores that may be used.
    pub cores: u64,
    /// Memory that is free, in bytes.
    pub memory_bytes: u64,
    /// Disk that is free where the chain keeps its files, in bytes.
    pub disk_free_bytes: u64,
}

/// What a chain needs of a machine that runs its sequencer, and the members whose keys are made there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Cores.
    pub cores: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Disk, in bytes.
    pub disk_bytes: u64,
}

impl Needs {
    fn new(tps: u64, members: &Members, cached_leaves: Option<u64>) -> Self {
        // Every member executes all again, with a store and a tree of its own; listed members do so elsewhere.
        let roles = match members {
            Members::Made(count) => count.saturating_add(1),
            Members::Listed(_) => 1,
        };
        let entries = tps.saturating_mul(HORIZON_S);
        let state_bytes = (entries / ENTRIES_PER_LEAF).saturating_mul(LEAF_BYTES);
        let cache_bytes = cached_leaves.map_or(u64::MAX, |leaves| leaves.saturating_mul(CACHED_LEAF_BYTES));
        let state_bytes = state_bytes.min(cache_bytes);
        let queue_bytes = limits::QUEUE_TRANSACTIONS.saturating_mul(limits::TRANSACTION_BYTES);
        let queue_bytes = u64::try_from(queue_bytes).unwrap_or(u64::MAX);
        Self {
            cores: tps.saturating_mul(roles).div_ceil(TPS_PER_CORE),
            memory_bytes: roles.saturating_mul(PROCESS_BYTES.saturating_add(state_bytes)).saturating_add(queue_bytes),
            disk_bytes: roles.saturating_mul(entries).saturating_mul(ENTRY_BYTES),
        }
    }

    /// Returns what a chain needs.
    pub fn of(config: &Config) -> Self {
        Self::new(config.heading.tps, &config.committee.members, config.scaling.state_cache_leaves)
    }
}

impl Machine {
    /// Notes what the machine lacks.
    pub(crate) fn check(&self, draft: &Draft, reading: &mut Reading<'_>) {
        let (Some(tps), Some(members)) = (draft.heading.tps, &draft.committee.members) else { return };
        let needs = Needs::new(tps, members, draft.scaling.state_cache_leaves.flatten());
        let mebibytes = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
        let mut lack = |what: &str, is_short: bool, there: String, needed: String| {
            if is_short {
                let advice = format!("that takes {needed}: lower it, or let members run elsewhere");
                reading.fault("tps", format!("what this machine carries with {there} of {what}"), advice);
            }
        };
        lack("its cores", self.cores < needs.cores, self.cores.to_string(), needs.cores.to_string());
        let (there, needed) = (self.memory_bytes, needs.memory_bytes);
        lack("free memory", there < needed, mebibytes(there), mebibytes(needed));
        let (there, needed) = (self.disk_free_bytes, needs.disk_bytes);
        lack("free disk", there < needed, mebibytes(there), mebibytes(needed));
    }
}
