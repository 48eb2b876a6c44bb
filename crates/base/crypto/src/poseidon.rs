//! Poseidon2, width 8, over Goldilocks, with the constants of `p3-goldilocks`.
//!
//! Security setting: collision and preimage resistance of 128 bits is assumed of the permutation (capacity of four
//! elements, 256 bits). Source: Grassi, Khovratovich, Schofnegger, "Poseidon2", 2023; the compression of two digests
//! adds the input back (section 3.1), so that it cannot be run backwards.

mod lanes;

use lanes::{LANES, States, Vectors};
use p3_field::PrimeField64;
use p3_goldilocks::{Goldilocks, Poseidon2Goldilocks, default_goldilocks_poseidon2_8};
use p3_symmetric::Permutation;
use std::sync::LazyLock;
use types::{Digest, Encode, GOLDILOCKS};

static PERMUTATION: LazyLock<Poseidon2Goldilocks<8>> = LazyLock::new(default_goldilocks_poseidon2_8);

/// Fewer inputs than this are hashed one after another: a vector costs as much however many of its lanes are used.
const LANES_USED_MIN: usize = 4;

/// What is hashed. Two domains never give one digest, whatever the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Domain {
    /// A state leaf's key.
    Key = 1,
    /// A state leaf's value.
    Value = 2,
    /// An account's public key.
    Account = 3,
    /// An account that a thing owns, such as a task.
    Owner = 4,
    /// An L1 token.
    Token = 5,
    /// One half of a tally.
    Half = 6,
    /// A tally's terms.
    Tally = 7,
    /// A transaction, as its sender signs it.
    Transaction = 8,
    /// A provider's commitment to a result.
    Commitment = 9,
    /// A verdict, as the committee signs it.
    Verdict = 10,
    /// The configuration of a chain.
    Config = 11,
    /// A tally's outcome, as its resolvers sign it.
    Outcome = 12,
    /// A block's header, as the sequencer signs it.
    Confirmation = 13,
    /// The challenge of a signature: its commitment, the key and the message.
    Challenge = 14,
    /// An entry of a batch with what became of it, as a validity proof commits to it.
    Entry = 15,
    /// The point that a circuit's sums begin with.
    Start = 16,
    /// What a transaction asks for.
    Action = 17,
    /// A withdrawal of a batch, as a validity proof commits to it.
    Withdrawal = 18,
    /// A message of the L1 inbox.
    Message = 19,
    /// A provider's word that it takes part in private programs.
    Host = 20,
}

impl Domain {
    /// Returns the number that stands for the domain where something is hashed.
    pub const fn number(self) -> u64 {
        // `as` is the only way to read a discriminant.
        #[allow(clippy::as_conversions)]
        let number = self as u64;
        number
    }

    fn tag(self) -> Goldilocks {
        Goldilocks::new(self.number())
    }
}

fn digest_of(state: &[Goldilocks; 8]) -> Digest {
    let limbs = [state[0], state[1], state[2], state[3]].map(|limb| limb.as_canonical_u64());
    Digest::new(limbs).expect("a canonical element is below the prime")
}

/// Hashes field elements by a sponge of rate 4 and capacity 4. The domain and the length start in the capacity, so no
/// padding can make two inputs equal.
pub fn hash(domain: Domain, elements: &[u64]) -> Digest {
    let mut state = [Goldilocks::new(0); 8];
    state[4] = domain.tag();
    state[5] = Goldilocks::new(u64::try_from(elements.len()).expect("a length fits 64 bits"));
    if elements.is_empty() {
        PERMUTATION.permute_mut(&mut state);
    }
    for chunk in elements.chunks(4) {
        for (cell, element) in state.iter_mut().zip(chunk) {
            assert!(*element < GOLDILOCKS, "an encoder gives canonical elements");
            *cell += Goldilocks::new(*element);
        }
        PERMUTATION.permute_mut(&mut state);
    }
    digest_of(&state)
}

/// Hashes a value's canonical elements.
pub fn hash_of(domain: Domain, value: &impl Encode) -> Digest {
    hash(domain, &value.to_elements())
}

/// Hashes many inputs, as [`hash`] does each. Several at a time where the processor can.
pub fn hash_all(inputs: &[(Domain, Vec<u64>)]) -> Vec<Digest> {
    let each = |(domain, elements): &(Domain, Vec<u64>)| hash(*domain, elements);
    let Some(vectors) = Vectors::new() else {
        return inputs.iter().map(each).collect();
    };
    // Inputs of one length share a vector, so that no lane runs on for the sake of another.
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|at| blocks(&inputs[*at].1));
    let mut digests = vec![Digest::ZERO; inputs.len()];
    for chunk in order.chunks(LANES) {
        if chunk.len() < LANES_USED_MIN {
            chunk.iter().for_each(|at| digests[*at] = each(&inputs[*at]));
        } else {
            hash_lanes(vectors, inputs, chunk, &mut digests);
        }
    }
    digests
}

/// How often the sponge permutes.
fn blocks(elements: &[u64]) -> usize {
    elements.len().div_ceil(4).max(1)
}

/// Hashes the inputs at the places of `chunk`, one in each lane.
fn hash_lanes(vectors: Vectors, inputs: &[(Domain, Vec<u64>)], chunk: &[usize], digests: &mut [Digest]) {
    let mut states: States = [[0; LANES]; 8];
    for (lane, at) in chunk.iter().enumerate() {
        let (domain, elements) = &inputs[*at];
        states[4][lane] = domain.tag().as_canonical_u64();
        states[5][lane] = u64::try_from(elements.len()).expect("a length fits 64 bits");
    }
    let most = chunk.iter().map(|at| blocks(&inputs[*at].1)).max().unwrap_or(0);
    for block in 0..most {
        for (lane, at) in chunk.iter().enumerate() {
            for (row, element) in states.iter_mut().zip(inputs[*at].1.iter().skip(block * 4).take(4)) {
                assert!(*element < GOLDILOCKS, "an encoder gives canonical elements");
                row[lane] = (Goldilocks::new(row[lane]) + Goldilocks::new(*element)).as_canonical_u64();
            }
        }
        vectors.permute(&mut states);
        for (lane, at) in chunk.iter().enumerate() {
            if blocks(&inputs[*at].1) == block + 1 {
                let limbs = [states[0][lane], states[1][lane], states[2][lane], states[3][lane]];
                digests[*at] = Digest::new(limbs).expect("a permuted state is canonical");
            }
        }
    }
}

/// Compresses two digests into one: the inner node of a tree.
pub fn compress(left: &Digest, right: &Digest) -> Digest {
    let mut state = [Goldilocks::new(0); 8];
    for (cell, limb) in state.iter_mut().zip(left.limbs().into_iter().chain(right.limbs())) {
        *cell = Goldilocks::new(limb);
    }
    let before = state;
    PERMUTATION.permute_mut(&mut state);
    for (cell, input) in state.iter_mut().zip(before) {
        *cell += input;
    }
    digest_of(&state)
}

/// Compresses many pairs, as [`compress`] does each. Several at a time where the processor can.
pub fn compress_all(pairs: &[[Digest; 2]]) -> Vec<Digest> {
    let Some(vectors) = Vectors::new() else {
        return pairs.iter().map(|[left, right]| compress(left, right)).collect();
    };
    let mut digests = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(LANES) {
        if chunk.len() < LANES_USED_MIN {
            digests.extend(chunk.iter().map(|[left, right]| compress(left, right)));
        } else {
            let mut states: States = [[0; LANES]; 8];
            for (lane, [left, right]) in chunk.iter().enumerate() {
                for (element, limb) in states.iter_mut().zip(left.limbs().into_iter().chain(right.limbs())) {
                    element[lane] = limb;
                }
            }
            vectors.permute(&mut states);
            digests.extend(chunk.iter().enumerate().map(|(lane, [left, _])| fed_forward(&states, lane, left)));
        }
    }
    digests
}

/// Adds the input back to a lane of the output.
fn fed_forward(states: &States, lane: usize, left: &Digest) -> Digest {
    let mut limbs = left.limbs();
    for (limb, element) in limbs.iter_mut().zip(states) {
        *limb = (Goldilocks::new(*limb) + Goldilocks::new(element[lane])).as_canonical_u64();
    }
    Digest::new(limbs).expect("a canonical element is below the prime")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn domain_and_length_separate() {
        assert_ne!(hash(Domain::Key, &[1]), hash(Domain::Value, &[1]));
        assert_ne!(hash(Domain::Key, &[1]), hash(Domain::Key, &[1, 0]));
        assert_ne!(hash(Domain::Key, &[]), hash(Domain::Key, &[0]));
    }

    #[test]
    fn compression_adds_its_input_back() {
        let mut state: [Goldilocks; 8] = std::array::from_fn(|i| Goldilocks::new(u64::try_from(i).unwrap()));
        PERMUTATION.permute_mut(&mut state);
        let compressed = compress(&Digest::new([0, 1, 2, 3]).unwrap(), &Digest::new([4, 5, 6, 7]).unwrap());
        let fed_forward: Vec<u64> =
            (0..4).map(|i| (state[i] + Goldilocks::new(u64::try_from(i).unwrap())).as_canonical_u64()).collect();
        assert_eq!(compressed.limbs().to_vec(), fed_forward);
    }

    fn digest() -> impl Strategy<Value = Digest> {
        // Limbs at both ends of the field are where a reduction goes wrong.
        let limb = prop_oneof![0..GOLDILOCKS, 0..4u64, GOLDILOCKS - 4..GOLDILOCKS, 0xffff_fff0..0x1_0000_000f_u64];
        prop::array::uniform4(limb).prop_map(|limbs| Digest::new(limbs).unwrap())
    }

    proptest! {
        #[test]
        fn many_hashed_at_once_are_each_hashed(
            inputs in prop::collection::vec(prop::collection::vec(0..GOLDILOCKS, 0..14), 0..40)
        ) {
            let domains = [Domain::Key, Domain::Value].into_iter().cycle();
            let inputs: Vec<_> = domains.zip(inputs).collect();
            let each: Vec<Digest> = inputs.iter().map(|(domain, elements)| hash(*domain, elements)).collect();
            prop_assert_eq!(hash_all(&inputs), each);
        }

        #[test]
        fn many_compressed_at_once_are_each_compressed(pairs in prop::collection::vec([digest(), digest()], 0..40)) {
            let each: Vec<Digest> = pairs.iter().map(|[left, right]| compress(left, right)).collect();
            prop_assert_eq!(compress_all(&pairs), each);
        }

        #[test]
        fn every_element_matters(mut elements in prop::collection::vec(0..GOLDILOCKS, 1..20), at in 0usize..20) {
            let before = hash(Domain::Value, &elements);
            let at = at % elements.len();
            elements[at] = (elements[at] + 1) % GOLDILOCKS;
            prop_assert_ne!(before, hash(Domain::Value, &elements));
        }
    }
}
