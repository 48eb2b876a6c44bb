//! One of three parties, or five or seven, as a service: sessions, what is said in them, and the client's side of it.
//!
//! A session is one run of a program. Its name is the hash of the program's id, the protocol, a label and the parties, so
//! whoever says the name has agreed to all of them. Clients bring the program and shares of their inputs ([`client`]);
//! each party checks with each other that they hold the same ([`core`]), they run, and each gives the clients its part
//! of what is theirs. Whoever ends early says why, and the others hear which party it was.
//!
//! Setting: as in `mpc`, of three parties at most one is curious, of five two, of seven three, and all follow the protocol;
//! or, where the session's terms say so, of three at most one does what it likes, and the others end the session. Links
//! are those of `net`. A client that gives parties shares that do not fit is found out before anything is computed.

mod circle;
pub mod client;
pub mod core;
mod engine;
pub mod host;
mod message;
mod network;
pub mod run;
mod seal;
mod terms;
pub mod visit;

pub use message::{Answer, Caught, Reason, Refusal, Told};
pub use network::{Bounds, Clients, Fault, Network};
pub use seal::{Commitments, Receipt};
pub use terms::{Terms, label};
