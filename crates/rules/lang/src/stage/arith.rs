//! Arithmetic on known values, and the instructions for the others. Both mean the same: what `vm` says.

use super::{Stage, Staged};
use crate::ast::{Binary, Unary};
use crate::ir::Id;
use crate::scalar::{FRACTION_BITS, INT64, Scalar, fix_of};
use crate::source::Span;
use crate::stage::value::Value;
use vm::{Operation, Type, Width};

/// How many bits a fixed-point operation drops, as an instruction carries it.
pub(super) const FRACTION: u8 = 16;

/// Returns the width of a scalar's lanes.
pub(super) fn width(scalar: Scalar) -> Width {
    match scalar {
        Scalar::Bool => Width::BIT,
        Scalar::Int { bits, .. } => Width::Int(u8::try_from(bits).unwrap_or(64)),
        Scalar::Fix => Width::Int(64),
        Scalar::Field => Width::Field,
    }
}

/// Returns a known value as it lies in a lane.
pub(super) fn lane(scalar: Scalar, value: i128) -> u64 {
    let modulus = match scalar {
        Scalar::Field => return u64::try_from(scalar.wrap(value)).unwrap_or(0),
        other => 1i128 << other.bits(),
    };
    u64::try_from(value.rem_euclid(modulus)).unwrap_or(0)
}

/// Tells whether order and division look at a sign.
pub(super) fn is_signed(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::Int { signed: true, .. } | Scalar::Fix)
}

/// Computes on known values. Nothing if the operator is none of this scalar.
pub(super) fn known(operator: Binary, scalar: Scalar, a: i128, b: i128) -> Option<i128> {
    let ones = || if is_signed(scalar) { -1 } else { scalar.range().1 };
    let raw = match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply if scalar == Scalar::Fix => (a * b) >> FRACTION_BITS,
        Binary::Multiply if scalar == Scalar::Field => return Some(field_product(a, b)),
        Binary::Multiply => a.wrapping_mul(b),
        Binary::Divide if b == 0 => ones(),
        Binary::Divide if scalar == Scalar::Fix => {
            (a << FRACTION_BITS).div_euclid(b) - i128::from(b < 0 && (a << FRACTION_BITS) % b != 0)
        }
        Binary::Divide => a / b,
        Binary::Remainder | Binary::Modulo if b == 0 => a,
        Binary::Remainder => a % b,
        Binary::Modulo => {
            let rest = a % b;
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::ShiftLeft => shift_left(scalar, a, b),
        Binary::ShiftRight => shift_right(scalar, a, b),
        _ => return None,
    };
    Some(scalar.wrap(raw))
}

/// Both are below 2^64, their product may not fit a signed number of 128 bits.
fn field_product(a: i128, b: i128) -> i128 {
    let product = a.unsigned_abs().wrapping_mul(b.unsigned_abs()) % crate::scalar::FIELD;
    i128::try_from(product).unwrap_or(0)
}

fn amount(scalar: Scalar, by: i128) -> Option<u32> {
    u32::try_from(by).ok().filter(|by| *by < scalar.bits())
}

fn shift_left(scalar: Scalar, a: i128, by: i128) -> i128 {
    amount(scalar, by).map_or(0, |by| scalar.wrap(a) << by)
}

fn shift_right(scalar: Scalar, a: i128, by: i128) -> i128 {
    match amount(scalar, by) {
        Some(by) => a >> by,
        None if a < 0 => -1,
        None => 0,
    }
}

pub(super) fn compare(operator: Binary, a: i128, b: i128) -> bool {
    match operator {
        Binary::Equal => a == b,
        Binary::NotEqual => a != b,
        Binary::Less => a < b,
        Binary::LessEqual => a <= b,
        Binary::Greater => a > b,
        _ => a >= b,
    }
}

impl Stage<'_> {
    /// Returns the scalar and the value's place; known values become constants.
    pub(super) fn run_of(&mut self, value: &Value, wanted: Scalar, span: Span) -> Staged<Id> {
        match value {
            Value::Run(_, id) => Ok(*id),
            Value::Known(scalar, known) => Ok(self.constant(*scalar, *known)),
            Value::Number(number) => {
                let raw = if wanted == Scalar::Fix { number << FRACTION_BITS } else { *number };
                Ok(self.constant(wanted, raw))
            }
            other => Err(self.stop("type", span, format!("a single value is wanted here, not {}", other.kind()))),
        }
    }

    /// Computes `left operator right` on single values.
    pub(super) fn binary(&mut self, operator: Binary, left: &Value, right: &Value, span: Span) -> Staged<Value> {
        if let (Value::Number(a), Value::Number(b)) = (left, right) {
            return self.numbers(operator, *a, *b, span);
        }
        let (a, b) = self.operands(operator, left, right, span)?;
        if operator == Binary::Modulo {
            return self.modulo(&a, &b, span);
        }
        let scalar = self.scalar_of(&a, span)?;
        if let (Value::Known(_, x), Value::Known(other, y)) = (&a, &b) {
            if operator.is_comparison() {
                return Ok(Value::truth(compare(operator, *x, *y)));
            }
            let mixed = scalar == Scalar::Fix && other.is_int();
            let result = if mixed { Some(scalar.wrap(x * y)) } else { known(operator, scalar, *x, *y) };
            if scalar == Scalar::Field && operator == Binary::Divide {
                return Ok(Value::Known(scalar, crate::stage::field::divide(*x, *y)));
            }
            return result
                .map(|value| Value::Known(scalar, value))
                .ok_or_else(|| self.stop("type", span, format!("`{}` is not defined on {scalar}", operator.sign())));
        }
        if let Some(value) = self.trivial(operator, scalar, &a, &b) {
            return Ok(value);
        }
        if let Some(value) = self.below_zero(operator, scalar, &a, &b, span) {
            return Ok(value);
        }
        let (x, y) = (self.run_of(&a, scalar, span)?, self.run_of(&b, scalar, span)?);
        if operator.is_comparison() {
            return self.run_comparison(operator, scalar, x, y, span);
        }
        let fixed = scalar == Scalar::Fix && self.scalar_of(&b, span)? == Scalar::Fix;
        let operation = self.operation(operator, scalar, fixed, (&b, y), span)?;
        let unary = matches!(operation, Operation::Shl { .. } | Operation::Shr { .. } | Operation::Sar { .. });
        let operands = if unary { vec![x] } else { vec![x, y] };
        let id = self.like(operation, &operands, span);
        Ok(Value::Run(scalar, id))
    }

    /// Computes on numbers that have no width yet.
    fn numbers(&mut self, operator: Binary, a: i128, b: i128, span: Span) -> Staged<Value> {
        if operator.is_comparison() {
            return Ok(Value::truth(compare(operator, a, b)));
        }
        let value = known(operator, INT64, INT64.wrap(a), INT64.wrap(b));
        let value = value.ok_or_else(|| self.stop("type", span, "this is not defined on numbers"))?;
        Ok(Value::Number(value))
    }

    /// Gives both operands one scalar, as the checker allows it. A whole number beside a fixed-point one that it
    /// multiplies keeps its own, and comes second.
    fn operands(&mut self, operator: Binary, left: &Value, right: &Value, span: Span) -> Staged<(Value, Value)> {
        let (mut a, mut b) = (left.clone(), right.clone());
        if let Value::Number(_) = a {
            let scalar = self.scalar_of(&b, span)?;
            a = self.settle(&a, if scalar == Scalar::Bool { INT64 } else { scalar }, span)?;
        }
        if let Value::Number(_) = b {
            let scalar = self.scalar_of(&a, span)?;
            b = self.settle(&b, if scalar == Scalar::Bool { INT64 } else { scalar }, span)?;
        }
        let (x, y) = (self.scalar_of(&a, span)?, self.scalar_of(&b, span)?);
        if x == y {
            return Ok((a, b));
        }
        match (operator, x, y) {
            (Binary::Multiply, Scalar::Fix, Scalar::Int { .. }) => Ok((a, self.convert(&b, INT64, span)?)),
            (Binary::Multiply, Scalar::Int { .. }, Scalar::Fix) => Ok((b, self.convert(&a, INT64, span)?)),
            (Binary::ShiftLeft | Binary::ShiftRight, _, _) => {
                let known = matches!(b, Value::Known(..));
                Ok((a, if known { b } else { self.convert(&b, x, span)? }))
            }
            // What remains comes from shares, whose widths nobody wrote, and from comparisons of two widths.
            _ => {
                let wide = if rank(x) >= rank(y) { x } else { y };
                Ok((self.convert(&a, wide, span)?, self.convert(&b, wide, span)?))
            }
        }
    }

    /// Returns the result where one operand alone decides it.
    fn trivial(&mut self, operator: Binary, scalar: Scalar, a: &Value, b: &Value) -> Option<Value> {
        let is = |value: &Value, wanted: i128| matches!(value, Value::Known(_, known) if *known == wanted);
        if !self.optimise {
            return None;
        }
        let one = if scalar == Scalar::Fix { 1 << FRACTION_BITS } else { 1 };
        match operator {
            Binary::Add | Binary::Or | Binary::Xor if is(a, 0) => Some(b.clone()),
            Binary::Add | Binary::Subtract | Binary::Or | Binary::Xor | Binary::ShiftLeft | Binary::ShiftRight
                if is(b, 0) =>
            {
                Some(a.clone())
            }
            Binary::Multiply if is(b, one) && self.same_scalar(a, b) => Some(a.clone()),
            Binary::Multiply if is(a, one) && self.same_scalar(a, b) => Some(b.clone()),
            Binary::Multiply | Binary::And if is(a, 0) || is(b, 0) => Some(Value::Known(scalar, 0)),
            Binary::And if scalar == Scalar::Bool && is(a, 1) => Some(b.clone()),
            Binary::And if scalar == Scalar::Bool && is(b, 1) => Some(a.clone()),
            Binary::Or if scalar == Scalar::Bool && (is(a, 1) || is(b, 1)) => Some(Value::truth(true)),
            _ => None,
        }
    }

    fn same_scalar(&self, a: &Value, b: &Value) -> bool {
        let scalar = |value: &Value| match value {
            Value::Known(scalar, _) | Value::Run(scalar, _) => Some(*scalar),
            _ => None,
        };
        scalar(a) == scalar(b)
    }

    fn operation(
        &mut self,
        operator: Binary,
        scalar: Scalar,
        fixed: bool,
        (by, _): (&Value, Id),
        span: Span,
    ) -> Staged<Operation> {
        let signed = is_signed(scalar);
        let shift = match by {
            Value::Known(_, by) => amount(scalar, *by).and_then(|by| u8::try_from(by).ok()),
            _ => None,
        };
        Ok(match operator {
            Binary::Add => Operation::Add,
            Binary::Subtract => Operation::Sub,
            Binary::Multiply if fixed => Operation::MulFix { fraction: FRACTION },
            Binary::Multiply => Operation::Mul,
            Binary::Divide if scalar == Scalar::Fix => Operation::DivFix { fraction: FRACTION },
            Binary::Divide if signed => Operation::Divs,
            Binary::Divide => Operation::Div,
            Binary::Remainder if signed => Operation::Rems,
            Binary::Remainder => Operation::Rem,
            Binary::And => Operation::And,
            Binary::Or => Operation::Or,
            Binary::Xor => Operation::Xor,
            Binary::ShiftLeft => shift.map_or(Operation::Shlv, |amount| Operation::Shl { amount }),
            Binary::ShiftRight if signed => shift.map_or(Operation::Sarv, |amount| Operation::Sar { amount }),
            Binary::ShiftRight => shift.map_or(Operation::Shrv, |amount| Operation::Shr { amount }),
            _ => return Err(self.stop("type", span, format!("`{}` is not defined on {scalar}", operator.sign()))),
        })
    }

    /// The remainder with the divisor's sign: the remainder, plus the divisor where the signs differ.
    fn modulo(&mut self, a: &Value, b: &Value, span: Span) -> Staged<Value> {
        let scalar = self.scalar_of(a, span)?;
        if let (Value::Known(_, x), Value::Known(_, y)) = (a, b) {
            return Ok(Value::Known(scalar, known(Binary::Modulo, scalar, *x, *y).unwrap_or(0)));
        }
        let rest = self.binary(Binary::Remainder, a, b, span)?;
        if !is_signed(scalar) {
            return Ok(rest);
        }
        let zero = Value::Known(scalar, 0);
        let below = self.binary(Binary::Less, &rest, &zero, span)?;
        let divisor = self.binary(Binary::Less, b, &zero, span)?;
        let differ = self.binary(Binary::Xor, &below, &divisor, span)?;
        let some = self.binary(Binary::NotEqual, &rest, &zero, span)?;
        let some_divisor = self.binary(Binary::NotEqual, b, &zero, span)?;
        let differ = self.binary(Binary::And, &differ, &some, span)?;
        let differ = self.binary(Binary::And, &differ, &some_divisor, span)?;
        let moved = self.binary(Binary::Add, &rest, b, span)?;
        self.select(&differ, &moved, &rest, span)
    }

    /// Whether a number is negative, which is its highest bit: half as much work among parties as any other comparison
    /// with something known.
    fn below_zero(&mut self, operator: Binary, scalar: Scalar, a: &Value, b: &Value, span: Span) -> Option<Value> {
        let (id, negate) = match (operator, a, b) {
            (Binary::Less, Value::Run(_, id), Value::Known(_, 0)) => (*id, false),
            (Binary::GreaterEqual, Value::Run(_, id), Value::Known(_, 0)) => (*id, true),
            (Binary::Greater, Value::Known(_, 0), Value::Run(_, id)) => (*id, false),
            (Binary::LessEqual, Value::Known(_, 0), Value::Run(_, id)) => (*id, true),
            _ => return None,
        };
        if !self.optimise || !is_signed(scalar) {
            return None;
        }
        let label = self.join_labels(&[id]);
        let bit = Type { width: Width::BIT, lanes: self.graph.ty(id).lanes, label };
        let mut sign = self.emit(Operation::Sign, &[id], bit, span);
        if negate {
            sign = self.like(Operation::Not, &[sign], span);
        }
        Some(Value::Run(Scalar::Bool, sign))
    }

    fn run_comparison(&mut self, operator: Binary, scalar: Scalar, x: Id, y: Id, span: Span) -> Staged<Value> {
        let less = if is_signed(scalar) { Operation::Lts } else { Operation::Lt };
        let (operation, operands, negate) = match operator {
            Binary::Equal => (Operation::Eq, [x, y], false),
            Binary::NotEqual => (Operation::Eq, [x, y], true),
            Binary::Less => (less, [x, y], false),
            Binary::Greater => (less, [y, x], false),
            Binary::LessEqual => (less, [y, x], true),
            _ => (less, [x, y], true),
        };
        let label = self.join_labels(&operands);
        let bit = Type { width: Width::BIT, lanes: self.graph.ty(x).lanes, label };
        let mut id = self.emit(operation, &operands, bit, span);
        if negate {
            id = self.like(Operation::Not, &[id], span);
        }
        Ok(Value::Run(Scalar::Bool, id))
    }

    pub(super) fn unary(&mut self, operator: Unary, value: &Value, span: Span) -> Staged<Value> {
        match (operator, value) {
            (Unary::Negate, Value::Number(number)) => Ok(Value::Number(INT64.wrap(-*number))),
            (Unary::Not, Value::Number(number)) => Ok(Value::Number(!*number)),
            (Unary::Negate, Value::Known(scalar, known)) => Ok(Value::Known(*scalar, scalar.wrap(-*known))),
            (Unary::Not, Value::Known(scalar, known)) => Ok(Value::Known(*scalar, scalar.wrap(!*known))),
            (_, Value::Run(scalar, id)) => {
                let operation = if operator == Unary::Not { Operation::Not } else { Operation::Neg };
                let id = self.like(operation, &[*id], span);
                Ok(Value::Run(*scalar, id))
            }
            _ => Err(self.stop("type", span, format!("this operator does not take {}", value.kind()))),
        }
    }

    /// Returns the first where the condition holds, otherwise the second. Both have one shape.
    pub(super) fn select(&mut self, condition: &Value, yes: &Value, no: &Value, span: Span) -> Staged<Value> {
        let condition = match condition {
            Value::Known(_, truth) => return Ok(if *truth == 0 { no.clone() } else { yes.clone() }),
            Value::Run(Scalar::Bool, id) => *id,
            other => return Err(self.stop("type", span, format!("a condition is a bool, not {}", other.kind()))),
        };
        let (yes, no) = self.operands(Binary::Equal, yes, no, span)?;
        let scalar = self.scalar_of(&yes, span)?;
        if let (Value::Known(_, a), Value::Known(_, b)) = (&yes, &no) {
            if a == b {
                return Ok(yes);
            }
            if scalar == Scalar::Bool && self.optimise {
                let id = if *a == 1 { condition } else { self.like(Operation::Not, &[condition], span) };
                return Ok(Value::Run(scalar, id));
            }
        }
        let (yes, no) = (self.run_of(&yes, scalar, span)?, self.run_of(&no, scalar, span)?);
        if yes == no {
            return Ok(Value::Run(scalar, yes));
        }
        let id = self.select_lanes(condition, yes, no, span);
        Ok(Value::Run(scalar, id))
    }

    /// Selects whole vectors by one bit.
    pub(super) fn select_lanes(&mut self, condition: Id, yes: Id, no: Id, span: Span) -> Id {
        let ty = self.graph.ty(yes);
        let mut condition = condition;
        if ty.lanes > 1 && self.graph.ty(condition).lanes == 1 {
            let bits = self.graph.ty(condition).with_lanes(ty.lanes);
            condition = self.emit(Operation::Splat, &[condition], bits, span);
        }
        let label = self.join_labels(&[condition, yes, no]);
        self.emit(Operation::Select, &[condition, yes, no], ty.with_label(label), span)
    }

    /// Gives a number without a width one.
    pub(super) fn settle(&mut self, value: &Value, scalar: Scalar, span: Span) -> Staged<Value> {
        let Value::Number(number) = value else { return Ok(value.clone()) };
        let raw = if scalar == Scalar::Fix { number << FRACTION_BITS } else { *number };
        let raw = if scalar == Scalar::Field { scalar.wrap(raw) } else { raw };
        if !scalar.holds(raw) || scalar == Scalar::Bool {
            return Err(self.stop("type", span, format!("{number} is no {scalar}")));
        }
        Ok(Value::Known(scalar, raw))
    }

    /// Converts to another scalar as `int32(x)` does: modulo the width, `fix64` to its whole part rounded down.
    pub(super) fn convert(&mut self, value: &Value, to: Scalar, span: Span) -> Staged<Value> {
        let value = match value {
            Value::Number(number) if to == Scalar::Bool => return Ok(Value::truth(number & 1 == 1)),
            Value::Number(number) if to.holds(*number) => return self.settle(value, to, span),
            Value::Number(number) => Value::Known(INT64, INT64.wrap(*number)),
            other => other.clone(),
        };
        let from = self.scalar_of(&value, span)?;
        if from == to {
            return Ok(value);
        }
        match value {
            Value::Known(_, known) => Ok(Value::Known(to, convert_known(known, from, to))),
            _ => {
                let id = self.run_of(&value, from, span)?;
                let id = self.convert_run(id, from, to, span);
                Ok(Value::Run(to, id))
            }
        }
    }

    fn convert_run(&mut self, id: Id, from: Scalar, to: Scalar, span: Span) -> Id {
        let ty = self.graph.ty(id);
        match (from, to) {
            (Scalar::Fix, _) => {
                let whole = self.emit(Operation::Sar { amount: FRACTION }, &[id], ty, span);
                self.convert_run(whole, INT64, to, span)
            }
            (_, Scalar::Fix) => {
                let whole = self.convert_run(id, from, INT64, span);
                self.emit(Operation::Shl { amount: FRACTION }, &[whole], ty.with_width(Width::Int(64)), span)
            }
            (Scalar::Field, Scalar::Field) => id,
            (_, Scalar::Field) if is_signed(from) => {
                // A negative number is the prime minus its magnitude, as in the known case.
                let wide = self.convert_run(id, from, INT64, span);
                let negative = self.emit(Operation::Sign, &[wide], self.graph.ty(wide).with_width(Width::BIT), span);
                let minus = self.like(Operation::Neg, &[wide], span);
                let field = ty.with_width(Width::Field);
                let (plus, minus) = (
                    self.emit(Operation::ToField, &[wide], field, span),
                    self.emit(Operation::ToField, &[minus], field, span),
                );
                let minus = self.like(Operation::Neg, &[minus], span);
                self.select_lanes(negative, minus, plus, span)
            }
            (_, Scalar::Field) => self.emit(Operation::ToField, &[id], ty.with_width(Width::Field), span),
            (Scalar::Field, _) => self.emit(Operation::FromField, &[id], ty.with_width(width(to)), span),
            _ => {
                let wanted = ty.with_width(width(to));
                let operation = match from.bits().cmp(&to.bits()) {
                    std::cmp::Ordering::Equal => return id,
                    std::cmp::Ordering::Greater => Operation::Narrow,
                    std::cmp::Ordering::Less if is_signed(from) => Operation::Sext,
                    std::cmp::Ordering::Less => Operation::Zext,
                };
                self.emit(operation, &[id], wanted, span)
            }
        }
    }
}

fn rank(scalar: Scalar) -> u32 {
    match scalar {
        Scalar::Field => 200,
        Scalar::Fix => 100,
        other => other.bits(),
    }
}

fn convert_known(value: i128, from: Scalar, to: Scalar) -> i128 {
    let value = if from == Scalar::Fix { value >> FRACTION_BITS } else { value };
    to.wrap(if to == Scalar::Fix { value << FRACTION_BITS } else { value })
}

/// Returns the raw value of a decimal number.
pub(super) fn decimal(digits: u128, behind: i32, negative: bool) -> Option<i128> {
    let raw = fix_of(digits, behind)?;
    let raw = if negative { -raw } else { raw };
    Scalar::Fix.holds(raw).then_some(raw)
}
