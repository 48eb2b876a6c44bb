//! `talea party` and `talea keygen`: one of the parties as a service, and who it is.

mod identity;
pub mod local;

use crate::error::Error;
use crate::say::Say;
use ::party::Network;
use clap::{Args, Subcommand};
use net::Endpoint;
use serde_json::json;
use std::io::{BufRead as _, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

pub use identity::{fresh, keygen, load};

/// Where an attached party listens: on a free port of this machine, for this machine.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What to do as a party.
#[derive(Subcommand)]
pub enum Verb {
    /// Take part in sessions until stopped.
    Run(Run),
    /// Show the id of an identity: what others write into their network file.
    Id {
        /// The identity's file.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
    },
}

/// Which party, of which network.
#[derive(Args)]
pub struct Run {
    /// The file that names the parties with their addresses, and the clients.
    #[arg(long, value_name = "FILE", required_unless_present = "attached")]
    network: Option<PathBuf>,
    /// The identity's file, from `talea keygen`.
    #[arg(long, value_name = "FILE", required_unless_present = "attached")]
    identity: Option<PathBuf>,
    /// Where to listen, if that is not the address in the network file.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Listen first and say where, on a free port if no other is named; then read the network file's path as a line on
    /// standard input, and stop when that input ends. Without an identity, be somebody new.
    #[arg(long, conflicts_with = "network")]
    attached: bool,
}

/// Carries out a verb.
pub async fn run(verb: Verb, say: &Say) -> Result<(), Error> {
    match verb {
        Verb::Run(options) => serve(options, say).await,
        Verb::Id { identity } => {
            let id = load(&identity)?.id().to_string();
            say.give(&id, &json!({ "ok": true, "id": id }));
            Ok(())
        }
    }
}

/// Reads a network's file.
pub fn network(path: &Path) -> Result<Network, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io(format!("read {}", path.display())))?;
    Network::read(&text).map_err(|source| Error::Network { file: path.to_owned(), source })
}

async fn serve(options: Run, say: &Say) -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let identity = match &options.identity {
        Some(file) => load(file)?,
        None => fresh()?,
    };
    let id = identity.id();
    let named = options.network.as_deref().map(network).transpose()?;
    let place = named.as_ref().and_then(|network| network.parties.iter().find(|party| party.id == id));
    let address = options.listen.or(place.map(|party| party.address)).unwrap_or(LOOPBACK);
    let socket = UdpSocket::bind(address).map_err(Error::io(format!("listen on {address}")))?;
    let address = socket.local_addr().map_err(Error::io("find the own address"))?;
    let text = format!("party {id} listens on {address}");
    say.give(text, &json!({ "ok": true, "id": id.to_string(), "address": address }));
    let (path, ended) = if options.attached { attached() } else { alone() };
    let network = match named {
        Some(named) => named,
        None => network(&path.await.map_err(|_| Error::failed("no network file was named on standard input"))?)?,
    };
    let endpoint = Endpoint::on(identity, socket, ::party::run::policy(&network))?;
    let listen = |kind| signal(kind).map_err(Error::io("listen for signals"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            Ok(()) = ended => {}
        }
    };
    ::party::run::serve(Arc::new(endpoint), &network, stop).await.map_err(Error::role)
}

type Told = (oneshot::Receiver<PathBuf>, oneshot::Receiver<()>);

/// Reads the line on standard input, and tells when that ends. A thread of its own, because nothing can stop such a read
/// and nobody is to wait for it.
fn attached() -> Told {
    let ((path, told), (end, ended)) = (oneshot::channel(), oneshot::channel());
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = String::new();
        if input.read_line(&mut line).is_ok_and(|count| count > 0) {
            // Whoever stopped meanwhile does not listen.
            let _ = path.send(PathBuf::from(line.trim_end()));
            let mut rest = [0; 64];
            while input.read(&mut rest).is_ok_and(|count| count > 0) {}
        }
        let _ = end.send(());
    });
    (told, ended)
}

/// Nobody is attached: neither is ever told.
fn alone() -> Told {
    (oneshot::channel().1, oneshot::channel().1)
}
