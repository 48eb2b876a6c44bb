//! One function: its blocks in the order in which they run.

use super::Summary;
use crate::cost::{self, Cost};
use crate::kind::{Label, Type, Width};
use crate::operation::Operation;
use crate::program::{Block, Function, Instruction, Program};
use crate::rule::{Place, Rule};
use crate::signature::{self, ensure};
use std::collections::BTreeMap;
use types::limits;

/// A value that has been met.
#[derive(Clone, Copy)]
struct Value {
    kind: Type,
    /// Whether the block that it is in is still open.
    is_visible: bool,
    /// The segment in which it was made, and the round of that segment after which it is there.
    segment: u64,
    ready: u64,
}

/// The walk through one function.
pub(super) struct Walk<'a> {
    program: &'a Program,
    function: &'a Function,
    summaries: &'a BTreeMap<u32, Summary>,
    values: Vec<Value>,
    /// The block that must be entered next.
    next_block: u32,
    depth: usize,
    segment: u64,
    callee_slots: u64,
    slots: u64,
    used_ports: BTreeMap<u32, u64>,
    counted: cost::Counted,
    /// Where the walk is.
    pub(super) place: Place,
    /// Steps taken so far.
    pub(super) steps: u64,
}

/// A block on its way.
#[derive(Default)]
struct Open {
    summary: Summary,
    /// Rounds of the segment so far.
    rounds: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        program: &'a Program,
        function: &'a Function,
        index: u32,
        summaries: &'a BTreeMap<u32, Summary>,
        steps: u64,
    ) -> Self {
        Self {
            program,
            function,
            summaries,
            values: Vec::new(),
            next_block: 0,
            depth: 0,
            segment: 0,
            callee_slots: 0,
            slots: 0,
            used_ports: BTreeMap::new(),
            counted: cost::Counted::default(),
            place: Place { function: index, ..Place::default() },
            steps,
        }
    }

    pub(super) fn run(&mut self) -> Result<Summary, Rule> {
        let body = self.function.blocks.first().ok_or(Rule::BlockOrder)?;
        let (mut summary, results) = self.block(0, &body.parameters)?;
        ensure!(results == self.function.results, FunctionResults);
        self.place = Place { block: self.next_block, instruction: 0, ..self.place };
        ensure!(usize::try_from(self.next_block) == Ok(self.function.blocks.len()), BlockOrder);
        if self.place.function == 0 {
            ensure!(self.used_ports.len() == self.program.ports.len(), PortUse);
        }
        summary.slots = self.slots.saturating_add(self.callee_slots);
        ensure!(summary.slots <= limits::COST, Cost);
        Ok(summary)
    }

    fn step(&mut self, count: usize) -> Result<(), Rule> {
        self.steps = self.steps.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        ensure!(self.steps <= limits::VERIFIER_STEPS, Steps);
        Ok(())
    }

    fn define(&mut self, kind: Type, ready: u64) -> Result<(), Rule> {
        ensure!((1..=limits::VALUE_LANES).contains(&kind.lanes), Lanes);
        self.slots = self.slots.saturating_add(kind.lanes.into());
        self.values.push(Value { kind, is_visible: true, segment: self.segment, ready });
        Ok(())
    }

    fn value(&self, number: u32) -> Result<Value, Rule> {
        let value = usize::try_from(number).ok().and_then(|number| self.values.get(number));
        value.copied().filter(|value| value.is_visible).ok_or(Rule::Unknown)
    }

    fn kinds(&self, numbers: &[u32]) -> Result<Vec<Type>, Rule> {
        numbers.iter().map(|number| self.value(*number).map(|value| value.kind)).collect()
    }

    /// Walks a block that is given these, and returns what it does and gives.
    fn block(&mut self, index: u32, given: &[Type]) -> Result<(Summary, Vec<Type>), Rule> {
        ensure!(index == self.next_block, BlockOrder);
        let block: &Block = signature::index(&self.function.blocks, index).map_err(|_| Rule::BlockOrder)?;
        self.next_block += 1;
        self.depth += 1;
        let outer = self.place;
        self.place = Place { block: index, instruction: 0, ..outer };
        ensure!(self.depth <= limits::NESTING, Nesting);
        self.step(1 + block.parameters.len() + block.results.len())?;
        ensure!(block.parameters == given, BlockParameters);
        let first = self.values.len();
        self.segment += 1;
        for kind in &block.parameters {
            self.define(*kind, 0)?;
        }
        let mut open = Open { summary: Summary { is_exact: true, ..Summary::default() }, rounds: 0 };
        for (at, instruction) in (0_u32..).zip(&block.instructions) {
            self.place.instruction = at;
            self.instruction(instruction, &mut open)?;
        }
        self.place.instruction = u32::try_from(block.instructions.len()).map_err(|_| Rule::Size)?;
        self.end_segment(&mut open);
        let results = self.kinds(&block.results)?;
        self.values[first..].iter_mut().for_each(|value| value.is_visible = false);
        ensure!(open.summary.cost.largest() <= limits::COST, Cost);
        self.depth -= 1;
        self.place = outer;
        Ok((open.summary, results))
    }

    /// Everything so far is finished, and nothing later has begun.
    fn end_segment(&mut self, open: &mut Open) {
        self.segment += 1;
        let waited = Cost { rounds: open.rounds, ..Cost::default() };
        open.summary.cost = open.summary.cost.then(waited);
        open.rounds = 0;
    }

    fn instruction(&mut self, instruction: &Instruction, open: &mut Open) -> Result<(), Rule> {
        let Instruction { operation, operands, results } = instruction;
        self.step(1 + operands.len() + results.len())?;
        let kinds = self.kinds(operands)?;
        ensure!(results.iter().all(|kind| (1..=limits::VALUE_LANES).contains(&kind.lanes)), Lanes);
        let is_barrier = is_barrier(operation);
        if is_barrier {
            self.end_segment(open);
        }
        let inner = self.inner(operation, &kinds, results)?;
        if is_barrier {
            self.end_segment(open);
        }
        // Only what was checked has a cost.
        let cost = self.counted.of(self.program, operation, &kinds, results);
        self.step(usize::try_from(cost.rounds).map_err(|_| Rule::Cost)?)?;
        let begin = self.begin(operands)?;
        let ready = begin.saturating_add(cost.rounds);
        open.rounds = open.rounds.max(ready);
        let summary = &mut open.summary;
        summary.cost = summary.cost.then(Cost { rounds: 0, ..cost }).then(inner.cost);
        summary.is_exact &= inner.is_exact;
        for (release, lanes) in inner.released {
            let sum = summary.released.entry(release).or_default();
            *sum = sum.saturating_add(lanes);
            ensure!(*sum <= limits::COST, Cost);
        }
        for kind in results {
            self.define(*kind, ready)?;
        }
        Ok(())
    }

    /// The round of this segment at which every operand is there.
    fn begin(&self, operands: &[u32]) -> Result<u64, Rule> {
        let ready = |number: &u32| {
            let value = self.value(*number)?;
            Ok(if value.segment == self.segment { value.ready } else { 0 })
        };
        operands.iter().map(ready).try_fold(0, |most, ready: Result<u64, Rule>| Ok(most.max(ready?)))
    }

    /// Checks an instruction's types and returns what happens inside it.
    fn inner(&mut self, operation: &Operation, kinds: &[Type], results: &[Type]) -> Result<Summary, Rule> {
        let nothing = Summary { is_exact: true, ..Summary::default() };
        match *operation {
            Operation::Call { function } => self.call(function, kinds, results),
            Operation::If { then, otherwise } => self.branch([then, otherwise], kinds, results),
            Operation::Repeat { .. } | Operation::Loop { .. } => self.counted(operation, kinds, results),
            Operation::While { test, body, bound } => {
                ensure!(kinds == results, ResultType);
                let (tested, flags) = self.block(test, kinds)?;
                ensure!(flags.len() == 1 && flags[0].with_label(Label::Public) == BIT, BlockResults);
                ensure!(!flags[0].is_secret(), SecretBranch);
                let (done, given) = self.block(body, kinds)?;
                ensure!(given == results, BlockResults);
                // The test runs once more than the body.
                joined(repeated(tested, bound.saturating_add(1)), repeated(done, bound))
            }
            Operation::Input { port } | Operation::Output { port } => {
                self.port(port, kinds, results, matches!(operation, Operation::Output { .. }))?;
                Ok(nothing)
            }
            _ => {
                signature::check(self.program, operation, kinds, results)?;
                let Operation::Reveal { release } = *operation else { return Ok(nothing) };
                let released = BTreeMap::from([(release, kinds[0].lanes.into())]);
                Ok(Summary { released, ..nothing })
            }
        }
    }

    fn call(&mut self, function: u32, kinds: &[Type], results: &[Type]) -> Result<Summary, Rule> {
        ensure!(function > self.place.function, Call);
        let callee = signature::index(&self.program.functions, function).map_err(|_| Rule::Call)?;
        let parameters = callee.blocks.first().map(|body| body.parameters.as_slice()).ok_or(Rule::Call)?;
        ensure!(kinds.len() == parameters.len(), Operands);
        ensure!(kinds == parameters, OperandType);
        ensure!(results == callee.results, ResultType);
        let summary = self.summaries.get(&function).ok_or(Rule::Call)?.clone();
        self.callee_slots = self.callee_slots.max(summary.slots);
        Ok(summary)
    }

    fn branch(&mut self, arms: [u32; 2], kinds: &[Type], results: &[Type]) -> Result<Summary, Rule> {
        ensure!(kinds.len() == 1, Operands);
        ensure!(kinds[0].with_label(Label::Public) == BIT, OperandType);
        ensure!(!kinds[0].is_secret(), SecretBranch);
        let mut summaries = [Summary::default(), Summary::default()];
        for (arm, summary) in arms.into_iter().zip(&mut summaries) {
            let (inner, given) = self.block(arm, &[])?;
            ensure!(given == results, BlockResults);
            *summary = inner;
        }
        let [then, otherwise] = summaries;
        let is_exact = then.is_exact && otherwise.is_exact && then.cost == otherwise.cost;
        let mut released = then.released;
        for (release, lanes) in otherwise.released {
            let most = released.entry(release).or_default();
            *most = lanes.max(*most);
        }
        Ok(Summary { cost: then.cost.dearer(otherwise.cost), is_exact, released, slots: 0 })
    }

    fn counted(&mut self, operation: &Operation, kinds: &[Type], results: &[Type]) -> Result<Summary, Rule> {
        let (body, count, carried) = match *operation {
            Operation::Repeat { body, count } => (body, count, kinds),
            Operation::Loop { body, bound } => (body, bound, kinds.get(1..).ok_or(Rule::Operands)?),
            _ => return Err(Rule::Immediate),
        };
        let is_loop = matches!(operation, Operation::Loop { .. });
        ensure!(carried == results, ResultType);
        ensure!(body == self.next_block, BlockOrder);
        // Without its block an instruction has no index: the block's first parameter says how wide it is.
        let block: &Block = signature::index(&self.function.blocks, body).map_err(|_| Rule::BlockOrder)?;
        let index = *block.parameters.first().ok_or(Rule::BlockParameters)?;
        ensure!(index.width.is_int() && index.lanes == 1 && !index.is_secret(), BlockParameters);
        if is_loop {
            ensure!(kinds[0].width.is_int() && kinds[0].lanes == 1, OperandType);
            ensure!(!kinds[0].is_secret(), SecretBranch);
            ensure!(kinds[0] == index, BlockParameters);
        } else {
            ensure!(count == 0 || count - 1 <= index.width.largest(), Immediate);
        }
        let given: Vec<Type> = std::iter::once(index).chain(carried.iter().copied()).collect();
        let (inner, gives) = self.block(body, &given)?;
        ensure!(gives == results, BlockResults);
        let whole = repeated(inner, count);
        ensure!(whole.cost.largest() <= limits::COST, Cost);
        Ok(Summary { is_exact: whole.is_exact && !is_loop, ..whole })
    }

    fn port(&mut self, port: u32, kinds: &[Type], results: &[Type], is_output: bool) -> Result<(), Rule> {
        let (function, block) = (self.place.function, self.place.block);
        ensure!(function == 0 && block == 0, PortPlace);
        let declared = signature::index(&self.program.ports, port).map_err(|_| Rule::PortUse)?;
        ensure!(declared.is_output == is_output, PortUse);
        let uses = self.used_ports.entry(port).or_default();
        *uses += 1;
        ensure!(*uses == 1, PortUse);
        ensure!(kinds.len() == usize::from(is_output), Operands);
        ensure!(results.len() == usize::from(!is_output), Results);
        ensure!(kinds.iter().all(|kind| *kind == declared.kind), OperandType);
        ensure!(results.iter().all(|kind| *kind == declared.kind), ResultType);
        Ok(())
    }
}

const BIT: Type = Type::public(Width::BIT, 1);

/// Whether everything before must be finished first, and nothing after may have begun.
pub const fn is_barrier(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Call { .. }
            | Operation::If { .. }
            | Operation::Repeat { .. }
            | Operation::Loop { .. }
            | Operation::While { .. }
            | Operation::Host { .. }
            | Operation::Check { .. }
    )
}

/// A block as often as that.
fn repeated(block: Summary, count: u64) -> Summary {
    let released = block.released.into_iter().map(|(release, lanes)| (release, lanes.saturating_mul(count)));
    Summary { cost: block.cost.times(count), released: released.collect(), ..block }
}

fn joined(left: Summary, right: Summary) -> Result<Summary, Rule> {
    let mut released = left.released;
    for (release, lanes) in right.released {
        let sum = released.entry(release).or_default();
        *sum = sum.saturating_add(lanes);
    }
    let cost = left.cost.then(right.cost);
    ensure!(cost.largest() <= limits::COST, Cost);
    Ok(Summary { cost, is_exact: false, released, slots: 0 })
}
