//! Request and response types and the route list of the public API.
//!
//! Everybody uses these routes: the command line, providers, committee members, the coordinator. Whatever must be
//! believed comes with a path or a signature, so that the server need not be trusted.
//!
//! ```
//! assert_eq!(api::path::transaction(&types::TransactionId(types::Digest::ZERO)).len(), "/v1/transactions/0x".len() + 64);
//! ```

pub mod bulk;
pub mod hook;
pub mod metric;
pub mod path;
pub mod private;
pub mod proving;

use ledger::{Withdrawal, bridge::CursorRecord, tally::TallyRecord};
use proof::{Anchor, BlockHeader};
use serde::{Deserialize, Serialize};
use state::Path;
use task::{OfferRecord, TaskRecord, Verdict};
use transition::{Batch, ChainConfig, Receipt};
use types::{
    AccountId, Amount, AssetId, Bytes32, ContentId, Digest, EthAddress, Height, Millis, Signature, TallyId, TaskId,
    TransactionId,
};

/// Most blocks, or batches, in one answer.
pub const FEED: usize = 64;
/// Most bytes of blocks, or batches, in one answer; a single one that is longer is an answer of its own.
pub const FEED_BYTES: usize = 4 << 20;
/// Most leaves or batches that are looked at for one answer; some are passed over.
pub const PAGE_LOOKS: usize = 4 * types::limits::PAGE;

/// Bytes as hexadecimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(2 + 2 * self.0.len());
        text.push_str("0x");
        for byte in &self.0 {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        out.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let bad = || serde::de::Error::custom("expected 0x and an even number of hexadecimal digits");
        let digits = text.strip_prefix("0x").ok_or_else(bad)?.as_bytes();
        if digits.len() % 2 != 0 {
            return Err(bad());
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
        digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Self).ok_or_else(bad)
    }
}

/// The contracts on the base chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contracts {
    /// Settles batches and keeps the inbox.
    pub rollup: EthAddress,
    /// Holds the value.
    pub vault: EthAddress,
    /// Checks the committee's quorum.
    pub committee: EthAddress,
    /// The way out of a frozen rollup.
    pub exits: EthAddress,
    /// The halves of tallies that were withdrawn.
    pub halves: EthAddress,
    /// The development token, where there is one.
    pub token: Option<EthAddress>,
    /// Where proofs are checked, on a chain whose batches settle by them.
    #[serde(default)]
    pub validity: Option<Validity>,
}

/// The contracts that check validity proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Checks statements.
    pub statements: EthAddress,
    /// Checks queries.
    pub queries: EthAddress,
    /// Whom the rollup asks.
    pub verifier: EthAddress,
}

/// `GET /v1/status`: what the chain is and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The chain's configuration.
    pub config: ChainConfig,
    /// What verifiers trust.
    pub anchor: Anchor,
    /// Where value is deposited and claimed.
    pub contracts: Contracts,
    /// The state root before the first block.
    pub genesis_root: Digest,
    /// The last block.
    pub head: Option<BlockHeader>,
    /// Where the ledger stands against the base chain.
    pub cursor: CursorRecord,
    /// The last sealed batch; 0 before the first.
    pub sealed: u64,
    /// The last batch that the base chain settled; 0 before the first.
    pub settled: u64,
    /// How many availability members have signed something since this node started.
    pub members_seen: usize,
}

/// `POST /v1/transactions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitRequest {
    /// The transaction's canonical bytes.
    pub transaction: Hex,
}

/// A part of a list that may be long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T, K> {
    /// What stands in this part, in order. It may be less than was asked for, or nothing, and yet not the end.
    pub items: Vec<T>,
    /// What to ask with as `after` for the next part; nothing at the end.
    pub next: Option<K>,
}

/// The answer to a transaction: in which block it stands and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The transaction.
    pub id: TransactionId,
    /// Its block.
    pub height: Height,
    /// Its place in the block.
    pub position: u32,
    /// What became of it.
    pub receipt: Receipt,
    /// What the rejection means and what to do, when it was rejected.
    pub explanation: Option<String>,
    /// The canonical bytes of a [`proof::confirmation::SoftConfirmation`]: the sequencer's word on all of this.
    pub soft: Hex,
}

/// `GET /v1/transactions/{id}/proof`: a receipt that convinces without trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenReceipt {
    /// What the proof is checked against; whoever verifies brings an own copy, or believes this one.
    pub anchor: Anchor,
    /// The canonical bytes of a [`proof::ReceiptProof`].
    pub proof: Hex,
}

/// A balance of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// What is held.
    pub asset: AssetId,
    /// How much, in quanta.
    pub amount: Amount,
}

/// A session that was granted for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Who may act.
    pub agent: AccountId,
    /// From when on no longer.
    pub expires: Millis,
    /// Who granted it. It is void when somebody else keeps the account now.
    pub keeper: AccountId,
}

/// `GET /v1/accounts/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Which account.
    pub account: AccountId,
    /// What its next transaction is numbered.
    pub nonce: u64,
    /// Who acts for it: itself, unless it was handed over.
    pub keeper: AccountId,
    /// Its balances, with `after=` an asset and `count=` for a part of them.
    pub holdings: Page<Holding, AssetId>,
    /// Its sessions, with `sessions_after=` an agent and `count=` for a part of them.
    pub sessions: Page<SessionView, AccountId>,
}

/// `GET /v1/tallies/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyView {
    /// Which tally.
    pub id: TallyId,
    /// The tally.
    pub record: TallyRecord,
}

/// `GET /v1/accounts/{id}/balances/{asset}`: a balance with its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceProof {
    /// The block whose root the path leads to.
    pub block: BlockHeader,
    /// The balance, in quanta.
    pub amount: Amount,
    /// The path to the balance's leaf, or to its absence when the balance is zero.
    pub path: Path,
}

/// `POST /v1/content` answers with the content's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentView {
    /// The content's id.
    pub id: ContentId,
}

/// `GET /v1/programs/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramView {
    /// Who is paid when it runs.
    pub author: AccountId,
}

/// One of `GET /v1/offers?after=P&count=N`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// Whose offer.
    pub provider: AccountId,
    /// The offer.
    pub record: OfferRecord,
}

/// One of `GET /v1/tasks?after=T&count=N`, and `GET /v1/tasks/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Which task.
    pub id: TaskId,
    /// The task.
    pub record: TaskRecord,
}

/// `GET /v1/blocks?from=H&count=N&wait_ms=W`: the canonical bytes of blocks from a height on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// The blocks, in order.
    pub blocks: Vec<Hex>,
    /// From where to go on.
    pub next: Height,
}

/// `GET /v1/blocks/{height}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    /// What the block commits to.
    pub header: BlockHeader,
    /// The canonical bytes of the whole block.
    pub block: Hex,
}

/// `GET /v1/blocks/{height}/receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// One for each entry of the block, in order.
    pub receipts: Vec<Receipt>,
}

/// What settled a batch on the base chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementView {
    /// The base chain's transaction.
    pub transaction: Bytes32,
    /// Its block.
    pub block: u64,
    /// The gas it used.
    pub gas_used: u64,
}

/// `GET /v1/batches/{number}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchView {
    /// The batch.
    pub batch: Batch,
    /// The committee's signatures, once there is a quorum.
    pub evidence: Option<Hex>,
    /// How it settled, once it has.
    pub settlement: Option<SettlementView>,
    /// What its proof took, where it is proven.
    #[serde(default)]
    pub proof: Option<ProofView>,
}

/// What a batch's proof took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofView {
    /// How many leaves are proven.
    pub leaves: u64,
    /// How long their proofs are together.
    pub bytes: u64,
    /// How long provers worked on them together, in milliseconds.
    pub prove_ms: u64,
    /// How many transactions of this node checked steps of them on the base chain.
    pub verify_transactions: u64,
    /// The gas that those used.
    pub verify_gas: u64,
    /// Bits of security of the weakest of them, proven at the Johnson bound.
    pub security_bits: u64,
}

/// `GET /v1/batches?from=N&count=C`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    /// The batches, in order.
    pub batches: Vec<BatchView>,
    /// From where to go on.
    pub next: u64,
}

/// `POST /v1/batches/{number}/signatures`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSignature {
    /// The member.
    pub signer: EthAddress,
    /// Its signature on the batch header's EIP-712 digest: r, s, v.
    pub signature: Hex,
}

/// `POST /v1/votes`: a member's signature on a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The verdict.
    pub verdict: Verdict,
    /// The member's place among the chain's resolvers.
    pub resolver: u32,
    /// Its signature on the verdict's digest.
    pub signature: Signature,
}

/// `GET /v1/transactions/{id}/withdrawal`: what to show the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalProof {
    /// The batch that holds the withdrawal.
    pub batch: u64,
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// Its place among the batch's withdrawals.
    pub position: u64,
    /// The path to the batch's withdrawals root.
    pub path: Vec<Bytes32>,
    /// Whether the base chain has settled the batch, so that the vault will pay.
    pub settled: bool,
}

/// Any answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable number of the rejection, or 0.
    pub code: u32,
    /// What happened and what to do.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_text_reads_back_and_bad_text_does_not() {
        let hex = Hex(vec![0, 1, 0xfe]);
        let text = serde_json::to_string(&hex).unwrap();
        assert_eq!(text, "\"0x0001fe\"");
        assert_eq!(serde_json::from_str::<Hex>(&text).unwrap(), hex);
        for bad in ["\"0001\"", "\"0x001\"", "\"0x0g\"", "\"0x+1\"", "7"] {
            assert!(serde_json::from_str::<Hex>(bad).is_err(), "{bad}");
        }
    }
}
