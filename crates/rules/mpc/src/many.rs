//! Any number of parties that [`Parties`] names: the same plans' steps, on sums with a component for each set of parties
//! that may be curious.
//!
//! Setting: of three, five or seven parties any one, two or three may put together what they see, and learn nothing; all
//! follow the protocol. Each component is held by all outside its set, so any that many lack one, and it is uniformly random.
//! What a party shares is drawn with those who hold each component, but for one that it tells. What is not here: parties
//! that lie.

mod bill;
mod local;
mod machine;
mod run;
mod seat;
mod share;
mod talk;

pub use machine::{Done, Machine, Next};
pub use run::{Runner, Step};
pub use share::{Components, Part, gathered, share};

pub(crate) use bill::Bill;

use crate::prg::Key;
use seat::Seat;
use vm::plan::Parties;

/// Who shares the key of each component that a party holds: for each, the parties that hold it, in order. The first of them
/// draws the key and gives it to the others.
pub fn circles(parties: Parties, me: usize) -> Vec<Vec<usize>> {
    let held = parties.components().into_iter().filter(|lacking| !lacking.has(me));
    held.map(|lacking| (0..parties.count()).filter(|party| !lacking.has(*party)).collect()).collect()
}

/// A party's keys, one for each component that it holds, in their order: each shared with all others that hold it.
pub struct Keys(pub Vec<Key>);
