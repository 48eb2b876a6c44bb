//! `talea chain rebuild --from-l1`: the state of a rollup from what L1 keeps, with nobody's help.

use crate::error::Error;
use crate::network::Network;
use crate::say::Say;
use clap::Args;
use crypto::list;
use l1::Reader;
use ledger::Withdrawal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::State;
use std::path::{Path, PathBuf};
use transition::{ChainConfig, diff};
use types::{Bytes32, Decode as _, Digest, EthAddress};

/// Batches that are asked for at one time.
const PAGE: u64 = 64;
/// The file with all leaves, as one difference from nothing.
const LEAVES: &str = "state.bin";
/// The file with everything else.
const FACTS: &str = "chain.json";

/// Which chain, and where what is rebuilt goes.
#[derive(Args)]
pub struct Options {
    /// Rebuild from L1 alone: the only way that there is.
    #[arg(long, required = true)]
    from_l1: bool,
    #[command(flatten)]
    place: Place,
    /// The folder to write, `rebuilt` if none is named.
    #[arg(long, value_name = "FOLDER", default_value = "rebuilt")]
    out: PathBuf,
}

/// Where a rollup is.
#[derive(Args, Clone)]
pub struct Place {
    /// A node of the base chain; the network's own if none is named.
    #[arg(long, value_name = "URL")]
    pub l1: Option<String>,
    /// The rollup's address; the network's own if none is named.
    #[arg(long, value_name = "ADDRESS")]
    pub rollup: Option<EthAddress>,
    /// The L1 block of its deployment, to search no earlier ones.
    #[arg(long, value_name = "BLOCK")]
    pub first_block: Option<u64>,
}

impl Place {
    /// Fills in what was not named from a network's folder, if there is one.
    pub fn found(&self, dir: &Path) -> Result<(String, EthAddress, u64), Error> {
        let missing = |what: &str| Error::failed(format!("name {what}: there is no network in {}", dir.display()));
        let network = Network::load(dir)?;
        let own = network.as_ref().and_then(|network| network.deployed.as_ref());
        let l1 = self.l1.clone().or_else(|| network.as_ref().map(|network| network.l1.clone()));
        let rollup = self.rollup.or_else(|| own.map(|own| own.contracts.rollup));
        // Another rollup is not where ours was deployed.
        let first = self.first_block.or_else(|| own.filter(|_| self.rollup.is_none()).map(|own| own.block));
        Ok((l1.ok_or_else(|| missing("--l1"))?, rollup.ok_or_else(|| missing("--rollup"))?, first.unwrap_or_default()))
    }
}

/// What is known of a rebuilt chain besides its leaves.
#[derive(Serialize, Deserialize)]
pub struct Facts {
    /// Where it is.
    pub rollup: EthAddress,
    /// The chain's rules.
    pub config: ChainConfig,
    /// The last batch that L1 settled.
    pub batch: u64,
    /// The state root after it.
    pub state_root: Digest,
    /// Every batch that paid somebody, with its payments.
    pub withdrawals: Vec<Paid>,
}

/// The withdrawals of a batch.
#[derive(Serialize, Deserialize)]
pub struct Paid {
    /// Its number.
    pub batch: u64,
    /// In the order of its list.
    pub list: Vec<Withdrawal>,
}

/// A rebuilt chain.
pub struct Rebuilt {
    /// All but the leaves.
    pub facts: Facts,
    /// The state after the last settled batch.
    pub state: State,
}

/// Rebuilds and writes it down.
pub async fn run(dir: &Path, options: &Options, say: &Say) -> Result<(), Error> {
    let (l1, rollup, first_block) = options.place.found(dir)?;
    let reader = Reader::of_rollup(&l1, rollup, 0).await?.starting_at(first_block);
    let (rebuilt, read) = rebuild(&reader, say).await?;
    rebuilt.save(&options.out)?;
    let facts = &rebuilt.facts;
    let leaves = rebuilt.state.len();
    let text = format!(
        "rebuilt {leaves} leaves from {} batches and {read} published bytes: root {} as L1 settled it\nwritten to {}",
        facts.batch,
        facts.state_root,
        options.out.display(),
    );
    let value = json!({
        "ok": true, "batches": facts.batch, "leaves": leaves, "bytes": read, "state_root": facts.state_root,
        "out": options.out,
    });
    say.give(text, &value);
    Ok(())
}

/// Reads the configuration that the rollup names by its hash.
async fn configuration(reader: &Reader) -> Result<ChainConfig, Error> {
    let hash = reader.config_hash().await?;
    let wanted = |bytes: &[u8]| ChainConfig::from_bytes(bytes).ok().filter(|config| config.hash() == hash);
    let found = reader.find_published(|bytes| wanted(bytes).is_some()).await?;
    found.as_deref().and_then(wanted).ok_or_else(|| {
        Error::failed("this rollup's configuration was not published on L1: ask its operator or a member for it")
    })
}

/// Rebuilds the state after the last settled batch. Says how many published bytes it took.
pub async fn rebuild(reader: &Reader, say: &Say) -> Result<(Rebuilt, usize), Error> {
    let config = configuration(reader).await?;
    let settled = reader.settled().await?;
    if !config.rules.data_on_l1 {
        return Err(Error::failed(
            "this chain is a validium: its data is with its committee and not on L1, so ask a member for it",
        ));
    }
    let (mut rebuilt, mut read, mut withdrawals) = (diff::Rebuilt::from(genesis(&config)), 0, Vec::new());
    let mut next = 1;
    while next <= settled.number {
        for batch in reader.batches(next..=settled.number.min(next + PAGE - 1)).await? {
            let number = batch.header.number;
            let wrong = |why: &str| Error::failed(format!("batch {number} does not hold: {why}; try another L1 node"));
            let bytes = gather(reader, number, &batch.chunks).await?;
            read += bytes.len();
            let list = rebuilt.apply(&bytes).map_err(|fault| wrong(&fault.to_string()))?;
            let leaves: Vec<_> = list.iter().map(Withdrawal::leaf).collect();
            if rebuilt.state().root() != batch.header.state_root || list::root(&leaves) != batch.header.withdrawals_root
            {
                return Err(wrong("its data gives other roots than it settled with"));
            }
            if !list.is_empty() {
                withdrawals.push(Paid { batch: number, list });
            }
            next = number + 1;
        }
        say.tell(format!("{} of {} batches", next - 1, settled.number));
    }
    let state = rebuilt.into_state();
    if state.root() != settled.state_root {
        return Err(Error::failed("L1 settled another root meanwhile: run the command again"));
    }
    let (rollup, batch, state_root) = (reader.contracts().rollup, settled.number, settled.state_root);
    Ok((Rebuilt { facts: Facts { rollup, config, batch, state_root, withdrawals }, state }, read))
}

fn genesis(config: &ChainConfig) -> State {
    let mut state = State::default();
    state.apply(&transition::genesis(config));
    state
}

async fn gather(reader: &Reader, number: u64, chunks: &[Bytes32]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        let found = reader.published(chunk).await?;
        bytes.extend(found.ok_or_else(|| {
            Error::failed(format!("a part of batch {number} is not on this L1 node: ask one that keeps all logs"))
        })?);
    }
    Ok(bytes)
}

impl Rebuilt {
    fn save(&self, out: &Path) -> Result<(), Error> {
        let doing = || format!("write {}", out.display());
        std::fs::create_dir_all(out).map_err(Error::io(doing()))?;
        let nothing = self.state.records().map(|(key, _)| (key.into(), None)).collect();
        let leaves = diff::encode(&nothing, &self.state, &[]);
        std::fs::write(out.join(LEAVES), leaves).map_err(Error::io(doing()))?;
        let text = serde_json::to_vec_pretty(&self.facts).map_err(|source| Error::Unreadable {
            path: out.to_owned(),
            what: "JSON",
            source,
        })?;
        std::fs::write(out.join(FACTS), text).map_err(Error::io(doing()))
    }

    /// Reads what was rebuilt before.
    pub fn load(from: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = from.join(name);
            std::fs::read(&path).map_err(Error::io(format!("read {}", path.display())))
        };
        let facts: Facts = serde_json::from_slice(&read(FACTS)?).map_err(|source| Error::Unreadable {
            path: from.join(FACTS),
            what: "a rebuilt chain",
            source,
        })?;
        let state = diff::Rebuilt::of_leaves(&read(LEAVES)?).filter(|state| state.root() == facts.state_root);
        let state = state.ok_or_else(|| {
            Error::failed(format!("{} was changed: rebuild it with `talea chain rebuild --from-l1`", from.display()))
        })?;
        Ok(Self { facts, state })
    }
}
