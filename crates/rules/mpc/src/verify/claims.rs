//! What each step of a plan claims.

use super::{Check, Guard, wide};
use crate::bits::{WORD, words};
use crate::lanes::bit;
use crate::share::{Party, Share};
use std::sync::Arc;
use vm::plan::{Bits, Talk, dealt_lanes};

/// What is to be checked of a step's result, with what was known before the message came. What is known of bits is with the
/// guard already.
pub(crate) enum Claim {
    /// Nothing beyond what the opening itself is checked for.
    Nothing,
    /// Bits are the products of those that were taken in.
    Bits { lanes: usize },
    /// Bits are what is carried in the sum of those that were taken in, from a place on.
    Carries { lanes: usize, from: usize },
    /// Numbers are the sums of products of groups of these.
    Numbers { x: Arc<Share>, y: Arc<Share>, width: usize, group: usize, noise: u64 },
    /// Numbers are what is left of the sum without the products of these: of two bits, whether exactly one is set.
    Rest { x: Share, y: Share, sum: Share, width: usize, lanes: usize },
    /// Numbers are the same as these.
    Same { old: Arc<Share>, width: usize },
}

impl Claim {
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
        Self::Rest { x, y, sum, width, lanes: from.lanes }
    }
}

impl Guard {
    /// Returns what a step claims, which draws its noise under a number. The shares are those of the registers it uses.
    pub(crate) fn claimed<'a>(&mut self, noise: u64, what: &Talk, share: impl Fn(usize) -> &'a Arc<Share>) -> Claim {
        match what {
            Talk::Multiply { a, b, group } => Claim::Numbers {
                x: Arc::clone(share(a.at)),
                y: Arc::clone(share(b.at)),
                width: a.bits(),
                group: *group,
                noise,
            },
            Talk::And { a, b } => {
                self.factors(share(a.at), share(b.at), a.lanes);
                Claim::Bits { lanes: a.lanes }
            }
            Talk::DealCarries { from, first, second } => {
                let place = self.bits.x.mine.len();
                self.factors(share(*first), share(*second), from.lanes);
                Claim::Carries { lanes: from.lanes, from: place }
            }
            Talk::DealOfBits { from, width } => Claim::rest(self.me, from, share(from.at), width.bits().into()),
            Talk::Refresh(from) => Claim::Same { old: Arc::clone(share(from.at)), width: from.bits() },
            Talk::OpenRing(_) | Talk::OpenBits(_) => Claim::Nothing,
            Talk::DealSum { .. }
            | Talk::DealSumBits { .. }
            | Talk::RefreshBits(_)
            | Talk::Complete { .. }
            | Talk::Mix { .. } => {
                unreachable!("a plan against liars deals nothing that is not checked")
            }
        }
    }

    /// Takes a step's result.
    pub(crate) fn claim(&mut self, claim: Claim, result: &Arc<Share>) {
        match claim {
            Claim::Nothing => {}
            Claim::Bits { lanes } => self.products(result, lanes),
            Claim::Carries { lanes, from } => {
                self.products(result, lanes);
                let bits = &mut self.bits;
                for (x, y, z) in [
                    (&mut bits.x.mine, &mut bits.y.mine, &mut bits.z.mine),
                    (&mut bits.x.next, &mut bits.y.next, &mut bits.z.next),
                ] {
                    // With what is carried in, what is carried out is the same unless both bits differ from it: the
                    // product of the differences is the difference. From above, as what is carried in is one plane below.
                    for at in (from + words(lanes)..from + result.mine.len()).rev() {
                        let carried = z[at - words(lanes)];
                        (x[at], y[at], z[at]) = (x[at] ^ carried, y[at] ^ carried, z[at] ^ carried);
                    }
                }
            }
            Claim::Numbers { x, y, width, group, noise } => {
                self.numbers([x, y, Arc::clone(result)], width, group, wide::Origin::Noise(noise));
            }
            Claim::Rest { x, y, sum, width, lanes } => {
                let left = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect();
                let z = Share { mine: left(&sum.mine, &result.mine), next: left(&sum.next, &result.next) };
                self.numbers([x, y, z].map(Arc::new), width, 1, wide::Origin::Dealt(lanes));
            }
            Claim::Same { old, width } => {
                let change =
                    |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect::<Vec<_>>();
                let (mine, next) = (change(&result.mine, &old.mine), change(&result.next, &old.next));
                self.zero_numbers(Check::Outputs, &mine, &next, width);
            }
        }
    }

    fn numbers(&mut self, [x, y, z]: [Arc<Share>; 3], width: usize, group: usize, origin: wide::Origin) {
        self.load.add_numbers(x.mine.len(), group);
        let (masks, noise) = (self.number(), self.number());
        self.numbers.push(wide::Claim { x, y, z, width, group, origin, masks, noise });
    }

    /// Takes in factors of bits, without what is beyond the last lane.
    fn factors(&mut self, x: &Share, y: &Share, lanes: usize) {
        for (to, from) in [(&mut self.bits.x, x), (&mut self.bits.y, y)] {
            append(&mut to.mine, &from.mine, lanes);
            append(&mut to.next, &from.next, lanes);
        }
    }

    /// Takes in their products.
    fn products(&mut self, z: &Share, lanes: usize) {
        self.load.add_bits(z.mine.len());
        append(&mut self.bits.z.mine, &z.mine, lanes);
        append(&mut self.bits.z.next, &z.next, lanes);
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
