//! Source -> checked program -> bytecode; the standard library; no files.
//!
//! Sources come in as texts, and modules through [`Modules`]. What is wrong comes back as [`Diagnostic`]s, several in one
//! run. Secrets stay secret: the checker refuses whatever would tell one, and shows the way that it took; only `reveal`
//! and outputs to a client let one out.
//!
//! ```
//! let text = "
//! client alice:
//!   bid: secret int64
//! client bob:
//!   bid: secret int64
//!
//! def main() -> int64:
//!   return max(alice.bid, bob.bid).reveal()
//! ";
//! let program = lang::read("auction.stfl", text, &std::collections::BTreeMap::new()).expect("it is well formed");
//! let compiled = program.compile("main", &lang::Options::default()).expect("it is complete");
//! assert_eq!(compiled.program.program().ports.len(), 3);
//! ```

mod ast;
mod check;
mod compile;
mod diagnostic;
mod emit;
mod format;
mod ir;
mod parse;
mod reading;
mod resolve;
mod scalar;
mod source;
mod stage;
mod token;
mod types;

pub use compile::{Check, Compiled, Failed, Parsed, read};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic};
pub use format::format;
pub use reading::{lanes, show};
pub use source::{File, Modules, Sources, Span};
pub use stage::{Options, Shown};

/// The standard library, in the language itself.
const LIBRARY: &str = include_str!("std.stfl");
