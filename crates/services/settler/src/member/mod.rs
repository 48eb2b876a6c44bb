//! An availability member: signs only what it executed itself.

pub mod core;
pub mod run;

pub use core::{Effect, Input, Keys, Member, Restored};
