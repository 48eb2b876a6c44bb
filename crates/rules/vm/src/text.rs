//! The text form of programs: an assembler and a disassembler.
//!
//! Blocks stand where they run, and their numbers are left out, because their order gives them. Values are called by
//! names that begin with `%`; the disassembler calls them by their numbers. What stands behind `#` is a comment.
//!
//! ```text
//! talea 1
//! port in "alice" "age" : secret u8 unsigned
//! port out "" "adult" : u1 bool
//! release "adult" 1
//! function "main" [] -> () releases (0) {
//!     %age : secret u8 = input 0 ()
//!     %limit : u8 = int 18 ()
//!     %below : secret u1 = lt (%age, %limit)
//!     %above : secret u1 = not (%below)
//!     %adult : u1 = reveal 0 (%above)
//!     output 1 (%adult)
//!     give ()
//! }
//! ```

mod read;
mod scan;
mod write;

pub use read::assemble;
pub use write::disassemble;

/// The text is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TextError {
    /// The line, from 1.
    pub line: u32,
    /// What was expected there.
    pub what: String,
}
