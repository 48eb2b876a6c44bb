//! The same permutation on eight states at once, one in each lane of a vector.
//!
//! Vectors are chosen when the program runs, by what the processor has. The round constants are those of
//! `p3-goldilocks`, and every digest is the one that its permutation gives: the tests compare them.
//!
//! A lane holds any 64-bit representative of an element; "canonical" means below the prime. A sum of two
//! representatives wraps at most once when one of them is canonical, and that is what [`add`] relies on.

use fearless_simd::{Level, Select as _, Simd, SimdBase as _, SimdInto as _, u64x8};
use p3_field::PrimeField64 as _;
use p3_goldilocks::{
    GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_FINAL, GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_INITIAL,
    GOLDILOCKS_POSEIDON2_RC_8_INTERNAL,
};
use std::sync::LazyLock;
use types::GOLDILOCKS;

/// States that are permuted at once.
pub(super) const LANES: usize = 8;

/// Eight states of eight elements: the element first, then the lane.
pub(super) type States = [[u64; LANES]; 8];

/// 2^64 modulo the prime, and the mask of a low half.
const EPSILON: u64 = 0xffff_ffff;
/// The inverse of two, which is what the bit that a shift drops is worth.
const HALF: u64 = 0x7fff_ffff_8000_0001;

struct Constants {
    first: [[u64; 8]; 4],
    middle: [u64; 22],
    last: [[u64; 8]; 4],
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| Constants {
    first: GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_INITIAL.map(|round| round.map(|element| element.as_canonical_u64())),
    middle: GOLDILOCKS_POSEIDON2_RC_8_INTERNAL.map(|element| element.as_canonical_u64()),
    last: GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_FINAL.map(|round| round.map(|element| element.as_canonical_u64())),
});

/// Vectors that are known to be faster than one state after another.
#[derive(Clone, Copy)]
pub(super) struct Vectors(Level);

impl Vectors {
    /// Returns what this processor has; nothing where one state after another is faster.
    pub(super) fn new() -> Option<Self> {
        match Level::new() {
            #[cfg(target_arch = "x86_64")]
            level @ (Level::Avx2(_) | Level::Avx512(_)) => Some(Self(level)),
            _ => None,
        }
    }

    /// Permutes canonical states into canonical states.
    pub(super) fn permute(self, states: &mut States) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => permute_on(simd, states),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => permute_on(simd, states),
            _ => unreachable!("vectors are made of these levels only"),
        }
    }
}

fn permute_on<S: Simd>(simd: S, states: &mut States) {
    let constants = &*CONSTANTS;
    simd.vectorize(
        #[inline(always)]
        || permute(simd, constants, states),
    );
}

/// Makes a representative canonical: where the difference wraps, the smaller one is the representative itself.
#[inline(always)]
fn canonical<S: Simd>(a: u64x8<S>) -> u64x8<S> {
    a.min(a - GOLDILOCKS)
}

/// Adds; one of the two is canonical.
#[inline(always)]
fn add<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    let sum = a + b;
    sum.simd_lt(a).select(sum + EPSILON, sum)
}

/// Subtracts a canonical `b`.
#[inline(always)]
fn subtract<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    let difference = a - b;
    a.simd_lt(b).select(difference - EPSILON, difference)
}

/// Reduces `low + 2^64 high`, as 2^64 is `EPSILON` and 2^96 is -1.
#[inline(always)]
fn reduce<S: Simd>(low: u64x8<S>, high: u64x8<S>) -> u64x8<S> {
    let (high_low, high_high) = (high & EPSILON, high >> 32);
    add(subtract(low, high_high), (high_low << 32) - high_low)
}

#[inline(always)]
fn multiply<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    let (a_low, a_high) = (a & EPSILON, a >> 32);
    let (b_low, b_high) = (b & EPSILON, b >> 32);
    let low = a_low * b_low;
    let carried = a_high * b_low + (low >> 32);
    let middle = a_low * b_high + (carried & EPSILON);
    reduce((middle << 32) | (low & EPSILON), a_high * b_high + (carried >> 32) + (middle >> 32))
}

/// Multiplies by itself: the two mixed products are one, taken twice.
#[inline(always)]
fn square<S: Simd>(a: u64x8<S>) -> u64x8<S> {
    let (a_low, a_high) = (a & EPSILON, a >> 32);
    let low = a_low * a_low;
    let middle = a_low * a_high + (low >> 33);
    reduce((middle << 33) | (low & 0x1_ffff_ffff), a_high * a_high + (middle >> 31))
}

#[inline(always)]
fn power_7<S: Simd>(a: u64x8<S>) -> u64x8<S> {
    let squared = square(a);
    multiply(multiply(squared, a), square(squared))
}

/// Halves a canonical element.
#[inline(always)]
fn halve<S: Simd>(a: u64x8<S>) -> u64x8<S> {
    let half = a >> 1;
    (a & 1).simd_eq(1).select(half + HALF, half)
}

/// Multiplies four canonical elements by the matrix with the rows 2 3 1 1, 1 2 3 1, 1 1 2 3, 3 1 1 2.
#[inline(always)]
fn mix_4<S: Simd>(x: [u64x8<S>; 4]) -> [u64x8<S>; 4] {
    let sum_01 = canonical(add(x[0], x[1]));
    let sum_23 = canonical(add(x[2], x[3]));
    let all = add(sum_01, sum_23);
    let (all_1, all_3) = (add(all, x[1]), add(all, x[3]));
    let twice_0 = canonical(add(x[0], x[0]));
    let twice_2 = canonical(add(x[2], x[2]));
    [
        canonical(add(all_1, sum_01)),
        canonical(add(all_1, twice_2)),
        canonical(add(all_3, sum_23)),
        canonical(add(all_3, twice_0)),
    ]
}

/// The external layer (section 5.1 of the paper). Takes canonical elements.
#[inline(always)]
fn mix_external<S: Simd>(s: &mut [u64x8<S>; 8]) {
    let left = mix_4([s[0], s[1], s[2], s[3]]);
    let right = mix_4([s[4], s[5], s[6], s[7]]);
    for i in 0..4 {
        let sum = canonical(add(left[i], right[i]));
        s[i] = add(left[i], sum);
        s[i + 4] = add(right[i], sum);
    }
}

/// The internal layer: the sum of all, and to each its multiple by -2, 1, 2, 1/2, 3, -1/2, -3, -4. Takes and gives
/// canonical elements, but for the first, which the next round's constant is added to.
///
/// Only the first element goes through the power, so everything that does not need it is summed beforehand.
#[inline(always)]
fn mix_internal<S: Simd>(s: &mut [u64x8<S>; 8]) {
    let sum_23 = canonical(add(s[2], s[3]));
    let sum_45 = canonical(add(s[4], s[5]));
    let sum_67 = canonical(add(s[6], s[7]));
    let rest = canonical(add(add(add(sum_45, sum_67), sum_23), s[1]));
    let sum = add(rest, s[0]);
    let twice_7 = canonical(add(s[7], s[7]));
    s[0] = subtract(rest, s[0]);
    s[1] = canonical(add(sum, s[1]));
    s[2] = canonical(add(add(sum, s[2]), s[2]));
    s[3] = canonical(add(sum, halve(s[3])));
    s[4] = canonical(add(add(add(sum, s[4]), s[4]), s[4]));
    s[5] = canonical(subtract(sum, halve(s[5])));
    s[6] = canonical(subtract(subtract(subtract(sum, s[6]), s[6]), s[6]));
    s[7] = canonical(subtract(subtract(sum, twice_7), twice_7));
}

/// A full round. A constant is canonical, so the elements need not be.
#[inline(always)]
fn round_external<S: Simd>(simd: S, s: &mut [u64x8<S>; 8], constants: &[u64; 8]) {
    for (element, constant) in s.iter_mut().zip(constants) {
        *element = canonical(power_7(add(*element, u64x8::splat(simd, *constant))));
    }
    mix_external(s);
}

#[inline(always)]
fn permute<S: Simd>(simd: S, constants: &Constants, states: &mut States) {
    // Loops here and not `map`: what is given to a function that is not inlined does not stay in vectors.
    let mut s = [u64x8::splat(simd, 0); 8];
    for (element, lanes) in s.iter_mut().zip(states.iter()) {
        *element = (*lanes).simd_into(simd);
    }
    mix_external(&mut s);
    for round in &constants.first {
        round_external(simd, &mut s, round);
    }
    for element in &mut s {
        *element = canonical(*element);
    }
    for constant in &constants.middle {
        s[0] = canonical(power_7(add(s[0], u64x8::splat(simd, *constant))));
        mix_internal(&mut s);
    }
    for round in &constants.last {
        round_external(simd, &mut s, round);
    }
    for (lanes, element) in states.iter_mut().zip(s) {
        *lanes = canonical(element).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p3_goldilocks::{Goldilocks, default_goldilocks_poseidon2_8};
    use p3_symmetric::Permutation as _;
    use proptest::prelude::*;

    /// Every kind of vector that this processor has, not only the one that would be chosen.
    fn kinds() -> Vec<Vectors> {
        let mut kinds: Vec<Vectors> = Vectors::new().into_iter().collect();
        #[cfg(target_arch = "x86_64")]
        kinds.extend(Level::new().as_avx2().map(|simd| Vectors(Level::Avx2(simd))));
        kinds
    }

    fn element() -> impl Strategy<Value = u64> {
        prop_oneof![0..GOLDILOCKS, 0..4u64, GOLDILOCKS - 4..GOLDILOCKS, 0xffff_fff0..0x1_0000_000f_u64]
    }

    proptest! {
        #[test]
        fn every_kind_of_vector_permutes_as_the_reference_does(
            states in prop::array::uniform8(prop::array::uniform8(element()))
        ) {
            let reference = default_goldilocks_poseidon2_8();
            let mut expected = states;
            for lane in 0..LANES {
                let mut one = states.map(|lanes| Goldilocks::new(lanes[lane]));
                reference.permute_mut(&mut one);
                for (element, permuted) in expected.iter_mut().zip(one) {
                    element[lane] = permuted.as_canonical_u64();
                }
            }
            for kind in kinds() {
                let mut permuted = states;
                kind.permute(&mut permuted);
                prop_assert_eq!(permuted, expected);
            }
        }
    }
}
