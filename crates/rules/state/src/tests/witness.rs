//! Witnesses against the tree by definition, on paths that part late as well as early.

use super::naive_root;
use crate::tree::{Means, Node, leaf_digest, leaf_mark};
use crate::{Nothing, Pair, Part, Terminal, Witness, WitnessError, Write};
use crypto::poseidon::compress;
use proptest::prelude::*;
use std::collections::BTreeMap;
use types::{Decode as _, Digest, Encode as _};

type Leaves = BTreeMap<Digest, Digest>;

/// Paths that part at the first three bits or only at the last two.
fn path() -> impl Strategy<Value = Digest> {
    (0u64..8, 0u64..4).prop_map(|(first, last)| Digest::new([first << 61 >> 1, 0, 0, last]).unwrap())
}

fn value() -> impl Strategy<Value = Digest> {
    (1u64..1_000).prop_map(|limb| Digest::new([limb, 0, 0, 0]).unwrap())
}

fn leaves() -> impl Strategy<Value = Leaves> {
    prop::collection::btree_map(path(), value(), 0..12)
}

/// Touched paths, each with what is written there, if anything is.
fn touched() -> impl Strategy<Value = BTreeMap<Digest, Option<Option<Digest>>>> {
    prop::collection::btree_map(path(), prop::option::of(prop::option::of(value())), 0..6)
}

fn root_of(leaves: &Leaves) -> Digest {
    naive_root(&leaves.iter().map(|(path, value)| (*path, *value)).collect::<Vec<_>>(), 0)
}

fn tree_of(leaves: &Leaves) -> Node {
    let mut tree = Node::default();
    let writes: Vec<Write> = leaves.iter().map(|(path, value)| Write { path: *path, value: Some(*value) }).collect();
    tree.update(&writes, Means::NONE);
    assert_eq!(tree.digest, root_of(leaves));
    tree
}

/// Says whether a witness holds, and panics when it holds without being the tree's own.
fn holds(tree: &Node, witness: &Witness) -> bool {
    let held = witness.check(&tree.digest).is_ok();
    assert!(
        !held || *witness == Witness::of(tree, witness.touched.clone(), None),
        "{witness:?} is not the one witness"
    );
    held
}

/// Every way in which one part can lie about what it is, and some in which it stands for nothing at all.
fn lies(part: &Part) -> Vec<Part> {
    let other = |digest: &Digest| Digest::new([digest.limbs()[0] ^ 1, 0, 0, 7]).unwrap();
    let mut lies = vec![Part::Empty(Nothing {}), Part::Fork(Nothing {}), Part::Closed(leaf_mark())];
    match part {
        Part::Leaf(Terminal { path, value }) => lies.extend([
            Part::Leaf(Terminal { path: *path, value: other(value) }),
            Part::Leaf(Terminal { path: other(path), value: *value }),
            Part::Closed(leaf_digest(path, value)),
            Part::Pair(Pair { left: compress(path, value), right: leaf_mark() }),
        ]),
        Part::Closed(digest) => lies.extend([
            Part::Closed(other(digest)),
            Part::Leaf(Terminal { path: *digest, value: *digest }),
            Part::Pair(Pair { left: *digest, right: Digest::ZERO }),
        ]),
        Part::Pair(Pair { left, right }) => lies.extend([
            Part::Closed(compress(left, right)),
            Part::Pair(Pair { left: *right, right: *left }),
            Part::Pair(Pair { left: other(left), right: *right }),
            Part::Pair(Pair { left: *left, right: other(right) }),
        ]),
        Part::Empty(_) | Part::Fork(_) => lies.push(Part::Closed(Digest::ZERO)),
    }
    lies
}

fn check_tampering(tree: &Node, good: &Witness) {
    let refuse = |bad: Witness| assert!(bad == *good || !holds(tree, &bad), "{bad:?} holds instead of {good:?}");
    for (at, part) in good.parts.iter().enumerate() {
        let change = |change: &dyn Fn(&mut Vec<Part>)| {
            let mut parts = good.parts.clone();
            change(&mut parts);
            refuse(Witness { parts, touched: good.touched.clone() });
        };
        change(&|parts| _ = parts.remove(at));
        change(&|parts| parts.insert(at, part.clone()));
        change(&|parts| parts.push(part.clone()));
        change(&|parts| parts.swap(at, (at + 1) % good.parts.len()));
        for lie in lies(part) {
            change(&|parts| parts[at] = lie.clone());
        }
    }
    for at in 0..good.touched.len() {
        let change = |change: &dyn Fn(&mut Vec<Digest>)| {
            let mut touched = good.touched.clone();
            change(&mut touched);
            let parts = good.parts.clone();
            holds(tree, &Witness { parts, touched })
        };
        change(&|touched| _ = touched.remove(at));
        change(&|touched| touched[at] = Digest::new([touched[at].limbs()[0], 0, 0, 9]).unwrap());
        assert!(!change(&|touched| touched.insert(at, touched[at])), "a path is listed twice");
        assert!(good.touched.len() == 1 || !change(&|touched| touched.rotate_left(1)), "the paths are not sorted");
    }
}

proptest! {
    // Each case tries some hundred changes.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_witness_tampered_anywhere_is_refused(leaves in leaves(), touched in touched()) {
        let tree = tree_of(&leaves);
        check_tampering(&tree, &Witness::of(&tree, touched.keys().copied(), None));
    }
}

proptest! {
    #[test]
    fn a_witness_gives_the_values_and_the_new_root_that_the_whole_state_has(leaves in leaves(), touched in touched()) {
        let mut tree = tree_of(&leaves);
        let witness = Witness::of(&tree, touched.keys().copied(), None);
        prop_assert_eq!(&Witness::from_bytes(&witness.to_bytes()).unwrap(), &witness);
        let excerpt = witness.check(&tree.digest).unwrap();
        for path in touched.keys() {
            prop_assert_eq!(excerpt.value(path), Ok(leaves.get(path).copied()));
        }
        let written = touched.iter().filter_map(|(path, write)| Some(Write { path: *path, value: (*write)? }));
        let writes: Vec<Write> = written.collect();
        let mut after = leaves.clone();
        for Write { path, value } in &writes {
            match value {
                Some(value) => after.insert(*path, *value),
                None => after.remove(path),
            };
        }
        prop_assert_eq!(excerpt.root_after(&writes), Ok(root_of(&after)));
        tree.update(&writes, Means::NONE);
        prop_assert_eq!(tree.digest, root_of(&after));
    }

    #[test]
    fn a_witness_with_changed_bytes_is_refused_or_another_true_one(
        leaves in leaves(), touched in touched(), at in any::<prop::sample::Index>(), flip in 1u8..
    ) {
        let tree = tree_of(&leaves);
        let mut bytes = Witness::of(&tree, touched.keys().copied(), None).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(witness) = Witness::from_bytes(&bytes) {
            holds(&tree, &witness);
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(witness) = Witness::from_bytes(&bytes) {
            prop_assert_eq!(witness.to_bytes(), bytes.clone());
            prop_assert!(witness.check(&Digest::ZERO).is_err() || witness.touched.is_empty());
        }
        if let Ok(path) = crate::Path::from_bytes(&bytes) {
            prop_assert_eq!(path.to_bytes(), bytes.clone());
        }
        if let Ok(record) = crate::LeafRecord::from_bytes(&bytes) {
            prop_assert_eq!(record.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_parts_are_checked_without_a_panic(
        leaves in leaves(),
        touched in prop::collection::btree_set(path(), 0..6),
        parts in prop::collection::vec(part(), 0..40),
    ) {
        let tree = tree_of(&leaves);
        holds(&tree, &Witness { touched: touched.into_iter().collect(), parts });
    }
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        2 => Just(Part::Empty(Nothing {})),
        3 => Just(Part::Fork(Nothing {})),
        2 => (path(), value()).prop_map(|(path, value)| Part::Leaf(Terminal { path, value })),
        1 => value().prop_map(Part::Closed),
        1 => (value(), value()).prop_map(|(left, right)| Part::Pair(Pair { left, right })),
    ]
}

fn at(first: u64, last: u64) -> Digest {
    Digest::new([first << 60, 0, 0, last]).unwrap()
}

#[test]
fn a_subtree_beside_a_leaf_that_may_go_is_opened() {
    let one = at(1, 0);
    let tree = tree_of(&Leaves::from([(at(0, 0), one), (at(8, 0), one)]));
    let beside_leaf = Witness::of(&tree, [at(0, 0)], None);
    assert!(matches!(beside_leaf.parts[..], [Part::Fork(_), Part::Leaf(_), Part::Leaf(_)]), "{beside_leaf:?}");
    let tree = tree_of(&Leaves::from([(at(0, 0), one), (at(8, 0), one), (at(12, 0), one)]));
    let beside_inner = Witness::of(&tree, [at(0, 0)], None);
    assert!(matches!(beside_inner.parts[..], [Part::Fork(_), Part::Leaf(_), Part::Pair(_)]), "{beside_inner:?}");
    let absent = Witness::of(&tree, [at(0, 1)], None);
    assert!(matches!(absent.parts[..], [Part::Fork(_), Part::Leaf(_), Part::Closed(_)]), "{absent:?}");
}

#[test]
fn only_touched_leaves_are_read_or_written_and_in_order() {
    let one = at(1, 0);
    let tree = tree_of(&Leaves::from([(at(0, 0), one), (at(8, 0), one)]));
    let witness = Witness::of(&tree, [at(0, 0), at(4, 0)], None);
    let excerpt = witness.check(&tree.digest).unwrap();
    assert_eq!(excerpt.value(&at(8, 0)), Err(WitnessError::Untouched(at(8, 0))));
    let write = |path| Write { path, value: None };
    assert_eq!(excerpt.root_after(&[write(at(8, 0))]), Err(WitnessError::Untouched(at(8, 0))));
    assert_eq!(excerpt.root_after(&[write(at(4, 0)), write(at(0, 0))]), Err(WitnessError::Order));
    assert_eq!(excerpt.root_after(&[write(at(0, 0)), write(at(0, 0))]), Err(WitnessError::Order));
    assert_eq!(excerpt.root_after(&[]), Ok(tree.digest));
    assert_eq!(witness.check(&one).err(), Some(WitnessError::Root));
}

#[test]
fn a_witness_of_no_leaf_shows_the_root_alone() {
    let tree = tree_of(&Leaves::from([(at(0, 0), at(1, 0)), (at(8, 0), at(1, 0))]));
    for tree in [tree, Node::default()] {
        let witness = Witness::of(&tree, [], None);
        assert_eq!(witness.parts.len(), 1);
        assert_eq!(witness.check(&tree.digest).unwrap().root_after(&[]), Ok(tree.digest));
        assert!(witness.check(&at(9, 9)).is_err());
    }
}
