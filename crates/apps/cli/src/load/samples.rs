//! A few of the transactions and balances, checked as anybody would who trusts nobody.

use super::audit::{Check, Replay};
use super::book::{Book, Purse};
use super::lanes::{Done, Fate};
use super::plan::Crowd;
use super::progress::Progress;
use crate::error::Error;
use crate::{market, verify};
use client::Client;
use crypto::account::PublicKey;
use proof::Anchor;
use std::sync::Arc;
use transition::{Entry, Receipt, Status};
use types::{AccountId, Decode as _, Digest, Encode as _, Height, TransactionId};

/// How many are asked for at one time.
const AT_ONCE: usize = 16;

/// A transaction that is looked at again.
#[derive(Clone)]
pub struct Sample {
    id: TransactionId,
    bytes: Box<[u8]>,
    fate: Fate,
    height: Height,
}

/// Picks some of what was sent, evenly.
pub fn pick(done: &[Done], count: usize) -> Vec<Sample> {
    let placed: Vec<&Done> = done.iter().filter(|each| !matches!(each.fate, Fate::Refused(_))).collect();
    let step = placed.len().div_ceil(count.max(1)).max(1);
    let sample = |each: &&Done| Sample {
        id: each.signed.id,
        bytes: each.signed.bytes.clone(),
        fate: each.fate,
        height: each.height,
    };
    placed.iter().step_by(step).take(count).map(sample).collect()
}

fn fits(fate: Fate, receipt: &[u8]) -> bool {
    Receipt::from_bytes(receipt).is_ok_and(|receipt| match (receipt.status, fate) {
        (Status::Applied(_), Fate::Applied) => true,
        (Status::Rejected(code), Fate::Rejected(said)) => code == said,
        _ => false,
    })
}

/// Checks the sequencer's word on each: its signature, the path to the block, and that it says what it said at once.
pub async fn confirmations(
    client: &Client,
    sequencer: &PublicKey,
    chain: Digest,
    samples: &[Sample],
    progress: &Progress,
) -> Result<Check, Error> {
    progress.begin("confirmations checked", samples.len());
    let sequencer = Arc::new(sequencer.clone());
    let one = |sample: Sample| {
        let (client, sequencer, progress) = (client.clone(), Arc::clone(&sequencer), progress.clone());
        async move {
            let soft = client.confirmation(&sample.id).await?;
            progress.add(1);
            let entry = Entry::Transaction(sample.bytes).to_bytes();
            let same = soft.block.header.height == sample.height && fits(sample.fate, &soft.receipt);
            Ok(same && soft.confirms(&entry, &sequencer, &chain))
        }
    };
    let held = progress.each(AT_ONCE, samples.to_vec(), one).await?;
    Ok(Check::new("confirmations that hold", samples.len(), held.iter().filter(|held| **held).count()))
}

/// Checks the proof of each receipt: two paths and the committee's signatures. Their batches must have settled.
pub async fn receipts(
    client: &Client,
    anchor: &Anchor,
    samples: &[Sample],
    progress: &Progress,
) -> Result<Check, Error> {
    progress.begin("proofs of receipts checked", samples.len());
    let anchor = Arc::new(anchor.clone());
    let one = |sample: Sample| {
        let (client, anchor, progress) = (client.clone(), Arc::clone(&anchor), progress.clone());
        async move {
            let proven = client.proof(&sample.id).await?;
            progress.add(1);
            let Ok(checked) = verify::check(&proven, &anchor) else { return Ok(false) };
            let entry = Entry::Transaction(sample.bytes).to_bytes();
            Ok(*checked.proof.entry == *entry && fits(sample.fate, &checked.proof.receipt))
        }
    };
    let held = progress.each(AT_ONCE, samples.to_vec(), one).await?;
    Ok(Check::new("proofs of receipts that hold", samples.len(), held.iter().filter(|held| **held).count()))
}

/// Checks the proofs of some accounts' money: each leads to a root that the replay gives, of a block that is settled, and
/// shows what the book says.
pub async fn balances(
    client: &Client,
    book: &Book,
    crowd: &Crowd,
    replay: &mut Replay,
    count: usize,
    progress: &Progress,
) -> Result<Check, Error> {
    let step = crowd.ids.len().div_ceil(count.max(1)).max(1);
    let picked: Vec<(usize, AccountId)> = crowd.ids.iter().copied().enumerate().step_by(step).take(count).collect();
    progress.begin("proofs of balances checked", picked.len());
    let asset = crowd.asset(Purse::Money);
    let one = |(who, account): (usize, AccountId)| {
        let (client, progress) = (client.clone(), progress.clone());
        async move {
            let proof = client.balance(account, asset).await?;
            progress.add(1);
            Ok((who, proof))
        }
    };
    let (total, proofs) = (picked.len(), progress.each(AT_ONCE, picked, one).await?);
    // Others may have made blocks since; their batch must settle too.
    if let Some(newest) = proofs.iter().map(|(_, proof)| proof.block.height).max() {
        let view = market::settled(client, newest).await?;
        replay.run_to(client, view.batch.last, progress).await?;
    }
    let holds = |(who, proof): &&(usize, api::BalanceProof)| {
        let known = replay.root_at(proof.block.height) == Some(proof.block.state_root);
        known && i128::from(proof.amount.quanta()) == book.balance(*who, Purse::Money)
    };
    Ok(Check::new("proofs of balances that hold", total, proofs.iter().filter(holds).count()))
}
