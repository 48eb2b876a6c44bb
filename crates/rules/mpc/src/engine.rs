//! One party running a program: control in the open, everything between as plans.
//!
//! Between two barriers (see `vm::cost`) a block's instructions become one [`Plan`], made when it is first met and used
//! again. Branches, loops and calls depend on what all know, so all parties take the same way without saying so.

mod cost;

pub use cost::Quote;

use crate::build::Builder;
use crate::lower::{Operand, input, lower};
use crate::machine::{Fault, Keys, Machine, Next, Streams, Value};
use crate::plan::{Any, Plan};
use crate::share::{Party, Share};
use crate::verify::{Guard, Security};
use std::collections::BTreeMap;
use std::sync::Arc;
use vm::layout::{Layout, at};
use vm::{Cause, Function, Instruction, Operation, Place, Program, Type, Verified, Width, is_barrier};

/// Why a program cannot be run among parties.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{operation}` at {place} has no protocol yet for what it is done to: do it on public values, or write it with other operations"
)]
pub struct Unsupported {
    /// Where it stands.
    pub place: Place,
    /// What cannot be done.
    pub operation: &'static str,
}

/// Instructions between two barriers.
struct Stretch {
    plan: Arc<Plan>,
    /// The values that the plan takes in, and those that it keeps.
    takes: Vec<u32>,
    keeps: Vec<u32>,
    /// The first instruction after it.
    end: usize,
}

/// A program and what was made of it.
pub struct Prepared {
    verified: Arc<Verified>,
    layouts: Vec<Layout>,
    /// By function, block and first instruction.
    stretches: BTreeMap<(usize, usize, usize), Stretch>,
    /// For each output port, the plan that hands it out.
    outputs: BTreeMap<u32, Arc<Plan>>,
    security: Security,
}

impl Prepared {
    /// Makes the plans of a program.
    ///
    /// # Errors
    /// When it does something for which there is no protocol yet.
    pub fn new(verified: Arc<Verified>) -> Result<Self, Unsupported> {
        Self::secure(verified, Security::SemiHonest)
    }

    /// Makes the plans of a program that withstand some lies. All parties must mean the same.
    ///
    /// # Errors
    /// When the program does something for which there is no protocol yet.
    pub fn secure(verified: Arc<Verified>, security: Security) -> Result<Self, Unsupported> {
        let layouts = verified.program().functions.iter().map(Layout::of).collect();
        let (stretches, outputs) = (BTreeMap::new(), BTreeMap::new());
        let mut prepared = Self { verified: Arc::clone(&verified), layouts, stretches, outputs, security };
        for (index, function) in verified.program().functions.iter().enumerate() {
            let uses = uses_of(function);
            for block in 0..function.blocks.len() {
                prepared.block(verified.program(), &uses, index, block)?;
            }
        }
        Ok(prepared)
    }

    /// Returns the program.
    pub fn program(&self) -> &Program {
        self.verified.program()
    }

    fn block(&mut self, program: &Program, uses: &Uses, index: usize, block: usize) -> Result<(), Unsupported> {
        let function = &program.functions[index];
        let instructions = &function.blocks[block].instructions;
        let mut from = 0;
        while from < instructions.len() {
            if is_barrier(&instructions[from].operation) {
                if let Operation::Output { port } = instructions[from].operation {
                    self.output(program, port).ok_or(unsupported(&instructions[from], index, block, from))?;
                }
                from += 1;
                continue;
            }
            let end = instructions[from..].iter().position(|one| is_barrier(&one.operation));
            let end = end.map_or(instructions.len(), |length| from + length);
            let stretch = self.stretch(program, uses, (index, block, from), end)?;
            self.stretches.insert((index, block, from), stretch);
            from = end;
        }
        Ok(())
    }

    /// A secret output is refreshed before it is handed out, so that its shares tell the client no more than the numbers.
    fn output(&mut self, program: &Program, port: u32) -> Option<()> {
        let kind = program.ports[at(port)].kind;
        if !kind.is_secret() {
            return Some(());
        }
        let mut builder = Builder::new(self.security);
        match input(&mut builder, kind)? {
            Any::Ring(ring) => builder.output(ring),
            // Handed out as numbers, which hides as well how the bits came about.
            Any::Bits(bits) => {
                let numbers = builder.numbers(bits, 8);
                builder.output(numbers);
            }
            Any::Public(_) => return None,
        }
        self.outputs.insert(port, Arc::new(builder.finish()));
        Some(())
    }

    fn stretch(
        &self,
        program: &Program,
        uses: &Uses,
        (index, block, from): (usize, usize, usize),
        end: usize,
    ) -> Result<Stretch, Unsupported> {
        let function = &program.functions[index];
        let layout = &self.layouts[index];
        let mut builder = Builder::new(self.security);
        let mut known: BTreeMap<u32, Any> = BTreeMap::new();
        let (mut takes, mut made) = (Vec::new(), Vec::new());
        for (offset, one) in function.blocks[block].instructions[from..end].iter().enumerate() {
            let refused = || unsupported(one, index, block, from + offset);
            let mut operands = Vec::with_capacity(one.operands.len());
            for number in &one.operands {
                let kind = layout.kind(*number);
                let any = match known.get(number) {
                    Some(any) => *any,
                    None => {
                        let any = input(&mut builder, kind).ok_or_else(refused)?;
                        takes.push(*number);
                        known.insert(*number, any);
                        any
                    }
                };
                operands.push(Operand { any, kind });
            }
            let results = instruct(&mut builder, program, one, &operands).ok_or_else(refused)?;
            for (number, any) in (layout.results[block][from + offset]..).zip(results) {
                known.insert(number, any);
                made.push(number);
            }
        }
        let outside = |(used_in, offset): &(usize, usize)| *used_in != block || !(from..end).contains(offset);
        let is_used = |number: &u32| uses.get(number).is_some_and(|places| places.iter().any(outside));
        let keeps: Vec<u32> = made.into_iter().filter(is_used).collect();
        keeps.iter().for_each(|number| builder.keep(known[number]));
        Ok(Stretch { plan: Arc::new(builder.finish()), takes, keeps, end })
    }
}

fn unsupported(one: &Instruction, function: usize, block: usize, instruction: usize) -> Unsupported {
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let place = Place { function: number(function), block: number(block), instruction: number(instruction) };
    Unsupported { place, operation: one.operation.name() }
}

/// Adds an instruction to a plan.
fn instruct(builder: &mut Builder, program: &Program, one: &Instruction, operands: &[Operand]) -> Option<Vec<Any>> {
    match one.operation {
        Operation::Const { constant } => {
            let numbers = program.constants[at(constant)].lanes.clone();
            Some(vec![Any::Public(builder.constant(numbers))])
        }
        // A table at a public index is an array.
        Operation::Lut { constant } if !operands[0].kind.is_secret() => {
            let constant = &program.constants[at(constant)];
            let table = Any::Public(builder.constant(constant.lanes.clone()));
            let array = Operand { any: table, kind: constant.kind };
            lower(builder, &Operation::Gather, &[array, operands[0]], &one.results)
        }
        ref operation => lower(builder, operation, operands, &one.results),
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
    /// A client's secret, as the party's share of it: of numbers modulo 2^64, whatever their width.
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

/// Where a block's results go.
enum Owner {
    /// The program ends.
    Entry,
    /// A call's results.
    Call { first: u32 },
    /// A branch's results.
    Arm { first: u32 },
    /// The next turn of a counted loop.
    Turn { body: u32, index: u64, count: u64, first: u32 },
    /// Whether a loop goes on.
    Test { test: u32, body: u32, turn: u64, bound: u64, first: u32, carried: Vec<Value> },
    /// What the loop's next test is of.
    Body { test: u32, body: u32, turn: u64, bound: u64, first: u32 },
}

struct Frame {
    function: usize,
    values: Vec<Option<Value>>,
}

struct Open {
    frame: usize,
    block: usize,
    next: usize,
    owner: Owner,
}

/// One party in the middle of a program.
pub struct Runner {
    prepared: Arc<Prepared>,
    me: Party,
    streams: Arc<Streams>,
    drawn: u64,
    inputs: BTreeMap<u32, Value>,
    outputs: BTreeMap<u32, Given>,
    pub(crate) guard: Option<Box<Guard>>,
    frames: Vec<Frame>,
    open: Vec<Open>,
    machine: Option<(Machine, Doing)>,
    measured: Measured,
}

/// What a machine is at.
enum Doing {
    /// Some instructions, which keep these values.
    Stretch(Vec<u32>),
    /// Handing out a port.
    Output(u32),
}

impl Runner {
    /// Begins a program with what this party has of each input port, in the order of the ports.
    ///
    /// # Errors
    /// When the inputs are not those of the ports.
    pub fn new(prepared: Arc<Prepared>, me: Party, keys: &Keys, inputs: Vec<Given>) -> Result<Self, Fault> {
        let program = prepared.program();
        let ports: Vec<(u32, Type)> =
            (0..).zip(&program.ports).filter(|(_, port)| !port.is_output).map(|(at, port)| (at, port.kind)).collect();
        if ports.len() != inputs.len() {
            return Err(Fault::Inputs(ports.len()));
        }
        let streams = Arc::new(Streams::new(keys));
        let is_guarded = prepared.security == Security::Malicious;
        let mut guard = is_guarded.then(|| Guard::new(Arc::clone(&streams)));
        let mut held = BTreeMap::new();
        for (input, ((port, kind), given)) in ports.into_iter().zip(inputs).enumerate() {
            if let Some(guard) = &mut guard {
                guard.given(&given);
            }
            let value = taken(kind, given).ok_or(Fault::Input { input, expected: at(kind.lanes) })?;
            held.insert(port, value);
        }
        let mut runner = Self {
            prepared,
            me,
            streams,
            drawn: 0,
            inputs: held,
            outputs: BTreeMap::new(),
            guard,
            frames: Vec::new(),
            open: Vec::new(),
            machine: None,
            measured: Measured::default(),
        };
        runner.call(0, Vec::new(), Owner::Entry);
        Ok(runner)
    }

    /// Returns what the run has cost so far.
    pub fn measured(&self) -> Measured {
        self.measured
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
                    let (_, doing) = self.machine.take().ok_or(Fault::Over)?;
                    self.guard = done.guard;
                    match doing {
                        Doing::Stretch(keeps) => {
                            keeps.into_iter().zip(done.kept).for_each(|(at, value)| self.set(at, value))
                        }
                        Doing::Output(port) => {
                            let share = done.outputs.into_iter().next().ok_or(Fault::Over)?;
                            self.outputs.insert(port, Given::Secret(share));
                        }
                    }
                }
                None => {}
            }
            if self.open.is_empty() {
                if let Some(message) = self.guard.as_mut().and_then(|guard| guard.end()) {
                    next = Some(Next::Send(message));
                    continue;
                }
                let ports = (0_u32..).zip(&self.prepared.program().ports).filter(|(_, port)| port.is_output);
                let outputs = ports.filter_map(|(port, _)| self.outputs.remove(&port));
                return Ok(Step::Done(outputs.collect()));
            }
            next = self.advance()?;
        }
    }

    /// Does one thing: a stretch, a barrier, or the end of a block.
    fn advance(&mut self) -> Result<Option<Next>, Fault> {
        let prepared = Arc::clone(&self.prepared);
        let Open { frame, block, next, .. } = *self.open.last().expect("there is an open block");
        let function = self.frames[frame].function;
        let Some(one) = prepared.program().functions[function].blocks[block].instructions.get(next) else {
            self.close()?;
            return Ok(None);
        };
        if let Some(stretch) = prepared.stretches.get(&(function, block, next)) {
            self.open.last_mut().expect("there is an open block").next = stretch.end;
            let values = stretch.takes.iter().map(|number| self.get(*number).copy()).collect();
            return self.begin(&stretch.plan, values, Doing::Stretch(stretch.keeps.clone())).map(Some);
        }
        self.open.last_mut().expect("there is an open block").next = next + 1;
        let first = prepared.layouts[function].results[block][next];
        self.barrier(&prepared, one, first)
    }

    fn begin(&mut self, plan: &Arc<Plan>, values: Vec<Value>, doing: Doing) -> Result<Next, Fault> {
        let draws = (Arc::clone(&self.streams), self.drawn, self.guard.take());
        self.drawn += u64::try_from(plan.registers).unwrap_or(u64::MAX);
        let mut machine = Machine::with(Arc::clone(plan), self.me, draws, values)?;
        let next = machine.start()?;
        self.machine = Some((machine, doing));
        Ok(next)
    }

    fn barrier(&mut self, prepared: &Prepared, one: &Instruction, first: u32) -> Result<Option<Next>, Fault> {
        let operands = || one.operands.iter().map(|number| self.get(*number).copy()).collect::<Vec<Value>>();
        match one.operation {
            Operation::Input { port } => {
                let value = self.inputs.remove(&port).ok_or(Fault::Inputs(0))?;
                self.set(first, value);
            }
            Operation::Output { port } => {
                let value = self.get(one.operands[0]).copy();
                if let Some(plan) = prepared.outputs.get(&port) {
                    return self.begin(plan, vec![value], Doing::Output(port)).map(Some);
                }
                let Value::Public(numbers) = value else { return Err(Fault::Over) };
                self.outputs.insert(port, Given::Public(numbers));
            }
            Operation::Check { code } => {
                if self.numbers(one.operands[0])?.contains(&0) {
                    return Err(Cause::Check(code).into());
                }
            }
            Operation::Host { host } => return Err(Cause::Host(host).into()),
            Operation::Call { function } => {
                let arguments = operands();
                self.call(at(function), arguments, Owner::Call { first });
            }
            Operation::If { then, otherwise } => {
                let arm = if self.numbers(one.operands[0])?[0] == 1 { then } else { otherwise };
                self.enter(arm, Vec::new(), Owner::Arm { first });
            }
            Operation::Repeat { body, count } => {
                let carried = operands();
                self.turn(body, 0, count, first, carried);
            }
            Operation::Loop { body, bound } => {
                let count = self.numbers(one.operands[0])?[0];
                if count > bound {
                    return Err(Cause::Bound.into());
                }
                let carried = operands().split_off(1);
                self.turn(body, 0, count, first, carried);
            }
            Operation::While { test, body, bound } => {
                let carried = operands();
                self.test(test, body, (0, bound), first, carried);
            }
            _ => unreachable!("every other operation is in a stretch"),
        }
        Ok(None)
    }

    fn call(&mut self, function: usize, arguments: Vec<Value>, owner: Owner) {
        let layout = &self.prepared.layouts[function];
        let mut values: Vec<Option<Value>> = layout.kinds.iter().map(|_| None).collect();
        for (number, argument) in values.iter_mut().zip(arguments) {
            *number = Some(argument);
        }
        self.frames.push(Frame { function, values });
        let frame = self.frames.len() - 1;
        self.open.push(Open { frame, block: 0, next: 0, owner });
    }

    fn enter(&mut self, block: u32, parameters: Vec<Value>, owner: Owner) {
        let frame = self.open.last().expect("there is an open block").frame;
        let first = self.prepared.layouts[self.frames[frame].function].parameters[at(block)];
        for (number, value) in (first..).zip(parameters) {
            self.frames[frame].values[at(number)] = Some(value);
        }
        self.open.push(Open { frame, block: at(block), next: 0, owner });
    }

    fn turn(&mut self, body: u32, index: u64, count: u64, first: u32, mut carried: Vec<Value>) {
        if index == count {
            return self.set_all(first, carried);
        }
        carried.insert(0, Value::Public(vec![index]));
        self.enter(body, carried, Owner::Turn { body, index: index + 1, count, first });
    }

    fn test(&mut self, test: u32, body: u32, (turn, bound): (u64, u64), first: u32, carried: Vec<Value>) {
        let parameters = carried.iter().map(Value::copy).collect();
        self.enter(test, parameters, Owner::Test { test, body, turn, bound, first, carried });
    }

    /// Ends the innermost block and gives its results to whoever waits for them.
    fn close(&mut self) -> Result<(), Fault> {
        let Open { frame, block, owner, .. } = self.open.pop().expect("there is an open block");
        let prepared = Arc::clone(&self.prepared);
        let results = &prepared.program().functions[self.frames[frame].function].blocks[block].results;
        let results: Vec<Value> = results.iter().map(|number| self.value(frame, *number).copy()).collect();
        match owner {
            Owner::Entry => {}
            Owner::Call { first } => {
                self.frames.pop();
                self.set_all(first, results);
            }
            Owner::Arm { first } => self.set_all(first, results),
            Owner::Turn { body, index, count, first } => self.turn(body, index, count, first, results),
            Owner::Test { test, body, turn, bound, first, carried } => {
                let goes_on = matches!(results.first(), Some(Value::Public(flag)) if flag[0] == 1);
                if !goes_on {
                    self.set_all(first, carried);
                } else if turn == bound {
                    return Err(Cause::Bound.into());
                } else {
                    self.enter(body, carried, Owner::Body { test, body, turn: turn + 1, bound, first });
                }
            }
            Owner::Body { test, body, turn, bound, first } => self.test(test, body, (turn, bound), first, results),
        }
        Ok(())
    }

    fn value(&self, frame: usize, number: u32) -> &Value {
        self.frames[frame].values[at(number)].as_ref().expect("a verified program uses what is there")
    }

    fn get(&self, number: u32) -> &Value {
        self.value(self.open.last().expect("there is an open block").frame, number)
    }

    fn numbers(&self, number: u32) -> Result<&[u64], Fault> {
        match self.get(number) {
            Value::Public(numbers) => Ok(numbers),
            Value::Shared(_) => Err(Fault::Over),
        }
    }

    fn set(&mut self, number: u32, value: Value) {
        let frame = self.open.last().expect("there is an open block").frame;
        self.frames[frame].values[at(number)] = Some(value);
    }

    fn set_all(&mut self, first: u32, values: Vec<Value>) {
        (first..).zip(values).for_each(|(number, value)| self.set(number, value));
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
        (Given::Secret(share), true) if share.mine.len() == lanes && share.next.len() == lanes => {
            Some(Value::Shared(if kind.width == Width::BIT { low_bits(&share) } else { share }))
        }
        _ => None,
    }
}

fn low_bits(share: &Share) -> Share {
    let packed = |part: &[u64]| crate::bits::to_planes(part, 1);
    Share { mine: packed(&share.mine), next: packed(&share.next) }
}

/// Puts a port's numbers together from what the three parties gave; `None` when they contradict each other.
pub fn gathered(kind: Type, given: &[Given; 3]) -> Option<Vec<u64>> {
    if let [Given::Public(first), Given::Public(second), Given::Public(third)] = given {
        return (first == second && second == third).then(|| first.clone());
    }
    let [Given::Secret(first), Given::Secret(second), Given::Secret(third)] = given else { return None };
    // A bit is handed out in a byte; what is above a number's width is nobody's business.
    let mask = if kind.width == Width::BIT { 0xff } else { kind.width.largest() };
    let masked = |part: &[u64]| part.iter().map(|word| word & mask).collect();
    let shares = [first, second, third].map(|share| Share { mine: masked(&share.mine), next: masked(&share.next) });
    let numbers = crate::share::combine(&shares)?;
    Some(numbers.into_iter().map(|number| number & kind.width.largest()).collect())
}
