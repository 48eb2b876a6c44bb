//! Arithmetic of the field that `vm` has as a width of its own, on canonical numbers.

use vm::Width;

/// The prime: 2^64 - 2^32 + 1.
const PRIME: u64 = Width::Field.largest() + 1;

/// Returns the sum.
pub(crate) fn add(a: u64, b: u64) -> u64 {
    let (sum, over) = a.overflowing_add(b);
    // Both are below the prime, so that one subtraction is enough, whether the sum went over the top or not.
    if over || sum >= PRIME { sum.wrapping_sub(PRIME) } else { sum }
}

/// Returns the difference.
pub(crate) fn sub(a: u64, b: u64) -> u64 {
    let (difference, under) = a.overflowing_sub(b);
    if under { difference.wrapping_add(PRIME) } else { difference }
}

/// Returns the product.
pub(crate) fn mul(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(PRIME);
    u64::try_from(product).expect("what is reduced fits")
}

/// Returns any word as a canonical number.
pub(crate) fn reduced(word: u64) -> u64 {
    if word >= PRIME { word - PRIME } else { word }
}

/// Whether a word is a canonical number.
pub(crate) fn is_canonical(word: u64) -> bool {
    word < PRIME
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_differences_and_products_are_those_modulo_the_prime(a in any::<u64>(), b in any::<u64>()) {
            for (a, b) in [(a, b), (PRIME - 1, b), (a, PRIME - 1), (PRIME - 1, PRIME - 1), (a, 0), (0, b)] {
                let (a, b) = (reduced(a), reduced(b));
                prop_assert!(is_canonical(a) && is_canonical(b));
                let wide = |number: u128| u64::try_from(number % u128::from(PRIME)).unwrap();
                let (x, y) = (u128::from(a), u128::from(b));
                prop_assert_eq!(add(a, b), wide(x + y));
                prop_assert_eq!(sub(a, b), wide(x + u128::from(PRIME) - y));
                prop_assert_eq!(mul(a, b), wide(x * y));
            }
        }
    }
}
