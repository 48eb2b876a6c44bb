//! Bytecode, its verifier, the engine interface, the clear engine, fuel.
//!
//! A program is verified before anything else is done with it: [`Verified`] is the only thing that an engine takes.

mod build;
pub mod clear;
pub mod cost;
pub mod direct;
mod engine;
mod kind;
mod layout;
mod operation;
mod program;
mod rule;
pub mod sample;
mod signature;
pub mod text;
mod verify;

pub use build::FunctionBuilder;
pub use engine::{Cause, Engine, Limits, Run, Stop, World};
pub use kind::{Fold, Label, NoSuchFold, Type, Width};
pub use operation::Operation;
pub use program::{
    Block, Certificate, Constant, Function, FunctionMap, Host, Instruction, Local, Meaning, NAME_BYTES, Name, Port,
    Program, Release, SourceMap, Span, VERSION,
};
pub use rule::{Place, Refusal, Rule};
pub use verify::{Verified, certify, verify, verify_bytes};
