//! Steps that need no message, on numbers and bits.

use crate::bits::{WORD, to_planes, words};
use crate::field;
use crate::lanes::bit;
use crate::machine::{Fault, Machine, Value};
use crate::prg::Stream;
use crate::share::Share;
use std::ops::Range;
use vm::Width;
use vm::plan::{Bits, Local, Ring, dealt_lanes};

impl Machine {
    pub(crate) fn local(&self, number: usize, what: &Local) -> Result<Value, Fault> {
        Ok(Value::from(match what {
            Local::Constant(numbers) => return Ok(Value::Public(numbers.clone())),
            Local::Random { lanes, width } => {
                let (mine, next) = self.pair(number, *lanes, *width);
                Share { mine, next }
            }
            Local::RandomBits { words } => {
                let (mine, next) = self.pair(number, *words, WORDS);
                Share { mine, next }
            }
            Local::Masks { lanes } => self.masks(number, *lanes),
            Local::Add(a, b) => {
                let (a, b, width) = (self.shared(a.at), self.shared(*b), a.width);
                if width.is_int() { both(a, b, u64::wrapping_add) } else { both(a, b, field::add) }
            }
            Local::Sub(a, b) => {
                let (a, b, width) = (self.shared(a.at), self.shared(*b), a.width);
                if width.is_int() { both(a, b, u64::wrapping_sub) } else { both(a, b, field::sub) }
            }
            Local::Xor(a, b) => both(self.shared(*a), self.shared(*b), |a, b| a ^ b),
            Local::AddPublic(a, b) => {
                let (mut sum, public) = (self.shared(a.at).copy(), self.public(*b));
                self.shift(&mut sum, |at, word| add(a.width, word, public[at]));
                sum
            }
            Local::AddAll(a, by) => {
                let mut sum = self.shared(a.at).copy();
                self.shift(&mut sum, |_, word| add(a.width, word, *by));
                sum
            }
            Local::Scale(a, b) => {
                let by = self.public(*b);
                let scaled = |part: &[u64]| part.iter().zip(by).map(|(word, by)| mul(a.width, *word, *by)).collect();
                each(self.shared(a.at), scaled)
            }
            Local::ScaleAll(a, by) => {
                each(self.shared(a.at), |part| part.iter().map(|word| mul(a.width, *word, *by)).collect())
            }
            Local::Sum { from, group } => each(self.shared(from.at), |part| sums(from.width, part, *group)),
            Local::Flip(from) => {
                let mut flipped = self.shared(*from).copy();
                self.shift(&mut flipped, |_, word| !word);
                flipped
            }
            Local::Planes { from, planes } => {
                each(self.shared(from.at), |part| some_planes(part, words(from.lanes), planes))
            }
            Local::Stack(parts) => {
                let all = |choose: fn(&Share) -> &Vec<u64>| {
                    let parts: Vec<&[u64]> = parts.iter().map(|at| choose(self.shared(*at)).as_slice()).collect();
                    parts.concat()
                };
                Share { mine: all(|share| &share.mine), next: all(|share| &share.next) }
            }
            Local::Lanes { from, lanes } => {
                each(self.shared(*from), |part| lanes.iter().map(|lane| part[*lane]).collect())
            }
            Local::Third { from, shift, width } => self.third(from, *shift, *width),
            Local::ThirdBits { from, negated } => self.third_bits(from, *negated),
            Local::DealersBits { from, second } => self.dealers_bits(from, *second),
            Local::Shifted { from, shift, width } => {
                each(self.shared(from.at), |part| shifted(part, from, *shift, *width))
            }
            Local::ThirdOfBits { from } => self.third_of_bits(from),
            Local::Clear { .. } => unreachable!("done where several results are kept"),
            other => return self.move_lanes(other),
        }))
    }

    /// Calls for what this party knows of the components that dealers do not know: of the lanes that the previous party
    /// deals its second component, of those that the next party deals its first.
    fn thirds(&self, lanes: usize) -> [Range<usize>; 2] {
        let dealt = dealt_lanes(lanes);
        [self.me().previous(), self.me().next()].map(|dealer| dealt[dealer.index()].clone())
    }

    fn third(&self, from: &Ring, shift: usize, width: Width) -> Share {
        let [before, after] = self.thirds(from.lanes);
        let (share, mut third) = (self.shared(from.at), Share::zeros(from.lanes));
        let moved = |to: &mut [u64], of: &[u64]| {
            let of = of.iter().map(|word| (word & from.mask()) >> shift);
            to.iter_mut().zip(of).for_each(|(to, of)| *to = if width.is_int() { of } else { field::reduced(of) });
        };
        moved(&mut third.next[before.clone()], &share.next[before]);
        moved(&mut third.mine[after.clone()], &share.mine[after]);
        third
    }

    fn third_bits(&self, from: &Ring, negated: bool) -> Share {
        let [before, after] = self.thirds(from.lanes);
        let words = words(from.lanes);
        let share = self.shared(from.at);
        let mut third = Share::zeros(words * from.bits());
        let place = |to: &mut [u64], lanes: Range<usize>, part: &[u64]| {
            let signed = |word: &u64| if negated { sub(from.width, 0, *word) } else { *word };
            let numbers: Vec<u64> = part[lanes.clone()].iter().map(signed).collect();
            put_planes(to, words, lanes.start / WORD, &to_planes(&numbers, from.bits()), from.bits());
        };
        place(&mut third.next, before, &share.next);
        place(&mut third.mine, after, &share.mine);
        third
    }

    /// A dealer's component is its own or the next party's, and the previous party or the next one holds it too.
    fn dealers_bits(&self, from: &Ring, second: bool) -> Share {
        let dealt = dealt_lanes(from.lanes);
        let words = words(from.lanes);
        let share = self.shared(from.at);
        let mut bits = Share::zeros(words * from.bits());
        let place = |to: &mut [u64], lanes: Range<usize>, part: &[u64]| {
            let first = lanes.start / WORD;
            put_planes(to, words, first, &to_planes(&part[lanes], from.bits()), from.bits());
        };
        let mine = dealt[self.me().index()].clone();
        if second {
            place(&mut bits.next, mine, &share.next);
            place(&mut bits.mine, dealt[self.me().previous().index()].clone(), &share.mine);
        } else {
            place(&mut bits.mine, mine, &share.mine);
            place(&mut bits.next, dealt[self.me().next().index()].clone(), &share.next);
        }
        bits
    }

    fn third_of_bits(&self, from: &Bits) -> Share {
        let [before, after] = self.thirds(from.lanes);
        let share = self.shared(from.at);
        let mut third = Share::zeros(from.planes * from.lanes);
        for plane in 0..from.planes {
            let first = plane * from.lanes;
            for lane in before.clone() {
                third.next[first + lane] = bit(&share.next, from, plane, lane);
            }
            for lane in after.clone() {
                third.mine[first + lane] = bit(&share.mine, from, plane, lane);
            }
        }
        third
    }

    /// Draws for each lane the two components that its dealer holds. The third is zero.
    fn masks(&self, number: usize, lanes: usize) -> Share {
        let dealt = dealt_lanes(lanes);
        let of = |dealer: crate::share::Party| dealt[dealer.index()].clone();
        let number = self.stream(number);
        // Each key draws for all lanes, so that who draws for fewer draws the same.
        let (own, next) = (self.streams().own.words(number, lanes), self.streams().next.words(number, lanes));
        let mut share = Share::zeros(lanes);
        let copy = |to: &mut [u64], from: &[u64], lanes: Range<usize>| to[lanes.clone()].copy_from_slice(&from[lanes]);
        copy(&mut share.mine, &own, of(self.me()));
        copy(&mut share.mine, &own, of(self.me().previous()));
        copy(&mut share.next, &next, of(self.me()));
        copy(&mut share.next, &next, of(self.me().next()));
        share
    }

    /// Returns noise of which each party's own less its next one's is a share of zero.
    pub(crate) fn pair(&self, number: usize, count: usize, width: Width) -> (Vec<u64>, Vec<u64>) {
        let number = self.stream(number);
        (draw(&self.streams().own, number, count, width), draw(&self.streams().next, number, count, width))
    }
}

pub(crate) fn some_planes(part: &[u64], words: usize, planes: &[usize]) -> Vec<u64> {
    let mut some = Vec::with_capacity(planes.len() * words);
    planes.iter().for_each(|plane| some.extend_from_slice(&part[plane * words..(plane + 1) * words]));
    some
}

pub(crate) fn shifted(part: &[u64], from: &Ring, by: usize, width: Width) -> Vec<u64> {
    let moved = part.iter().map(|word| (word & from.mask()) >> by);
    if width.is_int() { moved.collect() } else { moved.map(field::reduced).collect() }
}

/// Whole words: the width of what is masked bit by bit.
pub(crate) const WORDS: Width = Width::Int(64);

/// Draws numbers, each as likely as any other.
pub(crate) fn draw(stream: &Stream, number: u64, count: usize, width: Width) -> Vec<u64> {
    if width.is_int() {
        return stream.words(number, count);
    }
    // What is no canonical number is left out; one word in 2^32 is none.
    let mut wanted = count + 2;
    loop {
        let words = stream.words(number, wanted).into_iter();
        let drawn: Vec<u64> = words.filter(|word| field::is_canonical(*word)).take(count).collect();
        if drawn.len() == count {
            return drawn;
        }
        wanted *= 2;
    }
}

pub(crate) fn add(width: Width, a: u64, b: u64) -> u64 {
    if width.is_int() { a.wrapping_add(b) } else { field::add(a, b) }
}

pub(crate) fn sub(width: Width, a: u64, b: u64) -> u64 {
    if width.is_int() { a.wrapping_sub(b) } else { field::sub(a, b) }
}

pub(crate) fn mul(width: Width, a: u64, b: u64) -> u64 {
    if width.is_int() { a.wrapping_mul(b) } else { field::mul(a, b) }
}

fn both(a: &Share, b: &Share, of: impl Fn(u64, u64) -> u64) -> Share {
    let words = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect();
    Share { mine: words(&a.mine, &b.mine), next: words(&a.next, &b.next) }
}

fn each(share: &Share, of: impl Fn(&[u64]) -> Vec<u64>) -> Share {
    Share { mine: of(&share.mine), next: of(&share.next) }
}

/// Returns the sum of each group.
pub(crate) fn sums(width: Width, words: &[u64], group: usize) -> Vec<u64> {
    words.chunks(group).map(|group| group.iter().fold(0, |sum, word| add(width, sum, *word))).collect()
}

/// Puts planes of a few words each into wider ones, from a word on.
pub(crate) fn put_planes(to: &mut [u64], words: usize, first: usize, planes: &[u64], count: usize) {
    let width = planes.len() / count;
    for plane in 0..count {
        let from = &planes[plane * width..(plane + 1) * width];
        to[plane * words + first..plane * words + first + width].copy_from_slice(from);
    }
}
