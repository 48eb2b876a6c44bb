//! Random programs against a direct evaluation of what was generated, with and without the optimiser; random texts
//! against the whole front end.

use lang::Options;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;
use vm::{Engine, Limits};

/// The variables: two secrets, two public values of the run, and one that the compiler knows.
const NAMES: [&str; 5] = ["s", "t", "p", "q", "k"];

#[derive(Debug, Clone)]
enum Tree {
    Number(i64),
    Name(usize),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    /// Compares, and gives 1 or 0.
    Compare(&'static str, Box<Tree>, Box<Tree>),
    Negate(Box<Tree>),
}

#[derive(Debug, Clone)]
enum Step {
    Assign(Tree),
    /// `if a op b:` with steps in both arms.
    If(&'static str, Tree, Tree, Vec<Step>, Vec<Step>),
    /// So many rounds.
    Repeat(u8, Vec<Step>),
}

fn tree() -> impl Strategy<Value = Tree> {
    const SIGNS: &[&str] = &["+", "-", "*", "/", "%", "mod", "and", "or", "xor", "shl", "shr"];
    const COMPARISONS: &[&str] = &["<", "<=", ">", ">=", "==", "!="];
    let leaf = prop_oneof![
        (-9i64..10).prop_map(Tree::Number),
        any::<i64>().prop_map(Tree::Number),
        (0usize..NAMES.len()).prop_map(Tree::Name),
        Just(Tree::Name(NAMES.len())),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (prop::sample::select(SIGNS), inner.clone(), inner.clone()).prop_map(|(sign, a, b)| Tree::Binary(
                sign,
                Box::new(a),
                Box::new(b)
            )),
            (prop::sample::select(COMPARISONS), inner.clone(), inner.clone()).prop_map(|(sign, a, b)| Tree::Compare(
                sign,
                Box::new(a),
                Box::new(b)
            )),
            inner.prop_map(|a| Tree::Negate(Box::new(a))),
        ]
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = tree().prop_map(Step::Assign);
    let one = leaf.prop_recursive(3, 12, 4, |inner| {
        let arm = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (prop::sample::select(&["<", "=="][..]), tree(), tree(), arm.clone(), arm)
                .prop_map(|(sign, a, b, yes, no)| Step::If(sign, a, b, yes, no)),
            (0u8..4, prop::collection::vec(inner, 1..3)).prop_map(|(rounds, body)| Step::Repeat(rounds, body)),
        ]
    });
    prop::collection::vec(one, 1..5)
}

fn write_tree(tree: &Tree) -> String {
    match tree {
        Tree::Number(number) => format!("int64({number})"),
        Tree::Name(at) => NAMES.get(*at).copied().unwrap_or("r").to_string(),
        Tree::Binary(sign, a, b) => format!("({} {sign} {})", write_tree(a), write_tree(b)),
        Tree::Compare(sign, a, b) => format!("int64({} {sign} {})", write_tree(a), write_tree(b)),
        Tree::Negate(a) => format!("(-{})", write_tree(a)),
    }
}

fn write_steps(steps: &[Step], depth: usize, loops: &mut usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    if steps.is_empty() {
        writeln!(out, "{pad}pass").expect("it is well formed");
    }
    for step in steps {
        match step {
            Step::Assign(tree) => writeln!(out, "{pad}r = {}", write_tree(tree)).expect("it is well formed"),
            Step::If(sign, a, b, yes, no) => {
                writeln!(out, "{pad}if {} {sign} {}:", write_tree(a), write_tree(b)).expect("it is well formed");
                write_steps(yes, depth + 1, loops, out);
                writeln!(out, "{pad}else:").expect("it is well formed");
                write_steps(no, depth + 1, loops, out);
            }
            Step::Repeat(rounds, body) => {
                *loops += 1;
                // Every other loop's end is a public value of the run.
                let end = if loops.is_multiple_of(2) { format!("(z + {rounds})") } else { rounds.to_string() };
                writeln!(out, "{pad}for i{loops} in 0..{end}:").expect("it is well formed");
                write_steps(body, depth + 1, loops, out);
            }
        }
    }
}

fn program(steps: &[Step]) -> String {
    let mut out = String::from(
        "client c:\n  s: secret int64\n  t: secret int64\n  p: secret int64\n  q: secret int64\n  z: secret int64\n\n\
         def main() -> int64:\n  var s = c.s\n  var t = c.t\n  var p = c.p.reveal()\n  var q = c.q.reveal()\n  \
         var z = c.z.reveal()\n  var k: int64 = 7\n  var r: secret int64 = 0\n",
    );
    write_steps(steps, 1, &mut 0, &mut out);
    out.push_str("  return r.reveal()\n");
    out
}

/// What the language says an operator does.
fn apply(sign: &str, a: i64, b: i64) -> i64 {
    match sign {
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" if b == 0 => -1,
        "/" => a.wrapping_div(b),
        "%" | "mod" if b == 0 => a,
        "%" => a.wrapping_rem(b),
        "mod" => {
            let rest = a.wrapping_rem(b);
            if rest != 0 && (rest < 0) != (b < 0) { rest.wrapping_add(b) } else { rest }
        }
        "and" => a & b,
        "or" => a | b,
        "xor" => a ^ b,
        "shl" => u32::try_from(b).ok().and_then(|by| a.checked_shl(by)).unwrap_or(0),
        "shr" => u32::try_from(b).ok().and_then(|by| a.checked_shr(by)).unwrap_or(a >> 63),
        "<" => i64::from(a < b),
        "<=" => i64::from(a <= b),
        ">" => i64::from(a > b),
        ">=" => i64::from(a >= b),
        "==" => i64::from(a == b),
        _ => i64::from(a != b),
    }
}

fn evaluate(tree: &Tree, values: &[i64; 5], r: i64) -> i64 {
    match tree {
        Tree::Number(number) => *number,
        Tree::Name(at) => values.get(*at).copied().unwrap_or(r),
        Tree::Binary(sign, a, b) | Tree::Compare(sign, a, b) => {
            apply(sign, evaluate(a, values, r), evaluate(b, values, r))
        }
        Tree::Negate(a) => evaluate(a, values, r).wrapping_neg(),
    }
}

fn walk(steps: &[Step], values: &[i64; 5], r: &mut i64) {
    for step in steps {
        match step {
            Step::Assign(tree) => *r = evaluate(tree, values, *r),
            Step::If(sign, a, b, yes, no) => {
                let holds = apply(sign, evaluate(a, values, *r), evaluate(b, values, *r)) == 1;
                walk(if holds { yes } else { no }, values, r);
            }
            Step::Repeat(rounds, body) => (0..*rounds).for_each(|_| walk(body, values, r)),
        }
    }
}

struct Nothing;

impl vm::World for Nothing {
    fn random(&mut self) -> u64 {
        0
    }

    fn call(&mut self, _host: u32, _arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        Some(Vec::new())
    }
}

fn run(text: &str, inputs: &[(&str, i64)], optimise: bool) -> Result<i64, String> {
    let lanes = |ports: &[vm::Port]| {
        let ports = ports.iter().filter(|port| !port.is_output);
        let value =
            |port: &vm::Port| inputs.iter().find(|input| input.0 == port.name.as_str()).map_or(0, |input| input.1);
        ports.map(|port| vec![value(port).cast_unsigned()]).collect()
    };
    run_lanes(text, lanes, optimise).map(|lanes| lanes[0])
}

/// Runs a program and returns the lanes of its first output.
fn run_lanes(text: &str, inputs: impl Fn(&[vm::Port]) -> Vec<Vec<u64>>, optimise: bool) -> Result<Vec<i64>, String> {
    let program = lang::read("random.stfl", text, &BTreeMap::new()).map_err(|failed| failed.render())?;
    let options = Options { optimise, ..Options::default() };
    let compiled = program.compile("main", &options).map_err(|failed| failed.render())?;
    let lanes = inputs(&compiled.program.program().ports);
    let limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };
    let run = vm::clear::Clear.run(&compiled.program, &lanes, limits, &mut Nothing).map_err(|stop| stop.to_string())?;
    Ok(run.outputs[0].iter().map(|lane| lane.cast_signed()).collect())
}

/// What a round of a loop over lists does. In its trees `s` is an item of a list that does not change, `t` one of `out`,
/// `p` and `q` the round's number, and `r` mixes both items.
#[derive(Debug, Clone)]
enum Part {
    /// `out[i + shift] = tree`, with a condition or without.
    Write(Option<(&'static str, Tree, Tree)>, usize, Tree),
    /// `total += tree`, or `-=`, `xor`, likewise.
    Total(Option<(&'static str, Tree, Tree)>, &'static str, Tree),
    /// `if tree op best: best = tree`.
    Best(&'static str, Tree),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let condition = || prop::option::of((prop::sample::select(&["<", "==", ">="][..]), tree(), tree()));
    let part = prop_oneof![
        4 => (condition(), prop_oneof![4 => Just(0usize), 1 => 0usize..3], tree())
            .prop_map(|(condition, shift, tree)| Part::Write(condition, shift, tree)),
        2 => (condition(), prop::sample::select(&["+", "-", "xor"][..]), tree())
            .prop_map(|(condition, sign, tree)| Part::Total(condition, sign, tree)),
        2 => (prop::sample::select(&["<", "<=", ">", ">="][..]), tree()).prop_map(|(sign, tree)| Part::Best(sign, tree)),
    ];
    prop::collection::vec(part, 1..4)
}

/// How many rounds, and how many items there are.
const ROUNDS: usize = 16;
const ITEMS: usize = 18;

fn list_program(parts: &[Part]) -> String {
    let mut out = format!(
        "client c:\n  xs: list[secret int64, {ITEMS}]\n\ndef main() -> list[int64]:\n  \
         var out: list[secret int64] = []\n  for x in c.xs:\n    out.append(x)\n  var k: int64 = 7\n  \
         var total: secret int64 = 0\n  var best: secret int64 = 5\n  for i in 0..{ROUNDS}:\n    \
         var s = c.xs[i]\n    var t = out[i]\n    var p = i\n    var q = i\n    var r = s xor t\n"
    );
    let guard = |condition: &Option<(&str, Tree, Tree)>, line: String| match condition {
        Some((sign, a, b)) => format!("    if {} {sign} {}:\n      {line}\n", write_tree(a), write_tree(b)),
        None => format!("    {line}\n"),
    };
    for part in parts {
        let line = match part {
            Part::Write(condition, shift, tree) => guard(condition, format!("out[i + {shift}] = {}", write_tree(tree))),
            Part::Total(condition, sign, tree) => {
                guard(condition, format!("total = total {sign} {}", write_tree(tree)))
            }
            Part::Best(sign, tree) => {
                let tree = write_tree(tree);
                format!("    if {tree} {sign} best:\n      best = {tree}\n")
            }
        };
        out.push_str(&line);
    }
    out.push_str("  out.append(total)\n  out.append(best)\n  return out.reveal()\n");
    out
}

fn walk_lists(parts: &[Part], xs: &[i64]) -> Vec<i64> {
    let (mut out, mut total, mut best) = (xs.to_vec(), 0_i64, 5_i64);
    for i in 0..ROUNDS {
        let round = i64::try_from(i).expect("a small number");
        let values = [xs[i], out[i], round, round, 7];
        let of = |tree: &Tree| evaluate(tree, &values, values[0] ^ values[1]);
        let holds = |condition: &Option<(&str, Tree, Tree)>| {
            condition.as_ref().is_none_or(|(sign, a, b)| apply(sign, of(a), of(b)) == 1)
        };
        for part in parts {
            match part {
                Part::Write(condition, shift, tree) if holds(condition) => out[i + shift] = of(tree),
                Part::Total(condition, sign, tree) if holds(condition) => total = apply(sign, total, of(tree)),
                Part::Best(sign, tree) if apply(sign, of(tree), best) == 1 => best = of(tree),
                _ => {}
            }
        }
    }
    out.extend([total, best]);
    out
}

/// A program of which parts were lost, doubled or exchanged.
fn mutated() -> impl Strategy<Value = String> {
    let base = include_str!("../src/std.stfl");
    let cuts = prop::collection::vec((0..base.len(), 0..base.len(), 0u8..4), 1..6);
    cuts.prop_map(move |cuts| {
        let mut text: Vec<char> = base.chars().collect();
        for (a, b, how) in cuts {
            let (a, b) = (a.min(text.len()), b.min(text.len()));
            let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 40));
            match how {
                0 => drop(text.drain(a..b)),
                1 => text.insert(a, '('),
                2 => text.insert(a, '\n'),
                _ => {
                    let piece: Vec<char> = text[a..b].to_vec();
                    text.splice(b..b, piece);
                }
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_program_gives_what_its_tree_gives(steps in steps(), values in any::<[i64; 4]>(), small in any::<[i8; 4]>(), is_small: bool) {
        let picked = if is_small { small.map(i64::from) } else { values };
        let values = [picked[0], picked[1], picked[2], picked[3], 7];
        let text = program(&steps);
        let mut wanted = 0;
        walk(&steps, &values, &mut wanted);
        let inputs = [("s", values[0]), ("t", values[1]), ("p", values[2]), ("q", values[3]), ("z", 0)];
        for optimise in [true, false] {
            prop_assert_eq!(run(&text, &inputs, optimise), Ok(wanted), "optimise {}\n{}", optimise, text);
        }
    }

    #[test]
    fn a_loop_over_lists_gives_what_its_rounds_give(parts in parts(), xs in prop::collection::vec(any::<i64>(), ITEMS), is_small: bool) {
        let xs: Vec<i64> = if is_small { xs.iter().map(|x| x % 20).collect() } else { xs };
        let text = list_program(&parts);
        for optimise in [true, false] {
            let lanes = vec![xs.iter().map(|x| x.cast_unsigned()).collect()];
            let given = run_lanes(&text, |_| lanes.clone(), optimise);
            prop_assert_eq!(given, Ok(walk_lists(&parts, &xs)), "optimise {}\n{}", optimise, text);
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(program) = lang::read("x.stfl", &text, &BTreeMap::new()) {
            let _ = program.compile("main", &Options::default());
        }
        let _ = lang::format("x.stfl", &text);
    }

    #[test]
    fn no_damaged_program_makes_the_compiler_panic(text in mutated()) {
        match lang::read("x.stfl", &format!("{text}\ndef main() -> int64:\n  return isqrt(17)\n"), &BTreeMap::new()) {
            Ok(program) => drop(program.compile("main", &Options::default())),
            Err(failed) => prop_assert!(!failed.render().is_empty()),
        }
    }

    #[test]
    fn formatting_twice_is_formatting_once(text in mutated()) {
        if let Ok(once) = lang::format("x.stfl", &text) {
            let twice = lang::format("x.stfl", &once).map_err(|failed| failed.render());
            prop_assert_eq!(twice.as_ref(), Ok(&once));
        }
    }
}
