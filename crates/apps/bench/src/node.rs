//! A real node of two services, gateway and sequencer, with its store on the disk.

use crate::chain::sequencer_key;
use api::{Contracts, Vote};
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use gateway::{Confirmed, Gateway, Node, Refused};
use proof::confirmation::SignedHeader;
use proof::{Anchor, BlockHeader, Domain};
use sequencer::{Policy, Settings};
use state::State;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tokio::sync::watch;
use transition::{ChainConfig, Checked};
use types::{Digest, EthAddress, Height};

/// The sequencer behind the gateway, alone: nobody signs batches or votes here.
#[derive(Clone)]
pub(crate) struct Alone {
    sequencer: sequencer::Handle,
    key: Arc<SecretKey>,
    chain: Digest,
}

fn refused(error: sequencer::Error) -> Refused {
    match error {
        sequencer::Error::Refused(code) => Refused::Rejected(code, error.to_string()),
        sequencer::Error::Busy => Refused::Busy(error.to_string()),
        sequencer::Error::Store(_) | sequencer::Error::Stopped => Refused::Stopped(error.to_string()),
    }
}

fn nobody() -> Refused {
    Refused::Rejected(0, "nobody gathers these here".to_owned())
}

impl Node for Alone {
    async fn submit_all(&self, transactions: Vec<Checked>) -> Result<Vec<Result<Confirmed, Refused>>, Refused> {
        let outcomes = self.sequencer.submit_all(transactions).await.map_err(refused)?;
        let confirmed = |confirmed| {
            let sequencer::Confirmed { id, height, position, receipt, path, block } = confirmed;
            Confirmed { id, height, position, receipt, path, block }
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.map(confirmed).map_err(refused)).collect())
    }

    async fn confirm(&self, header: BlockHeader) -> Result<SignedHeader, Refused> {
        Ok(SignedHeader::sign(&self.key, &self.chain, header))
    }

    async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State, Option<&BlockHeader>) -> R + Send + 'static,
    ) -> Result<R, Refused> {
        self.sequencer.read(move |sequencer| read(sequencer.state(), sequencer.head())).await.map_err(refused)
    }

    fn head(&self) -> watch::Receiver<Height> {
        self.sequencer.head()
    }

    async fn sign(&self, _: u64, _: EthAddress, _: EthSignature) -> Result<(), Refused> {
        Err(nobody())
    }

    async fn vote(&self, _: Vote) -> Result<(), Refused> {
        Err(nobody())
    }
}

/// A node that serves on a port of its own.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) sequencer: sequencer::Handle,
    pub(crate) store: Store,
    pub(crate) chain: Digest,
}

/// Returns what a sequencer is started with.
pub(crate) fn settings(config: ChainConfig) -> Settings {
    Settings { config, policy: Policy::default(), key: Arc::new(sequencer_key()), state_cache_leaves: None }
}

/// Starts a node with a new store in a folder. It runs as long as the runtime.
pub(crate) async fn start(folder: &Path, config: ChainConfig) -> Running {
    let store = Store::open(folder.join("store.redb")).expect("a new store opens");
    let settings = settings(config.clone());
    let (key, chain) = (Arc::clone(&settings.key), config.hash());
    let started = sequencer::start(store.clone(), settings).expect("a sequencer starts on a new store");
    let sequencer = started.handle;
    let genesis_root = sequencer.read(|sequencer| sequencer.genesis_root()).await.expect("the sequencer runs");
    let zero = EthAddress::ZERO;
    let domain = Domain { chain_id: config.l1_chain_id, rollup: zero };
    let gateway = Gateway {
        node: Alone { sequencer: sequencer.clone(), key, chain },
        store: store.clone(),
        anchor: Arc::new(Anchor { config_hash: chain, domain, committee: config.committee.clone() }),
        config: Arc::new(config),
        contracts: Contracts {
            rollup: zero,
            vault: zero,
            committee: zero,
            exits: zero,
            halves: zero,
            token: None,
            validity: None,
        },
        genesis_root,
        members: Arc::default(),
        render: Some(gateway::metrics::install()),
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = gateway::run::bind(any).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(gateway::serve(gateway, listener));
    Running { url: format!("http://{address}"), sequencer, store, chain }
}

impl Running {
    /// Gives every account its value, as messages of L1 do, and waits until that is stored.
    pub(crate) async fn fund(&self, accounts: &crate::chain::Accounts) {
        let deposits = accounts.deposits();
        let last = deposits.last().map_or(0, ledger::Message::index);
        self.sequencer.messages(deposits).expect("a new sequencer has room");
        let mut head = self.sequencer.head();
        loop {
            let taken = |sequencer: &sequencer::Sequencer| {
                let cursor = sequencer.state().get::<ledger::bridge::Cursor>(&0);
                cursor.map_or(0, |cursor| cursor.inbox_count)
            };
            if self.sequencer.read(taken).await.expect("the sequencer runs") > last {
                return;
            }
            head.changed().await.expect("the sequencer runs");
        }
    }
}
