//! From numbers to bits and back among any number of parties.
//!
//! A shared number is the sum of what each dealer knows and of the one component that no dealer does. The dealers share the
//! bits of what they know, those of the rest are shared as they are, and sums of three bits become two (carry-save, Wallace
//! 1964) until two numbers are left. Each such step carries one bit out of a place at most.

use super::compare::Parts;
use super::{Bits, Builder, Local, Ring, Talk};
use crate::kind::Width;

/// Two numbers, bit by bit, and what was carried out of each place on the way to them.
struct Saved {
    sum: (Bits, Bits),
    carried: Vec<Bits>,
}

impl Builder {
    /// Returns numbers, bit by bit, whose sum is the shared one.
    fn addends(&mut self, a: Ring) -> Vec<Bits> {
        let (dealers, bits) = (self.parties().curious(), a.bits());
        let dealt =
            Bits { at: self.talk(&[a.at], Talk::DealSumBits { from: a }), lanes: a.lanes, planes: dealers * bits };
        let mut addends: Vec<Bits> =
            (0..dealers).map(|part| self.planes(dealt, (part * bits..(part + 1) * bits).collect())).collect();
        addends.push(self.third_bits(a, false));
        addends
    }

    /// Brings numbers to two with the same sum.
    fn saved(&mut self, mut addends: Vec<Bits>) -> Saved {
        let mut carried = Vec::new();
        while addends.len() > 2 {
            let mut left = Vec::new();
            for group in addends.chunks(3) {
                let [a, b, c] = *group else {
                    left.extend_from_slice(group);
                    continue;
                };
                // What at least two of three say: the first, unless both others differ from it.
                let (with_b, with_c) = (self.xor(a, b), self.xor(a, c));
                let both = self.and(with_b, with_c);
                let majority = self.xor(a, both);
                left.push(self.xor(with_b, c));
                left.push(self.doubled(majority));
                carried.push(majority);
            }
            addends = left;
        }
        Saved { sum: (addends[0], addends[1]), carried }
    }

    /// Returns twice the numbers, without what goes over the top.
    fn doubled(&mut self, a: Bits) -> Bits {
        let none = self.fixed(a.lanes, 1, 0);
        if a.planes == 1 {
            return none;
        }
        let below = self.planes(a, (0..a.planes - 1).collect());
        self.stack(&[none, below])
    }

    pub(super) fn two_among(&mut self, a: Ring) -> (Bits, Bits) {
        let addends = self.addends(a);
        self.saved(addends).sum
    }

    pub(super) fn is_zero_among(&mut self, a: Ring) -> Bits {
        if a.width == Width::Field {
            let bits = self.bits(a);
            let none = self.not(bits);
            return self.all(none);
        }
        // Two numbers have the sum -1 if and only if each place is set in exactly one of them.
        let less = self.add_all(a, u64::MAX);
        let (one, other) = self.two_among(less);
        let differ = self.xor(one, other);
        self.all(differ)
    }

    /// Returns each plane as numbers: what the dealers say and the rest say, two by two whether exactly one is set.
    pub(super) fn numbers_among(&mut self, a: Bits, width: Width, dealers: usize) -> Ring {
        let lanes = a.planes * a.lanes;
        let at = self.talk(&[a.at], Talk::DealOfBits { from: a, width });
        let dealt = Ring { at, lanes: dealers * lanes, width };
        let mut parts: Vec<Ring> = (0..dealers)
            .map(|part| self.ordered(dealt, lanes, || (part * lanes..(part + 1) * lanes).collect()))
            .collect();
        parts.push(Ring { at: self.local(&[a.at], || Local::ThirdOfBits { from: a }), lanes, width });
        while parts.len() > 1 {
            let mut left = Vec::new();
            for pair in parts.chunks(2) {
                let [x, y] = *pair else {
                    left.extend_from_slice(pair);
                    continue;
                };
                // Exactly one of two: a + b - 2ab.
                let (sum, both) = (self.add(x, y), self.multiply(x, y));
                let twice = self.scale_all(both, 2);
                left.push(self.sub(sum, twice));
            }
            parts = left;
        }
        parts[0]
    }

    /// Returns numbers from their bits: what is left after a mask that nobody knows is shown.
    pub(super) fn word_among(&mut self, a: Bits, width: Width) -> Ring {
        let mask = self.random(a.lanes, width);
        let taken = self.scale_all(mask, u64::MAX);
        let mut addends = self.addends(taken);
        addends.push(a);
        let (one, other) = self.saved(addends).sum;
        let left = self.sum_bits(one, other);
        let at = self.talk(&[left.at], Talk::OpenBits(left));
        self.add_public(mask, super::Public { at, lanes: a.lanes })
    }

    /// Returns the numbers shifted right, rounded down, in another width or in the field: the parts shifted, with what the
    /// places below carry into the lowest one, less what is carried over the top.
    pub(super) fn rescale_among(&mut self, a: Ring, by: usize, width: Width) -> Ring {
        let addends = self.addends(a);
        let Saved { sum: (one, other), carried } = self.saved(addends);
        let parts = Parts { both: self.and(one, other), one: self.xor(one, other) };
        let dealt = self.talk(&[a.at], Talk::DealSum { from: a, shift: by, width });
        let third = self.local(&[a.at], || Local::Third { from: a, shift: by, width });
        let [dealt, third] = [dealt, third].map(|at| Ring { at, lanes: a.lanes, width });
        let mut sum = self.add(dealt, third);
        let over = a.bits() - by;
        let is_over = width == Width::Field || over < usize::from(width.bits());
        let mut carries = Vec::new();
        for place in [(by > 0).then_some(by), is_over.then_some(a.bits())].into_iter().flatten() {
            for majority in &carried {
                carries.push(self.planes(*majority, vec![place - 1]));
            }
            carries.push(self.carried(&parts, place));
        }
        if carries.is_empty() {
            return sum;
        }
        let (lanes, each) = (a.lanes, carried.len() + 1);
        let stacked = self.stack(&carries);
        let numbers = self.numbers(stacked, width);
        let total = |group: usize, builder: &mut Self| {
            let order = || (0..lanes).flat_map(|lane| (0..each).map(move |part| (group * each + part) * lanes + lane));
            let of = builder.ordered(numbers, lanes * each, || order().collect());
            builder.sum(of, each)
        };
        if by > 0 {
            let low = total(0, self);
            sum = self.add(sum, low);
        }
        if is_over {
            let whole = total(carries.len() / each - 1, self);
            let weight = if over == 64 { types::GOLDILOCKS.wrapping_neg() } else { 1 << over };
            let whole = self.scale_all(whole, weight);
            sum = self.sub(sum, whole);
        }
        sum
    }

    /// Returns the bits of elements of the field: of at most four parts, less the prime until that is negative.
    pub(super) fn element_bits_among(&mut self, a: Ring) -> Bits {
        const WIDE: usize = 67;
        let zeros = self.fixed(a.lanes, WIDE - 64, 0);
        let parts = self.addends(a);
        let addends: Vec<Bits> = parts.into_iter().map(|part| self.stack(&[part, zeros])).collect();
        let most = addends.len() - 1;
        let (one, other) = self.saved(addends).sum;
        let mut sum = self.sum_bits(one, other);
        for times in [2, 1].into_iter().filter(|times| *times <= most) {
            let taken = u128::from(types::GOLDILOCKS) << (times - 1);
            let negative = self.fixed(a.lanes, WIDE, (1 << WIDE) - taken);
            let less = self.sum_bits(sum, negative);
            let is_negative = self.planes(less, vec![WIDE - 1]);
            sum = self.select_bits(is_negative, sum, less);
        }
        self.planes(sum, (0..64).collect())
    }
}
