//! What every engine is: it runs a verified program on inputs, and says what it gave and what it cost.

use crate::cost::Cost;
use crate::rule::Place;
use crate::verify::Verified;

/// What the program needs from outside while it runs.
pub trait World {
    /// Returns 64 uniform bits that nobody can guess. What is drawn from them is for secrets only.
    fn random(&mut self) -> u64;

    /// Calls a function of the host, and returns the lanes of each result, or `None` if it fails.
    fn call(&mut self, host: u32, arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>>;
}

/// How much a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fuel.
    pub fuel: u64,
    /// Bytes of memory for values.
    pub memory_bytes: u64,
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The lanes of each output port, in the order of the ports.
    pub outputs: Vec<Vec<u64>>,
    /// What was measured. An engine that sends nothing measures fuel only.
    pub measured: Cost,
}

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The inputs are not what the ports say.
    #[error("the inputs are not as many, as long or as wide as the ports say: give one list for each input port")]
    Inputs,
    /// An index is beyond the end of an array.
    #[error("an index is beyond the end of an array")]
    Index,
    /// A check failed.
    #[error("check {0} failed")]
    Check(u32),
    /// A loop goes on beyond its bound.
    #[error("a loop goes on beyond its bound: raise the bound")]
    Bound,
    /// The fuel is used up.
    #[error("the fuel is used up: allow more")]
    Fuel,
    /// The values do not fit into memory.
    #[error("the values need more memory than the run may use: allow more")]
    Memory,
    /// More values live at once than the engine has registers.
    #[error("more values live at once than the engine can hold: put them into arrays")]
    Registers,
    /// A function of the host failed or gave what it does not declare.
    #[error("host function {0} failed")]
    Host(u32),
}

/// A run ended early. This depends on public values only, so whoever sees it learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{cause} (at {place})")]
pub struct Stop {
    /// Why.
    pub cause: Cause,
    /// Where.
    pub place: Place,
}

/// Something that runs programs.
///
/// For one program and inputs all engines give equal outputs, stop at the same place for the same cause, and use the same
/// fuel.
pub trait Engine {
    /// Runs a program. The inputs are the lanes of each input port, in the order of the ports.
    fn run(
        &mut self,
        program: &Verified,
        inputs: &[Vec<u64>],
        limits: Limits,
        world: &mut dyn World,
    ) -> Result<Run, Stop>;
}

/// Returns whether the inputs are what the ports say.
pub(crate) fn fit(program: &Verified, inputs: &[Vec<u64>]) -> bool {
    let ports: Vec<_> = program.program().ports.iter().filter(|port| !port.is_output).collect();
    let fits = |(port, lanes): (&&crate::program::Port, &Vec<u64>)| {
        u32::try_from(lanes.len()) == Ok(port.kind.lanes) && lanes.iter().all(|lane| *lane <= port.kind.width.largest())
    };
    ports.len() == inputs.len() && ports.iter().zip(inputs).all(fits)
}
