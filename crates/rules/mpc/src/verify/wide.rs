//! Products of numbers, checked in a ring that is 48 bits wider.
//!
//! For each claim `x y = z` modulo 2^k the components of `x` and `y`, taken as numbers, are shares modulo 2^(k+48) of
//! numbers with the same lowest bits. There the parties multiply again, `w = x y`, and multiply a random `a` by the same
//! factor, `c = a y`. Then a coin gives `t`, `s = t x + a` is opened, which tells nothing as `a` is uniform, and
//! `t w + c - s y` must be zero, as must the lowest k bits of `w - z`.
//!
//! A liar adds numbers it knows: `w = x y + d`, `c = a y + e`. If `z` is wrong and `w` agrees with it, `d` is not zero
//! modulo 2^k, so `t d + e` is zero for one `t` in 2^49 at most. (The lemma of SPDZ2k, Cramer, Damgård, Escudero,
//! Scholl, Xing, CRYPTO 2018; one coin serves all claims, since each wrong one must pass.) A claim may be of a sum of
//! products: then `w`, `c` and the check are of the sum.

use super::{Check, Guard};
use crate::share::Share;
use std::ops::Range;
use std::sync::Arc;

/// How much wider the ring of the check is, in bits.
pub(super) const WIDER: usize = 48;

/// How many products are checked at a time.
const PART: usize = 1024;

/// A claim: that the sums of the products of groups of lanes are what they should be.
pub(super) struct Claim {
    pub(super) x: Arc<Share>,
    pub(super) y: Arc<Share>,
    pub(super) z: Arc<Share>,
    pub(super) width: usize,
    pub(super) group: usize,
    /// Of which of the groups it is.
    pub(super) groups: Range<usize>,
}

/// A claim in the middle of its check. A number of the wider ring is two words.
struct Begun {
    /// What names the masks.
    masks: u64,
    /// The products and the masks' products, in turn.
    products: Share,
}

/// All claims and their check.
#[derive(Default)]
pub(super) struct Claims {
    claims: Vec<Claim>,
    begun: Vec<Begun>,
}

/// Returns how many bytes a number of the wider ring has.
pub(super) fn bytes(width: usize) -> usize {
    (width + WIDER).div_ceil(8)
}

/// The ring that a claim is checked in.
#[derive(Clone, Copy)]
struct Ring {
    bytes: usize,
    /// Of a number as it was, and of one of the wider ring.
    narrow: u64,
    wide: u128,
}

impl Ring {
    fn of(width: usize) -> Self {
        let wide = u128::MAX >> (128 - width - WIDER);
        Self { bytes: bytes(width), narrow: u64::MAX >> (64 - width), wide }
    }

    fn lifted(self, word: u64) -> u128 {
        u128::from(word & self.narrow)
    }

    fn number(self, words: &[u64], at: usize) -> u128 {
        (u128::from(words[2 * at]) | u128::from(words[2 * at + 1]) << 64) & self.wide
    }

    fn push(self, words: &mut Vec<u64>, number: u128) {
        let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).expect("a half");
        let number = number & self.wide;
        words.push(half(number));
        words.push(half(number >> 64));
    }

    fn write(self, message: &mut Vec<u8>, number: u128) {
        let length = message.len() + self.bytes;
        message.extend_from_slice(&number.to_le_bytes());
        message.truncate(length);
    }

    fn read(self, message: &[u8], at: usize) -> u128 {
        let from = at * self.bytes;
        let all = match message.get(from..from + 16) {
            Some(all) => all.try_into().expect("sixteen bytes"),
            None => {
                let mut all = [0; 16];
                all[..self.bytes].copy_from_slice(&message[from..from + self.bytes]);
                all
            }
        };
        u128::from_le_bytes(all) & self.wide
    }
}

/// Returns what comes before in a message, which then begins after it.
fn split<'a>(message: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (part, rest) = message.split_at(bytes);
    *message = rest;
    part
}

impl Claim {
    fn lanes(&self) -> usize {
        self.groups.len() * self.group
    }

    /// Returns the claim's lanes of a factor's components.
    fn factor<'a>(&self, of: &'a Share) -> (&'a [u64], &'a [u64]) {
        let lanes = self.groups.start * self.group..self.groups.end * self.group;
        (&of.mine[lanes.clone()], &of.next[lanes])
    }

    /// Returns this party's terms of the groups' products, and of the masks' products by the same factors.
    fn terms(&self, ring: Ring, masks: &Share) -> Vec<(u128, u128)> {
        let ((x, x_next), (y, y_next)) = (self.factor(&self.x), self.factor(&self.y));
        let mut terms = vec![(0_u128, 0_u128); self.groups.len()];
        let lanes = x.iter().zip(x_next).zip(y.iter().zip(y_next));
        let lanes = lanes.zip(masks.mine.chunks_exact(2).zip(masks.next.chunks_exact(2)));
        for (lane, (((x, x_next), (y, y_next)), (a, a_next))) in lanes.enumerate() {
            let y = ring.lifted(*y);
            let both = y.wrapping_add(ring.lifted(*y_next));
            let product = ring.lifted(*x).wrapping_mul(both).wrapping_add(ring.lifted(*x_next).wrapping_mul(y));
            let masked = joined(a).wrapping_mul(both).wrapping_add(joined(a_next).wrapping_mul(y));
            let sums = &mut terms[if self.group == 1 { lane } else { lane / self.group }];
            *sums = (sums.0.wrapping_add(product), sums.1.wrapping_add(masked));
        }
        terms
    }
}

/// Returns a number of two words. What is above the ring is nobody's business until it is written or compared.
fn joined(words: &[u64]) -> u128 {
    u128::from(words[0]) | u128::from(words[1]) << 64
}

impl Claims {
    /// Takes in a claim, a long one in parts: their checks then stay near the processor.
    pub(super) fn push(&mut self, claim: Claim) {
        let Claim { x, y, z, width, group, groups } = claim;
        let part = (PART / group).max(1);
        for first in groups.clone().step_by(part) {
            let groups = first..(first + part).min(groups.end);
            let [x, y, z] = [&x, &y, &z].map(Arc::clone);
            self.claims.push(Claim { x, y, z, width, group, groups });
        }
    }

    /// Multiplies again, and random numbers by the same factors.
    pub(super) fn multiply(&mut self, guard: &mut Guard, message: &mut Vec<u8>) {
        for claim in &self.claims {
            let (ring, groups) = (Ring::of(claim.width), claim.groups.len());
            let masks = guard.number();
            let terms = claim.terms(ring, &guard.drawn(masks, 2 * claim.lanes()));
            let (plus, minus) = guard.pair(4 * groups);
            let mut products = Vec::with_capacity(4 * groups);
            let noise = plus.chunks_exact(2).zip(minus.chunks_exact(2));
            let terms = terms.into_iter().flat_map(|(product, masked)| [product, masked]);
            for (term, (plus, minus)) in terms.zip(noise) {
                let sent = term.wrapping_add(joined(plus)).wrapping_sub(joined(minus));
                ring.write(message, sent);
                ring.push(&mut products, sent);
            }
            self.begun.push(Begun { masks, products: Share { mine: products, next: Vec::new() } });
        }
    }

    pub(super) fn multiplied(&mut self, message: &mut &[u8]) {
        for (claim, begun) in self.claims.iter().zip(&mut self.begun) {
            let (ring, count) = (Ring::of(claim.width), 2 * claim.groups.len());
            let part = split(message, count * ring.bytes);
            let mut products = Vec::with_capacity(2 * count);
            (0..count).for_each(|at| ring.push(&mut products, ring.read(part, at)));
            begun.products.next = products;
        }
    }

    /// Hides the first factors and shows what comes of it.
    pub(super) fn open(&mut self, guard: &mut Guard, t: u64, message: &mut Vec<u8>) {
        let t = u128::from(t);
        for (claim, begun) in self.claims.iter().zip(&self.begun) {
            let ring = Ring::of(claim.width);
            let mut shown = Vec::with_capacity(2 * claim.lanes());
            let ((x, x_next), masks) = (claim.factor(&claim.x), guard.drawn(begun.masks, 2 * claim.lanes()));
            let hidden = |x: &u64, mask: &[u64]| t.wrapping_mul(ring.lifted(*x)).wrapping_add(joined(mask));
            for (x, mask) in x.iter().zip(masks.mine.chunks_exact(2)) {
                ring.push(&mut shown, hidden(x, mask));
            }
            for (x, mask) in x_next.iter().zip(masks.next.chunks_exact(2)) {
                ring.write(message, hidden(x, mask));
            }
            guard.shown(&shown);
        }
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &mut &[u8]) {
        let t = u128::from(t);
        for (claim, begun) in self.claims.iter().zip(&self.begun) {
            let (ring, groups) = (Ring::of(claim.width), claim.groups.len());
            let ((x, x_next), (y, y_next)) = (claim.factor(&claim.x), claim.factor(&claim.y));
            let masks = guard.drawn(begun.masks, 2 * claim.lanes());
            let part = split(message, claim.lanes() * ring.bytes);
            let mut heard = Vec::with_capacity(2 * claim.lanes());
            let [mut missing, mut next] = [(); 2].map(|()| Vec::with_capacity(2 * groups));
            let [mut low, mut low_next] = [(); 2].map(|()| Vec::with_capacity(groups));
            for group in 0..groups {
                let [mut sum, mut sum_next] = [0_u128; 2];
                for lane in group * claim.group..(group + 1) * claim.group {
                    let rest = ring.read(part, lane);
                    ring.push(&mut heard, rest);
                    let both = ring.lifted(x[lane]).wrapping_add(ring.lifted(x_next[lane]));
                    let mask = joined(&masks.mine[2 * lane..]).wrapping_add(joined(&masks.next[2 * lane..]));
                    let shown = t.wrapping_mul(both).wrapping_add(mask).wrapping_add(rest);
                    sum = sum.wrapping_add(shown.wrapping_mul(ring.lifted(y[lane])));
                    sum_next = sum_next.wrapping_add(shown.wrapping_mul(ring.lifted(y_next[lane])));
                }
                let left = |products: &[u64], z: u64, sum: u128| {
                    let (product, masked) = (ring.number(products, 2 * group), ring.number(products, 2 * group + 1));
                    (
                        t.wrapping_mul(product).wrapping_add(masked).wrapping_sub(sum),
                        products[4 * group].wrapping_sub(z),
                    )
                };
                let place = claim.groups.start + group;
                let one = left(&begun.products.mine, claim.z.mine[place], sum);
                let other = left(&begun.products.next, claim.z.next[place], sum_next);
                ring.push(&mut missing, one.0.wrapping_add(other.0).wrapping_neg());
                ring.push(&mut next, other.0);
                low.push(one.1);
                low_next.push(other.1);
            }
            guard.heard(&heard);
            guard.zero(Check::Products, &missing, &next);
            guard.zero_numbers(Check::Products, &low, &low_next, claim.width);
        }
        self.claims.clear();
        self.begun.clear();
    }
}
