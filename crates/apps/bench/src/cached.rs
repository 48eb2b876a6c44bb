//! A state of which a hundredth is in memory, the rest in a store on the disk.

use crate::measure::{balances, holder, rate, runs};
use crate::{Measured, chain, machine};
use ledger::account::Balance;
use proof::BlockHeader;
use sequencer::run::Threads;
use state::{LeafChange, State};
use std::hint::black_box;
use store::Store;
use transition::{Entry, L1Rules};
use types::{Height, Millis};

/// Leaves of the state for each that may be in memory.
const LEAVES_PER_CACHED: u64 = 100;
/// Leaves that a block adds while the state is made.
const ADDED_LEAVES: u64 = 20_000;
/// Leaves that one commit changes, and that are read at once.
const CHANGED_LEAVES: u64 = 1_000;

/// A state on top of its store.
struct Cached {
    store: Store,
    state: State,
    head: Option<BlockHeader>,
}

impl Cached {
    /// Sets the balances of accounts `from..to` and returns how many leaves that commits in a second.
    fn commit(&mut self, from: u64, to: u64, amount: u64) -> f64 {
        let changes = balances(&self.state, from, to, amount);
        let undo = self.state.undo_of(&changes);
        let rate = rate(to - from, || self.state.apply_with(&changes, &Threads));
        self.store(changes, undo);
        rate
    }

    /// Makes a block of changes, waits until it is in the tables, and lets go of what is too much.
    fn store(&mut self, changes: Vec<LeafChange>, undo: Vec<LeafChange>) {
        let config = chain::config(L1Rules::default());
        let (mut nothing, none) = (State::default(), Vec::<Entry>::new());
        let mut executed = transition::execute(&mut nothing, &config, self.head.as_ref(), none, Millis(1));
        executed.block.header.state_root = self.state.root();
        (executed.changes, executed.undo) = (changes, undo);
        self.store.commit_block(&executed).expect("the block is stored");
        self.store.checkpoint().expect("the tables take the block");
        self.state.trim(executed.block.header.height, self.store.stored());
        self.head = Some(executed.block.header);
    }
}

pub(crate) fn state(quick: bool) -> Vec<Measured> {
    let leaves = if quick { 100_000 } else { 1_000_000 };
    let leaves_max = usize::try_from(leaves / LEAVES_PER_CACHED).expect("a small number");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let store = Store::open(folder.path().join("chain.redb")).expect("a new store opens");
    let before = machine::resident_mebibytes();
    let state = store.state(Some(leaves_max), &Threads).expect("an empty state opens");
    let mut cached = Cached { store, state, head: None };
    for from in (0..leaves).step_by(usize::try_from(ADDED_LEAVES).expect("a small number")) {
        cached.commit(from, from + ADDED_LEAVES, 1);
    }
    // Far apart, so that no run finds what the one before it left in memory.
    let start = |run: u64| run * leaves / runs(quick);
    let committed =
        (0..runs(quick)).map(|run| cached.commit(start(run), start(run) + CHANGED_LEAVES, 2 + run)).collect();
    let reads = |run: u64| {
        let first = start(run) + 2 * CHANGED_LEAVES;
        rate(CHANGED_LEAVES, || {
            for n in first..first + CHANGED_LEAVES {
                black_box(cached.state.get::<Balance>(&holder(n)).expect("the leaf is there"));
            }
        })
    };
    let read = (0..runs(quick)).map(reads).collect();
    let memory = vec![machine::resident_mebibytes() - before];
    assert!(cached.state.cached() <= leaves_max && cached.state.len() == usize::try_from(leaves).unwrap_or(0));
    let root = cached.state.root();
    let opened = |_| {
        rate(leaves, || {
            let state = cached.store.state(Some(leaves_max), &Threads).expect("the state opens again");
            assert_eq!(state.root(), root, "it is the same state");
        })
    };
    let opened = (0..runs(quick).min(3)).map(opened).collect();
    assert_eq!(cached.store.stored(), cached.head.map_or(Height(0), |head| head.height), "the tables have all");
    let mix = format!("{leaves} leaves of which {leaves_max} may be in memory, a thread for each core");
    let measured = |name, unit, runs, mix| Measured { name, unit, runs, mix };
    vec![
        measured("state/cached-commit", "leaves/s", committed, format!("{CHANGED_LEAVES} cold ones at once; {mix}")),
        measured("state/cached-read", "leaves/s", read, "cold ones, one by one, one thread".to_owned()),
        measured("state/cached-open", "leaves/s", opened, mix),
        measured(
            "state/cached-memory",
            "MiB",
            memory,
            "more than before the store held a leaf, its pages too".to_owned(),
        ),
    ]
}
