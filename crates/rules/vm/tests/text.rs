//! The text form holds whatever a program is.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use vm::sample;
use vm::text::{assemble, disassemble};
use vm::{certify, verify};

#[test]
fn what_is_disassembled_is_assembled_to_the_same_program() {
    for seed in 0..1_000 {
        let program = sample::program(seed, 40);
        let text = disassemble(&program);
        let again = assemble(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(&again, program.program(), "seed {seed}\n{text}");
        assert!(verify(again).is_ok(), "seed {seed}");
    }
}

fn check(text: &str, line: u32, what: &str) {
    let error = assemble(text).unwrap_err();
    assert_eq!((error.line, error.what.as_str()), (line, what), "{text}");
}

#[test]
fn what_is_no_program_is_told_with_its_line() {
    check("", 1, "expected `talea`");
    check("talea 1\nfrob", 2, "`frob` begins nothing: expected port, constant, release, host, certificate or function");
    check("talea 1\nport on", 2, "expected `in` or `out`");
    check("talea 1\nrelease \"a b\" 1", 2, "a name has at most 64 printable characters and no spaces");
    check("talea 1\nrelease \"a", 2, "expected a closing quote");
    check("talea 1\nconstant u65 = (1)", 2, "`u65` is no type: expected u1 to u64, or field");
    let body = |lines: &str| format!("talea 1\nfunction \"f\" [] -> () releases () {{\n{lines}\ngive () }}");
    check(&body("%a : u8 = int 1 ()\n%b : u8 = neg (%c)"), 4, "there is no value `%c` yet");
    check(&body("%a : u8 = int 1 ()\n%a : u8 = int 1 ()\n"), 6, "there are two values `%a`");
    check(&body("%a : u8 = int ()\n"), 5, "`int` is no operation, or carries something else");
    check(&body("repeat 1 () [] { "), 4, "the text ends too early");
}

#[test]
fn any_text_gets_an_answer() {
    let words = [
        "talea", "1", "function", "\"f\"", "[", "]", "->", "(", ")", "releases", "{", "}", "%a", ":", "u8", "=", "int",
        "7", "give", "repeat", "if", "x", "secret", ",", "port", "in", "#", "\n", "constant", "é",
    ];
    let mut chance = sample::Chance::new(3);
    for _ in 0..20_000 {
        let mut text = "talea 1\nfunction \"f\" [] -> () releases () { ".to_owned();
        (0..chance.below(30)).for_each(|_| {
            text.push_str(chance.pick(&words));
            text.push(' ');
        });
        if let Ok(program) = assemble(&text) {
            let _ = certify(program);
        }
    }
}
