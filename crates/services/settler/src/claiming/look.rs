//! Looking at L1 for what [`super::Claiming`] decides by.

use super::{Claiming, Sight};
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
        mine: BTreeSet::new(),
    })
}

/// Returns which claims about settled batches hold a proposer's bond.
pub(crate) async fn held(
    claims: &Claims,
    claimed: &[Claimed],
    settled: u64,
    me: EthAddress,
) -> Result<BTreeSet<Bytes32>, l1::Error> {
    let mut held = BTreeSet::new();
    for claim in claimed.iter().filter(|claim| claim.proposer == me && claim.number <= settled) {
        if claims.stance(&claim.digest, &me).await? == Stance::Behind {
            held.insert(claim.digest);
        }
    }
    Ok(held)
}
