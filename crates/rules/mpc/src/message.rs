//! Numbers and planes of bits as bytes.

use crate::bits::{WORD, words};
use crate::machine::mask;
use crate::plan::{Talk, number_bytes};
use crate::verify::trimmed;

/// Returns the component that a message shows.
pub(crate) fn heard(what: &Talk, part: &[u8]) -> Vec<u64> {
    match what {
        Talk::OpenRing(from) => masked(&read_numbers(part, from.width), from.width),
        Talk::OpenBits(from) => trimmed(&read_planes(part, from.lanes, from.planes), from.lanes),
        _ => Vec::new(),
    }
}

/// Returns numbers without what is above their width.
pub(crate) fn masked(numbers: &[u64], width: usize) -> Vec<u64> {
    numbers.iter().map(|number| number & mask(width)).collect()
}

pub(crate) fn write_numbers(message: &mut Vec<u8>, numbers: &[u64], width: usize) {
    let bytes = number_bytes(width);
    for number in numbers {
        message.extend_from_slice(&number.to_le_bytes()[..bytes]);
    }
}

pub(crate) fn read_numbers(part: &[u8], width: usize) -> Vec<u64> {
    part.chunks_exact(number_bytes(width)).map(word).collect()
}

pub(crate) fn write_planes(message: &mut Vec<u8>, planes: &[u64], lanes: usize) {
    let words = words(lanes);
    if words == 0 {
        return;
    }
    if lanes == WORD * words {
        planes.iter().for_each(|word| message.extend_from_slice(&word.to_le_bytes()));
        return;
    }
    for plane in planes.chunks(words) {
        let bytes = plane.iter().flat_map(|word| word.to_le_bytes());
        message.extend(bytes.take(lanes.div_ceil(8)));
    }
}

pub(crate) fn read_planes(part: &[u8], lanes: usize, planes: usize) -> Vec<u64> {
    let bytes = lanes.div_ceil(8);
    let mut words = Vec::with_capacity(planes * words(lanes));
    for plane in part.chunks_exact(bytes.max(1)) {
        words.extend(plane.chunks(8).map(word));
    }
    words
}

/// Returns up to eight bytes as a number, the lowest first.
fn word(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}
