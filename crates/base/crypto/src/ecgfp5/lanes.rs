//! The same field with an element in each lane of a vector, and sums of multiples of points that use it.
//!
//! Vectors are chosen when the program runs, by what the processor has; only the widest are faster than one element
//! after another. All numbers here are public.

use super::curve::Point;
use super::field::{Element, Field};
use super::multiply::Factor;
use fearless_simd::{Level, Select as _, Simd, SimdBase as _, SimdInto as _, u64x8};
use std::ops::{Add, Mul, Neg, Sub};
use types::GOLDILOCKS;

/// Elements in a vector.
const LANES: usize = 8;
/// 2^64 modulo the prime, and the mask of a low half.
const EPSILON: u64 = 0xffff_ffff;
/// Above what [`Sums::reduce`] subtracts at most.
const OFFSET: u64 = 1 << 40;

/// An element in each lane: its coefficients, each canonical.
#[derive(Clone, Copy)]
struct Wide<S: Simd>([u64x8<S>; 5]);

/// Makes a number canonical: where the difference wraps, the smaller one is the number itself.
#[inline(always)]
fn canonical<S: Simd>(a: u64x8<S>) -> u64x8<S> {
    a.min(a - GOLDILOCKS)
}

/// Adds what may carry once.
#[inline(always)]
fn add_once<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    let sum = a + b;
    sum.simd_lt(a).select(sum + EPSILON, sum)
}

#[inline(always)]
fn add<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    canonical(add_once(a, b))
}

#[inline(always)]
fn subtract<S: Simd>(a: u64x8<S>, b: u64x8<S>) -> u64x8<S> {
    let difference = a - b;
    a.simd_lt(b).select(difference - EPSILON, difference)
}

/// Sums of the low, mixed and high products of 32-bit halves. Each is kept modulo 2^64, and beside it the sum of its
/// products' high halves, which together give the sum itself.
#[derive(Clone, Copy)]
struct Sums<S: Simd>([u64x8<S>; 6]);

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn of(a: Halves<S>, b: Halves<S>) -> Self {
        let [low, mixed, other, high] = a.products(b);
        Self([low, low >> 32, mixed + other, (mixed >> 32) + (other >> 32), high, high >> 32])
    }

    #[inline(always)]
    fn plus(self, a: Halves<S>, b: Halves<S>) -> Self {
        let [low, mixed, other, high] = a.products(b);
        let [lows, lows_high, mixeds, mixeds_high, highs, highs_high] = self.0;
        Self([
            lows + low,
            lows_high + (low >> 32),
            mixeds + mixed + other,
            mixeds_high + (mixed >> 32) + (other >> 32),
            highs + high,
            highs_high + (high >> 32),
        ])
    }

    #[inline(always)]
    fn thrice(mut self) -> Self {
        for sum in &mut self.0 {
            *sum = *sum + *sum + *sum;
        }
        self
    }

    /// Reduces a sum of at most thirteen products, as 2^64 is `EPSILON` and 2^96 is -1.
    #[inline(always)]
    fn reduce(self) -> u64x8<S> {
        let [low, low_high, mixed, mixed_high, high, high_high] = self.0;
        let first = low - (low_high << 32);
        let second = low_high + (mixed - (mixed_high << 32));
        let third = mixed_high + (high - (high_high << 32));
        let upper = second + third;
        let over = upper >> 32;
        // Each word is below 2^39, and so is what is subtracted: with the offset, this is no negative number.
        let lower = first - third - high_high + (over << 32) - over + OFFSET;
        let sum = add_once(upper << 32, lower);
        let less = sum - OFFSET;
        canonical(sum.simd_lt(OFFSET).select(less - EPSILON, less))
    }
}

/// A number and its high half. Products of 32-bit numbers take the low half of what they are given.
#[derive(Clone, Copy)]
struct Halves<S: Simd>(u64x8<S>, u64x8<S>);

impl<S: Simd> Halves<S> {
    #[inline(always)]
    fn new(a: u64x8<S>) -> Self {
        Self(a & EPSILON, a >> 32)
    }

    #[inline(always)]
    fn products(self, other: Self) -> [u64x8<S>; 4] {
        [self.0 * other.0, self.0 * other.1, self.1 * other.0, self.1 * other.1]
    }
}

impl<S: Simd> Wide<S> {
    #[inline(always)]
    fn halves(self) -> [Halves<S>; 5] {
        let [a, b, c, d, e] = self.0;
        [Halves::new(a), Halves::new(b), Halves::new(c), Halves::new(d), Halves::new(e)]
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (self.halves(), other.halves());
        Self([
            Sums::of(b, j).plus(c, i).plus(d, h).plus(e, g).thrice().plus(a, f).reduce(),
            Sums::of(c, j).plus(d, i).plus(e, h).thrice().plus(a, g).plus(b, f).reduce(),
            Sums::of(d, j).plus(e, i).thrice().plus(a, h).plus(b, g).plus(c, f).reduce(),
            Sums::of(e, j).thrice().plus(a, i).plus(b, h).plus(c, g).plus(d, f).reduce(),
            Sums::of(a, j).plus(b, i).plus(c, h).plus(d, g).plus(e, f).reduce(),
        ])
    }

    #[inline(always)]
    fn squared(self) -> Self {
        let [a, b, _, d, e] = self.0;
        let (a2, b2, d2, e2) = (add(a, a), add(b, b), add(d, d), add(e, e));
        let (d3, e3) = (add(d2, d), add(e2, e));
        let (d6, e6) = (Halves::new(add(d3, d3)), Halves::new(add(e3, e3)));
        let (a2, b2, d3, e3) = (Halves::new(a2), Halves::new(b2), Halves::new(d3), Halves::new(e3));
        let [a, b, c, d, e] = self.halves();
        Self([
            Sums::of(a, a).plus(b, e6).plus(c, d6).reduce(),
            Sums::of(a2, b).plus(c, e6).plus(d, d3).reduce(),
            Sums::of(a2, c).plus(b, b).plus(d, e6).reduce(),
            Sums::of(a2, d).plus(b2, c).plus(e, e3).reduce(),
            Sums::of(a2, e).plus(b2, d).plus(c, c).reduce(),
        ])
    }
}

/// Multiplies; called, because a group formula with all its products inlined outgrows the processor's caches.
#[inline(never)]
fn product<S: Simd>(a: &Wide<S>, b: &Wide<S>) -> Wide<S> {
    a.0[0].simd.vectorize(
        #[inline(always)]
        || a.product(*b),
    )
}

#[inline(never)]
fn squared<S: Simd>(a: &Wide<S>) -> Wide<S> {
    a.0[0].simd.vectorize(
        #[inline(always)]
        || a.squared(),
    )
}

impl<S: Simd> Field for Wide<S> {
    #[inline(always)]
    fn square(self) -> Self {
        squared(&self)
    }

    #[inline(always)]
    fn times_z(self, factor: u64) -> Self {
        let [a, b, c, d, e] = self.0;
        Self([times(e, 3 * factor), times(a, factor), times(b, factor), times(c, factor), times(d, factor)])
    }
}

/// Multiplies by a number below 2^16.
#[inline(always)]
fn times<S: Simd>(a: u64x8<S>, factor: u64) -> u64x8<S> {
    let (low, high) = ((a & EPSILON) * factor, (a >> 32) * factor);
    let over = high >> 32;
    canonical(add_once(high << 32, low + (over << 32) - over))
}

impl<S: Simd> Add for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for at in 0..5 {
            self.0[at] = add(self.0[at], other.0[at]);
        }
        self
    }
}

impl<S: Simd> Sub for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for at in 0..5 {
            self.0[at] = subtract(self.0[at], other.0[at]);
        }
        self
    }
}

impl<S: Simd> Neg for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        let zero = u64x8::splat(self.0[0].simd, 0);
        Self([zero; 5]) - self
    }
}

impl<S: Simd> Mul for Wide<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        product(&self, &other)
    }
}

/// Bits of a digit of a factor.
const DIGIT_BITS: usize = 4;
/// Digits of a factor: one more than its bits ask for, for what the last one carries.
const DIGITS: usize = 65;
/// Multiples of a point that digits ask for: from none to eight.
const MULTIPLES: usize = 9;

/// A point's coordinates, limb by limb, for eight points: x, z, u and t.
type Coordinates = [[u64; LANES]; 20];

/// Eight points with their multiples, and the digits of their factors.
struct Row {
    multiples: [Coordinates; MULTIPLES],
    digits: [[i8; LANES]; DIGITS],
    /// Digits that are not all zero.
    length: usize,
}

/// Vectors that are known to be faster than one element after another.
#[derive(Clone, Copy)]
pub(super) struct Vectors(Level);

impl Vectors {
    /// Returns what this processor has, if it is worth it.
    pub(super) fn new() -> Option<Self> {
        match Level::new() {
            #[cfg(target_arch = "x86_64")]
            level @ Level::Avx512(_) => Some(Self(level)),
            _ => None,
        }
    }

    /// Returns each element's [`Field::half_power`].
    pub(super) fn half_powers(self, elements: &[Element]) -> Vec<Element> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.vectorize(
                #[inline(always)]
                || half_powers_on(simd, elements),
            ),
            _ => unreachable!("vectors are made of this level only"),
        }
    }

    /// Sums multiples of points. Terms with short factors are best kept together.
    pub(super) fn sum_of_multiples(self, terms: &[(Point, Factor)]) -> Point {
        let lanes = match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.vectorize(
                #[inline(always)]
                || sum_on(simd, terms),
            ),
            _ => unreachable!("vectors are made of this level only"),
        };
        lanes.iter().fold(Point::NEUTRAL, |sum, point| sum.add(point))
    }
}

#[inline(always)]
fn half_powers_on<S: Simd>(simd: S, elements: &[Element]) -> Vec<Element> {
    let mut powers = Vec::with_capacity(elements.len());
    for chunk in elements.chunks(LANES) {
        let mut limbs = [[0; LANES]; 5];
        for (lane, element) in chunk.iter().enumerate() {
            for (lanes, limb) in limbs.iter_mut().zip(element.limbs()) {
                lanes[lane] = limb;
            }
        }
        let power = load(simd, &limbs).half_power();
        let limbs = power.0.map(<[u64; LANES]>::from);
        powers.extend((0..chunk.len()).map(|lane| element(&limbs, lane)));
    }
    powers
}

/// Returns the element in a lane.
fn element(limbs: &[[u64; LANES]], lane: usize) -> Element {
    Element::new(std::array::from_fn(|at| limbs[at][lane])).expect("lanes are canonical")
}

#[inline(always)]
fn load<S: Simd>(simd: S, rows: &[[u64; LANES]]) -> Wide<S> {
    let mut limbs = [u64x8::splat(simd, 0); 5];
    for (limb, lanes) in limbs.iter_mut().zip(rows) {
        *limb = (*lanes).simd_into(simd);
    }
    Wide(limbs)
}

#[inline(always)]
fn sum_on<S: Simd>(simd: S, terms: &[(Point, Factor)]) -> [Point; LANES] {
    // A loop here and not `map`: what is given to a function that is not inlined does not stay in vectors.
    let mut rows = Vec::with_capacity(terms.len().div_ceil(LANES));
    for terms in terms.chunks(LANES) {
        rows.push(row(simd, terms));
    }
    let mut sum = load_points(simd, &coordinates(&[Point::NEUTRAL; LANES]));
    let longest = rows.iter().map(|row| row.length).max().unwrap_or(0);
    for place in (0..longest).rev() {
        sum = sum.twice_times(DIGIT_BITS);
        for row in rows.iter().filter(|row| place < row.length) {
            sum = sum.plus(&chosen(simd, row, &row.digits[place]));
        }
    }
    points(&store(&sum))
}

/// Prepares eight terms; what is missing is neutral.
#[inline(always)]
fn row<S: Simd>(simd: S, terms: &[(Point, Factor)]) -> Row {
    let mut eight = [Point::NEUTRAL; LANES];
    let mut digits = [[0; LANES]; DIGITS];
    for (lane, (point, factor)) in terms.iter().enumerate() {
        eight[lane] = *point;
        for (place, digit) in digits_of(factor).into_iter().enumerate() {
            digits[place][lane] = digit;
        }
    }
    let length = digits.iter().rposition(|digits| *digits != [0; LANES]).map_or(0, |last| last + 1);
    let mut multiples = [coordinates(&[Point::NEUTRAL; LANES]); MULTIPLES];
    multiples[1] = coordinates(&eight);
    let point = load_points(simd, &multiples[1]);
    let mut multiple = point;
    for place in &mut multiples[2..] {
        multiple = multiple.plus(&point);
        *place = store(&multiple);
    }
    Row { multiples, digits, length }
}

/// Splits a factor into digits between -7 and 8.
fn digits_of(factor: &Factor) -> [i8; DIGITS] {
    let mut carry = 0;
    std::array::from_fn(|place| {
        let nibble = factor.get(place / 16).map_or(0, |limb| limb >> (place % 16 * DIGIT_BITS) & 15);
        let digit = i8::try_from(nibble).expect("a digit has four bits") + carry;
        carry = i8::from(digit > 8);
        digit - 16 * carry
    })
}

/// Takes the multiple that each lane's digit asks for.
#[inline(always)]
fn chosen<S: Simd>(simd: S, row: &Row, digits: &[i8; LANES]) -> Point<Wide<S>> {
    let mut taken: Coordinates = [[0; LANES]; 20];
    let mut negative = [0_u64; LANES];
    for (lane, digit) in digits.iter().enumerate() {
        let multiple = &row.multiples[usize::from(digit.unsigned_abs())];
        negative[lane] = u64::from(*digit < 0);
        for (taken, limbs) in taken.iter_mut().zip(multiple) {
            taken[lane] = limbs[lane];
        }
    }
    let mut point = load_points(simd, &taken);
    let negated = -point.u;
    let negative: u64x8<S> = negative.simd_into(simd);
    let mask = negative.simd_eq(1);
    for (limb, negated) in point.u.0.iter_mut().zip(negated.0) {
        *limb = mask.select(negated, *limb);
    }
    point
}

fn coordinates(points: &[Point; LANES]) -> Coordinates {
    let mut all = [[0; LANES]; 20];
    for (lane, point) in points.iter().enumerate() {
        let limbs = [point.x, point.z, point.u, point.t].map(|element| element.limbs());
        for (row, limb) in all.iter_mut().zip(limbs.as_flattened()) {
            row[lane] = *limb;
        }
    }
    all
}

fn points(all: &Coordinates) -> [Point; LANES] {
    std::array::from_fn(|lane| {
        let [x, z, u, t] = [0, 5, 10, 15].map(|first| element(&all[first..], lane));
        Point { x, z, u, t }
    })
}

#[inline(always)]
fn load_points<S: Simd>(simd: S, all: &Coordinates) -> Point<Wide<S>> {
    Point {
        x: load(simd, &all[..5]),
        z: load(simd, &all[5..10]),
        u: load(simd, &all[10..15]),
        t: load(simd, &all[15..]),
    }
}

#[inline(always)]
fn store<S: Simd>(point: &Point<Wide<S>>) -> Coordinates {
    let mut all = [[0; LANES]; 20];
    let elements = [point.x.0, point.z.0, point.u.0, point.t.0];
    for (lanes, limb) in all.iter_mut().zip(elements.as_flattened()) {
        *lanes = (*limb).into();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::field::tests::element as any_element;
    use super::*;
    use proptest::prelude::*;

    /// Every kind of vector that this processor has, not only the one that would be chosen.
    fn on_every_kind(
        a: &[Element; LANES],
        b: &[Element; LANES],
        check: impl Fn(usize, [Element; 6]) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = Level::new().as_avx2() {
                results(simd, a, b).into_iter().enumerate().try_for_each(|(lane, results)| check(lane, results))?;
            }
            if let Level::Avx512(simd) = Level::new() {
                results(simd, a, b).into_iter().enumerate().try_for_each(|(lane, results)| check(lane, results))?;
            }
        }
        Ok(())
    }

    fn results<S: Simd>(simd: S, a: &[Element; LANES], b: &[Element; LANES]) -> Vec<[Element; 6]> {
        let rows = |elements: &[Element; LANES]| -> [[u64; LANES]; 5] {
            std::array::from_fn(|at| elements.map(|element| element.limbs()[at]))
        };
        let (x, y) = (load(simd, &rows(a)), load(simd, &rows(b)));
        let all = [x + y, x - y, -x, x * y, x.square(), x.times_z(12_624)];
        let lanes = all.map(|wide| wide.0.map(<[u64; LANES]>::from));
        (0..LANES).map(|lane| lanes.map(|limbs| super::element(&limbs, lane))).collect()
    }

    proptest! {
        #[test]
        fn every_lane_computes_as_one_element_does(
            a in prop::array::uniform8(any_element()),
            b in prop::array::uniform8(any_element())
        ) {
            on_every_kind(&a, &b, |lane, results| {
                let (x, y) = (a[lane], b[lane]);
                prop_assert_eq!(results, [x + y, x - y, -x, x * y, x.square(), x.times_z(12_624)]);
                Ok(())
            })?;
        }

        #[test]
        fn digits_add_up(factor in any::<Factor>()) {
            let mut carry = 0_i16;
            for (place, digit) in digits_of(&factor).into_iter().enumerate() {
                prop_assert!((-7..=8).contains(&digit));
                let sum = i16::from(digit) + carry;
                let nibble = factor.get(place / 16).map_or(0, |limb| limb >> (place % 16 * 4) & 15);
                prop_assert_eq!(sum.rem_euclid(16), i16::try_from(nibble).unwrap());
                carry = sum.div_euclid(16);
            }
            prop_assert_eq!(carry, 0);
        }
    }
}
