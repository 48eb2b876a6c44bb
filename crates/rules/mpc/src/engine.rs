//! One party running a program: control in the open, everything between as plans.
//!
//! Between two barriers (see `vm::cost`) a block's instructions become one [`Plan`], made when it is first met and used
//! again. Branches, loops and calls depend on what all know, so all parties take the same way without saying so.

mod control;
mod cost;

pub(crate) use control::{At, Control, Turn};
pub use cost::Quote;

use crate::bits::{from_planes, to_planes};
use crate::field;
use crate::machine::{Fault, Keys, Machine, Next, Streams, Value};
use crate::share::{Party, Share, together};
use crate::verify::Guard;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use vm::layout::{Layout, at};
use vm::plan::{Any, Builder, Operand, Parties, Plan, Security, input, lower};
use vm::{Function, Operation, Place, Program, Type, Verified, Width, is_barrier};

/// Why a program cannot be run among parties.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{operation}` at {place} cannot be done among these parties: no host in common answers them, so make an answer an input; \
     and lies in shuffles and in secrets of the field are not found yet, so do without them or trust all three"
)]
pub struct Unsupported {
    /// Where it stands.
    pub place: Place,
    /// What cannot be done.
    pub operation: &'static str,
}

/// Where a plan's values come from and go to.
#[derive(Debug, Clone, Copy)]
enum End {
    /// A value of the function.
    Value(u32),
    /// A port of the program.
    Port(u32),
}

/// Instructions between two barriers.
struct Stretch {
    plan: Arc<Plan>,
    takes: Vec<End>,
    keeps: Vec<End>,
    /// The first instruction after it.
    end: usize,
}

/// What the parties follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The protocols of three parties.
    Three(Security),
    /// Those that any number of parties can follow.
    Any(Parties),
}

/// A program and what was made of it.
pub struct Prepared {
    verified: Arc<Verified>,
    layouts: Vec<Layout>,
    /// By function, block and first instruction.
    stretches: BTreeMap<(usize, usize, usize), Stretch>,
    protocol: Protocol,
}

impl Prepared {
    /// Makes the plans of a program.
    ///
    /// # Errors
    /// When it waits for an answer of the host.
    pub fn new(verified: Arc<Verified>) -> Result<Self, Unsupported> {
        Self::secure(verified, Security::SemiHonest)
    }

    /// Makes the plans of a program that withstand some lies. All parties must mean the same.
    ///
    /// # Errors
    /// When it waits for an answer of the host, or does something in which a lie could not be found.
    pub fn secure(verified: Arc<Verified>, security: Security) -> Result<Self, Unsupported> {
        Self::of(verified, Protocol::Three(security))
    }

    /// Makes the plans of a program for so many parties, who all follow the protocol: that of [`crate::many`], also if they are
    /// three.
    ///
    /// # Errors
    /// When it waits for an answer of the host.
    pub fn among(verified: Arc<Verified>, parties: Parties) -> Result<Self, Unsupported> {
        Self::of(verified, Protocol::Any(parties))
    }

    fn of(verified: Arc<Verified>, protocol: Protocol) -> Result<Self, Unsupported> {
        let program = verified.program();
        check_supported(program, protocol)?;
        let layouts: Vec<Layout> = program.functions.iter().map(Layout::of).collect();
        let mut stretches = BTreeMap::new();
        for (index, function) in program.functions.iter().enumerate() {
            let uses = uses_of(function);
            for (block, inner) in function.blocks.iter().enumerate() {
                let mut from = 0;
                while from < inner.instructions.len() {
                    if is_barrier(&inner.instructions[from].operation) {
                        from += 1;
                        continue;
                    }
                    let end = inner.instructions[from..].iter().position(|one| is_barrier(&one.operation));
                    let end = end.map_or(inner.instructions.len(), |length| from + length);
                    let sketch = Sketch::new(program, function, &layouts[index], protocol);
                    let stretch = sketch.stretch(&uses, block, from..end);
                    stretches.insert((index, block, from), stretch);
                    from = end;
                }
            }
        }
        Ok(Self { verified, layouts, stretches, protocol })
    }

    /// Returns the program.
    pub fn program(&self) -> &Program {
        self.verified.program()
    }

    /// Returns what the parties follow.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the input ports and what they take.
    pub(crate) fn inputs(&self) -> Vec<(u32, Type)> {
        let ports = (0..).zip(&self.program().ports).filter(|(_, port)| !port.is_output);
        ports.map(|(at, port)| (at, port.kind)).collect()
    }
}

/// Telling the host something is done by whoever shows it. Nobody answers. Lies about the field and about the order of lanes
/// are not found yet.
fn check_supported(program: &Program, protocol: Protocol) -> Result<(), Unsupported> {
    for (function, index) in program.functions.iter().zip(0..) {
        let layout = Layout::of(function);
        for (inner, block) in function.blocks.iter().zip(0..) {
            for (one, instruction) in inner.instructions.iter().zip(0..) {
                let asks = matches!(one.operation, Operation::Host { .. }) && !one.results.is_empty();
                let mut kinds = layout.operands(one);
                kinds.extend(&one.results);
                let is_field = kinds.iter().any(|kind| kind.is_secret() && kind.width == Width::Field);
                let is_trusting = is_field || one.operation == Operation::Shuffle;
                if asks || is_trusting && protocol == Protocol::Three(Security::Malicious) {
                    let place = Place { function: index, block, instruction };
                    return Err(Unsupported { place, operation: one.operation.name() });
                }
            }
        }
    }
    Ok(())
}

/// A stretch on its way to a plan.
struct Sketch<'a> {
    program: &'a Program,
    function: &'a Function,
    layout: &'a Layout,
    builder: Builder,
    known: BTreeMap<u32, Any>,
    takes: Vec<End>,
}

impl<'a> Sketch<'a> {
    fn new(program: &'a Program, function: &'a Function, layout: &'a Layout, protocol: Protocol) -> Self {
        let builder = match protocol {
            Protocol::Three(security) => Builder::new(security),
            Protocol::Any(parties) => Builder::among(parties),
        };
        Self { program, function, layout, builder, known: BTreeMap::new(), takes: Vec::new() }
    }

    fn take(&mut self, number: u32) -> Any {
        if let Some(any) = self.known.get(&number) {
            return *any;
        }
        self.taken_from(number, End::Value(number))
    }

    fn taken_from(&mut self, number: u32, place: End) -> Any {
        let any = input(&mut self.builder, self.layout.kind(number));
        self.takes.push(place);
        self.known.insert(number, any);
        any
    }

    fn stretch(mut self, uses: &Uses, block: usize, range: Range<usize>) -> Stretch {
        let (mut keeps, mut made) = (Vec::new(), Vec::new());
        for (offset, one) in range.clone().zip(&self.function.blocks[block].instructions[range.clone()]) {
            let first = self.layout.results[block][offset];
            if let Operation::Input { port } = one.operation {
                self.taken_from(first, End::Port(port));
                made.push(first);
                continue;
            }
            let kinds = self.layout.operands(one);
            let operands: Vec<Operand> = one
                .operands
                .iter()
                .zip(kinds)
                .map(|(number, kind)| Operand { any: self.take(*number), kind })
                .collect();
            let results = lower(&mut self.builder, &self.program.constants, &one.operation, &operands, &one.results);
            if let Operation::Output { port } = one.operation {
                // A secret is refreshed, so that its shares tell the client no more than the numbers.
                results.into_iter().for_each(|any| self.builder.keep(any));
                keeps.push(End::Port(port));
                continue;
            }
            for (number, any) in (first..).zip(results) {
                self.known.insert(number, any);
                made.push(number);
            }
        }
        let outside = |(used_in, offset): &(usize, usize)| *used_in != block || !range.contains(offset);
        let is_used = |number: &u32| uses.get(number).is_some_and(|places| places.iter().any(outside));
        for number in made.into_iter().filter(is_used) {
            self.builder.keep(self.known[&number]);
            keeps.push(End::Value(number));
        }
        Stretch { plan: Arc::new(self.builder.finish()), takes: self.takes, keeps, end: range.end }
    }
}

/// Where a value is used: in which block and by which instruction, the one after the last for a block's results.
type Uses = BTreeMap<u32, Vec<(usize, usize)>>;

fn uses_of(function: &Function) -> Uses {
    let mut uses = Uses::new();
    for (index, block) in function.blocks.iter().enumerate() {
        for (offset, one) in block.instructions.iter().enumerate() {
            one.operands.iter().for_each(|number| uses.entry(*number).or_default().push((index, offset)));
        }
        let end = block.instructions.len();
        block.results.iter().for_each(|number| uses.entry(*number).or_default().push((index, end)));
    }
    uses
}

/// What a party gives to or gets from a port.
pub enum Given {
    /// A client's secret, as the party's share of it: of elements of the field modulo the prime, of all other numbers
    /// modulo 2^64, whatever their width.
    Secret(Share),
    /// What all know.
    Public(Vec<u64>),
}

/// What a party does next.
pub enum Step {
    /// Send this to the previous party and wait for the next party's message.
    Send(Vec<u8>),
    /// It is done: what it has of each output port, in the order of the ports.
    Done(Vec<Given>),
}

/// What a run has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// How often this party waited for a message.
    pub rounds: u64,
    /// How many bytes it sent.
    pub bytes: u64,
}

/// One party in the middle of a program.
pub struct Runner {
    control: Control,
    me: Party,
    streams: Arc<Streams>,
    drawn: u64,
    pub(crate) guard: Option<Box<Guard>>,
    /// What it is at, with the stretch that this is.
    machine: Option<(Machine, At)>,
    measured: Measured,
}

impl Runner {
    /// Begins a program with what this party has of each input port, in the order of the ports.
    ///
    /// # Errors
    /// When the inputs are not those of the ports, or the plans are not those of three parties.
    pub fn new(prepared: Arc<Prepared>, me: Party, keys: &Keys, inputs: Vec<Given>) -> Result<Self, Fault> {
        let Protocol::Three(security) = prepared.protocol else { return Err(Fault::Parties) };
        let ports = prepared.inputs();
        if ports.len() != inputs.len() {
            return Err(Fault::Inputs(ports.len()));
        }
        let streams = Arc::new(Streams::new(keys));
        let is_guarded = security == Security::Malicious;
        let mut guard = is_guarded.then(|| Guard::new(me, Arc::clone(&streams)));
        let mut held = BTreeMap::new();
        for (input, ((port, kind), given)) in ports.into_iter().zip(inputs).enumerate() {
            if let Some(guard) = &mut guard {
                guard.given(&given);
            }
            let value = taken(kind, given).ok_or(Fault::Input { input, expected: at(kind.lanes) })?;
            held.insert(port, value);
        }
        let control = Control::new(prepared, held);
        Ok(Self { control, me, streams, drawn: 0, guard, machine: None, measured: Measured::default() })
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

    /// Takes the next party's message and goes on.
    ///
    /// # Errors
    /// When the message is not of the program's length, or what all know stops it.
    pub fn receive(&mut self, message: &[u8]) -> Result<Step, Fault> {
        let next = match (&mut self.machine, &mut self.guard) {
            (Some((machine, _)), _) => Some(machine.receive(message)?),
            (None, Some(guard)) => guard.receive(message)?.map(Next::Send),
            (None, None) => return Err(Fault::Over),
        };
        self.go(next)
    }

    fn go(&mut self, mut next: Option<Next>) -> Result<Step, Fault> {
        loop {
            match next.take() {
                Some(Next::Send(message)) => {
                    self.measured.rounds += 1;
                    self.measured.bytes += u64::try_from(message.len()).unwrap_or(u64::MAX);
                    return Ok(Step::Send(message));
                }
                Some(Next::Done(done)) => {
                    self.guard = done.guard;
                    let (_, place) = self.machine.take().expect("only a machine that is there is done");
                    self.control.finish(place, done.kept);
                }
                None => {}
            }
            next = match self.control.advance()? {
                Turn::Begin(place, values) => Some(self.begin(place, values)?),
                Turn::Over => match self.guard.as_mut().and_then(|guard| guard.end()) {
                    Some(message) => Some(Next::Send(message)),
                    None => {
                        let outputs = self.control.outputs().into_iter();
                        return Ok(Step::Done(outputs.map(|(any, value)| handed_out(any, value)).collect()));
                    }
                },
            };
        }
    }

    fn begin(&mut self, place: At, values: Vec<Value>) -> Result<Next, Fault> {
        let plan = self.control.plan(place);
        let draws = (Arc::clone(&self.streams), self.drawn, self.guard.take());
        self.drawn += u64::try_from(plan.registers).expect("registers in memory are counted in 64 bits");
        let mut machine = Machine::with(plan, self.me, draws, values)?;
        let next = machine.start()?;
        self.machine = Some((machine, place));
        Ok(next)
    }
}

/// Takes a port's value in; `None` when it is not of the port's type. A shared bit comes as a share of a number modulo two,
/// of which the lowest bits are a share by exclusive or.
fn taken(kind: Type, given: Given) -> Option<Value> {
    let lanes = at(kind.lanes);
    match (given, kind.is_secret()) {
        (Given::Public(numbers), false) => {
            let fits = numbers.len() == lanes && numbers.iter().all(|number| *number <= kind.width.largest());
            fits.then_some(Value::Public(numbers))
        }
        (Given::Secret(share), true) if share.mine.len() == lanes && share.next.len() == lanes => match kind.width {
            Width::BIT => Some(low_bits(&share).into()),
            Width::Int(_) => Some(share.into()),
            Width::Field => {
                let is_even = share.mine.iter().chain(&share.next).all(|word| field::is_canonical(*word));
                is_even.then(|| share.into())
            }
        },
        _ => None,
    }
}

fn low_bits(share: &Share) -> Share {
    let packed = |part: &[u64]| to_planes(part, 1);
    Share { mine: packed(&share.mine), next: packed(&share.next) }
}

/// Returns what a party gives to a port: of bits, as of numbers, one word for each.
fn handed_out(any: Any, value: Value) -> Given {
    match (any, value) {
        (_, Value::Public(numbers)) => Given::Public(numbers),
        (_, Value::Held(_)) => unreachable!("three parties share otherwise"),
        (Any::Bits(bits), Value::Shared(share)) => {
            let unpacked = |part: &[u64]| from_planes(part, bits.lanes);
            Given::Secret(Share { mine: unpacked(&share.mine), next: unpacked(&share.next) })
        }
        (any, Value::Shared(share)) => {
            let mut share = Arc::try_unwrap(share).unwrap_or_else(|share| share.copy());
            // What is above a number's width is not the client's to see.
            if let Any::Ring(ring) = any {
                let all = share.mine.iter_mut().chain(&mut share.next);
                all.for_each(|word| *word &= ring.mask());
            }
            Given::Secret(share)
        }
    }
}

/// Puts a port's numbers together from what the three parties gave; `None` when they contradict each other.
pub fn gathered(kind: Type, given: &[Given; 3]) -> Option<Vec<u64>> {
    if let [Given::Public(first), Given::Public(second), Given::Public(third)] = given {
        return (first == second && second == third).then(|| first.clone());
    }
    let [Given::Secret(first), Given::Secret(second), Given::Secret(third)] = given else { return None };
    if kind.width == Width::Field {
        return together(&[first.copy(), second.copy(), third.copy()], field::add);
    }
    // What is above a number's width is nobody's business.
    let mask = kind.width.largest();
    let masked = |part: &[u64]| part.iter().map(|word| word & mask).collect();
    let shares = [first, second, third].map(|share| Share { mine: masked(&share.mine), next: masked(&share.next) });
    Some(together(&shares, u64::wrapping_add)?.into_iter().map(|number| number & mask).collect())
}
