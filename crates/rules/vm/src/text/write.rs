//! The disassembler.

use crate::kind::Type;
use crate::layout::{Layout, at};
use crate::program::{Constant, Function, Meaning, Port, Program};
use crate::verify::Verified;
use std::fmt::{Error, Write};

/// Writes a program as text. The assembler reads the same program from it.
pub fn disassemble(program: &Verified) -> String {
    let mut out = String::new();
    write_program(&mut out, program.program()).expect("a string takes whatever is written to it");
    out
}

fn write_program(out: &mut String, program: &Program) -> Result<(), Error> {
    writeln!(out, "talea 1")?;
    let c = &program.certificate;
    let exact = if c.exact { "exact" } else { "most" };
    writeln!(out, "certificate {exact} fuel {} slots {} rounds {}", c.fuel, c.slots, c.rounds)?;
    writeln!(out, "    sent {} {} {}", c.sent_first, c.sent_second, c.sent_third)?;
    writeln!(out, "    preprocessing {}", c.preprocessing)?;
    program.ports.iter().try_for_each(|port| write_port(out, port))?;
    program.constants.iter().try_for_each(|constant| write_constant(out, constant))?;
    for release in &program.releases {
        writeln!(out, "release \"{}\" {}", release.name, release.lanes)?;
    }
    for host in &program.hosts {
        let (takes, gives) = (kinds(&host.parameters), kinds(&host.results));
        writeln!(out, "host \"{}\" ({takes}) -> ({gives}) fuel {}", host.name, host.fuel)?;
    }
    program.functions.iter().try_for_each(|function| Writer::new(out, function).function())
}

fn write_port(out: &mut String, port: &Port) -> Result<(), Error> {
    let direction = if port.is_output { "out" } else { "in" };
    let meaning = match port.meaning {
        Meaning::Unsigned => "unsigned".to_owned(),
        Meaning::Signed => "signed".to_owned(),
        Meaning::Fixed(fraction) => format!("fixed {fraction}"),
        Meaning::Bool => "bool".to_owned(),
        Meaning::Field => "field".to_owned(),
    };
    writeln!(out, "port {direction} \"{}\" \"{}\" : {} {meaning}", port.client, port.name, port.kind)
}

fn write_constant(out: &mut String, constant: &Constant) -> Result<(), Error> {
    let lanes: Vec<String> = constant.lanes.iter().map(u64::to_string).collect();
    writeln!(out, "constant {} = ({})", constant.kind, lanes.join(", "))
}

fn kinds(kinds: &[Type]) -> String {
    kinds.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")
}

fn uses(numbers: &[u32]) -> String {
    numbers.iter().map(|number| format!("%{number}")).collect::<Vec<_>>().join(", ")
}

fn definitions(first: u32, kinds: &[Type]) -> String {
    let each = (first..).zip(kinds).map(|(number, kind)| format!("%{number} : {kind}"));
    each.collect::<Vec<_>>().join(", ")
}

struct Writer<'a> {
    out: &'a mut String,
    function: &'a Function,
    layout: Layout,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut String, function: &'a Function) -> Self {
        Self { out, function, layout: Layout::of(function) }
    }

    fn function(&mut self) -> Result<(), Error> {
        let Function { name, results, releases, blocks } = self.function;
        let parameters = definitions(0, &blocks[0].parameters);
        let releases = releases.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        write!(self.out, "function \"{name}\" [{parameters}] -> ({}) releases ({releases}) ", kinds(results))?;
        self.block(0, 0)?;
        self.out.push('\n');
        Ok(())
    }

    fn block(&mut self, index: usize, depth: usize) -> Result<(), Error> {
        let block = &self.function.blocks[index];
        let margin = "    ".repeat(depth + 1);
        writeln!(self.out, "{{")?;
        for (place, instruction) in block.instructions.iter().enumerate() {
            self.out.push_str(&margin);
            if !instruction.results.is_empty() {
                let first = self.layout.results[index][place];
                write!(self.out, "{} = ", definitions(first, &instruction.results))?;
            }
            let operation = &instruction.operation;
            self.out.push_str(operation.name());
            for immediate in operation.immediates().iter().skip(operation.blocks().len()) {
                write!(self.out, " {immediate}")?;
            }
            write!(self.out, " ({})", uses(&instruction.operands))?;
            for inner in operation.blocks() {
                let inner = at(inner);
                let parameters = definitions(self.layout.parameters[inner], &self.function.blocks[inner].parameters);
                write!(self.out, " [{parameters}] ")?;
                self.block(inner, depth + 1)?;
            }
            self.out.push('\n');
        }
        writeln!(self.out, "{margin}give ({})", uses(&block.results))?;
        write!(self.out, "{}}}", "    ".repeat(depth))
    }
}
