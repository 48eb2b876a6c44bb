//! A disk: what was committed is there after a crash, what was not is lost, and what was being written is there, or not,
//! or half. It refuses what the store refuses.

use crate::books::acted;
use crate::check::{Broken, Checked, ensure};
use crate::leaves::Leaves;
use crypto::eth::keccak;
use proof::BlockHeader;
use settler::outbox::Record;
use state::{LeafChange, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Settlement;
use transition::{Batch, Block, ChainConfig, Entry, Executed, Receipt};
use types::{Bytes32, ContentId, Decode as _, Digest, Encode as _, Height, TransactionId};

/// Where an entry stands, by the rule of the store: the first time that it acted, or else the first time at all.
#[derive(Clone, Copy)]
struct Place {
    height: Height,
    position: u32,
    acted: bool,
}

/// What takes a block back.
struct Undo {
    leaves: Vec<LeafChange>,
    places: Vec<(Digest, Option<Place>)>,
}

/// The end of the journal after a crash in the middle of a write.
struct Torn {
    written: Vec<u8>,
    sum: Bytes32,
    executed: Box<Executed>,
}

/// What one node keeps.
#[derive(Default)]
pub(crate) struct Disk {
    leaves: Arc<Leaves>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) receipts: Vec<Vec<Receipt>>,
    places: BTreeMap<Digest, Place>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) diffs: BTreeMap<u64, Vec<u8>>,
    pub(crate) evidence: BTreeMap<u64, Vec<u8>>,
    settlements: BTreeMap<u64, Settlement>,
    finalized: u64,
    pub(crate) outbox: BTreeMap<u64, Record>,
    /// The transactions of blocks that were taken back, until somebody has dealt with them.
    pub(crate) revoked: Vec<Box<[u8]>>,
    pub(crate) contents: BTreeMap<ContentId, Vec<u8>>,
    /// Of each block.
    undo: Vec<Undo>,
    torn: Option<Torn>,
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

/// Lists the transactions of blocks, without the messages: L1 has other ones now, and says which.
fn transactions_of(blocks: &[Block]) -> Vec<Box<[u8]>> {
    let entries = blocks.iter().flat_map(|block| &block.entries);
    let transactions = entries.filter_map(|entry| match entry {
        Entry::Transaction(bytes) => Some(bytes.clone()),
        Entry::Message(_) => None,
    });
    transactions.collect()
}

impl Disk {
    /// Makes a disk that holds the genesis.
    pub(crate) fn new(config: &ChainConfig) -> Self {
        let mut disk = Self::default();
        disk.change(&transition::genesis(config));
        disk
    }

    fn change(&mut self, changes: &[LeafChange]) {
        self.leaves.change(changes);
    }

    pub(crate) fn commit_block(&mut self, executed: &Executed) -> Checked {
        let Executed { block, receipts, changes, undo, entry_leaves: _ } = executed;
        let next = self.head().map_or(Height(1), |head| head.height.next());
        let parent = self.head().map_or(Bytes32::ZERO, BlockHeader::hash);
        ensure(block.header.height == next && block.header.parent == parent, || {
            format!("block {} does not follow the last block on the disk", block.header.height)
        })?;
        self.change(changes);
        let mut places = Vec::new();
        for (receipt, position) in receipts.iter().zip(0u32..) {
            let acted = acted(receipt);
            let known = self.places.get(&receipt.id).copied();
            if known.is_none_or(|known| acted && !known.acted) {
                let place = Place { height: next, position, acted };
                places.push((receipt.id, self.places.insert(receipt.id, place)));
            }
        }
        self.blocks.push(block.clone());
        self.receipts.push(receipts.clone());
        self.undo.push(Undo { leaves: undo.clone(), places });
        Ok(())
    }

    /// Loses power while a block is written: so many millionths of it get there.
    pub(crate) fn tear(&mut self, executed: Box<Executed>, ppm: u64) {
        let bytes = executed.block.to_bytes();
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_mul(ppm) / 1_000_000;
        let sum = keccak(&[&bytes]);
        let written = bytes[..usize::try_from(count).unwrap_or(0).min(bytes.len())].to_vec();
        self.torn = Some(Torn { written, sum, executed });
    }

    /// Reads the end of the journal after a crash: a block that is whole is taken, and returned; half of one is cut off.
    pub(crate) fn recover(&mut self) -> Result<Option<Box<Executed>>, Broken> {
        let Some(torn) = self.torn.take() else { return Ok(None) };
        let whole = keccak(&[&torn.written]) == torn.sum && Block::from_bytes(&torn.written).is_ok();
        if !whole {
            return Ok(None);
        }
        self.commit_block(&torn.executed)?;
        Ok(Some(torn.executed))
    }

    pub(crate) fn commit_batch(&mut self, batch: &Batch, diff: Option<Vec<u8>>) -> Checked {
        let last = self.batches.last();
        let next = last.map_or(1, |last| last.header.number + 1);
        let first = last.map_or(Height(1), |last| last.last.next());
        let stored = self.block(batch.last).is_some();
        let follows = batch.header.number == next && batch.first == first && batch.last >= first && stored;
        ensure(follows, || format!("batch {} does not follow the last batch on the disk", batch.header.number))?;
        self.batches.push(batch.clone());
        self.diffs.extend(diff.map(|diff| (batch.header.number, diff)));
        Ok(())
    }

    pub(crate) fn commit_evidence(&mut self, number: u64, evidence: Vec<u8>) -> Checked {
        ensure(self.batch(number).is_some(), || format!("evidence for batch {number}, which is not on the disk"))?;
        self.evidence.insert(number, evidence);
        Ok(())
    }

    pub(crate) fn commit_settlement(&mut self, number: u64, settlement: Settlement) -> Checked {
        ensure(self.batch(number).is_some(), || format!("batch {number} settled, which is not on the disk"))?;
        self.settlements.insert(number, settlement);
        Ok(())
    }

    /// Forgets how the batches after one settled.
    pub(crate) fn forget_settlements(&mut self, after: u64) {
        self.settlements.split_off(&(after + 1));
    }

    /// Declares a batch final.
    pub(crate) fn finalize(&mut self, number: u64) -> Checked {
        ensure(self.batch(number).is_some(), || format!("batch {number} is final, which is not on the disk"))?;
        self.finalized = self.finalized.max(number);
        Ok(())
    }

    /// Forgets the last block, as a disk does that says "written" too early.
    pub(crate) fn forget_last_block(&mut self) {
        let sealed = self.batches.last().map_or(Height(0), |batch| batch.last);
        if self.head().is_none_or(|head| head.height <= sealed) {
            return;
        }
        self.pop_block();
    }

    /// Takes the last block back.
    fn pop_block(&mut self) -> Option<Block> {
        let (block, undo) = (self.blocks.pop()?, self.undo.pop()?);
        self.receipts.pop();
        self.change(&undo.leaves);
        for (id, before) in undo.places.into_iter().rev() {
            match before {
                Some(place) => self.places.insert(id, place),
                None => self.places.remove(&id),
            };
        }
        Some(block)
    }

    /// Takes the chain back to the end of a batch, and returns the blocks that are no more, in their order.
    pub(crate) fn rewind(&mut self, to_batch: u64) -> Result<Vec<Block>, Broken> {
        ensure(to_batch <= self.last_batch(), || {
            format!("the disk is taken back to batch {to_batch}, which it lacks")
        })?;
        ensure(to_batch >= self.finalized, || {
            format!("the disk is taken back to batch {to_batch}, behind a final one")
        })?;
        let keep = self.batch(to_batch).map_or(Height(0), |batch| batch.last);
        let mut removed = Vec::new();
        while self.head().is_some_and(|head| head.height > keep) {
            removed.extend(self.pop_block());
        }
        removed.reverse();
        let mut revoked = transactions_of(&removed);
        revoked.extend(
            std::mem::take(&mut self.revoked).into_iter().filter(|bytes| !revoked.contains(bytes)).collect::<Vec<_>>(),
        );
        self.revoked = revoked;
        self.batches.truncate(usize::try_from(to_batch).unwrap_or(usize::MAX));
        self.diffs.split_off(&(to_batch + 1));
        self.evidence.split_off(&(to_batch + 1));
        self.forget_settlements(to_batch);
        Ok(removed)
    }
}

/// Reading.
impl Disk {
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
        self.leaves.whole()
    }

    /// Returns the state with a cache of so many leaves; `None` for all.
    pub(crate) fn cached_state(&self, leaves_max: Option<usize>) -> State {
        leaves_max.map_or_else(|| self.state(), |leaves_max| self.leaves.cached(leaves_max))
    }

    fn first_unsealed(&self) -> usize {
        let sealed = self.batches.last().map_or(0, |batch| batch.last.0);
        usize::try_from(sealed).unwrap_or(usize::MAX).min(self.blocks.len())
    }

    /// Returns the blocks that no batch holds, and the receipts of each.
    pub(crate) fn unsealed(&self) -> (Vec<Block>, Vec<Vec<Receipt>>) {
        let from = self.first_unsealed();
        (self.blocks[from..].to_vec(), self.receipts[from..].to_vec())
    }

    /// Returns what the leaves held that each block changed which no batch holds.
    pub(crate) fn unsealed_undo(&self) -> Vec<Vec<LeafChange>> {
        self.undo[self.first_unsealed()..].iter().map(|undo| undo.leaves.clone()).collect()
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

    pub(crate) fn entry(&self, height: Height, position: u32) -> Option<&Entry> {
        self.block(height)?.entries.get(usize::try_from(position).ok()?)
    }

    /// Returns the last batch whose settlement is noted.
    pub(crate) fn settled(&self) -> u64 {
        self.settlements.keys().last().copied().unwrap_or(0)
    }

    pub(crate) fn settlement(&self, number: u64) -> Option<&Settlement> {
        self.settlements.get(&number)
    }

    /// Returns the last final batch.
    pub(crate) fn finalized(&self) -> u64 {
        self.finalized
    }

    /// Returns the sealed batches after one, with the evidence that there is.
    pub(crate) fn unsettled(&self, settled: u64) -> Vec<(proof::BatchHeader, Option<Vec<u8>>)> {
        let numbers = settled + 1..=self.last_batch();
        let found = |number| Some((self.batch(number)?.header.clone(), self.evidence.get(&number).cloned()));
        numbers.filter_map(found).collect()
    }

    /// Checks that the leaves give the head's root.
    pub(crate) fn check_root(&self) -> Checked {
        let Some(head) = self.head() else { return Ok(()) };
        let root = self.state().root();
        if root == head.state_root { Ok(()) } else { Err(Broken("the leaves do not give the head's root".into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prng::Prng;
    use transition::Incoming;
    use types::Millis;

    /// A chain, and its first two blocks, each of bytes that are no transaction.
    fn blocks() -> (ChainConfig, [Executed; 2]) {
        let config = crate::genesis::found(&mut Prng::new(1)).config;
        let mut state = State::default();
        state.apply(&transition::genesis(&config));
        let mut head = None;
        let blocks = [1u8, 2].map(|byte| {
            let entries = vec![Incoming::Raw([byte].into())];
            let executed = transition::execute(&mut state, &config, head.as_ref(), entries, Millis(byte.into()));
            head = Some(executed.block.header.clone());
            executed
        });
        (config, blocks)
    }

    #[test]
    fn half_a_block_is_cut_off_and_a_whole_one_is_taken() {
        let (config, [first, second]) = blocks();
        let mut disk = Disk::new(&config);
        disk.commit_block(&first).unwrap();
        for ppm in [0, 1, 500_000, 999_999] {
            disk.tear(Box::new(second.clone()), ppm);
            assert_eq!(disk.recover().unwrap(), None, "{ppm} millionths of it");
            assert_eq!(disk.head(), Some(&first.block.header));
        }
        disk.tear(Box::new(second.clone()), 1_000_000);
        assert_eq!(disk.recover().unwrap(), Some(Box::new(second.clone())));
        assert_eq!(disk.recover().unwrap(), None, "once");
        assert_eq!(disk.head(), Some(&second.block.header));
        disk.check_root().unwrap();
    }

    #[test]
    fn a_disk_taken_back_is_as_it_was() {
        let (config, [first, second]) = blocks();
        let mut disk = Disk::new(&config);
        let fresh = disk.state().root();
        disk.commit_block(&first).unwrap();
        disk.commit_block(&second).unwrap();
        let id = TransactionId(second.receipts[0].id);
        assert!(disk.find(id).is_some());
        assert_eq!(disk.rewind(0).unwrap(), [first.block.clone(), second.block.clone()]);
        assert_eq!((disk.state().root(), disk.head(), disk.find(id)), (fresh, None, None));
        assert_eq!(disk.revoked, [Box::from([1u8]), Box::from([2u8])]);
        assert!(disk.rewind(1).is_err(), "there is no such batch");
    }
}
