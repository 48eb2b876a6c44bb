//! Admits, orders, executes and seals: the one writer of the chain.
//!
//! [`core`] decides and is pure; [`run`] performs: it stores a block before anybody is told of it, so that what was
//! confirmed is never lost.

pub mod core;
pub mod run;

pub use core::{Effect, Input, Sequencer};
pub use run::{Error, Handle, start};
