//! Runs the planner, sends assignments, gathers verdicts.
//!
//! It holds no value and decides nothing about it: an assignment is checked again by the ledger, a verdict is the
//! committee's. A coordinator that stops delays tasks; their price goes back to the requester after the deadline.

pub mod core;
pub mod run;

pub use core::{Coordinator, Effect, Input};
