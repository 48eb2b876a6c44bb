//! The Poseidon2 table: one permutation in each row, alone as a compression or one after another as a sponge.
//!
//! Source: Grassi, Khovratovich, Schofnegger, "Poseidon2", 2023. Width 8 over Goldilocks, S-box x^7, four full rounds,
//! 22 partial ones, four full ones; constants of `p3-goldilocks`, as `crypto::poseidon` has them.

use super::columns::columns;
use super::{Bus, Circuit, F};
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_goldilocks::{
    GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_FINAL as LAST, GOLDILOCKS_POSEIDON2_RC_8_EXTERNAL_INITIAL as FIRST,
    GOLDILOCKS_POSEIDON2_RC_8_INTERNAL as INNER, GenericPoseidon2LinearLayersGoldilocks as Layers,
};
use p3_poseidon2::GenericPoseidon2LinearLayers as _;

columns! {
    /// A full round: of each cell its cube before the S-box ends, and the state after the round.
    pub struct FullRound {
        /// Cubes of the cells with their constants added.
        pub cube: [T; 8],
        /// The state after the round.
        pub after: [T; 8],
    }
}

columns! {
    /// One permutation.
    pub struct Poseidon {
        /// One when the row is a block of a sponge.
        pub absorbs: T,
        /// One when the row is the first block of a sponge.
        pub first: T,
        /// One when the row is the last block of a sponge.
        pub last: T,
        /// How many rows of other tables use the row as a compression, whose output has the input added back.
        pub uses: T,
        /// The row's number, by which a sponge is named.
        pub row: T,
        /// The state before the permutation.
        pub input: [T; 8],
        /// The first full rounds: for each the eight cubes, then the eight cells after it.
        pub begin: [T; 64],
        /// The partial rounds: for each the cube and the seventh power of the first cell.
        pub middle: [T; 44],
        /// The last full rounds, as the first.
        pub end: [T; 64],
    }
}

impl<T: Copy> Poseidon<T> {
    /// Returns the state after the permutation.
    pub fn output(&self) -> [T; 8] {
        std::array::from_fn(|cell| self.end[56 + cell])
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Poseidon::read(main.current_slice()), Poseidon::read(main.next_slice()));
    permute(builder, &row);

    for flag in [row.absorbs, row.first, row.last] {
        builder.assert_bool(flag);
    }
    // Only a block is a first or a last one.
    builder.assert_zero(row.first * (AB::Expr::ONE - row.absorbs));
    builder.assert_zero(row.last * (AB::Expr::ONE - row.absorbs));

    // Rows are numbered from zero, so that no two sponges have one name.
    builder.when_first_row().assert_zero(row.row);
    builder.when_transition().assert_eq(next.row, row.row + AB::Expr::ONE);

    // The first row of all continues no sponge, and only a block that is not the last is continued.
    builder.when_first_row().assert_zero(row.absorbs - row.first);
    let continues = next.absorbs - next.first;
    builder.when_transition().assert_zero(continues.clone() * (AB::Expr::ONE - row.absorbs));
    builder.when_transition().assert_zero(continues.clone() * row.last);

    // A block that continues a sponge has the capacity that the one before it left.
    let output = row.output();
    for (input, output) in next.input.into_iter().zip(output).skip(4) {
        builder.when_transition().assert_zero(continues.clone() * (input - output));
    }
    // A first block has domain and length in its capacity and nothing else.
    builder.assert_zero(row.first * row.input[6]);
    builder.assert_zero(row.first * row.input[7]);

    let pair = row.input.map(Into::into);
    let compressed = (0..4).map(|cell| output[cell] + row.input[cell]);
    let message: Vec<AB::Expr> = pair.into_iter().chain(compressed).collect();
    Bus::Compress.provide(builder, message, row.uses);

    absorb(builder, &row, &next);
    let named: Vec<AB::Expr> = [row.row, output[0], output[1], output[2], output[3]].map(Into::into).to_vec();
    Bus::Digest.receive(builder, named, row.last);
}

/// Takes what is absorbed. A block is received in the row before the one that permutes it, where the state that it is
/// added to stands; a first block in its own row.
fn absorb<AB: Circuit>(builder: &mut AB, row: &Poseidon<AB::Var>, next: &Poseidon<AB::Var>) {
    let mut first: Vec<AB::Expr> = vec![row.row.into(), row.input[4].into(), row.input[5].into()];
    first.extend(row.input[..4].iter().map(|cell| (*cell).into()));
    Bus::AbsorbFirst.receive(builder, first, row.first);

    let output = row.output();
    let mut more: Vec<AB::Expr> = vec![next.row.into()];
    more.extend((0..4).map(|cell| next.input[cell] - output[cell]));
    // On the last row `next` is the first row of all, which continues nothing.
    Bus::AbsorbNext.receive(builder, more, next.absorbs - next.first);
}

/// Constrains the permutation: the output is that of the input.
fn permute<AB: Circuit>(builder: &mut AB, row: &Poseidon<AB::Var>) {
    let mut state: [AB::Expr; 8] = row.input.map(Into::into);
    Layers::external_linear_layer(&mut state);
    full_rounds(builder, &mut state, &row.begin, &FIRST);
    for (round, constant) in INNER.iter().enumerate() {
        let (cube, seventh) = (row.middle[2 * round], row.middle[2 * round + 1]);
        let cell = state[0].clone() + AB::Expr::from(*constant);
        // The cube is the cell's, and the seventh power is the cube's square times the cell.
        builder.assert_eq(cube, cell.cube());
        builder.assert_eq(seventh, cube * cube * cell);
        state[0] = seventh.into();
        Layers::internal_linear_layer(&mut state);
    }
    full_rounds(builder, &mut state, &row.end, &LAST);
}

fn full_rounds<AB: Circuit>(
    builder: &mut AB,
    state: &mut [AB::Expr; 8],
    cells: &[AB::Var; 64],
    constants: &[[F; 8]; 4],
) {
    for (cells, constants) in cells.chunks(16).zip(constants) {
        let round = FullRound::read(cells);
        for ((cell, constant), cube) in state.iter_mut().zip(constants).zip(round.cube) {
            let with_constant = cell.clone() + AB::Expr::from(*constant);
            // The cube is the cell's; the S-box's output is the cube's square times the cell.
            builder.assert_eq(cube, with_constant.cube());
            *cell = cube * cube * with_constant;
        }
        Layers::external_linear_layer(state);
        for (cell, after) in state.iter_mut().zip(round.after) {
            builder.assert_eq(cell.clone(), after);
            *cell = after.into();
        }
    }
}
