//! A whole network on this machine: its folder, its L1, its node.

mod anvil;
pub mod control;
pub mod dev;
mod files;
mod process;

pub use files::{Execution, Hook, MemberFile, Network, Proving};

use crate::error::Error;
use crate::say::Say;
use client::Client;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a node may take to answer after its start.
const START: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const POLL: Duration = Duration::from_millis(50);
/// How long a process may take to end before it is killed.
const END: Duration = Duration::from_secs(10);

/// Starts the network of a folder, or goes on with it, and says where it is.
pub async fn up(dir: &Path, say: &Say) -> Result<(), Error> {
    let (network, fresh) = start(dir, say).await?;
    let accounts: Vec<_> = dev::accounts(&network)
        .iter()
        .map(|account| {
            json!({ "name": account.name, "l1_address": account.address, "l1_key": account.secret, "account": account.account })
        })
        .collect();
    let contracts = network.contracts()?;
    let mut text = format!("gateway   {}\nL1        {}\n", network.api, network.l1);
    text.push_str(&format!("rollup    {}\nvault     {}\n", contracts.rollup, contracts.vault));
    if let Some(token) = contracts.token {
        text.push_str(&format!("token     {token}\n"));
    }
    if network.operator_key.is_none() {
        text.push_str("\ndevelopment accounts (public keys of a test chain: never send value to them)\n");
    }
    for account in dev::accounts(&network).iter().filter(|_| network.operator_key.is_none()) {
        text.push_str(&format!("{:<11} {}  key {}\n", account.name, account.address, account.secret));
    }
    let value = json!({
        "ok": true, "started": fresh, "api": network.api, "l1": network.l1, "contracts": contracts, "accounts": accounts,
    });
    say.give(text, &value);
    Ok(())
}

/// Makes sure that the network of a folder runs. Says whether anything had to be started.
///
/// A new network is the local chain that is built in.
pub async fn start(dir: &Path, say: &Say) -> Result<(Network, bool), Error> {
    let mut network = match Network::load(dir)? {
        Some(network) => network,
        None => create(dir, &local()?)?,
    };
    let mut fresh = false;
    if network.operator_key.is_some() {
        // An L1 of others: they run it.
    } else if !anvil::answers(&network.l1).await {
        say.tell("starting a local Ethereum node");
        network.anvil_pid = Some(anvil::spawn(dir, &network).await?);
        network.save(dir)?;
        fresh = true;
    }
    if network.deployed.is_none() {
        say.tell("deploying the contracts");
        network.deployed = Some(dev::deploy(&network).await?);
        network.save(dir)?;
    }
    let client = Client::with_patience(&network.api, Duration::ZERO);
    if client.status().await.is_err() {
        say.tell("starting the node");
        let mut node = process::spawn_node(dir)?;
        network.node_pid = Some(node.id());
        network.save(dir)?;
        await_node(dir, &client, &mut node).await?;
        fresh = true;
    }
    let status = client.status().await?;
    if status.config != network.config {
        return Err(Error::failed(format!("another network answers at {}: stop it, or use its folder", network.api)));
    }
    Ok((network, fresh))
}

/// The chain that is made when no file describes another.
const LOCAL: &str = include_str!("../../../../../examples/local/chain.toml");

/// Starts the network of a folder as [`up`] does. A new one is the chain of a file; what that says of one that was started
/// before must still be true of it.
pub async fn up_as(dir: &Path, file: &Path, private: bool, say: &Say) -> Result<(), Error> {
    let config = crate::chain::load(file, None)?;
    if config.l1.rpc_url.is_some() {
        let text = "this file names an L1 of others, where nobody has tokens to try things with: start it with `talea chain up`";
        return Err(Error::failed(text));
    }
    match Network::load(dir)? {
        Some(mut network) => {
            network.follow(&config)?;
            network.save(dir)?;
        }
        None => drop(create(dir, &config)?),
    }
    up_at(dir, private, say).await
}

/// Starts the network of a folder as [`up`] does; with three providers that take part in private programs, if that is asked
/// for now or was before.
pub async fn up_at(dir: &Path, private: bool, say: &Say) -> Result<(), Error> {
    if private {
        let network = match Network::load(dir)? {
            Some(network) => network,
            None => create(dir, &local()?)?,
        };
        if !network.has_hosts {
            if is_running(&network) {
                return Err(Error::failed(
                    "this network runs without private programs: stop it with `talea down`, then start it so",
                ));
            }
            Network { has_hosts: true, has_providers: true, ..network }.save(dir)?;
        }
    }
    up(dir, say).await
}

/// Makes a network with providers of its own.
fn create(dir: &Path, config: &chain::Config) -> Result<Network, Error> {
    std::fs::create_dir_all(dir).map_err(Error::io(format!("make the folder {}", dir.display())))?;
    let network = Network { has_providers: true, ..Network::create(dir, config, None)? };
    network.save(dir)?;
    Ok(network)
}

/// Returns the chain that is made when no file describes another.
fn local() -> Result<chain::Config, Error> {
    chain::check(LOCAL, None).map_err(|faults| Error::Chain { file: "the built-in chain".into(), faults })
}

/// Returns where the node of a folder keeps its store.
pub fn store_path(dir: &Path) -> PathBuf {
    dir.join("node").join("store.redb")
}

/// Says whether a network's node runs.
pub fn is_running(network: &Network) -> bool {
    network.node_pid.zip(process::own_name().ok()).is_some_and(|(pid, name)| process::is_alive(pid, &name))
}

/// Makes a store from a copy. The folder of the one that was there is kept beside it, under another name.
pub fn replace_store(path: &Path, from: &Path) -> Result<control::Copied, Error> {
    let beside = path.with_file_name("restored.redb");
    // Whatever an attempt that failed left.
    for left in [beside.clone(), beside.with_extension("redb.journal")] {
        let gone = if left.is_dir() { std::fs::remove_dir_all(&left) } else { std::fs::remove_file(&left) };
        match gone {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(format!("remove {}", left.display()))(error));
            }
            _ => {}
        }
    }
    let copied = control::Copied::of(&store::Store::restore_snapshot(from, &beside).map_err(Error::role)?);
    let kept = (1..).map(|n| path.with_file_name(format!("replaced-{n}"))).find(|kept| !kept.exists());
    let kept = kept.ok_or_else(|| Error::failed("too many replaced stores: remove some"))?;
    std::fs::create_dir_all(&kept).map_err(Error::io(format!("make {}", kept.display())))?;
    for name in ["store.redb", "store.redb.journal"] {
        let (old, new) = (path.with_file_name(name), path.with_file_name(name.replace("store", "restored")));
        if old.exists() {
            std::fs::rename(&old, kept.join(name)).map_err(Error::io(format!("move {}", old.display())))?;
        }
        if new.exists() {
            std::fs::rename(&new, &old).map_err(Error::io(format!("move {}", new.display())))?;
        }
    }
    Ok(copied)
}

async fn await_node(dir: &Path, client: &Client, node: &mut std::process::Child) -> Result<(), Error> {
    let start = Instant::now();
    loop {
        if client.status().await.is_ok() {
            return Ok(());
        }
        let ended = node.try_wait().map_err(Error::io("look after the node"))?.is_some();
        if ended || start.elapsed() > START {
            let log = process::tail(&dir.join("node.log"));
            return Err(Error::failed(format!("the node did not start; the end of its log says:\n{log}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Stops what runs in a folder.
pub async fn down(dir: &Path, wipe: bool, say: &Say) -> Result<(), Error> {
    let Some(mut network) = Network::load(dir)? else {
        return Err(Error::failed(format!("there is no network in {}: name its folder with --dir", dir.display())));
    };
    // The node first: it finishes what it holds while L1 still answers.
    let node = stop(network.node_pid.take(), &process::own_name()?, END).await?;
    let l1 = stop(network.anvil_pid.take(), "anvil", END).await?;
    network.save(dir)?;
    if wipe {
        std::fs::remove_dir_all(dir).map_err(Error::io(format!("remove {}", dir.display())))?;
    }
    let text = if node || l1 { "stopped" } else { "nothing ran" };
    say.give(text, &json!({ "ok": true, "node_stopped": node, "l1_stopped": l1, "wiped": wipe }));
    Ok(())
}

/// Asks a process to end, waits, and kills it when it does not. Says whether there was one.
async fn stop(pid: Option<u32>, name: &str, patience: Duration) -> Result<bool, Error> {
    let Some(pid) = pid.filter(|pid| process::is_alive(*pid, name)) else { return Ok(false) };
    process::signal(pid, nix::sys::signal::Signal::SIGTERM)?;
    let start = Instant::now();
    while process::is_alive(pid, name) {
        if start.elapsed() > patience {
            process::signal(pid, nix::sys::signal::Signal::SIGKILL)?;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}

/// Says what runs and where the chain stands.
pub async fn status(dir: &Path, say: &Say) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let status = Client::with_patience(&network.api, Duration::ZERO).status().await?;
    let height = status.head.as_ref().map_or(0, |head| head.height.0);
    let text = format!(
        "gateway   {}\nL1        {}\nblock     {height}\nsealed    batch {}\nsettled   batch {}\nmembers   {} of {} have signed since the start\n",
        network.api,
        network.l1,
        status.sealed,
        status.settled,
        status.members_seen,
        status.config.committee.members.len(),
    );
    say.give(text, &json!({ "ok": true, "api": network.api, "l1": network.l1, "status": status }));
    Ok(())
}
