//! Words that two parties draw alike from a common key: AES-128 in counter mode.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use zeroize::ZeroizeOnDrop;

/// A key that two parties share. It draws the words of one run and of no other.
#[derive(ZeroizeOnDrop)]
pub struct Key([u8; 16]);

impl Key {
    /// Takes a key's bytes, which must be uniformly random and used for one run only.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// How many blocks are made at a time: enough for the widest vectors, few enough for the nearest cache.
const TOGETHER: usize = 64;

/// What is drawn from a key.
pub(crate) struct Stream {
    cipher: Aes128,
}

impl Stream {
    pub(crate) fn new(key: &Key) -> Self {
        Self { cipher: Aes128::new(&Array(key.0)) }
    }

    /// Returns as many words as asked for. Each number names words of its own, so whoever draws for one step too few
    /// has drawn nothing wrong for the next.
    pub(crate) fn words(&self, number: u64, count: usize) -> Vec<u64> {
        let mut words = vec![0; count];
        self.fill(number, 0, &mut words);
        words
    }

    /// Draws the words that a number names from one of them on, an even one, in the place of others.
    pub(crate) fn fill(&self, number: u64, first: usize, words: &mut [u64]) {
        assert!(first.is_multiple_of(2), "words are drawn two at a time");
        let mut blocks = [Array([0; 16]); TOGETHER];
        let mut counter = u64::try_from(first / 2).expect("words in memory are counted in 64 bits");
        for words in words.chunks_mut(2 * TOGETHER) {
            let blocks = &mut blocks[..words.len().div_ceil(2)];
            for block in blocks.iter_mut() {
                block.0 = (u128::from(number) | u128::from(counter) << 64).to_le_bytes();
                counter += 1;
            }
            self.cipher.encrypt_blocks(blocks);
            let (pairs, last) = words.as_chunks_mut::<2>();
            for (pair, block) in pairs.iter_mut().zip(blocks.iter()) {
                let (low, high) = block.0.split_at(8);
                *pair = [low, high].map(|half| u64::from_le_bytes(half.try_into().expect("eight bytes")));
            }
            if let ([last], Some(block)) = (last, blocks.last()) {
                *last = u64::from_le_bytes(block.0[..8].try_into().expect("eight bytes"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_aes_in_counter_mode() {
        // FIPS 197, appendix C.1: this key and block give this block.
        let key = Key::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
        let number = u64::from_le_bytes([0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);
        let stream = Stream::new(&key);
        let mut block = Array([0; 16]);
        block[..8].copy_from_slice(&number.to_le_bytes());
        block[8..].copy_from_slice(&[0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
        stream.cipher.encrypt_block(&mut block);
        assert_eq!(block[..4], [0x69, 0xc4, 0xe0, 0xd8]);
        // What is drawn is the encryption of number and counter, and more words begin as fewer do.
        let mut first = Array([0; 16]);
        first[..8].copy_from_slice(&number.to_le_bytes());
        stream.cipher.encrypt_block(&mut first);
        let few = stream.words(number, 3);
        assert_eq!(few[0].to_le_bytes(), first[..8]);
        let many = stream.words(number, 1000);
        assert_eq!((many.len(), &many[..3]), (1000, &few[..]));
        assert_ne!(stream.words(number + 1, 3), few);
        let mut later = [0; 301];
        stream.fill(number, 130, &mut later);
        assert_eq!(later, many[130..431]);
    }
}
