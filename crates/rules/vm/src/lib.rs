//! Bytecode, its verifier, the engine interface, the clear engine, fuel.
//!
//! A program is verified before anything else is done with it: [`Verified`] is the only thing that an engine takes.

mod build;
mod kind;
mod operation;
mod program;

pub use build::FunctionBuilder;
pub use kind::{Fold, Label, NoSuchFold, Type, Width};
pub use operation::Operation;
pub use program::{
    Block, Certificate, Constant, Function, FunctionMap, Host, Instruction, Local, Meaning, NAME_BYTES, Name, Port,
    Program, Release, SourceMap, Span, VERSION,
};
