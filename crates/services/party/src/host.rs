//! A party of many committees: sessions are opened by invitation, each with its own members and clients.
//!
//! Members and clients of a session may call before this party was told of it: links wait for a while.

use crate::core::Setting;
use crate::message::Reason;
use crate::run::{ARRIVING, Event, Ground, INTRODUCTION, WAITING, refuse, run};
use crate::seal::Receipt;
use net::{Endpoint, Link, Peer, SESSION};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Most sessions that are open at one time.
const SESSIONS: usize = 64;
/// Most links that wait for their session.
const EARLY: usize = 256;
/// How long a link waits for its session.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session to take part in.
pub struct Invitation {
    /// Its name.
    pub name: [u8; SESSION],
    /// What this party knows before.
    pub setting: Setting,
    /// The members, in order.
    pub peers: Vec<Peer>,
}

type Answer = oneshot::Sender<Result<Receipt, Reason>>;

/// A session cannot be opened now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service is gone.
    #[error("the party's service has stopped: start the provider again")]
    Stopped,
    /// There are too many sessions, or it is one of them.
    #[error("this party has as many sessions as it takes, or this one already: try again later")]
    Busy,
}

/// Speaks to a running party. Cheap to clone.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<(Invitation, Answer)>);

impl Handle {
    /// Takes part in a session, and returns what all three certify, or why it ended early.
    ///
    /// # Errors
    /// When it was not begun.
    pub async fn take_part(&self, invitation: Invitation) -> Result<Result<Receipt, Reason>, Error> {
        let (answer, answered) = oneshot::channel();
        self.0.send((invitation, answer)).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Busy)
    }
}

/// Starts a party behind an endpoint that lets anybody in; who may do what is each session's to say. It runs until the
/// last handle is gone and the last session is over.
pub fn start(endpoint: Arc<Endpoint>) -> (Handle, impl Future<Output = ()> + Send) {
    let (sender, invitations) = mpsc::channel(WAITING);
    let hall = Hall { endpoint, sessions: BTreeMap::new(), running: JoinSet::new(), early: VecDeque::new() };
    (Handle(sender), hall.serve(invitations))
}

struct Hall {
    endpoint: Arc<Endpoint>,
    sessions: BTreeMap<[u8; SESSION], mpsc::Sender<Event>>,
    running: JoinSet<()>,
    early: VecDeque<(Instant, [u8; SESSION], Link)>,
}

impl Hall {
    async fn serve(mut self, mut invitations: mpsc::Receiver<(Invitation, Answer)>) {
        let mut arriving: JoinSet<Option<(Link, [u8; SESSION])>> = JoinSet::new();
        loop {
            tokio::select! {
                invited = invitations.recv() => {
                    let Some((invitation, answer)) = invited else { break };
                    self.open(invitation, answer);
                }
                arrival = self.endpoint.arrival(), if arriving.len() < ARRIVING => {
                    let Some(arrival) = arrival else { break };
                    arriving.spawn(async move {
                        let welcomed = arrival.welcome(INTRODUCTION).await;
                        welcomed.inspect_err(|error| tracing::info!(error = %types::Causes(error), "not let in")).ok()
                    });
                }
                Some(arrived) = arriving.join_next() => {
                    if let Ok(Some((link, name))) = arrived {
                        self.admit(link, name);
                    }
                }
                Some(_) = self.running.join_next() => self.sessions.retain(|_, events| !events.is_closed()),
            }
        }
        while self.running.join_next().await.is_some() {}
        self.endpoint.close().await;
    }

    fn open(&mut self, invitation: Invitation, answer: Answer) {
        self.sessions.retain(|_, events| !events.is_closed());
        let Invitation { name, setting, peers } = invitation;
        if self.sessions.len() >= SESSIONS || self.sessions.contains_key(&name) {
            // Whoever waits for the answer learns from its absence.
            return;
        }
        let (events, inbox) = mpsc::channel(WAITING);
        let ground = Ground { setting: Arc::new(setting), endpoint: Arc::clone(&self.endpoint), peers };
        self.sessions.insert(name, events.clone());
        self.running.spawn(async move {
            let me = ground.setting.me;
            let ended = run(ground, name, events, inbox).await;
            // A session that nobody came to is over without a word; nobody is waited for any more.
            let ended = ended.and_then(|receipt| receipt.ok_or(Reason::Closed(me.number())));
            drop(answer.send(ended));
        });
        for (since, other, link) in std::mem::take(&mut self.early) {
            if other == name {
                self.admit(link, name);
            } else {
                self.early.push_back((since, other, link));
            }
        }
    }

    fn admit(&mut self, link: Link, name: [u8; SESSION]) {
        if let Some(events) = self.sessions.get(&name).filter(|events| !events.is_closed()) {
            // A session with so much before it that it has no room for a link does without.
            drop(events.try_send(Event::Link(link)));
            return;
        }
        // Who waited too long is let go of.
        self.early.retain(|(since, ..)| since.elapsed() < PATIENCE);
        if self.early.len() < EARLY {
            self.early.push_back((Instant::now(), name, link));
        } else {
            self.running.spawn(refuse(link));
        }
    }
}
