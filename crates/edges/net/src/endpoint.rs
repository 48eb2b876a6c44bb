//! Where peers meet.

use crate::identity::{Identity, Pinned, peer_of};
use crate::link::Link;
use crate::{Error, PeerId};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a session's name.
pub const SESSION: usize = 32;

const ALPN: &[u8] = b"talea/1";
/// How long a peer may be silent.
const IDLE: VarInt = VarInt::from_u32(30_000);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long to wait before a peer that was not there is looked for again.
const AGAIN: Duration = Duration::from_millis(100);
/// What may be on its way to one peer: enough for a round of a long vector.
const WINDOW: VarInt = VarInt::from_u32(64 << 20);

/// A peer to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub id: PeerId,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Where a peer listens, and from where it calls.
pub struct Endpoint {
    endpoint: quinn::Endpoint,
    identity: Identity,
    provider: Arc<CryptoProvider>,
}

impl Endpoint {
    /// Listens for these peers and for nobody else. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be had or the key cannot be used.
    pub fn bind(identity: Identity, address: SocketAddr, peers: &[PeerId]) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Pinned::new(peers.to_vec(), Arc::clone(&provider)));
        let mut tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(Error::Key)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(identity.key())));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.max_early_data_size = 0;
        let crypto = QuicServerConfig::try_from(tls).map_err(no_cipher)?;
        let mut server = ServerConfig::with_crypto(Arc::new(crypto));
        server.transport_config(Arc::new(transport()));
        let endpoint = quinn::Endpoint::server(server, address).map_err(|source| Error::Bind { address, source })?;
        Ok(Self { endpoint, identity, provider })
    }

    /// Returns where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        self.endpoint.local_addr().map_err(|source| Error::Bind { address, source })
    }

    /// Meets all peers for a session, in whatever order they come. Of two peers the one with the smaller id calls.
    ///
    /// # Errors
    /// When a peer is not met within the time given, or is there for another session.
    pub async fn meet(
        &self,
        session: &[u8; SESSION],
        peers: &[Peer],
        patience: Duration,
    ) -> Result<BTreeMap<PeerId, Link>, Error> {
        let until = Instant::now() + patience;
        let (called, calling): (Vec<Peer>, Vec<Peer>) = peers.iter().partition(|peer| self.identity.id() < peer.id);
        let (called, answered) =
            tokio::try_join!(self.call_all(session, called, until), self.answer_all(session, calling, until))?;
        Ok(called.into_iter().chain(answered).map(|link| (link.peer(), link)).collect())
    }

    async fn call_all(&self, session: &[u8; SESSION], peers: Vec<Peer>, until: Instant) -> Result<Vec<Link>, Error> {
        let mut links = Vec::with_capacity(peers.len());
        for peer in peers {
            links.push(self.call(session, peer, until).await?);
        }
        Ok(links)
    }

    async fn call(&self, session: &[u8; SESSION], peer: Peer, until: Instant) -> Result<Link, Error> {
        let config = self.client(peer.id)?;
        let mut last = "it did not answer".to_owned();
        loop {
            let connected = async {
                let connecting = self.endpoint.connect_with(config.clone(), peer.address, "talea");
                connecting.map_err(|error| error.to_string())?.await.map_err(|error| error.to_string())
            };
            match tokio::time::timeout_at(until, connected).await {
                Ok(Ok(connection)) => return greet(connection, peer.id, session, until).await,
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
            if Instant::now() + AGAIN >= until {
                return Err(Error::Absent { peer: peer.id, address: peer.address, last });
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn answer_all(&self, session: &[u8; SESSION], peers: Vec<Peer>, until: Instant) -> Result<Vec<Link>, Error> {
        let mut missing: Vec<Peer> = peers;
        let mut links = Vec::with_capacity(missing.len());
        let mut last = "it did not call".to_owned();
        while let Some(first) = missing.first().copied() {
            let absent = |last: &str| Error::Absent { peer: first.id, address: first.address, last: last.to_owned() };
            let Ok(Some(incoming)) = tokio::time::timeout_at(until, self.endpoint.accept()).await else {
                return Err(absent(&last));
            };
            let connection = match tokio::time::timeout_at(until, incoming).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    last = error.to_string();
                    continue;
                }
                Err(_) => return Err(absent(&last)),
            };
            let Some(at) = peer_of(&connection).and_then(|id| missing.iter().position(|peer| peer.id == id)) else {
                // Somebody known who was met already, or who belongs to another session.
                connection.close(VarInt::from_u32(1), b"not expected");
                continue;
            };
            let peer = missing.swap_remove(at);
            links.push(welcome(connection, peer.id, session, until).await?);
        }
        Ok(links)
    }

    fn client(&self, peer: PeerId) -> Result<ClientConfig, Error> {
        let verifier = Arc::new(Pinned::new(vec![peer], Arc::clone(&self.provider)));
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(Error::Key)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(self.identity.key())));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.enable_early_data = false;
        // A session that is taken up again would skip the check of the key.
        tls.resumption = rustls::client::Resumption::disabled();
        let crypto = QuicClientConfig::try_from(tls).map_err(no_cipher)?;
        let mut client = ClientConfig::new(Arc::new(crypto));
        client.transport_config(Arc::new(transport()));
        Ok(client)
    }

    /// Waits until what was sent has arrived or the peers are gone.
    pub async fn close(self) {
        self.endpoint.close(VarInt::from_u32(0), b"done");
        self.endpoint.wait_idle().await;
    }
}

fn no_cipher(_: quinn::crypto::rustls::NoInitialCipherSuite) -> Error {
    Error::Key(rustls::Error::General("QUIC needs AES-128-GCM".into()))
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(IdleTimeout::from(IDLE)));
    transport.keep_alive_interval(Some(KEEP_ALIVE));
    transport.stream_receive_window(WINDOW);
    transport.receive_window(WINDOW);
    transport.send_window(WINDOW.into_inner());
    transport.max_concurrent_bidi_streams(VarInt::from_u32(1));
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    transport
}

/// Opens the one stream of a connection, as the one who called.
async fn greet(connection: Connection, peer: PeerId, session: &[u8; SESSION], until: Instant) -> Result<Link, Error> {
    let (to, from) = connection.open_bi().await.map_err(|error| broken(peer, error))?;
    exchange(Link::new(peer, connection, to, from), session, until).await
}

/// Takes the one stream of a connection, as the one who was called.
async fn welcome(connection: Connection, peer: PeerId, session: &[u8; SESSION], until: Instant) -> Result<Link, Error> {
    let accepted = tokio::time::timeout_at(until, connection.accept_bi()).await;
    let streams = accepted.map_err(|_| broken(peer, "it opened no stream in time"))?;
    let (to, from) = streams.map_err(|error| broken(peer, error))?;
    exchange(Link::new(peer, connection, to, from), session, until).await
}

/// Compares the sessions.
async fn exchange(mut link: Link, session: &[u8; SESSION], until: Instant) -> Result<Link, Error> {
    let peer = link.peer();
    let both = async {
        link.send(session).await?;
        link.receive().await
    };
    let theirs =
        tokio::time::timeout_at(until, both).await.map_err(|_| broken(peer, "it named no session in time"))??;
    if theirs == session { Ok(link) } else { Err(Error::Session(peer)) }
}

fn broken(peer: PeerId, why: impl ToString) -> Error {
    Error::Broken { peer, why: why.to_string() }
}
