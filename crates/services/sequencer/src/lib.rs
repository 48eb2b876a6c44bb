//! Admits, orders, executes and seals: the one writer of the chain.
//!
//! [`core`] decides and is pure; [`run`] performs: it stores a block before anybody is told of it, so that what was
//! confirmed is never lost.

mod alternative;
pub mod core;
pub mod run;

pub use core::{Confirmed, Effect, Input, OnTimeout, Policy, Questioning, Sequencer};
pub use run::{Error, Handle, Question, Settings, Started, start};
