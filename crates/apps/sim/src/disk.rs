//! A disk: what was committed is there after a crash, what was not is lost. It refuses what the store refuses.

use crate::check::{Broken, Checked, ensure};
use proof::BlockHeader;
use state::{LeafRecord, State};
use std::collections::{BTreeMap, BTreeSet};
use transition::{Batch, Block, ChainConfig, Executed, Receipt, Status};
use types::{Bytes32, ContentId, Digest, Height, TransactionId};

/// Where an entry stands, by the rule of the store: the first time that it acted, or else the first time at all.
#[derive(Clone, Copy)]
struct Place {
    height: Height,
    position: u32,
    acted: bool,
}

/// What the last block changed, so that a saboteur can take it back.
#[derive(Default)]
struct Undo {
    leaves: Vec<(Vec<u8>, Option<LeafRecord>)>,
    places: Vec<(Digest, Option<Place>)>,
}

/// What one node keeps.
#[derive(Default)]
pub(crate) struct Disk {
    leaves: BTreeMap<Vec<u8>, LeafRecord>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) receipts: Vec<Vec<Receipt>>,
    places: BTreeMap<Digest, Place>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) evidence: BTreeMap<u64, Vec<u8>>,
    pub(crate) settlements: BTreeSet<u64>,
    pub(crate) contents: BTreeMap<ContentId, Vec<u8>>,
    undo: Undo,
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

impl Disk {
    /// Makes a disk that holds the genesis.
    pub(crate) fn new(config: &ChainConfig) -> Self {
        let mut disk = Self::default();
        for change in transition::genesis(config) {
            disk.change(change.key.to_vec(), change.record);
        }
        disk
    }

    fn change(&mut self, key: Vec<u8>, record: Option<LeafRecord>) {
        let before = match record {
            Some(record) => self.leaves.insert(key.clone(), record),
            None => self.leaves.remove(&key),
        };
        self.undo.leaves.push((key, before));
    }

    pub(crate) fn commit_block(&mut self, executed: &Executed) -> Checked {
        let Executed { block, receipts, changes } = executed;
        let next = self.head().map_or(Height(1), |head| head.height.next());
        let parent = self.head().map_or(Bytes32::ZERO, BlockHeader::hash);
        ensure(block.header.height == next && block.header.parent == parent, || {
            format!("block {} does not follow the last block on the disk", block.header.height)
        })?;
        self.undo = Undo::default();
        for change in changes {
            self.change(change.key.to_vec(), change.record.clone());
        }
        for (receipt, position) in receipts.iter().zip(0u32..) {
            let acted = match receipt.status {
                Status::Applied(_) => true,
                Status::Rejected(code) => transition::Reject::ALL.iter().all(|reject| reject.code() != code),
            };
            let known = self.places.get(&receipt.id).copied();
            if known.is_none_or(|known| acted && !known.acted) {
                let place = Place { height: next, position, acted };
                self.undo.places.push((receipt.id, self.places.insert(receipt.id, place)));
            }
        }
        self.blocks.push(block.clone());
        self.receipts.push(receipts.clone());
        Ok(())
    }

    pub(crate) fn commit_batch(&mut self, batch: &Batch) -> Checked {
        let last = self.batches.last();
        let next = last.map_or(1, |last| last.header.number + 1);
        let first = last.map_or(Height(1), |last| last.last.next());
        let stored = self.block(batch.last).is_some();
        let follows = batch.header.number == next && batch.first == first && batch.last >= first && stored;
        ensure(follows, || format!("batch {} does not follow the last batch on the disk", batch.header.number))?;
        self.batches.push(batch.clone());
        Ok(())
    }

    pub(crate) fn commit_evidence(&mut self, number: u64, evidence: Vec<u8>) -> Checked {
        ensure(self.batch(number).is_some(), || format!("evidence for batch {number}, which is not on the disk"))?;
        self.evidence.insert(number, evidence);
        Ok(())
    }

    /// Forgets the last block, as a disk does that says "written" too early.
    pub(crate) fn forget_last_block(&mut self) {
        let sealed = self.batches.last().map_or(Height(0), |batch| batch.last);
        if self.head().is_none_or(|head| head.height <= sealed) {
            return;
        }
        self.blocks.pop();
        self.receipts.pop();
        let undo = std::mem::take(&mut self.undo);
        for (key, before) in undo.leaves.into_iter().rev() {
            self.change(key, before);
        }
        for (id, before) in undo.places.into_iter().rev() {
            match before {
                Some(place) => self.places.insert(id, place),
                None => self.places.remove(&id),
            };
        }
    }

    pub(crate) fn head(&self) -> Option<&BlockHeader> {
        self.blocks.last().map(|block| &block.header)
    }

    pub(crate) fn block(&self, height: Height) -> Option<&Block> {
        self.blocks.get(index(height.0)?)
    }

    pub(crate) fn batch(&self, number: u64) -> Option<&Batch> {
        self.batches.get(index(number)?)
    }

    pub(crate) fn last_batch(&self) -> u64 {
        self.batches.last().map_or(0, |batch| batch.header.number)
    }

    pub(crate) fn state(&self) -> State {
        State::restore(self.leaves.clone())
    }

    /// Returns the blocks that no batch holds, and the receipts of each.
    pub(crate) fn unsealed(&self) -> (Vec<Block>, Vec<Vec<Receipt>>) {
        let sealed = self.batches.last().map_or(0, |batch| batch.last.0);
        let from = usize::try_from(sealed).unwrap_or(usize::MAX).min(self.blocks.len());
        (self.blocks[from..].to_vec(), self.receipts[from..].to_vec())
    }

    /// Returns where a transaction stands and its receipt there.
    pub(crate) fn find(&self, id: TransactionId) -> Option<(Height, u32, Receipt)> {
        let place = self.places.get(&id.0)?;
        let receipt = self.receipt(place.height, place.position)?;
        Some((place.height, place.position, receipt.clone()))
    }

    pub(crate) fn receipt(&self, height: Height, position: u32) -> Option<&Receipt> {
        self.receipts.get(index(height.0)?)?.get(usize::try_from(position).ok()?)
    }

    /// Returns the last batch whose settlement is noted.
    pub(crate) fn settled(&self) -> u64 {
        self.settlements.last().copied().unwrap_or(0)
    }

    /// Checks that the leaves give the head's root.
    pub(crate) fn check_root(&self) -> Checked {
        let Some(head) = self.head() else { return Ok(()) };
        let root = self.state().root();
        if root == head.state_root { Ok(()) } else { Err(Broken("the leaves do not give the head's root".into())) }
    }
}
