//! Measures the hot paths, the whole spine and programs among real parties, each doing the real work.
//!
//! Hashing, the state tree, the transition, the journal, the sandbox, the virtual machine and the compiler on their own; and the way of a transfer from an
//! HTTP request to the disk and to L1. Every figure is checked for the work behind it.

mod cached;
mod chain;
mod lang;
mod machine;
mod measure;
mod mpc;
mod node;
mod parties;
mod prove;
mod spine;
mod vm;

use clap::Parser;
use serde_json::json;
use std::process::ExitCode;

/// Measures the hot paths of the network on this machine.
#[derive(Parser)]
struct Args {
    /// Measures only this: hash, state, transition, journal, sandbox, prove, vm, mpc, lang, spine, or a part such as
    /// spine/transfers.
    name: Option<String>,
    /// Prints one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Takes a tenth of the time, for a look.
    #[arg(long)]
    quick: bool,
    /// With `prove`: prints what each table costs and how secure the proof is, instead.
    #[arg(long)]
    explain: bool,
}

/// A speed that was measured some times over.
pub(crate) struct Measured {
    /// What was measured.
    pub(crate) name: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// The counts of all runs.
    pub(crate) runs: Vec<f64>,
    /// What was done, in words.
    pub(crate) mix: String,
}

impl Measured {
    fn median(&self) -> f64 {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

type Bench = fn(bool) -> Vec<Measured>;

const BENCHES: [(&str, Bench); 15] = [
    ("hash", measure::hash),
    ("state", measure::state),
    ("state/cached", cached::state),
    ("transition", measure::transition),
    ("journal", measure::journal),
    ("sandbox", measure::sandbox),
    ("prove", prove::prove),
    ("vm", vm::vm),
    ("mpc", self::mpc::mpc),
    ("mpc/parties", parties::parties),
    ("lang", self::lang::lang),
    ("spine/transfers", spine::transfers),
    ("spine/confirmation", spine::confirmation),
    ("spine/restart", spine::restart),
    ("spine/published", spine::published),
];

fn main() -> ExitCode {
    let args = Args::parse();
    let is_part = |name: &str, asked: &str| name.strip_prefix(asked).is_some_and(|rest| rest.starts_with('/'));
    let wanted = |name: &str| args.name.as_deref().is_none_or(|asked| asked == name || is_part(name, asked));
    let chosen: Vec<_> = BENCHES.iter().filter(|(name, _)| wanted(name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no such benchmark: name one of {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if args.explain {
        prove::explain();
        return ExitCode::SUCCESS;
    }
    let (cpu, cores, load, commit) = (machine::cpu(), machine::cores(), machine::load(), machine::commit());
    if !args.json {
        println!("{cpu}, {cores} cores, load {load}, commit {commit}");
    }
    for measured in chosen.iter().flat_map(|(_, bench)| bench(args.quick)) {
        let median = measured.median();
        if args.json {
            let line = json!({
                "name": measured.name, "unit": measured.unit, "median": median, "runs": measured.runs,
                "mix": measured.mix, "quick": args.quick, "machine": { "cpu": cpu, "cores": cores, "load": load }, "commit": commit,
            });
            println!("{line}");
        } else {
            println!("{:<24} {median:>16.3} {:<22} {}", measured.name, measured.unit, measured.mix);
        }
    }
    ExitCode::SUCCESS
}
