//! Carries a party's sessions: takes links, starts sessions, does what they want done.

use crate::core::{Effect, Input, Session, Setting};
use crate::message::{Bytes, JOIN_BYTES, Message, Reason, Refusal};
use crate::network::{Clients, Network};
use crate::seal::Receipt;
use mpc::{Parties, Party};
use net::{Endpoint, Guests, Link, MESSAGE_BYTES, Peer, PeerId, Policy, Receiver, SESSION, Sender};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use types::Millis;
use zeroize::Zeroizing;

/// Most links that are being made at one time.
pub(crate) const ARRIVING: usize = 64;
/// How long a caller has to say who it is and what for.
pub(crate) const INTRODUCTION: Duration = Duration::from_secs(10);
/// Messages that wait for a session.
pub(crate) const WAITING: usize = 64;
/// How long the last messages of a session may take.
const PARTING: Duration = Duration::from_secs(5);

/// The network's file names other keys.
#[derive(Debug, thiserror::Error)]
#[error("the network names no party with the id {0}: add it, or use the identity that it names")]
pub struct Stranger(PeerId);

/// Returns whom a party of this network lets in.
pub fn policy(network: &Network) -> Policy {
    let guests = match &network.clients {
        Clients::Anybody => Guests::Anybody,
        Clients::Named(named) => Guests::Only(network.ids().into_iter().chain(named.values().copied()).collect()),
    };
    Policy { guests, idle: network.bounds.gone() }
}

/// Serves sessions until it is told to stop; then ends those that are open, and says so to their other members.
///
/// # Errors
/// When the endpoint's key is no party's.
pub async fn serve(endpoint: Arc<Endpoint>, network: &Network, stop: impl Future<Output = ()>) -> Result<(), Stranger> {
    let me = endpoint.id();
    let number = network.ids().iter().position(|id| *id == me);
    let me =
        Parties::new(network.parties.len()).and_then(|parties| Party::all(parties).nth(number?)).ok_or(Stranger(me))?;
    let millis = |time: Duration| Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let setting = Setting {
        me,
        parties: network.ids(),
        clients: network.clients.clone(),
        gather: millis(network.bounds.gather()),
        silence: millis(network.bounds.silence()),
        fuel: network.bounds.fuel,
        guarded: network.malicious,
    };
    let ground = Ground { setting: Arc::new(setting), endpoint: Arc::clone(&endpoint), peers: network.parties.clone() };
    let mut sessions: BTreeMap<[u8; SESSION], mpsc::Sender<Event>> = BTreeMap::new();
    let mut running: JoinSet<()> = JoinSet::new();
    let mut arriving: JoinSet<Option<(Link, [u8; SESSION])>> = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            arrival = endpoint.arrival(), if arriving.len() < ARRIVING => {
                let Some(arrival) = arrival else { break };
                arriving.spawn(async move {
                    let welcomed = arrival.welcome(INTRODUCTION).await;
                    welcomed.inspect_err(|error| tracing::info!(error = %types::Causes(error), "not let in")).ok()
                });
            }
            Some(arrived) = arriving.join_next() => {
                if let Ok(Some((link, name))) = arrived {
                    let known = sessions.get(&name).filter(|events| !events.is_closed());
                    let events = match known {
                        Some(events) => events.clone(),
                        None if sessions.len() >= network.bounds.sessions => {
                            running.spawn(refuse(link));
                            continue;
                        }
                        None => {
                            let (events, inbox) = mpsc::channel(WAITING);
                            sessions.insert(name, events.clone());
                            let (ground, own) = (ground.clone(), events.clone());
                            running.spawn(async move { drop(run(ground, name, own, inbox).await) });
                            events
                        }
                    };
                    // A session with so much before it that it has no room for a link does without.
                    drop(events.try_send(Event::Link(link)));
                }
            }
            Some(_) = running.join_next() => sessions.retain(|_, events| !events.is_closed()),
        }
    }
    for events in sessions.into_values() {
        drop(events.try_send(Event::Stop));
    }
    while running.join_next().await.is_some() {}
    endpoint.close().await;
    Ok(())
}

pub(crate) async fn refuse(link: Link) {
    let (mut to, _from) = link.split();
    let parting = async {
        if to.send(&Message::Abort(Reason::Refused(Refusal::Busy)).write()).await.is_ok() {
            to.finish().await;
        }
    };
    // Who does not listen is not told.
    let _ = tokio::time::timeout(PARTING, parting).await;
}

/// What every session of a party has.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) setting: Arc<Setting>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peers: Vec<Peer>,
}

pub(crate) enum Event {
    Link(Link),
    Said(PeerId, Bytes),
    Ended(PeerId),
    Stop,
}

/// The links of a session.
struct Links {
    ground: Ground,
    name: [u8; SESSION],
    events: mpsc::Sender<Event>,
    senders: BTreeMap<PeerId, Sender>,
    tasks: JoinSet<()>,
    parting: JoinSet<()>,
}

/// Runs one session to its end. Gives the receipt, if it came to one, or why it ended early.
pub(crate) async fn run(
    ground: Ground,
    name: [u8; SESSION],
    events: mpsc::Sender<Event>,
    mut inbox: mpsc::Receiver<Event>,
) -> Result<Option<Receipt>, Reason> {
    let mut key = Zeroizing::new([0; 16]);
    if getrandom::fill(&mut key[..]).is_err() {
        tracing::error!("the system gave no random numbers");
        return Err(Reason::Closed(ground.setting.me.number()));
    }
    let mut session = Session::new(Arc::clone(&ground.setting), name, key, now());
    let mut links =
        Links { ground, name, events, senders: BTreeMap::new(), tasks: JoinSet::new(), parting: JoinSet::new() };
    let mut receipt = None;
    let ended = loop {
        let wait = Duration::from_millis(session.deadline().0.saturating_sub(now().0));
        let event = tokio::time::timeout(wait, inbox.recv()).await;
        let input = match event {
            Ok(Some(event)) => links.input(event),
            Ok(None) => break Ok(()),
            Err(_) => Some(Input::Tick),
        };
        let mut inputs: VecDeque<Input> = input.into_iter().collect();
        let mut ended = None;
        while let Some(input) = inputs.pop_front() {
            for effect in session.step(now(), input) {
                match effect {
                    Effect::Over(how) => ended = Some(how),
                    Effect::Certify(certified) => receipt = Some(*certified),
                    other => inputs.extend(links.perform(other).await),
                }
            }
        }
        if let Some(how) = ended {
            break how;
        }
    };
    inbox.close();
    let id = short(&name);
    match &ended {
        Ok(()) => tracing::info!(session = id, "session over"),
        Err(reason) => tracing::warn!(session = id, %reason, "session aborted"),
    }
    links.part().await;
    ended.map(|()| receipt)
}

impl Links {
    /// Turns what happened into what the session is told.
    fn input(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Link(link) => {
                let (to, from) = link.split();
                let peer = to.peer();
                // A second link of one peer is none.
                if self.senders.contains_key(&peer) {
                    return None;
                }
                self.senders.insert(peer, to);
                let longest = if self.party(&peer).is_some() { MESSAGE_BYTES } else { JOIN_BYTES };
                self.tasks.spawn(listen(peer, from, longest, self.events.clone()));
                self.party(&peer).map(Input::Met)
            }
            Event::Said(peer, message) => Some(match self.party(&peer) {
                Some(party) => Input::Heard(party, message),
                None => Input::Asked(peer, message),
            }),
            Event::Ended(peer) => {
                self.senders.remove(&peer);
                Some(self.lost(&peer))
            }
            Event::Stop => Some(Input::Stop),
        }
    }

    fn lost(&self, peer: &PeerId) -> Input {
        self.party(peer).map_or(Input::Left(*peer), Input::Lost)
    }

    fn party(&self, peer: &PeerId) -> Option<Party> {
        let at = self.ground.setting.parties.iter().position(|id| id == peer)?;
        Party::all(self.ground.setting.me.among()).nth(at)
    }

    /// Does what the session wants done, and returns what came of it.
    async fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Meet => {
                tracing::info!(session = short(&self.name), "session begins");
                self.meet();
                None
            }
            Effect::Tell(party, message) => {
                let peer = self.ground.setting.parties[party.index()];
                self.send(peer, &message).await
            }
            Effect::Answer(client, message) => self.send(client, &message).await,
            Effect::Part(client) => {
                let sender = self.senders.remove(&client)?;
                self.parting.spawn(sender.finish());
                None
            }
            Effect::Certify(_) | Effect::Over(_) => None,
        }
    }

    async fn send(&mut self, peer: PeerId, message: &[u8]) -> Option<Input> {
        let silence = Duration::from_millis(self.ground.setting.silence.0);
        let sender = self.senders.get_mut(&peer)?;
        match tokio::time::timeout(silence, sender.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) | Err(_) => {
                self.senders.remove(&peer);
                Some(self.lost(&peer))
            }
        }
    }

    /// Calls the parties that wait to be called: of two the one with the smaller key calls.
    fn meet(&mut self) {
        let me = self.ground.endpoint.id();
        for peer in self.ground.peers.iter().copied().filter(|peer| me < peer.id) {
            let (endpoint, name, events) = (Arc::clone(&self.ground.endpoint), self.name, self.events.clone());
            let patience = Duration::from_millis(self.ground.setting.silence.0);
            self.tasks.spawn(async move {
                let event = match endpoint.call(&name, peer, patience).await {
                    Ok(link) => Event::Link(link),
                    Err(error) => {
                        tracing::warn!(error = %types::Causes(&error), "a party was not met");
                        Event::Ended(peer.id)
                    }
                };
                // A session that is over has no use for it.
                drop(events.send(event).await);
            });
        }
    }

    /// Lets what was sent arrive, and ends all links.
    async fn part(mut self) {
        for sender in std::mem::take(&mut self.senders).into_values() {
            self.parting.spawn(sender.finish());
        }
        // Who does not listen any more is not waited for longer.
        let _ = tokio::time::timeout(PARTING, async { while self.parting.join_next().await.is_some() {} }).await;
    }
}

async fn listen(peer: PeerId, mut from: Receiver, longest: usize, events: mpsc::Sender<Event>) {
    loop {
        let (event, is_last) = match from.next(longest).await {
            Ok(Some(message)) => (Event::Said(peer, message.into()), false),
            Ok(None) => (Event::Ended(peer), true),
            Err(error) => {
                tracing::info!(error = %types::Causes(&error), "a link ended");
                (Event::Ended(peer), true)
            }
        };
        if events.send(event).await.is_err() || is_last {
            return;
        }
    }
}

/// Returns the beginning of a session's name, for the log.
fn short(name: &[u8; SESSION]) -> String {
    name.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
