//! What can go wrong between the node and its file.

use std::path::PathBuf;

/// The store could not do what was asked. Nothing of a failed write remains.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the file open.
    #[error("{} is in use by another process: stop that one with `talea down`, or with Ctrl-C where it runs", path.display())]
    Held {
        /// Which file.
        path: PathBuf,
    },
    /// The file was written in a format that this build does not know.
    #[error("{} is no store of format {known}: open it with the build that made it, or name another file", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// The format that this build reads and writes.
        known: u32,
    },
    /// The folder for the file could not be made.
    #[error("cannot make the folder of {}: check the path and its permissions", path.display())]
    Folder {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A chain is already stored, so that another cannot begin.
    #[error("this file already holds a chain: open it as it is, or name another file for a new chain")]
    Begun,
    /// A block or batch does not stand on the last one stored.
    #[error(
        "{what} {number} does not stand on the last one stored: {what} {next} comes next, so read the head again first"
    )]
    Order {
        /// A block or a batch.
        what: &'static str,
        /// The number it came with.
        number: u64,
        /// The number that the store waits for.
        next: u64,
    },
    /// Evidence or a settlement came for a batch that is not stored.
    #[error("batch {0} is not stored: store the batch before what was learned about it")]
    UnknownBatch(u64),
    /// The content is longer than the store accepts.
    #[error("the content has {bytes} bytes and may have {bytes_max}: split it or make it smaller")]
    ContentTooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// What was read is not what was written.
    #[error("the stored {table} entry {key} is damaged: stop the node and put a copy of the file in its place")]
    Corrupt {
        /// In which table.
        table: &'static str,
        /// At which key: a number, or bytes in hexadecimal.
        key: String,
    },
    /// The database or the disk failed.
    #[error("cannot {doing}: check the disk's space and health, then start again")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: Box<redb::Error>,
    },
}
