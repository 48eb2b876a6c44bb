//! The server.

use crate::answer::{Fault, explain};
use crate::port::Node;
use crate::{feed, leaves, read, write};
use api::{Contracts, bulk, path};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{get, post};
use proof::Anchor;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use tokio::net::TcpListener;
use transition::ChainConfig;
use types::{Digest, EthAddress, limits};

/// Longest body of a request for which nothing else is said, in bytes.
const BODY_BYTES: usize = 1 << 16;

/// Why the gateway did not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not loopback.
    #[error("the gateway has no TLS yet and will not listen on {0}: name a loopback address such as 127.0.0.1:7000")]
    NotLoopback(SocketAddr),
    /// The address cannot be bound, or serving failed.
    #[error("cannot serve on {address}: stop whatever uses the port, or name another one")]
    Serve {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the routes answer from.
#[derive(Clone)]
pub struct Gateway<N> {
    /// The node behind it.
    pub node: N,
    /// The node's store.
    pub store: Store,
    /// The chain's configuration.
    pub config: Arc<ChainConfig>,
    /// What verifiers trust.
    pub anchor: Arc<Anchor>,
    /// The contracts on the base chain.
    pub contracts: Contracts,
    /// The state root before the first block.
    pub genesis_root: Digest,
    /// Which members have signed since the start.
    pub members: Arc<Mutex<BTreeSet<EthAddress>>>,
}

impl<N: Node> Gateway<N> {
    /// Runs a read or write of the store where it may block.
    pub(crate) async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<R, store::Error> + Send + 'static,
    ) -> Result<R, Fault> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        Ok(done.expect("the store reports its failures and does not panic")?)
    }

    pub(crate) fn seen(&self, member: EthAddress) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).insert(member);
    }

    pub(crate) fn members_seen(&self) -> usize {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn routes(self) -> Router {
        Router::new()
            .route(path::STATUS, get(read::status))
            .route(path::TRANSACTIONS, post(write::submit))
            .route(path::BULK, post(write::submit_bulk).layer(DefaultBodyLimit::max(bulk::BYTES)))
            .route(path::TRANSACTION, get(read::transaction))
            .route(path::CONFIRMATION, get(read::soft_confirmation))
            .route(path::PROOF, get(read::proof))
            .route(path::WITHDRAWAL, get(read::withdrawal))
            .route(path::ACCOUNT, get(leaves::account))
            .route(path::BALANCE, get(leaves::balance))
            .route(path::TALLY, get(leaves::tally))
            .route(path::CONTENTS, post(write::put_content).layer(DefaultBodyLimit::max(limits::CONTENT_BYTES)))
            .route(path::CONTENT, get(read::content))
            .route(path::PROGRAM, get(leaves::program))
            .route(path::OFFERS, get(leaves::offers))
            .route(path::TASKS, get(leaves::tasks))
            .route(path::TASK, get(leaves::task))
            .route(path::BLOCKS, get(feed::blocks))
            .route(path::BLOCK, get(feed::block))
            .route(path::RECEIPTS, get(feed::receipts))
            .route(path::BATCH_OF, get(feed::batch_of))
            .route(path::BATCHES, get(feed::batches))
            .route(path::BATCHES_UNSIGNED, get(feed::unsigned))
            .route(path::BATCH, get(feed::batch))
            .route(path::DIFF, get(feed::diff))
            .route(path::SIGNATURES, post(write::sign))
            .route(path::VOTES, post(write::vote))
            .fallback(|| async { Fault::missing("there is no such route: see the list in the api crate") })
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(map_response(explain))
            .with_state(self)
    }
}

/// Binds a loopback address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| Error::Serve { address, source })
}

/// Serves until the process ends.
pub async fn serve<N: Node>(gateway: Gateway<N>, listener: TcpListener) -> Result<(), Error> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
    axum::serve(listener, gateway.routes()).await.map_err(|source| Error::Serve { address, source })
}
