//! Programs that would tell a secret do not compile, and the message shows the way that the secret took.

use lang::Options;
use std::collections::BTreeMap;

const HEAD: &str = "client alice:
  x: secret int64
  xs: list[secret int64, 4]
  f: secret field

";

/// Compiles a program and returns all that is said about it.
fn said(text: &str) -> String {
    match lang::read("leak.stfl", text, &BTreeMap::new()) {
        Ok(program) => {
            program.compile("main", &Options::default()).err().map_or(String::new(), |failed| failed.render())
        }
        Err(failed) => failed.render(),
    }
}

/// Each line of a case stands in `main`; the words must be in the message.
fn check(body: &str, words: &[&str]) {
    let lines: String = body.lines().map(|line| format!("  {line}\n")).collect();
    check_whole(&format!("def main() -> int64:\n{lines}  return 0\n"), words);
}

fn check_whole(program: &str, words: &[&str]) {
    let said = said(&format!("{HEAD}{program}"));
    assert!(said.contains("error[leak]"), "no leak was found in\n{program}\n{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not said of\n{program}\n{said}");
    }
}

#[test]
fn a_public_variable_does_not_change_under_a_secret_condition() {
    check("var y = 0\nif alice.x > 3:\n  y = 1", &["`y` is public", "`alice` puts in a secret", "secret int64"]);
    check("var y = 0\nif alice.x > 3:\n  pass\nelse:\n  y = 1", &["`y` is public"]);
    check("var y = 0\nmatch alice.x:\n  case 1:\n    y = 1", &["`y` is public"]);
    check("var ys = [0, 0]\nif alice.x > 3:\n  ys[0] = 1", &["the item is public"]);
    check("var y = 0\nif alice.x > 3:\n  if 1 > 0:\n    y = 1", &["`y` is public"]);
}

#[test]
fn a_secret_is_no_index() {
    check("var ys = [1, 2, 3]\nvar z = ys[alice.x]", &["which item is touched", "lookup"]);
    check("var ys = [1, 2, 3]\nys[alice.x] = 4", &["which item is touched"]);
    check("var ys = alice.xs[0:alice.x]", &["how long this slice is"]);
}

#[test]
fn a_secret_bounds_no_loop() {
    check("var n = alice.x\nwhile n > 0:\n  n -= 1", &["how often this loop runs", "`n` holds a secret"]);
    check("for i in 0..alice.x:\n  pass", &["how often this loop runs"]);
    check("for i in range(alice.x):\n  pass", &["how often this loop runs"]);
    check("for i in 0..4:\n  if alice.x > i:\n    break", &["leaving the loop here"]);
    check("for i in 0..4:\n  if alice.x > i:\n    continue", &["leaving the loop here"]);
    check("var ys = [i for i in 0..4 if alice.x > i]", &["how long this list becomes"]);
}

#[test]
fn a_secret_stops_no_run() {
    check("assert alice.x > 0", &["whether the run stops here"]);
    check("if alice.x > 0:\n  assert False", &["whether this stops the run"]);
    check("assert alice.x > 0, \"message\"", &["reveal what may be known"]);
}

#[test]
fn a_secret_is_in_no_text() {
    check("print(alice.x)", &["a print would show a secret"]);
    check("print(f\"it is {alice.x}\")", &["a text would show a secret"]);
    check("if alice.x > 0:\n  print(\"positive\")", &["whether this is printed"]);
}

#[test]
fn a_secret_ends_no_function_early() {
    check("if alice.x > 0:\n  return 1", &["returning here"]);
    let early = "def f(x: secret int64) -> secret int64:\n  if x > 0:\n    return x\n  return 0\n";
    check_whole(
        &format!("{early}def main() -> int64:\n  return f(alice.x).reveal()\n"),
        &["returning here", "secret argument"],
    );
}

#[test]
fn a_secret_does_not_become_public_by_assignment() {
    check("var y: int64 = alice.x", &["`y` is public", ".reveal()"]);
    check("var y = 0\ny = alice.x", &["`y` is public", "declare it `var y: secret int64"]);
    check("var y = 0\ny += alice.x", &["`y` is public"]);
    check("var ys: list[int64] = alice.xs", &["`ys` is public"]);
    check("var ys: list[int64] = []\nys.append(alice.x)", &["the list's item is public"]);
    check_whole("def main() -> int64:\n  return alice.x\n", &["the result of `main` is public"]);
}

#[test]
fn a_secret_does_not_leave_through_a_function() {
    let f = "def f(x: int64) -> int64:\n  return x\n";
    check_whole(&format!("{f}def main() -> int64:\n  return f(alice.x)\n"), &["the argument `x` of `f` is public"]);
    let shows = "def shows(x: int64):\n  print(x)\n";
    let body = "def main() -> int64:\n  if alice.x > 0:\n    shows(1)\n  return 0\n";
    check_whole(&format!("{shows}{body}"), &["`shows` is printed", "does it here"]);
    let deep = "def inner(x: secret int64) -> int64:\n  return x.reveal()\ndef outer(x: secret int64) -> int64:\n  return inner(x)\n";
    let body =
        "def main() -> int64:\n  var y: secret int64 = 0\n  if alice.x > 0:\n    y = outer(alice.x)\n  return 0\n";
    check_whole(&format!("{deep}{body}"), &["would tell the secret condition"]);
}

#[test]
fn a_secret_does_not_leave_through_generics() {
    let f = "def f[T](x: T, ys: list[int64]) -> int64:\n  return ys[x]\n";
    check_whole(
        &format!("{f}def main() -> int64:\n  return f(alice.x, [1, 2])\n"),
        &["which item is touched", "called here with secret int64"],
    );
    let g = "def g[T](x: T) -> int64:\n  var n = 0\n  if x > 0:\n    n = 1\n  return n\n";
    check_whole(
        &format!("{g}def main() -> int64:\n  return g(alice.x)\n"),
        &["`n` is public", "called here with secret int64"],
    );
    let h = "def h[T](x: T) -> int64:\n  while x > 0:\n    x = x - 1\n  return 0\n";
    check_whole(&format!("{h}def main() -> int64:\n  return h(alice.x)\n"), &["how often this loop runs"]);
    let i = "def i(*xs) -> int64:\n  return xs[0]\n";
    check_whole(&format!("{i}def main() -> int64:\n  return i(alice.x)\n"), &["the result of `i` is public"]);
}

#[test]
fn nothing_is_revealed_or_sent_under_a_secret_condition() {
    check("if alice.x > 0:\n  var y = alice.xs[0].reveal()", &["whether this is revealed"]);
    check("if alice.x > 0:\n  send(alice, y=1)", &["whether this is sent"]);
    check("if alice.x > 0:\n  discard MpcOutput.send_to_client(0, alice.x)", &["whether this is sent"]);
}

#[test]
fn a_secret_is_no_element_that_all_may_see() {
    check("var y = Field.sqrt(alice.f)", &["`Field` computes with public elements", "Share.open_field"]);
    check("var y: field = alice.f", &["`y` is public"]);
    check("if alice.x > 0:\n  var y = Share.open_field(alice.f)", &["whether this is revealed"]);
}

#[test]
fn a_secret_leaves_no_loop_within_a_loop() {
    check("for i in 0..4:\n  for j in 0..4:\n    if alice.x > j:\n      break", &["leaving the loop here"]);
    check("while True:\n  if alice.x > 3:\n    break", &["leaving the loop here"]);
    check("while True:\n  if alice.x > 3:\n    return 1", &["returning here"]);
    check("for x in alice.xs:\n  if x > 3:\n    continue", &["leaving the loop here"]);
    let found = "def found(xs: list[secret int64], y: secret int64) -> bool:\n  for x in xs:\n    if x == y:\n      \
                 return True\n  return False\n";
    check_whole(
        &format!("{found}def main() -> int64:\n  discard found(alice.xs, alice.x)\n  return 0\n"),
        &["returning here"],
    );
    // A public condition of the run inside of a secret one.
    let body = "var p = alice.xs[0].reveal()\nwhile True:\n  if alice.x > 3:\n    if p > 0:\n      break\n  p += 1";
    check(body, &["leaving the loop here"]);
}

#[test]
fn no_list_changes_its_length_under_a_secret_condition() {
    check("var ys: list[secret int64] = []\nif alice.x > 0:\n  ys.append(alice.x)", &["changes a list's length"]);
    check("var ys = [alice.x]\nif alice.x > 0:\n  discard ys.pop()", &["changes a list's length"]);
}

#[test]
fn a_public_list_that_became_secret_is_found_by_the_compiler() {
    // Two names of one list: the checker sees a public one, the values tell.
    let body = "var ys: list[int64] = [0, 0]\nvar zs: list[secret int64] = ys\nzs[0] = alice.x\nassert ys[0] == 0";
    check(body, &["error[leak]"]);
}

#[test]
fn the_way_of_a_secret_is_shown_from_its_beginning() {
    let program =
        "def main() -> int64:\n  var a = alice.x\n  var b = a + 1\n  var c = b * 2\n  var d: int64 = c\n  return d\n";
    let said = said(&format!("{HEAD}{program}"));
    let places = ["`alice` puts in a secret", "`a` holds a secret", "`b` holds a secret", "`c` holds a secret"];
    let found: Vec<usize> =
        places.iter().map(|place| said.find(place).unwrap_or_else(|| panic!("{place}\n{said}"))).collect();
    assert!(found.is_sorted(), "{said}");
}

#[test]
fn what_is_allowed_compiles() {
    let programs = [
        "def main() -> int64:\n  var y: secret int64 = 0\n  if alice.x > 0:\n    y = 1\n  return y.reveal()\n",
        "def main() -> int64:\n  var best = alice.xs[0]\n  for x in alice.xs:\n    if x > best:\n      best = x\n  return best.reveal()\n",
        "def main() -> int64:\n  if (alice.x > 0).reveal():\n    print(\"positive\")\n    return 1\n  return 0\n",
        "def main() -> int64:\n  return lookup(alice.xs, alice.x).reveal()\n",
        "def main() -> int64:\n  send(alice, answer=alice.x + 1)\n  return 0\n",
    ];
    for program in programs {
        assert_eq!(said(&format!("{HEAD}{program}")), "", "{program}");
    }
}
