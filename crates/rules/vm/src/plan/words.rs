//! From bits to numbers, and what is done with the bits of numbers: shifts by secret amounts, tables, halves of products.

use super::{Bits, Builder, Local, Ring, Talk};
use crate::kind::Width;

impl Builder {
    /// Returns numbers from their bits.
    ///
    /// The dealer of a lane draws two masks, each with one of the others, and shares the bits of what they take away; the
    /// sum with the number is what is left, and the two others learn it. Nobody has all three parts.
    pub fn word(&mut self, a: Bits) -> Ring {
        let (lanes, width) = (a.lanes, Width::Int(u8::try_from(a.planes).expect("at most 64 bits")));
        if self.is_guarded() {
            // What the dealer says of its masks nobody could check.
            return self.weighted(a, width);
        }
        if self.dealers().is_some() {
            return self.word_among(a, width);
        }
        let masks = Ring { at: self.local(&[], || Local::Masks { lanes }), lanes, width };
        let taken = self.scale_all(masks, u64::MAX);
        let taken = self.dealt_bits(taken);
        let left = self.sum_bits(a, taken);
        Ring { at: self.talk(&[left.at, masks.at], Talk::Complete { bits: left, masks }), lanes, width }
    }

    /// Returns elements of the field from the bits of numbers.
    pub(crate) fn element(&mut self, a: Bits) -> Ring {
        self.weighted(a, Width::Field)
    }

    /// Returns numbers from their bits, each of which becomes a number by itself.
    fn weighted(&mut self, a: Bits, width: Width) -> Ring {
        let (lanes, planes) = (a.lanes, a.planes);
        let numbers = self.numbers(a, width);
        let weight = move |plane: usize| {
            let weight = 1_u64 << plane;
            if width.is_int() { weight } else { weight % types::GOLDILOCKS }
        };
        let weights = self.numbered(lanes * planes, || {
            (0..planes).flat_map(|plane| std::iter::repeat_n(weight(plane), lanes)).collect()
        });
        let weighted = self.scale(numbers, weights);
        let by_lane = self.ordered(weighted, lanes * planes, || {
            (0..lanes).flat_map(|lane| (0..planes).map(move |plane| plane * lanes + lane)).collect()
        });
        self.sum(by_lane, planes)
    }

    /// Returns planes moved up by so many places, or down, with another plane where nothing comes from.
    fn moved_planes(&mut self, a: Bits, by: usize, is_up: bool, fill: Bits) -> Bits {
        let both = self.stack(&[a, fill]);
        let width = a.planes;
        let from = |plane: usize| if is_up { plane.checked_sub(by) } else { Some(plane + by).filter(|at| *at < width) };
        self.planes(both, (0..width).map(|plane| from(plane).unwrap_or(width)).collect())
    }

    /// Returns numbers shifted by amounts, all given by their bits: a stage for each bit of the amount that moves within
    /// the width, and what is left over for all above them.
    pub(crate) fn barrel(&mut self, a: Bits, amount: Bits, is_up: bool, signed: bool) -> Bits {
        let width = a.planes;
        let fill = if signed { self.planes(a, vec![width - 1]) } else { self.fixed(a.lanes, 1, 0) };
        let stages = (0..amount.planes).take_while(|stage| 1 << stage < width).count();
        let mut shifted = a;
        for stage in 0..stages {
            let bit = self.planes(amount, vec![stage]);
            let moved = self.moved_planes(shifted, 1 << stage, is_up, fill);
            shifted = self.select_bits(bit, moved, shifted);
        }
        if stages == amount.planes {
            return shifted;
        }
        let above = self.planes(amount, (stages..amount.planes).collect());
        let above = self.not(above);
        let is_within = self.all(above);
        let fill = self.repeated(fill, 0, width);
        self.select_bits(is_within, shifted, fill)
    }

    /// Returns for each lane which number it is, a plane for each number: doubled bit by bit.
    pub(crate) fn one_hot(&mut self, a: Bits) -> Bits {
        let lowest = self.planes(a, vec![0]);
        let other = self.not(lowest);
        let mut hot = self.stack(&[other, lowest]);
        for plane in 1..a.planes {
            let bit = self.repeated(a, plane, hot.planes);
            let upper = self.and(hot, bit);
            let lower = self.xor(hot, upper);
            hot = self.stack(&[lower, upper]);
        }
        hot
    }

    /// Returns the bits that a table has at numbers given by their bits.
    pub(crate) fn look(&mut self, a: Bits, table: &[u64], planes: usize) -> Bits {
        let hot = self.one_hot(a);
        let at = self.local(&[hot.at], || Local::Look { from: hot, table: table.to_vec(), planes });
        Bits { at, lanes: a.lanes, planes }
    }

    /// Returns the products shifted right, rounded down, modulo the width, with sign or without. The shift is at most the
    /// width.
    pub(crate) fn product_shifted(&mut self, a: Ring, b: Ring, by: usize, signed: bool) -> Ring {
        let width = a.bits();
        if by == 0 {
            return self.multiply(a, b);
        }
        if width + by <= 64 {
            let wide = Width::Int(u8::try_from(width + by).expect("at most 64"));
            let (x, y) = (self.extend(a, wide, signed), self.extend(b, wide, signed));
            let product = self.multiply(x, y);
            // Wide enough that what is above is not asked for.
            return self.rescale(product, by, a.width, false);
        }
        let mut upper = self.upper_half(a, b);
        if signed {
            // A negative number is its unsigned reading less 2^k.
            let (of_a, of_b) = (self.highest(a), self.highest(b));
            let of_both = self.stack(&[of_a, of_b]);
            let numbers = self.numbers(of_both, a.width);
            let others = self.join(&[b, a]);
            let over = self.multiply(numbers, others);
            let lanes = a.lanes;
            let first = self.ordered(over, lanes, || (0..lanes).collect());
            let second = self.ordered(over, lanes, || (lanes..2 * lanes).collect());
            upper = self.sub(upper, first);
            upper = self.sub(upper, second);
        }
        if by == width {
            return upper;
        }
        let lower = self.multiply(a, b);
        let lower = self.shift_right(lower, by, false);
        let upper = self.scale_all(upper, 1 << (width - by));
        self.add(upper, lower)
    }

    /// Returns the upper half of unsigned products of numbers too wide for their product to be one number: in parts, as by
    /// hand (Knuth, The Art of Computer Programming, 4.3.1). No sum here reaches 2^64.
    fn upper_half(&mut self, a: Ring, b: Ring) -> Ring {
        const WIDE: Width = Width::Int(64);
        let width = a.bits();
        // The parts below are of `first` and of `second` bits, together as many as the numbers have.
        let (second, first) = (width / 2, width.div_ceil(2));
        let below = |of: Ring, bits: usize| Ring { width: Width::Int(u8::try_from(bits).expect("at most 32")), ..of };
        let (a_low, a_high) = (self.extend(below(a, first), WIDE, false), self.rescale(a, first, WIDE, false));
        let (b_low, b_high) = (self.extend(below(b, second), WIDE, false), self.rescale(b, second, WIDE, false));
        let (low, high) = (self.multiply(a_low, b_low), self.multiply(a_high, b_high));
        let (cross, other) = (self.multiply(a_high, b_low), self.multiply(a_low, b_high));
        let cross = self.scale_all(cross, 1 << (first - second));
        let carried = self.rescale(low, second, WIDE, false);
        let cross = self.add(cross, carried);
        let cross_high = self.rescale(cross, first, WIDE, false);
        let taken = self.scale_all(cross_high, 1 << first);
        let cross_low = self.sub(cross, taken);
        let other = self.add(other, cross_low);
        let other_high = self.rescale(other, first, WIDE, false);
        let high = self.add(high, cross_high);
        Ring { width: a.width, ..self.add(high, other_high) }
    }
}
