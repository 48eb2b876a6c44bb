//! The HTTP door: stateless checks, limits, routes.
//!
//! It checks a transaction's shape and signature before anybody else sees it, answers reads from the store and from
//! the sequencer's state, and hands signatures and votes to whoever gathers them. It listens on loopback only: there
//! is no TLS here yet (decision 0010).

mod answer;
pub mod core;
mod feed;
mod leaves;
pub mod metrics;
mod port;
mod process;
mod proving;
mod read;
pub mod run;
mod write;

pub use metrics::Render;
pub use port::{Confirmed, Node, Refused};
pub use run::{Error, Gateway, serve};

#[cfg(test)]
mod tests;
