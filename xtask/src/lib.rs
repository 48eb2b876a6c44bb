//! Tidy, generators, simulations and benchmarks.
//!
//! `tidy` lives here: the rules of `CONVENTIONS.md` that a machine can check. The heavier commands are forwarded to
//! the crates that hold them, so that this one never depends on any of them.
//!
//! ```
//! use xtask::tidy::lengths;
//!
//! let long = format!("fn walk() {{\n{}}}\n", "    step();\n".repeat(90));
//! let findings = lengths::check("crates/rules/state/src/tree.rs", &long);
//! assert_eq!(findings.len(), 1);
//! assert!(findings[0].to_string().starts_with("crates/rules/state/src/tree.rs:1: [length] `walk` has 92 lines"));
//! ```

pub mod tidy;
