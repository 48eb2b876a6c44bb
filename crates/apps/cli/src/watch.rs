//! `talea watch`: contradicts on L1 whoever claims what is false of a chain's batches.

use crate::error::Error;
use crate::network::Network;
use crate::say::Say;
use client::Client;
use crypto::Secret;
use l1::claims::Claims;
use serde_json::{Value, json};
use settler::watcher::{Event, Proposer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Store;
use types::Bytes32;

/// What to watch, and with what.
#[derive(clap::Args)]
pub struct Options {
    /// A file with the secret key of the L1 account that locks the bond and pays, in hexadecimal. Nobody else may send with
    /// it meanwhile.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The folder of the watcher's own copy of the chain; `watcher` in the network's folder if none is named.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Take the bond back instead of watching.
    #[arg(long)]
    leave: bool,
}

/// Does it.
pub async fn run(dir: &Path, options: Options, say: &Say) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let Some((claims, _)) = network.claims().await? else {
        return Err(Error::failed("this chain settles by no claims: there is nothing to contradict"));
    };
    let proposer = proposer(&network, claims, &options.key).await?;
    if options.leave {
        let closed = proposer.leave().await?;
        let text = format!("the bond is back with {}; {closed} claims were closed", proposer.writer.address());
        say.give(text, &json!({ "ok": true, "address": proposer.writer.address(), "closed": closed }));
        return Ok(());
    }
    let data = options.data.unwrap_or_else(|| dir.join("watcher"));
    std::fs::create_dir_all(&data).map_err(Error::io(format!("make the folder {}", data.display())))?;
    let store = Store::open(data.join("store.redb")).map_err(Error::role)?;
    let setting = settler::member::run::Setting {
        // L1 does not wait until the feed answers.
        client: Client::with_patience(&network.api, Duration::ZERO),
        store,
        reader: network.reader(network.operation.confirmations).await?,
        config: network.config.clone(),
        anchor: network.anchor()?,
        patience: settler::core::Patience(network.operation.patience_ms),
        state_cache_leaves: network.operation.state_cache_leaves,
    };
    say.tell(format!("watching as {}; stop it with Ctrl-C", proposer.writer.address()));
    let tell = |event: &Event| {
        let (text, value) = shown(event);
        say.give(text, &value);
    };
    tokio::select! {
        ended = settler::watcher::run(setting, proposer, tell) => ended.map_err(Error::role),
        stopped = tokio::signal::ctrl_c() => stopped.map_err(Error::io("listen for signals")),
    }
}

async fn proposer(network: &Network, claims: Claims, key: &Path) -> Result<Proposer, Error> {
    let text = std::fs::read_to_string(key).map_err(Error::io(format!("read {}", key.display())))?;
    let key: Bytes32 = text.trim().parse().map_err(|_| {
        Error::failed(format!("{} holds no key: it must be 32 bytes in hexadecimal digits", key.display()))
    })?;
    let writer = l1::Writer::connect(&network.l1, &Secret::new(key.0), network.l1_contracts()?).await?;
    if crate::network::is_running(network) && network.operator_writer().await?.address() == writer.address() {
        let why = "the node sends with this key: stop it with `talea chain down`, or name another key";
        return Err(Error::failed(why));
    }
    Ok(Proposer { writer, claims, first_block: network.deployed_at()? })
}

fn shown(event: &Event) -> (String, Value) {
    match event {
        Event::Executed { batch } => {
            (format!("batch {batch} was executed again"), json!({ "event": "executed", "batch": batch }))
        }
        Event::Joined => ("the bond is locked".to_owned(), json!({ "event": "joined" })),
        Event::Contradicted { batch } => (
            format!("batch {batch}: somebody claims what is false, and was contradicted"),
            json!({ "event": "contradicted", "batch": batch }),
        ),
        Event::Closed { claim } => {
            (format!("claim {claim} holds the bond no more"), json!({ "event": "closed", "claim": claim }))
        }
        Event::Alarm { batch, why } => {
            (format!("batch {batch} needs you: {why}"), json!({ "event": "alarm", "batch": batch, "why": why }))
        }
    }
}
