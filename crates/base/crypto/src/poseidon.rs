//! Poseidon2, width 8, over Goldilocks, with the constants of `p3-goldilocks`.
//!
//! Security setting: collision and preimage resistance of 128 bits is assumed of the permutation (capacity of four
//! elements, 256 bits). Source: Grassi, Khovratovich, Schofnegger, "Poseidon2", 2023; the compression of two digests
//! adds the input back (section 3.1), so that it cannot be run backwards.

use p3_field::PrimeField64;
use p3_goldilocks::{Goldilocks, Poseidon2Goldilocks, default_goldilocks_poseidon2_8};
use p3_symmetric::Permutation;
use std::sync::LazyLock;
use types::{Digest, Encode, GOLDILOCKS};

static PERMUTATION: LazyLock<Poseidon2Goldilocks<8>> = LazyLock::new(default_goldilocks_poseidon2_8);

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
}

impl Domain {
    fn tag(self) -> Goldilocks {
        // A variant's number is its tag; `as` is the only way to read a discriminant.
        #[allow(clippy::as_conversions)]
        Goldilocks::new(self as u64)
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

    proptest! {
        #[test]
        fn every_element_matters(mut elements in prop::collection::vec(0..GOLDILOCKS, 1..20), at in 0usize..20) {
            let before = hash(Domain::Value, &elements);
            let at = at % elements.len();
            elements[at] = (elements[at] + 1) % GOLDILOCKS;
            prop_assert_ne!(before, hash(Domain::Value, &elements));
        }
    }
}
