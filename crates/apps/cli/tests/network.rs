//! The whole network end to end: real processes, a real Ethereum node, kill -9.

mod batches;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
        let mut all = words.to_vec();
        all.push("--json");
        let output = self.run(&all);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("one JSON value, not {text:?} {output:?}"));
        assert_eq!(value["ok"], true, "{words:?} gives {value}");
        assert!(output.status.success());
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

    /// Runs a command that must fail, and returns what it says.
    fn failure(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?} gives {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn node_pid(&self) -> u32 {
        let text = std::fs::read(self.path().join("network.json")).expect("the network's file");
        let network: Value = serde_json::from_slice(&text).expect("JSON");
        u32::try_from(network["node_pid"].as_u64().expect("a process id")).expect("a process id")
    }

    fn member_pids(&self) -> Vec<u32> {
        let folder = self.path().to_string_lossy().into_owned();
        let ids = std::fs::read_dir("/proc")
            .expect("the processes")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(|id: &u32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(&folder) && line.contains("node member")
        })
        .collect()
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

fn kill_now(pid: u32) {
    // It may have ended already: then it is as dead as it should be.
    let _ = kill(Pid::from_raw(i32::try_from(pid).expect("a process id")), Signal::SIGKILL);
}

fn check_report(report: &Value, lie: bool) {
    assert_eq!(report["lie"], lie);
    assert_eq!(report["steps"].as_array().expect("steps").len(), 8);
    let balances = report["balances"].as_array().expect("balances");
    assert!(balances.len() >= 10, "{balances:?}");
    for row in balances {
        assert_eq!(row["expected"], row["found"], "{row}");
    }
    assert_eq!(report["price"], "2000000");
    assert!(report["fuel"].as_u64().is_some_and(|fuel| fuel > 0));
}

#[test]
fn the_demo_starts_its_own_network_and_agrees_to_the_unit() {
    let folder = Folder::new();
    let report = folder.json(&["demo", "--exit"]);
    check_report(&report, false);
    batches::check(&report, true);
    assert!(!folder.path().exists(), "the network was elsewhere, and temporary");
}

#[test]
fn a_liar_is_outvoted_and_slashed_and_a_used_network_goes_on_after_a_stop() {
    let folder = Folder::new();
    assert_eq!(folder.up()["started"], true);
    assert_eq!(folder.json(&["up"])["started"], false, "what runs is left alone");
    let report = folder.json(&["demo", "--lie"]);
    check_report(&report, true);
    batches::check(&report, false);
    assert_eq!(folder.json(&["status"])["status"]["members_seen"], 3, "every member executed again and signed");
    let row = |what: &str| {
        let rows = report["balances"].as_array().expect("balances");
        rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}"))["found"].clone()
    };
    assert_eq!(row("liar, TTD on the ledger"), "600000000", "40 % of 1000 is lost");
    let stopped = folder.json(&["down"]);
    assert_eq!((&stopped["node_stopped"], &stopped["l1_stopped"]), (&Value::Bool(true), &Value::Bool(true)));
    assert!(folder.failure(&["status"]).contains("talea up"));
    folder.json(&["up"]);
    check_report(&folder.json(&["demo"]), false);
}

/// Whatever is wrong with a request, the answer is JSON that says so.
fn check_refusals(folder: &Folder) {
    let api = folder.json(&["status"])["api"].as_str().expect("the gateway's address").to_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = |request: reqwest::RequestBuilder| {
        runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            let text = response.text().await.expect("a body");
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, not {text}"));
            (
                status,
                answer["code"].as_u64().expect("a code"),
                answer["message"].as_str().expect("a message").to_owned(),
            )
        })
    };
    let post = |path: &str, body: &str| {
        ask(http.post(format!("{api}{path}")).header("content-type", "application/json").body(body.to_owned()))
    };
    let get = |path: &str| ask(http.get(format!("{api}{path}")));
    assert_eq!(post("/v1/transactions", "{\"transaction\":\"0x00\"}").1, 300);
    assert_eq!(post("/v1/transactions", "{\"transaction\":\"zz\"}").0, 422);
    assert_eq!(post("/v1/transactions", "no json").0, 400);
    assert_eq!(post("/v1/transactions", &"x".repeat(100_000)).0, 413);
    assert_eq!(get("/v1/nowhere").0, 404);
    assert_eq!(get("/v1/tasks/0x12").0, 400);
    assert_eq!(get(&format!("/v1/tasks/0x{}", "ff".repeat(32))).0, 400, "a limb above the prime is no id");
    assert_eq!(get(&format!("/v1/tasks/0x{}", "00".repeat(32))).0, 404);
    let (status, _, message) = post(
        "/v1/batches/999/signatures",
        &format!("{{\"signer\":\"0x{}\",\"signature\":\"0x{}\"}}", "11".repeat(20), "22".repeat(65)),
    );
    assert_eq!((status, message.contains("not waiting")), (400, true), "{message}");
}

#[test]
fn a_program_runs_and_its_receipt_is_checked_offline() {
    let folder = Folder::new();
    folder.up();
    let program = "examples/wordcount/wordcount.wasm";
    let input = "examples/wordcount/input.txt";
    assert!(folder.failure(&["run", program, "--input", input]).contains("the balance is too small"));
    folder.json(&["deposit", "50000000"]);
    let receipt = folder.0.path().join("receipt.json");
    let receipt_path = receipt.to_str().expect("a path");
    let ran = folder.json(&["run", program, "--input", input, "--receipt", receipt_path]);
    let expected =
        std::fs::read_to_string(repository().join("examples/wordcount/expected.txt")).expect("the expected output");
    assert_eq!(ran["output"].as_str().expect("text").trim_end(), expected.trim_end());
    assert_eq!(ran["agreeing"].as_array().map(Vec::len), Some(2));

    let bad = folder.failure(&["run", "README.md"]);
    assert!(bad.contains("exit 5"), "{bad}");
    assert!(folder.failure(&["run", program, "--fuel", "1000", "--input", input]).contains("exit 2"));
    assert!(folder.failure(&["run", program, "--redundancy", "4"]).contains("redundancy"));
    assert!(folder.failure(&["run", "no-such-file.wasm"]).contains("no-such-file.wasm"));
    check_refusals(&folder);
    let accounts = folder.json(&["account"]);
    assert_eq!(accounts["accounts"].as_array().map(Vec::len), Some(7));

    folder.json(&["down"]);
    let verified = folder.json(&["verify", receipt_path]);
    assert_eq!(verified["receipt"]["status"]["applied"], 0);
    let text = std::fs::read_to_string(&receipt).expect("the receipt");
    let proof: Value = serde_json::from_str(&text).expect("JSON");
    let hex = proof["proof"].as_str().expect("hexadecimal text");
    let flipped = if hex.ends_with('0') { "1" } else { "0" };
    let tampered = text.replace(hex, &format!("{}{flipped}", &hex[..hex.len() - 1]));
    std::fs::write(&receipt, tampered).expect("the receipt");
    assert!(folder.failure(&["verify", receipt_path]).contains("does not hold"));
}

#[test]
fn a_member_that_missed_batches_catches_up_and_signs_again() {
    let folder = Folder::new();
    folder.up();
    folder.json(&["demo"]);
    let frozen = folder.member_pids()[0];
    // Frozen, not ended: nobody starts it again, and the other two are the quorum.
    kill(Pid::from_raw(i32::try_from(frozen).expect("a process id")), Signal::SIGSTOP).expect("it lives");
    check_report(&folder.json(&["demo"]), false);
    kill_now(frozen);
    kill_now(folder.node_pid());
    folder.json(&["up"]);
    check_report(&folder.json(&["demo"]), false);
    assert_eq!(folder.json(&["status"])["status"]["members_seen"], 3, "the one that was away signs again");
}

/// Who is killed.
enum Victim {
    Node,
    Member(usize),
    NodeAndMembers,
}

/// Runs a demo and kills when it has said so many lines, then starts again what is gone.
fn demo_with_a_kill(folder: &Folder, words: &[&str], line: usize, victim: &Victim) {
    let mut demo = folder.talea(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("talea starts");
    let lines = BufReader::new(demo.stderr.take().expect("its talk")).lines();
    let mut said = Vec::new();
    for text in lines.map_while(Result::ok).filter(|text| !text.trim().is_empty()) {
        said.push(text);
        if said.len() != line {
            continue;
        }
        let members = folder.member_pids();
        match victim {
            Victim::Node => kill_now(folder.node_pid()),
            Victim::Member(which) => members.get(*which).copied().into_iter().for_each(kill_now),
            Victim::NodeAndMembers => {
                kill_now(folder.node_pid());
                members.into_iter().for_each(kill_now);
            }
        }
        if !matches!(victim, Victim::Member(_)) {
            folder.json(&["up"]);
        }
    }
    assert!(said.len() > line, "the kill at line {line} came before the end: {said:#?}");
    let output = demo.wait_with_output().expect("it ends");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && table.contains("all agree to the unit"),
        "{words:?} at line {line}\n{said:#?}\n{table}"
    );
}

/// Numbers that look random and are the same in every run (splitmix64, Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % count
    }
}

#[test]
fn twenty_kills_in_the_middle_of_the_demo_lose_nothing() {
    let folder = Folder::new();
    folder.up();
    let (plain, lying): (&[&str], &[&str]) = (&["demo"], &["demo", "--lie"]);
    let mut dice = Dice(20);
    for n in 0..20 {
        // Each demo says at least so much before its end.
        let (words, lines) = if n % 2 == 0 { (plain, 21) } else { (lying, 29) };
        let line = usize::try_from(1 + dice.below(lines)).expect("a few");
        let victim = match dice.below(4) {
            0 | 1 => Victim::Node,
            2 => Victim::NodeAndMembers,
            _ => Victim::Member(usize::try_from(dice.below(3)).expect("one of three")),
        };
        demo_with_a_kill(&folder, words, line, &victim);
    }
    let status = folder.json(&["status"]);
    assert_eq!(status["status"]["sealed"], status["status"]["settled"]);
}
