//! The numbers that a node keeps of itself, read at [`crate::path::METRICS`] in the text format of Prometheus.
//!
//! `docs/metrics.md` shows the same table to operators.

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It is what it was when it was last looked at.
    Gauge,
    /// It counts how many values lie below each bound.
    Histogram,
}

impl Kind {
    /// Returns the word that the text format and the operators' table use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A number that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// What it is found by.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it is kept apart by.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal: $kind:ident [$($label:literal),*] $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)*

        /// All of them.
        pub const ALL: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], meaning: $meaning },)*];
    };
}

metrics! {
    TRANSACTIONS = "talea_transactions_total": Counter ["outcome"]
        "Transactions by what became of them: applied or rejected in a block, refused by the sequencer, turned away because too much waits (busy), or unsound: without a valid shape or signature.";
    CONFIRMATION_SECONDS = "talea_confirmation_seconds": Histogram []
        "From the arrival of a transaction at the gateway to its answer, once it is stored and signed.";
    REQUEST_SECONDS = "talea_request_seconds": Histogram ["route", "status"]
        "How long requests take, by route and HTTP status. Following the blocks includes the wait for the next one.";
    BLOCK_ENTRIES = "talea_block_entries": Histogram []
        "How many transactions and L1 messages a block has.";
    EXECUTE_SECONDS = "talea_execute_seconds": Histogram []
        "How long it takes to execute a block, to update the state tree and to sign.";
    BLOCK_COMMIT_SECONDS = "talea_block_commit_seconds": Histogram []
        "How long it takes until a block is on the disk.";
    QUEUE_DEPTH = "talea_queue_depth": Gauge []
        "Transactions that wait for a block or for the operator's answer.";
    BATCH_AGE_SECONDS = "talea_batch_age_seconds": Gauge []
        "How old the oldest block is that no batch holds; zero when there is none.";
    STATE_LEAVES = "talea_state_leaves": Gauge []
        "Leaves of the state.";
    STATE_CACHED_LEAVES = "talea_state_cached_leaves": Gauge []
        "Leaves that are in memory: all of them, unless the chain's file bounds them.";
    STATE_PAGES = "talea_state_pages": Gauge []
        "Pages of the state tree that are in memory at least in part; zero when the whole tree is.";
    HEAD_HEIGHT = "talea_head_height": Gauge []
        "The last stored block.";
    BATCH_SEALED = "talea_batch_sealed": Gauge []
        "The last sealed batch.";
    BATCH_SETTLED = "talea_batch_settled": Gauge []
        "The last batch that L1 settled.";
    SETTLE_LAG_SECONDS = "talea_settle_lag_seconds": Gauge []
        "How long sealed batches have waited since one last settled; zero when none waits.";
    L1_SPENT_GWEI = "talea_l1_spent_gwei_total": Counter []
        "What the settler has paid for gas on L1, in gwei.";
    L1_BALANCE_GWEI = "talea_l1_balance_gwei": Gauge []
        "What the settler's account holds on L1, in gwei.";
    PROVE_JOBS = "talea_prove_jobs": Gauge ["state"]
        "Leaves of batches that are to be proven: those that wait for a prover, and those that one has (lent).";
    PROVE_BATCH = "talea_prove_batch": Gauge []
        "The last batch that is proven.";
    PROVE_SECONDS = "talea_prove_seconds": Histogram []
        "How long a prover took for a leaf, from its job to its proof.";
    PROVE_PROOF_BYTES = "talea_prove_proof_bytes": Gauge []
        "How long the last proof of a leaf is.";
    PROVE_TPS = "talea_prove_transactions_per_second": Gauge []
        "Transactions of the last proven leaf by the seconds that it took.";
    PROVE_CPU_PER_TRANSACTION_SECONDS = "talea_prove_cpu_per_transaction_seconds": Gauge []
        "Processor time by transactions of the last proven leaf.";
    PROVE_LEAVES = "talea_prove_leaves_total": Counter ["outcome"]
        "Leaves by what became of a prover's work: proven, failed and tried again, or a proof that does not hold (refused).";
    VERIFY_GAS = "talea_verify_gas_total": Counter []
        "Gas that checking the steps of proofs used on L1.";
    VERIFY_STEPS = "talea_verify_steps_total": Counter ["outcome"]
        "Steps of proofs that were sent to L1, by what became of them: checked, or refused.";
    PROCESS_CPU_SECONDS = "talea_process_cpu_seconds": Gauge []
        "Processor time that the process has used, in whole hundredths.";
    PROCESS_RESIDENT_BYTES = "talea_process_resident_bytes": Gauge []
        "Memory that the process holds.";
    PROCESS_OPEN_FILES = "talea_process_open_files": Gauge []
        "Files and connections that the process has open.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_table_says_the_same() {
        let row = |metric: &Metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "-".to_owned() } else { labels.join(", ") };
            format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind.name(), metric.meaning)
        };
        let page = include_str!("../../../../docs/metrics.md");
        let found: Vec<&str> = page.lines().filter(|line| line.starts_with("| `talea_")).collect();
        let rows: Vec<String> = ALL.iter().map(row).collect();
        assert_eq!(found, rows, "write these rows into docs/metrics.md");
    }

    #[test]
    fn a_name_ends_with_its_unit_and_stands_for_one_number() {
        for (at, metric) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != metric.name), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        }
    }
}
