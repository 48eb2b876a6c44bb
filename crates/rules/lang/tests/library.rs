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

/// `X` stands for numbers, and `V` for a list of them: as known values, and then as what a client puts in.
fn check(assertion: &str, x: &[&str], ty: &str) {
    let list = x.join(", ");
    let length = x.len();
    let known = format!(
        "def main() -> int64:\n  var V: list[{ty}] = [{list}]\n  var X: {ty} = V[0]\n  assert {assertion}\n  return 1\n"
    );
    let secret = format!(
        "client c:\n  v: list[secret {ty}, {length}]\n\ndef main() -> int64:\n  var V = c.v\n  var X = V[0]\n  \
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
