//! The clear engine: every value as it is, on registers and buffers, as fast as an interpreter can.
//!
//! A program is brought into its running form once: values that are never there at the same time share a place, numbers
//! that never change are in their registers before the run begins, and an array that is changed in a loop is changed
//! where it is. Fuel is paid on entry to a block.

mod allot;
mod code;
mod lane;
mod lower;
mod moves;
mod vector;

pub use code::{Blind, View, Watch};

use crate::cost::Cost;
use crate::engine::{Cause, Engine, Limits, Run, Stop, World, fit};
use crate::rule::Place;
use crate::verify::Verified;
use code::{Code, REGISTERS, State};
use vector::Outside;

/// The clear engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clear;

impl Engine for Clear {
    fn run(
        &mut self,
        program: &Verified,
        inputs: &[Vec<u64>],
        limits: Limits,
        world: &mut dyn World,
    ) -> Result<Run, Stop> {
        Loaded::new(program)?.run(inputs, limits, world)
    }
}

/// A program that is ready to run, any number of times.
pub struct Loaded<'a> {
    program: &'a Verified,
    code: Code,
    registers: Box<[u64; REGISTERS]>,
    buffers: Vec<Vec<u64>>,
}

impl<'a> Loaded<'a> {
    /// Brings a program into the form that runs.
    pub fn new(program: &'a Verified) -> Result<Self, Stop> {
        let code = lower::lower(program)?;
        let registers = vec![0; REGISTERS].into_boxed_slice();
        let registers = registers.try_into().expect("the list has just this length");
        Ok(Self { program, code, registers, buffers: Vec::new() })
    }

    /// Runs the program.
    ///
    /// Not generic, so that the loop is compiled here and as fast as this crate is.
    pub fn run(&mut self, inputs: &[Vec<u64>], limits: Limits, world: &mut dyn World) -> Result<Run, Stop> {
        self.watched(inputs, limits, world, &mut Blind)
    }

    /// Runs the program. `watch` sees each instruction before it is done.
    pub fn watched<W: Watch>(
        &mut self,
        inputs: &[Vec<u64>],
        limits: Limits,
        world: &mut dyn World,
        watch: &mut W,
    ) -> Result<Run, Stop> {
        let whole = |cause| Stop { cause, place: Place::default() };
        if !fit(self.program, inputs) {
            return Err(whole(Cause::Inputs));
        }
        let program = self.program.program();
        if program.certificate.slots.saturating_mul(8) > limits.memory_bytes {
            return Err(whole(Cause::Memory));
        }
        if self.buffers.is_empty() {
            self.buffers = self.code.buffers.iter().map(|lanes| vec![0; *lanes]).collect();
        }
        for (register, number) in &self.code.fixed {
            self.registers[usize::from(*register)] = *number;
        }
        let mut given = inputs.iter();
        let by_port = program.ports.iter().map(|port| {
            let lanes = if port.is_output { None } else { given.next() };
            lanes.map_or(&[][..], Vec::as_slice)
        });
        let wide = Outside {
            world,
            inputs: by_port.collect(),
            outputs: vec![Vec::new(); program.ports.len()],
            single: vec![0],
            order: Vec::new(),
        };
        let mut state = State { registers: &mut self.registers, buffers: &mut self.buffers, fuel: limits.fuel, wide };
        state.run(&self.code, watch).map_err(|(cause, at)| Stop { cause, place: self.code.places[at] })?;
        let fuel = limits.fuel - state.fuel;
        let outputs = program.ports.iter().zip(state.wide.outputs).filter(|(port, _)| port.is_output);
        let outputs = outputs.map(|(_, lanes)| lanes).collect();
        Ok(Run { outputs, measured: Cost { fuel, ..Cost::default() } })
    }
}
