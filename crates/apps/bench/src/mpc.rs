//! Three parties in one thread, without a network: what computing on shares costs, and what it costs more to catch a liar.

use crate::Measured;
use crate::machine::thread_seconds;
use crate::measure::runs;
use mpc::{Builder, Key, Keys, Machine, Next, Party, Plan, Security, Share, share};
use std::sync::Arc;
use vm::sample::Chance;

/// What is computed on.
const WORD: vm::Width = vm::Width::Int(64);
/// Products in a run.
const PRODUCTS: usize = 1 << 16;
/// Comparisons in a run.
const COMPARISONS: usize = 1 << 14;

/// Runs that are timed together: the system counts a thread's time in steps of some milliseconds.
const TOGETHER: usize = 8;

/// What writes a plan for so many lanes.
type Build = fn(&mut Builder, usize);

pub(crate) fn mpc(quick: bool) -> Vec<Measured> {
    let all: [(&'static str, &'static str, usize, Build); 2] = [
        ("mpc/multiply", "multiplications/s", PRODUCTS, product),
        ("mpc/compare", "comparisons/s", COMPARISONS, comparison),
    ];
    all.into_iter().flat_map(|(name, unit, lanes, build)| measured(name, unit, lanes, build, quick)).collect()
}

fn product(builder: &mut Builder, lanes: usize) {
    let (a, b) = (builder.input(lanes, WORD), builder.input(lanes, WORD));
    let product = builder.multiply(a, b);
    let sum = builder.sum(product, lanes);
    builder.open(sum);
}

/// Over the whole range of 64 bits. What is opened is how many are less.
fn comparison(builder: &mut Builder, lanes: usize) {
    let (a, b) = (builder.input(lanes, WORD), builder.input(lanes, WORD));
    let less = builder.less(a, b, false);
    builder.open_bits(less);
}

fn measured(name: &'static str, unit: &'static str, lanes: usize, build: Build, quick: bool) -> Vec<Measured> {
    let mut chance = Chance::new(1);
    let [a, b] = [(); 2].map(|()| (0..lanes).map(|_| chance.bits()).collect::<Vec<u64>>());
    let expected = if name == "mpc/multiply" {
        vec![a.iter().zip(&b).fold(0, |sum: u64, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)))]
    } else {
        a.iter().zip(&b).map(|(a, b)| u64::from(a < b)).collect()
    };
    let rates = [Security::SemiHonest, Security::Malicious].map(|security| {
        let mut builder = Builder::new(security);
        build(&mut builder, lanes);
        let plan = Arc::new(builder.finish());
        let count = f64::from(u32::try_from(lanes).unwrap_or(u32::MAX));
        let together = f64::from(u32::try_from(TOGETHER).unwrap_or(u32::MAX));
        let rates: Vec<f64> = (0..runs(quick))
            .map(|_| {
                let all: Vec<_> = (0..TOGETHER).map(|_| parties(&plan, [&a, &b], &mut chance)).collect();
                let start = thread_seconds();
                let opened: Vec<_> = all.into_iter().map(run).collect();
                let seconds = thread_seconds() - start;
                assert!(opened.iter().all(|opened| *opened == [expected.as_slice()]), "{name} is right");
                count * together / seconds
            })
            .collect();
        let cost = mpc::cost(&plan);
        let bytes = cost.bytes.iter().sum::<usize>() / 3;
        let per = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / count;
        let mix = format!("{security:?}; {lanes} of 64 bits, {per:.1} bytes a party each, {} rounds", cost.rounds);
        Measured { name, unit, runs: rates, mix }
    });
    let ratio = rates[0].median() / rates[1].median();
    let mix = "what catching a liar multiplies the time by".to_owned();
    let ratio = Measured { name, unit: "times the time", runs: vec![ratio], mix };
    rates.into_iter().chain([ratio]).collect()
}

fn parties(plan: &Arc<Plan>, inputs: [&[u64]; 2], chance: &mut Chance) -> Vec<Machine> {
    let mut shares: [Vec<Share>; 3] = Default::default();
    for numbers in inputs {
        let noise: Vec<u64> = (0..2 * numbers.len()).map(|_| chance.bits()).collect();
        shares.iter_mut().zip(share(numbers, &noise)).for_each(|(of, share)| of.push(share));
    }
    let mut bytes = [[0; 16]; 3];
    for key in &mut bytes {
        key[..8].copy_from_slice(&chance.bits().to_le_bytes());
        key[8..].copy_from_slice(&chance.bits().to_le_bytes());
    }
    let machines = Party::ALL.into_iter().zip(shares).map(|(me, inputs)| {
        let key = |party: Party| Key::new(bytes[usize::from(party.number())]);
        let keys = Keys { own: key(me), next: key(me.next()) };
        Machine::new(Arc::clone(plan), me, &keys, inputs).expect("the inputs are the plan's")
    });
    machines.collect()
}

fn run(mut parties: Vec<Machine>) -> Vec<Vec<u64>> {
    let mut next: Vec<Next> = parties.iter_mut().map(|party| party.start().expect("nobody lies")).collect();
    loop {
        let mut messages = Vec::with_capacity(3);
        for next in next {
            match next {
                Next::Send(message) => messages.push(message),
                Next::Done(done) => return done.opened,
            }
        }
        let received = parties.iter_mut().enumerate();
        next = received.map(|(at, party)| party.receive(&messages[(at + 1) % 3]).expect("nobody lies")).collect();
    }
}
