//! Validity proofs: what one says, and how it is checked.
//!
//! Proof system: Plonky3's batch STARK with LogUp buses over Goldilocks, challenges in the cubic extension, Merkle trees
//! of Keccak-256, FRI. Setting: the prover may send anything; whoever accepts learns that the tables of
//! [`crate::circuit`] hold. Assumed is that Keccak-256 stands for a random function. What security that gives is
//! computed by `prover::security`, at the Johnson bound; nothing is claimed beyond it.

use crate::circuit::{Crossed, F, Table};
use crate::crossing::{self, Chains, ITEMS, Inbox, Message, Withdrawal};
use crate::hasher::RowHasher;
use crate::transcript::Transcript;
use crypto::eth::{Words, keccak};
use crypto::list;
use p3_batch_stark::{BatchProof, CommonData, ProverData, verify_batch};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::PrimeCharacteristicRing as _;
use p3_field::extension::CubicTrinomialExtensionField;
use p3_fri::{BatchMultiOpening, FriParameters, TwoAdicFriPcs};
use p3_keccak::Keccak256Hash;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::CompressionFunctionFromHasher;
use p3_uni_stark::StarkConfig;
use std::sync::LazyLock;
use types::{Bytes32, Decode as _, Digest, Encode as _, Millis};

/// The version of the proof's format: the first byte of a proof.
pub const VERSION: u8 = 3;
/// The name that transcripts begin with.
pub const PROTOCOL: &[u8] = b"talea validity 3";
/// How many bytes of a proof say what its lists come to.
const CHAINS_BYTES: usize = 64;
/// Most bytes of a proof.
pub const PROOF_BYTES: usize = 4 << 20;
/// Binary logarithm of the most rows of a table.
pub const LOG_HEIGHT_MAX: usize = 20;
/// Binary logarithm of the fewest rows of a table. A table that a batch does not need has so many: queries meet in few rows,
/// and each is sent once.
pub const LOG_HEIGHT_MIN: usize = 1;

/// Binary logarithm of how many times larger the evaluated domain is.
pub const LOG_BLOWUP: usize = 2;
/// Binary logarithm of the length at which a folded polynomial is sent whole. No table may be shorter.
pub const LOG_FINAL: usize = 0;
/// Binary logarithm of how many values are folded into one.
pub const LOG_ARITY: usize = 3;
/// How many places are opened.
pub const QUERIES: usize = 81;
/// How many bits of work precede the choice of the places.
pub const QUERY_WORK_BITS: usize = 20;

/// The extension field of the challenges: 192 bits.
pub type Challenge = CubicTrinomialExtensionField<F>;
type Compress = CompressionFunctionFromHasher<Keccak256Hash, 2, 32>;
/// The trees of columns.
pub type Values = MerkleTreeMmcs<F, u8, RowHasher, Compress, 2, 32>;
/// The trees of folded columns.
pub type Extended = ExtensionMmcs<F, Challenge, Values>;
/// What opens the columns at the queries.
pub type InputOpenings = Vec<BatchMultiOpening<F, Values>>;
type Pcs = TwoAdicFriPcs<F, Radix2DitParallel<F>, Values, Extended>;
/// The configuration of the proof system.
pub type Config = StarkConfig<Pcs, Challenge, Transcript>;

/// Returns the trees of columns.
pub fn values() -> Values {
    Values::new(RowHasher, Compress::new(Keccak256Hash), 0)
}

/// Returns the parameters of the low-degree test.
pub fn fri() -> FriParameters<Extended> {
    FriParameters {
        log_blowup: LOG_BLOWUP,
        log_final_poly_len: LOG_FINAL,
        max_log_arity: LOG_ARITY,
        num_queries: QUERIES,
        batch_proof_of_work_bits: 0,
        commit_proof_of_work_bits: 0,
        query_proof_of_work_bits: QUERY_WORK_BITS,
        mmcs: Extended::new(values()),
    }
}

/// Returns the one configuration.
pub fn config() -> Config {
    let pcs = Pcs::new(Radix2DitParallel::default(), values(), fri());
    StarkConfig::new(pcs, Transcript::new(PROTOCOL))
}

/// What a proof says: applying the entries to the parent state gives the state, takes the messages of the inbox between its
/// two ends, and makes the withdrawals; and time does not go back from one entry to the next, the one before the batch first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The digest of the chain's configuration.
    pub chain: Digest,
    /// The root before the batch.
    pub parent_root: Digest,
    /// The root after it.
    pub state_root: Digest,
    /// What the entries with their outcomes come to: see [`entries`].
    pub entries: Digest,
    /// Where the inbox stands before the batch.
    pub inbox_before: Inbox,
    /// Where it stands after it.
    pub inbox_after: Inbox,
    /// The time of the entry before the batch, as the parent state has it; no entry of the batch is earlier.
    pub time_before: Millis,
    /// The time of the last entry, as the state has it.
    pub time_after: Millis,
    /// The list root over the withdrawals.
    pub withdrawals_root: Bytes32,
}

impl Statement {
    /// Returns what the bridge table is told of lists that come to these chains.
    pub fn crossed(&self, chains: &Chains, messages: &[Message], withdrawals: &[Withdrawal]) -> Crossed<F> {
        let points = crossing::points(&self.with(chains));
        let [from, to] = [&self.inbox_before, &self.inbox_after].map(|inbox| felts(&inbox.to_elements()));
        let [since, until] = self.times();
        let mut elements = [from, since, to, until, felts(&chains.to_elements())].concat();
        elements.extend(points);
        elements.extend(crossing::values(messages, &points));
        elements.extend(crossing::values(withdrawals, &points));
        Crossed::read(&elements)
    }

    /// Returns the hash of the statement and the chains, which names the points.
    fn with(&self, chains: &Chains) -> Bytes32 {
        let mut words = Words::new().bytes32(&keccak(&[b"talea crossings 1"]));
        for digest in [&self.chain, &self.parent_root, &self.state_root, &self.entries] {
            words = words.digest(digest);
        }
        for inbox in [&self.inbox_before, &self.inbox_after] {
            words = words.number(inbox.count).bytes32(&inbox.hash);
        }
        words = words.number(self.time_before.0).number(self.time_after.0);
        words.bytes32(&self.withdrawals_root).digest(&chains.taken).digest(&chains.made).keccak()
    }

    /// Checks that the messages lead from one end of the inbox to the other, and that the withdrawals have the root.
    fn check_lists(&self, messages: &[Message], withdrawals: &[Withdrawal]) -> Result<(), Invalid> {
        let reached = messages.len() <= ITEMS && self.inbox_before.after(messages).as_ref() == Some(&self.inbox_after);
        if !reached {
            return Err(Invalid::Messages);
        }
        let root = || list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>());
        if withdrawals.len() <= ITEMS && root() == self.withdrawals_root { Ok(()) } else { Err(Invalid::Withdrawals) }
    }

    /// Returns the public values of each table.
    pub fn public_values(&self, crossed: &Crossed<F>) -> Vec<Vec<F>> {
        let of = |table: &Table| match table {
            Table::Tree => vec![&self.parent_root, &self.state_root],
            Table::Signed => vec![&self.chain],
            Table::Entry => vec![&self.entries],
            _ => Vec::new(),
        };
        let limbs = |digests: Vec<&Digest>| felts(&digests.into_iter().flat_map(Digest::limbs).collect::<Vec<_>>());
        let mut values: Vec<Vec<F>> = Table::ALL.iter().map(|table| limbs(of(table))).collect();
        for (table, values) in Table::ALL.iter().zip(&mut values) {
            match table {
                Table::Bridge => crossed.put(values),
                Table::Entry => values.extend(self.times().concat()),
                _ => {}
            }
        }
        values
    }

    /// Returns the times before and after the batch, each in halves.
    fn times(&self) -> [Vec<F>; 2] {
        [self.time_before, self.time_after].map(|time| felts(&time.to_elements()))
    }
}

fn felts(elements: &[u64]) -> Vec<F> {
    elements.iter().copied().map(F::from_u64).collect()
}

/// What became of an entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The entry's id.
    pub id: Digest,
    /// The code of why it was rejected, zero when it was applied.
    pub code: u32,
    /// When it was executed: its block's time.
    pub time: Millis,
}

/// Returns what the entries of a batch come to, one after another.
pub fn entries<'a>(of: impl IntoIterator<Item = &'a Outcome>) -> Digest {
    of.into_iter().fold(Digest::ZERO, |before, outcome| crypto::poseidon::compress(&before, &entry(outcome)))
}

/// Returns the digest of one entry.
pub fn entry(outcome: &Outcome) -> Digest {
    let mut elements = outcome.id.limbs().to_vec();
    elements.extend(outcome.code.to_elements());
    elements.extend(outcome.time.to_elements());
    crypto::poseidon::hash(crypto::Domain::Entry, &elements)
}

/// Why a proof was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is longer than a proof may be.
    #[error("the proof is longer than {PROOF_BYTES} bytes: it is none of this chain's")]
    TooLong,
    /// It is of another version, or no proof.
    #[error("these bytes are no proof of version {VERSION}: get the one for this release")]
    Form,
    /// A table's height is outside its bounds.
    #[error("a table of the proof has a height that it may not have")]
    Height,
    /// The messages are not those of the statement.
    #[error("the messages do not lead from the inbox before the batch to the inbox after it")]
    Messages,
    /// The withdrawals are not those of the statement.
    #[error("the withdrawals are not those of the root")]
    Withdrawals,
    /// It does not prove the statement.
    #[error("the proof does not prove this statement: {0}")]
    Statement(String),
}

/// Returns the bytes of a proof of lists that come to these chains, but for what the proof system adds to them.
pub fn head(chains: &Chains) -> Vec<u8> {
    [&[VERSION], chains.to_bytes().as_slice()].concat()
}

/// Returns what a proof says of its lists, and the proof system's own bytes. Nothing for another version.
pub fn split(bytes: &[u8]) -> Option<(Chains, &[u8])> {
    let (chains, rest) = bytes.strip_prefix(&[VERSION])?.split_at_checked(CHAINS_BYTES)?;
    Some((Chains::from_bytes(chains).ok()?, rest))
}

/// Checks a proof of a statement, given the messages and withdrawals whose hashes the statement has. Total: any bytes give
/// an answer.
///
/// # Errors
/// When the bytes are not a proof of it, or the lists are not the statement's.
pub fn verify(
    statement: &Statement,
    messages: &[Message],
    withdrawals: &[Withdrawal],
    bytes: &[u8],
) -> Result<(), Invalid> {
    if bytes.len() > PROOF_BYTES {
        return Err(Invalid::TooLong);
    }
    let (chains, rest) = split(bytes).ok_or(Invalid::Form)?;
    statement.check_lists(messages, withdrawals)?;
    let (proof, after): (BatchProof<Config>, _) = postcard::take_from_bytes(rest).map_err(|_| Invalid::Form)?;
    if !after.is_empty() {
        return Err(Invalid::Form);
    }
    if !fits(&proof.degree_bits) {
        return Err(Invalid::Height);
    }
    let public = statement.public_values(&statement.crossed(&chains, messages, withdrawals));
    verify_batch(&config(), &Table::ALL, &proof, &public, &COMMON).map_err(|why| Invalid::Statement(why.to_string()))
}

/// What all proofs have in common. It takes longer than all the rest of a check, so it is made once.
static COMMON: LazyLock<CommonData<Config>> = LazyLock::new(|| data(LOG_HEIGHT).common);

/// Binary logarithm of a height that all tables may have but those that have one only.
pub const LOG_HEIGHT: usize = 8;

/// Returns what prover and verifier know of the tables. It is the same for all heights, so one is enough; a test compares
/// several.
///
/// # Panics
/// When a table may not have that height.
pub fn data(log_height: usize) -> ProverData<Config> {
    let heights = Table::ALL.map(|table| table.fixed_log_height().unwrap_or(log_height));
    let degrees = Table::ALL.map(Table::shared_degree);
    ProverData::from_airs_and_degrees_with_lookup_budgets(&config(), &Table::ALL, &heights, &degrees, LOG_BLOWUP)
        .expect("columns that are the same in every proof can be committed to")
}

/// Tells whether the tables may have such heights.
fn fits(heights: &[usize]) -> bool {
    let may_have = |(table, height): (&Table, &usize)| {
        table
            .fixed_log_height()
            .map_or_else(|| (table.log_height_min()..=LOG_HEIGHT_MAX).contains(height), |fixed| *height == fixed)
    };
    heights.len() == Table::ALL.len() && Table::ALL.iter().zip(heights).all(may_have)
}
