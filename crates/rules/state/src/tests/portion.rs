//! Portions against the whole state.

use super::{Counted, amount};
use crate::leaf::MapKey;
use crate::{Beyond, Leaf, LeafRecord, Nothing, Overlay, Part, Portion, State, Terminal, WitnessError, path_of};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use types::{Decode as _, Digest, Encode as _, Height};

/// Notes what is asked and gives nothing.
#[derive(Default)]
struct Noted(Mutex<BTreeSet<Box<[u8]>>>);

impl Beyond for Noted {
    fn leaf(&self, key: &[u8]) -> Option<LeafRecord> {
        self.0.lock().unwrap().insert(key.into());
        None
    }
}

fn named(key: u64) -> (Box<[u8]>, Digest) {
    (MapKey::of::<Counted>(&Height(key)).into_bytes(), path_of::<Counted>(&Height(key)))
}

fn write(state: &mut State, writes: &[(u64, Option<u64>)]) {
    super::write(state, writes);
}

fn state_of(leaves: &BTreeSet<u64>) -> State {
    let mut state = State::default();
    write(&mut state, &leaves.iter().map(|key| (*key, Some(key + 1))).collect::<Vec<_>>());
    state
}

fn open(portion: &Portion, root: &Digest) -> Result<State, WitnessError> {
    portion.open(root, Arc::<Noted>::default())
}

proptest! {
    #[test]
    fn a_portion_answers_as_the_whole_state_does_also_after_writes(
        leaves in prop::collection::btree_set(0u64..40, 0..30),
        shown in prop::collection::btree_map(0u64..40, prop::option::of(prop::option::of(0u64..9)), 0..12),
        part in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut whole = state_of(&leaves);
        let portion = whole.portion(shown.keys().map(|key| named(*key)));
        prop_assert_eq!(&Portion::from_bytes(&portion.to_bytes()).unwrap(), &portion);
        let mut partial = open(&portion, &whole.root()).unwrap();
        let keys: Vec<u64> = shown.keys().copied().collect();
        let some: Vec<u64> = if keys.is_empty() { Vec::new() } else { part.iter().map(|at| *at.get(&keys)).collect() };
        let writes: Vec<_> = shown.iter().filter_map(|(key, written)| Some((*key, (*written)?))).collect();
        for after in [false, true] {
            if after {
                write(&mut whole, &writes);
                write(&mut partial, &writes);
            }
            prop_assert_eq!(partial.root(), whole.root());
            for key in &keys {
                prop_assert_eq!(partial.get::<Counted>(&Height(*key)), whole.get::<Counted>(&Height(*key)));
                let path = path_of::<Counted>(&Height(*key));
                prop_assert_eq!(partial.unique_bits(&path), whole.unique_bits(&path));
            }
            let paths = || some.iter().map(|key| path_of::<Counted>(&Height(*key)));
            prop_assert_eq!(partial.witness(paths()), whole.witness(paths()));
            let smaller = partial.portion(some.iter().map(|key| named(*key)));
            prop_assert_eq!(smaller, whole.portion(some.iter().map(|key| named(*key))));
        }
    }

    #[test]
    fn a_portion_tampered_anywhere_is_refused(
        leaves in prop::collection::btree_set(0u64..40, 0..30),
        shown in prop::collection::btree_set(0u64..40, 0..8),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let whole = state_of(&leaves);
        let portion = whole.portion(shown.iter().map(|key| named(*key)));
        let mut bytes = portion.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let Ok(changed) = Portion::from_bytes(&bytes) else { return Ok(()) };
        let Ok(partial) = open(&changed, &whole.root()) else { return Ok(()) };
        // Another path may be as absent as the one that was asked. A key or a value is told apart by its digest, which is
        // for whoever knows its type to check.
        for leaf in &changed.leaves {
            let value = leaf.record.as_ref().map(|record| record.value_digest);
            prop_assert_eq!(whole.tree.value(&leaf.path), value);
        }
        prop_assert_eq!(&changed.parts, &portion.parts);
        prop_assert_eq!(partial.root(), whole.root());
    }

    #[test]
    fn any_parts_are_opened_or_refused(
        shown in prop::collection::btree_set(0u64..9, 0..5),
        parts in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 3]), 0..30),
    ) {
        let portion = State::default().portion(shown.iter().map(|key| named(*key)));
        let parts = parts.into_iter().map(|kind| match kind {
            0 => Part::Empty(Nothing {}),
            1 => Part::Fork(Nothing {}),
            2 => Part::Leaf(Terminal { path: named(3).1, value: named(4).1 }),
            _ => Part::Closed(named(5).1),
        });
        let changed = Portion { parts: parts.collect(), ..portion };
        let opened = open(&changed, &Digest::ZERO);
        prop_assert_eq!(opened.is_ok(), matches!(changed.parts[..], [Part::Empty(_)]));
    }
}

#[test]
fn a_leaf_that_a_portion_does_not_show_is_asked_for() {
    let whole = state_of(&BTreeSet::from([1, 2, 3]));
    let portion = whole.portion([named(1), named(9)]);
    let noted = Arc::new(Noted::default());
    let partial = portion.open(&whole.root(), noted.clone()).unwrap();
    assert_eq!(partial.get::<Counted>(&Height(1)), Some(amount(2)));
    assert_eq!(partial.get::<Counted>(&Height(9)), None);
    assert!(noted.0.lock().unwrap().is_empty(), "absent leaves are known");
    let overlay = Overlay::new(&partial);
    assert_eq!(overlay.get::<Counted>(&Height(2)), None);
    assert_eq!(*noted.0.lock().unwrap(), BTreeSet::from([named(2).0]));
    assert_eq!(<Counted as Leaf>::NUMBER, named(2).0[0]);
    assert!(open(&portion, &Digest::ZERO).is_err());
}
