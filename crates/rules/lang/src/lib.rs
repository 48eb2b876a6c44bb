//! Source -> checked program -> bytecode; the standard library; no files.
mod ast;
mod diagnostic;
mod ir;
mod parse;
mod resolve;
mod scalar;
mod source;
mod stage;
mod token;
mod types;

/// The standard library, in the language itself.
const LIBRARY: &str = include_str!("std.stfl");
