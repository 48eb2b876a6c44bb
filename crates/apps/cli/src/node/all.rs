//! Every role of one network in one process; the availability members beside it as processes of their own.

use super::port::Services;
use crate::error::Error;
use crate::network::Network;
use crate::network::dev::{self, Role};
use client::{Client, Wallet};
use gateway::Gateway;
use l1::Reader;
use ledger::bridge::Cursor;
use provider::Stake;
use sandbox::Sandbox;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use types::{Amount, Causes, Rate};

/// How deep an L1 block must be before it is acted on. A local chain does not reorganise; a real one needs more.
const CONFIRMATIONS: u64 = 1;
/// How often L1 is asked for deposits.
const POLL: Duration = Duration::from_millis(200);
/// Most deposits taken from L1 at one time.
const DEPOSITS: u64 = 256;
/// How long to wait before a role that ended is started again.
const AGAIN: Duration = Duration::from_millis(500);
/// What the local providers ask, in quanta of the development token per million fuel.
const RATE: Rate = Rate(18_000);
/// The most memory the local providers give a task, in bytes.
const MEMORY_BYTES: u64 = 64 << 20;

/// Runs until told to stop or until a role fails that the rest cannot do without.
pub async fn run(dir: &Path) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let mut roles = JoinSet::new();
    start(dir, &network, &mut roles).await?;
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        ended = roles.join_next() => match ended {
            Some(Ok(result)) => result,
            Some(Err(panicked)) => Err(Error::role(panicked)),
            None => Ok(()),
        },
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Error> {
    signal(kind).map_err(Error::io("listen for signals"))
}

async fn start(dir: &Path, network: &Network, roles: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    let anchor = network.anchor()?;
    let reader = network.reader(CONFIRMATIONS).await?;
    reader.check_config(network.config.l1_chain_id, &anchor.config_hash).await?;
    let store = Store::open(dir.join("node").join("store.redb")).map_err(Error::role)?;

    let (sequencer, failed) = sequencer::start(store.clone(), network.config.clone()).map_err(Error::role)?;
    roles.spawn(async move { Err(failed.await.map_or_else(|_| Error::failed("the sequencer ended"), Error::role)) });
    let writer = Role::Operator.writer(network).await?;
    let (settler, settling) =
        settler::run::start(store.clone(), anchor.clone(), reader, writer).map_err(Error::role)?;
    roles.spawn(async move { settling.await.map_err(Error::role) });
    let (coordinator, votes) = coordinator::run::votes();
    roles.spawn(take_deposits(network.reader(CONFIRMATIONS).await?, sequencer.clone()));

    check_inbox(network, &sequencer).await?;
    let genesis_root = sequencer.read(|sequencer| sequencer.genesis_root()).await.map_err(Error::role)?;
    let gateway = Gateway {
        node: Services { sequencer, settler, coordinator },
        store,
        config: Arc::new(network.config.clone()),
        anchor: Arc::new(anchor),
        contracts: network.contracts()?,
        genesis_root,
        members: Arc::default(),
    };
    let address = SocketAddr::from(([127, 0, 0, 1], Network::port(&network.api)?));
    let listener = gateway::run::bind(address).await.map_err(Error::role)?;
    roles.spawn(async move { gateway::serve(gateway, listener).await.map_err(Error::role) });

    let client = Client::new(&network.api);
    let wallet = Wallet::connect(client.clone(), Network::coordinator_key(dir)?).await?;
    let parameters = network.config.parameters.clone();
    roles.spawn(async move {
        coordinator::run::run(wallet, parameters, votes).await;
        Ok(())
    });
    for index in 0..network.config.committee.members.len() {
        roles.spawn(keep_member(dir.to_owned(), index));
    }
    let sandbox = Arc::new(Sandbox::new().map_err(Error::role)?);
    for role in [Role::ProviderA, Role::ProviderB] {
        roles.spawn(provide(network.clone(), role, client.clone(), Arc::clone(&sandbox)));
    }
    Ok(())
}

/// Refuses to go on when L1 no longer holds the deposits that the ledger has credited: a reorganisation deeper than
/// [`CONFIRMATIONS`], or another chain behind the same address.
async fn check_inbox(network: &Network, sequencer: &sequencer::Handle) -> Result<(), Error> {
    let taken = sequencer.read(|sequencer| sequencer.state().get::<Cursor>(&0)).await.map_err(Error::role)?;
    let Some(cursor) = taken else { return Ok(()) };
    let held = network.reader(0).await?.inbox_hash(cursor.inbox_count).await?;
    if held == Some(cursor.inbox_hash) {
        return Ok(());
    }
    Err(Error::failed(format!(
        "L1 does not hold the {} deposits that this ledger has credited: it was reorganised or replaced; point the node \
         at the chain it was made on, or start anew with `talea down --wipe` and `talea up`",
        cursor.inbox_count
    )))
}

/// Hands confirmed L1 messages to the sequencer.
async fn take_deposits(reader: Reader, sequencer: sequencer::Handle) -> Result<(), Error> {
    loop {
        let next = sequencer.read(|sequencer| sequencer.inbox_next()).await.map_err(Error::role)?;
        match reader.deposits(next, DEPOSITS).await {
            Ok(deposits) if deposits.is_empty() => {}
            Ok(deposits) => sequencer.deposits(deposits).map_err(Error::role)?,
            Err(error @ l1::Error::Reorganised { .. }) => return Err(error.into()),
            Err(error) => tracing::warn!(error = %Causes(&error), "L1"),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Keeps one availability member running. It ends with this process: its standard input is a pipe from here.
async fn keep_member(dir: PathBuf, index: usize) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    loop {
        let mut command = tokio::process::Command::new(&program);
        command.arg("--dir").arg(&dir).args(["node", "member", "--index", &index.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io("start an availability member"))?;
        // Held until it ended: waiting for a child closes its standard input, which is how it learns that we are gone.
        let pipe = child.stdin.take();
        tracing::info!(index, pid = child.id(), "member started");
        let status = child.wait().await.map_err(Error::io("look after an availability member"))?;
        drop(pipe);
        tracing::warn!(index, code = status.code(), "member ended");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Keeps one local provider at work. A provider that was slashed stays away; the node goes on without it.
async fn provide(network: Network, role: Role, client: Client, sandbox: Arc<Sandbox>) -> Result<(), Error> {
    loop {
        match provide_once(&network, role, &client, &sandbox).await {
            Err(Error::Role(closed)) => {
                tracing::error!(role = role.name(), error = %Causes(&*closed), "provider stopped");
                std::future::pending::<()>().await;
            }
            Err(error) => tracing::warn!(role = role.name(), error = error.chain(), "provider"),
            Ok(()) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn provide_once(network: &Network, role: Role, client: &Client, sandbox: &Arc<Sandbox>) -> Result<(), Error> {
    let wallet = Wallet::connect(client.clone(), role.key(network)?).await?;
    let token = network.contracts()?.token.ok_or_else(|| Error::failed("this network has no development token"))?;
    let stake = Stake {
        writer: role.writer(network).await?,
        reader: network.reader(0).await?,
        token,
        stake: Amount::new(dev::STAKE).map_err(|error| Error::failed(error.to_string()))?,
        rate: RATE,
        memory_bytes: MEMORY_BYTES,
    };
    match provider::run(wallet, sandbox.clone(), stake).await {
        Err(provider::Error::Client(error)) => Err(error.into()),
        Err(provider::Error::Deposit(error)) => Err(error.into()),
        Err(other) => Err(Error::role(other)),
        Ok(()) => Ok(()),
    }
}
