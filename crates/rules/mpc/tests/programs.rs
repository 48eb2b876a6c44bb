//! Programs among three parties in one thread, compared with the direct evaluation.

use mpc::{Given, Key, Keys, Measured, Party, Prepared, Quote, Runner, Security, Step, gathered, share};
use std::sync::Arc;
use vm::sample::Chance;
use vm::{
    Certificate, Constant, Engine as _, Fold, FunctionBuilder, Limits, Meaning, Name, Operation, Port, Program,
    Release, Type, VERSION, Verified, Width, certify,
};

const LIMITS: Limits = Limits { fuel: u64::MAX, memory_bytes: u64::MAX };

fn name(text: &str) -> Name {
    Name::new(text).expect("a short name")
}

fn port(is_output: bool, number: usize, kind: Type) -> Port {
    let client = if kind.is_secret() { name("alice") } else { Name::default() };
    let meaning = match kind.width {
        Width::BIT => Meaning::Bool,
        Width::Field => Meaning::Field,
        Width::Int(_) => Meaning::Unsigned,
    };
    Port { is_output, client, name: name(&format!("p{number}")), kind, meaning }
}

/// A program that takes values of some types, does what it is told, and gives the results.
fn program(
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

/// Runs a program among three parties.
fn run(
    verified: &Verified,
    inputs: &[Vec<u64>],
    seed: u64,
    security: Security,
) -> Result<(Vec<Vec<u64>>, [Measured; 3]), String> {
    let prepared = Arc::new(Prepared::secure(Arc::new(verified.clone()), security).map_err(|error| error.to_string())?);
    let mut chance = Chance::new(seed);
    let keys = [(); 3].map(|()| [chance.bits().to_le_bytes(), chance.bits().to_le_bytes()].concat());
    let ports = verified.program().ports.iter();
    let (ins, outs): (Vec<&Port>, Vec<&Port>) = ports.partition(|port| !port.is_output);
    let mut given: [Vec<Given>; 3] = Default::default();
    for (port, numbers) in ins.iter().zip(inputs) {
        if port.kind.is_secret() {
            let noise: Vec<u64> = (0..2 * numbers.len()).map(|_| chance.bits()).collect();
            given.iter_mut().zip(share(numbers, &noise)).for_each(|(to, share)| to.push(Given::Secret(share)));
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
            Runner::new(Arc::clone(&prepared), me, &keys, inputs).expect("the inputs are the ports'")
        })
        .collect();
    let mut steps: Vec<_> = parties.iter_mut().map(Runner::start).collect();
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
        let received = parties.iter_mut().enumerate();
        steps = received.map(|(party, runner)| runner.receive(&messages[(party + 1) % 3])).collect();
    }
    let mut done: Vec<std::vec::IntoIter<Given>> = steps
        .into_iter()
        .map(|step| match step {
            Ok(Step::Done(outputs)) => outputs.into_iter(),
            _ => panic!("all are done"),
        })
        .collect();
    let outputs = outs.iter().map(|port| {
        let parts: Vec<Given> = done.iter_mut().map(|outputs| outputs.next().expect("one for each port")).collect();
        gathered(port.kind, &parts.try_into().ok().expect("three")).expect("honest parties agree")
    });
    let outputs = outputs.collect();
    let measured = [0, 1, 2].map(|party| parties[party].measured());
    check_cost(prepared.cost().expect("loops are short"), measured);
    Ok((outputs, measured))
}

/// A run costs what was said before it began.
fn check_cost(quote: Quote, measured: [Measured; 3]) {
    for (party, found) in measured.into_iter().enumerate() {
        let said = Measured {
            rounds: u64::try_from(quote.cost.rounds).expect("few"),
            bytes: u64::try_from(quote.cost.bytes[party]).expect("few"),
        };
        let is_less = found.rounds <= said.rounds && found.bytes <= said.bytes;
        assert!(if quote.exact { found == said } else { is_less }, "{found:?} and {said:?}");
    }
}

fn check(verified: &Verified, inputs: &[Vec<u64>], seed: u64) {
    let direct = vm::direct::Direct.run(verified, inputs, LIMITS, &mut Chance::new(seed));
    for security in [Security::SemiHonest, Security::Malicious] {
        match (run(verified, inputs, seed, security), &direct) {
            (Ok((outputs, _)), Ok(direct)) => assert_eq!(outputs, direct.outputs, "{inputs:?} {security:?}"),
            (Err(stop), Err(direct)) => assert_eq!(stop, direct.cause.to_string()),
            (mine, direct) => panic!("{:?} {direct:?}", mine.map(|(outputs, _)| outputs)),
        }
    }
}

/// Checks one operation on operands of these types with many inputs.
fn check_operation(operation: Operation, takes: &[Type], gives: &[Type], constants: &[Constant]) {
    let verified = program(takes, gives, constants.to_vec(), |main, inputs| {
        let first = main.push(operation, inputs, gives)[0];
        (first..).take(gives.len()).collect()
    });
    let mut chance = Chance::new(11);
    for seed in 0..6 {
        let inputs: Vec<Vec<u64>> =
            takes.iter().map(|kind| (0..kind.lanes).map(|_| chance.lane(kind.width.largest())).collect()).collect();
        check(&verified, &inputs, seed);
    }
}

fn joined(kinds: &[Type]) -> bool {
    kinds.iter().any(|kind| kind.is_secret())
}

fn labelled(kind: Type, is_secret: bool) -> Type {
    if is_secret { Type::secret(kind.width, kind.lanes) } else { Type::public(kind.width, kind.lanes) }
}

const WIDTHS: [u8; 6] = [1, 2, 8, 13, 32, 64];

#[test]
fn numbers_are_those_of_the_direct_evaluation() {
    use Operation as O;
    for width in WIDTHS.map(Width::Int) {
        for lanes in [1, 5, 70] {
            for labels in [[true, true], [true, false], [false, true]] {
                let [a, b] = labels.map(|is_secret| labelled(Type::public(width, lanes), is_secret));
                let to = Type::secret(width, lanes);
                for operation in [O::Add, O::Sub, O::Mul, O::And, O::Or, O::Xor] {
                    check_operation(operation, &[a, b], &[to], &[]);
                }
                for operation in [O::Eq, O::Lt, O::Lts] {
                    check_operation(operation, &[a, b], &[to.with_width(Width::BIT)], &[]);
                }
                for is_secret in [true, false] {
                    let bit = labelled(Type::public(Width::BIT, lanes), is_secret);
                    check_operation(O::Select, &[bit, a, b], &[to], &[]);
                }
                if width != Width::BIT {
                    check_operation(O::Dot, &[a, b], &[to.with_lanes(1)], &[]);
                }
            }
            let a = Type::secret(width, lanes);
            for operation in [O::Neg, O::Not] {
                check_operation(operation, &[a], &[a], &[]);
            }
            check_operation(O::Sign, &[a], &[a.with_width(Width::BIT)], &[]);
            for amount in [0, 1, width.bits() / 2, width.bits() - 1].into_iter().filter(|amount| *amount < width.bits())
            {
                for operation in [O::Shl { amount }, O::Shr { amount }, O::Sar { amount }, O::Rotl { amount }] {
                    check_operation(operation, &[a], &[a], &[]);
                }
            }
            for other in WIDTHS.map(Width::Int) {
                let to = a.with_width(other);
                if other.bits() <= width.bits() {
                    check_operation(O::Narrow, &[a], &[to], &[]);
                }
                if other.bits() > width.bits() {
                    check_operation(O::Zext, &[a], &[to], &[]);
                    check_operation(O::Sext, &[a], &[to], &[]);
                }
            }
            let bits = Type::secret(Width::BIT, lanes * u32::from(width.bits()));
            check_operation(O::Bits, &[a], &[bits], &[]);
            check_operation(O::Word, &[bits], &[a], &[]);
        }
    }
}

#[test]
fn lanes_are_those_of_the_direct_evaluation() {
    use Operation as O;
    for width in [1, 8, 64].map(Width::Int) {
        let a = Type::secret(width, 12);
        let index = Type::public(Width::Int(8), 1);
        check_operation(O::Splat, &[a.with_lanes(1)], &[a], &[]);
        check_operation(O::Slice { start: 1, step: 3 }, &[a], &[a.with_lanes(4)], &[]);
        check_operation(O::Concat, &[a, Type::public(width, 3), a], &[a.with_lanes(27)], &[]);
        check_operation(O::Gather, &[a, Type::public(Width::Int(3), 5)], &[a.with_lanes(5)], &[]);
        // Many of these indices are beyond the end.
        check_operation(O::Gather, &[a, index], &[a.with_lanes(1)], &[]);
        check_operation(O::Get, &[a, Type::public(Width::Int(3), 1)], &[a.with_lanes(5)], &[]);
        check_operation(O::Get, &[a, index], &[a.with_lanes(2)], &[]);
        check_operation(O::Set, &[a, Type::public(Width::Int(3), 1), a.with_lanes(4)], &[a], &[]);
        check_operation(O::Set, &[a, index, a.with_lanes(1)], &[a], &[]);
        for fold in Fold::ALL {
            for (lanes, groups) in [(12, 1), (12, 3), (7, 1), (5, 5), (9, 3)] {
                let a = a.with_lanes(lanes);
                check_operation(O::Reduce { fold }, &[a], &[a.with_lanes(groups)], &[]);
            }
            for lanes in [1, 2, 7, 8] {
                check_operation(O::Scan { fold }, &[a.with_lanes(lanes)], &[a.with_lanes(lanes)], &[]);
            }
        }
        for at in [3, 8, 64].map(Width::Int) {
            let at = Type::secret(at, 1);
            for array in [a, Type::public(width, 12)] {
                check_operation(O::ORead, &[array, at], &[a.with_lanes(1)], &[]);
                check_operation(O::OWrite, &[array, at, a.with_lanes(1)], &[a], &[]);
            }
        }
        for operation in [O::ArgMax, O::ArgMaxs] {
            for lanes in [1, 2, 7, 12] {
                let place = Type::secret(Width::Int(4), 1);
                check_operation(operation, &[a.with_lanes(lanes)], &[a.with_lanes(1), place], &[]);
            }
        }
    }
    let a = Type::secret(Width::Int(16), 6);
    let matmul = O::MatMul { rows: 2, inner: 3, columns: 4 };
    for b in [a.with_lanes(12), Type::public(Width::Int(16), 12)] {
        check_operation(matmul, &[a, b], &[a.with_lanes(8)], &[]);
        assert!(joined(&[a, b]));
    }
}

#[test]
fn what_is_revealed_may_be_branched_on_and_looped_over() {
    let (word, bit) = (Width::Int(32), Width::BIT);
    let (secret, public) = (Type::secret(word, 1), Type::public(word, 1));
    let verified = program(&[secret, secret], &[secret, public], Vec::new(), |main, inputs| {
        // The smaller one, revealed, says how often the larger one is doubled; then a branch on whether it was small.
        let less = main.push(Operation::Lt, &[inputs[0], inputs[1]], &[Type::secret(bit, 1)])[0];
        let least = main.push(Operation::Select, &[less, inputs[0], inputs[1]], &[secret])[0];
        let most = main.push(Operation::Select, &[less, inputs[1], inputs[0]], &[secret])[0];
        let times = main.push(Operation::Reveal { release: 0 }, &[least], &[public])[0];
        let (body, values) = main.open(&[public, secret]);
        let twice = main.push(Operation::Add, &[values[1], values[1]], &[secret])[0];
        let product = main.push(Operation::Mul, &[twice, inputs[0]], &[secret])[0];
        main.close(&[product]);
        let grown = main.push(Operation::Loop { body, bound: 40 }, &[times, most], &[secret])[0];
        let ten = main.push(Operation::Int { value: 10 }, &[], &[public])[0];
        let small = main.push(Operation::Lt, &[times, ten], &[Type::public(bit, 1)])[0];
        let (then, _) = main.open(&[]);
        let one = main.push(Operation::Int { value: 1 }, &[], &[public])[0];
        main.close(&[one]);
        let (otherwise, _) = main.open(&[]);
        let sum = main.push(Operation::Add, &[times, ten], &[public])[0];
        main.close(&[sum]);
        let told = main.push(Operation::If { then, otherwise }, &[small], &[public])[0];
        let (test, values) = main.open(&[public]);
        let limit = main.push(Operation::Int { value: 1000 }, &[], &[public])[0];
        let goes_on = main.push(Operation::Lt, &[values[0], limit], &[Type::public(bit, 1)])[0];
        main.close(&[goes_on]);
        let (body, values) = main.open(&[public]);
        let twice = main.push(Operation::Add, &[values[0], values[0]], &[public])[0];
        main.close(&[twice]);
        let told = main.push(Operation::While { test, body, bound: 12 }, &[told], &[public])[0];
        vec![grown, told]
    });
    for (a, b) in [(3, 9), (9, 3), (20, 30), (0, 5), (41, 42), (40, 99)] {
        check(&verified, &[vec![a], vec![b]], a);
    }
}

#[test]
fn what_has_no_protocol_is_refused_by_name() {
    let a = Type::secret(Width::Field, 1);
    let verified = program(&[a, a], &[a], Vec::new(), |main, inputs| vec![main.push(Operation::Mul, inputs, &[a])[0]]);
    let refused = run(&verified, &[vec![1], vec![2]], 1, Security::SemiHonest).expect_err("no field yet");
    assert!(refused.contains("has no protocol yet"), "{refused}");
}
