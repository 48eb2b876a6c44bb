//! The transcript that a proof's challenges come from, in a form that a contract follows for little gas.
//!
//! What the prover sends is collected as bytes: an element as eight, big-endian, a Merkle root as its 32. Before a
//! challenge is cut, the state becomes `keccak(state ‖ collected)`. Challenges are cut from `keccak(state ‖ counter)`,
//! four words of 64 bits each; a word is an element when it is below the field's order, and is skipped otherwise.
//!
//! Setting: Keccak-256 stands for a random function. What is collected has a multiple of eight bytes and a counter has
//! four, so no input of one use is one of the other.

use crate::circuit::F;
use crate::validity::Challenge;
use crypto::eth::keccak;
use p3_challenger::{CanObserve, CanSample, CanSampleBits, FieldChallenger, GrindingChallenger};
use p3_field::{BasedVectorSpace as _, PrimeCharacteristicRing as _, PrimeField64};
use p3_keccak::{KeccakF, VECTOR_LEN};
use p3_symmetric::{MerkleCap, Permutation as _};

/// Words of 64 bits in a state.
const WORDS: usize = 4;
/// The word of Keccak's state in which the last byte of its input is, and what ends the input there.
const END: (usize, u64) = (16, 1 << 63);

/// The state of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    state: [u8; 32],
    collected: Vec<u8>,
    /// How many blocks were cut from the state.
    counter: u32,
    /// The words of the last block that are not used yet, the next one last.
    words: Vec<u64>,
}

impl Transcript {
    /// Begins a transcript of the protocol with a name.
    pub fn new(protocol: &[u8]) -> Self {
        Self { state: keccak(&[protocol]).0, collected: Vec::new(), counter: 0, words: Vec::new() }
    }

    /// Observes the root of a Merkle tree.
    pub fn observe_root(&mut self, root: &[u8; 32]) {
        self.collected.extend(root);
    }

    /// Takes what was collected into the state.
    fn absorb(&mut self) {
        if !self.collected.is_empty() {
            self.replace(keccak(&[&self.state, &self.collected]).0);
        }
    }

    fn replace(&mut self, state: [u8; 32]) {
        self.state = state;
        self.collected.clear();
        self.words.clear();
        self.counter = 0;
    }

    /// Cuts the next word.
    fn word(&mut self) -> u64 {
        self.absorb();
        if self.words.is_empty() {
            let block = keccak(&[&self.state, &self.counter.to_be_bytes()]).0;
            self.words = words(&block).into_iter().rev().collect();
            self.counter += 1;
        }
        self.words.pop().expect("a block has words")
    }
}

fn words(block: &[u8; 32]) -> [u64; WORDS] {
    let (chunks, _) = block.as_chunks::<8>();
    std::array::from_fn(|index| u64::from_be_bytes(chunks[index]))
}

impl CanObserve<F> for Transcript {
    fn observe(&mut self, value: F) {
        self.collected.extend(value.as_canonical_u64().to_be_bytes());
    }
}

impl CanObserve<MerkleCap<F, [u8; 32]>> for Transcript {
    fn observe(&mut self, cap: MerkleCap<F, [u8; 32]>) {
        cap.roots().iter().for_each(|root| self.observe_root(root));
    }
}

impl CanSample<F> for Transcript {
    fn sample(&mut self) -> F {
        loop {
            let word = self.word();
            if word < F::ORDER_U64 {
                return F::from_u64(word);
            }
        }
    }
}

impl CanSample<Challenge> for Transcript {
    fn sample(&mut self) -> Challenge {
        Challenge::from_basis_coefficients_fn(|_| CanSample::<F>::sample(self))
    }
}

impl CanSampleBits<usize> for Transcript {
    fn sample_bits(&mut self, bits: usize) -> usize {
        let mask = (1_u64 << bits) - 1;
        usize::try_from(self.word() & mask).expect("an index is small")
    }
}

impl FieldChallenger<F> for Transcript {}

impl GrindingChallenger for Transcript {
    type Witness = F;

    /// Finds the smallest witness, so that the same proof is found again.
    fn grind(&mut self, bits: usize) -> F {
        if bits == 0 {
            return F::ZERO;
        }
        self.absorb();
        let mut first = 0;
        loop {
            if let Some(witness) = worked(&self.state, first, bits) {
                let witness = F::from_u64(witness);
                assert!(self.check_witness(bits, witness), "what was found passes");
                return witness;
            }
            first += STEP;
        }
    }

    /// The state after the witness begins with so many zero bits.
    fn check_witness(&mut self, bits: usize, witness: F) -> bool {
        if bits == 0 {
            return true;
        }
        self.absorb();
        self.observe(witness);
        self.absorb();
        words(&self.state)[0] >> (64 - bits) == 0
    }
}

/// How many witnesses are tried at once.
const STEP: u64 = {
    #[allow(clippy::as_conversions, reason = "a number of lanes, where `try_from` cannot be called")]
    let lanes = VECTOR_LEN as u64;
    lanes
};

/// Tries as many witnesses as Keccak has lanes here, and returns the first that gives so many zero bits.
fn worked(state: &[u8; 32], first: u64, bits: usize) -> Option<u64> {
    let mut lanes = [[0_u64; VECTOR_LEN]; 25];
    for (lane, word) in lanes.iter_mut().zip(words(state)) {
        *lane = [word.swap_bytes(); VECTOR_LEN];
    }
    lanes[WORDS] = std::array::from_fn(|lane| (first + u64::try_from(lane).expect("a lane")).swap_bytes());
    lanes[WORDS + 1] = [1; VECTOR_LEN];
    lanes[END.0] = [END.1; VECTOR_LEN];
    KeccakF.permute_mut(&mut lanes);
    let found = lanes[0].iter().position(|word| word.swap_bytes() >> (64 - bits) == 0)?;
    Some(first + u64::try_from(found).expect("a lane"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Transcript {
        let mut transcript = Transcript::new(b"test");
        transcript.observe(F::from_u64(7));
        transcript
    }

    #[test]
    fn the_smallest_witness_is_found_and_passes() {
        let mut transcript = started();
        let witness = transcript.clone().grind(8);
        for smaller in 0..witness.as_canonical_u64() {
            assert!(!transcript.clone().check_witness(8, F::from_u64(smaller)));
        }
        assert!(transcript.check_witness(8, witness));
    }

    #[test]
    fn what_was_observed_changes_every_challenge_after_it_and_none_before() {
        let mut one = started();
        let mut other = started();
        let sample = |transcript: &mut Transcript| -> F { transcript.sample() };
        assert_eq!(sample(&mut one), sample(&mut other));
        one.observe(F::ONE);
        assert_ne!(sample(&mut one), sample(&mut other));
    }

    #[test]
    fn an_observation_drops_what_is_left_of_a_block() {
        let mut transcript = started();
        let _: F = transcript.sample();
        assert_eq!(transcript.words.len(), 3);
        transcript.observe(MerkleCap::new(vec![[9; 32]]));
        let _: F = transcript.sample();
        assert_eq!((transcript.words.len(), transcript.counter), (3, 1));
    }

    #[test]
    fn bits_are_those_of_one_word() {
        let mut transcript = started();
        let word: F = transcript.clone().sample();
        assert_eq!(transcript.sample_bits(20), usize::try_from(word.as_canonical_u64() & 0xf_ffff).unwrap());
    }
}
