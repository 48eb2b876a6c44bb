//! The store: what is kept, under which key, and what must stand on what.

use crate::Error;
use crate::chain::Chain;
use crate::checkpoint::Final;
use crate::disk::{Disk, System};
use crate::file::Table;
use crate::paths;
use crate::rewind::{self, Rewound};
use crate::snapshot::{self, Snapshot};
use crate::tables::{
    self, BATCH_ENDS, BATCHES, CONTENTS, DIFFS, EVIDENCE, JOBS, LEAF_PROOFS, LEAVES, NOTES, OUTBOX, PLANS, PROOF_COSTS,
    Place, RECEIPTS, SETTLEMENTS, TRANSACTIONS, batch_at, corrupt, decode, leaf_key, number_key, read,
};
use crate::tail::Bounds;
use proof::BlockHeader;
use state::{Backing, Cache, Fault, Join, KeyedLeaf, LeafChange, LeafRecord, State, Terminal};
use std::ops::{Bound, RangeInclusive};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use transition::{Batch, Block, Executed, Receipt};
use types::{Bytes32, ContentId, Encode as _, Height, TransactionId, choice, limits, record};

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
    /// What proving a leaf took.
    pub struct LeafCost {
        /// How long a prover worked on it, in milliseconds.
        pub prove_ms: u64,
        /// How long the proof is, in bytes.
        pub bytes: u64,
        /// Bits of its security, proven at the Johnson bound.
        pub security_bits: u32,
    }
}

record! {
    /// What checking a step of a proof took on the base chain.
    pub struct StepCost {
        /// The gas.
        pub gas_used: u64,
    }
}

choice! {
    /// A part of what a batch's proof took.
    pub enum ProofCost {
        /// To prove a leaf.
        1 => Leaf(LeafCost),
        /// To check a step.
        2 => Step(StepCost),
    }
}

/// Most parts that are told of what a batch's proof took.
const PROOF_PARTS: usize = 8_192;

/// A chain as far as it is stored: what a role takes up from after a restart.
pub struct Resumed {
    /// The last block's header, or `None` before the first block.
    pub head: Option<BlockHeader>,
    /// The last batch.
    pub batch: Option<Batch>,
    /// The blocks after it, each with its receipts.
    pub unsealed: Vec<(Block, Vec<Receipt>)>,
    /// What the leaves that each of those blocks changed held before it.
    pub undo: Vec<Vec<LeafChange>>,
}

/// A handle to the store. Cloning it is cheap; the file is let go with the last handle.
#[derive(Clone)]
pub struct Store(Arc<Owner>);

/// The chain, and the thread that moves its blocks into the tables.
struct Owner {
    chain: Arc<Chain>,
    worker: Option<JoinHandle<()>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.chain.stop();
        if let Some(worker) = self.worker.take() {
            // It can only have panicked, and whoever then waited for it was told.
            drop(worker.join());
        }
    }
}

impl Store {
    /// Opens the file and its journal, or makes them with their folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_on(Arc::new(System), path.as_ref(), Bounds::default())
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, path: &Path, bounds: Bounds) -> Result<Self, Error> {
        let background = bounds.background;
        let chain = Arc::new(Chain::open(disk, path, bounds)?);
        let mut owner = Owner { chain: Arc::clone(&chain), worker: None };
        if background {
            let worker = std::thread::Builder::new().name("checkpoint".into()).spawn(move || chain.run());
            let doing = "start the thread that writes";
            owner.worker = Some(worker.map_err(|source| Error::Disk { doing, path: path.into(), source })?);
        }
        Ok(Self(Arc::new(owner)))
    }

    fn chain(&self) -> &Chain {
        &self.0.chain
    }

    // Writing the chain.

    /// Stores the leaves that a chain starts with. Once, before its first block.
    pub fn commit_genesis(&self, changes: &[LeafChange]) -> Result<(), Error> {
        self.chain().commit_genesis(changes)
    }

    /// Stores a block with its receipts, its leaves and the places of its transactions, on top of the head.
    ///
    /// It costs one write at the end of the journal. When more is waiting for the tables than the store may hold in
    /// memory, the call waits until there is room.
    ///
    /// # Panics
    /// When entries and receipts differ in number: a fault of ours that must not reach the disk.
    pub fn commit_block(&self, executed: &Executed) -> Result<(), Error> {
        assert_eq!(executed.block.entries.len(), executed.receipts.len(), "every entry has one receipt");
        self.chain().commit(executed)
    }

    /// Stores a sealed batch on top of the last one. Its blocks are stored already.
    pub fn commit_batch(&self, batch: &Batch) -> Result<(), Error> {
        self.commit_sealed(batch, None)
    }

    /// Stores a sealed batch and the state differences that are published for it, both or neither.
    pub fn commit_batch_with(&self, batch: &Batch, diff: &[u8]) -> Result<(), Error> {
        self.commit_sealed(batch, Some(diff))
    }

    fn commit_sealed(&self, batch: &Batch, diff: Option<&[u8]>) -> Result<(), Error> {
        let number = batch.header.number;
        let chain = self.chain();
        chain.file.write("store a batch", |w| {
            let last = w.last(BATCHES)?.map(|(key, bytes)| batch_at(&key, &bytes)).transpose()?;
            let next = last.as_ref().map_or(1, |last| last.header.number + 1);
            let first = last.as_ref().map_or(Height(1), |last| last.last.next());
            let has_blocks = chain.head().is_some_and(|head| head.height >= batch.last);
            if number != next || batch.first != first || batch.last < first || !has_blocks {
                return Err(Error::Order { what: "batch", number, next });
            }
            w.put(BATCHES, &number_key(number), &batch.to_bytes())?;
            w.put(BATCH_ENDS, &number_key(batch.last.0), &number.to_bytes())?;
            diff.map_or(Ok(()), |diff| w.put(DIFFS, &number_key(number), diff))
        })
    }

    /// Stores the state differences that are published for a stored batch. A later call replaces them.
    pub fn commit_diff(&self, number: u64, diff: &[u8]) -> Result<(), Error> {
        self.commit_about(DIFFS, number, diff)
    }

    /// Stores the committee's signatures on a stored batch. A later call replaces them: more may have come.
    pub fn commit_evidence(&self, number: u64, evidence: &[u8]) -> Result<(), Error> {
        self.commit_about(EVIDENCE, number, evidence)
    }

    /// Stores where a stored batch was settled. A later call replaces it: the base chain may have reorganized.
    pub fn commit_settlement(&self, number: u64, settlement: &Settlement) -> Result<(), Error> {
        self.commit_about(SETTLEMENTS, number, &settlement.to_bytes())
    }

    /// Forgets that the batches after this one were settled: the base chain dropped them.
    pub fn forget_settlements(&self, after: u64) -> Result<(), Error> {
        self.chain().file.write("forget settlements", |w| w.remove_range(SETTLEMENTS, &number_key(after + 1), None))
    }

    fn commit_about(&self, table: Table, number: u64, bytes: &[u8]) -> Result<(), Error> {
        self.chain().file.write("store what was learned of a batch", |w| {
            if w.get(BATCHES, &number_key(number))?.is_none() {
                return Err(Error::UnknownBatch(number));
            }
            w.put(table, &number_key(number), bytes)
        })
    }

    /// Stores how a stored batch is to be proven, with a job for each leaf. A later call replaces it.
    pub fn commit_plan(&self, number: u64, plan: &[u8], jobs: &[Vec<u8>]) -> Result<(), Error> {
        self.chain().file.write("store how a batch is to be proven", |w| {
            if w.get(BATCHES, &number_key(number))?.is_none() {
                return Err(Error::UnknownBatch(number));
            }
            for table in [JOBS, LEAF_PROOFS] {
                w.remove_range(table, &number_key(number), Some(&number_key(number + 1)))?;
            }
            for (leaf, job) in (0..).zip(jobs) {
                w.put(JOBS, &leaf_key(number, leaf), job)?;
            }
            w.put(PLANS, &number_key(number), plan)
        })
    }

    /// Stores the proof of a leaf, and forgets its job.
    pub fn commit_leaf_proof(&self, number: u64, leaf: u32, proof: &[u8]) -> Result<(), Error> {
        self.chain().file.write("store a proof", |w| {
            if w.get(PLANS, &number_key(number))?.is_none() {
                return Err(Error::UnknownBatch(number));
            }
            w.change(JOBS, [(leaf_key(number, leaf).as_slice(), None)])?;
            w.put(LEAF_PROOFS, &leaf_key(number, leaf), proof)
        })
    }

    /// Stores a part of what a stored batch's proof took, under a name of its own. A later call replaces it: the base chain
    /// may have reorganized.
    pub fn commit_proof_cost(&self, number: u64, name: &Bytes32, cost: &ProofCost) -> Result<(), Error> {
        self.chain().file.write("store what a proof took", |w| {
            if w.get(BATCHES, &number_key(number))?.is_none() {
                return Err(Error::UnknownBatch(number));
            }
            let key = [number_key(number).as_slice(), &name.0].concat();
            w.put(PROOF_COSTS, &key, &cost.to_bytes())
        })
    }

    // Taking the chain back.

    /// Takes the chain back to the end of a batch; 0 is the genesis. Blocks, receipts, batches and what was learned of
    /// them are gone, the leaves are as they were, and what the base chain's writer noted stays. The transactions of the
    /// lost blocks are kept for [`Store::revoked`]. All of it happens, or nothing.
    ///
    /// # Errors
    /// When the batch is not stored, or comes before one that is final.
    pub fn rewind(&self, to_batch: u64) -> Result<Rewound, Error> {
        self.chain().rewind(to_batch)
    }

    /// Returns the transactions of blocks that were taken back, in their order, until somebody has dealt with them: they
    /// were confirmed, and a crash must not lose them.
    pub fn revoked(&self) -> Result<Vec<Box<[u8]>>, Error> {
        let found = read(&self.chain().file.read("read what was revoked")?, tables::META, tables::REVOKED_NAME)?;
        Ok(found.unwrap_or_default())
    }

    /// Forgets the transactions of blocks that were taken back: they are in the chain again, or refused for good.
    pub fn forget_revoked(&self) -> Result<(), Error> {
        self.chain().file.write("forget what was revoked", rewind::forget_revoked)
    }

    /// Declares a batch final, with all before it: the base chain cannot drop it any more. What would take its blocks
    /// back is forgotten. A batch that is final already stays so.
    pub fn finalize(&self, batch: u64) -> Result<(), Error> {
        self.chain().file.write("declare a batch final", |w| rewind::finalize(w, batch))
    }

    /// Returns the number of the last batch that is final; 0 when none is.
    pub fn finalized(&self) -> Result<u64, Error> {
        let found = read(&self.chain().file.read("read what is final")?, tables::META, tables::FINAL_NAME)?;
        Ok(found.map_or(0, |last: Final| last.batch))
    }

    /// Forgets the entries and receipts of all blocks before a batch, and where their transactions stand. Headers and
    /// batches stay.
    ///
    /// # Errors
    /// When one of those batches is not final.
    pub fn prune(&self, before_batch: u64) -> Result<(), Error> {
        self.chain().checkpoint_all()?;
        rewind::prune(&self.chain().file, before_batch)
    }

    // Reading the chain.

    /// Reads back all that it takes to go on with a chain; a store without one gets the genesis first.
    pub fn resume(&self, genesis: &[LeafChange]) -> Result<Resumed, Error> {
        if self.chain().head().is_none() && self.chain().file.read("look for a chain")?.last(LEAVES)?.is_none() {
            self.commit_genesis(genesis)?;
        }
        let view = self.chain().view("resume the chain")?;
        let batch = tables::last_batch(&view.reader)?;
        let unsealed = view.with_receipts(batch.as_ref().map_or(Height(1), |batch| batch.last.next()))?;
        let undo = view.undo(unsealed.iter().map(|(block, _)| block.header.height))?;
        Ok(Resumed { head: view.head, batch, unsealed, undo })
    }

    /// Returns the last block's header, or `None` before the first block.
    pub fn head(&self) -> Result<Option<BlockHeader>, Error> {
        Ok(self.chain().head())
    }

    /// Returns a block's header.
    pub fn header(&self, height: Height) -> Result<Option<BlockHeader>, Error> {
        match self.chain().kept(height) {
            Some(kept) => Ok(Some(kept.parts.header.clone())),
            None => tables::header(&self.chain().file.read("read a header")?, height),
        }
    }

    /// Returns a block.
    pub fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        match self.chain().kept(height) {
            Some(kept) => kept.block().map(Some),
            None => tables::block(&self.chain().file.read("read a block")?, height),
        }
    }

    /// Returns the blocks from a height on, at most `count` and as many as there are.
    pub fn blocks(&self, from: Height, count: usize) -> Result<Vec<Block>, Error> {
        self.chain().view("read blocks")?.blocks(from, count)
    }

    /// Returns a block's receipts, in the order of its entries.
    pub fn receipts(&self, height: Height) -> Result<Option<Vec<Receipt>>, Error> {
        match self.chain().kept(height) {
            Some(kept) => kept.receipts().map(Some),
            None => tables::receipts(&self.chain().file.read("read receipts")?, height),
        }
    }

    /// Returns where a transaction stands: its block, and its place among the block's entries.
    ///
    /// The same bytes can come more than once. What counts is the one time that they took their nonce; until then,
    /// the first time that they were refused. Of a pruned block nothing is found.
    pub fn find(&self, id: TransactionId) -> Result<Option<(Height, u32)>, Error> {
        let kept = self.chain().kept_place(&id.0);
        let stored: Option<Place> = read(&self.chain().file.read("find a transaction")?, TRANSACTIONS, &id.to_bytes())?;
        let place = match (kept, stored) {
            (Some(kept), stored) if kept.replaces(stored.as_ref()) => Some(kept),
            (_, stored) => stored,
        };
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
        self.chain().view("read the leaves")?.leaves()
    }

    /// Returns the state after the last block: all in memory, or with a cache of so many leaves, and the rest read from here.
    /// The caller compares the root with the head's.
    ///
    /// A store of which a cached state was asked keeps its leaves in a second order from then on, until a whole one is asked.
    pub fn state(&self, leaves_max: Option<usize>, join: &dyn Join) -> Result<State, Error> {
        self.chain().keep_paths(leaves_max.is_some())?;
        let Some(leaves_max) = leaves_max else {
            return Ok(State::restore_with(self.leaves()?, join));
        };
        // What the journal holds is in no table that could be read by path.
        self.chain().checkpoint_all()?;
        let cache = Cache { backing: Arc::new(self.clone()), leaves_max };
        State::open(cache, join).map_err(|source| Error::State { source })
    }

    /// Returns the height of the last block whose leaves a cached state finds here: what [`State::trim`] asks for.
    pub fn stored(&self) -> Height {
        self.chain().stored()
    }

    /// Returns a batch.
    pub fn batch(&self, number: u64) -> Result<Option<Batch>, Error> {
        tables::batch(&self.chain().file.read("read a batch")?, number)
    }

    /// Returns the batches from a number on, at most `count` and as many as there are.
    pub fn batches(&self, from: u64, count: usize) -> Result<Vec<Batch>, Error> {
        let found = self.chain().file.read("read batches")?.range(BATCHES, &number_key(from), count)?;
        found.iter().map(|(key, bytes)| batch_at(key, bytes)).collect()
    }

    /// Returns the last batch.
    pub fn last_batch(&self) -> Result<Option<Batch>, Error> {
        tables::last_batch(&self.chain().file.read("read the last batch")?)
    }

    /// Returns the batch that a block went into, once it is sealed.
    pub fn batch_of(&self, height: Height) -> Result<Option<Batch>, Error> {
        let reader = self.chain().file.read("find a block's batch")?;
        let Some((end, bytes)) = reader.at_or_after(BATCH_ENDS, &number_key(height.0))? else {
            return Ok(None);
        };
        let number = decode(BATCH_ENDS, &end, &bytes)?;
        let found = tables::batch(&reader, number)?.filter(|batch| number_key(batch.last.0) == *end);
        let found = found.ok_or_else(|| corrupt(BATCH_ENDS, &end))?;
        // Batches lie against each other, so only height 0, which is no block's, comes before the first.
        Ok(Some(found).filter(|batch| batch.first <= height))
    }

    /// Returns the state differences that are published for a batch.
    pub fn diff(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read a batch's differences")?.get(DIFFS, &number_key(number))
    }

    /// Returns the committee's signatures on a batch.
    pub fn evidence(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read evidence")?.get(EVIDENCE, &number_key(number))
    }

    /// Returns how a batch is to be proven, once somebody has decided that.
    pub fn plan(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read how a batch is to be proven")?.get(PLANS, &number_key(number))
    }

    /// Returns how the batches from a number on are to be proven, at most `count`.
    pub fn plans(&self, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let found =
            self.chain().file.read("read how batches are to be proven")?.range(PLANS, &number_key(from), count)?;
        found.into_iter().map(|(key, plan)| Ok((decode(PLANS, &key, &key)?, plan))).collect()
    }

    /// Returns what is to be proven of a batch's leaf; nothing once it is.
    pub fn job(&self, number: u64, leaf: u32) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read what is to be proven")?.get(JOBS, &leaf_key(number, leaf))
    }

    /// Returns the proof of a batch's leaf.
    pub fn leaf_proof(&self, number: u64, leaf: u32) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read a proof")?.get(LEAF_PROOFS, &leaf_key(number, leaf))
    }

    /// Returns what a batch's proof took, part by part.
    pub fn proof_costs(&self, number: u64) -> Result<Vec<ProofCost>, Error> {
        let (first, next) = (number_key(number), number_key(number.saturating_add(1)));
        let keys = (Bound::Included(first.as_slice()), Bound::Excluded(next.as_slice()));
        let found = self.chain().file.read("read what a proof took")?.within(PROOF_COSTS, keys, PROOF_PARTS)?;
        found.iter().map(|(key, bytes)| decode(PROOF_COSTS, key, bytes)).collect()
    }

    /// Returns what takes these blocks back, block by block: the leaves that each changed, as they were before it. Nothing
    /// when one of them is final, or not there.
    pub fn undo(&self, from: Height, to: Height) -> Result<Option<Vec<Vec<LeafChange>>>, Error> {
        self.chain().view("read what takes blocks back")?.undo_if_kept(from, to)
    }

    /// Returns where a batch was settled.
    pub fn settlement(&self, number: u64) -> Result<Option<Settlement>, Error> {
        read(&self.chain().file.read("read a settlement")?, SETTLEMENTS, &number_key(number))
    }

    /// Returns the number of the last batch whose settlement is stored; 0 before the first.
    pub fn settled(&self) -> Result<u64, Error> {
        let last = self.chain().file.read("read the last settlement")?.last(SETTLEMENTS)?;
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
            self.chain().file.write("store content", |w| w.put(CONTENTS, &id.0, bytes))?;
        }
        Ok(id)
    }

    /// Returns content. Its hash is checked again: nobody gets other bytes than they asked for.
    pub fn content(&self, id: ContentId) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.chain().file.read("read content")?.get(CONTENTS, &id.0)?;
        match bytes {
            Some(bytes) if crypto::content_id(&bytes) != id => Err(corrupt(CONTENTS, &id.0)),
            other => Ok(other),
        }
    }

    /// Stores what the base chain's writer must not forget of a nonce, or forgets it.
    pub fn commit_outbox(&self, nonce: u64, record: Option<&[u8]>) -> Result<(), Error> {
        self.chain().file.write("store what is sent", |w| w.change(OUTBOX, [(number_key(nonce).as_slice(), record)]))
    }

    /// Returns what the base chain's writer noted, in the order of the nonces.
    pub fn outbox(&self) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let mut found = Vec::new();
        self.chain().file.read("read what was sent")?.each(OUTBOX, |key, record| {
            found.push((decode(OUTBOX, key, key)?, record.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    /// Stores a note under a name. A later call replaces it.
    pub fn put_note(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.chain().file.write("store a note", |w| w.put(NOTES, name.as_bytes(), bytes))
    }

    /// Returns a note.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.chain().file.read("read a note")?.get(NOTES, name.as_bytes())
    }

    /// Moves all blocks that are stored now from the journal into the tables. Nobody needs to call this for the blocks
    /// to be safe.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.chain().checkpoint_all()
    }

    // The whole store.

    /// Writes a copy of the store, as it is now, to one new file. Others go on reading and writing.
    pub fn snapshot(&self, to: impl AsRef<Path>) -> Result<Snapshot, Error> {
        self.chain().checkpoint_all()?;
        let reader = self.chain().file.read("copy the store")?;
        snapshot::write(&*self.chain().disk, &reader, to.as_ref())
    }

    /// Makes a new store out of a copy. The caller opens it, and compares the root of its leaves with the head's.
    pub fn restore_snapshot(file: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Snapshot, Error> {
        snapshot::restore(&System, file.as_ref(), to.as_ref())
    }

    /// Says whether the leaves are kept in the order of their paths too.
    #[cfg(test)]
    pub(crate) fn keeps_paths(&self) -> bool {
        paths::are_kept(&self.chain().file).unwrap()
    }

    /// Writes past every check, to show what a damaged file gives.
    #[cfg(test)]
    pub(crate) fn damage(&self, table: &'static str, key: &[u8], bytes: Option<&[u8]>) {
        self.checkpoint().unwrap();
        self.chain().file.write("damage the store", |w| w.change(Table(table), [(key, bytes)])).unwrap();
    }
}

/// Reads what the tables hold. Blocks that only the journal holds do not show: a state keeps what they wrote itself.
impl Backing for Store {
    fn count(&self) -> Result<u64, Fault> {
        Ok(self.chain().file.read("count the leaves")?.len(LEAVES)?)
    }

    fn leaf(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault> {
        Ok(read(&self.chain().file.read("read a leaf")?, LEAVES, key)?)
    }

    fn leaves(&self, from: &[u8], count: usize) -> Result<Vec<KeyedLeaf>, Fault> {
        let found = self.chain().file.read("read leaves")?.range(LEAVES, from, count)?;
        let leaf = |(key, bytes): (Vec<u8>, Vec<u8>)| Ok((key.as_slice().into(), decode(LEAVES, &key, &bytes)?));
        found.into_iter().map(leaf).collect()
    }

    fn terminals(&self, span: &RangeInclusive<[u8; 32]>, count: usize) -> Result<Vec<Terminal>, Fault> {
        Ok(paths::terminals(&self.chain().file, span, count)?)
    }
}
