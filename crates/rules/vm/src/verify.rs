//! The verifier: one pass over a program before anything else is done with it.
//!
//! Values are numbered as they are met, so every number is given once; what is checked is that each use is of a value that
//! is there by then. Functions are visited from the last to the first, so that a call finds its callee's cost.

mod region;

use crate::cost::Cost;
use crate::kind::{Label, Width};
use crate::program::{Certificate, Constant, Function, Meaning, Port, Program, VERSION};
use crate::rule::{Place, Refusal, Rule};
use crate::signature::ensure;
use region::Walk;
pub use region::is_barrier;
use std::collections::{BTreeMap, BTreeSet};
use types::{Decode, limits};

/// A program that keeps every rule. Only these are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified(Program);

impl Verified {
    /// Returns the program.
    pub const fn program(&self) -> &Program {
        &self.0
    }
}

/// What a function, or a block, does to a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    pub(crate) cost: Cost,
    /// Whether it costs the same every time.
    pub(crate) is_exact: bool,
    /// Lanes revealed under each release, at most.
    pub(crate) released: BTreeMap<u32, u64>,
    /// Lanes of the values of the function and of the deepest chain of calls out of it.
    pub(crate) slots: u64,
}

/// Verifies a program and its certificate.
pub fn verify(program: Program) -> Result<Verified, Refusal> {
    let summaries = walk(&program)?;
    check_claims(&program, &summaries)?;
    Ok(Verified(program))
}

/// Decodes and verifies a program.
pub fn verify_bytes(bytes: &[u8]) -> Result<Verified, Refusal> {
    let whole = |rule| Refusal { rule, place: Place::default() };
    if bytes.len() > limits::BYTECODE_BYTES {
        return Err(whole(Rule::Size));
    }
    verify(Program::from_bytes(bytes).map_err(|_| whole(Rule::Bytes))?)
}

/// Writes into a program what it costs and what it reveals, as the verifier computes them, and verifies it.
pub fn certify(mut program: Program) -> Result<Verified, Refusal> {
    let summaries = walk(&program)?;
    for (function, summary) in program.functions.iter_mut().zip(&summaries) {
        function.releases = summary.released.keys().copied().collect();
    }
    let entry = summaries.first().expect("a program that was walked has a function");
    for (index, release) in (0_u32..).zip(&mut program.releases) {
        release.lanes = entry.released.get(&index).copied().unwrap_or(0);
    }
    program.certificate = certificate(entry);
    check_claims(&program, &summaries)?;
    Ok(Verified(program))
}

fn certificate(entry: &Summary) -> Certificate {
    let [sent_first, sent_second, sent_third] = entry.cost.sent;
    Certificate {
        exact: entry.is_exact,
        fuel: entry.cost.fuel,
        slots: entry.slots,
        rounds: entry.cost.rounds,
        sent_first,
        sent_second,
        sent_third,
        preprocessing: entry.cost.preprocessing,
    }
}

/// What the program says of itself must be what it does.
fn check_claims(program: &Program, summaries: &[Summary]) -> Result<(), Refusal> {
    for (index, (function, summary)) in (0_u32..).zip(program.functions.iter().zip(summaries)) {
        if !function.releases.iter().eq(summary.released.keys()) {
            let place = Place { function: index, ..Place::default() };
            return Err(Refusal { rule: Rule::FunctionReleases, place });
        }
    }
    let entry = summaries.first().expect("a program that was walked has a function");
    for (index, release) in (0_u32..).zip(&program.releases) {
        if entry.released.get(&index).copied().unwrap_or(0) != release.lanes {
            let place = Place { instruction: index, ..Place::default() };
            return Err(Refusal { rule: Rule::ReleaseLanes, place });
        }
    }
    if program.certificate != certificate(entry) {
        return Err(Refusal { rule: Rule::Certificate, place: Place::default() });
    }
    Ok(())
}

/// Checks everything but what the program says of itself, and returns what each function does.
fn walk(program: &Program) -> Result<Vec<Summary>, Refusal> {
    check_whole(program).map_err(|rule| Refusal { rule, place: Place::default() })?;
    let listed = |rule, index| Refusal { rule, place: Place { instruction: index, ..Place::default() } };
    for (index, constant) in (0_u32..).zip(&program.constants) {
        check_constant(constant).map_err(|rule| listed(rule, index))?;
    }
    let mut names = BTreeSet::new();
    for (index, port) in (0_u32..).zip(&program.ports) {
        let is_new = names.insert((port.is_output, &port.client, &port.name));
        check_port(port, is_new).map_err(|rule| listed(rule, index))?;
    }
    for (index, host) in (0_u32..).zip(&program.hosts) {
        let mut kinds = host.parameters.iter().chain(&host.results);
        if kinds.any(|kind| kind.label == Label::Secret) {
            return Err(listed(Rule::HostLabel, index));
        }
    }
    let mut steps = 0;
    let mut summaries = BTreeMap::new();
    let indexed: Vec<_> = (0_u32..).zip(&program.functions).collect();
    for (index, function) in indexed.into_iter().rev() {
        let mut walk = Walk::new(program, function, index, &summaries, steps);
        let summary = walk.run().map_err(|rule| Refusal { rule, place: walk.place })?;
        steps = walk.steps;
        summaries.insert(index, summary);
    }
    Ok(summaries.into_values().collect())
}

fn check_whole(program: &Program) -> Result<(), Rule> {
    ensure!(program.version == VERSION, Bytes);
    ensure!(program.functions.len() <= limits::FUNCTIONS, Size);
    ensure!(program.ports.len() <= limits::PORTS && program.hosts.len() <= limits::PORTS, Size);
    ensure!(program.releases.len() <= limits::PORTS, Size);
    let lanes: usize = program.constants.iter().map(|constant| constant.lanes.len()).sum();
    ensure!(lanes <= limits::CONSTANT_LANES, Size);
    let instructions = |function: &Function| function.blocks.iter().map(|block| block.instructions.len()).sum();
    ensure!(program.functions.iter().map(instructions).all(|count: usize| count <= limits::INSTRUCTIONS), Size);
    let entry = program.functions.first().and_then(|entry| Some((entry, entry.blocks.first()?)));
    let takes_nothing = entry.is_some_and(|(entry, body)| entry.results.is_empty() && body.parameters.is_empty());
    ensure!(takes_nothing, Entry);
    Ok(())
}

fn check_constant(constant: &Constant) -> Result<(), Rule> {
    ensure!(constant.kind.label == Label::Public, ConstantLabel);
    ensure!((1..=limits::VALUE_LANES).contains(&constant.kind.lanes), Lanes);
    ensure!(u32::try_from(constant.lanes.len()) == Ok(constant.kind.lanes), ConstantLanes);
    ensure!(constant.lanes.iter().all(|lane| *lane <= constant.kind.width.largest()), ConstantLanes);
    Ok(())
}

fn check_port(port: &Port, is_new: bool) -> Result<(), Rule> {
    ensure!((1..=limits::VALUE_LANES).contains(&port.kind.lanes), Lanes);
    ensure!(is_new && !port.name.as_str().is_empty(), PortName);
    ensure!(!port.client.as_str().is_empty() || port.kind.label == Label::Public, PortLabel);
    let fits = match (port.meaning, port.kind.width) {
        (Meaning::Field, width) => width == Width::Field,
        (Meaning::Bool, width) => width == Width::BIT,
        (Meaning::Fixed(fraction), Width::Int(bits)) => fraction < bits,
        (Meaning::Unsigned | Meaning::Signed, Width::Int(_)) => true,
        _ => false,
    };
    ensure!(fits, PortMeaning);
    Ok(())
}
