//! Taking the chain back, deciding how far that may go, and forgetting what is beyond it.

use crate::Error;
use crate::checkpoint::{Final, Undo};
use crate::file::{File, Table, Writer};
use crate::paths;
use crate::tables::{
    BATCH_ENDS, BATCHES, DIFFS, ENTRIES, EVIDENCE, FINAL_NAME, HEADERS, JOBS, LEAF_PROOFS, META, PLANS, PROOF_COSTS,
    Place, RECEIPTS, REVOKED_NAME, REWINDS_NAME, SETTLEMENTS, TRANSACTIONS, UNDO, WHOLE_NAME, batch_at, corrupt,
    decode, header_at, number_key,
};
use proof::BlockHeader;
use std::collections::{BTreeMap, BTreeSet};
use transition::{Batch, Block, Entry, Receipt};
use types::{Decode, Digest, Encode as _, Height};

/// Blocks that one transaction prunes.
const PRUNED_BLOCKS: u64 = 256;

/// The chain after it was taken back.
pub struct Rewound {
    /// Its last block's header, or `None` before the first block.
    pub head: Option<BlockHeader>,
    /// Its last batch.
    pub batch: Option<Batch>,
    /// The blocks that are no more, in their order.
    pub removed: Vec<Block>,
}

impl Rewound {
    /// Lists the entries of the blocks that are no more, in their order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.removed.iter().flat_map(|block| &block.entries)
    }
}

/// What taking back leaves, and the count that the journal goes on with.
pub(crate) struct Back {
    pub(crate) rewound: Rewound,
    pub(crate) rewinds: u64,
}

fn stored_batch(w: &Writer, number: u64) -> Result<Option<Batch>, Error> {
    let key = number_key(number);
    w.get(BATCHES, &key)?.map(|bytes| batch_at(&key, &bytes)).transpose()
}

fn stored<T: Decode>(w: &Writer, table: Table, height: Height) -> Result<T, Error> {
    let key = number_key(height.0);
    let bytes = w.get(table, &key)?.ok_or_else(|| corrupt(table, &key))?;
    decode(table, &key, &bytes)
}

/// Takes the tables back to the end of a batch. All blocks are in them.
pub(crate) fn rewind(w: &Writer, to_batch: u64) -> Result<Back, Error> {
    let last = Final::stored(w)?.batch;
    if to_batch < last {
        return Err(Error::Final { asked: to_batch, last });
    }
    let batch = stored_batch(w, to_batch)?;
    if batch.is_none() && to_batch != 0 {
        return Err(Error::UnknownBatch(to_batch));
    }
    let keep = batch.as_ref().map_or(Height(0), |batch| batch.last);
    let removed = take_back(w, keep)?;
    for table in [BATCHES, DIFFS, EVIDENCE, SETTLEMENTS, PLANS, JOBS, LEAF_PROOFS, PROOF_COSTS] {
        w.remove_range(table, &number_key(to_batch + 1), None)?;
    }
    for table in [HEADERS, ENTRIES, RECEIPTS, UNDO, BATCH_ENDS] {
        w.remove_range(table, &number_key(keep.next().0), None)?;
    }
    keep_revoked(w, &removed)?;
    let rewinds = w.get(META, REWINDS_NAME)?.map_or(Ok(0), |bytes| decode::<u64>(META, REWINDS_NAME, &bytes))? + 1;
    w.put(META, REWINDS_NAME, &rewinds.to_bytes())?;
    let head = w.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()?;
    assert_eq!(head.as_ref().map_or(Height(0), |head| head.height), keep, "the chain ends with the batch");
    Ok(Back { rewound: Rewound { head, batch, removed }, rewinds })
}

/// Adds the transactions of blocks that are no more to those that nobody has dealt with yet. The newly removed come
/// first: what was kept before and is in them stands there in its right place.
fn keep_revoked(w: &Writer, removed: &[Block]) -> Result<(), Error> {
    let entries = removed.iter().flat_map(|block| &block.entries);
    let mut revoked: Vec<Box<[u8]>> = entries
        .filter_map(|entry| match entry {
            Entry::Transaction(bytes) => Some(bytes.clone()),
            // The base chain has other messages now, and says which.
            Entry::Message(_) => None,
        })
        .collect();
    let before: Vec<Box<[u8]>> =
        w.get(META, REVOKED_NAME)?.map_or(Ok(Vec::new()), |bytes| decode(META, REVOKED_NAME, &bytes))?;
    let known: BTreeSet<Box<[u8]>> = revoked.iter().cloned().collect();
    revoked.extend(before.into_iter().filter(|bytes| !known.contains(bytes)));
    w.put(META, REVOKED_NAME, &revoked.to_bytes())
}

/// Forgets the transactions of blocks that were taken back.
pub(crate) fn forget_revoked(w: &Writer) -> Result<(), Error> {
    w.put(META, REVOKED_NAME, &Vec::<Box<[u8]>>::new().to_bytes())
}

/// Restores leaves and places as they were after block `keep`, and returns the blocks behind it.
fn take_back(w: &Writer, keep: Height) -> Result<Vec<Block>, Error> {
    let head = w.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()?;
    let head = head.map_or(Height(0), |head| head.height);
    let (mut leaves, mut places, mut ids) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut removed = Vec::new();
    // Backwards, so that what an earlier block found is what stays.
    for height in (keep.next().0..=head.0).rev().map(Height) {
        let undo: Undo = stored(w, UNDO, height)?;
        leaves.extend(undo.leaves.into_iter().map(|leaf| (leaf.key, leaf.record)));
        places.extend(undo.places.into_iter().map(|before| (before.id, before.place)));
        let receipts: Vec<Receipt> = stored(w, RECEIPTS, height)?;
        ids.extend(receipts.iter().map(|receipt| receipt.id));
        removed.push(Block { header: stored(w, HEADERS, height)?, entries: stored(w, ENTRIES, height)? });
    }
    removed.reverse();
    paths::change_leaves(w, leaves.iter().map(|(key, record)| (&**key, record.as_deref())), |_| {})?;
    restore_places(w, keep, &ids, &places)?;
    Ok(removed)
}

fn restore_places(
    w: &Writer,
    keep: Height,
    ids: &BTreeSet<Digest>,
    before: &BTreeMap<Digest, Place>,
) -> Result<(), Error> {
    let whole = first_whole(w)?;
    let mut changes = Vec::new();
    for id in ids {
        let key = id.to_bytes();
        // What was refused first in a block that is pruned, and again since, stands nowhere.
        let Some(bytes) = w.get(TRANSACTIONS, &key)? else { continue };
        let place: Place = decode(TRANSACTIONS, &key, &bytes)?;
        if place.height > keep {
            let before = before.get(id).filter(|before| (whole..=keep).contains(&before.height));
            changes.push((key, before.map(types::Encode::to_bytes)));
        }
    }
    w.change(TRANSACTIONS, changes.iter().map(|(key, place)| (key.as_slice(), place.as_deref())))
}

/// Returns the first block that is not pruned.
fn first_whole(w: &Writer) -> Result<Height, Error> {
    w.get(META, WHOLE_NAME)?.map_or(Ok(Height(1)), |bytes| decode(META, WHOLE_NAME, &bytes))
}

/// Declares a batch and all before it final, and forgets what would take them back.
pub(crate) fn finalize(w: &Writer, number: u64) -> Result<(), Error> {
    if number <= Final::stored(w)?.batch {
        return Ok(());
    }
    let height = stored_batch(w, number)?.ok_or(Error::UnknownBatch(number))?.last;
    w.put(META, FINAL_NAME, &Final { batch: number, height }.to_bytes())?;
    w.remove_range(UNDO, &number_key(0), Some(&number_key(height.next().0)))
}

/// Forgets entries, receipts and places of the blocks before a batch, a bounded number at a time.
pub(crate) fn prune(file: &File, before_batch: u64) -> Result<(), Error> {
    while file.write("prune old blocks", |w| prune_some(w, before_batch))? {}
    // A proof says nothing to whoever cannot see what it is of.
    file.write("prune old proofs", |w| {
        let end = number_key(before_batch);
        [PLANS, JOBS, LEAF_PROOFS, PROOF_COSTS]
            .iter()
            .try_for_each(|table| w.remove_range(*table, &number_key(0), Some(&end)))
    })
}

/// Prunes some blocks and says whether there may be more.
fn prune_some(w: &Writer, before_batch: u64) -> Result<bool, Error> {
    let asked = before_batch.saturating_sub(1);
    let last = Final::stored(w)?.batch;
    if asked > last {
        return Err(Error::NotFinal { asked, last });
    }
    let Some(batch) = stored_batch(w, asked)? else {
        return Ok(false);
    };
    let whole = first_whole(w)?;
    // A block that only the journal holds yet is left for the next time.
    let head = w.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()?;
    let end = head.map_or(0, |header| header.height.0).min(batch.last.0).min(whole.0 + PRUNED_BLOCKS - 1);
    if end < whole.0 {
        return Ok(false);
    }
    let mut places = BTreeSet::new();
    for height in (whole.0..=end).map(Height) {
        let receipts: Vec<Receipt> = stored(w, RECEIPTS, height)?;
        places.extend(receipts.iter().map(|receipt| receipt.id));
    }
    let mut gone = Vec::new();
    for id in &places {
        let key = id.to_bytes();
        let place = w.get(TRANSACTIONS, &key)?.map(|bytes| decode::<Place>(TRANSACTIONS, &key, &bytes)).transpose()?;
        if place.is_some_and(|place| place.height.0 <= end) {
            gone.push(key);
        }
    }
    w.change(TRANSACTIONS, gone.iter().map(|key| (key.as_slice(), None)))?;
    let (from, to) = (number_key(whole.0), number_key(end + 1));
    w.remove_range(ENTRIES, &from, Some(&to))?;
    w.remove_range(RECEIPTS, &from, Some(&to))?;
    w.put(META, WHOLE_NAME, &Height(end + 1).to_bytes())?;
    Ok(true)
}
