//! The settler's loop where batches settle by claims: looks at L1, and hands over what [`crate::claiming`] wants.

use super::{Error, LOOK, Loop, Rewinder, now};
use crate::claiming::look::look;
use crate::claiming::{Claiming, Wish};
use crate::core::{Input, REFUSED};
use crate::errands::{Fact, Question};
use crate::part::{Announce, Collect, Join, Part, Prove, parts};
use l1::claims::{Claims, Heard, announcement};
use proof::Domain;
use std::collections::BTreeSet;
use store::Store;
use tokio::sync::watch;
use types::{Encode as _, EthAddress, Millis};

/// What it takes to settle by claims.
#[derive(Debug)]
pub struct Contested {
    /// The contract.
    pub claims: Claims,
    /// The block from which on the contract exists.
    pub first_block: u64,
    /// What a proposer locks, in gwei.
    pub bond_gwei: u64,
    /// Tells the proving queue which batches have to be proven.
    pub wanted: watch::Sender<BTreeSet<u64>>,
}

/// Where the claims stand, as far as this process looked.
pub(super) struct Contest {
    by: Contested,
    heard: Heard,
    pub claiming: Claiming,
    looked: Millis,
    /// Until when nothing is handed over, after L1 refused something.
    rests_until: Millis,
    /// What the operators were told.
    alarmed: BTreeSet<u64>,
}

impl Contest {
    /// Takes up the batches that were settled last. The others come from the settler.
    pub fn restore(
        by: Contested,
        store: &Store,
        settled: u64,
        domain: Domain,
        me: EthAddress,
    ) -> Result<Self, store::Error> {
        let mut claiming = Claiming::new(domain, me);
        for number in claiming.forget(settled).max(1)..=settled {
            if let Some(batch) = store.batch(number)? {
                claiming.begin(batch.header);
            }
        }
        let heard = Heard::starting_at(by.first_block);
        Ok(Self { by, heard, claiming, looked: Millis(0), rests_until: Millis(0), alarmed: BTreeSet::new() })
    }

    pub fn address(&self) -> EthAddress {
        self.by.claims.address()
    }

    /// Waits before anything else is handed over.
    pub fn rest(&mut self, now: Millis) {
        self.rests_until = now.after(REFUSED);
    }

    /// Returns the batches that have to be proven.
    pub fn wanted(&self) -> BTreeSet<u64> {
        self.by.wanted.borrow().clone()
    }

    /// Has these batches proven, and no others.
    fn want(&self, batches: BTreeSet<u64>) {
        self.by.wanted.send_if_modified(|wanted| {
            let is_other = *wanted != batches;
            if is_other {
                match batches.first() {
                    Some(batch) => tracing::warn!(batch, "contradicted: it waits for its proof"),
                    None => tracing::info!("nothing waits for a proof any more"),
                }
                *wanted = batches;
            }
            is_other
        });
    }
}

impl<R: Rewinder> Loop<R> {
    /// Hands over what claims need. The inner result passes.
    pub(super) async fn contend(&mut self) -> Result<Result<(), l1::Error>, Error> {
        let Some(contest) = self.contest.as_mut().filter(|contest| now() >= contest.looked.after(LOOK)) else {
            return Ok(Ok(()));
        };
        let settled = match self.reader.newest_settled().await {
            Ok(settled) => settled,
            Err(error) => return Ok(Err(error)),
        };
        let Contest { by, heard, claiming, .. } = contest;
        let sight = match look(&by.claims, heard, claiming, settled, self.writer.address()).await {
            Ok(sight) => sight,
            Err(error) => return Ok(Err(error)),
        };
        contest.looked = now();
        let wishes = contest.claiming.due(&sight);
        let proven = wishes.iter().filter_map(|wish| if let Wish::Prove(batch) = wish { Some(*batch) } else { None });
        contest.want(proven.collect());
        let is_resting = now() < contest.rests_until;
        self.step(Input::Committed { number: sight.committed }).await?;
        for wish in wishes.into_iter().filter(|_| !is_resting) {
            let parts = match self.parts_of(&wish).await? {
                Ok(parts) => parts,
                Err(error) => return Ok(Err(error)),
            };
            for part in parts {
                if self.course.is_under_way(&part.to_bytes()) || self.outbox.room() == 0 {
                    continue;
                }
                match self.hand(part).await? {
                    Ok(true) => {}
                    Ok(false) => return Ok(Ok(())),
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        Ok(Ok(()))
    }

    /// Returns the parts that a wish consists of, as far as they can go now. The inner result passes.
    async fn parts_of(&mut self, wish: &Wish) -> Result<Result<Vec<Part>, l1::Error>, Error> {
        let Some(contest) = &mut self.contest else { return Ok(Ok(Vec::new())) };
        let header = |number: &u64| contest.claiming.header(*number).cloned();
        let part = match wish {
            Wish::Publish(number) => return self.unpublished(*number).await,
            Wish::Prove(number) => return self.deciding(*number).await,
            Wish::Commit(number) => header(number).map(Part::Commit),
            Wish::Join => Some(Part::Join(Join { gwei: contest.by.bond_gwei })),
            Wish::Claim(number) => header(number).map(Part::Claim),
            Wish::Settle(number) => match header(number) {
                // What makes L1 believe it stands with the claims.
                Some(header) => {
                    let difference = self.store.diff(*number)?;
                    parts(header, Vec::new(), difference.as_deref(), []).pop_back()
                }
                None => None,
            },
            Wish::Eliminate(behind) => Some(Part::Eliminate(behind.clone())),
            Wish::Lift(behind) => Some(Part::Lift(behind.clone())),
            Wish::Collect => Some(Part::Collect(Collect { payee: self.writer.address() })),
            Wish::Burn => Some(Part::Collect(Collect { payee: EthAddress::ZERO })),
            // A settler goes on claiming: its bond comes back when it ends. It has every batch, and doubts nothing.
            Wish::Close(_) | Wish::Doubt(_) | Wish::Retract(_) => None,
            Wish::Alarm { batch, why } => {
                if contest.alarmed.insert(*batch) {
                    tracing::error!(batch, why, "the batch needs an operator");
                }
                None
            }
        };
        Ok(Ok(part.into_iter().collect()))
    }

    /// Returns what of a batch's difference is not on L1. The inner result passes.
    async fn unpublished(&self, number: u64) -> Result<Result<Vec<Part>, l1::Error>, Error> {
        let header = self.contest.as_ref().and_then(|contest| contest.claiming.header(number).cloned());
        let (Some(header), Some(difference)) = (header, self.store.diff(number)?) else { return Ok(Ok(Vec::new())) };
        let mut chunks = parts(header, Vec::new(), Some(&difference), []);
        chunks.pop_back();
        Ok(self.missing(chunks.into()).await)
    }

    /// Returns those of these parts that L1 does not show.
    async fn missing(&self, parts: Vec<Part>) -> Result<Vec<Part>, l1::Error> {
        let facts: Vec<Option<Fact>> = parts.iter().map(Part::fact).collect();
        let questions: BTreeSet<Question> = facts.iter().flatten().map(Fact::question).collect();
        let known = self.look_up(questions).await?;
        let is_missing = |fact: &Option<Fact>| fact.as_ref().is_some_and(|fact| !known.has(fact));
        Ok(parts.into_iter().zip(facts).filter(|(_, fact)| is_missing(fact)).map(|(part, _)| part).collect())
    }

    /// Returns what a contested batch waits for: the steps of its proof, then the announcement of the proof, and in a later
    /// block the proof. The inner result passes.
    async fn deciding(&self, number: u64) -> Result<Result<Vec<Part>, l1::Error>, Error> {
        let (Some(contest), Some(proofs)) = (&self.contest, &self.proofs) else { return Ok(Ok(Vec::new())) };
        let Some(header) = contest.claiming.header(number) else { return Ok(Ok(Vec::new())) };
        let Some(prepared) = proofs.preparing.get(header) else { return Ok(Ok(Vec::new())) };
        let steps = match self.missing(prepared.steps.clone()).await {
            Ok(steps) => steps,
            Err(error) => return Ok(Err(error)),
        };
        if !steps.is_empty() {
            return Ok(Ok(steps));
        }
        let (Some(signatures), Some(digest)) = (self.store.evidence(number)?, contest.claiming.digest(number)) else {
            return Ok(Ok(Vec::new()));
        };
        let evidence = match prepared.evidence(&signatures) {
            Ok(evidence) => evidence,
            Err(why) => {
                tracing::error!(batch = number, why, "the batch's proof gives no evidence");
                return Ok(Ok(Vec::new()));
            }
        };
        let announcement = announcement(&self.writer.address(), digest, &evidence);
        let looked = async {
            let announced = contest.by.claims.announced_in(&announcement).await?;
            Ok((announced, contest.by.claims.head().await?))
        };
        let part = match looked.await {
            Ok((None, _)) => Part::Announce(Announce { batch: number, announcement }),
            Ok((Some(block), head)) if block < head => {
                Part::Prove(Prove { header: header.clone(), evidence: evidence.into() })
            }
            Ok(_) => return Ok(Ok(Vec::new())),
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(vec![part]))
    }
}
