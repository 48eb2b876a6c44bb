//! Proving: batches become jobs, jobs are lent to prover processes, and proofs come back.
//!
//! The queue ([`core`], [`run`]) lives beside the settler and is as durable as the store. A prover process ([`worker`])
//! has nothing but the gateway's address: a job brings all that its proof needs. Nobody trusts it; a proof is checked
//! when it comes. A batch that cannot be proven is recorded with the reason, and settles by the quorum as all do.

pub mod core;
mod plan;
pub mod run;
pub mod worker;

pub use core::{Effect, Input, Queue};
pub use plan::{At, Named, Plan, Planned, PlannedLeaf, Refused, View};
