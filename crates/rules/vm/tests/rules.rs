//! Each rule of the verifier refuses what breaks it, and says which rule it was.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use std::collections::BTreeSet;
use types::{Decode, Encode, limits};
use vm::sample::{self, Chance};
use vm::text::assemble;
use vm::{Certificate, Label, Name, Operation, Program, Rule, Type, Width, certify, verify, verify_bytes};

const PORTS: &str = "port in \"alice\" \"a\" : secret u8 unsigned\nport in \"\" \"b\" : u8 unsigned\n";
const READS: &str = "%a : secret u8 = input 0 ()\n%b : u8 = input 1 ()\n";

/// A program whose first function has these lines, where `%a` is a secret byte and `%b` a public one.
fn with(head: &str, lines: &str) -> Program {
    let text = format!(
        "talea 1\n{PORTS}{head}\nfunction \"main\" [] -> () releases () {{\n{READS}{lines}\ngive ()\n}}\n\
         function \"twice\" [%x : u8] -> (u8) releases () {{ %y : u8 = add (%x, %x) give (%y) }}"
    );
    assemble(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(head: &str, lines: &str) -> Option<Rule> {
    certify(with(head, lines)).err().map(|refusal| refusal.rule)
}

/// Lines that are right, and one change that is not.
fn check(right: &str, wrong: &str, rule: Rule, seen: &mut BTreeSet<Rule>) {
    check_with("", right, "", wrong, rule, seen);
}

fn check_with(right_head: &str, right: &str, wrong_head: &str, wrong: &str, rule: Rule, seen: &mut BTreeSet<Rule>) {
    assert_eq!(refused(right_head, right), None, "{right_head}{right}");
    assert_eq!(refused(wrong_head, wrong), Some(rule), "{wrong_head}{wrong}");
    seen.insert(rule);
}

fn lines_of_types(seen: &mut BTreeSet<Rule>) {
    let cases = [
        ("%c : u8 = add (%b, %b)", "%c : u8 = add (%b)", Rule::Operands),
        ("%c : u8 = add (%b, %b)", "%c : u8, %d : u8 = add (%b, %b)", Rule::Results),
        ("%c : u8 = add (%b, %b)", "%z : u9 = int 1 () %c : u8 = add (%b, %z)", Rule::OperandType),
        ("%c : u8 = add (%b, %b)", "%c : u9 = add (%b, %b)", Rule::ResultType),
        ("%c : u8 = shl 7 (%b)", "%c : u8 = shl 8 (%b)", Rule::Immediate),
        ("%c : u8 = int 255 ()", "%c : u8 = int 256 ()", Rule::Immediate),
        (
            "%c : u8 x 3 = splat (%b) %d : u8 x 2 = slice 1 1 (%c)",
            "%c : u8 x 3 = splat (%b) %d : u8 x 2 = slice 1 2 (%c)",
            Rule::Immediate,
        ),
        ("%c : u8 = mulfix 7 (%b, %b)", "%c : u8 = mulfix 8 (%b, %b)", Rule::Immediate),
        ("%c : u8 x 1048576 = splat (%b)", "%c : u8 x 1048577 = splat (%b)", Rule::Lanes),
        ("%c : u8 x 1048576 = splat (%b)", "%c : u8 x 0 = splat (%b)", Rule::Lanes),
        ("%c : field = tofield (%b)", "%c : u8 = tofield (%b)", Rule::ResultType),
        ("%c : u16 = zext (%b)", "%c : u8 = zext (%b)", Rule::ResultType),
        ("%c : u8 = narrow (%b)", "%c : u9 = narrow (%b)", Rule::ResultType),
        ("%c : u1 x 8 = bits (%b)", "%c : u1 x 9 = bits (%b)", Rule::ResultType),
        (
            "%c : u8 x 4 = splat (%b) %d : u8 x 2 = reduce min (%c)",
            "%c : u8 x 4 = splat (%b) %d : u8 x 3 = reduce min (%c)",
            Rule::ResultType,
        ),
        (
            "%f : field = tofield (%b) %d : field = reduce mul (%f)",
            "%f : field = tofield (%b) %d : field = reduce min (%f)",
            Rule::OperandType,
        ),
        (
            "%f : field = tofield (%b) %d : u1 = eq (%f, %f)",
            "%f : field = tofield (%b) %d : u1 = lt (%f, %f)",
            Rule::OperandType,
        ),
        (
            "%c : u8 x 4 = splat (%b) %d : u8, %e : u2 = argmax (%c)",
            "%c : u8 x 4 = splat (%b) %d : u8, %e : u1 = argmax (%c)",
            Rule::ResultType,
        ),
        (
            "%c : u8 x 6 = splat (%b) %d : u8 x 4 = matmul 2 3 2 (%c, %c)",
            "%c : u8 x 6 = splat (%b) %d : u8 x 4 = matmul 2 2 2 (%c, %c)",
            Rule::OperandType,
        ),
        (
            "%c : u8 x 4 = splat (%b) %d : u8 x 4 = get (%c, %b)",
            "%c : u8 x 4 = splat (%b) %d : u8 x 5 = get (%c, %b)",
            Rule::ResultType,
        ),
    ];
    for (right, wrong, rule) in cases {
        check(right, wrong, rule, seen);
    }
}

fn lines_of_labels(seen: &mut BTreeSet<Rule>) {
    let array = "%c : u8 x 4 = splat (%b)";
    let release = "release \"r\" 0\n";
    let host = "host \"h\" (u8) -> () fuel 1\n";
    let cases = [
        ("", "%c : secret u8 = add (%a, %b)", "%c : u8 = add (%a, %b)", Rule::LabelLost),
        ("", "%c : u8 = add (%b, %b)", "%c : secret u8 = add (%b, %b)", Rule::LabelFalse),
        ("", "%c : secret u8 = rand ()", "%c : u8 = rand ()", Rule::LabelLost),
        ("", "%c : u8 = int 1 ()", "%c : secret u8 = int 1 ()", Rule::LabelFalse),
        ("", "%c : secret u8 = classify (%b)", "%c : secret u8 = classify (%a)", Rule::NotSecret),
        (release, "%c : u8 = reveal 0 (%a)", "%c : u8 = reveal 0 (%b)", Rule::NotSecret),
        (release, "%c : u8 = reveal 0 (%a)", "%c : u8 = reveal 1 (%a)", Rule::Release),
        (host, "host 0 (%b)", "host 0 (%a)", Rule::SecretHost),
        ("", "%f : u1 = eq (%b, %b) check 1 (%f)", "%f : secret u1 = eq (%a, %b) check 1 (%f)", Rule::SecretCheck),
        (
            "",
            "%f : u1 = eq (%b, %b) if (%f) [] { give () } [] { give () }",
            "%f : secret u1 = eq (%a, %b) if (%f) [] { give () } [] { give () }",
            Rule::SecretBranch,
        ),
        (
            "",
            "loop 300 (%b) [%i : u8] { give () }",
            "loop 300 (%a) [%i : secret u8] { give () }",
            Rule::BlockParameters,
        ),
        ("", "loop 300 (%b) [%i : u8] { give () }", "loop 300 (%a) [%i : u8] { give () }", Rule::SecretBranch),
        (
            "",
            "while 3 () [] { %f : u1 = eq (%b, %b) give (%f) } [] { give () }",
            "while 3 () [] { %f : secret u1 = eq (%a, %b) give (%f) } [] { give () }",
            Rule::SecretBranch,
        ),
    ];
    for (head, right, wrong, rule) in cases {
        check_with(head, right, head, wrong, rule, seen);
    }
    let index = |text: &str| format!("{array} {text}");
    check(&index("%d : u8 = get (%c, %b)"), &index("%d : secret u8 = get (%c, %a)"), Rule::SecretIndex, seen);
    check(
        &index("%d : secret u8 = oread (%c, %a)"),
        &index("%d : secret u8 x 4 = set (%c, %a, %b)"),
        Rule::SecretIndex,
        seen,
    );
    check(&index("%d : u8 = gather (%c, %b)"), &index("%d : secret u8 = gather (%c, %a)"), Rule::SecretIndex, seen);
}

fn lines_of_blocks(seen: &mut BTreeSet<Rule>) {
    let cases = [
        (
            "%r : u8 = repeat 3 (%b) [%i : u8, %x : u8] { give (%x) }",
            "%r : u8 = repeat 3 (%b) [%i : u8] { give (%b) }",
            Rule::BlockParameters,
        ),
        (
            "%r : u8 = repeat 3 (%b) [%i : u8, %x : u8] { give (%x) }",
            "%r : u8 = repeat 3 (%b) [%i : u8, %x : u8] { give () }",
            Rule::BlockResults,
        ),
        (
            "%r : u8 = repeat 3 (%b) [%i : u2, %x : u8] { give (%x) }",
            "%r : u8 = repeat 5 (%b) [%i : u2, %x : u8] { give (%x) }",
            Rule::Immediate,
        ),
        (
            // What a loop carries is secret after one turn, so it is secret before.
            "%s : secret u8 = classify (%b) %r : secret u8 = repeat 3 (%s) [%i : u8, %x : secret u8] { give (%a) }",
            "%r : u8 = repeat 3 (%b) [%i : u8, %x : u8] { give (%a) }",
            Rule::BlockResults,
        ),
        (
            "repeat 3 () [%i : u8] { repeat 1000000 () [%j : u32] { give () } give () }",
            "repeat 1000000000000 () [%i : u64] { repeat 1000000000000 () [%j : u64] { %z : u8 = add (%b, %b) give () } give () }",
            Rule::Cost,
        ),
        ("%r : u8 = call 1 (%b)", "call 1 (%b)", Rule::ResultType),
        ("%r : u8 = call 1 (%b)", "%r : u8 = call 1 ()", Rule::Operands),
        ("%r : u8 = call 1 (%b)", "%r : u8 = call 2 (%b)", Rule::Call),
        ("%r : u8 = call 1 (%b)", "call 0 ()", Rule::Call),
        ("", "%c : u8 = input 1 ()", Rule::PortUse),
        ("", "output 1 (%b)", Rule::PortUse),
        ("", "repeat 1 () [%i : u8] { %c : u8 = input 1 () give () }", Rule::PortPlace),
    ];
    for (right, wrong, rule) in cases {
        check(right, wrong, rule, seen);
    }
    let nested = |depth: usize| {
        let open = |level: usize| format!("repeat 1 () [%i{level} : u1] {{ ");
        (0..depth).map(open).collect::<String>() + &"give () } ".repeat(depth)
    };
    assert_eq!(refused("", &nested(limits::NESTING - 1)), None);
    let text =
        |depth: usize| format!("talea 1\nfunction \"main\" [] -> () releases () {{ {} give () }}", nested(depth));
    assert!(assemble(&text(limits::NESTING)).is_err(), "the assembler stops at the same depth");
    // Built by hand, because the assembler does not write it.
    let mut builder = vm::FunctionBuilder::new(Name::new("main").unwrap(), &[], &[]);
    let bodies: Vec<u32> = (0..limits::NESTING).map(|_| builder.open(&[Type::public(Width::BIT, 1)]).0).collect();
    for body in bodies.into_iter().rev() {
        builder.close(&[]);
        builder.push(Operation::Repeat { body, count: 1 }, &[], &[]);
    }
    let mut program = assemble("talea 1\nfunction \"main\" [] -> () releases () { give () }").unwrap();
    program.functions[0] = builder.finish(&[]);
    assert_eq!(certify(program).unwrap_err().rule, Rule::Nesting);
    seen.insert(Rule::Nesting);
}

fn heads(seen: &mut BTreeSet<Rule>) {
    let cases = [
        ("constant u8 x 2 = (1, 2)", "constant secret u8 x 2 = (1, 2)", Rule::ConstantLabel),
        ("constant u8 x 2 = (1, 2)", "constant u8 x 2 = (1)", Rule::ConstantLanes),
        ("constant u8 x 2 = (1, 255)", "constant u8 x 2 = (1, 256)", Rule::ConstantLanes),
        ("constant field = (18446744069414584320)", "constant field = (18446744069414584321)", Rule::ConstantLanes),
        ("host \"h\" (u8) -> () fuel 1", "host \"h\" (secret u8) -> () fuel 1", Rule::HostLabel),
    ];
    for (right, wrong, rule) in cases {
        check_with(right, "", wrong, "", rule, seen);
    }
    let port = |line: &str, read: &str, wrong: &str, rule: Rule, seen: &mut BTreeSet<Rule>| {
        check_with(line, read, wrong, read, rule, seen);
    };
    let line = "port in \"bob\" \"c\" : secret u8 signed";
    port(line, "%c : secret u8 = input 2 ()", "port in \"alice\" \"a\" : secret u8 signed", Rule::PortName, seen);
    port(line, "%c : secret u8 = input 2 ()", "port in \"bob\" \"\" : secret u8 signed", Rule::PortName, seen);
    port(line, "%c : secret u8 = input 2 ()", "port in \"\" \"c\" : secret u8 signed", Rule::PortLabel, seen);
    port(line, "%c : secret u8 = input 2 ()", "port in \"bob\" \"c\" : secret u8 fixed 8", Rule::PortMeaning, seen);
    port(line, "%c : secret u8 = input 2 ()", "port in \"bob\" \"c\" : secret u8 bool", Rule::PortMeaning, seen);
    assert_eq!(refused(line, ""), Some(Rule::PortUse), "a port that nobody reads");
    assert_eq!(refused(line, "%c : u8 = input 2 ()"), Some(Rule::ResultType), "a port's label is its own");
}

/// Programs that the assembler does not write.
fn by_hand(seen: &mut BTreeSet<Rule>) {
    let right = with("", "%c : u8 = add (%b, %b) repeat 1 () [%i : u8] { %j : u8 = add (%i, %i) give () }");
    assert!(certify(right.clone()).is_ok());
    let mut check = |rule: Rule, change: &dyn Fn(&mut Program)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        assert_eq!(certify(wrong).unwrap_err().rule, rule);
        seen.insert(rule);
    };
    let line = |program: &mut Program, at: usize, operand: u32| {
        program.functions[0].blocks[0].instructions[at].operands[0] = operand
    };
    check(Rule::Unknown, &|program| line(program, 2, 2));
    check(Rule::Unknown, &|program| line(program, 2, 99));
    check(Rule::Unknown, &|program| {
        // The value of the inner block, once the block is over.
        let inner = program.functions[0].blocks[0].instructions.remove(3);
        program.functions[0].blocks[0].instructions.insert(2, inner);
        line(program, 3, 3);
    });
    check(Rule::BlockOrder, &|program| {
        program.functions[0].blocks[0].instructions[3].operation = Operation::Repeat { body: 0, count: 1 };
    });
    check(Rule::BlockOrder, &|program| {
        let spare = program.functions[0].blocks[1].clone();
        program.functions[0].blocks.push(spare);
    });
    check(Rule::Entry, &|program| program.functions[0].results.push(Type::public(Width::BIT, 1)));
    check(Rule::Entry, &|program| program.functions.clear());
    check(Rule::FunctionResults, &|program| program.functions[1].results.push(Type::public(Width::BIT, 1)));
    check(Rule::Bytes, &|program| program.version += 1);
    check(Rule::Size, &|program| {
        let twice = program.functions[1].clone();
        program.functions.extend(std::iter::repeat_n(twice, limits::FUNCTIONS));
    });
    check(Rule::Steps, &|program| {
        let add = program.functions[1].blocks[0].instructions[0].clone();
        let concat = vm::Instruction {
            operation: Operation::Concat,
            operands: vec![0; 1 << 16],
            results: vec![Type { width: Width::Int(8), lanes: 1 << 16, label: Label::Public }],
        };
        program.functions[1].blocks[0].instructions = vec![add];
        program.functions[1].blocks[0].instructions.extend(std::iter::repeat_n(concat, 1_025));
    });
}

fn claims(seen: &mut BTreeSet<Rule>) {
    let program = certify(with("release \"r\" 0", "%c : u8 = reveal 0 (%a)")).unwrap().program().clone();
    assert_eq!(program.releases[0].lanes, 1);
    assert!(verify(program.clone()).is_ok());
    let mut check = |rule: Rule, change: &dyn Fn(&mut Program)| {
        let mut wrong = program.clone();
        change(&mut wrong);
        assert_eq!(verify(wrong).unwrap_err().rule, rule);
        seen.insert(rule);
    };
    check(Rule::ReleaseLanes, &|program| program.releases[0].lanes = 2);
    check(Rule::FunctionReleases, &|program| program.functions[0].releases.clear());
    check(Rule::FunctionReleases, &|program| program.functions[1].releases.push(0));
    let figures: [&dyn Fn(&mut Certificate); 8] = [
        &|certificate| certificate.exact = false,
        &|certificate| certificate.fuel -= 1,
        &|certificate| certificate.slots += 1,
        &|certificate| certificate.rounds -= 1,
        &|certificate| certificate.sent_first += 1,
        &|certificate| certificate.sent_second -= 1,
        &|certificate| certificate.sent_third += 1,
        &|certificate| certificate.preprocessing += 1,
    ];
    for figure in figures {
        check(Rule::Certificate, &|program| figure(&mut program.certificate));
    }
}

#[test]
fn every_rule_refuses_what_breaks_it_and_nothing_else() {
    let mut seen = BTreeSet::new();
    lines_of_types(&mut seen);
    lines_of_labels(&mut seen);
    lines_of_blocks(&mut seen);
    heads(&mut seen);
    by_hand(&mut seen);
    claims(&mut seen);
    let missing: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !seen.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn bytes_that_were_changed_are_refused_or_are_another_program() {
    for seed in 0..200 {
        let program = sample::program(seed, 20);
        let bytes = program.program().to_bytes();
        assert_eq!(verify_bytes(&bytes).as_ref(), Ok(&program));
        let mut chance = Chance::new(seed);
        for _ in 0..200 {
            let mut changed = bytes.clone();
            let at = usize::try_from(chance.below(u64::try_from(bytes.len()).unwrap())).unwrap();
            changed[at] ^= 1 << chance.below(8);
            if let Ok(other) = verify_bytes(&changed) {
                assert_eq!(other.program().to_bytes(), changed, "every program has one encoding");
                assert_ne!(other.program().id(), program.program().id());
            }
        }
        let cut = usize::try_from(chance.below(u64::try_from(bytes.len()).unwrap())).unwrap();
        assert_eq!(verify_bytes(&bytes[..cut]).unwrap_err().rule, Rule::Bytes);
        assert_eq!(verify_bytes(&[&bytes[..], &[0]].concat()).unwrap_err().rule, Rule::Bytes);
    }
    let long = vec![0; limits::BYTECODE_BYTES + 1];
    assert_eq!(verify_bytes(&long).unwrap_err().rule, Rule::Size);
}

#[test]
fn any_bytes_get_an_answer() {
    let mut chance = Chance::new(7);
    for round in 0..20_000_u64 {
        let length = usize::try_from(chance.below(200)).unwrap();
        let mut bytes = vm::VERSION.to_be_bytes().to_vec();
        // Small numbers reach further than random ones: they are lengths and tags.
        let range = if round % 2 == 0 { 256 } else { 4 };
        bytes.extend((0..length).map(|_| u8::try_from(chance.below(range)).unwrap()));
        if let Ok(program) = Program::from_bytes(&bytes) {
            assert_eq!(program.to_bytes(), bytes);
            let _ = verify(program);
        }
    }
}

/// Random drafts with one thing changed reach deep into the verifier; whatever it takes must run.
#[test]
fn what_is_changed_at_random_is_refused_or_runs() {
    use vm::{Engine, Limits, clear::Clear, direct::Direct};
    let limits = Limits { fuel: 100_000, memory_bytes: 1 << 24 };
    let (mut refused, mut ran) = (0, 0);
    for seed in 0..4_000 {
        let mut chance = Chance::new(seed);
        let mut draft = sample::draft(seed % 500, 20);
        let function = usize::try_from(chance.below(u64::try_from(draft.functions.len()).unwrap())).unwrap();
        let function = &mut draft.functions[function];
        let block = usize::try_from(chance.below(u64::try_from(function.blocks.len()).unwrap())).unwrap();
        let block = &mut function.blocks[block];
        let Some(last) = block.instructions.len().checked_sub(1) else { continue };
        let at = usize::try_from(chance.below(u64::try_from(last + 1).unwrap())).unwrap();
        let one = &mut block.instructions[at];
        match chance.below(4) {
            0 => one.operands.iter_mut().for_each(|operand| *operand ^= 1),
            1 => one.results.iter_mut().for_each(|kind| kind.lanes = kind.lanes.wrapping_sub(1)),
            2 => one.operands.truncate(1),
            _ => {
                let tag = u8::try_from(chance.below(128)).unwrap();
                let tail = [0_u8, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
                let found =
                    (0..=tail.len()).find_map(|length| Operation::from_bytes(&[&[tag], &tail[..length]].concat()).ok());
                one.operation = found.unwrap_or(Operation::Add);
            }
        }
        let Ok(program) = certify(draft) else {
            refused += 1;
            continue;
        };
        let inputs = sample::inputs(&program, seed);
        let clear = Clear.run(&program, &inputs, limits, &mut Chance::new(seed));
        let direct = Direct.run(&program, &inputs, limits, &mut Chance::new(seed));
        assert_eq!(clear.map(|run| run.outputs), direct.map(|run| run.outputs), "seed {seed}");
        ran += 1;
    }
    assert!(refused > 1_000 && ran > 100, "{refused} refused, {ran} ran");
}
