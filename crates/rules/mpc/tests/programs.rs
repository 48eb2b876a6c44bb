//! Programs among three parties in one thread, compared with the direct evaluation in what they give and what they cost.

mod parties;

use mpc::{Prepared, Security};
use parties::{check, check_prepared, program};
use std::sync::Arc;
use vm::sample::Chance;
use vm::{Constant, Fold, Host, Instruction, Operation, Type, Verified, Width, certify};

/// Checks one operation on operands of these types with many inputs.
fn check_operation(operation: Operation, takes: &[Type], gives: &[Type], constants: &[Constant]) {
    let verified = program(takes, gives, constants.to_vec(), |main, inputs| {
        let first = main.push(operation, inputs, gives)[0];
        (first..).take(gives.len()).collect()
    });
    let prepared = parties::prepared(&verified);
    let mut chance = Chance::new(11);
    // A long division takes the parties a while.
    let is_long = verified.program().certificate.rounds > 200;
    for seed in 0..if is_long { 2 } else { 4 } {
        let inputs: Vec<Vec<u64>> =
            takes.iter().map(|kind| (0..kind.lanes).map(|_| chance.lane(kind.width.largest())).collect()).collect();
        check_prepared(&verified, &prepared, &inputs, seed);
    }
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
fn products_quotients_and_shifts_are_those_of_the_direct_evaluation() {
    use Operation as O;
    for width in [1, 2, 7, 32, 33, 63, 64] {
        let kind = Type::public(Width::Int(width), 5);
        let mut operations = vec![O::MulHi, O::MulHis, O::Shlv, O::Shrv, O::Sarv, O::Div, O::Rem, O::Divs, O::Rems];
        for fraction in [0, 1, width / 2, width - 1].into_iter().filter(|fraction| *fraction < width) {
            operations.extend([O::MulFix { fraction }, O::DivFix { fraction }]);
        }
        for operation in operations {
            let labels = [[true, true], [true, false], [false, true]];
            let labels = if width < 32 { &labels[..] } else { &labels[usize::from(width) % 3..][..1] };
            for labels in labels {
                let [a, b] = labels.map(|is_secret| labelled(kind, is_secret));
                check_operation(operation, &[a, b], &[Type::secret(kind.width, 5)], &[]);
            }
        }
    }
}

#[test]
fn elements_of_the_field_are_those_of_the_direct_evaluation() {
    use Operation as O;
    for lanes in [1, 3, 70] {
        let kind = Type::public(Width::Field, lanes);
        let to = Type::secret(Width::Field, lanes);
        for labels in [[true, true], [true, false], [false, true]] {
            let [a, b] = labels.map(|is_secret| labelled(kind, is_secret));
            for operation in [O::Add, O::Sub, O::Mul, O::Div] {
                check_operation(operation, &[a, b], &[to], &[]);
            }
            check_operation(O::Eq, &[a, b], &[to.with_width(Width::BIT)], &[]);
            check_operation(O::Select, &[Type::secret(Width::BIT, lanes), a, b], &[to], &[]);
            check_operation(O::Dot, &[a, b], &[to.with_lanes(1)], &[]);
        }
        check_operation(O::Neg, &[to], &[to], &[]);
        for fold in [Fold::Add, Fold::Mul] {
            check_operation(O::Reduce { fold }, &[to], &[to.with_lanes(1)], &[]);
            check_operation(O::Scan { fold }, &[to], &[to], &[]);
        }
        for width in WIDTHS.map(Width::Int) {
            check_operation(O::ToField, &[to.with_width(width)], &[to], &[]);
            check_operation(O::FromField, &[to], &[to.with_width(width)], &[]);
        }
        let at = Type::secret(Width::Int(7), 1);
        for array in [kind, to] {
            check_operation(O::ORead, &[array, at], &[to.with_lanes(1)], &[]);
            check_operation(O::OWrite, &[array, at, to.with_lanes(1)], &[to], &[]);
        }
    }
}

#[test]
fn constants_and_tables_are_those_of_the_program() {
    let mut chance = Chance::new(5);
    for width in [Width::BIT, Width::Int(13), Width::Int(64), Width::Field] {
        for bits in [1, 3, 7] {
            let kind = Type::public(width, 1 << bits);
            let lanes = (0..kind.lanes).map(|_| chance.lane(width.largest())).collect();
            let constants = [Constant { kind, lanes }];
            check_operation(Operation::Const { constant: 0 }, &[], &[kind], &constants);
            for index in [Type::public(Width::Int(bits), 5), Type::secret(Width::Int(bits), 5)] {
                let to = kind.with_lanes(5).with_label(index.label);
                check_operation(Operation::Lut { constant: 0 }, &[index], &[to], &constants);
            }
        }
    }
}

#[test]
fn rows_are_sorted_and_equal_keys_stay_in_order() {
    for operation in [Operation::Sort, Operation::Sorts] {
        for lanes in [1, 2, 3, 8, 13] {
            for width in [1, 2, 9, 64].map(Width::Int) {
                let key = Type::secret(width, lanes);
                let beside = [Type::secret(Width::Field, lanes), Type::secret(Width::Int(5), lanes)];
                let all = [key, beside[0], beside[1], key.with_width(Width::BIT)];
                check_operation(operation, &[key], &[key], &[]);
                check_operation(operation, &all, &all, &[]);
                let known = [Type::public(width, lanes), beside[1]];
                check_operation(operation, &known, &[key, beside[1]], &[]);
            }
        }
    }
}

#[test]
fn a_shuffle_keeps_the_rows_and_gives_every_order() {
    let kinds = [Width::Int(8), Width::BIT, Width::Field].map(|width| Type::secret(width, 3));
    let verified = program(&kinds, &kinds, Vec::new(), |main, inputs| main.push(Operation::Shuffle, inputs, &kinds));
    let inputs = [vec![10, 20, 30], vec![0, 1, 1], vec![7, 8, 9]];
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..600 {
        let ran = parties::run(&verified, &inputs, seed).expect("nothing stops it");
        let order: Vec<usize> =
            ran.outputs[2].iter().map(|number| usize::try_from(number - 7).expect("one of three")).collect();
        for (column, input) in ran.outputs.iter().zip(&inputs) {
            let moved: Vec<u64> = order.iter().map(|lane| input[*lane]).collect();
            assert_eq!(column, &moved);
        }
        *seen.entry(order).or_insert(0) += 1;
        let certificate = verified.program().certificate;
        assert_eq!(ran.measured[0].rounds, certificate.rounds);
        assert_eq!(ran.measured[0].bytes, certificate.sent_first);
    }
    // A hundred of each are expected; forty are six standard deviations.
    assert_eq!(seen.len(), 6);
    assert!(seen.values().all(|count| (60..=140).contains(count)), "{seen:?}");
}

#[test]
fn what_nobody_knows_is_uniform() {
    for width in [Width::BIT, Width::Int(3), Width::Field] {
        let kind = Type::secret(width, 64);
        let verified = program(&[], &[kind], Vec::new(), |main, _| main.push(Operation::Rand, &[], &[kind]));
        let mut low = 0;
        for seed in 0..50 {
            let ran = parties::run(&verified, &[], seed).expect("nothing stops it");
            assert!(ran.outputs[0].iter().all(|number| *number <= width.largest()));
            low += ran.outputs[0].iter().filter(|number| **number <= width.largest() / 2).count();
        }
        // Half of 3,200; the standard deviation is 28.
        assert!((1430..=1770).contains(&low), "{width:?} {low}");
    }
}

/// A program that tells the host its one input, and takes an answer if there is one.
fn asking(results: &[Type]) -> Verified {
    let kind = Type::public(Width::Int(8), 2);
    let mut verified = program(&[kind], &[kind], Vec::new(), |_, inputs| inputs.to_vec()).program().clone();
    verified.hosts.push(Host {
        name: parties::name("print"),
        parameters: vec![kind],
        results: results.to_vec(),
        fuel: 1,
    });
    let instructions = &mut verified.functions[0].blocks[0].instructions;
    instructions.push(Instruction {
        operation: Operation::Host { host: 0 },
        operands: vec![0],
        results: results.to_vec(),
    });
    certify(verified).expect("it keeps every rule")
}

#[test]
fn what_a_program_tells_is_kept_and_what_it_asks_is_refused_by_name() {
    let ran = parties::run(&asking(&[]), &[vec![3, 4]], 1).expect("nothing stops it");
    assert_eq!(ran.told, [(0, vec![vec![3, 4]])]);
    let asks = asking(&[Type::public(Width::BIT, 1)]);
    let refused = Prepared::new(Arc::new(asks)).err().expect("nobody answers");
    assert_eq!(refused.operation, "host");
    assert!(refused.to_string().contains("make an answer an input"), "{refused}");
}

#[test]
fn what_a_lie_could_change_unseen_is_refused_by_name() {
    let word = Type::secret(Width::Int(8), 3);
    let element = Type::secret(Width::Field, 3);
    for (operation, kind) in [(Operation::Shuffle, word), (Operation::Neg, element)] {
        let verified =
            Arc::new(program(&[kind], &[kind], Vec::new(), |main, inputs| main.push(operation, inputs, &[kind])));
        assert!(Prepared::new(Arc::clone(&verified)).is_ok());
        assert!(Prepared::secure(verified, Security::Malicious).is_err());
    }
}
