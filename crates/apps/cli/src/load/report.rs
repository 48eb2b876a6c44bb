//! What the tool shows at its end.

use super::audit::{Check, Deviation};
use super::lanes::{Done, Fate};
use super::plan::{Intent, Size};
use super::progress::per_second;
use crate::market::Settled;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many deviations of a kind are shown.
const SHOWN: usize = 20;

/// One part of the run.
pub struct Phase {
    /// What was done.
    pub name: &'static str,
    /// How many times.
    pub count: usize,
    /// How long it took.
    pub time: Duration,
    /// What was rejected or refused, by code.
    pub rejected: BTreeMap<u32, usize>,
    /// Half of the transactions were confirmed within this time, and 99 of a hundred within that.
    pub latency: Option<(Duration, Duration)>,
    /// The gas of its L1 transactions.
    pub gas: u64,
}

impl Phase {
    /// Describes something that was done on L1, or only waited for.
    pub fn plain(name: &'static str, count: usize, since: Instant, gas: u64) -> Self {
        Self { name, count, time: since.elapsed(), rejected: BTreeMap::new(), latency: None, gas }
    }

    /// Describes transactions that were sent.
    pub fn sent(name: &'static str, done: &[Done], time: Duration) -> Self {
        let mut rejected = BTreeMap::new();
        for each in done {
            if let Fate::Rejected(code) | Fate::Refused(code) = each.fate {
                *rejected.entry(code).or_default() += 1;
            }
        }
        let mut latencies: Vec<_> = done.iter().map(|each| each.latency).collect();
        latencies.sort_unstable();
        let at = |percent: usize| latencies.get(latencies.len().saturating_sub(1) * percent / 100).copied();
        let latency = at(50).zip(at(99));
        Self { name, count: done.len(), time, rejected, latency, gas: 0 }
    }

    fn per_second(&self) -> u64 {
        per_second(u64::try_from(self.count).unwrap_or(u64::MAX), self.time)
    }
}

/// The batches of the run.
#[derive(Default)]
pub struct Batches {
    /// How many.
    pub count: usize,
    /// How many blocks they hold.
    pub blocks: u64,
    /// Those that L1 has settled.
    pub settled: Vec<Settled>,
}

impl Batches {
    /// Returns the gas that settling them took, without the steps of their proofs.
    fn gas(&self) -> u64 {
        self.settled.iter().map(|batch| batch.gas).sum()
    }
}

/// Everything that is shown.
pub struct Report {
    began: Instant,
    size: Size,
    seed: String,
    /// The parts, in order.
    pub phases: Vec<Phase>,
    /// How long signing took, which no part counts.
    pub signing: Duration,
    /// The batches.
    pub batches: Batches,
    /// What was compared.
    pub checks: Vec<Check>,
    /// What in the book is not so.
    pub deviations: Vec<Deviation>,
    /// What became of transactions that something else should have become of.
    pub surprises: Vec<String>,
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    /// Starts with nothing done.
    pub fn new(size: Size, seed: String) -> Self {
        Self {
            began: Instant::now(),
            size,
            seed,
            phases: Vec::new(),
            signing: Duration::ZERO,
            batches: Batches::default(),
            checks: Vec::new(),
            deviations: Vec::new(),
            surprises: Vec::new(),
        }
    }

    /// Compares what became of a transaction with its plan.
    pub fn compare(&mut self, phase: &str, intent: &Intent, done: &Done) {
        let expected = intent.rejected.map_or(Fate::Applied, Fate::Rejected);
        // An operator who asks a hook takes nothing into a block that would be rejected.
        let refused = intent.rejected.map(Fate::Refused);
        if done.fate != expected && Some(done.fate) != refused {
            let (sender, id, deed) = (intent.sender, done.signed.id, &intent.deed);
            self.surprises.push(format!("{phase}: account {sender}, {deed:?}: {:?}, transaction {id}", done.fate));
        }
    }

    /// Says whether everything agrees.
    pub fn ok(&self) -> bool {
        let agree = !self.checks.is_empty() && self.checks.iter().all(Check::agrees);
        agree && self.deviations.is_empty() && self.surprises.is_empty()
    }

    fn gas(&self) -> u64 {
        self.phases.iter().map(|phase| phase.gas).sum()
    }

    fn transactions(&self) -> usize {
        self.phases.iter().filter(|phase| phase.latency.is_some()).map(|phase| phase.count).sum()
    }

    /// Returns the tables for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "\n{} accounts, {} transfers each, seed {:?}\n\n{:<30} {:>8} {:>8} {:>8} {:>7} {:>7} {:>13}  refused\n",
            self.size.accounts,
            self.size.transfers,
            self.seed,
            "phase",
            "count",
            "ms",
            "per s",
            "p50 ms",
            "p99 ms",
            "L1 gas"
        );
        for phase in &self.phases {
            let latency = |pick: fn((Duration, Duration)) -> Duration| {
                phase.latency.map_or(String::new(), |both| ms(pick(both)).to_string())
            };
            let rejected: Vec<_> =
                phase.rejected.iter().map(|(code, count)| format!("{count} with code {code}")).collect();
            let gas = if phase.gas == 0 { String::new() } else { phase.gas.to_string() };
            let line = format!(
                "{:<30} {:>8} {:>8} {:>8} {:>7} {:>7} {gas:>13}  {}",
                phase.name,
                phase.count,
                ms(phase.time),
                phase.per_second(),
                latency(|both| both.0),
                latency(|both| both.1),
                rejected.join(", ")
            );
            text.push_str(&format!("{}\n", line.trim_end()));
        }
        text.push_str(&format!(
            "\n{} transactions, signed in {} ms; {} batches with {} blocks, {} of them settled for {} gas; {} ms in all\n",
            self.transactions(), ms(self.signing), self.batches.count, self.batches.blocks, self.batches.settled.len(),
            self.batches.gas(), ms(self.began.elapsed())
        ));
        self.batches.settled.iter().filter_map(Settled::text).for_each(|line| text.push_str(&line));
        text.push('\n');
        for check in &self.checks {
            let (expected, found) = (&check.expected, &check.found);
            text.push_str(&if check.agrees() {
                format!("{}: {found}\n", check.what)
            } else {
                format!("{}: {found}, and should be {expected}  <- differs\n", check.what)
            });
        }
        for each in self.deviations.iter().take(SHOWN) {
            let who = each.number.map_or("tally".to_owned(), |number| format!("account {number}"));
            let (id, what) = (&each.id, &each.what);
            text.push_str(&format!("{who} {id}: {} {what}, and should be {}  <- differs\n", each.found, each.expected));
        }
        for surprise in self.surprises.iter().take(SHOWN) {
            text.push_str(&format!("{surprise}  <- not as planned\n"));
        }
        let unsaid = self.deviations.len().saturating_sub(SHOWN) + self.surprises.len().saturating_sub(SHOWN);
        if unsaid > 0 {
            text.push_str(&format!("and {unsaid} more, all of them with --json\n"));
        }
        text.push_str(if self.ok() { "\nall agree to the unit\n" } else { "\nNOT all agree\n" });
        text
    }

    /// Returns the report for programs.
    pub fn json(&self) -> Value {
        let phase = |phase: &Phase| {
            let rejected: BTreeMap<String, usize> =
                phase.rejected.iter().map(|(code, count)| (code.to_string(), *count)).collect();
            json!({
                "phase": phase.name, "count": phase.count, "ms": ms(phase.time), "per_second": phase.per_second(),
                "refused": rejected, "latency_ms_p50": phase.latency.map(|both| ms(both.0)),
                "latency_ms_p99": phase.latency.map(|both| ms(both.1)), "l1_gas": phase.gas,
            })
        };
        let check = |check: &Check| json!({ "what": check.what, "expected": check.expected, "found": check.found, "ok": check.agrees() });
        let deviation = |each: &Deviation| {
            json!({
                "account": each.number, "id": each.id, "what": each.what, "expected": each.expected.to_string(),
                "found": each.found.to_string(),
            })
        };
        json!({
            "ok": self.ok(), "accounts": self.size.accounts, "deposits": self.size.deposits,
            "transfers_each": self.size.transfers, "seed": self.seed, "transactions": self.transactions(),
            "phases": self.phases.iter().map(phase).collect::<Vec<_>>(), "signing_ms": ms(self.signing),
            "batches": self.batches.settled.iter().map(Settled::json).collect::<Vec<_>>(),
            "sealed": self.batches.count, "settled": self.batches.settled.len(), "blocks": self.batches.blocks,
            "settle_gas": self.batches.gas(),
            "l1_gas": self.gas(), "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "deviations": self.deviations.iter().map(deviation).collect::<Vec<_>>(), "surprises": self.surprises,
            "total_ms": ms(self.began.elapsed()),
        })
    }
}
