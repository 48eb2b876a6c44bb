//! Private tasks end to end: three providers of a real network compute on shares, and the ledger pays them.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Rounds without end, as far as a test is concerned.
const LONG: &str = "client alice:
  x: secret int64

def main() -> int64:
  var x = alice.x
  for i in 0..30000000:
    x = x * x + i
  return x.reveal()
";

/// What is paid for a million fuel, so that a small program costs something to see.
const RATE: &str = "1000000000";

/// A network with providers that take part in private programs. Whatever runs in it is stopped when the test ends.
struct Folder(tempfile::TempDir);

impl Folder {
    /// Starts a network whose batches settle by the committee, which is quick, and gives the requester something to pay with.
    fn up() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        let place = folder.0.path().to_str().expect("a path").to_owned();
        let made = Command::new(env!("CARGO_BIN_EXE_talea")).args(["--dir", &place, "chain", "new", "quick"]).output();
        assert!(made.expect("talea starts").status.success());
        let file = folder.0.path().join("chain.toml");
        let text = std::fs::read_to_string(&file).expect("the chain's file");
        let quick = text.replace("age_ms = 2000", "age_ms = 500").replace("block_time = 1", "block_time = 0.5");
        assert_ne!(text, quick, "the template has these lines");
        std::fs::write(&file, quick).expect("the chain's file");
        folder.json(&["up", file.to_str().expect("a path"), "--private"]);
        folder.json(&["deposit", "900000000"]);
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("network")
    }

    fn talea(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_talea"));
        command.arg("--dir").arg(self.path()).args(words).current_dir(self.0.path());
        command
    }

    /// Runs a command and returns the JSON that it gives.
    fn value(&self, words: &[&str]) -> Value {
        let output: Output = self.talea(&[words, &["--json"]].concat()).output().expect("talea starts");
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("one JSON value, not {output:?}"))
    }

    /// Runs a command that must succeed.
    fn json(&self, words: &[&str]) -> Value {
        let value = self.value(words);
        assert_eq!(value["ok"], true, "{words:?} gives {value}");
        value
    }

    /// Starts a command and returns its first lines of talk, up to the one that says this.
    fn talk(&self, words: &[&str], until: &str) -> (Child, String) {
        let mut child = self.talea(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("talea starts");
        let mut talk = BufReader::new(child.stderr.take().expect("its talk"));
        let mut line = String::new();
        while !line.contains(until) {
            line.clear();
            assert_ne!(talk.read_line(&mut line).expect("its talk"), 0, "it never said `{until}`");
        }
        // It is to talk on undisturbed.
        std::thread::spawn(move || drop(talk.read_to_end(&mut Vec::new())));
        (child, line)
    }

    /// Returns the id and the free tokens of a development account.
    fn account(&self, name: &str) -> (String, u64) {
        let accounts = self.json(&["account"]);
        let rows = accounts["accounts"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}"));
        let amount = row["account"]["holdings"]["items"].as_array().expect("holdings").iter().map(|holding| {
            holding["amount"].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or_else(|| panic!("{holding}"))
        });
        // Whole halves of tallies count one each, and all that a test pays is more.
        (row["account"]["account"].as_str().expect("an id").to_owned(), amount.max().unwrap_or(0))
    }

    /// Looks at a task whenever there is a new block, until what it shows is what is waited for.
    fn watch(&self, task: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let api = self.json(&["status"])["api"].as_str().expect("the gateway's address").to_owned();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (client, begun) = (client::Client::new(&api), Instant::now());
        let mut next = types::Height(1);
        loop {
            let shown = self.json(&["task", "show", task]);
            if holds(&shown) {
                return shown;
            }
            assert!(begun.elapsed() < Duration::from_secs(200), "{shown}");
            let blocks = runtime.block_on(client.blocks(next, 10_000)).expect("blocks");
            next = blocks.last().map_or(next, |block| block.header.height.next());
        }
    }

    fn provider_pid(&self, index: usize) -> u32 {
        let (folder, role) = (self.path().to_string_lossy().into_owned(), format!("node provider --index {index}"));
        let ids = std::fs::read_dir("/proc")
            .expect("the processes")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut mine = ids.filter(|id: &u32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(&folder) && line.contains(&role)
        });
        mine.next().expect("it runs")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.path().exists() {
            let _ = self.talea(&["down", "--wipe"]).output();
        }
    }
}

/// Asks until it holds.
fn wait_until(seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}");
        std::thread::yield_now();
    }
}

fn said(log: &Path, what: &str) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().matches(what).count()
}

#[test]
fn an_auction_runs_among_three_providers_and_the_ledger_pays_them_for_its_receipt() {
    let folder = Folder::up();
    folder.json(&["new", "auction"]);
    let bob = folder.json(&["keygen", "bob.key"])["id"].as_str().expect("an id").to_owned();
    let before = folder.account("requester").1;
    // Two clients: one submits and pays, the other joins with a key of its own.
    let guest = format!("bob={bob}");
    let submit = ["task", "submit", "auction", "--privacy", "mpc", "--rate", RATE];
    let words = [&submit[..], &["--guest", &guest, "--input", "alice:bid=42"]].concat();
    let (alice, line) = folder.talk(&words, "submitted");
    let task = line.split_whitespace().nth(1).expect("the task's id").to_owned();
    let join = ["task", "join", &task, "auction", "--client", "bob", "--identity", "bob.key", "--input", "bob:bid=37"];
    let joined = folder.json(&join);
    let alice = alice.wait_with_output().expect("it ends");
    assert!(alice.status.success() && String::from_utf8_lossy(&alice.stdout).contains("result = 37"), "{alice:?}");
    assert_eq!((&joined["outputs"]["result"], joined["agreeing"].as_array().map(Vec::len)), (&37.into(), Some(3)));
    // The receipt is there for anybody, and says what was paid for.
    let shown = folder.json(&["task", "show", &task]);
    assert_eq!(
        (&shown["standing"], &shown["privacy"], &shown["malicious"]),
        (&"decided".into(), &"mpc".into(), &false.into())
    );
    let (receipt, cost) = (&shown["receipt"], folder.json(&["cost", "auction"]));
    assert_eq!((&receipt["program"], &receipt["fuel"]), (&shown["program"], &cost["fuel"]), "{shown}");
    assert_eq!((&receipt["rounds"][0], &receipt["sent"]), (&cost["rounds"], &cost["sent"]), "{shown}");
    let (price, paid) = (shown["price"].as_str().expect("a price"), shown["paid"].as_str().expect("a payment"));
    assert_eq!(price, paid, "the certificate's fuel is the limit");
    let price: u64 = price.parse().expect("a number");
    assert_eq!(price, 3 * 1_000 * cost["fuel"].as_u64().expect("fuel"));
    // Who published the program is its author, here the requester: a twentieth of the price is its own again.
    assert_eq!(folder.account("requester").1, before - price + price / 20);
    let earned = ["provider-a", "provider-b", "provider-c"].map(|name| folder.account(name).1);
    assert!(earned[0] > price / 4 && earned[0] == earned[1] && earned[1] == earned[2], "{earned:?} of {price}");
    // The same for a client that is alone, with lies looked for, and a receipt to check without anybody.
    let words = ["--malicious", "--input", "alice:bid=5", "--input", "bob:bid=8", "--receipt", "verdict.json"];
    let alone = folder.json(&[&submit[..], &words].concat());
    assert_eq!((&alone["outputs"]["result"], &alone["malicious"]), (&5.into(), &true.into()), "{alone}");
    folder.json(&["verify", "verdict.json"]);
    // What is wrong is said before anything is paid.
    for (words, says) in [
        (vec!["--input", "alice:bid=5"], "bob:bid"),
        (vec!["--guest", "carol=00"], "names no guest"),
        (vec!["--guest", &format!("carol={bob}")], "knows no client `carol`"),
    ] {
        let error = folder.value(&[&submit[..], &words].concat())["error"].to_string();
        assert!(error.contains(says), "{error}");
    }
    let stranger =
        folder.value(&join.map(|word| if word == "bob.key" { "mallory.key" } else { word }))["error"].to_string();
    assert!(stranger.contains("mallory.key"), "{stranger}");
    folder.json(&["keygen", "mallory.key"]);
    let stranger =
        folder.value(&join.map(|word| if word == "bob.key" { "mallory.key" } else { word }))["error"].to_string();
    assert!(stranger.contains("another identity"), "{stranger}");
}

#[test]
fn a_client_that_does_not_come_costs_the_requester_nothing() {
    let folder = Folder::up();
    folder.json(&["new", "auction"]);
    let bob = folder.json(&["keygen", "bob.key"])["id"].as_str().expect("an id").to_owned();
    let (before, guest) = (folder.account("requester").1, format!("bob={bob}"));
    let submit = ["task", "submit", "auction", "--privacy", "mpc", "--deadline", "25", "--guest", &guest];
    let error = folder.value(&[&submit[..], &["--input", "alice:bid=5"]].concat())["error"].to_string();
    assert!(error.contains("client `bob` did not come in time"), "{error}");
    let task = error.split("talea task show ").nth(1).and_then(|rest| rest.split(['`', ' ']).next()).expect("an id");
    // All three say the same, so there is a verdict, and nothing is paid for it.
    let shown = folder.watch(task, |shown| shown["standing"] != "open");
    assert_eq!((&shown["standing"], &shown["exit"], &shown["paid"]), (&"decided".into(), &7.into(), &"0".into()));
    let rows = shown["assignments"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["says"].as_str().is_some_and(|says| says.contains("`bob`"))), "{shown}");
    assert_eq!(folder.account("requester").1, before);
}

#[test]
fn a_provider_that_is_killed_ends_the_run_in_clear_words_and_the_price_goes_back() {
    let folder = Folder::up();
    std::fs::write(folder.0.path().join("long.stfl"), LONG).expect("the source");
    let before = folder.account("requester").1;
    let log = folder.path().join("node.log");
    let submit = ["task", "submit", "long.stfl", "--privacy", "mpc", "--deadline", "25", "--input", "alice:x=3"];
    let words = [&submit[..], &["--json"]].concat();
    let client = folder.talea(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("talea starts");
    wait_until(60, "three parties begin", || said(&log, "session begins") == 3);
    let victim = folder.provider_pid(1);
    kill(Pid::from_raw(i32::try_from(victim).expect("a process id")), Signal::SIGKILL).expect("it runs");
    let output = client.wait_with_output().expect("it ends");
    let error: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    let error = error["error"].as_str().expect("what went wrong");
    let (victim, _) = folder.account("provider-b");
    assert!(error.contains("is gone") && error.contains(&victim), "{error}");
    let task = error.split("talea task show ").nth(1).and_then(|rest| rest.split(['`', ' ']).next()).expect("an id");
    // The two that are left say so on the ledger, and nobody else is called.
    let shown = folder.watch(task, |shown| {
        let rows = shown["assignments"].as_array().expect("rows");
        assert_eq!(rows.len(), 3, "{shown}");
        rows.iter().all(|row| row["provider"] == *victim || row["stage"] != "assigned")
    });
    assert_eq!(shown["standing"], "open");
    let shown = folder.watch(task, |shown| shown["standing"] != "open");
    assert_eq!(
        (&shown["standing"], &shown["paid"], &shown["receipt"]),
        (&"refunded".into(), &"0".into(), &Value::Null)
    );
    assert_eq!(folder.account("requester").1, before);
    let earned = ["provider-a", "provider-c"].map(|name| folder.account(name).1);
    assert_eq!(earned, [1, 1], "nobody is paid for nothing");
    // The network goes on, with the provider that was started again.
    folder.json(&["new", "auction"]);
    let submit = ["task", "submit", "auction", "--privacy", "mpc", "--input", "alice:bid=5", "--input", "bob:bid=8"];
    wait_until(60, "three take part again", || folder.value(&submit)["ok"] == true);
}
