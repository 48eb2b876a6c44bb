//! What the network's folder holds.

use crate::error::Error;
use crate::network::dev;
use api::Contracts;
use crypto::account::SecretKey;
use crypto::eth::{EthKey, keccak};
use proof::committee::Committee;
use proof::{Anchor, Domain};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use task::Parameters;
use transition::ChainConfig;
use types::{Amount, Bytes32, Millis, Ppm};

/// How many availability members a local network has.
pub const MEMBERS: usize = 3;
/// The chain id of the local Ethereum node.
const L1_CHAIN_ID: u64 = 31_337;

/// Where the contracts are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    /// The contracts.
    pub contracts: Contracts,
    /// The L1 block from which on they exist.
    pub block: u64,
}

/// `network.json`: all that is known of the network besides its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Network {
    /// The gateway's address.
    pub api: String,
    /// The L1 node's address.
    pub l1: String,
    /// The chain's configuration.
    pub config: ChainConfig,
    /// The contracts, once deployed.
    pub deployed: Option<Deployed>,
    /// The process id of the node that was started last.
    pub node_pid: Option<u32>,
    /// The process id of the L1 node that was started last.
    pub anvil_pid: Option<u32>,
}

/// `member-N/keys.json`: the keys of one member, readable by its owner only.
#[derive(Serialize, Deserialize)]
pub struct MemberFile {
    batches: Bytes32,
    verdicts: Bytes32,
}

impl MemberFile {
    /// Reads the keys of a member.
    pub fn load(dir: &Path, index: usize) -> Result<settler::member::Keys, Error> {
        let path = Network::member_dir(dir, index).join("keys.json");
        let file: Self = read(&path, "a member's keys")?.ok_or_else(|| {
            Error::failed(format!("{} is missing: this folder was not made by `talea up`", path.display()))
        })?;
        let batches = EthKey::from_bytes(file.batches.0)
            .ok_or_else(|| Error::failed(format!("{} holds no secp256k1 key: restore it", path.display())))?;
        Ok(settler::member::Keys { batches, verdicts: SecretKey::from_seed(file.verdicts.0) })
    }
}

/// `coordinator.json`: the coordinator's account key.
#[derive(Serialize, Deserialize)]
struct CoordinatorFile {
    seed: Bytes32,
}

fn read<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            what,
            source,
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("read {}", path.display()))(error)),
    }
}

/// Writes a file whole or not at all, readable by its owner only.
fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let doing = || format!("write {}", path.display());
    let text = serde_json::to_vec_pretty(value).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        what: "JSON",
        source,
    })?;
    let beside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(Error::io(doing()))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(Error::io(doing()))?;
    std::fs::rename(&beside, path).map_err(Error::io(doing()))
}

/// Finds a port that nobody uses now.
fn free_port() -> Result<u16, Error> {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::io("find a free port"))?.port())
}

impl Network {
    fn path(dir: &Path) -> PathBuf {
        dir.join("network.json")
    }

    /// Returns a member's folder.
    pub fn member_dir(dir: &Path, index: usize) -> PathBuf {
        dir.join(format!("member-{index}"))
    }

    /// Reads the network of a folder, if there is one.
    pub fn load(dir: &Path) -> Result<Option<Self>, Error> {
        read(&Self::path(dir), "a network")
    }

    /// Reads the network of a folder, which must be there.
    pub fn require(dir: &Path) -> Result<Self, Error> {
        Self::load(dir)?.ok_or_else(|| {
            Error::failed(format!("there is no network in {}: start one with `talea up`", dir.display()))
        })
    }

    /// Writes the network's file.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        write(&Self::path(dir), self)
    }

    /// Makes a new network: random keys, free ports, parameters of a development chain.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Error::failed(format!("no randomness to make keys from: {error}")))?;
        let secret = |role: &str, index: usize| keccak(&[&seed, role.as_bytes(), &index.to_be_bytes()]);
        let mut members = Vec::new();
        for index in 0..MEMBERS {
            let (batches, verdicts) = (secret("batches", index), secret("verdicts", index));
            let folder = Self::member_dir(dir, index);
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(Error::io(format!("make {}", folder.display())))?;
            write(&folder.join("keys.json"), &MemberFile { batches, verdicts })?;
            let key =
                EthKey::from_bytes(batches.0).ok_or_else(|| Error::failed("a key came out as zero: try again"))?;
            members.push((key.address(), SecretKey::from_seed(verdicts.0).public()));
        }
        members.sort_unstable_by_key(|(address, _)| *address);
        let coordinator = secret("coordinator", 0);
        write(&dir.join("coordinator.json"), &CoordinatorFile { seed: coordinator })?;
        let treasury = secret("treasury", 0);
        write(&dir.join("treasury.json"), &CoordinatorFile { seed: treasury })?;
        let config = ChainConfig {
            salt: secret("salt", 0),
            l1_chain_id: L1_CHAIN_ID,
            committee: Committee {
                members: members.iter().map(|(address, _)| *address).collect(),
                threshold: 2,
                mandatory: Vec::new(),
            },
            parameters: Parameters {
                coordinator: SecretKey::from_seed(coordinator.0).account(),
                treasury: SecretKey::from_seed(treasury.0).account(),
                resolvers: members.iter().map(|(_, key)| key.clone()).collect(),
                threshold: 2,
                provider_share: Ppm(800_000),
                author_share: Ppm(50_000),
                slash: Ppm(400_000),
                stake_min: Amount::new(dev::STAKE).map_err(|error| Error::failed(error.to_string()))?,
                verdict_window: Millis(60_000),
            },
            sequencer: SecretKey::from_seed([0; 32]).public(),
            rules: L1Rules::default(),
        };
        config.check().map_err(|fault| Error::failed(fault.to_string()))?;
        let (api, l1) = (format!("http://127.0.0.1:{}", free_port()?), format!("http://127.0.0.1:{}", free_port()?));
        let network = Self { api, l1, config, deployed: None, node_pid: None, anvil_pid: None };
        network.save(dir)?;
        Ok(network)
    }

    /// Reads the coordinator's key.
    pub fn coordinator_key(dir: &Path) -> Result<SecretKey, Error> {
        let path = dir.join("coordinator.json");
        let file: Option<CoordinatorFile> = read(&path, "the coordinator's key")?;
        let file = file.ok_or_else(|| {
            Error::failed(format!("{} is missing: this folder was not made by `talea up`", path.display()))
        })?;
        Ok(SecretKey::from_seed(file.seed.0))
    }

    fn deployed(&self) -> Result<&Deployed, Error> {
        self.deployed.as_ref().ok_or_else(|| Error::failed("the contracts are not deployed yet: run `talea up` again"))
    }

    /// Returns the contracts.
    pub fn contracts(&self) -> Result<Contracts, Error> {
        Ok(self.deployed()?.contracts.clone())
    }

    /// Returns the L1 block from which on the contracts exist.
    pub fn deployed_at(&self) -> Result<u64, Error> {
        Ok(self.deployed()?.block)
    }

    /// Returns the contracts as the L1 edge wants them.
    pub fn l1_contracts(&self) -> Result<l1::Contracts, Error> {
        let contracts = self.contracts()?;
        Ok(l1::Contracts { rollup: contracts.rollup, vault: contracts.vault })
    }

    /// Connects a reader of the contracts, with what counts as deep enough. Each user has its own: it remembers where
    /// it was.
    pub async fn reader(&self, confirmations: u64) -> Result<l1::Reader, Error> {
        let reader = l1::Reader::connect(&self.l1, self.l1_contracts()?, confirmations).await?;
        Ok(reader.starting_at(self.deployed_at()?))
    }

    /// Returns the domain that signatures are meant for.
    pub fn domain(&self) -> Result<Domain, Error> {
        Ok(Domain { chain_id: self.config.l1_chain_id, rollup: self.contracts()?.rollup })
    }

    /// Returns what verifiers of this network trust.
    pub fn anchor(&self) -> Result<Anchor, Error> {
        let (config_hash, committee) = (self.config.hash(), self.config.committee.clone());
        Ok(Anchor { config_hash, domain: self.domain()?, committee })
    }

    /// Returns the port of an address of ours.
    pub fn port(address: &str) -> Result<u16, Error> {
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
        port.ok_or_else(|| Error::failed(format!("{address} names no port: restore network.json")))
    }
}
