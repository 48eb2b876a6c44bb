//! Where peers meet.

use crate::identity::{Guests, Identity, Pinned, peer_of};
use crate::link::Link;
use crate::{Error, PeerId};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Connection, ConnectionError, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig,
    TransportConfig, VarInt,
};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a session's name.
pub const SESSION: usize = 32;

const ALPN: &[u8] = b"talea/1";
/// How long a peer may be silent before it is gone, if nothing else is said.
const IDLE: Duration = Duration::from_secs(30);
/// How often within that time a peer with nothing to say tells that it is there.
const KEEP_ALIVE: u32 = 5;
/// How long to wait before a peer that was not there is looked for again.
const AGAIN: Duration = Duration::from_millis(100);
/// What may be on its way to one peer: enough for a round of a long vector.
const WINDOW: VarInt = VarInt::from_u32(64 << 20);
/// Bytes of a datagram between endpoints of one machine: its loopback carries as many, on Linux 65,536, on macOS 16,384. A
/// packet costs much the same whatever its length.
const LOOPBACK_DATAGRAM: u16 = 16_000;

/// A peer to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub id: PeerId,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Whom an endpoint lets in, and when it gives a peer up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who may call.
    pub guests: Guests,
    /// How long a peer that is not heard of at all counts as there.
    pub idle: Duration,
}

impl Policy {
    /// Lets these peers in and nobody else.
    pub fn only(peers: &[PeerId]) -> Self {
        Self { guests: Guests::Only(peers.to_vec()), idle: IDLE }
    }
}

/// Where a peer listens, and from where it calls.
pub struct Endpoint {
    endpoint: quinn::Endpoint,
    identity: Identity,
    provider: Arc<CryptoProvider>,
    idle: Duration,
    /// Whether it listens to its own machine only.
    is_local: bool,
}

/// Somebody who calls. Nothing is known of him yet.
pub struct Arrival(quinn::Incoming);

impl Arrival {
    /// Finds out who calls and for which session, and agrees to it.
    ///
    /// # Errors
    /// When he is not let in, or does not name a session in time.
    pub async fn welcome(self, patience: Duration) -> Result<(Link, [u8; SESSION]), Error> {
        let until = Instant::now() + patience;
        let address = self.0.remote_address();
        let stranger = |why: String| Error::Stranger { address, why };
        let connected = tokio::time::timeout_at(until, self.0).await;
        let connection = connected.map_err(|_| stranger("no handshake in time".into()))?;
        let connection = connection.map_err(|error| stranger(error.to_string()))?;
        let peer = peer_of(&connection).ok_or_else(|| stranger("it showed no key".into()))?;
        let (mut link, session) = named(connection, peer, until).await?;
        link.send(&session).await?;
        Ok((link, session))
    }
}

impl Endpoint {
    /// Listens for those that the policy lets in. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be had or the key cannot be used.
    pub fn bind(identity: Identity, address: SocketAddr, policy: Policy) -> Result<Self, Error> {
        let socket = UdpSocket::bind(address).map_err(|source| Error::Bind { address, source })?;
        Self::on(identity, socket, policy)
    }

    /// Listens on a socket that was bound before.
    ///
    /// # Errors
    /// When the socket or the key cannot be used.
    pub fn on(identity: Identity, socket: UdpSocket, policy: Policy) -> Result<Self, Error> {
        let unbound = |source| Error::Bind { address: SocketAddr::from(([0, 0, 0, 0], 0)), source };
        let address = socket.local_addr().map_err(unbound)?;
        let provider = Arc::new(ring::default_provider());
        let idle = policy.idle;
        let verifier = Arc::new(Pinned::new(policy.guests, Arc::clone(&provider)));
        let mut tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(Error::Key)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(identity.key())));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.max_early_data_size = 0;
        let crypto = QuicServerConfig::try_from(tls).map_err(no_cipher)?;
        let mut server = ServerConfig::with_crypto(Arc::new(crypto));
        let is_local = address.ip().is_loopback();
        server.transport_config(Arc::new(transport(idle, is_local)));
        let mut config = EndpointConfig::default();
        if is_local {
            // It can only be too small or too large, and is neither.
            let _ = config.max_udp_payload_size(LOOPBACK_DATAGRAM);
        }
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = quinn::Endpoint::new(config, Some(server), socket, runtime);
        let endpoint = endpoint.map_err(|source| Error::Bind { address, source })?;
        Ok(Self { endpoint, identity, provider, idle, is_local })
    }

    /// Returns where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        self.endpoint.local_addr().map_err(|source| Error::Bind { address, source })
    }

    /// Returns whose endpoint it is.
    pub fn id(&self) -> PeerId {
        self.identity.id()
    }

    /// Waits for somebody to call; `None` once the endpoint is closed.
    pub async fn arrival(&self) -> Option<Arrival> {
        self.endpoint.accept().await.map(Arrival)
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
            links.push(self.call_until(session, peer, until).await?);
        }
        Ok(links)
    }

    /// Calls one peer for a session, again and again until it is there.
    ///
    /// # Errors
    /// When it is not met within the time given, holds another key, or is there for another session.
    pub async fn call(&self, session: &[u8; SESSION], peer: Peer, patience: Duration) -> Result<Link, Error> {
        self.call_until(session, peer, Instant::now() + patience).await
    }

    async fn call_until(&self, session: &[u8; SESSION], peer: Peer, until: Instant) -> Result<Link, Error> {
        let config = self.client(peer.id)?;
        let mut last = "it did not answer".to_owned();
        loop {
            let connected = async {
                let connecting = self.endpoint.connect_with(config.clone(), peer.address, "talea");
                connecting.map_err(|error| (error.to_string(), false))?.await.map_err(|error| {
                    let is_refused = is_refused(&error);
                    (error.to_string(), is_refused)
                })
            };
            match tokio::time::timeout_at(until, connected).await {
                Ok(Ok(connection)) => return greet(connection, peer, session, until).await,
                // Asking again does not change a key.
                Ok(Err((why, true))) => return Err(Error::Refused { peer: peer.id, address: peer.address, why }),
                Ok(Err((why, false))) => last = why,
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
        let verifier = Arc::new(Pinned::new(Guests::Only(vec![peer]), Arc::clone(&self.provider)));
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
        client.transport_config(Arc::new(transport(self.idle, self.is_local)));
        Ok(client)
    }

    /// Waits until what was sent has arrived or the peers are gone.
    pub async fn close(&self) {
        self.endpoint.close(VarInt::from_u32(0), b"done");
        self.endpoint.wait_idle().await;
    }
}

fn no_cipher(_: quinn::crypto::rustls::NoInitialCipherSuite) -> Error {
    Error::Key(rustls::Error::General("QUIC needs AES-128-GCM".into()))
}

fn transport(idle: Duration, is_local: bool) -> TransportConfig {
    let mut transport = TransportConfig::default();
    if is_local {
        // Found by trying, which takes some messages: QUIC begins with short ones, as nobody is known yet.
        let mut discovery = MtuDiscoveryConfig::default();
        discovery.upper_bound(LOOPBACK_DATAGRAM);
        transport.mtu_discovery_config(Some(discovery));
    }
    // Longer than QUIC can say means for ever.
    transport.max_idle_timeout(IdleTimeout::try_from(idle).ok());
    transport.keep_alive_interval(Some(idle / KEEP_ALIVE));
    transport.stream_receive_window(WINDOW);
    transport.receive_window(WINDOW);
    transport.send_window(WINDOW.into_inner());
    transport.max_concurrent_bidi_streams(VarInt::from_u32(1));
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    transport
}

/// Tells whether a connection failed because of a key: TLS's alerts are the codes from 256 to 511 of QUIC.
fn is_refused(error: &ConnectionError) -> bool {
    let code = match error {
        ConnectionError::TransportError(error) => u64::from(error.code),
        ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
        _ => return false,
    };
    (0x100..0x200).contains(&code)
}

/// Opens the one stream of a connection, as the one who called.
async fn greet(connection: Connection, peer: Peer, session: &[u8; SESSION], until: Instant) -> Result<Link, Error> {
    let both = async {
        let (to, from) = connection.open_bi().await.map_err(|error| broken(peer.id, error))?;
        let mut link = Link::new(peer.id, connection.clone(), to, from);
        link.send(session).await?;
        let theirs = link.receive().await?;
        if theirs == session { Ok(link) } else { Err(Error::Session(peer.id)) }
    };
    let late = |_| broken(peer.id, "it named no session in time");
    let met = tokio::time::timeout_at(until, both).await.map_err(late)?;
    // Whoever calls is through with the handshake before the other side has looked at his key.
    match connection.close_reason() {
        Some(error) if met.is_err() && is_refused(&error) => {
            Err(Error::Refused { peer: peer.id, address: peer.address, why: error.to_string() })
        }
        _ => met,
    }
}

/// Takes the one stream of a connection, as the one who was called for this session.
async fn welcome(connection: Connection, peer: PeerId, session: &[u8; SESSION], until: Instant) -> Result<Link, Error> {
    let (mut link, theirs) = named(connection, peer, until).await?;
    link.send(session).await?;
    if theirs == *session { Ok(link) } else { Err(Error::Session(peer)) }
}

/// Takes the one stream of a connection, and hears which session it is for.
async fn named(connection: Connection, peer: PeerId, until: Instant) -> Result<(Link, [u8; SESSION]), Error> {
    let both = async {
        let (to, from) = connection.accept_bi().await.map_err(|error| broken(peer, error))?;
        let (to, mut from) = Link::new(peer, connection, to, from).split();
        let session = from.receive(SESSION).await?;
        let session = session.try_into().map_err(|_| broken(peer, "it named no session"))?;
        Ok((Link::of(to, from), session))
    };
    let late = |_| broken(peer, "it named no session in time");
    tokio::time::timeout_at(until, both).await.map_err(late)?
}

fn broken(peer: PeerId, why: impl ToString) -> Error {
    Error::Broken { peer, why: why.to_string() }
}
