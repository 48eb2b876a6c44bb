//! What a sender of transactions learns from the base chain, and in which words.

use types::Bytes32;

/// How our account and the chain stand, as one look finds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The newest block.
    pub head: u64,
    /// How many transactions of the account are in blocks: the nonce of the next.
    pub nonce: u64,
    /// The same at the depth that counts as final: nothing below it changes any more.
    pub nonce_final: u64,
    /// The same with what waits in the node's pool without a gap.
    pub nonce_pending: u64,
    /// What the account holds, in wei.
    pub balance_wei: u128,
    /// What the next block takes for a unit of gas, in wei.
    pub base_fee_wei: u64,
    /// What others offer on top of it, in wei.
    pub tip_wei: u64,
}

/// A transaction of ours in a block. The block may still be reorganised away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction's hash.
    pub transaction: Bytes32,
    /// The block's number.
    pub block: u64,
    /// The block's hash: another one at the same number is another history.
    pub block_hash: Bytes32,
    /// Whether it did what it should. One that reverted is in the block all the same, and paid for.
    pub succeeded: bool,
    /// What it used.
    pub gas_used: u64,
    /// What it paid for a unit of gas, in wei.
    pub price_wei: u64,
}

/// What a node says to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It waits for a block, as of now or since before.
    Taken,
    /// The pool has a dearer one with this nonce, or takes only dearer ones.
    Underpriced,
    /// A transaction with this nonce is in a block.
    NonceTooLow,
    /// The account cannot pay what is offered.
    Unfunded,
    /// No answer came: it may have arrived all the same.
    Unreachable,
    /// Any other refusal.
    Refused,
}
