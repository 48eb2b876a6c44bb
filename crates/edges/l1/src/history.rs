//! What L1 alone tells of the past: the settled batches and the data that they stand on.

use crate::abi::Rollup;
use crate::chain::{Chain, Contracts, View, asked};
use crate::convert::{address, our_digest, our_word, word};
use crate::error::Error;
use crate::inbox::BLOCKS_PER_QUERY;
use alloy::consensus::Transaction as _;
use alloy::primitives::B256;
use alloy::providers::Provider as _;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use crypto::eth::keccak;
use proof::BatchHeader;
use std::ops::RangeInclusive;
use types::{Bytes32, Digest, limits};

/// A batch as L1 settled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledBatch {
    /// What was settled.
    pub header: BatchHeader,
    /// The hashes of the chunks of its state difference, in order; none in a validium.
    pub chunks: Vec<Bytes32>,
    /// The block that it settled in.
    pub block: u64,
    /// The transaction that settled it.
    pub transaction: Bytes32,
}

/// Returns a chunk by its hash, if it was published by a block.
pub async fn published(
    chain: &Chain,
    contracts: &Contracts,
    view: &View,
    chunk: &Bytes32,
) -> Result<Option<Vec<u8>>, Error> {
    let call = Rollup::publishedInCall { chunkHash: word(chunk) };
    let Some(block) = chain.read_at(&contracts.rollup, &call, view.id).await? else { return Ok(None) };
    let inconsistent = || Error::Inconsistent { what: format!("chunk {chunk} is published but not among the logs") };
    let block = u64::try_from(block).map_err(|_| inconsistent())?;
    if block == 0 {
        return Ok(None);
    }
    let filter = events(contracts, Rollup::Published::SIGNATURE_HASH).topic1(word(chunk));
    let logs = chain.logs(&filter, block, block).await?;
    let event = logs.first().map(|log| Rollup::Published::decode_log_data_validate(&log.inner.data));
    let bytes = event.and_then(Result::ok).map(|event| event.chunk.to_vec());
    // The hash is what the batch signed, so a node cannot make anything up here.
    bytes.filter(|bytes| keccak(&[bytes]) == *chunk).map(Some).ok_or_else(inconsistent)
}

/// Returns the first chunk that is wanted, in the order of publication.
pub async fn find_published(
    chain: &Chain,
    contracts: &Contracts,
    view: &View,
    first_block: u64,
    mut is_wanted: impl FnMut(&[u8]) -> bool,
) -> Result<Option<Vec<u8>>, Error> {
    let filter = events(contracts, Rollup::Published::SIGNATURE_HASH);
    let mut at = first_block;
    while at <= view.block {
        let last = view.block.min(at.saturating_add(BLOCKS_PER_QUERY - 1));
        for log in chain.logs(&filter, at, last).await? {
            let event = Rollup::Published::decode_log_data_validate(&log.inner.data);
            let event = event.map_err(|_| Error::Inconsistent { what: "a log is no published chunk".to_owned() })?;
            if is_wanted(&event.chunk) {
                return Ok(Some(event.chunk.to_vec()));
            }
        }
        at = last.saturating_add(1);
    }
    Ok(None)
}

/// Returns settled batches in order. All of them must be settled by the view's block.
pub async fn batches(
    chain: &Chain,
    contracts: &Contracts,
    view: &View,
    first_block: u64,
    config_hash: Digest,
    wanted: RangeInclusive<u64>,
) -> Result<Vec<SettledBatch>, Error> {
    let filter = events(contracts, Rollup::BatchSettled::SIGNATURE_HASH);
    let (mut found, mut next, mut at) = (Vec::new(), *wanted.start(), first_block);
    while next <= *wanted.end() && at <= view.block {
        let last = view.block.min(at.saturating_add(BLOCKS_PER_QUERY - 1));
        for log in chain.logs(&filter, at, last).await? {
            let header = header(&log, config_hash)?;
            if header.number == next && wanted.contains(&next) {
                found.push(read(chain, contracts, first_block, &log, header).await?);
                next += 1;
            }
        }
        at = last.saturating_add(1);
    }
    if next > *wanted.end() || wanted.is_empty() {
        return Ok(found);
    }
    Err(Error::Inconsistent { what: format!("batch {next} is settled but not among the logs") })
}

fn events(contracts: &Contracts, signature: B256) -> Filter {
    Filter::new().address(address(&contracts.rollup)).event_signature(signature)
}

fn header(log: &Log, config_hash: Digest) -> Result<BatchHeader, Error> {
    let event = Rollup::BatchSettled::decode_log_data_validate(&log.inner.data);
    let event = event.map_err(|_| Error::Inconsistent { what: "a log is no settled batch".to_owned() })?;
    Ok(BatchHeader {
        config_hash,
        number: event.number,
        parent_root: our_digest(event.parentRoot, "a settled parent root")?,
        state_root: our_digest(event.stateRoot, "a settled state root")?,
        inbox_count: event.inboxCount,
        inbox_hash: our_word(event.inboxHash),
        withdrawals_root: our_word(event.withdrawalsRoot),
        data_root: our_word(event.dataRoot),
        diff_hash: our_word(event.diffHash),
    })
}

async fn read(
    chain: &Chain,
    contracts: &Contracts,
    first_block: u64,
    log: &Log,
    header: BatchHeader,
) -> Result<SettledBatch, Error> {
    let number = header.number;
    let inconsistent = |what| Error::Inconsistent { what: format!("batch {number} is settled but {what}") };
    let (Some(transaction), Some(block)) = (log.transaction_hash, log.block_number) else {
        return Err(inconsistent("its log names no transaction"));
    };
    let chunks = if header.diff_hash == Bytes32::ZERO {
        Some(Vec::new())
    } else {
        match called(chain, transaction, &header.diff_hash).await? {
            Some(chunks) => Some(chunks),
            None => searched(chain, contracts, first_block, block, &header.diff_hash).await?,
        }
    };
    let chunks = chunks.ok_or_else(|| inconsistent("no published chunks give the hash of its state difference"))?;
    Ok(SettledBatch { header, chunks, block, transaction: our_word(transaction) })
}

/// Says whether chunks in this order are what a batch names.
fn are(chunks: &[Bytes32], diff_hash: &Bytes32) -> bool {
    let parts: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.0.as_slice()).collect();
    keccak(&parts) == *diff_hash
}

/// Reads the chunks from the transaction that settled, if it called the rollup itself.
async fn called(chain: &Chain, transaction: B256, diff_hash: &Bytes32) -> Result<Option<Vec<Bytes32>>, Error> {
    let found = asked("a transaction", chain.node.get_transaction_by_hash(transaction)).await?;
    let Some(call) = found.and_then(|found| Rollup::settleCall::abi_decode_validate(found.input()).ok()) else {
        return Ok(None);
    };
    let chunks: Vec<_> = call.chunks.into_iter().map(our_word).collect();
    Ok(are(&chunks, diff_hash).then_some(chunks))
}

/// Searches for chunks that were published one after the other and are what a batch names. Needed when a stranger's
/// contract settled with signatures it had seen: its call does not tell the chunks. The newest are tried first.
// Gap: chunks published out of order, or long before by somebody else, are not found this way. The batch still counts;
// whoever rebuilds then needs its chunks' order from a member.
async fn searched(
    chain: &Chain,
    contracts: &Contracts,
    first_block: u64,
    block: u64,
    diff_hash: &Bytes32,
) -> Result<Option<Vec<Bytes32>>, Error> {
    let filter = events(contracts, Rollup::Published::SIGNATURE_HASH);
    let first = block.saturating_sub(BLOCKS_PER_QUERY - 1).max(first_block);
    let mut hashes = Vec::new();
    for log in chain.logs(&filter, first, block).await? {
        let event = Rollup::Published::decode_log_data_validate(&log.inner.data);
        let event = event.map_err(|_| Error::Inconsistent { what: "a log is no published chunk".to_owned() })?;
        hashes.push(our_word(event.chunkHash));
    }
    Ok(run_of(&hashes, diff_hash).map(<[Bytes32]>::to_vec))
}

/// Returns the neighbours among published chunks that are what a batch names.
fn run_of<'a>(published: &'a [Bytes32], diff_hash: &Bytes32) -> Option<&'a [Bytes32]> {
    let starts = (0..published.len()).rev();
    let runs = starts.flat_map(|start| {
        let longest = published.len().min(start + limits::BATCH_CHUNKS);
        (start + 1..=longest).map(move |end| &published[start..end])
    });
    runs.into_iter().find(|run| are(run, diff_hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batchs_chunks_are_found_among_what_was_published_around_it() {
        let published: Vec<_> = (0..80).map(|n| Bytes32([n; 32])).collect();
        let check = |run: &[Bytes32], found: bool| {
            let parts: Vec<&[u8]> = run.iter().map(|chunk| chunk.0.as_slice()).collect();
            assert_eq!(run_of(&published, &keccak(&parts)), found.then_some(run));
        };
        check(&published[3..4], true);
        check(&published[..2], true);
        check(&published[16..], true);
        check(&published[15..], false);
        check(&[published[3], published[2]], false);
        check(&[], false);
    }
}
