//! Bytecode, its verifier, the engine interface, the clear engine, fuel, the parties' plans.
//!
//! A program is functions of blocks of operations on public and secret vectors. It is verified before anything else is done
//! with it, and [`Verified`] is the only thing that an engine takes: no secret decides anything that can be seen, nothing
//! is revealed that the program does not declare, and the cost of a run is known. The crate reads no file and knows no
//! party; what a run needs from outside is a [`World`].
//!
//! ```
//! use vm::{Engine, Limits, certify, clear::Clear, sample::Chance, text::assemble};
//!
//! let program = assemble(
//!     "talea 1
//!      port in \"alice\" \"age\" : secret u8 unsigned
//!      port out \"\" \"adult\" : u1 bool
//!      release \"adult\" 1
//!      function \"main\" [] -> () releases (0) {
//!          %age : secret u8 = input 0 ()
//!          %limit : u8 = int 18 ()
//!          %below : secret u1 = lt (%age, %limit)
//!          %above : secret u1 = not (%below)
//!          %adult : u1 = reveal 0 (%above)
//!          output 1 (%adult)
//!          give ()
//!      }",
//! )?;
//! let program = certify(program)?;
//! assert!(program.program().certificate.exact);
//! let limits = Limits { fuel: 100, memory_bytes: 1_000 };
//! let run = Clear.run(&program, &[vec![21]], limits, &mut Chance::new(1))?;
//! assert_eq!(run.outputs, [[1]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
pub mod clear;
pub mod cost;
pub mod direct;
mod engine;
mod kind;
pub mod layout;
mod operation;
pub mod plan;
mod program;
mod rule;
pub mod sample;
mod signature;
pub mod text;
mod verify;

pub use build::FunctionBuilder;
pub use direct::evaluate;
pub use engine::{Cause, Engine, Limits, Run, Stop, World};
pub use kind::{Fold, Label, NoSuchFold, Type, Width};
pub use operation::Operation;
pub use program::{
    Block, Certificate, Constant, Function, FunctionMap, Host, Instruction, Local, Meaning, NAME_BYTES, Name, Port,
    Program, Release, SourceMap, Span, VERSION,
};
pub use rule::{Place, Refusal, Rule};
pub use verify::{Verified, certify, is_barrier, verify, verify_bytes};
