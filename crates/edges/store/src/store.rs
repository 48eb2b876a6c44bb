//! The store: what is kept, under which key, and what must stand on what.

use crate::Error;
use crate::file::{File, Reader, Table, Writer};
use proof::BlockHeader;
use state::{LeafChange, LeafRecord};
use std::path::Path;
use std::sync::Arc;
use transition::{Batch, Block, Entry, Executed, Receipt, Status};
use types::{Bytes32, ContentId, Decode, Encode, Height, TransactionId, limits, record};

/// The layout of the file. A build opens files of its own layout and no other.
pub(crate) const FORMAT: u32 = 1;
const FORMAT_NAME: &str = "format";

/// Names, among them the format's.
const META: Table = Table("meta");
/// Block headers by height: the head is read often, and its entries are long.
const HEADERS: Table = Table("headers");
/// Blocks' entries by height.
const ENTRIES: Table = Table("entries");
/// Blocks' receipts by height.
const RECEIPTS: Table = Table("receipts");
/// Places by transaction id.
const TRANSACTIONS: Table = Table("transactions");
/// Leaf records by the kind's number and the key.
const LEAVES: Table = Table("leaves");
/// Batches by number.
const BATCHES: Table = Table("batches");
/// Batch numbers by the batch's last height.
const BATCH_ENDS: Table = Table("batch_ends");
/// The committee's signatures by batch number.
const EVIDENCE: Table = Table("evidence");
/// Settlements by batch number.
const SETTLEMENTS: Table = Table("settlements");
/// Contents by content id.
const CONTENTS: Table = Table("contents");

const TABLES: [Table; 11] =
    [META, HEADERS, ENTRIES, RECEIPTS, TRANSACTIONS, LEAVES, BATCHES, BATCH_ENDS, EVIDENCE, SETTLEMENTS, CONTENTS];

record! {
    /// Where on the base chain a batch was settled.
    pub struct Settlement {
        /// The hash of the base chain's transaction.
        pub transaction: Bytes32,
        /// The number of the base chain's block.
        pub block: u64,
        /// What it cost.
        pub gas_used: u64,
    }
}

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

/// A chain as far as it is stored: what a role takes up from after a restart.
pub struct Resumed {
    /// All leaves after the last block: what [`state::State::restore`] takes. The caller compares the root with the
    /// head's.
    pub leaves: Vec<(Vec<u8>, LeafRecord)>,
    /// The last block's header, or `None` before the first block.
    pub head: Option<BlockHeader>,
    /// The last batch.
    pub batch: Option<Batch>,
    /// The blocks after it, each with its receipts.
    pub unsealed: Vec<(Block, Vec<Receipt>)>,
}

/// A handle to the file. Cloning it is cheap; the file is let go with the last handle.
#[derive(Clone)]
pub struct Store(Arc<File>);

impl Store {
    /// Opens the file, or makes it with its folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path)?;
        file.write("prepare the store", |w| {
            if w.is_blank()? {
                TABLES.iter().try_for_each(|table| w.make(*table))?;
                return w.put(META, FORMAT_NAME.as_bytes(), &FORMAT.to_bytes());
            }
            match w.get(META, FORMAT_NAME.as_bytes())? {
                Some(found) if found == FORMAT.to_bytes() => Ok(()),
                _ => Err(Error::Format { path: path.into(), known: FORMAT }),
            }
        })?;
        Ok(Self(Arc::new(file)))
    }

    // Writing the chain.

    /// Stores the leaves that a chain starts with. Once, before its first block.
    pub fn commit_genesis(&self, changes: &[LeafChange]) -> Result<(), Error> {
        self.0.write("store the genesis", |w| {
            if !w.is_empty(LEAVES)? || !w.is_empty(HEADERS)? {
                return Err(Error::Begun);
            }
            change_leaves(w, changes)
        })
    }

    /// Stores a block with its receipts, its leaves and the places of its transactions, on top of the head.
    ///
    /// # Panics
    /// When entries and receipts differ in number: a fault of ours that must not reach the disk.
    pub fn commit_block(&self, executed: &Executed) -> Result<(), Error> {
        let Executed { block: Block { header, entries }, receipts, changes } = executed;
        assert_eq!(entries.len(), receipts.len(), "every entry has one receipt");
        let key = number_key(header.height.0);
        self.0.write("store a block", |w| {
            let head = w.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()?;
            let next = head.as_ref().map_or(Height(1), |head| head.height.next());
            let parent = head.as_ref().map_or(Bytes32::ZERO, BlockHeader::hash);
            if header.height != next || header.parent != parent {
                return Err(Error::Order { what: "block", number: header.height.0, next: next.0 });
            }
            w.put(HEADERS, &key, &header.to_bytes())?;
            w.put(ENTRIES, &key, &entries.to_bytes())?;
            w.put(RECEIPTS, &key, &receipts.to_bytes())?;
            change_leaves(w, changes)?;
            index(w, header.height, receipts)
        })
    }

    /// Stores a sealed batch on top of the last one. Its blocks are stored already.
    pub fn commit_batch(&self, batch: &Batch) -> Result<(), Error> {
        let number = batch.header.number;
        self.0.write("store a batch", |w| {
            let last = w.last(BATCHES)?.map(|(key, bytes)| batch_at(&key, &bytes)).transpose()?;
            let next = last.as_ref().map_or(1, |last| last.header.number + 1);
            let first = last.as_ref().map_or(Height(1), |last| last.last.next());
            let has_blocks = w.get(HEADERS, &number_key(batch.last.0))?.is_some();
            if number != next || batch.first != first || batch.last < first || !has_blocks {
                return Err(Error::Order { what: "batch", number, next });
            }
            w.put(BATCHES, &number_key(number), &batch.to_bytes())?;
            w.put(BATCH_ENDS, &number_key(batch.last.0), &number.to_bytes())
        })
    }

    /// Stores the committee's signatures on a stored batch. A later call replaces them: more may have come.
    pub fn commit_evidence(&self, number: u64, evidence: &[u8]) -> Result<(), Error> {
        self.commit_about(EVIDENCE, number, evidence)
    }

    /// Stores where a stored batch was settled. A later call replaces it: the base chain may have reorganized.
    pub fn commit_settlement(&self, number: u64, settlement: &Settlement) -> Result<(), Error> {
        self.commit_about(SETTLEMENTS, number, &settlement.to_bytes())
    }

    fn commit_about(&self, table: Table, number: u64, bytes: &[u8]) -> Result<(), Error> {
        self.0.write("store what was learned of a batch", |w| {
            if w.get(BATCHES, &number_key(number))?.is_none() {
                return Err(Error::UnknownBatch(number));
            }
            w.put(table, &number_key(number), bytes)
        })
    }

    // Reading the chain.

    /// Reads back all that it takes to go on with a chain; a store without one gets the genesis first.
    pub fn resume(&self, genesis: &[LeafChange]) -> Result<Resumed, Error> {
        if self.0.read("look for a chain")?.last(LEAVES)?.is_none() {
            self.commit_genesis(genesis)?;
        }
        let reader = self.0.read("resume the chain")?;
        let batch = last_batch(&reader)?;
        let mut height = batch.as_ref().map_or(Height(1), |batch| batch.last.next());
        let mut unsealed = Vec::new();
        while let Some(block) = block(&reader, height)? {
            unsealed.push((block, receipts(&reader, height)?.ok_or_else(|| corrupt(RECEIPTS, &number_key(height.0)))?));
            height = height.next();
        }
        Ok(Resumed { leaves: leaves(&reader)?, head: head(&reader)?, batch, unsealed })
    }

    /// Returns the last block's header, or `None` before the first block.
    pub fn head(&self) -> Result<Option<BlockHeader>, Error> {
        head(&self.0.read("read the head")?)
    }

    /// Returns a block's header.
    pub fn header(&self, height: Height) -> Result<Option<BlockHeader>, Error> {
        header(&self.0.read("read a header")?, height)
    }

    /// Returns a block.
    pub fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        block(&self.0.read("read a block")?, height)
    }

    /// Returns a block's receipts, in the order of its entries.
    pub fn receipts(&self, height: Height) -> Result<Option<Vec<Receipt>>, Error> {
        receipts(&self.0.read("read receipts")?, height)
    }

    /// Returns where a transaction stands: its block, and its place among the block's entries.
    ///
    /// The same bytes can come more than once. What counts is the one time that they took their nonce; until then,
    /// the first time that they were refused.
    pub fn find(&self, id: TransactionId) -> Result<Option<(Height, u32)>, Error> {
        let place: Option<Place> = read(&self.0.read("find a transaction")?, TRANSACTIONS, &id.to_bytes())?;
        Ok(place.map(|place| (place.height, place.position)))
    }

    /// Returns what became of a transaction, with its place as [`Store::find`] gives it.
    pub fn receipt_of(&self, id: TransactionId) -> Result<Option<(Height, u32, Receipt)>, Error> {
        let Some((height, position)) = self.find(id)? else {
            return Ok(None);
        };
        let receipts = self.receipts(height)?.unwrap_or_default();
        let receipt = usize::try_from(position).ok().and_then(|at| receipts.into_iter().nth(at));
        let receipt = receipt.ok_or_else(|| corrupt(RECEIPTS, &number_key(height.0)))?;
        Ok(Some((height, position, receipt)))
    }

    /// Returns all leaves in key order: what [`state::State::restore`] takes. The caller compares the root with the
    /// head's.
    pub fn leaves(&self) -> Result<Vec<(Vec<u8>, LeafRecord)>, Error> {
        leaves(&self.0.read("read the leaves")?)
    }

    /// Returns a batch.
    pub fn batch(&self, number: u64) -> Result<Option<Batch>, Error> {
        batch(&self.0.read("read a batch")?, number)
    }

    /// Returns the last batch.
    pub fn last_batch(&self) -> Result<Option<Batch>, Error> {
        last_batch(&self.0.read("read the last batch")?)
    }

    /// Returns the batch that a block went into, once it is sealed.
    pub fn batch_of(&self, height: Height) -> Result<Option<Batch>, Error> {
        let reader = self.0.read("find a block's batch")?;
        let Some((end, bytes)) = reader.at_or_after(BATCH_ENDS, &number_key(height.0))? else {
            return Ok(None);
        };
        let number = decode(BATCH_ENDS, &end, &bytes)?;
        let found = batch(&reader, number)?.filter(|batch| number_key(batch.last.0) == *end);
        let found = found.ok_or_else(|| corrupt(BATCH_ENDS, &end))?;
        // Batches lie against each other, so only height 0, which is no block's, comes before the first.
        Ok(Some(found).filter(|batch| batch.first <= height))
    }

    /// Returns the committee's signatures on a batch.
    pub fn evidence(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.read("read evidence")?.get(EVIDENCE, &number_key(number))
    }

    /// Returns where a batch was settled.
    pub fn settlement(&self, number: u64) -> Result<Option<Settlement>, Error> {
        read(&self.0.read("read a settlement")?, SETTLEMENTS, &number_key(number))
    }

    /// Returns the number of the last batch whose settlement is stored; 0 before the first.
    pub fn settled(&self) -> Result<u64, Error> {
        let last = self.0.read("read the last settlement")?.last(SETTLEMENTS)?;
        last.map_or(Ok(0), |(key, _)| decode(SETTLEMENTS, &key, &key))
    }

    // Beside the chain.

    /// Stores content and returns its id. Content that is there already costs nothing.
    pub fn put_content(&self, bytes: &[u8]) -> Result<ContentId, Error> {
        if bytes.len() > limits::CONTENT_BYTES {
            return Err(Error::ContentTooLarge { bytes: bytes.len(), bytes_max: limits::CONTENT_BYTES });
        }
        let id = crypto::content_id(bytes);
        if self.content(id)?.is_none() {
            self.0.write("store content", |w| w.put(CONTENTS, &id.0, bytes))?;
        }
        Ok(id)
    }

    /// Returns content. Its hash is checked again: nobody gets other bytes than they asked for.
    pub fn content(&self, id: ContentId) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.0.read("read content")?.get(CONTENTS, &id.0)?;
        match bytes {
            Some(bytes) if crypto::content_id(&bytes) != id => Err(corrupt(CONTENTS, &id.0)),
            other => Ok(other),
        }
    }

    /// Writes past every check, to show what a damaged file gives.
    #[cfg(test)]
    pub(crate) fn damage(&self, table: &'static str, key: &[u8], bytes: Option<&[u8]>) {
        let change = [(key, bytes.map(<[u8]>::to_vec))];
        self.0.write("damage the store", |w| w.change(Table(table), change)).unwrap();
    }
}

fn change_leaves(w: &Writer, changes: &[LeafChange]) -> Result<(), Error> {
    w.change(LEAVES, changes.iter().map(|change| (&*change.key, change.record.as_ref().map(Encode::to_bytes))))
}

/// Records where a block's entries stand.
fn index(w: &Writer, height: Height, receipts: &[Receipt]) -> Result<(), Error> {
    for (receipt, position) in receipts.iter().zip(0u32..) {
        let (key, acted) = (receipt.id.to_bytes(), has_acted(receipt));
        let known = w.get(TRANSACTIONS, &key)?.map(|bytes| decode::<Place>(TRANSACTIONS, &key, &bytes)).transpose()?;
        if known.is_none_or(|known| acted && !known.acted) {
            w.put(TRANSACTIONS, &key, &Place { height, position, acted }.to_bytes())?;
        }
    }
    Ok(())
}

/// Says whether an entry came as far as its action: only then it took its nonce and can never do so again.
fn has_acted(receipt: &Receipt) -> bool {
    match receipt.status {
        Status::Applied(_) => true,
        Status::Rejected(code) => transition::Reject::ALL.iter().all(|reject| reject.code() != code),
    }
}

fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn leaves(reader: &Reader) -> Result<Vec<(Vec<u8>, LeafRecord)>, Error> {
    let pairs = reader.all(LEAVES)?.into_iter();
    pairs
        .map(|(key, bytes)| {
            let record = decode(LEAVES, &key, &bytes)?;
            Ok((key, record))
        })
        .collect()
}

fn head(reader: &Reader) -> Result<Option<BlockHeader>, Error> {
    reader.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()
}

fn block(reader: &Reader, height: Height) -> Result<Option<Block>, Error> {
    let Some(header) = header(reader, height)? else {
        return Ok(None);
    };
    let key = number_key(height.0);
    let entries: Option<Vec<Entry>> = read(reader, ENTRIES, &key)?;
    let entries = entries.ok_or_else(|| corrupt(ENTRIES, &key))?;
    Ok(Some(Block { header, entries }))
}

fn receipts(reader: &Reader, height: Height) -> Result<Option<Vec<Receipt>>, Error> {
    read(reader, RECEIPTS, &number_key(height.0))
}

fn last_batch(reader: &Reader) -> Result<Option<Batch>, Error> {
    reader.last(BATCHES)?.map(|(key, bytes)| batch_at(&key, &bytes)).transpose()
}

fn header(reader: &Reader, height: Height) -> Result<Option<BlockHeader>, Error> {
    let key = number_key(height.0);
    reader.get(HEADERS, &key)?.map(|bytes| header_at(&key, &bytes)).transpose()
}

fn batch(reader: &Reader, number: u64) -> Result<Option<Batch>, Error> {
    let key = number_key(number);
    reader.get(BATCHES, &key)?.map(|bytes| batch_at(&key, &bytes)).transpose()
}

fn header_at(key: &[u8], bytes: &[u8]) -> Result<BlockHeader, Error> {
    let header: BlockHeader = decode(HEADERS, key, bytes)?;
    if number_key(header.height.0) == *key { Ok(header) } else { Err(corrupt(HEADERS, key)) }
}

fn batch_at(key: &[u8], bytes: &[u8]) -> Result<Batch, Error> {
    let batch: Batch = decode(BATCHES, key, bytes)?;
    if number_key(batch.header.number) == *key { Ok(batch) } else { Err(corrupt(BATCHES, key)) }
}

fn read<T: Decode>(reader: &Reader, table: Table, key: &[u8]) -> Result<Option<T>, Error> {
    reader.get(table, key)?.map(|bytes| decode(table, key, &bytes)).transpose()
}

fn decode<T: Decode>(table: Table, key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    T::from_bytes(bytes).map_err(|_| corrupt(table, key))
}

fn corrupt(table: Table, key: &[u8]) -> Error {
    let number = key.try_into().map(|key| u64::from_be_bytes(key).to_string());
    let hex = || key.iter().map(|byte| format!("{byte:02x}")).collect();
    Error::Corrupt { table: table.0, key: number.unwrap_or_else(|_| hex()) }
}
