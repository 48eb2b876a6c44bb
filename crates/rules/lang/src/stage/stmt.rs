//! Statements.

use super::{Local, Stage, Staged, Value};
use crate::ast::{Binary, Block, Expr, ExprKind, Stmt, StmtKind, TypeExpr};
use crate::scalar::Scalar;
use crate::source::Span;
use crate::types::Type;

/// How a statement ended.
#[derive(Debug, Clone)]
pub(super) enum Flow {
    Normal,
    Return(Value),
    Break,
    Continue,
    /// In one of several ways, and the run alone knows in which.
    Left(Box<super::leave::Left>),
}

/// The statements that are still to come in the blocks around.
#[derive(Clone, Copy)]
pub(super) struct Rest<'r> {
    pub statements: &'r [Stmt],
    pub next: Option<&'r Rest<'r>>,
}

impl Stage<'_> {
    /// Runs a block. `rest` is what follows it in the function, if leaving early can be arranged.
    pub(super) fn block(&mut self, block: &Block, rest: Option<&Rest<'_>>) -> Staged<Flow> {
        let before = self.locals.len();
        let outer = self.frames.last().is_some_and(|frame| frame.name.is_empty());
        let flow = self.statements(block, rest);
        if !outer {
            self.locals.truncate(before);
        }
        flow
    }

    pub(super) fn statements(&mut self, statements: &[Stmt], rest: Option<&Rest<'_>>) -> Staged<Flow> {
        for (at, statement) in statements.iter().enumerate() {
            self.step(statement.span)?;
            let here = Rest { statements: &statements[at + 1..], next: rest };
            match self.deeper(statement.span, |stage| stage.statement(statement, &here))? {
                Flow::Normal => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Normal)
    }

    fn statement(&mut self, statement: &Stmt, rest: &Rest<'_>) -> Staged<Flow> {
        match &statement.kind {
            StmtKind::Var { name, ty, value, .. } => {
                self.variable(&name.text, ty.as_ref(), value.as_ref(), statement.span)?;
            }
            StmtKind::Assign { target, operator, value } => self.assign(target, *operator, value)?,
            StmtKind::Expr(expr) => {
                self.eval(expr, None)?;
            }
            StmtKind::If { arms, other } => return self.conditional(arms, other.as_ref(), rest),
            StmtKind::While { condition, body } => {
                let flow = self.while_loop(condition, body, statement.span)?;
                return self.after_loop(flow, rest, statement.span);
            }
            StmtKind::For { name, over, body } => {
                let flow = self.for_loop(&name.text, over, body, statement.span)?;
                return self.after_loop(flow, rest, statement.span);
            }
            StmtKind::Match { subject, arms, other } => return self.matching(subject, arms, other.as_ref(), rest),
            StmtKind::Return(value) => return self.leave(value.as_ref(), statement.span),
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Pass => {}
            StmtKind::Assert { condition, message } => self.assert(condition, message.as_ref(), statement.span)?,
        }
        self.check_size(statement.span)?;
        Ok(Flow::Normal)
    }

    fn leave(&mut self, value: Option<&Expr>, span: Span) -> Staged<Flow> {
        let Some(expr) = value else { return Ok(Flow::Return(Value::None)) };
        let ty = self.frames.last().and_then(|frame| frame.result.clone());
        let value = self.eval(expr, ty.as_ref())?;
        let value = match &ty {
            Some(ty) => self.coerce(value, ty, span)?,
            None => self.settled(value, span)?,
        };
        Ok(Flow::Return(value))
    }

    pub(super) fn declare(&mut self, name: &str, value: Value, ty: Option<Type>) {
        self.locals.push(Local { name: name.to_string(), value, ty });
    }

    fn variable(&mut self, name: &str, written: Option<&TypeExpr>, value: Option<&Expr>, span: Span) -> Staged<()> {
        let ty = written.map(|written| self.ty(written)).transpose()?;
        let value = match (value, &ty) {
            (Some(expr), _) => self.eval(expr, ty.as_ref())?,
            (None, Some(ty)) => self.zero(ty, span)?,
            (None, None) => return Err(self.stop("type", span, "a variable needs a type or a value")),
        };
        let value = match &ty {
            Some(ty) => self.coerce(value, ty, span)?,
            None => self.settled(value, span)?,
        };
        self.declare(name, value, ty);
        Ok(())
    }

    /// Returns what a variable holds that was given nothing.
    fn zero(&mut self, ty: &Type, span: Span) -> Staged<Value> {
        Ok(match ty {
            Type::Scalar(scalar, _) => Value::Known(*scalar, 0),
            Type::Share => Value::Known(crate::scalar::INT64, 0),
            Type::List(item, Some(length)) => {
                let length = self.length_of(*length, span)?;
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(self.zero(item, span)?);
                }
                Value::list(items)
            }
            Type::List(_, None) => Value::list(Vec::new()),
            Type::Text => Value::text(""),
            _ => return Err(self.stop("type", span, format!("a {ty} needs a value"))),
        })
    }

    fn assign(&mut self, target: &Expr, operator: Option<Binary>, value: &Expr) -> Staged<()> {
        let span = value.span;
        let hint = self.target_type(target);
        let mut new = match operator {
            None => self.eval(value, hint.as_ref())?,
            Some(operator) => {
                let old = self.eval(target, None)?;
                let by = self.eval(value, None)?;
                match (&old, &by) {
                    (Value::Text(x), Value::Text(y)) => {
                        Value::Text(std::rc::Rc::new(x.iter().chain(y.iter()).cloned().collect()))
                    }
                    _ => self.binary(operator, &old, &by, span)?,
                }
            }
        };
        if let Some(ty) = &hint {
            new = self.coerce(new, ty, span)?;
        }
        match &target.kind {
            ExprKind::Name(name) => self.assign_name(name, new, target.span, hint),
            ExprKind::Index(base, at) => {
                let place = self.eval(at, None)?;
                if let Some(done) = self.write_in_row(base, &place, &new, target.span)? {
                    return Ok(done);
                }
                let base = self.eval(base, None)?;
                self.write(&base, &place, new, target.span, at.span)
            }
            ExprKind::Field(base, name) => {
                let base = self.eval(base, None)?;
                let Value::Object(fields) = &base else {
                    return Err(self.stop("type", target.span, format!("{} has no fields", base.kind())));
                };
                self.changed_object(fields);
                let mut fields = fields.borrow_mut();
                match fields.fields.iter_mut().find(|(field, _)| *field == name.text) {
                    Some(field) => field.1 = new,
                    None => fields.fields.push((name.text.clone(), new)),
                }
                Ok(())
            }
            _ => Err(self.stop("syntax", target.span, "this cannot be assigned to")),
        }
    }

    /// Refuses `rows[i][j] = x` where the run alone knows the row: what `rows[i]` gives then is a copy.
    fn write_in_row(&mut self, base: &Expr, _at: &Value, _new: &Value, span: Span) -> Staged<Option<()>> {
        let ExprKind::Index(_, row) = &base.kind else { return Ok(None) };
        let row = self.eval(row, None)?;
        if matches!(row, Value::Run(..)) {
            let stop = self.stop("unsupported", span, "the row is known only while running");
            return Err(Box::new(stop.help("keep the rows in one list, and write `values[row * columns + column]`")));
        }
        Ok(None)
    }

    fn target_type(&mut self, target: &Expr) -> Option<Type> {
        match &target.kind {
            ExprKind::Name(name) => self.local(name).and_then(|at| self.locals[at].ty.clone()),
            ExprKind::Index(base, _) => match self.target_type(base)? {
                Type::List(item, _) => Some((*item).clone()),
                Type::Dict(_, value) => Some((*value).clone()),
                _ => None,
            },
            ExprKind::Field(base, name) => {
                let Type::Object(object) = self.target_type(base)? else { return None };
                let fields = self.program.fields(&object);
                let (_, ty) = fields.into_iter().find(|(field, _)| *field == name.text)?;
                self.ty(&ty).ok()
            }
            _ => None,
        }
    }

    fn assign_name(&mut self, name: &str, value: Value, span: Span, ty: Option<Type>) -> Staged<()> {
        let Some(at) = self.local(name) else {
            let stop = self.stop("name", span, format!("there is no variable `{name}`"));
            return Err(Box::new(stop.help(format!("declare it: `var {name} = ...`"))));
        };
        let old = self.locals[at].value.clone();
        // A variable keeps the width with which it was declared.
        let value = match (&old, &value) {
            (Value::Known(scalar, _) | Value::Run(scalar, _), Value::Number(_)) => {
                self.settle(&value, *scalar, span)?
            }
            // A share that began as a bit may become a number: only shares change their types.
            (Value::Known(scalar, _) | Value::Run(scalar, _), Value::Known(..) | Value::Run(..))
                if ty.is_none() && *scalar != Scalar::Bool =>
            {
                self.convert(&value, *scalar, span)?
            }
            _ => value,
        };
        self.set_local(at, value);
        Ok(())
    }

    pub(super) fn set_local(&mut self, at: usize, value: Value) {
        for log in &mut self.logs {
            if at < log.locals_below && !log.locals.contains_key(&at) {
                log.locals.insert(at, self.locals[at].value.clone());
            }
        }
        self.locals[at].value = value;
    }

    fn assert(&mut self, condition: &Expr, message: Option<&Expr>, span: Span) -> Staged<()> {
        let value = self.eval(condition, None)?;
        let text = match message {
            Some(message) => self.eval(message, None)?.known_text(),
            None => None,
        };
        let text = text.unwrap_or_else(|| self.sources.text(condition.span).to_string());
        if let Some(secret) = self.oblivious.last() {
            let stop = self.stop("leak", span, "whether the run stops here would tell the secret condition");
            return Err(Box::new(stop.at(*secret, "this condition is secret")));
        }
        let id = match &value {
            Value::Known(Scalar::Bool, 1) => return Ok(()),
            Value::Known(Scalar::Bool, _) => self.constant(Scalar::Bool, 0),
            Value::Run(Scalar::Bool, id) => *id,
            other => {
                return Err(self.stop("type", condition.span, format!("an assertion is a bool, not {}", other.kind())));
            }
        };
        if self.graph.ty(id).is_secret() {
            let stop = self.stop("leak", condition.span, "whether the run stops here would tell a secret");
            return Err(Box::new(stop.help("reveal what may be known: `assert condition.reveal()`")));
        }
        let code = crate::source::count(self.checks.len());
        self.checks.push((span, text));
        self.node(crate::ir::Work::Do(vm::Operation::Check { code }), vec![id], Vec::new(), span);
        Ok(())
    }
}
