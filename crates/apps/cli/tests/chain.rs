//! `talea chain` as a user sees it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn talea(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_talea")).args(words).current_dir(folder).output().expect("talea starts")
}

/// Runs a command and returns its exit code and the JSON that it gives.
fn json(folder: &Path, words: &[&str]) -> (Option<i32>, Value) {
    let mut all = words.to_vec();
    all.push("--json");
    let output = talea(folder, &all);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("one JSON value, not {text:?} {output:?}"));
    (output.status.code(), value)
}

#[test]
fn a_new_file_passes_its_check_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (code, value) = json(folder.path(), &["chain", "new", "my chain"]);
    assert_eq!((code, &value["file"]), (Some(0), &Value::from("chain.toml")));
    let (code, value) = json(folder.path(), &["chain", "check"]);
    assert_eq!((code, &value["name"]), (Some(0), &Value::from("my chain")), "{value}");
    assert!(value["needs"]["cores"].as_u64().is_some_and(|cores| cores > 0));

    let before = std::fs::read(folder.path().join("chain.toml")).unwrap();
    let again = talea(folder.path(), &["chain", "new", "other"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there already"));
    assert_eq!(std::fs::read(folder.path().join("chain.toml")).unwrap(), before);

    let (code, _) = json(folder.path(), &["--dir", "a/b", "chain", "new", "other"]);
    assert_eq!(code, Some(0));
    assert_eq!(json(folder.path(), &["chain", "check", "a/b/chain.toml"]).1["name"], "other");
    assert_eq!(json(folder.path(), &["chain", "check", "--dir", "a/b"]).1["name"], "other");
}

#[test]
fn all_faults_come_at_once_to_people_and_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    talea(folder.path(), &["chain", "new", "broken"]);
    let file = folder.path().join("chain.toml");
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("tps = 1000", "tps = 1")
        .replace("privacy = false", "privacy = true");
    std::fs::write(&file, &text).unwrap();

    let output = talea(folder.path(), &["chain", "check"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(said.contains("chain.toml has 2 faults\nline ") && said.contains("tps = 1 must be"), "{said}");

    let (code, value) = json(folder.path(), &["chain", "check"]);
    assert_eq!((code, &value["ok"]), (Some(1), &Value::from(false)));
    let paths: Vec<&str> =
        value["faults"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["tps", "features.privacy"]);
    let line = text.lines().position(|line| line == "tps = 1").unwrap();
    assert_eq!(value["faults"][0]["line"], line + 1);
}

#[test]
fn what_this_machine_lacks_is_told_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    talea(folder.path(), &["chain", "new", "large"]);
    let file = folder.path().join("chain.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // Forty thousand a second for four roles: hundreds of gibibytes of disk within the hour.
    let text = text.replace("tps = 1000", "tps = 40000").replace("block_time = 1", "block_time = 0.1");
    std::fs::write(&file, text).unwrap();
    assert_eq!(json(folder.path(), &["chain", "check"]).0, Some(0));
    let (code, value) = json(folder.path(), &["chain", "check", "--here"]);
    assert_eq!((code, &value["faults"][0]["path"]), (Some(1), &Value::from("tps")), "{value}");
}

#[test]
fn a_file_that_is_missing_or_no_text_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let said = |words: &[&str]| String::from_utf8_lossy(&talea(folder.path(), words).stderr).into_owned();
    assert!(said(&["chain", "check"]).contains("there is no chain.toml: name the file, or make one with"));
    std::fs::write(folder.path().join("noise"), [0xff; 100_000]).unwrap();
    assert!(said(&["chain", "check", "noise"]).contains("at most 65536 bytes"));
    assert!(said(&["chain", "new", &"x".repeat(51)]).contains("make it shorter"));
    assert!(!folder.path().join("chain.toml").exists());
}

#[test]
fn the_schema_is_the_one_in_docs() {
    let folder = tempfile::tempdir().unwrap();
    let docs: Value = serde_json::from_str(include_str!("../../../../docs/chain.schema.json")).unwrap();
    let printed = talea(folder.path(), &["chain", "schema"]).stdout;
    assert_eq!(serde_json::from_slice::<Value>(&printed).unwrap(), docs);
    assert_eq!(json(folder.path(), &["chain", "schema"]).1, docs);
    let reference = talea(folder.path(), &["chain", "schema", "--reference"]).stdout;
    let page = include_str!("../../../../docs/chain-config.md");
    assert!(page.ends_with(&String::from_utf8(reference).unwrap()));
}
