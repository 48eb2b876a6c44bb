//! Builds functions with every number where the encoding wants it.

use crate::kind::Type;
use crate::operation::Operation;
use crate::program::{Block, Function, Instruction, Name};

/// Writes a function from its first instruction to its last.
///
/// An instruction with blocks is written after them: [`Self::open`], what is in the block, [`Self::close`], and then
/// [`Self::push`] of the instruction that owns it.
pub struct FunctionBuilder {
    function: Function,
    /// The blocks that are open, by index.
    open: Vec<usize>,
    /// Blocks that were closed and whose owner is still to come.
    waiting: usize,
    next: u32,
}

impl FunctionBuilder {
    /// Begins a function. Its parameters are the values from 0 on.
    pub fn new(name: Name, parameters: &[Type], results: &[Type]) -> Self {
        let function = Function { name, results: results.to_vec(), releases: Vec::new(), blocks: Vec::new() };
        let mut builder = Self { function, open: Vec::new(), waiting: 0, next: 0 };
        builder.open(parameters);
        builder
    }

    fn numbers(&mut self, count: usize) -> Vec<u32> {
        let first = self.next;
        self.next += u32::try_from(count).expect("a function has fewer than 2^32 values");
        (first..self.next).collect()
    }

    /// Opens a block and returns its index and the numbers of its parameters.
    pub fn open(&mut self, parameters: &[Type]) -> (u32, Vec<u32>) {
        let index = self.function.blocks.len();
        let block = Block { parameters: parameters.to_vec(), instructions: Vec::new(), results: Vec::new() };
        self.function.blocks.push(block);
        self.open.push(index);
        let index = u32::try_from(index).expect("a function has fewer than 2^32 blocks");
        (index, self.numbers(parameters.len()))
    }

    /// Closes the block that was opened last, with what it gives.
    pub fn close(&mut self, results: &[u32]) {
        let index = self.open.pop().expect("a block that is closed was opened");
        assert!(!self.open.is_empty(), "the body is closed by `finish`");
        self.function.blocks[index].results = results.to_vec();
        self.waiting += 1;
    }

    /// Returns the open block and how many instructions it has: where the next one goes, for a source map.
    pub fn place(&self) -> (usize, usize) {
        let block = *self.open.last().expect("the body is open until `finish`");
        (block, self.function.blocks[block].instructions.len())
    }

    /// Returns the number that the next value gets.
    pub const fn next_value(&self) -> u32 {
        self.next
    }

    /// Writes an instruction and returns the numbers of its results.
    pub fn push(&mut self, operation: Operation, operands: &[u32], results: &[Type]) -> Vec<u32> {
        let owned = operation.blocks().len();
        assert!(self.waiting >= owned, "the blocks of an instruction are written before it");
        self.waiting -= owned;
        let (block, _) = self.place();
        let instruction = Instruction { operation, operands: operands.to_vec(), results: results.to_vec() };
        self.function.blocks[block].instructions.push(instruction);
        self.numbers(results.len())
    }

    /// Closes the body and returns the function.
    pub fn finish(mut self, results: &[u32]) -> Function {
        assert_eq!(self.waiting, 0, "every block has an instruction that owns it");
        assert_eq!(self.open, [0], "every block is closed");
        self.function.blocks[0].results = results.to_vec();
        self.function
    }
}
