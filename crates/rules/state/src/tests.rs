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
    state.leaves.keys().map(|key| (key.to_vec(), state.record(key).unwrap())).collect()
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
