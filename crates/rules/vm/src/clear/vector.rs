//! Instructions on vectors, and the rare ones.

use super::code::{Action, Code, Home, Lanes, REGISTERS, Wide, fold_pair, index, pair_of, place, single_of};
use super::lane;
use crate::direct::is_declared;
use crate::engine::{Cause, World};
use crate::kind::Width;
use crate::operation::Operation;
use std::mem::take;

/// What these instructions reach outside registers and buffers.
pub(super) struct Outside<'a> {
    pub(super) world: &'a mut dyn World,
    pub(super) inputs: Vec<&'a [u64]>,
    pub(super) outputs: Vec<Vec<u64>>,
    /// One lane, for results that go to a register.
    pub(super) single: Vec<u64>,
    pub(super) order: Vec<usize>,
}

/// Where operands are read.
struct Values<'a> {
    registers: &'a [u64; REGISTERS],
    buffers: &'a [Vec<u64>],
}

impl Values<'_> {
    fn of(&self, lanes: &Lanes) -> &[u64] {
        match lanes.home {
            Home::Register(register) => std::slice::from_ref(&self.registers[usize::from(register)]),
            Home::Buffer(buffer) => &self.buffers[index(buffer)],
        }
    }
}

impl Outside<'_> {
    pub(super) fn run(
        &mut self,
        code: &Code,
        wide: &Wide,
        registers: &mut [u64; REGISTERS],
        buffers: &mut [Vec<u64>],
    ) -> Result<(), Cause> {
        let operation = match wide.operation {
            Action::Operation(operation) => operation,
            Action::Swap => {
                if let (Home::Buffer(a), Home::Buffer(b)) = (wide.operands[0].home, wide.operands[1].home) {
                    buffers.swap(index(a), index(b));
                }
                return Ok(());
            }
            Action::Copy => Operation::Concat,
        };
        match wide.results.as_slice() {
            [result] if !gives_columns(&operation) => {
                let mut out = match result.home {
                    Home::Buffer(buffer) => take(&mut buffers[index(buffer)]),
                    Home::Register(_) => take(&mut self.single),
                };
                let values = Values { registers, buffers };
                let done = self.one(code, &operation, wide, &values, &mut out);
                match result.home {
                    Home::Buffer(buffer) => buffers[index(buffer)] = out,
                    Home::Register(register) => {
                        registers[usize::from(register)] = out[0];
                        self.single = out;
                    }
                }
                done
            }
            results => {
                let given = self.several(&operation, wide, &Values { registers, buffers })?;
                for (result, lanes) in results.iter().zip(given) {
                    match result.home {
                        Home::Buffer(buffer) => buffers[index(buffer)].copy_from_slice(&lanes),
                        Home::Register(register) => registers[usize::from(register)] = lanes[0],
                    }
                }
                Ok(())
            }
        }
    }

    /// What gives one result. It is written where it belongs, which may be where the first operand was.
    fn one(
        &mut self,
        code: &Code,
        operation: &Operation,
        wide: &Wide,
        values: &Values<'_>,
        out: &mut [u64],
    ) -> Result<(), Cause> {
        use Operation as O;
        let target = wide.results[0].home;
        let is_shared = |first: &Lanes| first.home == target && matches!(target, Home::Buffer(_));
        let is_in_place = wide.operands.first().is_some_and(is_shared);
        let first = wide.operands.first().filter(|_| !is_in_place).map(|lanes| values.of(lanes));
        let from = wide.operands.first().map_or(wide.results[0].width, |lanes| lanes.width);
        let to = wide.results[0].width;
        if let Some((pair, s, t)) = pair_of(operation, from) {
            pair.all(s, t, first, values.of(&wide.operands[1]), out);
            return Ok(());
        }
        if let Some((single, s, t)) = single_of(operation, from, to) {
            single.all(s, t, first, out);
            return Ok(());
        }
        match *operation {
            O::Int { value } => out.fill(value),
            O::Const { constant } => out.copy_from_slice(&code.constants[index(constant)]),
            O::Input { port } => out.copy_from_slice(self.inputs[index(port)]),
            O::Rand => out.iter_mut().for_each(|lane| *lane = drawn(to, self.world.random())),
            O::Select => select(values, wide, out),
            O::Gather | O::Get | O::Set | O::ORead | O::OWrite => {
                let operand = |at: usize| wide.operands.get(at).map_or(&[][..], |lanes| values.of(lanes));
                return memory(operation, [operand(0), operand(1), operand(2)], is_in_place, out);
            }
            O::Concat => {
                let mut rest = out;
                for lanes in &wide.operands {
                    let (head, tail) = rest.split_at_mut(lanes.count);
                    head.copy_from_slice(values.of(lanes));
                    rest = tail;
                }
            }
            O::Dot => matmul(from, values.of(&wide.operands[0]), values.of(&wide.operands[1]), 1, out),
            O::MatMul { rows, .. } => {
                matmul(from, values.of(&wide.operands[0]), values.of(&wide.operands[1]), index(rows), out);
            }
            O::Lut { constant } => {
                let table = &code.constants[index(constant)];
                let from = first.unwrap_or(&[]);
                out.iter_mut().zip(from).for_each(|(out, at)| *out = table[place(*at)]);
            }
            _ => moved(operation, from, to, values.of(&wide.operands[0]), out),
        }
        Ok(())
    }

    /// What gives none or several.
    fn several(&mut self, operation: &Operation, wide: &Wide, values: &Values<'_>) -> Result<Vec<Vec<u64>>, Cause> {
        let operands: Vec<&[u64]> = wide.operands.iter().map(|lanes| values.of(lanes)).collect();
        match *operation {
            Operation::Output { port } => {
                self.outputs[index(port)].extend_from_slice(operands[0]);
                Ok(Vec::new())
            }
            Operation::Check { code } => {
                if operands[0].contains(&0) {
                    Err(Cause::Check(code))
                } else {
                    Ok(Vec::new())
                }
            }
            Operation::Host { host } => {
                let given = self.world.call(host, &operands).ok_or(Cause::Host(host))?;
                let kinds = wide.results.iter().map(|lanes| crate::Type {
                    width: lanes.width,
                    lanes: u32::try_from(lanes.count).unwrap_or(0),
                    label: crate::Label::Public,
                });
                let kinds: Vec<_> = kinds.collect();
                if is_declared(&given, &kinds) { Ok(given) } else { Err(Cause::Host(host)) }
            }
            Operation::Shuffle => {
                let mut columns: Vec<Vec<u64>> = operands.iter().map(|lanes| lanes.to_vec()).collect();
                for last in (1..columns[0].len()).rev() {
                    let many = u64::try_from(last + 1).expect("lanes fit 32 bits");
                    let other = place(self.world.random() % many);
                    columns.iter_mut().for_each(|column| column.swap(last, other));
                }
                Ok(columns)
            }
            _ => Ok(self.ordered(operation, wide.operands[0].width, &operands)),
        }
    }

    fn ordered(&mut self, operation: &Operation, width: Width, operands: &[&[u64]]) -> Vec<Vec<u64>> {
        let is_signed = matches!(operation, Operation::Sorts | Operation::ArgMaxs);
        // Flipping the top bit makes unsigned order of signed order.
        let flip = if is_signed { 1_u64 << (width.bits() - 1) } else { 0 };
        let key = |lane: u64| lane ^ flip;
        let keys = operands[0];
        if matches!(operation, Operation::ArgMax | Operation::ArgMaxs) {
            let larger = |best: usize, at: usize| if key(keys[at]) > key(keys[best]) { at } else { best };
            let best = (1..keys.len()).fold(0, larger);
            return vec![vec![keys[best]], vec![u64::try_from(best).expect("lanes fit 32 bits")]];
        }
        self.order.clear();
        self.order.extend(0..keys.len());
        self.order.sort_by_key(|at| key(keys[*at]));
        operands.iter().map(|column| self.order.iter().map(|at| column[*at]).collect()).collect()
    }
}

/// Whether an operation gives as many columns as it takes, or what the host says.
const fn gives_columns(operation: &Operation) -> bool {
    matches!(operation, Operation::Host { .. } | Operation::Shuffle | Operation::Sort | Operation::Sorts)
}

/// Brings 64 random bits into a width.
fn drawn(width: Width, bits: u64) -> u64 {
    match width {
        Width::Int(wide) => lane::low(64 - wide, bits),
        Width::Field => lane::to_field(0, 0, bits),
    }
}

fn select(values: &Values<'_>, wide: &Wide, out: &mut [u64]) {
    let [flags, yes, no] = [0, 1, 2].map(|at: usize| values.of(&wide.operands[at]));
    for (((out, flag), yes), no) in out.iter_mut().zip(flags).zip(yes).zip(no) {
        *out = if *flag == 0 { *no } else { *yes };
    }
}

fn memory(operation: &Operation, operands: [&[u64]; 3], is_in_place: bool, out: &mut [u64]) -> Result<(), Cause> {
    let [array, indices, part] = operands;
    let first = place(indices[0]);
    match operation {
        Operation::Gather => {
            for (out, at) in out.iter_mut().zip(indices) {
                *out = *array.get(place(*at)).ok_or(Cause::Index)?;
            }
        }
        Operation::Get => {
            let end = first.checked_add(out.len()).ok_or(Cause::Index)?;
            out.copy_from_slice(array.get(first..end).ok_or(Cause::Index)?);
        }
        Operation::ORead => out[0] = array.get(first).copied().unwrap_or(0),
        _ => {
            if !is_in_place {
                out.copy_from_slice(array);
            }
            let end = first.checked_add(part.len());
            match end.and_then(|end| out.get_mut(first..end)) {
                Some(lanes) => lanes.copy_from_slice(part),
                None if *operation == Operation::OWrite => {}
                None => return Err(Cause::Index),
            }
        }
    }
    Ok(())
}

/// The product of matrices by rows: each row of the result is a sum of rows, which the processor can add in vectors.
fn matmul(width: Width, a: &[u64], b: &[u64], rows: usize, out: &mut [u64]) {
    let (inner, columns) = (a.len() / rows, out.len() / rows);
    for (sums, factors) in out.chunks_exact_mut(columns).zip(a.chunks_exact(inner)) {
        sums.fill(0);
        for (factor, terms) in factors.iter().zip(b.chunks_exact(columns)) {
            match width {
                Width::Int(_) => {
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        *sum = sum.wrapping_add(factor.wrapping_mul(*term));
                    }
                }
                Width::Field => {
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        *sum = lane::field_add(0, 0, *sum, lane::field_mul(0, 0, *factor, *term));
                    }
                }
            }
        }
    }
    let s = 64 - width.bits();
    out.iter_mut().for_each(|sum| *sum = lane::low(s, *sum));
}

/// What takes lanes to other places.
fn moved(operation: &Operation, from: Width, to: Width, lanes: &[u64], out: &mut [u64]) {
    match *operation {
        Operation::Splat => out.fill(lanes[0]),
        Operation::Slice { start, step } => {
            let lanes = lanes.iter().skip(index(start)).step_by(index(step));
            out.iter_mut().zip(lanes).for_each(|(out, lane)| *out = *lane);
        }
        Operation::Bits => {
            for (bits, lane) in out.chunks_exact_mut(usize::from(from.bits())).zip(lanes) {
                bits.iter_mut().zip(0_u32..).for_each(|(bit, at)| *bit = lane >> at & 1);
            }
        }
        Operation::Word => {
            for (out, bits) in out.iter_mut().zip(lanes.chunks_exact(usize::from(to.bits()))) {
                *out = bits.iter().rev().fold(0, |word, bit| word << 1 | bit);
            }
        }
        Operation::Reduce { fold } => {
            let pair = fold_pair(fold, from);
            let group = lanes.len() / out.len();
            for (out, lanes) in out.iter_mut().zip(lanes.chunks_exact(group)) {
                *out = pair.fold(64 - from.bits(), lanes);
            }
        }
        Operation::Scan { fold } => {
            let pair = fold_pair(fold, from);
            let mut sum = lanes[0];
            out[0] = sum;
            for (out, lane) in out[1..].iter_mut().zip(&lanes[1..]) {
                pair.all(64 - from.bits(), 0, None, std::slice::from_ref(lane), std::slice::from_mut(&mut sum));
                *out = sum;
            }
        }
        _ => unreachable!("every operation has an arm here or before"),
    }
}
