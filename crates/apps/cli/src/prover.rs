//! `talea prover`: proves batches of a chain that runs here or elsewhere.

use crate::error::Error;
use crate::network::Network;
use crate::node::prover::cpu_time;
use crate::say::Say;
use clap::Subcommand;
use client::Client;
use prover::Stage;
use serde_json::json;
use settler::proving::worker::{Event, Setting, run as work};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// Most jobs of one process.
const JOBS: u64 = 64;

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Ask a chain for jobs and prove them, until it is stopped.
    Run {
        /// The gateway of the chain; that of the folder's network if none is named.
        #[arg(long, value_name = "URL")]
        api: Option<String>,
        /// How many jobs to work on at one time. Each uses all cores and up to 2 GiB.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=JOBS))]
        jobs: u64,
        /// The name by which the chain's operator knows this process.
        #[arg(long, value_name = "NAME", default_value_t = format!("prover of process {}", std::process::id()))]
        name: String,
    },
}

/// Does it.
pub async fn run(dir: &Path, verb: Verb, say: &Say) -> Result<(), Error> {
    let Verb::Run { api, jobs, name } = verb;
    let api = match api {
        Some(api) => api,
        None => Network::require(dir)?.api,
    };
    say.tell(format!("proving for {api}; stop it with Ctrl-C"));
    let setting = Setting { client: Client::new(&api), name, watch: watch(say), cpu: cpu_time };
    let mut working = JoinSet::new();
    for _ in 0..jobs {
        working.spawn(work(setting.clone()));
    }
    tokio::select! {
        _ = working.join_next() => Err(Error::failed("a prover ended: start it again")),
        stopped = tokio::signal::ctrl_c() => stopped.map_err(Error::io("listen for signals")),
    }
}

/// Shows what happens: a bar for each job on a terminal, a line of JSON for each event to programs.
fn watch(say: &Say) -> Arc<dyn Fn(&Event) + Send + Sync> {
    if say.is_json() {
        return Arc::new(|event| _ = writeln!(std::io::stdout(), "{}", value(event)));
    }
    if !std::io::stderr().is_terminal() {
        return Arc::new(|event| {
            if !matches!(event, Event::At { .. }) {
                let _ = writeln!(std::io::stderr(), "{}", line(event));
            }
        });
    }
    let bars = Mutex::new(Bars::default());
    Arc::new(move |event| {
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(std::io::stderr(), "{}", bars.show(event));
    })
}

fn value(event: &Event) -> serde_json::Value {
    match event {
        Event::Begun { batch, leaf, entries } => {
            json!({ "event": "begun", "batch": batch, "leaf": leaf, "entries": entries })
        }
        Event::At { batch, leaf, stage, elapsed } => json!({
            "event": "at", "batch": batch, "leaf": leaf, "stage": stage.name(), "seconds": elapsed.as_secs_f64(),
        }),
        Event::Proven { batch, leaf, entries, elapsed, bytes } => json!({
            "event": "proven", "batch": batch, "leaf": leaf, "entries": entries, "seconds": elapsed.as_secs_f64(),
            "bytes": bytes,
        }),
        Event::Failed { batch, leaf, reason } => {
            json!({ "event": "failed", "batch": batch, "leaf": leaf, "reason": reason })
        }
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Begun { batch, leaf, entries } => format!("batch {batch} leaf {leaf}: {entries} entries"),
        Event::At { batch, leaf, stage, elapsed } => {
            let done = Stage::ALL.iter().position(|other| other == stage).unwrap_or(0);
            let bar: String = (0..Stage::ALL.len()).map(|at| if at <= done { '#' } else { '.' }).collect();
            format!("batch {batch} leaf {leaf}: [{bar}] {} for {} s", stage.name(), elapsed.as_secs())
        }
        Event::Proven { batch, leaf, entries, elapsed, bytes } => {
            format!(
                "batch {batch} leaf {leaf}: {entries} entries proven in {:.1} s, {bytes} bytes",
                elapsed.as_secs_f64()
            )
        }
        Event::Failed { batch, leaf, reason } => format!("batch {batch} leaf {leaf}: not proven: {reason}"),
    }
}

/// The jobs at work, a line for each.
#[derive(Default)]
struct Bars(BTreeMap<(u64, u32), String>);

impl Bars {
    /// Returns what takes the terminal from the lines that it shows to the new ones.
    fn show(&mut self, event: &Event) -> String {
        let mut out = match self.0.len() {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        };
        match event {
            Event::Begun { batch, leaf, .. } | Event::At { batch, leaf, .. } => {
                self.0.insert((*batch, *leaf), line(event));
            }
            Event::Proven { batch, leaf, .. } | Event::Failed { batch, leaf, .. } => {
                self.0.remove(&(*batch, *leaf));
                out.push_str(&line(event));
                out.push('\n');
            }
        }
        for bar in self.0.values() {
            out.push_str(bar);
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_job_has_a_line_that_moves_until_it_is_done() {
        let mut bars = Bars::default();
        let begun = |leaf| Event::Begun { batch: 7, leaf, entries: 3 };
        assert_eq!(bars.show(&begun(0)), "batch 7 leaf 0: 3 entries\n");
        assert_eq!(bars.show(&begun(1)), "\x1b[1A\x1b[Jbatch 7 leaf 0: 3 entries\nbatch 7 leaf 1: 3 entries\n");
        let elapsed = Duration::from_millis(2_500);
        let at = Event::At { batch: 7, leaf: 0, stage: Stage::Proving, elapsed };
        let shown = "\x1b[2A\x1b[Jbatch 7 leaf 0: [###.] proving for 2 s\nbatch 7 leaf 1: 3 entries\n";
        assert_eq!(bars.show(&at), shown);
        let proven = Event::Proven { batch: 7, leaf: 0, entries: 3, elapsed, bytes: 9 };
        let shown = "\x1b[2A\x1b[Jbatch 7 leaf 0: 3 entries proven in 2.5 s, 9 bytes\nbatch 7 leaf 1: 3 entries\n";
        assert_eq!(bars.show(&proven), shown);
        assert_eq!(value(&proven)["event"], "proven");
    }
}
