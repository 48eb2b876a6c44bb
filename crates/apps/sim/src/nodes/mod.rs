//! The nodes: each real core in a shell that performs its effects on the simulated world. The shells do what the
//! `run.rs` of each service does.

pub(crate) mod coordinator;
pub(crate) mod member;
pub(crate) mod operator;
pub(crate) mod provider;
pub(crate) mod sequencer;
pub(crate) mod settler;
pub(crate) mod wallet;

pub(crate) use coordinator::Coordinating;
pub(crate) use member::Following;
pub(crate) use provider::Working;
pub(crate) use sequencer::Sequencing;
pub(crate) use settler::Settling;
