//! A compact sparse Merkle tree: a leaf stands at the shortest prefix of its path that no other leaf shares, so that a
//! path has about log2 of the leaf count siblings. Its shape depends only on the set of leaves, never on their order.

use crate::cache::{Backing, Page, Way};
use crate::fork::{FORK_WRITES, Join, Sequential};
use crate::path::{Path, Terminal};
use crypto::poseidon::{compress, compress_all};
use types::{Digest, limits::PATH_DEPTH, record};

/// Sets a leaf's digest apart from an inner node's: its right input is a constant that no tree node can have as
/// its digest without a preimage of it.
const LEAF_MARK: [u64; 4] = [0x7461_6c65_615f_6c66, 1, 1, 1];

pub(crate) fn leaf_mark() -> Digest {
    Digest::new(LEAF_MARK).expect("the mark's limbs are below the prime")
}

pub(crate) fn leaf_digest(path: &Digest, value: &Digest) -> Digest {
    compress(&compress(path, value), &leaf_mark())
}

record! {
    /// A new value for a leaf, or its removal, as the tree sees it.
    pub struct Write {
        /// The digest of the leaf's key.
        pub path: Digest,
        /// The digest of what stands there now.
        pub value: Option<Digest>,
    }
}

/// A subtree. The digest of a changed one is [`PENDING`] until [`Node::hash`].
#[derive(Default, Clone)]
pub(crate) struct Node {
    pub(crate) digest: Digest,
    pub(crate) kind: Kind,
}

#[derive(Default, Clone)]
pub(crate) enum Kind {
    #[default]
    Empty,
    Leaf(Box<Terminal>),
    Inner(Box<[Node; 2]>),
    /// Not empty, known by its digest only. In an excerpt, or where a state with a backing has two leaves or more: a
    /// lone leaf is never closed, so that it can move up when the one beside it is removed.
    Closed,
}

/// What a walk has with it: who shares the work, and where closed subtrees are read back, if anywhere.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) join: &'a dyn Join,
    pub(crate) backing: Option<&'a dyn Backing>,
}

impl Means<'_> {
    /// One thread, and nothing to read.
    pub(crate) const NONE: Self = Self { join: &Sequential, backing: None };
}

/// The digest of a leaf or an inner node that has not been hashed since it changed. A subtree that truly had this
/// digest would be hashed once more than needed, and be none the worse for it.
const PENDING: Digest = Digest::ZERO;

/// Divides what is sorted by path at the bit of a depth.
pub(crate) fn divide<T>(sorted: &[T], depth: usize, path: impl Fn(&T) -> &Digest) -> (&[T], &[T]) {
    sorted.split_at(sorted.partition_point(|item| !path(item).bit(depth)))
}

impl Node {
    pub(crate) fn leaf(path: Digest, value: Digest) -> Self {
        Self { digest: PENDING, kind: Kind::Leaf(Box::new(Terminal { path, value })) }
    }

    pub(crate) fn inner(children: [Node; 2]) -> Self {
        Self { digest: PENDING, kind: Kind::Inner(Box::new(children)) }
    }

    pub(crate) fn closed(digest: Digest) -> Self {
        Self { digest, kind: Kind::Closed }
    }

    /// Makes the subtree at a depth of leaves that are sorted by path.
    fn of(leaves: &[Terminal], depth: usize) -> Self {
        match leaves {
            [] => Self::default(),
            [leaf] => Self::leaf(leaf.path, leaf.value),
            _ => {
                let (left, right) = divide(leaves, depth, |leaf| &leaf.path);
                Self::inner([Self::of(left, depth + 1), Self::of(right, depth + 1)])
            }
        }
    }

    /// Reads a closed subtree back.
    ///
    /// # Panics
    /// When the backing holds other leaves than the tree was made of.
    pub(crate) fn opened(&self, way: Way, depth: usize, backing: Option<&dyn Backing>) -> Self {
        let Some(backing) = backing else { panic!("a way leads where only a digest is known") };
        let mut node = Self::of(&way.terminals(backing), depth);
        node.hash();
        assert_eq!(node.digest, self.digest, "the backing holds the leaves that the tree was made of");
        node
    }

    /// Closes what no write goes through.
    fn close_around(&mut self, writes: &[Write], depth: usize) {
        match (&mut self.kind, writes) {
            (Kind::Inner(_), []) => self.kind = Kind::Closed,
            (Kind::Inner(children), _) => {
                let (to_left, to_right) = divide(writes, depth, |write| &write.path);
                let [left, right] = &mut **children;
                left.close_around(to_left, depth + 1);
                right.close_around(to_right, depth + 1);
            }
            _ => {}
        }
    }

    /// Closes the subtree of a page. Where the leaves are so few that they stand higher, nothing is closed.
    pub(crate) fn close(&mut self, page: Page, depth: usize) {
        let mut node = self;
        for at in 0..depth {
            let Kind::Inner(children) = &mut node.kind else { return };
            node = &mut children[usize::from(page >> (63 - at) & 1 == 1)];
        }
        if matches!(node.kind, Kind::Inner(_)) {
            assert!(!node.is_pending(), "an update ends with every digest known");
            node.kind = Kind::Closed;
        }
    }

    /// Applies writes that are sorted by path and unique, and hashes what they changed. Returns how many leaves that adds.
    pub(crate) fn update(&mut self, writes: &[Write], means: Means<'_>) -> isize {
        self.update_at(writes, 0, means)
    }

    fn update_at(&mut self, writes: &[Write], depth: usize, means: Means<'_>) -> isize {
        let added = if writes.len() < FORK_WRITES {
            self.change(writes, depth, means.backing)
        } else {
            let (to_left, to_right) = divide(writes, depth, |write| &write.path);
            let [left, right] = self.children(writes, depth, means.backing);
            let (mut on_left, mut on_right) = (0, 0);
            means.join.join(&mut || on_left = left.update_at(to_left, depth + 1, means), &mut || {
                on_right = right.update_at(to_right, depth + 1, means);
            });
            self.settle();
            on_left + on_right
        };
        self.hash();
        added
    }

    /// Applies writes without hashing.
    fn change(&mut self, writes: &[Write], depth: usize, backing: Option<&dyn Backing>) -> isize {
        match (&mut self.kind, writes) {
            (_, []) | (Kind::Empty, [Write { value: None, .. }]) => 0,
            (Kind::Empty, [Write { path, value: Some(value) }]) => {
                *self = Self::leaf(*path, *value);
                1
            }
            (Kind::Leaf(leaf), [Write { path, value }]) if leaf.path == *path => match value {
                Some(value) => {
                    leaf.value = *value;
                    self.digest = PENDING;
                    0
                }
                None => {
                    *self = Self::default();
                    -1
                }
            },
            _ => {
                let (to_left, to_right) = divide(writes, depth, |write| &write.path);
                let [left, right] = self.children(writes, depth, backing);
                let added = left.change(to_left, depth + 1, backing) + right.change(to_right, depth + 1, backing);
                self.settle();
                added
            }
        }
    }

    /// Returns the children to which writes go, after making a leaf or nothing into an inner node that [`Node::settle`]
    /// will judge, and opening what is closed.
    fn children(&mut self, writes: &[Write], depth: usize, backing: Option<&dyn Backing>) -> &mut [Node; 2] {
        if matches!(self.kind, Kind::Closed) {
            *self = self.opened(Way::above(&writes[0].path, depth), depth, backing);
            self.close_around(writes, depth);
        }
        if !matches!(self.kind, Kind::Inner(_)) {
            assert!(depth < PATH_DEPTH, "two leaves have one path: the writes are not unique");
            let mut children = <[Node; 2]>::default();
            if let leaf @ Node { kind: Kind::Leaf(_), .. } = std::mem::take(self) {
                let right = matches!(&leaf.kind, Kind::Leaf(terminal) if terminal.path.bit(depth));
                children[usize::from(right)] = leaf;
            }
            *self = Self::inner(children);
        }
        match &mut self.kind {
            Kind::Inner(children) => children,
            _ => unreachable!("it was made an inner node above"),
        }
    }

    /// Gives a node whose children changed its shape. A lone leaf moves up, so that the shape stays the shortest.
    fn settle(&mut self) {
        let Kind::Inner(children) = &mut self.kind else { return };
        let [left, right] = &mut **children;
        match (&left.kind, &right.kind) {
            (Kind::Empty, Kind::Empty) => *self = Self::default(),
            (Kind::Leaf(_), Kind::Empty) => *self = std::mem::take(left),
            (Kind::Empty, Kind::Leaf(_)) => *self = std::mem::take(right),
            _ => self.digest = PENDING,
        }
    }

    fn is_pending(&self) -> bool {
        self.digest == PENDING && matches!(self.kind, Kind::Leaf(_) | Kind::Inner(_))
    }

    /// Gives every node below that has none its digest: level by level, so that many are hashed at once.
    pub(crate) fn hash(&mut self) {
        let mut work = Work::default();
        self.list(0, &mut work);
        let mut digests = work.digests();
        self.fill(0, &mut digests);
    }

    /// Lists what has to be hashed and returns where this node's digest will come from.
    fn list(&self, depth: usize, work: &mut Work) -> Source {
        match &self.kind {
            Kind::Leaf(leaf) if self.is_pending() => {
                work.leaves.push([leaf.path, leaf.value]);
                Source::Leaf(work.leaves.len() - 1)
            }
            Kind::Inner(children) if self.is_pending() => {
                let pair = [children[0].list(depth + 1, work), children[1].list(depth + 1, work)];
                if work.levels.len() <= depth {
                    work.levels.resize_with(depth + 1, Vec::new);
                }
                work.levels[depth].push(pair);
                Source::Level(work.levels[depth].len() - 1)
            }
            _ => Source::Known(self.digest),
        }
    }

    /// Takes the digests in the order in which [`Node::list`] listed them.
    fn fill(&mut self, depth: usize, digests: &mut Digests) {
        if !self.is_pending() {
            return;
        }
        let next = match &mut self.kind {
            Kind::Inner(children) => {
                children.iter_mut().for_each(|child| child.fill(depth + 1, digests));
                digests.levels[depth].next()
            }
            _ => digests.leaves.next(),
        };
        self.digest = next.expect("the same walk listed this node");
    }

    /// Returns the digest of a leaf's value.
    pub(crate) fn value(&self, path: &Digest) -> Option<Digest> {
        let (mut node, mut depth) = (self, 0);
        while let Kind::Inner(children) = &node.kind {
            node = &children[usize::from(path.bit(depth))];
            depth += 1;
        }
        match &node.kind {
            Kind::Leaf(leaf) if leaf.path == *path => Some(leaf.value),
            _ => None,
        }
    }

    pub(crate) fn path(&self, target: &Digest, backing: Option<&dyn Backing>) -> Path {
        let mut siblings = Vec::new();
        let mut page: Self;
        let mut node = self;
        let terminal = loop {
            let depth = siblings.len();
            match &node.kind {
                Kind::Inner(children) => {
                    let bit = usize::from(target.bit(depth));
                    siblings.push(children[1 - bit].digest);
                    node = &children[bit];
                }
                Kind::Closed => {
                    page = node.opened(Way::above(target, depth), depth, backing);
                    node = &page;
                }
                Kind::Leaf(leaf) => break Some(Terminal::clone(leaf)),
                Kind::Empty => break None,
            }
        };
        Path { siblings, terminal }
    }
}

/// Where a digest comes from.
enum Source {
    Known(Digest),
    /// The leaf's place in the list.
    Leaf(usize),
    /// The node's place in the list of the level below.
    Level(usize),
}

/// What has to be hashed: leaves, which need nothing else, and inner nodes by their depth.
#[derive(Default)]
struct Work {
    leaves: Vec<[Digest; 2]>,
    levels: Vec<Vec<[Source; 2]>>,
}

/// The digests of [`Work`], in its order.
struct Digests {
    leaves: std::vec::IntoIter<Digest>,
    levels: Vec<std::vec::IntoIter<Digest>>,
}

impl Work {
    fn digests(self) -> Digests {
        let marked: Vec<[Digest; 2]> =
            compress_all(&self.leaves).into_iter().map(|digest| [digest, leaf_mark()]).collect();
        let leaves = compress_all(&marked);
        let mut levels: Vec<Vec<Digest>> = Vec::with_capacity(self.levels.len());
        for level in self.levels.iter().rev() {
            let below = levels.last().map_or(&[][..], Vec::as_slice);
            let digest = |source: &Source| match source {
                Source::Known(digest) => *digest,
                Source::Leaf(at) => leaves[*at],
                Source::Level(at) => below[*at],
            };
            let pairs: Vec<[Digest; 2]> = level.iter().map(|[left, right]| [digest(left), digest(right)]).collect();
            levels.push(compress_all(&pairs));
        }
        levels.reverse();
        Digests { leaves: leaves.into_iter(), levels: levels.into_iter().map(Vec::into_iter).collect() }
    }
}
