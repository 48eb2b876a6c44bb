//! Runs a program as far as it is known, and writes down the rest.
//!
//! Whatever does not depend on an input is computed here: lists grow and shrink, functions call themselves, loops run.
//! What remains are instructions on values that only a run knows. A branch on a secret becomes a choice between what
//! both arms computed; a branch or loop on a public value of the run stays one.

mod arith;
mod branch;
mod builtin;
mod call;
mod expr;
mod field;
mod leave;
mod list;
mod looping;
mod print;
mod share;
mod stmt;
mod value;
mod vector;

use crate::ast::Function;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir::{Graph, Id, Input, Node, Region, Work, is_pure};
use crate::resolve::{Generics, Program};
use crate::scalar::Scalar;
use crate::source::{Sources, Span};
use crate::types::Type;
use ::types::Encode;
pub(crate) use builtin::NAMES;
pub(crate) use share::REFUSED;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
pub(crate) use value::{Fields, Items, Piece, Value};
use vm::{Label, Meaning, Operation, Width};

/// How many steps the compiler takes before it says that a program does not end.
const STEPS_MAX: u64 = 100_000_000;
/// How many instructions a program may have before it is optimised.
const NODES_MAX: u64 = 1 << 20;
/// How deep functions may call each other while compiling.
const CALLS_MAX: usize = 150;
/// How deep statements and expressions may be nested over all open calls.
const DEPTH_MAX: u32 = 4_000;

pub(crate) type Stop = Box<Diagnostic>;
pub(crate) type Staged<T> = Result<T, Stop>;

/// What the caller of the compiler decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether instructions are shared and left out.
    pub optimise: bool,
    /// How many clients a program finds when it asks.
    pub clients: u64,
    /// The most rounds of a loop that nobody knows before the run.
    pub rounds_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { optimise: true, clients: 0, rounds_max: 1 << 16 }
    }
}

/// What a print shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Words of the program.
    Text(String),
    /// The next parameter, and how to read it.
    Value(Meaning),
}

/// A finished entry point.
pub(crate) struct Finished {
    pub graph: Graph,
    pub prints: Vec<Vec<Shown>>,
    pub checks: Vec<(Span, String)>,
}

/// A local variable.
struct Local {
    name: String,
    value: Value,
    /// The type that was written or found when it was declared.
    ty: Option<Type>,
}

/// What was changed since a branch began, as it was before.
#[derive(Default)]
struct Log {
    /// Only variables declared before the branch are of interest.
    locals_below: usize,
    locals: BTreeMap<usize, Value>,
    lists: Vec<(Rc<RefCell<Items>>, Items)>,
    objects: Vec<(Rc<RefCell<Fields>>, Fields)>,
    /// Lists that were read at a place that only the run knows.
    indexed: Vec<Rc<RefCell<Items>>>,
}

struct Open {
    region: Region,
    /// Instructions by what they compute, so that none is written twice.
    known: BTreeMap<Vec<u8>, Id>,
}

/// What a function's body finds around it.
struct Frame {
    /// Where its locals begin.
    base: usize,
    generics: Generics,
    result: Option<Type>,
    name: String,
}

pub(crate) struct Stage<'a> {
    program: &'a Program,
    sources: &'a Sources,
    options: &'a Options,
    optimise: bool,
    graph: Graph,
    open: Vec<Open>,
    frames: Vec<Frame>,
    locals: Vec<Local>,
    globals: usize,
    logs: Vec<Log>,
    /// The conditions on secrets under which the statement at hand stands.
    oblivious: Vec<Span>,
    /// How many branches and loops of the run are open.
    conditional: usize,
    sent: BTreeMap<String, u64>,
    prints: Vec<Vec<Shown>>,
    checks: Vec<(Span, String)>,
    /// The numbers that are written out.
    numbers: BTreeMap<Id, u64>,
    /// What the last loop that was left to the run gives, if all its rounds were taken at once.
    vectors: Option<Vec<Id>>,
    steps: u64,
    nodes: u64,
    depth: u32,
}

/// Compiles from this function on.
pub(crate) fn stage(
    program: &Program,
    sources: &Sources,
    options: &Options,
    entry: &Rc<Function>,
    diagnostics: &mut Diagnostics,
) -> Option<Finished> {
    let mut stage = Stage::new(program, sources, options);
    match stage.entry(entry) {
        Ok(()) => {
            let body = stage.open.pop().map(|open| open.region).unwrap_or_default();
            stage.graph.body = body;
            Some(Finished { graph: stage.graph, prints: stage.prints, checks: stage.checks })
        }
        Err(stop) => {
            diagnostics.push(*stop);
            None
        }
    }
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program, sources: &'a Sources, options: &'a Options) -> Self {
        Self {
            program,
            sources,
            options,
            optimise: options.optimise,
            graph: Graph::default(),
            open: vec![Open { region: Region::default(), known: BTreeMap::new() }],
            frames: Vec::new(),
            locals: Vec::new(),
            globals: 0,
            logs: Vec::new(),
            oblivious: Vec::new(),
            conditional: 0,
            sent: BTreeMap::new(),
            prints: Vec::new(),
            checks: Vec::new(),
            numbers: BTreeMap::new(),
            vectors: None,
            steps: 0,
            nodes: 0,
            depth: 0,
        }
    }

    fn entry(&mut self, entry: &Rc<Function>) -> Staged<()> {
        let frame = Frame { base: 0, generics: Generics::new(), result: None, name: String::new() };
        self.frames.push(frame);
        let program = self.program;
        self.block(&program.statements, None)?;
        self.globals = self.locals.len();
        let result = self.call(entry, Vec::new(), entry.span)?;
        self.outputs(entry, &result)
    }

    /// What the entry point returns is a public output of the run.
    fn outputs(&mut self, entry: &Rc<Function>, result: &Value) -> Staged<()> {
        let span = entry.result.as_ref().map_or(entry.span, |ty| ty.span);
        let result = match result {
            Value::Number(_) => self.settle(result, crate::scalar::INT64, span)?,
            other => other.clone(),
        };
        let (scalar, id) = match &result {
            Value::None => return Ok(()),
            Value::Known(..) | Value::Run(..) => {
                let scalar = self.scalar_of(&result, span)?;
                (scalar, self.run_of(&result, scalar, span)?)
            }
            Value::List(items) => self.lanes_of(&items.clone(), span)?,
            other => {
                let message = format!("{} cannot be what a program gives", other.kind());
                return Err(self.stop("type", span, message));
            }
        };
        if self.graph.ty(id).is_secret() {
            let stop = self.stop("leak", span, "what a program returns is public, and this is secret");
            return Err(Box::new(stop.help("reveal it: `return value.reveal()`, or `send(client, value)`")));
        }
        let value = id;
        self.output("", "result", scalar, value, span)
    }

    fn output(&mut self, client: &str, name: &str, scalar: Scalar, value: Id, span: Span) -> Staged<()> {
        if self.conditional > 0 {
            let stop = self.stop("unsupported", span, "an output stands under a condition that only the run knows");
            return Err(Box::new(stop.help("send it at the end of `main`, and choose its value before")));
        }
        let key = format!("{client}:{name}");
        let times = self.sent.entry(key).or_insert(0);
        *times += 1;
        let name = if *times == 1 { name.to_string() } else { format!("{name}.{times}") };
        let meaning = meaning(scalar);
        self.graph.outputs.push(crate::ir::Output { client: client.to_string(), name, meaning, value, span });
        Ok(())
    }

    /// Returns the value of a client's input, the same one each time.
    fn input(&mut self, client: &str, name: &str, scalar: Scalar, lanes: u32, span: Span) -> Staged<Id> {
        let ty = vm::Type::secret(arith::width(scalar), lanes);
        if let Some(found) = self.graph.inputs.iter().find(|input| input.client == client && input.name == name) {
            let (value, old) = (found.value, self.graph.ty(found.value));
            if old == ty && found.meaning == meaning(scalar) {
                return Ok(value);
            }
            return Err(self.stop("type", span, format!("the input {client}:{name} is read as two types")));
        }
        if vm::Name::new(client).is_none() || vm::Name::new(name).is_none() {
            return Err(self.stop(
                "type",
                span,
                "names of clients and inputs have at most 64 plain letters and digits",
            ));
        }
        let value = self.graph.fresh(ty);
        let meaning = meaning(scalar);
        self.graph.inputs.push(Input { client: client.into(), name: name.into(), meaning, value });
        Ok(value)
    }

    fn stop(&self, code: &'static str, span: Span, message: impl Into<String>) -> Stop {
        let mut diagnostic = Diagnostic::new(code, span, message);
        // A place in the library says little: name the call that led there.
        if let Some(frame) = self.frames.last().filter(|frame| !frame.name.is_empty()) {
            diagnostic.label = format!("in `{}`", frame.name);
        }
        Box::new(diagnostic)
    }

    fn step(&mut self, span: Span) -> Staged<()> {
        self.steps += 1;
        if self.steps <= STEPS_MAX {
            return Ok(());
        }
        let stop = self.stop("limit", span, format!("the compiler took {STEPS_MAX} steps and found no end"));
        Err(Box::new(stop.help("check that this loop ends; let it depend on an input, and it is left to the run")))
    }

    /// Goes one level deeper.
    fn deeper<T>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> Staged<T>) -> Staged<T> {
        if self.depth >= DEPTH_MAX {
            let stop = self.stop("limit", span, "calls and expressions are nested too deeply here");
            return Err(Box::new(stop.help("use a loop instead of functions that call themselves")));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn scalar_of(&self, value: &Value, span: Span) -> Staged<Scalar> {
        match value {
            Value::Number(_) => Ok(crate::scalar::INT64),
            Value::Known(scalar, _) | Value::Run(scalar, _) => Ok(*scalar),
            other => Err(self.stop("type", span, format!("a single value is wanted here, not {}", other.kind()))),
        }
    }

    fn is_secret(&self, value: &Value) -> bool {
        matches!(value, Value::Run(_, id) if self.graph.ty(*id).is_secret())
    }

    fn join_labels(&self, ids: &[Id]) -> Label {
        ids.iter().map(|id| self.graph.ty(*id).label).max().unwrap_or(Label::Public)
    }

    fn constant(&mut self, scalar: Scalar, value: i128) -> Id {
        let (ty, lane) = (vm::Type::public(arith::width(scalar), 1), arith::lane(scalar, value));
        let id = self.emit(Operation::Int { value: lane }, &[], ty, Span::default());
        self.numbers.insert(id, lane);
        id
    }

    /// Writes an instruction whose result has the first operand's width and lanes.
    fn like(&mut self, operation: Operation, operands: &[Id], span: Span) -> Id {
        let label = self.join_labels(operands);
        let ty = operands.first().map_or(vm::Type::public(Width::BIT, 1), |id| self.graph.ty(*id));
        self.emit(operation, operands, ty.with_label(label), span)
    }

    /// Writes an instruction with one result, or returns an earlier one that computes the same.
    fn emit(&mut self, operation: Operation, operands: &[Id], ty: vm::Type, span: Span) -> Id {
        // What was read once is there: reading it again stops no other run.
        let same = is_pure(&operation) || matches!(operation, Operation::Get);
        let share = same && (self.optimise || matches!(operation, Operation::Int { .. }));
        let key = if share { key(&operation, operands, ty) } else { Vec::new() };
        if share && let Some(id) = self.open.iter().rev().find_map(|open| open.known.get(&key)) {
            return *id;
        }
        let id = self.graph.fresh(ty);
        self.node(Work::Do(operation), operands.to_vec(), vec![id], span);
        if share && let Some(open) = self.open.last_mut() {
            open.known.insert(key, id);
        }
        id
    }

    fn node(&mut self, work: Work, operands: Vec<Id>, results: Vec<Id>, span: Span) {
        self.nodes += 1;
        if let Some(open) = self.open.last_mut() {
            open.region.nodes.push(Node { work, operands, results, span });
        }
    }

    fn check_size(&self, span: Span) -> Staged<()> {
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let stop = self.stop("limit", span, format!("the program has more than {NODES_MAX} instructions"));
        Err(Box::new(
            stop.help("let the number of rounds depend on an input, or work on lists as a whole: `dot`, `sum`, `sort`"),
        ))
    }

    fn open_region(&mut self) {
        self.open.push(Open { region: Region::default(), known: BTreeMap::new() });
    }

    fn close_region(&mut self) -> Region {
        self.open.pop().map(|open| open.region).unwrap_or_default()
    }
}

/// Returns how people read a scalar.
fn meaning(scalar: Scalar) -> Meaning {
    match scalar {
        Scalar::Bool => Meaning::Bool,
        Scalar::Int { signed: true, .. } => Meaning::Signed,
        Scalar::Int { signed: false, .. } => Meaning::Unsigned,
        Scalar::Fix => Meaning::Fixed(arith::FRACTION),
        Scalar::Field => Meaning::Field,
    }
}

fn key(operation: &Operation, operands: &[Id], ty: vm::Type) -> Vec<u8> {
    let mut key = operation.to_bytes();
    for operand in operands {
        key.extend(operand.0.to_le_bytes());
    }
    key.extend(ty.to_bytes());
    key
}
