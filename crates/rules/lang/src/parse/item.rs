//! What stands at the left margin.

use super::{Failed, Parser, Read};
use crate::ast::{Enum, Function, Import, Module, Object, Parameter};
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn item(&mut self, module: &mut Module) {
        if self.take_newline() {
            return;
        }
        let read = match (self.kind(), self.word()) {
            (Kind::Keyword, "def") => self.function().map(|function| module.functions.push(function)),
            (Kind::Name, "client") if matches!(self.ahead(1), Kind::Name) => {
                self.object().map(|object| module.objects.push(object))
            }
            (Kind::Keyword, "object") => self.object().map(|object| module.objects.push(object)),
            (Kind::Keyword, "enum") => self.enumeration().map(|found| module.enums.push(found)),
            (Kind::Name, "type") if matches!(self.ahead(1), Kind::Name) => self.alias(module),
            (Kind::Keyword, "import") => self.import().map(|import| module.imports.push(import)),
            (Kind::Name, "from") if matches!(self.ahead(1), Kind::Name) => {
                let span = self.span();
                self.refused(span, "there is no `from ... import`", "write `import module`: its names are then known");
                Err(Failed)
            }
            _ => {
                self.line(&mut module.statements);
                Ok(())
            }
        };
        if read.is_err() {
            self.recover();
        }
    }

    fn import(&mut self) -> Read<Import> {
        let start = self.span();
        self.at += 1;
        let mut path = vec![self.name("a module")?];
        while self.take_sign(".") {
            path.push(self.name("a module")?);
        }
        let alias = if self.take_word("as") { Some(self.name("the module here")?) } else { None };
        let span = start.to(self.last());
        self.end_of_line()?;
        Ok(Import { path, alias, span })
    }

    fn alias(&mut self, module: &mut Module) -> Read<()> {
        self.at += 1;
        let name = self.name("the type")?;
        self.expect_sign("=", "behind the type's name")?;
        let ty = self.type_expr()?;
        self.end_of_line()?;
        module.aliases.push((name, ty));
        Ok(())
    }

    fn object(&mut self) -> Read<Object> {
        let client = self.word() == "client";
        self.at += 1;
        let name = self.name(if client { "a client" } else { "an object" })?;
        let mut base = None;
        if self.take_sign("(") {
            base = Some(self.name("the object that it extends")?);
            self.expect_sign(")", "behind the object's base")?;
        }
        let mut fields = Vec::new();
        self.members("object", |parser| {
            let name = parser.name("a field")?;
            parser.expect_sign(":", "behind the field's name")?;
            let ty = parser.type_expr()?;
            fields.push((name, ty));
            Ok(())
        })?;
        Ok(Object { name, base, fields, client })
    }

    fn enumeration(&mut self) -> Read<Enum> {
        self.at += 1;
        let name = self.name("an enum")?;
        let mut variants = Vec::new();
        self.members("enum", |parser| {
            let name = parser.name("a variant")?;
            let value = if parser.take_sign("=") { Some(parser.expression()?) } else { None };
            parser.take_sign(",");
            variants.push((name, value));
            Ok(())
        })?;
        Ok(Enum { name, variants })
    }

    /// Reads the indented lines of a declaration.
    fn members(&mut self, of: &str, mut member: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect_sign(":", &format!("behind the {of}'s name"))?;
        if !self.take_newline() || !matches!(self.kind(), Kind::Indent) {
            return self.wrong(format!("expected the members of the {of}"), "write one on each indented line");
        }
        self.at += 1;
        while !matches!(self.kind(), Kind::Dedent | Kind::End) {
            let before = self.at;
            let read = if self.take_word("pass") { Ok(()) } else { member(self) };
            if read.and_then(|()| self.end_of_line()).is_err() {
                self.recover();
            }
            self.at += usize::from(self.at == before);
        }
        self.at += usize::from(matches!(self.kind(), Kind::Dedent));
        Ok(())
    }

    fn function(&mut self) -> Read<Function> {
        let start = self.span();
        self.at += 1;
        let name = self.name("the function")?;
        let mut generics = Vec::new();
        if self.take_sign("[") {
            while !self.is_sign("]") {
                generics.push(self.name("a type")?);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.expect_sign("]", "behind the types")?;
        }
        self.expect_sign("(", "behind the function's name")?;
        let parameters = self.parameters()?;
        let result = if self.take_sign("->") { Some(self.type_expr()?) } else { None };
        let span = start.to(self.last());
        let builtin = self.pragma();
        if builtin {
            self.take_sign(":");
            self.take_newline();
            return Ok(Function { name, generics, parameters, result, body: Vec::new(), builtin, span });
        }
        let body = self.block("behind the function's head")?;
        Ok(Function { name, generics, parameters, result, body, builtin, span })
    }

    /// Reads `{. ... .}`: only `builtin` means something, that the function is part of the language.
    fn pragma(&mut self) -> bool {
        if !self.take_sign("{.") {
            return false;
        }
        let mut builtin = false;
        while !self.is_sign(".}") && !matches!(self.kind(), Kind::End | Kind::Newline) {
            builtin |= self.word() == "builtin";
            self.at += 1;
        }
        self.take_sign(".}");
        builtin
    }

    fn parameters(&mut self) -> Read<Vec<Parameter>> {
        let mut parameters = Vec::new();
        while !self.is_sign(")") {
            let rest = self.take_sign("*");
            let name = self.name("a parameter")?;
            let ty = if self.take_sign(":") { Some(self.type_expr()?) } else { None };
            let default = if self.take_sign("=") { Some(self.expression()?) } else { None };
            parameters.push(Parameter { name, ty, default, rest });
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")", "behind the parameters")?;
        Ok(parameters)
    }
}
