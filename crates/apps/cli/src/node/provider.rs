//! Local providers: within the node, or as processes that also take part in private programs.

use super::hosting::Hosting;
use super::member::parent_gone;
use crate::error::Error;
use crate::network::Network;
use crate::network::dev::{self, Role};
use ::provider::{Executors, Stake};
use client::{Client, Wallet};
use sandbox::Sandbox;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use types::{Amount, Causes, Rate};

/// How long to wait before a provider that stopped is started again.
const AGAIN: Duration = Duration::from_millis(500);
/// The most memory the local providers give a task, in bytes.
const MEMORY_BYTES: u64 = 64 << 20;

/// The providers that take part in private programs.
pub const HOSTS: [Role; 3] = [Role::ProviderA, Role::ProviderB, Role::ProviderC];

/// Returns what a local provider asks, in quanta of the development token per million fuel. The third is the dearest, so
/// that of the other tasks it gets those only that the first two cannot take.
fn rate(role: Role) -> Rate {
    if role == Role::ProviderC { Rate(19_000) } else { Rate(18_000) }
}

/// Works until its standard input closes: then the process that started it is gone.
pub async fn run(dir: &Path, index: usize) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let role = *HOSTS.get(index).ok_or_else(|| Error::failed("there are three local providers: name 0, 1 or 2"))?;
    let client = Client::new(&network.api);
    let wallet = Wallet::connect(client.clone(), role.key(&network)?).await?;
    let (hosting, serving) = Hosting::start(wallet)?;
    let executors =
        Executors { plain: Arc::new(Sandbox::new().map_err(Error::role)?), private: Some(Arc::new(hosting)) };
    tokio::select! {
        ended = provide(network, role, client, executors) => ended,
        () = serving => Err(Error::failed("the party of a provider ended: start the provider again")),
        () = parent_gone() => Ok(()),
    }
}

/// Keeps one local provider at work. A provider that was slashed stays away; the node goes on without it.
pub async fn provide(network: Network, role: Role, client: Client, executors: Executors) -> Result<(), Error> {
    loop {
        match provide_once(&network, role, &client, &executors).await {
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

async fn provide_once(network: &Network, role: Role, client: &Client, executors: &Executors) -> Result<(), Error> {
    let wallet = Wallet::connect(client.clone(), role.key(network)?).await?;
    let token = network.contracts()?.token.ok_or_else(|| Error::failed("this network has no development token"))?;
    let stake = Stake {
        writer: role.writer(network).await?,
        reader: network.reader(0).await?,
        token,
        stake: Amount::new(dev::STAKE).map_err(|error| Error::failed(error.to_string()))?,
        rate: rate(role),
        memory_bytes: MEMORY_BYTES,
    };
    match ::provider::run(wallet, executors.clone(), stake).await {
        Err(::provider::Error::Client(error)) => Err(error.into()),
        Err(::provider::Error::Deposit(error)) => Err(error.into()),
        Err(other) => Err(Error::role(other)),
        Ok(()) => Ok(()),
    }
}
