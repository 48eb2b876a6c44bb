//! Products of bits, checked together: sums of them over a field of 2^64 elements at a random point.
//!
//! Claims `x y = z` of bits stand 64 to a word, in up to 64 rows of words. With a coin `v`, a word weighs a power of `v`
//! by its place in its row, and a bit of it a power of `x`, so that a row's claims become one: if any is wrong, so is
//! their sum but for one `v` in 2^64 divided by the length of the row. Rows are values of a polynomial that is linear in
//! each of six variables, so the row's products are corners of a table of 3^6 sums: of rows, of pairs of rows added, and
//! so on. The parties share the table (its corners are what the claims say), and with a second coin the rows become one
//! row `X`, `Y` over the field, at a random point: of `3^6` sums that contradict the corners, one point in 2^64 divided
//! by twice the number of variables is not wrong. (Nordholt and Veeningen, ACNS 2018; Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai,
//! CRYPTO 2019.) What is left is one sum of products over the field: each `X` is hidden by a random `a` as `s = t X + a`
//! and shown, the parties have shared the sum of `a Y` row by row before they knew the point, and
//! `t A + C - sum of s Y` must be zero.

use super::field::{Linear, Multiples, raised, times};
use super::{Check, Guard};
use crate::bits::{WORD, transpose};
use crate::share::Share;

/// The most variables: with more, the table grows faster than the row shrinks.
const LEVELS: usize = 6;

/// Returns how many variables there are for so many words of claims: as many as keep messages shortest.
pub(super) fn levels(words: usize) -> usize {
    let bytes = |levels: &usize| sums(*levels) + WORD * words.div_ceil(1 << levels);
    (0..=LEVELS).min_by_key(bytes).unwrap_or(0)
}

/// Returns how many sums the table has.
pub(super) fn sums(levels: usize) -> usize {
    (0..levels).fold(1, |sums, _| 3 * sums)
}

/// Returns how many elements are shown.
pub(super) fn shown(words: usize) -> usize {
    WORD * words.div_ceil(1 << levels(words))
}

/// All claims and their check. Words of different rows and the same place stand together.
pub(super) struct Claims {
    pub(super) x: Share,
    pub(super) y: Share,
    pub(super) z: Share,
    levels: usize,
    length: usize,
    weight: u64,
    /// Random elements, each already times the power of x that its bit weighs.
    masks: Share,
    /// The table; at its corners the sums of masks times rows.
    table: Share,
    factors: Share,
    hidden: Share,
    point: Vec<u64>,
}

impl Default for Claims {
    fn default() -> Self {
        let none = || Share::zeros(0);
        Self {
            x: none(),
            y: none(),
            z: none(),
            levels: 0,
            length: 0,
            weight: 0,
            masks: none(),
            table: none(),
            factors: none(),
            hidden: none(),
            point: Vec::new(),
        }
    }
}

/// Writes the sums of rows that the table is of: for each variable the lower half, the upper half, and both added.
fn extend(rows: &[u64], to: &mut [u64]) {
    match *rows {
        [row] => to[0] = row,
        [low, high] => to.copy_from_slice(&[low, high, low ^ high]),
        _ => {
            let (low, high) = rows.split_at(rows.len() / 2);
            let third = to.len() / 3;
            let (first, rest) = to.split_at_mut(third);
            let (second, both) = rest.split_at_mut(third);
            extend(low, first);
            extend(high, second);
            both.iter_mut().zip(first.iter().zip(second)).for_each(|(both, (low, high))| *both = *low ^ *high);
        }
    }
}

/// Returns where a row stands in the table.
fn corner(row: usize, levels: usize) -> usize {
    (0..levels).map(|level| (row >> level & 1) * sums(level)).sum()
}

/// Returns the value of the polynomial that a table describes.
fn value(mut table: Vec<u64>, point: &[u64]) -> u64 {
    for variable in point.iter().rev() {
        let third = table.len() / 3;
        let of = |at: usize| {
            let (low, high, both) = (table[at], table[third + at], table[2 * third + at]);
            let square = times(*variable, *variable);
            low ^ times(*variable, both ^ low ^ high) ^ times(square, high)
        };
        table = (0..third).map(of).collect();
    }
    table[0]
}

/// Returns each row's weight at a point.
fn weights(point: &[u64]) -> Vec<u64> {
    let mut weights = vec![1];
    for variable in point {
        let upper: Vec<u64> = weights.iter().map(|weight| times(*weight, *variable)).collect();
        weights.extend(upper);
    }
    weights
}

impl Claims {
    fn rows(&self) -> usize {
        1 << self.levels
    }

    fn column<'a>(&self, of: &'a [u64], place: usize) -> &'a [u64] {
        &of[place * self.rows()..(place + 1) * self.rows()]
    }

    pub(super) fn words(&self) -> usize {
        self.x.mine.len()
    }

    /// Sums the table under the first coin.
    pub(super) fn sum(&mut self, guard: &mut Guard, weight: u64, message: &mut Vec<u8>) {
        let words = self.words();
        (self.levels, self.weight) = (levels(words), weight);
        self.length = words.div_ceil(self.rows());
        let (rows, count) = (self.rows(), sums(self.levels));
        for share in [&mut self.x, &mut self.y, &mut self.z] {
            share.mine.resize(rows * self.length, 0);
            share.next.resize(rows * self.length, 0);
        }
        let (mine, next) = guard.pair(WORD * self.length);
        self.masks = Share { mine, next };
        let by = Linear::by(weight);
        let mut table = vec![0; count];
        let [mut masked, mut both] = [(); 2].map(|()| vec![0; rows]);
        let [mut x, mut x_next, mut y, mut y_both] = [(); 4].map(|()| vec![0; count]);
        for place in 0..self.length {
            let (one, other) = (self.column(&self.y.mine, place), self.column(&self.y.next, place));
            both.iter_mut().zip(one.iter().zip(other)).for_each(|(both, (one, other))| *both = one ^ other);
            extend(self.column(&self.x.mine, place), &mut x);
            extend(self.column(&self.x.next, place), &mut x_next);
            extend(one, &mut y);
            extend(&both, &mut y_both);
            let factors = x.iter().zip(&y_both).zip(x_next.iter().zip(&y));
            for (sum, ((x, y_both), (x_next, y))) in table.iter_mut().zip(factors) {
                *sum = by.apply(*sum) ^ x & y_both ^ x_next & y;
            }
            let [mask, mask_next] = [&self.masks.mine, &self.masks.next]
                .map(|part| Linear::of(part[WORD * place..WORD * (place + 1)].try_into().expect("a word's masks")));
            for (row, sum) in masked.iter_mut().enumerate() {
                *sum = by.apply(*sum) ^ mask.apply(both[row]) ^ mask_next.apply(one[row]);
            }
        }
        masked.iter().enumerate().for_each(|(row, sum)| table[corner(row, self.levels)] = *sum);
        let (plus, minus) = guard.pair(count);
        table.iter_mut().zip(plus.iter().zip(&minus)).for_each(|(sum, (plus, minus))| *sum ^= plus ^ minus);
        super::write(message, &table);
        self.table = Share { mine: table, next: Vec::new() };
    }

    pub(super) fn summed(&mut self, message: &[u8]) {
        self.table.next = super::words_of(message);
    }

    /// Makes one row of all at the second coin's point, hides it and shows what comes of it.
    pub(super) fn open(&mut self, guard: &mut Guard, t: u64, point: &[u64], message: &mut Vec<u8>) {
        self.point = point[..self.levels].to_vec();
        let weights = weights(&self.point);
        let basis =
            |by: u64| Linear::of(&std::array::from_fn(|row| weights.get(row).map_or(0, |weight| times(*weight, by))));
        let (plain, scaled) = (basis(1), basis(t));
        let folded = |of: &[u64], by: &Linear| {
            let mut all = Vec::with_capacity(WORD * self.length);
            for place in 0..self.length {
                let mut square = [0; WORD];
                square[..self.rows()].copy_from_slice(self.column(of, place));
                transpose(&mut square);
                all.extend(square.iter().map(|rows| by.apply(*rows)));
            }
            all
        };
        let factors = Share { mine: folded(&self.y.mine, &plain), next: folded(&self.y.next, &plain) };
        let hidden = |of: &[u64], masks: &[u64]| {
            let mut hidden = folded(of, &scaled);
            for (at, (element, mask)) in hidden.iter_mut().zip(masks).enumerate() {
                *element = raised(*element, at % WORD) ^ mask;
            }
            hidden
        };
        let hidden =
            Share { mine: hidden(&self.x.mine, &self.masks.mine), next: hidden(&self.x.next, &self.masks.next) };
        (self.factors, self.hidden) = (factors, hidden);
        super::write(message, &self.hidden.next);
        guard.shown(&self.hidden.mine);
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &[u8]) {
        let missing = super::words_of(message);
        guard.heard(&missing);
        let by = Linear::by(self.weight);
        let (mut mine, mut next) = (0, 0);
        for place in 0..self.length {
            (mine, next) = (by.apply(mine), by.apply(next));
            let lanes = WORD * place..WORD * (place + 1);
            for (at, missing) in lanes.clone().zip(&missing[lanes]) {
                let shown = Multiples::of(self.hidden.mine[at] ^ self.hidden.next[at] ^ missing);
                mine ^= shown.times(self.factors.mine[at]);
                next ^= shown.times(self.factors.next[at]);
            }
        }
        let weights = weights(&self.point);
        let rest = |table: &[u64], z: &[u64]| {
            let mut claimed = vec![0; self.rows()];
            for words in z.chunks_exact(self.rows()) {
                claimed.iter_mut().zip(words).for_each(|(sum, word)| *sum = by.apply(*sum) ^ word);
            }
            let mut table = table.to_vec();
            let mut masked = 0;
            for (row, (weight, claimed)) in weights.iter().zip(claimed).enumerate() {
                let at = corner(row, self.levels);
                masked ^= times(*weight, std::mem::replace(&mut table[at], claimed));
            }
            times(t, value(table, &self.point)) ^ masked
        };
        mine ^= rest(&self.table.mine, &self.z.mine);
        next ^= rest(&self.table.next, &self.z.next);
        guard.zero(Check::Products, &[mine ^ next], &[next]);
        *self = Self::default();
    }
}
