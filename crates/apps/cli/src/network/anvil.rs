//! The local Ethereum node: anvil, as a process of its own that outlives the node.

use crate::error::Error;
use crate::network::{Network, process};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long anvil may take to answer.
const START: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const POLL: Duration = Duration::from_millis(50);

/// Says whether an Ethereum node answers at an address.
pub async fn answers(url: &str) -> bool {
    let Ok(http) = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build() else { return false };
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [] });
    match http.post(url).json(&request).send().await {
        Ok(response) => response.json::<Value>().await.is_ok_and(|answer| answer["result"].is_string()),
        Err(_) => false,
    }
}

/// Finds anvil: on PATH, or where `make setup` puts it.
fn find() -> Result<PathBuf, Error> {
    let on_path =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let beside = std::env::current_exe().ok();
    // The binary lies in target/release of the repository that has the contracts.
    let repository =
        beside.iter().flat_map(|exe| exe.ancestors()).map(|folder| folder.join("contracts/node_modules/.bin"));
    let here = PathBuf::from("contracts/node_modules/.bin");
    let mut folders = on_path.into_iter().chain(std::iter::once(here)).chain(repository);
    let found = folders.find_map(|folder| Some(folder.join("anvil")).filter(|file| file.is_file()));
    found.ok_or_else(|| {
        Error::failed("anvil is not on PATH nor in contracts/node_modules: install it with `make setup`")
    })
}

/// Starts anvil with the state of the folder, if it left one, and waits until it answers. Returns its process id.
pub async fn spawn(dir: &Path, network: &Network) -> Result<u32, Error> {
    let state = dir.join("l1-state.json");
    if network.deployed.is_some() && !state.is_file() {
        return Err(Error::failed(format!(
            "the local Ethereum node was killed and took the chain with it, so {} cannot go on: start anew with `talea down --wipe` and `talea up`",
            dir.display()
        )));
    }
    let port = Network::port(&network.l1)?.to_string();
    let chain = network.config.l1_chain_id.to_string();
    let mut command = std::process::Command::new(find()?);
    // A block each second and one for each transaction; and the gas limit of a transaction as Ethereum has it.
    command.args(["--silent", "--port", &port, "--chain-id", &chain, "--accounts", "20", "--block-time", "1"]);
    command.args(["--mixed-mining", "--slots-in-an-epoch", "2", "--enable-tx-gas-limit", "--gas-limit", "60000000"]);
    command.arg("--state").arg(&state);
    // Older states, many gigabytes of them: with the chain, so that they go with it, not in the user's folder, where one
    // that is killed leaves them for good.
    let cache = dir.join("l1-cache");
    match std::fs::remove_dir_all(&cache) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io(format!("remove {}", cache.display()))(error));
        }
        _ => command.arg("--cache-path").arg(&cache),
    };
    let mut child = process::detach(command, &dir.join("l1.log"))?;
    let start = Instant::now();
    loop {
        if answers(&network.l1).await {
            return Ok(child.id());
        }
        let ended = child.try_wait().map_err(Error::io("look after anvil"))?.is_some();
        if ended || start.elapsed() > START {
            let log = process::tail(&dir.join("l1.log"));
            return Err(Error::failed(format!("anvil did not start; the end of its log says:\n{log}")));
        }
        tokio::time::sleep(POLL).await;
    }
}
