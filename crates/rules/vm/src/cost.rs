//! What every operation costs: what certificates are computed from and engines are held to.
//!
//! **Fuel** is work of the clear engine: one for a scalar operation, and for vectors one for each four lanes begun,
//! times a weight. It does not depend on labels.
//!
//! **Replicated sharing among three**, honest majority: a secret bit is shared by exclusive or, a wider integer as three
//! summands modulo 2^k, a field element as three summands modulo the prime. What is public, linear, or a matter of moving
//! lanes is free. Everything else is a circuit of steps, in [`crate::plan`]; it is counted here by the builder that the parties'
//! plans are made with. A step's bits are sent one after another, and rounded up to bytes once.
//!
//! | operation | circuit |
//! |---|---|
//! | `mul`, `dot`, `matmul`, `and` and `or` of bits | one product for each lane of the result |
//! | `bits` | the dealer's part, an adder |
//! | `word`, `and`/`or`/`xor` of words | an adder in bits with masks, what is left opened to two |
//! | `zext`, `sext`, `sar`, `shr`, `rotl`, `tofield` | the dealer's part, carries, from bits to numbers |
//! | `sign` | the dealer's part, top carry |
//! | `lt`, `lts` | three signs side by side, one `and` |
//! | `eq` | the dealer's part, tree of `and` |
//! | `select` | bit to ring, product |
//! | `mulhi`, `mulhis`, `mulfix` | both extended and their product shifted, or products of halves where that is too wide |
//! | `div` and its kin | bits, a restoring division, inverse; in the field a power |
//! | `shlv` and its kin | bits, a barrel, inverse |
//! | `lut` | bits of the index, doubled to which of all it is, inverse |
//! | `oread`, `owrite` | equality with each lane's number, then products with the lanes |
//! | `reduce`, `scan` | a tree, a prefix network |
//! | `sort`, `argmax`, `shuffle` | merge exchange by (key, place) in bits, a tournament, three passes |
//! | `reveal`, `output` | each party sends its share once |
//!
//! An instruction begins when all that it takes is there, and gives nothing before all that it gives is there.

use crate::kind::Type;
use crate::operation::Operation;
use crate::plan::{self, Any, Builder, Operand};
use crate::program::{Host, Program};
use std::collections::BTreeMap;
use types::Encode;

/// What something costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Work of the clear engine.
    pub fuel: u64,
    /// How often the parties wait for each other.
    pub rounds: u64,
    /// Bytes that each party sends.
    pub sent: [u64; 3],
    /// Random elements that are made ahead.
    pub preprocessing: u64,
}

impl Cost {
    /// Returns the cost of one after the other.
    pub fn then(self, next: Self) -> Self {
        Self {
            fuel: self.fuel.saturating_add(next.fuel),
            rounds: self.rounds.saturating_add(next.rounds),
            sent: std::array::from_fn(|party| self.sent[party].saturating_add(next.sent[party])),
            preprocessing: self.preprocessing.saturating_add(next.preprocessing),
        }
    }

    /// Returns the cost of doing it again and again.
    pub fn times(self, count: u64) -> Self {
        Self {
            fuel: self.fuel.saturating_mul(count),
            rounds: self.rounds.saturating_mul(count),
            sent: self.sent.map(|sent| sent.saturating_mul(count)),
            preprocessing: self.preprocessing.saturating_mul(count),
        }
    }

    /// Returns the larger of each figure.
    pub fn dearer(self, other: Self) -> Self {
        Self {
            fuel: self.fuel.max(other.fuel),
            rounds: self.rounds.max(other.rounds),
            sent: std::array::from_fn(|party| self.sent[party].max(other.sent[party])),
            preprocessing: self.preprocessing.max(other.preprocessing),
        }
    }

    /// Returns the largest figure.
    pub fn largest(&self) -> u64 {
        self.sent.into_iter().fold(self.fuel.max(self.rounds).max(self.preprocessing), u64::max)
    }
}

/// Returns what one instruction costs by itself: without its blocks, its callee, and waiting for others.
pub fn of(program: &Program, operation: &Operation, operands: &[Type], results: &[Type]) -> Cost {
    let fuel = fuel_of(program, operation, operands, results);
    if is_quiet(operation, operands) {
        return Cost { fuel, ..Cost::default() };
    }
    let mut builder = Builder::counting();
    let taken: Vec<Operand> =
        operands.iter().map(|kind| Operand { any: plan::input(&mut builder, *kind), kind: *kind }).collect();
    let _given: Vec<Any> = plan::lower(&mut builder, &program.constants, operation, &taken, results);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let plan::Cost { rounds, bytes, .. } = builder.cost();
    Cost { fuel, rounds: number(rounds), sent: bytes.map(number), preprocessing: 0 }
}

/// What instructions of a program cost, each kind of them counted once.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// By the encoding of operation and types.
    known: BTreeMap<Vec<u8>, Cost>,
}

impl Counted {
    /// Returns what [`of`] returns.
    pub(crate) fn of(&mut self, program: &Program, operation: &Operation, operands: &[Type], results: &[Type]) -> Cost {
        if is_quiet(operation, operands) {
            return of(program, operation, operands, results);
        }
        let mut key = operation.to_bytes();
        operands.iter().chain(results).for_each(|kind| key.extend(kind.to_bytes()));
        *self.known.entry(key).or_insert_with(|| of(program, operation, operands, results))
    }
}

/// Returns whether the parties need nothing from each other, as one sees at once.
fn is_quiet(operation: &Operation, operands: &[Type]) -> bool {
    use Operation as O;
    let is_linear = matches!(operation, O::Add | O::Sub | O::Neg | O::Splat | O::Slice { .. } | O::Concat)
        && operands.iter().all(|kind| kind.is_secret());
    let is_moving = matches!(operation, O::Gather | O::Get | O::Set | O::Classify | O::Rand);
    let is_public = !matches!(operation, O::Shuffle) && !operands.iter().any(|kind| kind.is_secret());
    is_public || is_linear || is_moving
}

/// Returns the work of the clear engine alone.
pub fn fuel_of(program: &Program, operation: &Operation, operands: &[Type], results: &[Type]) -> u64 {
    let host = |host: u32| usize::try_from(host).ok().and_then(|host| program.hosts.get(host));
    let extra = match operation {
        Operation::Host { host: index } => host(*index).map_or(0, |host: &Host| host.fuel),
        _ => 0,
    };
    fuel(operation, operands, results).saturating_add(extra)
}

/// How many bits count up to below `lanes`: the depth of a tree over them.
fn depth(lanes: u64) -> u32 {
    u64::BITS - lanes.saturating_sub(1).leading_zeros()
}

fn fuel(operation: &Operation, operands: &[Type], results: &[Type]) -> u64 {
    use Operation as O;
    let lanes = operands.iter().chain(results).map(|kind| u64::from(kind.lanes)).max().unwrap_or(1);
    let all: u64 = operands.iter().chain(results).map(|kind| u64::from(kind.lanes)).sum();
    let few = |lanes: u64| lanes.div_ceil(4);
    let log = u64::from(depth(lanes)) + 1;
    match *operation {
        // A scalar out of an array or into it: the array is not touched where it is not needed afterwards.
        O::Get => few(results.iter().map(|kind| u64::from(kind.lanes)).sum()),
        O::Set => few(operands.get(2).map_or(1, |part| u64::from(part.lanes))),
        O::ORead => 1,
        O::Div | O::Rem | O::Divs | O::Rems | O::DivFix { .. } => few(lanes) * 8,
        O::MulHi | O::MulHis | O::MulFix { .. } => few(lanes) * 2,
        O::MatMul { rows, inner, columns } => few(u64::from(rows) * u64::from(inner) * u64::from(columns)) + 1,
        O::Sort | O::Sorts => few(all * log * 4),
        O::Shuffle | O::Concat => few(all * 2),
        O::Call { .. } | O::If { .. } | O::Repeat { .. } | O::Loop { .. } | O::While { .. } => 1,
        O::Check { .. } | O::Input { .. } | O::Output { .. } | O::Host { .. } => few(all).max(1),
        _ => few(lanes),
    }
}
