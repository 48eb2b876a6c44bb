//! Steps that send: what is done before the messages come, and what after.

use super::machine::Machine;
use super::share::Components;
use crate::bits::{from_planes, to_planes, words};
use crate::field;
use crate::lanes::{bit, repacked};
use crate::local::{WORDS, add, draw, mul, sub, sums};
use crate::machine::Value;
use crate::message::{Reader, Writer};
use crate::talk::permutation;
use std::ops::Range;
use std::sync::Arc;
use vm::Width;
use vm::plan::{Any, Bits, Ring, Speech, Talk};

/// How a step's result lies in words.
struct Shape {
    /// Of numbers their width; bits have none.
    width: Option<Width>,
    /// Results that lie one after another.
    parts: usize,
    planes: usize,
    lanes: usize,
}

impl Shape {
    fn of(what: &Talk, dealers: usize) -> Self {
        match *what {
            Talk::Multiply { a, group, .. } => Self::numbers(a.width, 1, 1, a.lanes / group),
            Talk::DealSum { from, width, .. } => Self::numbers(width, 1, 1, from.lanes),
            Talk::DealOfBits { from, width } => Self::numbers(width, dealers, from.planes, from.lanes),
            Talk::Mix { from: Any::Ring(from), .. } => Self::numbers(from.width, 1, 1, from.lanes),
            Talk::Mix { from: Any::Bits(from), .. } | Talk::And { a: from, .. } => {
                Self::bits(1, from.planes, from.lanes)
            }
            Talk::DealSumBits { from } => Self::bits(dealers, from.bits(), from.lanes),
            _ => unreachable!("every other step shares nothing"),
        }
    }

    fn numbers(width: Width, parts: usize, planes: usize, lanes: usize) -> Self {
        Self { width: Some(width), parts, planes, lanes }
    }

    fn bits(parts: usize, planes: usize, lanes: usize) -> Self {
        Self { width: None, parts, planes, lanes }
    }

    fn stride(&self) -> usize {
        if self.width.is_some() { self.lanes } else { words(self.lanes) }
    }

    fn words(&self) -> usize {
        self.parts * self.planes * self.stride()
    }

    /// Returns how many words one plane of a speech has.
    fn run(&self, speech: &Speech) -> usize {
        if self.width.is_some() { speech.lanes.len() } else { words(speech.lanes.len()) }
    }

    /// Returns where the words of a speech go.
    fn places(&self, speech: &Speech) -> impl Iterator<Item = Range<usize>> {
        let first = if self.width.is_some() { speech.lanes.start } else { words(speech.lanes.start) };
        let (part, stride, run) = (speech.part * self.planes, self.stride(), self.run(speech));
        (0..self.planes).map(move |plane| {
            let start = (part + plane) * stride + first;
            start..start + run
        })
    }

    fn add(&self, a: u64, b: u64) -> u64 {
        self.width.map_or(a ^ b, |width| add(width, a, b))
    }

    fn sub(&self, a: u64, b: u64) -> u64 {
        self.width.map_or(a ^ b, |width| sub(width, a, b))
    }

    /// Adds the words of a speech to a component.
    fn put(&self, to: &mut [u64], speech: &Speech, words: &[u64]) {
        let run = self.run(speech).max(1);
        for (place, words) in self.places(speech).zip(words.chunks_exact(run)) {
            to[place].iter_mut().zip(words).for_each(|(to, word)| *to = self.add(*to, *word));
        }
    }

    fn write(&self, writer: &mut Writer, speech: &Speech, words: &[u64]) {
        match self.width {
            Some(width) => writer.numbers(words, width.bits().into()),
            None => writer.planes(words, speech.lanes.len(), 0..speech.lanes.len()),
        }
    }

    fn read(&self, reader: &mut Reader<'_>, speech: &Speech) -> Vec<u64> {
        let count = self.planes * self.run(speech);
        match self.width {
            Some(width) => reader.numbers(count, width.bits().into()),
            None => {
                let mut planes = vec![0; count];
                reader.planes(&mut planes, speech.lanes.len(), 0..speech.lanes.len());
                planes
            }
        }
    }
}

impl Machine {
    /// Does what is done before the messages come, and writes this party's part of the message to each party before it.
    pub(crate) fn begin(&self, number: usize, what: &Talk, messages: &mut [Writer]) -> Components {
        match what {
            Talk::OpenRing(from) => {
                let write = |message: &mut Writer, part: &[u64]| message.numbers(part, from.bits());
                self.show(from.at, &|a, b| add(from.width, a, b), messages, &write)
            }
            Talk::OpenBits(from) => {
                let write = |message: &mut Writer, part: &[u64]| message.planes(part, from.lanes, 0..from.lanes);
                self.show(from.at, &|a, b| a ^ b, messages, &write)
            }
            _ => self.speak(number, what, messages),
        }
    }

    /// Shows each party before this one what it lacks and this one is to tell it.
    fn show(
        &self,
        at: usize,
        add: &dyn Fn(u64, u64) -> u64,
        messages: &mut [Writer],
        write: &dyn Fn(&mut Writer, &[u64]),
    ) -> Components {
        let held = self.held(at);
        let sum = |parts: &[usize]| {
            let mut sum = vec![0; held.words()];
            for part in parts {
                sum.iter_mut().zip(&held.0[*part]).for_each(|(sum, word)| *sum = add(*sum, *word));
            }
            sum
        };
        for (message, shown) in messages.iter_mut().zip(&self.seat.shown) {
            write(message, &sum(shown));
        }
        let all: Vec<usize> = (0..held.0.len()).collect();
        Components(vec![sum(&all)])
    }

    /// Shares the sum of what some parties know: each component is what is drawn by those who hold it, or told.
    fn speak(&self, number: usize, what: &Talk, messages: &mut [Writer]) -> Components {
        let shape = Shape::of(what, self.seat.parties.curious());
        let mut result = Components::zeros(self.seat.held.len(), shape.words());
        for (place, speech) in what.speeches(self.seat.parties).iter().enumerate() {
            let told = self.seat.parties.told(speech.speaker);
            let mut left = (speech.speaker == self.seat.me).then(|| self.summand(what, speech));
            let count = shape.planes * shape.run(speech);
            let drawn = |stream| draw(stream, self.stream(number, place), count, shape.width.unwrap_or(WORDS));
            for ((lacking, stream), part) in self.seat.held.iter().zip(self.streams.iter()).zip(&mut result.0) {
                if lacking.has(speech.speaker) || *lacking == told {
                    continue;
                }
                let noise = drawn(stream);
                shape.put(part, speech, &noise);
                for (left, noise) in left.iter_mut().flatten().zip(&noise) {
                    *left = shape.sub(*left, *noise);
                }
            }
            if let Some(left) = left {
                messages.iter_mut().for_each(|message| shape.write(message, speech, &left));
                self.take(&shape, speech, &left, &mut result);
            }
        }
        result
    }

    /// Adds what a party told to the component that it tells.
    fn take(&self, shape: &Shape, speech: &Speech, words: &[u64], result: &mut Components) {
        let told = self.seat.parties.told(speech.speaker);
        let at = self.seat.held.iter().position(|lacking| *lacking == told);
        shape.put(&mut result.0[at.expect("who is told holds it")], speech, words);
    }

    /// Does the rest with the parts of the messages of the parties after this one, the nearest first.
    pub(crate) fn end(&self, what: &Talk, mut begun: Components, messages: &[&[u8]]) -> Value {
        let mut readers: Vec<Reader<'_>> = messages.iter().map(|part| Reader::new(part)).collect();
        match what {
            Talk::OpenRing(from) => {
                let mut known = std::mem::take(&mut begun.0[0]);
                for reader in &mut readers {
                    let missing = reader.numbers(from.lanes, from.bits());
                    known.iter_mut().zip(missing).for_each(|(sum, part)| *sum = add(from.width, *sum, part));
                }
                known.iter_mut().for_each(|word| *word &= from.mask());
                Value::Public(known)
            }
            Talk::OpenBits(from) => {
                let mut known = std::mem::take(&mut begun.0[0]);
                for reader in &mut readers {
                    let mut missing = vec![0; known.len()];
                    reader.planes(&mut missing, from.lanes, 0..from.lanes);
                    known.iter_mut().zip(missing).for_each(|(sum, part)| *sum ^= part);
                }
                Value::Public(from_planes(&known, from.lanes))
            }
            _ => {
                let shape = Shape::of(what, self.seat.parties.curious());
                for speech in what.speeches(self.seat.parties) {
                    let places = (1..).zip(&mut readers);
                    let mut heard =
                        places.filter(|(places, _)| self.seat.parties.after(self.seat.me, *places) == speech.speaker);
                    if let Some((_, reader)) = heard.next() {
                        let words = shape.read(reader, &speech);
                        self.take(&shape, &speech, &words, &mut begun);
                    }
                }
                Value::Held(Arc::new(begun))
            }
        }
    }

    /// Returns what this party puts into a sum.
    fn summand(&self, what: &Talk, speech: &Speech) -> Vec<u64> {
        match what {
            Talk::Multiply { a, b, group } => self.products(a, b, *group),
            Talk::And { a, b } => self.conjunctions(a, b),
            Talk::DealSum { from, shift, width } => {
                let sums = self.dealt(from, speech).into_iter().map(|sum| (sum & from.mask()) >> shift);
                if width.is_int() { sums.collect() } else { sums.map(field::reduced).collect() }
            }
            Talk::DealSumBits { from } => to_planes(&self.dealt(from, speech), from.bits()),
            Talk::DealOfBits { from, .. } => {
                let (parts, held) = (self.dealt_parts(speech), self.held(from.at));
                let known = |plane, lane| parts.iter().fold(0, |sum, at| sum ^ bit(&held.0[*at], from, plane, lane));
                let lanes = speech.lanes.clone();
                (0..from.planes)
                    .flat_map(|plane| lanes.clone().map(move |lane| (plane, lane)))
                    .map(|(p, l)| known(p, l))
                    .collect()
            }
            Talk::Mix { from, first, order } => self.mixed(*from, *first, *order),
            _ => unreachable!("every other step shares nothing"),
        }
    }

    /// Returns the components of which this party deals the sum.
    fn dealt_parts(&self, speech: &Speech) -> Vec<usize> {
        let parties = self.seat.parties;
        let before = parties.dealers(speech.block).take_while(|dealer| *dealer != self.seat.me);
        self.seat.spoken(before, Some(parties.undealt(speech.block)))
    }

    fn dealt(&self, from: &Ring, speech: &Speech) -> Vec<u64> {
        let held = self.held(from.at);
        let mut sums = vec![0; speech.lanes.len()];
        for at in self.dealt_parts(speech) {
            let part = &held.0[at][speech.lanes.clone()];
            sums.iter_mut().zip(part).for_each(|(sum, word)| *sum = add(from.width, *sum, *word));
        }
        sums
    }

    /// Returns the terms of the products that this party adds up, summed in groups.
    fn products(&self, a: &Ring, b: &Ring, group: usize) -> Vec<u64> {
        let (x, y) = (self.held(a.at), self.held(b.at));
        let mut terms = vec![0; a.lanes];
        for (one, others) in &self.seat.products {
            for (lane, (term, word)) in terms.iter_mut().zip(&x.0[*one]).enumerate() {
                let by = others.iter().fold(0, |sum, other| add(a.width, sum, y.0[*other][lane]));
                *term = add(a.width, *term, mul(a.width, *word, by));
            }
        }
        if group == 1 { terms } else { sums(a.width, &terms, group) }
    }

    fn conjunctions(&self, a: &Bits, b: &Bits) -> Vec<u64> {
        let (x, y) = (self.held(a.at), self.held(b.at));
        let mut terms = vec![0; x.words()];
        for (one, others) in &self.seat.products {
            for (at, (term, word)) in terms.iter_mut().zip(&x.0[*one]).enumerate() {
                *term ^= word & others.iter().fold(0, |sum, other| sum ^ y.0[*other][at]);
            }
        }
        terms
    }

    /// Returns this party's part of all lanes, in an order that those draw who hold one component.
    fn mixed(&self, from: Any, first: usize, order: usize) -> Vec<u64> {
        let parties = self.seat.parties;
        let lacking = parties.components()[first];
        let key = self.seat.held.iter().position(|held| *held == lacking).expect("who speaks holds it");
        let order = permutation(&self.streams[key], self.stream(order, 0), from.lanes());
        let before = (0..self.seat.me).filter(|party| !lacking.has(*party));
        let parts = self.seat.spoken(before, None);
        let held = self.held(from.at());
        match from {
            Any::Ring(ring) => {
                let sum = |lane: &usize| parts.iter().fold(0, |sum, at| add(ring.width, sum, held.0[*at][*lane]));
                order.iter().map(sum).collect()
            }
            Any::Bits(bits) => repacked(bits.lanes, bits.planes, |plane, lane| {
                parts.iter().fold(0, |sum, at| sum ^ bit(&held.0[*at], &bits, plane, order[lane]))
            }),
            Any::Public(_) => unreachable!("shares are shuffled"),
        }
    }
}
