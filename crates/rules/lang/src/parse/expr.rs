//! Expressions, by precedence.

use super::{DEPTH_MAX, Parser, Read};
use crate::ast::{Argument, Binary, Expr, ExprKind, Piece, TypeExpr, TypeKind, Unary};
use crate::source::Span;
use crate::token::{Kind, tokens_within};

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Read<Expr> {
        self.binary(1)
    }

    /// Reads operators that bind at least as strongly as `least`.
    fn binary(&mut self, least: u8) -> Read<Expr> {
        self.deeper(|parser| {
            let mut left = parser.unary()?;
            let mut chain = 0;
            while let Some((operator, strength, tokens)) = parser.operator() {
                if strength < least {
                    break;
                }
                chain += 1;
                if chain > DEPTH_MAX {
                    let help = "give parts of it a name with `var`, or add up a list";
                    return parser.wrong("this expression is too long".into(), help);
                }
                parser.at += tokens;
                let right = parser.binary(strength + 1)?;
                let span = left.span.to(right.span);
                let kind = match operator {
                    Some(operator) => ExprKind::Binary(operator.0, Box::new(left), Box::new(right)),
                    None => ExprKind::Range(Box::new(left), Box::new(right)),
                };
                left = Expr { kind, span };
                if operator.is_some_and(|operator| operator.1) {
                    left = Expr { kind: ExprKind::Unary(Unary::Not, Box::new(left)), span };
                }
            }
            Ok(left)
        })
    }

    /// Returns the operator at hand (nothing for a range; the flag says that it is negated), its strength and how many
    /// tokens it has.
    #[allow(clippy::type_complexity, reason = "three small answers of one look at the tokens")]
    fn operator(&mut self) -> Option<(Option<(Binary, bool)>, u8, usize)> {
        let plain = |operator, strength| Some((Some((operator, false)), strength, 1));
        match self.kind() {
            Kind::Keyword => match self.word() {
                "or" => plain(Binary::Or, 1),
                "xor" => plain(Binary::Xor, 1),
                "and" => plain(Binary::And, 2),
                "in" => plain(Binary::In, 3),
                "not" if self.word_at(self.at + 1) == "in" => Some((Some((Binary::In, true)), 3, 2)),
                "is" if self.word_at(self.at + 1) == "not" => Some((Some((Binary::NotEqual, false)), 3, 2)),
                "is" => plain(Binary::Equal, 3),
                "mod" => plain(Binary::Modulo, 6),
                "shl" => plain(Binary::ShiftLeft, 6),
                "shr" => plain(Binary::ShiftRight, 6),
                _ => None,
            },
            Kind::Sign(sign) => match *sign {
                "==" => plain(Binary::Equal, 3),
                "!=" => plain(Binary::NotEqual, 3),
                "<" => plain(Binary::Less, 3),
                "<=" => plain(Binary::LessEqual, 3),
                ">" => plain(Binary::Greater, 3),
                ">=" => plain(Binary::GreaterEqual, 3),
                ".." => Some((None, 4, 1)),
                "+" => plain(Binary::Add, 5),
                "-" => plain(Binary::Subtract, 5),
                "*" => plain(Binary::Multiply, 6),
                "/" => plain(Binary::Divide, 6),
                "%" => plain(Binary::Remainder, 6),
                _ => self.foreign_operator(),
            },
            _ => None,
        }
    }

    /// Takes an operator of other languages for ours, and says how it is written here.
    #[allow(clippy::type_complexity, reason = "the answer of `operator`")]
    fn foreign_operator(&mut self) -> Option<(Option<(Binary, bool)>, u8, usize)> {
        let Kind::Sign(sign) = *self.kind() else { return None };
        let (operator, strength, ours) = match sign {
            "&&" => (Binary::And, 2, "and"),
            "||" => (Binary::Or, 1, "or"),
            "&" => (Binary::And, 2, "and"),
            "|" => (Binary::Or, 1, "or"),
            "^" => (Binary::Xor, 1, "xor"),
            "<<" => (Binary::ShiftLeft, 6, "shl"),
            ">>" => (Binary::ShiftRight, 6, "shr"),
            "//" => (Binary::Divide, 6, "/"),
            _ => return None,
        };
        let span = self.span();
        self.refused(span, &format!("`{sign}` is no operator here"), &format!("write `{ours}`"));
        Some((Some((operator, false)), strength, 1))
    }

    fn unary(&mut self) -> Read<Expr> {
        let start = self.span();
        let operator = if self.is_sign("-") {
            Unary::Negate
        } else if self.is_word("not") {
            Unary::Not
        } else if self.is_sign("!") || self.is_sign("~") {
            self.refused(start, "this is no operator here", "write `not`");
            Unary::Not
        } else {
            return self.postfix();
        };
        self.at += 1;
        let inner = self.deeper(Self::unary)?;
        let span = start.to(inner.span);
        let kind = match (operator, inner.kind) {
            (Unary::Negate, ExprKind::Int(value, suffix)) if value >= 0 => ExprKind::Int(-value, suffix),
            (Unary::Negate, ExprKind::Decimal { digits, behind, negative: false }) => {
                ExprKind::Decimal { digits, behind, negative: true }
            }
            (_, kind) => ExprKind::Unary(operator, Box::new(Expr { kind, span: inner.span })),
        };
        Ok(Expr { kind, span })
    }

    fn postfix(&mut self) -> Read<Expr> {
        let mut expr = self.primary()?;
        let mut chain = 0;
        loop {
            chain += 1;
            if chain > DEPTH_MAX {
                return self.wrong("this expression is too long".into(), "give parts of it a name with `var`");
            }
            expr = if self.take_sign("(") {
                let arguments = self.arguments()?;
                let span = expr.span.to(self.last());
                Expr { kind: ExprKind::Call { callee: Box::new(expr), arguments }, span }
            } else if self.take_sign("[") {
                self.index(expr)?
            } else if self.take_sign(".") {
                let name = self.name("a field or a function")?;
                let span = expr.span.to(name.span);
                Expr { kind: ExprKind::Field(Box::new(expr), name), span }
            } else {
                return Ok(expr);
            };
        }
    }

    fn index(&mut self, base: Expr) -> Read<Expr> {
        let from = if self.is_sign(":") { None } else { Some(Box::new(self.expression()?)) };
        if self.take_sign(":") {
            let to = if self.is_sign("]") { None } else { Some(Box::new(self.expression()?)) };
            self.expect_sign("]", "at the end of the slice")?;
            let span = base.span.to(self.last());
            return Ok(Expr { kind: ExprKind::Slice(Box::new(base), from, to), span });
        }
        self.expect_sign("]", "behind the index")?;
        let span = base.span.to(self.last());
        let kind = match from {
            Some(index) => ExprKind::Index(Box::new(base), index),
            None => ExprKind::Wrong,
        };
        Ok(Expr { kind, span })
    }

    fn arguments(&mut self) -> Read<Vec<Argument>> {
        let mut arguments = Vec::new();
        while !self.is_sign(")") {
            let named = matches!(self.kind(), Kind::Name) && matches!(self.ahead(1), Kind::Sign(":" | "="));
            let name = if named { Some(self.name("an argument")?) } else { None };
            if named {
                self.at += 1;
            }
            let value = self.expression()?;
            arguments.push(Argument { name, value });
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")", "at the end of the arguments")?;
        Ok(arguments)
    }

    fn primary(&mut self) -> Read<Expr> {
        let span = self.span();
        let kind = match self.kind().clone() {
            Kind::Int(value, suffix) => ExprKind::Int(i128::try_from(value).unwrap_or(i128::MAX), suffix),
            Kind::Decimal(digits, behind) => ExprKind::Decimal { digits, behind, negative: false },
            Kind::Text { text, formatted } => self.pieces(&text, formatted),
            Kind::Name => ExprKind::Name(self.word().to_string()),
            Kind::Keyword => return self.primary_word(span),
            Kind::Sign("(") => return self.parenthesis(),
            Kind::Sign("[") => return self.list(),
            Kind::Sign("{") => return self.dict(),
            _ => {
                let message = format!("expected a value, found {}", self.found());
                return self.wrong(message, "write a number, a name or a call here");
            }
        };
        self.at += 1;
        Ok(Expr { kind, span })
    }

    fn primary_word(&mut self, span: Span) -> Read<Expr> {
        let kind = match self.word() {
            "True" | "true" => ExprKind::Bool(true),
            "False" | "false" => ExprKind::Bool(false),
            "None" | "nil" => ExprKind::None,
            // The conversion `type(x)` and a variable called `type` or `from` are not worth a word of the language.
            "lambda" => {
                let what = "there are no functions without a name";
                self.refused(span, what, "write a `def` and call it");
                return Err(super::Failed);
            }
            "yield" => {
                self.refused(span, "there are no generators", "return a list");
                return Err(super::Failed);
            }
            word => {
                let message = format!("expected a value, found the word `{word}`");
                return self.wrong(message, "write a number, a name or a call here");
            }
        };
        self.at += 1;
        Ok(Expr { kind, span })
    }

    fn parenthesis(&mut self) -> Read<Expr> {
        self.at += 1;
        let mut inner = self.expression()?;
        if self.is_sign(",") {
            let span = self.span();
            self.refused(span, "there are no tuples", "use a list, or an `object` with named fields");
            return Err(super::Failed);
        }
        let start = inner.span;
        self.expect_sign(")", "to close the parenthesis")?;
        // A number in parentheses is no longer the operand of a sign before it.
        inner.span = start;
        Ok(inner)
    }

    fn list(&mut self) -> Read<Expr> {
        let start = self.span();
        self.at += 1;
        let mut items = Vec::new();
        while !self.is_sign("]") {
            let item = self.expression()?;
            if items.is_empty() && self.is_word("for") {
                return self.comprehension(start, item);
            }
            items.push(item);
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign("]", "at the end of the list")?;
        Ok(Expr { kind: ExprKind::List(items), span: start.to(self.last()) })
    }

    fn comprehension(&mut self, start: Span, value: Expr) -> Read<Expr> {
        self.at += 1;
        let name = self.name("the variable of the list")?;
        if !self.take_word("in") {
            return self.wrong(format!("expected `in`, found {}", self.found()), "write `[f(x) for x in values]`");
        }
        let over = Box::new(self.expression()?);
        let filter = if self.take_word("if") { Some(Box::new(self.expression()?)) } else { None };
        self.expect_sign("]", "at the end of the list")?;
        let kind = ExprKind::Comprehension { value: Box::new(value), name, over, filter };
        Ok(Expr { kind, span: start.to(self.last()) })
    }

    fn dict(&mut self) -> Read<Expr> {
        let start = self.span();
        self.at += 1;
        let mut entries = Vec::new();
        while !self.is_sign("}") {
            let key = self.expression()?;
            self.expect_sign(":", "behind the key")?;
            entries.push((key, self.expression()?));
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign("}", "at the end of the map")?;
        Ok(Expr { kind: ExprKind::Dict(entries), span: start.to(self.last()) })
    }

    /// Splits a formatted text at its braces.
    fn pieces(&mut self, text: &str, formatted: bool) -> ExprKind {
        if !formatted {
            return ExprKind::Text(vec![Piece::Text(text.to_string())]);
        }
        let span = self.span();
        let raw = self.word_at(self.at).to_string();
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut searched = 0;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_string()));
            }
            let Some((hole, after)) = after.split_once('}') else {
                self.refused(span, "a `{` in this text has no `}`", "close it, or write `\\{`");
                return ExprKind::Text(pieces);
            };
            let found = raw.get(searched..).and_then(|tail| tail.find(&format!("{{{hole}}}")));
            let place = searched + found.unwrap_or(0);
            searched = place + 1;
            pieces.push(Piece::Hole(self.hole(span, hole, place + 1)));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_string()));
        }
        ExprKind::Text(pieces)
    }

    /// Reads the expression of a hole that stands `place` bytes into the text's token.
    fn hole(&mut self, whole: Span, hole: &str, place: usize) -> Expr {
        let wrong = Expr { kind: ExprKind::Wrong, span: whole };
        if hole.trim().is_empty() {
            self.refused(whole, "a hole of this text is empty", "write a name between the braces");
            return wrong;
        }
        let offset = whole.start.saturating_add(crate::source::count(place));
        let tokens = tokens_within(whole.file, hole, offset, self.diagnostics);
        let mut inner = Parser { tokens, at: 0, depth: self.depth, text: self.text, diagnostics: self.diagnostics };
        inner.expression().unwrap_or(wrong)
    }

    pub(super) fn type_expr(&mut self) -> Read<TypeExpr> {
        self.deeper(|parser| {
            let start = parser.span();
            let kind = if parser.take_word("secret") {
                TypeKind::Secret(Box::new(parser.type_expr()?))
            } else if parser.take_word("None") || parser.take_word("nil") {
                TypeKind::Name("None".into())
            } else {
                let name = parser.name("a type")?;
                parser.type_arguments(name.text)?
            };
            Ok(TypeExpr { kind, span: start.to(parser.last()) })
        })
    }

    fn type_arguments(&mut self, name: String) -> Read<TypeKind> {
        if !self.take_sign("[") {
            return Ok(TypeKind::Name(name));
        }
        let first = Box::new(self.type_expr()?);
        let kind = match name.as_str() {
            "dict" => {
                self.expect_sign(",", "between key and value of the map's type")?;
                TypeKind::Dict(first, Box::new(self.type_expr()?))
            }
            "list" | "array" => {
                let length = if self.take_sign(",") { Some(Box::new(self.expression()?)) } else { None };
                TypeKind::List(first, length)
            }
            _ => {
                let span = self.last();
                self.refused(span, &format!("`{name}` takes no types in brackets"), "`list[T]` and `list[T, 10]` do");
                TypeKind::Wrong
            }
        };
        self.expect_sign("]", "at the end of the type")?;
        Ok(kind)
    }
}
