//! The rows of the comparison table, as other tables ask for comparisons.

use crate::divide::halves;
use crate::record::Recorder;
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{Compare, F};

impl Recorder {
    /// Shows that the first number is at least the second, or above it.
    pub(crate) fn compare(&mut self, first: u64, second: u64, above: bool) {
        let least = u64::from(above);
        let difference = halves(first - second - least);
        let ([first, second], lookups) = ([first, second].map(halves), &mut self.lookups);
        let mut low = |halves: [u64; 2]| halves.map(|half| lookups.range32(half));
        Compare {
            used: F::ONE,
            first: first.map(F::from_u64),
            first_low: low(first),
            second: second.map(F::from_u64),
            second_low: low(second),
            least: F::from_u64(least),
            borrow: F::from_bool(first[1] < second[1] + least),
            difference_low: low(difference),
        }
        .put(&mut self.comparisons);
    }
}
