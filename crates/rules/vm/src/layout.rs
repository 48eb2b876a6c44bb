//! The numbers that values have by their place, and their types.

use crate::kind::Type;
use crate::program::{Block, Function, Instruction};

/// Where a function's values are defined.
pub struct Layout {
    /// Every value's type, by its number.
    pub kinds: Vec<Type>,
    /// Of each block, the number of its first parameter.
    pub parameters: Vec<u32>,
    /// Of each block and instruction, the number of its first result.
    pub results: Vec<Vec<u32>>,
}

impl Layout {
    /// Lays out a function whose blocks are in order.
    pub fn of(function: &Function) -> Self {
        let blocks = function.blocks.len();
        let mut layout = Self { kinds: Vec::new(), parameters: vec![0; blocks], results: vec![Vec::new(); blocks] };
        layout.block(function, 0);
        layout
    }

    fn define(&mut self, kinds: &[Type]) -> u32 {
        let first = u32::try_from(self.kinds.len()).expect("a verified function has fewer than 2^32 values");
        self.kinds.extend(kinds);
        first
    }

    fn block(&mut self, function: &Function, index: usize) {
        let block: &Block = &function.blocks[index];
        self.parameters[index] = self.define(&block.parameters);
        for instruction in &block.instructions {
            for inner in instruction.operation.blocks() {
                self.block(function, at(inner));
            }
            let first = self.define(&instruction.results);
            self.results[index].push(first);
        }
    }

    /// Returns the type of a value.
    pub fn kind(&self, number: u32) -> Type {
        self.kinds[at(number)]
    }

    /// Returns the types of an instruction's operands.
    pub fn operands(&self, instruction: &Instruction) -> Vec<Type> {
        instruction.operands.iter().map(|number| self.kind(*number)).collect()
    }
}

/// A number as an index. Programs are bounded far below what a machine can address.
pub fn at(number: u32) -> usize {
    usize::try_from(number).expect("an index of a verified program fits")
}
