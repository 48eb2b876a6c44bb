//! What is done to the order of lanes: shuffling, sorting, finding the largest.

use super::{Any, Bits, Builder, Operand, Talk};
use crate::kind::{Type, Width};
use crate::layout::at;
use crate::operation::Operation;

/// A stage of a sorting network: the lanes whose number has a bit set, or not, each with the one so far behind it.
#[derive(Clone, Copy)]
struct Stage {
    lanes: usize,
    bit: usize,
    is_set: bool,
    distance: usize,
}

impl Stage {
    fn firsts(self) -> impl Iterator<Item = usize> {
        (0..self.lanes - self.distance).filter(move |lane| (lane & self.bit != 0) == self.is_set)
    }

    /// Returns how many pairs there are, without listing them.
    fn pairs(self) -> usize {
        let count = self.lanes - self.distance;
        let set = count / (self.bit * 2) * self.bit + (count % (self.bit * 2)).saturating_sub(self.bit);
        if self.is_set { set } else { count - set }
    }
}

/// Batcher's merge exchange, for any number of lanes. (Knuth, The Art of Computer Programming, 5.2.2, algorithm M.)
fn stages(lanes: usize) -> Vec<Stage> {
    let mut all = Vec::new();
    let top = lanes.next_power_of_two() / 2;
    let mut bit = top;
    while bit > 0 {
        let (mut reach, mut is_set, mut distance) = (top, false, bit);
        loop {
            all.push(Stage { lanes, bit, is_set, distance });
            if reach == bit {
                break;
            }
            (distance, is_set, reach) = (reach - bit, true, reach / 2);
        }
        bit /= 2;
    }
    all
}

impl Builder {
    /// Brings lanes into an order that nobody knows: three passes, in each of which two parties who know an order share the
    /// lanes anew, in that order, with the third. (Laur, Willemson, Zhang, ISC 2011.) Among more, a pass for each set of parties
    /// that may be curious, by all others.
    pub(crate) fn shuffled(&mut self, columns: Vec<Any>) -> Vec<Any> {
        let mut columns = columns;
        if columns.first().is_none_or(|column| column.lanes() == 1) {
            return columns;
        }
        for first in 0..self.parties().components().len() {
            let order = self.register(0);
            for column in &mut columns {
                *column = column.placed(self.talk(&[column.at()], Talk::Mix { from: *column, first, order }));
            }
        }
        columns
    }

    /// Sorts rows by the first column, those with equal keys in the order in which they were.
    pub(crate) fn sorted(&mut self, of: &[Operand], signed: bool) -> Vec<Any> {
        let lanes = at(of[0].kind.lanes);
        if lanes == 1 {
            return of.iter().map(|column| self.secret(*column)).collect();
        }
        // All integers go as bits, and with the key goes where its row was, so that no two keys are equal.
        let mut columns: Vec<Any> = of
            .iter()
            .map(
                |column| {
                    if column.kind.width.is_int() { Any::Bits(self.any_bits(*column)) } else { self.secret(*column) }
                },
            )
            .collect();
        let Any::Bits(mut key) = columns[0] else { unreachable!("keys are integers") };
        if signed {
            // With the sign the other way round, signed numbers are in the order of unsigned ones.
            let sign = self.planes(key, vec![key.planes - 1]);
            let sign = self.not(sign);
            key = self.with_highest(key, sign);
        }
        let places = lanes.next_power_of_two().trailing_zeros();
        let numbers = self.numbered(lanes, || (0..).take(lanes).collect());
        let width = Width::Int(u8::try_from(places).expect("lanes are counted in 32 bits"));
        let place = self.any_bits(Operand { any: Any::Public(numbers), kind: Type::public(width, of[0].kind.lanes) });
        columns[0] = Any::Bits(self.stack(&[place, key]));
        for stage in stages(lanes) {
            self.exchanged(stage, &mut columns);
        }
        let Any::Bits(key) = columns[0] else { unreachable!("bits stay bits") };
        let mut key = self.planes(key, (place.planes..key.planes).collect());
        if signed {
            let sign = self.planes(key, vec![key.planes - 1]);
            let sign = self.not(sign);
            key = self.with_highest(key, sign);
        }
        columns[0] = Any::Bits(key);
        columns
            .into_iter()
            .map(|column| if let Any::Bits(bits) = column { self.integer(bits) } else { column })
            .collect()
    }

    fn with_highest(&mut self, a: Bits, highest: Bits) -> Bits {
        if a.planes == 1 {
            return highest;
        }
        let rest = self.planes(a, (0..a.planes - 1).collect());
        self.stack(&[rest, highest])
    }

    /// Exchanges the rows of each pair whose second key is less than the first.
    fn exchanged(&mut self, stage: Stage, columns: &mut [Any]) {
        let pairs = stage.pairs();
        if pairs == 0 {
            return;
        }
        let firsts = || stage.firsts().collect::<Vec<_>>();
        let seconds = || stage.firsts().map(|lane| lane + stage.distance).collect::<Vec<_>>();
        let split = |builder: &mut Self, column: Any| {
            (builder.some(column, pairs, firsts), builder.some(column, pairs, seconds))
        };
        let (low, high) = split(self, columns[0]);
        let (Any::Bits(low), Any::Bits(high)) = (low, high) else { unreachable!("keys are bits") };
        let swaps = self.less_bits(high, low);
        for column in columns {
            let (low, high) = split(self, *column);
            // Both change by the same: the difference of the two, where they are exchanged.
            let (low, high) = match (low, high) {
                (Any::Bits(low), Any::Bits(high)) => {
                    let differ = self.xor(low, high);
                    let wide = self.repeated(swaps, 0, low.planes);
                    let change = self.and(wide, differ);
                    (Any::Bits(self.xor(low, change)), Any::Bits(self.xor(high, change)))
                }
                (Any::Ring(low), Any::Ring(high)) => {
                    let differ = self.sub(high, low);
                    let numbers = self.numbers(swaps, low.width);
                    let change = self.multiply(numbers, differ);
                    (Any::Ring(self.add(low, change)), Any::Ring(self.sub(high, change)))
                }
                _ => unreachable!("both are parts of one column"),
            };
            let all = self.joined(&[*column, low, high]);
            *column = self.some(all, stage.lanes, || {
                let mut order: Vec<usize> = (0..stage.lanes).collect();
                for (pair, first) in stage.firsts().enumerate() {
                    order[first] = stage.lanes + pair;
                    order[first + stage.distance] = stage.lanes + pairs + pair;
                }
                order
            });
        }
    }

    /// A tournament: the larger of each pair goes on with its place, the first of equal ones.
    pub(crate) fn largest(&mut self, a: Operand, place: Type, signed: bool) -> Vec<Any> {
        let lanes = at(a.kind.lanes);
        let numbers = Any::Public(self.numbered(lanes, || (0..).take(lanes).collect()));
        let mut places = self.secret(Operand { any: numbers, kind: Type::public(place.width, a.kind.lanes) });
        let mut all = self.secret(a);
        let mut left = lanes;
        let order = if signed { Operation::Lts } else { Operation::Lt };
        while left > 1 {
            let pairs = left / 2;
            let count = u32::try_from(pairs).expect("lanes are counted in 32 bits");
            let of = |any: Any, width: Width| Operand { any, kind: Type::secret(width, count) };
            let pick = |offset: usize| move || (0..pairs).map(|pair| 2 * pair + offset).collect();
            let pair = |from: Any, width: Width, builder: &mut Self| {
                [0, 1].map(|offset| of(builder.some(from, pairs, pick(offset)), width))
            };
            let [first, second] = pair(all, a.kind.width, self);
            let [first_at, second_at] = pair(places, place.width, self);
            let less = Any::Bits(self.compared(&order, first, &[first, second]));
            let less = of(less, Width::BIT);
            let mut winners = self.chosen(less, second, first);
            let mut winners_at = self.chosen(less, second_at, first_at);
            if !left.is_multiple_of(2) {
                let last = || vec![left - 1];
                let (rest, rest_at) = (self.some(all, 1, last), self.some(places, 1, last));
                winners = self.joined(&[winners, rest]);
                winners_at = self.joined(&[winners_at, rest_at]);
            }
            (all, places) = (winners, winners_at);
            left = left.div_ceil(2);
        }
        vec![all, places]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_sorts_every_sequence_of_zeros_and_ones() {
        // Which suffices for all sequences. (Knuth, 5.3.4, theorem Z.)
        for lanes in 2..=14 {
            let stages = stages(lanes);
            for mut set in 0_u32..1 << lanes {
                let ones = set.count_ones();
                for stage in &stages {
                    assert_eq!(stage.pairs(), stage.firsts().count());
                    for first in stage.firsts() {
                        let second = first + stage.distance;
                        if set >> first & 1 == 1 && set >> second & 1 == 0 {
                            set ^= 1 << first | 1 << second;
                        }
                    }
                }
                assert_eq!(set.checked_shr(u32::try_from(lanes).unwrap() - ones).unwrap_or(0), (1 << ones) - 1);
            }
        }
    }
}
