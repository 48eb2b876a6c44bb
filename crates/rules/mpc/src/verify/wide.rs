//! Products of numbers, checked in a ring that is 64 bits wider.
//!
//! A claim is that `x y = z` modulo 2^k, or that a sum of products is. With `x` and `z` moved up to the top of a word every
//! claim is modulo 2^64. The components of `x` and `y`, taken as numbers, are shares of numbers modulo 2^128, and those of `z`
//! are the lower halves of shares `w` of their product there: each party adds the upper half of its term, hidden by noise,
//! and sends that half alone. Beside all of them the parties share one sum: for a random `a` for each `x`, known to nobody, the
//! sum `c` of all `a y`. Then a coin gives each claim a `t` of 64 bits, `s = t x + a` is opened, which tells nothing as `a` is
//! uniform, and the sum of all `t w`, plus `c`, less the sum of all `s y`, must be zero.
//!
//! A liar adds numbers it knows: `w = x y + d` for each claim, `c + e`. What is compared is then the sum of all `t d`, plus `e`.
//! Where some `z` is wrong its `d` is not zero modulo 2^64, so whatever the other claims come to one `t` in 2^64 at most gives
//! zero: `t d` takes each value once in 2^64 at most. (The lemma of SPDZ2k, Cramer, Damgård, Escudero, Scholl, Xing, CRYPTO
//! 2018.) All that the liar adds is in messages before the coin is thrown; an `s` that is shown wrongly is found by tags.

use super::{Check, Guard};
use crate::prg::{Key, Stream};
use crate::share::{Party, Share};
use std::ops::Range;
use std::sync::Arc;
use vm::plan::dealt_lanes;

/// How many products are checked at a time: what is drawn for them then stays near the processor.
const PART: usize = 512;
/// Bytes of the sum of the random numbers' products.
pub(super) const SUM: usize = 16;
/// Bytes of an upper half.
pub(super) const HALF: usize = 8;
/// Bytes of a number that is opened.
pub(super) const OPENED: usize = 16;
/// Bits of a word.
const WORD: usize = 64;

/// Where the lower halves of the shares come from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// Each party's term and noise that is drawn under a number.
    Noise(u64),
    /// A dealer, which knows all of its lanes, so many of them in each plane.
    Dealt(usize),
}

/// A claim: that the sums of the products of groups of lanes are what they should be.
pub(super) struct Claim {
    pub(super) x: Arc<Share>,
    pub(super) y: Arc<Share>,
    pub(super) z: Arc<Share>,
    pub(super) width: usize,
    pub(super) group: usize,
    pub(super) origin: Origin,
    /// What names the random numbers and the noise of the upper halves.
    pub(super) masks: u64,
    pub(super) noise: u64,
}

/// All claims and their check. What grows with the claims is kept from check to check.
#[derive(Default)]
pub(super) struct Claims {
    claims: Vec<Claim>,
    /// Upper halves of the products, claim after claim; later the lower and upper halves of what is known of what is opened.
    pub(super) high: [Vec<u64>; 2],
    /// Shares of the sum of the random numbers' products, later of what must be zero.
    pub(super) sum: [u128; 2],
}

/// Words for the lanes of a part.
#[derive(Default)]
struct Drawn {
    mine: Vec<u64>,
    next: Vec<u64>,
}

impl Drawn {
    /// Draws what a number names, from an even word on.
    fn take(&mut self, guard: &Guard, number: u64, words: Range<usize>) {
        for (to, stream) in [(&mut self.mine, &guard.streams.own), (&mut self.next, &guard.streams.next)] {
            to.resize(words.len(), 0);
            stream.fill(number, words.start, to);
        }
    }

    /// Returns each lane's two words as numbers, of both components.
    fn pairs(&self) -> impl Iterator<Item = (u128, u128)> {
        let joined = |words: &[u64; 2]| u128::from(words[0]) | u128::from(words[1]) << WORD;
        self.mine.as_chunks().0.iter().map(joined).zip(self.next.as_chunks().0.iter().map(joined))
    }
}

/// A lane's factors: the components of `x`, moved up, and those of `y`.
#[derive(Clone, Copy)]
struct Factors {
    x: u64,
    x_next: u64,
    y: u64,
    y_next: u64,
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

/// Returns a product modulo 2^128.
fn scaled(a: u128, by: u64) -> u128 {
    a.wrapping_mul(u128::from(by))
}

/// Returns the upper half of a number.
fn upper(number: u128) -> u64 {
    u64::try_from(number >> WORD).expect("a half")
}

fn lifted(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << WORD
}

impl Factors {
    /// Returns this party's term of the product.
    fn term(self) -> u128 {
        let one = product(self.x, self.y).wrapping_add(product(self.x, self.y_next));
        one.wrapping_add(product(self.x_next, self.y))
    }

    /// Returns this party's term of a random number's product by the same factor.
    fn masked(self, (a, a_next): (u128, u128)) -> u128 {
        scaled(a, self.y).wrapping_add(scaled(a, self.y_next)).wrapping_add(scaled(a_next, self.y))
    }
}

impl Claim {
    fn groups(&self) -> usize {
        self.z.mine.len()
    }

    fn shift(&self) -> usize {
        WORD - self.width
    }

    /// Returns groups a few at a time, and always an even number of them before the last.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (all, part) = (self.groups(), (PART / self.group).next_multiple_of(2).max(2));
        (0..all).step_by(part).map(move |first| first..(first + part).min(all))
    }

    fn lanes(&self, groups: &Range<usize>) -> Range<usize> {
        groups.start * self.group..groups.end * self.group
    }

    fn factors(&self, groups: &Range<usize>) -> impl Iterator<Item = Factors> {
        let (lanes, shift, narrow) = (self.lanes(groups), self.shift(), u64::MAX >> self.shift());
        let x = self.x.mine[lanes.clone()].iter().zip(&self.x.next[lanes.clone()]);
        let y = self.y.mine[lanes.clone()].iter().zip(&self.y.next[lanes]);
        x.zip(y).map(move |((x, x_next), (y, y_next))| Factors {
            x: x << shift,
            x_next: x_next << shift,
            y: y & narrow,
            y_next: y_next & narrow,
        })
    }

    /// Returns what to add to this party's term of a group so that the lower half becomes its component of `z`, where all
    /// that is added comes to zero: of what is dealt only the dealer has a term, and the party after it has the noise.
    fn dealt(&self, me: Party, lanes: usize, group: usize) -> u128 {
        let dealer = |party: Party| dealt_lanes(lanes)[party.index()].contains(&(group % lanes));
        let moved = |word: u64| u128::from(word << self.shift());
        if dealer(me) {
            moved(self.z.next[group]).wrapping_neg()
        } else if dealer(me.previous()) {
            moved(self.z.mine[group])
        } else {
            0
        }
    }
}

/// Draws each claim's `t`.
pub(super) struct Challenges {
    stream: Stream,
    claim: u64,
    words: Vec<u64>,
}

impl Challenges {
    pub(super) fn new(coin: [u64; 2]) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&coin[0].to_le_bytes());
        key[8..].copy_from_slice(&coin[1].to_le_bytes());
        Self { stream: Stream::new(&Key::new(key)), claim: 0, words: Vec::new() }
    }

    pub(super) fn take(&mut self, groups: &Range<usize>) -> &[u64] {
        self.words.resize(groups.len(), 0);
        self.stream.fill(self.claim, groups.start, &mut self.words);
        &self.words
    }
}

impl Claims {
    /// Takes in a claim.
    pub(super) fn push(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Returns the upper halves of the products, and the sum of random numbers' products by the same factors.
    pub(super) fn multiply(&mut self, guard: &mut Guard, message: &mut Vec<u8>) {
        let (mut sum, mut terms) = (0_u128, Vec::with_capacity(PART));
        self.high.iter_mut().for_each(|high| high.reserve_exact(self.claims.iter().map(Claim::groups).sum()));
        let [mut masks, mut low, mut high] = [(); 3].map(|()| Drawn::default());
        for claim in &self.claims {
            for groups in claim.parts() {
                let lanes = claim.lanes(&groups);
                masks.take(guard, claim.masks, 2 * lanes.start..2 * lanes.end);
                high.take(guard, claim.noise, groups.clone());
                terms.clear();
                let lanes = claim.factors(&groups).zip(masks.pairs()).map(|(factors, masks)| {
                    sum = sum.wrapping_add(factors.masked(masks));
                    factors.term()
                });
                if claim.group == 1 {
                    terms.extend(lanes);
                } else {
                    terms.resize(groups.len(), 0_u128);
                    for (lane, term) in lanes.enumerate() {
                        let of = &mut terms[lane / claim.group];
                        *of = of.wrapping_add(term);
                    }
                }
                match claim.origin {
                    Origin::Noise(number) => {
                        low.take(guard, number, groups);
                        for (term, (plus, minus)) in terms.iter_mut().zip(low.mine.iter().zip(&low.next)) {
                            let moved = |word: u64| u128::from(word << claim.shift());
                            *term = term.wrapping_add(moved(*plus)).wrapping_sub(moved(*minus));
                        }
                    }
                    Origin::Dealt(lanes) => {
                        for (term, group) in terms.iter_mut().zip(groups) {
                            *term = term.wrapping_add(claim.dealt(guard.me, lanes, group));
                        }
                    }
                }
                let noise = high.mine.iter().zip(&high.next);
                let halves = terms.iter().zip(noise);
                self.high[0]
                    .extend(halves.map(|(term, (plus, minus))| upper(*term).wrapping_add(*plus).wrapping_sub(*minus)));
            }
        }
        super::write(message, &self.high[0]);
        let (plus, minus) = guard.pair(2);
        let joined = |words: &[u64]| lifted(words[0], words[1]);
        self.sum[0] = sum.wrapping_add(joined(&plus)).wrapping_sub(joined(&minus));
        message.extend_from_slice(&self.sum[0].to_le_bytes());
    }

    pub(super) fn multiplied(&mut self, message: &[u8]) {
        let (halves, sum) = message.split_at(message.len() - SUM);
        self.high[1].extend(halves.as_chunks().0.iter().map(|half| u64::from_le_bytes(*half)));
        self.sum[1] = u128::from_le_bytes(sum.try_into().expect("sixteen bytes"));
    }

    /// Adds the products times what the coin gives them, hides the first factors and shows what comes of it.
    pub(super) fn open(&mut self, guard: &mut Guard, coin: [u64; 2], message: &mut Vec<u8>) {
        self.add_products(coin);
        // What this party knows of what is opened takes the place of the upper halves.
        let [low, high] = &mut self.high;
        for words in [&mut *low, &mut *high] {
            words.clear();
            words.reserve_exact(self.claims.iter().map(|claim| claim.x.mine.len()).sum());
        }
        let (mut challenges, mut masks) = (Challenges::new(coin), Drawn::default());
        let (mut shown, mut opened) = (Vec::with_capacity(2 * PART), Vec::with_capacity(PART));
        for claim in &self.claims {
            for groups in claim.parts() {
                let (lanes, challenges) = (claim.lanes(&groups), challenges.take(&groups));
                masks.take(guard, claim.masks, 2 * lanes.start..2 * lanes.end);
                shown.clear();
                opened.clear();
                let lanes = claim.factors(&groups).zip(masks.pairs());
                let mut hide = |t: u64, factors: Factors, (a, a_next): (u128, u128)| {
                    let mine = product(t, factors.x).wrapping_add(a);
                    let next = product(t, factors.x_next).wrapping_add(a_next);
                    shown.extend(halves(mine));
                    opened.push(next.to_le_bytes());
                    let [low_known, high_known] = halves(mine.wrapping_add(next));
                    low.push(low_known);
                    high.push(high_known);
                };
                if claim.group == 1 {
                    lanes.zip(challenges).for_each(|((factors, masks), t)| hide(*t, factors, masks));
                } else {
                    let t = challenges.iter().flat_map(|t| std::iter::repeat_n(*t, claim.group));
                    lanes.zip(t).for_each(|((factors, masks), t)| hide(t, factors, masks));
                }
                message.extend_from_slice(opened.as_flattened());
                guard.shown(&shown);
            }
            challenges.claim += 1;
        }
    }

    fn add_products(&mut self, coin: [u64; 2]) {
        let (mut challenges, mut first) = (Challenges::new(coin), 0);
        for claim in &self.claims {
            for groups in claim.parts() {
                let challenges = challenges.take(&groups);
                let components = [&claim.z.mine, &claim.z.next].into_iter().zip(&self.high);
                for (sum, (z, high)) in self.sum.iter_mut().zip(components) {
                    let low = z[groups.clone()].iter().map(|word| word << claim.shift());
                    let high = &high[first + groups.start..first + groups.end];
                    for ((low, high), t) in low.zip(high).zip(challenges) {
                        *sum = sum.wrapping_add(scaled(lifted(low, *high), *t));
                    }
                }
            }
            challenges.claim += 1;
            first += claim.groups();
        }
    }

    /// Takes the rest of what is opened in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, message: &[u8]) {
        let mut opened = message.as_chunks::<OPENED>().0.iter();
        let mut known = self.high[0].iter().zip(&self.high[1]);
        let mut heard = Vec::with_capacity(2 * PART);
        let [mut sum, mut sum_next] = self.sum;
        for claim in &self.claims {
            for groups in claim.parts() {
                heard.clear();
                for ((factors, (low, high)), rest) in claim.factors(&groups).zip(&mut known).zip(&mut opened) {
                    let rest = u128::from_le_bytes(*rest);
                    heard.extend(halves(rest));
                    let opened = lifted(*low, *high).wrapping_add(rest);
                    sum = sum.wrapping_sub(scaled(opened, factors.y));
                    sum_next = sum_next.wrapping_sub(scaled(opened, factors.y_next));
                }
                guard.heard(&heard);
            }
        }
        guard.zero(Check::Products, &halves(sum.wrapping_add(sum_next).wrapping_neg()), &halves(sum_next));
        self.claims.clear();
        self.high.iter_mut().for_each(Vec::clear);
    }
}

/// Returns a number's two words.
fn halves(number: u128) -> [u64; 2] {
    let low = u64::try_from(number & u128::from(u64::MAX)).expect("a half");
    [low, upper(number)]
}
