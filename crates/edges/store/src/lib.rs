//! Keeps blocks, receipts, leaves, batches and content in one embedded file.
//!
//! A write is on the disk when its call returns, and it is there whole or not at all: a process that is killed finds
//! the last block that it was told about. One process holds the file at a time. Knows what follows what; never decides
//! what is valid, never touches the network.
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

mod error;
mod file;
mod store;

pub use error::Error;
pub use store::{Resumed, Settlement, Store};

#[cfg(test)]
mod tests;
