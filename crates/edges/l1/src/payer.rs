//! One account that signs and pays: gas, fees, nonces and receipts.

use crate::call::Order;
use crate::chain::{Chain, TIP_PERCENTILE, asked};
use crate::convert::{address, our_address, our_word, word};
use crate::error::Error;
use crate::refusal;
use crate::standing::{Answer, Receipt};
use alloy::consensus::{SignableTransaction as _, TxEip1559};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, Signature};
use alloy::providers::Provider as _;
use alloy::providers::utils::{EIP1559_FEE_ESTIMATION_PAST_BLOCKS, eip1559_default_estimator};
use alloy::rpc::types::TransactionReceipt;
use alloy::transports::RpcError;
use crypto::Secret;
use crypto::eth::EthKey;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use types::{Bytes32, EthAddress};

/// Most gas that one transaction may ask for: 2^24, from EIP-7825.
pub const GAS_PER_TRANSACTION_MAX: u64 = 1 << 24;

/// Gas on top of every estimate: two slots that were in use when it was made may be new when the transaction runs
/// (EIP-2200, 22,100 each).
const GAS_SPARE: u64 = 45_000;

/// How long to wait before asking for a receipt again: first this long, then twice as long each time up to the most.
const RECEIPT_POLL_FIRST: Duration = Duration::from_millis(25);
const RECEIPT_POLL_MOST: Duration = Duration::from_millis(400);

/// What a transaction may cost in money and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most wei offered for a unit of gas, tip included. Never exceeded.
    pub gas_price_max_wei: u128,
    /// How long to wait for a transaction to come into a block.
    pub receipt_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { gas_price_max_wei: 500_000_000_000, receipt_wait: Duration::from_secs(120) }
    }
}

/// A transaction that is in a block and did what it should. The block may still be reorganised away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The transaction's hash.
    pub transaction: Bytes32,
    /// The block it is in.
    pub block: u64,
    /// What it used.
    pub gas_used: u64,
}

struct Fees {
    most: u128,
    tip: u128,
}

/// A transaction that went out. Offering more for the same nonce makes another of these in its place.
struct Pending {
    transaction: B256,
    since: Instant,
}

pub struct Payer {
    pub chain: Chain,
    pub address: EthAddress,
    pub limits: Limits,
    key: EthKey,
    // Held from asking for a nonce to using it, so that no two transactions get the same one.
    turn: Mutex<()>,
}

impl Payer {
    pub fn new(chain: Chain, key: &Secret<[u8; 32]>) -> Result<Self, Error> {
        let key = EthKey::from_bytes(*key.expose_secret()).ok_or(Error::BadKey)?;
        Ok(Self { chain, address: key.address(), limits: Limits::default(), key, turn: Mutex::new(()) })
    }

    /// Sends a transaction and waits until it is in a block.
    pub async fn send(&self, order: &Order) -> Result<TransactionReceipt, Error> {
        let gas_limit = self.gas_limit(order).await?;
        let fees = self.fees().await?;
        let pending = {
            let _turn = self.turn.lock().await;
            let nonce = self.nonce().await?;
            self.publish(order, nonce, gas_limit, &fees).await?
        };
        let receipt = self.receipt(&pending).await?;
        if receipt.status() { Ok(receipt) } else { Err(self.reason(order, &receipt).await) }
    }

    /// Sends a transaction and returns the short form of its receipt.
    pub async fn execute(&self, order: &Order) -> Result<Sent, Error> {
        let receipt = self.send(order).await?;
        let block = block_of(&receipt)?;
        Ok(Sent { transaction: our_word(receipt.transaction_hash), block, gas_used: receipt.gas_used })
    }

    /// Returns what a transaction would use now. Refuses what one transaction cannot have.
    pub async fn estimate(&self, order: &Order) -> Result<u64, Error> {
        let request = order.request(&self.address);
        let estimate = async { self.chain.node.estimate_gas(request).block(BlockId::latest()).await };
        let gas = asked("an estimate of gas", estimate).await.map_err(|error| self.unfunded(error))?;
        if gas > GAS_PER_TRANSACTION_MAX {
            return Err(Error::TooMuchGas { gas, gas_max: GAS_PER_TRANSACTION_MAX });
        }
        Ok(gas)
    }

    /// Returns the estimate with more on top, because the state may change before the transaction runs.
    async fn gas_limit(&self, order: &Order) -> Result<u64, Error> {
        let gas = self.estimate(order).await?;
        Ok((gas + (gas / 5).max(GAS_SPARE)).min(GAS_PER_TRANSACTION_MAX))
    }

    /// Offers room for the base fee to double, as far as the limit allows.
    async fn fees(&self) -> Result<Fees, Error> {
        let blocks = (EIP1559_FEE_ESTIMATION_PAST_BLOCKS, BlockNumberOrTag::Latest);
        let history =
            asked("recent fees", self.chain.node.get_fee_history(blocks.0, blocks.1, &[TIP_PERCENTILE])).await?;
        let Some(base) = history.next_block_base_fee() else {
            return Err(Error::Inconsistent { what: "the node names no base fee".to_owned() });
        };
        let tips = history.reward.unwrap_or_default();
        fees(base, eip1559_default_estimator(0, &tips).max_priority_fee_per_gas, self.limits.gas_price_max_wei)
    }

    pub async fn nonce(&self) -> Result<u64, Error> {
        let count = async { self.chain.node.get_transaction_count(address(&self.address)).pending().await };
        asked("the next nonce", count).await
    }

    async fn publish(&self, order: &Order, nonce: u64, gas_limit: u64, fees: &Fees) -> Result<Pending, Error> {
        let (transaction, bytes) = self.sign(order, nonce, gas_limit, fees);
        let pending = Pending { transaction, since: Instant::now() };
        match self.chain.node.send_raw_transaction(&bytes).await {
            Ok(_) => Ok(pending),
            Err(error @ RpcError::ErrorResp(_)) => Err(self.unfunded(Error::from_node("a transaction its way", error))),
            // The node may have taken it before the connection broke: only a receipt, or none in time, can tell.
            Err(_) => Ok(pending),
        }
    }

    /// Signs a transaction. The same terms give the same bytes and hash.
    fn sign(&self, order: &Order, nonce: u64, gas_limit: u64, fees: &Fees) -> (B256, Vec<u8>) {
        let transaction = TxEip1559 {
            chain_id: self.chain.id,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.most,
            max_priority_fee_per_gas: fees.tip,
            to: order.to,
            value: order.wei,
            access_list: Default::default(),
            input: order.input.clone(),
        };
        let signature = self.key.sign(&our_word(transaction.signature_hash()));
        let signature = Signature::from_raw_array(&signature).expect("our signatures end in 27 or 28");
        let signed = transaction.into_signed(signature);
        (*signed.hash(), signed.encoded_2718())
    }

    /// Signs and sends on terms that somebody else chose, and waits for nothing but the node's word.
    pub async fn offer(
        &self,
        order: &Order,
        nonce: u64,
        gas_limit: u64,
        max_fee_wei: u64,
        tip_wei: u64,
    ) -> (Bytes32, Answer) {
        let fees = Fees { most: max_fee_wei.into(), tip: tip_wei.into() };
        let (transaction, bytes) = self.sign(order, nonce, gas_limit, &fees);
        let answer = match self.chain.node.send_raw_transaction(&bytes).await {
            Ok(_) => Answer::Taken,
            Err(RpcError::ErrorResp(refusal)) => answer(&refusal.message),
            Err(_) => Answer::Unreachable,
        };
        (our_word(transaction), answer)
    }

    /// Returns where a transaction is; `None` when it is in no block.
    pub async fn found(&self, transaction: &Bytes32) -> Result<Option<Receipt>, Error> {
        let found = asked("a receipt", self.chain.node.get_transaction_receipt(word(transaction))).await?;
        let Some(receipt) = found else { return Ok(None) };
        let (Some(block), Some(hash)) = (receipt.block_number, receipt.block_hash) else { return Ok(None) };
        Ok(Some(Receipt {
            transaction: *transaction,
            block,
            block_hash: our_word(hash),
            succeeded: receipt.status(),
            gas_used: receipt.gas_used,
            price_wei: u64::try_from(receipt.effective_gas_price).unwrap_or(u64::MAX),
        }))
    }

    /// Waits for a receipt, through failures of the node: giving up early would invite sending twice.
    async fn receipt(&self, pending: &Pending) -> Result<TransactionReceipt, Error> {
        let mut pause = RECEIPT_POLL_FIRST;
        loop {
            if let Ok(Some(receipt)) = self.chain.node.get_transaction_receipt(pending.transaction).await {
                return Ok(receipt);
            }
            if pending.since.elapsed() >= self.limits.receipt_wait {
                let waited_ms = self.limits.receipt_wait.as_millis();
                return Err(Error::Timeout { transaction: our_word(pending.transaction), waited_ms });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RECEIPT_POLL_MOST);
        }
    }

    /// Runs a failed transaction once more, on the state that its block left, to learn why it failed.
    async fn reason(&self, order: &Order, receipt: &TransactionReceipt) -> Error {
        let block = receipt.block_hash.map_or(BlockId::latest(), BlockId::hash);
        let again = self.chain.node.call(order.request(&self.address)).block(block).await;
        match again.map_err(|error| Error::from_node("the reason of a failure", error)) {
            Err(error @ Error::Reverted { .. }) => error,
            _ => refusal::reverted_without_reason(),
        }
    }

    /// Tells an empty account apart: its owner can act where others cannot. Nodes agree on these words only.
    fn unfunded(&self, error: Error) -> Error {
        match error {
            Error::Refused { source, .. } if source.to_string().to_lowercase().contains("insufficient funds") => {
                Error::Unfunded { address: self.address, source }
            }
            other => other,
        }
    }
}

/// Returns the block of a receipt.
pub fn block_of(receipt: &TransactionReceipt) -> Result<u64, Error> {
    receipt.block_number.ok_or_else(|| Error::Inconsistent { what: "a receipt names no block".to_owned() })
}

/// Returns the address that a receipt says was created.
pub fn created(receipt: &TransactionReceipt) -> Result<EthAddress, Error> {
    let created = receipt.contract_address.map(our_address);
    created.ok_or_else(|| Error::Inconsistent { what: "a deployment created no contract".to_owned() })
}

/// What nodes say instead of taking a transaction, in lower case. There is no code for any of this: each kind of node
/// has its own words, and what is not listed is a refusal.
const ANSWERS: &[(&str, Answer)] = &[
    ("already known", Answer::Taken),
    ("alreadyknown", Answer::Taken),
    ("already imported", Answer::Taken),
    ("nonce too low", Answer::NonceTooLow),
    ("oldnonce", Answer::NonceTooLow),
    ("nonce is too low", Answer::NonceTooLow),
    ("underpriced", Answer::Underpriced),
    ("feetoolow", Answer::Underpriced),
    ("replacementnotallowed", Answer::Underpriced),
    ("less than block base fee", Answer::Underpriced),
    ("insufficient funds", Answer::Unfunded),
    ("insufficientfunds", Answer::Unfunded),
];

fn answer(message: &str) -> Answer {
    let message = message.to_lowercase();
    ANSWERS.iter().find(|(words, _)| message.contains(words)).map_or(Answer::Refused, |(_, answer)| *answer)
}

fn fees(base: u128, tip: u128, limit: u128) -> Result<Fees, Error> {
    let needed = base.saturating_add(tip);
    if needed > limit {
        return Err(Error::FeeTooHigh { needed_wei: needed, limit_wei: limit });
    }
    Ok(Fees { most: base.saturating_add(needed).min(limit), tip })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: u128, tip: u128, limit: u128, expected: Option<u128>) {
        match (fees(base, tip, limit), expected) {
            (Ok(fees), Some(most)) => assert_eq!((fees.most, fees.tip), (most, tip)),
            (Err(Error::FeeTooHigh { needed_wei, limit_wei }), None) => assert!(needed_wei > limit_wei),
            (other, _) => panic!("{:?} for {base} and {tip} under {limit}", other.map(|fees| fees.most)),
        }
    }

    #[test]
    fn the_offer_leaves_room_but_never_exceeds_the_limit() {
        check(10, 1, 100, Some(21));
        check(10, 1, 15, Some(15));
        check(10, 1, 11, Some(11));
        check(10, 1, 10, None);
        check(0, 0, 0, Some(0));
        check(u128::MAX, u128::MAX, u128::MAX - 1, None);
        check(u128::MAX, 1, u128::MAX, Some(u128::MAX));
    }

    #[test]
    fn what_nodes_say_is_understood() {
        for (said, meant) in [
            ("already known", Answer::Taken),
            ("transaction already imported", Answer::Taken),
            ("nonce too low: next nonce 5, tx nonce 4", Answer::NonceTooLow),
            ("replacement transaction underpriced", Answer::Underpriced),
            ("max fee per gas less than block base fee: address 0x0", Answer::Underpriced),
            ("Insufficient funds for gas * price + value", Answer::Unfunded),
            ("intrinsic gas too low", Answer::Refused),
            ("", Answer::Refused),
        ] {
            assert_eq!(answer(said), meant, "{said}");
        }
    }
}
