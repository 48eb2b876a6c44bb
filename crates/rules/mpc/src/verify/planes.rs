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

use super::field::{Linear, Multiples, raised, reduced, times};
use super::vectors::{Sums, Vectors, totals};
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
    /// What names the random elements, each already times the power of x that its bit weighs, place by place.
    masks: u64,
    /// The table; at its corners the sums of masks times rows.
    table: Share,
    factors: Share,
    /// What this party knows of what is shown.
    hidden: Vec<u64>,
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
            masks: 0,
            table: none(),
            factors: none(),
            hidden: Vec::new(),
            point: Vec::new(),
        }
    }
}

/// Puts the sums of rows that the table is of in the rows' place: for each variable the lower half, the upper half, and both
/// added. Of the last variable the three stand beside one another, of the first ones they are furthest apart.
fn extend(rows: &mut Vec<u64>, spare: &mut Vec<u64>) {
    // A step for each variable, of a length that is known when this is compiled.
    for (digits, step) in STEPS {
        if rows.len() > digits {
            step(rows, spare);
            std::mem::swap(rows, spare);
        }
    }
}

/// What splits rows in halves of which each piece has so many words already.
type Split = fn(&[u64], &mut Vec<u64>);

const STEPS: [(usize, Split); LEVELS] =
    [(1, split::<1>), (3, split::<3>), (9, split::<9>), (27, split::<27>), (81, split::<81>), (243, split::<243>)];

fn split<const DIGITS: usize>(rows: &[u64], to: &mut Vec<u64>) {
    let (low, high) = rows.split_at(rows.len() / 2);
    to.resize(low.len() * 3, 0);
    let pieces = low.as_chunks::<DIGITS>().0.iter().zip(high.as_chunks::<DIGITS>().0);
    for (to, (low, high)) in to.chunks_exact_mut(3 * DIGITS).zip(pieces) {
        to[..DIGITS].copy_from_slice(low);
        to[DIGITS..2 * DIGITS].copy_from_slice(high);
        to[2 * DIGITS..].iter_mut().zip(low).zip(high).for_each(|((both, low), high)| *both = low ^ high);
    }
}

/// The sums of a column of rows, in whole vectors.
#[derive(Default)]
struct Column {
    sums: Vec<u64>,
    spare: Vec<u64>,
}

impl Column {
    fn take(&mut self, rows: impl Iterator<Item = u64>) -> &[u64] {
        self.sums.clear();
        self.sums.extend(rows);
        extend(&mut self.sums, &mut self.spare);
        self.sums.resize(self.sums.len().next_multiple_of(8), 0);
        &self.sums
    }
}

/// A table on its way: with vectors, products are reduced at the end.
enum Table {
    /// Before each place all are multiplied by the coin, which gives the places' weights.
    Words(Vec<u64>, Linear),
    Vectors(Vectors, Sums),
}

impl Table {
    fn new(vectors: Option<Vectors>, coin: u64, count: usize) -> Self {
        match vectors {
            Some(vectors) => Self::Vectors(vectors, vec![[0; 16]; count.div_ceil(8)]),
            None => Self::Words(vec![0; count], Linear::by(coin)),
        }
    }

    /// Adds terms of products times their place's weight.
    fn gather(&mut self, weight: u64, [x, both, x_next, y]: [&[u64]; 4]) {
        match self {
            Self::Vectors(vectors, sums) => vectors.gather(weight, [x, both, x_next, y], sums),
            Self::Words(sums, by) => {
                let factors = x.iter().zip(both).zip(x_next.iter().zip(y));
                let terms = factors.map(|((x, both), (x_next, y))| x & both ^ x_next & y);
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = by.apply(*sum) ^ term);
            }
        }
    }

    fn finish(self, count: usize) -> Vec<u64> {
        match self {
            Self::Words(sums, _) => sums,
            Self::Vectors(_, sums) => totals(&sums).take(count).map(reduced).collect(),
        }
    }
}

/// Returns where a row stands in the table.
fn corner(row: usize, levels: usize) -> usize {
    (0..levels).map(|level| (row >> level & 1) * sums(levels - 1 - level)).sum()
}

/// Returns the value of the polynomial that a table describes.
fn value(mut table: Vec<u64>, point: &[u64]) -> u64 {
    for variable in point {
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

fn counted(place: usize) -> u64 {
    u64::try_from(place).expect("words in memory are counted in 64 bits")
}

impl Claims {
    fn rows(&self) -> usize {
        1 << self.levels
    }

    fn column<'a>(&self, of: &'a [u64], place: usize) -> &'a [u64] {
        &of[place * self.rows()..(place + 1) * self.rows()]
    }

    /// Returns vectors where there are enough rows for them.
    fn vectors(&self) -> Option<Vectors> {
        Vectors::new().filter(|_| self.levels == LEVELS)
    }

    /// Returns what a row's words weigh, by their places: falling powers of the coin.
    fn place_weights(&self) -> Vec<u64> {
        let by = Linear::by(self.weight);
        let mut weights: Vec<u64> =
            std::iter::successors(Some(1), |weight| Some(by.apply(*weight))).take(self.length).collect();
        weights.reverse();
        weights
    }

    /// Returns for each row the sum of the masks of its bits.
    fn masked(&self, rows: [&[u64]; 2], masks: [&[u64]; 2]) -> Vec<u64> {
        match self.vectors() {
            Some(vectors) => vectors.masked(rows, masks).to_vec(),
            None => {
                let by = masks.map(|part| Linear::of(part.try_into().expect("a word's masks")));
                rows[0].iter().zip(rows[1]).map(|(both, one)| by[0].apply(*both) ^ by[1].apply(*one)).collect()
            }
        }
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
        self.masks = guard.numbers_of_words(self.length);
        let mut table = Table::new(self.vectors(), weight, count);
        let mut masked = vec![0; rows];
        let [mut x, mut x_next, mut y, mut y_both] = [(); 4].map(|()| Column::default());
        for (place, weight) in (0..self.length).zip(self.place_weights()) {
            let (one, other) = (self.column(&self.y.mine, place), self.column(&self.y.next, place));
            let both: Vec<u64> = one.iter().zip(other).map(|(one, other)| one ^ other).collect();
            let x = x.take(self.column(&self.x.mine, place).iter().copied());
            let x_next = x_next.take(self.column(&self.x.next, place).iter().copied());
            let (y, y_both) = (y.take(one.iter().copied()), y_both.take(both.iter().copied()));
            table.gather(weight, [x, y_both, x_next, y]);
            let masks = guard.drawn(self.masks + counted(place), WORD);
            let by = Multiples::of(weight);
            let terms = self.masked([&both, one], [&masks.mine, &masks.next]);
            masked.iter_mut().zip(terms).for_each(|(sum, term)| *sum ^= by.times(term));
        }
        let mut table = table.finish(count);
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
        let scaled: Vec<u64> = weights.iter().map(|weight| times(*weight, t)).collect();
        let vectors = self.vectors();
        let folded = |of: &[u64], weights: &[u64]| {
            let mut all = Vec::with_capacity(WORD * self.length);
            if let Some(vectors) = vectors {
                (0..self.length).for_each(|place| all.extend(vectors.folded(self.column(of, place), weights)));
                return all;
            }
            let by = Linear::of(&std::array::from_fn(|row| weights.get(row).copied().unwrap_or(0)));
            for place in 0..self.length {
                let mut square = [0; WORD];
                square[..self.rows()].copy_from_slice(self.column(of, place));
                transpose(&mut square);
                all.extend(square.iter().map(|rows| by.apply(*rows)));
            }
            all
        };
        let factors = Share { mine: folded(&self.y.mine, &weights), next: folded(&self.y.next, &weights) };
        let (mine, next) = (folded(&self.x.mine, &scaled), folded(&self.x.next, &scaled));
        self.factors = factors;
        self.hidden = Vec::with_capacity(mine.len());
        let places = mine.chunks_exact(WORD).zip(next.chunks_exact(WORD));
        for (place, (mine, next)) in places.enumerate() {
            let masks = guard.drawn(self.masks + counted(place), WORD);
            let hidden = |elements: &[u64], masks: &[u64]| -> Vec<u64> {
                let all = elements.iter().zip(masks).enumerate();
                all.map(|(bit, (element, mask))| raised(*element, bit) ^ mask).collect()
            };
            let (mine, next) = (hidden(mine, &masks.mine), hidden(next, &masks.next));
            self.hidden.extend(mine.iter().zip(&next).map(|(mine, next)| mine ^ next));
            super::write(message, &next);
            guard.shown(&mine);
        }
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &[u8]) {
        let by = Linear::by(self.weight);
        let (mut mine, mut next) = (0, 0);
        let vectors = self.vectors();
        for place in 0..self.length {
            let lanes = WORD * place..WORD * (place + 1);
            let missing = super::words_of(&message[8 * lanes.start..8 * lanes.end]);
            guard.heard(&missing);
            let shown: Vec<u64> =
                self.hidden[lanes.clone()].iter().zip(missing).map(|(known, missing)| known ^ missing).collect();
            let sum = |factors: &[u64]| match vectors {
                Some(vectors) => reduced(vectors.dot(&shown, factors)),
                None => shown.iter().zip(factors).fold(0, |sum, (a, b)| sum ^ times(*a, *b)),
            };
            mine = by.apply(mine) ^ sum(&self.factors.mine[lanes.clone()]);
            next = by.apply(next) ^ sum(&self.factors.next[lanes]);
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
