//! Which values share a register or a buffer.
//!
//! The program is laid out as a line of positions. A value lives from its definition to its last use, or to the end of the
//! loop around that use if it was there before the loop. Of two arms only one is run, so a value that ends in the second
//! does not live through the first. What a loop carries stays in one place where it can, so that an
//! array that is changed in a loop is changed where it is.

use super::code::{pair_of, single_of};
use crate::layout::{Layout, at};
use crate::operation::Operation;
use crate::program::{Function, Instruction};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Where a value of a function is, before functions have a place themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// A number that never changes.
    Fixed(u64),
    /// A register of the function.
    Register(usize),
    /// The index of the function's loop of this number, in the order in which they are met.
    Index(usize),
    /// A buffer of the function among those of one size.
    Buffer { lanes: u32, number: usize },
}

/// The seats of a function.
pub(super) struct Seats {
    pub(super) of: Vec<Seat>,
    /// Registers that the function's values need.
    pub(super) registers: usize,
    /// Buffers that they need, by size.
    pub(super) buffers: BTreeMap<u32, usize>,
    /// How many loops it has.
    pub(super) loops: usize,
}

/// A loop that is being walked.
struct Around {
    start: u32,
    /// Values from outside that are used in it.
    used: Vec<u32>,
}

/// A second arm that is being walked, or was.
struct Arm {
    start: u32,
    end: u32,
    /// Values from outside that it uses, and where each was used last before.
    used: Vec<(u32, u32)>,
}

struct Lives<'a> {
    function: &'a Function,
    layout: &'a Layout,
    now: u32,
    loops: Vec<Around>,
    arms: Vec<Arm>,
    left_arms: Vec<Arm>,
    start: Vec<u32>,
    end: Vec<u32>,
    /// What a loop writes at its end, beside the definition.
    again: Vec<Option<u32>>,
    /// Pairs that must share, then pairs that would save a copy.
    forced: Vec<(u32, u32)>,
    wished: Vec<(u32, u32)>,
    /// Of each loop, its index if it has one.
    indices: Vec<Option<u32>>,
}

impl<'a> Lives<'a> {
    fn of(function: &'a Function, layout: &'a Layout) -> Self {
        let count = layout.kinds.len();
        let mut lives = Self {
            function,
            layout,
            now: 0,
            loops: Vec::new(),
            arms: Vec::new(),
            left_arms: Vec::new(),
            start: vec![0; count],
            end: vec![0; count],
            again: vec![None; count],
            forced: Vec::new(),
            wished: Vec::new(),
            indices: Vec::new(),
        };
        lives.block(0);
        lives
    }

    fn define(&mut self, first: u32, count: usize) {
        for number in at(first)..at(first) + count {
            self.start[number] = self.now;
            self.end[number] = self.now + 1;
        }
    }

    fn read(&mut self, numbers: &[u32]) {
        for number in numbers {
            let start = self.start[at(*number)];
            let end = self.end[at(*number)];
            for arm in self.arms.iter_mut().filter(|arm| start < arm.start && end <= arm.start) {
                arm.used.push((*number, end));
            }
            self.end[at(*number)] = self.end[at(*number)].max(self.now);
            let outermost = self.loops.partition_point(|around| around.start < start);
            if let Some(around) = self.loops.get_mut(outermost) {
                around.used.push(*number);
            }
        }
    }

    /// Walks a block and returns what it gives.
    fn block(&mut self, index: u32) -> &'a [u32] {
        let block = &self.function.blocks[at(index)];
        self.now += 1;
        self.define(self.layout.parameters[at(index)], block.parameters.len());
        for (offset, instruction) in block.instructions.iter().enumerate() {
            self.now += 1;
            self.read(&instruction.operands);
            let first = self.layout.results[at(index)][offset];
            self.inner(instruction, first);
            self.define(first, instruction.results.len());
            if instruction.results.len() == 1 && instruction.results[0].lanes > 1 {
                self.vector(instruction, first);
            }
        }
        self.now += 1;
        self.read(&block.results);
        &block.results
    }

    /// A vector is written while operands are read, so it shares with none but the first, and with that one only where
    /// lane by lane is enough.
    fn vector(&mut self, instruction: &Instruction, first: u32) {
        let is_in_place = self.is_in_place(instruction);
        for operand in instruction.operands.iter().skip(usize::from(is_in_place)) {
            self.end[at(*operand)] = self.end[at(*operand)].max(self.now + 1);
        }
        if is_in_place {
            self.wished.push((first, instruction.operands[0]));
        }
    }

    /// Whether the result may be written over the first operand, lane by lane.
    fn is_in_place(&self, instruction: &Instruction) -> bool {
        let Some((first, rest)) = instruction.operands.split_first() else { return false };
        let from = self.layout.kind(*first);
        let to = instruction.results[0];
        let operation = &instruction.operation;
        let is_fit = matches!(operation, Operation::Set | Operation::OWrite)
            || pair_of(operation, from.width).is_some()
            || single_of(operation, from.width, to.width).is_some();
        is_fit && from.lanes == to.lanes && !rest.contains(first)
    }

    fn inner(&mut self, instruction: &Instruction, first: u32) {
        let count = u32::try_from(instruction.results.len()).expect("results are counted in 32 bits");
        match instruction.operation {
            Operation::If { then, otherwise } => {
                let given = self.block(then);
                self.wished.extend((first..).zip(given.iter().copied()));
                self.arms.push(Arm { start: self.now, end: 0, used: Vec::new() });
                let given = self.block(otherwise);
                self.wished.extend((first..).zip(given.iter().copied()));
                let arm = self.arms.pop().expect("it was pushed above");
                self.left_arms.push(Arm { end: self.now, ..arm });
                self.now += 1;
            }
            Operation::Repeat { body, .. } | Operation::Loop { body, .. } => {
                let carried = self.layout.parameters[at(body)] + 1;
                self.indices.push(Some(carried - 1));
                let skipped = usize::from(matches!(instruction.operation, Operation::Loop { .. }));
                self.around(&instruction.operands[skipped..], &[body], carried, count);
                self.forced.extend((first..first + count).zip(carried..));
            }
            Operation::While { test, body, .. } => {
                let carried = self.layout.parameters[at(test)];
                self.indices.push(None);
                self.around(&instruction.operands, &[test, body], carried, count);
                self.forced.extend((first..first + count).zip(carried..));
                self.forced.extend((carried..carried + count).zip(self.layout.parameters[at(body)]..));
            }
            _ => {}
        }
    }

    /// Walks a loop whose last block gives what is carried.
    fn around(&mut self, initial: &[u32], blocks: &[u32], carried: u32, count: u32) {
        self.loops.push(Around { start: self.now, used: Vec::new() });
        self.wished.extend((carried..).zip(initial.iter().copied()));
        for (place, block) in blocks.iter().enumerate() {
            let given = self.block(*block);
            if place + 1 == blocks.len() {
                self.wished.extend((carried..).zip(given.iter().copied()));
            } else {
                // The body begins with what the test began with.
                let next = self.now + 1;
                (carried..carried + count).for_each(|number| self.end[at(number)] = self.end[at(number)].max(next));
            }
        }
        (carried..carried + count).for_each(|number| self.again[at(number)] = Some(self.now));
        let around = self.loops.pop().expect("it was pushed above");
        for number in around.used {
            self.end[at(number)] = self.end[at(number)].max(self.now + 1);
        }
        self.now += 1;
    }
}

impl Lives<'_> {
    /// Where each value lives: from its definition to its end, but for the arms that it skips, and where a loop writes it.
    fn stretches(&self) -> Vec<Vec<(u32, u32)>> {
        let mut gaps: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.start.len()];
        for arm in &self.left_arms {
            for (number, last) in &arm.used {
                // Whoever lives on behind both arms lives through both.
                if self.end[at(*number)] <= arm.end {
                    gaps[at(*number)].push((*last, arm.start));
                }
            }
        }
        let stretch = |(number, mut gaps): (usize, Vec<(u32, u32)>)| {
            gaps.sort_unstable();
            let mut all = Vec::new();
            let mut start = self.start[number];
            for (from, to) in gaps {
                if start < from {
                    all.push((start, from));
                }
                start = start.max(to);
            }
            all.push((start, self.end[number]));
            all.extend(self.again[number].map(|end| (end, end + 1)));
            all
        };
        gaps.into_iter().enumerate().map(stretch).collect()
    }
}

/// Values that share, and the stretches of the line in which one of them lives.
struct Groups {
    parent: Vec<u32>,
    lives: Vec<Vec<(u32, u32)>>,
}

impl Groups {
    fn root(&mut self, mut number: u32) -> u32 {
        while self.parent[at(number)] != number {
            self.parent[at(number)] = self.parent[at(self.parent[at(number)])];
            number = self.parent[at(number)];
        }
        number
    }

    fn join(&mut self, a: u32, b: u32, is_forced: bool) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b || (!is_forced && overlap(&self.lives[at(a)], &self.lives[at(b)])) {
            return;
        }
        let moved = std::mem::take(&mut self.lives[at(b)]);
        let kept = &mut self.lives[at(a)];
        kept.extend(moved);
        kept.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(kept.len());
        for (start, end) in kept.drain(..) {
            match merged.last_mut() {
                Some(last) if last.1 >= start => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        *kept = merged;
        self.parent[at(b)] = a;
    }
}

/// Whether two ordered lists of stretches have a position in common.
fn overlap(a: &[(u32, u32)], b: &[(u32, u32)]) -> bool {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    few.iter().any(|(start, end)| {
        let next = many.partition_point(|(_, other_end)| other_end <= start);
        many.get(next).is_some_and(|(other_start, _)| other_start < end)
    })
}

/// Gives every value of a function a seat.
pub(super) fn seats(function: &Function, layout: &Layout) -> Seats {
    let lives = Lives::of(function, layout);
    let mut settled = settled(function, layout);
    for (number, index) in lives.indices.iter().enumerate() {
        if let Some(index) = index {
            settled[at(*index)] = Some(Seat::Index(number));
        }
    }
    let loops = lives.indices.len();
    let count = u32::try_from(layout.kinds.len()).expect("values are counted in 32 bits");
    let mut groups = Groups { parent: (0..count).collect(), lives: lives.stretches() };
    lives.forced.iter().for_each(|(a, b)| groups.join(*a, *b, true));
    for (a, b) in lives.wished {
        let is_alike = layout.kind(a).lanes == layout.kind(b).lanes;
        if is_alike && settled[at(a)].is_none() && settled[at(b)].is_none() {
            groups.join(a, b, false);
        }
    }
    Seats { loops, ..allot(layout, &settled, &mut groups) }
}

/// The numbers that are the same in every run.
fn settled(function: &Function, layout: &Layout) -> Vec<Option<Seat>> {
    let mut settled = vec![None; layout.kinds.len()];
    for (block, results) in function.blocks.iter().zip(&layout.results) {
        for (instruction, first) in block.instructions.iter().zip(results) {
            if let Operation::Int { value } = instruction.operation
                && instruction.results[0].lanes == 1
            {
                settled[at(*first)] = Some(Seat::Fixed(value));
            }
        }
    }
    settled
}

fn allot(layout: &Layout, settled: &[Option<Seat>], groups: &mut Groups) -> Seats {
    let count = u32::try_from(layout.kinds.len()).expect("values are counted in 32 bits");
    let roots = (0..count).filter(|number| groups.parent[at(*number)] == *number && settled[at(*number)].is_none());
    let hull = |groups: &Groups, number: u32| {
        let lives = &groups.lives[at(number)];
        (lives.first().map_or(0, |life| life.0), lives.last().map_or(0, |life| life.1))
    };
    let mut order: Vec<(u32, u32, u32)> =
        roots.map(|root| (hull(groups, root).0, hull(groups, root).1, root)).collect();
    order.sort_unstable();
    let mut busy: BinaryHeap<Reverse<(u32, u32, usize)>> = BinaryHeap::new();
    let mut free: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    let mut seat = vec![0_usize; layout.kinds.len()];
    for (start, end, root) in order {
        while let Some(Reverse((busy_end, lanes, number))) = busy.peek().copied()
            && busy_end <= start
        {
            busy.pop();
            free.entry(lanes).or_default().push(number);
        }
        let lanes = layout.kind(root).lanes;
        let number = free.get_mut(&lanes).and_then(Vec::pop).unwrap_or_else(|| {
            let size = sizes.entry(lanes).or_default();
            *size += 1;
            *size - 1
        });
        seat[at(root)] = number;
        // A vector's last use may still read it while the result of that use is written.
        busy.push(Reverse((if lanes > 1 { end + 1 } else { end }, lanes, number)));
    }
    let registers = sizes.remove(&1).unwrap_or(0);
    let of = (0..count).map(|value| match settled[at(value)] {
        Some(seat) => seat,
        None => {
            let number = seat[at(groups.root(value))];
            match layout.kind(value).lanes {
                1 => Seat::Register(number),
                lanes => Seat::Buffer { lanes, number },
            }
        }
    });
    Seats { of: of.collect(), registers, buffers: sizes, loops: 0 }
}
