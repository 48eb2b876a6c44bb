//! The committed example programs give the committed outputs.

use sandbox::{Limits, Run, Sandbox};

const LIMITS: Limits = Limits { fuel: 100_000_000, memory_bytes: 512 << 20, output_bytes: 1 << 20, wall_ms: 60_000 };

const WORDCOUNT: &[u8] = include_bytes!("../../../../examples/wordcount/wordcount.wasm");
const INPUT: &[u8] = include_bytes!("../../../../examples/wordcount/input.txt");
const EXPECTED: &str = include_str!("../../../../examples/wordcount/expected.txt");

fn wordcount(input: &[u8], limits: &Limits) -> Result<Run, sandbox::Error> {
    Sandbox::new()?.run(WORDCOUNT, input, limits)
}

#[test]
fn wordcount_gives_the_expected_counts_and_burns_equal_fuel() {
    let first = wordcount(INPUT, &LIMITS).unwrap();
    assert_eq!(String::from_utf8_lossy(&first.output), EXPECTED);
    assert_eq!(wordcount(INPUT, &LIMITS).unwrap(), first);
}

#[test]
fn wordcount_of_nothing_is_zero() {
    let run = wordcount(b"", &LIMITS).unwrap();
    assert_eq!(run.output, b"lines 0\nwords 0\nbytes 0\n\n");
}

#[test]
fn wordcount_breaks_ties_by_alphabet() {
    let run = wordcount(b"b a-B A ab\n\nc3 c10", &LIMITS).unwrap();
    let expected = "lines 3\nwords 7\nbytes 18\n\na 2\nb 2\nab 1\nc10 1\nc3 1\n";
    assert_eq!(String::from_utf8_lossy(&run.output), expected);
}

#[test]
fn wordcount_takes_eight_mebibytes() {
    let limits = Limits { fuel: 10_000_000_000, ..LIMITS };
    // A million words, each new: the table grows as far as it can.
    let input: String = (0..1 << 20).map(|number| format!("{number:07x} ")).collect();
    assert_eq!(input.len(), 8 << 20);
    let run = wordcount(input.as_bytes(), &limits).unwrap();
    let output = String::from_utf8_lossy(&run.output);
    let expected = "lines 1\nwords 1048576\nbytes 8388608\n\n0000000 1\n0000001 1\n";
    assert!(output.starts_with(expected), "{output}");
}

#[test]
fn wordcount_says_when_memory_is_short() {
    let limits = Limits { memory_bytes: 1 << 20, ..LIMITS };
    let error = wordcount(&vec![b' '; 1 << 20], &limits).unwrap_err();
    assert!(matches!(error, sandbox::Error::MemoryLimit { .. }), "{error}");
}
