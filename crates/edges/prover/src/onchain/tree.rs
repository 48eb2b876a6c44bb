//! Merkle trees of which some leaves are open, and the fewest hashes that lead from other choices of them to the root.

use crypto::eth::keccak;
use std::collections::{BTreeMap, BTreeSet};

/// A hash in a tree.
pub(super) type Node = [u8; 32];

/// What is known of one level: level `h` has `2^h` nodes.
#[derive(Default)]
struct Level {
    /// The nodes.
    nodes: BTreeMap<usize, Node>,
    /// The bytes of the rows that are hashed into this level's nodes.
    rows: BTreeMap<usize, Vec<u8>>,
}

/// The known part of a tree whose rows enter it at several levels.
pub(super) struct Tree {
    levels: Vec<Level>,
}

impl Tree {
    /// Returns the part of a tree that the open rows and the hashes beside their paths give.
    ///
    /// `rows` gives, for each level that has any, the rows under the nodes open there; the deepest level is the tree's.
    /// `beside` has the hashes from the bottom to the top, and those of a level from left to right.
    pub(super) fn new(rows: BTreeMap<usize, BTreeMap<usize, Vec<u8>>>, beside: &[Node]) -> Option<Self> {
        let (&depth, open) = rows.last_key_value()?;
        let mut frontier: BTreeSet<usize> = open.keys().copied().collect();
        let mut levels: Vec<Level> = (0..=depth).map(|_| Level::default()).collect();
        for (level, rows) in rows {
            levels[level].rows = rows;
        }
        let bottom = &mut levels[depth];
        bottom.nodes = bottom.rows.iter().map(|(&index, row)| (index, hash(row))).collect();
        let mut beside = beside.iter();
        for level in (0..depth).rev() {
            frontier = frontier.iter().map(|index| index / 2).collect();
            for &index in &frontier {
                let mut child = |child: usize| -> Option<Node> {
                    if let Some(node) = levels[level + 1].nodes.get(&child) {
                        return Some(*node);
                    }
                    let node = *beside.next()?;
                    levels[level + 1].nodes.insert(child, node);
                    Some(node)
                };
                let (left, right) = (child(2 * index)?, child(2 * index + 1)?);
                let node = above(&left, &right, levels[level].rows.get(&index));
                levels[level].nodes.insert(index, node);
            }
        }
        beside.next().is_none().then_some(Self { levels })
    }

    /// Returns the root.
    pub(super) fn root(&self) -> Option<Node> {
        self.levels[0].nodes.get(&0).copied()
    }

    /// Appends what leads from some of the open leaves to the root, in the order in which a contract asks for it: the
    /// rows of the leaves, then for each node above, from the bottom to the top and from left to right, a child that no
    /// leaf gives, and the row that enters there. `rows` says whether rows are wanted, or known already.
    pub(super) fn path(&self, leaves: &BTreeSet<usize>, rows: bool, out: &mut Vec<u8>) {
        let depth = self.levels.len() - 1;
        let row = |level: usize, index: &usize, out: &mut Vec<u8>| {
            if rows && let Some(row) = self.levels[level].rows.get(index) {
                out.extend(row);
            }
        };
        leaves.iter().for_each(|leaf| row(depth, leaf, out));
        let mut below = leaves.clone();
        for level in (0..depth).rev() {
            let here: BTreeSet<usize> = below.iter().map(|index| index / 2).collect();
            for index in &here {
                for child in [2 * index, 2 * index + 1] {
                    if !below.contains(&child) {
                        out.extend(self.levels[level + 1].nodes.get(&child).into_iter().flatten());
                    }
                }
                row(level, index, out);
            }
            below = here;
        }
    }
}

fn hash(bytes: &[u8]) -> Node {
    keccak(&[bytes]).0
}

fn above(left: &Node, right: &Node, row: Option<&Vec<u8>>) -> Node {
    let node = keccak(&[left, right]).0;
    row.map_or(node, |row| keccak(&[&node, &hash(row)]).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: usize = 4;
    /// A level at which shorter rows enter.
    const SHORT: usize = 2;

    /// Returns rows under some leaves: each names its level and number.
    fn rows(leaves: &BTreeSet<usize>) -> BTreeMap<usize, BTreeMap<usize, Vec<u8>>> {
        let at = |level: usize| {
            let numbers = leaves.iter().map(|leaf| leaf >> (DEPTH - level));
            numbers.map(|number| (number, format!("row {number} of {level}").into_bytes())).collect()
        };
        BTreeMap::from([(DEPTH, at(DEPTH)), (SHORT, at(SHORT))])
    }

    fn whole() -> Tree {
        Tree::new(rows(&(0..1 << DEPTH).collect()), &[]).unwrap()
    }

    fn path(leaves: &BTreeSet<usize>, rows: bool) -> Vec<u8> {
        let mut path = Vec::new();
        whole().path(leaves, rows, &mut path);
        path
    }

    fn sets() -> impl Iterator<Item = BTreeSet<usize>> {
        (1_u32..1 << (1 << DEPTH)).step_by(97).map(|set| (0..1 << DEPTH).filter(|leaf| set >> leaf & 1 == 1).collect())
    }

    #[test]
    fn the_path_of_any_leaves_leads_to_the_root() {
        for leaves in sets() {
            let path = path(&leaves, false);
            let (beside, rest) = path.as_chunks::<32>();
            assert!(rest.is_empty());
            let tree = Tree::new(rows(&leaves), beside).unwrap();
            assert_eq!(tree.root(), whole().root(), "{leaves:?}");
        }
    }

    #[test]
    fn a_path_has_no_hash_too_many_and_none_too_few() {
        for leaves in sets() {
            let path = path(&leaves, false);
            let (beside, _) = path.as_chunks::<32>();
            let more = [beside, &[[0; 32]]].concat();
            assert!(Tree::new(rows(&leaves), &more).is_none(), "{leaves:?}");
            if let Some((_, fewer)) = beside.split_last() {
                assert!(Tree::new(rows(&leaves), fewer).is_none(), "{leaves:?}");
            }
        }
    }

    #[test]
    fn a_row_is_sent_once_for_all_leaves_under_it() {
        for leaves in sets() {
            let of_rows: usize = rows(&leaves).values().flat_map(BTreeMap::values).map(Vec::len).sum();
            assert_eq!(path(&leaves, true).len(), path(&leaves, false).len() + of_rows, "{leaves:?}");
        }
    }
}
