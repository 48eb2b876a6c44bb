//! A state with a bounded cache against one that is all in memory.

use super::*;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

const KEYS: u64 = 40;

/// Leaves as a store has them.
#[derive(Default)]
struct Disk(Mutex<BTreeMap<Box<[u8]>, LeafRecord>>);

impl Disk {
    fn take(&self, changes: Vec<LeafChange>) {
        let mut leaves = self.0.lock().unwrap();
        for LeafChange { key, record } in changes {
            match record {
                Some(record) => drop(leaves.insert(key, record)),
                None => drop(leaves.remove(&key)),
            }
        }
    }
}

impl Backing for Disk {
    fn count(&self) -> Result<u64, Fault> {
        Ok(self.0.lock().unwrap().len().try_into()?)
    }

    fn leaf(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn leaves(&self, from: &[u8], count: usize) -> Result<Vec<KeyedLeaf>, Fault> {
        let leaves = self.0.lock().unwrap();
        let found = leaves.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Unbounded));
        Ok(found.take(count).map(|(key, record)| (key.clone(), record.clone())).collect())
    }

    fn terminals(&self, span: &RangeInclusive<[u8; 32]>, count: usize) -> Result<Vec<Terminal>, Fault> {
        let leaves = self.0.lock().unwrap();
        let mut found: Vec<Terminal> = leaves
            .values()
            .filter(|record| span.contains(&record.path.to_be_bytes()))
            .map(|record| Terminal { path: record.path, value: record.value_digest })
            .collect();
        found.sort_unstable_by_key(|leaf| leaf.path);
        found.truncate(count);
        Ok(found)
    }
}

/// The two states, the disk, and the blocks that are on their way to it.
struct Twins {
    whole: State,
    cached: State,
    disk: Arc<Disk>,
    waiting: VecDeque<(Height, Vec<LeafChange>)>,
    head: Height,
    stored: Height,
    leaves_max: usize,
}

impl Twins {
    fn new(leaves_max: usize, leaves: impl IntoIterator<Item = (u64, Option<u64>)>) -> Self {
        let (mut whole, disk) = (State::default(), Arc::new(Disk::default()));
        let genesis = changes_of(&whole, leaves);
        whole.apply(&genesis);
        disk.take(genesis);
        let cached = opened(&disk, leaves_max);
        Self { whole, cached, disk, waiting: VecDeque::new(), head: Height(0), stored: Height(0), leaves_max }
    }

    /// Makes a block, or takes back what one changed and does it again. Returns what takes the block back.
    fn block(&mut self, writes: &[(u64, Option<u64>)]) -> Vec<LeafChange> {
        let changes = changes_of(&self.cached, writes.iter().copied());
        assert_eq!(changes, changes_of(&self.whole, writes.iter().copied()));
        let undo = self.cached.undo_of(&changes);
        assert_eq!(undo, self.whole.undo_of(&changes));
        assert_eq!(self.cached.writes_of(&changes), self.whole.writes_of(&changes));
        self.apply(changes);
        undo
    }

    fn apply(&mut self, changes: Vec<LeafChange>) {
        for state in [&mut self.whole, &mut self.cached] {
            state.apply(&changes);
        }
        self.head = self.head.next();
        self.waiting.push_back((self.head, changes));
    }

    /// Moves blocks to the disk, of which the last may not be told yet.
    fn store(&mut self, blocks: usize, is_told: bool) {
        for _ in 0..blocks {
            let Some((height, changes)) = self.waiting.pop_front() else { break };
            self.disk.take(changes);
            if is_told {
                self.stored = height;
            }
        }
    }

    fn trim(&mut self) {
        self.cached.trim(self.head, self.stored);
        if self.stored == self.head {
            assert!(self.cached.cached() <= self.leaves_max && self.cached.pages() <= self.leaves_max);
        }
    }

    fn reopen(&mut self) {
        self.store(usize::MAX, true);
        self.cached = opened(&self.disk, self.leaves_max);
        assert_eq!((self.cached.cached(), self.cached.pages()), (0, 0));
    }

    fn compare(&self, touched: &[u64]) {
        let (whole, cached) = (&self.whole, &self.cached);
        assert_eq!((cached.root(), cached.len(), cached.is_empty()), (whole.root(), whole.len(), whole.is_empty()));
        assert_eq!(records(cached), records(whole));
        for first in (0..KEYS).step_by(7).map(Height) {
            assert!(cached.iter_from::<Counted>(&first).eq(whole.iter_from::<Counted>(&first)));
        }
        for key in (0..KEYS + 2).map(Height) {
            let path = path_of::<Counted>(&key);
            assert_eq!(cached.get::<Counted>(&key), whole.get::<Counted>(&key));
            assert_eq!(cached.path::<Counted>(&key), whole.path::<Counted>(&key));
            assert_eq!(cached.unique_bits(&path), whole.unique_bits(&path));
        }
        let paths = || touched.iter().map(|key| path_of::<Counted>(&Height(*key)));
        assert_eq!(cached.witness(paths()), whole.witness(paths()));
    }
}

fn opened(disk: &Arc<Disk>, leaves_max: usize) -> State {
    let disk = Arc::clone(disk);
    State::open(Cache { backing: disk, leaves_max }, &Sequential).unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Block(Vec<(u64, Option<u64>)>),
    /// Takes back some blocks at once and does them again, as a member does that seals an earlier one.
    BackAndForth(usize),
    /// Takes the last block back by another one.
    Undo,
    Store(usize, bool),
    Trim,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let write = (0..KEYS, prop::option::weighted(0.6, 0u64..100));
    prop_oneof![
        6 => prop::collection::vec(write, 0..12).prop_map(Step::Block),
        1 => (1usize..4).prop_map(Step::BackAndForth),
        1 => Just(Step::Undo),
        4 => (0usize..4, any::<bool>()).prop_map(|(blocks, is_told)| Step::Store(blocks, is_told)),
        6 => Just(Step::Trim),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #[test]
    fn a_bounded_cache_answers_as_the_whole_state_does(
        leaves_max in prop::sample::select(vec![0usize, 0, 1, 2, 5, 16, 1_000]),
        genesis in prop::collection::btree_map(0..KEYS, (0u64..100).prop_map(Some), 0..40),
        steps in prop::collection::vec((step(), prop::collection::vec(0..KEYS, 0..6)), 0..24),
    ) {
        let mut twins = Twins::new(leaves_max, genesis);
        let mut undone: Vec<Vec<LeafChange>> = Vec::new();
        for (step, touched) in steps {
            match step {
                Step::Block(writes) => undone.push(twins.block(&writes)),
                Step::BackAndForth(blocks) => {
                    let last = undone.len().saturating_sub(blocks);
                    let mut back = BTreeMap::new();
                    for change in undone[last..].iter().flatten() {
                        back.entry(change.key.clone()).or_insert(change.record.clone());
                    }
                    let back: Vec<_> = back.into_iter().map(|(key, record)| LeafChange { key, record }).collect();
                    let forth = twins.cached.undo_of(&back);
                    for changes in [back, forth] {
                        twins.whole.apply(&changes);
                        twins.cached.apply(&changes);
                        twins.compare(&touched);
                    }
                }
                Step::Undo => if let Some(undo) = undone.pop() { twins.apply(undo) },
                Step::Store(blocks, is_told) => twins.store(blocks, is_told),
                Step::Trim => twins.trim(),
                Step::Reopen => twins.reopen(),
            }
            twins.compare(&touched);
        }
        twins.reopen();
        twins.compare(&[]);
    }
}

#[test]
fn pages_are_divided_when_the_state_grows_and_work_may_be_shared() {
    let mut twins = Twins::new(300, (0..100).map(|key| (key, Some(key))));
    for round in 0..12u64 {
        let writes = (0..900).map(|at| ((at * 7 + round * 613) % 4_000, (!at.is_multiple_of(5)).then_some(at + round)));
        let changes = changes_of(&twins.whole, writes.collect::<BTreeMap<_, _>>());
        twins.whole.apply(&changes);
        twins.cached.apply_with(&changes, &Unordered::AtOnce);
        twins.head = twins.head.next();
        twins.waiting.push_back((twins.head, changes));
        twins.store(usize::MAX, true);
        twins.trim();
        assert_eq!((twins.cached.root(), twins.cached.len()), (twins.whole.root(), twins.whole.len()));
        assert!(twins.cached.cached() <= 300 && (1..=300).contains(&twins.cached.pages()));
    }
    assert!(twins.whole.len() > 2_000, "the state grew");
    twins.compare(&[1, 2, 3, 700, 3_999]);
    twins.reopen();
    twins.compare(&[5, 800]);
}

#[test]
#[should_panic(expected = "the backing holds the leaves that the tree was made of")]
fn a_backing_that_forgets_a_leaf_stops_everything() {
    let twins = Twins::new(0, (0..40).map(|key| (key, Some(key))));
    let gone = MapKey::of::<Counted>(&Height(7)).into_bytes();
    twins.disk.take(vec![LeafChange { key: gone, record: None }]);
    twins.cached.path::<Counted>(&Height(7));
}
