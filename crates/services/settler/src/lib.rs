//! Availability members, the settler and the queue of proofs: re-execute, sign, prove, settle on L1.
//!
//! Two roles. A [`member`] follows the public feed, executes every block again on its own tree, stores it, and only
//! then signs: batches for L1, verdicts for the ledger. The settler ([`core`], [`run`]) gathers the members'
//! signatures and brings each batch to L1, one at a time and in order. The [`outbox`] decides how a transaction gets
//! into a block there: which nonce, what fee, what to send again. Where batches settle by proof, [`errands`] decides which
//! steps of checking it still have to go; where they settle by bonded claims, [`claiming`] decides what they need. A
//! [`watcher`] contradicts claims that are false.

pub mod claiming;
pub mod core;
pub mod errands;
mod history;
pub mod member;
pub mod outbox;
pub mod part;
mod prepare;
pub mod proving;
pub mod run;
pub mod watcher;

pub use core::{Effect, Input, Settler};
