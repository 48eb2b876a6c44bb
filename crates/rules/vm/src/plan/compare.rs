//! From numbers to bits and back, and what follows from that: comparison, selection, shifts.
//!
//! A shared number is the sum of what one party, the dealer, knows and what the two others know. The dealer shares the
//! bits of its part anew, the others' are shared as they are, and a prefix adder over bits says what was carried where.
//! (ABY3, Mohassel and Rindal, CCS 2018, section 5.3, in the form in which one party re-shares.) Nothing here is
//! approximate, so every engine gives the same.

use super::{Bits, Builder, Local, Ring, Talk};
use crate::kind::Width;

/// Two numbers, bit by bit, whose sum is the shared one: where both are one, and where exactly one is.
pub(super) struct Parts {
    pub(super) both: Bits,
    pub(super) one: Bits,
}

impl Builder {
    /// Returns the bits of what the dealer knows, as it says.
    pub(crate) fn dealt_bits(&mut self, a: Ring) -> Bits {
        if self.is_guarded() {
            return self.added_bits(a).0;
        }
        Bits { at: self.talk(&[a.at], Talk::DealSumBits { from: a }), lanes: a.lanes, planes: a.bits() }
    }

    /// Returns the bits of what the dealer knows, and what is carried out of each: that is dealt, because it can be
    /// checked. The rest follows from the components.
    fn added_bits(&mut self, a: Ring) -> (Bits, Bits) {
        let [first, second] =
            [false, true].map(|second| self.local(&[a.at], || Local::DealersBits { from: a, second }));
        let what = Talk::DealCarries { from: a, first, second };
        let [first, second, carries] = [first, second, self.talk(&[a.at, first, second], what)].map(|at| Bits {
            at,
            lanes: a.lanes,
            planes: a.bits(),
        });
        let none = self.fixed(a.lanes, 1, 0);
        let below = self.planes(carries, (0..a.bits() - 1).collect());
        let carried_in = self.stack(&[none, below]);
        let differ = self.xor(first, second);
        (self.xor(differ, carried_in), carries)
    }

    pub(super) fn third_bits(&mut self, a: Ring, negated: bool) -> Bits {
        let at = self.local(&[a.at], || Local::ThirdBits { from: a, negated });
        Bits { at, lanes: a.lanes, planes: a.bits() }
    }

    /// Returns two numbers, bit by bit, whose sum is the shared one.
    fn two(&mut self, a: Ring) -> (Bits, Bits) {
        if self.dealers().is_some() { self.two_among(a) } else { (self.dealt_bits(a), self.third_bits(a, false)) }
    }

    fn parts(&mut self, a: Ring) -> Parts {
        let (dealt, third) = self.two(a);
        Parts { both: self.and(dealt, third), one: self.xor(dealt, third) }
    }

    /// Returns what is carried out of the lowest bits, so many of them: a tree of conjunctions, one level a round.
    pub(super) fn carried(&mut self, parts: &Parts, bits: usize) -> Bits {
        let lowest: Vec<usize> = (0..bits).collect();
        // Plane `i` says whether block `i` carries by itself; plane `i-1` of the other whether block `i` passes a carry
        // on. Whether the lowest block passes one on is never asked.
        let mut gives = self.planes(parts.both, lowest.clone());
        if bits == 1 {
            return gives;
        }
        let mut passes = self.planes(parts.one, lowest[1..].to_vec());
        while gives.planes > 1 {
            let pairs = gives.planes / 2;
            let is_odd = gives.planes % 2 == 1;
            let upper: Vec<usize> = (0..pairs).map(|pair| 2 * pair + 1).collect();
            let lower: Vec<usize> = (0..pairs).map(|pair| 2 * pair).collect();
            let upper_passes: Vec<usize> = upper.iter().map(|block| block - 1).collect();
            let lower_passes: Vec<usize> = lower[1..].iter().map(|block| block - 1).collect();
            let (gives_low, gives_high) = (self.planes(gives, lower), self.planes(gives, upper));
            let high = self.planes(passes, upper_passes.clone());
            let products = if pairs == 1 {
                self.and(high, gives_low)
            } else {
                let high_again = self.planes(passes, upper_passes[1..].to_vec());
                let low = self.planes(passes, lower_passes);
                let (left, right) = (self.stack(&[high, high_again]), self.stack(&[gives_low, low]));
                self.and(left, right)
            };
            let given = self.planes(products, (0..pairs).collect());
            let mut next_gives = vec![self.xor(gives_high, given)];
            let mut next_passes = Vec::new();
            if pairs > 1 {
                next_passes.push(self.planes(products, (pairs..2 * pairs - 1).collect()));
            }
            if is_odd {
                let last = gives.planes - 1;
                next_gives.push(self.planes(gives, vec![last]));
                next_passes.push(self.planes(passes, vec![last - 1]));
            }
            gives = self.stack(&next_gives);
            if !next_passes.is_empty() {
                passes = self.stack(&next_passes);
            }
        }
        gives
    }

    /// Returns whether the highest bit of each number is set: whether it is negative, if it has a sign.
    pub fn highest(&mut self, a: Ring) -> Bits {
        let (dealt, third) = self.two(a);
        let one = self.xor(dealt, third);
        let top = self.planes(one, vec![a.bits() - 1]);
        if a.bits() == 1 {
            return top;
        }
        let below: Vec<usize> = (0..a.bits() - 1).collect();
        let (dealt, third) = (self.planes(dealt, below.clone()), self.planes(third, below));
        let parts = Parts { both: self.and(dealt, third), one };
        let carried = self.carried(&parts, a.bits() - 1);
        self.xor(top, carried)
    }

    /// Returns whether each number is less than the other, for all numbers, with signs or without.
    pub fn less(&mut self, a: Ring, b: Ring, signed: bool) -> Bits {
        let difference = self.sub(a, b);
        let difference = self.highest(difference);
        let (of_a, of_b) = (self.highest(a), self.highest(b));
        self.decided(difference, of_a, of_b, signed)
    }

    /// Returns which is less from the highest bits of a difference and of what it is of. The difference alone may wrap: where
    /// the highest bits differ, they decide. All three are found in the same rounds.
    pub(crate) fn decided(&mut self, difference: Bits, of_a: Bits, of_b: Bits, signed: bool) -> Bits {
        let decides = if signed { of_a } else { of_b };
        let (differ, change) = (self.xor(of_a, of_b), self.xor(difference, decides));
        let agree = self.not(differ);
        let changed = self.and(agree, change);
        self.xor(decides, changed)
    }

    /// Returns whether each difference is negative: for numbers of which it is known that their differences do not
    /// wrap, a third of the cost of [`Builder::less`].
    pub fn less_near(&mut self, a: Ring, b: Ring) -> Bits {
        let difference = self.sub(a, b);
        self.highest(difference)
    }

    /// Returns whether each number is zero.
    pub fn is_zero(&mut self, a: Ring) -> Bits {
        if self.dealers().is_some() {
            return self.is_zero_among(a);
        }
        // What the dealer knows is then the negation of what the others know.
        let (dealt, third) = (self.dealt_bits(a), self.third_bits(a, true));
        let differ = self.xor(dealt, third);
        let same = self.not(differ);
        self.all(same)
    }

    /// Returns whether the numbers are equal.
    pub fn equal(&mut self, a: Ring, b: Ring) -> Bits {
        let difference = self.sub(a, b);
        self.is_zero(difference)
    }

    /// Returns whether all planes of each lane are set.
    pub fn all(&mut self, mut a: Bits) -> Bits {
        while a.planes > 1 {
            let half = a.planes / 2;
            let (low, high) = (self.planes(a, (0..half).collect()), self.planes(a, (half..2 * half).collect()));
            let mut rest = vec![self.and(low, high)];
            if a.planes % 2 == 1 {
                rest.push(self.planes(a, vec![a.planes - 1]));
            }
            a = self.stack(&rest);
        }
        a
    }

    /// Returns each plane as numbers that are zero or one, plane after plane.
    pub fn numbers(&mut self, a: Bits, width: Width) -> Ring {
        if let Some(dealers) = self.dealers() {
            return self.numbers_among(a, width, dealers);
        }
        let lanes = a.planes * a.lanes;
        let dealt = Ring { at: self.talk(&[a.at], Talk::DealOfBits { from: a, width }), lanes, width };
        let third = Ring { at: self.local(&[a.at], || Local::ThirdOfBits { from: a }), lanes, width };
        // Exactly one of two: a + b - 2ab.
        let (sum, both) = (self.add(dealt, third), self.multiply(dealt, third));
        let twice = self.scale_all(both, 2);
        self.sub(sum, twice)
    }

    /// Returns `a` where the bit is set and `b` where it is not.
    pub fn select(&mut self, bit: Bits, a: Ring, b: Ring) -> Ring {
        let chosen = self.numbers(bit, a.width);
        let difference = self.sub(a, b);
        let change = self.multiply(chosen, difference);
        self.add(b, change)
    }

    /// Returns `a` where the bit is set and `b` where it is not, each of them bits.
    pub fn select_bits(&mut self, bit: Bits, a: Bits, b: Bits) -> Bits {
        let difference = self.xor(a, b);
        let wide = self.repeated(bit, 0, a.planes);
        let change = self.and(wide, difference);
        self.xor(b, change)
    }

    /// Returns the numbers shifted right by so many bits, rounded down, with sign or without.
    pub fn shift_right(&mut self, a: Ring, by: usize, signed: bool) -> Ring {
        if by == 0 { a } else { self.rescale(a, by, a.width, signed) }
    }

    /// Returns the numbers in a larger width, with sign or without.
    pub fn extend(&mut self, a: Ring, width: Width, signed: bool) -> Ring {
        assert!(width.bits() >= a.width.bits(), "a larger width");
        if width == a.width { a } else { self.rescale(a, 0, width, signed) }
    }

    /// Returns the numbers shifted right by so many bits, rounded down, in another width, or in the field.
    pub(crate) fn rescale(&mut self, a: Ring, by: usize, width: Width, signed: bool) -> Ring {
        assert!(by < a.bits(), "a shift by fewer bits than there are");
        if !signed {
            return self.rescale_up(a, by, width);
        }
        // Moved up by half the range there are no negative ones.
        let raised = self.add_all(a, 1 << (a.bits() - 1));
        let scaled = self.rescale_up(raised, by, width);
        self.add_all(scaled, (1_u64 << (a.bits() - 1 - by)).wrapping_neg())
    }

    fn rescale_up(&mut self, a: Ring, by: usize, width: Width) -> Ring {
        if self.is_guarded() {
            return self.rescale_guarded(a, by, width);
        }
        if self.dealers().is_some() {
            return self.rescale_among(a, by, width);
        }
        let parts = self.parts(a);
        let dealt = self.talk(&[a.at], Talk::DealSum { from: a, shift: by, width });
        let third = self.local(&[a.at], || Local::Third { from: a, shift: by, width });
        let [dealt, third] = [dealt, third].map(|at| Ring { at, lanes: a.lanes, width });
        let mut sum = self.add(dealt, third);
        let mut carries = Vec::new();
        if by > 0 {
            carries.push(self.carried(&parts, by));
        }
        // What was carried over the top was too much, unless the width forgets it.
        let over = a.bits() - by;
        let is_over = width == Width::Field || over < usize::from(width.bits());
        if is_over {
            carries.push(self.carried(&parts, a.bits()));
        }
        if carries.is_empty() {
            return sum;
        }
        let stacked = self.stack(&carries);
        let numbers = self.numbers(stacked, width);
        let lanes = a.lanes;
        let part = |number: usize| move || (number * lanes..(number + 1) * lanes).collect::<Vec<_>>();
        if by > 0 {
            let low = self.ordered(numbers, lanes, part(0));
            sum = self.add(sum, low);
        }
        if is_over {
            let whole = self.ordered(numbers, lanes, part(carries.len() - 1));
            let weight = if over == 64 { types::GOLDILOCKS.wrapping_neg() } else { 1 << over };
            let whole = self.scale_all(whole, weight);
            sum = self.sub(sum, whole);
        }
        sum
    }

    /// The same from the three components alone and what is carried in their sums.
    fn rescale_guarded(&mut self, a: Ring, by: usize, width: Width) -> Ring {
        let ((dealt, first), third) = (self.added_bits(a), self.third_bits(a, false));
        let parts = Parts { both: self.and(dealt, third), one: self.xor(dealt, third) };
        let at = self.local(&[a.at], || Local::Shifted { from: a, shift: by, width });
        let mut sum = Ring { at, lanes: a.lanes, width };
        let over = a.bits() - by;
        let is_over = over < usize::from(width.bits());
        let mut carries = Vec::new();
        if by > 0 {
            carries.extend([self.planes(first, vec![by - 1]), self.carried(&parts, by)]);
        }
        if is_over {
            carries.extend([self.planes(first, vec![a.bits() - 1]), self.carried(&parts, a.bits())]);
        }
        if carries.is_empty() {
            return sum;
        }
        let stacked = self.stack(&carries);
        let numbers = self.numbers(stacked, width);
        let mut pairs = numbers.lanes / (2 * a.lanes);
        if is_over {
            pairs -= 1;
            let whole = self.both(numbers, a.lanes, 2 * pairs);
            let whole = self.scale_all(whole, 1 << over);
            sum = self.sub(sum, whole);
        }
        if pairs > 0 {
            let low = self.both(numbers, a.lanes, 0);
            sum = self.add(sum, low);
        }
        sum
    }

    /// Returns the sum of two parts that lie beside one another.
    fn both(&mut self, numbers: Ring, lanes: usize, part: usize) -> Ring {
        let of = |part: usize| (part * lanes..(part + 1) * lanes).collect::<Vec<_>>();
        let (one, other) = (self.lanes(numbers, of(part)), self.lanes(numbers, of(part + 1)));
        self.add(one, other)
    }

    /// Returns the bits of each number.
    pub fn bits(&mut self, a: Ring) -> Bits {
        if self.dealers().is_some() && a.width == Width::Field {
            return self.element_bits_among(a);
        }
        let (dealt, third) = self.two(a);
        if a.width.is_int() {
            return self.sum_bits(dealt, third);
        }
        // Less than twice the prime: once less the prime, unless that is negative.
        let zeros = self.fixed(a.lanes, 2, 0);
        let (dealt, third) = (self.stack(&[dealt, zeros]), self.stack(&[third, zeros]));
        let sum = self.sum_bits(dealt, third);
        let negative = self.fixed(a.lanes, 66, (1 << 66) - u128::from(types::GOLDILOCKS));
        let less = self.sum_bits(sum, negative);
        let is_negative = self.planes(less, vec![65]);
        let low = || (0..64).collect::<Vec<_>>();
        let (sum, less) = (self.planes(sum, low()), self.planes(less, low()));
        self.select_bits(is_negative, sum, less)
    }

    /// Returns the sums of numbers that are given by their bits, without what is carried over the top.
    pub fn sum_bits(&mut self, a: Bits, b: Bits) -> Bits {
        let one = self.xor(a, b);
        let width = one.planes;
        if width == 1 {
            return one;
        }
        // What is carried over the top is not asked for.
        let below: Vec<usize> = (0..width - 1).collect();
        let (a, b, passes) = (self.planes(a, below.clone()), self.planes(b, below.clone()), self.planes(one, below));
        let gives = self.and(a, b);
        let carried = self.carries(gives, passes);
        let (lowest, rest) = (self.planes(one, vec![0]), self.planes(one, (1..width).collect()));
        let rest = self.xor(rest, carried);
        self.stack(&[lowest, rest])
    }

    /// Returns what is carried out of each place and all below it: blocks of doubling length, each taking what the block
    /// below it carries. (Sklansky, 1960.)
    pub(crate) fn carries(&mut self, mut gives: Bits, mut passes: Bits) -> Bits {
        let width = gives.planes;
        let mut length = 1;
        while length < width {
            let upper: Vec<usize> = (0..width).filter(|place| place & length != 0).collect();
            let below: Vec<usize> = upper.iter().map(|place| (place & !(length - 1)) - 1).collect();
            // A block that begins at the bottom passes nothing on that could be asked for.
            let passing: Vec<usize> = (0..upper.len()).filter(|at| upper[*at] >= 2 * length).collect();
            let high = self.planes(passes, upper.clone());
            let low = self.planes(gives, below.clone());
            let (left, right) = if passing.is_empty() {
                (high, low)
            } else {
                let high_again = self.planes(passes, passing.iter().map(|at| upper[*at]).collect());
                let low_passes = self.planes(passes, passing.iter().map(|at| below[*at]).collect());
                (self.stack(&[high, high_again]), self.stack(&[low, low_passes]))
            };
            let products = self.and(left, right);
            let given = self.planes(products, (0..upper.len()).collect());
            let old = self.planes(gives, upper.clone());
            let new = self.xor(old, given);
            gives = self.replaced(gives, &upper, new);
            if !passing.is_empty() {
                let new = self.planes(products, (upper.len()..upper.len() + passing.len()).collect());
                let places: Vec<usize> = passing.iter().map(|at| upper[*at]).collect();
                passes = self.replaced(passes, &places, new);
            }
            length *= 2;
        }
        gives
    }

    /// Returns planes of which some are taken from elsewhere.
    fn replaced(&mut self, a: Bits, places: &[usize], by: Bits) -> Bits {
        let both = self.stack(&[a, by]);
        let order = (0..a.planes).map(|plane| match places.binary_search(&plane) {
            Ok(at) => a.planes + at,
            Err(_) => plane,
        });
        self.planes(both, order.collect())
    }

    /// Returns whether each of the numbers that are given by their bits is less than the other.
    pub fn less_bits(&mut self, a: Bits, b: Bits) -> Bits {
        // What the difference borrows: a place does so by itself where only the other's bit is set, and passes it on where
        // both are alike.
        let one = self.xor(a, b);
        let both = self.and(one, b);
        let one = self.not(one);
        let planes = a.planes;
        self.carried(&Parts { both, one }, planes)
    }
}
