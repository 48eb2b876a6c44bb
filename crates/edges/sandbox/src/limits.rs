//! What a run may use, and the guard that holds a module to it.

use crate::Error;
use wasmtime::ResourceLimiter;

/// The longest module that is compiled. Compiling is not metered, so its input is bounded instead.
pub const MODULE_BYTES_MAX: u64 = 4 << 20;

/// The stack of a run. The calling thread must have this much left, and as much again for the engine itself.
pub const STACK_BYTES: usize = 512 << 10;

/// The most elements all tables of a module may have together. Each costs the host a pointer.
pub const TABLE_ELEMENTS_MAX: u64 = 1 << 16;

/// The most imports an error names.
pub(crate) const IMPORTS_NAMED_MAX: usize = 8;

/// What a run may use. All but `wall_ms` decide the same way on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most fuel the run may burn. A run that needs exactly this much passes.
    pub fuel: u64,
    /// The most linear memory. A module that asks for more is answered -1, as the WASM standard says, and may do with
    /// less; if it stops instead, the run ends in [`Error::MemoryLimit`].
    pub memory_bytes: u64,
    /// The longest output.
    pub output_bytes: u64,
    /// The longest time, starting after compilation. Not before this, and at most a few ticks later.
    pub wall_ms: u64,
}

/// Holds one run to its limits on memory and tables.
pub(crate) struct Guard {
    memory_bytes_max: u64,
    table_elements: u64,
    // Whether the growth in progress is within every limit, so that only lack of host memory can stop it.
    growth_is_due: bool,
    refused: Option<Error>,
}

impl Guard {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory_bytes_max: limits.memory_bytes, table_elements: 0, growth_is_due: false, refused: None }
    }

    /// Returns the last growth that was refused.
    pub(crate) fn refused(&self) -> Option<&Error> {
        self.refused.as_ref()
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.growth_is_due = false;
        // A module that asks past its own maximum gets -1 by the WASM standard: that is not about our limits.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let (bytes, bytes_max) = (length(desired), self.memory_bytes_max);
        if bytes > bytes_max {
            self.refused = Some(Error::MemoryLimit { bytes, bytes_max });
            return Ok(false);
        }
        self.growth_is_due = true;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, reason: wasmtime::Error) -> wasmtime::Result<()> {
        if !self.growth_is_due {
            return Ok(());
        }
        // The module must not see that this host is short of memory, or its result would depend on it.
        Err(Error::Host { doing: "growing the module's memory", reason: format!("{reason:#}") }.into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = length(desired.saturating_sub(current));
        let elements = self.table_elements.saturating_add(more);
        if elements > TABLE_ELEMENTS_MAX {
            self.refused = Some(Error::TableLimit { elements, elements_max: TABLE_ELEMENTS_MAX });
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}

/// A length as the number that limits are written in.
pub(crate) fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
