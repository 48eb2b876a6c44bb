//! The tables: what is kept under which key, and how it is read back.

use crate::Error;
use crate::file::{Reader, Table};
use proof::BlockHeader;
use state::LeafRecord;
use transition::{Batch, Block, Entry, Receipt, Status};
use types::{Decode, Height, record};

/// The layout of the file and its journal. A build opens files of its own layout and no other.
pub(crate) const FORMAT: u32 = 2;
pub(crate) const FORMAT_NAME: &[u8] = b"format";
/// How often the chain was taken back.
pub(crate) const REWINDS_NAME: &[u8] = b"rewinds";
/// The last batch that is final.
pub(crate) const FINAL_NAME: &[u8] = b"final";
/// The first block that is not pruned.
pub(crate) const WHOLE_NAME: &[u8] = b"whole";
/// Says that [`PATHS`] has every leaf.
pub(crate) const PATHS_NAME: &[u8] = b"paths";

/// The transactions of blocks that were taken back, until somebody has dealt with them.
pub(crate) const REVOKED_NAME: &[u8] = b"revoked";

/// What the store notes about itself, by name.
pub(crate) const META: Table = Table("meta");
/// Block headers by height: the head is read often, and its entries are long.
pub(crate) const HEADERS: Table = Table("headers");
/// Blocks' entries by height.
pub(crate) const ENTRIES: Table = Table("entries");
/// Blocks' receipts by height.
pub(crate) const RECEIPTS: Table = Table("receipts");
/// What takes a block back, by height.
pub(crate) const UNDO: Table = Table("undo");
/// Places by transaction id.
pub(crate) const TRANSACTIONS: Table = Table("transactions");
/// Leaf records by the kind's number and the key.
pub(crate) const LEAVES: Table = Table("leaves");
/// Digests of leaves' values by their path, where the state is not all in memory; see [`crate::paths`].
pub(crate) const PATHS: Table = Table("paths");
/// Batches by number.
pub(crate) const BATCHES: Table = Table("batches");
/// Batch numbers by the batch's last height.
pub(crate) const BATCH_ENDS: Table = Table("batch_ends");
/// Published state differences by batch number.
pub(crate) const DIFFS: Table = Table("diffs");
/// The committee's signatures by batch number.
pub(crate) const EVIDENCE: Table = Table("evidence");
/// Settlements by batch number.
pub(crate) const SETTLEMENTS: Table = Table("settlements");
/// Contents by content id.
pub(crate) const CONTENTS: Table = Table("contents");
/// How a batch is to be proven, by its number.
pub(crate) const PLANS: Table = Table("plans");
/// What is to be proven, by batch number and leaf, until it is.
pub(crate) const JOBS: Table = Table("jobs");
/// Proofs by batch number and leaf.
pub(crate) const LEAF_PROOFS: Table = Table("leaf_proofs");
/// What proving a batch and checking its proof took, by batch number and what it was.
pub(crate) const PROOF_COSTS: Table = Table("proof_costs");
/// What the writer of the base chain has sent, by nonce.
pub(crate) const OUTBOX: Table = Table("outbox");
/// Notes of the roles by name.
pub(crate) const NOTES: Table = Table("notes");

pub(crate) const TABLES: [Table; 20] = [
    META,
    HEADERS,
    ENTRIES,
    RECEIPTS,
    UNDO,
    TRANSACTIONS,
    LEAVES,
    PATHS,
    BATCHES,
    BATCH_ENDS,
    DIFFS,
    EVIDENCE,
    SETTLEMENTS,
    CONTENTS,
    PLANS,
    JOBS,
    LEAF_PROOFS,
    PROOF_COSTS,
    OUTBOX,
    NOTES,
];

record! {
    /// Where an entry stands.
    pub struct Place {
        /// In which block.
        pub height: Height,
        /// Where in it, from 0.
        pub position: u32,
        /// Whether its action was looked at; bytes can come again before or after that and are rejected then.
        pub acted: bool,
    }
}

impl Place {
    /// Says whether this place counts instead of the one known so far: the first that acted does, or else the first.
    pub(crate) fn replaces(&self, known: Option<&Self>) -> bool {
        known.is_none_or(|known| self.acted && !known.acted)
    }
}

/// Says whether an entry came as far as its action: only then it took its nonce and can never do so again.
pub(crate) fn has_acted(receipt: &Receipt) -> bool {
    match receipt.status {
        Status::Applied(_) => true,
        Status::Rejected(code) => transition::Reject::ALL.iter().all(|reject| reject.code() != code),
    }
}

pub(crate) fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Returns the key of a batch's leaf: those of one batch follow one another.
pub(crate) fn leaf_key(number: u64, leaf: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&leaf.to_be_bytes());
    key
}

pub(crate) fn leaf(key: Vec<u8>, bytes: &[u8]) -> Result<(Vec<u8>, LeafRecord), Error> {
    let record = decode(LEAVES, &key, bytes)?;
    Ok((key, record))
}

pub(crate) fn head(reader: &Reader) -> Result<Option<BlockHeader>, Error> {
    reader.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()
}

pub(crate) fn header(reader: &Reader, height: Height) -> Result<Option<BlockHeader>, Error> {
    let key = number_key(height.0);
    reader.get(HEADERS, &key)?.map(|bytes| header_at(&key, &bytes)).transpose()
}

pub(crate) fn block(reader: &Reader, height: Height) -> Result<Option<Block>, Error> {
    let Some(header) = header(reader, height)? else {
        return Ok(None);
    };
    let entries: Vec<Entry> = part(reader, ENTRIES, height)?;
    Ok(Some(Block { header, entries }))
}

pub(crate) fn receipts(reader: &Reader, height: Height) -> Result<Option<Vec<Receipt>>, Error> {
    if reader.get(HEADERS, &number_key(height.0))?.is_none() {
        return Ok(None);
    }
    part(reader, RECEIPTS, height).map(Some)
}

/// Returns a part of a block that is stored, unless the block was pruned.
fn part<T: Decode>(reader: &Reader, table: Table, height: Height) -> Result<T, Error> {
    let key = number_key(height.0);
    if let Some(found) = read(reader, table, &key)? {
        return Ok(found);
    }
    let first = read(reader, META, WHOLE_NAME)?.unwrap_or(Height(1));
    Err(if height < first { Error::Pruned { height, first } } else { corrupt(table, &key) })
}

pub(crate) fn batch(reader: &Reader, number: u64) -> Result<Option<Batch>, Error> {
    let key = number_key(number);
    reader.get(BATCHES, &key)?.map(|bytes| batch_at(&key, &bytes)).transpose()
}

pub(crate) fn last_batch(reader: &Reader) -> Result<Option<Batch>, Error> {
    reader.last(BATCHES)?.map(|(key, bytes)| batch_at(&key, &bytes)).transpose()
}

pub(crate) fn header_at(key: &[u8], bytes: &[u8]) -> Result<BlockHeader, Error> {
    let header: BlockHeader = decode(HEADERS, key, bytes)?;
    if number_key(header.height.0) == *key { Ok(header) } else { Err(corrupt(HEADERS, key)) }
}

pub(crate) fn batch_at(key: &[u8], bytes: &[u8]) -> Result<Batch, Error> {
    let batch: Batch = decode(BATCHES, key, bytes)?;
    if number_key(batch.header.number) == *key { Ok(batch) } else { Err(corrupt(BATCHES, key)) }
}

pub(crate) fn read<T: Decode>(reader: &Reader, table: Table, key: &[u8]) -> Result<Option<T>, Error> {
    reader.get(table, key)?.map(|bytes| decode(table, key, &bytes)).transpose()
}

pub(crate) fn decode<T: Decode>(table: Table, key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    T::from_bytes(bytes).map_err(|_| corrupt(table, key))
}

pub(crate) fn corrupt(table: Table, key: &[u8]) -> Error {
    let number = key.try_into().map(|key| u64::from_be_bytes(key).to_string());
    let hex = || key.iter().map(|byte| format!("{byte:02x}")).collect();
    Error::Corrupt { table: table.0, key: number.unwrap_or_else(|_| hex()) }
}
