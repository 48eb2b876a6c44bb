//! The field of p^5 elements: polynomials in z of degree at most four, where z^5 is 3.

use super::goldilocks::{self, Sum, mask};
use std::ops::{Add, Mul, Neg, Sub};
use types::GOLDILOCKS;
use zeroize::Zeroize;

/// What the formulas of the group ask of a field: one element, or one in each lane of a vector.
pub(crate) trait Field:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    fn square(self) -> Self;

    /// Multiplies by `factor` times z. The factor is below 2^14.
    fn times_z(self, factor: u64) -> Self;

    #[inline(always)]
    fn double(self) -> Self {
        self + self
    }

    /// Squares `count` times.
    #[inline(always)]
    fn square_times(self, count: usize) -> Self {
        let mut power = self;
        for _ in 0..count {
            power = power.square();
        }
        power
    }

    /// Returns the power of (p + 1) / 2 = 2^31 (2^32 - 1) + 1: thirty-two ones, thirty zeros, and one.
    #[inline(always)]
    fn half_power(self) -> Self {
        let ones_2 = self.square() * self;
        let ones_4 = ones_2.square_times(2) * ones_2;
        let ones_8 = ones_4.square_times(4) * ones_4;
        let ones_16 = ones_8.square_times(8) * ones_8;
        let ones_32 = ones_16.square_times(16) * ones_16;
        ones_32.square_times(31) * self
    }
}

/// An element: its coefficients from z^0 to z^4, each below p.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Element([u64; 5]);

/// z^p is z times this fifth root of one: here are its powers.
const FROBENIUS: [u64; 5] =
    [1, 1_041_288_259_238_279_555, 15_820_824_984_080_659_046, 211_587_555_138_949_697, 1_373_043_270_956_696_022];
/// The same for the power of p^2.
const FROBENIUS_TWICE: [u64; 5] =
    [1, 15_820_824_984_080_659_046, 1_373_043_270_956_696_022, 1_041_288_259_238_279_555, 211_587_555_138_949_697];

impl Element {
    pub(crate) const ZERO: Self = Self([0; 5]);
    pub(crate) const ONE: Self = Self([1, 0, 0, 0, 0]);

    /// Takes coefficients, refusing any that is not below p.
    pub(crate) fn new(limbs: [u64; 5]) -> Option<Self> {
        limbs.iter().all(|limb| *limb < GOLDILOCKS).then_some(Self(limbs))
    }

    pub(crate) const fn limbs(&self) -> [u64; 5] {
        self.0
    }

    /// Halves: an odd coefficient is made even by adding p.
    pub(super) fn halve(self) -> Self {
        Self(self.0.map(|limb| (limb >> 1).wrapping_add(mask(limb & 1 == 1) & (GOLDILOCKS / 2 + 1))))
    }

    /// Raises to the power whose effect on the powers of z is given.
    #[inline(always)]
    fn frobenius(self, powers: &[u64; 5]) -> Self {
        let mut limbs = self.0;
        for (limb, power) in limbs[1..].iter_mut().zip(&powers[1..]) {
            *limb = goldilocks::multiply(*limb, *power);
        }
        Self(limbs)
    }

    /// Returns the power of p + p^2 + p^3 + p^4: the product of the other conjugates.
    fn conjugates(self) -> Self {
        let first = self.frobenius(&FROBENIUS);
        let two = first * first.frobenius(&FROBENIUS);
        two * two.frobenius(&FROBENIUS_TWICE)
    }

    /// Returns the constant coefficient of a product that is known to have no other.
    fn constant_of_product(self, other: Self) -> u64 {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (self.0, other.0);
        Sum::of(b, j).plus(c, i).plus(d, h).plus(e, g).thrice().plus(a, f).reduce()
    }

    fn scale(self, factor: u64) -> Self {
        Self(self.0.map(|limb| goldilocks::multiply(limb, factor)))
    }

    /// Inverts by the norm, which lies in the base field (Itoh and Tsujii, 1988). Zero gives zero.
    pub(super) fn invert(self) -> Self {
        let conjugates = self.conjugates();
        conjugates.scale(goldilocks::invert(self.constant_of_product(conjugates)))
    }

    /// Says whether this is a square other than zero. It is exactly where its norm is one in the base field.
    pub(super) fn is_square(self) -> bool {
        goldilocks::is_square(self.constant_of_product(self.conjugates()))
    }

    /// Returns a square root, if there is one.
    pub(crate) fn square_root(self) -> Option<Self> {
        self.root(self.half_power())
    }

    /// Returns a square root of what is a square other than zero, given its [`Field::half_power`]. In variable time.
    ///
    /// With r = 1 + p + .. + p^4, `half` is the power (r - 1) / 2 = (p + 1) / 2 * (1 + p^2) * p. Then `self * half^2` is
    /// the norm, and `self * half` over a root of the norm is a root of `self`.
    pub(super) fn root(self, half_power: Self) -> Option<Self> {
        let half = (half_power * half_power.frobenius(&FROBENIUS_TWICE)).frobenius(&FROBENIUS);
        let norm = self.constant_of_product(half.square());
        Some((self * half).scale(goldilocks::inverse_root(norm)?))
    }

    /// Takes `other` where the mask is all ones, in constant time.
    #[inline(always)]
    pub(super) fn replace(&mut self, other: &Self, mask: u64) {
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            *limb ^= mask & (*limb ^ other);
        }
    }
}

impl Field for Element {
    #[inline(never)]
    fn square(self) -> Self {
        let [a, b, c, d, e] = self.0;
        let twice = |limb| goldilocks::add(limb, limb);
        let (a2, b2, d2, e2) = (twice(a), twice(b), twice(d), twice(e));
        let (d3, e3) = (goldilocks::add(d2, d), goldilocks::add(e2, e));
        let (d6, e6) = (twice(d3), twice(e3));
        Self([
            Sum::of(a, a).plus(b, e6).plus(c, d6).reduce(),
            Sum::of(a2, b).plus(c, e6).plus(d, d3).reduce(),
            Sum::of(a2, c).plus(b, b).plus(d, e6).reduce(),
            Sum::of(a2, d).plus(b2, c).plus(e, e3).reduce(),
            Sum::of(a2, e).plus(b2, d).plus(c, c).reduce(),
        ])
    }

    #[inline(always)]
    fn times_z(self, factor: u64) -> Self {
        let [a, b, c, d, e] = self.0;
        let times = |limb: u64, factor: u64| Sum::of(limb, factor).reduce();
        Self([times(e, 3 * factor), times(a, factor), times(b, factor), times(c, factor), times(d, factor)])
    }
}

impl Zeroize for Element {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Add for Element {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = goldilocks::add(*a, b);
        }
        self
    }
}

impl Sub for Element {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = goldilocks::subtract(*a, b);
        }
        self
    }
}

impl Neg for Element {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Element {
    type Output = Self;

    // A call costs less than what is spilled where ten of these are inlined next to each other.
    #[inline(never)]
    fn mul(self, other: Self) -> Self {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (self.0, other.0);
        // What wraps around at z^5 counts three times.
        Self([
            Sum::of(b, j).plus(c, i).plus(d, h).plus(e, g).thrice().plus(a, f).reduce(),
            Sum::of(c, j).plus(d, i).plus(e, h).thrice().plus(a, g).plus(b, f).reduce(),
            Sum::of(d, j).plus(e, i).thrice().plus(a, h).plus(b, g).plus(c, f).reduce(),
            Sum::of(e, j).thrice().plus(a, i).plus(b, h).plus(c, g).plus(d, f).reduce(),
            Sum::of(a, j).plus(b, i).plus(c, h).plus(d, g).plus(e, f).reduce(),
        ])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::goldilocks::tests::element as limb;
    use super::*;
    use p3_field::extension::BinomialExtensionField;
    use p3_field::{BasedVectorSpace as _, Field as _, PrimeField64 as _};
    use p3_goldilocks::Goldilocks;
    use proptest::prelude::*;

    type Reference = BinomialExtensionField<Goldilocks, 5>;

    pub(in super::super) fn element() -> impl Strategy<Value = Element> {
        prop::array::uniform5(limb()).prop_map(Element)
    }

    fn theirs(ours: Element) -> Reference {
        let limbs = ours.0.map(Goldilocks::new);
        Reference::from_basis_coefficients_slice(&limbs).unwrap()
    }

    fn ours(theirs: Reference) -> Element {
        let limbs: &[Goldilocks] = theirs.as_basis_coefficients_slice();
        Element(std::array::from_fn(|at| limbs[at].as_canonical_u64()))
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_plonky3(a in element(), b in element(), factor in 0..2048_u64) {
            let (x, y) = (theirs(a), theirs(b));
            prop_assert_eq!(a + b, ours(x + y));
            prop_assert_eq!(a - b, ours(x - y));
            prop_assert_eq!(-a, ours(-x));
            prop_assert_eq!(a * b, ours(x * y));
            prop_assert_eq!(a.square(), ours(x * x));
            prop_assert_eq!(a.double(), ours(x + x));
            prop_assert_eq!(a.halve().double(), a);
            prop_assert_eq!(a.times_z(factor), a * Element([0, factor, 0, 0, 0]));
            prop_assert_eq!(a.invert(), x.try_inverse().map_or(Element::ZERO, ours));
        }

        #[test]
        fn a_square_has_a_root_and_seven_times_it_has_none(a in element()) {
            prop_assume!(a != Element::ZERO);
            let square = a.square();
            let root = square.root(square.half_power()).unwrap();
            prop_assert!(root == a || root == -a);
            // The degree is odd, so what is no square in the base field is none here either.
            prop_assert!(square.is_square() && !square.scale(7).is_square());
            let not = square.scale(7);
            prop_assert_eq!(not.root(not.half_power()), None);
        }

        #[test]
        fn a_mask_chooses(a in element(), b in element()) {
            let (mut kept, mut replaced) = (a, a);
            kept.replace(&b, mask(false));
            replaced.replace(&b, mask(true));
            prop_assert_eq!((kept, replaced), (a, b));
        }
    }

    #[test]
    fn a_limb_at_the_prime_is_refused_and_zero_has_no_root() {
        for at in 0..5 {
            let mut limbs = [0; 5];
            limbs[at] = GOLDILOCKS;
            assert_eq!(Element::new(limbs), None);
        }
        assert_eq!(Element::ZERO.root(Element::ZERO), None);
        assert!(!Element::ZERO.is_square());
    }
}
