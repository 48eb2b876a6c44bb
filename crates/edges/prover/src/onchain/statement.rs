//! What a contract is sent of a proof in the first step, and what that step leaves to the next ones.

use super::key::{batch_shape, folding_shape, matrices, openings_shape};
use super::table::Shape;
use p3_batch_stark::BatchProof;
use p3_challenger::{
    CanObserve as _, CanSample as _, CanSampleBits as _, FieldChallenger as _, GrindingChallenger as _,
};
use p3_field::{BasedVectorSpace as _, PrimeCharacteristicRing as _, PrimeField64 as _, TwoAdicField as _};
use p3_fri::fold_schedule;
use proof::circuit::{F, Table};
use proof::joined::Leaf;
use proof::transcript::Transcript;
use proof::validity::{Challenge, Config, LOG_ARITY, LOG_BLOWUP, LOG_FINAL, PROTOCOL, QUERIES, QUERY_WORK_BITS, split};
use std::collections::BTreeMap;

/// These bytes are no proof that a contract can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no proof of this release: check them with `proof::validity::verify` first")]
pub struct Malformed;

/// What a contract is sent of a proof, and what it makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What is sent.
    pub statement: Vec<u8>,
    /// What the step leaves to those that open Merkle trees: it remembers this by its hash.
    pub context: Vec<u8>,
    /// The challenges that both follow from.
    pub challenges: Challenges,
}

/// Returns what is sent of a proof. The proof is not checked.
///
/// # Errors
/// When these bytes do not have a proof's form.
pub fn sent(shapes: &[Shape], preprocessed: &[u8; 32], leaf: &Leaf) -> Result<Sent, Malformed> {
    let parts = Parts::of(shapes, preprocessed, leaf).ok_or(Malformed)?;
    let challenges = Challenges::of(shapes, &parts);
    let context = Context { shapes, parts: &parts, challenges: &challenges }.to_bytes();
    Ok(Sent { statement: parts.to_bytes(), context, challenges })
}

/// What the transcript takes of a proof, in its order.
struct Parts {
    heights: Vec<usize>,
    publics: Vec<F>,
    main: [u8; 32],
    preprocessed: [u8; 32],
    buses: [u8; 32],
    terminals: Vec<Challenge>,
    quotient: [u8; 32],
    /// The opened values: of each commitment, each matrix, at each point.
    openings: [Vec<Vec<Vec<Challenge>>>; 4],
    rounds: Vec<[u8; 32]>,
    last: Vec<Challenge>,
    witness: F,
}

impl Parts {
    fn of(shapes: &[Shape], preprocessed: &[u8; 32], leaf: &Leaf) -> Option<Self> {
        let (chains, rest) = split(&leaf.proof)?;
        let proof: BatchProof<Config> = postcard::from_bytes(rest).ok()?;
        let statement = leaf.claim.statement();
        let crossed = statement.crossed(&chains, &leaf.messages, &leaf.withdrawals);
        let root = |roots: &[[u8; 32]]| <[[u8; 32]; 1]>::try_from(roots).map(|[root]| root).ok();
        let mut openings = [const { Vec::new() }; 4];
        for instance in &proof.opened_values.instances {
            let base = &instance.base_opened_values;
            openings[0].push([base.trace_local.clone()].into_iter().chain(base.trace_next.clone()).collect());
            openings[1].extend(base.quotient_chunks.iter().map(|chunk| vec![chunk.clone()]));
            if let Some(values) = &base.preprocessed {
                openings[2].push([values.local.clone()].into_iter().chain(values.next.clone()).collect());
            }
            if !instance.permutation_local.is_empty() {
                openings[3].push(vec![instance.permutation_local.clone(), instance.permutation_next.clone()]);
            }
        }
        let is_shaped = matrices(shapes).iter().zip(&openings).all(|(matrices, opened)| {
            let shape = |opened: &Vec<Vec<Challenge>>| opened.iter().map(Vec::len).collect::<Vec<_>>();
            let expected = matrices.iter().map(|(_, width, points)| vec![*width; *points]);
            opened.iter().map(shape).eq(expected)
        });
        let is_whole = is_shaped && proof.degree_bits.len() == Table::ALL.len();
        is_whole.then_some(())?;
        Some(Self {
            heights: proof.degree_bits.clone(),
            publics: statement.public_values(&crossed).concat(),
            main: root(proof.commitments.main.roots())?,
            preprocessed: *preprocessed,
            buses: root(proof.commitments.permutation.as_ref()?.roots())?,
            terminals: proof.lookup_terminals.iter().flatten().map(|terminal| terminal.0).collect(),
            quotient: root(proof.commitments.quotient_chunks.roots())?,
            openings,
            rounds: proof
                .opening_proof
                .commit_phase_commits
                .iter()
                .map(|cap| root(cap.roots()))
                .collect::<Option<_>>()?,
            last: proof.opening_proof.final_poly.clone(),
            witness: proof.opening_proof.query_pow_witness,
        })
    }

    fn opened(&self) -> impl Iterator<Item = &Challenge> {
        self.openings.iter().flatten().flatten().flatten()
    }

    /// Returns what is sent: the heights, and all that the transcript takes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.heights.iter().map(|height| u8::try_from(*height).expect("small")).collect();
        bytes.extend(self.main);
        self.publics.iter().for_each(|value| bytes.extend(value.as_canonical_u64().to_be_bytes()));
        bytes.extend(self.buses);
        self.terminals.iter().for_each(|value| bytes.extend(packed(value)));
        bytes.extend(self.quotient);
        self.opened().for_each(|value| bytes.extend(packed(value)));
        self.rounds.iter().for_each(|root| bytes.extend(root));
        self.last.iter().for_each(|value| bytes.extend(packed(value)));
        bytes.extend(self.witness.as_canonical_u64().to_be_bytes());
        bytes
    }

    /// Returns the binary logarithms of the evaluated heights, each once, highest first.
    fn evaluated(&self) -> Vec<usize> {
        let mut heights: Vec<usize> = self.heights.iter().map(|height| height + LOG_BLOWUP).collect();
        heights.sort_unstable_by(|x, y| y.cmp(x));
        heights.dedup();
        heights
    }

    /// Returns the binary logarithms of how many values each round folds into one.
    fn arities(&self) -> Vec<usize> {
        fold_schedule(&self.evaluated(), LOG_BLOWUP + LOG_FINAL, LOG_ARITY)
    }
}

/// Returns the coefficients of an element, one after another.
fn packed(value: &Challenge) -> [u8; 24] {
    let coefficients: &[F] = value.as_basis_coefficients_slice();
    let mut bytes = [0; 24];
    let (chunks, _) = bytes.as_chunks_mut::<8>();
    chunks.iter_mut().zip(coefficients).for_each(|(chunk, coefficient)| {
        *chunk = coefficient.as_canonical_u64().to_be_bytes();
    });
    bytes
}

/// The challenges of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenges {
    /// Of the messages: of their buses, and of their elements.
    pub messages: [Challenge; 2],
    /// What constraints are folded with.
    pub constraints: Challenge,
    /// Where the tables are opened.
    pub zeta: Challenge,
    /// What openings are batched with.
    pub alpha: Challenge,
    /// What each round folds with.
    pub betas: Vec<Challenge>,
    /// Which places are opened.
    pub indices: Vec<usize>,
}

impl Challenges {
    /// Follows the transcript of a proof, as the proof system's verifiers do.
    fn of(shapes: &[Shape], parts: &Parts) -> Self {
        let mut transcript = Transcript::new(PROTOCOL);
        batch_shape(shapes).domain_separator::<F, Challenge>().seed(&mut transcript);
        parts.heights.iter().for_each(|height| transcript.observe_algebra_element(Challenge::from_usize(*height)));
        transcript.observe_root(&parts.main);
        transcript.observe_slice(&parts.publics);
        transcript.observe_root(&parts.preprocessed);
        let messages = transcript.sample_array();
        transcript.observe_root(&parts.buses);
        transcript.observe_algebra_slice(&parts.terminals);
        let constraints = transcript.sample();
        transcript.observe_root(&parts.quotient);
        let zeta = transcript.sample();
        openings_shape(shapes).domain_separator::<F, Challenge>().seed(&mut transcript);
        parts.opened().for_each(|value| transcript.observe_algebra_element(*value));
        let alpha = transcript.sample();
        let bits = parts.evaluated()[0];
        folding_shape(parts.arities(), bits).domain_separator::<F, Challenge>().seed(&mut transcript);
        let beta = |root: &[u8; 32]| {
            transcript.observe_root(root);
            transcript.sample()
        };
        let betas = parts.rounds.iter().map(beta).collect();
        transcript.observe_algebra_slice(&parts.last);
        // A wrong witness gives other indices; whether it is right is the verifier's to say.
        let _is_worked = transcript.check_witness(QUERY_WORK_BITS, parts.witness);
        let indices = (0..QUERIES).map(|_| transcript.sample_bits(bits)).collect();
        Self { messages, constraints, zeta, alpha, betas, indices }
    }
}

/// What the first step leaves to the others.
struct Context<'a> {
    shapes: &'a [Shape],
    parts: &'a Parts,
    challenges: &'a Challenges,
}

/// The sums of opened values on the way up one height's ladder of powers.
struct Ladder {
    power: Challenge,
    sums: [Challenge; 2],
}

impl Context<'_> {
    /// Returns the context as words of 32 bytes: a header, the statement's hash, the folding's challenges and roots, the
    /// opened values' sums for each height, the commitments with their matrices, and the places that are opened.
    fn to_bytes(&self) -> Vec<u8> {
        let Self { parts, challenges, .. } = self;
        let arities = parts.arities();
        let mut ladders: BTreeMap<usize, Ladder> = BTreeMap::new();
        let described = self.matrices(&mut ladders);
        let mut words = vec![self.header(ladders.len())];
        let publics: Vec<u8> = parts.publics.iter().flat_map(|value| value.as_canonical_u64().to_be_bytes()).collect();
        words.push(crypto::eth::keccak(&[&publics]).0);
        words.push(lanes(&challenges.alpha));
        for ((root, beta), arity) in parts.rounds.iter().zip(&challenges.betas).zip(arities) {
            words.extend([*root, lanes(beta), number(arity)]);
        }
        words.extend(parts.last.iter().map(lanes));
        for (height, ladder) in ladders.iter().rev() {
            let next = challenges.zeta * F::two_adic_generator(height - LOG_BLOWUP);
            words.extend([number(*height), lanes(&challenges.zeta), lanes(&ladder.sums[0])]);
            words.extend([lanes(&next), lanes(&ladder.sums[1])]);
        }
        words.extend([parts.main, parts.quotient, parts.preprocessed, parts.buses]);
        words.extend(parts.openings.iter().map(|matrices| number(matrices.len())));
        words.extend(described);
        for indices in challenges.indices.chunks(8) {
            let mut word = [0; 32];
            let (chunks, _) = word.as_chunks_mut::<4>();
            chunks.iter_mut().zip(indices).for_each(|(chunk, index)| {
                *chunk = u32::try_from(*index).expect("32 bits").to_be_bytes();
            });
            words.push(word);
        }
        words.concat()
    }

    fn header(&self, heights: usize) -> [u8; 32] {
        let matrices: usize = self.parts.openings.iter().map(Vec::len).sum();
        let numbers = [
            heights,
            self.parts.rounds.len(),
            self.parts.evaluated()[0],
            QUERIES,
            self.parts.openings.len(),
            matrices,
            self.parts.last.len(),
        ];
        let mut word = [0; 32];
        let (chunks, _) = word.as_chunks_mut::<2>();
        chunks.iter_mut().rev().zip(numbers).for_each(|(chunk, number)| {
            *chunk = u16::try_from(number).expect("16 bits").to_be_bytes();
        });
        word
    }

    /// Returns two words for each matrix, and sums the opened values up.
    fn matrices(&self, ladders: &mut BTreeMap<usize, Ladder>) -> Vec<[u8; 32]> {
        let alpha = self.challenges.alpha;
        let mut words = Vec::new();
        let opened = self.parts.openings.iter().flatten();
        for ((table, width, points), values) in matrices(self.shapes).iter().flatten().zip(opened) {
            let height = self.parts.heights[*table] + LOG_BLOWUP;
            let fresh = || Ladder { power: Challenge::ONE, sums: [Challenge::ZERO; 2] };
            let ladder = ladders.entry(height).or_insert_with(fresh);
            words.extend([number(height | width << 16 | points << 32), lanes(&ladder.power)]);
            for (values, sum) in values.iter().zip(&mut ladder.sums) {
                for value in values {
                    *sum += ladder.power * *value;
                    ladder.power *= alpha;
                }
            }
        }
        words
    }
}

/// Returns a number as a word.
fn number(value: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&u64::try_from(value).expect("64 bits").to_be_bytes());
    word
}

/// Returns an element's coefficients as lanes of a word, 85 bits each.
fn lanes(value: &Challenge) -> [u8; 32] {
    let coefficients: &[F] = value.as_basis_coefficients_slice();
    let mut word = [0; 32];
    for (index, coefficient) in coefficients.iter().enumerate() {
        let coefficient = coefficient.as_canonical_u64();
        for bit in (0..64).filter(|bit| coefficient >> bit & 1 == 1) {
            let place = 85 * index + bit;
            word[31 - place / 8] |= 1 << (place % 8);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::super::table::{Inputs, run};
    use super::*;

    fn parts_of(key: &Key, leaf: &Leaf) -> Parts {
        Parts::of(&key.shapes, &key.preprocessed, leaf).unwrap()
    }

    /// Returns the tables whose formulas refuse opened values.
    fn refused(key: &Key, parts: &Parts, challenges: &Challenges) -> Vec<usize> {
        let mut opened = parts.openings.each_ref().map(|matrices| matrices.iter());
        let (mut terminals, mut publics) = (parts.terminals.iter(), parts.publics.iter());
        let mut refused = Vec::new();
        for (table, (shape, formula)) in key.shapes.iter().zip(&key.formulas).enumerate() {
            let is_on_buses = usize::from(shape.buses > 0);
            let mut values = Vec::new();
            for (commitment, count) in
                [(0, 1), (2, usize::from(shape.preprocessed > 0)), (3, is_on_buses), (1, shape.chunks)]
            {
                values.extend(opened[commitment].by_ref().take(count).flatten().flatten());
            }
            values.extend(terminals.by_ref().take(is_on_buses));
            values.extend(publics.by_ref().take(shape.publics).map(|value| Challenge::from(*value)));
            let inputs = Inputs {
                challenges: [challenges.constraints, challenges.messages[0], challenges.messages[1]],
                point: challenges.zeta,
                log_height: parts.heights[table],
                values,
            };
            if run(shape, formula, &inputs) != Challenge::ZERO {
                refused.push(table);
            }
        }
        refused
    }

    #[test]
    fn formulas_accept_a_proof_and_each_refuses_another_value() {
        let leaf = super::super::tests::proven();
        let key = Key::new();
        let mut parts = parts_of(&key, &leaf);
        let challenges = Challenges::of(&key.shapes, &parts);
        assert_eq!(refused(&key, &parts, &challenges), []);
        for (commitment, matrices) in matrices(&key.shapes).into_iter().enumerate() {
            for (matrix, (table, width, _)) in matrices.into_iter().enumerate() {
                for column in (0..width).step_by(width.div_ceil(16)) {
                    let value = parts.openings[commitment][matrix][0][column];
                    // A column that a batch does not use may meet others like it only.
                    if value != Challenge::ZERO {
                        parts.openings[commitment][matrix][0][column] += Challenge::ONE;
                        assert_eq!(refused(&key, &parts, &challenges), [table], "column {column} of {commitment}");
                        parts.openings[commitment][matrix][0][column] = value;
                    }
                }
            }
        }
        // Nothing crosses in this batch, so nothing is evaluated: the points are then held by whoever checks the lists
        // (`proof::crossing`), and by no table.
        let tables = Table::ALL.iter().zip(&key.shapes).take_while(|(table, _)| **table != Table::Bridge);
        let bridge: usize = tables.map(|(_, shape)| shape.publics).sum();
        let points = bridge + 32..bridge + 35;
        for public in (0..parts.publics.len()).filter(|public| !points.contains(public)) {
            parts.publics[public] += F::ONE;
            assert_eq!(refused(&key, &parts, &challenges).len(), 1, "public value {public}");
            parts.publics[public] -= F::ONE;
        }
        for terminal in 0..parts.terminals.len() {
            parts.terminals[terminal] += Challenge::ONE;
            assert_eq!(refused(&key, &parts, &challenges).len(), 1, "terminal {terminal}");
            parts.terminals[terminal] -= Challenge::ONE;
        }
    }

    #[test]
    fn bytes_of_another_form_are_none_that_can_be_sent() {
        let leaf = super::super::tests::proven();
        let (key, proof) = (Key::new(), &leaf.proof);
        let sent = |bytes: &[u8]| key.sent(&Leaf { proof: bytes.into(), ..leaf.clone() });
        let whole = sent(proof).unwrap();
        assert!(whole.statement.len() < 120 << 10, "{} bytes fit a transaction", whole.statement.len());
        assert_eq!(whole.context.len() % 32, 0);
        for length in [0, 1, proof.len() / 2, proof.len() - 1] {
            assert_eq!(sent(&proof[..length]), Err(Malformed));
        }
        assert_eq!(sent(&[&[proof[0] + 1], &proof[1..]].concat()), Err(Malformed));
    }
}
