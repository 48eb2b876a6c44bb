//! The group: the points of y^2 = x (x^2 + 2x + 263z) that are not multiples of two points of odd order.
//!
//! The curve has 2n points, n prime, and one point N = (0, 0) of order two. The group's elements are P + N for the points P
//! of order n; its neutral element is N, and two elements add up to their sum as points plus N. So its order is the prime n,
//! every element but the neutral generates it, and there is no cofactor to care about.
//!
//! Coordinates are x = X/Z and u = x/y = U/T, with u = 0 for the neutral element. The formulas hold for all elements
//! without exceptions. Source: Pornin, "Double-Odd Elliptic Curves", ePrint 2020/1558, and "EcGFp5: a Specialized Elliptic
//! Curve", ePrint 2022/274.

use super::field::{Element, Field};
use super::multiply::half_powers;

/// The curve's b is this times z.
const B: u64 = 263;

/// An element of the group.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Point<F = Element> {
    pub(super) x: F,
    pub(super) z: F,
    pub(super) u: F,
    pub(super) t: F,
}

/// An element whose denominators are one.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) x: Element,
    pub(super) u: Element,
}

impl Affine {
    pub(super) const NEUTRAL: Self = Self { x: Element::ZERO, u: Element::ZERO };
}

impl Point {
    pub(crate) const NEUTRAL: Self = Self { x: Element::ZERO, z: Element::ONE, u: Element::ZERO, t: Element::ONE };

    /// Returns the conventional generator, which is encoded as 4.
    pub(crate) fn generator() -> Self {
        let four = Element::new([4, 0, 0, 0, 0]).expect("four is canonical");
        Self::decode(four).expect("the curve's designer chose a generator")
    }

    /// Finds the element with this y/x, 0 being the neutral one; `None` where there is none. In variable time.
    ///
    /// Its x solves x^2 - (w^2 - 2) x + b = 0. The product b of both solutions is no square, so that one of them is none
    /// either, and that one is in the group.
    pub(crate) fn decode(w: Element) -> Option<Self> {
        Self::decode_by(w, discriminant(w).half_power())
    }

    /// Decodes many, as [`Point::decode`] does each: the powers that roots ask for are taken together.
    pub(crate) fn decode_all(all: &[Element]) -> Vec<Option<Self>> {
        let discriminants: Vec<Element> = all.iter().map(|w| discriminant(*w)).collect();
        let powers = half_powers(&discriminants);
        all.iter().zip(powers).map(|(w, power)| Self::decode_by(*w, power)).collect()
    }

    fn decode_by(w: Element, half_power: Element) -> Option<Self> {
        if w == Element::ZERO {
            return Some(Self::NEUTRAL);
        }
        let sum = sum_of_solutions(w);
        let root = discriminant(w).root(half_power)?;
        let x = (sum + root).halve();
        let x = if x.is_square() { (sum - root).halve() } else { x };
        Some(Self { x, z: Element::ONE, u: Element::ONE, t: w })
    }

    /// Returns the x of the point of odd order that stands for the same element: b/x, a square.
    pub(crate) fn square_x(&self) -> Element {
        (self.z * self.x.invert()).times_z(B)
    }

    /// Returns y/x, which names the element; 0 for the neutral one.
    pub(crate) fn encode(&self) -> Element {
        self.t * self.u.invert()
    }

    /// Says whether [`Point::encode`] would give `w`, without inverting.
    pub(crate) fn is_encoded_as(&self, w: Element) -> bool {
        if w == Element::ZERO { self.is_neutral() } else { self.t == w * self.u }
    }

    pub(crate) fn is_neutral(&self) -> bool {
        self.u == Element::ZERO
    }

    /// Adds.
    pub(crate) fn add(&self, other: &Self) -> Self {
        self.plus(other)
    }

    /// Adds an element whose denominators are one: eight multiplications.
    pub(super) fn add_affine(&self, other: &Affine) -> Self {
        let xs = self.x * other.x;
        let us = self.u * other.u;
        let crossed_x = self.x + other.x * self.z;
        let crossed_u = self.u + other.u * self.t;
        Self::sum(xs, self.z, us, self.t, crossed_x, crossed_u)
    }

    /// Doubles.
    pub(crate) fn double(&self) -> Self {
        self.twice()
    }

    /// Doubles `count` times.
    pub(crate) fn double_times(&self, count: usize) -> Self {
        self.twice_times(count)
    }

    /// Makes the denominators of many one, with one inversion (Montgomery's trick).
    pub(super) fn to_affine(points: &[Self]) -> Vec<Affine> {
        let mut product = Element::ONE;
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            product = product * point.z * point.t;
        }
        // No denominator is ever zero: the formulas are complete.
        let mut inverse = product.invert();
        let mut affine = vec![Affine::NEUTRAL; points.len()];
        for ((point, before), affine) in points.iter().zip(before).zip(&mut affine).rev() {
            let both = inverse * before;
            *affine = Affine { x: point.x * point.t * both, u: point.u * point.z * both };
            inverse = inverse * point.z * point.t;
        }
        affine
    }
}

fn sum_of_solutions(w: Element) -> Element {
    w.square() - Element::ONE.double()
}

fn discriminant(w: Element) -> Element {
    sum_of_solutions(w).square() - Element::ONE.times_z(4 * B)
}

/// The formulas, inlined so that they are compiled for the vectors that they are used with.
impl<F: Field> Point<F> {
    #[inline(always)]
    pub(crate) fn negate(&self) -> Self {
        Self { u: -self.u, ..*self }
    }

    /// Adds: ten multiplications.
    #[inline(always)]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let xs = self.x * other.x;
        let zs = self.z * other.z;
        let us = self.u * other.u;
        let ts = self.t * other.t;
        let crossed_x = (self.x + self.z) * (other.x + other.z) - xs - zs;
        let crossed_u = (self.u + self.t) * (other.u + other.t) - us - ts;
        Self::sum(xs, zs, us, ts, crossed_x, crossed_u)
    }

    /// Finishes a sum from the products X1 X2, Z1 Z2, U1 U2, T1 T2, X1 Z2 + X2 Z1 and U1 T2 + U2 T1.
    #[inline(always)]
    fn sum(xs: F, zs: F, us: F, ts: F, crossed_x: F, crossed_u: F) -> Self {
        let zs_b = zs.times_z(B);
        let outer = xs + zs_b;
        let first = ts * outer;
        let second = us * (crossed_x.times_z(2 * B) + outer.double());
        let third = (ts + us.double()) * (crossed_x + outer);
        Self { x: (third - first).times_z(B), z: first - second, u: crossed_u * (zs_b - xs), t: first + second }
    }

    /// Doubles: four multiplications and five squares.
    #[inline(always)]
    pub(super) fn twice(&self) -> Self {
        let (x, w, z) = self.to_jacobian();
        let (squared_w, squared_z) = (w.square(), z.square());
        let u = (w + z).square() - squared_z - squared_w;
        let t = x.double() - squared_z.double().double() - squared_w;
        Self { x: squared_z.times_z(4 * B), z: squared_w, u, t }
    }

    /// Starts a doubling. Gives the square of an intermediate x, and its partners w and z.
    #[inline(always)]
    fn to_jacobian(self) -> (F, F, F) {
        let first = self.z * self.t;
        let second = first * self.t;
        let z = first * self.u;
        let w = second - (self.x + self.z).double() * self.u.square();
        (second.square(), w, z)
    }

    /// Doubles `count` times, at two multiplications and five squares each and three operations more.
    #[inline(always)]
    pub(super) fn twice_times(&self, count: usize) -> Self {
        match count {
            0 => return *self,
            1 => return self.twice(),
            _ => {}
        }
        let (x, w, z) = self.to_jacobian();
        let (squared_w, squared_z) = (w.square(), z.square());
        let mut next_z = (w + z).square() - squared_w - squared_z;
        let mut next_w = x.double() - squared_z.double().double() - squared_w;
        let mut next_x = squared_z.square().times_z(16 * B);
        for _ in 2..count {
            let (squared_z, squared_w) = (next_z.square(), next_w.square());
            let (fourth_z, fourth_w) = (squared_z.square(), squared_w.square());
            let crossed = (next_w + next_z).square() - squared_z - squared_w;
            next_z = crossed * ((next_x + squared_z).double() - squared_w);
            next_x = (fourth_z * fourth_w).times_z(16 * B);
            next_w = fourth_z.double().double() - fourth_z.times_z(4 * B) - fourth_w;
        }
        let (squared_w, squared_z) = (next_w.square(), next_z.square());
        let crossed = (next_w + next_z).square() - squared_w - squared_z;
        let last = squared_w - (next_x + squared_z).double();
        let squared_last = last.square();
        Self {
            x: crossed.square().times_z(B),
            z: squared_last,
            u: crossed * last,
            t: squared_w.double() * (squared_w - squared_z.double()) - squared_last,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::field::tests::element;
    use super::*;
    use proptest::prelude::*;

    /// Some element: the first that decodes, counted up from a field element.
    pub(in super::super) fn point() -> impl Strategy<Value = Point> {
        element().prop_map(|mut start| {
            loop {
                if let Some(point) = Point::decode(start) {
                    return point;
                }
                start = start + Element::ONE;
            }
        })
    }

    pub(in super::super) fn same(a: &Point, b: &Point) -> bool {
        a.encode() == b.encode() && a.is_encoded_as(b.encode())
    }

    /// From the unit tests of the reference implementation of ePrint 2022/274 (github.com/pornin/ecgfp5, `curve.rs`,
    /// `ecgfp5_ops`): the neutral element, P, Q, P + Q, 2P, 2Q, 2P + Q and P + 2Q.
    const KNOWN: [[u64; 5]; 8] = [
        [0; 5],
        [12539254003028696409, 15524144070600887654, 15092036948424041984, 11398871370327264211, 10958391180505708567],
        [11001943240060308920, 17075173755187928434, 3940989555384655766, 15017795574860011099, 5548543797011402287],
        [246872606398642312, 4900963247917836450, 7327006728177203977, 13945036888436667069, 3062018119121328861],
        [8058035104653144162, 16041715455419993830, 7448530016070824199, 11253639182222911208, 6228757819849640866],
        [10523134687509281194, 11148711503117769087, 9056499921957594891, 13016664454465495026, 16494247923890248266],
        [12173306542237620, 6587231965341539782, 17027985748515888117, 17194831817613584995, 10056734072351459010],
        [9420857400785992333, 4695934009314206363, 14471922162341187302, 13395190104221781928, 16359223219913018041],
    ];

    /// From the same place: what is no element's encoding.
    const UNKNOWN: [[u64; 5]; 6] = [
        [13557832913345268708, 15669280705791538619, 8534654657267986396, 12533218303838131749, 5058070698878426028],
        [135036726621282077, 17283229938160287622, 13113167081889323961, 1653240450380825271, 520025869628727862],
        [6727960962624180771, 17240764188796091916, 3954717247028503753, 1002781561619501488, 4295357288570643789],
        [4578929270179684956, 3866930513245945042, 7662265318638150701, 9503686272550423634, 12241691520798116285],
        [16890297404904119082, 6169724643582733633, 9725973298012340311, 5977049210035183790, 11379332130141664883],
        [13777379982711219130, 14715168412651470168, 17942199593791635585, 6188824164976547520, 15461469634034461986],
    ];

    #[test]
    fn sums_are_those_of_the_reference() {
        let points = KNOWN.map(|limbs| Point::decode(Element::new(limbs).unwrap()).unwrap());
        for (point, limbs) in points.iter().zip(KNOWN) {
            assert_eq!(point.encode().limbs(), limbs);
        }
        let [neutral, p, q, sum, twice_p, twice_q, twice_p_q, p_twice_q] = points;
        assert!(neutral.is_neutral() && !p.is_neutral());
        for (ours, theirs) in [
            (p.add(&q), sum),
            (p.add(&p), twice_p),
            (p.double(), twice_p),
            (q.double(), twice_q),
            (p.double().add(&q), twice_p_q),
            (p.add(&q).add(&q), p_twice_q),
            (neutral.double(), neutral),
            (neutral.add(&p), p),
            (p.add(&neutral), p),
        ] {
            assert!(same(&ours, &theirs));
        }
        for limbs in UNKNOWN {
            assert!(Point::decode(Element::new(limbs).unwrap()).is_none());
        }
    }

    #[test]
    fn the_generator_is_the_one_of_the_reference() {
        let affine = Point::to_affine(&[Point::generator()])[0];
        let x =
            [12883135586176881569, 4356519642755055268, 5248930565894896907, 2165973894480315022, 2448410071095648785];
        assert_eq!((affine.x.limbs(), affine.u.limbs()), (x, [13835058052060938241, 0, 0, 0, 0]));
    }

    proptest! {
        #[test]
        fn the_laws_of_a_group_hold(p in point(), q in point(), r in point()) {
            prop_assert!(same(&p.add(&q), &q.add(&p)));
            prop_assert!(same(&p.add(&q).add(&r), &p.add(&q.add(&r))));
            prop_assert!(same(&p.add(&Point::NEUTRAL), &p));
            prop_assert!(p.add(&p.negate()).is_neutral());
            prop_assert!(same(&p.add(&q).add(&q.negate()), &p));
            prop_assert!(same(&p.double(), &p.add(&p)));
        }

        #[test]
        fn many_are_decoded_as_each_is(elements in prop::collection::vec(element(), 0..20)) {
            for (ours, element) in Point::decode_all(&elements).iter().zip(&elements) {
                let theirs = Point::decode(*element);
                prop_assert_eq!(ours.map(|point| point.encode()), theirs.map(|point| point.encode()));
            }
        }

        #[test]
        fn what_is_encoded_reads_back(p in point()) {
            prop_assert!(same(&Point::decode(p.encode()).unwrap(), &p));
            prop_assert!(same(&Point::decode(-p.encode()).unwrap(), &p.negate()));
        }

        #[test]
        fn a_run_of_doublings_is_doubling_after_doubling(p in point(), count in 0..12_usize) {
            let mut expected = p;
            (0..count).for_each(|_| expected = expected.double());
            prop_assert!(same(&p.double_times(count), &expected));
            prop_assert!(Point::NEUTRAL.double_times(count).is_neutral());
        }

        #[test]
        fn denominators_of_one_change_nothing(points in prop::collection::vec(point(), 1..8), p in point()) {
            let points: Vec<Point> = points.iter().map(|q| q.add(&p).double()).collect();
            for (point, affine) in points.iter().zip(Point::to_affine(&points)) {
                prop_assert!(same(&p.add_affine(&affine), &p.add(point)));
            }
            prop_assert!(same(&p.add_affine(&Affine::NEUTRAL), &p));
        }
    }
}
