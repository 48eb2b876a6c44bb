//! The curve of signatures in a circuit: y^2 = x (x^2 + 2x + 263z) over the quintic extension, z^5 = 3.
//!
//! Points are those of odd order (`crypto::schnorr::Coordinates`), which textbook formulas add. These know no way to add a
//! point to itself or to its negative. They need none: every sum begins with a point, [`start`], whose logarithm nobody
//! knows, so that whoever made a sum meet its next term would have found a relation between that point, the generator
//! and a key. A key may be made from that point, and its sums may meet; but it is nobody's key who could sign with it, and what
//! is proven of it says nothing of another's. Source: Pornin, "EcGFp5", ePrint 2022/274.

use super::{Circuit, F};
use crypto::Domain;
use crypto::schnorr::{Coordinates, coordinates};
use p3_field::extension::BinomialExtensionField;
use p3_field::{BasedVectorSpace as _, Field as _, PrimeCharacteristicRing, PrimeField64 as _};
use std::ops::{Add, Mul, Sub};
use std::sync::LazyLock;

/// An element of the quintic extension.
pub type Quintic = BinomialExtensionField<F, 5>;

/// The curve's a.
const A: u64 = 2;
/// The curve's b is this times z.
const B: u64 = 263;
/// z^5.
const Z5: u64 = 3;

/// How many bits of a signature's challenge, and of each third of its response.
pub const BITS: usize = 128;
/// How many points the fixed base's table has: two signed bits of each third.
pub const BASE_POINTS: usize = 64;

/// An element of the quintic extension, of expressions.
#[derive(Debug, Clone)]
pub(super) struct Five<E>(pub [E; 5]);

impl<E: PrimeCharacteristicRing> Five<E> {
    pub(super) fn of<V: Into<E>>(cells: [V; 5]) -> Self {
        Self(cells.map(Into::into))
    }

    pub(super) fn constant(value: &Quintic) -> Self
    where
        E: From<F>,
    {
        let coefficients: &[F] = value.as_basis_coefficients_slice();
        Self(std::array::from_fn(|index| E::from(coefficients[index])))
    }

    pub(super) fn square(&self) -> Self {
        self.clone() * self.clone()
    }

    pub(super) fn times(&self, factor: &E) -> Self {
        Self(std::array::from_fn(|index| self.0[index].clone() * factor.clone()))
    }

    fn small(&self, factor: u64) -> Self {
        self.times(&E::from_u64(factor))
    }

    /// Adds a and b z.
    fn plus_z(mut self, factor: u64) -> Self {
        self.0[1] += E::from_u64(factor);
        self
    }

    fn plus(mut self, constant: u64) -> Self {
        self.0[0] += E::from_u64(constant);
        self
    }
}

impl<E: PrimeCharacteristicRing> Add for Five<E> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let mut sums = self.0.into_iter().zip(other.0).map(|(a, b)| a + b);
        Self(std::array::from_fn(|_| sums.next().expect("five and five")))
    }
}

impl<E: PrimeCharacteristicRing> Sub for Five<E> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let mut differences = self.0.into_iter().zip(other.0).map(|(a, b)| a - b);
        Self(std::array::from_fn(|_| differences.next().expect("five and five")))
    }
}

impl<E: PrimeCharacteristicRing> Mul for Five<E> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| {
            let mut low = E::ZERO;
            let mut high = E::ZERO;
            for (at, a) in self.0.iter().enumerate() {
                let product = a.clone() * other.0[(index + 5 - at) % 5].clone();
                if at <= index { low += product } else { high += product }
            }
            low + high * E::from_u64(Z5)
        }))
    }
}

/// A point of expressions.
#[derive(Debug, Clone)]
pub(super) struct At<E> {
    pub(super) x: Five<E>,
    pub(super) y: Five<E>,
}

/// Asserts that an element is zero.
pub(super) fn assert_zero<AB: Circuit>(builder: &mut AB, element: Five<AB::Expr>) {
    for coefficient in element.0 {
        builder.assert_zero(coefficient);
    }
}

/// Constrains slope and x to those of a point's double, which it returns.
pub(super) fn double<AB: Circuit>(
    builder: &mut AB,
    point: &At<AB::Expr>,
    slope: [AB::Var; 5],
    x: [AB::Var; 5],
) -> At<AB::Expr> {
    let [slope, doubled]: [Five<AB::Expr>; 2] = [slope, x].map(Five::of);
    // The slope of the tangent: 2y times it is 3x^2 + 2ax + b.
    let tangent = (point.x.square().small(3) + point.x.small(2 * A)).plus_z(B);
    assert_zero(builder, slope.clone() * point.y.small(2) - tangent);
    // The line meets the curve thrice; its x sum to the slope's square less a.
    assert_zero(builder, slope.square() - doubled.clone() - point.x.small(2) - Five::<AB::Expr>::zero().plus(A));
    let y = slope * (point.x.clone() - doubled.clone()) - point.y.clone();
    At { x: doubled, y }
}

/// Constrains slope and x to those of the sum of two points, which it returns.
pub(super) fn add<AB: Circuit>(
    builder: &mut AB,
    point: &At<AB::Expr>,
    other: &At<AB::Expr>,
    slope: [AB::Var; 5],
    x: [AB::Var; 5],
) -> At<AB::Expr> {
    let [slope, sum]: [Five<AB::Expr>; 2] = [slope, x].map(Five::of);
    // The slope of the line through both.
    let rise = other.y.clone() - point.y.clone();
    assert_zero(builder, slope.clone() * (other.x.clone() - point.x.clone()) - rise);
    let three = point.x.clone() + other.x.clone() + sum.clone();
    assert_zero(builder, slope.square() - three.plus(A));
    let y = slope * (point.x.clone() - sum.clone()) - point.y.clone();
    At { x: sum, y }
}

impl<E: PrimeCharacteristicRing> Five<E> {
    fn zero() -> Self {
        Self(std::array::from_fn(|_| E::ZERO))
    }
}

/// Constrains w, x and a root of x to be those of a point: w as it is encoded. Returns the point.
pub(super) fn decode<AB: Circuit>(
    builder: &mut AB,
    w: [AB::Var; 5],
    x: [AB::Var; 5],
    root: [AB::Var; 5],
) -> At<AB::Expr> {
    let [w, x, root]: [Five<AB::Expr>; 3] = [w, x, root].map(Five::of);
    // The curve's equation with y = -w x, divided by x: x^2 + (a - w^2) x + b = 0.
    assert_zero(builder, (x.square() + x.small(A) - w.square() * x.clone()).plus_z(B));
    // Of its two solutions the square one: the point of odd order.
    assert_zero(builder, root.square() - x.clone());
    let y = Five::zero() - w * x.clone();
    At { x, y }
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// x.
    pub x: Quintic,
    /// y.
    pub y: Quintic,
}

/// Returns five limbs as an element.
pub fn quintic(limbs: &[u64; 5]) -> Quintic {
    Quintic::from_basis_coefficients_fn(|index| F::from_u64(limbs[index]))
}

impl From<&Coordinates> for Point {
    fn from(point: &Coordinates) -> Self {
        Self { x: quintic(&point.x), y: quintic(&point.y) }
    }
}

impl Point {
    /// Returns the double with the tangent's slope.
    pub fn double(&self) -> (Quintic, Self) {
        let b = quintic(&[0, B, 0, 0, 0]);
        let tangent = self.x.square() * F::from_u64(3) + self.x * F::from_u64(2 * A) + b;
        let slope = tangent * self.y.double().inverse();
        (slope, self.meet(slope, self.x))
    }

    /// Returns the sum with another point, which is neither this one nor its negative, and the line's slope.
    pub fn plus(&self, other: &Self) -> (Quintic, Self) {
        let slope = (other.y - self.y) * (other.x - self.x).inverse();
        (slope, self.meet(slope, other.x))
    }

    fn meet(&self, slope: Quintic, other_x: Quintic) -> Self {
        let x = slope.square() - F::from_u64(A) - self.x - other_x;
        Self { x, y: slope * (self.x - x) - self.y }
    }

    /// Returns the negative.
    pub fn negate(&self) -> Self {
        Self { x: self.x, y: -self.y }
    }
}

/// Points that are fixed.
struct Points {
    start: Point,
    end: Point,
    base: Vec<Point>,
}

static POINTS: LazyLock<Points> = LazyLock::new(|| {
    let start = (0u64..).find_map(|count| {
        // Two digests are eight elements; five of them name a point about every second time.
        let [first, second] = [0, 1].map(|half| crypto::poseidon::hash(Domain::Start, &[count, half]).limbs());
        coordinates(&[first[0], first[1], first[2], first[3], second[0]])
    });
    let start = Point::from(&start.expect("half of all elements name a point"));
    let doubled = |point: Point| (0..BITS).fold(point, |point, _| point.double().1);
    let generator = Point::from(&coordinates(&[4, 0, 0, 0, 0]).expect("the generator"));
    let thirds = [generator, doubled(generator), doubled(doubled(generator))];
    let multiples = thirds.map(|point| {
        let thrice = point.plus(&point.double().1).1;
        [thrice.negate(), point.negate(), point, thrice]
    });
    let base = (0..BASE_POINTS).map(|index| {
        let chosen = [0, 1, 2].map(|third| multiples[third][index >> (2 * third) & 3]);
        chosen[0].plus(&chosen[1]).1.plus(&chosen[2]).1
    });
    Points { start, end: doubled(start), base: base.collect() }
});

/// Returns the point with which every sum begins: hashed, so that nobody knows its logarithm.
pub fn start() -> &'static Point {
    &POINTS.start
}

/// Returns what the start has become when all bits are done: 2^128 times it.
pub fn end() -> &'static Point {
    &POINTS.end
}

/// Returns the points of the fixed base's table: for two bits of each third of a response, the sum of their signed
/// multiples of the generator. The lowest bits of the index are those of the lowest third.
pub fn base() -> &'static [Point] {
    &POINTS.base
}

/// Returns an element's coefficients.
pub fn coefficients(value: &Quintic) -> [F; 5] {
    let slice: &[F] = value.as_basis_coefficients_slice();
    std::array::from_fn(|index| slice[index])
}

/// Returns an element's limbs.
pub fn limbs(value: &Quintic) -> [u64; 5] {
    coefficients(value).map(|coefficient| coefficient.as_canonical_u64())
}
