//! What each operation does to single lanes, in numbers that are wide enough for every intermediate result.

use crate::kind::{Fold, Width};
use crate::operation::Operation;
use types::GOLDILOCKS;

/// Brings a number into a width: modulo 2^k, or modulo the prime.
pub(super) fn reduced(width: Width, number: u128) -> u64 {
    let modulus = match width {
        Width::Int(bits) => 1_u128 << bits,
        Width::Field => u128::from(GOLDILOCKS),
    };
    u64::try_from(number % modulus).expect("what is reduced fits 64 bits")
}

/// Reads a lane as a signed number.
pub(super) fn signed(bits: u8, lane: u64) -> i128 {
    let lane = i128::from(lane);
    if lane >> (bits - 1) & 1 == 1 { lane - (1 << bits) } else { lane }
}

/// Brings a signed number into k bits.
fn wrapped(bits: u8, number: i128) -> u64 {
    let reduced = number.rem_euclid(1 << bits);
    u64::try_from(reduced).expect("what is reduced fits 64 bits")
}

fn product(width: Width, a: u64, b: u64) -> u64 {
    reduced(width, u128::from(a) * u128::from(b))
}

/// a to the power p - 2: the inverse, and zero for zero.
fn inverse(a: u64) -> u64 {
    let mut result = 1;
    let mut square = a;
    let mut exponent = GOLDILOCKS - 2;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(Width::Field, result, square);
        }
        square = product(Width::Field, square, square);
        exponent >>= 1;
    }
    result
}

/// Two lanes into one; `None` if the operation is of another kind.
pub(super) fn pair(operation: &Operation, width: Width, a: u64, b: u64) -> Option<u64> {
    use Operation as O;
    let bits = width.bits();
    let (x, y) = (u128::from(a), u128::from(b));
    let (s, t) = (signed(bits, a), signed(bits, b));
    let ones = width.largest();
    let modulus = u128::from(ones) + 1;
    Some(match *operation {
        O::Add => reduced(width, x + y),
        O::Sub => reduced(width, x + modulus - y),
        O::Mul => product(width, a, b),
        O::MulHi => reduced(width, (x * y) >> bits),
        O::MulHis => wrapped(bits, (s * t) >> bits),
        O::MulFix { fraction } => wrapped(bits, (s * t) >> fraction),
        O::Div if width == Width::Field => product(width, a, inverse(b)),
        O::Div => a.checked_div(b).unwrap_or(ones),
        O::Rem => a.checked_rem(b).unwrap_or(a),
        O::Divs => s.checked_div(t).map_or(ones, |quotient| wrapped(bits, quotient)),
        O::Rems => s.checked_rem(t).map_or(a, |rest| wrapped(bits, rest)),
        O::DivFix { fraction } => {
            let scaled = s << fraction;
            // Euclid's quotient rounds down for positive divisors only.
            let (over, under) = if t < 0 { (-scaled, -t) } else { (scaled, t) };
            if t == 0 { ones } else { wrapped(bits, over.div_euclid(under)) }
        }
        O::And => a & b,
        O::Or => a | b,
        O::Xor => a ^ b,
        O::Shlv => {
            if b < bits.into() {
                reduced(width, x << b)
            } else {
                0
            }
        }
        O::Shrv => {
            if b < bits.into() {
                a >> b
            } else {
                0
            }
        }
        O::Sarv => wrapped(bits, s >> b.min(127)),
        O::Eq => (a == b).into(),
        O::Lt => (a < b).into(),
        O::Lts => (s < t).into(),
        _ => return None,
    })
}

/// One lane into one; `None` if the operation is of another kind.
pub(super) fn single(operation: &Operation, from: Width, to: Width, a: u64) -> Option<u64> {
    use Operation as O;
    let bits = from.bits();
    let x = u128::from(a);
    Some(match *operation {
        O::Neg => reduced(from, u128::from(from.largest()) + 1 - x),
        O::Not => from.largest() - a,
        O::Shl { amount } => reduced(from, x << amount),
        O::Shr { amount } => a >> amount,
        O::Sar { amount } => wrapped(bits, signed(bits, a) >> amount),
        O::Rotl { amount } => reduced(from, x << amount) | u64::try_from(x >> (bits - amount)).unwrap_or(0),
        O::Sign => a >> (bits - 1),
        O::Narrow | O::Zext | O::ToField | O::FromField => reduced(to, x),
        O::Sext => wrapped(to.bits(), signed(bits, a)),
        O::Classify | O::Reveal { .. } => a,
        _ => return None,
    })
}

/// Two lanes combined.
pub(super) fn folded(fold: Fold, width: Width, a: u64, b: u64) -> u64 {
    let key = |lane| signed(width.bits(), lane);
    match fold {
        Fold::Add => reduced(width, u128::from(a) + u128::from(b)),
        Fold::Mul => product(width, a, b),
        Fold::And => a & b,
        Fold::Or => a | b,
        Fold::Xor => a ^ b,
        Fold::Min => a.min(b),
        Fold::Max => a.max(b),
        Fold::Mins => {
            if key(a) <= key(b) {
                a
            } else {
                b
            }
        }
        Fold::Maxs => {
            if key(a) >= key(b) {
                a
            } else {
                b
            }
        }
    }
}
