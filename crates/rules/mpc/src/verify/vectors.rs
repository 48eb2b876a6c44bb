//! The long loops of the check of bits, on processors that multiply without carries and by squares of eight times eight bits.
//!
//! What they give is what the portable ways beside them give; tests compare the two.

use fearless_simd::{Avx512, Level, SimdBase as _, SimdInto as _, u64x8};
use std::arch::x86_64::{
    __m512i, _mm512_clmulepi64_epi128, _mm512_gf2p8affine_epi64_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi64,
    _mm512_shuffle_i64x2, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// Lanes of a vector.
pub(super) const LANES: usize = 8;
/// Bits of a word.
const WORD: usize = 64;

/// Words of all rows at as many places as a vector has lanes.
pub(super) type Block = [[u64; LANES]; WORD];

/// Sums of products that are reduced at the end: each vector holds four parts of one sum.
pub(super) type Totals = Vec<[u64; LANES]>;

/// A square of 64 times 64 bits, as what multiplies by it reads it.
pub(super) type Square = [[u64; LANES]; LANES];

/// A processor that has what is needed.
#[derive(Clone, Copy)]
pub(super) struct Vectors(Avx512);

impl Vectors {
    pub(super) fn new() -> Option<Self> {
        Level::new().as_avx512().map(Self)
    }

    /// Adds to the table's sums what two parties' terms of products of bits come to, `x & both ^ x_next & y`, times each place's
    /// weight, for the rows and all the sums of rows.
    pub(super) fn gather(self, weights: &[u64; LANES], rows: [&Block; 4], sums: &mut Totals) {
        gather(self.0, weights, rows, sums);
    }

    /// Adds to each row's sum its words times their places' weights.
    pub(super) fn weighed(self, weights: &[u64; LANES], rows: &Block, sums: &mut Totals) {
        weighed(self.0, weights, rows, sums);
    }

    /// Adds to each row's sum `weight` times the sum of the elements of its bits: those of `both` with the first elements, those of
    /// `one` with the second. The even rows of eight are in one vector, the odd ones in the next.
    pub(super) fn masked(self, weight: u64, rows: [&[u64; WORD]; 2], masks: [&[u64; WORD]; 2], sums: &mut Totals) {
        masked(self.0, weight, rows, masks, sums);
    }

    /// Makes ready what rows are folded by.
    pub(super) fn weights(self, weights: &[u64; WORD]) -> Square {
        let mut square = [[0; LANES]; LANES];
        squared(self.0, weights, &mut square);
        square
    }

    /// Returns for each bit of the rows the sum of the weights of those rows in which it is set.
    pub(super) fn folded(self, rows: &[u64; WORD], weights: &Square) -> [u64; WORD] {
        let mut sums = [0; WORD];
        folded(self.0, rows, weights, &mut sums);
        sums
    }

    /// Returns elements times the power of x of their place, plus masks.
    pub(super) fn hidden(self, elements: &[u64; WORD], masks: &[u64; WORD]) -> [u64; WORD] {
        let mut all = [0; WORD];
        hidden(self.0, elements, masks, &mut all);
        all
    }

    /// Returns the sum of products, not reduced.
    pub(super) fn dot(self, x: &[u64; WORD], y: &[u64; WORD]) -> u128 {
        let mut sum = [0; LANES];
        dot(self.0, x.as_chunks().0, y.as_chunks().0, &mut sum);
        total(&sum)
    }
}

fn total(parts: &[u64; LANES]) -> u128 {
    let parts = parts.as_chunks::<2>().0;
    parts.iter().fold(0, |sum, [low, high]| sum ^ (u128::from(*low) | u128::from(*high) << WORD))
}

/// Returns the sums in their order.
pub(super) fn totals(sums: &Totals) -> impl Iterator<Item = u128> {
    sums.iter().map(total)
}

/// Returns eight rows, and their sums by three variables: for each, from the highest on, the lower half, the upper half, and
/// both added.
#[inline(always)]
fn extended<T: Copy>(rows: [T; 8], add: impl Fn(T, T) -> T) -> [T; 27] {
    let (mut one, mut two, mut all) = ([rows[0]; 12], [rows[0]; 18], [rows[0]; 27]);
    one[..8].copy_from_slice(&rows);
    for at in 0..4 {
        one[8 + at] = add(rows[at], rows[4 + at]);
    }
    for block in 0..3 {
        for at in 0..2 {
            let (low, high) = (one[4 * block + at], one[4 * block + 2 + at]);
            (two[6 * block + at], two[6 * block + 2 + at], two[6 * block + 4 + at]) = (low, high, add(low, high));
        }
    }
    for block in 0..9 {
        let (low, high) = (two[2 * block], two[2 * block + 1]);
        (all[3 * block], all[3 * block + 1], all[3 * block + 2]) = (low, high, add(low, high));
    }
    all
}

/// Puts the lower half of vectors, the upper half, or both added where others stood.
#[inline(always)]
fn take_part(to: &mut [u64x8<Avx512>], of: &[u64x8<Avx512>], part: usize) {
    let (low, high) = of.split_at(to.len());
    match part {
        0 => to.copy_from_slice(low),
        1 => to.copy_from_slice(high),
        _ => to.iter_mut().zip(low).zip(high).for_each(|((to, low), high)| *to = *low ^ *high),
    }
}

fearless_simd::kernel!(
    fn gather(simd: Avx512, weights: &[u64; LANES], rows: [&Block; 4], sums: &mut Totals) {
        let weight: __m512i = u64x8::from_slice(simd, weights).into();
        let none = u64x8::from_slice(simd, &[0; LANES]);
        // Of each variable but the last three one part after another is taken, so that little is held at a time.
        let (mut all, mut half, mut quarter, mut eighth) =
            ([[none; 64]; 4], [[none; 32]; 4], [[none; 16]; 4], [[none; 8]; 4]);
        for (all, rows) in all.iter_mut().zip(rows) {
            all.iter_mut().zip(rows).for_each(|(to, row)| *to = u64x8::from_slice(simd, row));
        }
        let mut sums = sums.as_chunks_mut::<27>().0.iter_mut();
        for parts in 0..27 {
            if parts % 9 == 0 {
                half.iter_mut().zip(&all).for_each(|(to, of)| take_part(to, of, parts / 9));
            }
            if parts % 3 == 0 {
                quarter.iter_mut().zip(&half).for_each(|(to, of)| take_part(to, of, parts / 3 % 3));
            }
            eighth.iter_mut().zip(&quarter).for_each(|(to, of)| take_part(to, of, parts % 3));
            let add = |low: u64x8<Avx512>, high: u64x8<Avx512>| low ^ high;
            let [x, both, x_next, y] = eighth;
            let (x, both, x_next, y) = (extended(x, add), extended(both, add), extended(x_next, add), extended(y, add));
            let Some(sums) = sums.next() else { return };
            for at in 0..27 {
                let term: __m512i = (x[at] & both[at] ^ x_next[at] & y[at]).into();
                let products = _mm512_xor_si512(
                    _mm512_clmulepi64_epi128::<0x00>(weight, term),
                    _mm512_clmulepi64_epi128::<0x11>(weight, term),
                );
                let products: u64x8<Avx512> = products.simd_into(simd);
                (u64x8::from_slice(simd, &sums[at]) ^ products).store_slice(&mut sums[at]);
            }
        }
    }
);

fearless_simd::kernel!(
    fn weighed(simd: Avx512, weights: &[u64; LANES], rows: &Block, sums: &mut Totals) {
        let weight: __m512i = u64x8::from_slice(simd, weights).into();
        for (row, sum) in rows.iter().zip(sums) {
            let row: __m512i = u64x8::from_slice(simd, row).into();
            let products = _mm512_xor_si512(
                _mm512_clmulepi64_epi128::<0x00>(weight, row),
                _mm512_clmulepi64_epi128::<0x11>(weight, row),
            );
            let products: u64x8<Avx512> = products.simd_into(simd);
            (u64x8::from_slice(simd, sum) ^ products).store_slice(sum);
        }
    }
);

/// Once in every byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;
/// Of each byte of eight words where it comes from, so that the words' first bytes stand together, and so on; and back.
const TURNED: [u64; LANES] = places(0x3830_2820_1810_0800);
/// The same, with the last word's bytes first.
const TURNED_AROUND: [u64; LANES] = places(0x0008_1018_2028_3038);
/// A square of eight times eight bits with the diagonal set, one column a byte, and the same upside down.
const DIAGONAL: u64 = 0x8040_2010_0804_0201;
const UPSIDE_DOWN: u64 = DIAGONAL.swap_bytes();

const fn places(first: u64) -> [u64; LANES] {
    [
        first,
        first + EACH,
        first + 2 * EACH,
        first + 3 * EACH,
        first + 4 * EACH,
        first + 5 * EACH,
        first + 6 * EACH,
        first + 7 * EACH,
    ]
}

fearless_simd::kernel!(
    /// Swaps vectors and lanes.
    #[inline]
    fn turned(_simd: Avx512, z: &[__m512i; LANES], to: &mut [__m512i; LANES]) {
        let pairs = [(z[0], z[1]), (z[2], z[3]), (z[4], z[5]), (z[6], z[7])];
        let low = pairs.map(|(a, b)| _mm512_unpacklo_epi64(a, b));
        let high = pairs.map(|(a, b)| _mm512_unpackhi_epi64(a, b));
        for (odd, part) in [low, high].into_iter().enumerate() {
            let a = _mm512_shuffle_i64x2::<0x88>(part[0], part[1]);
            let b = _mm512_shuffle_i64x2::<0x88>(part[2], part[3]);
            let c = _mm512_shuffle_i64x2::<0xdd>(part[0], part[1]);
            let d = _mm512_shuffle_i64x2::<0xdd>(part[2], part[3]);
            to[odd] = _mm512_shuffle_i64x2::<0x88>(a, b);
            to[2 + odd] = _mm512_shuffle_i64x2::<0x88>(c, d);
            to[4 + odd] = _mm512_shuffle_i64x2::<0xdd>(a, b);
            to[6 + odd] = _mm512_shuffle_i64x2::<0xdd>(c, d);
        }
    }
);

fearless_simd::kernel!(
    /// Returns for eight words the sums of the elements that their bits choose. Of the words the first bytes stand in the first
    /// lane, and so on; the elements are a square, of which each vector gives one byte of a sum.
    #[inline]
    fn chosen(simd: Avx512, words: __m512i, square: &[__m512i; LANES]) -> __m512i {
        let mut parts = [words; LANES];
        for (part, square) in parts.iter_mut().zip(square) {
            *part = _mm512_gf2p8affine_epi64_epi8::<0>(words, *square);
        }
        // Each vector's lanes are added, and the sums stand in the lanes of one.
        let mut four = [words; 4];
        for (to, pair) in four.iter_mut().zip(parts.as_chunks::<2>().0) {
            let [a, b] = *pair;
            *to = _mm512_xor_si512(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        }
        let mut two = [words; 2];
        for (to, pair) in two.iter_mut().zip(four.as_chunks::<2>().0) {
            let [a, b] = *pair;
            *to = _mm512_xor_si512(_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        }
        let [a, b] = two;
        let one = _mm512_xor_si512(_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        _mm512_permutexvar_epi8(u64x8::from_slice(simd, &TURNED).into(), one)
    }
);

fearless_simd::kernel!(
    /// Makes a square of elements: lane by lane the bits of eight of them, one byte of each a vector, upside down.
    #[inline]
    fn square_of(simd: Avx512, elements: &[u64; WORD], square: &mut [__m512i; LANES]) {
        let (places, lines) =
            (u64x8::from_slice(simd, &TURNED_AROUND).into(), _mm512_set1_epi64(UPSIDE_DOWN.cast_signed()));
        let mut parts = [lines; LANES];
        for (part, elements) in parts.iter_mut().zip(elements.as_chunks::<LANES>().0) {
            let bytes = _mm512_permutexvar_epi8(places, u64x8::from_slice(simd, elements).into());
            *part = _mm512_gf2p8affine_epi64_epi8::<0>(lines, bytes);
        }
        turned(simd, &parts, square);
    }
);

fearless_simd::kernel!(
    fn squared(simd: Avx512, elements: &[u64; WORD], to: &mut Square) {
        let mut square = [_mm512_set1_epi64(0); LANES];
        square_of(simd, elements, &mut square);
        for (to, part) in to.iter_mut().zip(square) {
            let part: u64x8<Avx512> = part.simd_into(simd);
            part.store_slice(to);
        }
    }
);

fearless_simd::kernel!(
    fn masked(simd: Avx512, weight: u64, rows: [&[u64; WORD]; 2], masks: [&[u64; WORD]; 2], sums: &mut Totals) {
        let weight = _mm512_set1_epi64(weight.cast_signed());
        let places: __m512i = u64x8::from_slice(simd, &TURNED).into();
        let mut squares = [[weight; LANES]; 2];
        for (square, masks) in squares.iter_mut().zip(masks) {
            square_of(simd, masks, square);
        }
        let rows = rows[0].as_chunks::<LANES>().0.iter().zip(rows[1].as_chunks::<LANES>().0);
        for ((both, one), sums) in rows.zip(sums.as_chunks_mut::<2>().0) {
            let both = _mm512_permutexvar_epi8(places, u64x8::from_slice(simd, both).into());
            let one = _mm512_permutexvar_epi8(places, u64x8::from_slice(simd, one).into());
            let sum = _mm512_xor_si512(chosen(simd, both, &squares[0]), chosen(simd, one, &squares[1]));
            let even: u64x8<Avx512> = _mm512_clmulepi64_epi128::<0x00>(weight, sum).simd_into(simd);
            let odd: u64x8<Avx512> = _mm512_clmulepi64_epi128::<0x10>(weight, sum).simd_into(simd);
            (u64x8::from_slice(simd, &sums[0]) ^ even).store_slice(&mut sums[0]);
            (u64x8::from_slice(simd, &sums[1]) ^ odd).store_slice(&mut sums[1]);
        }
    }
);

fearless_simd::kernel!(
    fn folded(simd: Avx512, rows: &[u64; WORD], weights: &Square, sums: &mut [u64; WORD]) {
        let (places, lines) =
            (u64x8::from_slice(simd, &TURNED_AROUND).into(), _mm512_set1_epi64(DIAGONAL.cast_signed()));
        let [mut square, mut parts, mut bits] = [[lines; LANES]; 3];
        for (to, part) in square.iter_mut().zip(weights) {
            *to = u64x8::from_slice(simd, part).into();
        }
        // Rows and columns change places, eight times eight bits at a time.
        for (part, rows) in parts.iter_mut().zip(rows.as_chunks::<LANES>().0) {
            let bytes = _mm512_permutexvar_epi8(places, u64x8::from_slice(simd, rows).into());
            *part = _mm512_gf2p8affine_epi64_epi8::<0>(lines, bytes);
        }
        turned(simd, &parts, &mut bits);
        for (bits, to) in bits.into_iter().zip(sums.as_chunks_mut::<LANES>().0) {
            let sum: u64x8<Avx512> = chosen(simd, bits, &square).simd_into(simd);
            sum.store_slice(to);
        }
    }
);

fearless_simd::kernel!(
    fn hidden(simd: Avx512, elements: &[u64; WORD], masks: &[u64; WORD], to: &mut [u64; WORD]) {
        // x^64 is this.
        let rest = _mm512_set1_epi64(0b1_1011);
        let mut powers = [0; LANES];
        for (at, power) in powers.iter_mut().enumerate() {
            *power = 1_u64 << at;
        }
        let lanes = elements.as_chunks::<LANES>().0.iter().zip(masks.as_chunks::<LANES>().0);
        for ((elements, masks), to) in lanes.zip(to.as_chunks_mut::<LANES>().0) {
            let elements: __m512i = u64x8::from_slice(simd, elements).into();
            let power: __m512i = u64x8::from_slice(simd, &powers).into();
            let [mut even, mut odd] =
                [_mm512_clmulepi64_epi128::<0x00>(elements, power), _mm512_clmulepi64_epi128::<0x11>(elements, power)];
            for product in [&mut even, &mut odd] {
                let once = _mm512_clmulepi64_epi128::<0x01>(*product, rest);
                let twice = _mm512_clmulepi64_epi128::<0x01>(once, rest);
                *product = _mm512_xor_si512(_mm512_xor_si512(*product, once), twice);
            }
            let all: u64x8<Avx512> = _mm512_unpacklo_epi64(even, odd).simd_into(simd);
            (all ^ u64x8::from_slice(simd, masks)).store_slice(to);
            for power in &mut powers {
                *power = power.rotate_left(8);
            }
        }
    }
);

fearless_simd::kernel!(
    fn dot(simd: Avx512, x: &[[u64; LANES]], y: &[[u64; LANES]], sums: &mut [u64; LANES]) {
        let mut all: __m512i = u64x8::from_slice(simd, sums).into();
        for (x, y) in x.iter().zip(y) {
            let x: __m512i = u64x8::from_slice(simd, x).into();
            let y: __m512i = u64x8::from_slice(simd, y).into();
            all = _mm512_xor_si512(all, _mm512_clmulepi64_epi128::<0x00>(x, y));
            all = _mm512_xor_si512(all, _mm512_clmulepi64_epi128::<0x11>(x, y));
        }
        let all: u64x8<Avx512> = all.simd_into(simd);
        all.store_slice(sums);
    }
);

#[cfg(test)]
mod tests {
    use super::super::field::{Linear, raised, reduced, times};
    use super::super::planes::extended as extended_by_words;
    use super::*;
    use proptest::prelude::*;

    fn words(count: usize) -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(any::<u64>(), count)
    }

    fn column(words: &[u64]) -> [u64; WORD] {
        words.try_into().unwrap()
    }

    proptest! {
        #[test]
        fn vectors_give_what_words_give(
            weights in words(8), rows in prop::collection::vec(words(512), 4), masks in words(128),
        ) {
            // A processor that has them not has nothing to compare.
            let Some(vectors) = Vectors::new() else { return Ok(()) };
            let weights: [u64; LANES] = weights.try_into().unwrap();
            let mut blocks = [[[0; LANES]; WORD]; 4];
            blocks.iter_mut().zip(&rows).for_each(|(block, rows)| block.as_flattened_mut().copy_from_slice(rows));
            let mut sums = vec![[0; LANES]; 729];
            vectors.gather(&weights, blocks.each_ref(), &mut sums);
            vectors.gather(&[7; LANES], blocks.each_ref(), &mut sums);
            let mut slow = vec![0; 729];
            for (place, weight) in weights.into_iter().enumerate() {
                let [x, both, x_next, y] = blocks.each_ref().map(|block| {
                    let column: Vec<u64> = block.iter().map(|row| row[place]).collect();
                    extended_by_words(&column, 6)
                });
                for (at, sum) in slow.iter_mut().enumerate() {
                    let term = x[at] & both[at] ^ x_next[at] & y[at];
                    *sum ^= times(weight, term) ^ times(7, term);
                }
            }
            prop_assert_eq!(totals(&sums).map(reduced).collect::<Vec<_>>(), slow);

            let (both, y) = (column(&rows[0][..WORD]), column(&rows[1][..WORD]));
            let masks = [column(&masks[..WORD]), column(&masks[WORD..])];
            let by = masks.each_ref().map(Linear::of);
            let mut sums = vec![[0; LANES]; 16];
            vectors.masked(weights[0], [&both, &y], masks.each_ref(), &mut sums);
            for row in 0..WORD {
                let (vector, lane) = (row / 8 * 2 + row % 2, row % 8 / 2 * 2);
                let sum = u128::from(sums[vector][lane]) | u128::from(sums[vector][lane + 1]) << 64;
                let slow = by[0].apply(both[row]) ^ by[1].apply(y[row]);
                prop_assert_eq!(reduced(sum), times(weights[0], slow));
            }
            for (bit, sum) in vectors.folded(&both, &vectors.weights(&y)).into_iter().enumerate() {
                let slow = both.iter().zip(&y).fold(0, |sum, (row, weight)| sum ^ ((row >> bit & 1) * weight));
                prop_assert_eq!(sum, slow);
            }
            for (bit, hidden) in vectors.hidden(&both, &y).into_iter().enumerate() {
                prop_assert_eq!(hidden, raised(both[bit], bit) ^ y[bit]);
            }
            let slow = both.iter().zip(&y).fold(0, |sum, (x, y)| sum ^ times(*x, *y));
            prop_assert_eq!(reduced(vectors.dot(&both, &y)), slow);
            let mut sums = vec![[0; LANES]; WORD];
            vectors.weighed(&weights, &blocks[0], &mut sums);
            vectors.weighed(&weights, &blocks[1], &mut sums);
            for (row, sum) in totals(&sums).enumerate() {
                let slow = |block: usize| {
                    blocks[block][row].iter().zip(weights).fold(0, |sum, (word, weight)| sum ^ times(*word, weight))
                };
                prop_assert_eq!(reduced(sum), slow(0) ^ slow(1));
            }
        }
    }
}
