//! Sending many signed transactions: some requests at one time, each account's transactions in their order.
//!
//! Every account belongs to one lane, a lane has one request on its way, and no request holds two transactions of one
//! account: so whatever is to be sent again goes before what comes after it.

use super::plan::{Crowd, Intent};
use super::progress::Progress;
use crate::error::Error;
use api::bulk::{self, Outcome};
use client::Client;
use crypto::account::PublicKey;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use transition::{Action, Status, Transaction};
use types::{Digest, Encode as _, Height, TransactionId};

/// Most transactions in one request.
const REQUEST: usize = 512;
/// How long to wait before what was not taken is sent again.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a lane goes on when nothing of it is taken.
const PATIENCE: Duration = Duration::from_secs(120);

/// A signed transaction, ready to be sent.
pub struct Signed {
    /// The place of its intent.
    pub intent: usize,
    /// Its id.
    pub id: TransactionId,
    /// Its bytes.
    pub bytes: Box<[u8]>,
    sender: usize,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in a block and was applied.
    Applied,
    /// It is in a block and was rejected, with this code.
    Rejected(u32),
    /// It is in no block and used no nonce up.
    Refused(u32),
}

/// A transaction that was answered.
pub struct Done {
    /// The transaction.
    pub signed: Signed,
    /// What became of it.
    pub fate: Fate,
    /// Its block; zero when it is in none.
    pub height: Height,
    /// From its first sending to its answer.
    pub latency: Duration,
}

/// Signs on all processors. `nonces` has the next nonce of each account and moves on.
pub async fn sign(
    crowd: &Arc<Crowd>,
    chain: Digest,
    nonces: &mut [u64],
    intents: &[Intent],
) -> Result<Vec<Signed>, Error> {
    let mut waiting: Vec<(usize, usize, u64, Action)> = Vec::with_capacity(intents.len());
    for (at, intent) in intents.iter().enumerate() {
        let action = crowd.action(&intent.deed).map_err(|error| Error::failed(error.to_string()))?;
        let Some(action) = action else { continue };
        waiting.push((at, intent.sender, nonces[intent.sender], action));
        nonces[intent.sender] += 1;
    }
    let share = waiting.len().div_ceil(std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    let mut parts = Vec::new();
    while !waiting.is_empty() {
        let part = waiting.split_off(waiting.len().saturating_sub(share));
        let crowd = Arc::clone(crowd);
        parts.push(tokio::task::spawn_blocking(move || {
            let one = |(intent, sender, nonce, action)| {
                let tx = Transaction::sign(&crowd.keys[sender], &chain, nonce, action);
                Signed { intent, id: tx.id(&chain), bytes: tx.to_bytes().into(), sender }
            };
            part.into_iter().map(one).collect::<Vec<_>>()
        }));
    }
    let mut signed = Vec::with_capacity(intents.len());
    // The last part was taken first.
    for part in parts.into_iter().rev() {
        signed.extend(part.await.map_err(Error::role)?);
    }
    Ok(signed)
}

/// Lets so many transactions pass in a second.
struct Pace {
    each: Duration,
    next: tokio::sync::Mutex<Instant>,
}

impl Pace {
    async fn wait(&self, count: usize) {
        let until = {
            let mut next = self.next.lock().await;
            let from = (*next).max(Instant::now());
            *next = from + self.each * u32::try_from(count).unwrap_or(u32::MAX);
            from
        };
        tokio::time::sleep_until(until.into()).await;
    }
}

/// A transaction of a lane, with when it was sent first.
struct Item {
    signed: Signed,
    since: Option<Instant>,
}

/// Where transactions are sent.
#[derive(Clone)]
pub struct Lanes {
    client: Client,
    chain: Digest,
    sequencer: PublicKey,
    in_flight: usize,
    pace: Option<Arc<Pace>>,
    progress: Progress,
}

impl Lanes {
    /// Sends to a gateway, with so many requests on their way at one time, and at most `rate` transactions a second.
    pub fn new(
        client: Client,
        config: &transition::ChainConfig,
        in_flight: usize,
        rate: Option<u32>,
        progress: Progress,
    ) -> Self {
        let pace = |rate: u32| Pace {
            each: Duration::from_secs(1) / rate.max(1),
            next: tokio::sync::Mutex::new(Instant::now()),
        };
        let pace = rate.map(pace).map(Arc::new);
        Self { client, chain: config.hash(), sequencer: config.sequencer.clone(), in_flight, pace, progress }
    }

    /// Sends everything and returns what became of each.
    pub async fn send(&self, all: Vec<Signed>) -> Result<Vec<Done>, Error> {
        let mut lanes: Vec<VecDeque<Item>> = Vec::new();
        lanes.resize_with(self.in_flight, VecDeque::new);
        for signed in all {
            lanes[signed.sender % self.in_flight].push_back(Item { signed, since: None });
        }
        let drive = |lane| self.clone().drive(lane);
        Ok(self.progress.each(self.in_flight, lanes, drive).await?.into_iter().flatten().collect())
    }

    async fn drive(self, mut lane: VecDeque<Item>) -> Result<Vec<Done>, Error> {
        let (mut done, mut moved) = (Vec::new(), Instant::now());
        while !lane.is_empty() {
            let mut request = take(&mut lane);
            if let Some(pace) = &self.pace {
                pace.wait(request.len()).await;
            }
            let now = Instant::now();
            request.iter_mut().for_each(|item| item.since = item.since.or(Some(now)));
            let before = done.len();
            for (item, outcome) in self.ask(request).await?.into_iter().rev() {
                match settle(item, outcome)? {
                    Ok(answered) => done.push(answered),
                    Err(item) => lane.push_front(item),
                }
            }
            self.progress.add(done.len() - before);
            if done.len() > before {
                moved = Instant::now();
            } else if moved.elapsed() > PATIENCE {
                return Err(Error::failed("the network takes no transactions: look at its log, then run this again"));
            } else {
                tokio::time::sleep(AGAIN).await;
            }
        }
        Ok(done)
    }

    /// Sends a request. When it is answered as a whole that the network is busy, so is everything in it: bytes that
    /// arrived all the same are answered like the first time when they come again.
    async fn ask(&self, request: Vec<Item>) -> Result<Vec<(Item, Outcome)>, Error> {
        let bytes = request.iter().map(|item| item.signed.bytes.clone()).collect();
        let answer = match self.client.submit_all(bytes).await {
            Ok(answer) => answer,
            Err(client::Error::Refused(failure)) if failure.code == 0 => {
                return Ok(request.into_iter().map(|item| (item, Outcome::Busy(0))).collect());
            }
            Err(error) => return Err(error.into()),
        };
        if !answer.blocks.iter().all(|block| block.is_signed_by(&self.sequencer, &self.chain)) {
            return Err(client::Error::Lied("the sequencer did not sign a block").into());
        }
        Ok(request.into_iter().zip(answer.outcomes).collect())
    }
}

/// Takes the next request from a lane: up to the first account that would be in it twice.
fn take(lane: &mut VecDeque<Item>) -> Vec<Item> {
    let (mut request, mut senders) = (Vec::new(), BTreeSet::new());
    while request.len() < REQUEST.min(bulk::TRANSACTIONS)
        && let Some(item) = lane.pop_front()
    {
        if !senders.insert(item.signed.sender) {
            lane.push_front(item);
            break;
        }
        request.push(item);
    }
    request
}

/// Returns what became of a transaction, or the transaction when it is to be sent again.
fn settle(item: Item, outcome: Outcome) -> Result<Result<Done, Item>, Error> {
    let latency = item.since.map_or(Duration::ZERO, |since| since.elapsed());
    let (fate, height) = match outcome {
        Outcome::Busy(_) => return Ok(Err(item)),
        Outcome::Refused(code) => (Fate::Refused(code), Height(0)),
        Outcome::Placed(placed) if placed.id != item.signed.id => {
            return Err(client::Error::Lied("another transaction was answered").into());
        }
        Outcome::Placed(placed) => match placed.status {
            Status::Applied(_) => (Fate::Applied, placed.height),
            Status::Rejected(code) => (Fate::Rejected(code), placed.height),
        },
    };
    Ok(Ok(Done { signed: item.signed, fate, height, latency }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sender: usize, intent: usize) -> Item {
        let signed = Signed { intent, id: TransactionId(Digest::ZERO), bytes: Box::default(), sender };
        Item { signed, since: None }
    }

    #[test]
    fn what_is_sent_again_stays_before_what_follows_it() {
        let mut lane: VecDeque<Item> = [(1, 0), (2, 1), (1, 2), (2, 3), (1, 4)].map(|(s, i)| item(s, i)).into();
        let mut sent = Vec::new();
        let mut busy = [1].into_iter().collect::<BTreeSet<_>>();
        while !lane.is_empty() {
            let request = take(&mut lane);
            let senders: BTreeSet<_> = request.iter().map(|item| item.signed.sender).collect();
            assert_eq!(senders.len(), request.len(), "nobody is twice in a request");
            for item in request.into_iter().rev() {
                let outcome = if busy.remove(&item.signed.intent) { Outcome::Busy(0) } else { Outcome::Refused(5) };
                match settle(item, outcome).unwrap() {
                    Ok(done) => sent.push((done.signed.sender, done.signed.intent)),
                    Err(item) => lane.push_front(item),
                }
            }
        }
        let of = |who| sent.iter().filter(|(sender, _)| *sender == who).map(|(_, at)| *at).collect::<Vec<_>>();
        assert_eq!((of(1), of(2)), (vec![0, 2, 4], vec![1, 3]));
    }

    #[test]
    fn an_answer_about_another_transaction_is_a_lie() {
        let other = TransactionId(Digest::new([1, 0, 0, 0]).unwrap());
        let placed = |id| bulk::Placed { id, height: Height(1), position: 0, status: Status::Applied(0) };
        assert!(settle(item(0, 0), Outcome::Placed(placed(other))).is_err());
        let done = settle(item(0, 0), Outcome::Placed(placed(TransactionId(Digest::ZERO)))).unwrap();
        assert!(done.is_ok_and(|done| done.fate == Fate::Applied && done.height == Height(1)));
    }
}
