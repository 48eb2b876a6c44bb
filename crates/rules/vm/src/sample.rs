//! Random programs that keep every rule, to compare engines on.
//!
//! The same seed gives the same program and the same inputs everywhere. Programs use every operation, with odd widths and
//! numbers at the ends of their ranges.

mod writer;

use crate::engine::World;
use crate::program::Program;
use crate::verify::{Verified, certify};
use writer::Writer;

/// Chance from a seed: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Begins at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// Returns a number below another.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// Returns one of a list.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let length = u64::try_from(list.len()).expect("a list in memory");
        list[usize::try_from(self.below(length)).expect("a place in it")]
    }

    /// Returns a number up to another; the ends and their neighbours come often.
    pub fn lane(&mut self, largest: u64) -> u64 {
        let bits = self.bits();
        match self.below(8) {
            0 => 0,
            1 => largest,
            2 => (bits % 4).min(largest),
            3 => largest - (bits % 4).min(largest),
            4 => (largest / 2).saturating_add(bits % 3).min(largest),
            _ => {
                if largest == u64::MAX {
                    bits
                } else {
                    bits % (largest + 1)
                }
            }
        }
    }
}

/// Chance is a world without functions of a host that fail.
impl World for Chance {
    fn random(&mut self) -> u64 {
        self.bits()
    }

    /// Sample programs declare one function: it gives its one argument with each lane halved.
    fn call(&mut self, _: u32, arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        Some(arguments.iter().map(|lanes| lanes.iter().map(|lane| lane / 2).collect()).collect())
    }
}

/// Returns the program of a seed. The size is about how many instructions its functions have together.
pub fn program(seed: u64, size: u64) -> Verified {
    certify(draft(seed, size)).unwrap_or_else(|refusal| panic!("a sample keeps every rule (seed {seed}): {refusal}"))
}

/// Returns a program that draws nothing and asks no host: all runs of it on the same inputs give the same, on every engine.
pub fn settled(seed: u64, size: u64) -> Verified {
    let draft = Writer::settled(seed).program(size);
    certify(draft).unwrap_or_else(|refusal| panic!("a sample keeps every rule (seed {seed}): {refusal}"))
}

/// Returns the program of a seed before its certificate is computed.
pub fn draft(seed: u64, size: u64) -> Program {
    Writer::new(seed).program(size)
}

/// Returns inputs for a program.
pub fn inputs(program: &Verified, seed: u64) -> Vec<Vec<u64>> {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let ports = program.program().ports.iter().filter(|port| !port.is_output);
    let lanes = ports.map(|port| (0..port.kind.lanes).map(|_| chance.lane(port.kind.width.largest())).collect());
    lanes.collect()
}
