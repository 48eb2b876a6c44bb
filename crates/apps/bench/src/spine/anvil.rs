//! A local Ethereum node, for as long as it is measured on.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const MISSING: &str = "anvil is not on PATH nor in contracts/node_modules: install it with `make setup`";

/// An anvil process. Killed when dropped.
pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
    _cache: TempDir,
}

impl Anvil {
    /// Starts a node on a free port and waits until it listens.
    pub(crate) fn start() -> Self {
        // The gas limit of a block and of a transaction as Ethereum has them.
        let flags = "--port 0 --enable-tx-gas-limit --gas-limit 60000000";
        // Killed, it would leave the older states that it holds where it keeps them by itself.
        let cache = TempDir::new().expect("a temporary folder can be made");
        let mut process = Command::new(find())
            .args(flags.split(' '))
            .arg("--cache-path")
            .arg(cache.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(MISSING);
        let mut lines = BufReader::new(process.stdout.take().expect("standard output is piped")).lines();
        let address =
            lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let address = address.expect("anvil ended before it listened");
        // The pipe is read to its end: a full one would stop the node.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { process, url: format!("http://{address}"), _cache: cache }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // One that has ended by itself needs no killing.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Finds anvil: where `make setup` puts it, or on PATH.
fn find() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let pinned = here.ancestors().map(|folder| folder.join("contracts/node_modules/.bin/anvil"));
    pinned.into_iter().find(|file| file.is_file()).unwrap_or_else(|| PathBuf::from("anvil"))
}
