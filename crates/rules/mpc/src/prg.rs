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
        let mut blocks = [Array([0; 16]); TOGETHER];
        let mut counter = 0_u64;
        for words in words.chunks_mut(2 * TOGETHER) {
            let wanted = words.len().div_ceil(2);
            for block in &mut blocks[..wanted] {
                block[..8].copy_from_slice(&number.to_le_bytes());
                block[8..].copy_from_slice(&counter.to_le_bytes());
                counter += 1;
            }
            self.cipher.encrypt_blocks(&mut blocks[..wanted]);
            let halves = blocks[..wanted].iter().flat_map(|block| block.as_chunks::<8>().0);
            words.iter_mut().zip(halves).for_each(|(word, half)| *word = u64::from_le_bytes(*half));
        }
        words
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
    }
}
