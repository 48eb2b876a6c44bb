//! Multiples of points: of the generator from a table, in constant time where the number is secret, and sums of many.

use super::curve::{Affine, Point};
use super::field::{Element, Field};
use super::lanes::Vectors;
use super::scalar::{Scalar, WINDOW_BITS, WINDOWS, Window};
use std::hint::black_box;
use std::sync::LazyLock;

/// Multiples of the generator in one window of a scalar.
const MULTIPLES: usize = 1 << (WINDOW_BITS - 1);

/// For each window of a scalar, the multiples from 1 to 64 of the generator times what the window is worth.
static GENERATOR: LazyLock<Vec<Affine>> = LazyLock::new(|| {
    let mut points = Vec::with_capacity(WINDOWS * MULTIPLES);
    let mut base = Point::generator();
    for _ in 0..WINDOWS {
        let mut multiple = base;
        for _ in 1..MULTIPLES {
            points.push(multiple);
            multiple = multiple.add(&base);
        }
        points.push(multiple);
        base = multiple.double();
    }
    Point::to_affine(&points)
});

/// Multiplies the generator by a secret, in constant time: every entry of the table is read.
pub(crate) fn generator_times_secret(scalar: &Scalar) -> Point {
    let mut sum = Point::NEUTRAL;
    for (window, multiples) in scalar.windows().iter().zip(GENERATOR.chunks_exact(MULTIPLES)) {
        let mut chosen = Affine::NEUTRAL;
        for (number, multiple) in (1..).zip(multiples) {
            let mask = equal(window.magnitude, number);
            chosen.x.replace(&multiple.x, mask);
            chosen.u.replace(&multiple.u, mask);
        }
        let negated = -chosen.u;
        chosen.u.replace(&negated, window.negative);
        sum = sum.add_affine(&chosen);
    }
    sum
}

/// Returns all ones where the two are equal. The compiler is kept from making a branch of it.
#[inline(always)]
fn equal(a: u64, b: u64) -> u64 {
    let difference = black_box(a ^ b);
    ((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1)
}

/// Multiplies the generator by a public number, in variable time.
pub(crate) fn generator_times(scalar: &Scalar) -> Point {
    let mut sum = Point::NEUTRAL;
    for (Window { magnitude, negative }, multiples) in scalar.windows().iter().zip(GENERATOR.chunks_exact(MULTIPLES)) {
        let Some(at) = usize::try_from(*magnitude).ok().and_then(|number| number.checked_sub(1)) else { continue };
        let Affine { x, u } = multiples[at];
        sum = sum.add_affine(&Affine { x, u: if *negative == 0 { u } else { -u } });
    }
    sum
}

/// A public number of 256 bits, the least significant limb first.
pub(crate) type Factor = [u64; 4];

/// Bits of a digit of a factor.
const DIGIT_BITS: usize = 5;
/// Places of a factor's digits: one more than its bits, for what the last one carries.
const PLACES: usize = 257;
/// Odd multiples of a point that digits ask for.
const ODD_MULTIPLES: usize = 1 << (DIGIT_BITS - 2);

/// Fewer terms than this are summed one after another: a vector costs as much however many of its lanes are used.
const TERMS_MIN: usize = 12;
/// The same for powers.
const ELEMENTS_MIN: usize = 4;

/// Returns each element's [`Field::half_power`], several at a time where the processor can. For public elements.
pub(super) fn half_powers(elements: &[Element]) -> Vec<Element> {
    match Vectors::new() {
        Some(vectors) if elements.len() >= ELEMENTS_MIN => vectors.half_powers(elements),
        _ => elements.iter().map(|element| element.half_power()).collect(),
    }
}

/// Sums multiples of points, in variable time, several terms at a time where the processor can.
pub(crate) fn sum_of_multiples(terms: &[(Point, Factor)]) -> Point {
    match Vectors::new() {
        Some(vectors) if terms.len() >= TERMS_MIN => vectors.sum_of_multiples(terms),
        _ => sum_one_by_one(terms),
    }
}

/// Sums multiples of points: all of them share the doublings (Straus, 1964).
fn sum_one_by_one(terms: &[(Point, Factor)]) -> Point {
    let prepared: Vec<_> = terms.iter().map(|(point, factor)| (odd_multiples(point), digits(factor))).collect();
    let mut sum = Point::NEUTRAL;
    let mut doublings = 0;
    for place in (0..PLACES).rev() {
        doublings += 1;
        for (multiples, digits) in &prepared {
            let digit = digits[place];
            if digit == 0 {
                continue;
            }
            sum = sum.double_times(std::mem::take(&mut doublings));
            let multiple = &multiples[usize::from(digit.unsigned_abs() / 2)];
            sum = sum.add(&if digit < 0 { multiple.negate() } else { *multiple });
        }
    }
    sum.double_times(doublings)
}

/// Returns the first, third, fifth and so on multiple of a point.
fn odd_multiples(point: &Point) -> [Point; ODD_MULTIPLES] {
    let twice = point.double();
    let mut multiples = [*point; ODD_MULTIPLES];
    for at in 1..ODD_MULTIPLES {
        multiples[at] = multiples[at - 1].add(&twice);
    }
    multiples
}

/// Splits a factor into digits between -15 and 15, zero or odd, and at least four zeros after each that is not zero (the
/// non-adjacent form of width five).
fn digits(factor: &Factor) -> [i8; PLACES] {
    let mut digits = [0; PLACES];
    let (mut place, mut carry) = (0, 0);
    while place < PLACES {
        let (limb, bit) = (place / 64, place % 64);
        let low = factor.get(limb).map_or(0, |limb| limb >> bit);
        let above = if bit + DIGIT_BITS > 64 { factor.get(limb + 1).map_or(0, |limb| limb << (64 - bit)) } else { 0 };
        let window = ((low | above) & 0x1f) + carry;
        if window & 1 == 0 {
            place += 1;
            continue;
        }
        let digit = i8::try_from(window).expect("a window has five bits");
        carry = u64::from(digit > 16);
        digits[place] = if digit > 16 { digit - 32 } else { digit };
        place += DIGIT_BITS;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::super::curve::tests::{point, same};
    use super::super::scalar::tests::{ORDER_LIMBS, scalar};
    use super::*;
    use proptest::prelude::*;

    /// Doubles and adds.
    fn times(point: &Point, limbs: &[u64]) -> Point {
        let bits = limbs.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit & 1));
        bits.fold(Point::NEUTRAL, |sum, bit| if bit == 1 { sum.double().add(point) } else { sum.double() })
    }

    #[test]
    fn a_multiple_is_that_of_the_reference() {
        // From `ecgfp5_mul` in `curve.rs` of github.com/pornin/ecgfp5; the scalar's bytes begin with the lowest.
        let decode = |limbs| Point::decode(Element::new(limbs).unwrap()).unwrap();
        let point = decode([
            7534507442095725921,
            16658460051907528927,
            12417574136563175256,
            2750788641759288856,
            620002843272906439,
        ]);
        let scalar =
            [0x0dd4221dc851181b, 0x66412754ceec366d, 0x76b464ff8f2f1408, 0xd41625aaf83fcd28, 0x037c441a02ccd0ba];
        let multiple = decode([
            9486104512504676657,
            14312981644741144668,
            5159846406177847664,
            15978863787033795628,
            3249948839313771192,
        ]);
        assert!(same(&times(&point, &scalar), &multiple));
    }

    #[test]
    fn the_order_times_the_generator_is_neutral() {
        assert!(times(&Point::generator(), &ORDER_LIMBS).is_neutral());
        let mut less_one = ORDER_LIMBS;
        less_one[0] -= 1;
        let last = Scalar::from_limbs(less_one);
        assert!(same(&generator_times(&last), &Point::generator().negate()));
        assert!(generator_times_secret(&last).add(&Point::generator()).is_neutral());
        assert!(generator_times(&Scalar::ZERO).is_neutral() && generator_times_secret(&Scalar::ZERO).is_neutral());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_order_times_any_element_is_neutral(p in point()) {
            prop_assert!(times(&p, &ORDER_LIMBS).is_neutral());
        }

        #[test]
        fn multiples_of_the_generator_are_found_by_doubling_and_adding(limbs in scalar()) {
            let expected = times(&Point::generator(), &limbs);
            let scalar = Scalar::from_limbs(limbs);
            prop_assert!(same(&generator_times(&scalar), &expected));
            prop_assert!(same(&generator_times_secret(&scalar), &expected));
        }

        #[test]
        fn a_sum_of_multiples_is_found_by_doubling_and_adding(
            terms in prop::collection::vec((point(), factor()), 0..20)
        ) {
            let each = terms.iter().map(|(point, factor)| times(point, factor));
            let expected = each.fold(Point::NEUTRAL, |sum, multiple| sum.add(&multiple));
            prop_assert!(same(&sum_one_by_one(&terms), &expected));
            prop_assert!(same(&sum_of_multiples(&terms), &expected));
            if let Some(vectors) = Vectors::new() {
                prop_assert!(same(&vectors.sum_of_multiples(&terms), &expected));
            }
        }
    }

    fn factor() -> impl Strategy<Value = Factor> {
        let limb = prop_oneof![4 => any::<u64>(), 1 => Just(u64::MAX), 1 => Just(0)];
        prop::array::uniform4(limb)
    }
}
