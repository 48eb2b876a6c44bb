//! Expressions.

use super::{Fields, Items, Piece, Stage, Staged, Value, arith};
use crate::ast::{Argument, Binary, Expr, ExprKind, Name};
use crate::diagnostic::closest;
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use crate::types::Type;
use std::cell::RefCell;
use std::rc::Rc;

impl<'a> Stage<'a> {
    /// Computes an expression. The hint is the type that is wanted, where it is known.
    pub(super) fn eval(&mut self, expr: &Expr, hint: Option<&Type>) -> Staged<Value> {
        self.step(expr.span)?;
        self.deeper(expr.span, |stage| stage.eval_within(expr, hint))
    }

    fn eval_within(&mut self, expr: &Expr, hint: Option<&Type>) -> Staged<Value> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Int(value, None) => Ok(Value::Number(*value)),
            ExprKind::Int(value, Some(scalar)) => self.settle(&Value::Number(*value), *scalar, span),
            ExprKind::Decimal { digits, behind, negative } => {
                let raw = arith::decimal(*digits, *behind, *negative);
                let raw = raw.ok_or_else(|| self.stop("type", span, "this number does not fit a fix64"))?;
                Ok(Value::Known(Scalar::Fix, raw))
            }
            ExprKind::Text(pieces) => self.text(pieces, span),
            ExprKind::Bool(truth) => Ok(Value::truth(*truth)),
            ExprKind::None => Ok(Value::None),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::List(items) => self.list(items, hint),
            ExprKind::Dict(entries) => self.dict(entries, hint),
            ExprKind::Comprehension { value, name, over, filter } => {
                self.comprehension(value, name, over, filter.as_deref())
            }
            ExprKind::Unary(operator, inner) => {
                let value = self.eval(inner, hint)?;
                self.unary(*operator, &value, span)
            }
            ExprKind::Binary(operator, left, right) => self.operator(*operator, left, right, span),
            ExprKind::Range(..) => {
                let stop = self.stop("unsupported", span, "a range stands only behind `for ... in`");
                Err(Box::new(stop.help("write `for i in 0..n:`")))
            }
            ExprKind::Call { callee, arguments } => self.call_expr(callee, arguments, span, hint),
            ExprKind::Index(base, index) => self.index_expr(base, index, span),
            ExprKind::Slice(base, from, to) => self.slice(base, from.as_deref(), to.as_deref(), span),
            ExprKind::Field(base, name) => self.field(base, name, span),
            ExprKind::Wrong => Err(self.stop("syntax", span, "this could not be read")),
        }
    }

    /// `and` and `or` stop at the first known answer, as far as it is known.
    fn operator(&mut self, operator: Binary, left: &Expr, right: &Expr, span: Span) -> Staged<Value> {
        let a = self.eval(left, None)?;
        match (operator, &a) {
            (Binary::And, Value::Known(Scalar::Bool, 0)) | (Binary::Or, Value::Known(Scalar::Bool, 1)) => return Ok(a),
            _ => {}
        }
        let b = self.eval(right, None)?;
        match (operator, &a, &b) {
            (Binary::In, _, _) => self.contains(&a, &b, span),
            (Binary::Add, Value::Text(x), Value::Text(y)) => {
                Ok(Value::Text(Rc::new(x.iter().chain(y.iter()).cloned().collect())))
            }
            (Binary::Equal | Binary::NotEqual, Value::Text(_), Value::Text(_)) => {
                let (Some(x), Some(y)) = (a.known_text(), b.known_text()) else {
                    return Err(self.stop(
                        "unsupported",
                        span,
                        "only texts that are known when compiling can be compared",
                    ));
                };
                Ok(Value::truth((x == y) == (operator == Binary::Equal)))
            }
            (Binary::Equal | Binary::NotEqual, Value::None, _) | (Binary::Equal | Binary::NotEqual, _, Value::None) => {
                let same = matches!((&a, &b), (Value::None, Value::None));
                Ok(Value::truth(same == (operator == Binary::Equal)))
            }
            _ => self.binary(operator, &a, &b, span),
        }
    }

    fn contains(&mut self, value: &Value, list: &Value, span: Span) -> Staged<Value> {
        let Value::List(items) = list else {
            return Err(self.stop("type", span, format!("`in` looks into lists, not into {}", list.kind())));
        };
        let mut found = Value::truth(false);
        for item in self.items(&items.clone(), span)? {
            let same = self.binary(Binary::Equal, value, &item, span)?;
            found = self.binary(Binary::Or, &found, &same, span)?;
        }
        Ok(found)
    }

    fn name(&mut self, name: &str, span: Span) -> Staged<Value> {
        if let Some(at) = self.local(name) {
            return Ok(self.locals[at].value.clone());
        }
        let names = self.locals.iter().map(|local| local.name.as_str());
        let help = closest(name, names).map(|near| format!("did you mean `{near}`?"));
        let mut stop = self.stop("name", span, format!("there is no `{name}` here"));
        stop.help = help;
        Err(stop)
    }

    /// Returns where a variable is: one of the function, or else one at the left margin.
    pub(super) fn local(&self, name: &str) -> Option<usize> {
        let base = self.frames.last().map_or(0, |frame| frame.base);
        let own = (base..self.locals.len()).rev().find(|at| self.locals[*at].name == name);
        own.or_else(|| (0..self.globals.min(base)).rev().find(|at| self.locals[*at].name == name))
    }

    fn list(&mut self, items: &[Expr], hint: Option<&Type>) -> Staged<Value> {
        let hint = match hint {
            Some(Type::List(item, _)) => Some((**item).clone()),
            _ => None,
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = self.eval(item, hint.as_ref())?;
            values.push(match &hint {
                Some(ty) => self.coerce(value, ty, item.span)?,
                None => value,
            });
        }
        // One width for all: that of the first item that has one, otherwise int64.
        let scalar = values.iter().find_map(|value| match value {
            Value::Known(scalar, _) | Value::Run(scalar, _) => Some(*scalar),
            _ => None,
        });
        let scalar = scalar.unwrap_or(INT64);
        for (value, item) in values.iter_mut().zip(items) {
            *value = self.settle(value, scalar, item.span)?;
        }
        Ok(Value::list(values))
    }

    fn dict(&mut self, entries: &[(Expr, Expr)], hint: Option<&Type>) -> Staged<Value> {
        let (key_hint, value_hint) = match hint {
            Some(Type::Dict(key, value)) => (Some((**key).clone()), Some((**value).clone())),
            _ => (None, None),
        };
        let mut all = Vec::new();
        for (key, value) in entries {
            let mut k = self.eval(key, key_hint.as_ref())?;
            let mut v = self.eval(value, value_hint.as_ref())?;
            if let Some(ty) = &key_hint {
                k = self.coerce(k, ty, key.span)?;
            }
            if let Some(ty) = &value_hint {
                v = self.coerce(v, ty, value.span)?;
            }
            all.push((k, v));
        }
        Ok(Value::Dict(Rc::new(RefCell::new(all))))
    }

    fn comprehension(&mut self, value: &Expr, name: &Name, over: &Expr, filter: Option<&Expr>) -> Staged<Value> {
        let items = self.sequence(over)?;
        let before = self.locals.len();
        let mut values = Vec::new();
        for item in items {
            self.declare(&name.text, item, None);
            let keep = match filter {
                None => true,
                Some(filter) => {
                    let keep = self.eval(filter, None)?;
                    let known = matches!(keep, Value::Known(..));
                    if !known {
                        let stop =
                            self.stop("leak", filter.span, "how long this list becomes would tell the condition");
                        return Err(Box::new(
                            stop.help("keep all items, and choose a neutral value where it does not hold"),
                        ));
                    }
                    matches!(keep, Value::Known(_, 1))
                }
            };
            if keep {
                let item = self.eval(value, None)?;
                values.push(self.settled(item, value.span)?);
            }
            self.locals.truncate(before);
        }
        Ok(Value::list(values))
    }

    /// Gives a number without a width the width of int64.
    pub(super) fn settled(&mut self, value: Value, span: Span) -> Staged<Value> {
        if matches!(value, Value::Number(_)) { self.settle(&value, INT64, span) } else { Ok(value) }
    }

    fn field(&mut self, base: &Expr, name: &Name, span: Span) -> Staged<Value> {
        if let ExprKind::Name(owner) = &base.kind
            && self.local(owner).is_none()
        {
            if let Some(variants) = self.program.enums.get(owner) {
                return match variants.get(&name.text) {
                    Some(value) => self.settle(&Value::Number(*value), INT64, span),
                    None => Err(self.stop("name", name.span, format!("`{owner}` has no variant `{}`", name.text))),
                };
            }
            if let Some(object) = self.program.objects.get(owner).filter(|object| object.client).cloned() {
                return self.client_input(&object, name);
            }
            if self.program.modules.contains(owner) {
                return self.name(&name.text, span);
            }
        }
        let value = self.eval(base, None)?;
        match &value {
            Value::Object(fields) => {
                let fields = fields.borrow();
                let found = fields.fields.iter().find(|(field, _)| *field == name.text);
                match found {
                    Some((_, value)) => Ok(value.clone()),
                    None => Err(self.no_field(&fields, name)),
                }
            }
            // What other languages write without parentheses.
            Value::List(items) if matches!(name.text.as_str(), "len" | "length") => {
                let length = i128::try_from(items.borrow().len()).unwrap_or(0);
                Ok(Value::Known(INT64, length))
            }
            other => Err(self.stop("type", name.span, format!("{} has no field `{}`", other.kind(), name.text))),
        }
    }

    fn no_field(&self, fields: &Fields, name: &Name) -> super::Stop {
        let names = fields.fields.iter().map(|(name, _)| name.as_str());
        let near = closest(&name.text, names).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{}` has no field `{}`, or it was never given", fields.object, name.text);
        let mut stop = self.stop("name", name.span, message);
        stop.help = near;
        stop
    }

    /// Builds an object from named values; fields of the base that are not given stay without value.
    pub(super) fn construct(&mut self, object: &str, arguments: &[Argument], span: Span) -> Staged<Value> {
        let declared = self.program.fields(object);
        let mut fields = Vec::new();
        for (at, argument) in arguments.iter().enumerate() {
            let name = match &argument.name {
                Some(name) => name.text.clone(),
                None => declared.get(at).map_or(String::new(), |(name, _)| name.clone()),
            };
            let Some((_, ty)) = declared.iter().find(|(field, _)| *field == name) else {
                return Err(self.stop("name", argument.value.span, format!("`{object}` has no such field")));
            };
            let ty = self.ty(ty)?;
            let value = self.eval(&argument.value, Some(&ty))?;
            fields.push((name, self.coerce(value, &ty, argument.value.span)?));
        }
        self.step(span)?;
        Ok(Value::Object(Rc::new(RefCell::new(Fields { object: object.to_string(), fields }))))
    }

    fn text(&mut self, pieces: &[crate::ast::Piece], span: Span) -> Staged<Value> {
        let mut all = Vec::new();
        for piece in pieces {
            match piece {
                crate::ast::Piece::Text(text) => all.push(Piece::Text(text.clone())),
                crate::ast::Piece::Hole(hole) => {
                    let value = self.eval(hole, None)?;
                    self.show(&value, &mut all, span)?;
                }
            }
        }
        Ok(Value::Text(Rc::new(all)))
    }

    /// Returns what a `for` goes over.
    pub(super) fn sequence(&mut self, over: &Expr) -> Staged<Vec<Value>> {
        if let Some((from, to)) = self.range(over)? {
            let (Value::Number(from) | Value::Known(_, from), Value::Number(to) | Value::Known(_, to)) = (&from, &to)
            else {
                return Err(self.stop(
                    "unsupported",
                    over.span,
                    "how many rounds this takes is not known when compiling",
                ));
            };
            return Ok((*from..*to).map(|at| Value::Known(INT64, at)).collect());
        }
        let value = self.eval(over, None)?;
        self.sequence_of(&value, over.span)
    }

    /// Returns what there is to go over in a value.
    pub(super) fn sequence_of(&mut self, value: &Value, span: Span) -> Staged<Vec<Value>> {
        match value {
            Value::List(items) => self.items(&items.clone(), span),
            Value::Text(_) => {
                let text = value.known_text().unwrap_or_default();
                Ok(text.chars().map(|letter| Value::text(letter.to_string())).collect())
            }
            other => {
                Err(self.stop("type", span, format!("a `for` goes over lists and ranges, not over {}", other.kind())))
            }
        }
    }

    /// Returns the ends of `a..b`, `range(b)` and `range(a, b)`.
    pub(super) fn range(&mut self, over: &Expr) -> Staged<Option<(Value, Value)>> {
        match &over.kind {
            ExprKind::Range(from, to) => Ok(Some((self.eval(from, None)?, self.eval(to, None)?))),
            ExprKind::Call { callee, arguments } if matches!(&callee.kind, ExprKind::Name(name) if name == "range") => {
                match arguments.as_slice() {
                    [to] => Ok(Some((Value::Number(0), self.eval(&to.value, None)?))),
                    [from, to] => Ok(Some((self.eval(&from.value, None)?, self.eval(&to.value, None)?))),
                    _ => Err(self.stop("type", over.span, "`range` takes one or two numbers")),
                }
            }
            _ => Ok(None),
        }
    }

    /// Returns the items of a list one by one.
    pub(super) fn items(&mut self, list: &Rc<RefCell<Items>>, span: Span) -> Staged<Vec<Value>> {
        let lanes = match &*list.borrow() {
            Items::Each(items) => return Ok(items.clone()),
            Items::Lanes(scalar, id, length) => (*scalar, *id, *length),
        };
        let (scalar, id, length) = lanes;
        let ty = self.graph.ty(id).with_lanes(1);
        let lane = |start| vm::Operation::Slice { start, step: 1 };
        Ok((0..length).map(|start| Value::Run(scalar, self.emit(lane(start), &[id], ty, span))).collect())
    }
}
