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

    /// Appends what leads from some of the open leaves to the root, in the order in which a contract asks for it: the rows
    /// of the leaves, then for each node above, from the bottom to the top and from left to right, a child that no
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
