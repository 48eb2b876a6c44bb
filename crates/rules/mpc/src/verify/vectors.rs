//! The long loops of the check of bits, on processors that multiply without carries and choose lanes by masks.
//!
//! What they give is what the portable ways beside them give; tests compare the two.

use fearless_simd::{Avx512, Level, SimdBase as _, u64x8};
use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_clmulepi64_epi128, _mm512_mask_xor_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_test_epi64_mask, _mm512_xor_si512,
};

/// Lanes of a vector.
const LANES: usize = 8;
/// Bits of a word.
const WORD: usize = 64;

/// Sums of products that are reduced once, at the end: for eight elements first the even ones' sums, then the odd ones'.
pub(super) type Sums = Vec<[u64; 2 * LANES]>;

/// A processor that has what is needed.
#[derive(Clone, Copy)]
pub(super) struct Vectors(Avx512);

impl Vectors {
    pub(super) fn new() -> Option<Self> {
        Level::new().as_avx512().map(Self)
    }

    /// Adds to each sum `weight` times what two parties' terms of a product of bits come to: `x & both ^ x_next & y`.
    pub(super) fn gather(self, weight: u64, [x, both, x_next, y]: [&[u64]; 4], sums: &mut Sums) {
        gather(self.0, weight, x, both, x_next, y, sums);
    }

    /// Adds to each row's sum the masks of its bits: those of `mine` where a bit of `both` is set, and so on.
    pub(super) fn masked(self, [both, one]: [&[u64]; 2], [mine, next]: [&[u64]; 2]) -> [u64; WORD] {
        let mut sums = [0; WORD];
        masked(self.0, both, one, mine, next, &mut sums);
        sums
    }

    /// Returns for each bit of the rows the sum of the weights of those rows in which it is set.
    pub(super) fn folded(self, rows: &[u64], weights: &[u64]) -> [u64; WORD] {
        let mut sums = [0; WORD];
        folded(self.0, rows, weights, &mut sums);
        sums
    }

    /// Returns the sum of products, not reduced.
    pub(super) fn dot(self, x: &[u64], y: &[u64]) -> u128 {
        let mut sums = vec![[0; 2 * LANES]];
        dot(self.0, x, y, &mut sums);
        totals(&sums).fold(0, |sum, total| sum ^ total)
    }
}

/// Returns the sums in their order.
pub(super) fn totals(sums: &Sums) -> impl Iterator<Item = u128> {
    sums.iter().flat_map(|sums| {
        (0..LANES).map(|lane| {
            let at = lane % 2 * LANES + lane / 2 * 2;
            u128::from(sums[at]) | u128::from(sums[at + 1]) << 64
        })
    })
}

fearless_simd::kernel!(
    fn gather(simd: Avx512, weight: u64, x: &[u64], both: &[u64], x_next: &[u64], y: &[u64], sums: &mut Sums) {
        let weight = _mm512_set1_epi64(weight.cast_signed());
        let ones = x.chunks_exact(LANES).zip(both.chunks_exact(LANES));
        let others = x_next.chunks_exact(LANES).zip(y.chunks_exact(LANES));
        for (((x, both), (x_next, y)), sums) in ones.zip(others).zip(sums) {
            let one = _mm512_and_si512(u64x8::from_slice(simd, x).into(), u64x8::from_slice(simd, both).into());
            let other = _mm512_and_si512(u64x8::from_slice(simd, x_next).into(), u64x8::from_slice(simd, y).into());
            let terms = _mm512_xor_si512(one, other);
            let (even, odd) = sums.split_at_mut(LANES);
            for (sum, product) in [
                (even, _mm512_clmulepi64_epi128::<0x00>(weight, terms)),
                (odd, _mm512_clmulepi64_epi128::<0x10>(weight, terms)),
            ] {
                let old: __m512i = u64x8::from_slice(simd, sum).into();
                let new: u64x8<Avx512> = fearless_simd::SimdInto::simd_into(_mm512_xor_si512(old, product), simd);
                new.store_slice(sum);
            }
        }
    }
);

fearless_simd::kernel!(
    fn masked(simd: Avx512, both: &[u64], one: &[u64], mine: &[u64], next: &[u64], sums: &mut [u64; WORD]) {
        for ((both, one), sums) in
            both.chunks_exact(LANES).zip(one.chunks_exact(LANES)).zip(sums.chunks_exact_mut(LANES))
        {
            let both: __m512i = u64x8::from_slice(simd, both).into();
            let one: __m512i = u64x8::from_slice(simd, one).into();
            let mut sum = _mm512_setzero_si512();
            let mut bit = 1_i64;
            for (mine, next) in mine.iter().zip(next) {
                let place = _mm512_set1_epi64(bit);
                let (mine, next) = (_mm512_set1_epi64(mine.cast_signed()), _mm512_set1_epi64(next.cast_signed()));
                sum = _mm512_mask_xor_epi64(sum, _mm512_test_epi64_mask(both, place), sum, mine);
                sum = _mm512_mask_xor_epi64(sum, _mm512_test_epi64_mask(one, place), sum, next);
                bit = bit.rotate_left(1);
            }
            let sum: u64x8<Avx512> = fearless_simd::SimdInto::simd_into(sum, simd);
            sum.store_slice(sums);
        }
    }
);

fearless_simd::kernel!(
    fn folded(simd: Avx512, rows: &[u64], weights: &[u64], sums: &mut [u64; WORD]) {
        let mut all = [_mm512_setzero_si512(); WORD / LANES];
        for (row, weight) in rows.iter().zip(weights) {
            let weight = _mm512_set1_epi64(weight.cast_signed());
            for (sum, mask) in all.iter_mut().zip(row.to_le_bytes()) {
                *sum = _mm512_mask_xor_epi64(*sum, mask, *sum, weight);
            }
        }
        for (sum, to) in all.into_iter().zip(sums.chunks_exact_mut(LANES)) {
            let sum: u64x8<Avx512> = fearless_simd::SimdInto::simd_into(sum, simd);
            sum.store_slice(to);
        }
    }
);

fearless_simd::kernel!(
    fn dot(simd: Avx512, x: &[u64], y: &[u64], sums: &mut Sums) {
        let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact(LANES)) {
            let x: __m512i = u64x8::from_slice(simd, x).into();
            let y: __m512i = u64x8::from_slice(simd, y).into();
            even = _mm512_xor_si512(even, _mm512_clmulepi64_epi128::<0x00>(x, y));
            odd = _mm512_xor_si512(odd, _mm512_clmulepi64_epi128::<0x11>(x, y));
        }
        let (even_to, odd_to) = sums[0].split_at_mut(LANES);
        for (sum, to) in [(even, even_to), (odd, odd_to)] {
            let sum: u64x8<Avx512> = fearless_simd::SimdInto::simd_into(sum, simd);
            sum.store_slice(to);
        }
    }
);

#[cfg(test)]
mod tests {
    use super::super::field::{Linear, reduced, times};
    use super::*;
    use proptest::prelude::*;

    fn words(count: usize) -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(any::<u64>(), count)
    }

    proptest! {
        #[test]
        fn vectors_give_what_words_give(
            weight: u64, x in words(64), both in words(64), x_next in words(64), y in words(64), masks in words(128),
        ) {
            // A processor that has them not has nothing to compare.
            let Some(vectors) = Vectors::new() else { return Ok(()) };
            let mut sums = vec![[0; 16]; 8];
            vectors.gather(weight, [&x, &both, &x_next, &y], &mut sums);
            vectors.gather(7, [&x, &both, &x_next, &y], &mut sums);
            for (lane, total) in totals(&sums).enumerate() {
                let term = x[lane] & both[lane] ^ x_next[lane] & y[lane];
                prop_assert_eq!(reduced(total), times(weight, term) ^ times(7, term));
            }
            let (mine, next) = masks.split_at(64);
            let by = [mine, next].map(|part| Linear::of(part.try_into().unwrap()));
            let sums = vectors.masked([&both, &y], [mine, next]);
            for row in 0..64 {
                prop_assert_eq!(sums[row], by[0].apply(both[row]) ^ by[1].apply(y[row]));
            }
            let sums = vectors.folded(&x, &y);
            for (bit, sum) in sums.into_iter().enumerate() {
                let slow = x.iter().zip(&y).fold(0, |sum, (row, weight)| sum ^ ((row >> bit & 1) * weight));
                prop_assert_eq!(sum, slow);
            }
            let slow = x.iter().zip(&y).fold(0, |sum, (x, y)| sum ^ times(*x, *y));
            prop_assert_eq!(reduced(vectors.dot(&x, &y)), slow);
        }
    }
}
