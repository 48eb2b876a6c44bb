//! Routes that hand out the chain in order: blocks, receipts, batches. Whoever follows it asks again from where an
//! answer ended.

use crate::answer::{Fault, bytes};
use crate::port::Node;
use crate::read::{Answer, NOT_SEALED};
use crate::run::Gateway;
use api::{
    BatchView, Batches, BlockView, Blocks, FEED, FEED_BYTES, Hex, PAGE_LOOKS, Page, ProofView, Receipts, SettlementView,
};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use std::time::Duration;
use store::{ProofCost, Store};
use transition::Batch;
use types::{Encode as _, Height};

/// Longest wait for a block, in milliseconds.
const WAIT_MS_MAX: u64 = 10_000;

const NO_BLOCK: &str = "there is no such block yet: check the height, or wait for it";
const NO_BATCH: &str = "no such batch is sealed: check the number";

#[derive(Deserialize)]
pub(crate) struct Feed {
    from: u64,
    count: Option<usize>,
    #[serde(default)]
    wait_ms: u64,
}

/// What an answer has room for. The first thing always fits.
struct Room {
    count: usize,
    bytes: usize,
    is_empty: bool,
}

impl Room {
    fn new(count: Option<usize>) -> Self {
        Self { count: count.unwrap_or(FEED).clamp(1, FEED), bytes: FEED_BYTES, is_empty: true }
    }

    /// Says whether one more thing of this length fits, and makes it fit.
    fn takes(&mut self, bytes: usize) -> bool {
        let fits = self.count > 0 && (self.is_empty || bytes <= self.bytes);
        if fits {
            (self.count, self.bytes, self.is_empty) = (self.count - 1, self.bytes.saturating_sub(bytes), false);
        }
        fits
    }

    fn is_full(&self) -> bool {
        self.count == 0
    }
}

/// Reads blocks from a height on, as many as fit.
fn blocks_from(store: &Store, from: u64, last: u64, mut room: Room) -> Result<Blocks, store::Error> {
    let (mut blocks, mut next) = (Vec::new(), from);
    while next <= last && !room.is_full() {
        let Some(block) = store.block(Height(next))? else { break };
        let block = block.to_bytes();
        if !room.takes(block.len()) {
            break;
        }
        blocks.push(Hex(block));
        next += 1;
    }
    Ok(Blocks { blocks, next: Height(next) })
}

pub(crate) async fn blocks<N: Node>(State(gateway): State<Gateway<N>>, Query(feed): Query<Feed>) -> Answer<Blocks> {
    let mut head = gateway.node.head();
    let wait = Duration::from_millis(feed.wait_ms.min(WAIT_MS_MAX));
    // Nothing new within the wait, or a node that shuts down: either way what there is is the answer.
    let _ = tokio::time::timeout(wait, head.wait_for(|height| height.0 >= feed.from)).await;
    let (from, last, room) = (feed.from.max(1), head.borrow().0, Room::new(feed.count));
    Ok(Json(gateway.blocking(move |store| blocks_from(store, from, last, room)).await?))
}

pub(crate) async fn block<N: Node>(State(gateway): State<Gateway<N>>, Path(height): Path<Height>) -> Answer<BlockView> {
    let found = gateway.blocking(move |store| store.block(height)).await?;
    let block = found.ok_or_else(|| Fault::missing(NO_BLOCK))?;
    Ok(Json(BlockView { block: Hex(block.to_bytes()), header: block.header }))
}

pub(crate) async fn receipts<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(height): Path<Height>,
) -> Answer<Receipts> {
    let found = gateway.blocking(move |store| store.receipts(height)).await?;
    Ok(Json(Receipts { receipts: found.ok_or_else(|| Fault::missing(NO_BLOCK))? }))
}

/// Adds up what a batch's proof took.
fn proof_view(costs: &[ProofCost]) -> Option<ProofView> {
    let mut view =
        ProofView { leaves: 0, bytes: 0, prove_ms: 0, verify_transactions: 0, verify_gas: 0, security_bits: u64::MAX };
    for cost in costs {
        match cost {
            ProofCost::Leaf(leaf) => {
                view.leaves += 1;
                view.bytes += leaf.bytes;
                view.prove_ms += leaf.prove_ms;
                view.security_bits = view.security_bits.min(leaf.security_bits.into());
            }
            ProofCost::Step(step) => {
                view.verify_transactions += 1;
                view.verify_gas += step.gas_used;
            }
        }
    }
    (view.leaves > 0).then_some(view)
}

fn view(store: &Store, batch: Batch) -> Result<BatchView, store::Error> {
    let number = batch.header.number;
    let settlement = store.settlement(number)?.map(|found| SettlementView {
        transaction: found.transaction,
        block: found.block,
        gas_used: found.gas_used,
    });
    let proof = proof_view(&store.proof_costs(number)?);
    Ok(BatchView { evidence: store.evidence(number)?.map(Hex), settlement, proof, batch })
}

/// Reads batches from a number on, as many as fit.
fn batches_from(store: &Store, from: u64, mut room: Room) -> Result<Batches, store::Error> {
    let (mut batches, mut next) = (Vec::new(), from);
    while !room.is_full() {
        let Some(batch) = store.batch(next)? else { break };
        let view = view(store, batch)?;
        if !room.takes(view.batch.to_bytes().len() + view.evidence.as_ref().map_or(0, |evidence| evidence.0.len())) {
            break;
        }
        batches.push(view);
        next += 1;
    }
    Ok(Batches { batches, next })
}

pub(crate) async fn batches<N: Node>(State(gateway): State<Gateway<N>>, Query(feed): Query<Feed>) -> Answer<Batches> {
    let (from, room) = (feed.from.max(1), Room::new(feed.count));
    Ok(Json(gateway.blocking(move |store| batches_from(store, from, room)).await?))
}

pub(crate) async fn batch<N: Node>(State(gateway): State<Gateway<N>>, Path(number): Path<u64>) -> Answer<BatchView> {
    let found = gateway.blocking(move |store| store.batch(number)?.map(|batch| view(store, batch)).transpose()).await?;
    found.map(Json).ok_or_else(|| Fault::missing(NO_BATCH))
}

pub(crate) async fn batch_of<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(height): Path<Height>,
) -> Answer<BatchView> {
    let found =
        gateway.blocking(move |store| store.batch_of(height)?.map(|batch| view(store, batch)).transpose()).await?;
    found.map(Json).ok_or_else(|| Fault::missing(NOT_SEALED))
}

pub(crate) async fn diff<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(number): Path<u64>,
) -> Result<Response, Fault> {
    let found = gateway.blocking(move |store| Ok((store.diff(number)?, store.batch(number)?.is_some()))).await?;
    match found {
        (Some(diff), _) => Ok(bytes(diff)),
        (None, true) => {
            Err(Fault::missing("this chain's differences stay with the committee: read the blocks instead"))
        }
        (None, false) => Err(Fault::missing(NO_BATCH)),
    }
}

/// Which of the unsigned batches are wanted.
#[derive(Deserialize)]
pub(crate) struct AskUnsigned {
    after: Option<u64>,
    count: Option<usize>,
}

/// Returns the sealed batches without their quorum: from the last settled batch on and not from the last signed one,
/// since a later batch may have its quorum first.
fn unsigned_batches(store: &Store, after: u64, mut room: Room) -> Result<Page<Batch, u64>, store::Error> {
    let last = store.last_batch()?.map_or(0, |batch| batch.header.number);
    let mut seen = after.max(store.settled()?);
    let mut items = Vec::new();
    for _ in 0..PAGE_LOOKS {
        if seen >= last {
            return Ok(Page { items, next: None });
        }
        if store.evidence(seen + 1)?.is_none()
            && let Some(batch) = store.batch(seen + 1)?
        {
            if !room.takes(batch.to_bytes().len()) {
                break;
            }
            items.push(batch);
        }
        seen += 1;
    }
    Ok(Page { items, next: Some(seen) })
}

pub(crate) async fn unsigned<N: Node>(
    State(gateway): State<Gateway<N>>,
    Query(ask): Query<AskUnsigned>,
) -> Answer<Page<Batch, u64>> {
    let (after, room) = (ask.after.unwrap_or(0), Room::new(ask.count));
    Ok(Json(gateway.blocking(move |store| unsigned_batches(store, after, room)).await?))
}
