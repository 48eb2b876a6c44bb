//! The fixed table: what other tables look up and nobody has to prove.
//!
//! Its columns are known to prover and verifier beforehand; only how often each row is used is the prover's word, and
//! the buses balance for no other.

use super::columns::columns;
use super::{Bus, Circuit, F};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// Binary logarithm of the table's height. No proof is smaller than this table, so a row stands for several values.
pub const LOG_HEIGHT: usize = 13;
/// How many values of 16 bits a row stands for: its number, and those that are whole heights above it.
pub const VALUES: usize = 1 << (16 - LOG_HEIGHT);

columns! {
    /// What is fixed.
    pub struct Fixed {
        /// The row's number: the least of its values of 16 bits.
        pub value: T,
        /// A depth of the state tree, 0 to 256. Rows that are no depth repeat the first.
        pub depth: T,
        /// Which limb of 32 bits of a position the bit of this depth is in.
        pub limb: T,
        /// 2^r, where r is the bit's place in its limb, from the most significant.
        pub shift: T,
        /// 2^(31-r): what the bit counts in its limb.
        pub weight: T,
    }
}

columns! {
    /// How often each row is used.
    pub struct Uses {
        /// As each of its values of 16 bits.
        pub values: [T; VALUES],
        /// As a depth.
        pub level: T,
    }
}

/// Returns what is fixed of a depth: limb, shift and weight.
pub fn level(depth: usize) -> [u64; 3] {
    let place = depth % 32;
    [u64::try_from(depth / 32).expect("small"), 1 << place, 1 << (31 - place)]
}

/// Returns the fixed columns.
pub fn preprocessed() -> RowMajorMatrix<F> {
    let mut rows = Vec::with_capacity(Fixed::WIDTH << LOG_HEIGHT);
    for row in 0..1usize << LOG_HEIGHT {
        let depth = if row <= types::limits::PATH_DEPTH { row } else { 0 };
        let [limb, shift, weight] = level(depth).map(F::from_u64);
        Fixed { value: F::from_usize(row), depth: F::from_usize(depth), limb, shift, weight }.put(&mut rows);
    }
    RowMajorMatrix::new(rows, Fixed::WIDTH)
}

/// Provides the rows, each as often as it is used.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let fixed = Fixed::read(builder.preprocessed().current_slice());
    let uses = Uses::read(builder.main().current_slice());
    for (place, uses) in uses.values.into_iter().enumerate() {
        Bus::Range.provide(builder, [fixed.value + AB::Expr::from_usize(place << LOG_HEIGHT)], uses);
    }
    Bus::Level.provide(builder, [fixed.depth, fixed.limb, fixed.shift, fixed.weight], uses.level);
}
