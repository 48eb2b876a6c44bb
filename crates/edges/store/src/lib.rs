//! Keeps blocks, receipts, leaves, batches and content in one embedded file.
//!
//! A write is on the disk when its call returns, and it is there whole or not at all: a process that is killed finds
//! the last block that it was told about. A block is appended to the journal beside the file and moved into the file's
//! tables later, by a thread of the store; readers see one chain. One process holds both at a time. Knows what follows
//! what; never decides what is valid, never touches the network.
//!
//! Calls block on the disk: an async caller makes them on a thread that may wait.
//!
//! ```
//! use store::Store;
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path().join("chain.redb"))?;
//! let program = store.put_content(b"some bytes")?;
//! assert_eq!(store.content(program)?.as_deref(), Some(&b"some bytes"[..]));
//! assert_eq!(store.head()?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain;
mod checkpoint;
mod disk;
mod error;
mod file;
mod frame;
mod journal;
mod paths;
mod rewind;
mod snapshot;
mod store;
mod tables;
mod tail;

pub use error::Error;
pub use rewind::Rewound;
pub use snapshot::Snapshot;
pub use store::{LeafCost, ProofCost, Resumed, Settlement, StepCost, Store};

#[cfg(test)]
mod tests;
