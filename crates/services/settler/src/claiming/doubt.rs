//! Claims about batches whose blocks nobody shows: a watcher cannot say what is true of them, but can doubt what is claimed,
//! so that it settles by a proof and not by silence.

use super::{Claiming, Sight, Wish, answers, claim};
use crate::claiming::Standing;
use crate::part::Behind;
use l1::claims::{Claimed, Contest, Stance, doubt_of};
use std::collections::{BTreeMap, BTreeSet};
use types::Bytes32;

/// A claim waits for so many quarters of its window to be shown what it is about.
const QUARTERS: u64 = 3;

/// A claim about a batch that was not executed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The claim.
    pub claim: Claimed,
    /// How the contest stands that it is in.
    pub contest: Contest,
    /// Whether we doubt it.
    pub is_doubted: bool,
}

/// Returns from when on a claim is doubted whose batch is not shown.
pub(crate) fn doubted_from(since: u64, window_s: u64) -> u64 {
    since.saturating_add(window_s / 4 * QUARTERS)
}

/// Returns the claims about batches that are not known here which can come to settle: those after the settled state, after
/// the states that such claims lead to, and so on. `known` says what a batch leads to that was executed here.
pub(crate) fn reachable(
    claimed: &[Claimed],
    numbers: std::ops::RangeInclusive<u64>,
    settled: Bytes32,
    known: impl Fn(u64) -> Option<Bytes32>,
) -> Vec<&Claimed> {
    let mut of_batch: BTreeMap<u64, Vec<&Claimed>> = BTreeMap::new();
    for claim in claimed.iter().filter(|claim| claim.doubts.is_none() && numbers.contains(&claim.number)) {
        of_batch.entry(claim.number).or_default().push(claim);
    }
    let (mut found, mut roots) = (Vec::new(), BTreeSet::from([settled]));
    for number in numbers {
        if let Some(root) = known(number) {
            roots = BTreeSet::from([root]);
            continue;
        }
        let Some(claims) = of_batch.get(&number) else { break };
        let after: Vec<&Claimed> = claims.iter().copied().filter(|claim| roots.contains(&claim.parent_root)).collect();
        roots = after.iter().map(|claim| claim.state_root).collect();
        found.extend(after);
    }
    found
}

impl Claiming {
    /// Returns what a batch leads to that was executed here.
    pub(crate) fn state_root(&self, number: u64) -> Option<Bytes32> {
        self.header(number).map(|header| Bytes32(header.state_root.to_be_bytes()))
    }

    /// Returns what somebody does who is not shown what claims are about: doubts each when most of its window has passed, as
    /// those that contradict it may fall, and takes doubts back that turn out to be wrong before anybody had to prove.
    pub fn doubts(&self, sight: &Sight) -> Vec<Wish> {
        let mut wishes = self.retractable(sight);
        let mut doubted = BTreeSet::new();
        for Unseen { claim: made, contest, is_doubted } in &sight.unseen {
            let until = contest.since.saturating_add(sight.window_s);
            let is_due = (doubted_from(contest.since, sight.window_s)..until).contains(&sight.now_s);
            let behind = Behind { digest: made.digest, proposer: made.proposer };
            if let Some((Stance::Behind, Standing::Eliminated)) = sight.stances.get(&(made.digest, made.proposer)) {
                wishes.push(Wish::Lift(behind));
            }
            let is_open = contest.proven.is_none() && !is_doubted && answers(sight, made);
            if !is_due || !is_open || !doubted.insert(made.digest) {
                continue;
            }
            match claim(made.number, sight.standing, &wishes) {
                Some(Wish::Claim(_)) => wishes.push(Wish::Doubt(Box::new(*made))),
                other => wishes.extend(other),
            }
        }
        wishes
    }

    /// Returns which doubts of ours are of what was executed here since.
    fn retractable(&self, sight: &Sight) -> Vec<Wish> {
        let is_bonded = matches!(sight.standing, Standing::Bonded { .. });
        let ours = sight.claimed.iter().filter(|claim| is_bonded && claim.proposer == self.me);
        let of_true = ours.filter_map(|claim| {
            let known = self.batches.get(&claim.number)?;
            let contest = sight.contests.get(&claim.number)?;
            let stands = matches!(sight.stances.get(&(claim.digest, self.me)), Some((Stance::Behind, _)));
            let is_open = contest.proven.is_none() && sight.now_s < contest.since.saturating_add(sight.window_s);
            let is_true = claim.doubts == Some(known.digest);
            (is_true && stands && is_open).then_some(Wish::Retract(known.digest))
        });
        of_true.collect()
    }
}

/// Returns what our doubt of a claim would go by.
pub(crate) fn doubt(claim: &Claimed) -> Bytes32 {
    doubt_of(&claim.digest)
}
