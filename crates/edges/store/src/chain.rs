//! The chain on the disk: the journal takes blocks, the tables get them later, and readers see one chain.
//!
//! Locks are taken in this order and no other: the turn, the journal, a transaction of the tables, the tail.

use crate::checkpoint::{self, LeafBefore, Undo};
use crate::disk::{Disk, beside, clear, exists, folder_of, publish};
use crate::file::{File, Reader};
use crate::journal::{self, Journal};
use crate::paths;
use crate::rewind::{self, Rewound};
use crate::tables::{
    self, FORMAT, FORMAT_NAME, HEADERS, JOBS, LEAF_PROOFS, LEAVES, META, PATHS, PLANS, PROOF_COSTS, REWINDS_NAME,
    TABLES, UNDO, corrupt, number_key,
};
use crate::tail::{Bounds, Kept, Tail};
use crate::{Error, tables::Place};
use proof::BlockHeader;
use state::{LeafChange, LeafRecord};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use transition::{Block, Executed, Receipt};
use types::{Digest, Encode as _, Height};

/// Returns the journal's folder: beside the file, named after it.
pub(crate) fn journal_of(path: &Path) -> PathBuf {
    beside(path, ".journal")
}

/// Blocks, receipts and leaves, in the journal or in the tables.
pub(crate) struct Chain {
    pub(crate) file: File,
    pub(crate) disk: Arc<dyn Disk>,
    bounds: Bounds,
    /// Held by whoever moves blocks into the tables, or takes them out.
    turn: Mutex<()>,
    journal: Mutex<Journal>,
    tail: Mutex<Tail>,
    /// Told when the tail has something to move, or nobody adds to it any more.
    work: Condvar,
    /// Told when the tail got shorter.
    room: Condvar,
}

/// Everything that was there at one moment.
pub(crate) struct View {
    pub(crate) reader: Reader,
    pub(crate) head: Option<BlockHeader>,
    tail: Vec<Arc<Kept>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a thread that failed while it changed the store has stopped it")
}

/// Makes an empty store. The file gets its name when it is whole, and after the journal's folder: so a file is never
/// half a database, and one whose folder is not there has lost it.
fn make(files: &dyn Disk, path: &Path) -> Result<(), Error> {
    make_journal(files, path)?;
    let partial = beside(path, ".making");
    clear(files, &partial)?;
    prepare(&File::open(files, &partial)?)?;
    publish(files, &partial, path)
}

/// Makes the folder of a journal that has no blocks yet.
pub(crate) fn make_journal(files: &dyn Disk, path: &Path) -> Result<(), Error> {
    let folder = journal_of(path);
    let made = files.make_folder(&folder).and_then(|()| files.sync_folder(folder_of(path)));
    made.map_err(|source| Error::Folder { path: folder.clone(), source })?;
    if journal::segments(files, &folder)?.is_empty() {
        return Ok(());
    }
    Err(Error::CorruptJournal { path: folder, next: Height(1) })
}

fn prepare(file: &File) -> Result<(), Error> {
    file.write("prepare the store", |w| {
        TABLES.iter().try_for_each(|table| w.make(*table))?;
        w.put(META, FORMAT_NAME, &FORMAT.to_bytes())
    })
}

impl Chain {
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path, bounds: Bounds) -> Result<Self, Error> {
        if !exists(&*disk, path)? {
            make(&*disk, path)?;
        }
        let file = File::open(&*disk, path)?;
        // An empty file may have been put there to be filled.
        if file.read("look at the store")?.is_blank()? {
            make_journal(&*disk, path)?;
            prepare(&file)?;
        }
        let reader = file.read("open the store")?;
        if !reader.has(META)? || reader.get(META, FORMAT_NAME)? != Some(FORMAT.to_bytes()) {
            return Err(Error::Format { path: path.into(), known: FORMAT });
        }
        // A store from before there were these tables.
        for table in [PATHS, PLANS, JOBS, LEAF_PROOFS, PROOF_COSTS] {
            if !reader.has(table)? {
                file.write("make a table", |w| w.make(table))?;
            }
        }
        let head = tables::head(&reader)?;
        let stored = head.as_ref().map_or(Height(0), |head| head.height);
        let folder = journal_of(path);
        if !exists(&*disk, &folder)? {
            return Err(Error::CorruptJournal { path: folder, next: stored.next() });
        }
        let place = journal::Place {
            folder: folder.clone(),
            rewinds: tables::read(&reader, META, REWINDS_NAME)?.unwrap_or(0),
            stored: stored.0,
            segment_bytes: bounds.segment_bytes,
        };
        let (journal, blocks) = Journal::open(Arc::clone(&disk), place)?;
        let mut tail = Tail::new(head);
        for block in blocks {
            let kept = Kept::read(&block.payload).filter(|kept| kept.height().0 == block.number);
            let kept = kept.ok_or(Error::CorruptFile { path: block.path, offset: block.offset })?;
            let next = kept.height();
            tail.check_next(&kept.parts.header).map_err(|_| Error::CorruptJournal { path: folder.clone(), next })?;
            tail.push(kept);
        }
        // A batch is stored after its blocks: if they are not here, the end of the journal is gone.
        if tables::last_batch(&reader)?.is_some_and(|batch| batch.last > tail.height()) {
            return Err(Error::CorruptJournal { path: folder, next: tail.height().next() });
        }
        let (turn, journal, tail) = (Mutex::new(()), Mutex::new(journal), Mutex::new(tail));
        Ok(Self { file, disk, bounds, turn, journal, tail, work: Condvar::new(), room: Condvar::new() })
    }

    pub(crate) fn commit_genesis(&self, changes: &[LeafChange]) -> Result<(), Error> {
        let records: Vec<_> =
            changes.iter().map(|change| change.record.as_ref().map(types::Encode::to_bytes)).collect();
        self.file.write("store the genesis", |w| {
            if !w.is_empty(LEAVES)? || lock(&self.tail).head().is_some() {
                return Err(Error::Begun);
            }
            let leaves = changes.iter().zip(&records).map(|(change, record)| (&*change.key, record.as_deref()));
            paths::change_leaves(w, leaves, |_| {})
        })
    }

    /// Adds a block to the journal and to the tail.
    pub(crate) fn commit(&self, executed: &Executed) -> Result<(), Error> {
        self.wait_for_room()?;
        let kept = Kept::of(executed);
        let payload = kept.parts.to_bytes();
        let mut journal = lock(&self.journal);
        // The head moves only under the journal's lock.
        lock(&self.tail).check_next(&kept.parts.header)?;
        journal.append(kept.height().0, &payload)?;
        let mut tail = lock(&self.tail);
        let waited = tail.wait(&self.bounds);
        tail.push(kept);
        // Otherwise whoever moves the tail knows already when to look.
        if waited.is_none() || tail.wait(&self.bounds).is_some_and(|wait| wait.is_zero()) {
            self.work.notify_one();
        }
        Ok(())
    }

    fn wait_for_room(&self) -> Result<(), Error> {
        let mut tail = lock(&self.tail);
        loop {
            if let Some(source) = &tail.failure {
                return Err(Error::Checkpoint { source: Arc::clone(source) });
            }
            if !tail.is_full(&self.bounds) {
                return Ok(());
            }
            if self.bounds.background {
                assert!(!tail.ended, "the thread that moves blocks into the tables lives as long as the store");
                tail = self.room.wait(tail).expect("a thread that failed while it changed the store has stopped it");
            } else {
                drop(tail);
                self.checkpoint()?;
                tail = lock(&self.tail);
            }
        }
    }

    /// Moves blocks into the tables until nobody needs that any more.
    pub(crate) fn run(&self) {
        let _ending = Ending(self);
        loop {
            let mut tail = lock(&self.tail);
            loop {
                if tail.stop {
                    return;
                }
                let broken = "a thread that failed while it changed the store has stopped it";
                tail = match tail.wait(&self.bounds) {
                    Some(wait) if wait.is_zero() => break,
                    Some(wait) => self.work.wait_timeout(tail, wait).expect(broken).0,
                    None => self.work.wait(tail).expect(broken),
                };
            }
            drop(tail);
            if let Err(error) = self.checkpoint() {
                lock(&self.tail).failure = Some(Arc::new(error));
                return;
            }
        }
    }

    /// Ends [`Chain::run`].
    pub(crate) fn stop(&self) {
        lock(&self.tail).stop = true;
        self.work.notify_all();
    }

    /// Moves the oldest blocks into the tables. Says whether there were any.
    pub(crate) fn checkpoint(&self) -> Result<bool, Error> {
        let _turn = lock(&self.turn);
        let Some(stored) = self.move_group()? else {
            return Ok(false);
        };
        lock(&self.journal).drop_to(stored.0)?;
        Ok(true)
    }

    /// Moves blocks into the tables until they hold all that is here now.
    pub(crate) fn checkpoint_all(&self) -> Result<(), Error> {
        let height = lock(&self.tail).height();
        while self.kept(height).is_some() && self.checkpoint()? {}
        Ok(())
    }

    /// Keeps the leaves in the order of their paths too, or no longer. What is changed is complete when this returns.
    pub(crate) fn keep_paths(&self, is_kept: bool) -> Result<(), Error> {
        let _turn = lock(&self.turn);
        match (paths::are_kept(&self.file)?, is_kept) {
            (false, true) => paths::gather(&self.file),
            (true, false) => self.file.write("forget the leaves' paths", paths::forget),
            _ => Ok(()),
        }
    }

    /// The work of [`Chain::checkpoint`], for whoever holds the turn.
    fn move_group(&self) -> Result<Option<Height>, Error> {
        let group = lock(&self.tail).group(&self.bounds);
        let Some(stored) = group.last().map(|kept| kept.height()) else {
            return Ok(None);
        };
        checkpoint::write(&self.file, &group)?;
        lock(&self.tail).drop_to(stored);
        self.room.notify_all();
        Ok(Some(stored))
    }

    /// Takes the chain back to the end of a batch.
    pub(crate) fn rewind(&self, to_batch: u64) -> Result<Rewound, Error> {
        let _turn = lock(&self.turn);
        let mut journal = lock(&self.journal);
        while self.move_group()?.is_some() {}
        let mut held = None;
        let back = self.file.write("take the chain back", |w| {
            let back = rewind::rewind(w, to_batch)?;
            // Held over the commit: nobody sees the old head over the new tables.
            held = Some(lock(&self.tail));
            Ok(back)
        })?;
        let height = back.rewound.head.as_ref().map_or(Height(0), |head| head.height);
        if let Some(mut tail) = held {
            tail.rewind(back.rewound.head.clone());
        }
        journal.rewind(height.0, back.rewinds)?;
        Ok(back.rewound)
    }

    // Reading.

    pub(crate) fn view(&self, doing: &'static str) -> Result<View, Error> {
        let tail = lock(&self.tail);
        let reader = self.file.read(doing)?;
        Ok(View { reader, head: tail.head().cloned(), tail: tail.blocks() })
    }

    /// Returns the height of the last block that the tables hold for sure.
    pub(crate) fn stored(&self) -> Height {
        lock(&self.tail).stored()
    }

    pub(crate) fn head(&self) -> Option<BlockHeader> {
        lock(&self.tail).head().cloned()
    }

    /// Returns a block of the tail. Whoever finds none looks into the tables next: a block is in both before it leaves
    /// the tail.
    pub(crate) fn kept(&self, height: Height) -> Option<Arc<Kept>> {
        lock(&self.tail).at(height)
    }

    pub(crate) fn kept_place(&self, id: &Digest) -> Option<Place> {
        lock(&self.tail).place(id)
    }
}

/// Tells those who wait for room that nobody makes any more, however the thread ends.
struct Ending<'a>(&'a Chain);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // After a panic elsewhere the waiting end on the same broken lock.
        if let Ok(mut tail) = self.0.tail.lock() {
            tail.ended = true;
        }
        self.0.room.notify_all();
    }
}

impl View {
    fn kept(&self, height: Height) -> Option<&Kept> {
        let first = self.tail.first()?.height();
        let position = usize::try_from(height.0.checked_sub(first.0)?).ok()?;
        self.tail.get(position).map(|kept| &**kept)
    }

    pub(crate) fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        match self.kept(height) {
            Some(kept) => kept.block().map(Some),
            None => tables::block(&self.reader, height),
        }
    }

    pub(crate) fn receipts(&self, height: Height) -> Result<Option<Vec<Receipt>>, Error> {
        match self.kept(height) {
            Some(kept) => kept.receipts().map(Some),
            None => tables::receipts(&self.reader, height),
        }
    }

    /// Returns the blocks from a height on, at most `count`.
    pub(crate) fn blocks(&self, from: Height, count: usize) -> Result<Vec<Block>, Error> {
        let mut blocks = Vec::new();
        let mut height = from;
        while blocks.len() < count
            && let Some(block) = self.block(height)?
        {
            blocks.push(block);
            height = height.next();
        }
        Ok(blocks)
    }

    /// Returns the blocks from a height on, each with its receipts.
    pub(crate) fn with_receipts(&self, from: Height) -> Result<Vec<(Block, Vec<Receipt>)>, Error> {
        let mut blocks = Vec::new();
        let mut height = from;
        while let Some(block) = self.block(height)? {
            let receipts = self.receipts(height)?.ok_or_else(|| corrupt(HEADERS, &number_key(height.0)))?;
            blocks.push((block, receipts));
            height = height.next();
        }
        Ok(blocks)
    }

    /// Returns what the leaves that each of these blocks changed held before it.
    pub(crate) fn undo(&self, heights: impl Iterator<Item = Height>) -> Result<Vec<Vec<LeafChange>>, Error> {
        let mut of_tail = self.undo_of_tail()?;
        heights
            .map(|height| match of_tail.remove(&height) {
                Some(undo) => Ok(undo),
                None => stored_undo(&self.reader, height)?.ok_or_else(|| corrupt(UNDO, &number_key(height.0))),
            })
            .collect()
    }

    /// Returns the same of blocks that may be final or not there: nothing, if one of them is.
    pub(crate) fn undo_if_kept(&self, from: Height, to: Height) -> Result<Option<Vec<Vec<LeafChange>>>, Error> {
        let mut of_tail = self.undo_of_tail()?;
        let heights = (from.0..=to.0).map(Height);
        heights
            .map(|height| match of_tail.remove(&height) {
                Some(undo) => Ok(Some(undo)),
                None => stored_undo(&self.reader, height),
            })
            .collect()
    }

    /// Finds for the blocks that are in no table yet what [`checkpoint`] will write down.
    fn undo_of_tail(&self) -> Result<BTreeMap<Height, Vec<LeafChange>>, Error> {
        let stored = tables::head(&self.reader)?.map_or(Height(0), |head| head.height);
        let (mut latest, mut found) = (BTreeMap::<Box<[u8]>, Option<LeafRecord>>::new(), BTreeMap::new());
        for kept in self.tail.iter().filter(|kept| kept.height() > stored) {
            let mut before = Vec::new();
            for LeafChange { key, record } in kept.changes()? {
                let old = match latest.insert(key.clone(), record) {
                    Some(old) => old,
                    None => tables::read(&self.reader, LEAVES, &key)?,
                };
                before.push(LeafChange { key, record: old });
            }
            found.insert(kept.height(), before);
        }
        Ok(found)
    }

    /// Returns all leaves in key order, as the last block left them.
    pub(crate) fn leaves(&self) -> Result<Vec<(Vec<u8>, LeafRecord)>, Error> {
        let mut changed: BTreeMap<Box<[u8]>, Option<LeafRecord>> = BTreeMap::new();
        for kept in &self.tail {
            changed.extend(kept.changes()?.into_iter().map(|change| (change.key, change.record)));
        }
        let mut changed = changed.into_iter().peekable();
        let mut leaves = Vec::new();
        self.reader.each(LEAVES, |key, bytes| {
            while let Some((key, record)) = changed.next_if(|(changed, _)| **changed < *key) {
                leaves.extend(record.map(|record| (key.into_vec(), record)));
            }
            match changed.next_if(|(changed, _)| **changed == *key) {
                Some((key, record)) => leaves.extend(record.map(|record| (key.into_vec(), record))),
                None => leaves.push(tables::leaf(key.to_vec(), bytes)?),
            }
            Ok(())
        })?;
        leaves.extend(changed.filter_map(|(key, record)| Some((key.into_vec(), record?))));
        Ok(leaves)
    }
}

/// Reads what the leaves that a block changed held before it, if the tables have the block.
fn stored_undo(reader: &Reader, height: Height) -> Result<Option<Vec<LeafChange>>, Error> {
    let undo: Option<Undo> = tables::read(reader, UNDO, &number_key(height.0))?;
    let change = |LeafBefore { key, record }| {
        let record = record.map(|bytes| tables::decode(LEAVES, &key, &bytes)).transpose()?;
        Ok(LeafChange { key, record })
    };
    undo.map(|undo| undo.leaves.into_iter().map(change).collect()).transpose()
}
