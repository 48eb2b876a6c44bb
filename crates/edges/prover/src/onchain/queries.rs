//! A proof's queries, cut into steps that a contract checks one by one.
//!
//! The contract `QueryVerifier` is given the context that the first step leaves, and of each step the queries it
//! answers with what opens them. What is sent is paid for by the byte, so the paths of a step's queries share their
//! upper nodes, rows of a table are sent once for all queries that meet in them, and a step has queries that lie side
//! by side. Nothing here is trusted: the contract checks every byte.

use super::key::Key;
use super::statement::{Challenges, Sent};
use super::tree::Tree;
use crypto::eth::keccak;
use p3_batch_stark::BatchProof;
use p3_commit::{CommitmentOpening, MatrixOpening, PointOpening};
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{BasedVectorSpace as _, PrimeCharacteristicRing as _, TwoAdicField as _};
use p3_fri::verifier::{fold_query, open_inputs};
use p3_fri::{FriProof, TwoAdicFriFolding, TwoAdicFriFoldingForMmcs, fold_schedule};
use p3_symmetric::MerkleCap;
use proof::circuit::F;
use proof::hasher;
use proof::joined::Leaf;
use proof::validity::{
    Challenge, Config, Extended, InputOpenings, Invalid, LOG_ARITY, LOG_BLOWUP, LOG_FINAL, Values, fri, split, values,
};
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

/// Most bytes of a step's transaction: nodes pass on transactions of 128 KiB, and some of it is not calldata.
pub const STEP_BYTES: usize = 120 << 10;
/// What the contract's function is called with.
const SIGNATURE: &str = "verify(bytes,bytes,bytes)";

type Root = MerkleCap<F, [u8; 32]>;
type Claims = Vec<CommitmentOpening<Challenge, Root, TwoAdicMultiplicativeCoset<F>>>;
type Openings = FriProof<Challenge, Extended, F, InputOpenings>;
/// Rows by the level of their tree and their number there.
type Rows = BTreeMap<usize, BTreeMap<usize, Vec<u8>>>;

/// What is opened of a proof, and against what it is checked.
pub struct Opened {
    /// What the queries are checked against.
    context: Vec<u8>,
    /// Binary logarithm of the length of the largest evaluated domain.
    log_max: usize,
    /// Where is opened, in the order in which it was drawn.
    indices: Vec<usize>,
    /// One tree for each commitment to columns, with its depth.
    inputs: Vec<(usize, Tree)>,
    /// One for each round of folding.
    rounds: Vec<Round>,
}

/// A round of folding.
struct Round {
    log_arity: usize,
    /// Binary logarithm of the length after it.
    log_folded: usize,
    /// What is folded together, by the number of what comes of it.
    groups: BTreeMap<usize, Vec<Challenge>>,
    tree: Tree,
}

/// Some queries and what opens them.
pub struct Step {
    /// Which queries: their places in the order drawn, ascending by index.
    pub positions: Vec<u8>,
    /// Rows, hashes and values, in the order in which the contract reads them.
    pub openings: Vec<u8>,
}

impl Step {
    /// Returns the transaction's data.
    pub fn calldata(&self, context: &[u8]) -> Vec<u8> {
        let parts = [context, &self.positions, &self.openings];
        let mut data = keccak(&[SIGNATURE.as_bytes()]).0[..4].to_vec();
        let mut offset = 32 * parts.len();
        for part in parts {
            data.extend(word(offset));
            offset += 32 + part.len().next_multiple_of(32);
        }
        for part in parts {
            data.extend(word(part.len()));
            data.extend(part);
            data.resize(data.len() + part.len().next_multiple_of(32) - part.len(), 0);
        }
        data
    }
}

/// Returns a number as a word of the chain's machine.
fn word(number: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&u64::try_from(number).expect("a length fits").to_be_bytes());
    word
}

impl Opened {
    /// Returns what a proof opens. Checks the proof.
    ///
    /// # Errors
    /// When it is not a proof of what the leaf claims.
    pub fn new(key: &Key, leaf: &Leaf) -> Result<Self, Invalid> {
        leaf.verify()?;
        let Sent { context, challenges, .. } = key.sent(leaf).map_err(|_| Invalid::Form)?;
        let (_, proof) = split(&leaf.proof).ok_or(Invalid::Form)?;
        let proof: BatchProof<Config> = postcard::from_bytes(proof).map_err(|_| Invalid::Form)?;
        let claims = claims(&proof, &key.preprocessed, challenges.zeta);
        Ok(Self::of(context, &claims, &proof.opening_proof, challenges))
    }

    fn of(context: Vec<u8>, claims: &Claims, proof: &Openings, challenges: Challenges) -> Self {
        let heights = heights(claims);
        let log_max = heights[0];
        let arities = fold_schedule(&heights, LOG_BLOWUP + LOG_FINAL, LOG_ARITY);
        let inputs = claims.iter().zip(&proof.input_openings).map(|(claim, opening)| {
            let rows = rows(claim, &opening.opened_values, &challenges.indices, log_max);
            let depth = *rows.keys().next_back().expect("a commitment has matrices");
            (depth, tree(rows, &opening.opening_proof.sibling_hashes, &claim.commitment))
        });
        let inputs = inputs.collect();
        let rounds = rounds(claims, proof, &challenges, &arities, log_max);
        Self { context, log_max, indices: challenges.indices, inputs, rounds }
    }

    /// Returns what the queries are checked against: the bytes whose hash names them on the chain.
    pub fn context(&self) -> &[u8] {
        &self.context
    }

    /// Returns steps whose transactions have so many bytes at most: each answers as many queries as fit.
    pub fn steps(&self, bytes: usize) -> Vec<Step> {
        let mut order: Vec<usize> = (0..self.indices.len()).collect();
        order.sort_by_key(|position| self.indices[*position]);
        let mut rest = order.as_slice();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let is_short = |count: &usize| self.step(&rest[..*count]).calldata(&self.context).len() <= bytes;
            let count = (2..=rest.len()).take_while(is_short).last().unwrap_or(1);
            let (now, later) = rest.split_at(count);
            steps.push(self.step(now));
            rest = later;
        }
        steps
    }

    /// Returns the step of some queries, which are in the order of their indices.
    fn step(&self, queries: &[usize]) -> Step {
        let at = |level: usize| -> BTreeSet<usize> {
            queries.iter().map(|query| self.indices[*query] >> (self.log_max - level)).collect()
        };
        let mut openings = Vec::new();
        for (depth, tree) in &self.inputs {
            tree.path(&at(*depth), true, &mut openings);
        }
        for round in &self.rounds {
            let (known, folded) = (at(round.log_folded + round.log_arity), at(round.log_folded));
            for group in &folded {
                let first = group << round.log_arity;
                let values = round.groups[group].iter().enumerate();
                let sent = values.filter(|(place, _)| !known.contains(&(first + place)));
                openings.extend(sent.flat_map(|(_, value)| element(value)));
            }
            round.tree.path(&folded, false, &mut openings);
        }
        let positions = queries.iter().map(|query| u8::try_from(*query).expect("at most 256 queries"));
        Step { positions: positions.collect(), openings }
    }
}

/// Returns an element of the extension as it is hashed.
fn element(value: &Challenge) -> impl Iterator<Item = u8> {
    let coefficients: &[F] = value.as_basis_coefficients_slice();
    coefficients.iter().copied().flat_map(hasher::bytes)
}

/// Returns what a proof claims of its columns, in the order in which its verifier takes it.
fn claims(proof: &BatchProof<Config>, preprocessed: &[u8; 32], zeta: Challenge) -> Claims {
    let matrix = |table: usize, here: &[Challenge], next: Option<&[Challenge]>| {
        let log_height = proof.degree_bits[table];
        let domain = TwoAdicMultiplicativeCoset::new(F::ONE, log_height).expect("a verified height");
        let next_point = zeta * F::two_adic_generator(log_height);
        let mut points = vec![PointOpening { point: zeta, values: here.to_vec() }];
        points.extend(next.map(|next| PointOpening { point: next_point, values: next.to_vec() }));
        MatrixOpening { domain, points }
    };
    let (mut main, mut quotient, mut fixed, mut buses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (table, opened) in proof.opened_values.instances.iter().enumerate() {
        let of = &opened.base_opened_values;
        main.push(matrix(table, &of.trace_local, of.trace_next.as_deref()));
        quotient.extend(of.quotient_chunks.iter().map(|chunk| matrix(table, chunk, None)));
        fixed.extend(of.preprocessed.iter().map(|of| matrix(table, &of.local, of.next.as_deref())));
        if !opened.permutation_local.is_empty() {
            buses.push(matrix(table, &opened.permutation_local, Some(&opened.permutation_next)));
        }
    }
    let commitments = &proof.commitments;
    let permutation = commitments.permutation.clone().expect("a verified proof commits to its buses");
    vec![
        CommitmentOpening { commitment: commitments.main.clone(), matrices: main },
        CommitmentOpening { commitment: commitments.quotient_chunks.clone(), matrices: quotient },
        CommitmentOpening { commitment: Root::new(vec![*preprocessed]), matrices: fixed },
        CommitmentOpening { commitment: permutation, matrices: buses },
    ]
}

/// Returns the binary logarithm of the length over which a matrix is committed to.
fn log_length(matrix: &MatrixOpening<Challenge, TwoAdicMultiplicativeCoset<F>>) -> usize {
    matrix.domain.log_size() + LOG_BLOWUP
}

/// Returns the binary logarithms of the lengths that occur, the largest first.
fn heights(claims: &Claims) -> Vec<usize> {
    let heights: BTreeSet<usize> = claims.iter().flat_map(|claim| &claim.matrices).map(log_length).collect();
    heights.into_iter().rev().collect()
}

/// Returns the rows of a commitment, as they are hashed.
fn rows(
    claim: &CommitmentOpening<Challenge, Root, TwoAdicMultiplicativeCoset<F>>,
    opened: &[Vec<Vec<F>>],
    indices: &[usize],
    log_max: usize,
) -> Rows {
    let mut rows = Rows::new();
    for (index, opened) in indices.iter().zip(opened) {
        let mut of_query: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (matrix, row) in claim.matrices.iter().zip(opened) {
            of_query.entry(log_length(matrix)).or_default().extend(row.iter().copied().flat_map(hasher::bytes));
        }
        for (level, row) in of_query {
            rows.entry(level).or_default().insert(index >> (log_max - level), row);
        }
    }
    rows
}

/// Returns the open part of a tree, which was checked before.
fn tree(rows: Rows, beside: &[[u8; 32]], root: &Root) -> Tree {
    let tree = Tree::new(rows, beside).expect("a verified proof has the hashes its queries need");
    assert_eq!(tree.root().as_slice(), root.roots(), "a verified proof's hashes lead to its roots");
    tree
}

/// Folds all queries as the verifier does, for the values that a proof leaves out since a verifier computes them.
fn rounds(claims: &Claims, proof: &Openings, challenges: &Challenges, arities: &[usize], log_max: usize) -> Vec<Round> {
    let fri = fri();
    let folding: TwoAdicFriFoldingForMmcs<F, Values> = TwoAdicFriFolding(PhantomData);
    let reduced =
        open_inputs(&fri, log_max, &challenges.indices, &proof.input_openings, challenges.alpha, &values(), claims);
    let reduced = reduced.expect("a verified proof opens its columns");
    let mut numbers = vec![Vec::new(); arities.len()];
    let mut rows = vec![Vec::new(); arities.len()];
    for (query, (index, reduced)) in challenges.indices.iter().zip(reduced).enumerate() {
        let folded = fold_query::<_, F, Challenge, Extended>(
            &folding,
            query,
            &mut index.clone(),
            &challenges.betas,
            arities,
            &proof.commit_phase_openings,
            reduced,
            log_max,
            LOG_BLOWUP + LOG_FINAL,
            &mut numbers,
            &mut rows,
        );
        let _: Challenge = folded.expect("a verified proof folds");
    }
    let mut log_folded = log_max;
    let parts = proof.commit_phase_commits.iter().zip(&proof.commit_phase_openings).zip(arities);
    let rounds = parts.zip(numbers.into_iter().zip(rows)).map(|(((root, opening), log_arity), (numbers, rows))| {
        log_folded -= log_arity;
        let groups: BTreeMap<usize, Vec<Challenge>> = numbers.into_iter().zip(rows.into_iter().flatten()).collect();
        let hashed = groups.iter().map(|(number, values)| (*number, values.iter().flat_map(element).collect()));
        let leaves = BTreeMap::from([(log_folded, hashed.collect())]);
        let tree = tree(leaves, &opening.opening_proof.sibling_hashes, root);
        Round { log_arity: *log_arity, log_folded, groups, tree }
    });
    rounds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proof::validity::QUERIES;

    fn opened() -> Opened {
        Opened::new(&Key::new(), &super::super::tests::proven()).unwrap()
    }

    #[test]
    fn steps_answer_every_query_once_and_fit_their_transactions() {
        let opened = opened();
        let steps = opened.steps(STEP_BYTES);
        let mut answered: Vec<usize> = Vec::new();
        for step in &steps {
            assert!(step.calldata(opened.context()).len() <= STEP_BYTES);
            let indices: Vec<usize> = step.positions.iter().map(|place| opened.indices[usize::from(*place)]).collect();
            assert!(indices.is_sorted(), "the contract asks for ascending indices");
            answered.extend(step.positions.iter().map(|place| usize::from(*place)));
        }
        answered.sort_unstable();
        assert!(answered.into_iter().eq(0..QUERIES));
    }

    #[test]
    fn queries_side_by_side_share_what_they_open() {
        let opened = opened();
        let sent = |steps: Vec<Step>| steps.iter().map(|step| step.openings.len()).sum::<usize>();
        let together = sent(opened.steps(STEP_BYTES));
        let alone = sent((0..QUERIES).map(|query| opened.step(&[query])).collect());
        assert!(together * 8 < alone * 7, "{together} bytes for {alone}");
    }

    #[test]
    fn another_statement_has_no_steps() {
        let mut leaf = super::super::tests::proven();
        std::mem::swap(&mut leaf.claim.parent_root, &mut leaf.claim.state_root);
        assert!(matches!(Opened::new(&Key::new(), &leaf), Err(Invalid::Statement(_))));
    }
}
