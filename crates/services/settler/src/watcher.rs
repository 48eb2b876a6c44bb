//! A watcher: executes every batch again from the public feed, and contradicts on L1 whoever claims something else.
//!
//! Anybody may be one, with a bond at hand; it has no private door. Which blocks a batch holds is the sequencer's commitment
//! on L1; what they lead to is the watcher's own word. What it does on L1 is decided by
//! [`crate::claiming::Claiming::contradictions`].
//!
//! Trust: the feed has to show what was committed to. A batch whose blocks are withheld cannot be contradicted, but a watcher
//! that is told to can doubt what is claimed of it: then a proof has to show it. Its bond is lost if one does.

use crate::claiming::look::{Rounds, held, look};
use crate::claiming::{Claiming, KEPT, Wish};
use crate::member::run::{Away, Error, Following, Setting};
use crate::part::Behind;
use l1::claims::{Claims, Heard, Step};
use l1::{Call, Sent, Units, Writer};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use types::{Bytes32, Causes};

/// How often L1 is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long to pause after something failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What a watcher tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A batch was executed again.
    Executed {
        /// Which.
        batch: u64,
    },
    /// The bond is locked.
    Joined,
    /// Claims about a batch were contradicted.
    Contradicted {
        /// Which.
        batch: u64,
    },
    /// A claim about a batch is doubted, whose blocks nobody shows.
    Doubted {
        /// Which.
        batch: u64,
    },
    /// The blocks were shown after all: the claim is true, and doubted no more.
    Retracted {
        /// Which.
        claim: Bytes32,
    },
    /// A claim or a doubt holds the bond no more.
    Closed {
        /// Which.
        claim: Bytes32,
    },
    /// Something that only people can mend.
    Alarm {
        /// About which batch.
        batch: u64,
        /// What.
        why: &'static str,
    },
}

/// Who contradicts.
pub struct Proposer {
    /// Signs and pays. Nobody else sends with its key.
    pub writer: Writer,
    /// The contract.
    pub claims: Claims,
    /// The block from which on the contract exists.
    pub first_block: u64,
    /// Whether to doubt what is claimed of batches that the feed does not show.
    pub is_doubting: bool,
}

impl Proposer {
    async fn call(&self, step: Step<'_>) -> Result<Sent, l1::Error> {
        self.writer.call(Call::Claims { claims: self.claims.address(), step }).await
    }

    /// Takes the bond back, when every claim that holds it is about a settled batch. Returns how many claims were closed.
    pub async fn leave(&self) -> Result<u64, l1::Error> {
        let me = self.writer.address();
        let claimed = self.claims.follow(&mut Heard::starting_at(self.first_block)).await?;
        let mut closed = 0;
        if !self.claims.is_over().await? {
            let settled = self.claims.settled().await?;
            for digest in held(&self.claims, &claimed, settled, me).await? {
                self.call(Step::Close { digest, proposer: me }).await?;
                closed += 1;
            }
        }
        self.call(Step::Leave).await?;
        Ok(closed)
    }
}

struct Watcher<F> {
    following: Following,
    proposer: Proposer,
    bond: Units,
    claiming: Claiming,
    heard: Heard,
    rounds: Rounds,
    /// Which batches' silence was told.
    alarmed: BTreeSet<u64>,
    looked: Option<Instant>,
    /// The last batch that was executed again.
    last: u64,
    tell: F,
}

/// Watches until the store fails or the feed does not hold. A feed or an L1 that is away is waited for.
pub async fn run(setting: Setting, proposer: Proposer, tell: impl Fn(&Event)) -> Result<(), Error> {
    let domain = setting.anchor.domain.clone();
    let following = Following::restore(setting, None)?;
    let claiming = Claiming::new(domain, proposer.writer.address());
    let heard = Heard::starting_at(proposer.first_block);
    let bond = loop {
        match proposer.claims.terms().await {
            Ok(terms) => break terms.bond,
            Err(error) => tracing::warn!(error = %Causes(&error), "L1 is away"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let (rounds, alarmed) = (Rounds::default(), BTreeSet::new());
    let mut watcher =
        Watcher { following, proposer, bond, claiming, heard, rounds, alarmed, looked: None, last: 0, tell };
    watcher.take_up()?;
    loop {
        if let Err(error) = watcher.turn().await? {
            tracing::warn!(error = %Causes(&error), "not followed");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl<F: Fn(&Event)> Watcher<F> {
    /// Takes up the batches that the store has: all that were executed since, or none of those that were taken back.
    fn take_up(&mut self) -> Result<(), Error> {
        let store = &self.following.setting.store;
        let last = store.last_batch()?.map_or(0, |batch| batch.header.number);
        if last < self.last {
            self.claiming.drop_from(last + 1);
            self.last = last;
        }
        for number in self.last.max(last.saturating_sub(crate::claiming::CLAIMED + KEPT)) + 1..=last {
            if let Some(batch) = store.batch(number)? {
                self.claiming.begin(batch.header);
            }
        }
        self.last = last;
        Ok(())
    }

    async fn turn(&mut self) -> Result<Result<(), Away>, Error> {
        let followed = self.follow().await?;
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(followed);
        }
        self.looked = Some(Instant::now());
        // What was executed already can be contradicted while the feed is away: that may be why it is.
        Ok(self.contradict().await.map_err(Away::from).and(followed))
    }

    /// Executes what is new, and takes the batches that L1 holds commitments to.
    async fn follow(&mut self) -> Result<Result<(), Away>, Error> {
        let followed = self.following.follow().await?;
        self.take_up()?;
        if followed.is_err() {
            return Ok(followed);
        }
        loop {
            let commitment = match self.proposer.claims.commitment(self.last + 1).await {
                Ok(commitment) => commitment,
                Err(error) => return Ok(Err(error.into())),
            };
            let Some(commitment) = commitment else { return Ok(Ok(())) };
            let is_taken = match self.following.take_committed(commitment.data_root).await? {
                Ok(is_taken) => is_taken,
                Err(error) => return Ok(Err(error)),
            };
            self.take_up()?;
            if !is_taken {
                return Ok(Ok(()));
            }
            (self.tell)(&Event::Executed { batch: self.last });
        }
    }

    async fn contradict(&mut self) -> Result<(), l1::Error> {
        let (me, claims) = (self.proposer.writer.address(), &self.proposer.claims);
        let settled = claims.settled().await?;
        let mut sight = look(claims, &mut self.heard, &mut self.claiming, settled, me).await?;
        sight.mine = held(claims, &sight.claimed, settled, me).await?;
        self.rounds.look(claims, &self.claiming, &mut sight, me).await?;
        let mut wishes = self.claiming.contradictions(&sight);
        for wish in self.claiming.doubts(&sight) {
            let is_doubt = matches!(wish, Wish::Doubt(_) | Wish::Join);
            if self.proposer.is_doubting || !is_doubt {
                wishes.push(wish);
            }
        }
        for batch in sight.unseen.iter().filter(|one| !one.is_doubted).map(|one| one.claim.number) {
            if !self.proposer.is_doubting && self.alarmed.insert(batch) {
                let why = "its blocks are not shown, and what is claimed of it settles soon: find them, or doubt it";
                (self.tell)(&Event::Alarm { batch, why });
            }
        }
        for wish in wishes {
            match wish {
                Wish::Join => {
                    self.proposer.call(Step::Join { bond: self.bond }).await?;
                    (self.tell)(&Event::Joined);
                    // The bond is there now: the claims follow at once.
                    self.looked = None;
                }
                Wish::Claim(batch) => {
                    let Some(header) = self.claiming.header(batch) else { continue };
                    self.proposer.call(Step::Claim { batch: header }).await?;
                    (self.tell)(&Event::Contradicted { batch });
                }
                Wish::Lift(Behind { digest, proposer }) => {
                    self.proposer.call(Step::Lift { digest, proposer }).await?;
                }
                Wish::Doubt(claim) => {
                    self.proposer.call(Step::Doubt { claim: &claim }).await?;
                    (self.tell)(&Event::Doubted { batch: claim.number });
                }
                Wish::Retract(claim) => {
                    self.proposer.call(Step::Retract { digest: claim }).await?;
                    (self.tell)(&Event::Retracted { claim });
                }
                Wish::Close(claim) => {
                    self.proposer.call(Step::Close { digest: claim, proposer: me }).await?;
                    (self.tell)(&Event::Closed { claim });
                }
                Wish::Alarm { batch, why } => (self.tell)(&Event::Alarm { batch, why }),
                _ => {}
            }
        }
        Ok(())
    }
}
