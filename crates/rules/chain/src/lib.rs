//! The chain's configuration file: its fields, their ranges and whether they fit together.
//!
//! A chain is described by one TOML file. [`check`] takes its text and gives a [`Config`], or every [`Fault`] at once:
//! a wrong type, a value out of its range, a key that nothing reads, fields that do not fit together, a machine that is
//! too small. It never reads a file, never looks at a machine, and never starts anything: text and [`Machine`] are
//! arguments.
//!
//! Three rules hold for every field. What has no code behind it yet is refused by its name and never ignored. What
//! must be decided has no silent default: a chain's rules must not change because a later version has another one; what
//! may be left out says what that means. Numbers are whole: money is counted in quanta or gwei, shares in parts per
//! million, time in milliseconds, and decimal text is read exactly.
//!
//! The fields are declared once, in `config`. From that come the types, the reading, [`schema`], [`template`] and
//! [`reference`], which is the table in `docs/chain-config.md`.
//!
//! ```
//! let text = chain::template("my-chain");
//! let config = chain::check(&text, None).expect("the template fits");
//! assert_eq!(config.heading.name, "my-chain");
//!
//! let faults = chain::check(&text.replace("tps = 1000", "tps = 7"), None).unwrap_err();
//! assert_eq!(faults[0].path, "tps");
//! assert_eq!(faults[0].bound, "1000..=100000 transactions per second");
//! ```

mod config;
mod fault;
mod field;
mod fit;
mod kind;
mod machine;
mod near;
mod paper;
mod source;
mod word;

pub use config::{
    Availability, Batch, Committee, Config, Consensus, Features, Forced, Gwei, Heading, Hook, L1, Proving, Scaling,
    Security, check,
};
pub use fault::Fault;
pub use kind::{Mandatory, Members};
pub use machine::{
    CACHED_LEAF_BYTES, ENTRIES_PER_LEAF, ENTRY_BYTES, HORIZON_S, LEAF_BYTES, Machine, Needs, PROCESS_BYTES,
    TPS_PER_CORE,
};
pub use paper::{reference, schema, template};
pub use source::FILE_BYTES;
pub use word::{Algorithm, AvailabilityMode, BaseChain, Execution, HookPolicy, Publish, Sequencer, ShardingAlgorithm};
