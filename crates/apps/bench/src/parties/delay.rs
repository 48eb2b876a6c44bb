//! A relay of datagrams that lets each arrive later, in both directions: a network that is far, where the kernel has none to
//! offer.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

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
    let mut callers: HashMap<SocketAddr, UnboundedSender<Late>> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    while let Ok((length, caller)) = socket.recv_from(&mut buffer).await {
        if !callers.contains_key(&caller) {
            let Ok(own) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await else { continue };
            if own.connect(to).await.is_err() {
                continue;
            }
            let own = Arc::new(own);
            let (there, late) = unbounded_channel();
            let target = Arc::clone(&own);
            tokio::spawn(carry(late, move |bytes| {
                let target = Arc::clone(&target);
                async move { target.send(&bytes).await }
            }));
            let (back, late) = unbounded_channel();
            let target = Arc::clone(&socket);
            tokio::spawn(carry(late, move |bytes| {
                let target = Arc::clone(&target);
                async move { target.send_to(&bytes, caller).await }
            }));
            tokio::spawn(answers(own, back, delay));
            callers.insert(caller, there);
        }
        if let Some(there) = callers.get(&caller) {
            // Who has gone gets nothing.
            let _ = there.send((Instant::now() + delay, buffer[..length].to_vec()));
        }
    }
}

async fn answers(own: Arc<UdpSocket>, back: UnboundedSender<Late>, delay: Duration) {
    let mut buffer = vec![0; DATAGRAM];
    while let Ok(length) = own.recv(&mut buffer).await {
        if back.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Sends each datagram when its time has come. They come in order, as all wait equally long.
async fn carry<S: Future<Output = io::Result<usize>>>(mut late: UnboundedReceiver<Late>, send: impl Fn(Vec<u8>) -> S) {
    while let Some((due, bytes)) = late.recv().await {
        sleep_until(due).await;
        // A datagram may be lost.
        let _ = send(bytes).await;
    }
}
