//! How fast this machine burns fuel.

use crate::{Error, Limits, Sandbox};
use std::time::Instant;

/// The compiled `benchmark.wat`, kept so that every provider runs the same bytes.
pub(crate) const PROGRAM: &[u8] = include_bytes!("benchmark.wasm");

/// How often it runs. Neighbours on the machine spoil single runs; the median of an odd number is one of them.
const RUNS: usize = 5;

const LIMITS: Limits = Limits { fuel: 1 << 30, memory_bytes: 1 << 20, output_bytes: 8, wall_ms: 60_000 };

/// What the benchmark measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Benchmark {
    /// The fuel one run burns: the same on every machine.
    pub fuel: u64,
    /// The median time of a run, without compilation.
    pub elapsed_us: u64,
    /// The speed of this machine on one thread, from the two above.
    pub fuel_per_second: u64,
}

/// Measures how fast this machine burns fuel, in well under a second on a usual one.
///
/// This is a claim about oneself, not evidence: the word of a provider that lies is worth what a lie is.
///
/// # Errors
///
/// [`Error::TimedOut`] on a machine too slow to be of use, [`Error::Host`] on one that cannot run it.
pub fn benchmark(sandbox: &Sandbox) -> Result<Benchmark, Error> {
    let module = sandbox.compile(PROGRAM)?;
    let mut fuel = 0;
    let mut elapsed_us = [0; RUNS];
    for elapsed_us in &mut elapsed_us {
        let start = Instant::now();
        fuel = sandbox.execute(&module, &[], &LIMITS)?.fuel;
        *elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    }
    elapsed_us.sort_unstable();
    let elapsed_us = elapsed_us[RUNS / 2].max(1);
    Ok(Benchmark { fuel, elapsed_us, fuel_per_second: fuel * 1_000_000 / elapsed_us })
}
