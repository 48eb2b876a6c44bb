//! The network that is loaded, and who pays.

use crate::error::Error;
use crate::network::Network;
use crate::network::dev::Role;
use client::Client;
use crypto::Secret;
use l1::{Reader, Writer};
use proof::Anchor;
use std::path::Path;
use transition::ChainConfig;
use types::Bytes32;

/// A network, with the L1 key that pays for everything.
pub struct Target {
    /// Its gateway.
    pub client: Client,
    /// Its rules.
    pub config: ChainConfig,
    /// What its proofs are checked against.
    pub anchor: Anchor,
    /// The key that pays.
    pub funder: Secret<[u8; 32]>,
    l1: String,
    contracts: l1::Contracts,
    first_block: u64,
}

impl Target {
    /// Takes the network of a folder; the requester's development account pays.
    pub fn of_network(network: &Network) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(&network.api),
            config: network.config.clone(),
            anchor: network.anchor()?,
            funder: Role::Requester.l1_secret(),
            l1: network.l1.clone(),
            contracts: network.l1_contracts()?,
            first_block: network.deployed_at()?,
        })
    }

    /// Takes a network by its addresses, and believes its gateway which contracts it has. L1 is asked whether they have
    /// these rules.
    pub async fn named(api: &str, l1: &str, first_block: u64) -> Result<Self, Error> {
        let client = Client::new(api);
        let status = client.status().await?;
        let contracts = l1::Contracts { rollup: status.contracts.rollup, vault: status.contracts.vault };
        Ok(Self {
            client,
            config: status.config,
            anchor: status.anchor,
            // Replaced before it is used: whoever names addresses names a key too.
            funder: Secret::new([0; 32]),
            l1: l1.to_owned(),
            contracts,
            first_block,
        })
    }

    /// Has the key in a file pay.
    pub fn paid_by(self, file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(Error::io(format!("read {}", file.display())))?;
        let key: Bytes32 = text.trim().parse().map_err(|_| {
            Error::failed(format!("{} holds no key: it must be 32 bytes in hexadecimal digits", file.display()))
        })?;
        Ok(Self { funder: Secret::new(key.0), ..self })
    }

    /// Connects a reader of L1 at its newest block, after checking that the contracts are those of these rules.
    pub async fn reader(&self) -> Result<Reader, Error> {
        let reader = Reader::connect(&self.l1, self.contracts, 0).await?.starting_at(self.first_block);
        reader.check_config(self.config.l1_chain_id, &self.config.hash()).await?;
        Ok(reader)
    }

    /// Connects a writer that sends from the funder's account.
    pub async fn writer(&self) -> Result<Writer, Error> {
        Ok(Writer::connect(&self.l1, &self.funder, self.contracts).await?)
    }
}
