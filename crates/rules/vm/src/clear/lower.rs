//! From a verified program to the form that runs.

use super::allot::{Seat, Seats, seats};
use super::code::{Action, Code, Home, Lanes, Op, REGISTERS, Single, Wide, pair_of, single_of};
use super::moves::{Step, steps};
use crate::cost;
use crate::engine::{Cause, Stop};
use crate::kind::Width;
use crate::layout::{Layout, at};
use crate::operation::Operation;
use crate::program::{Function, Instruction, Program};
use crate::rule::Place;
use crate::verify::Verified;
use std::collections::BTreeMap;

/// Registers of a loop beside its values: the index, how often, and what a turn costs.
const LOOP_REGISTERS: usize = 3;

/// Where a function's values begin.
#[derive(Clone, Default)]
struct Base {
    registers: usize,
    buffers: BTreeMap<u32, usize>,
}

/// The whole program on its way.
pub(super) struct Lowering<'a> {
    program: &'a Program,
    layouts: Vec<Layout>,
    /// How often each value of each function is used.
    uses: Vec<Vec<u32>>,
    code: Code,
    /// Where each function begins, once it is written.
    begins: Vec<u32>,
    /// Calls that wait for that.
    calls: Vec<(usize, u32)>,
    links: Vec<u16>,
    /// The next register that is free for good, and the numbers that have one.
    next_register: usize,
    fixed: BTreeMap<u64, u16>,
    /// The next loop's registers, by function.
    loops: Vec<usize>,
    function: usize,
    place: Place,
    is_marked: bool,
}

type Lowered<T> = Result<T, Cause>;

/// Writes a program in the form that runs.
pub(super) fn lower(program: &Verified) -> Result<Code, Stop> {
    let mut lowering = Lowering::new(program.program()).map_err(|cause| Stop { cause, place: Place::default() })?;
    for function in 0..program.program().functions.len() {
        lowering.function(function).map_err(|cause| Stop { cause, place: lowering.place })?;
    }
    Ok(lowering.finish())
}

impl<'a> Lowering<'a> {
    fn new(program: &'a Program) -> Lowered<Self> {
        let layouts: Vec<Layout> = program.functions.iter().map(Layout::of).collect();
        let all: Vec<Seats> = program.functions.iter().zip(&layouts).map(|(f, layout)| seats(f, layout)).collect();
        let bases = bases(program, &all);
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        let mut registers = 0;
        for (base, seats) in bases.iter().zip(&all) {
            registers = registers.max(base.registers + own_registers(seats));
            for (lanes, count) in &seats.buffers {
                let most = sizes.entry(*lanes).or_default();
                *most = (base.buffers.get(lanes).copied().unwrap_or(0) + count).max(*most);
            }
        }
        let mut first_of: BTreeMap<u32, usize> = BTreeMap::new();
        let mut code =
            Code { constants: program.constants.iter().map(|c| c.lanes.clone()).collect(), ..Code::default() };
        for (lanes, count) in &sizes {
            first_of.insert(*lanes, code.buffers.len());
            code.buffers.extend(std::iter::repeat_n(at(*lanes), *count));
        }
        let links = bases.iter().map(|base| register(base.registers)).collect::<Lowered<_>>()?;
        let loops: Vec<usize> =
            bases.iter().zip(&all).map(|(base, seats)| base.registers + 1 + seats.registers).collect();
        let mut lowering = Self {
            program,
            uses: program.functions.iter().zip(&layouts).map(|(f, layout)| uses(f, layout)).collect(),
            layouts,
            code,
            begins: Vec::new(),
            calls: Vec::new(),
            links,
            next_register: registers,
            fixed: BTreeMap::new(),
            loops,
            function: 0,
            place: Place::default(),
            is_marked: true,
        };
        for (index, (base, seats)) in bases.iter().zip(&all).enumerate() {
            let loops = lowering.loops[index];
            let homes = seats.of.iter().map(|seat| lowering.home(*seat, base, loops, &first_of));
            let homes = homes.collect::<Lowered<_>>()?;
            lowering.code.homes.push(homes);
        }
        Ok(lowering)
    }

    fn home(&mut self, seat: Seat, base: &Base, loops: usize, first_of: &BTreeMap<u32, usize>) -> Lowered<Home> {
        Ok(match seat {
            Seat::Fixed(number) => Home::Register(self.fixed(number)?),
            Seat::Register(number) => Home::Register(register(base.registers + 1 + number)?),
            Seat::Index(number) => Home::Register(register(loops + number * LOOP_REGISTERS)?),
            Seat::Buffer { lanes, number } => {
                let own = base.buffers.get(&lanes).copied().unwrap_or(0) + number;
                Home::Buffer(short(first_of.get(&lanes).copied().unwrap_or(0) + own)?)
            }
        })
    }

    /// A register that holds a number for the whole run.
    fn fixed(&mut self, number: u64) -> Lowered<u16> {
        if let Some(register) = self.fixed.get(&number) {
            return Ok(*register);
        }
        let free = register(self.next_register)?;
        self.next_register += 1;
        self.fixed.insert(number, free);
        self.code.fixed.push((free, number));
        Ok(free)
    }

    fn finish(mut self) -> Code {
        for (at, function) in self.calls {
            if let Op::Call { to, .. } = &mut self.code.ops[at] {
                *to = self.begins[usize::try_from(function).unwrap_or(0)];
            }
        }
        self.code
    }

    fn emit(&mut self, op: Op) -> usize {
        self.code.ops.push(op);
        self.code.places.push(self.place);
        self.code.marks.push((!self.is_marked).then_some(self.place));
        self.is_marked = true;
        self.code.ops.len() - 1
    }

    fn here(&self) -> Lowered<u32> {
        short(self.code.ops.len())
    }

    /// Lets a jump that was written before lead here.
    fn land(&mut self, jump: usize) -> Lowered<()> {
        let here = self.here()?;
        match &mut self.code.ops[jump] {
            Op::Jump { to }
            | Op::Unless { to, .. }
            | Op::UnlessLess { to, .. }
            | Op::UnlessLesser { to, .. }
            | Op::UnlessEqual { to, .. }
            | Op::Enter { to, .. } => *to = here,
            _ => {}
        }
        Ok(())
    }

    fn definition(&self) -> &'a Function {
        &self.program.functions[self.function]
    }

    fn value(&self, number: u32) -> Home {
        self.code.homes[self.function][at(number)]
    }

    fn values(&self, numbers: &[u32]) -> Vec<Home> {
        numbers.iter().map(|number| self.value(*number)).collect()
    }

    fn lanes(&self, number: u32) -> Lanes {
        let kind = self.layouts[self.function].kind(number);
        Lanes { home: self.value(number), count: at(kind.lanes), width: kind.width }
    }

    fn function(&mut self, index: usize) -> Lowered<()> {
        self.function = index;
        self.place = Place { function: short(index)?, block: 0, instruction: 0 };
        let begin = self.here()?;
        self.begins.push(begin);
        self.charged(0)?;
        self.emit(if index == 0 { Op::End } else { Op::Return { link: self.links[index] } });
        Ok(())
    }

    /// What a block's own instructions cost.
    fn charge(&self, block: u32) -> u64 {
        let layout = &self.layouts[self.function];
        let fuel = |one: &Instruction| cost::fuel_of(self.program, &one.operation, &layout.operands(one), &one.results);
        self.definition().blocks[at(block)].instructions.iter().map(fuel).sum()
    }

    /// A block that pays when it is entered.
    fn charged(&mut self, block: u32) -> Lowered<&'a [u32]> {
        let outer = self.place;
        self.place = Place { block, instruction: 0, ..outer };
        let charge = short(self.code.charges.len())?;
        self.code.charges.push(self.charge(block));
        self.emit(Op::Charge { charge });
        self.place = outer;
        self.block(block)
    }

    /// A block's instructions; returns what it gives.
    fn block(&mut self, block: u32) -> Lowered<&'a [u32]> {
        let definition = &self.definition().blocks[at(block)];
        let outer = self.place;
        for (offset, instruction) in (0_u32..).zip(&definition.instructions) {
            self.place = Place { block, instruction: offset, ..outer };
            self.is_marked = false;
            let first = self.layouts[self.function].results[at(block)][at(offset)];
            self.instruction(instruction, first)?;
        }
        self.place = outer;
        Ok(&definition.results)
    }

    fn instruction(&mut self, one: &'a Instruction, first: u32) -> Lowered<()> {
        let results: Vec<u32> = (first..).take(one.results.len()).collect();
        let here = self.place;
        match one.operation {
            Operation::Call { function } => self.call(function, one, &results),
            Operation::If { then, otherwise } => self.branch(one, [then, otherwise], &results),
            Operation::Repeat { body, count } => {
                let count = self.fixed(count)?;
                self.counted(body, count, &one.operands)
            }
            Operation::Loop { body, bound } => {
                let Home::Register(a) = self.value(one.operands[0]) else { return Ok(()) };
                let most = self.fixed(bound)?;
                self.emit(Op::Bound { a, most });
                self.counted(body, a, &one.operands[1..])
            }
            Operation::While { test, body, bound } => self.repeated([test, body], bound, &one.operands),
            _ => {
                self.plain(one, &results);
                Ok(())
            }
        }?;
        self.place = here;
        Ok(())
    }

    /// An instruction without blocks.
    fn plain(&mut self, one: &Instruction, results: &[u32]) {
        if let Some(op) = self.quick(one, results) {
            // A number that never changes is in its register already.
            if let Some(op) = op {
                self.emit(op);
            }
            return;
        }
        let operands = one.operands.iter().map(|number| self.lanes(*number)).collect();
        let results = results.iter().map(|number| self.lanes(*number)).collect();
        self.wide(Wide { operation: Action::Operation(one.operation), operands, results });
    }

    fn wide(&mut self, wide: Wide) {
        let at = u32::try_from(self.code.wides.len()).unwrap_or(u32::MAX);
        self.code.wides.push(wide);
        self.emit(Op::Wide { wide: at });
    }

    /// The quick form of an instruction, if it has one: on registers, or between a register and a buffer.
    fn quick(&self, one: &Instruction, results: &[u32]) -> Option<Option<Op>> {
        let homes = self.values(&one.operands);
        let result = results.first().map(|number| self.value(*number));
        let width = |number: u32| self.layouts[self.function].kind(number).width;
        Some(Some(match (one.operation, homes.as_slice(), result) {
            (Operation::Int { .. }, [], Some(Home::Register(_))) => return Some(None),
            (Operation::Select, [Home::Register(c), Home::Register(a), Home::Register(b)], Some(Home::Register(d))) => {
                Op::Select { d, c: *c, a: *a, b: *b }
            }
            (Operation::Get, [Home::Buffer(array), Home::Register(i)], Some(Home::Register(d))) => {
                Op::Get { d, i: *i, array: *array }
            }
            (Operation::Set, [Home::Buffer(array), Home::Register(i), Home::Register(a)], Some(Home::Buffer(d)))
                if *array == d =>
            {
                Op::Set { i: *i, a: *a, array: d }
            }
            (Operation::Check { code }, [Home::Register(a)], None) => Op::Check { a: *a, code },
            (operation, [Home::Register(a), Home::Register(b)], Some(Home::Register(d))) => {
                let (pair, s, t) = pair_of(&operation, width(one.operands[0]))?;
                pair.op(s, t, d, *a, *b)
            }
            (operation, [Home::Register(a)], Some(Home::Register(d))) => {
                let (single, s, t) = single_of(&operation, width(one.operands[0]), one.results[0].width)?;
                single.op(s, t, d, *a)
            }
            _ => return None,
        }))
    }

    /// Copies values to where others are expected, all at once.
    fn copy(&mut self, to: &[Lanes], from: &[Home]) {
        let pairs = to.iter().map(|lanes| lanes.home).zip(from.iter().copied()).collect();
        for step in steps(pairs) {
            let lanes = |home| Lanes { home, count: count_of(to, home), width: Width::Int(64) };
            match step {
                Step::Move(Home::Register(d), Home::Register(a)) => {
                    self.emit(Single::Same.op(0, 0, d, a));
                }
                Step::Swap(Home::Register(a), Home::Register(b)) => {
                    self.emit(Op::Swap { a, b });
                }
                Step::Move(d, a) => {
                    let count = count_of(to, d);
                    let operands = vec![Lanes { home: a, count, width: Width::Int(64) }];
                    self.wide(Wide { operation: Action::Copy, operands, results: vec![lanes(d)] });
                }
                Step::Swap(a, b) => {
                    self.wide(Wide {
                        operation: Action::Swap,
                        operands: vec![lanes(a), lanes(b)],
                        results: Vec::new(),
                    });
                }
            }
        }
    }

    /// The values that begin at a number.
    fn targets(&self, first: u32, count: usize) -> Vec<Lanes> {
        (first..).take(count).map(|number| self.lanes(number)).collect()
    }

    fn call(&mut self, function: u32, one: &Instruction, results: &[u32]) -> Lowered<()> {
        let callee = at(function);
        let body = &self.program.functions[callee].blocks[0];
        let kinds = &self.layouts[callee].kinds;
        let homes = &self.code.homes[callee];
        let targets: Vec<Lanes> = (0..body.parameters.len())
            .map(|number| Lanes { home: homes[number], count: at(kinds[number].lanes), width: kinds[number].width })
            .collect();
        let given: Vec<Home> = body.results.iter().map(|number| homes[at(*number)]).collect();
        let operands = self.values(&one.operands);
        self.copy(&targets, &operands);
        let link = self.links[callee];
        let at = self.emit(Op::Call { link, to: 0 });
        self.calls.push((at, function));
        let targets: Vec<Lanes> = results.iter().map(|number| self.lanes(*number)).collect();
        self.copy(&targets, &given);
        Ok(())
    }

    fn branch(&mut self, one: &Instruction, [then, otherwise]: [u32; 2], results: &[u32]) -> Lowered<()> {
        let targets: Vec<Lanes> = results.iter().map(|number| self.lanes(*number)).collect();
        let before = self.before(self.place.block, self.place.instruction);
        let skip = self.unless(one.operands[0], before)?;
        let given = self.charged(then)?;
        let given = self.values(given);
        self.copy(&targets, &given);
        let leave = self.emit(Op::Jump { to: 0 });
        self.land(skip)?;
        let given = self.charged(otherwise)?;
        let given = self.values(given);
        self.copy(&targets, &given);
        self.land(leave)
    }

    /// A loop whose number of turns is in a register.
    fn counted(&mut self, body: u32, count: u16, initial: &[u32]) -> Lowered<()> {
        let c = register(self.loops[self.function])?;
        self.loops[self.function] += LOOP_REGISTERS;
        let (most, price) = (c.wrapping_add(1), c.wrapping_add(2));
        let first = self.layouts[self.function].parameters[at(body)];
        let targets = self.targets(first + 1, initial.len());
        let initial = self.values(initial);
        self.copy(&targets, &initial);
        let charge = self.charge(body);
        let charge = self.fixed(charge)?;
        self.emit(Single::Same.op(0, 0, most, count));
        self.emit(Single::Same.op(0, 0, price, charge));
        let outer = self.place;
        let entered = Place { block: body, instruction: 0, ..outer };
        self.place = entered;
        let enter = self.emit(Op::Enter { c, charge: price, to: 0 });
        let top = self.here()?;
        self.place = outer;
        let given = self.block(body)?;
        let given = self.values(given);
        self.copy(&targets, &given);
        self.place = entered;
        self.emit(Op::Next { c, to: top });
        self.place = outer;
        self.land(enter)
    }

    /// Leaves if a flag is zero. A comparison just before, for this alone, is done by the jump itself.
    fn unless(&mut self, flag: u32, before: Option<(&Instruction, u32)>) -> Lowered<usize> {
        let Home::Register(c) = self.value(flag) else { return Err(Cause::Registers) };
        let is_own = before.is_some_and(|(_, first)| first == flag) && self.uses[self.function][at(flag)] == 1;
        let fused = match self.code.ops.last() {
            Some(Op::Lt { a, b, .. }) => Op::UnlessLess { a: *a, b: *b, to: 0 },
            Some(Op::Lts { s, a, b, .. }) => Op::UnlessLesser { s: *s, a: *a, b: *b, to: 0 },
            Some(Op::Eq { a, b, .. }) => Op::UnlessEqual { a: *a, b: *b, to: 0 },
            _ => return Ok(self.emit(Op::Unless { c, to: 0 })),
        };
        let is_compare =
            before.is_some_and(|(one, _)| matches!(one.operation, Operation::Lt | Operation::Lts | Operation::Eq));
        if !is_own || !is_compare {
            return Ok(self.emit(Op::Unless { c, to: 0 }));
        }
        let last = self.code.ops.len() - 1;
        self.code.ops[last] = fused;
        Ok(last)
    }

    /// The instruction before one of a block, and the number of its result.
    fn before(&self, block: u32, offset: u32) -> Option<(&'a Instruction, u32)> {
        let offset = at(offset.checked_sub(1)?);
        let one = self.definition().blocks[at(block)].instructions.get(offset)?;
        Some((one, self.layouts[self.function].results[at(block)][offset]))
    }

    fn repeated(&mut self, [test, body]: [u32; 2], bound: u64, initial: &[u32]) -> Lowered<()> {
        let c = register(self.loops[self.function])?;
        self.loops[self.function] += LOOP_REGISTERS;
        let most = self.fixed(bound)?;
        let zero = self.fixed(0)?;
        let first = self.layouts[self.function].parameters[at(test)];
        let targets = self.targets(first, initial.len());
        let initial = self.values(initial);
        self.copy(&targets, &initial);
        self.emit(Single::Same.op(0, 0, c, zero));
        let top = self.here()?;
        let flag = self.charged(test)?;
        let end = short(self.definition().blocks[at(test)].instructions.len())?;
        let leave = self.unless(flag[0], self.before(test, end))?;
        self.emit(Op::Count { c, most });
        let given = self.charged(body)?;
        let given = self.values(given);
        self.copy(&targets, &given);
        self.emit(Op::Jump { to: top });
        self.land(leave)
    }
}

/// How many lanes the value at a home has.
fn count_of(values: &[Lanes], home: Home) -> usize {
    values.iter().find(|lanes| lanes.home == home).map_or(1, |lanes| lanes.count)
}

fn register(number: usize) -> Lowered<u16> {
    u16::try_from(number).ok().filter(|_| number < REGISTERS).ok_or(Cause::Registers)
}

fn short(number: usize) -> Lowered<u32> {
    u32::try_from(number).map_err(|_| Cause::Memory)
}

/// Registers of a function: where it returns to, its values, its loops.
fn own_registers(seats: &Seats) -> usize {
    1 + seats.registers + seats.loops * LOOP_REGISTERS
}

fn uses(function: &Function, layout: &Layout) -> Vec<u32> {
    let mut uses = vec![0_u32; layout.kinds.len()];
    for block in &function.blocks {
        let operands = block.instructions.iter().flat_map(|one| &one.operands);
        operands.chain(&block.results).for_each(|number| uses[at(*number)] += 1);
    }
    uses
}

/// A function begins behind all that may be waiting for it to return. No function calls itself, so each has one place.
fn bases(program: &Program, all: &[Seats]) -> Vec<Base> {
    let mut bases = vec![Base::default(); program.functions.len()];
    for (index, function) in program.functions.iter().enumerate() {
        let mut end = bases[index].clone();
        end.registers += own_registers(&all[index]);
        for (lanes, count) in &all[index].buffers {
            *end.buffers.entry(*lanes).or_default() += count;
        }
        for one in function.blocks.iter().flat_map(|block| &block.instructions) {
            let Operation::Call { function: callee } = one.operation else { continue };
            let base = &mut bases[at(callee)];
            base.registers = base.registers.max(end.registers);
            for (lanes, count) in &end.buffers {
                let most = base.buffers.entry(*lanes).or_default();
                *most = (*most).max(*count);
            }
        }
    }
    bases
}
