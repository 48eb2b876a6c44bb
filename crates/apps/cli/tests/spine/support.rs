//! A chain in a folder of its own, and its L1.

use client::{Client, derive_key};
use crypto::Secret;
use crypto::account::SecretKey;
use crypto::eth::{EthKey, keccak};
use l1::{Contracts, Reader, Writer};
use proof::Domain;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use types::{Bytes32, EthAddress, Height};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a test looks.
const POLL: Duration = Duration::from_millis(50);

/// A chain's folder. Whatever runs in it is stopped when the test ends, however it ends.
pub struct Chain {
    pub folder: tempfile::TempDir,
    pub l1: String,
    pub api: String,
    pub contracts: Contracts,
    pub token: EthAddress,
}

/// Runs the program and returns what it gave.
pub fn talea(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_talea")).args(words).current_dir(folder).output().expect("talea starts")
}

/// Runs a command that must succeed and returns its JSON.
pub fn json_of(folder: &Path, words: &[&str]) -> Value {
    let output = talea(folder, &[words, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{words:?} gives {output:?}"));
    assert_eq!(value["ok"], true, "{words:?} gives {value}");
    value
}

/// The key of the first account that a local L1 funds: public knowledge.
pub fn rich() -> Secret<[u8; 32]> {
    let key: Bytes32 = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80".parse().unwrap();
    Secret::new(key.0)
}

/// The key of another one, whose nonces nobody else uses.
pub fn also_rich() -> Secret<[u8; 32]> {
    let key: Bytes32 = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d".parse().unwrap();
    Secret::new(key.0)
}

/// The secret of a wallet of a test's own.
pub fn wallet_secret(n: u64) -> Bytes32 {
    keccak(&[b"a wallet of a test", &n.to_be_bytes()])
}

impl Chain {
    /// Makes a chain from the template with some lines changed, and starts it.
    pub fn start(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        json_of(folder.path(), &["chain", "new", "a test's"]);
        let file = folder.path().join("chain.toml");
        let quick = [("age_ms = 2000", "age_ms = 300"), ("block_time = 1", "block_time = 0.2")];
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (from, to) in quick.iter().chain(changes) {
            assert!(text.contains(from), "the template has {from}");
            text = text.replace(from, to);
        }
        std::fs::write(&file, text).unwrap();
        let up = json_of(folder.path(), &["chain", "up"]);
        let address = |name: &str| up["contracts"][name].as_str().unwrap().parse::<EthAddress>().unwrap();
        let contracts = Contracts { rollup: address("rollup"), vault: address("vault") };
        let text = |name: &str| up[name].as_str().unwrap().to_owned();
        Self { l1: text("l1"), api: text("api"), contracts, token: address("token"), folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join(".talea")
    }

    pub fn client(&self) -> Client {
        Client::new(&self.api)
    }

    pub async fn writer(&self, key: &Secret<[u8; 32]>) -> Writer {
        Writer::connect(&self.l1, key, self.contracts).await.unwrap()
    }

    pub async fn reader(&self) -> Reader {
        Reader::connect(&self.l1, self.contracts, 0).await.unwrap()
    }

    /// Returns a test's wallet and its account's key.
    pub fn wallet(&self, n: u64) -> (EthKey, SecretKey) {
        let wallet = EthKey::from_bytes(wallet_secret(n).0).expect("in range");
        let key = derive_key(&wallet, &Domain { chain_id: 31337, rollup: self.contracts.rollup });
        (wallet, key)
    }

    /// Asks the Ethereum node for what only a test node does.
    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = reqwest::Client::new().post(&self.l1).json(&question).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer.get("error").is_none(), "{method} gives {answer}");
        answer["result"].take()
    }

    /// Returns the node's and the members' process ids.
    pub fn pids(&self) -> Vec<i32> {
        let folder = self.data().canonicalize().unwrap_or(self.data()).to_string_lossy().into_owned();
        let plain = self.data().to_string_lossy().into_owned();
        let all =
            std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let ours = |id: &i32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let cwd = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap_or_default();
            let here = cwd == self.path() || self.path().canonicalize().is_ok_and(|path| cwd == path);
            line.contains(" node ") && (line.contains(&folder) || line.contains(&plain) || here)
        };
        all.filter(ours).collect()
    }

    /// Kills the processes of this chain with these words on their command line, with no time to say anything.
    pub async fn kill(&self, words: &[&str]) {
        let of = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(&words.join(" "))
        };
        let found: Vec<i32> = self.pids().into_iter().filter(of).collect();
        assert!(!found.is_empty(), "somebody runs {words:?}");
        for pid in &found {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), nix::sys::signal::Signal::SIGKILL);
        }
        let gone = async || self.pids().iter().all(|pid| !found.contains(pid)).then_some(());
        eventually("killed processes are gone", gone).await;
    }

    /// Kills the node and every member, with no time to say anything.
    pub async fn kill_all(&self) {
        let signal = nix::sys::signal::Signal::SIGKILL;
        // Members end by themselves when the node is gone, so some may be gone before they are shot.
        for pid in self.pids() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
        }
        eventually("killed processes are gone", async || self.pids().is_empty().then_some(())).await;
    }

    /// Waits until all that the chain did is settled on L1, and returns the last block's height.
    pub async fn await_settled(&self) -> Height {
        let client = self.client();
        eventually("the chain settles", async || {
            let status = client.status().await.ok()?;
            let head = status.head.as_ref()?.height;
            let view = client.batch_of(head).await.ok()?;
            (view.settlement.is_some() && status.settled == status.sealed).then_some(head)
        })
        .await
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = talea(self.path(), &["chain", "down"]);
    }
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// Asks for so long until there is an answer.
pub async fn eventually_within<T>(patience: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        let mut clock = tokio::time::interval(POLL);
        loop {
            clock.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}
