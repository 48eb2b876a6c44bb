//! What the network's folder holds.

use super::dev::Role;
use crate::error::Error;
use api::{Contracts, Validity};
use crypto::Secret;
use crypto::account::{PublicKey, SecretKey};
use crypto::eth::{EthKey, keccak};
use proof::committee::Committee;
use proof::{Anchor, Domain};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use task::Parameters;
use transition::{ChainConfig, L1Rules};
use types::{Bytes32, EthAddress, Millis, Ppm};

/// Where the contracts are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    /// The contracts.
    pub contracts: Contracts,
    /// The L1 block from which on they exist.
    pub block: u64,
}

/// How the operator runs the chain: what no rule of it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What people call the chain.
    pub name: String,
    /// How old a batch may grow, in milliseconds.
    pub batch_age_ms: Millis,
    /// How long nothing may come before a batch is sealed though it is younger; `None` to wait for its age.
    #[serde(default)]
    pub batch_idle_ms: Option<Millis>,
    /// How many entries a block may hold.
    pub block_entries: usize,
    /// How many entries a batch may hold.
    pub batch_entries: usize,
    /// How large a batch's state difference may grow, in bytes.
    pub batch_bytes: usize,
    /// Who is asked about transactions that would be rejected.
    pub hook: Option<Hook>,
    /// How deep an L1 block must be before it is acted on, itself counted.
    pub confirmations: u64,
    /// The highest price of gas that is ever offered, in gwei.
    pub gas_price_max_gwei: u64,
    /// The most that what is on its way to L1 may cost together, in gwei; `None` for what the account holds.
    pub spend_max_gwei: Option<u64>,
    /// How long messages that L1 dropped are waited for before the chain is taken back, in milliseconds.
    pub patience_ms: Millis,
    /// How many leaves of the state a role keeps in memory; `None` for all.
    pub state_cache_leaves: Option<usize>,
    /// How many final batches keep their blocks; `None` for all.
    pub history_batches: Option<u64>,
    /// Who proves batches; `None` for nobody.
    #[serde(default)]
    pub proving: Option<Proving>,
}

/// Why L1 believes a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Execution {
    /// A quorum signed it.
    #[default]
    Committee,
    /// It is proven, and a quorum vouches for its data.
    Zk,
    /// Nobody contradicted the claim about it in time, or else it is proven.
    Optimistic,
}

impl Execution {
    fn of(file: &chain::Config) -> Self {
        match file.heading.execution {
            chain::Execution::Committee => Self::Committee,
            chain::Execution::Zk => Self::Zk,
            chain::Execution::Optimistic => Self::Optimistic,
        }
    }
}

/// What those who claim batches may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimTerms {
    /// For how long a claim can be contradicted, in seconds.
    pub window_s: u64,
    /// What a proposer locks, in gwei.
    pub bond_gwei: u64,
}

/// Which part of a lost bond pays the prover, in millionths. The rest is burnt, or a liar who proves against itself would
/// pay nothing.
pub const PROVER_PPM: u32 = 500_000;

impl ClaimTerms {
    fn of(file: &chain::Config) -> Option<Self> {
        let (period, bond) = (file.security.challenge_period?, file.security.proposer_bond_eth?);
        Some(Self { window_s: period.0 / 1_000, bond_gwei: bond.0 })
    }
}

/// Who proves batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proving {
    /// How many prover processes the node starts.
    pub processes: usize,
    /// How many jobs each works on at one time.
    pub jobs: usize,
}

fn rules_of(file: &chain::Config) -> L1Rules {
    let seconds = |millis: Millis| millis.0 / 1_000;
    L1Rules {
        forced_deadline_s: seconds(file.forced.deadline),
        freeze_grace_s: seconds(file.forced.freeze_grace),
        exit_window_s: seconds(file.forced.exit_window),
        data_on_l1: file.availability.mode == chain::AvailabilityMode::Rollup,
    }
}

/// Whom to ask about a transaction that would be rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Where it listens.
    pub url: String,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: Millis,
    /// What happens then: `drop`, `halt` or `quarantine`.
    pub on_timeout: String,
}

/// How long a local chain waits for messages that its L1 dropped: it has nobody to wait for.
const LOCAL_PATIENCE: Millis = Millis(3_000);
/// How deep a reorganisation of L1 may go before our transactions in the blocks that it drops are lost track of.
const REORGANISATION: u64 = 16;
/// How long any other waits.
const PATIENCE: Millis = Millis(120_000);

impl Operation {
    fn of(config: &chain::Config) -> Result<Self, Error> {
        let size = |n: u64| usize::try_from(n).map_err(|_| Error::failed("a number of the file is too large here"));
        let hook = config.hook.as_ref().map(|hook| Hook {
            url: hook.url.clone(),
            timeout_ms: hook.timeout_ms,
            on_timeout: match hook.policy {
                chain::HookPolicy::Drop => "drop",
                chain::HookPolicy::Halt => "halt",
                chain::HookPolicy::Quarantine => "quarantine",
            }
            .to_owned(),
        });
        Ok(Self {
            name: config.heading.name.clone(),
            batch_age_ms: config.batch.age_ms,
            batch_idle_ms: config.batch.idle_ms,
            block_entries: size(config.scaling.max_tx_per_shard)?,
            batch_entries: size(config.batch.count)?,
            batch_bytes: size(config.batch.bytes)?,
            hook,
            confirmations: config.l1.confirmations,
            gas_price_max_gwei: config.l1.gas_price_max_gwei.0,
            spend_max_gwei: config.l1.spend_max_eth.map(|gwei| gwei.0),
            patience_ms: if config.l1.rpc_url.is_none() { LOCAL_PATIENCE } else { PATIENCE },
            state_cache_leaves: config.scaling.state_cache_leaves.map(size).transpose()?,
            history_batches: config.availability.history,
            proving: match config.proving.as_ref().filter(|proving| proving.enabled) {
                Some(proving) => Some(Proving { processes: size(proving.processes)?, jobs: size(proving.jobs)? }),
                None => None,
            },
        })
    }

    /// Returns what the sequencer of a chain that is believed for this reason is told.
    pub fn sequencing(&self, execution: Execution) -> sequencer::Policy {
        let questioning = self.hook.as_ref().map(|hook| sequencer::Questioning {
            timeout: hook.timeout_ms,
            on_timeout: match hook.on_timeout.as_str() {
                "halt" => sequencer::OnTimeout::Halt,
                "quarantine" => sequencer::OnTimeout::Quarantine,
                _ => sequencer::OnTimeout::Drop,
            },
        });
        sequencer::Policy {
            batch_age: self.batch_age_ms,
            batch_idle: self.batch_idle_ms,
            by_proof: execution != Execution::Committee,
            block_entries: self.block_entries,
            batch_entries: self.batch_entries,
            batch_bytes: self.batch_bytes,
            questioning,
        }
    }

    /// Returns what the settler is told.
    pub fn settling(&self) -> settler::run::Policy {
        const GWEI: u64 = 1_000_000_000;
        let usual = settler::outbox::Limits::default();
        let limits = settler::outbox::Limits {
            gas_price_max_wei: self.gas_price_max_gwei.saturating_mul(GWEI),
            spend_max_wei: self.spend_max_gwei.map_or(u128::MAX, |gwei| u128::from(gwei) * u128::from(GWEI)),
            depth: self.confirmations.max(REORGANISATION),
            replace_after: if self.patience_ms == LOCAL_PATIENCE { Millis(3_000) } else { usual.replace_after },
            ..usual
        };
        let patience = settler::core::Patience(self.patience_ms);
        let history = self.history_batches;
        settler::run::Policy { limits, patience, history, ..settler::run::Policy::default() }
    }
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
    /// How it is run.
    pub operation: Operation,
    /// The file with the key of the L1 account that deploys and pays; `None` for a development account of a local L1.
    pub operator_key: Option<PathBuf>,
    /// Why L1 believes a batch: `committee`, `zk` or `optimistic`.
    #[serde(default)]
    pub execution: Execution,
    /// What proposers may rely on, where batches settle by claims.
    #[serde(default)]
    pub terms: Option<ClaimTerms>,
    /// Whether providers of our own are at work, so that there is something to buy.
    pub has_providers: bool,
    /// Whether they are three, and take part in private programs.
    #[serde(default)]
    pub has_hosts: bool,
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
    pub fn load(dir: &Path, index: usize) -> Result<settler::member::run::KeysOf, Error> {
        let path = Network::member_dir(dir, index).join("keys.json");
        let file: Self = read(&path, "a member's keys")?.ok_or_else(|| {
            Error::failed(format!("{} is missing: this folder was not made by `talea up`", path.display()))
        })?;
        let no_key = || Error::failed(format!("{} holds no secp256k1 key: restore it", path.display()));
        EthKey::from_bytes(file.batches.0).ok_or_else(no_key)?;
        Ok(Box::new(move || settler::member::Keys {
            batches: EthKey::from_bytes(file.batches.0).expect("it was a key when it was read"),
            verdicts: SecretKey::from_seed(file.verdicts.0),
        }))
    }
}

/// `coordinator.json`, `treasury.json`, `sequencer.json`: a role's key.
#[derive(Serialize, Deserialize)]
struct RoleFile {
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

/// Says with whose key the contracts are deployed: a development account's on an L1 of our own, a named one elsewhere.
fn operator_key_of(file: &chain::Config, named: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    match (&file.l1.rpc_url, named) {
        (Some(_), Some(path)) => {
            Ok(Some(std::path::absolute(path).map_err(Error::io(format!("find {}", path.display())))?))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::failed(
            "l1.rpc_url names an L1 of others: name the account that deploys and pays with --operator-key",
        )),
        (None, Some(_)) => Err(Error::failed("a local L1 has an operator of its own: leave --operator-key out")),
    }
}

/// A member's address and the key that its votes are checked with.
type Member = (EthAddress, PublicKey);

/// Makes the members' folders and keys, and returns who they are, by their numbers.
fn make_members(
    dir: &Path,
    file: &chain::Config,
    secret: impl Fn(&str, usize) -> Bytes32,
) -> Result<Vec<Member>, Error> {
    let chain::Members::Made(count) = file.committee.members else {
        return Err(Error::failed(
            "this command runs all members on this machine: name how many in availability.committee.members",
        ));
    };
    let count = usize::try_from(count).map_err(|_| Error::failed("too many members for this machine"))?;
    let make = |index| {
        let (batches, verdicts) = (secret("batches", index), secret("verdicts", index));
        let folder = Network::member_dir(dir, index);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(Error::io(format!("make {}", folder.display())))?;
        write(&folder.join("keys.json"), &MemberFile { batches, verdicts })?;
        let key = EthKey::from_bytes(batches.0).ok_or_else(|| Error::failed("a key came out as zero: try again"))?;
        Ok((key.address(), SecretKey::from_seed(verdicts.0).public()))
    };
    (0..count).map(make).collect()
}

/// Returns the addresses of the members that must sign, in the order that the contract wants.
fn mandatory_of(file: &chain::Config, members: &[Member]) -> Result<Vec<EthAddress>, Error> {
    let mut addresses = match &file.committee.mandatory {
        chain::Mandatory::Numbered(numbers) => {
            let member = |number: &u64| {
                let found = usize::try_from(*number).ok().and_then(|at| members.get(at));
                found.map(|member| member.0).ok_or_else(|| Error::failed(format!("there is no member {number}")))
            };
            numbers.iter().map(member).collect::<Result<Vec<_>, _>>()?
        }
        chain::Mandatory::Listed(addresses) => addresses.clone(),
    };
    addresses.sort_unstable();
    Ok(addresses)
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
    pub fn create(dir: &Path, file: &chain::Config, operator_key: Option<&Path>) -> Result<Self, Error> {
        let operator_key = operator_key_of(file, operator_key)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Error::failed(format!("no randomness to make keys from: {error}")))?;
        let secret = |role: &str, index: usize| keccak(&[&seed, role.as_bytes(), &index.to_be_bytes()]);
        let mut members = make_members(dir, file, secret)?;
        let mandatory = mandatory_of(file, &members)?;
        members.sort_unstable_by_key(|(address, _)| *address);
        let coordinator = secret("coordinator", 0);
        write(&dir.join("coordinator.json"), &RoleFile { seed: coordinator })?;
        let treasury = secret("treasury", 0);
        write(&dir.join("treasury.json"), &RoleFile { seed: treasury })?;
        let sequencer = secret("sequencer", 0);
        write(&dir.join("sequencer.json"), &RoleFile { seed: sequencer })?;
        let threshold = u32::try_from(file.committee.threshold)
            .map_err(|_| Error::failed("the committee's threshold is too large"))?;
        let rules = rules_of(file);
        let config = ChainConfig {
            salt: secret("salt", 0),
            l1_chain_id: file.l1.chain_id,
            committee: Committee {
                members: members.iter().map(|(address, _)| *address).collect(),
                threshold,
                mandatory,
            },
            parameters: Parameters {
                coordinator: SecretKey::from_seed(coordinator.0).account(),
                treasury: SecretKey::from_seed(treasury.0).account(),
                resolvers: members.iter().map(|(_, key)| key.clone()).collect(),
                threshold,
                provider_share: Ppm(800_000),
                author_share: Ppm(50_000),
                slash: file.security.slashing_penalty,
                stake_min: file.security.min_stake,
                verdict_window: Millis(60_000),
            },
            sequencer: SecretKey::from_seed(sequencer.0).public(),
            rules,
        };
        config.check().map_err(|fault| Error::failed(fault.to_string()))?;
        let api = format!("http://127.0.0.1:{}", free_port()?);
        let l1 = match &file.l1.rpc_url {
            Some(url) => url.clone(),
            None => format!("http://127.0.0.1:{}", free_port()?),
        };
        let operation = Operation::of(file)?;
        let network = Self {
            api,
            l1,
            config,
            operation,
            operator_key,
            execution: Execution::of(file),
            terms: ClaimTerms::of(file),
            has_providers: false,
            has_hosts: false,
            deployed: None,
            node_pid: None,
            anvil_pid: None,
        };
        network.save(dir)?;
        Ok(network)
    }

    /// Takes over what a chain's file says of how it is run. What its rules depend on cannot change any more.
    pub fn follow(&mut self, file: &chain::Config) -> Result<(), Error> {
        let (config, parameters) = (&self.config, &self.config.parameters);
        let members = match &file.committee.members {
            chain::Members::Made(count) => usize::try_from(*count).is_ok_and(|n| n == config.committee.members.len()),
            chain::Members::Listed(_) => false,
        };
        let same = [
            ("execution", Execution::of(file) == self.execution),
            ("security.challenge_period or proposer_bond_eth", ClaimTerms::of(file) == self.terms),
            ("l1.chain_id", file.l1.chain_id == config.l1_chain_id),
            ("l1.rpc_url", file.l1.rpc_url.is_some() == self.operator_key.is_some()),
            ("availability.committee.members", members),
            ("availability.committee.threshold", file.committee.threshold == u64::from(config.committee.threshold)),
            ("availability.mode or forced", rules_of(file) == config.rules),
            ("security.slashing_penalty", file.security.slashing_penalty == parameters.slash),
            ("security.min_stake", file.security.min_stake == parameters.stake_min),
        ];
        let changed: Vec<&str> = same.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect();
        if !changed.is_empty() {
            return Err(Error::failed(format!(
                "this chain was started with another value of {}: put it back, or start another chain in another folder",
                changed.join(", ")
            )));
        }
        self.operation = Operation::of(file)?;
        if let Some(url) = &file.l1.rpc_url {
            self.l1.clone_from(url);
        }
        Ok(())
    }

    /// Returns the key of the L1 account that deploys and pays.
    pub fn operator(&self) -> Result<Secret<[u8; 32]>, Error> {
        let Some(path) = &self.operator_key else { return Ok(Role::Operator.l1_secret()) };
        let text = std::fs::read_to_string(path).map_err(Error::io(format!("read {}", path.display())))?;
        let key = text.trim().parse::<Bytes32>();
        let key =
            key.map_err(|_| Error::failed(format!("{} holds no key: put 32 bytes in hexadecimal", path.display())))?;
        Ok(Secret::new(key.0))
    }

    /// Connects a writer that sends from the operator's account.
    pub async fn operator_writer(&self) -> Result<l1::Writer, Error> {
        Ok(l1::Writer::connect(&self.l1, &self.operator()?, self.l1_contracts()?).await?)
    }

    /// Returns what the sequencer is started with.
    pub fn sequencer(&self, dir: &Path) -> Result<sequencer::Settings, Error> {
        Ok(sequencer::Settings {
            config: self.config.clone(),
            policy: self.operation.sequencing(self.execution),
            key: Arc::new(Self::sequencer_key(dir)?),
            state_cache_leaves: self.operation.state_cache_leaves,
        })
    }

    /// Reads the coordinator's key.
    pub fn coordinator_key(dir: &Path) -> Result<SecretKey, Error> {
        Self::key(dir, "coordinator")
    }

    /// Reads the key that signs confirmations.
    pub fn sequencer_key(dir: &Path) -> Result<SecretKey, Error> {
        Self::key(dir, "sequencer")
    }

    fn key(dir: &Path, role: &'static str) -> Result<SecretKey, Error> {
        let path = dir.join(format!("{role}.json"));
        let file: Option<RoleFile> = read(&path, "a role's key")?;
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

    /// Connects to where claims are made, on a chain whose batches settle by them, with their terms.
    pub async fn claims(&self) -> Result<Option<(l1::claims::Claims, ClaimTerms)>, Error> {
        let Some(terms) = self.terms.filter(|_| self.execution == Execution::Optimistic) else { return Ok(None) };
        let claims = l1::claims::Claims::of_rollup(&self.l1, self.contracts()?.rollup).await?;
        let claims = claims.ok_or_else(|| Error::failed("the rollup believes no claims: restore network.json"))?;
        Ok(Some((claims, terms)))
    }

    /// Connects to where proofs are checked, on a chain whose batches settle by them or are decided by them.
    pub async fn checks(&self) -> Result<Option<l1::validity::Checks>, Error> {
        if self.execution == Execution::Committee {
            return Ok(None);
        }
        let contracts = self.contracts()?.validity;
        let contracts =
            contracts.ok_or_else(|| Error::failed("network.json names no contracts that check proofs: restore it"))?;
        let Validity { statements, queries, verifier } = contracts;
        let checks = l1::validity::Contracts { statements, queries, verifier };
        Ok(Some(l1::validity::Checks::connect(&self.l1, checks).await?))
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
