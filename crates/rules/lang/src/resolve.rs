//! Finds the modules of a program and puts their names into one scope.

use crate::ast::{Block, Enum, Expr, ExprKind, Function, Import, Module, Object, StmtKind, TypeExpr, TypeKind};
use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::parse::parse;
use crate::scalar::{INT64, Scalar};
use crate::source::{Modules, Sources, Span};
use crate::types::Type;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most modules that a program may have.
const MODULES_MAX: usize = 512;
/// How deep aliases and bases may lead.
const CHAIN_MAX: usize = 32;

/// A program with all its modules.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub functions: BTreeMap<String, Rc<Function>>,
    /// Functions of the standard library; the program's own come first.
    pub library: BTreeMap<String, Rc<Function>>,
    pub objects: BTreeMap<String, Rc<Object>>,
    pub aliases: BTreeMap<String, TypeExpr>,
    pub enums: BTreeMap<String, BTreeMap<String, i128>>,
    pub statements: Block,
    /// Names under which modules can be written before a point.
    pub modules: Vec<String>,
}

/// What generic names stand for.
pub(crate) type Generics = BTreeMap<String, Type>;

/// Reads the file and all that it imports.
pub(crate) fn load(
    name: &str,
    text: &str,
    modules: &dyn Modules,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Program {
    let mut loader =
        Loader { modules, sources, diagnostics, program: Program::default(), open: Vec::new(), done: Vec::new() };
    loader.file(name, text);
    let mut program = loader.program;
    let library = sources.add("std.stfl", crate::LIBRARY);
    for function in parse(library, crate::LIBRARY, diagnostics).functions {
        program.library.insert(function.name.text.clone(), Rc::new(function));
    }
    program
}

struct Loader<'a> {
    modules: &'a dyn Modules,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    program: Program,
    /// The files that are being read: an import of one of them is a circle.
    open: Vec<String>,
    done: Vec<String>,
}

impl Loader<'_> {
    fn file(&mut self, name: &str, text: &str) {
        let number = self.sources.add(name, text);
        self.open.push(name.to_string());
        let module = parse(number, text, self.diagnostics);
        for import in &module.imports {
            self.import(import, name);
        }
        self.declare(module);
        self.open.pop();
        self.done.push(name.to_string());
    }

    fn import(&mut self, import: &Import, from: &str) {
        let path: Vec<String> = import.path.iter().map(|part| part.text.clone()).collect();
        let short = import.alias.as_ref().or(import.path.last()).map_or(String::new(), |name| name.text.clone());
        self.program.modules.push(short);
        if path.first().is_some_and(|first| first == "std") {
            // What the language brings along needs no file.
            return;
        }
        let written = path.join(".");
        let Some((name, text)) = self.modules.module(&path, from) else {
            let names = self.modules.names();
            let near = closest(&written, names.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("put it into `{}.stfl`, beside the file that imports it", path.join("/")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no module `{written}`");
            self.diagnostics.push(Diagnostic::new("module", import.span, message).help(help));
            return;
        };
        if self.open.contains(&name) {
            let message = format!("the module `{written}` imports itself");
            let circle = format!("the circle: {} -> {name}", self.open.join(" -> "));
            self.diagnostics.push(
                Diagnostic::new("module", import.span, message)
                    .label(circle)
                    .help("move what both need into a third module"),
            );
            return;
        }
        if self.done.contains(&name) || self.done.len() + self.open.len() >= MODULES_MAX {
            return;
        }
        self.file(&name, &text);
    }

    fn declare(&mut self, module: Module) {
        for object in module.objects {
            let (name, span) = (object.name.text.clone(), object.name.span);
            let old = self.program.objects.insert(name.clone(), Rc::new(object));
            self.twice(&name, span, old.map(|old| old.name.span));
        }
        for function in module.functions {
            if function.builtin {
                continue;
            }
            let (name, span) = (function.name.text.clone(), function.name.span);
            let old = self.program.functions.insert(name.clone(), Rc::new(function));
            self.twice(&name, span, old.map(|old| old.name.span));
        }
        for (name, ty) in module.aliases {
            self.program.aliases.insert(name.text, ty);
        }
        for found in module.enums {
            self.enumeration(found);
        }
        self.program.statements.extend(module.statements);
    }

    fn twice(&mut self, name: &str, span: Span, old: Option<Span>) {
        if let Some(old) = old {
            let message = format!("`{name}` is declared twice");
            let diagnostic = Diagnostic::new("name", span, message).at(old, "the first one").help("rename one of them");
            self.diagnostics.push(diagnostic);
        }
    }

    fn enumeration(&mut self, found: Enum) {
        let (mut next, mut variants) = (0i128, BTreeMap::new());
        for (name, value) in found.variants {
            if let Some(value) = value {
                match value.kind {
                    ExprKind::Int(number, _) => next = number,
                    _ => self.diagnostics.push(
                        Diagnostic::new("type", value.span, "a variant's value is a number").help("write a number"),
                    ),
                }
            }
            variants.insert(name.text, next);
            next += 1;
        }
        self.program.enums.insert(found.name.text, variants);
    }
}

impl Program {
    /// Returns the function of this name, the program's own before the library's.
    pub fn function(&self, name: &str) -> Option<&Rc<Function>> {
        self.functions.get(name).or_else(|| self.library.get(name))
    }

    /// Returns an object's fields, those of its base first.
    pub fn fields(&self, name: &str) -> Vec<(String, TypeExpr)> {
        let mut chain = Vec::new();
        let mut next = self.objects.get(name);
        while let Some(object) = next {
            chain.push(object);
            let base = object.base.as_ref().and_then(|base| self.objects.get(&base.text));
            next = if chain.len() < CHAIN_MAX { base } else { None };
        }
        let fields = chain.iter().rev().flat_map(|object| object.fields.iter());
        fields.map(|(name, ty)| (name.text.clone(), ty.clone())).collect()
    }

    /// Returns the type that was written.
    pub fn ty(&self, written: &TypeExpr, generics: &Generics, diagnostics: &mut Diagnostics) -> Type {
        self.ty_within(written, generics, diagnostics, 0)
    }

    fn ty_within(&self, written: &TypeExpr, generics: &Generics, told: &mut Diagnostics, depth: usize) -> Type {
        match &written.kind {
            TypeKind::Wrong => Type::Wrong,
            TypeKind::Secret(inner) => {
                let ty = self.ty_within(inner, generics, told, depth);
                if matches!(ty, Type::Text | Type::None | Type::Object(_) | Type::Dict(..)) {
                    let message = format!("a {ty} cannot be secret as a whole");
                    let help = "mark the numbers in it: `secret int64`, or the fields of the object";
                    told.push(Diagnostic::new("type", written.span, message).help(help));
                    return Type::Wrong;
                }
                ty.secret()
            }
            TypeKind::List(item, length) => {
                let item = self.ty_within(item, generics, told, depth);
                let length = length.as_ref().and_then(|length| self.length(length, told));
                Type::List(Rc::new(item), length)
            }
            TypeKind::Dict(key, value) => {
                let key = self.ty_within(key, generics, told, depth);
                Type::Dict(Rc::new(key), Rc::new(self.ty_within(value, generics, told, depth)))
            }
            TypeKind::Name(name) => self.named(name, written.span, generics, told, depth),
        }
    }

    fn length(&self, written: &Expr, told: &mut Diagnostics) -> Option<u64> {
        let value = match &written.kind {
            ExprKind::Int(value, _) => Some(*value),
            ExprKind::Name(name) => self.statements.iter().find_map(|statement| match &statement.kind {
                StmtKind::Var { name: found, value: Some(value), .. } if found.text == *name => match value.kind {
                    ExprKind::Int(value, _) => Some(value),
                    _ => None,
                },
                _ => None,
            }),
            _ => None,
        };
        let length = value.and_then(|value| u64::try_from(value).ok());
        if length.is_none() {
            let message = "the length of a list is not known here";
            let help = "write a number, or the name of a `const` at the left margin that is a number";
            told.push(Diagnostic::new("type", written.span, message).help(help));
        }
        length
    }

    fn named(&self, name: &str, span: Span, generics: &Generics, told: &mut Diagnostics, depth: usize) -> Type {
        if let Some(ty) = generics.get(name) {
            return ty.clone();
        }
        if let Some(scalar) = Scalar::named(name) {
            return Type::Scalar(scalar, false);
        }
        match name {
            "string" => return Type::Text,
            "None" | "void" => return Type::None,
            "Share" => return Type::Share,
            "bytes" | "ByteArray" => {
                let byte = Type::Scalar(Scalar::Int { bits: 8, signed: false }, false);
                return Type::List(Rc::new(byte), None);
            }
            _ => {}
        }
        if self.enums.contains_key(name) {
            return Type::Scalar(INT64, false);
        }
        if self.objects.contains_key(name) {
            return Type::Object(name.to_string());
        }
        if let Some(alias) = self.aliases.get(name).filter(|_| depth < CHAIN_MAX) {
            return self.ty_within(alias, generics, told, depth + 1);
        }
        told.push(self.unknown_type(name, span, generics));
        Type::Wrong
    }

    fn unknown_type(&self, name: &str, span: Span, generics: &Generics) -> Diagnostic {
        let help = match name {
            "float" | "float64" | "float32" | "f64" | "f32" => {
                "engines must agree bit by bit, and floats do not: use `fix64`, which has 16 bits behind the point"
                    .into()
            }
            "fix32" | "fixed32" => "use `fix64`".into(),
            "Closure" | "Object" => "types are fixed when compiling: declare an `object`, call a `def`".into(),
            "list" => "say of what: `list[int64]`".into(),
            _ => {
                let own =
                    self.objects.keys().chain(self.aliases.keys()).chain(self.enums.keys()).chain(generics.keys());
                let names = own.map(String::as_str).chain(TYPES.iter().copied());
                match closest(name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        "types are int8 to int64, uint8 to uint64, bool, fix64, field, string, list[T] and your objects"
                            .into()
                    }
                }
            }
        };
        Diagnostic::new("type", span, format!("there is no type `{name}`")).help(help)
    }
}

const TYPES: &[&str] = &[
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "fix64", "field", "string",
    "Share", "None",
];
