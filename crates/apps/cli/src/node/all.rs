//! Every role of one network in one process; the availability members beside it as processes of their own.

use super::port::Services;
use super::provider;
use crate::error::Error;
use crate::network::dev::Role;
use crate::network::{Execution, Hook, Network, Proving, control, store_path};
use ::provider::Executors;
use client::{Client, Wallet};
use gateway::Gateway;
use l1::Reader;
use sandbox::Sandbox;
use settler::proving::run::Demand;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use transition::Transaction;
use types::{Causes, Digest, Height};

/// How often L1 is asked for messages.
const POLL: Duration = Duration::from_millis(200);
/// Most messages taken from L1 at one time.
const MESSAGES: u64 = 256;
/// How long to wait before a role that ended is started again.
const AGAIN: Duration = Duration::from_millis(500);
/// How far provers stand back behind all else on the machine, as `nice` says it: a proof may wait, a task may not.
const PROVERS_NICE: &str = "10";
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
    // A block is its own first confirmation: the reader counts those on top of it.
    let depth = network.operation.confirmations;
    let reader = network.reader(depth).await?;
    reader.check_config(network.config.l1_chain_id, &anchor.config_hash).await?;
    let store = Store::open(store_path(dir)).map_err(Error::role)?;
    let (folder, copied) = (dir.to_owned(), store.clone());
    roles.spawn(async move { control::serve(&folder, copied).await });

    let settings = network.sequencer(dir)?;
    let key = Arc::clone(&settings.key);
    let sequencer::Started { handle: sequencer, failure, questions } =
        sequencer::start(store.clone(), settings).map_err(Error::role)?;
    roles.spawn(async move { Err(failure.await.map_or_else(|_| Error::failed("the sequencer ended"), Error::role)) });
    let (settler, demand) = settle(network, &store, reader, &sequencer, roles).await?;
    let hook = network.operation.hook.clone();
    roles.spawn(ask_operator(hook, anchor.config_hash, questions, sequencer.clone()));
    let proving = match network.operation.proving {
        Some(proving) => Some(prove(dir, (network, proving), &store, &sequencer, demand, roles)?),
        None => None,
    };
    let (coordinator, votes) = coordinator::run::votes();
    roles.spawn(take_messages(network.reader(depth).await?, sequencer.clone()));

    let genesis_root = sequencer.read(|sequencer| sequencer.genesis_root()).await.map_err(Error::role)?;
    let gateway = Gateway {
        node: Services { sequencer, settler, coordinator, proving, key, chain: anchor.config_hash },
        store,
        config: Arc::new(network.config.clone()),
        anchor: Arc::new(anchor),
        contracts: network.contracts()?,
        genesis_root,
        members: Arc::default(),
        render: Some(gateway::metrics::install()),
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
        roles.spawn(keep(dir.to_owned(), "member", index));
    }
    if network.has_hosts {
        for index in 0..provider::HOSTS.len() {
            roles.spawn(keep(dir.to_owned(), "provider", index));
        }
    } else if network.has_providers {
        let executors = Executors { plain: Arc::new(Sandbox::new().map_err(Error::role)?), private: None };
        for role in [Role::ProviderA, Role::ProviderB] {
            roles.spawn(provider::provide(network.clone(), role, client.clone(), executors.clone()));
        }
    }
    Ok(())
}

/// Starts the settler, and says which batches it wants proven.
async fn settle(
    network: &Network,
    store: &Store,
    reader: Reader,
    sequencer: &sequencer::Handle,
    roles: &mut JoinSet<Result<(), Error>>,
) -> Result<(settler::run::Handle, Demand), Error> {
    let (wanted, named) = tokio::sync::watch::channel(BTreeSet::new());
    let first_block = network.deployed_at()?;
    let claims = network.claims().await?;
    let claims = claims.map(|(claims, terms)| settler::run::Contested {
        claims,
        first_block,
        bond_gwei: terms.bond_gwei,
        wanted,
    });
    let demand = match network.execution {
        Execution::Committee => Demand::All,
        Execution::Zk => Demand::Needed,
        Execution::Optimistic => Demand::Named(named),
    };
    let setting = settler::run::Setting {
        store: store.clone(),
        anchor: network.anchor()?,
        reader,
        writer: network.operator_writer().await?,
        policy: network.operation.settling(),
        rewinder: Rewinds(sequencer.clone()),
        checks: network.checks().await?,
        claims,
    };
    let (settler, settling) = settler::run::start(setting).map_err(Error::role)?;
    roles.spawn(async move { settling.await.map_err(Error::role) });
    Ok((settler, demand))
}

/// Starts the proving queue and the prover processes.
fn prove(
    dir: &Path,
    (network, proving): (&Network, Proving),
    store: &Store,
    sequencer: &sequencer::Handle,
    demand: Demand,
    roles: &mut JoinSet<Result<(), Error>>,
) -> Result<settler::proving::run::Handle, Error> {
    let view = Sees(sequencer.clone());
    let (handle, queue) =
        settler::proving::run::start(store.clone(), network.config.clone(), view, demand).map_err(Error::role)?;
    roles.spawn(async move { queue.await.map_err(Error::role) });
    for index in 0..proving.processes {
        roles.spawn(keep(dir.to_owned(), "prover", index));
    }
    Ok(handle)
}

/// Shows the sequencer's state to whoever makes jobs.
#[derive(Clone)]
struct Sees(sequencer::Handle);

impl settler::proving::View for Sees {
    async fn portion(&self, keys: Vec<settler::proving::Named>) -> Result<settler::proving::At, String> {
        let look = move |sequencer: &sequencer::Sequencer| {
            let (state, head) = (sequencer.state(), sequencer.head().map_or(Height(0), |head| head.height));
            settler::proving::At { head, root: state.root(), portion: state.portion(keys) }
        };
        self.0.read(look).await.map_err(|error| error.to_string())
    }
}

/// Takes the sequencer's chain back for the settler.
struct Rewinds(sequencer::Handle);

impl settler::run::Rewinder for Rewinds {
    async fn rewind(&self, to_batch: u64) -> Result<(), String> {
        self.0.rewind(to_batch).await.map(|_| ()).map_err(|error| Causes(&error).to_string())
    }
}

/// Asks the operator's hook about transactions that would be rejected, one after the other, and hands the answers over.
async fn ask_operator(
    hook: Option<Hook>,
    chain: Digest,
    mut questions: tokio::sync::mpsc::Receiver<sequencer::Question>,
    sequencer: sequencer::Handle,
) -> Result<(), Error> {
    while let Some(question) = questions.recv().await {
        let Some(hook) = &hook else { continue };
        let id = question.transaction.id();
        let asked = client::hook::question(&question.transaction, question.code);
        match client::hook::ask(&hook.url, Duration::from_millis(hook.timeout_ms.0), &asked).await {
            Ok(answers) => {
                let checked =
                    answers.iter().map(|bytes| Transaction::check(bytes, &chain)).collect::<Result<Vec<_>, _>>();
                match checked {
                    Ok(transactions) => sequencer.alternative(id, transactions).map_err(Error::role)?,
                    Err(reject) => tracing::error!(%id, %reject, "the hook named no transaction of this chain"),
                }
            }
            // Asked again until the time is up; then the policy decides.
            Err(error) => tracing::warn!(%id, error = %Causes(&error), "the hook did not answer"),
        }
    }
    Ok(())
}

/// Hands confirmed L1 messages to the sequencer. When L1 has others than those taken, the settler sees it too and has the
/// chain taken back; until then there is nothing to hand over.
async fn take_messages(reader: Reader, sequencer: sequencer::Handle) -> Result<(), Error> {
    loop {
        let next = sequencer.read(|sequencer| sequencer.inbox_next()).await.map_err(Error::role)?;
        match reader.messages(next, MESSAGES).await {
            Ok(messages) if messages.is_empty() => {}
            Ok(messages) => {
                let is_full = messages.len() >= usize::try_from(MESSAGES).unwrap_or(usize::MAX);
                sequencer.messages(messages).map_err(Error::role)?;
                if is_full {
                    // More may wait already. To ask where the sequencer stands waits until it has taken these.
                    continue;
                }
            }
            Err(error) => tracing::warn!(error = %Causes(&error), "L1"),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Keeps one member, provider or prover running. It ends with this process: its standard input is a pipe from here.
async fn keep(dir: PathBuf, role: &'static str, index: usize) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    loop {
        let mut command = match role {
            "prover" => tokio::process::Command::new("nice"),
            _ => tokio::process::Command::new(&program),
        };
        if role == "prover" {
            command.arg("-n").arg(PROVERS_NICE).arg(&program);
        }
        command.arg("--dir").arg(&dir).args(["node", role, "--index", &index.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io(format!("start a {role}")))?;
        // Held until it ended: waiting for a child closes its standard input, which is how it learns that we are gone.
        let pipe = child.stdin.take();
        tracing::info!(role, index, pid = child.id(), "started");
        let status = child.wait().await.map_err(Error::io(format!("look after a {role}")))?;
        drop(pipe);
        tracing::warn!(role, index, code = status.code(), "ended");
        tokio::time::sleep(AGAIN).await;
    }
}
