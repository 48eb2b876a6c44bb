//! All steps in their order.

use crate::check::check;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::resolve::{Program, load};
use crate::source::{Modules, Sources, Span};
use crate::stage::{Finished, Options, Shown, stage};
use crate::{emit, ir};
use std::collections::BTreeMap;
use vm::cost::Cost;
use vm::{SourceMap, Verified};

/// A program that was read and checked.
#[derive(Debug)]
pub struct Parsed {
    sources: Sources,
    program: Program,
}

/// Where a run can stop, and what the program says then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where the assertion stands.
    pub span: Span,
    /// What was asserted, or the program's own words.
    pub message: String,
}

/// A program as bytecode.
#[derive(Debug)]
pub struct Compiled {
    /// The bytecode.
    pub program: Verified,
    /// Which instruction comes from where.
    pub map: SourceMap,
    /// What each print shows: the host functions `print.0`, `print.1`, ...
    pub prints: Vec<Vec<Shown>>,
    /// The assertions by their codes.
    pub checks: Vec<Check>,
    /// What each line costs, by file and line, at most: loops as often as they may run, both arms of branches, and
    /// rounds as if nothing else ran beside the line.
    pub lines: BTreeMap<(u32, u32), Cost>,
}

/// A program that is wrong.
#[derive(Debug)]
pub struct Failed {
    /// The files that messages point into.
    pub sources: Sources,
    /// What is wrong, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

impl Failed {
    /// Returns all messages as a person reads them.
    #[must_use]
    pub fn render(&self) -> String {
        self.diagnostics.iter().map(|diagnostic| diagnostic.render(&self.sources)).collect::<Vec<_>>().join("\n")
    }
}

/// Reads a file with all that it imports, and checks it.
pub fn read(name: &str, text: &str, modules: &dyn Modules) -> Result<Parsed, Failed> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let program = load(name, text, modules, &mut sources, &mut diagnostics);
    // What the parser could not read would only be told twice.
    if diagnostics.is_empty() {
        check(&program, &mut diagnostics);
    }
    if !diagnostics.is_empty() {
        return Err(Failed { sources, diagnostics: diagnostics.into_sorted() });
    }
    Ok(Parsed { sources, program })
}

impl Parsed {
    /// Returns the files.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Returns the names of the functions that take nothing and begin with `test_`.
    #[must_use]
    pub fn tests(&self) -> Vec<String> {
        let functions = self.program.functions.values();
        let tests =
            functions.filter(|function| function.name.text.starts_with("test_") && function.parameters.is_empty());
        tests.map(|function| function.name.text.clone()).collect()
    }

    /// Tells whether there is a function of this name.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.program.functions.contains_key(function)
    }

    /// Compiles the program that begins with this function.
    pub fn compile(&self, entry: &str, options: &Options) -> Result<Compiled, Failed> {
        let mut diagnostics = Diagnostics::default();
        let finished = match self.program.functions.get(entry) {
            Some(function) => stage(&self.program, &self.sources, options, function, &mut diagnostics),
            None => {
                let message = format!("there is no function `{entry}` to begin with");
                diagnostics
                    .push(Diagnostic::new("name", Span::default(), message).help("write `def main() -> int64:`"));
                None
            }
        };
        let compiled = finished.and_then(|finished| self.finish(finished, options, &mut diagnostics));
        match compiled {
            Some(compiled) if diagnostics.is_empty() => Ok(compiled),
            _ => Err(Failed { sources: self.sources.clone(), diagnostics: diagnostics.into_sorted() }),
        }
    }

    fn finish(&self, finished: Finished, options: &Options, diagnostics: &mut Diagnostics) -> Option<Compiled> {
        let mut graph: ir::Graph = finished.graph;
        if options.optimise {
            emit::sweep(&mut graph);
        }
        let spans: Vec<Span> = finished.checks.iter().map(|(span, _)| *span).collect();
        let (program, mut map) = emit::emit(&graph, &self.sources, &spans);
        let mut lines = BTreeMap::new();
        emit::costs(&graph, &graph.body, &program, &self.sources, 1, &mut lines);
        match vm::certify(program) {
            Ok(program) => {
                map.program = program.program().id();
                let checks = finished.checks.into_iter().map(|(span, message)| Check { span, message }).collect();
                Some(Compiled { program, map, prints: finished.prints, checks, lines })
            }
            Err(refusal) => {
                let message = format!("the bytecode was refused: {refusal}");
                diagnostics.push(Diagnostic::new("bytecode", refused_at(&map, &refusal), message));
                None
            }
        }
    }
}

fn refused_at(map: &SourceMap, refusal: &vm::Refusal) -> Span {
    let place = refusal.place;
    let function = usize::try_from(place.function).ok().and_then(|at| map.functions.get(at));
    let block = function.and_then(|function| function.spans.get(usize::try_from(place.block).ok()?));
    let span = block.and_then(|block| block.get(usize::try_from(place.instruction).ok()?));
    span.map_or(Span::default(), |span| Span { file: span.file, start: span.start, end: span.end })
}
