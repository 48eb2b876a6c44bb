//! Steps that send: what is done before the message comes, and what after.

use crate::bits::{WORD, from_planes, to_planes, words};
use crate::field;
use crate::lanes::{bit, repacked};
use crate::local::{WORDS, add, draw, put_planes, sub, sums};
use crate::machine::{Machine, Value};
use crate::message::{Reader, Writer};
use crate::share::{Party, Share};
use vm::Width;
use vm::plan::{Any, Bits, Ring, Talk, dealt, dealt_lanes};

impl Machine {
    /// Does what is done before the message comes, and writes this party's part of the message.
    pub(crate) fn begin(&self, number: usize, what: &Talk, message: &mut Writer) -> Share {
        match what {
            Talk::Multiply { a, b, group } => {
                let products = products(a.width, self.shared(a.at), self.shared(b.at), *group);
                self.send_masked(number, products, a.width, message)
            }
            Talk::Refresh(from) => self.send_masked(number, self.shared(from.at).mine.clone(), from.width, message),
            Talk::RefreshBits(from) => {
                self.send_masked_bits(number, self.shared(from.at).mine.clone(), from.lanes, message)
            }
            Talk::And { a, b } => {
                let (x, y) = (self.shared(a.at), self.shared(b.at));
                let ones = x.mine.iter().zip(&x.next);
                let others = y.mine.iter().zip(&y.next);
                let terms = ones.zip(others).map(|((x, x_next), (y, y_next))| x & (y ^ y_next) ^ x_next & y);
                self.send_masked_bits(number, terms.collect(), a.lanes, message)
            }
            Talk::OpenRing(from) => {
                let share = self.shared(from.at);
                message.numbers(&share.next, from.bits());
                let known = share.mine.iter().zip(&share.next).map(|(a, b)| add(from.width, *a, *b)).collect();
                Share { mine: known, next: Vec::new() }
            }
            Talk::OpenBits(from) => {
                let share = self.shared(from.at);
                message.planes(&share.next, from.lanes, 0..from.lanes);
                let known = share.mine.iter().zip(&share.next).map(|(a, b)| a ^ b).collect();
                Share { mine: known, next: Vec::new() }
            }
            Talk::DealSum { from, shift, width } => {
                let share = self.shared(from.at);
                let known = |_, lane: usize| {
                    let sum = (share.mine[lane].wrapping_add(share.next[lane]) & from.mask()) >> shift;
                    if width.is_int() { sum } else { field::reduced(sum) }
                };
                self.deal(number, from.lanes, 1, *width, known, message)
            }
            Talk::DealOfBits { from, width } => {
                let share = self.shared(from.at);
                let known = |plane, lane| bit(&share.mine, from, plane, lane) ^ bit(&share.next, from, plane, lane);
                self.deal(number, from.lanes, from.planes, *width, known, message)
            }
            Talk::DealSumBits { from } => self.deal_bits(number, from, |a, b| add(from.width, a, b), message),
            Talk::DealCarries { from, .. } => {
                self.deal_bits(number, from, |a, b| carries(a & from.mask(), b & from.mask()), message)
            }
            Talk::Complete { bits, masks } => self.complete(bits, masks, message),
            Talk::Mix { from, first, order } => self.mix(number, *from, *first, *order, message),
        }
    }

    /// Adds a share of zero to what is a sum of three components already, and sends it.
    fn send_masked(&self, number: usize, mut numbers: Vec<u64>, width: Width, message: &mut Writer) -> Share {
        let (own, next) = self.pair(number, numbers.len(), width);
        for ((number, own), next) in numbers.iter_mut().zip(own).zip(next) {
            *number = sub(width, add(width, *number, own), next);
        }
        message.numbers(&numbers, width.bits().into());
        Share { mine: numbers, next: Vec::new() }
    }

    fn send_masked_bits(&self, number: usize, mut bits: Vec<u64>, lanes: usize, message: &mut Writer) -> Share {
        let (own, next) = self.pair(number, bits.len(), WORDS);
        for ((bits, own), next) in bits.iter_mut().zip(own).zip(next) {
            *bits ^= own ^ next;
        }
        message.planes(&bits, lanes, 0..lanes);
        Share { mine: bits, next: Vec::new() }
    }

    /// Deals numbers, some for each lane: the dealer's first component is the number less noise that it draws with the
    /// next party, whose first component the noise is; the third component is zero.
    fn deal(
        &self,
        number: usize,
        lanes: usize,
        planes: usize,
        width: Width,
        known: impl Fn(usize, usize) -> u64,
        message: &mut Writer,
    ) -> Share {
        let dealt = dealt_lanes(lanes);
        let (mine, before) = (dealt[self.me().index()].clone(), dealt[self.me().previous().index()].clone());
        let mut share = Share::zeros(planes * lanes);
        let number = self.stream(number);
        let to_next = draw(&self.streams().next, number, planes * mine.len(), width);
        let from_before = draw(&self.streams().own, number, planes * before.len(), width);
        for plane in 0..planes {
            let first = plane * lanes;
            for (at, lane) in mine.clone().enumerate() {
                let noise = to_next[plane * mine.len() + at];
                share.mine[first + lane] = sub(width, known(plane, lane), noise);
                share.next[first + lane] = noise;
            }
            message.numbers(&share.mine[first + mine.start..first + mine.end], width.bits().into());
            for (at, lane) in before.clone().enumerate() {
                share.mine[first + lane] = from_before[plane * before.len() + at];
            }
        }
        share
    }

    fn deal_bits(&self, number: usize, from: &Ring, of: impl Fn(u64, u64) -> u64, message: &mut Writer) -> Share {
        let words = words(from.lanes);
        let lanes = dealt_lanes(from.lanes)[self.me().index()].clone();
        let dealt = dealt(words);
        let (mine, before) = (dealt[self.me().index()].clone(), dealt[self.me().previous().index()].clone());
        let number = self.stream(number);
        let noise = self.streams().next.words(number, from.bits() * mine.len());
        let theirs = self.streams().own.words(number, from.bits() * before.len());
        let known = self.shared(from.at);
        let sums: Vec<u64> = lanes.clone().map(|lane| of(known.mine[lane], known.next[lane])).collect();
        let mut hidden = to_planes(&sums, from.bits());
        hidden.iter_mut().zip(&noise).for_each(|(bits, noise)| *bits ^= noise);
        message.planes(&hidden, lanes.len(), 0..lanes.len());
        let mut share = Share::zeros(words * from.bits());
        put_planes(&mut share.mine, words, mine.start, &hidden, from.bits());
        put_planes(&mut share.next, words, mine.start, &noise, from.bits());
        put_planes(&mut share.mine, words, before.start, &theirs, from.bits());
        share
    }

    /// Tells the previous party what it lacks of the bits of the lanes that it does not deal. The lanes that this party deals
    /// it must not learn itself.
    fn complete(&self, bits: &Bits, masks: &Ring, message: &mut Writer) -> Share {
        let share = self.shared(bits.at);
        let dealt = dealt_lanes(bits.lanes);
        for dealer in Party::ALL.into_iter().filter(|dealer| *dealer != self.me().previous()) {
            message.planes(&share.next, bits.lanes, dealt[dealer.index()].clone());
        }
        let known = share.mine.iter().zip(&share.next).map(|(a, b)| a ^ b).collect();
        let masks = self.shared(masks.at);
        Share { mine: known, next: [masks.mine.as_slice(), &masks.next].concat() }
    }

    fn completed(&self, bits: &Bits, begun: &mut Share, part: &[u8]) -> Share {
        let (known, masks) = (&mut begun.mine, &begun.next);
        let dealt = dealt_lanes(bits.lanes);
        let mut missing = vec![0; known.len()];
        let mut reader = Reader::new(part);
        for dealer in Party::ALL.into_iter().filter(|dealer| *dealer != self.me()) {
            reader.planes(&mut missing, bits.lanes, dealt[dealer.index()].clone());
        }
        known.iter_mut().zip(missing).for_each(|(known, missing)| *known ^= missing);
        let left = from_planes(known, bits.lanes);
        let (mine, next) = masks.split_at(bits.lanes);
        let mut share = Share { mine: mine.to_vec(), next: next.to_vec() };
        // The third component: of the lanes that the next party deals the first, of those of the previous one the second.
        let (after, before) = (dealt[self.me().next().index()].clone(), dealt[self.me().previous().index()].clone());
        share.mine[after.clone()].copy_from_slice(&left[after]);
        share.next[before.clone()].copy_from_slice(&left[before]);
        share
    }

    /// One pass of a shuffle. The first party knows the sum of two components and the one after it the third: each deals its
    /// part in the common order, less noise that it draws with the party after it.
    fn mix(&self, number: usize, from: Any, first: usize, order: usize, message: &mut Writer) -> Share {
        let share = self.shared(from.at());
        let lanes = from.lanes();
        let first = Party::ALL[first];
        let is_first = self.me() == first;
        if !is_first && self.me() != first.next() {
            let noise = self.mixing_noise(number, from, &self.streams().own);
            return Share { mine: noise, next: Vec::new() };
        }
        let key = if is_first { &self.streams().next } else { &self.streams().own };
        let order = permutation(key, self.stream(order), lanes);
        let noise = self.mixing_noise(number, from, &self.streams().next);
        let mut hidden = match from {
            Any::Ring(ring) => {
                let part = |lane: &usize| match is_first {
                    true => add(ring.width, share.mine[*lane], share.next[*lane]),
                    false => share.next[*lane],
                };
                let part: Vec<u64> = order.iter().map(part).collect();
                part.iter().zip(&noise).map(|(part, noise)| sub(ring.width, *part, *noise)).collect::<Vec<u64>>()
            }
            Any::Bits(bits) => {
                let part = repacked(lanes, bits.planes, |plane, lane| {
                    let mine = if is_first { bit(&share.mine, &bits, plane, order[lane]) } else { 0 };
                    mine ^ bit(&share.next, &bits, plane, order[lane])
                });
                part.iter().zip(&noise).map(|(part, noise)| part ^ noise).collect()
            }
            Any::Public(_) => unreachable!("shares are shuffled"),
        };
        match from {
            Any::Ring(ring) => message.numbers(&hidden, ring.bits()),
            _ => message.planes(&hidden, lanes, 0..lanes),
        }
        if is_first {
            return Share { mine: hidden, next: noise };
        }
        // The noise of the first party's part is in the component between the two.
        let theirs = self.mixing_noise(number, from, &self.streams().own);
        combine(from, &mut hidden, &theirs);
        Share { mine: hidden, next: noise }
    }

    fn mixing_noise(&self, number: usize, from: Any, stream: &crate::prg::Stream) -> Vec<u64> {
        let number = self.stream(number);
        match from {
            Any::Ring(ring) => draw(stream, number, ring.lanes, ring.width),
            Any::Bits(bits) => stream.words(number, bits.planes * words(bits.lanes)),
            Any::Public(_) => unreachable!("shares are shuffled"),
        }
    }

    fn mixed(&self, from: Any, first: usize, mut begun: Share, part: &[u8]) -> Share {
        let first = Party::ALL[first];
        let mut reader = Reader::new(part);
        let mut told = match from {
            Any::Ring(ring) => reader.numbers(ring.lanes, ring.bits()),
            Any::Bits(bits) => {
                let mut told = vec![0; bits.planes * words(bits.lanes)];
                reader.planes(&mut told, bits.lanes, 0..bits.lanes);
                told
            }
            Any::Public(_) => unreachable!("shares are shuffled"),
        };
        if self.me() == first {
            // What the other dealt less its noise, with the noise of this party's own part.
            combine(from, &mut told, &begun.next);
            begun.next = told;
        } else if self.me() == first.previous() {
            begun.next = told;
        }
        begun
    }

    /// Does the rest with the next party's part of the message.
    pub(crate) fn end(&self, what: &Talk, mut begun: Share, part: &[u8]) -> Value {
        let mut reader = Reader::new(part);
        let all_planes = |reader: &mut Reader<'_>, from: &Bits| {
            let mut planes = vec![0; from.planes * words(from.lanes)];
            reader.planes(&mut planes, from.lanes, 0..from.lanes);
            planes
        };
        match what {
            Talk::Multiply { a, group, .. } => begun.next = reader.numbers(a.lanes / group, a.bits()),
            Talk::Refresh(a) => begun.next = reader.numbers(a.lanes, a.bits()),
            Talk::And { a, .. } | Talk::RefreshBits(a) => begun.next = all_planes(&mut reader, a),
            Talk::OpenRing(from) => {
                let missing = reader.numbers(from.lanes, from.bits());
                let opened = begun.mine.iter().zip(missing).map(|(a, b)| add(from.width, *a, b) & from.mask());
                return Value::Public(opened.collect());
            }
            Talk::OpenBits(from) => {
                let missing = all_planes(&mut reader, from);
                let opened: Vec<u64> = begun.mine.iter().zip(missing).map(|(a, b)| a ^ b).collect();
                return Value::Public(from_planes(&opened, from.lanes));
            }
            Talk::DealSum { from, width, .. } => self.take(&mut begun, from.lanes, 1, *width, &mut reader),
            Talk::DealOfBits { from, width } => self.take(&mut begun, from.lanes, from.planes, *width, &mut reader),
            Talk::DealSumBits { from } | Talk::DealCarries { from, .. } => {
                let lanes = dealt_lanes(from.lanes)[self.me().next().index()].clone();
                reader.planes(&mut begun.next, from.lanes, lanes);
            }
            Talk::Complete { bits, .. } => begun = self.completed(bits, &mut begun, part),
            Talk::Mix { from, first, .. } => begun = self.mixed(*from, *first, begun, part),
        }
        Value::from(begun)
    }

    /// Takes what the next party dealt: its first component, which is this party's second.
    fn take(&self, share: &mut Share, lanes: usize, planes: usize, width: Width, reader: &mut Reader<'_>) {
        let theirs = dealt_lanes(lanes)[self.me().next().index()].clone();
        let dealt = reader.numbers(planes * theirs.len(), width.bits().into());
        for (plane, numbers) in dealt.chunks_exact(theirs.len().max(1)).enumerate() {
            share.next[plane * lanes + theirs.start..plane * lanes + theirs.end].copy_from_slice(numbers);
        }
    }
}

/// Returns what is carried out of each bit of a sum.
fn carries(a: u64, b: u64) -> u64 {
    a & b | (a | b) & !a.wrapping_add(b)
}

/// Adds noise to lanes of one kind.
fn combine(kind: Any, to: &mut [u64], by: &[u64]) {
    match kind {
        Any::Ring(ring) => to.iter_mut().zip(by).for_each(|(to, by)| *to = add(ring.width, *to, *by)),
        _ => to.iter_mut().zip(by).for_each(|(to, by)| *to ^= by),
    }
}

/// Draws an order of lanes, each as likely as any other. (Fisher and Yates.)
pub(crate) fn permutation(stream: &crate::prg::Stream, number: u64, lanes: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lanes).collect();
    let mut words = stream.words(number, lanes + WORD).into_iter();
    let mut drawn = lanes + WORD;
    for last in (1..lanes).rev() {
        let count = u64::try_from(last + 1).expect("lanes are counted in 32 bits");
        // What would make some places likelier than others is left out.
        let whole = u64::MAX - u64::MAX % count;
        let place = loop {
            let word = match words.next() {
                Some(word) => word,
                None => {
                    // Very unlikely: more words from where the last ones ended.
                    let mut more = stream.words(number, drawn * 2);
                    let more = more.split_off(drawn);
                    drawn *= 2;
                    words = more.into_iter();
                    continue;
                }
            };
            if word < whole {
                break word % count;
            }
        };
        order.swap(last, usize::try_from(place).expect("a place among the lanes"));
    }
    order
}

/// Returns the terms of the products that this party knows, summed in groups.
fn products(width: Width, x: &Share, y: &Share, group: usize) -> Vec<u64> {
    let ones = x.mine.iter().zip(&x.next);
    let others = y.mine.iter().zip(&y.next);
    let both = ones.zip(others);
    let terms: Vec<u64> = if width.is_int() {
        let term = |((x, x_next), (y, y_next)): ((&u64, &u64), (&u64, &u64))| {
            x.wrapping_mul(y.wrapping_add(*y_next)).wrapping_add(x_next.wrapping_mul(*y))
        };
        both.map(term).collect()
    } else {
        let term = |((x, x_next), (y, y_next)): ((&u64, &u64), (&u64, &u64))| {
            field::add(field::mul(*x, field::add(*y, *y_next)), field::mul(*x_next, *y))
        };
        both.map(term).collect()
    };
    if group == 1 { terms } else { sums(width, &terms, group) }
}
