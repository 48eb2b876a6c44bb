//! The division table: one product by a divisor in each row, rounded down.
//!
//! A row says that a times b is q times c plus r, and that r is below c: `types::Amount::times_down`. A product alone is
//! one by one. The first factor and the quotient are amounts, below 2^62; the second factor and the divisor have 64 bits,
//! in halves of 32. Numbers are multiplied by limbs of 16 bits, two places at a time, so that nothing wraps around the
//! field.

use super::columns::columns;
use super::{Bus, Circuit, inverse_of_two_to, range16, range32, range62};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// What is added to a carry, so that it is not negative: more than its largest size, and a power of two.
pub const CARRY_BITS: u64 = 19;

columns! {
    /// A division.
    pub struct Divide {
        /// One when somebody asked for it.
        pub used: T,
        /// The first factor.
        pub factor: T,
        /// Its three lower limbs of 16 bits.
        pub factor_limbs: [T; 3],
        /// The second factor's halves, the high one first.
        pub by: [T; 2],
        /// Their low 16 bits.
        pub by_low: [T; 2],
        /// The divisor's halves.
        pub divisor: [T; 2],
        /// Their low 16 bits.
        pub divisor_low: [T; 2],
        /// The quotient.
        pub quotient: T,
        /// Its three lower limbs of 16 bits.
        pub quotient_limbs: [T; 3],
        /// The remainder's halves.
        pub rest: [T; 2],
        /// Their low 16 bits.
        pub rest_low: [T; 2],
        /// One when the divisor's low half is not above the remainder's.
        pub borrow: T,
        /// The low 16 bits of the halves of how much the divisor is above the remainder, less one.
        pub above_low: [T; 2],
        /// The low 16 bits of each carry with 2^19 added.
        pub carry_low: [T; 3],
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Divide::read(builder.main().current_slice());
    let used: AB::Expr = row.used.into();
    builder.assert_bool(row.used);
    builder.assert_bool(row.borrow);

    range62(builder, row.factor.into(), row.factor_limbs, used.clone());
    range62(builder, row.quotient.into(), row.quotient_limbs, used.clone());
    for (halves, low) in [(row.by, row.by_low), (row.divisor, row.divisor_low), (row.rest, row.rest_low)] {
        for (half, low) in halves.into_iter().zip(low) {
            range32(builder, half.into(), low, used.clone());
        }
    }

    // The remainder is below the divisor: their difference less one is not negative.
    let [high, low] = [0, 1].map(|half| row.divisor[half] - row.rest[half]);
    range32(builder, high - row.borrow, row.above_low[0], used.clone());
    let low = low - AB::Expr::ONE + row.borrow * AB::Expr::from_u64(1 << 32);
    range32(builder, low, row.above_low[1], used.clone());

    product(builder, &row, &used);

    let message = [&[row.factor][..], &row.by, &row.divisor, &[row.quotient]].concat();
    Bus::Divide.receive(builder, message, row.used);
}

/// Constrains factor times factor to be quotient times divisor plus remainder.
fn product<AB: Circuit>(builder: &mut AB, row: &Divide<AB::Var>, used: &AB::Expr) {
    let factor = amount::<AB>(row.factor, row.factor_limbs);
    let quotient = amount::<AB>(row.quotient, row.quotient_limbs);
    let by = limbs::<AB>(row.by, row.by_low);
    let divisor = limbs::<AB>(row.divisor, row.divisor_low);
    let rest = limbs::<AB>(row.rest, row.rest_low);
    // What stands at a place of 16 bits: all products of limbs whose places come to it.
    let place = |place: usize| -> AB::Expr {
        let mut sum = rest.get(place).map_or(AB::Expr::ZERO, |rest| AB::Expr::ZERO - rest.clone());
        for first in 0..4 {
            if let Some(second @ 0..4) = place.checked_sub(first) {
                sum += factor[first].clone() * by[second].clone() - quotient[first].clone() * divisor[second].clone();
            }
        }
        sum
    };
    // Two places at a time, with what was carried from those before, are a multiple of 2^32: below 2^51, so that no
    // other carry of 20 bits fits. At the end nothing is left.
    let mut carry = AB::Expr::ZERO;
    for (pair, low) in row.carry_low.into_iter().enumerate() {
        let sum = carry + place(2 * pair) + place(2 * pair + 1) * AB::Expr::from_u64(1 << 16);
        carry = sum * AB::Expr::from(inverse_of_two_to(32));
        let shifted = carry.clone() + AB::Expr::from_u64(1 << CARRY_BITS);
        let high = (shifted - low) * AB::Expr::from(inverse_of_two_to(16));
        range16(builder, low, used.clone());
        range16(builder, high.clone(), used.clone());
        range16(builder, high * AB::Expr::from_u64(1 << (31 - CARRY_BITS)), used.clone());
    }
    builder.assert_zero(used.clone() * (carry + place(6)));
}

/// Returns the limbs of an amount.
fn amount<AB: Circuit>(value: AB::Var, low: [AB::Var; 3]) -> [AB::Expr; 4] {
    let mut rest: AB::Expr = value.into();
    for (place, limb) in low.into_iter().enumerate() {
        rest -= limb * AB::Expr::from_u64(1 << (16 * place));
    }
    let [first, second, third] = low.map(Into::into);
    [first, second, third, rest * AB::Expr::from(inverse_of_two_to(48))]
}

/// Returns the limbs of a number in halves.
fn limbs<AB: Circuit>([high, low]: [AB::Var; 2], [high_low, low_low]: [AB::Var; 2]) -> [AB::Expr; 4] {
    let upper = |half: AB::Var, low: AB::Var| (half - low) * AB::Expr::from(inverse_of_two_to(16));
    [low_low.into(), upper(low, low_low), high_low.into(), upper(high, high_low)]
}
