//! Five parties and seven: what those see together who may be curious, what is random, and what is refused.

mod parties;

use mpc::many::{Keys, Machine, Next, Part, Runner, circles, share};
use mpc::{Builder, Fault, Key, Parties, Prepared};
use parties::{prepared_among, program, run_among};
use std::collections::BTreeMap;
use std::sync::Arc;
use vm::sample::Chance;
use vm::{Operation, Type, Width};

fn five() -> Parties {
    Parties::new(5).expect("there is a protocol for five")
}

#[test]
fn a_shuffle_keeps_the_rows_and_gives_every_order() {
    let kinds = [Width::Int(8), Width::BIT, Width::Field].map(|width| Type::secret(width, 3));
    let verified = program(&kinds, &kinds, Vec::new(), |main, inputs| main.push(Operation::Shuffle, inputs, &kinds));
    let inputs = [vec![10, 20, 30], vec![0, 1, 1], vec![7, 8, 9]];
    for parties in Parties::ALL {
        let prepared = prepared_among(&verified, parties);
        assert_eq!(prepared.cost().map(|quote| quote.rounds), Some(parties.components().len()));
        let mut seen = BTreeMap::new();
        for seed in 0..300 {
            let ran = run_among(&prepared, parties, &inputs, seed).expect("nothing stops it");
            let order: Vec<usize> =
                ran.outputs[2].iter().map(|number| usize::try_from(number - 7).expect("one of three")).collect();
            for (column, input) in ran.outputs.iter().zip(&inputs) {
                let moved: Vec<u64> = order.iter().map(|lane| input[*lane]).collect();
                assert_eq!(column, &moved);
            }
            *seen.entry(order).or_insert(0) += 1;
        }
        // Fifty of each are expected; forty are six standard deviations.
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (10..=90).contains(count)), "{parties:?} {seen:?}");
    }
}

#[test]
fn what_nobody_knows_is_uniform() {
    for width in [Width::BIT, Width::Int(3), Width::Field] {
        let kind = Type::secret(width, 64);
        let verified = program(&[], &[kind], Vec::new(), |main, _| main.push(Operation::Rand, &[], &[kind]));
        let prepared = prepared_among(&verified, five());
        let mut low = 0;
        for seed in 0..50 {
            let ran = run_among(&prepared, five(), &[], seed).expect("nothing stops it");
            assert!(ran.outputs[0].iter().all(|number| *number <= width.largest()));
            low += ran.outputs[0].iter().filter(|number| **number <= width.largest() / 2).count();
        }
        // Half of 3,200; the standard deviation is 28.
        assert!((1430..=1770).contains(&low), "{width:?} {low}");
    }
}

/// Adds up, for each of many sums of two or three bits of what each pair of parties saw, how often it is one.
fn parities(prepared: &Arc<Prepared>, inputs: &[Vec<u64>], (first, runs): (u64, u64)) -> Vec<Vec<u64>> {
    let pairs: Vec<(usize, usize)> = (0..5).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
    let mut ones: Vec<Vec<u64>> = vec![vec![0; 2_000]; pairs.len()];
    for seed in first..first + runs {
        let ran = run_among(prepared, five(), inputs, seed).expect("nothing stops it");
        for ((one, other), ones) in pairs.iter().zip(&mut ones) {
            let view = [ran.views[*one].as_slice(), &ran.views[*other]].concat();
            let bits = u64::try_from(view.len() * 8).expect("a short view");
            let bit = |place: u64| {
                let place = usize::try_from(place).expect("a short view");
                view[place / 8] >> (place % 8) & 1
            };
            // The same places in every run.
            let mut places = Chance::new(77);
            for count in ones.iter_mut() {
                let sum = (0..1 + places.below(3)).fold(0, |sum, _| sum ^ bit(places.below(bits)));
                *count += u64::from(sum);
            }
        }
    }
    ones
}

const RUNS: u64 = 400;
/// Such a difference strays by 14.
const MOST: u64 = 6 * 14;

fn differ(prepared: &Arc<Prepared>, secrets: &[Vec<Vec<u64>>; 2]) -> Vec<u64> {
    let [one, other] = [0, 1].map(|which| {
        let inputs = &secrets[usize::from(which == 1)];
        parities(prepared, inputs, (which * RUNS, RUNS))
    });
    let most = |(one, other): (&Vec<u64>, &Vec<u64>)| one.iter().zip(other).map(|(a, b)| a.abs_diff(*b)).max();
    one.iter().zip(&other).filter_map(most).collect()
}

#[test]
fn what_two_of_five_see_together_is_the_same_whatever_the_secrets_are() {
    let word = Width::Int(8);
    let (secret, few, element) = (Type::secret(word, 1), Type::secret(word, 3), Type::secret(Width::Field, 1));
    let verified = program(&[secret, secret, few], &[secret, few, few, element, secret], Vec::new(), |main, inputs| {
        use Operation as O;
        let less = main.push(O::Lt, &inputs[..2], &[secret.with_width(Width::BIT)])[0];
        let chosen = main.push(O::Select, &[less, inputs[0], inputs[1]], &[secret])[0];
        let sorted = main.push(O::Sort, &[inputs[2]], &[few])[0];
        let mixed = main.push(O::Shuffle, &[inputs[2]], &[few])[0];
        let element_of = main.push(O::ToField, &[inputs[0]], &[element])[0];
        let square = main.push(O::Mul, &[element_of, element_of], &[element])[0];
        let either = main.push(O::Or, &inputs[..2], &[secret])[0];
        vec![chosen, sorted, mixed, square, either]
    });
    let secrets = [[5, 200, 1, 2, 3], [255, 0, 9, 9, 9]].map(|[a, b, c, d, e]| vec![vec![a], vec![b], vec![c, d, e]]);
    let differences = differ(&prepared_among(&verified, five()), &secrets);
    assert_eq!(differences.len(), 10);
    assert!(differences.iter().all(|most| *most < MOST), "{differences:?}");
}

#[test]
fn the_test_of_views_sees_what_is_told() {
    let (secret, public) = (Type::secret(Width::Int(8), 1), Type::public(Width::Int(8), 1));
    let verified = program(&[secret], &[public], Vec::new(), |main, inputs| {
        main.push(Operation::Reveal { release: 0 }, inputs, &[public])
    });
    let differences = differ(&prepared_among(&verified, five()), &[vec![vec![5]], vec![vec![200]]]);
    assert!(differences.iter().all(|most| *most > MOST), "{differences:?}");
}

#[test]
fn what_does_not_fit_is_told_and_changes_nothing() {
    let mut builder = Builder::among(five());
    let word = Width::Int(64);
    let (a, b) = (builder.input(1, word), builder.input(1, word));
    let product = builder.multiply(a, b);
    builder.open(product);
    let plan = Arc::new(builder.finish());
    let keys = |me: usize| {
        let key =
            |circle: Vec<usize>| Key::new([circle.iter().fold(1, |key, party| key * 3 + party).to_le_bytes()[0]; 16]);
        Keys(circles(five(), me).into_iter().map(key).collect())
    };
    let mut chance = Chance::new(4);
    let mut shared = |number: u64| share(five(), word, &[number], &mut || chance.bits()).into_iter();
    let (mut six, mut seven) = (shared(6), shared(7));
    let mut machines: Vec<Machine> = (0..5)
        .map(|me| {
            let inputs = vec![six.next().expect("five"), seven.next().expect("five")];
            Machine::new(Arc::clone(&plan), me, &keys(me), inputs).expect("the inputs are the plan's")
        })
        .collect();
    let few = Machine::new(Arc::clone(&plan), 0, &Keys(Vec::new()), Vec::new());
    assert_eq!(few.err(), Some(Fault::Keys(6)));
    assert_eq!(Machine::new(Arc::clone(&plan), 0, &keys(0), Vec::new()).err(), Some(Fault::Inputs(2)));
    let mut steps: Vec<Next> = machines.iter_mut().map(|machine| machine.start().expect("nothing stops it")).collect();
    for _ in 0..2 {
        let messages = |step: Next| if let Next::Send(messages) = step { messages } else { panic!("there is more") };
        let sent: Vec<Vec<Vec<u8>>> = steps.drain(..).map(messages).collect();
        for (me, machine) in machines.iter_mut().enumerate() {
            let [near, far] = [1, 2].map(|places| sent[five().after(me, places)][places - 1].as_slice());
            let short = &far[1..];
            let fault = Fault::Message { after: 2, expected: far.len(), found: short.len() };
            assert_eq!(machine.receive(&[near, short]).err(), Some(fault));
            assert!(matches!(machine.receive(&[near]), Err(Fault::Message { after: 2, .. })));
            steps.push(machine.receive(&[near, far]).expect("the others' messages"));
        }
    }
    assert!(steps.iter().all(|step| matches!(step, Next::Done(done) if done.opened == [[42]])));
    assert_eq!(machines[0].receive(&[]).err(), Some(Fault::Over));
}

#[test]
fn plans_of_other_protocols_are_refused() {
    let secret = Type::secret(Width::Int(8), 1);
    let verified = program(&[secret], &[secret], Vec::new(), |_, inputs| inputs.to_vec());
    let three = Arc::new(Prepared::new(Arc::new(verified.clone())).expect("it asks nobody"));
    let given = || share(five(), secret.width, &[3], &mut || 5).remove(0);
    let refused = Runner::new(three, 0, &Keys(Vec::new()), vec![Part::Secret(given())]);
    assert_eq!(refused.err(), Some(Fault::Parties));
    let five = prepared_among(&verified, five());
    let keys = mpc::Keys { own: Key::new([1; 16]), next: Key::new([2; 16]) };
    assert_eq!(mpc::Runner::new(five, mpc::Party::ALL[0], &keys, Vec::new()).err(), Some(Fault::Parties));
}
