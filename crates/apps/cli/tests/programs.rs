//! The journey of a private program's author, as far as it needs no network.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn talea(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_talea")).current_dir(folder).args(words).output().expect("it starts")
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    serde_json::from_slice(&talea(folder, &words).stdout).expect("one JSON value")
}

#[test]
fn a_new_auction_is_tested_priced_built_and_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert_eq!(json(folder, &["new", "auction"])["ok"], true);
    assert_eq!(json(folder, &["check", "auction"])["ok"], true);
    assert_eq!(json(folder, &["test", "auction"])["tests"][0]["ok"], true);
    assert_eq!(json(folder, &["fmt", "--check", "auction"])["ok"], true);
    let bids = ["--input", "alice:bid=42", "--input", "bob:bid=37", "--input", "carol:bid=40"];
    let run = json(folder, &[&["run", "auction", "--clear"], &bids[..]].concat());
    assert_eq!(run["outputs"]["result"], 40, "{run}");
    assert_eq!(run["printed"][0], "the winner is number 0");
    let cost = json(folder, &["cost", "auction"]);
    assert_eq!((&cost["exact"], &cost["fuel"]), (&Value::Bool(true), &run["fuel"]), "the price is what was used");
    assert_eq!(json(folder, &["build", "auction"])["ok"], true);
    assert!(folder.join("auction/build/main.talea").is_file());
    assert!(json(folder, &["disasm", "auction"])["text"].as_str().expect("text").contains("reveal"));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let text = "client alice:\n  bid: secret int64\n\ndef main() -> int64:\n  return alice.bid\n";
    std::fs::write(folder.join("main.stfl"), text).expect("the source");
    let fault = &json(folder, &["check"])["faults"][0];
    assert_eq!((&fault["code"], &fault["line"]), (&Value::from("leak"), &Value::from(5)), "{fault}");
    std::fs::write(folder.join("main.stfl"), text.replace("alice.bid", "alice.bid.reveal()")).expect("the source");
    let said = json(folder, &["run", "main.stfl", "--clear"])["error"].to_string();
    assert!(said.contains("--input alice:bid="), "{said}");
    let said = json(folder, &["run", "main.stfl", "--clear", "--input", "alice:bid=x"])["error"].to_string();
    assert!(said.contains("no whole number"), "{said}");
    assert!(json(folder, &["run", "main.stfl"])["error"].to_string().contains("--clear"));
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_saved_source_is_tested_and_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let save = |name: &str, text: &str| {
        // Whole at once, as editors save.
        std::fs::write(folder.join("saved"), text).expect("the text");
        std::fs::rename(folder.join("saved"), folder.join(name)).expect("the source");
    };
    let head = "import price\n\nclient alice:\n  bid: secret int64\n\ndef test_price():\n  assert fee(100) > 0\n\n";
    let main = |body: &str| format!("{head}def main() -> int64:\n  return {body}\n");
    save("price.stfl", "def fee(x: int64) -> int64:\n  return x / 10\n");
    save("main.stfl", &main("fee(alice.bid.reveal())"));
    let mut dev = Command::new(env!("CARGO_BIN_EXE_talea"));
    dev.current_dir(folder).args(["dev", "--input", "alice:bid=420", "--json"]);
    let mut dev = Running(dev.stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut lines = BufReader::new(dev.0.stdout.take().expect("its output")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("it goes on").expect("a line");
        serde_json::from_str(&line).expect("one JSON value a line")
    };
    assert_eq!(next()["tests"][0]["ok"], true);
    assert_eq!(next()["outputs"]["result"], 42);
    // A module counts as well as the program.
    save("price.stfl", "def fee(x: int64) -> int64:\n  return x / 5\n");
    assert_eq!(next()["tests"][0]["ok"], true);
    assert_eq!(next()["outputs"]["result"], 84);
    // What is wrong is said, and the next save is awaited.
    save("main.stfl", &main("alice.bid"));
    assert_eq!(next()["faults"][0]["code"], "leak");
    save("main.stfl", &main("fee(alice.bid.reveal()) + 1"));
    assert_eq!(next()["tests"][0]["ok"], true);
    assert_eq!(next()["outputs"]["result"], 85);
    save("price.stfl", "def fee(x: int64) -> int64:\n  return 0\n");
    assert_eq!(next()["tests"][0]["ok"], false);
}
