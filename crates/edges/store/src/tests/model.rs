//! The store against a naive one in memory: the same steps, with the disk failing at each of its own steps in turn.

use super::power::{Failure, Power};
use super::*;
use crate::disk::Disk as _;
use crate::tables::Place;
use crate::tail::Bounds;
use proof::{BatchHeader, BlockHeader};
use proptest::prelude::*;
use state::{Backing, LeafChange, LeafRecord, Terminal};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use transition::{Block, Receipt, Reject, Status};

const PATH: &str = "/power/chain.redb";
/// Few keys and ids, so that blocks meet each other's.
const KEYS: u64 = 5;

fn bounds() -> Bounds {
    Bounds {
        segment_bytes: 500,
        group_bytes: 1_000_000,
        group_blocks: 2,
        group_age: Duration::ZERO,
        tail_bytes: 1_000_000,
        tail_blocks: 3,
        background: false,
    }
}

fn digest(n: u64) -> Digest {
    Digest::new([n, 1, 2, 3]).unwrap()
}

fn id(n: u64) -> TransactionId {
    TransactionId(digest(n))
}

fn record(n: u64, value: u64) -> LeafRecord {
    LeafRecord { path: digest(n), value_digest: digest(value), value: value.to_bytes().into() }
}

/// What the store is asked to do.
#[derive(Debug, Clone)]
enum Step {
    Block(u64),
    Checkpoint,
    Batch(bool),
    Settle,
    Rewind(u64),
    Finalize,
    Prune,
    Outbox(u64),
    Note(u64),
    Reopen,
    /// Keeps the leaves in the order of their paths too, or no longer.
    Order(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<u64>().prop_map(Step::Block),
        2 => Just(Step::Checkpoint),
        3 => any::<bool>().prop_map(Step::Batch),
        1 => Just(Step::Settle),
        2 => (0u64..3).prop_map(Step::Rewind),
        1 => Just(Step::Finalize),
        1 => Just(Step::Prune),
        1 => (0u64..4).prop_map(Step::Outbox),
        1 => any::<u64>().prop_map(Step::Note),
        1 => Just(Step::Reopen),
        1 => any::<bool>().prop_map(Step::Order),
    ];
    prop::collection::vec(step, 1..16)
}

/// The chain after a block.
#[derive(Clone, Default, Debug, PartialEq)]
struct Moment {
    leaves: BTreeMap<Vec<u8>, LeafRecord>,
    places: BTreeMap<u64, Place>,
}

/// The naive store: everything after each block.
#[derive(Clone, Default, Debug, PartialEq)]
pub(super) struct Model {
    moments: Vec<Moment>,
    blocks: Vec<Executed>,
    batches: Vec<(Batch, Option<Vec<u8>>)>,
    settled: BTreeSet<u64>,
    last_final: u64,
    whole: u64,
    outbox: BTreeMap<u64, Vec<u8>>,
    note: Option<Vec<u8>>,
}

impl Model {
    pub(super) fn begin(&mut self) {
        let leaves = (0..3).map(|n| (n.to_bytes(), record(n, 7))).collect();
        self.moments = vec![Moment { leaves, places: BTreeMap::new() }];
        self.whole = 1;
    }

    pub(super) fn genesis() -> Vec<LeafChange> {
        (0..3).map(|n: u64| LeafChange { key: n.to_bytes().into(), record: Some(record(n, 7)) }).collect()
    }

    fn height(&self) -> u64 {
        u64::try_from(self.blocks.len()).unwrap()
    }

    /// Makes a block of a seed's bits: some entries, some changed leaves.
    pub(super) fn block(&self, seed: u64) -> Executed {
        let entries = (0..seed % 4).map(|n| Entry::Transaction(vec![1; 5 + usize::try_from(n).unwrap()].into()));
        let receipts = (0..seed % 4).map(|n| {
            let bits = seed >> (8 + 8 * n);
            let status = if bits & 1 == 0 { Status::Applied(0) } else { Status::Rejected(Reject::NonceTooLow.code()) };
            Receipt { id: digest((bits >> 1) % KEYS), status, events: vec![] }
        });
        let changed = || (0..KEYS).filter(|n| seed >> (40 + n) & 1 == 1);
        let changes = changed().map(|n| LeafChange {
            key: n.to_bytes().into(),
            record: (seed >> (50 + n) & 1 == 1).then(|| record(n, seed % 1_000)),
        });
        let leaves = &self.moments.last().unwrap().leaves;
        let before = |n: u64| LeafChange { key: n.to_bytes().into(), record: leaves.get(&n.to_bytes()).cloned() };
        let head = self.blocks.last().map(|executed| &executed.block.header);
        let header = BlockHeader {
            height: Height(self.height() + 1),
            parent: head.map_or(Bytes32::ZERO, BlockHeader::hash),
            time: Millis(seed % 100),
            state_root: digest(seed % 1_000),
            entries_root: Bytes32::ZERO,
        };
        Executed {
            block: Block { header, entries: entries.collect() },
            receipts: receipts.collect(),
            entry_leaves: Vec::new(),
            changes: changes.collect(),
            undo: changed().map(before).collect(),
        }
    }

    pub(super) fn add(&mut self, executed: Executed) {
        let mut moment = self.moments.last().unwrap().clone();
        for change in &executed.changes {
            match &change.record {
                Some(record) => moment.leaves.insert(change.key.to_vec(), record.clone()),
                None => moment.leaves.remove(&change.key[..]),
            };
        }
        for (receipt, position) in executed.receipts.iter().zip(0..) {
            let acted = receipt.is_applied();
            let known = moment.places.get(&receipt.id.limbs()[0]);
            if known.is_none_or(|known| acted && !known.acted) {
                let place = Place { height: executed.block.header.height, position, acted };
                moment.places.insert(receipt.id.limbs()[0], place);
            }
        }
        self.moments.push(moment);
        self.blocks.push(executed);
    }

    pub(super) fn batch(&self) -> Option<Batch> {
        let first = self.batches.last().map_or(1, |(batch, _)| batch.last.0 + 1);
        let number = u64::try_from(self.batches.len()).unwrap() + 1;
        let header = BatchHeader {
            config_hash: digest(1),
            number,
            parent_root: digest(2),
            state_root: digest(3),
            inbox_count: 0,
            inbox_hash: Bytes32::ZERO,
            withdrawals_root: Bytes32::ZERO,
            data_root: Bytes32::ZERO,
            diff_hash: Bytes32::ZERO,
        };
        let (first, last) = (Height(first), Height(self.height()));
        (first <= last).then_some(Batch { header, first, last, withdrawals: vec![] })
    }

    pub(super) fn head(&self) -> Option<BlockHeader> {
        self.blocks.last().map(|executed| executed.block.header.clone())
    }

    pub(super) fn leaves_at(&self, height: u64) -> Vec<(Vec<u8>, LeafRecord)> {
        self.moments[usize::try_from(height).unwrap()].leaves.clone().into_iter().collect()
    }

    /// Forgets the last block and returns it.
    pub(super) fn pop(&mut self) -> Executed {
        self.moments.pop();
        self.blocks.pop().unwrap()
    }

    /// Compares everything that can be read.
    pub(super) fn check(&self, store: &Store) {
        differs(store, self).unwrap();
    }

    fn last_batch(&self) -> u64 {
        u64::try_from(self.batches.len()).unwrap()
    }

    pub(super) fn rewind(&mut self, to: u64) -> Vec<Block> {
        self.batches.truncate(usize::try_from(to).unwrap());
        let keep = usize::try_from(self.batches.last().map_or(0, |(batch, _)| batch.last.0)).unwrap();
        self.moments.truncate(keep + 1);
        self.settled.retain(|number| *number <= to);
        self.blocks.split_off(keep).into_iter().map(|executed| executed.block).collect()
    }

    fn prune(&mut self) {
        let Some(batch) = usize::try_from(self.last_final).unwrap().checked_sub(1) else { return };
        self.whole = self.whole.max(self.batches[batch].0.last.0 + 1);
        for moment in &mut self.moments {
            moment.places.retain(|_, place| place.height.0 >= self.whole);
        }
    }
}

/// Does a step on both. The model has done it when the store says so, or fails.
fn step(store: &mut Option<Store>, disk: &Power, model: &mut Model, step: &Step) -> Result<(), Error> {
    let Some(open) = store.as_ref() else { unreachable!("a store that failed is not used again") };
    match *step {
        Step::Block(seed) => {
            let executed = model.block(seed);
            model.add(executed.clone());
            open.commit_block(&executed)
        }
        Step::Checkpoint => open.checkpoint(),
        Step::Batch(with) => {
            let Some(batch) = model.batch() else { return Ok(()) };
            let diff = with.then(|| vec![3; 9]);
            model.batches.push((batch.clone(), diff.clone()));
            diff.map_or_else(|| open.commit_batch(&batch), |diff| open.commit_batch_with(&batch, &diff))
        }
        Step::Settle if model.last_batch() > 0 => {
            model.settled.insert(model.last_batch());
            open.commit_settlement(model.last_batch(), &settlement())
        }
        Step::Rewind(back) => {
            let to = model.last_batch().saturating_sub(back).max(model.last_final);
            let removed = model.rewind(to);
            let rewound = open.rewind(to)?;
            assert_eq!(rewound.removed, removed);
            assert_eq!(rewound.head.as_ref(), model.blocks.last().map(|executed| &executed.block.header));
            assert_eq!(rewound.batch.map_or(0, |batch| batch.header.number), to);
            Ok(())
        }
        Step::Finalize if model.last_batch() > 0 => {
            model.last_final = model.last_final.max(model.last_batch() - u64::from(model.last_batch() > 1));
            open.finalize(model.last_final)
        }
        Step::Prune => {
            model.prune();
            open.prune(model.last_final + 1)
        }
        Step::Outbox(nonce) => {
            let record = if model.outbox.remove(&nonce).is_some() { None } else { Some(vec![4; 7]) };
            model.outbox.extend(record.clone().map(|record| (nonce, record)));
            open.commit_outbox(nonce, record.as_deref())
        }
        Step::Note(note) => {
            model.note = Some(note.to_bytes());
            open.put_note("place", &note.to_bytes())
        }
        Step::Reopen => {
            *store = None;
            *store = Some(open_store(disk)?);
            Ok(())
        }
        Step::Order(is_kept) => open.state(is_kept.then_some(0), &Sequential).map(drop),
        Step::Settle | Step::Finalize => Ok(()),
    }
}

fn settlement() -> Settlement {
    Settlement { transaction: Bytes32([3; 32]), block: 9, gas_used: 120_000 }
}

fn open_store(disk: &Power) -> Result<Store, Error> {
    open_with(disk, bounds())
}

pub(super) fn open_with(disk: &Power, bounds: Bounds) -> Result<Store, Error> {
    Store::open_on(Arc::new(disk.clone()), Path::new(PATH), bounds)
}

/// Compares everything that can be read.
fn differs(store: &Store, model: &Model) -> Result<(), TestCaseError> {
    let moment = model.moments.last().cloned().unwrap_or_default();
    prop_assert_eq!(store.leaves().unwrap(), moment.leaves.into_iter().collect::<Vec<_>>());
    check_order(store)?;
    prop_assert_eq!(store.head().unwrap(), model.blocks.last().map(|executed| executed.block.header.clone()));
    for executed in &model.blocks {
        let height = executed.block.header.height;
        prop_assert_eq!(store.header(height).unwrap(), Some(executed.block.header.clone()));
        if height.0 < model.whole {
            let pruned = |error| matches!(error, Some(Error::Pruned { first, .. }) if first.0 == model.whole);
            prop_assert!(pruned(store.block(height).err()) && pruned(store.receipts(height).err()));
        } else {
            prop_assert_eq!(store.block(height).unwrap(), Some(executed.block.clone()));
            prop_assert_eq!(store.receipts(height).unwrap(), Some(executed.receipts.clone()));
        }
    }
    if !model.blocks.is_empty() {
        let sealed = usize::try_from(model.batches.last().map_or(0, |(batch, _)| batch.last.0)).unwrap();
        let undo: Vec<_> = model.blocks[sealed..].iter().map(|executed| executed.undo.clone()).collect();
        prop_assert_eq!(store.resume(&[]).unwrap().undo, undo);
    }
    let next = Height(model.height() + 1);
    prop_assert!(store.block(next).unwrap().is_none() && store.receipts(next).unwrap().is_none());
    let from = usize::try_from(model.whole.max(1)).unwrap() - 1;
    let blocks: Vec<_> = model.blocks.iter().skip(from).map(|executed| executed.block.clone()).collect();
    prop_assert!(store.blocks(Height(model.whole.max(1)), 1_000).unwrap() == blocks);
    prop_assert_eq!(&store.blocks(Height(model.whole.max(1)), 2).unwrap()[..], &blocks[..blocks.len().min(2)]);
    for n in 0..KEYS {
        let place = moment.places.get(&n).map(|place| (place.height, place.position));
        prop_assert_eq!(store.find(id(n)).unwrap(), place);
        let found = store.receipt_of(id(n)).unwrap();
        prop_assert_eq!(
            found.map(|(height, position, receipt)| {
                assert_eq!(receipt.id, digest(n));
                (height, position)
            }),
            place
        );
    }
    let batches: Vec<_> = model.batches.iter().map(|(batch, _)| batch.clone()).collect();
    prop_assert_eq!(&store.batches(1, 100).unwrap(), &batches);
    prop_assert_eq!(store.last_batch().unwrap(), batches.last().cloned());
    for (batch, diff) in &model.batches {
        prop_assert_eq!(&store.diff(batch.header.number).unwrap(), diff);
        prop_assert_eq!(store.batch_of(batch.last).unwrap(), Some(batch.clone()));
    }
    prop_assert_eq!(store.diff(model.last_batch() + 1).unwrap(), None);
    prop_assert_eq!(store.settled().unwrap(), model.settled.last().copied().unwrap_or(0));
    prop_assert_eq!(store.finalized().unwrap(), model.last_final);
    prop_assert_eq!(store.outbox().unwrap(), model.outbox.clone().into_iter().collect::<Vec<_>>());
    prop_assert_eq!(store.note("place").unwrap(), model.note.clone());
    Ok(())
}

/// Compares the two orders of the leaves that the tables hold.
fn check_order(store: &Store) -> Result<(), TestCaseError> {
    if !store.keeps_paths() {
        return Ok(());
    }
    let by_key = Backing::leaves(store, &[], usize::MAX).unwrap();
    let mut expected: Vec<_> =
        by_key.into_iter().map(|(_, record)| Terminal { path: record.path, value: record.value_digest }).collect();
    expected.sort_unstable_by_key(|leaf| leaf.path);
    prop_assert_eq!(store.terminals(&([0; 32]..=[0xff; 32]), usize::MAX).unwrap(), expected);
    Ok(())
}

/// Goes through the steps until the disk fails. Returns the model before and after the step that failed.
fn go(disk: &Power, steps: &[Step]) -> Result<(Model, Model, Option<Error>), TestCaseError> {
    let mut model = Model::default();
    let mut begun = model.clone();
    begun.begin();
    let store = match open_store(disk) {
        Ok(store) => store,
        Err(error) => return Ok((model.clone(), model, Some(error))),
    };
    if let Err(error) = store.resume(&Model::genesis()) {
        return Ok((model, begun, Some(error)));
    }
    let mut store = Some(store);
    model = begun;
    for next in steps {
        let before = model.clone();
        if let Err(error) = step(&mut store, disk, &mut model, next) {
            return Ok((before, model, Some(error)));
        }
        differs(store.as_ref().unwrap(), &model)?;
    }
    Ok((model.clone(), model, None))
}

/// Opens the store after a failure: it is as before the step that failed or as after it, and goes on from there.
fn check_recovered(disk: &Power, before: Model, after: Model) -> Result<(), TestCaseError> {
    let store = open_store(disk).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    let mut model = if differs(&store, &after).is_ok() { after } else { before };
    differs(&store, &model)?;
    if model.moments.is_empty() {
        store.resume(&Model::genesis()).unwrap();
        model.begin();
    }
    let executed = model.block(0x0123_4567_89ab_cdef);
    store.commit_block(&executed).unwrap();
    model.add(executed);
    differs(&store, &model)?;
    drop(store);
    let store = open_store(disk).unwrap();
    differs(&store, &model)?;
    store.checkpoint().unwrap();
    differs(&store, &model)?;
    prop_assert_eq!(store.state(Some(0), &Sequential).unwrap().root(), whole(&store).root());
    Ok(())
}

/// Lets the disk fail at one of its steps, and, where the power goes, once more while the store is opened again.
fn check_failure(steps: &[Step], at: u64, failure: Failure) -> Result<(), TestCaseError> {
    let disk = Power::new(at);
    disk.fail_in(at, failure);
    let (before, after, failed) = go(&disk, steps)?;
    if failure == Failure::Power {
        disk.cut();
        disk.fail_in(1 + at % 30, Failure::Power);
        drop(open_store(&disk));
        disk.cut();
    } else if failed.is_none() {
        // What is done when the store is let go may fail without a word.
        disk.fail_in(u64::MAX / 2, Failure::Once);
    }
    check_recovered(&disk, before, after)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_store_that_loses_power_anywhere_holds_what_it_told(steps in steps()) {
        let disk = Power::new(0);
        let (model, _, failed) = go(&disk, &steps)?;
        prop_assert!(failed.is_none(), "{failed:?}");
        let count = disk.steps();
        check_recovered(&disk, model.clone(), model)?;
        // Not at all of them in every case: the cases add up.
        for at in (1 + count % 5..=count).step_by(5) {
            check_failure(&steps, at, Failure::Power).map_err(|error| TestCaseError::fail(format!("power at step {at}: {error}")))?;
        }
    }

    #[test]
    fn a_store_whose_disk_fails_once_holds_what_it_told(steps in steps()) {
        let disk = Power::new(0);
        go(&disk, &steps)?;
        let count = disk.steps();
        for at in (1 + count % 7..=count).step_by(7) {
            check_failure(&steps, at, Failure::Once).map_err(|error| TestCaseError::fail(format!("failure at step {at}: {error}")))?;
        }
    }
}

#[test]
fn every_step_of_the_disk_may_be_the_last() {
    let steps = [
        Step::Block(0xffff_ffff_ffff_ff01),
        Step::Block(0xffff_0f0f_0301_0202),
        Step::Batch(true),
        Step::Block(0x0ff1_0201_0203_0403),
        Step::Block(0xf0f0_ffff_0003_0103),
        Step::Block(0x1234_5678_9abc_def3),
        Step::Batch(false),
        Step::Settle,
        Step::Block(0xfedc_ba98_7654_3213),
        Step::Finalize,
        Step::Prune,
        Step::Rewind(1),
        Step::Block(0xfff0_1111_2222_3333),
        Step::Outbox(1),
        Step::Block(0x0fff_f0f0_1111_2221),
    ];
    let disk = Power::new(0);
    let (_, _, failed) = go(&disk, &steps).unwrap();
    assert!(failed.is_none(), "{failed:?}");
    for at in 1..=disk.steps() {
        for failure in [Failure::Power, Failure::Once] {
            check_failure(&steps, at, failure).unwrap_or_else(|error| panic!("{failure:?} at step {at}: {error}"));
        }
    }
}

/// Copies a store and makes another of the copy; returns whether that came to its end.
fn copy(disk: &Power, file: &Path, to: &Path) -> Result<(), Error> {
    open_store(disk)?.snapshot(file)?;
    crate::snapshot::restore(disk, file, to).map(|_| ())
}

#[test]
fn a_copy_that_is_cut_off_is_no_copy() {
    let (file, to) = (Path::new("/power/copy"), Path::new("/power/again.redb"));
    let prepared = || {
        let disk = Power::new(9);
        let (model, _, _) = go(&disk, &[Step::Block(0xffff_ffff_ffff_ff01), Step::Batch(true), Step::Note(3)]).unwrap();
        (disk, model)
    };
    let (disk, model) = prepared();
    let start = disk.steps();
    copy(&disk, file, to).unwrap();
    for at in 1..=disk.steps() - start {
        let (disk, _) = prepared();
        disk.fail_in(at, Failure::Power);
        let failed = copy(&disk, file, to).is_err();
        disk.cut();
        let open = |path: &Path| Store::open_on(Arc::new(disk.clone()), path, bounds()).unwrap();
        model.check(&open(Path::new(PATH)));
        if !disk.exists(to).unwrap() {
            assert!(failed, "step {at}");
            if disk.exists(file).unwrap() {
                crate::snapshot::restore(&disk, file, to).unwrap();
            } else {
                copy(&disk, file, to).unwrap();
            }
        }
        model.check(&open(to));
    }
}
