//! The verifying key: what a contract knows of the circuit, as bytes that it keeps as code.
//!
//! All of it follows from `Table::ALL` and the parameters of the proof system. Numbers are big-endian. In order: the
//! header, a description of each table, what the transcripts of Plonky3's protocols begin with, and for each table its
//! constants and its formula, which ends with a group of no instructions.

use super::formula::{Formula, Group};
use super::table::{Buses, DIMENSION, Shape, formula};
use p3_batch_stark::BatchShape;
use p3_challenger::CanObserve;
use p3_field::PrimeField64 as _;
use p3_fri::{FriShape, PcsShape};
use p3_lookup::{Lookup, check_multiplicity_height_bound};
use proof::circuit::{F, Table};
use proof::validity::{
    Challenge, LOG_ARITY, LOG_BLOWUP, LOG_FINAL, LOG_HEIGHT, LOG_HEIGHT_MAX, LOG_HEIGHT_MIN, PROTOCOL, QUERIES,
    QUERY_WORK_BITS, data,
};

/// Bytes of the header.
pub const HEADER: usize = 160;
/// Bytes of a table's description.
pub const DESCRIPTION: usize = 32;
/// Most different periods of a table's periodic columns.
const PERIODS_MAX: usize = 4;
/// Bytes of code that a contract may have, less the one that keeps data from being run.
pub const PART_BYTES: usize = 24_575;

/// What the verifier knows of the circuit.
pub struct Key {
    /// The root of the columns that are the same in every proof.
    pub preprocessed: [u8; 32],
    /// The shape of each table.
    pub shapes: Vec<Shape>,
    pub(super) formulas: Vec<Formula>,
}

impl Key {
    /// Makes the key of the circuit.
    ///
    /// # Panics
    /// When the circuit has no columns that are the same in every proof, or a table that no key can describe.
    pub fn new() -> Self {
        let data = data(LOG_HEIGHT);
        let lookups: Vec<&[Lookup<F>]> = data.common.lookups.iter().map(|lookups| &lookups[..]).collect();
        let most = vec![1 << LOG_HEIGHT_MAX; Table::ALL.len()];
        check_multiplicity_height_bound(&data.common.lookups, &most).expect("no number of messages wraps the field");
        let commitment = &data.common.preprocessed.as_ref().expect("some columns are fixed").commitment;
        let shapes: Vec<Shape> =
            Table::ALL.iter().zip(&lookups).map(|(table, lookups)| Shape::of(*table, lookups)).collect();
        let buses = Buses::of(&lookups);
        let formulas = Table::ALL.iter().zip(&shapes).zip(lookups.iter().zip(&buses.numbers));
        let formulas = formulas
            .map(|((table, shape), (lookups, numbers))| formula(*table, shape, lookups, numbers, buses.width))
            .collect();
        Self { preprocessed: commitment[0], shapes, formulas }
    }

    /// Returns the key's bytes in parts that each fit a contract's code.
    pub fn parts(&self) -> Vec<Vec<u8>> {
        self.to_bytes().chunks(PART_BYTES).map(<[u8]>::to_vec).collect()
    }

    /// Returns the key's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (batch, openings) = (
            seed(|sink| batch_shape(&self.shapes).domain_separator::<F, Challenge>().seed(sink)),
            seed(|sink| openings_shape(&self.shapes).domain_separator::<F, Challenge>().seed(sink)),
        );
        let patterns =
            Patterns::new(self.shapes.iter().filter_map(|shape| shape.fixed).max().unwrap_or(LOG_HEIGHT_MIN));
        let mut bytes = self.preprocessed.to_vec();
        bytes.extend(crypto::eth::keccak(&[PROTOCOL]).0);
        let publics = self.shapes.iter().map(|shape| shape.publics).sum();
        for number in [self.shapes.len(), batch.len(), openings.len(), publics] {
            bytes.extend(narrow::<2>(number));
        }
        let parameters = [LOG_BLOWUP, LOG_FINAL, LOG_ARITY, QUERIES, QUERY_WORK_BITS, LOG_HEIGHT_MIN, LOG_HEIGHT_MAX];
        parameters.into_iter().for_each(|number| bytes.extend(narrow::<1>(number)));
        let counts = [patterns.bits[0], patterns.bits[1], patterns.rounds[0], patterns.rounds[1]];
        counts.into_iter().for_each(|number| bytes.extend(narrow::<1>(number)));
        bytes.resize(HEADER - patterns.protocol.len(), 0);
        bytes.extend(patterns.protocol);
        let mut start =
            HEADER + DESCRIPTION * self.shapes.len() + batch.len() + openings.len() + 32 * patterns.hashes.len();
        for (shape, formula) in self.shapes.iter().zip(&self.formulas) {
            bytes.extend(description(shape, formula, start));
            start += bytes_of(formula).len();
        }
        bytes.extend(batch);
        bytes.extend(openings);
        patterns.hashes.iter().for_each(|hash| bytes.extend(hash));
        self.formulas.iter().for_each(|formula| bytes.extend(bytes_of(formula)));
        bytes
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns a number's last bytes.
fn narrow<const N: usize>(number: usize) -> [u8; N] {
    let wide = u64::try_from(number).expect("64 bits").to_be_bytes();
    assert!(wide[..wide.len() - N].iter().all(|byte| *byte == 0), "{number} has more than {N} bytes");
    *wide.last_chunk().expect("not longer than the number")
}

fn description(shape: &Shape, formula: &Formula, start: usize) -> [u8; DESCRIPTION] {
    assert!(shape.periods.len() <= PERIODS_MAX, "a table has few different periods");
    let mut bytes = Vec::new();
    bytes.extend(narrow::<1>(shape.fixed.unwrap_or(0)));
    bytes.extend(narrow::<2>(shape.width));
    bytes.push(u8::from(shape.is_next_read));
    bytes.extend(narrow::<2>(shape.preprocessed));
    bytes.push(u8::from(shape.is_preprocessed_next_read));
    bytes.extend(narrow::<2>(DIMENSION * shape.buses));
    bytes.extend(narrow::<2>(DIMENSION * shape.chunks));
    bytes.extend(narrow::<1>(shape.publics));
    bytes.extend(narrow::<1>(shape.periods.len()));
    (0..PERIODS_MAX).for_each(|index| bytes.extend(narrow::<1>(shape.periods.get(index).copied().unwrap_or(0))));
    bytes.extend(narrow::<2>(formula.constants.len()));
    bytes.extend(narrow::<3>(start));
    bytes.extend(formula.registers.to_be_bytes());
    bytes.resize(DESCRIPTION, 0);
    bytes.try_into().expect("resized")
}

fn bytes_of(formula: &Formula) -> Vec<u8> {
    let mut bytes: Vec<u8> = formula.constants.iter().flat_map(|constant| constant.to_be_bytes()).collect();
    for Group { code, shift, operands } in &formula.groups {
        bytes.extend([code.number(), *shift]);
        bytes.extend(narrow::<2>(operands.len()));
        operands.iter().flatten().for_each(|register| bytes.extend(register.to_be_bytes()));
    }
    bytes.extend([0; 4]);
    bytes
}

/// Collects what a protocol's transcript begins with.
#[derive(Default)]
struct Sink(Vec<u8>);

impl CanObserve<F> for Sink {
    fn observe(&mut self, value: F) {
        self.0.extend(value.as_canonical_u64().to_be_bytes());
    }
}

fn seed(observe: impl Fn(&mut Sink)) -> Vec<u8> {
    let mut sink = Sink::default();
    observe(&mut sink);
    sink.0
}

/// Returns what the batch's protocol is described by.
pub fn batch_shape(shapes: &[Shape]) -> BatchShape {
    BatchShape {
        trace_widths: shapes.iter().map(|shape| shape.width).collect(),
        public_value_counts: shapes.iter().map(|shape| shape.publics).collect(),
        preprocessed_widths: shapes.iter().map(|shape| shape.preprocessed).collect(),
        has_preprocessed_commitment: true,
        num_lookup_instances: shapes.iter().filter(|shape| shape.buses > 0).count(),
        lookup_pow_bits: 0,
        has_randomization_commitment: false,
        ood_pow_bits: 0,
    }
}

/// Returns the matrices of each commitment, in their order: the table, the width, and at how many points it is opened.
pub fn matrices(shapes: &[Shape]) -> [Vec<(usize, usize, usize)>; 4] {
    let mut matrices = [const { Vec::new() }; 4];
    for (table, shape) in shapes.iter().enumerate() {
        matrices[0].push((table, shape.width, 1 + usize::from(shape.is_next_read)));
        (0..shape.chunks).for_each(|_| matrices[1].push((table, DIMENSION, 1)));
        if shape.preprocessed > 0 {
            matrices[2].push((table, shape.preprocessed, 1 + usize::from(shape.is_preprocessed_next_read)));
        }
        if shape.buses > 0 {
            matrices[3].push((table, DIMENSION * shape.buses, 2));
        }
    }
    matrices
}

/// Returns what the openings' protocol is described by.
pub fn openings_shape(shapes: &[Shape]) -> PcsShape {
    let counts = |matrices: &Vec<(usize, usize, usize)>| {
        matrices.iter().map(|(_, width, points)| vec![*width; *points]).collect()
    };
    PcsShape { claimed_evaluation_counts: matrices(shapes).iter().map(counts).collect(), batch_pow_bits: 0 }
}

/// Returns what the folding's protocol is described by.
pub fn folding_shape(log_arities: Vec<usize>, index_bits: usize) -> FriShape {
    FriShape {
        log_arities,
        final_poly_len: 1 << LOG_FINAL,
        commit_pow_bits: 0,
        query_pow_bits: QUERY_WORK_BITS,
        num_queries: QUERIES,
        index_bits,
        log_blowup: LOG_BLOWUP,
        max_log_arity: LOG_ARITY,
    }
}

/// The descriptions of the folding's protocol: they depend on how many rounds it has and on the length of an index.
struct Patterns {
    protocol: [u8; 64],
    /// The fewest bits of an index, and how many numbers of bits there are.
    bits: [usize; 2],
    /// The fewest rounds, and how many numbers of rounds there are.
    rounds: [usize; 2],
    hashes: Vec<[u8; 32]>,
}

impl Patterns {
    /// Returns the descriptions for proofs with a table of at least some height.
    fn new(height: usize) -> Self {
        let bits = [height + LOG_BLOWUP, LOG_HEIGHT_MAX - height + 1];
        let folded = bits[0] - LOG_BLOWUP - LOG_FINAL;
        // A round folds as much as it may, or down to the next table's height, and each table's height is one of these.
        let most = LOG_HEIGHT_MAX - LOG_HEIGHT_MIN + (LOG_HEIGHT_MIN - LOG_FINAL).div_ceil(LOG_ARITY);
        let rounds = [folded.div_ceil(LOG_ARITY), most - folded.div_ceil(LOG_ARITY) + 1];
        let separator = |rounds, bits| folding_shape(vec![1; rounds], bits).domain_separator::<F, Challenge>();
        let all = (0..bits[1]).flat_map(|more| (0..rounds[1]).map(move |many| (rounds[0] + many, bits[0] + more)));
        let hashes = all.map(|(rounds, bits)| separator(rounds, bits).pattern().pattern_hash()).collect();
        Self { protocol: *separator(rounds[0], bits[0]).protocol_id(), bits, rounds, hashes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p3_fri::fold_schedule;

    #[test]
    fn a_key_is_the_same_for_all_heights() {
        let mut keys = Vec::new();
        let most = Table::ALL.map(Table::log_height_min).into_iter().max().unwrap();
        for height in [most, most + 1, LOG_HEIGHT, LOG_HEIGHT_MAX] {
            let data = data(height);
            let lookups: Vec<&[Lookup<F>]> = data.common.lookups.iter().map(|lookups| &lookups[..]).collect();
            let root = data.common.preprocessed.as_ref().unwrap().commitment[0];
            let shapes: Vec<Shape> =
                Table::ALL.iter().zip(&lookups).map(|(table, lookups)| Shape::of(*table, lookups)).collect();
            keys.push((root, shapes, Buses::of(&lookups).numbers));
        }
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn the_foldings_description_is_known_for_all_heights() {
        let tallest = Table::ALL.iter().filter_map(|table| Shape::of(*table, &[]).fixed).max().unwrap();
        let patterns = Patterns::new(tallest);
        let every: Vec<usize> = (LOG_HEIGHT_MIN..=LOG_HEIGHT_MAX).collect();
        for heights in
            [vec![tallest], vec![tallest, LOG_HEIGHT_MIN], vec![LOG_HEIGHT_MAX], vec![tallest, 12, 7, 1], every]
        {
            let mut evaluated: Vec<usize> = heights.iter().map(|height| height + LOG_BLOWUP).collect();
            evaluated.sort_unstable_by(|x, y| y.cmp(x));
            let arities = fold_schedule(&evaluated, LOG_BLOWUP + LOG_FINAL, LOG_ARITY);
            let place = (evaluated[0] - patterns.bits[0]) * patterns.rounds[1] + arities.len() - patterns.rounds[0];
            let separator = folding_shape(arities, evaluated[0]).domain_separator::<F, Challenge>();
            assert_eq!(patterns.hashes[place], separator.pattern().pattern_hash(), "{heights:?}");
            assert_eq!(&patterns.protocol, separator.protocol_id());
        }
    }
}
