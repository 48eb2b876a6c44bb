//! The program between source and bytecode: values that are written once, regions within regions.

use crate::source::Span;
use vm::{Meaning, Operation, Type};

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub u32);

/// A run of instructions, what comes into it and what it gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Region {
    pub parameters: Vec<Id>,
    pub nodes: Vec<Node>,
    pub results: Vec<Id>,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub work: Work,
    pub operands: Vec<Id>,
    pub results: Vec<Id>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// One instruction without blocks.
    Do(Operation),
    /// The operand is the condition.
    If(Region, Region),
    /// The operands are what is carried in; the body's parameters are the index and what is carried.
    Repeat(Region, u64),
    /// The test gives one bit.
    While { test: Region, body: Region, bound: u64 },
}

/// A value that a client gives.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub client: String,
    pub name: String,
    pub meaning: Meaning,
    pub value: Id,
}

/// A value that a client, or everybody, gets.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub client: String,
    pub name: String,
    pub meaning: Meaning,
    pub value: Id,
    pub span: Span,
}

/// One entry point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// The type of each value.
    pub types: Vec<Type>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    pub body: Region,
    /// The names of releases.
    pub releases: Vec<String>,
    /// For each host function, the types of its parameters.
    pub prints: Vec<Vec<Type>>,
    /// Lookup tables.
    pub tables: Vec<(Type, Vec<u64>)>,
}

impl Graph {
    pub fn ty(&self, id: Id) -> Type {
        self.types.get(crate::source::index(id.0)).copied().unwrap_or(Type::public(vm::Width::BIT, 1))
    }

    pub fn fresh(&mut self, ty: Type) -> Id {
        self.types.push(ty);
        Id(crate::source::count(self.types.len() - 1))
    }
}

/// Tells whether an instruction may be left out when nobody uses its results, or shared when it is written twice.
pub(crate) fn is_pure(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::Check { .. }
            | Operation::Host { .. }
            | Operation::Reveal { .. }
            | Operation::Rand
            | Operation::Shuffle
            | Operation::Get
            | Operation::Set
            | Operation::Gather
            | Operation::Output { .. }
    )
}
