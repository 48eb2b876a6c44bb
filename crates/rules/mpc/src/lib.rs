//! Protocols as message-in, message-out machines: sharing, multiplication, comparison, opening.
//!
//! Three parties compute on numbers that none of them knows: [`share`] splits a secret, a [`Builder`] fixes what is done
//! with it, a [`Machine`] is one party doing it, and [`combine`] puts the result together. Nothing here sends, waits or
//! knows the time: whoever carries the messages does, and a simulator carries them as well as a network.
//!
//! Setting: three parties of whom at most one is curious about what it sees, and all follow the protocol; or, with
//! [`Security::Malicious`], at most one does what it likes, and the others abort or have the right result but once in
//! two to the power of [`STATISTICAL_BITS`]. Messages come from whom they seem to and nobody else reads them. Their
//! number and lengths depend on the plan alone. Five parties or seven are in [`many`]. Not here: two liars.
//!
//! ```
//! # use mpc::*;
//! # use std::sync::Arc;
//! let mut builder = Builder::default();
//! let word = vm::Width::Int(64);
//! let (a, b) = (builder.input(1, word), builder.input(1, word));
//! let product = builder.multiply(a, b);
//! builder.open(product);
//! let plan = Arc::new(builder.finish());
//! assert_eq!(cost(&plan), Cost { rounds: 2, bytes: [16; 3], ..Cost::default() });
//!
//! let inputs = [share(&[6], &[1, 2]), share(&[7], &[3, 4])].map(Vec::from);
//! let [mut a, mut b] = inputs.map(|shares| shares.into_iter());
//! let key = |number| Key::new([number; 16]);
//! let mut parties = Party::ALL.map(|me| {
//!     let keys = Keys { own: key(me.number()), next: key(me.next().number()) };
//!     let inputs = vec![a.next().unwrap(), b.next().unwrap()];
//!     Machine::new(Arc::clone(&plan), me, &keys, inputs).unwrap()
//! });
//! let mut next = parties.each_mut().map(|party| party.start().unwrap());
//! while let [Next::Send(first), Next::Send(second), Next::Send(third)] = &next {
//!     let messages = [second.clone(), third.clone(), first.clone()];
//!     let mut messages = messages.iter();
//!     next = parties.each_mut().map(|party| party.receive(messages.next().unwrap()).unwrap());
//! }
//! let [Next::Done(done), ..] = next else { panic!("all end together") };
//! assert_eq!(done.opened, [[42]]);
//! ```

mod bits;
mod engine;
mod field;
mod lanes;
mod local;
mod machine;
pub mod many;
mod message;
mod prg;
mod share;
mod talk;
mod verify;

pub use engine::{Given, Measured, Prepared, Quote, Runner, Step, Unsupported, gathered};
pub use machine::{Done, Fault, Keys, Machine, Next};
pub use prg::Key;
pub use share::{Party, Share, combine, share, share_as};
pub use verify::{Check, STATISTICAL_BITS, bill::cost};
pub use vm::plan::{Any, Bits, Builder, Cost, Parties, Plan, Public, Ring, Security};
