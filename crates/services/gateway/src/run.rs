//! The server.

use crate::answer::{Fault, explain};
use crate::metrics::Render;
use crate::port::Node;
use crate::{feed, leaves, process, proving, read, write};
use api::proving::UPLOAD_BYTES;
use api::{Contracts, bulk, metric, path};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use proof::Anchor;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use transition::ChainConfig;
use types::{Digest, EthAddress, limits};

/// Longest body of a request for which nothing else is said, in bytes.
const BODY_BYTES: usize = 1 << 16;

/// Most requests of many transactions that are read, checked and answered at one time; others wait for their turn.
const BULK_REQUESTS: usize = 64;
/// Longest time for a request to arrive and be answered. Longer than the longest poll.
const REQUEST_MAX: Duration = Duration::from_secs(25);

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
    /// Gives the node's numbers; `None` when it keeps none.
    pub render: Option<Render>,
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

    /// Returns the routes with all their bounds.
    pub(crate) fn routes(self) -> Router {
        let turns = Arc::new(Semaphore::new(BULK_REQUESTS));
        let turn = from_fn(move |request, next| take_turn(Arc::clone(&turns), request, next));
        Router::new()
            .route(path::STATUS, get(read::status))
            .route(path::TRANSACTIONS, post(write::submit))
            .route(path::BULK, post(write::submit_bulk).layer(DefaultBodyLimit::max(bulk::BYTES)).layer(turn))
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
            .route(path::HOSTS, get(read::hosts).post(write::host))
            .route(path::PROVEN_BATCH, get(proving::batch))
            .route(path::PROVING, get(proving::status))
            .route(path::LEASES, post(proving::lend))
            .route(path::BEATS, post(proving::beat))
            .route(path::PROOFS, post(proving::prove).layer(DefaultBodyLimit::max(UPLOAD_BYTES)))
            .route(path::FAILURES, post(proving::fail))
            .route(path::METRICS, get(numbers))
            .fallback(|| async { Fault::missing("there is no such route: see the list in the api crate") })
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(from_fn(|request, next| patience(REQUEST_MAX, request, next)))
            .layer(map_response(explain))
            .layer(from_fn(measured))
            .with_state(self)
    }
}

/// Lets so many pass at a time. Nothing of a request's body is read before.
async fn take_turn(turns: Arc<Semaphore>, request: Request, next: Next) -> Response {
    let _turn = turns.acquire().await.expect("it is never closed");
    next.run(request).await
}

/// Gives a request up that takes too long, be it to arrive or to be answered.
async fn patience(longest: Duration, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(longest, next.run(request)).await;
    answered.unwrap_or_else(|_| Fault::late().into_response())
}

/// Measures a request. What has no route has one name, so that nobody makes up names for us.
async fn measured(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    let route = route.map_or("none".to_owned(), |route| route.as_str().to_owned());
    let status = response.status().as_str().to_owned();
    ::metrics::histogram!(metric::REQUEST_SECONDS, "route" => route, "status" => status).record(start.elapsed());
    response
}

async fn numbers<N: Node>(State(gateway): State<Gateway<N>>) -> Result<Response, Fault> {
    let render = gateway.render.ok_or_else(|| Fault::missing("this node keeps no numbers: start it with metrics"))?;
    let sampled = tokio::task::spawn_blocking(move || {
        process::sample();
        render()
    });
    let text = sampled.await.expect("reading numbers does not panic");
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_request_that_is_never_answered_is_given_up() {
        let never = || async { std::future::pending::<()>().await };
        let limited = from_fn(|request, next| patience(Duration::from_millis(1), request, next));
        let router: Router = Router::new().route("/", get(never)).layer(limited);
        let answered = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answered.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn nobody_listens_beyond_this_machine() {
        assert!(matches!(bind(SocketAddr::from(([0, 0, 0, 0], 0))).await, Err(Error::NotLoopback(_))));
        assert!(bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.is_ok());
    }
}
