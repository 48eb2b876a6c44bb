//! Checks types and secrecy of every function before anything is compiled.
//!
//! A value's type says whether it is secret. Where a secret would become known (a branch that changes something public,
//! an index, the number of rounds of a loop, an error, a text, a return before the end) the checker refuses, and shows
//! the way that the secret took. The compiler looks again at the values themselves, and the verifier at the bytecode.

mod builtin;
mod call;
mod expr;
mod stmt;

use crate::ast::{Function, Stmt, StmtKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::resolve::{Generics, Program};
use crate::source::Span;
use crate::types::{Misfit, Type, check_fits};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many steps of a secret's way are shown.
const PATH_MAX: usize = 6;
/// How deep calls of generic functions are followed.
const INSTANCES_DEEP: usize = 60;

/// One step of the way that a secret took.
#[derive(Debug)]
struct Step {
    span: Span,
    text: String,
    from: Flow,
}

type Flow = Option<Rc<Step>>;

/// What an expression is.
#[derive(Debug, Clone)]
struct Typed {
    ty: Type,
    flow: Flow,
}

impl Typed {
    fn public(ty: Type) -> Self {
        Self { ty, flow: None }
    }

    fn wrong() -> Self {
        Self::public(Type::Wrong)
    }
}

struct Local {
    name: String,
    ty: Type,
    flow: Flow,
    span: Span,
    constant: bool,
    written: bool,
}

/// A secret condition that stands around the statement at hand.
struct Guard {
    span: Span,
    flow: Flow,
    /// Variables from here on were declared inside.
    locals: usize,
    /// Loops from here on were begun inside.
    loops: usize,
}

/// Something that everybody sees: it must not stand under a secret condition.
#[derive(Debug, Clone, Copy)]
struct Effect {
    what: &'static str,
    span: Span,
}

/// What is known of a function for given types of its arguments.
#[derive(Debug, Clone)]
struct Instance {
    result: Type,
    effect: Option<Effect>,
}

struct Checker<'a> {
    program: &'a Program,
    diagnostics: &'a mut Diagnostics,
    locals: Vec<Local>,
    base: usize,
    globals: usize,
    generics: Generics,
    result: Option<Type>,
    /// What the function returns, where nobody wrote it.
    returned: Option<Type>,
    function: String,
    guards: Vec<Guard>,
    loops: usize,
    effect: Option<Effect>,
    instances: BTreeMap<(String, Vec<Type>), Instance>,
    deep: usize,
    /// The call that led to the generic function at hand.
    called: Option<(Span, String)>,
}

/// Checks the whole program.
pub(crate) fn check(program: &Program, diagnostics: &mut Diagnostics) {
    let mut checker = Checker {
        program,
        diagnostics,
        locals: Vec::new(),
        base: 0,
        globals: 0,
        generics: Generics::new(),
        result: None,
        returned: None,
        function: String::new(),
        guards: Vec::new(),
        loops: 0,
        effect: None,
        instances: BTreeMap::new(),
        deep: 0,
        called: None,
    };
    checker.declarations();
    for statement in &program.statements {
        checker.top_level(statement);
    }
    checker.globals = checker.locals.len();
    for function in program.functions.values() {
        checker.whole(function);
    }
}

impl Checker<'_> {
    fn declarations(&mut self) {
        let program = self.program;
        for object in program.objects.values() {
            for (_, ty) in &object.fields {
                program.ty(ty, &Generics::new(), self.diagnostics);
            }
            if let Some(base) = &object.base
                && !program.objects.contains_key(&base.text)
            {
                let names = program.objects.keys().map(String::as_str);
                let near = crate::diagnostic::closest(&base.text, names).map(|near| format!("did you mean `{near}`?"));
                let mut diagnostic = Diagnostic::new("name", base.span, format!("there is no object `{}`", base.text));
                diagnostic.help = near;
                self.diagnostics.push(diagnostic);
            }
        }
        for alias in program.aliases.values() {
            program.ty(alias, &Generics::new(), self.diagnostics);
        }
    }

    fn top_level(&mut self, statement: &Stmt) {
        if matches!(statement.kind, StmtKind::Var { .. } | StmtKind::Pass) {
            self.statement(statement);
            return;
        }
        let message = "only variables stand outside of functions";
        self.tell(Diagnostic::new("syntax", statement.span, message).help("move it into `def main() -> int64:`"));
    }

    /// Checks a function by what its head says. Names of types without an argument stand for anything.
    fn whole(&mut self, function: &Rc<Function>) {
        if !function.generics.is_empty() || function.parameters.iter().any(|parameter| parameter.ty.is_none()) {
            // A generic function is checked for the types with which it is called.
            let any = function.generics.iter().map(|generic| (generic.text.clone(), Type::Wrong)).collect();
            for parameter in &function.parameters {
                if let Some(ty) = &parameter.ty {
                    self.program.ty(ty, &any, self.diagnostics);
                }
            }
            return;
        }
        let types = function.parameters.iter().map(|parameter| match &parameter.ty {
            Some(ty) => self.program.ty(ty, &Generics::new(), self.diagnostics),
            None => Type::Wrong,
        });
        let types: Vec<Type> = types.collect();
        self.instance(function, &types, Generics::new(), None);
    }

    /// Checks a function's body for these types, once.
    fn instance(
        &mut self,
        function: &Rc<Function>,
        types: &[Type],
        generics: Generics,
        called: Option<(Span, String)>,
    ) -> Instance {
        let key = (function.name.text.clone(), types.to_vec());
        if let Some(known) = self.instances.get(&key) {
            return known.clone();
        }
        let written = function.result.as_ref().map(|ty| self.program.ty(ty, &generics, self.diagnostics));
        let provisional = Instance { result: written.clone().unwrap_or(Type::Wrong), effect: None };
        self.instances.insert(key.clone(), provisional.clone());
        if self.deep >= INSTANCES_DEEP {
            return provisional;
        }
        self.deep += 1;
        let outer = self.enter(function, types, generics, written.clone(), called);
        let leaves = self.block(&function.body);
        if let Some(ty) = &written
            && !leaves
            && !matches!(ty, Type::None | Type::Wrong)
        {
            let message = format!("`{}` may end without returning a {ty}", function.name.text);
            let help = "add a `return` at the end, or an `else` that returns";
            self.tell(Diagnostic::new("type", function.span, message).help(help));
        }
        let result = written.or(self.returned.take()).unwrap_or(Type::None);
        let instance = Instance { result, effect: self.effect };
        self.leave(outer);
        self.deep -= 1;
        self.instances.insert(key, instance.clone());
        instance
    }

    fn enter(
        &mut self,
        function: &Function,
        types: &[Type],
        generics: Generics,
        result: Option<Type>,
        called: Option<(Span, String)>,
    ) -> Outer {
        let outer = Outer {
            base: self.base,
            length: self.locals.len(),
            generics: std::mem::replace(&mut self.generics, generics),
            result: std::mem::replace(&mut self.result, result),
            returned: self.returned.take(),
            function: std::mem::replace(&mut self.function, function.name.text.clone()),
            guards: std::mem::take(&mut self.guards),
            loops: std::mem::take(&mut self.loops),
            effect: self.effect.take(),
            called: self.called.take(),
        };
        self.called = called;
        self.base = self.locals.len();
        for (parameter, ty) in function.parameters.iter().zip(types) {
            let span = parameter.name.span;
            let name = &parameter.name.text;
            let flow = if ty.is_secret() { step(span, format!("`{name}` is a secret argument"), None) } else { None };
            let local = Local { name: name.clone(), ty: ty.clone(), flow, span, constant: false, written: true };
            self.locals.push(local);
        }
        outer
    }

    fn leave(&mut self, outer: Outer) {
        self.locals.truncate(outer.length);
        self.base = outer.base;
        self.generics = outer.generics;
        self.result = outer.result;
        self.returned = outer.returned;
        self.function = outer.function;
        self.guards = outer.guards;
        self.loops = outer.loops;
        self.effect = outer.effect;
        self.called = outer.called;
    }

    fn tell(&mut self, mut diagnostic: Diagnostic) {
        if let Some((span, types)) = &self.called {
            diagnostic = diagnostic.at(*span, format!("called here with {types}"));
        }
        self.diagnostics.push(diagnostic);
    }

    /// Tells of a leak, with the way that the secret took.
    fn leak(&mut self, span: Span, message: impl Into<String>, flow: &Flow, help: &str) {
        let mut diagnostic = Diagnostic::new("leak", span, message);
        let mut way = Vec::new();
        let mut next = flow.clone();
        while let Some(step) = next.take() {
            if step.span != span {
                way.push((step.span, step.text.clone()));
            }
            next.clone_from(&step.from);
        }
        way.reverse();
        way.dedup_by_key(|step| step.0);
        if way.len() > PATH_MAX {
            way.drain(PATH_MAX / 2..way.len() - PATH_MAX / 2);
        }
        diagnostic.path = way;
        self.tell(diagnostic.help(help));
    }

    /// Notes something that everybody sees, and refuses it under a secret condition.
    fn effect(&mut self, what: &'static str, span: Span) {
        self.effect.get_or_insert(Effect { what, span });
        self.check_effect(what, span);
    }

    fn check_effect(&mut self, what: &'static str, span: Span) {
        let Some(guard) = self.guards.last() else { return };
        let flow = step(guard.span, "the condition is secret".into(), guard.flow.clone());
        let message = format!("whether this {what} would tell the secret condition");
        self.leak(span, message, &flow, "choose a value in the branch, and use it behind the branch");
    }

    /// Checks that a value fits where it goes.
    fn fits(&mut self, value: &Typed, to: &Type, span: Span, place: &str) {
        match check_fits(&value.ty, to) {
            Ok(()) => {}
            Err(Misfit::Leak) => {
                let message = format!("{place} is public ({to}), and this is secret ({})", value.ty);
                let help = format!("keep it secret: `{}`; or reveal it on purpose: `.reveal()`", to.clone().secret());
                self.leak(span, message, &value.flow, &help);
            }
            Err(Misfit::Kind) => {
                let message = format!("{place} is {to}, and this is {}", value.ty);
                let diagnostic = Diagnostic::new("type", span, message);
                let diagnostic = match (to, &value.ty) {
                    (Type::Scalar(scalar, _), Type::Scalar(..) | Type::Number) => {
                        diagnostic.help(format!("convert it: `{scalar}(...)`"))
                    }
                    _ => diagnostic.help(format!("give it a value of type {to}")),
                };
                self.tell(diagnostic);
            }
        }
    }
}

/// What the checker knew outside of a function.
struct Outer {
    base: usize,
    length: usize,
    generics: Generics,
    result: Option<Type>,
    returned: Option<Type>,
    function: String,
    guards: Vec<Guard>,
    loops: usize,
    effect: Option<Effect>,
    called: Option<(Span, String)>,
}

fn step(span: Span, text: String, from: Flow) -> Flow {
    Some(Rc::new(Step { span, text, from }))
}
