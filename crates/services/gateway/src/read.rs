//! Routes that only read.

use crate::answer::Fault;
use crate::port::{Confirmed, Node};
use crate::run::Gateway;
use crate::write::confirmation;
use api::{
    AccountView, BalanceProof, BatchView, Blocks, Confirmation, Hex, Holding, OfferView, ProgramView, ProvenReceipt,
    SettlementView, Status, TaskView, WithdrawalProof,
};
use axum::Json;
use axum::extract::{Path, Query, State};
use crypto::list;
use ledger::account::{Account, Balance, BalanceKey};
use ledger::bridge::{Cursor, CursorRecord};
use proof::ReceiptProof;
use proof::header::entry_leaf;
use serde::Deserialize;
use std::time::Duration;
use store::Store;
use task::{Offer, Program, Task};
use transition::{Batch, Event};
use types::{AccountId, AssetId, Bytes32, ContentId, Encode as _, Height, TaskId, TransactionId};

/// Most blocks in one answer.
const BLOCKS: u64 = 64;
/// Longest wait for a block, in milliseconds.
const WAIT_MS_MAX: u64 = 10_000;

type Answer<T> = Result<Json<T>, Fault>;

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

/// A transaction that is stored: its place and receipt.
fn find(store: &Store, id: TransactionId) -> Result<Option<Confirmed>, store::Error> {
    let found = store.receipt_of(id)?;
    Ok(found.map(|(height, position, receipt)| Confirmed { id, height, position, receipt }))
}

const NO_TRANSACTION: &str = "no such transaction is in a block: check the id, or send it";
const NOT_SEALED: &str = "the batch of this block is not sealed yet: ask again in a moment";
const NOT_SIGNED: &str = "the committee has not signed the batch yet: ask again in a moment";

pub(crate) async fn transaction<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<TransactionId>,
) -> Answer<Confirmation> {
    let found = gateway.blocking(move |store| find(store, id)).await?;
    Ok(Json(confirmation(found.ok_or_else(|| Fault::missing(NO_TRANSACTION))?)))
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
        let Some(confirmed) = find(store, id)? else { return Ok(Err(NO_TRANSACTION)) };
        let Some(batch) = store.batch_of(confirmed.height)? else { return Ok(Err(NOT_SEALED)) };
        let settled = store.settlement(batch.header.number)?.is_some();
        let withdrawn = confirmed.receipt.events.into_iter().find_map(|event| match event {
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

pub(crate) async fn account<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(account): Path<AccountId>,
) -> Answer<AccountView> {
    let view = gateway.node.read(move |state, _| AccountView {
        account,
        nonce: state.get::<Account>(&account).map_or(0, |record| record.nonce),
        holdings: state
            .iter_from::<Balance>(&account)
            .take_while(|(key, _)| key.account == account)
            .map(|(key, amount)| Holding { asset: key.asset, amount })
            .collect(),
    });
    Ok(Json(view.await?))
}

pub(crate) async fn balance<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path((account, asset)): Path<(AccountId, AssetId)>,
) -> Answer<BalanceProof> {
    let key = BalanceKey { account, asset };
    let proof = gateway.node.read(move |state, head| {
        let block = head?.clone();
        let amount = state.get::<Balance>(&key).unwrap_or_default();
        Some(BalanceProof { block, amount, path: state.path::<Balance>(&key) })
    });
    proof.await?.map(Json).ok_or_else(|| Fault::missing("there is no block yet, so there is no root to prove against"))
}

pub(crate) async fn content<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<ContentId>,
) -> Result<Vec<u8>, Fault> {
    let found = gateway.blocking(move |store| store.content(id)).await?;
    found.ok_or_else(|| Fault::missing("no such content is stored: check the id, or store it first"))
}

pub(crate) async fn program<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<ContentId>,
) -> Answer<ProgramView> {
    let found = gateway.node.read(move |state, _| state.get::<Program>(&id)).await?;
    let record = found.ok_or_else(|| Fault::missing("no such program is published: publish it first"))?;
    Ok(Json(ProgramView { author: record.author }))
}

pub(crate) async fn offers<N: Node>(State(gateway): State<Gateway<N>>) -> Answer<Vec<OfferView>> {
    let list =
        |state: &state::State| state.iter::<Offer>().map(|(provider, record)| OfferView { provider, record }).collect();
    Ok(Json(gateway.node.read(move |state, _| list(state)).await?))
}

pub(crate) async fn tasks<N: Node>(State(gateway): State<Gateway<N>>) -> Answer<Vec<TaskView>> {
    let list = |state: &state::State| {
        let open = state.iter::<Task>().filter(|(_, record)| record.is_open());
        open.map(|(id, record)| TaskView { id, record }).collect()
    };
    Ok(Json(gateway.node.read(move |state, _| list(state)).await?))
}

pub(crate) async fn task<N: Node>(State(gateway): State<Gateway<N>>, Path(id): Path<TaskId>) -> Answer<TaskView> {
    let found = gateway.node.read(move |state, _| state.get::<Task>(&id)).await?;
    let record = found.ok_or_else(|| Fault::missing("no such task: check the id"))?;
    Ok(Json(TaskView { id, record }))
}

#[derive(Deserialize)]
pub(crate) struct Feed {
    from: u64,
    #[serde(default)]
    wait_ms: u64,
}

pub(crate) async fn blocks<N: Node>(State(gateway): State<Gateway<N>>, Query(feed): Query<Feed>) -> Answer<Blocks> {
    let mut head = gateway.node.head();
    let wait = Duration::from_millis(feed.wait_ms.min(WAIT_MS_MAX));
    // Nothing new within the wait, or a node that shuts down: either way what there is is the answer.
    let _ = tokio::time::timeout(wait, head.wait_for(|height| height.0 >= feed.from)).await;
    let (from, last) = (feed.from.max(1), head.borrow().0);
    let blocks = gateway.blocking(move |store| {
        let mut blocks = Vec::new();
        for height in from..=last.min(from.saturating_add(BLOCKS - 1)) {
            let Some(block) = store.block(Height(height))? else { break };
            blocks.push(Hex(block.to_bytes()));
        }
        Ok(blocks)
    });
    Ok(Json(Blocks { blocks: blocks.await? }))
}

fn view(store: &Store, batch: Batch) -> Result<BatchView, store::Error> {
    let number = batch.header.number;
    let settlement = store.settlement(number)?.map(|found| SettlementView {
        transaction: found.transaction,
        block: found.block,
        gas_used: found.gas_used,
    });
    Ok(BatchView { evidence: store.evidence(number)?.map(Hex), settlement, batch })
}

pub(crate) async fn batch<N: Node>(State(gateway): State<Gateway<N>>, Path(number): Path<u64>) -> Answer<BatchView> {
    let found = gateway.blocking(move |store| store.batch(number)?.map(|batch| view(store, batch)).transpose()).await?;
    found.map(Json).ok_or_else(|| Fault::missing("no such batch is sealed: check the number"))
}

pub(crate) async fn batch_of<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(height): Path<Height>,
) -> Answer<BatchView> {
    let found =
        gateway.blocking(move |store| store.batch_of(height)?.map(|batch| view(store, batch)).transpose()).await?;
    found.map(Json).ok_or_else(|| Fault::missing(NOT_SEALED))
}

/// Returns the sealed batches without their quorum: back to the last settled batch and not to the last signed one, since
/// a later batch may have its quorum first.
fn unsigned_batches(store: &Store) -> Result<Vec<Batch>, store::Error> {
    let mut batches = Vec::new();
    let mut number = store.last_batch()?.map_or(0, |batch| batch.header.number);
    while number > 0 && store.settlement(number)?.is_none() {
        if store.evidence(number)?.is_none() {
            batches.extend(store.batch(number)?);
        }
        number -= 1;
    }
    batches.reverse();
    Ok(batches)
}

pub(crate) async fn unsigned<N: Node>(State(gateway): State<Gateway<N>>) -> Answer<Vec<Batch>> {
    Ok(Json(gateway.blocking(unsigned_batches).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proof::committee::Committee;
    use task::Parameters;
    use transition::{BatchInput, ChainConfig, Entry};
    use types::{Amount, Digest, EthAddress, Millis, Ppm};

    fn config() -> ChainConfig {
        let nobody = AccountId(Digest::ZERO);
        let parameters = Parameters {
            coordinator: nobody,
            treasury: nobody,
            resolvers: Vec::new(),
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(0),
        };
        let committee = Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() };
        ChainConfig {
            salt: Bytes32::ZERO,
            l1_chain_id: 1,
            committee,
            parameters,
            sequencer: SecretKey::from_seed([0; 32]).public(),
            rules: L1Rules::default(),
        }
    }

    /// A store with three batches of one block each.
    fn three_batches(store: &Store) {
        let (config, mut state) = (config(), state::State::default());
        let genesis = transition::genesis(&config);
        store.commit_genesis(&genesis).expect("stored");
        state.apply(&genesis);
        let (genesis_root, mut head, mut parent) = (state.root(), None, None);
        for index in 0..3 {
            let amount = Amount::new(1).expect("small");
            let (account, token) = (AccountId(Digest::ZERO), EthAddress::ZERO);
            let entry = Entry::Deposit(ledger::Deposit { index, account, token, amount, sender: token });
            let executed = transition::execute(&mut state, &config, head.as_ref(), vec![entry], Millis(index));
            store.commit_block(&executed).expect("stored");
            let batch = transition::seal(&BatchInput {
                config_hash: config.hash(),
                parent: parent.as_ref(),
                genesis_root,
                blocks: std::slice::from_ref(&executed.block),
                receipts: &executed.receipts,
                diff: None,
            });
            store.commit_batch(&batch).expect("stored");
            (head, parent) = (Some(executed.block.header), Some(batch.header));
        }
    }

    #[test]
    fn a_batch_whose_signatures_were_lost_is_asked_for_again_though_a_later_one_has_its_quorum() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path().join("store.redb")).expect("a store");
        let asked = |store: &Store| -> Vec<u64> {
            unsigned_batches(store).expect("read").iter().map(|batch| batch.header.number).collect()
        };
        assert_eq!(asked(&store), [0u64; 0]);
        three_batches(&store);
        store.commit_evidence(2, &[1]).expect("stored");
        assert_eq!(asked(&store), [1, 3]);
        let settlement = store::Settlement { transaction: Bytes32::ZERO, block: 1, gas_used: 1 };
        store.commit_settlement(1, &settlement).expect("stored");
        assert_eq!(asked(&store), [3]);
    }
}
