//! Programs among three party processes of this machine, over QUIC and mutual TLS on loopback, from the inputs to the
//! outputs: `talea run`, as anybody runs it. With a delay of 50 ms each way, a relay stands between any two of them.
//!
//! Where the environment's `MP_SPDZ` names a folder of MP-SPDZ in which `replicated-ring-party.x` is built, the same work is
//! done there in turn, by three of its processes over TLS. What takes it less time than starting is measured by its own
//! timer around the work, without inputs, outputs and start; of ours those count.

mod delay;
mod spdz;

use crate::measure::runs;
use crate::{Measured, machine};
use serde_json::Value;
use spdz::Spdz;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How much later a message arrives that goes far.
const FAR: Duration = Duration::from_millis(50);

/// A program that parties run.
struct Job {
    name: &'static str,
    unit: &'static str,
    /// How many of those are done in a run.
    count: u32,
    source: &'static str,
    input: &'static str,
    peer: Option<Peer>,
    /// Whether it is run with a delay too, and in malicious mode.
    is_far: bool,
    is_guarded: bool,
}

/// The same work in MP-SPDZ.
struct Peer {
    unit: &'static str,
    source: &'static str,
    arguments: &'static [&'static str],
}

const RING: &[&str] = &["-R", "64", "-Z", "3", "--budget", "100000"];

const JOBS: [Job; 9] = [
    Job {
        name: "parties/multiply",
        unit: "multiplications/s",
        count: 10_000_000,
        source: include_str!("../programs/multiply.stfl"),
        input: "alice:x=3",
        peer: Some(Peer { unit: "times MP-SPDZ", source: include_str!("../programs/multiply.mpc"), arguments: RING }),
        is_far: false,
        is_guarded: true,
    },
    Job {
        name: "parties/compare",
        unit: "comparisons/s",
        count: 500_000,
        source: include_str!("../programs/compare.stfl"),
        input: "alice:x=3",
        peer: Some(Peer { unit: "times MP-SPDZ", source: include_str!("../programs/compare.mpc"), arguments: RING }),
        is_far: false,
        is_guarded: true,
    },
    Job {
        name: "parties/compare-all",
        unit: "comparisons/s",
        count: 500_000,
        source: include_str!("../programs/compare-all.stfl"),
        input: "alice:x=3",
        peer: None,
        is_far: false,
        is_guarded: false,
    },
    Job {
        name: "parties/latency",
        unit: "rounds/s",
        count: 10_000,
        source: include_str!("../programs/latency.stfl"),
        input: "alice:x=3",
        peer: Some(Peer { unit: "times MP-SPDZ", source: include_str!("../programs/latency.mpc"), arguments: RING }),
        is_far: false,
        is_guarded: false,
    },
    Job {
        name: "parties/sort",
        unit: "rows/s",
        count: 10_000,
        source: include_str!("../programs/sort.stfl"),
        input: "alice:x=3",
        peer: Some(Peer { unit: "times MP-SPDZ", source: include_str!("../programs/sort.mpc"), arguments: RING }),
        is_far: false,
        is_guarded: false,
    },
    Job {
        name: "parties/auction",
        unit: "auctions/s",
        count: 1,
        source: include_str!("../programs/auction.stfl"),
        input: "alice:x=3",
        peer: None,
        is_far: true,
        is_guarded: true,
    },
    Job {
        name: "parties/network",
        unit: "inferences/s",
        count: 1,
        source: include_str!("../programs/network.stfl"),
        input: "alice:x=0.5",
        peer: None,
        is_far: true,
        is_guarded: true,
    },
    Job {
        name: "parties/aes",
        unit: "blocks/s",
        count: 1,
        source: include_str!("../programs/aes.stfl"),
        input: "alice:x=True",
        peer: None,
        is_far: true,
        is_guarded: true,
    },
    Job {
        name: "parties/small",
        unit: "runs/s",
        count: 1,
        source: include_str!("../programs/small.stfl"),
        input: "alice:x=3",
        peer: None,
        is_far: true,
        is_guarded: true,
    },
];

/// From a source to its result: what is compiled and started counts too.
const START: Peer =
    Peer { unit: "times MP-SPDZ", source: include_str!("../programs/small.mpc"), arguments: &["-R", "64"] };

pub(crate) fn parties(quick: bool) -> Vec<Measured> {
    let Some(talea) = talea() else {
        eprintln!(
            "parties: skipped, as there is no `talea` beside this program: `cargo build --release --package cli`"
        );
        return Vec::new();
    };
    let spdz = Spdz::from_environment();
    if spdz.is_none() {
        eprintln!(
            "parties: not compared with MP-SPDZ: MP_SPDZ names no folder of it with replicated-ring-party.x built"
        );
    }
    let near = Parties::start(&talea, Duration::ZERO);
    let far = Parties::start(&talea, FAR);
    let mut all = Vec::new();
    for job in &JOBS {
        all.extend(measured(job, &near, spdz.as_ref(), quick));
        if job.is_guarded {
            all.push(rates(job, &near, true, quick));
        }
        if job.is_far {
            all.push(rates(job, &far, false, quick));
        }
    }
    all.extend(from_source(&talea, spdz.as_ref(), quick));
    all
}

/// The command, which is built into the folder of this one.
fn talea() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("talea");
    path.exists().then_some(path)
}

/// Measures a job, and in turn the same elsewhere, so that both have the machine as it is.
fn measured(job: &Job, near: &Parties, spdz: Option<&Spdz>, quick: bool) -> Vec<Measured> {
    let compared = job.peer.as_ref().and_then(|peer| Some((peer, spdz?.compiled(job.name, peer))));
    let Some((peer, compiled)) = compared else { return vec![rates(job, near, false, quick)] };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs(quick) {
        ours.push(near.run(job, false));
        theirs.push(compiled.run());
    }
    let (ran, other) = (&ours[0], &theirs[0]);
    assert_eq!(ran.result, near.expected(job), "{} is right", job.name);
    assert_eq!(ran.result, other.result, "{} gives the same in MP-SPDZ", job.name);
    let count = f64::from(job.count);
    let rates = ours.iter().map(|run| count / run.seconds).collect();
    let own = Measured { name: job.name, unit: job.unit, runs: rates, mix: ran.mix(job, "") };
    let times = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs.seconds / ours.seconds).collect();
    let rate = count / median(theirs.iter().map(|run| run.seconds));
    let mix = format!("{rate:.0} {} there, {}, load {}", job.unit, other.sent, machine::load());
    vec![own, Measured { name: job.name, unit: peer.unit, runs: times, mix }]
}

fn rates(job: &Job, parties: &Parties, is_guarded: bool, quick: bool) -> Measured {
    let all: Vec<Ran> = (0..runs(quick)).map(|_| parties.run(job, is_guarded)).collect();
    assert_eq!(all[0].result, parties.expected(job), "{} is right", job.name);
    let rates = all.iter().map(|run| f64::from(job.count) / run.seconds).collect();
    let how = match (is_guarded, parties.delay.is_zero()) {
        (true, _) => "malicious; ",
        (false, true) => "",
        (false, false) => "50 ms each way; ",
    };
    Measured { name: job.name, unit: job.unit, runs: rates, mix: all[0].mix(job, how) }
}

/// Measures the time from a source to its result, processes started for it.
fn from_source(talea: &Path, spdz: Option<&Spdz>, quick: bool) -> Vec<Measured> {
    let folder = tempfile::tempdir().expect("there is room for a program");
    let source = folder.path().join("small.stfl");
    std::fs::write(&source, include_str!("../programs/small.stfl")).expect("there is room for a program");
    let (mut ours, mut times) = (Vec::new(), Vec::new());
    let mut other = None;
    for _ in 0..runs(quick) {
        let began = Instant::now();
        let mut command = Command::new(talea);
        command.arg("--json").arg("run").arg(&source).args(["--mpc", "3", "--input", "alice:x=3"]);
        let result = answer(&mut command)["outputs"]["result"].to_string();
        let seconds = began.elapsed().as_secs_f64();
        ours.push(seconds);
        if let Some(spdz) = spdz {
            let began = Instant::now();
            let run = spdz.compiled("start", &START).run();
            times.push(began.elapsed().as_secs_f64() / seconds);
            assert_eq!(run.result, result, "MP-SPDZ gives the same");
            other = Some(median(times.iter().zip(&ours).map(|(times, ours)| times * ours)));
        }
    }
    let name = "parties/from-source";
    let rates = ours.iter().map(|seconds| seconds * 1_000.0).collect();
    let mix =
        format!("a source of ten lines compiled, three parties started, one comparison; load {}", machine::load());
    let own = Measured { name, unit: "ms", runs: rates, mix };
    let compared = other.map(|seconds| {
        let mix =
            format!("as many times faster; {:.0} ms there, compiled and run without its script", seconds * 1_000.0);
        Measured { name, unit: START.unit, runs: times, mix }
    });
    std::iter::once(own).chain(compared).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What a run gave.
struct Ran {
    result: String,
    seconds: f64,
    rounds: u64,
    /// Bytes that a party sent, on average.
    sent: f64,
}

impl Ran {
    fn mix(&self, job: &Job, how: &str) -> String {
        let each = self.sent / f64::from(job.count);
        format!("{how}{each:.1} bytes a party each, {} rounds, load {}", self.rounds, machine::load())
    }
}

/// Runs a command that answers in JSON.
fn answer(command: &mut Command) -> Value {
    let output = command.output().expect("the command starts");
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    assert!(output.status.success(), "{value} {}", String::from_utf8_lossy(&output.stderr));
    value
}

/// Three party processes, for as long as this lives.
struct Parties {
    talea: PathBuf,
    children: Vec<(Child, ChildStdin)>,
    folder: TempDir,
    delay: Duration,
    /// What carries messages later, if anything.
    _relays: Vec<delay::Relay>,
}

impl Parties {
    fn start(talea: &Path, delay: Duration) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a file");
        // Anybody may bring any program: only this machine reaches the parties.
        let mut text = "open = true\n".to_owned();
        let (mut children, mut relays) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let mut command = Command::new(talea);
            command.args(["--json", "party", "run", "--attached"]).env("RUST_LOG", "error");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().expect("a party starts");
            let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).expect("a party says where it is");
            let hello: Value = serde_json::from_str(&line).expect("a party says where it is");
            let mut address: SocketAddr =
                hello["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
            if !delay.is_zero() {
                let relay = delay::Relay::start(address, delay).expect("loopback has a free port");
                address = relay.address();
                relays.push(relay);
            }
            text += &format!("[[party]]\nid = {}\naddress = \"{address}\"\n", hello["id"]);
            children.push((child, input));
        }
        let network = folder.path().join("network.toml");
        std::fs::write(&network, text).expect("there is room for a file");
        for (_, input) in &mut children {
            writeln!(input, "{}", network.display()).expect("a party listens");
        }
        Self { talea: talea.to_owned(), children, folder, delay, _relays: relays }
    }

    /// Runs a job's program without parties, for its result.
    fn expected(&self, job: &Job) -> String {
        let mut command = Command::new(&self.talea);
        command.arg("--json").arg("run").arg(self.source(job)).args(["--clear", "--input", job.input]);
        answer(&mut command)["outputs"]["result"].to_string()
    }

    fn source(&self, job: &Job) -> PathBuf {
        let source = self.folder.path().join(format!("{}.stfl", job.name.replace('/', "-")));
        std::fs::write(&source, job.source).expect("there is room for a program");
        source
    }

    fn run(&self, job: &Job, is_guarded: bool) -> Ran {
        let source = self.source(job);
        let mut command = Command::new(&self.talea);
        command.arg("--json").arg("run").arg(&source).arg("--network").arg(self.folder.path().join("network.toml"));
        command.args(["--input", job.input]).args(is_guarded.then_some("--malicious"));
        let value = answer(&mut command);
        let sent = value["sent"].as_array().expect("bytes of all parties").iter().filter_map(Value::as_f64);
        Ran {
            result: value["outputs"]["result"].to_string(),
            seconds: value["seconds"].as_f64().expect("a time"),
            rounds: value["rounds"].as_u64().expect("a number"),
            sent: sent.sum::<f64>() / 3.0,
        }
    }
}

impl Drop for Parties {
    fn drop(&mut self) {
        for (mut child, input) in self.children.drain(..) {
            // They end with their input.
            drop(input);
            let _ = child.wait();
        }
    }
}
