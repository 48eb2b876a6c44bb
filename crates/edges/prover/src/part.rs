//! The part of a state tree that a witness shows, node by node.

use state::{Part, Terminal, Witness};
use std::collections::BTreeMap;
use types::Digest;

/// Where a node is: the leading bits of the paths below it, padded with zeros, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub depth: usize,
    bits: [u64; 4],
}

impl Place {
    /// Where the root is.
    pub const ROOT: Self = Self { depth: 0, bits: [0; 4] };

    /// Returns the place of a child.
    pub fn child(self, right: bool) -> Self {
        let mut bits = self.bits;
        bits[self.depth / 64] |= u64::from(right) << (63 - self.depth % 64);
        Self { depth: self.depth + 1, bits }
    }

    /// Returns the place of the other child of the node above, if there is one above.
    pub fn sibling(self) -> Option<Self> {
        let depth = self.depth.checked_sub(1)?;
        let mut bits = self.bits;
        bits[depth / 64] ^= 1 << (63 - depth % 64);
        Some(Self { bits, ..self })
    }

    /// Returns the place at a depth on the way to a path.
    pub fn on(path: &Digest, depth: usize) -> Self {
        let limbs = path.limbs();
        let bits = std::array::from_fn(|element| match depth.saturating_sub(64 * element) {
            0 => 0,
            kept @ 1..64 => limbs[element] >> (64 - kept) << (64 - kept),
            _ => limbs[element],
        });
        Self { depth, bits }
    }

    /// Returns the position as the tree table has it: eight limbs of 32 bits.
    pub fn limbs(&self) -> [u64; 8] {
        limbs_of(self.bits)
    }
}

/// Returns four elements as eight limbs of 32 bits, the most significant first.
pub fn limbs_of(elements: [u64; 4]) -> [u64; 8] {
    std::array::from_fn(|limb| elements[limb / 2] >> (32 * (1 - limb % 2)) & 0xffff_ffff)
}

/// A node that a witness shows.
pub enum Node {
    Inner {
        digest: Digest,
        left: Digest,
        right: Digest,
    },
    Closed(Digest),
    /// Closed too, with what its digest is made of.
    Pair(Digest, Digest),
    Leaf(Terminal),
    Empty,
}

/// What a witness shows of one tree.
pub struct Shown {
    /// The nodes by their places.
    pub nodes: BTreeMap<Place, Node>,
}

impl Shown {
    /// Reads a witness that this process made itself.
    pub fn of(witness: &Witness) -> Self {
        let mut reader = Reader { parts: witness.parts.iter(), nodes: BTreeMap::new() };
        if witness.touched.is_empty() {
            reader.beside(Place::ROOT);
        } else {
            reader.entered(&witness.touched, Place::ROOT);
        }
        Self { nodes: reader.nodes }
    }

    /// Lists the leaves that it shows.
    pub fn leaves(&self) -> impl Iterator<Item = (&Place, &Terminal)> {
        self.nodes.iter().filter_map(|(place, node)| match node {
            Node::Leaf(leaf) => Some((place, leaf)),
            _ => None,
        })
    }
}

struct Reader<'a> {
    parts: std::slice::Iter<'a, Part>,
    nodes: BTreeMap<Place, Node>,
}

impl Reader<'_> {
    fn part(&mut self) -> &Part {
        self.parts.next().expect("a witness shows a whole tree")
    }

    /// Reads a node that touched paths enter. The order is that of [`Witness`].
    fn entered(&mut self, touched: &[Digest], place: Place) -> Digest {
        let (node, digest) = match self.part() {
            Part::Empty(_) => (Node::Empty, Digest::ZERO),
            Part::Leaf(leaf) => (Node::Leaf(leaf.clone()), leaf.digest()),
            Part::Fork(_) => {
                let (to_left, to_right) = touched.split_at(touched.partition_point(|path| !path.bit(place.depth)));
                let (left, right) = (place.child(false), place.child(true));
                let (left, right) = match (to_left, to_right) {
                    (paths, []) => {
                        let entered = self.entered(paths, left);
                        (entered, self.beside(right))
                    }
                    ([], paths) => {
                        let entered = self.entered(paths, right);
                        (self.beside(left), entered)
                    }
                    _ => (self.entered(to_left, left), self.entered(to_right, right)),
                };
                let digest = crypto::poseidon::compress(&left, &right);
                (Node::Inner { digest, left, right }, digest)
            }
            Part::Closed(_) | Part::Pair(_) => unreachable!("a witness opens what touched paths enter"),
        };
        self.nodes.insert(place, node);
        digest
    }

    fn beside(&mut self, place: Place) -> Digest {
        let (node, digest) = match self.part() {
            Part::Empty(_) => (Node::Empty, Digest::ZERO),
            Part::Leaf(leaf) => (Node::Leaf(leaf.clone()), leaf.digest()),
            Part::Closed(digest) => (Node::Closed(*digest), *digest),
            Part::Pair(pair) => {
                let digest = crypto::poseidon::compress(&pair.left, &pair.right);
                (Node::Pair(pair.left, pair.right), digest)
            }
            Part::Fork(_) => unreachable!("a witness leaves shut what no touched path enters"),
        };
        self.nodes.insert(place, node);
        digest
    }
}
