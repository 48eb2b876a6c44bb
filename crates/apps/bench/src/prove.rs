//! Proving batches of signed transfers.

use crate::chain::{self, Accounts};
use crate::machine::{cpu_seconds, memory_peak};
use crate::{Measured, measure::per_second};
use proof::validity::verify;
use prover::security::{Cost, costs, security};
use prover::{Block, prove as prove_batch, record};
use state::State;
use std::time::Instant;
use transition::{Checked, Entry, L1Rules, Transaction};
use types::{Digest, Millis};

/// Accounts among which is transferred.
const ACCOUNTS: usize = 20_000;
/// Transfers in a batch, with the names of what is measured of it.
const SIZES: [(usize, Names); 3] = [
    (
        256,
        Names {
            rate: "prove/rate-256",
            cpu: "prove/cpu-256",
            bytes: "prove/bytes-256",
            verify: "prove/verify-256",
            memory: "prove/memory-256",
            sealed: "prove/sealed-to-proven-256",
        },
    ),
    (
        1024,
        Names {
            rate: "prove/rate-1024",
            cpu: "prove/cpu-1024",
            bytes: "prove/bytes-1024",
            verify: "prove/verify-1024",
            memory: "prove/memory-1024",
            sealed: "prove/sealed-to-proven-1024",
        },
    ),
    (
        4096,
        Names {
            rate: "prove/rate-4096",
            cpu: "prove/cpu-4096",
            bytes: "prove/bytes-4096",
            verify: "prove/verify-4096",
            memory: "prove/memory-4096",
            sealed: "prove/sealed-to-proven-4096",
        },
    ),
];

struct Names {
    rate: &'static str,
    cpu: &'static str,
    bytes: &'static str,
    verify: &'static str,
    memory: &'static str,
    sealed: &'static str,
}

/// What was measured of one proof.
struct Sample {
    seconds: f64,
    cpu: f64,
    bytes: usize,
    verify_ms: f64,
    heights: Vec<usize>,
}

pub(crate) fn prove(quick: bool) -> Vec<Measured> {
    let mut bench = Bench::new();
    let sizes = if quick { &SIZES[..1] } else { &SIZES[..] };
    let runs = if quick { 1 } else { 3 };
    sizes.iter().flat_map(|(size, names)| bench.measure(*size, names, runs)).collect()
}

/// Prints what each table costs in a batch, and what the proof's security is.
pub(crate) fn explain() {
    let mut bench = Bench::new();
    for (size, _) in &SIZES {
        let sample = bench.sample(*size);
        let costs = costs(&sample.heights);
        let cells: usize = costs.iter().map(Cost::cells).sum();
        println!("{size} transfers, {:.1} s, {} bytes, {:?}", sample.seconds, sample.bytes, security(&costs));
        for cost in &costs {
            let share = 100.0 * fraction(cost.cells(), cells);
            println!(
                "  {:<10} {:>8} rows  {:>4} columns  {:>3} of buses  {} quotients  degree {}  {:>4} constraints  {share:>5.1} % of the cells",
                format!("{:?}", cost.table),
                cost.rows,
                cost.columns,
                cost.bus_columns,
                cost.quotient_chunks,
                cost.degree,
                cost.constraints,
            );
        }
        let largest = costs.iter().max_by_key(|cost| cost.cells()).expect("there are tables");
        println!(
            "  next: {:?}, with the most cells; each column less saves {:.2} % of them",
            largest.table,
            100.0 * fraction(largest.rows, cells)
        );
    }
}

fn fraction(part: usize, whole: usize) -> f64 {
    let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    of(part) / of(whole)
}

/// A chain whose accounts have something.
struct Bench {
    accounts: Accounts,
    state: State,
    chain: Digest,
}

impl Bench {
    fn new() -> Self {
        let config =
            chain::config(L1Rules { forced_deadline_s: 1, freeze_grace_s: 1, exit_window_s: 2, ..L1Rules::default() });
        let accounts = Accounts::new(ACCOUNTS);
        let mut state = State::default();
        state.apply(&transition::genesis(&config));
        let entries: Vec<Entry> = accounts.deposits().into_iter().map(Entry::Message).collect();
        transition::execute(&mut state, &config, None, entries, Millis(1));
        Self { accounts, state, chain: config.hash() }
    }

    /// Signs transfers among all accounts, and checks them as a gateway does.
    fn batch(&mut self, size: usize) -> Vec<Checked> {
        let plans: Vec<_> = (0..size).map(|_| self.accounts.plan_among_all()).collect();
        let signed = self.accounts.sign(&plans, &self.chain);
        let bytes: Vec<_> = signed.iter().map(|signed| &signed.bytes).collect();
        Transaction::check_all(&bytes, &self.chain).into_iter().map(|checked| checked.expect("just signed")).collect()
    }

    fn sample(&mut self, size: usize) -> Sample {
        let batch = self.batch(size);
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let recorded = record(&mut self.state, &self.chain, &[Block { time: Millis(2), transactions: &batch }])
            .expect("a batch of transfers");
        assert!(recorded.outcomes.iter().all(|outcome| outcome.code == 0), "every transfer is applied");
        let proof = prove_batch(&recorded.statement, &recorded.traces).expect("a proof");
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let start = Instant::now();
        verify(&recorded.statement, &recorded.messages, &recorded.withdrawals, &proof).expect("the proof holds");
        let verify_ms = start.elapsed().as_secs_f64() * 1e3;
        Sample { seconds, cpu, bytes: proof.len(), verify_ms, heights: recorded.traces.heights() }
    }

    fn measure(&mut self, size: usize, names: &Names, runs: usize) -> Vec<Measured> {
        let samples: Vec<Sample> = (0..runs).map(|_| self.sample(size)).collect();
        let count = u64::try_from(size).expect("a small number");
        let security = security(&costs(&samples[0].heights)).proven;
        let mix = format!("a batch of {size} signed transfers among {ACCOUNTS} accounts, {security} bits provable");
        let all = |name, unit, of: &dyn Fn(&Sample) -> f64| Measured {
            name,
            unit,
            runs: samples.iter().map(of).collect(),
            mix: mix.clone(),
        };
        let bytes = |sample: &Sample| f64::from(u32::try_from(sample.bytes).unwrap_or(u32::MAX));
        vec![
            all(names.rate, "transfers/s", &|sample| per_second(count, sample.seconds)),
            all(names.cpu, "transfers/CPU s", &|sample| per_second(count, sample.cpu)),
            all(names.sealed, "s", &|sample| sample.seconds),
            all(names.bytes, "bytes", &bytes),
            all(names.verify, "ms", &|sample| sample.verify_ms),
            Measured {
                name: names.memory,
                unit: "MiB",
                runs: vec![memory_peak()],
                mix: format!("{mix}; the process's peak so far"),
            },
        ]
    }
}
