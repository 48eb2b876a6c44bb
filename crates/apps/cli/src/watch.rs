//! `talea watch`: contradicts on L1 whoever claims what is false of a chain's batches.

use crate::chain::Place;
use crate::error::Error;
use crate::network::{Network, PATIENCE};
use crate::say::Say;
use client::Client;
use crypto::Secret;
use l1::Reader;
use l1::claims::Claims;
use proof::{Anchor, Domain};
use serde_json::{Value, json};
use settler::member::run::Setting;
use settler::watcher::{Event, Proposer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Store;
use transition::ChainConfig;
use types::Bytes32;

/// The file in the watcher's own folder that keeps the chain's configuration.
const CONFIG: &str = "chain.json";

/// What to watch, and with what.
#[derive(clap::Args)]
pub struct Options {
    /// The gateway of the chain; that of the folder's network if none is named.
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    #[command(flatten)]
    place: Place,
    /// A file with the secret key of the L1 account that locks the bond and pays, in hexadecimal. Nobody else may send with
    /// it meanwhile.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The folder of the watcher's own copy of the chain; `watcher` in the network's folder if none is named.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Doubt what is claimed of batches whose blocks the gateway does not show, before it settles by silence. The bond is
    /// lost if it is proven: name this only if you would rather lose the bond than believe what nobody can check.
    #[arg(long)]
    doubt: bool,
    /// Take the bond back instead of watching.
    #[arg(long)]
    leave: bool,
}

/// Does it.
pub async fn run(dir: &Path, options: Options, say: &Say) -> Result<(), Error> {
    let watched = Watched::of(dir, &options)?;
    let proposer = watched.proposer(&options).await?;
    if options.leave {
        let closed = proposer.leave().await?;
        let text = format!("the bond is back with {}; {closed} claims were closed", proposer.writer.address());
        say.give(text, &json!({ "ok": true, "address": proposer.writer.address(), "closed": closed }));
        return Ok(());
    }
    let data = options.data.unwrap_or_else(|| dir.join("watcher"));
    std::fs::create_dir_all(&data).map_err(Error::io(format!("make the folder {}", data.display())))?;
    let setting = watched.setting(&data).await?;
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

/// Which chain is watched: of a network on this machine, or a stranger's.
struct Watched {
    /// The network of the folder, if it is that one's chain.
    network: Option<Network>,
    api: Option<String>,
    l1: String,
    rollup: types::EthAddress,
    first_block: u64,
}

impl Watched {
    fn of(dir: &Path, options: &Options) -> Result<Self, Error> {
        let (l1, rollup, first_block) = options.place.found(dir)?;
        // What is named on the command line may be another chain than the folder's.
        let is_own = options.api.is_none() && options.place.l1.is_none() && options.place.rollup.is_none();
        let network = if is_own { Some(Network::require(dir)?) } else { None };
        let api = options.api.clone().or_else(|| network.as_ref().map(|network| network.api.clone()));
        Ok(Self { network, api, l1, rollup, first_block })
    }

    async fn proposer(&self, options: &Options) -> Result<Proposer, Error> {
        let claims = Claims::of_rollup(&self.l1, self.rollup).await?;
        let nothing = "this chain settles by no claims: there is nothing to contradict";
        let claims = claims.ok_or_else(|| Error::failed(nothing))?;
        let key = &options.key;
        let text = std::fs::read_to_string(key).map_err(Error::io(format!("read {}", key.display())))?;
        let key: Bytes32 = text.trim().parse().map_err(|_| {
            Error::failed(format!("{} holds no key: it must be 32 bytes in hexadecimal digits", key.display()))
        })?;
        let contracts = Reader::of_rollup(&self.l1, self.rollup, 0).await?.contracts();
        let writer = l1::Writer::connect(&self.l1, &Secret::new(key.0), contracts).await?;
        if let Some(network) = self.network.as_ref().filter(|network| crate::network::is_running(network))
            && network.operator_writer().await?.address() == writer.address()
        {
            let why = "the node sends with this key: stop it with `talea chain down`, or name another key";
            return Err(Error::failed(why));
        }
        Ok(Proposer { writer, claims, first_block: self.first_block, is_doubting: options.doubt })
    }

    async fn setting(&self, data: &Path) -> Result<Setting, Error> {
        let store = Store::open(data.join("store.redb")).map_err(Error::role)?;
        let named = "name the chain's gateway with --api: its blocks are executed again";
        // L1 does not wait until the feed answers.
        let client = Client::with_patience(self.api.as_ref().ok_or_else(|| Error::failed(named))?, Duration::ZERO);
        if let Some(network) = &self.network {
            return Ok(Setting {
                client,
                store,
                reader: network.reader(network.operation.confirmations).await?,
                config: network.config.clone(),
                anchor: network.anchor()?,
                patience: settler::core::Patience(network.operation.patience_ms),
                state_cache_leaves: network.operation.state_cache_leaves,
            });
        }
        let config = config_of(&client, &data.join(CONFIG)).await?;
        // A message that the chain took too early is noticed when L1 takes it back.
        let reader = Reader::of_rollup(&self.l1, self.rollup, 1).await?.starting_at(self.first_block);
        let config_hash = config.hash();
        reader.check_config(config.l1_chain_id, &config_hash).await?;
        let domain = Domain { chain_id: config.l1_chain_id, rollup: self.rollup };
        let anchor = Anchor { config_hash, domain, committee: config.committee.clone() };
        let patience = settler::core::Patience(PATIENCE);
        Ok(Setting { client, store, reader, config, anchor, patience, state_cache_leaves: None })
    }
}

/// Asks the gateway for the chain's configuration, and keeps it for when nobody answers. Whose it is, L1 says.
async fn config_of(client: &Client, file: &Path) -> Result<ChainConfig, Error> {
    match client.status().await {
        Ok(status) => {
            let text = json!(status.config).to_string();
            std::fs::write(file, text).map_err(Error::io(format!("write {}", file.display())))?;
            Ok(status.config)
        }
        Err(away) => {
            let Ok(text) = std::fs::read(file) else { return Err(away.into()) };
            let damaged = format!("{} is damaged: remove it, and begin when the gateway answers", file.display());
            serde_json::from_slice(&text).map_err(|_| Error::failed(damaged))
        }
    }
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
        Event::Doubted { batch } => (
            format!("batch {batch}: nobody shows its blocks; what is claimed of it is doubted, and has to be proven"),
            json!({ "event": "doubted", "batch": batch }),
        ),
        Event::Retracted { claim } => {
            (format!("claim {claim} is true, and doubted no more"), json!({ "event": "retracted", "claim": claim }))
        }
        Event::Closed { claim } => {
            (format!("{claim} holds the bond no more"), json!({ "event": "closed", "claim": claim }))
        }
        Event::Alarm { batch, why } => {
            (format!("batch {batch} needs you: {why}"), json!({ "event": "alarm", "batch": batch, "why": why }))
        }
    }
}
