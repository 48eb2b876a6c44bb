//! The engine, set up so that every machine computes the same.

use crate::error::{Error, quote};
use crate::guest::Guest;
use crate::limits::{IMPORTS_NAMED_MAX, Limits, MODULE_BYTES_MAX, STACK_BYTES, length};
use crate::ticker::Ticker;
use wasmtime::{Config, Engine, Module};

/// What counts the fuel. Two runs are comparable only when this is equal: another engine counts otherwise.
pub const ENGINE: &str = "wasmtime 48.0.8";

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The bytes `talea_run` pointed at.
    pub output: Vec<u8>,
    /// The fuel the module burned, from its start function to its last return.
    pub fuel: u64,
}

/// A place to run modules. Make one and keep it: it owns the engine and the thread that watches the time.
pub struct Sandbox {
    engine: Engine,
    _ticker: Ticker,
}

impl Sandbox {
    /// Sets up the engine and starts its clock.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] when this machine cannot do it.
    pub fn new() -> Result<Self, Error> {
        let engine = Engine::new(&config())
            .map_err(|reason| Error::Host { doing: "setting up the engine", reason: quote(&format!("{reason:#}")) })?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Self { engine, _ticker: ticker })
    }

    /// Runs a module on an input, in this thread, until it ends or meets a limit.
    ///
    /// # Errors
    ///
    /// See [`Error`]: only [`Error::TimedOut`] and [`Error::Host`] may differ on another machine.
    pub fn run(&self, module: &[u8], input: &[u8], limits: &Limits) -> Result<Run, Error> {
        // Gap: compilation is bounded by the module's size alone, so a crafted module can hold this thread for
        // longer than `wall_ms`.
        let module = self.compile(module)?;
        self.execute(&module, input, limits)
    }

    pub(crate) fn compile(&self, module: &[u8]) -> Result<Module, Error> {
        let bytes = length(module.len());
        if bytes > MODULE_BYTES_MAX {
            return Err(Error::ModuleTooLarge { bytes, bytes_max: MODULE_BYTES_MAX });
        }
        let module = Module::from_binary(&self.engine, module)
            .map_err(|reason| Error::NotAModule { reason: quote(&format!("{reason:#}")) })?;
        check_imports(&module)?;
        Ok(module)
    }

    pub(crate) fn execute(&self, module: &Module, input: &[u8], limits: &Limits) -> Result<Run, Error> {
        let mut guest = Guest::start(&self.engine, module, limits)?;
        let at = guest.put(input)?;
        let output = guest.work(at)?;
        Ok(Run { output, fuel: guest.fuel()? })
    }
}

/// The settings that make a run repeatable and finite.
fn config() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        // The bits of a NaN are the processor's choice unless we choose them.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        // One memory of 32 bits: the guest interface speaks of no other.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        // Threads, garbage collection and exceptions are left out when the engine is built.
        .wasm_backtrace_max_frames(None);
    config
}

fn check_imports(module: &Module) -> Result<(), Error> {
    let names: Vec<String> = module
        .imports()
        .take(IMPORTS_NAMED_MAX)
        // Quoting shows control characters and blanks in names, which are any text.
        .map(|import| {
            let name = format!("{}.{}", import.module(), import.name());
            format!("{:?}", quote(&name))
        })
        .collect();
    if names.is_empty() { Ok(()) } else { Err(Error::Imports { names: names.join(", ") }) }
}
