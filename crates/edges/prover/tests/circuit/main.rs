//! The circuit against the transition: what is true is proven, and what is not is caught.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

mod authority;
mod buses;
mod crossings;
mod errands;
mod forced;
mod needed;
mod quorum_cases;
mod quorums;
mod random;
mod rows;
mod tallies;
mod tamper;
mod tasks;
mod transfers;
mod verdict_cases;
mod verdicts;
mod work;
