//! The compiler of private programs on one long source, in processor time.

use crate::Measured;
use crate::machine::thread_seconds;
use crate::measure::runs;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use types::Encode as _;

/// How long the source is.
const BYTES: usize = 1_000_000;

/// Reads, checks and compiles; all of it must reach the bytecode.
pub(crate) fn lang(quick: bool) -> Vec<Measured> {
    let (text, functions) = source();
    let (mut reads, mut compiles, mut mix) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..runs(quick) {
        let start = thread_seconds();
        let parsed = ::lang::read("long.stfl", &text, &BTreeMap::new()).expect("the source is well formed");
        reads.push(thread_seconds() - start);
        let compiled = parsed.compile("main", &::lang::Options::default()).expect("the program is complete");
        compiles.push(thread_seconds() - start);
        let bytes = compiled.program.program().to_bytes().len();
        mix = format!("{} bytes with {functions} functions, all of them called, become {bytes} bytes", text.len());
        black_box(compiled);
    }
    vec![
        Measured { name: "lang/read", unit: "s", runs: reads, mix: "lexed, parsed, resolved and checked".to_owned() },
        Measured { name: "lang/compile", unit: "s", runs: compiles, mix },
    ]
}

/// Functions of the usual kind, no two alike, and a `main` that calls each.
fn source() -> (String, usize) {
    let mut text = String::from("client c:\n  a: secret int64\n  b: secret int64\n\n");
    let mut functions = 0;
    // The calls in `main` take some 30 bytes each.
    while text.len() + functions * 30 < BYTES {
        let one = format!(
            "# Mixes two numbers, in the way of number {functions}.\n\
             def mix_{functions}(a: secret int64, b: secret int64) -> secret int64:\n\
             \x20 var high = max(a + {functions}, b)\n\
             \x20 var low: secret int64 = a xor (b + {functions})\n\
             \x20 if low < high:\n\
             \x20   low = low * 3 + high\n\
             \x20 elif low == {functions}:\n\
             \x20   low = high - 1\n\
             \x20 for round in 0..3:\n\
             \x20   low += high * (round + {functions})\n\
             \x20 return low - high\n\n"
        );
        text.push_str(&one);
        functions += 1;
    }
    text.push_str("def main() -> int64:\n  var sum = c.a\n");
    for number in 0..functions {
        writeln!(text, "  sum = mix_{number}(sum, c.b)").expect("a text grows");
    }
    text.push_str("  return sum.reveal()\n");
    (text, functions)
}
