//! From the compiler's values to bytecode: what nobody needs is left out, the rest is written block by block.

use crate::ir::{Graph, Id, Region, Work, is_pure};
use crate::source::{Sources, Span, count, index};
use std::collections::BTreeMap;
use vm::cost::Cost;
use vm::{
    Certificate, Constant, Function, FunctionBuilder, FunctionMap, Host, Name, Operation, Port, Program, Release,
    SourceMap, Type,
};

/// The fuel of a print.
const PRINT_FUEL: u64 = 100;

/// Leaves out every instruction whose results nobody uses.
pub(crate) fn sweep(graph: &mut Graph) {
    let mut live = vec![false; graph.types.len()];
    for output in &graph.outputs {
        mark(&mut live, output.value);
    }
    let mut body = std::mem::take(&mut graph.body);
    sweep_region(&mut body, &mut live);
    graph.body = body;
}

fn mark(live: &mut [bool], id: Id) {
    if let Some(live) = live.get_mut(index(id.0)) {
        *live = true;
    }
}

fn sweep_region(region: &mut Region, live: &mut [bool]) {
    for id in &region.results {
        mark(live, *id);
    }
    let mut kept = Vec::with_capacity(region.nodes.len());
    for mut node in std::mem::take(&mut region.nodes).into_iter().rev() {
        let used = node.results.iter().any(|id| live.get(index(id.0)).copied().unwrap_or(true));
        if !used && !has_effect(&node.work) {
            continue;
        }
        match &mut node.work {
            Work::Do(_) => {}
            Work::If(yes, no) => {
                sweep_region(yes, live);
                sweep_region(no, live);
            }
            Work::Repeat(body, _) => sweep_region(body, live),
            Work::While { test, body, .. } => {
                sweep_region(body, live);
                sweep_region(test, live);
            }
        }
        for id in &node.operands {
            mark(live, *id);
        }
        kept.push(node);
    }
    kept.reverse();
    region.nodes = kept;
}

/// Tells whether leaving it out would be noticed. A loop of the run may stop it, so it stays.
fn has_effect(work: &Work) -> bool {
    match work {
        Work::Do(operation) => !is_pure(operation),
        Work::If(yes, no) => [yes, no].iter().any(|region| region.nodes.iter().any(|node| has_effect(&node.work))),
        Work::Repeat(body, _) => body.nodes.iter().any(|node| has_effect(&node.work)),
        Work::While { .. } => true,
    }
}

/// Writes the bytecode and where each instruction comes from.
pub(crate) fn emit(graph: &Graph, sources: &Sources, checks: &[Span]) -> (Program, SourceMap) {
    let empty = |name: &str| Name::new(name).unwrap_or_default();
    let mut ports = Vec::new();
    for input in &graph.inputs {
        let kind = graph.ty(input.value);
        ports.push(Port {
            is_output: false,
            client: empty(&input.client),
            name: empty(&input.name),
            kind,
            meaning: input.meaning,
        });
    }
    for output in &graph.outputs {
        let kind = graph.ty(output.value);
        ports.push(Port {
            is_output: true,
            client: empty(&output.client),
            name: empty(&output.name),
            kind,
            meaning: output.meaning,
        });
    }
    let (function, map) = Writer::new(graph).write();
    let constants = graph.tables.iter().map(|(kind, lanes)| Constant { kind: *kind, lanes: lanes.clone() }).collect();
    let releases = graph.releases.iter().map(|name| Release { name: empty(name), lanes: 0 }).collect();
    let host = |(at, parameters): (usize, &Vec<Type>)| Host {
        name: empty(&format!("print.{at}")),
        parameters: parameters.clone(),
        results: Vec::new(),
        fuel: PRINT_FUEL,
    };
    let hosts = graph.prints.iter().enumerate().map(host).collect();
    let certificate = Certificate {
        exact: false,
        fuel: 0,
        slots: 0,
        rounds: 0,
        sent_first: 0,
        sent_second: 0,
        sent_third: 0,
        preprocessing: 0,
    };
    let functions = vec![function];
    let program = Program { version: vm::VERSION, ports, constants, releases, hosts, functions, certificate };
    let files = (0..sources.len()).map(|file| {
        let name = sources.file(count(file)).map_or("", |file| file.name.as_str());
        let plain: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != '"').collect();
        empty(plain.get(plain.len().saturating_sub(vm::NAME_BYTES)..).unwrap_or(""))
    });
    let checks = checks.iter().map(|span| place(*span)).collect();
    let map = SourceMap { program: program.id(), files: files.collect(), functions: vec![map], checks };
    (program, map)
}

fn place(span: Span) -> vm::Span {
    vm::Span { file: span.file, start: span.start, end: span.end }
}

struct Writer<'g> {
    graph: &'g Graph,
    builder: FunctionBuilder,
    numbers: BTreeMap<Id, u32>,
    spans: Vec<Vec<vm::Span>>,
}

impl<'g> Writer<'g> {
    fn new(graph: &'g Graph) -> Self {
        let builder = FunctionBuilder::new(Name::new("main").unwrap_or_default(), &[], &[]);
        Self { graph, builder, numbers: BTreeMap::new(), spans: Vec::new() }
    }

    fn write(mut self) -> (Function, FunctionMap) {
        let graph = self.graph;
        for (port, input) in (0u32..).zip(&graph.inputs) {
            self.push(Operation::Input { port }, &[], &[input.value], Span::default());
        }
        self.nodes(&graph.body);
        let first = count(graph.inputs.len());
        for (port, output) in (first..).zip(&graph.outputs) {
            self.push(Operation::Output { port }, &[output.value], &[], output.span);
        }
        let map = FunctionMap { spans: self.spans, locals: Vec::new() };
        (self.builder.finish(&[]), map)
    }

    fn nodes(&mut self, region: &'g Region) {
        for node in &region.nodes {
            let operation = match &node.work {
                Work::Do(operation) => *operation,
                Work::If(yes, no) => Operation::If { then: self.block(yes), otherwise: self.block(no) },
                Work::Repeat(body, count) => Operation::Repeat { body: self.block(body), count: *count },
                Work::While { test, body, bound } => {
                    Operation::While { test: self.block(test), body: self.block(body), bound: *bound }
                }
            };
            self.push(operation, &node.operands, &node.results, node.span);
        }
    }

    fn block(&mut self, region: &'g Region) -> u32 {
        let types: Vec<Type> = region.parameters.iter().map(|id| self.graph.ty(*id)).collect();
        let (block, numbers) = self.builder.open(&types);
        self.numbers.extend(region.parameters.iter().copied().zip(numbers));
        self.nodes(region);
        let results: Vec<u32> = region.results.iter().map(|id| self.number(*id)).collect();
        self.builder.close(&results);
        block
    }

    fn number(&self, id: Id) -> u32 {
        self.numbers.get(&id).copied().unwrap_or(u32::MAX)
    }

    fn push(&mut self, operation: Operation, operands: &[Id], results: &[Id], span: Span) {
        let operands: Vec<u32> = operands.iter().map(|id| self.number(*id)).collect();
        let types: Vec<Type> = results.iter().map(|id| self.graph.ty(*id)).collect();
        let (block, _) = self.builder.place();
        if self.spans.len() <= block {
            self.spans.resize(block + 1, Vec::new());
        }
        self.spans[block].push(place(span));
        let numbers = self.builder.push(operation, &operands, &types);
        self.numbers.extend(results.iter().copied().zip(numbers));
    }
}

/// Adds up what each line costs.
pub(crate) fn costs(
    graph: &Graph,
    region: &Region,
    program: &Program,
    sources: &Sources,
    times: u64,
    lines: &mut BTreeMap<(u32, u32), Cost>,
) {
    for node in &region.nodes {
        match &node.work {
            Work::Do(operation) => {
                let types = |ids: &[Id]| ids.iter().map(|id| graph.ty(*id)).collect::<Vec<_>>();
                let cost = vm::cost::of(program, operation, &types(&node.operands), &types(&node.results)).times(times);
                let line = (node.span.file, sources.place(node.span).0);
                let old = lines.remove(&line).unwrap_or_default();
                lines.insert(line, old.then(cost));
            }
            Work::If(yes, no) => {
                costs(graph, yes, program, sources, times, lines);
                costs(graph, no, program, sources, times, lines);
            }
            Work::Repeat(body, count) => {
                costs(graph, body, program, sources, times.saturating_mul(*count), lines);
            }
            Work::While { test, body, bound } => {
                let times = times.saturating_mul(*bound);
                costs(graph, test, program, sources, times, lines);
                costs(graph, body, program, sources, times, lines);
            }
        }
    }
}
