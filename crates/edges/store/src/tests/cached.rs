//! A chain whose state is not all in memory, against the same chain with one that is.

use super::*;
use ledger::account::{Balance, BalanceKey};
use state::Overlay;
use std::collections::BTreeMap;

const ACCOUNTS: u64 = 2_000;

fn holder(n: u64) -> BalanceKey {
    BalanceKey { account: AccountId(Digest::new([n, 7, 7, 7]).unwrap()), asset: asset_of(EthAddress::ZERO) }
}

/// A block of which only the leaves matter.
fn block(store: &Store, state: &mut State, balances: &BTreeMap<u64, Option<u64>>) -> Executed {
    let head = store.head().unwrap();
    let mut overlay = Overlay::new(state);
    for (n, balance) in balances {
        match balance {
            Some(quanta) => overlay.put::<Balance>(&holder(*n), &amount(*quanta)),
            None => overlay.remove::<Balance>(&holder(*n)),
        }
    }
    overlay.keep();
    let changes = overlay.into_changes();
    let mut executed = execute(&mut State::default(), &config(), head.as_ref(), Vec::<Entry>::new(), Millis(1_000));
    executed.undo = state.undo_of(&changes);
    state.apply(&changes);
    executed.block.header.state_root = state.root();
    executed.changes = changes;
    executed
}

struct Cached {
    store: Store,
    state: State,
    whole: State,
}

impl Cached {
    fn open(folder: &Folder, leaves_max: usize) -> Self {
        let store = Store::open(folder.file()).unwrap();
        store.resume(&genesis(&config())).unwrap();
        let whole = State::restore(store.leaves().unwrap());
        let state = store.state(Some(leaves_max), &Sequential).unwrap();
        assert_eq!((state.root(), state.cached()), (whole.root(), 0));
        Self { store, state, whole }
    }

    fn commit(&mut self, round: u64) {
        let balance = |at: u64| ((at * 13 + round * 191) % ACCOUNTS, (!at.is_multiple_of(7)).then_some(at + round));
        let executed = block(&self.store, &mut self.state, &(0..100).map(balance).collect());
        self.whole.apply(&executed.changes);
        assert_eq!(self.state.root(), self.whole.root());
        self.store.commit_block(&executed).unwrap();
        self.state.trim(executed.block.header.height, self.store.stored());
    }

    fn check(&self) {
        assert_eq!((self.state.root(), self.state.len()), (self.whole.root(), self.whole.len()));
        assert!(self.state.records().eq(self.whole.records()));
        for n in (0..ACCOUNTS).step_by(37) {
            let holder = holder(n);
            assert_eq!(self.state.get::<Balance>(&holder), self.whole.get::<Balance>(&holder));
            assert_eq!(self.state.path::<Balance>(&holder), self.whole.path::<Balance>(&holder));
        }
    }
}

#[test]
fn a_cached_state_is_the_whole_one_before_and_after_blocks_are_in_the_tables() {
    let folder = Folder::new();
    for leaves_max in [0, 50, 1_000_000] {
        let mut cached = Cached::open(&folder, leaves_max);
        for round in 0..30 {
            cached.commit(round);
            if round % 10 == 0 {
                cached.store.checkpoint().unwrap();
                cached.check();
            }
        }
        cached.check();
        cached.store.checkpoint().unwrap();
        cached.commit(30);
        cached.store.checkpoint().unwrap();
        let head = cached.store.head().unwrap().unwrap().height;
        assert_eq!(cached.store.stored(), head);
        cached.state.trim(head, head);
        assert!(cached.state.cached() <= leaves_max && cached.state.pages() <= leaves_max);
        cached.check();
    }
}

#[test]
fn a_chain_that_is_taken_back_has_its_leaves_in_both_orders() {
    let folder = Folder::new();
    let mut cached = Cached::open(&folder, 10);
    (0..5).for_each(|round| cached.commit(round));
    let root = cached.state.root();
    let node = Node { store: cached.store, state: cached.state, config: config() };
    node.store.commit_batch(&node.seal(1)).unwrap();
    cached = Cached { store: node.store, state: node.state, whole: cached.whole };
    (5..12).for_each(|round| cached.commit(round));
    assert_ne!(cached.state.root(), root);
    cached.store.rewind(1).unwrap();
    drop(cached);
    let mut cached = Cached::open(&folder, 10);
    assert_eq!(cached.state.root(), root);
    (20..25).for_each(|round| cached.commit(round));
    cached.check();
}

#[test]
fn the_second_order_is_made_when_it_is_asked_for_and_forgotten_when_it_is_not() {
    let folder = Folder::new();
    let (mut node, _) = three_blocks(&folder);
    assert!(!node.store.keeps_paths());
    let root = node.state.root();
    assert_eq!(node.store.state(Some(0), &Sequential).unwrap().root(), root);
    assert!(node.store.keeps_paths());
    node.commit(vec![node.transfer(3).0]);
    drop(node);
    let node = folder.node();
    assert!(!node.store.keeps_paths(), "a whole state needs none");
    assert_eq!(node.check_whole(), 4);
    assert_eq!(node.store.state(Some(0), &Sequential).unwrap().root(), node.state.root());
}

#[test]
fn a_copy_of_a_store_has_the_second_order_too() {
    let folder = Folder::new();
    let mut cached = Cached::open(&folder, 10);
    (0..5).for_each(|round| cached.commit(round));
    let (copy, to) = (folder.0.path().join("copy"), folder.0.path().join("restored.redb"));
    cached.store.snapshot(&copy).unwrap();
    Store::restore_snapshot(&copy, &to).unwrap();
    let restored = Store::open(&to).unwrap();
    assert!(restored.keeps_paths());
    assert_eq!(restored.state(Some(3), &Sequential).unwrap().root(), cached.state.root());
}
