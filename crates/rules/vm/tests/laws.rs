//! What each operation means, on every width, at the ends of the range and between: laws over wide numbers.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use types::GOLDILOCKS;
use vm::clear::Clear;
use vm::direct::Direct;
use vm::sample::Chance;
use vm::text::assemble;
use vm::{Engine, Limits, certify};

const LIMITS: Limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };

/// Runs one operation on lists of lanes, on both engines, and on single lanes too.
fn apply(operation: &str, from: &str, to: &str, lists: &[Vec<u64>]) -> Vec<u64> {
    let together = run(operation, from, to, lists);
    for at in [0, lists[0].len() / 2, lists[0].len() - 1] {
        let single: Vec<Vec<u64>> = lists.iter().map(|list| vec![list[at]]).collect();
        assert_eq!(run(operation, from, to, &single), [together[at]], "{operation} on {from}, lane {at} alone");
    }
    together
}

fn run(operation: &str, from: &str, to: &str, lists: &[Vec<u64>]) -> Vec<u64> {
    let lanes = lists[0].len();
    let meaning = |kind: &str| if kind == "field" { "field" } else { "unsigned" };
    let ports: String =
        (0..lists.len()).map(|n| format!("port in \"\" \"p{n}\" : {from} x {lanes} {}\n", meaning(from))).collect();
    let reads: String = (0..lists.len()).map(|n| format!("%p{n} : {from} x {lanes} = input {n} ()\n")).collect();
    let operands: Vec<String> = (0..lists.len()).map(|n| format!("%p{n}")).collect();
    let text = format!(
        "talea 1\n{ports}port out \"\" \"r\" : {to} x {lanes} {}\nfunction \"f\" [] -> () releases () {{\n{reads}\
         %r : {to} x {lanes} = {operation} ({})\noutput {} (%r)\ngive () }}",
        meaning(to),
        operands.join(", "),
        lists.len()
    );
    let program = certify(assemble(&text).unwrap()).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let engines: [&mut dyn Engine; 2] = [&mut Clear, &mut Direct];
    let mut outputs =
        engines.map(|engine| engine.run(&program, lists, LIMITS, &mut Chance::new(0)).unwrap().outputs.remove(0));
    assert_eq!(outputs[0], outputs[1], "{operation} on {from}");
    outputs[0].split_off(0)
}

/// Every pair of numbers at the ends and a few between.
fn pairs(bits: u32) -> (Vec<u64>, Vec<u64>) {
    let largest = u64::MAX >> (64 - bits);
    let top = 1_u64 << (bits - 1);
    let mut chance = Chance::new(bits.into());
    let mut all = vec![0, 1, 2, 3, largest, largest - 1, top, top - 1, top.wrapping_add(1)];
    all.extend((0..4).map(|_| chance.bits()));
    all.iter_mut().for_each(|number| *number &= largest);
    all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))).unzip()
}

fn signed(bits: u32, lane: u64) -> i128 {
    let lane = i128::from(lane);
    if lane >= 1 << (bits - 1) { lane - (1 << bits) } else { lane }
}

fn wrapped(bits: u32, number: i128) -> u64 {
    u64::try_from(number.rem_euclid(1 << bits)).unwrap()
}

type Law = (&'static str, fn(u32, i128, i128, i128, i128) -> i128);

/// Of a and b unsigned, then of both signed: what the operation gives before it is brought into the width.
const LAWS: [Law; 14] = [
    ("add", |_, a, b, _, _| a + b),
    ("sub", |_, a, b, _, _| a - b),
    ("mul", |_, _, _, s, t| s * t),
    ("mulhis", |k, _, _, s, t| (s * t).div_euclid(1 << k)),
    ("and", |_, a, b, _, _| a & b),
    ("or", |_, a, b, _, _| a | b),
    ("xor", |_, a, b, _, _| a ^ b),
    ("shlv", |k, a, b, _, _| if b < i128::from(k) { a << b } else { 0 }),
    ("shrv", |k, a, b, _, _| if b < i128::from(k) { a >> b } else { 0 }),
    ("sarv", |k, _, b, s, _| if b < i128::from(k) { s >> b } else { s.signum().min(0) }),
    ("div", |_, a, b, _, _| if b == 0 { -1 } else { a / b }),
    ("rem", |_, a, b, _, _| if b == 0 { a } else { a % b }),
    ("divs", |_, _, _, s, t| if t == 0 { -1 } else { s / t }),
    ("rems", |_, _, _, s, t| if t == 0 { s } else { s % t }),
];

#[test]
fn pairs_of_integers_keep_their_laws_on_every_width() {
    for bits in 1..=64 {
        let (a, b) = pairs(bits);
        let kind = format!("u{bits}");
        for (operation, law) in LAWS {
            let given = apply(operation, &kind, &kind, &[a.clone(), b.clone()]);
            for ((a, b), given) in a.iter().zip(&b).zip(given) {
                let expected = law(bits, (*a).into(), (*b).into(), signed(bits, *a), signed(bits, *b));
                assert_eq!(given, wrapped(bits, expected), "{operation} u{bits} {a} {b}");
            }
        }
        let high = apply("mulhi", &kind, &kind, &[a.clone(), b.clone()]);
        for ((a, b), high) in a.iter().zip(&b).zip(high) {
            assert_eq!(u128::from(high), (u128::from(*a) * u128::from(*b)) >> bits, "mulhi u{bits} {a} {b}");
        }
    }
}

#[test]
fn fixed_point_rounds_down_on_every_width() {
    for bits in 1..=64 {
        let (a, b) = pairs(bits);
        let kind = format!("u{bits}");
        for fraction in [0, bits / 4, bits / 2, bits - 1] {
            let products = apply(&format!("mulfix {fraction}"), &kind, &kind, &[a.clone(), b.clone()]);
            let quotients = apply(&format!("divfix {fraction}"), &kind, &kind, &[a.clone(), b.clone()]);
            for ((a, b), (product, quotient)) in a.iter().zip(&b).zip(products.iter().zip(quotients)) {
                let (s, t) = (signed(bits, *a), signed(bits, *b));
                let unit = 1_i128 << fraction;
                assert_eq!(*product, wrapped(bits, (s * t).div_euclid(unit)), "mulfix {fraction} u{bits} {a} {b}");
                if t == 0 {
                    assert_eq!(quotient, wrapped(bits, -1), "by zero, all ones");
                    continue;
                }
                // The one number q with q t <= s unit < (q + 1) t, turned round for a negative divisor.
                let (over, under) = if t < 0 { (-s, -t) } else { (s, t) };
                assert_eq!(
                    quotient,
                    wrapped(bits, (over << fraction).div_euclid(under)),
                    "divfix {fraction} u{bits} {a} {b}"
                );
            }
        }
    }
}

#[test]
fn comparisons_and_single_lanes_keep_their_laws_on_every_width() {
    for bits in 1..=64 {
        let (a, b) = pairs(bits);
        let kind = format!("u{bits}");
        let both = [a.clone(), b.clone()];
        let flags = ["eq", "lt", "lts"].map(|operation| apply(operation, &kind, "u1", &both));
        for (at, (a, b)) in a.iter().zip(&b).enumerate() {
            let expected = [a == b, a < b, signed(bits, *a) < signed(bits, *b)].map(u64::from);
            assert_eq!([flags[0][at], flags[1][at], flags[2][at]], expected, "u{bits} {a} {b}");
        }
        let single = |operation: &str, to: &str| apply(operation, &kind, to, std::slice::from_ref(&a));
        let modulus = 1_i128 << bits;
        let check = |given: Vec<u64>, law: &dyn Fn(i128, i128) -> i128, into: u32, what: &str| {
            for (a, given) in a.iter().zip(given) {
                assert_eq!(given, wrapped(into, law((*a).into(), signed(bits, *a))), "{what} u{bits} {a}");
            }
        };
        check(single("neg", &kind), &|a, _| -a, bits, "neg");
        check(single("not", &kind), &|a, _| -1 - a, bits, "not");
        check(single("sign", "u1"), &|_, s| i128::from(s < 0), 1, "sign");
        check(single("tofield", "field"), &|a, _| a % i128::from(GOLDILOCKS), 64, "tofield");
        for amount in [0, 1, bits / 2, bits - 1].into_iter().filter(|amount| *amount < bits) {
            check(single(&format!("shl {amount}"), &kind), &|a, _| a << amount, bits, "shl");
            check(single(&format!("shr {amount}"), &kind), &|a, _| a >> amount, bits, "shr");
            check(single(&format!("sar {amount}"), &kind), &|_, s| s >> amount, bits, "sar");
            let turned = |a: i128, _| (a << amount) % modulus + (a >> (bits - amount));
            check(single(&format!("rotl {amount}"), &kind), &turned, bits, "rotl");
        }
        for to in (1..=64).step_by(7).chain([64]) {
            let kind = format!("u{to}");
            if to <= bits {
                check(single("narrow", &kind), &|a, _| a, to, "narrow");
            } else {
                check(single("zext", &kind), &|a, _| a, to, "zext");
                check(single("sext", &kind), &|_, s| s, to, "sext");
            }
        }
    }
}

#[test]
fn the_field_is_the_field() {
    let p = u128::from(GOLDILOCKS);
    let mut chance = Chance::new(1);
    let mut all = vec![0, 1, 2, GOLDILOCKS - 1, GOLDILOCKS - 2, GOLDILOCKS / 2, 0xffff_ffff, 0x1_0000_0000];
    all.extend((0..4).map(|_| chance.bits() % GOLDILOCKS));
    let (a, b): (Vec<u64>, Vec<u64>) = all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))).unzip();
    let both = [a.clone(), b.clone()];
    let [sums, differences, products, quotients] =
        ["add", "sub", "mul", "div"].map(|operation| apply(operation, "field", "field", &both));
    let equal = apply("eq", "field", "u1", &both);
    for (at, (a, b)) in a.iter().zip(&b).enumerate() {
        let (x, y) = (u128::from(*a), u128::from(*b));
        assert_eq!(u128::from(sums[at]), (x + y) % p);
        assert_eq!(u128::from(differences[at]), (x + p - y) % p);
        assert_eq!(u128::from(products[at]), x * y % p);
        assert_eq!(u128::from(quotients[at]) * y % p, if y == 0 { 0 } else { x }, "{a} / {b}");
        assert!(*b != 0 || quotients[at] == 0, "by zero, zero");
        assert_eq!(equal[at], u64::from(a == b));
    }
    let negated = apply("neg", "field", "field", &[all.clone()]);
    let low = apply("fromfield", "field", "u13", &[all.clone()]);
    for ((a, negated), low) in all.iter().zip(negated).zip(low) {
        assert_eq!((u128::from(*a) + u128::from(negated)) % p, 0);
        assert_eq!(low, a % (1 << 13));
    }
}
