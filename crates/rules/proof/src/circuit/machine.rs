//! The machine: one instruction of a rule's program in each row.
//!
//! Rules that are asked for seldom and say much, such as those about tasks, have no table of their own. They are programs
//! ([`super::program`]) that are fixed like the constraints, and a run of the one program answers for one entry. An
//! instruction reads up to two cells and writes one, which is a polynomial of them or the prover's word; it may tell other
//! tables something by the call table ([`super::call`]), and may leap. Every cell is written once: an instruction outside a
//! loop is executed once in a run, one inside once in each frame, and what is written elsewhere the program writes at
//! another line each time.

use super::columns::columns;
use super::{Bus, Circuit, F, program};
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// The moment of an entry at which a run begins: those before are for who signed and who may act.
pub const MOMENT_FIRST: u8 = 8;

columns! {
    /// An instruction, the same in every proof.
    pub struct Instruction {
        /// Its place in the program.
        pub place: T,
        /// What is read first: one when something is, one when it is of this frame, and its place.
        pub left: [T; 3],
        /// What is read second: as the first; then one when the first names its line, and what is added to the line.
        pub right: [T; 5],
        /// How often the result has the first, the second, their product, and one.
        pub terms: [T; 4],
        /// One when the result is the prover's word.
        pub free: T,
        /// One when the result must be zero.
        pub zero: T,
        /// Where the result is written: one when in this frame, one when the second names the line, what is added to it, and
        /// the place.
        pub out: [T; 4],
        /// One when other tables are told something, and what.
        pub calls: [T; 2],
        /// One when that takes a moment.
        pub touches: T,
        /// One when the run goes on elsewhere if the result is one, how many instructions further, and one when that begins a
        /// frame.
        pub leaps: [T; 3],
        /// One when the run ends.
        pub halts: T,
    }
}

columns! {
    /// An instruction that is executed.
    pub struct Machine {
        /// One when there is one.
        pub used: T,
        /// One for the first of a run.
        pub begins: T,
        /// One when it leaps.
        pub leaps: T,
        /// The entry's number.
        pub number: T,
        /// The frame's number.
        pub frame: T,
        /// The entry's moment.
        pub moment: T,
        /// What is read first and second, and the result.
        pub values: [T; 3],
        /// How often the result is read.
        pub uses: T,
        /// The instruction.
        pub instruction: [T; Instruction::WIDTH],
    }
}

/// Returns the program, as many rows as the table has.
pub fn preprocessed() -> RowMajorMatrix<F> {
    let code = program::program();
    let mut cells = Vec::with_capacity(Instruction::WIDTH << program::LOG_HEIGHT);
    for place in 0..1usize << program::LOG_HEIGHT {
        // What follows the program does nothing, and leads nowhere.
        let unused = Instruction { place: F::from_usize(place), ..Instruction::read(&[F::ZERO; Instruction::WIDTH]) };
        code.get(place).map_or(unused, |step| step.instruction).put(&mut cells);
    }
    RowMajorMatrix::new(cells, Instruction::WIDTH)
}

/// Provides the instructions, each as often as the one main column says.
pub fn eval_program<AB: Circuit>(builder: &mut AB) {
    let instruction: Vec<AB::Expr> = builder.preprocessed().current_slice().iter().map(|cell| (*cell).into()).collect();
    let uses = builder.main().current_slice()[0];
    Bus::Program.provide(builder, instruction, uses);
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Machine::read(main.current_slice()), Machine::read(main.next_slice()));
    let of = Instruction::read(&row.instruction);
    for flag in [row.used, row.begins, row.leaps] {
        builder.assert_bool(flag);
    }
    // It is the program's. An unused row tells nobody anything.
    Bus::Program.send(builder, row.instruction, row.used);
    for flag in [row.begins, row.uses, of.left[0], of.right[0], of.calls[0]] {
        builder.assert_zero((AB::Expr::ONE - row.used) * flag);
    }

    cells(builder, &row, &of);
    run(builder, &row, &next, &of);
}

/// Reads two cells and writes one.
fn cells<AB: Circuit>(builder: &mut AB, row: &Machine<AB::Var>, of: &Instruction<AB::Var>) {
    let [first, second, result] = row.values;
    let [reads, own, place] = of.left;
    Bus::Cell.send(builder, [row.number.into(), own * row.frame, place.into(), first.into()], reads);
    let [reads, own, place, indexed, shift] = of.right;
    let line = own * row.frame + indexed * first + shift;
    Bus::Cell.send(builder, [row.number.into(), line, place.into(), second.into()], reads);

    // The result is what the terms say, or the prover's word; where it must be, it is zero.
    let [of_first, of_second, of_product, of_one] = of.terms;
    let said = of_first * first + of_second * second + of_product * first * second + of_one;
    builder.assert_zero((AB::Expr::ONE - of.free) * (result - said));
    builder.assert_zero(of.zero * result);

    let [own, indexed, shift, place] = of.out;
    let line = own * row.frame + indexed * second + shift;
    Bus::Cell.provide(builder, [row.number.into(), line, place.into(), result.into()], row.uses);
    // Other tables are told what stands before it in its frame.
    let [calls, call] = of.calls;
    let message = [row.number.into(), own * row.frame, of.place.into(), row.moment.into(), call.into()];
    Bus::Call.send(builder, message, calls);
}

/// Constrains the order of the instructions.
fn run<AB: Circuit>(builder: &mut AB, row: &Machine<AB::Var>, next: &Machine<AB::Var>, of: &Instruction<AB::Var>) {
    // A run begins with the first instruction of the program, in its first frame.
    builder.assert_zero(row.begins * of.place);
    builder.assert_zero(row.begins * (row.frame - AB::Expr::ONE));
    builder.assert_zero(row.begins * (row.moment - AB::Expr::from_u8(MOMENT_FIRST)));
    // It goes on until it halts, and another begins only then.
    let goes_on = row.used * (AB::Expr::ONE - of.halts);
    let follows = next.used - next.begins;
    builder.when_first_row().assert_eq(row.used, row.begins);
    builder.when_transition().assert_eq(follows.clone(), goes_on.clone());
    builder.when_last_row().assert_zero(goes_on);

    // It leaps where the instruction may and its result is one; whether it is, is zero or one.
    let [leaps, leap, turns] = of.leaps;
    builder.assert_eq(row.leaps, leaps * row.values[2]);
    let place = Instruction::read(&next.instruction).place;
    let on = of.place + AB::Expr::ONE + row.leaps * leap;
    builder.when_transition().assert_zero(follows.clone() * (place - on));
    builder.when_transition().assert_zero(follows.clone() * (next.frame - row.frame - row.leaps * turns));
    builder.when_transition().assert_zero(follows.clone() * (next.moment - row.moment - of.touches));
    builder.when_transition().assert_zero(follows * (next.number - row.number));
}
