//! Expressions.

use super::{Checker, Flow, Typed, step};
use crate::ast::{Argument, Binary, Expr, ExprKind, Name, Piece, Unary};
use crate::diagnostic::{Diagnostic, closest};
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use crate::types::{BOOL, INT, Type, binary, join};
use std::rc::Rc;

impl Checker<'_> {
    pub(super) fn expr(&mut self, expr: &Expr, want: Option<&Type>) -> Typed {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Int(_, None) => Typed::public(Type::Number),
            ExprKind::Int(value, Some(scalar)) => {
                if !scalar.holds(*value) {
                    let message = format!("{value} is no {scalar}");
                    self.tell(Diagnostic::new("type", span, message).help("choose a wider suffix"));
                }
                Typed::public(Type::Scalar(*scalar, false))
            }
            ExprKind::Decimal { .. } => Typed::public(Type::Scalar(Scalar::Fix, false)),
            ExprKind::Text(pieces) => self.text(pieces),
            ExprKind::Bool(_) => Typed::public(BOOL),
            ExprKind::None => Typed::public(Type::None),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::List(items) => self.list(items, want),
            ExprKind::Dict(entries) => self.dict(entries),
            ExprKind::Comprehension { value, name, over, filter } => {
                self.comprehension(value, name, over, filter.as_deref())
            }
            ExprKind::Unary(operator, inner) => self.unary(*operator, inner, want),
            ExprKind::Binary(operator, left, right) => {
                let (a, b) = (self.expr(left, None), self.expr(right, None));
                self.operator_type(*operator, &a, &b, span)
            }
            ExprKind::Range(from, to) => {
                self.expr(from, None);
                self.expr(to, None);
                let message = "a range stands only behind `for ... in`";
                self.tell(Diagnostic::new("unsupported", span, message).help("write `for i in 0..n:`"));
                Typed::wrong()
            }
            ExprKind::Call { callee, arguments } => self.call(callee, arguments, span, want),
            ExprKind::Index(base, index) => self.index(base, index, span),
            ExprKind::Slice(base, from, to) => self.slice(base, from.as_deref(), to.as_deref()),
            ExprKind::Field(base, name) => self.field(base, name, span),
            ExprKind::Wrong => Typed::wrong(),
        }
    }

    pub(super) fn local(&self, name: &str) -> Option<usize> {
        let own = (self.base..self.locals.len()).rev().find(|at| self.locals[*at].name == name);
        own.or_else(|| (0..self.globals.min(self.base)).rev().find(|at| self.locals[*at].name == name))
    }

    fn name(&mut self, name: &str, span: Span) -> Typed {
        if let Some(at) = self.local(name) {
            let local = &self.locals[at];
            return Typed { ty: local.ty.clone(), flow: local.flow.clone() };
        }
        let help = if self.program.function(name).is_some() {
            Some(format!("`{name}` is a function: call it, `{name}(...)`"))
        } else {
            let names = self.locals.iter().map(|local| local.name.as_str());
            closest(name, names).map(|near| format!("did you mean `{near}`?"))
        };
        let mut diagnostic = Diagnostic::new("name", span, format!("there is no `{name}` here"));
        diagnostic.help = help.or_else(|| Some(format!("declare it: `var {name} = ...`")));
        self.tell(diagnostic);
        Typed::wrong()
    }

    /// Returns the type of an operator's result, and where its secret comes from.
    pub(super) fn operator_type(&mut self, operator: Binary, left: &Typed, right: &Typed, span: Span) -> Typed {
        let flow = left.flow.clone().or_else(|| right.flow.clone());
        if operator == Binary::In {
            let secret = left.ty.is_secret() || right.ty.is_secret();
            return Typed { ty: Self::boolean(secret), flow };
        }
        match binary(operator, &left.ty, &right.ty) {
            Ok(ty) => Typed { ty, flow },
            Err(refusal) => {
                self.tell(Diagnostic::new("type", span, refusal.message).help(refusal.help));
                let secret = left.ty.is_secret() || right.ty.is_secret();
                if operator.is_comparison() { Typed { ty: Self::boolean(secret), flow } } else { Typed::wrong() }
            }
        }
    }

    fn unary(&mut self, operator: Unary, inner: &Expr, want: Option<&Type>) -> Typed {
        let found = self.expr(inner, want);
        let fits = match (&found.ty, operator) {
            (Type::Wrong | Type::Share | Type::Number, _) => true,
            (Type::Scalar(scalar, _), Unary::Not) => *scalar == Scalar::Bool || scalar.is_int(),
            (Type::Scalar(scalar, _), Unary::Negate) => *scalar != Scalar::Bool,
            _ => false,
        };
        if fits {
            return found;
        }
        let sign = if operator == Unary::Not { "not" } else { "-" };
        let message = format!("`{sign}` does not take {}", found.ty);
        self.tell(Diagnostic::new("type", inner.span, message).help("`-` takes numbers, `not` truth values and bits"));
        Typed::wrong()
    }

    fn list(&mut self, items: &[Expr], want: Option<&Type>) -> Typed {
        let wanted = match want {
            Some(Type::List(item, _)) => Some((**item).clone()),
            _ => None,
        };
        let mut ty: Option<Type> = None;
        let mut flow: Flow = None;
        for item in items {
            let found = self.expr(item, wanted.as_ref());
            if let Some(wanted) = &wanted {
                self.literal(Some(item), wanted);
            }
            flow = flow.or_else(|| found.flow.clone());
            let joined = match &ty {
                None => Some(found.ty.clone()),
                Some(old) => join(old, &found.ty),
            };
            if joined.is_none() {
                let old = ty.clone().unwrap_or(Type::Wrong);
                let message = format!("the list holds {old}, and this is {}", found.ty);
                self.tell(Diagnostic::new("type", item.span, message).help("all items of a list have one type"));
            }
            ty = joined.or(ty);
        }
        let item = ty.unwrap_or(Type::Wrong);
        // The items of a written list take the type that is wanted, where they fit.
        let item = match wanted {
            Some(wanted) if crate::types::check_fits(&item, &wanted).is_ok() => wanted,
            _ => item,
        };
        Typed { ty: Type::List(Rc::new(item), None), flow }
    }

    fn dict(&mut self, entries: &[(Expr, Expr)]) -> Typed {
        let (mut key, mut value, mut flow) = (Type::Wrong, Type::Wrong, None);
        for (k, v) in entries {
            let (k, v) = (self.expr(k, None), self.expr(v, None));
            key = join(&key, &k.ty).unwrap_or(key);
            value = join(&value, &v.ty).unwrap_or(value);
            flow = flow.or(v.flow);
        }
        Typed { ty: Type::Dict(Rc::new(key.settled()), Rc::new(value.settled())), flow }
    }

    fn comprehension(&mut self, value: &Expr, name: &Name, over: &Expr, filter: Option<&Expr>) -> Typed {
        let item = self.sequence(over);
        let before = self.locals.len();
        self.locals.push(super::Local {
            name: name.text.clone(),
            ty: item.ty,
            flow: item.flow,
            span: name.span,
            constant: false,
            written: false,
        });
        if let Some(filter) = filter {
            let found = self.expr(filter, None);
            if found.ty.is_secret() {
                let help = "keep all items, and choose a neutral value where it does not hold";
                self.leak(filter.span, "how long this list becomes would tell a secret", &found.flow, help);
            }
        }
        let found = self.expr(value, None);
        self.locals.truncate(before);
        Typed { ty: Type::List(Rc::new(found.ty.settled()), None), flow: found.flow }
    }

    fn index(&mut self, base: &Expr, index: &Expr, span: Span) -> Typed {
        let found = self.expr(base, None);
        let at = self.expr(index, None);
        if at.ty.is_secret() {
            let help = "`lookup(values, index)` and `values = store(values, index, value)` touch every item";
            self.leak(index.span, "which item is touched would tell the secret index", &at.flow, help);
        }
        match &found.ty {
            Type::List(item, _) => {
                let whole = matches!(at.ty, Type::Scalar(scalar, _) if scalar.is_int());
                if !whole && !matches!(at.ty, Type::Number | Type::Wrong | Type::Share) {
                    let message = format!("items are counted with whole numbers, and this is {}", at.ty);
                    self.tell(Diagnostic::new("type", index.span, message).help("convert it: `int64(...)`"));
                }
                let ty = (**item).clone();
                let flow = if ty.is_secret() { found.flow } else { None };
                Typed { ty, flow }
            }
            Type::Dict(_, value) => Typed { ty: (**value).clone(), flow: found.flow },
            Type::Text => Typed::public(Type::Text),
            Type::Wrong => Typed::wrong(),
            other => {
                let message = format!("{other} has no items");
                self.tell(Diagnostic::new("type", span, message).help("only lists, maps and texts have items"));
                Typed::wrong()
            }
        }
    }

    fn slice(&mut self, base: &Expr, from: Option<&Expr>, to: Option<&Expr>) -> Typed {
        let found = self.expr(base, None);
        for end in [from, to].into_iter().flatten() {
            let at = self.expr(end, None);
            if at.ty.is_secret() {
                let help = "a list's length is public: copy all items, and choose with `if`";
                self.leak(end.span, "how long this slice is would tell a secret", &at.flow, help);
            }
        }
        match &found.ty {
            Type::List(item, _) => Typed { ty: Type::List(Rc::clone(item), None), flow: found.flow },
            Type::Wrong => Typed::wrong(),
            other => {
                self.tell(
                    Diagnostic::new("type", base.span, format!("{other} has no slices"))
                        .help("slices are parts of lists"),
                );
                Typed::wrong()
            }
        }
    }

    fn field(&mut self, base: &Expr, name: &Name, span: Span) -> Typed {
        let program = self.program;
        if let ExprKind::Name(owner) = &base.kind
            && self.local(owner).is_none()
        {
            if let Some(variants) = program.enums.get(owner) {
                if !variants.contains_key(&name.text) {
                    self.no_field(&format!("the enum `{owner}`"), name, variants.keys());
                }
                return Typed::public(Type::Scalar(INT64, false));
            }
            if let Some(object) = program.objects.get(owner).filter(|object| object.client) {
                let found = object.fields.iter().find(|(field, _)| field.text == name.text);
                let Some((_, ty)) = found else {
                    let names: Vec<String> = object.fields.iter().map(|(field, _)| field.text.clone()).collect();
                    self.no_field(&format!("the client `{owner}`"), name, names.iter());
                    return Typed::wrong();
                };
                let ty = program.ty(ty, &self.generics, self.diagnostics);
                let flow = step(span, format!("`{owner}` puts in a secret"), None);
                return Typed { ty, flow };
            }
            if program.modules.contains(owner) {
                return self.name(&name.text, span);
            }
        }
        let found = self.expr(base, None);
        match &found.ty {
            Type::Object(object) => {
                let fields = program.fields(object);
                let Some((_, ty)) = fields.iter().find(|(field, _)| *field == name.text) else {
                    let names: Vec<String> = fields.iter().map(|(field, _)| field.clone()).collect();
                    self.no_field(&format!("`{object}`"), name, names.iter());
                    return Typed::wrong();
                };
                let ty = program.ty(ty, &self.generics, self.diagnostics);
                let flow = if ty.is_secret() {
                    step(span, format!("the field `{}` is secret", name.text), found.flow)
                } else {
                    None
                };
                Typed { ty, flow }
            }
            Type::List(..) | Type::Text if matches!(name.text.as_str(), "len" | "length") => Typed::public(INT),
            Type::Wrong => Typed::wrong(),
            other => {
                let message = format!("{other} has no field `{}`", name.text);
                self.tell(Diagnostic::new("type", name.span, message).help("only objects have fields"));
                Typed::wrong()
            }
        }
    }

    pub(super) fn no_field<'n>(&mut self, of: &str, name: &Name, names: impl Iterator<Item = &'n String>) {
        let names: Vec<&str> = names.map(String::as_str).collect();
        let help = match closest(&name.text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        let message = format!("{of} has no `{}`", name.text);
        self.tell(Diagnostic::new("name", name.span, message).help(help));
    }

    fn text(&mut self, pieces: &[Piece]) -> Typed {
        for piece in pieces {
            if let Piece::Hole(hole) = piece {
                let found = self.expr(hole, None);
                if found.ty.is_secret() {
                    let help = "reveal what may be known before, and show that";
                    self.leak(hole.span, "a text would show a secret", &found.flow, help);
                }
            }
        }
        Typed::public(Type::Text)
    }

    pub(super) fn arguments(&mut self, arguments: &[Argument]) -> Vec<(Typed, Span)> {
        arguments.iter().map(|argument| (self.expr(&argument.value, None), argument.value.span)).collect()
    }
}
