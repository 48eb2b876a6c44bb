//! The hash of the proofs' Merkle trees: Keccak-256 of big-endian words, as a contract reads them.
//!
//! A leaf is the hash of its elements, eight bytes each and the most significant first, so that four fill a word of the
//! chain's machine. A node is the hash of its two children; rows of a shorter matrix enter a node as their hash beside
//! it. Leaves and nodes have no tags: whoever checks knows from the heights what stands where, and every path's length.

use crate::circuit::F;
use p3_field::PrimeField64 as _;
use p3_keccak::Keccak256Hash;
use p3_symmetric::CryptographicHasher;

/// How many bytes are prepared for one call of the hash: they stay in the nearest cache.
const PREPARED_BYTES: usize = 8 << 10;
/// Bytes of an element.
const ELEMENT_BYTES: usize = 8;

/// Hashes rows of elements.
#[derive(Debug, Clone, Copy)]
pub struct RowHasher;

impl CryptographicHasher<F, [u8; 32]> for RowHasher {
    const LANES: usize = <Keccak256Hash as CryptographicHasher<u8, [u8; 32]>>::LANES;

    fn hash_iter<I: IntoIterator<Item = F>>(&self, input: I) -> [u8; 32] {
        Keccak256Hash.hash_iter(input.into_iter().flat_map(bytes))
    }

    // Rows of one length go through the vectorised permutation together, so whole groups of lanes are prepared at a
    // time.
    fn hash_many(&self, input: &[F], out: &mut [[u8; 32]]) {
        let Some(width) = input.len().checked_div(out.len()) else {
            return;
        };
        assert_eq!(width * out.len(), input.len(), "rows have one length");
        if width == 0 {
            out.fill(self.hash_iter([]));
            return;
        }
        let lanes = <Self as CryptographicHasher<F, [u8; 32]>>::LANES.max(1);
        let rows = (PREPARED_BYTES / (width * ELEMENT_BYTES) / lanes).max(1) * lanes;
        let mut prepared = vec![[0; ELEMENT_BYTES]; rows.min(out.len()) * width];
        for (input, out) in input.chunks(rows * width).zip(out.chunks_mut(rows)) {
            prepared.iter_mut().zip(input).for_each(|(prepared, element)| *prepared = bytes(*element));
            Keccak256Hash.hash_many(prepared[..input.len()].as_flattened(), out);
        }
    }
}

/// Returns an element as it is hashed, and as it stands in what a contract reads.
pub fn bytes(element: F) -> [u8; ELEMENT_BYTES] {
    element.as_canonical_u64().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p3_field::PrimeCharacteristicRing as _;

    #[test]
    fn a_row_is_hashed_as_big_endian_words() {
        let row = [F::from_u64(0x0102_0304_0506_0708), -F::ONE];
        let words = [1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(RowHasher.hash_iter(row), Keccak256Hash.hash_iter(words));
    }

    #[test]
    fn many_rows_are_hashed_as_each_alone() {
        for width in [0, 1, 3, 16, 17, 34, 129, 1025] {
            for rows in [0, 1, 7, 8, 9, 100] {
                let input: Vec<F> =
                    (0..width * rows).map(|n| F::from_usize(n) * F::from_u64(0x9e37_79b9_7f4a_7c15)).collect();
                let mut out = vec![[0; 32]; rows];
                RowHasher.hash_many(&input, &mut out);
                let alone = (0..rows).map(|row| RowHasher.hash_slice(&input[row * width..(row + 1) * width]));
                assert!(alone.eq(out), "{rows} rows of {width}");
            }
        }
    }
}
