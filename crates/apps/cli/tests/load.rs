//! `talea load` against a whole network: real processes, a real Ethereum node.

mod batches;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A network's folder. Whatever runs in it is stopped when the test ends, however it ends.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("network")
    }

    fn talea(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_talea"));
        command.arg("--dir").arg(self.path()).args(words).current_dir(repository());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.talea(words).output().expect("talea starts")
    }

    /// Runs a command that must succeed, and returns the JSON that it gives.
    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("one JSON value, not {text:?} {output:?}"));
        assert_eq!(value["ok"], true, "{words:?} gives {value}");
        assert!(output.status.success() && output.stderr.is_empty(), "programs hear nothing else");
        value
    }

    /// Starts a network whose batches settle by the committee, which is quick: what is tested here does not depend on why L1
    /// believes a batch.
    fn up(&self) -> Value {
        let file = self.0.path().join("chain.toml");
        if !file.exists() {
            let folder = self.0.path().to_str().expect("a path");
            let made =
                Command::new(env!("CARGO_BIN_EXE_talea")).args(["--dir", folder, "chain", "new", "quick"]).output();
            assert!(made.expect("talea starts").status.success());
            let text = std::fs::read_to_string(&file).expect("the chain's file");
            let quick = text.replace("age_ms = 2000", "age_ms = 500").replace("block_time = 1", "block_time = 0.5");
            assert_ne!(text, quick, "the template has these lines");
            std::fs::write(&file, quick).expect("the chain's file");
        }
        self.json(&["up", file.to_str().expect("a path")])
    }

    /// Starts a load and waits until it has told that its transfers are on their way.
    fn load_until_transfers(&self, words: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
        let mut load = self.talea(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("talea starts");
        let mut lines = BufReader::new(load.stderr.take().expect("its talk")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("transfers:")), "it tells how far it is");
        (load, lines)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.path().exists() {
            let _ = self.run(&["down", "--wipe"]);
        }
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("the repository's root")
}

/// Checks a report, and returns how many times each part was done.
fn check(report: &Value, accounts: u64, transfers: u64) {
    let phase = |name: &str| {
        let phases = report["phases"].as_array().expect("phases");
        phases.iter().find(|phase| phase["phase"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    let count = |name: &str| phase(name)["count"].as_u64().expect("a count");
    assert_eq!(count("transfers"), accounts * transfers);
    for name in ["tally splits", "transfers of halves", "tally merges", "withdrawals"] {
        assert_eq!((count(name), &phase(name)["refused"]), (accounts, &json!({})), "{name}");
    }
    // Those that ask for too much, and no others.
    assert_eq!(phase("transfers")["refused"], json!({ "100": accounts * transfers / 97 }));
    assert!(phase("transfers")["latency_ms_p99"].as_u64() >= phase("transfers")["latency_ms_p50"].as_u64());
    assert!(phase("claims on L1")["l1_gas"].as_u64() > Some(0));
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), 10, "{checks:?}");
    for check in checks {
        assert_eq!((&check["expected"], &check["ok"]), (&check["found"], &Value::Bool(true)), "{check}");
    }
    assert_eq!((&report["deviations"], &report["surprises"]), (&json!([]), &json!([])));
    assert_eq!(report["sealed"], report["settled"]);
    let listed = report["batches"].as_array().map(Vec::len).and_then(|count| u64::try_from(count).ok());
    assert_eq!(listed, report["settled"].as_u64(), "each with what it took");
}

#[test]
fn every_balance_under_load_is_as_computed() {
    let folder = Folder::new();
    folder.up();
    let report = folder.json(&["load", "--accounts", "200", "--transfers", "3", "--claims", "20"]);
    check(&report, 200, 3);
    batches::check(&report, false);
    assert_eq!((&report["phases"][0]["count"], &report["deposits"]), (&json!(200), &json!(200)));
    // Others are paid by those with a deposit, and the key and the addresses may come from elsewhere.
    let up = folder.json(&["up"]);
    let author = up["accounts"].as_array().expect("accounts").iter().find(|account| account["name"] == "author");
    let key = folder.0.path().join("key");
    std::fs::write(&key, author.expect("the author")["l1_key"].as_str().expect("a key")).expect("the key's file");
    let (api, l1) = (up["api"].as_str().expect("an address"), up["l1"].as_str().expect("an address"));
    let key = key.to_str().expect("a path");
    let words = ["load", "--accounts", "120", "--deposits", "5", "--api", api, "--l1", l1, "--funder-key-file", key];
    let elsewhere = [&["--dir", "/nowhere"], &words[..]].concat();
    let output = Command::new(env!("CARGO_BIN_EXE_talea")).args(elsewhere).arg("--json").output().expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], true, "{report}");
    check(&report, 120, 2);
    assert_eq!((&report["phases"][0]["count"], &report["phases"][2]["count"]), (&json!(5), &json!(115)));

    std::fs::write(key, "0x".to_owned() + &"11".repeat(32)).expect("the key's file");
    let said = String::from_utf8_lossy(&folder.run(&words).stderr).into_owned();
    assert!(said.contains("too little ETH"), "{said}");
    std::fs::write(key, "a word").expect("the key's file");
    let said = String::from_utf8_lossy(&folder.run(&words).stderr).into_owned();
    assert!(said.contains("32 bytes"), "{said}");
    assert_eq!(folder.run(&["load", "--api", api]).status.code(), Some(2), "an address without the others");
}

#[test]
fn the_demo_with_load_agrees_on_a_network_of_its_own() {
    let folder = Folder::new();
    let report = folder.json(&["demo", "--load", "--accounts", "60", "--exit"]);
    check(&report, 60, 2);
    batches::check(&report, true);
    assert!(!folder.path().exists(), "the network was elsewhere, and temporary");
    assert_eq!(folder.run(&["demo", "--accounts", "60"]).status.code(), Some(2), "accounts without a load");
}

#[test]
fn a_load_that_was_killed_goes_on_and_a_foreign_payment_is_found() {
    let folder = Folder::new();
    let up = folder.up();
    let slow = ["load", "--accounts", "100", "--transfers", "40", "--rate", "1500", "--claims", "5"];
    let (mut load, _) = folder.load_until_transfers(&slow);
    kill(Pid::from_raw(i32::try_from(load.id()).expect("a process id")), Signal::SIGKILL).expect("it lives");
    load.wait().expect("it ended");
    check(&folder.json(&["load", "--accounts", "100", "--claims", "5"]), 100, 2);

    let (load, lines) = folder.load_until_transfers(&slow);
    let requester = up["accounts"].as_array().expect("accounts").iter().find(|account| account["name"] == "requester");
    let address = requester.expect("the requester")["l1_address"].clone();
    let give =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [address, "0xde0b6b3a7640000"] });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let given: Value = runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.post(up["l1"].as_str().expect("an address")).json(&give);
        request.send().await.expect("an answer").json().await.expect("JSON")
    });
    assert!(given["error"].is_null(), "{given}");
    let said: Vec<String> = lines.collect();
    let output = load.wait_with_output().expect("it ends");
    let table = String::from_utf8_lossy(&output.stdout);
    let differing: Vec<_> = table.lines().filter(|line| line.ends_with("<- differs")).collect();
    assert!(differing.len() == 1 && differing[0].starts_with("the funder's ETH on L1"), "{table}");
    assert_eq!(output.status.code(), Some(1));
    assert!(said.last().is_some_and(|line| line.contains("not everything agrees")), "{said:?}");
}
