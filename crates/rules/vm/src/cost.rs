//! What every operation costs: the one table that certificates are computed from and engines are held to.
//!
//! **Fuel** is work of the clear engine: one for a scalar operation, and for vectors one for each four lanes begun,
//! times a weight. It does not depend on labels.
//!
//! **Replicated sharing among three**, honest majority: a secret bit is shared by exclusive or, a wider integer as three
//! summands modulo 2^k, a field element as three summands modulo the prime. What is public, linear, or a matter of moving
//! lanes is free. Everything else is a circuit of the steps at the end of this file, each a list of rounds; a round says how
//! many bits each party sends in it. A party's bits of one round are rounded up to bytes instruction by instruction.
//!
//! | operation | circuit |
//! |---|---|
//! | `mul`, `dot`, `matmul`, `and` and `or` of bits | one product for each lane of the result |
//! | `bits` | reshare, adder |
//! | `word`, `zext`, `sext`, `sar`, `shr`, `and`/`or`/`xor`/`not`/`rotl` of words | bits of the operands, then the inverse |
//! | `sign` | reshare, top carry |
//! | `lt`, `lts` | three signs side by side, one `and` |
//! | `eq` | reshare, tree of `and` |
//! | `select` | bit to ring, product |
//! | `mulhi`, `mulhis`, `mulfix` | both extended to twice the width, product, `bits`, inverse |
//! | `div` and its kin | bits, a restoring division, inverse |
//! | `shlv` and its kin | bits, a barrel, inverse |
//! | `lut`, `oread`, `owrite` | bits of the index, one-hot, then products with the lanes |
//! | `reduce`, `scan` | a tree, a prefix network |
//! | `sort`, `argmax`, `shuffle` | a bitonic network by (key, place), a tournament, three passes |
//! | `reveal`, `output` | each party sends its share once |

mod rounds;

use crate::kind::{Fold, Type, Width};
use crate::operation::Operation;
use crate::program::{Host, Program};
use rounds::{Rounds, depth};

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
    let host = |host: u32| usize::try_from(host).ok().and_then(|host| program.hosts.get(host));
    let extra = match operation {
        Operation::Host { host: index } => host(*index).map_or(0, |host: &Host| host.fuel),
        _ => 0,
    };
    let fuel = fuel(operation, operands, results).saturating_add(extra);
    let rounds = traffic(operation, operands, results);
    let sent = rounds::bytes(&rounds);
    let waits = u64::try_from(rounds.len()).unwrap_or(u64::MAX);
    // Clients wait for outputs, parties do not.
    let waits = if matches!(operation, Operation::Output { .. }) { 0 } else { waits };
    Cost { fuel, rounds: waits, sent, preprocessing: 0 }
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

/// Returns what the parties send for one instruction.
fn traffic(operation: &Operation, operands: &[Type], results: &[Type]) -> Rounds {
    use Operation as O;
    let secrets = operands.iter().filter(|kind| kind.is_secret()).count();
    let first = operands.first().copied().unwrap_or(Type::public(Width::BIT, 1));
    let (k, n) = (u64::from(first.width.bits()), u64::from(first.lanes));
    let out = results.first().copied().unwrap_or(first);
    let (j, m) = (u64::from(out.width.bits()), u64::from(out.lanes));
    match *operation {
        O::Output { .. } if first.is_secret() => rounds::product(k, n),
        O::Reveal { .. } => rounds::product(k, n),
        O::Shuffle => rounds::shuffle(operands.iter().map(|kind| u64::from(kind.width.bits())).sum(), n),
        _ if secrets == 0 => Vec::new(),
        O::Mul | O::Dot | O::MatMul { .. } if secrets == 2 => rounds::product(j, m),
        O::And | O::Or if k == 1 => {
            if secrets == 2 {
                rounds::product(1, n)
            } else {
                Vec::new()
            }
        }
        O::Xor | O::Not if k == 1 => Vec::new(),
        // Two's complement: the complement is -x - 1.
        O::Not => Vec::new(),
        O::And | O::Or if secrets == 2 => rounds::in_bits(k, n, secrets, rounds::product(1, k * n)),
        O::And | O::Or | O::Xor => rounds::in_bits(k, n, secrets, Vec::new()),
        O::Shr { .. } | O::Sar { .. } | O::Rotl { .. } if k > 1 => rounds::in_bits(k, n, 1, Vec::new()),
        O::Shlv | O::Shrv | O::Sarv => rounds::in_bits(k, n, secrets, rounds::barrel(k, n)),
        O::MulHi | O::MulHis | O::MulFix { .. } => rounds::long_product(k, n, secrets),
        O::Div | O::Rem | O::Divs | O::Rems | O::DivFix { .. } => rounds::division(first.width, n, secrets),
        O::Eq => rounds::equal(k, n),
        O::Lt | O::Lts => rounds::less(k, n),
        O::Sign => rounds::sign(k, n),
        O::Select if first.is_secret() => rounds::choice(j, n, operands[1..].iter().any(|kind| kind.is_secret())),
        O::Lut { .. } => rounds::chain([rounds::bits(first.width, n), rounds::one_hot(k, n), rounds::word(j, n)]),
        O::Zext | O::Sext if k == 1 => rounds::inject(j, n),
        O::Zext | O::Sext => rounds::chain([rounds::bits(first.width, n), rounds::word(j, n)]),
        O::ToField => rounds::chain([rounds::bits(first.width, n), rounds::inject(64, k * n)]),
        O::FromField => rounds::chain([rounds::bits(first.width, n), rounds::word(j, n)]),
        O::Bits => rounds::bits(first.width, n),
        O::Word => rounds::word(j, m),
        O::Reduce { fold } => reduce(fold, first.width, n, m),
        O::Scan { fold } => scan(fold, first.width, n),
        O::ORead | O::OWrite => oblivious(operation, operands),
        O::Sort | O::Sorts => {
            let row: Vec<u64> = operands.iter().map(|kind| u64::from(kind.width.bits())).collect();
            rounds::sort(&row, n)
        }
        O::ArgMax | O::ArgMaxs => rounds::tournament(k, results.get(1).map_or(1, |at| u64::from(at.width.bits())), n),
        _ => Vec::new(),
    }
}

/// What combining pairs of lanes costs, as many at a time.
fn pairs(fold: Fold, width: Width, count: u64) -> Rounds {
    let k = u64::from(width.bits());
    match fold {
        Fold::Add => Vec::new(),
        Fold::Mul => rounds::product(k, count),
        Fold::Xor if k == 1 => Vec::new(),
        Fold::And | Fold::Or if k == 1 => rounds::product(1, count),
        Fold::Xor => rounds::in_bits(k, count, 2, Vec::new()),
        Fold::And | Fold::Or => rounds::in_bits(k, count, 2, rounds::product(1, k * count)),
        Fold::Min | Fold::Max | Fold::Mins | Fold::Maxs => {
            rounds::chain([rounds::less(k, count), rounds::choice(k, count, true)])
        }
    }
}

/// A tree over each group of neighbours; an odd one waits for the next level.
fn reduce(fold: Fold, width: Width, lanes: u64, groups: u64) -> Rounds {
    let mut left = lanes / groups.max(1);
    let mut all = Vec::new();
    while left > 1 {
        all.extend(pairs(fold, width, left / 2 * groups));
        left = left.div_ceil(2);
    }
    all
}

/// Sklansky's prefix network: at each level every lane whose bit of that level is set.
fn scan(fold: Fold, width: Width, lanes: u64) -> Rounds {
    (0..depth(lanes)).flat_map(|level| pairs(fold, width, rounds::with_bit(lanes, level))).collect()
}

fn oblivious(operation: &Operation, operands: &[Type]) -> Rounds {
    let (array, at) = (operands[0], operands[1]);
    let (k, n) = (u64::from(array.width.bits()), u64::from(array.lanes));
    let is_read = *operation == Operation::ORead;
    if !at.is_secret() {
        return Vec::new();
    }
    let places = rounds::place(u64::from(at.width.bits()), n);
    let moved = match (is_read, array.is_secret()) {
        (true, true) => rounds::chain([rounds::inject(k, n), rounds::product(k, 1)]),
        (true, false) => rounds::inject(k, n),
        (false, _) => rounds::choice(k, n, true),
    };
    rounds::chain([places, moved])
}
