//! The route list. A route's pattern and the function that fills it in stand side by side.

use types::{AccountId, AssetId, ContentId, Height, TallyId, TaskId, TransactionId};

/// What the chain is and where it stands.
pub const STATUS: &str = "/v1/status";
/// Sends a transaction.
pub const TRANSACTIONS: &str = "/v1/transactions";
/// A transaction and its receipt.
pub const TRANSACTION: &str = "/v1/transactions/{id}";
/// Sends many transactions.
pub const BULK: &str = "/v1/transactions/bulk";
/// The sequencer's word on a transaction.
pub const CONFIRMATION: &str = "/v1/transactions/{id}/confirmation";
/// A receipt's proof.
pub const PROOF: &str = "/v1/transactions/{id}/proof";
/// A withdrawal's path.
pub const WITHDRAWAL: &str = "/v1/transactions/{id}/withdrawal";
/// An account.
pub const ACCOUNT: &str = "/v1/accounts/{id}";
/// A balance with its path.
pub const BALANCE: &str = "/v1/accounts/{id}/balances/{asset}";
/// A tally.
pub const TALLY: &str = "/v1/tallies/{id}";
/// Stores content.
pub const CONTENTS: &str = "/v1/content";
/// Content by its id.
pub const CONTENT: &str = "/v1/content/{id}";
/// A published program.
pub const PROGRAM: &str = "/v1/programs/{id}";
/// Open offers.
pub const OFFERS: &str = "/v1/offers";
/// Open tasks.
pub const TASKS: &str = "/v1/tasks";
/// A task.
pub const TASK: &str = "/v1/tasks/{id}";
/// Blocks from a height on.
pub const BLOCKS: &str = "/v1/blocks";
/// A block.
pub const BLOCK: &str = "/v1/blocks/{height}";
/// What became of a block's entries.
pub const RECEIPTS: &str = "/v1/blocks/{height}/receipts";
/// Sealed batches from a number on.
pub const BATCHES: &str = "/v1/batches";
/// Sealed batches that lack their quorum.
pub const BATCHES_UNSIGNED: &str = "/v1/batches/unsigned";
/// A batch.
pub const BATCH: &str = "/v1/batches/{number}";
/// The state differences that are published for a batch.
pub const DIFF: &str = "/v1/batches/{number}/diff";
/// The batch that holds a block.
pub const BATCH_OF: &str = "/v1/blocks/{height}/batch";
/// Takes a member's signature on a batch.
pub const SIGNATURES: &str = "/v1/batches/{number}/signatures";
/// A batch with its proof.
pub const PROVEN_BATCH: &str = "/v1/batches/{number}/proof";
/// Where proving stands.
pub const PROVING: &str = "/v1/proving";
/// Lends a job to a prover.
pub const LEASES: &str = "/v1/proving/leases";
/// Takes a prover's sign of life.
pub const BEATS: &str = "/v1/proving/beats";
/// Takes a proof.
pub const PROOFS: &str = "/v1/proving/proofs";
/// Takes a prover's failure.
pub const FAILURES: &str = "/v1/proving/failures";
/// Takes a member's signature on a verdict.
pub const VOTES: &str = "/v1/votes";
/// The providers that take part in private programs; takes one's word that it does.
pub const HOSTS: &str = "/v1/hosts";
/// What a monitoring system reads.
pub const METRICS: &str = "/metrics";

/// Asks for a part of a list: what comes after a key, at most so many.
pub fn page(list: &str, after: Option<&impl ToString>, count: usize) -> String {
    let after = after.map(|key| format!("&after={}", key.to_string())).unwrap_or_default();
    format!("{list}?count={count}{after}")
}

/// Fills in [`TRANSACTION`].
pub fn transaction(id: &TransactionId) -> String {
    TRANSACTION.replace("{id}", &id.to_string())
}

/// Fills in [`CONFIRMATION`].
pub fn confirmation(id: &TransactionId) -> String {
    CONFIRMATION.replace("{id}", &id.to_string())
}

/// Fills in [`PROOF`].
pub fn proof(id: &TransactionId) -> String {
    PROOF.replace("{id}", &id.to_string())
}

/// Fills in [`WITHDRAWAL`].
pub fn withdrawal(id: &TransactionId) -> String {
    WITHDRAWAL.replace("{id}", &id.to_string())
}

/// Fills in [`ACCOUNT`].
pub fn account(id: &AccountId) -> String {
    ACCOUNT.replace("{id}", &id.to_string())
}

/// Fills in [`BALANCE`].
pub fn balance(id: &AccountId, asset: &AssetId) -> String {
    BALANCE.replace("{id}", &id.to_string()).replace("{asset}", &asset.to_string())
}

/// Fills in [`TALLY`].
pub fn tally(id: &TallyId) -> String {
    TALLY.replace("{id}", &id.to_string())
}

/// Fills in [`CONTENT`].
pub fn content(id: &ContentId) -> String {
    CONTENT.replace("{id}", &id.to_string())
}

/// Fills in [`PROGRAM`].
pub fn program(id: &ContentId) -> String {
    PROGRAM.replace("{id}", &id.to_string())
}

/// Fills in [`TASK`].
pub fn task(id: &TaskId) -> String {
    TASK.replace("{id}", &id.to_string())
}

/// Fills in [`BLOCKS`] with the first height wanted and how long the server may wait for one.
pub fn blocks(from: Height, wait_ms: u64) -> String {
    format!("{BLOCKS}?from={from}&wait_ms={wait_ms}")
}

/// Fills in [`BLOCK`].
pub fn block(height: Height) -> String {
    BLOCK.replace("{height}", &height.to_string())
}

/// Fills in [`RECEIPTS`].
pub fn receipts(height: Height) -> String {
    RECEIPTS.replace("{height}", &height.to_string())
}

/// Fills in [`BATCHES`] with the first batch wanted and how many at most.
pub fn batches(from: u64, count: usize) -> String {
    format!("{BATCHES}?from={from}&count={count}")
}

/// Fills in [`DIFF`].
pub fn diff(number: u64) -> String {
    DIFF.replace("{number}", &number.to_string())
}

/// Fills in [`BATCH`].
pub fn batch(number: u64) -> String {
    BATCH.replace("{number}", &number.to_string())
}

/// Fills in [`BATCH_OF`].
pub fn batch_of(height: Height) -> String {
    BATCH_OF.replace("{height}", &height.to_string())
}

/// Fills in [`SIGNATURES`].
pub fn signatures(number: u64) -> String {
    SIGNATURES.replace("{number}", &number.to_string())
}

/// Fills in [`PROVEN_BATCH`].
pub fn proven_batch(number: u64) -> String {
    PROVEN_BATCH.replace("{number}", &number.to_string())
}
