//! Private programs among real processes: three parties and their clients.

mod liar;

use liar::Liar;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

/// Rounds without end, as far as a test is concerned.
const LONG: &str = "client alice:
  x: secret int64

client bob:
  y: secret int64

def main() -> int64:
  var x = alice.x
  for i in 0..1000000000:
    x = x * bob.y + i
  return x.reveal()
";

fn talea() -> Command {
    Command::new(env!("CARGO_BIN_EXE_talea"))
}

fn output(folder: &Path, words: &[&str]) -> Output {
    talea().current_dir(folder).args(words).output().expect("it starts")
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let output = output(folder, &[words, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// One party, for as long as it is held.
struct Party {
    child: Child,
    input: ChildStdin,
    id: String,
    address: String,
    log: PathBuf,
}

impl Drop for Party {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn party(folder: &Path, number: usize) -> Party {
    let log = folder.join(format!("party-{number}.log"));
    let mut child = talea()
        .args(["--json", "party", "run", "--attached"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("it starts");
    let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("it says where it listens");
    let hello: Value = serde_json::from_str(&line).expect("one JSON value");
    let text = |name: &str| hello[name].as_str().expect("a text").to_owned();
    Party { child, input, id: text("id"), address: text("address"), log }
}

/// Three parties that know each other, and their network's file.
fn network(folder: &Path, rest: &str) -> (Vec<Party>, PathBuf) {
    let parties: Vec<Party> = (0..3).map(|number| party(folder, number)).collect();
    let entries: Vec<(&str, &str)> = parties.iter().map(|party| (party.id.as_str(), party.address.as_str())).collect();
    let file = named(folder, &entries, rest);
    (told(parties, &file), file)
}

/// Writes the file of a network.
fn named(folder: &Path, entries: &[(&str, &str)], rest: &str) -> PathBuf {
    let entry = |(id, address): &(&str, &str)| format!("[[party]]\nid = \"{id}\"\naddress = \"{address}\"\n");
    let text: String = entries.iter().map(entry).collect();
    let file = folder.join("network.toml");
    std::fs::write(&file, format!("{rest}\n{text}[bounds]\ngone_s = 6\n")).expect("the network's file");
    file
}

/// Tells parties of their network.
fn told(mut parties: Vec<Party>, file: &Path) -> Vec<Party> {
    for party in &mut parties {
        writeln!(party.input, "{}", file.display()).expect("it listens");
    }
    parties
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain letters")
}

#[test]
fn a_new_auction_runs_among_three_processes_as_it_does_in_clear() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(json(folder.path(), &["new", "auction"])["ok"], true);
    let folder = folder.path().join("auction");
    assert_eq!(json(&folder, &["test"])["ok"], true);
    let bids = ["--input", "alice:bid=42", "--input", "bob:bid=37"];
    let clear = json(&folder, &[&["run", "--clear"], &bids[..]].concat());
    let run = json(&folder, &[&["run", "--mpc", "3"], &bids[..]].concat());
    assert_eq!(run["ok"], true, "{run}");
    assert_eq!((&run["outputs"], &run["printed"]), (&clear["outputs"], &clear["printed"]));
    assert_eq!(run["outputs"]["result"], 37, "{run}");
    // What a run takes is what it was priced at.
    let certified = &run["certified"];
    assert_eq!(
        (&certified["exact"], &run["rounds"], &run["sent"]),
        (&Value::Bool(true), &certified["rounds"], &certified["sent"])
    );
    assert!(run["rounds"].as_u64() > Some(0), "{run}");
    // What is missing or wrong is said before anything starts.
    let said = json(&folder, &["run", "--mpc", "3", "--input", "alice:bid=42"])["error"].to_string();
    assert!(said.contains("--input bob:bid="), "{said}");
    for count in ["4", "9"] {
        let wrong = output(&folder, &["run", "--mpc", count]);
        assert_eq!(wrong.status.code(), Some(2));
        let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert!(said.contains("there are protocols for 3, 5 and 7 parties"), "{said}");
    }
}

#[test]
fn a_new_auction_runs_among_five_processes_and_costs_what_was_said() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(json(folder.path(), &["new", "auction"])["ok"], true);
    let folder = folder.path().join("auction");
    let bids = ["--input", "alice:bid=42", "--input", "bob:bid=37"];
    let run = json(&folder, &[&["run", "--mpc", "5"], &bids[..]].concat());
    assert_eq!((&run["ok"], &run["outputs"]["result"]), (&Value::Bool(true), &Value::from(37)), "{run}");
    let cost = json(&folder, &["cost", "--mpc", "5"]);
    assert_eq!((&cost["exact"], &cost["parties"]), (&Value::Bool(true), &Value::from(5)), "{cost}");
    for said in [&run["certified"], &cost] {
        assert_eq!((&run["rounds"], &run["sent"]), (&said["rounds"], &said["sent"]), "{said}");
    }
    assert_eq!(run["sent"].as_array().map(Vec::len), Some(5));
    let said = json(&folder, &[&["run", "--mpc", "5", "--malicious"], &bids[..]].concat())["error"].to_string();
    assert!(said.contains("5 parties cannot find a lie yet"), "{said}");
}

#[test]
fn clients_with_keys_of_their_own_meet_in_a_session_and_a_stranger_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert_eq!(json(folder, &["new", "auction"])["ok"], true);
    let mut clients = String::new();
    for name in ["alice", "bob"] {
        let file = format!("{name}.key");
        let id = json(folder, &["keygen", &file])["id"].clone();
        assert_eq!(json(folder, &["party", "id", "--identity", &file])["id"], id);
        clients.push_str(&format!("[[client]]\nname = \"{name}\"\nid = {id}\n"));
    }
    json(folder, &["keygen", "mallory.key"]);
    let (parties, file) = network(folder, &clients);
    let ask = |name: &str, key: &str, bid: &str| {
        let input = format!("{name}:bid={bid}");
        let words = ["run", "auction", "--network", text(&file), "--identity", key, "--client", name];
        let mut command = talea();
        command.current_dir(folder).args(words).args(["--session", "one", "--json", "--input", &input]);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    let heard = |child: Child| -> Value {
        serde_json::from_slice(&child.wait_with_output().expect("it ends").stdout).expect("one JSON value")
    };
    let said = heard(ask("alice", "mallory.key", "1"))["error"].to_string();
    assert!(said.contains("does not accept ours"), "{said}");
    let said = heard(ask("alice", "bob.key", "1"))["error"].to_string();
    assert!(said.contains("a name is another client's"), "{said}");
    let (alice, bob) = (ask("alice", "alice.key", "42"), ask("bob", "bob.key", "37"));
    for run in [heard(alice), heard(bob)] {
        assert_eq!((&run["ok"], &run["outputs"]["result"]), (&Value::Bool(true), &Value::from(37)), "{run}");
    }
    // Two parties' addresses with each other's keys behind them.
    let right = std::fs::read_to_string(&file).expect("the file");
    let (first, second) = (&parties[0].address, &parties[1].address);
    let wrong = right.replace(first.as_str(), "first").replace(second.as_str(), first).replace("first", second);
    std::fs::write(folder.join("wrong.toml"), wrong).expect("a file");
    let words = ["run", "auction", "--network", "wrong.toml", "--identity", "alice.key", "--client", "alice"];
    let said =
        json(folder, &[&words[..], &["--session", "two", "--input", "alice:bid=1"]].concat())["error"].to_string();
    assert!(said.contains("does not hold the key"), "{said}");
}

#[test]
fn garbage_and_killed_parties_end_in_clear_words_and_the_rest_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    std::fs::write(folder.join("long.stfl"), LONG).expect("the source");
    assert_eq!(json(folder, &["new", "auction"])["ok"], true);
    let (mut parties, file) = network(folder, "open = true");
    // Bytes that are no QUIC do not disturb anybody.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for length in [0, 1, 20, 1_200] {
        let bytes: Vec<u8> = (0..length).map(|at: usize| at.to_le_bytes()[0].wrapping_mul(37)).collect();
        socket.send_to(&bytes, &parties[0].address).expect("it is sent");
    }
    let words = ["run", "auction", "--network", text(&file), "--input", "alice:bid=5", "--input", "bob:bid=8"];
    let run = json(folder, &words);
    assert_eq!(run["outputs"]["result"], 5, "{run}");
    // A run that would last for days, until one party is killed in the middle of it.
    let long = ["run", "long.stfl", "--network", text(&file), "--json", "--input", "alice:x=3", "--input", "bob:y=5"];
    let client = talea().current_dir(folder).args(long).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let client = client.expect("it starts");
    wait_for(&parties[1].log, "session begins", 2);
    parties[1].child.kill().expect("it runs");
    let said: Value = serde_json::from_slice(&client.wait_with_output().expect("it ends").stdout).expect("JSON");
    let said = said["error"].to_string();
    assert!(said.contains("party 2 is gone"), "{said}");
    for at in [0, 2] {
        wait_for(&parties[at].log, "party 2 is gone", 1);
        assert!(parties[at].child.try_wait().expect("it is asked").is_none(), "it serves on");
    }
}

/// Runs every example among processes, and checks that it gives what it should and costs what it was priced at.
fn check_examples(parties: &str, ways: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
    let mut ran = 0;
    for example in std::fs::read_dir(examples).expect("the examples") {
        let program = example.expect("a folder").path();
        if !program.join("main.stfl").is_file() {
            continue;
        }
        let name = text(&program).to_owned();
        let source = std::fs::read_to_string(program.join("main.stfl")).expect("its source");
        let inputs = source.lines().filter_map(|line| line.strip_prefix("# input: "));
        let inputs: Vec<&str> = inputs.flat_map(str::split_whitespace).collect();
        let given = source.lines().find_map(|line| line.strip_prefix("# gives: result="));
        let given = given.and_then(|given| given.split_whitespace().next()).expect("what it gives");
        let inputs: Vec<&str> = inputs.into_iter().flat_map(|input| ["--input", input]).collect();
        let run = json(folder.path(), &[&["run", text(&program), "--mpc", parties], ways, &inputs[..]].concat());
        let result = run["outputs"]["result"].to_string().replace(['"', '[', ']', ' '], "");
        assert_eq!((result.as_str(), &run["malicious"]), (given, &Value::Bool(!ways.is_empty())), "{name}: {run}");
        let cost = json(folder.path(), &[&["cost", text(&program), "--mpc", parties], ways].concat());
        for certified in [&run["certified"], &cost] {
            assert_eq!(
                (&certified["exact"], &run["rounds"], &run["sent"]),
                (&Value::Bool(true), &certified["rounds"], &certified["sent"]),
                "{name}: {cost}"
            );
        }
        ran += 1;
    }
    assert!(ran >= 4, "{ran} examples ran");
}

#[test]
fn every_example_costs_among_processes_that_look_for_a_liar_what_it_was_priced_at() {
    check_examples("3", &["--malicious"]);
}

#[test]
fn every_example_costs_among_five_processes_what_it_was_priced_at() {
    check_examples("5", &[]);
}

#[test]
fn a_party_that_lies_is_caught_by_the_honest_ones_who_serve_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert_eq!(json(folder, &["new", "auction"])["ok"], true);
    let liar = Liar::new();
    let (first, third) = (party(folder, 0), party(folder, 2));
    let entries = [(&*first.id, &*first.address), (&*liar.id, &*liar.address), (&*third.id, &*third.address)];
    let file = named(folder, &entries, "open = true\nmalicious = true");
    let mut honest = told(vec![first, third], &file);
    let lying = liar.begin(liar::network(&file), 0);
    let words = ["run", "auction", "--network", text(&file), "--input", "alice:bid=5", "--input", "bob:bid=8"];
    let said = json(folder, &words)["error"].to_string();
    assert!(said.contains("caught a lie by the check of products"), "{said}");
    // Each honest party can tell itself from the other two.
    assert!(said.contains("party 2 or 3 lies") || said.contains("party 1 or 2 lies"), "{said}");
    for party in &mut honest {
        wait_for(&party.log, "caught a lie by the check of products", 1);
        assert!(party.child.try_wait().expect("it is asked").is_none(), "it serves on");
    }
    lying.join().expect("the liar's session ended too");
}

/// Waits until a log has said something as often as that.
fn wait_for(log: &Path, what: &str, times: usize) {
    let begun = std::time::Instant::now();
    while std::fs::read_to_string(log).is_ok_and(|text| text.matches(what).count() < times) {
        assert!(begun.elapsed().as_secs() < 60, "{}", std::fs::read_to_string(log).unwrap_or_default());
        std::thread::yield_now();
    }
}
