//! The multiplication table: 64 rows for each signature, two bits of the challenge in each.
//!
//! The sum of a signature begins with [`curve::start`]. In each row it is doubled twice, a point of the fixed base's table
//! is added, which stands for two bits of each third of the response, and the key is subtracted once or thrice or added,
//! as two signed bits of the challenge say. The end is 2^128 times the start, plus the response's multiple of the generator,
//! less the challenge's multiple of the key: [`super::signature`] says what that must be.
//!
//! Unused signatures repeat rows that satisfy the constraints, and tell nobody.

use super::columns::columns;
use super::curve::{self, At, Five, add, assert_zero, double};
use super::{Bus, Circuit, F};
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// Rows of a signature.
pub const ROWS: usize = curve::BITS / 2;
/// Rows of one word of 32 bits of the challenge.
const WORD_ROWS: usize = ROWS / 4;

columns! {
    /// Two bits of a signature's multiplication.
    pub struct Multiply {
        /// One in the rows of a signature that somebody asked for.
        pub used: T,
        /// One in the last row of such a signature.
        pub ends: T,
        /// The key's x.
        pub key_x: [T; 5],
        /// The key's y.
        pub key_y: [T; 5],
        /// The x of three times the key.
        pub thrice_x: [T; 5],
        /// The y of three times the key.
        pub thrice_y: [T; 5],
        /// The challenge in words of 32 bits, the most significant first.
        pub words: [T; 4],
        /// What the bits of a word come to so far.
        pub word: T,
        /// The higher of the challenge's two bits.
        pub high: T,
        /// The lower of them.
        pub low: T,
        /// One when both are equal: three times the key.
        pub thrice: T,
        /// The sum's x.
        pub x: [T; 5],
        /// The sum's y.
        pub y: [T; 5],
        /// The slopes of both doublings and both additions.
        pub slopes: [[T; 5]; 4],
        /// The x after each of them.
        pub steps: [[T; 5]; 4],
        /// The point of the fixed base's table: x.
        pub base_x: [T; 5],
        /// The point of the fixed base's table: y.
        pub base_y: [T; 5],
    }
}

columns! {
    /// A point of the fixed base's table.
    pub struct Base {
        /// x.
        pub x: [T; 5],
        /// y.
        pub y: [T; 5],
    }
}

/// Returns the periodic columns: one in a signature's first row, then one in the last row of each of its words.
pub fn periodic() -> Vec<Vec<F>> {
    let at = |row: usize| (0..ROWS).map(|other| F::from_bool(other == row)).collect();
    std::iter::once(0).chain((1..=4).map(|word| word * WORD_ROWS - 1)).map(at).collect()
}

/// Returns the fixed base's table.
pub fn base_preprocessed() -> RowMajorMatrix<F> {
    let mut cells = Vec::with_capacity(Base::WIDTH * curve::BASE_POINTS);
    for point in curve::base() {
        Base { x: curve::coefficients(&point.x), y: curve::coefficients(&point.y) }.put(&mut cells);
    }
    RowMajorMatrix::new(cells, Base::WIDTH)
}

/// Provides the points of the fixed base's table, each as often as the one main column says.
pub fn eval_base<AB: Circuit>(builder: &mut AB) {
    let point = Base::read(builder.preprocessed().current_slice());
    let uses = builder.main().current_slice()[0];
    Bus::Base.provide(builder, [point.x, point.y].concat(), uses);
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Multiply::read(main.current_slice()), Multiply::read(main.next_slice()));
    let periodic: Vec<AB::Expr> = builder.periodic_values().iter().map(|value| (*value).into()).collect();
    let [begins, words @ ..] = periodic.as_slice() else { unreachable!("five periodic columns") };
    let last = &words[3];

    for flag in [row.used, row.high, row.low] {
        builder.assert_bool(flag);
    }
    // What a signature ends with is told when somebody asked.
    builder.assert_eq(row.ends, row.used * last.clone());

    constant(builder, &row, &next, last);
    challenge(builder, &row, &next, words);
    let sum = step(builder, &row);

    // The sum begins with the start, and goes on from the row before.
    for (cells, at) in [(row.x, &curve::start().x), (row.y, &curve::start().y)] {
        let begin = Five::<AB::Expr>::of(cells) - Five::constant(at);
        assert_zero(builder, begin.times(begins));
    }
    let goes_on = AB::Expr::ONE - last.clone();
    for (cells, value) in [(next.x, &sum.x), (next.y, &sum.y)] {
        for (cell, value) in cells.into_iter().zip(&value.0) {
            builder.when_transition().assert_zero(goes_on.clone() * (cell - value.clone()));
        }
    }
    let mut message: Vec<AB::Expr> =
        [row.key_x, row.key_y, row.thrice_x, row.thrice_y].concat().into_iter().map(Into::into).collect();
    message.extend(row.words.map(Into::into));
    message.extend(sum.x.0);
    message.extend(sum.y.0);
    Bus::Multiply.send(builder, message, row.ends);
}

/// Constrains what stays the same in the rows of a signature.
fn constant<AB: Circuit>(builder: &mut AB, row: &Multiply<AB::Var>, next: &Multiply<AB::Var>, last: &AB::Expr) {
    let goes_on = AB::Expr::ONE - last.clone();
    let of = |row: &Multiply<AB::Var>| {
        let mut cells = [row.key_x, row.key_y, row.thrice_x, row.thrice_y].concat();
        cells.extend(row.words);
        cells.push(row.used);
        cells
    };
    for (cell, after) in of(row).into_iter().zip(of(next)) {
        builder.when_transition().assert_zero(goes_on.clone() * (after - cell));
    }
}

/// Constrains the bits to be those of the challenge's words.
fn challenge<AB: Circuit>(builder: &mut AB, row: &Multiply<AB::Var>, next: &Multiply<AB::Var>, words: &[AB::Expr]) {
    let bits = |row: &Multiply<AB::Var>| row.high * AB::Expr::TWO + row.low;
    let ends = words.iter().cloned().fold(AB::Expr::ZERO, |sum, flag| sum + flag);
    // A word's bits come in from the most significant on; after its last row another begins.
    builder.when_first_row().assert_eq(row.word, bits(row));
    let carried = (AB::Expr::ONE - ends) * row.word * AB::Expr::from_u8(4);
    builder.when_transition().assert_eq(next.word, carried + bits(next));
    for (end, word) in words.iter().zip(row.words) {
        builder.assert_zero(end.clone() * (row.word - word));
    }
    // Both signed bits are equal, 2 + 1 or -2 - 1, or they are not, 2 - 1 or -2 + 1.
    let equal = AB::Expr::ONE - row.high - row.low + row.high * row.low * AB::Expr::TWO;
    builder.assert_eq(row.thrice, equal);
}

/// Doubles the sum twice, adds a point of the table and subtracts the key's multiple.
fn step<AB: Circuit>(builder: &mut AB, row: &Multiply<AB::Var>) -> At<AB::Expr> {
    let sum = At { x: Five::of(row.x), y: Five::of(row.y) };
    let sum = double(builder, &sum, row.slopes[0], row.steps[0]);
    let sum = double(builder, &sum, row.slopes[1], row.steps[1]);
    Bus::Base.send(builder, [row.base_x, row.base_y].concat(), AB::Expr::ONE);
    let base = At { x: Five::of(row.base_x), y: Five::of(row.base_y) };
    let sum = add(builder, &sum, &base, row.slopes[2], row.steps[2]);

    // The key or three times it, and its negative where the higher bit, and so the multiple, is positive.
    let choose = |once: [AB::Var; 5], thrice: [AB::Var; 5]| -> Five<AB::Expr> {
        Five(std::array::from_fn(|cell| row.thrice * (thrice[cell] - once[cell]) + once[cell]))
    };
    let sign = AB::Expr::ONE - row.high * AB::Expr::TWO;
    let x = choose(row.key_x, row.thrice_x);
    let y = choose(row.key_y, row.thrice_y).times(&sign);
    add(builder, &sum, &At { x, y }, row.slopes[3], row.steps[3])
}
