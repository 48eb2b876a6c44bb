//! Carries a client's side of a session over the network.

use crate::client::{Failure, Outcome, Visit};
use crate::message::{ANSWER_BYTES, Bytes};
use net::{Endpoint, Peer, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Messages that wait to be looked at.
const WAITING: usize = 16;
/// How long leaving in order may take.
const PARTING: Duration = Duration::from_secs(2);

enum Event {
    Met(Sender),
    Said(u8, Bytes),
    Gone(u8, String),
}

/// Goes through a session with the parties. What `watch` gives is a party that is known to be gone by other means.
///
/// # Errors
/// When the session is over without an outcome.
pub async fn visit(
    endpoint: Arc<Endpoint>,
    parties: Vec<Peer>,
    (mut visit, joins): (Visit, Vec<Bytes>),
    patience: Duration,
    watch: impl Future<Output = (u8, String)>,
) -> Result<Outcome, Failure> {
    let (say, mut said) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    for ((number, peer), join) in (0_u8..).zip(parties).zip(joins) {
        let (endpoint, session, say) = (Arc::clone(&endpoint), *visit.session(), say.clone());
        tasks.spawn(async move {
            let met = async {
                let (mut to, from) = endpoint.call(&session, peer, patience).await?.split();
                to.send(&join).await?;
                Ok((to, from))
            };
            match met.await {
                Ok((to, from)) => {
                    // Nobody listens once the session is over.
                    let _ = say.send(Event::Met(to)).await;
                    listen(number, from, &say).await;
                }
                Err(error) => drop(say.send(gone(number, &error)).await),
            }
        });
    }
    let mut senders: Vec<Sender> = Vec::new();
    tokio::pin!(watch);
    let ended = loop {
        let event = tokio::select! {
            event = said.recv() => event.expect("the sender is kept here"),
            (party, why) = &mut watch => break Err(Failure::Gone { party, why }),
        };
        match event {
            Event::Met(sender) => senders.push(sender),
            Event::Said(party, message) => match visit.hear(party, &message) {
                Ok(None) => {}
                Ok(Some(outcome)) => break Ok(outcome),
                Err(failure) => break Err(failure),
            },
            Event::Gone(party, _) if visit.is_answered(party) => {}
            Event::Gone(party, why) => break Err(Failure::Gone { party, why }),
        }
    };
    let parting = async {
        for mut sender in senders {
            if let Err(failure) = &ended {
                // Whoever is gone need not be told.
                let _ = sender.send(&failure.farewell(visit.names())).await;
            }
            sender.finish().await;
        }
    };
    // Parties that do not answer are left without a word.
    let _ = tokio::time::timeout(PARTING, parting).await;
    ended
}

async fn listen(party: u8, mut from: Receiver, say: &mpsc::Sender<Event>) {
    loop {
        let (event, is_last) = match from.next(ANSWER_BYTES).await {
            Ok(Some(message)) => (Event::Said(party, message.into()), false),
            Ok(None) => (Event::Gone(party, "it ended the link".into()), true),
            Err(error) => (gone(party, &error), true),
        };
        if say.send(event).await.is_err() || is_last {
            return;
        }
    }
}

fn gone(party: u8, error: &net::Error) -> Event {
    Event::Gone(party, types::Causes(error).to_string())
}
