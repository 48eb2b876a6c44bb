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

use super::field::{Linear, raised, reduced, times};
use super::vectors::{Block, LANES, Square, Totals, Vectors, totals};
use super::{Check, Guard};
use crate::bits::{WORD, transpose};
use crate::share::Share;
use std::ops::Range;
use zeroize::Zeroize as _;

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

/// The words of the rows at one place.
pub(super) type Column = [u64; WORD];

/// All claims and their check. Of some places at a time the words of one row stand together, row after row. What grows with the
/// claims is kept from check to check.
pub(super) struct Claims {
    pub(super) x: Share,
    pub(super) y: Share,
    pub(super) z: Share,
    /// The most words that there ever were.
    most: usize,
    levels: usize,
    length: usize,
    /// The first coin, and what a row's words weigh, by their places: its falling powers.
    weight: u64,
    weights: Vec<u64>,
    /// What names the random elements, place by place, each already times the power of x that its bit weighs.
    masks: u64,
    /// The table; at its corners the sums of masks times rows.
    pub(super) table: Share,
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
            most: 0,
            levels: 0,
            length: 0,
            weight: 0,
            weights: Vec::new(),
            masks: 0,
            table: none(),
            hidden: Vec::new(),
            point: Vec::new(),
        }
    }
}

/// Returns the sums of rows that the table is of: for each variable, from the highest on, the lower half, the upper half, and
/// both added.
pub(super) fn extended(rows: &[u64], levels: usize) -> Vec<u64> {
    let mut all = rows.to_vec();
    for level in (0..levels).rev() {
        let mut next = Vec::with_capacity(all.len() / 2 * 3);
        for block in all.chunks_exact(2 << level) {
            let (low, high) = block.split_at(1 << level);
            next.extend_from_slice(block);
            next.extend(low.iter().zip(high).map(|(low, high)| low ^ high));
        }
        all = next;
    }
    all
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

/// A block of words that are all zero.
const NOTHING: Block = [[0; LANES]; WORD];

/// Returns the words of all rows at a place of a block.
fn column(block: &Block, at: usize) -> Column {
    std::array::from_fn(|row| block[row][at])
}

/// Random elements for the bits at the places of a block: both components.
struct Masks([[Column; LANES]; 2]);

impl Default for Masks {
    fn default() -> Self {
        Self([[[0; WORD]; LANES]; 2])
    }
}

impl Masks {
    fn take(&mut self, guard: &Guard, number: u64, places: &Range<usize>) {
        for (stream, to) in [&guard.streams.own, &guard.streams.next].into_iter().zip(&mut self.0) {
            stream.fill(number, WORD * places.start, to[..places.len()].as_flattened_mut());
        }
    }

    fn of(&self, at: usize) -> [&Column; 2] {
        [&self.0[0][at], &self.0[1][at]]
    }
}

impl Drop for Claims {
    /// Wipes what was ever used, but not the room that never was.
    fn drop(&mut self) {
        let most = self.most.max(self.words());
        for share in [&mut self.x, &mut self.y, &mut self.z] {
            for part in [&mut share.mine, &mut share.next] {
                let mut part = std::mem::take(part);
                part.resize(most.min(part.capacity()), 0);
                part.as_mut_slice().zeroize();
            }
        }
    }
}

impl Claims {
    fn rows(&self) -> usize {
        1 << self.levels
    }

    /// Returns the places, as many at a time as stand in a block.
    fn places(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let length = self.length;
        (0..length).step_by(LANES).map(move |first| first..(first + LANES).min(length))
    }

    /// Returns the words of all rows at some places: as they stand, or in the place of others with nothing where there are fewer.
    fn block<'a>(&self, of: &'a [u64], places: &Range<usize>, spare: &'a mut Block) -> &'a Block {
        let words = &of[self.rows() * places.start..self.rows() * places.end];
        if places.len() == LANES
            && let Ok(block) = words.as_chunks().0.try_into()
        {
            return block;
        }
        for (to, row) in spare.iter_mut().zip(words.chunks_exact(places.len())) {
            *to = std::array::from_fn(|at| row.get(at).copied().unwrap_or(0));
        }
        spare
    }

    /// Returns the factors' components at some places: those of `x`, then those of `y`.
    fn factors<'a>(&'a self, places: &Range<usize>, spare: &'a mut [Block; 4]) -> [&'a Block; 4] {
        let [x, x_next, y, y_next] = spare;
        [
            self.block(&self.x.mine, places, x),
            self.block(&self.x.next, places, x_next),
            self.block(&self.y.mine, places, y),
            self.block(&self.y.next, places, y_next),
        ]
    }

    /// Returns the weights of some places.
    fn weights_of(&self, places: &Range<usize>) -> [u64; LANES] {
        let weights = &self.weights[places.clone()];
        std::array::from_fn(|at| weights.get(at).copied().unwrap_or(0))
    }

    /// Returns vectors where there are enough rows for them.
    fn vectors(&self) -> Option<Vectors> {
        Vectors::new().filter(|_| self.levels == LEVELS)
    }

    pub(super) fn make_room(&mut self, words: usize) {
        for share in [&mut self.x, &mut self.y, &mut self.z] {
            share.mine.reserve_exact(words.saturating_sub(share.mine.len()));
            share.next.reserve_exact(words.saturating_sub(share.next.len()));
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
        let all = self.rows() * self.length;
        self.most = self.most.max(all);
        for share in [&mut self.x, &mut self.y, &mut self.z] {
            share.mine.resize(all, 0);
            share.next.resize(all, 0);
        }
        let by = Linear::by(weight);
        self.weights = std::iter::successors(Some(1), |weight| Some(by.apply(*weight))).take(self.length).collect();
        self.weights.reverse();
        self.masks = guard.number();
        let (mut table, masked) = match self.vectors() {
            Some(vectors) => self.summed_by_vectors(vectors, guard),
            None => self.summed_by_words(&by, guard),
        };
        masked.iter().enumerate().for_each(|(row, sum)| table[corner(row, self.levels)] = *sum);
        let (plus, minus) = guard.pair(table.len());
        table.iter_mut().zip(plus.iter().zip(&minus)).for_each(|(sum, (plus, minus))| *sum ^= plus ^ minus);
        super::write(message, &table);
        self.table = Share { mine: table, next: Vec::new() };
    }

    /// Returns the table, and for each row the sum of masks times its bits. Before each place all are multiplied by the coin, which
    /// gives the places' weights.
    fn summed_by_words(&self, by: &Linear, guard: &Guard) -> (Vec<u64>, Vec<u64>) {
        let (mut table, mut masked) = (vec![0; sums(self.levels)], vec![0; self.rows()]);
        let (mut masks, mut rows) = (Masks::default(), [NOTHING; 4]);
        for places in self.places() {
            let blocks = self.factors(&places, &mut rows);
            masks.take(guard, self.masks, &places);
            for at in 0..places.len() {
                let [x, x_next, y, other] = blocks.map(|block| column(block, at));
                let both: Column = std::array::from_fn(|row| y[row] ^ other[row]);
                let [x, x_next, y_all, both_all] =
                    [&x, &x_next, &y, &both].map(|column| extended(&column[..self.rows()], self.levels));
                let factors = x.iter().zip(&both_all).zip(x_next.iter().zip(&y_all));
                let terms = factors.map(|((x, both), (x_next, y))| x & both ^ x_next & y);
                table.iter_mut().zip(terms).for_each(|(sum, term)| *sum = by.apply(*sum) ^ term);
                let of = masks.of(at).map(Linear::of);
                let terms = both.iter().zip(&y).map(|(both, one)| of[0].apply(*both) ^ of[1].apply(*one));
                masked.iter_mut().zip(terms).for_each(|(sum, term)| *sum = by.apply(*sum) ^ term);
            }
        }
        (table, masked)
    }

    /// Does the same some places at a time; products are reduced at the end.
    fn summed_by_vectors(&self, vectors: Vectors, guard: &Guard) -> (Vec<u64>, Vec<u64>) {
        let none = |count: usize| -> Totals { vec![[0; LANES]; count] };
        let (mut table, mut masked) = (none(sums(LEVELS)), none(WORD / LANES * 2));
        let (mut masks, mut rows, mut both) = (Masks::default(), [NOTHING; 4], NOTHING);
        for places in self.places() {
            let [x, x_next, y, other] = self.factors(&places, &mut rows);
            let ones = both.as_flattened_mut().iter_mut().zip(y.as_flattened());
            ones.zip(other.as_flattened()).for_each(|((both, one), other)| *both = one ^ other);
            let weights = self.weights_of(&places);
            vectors.gather(&weights, [x, &both, x_next, y], &mut table);
            masks.take(guard, self.masks, &places);
            for (at, weight) in weights.iter().enumerate().take(places.len()) {
                vectors.masked(*weight, [&column(&both, at), &column(y, at)], masks.of(at), &mut masked);
            }
        }
        let masked = (0..WORD).map(|row| {
            let (vector, lane) = (row / LANES * 2 + row % 2, row % LANES / 2 * 2);
            reduced(u128::from(masked[vector][lane]) | u128::from(masked[vector][lane + 1]) << WORD)
        });
        (totals(&table).map(reduced).collect(), masked.collect())
    }

    pub(super) fn summed(&mut self, message: &[u8]) {
        self.table.next = super::words_of(message);
    }

    fn fold(&self, weights: &[u64]) -> Fold {
        let all = std::array::from_fn(|row| weights.get(row).copied().unwrap_or(0));
        match self.vectors() {
            Some(vectors) => Fold::Vectors(vectors, Box::new(vectors.weights(&all))),
            None => Fold::Words(Linear::of(&all)),
        }
    }

    /// Makes one row of all at the second coin's point, hides it and shows what comes of it.
    pub(super) fn open(&mut self, guard: &mut Guard, t: u64, point: &[u64], message: &mut Vec<u8>) {
        self.point = point[..self.levels].to_vec();
        let scaled: Vec<u64> = weights(&self.point).iter().map(|weight| times(*weight, t)).collect();
        let by = self.fold(&scaled);
        let mut hidden = std::mem::take(&mut self.hidden);
        hidden.reserve_exact(WORD * self.length);
        let (mut masks, mut rows) = (Masks::default(), [NOTHING; 4]);
        for places in self.places() {
            let [mine, next, ..] = self.factors(&places, &mut rows);
            masks.take(guard, self.masks, &places);
            for at in 0..places.len() {
                let [mine, next] = [(mine, masks.of(at)[0]), (next, masks.of(at)[1])]
                    .map(|(rows, masks)| by.hidden(&by.folded(column(rows, at)), masks));
                hidden.extend(mine.iter().zip(&next).map(|(mine, next)| mine ^ next));
                message.extend_from_slice(next.map(u64::to_le_bytes).as_flattened());
                guard.shown(&mine);
            }
        }
        self.hidden = hidden;
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &[u8]) {
        let weights = weights(&self.point);
        let by = self.fold(&weights);
        let (mut mine, mut next) = (0, 0);
        let (mut rows, mut shown) = ([NOTHING; 4], [0; WORD]);
        let mut parts = message.as_chunks::<8>().0.chunks_exact(WORD).zip(self.hidden.chunks_exact(WORD));
        for places in self.places() {
            let [.., y, other] = self.factors(&places, &mut rows);
            for ((at, place), (message, hidden)) in places.enumerate().zip(&mut parts) {
                shown.iter_mut().zip(message).for_each(|(shown, word)| *shown = u64::from_le_bytes(*word));
                guard.heard(&shown);
                shown.iter_mut().zip(hidden).for_each(|(shown, known)| *shown ^= known);
                let sum = |rows: &Block| times(self.weights[place], self.dot(&shown, &by.folded(column(rows, at))));
                mine ^= sum(y);
                next ^= sum(other);
            }
        }
        let rest = |table: &[u64], z: &[u64]| {
            let mut table = table.to_vec();
            let mut masked = 0;
            for (row, (weight, claimed)) in weights.iter().zip(self.claimed(z)).enumerate() {
                masked ^= times(*weight, std::mem::replace(&mut table[corner(row, self.levels)], claimed));
            }
            times(t, value(table, &self.point)) ^ masked
        };
        mine ^= rest(&self.table.mine, &self.z.mine);
        next ^= rest(&self.table.next, &self.z.next);
        guard.zero(Check::Products, &[mine ^ next], &[next]);
        for share in [&mut self.x, &mut self.y, &mut self.z] {
            share.mine.clear();
            share.next.clear();
        }
        self.hidden.clear();
    }

    /// Returns for each row the sum of its words times their places' weights.
    fn claimed(&self, z: &[u64]) -> Vec<u64> {
        let (mut spare, mut sums) = (NOTHING, vec![[0; LANES]; WORD]);
        if let Some(vectors) = self.vectors() {
            for places in self.places() {
                vectors.weighed(&self.weights_of(&places), self.block(z, &places, &mut spare), &mut sums);
            }
            return totals(&sums).map(reduced).collect();
        }
        let (mut claimed, by) = (vec![0; self.rows()], Linear::by(self.weight));
        for places in self.places() {
            let block = self.block(z, &places, &mut spare);
            for at in 0..places.len() {
                claimed.iter_mut().zip(block).for_each(|(sum, row)| *sum = by.apply(*sum) ^ row[at]);
            }
        }
        claimed
    }

    /// Returns the sum of products.
    fn dot(&self, a: &Column, b: &Column) -> u64 {
        match self.vectors() {
            Some(vectors) => reduced(vectors.dot(a, b)),
            None => a.iter().zip(b).fold(0, |sum, (a, b)| sum ^ times(*a, *b)),
        }
    }
}

/// How rows become one.
enum Fold {
    Vectors(Vectors, Box<Square>),
    Words(Linear),
}

impl Fold {
    /// Returns for each bit of the rows the sum of the weights of the rows in which it is set.
    fn folded(&self, mut rows: Column) -> Column {
        match self {
            Self::Vectors(vectors, weights) => vectors.folded(&rows, weights),
            Self::Words(by) => {
                transpose(&mut rows);
                rows.map(|rows| by.apply(rows))
            }
        }
    }

    /// Returns a place's elements times the powers of x that their bits weigh, hidden.
    fn hidden(&self, elements: &Column, masks: &Column) -> Column {
        match self {
            Self::Vectors(vectors, _) => vectors.hidden(elements, masks),
            Self::Words(_) => std::array::from_fn(|bit| raised(elements[bit], bit) ^ masks[bit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Keys, Streams};
    use crate::prg::Key;
    use crate::share::Party;
    use proptest::prelude::*;
    use std::sync::Arc;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn with_vectors_and_without_the_sums_are_the_same(
            words in prop::collection::vec(any::<[u64; 6]>(), 2000..4500),
            weight: u64,
            scale in prop::collection::vec(any::<u64>(), WORD),
        ) {
            // A processor that has them not has nothing to compare.
            let Some(vectors) = Vectors::new() else { return Ok(()) };
            let [own, next] = [7, 9].map(|byte| Key::new([byte; 16]));
            let mut guard = Guard::new(Party::ALL[1], Arc::new(Streams::new(&Keys { own, next })));
            let part = |at: usize| words.iter().map(|six| six[at]).collect::<Vec<u64>>();
            let mut claims = Claims::default();
            claims.x = Share { mine: part(0), next: part(1) };
            claims.y = Share { mine: part(2), next: part(3) };
            claims.z = Share { mine: part(4), next: part(5) };
            claims.sum(&mut guard, weight, &mut Vec::new());
            prop_assert_eq!(claims.levels, LEVELS);
            let by = Linear::by(weight);
            prop_assert_eq!(claims.summed_by_vectors(vectors, &guard), claims.summed_by_words(&by, &guard));
            let scale: Column = scale.try_into().unwrap();
            let rows: Column = std::array::from_fn(|row| words[row][0]);
            let folds = [Fold::Vectors(vectors, Box::new(vectors.weights(&scale))), Fold::Words(Linear::of(&scale))];
            let [fast, slow] = folds.map(|by| by.hidden(&by.folded(rows), &scale));
            prop_assert_eq!(fast, slow);
            // The sum of all z by hand: of the row that a word is in, times what its place weighs.
            let mut slow = vec![0; WORD];
            for places in claims.places() {
                for (row, sum) in slow.iter_mut().enumerate() {
                    for (at, place) in places.clone().enumerate() {
                        let word = claims.z.mine[WORD * places.start + row * places.len() + at];
                        *sum ^= times(claims.weights[place], word);
                    }
                }
            }
            prop_assert_eq!(claims.claimed(&claims.z.mine), slow);
        }
    }
}
