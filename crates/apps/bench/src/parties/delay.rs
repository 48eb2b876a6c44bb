//! A relay of datagrams that lets each arrive later, in both directions: a network that is far, where the kernel has none to
//! offer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

/// How many datagrams may be on their way to one address. More are lost, as anywhere.
const UNDER_WAY: usize = 1 << 14;
/// The longest datagram.
const DATAGRAM: usize = 1 << 16;

type Late = (Instant, Vec<u8>);

/// Stands in front of one address for as long as it lives.
pub(crate) struct Relay {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Relay {
    pub(crate) fn start(to: SocketAddr, delay: Duration) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let socket = runtime.block_on(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        runtime.spawn(serve(Arc::new(socket), to, delay));
        Ok(Self { address, _runtime: runtime })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Gives whoever calls a socket of its own, by which the answers find back.
async fn serve(socket: Arc<UdpSocket>, to: SocketAddr, delay: Duration) {
    let mut callers: HashMap<SocketAddr, Sender<Late>> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    while let Ok((length, caller)) = socket.recv_from(&mut buffer).await {
        let there = match callers.entry(caller) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match meet(&socket, caller, to, delay).await {
                Ok(there) => new.insert(there),
                Err(_) => continue,
            },
        };
        // What there is no room for is lost.
        let _ = there.try_send((Instant::now() + delay, buffer[..length].to_vec()));
    }
}

/// Carries what one caller says, and what it is answered.
async fn meet(
    socket: &Arc<UdpSocket>,
    caller: SocketAddr,
    to: SocketAddr,
    delay: Duration,
) -> io::Result<Sender<Late>> {
    let own = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    own.connect(to).await?;
    let own = Arc::new(own);
    let (there, late) = channel(UNDER_WAY);
    let target = Arc::clone(&own);
    tokio::spawn(carry(late, move |bytes| {
        let target = Arc::clone(&target);
        async move { target.send(&bytes).await }
    }));
    let (back, late) = channel(UNDER_WAY);
    let target = Arc::clone(socket);
    tokio::spawn(carry(late, move |bytes| {
        let target = Arc::clone(&target);
        async move { target.send_to(&bytes, caller).await }
    }));
    tokio::spawn(answers(own, back, delay));
    Ok(there)
}

async fn answers(own: Arc<UdpSocket>, back: Sender<Late>, delay: Duration) {
    let mut buffer = vec![0; DATAGRAM];
    while let Ok(length) = own.recv(&mut buffer).await {
        if let Err(TrySendError::Closed(_)) = back.try_send((Instant::now() + delay, buffer[..length].to_vec())) {
            return;
        }
    }
}

/// Sends each datagram when its time has come. They come in order, as all wait equally long.
async fn carry<S: Future<Output = io::Result<usize>>>(mut late: Receiver<Late>, send: impl Fn(Vec<u8>) -> S) {
    while let Some((due, bytes)) = late.recv().await {
        sleep_until(due).await;
        // A datagram may be lost.
        let _ = send(bytes).await;
    }
}
