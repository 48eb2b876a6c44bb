//! Fetches, runs under limits, commits, delivers, earns.
//!
//! A provider stakes, offers capacity at a rate, and works on what it is assigned. It shows nothing of a result before
//! enough others have committed to theirs. After a crash it runs an unfinished task again: runs are deterministic, and
//! the salt of a commitment is derived from the key, so that the second run can reveal what the first committed.
//!
//! Of a private task it computes its share as a party, if it takes part in such ([`private`]), and delivers the receipt.

pub mod core;
pub mod execute;
pub mod private;
pub mod run;

pub use core::{Effect, Input, Provider, Ran};
pub use execute::{Execute, Failed};
pub use private::{Ended, Ending, Private, Seat};
pub use run::{Error, Executors, Stake, run};
