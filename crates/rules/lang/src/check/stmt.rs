//! Statements.

use super::{Checker, Guard, Local, Typed, step};
use crate::ast::{Binary, Block, Expr, ExprKind, Stmt, StmtKind};
use crate::diagnostic::Diagnostic;
use crate::scalar::Scalar;
use crate::source::Span;
use crate::types::{BOOL, INT, Type};

impl Checker<'_> {
    /// Checks a block and tells whether it always returns.
    pub(super) fn block(&mut self, block: &Block) -> bool {
        let before = self.locals.len();
        let mut leaves = false;
        for statement in block {
            if self.diagnostics.is_full() {
                break;
            }
            leaves |= self.statement(statement);
        }
        self.locals.truncate(before);
        leaves
    }

    pub(super) fn statement(&mut self, statement: &Stmt) -> bool {
        let span = statement.span;
        match &statement.kind {
            StmtKind::Var { name, ty, value, constant } => {
                let written = ty.as_ref().map(|ty| self.program.ty(ty, &self.generics, self.diagnostics));
                let found = value.as_ref().map(|value| (self.expr(value, written.as_ref()), value.span));
                if let (Some(ty), Some((found, place))) = (&written, &found) {
                    self.literal(value.as_ref(), ty);
                    self.fits(found, ty, *place, &format!("`{}`", name.text));
                }
                let is_written = written.is_some();
                let flow = found.as_ref().and_then(|found| found.0.flow.clone());
                let ty = written.or(found.map(|found| found.0.ty.settled())).unwrap_or(Type::Wrong);
                let flow = ty.is_secret().then(|| step(name.span, format!("`{}` holds a secret", name.text), flow));
                self.locals.push(Local {
                    name: name.text.clone(),
                    ty,
                    flow: flow.flatten(),
                    span: name.span,
                    constant: *constant,
                    written: is_written,
                });
            }
            StmtKind::Assign { target, operator, value } => self.assign(target, *operator, value),
            StmtKind::Expr(expr) => {
                self.expr(expr, None);
            }
            StmtKind::If { arms, other } => return self.conditional(arms, other.as_ref()),
            StmtKind::While { condition, body } => {
                self.condition(condition, "how often this loop runs");
                self.loops += 1;
                self.block(body);
                self.loops -= 1;
                return matches!(condition.kind, ExprKind::Bool(true)) && !breaks(body);
            }
            StmtKind::For { name, over, body } => {
                let item = self.sequence(over);
                let before = self.locals.len();
                let flow = item.flow.clone();
                let local = Local {
                    name: name.text.clone(),
                    ty: item.ty,
                    flow,
                    span: name.span,
                    constant: false,
                    written: false,
                };
                self.locals.push(local);
                self.loops += 1;
                self.block(body);
                self.loops -= 1;
                self.locals.truncate(before);
            }
            StmtKind::Match { subject, arms, other } => return self.matching(subject, arms, other.as_ref()),
            StmtKind::Return(value) => {
                self.leave_function(value.as_ref(), span);
                return true;
            }
            StmtKind::Break | StmtKind::Continue => self.leave_loop(span),
            StmtKind::Pass => {}
            StmtKind::Assert { condition, message } => {
                self.condition(condition, "whether the run stops here");
                if let Some(message) = message {
                    self.expr(message, None);
                }
                self.effect("stops the run", span);
            }
        }
        false
    }

    /// Checks a condition whose outcome everybody sees.
    fn condition(&mut self, condition: &Expr, what: &str) {
        let found = self.expr(condition, None);
        self.truth(&found, condition.span);
        if found.ty.is_secret() {
            let help = if what.starts_with("how often") {
                "run a fixed number of rounds, `for i in 0..n:`, with an `if` on the secret inside"
            } else {
                "reveal what may be known: `(condition).reveal()`"
            };
            self.leak(condition.span, format!("{what} would tell a secret"), &found.flow, help);
        }
    }

    fn truth(&mut self, found: &Typed, span: Span) {
        if !matches!(found.ty, Type::Scalar(Scalar::Bool, _) | Type::Wrong | Type::Share) {
            let message = format!("a condition is a bool, and this is {}", found.ty);
            self.tell(Diagnostic::new("type", span, message).help("compare it: `x != 0`"));
        }
    }

    fn conditional(&mut self, arms: &[(Expr, Block)], other: Option<&Block>) -> bool {
        let mut guards = 0;
        let mut leaves = other.is_some();
        for (condition, block) in arms {
            let found = self.expr(condition, None);
            self.truth(&found, condition.span);
            if found.ty.is_secret() {
                // What comes behind an `elif` depends on the conditions before it, too.
                self.guard(condition.span, &found);
                guards += 1;
            }
            leaves &= self.block(block);
        }
        if let Some(block) = other {
            leaves &= self.block(block);
        }
        self.guards.truncate(self.guards.len() - guards);
        leaves
    }

    fn guard(&mut self, span: Span, found: &Typed) {
        let guard = Guard { span, flow: found.flow.clone(), locals: self.locals.len(), loops: self.loops };
        self.guards.push(guard);
    }

    fn matching(&mut self, subject: &Expr, arms: &[(Vec<Expr>, Block)], other: Option<&Block>) -> bool {
        let found = self.expr(subject, None);
        let secret = found.ty.is_secret();
        if secret {
            self.guard(subject.span, &found);
        }
        let mut leaves = other.is_some();
        for (values, block) in arms {
            for value in values {
                let case = self.expr(value, Some(&found.ty));
                self.operator_type(Binary::Equal, &found, &case, value.span);
            }
            leaves &= self.block(block);
        }
        if let Some(block) = other {
            leaves &= self.block(block);
        }
        if secret {
            self.guards.pop();
        }
        leaves
    }

    fn leave_function(&mut self, value: Option<&Expr>, span: Span) {
        let result = self.result.clone();
        let found = value.map_or(Typed::public(Type::None), |value| self.expr(value, result.as_ref()));
        let place = value.map_or(span, |value| value.span);
        match &result {
            Some(ty) => {
                self.literal(value, ty);
                let what = format!("the result of `{}`", self.function);
                self.fits(&found, ty, place, &what);
            }
            None => {
                let ty = found.ty.settled();
                let joined = match &self.returned {
                    Some(old) => crate::types::join(old, &ty).unwrap_or(ty),
                    None => ty,
                };
                self.returned = Some(joined);
            }
        }
        if let Some(guard) = self.guards.last() {
            let flow = step(guard.span, "the condition is secret".into(), guard.flow.clone());
            let help = "put the result into a variable, assign it in the branch, and return it at the end";
            self.leak(span, "returning here, before the end, would tell the secret condition", &flow, help);
        }
    }

    fn leave_loop(&mut self, span: Span) {
        if self.loops == 0 {
            let message = "there is no loop to leave here";
            self.tell(Diagnostic::new("syntax", span, message).help("`break` and `continue` stand inside of loops"));
        }
        if let Some(guard) = self.guards.last().filter(|guard| self.loops <= guard.loops) {
            let flow = step(guard.span, "the condition is secret".into(), guard.flow.clone());
            let help = "let the loop run on, and keep in a `secret bool` whether it is done";
            self.leak(span, "leaving the loop here would tell the secret condition", &flow, help);
        }
    }

    fn assign(&mut self, target: &Expr, operator: Option<Binary>, value: &Expr) {
        let place = self.target(target);
        let mut found = self.expr(value, Some(&place.ty));
        if let Some(operator) = operator {
            let old = self.expr(target, None);
            found = self.operator_type(operator, &old, &found, target.span.to(value.span));
        } else {
            self.literal(Some(value), &place.ty);
        }
        let name = match &target.kind {
            ExprKind::Name(name) => format!("`{name}`"),
            ExprKind::Field(_, name) => format!("the field `{}`", name.text),
            _ => "the item".into(),
        };
        if let ExprKind::Name(name) = &target.kind
            && let Some(at) = self.local(name)
            && self.locals[at].constant
        {
            let declared = self.locals[at].span;
            let message = format!("`{name}` does not change");
            self.tell(
                Diagnostic::new("type", target.span, message)
                    .at(declared, "declared here")
                    .help("declare it with `var`"),
            );
        }
        let leaked = !place.ty.is_wrong() && !place.ty.is_secret() && found.ty.is_secret();
        if leaked && !self.is_written(target) {
            self.leaks_into(target, &name, &place, &found, value.span);
            return;
        }
        self.fits(&found, &place.ty, value.span, &name);
        self.check_guarded(target, &name, &place);
        self.flows_into(target, &found, value.span);
    }

    fn is_written(&self, target: &Expr) -> bool {
        matches!(&target.kind, ExprKind::Name(name) if self.local(name).is_some_and(|at| self.locals[at].written))
    }

    /// A variable whose type was found from its first value is public because nobody said otherwise.
    fn leaks_into(&mut self, target: &Expr, name: &str, place: &Typed, found: &Typed, span: Span) {
        let message = format!("{name} is public ({}), and this is secret", place.ty);
        let help = match &target.kind {
            ExprKind::Name(plain) => format!("declare it `var {plain}: {} = ...`", place.ty.clone().secret()),
            _ => format!("declare its items `{}`", place.ty.clone().secret()),
        };
        self.leak(span, message, &found.flow, &help);
    }

    /// Under a secret condition only secrets change: what was assigned would tell the condition.
    fn check_guarded(&mut self, target: &Expr, name: &str, place: &Typed) {
        let Some(guard) = self.guards.last() else { return };
        let mut root = target;
        while let ExprKind::Index(base, _) | ExprKind::Field(base, _) = &root.kind {
            root = base;
        }
        let ExprKind::Name(variable) = &root.kind else { return };
        let Some(at) = self.local(variable) else { return };
        let outer = self.guards.iter().map(|guard| guard.locals).min().unwrap_or(0);
        let inside = at >= outer && at >= self.base && matches!(target.kind, ExprKind::Name(_));
        if inside || place.ty.is_secret() || place.ty.is_wrong() {
            return;
        }
        let flow = step(guard.span, "the condition is secret".into(), guard.flow.clone());
        let flow = step(self.locals[at].span, format!("`{variable}` is declared here as {}", self.locals[at].ty), flow);
        let help = format!("declare it secret: `{}`", place.ty.clone().secret());
        self.leak(
            target.span,
            format!("{name} is public, and its value would tell the secret condition"),
            &flow,
            &help,
        );
    }

    fn flows_into(&mut self, target: &Expr, found: &Typed, span: Span) {
        if let ExprKind::Name(name) = &target.kind
            && found.ty.is_secret()
            && let Some(at) = self.local(name)
        {
            let (flow, text) = (found.flow.clone(), format!("`{name}` gets a secret"));
            self.locals[at].flow = step(span, text, flow);
        }
    }

    /// Returns the type of what is assigned to.
    fn target(&mut self, target: &Expr) -> Typed {
        match &target.kind {
            ExprKind::Name(name) if self.local(name).is_none() => {
                let names: Vec<String> = self.locals[self.base..].iter().map(|local| local.name.clone()).collect();
                let near = crate::diagnostic::closest(name, names.iter().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare it: `var {name} = ...`"),
                };
                self.tell(Diagnostic::new("name", target.span, format!("there is no variable `{name}`")).help(help));
                Typed::wrong()
            }
            _ => self.expr(target, None),
        }
    }

    /// Checks that a number that is written out fits its type.
    pub(super) fn literal(&mut self, value: Option<&Expr>, ty: &Type) {
        let (Some(value), Type::Scalar(scalar, _)) = (value, ty) else { return };
        let ExprKind::Int(number, None) = value.kind else { return };
        if scalar.is_int() && !scalar.holds(number) {
            let (least, most) = scalar.range();
            let message = format!("{number} is no {scalar}");
            let help = format!("a {scalar} lies between {least} and {most}");
            self.tell(Diagnostic::new("type", value.span, message).help(help));
        }
    }

    /// Returns the type of the items that a `for` goes over.
    pub(super) fn sequence(&mut self, over: &Expr) -> Typed {
        let ends: Vec<&Expr> = match &over.kind {
            ExprKind::Range(from, to) => vec![from, to],
            ExprKind::Call { callee, arguments } if matches!(&callee.kind, ExprKind::Name(name) if name == "range") => {
                arguments.iter().map(|argument| &argument.value).collect()
            }
            _ => Vec::new(),
        };
        if !ends.is_empty() {
            for end in ends {
                let found = self.expr(end, None);
                if found.ty.is_secret() {
                    let help = "run to a public bound, with an `if` on the secret inside";
                    self.leak(end.span, "how often this loop runs would tell a secret", &found.flow, help);
                } else if !matches!(found.ty, Type::Number | Type::Wrong)
                    && !matches!(found.ty, Type::Scalar(scalar, _) if scalar.is_int())
                {
                    let message = format!("the end of a range is a whole number, and this is {}", found.ty);
                    self.tell(Diagnostic::new("type", end.span, message).help("write `0..n` with whole numbers"));
                }
            }
            return Typed::public(INT);
        }
        let found = self.expr(over, None);
        match &found.ty {
            Type::List(item, _) => Typed { ty: (**item).clone(), flow: found.flow },
            Type::Text => Typed::public(Type::Text),
            Type::Wrong => Typed::wrong(),
            other => {
                let message = format!("a `for` goes over lists and ranges, and this is {other}");
                self.tell(Diagnostic::new("type", over.span, message).help("count: `for i in 0..n:`"));
                Typed::wrong()
            }
        }
    }

    pub(super) fn boolean(secret: bool) -> Type {
        BOOL.secret_if(secret)
    }
}

/// Tells whether a loop's body may leave the loop.
fn breaks(block: &[Stmt]) -> bool {
    block.iter().any(|statement| match &statement.kind {
        StmtKind::Break => true,
        StmtKind::If { arms, other } => {
            arms.iter().any(|arm| breaks(&arm.1)) || other.as_ref().is_some_and(|block| breaks(block))
        }
        StmtKind::Match { arms, other, .. } => {
            arms.iter().any(|arm| breaks(&arm.1)) || other.as_ref().is_some_and(|block| breaks(block))
        }
        _ => false,
    })
}
