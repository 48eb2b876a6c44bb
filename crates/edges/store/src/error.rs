//! What can go wrong between the node and its file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::Height;

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
        source: io::Error,
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
    /// A batch was named that is not stored.
    #[error("batch {0} is not stored: store the batch before what was learned about it, or name one that is")]
    UnknownBatch(u64),
    /// The chain cannot be taken back so far.
    #[error("the chain cannot go back to batch {asked}: batch {last} is final, so name that one or a later one")]
    Final {
        /// Where it should have gone.
        asked: u64,
        /// The last batch that is final.
        last: u64,
    },
    /// Batches that can still be taken back were to be forgotten.
    #[error("batch {asked} is not final, the last that is is {last}: forget nothing that may be taken back")]
    NotFinal {
        /// The last batch that was to be forgotten.
        asked: u64,
        /// The last batch that is final.
        last: u64,
    },
    /// The entries and receipts of an old block are gone; its header is still there.
    #[error("block {height} was pruned: ask a node that keeps all blocks, or begin with block {first}")]
    Pruned {
        /// Which block.
        height: Height,
        /// The first block that is whole.
        first: Height,
    },
    /// Something stands where a new file was to be made.
    #[error("{} exists already: name another file, or remove it first", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
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
    /// A file beside the database is not what was written.
    #[error("{} is damaged at byte {offset}: stop the node and put a copy of the whole store in its place", path.display())]
    CorruptFile {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
    },
    /// The journal and the database are not of one store, or a part of the journal is gone.
    #[error("{} does not go on with block {next}: the file and its journal are one store, so put back a copy of both", path.display())]
    CorruptJournal {
        /// The journal's folder.
        path: PathBuf,
        /// The block after the last one that both agree on.
        next: Height,
    },
    /// A snapshot does not hold what it says it holds.
    #[error("{} is no whole snapshot, its {what} differs: take another one from a node that runs", path.display())]
    CorruptSnapshot {
        /// Which file.
        path: PathBuf,
        /// What is not as the snapshot says.
        what: &'static str,
    },
    /// The state of the chain cannot be taken up from its leaves.
    #[error("cannot take up the state: see the cause, then start again")]
    State {
        /// What went wrong.
        source: state::Fault,
    },
    /// A file beside the database cannot be read or written.
    #[error("cannot {doing} {}: check the disk's space and health, then start again", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal cannot be moved into the tables any more, so that no block can be added.
    #[error("cannot move the journal into the tables: see the cause, then start again")]
    Checkpoint {
        /// Why.
        source: Arc<Error>,
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

/// Says what was being done to which file when the disk failed.
pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Disk { doing, path: path.into(), source }
}
