//! From the stored proofs of a batch to what is sent of them to L1.

use crate::part::{Part, Queries, Statement};
use crate::proving::{Plan, Planned};
use crypto::eth::keccak;
use proof::BatchHeader;
use proof::joined::Leaf;
use prover::onchain::{Key, Opened, STEP_BYTES, Sent, evidence};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use store::Store;
use tokio::task::JoinHandle;
use transition::proven::ProvenLeaf;
use types::{Bytes32, Causes, Decode as _};

/// What a batch's proof takes on L1.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The batch.
    pub header: BatchHeader,
    /// The steps, leaf by leaf.
    pub steps: Vec<Part>,
    /// The leaves, with the digests of their contexts.
    leaves: Vec<(Bytes32, Leaf)>,
}

impl Prepared {
    /// Cuts the proofs of a batch's leaves into steps. Checks them: a step of a wrong one would cost and fail.
    fn new(key: &Key, header: BatchHeader, leaves: Vec<Leaf>) -> Result<Self, String> {
        let batch = header.number;
        let (mut steps, mut named) = (Vec::new(), Vec::new());
        for leaf in leaves {
            let opened = Opened::new(key, &leaf).map_err(|why| Causes(&why).to_string())?;
            let Sent { statement, .. } = key.sent(&leaf).map_err(|why| why.to_string())?;
            let context = opened.context();
            let digest = keccak(&[context]);
            steps.push(Part::Statement(Statement { batch, context: digest, bytes: statement.into() }));
            steps.extend(opened.steps(STEP_BYTES).into_iter().map(|step| {
                let (positions, openings) = (step.positions.into(), step.openings.into());
                Part::Queries(Queries { batch, context: context.into(), positions, openings })
            }));
            named.push((digest, leaf));
        }
        Ok(Self { header, steps, leaves: named })
    }

    /// Returns what the rollup's verifier asks for, with the quorum's signatures in it.
    pub fn evidence(&self, signatures: &[u8]) -> Result<Vec<u8>, String> {
        let leaves: Vec<(Bytes32, &Leaf)> = self.leaves.iter().map(|(context, leaf)| (*context, leaf)).collect();
        evidence(&self.header, signatures, &leaves).map_err(|why| why.to_string())
    }
}

/// What there is of a batch's proof.
enum Stored {
    /// Some of its leaves are not proven yet.
    Partly,
    /// It will not be proven.
    Refused(String),
    /// All of it.
    Whole(BatchHeader, Vec<Leaf>),
}

fn stored(store: &Store, number: u64) -> Result<Stored, store::Error> {
    let (Some(batch), Some(plan)) = (store.batch(number)?, store.plan(number)?) else { return Ok(Stored::Partly) };
    let damaged = || Stored::Refused("its record of what is to be proven is damaged".to_owned());
    let Planned { leaves } = match Plan::from_bytes(&plan) {
        Ok(Plan::Leaves(planned)) => planned,
        Ok(Plan::Refused(refused)) => {
            return Ok(Stored::Refused(String::from_utf8_lossy(&refused.reason).into_owned()));
        }
        Err(_) => return Ok(damaged()),
    };
    let mut proven = Vec::new();
    for leaf in (0..).take(leaves.len()) {
        let Some(bytes) = store.leaf_proof(number, leaf)? else { return Ok(Stored::Partly) };
        let Ok(ProvenLeaf { leaf, .. }) = ProvenLeaf::from_bytes(&bytes) else { return Ok(damaged()) };
        proven.push(leaf);
    }
    Ok(Stored::Whole(batch.header, proven))
}

/// Prepares batches one at a time, beside everything else.
pub(crate) struct Preparing {
    store: Store,
    /// Made when it is first needed: that takes as long as a small proof's check, and is nobody's wait at the start.
    key: Arc<OnceLock<Key>>,
    at_work: Option<(u64, JoinHandle<Result<Prepared, String>>)>,
    done: BTreeMap<u64, Prepared>,
    /// Those that cannot be, so that it is said once.
    refused: BTreeMap<u64, String>,
}

impl Preparing {
    pub fn new(store: Store) -> Self {
        let (at_work, done, refused) = (None, BTreeMap::new(), BTreeMap::new());
        Self { store, key: Arc::default(), at_work, done, refused }
    }

    /// Returns what was prepared of a batch.
    pub fn get(&self, header: &BatchHeader) -> Option<&Prepared> {
        self.done.get(&header.number).filter(|prepared| prepared.header == *header)
    }

    /// Forgets everything, because the chain was taken back.
    pub fn clear(&mut self) {
        self.done.clear();
        self.refused.clear();
        // It comes to its end and is not asked.
        self.at_work = None;
    }

    /// Forgets what is settled.
    pub fn forget(&mut self, settled: u64) {
        self.done = self.done.split_off(&(settled + 1));
        self.refused = self.refused.split_off(&(settled + 1));
    }

    /// Goes on with the lowest of these batches, and returns those that became ready.
    pub async fn work(&mut self, wanted: impl Iterator<Item = u64>) -> Result<Vec<u64>, store::Error> {
        if let Some((number, work)) = self.at_work.take_if(|(_, work)| work.is_finished()) {
            match work.await.unwrap_or_else(|_| Err("it could not be prepared".to_owned())) {
                Ok(prepared) => _ = self.done.insert(number, prepared),
                Err(why) => self.refuse(number, why),
            }
        }
        let mut ready = Vec::new();
        for number in wanted {
            if self.done.contains_key(&number) {
                ready.push(number);
            } else if self.at_work.is_none() && !self.refused.contains_key(&number) {
                match stored(&self.store, number)? {
                    Stored::Partly => {}
                    Stored::Refused(why) => self.refuse(number, why),
                    Stored::Whole(header, leaves) => {
                        let key = Arc::clone(&self.key);
                        let work = tokio::task::spawn_blocking(move || {
                            Prepared::new(key.get_or_init(Key::new), header, leaves)
                        });
                        self.at_work = Some((number, work));
                    }
                }
            }
        }
        Ok(ready)
    }

    fn refuse(&mut self, number: u64, why: String) {
        tracing::error!(
            batch = number,
            why,
            "the batch has no proof that L1 would take: it cannot settle, nor what follows"
        );
        self.refused.insert(number, why);
    }
}
