//! A party carrying out a plan among any number of parties.

use super::share::Components;
use super::{Keys, Seat};
use crate::bits::words;
use crate::machine::{Fault, Value};
use crate::message::Writer;
use crate::prg::Stream;
use std::sync::Arc;
use vm::plan::{Any, Local, Parties, Plan, Round};

/// More than the speeches of any step: each draws under a number of its own.
const SPEECHES: u64 = 32;

/// What a party does next.
pub enum Next {
    /// Send these to the parties before it, the first to the nearest, and wait for as many messages of the same round from
    /// the parties after it.
    Send(Vec<Vec<u8>>),
    /// It is done.
    Done(Done),
}

/// What a party has at the end.
pub struct Done {
    /// What all parties know now, in the order in which it was opened.
    pub opened: Vec<Vec<u64>>,
    pub(crate) kept: Vec<Value>,
}

/// A party in the middle of a plan.
pub struct Machine {
    pub(super) seat: Arc<Seat>,
    plan: Arc<Plan>,
    pub(super) streams: Arc<Vec<Stream>>,
    /// How many registers earlier plans of the run had.
    drawn: u64,
    registers: Vec<Option<Value>>,
    round: usize,
    begun: Vec<Components>,
    /// The round's steps without messages are done.
    is_ready: bool,
}

/// What a party keeps from plan to plan.
pub(crate) struct Ground {
    pub(crate) seat: Arc<Seat>,
    pub(crate) streams: Arc<Vec<Stream>>,
    pub(crate) drawn: u64,
}

impl Ground {
    /// # Errors
    /// When there are not as many keys as components that the party holds.
    pub(crate) fn new(parties: Parties, me: usize, keys: &Keys) -> Result<Self, Fault> {
        let seat = Seat::new(parties, me);
        if keys.0.len() != seat.held.len() {
            return Err(Fault::Keys(seat.held.len()));
        }
        let streams = keys.0.iter().map(Stream::new).collect();
        Ok(Self { seat: Arc::new(seat), streams: Arc::new(streams), drawn: 0 })
    }

    /// Begins a plan on values from earlier plans of the run.
    pub(crate) fn machine(&mut self, plan: Arc<Plan>, values: Vec<Value>) -> Result<Machine, Fault> {
        let drawn = self.drawn;
        self.drawn += u64::try_from(plan.registers).expect("registers in memory are counted in 64 bits");
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
                Value::Held(held) => held.fits(self.seat.parties, expected) && !matches!(any, Any::Public(_)),
                Value::Public(numbers) => numbers.len() == expected && matches!(any, Any::Public(_)),
                Value::Shared(_) => false,
            };
            if !is_even {
                return Err(Fault::Input { input, expected });
            }
            registers[any.at()] = Some(value);
        }
        let (seat, streams) = (Arc::clone(&self.seat), Arc::clone(&self.streams));
        Ok(Machine { seat, plan, streams, drawn, registers, round: 0, begun: Vec::new(), is_ready: false })
    }
}

impl Machine {
    /// Takes what a party needs to begin.
    ///
    /// # Errors
    /// When the inputs or the keys are not those of the plan.
    pub fn new(plan: Arc<Plan>, me: usize, keys: &Keys, inputs: Vec<Components>) -> Result<Self, Fault> {
        let values = inputs.into_iter().map(|held| Value::Held(Arc::new(held))).collect();
        Ground::new(plan.parties, me, keys)?.machine(plan, values)
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
                return Ok(Next::Send(self.talk(round)));
            }
            self.next_round();
        }
        let opened = plan.opened.iter().map(|public| self.public(public.at).to_vec()).collect();
        let kept = plan.kept.iter().map(|any| self.value(any.at()).copy()).collect();
        Ok(Next::Done(Done { opened, kept }))
    }

    fn next_round(&mut self) {
        (self.round, self.is_ready) = (self.round + 1, false);
    }

    fn locals(&mut self, round: &Round) -> Result<(), Fault> {
        for step in &round.local {
            let mut values = Vec::new();
            if let Local::Clear { operation, kinds, operands, results } = &step.what {
                let operands: Vec<Vec<u64>> = operands.iter().map(|at| self.public(*at).to_vec()).collect();
                let given = vm::evaluate(operation, kinds, &operands, results)?;
                values.extend(given.into_iter().map(Value::Public));
            } else {
                values.push(self.local(step.to, &step.what)?);
            }
            step.last_use.iter().for_each(|at| self.registers[*at] = None);
            for (offset, value) in values.into_iter().enumerate() {
                self.registers[step.to + offset] = Some(value);
            }
        }
        Ok(())
    }

    fn talk(&mut self, round: &Round) -> Vec<Vec<u8>> {
        let mut messages: Vec<Writer> = (0..self.seat.parties.curious()).map(|_| Writer::default()).collect();
        for step in &round.talk {
            let begun = self.begin(step.to, &step.what, &mut messages);
            messages.iter_mut().for_each(Writer::end_part);
            self.begun.push(begun);
            step.last_use.iter().for_each(|at| self.registers[*at] = None);
        }
        messages.into_iter().map(Writer::finish).collect()
    }

    /// Takes the messages of the parties after it, the first from the nearest, and goes on.
    ///
    /// # Errors
    /// When a message is not of the plan's length, or what all know stops the program.
    pub fn receive(&mut self, messages: &[&[u8]]) -> Result<Next, Fault> {
        let plan = Arc::clone(&self.plan);
        let round = plan.rounds.get(self.round).filter(|_| !self.begun.is_empty()).ok_or(Fault::Over)?;
        let parties = self.seat.parties;
        let mut parts: Vec<Vec<&[u8]>> = round.talk.iter().map(|_| Vec::new()).collect();
        for places in 1..=parties.curious() {
            let message = messages.get(places - 1).copied().unwrap_or_default();
            let speaker = parties.after(self.seat.me, places);
            let lengths: Vec<usize> = round.talk.iter().map(|step| step.what.bytes_to_each(parties, speaker)).collect();
            let expected = lengths.iter().sum();
            if message.len() != expected {
                return Err(Fault::Message { after: places, expected, found: message.len() });
            }
            let mut rest = message;
            for (parts, length) in parts.iter_mut().zip(lengths) {
                let (part, after) = rest.split_at(length);
                parts.push(part);
                rest = after;
            }
        }
        let begun = std::mem::take(&mut self.begun);
        for ((step, begun), parts) in round.talk.iter().zip(begun).zip(parts) {
            let value = self.end(&step.what, begun, &parts);
            self.registers[step.to] = Some(value);
        }
        self.next_round();
        self.start()
    }

    fn value(&self, at: usize) -> &Value {
        self.registers[at].as_ref().expect("a plan uses what is known")
    }

    pub(super) fn held(&self, at: usize) -> &Components {
        match &self.registers[at] {
            Some(Value::Held(held)) => held,
            _ => unreachable!("a plan uses what is known"),
        }
    }

    pub(super) fn public(&self, at: usize) -> &[u64] {
        match &self.registers[at] {
            Some(Value::Public(numbers)) => numbers,
            _ => unreachable!("a plan uses what is known"),
        }
    }

    /// Returns the number under which a speech of a step draws: no other step or speech of the run has it.
    pub(super) fn stream(&self, register: usize, speech: usize) -> u64 {
        let wide = |number: usize| u64::try_from(number).expect("a register's number fits");
        assert!(wide(speech) < SPEECHES, "what is drawn is drawn once");
        (self.drawn + wide(register)) * SPEECHES + wide(speech)
    }
}
