//! Chance that a seed repeats.

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. Good enough to
/// choose faults by; never to be used for a secret.
#[derive(Debug, Clone)]
pub struct Prng(u64);

impl Prng {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws a number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number from `low` up to and without `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low).max(1)
    }

    /// Says yes with a chance in parts per million.
    pub fn chance(&mut self, ppm: u64) -> bool {
        self.draw() % 1_000_000 < ppm
    }

    /// Draws the place of one of `count` things.
    pub fn place(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(1);
        usize::try_from(self.draw() % count).unwrap_or(0)
    }

    /// Draws 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.draw().to_be_bytes()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_reference() {
        let mut prng = Prng::new(1_234_567);
        assert_eq!(prng.draw(), 6_457_827_717_110_365_317);
        assert_eq!(prng.draw(), 3_203_168_211_198_807_973);
    }
}
