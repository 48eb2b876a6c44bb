//! Functions that the language brings along and that are instructions, or that work on lists while compiling.

use super::{Items, Stage, Staged, Value, arith};
use crate::ast::{Argument, Name};
use crate::scalar::{INT64, Scalar};
use crate::source::{Span, count, index};
use crate::types::Type;
use std::cell::RefCell;
use std::rc::Rc;
use vm::{Fold, Operation, Width};

/// The names of all functions that need no declaration.
pub(crate) const NAMES: &[&str] = &[
    "print", "reveal", "send", "len", "append", "push", "extend", "copy", "pop", "insert", "reverse", "sum", "dot",
    "matmul", "sort", "argmax", "argmin", "lookup", "store", "shuffle", "random", "range", "zeros", "select", "rotate",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "fix64", "bool", "field",
];

type List = Rc<RefCell<Items>>;

impl Stage<'_> {
    /// Calls a function of the language; nothing if there is none of this name.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Staged<Option<Value>> {
        let _ = hint;
        if let Some(scalar) = super::call::conversion(name) {
            let [argument] = arguments else {
                return Err(self.stop("type", span, format!("`{name}` converts one value")));
            };
            let value = self.eval(&argument.value, None)?;
            if let (Scalar::Bool, Value::Number(number) | Value::Known(_, number)) = (scalar, &value) {
                return Ok(Some(Value::truth(*number != 0)));
            }
            if scalar == Scalar::Bool {
                let zero = Value::Number(0);
                return self.binary(crate::ast::Binary::NotEqual, &value, &zero, span).map(Some);
            }
            return self.convert(&value, scalar, span).map(Some);
        }
        if !NAMES.contains(&name) {
            return Ok(None);
        }
        match name {
            "print" => return self.print(arguments, span).map(Some),
            "send" => return self.send(arguments, span).map(Some),
            _ => {}
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.eval(&argument.value, None)?);
        }
        self.builtin_values(name, &values, span)
    }

    fn builtin_values(&mut self, name: &str, values: &[Value], span: Span) -> Staged<Option<Value>> {
        match (name, values) {
            ("select", [condition, yes, no]) => self.select(condition, yes, no, span).map(Some),
            ("rotate", [value, Value::Number(by) | Value::Known(_, by)]) => self.rotate(value, *by, span).map(Some),
            ("reveal", [value]) => self.reveal(value, span).map(Some),
            ("zeros", [Value::Number(length) | Value::Known(_, length)]) => {
                let length = self.length_of(u64::try_from(*length).unwrap_or(0), span)?;
                Ok(Some(Value::list(vec![Value::Known(INT64, 0); index(length)])))
            }
            ("random", []) => self.share_call("random", &[], span),
            ("dot" | "matmul", _) => self.product(name, values, span),
            ("lookup" | "store" | "sum" | "sort" | "argmax" | "argmin" | "shuffle", _) => self.wide(name, values, span),
            (_, [Value::Text(_)]) if name == "len" => {
                let length = values[0].known_text().map(|text| text.chars().count());
                let length = length.and_then(|length| i128::try_from(length).ok());
                Ok(length.map(|length| Value::Known(INT64, length)))
            }
            (_, [Value::List(list), rest @ ..]) => self.list_call(&list.clone(), name, rest, span),
            _ => Ok(None),
        }
    }

    /// Calls `value.method(...)`.
    pub(super) fn method(
        &mut self,
        value: Value,
        place: Span,
        method: &Name,
        arguments: &[Argument],
        span: Span,
    ) -> Staged<Value> {
        if let Some(function) = self.program.functions.get(&method.text).cloned() {
            return self.call_function(&function, Some((value, place)), arguments, span);
        }
        let mut values = vec![value.clone()];
        for argument in arguments {
            values.push(self.eval(&argument.value, None)?);
        }
        if !matches!(value, Value::List(_))
            && let Some(found) = self.share_call(&method.text, &values, span)?
        {
            return Ok(found);
        }
        if let Some(found) = self.builtin_values(&method.text, &values, span)? {
            return Ok(found);
        }
        if let Some(function) = self.program.library.get(&method.text).cloned() {
            return self.call_function(&function, Some((value, place)), arguments, span);
        }
        Err(self.no_function(&method.text, method.span))
    }

    /// Turns a whole number's bits upwards; what leaves on top comes in below.
    fn rotate(&mut self, value: &Value, by: i128, span: Span) -> Staged<Value> {
        let scalar = self.scalar_of(value, span)?;
        let bits = i128::from(scalar.bits());
        let amount = u8::try_from(by).ok().filter(|amount| scalar.is_int() && i128::from(*amount) < bits);
        let Some(amount) = amount else {
            let message = format!("`rotate` turns whole numbers by less than their width, and not by {by}");
            return Err(self.stop("type", span, message));
        };
        Ok(match self.settle(value, scalar, span)? {
            Value::Known(_, known) => {
                let lane = i128::from(arith::lane(scalar, known));
                Value::Known(scalar, scalar.wrap(lane << amount | lane >> (bits - i128::from(amount))))
            }
            other => {
                let id = self.run_of(&other, scalar, span)?;
                Value::Run(scalar, if amount == 0 { id } else { self.like(Operation::Rotl { amount }, &[id], span) })
            }
        })
    }

    fn list_call(&mut self, list: &List, name: &str, rest: &[Value], span: Span) -> Staged<Option<Value>> {
        let length = list.borrow().len();
        match (name, rest) {
            ("len", []) => return Ok(i128::try_from(length).ok().map(|length| Value::Known(INT64, length))),
            ("append" | "push", [value]) => {
                let value = self.item_like(list, value, span)?;
                self.resize(list, span, |items| items.push(value))?;
            }
            ("extend", [Value::List(more)]) => {
                let more = self.items(&more.clone(), span)?;
                self.resize(list, span, |items| items.extend(more))?;
            }
            ("copy", []) => {
                let items = list.borrow().clone();
                return Ok(Some(Value::List(Rc::new(RefCell::new(items)))));
            }
            ("reverse", []) => self.resize(list, span, |items| items.reverse())?,
            ("insert", [Value::Number(at) | Value::Known(_, at), value]) => {
                let at = usize::try_from(*at).unwrap_or(length).min(length);
                let value = self.item_like(list, value, span)?;
                self.resize(list, span, |items| items.insert(at, value))?;
            }
            ("pop", []) if length > 0 => {
                let last = self.items(list, span)?.pop();
                self.resize(list, span, |items| {
                    items.pop();
                })?;
                return Ok(last);
            }
            ("pop", []) => return Err(self.stop("index", span, "the list is empty")),
            _ => return Ok(None),
        }
        Ok(Some(Value::None))
    }

    /// Gives a number the width of the items that are there.
    fn item_like(&mut self, list: &List, value: &Value, span: Span) -> Staged<Value> {
        let scalar = match &*list.borrow() {
            Items::Lanes(scalar, ..) => Some(*scalar),
            Items::Each(items) => match items.first() {
                Some(Value::Known(scalar, _) | Value::Run(scalar, _)) => Some(*scalar),
                _ => None,
            },
        };
        match (value, scalar) {
            (Value::Number(_), Some(scalar)) => self.settle(value, scalar, span),
            (Value::Number(_), None) => self.settle(value, INT64, span),
            _ => Ok(value.clone()),
        }
    }

    fn product(&mut self, name: &str, values: &[Value], span: Span) -> Staged<Option<Value>> {
        let [Value::List(a), Value::List(b)] = values else { return Ok(None) };
        if name == "matmul" {
            return self.matmul(&a.clone(), &b.clone(), span).map(Some);
        }
        let ((s, x), (t, y)) = (self.lanes_of(&a.clone(), span)?, self.lanes_of(&b.clone(), span)?);
        let (lanes, others) = (self.graph.ty(x).lanes, self.graph.ty(y).lanes);
        if lanes != others || s != t {
            return Err(self.stop("type", span, "`dot` takes two lists of one length and type"));
        }
        if s == Scalar::Fix {
            // Each product is rounded, as if it were written out.
            let products = self.like(Operation::MulFix { fraction: arith::FRACTION }, &[x, y], span);
            let ty = self.graph.ty(products).with_lanes(1);
            let id = self.emit(Operation::Reduce { fold: Fold::Add }, &[products], ty, span);
            return Ok(Some(Value::Run(s, id)));
        }
        let label = self.join_labels(&[x, y]);
        let ty = self.graph.ty(x).with_lanes(1).with_label(label);
        let id = self.emit(Operation::Dot, &[x, y], ty, span);
        Ok(Some(Value::Run(s, id)))
    }

    fn matmul(&mut self, a: &List, b: &List, span: Span) -> Staged<Value> {
        let ((s, x), inner) = self.matrix(a, span)?;
        let ((t, y), columns) = self.matrix(b, span)?;
        let (rows, inner_b) = (count(a.borrow().len()), count(b.borrow().len()));
        if s != t || inner != inner_b || s == Scalar::Fix {
            let stop =
                self.stop("type", span, format!("`matmul` cannot multiply {rows}x{inner} by {inner_b}x{columns}"));
            return Err(Box::new(stop.help("both hold whole numbers of one width, and the inner lengths agree")));
        }
        let label = self.join_labels(&[x, y]);
        let ty = self.graph.ty(x).with_lanes(rows * columns).with_label(label);
        let id = self.emit(Operation::MatMul { rows, inner, columns }, &[x, y], ty, span);
        let row = |at: u32, stage: &mut Self| {
            let slice = Operation::Slice { start: at * columns, step: 1 };
            Value::lanes(s, stage.emit(slice, &[id], ty.with_lanes(columns), span), columns)
        };
        Ok(Value::list((0..rows).map(|at| row(at, self)).collect()))
    }

    /// Returns all rows in the lanes of one value, and their length.
    fn matrix(&mut self, rows: &List, span: Span) -> Staged<((Scalar, crate::ir::Id), u32)> {
        let (mut all, mut wide) = (Vec::new(), None);
        for row in self.items(rows, span)? {
            let Value::List(row) = row else {
                return Err(self.stop("type", span, "a matrix is a list of rows"));
            };
            let length = row.borrow().len();
            if wide.is_some_and(|wide| wide != length) {
                return Err(self.stop("type", span, "all rows of a matrix have one length"));
            }
            wide = Some(length);
            all.extend(self.items(&row, span)?);
        }
        let lanes = self.lanes_of(&Rc::new(RefCell::new(Items::Each(all))), span)?;
        Ok((lanes, count(wide.unwrap_or(0))))
    }

    /// Instructions that work on whole lists.
    fn wide(&mut self, name: &str, values: &[Value], span: Span) -> Staged<Option<Value>> {
        let [Value::List(list), rest @ ..] = values else { return Ok(None) };
        let (scalar, id) = self.lanes_of(&list.clone(), span)?;
        let ty = self.graph.ty(id);
        let signed = arith::is_signed(scalar);
        Ok(Some(match (name, rest) {
            ("sum", []) if scalar == Scalar::Bool => {
                let wide = self.emit(Operation::Zext, &[id], ty.with_width(Width::Int(64)), span);
                let one = self.graph.ty(wide).with_lanes(1);
                Value::Run(INT64, self.emit(Operation::Reduce { fold: Fold::Add }, &[wide], one, span))
            }
            ("sum", []) => {
                Value::Run(scalar, self.emit(Operation::Reduce { fold: Fold::Add }, &[id], ty.with_lanes(1), span))
            }
            ("sort", []) if scalar != Scalar::Field => {
                let operation = if signed { Operation::Sorts } else { Operation::Sort };
                Value::lanes(scalar, self.emit(operation, &[id], ty, span), ty.lanes)
            }
            ("argmax" | "argmin", []) if scalar.is_int() || scalar == Scalar::Fix => {
                // The smallest is the largest of the complements, also of signed numbers.
                let id = if name == "argmin" { self.like(Operation::Not, &[id], span) } else { id };
                let operation = if signed { Operation::ArgMaxs } else { Operation::ArgMax };
                let index = ty.with_lanes(1).with_width(Width::Int(64));
                let results = vec![self.graph.fresh(ty.with_lanes(1)), self.graph.fresh(index)];
                self.node(crate::ir::Work::Do(operation), vec![id], results.clone(), span);
                Value::Run(INT64, results[1])
            }
            ("shuffle", []) => {
                let secret = ty.with_label(vm::Label::Secret);
                Value::lanes(scalar, self.emit(Operation::Shuffle, &[id], secret, span), ty.lanes)
            }
            ("lookup", [at]) => {
                let at = self.index_of(at, span)?;
                let label = self.join_labels(&[id, at]);
                Value::Run(scalar, self.emit(Operation::ORead, &[id, at], ty.with_lanes(1).with_label(label), span))
            }
            ("store", [at, value]) => {
                let at = self.index_of(at, span)?;
                let value = self.convert(value, scalar, span)?;
                let value = self.run_of(&value, scalar, span)?;
                let label = self.join_labels(&[id, at, value]);
                let (id, value) = (self.with_label(id, label, span), self.with_label(value, label, span));
                Value::lanes(
                    scalar,
                    self.emit(Operation::OWrite, &[id, at, value], ty.with_label(label), span),
                    ty.lanes,
                )
            }
            _ => return Ok(None),
        }))
    }

    /// An index is an unsigned number; a negative one is beyond every end.
    fn index_of(&mut self, at: &Value, span: Span) -> Staged<crate::ir::Id> {
        let at = self.convert(at, INT64, span)?;
        self.run_of(&at, INT64, span)
    }

    /// `send(client, name=value, ...)`: outputs that only this client reads.
    fn send(&mut self, arguments: &[Argument], span: Span) -> Staged<Value> {
        let Some((client, rest)) = arguments.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            let stop = self.stop("type", span, "`send` takes a client and what it gets");
            return Err(Box::new(stop.help("write `send(alice, price=value)`")));
        };
        let client = match &client.value.kind {
            crate::ast::ExprKind::Name(name) if self.program.objects.get(name).is_some_and(|object| object.client) => {
                name.clone()
            }
            _ => {
                let value = self.eval(&client.value, None)?;
                match &value {
                    Value::Number(number) | Value::Known(_, number) => number.to_string(),
                    other => other.known_text().ok_or_else(|| {
                        self.stop(
                            "unsupported",
                            client.value.span,
                            "which client gets this is not known when compiling",
                        )
                    })?,
                }
            }
        };
        for argument in rest {
            let name = argument.name.as_ref().map_or("output", |name| name.text.as_str()).to_string();
            let value = self.eval(&argument.value, None)?;
            self.send_value(&client, &name, &value, argument.value.span)?;
        }
        Ok(Value::None)
    }
}
