//! The tree table: the part of the state tree that a batch touches, before it and after it.
//!
//! Every row is a node. An inner node asks for its two children, one digest and one place deeper, and stands for
//! itself; the two roots are asked for by the first row. Each node that is asked for is given once: by an inner node,
//! by a leaf ([`super::leaf`]), by nothing, or by a closed subtree. A closed subtree gives one digest at one place to both
//! trees: what nobody opened did not change. Depth grows with each step and a place has one way to it, so the rows are
//! two trees and nothing else.
//!
//! The tree after the batch has the one shape that its leaves give it: no inner node stands over fewer than two leaves, and
//! a leaf does not pass for an inner node. So every node says what it is, of three things ([`Shape`]), and an inner node
//! looks at its children. Of a closed subtree nobody knows whether it is a lone leaf. It passes for one, unless it stands
//! alone beside nothing in the tree before the batch, where a lone leaf would not.
//!
//! A position is a path's leading bits, padded with zeros, in eight limbs of 32 bits.

use super::columns::columns;
use super::leaf::LEAF_MARK;
use super::{Bus, Circuit};
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;

columns! {
    /// A node.
    pub struct Tree {
        /// One in the first row.
        pub first: T,
        /// One for an inner node.
        pub inner: T,
        /// One for a subtree that is the same in both trees.
        pub closed: T,
        /// One where there is nothing.
        pub empty: T,
        /// Zero before the batch, one after it. Without meaning for a closed subtree.
        pub after: T,
        /// How deep the node is.
        pub depth: T,
        /// Where the node is.
        pub position: [T; 8],
        /// Which limb of the position tells the children apart; one of these is one, in an inner node.
        pub limb: [T; 8],
        /// What the right child's position has more.
        pub weight: T,
        /// The node's digest.
        pub digest: [T; 4],
        /// The left child's digest.
        pub left: [T; 4],
        /// The right child's digest.
        pub right: [T; 4],
        /// 2^r of the depth, as the level bus has it.
        pub shift: T,
        /// What the left child is. In the first row: what the root before the batch is.
        pub left_shape: [T; 3],
        /// What the right child is. In the first row: what the root after the batch is.
        pub right_shape: [T; 3],
        /// One for a closed subtree that stood alone beside nothing before the batch.
        pub alone: T,
        /// What shows that a closed subtree is something, or that the right child is not the mark of leaves.
        pub inverse: T,
        /// How many absent leaves end at this nothing.
        pub uses: T,
    }
}

/// What a node is: each is one or zero.
struct Shape<E> {
    /// Nothing.
    empty: E,
    /// A leaf, or a closed subtree that may be one.
    leaf: E,
    /// A closed subtree that stood alone beside nothing before the batch: more than a leaf.
    alone: E,
}

impl<E: Clone> Shape<E> {
    fn of([empty, leaf, alone]: [E; 3]) -> Self {
        Self { empty, leaf, alone }
    }

    fn cells(self) -> [E; 3] {
        [self.empty, self.leaf, self.alone]
    }
}

fn message<E: Clone>(after: E, depth: E, position: [E; 8], digest: [E; 4], shape: Shape<E>) -> Vec<E> {
    let mut message = vec![after, depth];
    message.extend(position);
    message.extend(digest);
    message.extend(shape.cells());
    message
}

/// Constrains the rows. Public values: the root before the batch, then the root after it.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Tree::read(main.current_slice()), Tree::read(main.next_slice()));
    let public: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
    let (zero, one) = (AB::Expr::ZERO, AB::Expr::ONE);

    // A row is one kind of node, or unused.
    for flag in [row.first, row.inner, row.closed, row.empty, row.after, row.alone] {
        builder.assert_bool(flag);
    }
    let used = row.first + row.inner + row.closed + row.empty;
    builder.assert_bool(used);

    // The first row asks for both roots, and no other does.
    builder.when_first_row().assert_one(row.first);
    builder.when_transition().assert_zero(next.first);
    let roots = [(zero.clone(), &public[..4], row.left_shape), (one.clone(), &public[4..], row.right_shape)];
    for (after, root, shape) in roots {
        let root: [AB::Expr; 4] = std::array::from_fn(|cell| root[cell].clone());
        let place = std::array::from_fn(|_| zero.clone());
        let shape = Shape::of(shape.map(Into::into));
        Bus::Node.send(builder, message(after, zero.clone(), place, root, shape), row.first);
    }

    inner(builder, &row);

    let position: [AB::Expr; 8] = row.position.map(Into::into);
    let digest: [AB::Expr; 4] = row.digest.map(Into::into);
    // Nothing has the digest zero.
    for cell in row.digest {
        builder.assert_zero(row.empty * cell);
    }
    let depth: AB::Expr = row.depth.into();
    let shape = Shape { empty: row.empty.into(), leaf: zero.clone(), alone: zero.clone() };
    let own = message(row.after.into(), depth.clone(), position.clone(), digest.clone(), shape);
    Bus::Node.receive(builder, own, row.inner + row.empty);
    // A closed subtree is something: the digest of nothing is zero.
    builder.assert_zero(row.closed * (row.digest[0] * row.inverse - AB::Expr::ONE));
    for after in [zero.clone(), one] {
        let shape = Shape { empty: zero.clone(), leaf: AB::Expr::ONE - row.alone, alone: row.alone.into() };
        let node = message(after, depth.clone(), position.clone(), digest.clone(), shape);
        Bus::Node.receive(builder, node, row.closed);
    }
    let mut place: Vec<AB::Expr> = vec![row.after.into(), depth];
    place.extend(position);
    // Only nothing ends the way of an absent leaf here.
    builder.assert_zero((AB::Expr::ONE - row.empty) * row.uses);
    Bus::Terminal.provide(builder, place, row.uses);
}

/// Constrains an inner node: its digest is that of its children, which it asks for.
fn inner<AB: Circuit>(builder: &mut AB, row: &Tree<AB::Var>) {
    // One limb is named, and it is the depth's.
    let (mut limbs, mut number) = (AB::Expr::ZERO, AB::Expr::ZERO);
    for (index, limb) in row.limb.into_iter().enumerate() {
        builder.assert_bool(limb);
        limbs += limb.into();
        number += limb * AB::Expr::from_usize(index);
    }
    builder.assert_zero(row.inner * (limbs - AB::Expr::ONE));
    let level: Vec<AB::Expr> = vec![row.depth.into(), number, row.shift.into(), row.weight.into()];
    Bus::Level.send(builder, level, row.inner);

    let pair: Vec<AB::Var> = [row.left, row.right, row.digest].concat();
    Bus::Compress.send(builder, pair, row.inner);

    shape(builder, row);
    let after: AB::Expr = row.after.into();
    let deeper: AB::Expr = row.depth + AB::Expr::ONE;
    let left = row.position.map(Into::into);
    let right = std::array::from_fn(|limb| row.position[limb] + row.limb[limb] * row.weight);
    let shapes = [row.left_shape, row.right_shape].map(|shape| Shape::of(shape.map(Into::into)));
    let [left_shape, right_shape] = shapes;
    let left = message(after.clone(), deeper.clone(), left, row.left.map(Into::into), left_shape);
    Bus::Node.send(builder, left, row.inner);
    Bus::Node.send(builder, message(after, deeper, right, row.right.map(Into::into), right_shape), row.inner);
}

/// Constrains an inner node to stand over two leaves at least, and not to be a leaf itself.
fn shape<AB: Circuit>(builder: &mut AB, row: &Tree<AB::Var>) {
    // A leaf's digest has the mark on its right. One limb tells: others that have it are not met.
    let mark = AB::Expr::from_u64(LEAF_MARK[0]);
    builder.assert_zero(row.inner * ((row.right[0] - mark) * row.inverse - AB::Expr::ONE));
    let (left, right) = (Shape::of(row.left_shape), Shape::of(row.right_shape));
    // Not nothing and nothing, nor nothing and a leaf.
    builder.assert_zero(row.inner * left.empty * right.empty);
    builder.assert_zero(row.inner * left.empty * right.leaf);
    builder.assert_zero(row.inner * left.leaf * right.empty);
    // Before the batch what is said to stand alone stands beside nothing.
    let before = row.inner - row.after;
    for (child, other) in [(left.alone, right.empty), (right.alone, left.empty)] {
        builder.assert_zero(child * (AB::Expr::ONE - other) * before.clone());
    }
}
