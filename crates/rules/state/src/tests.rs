mod cache;
mod portion;
mod witness;

use super::*;
use proptest::prelude::*;
use types::{Amount, Height};

leaf!(
    /// A number at a height.
    pub Counted = 200: Height => Amount
);
leaf!(
    /// The same key and value types under another number.
    pub Other = 201: Height => Amount
);

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn write(state: &mut State, writes: &[(u64, Option<u64>)]) {
    let mut overlay = Overlay::new(state);
    for (key, value) in writes {
        match value {
            Some(value) => overlay.put::<Counted>(&Height(*key), &amount(*value)),
            None => overlay.remove::<Counted>(&Height(*key)),
        }
        overlay.keep();
    }
    let changes = overlay.into_changes();
    state.apply(&changes);
}

fn records(state: &State) -> Vec<(Vec<u8>, LeafRecord)> {
    state.records().map(|(key, record)| (key.to_vec(), record)).collect()
}

/// The tree by definition: split by bits until at most one leaf is left.
fn naive_root(leaves: &[(Digest, Digest)], depth: usize) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [(path, value)] => tree::leaf_digest(path, value),
        _ => {
            let (right, left): (Vec<_>, Vec<_>) = leaves.iter().partition(|(path, _)| path.bit(depth));
            crypto::poseidon::compress(&naive_root(&left, depth + 1), &naive_root(&right, depth + 1))
        }
    }
}

fn writes() -> impl Strategy<Value = Vec<Vec<(u64, Option<u64>)>>> {
    let write = (0u64..24, prop::option::weighted(0.7, 0u64..100));
    prop::collection::vec(prop::collection::vec(write, 0..12), 0..8)
}

proptest! {
    #[test]
    fn the_root_is_that_of_the_naive_tree_after_any_writes(blocks in writes()) {
        let mut state = State::default();
        let mut naive = std::collections::BTreeMap::new();
        for block in &blocks {
            write(&mut state, block);
            for (key, value) in block {
                match value {
                    Some(value) => naive.insert(*key, *value),
                    None => naive.remove(key),
                };
            }
        }
        let leaves: Vec<_> = naive
            .iter()
            .map(|(key, value)| (leaf::path_of::<Counted>(&Height(*key)), leaf::value_digest(&amount(*value))))
            .collect();
        prop_assert_eq!(state.root(), naive_root(&leaves, 0));
        prop_assert_eq!(state.iter::<Counted>().map(|(k, v)| (k.0, v.quanta())).collect::<Vec<_>>(), naive.clone().into_iter().collect::<Vec<_>>());

        let stored = records(&state);
        prop_assert_eq!(State::restore(stored).root(), state.root());

        for key in 0..24 {
            let path = state.path::<Counted>(&Height(key));
            match naive.get(&key) {
                Some(value) => {
                    prop_assert!(path.includes::<Counted>(&state.root(), &Height(key), &amount(*value)));
                    prop_assert!(!path.includes::<Counted>(&state.root(), &Height(key), &amount(value + 1)));
                    prop_assert!(!path.excludes::<Counted>(&state.root(), &Height(key)));
                }
                None => {
                    prop_assert!(path.excludes::<Counted>(&state.root(), &Height(key)));
                    prop_assert!(!path.includes::<Counted>(&state.root(), &Height(key), &amount(0)));
                }
            }
            prop_assert!(state.path::<Other>(&Height(key)).excludes::<Other>(&state.root(), &Height(key)));
        }
    }
}

#[test]
fn a_path_tampered_anywhere_shows_nothing() {
    let mut state = State::default();
    write(&mut state, &(0..20).map(|key| (key, Some(key * 3))).collect::<Vec<_>>());
    let (key, value, root) = (Height(7), amount(21), state.root());
    let good = state.path::<Counted>(&key);
    assert!(good.includes::<Counted>(&root, &key, &value));
    for at in 0..good.siblings.len() {
        let mut bad = good.clone();
        bad.siblings[at] = Digest::new([9, 9, 9, 9]).unwrap();
        assert!(!bad.includes::<Counted>(&root, &key, &value));
        let mut short = good.clone();
        short.siblings.remove(at);
        assert!(!short.includes::<Counted>(&root, &key, &value));
    }
    let without = Path { terminal: None, ..good.clone() };
    assert!(!without.excludes::<Counted>(&root, &key));
    let other = state.path::<Counted>(&Height(8));
    assert!(!other.excludes::<Counted>(&root, &key), "another leaf's path says nothing about this key");
}

#[test]
fn a_discarded_transaction_leaves_no_trace() {
    let mut state = State::default();
    write(&mut state, &[(1, Some(10))]);
    let mut overlay = Overlay::new(&state);
    overlay.put::<Counted>(&Height(1), &amount(11));
    assert_eq!(overlay.get::<Counted>(&Height(1)), Some(amount(11)));
    overlay.discard();
    assert_eq!(overlay.get::<Counted>(&Height(1)), Some(amount(10)));
    overlay.put::<Counted>(&Height(2), &amount(1));
    overlay.keep();
    overlay.remove::<Counted>(&Height(2));
    overlay.keep();
    assert!(overlay.into_changes().is_empty(), "what came and went within a block is no change");
}

/// Takes the second piece first, or both at once: what a tree must not notice.
enum Unordered {
    Backwards,
    AtOnce,
}

impl Join for Unordered {
    fn join(&self, left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
        match self {
            Self::Backwards => {
                right();
                left();
            }
            Self::AtOnce => std::thread::scope(|scope| {
                scope.spawn(left);
                right();
            }),
        }
    }
}

fn changes_of(state: &State, writes: impl IntoIterator<Item = (u64, Option<u64>)>) -> Vec<LeafChange> {
    let mut overlay = Overlay::new(state);
    for (key, value) in writes {
        match value {
            Some(value) => overlay.put::<Counted>(&Height(key), &amount(value)),
            None => overlay.remove::<Counted>(&Height(key)),
        }
    }
    overlay.keep();
    overlay.into_changes()
}

#[test]
fn shared_work_gives_the_root_that_one_thread_gives() {
    let mut alone = State::default();
    alone.apply(&changes_of(&alone, (0..3_000).map(|key| (key, Some(key)))));
    // Two in three are removed, changed or new, and enough of each that the work is really shared.
    let second = changes_of(&alone, (0..4_500).map(|key| (key, (key % 3 != 0).then(|| key + key % 3 - 1))));
    assert!(second.len() > 2 * FORK_WRITES);
    let before = records(&alone);
    alone.apply(&second);
    let leaves: Vec<_> = records(&alone).iter().map(|(_, record)| (record.path, record.value_digest)).collect();
    assert_eq!(alone.root(), naive_root(&leaves, 0));
    for join in [Unordered::Backwards, Unordered::AtOnce] {
        let mut shared = State::restore_with(before.clone(), &join);
        shared.apply_with(&second, &join);
        assert_eq!(shared.root(), alone.root());
        assert_eq!(records(&shared), records(&alone));
        assert_eq!(State::restore_with(records(&alone), &join).root(), alone.root());
        let all = shared.records().map(|(key, _)| LeafChange { key: key.into(), record: None });
        let none: Vec<LeafChange> = all.collect();
        shared.apply_with(&none, &join);
        assert!(shared.is_empty() && shared.root() == Digest::ZERO);
    }
}

proptest! {
    #[test]
    fn undoing_a_block_gives_the_state_before_it(blocks in writes()) {
        let mut state = State::default();
        let mut undone = Vec::new();
        for block in &blocks {
            let changes = changes_of(&state, block.iter().copied());
            undone.push((state.root(), records(&state), state.undo_of(&changes)));
            state.apply(&changes);
        }
        while let Some((root, before, undo)) = undone.pop() {
            state.apply(&undo);
            prop_assert_eq!(state.root(), root);
            prop_assert_eq!(records(&state), before);
        }
    }

    #[test]
    fn a_states_witness_covers_the_writes_of_its_changes(blocks in writes()) {
        let mut state = State::default();
        for block in &blocks {
            let changes = changes_of(&state, block.iter().copied());
            let writes = state.writes_of(&changes);
            let root = state.root();
            let witness = state.witness(writes.iter().map(|write| write.path));
            state.apply(&changes);
            prop_assert_eq!(witness.check(&root).unwrap().root_after(&writes), Ok(state.root()));
        }
    }

    #[test]
    fn an_overlay_is_a_map_and_records_the_last_value_of_each_leaf(
        base in prop::collection::btree_map(0u64..8, 0u64..4, 0..8),
        steps in prop::collection::vec((0u64..8, prop::option::of(0u64..4), 0..4u8), 0..40),
    ) {
        let mut state = State::default();
        state.apply(&changes_of(&state, base.iter().map(|(key, value)| (*key, Some(*value)))));
        let mut overlay = Overlay::new(&state);
        let (mut kept, mut running) = (base.clone(), base.clone());
        for (key, value, end) in steps {
            match value {
                Some(value) => {
                    overlay.put::<Counted>(&Height(key), &amount(value));
                    running.insert(key, value);
                }
                None => {
                    overlay.remove::<Counted>(&Height(key));
                    running.remove(&key);
                }
            }
            prop_assert_eq!(overlay.get::<Counted>(&Height(key)).map(|value| value.quanta()), running.get(&key).copied());
            match end {
                0 => {
                    overlay.keep();
                    kept = running.clone();
                }
                1 => {
                    overlay.discard();
                    running = kept.clone();
                }
                _ => {}
            }
        }
        overlay.discard();
        for (key, before, after) in overlay.touched::<Counted>() {
            prop_assert_eq!(before.map(|value| value.quanta()), base.get(&key.0).copied());
            prop_assert_eq!(after.map(|value| value.quanta()), kept.get(&key.0).copied());
        }
        let differing = (0..8).filter(|key| base.get(key) != kept.get(key));
        let expected: Vec<LeafChange> = differing
            .map(|key| LeafChange {
                key: MapKey::of::<Counted>(&Height(key)).into_bytes(),
                record: kept.get(&key).map(|value| LeafRecord {
                    path: path_of::<Counted>(&Height(key)),
                    value_digest: leaf::value_digest(&amount(*value)),
                    value: amount(*value).to_bytes().into(),
                }),
            })
            .collect();
        prop_assert_eq!(overlay.into_changes(), expected);
    }
}

proptest! {
    #[test]
    fn keys_are_in_the_order_of_their_bytes(a in key_bytes(), b in key_bytes()) {
        let (left, right) = (MapKey::new(a.clone().into()), MapKey::new(b.clone().into()));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
    }
}

/// Keys that are often equal at the beginning, or but for zeros at the end.
fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0u8, 0, 0, 1]), 0..20)
}
