//! Frames: bytes in a file, with a number and the checksums that tell a torn write from damage.
//!
//! A frame is a head and a payload. The head has a checksum of its own, so that a length is believed only when it is
//! the one that was written: otherwise one flipped bit in a length could pass for a torn write, and everything behind it
//! would be cut off.

/// Bytes of a head: the payload's length, the frame's number, the payload's checksum, the checksum of these three.
pub(crate) const HEAD_BYTES: usize = 20;

/// What stands at a place in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Nothing: the file ends here.
    End,
    /// A whole frame.
    Frame {
        /// Its number.
        number: u64,
        /// What it carries.
        payload: &'a [u8],
        /// Where the next one starts.
        next: usize,
    },
    /// The beginning of a write that did not come to its end. Nothing stands behind it.
    Torn,
    /// Bytes that were written otherwise.
    Damaged,
}

/// A head that holds.
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) length: usize,
    sum: u32,
}

impl Head {
    /// Reads a head, unless its checksum differs.
    pub(crate) fn read(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (fields, sum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(fields).to_be_bytes() != *sum {
            return None;
        }
        let (length, rest) = fields.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            length: usize::try_from(u32::from_be_bytes(*length)).ok()?,
            sum: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }

    /// Says whether this is the payload that the head was written for.
    pub(crate) fn holds(&self, payload: &[u8]) -> bool {
        payload.len() == self.length && crc32fast::hash(payload) == self.sum
    }
}

/// Returns a frame's bytes.
///
/// # Panics
/// When the payload has 4 GiB or more: whoever makes one bounds it far below.
pub(crate) fn frame(number: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("payloads are bounded far below 4 GiB");
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
    bytes.extend(length.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(crc32fast::hash(payload).to_be_bytes());
    let sum = crc32fast::hash(&bytes);
    bytes.extend(sum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns what stands at `at`. Total.
pub(crate) fn find(bytes: &[u8], at: usize) -> Found<'_> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() else {
        return if rest.is_empty() { Found::End } else { Found::Torn };
    };
    let Some(head) = Head::read(head) else {
        // A file can have grown before its bytes came, and then it ends in zeros. A payload is never all zeros.
        return if behind.iter().all(|byte| *byte == 0) { Found::Torn } else { Found::Damaged };
    };
    match behind.get(..head.length) {
        Some(payload) if head.holds(payload) => {
            Found::Frame { number: head.number, payload, next: at + HEAD_BYTES + head.length }
        }
        Some(payload) if payload.len() < behind.len() => Found::Damaged,
        _ => Found::Torn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        (1..).zip(payloads).flat_map(|(number, payload)| frame(number, payload)).collect()
    }

    /// Reads frames until something else stands there.
    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Found<'_>) {
        let (mut at, mut payloads) = (0, Vec::new());
        loop {
            match find(bytes, at) {
                Found::Frame { number, payload, next } => {
                    payloads.push(payload.to_vec());
                    assert_eq!(usize::try_from(number).unwrap(), payloads.len());
                    at = next;
                }
                other => return (payloads, other),
            }
        }
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(1u8.., 1..40), 1..6)
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_gives_its_whole_frames_and_a_torn_one(payloads in payloads(), cut in any::<prop::sample::Index>()) {
            let whole = file(&payloads);
            let cut = cut.index(whole.len() + 1);
            let (found, end) = read(&whole[..cut]);
            prop_assert_eq!(&found[..], &payloads[..found.len()]);
            let used: usize = found.iter().map(|payload| HEAD_BYTES + payload.len()).sum();
            prop_assert_eq!(end, if used == cut { Found::End } else { Found::Torn });
        }

        #[test]
        fn a_file_that_grew_before_its_bytes_came_is_torn(payloads in payloads(), kept in any::<prop::sample::Index>()) {
            let last = payloads.len() - 1;
            let mut whole = file(&payloads);
            let start = whole.len() - HEAD_BYTES - payloads[last].len();
            let kept = start + kept.index(whole.len() - start);
            whole[kept..].fill(0);
            let (found, end) = read(&whole);
            prop_assert_eq!(found.len(), last);
            prop_assert_eq!(end, Found::Torn);
        }

        #[test]
        fn a_flipped_bit_before_the_last_frame_is_damage(payloads in payloads(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut whole = file(&payloads);
            let at = at.index(whole.len());
            whole.extend(frame(0, &[1]));
            whole[at] ^= 1 << bit;
            let (_, end) = read(&whole);
            prop_assert_eq!(end, Found::Damaged);
        }

        #[test]
        fn any_bytes_have_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..300) {
            let end = find(&bytes, at);
            let past = at >= bytes.len();
            prop_assert_eq!(end == Found::End, past);
        }
    }
}
