//! What two parties compare without showing it: a sum under keys that only the two know.
//!
//! The sum is NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway, CRYPTO 1999) on words of 64 bits: whatever the
//! third party wants the difference of two sums to be, it is right with a probability of 2^-64 at most, because it does
//! not know the keys. A pad used once hides the sum, so a tag may go through the third party's hands.

use super::Check;
use crate::prg::Stream;

/// Bytes of a tag of one sum.
const TAG_BYTES: usize = 16;
/// Bytes of the tags of all sums.
pub(super) const BYTES: usize = Check::ALL.len() * TAG_BYTES;
/// Words drawn at a time.
const TOGETHER: usize = 512;
/// Numbers from here on name words of tags; plans draw under smaller ones.
const TAGS: u64 = 1 << 63;

/// What this party shares with one of the two others, check by check.
#[derive(Default)]
pub(super) struct Tags {
    sums: [u128; Check::ALL.len()],
    /// How often each check, and the pads, have drawn: two parties take in the same of each in the same order.
    drawn: [u64; Check::ALL.len() + 1],
}

impl Tags {
    fn number(&mut self, of: usize) -> u64 {
        let count = &mut self.drawn[of];
        *count += 1;
        TAGS | u64::try_from(of).expect("one of a few") << 56 | *count
    }

    /// Takes in words that the other party takes in too, if both are right.
    pub(super) fn absorb(&mut self, stream: &Stream, check: Check, words: &[u64]) {
        let mut keys = [0; TOGETHER];
        for words in words.chunks(TOGETHER) {
            let keys = &mut keys[..words.len().next_multiple_of(2)];
            stream.fill(self.number(check.index()), 0, keys);
            let mut sum = self.sums[check.index()];
            let mut add = |pair: [u64; 2], key: &[u64; 2]| {
                let (first, second) = (pair[0].wrapping_add(key[0]), pair[1].wrapping_add(key[1]));
                sum = sum.wrapping_add(u128::from(first) * u128::from(second));
            };
            let ((pairs, last), (keys, _)) = (words.as_chunks::<2>(), keys.as_chunks::<2>());
            pairs.iter().zip(keys).for_each(|(pair, key)| add(*pair, key));
            if let ([last], Some(key)) = (last, keys.last()) {
                add([*last, 0], key);
            }
            self.sums[check.index()] = sum;
        }
    }

    /// Returns the tags of all that was taken in so far.
    pub(super) fn tags(&mut self, stream: &Stream) -> Vec<u8> {
        let pads = stream.words(self.number(Check::ALL.len()), 2 * Check::ALL.len());
        let pads = pads.chunks_exact(2).map(|pad| u128::from(pad[0]) | u128::from(pad[1]) << 64);
        self.sums.iter().zip(pads).flat_map(|(sum, pad)| sum.wrapping_add(pad).to_le_bytes()).collect()
    }
}

/// Returns the first check of which the tags differ.
pub(super) fn differing(mine: &[u8], theirs: &[u8]) -> Option<Check> {
    let same = |check: &Check| {
        let place = check.index() * TAG_BYTES..(check.index() + 1) * TAG_BYTES;
        mine[place.clone()] == theirs[place]
    };
    Check::ALL.into_iter().find(|check| !same(check))
}
