//! A real node on a free port, for one test.

use alloy::providers::{Provider as _, RootProvider};
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use types::serde::Serialize;
use types::serde::de::DeserializeOwned;

const MISSING: &str = "no anvil 1.7.x in contracts/node_modules and none on PATH: run `make setup`";

/// An anvil process. Killed when dropped.
pub struct Node {
    process: Child,
    pub url: String,
    provider: RootProvider,
}

impl Node {
    /// Starts a node and waits until it listens.
    pub fn start() -> Self {
        let flags = "--port 0 --accounts 20 --timestamp 1700000000 --slots-in-an-epoch 2 --enable-tx-gas-limit";
        let mut process = Command::new(program())
            .args(flags.split(' '))
            .args(["--gas-limit", "60000000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(MISSING);
        // Not `--silent`: the node picks its own port, so that no other process can take it first, and prints it.
        let mut lines = BufReader::new(process.stdout.take().expect("standard output is piped")).lines();
        let address =
            lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let address = address.expect("anvil ended before it listened");
        // The pipe is read to its end: a full one would stop the node.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let url = format!("http://{address}");
        let provider = RootProvider::new_http(url.parse().unwrap());
        Self { process, url, provider }
    }

    /// Calls a method of the node that the crate itself has no use for.
    pub async fn call<A, T>(&self, method: &'static str, arguments: A) -> T
    where
        A: Serialize + Clone + Debug + Send + Sync + Unpin,
        T: DeserializeOwned + Debug + Send + Sync + Unpin + 'static,
    {
        self.provider.raw_request(method.into(), arguments).await.unwrap()
    }

    /// Adds empty blocks.
    pub async fn mine(&self, blocks: u64) {
        self.call::<_, ()>("anvil_mine", (blocks,)).await;
    }

    /// Replaces the newest blocks with as many empty ones.
    pub async fn reorganise(&self, depth: u64) {
        let no_transactions: [(); 0] = [];
        self.call::<_, ()>("anvil_reorg", (depth, no_transactions)).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../contracts/node_modules/.bin/anvil");
    let candidates = [pinned, PathBuf::from("anvil")];
    candidates.into_iter().find(|program| fits(program)).expect(MISSING)
}

fn fits(program: &Path) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else { return false };
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .any(|word| word.trim_start_matches('v').starts_with("1.7."))
}
