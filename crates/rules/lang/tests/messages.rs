//! What the compiler says, word by word.

use std::collections::BTreeMap;

fn said(text: &str) -> String {
    match lang::read("main.stfl", text, &BTreeMap::new()) {
        Ok(program) => match program.compile("main", &lang::Options::default()) {
            Ok(_) => String::new(),
            Err(failed) => failed.render(),
        },
        Err(failed) => failed.render(),
    }
}

#[test]
fn a_leak_is_told_with_its_way() {
    let text = "client alice:\n  bid: secret int64\n\ndef main() -> int64:\n  var best = alice.bid\n  var shown: int64 = best\n  return shown\n";
    let wanted = "\
error[leak]: `shown` is public (int64), and this is secret (secret int64)
 --> main.stfl:6:22
  |
6 |   var shown: int64 = best
  |                      ^^^^
 ::: main.stfl:5:14
  |
5 |   var best = alice.bid
  |              --------- `alice` puts in a secret
 ::: main.stfl:5:7
  |
5 |   var best = alice.bid
  |       ---- `best` holds a secret
  = help: keep it secret: `secret int64`; or reveal it on purpose: `.reveal()`
";
    assert_eq!(said(text), wanted);
}

#[test]
fn several_errors_are_told_in_one_run() {
    let text = "def main() -> int64:\n  var a: int8 = 300\n  var b = cuont(3)\n  var c: strng = \"x\"\n  return a + 5i64\n\ndef count(n: int64) -> int64:\n  return n\n";
    let said = said(text);
    let words =
        ["300 is no int8", "did you mean `count`?", "did you mean `string`?", "`+` does not take int8 and int64"];
    for word in words {
        assert!(said.contains(word), "{word}\n{said}");
    }
}

#[test]
fn syntax_errors_do_not_hide_each_other() {
    let said =
        said("def main( -> int64:\n  return 1\n\ndef f() -> int64:\n  var = 3\n  return (1\n\ndef g(:\n  pass\n");
    assert!(said.matches("error[syntax]").count() >= 3, "{said}");
}

/// What other languages have is refused with what to write instead.
#[test]
fn what_is_not_there_is_named_with_a_way_around_it() {
    let cases = [
        ("var f = lambda x: x", "`def`"),
        ("try:\n    pass", "assert"),
        ("var a, b = 1, 2", "one `var` for each"),
        ("var s = 'x'", "double quotes"),
        ("if True && False:\n    pass", "write `and`"),
        ("var x: float = 1.5", "fix64"),
        ("var x = Crypto.sha256(\"x\")", "input"),
        ("var x = 5\n  x.appnd(3)", "there is no function `appnd`"),
        ("return 1, 2", "object"),
        ("break", "there is no loop"),
    ];
    for (line, word) in cases {
        let said = said(&format!("def main() -> int64:\n  {line}\n  return 0\n"));
        assert!(said.contains(word), "{word}\n{line}\n{said}");
    }
}

#[test]
fn a_function_that_may_end_without_a_value_is_refused() {
    let said = said("def f(x: int64) -> int64:\n  if x > 0:\n    return 1\ndef main() -> int64:\n  return f(1)\n");
    assert!(said.contains("may end without returning a int64"), "{said}");
}

#[test]
fn what_never_ends_is_refused_and_not_waited_for() {
    let deep = said("def f(x: int64) -> int64:\n  return f(x + 1)\ndef main() -> int64:\n  return f(1)\n");
    assert!(deep.contains("calls deep"), "{deep}");
    let wide = format!("def main() -> int64:\n  return {}1{}\n", "(".repeat(5_000), ")".repeat(5_000));
    assert!(said(&wide).contains("nested too deeply"));
    let long = format!("def main() -> int64:\n  return 1{}\n", " + 1".repeat(5_000));
    assert!(said(&long).contains("too long"));
}

#[test]
fn modules_that_import_each_other_are_refused() {
    let file = |name: &str, text: &str| (name.to_string(), text.to_string());
    let modules = BTreeMap::from([file("a.stfl", "import b\n"), file("b.stfl", "import a\n")]);
    let failed =
        lang::read("main.stfl", "import a\ndef main() -> int64:\n  return 0\n", &modules).expect_err("a circle");
    assert!(failed.render().contains("imports itself"), "{}", failed.render());
    let failed =
        lang::read("main.stfl", "import aa\ndef main() -> int64:\n  return 0\n", &modules).expect_err("no module");
    assert!(failed.render().contains("there is no module `aa`"), "{}", failed.render());
}
