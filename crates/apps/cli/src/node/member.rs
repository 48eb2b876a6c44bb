//! One availability member as a process.

use crate::error::Error;
use crate::network::{MemberFile, Network};
use client::Client;
use std::path::Path;
use store::Store;
use tokio::io::AsyncReadExt as _;

/// Runs a member until its standard input closes: then the process that started it is gone.
pub async fn run(dir: &Path, index: usize) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let keys = MemberFile::load(dir, index)?;
    let store = Store::open(Network::member_dir(dir, index).join("store.redb")).map_err(Error::role)?;
    let client = Client::new(&network.api);
    let setting = settler::member::run::Setting {
        client,
        store,
        reader: network.reader(network.operation.confirmations).await?,
        config: network.config.clone(),
        anchor: network.anchor()?,
        patience: settler::core::Patience(network.operation.patience_ms),
        state_cache_leaves: network.operation.state_cache_leaves,
    };
    let member = settler::member::run::run(setting, keys);
    tokio::select! {
        ended = member => ended.map_err(Error::role),
        () = parent_gone() => Ok(()),
    }
}

/// Waits until the process that started this one is gone.
pub async fn parent_gone() {
    let mut stdin = tokio::io::stdin();
    let mut byte = [0; 64];
    while stdin.read(&mut byte).await.is_ok_and(|count| count > 0) {}
}
