//! A party that lies: it follows the protocol by the library's own session, changes one bit of one message, and says nothing
//! of it when the others' answers tell it that it lied.

use mpc::Party;
use net::{Endpoint, Identity, Link, MESSAGE_BYTES, PeerId, SESSION, Sender};
use party::Network;
use party::core::{Effect, Input, Session, Setting};
use std::collections::{BTreeMap, VecDeque};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use types::Millis;
use zeroize::Zeroizing;

/// The first bytes of a message of a round, and of one that ends a session.
const ROUND: u8 = 4;
const ABORT: u8 = 7;
/// How long it takes part in anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Such a party, in a thread of the test.
pub struct Liar {
    pub id: String,
    pub address: String,
    begin: oneshot::Sender<(Network, usize)>,
    thread: std::thread::JoinHandle<()>,
}

impl Liar {
    /// Begins to listen.
    pub fn new() -> Self {
        let identity = Identity::from_seed(&[77; 32]).expect("a key");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let (id, address) = (identity.id().to_string(), socket.local_addr().expect("an address").to_string());
        let (begin, told) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (network, turn) = told.await.expect("it is told of its network");
                let endpoint = Endpoint::on(identity, socket, party::run::policy(&network)).expect("it listens");
                let serving = lie(Arc::new(endpoint), &network, turn);
                tokio::time::timeout(PATIENCE, serving).await.expect("its session ends");
            });
        });
        Self { id, address, begin, thread }
    }

    /// Takes part in one session, and lies in the message of this turn, of those in which it has anything to say.
    pub fn begin(self, network: Network, turn: usize) -> std::thread::JoinHandle<()> {
        assert!(self.begin.send((network, turn)).is_ok(), "it waits");
        self.thread
    }
}

enum Event {
    Link(Link),
    Said(PeerId, Vec<u8>),
    Ended(PeerId),
}

fn setting(network: &Network, id: PeerId) -> Setting {
    let me = network.ids().iter().position(|party| *party == id).expect("the network names it");
    let patience = Millis(u64::try_from(PATIENCE.as_millis()).expect("a minute"));
    Setting {
        me: Party::ALL[me],
        parties: network.ids(),
        clients: network.clients.clone(),
        gather: patience,
        silence: patience,
        fuel: u64::MAX,
        guarded: false,
    }
}

async fn lie(endpoint: Arc<Endpoint>, network: &Network, mut turn: usize) {
    let parties = network.ids();
    let setting = Arc::new(setting(network, endpoint.id()));
    let (say, mut said) = mpsc::channel(64);
    let arrivals = tokio::spawn(arrivals(Arc::clone(&endpoint), say.clone()));
    let mut senders: BTreeMap<PeerId, Sender> = BTreeMap::new();
    let mut gone = 0;
    let mut session: Option<(Session, [u8; SESSION])> = None;
    while let Some((event, called)) = said.recv().await {
        let (session, name) = session.get_or_insert_with(|| {
            let name = called.expect("somebody calls before anything else");
            (Session::new(Arc::clone(&setting), name, Zeroizing::new([7; 16]), now()), name)
        });
        let party = |peer: &PeerId| parties.iter().position(|id| id == peer).map(|at| Party::ALL[at]);
        let input = match event {
            Event::Link(link) => {
                let (to, from) = link.split();
                let peer = to.peer();
                senders.insert(peer, to);
                tokio::spawn(listen(peer, from, say.clone()));
                party(&peer).map(Input::Met)
            }
            Event::Said(peer, message) => Some(match party(&peer) {
                Some(party) => Input::Heard(party, Zeroizing::new(message)),
                None => Input::Asked(peer, Zeroizing::new(message)),
            }),
            Event::Ended(peer) if party(&peer).is_some() && gone == 1 => {
                arrivals.abort();
                endpoint.close().await;
                return;
            }
            Event::Ended(peer) => {
                gone += usize::from(party(&peer).is_some());
                Some(party(&peer).map_or(Input::Left(peer), Input::Lost))
            }
        };
        let mut inputs: VecDeque<Input> = input.into_iter().collect();
        while let Some(input) = inputs.pop_front() {
            for effect in session.step(now(), input) {
                match effect {
                    Effect::Meet => {
                        for peer in network.parties.iter().copied().filter(|peer| endpoint.id() < peer.id) {
                            let link = endpoint.call(name, peer, PATIENCE).await.expect("the others are there");
                            say.send((Event::Link(link), None)).await.expect("it is read below");
                        }
                    }
                    Effect::Tell(_, message) | Effect::Answer(_, message) if message[0] == ABORT => drop(message),
                    Effect::Tell(party, mut message) => {
                        if message[0] == ROUND && message.len() > 1 {
                            // Once: what follows is what an honest party would say.
                            message[1] ^= u8::from(turn == 0);
                            turn = turn.wrapping_sub(1);
                        }
                        let to = senders.get_mut(&parties[usize::from(party.number())]).expect("they have met");
                        // Whoever caught it before may be gone.
                        let _ = to.send(&message).await;
                    }
                    Effect::Answer(client, message) => {
                        if let Some(to) = senders.get_mut(&client) {
                            let _ = to.send(&message).await;
                        }
                    }
                    Effect::Part(client) => drop(senders.remove(&client)),
                    // It stays until the others have left.
                    Effect::Certify(_) | Effect::Over(_) => {}
                }
            }
        }
    }
}

type Events = mpsc::Sender<(Event, Option<[u8; SESSION]>)>;

async fn arrivals(endpoint: Arc<Endpoint>, say: Events) {
    while let Some(arrival) = endpoint.arrival().await {
        let (link, name) = arrival.welcome(PATIENCE).await.expect("nobody else knows of it");
        if say.send((Event::Link(link), Some(name))).await.is_err() {
            return;
        }
    }
}

async fn listen(peer: PeerId, mut from: net::Receiver, say: Events) {
    while let Ok(Some(message)) = from.next(MESSAGE_BYTES).await {
        if say.send((Event::Said(peer, message), None)).await.is_err() {
            return;
        }
    }
    // Nobody listens once the session is over.
    let _ = say.send((Event::Ended(peer), None)).await;
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Millis(u64::try_from(since.as_millis()).expect("64 bits"))
}

/// Reads a network's file.
pub fn network(file: &PathBuf) -> Network {
    Network::read(&std::fs::read_to_string(file).expect("the file")).expect("a network")
}
