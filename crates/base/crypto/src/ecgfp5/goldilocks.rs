//! The base field, of p = 2^64 - 2^32 + 1, on canonical numbers.
//!
//! What takes secrets is straight-line: a carry becomes a mask. The roots at the end are for public data.

use std::sync::LazyLock;
use types::GOLDILOCKS;

/// 2^64 modulo p. 2^96 is -1.
const EPSILON: u64 = 0xffff_ffff;

/// Returns all ones for a set bit, and zero otherwise.
#[inline(always)]
pub(super) fn mask(bit: bool) -> u64 {
    0u64.wrapping_sub(u64::from(bit))
}

#[inline(always)]
pub(super) fn add(a: u64, b: u64) -> u64 {
    subtract(a, GOLDILOCKS.wrapping_sub(b))
}

/// Subtracts; `b` may be p itself.
#[inline(always)]
pub(super) fn subtract(a: u64, b: u64) -> u64 {
    let (difference, borrow) = a.overflowing_sub(b);
    difference.wrapping_sub(mask(borrow) & EPSILON)
}

/// Brings any number below p.
#[inline(always)]
pub(super) fn canonical(a: u64) -> u64 {
    let (difference, borrow) = a.overflowing_sub(GOLDILOCKS);
    difference.wrapping_add(mask(borrow) & GOLDILOCKS)
}

/// A sum of products before it is reduced: low, middle and high words. The high word stays below 2^31.
#[derive(Clone, Copy)]
pub(super) struct Sum(u64, u64, u64);

impl Sum {
    #[inline(always)]
    pub(super) fn of(a: u64, b: u64) -> Self {
        let (low, high) = a.carrying_mul(b, 0);
        Self(low, high, 0)
    }

    #[inline(always)]
    pub(super) fn plus(self, a: u64, b: u64) -> Self {
        let (low, high) = a.carrying_mul(b, 0);
        let (low, carry) = self.0.overflowing_add(low);
        let (middle, carry) = self.1.carrying_add(high, carry);
        Self(low, middle, self.2.wrapping_add(u64::from(carry)))
    }

    #[inline(always)]
    pub(super) fn thrice(self) -> Self {
        let (low, carry) = self.0.carrying_mul(3, 0);
        let (middle, carry) = self.1.carrying_mul(3, carry);
        Self(low, middle, self.2.wrapping_mul(3).wrapping_add(carry))
    }

    /// Reduces: 2^64 is [`EPSILON`], 2^96 is -1 and 2^128 is -2^32.
    #[inline(always)]
    pub(super) fn reduce(self) -> u64 {
        let (low, borrow) = self.0.overflowing_sub(self.1 >> 32 | self.2 << 32);
        // What borrowed is far above EPSILON, because less than 2^63 was subtracted.
        let low = low.wrapping_sub(mask(borrow) & EPSILON);
        let middle = self.1 & EPSILON;
        let (sum, carry) = low.overflowing_add((middle << 32).wrapping_sub(middle));
        // What carried is below 2^64 - 2^33, so this does not carry again.
        canonical(sum.wrapping_add(mask(carry) & EPSILON))
    }
}

#[inline(always)]
pub(super) fn multiply(a: u64, b: u64) -> u64 {
    Sum::of(a, b).reduce()
}

/// Squares `count` times.
#[inline(always)]
pub(super) fn square_times(a: u64, count: usize) -> u64 {
    (0..count).fold(a, |power, _| multiply(power, power))
}

/// Returns `a` to the power of 2^31 - 1.
#[inline(always)]
fn power_31_ones(a: u64) -> u64 {
    let ones_2 = multiply(square_times(a, 1), a);
    let ones_3 = multiply(square_times(ones_2, 1), a);
    let ones_6 = multiply(square_times(ones_3, 3), ones_3);
    let ones_12 = multiply(square_times(ones_6, 6), ones_6);
    let ones_15 = multiply(square_times(ones_12, 3), ones_3);
    let ones_30 = multiply(square_times(ones_15, 15), ones_15);
    multiply(square_times(ones_30, 1), a)
}

/// Inverts; zero gives zero. The exponent p - 2 is 31 ones, a zero and 32 ones.
pub(super) fn invert(a: u64) -> u64 {
    let ones_31 = power_31_ones(a);
    let ones_32 = multiply(square_times(ones_31, 1), a);
    multiply(square_times(ones_31, 33), ones_32)
}

/// Says whether `a` is a square other than zero. The exponent (p - 1) / 2 is 32 ones and 31 zeros.
pub(super) fn is_square(a: u64) -> bool {
    let ones_32 = multiply(square_times(power_31_ones(a), 1), a);
    square_times(ones_32, 31) == 1
}

/// Powers of an element of order 2^32, for logarithms by their eight hexadecimal digits.
struct Roots {
    /// The powers of the element's 2^28th power.
    sixteenth: [u64; 16],
    /// For each place of a digit and each digit, the inverse of what it stands for.
    inverse: [[u64; 16]; 8],
}

static ROOTS: LazyLock<Roots> = LazyLock::new(|| {
    let powers = |base: u64| {
        let mut powers = [1; 16];
        for at in 1..16 {
            powers[at] = multiply(powers[at - 1], base);
        }
        powers
    };
    // Seven generates the field's group, whose order is 2^32 (2^32 - 1).
    let root = multiply(square_times(power_31_ones(7), 1), 7);
    let inverse = invert(root);
    Roots {
        sixteenth: powers(square_times(root, 28)),
        inverse: std::array::from_fn(|place| powers(square_times(inverse, 4 * place))),
    }
});

/// Returns the inverse of a square root; `None` for zero and for what is no square. In variable time.
///
/// With `w` the power of 2^31 - 1, the square of `w` is `b / a`, and the order of `b` divides 2^32. Where `b` is the
/// `k`th power of a known element of that order and `k` is even, `w` over its `k / 2`th power is the answer.
pub(super) fn inverse_root(a: u64) -> Option<u64> {
    let roots = &*ROOTS;
    let power = power_31_ones(a);
    let rest = multiply(multiply(power, power), a);
    let mut raised = [rest; 8];
    for place in 1..8 {
        raised[place] = square_times(raised[place - 1], 4);
    }
    let mut logarithm = 0_u32;
    for place in 0..8 {
        // What the digits so far stand for, raised so that only the next digit is left.
        let known = (0..place).map(|at| roots.inverse[7 - place + at][digit(logarithm, at)]);
        let left = known.fold(raised[7 - place], multiply);
        let next = (0_u32..).zip(&roots.sixteenth).find(|(_, root)| **root == left)?.0;
        logarithm |= next << (4 * place);
    }
    let half = logarithm >> 1;
    let answer = (0..8).map(|at| roots.inverse[at][digit(half, at)]).fold(power, multiply);
    (logarithm & 1 == 0).then_some(answer)
}

/// Returns a hexadecimal digit, the lowest first.
fn digit(number: u32, place: usize) -> usize {
    usize::try_from(number >> (4 * place) & 15).expect("a digit fits")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Elements, and more often than chance those at both ends, where a reduction goes wrong.
    pub(in super::super) fn element() -> impl Strategy<Value = u64> {
        prop_oneof![0..GOLDILOCKS, 0..4u64, GOLDILOCKS - 4..GOLDILOCKS, 0xffff_fff0..0x1_0000_000f_u64]
    }

    fn modulo(number: u128) -> u64 {
        u64::try_from(number % u128::from(GOLDILOCKS)).unwrap()
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_long_division(a in element(), b in element(), c in any::<u64>()) {
            let (wide_a, wide_b) = (u128::from(a), u128::from(b));
            prop_assert_eq!(add(a, b), modulo(wide_a + wide_b));
            prop_assert_eq!(subtract(a, b), modulo(wide_a + u128::from(GOLDILOCKS) - wide_b));
            prop_assert_eq!(multiply(a, b), modulo(wide_a * wide_b));
            prop_assert_eq!(canonical(c), modulo(c.into()));
        }

        #[test]
        fn a_sum_of_products_is_reduced_once(words in prop::collection::vec(any::<u64>(), 10), a in element()) {
            let mut sum = Sum::of(a, a);
            let mut expected = modulo(u128::from(a) * u128::from(a));
            for pair in words.chunks_exact(2) {
                sum = sum.plus(pair[0], pair[1]);
                expected = modulo(u128::from(expected) + u128::from(modulo(u128::from(pair[0]) * u128::from(pair[1]))));
            }
            prop_assert_eq!(sum.reduce(), expected);
            prop_assert_eq!(sum.thrice().reduce(), modulo(3 * u128::from(expected)));
        }

        #[test]
        fn an_inverse_and_a_root_are_what_they_say(a in 1..GOLDILOCKS) {
            prop_assert_eq!(multiply(a, invert(a)), 1);
            let square = multiply(a, a);
            prop_assert!(is_square(square) && !is_square(multiply(square, 7)));
            let root = inverse_root(square).unwrap();
            prop_assert_eq!(multiply(multiply(root, root), square), 1);
            prop_assert_eq!(inverse_root(multiply(square, 7)), None);
        }
    }

    #[test]
    fn roots_of_every_order_are_found() {
        // Seven's power of 2^32 - 1 has order 2^32; its powers of 2^k are the hard cases of the logarithm.
        let root = multiply(square_times(power_31_ones(7), 1), 7);
        for count in 1..33 {
            let square = square_times(root, count);
            let inverse = inverse_root(square).unwrap();
            assert_eq!(multiply(multiply(inverse, inverse), square), 1);
        }
        assert_eq!((inverse_root(root), inverse_root(0)), (None, None));
        assert_eq!((invert(0), is_square(0)), (0, false));
    }
}
