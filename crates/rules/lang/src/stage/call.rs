//! Calls of functions: each is computed where it is called.

use super::{CALLS_MAX, Frame, Items, Local, Stage, Staged, Value};
use crate::ast::{Argument, Expr, ExprKind, Function, Name, Object, Parameter, TypeExpr, TypeKind};
use crate::diagnostic::{Diagnostics, closest};
use crate::resolve::Generics;
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use crate::stage::stmt::Flow;
use crate::types::Type;
use std::rc::Rc;

/// A value that is passed, and under which name.
pub(super) struct Passed {
    pub name: Option<String>,
    pub value: Value,
    pub span: Span,
}

impl Stage<'_> {
    pub(super) fn call_expr(
        &mut self,
        callee: &Expr,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Staged<Value> {
        match &callee.kind {
            ExprKind::Name(name) => self.call_name(name, arguments, span, hint),
            ExprKind::Field(base, method) => {
                if let ExprKind::Name(owner) = &base.kind
                    && self.local(owner).is_none()
                {
                    if let Some(value) = self.namespace(owner, method, arguments, span, hint)? {
                        return Ok(value);
                    }
                    if self.program.modules.contains(owner) {
                        return self.call_name(&method.text, arguments, span, hint);
                    }
                }
                let value = self.eval(base, None)?;
                self.method(value, base.span, method, arguments, span)
            }
            _ => Err(self.stop("type", callee.span, "only functions can be called")),
        }
    }

    fn call_name(&mut self, name: &str, arguments: &[Argument], span: Span, hint: Option<&Type>) -> Staged<Value> {
        if self.program.objects.contains_key(name) {
            return self.construct(name, arguments, span);
        }
        if let Some(function) = self.program.functions.get(name).cloned() {
            return self.call_function(&function, None, arguments, span);
        }
        if let Some(value) = self.builtin(name, arguments, span, hint)? {
            return Ok(value);
        }
        if let Some(function) = self.program.library.get(name).cloned() {
            return self.call_function(&function, None, arguments, span);
        }
        Err(self.no_function(name, span))
    }

    pub(super) fn no_function(&self, name: &str, span: Span) -> super::Stop {
        let names = self.program.functions.keys().chain(self.program.library.keys()).map(String::as_str);
        let near = closest(name, names.chain(super::builtin::NAMES.iter().copied()));
        let mut stop = self.stop("name", span, format!("there is no function `{name}`"));
        stop.help = near.map(|near| format!("did you mean `{near}`?"));
        stop
    }

    /// Calls a function of the program; the receiver of `x.f(y)` comes first.
    pub(super) fn call_function(
        &mut self,
        function: &Rc<Function>,
        receiver: Option<(Value, Span)>,
        arguments: &[Argument],
        span: Span,
    ) -> Staged<Value> {
        let mut passed = Vec::with_capacity(arguments.len() + 1);
        passed.extend(receiver.map(|(value, span)| Passed { name: None, value, span }));
        for argument in arguments {
            let at = passed.len();
            let hint = self.parameter_hint(function, at, argument.name.as_ref());
            let value = self.eval(&argument.value, hint.as_ref())?;
            let name = argument.name.as_ref().map(|name| name.text.clone());
            passed.push(Passed { name, value, span: argument.value.span });
        }
        self.call(function, passed, span)
    }

    fn parameter_hint(&mut self, function: &Function, at: usize, name: Option<&Name>) -> Option<Type> {
        let parameter = match name {
            Some(name) => function.parameters.iter().find(|parameter| parameter.name.text == name.text),
            None => function.parameters.get(at),
        }?;
        let generic = !function.generics.is_empty();
        let ty = parameter.ty.as_ref().filter(|_| !generic)?;
        self.ty(ty).ok()
    }

    pub(super) fn call(&mut self, function: &Rc<Function>, passed: Vec<Passed>, span: Span) -> Staged<Value> {
        if self.frames.len() > CALLS_MAX {
            let message = format!("`{}` is called {CALLS_MAX} calls deep", function.name.text);
            let stop = self.stop("limit", span, message);
            let help = "a function may call itself only as often as is known when compiling: use a loop";
            return Err(Box::new(stop.help(help)));
        }
        let generics = self.bind(function, &passed, span)?;
        let locals = self.arguments(function, passed, &generics, span)?;
        let frame = Frame { base: self.locals.len(), generics, result: None, name: function.name.text.clone() };
        self.frames.push(frame);
        self.locals.extend(locals);
        let result = function.result.as_ref().map(|ty| self.ty(ty)).transpose()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.result = result;
        }
        let function = Rc::clone(function);
        let flow = self.deeper(span, |stage| stage.block(&function.body, None))?;
        let frame = self.frames.pop();
        self.locals.truncate(frame.map_or(0, |frame| frame.base));
        match flow {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::None),
        }
    }

    /// Finds what the names of generic types stand for.
    fn bind(&mut self, function: &Function, passed: &[Passed], span: Span) -> Staged<Generics> {
        let mut generics = Generics::new();
        for (parameter, passed) in function.parameters.iter().zip(passed) {
            if let Some(written) = &parameter.ty {
                let ty = self.type_of(&passed.value);
                unify(written, &ty, function, &mut generics);
            }
        }
        for generic in &function.generics {
            generics.entry(generic.text.clone()).or_insert(Type::Wrong);
        }
        self.step(span)?;
        Ok(generics)
    }

    fn arguments(
        &mut self,
        function: &Function,
        passed: Vec<Passed>,
        generics: &Generics,
        span: Span,
    ) -> Staged<Vec<Local>> {
        let (mut named, mut plain) = (Vec::new(), Vec::new());
        for one in passed {
            if one.name.is_some() { named.push(one) } else { plain.push(one) }
        }
        let mut plain = plain.into_iter();
        let mut locals = Vec::new();
        for parameter in &function.parameters {
            let name = parameter.name.text.clone();
            if parameter.rest {
                let rest: Vec<Value> = plain.by_ref().map(|one| one.value).collect();
                locals.push(Local { name, value: Value::list(rest), ty: None });
                continue;
            }
            let found = named.iter().position(|one| one.name.as_deref() == Some(&name));
            let found = found.map(|at| named.remove(at)).or_else(|| plain.next());
            let (value, place) = match (found, &parameter.default) {
                (Some(one), _) => (one.value, one.span),
                (None, Some(default)) => (self.eval(default, None)?, default.span),
                (None, None) => {
                    let message = format!("`{}` needs the argument `{name}`", function.name.text);
                    return Err(self.stop("type", span, message));
                }
            };
            locals.push(self.argument(parameter, value, generics, place)?);
        }
        if plain.next().is_some() || !named.is_empty() {
            let message = format!("`{}` takes {} arguments", function.name.text, function.parameters.len());
            return Err(self.stop("type", span, message));
        }
        Ok(locals)
    }

    fn argument(&mut self, parameter: &Parameter, value: Value, generics: &Generics, span: Span) -> Staged<Local> {
        let name = parameter.name.text.clone();
        let ty = match &parameter.ty {
            Some(written) => self.ty_with(written, generics)?,
            None => Type::Wrong,
        };
        let value = self.coerce(value, &ty, span)?;
        Ok(Local { name, value, ty: Some(ty) })
    }

    pub(super) fn ty(&mut self, written: &TypeExpr) -> Staged<Type> {
        let generics = self.frames.last().map(|frame| frame.generics.clone()).unwrap_or_default();
        self.ty_with(written, &generics)
    }

    fn ty_with(&mut self, written: &TypeExpr, generics: &Generics) -> Staged<Type> {
        let mut told = Diagnostics::default();
        let ty = self.program.ty(written, generics, &mut told);
        match told.into_sorted().into_iter().next() {
            Some(first) => Err(Box::new(first)),
            None => Ok(ty),
        }
    }

    /// Returns the type that a value has.
    pub(super) fn type_of(&self, value: &Value) -> Type {
        match value {
            Value::Number(_) => Type::Number,
            Value::Known(scalar, _) => Type::Scalar(*scalar, false),
            Value::Run(scalar, id) => Type::Scalar(*scalar, self.graph.ty(*id).is_secret()),
            Value::List(items) => {
                let items = items.borrow();
                let item = match &*items {
                    Items::Each(items) => {
                        let types = items.iter().map(|item| self.type_of(item));
                        types.reduce(|a, b| crate::types::join(&a, &b).unwrap_or(a)).unwrap_or(Type::Wrong)
                    }
                    Items::Lanes(scalar, id, _) => Type::Scalar(*scalar, self.graph.ty(*id).is_secret()),
                };
                Type::List(Rc::new(item), None)
            }
            Value::Object(fields) => Type::Object(fields.borrow().object.clone()),
            Value::Dict(_) => Type::Wrong,
            Value::Text(_) => Type::Text,
            Value::None => Type::None,
        }
    }

    /// Gives a value the type that is written where it goes. The checker has seen that it fits.
    pub(super) fn coerce(&mut self, value: Value, ty: &Type, span: Span) -> Staged<Value> {
        match (ty, &value) {
            (Type::Scalar(scalar, wanted), Value::Number(_) | Value::Known(..) | Value::Run(..)) => {
                if self.is_secret(&value) && !wanted {
                    let stop = self.stop("leak", span, format!("a secret would go where a public {scalar} is wanted"));
                    return Err(Box::new(stop.help("reveal it on purpose: `.reveal()`")));
                }
                if let Value::Number(_) = value {
                    return self.settle(&value, *scalar, span);
                }
                self.convert(&value, *scalar, span)
            }
            (Type::Share, Value::Number(_)) => self.settle(&value, INT64, span),
            (Type::List(item, length), Value::List(items)) => {
                if let Some(length) = length
                    && u64::try_from(items.borrow().len()).ok() != Some(*length)
                {
                    let found = items.borrow().len();
                    return Err(self.stop(
                        "type",
                        span,
                        format!("this list has {found} items, and {length} are wanted"),
                    ));
                }
                let each = match &*items.borrow() {
                    Items::Each(each) => each.clone(),
                    Items::Lanes(..) => return Ok(value.clone()),
                };
                if each.iter().all(|one| self.is_of(one, item)) {
                    return Ok(value.clone());
                }
                let each = each.into_iter().map(|one| self.coerce(one, item, span));
                Ok(Value::list(each.collect::<Staged<Vec<_>>>()?))
            }
            (Type::Scalar(scalar, _), other) => {
                Err(self.stop("type", span, format!("a {scalar} is wanted, and this is {}", other.kind())))
            }
            (Type::List(..), other) if !matches!(other, Value::Text(_)) => {
                Err(self.stop("type", span, format!("a list is wanted, and this is {}", other.kind())))
            }
            _ => Ok(value),
        }
    }

    /// Tells whether a value needs no change to be of a type.
    fn is_of(&self, value: &Value, ty: &Type) -> bool {
        match (ty, value) {
            (Type::Scalar(scalar, wanted), Value::Known(found, _) | Value::Run(found, _)) => {
                scalar == found && (*wanted || !self.is_secret(value))
            }
            (Type::Scalar(..) | Type::Share, Value::Number(_)) => false,
            (Type::List(item, length), Value::List(items)) => match &*items.borrow() {
                Items::Each(items) => length.is_none() && items.iter().all(|one| self.is_of(one, item)),
                Items::Lanes(..) => true,
            },
            _ => true,
        }
    }

    /// Reads what a client puts in.
    pub(super) fn client_input(&mut self, object: &Rc<Object>, name: &Name) -> Staged<Value> {
        let Some((_, written)) = object.fields.iter().find(|(field, _)| field.text == name.text) else {
            let names = object.fields.iter().map(|(field, _)| field.text.as_str());
            let near = closest(&name.text, names).map(|near| format!("did you mean `{near}`?"));
            let message = format!("the client `{}` gives no `{}`", object.name.text, name.text);
            let mut stop = self.stop("name", name.span, message);
            stop.help = near;
            return Err(stop);
        };
        let ty = self.ty(written)?;
        let client = &object.name.text;
        match &ty {
            Type::Scalar(scalar, true) => {
                let id = self.input(client, &name.text, *scalar, 1, name.span)?;
                Ok(Value::Run(*scalar, id))
            }
            Type::List(item, Some(length)) => match &**item {
                Type::Scalar(scalar, true) => {
                    let length = self.length_of(*length, name.span)?;
                    let id = self.input(client, &name.text, *scalar, length, name.span)?;
                    Ok(Value::lanes(*scalar, id, length))
                }
                _ => Err(self.stop("type", written.span, "a client gives secret values and lists of them")),
            },
            _ => {
                let stop = self.stop("type", written.span, format!("a client cannot give a {ty}"));
                Err(Box::new(stop.help("write `secret int64`, or `list[secret int64, 10]` with its length")))
            }
        }
    }
}

/// Matches a written type with a found one.
fn unify(written: &TypeExpr, found: &Type, function: &Function, generics: &mut Generics) {
    match (&written.kind, found) {
        (TypeKind::Name(name), _) if function.generics.iter().any(|generic| generic.text == *name) => {
            let found = found.clone().settled();
            let joined = match generics.get(name) {
                Some(old) => crate::types::join(old, &found).unwrap_or_else(|| old.clone()),
                None => found,
            };
            generics.insert(name.clone(), joined);
        }
        (TypeKind::Secret(inner), _) => unify(inner, &found.clone().public(), function, generics),
        (TypeKind::List(item, _), Type::List(inner, _)) => unify(item, inner, function, generics),
        _ => {}
    }
}

/// Tells whether a name is one of a scalar type, which converts when it is called.
pub(super) fn conversion(name: &str) -> Option<Scalar> {
    Scalar::named(name)
}
