//! Looking at L1 for what [`super::Claiming`] decides by.

use super::doubt::{doubt, doubted_from, reachable};
use super::{Claiming, Sight, Unseen, is_refuted};
use l1::claims::{Claimed, Claims, Heard, Stance};
use std::collections::{BTreeMap, BTreeSet};
use types::{Bytes32, EthAddress};

/// Looks up what the batches need that are known here.
pub(crate) async fn look(
    claims: &Claims,
    heard: &mut Heard,
    claiming: &mut Claiming,
    settled: u64,
    me: EthAddress,
) -> Result<Sight, l1::Error> {
    heard.forget_before(claiming.forget(settled));
    let claimed: Vec<Claimed> = claims.follow(heard).await?;
    let (mut contests, mut stances) = (BTreeMap::new(), BTreeMap::new());
    for (number, others) in claiming.questions(&claimed) {
        let Some(header) = claiming.header(number) else { continue };
        contests.insert(number, claims.contest(number, &header.parent_root).await?);
        for Claimed { digest, proposer, .. } in others {
            let stance = claims.stance(digest, proposer).await?;
            stances.insert((*digest, *proposer), (stance, claims.standing(proposer).await?));
        }
    }
    let is_accepted = match claiming.digest(settled + 1) {
        Some(digest) => claims.is_accepted(digest).await?,
        None => false,
    };
    Ok(Sight {
        settled,
        committed: claims.last_committed().await?.max(settled),
        standing: claims.standing(&me).await?,
        claimed,
        contests,
        stances,
        is_accepted,
        is_owed: claims.owed(&me).await? != l1::Units::ZERO,
        is_burnt: claims.owed(&EthAddress::ZERO).await? != l1::Units::ZERO,
        mine: BTreeSet::new(),
        now_s: claims.now_s().await?,
        window_s: claims.terms().await?.window_s,
        unseen: Vec::new(),
    })
}

/// Returns which claims and doubts about settled batches hold a proposer's bond. One that a proof shows wrong does not let
/// go of it.
pub(crate) async fn held(
    claims: &Claims,
    claimed: &[Claimed],
    settled: u64,
    me: EthAddress,
) -> Result<BTreeSet<Bytes32>, l1::Error> {
    let mut held = BTreeSet::new();
    for claim in claimed.iter().filter(|claim| claim.proposer == me && claim.number <= settled) {
        if claims.stance(&claim.digest, &me).await? == Stance::Behind {
            let contest = claims.contest_after(claim.number, &claim.parent_root).await?;
            if !contest.proven.is_some_and(|proven| is_refuted(claim, &proven)) {
                held.insert(claim.digest);
            }
        }
    }
    Ok(held)
}

/// After how many seconds a doubt of ours is looked for again: a reorganisation may have taken it away.
const DOUBTED_AGAIN_S: u64 = 60;

/// When claims about what is not shown have to be looked at again, by batch and digest: their windows never become shorter.
#[derive(Debug, Default)]
pub(crate) struct Rounds(BTreeMap<(u64, Bytes32), u64>);

impl Rounds {
    /// Looks up the claims about batches that were not executed here, of whose windows most has passed.
    pub async fn look(
        &mut self,
        claims: &Claims,
        claiming: &Claiming,
        sight: &mut Sight,
        me: EthAddress,
    ) -> Result<(), l1::Error> {
        let first = sight.settled.saturating_add(1);
        self.0.retain(|(number, _), _| *number >= first);
        let settled = claims.settled_root().await?;
        let numbers = first..=sight.committed;
        for claim in reachable(&sight.claimed, numbers, settled, |number| claiming.state_root(number)) {
            let place = (claim.number, claim.digest);
            if self.0.get(&place).is_some_and(|from| sight.now_s < *from) {
                continue;
            }
            let contest = claims.contest_after(claim.number, &claim.parent_root).await?;
            let from = doubted_from(contest.since, sight.window_s);
            self.0.insert(place, from);
            if sight.now_s < from {
                continue;
            }
            let stance = claims.stance(&claim.digest, &claim.proposer).await?;
            sight.stances.insert((claim.digest, claim.proposer), (stance, claims.standing(&claim.proposer).await?));
            let is_doubted = claims.stance(&doubt(claim), &me).await? == Stance::Behind;
            if is_doubted {
                self.0.insert(place, sight.now_s.saturating_add(DOUBTED_AGAIN_S));
            }
            sight.unseen.push(Unseen { claim: *claim, contest, is_doubted });
        }
        Ok(())
    }
}
