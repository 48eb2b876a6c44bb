//! A party carrying out a plan: messages in, messages out.

use crate::bits::{WORD, from_planes, to_planes, words};
use crate::message::{heard, masked, read_numbers, read_planes, write_numbers, write_planes};
use crate::plan::{Any, Bits, Local, Plan, Ring, Round, Talk, dealt, dealt_lanes};
use crate::prg::{Key, Stream};
use crate::share::{Party, Share};
use crate::verify::{Check, Claim, Guard, Security, trimmed};
use std::sync::Arc;

/// Why a party cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The inputs are not those of the plan.
    #[error("the plan takes {expected} numbers as its input {input}: share as many")]
    Input {
        /// Which input.
        input: usize,
        /// How many numbers it has.
        expected: usize,
    },
    /// There are more or fewer inputs than in the plan.
    #[error("the plan has {0} inputs: share each of them")]
    Inputs(usize),
    /// The program stopped: what all know made it.
    #[error(transparent)]
    Stopped(#[from] vm::Cause),
    /// A message is not as long as the plan says.
    #[error(
        "a message of {found} bytes came where the plan has {expected}: the other party runs another program, or lies"
    )]
    Length {
        /// As the plan says.
        expected: usize,
        /// As it came.
        found: usize,
    },
    /// A party lied. Nothing that depends on the lie was shown, and nothing is said or heard any more.
    #[error("the check {0} failed: one of the other parties lies, or a client shared an input wrongly; end the run")]
    Caught(Check),
    /// Nothing was waited for.
    #[error("a message came after the end: the other party runs another program, or lies")]
    Over,
}

/// What a party does next.
pub enum Next {
    /// Send this to the previous party and wait for the next party's message of the same round.
    Send(Vec<u8>),
    /// It is done.
    Done(Done),
}

/// What a party has at the end.
pub struct Done {
    /// What all parties know now, in the order in which it was opened.
    pub opened: Vec<Vec<u64>>,
    /// The party's shares of the outputs, in order.
    pub outputs: Vec<Share>,
    pub(crate) kept: Vec<Value>,
    pub(crate) guard: Option<Box<Guard>>,
}

/// The two keys of a party: the one it shares with the party before it, and the one it shares with the party after it.
pub struct Keys {
    /// Shared with the previous party.
    pub own: Key,
    /// Shared with the next party.
    pub next: Key,
}

/// What a party has of a value.
pub(crate) enum Value {
    Shared(Share),
    Public(Vec<u64>),
}

impl Value {
    pub(crate) fn copy(&self) -> Self {
        match self {
            Self::Shared(share) => Self::Shared(share.copy()),
            Self::Public(numbers) => Self::Public(numbers.clone()),
        }
    }

    fn words(&self) -> usize {
        match self {
            Self::Shared(share) => share.mine.len(),
            Self::Public(numbers) => numbers.len(),
        }
    }
}

/// What a party draws from its two keys. A number names words once in a run, so it counts on from plan to plan.
pub(crate) struct Streams {
    pub(crate) own: Stream,
    pub(crate) next: Stream,
}

impl Streams {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self { own: Stream::new(&keys.own), next: Stream::new(&keys.next) }
    }
}

/// A party in the middle of a plan.
pub struct Machine {
    me: Party,
    plan: Arc<Plan>,
    streams: Arc<Streams>,
    /// How many numbers earlier plans of the run have drawn under.
    drawn: u64,
    registers: Vec<Option<Value>>,
    round: usize,
    /// What the round's steps have before the message comes.
    pub(crate) begun: Vec<Share>,
    /// What they claim.
    claims: Vec<Claim>,
    /// The round's steps without messages are done.
    is_ready: bool,
    pub(crate) guard: Option<Box<Guard>>,
    /// Whether the run ends with the plan.
    ends: bool,
}

impl Machine {
    /// Takes what a party needs to begin.
    ///
    /// # Errors
    /// When the inputs are not those of the plan.
    pub fn new(plan: Arc<Plan>, me: Party, keys: &Keys, inputs: Vec<Share>) -> Result<Self, Fault> {
        let streams = Arc::new(Streams::new(keys));
        let mut guard = (plan.security == Security::Malicious).then(|| Guard::new(Arc::clone(&streams)));
        if let Some(guard) = &mut guard {
            inputs.iter().for_each(|share| guard.input(share));
        }
        let values = inputs.into_iter().map(Value::Shared).collect();
        let machine = Self::with(plan, me, (streams, 0, guard), values)?;
        Ok(Self { ends: true, ..machine })
    }

    /// Takes values from earlier plans of the same run, under numbers that it has not drawn under.
    pub(crate) fn with(
        plan: Arc<Plan>,
        me: Party,
        (streams, drawn, guard): (Arc<Streams>, u64, Option<Box<Guard>>),
        values: Vec<Value>,
    ) -> Result<Self, Fault> {
        if values.len() != plan.inputs.len() {
            return Err(Fault::Inputs(plan.inputs.len()));
        }
        let mut registers: Vec<Option<Value>> = (0..plan.registers).map(|_| None).collect();
        for (input, (any, value)) in plan.inputs.iter().zip(values).enumerate() {
            let expected = match any {
                Any::Ring(ring) => ring.lanes,
                Any::Bits(bits) => words(bits.lanes) * bits.planes,
                Any::Public(public) => public.lanes,
            };
            let is_even = match &value {
                Value::Shared(share) => share.next.len() == expected && !matches!(any, Any::Public(_)),
                Value::Public(_) => matches!(any, Any::Public(_)),
            };
            if value.words() != expected || !is_even {
                return Err(Fault::Input { input, expected });
            }
            registers[any.at()] = Some(value);
        }
        let (begun, claims) = (Vec::new(), Vec::new());
        Ok(Self { me, plan, streams, drawn, registers, round: 0, begun, claims, is_ready: false, guard, ends: false })
    }

    /// Begins, or goes on after a round without messages, until it has something to send or is done.
    ///
    /// # Errors
    /// When what all know stops the program.
    pub fn start(&mut self) -> Result<Next, Fault> {
        let plan = Arc::clone(&self.plan);
        while let Some(round) = plan.rounds.get(self.round) {
            if !self.is_ready {
                self.locals(round)?;
                self.is_ready = true;
            }
            if !round.talk.is_empty() {
                return Ok(Next::Send(match self.check(round) {
                    Some(message) => message,
                    None => self.talk(round),
                }));
            }
            self.next_round();
        }
        if let Some(message) = self.guard.as_mut().filter(|_| self.ends).and_then(|guard| guard.end()) {
            return Ok(Next::Send(message));
        }
        let opened = plan.opened.iter().map(|public| self.public(public.at).to_vec()).collect();
        let outputs = plan.outputs.iter().map(|ring| self.shared(ring.at).copy()).collect();
        let kept = plan.kept.iter().map(|any| self.value(any.at()).copy()).collect();
        Ok(Next::Done(Done { opened, outputs, kept, guard: self.guard.take() }))
    }

    fn next_round(&mut self) {
        (self.round, self.is_ready) = (self.round + 1, false);
    }

    fn locals(&mut self, round: &Round) -> Result<(), Fault> {
        for step in &round.local {
            if let Local::Clear { operation, kinds, operands, results } = &step.what {
                let operands: Vec<Vec<u64>> = operands.iter().map(|at| self.public(*at).to_vec()).collect();
                let given = vm::evaluate(operation, kinds, &operands, results)?;
                step.last_use.iter().for_each(|at| self.registers[*at] = None);
                for (offset, numbers) in given.into_iter().enumerate() {
                    self.registers[step.to + offset] = Some(Value::Public(numbers));
                }
                continue;
            }
            let value = self.local(step.to, &step.what)?;
            self.keep(step.to, value, &step.last_use);
        }
        Ok(())
    }

    /// Begins a check where one is due before a round.
    fn check(&mut self, round: &Round) -> Option<Vec<u8>> {
        let mut guard = self.guard.take()?;
        let shows = round.shows().then(|| {
            let shown = round.talk.iter().map(|step| match &step.what {
                Talk::OpenRing(from) => masked(&self.shared(from.at).mine, from.width),
                Talk::OpenBits(from) => trimmed(&self.shared(from.at).mine, from.lanes),
                _ => Vec::new(),
            });
            shown.collect::<Vec<_>>().concat()
        });
        let message = guard.check(shows);
        self.guard = Some(guard);
        message
    }

    fn talk(&mut self, round: &Round) -> Vec<u8> {
        let mut message = Vec::with_capacity(round.talk.iter().map(|step| step.what.bytes(self.me)).sum());
        for step in &round.talk {
            if let Some(mut guard) = self.guard.take() {
                let claim = guard.claimed(self.me, &step.what, |at| self.shared(at));
                self.claims.push(claim);
                self.guard = Some(guard);
            }
            let begun = self.begin(step.to, &step.what, &mut message);
            self.begun.push(begun);
            step.last_use.iter().for_each(|at| self.registers[*at] = None);
        }
        if let Some(guard) = self.guard.as_mut().filter(|_| round.shows()) {
            message.extend(guard.forwarded());
        }
        message
    }

    /// Takes the next party's message and goes on.
    ///
    /// # Errors
    /// When the message is not of the plan's length, or shows that a party lies.
    pub fn receive(&mut self, message: &[u8]) -> Result<Next, Fault> {
        if let Some(guard) = &mut self.guard {
            guard.check_trust()?;
            if guard.is_checking() {
                return match guard.receive(message)? {
                    Some(message) => Ok(Next::Send(message)),
                    None => self.start(),
                };
            }
        }
        let plan = Arc::clone(&self.plan);
        let round = plan.rounds.get(self.round).filter(|_| !self.begun.is_empty()).ok_or(Fault::Over)?;
        let said: usize = round.talk.iter().map(|step| step.what.bytes(self.me.next())).sum();
        let tags = self.guard.as_ref().filter(|_| round.shows()).map_or(0, |_| Guard::TAG_BYTES);
        if message.len() != said + tags {
            return Err(Fault::Length { expected: said + tags, found: message.len() });
        }
        let parts = round.talk.iter().scan(message, |rest, step| {
            let (part, after) = rest.split_at(step.what.bytes(self.me.next()));
            *rest = after;
            Some(part)
        });
        let parts: Vec<&[u8]> = parts.collect();
        if tags > 0 {
            let heard = round.talk.iter().zip(&parts).map(|(step, part)| heard(&step.what, part));
            let heard = heard.collect::<Vec<_>>().concat();
            if let Some(guard) = &mut self.guard {
                guard.opened(&heard, &message[said..])?;
            }
        }
        let (begun, claims) = (std::mem::take(&mut self.begun), std::mem::take(&mut self.claims));
        let mut claims = claims.into_iter();
        for ((step, begun), part) in round.talk.iter().zip(begun).zip(parts) {
            let value = self.end(&step.what, begun, part);
            if let (Some(guard), Some(claim), Value::Shared(share)) = (&mut self.guard, claims.next(), &value) {
                guard.claim(claim, share);
            }
            self.registers[step.to] = Some(value);
        }
        self.next_round();
        self.start()
    }

    fn keep(&mut self, to: usize, value: Value, last_use: &[usize]) {
        last_use.iter().for_each(|at| self.registers[*at] = None);
        self.registers[to] = Some(value);
    }

    fn value(&self, at: usize) -> &Value {
        self.registers[at].as_ref().expect("a plan uses what is known")
    }

    pub(crate) fn me(&self) -> Party {
        self.me
    }

    pub(crate) fn shared(&self, at: usize) -> &Share {
        match &self.registers[at] {
            Some(Value::Shared(share)) => share,
            _ => unreachable!("a plan uses what is known"),
        }
    }

    pub(crate) fn public(&self, at: usize) -> &[u64] {
        match &self.registers[at] {
            Some(Value::Public(numbers)) => numbers,
            _ => unreachable!("a plan uses what is known"),
        }
    }

    /// Changes a share by something that all know: the first component takes it up.
    fn shift(&self, share: &mut Share, change: impl Fn(usize, u64) -> u64) {
        let part = match self.me.number() {
            0 => &mut share.mine,
            2 => &mut share.next,
            _ => return,
        };
        part.iter_mut().enumerate().for_each(|(at, word)| *word = change(at, *word));
    }

    fn local(&self, number: usize, what: &Local) -> Result<Value, Fault> {
        Ok(Value::Shared(match what {
            Local::Constant(numbers) => return Ok(Value::Public(numbers.clone())),
            Local::Random { words } => {
                let (mine, next) = self.pair(number, *words);
                Share { mine, next }
            }
            Local::Add(a, b) => both(self.shared(*a), self.shared(*b), u64::wrapping_add),
            Local::Sub(a, b) => both(self.shared(*a), self.shared(*b), u64::wrapping_sub),
            Local::Xor(a, b) => both(self.shared(*a), self.shared(*b), |a, b| a ^ b),
            Local::AddPublic(a, b) => {
                let (mut sum, public) = (self.shared(*a).copy(), self.public(*b));
                self.shift(&mut sum, |at, word| word.wrapping_add(public[at]));
                sum
            }
            Local::Scale(a, b) => {
                let by = self.public(*b);
                each(self.shared(*a), |part| part.iter().zip(by).map(|(a, b)| a.wrapping_mul(*b)).collect())
            }
            Local::Sum { from, group } => each(self.shared(*from), |part| sums(part, *group)),
            Local::Flip(from) => {
                let mut flipped = self.shared(*from).copy();
                self.shift(&mut flipped, |_, word| !word);
                flipped
            }
            Local::Planes { from, planes } => {
                let words = words(from.lanes);
                each(self.shared(from.at), |part| {
                    let mut some = Vec::with_capacity(planes.len() * words);
                    planes.iter().for_each(|plane| some.extend_from_slice(&part[plane * words..(plane + 1) * words]));
                    some
                })
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
            Local::Third { from, shift } => self.third(from, *shift),
            Local::ThirdBits { from, negated } => self.third_bits(from, *negated),
            Local::DealersBits { from, second } => self.dealers_bits(from, *second),
            Local::Shifted { from, shift } => {
                each(self.shared(from.at), |part| part.iter().map(|word| (word & mask(from.width)) >> shift).collect())
            }
            Local::ThirdOfBits { from } => self.third_of_bits(from),
            Local::Clear { .. } => unreachable!("done where several results are kept"),
            other => return self.move_lanes(other),
        }))
    }

    /// Calls for what this party knows of the components that dealers do not know: of the lanes that the previous party
    /// deals its second component, of those that the next party deals its first.
    fn thirds(&self, lanes: usize) -> [std::ops::Range<usize>; 2] {
        let dealt = dealt_lanes(lanes);
        [self.me.previous(), self.me.next()].map(|dealer| dealt[dealer.index()].clone())
    }

    fn third(&self, from: &Ring, shift: usize) -> Share {
        let [before, after] = self.thirds(from.lanes);
        let (share, mut third) = (self.shared(from.at), Share::zeros(from.lanes));
        let moved = |to: &mut [u64], of: &[u64]| {
            to.iter_mut().zip(of).for_each(|(to, of)| *to = (of & mask(from.width)) >> shift);
        };
        moved(&mut third.next[before.clone()], &share.next[before]);
        moved(&mut third.mine[after.clone()], &share.mine[after]);
        third
    }

    fn third_bits(&self, from: &Ring, negated: bool) -> Share {
        let [before, after] = self.thirds(from.lanes);
        let words = words(from.lanes);
        let share = self.shared(from.at);
        let mut third = Share::zeros(words * from.width);
        let place = |to: &mut [u64], lanes: std::ops::Range<usize>, part: &[u64]| {
            let signed = |word: &u64| if negated { word.wrapping_neg() } else { *word };
            let numbers: Vec<u64> = part[lanes.clone()].iter().map(signed).collect();
            put_planes(to, words, lanes.start / WORD, &to_planes(&numbers, from.width), from.width);
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
        let mut bits = Share::zeros(words * from.width);
        let place = |to: &mut [u64], lanes: std::ops::Range<usize>, part: &[u64]| {
            let first = lanes.start / WORD;
            put_planes(to, words, first, &to_planes(&part[lanes], from.width), from.width);
        };
        let mine = dealt[self.me.index()].clone();
        if second {
            place(&mut bits.next, mine, &share.next);
            place(&mut bits.mine, dealt[self.me.previous().index()].clone(), &share.mine);
        } else {
            place(&mut bits.mine, mine, &share.mine);
            place(&mut bits.next, dealt[self.me.next().index()].clone(), &share.next);
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

    /// Does what is done before the message comes, and writes this party's part of the message.
    fn begin(&self, number: usize, what: &Talk, message: &mut Vec<u8>) -> Share {
        match what {
            Talk::Multiply { a, b, group } => {
                self.send_masked(number, products(self.shared(a.at), self.shared(b.at), *group), a.width, message)
            }
            Talk::Refresh(from) => self.send_masked(number, self.shared(from.at).mine.clone(), from.width, message),
            Talk::And { a, b } => {
                let (x, y) = (self.shared(a.at), self.shared(b.at));
                let (own, next) = self.pair(number, x.mine.len());
                let mut product = own;
                for (at, word) in product.iter_mut().enumerate() {
                    *word ^= next[at] ^ x.mine[at] & (y.mine[at] ^ y.next[at]) ^ x.next[at] & y.mine[at];
                }
                write_planes(message, &product, a.lanes);
                Share { mine: product, next: Vec::new() }
            }
            Talk::OpenRing(from) => {
                let share = self.shared(from.at);
                write_numbers(message, &share.next, from.width);
                Share { mine: sum(share, u64::wrapping_add), next: Vec::new() }
            }
            Talk::OpenBits(from) => {
                let share = self.shared(from.at);
                write_planes(message, &share.next, from.lanes);
                Share { mine: sum(share, |a, b| a ^ b), next: Vec::new() }
            }
            Talk::DealSum { from, shift, width } => {
                let share = self.shared(from.at);
                let known = |lane: usize| (share.mine[lane].wrapping_add(share.next[lane]) & mask(from.width)) >> shift;
                self.deal(number, from.lanes, 1, *width, |_, lane| known(lane), message)
            }
            Talk::DealOfBits { from, width } => {
                let share = self.shared(from.at);
                let known = |plane, lane| bit(&share.mine, from, plane, lane) ^ bit(&share.next, from, plane, lane);
                self.deal(number, from.lanes, from.planes, *width, known, message)
            }
            Talk::DealSumBits { from } => self.deal_bits(number, from, |a, b| a.wrapping_add(b), message),
            Talk::DealCarries { from, .. } => self.deal_bits(number, from, |a, b| carries(a, b, from.width), message),
        }
    }

    /// Adds a share of zero to what is a sum of three components already, and sends it.
    fn send_masked(&self, number: usize, mut numbers: Vec<u64>, width: usize, message: &mut Vec<u8>) -> Share {
        let (own, next) = self.pair(number, numbers.len());
        for ((number, own), next) in numbers.iter_mut().zip(own).zip(next) {
            *number = number.wrapping_add(own).wrapping_sub(next);
        }
        write_numbers(message, &numbers, width);
        Share { mine: numbers, next: Vec::new() }
    }

    /// Deals numbers, some for each lane: the dealer's first component is the number less noise that it draws with the
    /// next party, whose first component the noise is; the third component is zero.
    fn deal(
        &self,
        number: usize,
        lanes: usize,
        planes: usize,
        width: usize,
        known: impl Fn(usize, usize) -> u64,
        message: &mut Vec<u8>,
    ) -> Share {
        let dealt = dealt_lanes(lanes);
        let (mine, before) = (dealt[self.me.index()].clone(), dealt[self.me.previous().index()].clone());
        let mut share = Share::zeros(planes * lanes);
        let number = self.stream(number);
        let to_next = self.streams.next.words(number, planes * mine.len());
        let from_before = self.streams.own.words(number, planes * before.len());
        for plane in 0..planes {
            let first = plane * lanes;
            for (at, lane) in mine.clone().enumerate() {
                let noise = to_next[plane * mine.len() + at];
                share.mine[first + lane] = known(plane, lane).wrapping_sub(noise);
                share.next[first + lane] = noise;
            }
            write_numbers(message, &share.mine[first + mine.start..first + mine.end], width);
            for (at, lane) in before.clone().enumerate() {
                share.mine[first + lane] = from_before[plane * before.len() + at];
            }
        }
        share
    }

    fn deal_bits(&self, number: usize, from: &Ring, of: impl Fn(u64, u64) -> u64, message: &mut Vec<u8>) -> Share {
        let words = words(from.lanes);
        let lanes = dealt_lanes(from.lanes)[self.me.index()].clone();
        let dealt = dealt(words);
        let (mine, before) = (dealt[self.me.index()].clone(), dealt[self.me.previous().index()].clone());
        let number = self.stream(number);
        let noise = self.streams.next.words(number, from.width * mine.len());
        let theirs = self.streams.own.words(number, from.width * before.len());
        let known = self.shared(from.at);
        let sums: Vec<u64> = lanes.clone().map(|lane| of(known.mine[lane], known.next[lane])).collect();
        let mut hidden = to_planes(&sums, from.width);
        hidden.iter_mut().zip(&noise).for_each(|(bits, noise)| *bits ^= noise);
        write_planes(message, &hidden, lanes.len());
        let mut share = Share::zeros(words * from.width);
        put_planes(&mut share.mine, words, mine.start, &hidden, from.width);
        put_planes(&mut share.next, words, mine.start, &noise, from.width);
        put_planes(&mut share.mine, words, before.start, &theirs, from.width);
        share
    }

    /// Does the rest with the next party's part of the message.
    fn end(&self, what: &Talk, mut begun: Share, part: &[u8]) -> Value {
        match what {
            Talk::Multiply { a, .. } | Talk::Refresh(a) => begun.next = read_numbers(part, a.width),
            Talk::And { a, .. } => begun.next = read_planes(part, a.lanes, a.planes),
            Talk::OpenRing(from) => {
                let missing = read_numbers(part, from.width);
                let opened = begun.mine.iter().zip(missing).map(|(a, b)| a.wrapping_add(b) & mask(from.width));
                return Value::Public(opened.collect());
            }
            Talk::OpenBits(from) => {
                let missing = read_planes(part, from.lanes, from.planes);
                let opened: Vec<u64> = begun.mine.iter().zip(missing).map(|(a, b)| a ^ b).collect();
                return Value::Public(from_planes(&opened, from.lanes));
            }
            Talk::DealSum { from, width, .. } => self.take(&mut begun, from.lanes, 1, &read_numbers(part, *width)),
            Talk::DealOfBits { from, width } => {
                self.take(&mut begun, from.lanes, from.planes, &read_numbers(part, *width));
            }
            Talk::DealSumBits { from } | Talk::DealCarries { from, .. } => {
                let lanes = dealt_lanes(from.lanes)[self.me.next().index()].len();
                let first = dealt(words(from.lanes))[self.me.next().index()].start;
                let hidden = read_planes(part, lanes, from.width);
                put_planes(&mut begun.next, words(from.lanes), first, &hidden, from.width);
            }
        }
        Value::Shared(begun)
    }

    /// Takes what the next party dealt: its first component, which is this party's second.
    fn take(&self, share: &mut Share, lanes: usize, planes: usize, dealt: &[u64]) {
        let theirs = dealt_lanes(lanes)[self.me.next().index()].clone();
        for plane in 0..planes {
            let numbers = &dealt[plane * theirs.len()..(plane + 1) * theirs.len()];
            share.next[plane * lanes + theirs.start..plane * lanes + theirs.end].copy_from_slice(numbers);
        }
    }

    /// Returns noise of which each party's own less its next one's is a share of zero.
    fn pair(&self, number: usize, count: usize) -> (Vec<u64>, Vec<u64>) {
        let number = self.stream(number);
        (self.streams.own.words(number, count), self.streams.next.words(number, count))
    }

    /// Returns the number under which a step draws: that of its register, which no other step writes, counted from where
    /// the run's earlier plans ended.
    fn stream(&self, register: usize) -> u64 {
        self.drawn + u64::try_from(register).expect("a register's number fits")
    }
}

/// Returns what is carried out of each bit of a sum.
fn carries(a: u64, b: u64, width: usize) -> u64 {
    let (a, b) = (a & mask(width), b & mask(width));
    a & b | (a | b) & !a.wrapping_add(b)
}

pub(crate) fn mask(width: usize) -> u64 {
    u64::MAX >> (WORD - width)
}

fn both(a: &Share, b: &Share, of: impl Fn(u64, u64) -> u64) -> Share {
    let words = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect();
    Share { mine: words(&a.mine, &b.mine), next: words(&a.next, &b.next) }
}

fn each(share: &Share, of: impl Fn(&[u64]) -> Vec<u64>) -> Share {
    Share { mine: of(&share.mine), next: of(&share.next) }
}

fn sum(share: &Share, of: impl Fn(u64, u64) -> u64) -> Vec<u64> {
    share.mine.iter().zip(&share.next).map(|(a, b)| of(*a, *b)).collect()
}

fn sums(words: &[u64], group: usize) -> Vec<u64> {
    words.chunks(group).map(|group| group.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word))).collect()
}

/// Returns the terms of the products that this party knows, summed in groups.
fn products(x: &Share, y: &Share, group: usize) -> Vec<u64> {
    let ones = x.mine.iter().zip(&x.next);
    let others = y.mine.iter().zip(&y.next);
    let terms = ones.zip(others).map(|((x, x_next), (y, y_next))| {
        x.wrapping_mul(y.wrapping_add(*y_next)).wrapping_add(x_next.wrapping_mul(*y))
    });
    if group == 1 { terms.collect() } else { sums(&terms.collect::<Vec<_>>(), group) }
}

pub(crate) fn bit(words_of: &[u64], of: &Bits, plane: usize, lane: usize) -> u64 {
    words_of[plane * words(of.lanes) + lane / WORD] >> (lane % WORD) & 1
}

/// Puts planes of a few words each into wider ones, from a word on.
fn put_planes(to: &mut [u64], words: usize, first: usize, planes: &[u64], count: usize) {
    let width = planes.len() / count;
    for plane in 0..count {
        let from = &planes[plane * width..(plane + 1) * width];
        to[plane * words + first..plane * words + first + width].copy_from_slice(from);
    }
}
