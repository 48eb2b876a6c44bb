//! Routes for provers, and for whoever wants a batch's proof.

use crate::answer::{Fault, bytes, canonical};
use crate::port::Node;
use crate::read::Answer;
use crate::run::Gateway;
use api::proving::{Ask, Beat, Failure, Lease, Proving, TEXT_BYTES, Upload};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use proof::joined;
use store::Store;
use transition::proven::{ProvenBatch, ProvenBlock, ProvenLeaf};
use types::{Decode as _, Encode as _, Height};

const NO_BATCH: &str = "no such batch is sealed: check the number";
const NOT_PROVEN: &str = "this batch has no proof, or not yet: see /v1/proving for where it stands";

fn short(text: String) -> Result<String, Fault> {
    if text.len() <= TEXT_BYTES { Ok(text) } else { Err(Fault::bad(format!("at most {TEXT_BYTES} bytes of text"))) }
}

pub(crate) async fn lend<N: Node>(State(gateway): State<Gateway<N>>, Json(ask): Json<Ask>) -> Result<Response, Fault> {
    let lease: Option<Lease> = gateway.node.lend(short(ask.prover)?).await?;
    Ok(canonical(&lease))
}

pub(crate) async fn beat<N: Node>(State(gateway): State<Gateway<N>>, Json(beat): Json<Beat>) -> Answer<bool> {
    Ok(Json(gateway.node.beat(beat).await?))
}

pub(crate) async fn prove<N: Node>(State(gateway): State<Gateway<N>>, body: Bytes) -> Answer<()> {
    let upload = Upload::from_bytes(&body).map_err(|_| Fault::bad("these bytes are no proof with its job"))?;
    Ok(Json(gateway.node.prove(upload).await?))
}

pub(crate) async fn fail<N: Node>(State(gateway): State<Gateway<N>>, Json(failure): Json<Failure>) -> Answer<()> {
    let Failure { batch, leaf, lease, reason, is_final } = failure;
    let failure = Failure { batch, leaf, lease, reason: short(reason)?, is_final };
    Ok(Json(gateway.node.fail(failure).await?))
}

pub(crate) async fn status<N: Node>(State(gateway): State<Gateway<N>>) -> Answer<Proving> {
    Ok(Json(gateway.node.proving().await?))
}

/// Puts a batch together with its proof.
fn proven(store: &Store, number: u64) -> Result<Result<ProvenBatch, &'static str>, store::Error> {
    let Some(batch) = store.batch(number)? else { return Ok(Err(NO_BATCH)) };
    let (mut blocks, mut leaves) = (Vec::new(), Vec::new());
    for height in (batch.first.0..=batch.last.0).map(Height) {
        let (Some(block), Some(receipts)) = (store.block(height)?, store.receipts(height)?) else {
            return Ok(Err(NO_BATCH));
        };
        blocks.push(ProvenBlock { block, receipts });
    }
    for leaf in (0..).take(joined::LEAVES_MAX) {
        let Some(bytes) = store.leaf_proof(number, leaf)? else { break };
        let Ok(leaf) = ProvenLeaf::from_bytes(&bytes) else { return Ok(Err(NOT_PROVEN)) };
        leaves.push(leaf);
    }
    let entries: usize = blocks.iter().map(|proven: &ProvenBlock| proven.block.entries.len()).sum();
    let shown: u64 = leaves.iter().map(|leaf| u64::from(leaf.entries)).sum();
    let is_whole = !leaves.is_empty() && u64::try_from(entries) == Ok(shown);
    let evidence = store.evidence(number)?.map(Vec::into_boxed_slice);
    Ok(is_whole.then_some(ProvenBatch { header: batch.header, evidence, blocks, leaves }).ok_or(NOT_PROVEN))
}

pub(crate) async fn batch<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(number): Path<u64>,
) -> Result<Response, Fault> {
    let found = gateway.blocking(move |store| Ok(proven(store, number)?.map(|proven| proven.to_bytes()))).await?;
    found.map(bytes).map_err(Fault::missing)
}
