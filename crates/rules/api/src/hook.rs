//! What a node asks its operator about a transaction that would be rejected, and the answer.

use crate::Hex;
use serde::{Deserialize, Serialize};
use types::TransactionId;

/// Most transactions in an answer.
pub const TRANSACTIONS: usize = 64;
/// Longest answer, in bytes.
pub const ANSWER_BYTES: usize = 1 << 20;

/// What is posted to the operator's hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The transaction. The same question may come again: it has the same answer.
    pub id: TransactionId,
    /// Its canonical bytes.
    pub transaction: Hex,
    /// The stable number of why it would be rejected.
    pub code: u32,
    /// What that means and what could be done.
    pub message: String,
}

/// What the hook answers: what shall take the transaction's place, in order. Nothing drops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// The canonical bytes of signed transactions.
    pub transactions: Vec<Hex>,
}
