//! The comparison table: one comparison of two numbers of 64 bits in each row.
//!
//! A row says that the first number is at least the second, or above it where that is asked. Both are given in halves of
//! 32 bits, and are shown to have no more.

use super::columns::columns;
use super::{Bus, Circuit, range32};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

columns! {
    /// A comparison.
    pub struct Compare {
        /// One when somebody asked for it.
        pub used: T,
        /// The first number's halves, the high one first.
        pub first: [T; 2],
        /// Their low 16 bits.
        pub first_low: [T; 2],
        /// The second number's halves.
        pub second: [T; 2],
        /// Their low 16 bits.
        pub second_low: [T; 2],
        /// By how much the first must be above the second: nothing or one.
        pub least: T,
        /// One when the low half of what is taken away is larger than the first's.
        pub borrow: T,
        /// The low 16 bits of the halves of the difference.
        pub difference_low: [T; 2],
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Compare::read(builder.main().current_slice());
    let used: AB::Expr = row.used.into();
    for flag in [row.used, row.least, row.borrow] {
        builder.assert_bool(flag);
    }
    for (halves, low) in [(row.first, row.first_low), (row.second, row.second_low)] {
        for (half, low) in halves.into_iter().zip(low) {
            range32(builder, half.into(), low, used.clone());
        }
    }
    // The difference is not negative.
    let [high, low] = [0, 1].map(|half| row.first[half] - row.second[half]);
    range32(builder, high - row.borrow, row.difference_low[0], used.clone());
    let low = low - row.least + row.borrow * AB::Expr::from_u64(1 << 32);
    range32(builder, low, row.difference_low[1], used.clone());

    let message = [&row.first[..], &row.second, &[row.least]].concat();
    Bus::Compare.receive(builder, message, row.used);
}
