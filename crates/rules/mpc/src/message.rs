//! What is in a message: bits one after another, each part filled up to whole bytes.
//!
//! Numbers are written one after another with as many bits as they have, bits plane after plane. Where everything is a
//! whole number of bytes, they are copied as such.

use crate::bits::{WORD, words};
use crate::verify::trimmed;
use std::ops::Range;
use vm::plan::Talk;

/// Returns the component that a message shows.
pub(crate) fn heard(what: &Talk, part: &[u8]) -> Vec<u64> {
    let mut reader = Reader::new(part);
    match what {
        Talk::OpenRing(from) => masked(&reader.numbers(from.lanes, from.bits()), from.mask()),
        Talk::OpenBits(from) => {
            let mut planes = vec![0; from.planes * words(from.lanes)];
            reader.planes(&mut planes, from.lanes, 0..from.lanes);
            trimmed(&planes, from.lanes)
        }
        _ => Vec::new(),
    }
}

/// Returns numbers without what is above their width.
pub(crate) fn masked(numbers: &[u64], mask: u64) -> Vec<u64> {
    numbers.iter().map(|number| number & mask).collect()
}

/// Bits that are filled into bytes from the lowest on.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Bits that no byte holds yet, and how many of them.
    waiting: u128,
    count: usize,
}

impl Writer {
    /// Begins with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Writes the lowest bits of a word.
    fn put(&mut self, word: u64, bits: usize) {
        if bits == 0 {
            return;
        }
        if self.count == 0 && bits == WORD {
            self.bytes.extend_from_slice(&word.to_le_bytes());
            return;
        }
        self.waiting |= u128::from(word & u64::MAX >> (WORD - bits)) << self.count;
        self.count += bits;
        let whole = self.count / 8;
        self.bytes.extend_from_slice(&self.waiting.to_le_bytes()[..whole]);
        self.waiting >>= whole * 8;
        self.count %= 8;
    }

    /// Writes numbers of so many bits.
    pub(crate) fn numbers(&mut self, numbers: &[u64], width: usize) {
        if self.count == 0 && width.is_multiple_of(8) {
            for number in numbers {
                self.bytes.extend_from_slice(&number.to_le_bytes()[..width / 8]);
            }
            return;
        }
        numbers.iter().for_each(|number| self.put(*number, width));
    }

    /// Writes some lanes of planes. The first of them is the first of a word.
    pub(crate) fn planes(&mut self, planes: &[u64], lanes: usize, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
        let rest = range.len() - (last - first) * WORD;
        for plane in planes.chunks_exact(words(lanes)) {
            plane[first..last].iter().for_each(|word| self.put(*word, WORD));
            self.put(plane[last], rest);
        }
    }

    /// Ends a part: what follows begins with a byte of its own.
    pub(crate) fn end_part(&mut self) {
        if self.count > 0 {
            self.bytes.push(self.waiting.to_le_bytes()[0]);
            (self.waiting, self.count) = (0, 0);
        }
    }

    /// Returns the bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Bits that are read in the order in which they were written. Past the end there are zeros: whoever reads has checked how
/// long the part is.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    waiting: u128,
    count: usize,
}

impl<'a> Reader<'a> {
    /// Begins with a part of a message.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, waiting: 0, count: 0 }
    }

    fn take(&mut self, bits: usize) -> u64 {
        if bits == 0 {
            return 0;
        }
        while self.count < bits {
            let whole = self.bytes.len().min(8);
            let (now, after) = self.bytes.split_at(whole);
            self.bytes = after;
            self.waiting |= u128::from(word(now)) << self.count;
            self.count += WORD;
        }
        let mut low = [0; 8];
        low.copy_from_slice(&self.waiting.to_le_bytes()[..8]);
        self.waiting >>= bits;
        self.count -= bits;
        u64::from_le_bytes(low) & u64::MAX >> (WORD - bits)
    }

    /// Reads so many numbers of so many bits.
    pub(crate) fn numbers(&mut self, count: usize, width: usize) -> Vec<u64> {
        if self.count == 0 && width.is_multiple_of(8) {
            let (now, after) = self.bytes.split_at((count * (width / 8)).min(self.bytes.len()));
            self.bytes = after;
            return now.chunks_exact(width / 8).map(word).collect();
        }
        (0..count).map(|_| self.take(width)).collect()
    }

    /// Reads some lanes of planes, into their places among all.
    pub(crate) fn planes(&mut self, to: &mut [u64], lanes: usize, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
        let rest = range.len() - (last - first) * WORD;
        for plane in to.chunks_exact_mut(words(lanes)) {
            plane[first..last].iter_mut().for_each(|word| *word = self.take(WORD));
            plane[last] = self.take(rest);
        }
    }
}

/// Returns up to eight bytes as a number, the lowest first.
fn word(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_longer_than_its_bits(
            numbers in prop::collection::vec(any::<u64>(), 1..50),
            width in 1_usize..=64,
            lanes in 1_usize..300,
            planes in 1_usize..5,
            noise in any::<u64>(),
        ) {
            let numbers: Vec<u64> = numbers.into_iter().map(|number| number & u64::MAX >> (64 - width)).collect();
            let from = lanes / 128 * 64;
            let mut bits: Vec<u64> = (0..).take(planes * words(lanes)).map(|at| noise.rotate_left(at)).collect();
            let mut writer = Writer::default();
            writer.numbers(&numbers, width);
            writer.planes(&bits, lanes, from..lanes);
            writer.end_part();
            writer.numbers(&numbers, width);
            writer.end_part();
            let bytes = writer.finish();
            let first = (numbers.len() * width + planes * (lanes - from)).div_ceil(8);
            prop_assert_eq!(bytes.len(), first + (numbers.len() * width).div_ceil(8));
            let mut reader = Reader::new(&bytes[..first]);
            prop_assert_eq!(&reader.numbers(numbers.len(), width), &numbers);
            let mut read = vec![0; bits.len()];
            reader.planes(&mut read, lanes, from..lanes);
            for plane in bits.chunks_exact_mut(words(lanes)) {
                plane[..from / 64].fill(0);
                if !lanes.is_multiple_of(64) {
                    *plane.last_mut().unwrap() &= u64::MAX >> (64 - lanes % 64);
                }
            }
            prop_assert_eq!(read, bits);
            prop_assert_eq!(Reader::new(&bytes[first..]).numbers(numbers.len(), width), numbers);
        }
    }
}
