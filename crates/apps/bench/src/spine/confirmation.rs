//! How long a sender waits for a confirmation that it can check.

use super::{ACCOUNTS, measured, runtime};
use crate::Measured;
use crate::chain::{Accounts, Plan, Signed, config, sequencer_key};
use crate::node::{self, Running};
use client::Client;
use proof::confirmation::SoftConfirmation;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use transition::{Entry, L1Rules};
use types::{Decode as _, Digest, Encode as _};

/// Requests in flight, each with a sender and a connection of its own.
const IN_FLIGHT: usize = 1_000;
/// Requests a second where the rate is fixed.
const RATE: u32 = 1_000;

/// Which of all waits is named.
const QUANTILES: [(&str, usize); 3] = [("p50", 500), ("p99", 990), ("max", 1_000)];

pub(crate) fn confirmation(quick: bool) -> Vec<Measured> {
    let (times, seconds) = if quick { (6, 4) } else { (20, 15) };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    runtime().block_on(async {
        let node = node::start(folder.path(), config(L1Rules::default())).await;
        let mut accounts = Accounts::new(ACCOUNTS);
        node.fund(&accounts).await;
        let client = Client::new(&node.url);
        let (waits, rate) = saturated(&node, &client, &mut accounts, times).await;
        let mix =
            format!("{IN_FLIGHT} senders, each sends again when its confirmation is checked: {rate:.0} transfers/s");
        let mut all = named(["spine/full-p50", "spine/full-p99", "spine/full-max"], &waits, &mix);
        let waits = paced(&node, &client, &mut accounts, seconds).await;
        let mix = format!("{RATE} single requests/s, sent by the clock and measured from when they were due");
        all.extend(named(["spine/paced-p50", "spine/paced-p99", "spine/paced-max"], &waits, &mix));
        all
    })
}

fn named(names: [&'static str; 3], waits: &[Duration], mix: &str) -> Vec<Measured> {
    let mut sorted = waits.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    let at = |thousandths: usize| sorted.get(last * thousandths / 1_000).map_or(f64::NAN, |wait| wait.as_secs_f64());
    let mix = format!("{mix}; {} confirmations, each checked as a wallet does", waits.len());
    let each = names.into_iter().zip(QUANTILES);
    each.map(|(name, (_, thousandths))| measured(name, "ms", vec![at(thousandths) * 1_000.0], &mix)).collect()
}

/// Keeps so many requests in flight. Returns the waits and the rate; each sender's first request only makes a connection.
async fn saturated(node: &Running, client: &Client, accounts: &mut Accounts, times: usize) -> (Vec<Duration>, f64) {
    let plans: Vec<Plan> =
        (0..IN_FLIGHT).flat_map(|from| (0..=times).map(move |_| from)).map(|from| accounts.plan(from)).collect();
    let signed = accounts.sign(&plans, &node.chain);
    let (mut warm, mut senders) = (JoinSet::new(), Vec::new());
    let mut signed = signed.into_iter();
    for _ in 0..IN_FLIGHT {
        let mut own: Vec<Signed> = signed.by_ref().take(times + 1).collect();
        let first = own.remove(0);
        senders.push(own);
        warm.spawn(send(client.clone(), first, node.chain));
    }
    warm.join_all().await;
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for own in senders {
        let (client, chain) = (client.clone(), node.chain);
        tasks.spawn(async move {
            let mut waits = Vec::new();
            for tx in own {
                let start = Instant::now();
                send(client.clone(), tx, chain).await;
                waits.push(start.elapsed());
            }
            waits
        });
    }
    let waits: Vec<Duration> = tasks.join_all().await.concat();
    let rate = super::count(waits.len()) / start.elapsed().as_secs_f64();
    (waits, rate)
}

/// Sends at a fixed rate, whether answers come or not.
async fn paced(node: &Running, client: &Client, accounts: &mut Accounts, seconds: u32) -> Vec<Duration> {
    let total = usize::try_from(RATE * seconds).expect("a small number");
    // No sender comes again before its last request was long answered.
    let plans: Vec<Plan> = (0..total).map(|at| accounts.plan(at % ACCOUNTS)).collect();
    let signed = accounts.sign(&plans, &node.chain);
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (at, tx) in (0u32..).zip(signed) {
        let due = start + Duration::from_secs(1) * at / RATE;
        tokio::time::sleep_until(due.into()).await;
        let (client, chain) = (client.clone(), node.chain);
        tasks.spawn(async move {
            send(client, tx, chain).await;
            due.elapsed()
        });
    }
    tasks.join_all().await
}

/// Sends a transfer and checks its confirmation.
async fn send(client: Client, tx: Signed, chain: Digest) {
    let confirmation = client.submit(tx.bytes.to_vec()).await.expect("the gateway answers");
    assert!(confirmation.receipt.is_applied(), "the transfer is applied");
    assert_eq!(confirmation.id, tx.transaction.id(&chain), "the transfer is answered");
    let soft = SoftConfirmation::from_bytes(&confirmation.soft.0).expect("the sequencer's word reads");
    let entry = Entry::Transaction(tx.bytes).to_bytes();
    assert_eq!(*soft.receipt, *confirmation.receipt.to_bytes(), "the receipt is the confirmed one");
    assert!(soft.confirms(&entry, &sequencer_key().public(), &chain), "the sequencer signed it");
}
