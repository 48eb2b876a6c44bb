//! The way through a program: blocks, calls and loops in the open, and where values are between plans.

use super::{End, Prepared};
use crate::machine::{Fault, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use vm::layout::at;
use vm::plan::{Any, Plan};
use vm::{Cause, Instruction, Operation};

/// The most numbers that a program tells the host in one run.
const TOLD: usize = 1 << 20;

/// A stretch: by function, block and first instruction.
pub(crate) type At = (usize, usize, usize);

/// What comes next.
pub(crate) enum Turn {
    /// A plan, on these values.
    Begin(At, Vec<Value>),
    /// The program has ended.
    Over,
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

/// Where a party is in a program.
pub(crate) struct Control {
    prepared: Arc<Prepared>,
    inputs: BTreeMap<u32, Value>,
    outputs: BTreeMap<u32, (Any, Value)>,
    frames: Vec<Frame>,
    open: Vec<Open>,
    told: Vec<(u32, Vec<Vec<u64>>)>,
    told_numbers: usize,
}

impl Control {
    /// Begins with a value for each input port.
    pub(crate) fn new(prepared: Arc<Prepared>, inputs: BTreeMap<u32, Value>) -> Self {
        let (outputs, frames, open, told) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        let mut control = Self { prepared, inputs, outputs, frames, open, told, told_numbers: 0 };
        control.call(0, Vec::new(), Owner::Entry);
        control
    }

    /// Returns what the program has told the host so far.
    pub(crate) fn told(&self) -> &[(u32, Vec<Vec<u64>>)] {
        &self.told
    }

    /// Returns the plan of a stretch.
    pub(crate) fn plan(&self, place: At) -> Arc<Plan> {
        Arc::clone(&self.prepared.stretches[&place].plan)
    }

    /// Returns what went to the output ports, in their order.
    pub(crate) fn outputs(&mut self) -> Vec<(Any, Value)> {
        std::mem::take(&mut self.outputs).into_values().collect()
    }

    /// Goes on to the next plan, or to the end.
    pub(crate) fn advance(&mut self) -> Result<Turn, Fault> {
        while !self.open.is_empty() {
            if let Some((place, values)) = self.step()? {
                return Ok(Turn::Begin(place, values));
            }
        }
        Ok(Turn::Over)
    }

    /// Puts what a stretch kept where it belongs.
    pub(crate) fn finish(&mut self, place: At, kept: Vec<Value>) {
        let prepared = Arc::clone(&self.prepared);
        let stretch = &prepared.stretches[&place];
        for ((place, any), value) in stretch.keeps.iter().zip(&stretch.plan.kept).zip(kept) {
            match *place {
                End::Value(number) => self.set(number, value),
                End::Port(port) => {
                    self.outputs.insert(port, (*any, value));
                }
            }
        }
    }

    /// Does one thing: a stretch, a barrier, or the end of a block.
    fn step(&mut self) -> Result<Option<(At, Vec<Value>)>, Fault> {
        let prepared = Arc::clone(&self.prepared);
        let Open { frame, block, next, .. } = *self.open.last().expect("there is an open block");
        let function = self.frames[frame].function;
        let Some(one) = prepared.program().functions[function].blocks[block].instructions.get(next) else {
            self.close()?;
            return Ok(None);
        };
        let place = (function, block, next);
        if let Some(stretch) = prepared.stretches.get(&place) {
            self.open.last_mut().expect("there is an open block").next = stretch.end;
            let take = |place: &End| match *place {
                End::Value(number) => self.get(number).copy(),
                End::Port(port) => self.inputs.remove(&port).expect("a verified program takes each port once"),
            };
            return Ok(Some((place, stretch.takes.iter().map(take).collect())));
        }
        self.open.last_mut().expect("there is an open block").next = next + 1;
        let first = prepared.layouts[function].results[block][next];
        self.barrier(one, first)?;
        Ok(None)
    }

    fn barrier(&mut self, one: &Instruction, first: u32) -> Result<(), Fault> {
        let operands = || one.operands.iter().map(|number| self.get(*number).copy()).collect::<Vec<Value>>();
        match one.operation {
            Operation::Check { code } => {
                if self.numbers(one.operands[0]).contains(&0) {
                    return Err(Cause::Check(code).into());
                }
            }
            Operation::Host { host } => self.tell(host, &one.operands)?,
            Operation::Call { function } => {
                let arguments = operands();
                self.call(at(function), arguments, Owner::Call { first });
            }
            Operation::If { then, otherwise } => {
                let arm = if self.numbers(one.operands[0])[0] == 1 { then } else { otherwise };
                self.enter(arm, Vec::new(), Owner::Arm { first });
            }
            Operation::Repeat { body, count } => {
                let carried = operands();
                self.turn(body, 0, count, first, carried);
            }
            Operation::Loop { body, bound } => {
                let count = self.numbers(one.operands[0])[0];
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
        Ok(())
    }

    /// Keeps what the host is told until somebody asks.
    fn tell(&mut self, host: u32, operands: &[u32]) -> Result<(), Fault> {
        let arguments: Vec<Vec<u64>> = operands.iter().map(|number| self.numbers(*number).to_vec()).collect();
        self.told_numbers += arguments.iter().map(Vec::len).sum::<usize>() + 1;
        if self.told_numbers > TOLD {
            return Err(Cause::Host(host).into());
        }
        self.told.push((host, arguments));
        Ok(())
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

    fn numbers(&self, number: u32) -> &[u64] {
        match self.get(number) {
            Value::Public(numbers) => numbers,
            Value::Shared(_) | Value::Held(_) => unreachable!("a verified program decides by what all know"),
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
