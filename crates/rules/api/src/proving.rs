//! What the node and its provers say to each other, and what the node says of proving.

use serde::{Deserialize, Serialize};
use types::record;

/// Most bytes of what a prover sends: a proof with what stands around it.
pub const UPLOAD_BYTES: usize = proof::validity::PROOF_BYTES + 1_024;
/// Most bytes of a prover's name, and of a reason.
pub const TEXT_BYTES: usize = 512;

/// `POST /v1/proving/leases`: a prover wants work. The answer is the canonical bytes of an `Option<Lease>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who asks.
    pub prover: String,
}

record! {
    /// Work for a prover.
    pub struct Lease {
        /// The batch.
        pub batch: u64,
        /// Which leaf of it, from 0.
        pub leaf: u32,
        /// By which the prover is known while it has the job.
        pub lease: u64,
        /// How long it has it, in milliseconds, unless it says that it lives.
        pub lease_ms: u64,
        /// The canonical bytes of the job.
        pub job: Box<[u8]>,
    }
}

/// `POST /v1/proving/beats`: a prover lives. The answer is whether its lease still counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The batch.
    pub batch: u64,
    /// The leaf.
    pub leaf: u32,
    /// The lease.
    pub lease: u64,
    /// How far it is: 0 checking, 1 recording, 2 proving, 3 verifying.
    pub stage: u8,
}

/// `POST /v1/proving/failures`: a prover could not do its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The batch.
    pub batch: u64,
    /// The leaf.
    pub leaf: u32,
    /// The lease.
    pub lease: u64,
    /// Why.
    pub reason: String,
    /// Whether every prover would fail.
    pub is_final: bool,
}

record! {
    /// `POST /v1/proving/proofs`: the canonical bytes of a proof with what it cost.
    pub struct Upload {
        /// The batch.
        pub batch: u64,
        /// The leaf.
        pub leaf: u32,
        /// How long it took, in milliseconds.
        pub wall_ms: u64,
        /// Processor time that it took, in milliseconds.
        pub cpu_ms: u64,
        /// The proof's bytes.
        pub proof: Box<[u8]>,
    }
}

/// A leaf that a prover works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafAtWork {
    /// Which leaf.
    pub leaf: u32,
    /// Who has it.
    pub prover: String,
    /// How far it is, in a word.
    pub stage: String,
    /// How long it is at work, in milliseconds.
    pub for_ms: u64,
}

/// A batch that is to be proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAtWork {
    /// Which batch.
    pub batch: u64,
    /// How many leaves it has.
    pub leaves: usize,
    /// How many of them are proven.
    pub proven: usize,
    /// How many tries failed.
    pub failures: u32,
    /// The leaves that provers work on.
    pub at_work: Vec<LeafAtWork>,
}

/// A batch that is not proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotProven {
    /// Which batch.
    pub batch: u64,
    /// Why.
    pub reason: String,
}

/// `GET /v1/proving`: where proving stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proving {
    /// The last batch of which it is decided how it is proven; 0 before the first.
    pub planned: u64,
    /// The last batch that is proven; nothing before the first.
    pub proven: Option<u64>,
    /// The batches that are to be proven, in order.
    pub batches: Vec<BatchAtWork>,
    /// The last batches that are not proven, in order.
    pub not_proven: Vec<NotProven>,
}
