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

#[test]
fn a_loop_is_left_on_a_public_value_of_the_run() {
    let text = "
def first(xs: list[int64], wanted: int64) -> int64:
  for i in 0..len(xs):
    if xs[i] == wanted:
      return i
  return -1
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  return first([5, 3, 8, 3], x.reveal())
";
    for (wanted, at) in [(5, 0), (3, 1), (8, 2), (9, -1)] {
        check(text, &[("0:0", &[wanted])], at);
    }
    let text = "
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  var n = x.reveal()
  var total = 0
  for i in 0..10:
    if i == n:
      break
    if i % 2 == 1:
      continue
    total += i
  return total
";
    for (end, total) in [(0, 0), (1, 0), (3, 2), (7, 12), (50, 20)] {
        check(text, &[("0:0", &[end])], total);
    }
}

#[test]
fn an_endless_loop_is_left_on_a_public_value_of_the_run() {
    let text = "
def halved(start: int64) -> list[int64]:
  var n = start
  var steps = 0
  while True:
    if n % 2 == 0:
      n = n / 2
      steps += 1
      continue
    if n < 0:
      return [-n, steps]
    return [n, steps]
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  var found = halved(x.reveal())
  return found[0] * 100 + found[1]
";
    for (from, to) in [(96, 305), (-40, 503), (7, 700)] {
        check(text, &[("0:0", &[from])], to);
    }
    let text = "
def main() -> int64:
  var x: secret int64 = ClientStore.take_share(0, 0)
  var n = x.reveal()
  var k = 0
  while n < 1000:
    var j = 0
    while True:
      j += 1
      if j * j > n:
        break
    if j == 12:
      return k * 1000 + n
    n += 7
    k += 1
  return n
";
    for (from, to) in [(0, 18_126), (120, 1_127), (121, 121), (150, 1004)] {
        check(text, &[("0:0", &[from])], to);
    }
}

#[test]
fn a_random_bit_is_made_from_a_root_in_the_field() {
    let text = "
def random_bit() -> Share:
  while True:
    var r = Share.random_field()
    var square = Share.open_field(Share.mul(r, r))
    if Field.is_zero(square):
      continue
    var c = Share.mul_field(r, Field.inverse(Field.sqrt(square)))
    var a = Share.mul_field(Share.add_field(c, Field.one()), Field.inverse(Field.from_int(2)))
    return Share.retag(a, 1)
def main() -> int64:
  var ones = 0
  for i in 0..20:
    var bit = Share.open(Share.retag(random_bit(), 64))
    assert bit == 0 or bit == 1
    ones += bit
  return ones
";
    let ones = run(text, &[]).unwrap_or_else(|message| panic!("{message}"))[0][0];
    assert!((1..20).contains(&ones), "{ones} of 20 bits are ones");
}

#[test]
fn roots_in_the_field_are_the_smaller_ones() {
    let text = "
client c:
  x: secret field
def main() -> int64:
  var x = c.x.reveal()
  assert field_root(x * x) == x or field_root(x * x) == -x
  assert uint64(field_root(x * x)) <= 9223372034707292160
  assert field_root(7 * x * x) == 0
  return 1
";
    for x in [0, 1, -5_000_000_000, 1_234_567, 4_294_967_296, 9_223_372_036_854_775_807] {
        check(text, &[("c:x", &[x])], 1);
    }
}

#[test]
fn a_fixed_point_number_is_divided_by_a_whole_one() {
    let text = "
client c:
  x: secret fix64
def main() -> fix64:
  return (c.x / 4).reveal()
";
    check(text, &[("c:x", &[10 << 16])], 5 << 15);
}

/// Compiles with and without the optimiser, runs both, and returns the rounds of both.
fn rounds(text: &str, inputs: &[(&str, &[i64])], wanted: &[i64]) -> (u64, u64) {
    let program =
        lang::read("main.stfl", text, &BTreeMap::new()).unwrap_or_else(|failed| panic!("{}", failed.render()));
    let both = [true, false].map(|optimise| {
        let options = Options { optimise, ..Options::default() };
        let compiled = program.compile("main", &options).unwrap_or_else(|failed| panic!("{}", failed.render()));
        let ports = compiled.program.program().ports.iter().filter(|port| !port.is_output);
        let given = |port: &vm::Port| {
            let name = format!("{}:{}", port.client, port.name);
            let found = inputs.iter().find(|input| input.0 == name).unwrap_or_else(|| panic!("{name} is an input"));
            found.1.iter().map(|value| value.cast_unsigned() & port.kind.width.largest()).collect()
        };
        let lanes: Vec<Vec<u64>> = ports.map(given).collect();
        let mut world = World { compiled: &compiled, printed: Vec::new(), state: 1 };
        let limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };
        let run = vm::clear::Clear.run(&compiled.program, &lanes, limits, &mut world).expect("it ends");
        let outputs: Vec<i64> = run.outputs[0].iter().map(|lane| lane.cast_signed()).collect();
        assert_eq!(outputs, wanted, "optimised: {optimise}\n{text}");
        compiled.program.program().certificate.rounds
    });
    both.into()
}

const SIXTEEN: [i64; 16] = [5, -3, 8, 0, 2, 7, -9, 100, 4, 4, 1, 6, -2, 50, 3, 11];

#[test]
fn the_highest_of_many_bids_takes_as_many_rounds_as_a_tree_is_deep() {
    let text = "
client c:
  xs: list[secret int64, 16]
def main() -> int64:
  var best = c.xs[0]
  for x in c.xs:
    if x > best:
      best = x
  return best.reveal()
";
    // Twelve for each comparison with its choice, one to reveal; four deep, and one with what was there before.
    assert_eq!(rounds(text, &[("c:xs", &SIXTEEN)], &[100]), (5 * 12 + 1, 16 * 12 + 1));
}

#[test]
fn rounds_that_do_not_need_each_other_are_taken_at_once() {
    let text = "
client c:
  xs: list[secret int64, 16]
def main() -> list[int64]:
  var out: list[secret int64] = []
  var flags: list[secret int64] = []
  for x in c.xs:
    out.append(x)
    flags.append(0)
  var scale = [i * 2 for i in 0..16]
  for i in 0..16:
    if c.xs[i] > 4:
      out[i] = (c.xs[i] - 4) * scale[i] + i
    else:
      flags[i] = 1
  var count: secret int64 = 0
  var total: secret int64 = 0
  for i in 0..16:
    if flags[i] == 1:
      count += 1
    total += out[i] * c.xs[i]
  var least = out[0]
  for i in 0..16:
    if out[i] <= least:
      least = out[i]
  out[0] = count
  out[1] = total - least
  # What was only read is known as before.
  assert scale[3] == 6
  for i in 0..scale[1]:
    out[i + 2] = i
  return out.reveal()
";
    let mut out: Vec<i64> = SIXTEEN.to_vec();
    for (i, x) in (0..).zip(SIXTEEN) {
        if x > 4 {
            out[usize::try_from(i).unwrap()] = (x - 4) * (i * 2) + i;
        }
    }
    let count = SIXTEEN.iter().filter(|x| **x <= 4).count();
    let total: i64 = out.iter().zip(&SIXTEEN).map(|(a, b)| a * b).sum();
    let least = out.iter().min().copied().unwrap();
    (out[0], out[1]) = (i64::try_from(count).unwrap(), total - least);
    (out[2], out[3]) = (0, 1);
    let (with, without) = rounds(text, &[("c:xs", &SIXTEEN)], &out);
    assert!(with * 2 < without, "{with} rounds instead of {without}");
}

#[test]
fn rounds_that_need_each_other_stay_in_their_order() {
    let text = "
client c:
  xs: list[secret int64, 17]
def main() -> list[int64]:
  var out: list[secret int64] = []
  for x in c.xs:
    out.append(x)
  for i in 0..16:
    out[i + 1] = out[i] + out[i + 1]
  var last: secret int64 = 0
  for i in 0..16:
    last = out[i] - last
  for i in 0..16:
    out[i] = out[16 - i] + out[i]
  out[16] = last
  return out.reveal()
";
    let mut xs = SIXTEEN.to_vec();
    xs.push(9);
    let mut out = xs.clone();
    for i in 0..16 {
        out[i + 1] += out[i];
    }
    let last = out[..16].iter().fold(0, |last, x| x - last);
    for i in 0..16 {
        out[i] += out[16 - i];
    }
    out[16] = last;
    rounds(text, &[("c:xs", &xs)], &out);
}
