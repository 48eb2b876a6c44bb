//! Every function of the library, on values that the compiler knows and on secrets that only the run knows.

use lang::Options;
use std::collections::BTreeMap;
use vm::{Engine, Limits};

struct Nothing;

impl vm::World for Nothing {
    fn random(&mut self) -> u64 {
        3
    }

    fn call(&mut self, _host: u32, _arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        Some(Vec::new())
    }
}

/// Counts where two lists differ.
const DIFFER: &str = "def differ[T](a: list[T], b: list[bool]) -> int64:
  var count: int64 = 0
  for i in 0..a.len():
    count += int64((a[i] xor b[i]).reveal())
  return count
";

/// `X` stands for numbers, and `V` for a list of them: as known values, and then as what a client puts in.
fn check(assertion: &str, x: &[&str], ty: &str) {
    let list = x.join(", ");
    let length = x.len();
    let known = format!(
        "{DIFFER}def main() -> int64:\n  var V: list[{ty}] = [{list}]\n  var X: {ty} = V[0]\n  assert {assertion}\n  return 1\n"
    );
    let secret = format!(
        "client c:\n  v: list[secret {ty}, {length}]\n\n{DIFFER}def main() -> int64:\n  var V = c.v\n  var X = V[0]\n  \
         assert ({assertion}).reveal()\n  return 1\n"
    );
    for text in [known, secret] {
        let program =
            lang::read("library.stfl", &text, &BTreeMap::new()).unwrap_or_else(|failed| panic!("{}", failed.render()));
        let compiled =
            program.compile("main", &Options::default()).unwrap_or_else(|failed| panic!("{}", failed.render()));
        let ports = compiled.program.program().ports.iter().filter(|port| !port.is_output);
        let inputs: Vec<Vec<u64>> =
            ports.map(|port| lang::lanes(&x.join(","), port.kind, port.meaning).expect("it is well formed")).collect();
        let limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };
        let run = vm::clear::Clear.run(&compiled.program, &inputs, limits, &mut Nothing);
        assert!(
            run.is_ok(),
            "{assertion} of {x:?}: {}\n{text}",
            run.err().map_or(String::new(), |stop| stop.to_string())
        );
    }
}

#[test]
fn the_smaller_and_the_larger() {
    check("min(X, 3) == 3 and max(X, 3) == 5", &["5"], "int64");
    check("min(X, 3) == -5 and max(X, 3) == 3", &["-5"], "int64");
    check("X.min(3.0) == 2.5", &["2.5"], "fix64");
}

#[test]
fn distance_bounds_and_what_is_positive() {
    check("abs(X) == 7 and clamp(X, -3, 3) == -3 and relu(X) == 0", &["-7"], "int64");
    check("abs(X) == 7 and clamp(X, -3, 3) == 3 and relu(X) == 7", &["7"], "int64");
    check("abs(X) == 1.5 and relu(X) == 0.0", &["-1.5"], "fix64");
}

#[test]
fn a_choice() {
    check("select(X > 3, 10, 20) == 10", &["4"], "int64");
    check("select(X > 3, 10, 20) == 20", &["3"], "int64");
}

#[test]
fn lists_as_a_whole() {
    let five = ["5", "-3", "8", "0", "2"];
    check("smallest(V) == -3 and largest(V) == 8", &five, "int64");
    check("argmin(V) == 1 and argmax(V) == 2", &five, "int64");
    check("sum(V) == 12 and mean(V) == 2 and median(V) == 2", &five, "int64");
    check("tally(V, 8) == 1 and tally(V, 9) == 0", &five, "int64");
    check("dot(V, V) == 102", &five, "int64");
    check("lookup(V, 2) == 8 and lookup(V, 9) == 0", &five, "int64");
    check("sum(store(V, 0, 6)) == 13", &five, "int64");
    check("sum(shuffle(V)).reveal() == 12", &five, "int64");
    check("sort(V)[0] == -3 and sort(V)[4] == 8", &five, "int64");
    check("matmul([V, V], [[1], [1], [1], [1], [1]])[1][0] == 12", &five, "int64");
    check("8 in V and not (9 in V)", &five, "int64");
    check("sort(V)[0] == 3 and largest(V) == 200", &["200", "3", "7"], "uint8");
}

#[test]
fn roots() {
    for (square, root) in [("0", "0"), ("1", "1"), ("24", "4"), ("25", "5"), ("4611686018427387903", "2147483647")] {
        if square.len() < 12 {
            check(&format!("isqrt(X) == {root}"), &[square], "int64");
        }
    }
    check("isqrt(X) == 2147483647", &["4611686014132420609"], "int64");
    check("abs(sqrt(X) - 1.4142) < 0.0002 and sqrt(X) * sqrt(X) <= X", &["2"], "fix64");
    check("sqrt(X) == 300.5", &["90300.25"], "fix64");
}

#[test]
fn powers_of_e() {
    check("abs(exp(X) - 1.0) < 0.001", &["0"], "fix64");
    check("abs(exp(X) - 2.71828) < 0.01", &["1"], "fix64");
    check("abs(exp(X) - 0.1353) < 0.01", &["-2"], "fix64");
    check("abs(sigmoid(X) - 0.5) < 0.01", &["0"], "fix64");
    check("abs(sigmoid(X) - 0.8808) < 0.01", &["2"], "fix64");
    check("sigmoid(X) > 0.98", &["100"], "fix64");
}

#[test]
fn turned_bits() {
    check("rotate(X, 8) == 878082066 and rotate(X, 0) == X", &["305419896"], "uint32");
    check("rotate(X, 1) == -1 and rotate(X, 63) == X", &["-1"], "int64");
}

#[test]
fn distances_from_the_mean() {
    let many = ["4", "8", "-6", "2", "9", "1", "7", "3", "5", "5", "0", "2", "6", "4", "12", "2"];
    check("mean(V) == 4 and variance(V) == 16", &many, "int64");
    check("covariance(V, V) == variance(V)", &many, "int64");
    check("abs(variance(V) - 1.25) < 0.01", &["1", "2", "3", "4"], "fix64");
}

#[test]
fn what_a_winner_pays() {
    check("argmax(V) == 1 and second_price(V) == 40", &["37", "42", "40", "-3"], "int64");
    check("second_price(V) == 42", &["42", "42", "1"], "int64");
    check("second_price(V) == 7", &["9", "7"], "uint16");
}

#[test]
fn a_small_network_infers() {
    // Two hidden neurons and one output: exclusive or, as it is taught.
    let hidden = "dense_relu([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], V)";
    let output = format!("dense([[1.0, -2.0]], [0.0], {hidden})[0]");
    for (x, y, gives) in [("0", "0", "0.0"), ("1", "0", "1.0"), ("0", "1", "1.0"), ("1", "1", "0.0")] {
        check(&format!("{output} == {gives}"), &[x, y], "fix64");
    }
}

/// The words of FIPS 180-4's examples, padded.
#[test]
fn a_digest() {
    let block = |words: &[u32]| -> Vec<String> { words.iter().map(u32::to_string).collect() };
    let mut abc = vec![0x6162_6380_u32];
    abc.resize(15, 0);
    abc.push(24);
    let words = block(&abc);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let wanted =
        [0xba78_16bf_u32, 0x8f01_cfea, 0x4141_40de, 0x5dae_2223, 0xb003_61a3, 0x9617_7a9c, 0xb410_ff61, 0xf200_15ad];
    let first = format!("sha256(V)[0] == {} and sha256(V)[7] == {}", wanted[0], wanted[7]);
    check(&first, &words, "uint32");
    let parts: Vec<String> = (1..7).map(|at| format!("digest[{at}] == {}", wanted[at])).collect();
    assert_eq!(parts.len(), 6);
    check(&parts.join(" and ").replace("digest", "sha256(V)"), &words, "uint32");
}

/// The bits of bytes, the lowest of each byte first.
fn bits(bytes: &[u8]) -> Vec<&'static str> {
    let bit = |byte: u8, at: u32| if byte >> at & 1 == 1 { "True" } else { "False" };
    bytes.iter().flat_map(|byte| (0..8).map(move |at| bit(*byte, at))).collect()
}

/// FIPS 197, appendix B.
#[test]
fn a_block_under_a_key() {
    let key = [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
    let block = [0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34];
    let wanted = [0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32];
    let given = bits(&[key, block].concat());
    let wanted = bits(&wanted).join(", ");
    check(&format!("differ(aes128(V[0:128], V[128:256]), [{wanted}]) == 0"), &given, "bool");
}

#[test]
fn a_block_under_a_secret_key_takes_few_rounds() {
    let text = "client c:\n  key: list[secret bool, 128]\n  block: list[secret bool, 128]\n\n\
                def main() -> list[bool]:\n  return aes128(c.key, c.block).reveal()\n";
    let program = lang::read("aes.stfl", text, &BTreeMap::new()).expect("it is well formed");
    let cost = |optimise| {
        let options = Options { optimise, ..Options::default() };
        program.compile("main", &options).expect("it is complete").program.program().certificate
    };
    let (with, without) = (cost(true), cost(false));
    assert_eq!(with.rounds, 41, "four a round, and one to reveal");
    // The boxes of the state fill their bytes; those of the key come four at a time, each bit in a byte of its own.
    assert!(with.sent_first < 2_200 && with.sent_first * 3 < without.sent_first, "{with:?} {without:?}");
}
