//! A party carrying out a plan: messages in, messages out.

use crate::bits::words;
use crate::many::Components;
use crate::message::{Writer, heard, masked};
use crate::prg::{Key, Stream};
use crate::share::{Party, Share};
use crate::verify::{Check, Claim, Guard, trimmed};
use std::sync::Arc;
use vm::plan::{Any, Local, Plan, Round, Security, Talk};

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
    /// The plans are of other protocols.
    #[error("the program was prepared for another number of parties, or for protocols that are not theirs")]
    Parties,
    /// There are more or fewer keys than components that the party holds.
    #[error("the party holds {0} components: give it the key of each of them")]
    Keys(usize),
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
    /// One of several messages is not as long as the plan says.
    #[error(
        "a message of {found} bytes came where the plan has {expected}: the other party runs another program, or lies"
    )]
    Message {
        /// How many places after this party the one is that sent it.
        after: usize,
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
    /// In common with whoever checks it later.
    Shared(Arc<Share>),
    /// Among any number of parties.
    Held(Arc<Components>),
    Public(Vec<u64>),
}

impl From<Share> for Value {
    fn from(share: Share) -> Self {
        Self::Shared(Arc::new(share))
    }
}

impl Value {
    pub(crate) fn copy(&self) -> Self {
        match self {
            Self::Shared(share) => Self::Shared(Arc::clone(share)),
            Self::Held(held) => Self::Held(Arc::clone(held)),
            Self::Public(numbers) => Self::Public(numbers.clone()),
        }
    }

    fn words(&self) -> usize {
        match self {
            Self::Shared(share) => share.mine.len(),
            Self::Held(held) => held.words(),
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
        let mut guard = (plan.security == Security::Malicious).then(|| Guard::new(me, Arc::clone(&streams)));
        if let Some(guard) = &mut guard {
            inputs.iter().for_each(|share| guard.input(share));
        }
        let values = inputs.into_iter().map(Value::from).collect();
        let machine = Self::with(plan, me, (streams, 0, guard), values)?;
        Ok(Self { ends: true, ..machine })
    }

    /// Takes values from earlier plans of the same run, under numbers that it has not drawn under.
    pub(crate) fn with(
        plan: Arc<Plan>,
        me: Party,
        (streams, drawn, mut guard): (Arc<Streams>, u64, Option<Box<Guard>>),
        values: Vec<Value>,
    ) -> Result<Self, Fault> {
        if let Some(guard) = &mut guard {
            guard.make_room(&plan);
        }
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
                Value::Held(_) => false,
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
                Talk::OpenRing(from) => masked(&self.shared(from.at).mine, from.mask()),
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
        let bytes = round.talk.iter().map(|step| step.what.bytes(self.me.index())).sum();
        let mut message = Writer::with_capacity(bytes);
        for step in &round.talk {
            if let Some(mut guard) = self.guard.take() {
                let claim = guard.claimed(self.stream(step.to), &step.what, |at| self.held(at));
                self.claims.push(claim);
                self.guard = Some(guard);
            }
            let begun = self.begin(step.to, &step.what, &mut message);
            message.end_part();
            self.begun.push(begun);
            step.last_use.iter().for_each(|at| self.registers[*at] = None);
        }
        let mut message = message.finish();
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
        let said: usize = round.talk.iter().map(|step| step.what.bytes(self.me.next().index())).sum();
        let tags = self.guard.as_ref().filter(|_| round.shows()).map_or(0, |_| Guard::TAG_BYTES);
        if message.len() != said + tags {
            return Err(Fault::Length { expected: said + tags, found: message.len() });
        }
        let parts = round.talk.iter().scan(message, |rest, step| {
            let (part, after) = rest.split_at(step.what.bytes(self.me.next().index()));
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
        self.held(at)
    }

    fn held(&self, at: usize) -> &Arc<Share> {
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
    pub(crate) fn shift(&self, share: &mut Share, change: impl Fn(usize, u64) -> u64) {
        let part = match self.me.number() {
            0 => &mut share.mine,
            2 => &mut share.next,
            _ => return,
        };
        part.iter_mut().enumerate().for_each(|(at, word)| *word = change(at, *word));
    }

    /// Returns the number under which a step draws: that of its register, which no other step writes, counted from where
    /// the run's earlier plans ended.
    pub(crate) fn stream(&self, register: usize) -> u64 {
        self.drawn + u64::try_from(register).expect("a register's number fits")
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }
}
