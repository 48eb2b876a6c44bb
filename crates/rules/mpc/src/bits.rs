//! Lanes of numbers as planes of bits, and back: plane `j` holds bit `j` of every lane, 64 lanes to a word.

/// Bits of a word.
pub(crate) const WORD: usize = 64;

pub(crate) use vm::plan::words;

/// Returns the first `planes` bits of each lane, plane after plane.
pub(crate) fn to_planes(lanes: &[u64], planes: usize) -> Vec<u64> {
    let words = words(lanes.len());
    let mut bits = vec![0; planes * words];
    for (word, chunk) in lanes.chunks(WORD).enumerate() {
        let mut square = [0; WORD];
        square[..chunk.len()].copy_from_slice(chunk);
        transpose(&mut square);
        for (plane, row) in square[..planes].iter().enumerate() {
            bits[plane * words + word] = *row;
        }
    }
    bits
}

/// Returns the number of each lane.
pub(crate) fn from_planes(bits: &[u64], lanes: usize) -> Vec<u64> {
    let words = words(lanes);
    let mut numbers = Vec::with_capacity(words * WORD);
    for word in 0..words {
        let mut square = [0; WORD];
        for (row, plane) in square.iter_mut().zip(bits.chunks(words)) {
            *row = plane[word];
        }
        transpose(&mut square);
        numbers.extend(square);
    }
    numbers.truncate(lanes);
    numbers
}

/// Swaps rows and columns of a square of bits, lowest bit first. (Warren, Hacker's Delight, section 7-3.)
pub(crate) fn transpose(square: &mut [u64; WORD]) {
    let (mut width, mut mask) = (WORD / 2, u64::MAX >> (WORD / 2));
    while width != 0 {
        let mut row = 0;
        while row < WORD {
            let swapped = ((square[row] >> width) ^ square[row + width]) & mask;
            square[row] ^= swapped << width;
            square[row + width] ^= swapped;
            row = (row + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bit_is_in_its_plane_and_comes_back(lanes in prop::collection::vec(any::<u64>(), 1..200), planes in 1_usize..=64) {
            let bits = to_planes(&lanes, planes);
            let words = words(lanes.len());
            prop_assert_eq!(bits.len(), planes * words);
            for (index, lane) in lanes.iter().enumerate() {
                for plane in 0..planes {
                    prop_assert_eq!(bits[plane * words + index / 64] >> (index % 64) & 1, lane >> plane & 1);
                }
            }
            let kept = u64::MAX >> (64 - planes);
            let expected: Vec<u64> = lanes.iter().map(|lane| lane & kept).collect();
            prop_assert_eq!(from_planes(&bits, lanes.len()), expected);
        }
    }
}
