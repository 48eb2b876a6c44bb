//! The whole path of a transfer: over HTTP into the gateway, through the sequencer, onto the disk, to L1.

mod anvil;
mod confirmation;
mod published;
mod restart;
mod transfers;

pub(crate) use confirmation::confirmation;
pub(crate) use published::published;
pub(crate) use restart::restart;
pub(crate) use transfers::transfers;

use crate::Measured;

/// Returns a runtime as the node has it.
fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("the system gives threads")
}

/// Accounts of the measurements that load a node.
const ACCOUNTS: usize = 20_000;

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn measured(name: &'static str, unit: &'static str, runs: Vec<f64>, mix: &str) -> Measured {
    Measured { name, unit, runs, mix: mix.to_owned() }
}
