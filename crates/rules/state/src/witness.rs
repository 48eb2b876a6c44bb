//! Witnesses: what somebody without the state needs to read many leaves, to change them and to know the new root.
//!
//! One witness shows all leaves that a batch touches, and the tree above them once. Of the rest it gives digests only:
//! for each subtree that no touched path enters, the digest of its root. One case needs more. Where every leaf beside
//! such a subtree may be removed, the subtree moves up if it is a lone leaf and stays if it is not; so there the
//! witness opens it, as a leaf or as an inner node, and neither can pass for the other.
//!
//! Setting: whoever makes the witness may lie in any part of it; the old root is known to be that of a state. Assumed
//! is that nobody finds two inputs of one digest. A checked witness then tells the truth about every touched leaf and
//! gives the root that the whole state would have. There is one witness for a state and a set of paths; anything else,
//! even if it showed the same, is refused.

use crate::Terminal;
use crate::cache::{Backing, Way};
use crate::tree::{Kind, Means, Node, Write, divide, leaf_mark};
use crypto::poseidon::compress;
use types::{Digest, choice, limits::PATH_DEPTH, record};

/// Most leaves that one witness shows.
pub const WITNESS_LEAVES: usize = 1 << 20;

record! {
    /// Nothing further.
    pub struct Nothing {}
}

record! {
    /// What an inner node's digest is made of.
    pub struct Pair {
        /// The left child's digest.
        pub left: Digest,
        /// The right child's digest.
        pub right: Digest,
    }
}

choice! {
    /// A node of the part of the tree that a witness shows.
    pub enum Part {
        /// No leaf is here.
        1 => Empty(Nothing),
        /// A lone leaf.
        2 => Leaf(Terminal),
        /// An inner node. Its children follow: the left one first, but a child that no touched path enters comes last.
        3 => Fork(Nothing),
        /// A subtree that no touched path enters.
        4 => Closed(Digest),
        /// A subtree that no touched path enters and that is not a lone leaf.
        5 => Pair(Pair),
    }
}

record! {
    /// The leaves at some paths, present or absent, and what shows that they are a state's.
    pub struct Witness {
        /// The touched paths, sorted, each once.
        pub touched: Vec<Digest>,
        /// The tree from its root, each node before those below it.
        pub parts: Vec<Part>,
    }
}

/// Why a witness shows nothing, or not what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It is not the one way to show its leaves.
    #[error("the witness is not in its one form: ask for another one")]
    Form,
    /// It belongs to another state.
    #[error("the witness shows a state with another root: ask for one of this state")]
    Root,
    /// It does not show a leaf.
    #[error("the witness does not show the leaf at {0}: ask for one that does")]
    Untouched(Digest),
    /// The writes are not sorted, or two are of one leaf.
    #[error("the writes are not sorted by path, each path once")]
    Order,
}

impl Witness {
    pub(crate) fn of(tree: &Node, paths: impl IntoIterator<Item = Digest>, backing: Option<&dyn Backing>) -> Self {
        let mut touched: Vec<Digest> = paths.into_iter().collect();
        touched.sort_unstable();
        touched.dedup();
        let mut parts = Vec::new();
        if touched.is_empty() {
            parts.push(shut(tree));
        } else {
            Shown { backing, is_wide: false, parts: &mut parts }.show(tree, &touched, 0);
        }
        Self { touched, parts }
    }

    /// Checks the witness against a state's root and returns the part of the state that it shows. Total.
    ///
    /// # Errors
    /// When it is not the witness of its paths in the state with this root.
    pub fn check(&self, root: &Digest) -> Result<Excerpt<'_>, WitnessError> {
        let sorted = self.touched.is_sorted_by(|a, b| a < b);
        if !sorted || self.touched.len() > WITNESS_LEAVES {
            return Err(WitnessError::Form);
        }
        let mut parts = self.parts.iter();
        let mut tree = match self.touched.first() {
            None => read_beside(&mut parts, Beside::Shut, |_| true)?,
            Some(_) => read(&mut parts, Reach { touched: &self.touched, depth: 0, is_wide: false })?.0,
        };
        if parts.next().is_some() {
            return Err(WitnessError::Form);
        }
        tree.hash();
        if tree.digest == *root { Ok(Excerpt { touched: &self.touched, tree }) } else { Err(WitnessError::Root) }
    }
}

/// Gives the parts of a tree that these paths enter, sorted and each once, with everything beside their ways opened: so
/// that who holds them can give every witness of these paths, also after writes to them.
pub(crate) fn wide(tree: &Node, touched: &[Digest], backing: Option<&dyn Backing>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut shown = Shown { backing, is_wide: true, parts: &mut parts };
    match touched.first() {
        None => shown.show_beside(tree, Way::TOP, 0),
        Some(_) => drop(shown.show(tree, touched, 0)),
    }
    parts
}

/// Reads what [`wide`] gives and refuses everything else.
pub(crate) fn read_wide(parts: &[Part], touched: &[Digest], root: &Digest) -> Result<Node, WitnessError> {
    let mut rest = parts.iter();
    let mut tree = match touched.first() {
        None => read_beside(&mut rest, Beside::Wide, |_| true)?,
        Some(_) => read(&mut rest, Reach { touched, depth: 0, is_wide: true })?.0,
    };
    if rest.next().is_some() {
        return Err(WitnessError::Form);
    }
    tree.hash();
    if tree.digest == *root { Ok(tree) } else { Err(WitnessError::Root) }
}

/// A part of a state that a checked witness shows.
pub struct Excerpt<'a> {
    touched: &'a [Digest],
    tree: Node,
}

impl Excerpt<'_> {
    /// Returns the digest of a leaf's value, or nothing when there is no such leaf.
    ///
    /// # Errors
    /// When the witness does not show this leaf.
    pub fn value(&self, path: &Digest) -> Result<Option<Digest>, WitnessError> {
        self.touched.binary_search(path).map_err(|_| WitnessError::Untouched(*path))?;
        Ok(self.tree.value(path))
    }

    /// Returns the root after writes to touched leaves; those that are not written stay as they are.
    ///
    /// # Errors
    /// When a leaf is written that the witness does not show, or the writes are not sorted by path, each path once.
    pub fn root_after(&self, writes: &[Write]) -> Result<Digest, WitnessError> {
        if !writes.is_sorted_by(|a, b| a.path < b.path) {
            return Err(WitnessError::Order);
        }
        let untouched = writes.iter().find(|write| self.touched.binary_search(&write.path).is_err());
        if let Some(write) = untouched {
            return Err(WitnessError::Untouched(write.path));
        }
        let mut tree = self.tree.clone();
        tree.update(writes, Means::NONE);
        Ok(tree.digest)
    }
}

/// The parts that are shown so far.
struct Shown<'a> {
    backing: Option<&'a dyn Backing>,
    /// Whether everything beside the ways is opened.
    is_wide: bool,
    parts: &'a mut Vec<Part>,
}

impl Shown<'_> {
    /// Gives the parts of a node that touched paths enter. Returns whether all leaves below it are touched, so that it may
    /// become empty.
    fn show(&mut self, node: &Node, touched: &[Digest], depth: usize) -> bool {
        match &node.kind {
            Kind::Empty => {
                self.parts.push(Part::Empty(Nothing {}));
                true
            }
            Kind::Closed => {
                let opened = node.opened(Way::above(&touched[0], depth), depth, self.backing);
                self.show(&opened, touched, depth)
            }
            Kind::Leaf(leaf) => {
                self.parts.push(Part::Leaf(Terminal::clone(leaf)));
                touched.binary_search(&leaf.path).is_ok()
            }
            Kind::Inner(children) => {
                self.parts.push(Part::Fork(Nothing {}));
                let [left, right] = &**children;
                let (to_left, to_right) = divide(touched, depth, |path| path);
                let (entered, paths, other) = match (to_left, to_right) {
                    (paths, []) => (left, paths, right),
                    ([], paths) => (right, paths, left),
                    _ => {
                        let left = self.show(left, to_left, depth + 1);
                        return self.show(right, to_right, depth + 1) && left;
                    }
                };
                let spent = self.show(entered, paths, depth + 1);
                if self.is_wide || spent && !matches!(entered.kind, Kind::Empty) {
                    self.show_beside(other, Way::above(&paths[0], depth + 1).beside(), depth + 1);
                } else {
                    self.parts.push(shut(other));
                }
                spent && matches!(other.kind, Kind::Empty)
            }
        }
    }

    /// Gives the part of a node that no touched path enters, opened.
    fn show_beside(&mut self, node: &Node, way: Way, depth: usize) {
        self.parts.push(match &node.kind {
            Kind::Leaf(leaf) => Part::Leaf(Terminal::clone(leaf)),
            Kind::Inner(children) => Part::Pair(Pair { left: children[0].digest, right: children[1].digest }),
            Kind::Closed => return self.show_beside(&node.opened(way, depth, self.backing), way, depth),
            Kind::Empty => shut(node),
        });
    }
}

/// Returns the part of a node that no touched path enters, by its digest.
fn shut(node: &Node) -> Part {
    match &node.kind {
        Kind::Empty => Part::Empty(Nothing {}),
        _ => Part::Closed(node.digest),
    }
}

type Parts<'a> = std::slice::Iter<'a, Part>;

/// Where reading is.
#[derive(Clone, Copy)]
struct Reach<'a> {
    /// The touched paths that enter this node; never empty.
    touched: &'a [Digest],
    depth: usize,
    is_wide: bool,
}

impl<'a> Reach<'a> {
    fn below(self, touched: &'a [Digest]) -> Self {
        Self { touched, depth: self.depth + 1, ..self }
    }
}

/// Reads what [`Shown::show`] gives and refuses everything else.
fn read(parts: &mut Parts<'_>, at: Reach<'_>) -> Result<(Node, bool), WitnessError> {
    let Reach { touched, depth, .. } = at;
    match parts.next().ok_or(WitnessError::Form)? {
        Part::Empty(_) => Ok((Node::default(), true)),
        Part::Leaf(leaf) => {
            let spent = touched.binary_search(&leaf.path).is_ok();
            let here = touched.first().is_some_and(|path| shares(path, &leaf.path, depth));
            if here { Ok((Node::leaf(leaf.path, leaf.value), spent)) } else { Err(WitnessError::Form) }
        }
        Part::Fork(_) if depth < PATH_DEPTH => read_fork(parts, at),
        Part::Fork(_) | Part::Closed(_) | Part::Pair(_) => Err(WitnessError::Form),
    }
}

fn read_fork(parts: &mut Parts<'_>, at: Reach<'_>) -> Result<(Node, bool), WitnessError> {
    let Reach { touched, depth, is_wide } = at;
    let (to_left, to_right) = divide(touched, depth, |path| path);
    let (children, spent) = match (to_left, to_right) {
        (paths, []) | ([], paths) => {
            let (entered, spent) = read(parts, at.below(paths))?;
            let beside = match (is_wide, spent && !matches!(entered.kind, Kind::Empty)) {
                (true, _) => Beside::Wide,
                (false, true) => Beside::Open,
                (false, false) => Beside::Shut,
            };
            let here = |leaf: &Digest| {
                paths.first().is_some_and(|path| shares(path, leaf, depth) && path.bit(depth) != leaf.bit(depth))
            };
            let other = read_beside(parts, beside, here)?;
            let spent = spent && matches!(other.kind, Kind::Empty);
            (if to_left.is_empty() { [other, entered] } else { [entered, other] }, spent)
        }
        _ => {
            let (left, left_spent) = read(parts, at.below(to_left))?;
            let (right, right_spent) = read(parts, at.below(to_right))?;
            ([left, right], left_spent && right_spent)
        }
    };
    // Fewer than two leaves would stand higher. A leaf must not pass for an inner node either.
    let lone = match (&children[0].kind, &children[1].kind) {
        (Kind::Empty, Kind::Empty | Kind::Leaf(_)) | (Kind::Leaf(_), Kind::Empty) => true,
        (_, Kind::Closed) => children[1].digest == leaf_mark(),
        _ => false,
    };
    if lone { Err(WitnessError::Form) } else { Ok((Node::inner(children), spent)) }
}

/// How much is known of a node that no touched path enters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Its digest.
    Shut,
    /// Whether it is a lone leaf.
    Open,
    /// The digests below it too.
    Wide,
}

/// Reads what [`Shown::show_beside`] or [`shut`] gives and refuses everything else. `here` says whether a leaf's path leads to this node.
fn read_beside(parts: &mut Parts<'_>, beside: Beside, here: impl Fn(&Digest) -> bool) -> Result<Node, WitnessError> {
    let opened = beside != Beside::Shut;
    match parts.next().ok_or(WitnessError::Form)? {
        Part::Empty(_) => Ok(Node::default()),
        // The digest of nothing has its own part.
        Part::Closed(digest) if !opened && *digest != Digest::ZERO => Ok(Node::closed(*digest)),
        Part::Leaf(leaf) if opened && here(&leaf.path) => Ok(Node::leaf(leaf.path, leaf.value)),
        Part::Pair(pair) if opened && pair.right != leaf_mark() => Ok(match beside {
            Beside::Wide => Node::inner([&pair.left, &pair.right].map(below)),
            Beside::Shut | Beside::Open => Node::closed(compress(&pair.left, &pair.right)),
        }),
        _ => Err(WitnessError::Form),
    }
}

/// Returns a child of which only the digest is known.
fn below(digest: &Digest) -> Node {
    if *digest == Digest::ZERO { Node::default() } else { Node::closed(*digest) }
}

/// Says whether two paths go the same way down to a depth.
fn shares(a: &Digest, b: &Digest, depth: usize) -> bool {
    (0..depth).all(|depth| a.bit(depth) == b.bit(depth))
}
