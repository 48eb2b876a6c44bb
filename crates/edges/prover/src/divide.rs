//! The rows of the division table, as other tables ask for products and shares.

use crate::record::Recorder;
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{CARRY_BITS, Divide, F};

const LOW: u64 = 0xffff_ffff;

/// Returns the halves of a number, the high one first.
pub fn halves(value: u64) -> [u64; 2] {
    [value >> 32, value & LOW]
}

fn limbs(value: u64) -> [i128; 4] {
    [0, 16, 32, 48].map(|place| i128::from(value >> place & 0xffff))
}

impl Recorder {
    /// Returns a product by a divisor, rounded down. Factor and quotient are below 2^62; the divisor is not zero.
    pub(crate) fn divide(&mut self, factor: u64, by: u64, divisor: u64) -> u64 {
        let product = u128::from(factor) * u128::from(by);
        let quotient = u64::try_from(product / u128::from(divisor)).expect("the quotient is an amount");
        let rest = u64::try_from(product % u128::from(divisor)).expect("below the divisor");
        let [above, rest_halves] = [divisor - rest - 1, rest].map(halves);
        let borrow = divisor & LOW <= rest & LOW;
        let lookups = &mut self.lookups;
        let mut ranged = |value: u64| halves(value).map(|half| lookups.range32(half));
        let (by_low, divisor_low, rest_low) = (ranged(by), ranged(divisor), ranged(rest));
        Divide {
            used: F::ONE,
            factor: F::from_u64(factor),
            factor_limbs: lookups.range62(factor),
            by: halves(by).map(F::from_u64),
            by_low,
            divisor: halves(divisor).map(F::from_u64),
            divisor_low,
            quotient: F::from_u64(quotient),
            quotient_limbs: lookups.range62(quotient),
            rest: rest_halves.map(F::from_u64),
            rest_low,
            borrow: F::from_bool(borrow),
            above_low: above.map(|half| lookups.range32(half)),
            carry_low: self.carries([factor, by, quotient, divisor, rest]),
        }
        .put(&mut self.divisions);
        quotient
    }

    /// Returns what is carried after every two limbs: the low 16 bits of it with an offset.
    fn carries(&mut self, numbers: [u64; 5]) -> [F; 3] {
        let [factor, by, quotient, divisor, rest] = numbers.map(limbs);
        let place = |place: usize| -> i128 {
            let products = (0..=place).filter(|first| *first < 4 && place - first < 4);
            let sum: i128 = products
                .map(|first| factor[first] * by[place - first] - quotient[first] * divisor[place - first])
                .sum();
            sum - rest.get(place).copied().unwrap_or_default()
        };
        let mut carry = 0;
        std::array::from_fn(|pair| {
            carry = (carry + place(2 * pair) + (place(2 * pair + 1) << 16)) >> 32;
            let shifted = u64::try_from(carry + (1 << CARRY_BITS)).expect("a carry is small");
            let (low, high) = (shifted & 0xffff, shifted >> 16);
            self.lookups.range16(low);
            self.lookups.range16(high);
            self.lookups.range16(high << (31 - CARRY_BITS));
            F::from_u64(low)
        })
    }
}
