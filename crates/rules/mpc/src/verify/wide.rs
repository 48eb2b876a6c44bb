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

/// How much wider the ring of the check is, in bits.
pub(super) const WIDER: usize = 48;

/// How many products are checked at a time.
const PART: usize = 1024;

/// A claim: that the sums of the products of groups of lanes are what they should be.
pub(super) struct Claim {
    pub(super) x: Share,
    pub(super) y: Share,
    pub(super) z: Share,
    pub(super) width: usize,
    pub(super) group: usize,
}

/// A claim in the middle of its check. A number of the wider ring is two words.
struct Begun {
    masks: Share,
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
        self.x.mine.len()
    }

    fn groups(&self) -> usize {
        self.lanes() / self.group
    }

    /// Returns this party's terms of a group's products, and of the masks' products by the same factors.
    fn terms(&self, ring: Ring, masks: &Share, group: usize) -> (u128, u128) {
        let (mut product, mut masked) = (0_u128, 0_u128);
        for lane in group * self.group..(group + 1) * self.group {
            let (y, y_next) = (ring.lifted(self.y.mine[lane]), ring.lifted(self.y.next[lane]));
            let both = y.wrapping_add(y_next);
            let (x, x_next) = (ring.lifted(self.x.mine[lane]), ring.lifted(self.x.next[lane]));
            product = product.wrapping_add(x.wrapping_mul(both)).wrapping_add(x_next.wrapping_mul(y));
            let (a, a_next) = (ring.number(&masks.mine, lane), ring.number(&masks.next, lane));
            masked = masked.wrapping_add(a.wrapping_mul(both)).wrapping_add(a_next.wrapping_mul(y));
        }
        (product, masked)
    }
}

impl Claims {
    /// Takes in a claim, a long one in parts: their checks then stay near the processor.
    pub(super) fn push(&mut self, claim: Claim) {
        let Claim { x, y, z, width, group } = claim;
        let groups = (PART / group).max(1);
        for first in (0..z.mine.len()).step_by(groups) {
            let last = (first + groups).min(z.mine.len());
            let part = |of: &Share, each: usize| {
                let lanes = first * each..last * each;
                Share { mine: of.mine[lanes.clone()].to_vec(), next: of.next[lanes].to_vec() }
            };
            self.claims.push(Claim { x: part(&x, group), y: part(&y, group), z: part(&z, 1), width, group });
        }
    }

    /// Multiplies again, and random numbers by the same factors.
    pub(super) fn multiply(&mut self, guard: &mut Guard, message: &mut Vec<u8>) {
        for claim in &self.claims {
            let (ring, groups) = (Ring::of(claim.width), claim.groups());
            let (mine, next) = guard.pair(2 * claim.lanes());
            let masks = Share { mine, next };
            let (plus, minus) = guard.pair(4 * groups);
            let mut products = Vec::with_capacity(4 * groups);
            for group in 0..groups {
                let (product, masked) = claim.terms(ring, &masks, group);
                for (at, term) in [(2 * group, product), (2 * group + 1, masked)] {
                    let sent = term.wrapping_add(ring.number(&plus, at)).wrapping_sub(ring.number(&minus, at));
                    ring.write(message, sent);
                    ring.push(&mut products, sent);
                }
            }
            self.begun.push(Begun { masks, products: Share { mine: products, next: Vec::new() } });
        }
    }

    pub(super) fn multiplied(&mut self, message: &mut &[u8]) {
        for (claim, begun) in self.claims.iter().zip(&mut self.begun) {
            let (ring, count) = (Ring::of(claim.width), 2 * claim.groups());
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
            for lane in 0..claim.lanes() {
                let hidden =
                    |x: u64, masks: &[u64]| t.wrapping_mul(ring.lifted(x)).wrapping_add(ring.number(masks, lane));
                ring.push(&mut shown, hidden(claim.x.mine[lane], &begun.masks.mine));
                ring.write(message, hidden(claim.x.next[lane], &begun.masks.next));
            }
            guard.shown(&shown);
        }
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &mut &[u8]) {
        let t = u128::from(t);
        for (claim, begun) in self.claims.iter().zip(&self.begun) {
            let (ring, groups) = (Ring::of(claim.width), claim.groups());
            let part = split(message, claim.lanes() * ring.bytes);
            let mut heard = Vec::with_capacity(2 * claim.lanes());
            let [mut missing, mut next] = [(); 2].map(|()| Vec::with_capacity(2 * groups));
            let [mut low, mut low_next] = [(); 2].map(|()| Vec::with_capacity(groups));
            for group in 0..groups {
                let [mut sum, mut sum_next] = [0_u128; 2];
                for lane in group * claim.group..(group + 1) * claim.group {
                    let rest = ring.read(part, lane);
                    ring.push(&mut heard, rest);
                    let x = ring.lifted(claim.x.mine[lane]).wrapping_add(ring.lifted(claim.x.next[lane]));
                    let masks = ring.number(&begun.masks.mine, lane).wrapping_add(ring.number(&begun.masks.next, lane));
                    let shown = t.wrapping_mul(x).wrapping_add(masks).wrapping_add(rest);
                    sum = sum.wrapping_add(shown.wrapping_mul(ring.lifted(claim.y.mine[lane])));
                    sum_next = sum_next.wrapping_add(shown.wrapping_mul(ring.lifted(claim.y.next[lane])));
                }
                let left = |products: &[u64], z: u64, sum: u128| {
                    let (product, masked) = (ring.number(products, 2 * group), ring.number(products, 2 * group + 1));
                    (
                        t.wrapping_mul(product).wrapping_add(masked).wrapping_sub(sum),
                        products[4 * group].wrapping_sub(z),
                    )
                };
                let one = left(&begun.products.mine, claim.z.mine[group], sum);
                let other = left(&begun.products.next, claim.z.next[group], sum_next);
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
