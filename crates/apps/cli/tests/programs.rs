//! The journey of a private program's author, as far as it needs no network.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

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
