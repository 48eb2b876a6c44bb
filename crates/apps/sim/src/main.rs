//! Runs the whole network in one thread under seeded crashes.

use clap::Parser;
use serde_json::{Value, json};
use sim::{Fault, Plan, Report};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// After how many runs a word of progress is said.
const PROGRESS: usize = 20;

/// Runs the network under crashes, lost messages and liars, and checks that nothing is ever lost.
#[derive(Parser)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs this one seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// How many steps each run takes under faults.
    #[arg(long, default_value_t = sim::STEPS)]
    steps: u64,
    /// On how many threads; all cores unless told otherwise.
    #[arg(long)]
    jobs: Option<usize>,
    /// Prints every event. For one seed.
    #[arg(long)]
    trace: bool,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Sums over runs.
#[derive(Default)]
struct Summary {
    runs: u64,
    failures: Vec<Value>,
    numbers: BTreeMap<&'static str, u64>,
    rejected: BTreeMap<u32, u64>,
    faults: BTreeMap<Fault, u64>,
    crash_points: BTreeMap<String, u64>,
    alerts: BTreeMap<&'static str, u64>,
}

impl Summary {
    fn add(&mut self, report: Report) {
        let tallied = &report.tallied;
        self.runs += 1;
        for (name, count) in [
            ("steps", report.steps),
            ("virtual_ms", report.time_ms),
            ("blocks", tallied.blocks),
            ("batches_settled", report.settled),
            ("transactions", tallied.transactions),
            ("rejected", tallied.rejected.values().sum()),
            ("deposits", tallied.deposited),
            ("withdrawals", tallied.withdrawn),
            ("tasks_submitted", tallied.submitted),
            ("tasks_decided", tallied.decided),
            ("tasks_refunded", tallied.refunded),
            ("stakes_slashed", tallied.slashed),
            ("withdrawals_forced", tallied.withdrawals_forced),
            ("actions_forced", tallied.actions_forced),
            ("transactions_on_behalf", tallied.on_behalf),
            ("tallies_split", tallied.tallies[0]),
            ("tallies_merged", tallied.tallies[1]),
            ("tallies_resolved", tallied.tallies[2]),
            ("tallies_redeemed", tallied.tallies[3]),
            ("tallies_reclaimed", tallied.tallies[4]),
            ("sessions_granted", tallied.authorities[0]),
            ("sessions_ended", tallied.authorities[1]),
            ("accounts_handed_over", tallied.authorities[2]),
            ("crashes", report.crash_points.values().sum()),
        ] {
            *self.numbers.entry(name).or_default() += count;
        }
        for (code, count) in &tallied.rejected {
            *self.rejected.entry(*code).or_default() += count;
        }
        for (fault, count) in report.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (point, count) in report.crash_points {
            *self.crash_points.entry(point).or_default() += count;
        }
        for (alert, count) in report.alerts {
            *self.alerts.entry(alert).or_default() += count;
        }
        if let Some(failure) = report.failure {
            eprintln!("seed {} broke at step {}, {} ms", failure.seed, failure.step, failure.time_ms);
            eprintln!("  {}", failure.broken);
            eprintln!("  see it again: {}", failure.rerun);
            self.failures.push(json!({
                "seed": failure.seed, "step": failure.step, "time_ms": failure.time_ms,
                "broken": failure.broken, "rerun": failure.rerun,
            }));
        }
    }

    fn json(&self, seconds: f64) -> Value {
        let faults: BTreeMap<_, _> = self.faults.iter().map(|(fault, n)| (format!("{fault:?}"), n)).collect();
        json!({
            "runs": self.runs, "seconds": seconds, "failures": self.failures, "numbers": self.numbers,
            "rejected": self.rejected,
            "alerts": self.alerts,
            "faults": faults, "crash_points": self.crash_points,
        })
    }

    fn text(&self, seconds: f64) -> String {
        let mut lines = vec![format!("{} runs in {seconds:.1} s, {} failed", self.runs, self.failures.len())];
        lines.extend(self.numbers.iter().map(|(name, count)| format!("  {name:<40} {count:>10}")));
        lines.push("rejected, by code".to_owned());
        lines.extend(self.rejected.iter().map(|(code, count)| {
            let text = transition::explain(*code).unwrap_or("unknown").split(':').next().unwrap_or_default();
            format!("  {code} {text:<54} {count:>8}")
        }));
        lines.push("faults".to_owned());
        lines.extend(Fault::ALL.iter().map(|fault| {
            let name = format!("{fault:?}");
            format!("  {name:<40} {:>10}", self.faults.get(fault).copied().unwrap_or(0))
        }));
        lines.push("what the outbox told the operators".to_owned());
        lines.extend(self.alerts.iter().map(|(name, count)| format!("  {name:<40} {count:>10}")));
        lines.push("where nodes died".to_owned());
        lines.extend(self.crash_points.iter().map(|(point, count)| format!("  {point:<50} {count:>8}")));
        lines.join("\n")
    }
}

/// Runs seeds on as many threads as asked. Every run is one thread's own, so that the order does not matter.
fn run_all(plans: &[Plan], jobs: usize) -> BTreeMap<u64, Report> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = sim::run(plan);
                    let mut done = done.lock().expect("no thread panics while it holds the lock");
                    done.insert(plan.seed, report);
                    if done.len() % PROGRESS == 0 {
                        eprintln!("{} of {} runs", done.len(), plans.len());
                    }
                }
            });
        }
    });
    done.into_inner().expect("no thread panics while it holds the lock")
}

fn main() -> ExitCode {
    let args = Args::parse();
    let start = Instant::now();
    let seeds = match args.seed {
        Some(seed) => seed..seed + 1,
        None => args.from..args.from + args.seeds,
    };
    let plans: Vec<Plan> = seeds.map(|seed| Plan { steps: args.steps, trace: args.trace, ..Plan::of(seed) }).collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Traces of two runs would be printed into each other.
    let jobs = if args.trace { 1 } else { args.jobs.unwrap_or(cores) };
    let mut summary = Summary::default();
    for report in run_all(&plans, jobs).into_values() {
        summary.add(report);
    }
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        println!("{}", summary.json(seconds));
    } else {
        println!("{}", summary.text(seconds));
    }
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
