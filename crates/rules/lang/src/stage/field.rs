//! Division in the field, for known values.

use crate::scalar::FIELD;

/// Returns `a` times the inverse of `b`; by zero, zero.
pub(super) fn divide(a: i128, b: i128) -> i128 {
    let (a, b) = (a.unsigned_abs(), b.unsigned_abs());
    i128::try_from(product(a, power(b, FIELD - 2))).unwrap_or(0)
}

/// Both are below 2^64.
fn product(a: u128, b: u128) -> u128 {
    a.wrapping_mul(b) % FIELD
}

fn power(base: u128, mut exponent: u128) -> u128 {
    let (mut base, mut result) = (base % FIELD, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(result, base);
        }
        base = product(base, base);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_times_its_divisor_is_the_dividend() {
        for (a, b) in [(1, 2), (7, 3), (123_456_789, 987_654_321), (i128::try_from(FIELD).unwrap() - 1, 5)] {
            let quotient = divide(a, b).unsigned_abs();
            assert_eq!(product(quotient, b.unsigned_abs()), a.unsigned_abs());
        }
        assert_eq!(divide(5, 0), 0);
    }
}
