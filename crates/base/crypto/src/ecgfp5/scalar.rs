//! Numbers modulo the group's order n. Everything here takes secrets: no branch and no place in memory depends on one.

use super::goldilocks::mask;
use zeroize::Zeroize;

/// The order of the group, the least significant limb first.
pub(crate) const ORDER: [u64; 5] =
    [0xe80f_d996_948b_ffe1, 0xe888_5c39_d724_a09c, 0x7fff_ffe6_cfb8_0639, 0x7fff_fff1_0000_0016, 0x7fff_fffd_8000_0007];
/// -1 / n modulo 2^64.
const FACTOR: u64 = 0xd78b_ef72_057b_7bdf;
/// 2^640 modulo n.
const SQUARED: [u64; 5] =
    [0xa010_01dc_e33d_c739, 0x6c32_28d3_3f62_accf, 0xd1d7_96cc_91cf_8525, 0xaadf_ff5d_1574_c1d8, 0x4aca_13b2_8ca2_51f5];
const ONE: [u64; 5] = [1, 0, 0, 0, 0];

/// Bits of a window of [`Scalar::windows`].
pub(super) const WINDOW_BITS: usize = 7;
/// Windows of a scalar: what the last one carries has room in it.
pub(super) const WINDOWS: usize = 46;

/// A number below n, the least significant limb first. Without `Clone` and `Debug`, because most of them are secrets:
/// whoever holds one puts it into a [`crate::Secret`].
pub(crate) struct Scalar([u64; 5]);

/// A signed digit: how large it is, and all ones where it is negative.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) magnitude: u64,
    pub(super) negative: u64,
}

/// Subtracts n where that leaves no negative number.
fn below_order(a: [u64; 5]) -> [u64; 5] {
    let (difference, borrow) = subtract(&a, &ORDER);
    let keep = mask(borrow);
    let mut answer = difference;
    for (limb, kept) in answer.iter_mut().zip(a) {
        *limb ^= keep & (*limb ^ kept);
    }
    answer
}

fn subtract(a: &[u64; 5], b: &[u64; 5]) -> ([u64; 5], bool) {
    let (mut difference, mut borrow) = ([0; 5], false);
    for ((limb, a), b) in difference.iter_mut().zip(a).zip(b) {
        (*limb, borrow) = a.borrowing_sub(*b, borrow);
    }
    (difference, borrow)
}

/// Returns `a b / 2^320` modulo n (Montgomery, 1985). `a` may be any number of five limbs, `b` is below n.
fn montgomery(a: &[u64; 5], b: &[u64; 5]) -> [u64; 5] {
    let mut sum = [0_u64; 6];
    for a in a {
        let mut carry = 0;
        for (limb, b) in sum.iter_mut().zip(b) {
            (*limb, carry) = a.carrying_mul_add(*b, carry, *limb);
        }
        let top = sum[5].wrapping_add(carry);
        let times = sum[0].wrapping_mul(FACTOR);
        let (_, mut carry) = times.carrying_mul_add(ORDER[0], 0, sum[0]);
        for at in 1..5 {
            (sum[at - 1], carry) = times.carrying_mul_add(ORDER[at], carry, sum[at]);
        }
        // The sum stays below 2n 2^64, which leaves room in six limbs.
        let (limb, over) = top.overflowing_add(carry);
        sum[4] = limb;
        sum[5] = u64::from(over);
    }
    below_order([sum[0], sum[1], sum[2], sum[3], sum[4]])
}

impl Scalar {
    pub(crate) const ZERO: Self = Self([0; 5]);

    /// Reads 40 big-endian bytes, refusing a number that is not below n. For public numbers.
    pub(crate) fn from_be_bytes(bytes: &[u8; 40]) -> Option<Self> {
        let limbs = limbs_of(bytes);
        subtract(&limbs, &ORDER).1.then_some(Self(limbs))
    }

    /// Reduces 64 big-endian bytes. Uniform bytes give a number whose distance from uniform is 2^-193.
    pub(crate) fn from_wide_bytes(bytes: &[u8; 64]) -> Self {
        let mut padded = [0; 80];
        padded[16..].copy_from_slice(bytes);
        let (mut high, mut low) = ([0; 40], [0; 40]);
        high.copy_from_slice(&padded[..40]);
        low.copy_from_slice(&padded[40..]);
        let answer = Self(montgomery(&limbs_of(&high), &SQUARED)).plus(&Self(limbs_of(&low)).times(&Self(ONE)));
        padded.zeroize();
        high.zeroize();
        low.zeroize();
        answer
    }

    /// Takes limbs that are known to be below n, the least significant first.
    pub(crate) const fn from_limbs(limbs: [u64; 5]) -> Self {
        Self(limbs)
    }

    /// Returns 40 big-endian bytes.
    pub(crate) fn to_be_bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0.iter().rev()) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// Returns the limbs, the least significant first. For public numbers.
    pub(crate) fn limbs(&self) -> [u64; 5] {
        self.0
    }

    /// Returns what adds up to n, of a number that is not zero.
    pub(crate) fn negate(&self) -> Self {
        Self(subtract(&ORDER, &self.0).0)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.iter().fold(0, |bits, limb| bits | limb) == 0
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let (mut sum, mut carry) = ([0; 5], false);
        for ((limb, a), b) in sum.iter_mut().zip(self.0).zip(other.0) {
            (*limb, carry) = a.carrying_add(b, carry);
        }
        // Two numbers below n do not fill 320 bits.
        Self(below_order(sum))
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        Self(montgomery(&montgomery(&self.0, &SQUARED), &other.0))
    }

    /// Splits into signed digits to the base of 128, each between -63 and 64.
    pub(super) fn windows(&self) -> [Window; WINDOWS] {
        let mut carry = 0;
        std::array::from_fn(|at| {
            let (limb, bit) = (at * WINDOW_BITS / 64, at * WINDOW_BITS % 64);
            let low = self.0.get(limb).map_or(0, |limb| limb >> bit);
            let above =
                if bit + WINDOW_BITS > 64 { self.0.get(limb + 1).map_or(0, |limb| limb << (64 - bit)) } else { 0 };
            let digit = ((low | above) & 0x7f).wrapping_add(carry);
            carry = 64_u64.wrapping_sub(digit) >> 63;
            let negative = 0_u64.wrapping_sub(carry);
            Window { magnitude: digit ^ (negative & (digit ^ 128_u64.wrapping_sub(digit))), negative }
        })
    }
}

fn limbs_of(bytes: &[u8; 40]) -> [u64; 5] {
    let mut limbs = [0; 5];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    limbs
}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers below n, and more often than chance those at both ends.
    pub(in super::super) fn scalar() -> impl Strategy<Value = [u64; 5]> {
        let near = (0..4_u64).prop_map(|below| {
            let mut limbs = ORDER;
            limbs[0] -= below + 1;
            limbs
        });
        let any = prop::array::uniform5(any::<u64>()).prop_map(|limbs| modulo(&limbs));
        prop_oneof![4 => any, 1 => near, 1 => (0..4_u64).prop_map(|low| [low, 0, 0, 0, 0])]
    }

    /// Divides by n bit by bit.
    fn modulo(limbs: &[u64]) -> [u64; 5] {
        let bits = limbs.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit & 1));
        bits.fold([0; 5], |rest, bit| {
            let mut twice = [0; 5];
            let mut carry = bit;
            for (twice, limb) in twice.iter_mut().zip(rest) {
                *twice = limb << 1 | carry;
                carry = limb >> 63;
            }
            let (less, borrow) = subtract(&twice, &ORDER);
            if borrow { twice } else { less }
        })
    }

    /// Multiplies as in school.
    fn product(a: &[u64; 5], b: &[u64; 5]) -> [u64; 10] {
        let mut product = [0; 10];
        for (at, a) in a.iter().enumerate() {
            let mut carry = 0;
            for (limb, b) in product[at..].iter_mut().zip(b) {
                (*limb, carry) = a.carrying_mul_add(*b, carry, *limb);
            }
            product[at + 5] = carry;
        }
        product
    }

    pub(in super::super) const ORDER_LIMBS: [u64; 5] = ORDER;

    proptest! {
        #[test]
        fn arithmetic_is_that_of_long_division(a in scalar(), b in scalar()) {
            let (x, y) = (Scalar(a), Scalar(b));
            prop_assert_eq!(x.times(&y).0, modulo(&product(&a, &b)));
            // Both are below 2^319, so the sum has five limbs.
            let mut carry = false;
            let sum: [u64; 5] = std::array::from_fn(|at| {
                let (limb, over) = a[at].carrying_add(b[at], carry);
                carry = over;
                limb
            });
            prop_assert_eq!(x.plus(&y).0, modulo(&sum));
        }

        #[test]
        fn many_bytes_are_reduced(bytes in prop::collection::vec(any::<u8>(), 64)) {
            let bytes: [u8; 64] = bytes.try_into().unwrap();
            let limbs: Vec<u64> =
                bytes.chunks(8).rev().map(|chunk| u64::from_be_bytes(chunk.try_into().unwrap())).collect();
            prop_assert_eq!(Scalar::from_wide_bytes(&bytes).0, modulo(&limbs));
        }

        #[test]
        fn bytes_read_back(a in scalar()) {
            prop_assert_eq!(Scalar::from_be_bytes(&Scalar(a).to_be_bytes()).map(|scalar| scalar.0), Some(a));
        }

        #[test]
        fn windows_add_up(a in scalar()) {
            let sum = Scalar(a).windows().iter().rev().fold([0; 5], |sum, window| {
                let shifted = modulo(&product(&sum, &[128, 0, 0, 0, 0]));
                let digit = [window.magnitude, 0, 0, 0, 0];
                assert!(window.magnitude <= 64);
                let negative = subtract(&ORDER, &digit).0;
                Scalar(shifted).plus(&Scalar(modulo(&if window.negative == 0 { digit } else { negative }))).0
            });
            prop_assert_eq!(sum, a);
        }
    }

    #[test]
    fn the_order_and_more_are_refused() {
        for above in 0..4 {
            let mut limbs = ORDER;
            limbs[0] += above;
            assert!(Scalar::from_be_bytes(&Scalar(limbs).to_be_bytes()).is_none());
        }
        assert!(Scalar::from_be_bytes(&[0xff; 40]).is_none());
        assert!(Scalar::from_wide_bytes(&[0; 64]).is_zero());
        assert_eq!(Scalar::from_wide_bytes(&[0xff; 64]).0, modulo(&[u64::MAX; 8]));
    }
}
