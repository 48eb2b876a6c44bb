//! Programs among parties in one thread.

#![allow(dead_code, unreachable_pub, reason = "no test file uses all of it")]

use mpc::many::{self, Part, circles};
use mpc::{Given, Key, Keys, Measured, Parties, Party, Prepared, Quote, Runner, Security, Step, gathered, share_as};
use std::collections::BTreeMap;
use std::sync::Arc;
use vm::sample::{self, Chance};
use vm::{
    Certificate, Constant, Engine as _, FunctionBuilder, Limits, Meaning, Name, Operation, Port, Program, Release,
    Type, VERSION, Verified, Width, certify,
};

pub const LIMITS: Limits = Limits { fuel: u64::MAX, memory_bytes: u64::MAX };

pub fn name(text: &str) -> Name {
    Name::new(text).expect("a short name")
}

pub fn port(is_output: bool, number: usize, kind: Type) -> Port {
    let client = if kind.is_secret() { name("alice") } else { Name::default() };
    let meaning = match kind.width {
        Width::BIT => Meaning::Bool,
        Width::Field => Meaning::Field,
        Width::Int(_) => Meaning::Unsigned,
    };
    Port { is_output, client, name: name(&format!("p{number}")), kind, meaning }
}

/// A program that takes values of some types, does what it is told, and gives the results.
pub fn program(
    takes: &[Type],
    gives: &[Type],
    constants: Vec<Constant>,
    body: impl FnOnce(&mut FunctionBuilder, &[u32]) -> Vec<u32>,
) -> Verified {
    let mut main = FunctionBuilder::new(name("main"), &[], &[]);
    let inputs: Vec<u32> =
        takes.iter().zip(0..).map(|(kind, port)| main.push(Operation::Input { port }, &[], &[*kind])[0]).collect();
    let results = body(&mut main, &inputs);
    for (port, result) in (u32::try_from(takes.len()).expect("few")..).zip(&results) {
        main.push(Operation::Output { port }, &[*result], &[]);
    }
    let ins = takes.iter().enumerate().map(|(at, kind)| port(false, at, *kind));
    let outs = gives.iter().enumerate().map(|(at, kind)| port(true, takes.len() + at, *kind));
    certify(Program {
        version: VERSION,
        ports: ins.chain(outs).collect(),
        constants,
        releases: vec![Release { name: name("all"), lanes: 0 }],
        hosts: Vec::new(),
        functions: vec![main.finish(&[])],
        certificate: Certificate::default(),
    })
    .unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// What a run gave and cost, and what each party saw: its shares of the inputs, the messages that it heard, and
/// what all know at the end.
pub struct Ran {
    pub outputs: Vec<Vec<u64>>,
    pub measured: [Measured; 3],
    pub views: [Vec<u8>; 3],
    pub told: Vec<(u32, Vec<Vec<u64>>)>,
}

/// Makes the plans of a program.
pub fn prepared(verified: &Verified) -> Arc<Prepared> {
    Arc::new(Prepared::new(Arc::new(verified.clone())).expect("it asks no host"))
}

/// Runs a program among three parties.
pub fn run(verified: &Verified, inputs: &[Vec<u64>], seed: u64) -> Result<Ran, String> {
    run_prepared(&prepared(verified), inputs, seed)
}

/// The same, of which the plans are made.
pub fn run_prepared(prepared: &Arc<Prepared>, inputs: &[Vec<u64>], seed: u64) -> Result<Ran, String> {
    let mut chance = Chance::new(seed);
    let keys = [(); 3].map(|()| [chance.bits().to_le_bytes(), chance.bits().to_le_bytes()].concat());
    let ports = prepared.program().ports.iter();
    let (ins, outs): (Vec<&Port>, Vec<&Port>) = ports.partition(|port| !port.is_output);
    let mut given: [Vec<Given>; 3] = Default::default();
    let mut views: [Vec<u8>; 3] = Default::default();
    for (port, numbers) in ins.iter().zip(inputs) {
        if port.kind.is_secret() {
            let shares = share_as(port.kind.width, numbers, &mut || chance.bits());
            for ((to, view), share) in given.iter_mut().zip(&mut views).zip(shares) {
                view.extend(share.mine.iter().chain(&share.next).flat_map(|word| word.to_le_bytes()));
                to.push(Given::Secret(share));
            }
        } else {
            given.iter_mut().for_each(|to| to.push(Given::Public(numbers.clone())));
        }
    }
    let mut parties: Vec<Runner> = Party::ALL
        .into_iter()
        .zip(given)
        .map(|(me, inputs)| {
            let key = |party: Party| Key::new(keys[usize::from(party.number())].clone().try_into().expect("16 bytes"));
            let keys = Keys { own: key(me), next: key(me.next()) };
            Runner::new(Arc::clone(prepared), me, &keys, inputs).expect("the inputs are the ports'")
        })
        .collect();
    let mut steps: Vec<_> = parties.iter_mut().map(|party| party.start()).collect();
    loop {
        if let Some(Err(stop)) = steps.iter().find(|step| step.is_err()) {
            let stop = stop.to_string();
            assert!(steps.iter().all(|step| step.as_ref().err().map(ToString::to_string) == Some(stop.clone())));
            return Err(stop);
        }
        let messages: Vec<Vec<u8>> = steps
            .iter()
            .filter_map(|step| match step {
                Ok(Step::Send(message)) => Some(message.clone()),
                _ => None,
            })
            .collect();
        if messages.is_empty() {
            break;
        }
        assert_eq!(messages.len(), 3, "all end together");
        views.iter_mut().enumerate().for_each(|(party, view)| view.extend(&messages[(party + 1) % 3]));
        let received = parties.iter_mut().enumerate();
        steps = received.map(|(party, runner)| runner.receive(&messages[(party + 1) % 3])).collect();
    }
    let outputs = put_together(&outs, steps);
    for (_, numbers) in outs.iter().zip(&outputs).filter(|(port, _)| !port.kind.is_secret()) {
        let told: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        views.iter_mut().for_each(|view| view.extend(&told));
    }
    Ok(Ran {
        outputs,
        measured: [0, 1, 2].map(|party| parties[party].measured()),
        views,
        told: parties[0].told().to_vec(),
    })
}

/// A client that looks sees nothing of what a number was before it was narrowed. Bits may come as wider numbers.
fn check_narrow<'a>(port: &Port, mut words: impl Iterator<Item = &'a u64>) {
    let largest = port.kind.width.largest();
    assert!(port.kind.width == Width::BIT || words.all(|word| *word <= largest), "{port:?}");
}

/// Puts the outputs together, as their clients do.
fn put_together(outs: &[&Port], steps: Vec<Result<Step, mpc::Fault>>) -> Vec<Vec<u64>> {
    let mut done: Vec<std::vec::IntoIter<Given>> = steps
        .into_iter()
        .map(|step| match step {
            Ok(Step::Done(outputs)) => outputs.into_iter(),
            _ => panic!("all are done"),
        })
        .collect();
    let outputs = outs.iter().map(|port| {
        let parts: Vec<Given> = done.iter_mut().map(|outputs| outputs.next().expect("one for each port")).collect();
        for part in &parts {
            if let Given::Secret(share) = part {
                check_narrow(port, share.mine.iter().chain(&share.next));
            }
        }
        gathered(port.kind, &parts.try_into().ok().expect("three")).expect("honest parties agree")
    });
    outputs.collect()
}

/// What a run among any number of parties gave and cost, and what those who may be curious together saw.
pub struct Among {
    pub outputs: Vec<Vec<u64>>,
    pub measured: Vec<Measured>,
    /// What each party saw, as in [`Ran::views`].
    pub views: Vec<Vec<u8>>,
    pub told: Vec<(u32, Vec<Vec<u64>>)>,
}

/// Makes the plans of a program for any number of parties.
pub fn prepared_among(verified: &Verified, parties: Parties) -> Arc<Prepared> {
    Arc::new(Prepared::among(Arc::new(verified.clone()), parties).expect("it asks no host"))
}

/// Runs a program among any number of parties.
pub fn run_among(prepared: &Arc<Prepared>, parties: Parties, inputs: &[Vec<u64>], seed: u64) -> Result<Among, String> {
    let mut chance = Chance::new(seed);
    let count = parties.count();
    let (ins, outs): (Vec<&Port>, Vec<&Port>) = prepared.program().ports.iter().partition(|port| !port.is_output);
    let mut given: Vec<Vec<Part>> = (0..count).map(|_| Vec::new()).collect();
    let mut views: Vec<Vec<u8>> = vec![Vec::new(); count];
    for (port, numbers) in ins.iter().zip(inputs) {
        if port.kind.is_secret() {
            let shares = many::share(parties, port.kind.width, numbers, &mut || chance.bits());
            for ((to, view), share) in given.iter_mut().zip(&mut views).zip(shares) {
                view.extend(share.0.iter().flatten().flat_map(|word| word.to_le_bytes()));
                to.push(Part::Secret(share));
            }
        } else {
            given.iter_mut().for_each(|to| to.push(Part::Public(numbers.clone())));
        }
    }
    // A key for each circle of those who hold a component.
    let mut keys: BTreeMap<Vec<usize>, [u8; 16]> = BTreeMap::new();
    let mut runners: Vec<many::Runner> = given
        .into_iter()
        .enumerate()
        .map(|(me, inputs)| {
            let mut key = |circle| {
                let mut fresh = || [chance.bits().to_le_bytes(), chance.bits().to_le_bytes()].concat();
                Key::new(*keys.entry(circle).or_insert_with(|| fresh().try_into().expect("16 bytes")))
            };
            let keys = many::Keys(circles(parties, me).into_iter().map(&mut key).collect());
            many::Runner::new(Arc::clone(prepared), me, &keys, inputs).expect("the inputs are the ports'")
        })
        .collect();
    let mut steps: Vec<_> = runners.iter_mut().map(many::Runner::start).collect();
    loop {
        if let Some(Err(stop)) = steps.iter().find(|step| step.is_err()) {
            let stop = stop.to_string();
            assert!(steps.iter().all(|step| step.as_ref().err().map(ToString::to_string) == Some(stop.clone())));
            return Err(stop);
        }
        let mut sent = Vec::new();
        for step in &steps {
            if let Ok(many::Step::Send(messages)) = step {
                assert_eq!(messages.len(), parties.curious());
                sent.push(messages.clone());
            }
        }
        if sent.is_empty() {
            break;
        }
        assert_eq!(sent.len(), count, "all end together");
        steps = Vec::new();
        for (me, runner) in runners.iter_mut().enumerate() {
            let sender = |places: usize| sent[parties.after(me, places)][places - 1].as_slice();
            let heard: Vec<&[u8]> = (1..=parties.curious()).map(sender).collect();
            heard.iter().for_each(|message| views[me].extend(*message));
            steps.push(runner.receive(&heard));
        }
    }
    let outputs = put_together_among(parties, &outs, steps);
    for (_, numbers) in outs.iter().zip(&outputs).filter(|(port, _)| !port.kind.is_secret()) {
        let told: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        views.iter_mut().for_each(|view| view.extend(&told));
    }
    let measured = runners.iter().map(many::Runner::measured).collect();
    Ok(Among { outputs, measured, views, told: runners[0].told().to_vec() })
}

fn put_together_among(parties: Parties, outs: &[&Port], steps: Vec<Result<many::Step, mpc::Fault>>) -> Vec<Vec<u64>> {
    let done = steps.into_iter().map(|step| match step {
        Ok(many::Step::Done(outputs)) => outputs.into_iter(),
        _ => panic!("all are done"),
    });
    let mut done: Vec<std::vec::IntoIter<Part>> = done.collect();
    let outputs = outs.iter().map(|port| {
        let parts: Vec<Part> = done.iter_mut().map(|outputs| outputs.next().expect("one for each port")).collect();
        for part in &parts {
            if let Part::Secret(components) = part {
                check_narrow(port, components.0.iter().flatten());
            }
        }
        many::gathered(parties, port.kind, &parts).expect("honest parties agree")
    });
    outputs.collect()
}

/// Checks what any number of parties give against the direct evaluation, and what it costs against what was said.
pub fn check_among(
    verified: &Verified,
    parties: Parties,
    inputs: &[Vec<u64>],
    seed: u64,
    expected: &Result<vm::Run, vm::Stop>,
) {
    let prepared = prepared_among(verified, parties);
    let quote = prepared.cost().expect("loops are short");
    match (run_among(&prepared, parties, inputs, seed), expected) {
        (Ok(ran), Ok(direct)) => {
            let operations: Vec<_> = verified.program().functions[0].blocks[0].instructions.iter().collect();
            assert_eq!(ran.outputs, direct.outputs, "{parties:?} {inputs:?} {operations:?}");
            check_quote(quote, &ran.measured);
        }
        (Err(stop), Err(direct)) => assert_eq!(stop, direct.cause.to_string()),
        (mine, direct) => panic!("{parties:?} {:?} {direct:?}", mine.map(|ran| ran.outputs)),
    }
}

/// Of five, seven and three parties those whose turn it is.
fn turn(seed: u64) -> Option<Parties> {
    [5, 7, 3].into_iter().zip(0..).find(|(_, turn)| *turn == seed).and_then(|(count, _)| Parties::new(count))
}

/// A run costs what was said before it began.
fn check_quote(quote: Quote, measured: &[Measured]) {
    assert_eq!(quote.bytes.len(), measured.len());
    for (party, found) in measured.iter().copied().enumerate() {
        let said = Measured {
            rounds: u64::try_from(quote.rounds).expect("few"),
            bytes: u64::try_from(quote.bytes[party]).expect("few"),
        };
        let is_less = found.rounds <= said.rounds && found.bytes <= said.bytes;
        assert!(if quote.exact { found == said } else { is_less }, "{found:?} and {said:?}");
    }
}

/// Runs once more among parties who look for a liar, where they can, and compares what they give and cost.
fn check_guarded(verified: &Verified, inputs: &[Vec<u64>], seed: u64, expected: &Result<vm::Run, vm::Stop>) {
    let Ok(prepared) = Prepared::secure(Arc::new(verified.clone()), Security::Malicious) else { return };
    let quote = prepared.cost().expect("loops are short");
    match (run_prepared(&Arc::new(prepared), inputs, seed), expected) {
        (Ok(ran), Ok(direct)) => {
            assert_eq!(ran.outputs, direct.outputs, "{inputs:?} against lies");
            check_quote(quote, &ran.measured);
        }
        (Err(stop), Err(direct)) => assert_eq!(stop, direct.cause.to_string()),
        (mine, direct) => panic!("{:?} {direct:?}", mine.map(|ran| ran.outputs)),
    }
}

/// Checks what the parties give against the direct evaluation, and what they cost against the certificate.
pub fn check(verified: &Verified, inputs: &[Vec<u64>], seed: u64) {
    check_prepared(verified, &prepared(verified), inputs, seed);
}

/// The same, of which the plans are made.
pub fn check_prepared(verified: &Verified, prepared: &Arc<Prepared>, inputs: &[Vec<u64>], seed: u64) {
    let direct = vm::direct::Direct.run(verified, inputs, LIMITS, &mut Chance::new(seed));
    if seed == 0 {
        check_guarded(verified, inputs, seed, &direct);
    }
    if let Some(parties) = turn(seed) {
        check_among(verified, parties, inputs, seed, &direct);
    }
    match (run_prepared(prepared, inputs, seed), direct) {
        (Ok(ran), Ok(direct)) => {
            check_quote(prepared.cost().expect("loops are short"), &ran.measured);
            let operations: Vec<_> = verified.program().functions[0].blocks[0].instructions.iter().collect();
            assert_eq!(ran.outputs, direct.outputs, "{inputs:?} {operations:?}");
            check_cost(verified, &ran, &direct);
        }
        (Err(stop), Err(direct)) => assert_eq!(stop, direct.cause.to_string()),
        (mine, direct) => panic!("{:?} {direct:?}", mine.map(|ran| ran.outputs)),
    }
}

/// Checks what a run cost.
pub fn check_cost(verified: &Verified, ran: &Ran, direct: &vm::Run) {
    let [first, second, third] = ran.measured.map(|party| party.bytes);
    let operations: Vec<_> = verified.program().functions[0].blocks[0].instructions.iter().collect();
    let expected = (direct.measured.rounds, direct.measured.sent);
    assert_eq!((ran.measured[0].rounds, [first, second, third]), expected, "{operations:?}");
    assert!(ran.measured.iter().all(|party| party.rounds == ran.measured[0].rounds));
    let certificate = verified.program().certificate;
    if certificate.exact {
        assert_eq!(certificate.rounds, ran.measured[0].rounds);
        assert_eq!([certificate.sent_first, certificate.sent_second, certificate.sent_third], [first, second, third]);
    }
}

/// Checks the random program of a seed: the parties, the clear engine and the direct evaluation give the same, and the parties
/// cost what the certificate says. Returns whether the program ran to its end.
pub fn check_sample(seed: u64, size: u64) -> bool {
    let verified = sample::settled(seed, size);
    let inputs = sample::inputs(&verified, seed);
    let direct = vm::direct::Direct.run(&verified, &inputs, LIMITS, &mut Chance::new(seed));
    let clear = vm::clear::Clear.run(&verified, &inputs, LIMITS, &mut Chance::new(seed));
    let clear = clear.map(|run| run.outputs).map_err(|stop| stop.to_string());
    assert_eq!(clear, direct.as_ref().map(|run| run.outputs.clone()).map_err(ToString::to_string), "seed {seed}");
    if seed.is_multiple_of(4) {
        check_guarded(&verified, &inputs, seed, &direct);
    }
    if let Some(parties) = turn(seed % 6) {
        check_among(&verified, parties, &inputs, seed, &direct);
    }
    match (run(&verified, &inputs, seed), direct) {
        (Ok(ran), Ok(direct)) => {
            assert_eq!(ran.outputs, direct.outputs, "seed {seed}");
            check_cost(&verified, &ran, &direct);
            true
        }
        (Err(stop), Err(direct)) => {
            assert_eq!(stop, direct.cause.to_string(), "seed {seed}");
            false
        }
        (mine, direct) => panic!("seed {seed}: {:?} {direct:?}", mine.map(|ran| ran.outputs)),
    }
}
