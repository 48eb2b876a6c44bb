//! One party of any number running a program.

use super::Keys;
use super::machine::{Ground, Machine, Next};
use super::share::Part;
use crate::bits::{from_planes, to_planes};
use crate::engine::{At, Control, Measured, Prepared, Protocol, Turn};
use crate::field;
use crate::machine::{Fault, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use vm::layout::at;
use vm::plan::{Any, Parties};
use vm::{Type, Width};

/// What a party does next.
pub enum Step {
    /// Send these to the parties before it, the first to the nearest, and wait for as many from the parties after it.
    Send(Vec<Vec<u8>>),
    /// It is done: what it has of each output port, in the order of the ports.
    Done(Vec<Part>),
}

/// One party in the middle of a program.
pub struct Runner {
    control: Control,
    ground: Ground,
    /// What it is at, with the stretch that this is.
    machine: Option<(Machine, At)>,
    measured: Measured,
}

impl Runner {
    /// Begins a program with what this party has of each input port, in the order of the ports.
    ///
    /// # Errors
    /// When the inputs are not those of the ports, the keys not those of the components, or the plans are of other protocols.
    pub fn new(prepared: Arc<Prepared>, me: usize, keys: &Keys, inputs: Vec<Part>) -> Result<Self, Fault> {
        let Protocol::Any(parties) = prepared.protocol() else { return Err(Fault::Parties) };
        let ground = Ground::new(parties, me, keys)?;
        let ports = prepared.inputs();
        if ports.len() != inputs.len() {
            return Err(Fault::Inputs(ports.len()));
        }
        let mut held = BTreeMap::new();
        for (input, ((port, kind), part)) in ports.into_iter().zip(inputs).enumerate() {
            let value = taken(parties, kind, part).ok_or(Fault::Input { input, expected: at(kind.lanes) })?;
            held.insert(port, value);
        }
        let control = Control::new(prepared, held);
        Ok(Self { control, ground, machine: None, measured: Measured::default() })
    }

    /// Returns what the run has cost so far.
    pub fn measured(&self) -> Measured {
        self.measured
    }

    /// Returns what the program has told the host so far: which function, and with what. All of it is public.
    pub fn told(&self) -> &[(u32, Vec<Vec<u64>>)] {
        self.control.told()
    }

    /// Begins.
    ///
    /// # Errors
    /// When what all know stops the program.
    pub fn start(&mut self) -> Result<Step, Fault> {
        self.go(None)
    }

    /// Takes the messages of the parties after this one, the first from the nearest, and goes on.
    ///
    /// # Errors
    /// When a message is not of the program's length, or what all know stops it.
    pub fn receive(&mut self, messages: &[&[u8]]) -> Result<Step, Fault> {
        let (machine, _) = self.machine.as_mut().ok_or(Fault::Over)?;
        let next = machine.receive(messages)?;
        self.go(Some(next))
    }

    fn go(&mut self, mut next: Option<Next>) -> Result<Step, Fault> {
        loop {
            match next.take() {
                Some(Next::Send(messages)) => {
                    let bytes: usize = messages.iter().map(Vec::len).sum();
                    self.measured.rounds += 1;
                    self.measured.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
                    return Ok(Step::Send(messages));
                }
                Some(Next::Done(done)) => {
                    let (_, place) = self.machine.take().expect("only a machine that is there is done");
                    self.control.finish(place, done.kept);
                }
                None => {}
            }
            match self.control.advance()? {
                Turn::Begin(place, values) => {
                    let mut machine = self.ground.machine(self.control.plan(place), values)?;
                    next = Some(machine.start()?);
                    self.machine = Some((machine, place));
                }
                Turn::Over => {
                    let outputs = self.control.outputs().into_iter();
                    return Ok(Step::Done(outputs.map(|(any, value)| handed_out(any, &value)).collect()));
                }
            }
        }
    }
}

/// Takes a port's value in; `None` when it is not of the port's type. A shared bit comes as a share of a number modulo two,
/// of which the lowest bits are a share by exclusive or.
fn taken(parties: Parties, kind: Type, part: Part) -> Option<Value> {
    let lanes = at(kind.lanes);
    match (part, kind.is_secret()) {
        (Part::Public(numbers), false) => {
            let fits = numbers.len() == lanes && numbers.iter().all(|number| *number <= kind.width.largest());
            fits.then_some(Value::Public(numbers))
        }
        (Part::Secret(held), true) if held.fits(parties, lanes) => {
            let is_even = match kind.width {
                Width::Field => held.0.iter().flatten().all(|word| field::is_canonical(*word)),
                Width::Int(_) => true,
            };
            let held = if kind.width == Width::BIT { held.each(|part| to_planes(part, 1)) } else { held };
            is_even.then(|| Value::Held(Arc::new(held)))
        }
        _ => None,
    }
}

/// Returns what a party gives to a port: one word for each number, and nothing of what is above its width.
fn handed_out(any: Any, value: &Value) -> Part {
    match (any, value) {
        (_, Value::Public(numbers)) => Part::Public(numbers.clone()),
        (Any::Bits(bits), Value::Held(held)) => Part::Secret(held.each(|part| from_planes(part, bits.lanes))),
        (Any::Ring(ring), Value::Held(held)) => {
            Part::Secret(held.each(|part| part.iter().map(|word| word & ring.mask()).collect()))
        }
        _ => unreachable!("a port's value is of its kind"),
    }
}
