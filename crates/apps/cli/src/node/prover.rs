//! One prover of the node as a process.

use super::member::parent_gone;
use crate::error::Error;
use crate::network::Network;
use client::Client;
use settler::proving::worker::{Event, Setting, run as work};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Proves until its standard input closes: then the process that started it is gone.
pub async fn run(dir: &Path, index: usize) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let jobs = network.operation.proving.map_or(1, |proving| proving.jobs);
    let setting = Setting {
        client: Client::new(&network.api),
        name: format!("prover {index}"),
        watch: Arc::new(log),
        cpu: cpu_time,
    };
    let mut working = JoinSet::new();
    for _ in 0..jobs {
        working.spawn(work(setting.clone()));
    }
    tokio::select! {
        _ = working.join_next() => Err(Error::failed("a prover ended: start it again")),
        () = parent_gone() => Ok(()),
    }
}

/// Tells operators what a prover does.
fn log(event: &Event) {
    match event {
        Event::Begun { batch, leaf, entries } => tracing::info!(batch, leaf, entries, "proving"),
        Event::At { batch, leaf, stage, elapsed } => {
            tracing::debug!(batch, leaf, stage = stage.name(), seconds = elapsed.as_secs(), "at work");
        }
        Event::Proven { batch, leaf, entries, elapsed, bytes } => {
            tracing::info!(batch, leaf, entries, seconds = elapsed.as_secs_f64(), bytes, "proven");
        }
        Event::Failed { batch, leaf, reason } => tracing::warn!(batch, leaf, reason, "not proven"),
    }
}

/// Returns the processor time that this process has used; nothing where the system does not tell.
pub fn cpu_time() -> Duration {
    /// Parts of a second that Linux counts processor time in: fixed for programs.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in parentheses and may hold anything; user and system time are 12th and 13th after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
    TICK * ticks.fold(0, u32::saturating_add)
}
