//! What each operation takes and gives: the types of one instruction, judged without the rest of the program.

use crate::kind::{Fold, Label, Type, Width};
use crate::operation::Operation;
use crate::program::Program;
use crate::rule::Rule;

/// Stops with a rule unless something holds.
macro_rules! ensure {
    ($holds:expr, $rule:ident) => {
        if !$holds {
            return Err(Rule::$rule);
        }
    };
}
pub(crate) use ensure;

/// What one instruction takes and gives.
struct Line<'a> {
    operands: &'a [Type],
    results: &'a [Type],
}

impl Line<'_> {
    fn takes<const N: usize>(&self) -> Result<[Type; N], Rule> {
        self.operands.try_into().map_err(|_| Rule::Operands)
    }

    /// The one result. Its label is that of everything the instruction takes.
    fn gives(&self) -> Result<Type, Rule> {
        let [result] = self.results.try_into().map_err(|_| Rule::Results)?;
        self.labels()?;
        Ok(result)
    }

    fn labels(&self) -> Result<(), Rule> {
        let label = self.operands.iter().fold(Label::Public, |label, kind| label.join(kind.label));
        for result in self.results {
            ensure!(result.label >= label, LabelLost);
            ensure!(result.label <= label, LabelFalse);
        }
        Ok(())
    }

    /// `(T, T, ...) -> T`.
    fn same<const N: usize>(&self) -> Result<Type, Rule> {
        let [first, ..] = &self.takes::<N>()?[..] else { return Err(Rule::Operands) };
        ensure!(self.operands.iter().all(|kind| shape(*kind) == shape(*first)), OperandType);
        let result = self.gives()?;
        ensure!(shape(result) == shape(*first), ResultType);
        Ok(result)
    }

    /// `(T, ...) -> T` of integers; returns how many bits they have.
    fn ints<const N: usize>(&self) -> Result<u8, Rule> {
        let kind = self.same::<N>()?;
        ensure!(kind.width.is_int(), OperandType);
        Ok(kind.width.bits())
    }
}

/// A type without its label.
fn shape(kind: Type) -> (Width, u32) {
    (kind.width, kind.lanes)
}

/// Checks an instruction that has neither blocks nor a callee nor a port.
pub(crate) fn check(program: &Program, operation: &Operation, operands: &[Type], results: &[Type]) -> Result<(), Rule> {
    use Operation as O;
    let line = Line { operands, results };
    match *operation {
        O::Int { .. } | O::Const { .. } | O::Rand => source(program, operation, &line),
        O::Add | O::Sub | O::Mul | O::Div => line.same::<2>().map(|_| ()),
        O::Neg => line.same::<1>().map(|_| ()),
        O::MulHi | O::MulHis | O::Rem | O::Divs | O::Rems | O::And | O::Or | O::Xor => line.ints::<2>().map(|_| ()),
        O::Shlv | O::Shrv | O::Sarv => line.ints::<2>().map(|_| ()),
        O::Not => line.ints::<1>().map(|_| ()),
        O::MulFix { fraction } | O::DivFix { fraction } => {
            let bits = line.ints::<2>()?;
            ensure!(fraction < bits, Immediate);
            Ok(())
        }
        O::Shl { amount } | O::Shr { amount } | O::Sar { amount } | O::Rotl { amount } => {
            let bits = line.ints::<1>()?;
            ensure!(amount < bits, Immediate);
            Ok(())
        }
        O::Dot | O::MatMul { .. } => products(operation, &line),
        O::Eq | O::Lt | O::Lts | O::Sign | O::Select | O::Lut { .. } => decision(program, operation, &line),
        O::Narrow | O::Zext | O::Sext | O::ToField | O::FromField | O::Bits | O::Word => conversion(operation, &line),
        O::Classify | O::Reveal { .. } | O::Shuffle => relabelling(program, operation, &line),
        O::Splat | O::Slice { .. } | O::Concat | O::Reduce { .. } | O::Scan { .. } => lanes(operation, &line),
        O::Gather | O::Get | O::Set | O::ORead | O::OWrite => memory(operation, &line),
        O::Sort | O::Sorts | O::ArgMax | O::ArgMaxs => wide(operation, &line),
        O::Check { .. } => {
            let [flags] = line.takes()?;
            ensure!(flags.width == Width::BIT, OperandType);
            ensure!(!flags.is_secret(), SecretCheck);
            ensure!(results.is_empty(), Results);
            Ok(())
        }
        O::Host { host } => {
            let host = index(&program.hosts, host)?;
            ensure!(operands.len() == host.parameters.len(), Operands);
            ensure!(operands.iter().all(|kind| !kind.is_secret()), SecretHost);
            ensure!(operands == host.parameters, OperandType);
            ensure!(results.len() == host.results.len(), Results);
            ensure!(results == host.results, ResultType);
            Ok(())
        }
        // These reach beyond their line: the verifier knows them itself.
        O::Call { .. } | O::If { .. } | O::Repeat { .. } | O::Loop { .. } | O::While { .. } => Err(Rule::Immediate),
        O::Input { .. } | O::Output { .. } => Err(Rule::Immediate),
    }
}

/// Returns the entry of a list that an instruction names.
pub(crate) fn index<T>(list: &[T], at: u32) -> Result<&T, Rule> {
    usize::try_from(at).ok().and_then(|at| list.get(at)).ok_or(Rule::Immediate)
}

fn source(program: &Program, operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    line.takes::<0>()?;
    let [result] = line.results.try_into().map_err(|_| Rule::Results)?;
    if *operation == Operation::Rand {
        ensure!(result.is_secret(), LabelLost);
        return Ok(());
    }
    ensure!(!result.is_secret(), LabelFalse);
    match *operation {
        Operation::Int { value } => ensure!(value <= result.width.largest(), Immediate),
        Operation::Const { constant } => ensure!(index(&program.constants, constant)?.kind == result, ResultType),
        _ => return Err(Rule::Immediate),
    }
    Ok(())
}

fn products(operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let [left, right] = line.takes()?;
    let result = line.gives()?;
    ensure!(left.width == right.width, OperandType);
    ensure!(left.width == result.width, ResultType);
    let Operation::MatMul { rows, inner, columns } = *operation else {
        ensure!(left.lanes == right.lanes, OperandType);
        ensure!(result.lanes == 1, ResultType);
        return Ok(());
    };
    ensure!(rows > 0 && inner > 0 && columns > 0, Immediate);
    ensure!(rows.checked_mul(inner) == Some(left.lanes), OperandType);
    ensure!(inner.checked_mul(columns) == Some(right.lanes), OperandType);
    ensure!(rows.checked_mul(columns) == Some(result.lanes), ResultType);
    Ok(())
}

fn decision(program: &Program, operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    match *operation {
        Operation::Select => {
            let [flag, yes, no] = line.takes()?;
            let result = line.gives()?;
            ensure!(flag.width == Width::BIT && flag.lanes == yes.lanes && shape(yes) == shape(no), OperandType);
            ensure!(shape(result) == shape(yes), ResultType);
        }
        Operation::Lut { constant } => {
            let [at] = line.takes()?;
            let result = line.gives()?;
            let table = index(&program.constants, constant)?.kind;
            ensure!(at.width.is_int() && at.width.bits() <= 16, OperandType);
            ensure!(table.lanes == 1 << at.width.bits(), Immediate);
            ensure!(shape(result) == (table.width, at.lanes), ResultType);
        }
        Operation::Sign => {
            let [of] = line.takes()?;
            let result = line.gives()?;
            ensure!(of.width.is_int(), OperandType);
            ensure!(shape(result) == (Width::BIT, of.lanes), ResultType);
        }
        _ => {
            let [left, right] = line.takes()?;
            let result = line.gives()?;
            ensure!(shape(left) == shape(right), OperandType);
            ensure!(*operation == Operation::Eq || left.width.is_int(), OperandType);
            ensure!(shape(result) == (Width::BIT, left.lanes), ResultType);
        }
    }
    Ok(())
}

fn conversion(operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let [from] = line.takes()?;
    let to = line.gives()?;
    let (is_from_int, is_to_int) = (from.width.is_int(), to.width.is_int());
    let (from_bits, to_bits) = (from.width.bits(), to.width.bits());
    let is_long = |many: Type, bits: u8, few: Type| few.lanes.checked_mul(u32::from(bits)) == Some(many.lanes);
    match operation {
        Operation::Narrow | Operation::Zext | Operation::Sext => {
            ensure!(is_from_int, OperandType);
            let is_narrow = *operation == Operation::Narrow;
            let fits = if is_narrow { to_bits <= from_bits } else { to_bits > from_bits };
            ensure!(is_to_int && fits && to.lanes == from.lanes, ResultType);
        }
        Operation::ToField => {
            ensure!(is_from_int, OperandType);
            ensure!(!is_to_int && to.lanes == from.lanes, ResultType);
        }
        Operation::FromField => {
            ensure!(!is_from_int, OperandType);
            ensure!(is_to_int && to.lanes == from.lanes, ResultType);
        }
        Operation::Bits => {
            ensure!(is_from_int, OperandType);
            ensure!(to.width == Width::BIT && is_long(to, from_bits, from), ResultType);
        }
        _ => {
            ensure!(from.width == Width::BIT, OperandType);
            ensure!(is_to_int && is_long(from, to_bits, to), ResultType);
        }
    }
    Ok(())
}

fn relabelling(program: &Program, operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let (operands, results) = (line.operands, line.results);
    ensure!(!operands.is_empty(), Operands);
    ensure!(operands.len() == results.len(), Results);
    let same_shapes = operands.iter().zip(results).all(|(from, to)| shape(*from) == shape(*to));
    ensure!(same_shapes, ResultType);
    let are = |kinds: &[Type], label| kinds.iter().all(|kind| kind.label == label);
    match *operation {
        Operation::Reveal { release } => {
            ensure!(operands.len() == 1, Operands);
            ensure!(index(&program.releases, release).is_ok(), Release);
            ensure!(are(operands, Label::Secret) && are(results, Label::Public), NotSecret);
        }
        Operation::Classify => {
            ensure!(operands.len() == 1, Operands);
            ensure!(are(operands, Label::Public) && are(results, Label::Secret), NotSecret);
        }
        _ => {
            ensure!(operands.iter().all(|kind| kind.lanes == operands[0].lanes), OperandType);
            ensure!(are(results, Label::Secret), LabelLost);
        }
    }
    Ok(())
}

fn lanes(operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let Some(from) = line.operands.first() else { return Err(Rule::Operands) };
    let to = line.gives()?;
    ensure!(to.width == from.width, ResultType);
    if *operation == Operation::Concat {
        ensure!(line.operands.iter().all(|kind| kind.width == from.width), OperandType);
        let sum = line.operands.iter().try_fold(0_u32, |sum, kind| sum.checked_add(kind.lanes));
        ensure!(sum == Some(to.lanes), ResultType);
        return Ok(());
    }
    line.takes::<1>()?;
    match *operation {
        Operation::Splat => ensure!(from.lanes == 1, OperandType),
        Operation::Slice { start, step } => {
            ensure!(step > 0, Immediate);
            let last = (to.lanes - 1).checked_mul(step).and_then(|last| last.checked_add(start));
            ensure!(last.is_some_and(|last| last < from.lanes), Immediate);
        }
        Operation::Reduce { fold } => {
            ensure!(from.width.is_int() || matches!(fold, Fold::Add | Fold::Mul), OperandType);
            ensure!(from.lanes % to.lanes == 0, ResultType);
        }
        Operation::Scan { fold } => {
            ensure!(from.width.is_int() || matches!(fold, Fold::Add | Fold::Mul), OperandType);
            ensure!(from.lanes == to.lanes, ResultType);
        }
        _ => return Err(Rule::Immediate),
    }
    Ok(())
}

fn memory(operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let is_write = matches!(operation, Operation::Set | Operation::OWrite);
    ensure!(line.operands.len() == if is_write { 3 } else { 2 }, Operands);
    let (array, at) = (line.operands[0], line.operands[1]);
    ensure!(at.width.is_int(), OperandType);
    let is_oblivious = matches!(operation, Operation::ORead | Operation::OWrite);
    ensure!(is_oblivious || !at.is_secret(), SecretIndex);
    ensure!(at.lanes == 1 || *operation == Operation::Gather, OperandType);
    let to = line.gives()?;
    ensure!(to.width == array.width, ResultType);
    let lanes = match operation {
        Operation::Gather => at.lanes,
        Operation::ORead => 1,
        Operation::Get => to.lanes,
        _ => array.lanes,
    };
    ensure!(to.lanes == lanes, ResultType);
    if is_write {
        let part = line.operands[2];
        ensure!(part.width == array.width && part.lanes <= array.lanes, OperandType);
        ensure!(part.lanes == 1 || *operation == Operation::Set, OperandType);
    } else if *operation == Operation::Get {
        ensure!(to.lanes <= array.lanes, ResultType);
    }
    Ok(())
}

fn wide(operation: &Operation, line: &Line<'_>) -> Result<(), Rule> {
    let Some(first) = line.operands.first() else { return Err(Rule::Operands) };
    ensure!(first.width.is_int(), OperandType);
    if matches!(operation, Operation::Sort | Operation::Sorts) {
        ensure!(line.operands.len() == line.results.len(), Results);
        line.labels()?;
        ensure!(line.operands.iter().all(|kind| kind.lanes == first.lanes), OperandType);
        let same = line.operands.iter().zip(line.results).all(|(from, to)| shape(*from) == shape(*to));
        ensure!(same, ResultType);
        return Ok(());
    }
    line.takes::<1>()?;
    let [value, at] = line.results.try_into().map_err(|_| Rule::Results)?;
    line.labels()?;
    let at: Type = at;
    ensure!(shape(value) == (first.width, 1) && at.lanes == 1 && at.width.is_int(), ResultType);
    ensure!(u64::from(first.lanes - 1) <= at.width.largest(), ResultType);
    Ok(())
}
