//! Numbers that look random and are the same for the same seed.

use crypto::eth::keccak;

/// A stream of numbers (SplitMix64). Not for secrets.
pub struct Chance(u64);

impl Chance {
    /// Begins the stream of a seed.
    pub fn new(seed: &[u8]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = keccak(&[seed]).0;
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from the first to the last, both included; the first when the last is below it.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        let width = last.saturating_sub(first).saturating_add(1);
        first + self.next() % width
    }

    /// Returns a number below a count that is not zero.
    pub fn index(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(self.next() % count.max(1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_stream_within_its_bounds() {
        let draw = |seed: &[u8]| {
            let mut chance = Chance::new(seed);
            (0..100).map(|_| chance.between(3, 9)).collect::<Vec<_>>()
        };
        assert_eq!(draw(b"a"), draw(b"a"));
        assert_ne!(draw(b"a"), draw(b"b"));
        assert!((3..=9).all(|n| draw(b"a").contains(&n)) && draw(b"a").iter().all(|n| (3..=9).contains(n)));
        let mut chance = Chance::new(b"edges");
        assert_eq!((chance.between(5, 5), chance.between(5, 2), chance.index(1)), (5, 5, 0));
    }
}
