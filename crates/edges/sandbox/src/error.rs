//! Why a run gave no result.

/// The longest text from a module or the engine that an error repeats. Names in a module may fill megabytes.
const QUOTE_CHARS_MAX: usize = 200;

/// Why a run gave no result, and what to do about it.
///
/// All but [`Error::TimedOut`] and [`Error::Host`] are the module's doing and happen again on every machine.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum Error {
    /// The bytes are no module of the accepted kind.
    #[error(
        "this is not a WASM module we can run ({reason}); give a binary 32-bit core module, \
         without threads, relaxed SIMD, 64-bit or second memories"
    )]
    NotAModule {
        /// What the engine found wrong.
        reason: String,
    },

    /// The module is longer than we compile.
    #[error("the module has {bytes} bytes, more than the {bytes_max} allowed; strip debug sections and unused code")]
    ModuleTooLarge {
        /// How long the module is.
        bytes: u64,
        /// How long it may be.
        bytes_max: u64,
    },

    /// The module wants something from its host.
    #[error(
        "the module imports {names}, but a task runs alone; build it without these imports \
         (no WASI, and in AssemblyScript `--use abort=`)"
    )]
    Imports {
        /// The first imports as `module.name`, separated by commas.
        names: String,
    },

    /// The module lacks a part of the guest interface.
    #[error("the module has no export `{name}` of the right type; export it as {wanted}")]
    MissingExport {
        /// The export's name.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },

    /// The work costs more than was paid for.
    #[error("the run needs more than its {fuel_max} fuel; raise the fuel limit or give a smaller input")]
    OutOfFuel {
        /// The limit it ran under.
        fuel_max: u64,
    },

    /// The module asked for more memory than it may have, and stopped without it.
    #[error(
        "the run asked for {bytes} bytes of memory, more than the {bytes_max} allowed; \
         raise the memory limit or give a smaller input"
    )]
    MemoryLimit {
        /// How much memory it would have had.
        bytes: u64,
        /// How much it may have.
        bytes_max: u64,
    },

    /// The module asked for larger tables than it may have, and stopped without them.
    #[error("the run asked for {elements} table elements, more than the {elements_max} allowed; use smaller tables")]
    TableLimit {
        /// How many elements all its tables would have had.
        elements: u64,
        /// How many they may have.
        elements_max: u64,
    },

    /// The module did something WASM forbids, or gave up by itself.
    #[error("the module stopped: {reason}; run it locally on the same input to find out where")]
    Trap {
        /// The engine's name for it.
        reason: String,
    },

    /// The input does not fit the memory limit.
    #[error(
        "the input has {bytes} bytes, more than the {bytes_max} of memory allowed; \
         raise the memory limit or give a smaller input"
    )]
    InputTooLarge {
        /// How long the input is.
        bytes: u64,
        /// How long it may be.
        bytes_max: u64,
    },

    /// `talea_alloc` gave a place outside the module's memory.
    #[error(
        "talea_alloc returned address {start} for {bytes} bytes, outside the module's {memory_bytes} bytes of memory; \
         make it grow the memory first"
    )]
    InputRange {
        /// The address it returned.
        start: u64,
        /// How many bytes it was asked for.
        bytes: u64,
        /// How large the memory was.
        memory_bytes: u64,
    },

    /// `talea_run` gave an output outside the module's memory.
    #[error(
        "talea_run returned {bytes} bytes at address {start}, outside the module's {memory_bytes} bytes of memory; \
         return (out_ptr << 32) | out_len"
    )]
    OutputRange {
        /// The address it returned.
        start: u64,
        /// The length it returned.
        bytes: u64,
        /// How large the memory was.
        memory_bytes: u64,
    },

    /// The output is longer than was agreed.
    #[error("the output has {bytes} bytes, more than the {bytes_max} allowed; raise the output limit or write less")]
    OutputTooLarge {
        /// How long the output is.
        bytes: u64,
        /// How long it may be.
        bytes_max: u64,
    },

    /// This machine stopped waiting. Another, or this one when less busy, may finish in time.
    #[error("the run took longer than {wall_ms} ms on this machine; allow more time or run it on a faster one")]
    TimedOut {
        /// How long it was allowed to take.
        wall_ms: u64,
    },

    /// This machine could not run it. The module may be fine.
    #[error("this machine failed while {doing} ({reason}); free some memory and try again")]
    Host {
        /// What we were doing.
        doing: &'static str,
        /// What went wrong.
        reason: String,
    },
}

/// Returns the beginning of a text that a stranger may have written.
pub(crate) fn quote(text: &str) -> String {
    text.chars().take(QUOTE_CHARS_MAX).collect()
}
