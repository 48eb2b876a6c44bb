//! Evaluates a program as its definition reads: the engine that others are compared with.
//!
//! Every value is a list of its own and every number is wide, so that nothing can overflow unnoticed. It counts the
//! rounds and bytes of the run that happens, by the same table as the certificate. It is slow.

mod lanes;
mod numbers;

use crate::cost::{self, Cost};
use crate::engine::{Cause, Engine, Limits, Run, Stop, World, fit};
use crate::kind::Type;
use crate::layout::{Layout, at};
use crate::operation::Operation;
use crate::program::{Function, Instruction, Program};
use crate::rule::Place;
use crate::verify::{Verified, is_barrier};

/// The direct evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

impl Engine for Direct {
    fn run(
        &mut self,
        program: &Verified,
        inputs: &[Vec<u64>],
        limits: Limits,
        world: &mut dyn World,
    ) -> Result<Run, Stop> {
        let is_fit = fit(program, inputs);
        let program = program.program();
        let mut run = Evaluation {
            program,
            inputs,
            world,
            fuel_left: limits.fuel,
            cost: Cost::default(),
            outputs: vec![Vec::new(); program.ports.len()],
            place: Place::default(),
            counted: cost::Counted::default(),
        };
        let whole = |cause| Stop { cause, place: Place::default() };
        if !is_fit {
            return Err(whole(Cause::Inputs));
        }
        if program.certificate.slots.saturating_mul(8) > limits.memory_bytes {
            return Err(whole(Cause::Memory));
        }
        run.call(0, Vec::new()).map_err(|cause| Stop { cause, place: run.place })?;
        let outputs = program.ports.iter().zip(run.outputs).filter(|(port, _)| port.is_output);
        Ok(Run { outputs: outputs.map(|(_, lanes)| lanes).collect(), measured: run.cost })
    }
}

struct Evaluation<'a> {
    program: &'a Program,
    inputs: &'a [Vec<u64>],
    world: &'a mut dyn World,
    fuel_left: u64,
    cost: Cost,
    outputs: Vec<Vec<u64>>,
    place: Place,
    counted: cost::Counted,
}

/// The values of one call.
struct Frame<'a> {
    function: &'a Function,
    layout: Layout,
    values: Vec<Vec<u64>>,
    /// Of each value the segment in which it was made, and the round after which it is there.
    made: Vec<(u64, u64)>,
    segment: u64,
    rounds: u64,
}

impl Frame<'_> {
    fn lanes(&self, numbers: &[u32]) -> Vec<Vec<u64>> {
        numbers.iter().map(|number| self.values[at(*number)].clone()).collect()
    }

    fn define(&mut self, first: u32, values: Vec<Vec<u64>>, ready: u64) {
        for (offset, value) in values.into_iter().enumerate() {
            self.values[at(first) + offset] = value;
            self.made[at(first) + offset] = (self.segment, ready);
        }
    }
}

impl<'a> Evaluation<'a> {
    fn call(&mut self, index: u32, arguments: Vec<Vec<u64>>) -> Result<Vec<Vec<u64>>, Cause> {
        let function = &self.program.functions[at(index)];
        let layout = Layout::of(function);
        let count = layout.kinds.len();
        let (values, made) = (vec![Vec::new(); count], vec![(0, 0); count]);
        let mut frame = Frame { function, layout, values, made, segment: 1, rounds: 0 };
        let outer = self.place;
        self.place = Place { function: index, block: 0, instruction: 0 };
        let results = self.block(&mut frame, 0, arguments)?;
        self.place = outer;
        Ok(results)
    }

    fn end_segment(&mut self, frame: &mut Frame<'a>) {
        self.cost.rounds += frame.rounds;
        frame.rounds = 0;
        frame.segment += 1;
    }

    fn block(&mut self, frame: &mut Frame<'a>, index: u32, arguments: Vec<Vec<u64>>) -> Result<Vec<Vec<u64>>, Cause> {
        let block = &frame.function.blocks[at(index)];
        let outer = self.place;
        self.place = Place { block: index, instruction: 0, ..outer };
        let fuel =
            |one: &Instruction| cost::fuel_of(self.program, &one.operation, &frame.layout.operands(one), &one.results);
        let fuel: u64 = block.instructions.iter().map(fuel).sum();
        self.fuel_left = self.fuel_left.checked_sub(fuel).ok_or(Cause::Fuel)?;
        self.cost.fuel += fuel;
        self.end_segment(frame);
        frame.define(frame.layout.parameters[at(index)], arguments, 0);
        for (offset, instruction) in (0_u32..).zip(&block.instructions) {
            self.place.instruction = offset;
            self.instruction(frame, index, offset, instruction)?;
        }
        self.end_segment(frame);
        self.place = outer;
        Ok(frame.lanes(&block.results))
    }

    fn cost_of(&mut self, frame: &Frame<'_>, instruction: &Instruction) -> Cost {
        let operands = frame.layout.operands(instruction);
        self.counted.of(self.program, &instruction.operation, &operands, &instruction.results)
    }

    fn instruction(
        &mut self,
        frame: &mut Frame<'a>,
        block: u32,
        offset: u32,
        instruction: &'a Instruction,
    ) -> Result<(), Cause> {
        let cost = self.cost_of(frame, instruction);
        let operation = &instruction.operation;
        if is_barrier(operation) {
            self.end_segment(frame);
        }
        let operands = frame.lanes(&instruction.operands);
        let results = match self.control(frame, operation, &operands)? {
            Some(results) => results,
            None => {
                let kinds = frame.layout.operands(instruction);
                self.plain(instruction, &kinds, &operands)?
            }
        };
        if is_barrier(operation) {
            self.end_segment(frame);
        }
        let made = instruction.operands.iter().map(|number| frame.made[at(*number)]);
        let begin = made.filter(|(segment, _)| *segment == frame.segment).map(|(_, ready)| ready).max().unwrap_or(0);
        let ready = begin + cost.rounds;
        frame.rounds = frame.rounds.max(ready);
        self.cost = self.cost.then(Cost { fuel: 0, rounds: 0, ..cost });
        let first = frame.layout.results[at(block)][at(offset)];
        frame.define(first, results, ready);
        Ok(())
    }

    /// What runs blocks or functions; `None` for anything else.
    fn control(
        &mut self,
        frame: &mut Frame<'a>,
        operation: &Operation,
        operands: &[Vec<u64>],
    ) -> Result<Option<Vec<Vec<u64>>>, Cause> {
        let results = match *operation {
            Operation::Call { function } => self.call(function, operands.to_vec())?,
            Operation::If { then, otherwise } => {
                let arm = if operands[0][0] == 1 { then } else { otherwise };
                self.block(frame, arm, Vec::new())?
            }
            Operation::Repeat { body, count } => self.repeat(frame, body, count, operands.to_vec())?,
            Operation::Loop { body, bound } => {
                let count = operands[0][0];
                if count > bound {
                    return Err(Cause::Bound);
                }
                self.repeat(frame, body, count, operands[1..].to_vec())?
            }
            Operation::While { test, body, bound } => {
                let mut carried = operands.to_vec();
                let mut rounds = 0;
                while self.block(frame, test, carried.clone())?[0][0] == 1 {
                    if rounds == bound {
                        return Err(Cause::Bound);
                    }
                    rounds += 1;
                    carried = self.block(frame, body, carried)?;
                }
                carried
            }
            _ => return Ok(None),
        };
        Ok(Some(results))
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        body: u32,
        count: u64,
        mut carried: Vec<Vec<u64>>,
    ) -> Result<Vec<Vec<u64>>, Cause> {
        for index in 0..count {
            carried.insert(0, vec![index]);
            carried = self.block(frame, body, carried)?;
        }
        Ok(carried)
    }

    fn plain(&mut self, one: &Instruction, kinds: &[Type], operands: &[Vec<u64>]) -> Result<Vec<Vec<u64>>, Cause> {
        let results = &one.results;
        Ok(match one.operation {
            Operation::Input { port } => {
                let before = self.program.ports[..at(port)].iter().filter(|port| !port.is_output).count();
                vec![self.inputs[before].clone()]
            }
            Operation::Output { port } => {
                self.outputs[at(port)] = operands[0].clone();
                Vec::new()
            }
            Operation::Check { code } => {
                if operands[0].contains(&0) {
                    return Err(Cause::Check(code));
                }
                Vec::new()
            }
            Operation::Host { host } => {
                let arguments: Vec<&[u64]> = operands.iter().map(Vec::as_slice).collect();
                let given = self.world.call(host, &arguments).ok_or(Cause::Host(host))?;
                if !is_declared(&given, results) {
                    return Err(Cause::Host(host));
                }
                given
            }
            Operation::Const { constant } => vec![self.program.constants[at(constant)].lanes.clone()],
            Operation::Lut { constant } => {
                let table = &self.program.constants[at(constant)].lanes;
                vec![operands[0].iter().map(|lane| table[index(*lane)]).collect()]
            }
            Operation::Rand => {
                let width = results[0].width;
                let draw = |_| numbers::reduced(width, self.world.random().into());
                vec![(0..results[0].lanes).map(draw).collect()]
            }
            Operation::Shuffle => {
                let mut columns = operands.to_vec();
                for last in (1..columns[0].len()).rev() {
                    let other = index(self.world.random() % u64::try_from(last + 1).expect("lanes fit"));
                    columns.iter_mut().for_each(|column| column.swap(last, other));
                }
                columns
            }
            ref other => lanes::results(other, kinds, operands, results)?,
        })
    }
}

/// Does one operation on public lanes: everything but control, ports, constants, tables, checks, hosts and chance.
///
/// # Errors
/// When an index is beyond the end of an array.
pub fn evaluate(
    operation: &Operation,
    kinds: &[Type],
    operands: &[Vec<u64>],
    results: &[Type],
) -> Result<Vec<Vec<u64>>, Cause> {
    lanes::results(operation, kinds, operands, results)
}

/// Whether a host's answer is what its declaration says.
pub(crate) fn is_declared(given: &[Vec<u64>], kinds: &[Type]) -> bool {
    let fits = |(lanes, kind): (&Vec<u64>, &Type)| {
        u32::try_from(lanes.len()) == Ok(kind.lanes) && lanes.iter().all(|lane| *lane <= kind.width.largest())
    };
    given.len() == kinds.len() && given.iter().zip(kinds).all(fits)
}

fn index(lane: u64) -> usize {
    usize::try_from(lane).unwrap_or(usize::MAX)
}
