//! Programs run, on the direct engine.

use lang::{Compiled, Options, Shown};
use std::collections::BTreeMap;
use vm::{Engine, Limits, Meaning};

struct World<'c> {
    compiled: &'c Compiled,
    printed: Vec<String>,
    state: u64,
}

impl vm::World for World<'_> {
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state
    }

    fn call(&mut self, host: u32, arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        let mut values = arguments.iter();
        let mut line = String::new();
        for shown in &self.compiled.prints[usize::try_from(host).expect("it is well formed")] {
            match shown {
                Shown::Text(text) => line.push_str(text),
                Shown::Value(Meaning::Signed) => {
                    line.push_str(&values.next().expect("it is well formed")[0].cast_signed().to_string());
                }
                Shown::Value(_) => line.push_str(&values.next().expect("it is well formed")[0].to_string()),
            }
        }
        self.printed.push(line);
        Some(Vec::new())
    }
}

/// Runs a program and returns the lanes of its outputs.
fn run(text: &str, inputs: &[(&str, &[i64])]) -> Result<Vec<Vec<u64>>, String> {
    let program = lang::read("main.stfl", text, &BTreeMap::new()).map_err(|failed| failed.render())?;
    let compiled = program.compile("main", &Options::default()).map_err(|failed| failed.render())?;
    let ports = compiled.program.program().ports.iter().filter(|port| !port.is_output);
    let mut lanes = Vec::new();
    for port in ports {
        let name = format!("{}:{}", port.client, port.name);
        let found = inputs.iter().find(|input| input.0 == name).unwrap_or_else(|| panic!("{name} is an input"));
        let mask = port.kind.width.largest();
        lanes.push(found.1.iter().map(|value| value.cast_unsigned() & mask).collect());
    }
    let mut world = World { compiled: &compiled, printed: Vec::new(), state: 1 };
    let limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };
    let run = vm::direct::Direct.run(&compiled.program, &lanes, limits, &mut world);
    run.map(|run| run.outputs).map_err(|stop| stop.to_string())
}

fn check(text: &str, inputs: &[(&str, &[i64])], wanted: i64) {
    let outputs = run(text, inputs).unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(outputs[0][0].cast_signed(), wanted, "{text}");
}

#[test]
fn the_highest_bid_wins() {
    let text = "
client alice:
  bid: secret int64
client bob:
  bid: secret int64
def main() -> int64:
  var best: secret int64 = alice.bid
  if bob.bid > best:
    best = bob.bid
  return best.reveal()
";
    check(text, &[("alice:bid", &[42]), ("bob:bid", &[37])], 42);
    check(text, &[("alice:bid", &[-5]), ("bob:bid", &[7])], 7);
}

#[test]
fn what_is_known_is_computed_by_the_compiler() {
    check(
        "def f(n: int64) -> int64:\n  if n < 2:\n    return n\n  return f(n - 1) + f(n - 2)\ndef main() -> int64:\n  return f(15)\n",
        &[],
        610,
    );
}

#[test]
fn public_values_of_the_run_branch_and_loop() {
    let text = "
def collatz(start: int64) -> int64:
  var n = start
  var steps = 0
  while n != 1:
    if n % 2 == 0:
      n = n / 2
    else:
      n = 3 * n + 1
    steps += 1
  return steps
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  return collatz(x.reveal())
";
    check(text, &[("0:0", &[27])], 111);
    check(text, &[("0:0", &[1])], 0);
}

#[test]
fn a_function_may_return_early_on_a_public_value_of_the_run() {
    let text = "
def size(x: int64) -> int64:
  if x < 0:
    return -x
  var y = x
  if y > 100:
    return 100
  return y
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  return size(x.reveal())
";
    check(text, &[("0:0", &[-27])], 27);
    check(text, &[("0:0", &[270])], 100);
    check(text, &[("0:0", &[99])], 99);
}
