//! Three parties in one thread, compared with plain arithmetic.

use mpc::{
    Bits, Builder, Cost, Done, Fault, Key, Keys, Machine, Next, Party, Plan, Ring, Security, Share, combine, cost,
    share,
};
use proptest::prelude::*;
use std::sync::Arc;

/// Words that look random, from a seed.
struct Noise(u64);

impl Noise {
    fn word(&mut self) -> u64 {
        // splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn words(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.word()).collect()
    }

    fn key(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.word().to_le_bytes());
        bytes[8..].copy_from_slice(&self.word().to_le_bytes());
        bytes
    }
}

fn parties(plan: &Arc<Plan>, inputs: &[Vec<u64>], seed: u64) -> Vec<Machine> {
    let mut noise = Noise(seed);
    let keys = [(); 3].map(|()| noise.key());
    let mut shares: [Vec<Share>; 3] = Default::default();
    for numbers in inputs {
        let words = noise.words(2 * numbers.len());
        shares.iter_mut().zip(share(numbers, &words)).for_each(|(of, share)| of.push(share));
    }
    let machines = Party::ALL.into_iter().zip(shares).map(|(me, inputs)| {
        let key = |party: Party| Key::new(keys[usize::from(party.number())]);
        Machine::new(Arc::clone(plan), me, &Keys { own: key(me), next: key(me.next()) }, inputs)
            .expect("the inputs are the plan's")
    });
    machines.collect()
}

/// What a run gave, and each party's messages.
struct Ran {
    done: Vec<Done>,
    sent: [Vec<Vec<u8>>; 3],
}

fn run(plan: &Arc<Plan>, inputs: &[Vec<u64>], seed: u64) -> Ran {
    let mut parties = parties(plan, inputs, seed);
    let mut sent: [Vec<Vec<u8>>; 3] = Default::default();
    let mut next: Vec<Next> = parties.iter_mut().map(|party| party.start().expect("nothing stops it")).collect();
    loop {
        let messages: Vec<Vec<u8>> = next
            .iter()
            .filter_map(|next| match next {
                Next::Send(message) => Some(message.clone()),
                Next::Done(_) => None,
            })
            .collect();
        if messages.is_empty() {
            break;
        }
        assert_eq!(messages.len(), 3, "all end together");
        sent.iter_mut().zip(&messages).for_each(|(sent, message)| sent.push(message.clone()));
        let received = parties.iter_mut().enumerate();
        next = received
            .map(|(party, machine)| machine.receive(&messages[(party + 1) % 3]).expect("the other's message"))
            .collect();
    }
    let done = next.into_iter().map(|next| match next {
        Next::Done(done) => done,
        Next::Send(_) => unreachable!("nobody sends any more"),
    });
    Ran { done: done.collect(), sent }
}

/// Runs a plan of which everything is opened, checks that all see the same and that it cost what was said, and returns
/// what was opened.
fn opened(builder: Builder, inputs: &[Vec<u64>], seed: u64) -> Vec<Vec<u64>> {
    let plan = Arc::new(builder.finish());
    let Ran { done, sent } = run(&plan, inputs, seed);
    let found = Cost {
        rounds: sent[0].len(),
        bytes: std::array::from_fn(|party| sent[party].iter().map(Vec::len).sum::<usize>()),
        ..cost(&plan)
    };
    assert_eq!(cost(&plan), found);
    assert_eq!(done[0].opened, done[1].opened);
    assert_eq!(done[0].opened, done[2].opened);
    done[0].opened.clone()
}

fn int(width: usize) -> vm::Width {
    vm::Width::Int(u8::try_from(width).expect("at most 64 bits"))
}

fn mask(width: usize) -> u64 {
    u64::MAX >> (64 - width)
}

fn signed(number: u64, width: usize) -> i64 {
    let number = i64::from_le_bytes((number << (64 - width)).to_le_bytes());
    number >> (64 - width)
}

fn unsigned(number: i64) -> u64 {
    u64::from_le_bytes(number.to_le_bytes())
}

/// Numbers of which many are at the edges of their range.
fn numbers(noise: &mut Noise, lanes: usize, width: usize) -> Vec<u64> {
    let edges = [0, 1, mask(width), mask(width) - 1, mask(width) / 2, mask(width) / 2 + 1];
    let number = |noise: &mut Noise| match noise.word() % 12 {
        at @ 0..6 => edges[usize::try_from(at).expect("one of six")] & mask(width),
        _ => noise.word() & mask(width),
    };
    (0..lanes).map(|_| number(noise)).collect()
}

type Binary = fn(&mut Builder, Ring, Ring);

/// Checks an operation on pairs of numbers against plain arithmetic, at many lengths and widths.
fn check(widths: &[usize], plan: Binary, expected: impl Fn(u64, u64, usize) -> u64) {
    let mut noise = Noise(7);
    for width in widths.iter().copied() {
        for lanes in [1, 2, 63, 64, 65, 191, 200] {
            let (a, b) = (numbers(&mut noise, lanes, width), numbers(&mut noise, lanes, width));
            let wanted: Vec<u64> = a.iter().zip(&b).map(|(a, b)| expected(*a, *b, width)).collect();
            for security in BOTH {
                let mut builder = Builder::new(security);
                let (x, y) = (builder.input(lanes, int(width)), builder.input(lanes, int(width)));
                plan(&mut builder, x, y);
                let seed = noise.word();
                let found = opened(builder, &[a.clone(), b.clone()], seed);
                assert_eq!(found, [wanted.as_slice()], "{lanes} lanes of {width} bits, {security:?}");
            }
        }
    }
}

const BOTH: [Security; 2] = [Security::SemiHonest, Security::Malicious];

const WIDTHS: [usize; 9] = [1, 2, 3, 7, 8, 31, 32, 33, 64];

fn show(builder: &mut Builder, bit: Bits) {
    builder.open_bits(bit);
}

#[test]
fn sums_and_products_are_those_of_numbers() {
    check(
        &WIDTHS,
        |plan, a, b| {
            let c = plan.add(a, b);
            plan.open(c);
        },
        |a, b, width| a.wrapping_add(b) & mask(width),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let c = plan.sub(a, b);
            plan.open(c);
        },
        |a, b, width| a.wrapping_sub(b) & mask(width),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let c = plan.multiply(a, b);
            plan.open(c);
        },
        |a, b, width| a.wrapping_mul(b) & mask(width),
    );
}

#[test]
fn comparisons_hold_over_the_whole_range() {
    check(
        &WIDTHS,
        |plan, a, b| {
            let bit = plan.less(a, b, false);
            show(plan, bit)
        },
        |a, b, _| u64::from(a < b),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let bit = plan.less(a, b, true);
            show(plan, bit)
        },
        |a, b, width| u64::from(signed(a, width) < signed(b, width)),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let bit = plan.equal(a, b);
            show(plan, bit)
        },
        |a, b, _| u64::from(a == b),
    );
    check(
        &WIDTHS,
        |plan, a, _| {
            let bit = plan.highest(a);
            show(plan, bit)
        },
        |a, _, width| a >> (width - 1),
    );
}

#[test]
fn differences_that_do_not_wrap_are_compared_for_less() {
    // Numbers of which the highest bit is clear are never further apart than half the range.
    let widths: Vec<usize> = WIDTHS.into_iter().filter(|width| *width > 2).collect();
    check(
        &widths,
        |plan, a, b| {
            let half = |plan: &mut Builder, of| plan.shift_right(of, 1, false);
            let (a, b) = (half(plan, a), half(plan, b));
            let bit = plan.less_near(a, b);
            show(plan, bit)
        },
        |a, b, _| u64::from(a >> 1 < b >> 1),
    );
}

#[test]
fn bits_are_the_numbers_bits() {
    check(
        &WIDTHS,
        |plan, a, _| {
            let bits = plan.bits(a);
            show(plan, bits)
        },
        |a, _, _| a,
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let (a, b) = (plan.bits(a), plan.bits(b));
            let or = plan.or(a, b);
            let not = plan.not(or);
            show(plan, not);
        },
        |a, b, width| !(a | b) & mask(width),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let chosen = plan.equal(a, b);
            let (a, b) = (plan.bits(a), plan.bits(b));
            let not = plan.not(b);
            let bits = plan.select_bits(chosen, a, not);
            show(plan, bits);
        },
        |a, b, width| if a == b { a } else { !b & mask(width) },
    );
}

#[test]
fn numbers_come_back_from_their_bits() {
    let widths: Vec<usize> = WIDTHS.into_iter().filter(|width| *width > 1).collect();
    check(
        &widths,
        |plan, a, b| {
            let (a, b) = (plan.bits(a), plan.bits(b));
            let sum = plan.sum_bits(a, b);
            let number = plan.word(sum);
            let other = plan.word(b);
            let product = plan.multiply(number, other);
            plan.open(product);
        },
        |a, b, width| a.wrapping_add(b).wrapping_mul(b) & mask(width),
    );
    check(
        &WIDTHS,
        |plan, a, b| {
            let (a, b) = (plan.bits(a), plan.bits(b));
            let bit = plan.less_bits(a, b);
            show(plan, bit)
        },
        |a, b, _| u64::from(a < b),
    );
}

#[test]
fn a_bit_chooses_between_numbers() {
    check(
        &WIDTHS,
        |plan, a, b| {
            let less = plan.less(a, b, false);
            let least = plan.select(less, a, b);
            plan.open(least);
        },
        |a, b, _| a.min(b),
    );
}

#[test]
fn shifts_round_down() {
    for by in [1_usize, 5, 30] {
        let widths: Vec<usize> = WIDTHS.into_iter().filter(|width| *width > by).collect();
        let mut noise = Noise(9);
        for width in widths {
            for (signs, security) in [false, true].into_iter().flat_map(|signs| BOTH.map(|security| (signs, security)))
            {
                let a = numbers(&mut noise, 130, width);
                let mut builder = Builder::new(security);
                let input = builder.input(130, int(width));
                let shifted = builder.shift_right(input, by, signs);
                builder.open(shifted);
                let plain = |a: &u64| if signs { unsigned(signed(*a, width) >> by) & mask(width) } else { a >> by };
                let wanted: Vec<u64> = a.iter().map(plain).collect();
                assert_eq!(opened(builder, &[a], 3), [wanted], "{width} bits by {by}");
            }
        }
    }
}

#[test]
fn sums_of_products_cost_one_number_each() {
    let mut builder = Builder::default();
    let (a, b) = (builder.input(12, int(64)), builder.input(12, int(64)));
    let dot = builder.dot(a, b, 4);
    let scaled = builder.scale_all(dot, 3);
    let shift = builder.constant(vec![1, 2, 3]);
    let moved = builder.add_public(scaled, shift);
    let total = builder.sum(moved, 3);
    builder.output(total);
    let plan = Arc::new(builder.finish());
    assert_eq!(cost(&plan), Cost { rounds: 2, bytes: [3 * 8 + 8; 3], ..Cost::default() });
    let (a, b): (Vec<u64>, Vec<u64>) = ((1..13).collect(), (21..33).collect());
    let wanted = a.iter().zip(&b).map(|(a, b)| a * b).sum::<u64>() * 3 + 6;
    let done = run(&plan, &[a, b], 5).done;
    let shares: Vec<Share> = done.into_iter().flat_map(|done| done.outputs).collect();
    let shares: [Share; 3] = shares.try_into().ok().unwrap();
    assert_eq!(combine(&shares), Some(vec![wanted]));
}

#[test]
fn a_wrong_input_or_message_is_told_and_changes_nothing() {
    let mut builder = Builder::default();
    let (a, b) = (builder.input(2, int(64)), builder.input(2, int(64)));
    let product = builder.multiply(a, b);
    builder.open(product);
    let plan = Arc::new(builder.finish());
    let key = || Key::new([1; 16]);
    let keys = Keys { own: key(), next: key() };
    let party = Party::new(0).unwrap();
    let new = |inputs: Vec<Share>| Machine::new(Arc::clone(&plan), party, &keys, inputs).err();
    assert_eq!(new(Vec::new()), Some(Fault::Inputs(2)));
    let short = || Share { mine: vec![1, 2], next: vec![3] };
    assert_eq!(new(vec![short(), short()]), Some(Fault::Input { input: 0, expected: 2 }));

    let mut all = parties(&plan, &[vec![3, 4], vec![5, 6]], 1);
    let mut messages = all.iter_mut().map(|party| match party.start() {
        Ok(Next::Send(message)) => message,
        _ => panic!("there is something to send"),
    });
    let (_, second) = (messages.next().unwrap(), messages.next().unwrap());
    drop(messages);
    let first = &mut all[0];
    assert_eq!(first.receive(&second[1..]).err(), Some(Fault::Length { expected: 16, found: 15 }));
    assert!(matches!(first.receive(&second), Ok(Next::Send(_))));
    assert!(matches!(first.receive(&second), Ok(Next::Done(_))));
    assert_eq!(first.receive(&second).err(), Some(Fault::Over));
    assert!(Party::new(3).is_none());
}

#[test]
fn what_a_party_hears_does_not_depend_on_the_secrets() {
    // Messages that a party hears, over many runs with fresh keys: each of their bits is set half of the time, whatever
    // the secrets are. The last round opens the result, which is the same for both secrets, so it is left out.
    let plan = {
        let mut builder = Builder::default();
        let (a, b) = (builder.input(1, int(8)), builder.input(1, int(8)));
        let less = builder.less(a, b, false);
        let least = builder.select(less, a, b);
        builder.open(least);
        Arc::new(builder.finish())
    };
    const RUNS: u32 = 4_000;
    for secrets in [[5, 200], [5, 5], [255, 5]] {
        let mut ones: Vec<Vec<u32>> = Vec::new();
        for seed in 0..RUNS {
            let sent = run(&plan, &[vec![secrets[0]], vec![secrets[1]]], u64::from(seed)).sent;
            for (party, messages) in sent.iter().enumerate() {
                let bytes = messages[..messages.len() - 1].concat();
                ones.resize_with(3, Vec::new);
                ones[party].resize(8 * bytes.len(), 0);
                for (at, count) in ones[party].iter_mut().enumerate() {
                    // Only the lowest bit of a plane's byte belongs to the one lane.
                    *count += u32::from(bytes[at / 8] >> (at % 8) & 1);
                }
            }
        }
        // Five standard deviations: one bit of thousands strays so far in ten thousand tests.
        let expected = RUNS / 2;
        let strays = |count: &u32| count.abs_diff(expected) > 5 * 32;
        let never = |count: &u32| *count == 0;
        for counts in &ones {
            assert!(!counts.iter().any(|count| strays(count) && !never(count)), "{secrets:?}: {counts:?}");
        }
        let busy: usize = ones.iter().flatten().filter(|count| !never(count)).count();
        assert!(busy > 60, "{busy} bits were heard");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_plans_give_what_plain_arithmetic_gives(
        seed: u64, steps in 1_usize..30, lanes in 1_usize..80, width in 2_usize..=64, guarded: bool,
    ) {
        let mut noise = Noise(seed);
        let mut builder = Builder::new(BOTH[usize::from(guarded)]);
        let mut known: Vec<(Ring, Vec<u64>)> = Vec::new();
        let mut inputs = Vec::new();
        for _ in 0..3 {
            let plain = numbers(&mut noise, lanes, width);
            inputs.push(plain.clone());
            known.push((builder.input(lanes, int(width)), plain));
        }
        let mut expected = Vec::new();
        for _ in 0..steps {
            let mut pick = || known[usize::try_from(noise.word()).unwrap() % known.len()].clone();
            let ((a, x), (b, y)) = (pick(), pick());
            let zip = |of: &dyn Fn(u64, u64) -> u64| x.iter().zip(&y).map(|(x, y)| of(*x, *y) & mask(width)).collect();
            let by = 1 + usize::try_from(noise.word()).unwrap() % (width - 1);
            known.push(match noise.word() % 7 {
                0 => (builder.add(a, b), zip(&u64::wrapping_add)),
                1 => (builder.sub(a, b), zip(&u64::wrapping_sub)),
                2 => (builder.multiply(a, b), zip(&u64::wrapping_mul)),
                3 => {
                    let less = builder.less(a, b, true);
                    (builder.select(less, a, b), zip(&|x, y| if signed(x, width) < signed(y, width) { x } else { y }))
                }
                4 => {
                    let equal = builder.equal(a, b);
                    (builder.numbers(equal, int(width)), zip(&|x, y| u64::from(x == y)))
                }
                5 => (builder.shift_right(a, by, true), zip(&|x, _| unsigned(signed(x, width) >> by))),
                _ => {
                    let bits = builder.bits(a);
                    let order: Vec<usize> = (0..width).rev().collect();
                    let bits = builder.planes(bits, order);
                    builder.open_bits(bits);
                    expected.push(x.iter().map(|x| x.reverse_bits() >> (64 - width)).collect());
                    (a, x)
                }
            });
        }
        let (last, plain) = known.pop().unwrap();
        builder.open(last);
        expected.push(plain);
        prop_assert_eq!(opened(builder, &inputs, seed ^ 1), expected);
    }
}
