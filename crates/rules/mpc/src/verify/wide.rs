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
use zeroize::Zeroizing;

/// How much wider the ring of the check is, in bits.
pub(super) const WIDER: usize = 48;

/// A claim: that the sums of the products of groups of lanes are what they should be.
pub(super) struct Claim {
    pub(super) x: Share,
    pub(super) y: Share,
    pub(super) z: Share,
    pub(super) width: usize,
    pub(super) group: usize,
}

/// A party's two components of numbers of the wider ring.
#[derive(Default)]
struct Wide {
    mine: Zeroizing<Vec<u128>>,
    next: Zeroizing<Vec<u128>>,
}

/// A claim in the middle of its check.
#[derive(Default)]
struct Begun {
    mask: Wide,
    /// The products and the masks' products, one after the other.
    products: Wide,
    opened: Wide,
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

fn mask(bits: usize) -> u128 {
    u128::MAX >> (128 - bits)
}

fn lifted(words: &[u64], width: usize) -> Zeroizing<Vec<u128>> {
    Zeroizing::new(words.iter().map(|word| u128::from(*word) & mask(width)).collect())
}

fn pairs(words: &[u64], width: usize) -> Vec<u128> {
    let number = |pair: &[u64]| (u128::from(pair[0]) | u128::from(pair[1]) << 64) & mask(width + WIDER);
    words.chunks_exact(2).map(number).collect()
}

/// Returns numbers as words that tags take in.
fn words(numbers: impl IntoIterator<Item = u128>, width: usize) -> Vec<u64> {
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).expect("the lower half");
    let kept = numbers.into_iter().map(|number| number & mask(width + WIDER));
    kept.flat_map(|number| [half(number), half(number >> 64)]).collect()
}

fn write(message: &mut Vec<u8>, numbers: &[u128], width: usize) {
    for number in numbers {
        message.extend_from_slice(&number.to_le_bytes()[..bytes(width)]);
    }
}

fn read(message: &mut &[u8], count: usize, width: usize) -> Zeroizing<Vec<u128>> {
    let (part, rest) = message.split_at(count * bytes(width));
    *message = rest;
    let number = |bytes: &[u8]| {
        let mut all = [0; 16];
        all[..bytes.len()].copy_from_slice(bytes);
        u128::from_le_bytes(all) & mask(width + WIDER)
    };
    Zeroizing::new(part.chunks_exact(bytes(width)).map(number).collect())
}

/// Returns the terms of the products that this party knows, summed in groups.
fn products<'a>(x: &'a Wide, y: &'a Wide, group: usize) -> impl Iterator<Item = u128> + 'a {
    (0..x.mine.len() / group).map(move |at| {
        (at * group..(at + 1) * group).fold(0, |sum: u128, lane| {
            let one = x.mine[lane].wrapping_mul(y.mine[lane].wrapping_add(y.next[lane]));
            sum.wrapping_add(one).wrapping_add(x.next[lane].wrapping_mul(y.mine[lane]))
        })
    })
}

impl Claim {
    fn factor(of: &Share, width: usize) -> Wide {
        Wide { mine: lifted(&of.mine, width), next: lifted(&of.next, width) }
    }

    fn groups(&self) -> usize {
        self.x.mine.len() / self.group
    }
}

impl Claims {
    pub(super) fn push(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Multiplies again, and random numbers by the same factors.
    pub(super) fn multiply(&mut self, guard: &mut Guard, message: &mut Vec<u8>) {
        for claim in &self.claims {
            let (width, groups) = (claim.width, claim.groups());
            let (mine, next) = guard.pair(2 * claim.x.mine.len());
            let mask = Wide { mine: pairs(&mine, width).into(), next: pairs(&next, width).into() };
            let (x, y) = (Claim::factor(&claim.x, width), Claim::factor(&claim.y, width));
            let (plus, minus) = guard.pair(4 * groups);
            let noise = pairs(&plus, width).into_iter().zip(pairs(&minus, width));
            let both = products(&x, &y, claim.group).chain(products(&mask, &y, claim.group));
            let sent: Vec<u128> = both
                .zip(noise)
                .map(|(product, (plus, minus))| product.wrapping_add(plus).wrapping_sub(minus))
                .collect();
            write(message, &sent, width);
            let products = Wide { mine: sent.into(), ..Wide::default() };
            self.begun.push(Begun { mask, products, opened: Wide::default() });
        }
    }

    pub(super) fn multiplied(&mut self, message: &mut &[u8]) {
        for (claim, begun) in self.claims.iter().zip(&mut self.begun) {
            begun.products.next = read(message, 2 * claim.groups(), claim.width);
        }
    }

    /// Hides the first factors and shows what comes of it.
    pub(super) fn open(&mut self, guard: &mut Guard, t: u64, message: &mut Vec<u8>) {
        for (claim, begun) in self.claims.iter().zip(&mut self.begun) {
            let hidden = |part: &[u64], mask: &[u128]| {
                let of = part.iter().zip(mask);
                let hidden = of.map(|(x, a)| {
                    u128::from(t).wrapping_mul(u128::from(*x) & self::mask(claim.width)).wrapping_add(*a)
                });
                Zeroizing::new(hidden.collect::<Vec<u128>>())
            };
            begun.opened.mine = hidden(&claim.x.mine, &begun.mask.mine);
            begun.opened.next = hidden(&claim.x.next, &begun.mask.next);
            write(message, &begun.opened.next, claim.width);
            guard.shown(&words(begun.opened.mine.iter().copied(), claim.width));
        }
    }

    /// Takes the rest of what is shown in, and compares.
    pub(super) fn close(&mut self, guard: &mut Guard, t: u64, message: &mut &[u8]) {
        for (claim, begun) in self.claims.iter().zip(&self.begun) {
            let (width, groups) = (claim.width, claim.groups());
            let missing = read(message, claim.x.mine.len(), width);
            guard.heard(&words(missing.iter().copied(), width));
            let opened: Vec<u128> = begun
                .opened
                .mine
                .iter()
                .zip(begun.opened.next.iter())
                .zip(missing.iter())
                .map(|((a, b), c)| a.wrapping_add(*b).wrapping_add(*c))
                .collect();
            let rest = |products: &[u128], y: &[u64], at: usize| {
                let lanes = at * claim.group..(at + 1) * claim.group;
                let sum = lanes.fold(0, |sum: u128, lane| {
                    sum.wrapping_add(opened[lane].wrapping_mul(u128::from(y[lane]) & mask(width)))
                });
                u128::from(t).wrapping_mul(products[at]).wrapping_add(products[groups + at]).wrapping_sub(sum)
            };
            let rest = |products: &[u128], y: &[u64]| (0..groups).map(|at| rest(products, y, at)).collect::<Vec<_>>();
            let (mine, next) = (rest(&begun.products.mine, &claim.y.mine), rest(&begun.products.next, &claim.y.next));
            let missing = mine.iter().zip(&next).map(|(a, b)| a.wrapping_add(*b).wrapping_neg());
            guard.zero(Check::Products, &words(missing, width), &words(next.iter().copied(), width));
            let low = |products: &[u128], z: &[u64]| -> Vec<u64> {
                let low = products.iter().zip(z).map(|(w, z)| w.wrapping_sub(u128::from(*z)) & mask(width));
                low.map(|low| u64::try_from(low).expect("a width of 64 at most")).collect()
            };
            let mine = low(&begun.products.mine, &claim.z.mine);
            let next = low(&begun.products.next, &claim.z.next);
            guard.zero_numbers(Check::Products, &mine, &next, width);
        }
        self.claims.clear();
        self.begun.clear();
    }
}
