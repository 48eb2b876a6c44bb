//! Division: digit by digit in bits, and in the field by the inverse.

use super::{Bits, Builder, Ring};
use crate::kind::Width;
use crate::operation::Operation;

impl Builder {
    /// Returns the differences of numbers given by their bits, and whether nothing was borrowed.
    fn difference(&mut self, a: Bits, b: Bits) -> (Bits, Bits) {
        let width = a.planes;
        let other = self.not(b);
        let one = self.xor(a, other);
        let gives = self.and(a, other);
        // One is carried into the lowest place: a - b is a + not b + 1.
        let (lowest, lowest_one) = (self.planes(gives, vec![0]), self.planes(one, vec![0]));
        let lowest = self.xor(lowest, lowest_one);
        let gives = self.with_lowest(gives, lowest);
        let carried = self.carries(gives, one);
        let first = self.not(lowest_one);
        if width == 1 {
            return (first, carried);
        }
        let (rest, into) = (self.planes(one, (1..width).collect()), self.planes(carried, (0..width - 1).collect()));
        let rest = self.xor(rest, into);
        let difference = self.stack(&[first, rest]);
        (difference, self.planes(carried, vec![width - 1]))
    }

    fn with_lowest(&mut self, a: Bits, lowest: Bits) -> Bits {
        if a.planes == 1 {
            return lowest;
        }
        let rest = self.planes(a, (1..a.planes).collect());
        self.stack(&[lowest, rest])
    }

    /// Returns quotient and remainder, all in bits: the remainder takes the dividend's bits in from the top, and gives the
    /// divisor away where it can. By zero every bit of the quotient is set and the remainder is the dividend, if that is no
    /// longer than the divisor.
    fn divided(&mut self, a: Bits, by: Bits) -> (Bits, Bits) {
        let width = by.planes;
        let mut rest = self.fixed(a.lanes, width, 0);
        let mut digits = Vec::with_capacity(a.planes);
        for plane in (0..a.planes).rev() {
            let next = self.planes(a, vec![plane]);
            let top = self.planes(rest, vec![width - 1]);
            let grown = if width == 1 {
                next
            } else {
                let lower = self.planes(rest, (0..width - 1).collect());
                self.stack(&[next, lower])
            };
            // Where a bit went over the top, the divisor fits, and taking it away borrows that bit.
            let (less, fits) = self.difference(grown, by);
            let digit = self.xor(top, fits);
            rest = self.select_bits(digit, less, grown);
            digits.push(digit);
        }
        digits.reverse();
        (self.stack(&digits), rest)
    }

    /// Returns the complement where a bit is set, and one more where another is.
    fn turned(&mut self, a: Bits, bit: Bits, more: Bits) -> Bits {
        let wide = self.repeated(bit, 0, a.planes);
        let turned = self.xor(a, wide);
        if a.planes == 1 {
            return self.xor(turned, more);
        }
        let zeros = self.fixed(a.lanes, a.planes - 1, 0);
        let more = self.stack(&[more, zeros]);
        self.sum_bits(turned, more)
    }

    fn is_none(&mut self, a: Bits) -> Bits {
        let other = self.not(a);
        self.all(other)
    }

    /// Returns the bits of a quotient or a remainder.
    pub(crate) fn division(&mut self, operation: &Operation, a: Bits, b: Bits) -> Bits {
        let width = a.planes;
        match *operation {
            Operation::Div => return self.divided(a, b).0,
            Operation::Rem => return self.divided(a, b).1,
            _ => {}
        }
        let (of_a, of_b) = (self.planes(a, vec![width - 1]), self.planes(b, vec![width - 1]));
        let (dividend, divisor) = (self.turned(a, of_a, of_a), self.turned(b, of_b, of_b));
        if *operation == Operation::Rems {
            let rest = self.divided(dividend, divisor).1;
            return self.turned(rest, of_a, of_a);
        }
        let is_zero = self.is_none(b);
        let is_not = self.not(is_zero);
        let differ = self.xor(of_a, of_b);
        let is_negative = self.and(differ, is_not);
        let Operation::DivFix { fraction } = *operation else {
            let quotient = self.divided(dividend, divisor).0;
            return self.turned(quotient, is_negative, is_negative);
        };
        let dividend = if fraction == 0 {
            dividend
        } else {
            let zeros = self.fixed(a.lanes, fraction.into(), 0);
            self.stack(&[zeros, dividend])
        };
        let (quotient, rest) = self.divided(dividend, divisor);
        let quotient = self.planes(quotient, (0..width).collect());
        let always = self.repeated(is_zero, 0, width);
        let quotient = self.or(quotient, always);
        // Rounded down: what is negative is one less where something is left.
        let is_whole = self.is_none(rest);
        let more = self.and(is_negative, is_whole);
        self.turned(quotient, is_negative, more)
    }

    /// Returns the inverses in the field, of zero zero: the power p - 2, whose digits are 31 ones, a zero and 32 ones.
    pub(crate) fn inverse(&mut self, a: Ring) -> Ring {
        assert_eq!(a.width, Width::Field, "elements of the field");
        let square =
            |of: Ring, times: usize, builder: &mut Self| (0..times).fold(of, |power, _| builder.multiply(power, power));
        let grown = |of: Ring, by: Ring, ones: usize, builder: &mut Self| {
            let moved = square(of, ones, builder);
            builder.multiply(moved, by)
        };
        let two = grown(a, a, 1, self);
        let three = grown(two, a, 1, self);
        let six = grown(three, three, 3, self);
        let twelve = grown(six, six, 6, self);
        let twenty_four = grown(twelve, twelve, 12, self);
        let thirty = grown(twenty_four, six, 6, self);
        let thirty_one = grown(thirty, a, 1, self);
        let thirty_two = grown(thirty_one, a, 1, self);
        grown(thirty_one, thirty_two, 33, self)
    }
}
