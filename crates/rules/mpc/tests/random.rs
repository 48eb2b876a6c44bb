//! Random programs among three parties, and what one party sees of secrets.

mod parties;

use mpc::Prepared;
use std::sync::Arc;
use vm::sample::Chance;
use vm::{Operation, Type, Width};

#[test]
fn random_programs_give_and_cost_what_the_definition_says() {
    let ended = (0..150).filter(|seed| parties::check_sample(*seed, 12)).count();
    assert!(ended > 100, "{ended} of 150 programs ran to their ends");
}

/// Adds up, for each of many sums of two or three bits of what a party saw, how often it is one.
fn parities(prepared: &Arc<Prepared>, inputs: &[Vec<u64>], (first, runs): (u64, u64)) -> [Vec<u64>; 3] {
    let mut ones: [Vec<u64>; 3] = Default::default();
    for seed in first..first + runs {
        let ran = parties::run_prepared(prepared, inputs, seed).expect("nothing stops it");
        for (ones, view) in ones.iter_mut().zip(&ran.views) {
            let bits = u64::try_from(view.len() * 8).expect("a short view");
            let bit = |place: u64| {
                let place = usize::try_from(place).expect("a short view");
                view[place / 8] >> (place % 8) & 1
            };
            // The same places in every run.
            let mut places = Chance::new(77);
            ones.resize(3_000, 0);
            for count in ones.iter_mut() {
                let sum = (0..2 + places.below(2)).fold(0, |sum, _| sum ^ bit(places.below(bits)));
                *count += u64::from(sum);
            }
            // And each of the first bits by itself.
            ones.iter_mut().take(1_000).zip(0..bits).for_each(|(count, place)| *count += 2 * u64::from(bit(place)));
        }
    }
    ones
}

#[test]
fn what_a_party_sees_is_the_same_whatever_the_secrets_are() {
    let (word, bit) = (Width::Int(8), Width::BIT);
    let (secret, few) = (Type::secret(word, 1), Type::secret(word, 3));
    let element = Type::secret(Width::Field, 1);
    let gives = [secret, secret, few, few, element, secret];
    let verified = parties::program(&[secret, secret, few], &gives, Vec::new(), |main, inputs| {
        use Operation as O;
        let less = main.push(O::Lt, &inputs[..2], &[secret.with_width(bit)])[0];
        let chosen = main.push(O::Select, &[less, inputs[0], inputs[1]], &[secret])[0];
        let quotient = main.push(O::Div, &inputs[..2], &[secret])[0];
        let sorted = main.push(O::Sort, &[inputs[2]], &[few])[0];
        let mixed = main.push(O::Shuffle, &[inputs[2]], &[few])[0];
        let element_of = main.push(O::ToField, &[inputs[0]], &[element])[0];
        let square = main.push(O::Mul, &[element_of, element_of], &[element])[0];
        let shifted = main.push(O::Shrv, &inputs[..2], &[secret])[0];
        vec![chosen, quotient, sorted, mixed, square, shifted]
    });
    let prepared = parties::prepared(&verified);
    const RUNS: u64 = 800;
    let secrets = [[vec![5], vec![200], vec![1, 2, 3]], [vec![255], vec![0], vec![9, 9, 9]]];
    let [one, other] = [0, 1].map(|which| {
        let inputs = &secrets[usize::from(which == 1)];
        parities(&prepared, inputs, (which * RUNS, RUNS))
    });
    for (one, other) in one.iter().zip(&other) {
        // Such a difference strays by 20 for a sum, and by 45 with a bit by itself.
        for (place, (one, other)) in one.iter().zip(other).enumerate() {
            let most = if place < 1_000 { 6 * 45 } else { 6 * 20 };
            assert!(one.abs_diff(*other) < most, "{place}: {one} {other}");
        }
    }
}

#[test]
fn the_test_of_views_sees_what_is_told() {
    // What is revealed differs with the secret, so the views do as well.
    let secret = Type::secret(Width::Int(8), 1);
    let public = Type::public(Width::Int(8), 1);
    let verified = parties::program(&[secret], &[public], Vec::new(), |main, inputs| {
        vec![main.push(Operation::Reveal { release: 0 }, inputs, &[public])[0]]
    });
    let prepared = parties::prepared(&verified);
    let [one, other] = [5, 200].map(|number| parities(&prepared, &[vec![number]], (number, 300)));
    let strays =
        |(one, other): (&Vec<u64>, &Vec<u64>)| one.iter().zip(other).any(|(one, other)| one.abs_diff(*other) > 150);
    assert!(one.iter().zip(&other).all(strays));
}
