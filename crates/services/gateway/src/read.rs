//! Routes that only read: the chain as a whole, transactions, content.

use crate::answer::{Fault, canonical};
use crate::port::{Confirmed, Node};
use crate::run::Gateway;
use crate::write::{confirmation, soft};
use api::private::Host;
use api::{Confirmation, Hex, ProvenReceipt, Status, WithdrawalProof};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use crypto::list;
use ledger::bridge::{Cursor, CursorRecord};
use proof::header::entry_leaf;
use proof::{BlockHeader, ReceiptProof};
use std::sync::Arc;
use store::Store;
use transition::{Event, Receipt};
use types::{Bytes32, ContentId, Encode as _, Height, TransactionId};

pub(crate) type Answer<T> = Result<Json<T>, Fault>;

pub(crate) async fn status<N: Node>(State(gateway): State<Gateway<N>>) -> Answer<Status> {
    let (head, cursor) = gateway
        .node
        .read(|state, head| {
            let start = CursorRecord { inbox_count: 0, inbox_hash: Bytes32::ZERO, withdrawals: 0 };
            (head.cloned(), state.get::<Cursor>(&0).unwrap_or(start))
        })
        .await?;
    let (sealed, settled) = gateway
        .blocking(|store| {
            let sealed = store.last_batch()?.map_or(0, |batch| batch.header.number);
            Ok((sealed, store.settled()?))
        })
        .await?;
    Ok(Json(Status {
        config: gateway.config.as_ref().clone(),
        anchor: gateway.anchor.as_ref().clone(),
        contracts: gateway.contracts.clone(),
        genesis_root: gateway.genesis_root,
        head,
        cursor,
        sealed,
        settled,
        members_seen: gateway.members_seen(),
    }))
}

/// A stored transaction: its place and receipt, the path from it, and what the sequencer is to sign.
struct Found {
    height: Height,
    position: u32,
    receipt: Receipt,
    path: Vec<Bytes32>,
    header: BlockHeader,
}

fn find(store: &Store, id: TransactionId) -> Result<Option<Found>, store::Error> {
    let Some((height, position, receipt)) = store.receipt_of(id)? else { return Ok(None) };
    let (Some(block), Some(receipts)) = (store.block(height)?, store.receipts(height)?) else { return Ok(None) };
    let leaves = transition::entry_leaves(&block.entries, &receipts);
    let path = usize::try_from(position).ok().and_then(|at| list::path(&leaves, at));
    Ok(path.map(|path| Found { height, position, receipt, path, header: block.header }))
}

/// Finds a transaction and has its block signed again.
async fn confirmed<N: Node>(gateway: &Gateway<N>, id: TransactionId) -> Result<Confirmed, Fault> {
    let found = gateway.blocking(move |store| find(store, id)).await?;
    let Found { height, position, receipt, path, header } = found.ok_or_else(|| Fault::missing(NO_TRANSACTION))?;
    let block = Arc::new(gateway.node.confirm(header).await?);
    Ok(Confirmed { id, height, position, receipt, path, block })
}

const NO_TRANSACTION: &str = "no such transaction is in a block: check the id, or send it";
pub(crate) const NOT_SEALED: &str = "the batch of this block is not sealed yet: ask again in a moment";
const NOT_SIGNED: &str = "the committee has not signed the batch yet: ask again in a moment";

pub(crate) async fn transaction<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<TransactionId>,
) -> Answer<Confirmation> {
    Ok(Json(confirmation(confirmed(&gateway, id).await?)))
}

pub(crate) async fn soft_confirmation<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<TransactionId>,
) -> Result<Response, Fault> {
    Ok(canonical(&soft(&confirmed(&gateway, id).await?)))
}

pub(crate) async fn proof<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<TransactionId>,
) -> Answer<ProvenReceipt> {
    let proof = gateway.blocking(move |store| Ok(prove(store, id))).await?.map_err(|missing| match missing {
        Missing::No(message) => Fault::missing(message),
        Missing::Store(error) => error.into(),
    })?;
    Ok(Json(ProvenReceipt { anchor: gateway.anchor.as_ref().clone(), proof: Hex(proof.to_bytes()) }))
}

/// Why there is no proof: something is not there yet, or the store failed.
enum Missing {
    No(&'static str),
    Store(store::Error),
}

impl From<store::Error> for Missing {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn prove(store: &Store, id: TransactionId) -> Result<ReceiptProof, Missing> {
    let (height, position) = store.find(id)?.ok_or(Missing::No(NO_TRANSACTION))?;
    let batch = store.batch_of(height)?.ok_or(Missing::No(NOT_SEALED))?;
    let evidence = store.evidence(batch.header.number)?.ok_or(Missing::No(NOT_SIGNED))?;
    let block = store.block(height)?.ok_or(Missing::No(NO_TRANSACTION))?;
    let receipts = store.receipts(height)?.unwrap_or_default();
    let parts: Vec<_> = block.entries.iter().map(|e| e.to_bytes()).zip(receipts.iter().map(|r| r.to_bytes())).collect();
    let leaves: Vec<_> = parts.iter().map(|(entry, receipt)| entry_leaf(entry, receipt)).collect();
    let mut hashes = Vec::new();
    for height in batch.first.0..=batch.last.0 {
        hashes.push(store.header(Height(height))?.ok_or(Missing::No(NO_TRANSACTION))?.hash());
    }
    let block_position = height.0 - batch.first.0;
    let at = usize::try_from(position).unwrap_or(usize::MAX);
    let block_at = usize::try_from(block_position).unwrap_or(usize::MAX);
    let path = list::path(&leaves, at).ok_or(Missing::No(NO_TRANSACTION))?;
    let block_path = list::path(&hashes, block_at).ok_or(Missing::No(NO_TRANSACTION))?;
    let (entry, receipt) = parts[at].clone();
    Ok(ReceiptProof {
        entry: entry.into(),
        receipt: receipt.into(),
        position: position.into(),
        path,
        block: block.header,
        block_position,
        block_path,
        batch: batch.header,
        evidence: evidence.into(),
    })
}

pub(crate) async fn withdrawal<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<TransactionId>,
) -> Answer<WithdrawalProof> {
    let found = gateway.blocking(move |store| {
        let Some((height, _, receipt)) = store.receipt_of(id)? else { return Ok(Err(NO_TRANSACTION)) };
        let Some(batch) = store.batch_of(height)? else { return Ok(Err(NOT_SEALED)) };
        let settled = store.settlement(batch.header.number)?.is_some();
        let withdrawn = receipt.events.into_iter().find_map(|event| match event {
            Event::Withdrawn(withdrawal) => Some(withdrawal),
            _ => None,
        });
        let Some(withdrawal) = withdrawn else { return Ok(Err("this transaction withdrew nothing")) };
        let leaves: Vec<_> = batch.withdrawals.iter().map(ledger::Withdrawal::leaf).collect();
        let Some(at) = batch.withdrawals.iter().position(|w| *w == withdrawal) else { return Ok(Err(NOT_SEALED)) };
        let path = list::path(&leaves, at).unwrap_or_default();
        let position = u64::try_from(at).unwrap_or(u64::MAX);
        Ok(Ok(WithdrawalProof { batch: batch.header.number, withdrawal, position, path, settled }))
    });
    Ok(Json(found.await?.map_err(Fault::missing)?))
}

pub(crate) async fn content<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<ContentId>,
) -> Result<Vec<u8>, Fault> {
    let found = gateway.blocking(move |store| store.content(id)).await?;
    found.ok_or_else(|| Fault::missing("no such content is stored: check the id, or store it first"))
}

pub(crate) async fn hosts<N: Node>(State(gateway): State<Gateway<N>>) -> Result<Json<Vec<Host>>, Fault> {
    Ok(Json(gateway.node.hosts().await?))
}
