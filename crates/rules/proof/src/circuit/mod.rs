//! The circuit: what a validity proof of a batch proves, as tables of constraints.
//!
//! A table's rows satisfy its constraints, and what they say to other tables balances on the [`Bus`]es. Each table is
//! a file with its columns, and above each constraint the equation in words.
//!
//! Setting: the prover may lie in every cell. Assumed is that nobody finds collisions of Poseidon2 (`crypto::poseidon`)
//! and that the proof system is sound ([`crate::validity`]).

mod authority;
mod balance;
mod bridge;
mod bus;
mod call;
mod code;
pub(crate) mod columns;
mod compare;
mod conclude;
mod crossing;
pub mod curve;
mod divide;
mod entry;
mod fixed;
mod grant;
mod leaf;
mod machine;
mod multiply;
mod poseidon;
mod program;
mod signature;
mod signed;
mod split;
mod tally;
mod transfer;
mod tree;

pub use authority::{Authority, REJECTED_EXPIRED, REJECTED_NARROW, REJECTED_STRANGER};
pub use balance::Balance;
pub use bridge::{
    ACTION_WITHDRAW, Bridge, ENTRY_MESSAGE, MESSAGE_ACTION, MESSAGE_DEPOSIT, MESSAGE_WITHDRAWAL, REJECTED_ASSET,
    REJECTED_MISNAMED, REJECTED_ORDER, REJECTED_RECIPIENT,
};
pub use bus::Bus;
pub use call::{CELLS, Call, Called};
pub use code::{Hint, Step};
pub use compare::Compare;
pub use conclude::{ACTION_RECLAIM, ACTION_RESOLVE, REJECTED_EARLY, REJECTED_FOREIGN};
pub use crossing::{Crossed, MESSAGE, POINTS, WITHDRAWAL};
pub use divide::{CARRY_BITS, Divide};
pub use entry::Entry;
pub use fixed::{Fixed, LOG_HEIGHT as FIXED_LOG_HEIGHT, Uses, VALUES, level, preprocessed as fixed_preprocessed};
pub use grant::{ACTION_AUTHORISE, ACTION_REKEY, ACTION_REVOKE, Grant};
pub use leaf::LEAF_MARK;
pub use leaf::Leaf;
pub use machine::{Instruction, MOMENT_FIRST, Machine};
pub use multiply::{Base, Multiply, ROWS as MULTIPLY_ROWS, base_preprocessed};
pub use poseidon::{FullRound, Poseidon};
pub use program::{
    ACTION_ASSIGN, ACTION_COMMIT, ACTION_DECIDE, ACTION_DELIVER, ACTION_OFFER, ACTION_PUBLISH, ACTION_REFUND,
    ACTION_RETIRE, ACTION_SUBMIT, LOG_HEIGHT as PROGRAM_LOG_HEIGHT, REJECTED_ASSIGNED, REJECTED_BUSY,
    REJECTED_COORDINATOR, REJECTED_ENDED, REJECTED_FEW, REJECTED_FUEL, REJECTED_LATE, REJECTED_LIMIT, REJECTED_MANY,
    REJECTED_NO_TASK, REJECTED_OFFERED, REJECTED_PUBLISHED, REJECTED_QUORUM, REJECTED_REDUNDANCY, REJECTED_REVEAL,
    REJECTED_STAGE, REJECTED_STAKE, REJECTED_UNASSIGNED, REJECTED_UNDUE, REJECTED_UNFIT, REJECTED_UNOFFERED,
    REJECTED_UNPUBLISHED, REJECTED_VERDICT, program,
};
pub use signature::Signature;
pub use signed::{ACTION_NONE, KEY, REJECTED_NONCE_HIGH, REJECTED_NONCE_LOW, Signed};
pub use split::{ACTION_SPLIT, REJECTED_BAD};
pub use tally::{
    ACTION_MERGE, ACTION_REDEEM, REJECTED_CLOSED, REJECTED_EMPTY, REJECTED_OPEN, REJECTED_OVERFLOW, REJECTED_UNKNOWN,
    TERMS, Tally,
};
pub use transfer::{ACTION_TRANSFER, REJECTED_INSUFFICIENT, REJECTED_ZERO, Transfer};
pub use tree::Tree;

use crate::validity::LOG_HEIGHT_MIN;
use p3_air::{Air, BaseAir};
use p3_field::PrimeCharacteristicRing;
use p3_goldilocks::Goldilocks;
use p3_lookup::InteractionBuilder;
use p3_matrix::dense::RowMajorMatrix;
use std::borrow::Cow;

/// The field.
pub type F = Goldilocks;

/// The number of account leaves among kinds: `ledger::account::Account`.
pub const KIND_ACCOUNT: u8 = 1;
/// The number of balance leaves among kinds: `ledger::account::Balance`.
pub const KIND_BALANCE: u8 = 2;
/// The number of token leaves among kinds: `ledger::bridge::Token`.
pub const KIND_TOKEN: u8 = 3;
/// The number of supply leaves among kinds: `ledger::bridge::Supply`.
pub const KIND_SUPPLY: u8 = 4;
/// The number of tally leaves among kinds: `ledger::tally::Tally`.
pub const KIND_TALLY: u8 = 5;
/// The number of the cursor's leaf among kinds: `ledger::bridge::Cursor`.
pub const KIND_CURSOR: u8 = 6;
/// The number of session leaves among kinds: `ledger::authority::Session`.
pub const KIND_SESSION: u8 = 8;
/// The number of the parameters' leaf among kinds: `task::Params`.
pub const KIND_PARAMETERS: u8 = 20;
/// The number of program leaves among kinds: `task::Program`.
pub const KIND_PROGRAM: u8 = 21;
/// The number of offer leaves among kinds: `task::Offer`.
pub const KIND_OFFER: u8 = 22;
/// The number of task leaves among kinds: `task::Task`.
pub const KIND_TASK: u8 = 23;

/// What evaluates constraints.
pub trait Circuit: InteractionBuilder<F = F> {}
impl<AB: InteractionBuilder<F = F>> Circuit for AB {}

/// The tables, in the order of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// [`Fixed`].
    Fixed,
    /// [`Poseidon`].
    Poseidon,
    /// [`Tree`].
    Tree,
    /// [`Leaf`].
    Leaf,
    /// [`Balance`].
    Balance,
    /// [`Entry`].
    Entry,
    /// [`Signed`].
    Signed,
    /// [`Authority`].
    Authority,
    /// [`Grant`].
    Grant,
    /// [`Transfer`].
    Transfer,
    /// [`Tally`].
    Tally,
    /// [`Bridge`].
    Bridge,
    /// [`Divide`].
    Divide,
    /// [`Compare`].
    Compare,
    /// [`Signature`].
    Signature,
    /// [`Multiply`].
    Multiply,
    /// [`Machine`].
    Machine,
    /// [`Called`].
    Call,
    /// [`Instruction`].
    Program,
    /// [`Base`].
    Base,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 20] = [
        Self::Fixed,
        Self::Poseidon,
        Self::Tree,
        Self::Leaf,
        Self::Balance,
        Self::Entry,
        Self::Signed,
        Self::Authority,
        Self::Grant,
        Self::Transfer,
        Self::Tally,
        Self::Bridge,
        Self::Divide,
        Self::Compare,
        Self::Signature,
        Self::Multiply,
        Self::Machine,
        Self::Call,
        Self::Program,
        Self::Base,
    ];

    /// Returns the table's columns: their names and first numbers.
    pub fn columns(self) -> &'static [(&'static str, usize)] {
        match self {
            Self::Fixed => Uses::NAMES,
            Self::Poseidon => Poseidon::NAMES,
            Self::Tree => Tree::NAMES,
            Self::Leaf => Leaf::NAMES,
            Self::Balance => Balance::NAMES,
            Self::Entry => Entry::NAMES,
            Self::Signed => Signed::NAMES,
            Self::Authority => Authority::NAMES,
            Self::Grant => Grant::NAMES,
            Self::Transfer => Transfer::NAMES,
            Self::Tally => Tally::NAMES,
            Self::Bridge => Bridge::NAMES,
            Self::Divide => Divide::NAMES,
            Self::Compare => Compare::NAMES,
            Self::Signature => Signature::NAMES,
            Self::Multiply => Multiply::NAMES,
            Self::Machine => Machine::NAMES,
            Self::Call => Called::NAMES,
            Self::Program | Self::Base => &[("uses", 0)],
        }
    }

    /// Returns the degree up to which messages share a column, where that is above what the table's own constraints allow.
    /// More parts of the quotient are its price. Tables of many rows do not pay it: the prover would evaluate them at
    /// twice as many places.
    pub fn shared_degree(self) -> usize {
        match self {
            Self::Poseidon | Self::Tree | Self::Signature | Self::Multiply | Self::Program | Self::Base => 0,
            Self::Entry => 3,
            Self::Fixed
            | Self::Leaf
            | Self::Balance
            | Self::Signed
            | Self::Authority
            | Self::Grant
            | Self::Transfer
            | Self::Tally
            | Self::Bridge
            | Self::Divide
            | Self::Compare
            | Self::Machine
            | Self::Call => 5,
        }
    }

    /// Returns the binary logarithm of the table's height if it is the same in every proof.
    pub fn fixed_log_height(self) -> Option<usize> {
        match self {
            Self::Fixed => Some(FIXED_LOG_HEIGHT),
            Self::Program => Some(PROGRAM_LOG_HEIGHT),
            Self::Base => Some(curve::BASE_POINTS.ilog2().try_into().expect("small")),
            _ => None,
        }
    }

    /// Returns the binary logarithm of the fewest rows that the table may have: all of a signature's, where it says so.
    pub fn log_height_min(self) -> usize {
        match self {
            Self::Multiply => MULTIPLY_ROWS.ilog2().try_into().expect("small"),
            _ => LOG_HEIGHT_MIN,
        }
    }

    fn reads_next_row(self) -> bool {
        matches!(
            self,
            Self::Poseidon | Self::Tree | Self::Leaf | Self::Entry | Self::Bridge | Self::Multiply | Self::Machine
        )
    }
}

impl BaseAir<F> for Table {
    fn width(&self) -> usize {
        match self {
            Self::Fixed => Uses::WIDTH,
            Self::Poseidon => Poseidon::WIDTH,
            Self::Tree => Tree::WIDTH,
            Self::Leaf => Leaf::WIDTH,
            Self::Balance => Balance::WIDTH,
            Self::Entry => Entry::WIDTH,
            Self::Signed => Signed::WIDTH,
            Self::Authority => Authority::WIDTH,
            Self::Grant => Grant::WIDTH,
            Self::Transfer => Transfer::WIDTH,
            Self::Tally => Tally::WIDTH,
            Self::Bridge => Bridge::WIDTH,
            Self::Divide => Divide::WIDTH,
            Self::Compare => Compare::WIDTH,
            Self::Signature => Signature::WIDTH,
            Self::Multiply => Multiply::WIDTH,
            Self::Machine => Machine::WIDTH,
            Self::Call => Called::WIDTH,
            Self::Program | Self::Base => 1,
        }
    }

    fn preprocessed_trace(&self) -> Option<RowMajorMatrix<F>> {
        match self {
            Self::Fixed => Some(fixed::preprocessed()),
            Self::Program => Some(machine::preprocessed()),
            Self::Base => Some(multiply::base_preprocessed()),
            _ => None,
        }
    }

    fn preprocessed_width(&self) -> usize {
        match self {
            Self::Fixed => Fixed::WIDTH,
            Self::Program => Instruction::WIDTH,
            Self::Base => Base::WIDTH,
            _ => 0,
        }
    }

    fn main_next_row_columns(&self) -> Vec<usize> {
        if self.reads_next_row() { (0..BaseAir::<F>::width(self)).collect() } else { Vec::new() }
    }

    fn preprocessed_next_row_columns(&self) -> Vec<usize> {
        Vec::new()
    }

    fn num_periodic_columns(&self) -> usize {
        if matches!(self, Self::Multiply) { 5 } else { 0 }
    }

    fn periodic_columns(&self) -> Cow<'_, [Vec<F>]> {
        if matches!(self, Self::Multiply) { Cow::Owned(multiply::periodic()) } else { Cow::Borrowed(&[]) }
    }

    fn num_public_values(&self) -> usize {
        match self {
            Self::Tree => 8,
            Self::Entry => 8,
            Self::Signed => 4,
            Self::Bridge => Crossed::WIDTH,
            _ => 0,
        }
    }
}

impl<AB: Circuit> Air<AB> for Table {
    fn eval(&self, builder: &mut AB) {
        match self {
            Self::Fixed => fixed::eval(builder),
            Self::Poseidon => poseidon::eval(builder),
            Self::Tree => tree::eval(builder),
            Self::Leaf => leaf::eval(builder),
            Self::Balance => balance::eval(builder),
            Self::Entry => entry::eval(builder),
            Self::Signed => signed::eval(builder),
            Self::Authority => authority::eval(builder),
            Self::Grant => grant::eval(builder),
            Self::Transfer => transfer::eval(builder),
            Self::Tally => tally::eval(builder),
            Self::Bridge => bridge::eval(builder),
            Self::Divide => divide::eval(builder),
            Self::Compare => compare::eval(builder),
            Self::Signature => signature::eval(builder),
            Self::Multiply => multiply::eval(builder),
            Self::Machine => machine::eval(builder),
            Self::Call => call::eval(builder),
            Self::Program => machine::eval_program(builder),
            Self::Base => multiply::eval_base(builder),
        }
    }
}

/// Returns cells as expressions.
fn all<AB: Circuit>(cells: &[AB::Var]) -> Vec<AB::Expr> {
    cells.iter().map(|cell| (*cell).into()).collect()
}

/// Moments of an entry: so many accesses to leaves it may make, in their order.
pub const MOMENTS: u16 = 256;

/// Returns the time of an entry's access.
fn moment<AB: Circuit>(number: AB::Var, place: u8) -> AB::Expr {
    number * AB::Expr::from_u16(MOMENTS) + AB::Expr::from_u8(place)
}

/// Constrains a value to 16 bits.
fn range16<AB: Circuit>(builder: &mut AB, value: impl Into<AB::Expr>, flag: impl Into<AB::Expr>) {
    Bus::Range.send(builder, [value.into()], flag);
}

/// Constrains a value to 32 bits, given its 16 low ones.
fn range32<AB: Circuit>(builder: &mut AB, value: AB::Expr, low: AB::Var, flag: AB::Expr) {
    range16(builder, low, flag.clone());
    range16(builder, (value - low) * AB::Expr::from(inverse_of_two_to(16)), flag);
}

/// Constrains a value to 0..2^62, given its three lower limbs of 16 bits. The highest limb has 16 bits, four times it
/// too. Sums and differences of two such values, and one more, are told apart from one: they do not wrap the field.
fn range62<AB: Circuit>(builder: &mut AB, value: AB::Expr, limbs: [AB::Var; 3], flag: AB::Expr) {
    let mut rest = value;
    for (place, limb) in limbs.into_iter().enumerate() {
        range16(builder, limb, flag.clone());
        rest -= limb * AB::Expr::from_u64(1 << (16 * place));
    }
    let highest = rest * AB::Expr::from(inverse_of_two_to(48));
    range16(builder, highest.clone() * AB::Expr::from_u8(4), flag.clone());
    range16(builder, highest, flag);
}

/// Constrains a time to be later than the one before it, by at most 2^32, given the low 16 bits of the difference less
/// one.
fn since<AB: Circuit>(builder: &mut AB, before: AB::Expr, time: AB::Expr, passed: AB::Var, flag: AB::Expr) {
    range32(builder, time - before - AB::Expr::ONE, passed, flag);
}

/// Returns 2^-n.
fn inverse_of_two_to(n: u64) -> F {
    use p3_field::Field as _;
    F::TWO.exp_u64(n).inverse()
}

/// Asks for the digest of elements, in the sponge that is named by the number of its first row.
fn hash<AB: Circuit>(
    builder: &mut AB,
    domain: crypto::Domain,
    elements: &[AB::Expr],
    name: impl Into<AB::Expr>,
    digest: [AB::Expr; 4],
    flag: &AB::Expr,
) {
    let name = name.into();
    let blocks = elements.len().div_ceil(4);
    for (index, block) in elements.chunks(4).enumerate() {
        let mut message = vec![name.clone() + AB::Expr::from_usize(index)];
        if index == 0 {
            message.extend([AB::Expr::from_u64(domain.number()), AB::Expr::from_usize(elements.len())]);
        }
        message.extend((0..4).map(|cell| block.get(cell).cloned().unwrap_or(AB::Expr::ZERO)));
        let bus = if index == 0 { Bus::AbsorbFirst } else { Bus::AbsorbNext };
        bus.send(builder, message, flag.clone());
    }
    let mut message = vec![name + AB::Expr::from_usize(blocks - 1)];
    message.extend(digest);
    Bus::Digest.send(builder, message, flag.clone());
}
