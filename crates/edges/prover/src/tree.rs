//! Rows of the tree and leaf tables: what was touched, before the batch and after it.

use crate::hashes::felts;
use crate::memory::{Cell, Key};
use crate::part::{Node, Place, Shown, limbs_of};
use crate::record::Recorder;
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{F, LEAF_MARK, Leaf, Tree, level};
use state::{LeafChange, State, Terminal};
use std::collections::{BTreeMap, BTreeSet};
use types::Digest;

/// Moves the state by what the memory holds and records both trees. Returns what takes the state back.
pub fn record(recorder: &mut Recorder, state: &mut State) -> Vec<LeafChange> {
    let changes = recorder.memory.changes(state);
    let undo = state.undo_of(&changes);
    let touched: BTreeSet<Digest> = recorder.memory.cells.keys().copied().collect();

    // Leaves that stand elsewhere afterwards, or in which the way of an absent one ends, are shown as leaves too.
    let mut shown = [shown(state, &touched), None];
    state.apply(&changes);
    shown[1] = self::shown(state, &touched);
    let beside: BTreeSet<Digest> = shown.iter().flatten().flat_map(|shown| strangers(shown, &touched)).collect();
    let depths_after: BTreeMap<Digest, usize> = beside.iter().map(|path| (*path, state.unique_bits(path))).collect();
    state.apply(&undo);
    let moved = depths_after.iter().filter(|(path, depth)| state.unique_bits(path) != **depth);
    let mut opened: BTreeSet<Digest> = touched.iter().chain(moved.map(|(path, _)| path)).copied().collect();
    opened.extend(shown.iter().flatten().flat_map(|shown| ends(shown, &touched)));

    let before = Shown::of(&state.witness(opened.iter().copied()));
    state.apply(&changes);
    let mut trees = [before, Shown::of(&state.witness(opened.iter().copied()))];
    trees.iter_mut().for_each(|tree| close(tree, &opened));
    let alone = open_lonely(&mut trees);
    first_row(recorder, &trees, &alone);
    let mut closed = BTreeSet::new();
    let leaves = [false, true].map(|after| nodes(recorder, &trees[usize::from(after)], after, &alone, &mut closed));
    leaf_rows(recorder, &leaves, &opened);
    undo
}

/// Closes the leaves that nobody asked to open.
fn close(tree: &mut Shown, opened: &BTreeSet<Digest>) {
    for node in tree.nodes.values_mut() {
        if let Node::Leaf(leaf) = node
            && !opened.contains(&leaf.path)
        {
            *node = Node::Closed(leaf.digest());
        }
    }
}

fn is_closed(node: Option<&Node>) -> bool {
    matches!(node, Some(Node::Closed(_) | Node::Pair(..)))
}

/// Finds the closed subtrees that stand alone beside nothing before the batch. Opens, in both trees, those that stand
/// alone only after it: somebody has to show that they are more than a leaf.
fn open_lonely(trees: &mut [Shown; 2]) -> BTreeSet<Place> {
    let beside_nothing = |tree: &Shown| -> Vec<Place> {
        let empty = tree.nodes.iter().filter(|(_, node)| matches!(node, Node::Empty));
        let beside = empty.filter_map(|(place, _)| place.sibling());
        beside.filter(|place| is_closed(tree.nodes.get(place))).collect()
    };
    let mut alone: BTreeSet<Place> = beside_nothing(&trees[0]).into_iter().collect();
    for place in beside_nothing(&trees[1]) {
        if alone.contains(&place) {
            continue;
        }
        let Some(Node::Pair(left, right)) = trees[0].nodes.get(&place) else {
            unreachable!("a witness opens what may come to stand alone")
        };
        let (left, right) = (*left, *right);
        let children = [(place.child(false), left, right), (place.child(true), right, left)];
        for tree in trees.iter_mut() {
            tree.nodes.insert(place, Node::Inner { digest: crypto::poseidon::compress(&left, &right), left, right });
            for (child, digest, _) in children {
                let node = if digest == Digest::ZERO { Node::Empty } else { Node::Closed(digest) };
                tree.nodes.insert(child, node);
            }
        }
        alone.extend(children.iter().filter(|(.., other)| *other == Digest::ZERO).map(|(child, ..)| *child));
    }
    alone
}

fn shown(state: &State, touched: &BTreeSet<Digest>) -> Option<Shown> {
    Some(Shown::of(&state.witness(touched.iter().copied())))
}

/// Lists leaves that are shown and not touched.
fn strangers<'a>(shown: &'a Shown, touched: &'a BTreeSet<Digest>) -> impl Iterator<Item = Digest> + 'a {
    shown.leaves().map(|(_, leaf)| leaf.path).filter(|path| !touched.contains(path))
}

/// Lists leaves in which the way of an absent touched one ends.
fn ends(shown: &Shown, touched: &BTreeSet<Digest>) -> Vec<Digest> {
    let terminals: BTreeMap<Place, Digest> = shown.leaves().map(|(place, leaf)| (*place, leaf.path)).collect();
    let present: BTreeSet<Digest> = terminals.values().copied().collect();
    let absent = touched.iter().filter(|path| !present.contains(path));
    absent
        .filter_map(|path| {
            let at = |depth| terminals.get(&Place::on(path, depth));
            (0..=types::limits::PATH_DEPTH).find_map(at).copied()
        })
        .collect()
}

/// What a leaf row needs to know of its tree.
struct Ends {
    /// Where each present leaf is.
    present: BTreeMap<Digest, (Place, Terminal)>,
    /// Where nothing is, with the number of its row.
    empty: BTreeMap<Place, usize>,
}

/// A row of the tree table without anything.
fn blank() -> Tree<F> {
    Tree::read(&[F::ZERO; Tree::WIDTH])
}

/// Says what the node at a place is: nothing, a leaf or what may be one, a subtree that stood alone.
fn shape(tree: &Shown, place: &Place, alone: &BTreeSet<Place>) -> [F; 3] {
    let flags = match tree.nodes.get(place) {
        Some(Node::Empty) => [true, false, false],
        Some(Node::Leaf(_)) => [false, true, false],
        Some(Node::Inner { .. }) => [false, false, false],
        Some(Node::Closed(_) | Node::Pair(..)) => [false, !alone.contains(place), alone.contains(place)],
        None => unreachable!("a tree has both children of every inner node"),
    };
    flags.map(F::from_bool)
}

/// Records the first row, which asks for the roots.
fn first_row(recorder: &mut Recorder, trees: &[Shown; 2], alone: &BTreeSet<Place>) {
    let [left_shape, right_shape] = [&trees[0], &trees[1]].map(|tree| shape(tree, &Place::ROOT, alone));
    Tree { first: F::ONE, left_shape, right_shape, ..blank() }.put(&mut recorder.nodes);
}

/// Records the nodes of one tree.
fn nodes(
    recorder: &mut Recorder,
    tree: &Shown,
    after: bool,
    alone: &BTreeSet<Place>,
    closed: &mut BTreeSet<Place>,
) -> Ends {
    let mut ends = Ends { present: BTreeMap::new(), empty: BTreeMap::new() };
    for (place, node) in &tree.nodes {
        let position = place.limbs().map(F::from_u64);
        let here = Tree { after: F::from_bool(after), depth: F::from_usize(place.depth), position, ..blank() };
        let closing = |digest: &Digest| Tree {
            closed: F::ONE,
            digest: felts(digest),
            alone: F::from_bool(alone.contains(place)),
            inverse: felts(digest)[0].try_inverse().unwrap_or_default(),
            ..here
        };
        let row = match node {
            Node::Inner { digest, left, right } => {
                recorder.hashes.compress(*left, *right);
                let [limb, shift, weight] = recorder.lookups.level(place.depth);
                let mark = F::from_u64(LEAF_MARK[0]);
                Tree {
                    inner: F::ONE,
                    limb: std::array::from_fn(|index| F::from_bool(u64::try_from(index) == Ok(limb))),
                    shift: F::from_u64(shift),
                    weight: F::from_u64(weight),
                    digest: felts(digest),
                    left: felts(left),
                    right: felts(right),
                    left_shape: shape(tree, &place.child(false), alone),
                    right_shape: shape(tree, &place.child(true), alone),
                    inverse: (felts(right)[0] - mark).try_inverse().unwrap_or_default(),
                    ..here
                }
            }
            Node::Leaf(leaf) => {
                ends.present.insert(leaf.path, (*place, leaf.clone()));
                continue;
            }
            // A closed subtree has one row for both trees.
            Node::Closed(_) | Node::Pair(..) if !closed.insert(*place) => continue,
            Node::Closed(digest) => closing(digest),
            Node::Pair(left, right) => closing(&crypto::poseidon::compress(left, right)),
            Node::Empty => {
                ends.empty.insert(*place, recorder.nodes.len());
                Tree { empty: F::ONE, ..here }
            }
        };
        row.put(&mut recorder.nodes);
    }
    ends
}

/// Records the rows of the leaves: those before the batch, then those after it.
fn leaf_rows(recorder: &mut Recorder, trees: &[Ends; 2], opened: &BTreeSet<Digest>) {
    let cells = std::mem::take(&mut recorder.memory.cells);
    let mut sponges = BTreeMap::new();
    for (path, cell) in &cells {
        let elements = [&[u64::from(cell.key.kind())], cell.key.elements().as_slice()].concat();
        sponges.insert(*path, recorder.hashes.sponge(crypto::Domain::Key, &elements).name);
    }
    for (after, tree) in trees.iter().enumerate() {
        let after = after == 1;
        // How many absent leaves end in each present one.
        let mut uses: BTreeMap<Digest, u64> = BTreeMap::new();
        let by_place: BTreeMap<Place, Digest> = tree.present.iter().map(|(path, (place, _))| (*place, *path)).collect();
        let mut places = BTreeMap::new();
        for path in opened {
            if let Some((place, _)) = tree.present.get(path) {
                places.insert(*path, *place);
                continue;
            }
            let ways = (0..=types::limits::PATH_DEPTH).map(|depth| Place::on(path, depth));
            let end = ways.into_iter().find(|place| by_place.contains_key(place) || tree.empty.contains_key(place));
            let place = end.expect("a witness shows where every touched path ends");
            match (by_place.get(&place), tree.empty.get(&place)) {
                (Some(other), _) => *uses.entry(*other).or_default() += 1,
                (None, Some(row)) => recorder.nodes[row + Tree::WIDTH - 1] += F::ONE,
                (None, None) => unreachable!("found in one of them"),
            }
            places.insert(*path, place);
        }
        let paths: Vec<Digest> = opened.iter().copied().collect();
        for (index, path) in paths.iter().enumerate() {
            let shown = tree.present.get(path).map(|(_, leaf)| leaf);
            let place = places[path];
            let mut row = leaf_row(recorder, path, place, shown, cells.get(path), after);
            row.uses = F::from_u64(uses.get(path).copied().unwrap_or_default());
            row.path_sponge = F::from_u64(sponges.get(path).copied().unwrap_or_default());
            if let Some(next) = paths.get(index + 1) {
                differ(recorder, &mut row, path, next);
            }
            row.put(&mut recorder.leaves);
        }
    }
}

/// Says in which limb the next path differs first, and by how much.
fn differ(recorder: &mut Recorder, row: &mut Leaf<F>, path: &Digest, next: &Digest) {
    let (own, other) = (limbs_of(path.limbs()), limbs_of(next.limbs()));
    let first = (0..8).find(|limb| own[*limb] != other[*limb]).expect("a set holds no path twice");
    row.differs[first] = F::ONE;
    row.difference_low = recorder.lookups.range32(other[first] - own[first] - 1);
}

fn leaf_row(
    recorder: &mut Recorder,
    path: &Digest,
    place: Place,
    shown: Option<&Terminal>,
    cell: Option<&Cell>,
    after: bool,
) -> Leaf<F> {
    let limbs = limbs_of(path.limbs());
    let limbs_low = limbs.map(|limb| recorder.lookups.range32(limb));
    let full: [bool; 4] = std::array::from_fn(|element| limbs[2 * element] == u64::from(u32::MAX));
    let below = |element: usize| F::from_u64(limbs[2 * element]) - F::from_u32(u32::MAX);
    let [number, shift, weight] = recorder.lookups.level(place.depth);
    let named = usize::try_from(number).expect("small");
    // What the position leaves of the named limb; of a whole path it leaves nothing.
    let rest = limbs.get(named).map_or(0, |limb| limb & ((1 << (32 - place.depth % 32)) - 1));
    debug_assert_eq!(level(place.depth), [number, shift, weight]);

    let zero = F::ZERO;
    let mut row = Leaf {
        after: F::from_bool(after),
        balance: zero,
        account: zero,
        supply: zero,
        tally: zero,
        session: zero,
        token: zero,
        cursor: zero,
        bystander: F::from_bool(cell.is_none()),
        present: F::from_bool(shown.is_some()),
        key: [zero; 8],
        value: [zero; 7],
        value_inverse: zero,
        time: zero,
        path: felts(path),
        limbs: limbs.map(F::from_u64),
        limbs_low,
        full: full.map(F::from_bool),
        full_inverse: std::array::from_fn(|element| below(element).try_inverse().unwrap_or_default()),
        depth: F::from_usize(place.depth),
        limb: std::array::from_fn(|index| F::from_bool(index == named)),
        shift: F::from_u64(shift),
        weight: F::from_u64(weight),
        rest: F::from_u64(rest),
        rest_low: recorder.lookups.range32(rest),
        scaled_low: recorder.lookups.range32(rest * shift),
        value_digest: [zero; 4],
        pair: [zero; 4],
        digest: [zero; 4],
        path_sponge: zero,
        value_sponge: zero,
        uses: zero,
        differs: [zero; 8],
        difference_low: zero,
    };
    if let Some(cell) = cell {
        known(recorder, &mut row, cell, after);
    }
    if let Some(leaf) = shown {
        let pair = recorder.hashes.compress(leaf.path, leaf.value);
        let mark = Digest::new(LEAF_MARK).expect("the mark's limbs are below the prime");
        row.digest = felts(&recorder.hashes.compress(pair, mark));
        (row.value_digest, row.pair) = (felts(&leaf.value), felts(&pair));
    }
    row
}

/// Fills in what is known of a leaf that the batch touched.
fn known(recorder: &mut Recorder, row: &mut Leaf<F>, cell: &Cell, after: bool) {
    match cell.key {
        Key::Account(_) => row.account = F::ONE,
        Key::Balance(_) => row.balance = F::ONE,
        Key::Supply(_) => row.supply = F::ONE,
        Key::Tally(_) => row.tally = F::ONE,
        Key::Session(_) => row.session = F::ONE,
        Key::Token(_) => row.token = F::ONE,
        Key::Cursor => row.cursor = F::ONE,
    }
    for (cell, element) in row.key.iter_mut().zip(cell.key.elements()) {
        *cell = F::from_u64(element);
    }
    let value = if after { &cell.value } else { &cell.before };
    row.time = F::from_u64(if after { cell.since } else { 0 });
    row.value = value.map(F::from_u64);
    if let Some(elements) = cell.key.value_elements(value) {
        row.value_inverse = (row.value[0] + row.value[1] + row.value[2]).try_inverse().unwrap_or_default();
        row.value_sponge = F::from_u64(recorder.hashes.sponge(crypto::Domain::Value, &elements).name);
    }
}
