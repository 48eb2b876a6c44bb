//! Runs WASM modules under fuel, memory and time limits.
//!
//! The module belongs to a stranger, and its result is compared with the result of the same module run by another
//! stranger. So a run sees nothing but its input: no clock, no chance, no files, no network, no imports of any kind.
//! The same module, input and limits give the same output and the same fuel on every machine with this [`ENGINE`].
//!
//! Two limits are local and never part of a result: [`Error::TimedOut`] and [`Error::Host`] say that this machine
//! gave up, not that the module is wrong. Call stacks are the third exception: how many calls fit depends on the
//! code generated for the processor, so a module that exhausts its stack ends in [`Error::Trap`] everywhere, but one
//! that comes within a hair of it may pass on one machine and trap on another.
//!
//! # What a module must export
//!
//! | name | type | meaning |
//! |---|---|---|
//! | `memory` | 32-bit memory | where input and output live |
//! | `talea_alloc` | `(len: i32) -> i32` | the address of `len` bytes for the input |
//! | `talea_run` | `(ptr: i32, len: i32) -> i64` | does the work; returns `(out_ptr << 32) \| out_len` |
//!
//! # Example
//!
//! ```
//! let module = wat::parse_str(
//!     r#"(module
//!         (memory (export "memory") 1)
//!         (func (export "talea_alloc") (param i32) (result i32) (i32.const 0))
//!         ;; The output is the input: the same address and the same length.
//!         (func (export "talea_run") (param $ptr i32) (param $len i32) (result i64)
//!             (i64.or
//!                 (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
//!                 (i64.extend_i32_u (local.get $len)))))"#,
//! )?;
//! let limits = sandbox::Limits { fuel: 1_000, memory_bytes: 65_536, output_bytes: 64, wall_ms: 1_000 };
//!
//! let run = sandbox::Sandbox::new()?.run(&module, b"talea", &limits)?;
//! assert_eq!(run.output, b"talea");
//! assert!(run.fuel < 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod benchmark;
mod error;
mod guest;
mod limits;
mod sandbox;
#[cfg(test)]
mod tests;
mod ticker;

pub use benchmark::{Benchmark, benchmark};
pub use error::Error;
pub use limits::{Limits, MODULE_BYTES_MAX, STACK_BYTES, TABLE_ELEMENTS_MAX};
pub use sandbox::{ENGINE, Run, Sandbox};
