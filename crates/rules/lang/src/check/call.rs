//! Calls of functions of the program, and objects that are built.

use super::{Checker, Flow, Typed, step};
use crate::ast::{Argument, Expr, ExprKind, Function, Name, TypeExpr, TypeKind};
use crate::diagnostic::{Diagnostic, closest};
use crate::resolve::Generics;
use crate::source::Span;
use crate::types::{Type, join};
use std::rc::Rc;

impl Checker<'_> {
    pub(super) fn call(&mut self, callee: &Expr, arguments: &[Argument], span: Span, want: Option<&Type>) -> Typed {
        match &callee.kind {
            ExprKind::Name(name) => self.call_name(name, callee.span, arguments, span),
            ExprKind::Field(base, method) => {
                if let ExprKind::Name(owner) = &base.kind
                    && self.local(owner).is_none()
                {
                    if let Some(found) = self.namespace(owner, method, arguments, span, want) {
                        return found;
                    }
                    if self.program.modules.contains(owner) {
                        return self.call_name(&method.text, method.span, arguments, span);
                    }
                }
                let receiver = self.expr(base, None);
                self.method(&receiver, base.span, method, arguments, span)
            }
            _ => {
                self.tell(Diagnostic::new("type", callee.span, "only functions can be called").help("write its name"));
                Typed::wrong()
            }
        }
    }

    fn call_name(&mut self, name: &str, place: Span, arguments: &[Argument], span: Span) -> Typed {
        let program = self.program;
        if program.objects.contains_key(name) {
            return self.construct(name, arguments, span);
        }
        if let Some(function) = program.functions.get(name) {
            return self.function(function, None, arguments, span);
        }
        if crate::scalar::Scalar::named(name).is_some() || crate::stage::NAMES.contains(&name) {
            let values = self.builtin_arguments(name, arguments);
            if let Some(found) = self.builtin(name, &values, span) {
                return found;
            }
            let message = format!("`{name}` does not take these arguments");
            let help = super::builtin::usage(name);
            self.tell(Diagnostic::new("type", span, message).help(help));
            return Typed::wrong();
        }
        if let Some(function) = program.library.get(name) {
            return self.function(function, None, arguments, span);
        }
        self.no_function(name, place);
        self.arguments(arguments);
        Typed::wrong()
    }

    fn no_function(&mut self, name: &str, span: Span) {
        let own = self.program.functions.keys().chain(self.program.library.keys()).chain(self.program.objects.keys());
        let near = closest(name, own.map(String::as_str).chain(crate::stage::NAMES.iter().copied()));
        let help = match (name, near) {
            ("type" | "create_closure" | "call_closure" | "create_object" | "set_field" | "get_field", _) => {
                "types and functions are fixed when compiling: declare an `object`, and call a `def`".into()
            }
            (_, Some(near)) => format!("did you mean `{near}`?"),
            _ => format!("declare it: `def {name}(...):`"),
        };
        self.tell(Diagnostic::new("name", span, format!("there is no function `{name}`")).help(help));
    }

    fn method(&mut self, receiver: &Typed, place: Span, method: &Name, arguments: &[Argument], span: Span) -> Typed {
        let program = self.program;
        if let Some(function) = program.functions.get(&method.text) {
            return self.function(function, Some((receiver.clone(), place)), arguments, span);
        }
        let mut values = vec![(receiver.clone(), place)];
        values.extend(self.arguments(arguments));
        if !matches!(receiver.ty, Type::List(..) | Type::Text)
            && let Some(found) = self.share_call(&method.text, &values, span)
        {
            return found;
        }
        if let Some(found) = self.builtin(&method.text, &values, span) {
            return found;
        }
        if let Some(function) = program.library.get(&method.text) {
            return self.function(function, Some((receiver.clone(), place)), arguments, span);
        }
        if receiver.ty.is_wrong() {
            return Typed::wrong();
        }
        self.no_function(&method.text, method.span);
        Typed::wrong()
    }

    fn construct(&mut self, object: &str, arguments: &[Argument], span: Span) -> Typed {
        let fields = self.program.fields(object);
        if self.program.objects.get(object).is_some_and(|object| object.client) {
            let message = format!("`{object}` is a client, and no object to build");
            self.tell(Diagnostic::new("type", span, message).help("read what it puts in: `client.field`"));
            return Typed::wrong();
        }
        for (at, argument) in arguments.iter().enumerate() {
            let name = match &argument.name {
                Some(name) => name.text.clone(),
                None => fields.get(at).map_or(String::new(), |(name, _)| name.clone()),
            };
            let Some((_, ty)) = fields.iter().find(|(field, _)| *field == name) else {
                let place = argument.name.clone().unwrap_or(Name { text: name, span: argument.value.span });
                let names: Vec<String> = fields.iter().map(|(field, _)| field.clone()).collect();
                self.no_field(&format!("`{object}`"), &place, names.iter());
                self.expr(&argument.value, None);
                continue;
            };
            let ty = self.program.ty(ty, &self.generics, self.diagnostics);
            let found = self.expr(&argument.value, Some(&ty));
            self.literal(Some(&argument.value), &ty);
            self.fits(&found, &ty, argument.value.span, &format!("the field `{name}`"));
        }
        Typed::public(Type::Object(object.to_string()))
    }

    /// Checks a call of a function of the program or of the library.
    fn function(
        &mut self,
        function: &Rc<Function>,
        receiver: Option<(Typed, Span)>,
        arguments: &[Argument],
        span: Span,
    ) -> Typed {
        let passed = self.passed(function, receiver, arguments);
        let Some(passed) = self.match_arguments(function, passed, span) else {
            let generics = Generics::new();
            let simple = function.generics.is_empty().then_some(function.result.as_ref()).flatten();
            return Typed::public(simple.map_or(Type::Wrong, |ty| self.program.ty(ty, &generics, self.diagnostics)));
        };
        let mut generics = Generics::new();
        for (parameter, (found, _)) in function.parameters.iter().zip(&passed) {
            if let Some(written) = &parameter.ty {
                unify(written, &found.ty, function, &mut generics);
            }
        }
        for generic in &function.generics {
            generics.entry(generic.text.clone()).or_insert(Type::Wrong);
        }
        let mut types = Vec::new();
        let mut flow: Flow = None;
        for (parameter, (found, place)) in function.parameters.iter().zip(&passed) {
            let ty = match &parameter.ty {
                Some(written) if !parameter.rest => self.program.ty(written, &generics, self.diagnostics),
                _ => found.ty.clone().settled(),
            };
            let what = format!("the argument `{}` of `{}`", parameter.name.text, function.name.text);
            self.fits(found, &ty, *place, &what);
            flow = flow.or_else(|| found.flow.clone());
            types.push(ty);
        }
        let generic =
            !function.generics.is_empty() || function.parameters.iter().any(|parameter| parameter.ty.is_none());
        let called = generic.then(|| {
            let shown = types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
            (span, shown)
        });
        let instance = self.instance(function, &types, generics, called);
        if let Some(effect) = instance.effect {
            self.called_effect(effect, function, span);
        }
        let flow = instance.result.is_secret().then(|| {
            let from = flow.or_else(|| step(function.span, format!("`{}` gives a secret", function.name.text), None));
            step(span, format!("`{}` returns a secret", function.name.text), from)
        });
        Typed { ty: instance.result, flow: flow.flatten() }
    }

    fn called_effect(&mut self, effect: super::Effect, function: &Function, span: Span) {
        self.effect.get_or_insert(effect);
        let Some(guard) = self.guards.last() else { return };
        let flow = step(guard.span, "the condition is secret".into(), guard.flow.clone());
        let flow = step(effect.span, format!("`{}` does it here", function.name.text), flow);
        let message =
            format!("`{}` {}: whether it does would tell the secret condition", function.name.text, effect.what);
        self.leak(span, message, &flow, "call it behind the branch, with a value that the branch chose");
    }

    fn passed(
        &mut self,
        function: &Rc<Function>,
        receiver: Option<(Typed, Span)>,
        arguments: &[Argument],
    ) -> Vec<(Option<Name>, Typed, Span)> {
        let mut passed: Vec<(Option<Name>, Typed, Span)> = Vec::new();
        passed.extend(receiver.map(|(found, span)| (None, found, span)));
        for argument in arguments {
            let at = passed.len();
            let parameter = match &argument.name {
                Some(name) => function.parameters.iter().find(|parameter| parameter.name.text == name.text),
                None => function.parameters.get(at),
            };
            let written =
                parameter.and_then(|parameter| parameter.ty.as_ref()).filter(|_| function.generics.is_empty());
            let want = written.map(|ty| self.program.ty(ty, &Generics::new(), self.diagnostics));
            let found = self.expr(&argument.value, want.as_ref());
            if let Some(want) = &want {
                self.literal(Some(&argument.value), want);
            }
            passed.push((argument.name.clone(), found, argument.value.span));
        }
        passed
    }

    /// Puts arguments into the order of the parameters; nothing if they do not match.
    fn match_arguments(
        &mut self,
        function: &Function,
        passed: Vec<(Option<Name>, Typed, Span)>,
        span: Span,
    ) -> Option<Vec<(Typed, Span)>> {
        let (mut named, mut plain): (Vec<_>, Vec<_>) = passed.into_iter().partition(|one| one.0.is_some());
        plain.reverse();
        let mut matched = Vec::new();
        let mut missing = Vec::new();
        for parameter in &function.parameters {
            if parameter.rest {
                let mut item = Type::Wrong;
                let mut flow = None;
                while let Some((_, found, _)) = plain.pop() {
                    item = join(&item, &found.ty).unwrap_or(item);
                    flow = flow.or(found.flow);
                }
                matched.push((Typed { ty: Type::List(Rc::new(item.settled()), None), flow }, span));
                continue;
            }
            let at = named.iter().position(|one| one.0.as_ref().is_some_and(|name| name.text == parameter.name.text));
            let found = at.map(|at| named.remove(at)).or_else(|| plain.pop());
            match (found, &parameter.default) {
                (Some((_, found, place)), _) => matched.push((found, place)),
                (None, Some(default)) => {
                    let found = self.expr(default, None);
                    matched.push((found, default.span));
                }
                (None, None) => missing.push(format!("`{}`", parameter.name.text)),
            }
        }
        let head = function.span;
        if !missing.is_empty() {
            let message = format!("`{}` also needs {}", function.name.text, missing.join(" and "));
            self.tell(
                Diagnostic::new("type", span, message)
                    .at(head, "declared here")
                    .help("give all arguments without a default"),
            );
            return None;
        }
        if let Some((name, _, place)) = named.pop().or_else(|| plain.pop()) {
            let message = match name {
                Some(name) => format!("`{}` has no argument `{}`", function.name.text, name.text),
                None => format!("`{}` takes {} arguments", function.name.text, function.parameters.len()),
            };
            self.tell(Diagnostic::new("type", place, message).at(head, "declared here").help("leave it out"));
            return None;
        }
        Some(matched)
    }
}

/// Matches a written type with a found one.
fn unify(written: &TypeExpr, found: &Type, function: &Function, generics: &mut Generics) {
    match (&written.kind, found) {
        (TypeKind::Name(name), _) if function.generics.iter().any(|generic| generic.text == *name) => {
            // A plain number takes the type that the other arguments have.
            let joined = match generics.get(name) {
                Some(old) => join(old, found).unwrap_or_else(|| old.clone()),
                None => found.clone(),
            };
            let joined = if joined == Type::Number { crate::types::INT } else { joined };
            generics.insert(name.clone(), joined);
        }
        (TypeKind::Secret(inner), _) => unify(inner, &found.clone().public(), function, generics),
        (TypeKind::List(item, _), Type::List(inner, _)) => unify(item, inner, function, generics),
        _ => {}
    }
}
