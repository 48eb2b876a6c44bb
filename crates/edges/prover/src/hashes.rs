//! The rows of the Poseidon2 table, as other tables ask for digests.

use p3_field::{PrimeCharacteristicRing as _, PrimeField64 as _};
use p3_goldilocks::{
    GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_FINAL as LAST, GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_INITIAL as FIRST,
    GOLDILOCKS_POSEIDON2_RC_8_INTERNAL as INNER, GenericPoseidon2LinearLayersGoldilocks as Layers,
};
use p3_poseidon2::GenericPoseidon2LinearLayers as _;
use proof::circuit::{F, Poseidon};
use std::collections::HashMap;
use types::Digest;

/// One permutation that somebody asked for.
struct Row {
    input: [F; 8],
    absorbs: bool,
    first: bool,
    last: bool,
    uses: u64,
}

/// Where a sponge is, and what it gave.
#[derive(Clone, Copy)]
pub struct Sponge {
    /// The number of its first row.
    pub name: u64,
    /// Its digest.
    pub digest: Digest,
}

/// What was hashed so far.
#[derive(Default)]
pub struct Hashes {
    rows: Vec<Row>,
    compressions: HashMap<[Digest; 2], (usize, Digest)>,
}

pub fn felts(digest: &Digest) -> [F; 4] {
    digest.limbs().map(F::from_u64)
}

fn digest_of(state: &[F]) -> Digest {
    let limbs = std::array::from_fn(|cell| state[cell].as_canonical_u64());
    Digest::new(limbs).expect("a canonical element is below the prime")
}

impl Hashes {
    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Compresses two digests; the same two share a row.
    pub fn compress(&mut self, left: Digest, right: Digest) -> Digest {
        if let Some((row, digest)) = self.compressions.get(&[left, right]) {
            self.rows[*row].uses += 1;
            return *digest;
        }
        let digest = crypto::poseidon::compress(&left, &right);
        let input: Vec<F> = felts(&left).into_iter().chain(felts(&right)).collect();
        self.compressions.insert([left, right], (self.rows.len(), digest));
        self.rows.push(Row {
            input: input.try_into().expect("two digests are eight elements"),
            absorbs: false,
            first: false,
            last: false,
            uses: 1,
        });
        digest
    }

    /// Hashes elements in a sponge of its own.
    pub fn sponge(&mut self, domain: crypto::Domain, elements: &[u64]) -> Sponge {
        let name = u64::try_from(self.rows.len()).expect("rows are few");
        let mut state = [F::ZERO; 8];
        state[4] = F::from_u64(domain.number());
        state[5] = F::from_usize(elements.len());
        let blocks = elements.len().div_ceil(4);
        for (index, block) in elements.chunks(4).enumerate() {
            for (cell, element) in state.iter_mut().zip(block) {
                *cell += F::from_u64(*element);
            }
            let (first, last) = (index == 0, index + 1 == blocks);
            self.rows.push(Row { input: state, absorbs: true, first, last, uses: 0 });
            state = permuted(state).output();
        }
        Sponge { name, digest: digest_of(&state) }
    }

    /// Returns the table's rows, with as many unused ones at the end as it takes.
    pub fn trace(&self, height: usize) -> Vec<F> {
        let mut cells = Vec::with_capacity(height * Poseidon::WIDTH);
        let unused = Row { input: [F::ZERO; 8], absorbs: false, first: false, last: false, uses: 0 };
        for (number, row) in self.rows.iter().chain(std::iter::repeat(&unused)).take(height).enumerate() {
            let filled = Poseidon {
                absorbs: F::from_bool(row.absorbs),
                first: F::from_bool(row.first),
                last: F::from_bool(row.last),
                uses: F::from_u64(row.uses),
                row: F::from_usize(number),
                ..permuted(row.input)
            };
            filled.put(&mut cells);
        }
        cells
    }
}

/// Returns a row with its permutation.
fn permuted(input: [F; 8]) -> Poseidon<F> {
    let mut state = input;
    Layers::external_linear_layer(&mut state);
    let begin = full_rounds(&mut state, &FIRST);
    let mut middle = [F::ZERO; 44];
    for (cells, constant) in middle.chunks_mut(2).zip(INNER) {
        let cell = state[0] + constant;
        let cube = cell.cube();
        state[0] = cube * cube * cell;
        cells.copy_from_slice(&[cube, state[0]]);
        Layers::internal_linear_layer(&mut state);
    }
    let end = full_rounds(&mut state, &LAST);
    let zero = F::ZERO;
    Poseidon { absorbs: zero, first: zero, last: zero, uses: zero, row: zero, input, begin, middle, end }
}

fn full_rounds(state: &mut [F; 8], constants: &[[F; 8]; 4]) -> [F; 64] {
    let mut cells = [F::ZERO; 64];
    for (cells, constants) in cells.chunks_mut(16).zip(constants) {
        for ((cell, constant), cube) in state.iter_mut().zip(constants).zip(cells.iter_mut()) {
            let with_constant = *cell + *constant;
            *cube = with_constant.cube();
            *cell = *cube * *cube * with_constant;
        }
        Layers::external_linear_layer(state);
        cells[8..].copy_from_slice(state);
    }
    cells
}
