//! From the sandbox's words to the ledger's.

use crate::core::Ran;
use proof::agreement::Outcome;
use sandbox::{Limits, Sandbox};
use task::Submit;
use types::{ContentId, Fuel, limits};

/// The most time a run may take on the wall clock, in milliseconds. It guards this machine; it is never a result.
const WALL_MS: u64 = 60_000;

/// This machine could not run the task. Another may: nothing is delivered.
#[derive(Debug, thiserror::Error)]
#[error("this machine could not run the task: {0}")]
pub struct Failed(pub String);

/// Runs a task's program.
pub trait Execute: Send + Sync + 'static {
    /// Runs a program on an input under a task's limits. Deterministic, failures of the program included.
    fn execute(&self, program: &[u8], input: &[u8], submit: &Submit) -> Result<Ran, Failed>;

    /// Measures how much fuel this machine burns in a second.
    fn fuel_per_second(&self) -> Result<u64, Failed>;
}

/// How a run ended, as outcomes carry it.
pub mod exit {
    /// The program ended and wrote its output.
    pub const SUCCESS: u8 = 0;
    /// The program stopped itself or did what it must not.
    pub const TRAP: u8 = 1;
    /// The fuel was not enough.
    pub const OUT_OF_FUEL: u8 = 2;
    /// The memory was not enough.
    pub const OUT_OF_MEMORY: u8 = 3;
    /// The output was too long, or not where the program said.
    pub const BAD_OUTPUT: u8 = 4;
    /// The bytes are no program that this chain runs.
    pub const BAD_PROGRAM: u8 = 5;
    /// The program did not take the input.
    pub const BAD_INPUT: u8 = 6;
    /// A private task's session ended early; the output says why.
    pub const ABORTED: u8 = 7;
}

/// Returns the exit code of a failure of the program; `None` when the failure is this machine's.
fn exit_of(error: &sandbox::Error) -> Option<u8> {
    use sandbox::Error as E;
    Some(match error {
        E::Trap { .. } => exit::TRAP,
        E::OutOfFuel { .. } => exit::OUT_OF_FUEL,
        E::MemoryLimit { .. } | E::TableLimit { .. } => exit::OUT_OF_MEMORY,
        E::OutputRange { .. } | E::OutputTooLarge { .. } => exit::BAD_OUTPUT,
        E::NotAModule { .. } | E::ModuleTooLarge { .. } | E::Imports { .. } | E::MissingExport { .. } => {
            exit::BAD_PROGRAM
        }
        E::InputTooLarge { .. } | E::InputRange { .. } => exit::BAD_INPUT,
        E::TimedOut { .. } | E::Host { .. } => return None,
    })
}

impl Execute for Sandbox {
    fn execute(&self, program: &[u8], input: &[u8], submit: &Submit) -> Result<Ran, Failed> {
        let output_bytes = u64::try_from(limits::OUTPUT_BYTES).map_err(|error| Failed(error.to_string()))?;
        let limits =
            Limits { fuel: submit.fuel_limit.0, memory_bytes: submit.memory_bytes, output_bytes, wall_ms: WALL_MS };
        match self.run(program, input, &limits) {
            Ok(run) => {
                let output = crypto::content_id(&run.output);
                let outcome = Outcome { exit: exit::SUCCESS, output, fuel: Fuel(run.fuel) };
                Ok(Ran { outcome, output: run.output })
            }
            Err(error) => {
                let exit = exit_of(&error).ok_or_else(|| Failed(error.to_string()))?;
                // A program that failed while running is billed for all the fuel it was given: what it used before it
                // failed is not the same on every engine, and work must not be free. One that never ran costs nothing.
                let ran = matches!(exit, exit::TRAP | exit::OUT_OF_FUEL | exit::OUT_OF_MEMORY | exit::BAD_OUTPUT);
                let fuel = if ran { submit.fuel_limit } else { Fuel(0) };
                let output = ContentId::ZERO;
                Ok(Ran { outcome: Outcome { exit, output, fuel }, output: Vec::new() })
            }
        }
    }

    fn fuel_per_second(&self) -> Result<u64, Failed> {
        sandbox::benchmark(self).map(|measured| measured.fuel_per_second).map_err(|error| Failed(error.to_string()))
    }
}
