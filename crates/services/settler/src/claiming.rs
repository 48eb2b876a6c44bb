//! What is to be brought to L1 for batches that settle by claims, and what of it still has to be.
//!
//! Decides only. A batch is committed to, claimed with a bond, and settles when nobody contradicted the claim in time. One
//! that somebody contradicts waits for its proof. Nothing is remembered of what L1 said before: [`Claiming::due`] takes what
//! L1 shows now, so a restart, a reorganisation and what others did are one case.

mod doubt;
pub(crate) mod look;

pub use doubt::Unseen;

use crate::part::Behind;
use l1::claims::{Claimed, Contest, Stance, Standing};
use proof::{BatchHeader, Domain};
use std::collections::{BTreeMap, BTreeSet};
use types::{Bytes32, EthAddress};

/// How many batches wait for their windows at one time.
pub const CLAIMED: u64 = 16_384;

/// How many settled batches are looked after: whoever was shown wrong about them may have a bond to lose yet.
pub const KEPT: u64 = 256;

/// A batch as it was executed here.
#[derive(Debug, Clone)]
struct Known {
    header: BatchHeader,
    digest: Bytes32,
    parent_root: Bytes32,
}

/// What L1 shows of claims, in its newest block.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The last settled batch.
    pub settled: u64,
    /// The last batch that was committed to, or else that is settled.
    pub committed: u64,
    /// How we stand.
    pub standing: Standing,
    /// Who claimed what.
    pub claimed: Vec<Claimed>,
    /// How the contests stand that [`Claiming::questions`] asked for.
    pub contests: BTreeMap<u64, Contest>,
    /// How those stand who claimed something else.
    pub stances: BTreeMap<(Bytes32, EthAddress), (Stance, Standing)>,
    /// Whether the rollup would believe the claim about the next batch.
    pub is_accepted: bool,
    /// Whether we are owed something.
    pub is_owed: bool,
    /// Whether something is to be burnt.
    pub is_burnt: bool,
    /// Which claims and doubts about settled batches hold our bond and may let go of it.
    pub mine: BTreeSet<Bytes32>,
    /// The time of the newest block, in seconds.
    pub now_s: u64,
    /// For how long a claim can be contradicted.
    pub window_s: u64,
    /// The claims about batches that were not shown here, which nobody has proven.
    pub unseen: Vec<Unseen>,
}

/// What has to be done on L1 now, unless it is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Publish the batch's difference, what of it is not there.
    Publish(u64),
    /// Commit to the batch.
    Commit(u64),
    /// Lock the bond.
    Join,
    /// Claim what the batch leads to.
    Claim(u64),
    /// Have the batch proven, bring the steps of its proof, and end its contest.
    Prove(u64),
    /// Settle the batch.
    Settle(u64),
    /// Take the bond of a proposer whom a proof shows wrong.
    Eliminate(Behind),
    /// Take an eliminated proposer away from behind a claim.
    Lift(Behind),
    /// Take what a proof earned.
    Collect,
    /// Have the rest of lost bonds burnt.
    Burn,
    /// Say that a claim is to be proven, because what it is about is not shown.
    Doubt(Box<Claimed>),
    /// Take our doubt of a claim back.
    Retract(Bytes32),
    /// Let go of the bond behind a claim or a doubt of ours.
    Close(Bytes32),
    /// Tell the operators.
    Alarm {
        /// About which batch.
        batch: u64,
        /// What is wrong.
        why: &'static str,
    },
}

/// The batches that settle by claims.
#[derive(Debug)]
pub struct Claiming {
    domain: Domain,
    me: EthAddress,
    batches: BTreeMap<u64, Known>,
}

impl Claiming {
    /// Begins with nothing, for a proposer.
    pub fn new(domain: Domain, me: EthAddress) -> Self {
        Self { domain, me, batches: BTreeMap::new() }
    }

    /// Takes a batch up. Settled ones are taken too, so that whoever lied about them loses the bond.
    pub fn begin(&mut self, header: BatchHeader) {
        let digest = header.digest(&self.domain);
        let parent_root = Bytes32(header.parent_root.to_be_bytes());
        self.batches.insert(header.number, Known { header, digest, parent_root });
    }

    /// Drops this batch and all behind it: whoever wants them sent hands them over again.
    pub fn drop_from(&mut self, batch: u64) {
        self.batches.split_off(&batch);
    }

    /// Returns a batch as it was executed here.
    pub fn header(&self, number: u64) -> Option<&BatchHeader> {
        self.batches.get(&number).map(|known| &known.header)
    }

    /// Returns the digest of a batch as it was executed here.
    pub fn digest(&self, number: u64) -> Option<&Bytes32> {
        self.batches.get(&number).map(|known| &known.digest)
    }

    /// Forgets what was settled long ago, and returns the first batch that is kept.
    pub fn forget(&mut self, settled: u64) -> u64 {
        let first = settled.saturating_sub(KEPT);
        self.batches = self.batches.split_off(&first);
        first
    }

    /// Returns the batches whose contests have to be looked up before [`Claiming::due`], each with the claims of others
    /// about it that are not ours, and the doubts of ours. A claim after a state that the chain never had contradicts
    /// nothing, and neither does a doubt of a claim that is false.
    pub fn questions<'a>(&self, claimed: &'a [Claimed]) -> BTreeMap<u64, Vec<&'a Claimed>> {
        let mut found: BTreeMap<u64, Vec<&Claimed>> = BTreeMap::new();
        for claim in claimed {
            let Some(known) = self.batches.get(&claim.number) else { continue };
            let is_against = claim.doubts.map_or(claim.digest != known.digest, |doubted| doubted == known.digest);
            if claim.parent_root == known.parent_root && is_against {
                found.entry(claim.number).or_default().push(claim);
            }
        }
        found
    }

    /// Returns what has to be done now, in order.
    pub fn due(&self, sight: &Sight) -> Vec<Wish> {
        let contradicted = self.questions(&sight.claimed);
        let mine: BTreeSet<&Bytes32> =
            sight.claimed.iter().filter(|claim| claim.proposer == self.me).map(|claim| &claim.digest).collect();
        // Who is shown wrong goes first: what only such proposers stand behind needs no proof.
        let mut wishes = spoils(sight, &contradicted);
        let mut is_proving = false;
        for (number, known) in self.batches.range(sight.settled.saturating_add(1)..) {
            let number = *number;
            if number > sight.committed {
                if number == sight.committed + 1 {
                    wishes.extend([Wish::Publish(number), Wish::Commit(number)]);
                }
                break;
            }
            let contest = sight.contests.get(&number);
            let proven = contest.and_then(|contest| contest.proven);
            if proven.is_some_and(|proven| proven != known.digest) {
                let why = "a proof supports another outcome than was executed here";
                wishes.push(Wish::Alarm { batch: number, why });
                break;
            }
            if proven.is_none() && !mine.contains(&known.digest) {
                wishes.extend(claim(number, sight.standing, &wishes));
            }
            let needs = |contest: &Contest| {
                let claims = contradicted.get(&number).map_or(&[][..], Vec::as_slice);
                // A doubt can be taken back as long as the window lasts.
                let is_over = sight.now_s >= contest.since.saturating_add(sight.window_s);
                contest.claims > 1 && is_contradicted(sight, claims) || is_over && is_doubted(sight, claims)
            };
            if proven.is_none() && !is_proving && contest.is_some_and(needs) {
                // One at a time: the first proof may eliminate whoever contradicts the others.
                is_proving = true;
                wishes.push(Wish::Prove(number));
            }
            if number == sight.settled + 1 && sight.is_accepted {
                wishes.extend([Wish::Publish(number), Wish::Settle(number)]);
            }
        }
        if sight.is_owed {
            wishes.push(Wish::Collect);
        }
        // All at once, when nobody is left to be eliminated.
        if sight.is_burnt && !wishes.iter().any(|wish| matches!(wish, Wish::Eliminate(_))) {
            wishes.push(Wish::Burn);
        }
        wishes
    }

    /// Returns what somebody does who claims nothing but what contradicts others, and holds no bond longer than needed.
    pub fn contradictions(&self, sight: &Sight) -> Vec<Wish> {
        let is_mine = |claim: &&Claimed| claim.proposer == self.me;
        let mine: BTreeSet<&Bytes32> = sight.claimed.iter().filter(is_mine).map(|claim| &claim.digest).collect();
        let contradicted = self.questions(&sight.claimed);
        // A lie whose maker has lost the bond elsewhere settles as any other, until somebody takes it away.
        let mut wishes = spoils(sight, &contradicted);
        wishes.retain(|wish| matches!(wish, Wish::Lift(_)));
        for (number, claims) in contradicted {
            let (Some(known), Some(contest)) = (self.batches.get(&number), sight.contests.get(&number)) else {
                continue;
            };
            // Whoever stands behind the same may be in league with the liar, and fall.
            let is_open = number > sight.settled && contest.proven.is_none() && !mine.contains(&known.digest);
            if is_open && is_contradicted(sight, &claims) {
                wishes.extend(claim(number, sight.standing, &wishes));
            }
        }
        wishes.extend(sight.mine.iter().copied().map(Wish::Close));
        wishes
    }
}

/// Returns what a proposer does to stand behind a claim.
fn claim(number: u64, standing: Standing, wishes: &[Wish]) -> Option<Wish> {
    match standing {
        Standing::Stranger if wishes.contains(&Wish::Join) => None,
        Standing::Stranger => Some(Wish::Join),
        Standing::Bonded { .. } => Some(Wish::Claim(number)),
        Standing::Eliminated => {
            Some(Wish::Alarm { batch: number, why: "our bond is lost, and with it the right to claim" })
        }
    }
}

/// Says whether a proposer stands behind a claim or a doubt with a bond.
fn answers(sight: &Sight, claim: &Claimed) -> bool {
    matches!(sight.stances.get(&(claim.digest, claim.proposer)), Some((Stance::Behind, Standing::Bonded { .. })))
}

/// Says whether somebody with a bond stands behind another claim.
fn is_contradicted(sight: &Sight, claims: &[&Claimed]) -> bool {
    claims.iter().any(|claim| claim.doubts.is_none() && answers(sight, claim))
}

/// Says whether somebody with a bond doubts the true claim.
fn is_doubted(sight: &Sight, claims: &[&Claimed]) -> bool {
    claims.iter().any(|claim| claim.doubts.is_some() && answers(sight, claim))
}

/// Says whether a proof shows whoever claimed or doubted this wrong.
fn is_refuted(claim: &Claimed, proven: &Bytes32) -> bool {
    claim.doubts.map_or(claim.digest != *proven, |doubted| doubted == *proven)
}

/// Returns what follows from proofs that were given: bonds to be taken, and claims that count no more.
fn spoils(sight: &Sight, contradicted: &BTreeMap<u64, Vec<&Claimed>>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (number, claims) in contradicted {
        let Some(proven) = sight.contests.get(number).map(|contest| contest.proven) else { continue };
        for claim in claims {
            let behind = Behind { digest: claim.digest, proposer: claim.proposer };
            match sight.stances.get(&(claim.digest, claim.proposer)) {
                Some((Stance::Behind, Standing::Bonded { .. })) if proven.is_some_and(|it| is_refuted(claim, &it)) => {
                    let is_known =
                        |wish: &Wish| matches!(wish, Wish::Eliminate(other) if other.proposer == claim.proposer);
                    if !wishes.iter().any(is_known) {
                        wishes.push(Wish::Eliminate(behind));
                    }
                }
                Some((Stance::Behind, Standing::Eliminated)) if proven.is_none() && *number > sight.settled => {
                    wishes.push(Wish::Lift(behind));
                }
                _ => {}
            }
        }
    }
    wishes
}

#[cfg(test)]
mod tests;
