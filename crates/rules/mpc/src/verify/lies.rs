//! Lies: every message of small runs is changed in turn, and each check is left out once to show what it is for.

use super::bill::Stage;
use super::field::times;
use super::wide::Challenges;
use super::{COIN, Check};
use crate::{
    Builder, Done, Fault, Given, Key, Keys, Machine, Next, Party, Plan, Prepared, Runner, Security, Share, Step,
    combine, share,
};
use std::sync::Arc;
use vm::sample::Chance;
use vm::{Certificate, FunctionBuilder, Meaning, Name, Operation, Port, Program, Type, VERSION, Width, certify};

/// What a party came to.
enum End {
    Done(Done),
    Stopped(Fault),
    /// It waits for a message that never comes.
    Waits,
}

fn shares(inputs: &[Vec<u64>], chance: &mut Chance) -> [Vec<Share>; 3] {
    let mut all: [Vec<Share>; 3] = Default::default();
    for numbers in inputs {
        let noise: Vec<u64> = (0..2 * numbers.len()).map(|_| chance.bits()).collect();
        all.iter_mut().zip(share(numbers, &noise)).for_each(|(of, share)| of.push(share));
    }
    all
}

fn machines(plan: &Arc<Plan>, shares: [Vec<Share>; 3], chance: &mut Chance, omitted: Option<Check>) -> Vec<Machine> {
    let keys = [(); 3].map(|()| [chance.bits().to_le_bytes(), chance.bits().to_le_bytes()].concat());
    let parties = Party::ALL.into_iter().zip(shares).map(|(me, inputs)| {
        let key = |party: Party| Key::new(keys[party.index()].clone().try_into().unwrap());
        let keys = Keys { own: key(me), next: key(me.next()) };
        let mut machine = Machine::new(Arc::clone(plan), me, &keys, inputs).unwrap();
        machine.guard.as_mut().unwrap().omitted = omitted;
        machine
    });
    parties.collect()
}

/// Runs three parties, of which one may do what it likes to itself and its message before each round.
fn run(mut parties: Vec<Machine>, mut lie: impl FnMut(usize, usize, &mut Machine, &mut Vec<u8>)) -> (Vec<End>, usize) {
    let mut ends: Vec<Option<End>> = (0..3).map(|_| None).collect();
    let mut next: Vec<_> = parties.iter_mut().map(|party| Some(party.start())).collect();
    for round in 0.. {
        let mut messages = [None, None, None];
        for (party, next) in next.iter_mut().enumerate() {
            match next.take() {
                Some(Ok(Next::Send(mut message))) => {
                    lie(party, round, &mut parties[party], &mut message);
                    messages[party] = Some(message);
                }
                Some(Ok(Next::Done(done))) => ends[party] = Some(End::Done(done)),
                Some(Err(fault)) => ends[party] = Some(End::Stopped(fault)),
                None => {}
            }
        }
        if messages.iter().all(Option::is_none) {
            let ends = ends.into_iter().map(|end| end.unwrap_or(End::Waits)).collect();
            return (ends, round);
        }
        for (party, machine) in parties.iter_mut().enumerate() {
            // Who has stopped says nothing more, and whoever waits for it waits.
            if let (true, Some(message)) = (messages[party].is_some(), &messages[(party + 1) % 3]) {
                next[party] = Some(machine.receive(message));
            }
        }
    }
    unreachable!("a run ends")
}

/// A run of everything that sends: products, sums of them, bits, comparisons, shifts, selection, openings, outputs.
fn everything() -> (Arc<Plan>, Vec<Vec<u64>>) {
    let mut plan = Builder::new(Security::Malicious);
    let (a, b) = (plan.input(2, Width::Int(8)), plan.input(2, Width::Int(8)));
    let dot = plan.dot(a, b, 2);
    plan.open(dot);
    let less = plan.less_near(a, b);
    let least = plan.select(less, a, b);
    let shifted = plan.shift_right(least, 3, false);
    let bits = plan.bits(shifted);
    plan.open_bits(bits);
    let wide = plan.extend(b, Width::Int(13), true);
    plan.output(wide);
    (Arc::new(plan.finish()), vec![vec![200, 17], vec![100, 90]])
}

fn honest(plan: &Arc<Plan>, inputs: &[Vec<u64>]) -> (Vec<Vec<u64>>, Vec<Vec<u64>>, usize) {
    let mut chance = Chance::new(1);
    let shares = shares(inputs, &mut chance);
    let (ends, rounds) = run(machines(plan, shares, &mut chance, None), |_, _, _, _| {});
    let done: Vec<Done> = ends.into_iter().map(|end| if let End::Done(done) = end { done } else { panic!() }).collect();
    let opened = done[0].opened.clone();
    (opened, outputs(done).unwrap(), rounds)
}

/// What clients make of the outputs; `None` when the parties contradict each other.
fn outputs(done: Vec<Done>) -> Option<Vec<Vec<u64>>> {
    let [mut first, mut second, mut third] = <[Done; 3]>::try_from(done).ok()?.map(|done| done.outputs.into_iter());
    let mut all = Vec::new();
    while let (Some(a), Some(b), Some(c)) = (first.next(), second.next(), third.next()) {
        let low = |share: Share| Share {
            mine: share.mine.iter().map(|word| word & 0x1fff).collect(),
            next: share.next.iter().map(|word| word & 0x1fff).collect(),
        };
        all.push(combine(&[a, b, c].map(low))?.into_iter().map(|number| number & 0x1fff).collect());
    }
    Some(all)
}

/// Checks that no honest party has a wrong result, and returns whether one of them stopped.
fn is_caught(ends: Vec<End>, liar: usize, opened: &[Vec<u64>], expected: &[Vec<u64>]) -> bool {
    let mut done = Vec::new();
    let mut is_caught = false;
    for (party, end) in ends.into_iter().enumerate() {
        match end {
            End::Done(end) => {
                assert!(party == liar || end.opened == opened, "party {party} holds {:?}", end.opened);
                done.push(end);
            }
            End::Stopped(fault) => {
                assert!(matches!(fault, Fault::Caught(_)), "{fault}");
                is_caught |= party != liar;
            }
            End::Waits => {}
        }
    }
    if let Some(outputs) = outputs(done) {
        assert!(outputs.is_empty() || outputs == expected);
    }
    is_caught
}

#[test]
fn every_message_of_a_run_changed_anywhere_is_caught_or_changes_nothing() {
    let (plan, inputs) = everything();
    let (opened, expected, rounds) = honest(&plan, &inputs);
    assert_eq!((opened.len(), opened[0][0]), (2, (200 * 100 + 17 * 90) % 256));
    let (mut caught, mut harmless) = (0, 0);
    for liar in 0..3 {
        for lies_in in 0..rounds {
            let mut position = 0;
            loop {
                let (mut length, mut bit) = (0, 0);
                let mut chance = Chance::new(1);
                let shares = shares(&inputs, &mut chance);
                let (ends, _) = run(machines(&plan, shares, &mut chance, None), |party, round, _, message| {
                    if (party, round) == (liar, lies_in) {
                        length = message.len();
                        bit = if position == 0 { 0 } else { position % 8 };
                        if let Some(byte) = message.get_mut(position) {
                            *byte ^= 1 << bit;
                        }
                    }
                });
                if position >= length {
                    break;
                }
                if is_caught(ends, liar, &opened, &expected) {
                    caught += 1;
                } else {
                    harmless += 1;
                    assert!(position > 0, "the first bit of message {lies_in} of party {liar} matters");
                }
                // Every byte of short messages; of long ones every few, which meet all of a number's bytes.
                position += if length < 64 { 1 } else { 1 + length / 61 };
            }
        }
    }
    // What is beyond the last lane or the highest bit of a number matters to nobody.
    assert!(caught > 1_000 && harmless < caught / 4, "{caught} caught, {harmless} harmless");
}

#[test]
fn a_wrong_bit_among_thousands_is_caught() {
    // Enough for all the rows of the table, which vectors need, and not a whole number of its columns.
    const LANES: usize = 64 * 650;
    let mut builder = Builder::new(Security::Malicious);
    let (a, b) = (builder.input_bits(LANES), builder.input_bits(LANES));
    let both = builder.and(a, b);
    builder.open_bits(both);
    let plan = Arc::new(builder.finish());
    let inputs = |chance: &mut Chance| -> Vec<Vec<u64>> {
        (0..2).map(|_| (0..LANES / 64).map(|_| chance.bits()).collect()).collect()
    };
    // Shares of words by exclusive or: of each component some bits.
    let shares = |chance: &mut Chance| {
        let mut all: [Vec<Share>; 3] = Default::default();
        for _ in 0..2 {
            let [x, y, z] = [0, 1, 2].map(|_| inputs(chance).remove(0));
            let parts = [(&x, &y), (&y, &z), (&z, &x)];
            all.iter_mut().zip(parts).for_each(|(of, (mine, next))| {
                of.push(Share { mine: mine.clone(), next: next.clone() });
            });
        }
        all
    };
    for seed in 0..40 {
        let mut chance = Chance::new(seed);
        let shares = shares(&mut chance);
        let position = usize::try_from(chance.bits()).unwrap() % (LANES / 8);
        let bit = chance.bits() % 8;
        let liar = usize::try_from(seed % 4).unwrap();
        let (ends, _) = run(machines(&plan, shares, &mut chance, None), |party, round, _, message| {
            if (party, round) == (liar, 0) {
                message[position] ^= 1 << bit;
            }
        });
        // The fourth party does not exist: nobody lies.
        let stops = ends.iter().filter(|end| matches!(end, End::Stopped(Fault::Caught(Check::Products)))).count();
        assert_eq!(stops > 0, liar < 3);
        assert_eq!(ends.iter().any(|end| matches!(end, End::Done(_))), liar == 3);
    }
}

/// Runs a lie with and without its check: caught under its name, or a wrong result that nobody notices.
fn check_needed(
    check: Check,
    plan: &Arc<Plan>,
    inputs: &[Vec<u64>],
    lie: impl Fn(usize, usize, &mut Machine, &mut Vec<u8>),
) {
    let (opened, expected, _) = honest(plan, inputs);
    for omitted in [None, Some(check)] {
        let mut chance = Chance::new(5);
        let shares = shares(inputs, &mut chance);
        let (ends, _) = run(machines(plan, shares, &mut chance, omitted), |party, round, machine, message| {
            lie(party, round, machine, message);
        });
        let caught = ends.iter().any(|end| matches!(end, End::Stopped(Fault::Caught(found)) if *found == check));
        assert_eq!(caught, omitted.is_none(), "{check:?}");
        let done: Vec<Done> =
            ends.into_iter().filter_map(|end| if let End::Done(done) = end { Some(done) } else { None }).collect();
        if omitted.is_none() {
            // Who was shown the result before somebody else stopped has the right one.
            assert!(done.len() < 3 && done.iter().all(|done| done.opened == opened), "{check:?}");
        } else {
            assert_eq!(done.len(), 3, "{check:?}");
            let is_fooled = done.iter().any(|done| done.opened != opened);
            assert!(is_fooled || outputs(done).is_some_and(|outputs| outputs != expected), "{check:?}");
        }
    }
}

fn product(opens: bool) -> (Arc<Plan>, Vec<Vec<u64>>) {
    let mut builder = Builder::new(Security::Malicious);
    let (a, b) = (builder.input(1, Width::Int(13)), builder.input(1, Width::Int(13)));
    let product = builder.multiply(a, b);
    if opens {
        builder.open(product);
    } else {
        builder.output(product);
    }
    (Arc::new(builder.finish()), vec![vec![6], vec![7]])
}

#[test]
fn without_the_check_of_products_a_wrong_product_is_believed() {
    let (plan, inputs) = product(true);
    check_needed(Check::Products, &plan, &inputs, |party, round, machine, message| {
        if (party, round) == (1, 0) {
            // It goes on as if its own component were the wrong one.
            message[0] ^= 1;
            machine.begun[0].mine[0] ^= 1;
        }
    });
}

#[test]
fn without_the_check_of_openings_a_party_believes_what_it_is_shown() {
    let (plan, inputs) = product(true);
    let (_, _, rounds) = honest(&plan, &inputs);
    check_needed(Check::Openings, &plan, &inputs, |party, round, _, message| {
        // The message that shows the product comes last.
        if (party, round) == (1, rounds - 1) {
            message[0] ^= 1;
        }
    });
}

#[test]
fn without_the_check_of_outputs_a_client_believes_another_number() {
    let (plan, inputs) = product(false);
    check_needed(Check::Outputs, &plan, &inputs, |party, round, machine, message| {
        if (party, round) == (1, 1) {
            message[0] ^= 1;
            machine.begun[0].mine[0] ^= 1;
        }
    });
}

#[test]
fn parts_of_an_input_that_contradict_each_other_are_caught_as_such() {
    let (plan, inputs) = product(true);
    for party in 0..3 {
        for own in [true, false] {
            let mut chance = Chance::new(5);
            let mut shares = shares(&inputs, &mut chance);
            let share = &mut shares[party][1];
            let word = if own { &mut share.mine[0] } else { &mut share.next[0] };
            *word ^= 1;
            let (ends, _) = run(machines(&plan, shares, &mut chance, None), |_, _, _, _| {});
            assert!(ends.iter().any(|end| matches!(end, End::Stopped(Fault::Caught(Check::Inputs)))));
            assert!(!ends.iter().any(|end| matches!(end, End::Done(_))));
        }
    }
}

/// What a liar adds in the message of a stage, and in what it holds itself, word by word.
fn add_to_products(machine: &mut Machine, message: &mut [u8], at: usize, what: u128) {
    let numbers = &mut machine.guard.as_mut().unwrap().numbers;
    if let Some(half) = numbers.high[0].get_mut(at) {
        *half = half.wrapping_add(u64::try_from(what).unwrap());
        message[8 * at..8 * at + 8].copy_from_slice(&half.to_le_bytes());
    } else {
        let end = message.len();
        numbers.sum[0] = numbers.sum[0].wrapping_add(what);
        message[end - 16..].copy_from_slice(&numbers.sum[0].to_le_bytes());
    }
}

fn add_to_sums(machine: &mut Machine, message: &mut [u8], at: usize, what: u64) {
    let word = &mut machine.guard.as_mut().unwrap().bits.table.mine[at];
    *word ^= what;
    message[8 * at..8 * at + 8].copy_from_slice(&word.to_le_bytes());
}

fn stage(machine: &Machine) -> Option<Stage> {
    machine.guard.as_ref().and_then(|guard| guard.waits)
}

#[test]
fn what_a_liar_adds_to_a_message_of_a_check_and_keeps_to_is_caught() {
    let (plan, inputs) = everything();
    let (opened, expected, _) = honest(&plan, &inputs);
    let mut lies = 0;
    for of in [Stage::Products, Stage::Sums] {
        for liar in 0..3 {
            for at in 0.. {
                let (mut last, mut done) = (0, 0);
                let mut chance = Chance::new(at);
                let shares = shares(&inputs, &mut chance);
                let what = 1_u64 << (chance.bits() % 64);
                let at = usize::try_from(at).unwrap();
                let (ends, _) = run(machines(&plan, shares, &mut chance, None), |party, _, machine, message| {
                    if party != liar || stage(machine) != Some(of) {
                        return;
                    }
                    done += 1;
                    if done > 1 {
                        return;
                    }
                    if of == Stage::Products {
                        // The halves, and the sum after them.
                        last = (message.len() - 16) / 8;
                        add_to_products(machine, message, at, u128::from(what));
                    } else {
                        last = message.len() / 8 - 1;
                        add_to_sums(machine, message, at, what);
                    }
                });
                assert!(done > 0 && is_caught(ends, liar, &opened, &expected), "{of:?} {at} of party {liar}");
                lies += 1;
                if at == last {
                    break;
                }
            }
        }
    }
    assert!(lies > 30, "{lies} lies");
}

/// The words of the last coin of a run in which nobody lies.
fn coin(plan: &Arc<Plan>, inputs: &[Vec<u64>], seed: u64) -> Vec<u64> {
    let mut chance = Chance::new(seed);
    let shares = shares(inputs, &mut chance);
    let mut coin = vec![0; COIN];
    run(machines(plan, shares, &mut chance, None), |_, _, machine, _| {
        if stage(machine) == Some(Stage::SecondCoin) {
            let part = &machine.guard.as_ref().unwrap().coin.mine;
            coin.iter_mut().zip(part).for_each(|(coin, part)| *coin ^= part);
        }
    });
    coin
}

#[test]
fn a_wrong_product_passes_if_the_coin_is_known_beforehand_and_only_then() {
    let mut builder = Builder::new(Security::Malicious);
    let (a, b) = (builder.input(1, Width::Int(64)), builder.input(1, Width::Int(64)));
    let product = builder.multiply(a, b);
    builder.open(product);
    let (plan, inputs) = (Arc::new(builder.finish()), vec![vec![6], vec![7]]);
    for seed in 0..48 {
        let liar = usize::try_from(seed % 3).unwrap();
        let coin = coin(&plan, &inputs, seed);
        let t = Challenges::new([coin[COIN - 3], coin[COIN - 2]]).take(&(0..1))[0];
        // The highest bit too, of which a check modulo 2^64 would see every other coin nothing.
        let error = if seed % 2 == 0 { 1 } else { 1 << 63 };
        for guess in [t, t ^ 1, t.rotate_left(1), 0] {
            let mut chance = Chance::new(seed);
            let shares = shares(&inputs, &mut chance);
            let mut difference = 0_u128;
            let (ends, _) = run(machines(&plan, shares, &mut chance, None), |party, round, machine, message| {
                if party != liar {
                    return;
                }
                if round == 0 {
                    let z = &mut machine.begun[0].mine[0];
                    let wrong = z.wrapping_add(error);
                    difference = u128::from(wrong).wrapping_sub(u128::from(*z));
                    *z = wrong;
                    message.copy_from_slice(&wrong.to_le_bytes());
                } else if stage(machine) == Some(Stage::Products) {
                    let what = u128::from(guess).wrapping_mul(difference).wrapping_neg();
                    add_to_products(machine, message, 1, what);
                }
            });
            let is_wrong = |end: &End| matches!(end, End::Done(done) if done.opened != [[42]]);
            assert_eq!(ends.iter().all(is_wrong), guess == t, "seed {seed}");
            if guess != t {
                let stops = |end: &End| matches!(end, End::Stopped(Fault::Caught(Check::Products)));
                assert!(ends.iter().any(stops) && !ends.iter().any(is_wrong), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_wrong_bit_passes_if_the_coin_is_known_beforehand_and_only_then() {
    let mut builder = Builder::new(Security::Malicious);
    let (a, b) = (builder.input_bits(64), builder.input_bits(64));
    let both = builder.and(a, b);
    builder.open_bits(both);
    let plan = Arc::new(builder.finish());
    // Of components that are all zeros.
    let nothing = || [(); 3].map(|()| (0..2).map(|_| Share { mine: vec![0], next: vec![0] }).collect::<Vec<_>>());
    for seed in 0..48_u64 {
        let liar = usize::try_from(seed % 3).unwrap();
        let mut t = 0;
        run(machines(&plan, nothing(), &mut Chance::new(seed), None), |_, _, machine, _| {
            if stage(machine) == Some(Stage::SecondCoin) {
                t ^= machine.guard.as_ref().unwrap().coin.mine[COIN - 1];
            }
        });
        let error = 1_u64 << (seed % 64);
        for guess in [t, t ^ 1, 0] {
            let parties = machines(&plan, nothing(), &mut Chance::new(seed), None);
            let (ends, _) = run(parties, |party, round, machine, message| {
                if party != liar {
                    return;
                }
                if round == 0 {
                    machine.begun[0].mine[0] ^= error;
                    message.copy_from_slice(&machine.begun[0].mine[0].to_le_bytes());
                } else if stage(machine) == Some(Stage::Sums) {
                    add_to_sums(machine, message, 0, times(guess, error));
                }
            });
            let is_wrong = |end: &End| matches!(end, End::Done(done) if done.opened[0].contains(&1));
            assert_eq!(ends.iter().all(is_wrong), guess == t, "seed {seed}");
            if guess != t {
                let stops = |end: &End| matches!(end, End::Stopped(Fault::Caught(Check::Products)));
                assert!(ends.iter().any(stops) && !ends.iter().any(is_wrong), "seed {seed}");
            }
        }
    }
}

/// A program that gives a public number back.
fn echo() -> Arc<Prepared> {
    let kind = Type::public(Width::Int(32), 1);
    let name = |text: &str| Name::new(text).unwrap();
    let mut main = FunctionBuilder::new(name("main"), &[], &[]);
    let number = main.push(Operation::Input { port: 0 }, &[], &[kind])[0];
    main.push(Operation::Output { port: 1 }, &[number], &[]);
    let port = |is_output| Port {
        is_output,
        client: Name::default(),
        name: name(if is_output { "out" } else { "in" }),
        kind,
        meaning: Meaning::Unsigned,
    };
    let verified = certify(Program {
        version: VERSION,
        ports: vec![port(false), port(true)],
        constants: Vec::new(),
        releases: Vec::new(),
        hosts: Vec::new(),
        functions: vec![main.finish(&[])],
        certificate: Certificate::default(),
    });
    Arc::new(Prepared::secure(Arc::new(verified.unwrap()), Security::Malicious).unwrap())
}

#[test]
fn without_the_check_of_inputs_a_client_tells_one_party_another_number() {
    let prepared = echo();
    for omitted in [None, Some(Check::Inputs)] {
        let key = |party: Party| Key::new([party.number(); 16]);
        let mut parties = Party::ALL.map(|me| {
            let given = vec![Given::Public(vec![if me.number() == 1 { 8 } else { 7 }])];
            let keys = Keys { own: key(me), next: key(me.next()) };
            let mut runner = Runner::new(Arc::clone(&prepared), me, &keys, given).unwrap();
            runner.guard.as_mut().unwrap().omitted = omitted;
            runner
        });
        let mut next = parties.each_mut().map(|party| party.start());
        while next.iter().all(|next| matches!(next, Ok(Step::Send(_)))) {
            let messages =
                next.map(|next| if let Ok(Step::Send(message)) = next { message } else { unreachable!("seen above") });
            let [first, second, third] = &mut parties;
            next = [first.receive(&messages[1]), second.receive(&messages[2]), third.receive(&messages[0])];
        }
        match omitted {
            None => assert!(next.iter().any(|next| matches!(next, Err(Fault::Caught(Check::Inputs))))),
            Some(_) => {
                let told = next.map(|next| match next {
                    Ok(Step::Done(outputs)) => match &outputs[..] {
                        [Given::Public(numbers)] => numbers.clone(),
                        _ => panic!("one public number"),
                    },
                    _ => panic!("all are done"),
                });
                assert_eq!(told, [[7], [8], [7]]);
            }
        }
    }
}

#[test]
fn a_party_that_caught_a_liar_says_nothing_more() {
    let (plan, inputs) = product(true);
    let mut chance = Chance::new(1);
    let shares = shares(&inputs, &mut chance);
    let mut parties = machines(&plan, shares, &mut chance, None);
    let mut next: Vec<Next> = parties.iter_mut().map(|party| party.start().ok().unwrap()).collect();
    for round in 0.. {
        let mut messages: Vec<Vec<u8>> =
            next.iter().map(|next| if let Next::Send(message) = next { message.clone() } else { panic!() }).collect();
        if round == 0 {
            messages[1][0] ^= 1;
        }
        let taken: Vec<_> =
            parties.iter_mut().enumerate().map(|(at, party)| party.receive(&messages[(at + 1) % 3])).collect();
        if let Some(at) = taken.iter().position(Result::is_err) {
            let caught = taken[at].as_ref().err().copied();
            assert_eq!(caught, Some(Fault::Caught(Check::Products)));
            for message in [&messages[(at + 1) % 3][..], &[]] {
                assert_eq!(parties[at].receive(message).err(), caught);
            }
            return;
        }
        next = taken.into_iter().map(|next| next.ok().unwrap()).collect();
    }
}
