//! Jobs: all that it takes to prove one leaf of a batch, for a process that has nothing else.

use crate::{Incoming, Unprovable, prove, record_all};
use proof::joined::{Claim, Leaf};
use proof::validity::Invalid;
use state::{Beyond, LeafRecord, Part, Portion, Shown, State, WitnessError};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use transition::{Checked, Entry, Transaction, leaf};
use types::{Digest, Millis, record};

/// Most bytes of a job.
pub const JOB_BYTES: usize = 64 << 20;

record! {
    /// Entries of one block, in their order.
    pub struct Segment {
        /// The block's time.
        pub time: Millis,
        /// The entries.
        pub entries: Vec<Entry>,
    }
}

record! {
    /// A leaf of the state that is read or written.
    pub struct Touched {
        /// The kind's number and the key's canonical bytes.
        pub key: Box<[u8]>,
        /// The value's canonical bytes, if there is one.
        pub value: Option<Box<[u8]>>,
    }
}

record! {
    /// What is to be proven, and what it takes.
    pub struct Job {
        /// The number of the batch.
        pub batch: u64,
        /// Which leaf of it, from 0.
        pub leaf: u32,
        /// What is to be proven.
        pub claim: Claim,
        /// The entries, block by block.
        pub segments: Vec<Segment>,
        /// The leaves that they touch, as they were before.
        pub touched: Vec<Touched>,
        /// The tree above those leaves: see [`Portion`].
        pub parts: Vec<Part>,
    }
}

/// Why a job gives no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It says something that cannot be: whoever made it is at fault.
    #[error("the job is damaged: {0}")]
    Damaged(String),
    /// The circuit does not cover what it holds.
    #[error(transparent)]
    Unprovable(#[from] Unprovable),
    /// The proof system refused.
    #[error("the proof system refused: {0}")]
    Refused(String),
    /// The proof that was made does not hold.
    #[error("the proof that was made does not hold: {0}")]
    Invalid(#[from] Invalid),
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Its signatures and its part of the state are checked.
    Checking,
    /// Its entries are executed and recorded.
    Recording,
    /// The proof is made.
    Proving,
    /// The proof is checked.
    Verifying,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 4] = [Self::Checking, Self::Recording, Self::Proving, Self::Verifying];

    /// Returns the stage's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Recording => "recording",
            Self::Proving => "proving",
            Self::Verifying => "verifying",
        }
    }
}

/// Notes the leaves that a job should have shown.
#[derive(Default)]
struct Missing(Mutex<BTreeSet<Box<[u8]>>>);

impl Beyond for Missing {
    fn leaf(&self, key: &[u8]) -> Option<LeafRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into());
        None
    }
}

impl Job {
    /// Proves it. `told` hears of every stage.
    ///
    /// # Errors
    /// When there is no proof of what the job claims.
    ///
    /// # Panics
    /// When the job does not show a leaf that its entries write, which whoever makes jobs has seen to.
    pub fn prove(&self, told: &dyn Fn(Stage)) -> Result<Leaf, Failed> {
        told(Stage::Checking);
        let missing = Arc::new(Missing::default());
        let mut state = self.state(missing.clone())?;
        let segments = self.segments.iter().map(|segment| Ok((segment, checked(segment, &self.claim.chain)?)));
        let segments: Vec<(&Segment, Vec<Checked>)> = segments.collect::<Result<_, Failed>>()?;
        told(Stage::Recording);
        let entries: Vec<(Millis, Incoming<'_>)> = segments
            .iter()
            .flat_map(|(segment, transactions)| {
                let mut transactions = transactions.iter();
                let incoming = segment.entries.iter().map(move |entry| match entry {
                    Entry::Message(message) => Incoming::Message(message),
                    Entry::Transaction(_) => {
                        Incoming::Transaction(transactions.next().expect("each transaction was checked"))
                    }
                });
                incoming.map(|incoming| (segment.time, incoming))
            })
            .collect();
        let recorded = record_all(&mut state, &self.claim.chain, &entries)?;
        let missed = missing.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        if missed > 0 || Claim::from(&recorded.statement) != self.claim {
            let damaged = format!("its entries do not give what it claims; it lacks {missed} leaves of the state");
            return Err(Failed::Damaged(damaged));
        }
        told(Stage::Proving);
        let proof = prove(&recorded.statement, &recorded.traces).map_err(Failed::Refused)?;
        told(Stage::Verifying);
        let leaf = recorded.leaf(proof);
        leaf.verify()?;
        Ok(leaf)
    }

    /// Returns how many entries it holds.
    pub fn entries(&self) -> usize {
        self.segments.iter().map(|segment| segment.entries.len()).sum()
    }

    /// Makes the part of the state that it shows.
    fn state(&self, beyond: Arc<dyn Beyond>) -> Result<State, Failed> {
        let damaged = |what: &str| Failed::Damaged(format!("{what} does not read"));
        let shown = self.touched.iter().map(|Touched { key, value }| {
            let path = leaf::path(key).ok_or_else(|| damaged("a leaf's key"))?;
            let read = |value: &[u8]| leaf::read(key, value).ok_or_else(|| damaged("a leaf's value"));
            let record = value.as_deref().map(read).transpose()?;
            Ok(Shown { key: key.clone(), path, record })
        });
        let portion = Portion { leaves: shown.collect::<Result<_, Failed>>()?, parts: self.parts.clone() };
        let opened = portion.open(&self.claim.parent_root, beyond);
        opened.map_err(|why: WitnessError| Failed::Damaged(why.to_string()))
    }
}

/// Checks the transactions of a segment. What is no sound transaction is in no table yet.
fn checked(segment: &Segment, chain: &Digest) -> Result<Vec<Checked>, Failed> {
    let bytes = segment.entries.iter().filter_map(|entry| match entry {
        Entry::Transaction(bytes) => Some(bytes),
        Entry::Message(_) => None,
    });
    let bytes: Vec<&Box<[u8]>> = bytes.collect();
    let verdicts = Transaction::check_all(&bytes, chain).into_iter().zip(&bytes);
    let transactions = verdicts.map(|(verdict, bytes)| {
        verdict.map_err(|_| {
            let elements: Vec<u64> = bytes.iter().map(|byte| u64::from(*byte)).collect();
            Failed::Unprovable(Unprovable::Kind(crypto::poseidon::hash(crypto::Domain::Transaction, &elements)))
        })
    });
    transactions.collect()
}
