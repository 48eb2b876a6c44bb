//! Against a party that lies: every product is proven before anything that depends on it is shown.
//!
//! Setting: at most one of the three does not follow the protocol, in any way it likes; the others abort or have the right
//! result. It learns what it would have learned from honest parties, and whether they abort depends on nothing secret.
//! A lie is missed with a probability of 2^-[`STATISTICAL_BITS`] at most.
//!
//! Whatever the liar sends, the honest two hold consistent shares, of values to which it has added something it knows.
//! So every message that could be wrong leaves a claim: that a product is one ([`wide`], [`planes`]), that what was
//! dealt is what the dealer's components say, that a refreshed output is the same. Before a round that shows something,
//! and at the end, the claims are checked; and each pair of parties compares tags, under keys that only the two know, of
//! what both should hold: inputs, what was shown, what the third must have for a sum to be zero ([`tags`]). Messages go
//! one way around, so a tag for the next party goes by way of the previous one, who can neither read nor forge it.
//!
//! An honest party shows nothing to a liar before it has the tags of the other honest party: the previous one hears from
//! it, and the next one's tags come directly. A coin is thrown two rounds after what it is to surprise: the party that
//! could tell a liar the coin has then heard from the other honest party that the liar's message was there.

pub(crate) mod bill;
mod claims;
mod field;
#[cfg(test)]
mod lies;
mod planes;
mod tags;
#[cfg(target_arch = "x86_64")]
mod vectors;
#[cfg(not(target_arch = "x86_64"))]
#[path = "verify/words.rs"]
mod vectors;
mod wide;

pub(crate) use claims::{Claim, trimmed};

use crate::engine::Given;
use crate::machine::{Fault, Streams};
use crate::share::{Party, Share};
use bill::{Load, Stage};
use std::sync::Arc;
use tags::{Tags, differing};
use vm::plan::Plan;

/// What a lie escapes with, at most: once in two to the power of this.
pub const STATISTICAL_BITS: u32 = 48;

/// What was compared when a lie was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Two parties hold different parts of an input: a client shared it wrongly, or a party lies.
    Inputs,
    /// A product, or what was dealt, is not what it should be.
    Products,
    /// A refreshed output is another number.
    Outputs,
    /// What a party showed is not what it holds.
    Openings,
}

impl Check {
    pub(crate) const ALL: [Self; 4] = [Self::Inputs, Self::Products, Self::Outputs, Self::Openings];

    fn index(self) -> usize {
        match self {
            Self::Inputs => 0,
            Self::Products => 1,
            Self::Outputs => 2,
            Self::Openings => 3,
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Self::Inputs => "of inputs",
            Self::Products => "of products",
            Self::Outputs => "of outputs",
            Self::Openings => "of what was shown",
        })
    }
}

/// Numbers under which checks draw. Plans draw under smaller ones, tags under larger ones.
const CHECKS: u64 = 1 << 62;
/// Words of a coin: six for the point, two for the key of what claims about numbers are multiplied by, one for what hides.
/// The weight of bits has a coin of its own.
const COIN: usize = 9;
/// What a message says in which there is nothing to say.
const NOTHING: u8 = 0;

/// What one party keeps to catch a liar.
pub(crate) struct Guard {
    me: Party,
    streams: Arc<Streams>,
    before: Tags,
    after: Tags,
    drawn: u64,
    numbers: wide::Claims,
    bits: planes::Claims,
    load: Load,
    /// What is still to be done in the check under way, the last first, and what is waited for.
    stages: Vec<Stage>,
    waits: Option<Stage>,
    coin: Coin,
    t: u64,
    expected: Vec<u8>,
    /// The next party's tags for the previous one, and that they are to be sent with the next message.
    forward: Option<Vec<u8>>,
    shows: Vec<u64>,
    caught: Option<Check>,
    #[cfg(test)]
    pub(crate) omitted: Option<Check>,
}

/// A coin's components.
#[derive(Default)]
struct Coin {
    mine: Vec<u64>,
    next: Vec<u64>,
}

/// Writes words into a message.
fn write(message: &mut Vec<u8>, words: &[u64]) {
    words.iter().for_each(|word| message.extend_from_slice(&word.to_le_bytes()));
}

/// Returns the words of a message.
fn words_of(message: &[u8]) -> Vec<u64> {
    message.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))).collect()
}

impl Guard {
    /// Bytes of tags that come with a message that shows something.
    pub(crate) const TAG_BYTES: usize = tags::BYTES;

    pub(crate) fn new(me: Party, streams: Arc<Streams>) -> Box<Self> {
        Box::new(Self {
            me,
            streams,
            before: Tags::default(),
            after: Tags::default(),
            drawn: 0,
            numbers: wide::Claims::default(),
            bits: planes::Claims::default(),
            load: Load::default(),
            stages: Vec::new(),
            waits: None,
            coin: Coin::default(),
            t: 0,
            expected: Vec::new(),
            forward: None,
            shows: Vec::new(),
            caught: None,
            #[cfg(test)]
            omitted: None,
        })
    }

    /// Makes room for what a plan claims.
    pub(crate) fn make_room(&mut self, plan: &Plan) {
        self.bits.make_room(bill::words_at_once(plan));
    }

    /// Takes in what another party must hold too: a shared input.
    pub(crate) fn input(&mut self, share: &Share) {
        self.load.is_quiet = false;
        self.before.absorb(&self.streams.own, Check::Inputs, &share.mine);
        self.after.absorb(&self.streams.next, Check::Inputs, &share.next);
    }

    /// Takes in what all must know.
    fn input_public(&mut self, numbers: &[u64]) {
        self.load.is_quiet = false;
        self.before.absorb(&self.streams.own, Check::Inputs, numbers);
        self.after.absorb(&self.streams.next, Check::Inputs, numbers);
    }

    /// Takes in what another party must hold too: what came from a port.
    pub(crate) fn given(&mut self, given: &Given) {
        match given {
            Given::Secret(share) => self.input(share),
            Given::Public(numbers) => self.input_public(numbers),
        }
    }

    /// Takes in a component of something that all are shown, which the next party does not hold.
    fn shown(&mut self, words: &[u64]) {
        self.after.absorb(&self.streams.next, Check::Openings, words);
    }

    /// Takes in the component that this party did not hold.
    fn heard(&mut self, words: &[u64]) {
        self.before.absorb(&self.streams.own, Check::Openings, words);
    }

    /// Takes in a component of what must be zero, and what the third must then be.
    fn zero(&mut self, check: Check, missing: &[u64], next: &[u64]) {
        self.load.is_quiet = false;
        self.after.absorb(&self.streams.next, check, missing);
        self.before.absorb(&self.streams.own, check, next);
    }

    /// Takes in a share of what must be zero, modulo 2^width.
    fn zero_numbers(&mut self, check: Check, mine: &[u64], next: &[u64], width: usize) {
        let mask = u64::MAX >> (64 - width);
        let missing: Vec<u64> = mine.iter().zip(next).map(|(a, b)| a.wrapping_add(*b).wrapping_neg() & mask).collect();
        let next: Vec<u64> = next.iter().map(|word| word & mask).collect();
        self.zero(check, &missing, &next);
    }

    /// Returns random components, of a number that nobody knows or as noise of which each less the next one is a share of
    /// zero.
    fn pair(&mut self, count: usize) -> (Vec<u64>, Vec<u64>) {
        let number = self.number();
        (self.streams.own.words(number, count), self.streams.next.words(number, count))
    }

    /// Returns a number under which nothing was drawn.
    fn number(&mut self) -> u64 {
        self.drawn += 1;
        CHECKS | self.drawn
    }

    /// Returns whether there is a check before the next round: because something is shown in it, or because there is
    /// much to check. What is shown is this party's component of it.
    pub(crate) fn check(&mut self, shows: Option<Vec<u64>>) -> Option<Vec<u8>> {
        let is_done = self.forward.is_some();
        if is_done || shows.is_none() && !self.load.is_full() {
            return None;
        }
        self.stages = self.load.stages(shows.is_some());
        self.shows = shows.unwrap_or_default();
        Some(self.go())
    }

    /// Begins the last check, if anything was left to check.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        if self.load.is_quiet {
            return None;
        }
        self.stages = self.load.stages(true);
        self.stages.insert(0, Stage::Forward);
        Some(self.go())
    }

    /// Returns the tags to be handed on with a message that shows something.
    pub(crate) fn forwarded(&mut self) -> Vec<u8> {
        self.forward.take().unwrap_or_default()
    }

    /// Returns whether a message of the check is waited for.
    pub(crate) fn is_checking(&self) -> bool {
        self.waits.is_some()
    }

    /// Takes what was shown, with the tags of the party that holds it too.
    pub(crate) fn opened(&mut self, heard: &[u64], tags: &[u8]) -> Result<(), Fault> {
        self.heard(heard);
        self.compare_forwarded(tags)
    }

    fn compare_forwarded(&mut self, tags: &[u8]) -> Result<(), Fault> {
        let mine = self.before.tags(&self.streams.own);
        self.load.is_quiet = true;
        self.compare(&mine, tags)
    }

    fn compare(&mut self, mine: &[u8], theirs: &[u8]) -> Result<(), Fault> {
        let found = differing(mine, theirs);
        #[cfg(test)]
        let found = found.filter(|check| Some(*check) != self.omitted);
        match found {
            Some(check) => {
                self.caught = Some(check);
                Err(Fault::Caught(check))
            }
            None => Ok(()),
        }
    }

    /// Fails as before once a lie was found.
    pub(crate) fn check_trust(&self) -> Result<(), Fault> {
        self.caught.map_or(Ok(()), |check| Err(Fault::Caught(check)))
    }

    fn go(&mut self) -> Vec<u8> {
        let stage = self.stages.pop().expect("a check has a stage left");
        let mut message = Vec::with_capacity(self.load.bytes(stage));
        match stage {
            Stage::Products => {
                let mut numbers = std::mem::take(&mut self.numbers);
                numbers.multiply(self, &mut message);
                self.numbers = numbers;
            }
            Stage::Wait => message.push(NOTHING),
            Stage::FirstCoin | Stage::SecondCoin => {
                let (mine, next) = self.pair(COIN);
                write(&mut message, &next);
                self.shown(&mine);
                self.coin = Coin { mine, next };
            }
            Stage::Sums => {
                let mut bits = std::mem::take(&mut self.bits);
                let weight = self.coin.mine[0];
                bits.sum(self, weight, &mut message);
                self.bits = bits;
            }
            Stage::Shown => {
                self.t = self.coin.mine[COIN - 1];
                let (t, point) = (self.t, std::mem::take(&mut self.coin.mine));
                let (mut numbers, mut bits) = (std::mem::take(&mut self.numbers), std::mem::take(&mut self.bits));
                if !numbers.is_empty() {
                    numbers.open(self, [point[COIN - 3], point[COIN - 2]], &mut message);
                }
                if bits.words() > 0 {
                    bits.open(self, t, &point, &mut message);
                }
                (self.numbers, self.bits) = (numbers, bits);
            }
            Stage::Compare => {
                message = self.before.tags(&self.streams.own);
                self.expected = self.after.tags(&self.streams.next);
                let shows = std::mem::take(&mut self.shows);
                self.shown(&shows);
                message.extend(self.after.tags(&self.streams.next));
            }
            Stage::Forward => message = self.forwarded(),
        }
        self.waits = Some(stage);
        message
    }

    /// Takes the next party's message of a check; returns what is to be sent next, if the check is not over.
    pub(crate) fn receive(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.check_trust()?;
        let stage = self.waits.ok_or(Fault::Over)?;
        let expected = self.load.bytes(stage);
        if message.len() != expected {
            return Err(Fault::Length { expected, found: message.len() });
        }
        self.waits = None;
        match stage {
            Stage::Products => self.numbers.multiplied(message),
            Stage::Wait => {
                if message != [NOTHING] {
                    self.caught = Some(Check::Openings);
                    return Err(Fault::Caught(Check::Openings));
                }
            }
            Stage::FirstCoin | Stage::SecondCoin => {
                let missing = words_of(message);
                self.heard(&missing);
                let Coin { mine, next } = &mut self.coin;
                mine.iter_mut().zip(next).zip(missing).for_each(|((mine, next), missing)| *mine ^= *next ^ missing);
            }
            Stage::Sums => self.bits.summed(message),
            Stage::Shown => self.close(message),
            Stage::Compare => {
                let (mine, onward) = message.split_at(tags::BYTES);
                let expected = std::mem::take(&mut self.expected);
                self.compare(&expected, mine)?;
                self.forward = Some(onward.to_vec());
            }
            Stage::Forward => self.compare_forwarded(message)?,
        }
        Ok(if self.stages.is_empty() { None } else { Some(self.go()) })
    }

    fn close(&mut self, message: &[u8]) {
        let (mut numbers, mut bits) = (std::mem::take(&mut self.numbers), std::mem::take(&mut self.bits));
        let (of_numbers, of_bits) = message.split_at(message.len() - 8 * planes::shown(bits.words()));
        if !numbers.is_empty() {
            numbers.close(self, of_numbers);
        }
        if bits.words() > 0 {
            bits.close(self, self.t, of_bits);
        }
        (self.numbers, self.bits) = (numbers, bits);
        self.load = Load::default();
        self.load.is_quiet = false;
    }
}
