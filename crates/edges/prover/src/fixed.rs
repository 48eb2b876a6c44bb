//! How often the fixed table's rows are used.

use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, FIXED_LOG_HEIGHT, Uses, VALUES, level};

/// What was looked up so far.
pub struct Lookups {
    values: Vec<u64>,
    levels: Vec<u64>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { values: vec![0; VALUES << FIXED_LOG_HEIGHT], levels: vec![0; types::limits::PATH_DEPTH + 1] }
    }
}

impl Lookups {
    /// Looks a value of 16 bits up.
    pub fn range16(&mut self, value: u64) {
        self.values[usize::try_from(value).expect("16 bits")] += 1;
    }

    /// Looks both halves of a value of 32 bits up, and returns the lower.
    pub fn range32(&mut self, value: u64) -> F {
        self.range16(value & 0xffff);
        self.range16(value >> 16);
        F::from_u64(value & 0xffff)
    }

    /// Looks the limbs of a value below 2^62 up, and returns the three lower.
    pub fn range62(&mut self, value: u64) -> [F; 3] {
        let limbs = [0, 16, 32].map(|place| value >> place & 0xffff);
        limbs.iter().for_each(|limb| self.range16(*limb));
        self.range16(4 * (value >> 48));
        self.range16(value >> 48);
        limbs.map(F::from_u64)
    }

    /// Looks a depth up, and returns its limb, shift and weight.
    pub fn level(&mut self, depth: usize) -> [u64; 3] {
        self.levels[depth] += 1;
        level(depth)
    }

    /// Returns the table's rows.
    pub fn trace(&self) -> Vec<F> {
        let mut cells = Vec::with_capacity(Uses::WIDTH << FIXED_LOG_HEIGHT);
        for row in 0..1 << FIXED_LOG_HEIGHT {
            let values = std::array::from_fn(|place| F::from_u64(self.values[(place << FIXED_LOG_HEIGHT) + row]));
            let level = self.levels.get(row).copied().unwrap_or_default();
            Uses { values, level: F::from_u64(level) }.put(&mut cells);
        }
        cells
    }
}
