//! What each step of a plan claims.

use super::{Check, Guard, wide};
use crate::bits::{WORD, words};
use crate::lanes::bit;
use crate::share::{Party, Share};
use vm::plan::{Bits, Talk, dealt_lanes};

/// What is to be checked of a step's result, with what was known before the message came.
pub(crate) enum Claim {
    /// Nothing beyond what the opening itself is checked for.
    Nothing,
    /// Bits are the products of these.
    Bits { x: Share, y: Share, lanes: usize },
    /// Bits are what is carried in the sum of these.
    Carries { x: Share, y: Share, lanes: usize },
    /// Numbers are the sums of products of groups of these.
    Numbers { x: Share, y: Share, width: usize, group: usize },
    /// Numbers are what is left of the sum without the products of these: of two bits, whether exactly one is set.
    Rest { x: Share, y: Share, sum: Share, width: usize },
    /// Numbers are the same as these.
    Same { old: Share, width: usize },
}

impl Claim {
    /// Returns what a step claims. The shares are those of the registers it uses.
    pub(crate) fn of<'a>(me: Party, what: &Talk, share: impl Fn(usize) -> &'a Share) -> Self {
        match what {
            Talk::Multiply { a, b, group } => {
                Self::Numbers { x: share(a.at).copy(), y: share(b.at).copy(), width: a.bits(), group: *group }
            }
            Talk::And { a, b } => Self::Bits { x: share(a.at).copy(), y: share(b.at).copy(), lanes: a.lanes },
            Talk::DealCarries { from, first, second } => {
                Self::Carries { x: share(*first).copy(), y: share(*second).copy(), lanes: from.lanes }
            }
            Talk::DealOfBits { from, width } => Self::rest(me, from, share(from.at), width.bits().into()),
            Talk::Refresh(from) => Self::Same { old: share(from.at).copy(), width: from.bits() },
            Talk::OpenRing(_) | Talk::OpenBits(_) => Self::Nothing,
            Talk::DealSum { .. }
            | Talk::DealSumBits { .. }
            | Talk::RefreshBits(_)
            | Talk::Complete { .. }
            | Talk::Mix { .. } => {
                unreachable!("a plan against liars deals nothing that is not checked")
            }
        }
    }

    /// The dealer's two components, as shares of what only they and a neighbour know.
    fn rest(me: Party, from: &Bits, share: &Share, width: usize) -> Self {
        let dealt = dealt_lanes(from.lanes);
        let [mine, before, after] = [me, me.previous(), me.next()].map(|dealer| dealt[dealer.index()].clone());
        let [mut x, mut y, mut sum] = [(); 3].map(|()| Share::zeros(from.planes * from.lanes));
        for plane in 0..from.planes {
            let first = plane * from.lanes;
            for lane in mine.clone() {
                let (one, other) = (bit(&share.mine, from, plane, lane), bit(&share.next, from, plane, lane));
                x.mine[first + lane] = one;
                y.next[first + lane] = 2 * other;
                (sum.mine[first + lane], sum.next[first + lane]) = (one, other);
            }
            for lane in before.clone() {
                let other = bit(&share.mine, from, plane, lane);
                y.mine[first + lane] = 2 * other;
                sum.mine[first + lane] = other;
            }
            for lane in after.clone() {
                let one = bit(&share.next, from, plane, lane);
                x.next[first + lane] = one;
                sum.next[first + lane] = one;
            }
        }
        Self::Rest { x, y, sum, width }
    }
}

impl Guard {
    /// Takes a step's result.
    pub(crate) fn claim(&mut self, claim: Claim, result: &Share) {
        match claim {
            Claim::Nothing => {}
            Claim::Bits { x, y, lanes } => self.bits(&x, &y, result, lanes),
            Claim::Carries { x, y, lanes } => {
                // With what is carried in, `c`, what is carried out is `c` where both differ from it not: the product of
                // both differences is the difference.
                let above = |part: &[u64]| {
                    let mut carried = vec![0; words(lanes)];
                    carried.extend_from_slice(&part[..part.len() - words(lanes)]);
                    carried
                };
                let carried = Share { mine: above(&result.mine), next: above(&result.next) };
                let [x, y, z] = [&x, &y, result].map(|of| Share {
                    mine: of.mine.iter().zip(&carried.mine).map(|(a, b)| a ^ b).collect(),
                    next: of.next.iter().zip(&carried.next).map(|(a, b)| a ^ b).collect(),
                });
                self.bits(&x, &y, &z, lanes);
            }
            Claim::Numbers { x, y, width, group } => self.numbers(x, y, result.copy(), width, group),
            Claim::Rest { x, y, sum, width } => {
                let left = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect();
                let z = Share { mine: left(&sum.mine, &result.mine), next: left(&sum.next, &result.next) };
                self.numbers(x, y, z, width, 1);
            }
            Claim::Same { old, width } => {
                let change =
                    |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect::<Vec<_>>();
                let (mine, next) = (change(&result.mine, &old.mine), change(&result.next, &old.next));
                self.zero_numbers(Check::Outputs, &mine, &next, width);
            }
        }
    }

    fn numbers(&mut self, x: Share, y: Share, z: Share, width: usize, group: usize) {
        self.load.add_numbers(x.mine.len(), group, width);
        self.numbers.push(wide::Claim { x, y, z, width, group });
    }

    /// Adds claims about bits, without what is beyond the last lane.
    fn bits(&mut self, x: &Share, y: &Share, z: &Share, lanes: usize) {
        self.load.add_bits(x.mine.len());
        for (to, from) in [(&mut self.bits.x, x), (&mut self.bits.y, y), (&mut self.bits.z, z)] {
            append(&mut to.mine, &from.mine, lanes);
            append(&mut to.next, &from.next, lanes);
        }
    }
}

fn append(to: &mut Vec<u64>, planes: &[u64], lanes: usize) {
    to.extend_from_slice(planes);
    let beyond = words(lanes) * WORD - lanes;
    if beyond > 0 {
        let first = to.len() - planes.len();
        to[first..]
            .iter_mut()
            .skip(words(lanes) - 1)
            .step_by(words(lanes))
            .for_each(|word| *word &= u64::MAX >> beyond);
    }
}

/// Returns components of planes without what is beyond the last lane.
pub(crate) fn trimmed(planes: &[u64], lanes: usize) -> Vec<u64> {
    let mut trimmed = Vec::with_capacity(planes.len());
    append(&mut trimmed, planes, lanes);
    trimmed
}
