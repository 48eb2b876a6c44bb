//! Statements.

use super::{Failed, Parser, Read};
use crate::ast::{Binary, Block, Expr, ExprKind, Stmt, StmtKind};
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Read<Stmt> {
        let start = self.span();
        let kind = if matches!(self.kind(), Kind::Keyword) { self.keyword_statement()? } else { self.simple()? };
        Ok(Stmt { kind, span: start.to(self.last()) })
    }

    fn keyword_statement(&mut self) -> Read<StmtKind> {
        match self.word() {
            "if" => return self.conditional(),
            "while" => return self.while_loop(),
            "for" => return self.for_loop(),
            "match" => return self.matching(),
            _ => {}
        }
        let kind = match self.word() {
            "var" | "let" | "const" => self.variable()?,
            "return" => {
                self.at += 1;
                let bare = matches!(self.kind(), Kind::Newline | Kind::Dedent | Kind::End);
                let value = if bare { None } else { Some(self.expression()?) };
                self.no_tuple()?;
                StmtKind::Return(value)
            }
            "break" | "continue" | "pass" => {
                let word = self.word().to_string();
                self.at += 1;
                match word.as_str() {
                    "break" => StmtKind::Break,
                    "continue" => StmtKind::Continue,
                    _ => StmtKind::Pass,
                }
            }
            "discard" => {
                self.at += 1;
                StmtKind::Expr(self.expression()?)
            }
            "assert" => {
                self.at += 1;
                let condition = self.expression()?;
                let message = if self.take_sign(",") { Some(self.expression()?) } else { None };
                StmtKind::Assert { condition, message }
            }
            _ => return self.refused_statement(),
        };
        self.end_of_line()?;
        Ok(kind)
    }

    /// Names what other languages have and this one has not.
    fn refused_statement(&mut self) -> Read<StmtKind> {
        let span = self.span();
        let (what, help) = match self.word() {
            "def" => ("functions inside of functions", "move the function to the left margin"),
            "try" | "except" | "raise" => ("exceptions", "check with `if` before, or use `assert`"),
            "with" => ("`with` blocks", "write its lines plainly"),
            "class" => ("classes", "write an `object` with fields, and functions that take it first"),
            "object" | "enum" | "import" => ("declarations inside of blocks", "move it to the left margin"),
            "elif" | "else" => ("an `else` without an `if`", "align it with its `if`"),
            "case" => ("a `case` without a `match`", "write `match value:` before"),
            _ => return self.simple(),
        };
        self.refused(span, &format!("there is no place for {what} here"), help);
        Err(Failed)
    }

    fn variable(&mut self) -> Read<StmtKind> {
        let constant = !self.is_word("var");
        self.at += 1;
        let name = self.name("the variable")?;
        if self.is_sign(",") {
            let span = self.span();
            self.refused(span, "a value cannot be taken apart into several names", "write one `var` for each");
            return Err(Failed);
        }
        let ty = if self.take_sign(":") { Some(self.type_expr()?) } else { None };
        let value = if self.take_sign("=") { Some(self.expression()?) } else { None };
        self.no_tuple()?;
        Ok(StmtKind::Var { name, ty, value, constant })
    }

    fn no_tuple(&mut self) -> Read<()> {
        if !self.is_sign(",") {
            return Ok(());
        }
        let span = self.span();
        self.refused(span, "there are no tuples", "use a list, or an `object` with named fields");
        Err(Failed)
    }

    /// Reads an assignment or an expression.
    fn simple(&mut self) -> Read<StmtKind> {
        let target = self.expression()?;
        let operator = match self.kind() {
            Kind::Sign(sign) => match *sign {
                "=" => Some(None),
                "+=" => Some(Some(Binary::Add)),
                "-=" => Some(Some(Binary::Subtract)),
                "*=" => Some(Some(Binary::Multiply)),
                "/=" => Some(Some(Binary::Divide)),
                "%=" => Some(Some(Binary::Remainder)),
                _ => None,
            },
            _ => None,
        };
        self.no_tuple()?;
        let Some(operator) = operator else {
            self.end_of_line()?;
            return Ok(StmtKind::Expr(target));
        };
        self.check_target(&target)?;
        self.at += 1;
        let value = self.expression()?;
        self.no_tuple()?;
        self.end_of_line()?;
        Ok(StmtKind::Assign { target, operator, value })
    }

    fn check_target(&mut self, target: &Expr) -> Read<()> {
        match &target.kind {
            ExprKind::Name(_) | ExprKind::Wrong => Ok(()),
            ExprKind::Index(base, _) | ExprKind::Field(base, _) => self.check_target(base),
            _ => {
                self.refused(target.span, "this cannot be assigned to", "assign to a variable, an item or a field");
                Err(Failed)
            }
        }
    }

    fn conditional(&mut self) -> Read<StmtKind> {
        self.at += 1;
        let condition = self.expression()?;
        let mut arms = vec![(condition, self.block("behind the condition")?)];
        let mut other = None;
        loop {
            if self.take_word("elif") {
                let condition = self.expression()?;
                arms.push((condition, self.block("behind the condition")?));
            } else if self.take_word("else") {
                other = Some(self.block("behind `else`")?);
                break;
            } else {
                break;
            }
        }
        Ok(StmtKind::If { arms, other })
    }

    fn while_loop(&mut self) -> Read<StmtKind> {
        self.at += 1;
        let condition = self.expression()?;
        let body = self.block("behind the condition")?;
        Ok(StmtKind::While { condition, body })
    }

    fn for_loop(&mut self) -> Read<StmtKind> {
        self.at += 1;
        let name = self.name("the loop's variable")?;
        if self.is_sign(",") {
            let span = self.span();
            self.refused(span, "a loop has one variable", "count with `for i in 0..values.len():` and index");
            return Err(Failed);
        }
        if !self.take_word("in") {
            return self.wrong(format!("expected `in`, found {}", self.found()), "write `for i in 0..10:`");
        }
        let over = self.expression()?;
        let body = self.block("behind the loop's range")?;
        Ok(StmtKind::For { name, over, body })
    }

    /// Reads `match`, whose arms are `case 1, 2:` or `1:`, and `_` or `else` for the rest.
    fn matching(&mut self) -> Read<StmtKind> {
        self.at += 1;
        let subject = self.expression()?;
        self.expect_sign(":", "behind the value")?;
        if !self.take_newline() || !matches!(self.kind(), Kind::Indent) {
            return self.wrong("expected the cases of the match".into(), "write `case 1:` on a line of its own");
        }
        self.at += 1;
        let (mut arms, mut other) = (Vec::new(), None);
        while !matches!(self.kind(), Kind::Dedent | Kind::End) {
            let before = self.at;
            if self.arm(&mut arms, &mut other).is_err() {
                self.recover();
            }
            self.at += usize::from(self.at == before);
        }
        self.at += usize::from(matches!(self.kind(), Kind::Dedent));
        Ok(StmtKind::Match { subject, arms, other })
    }

    fn arm(&mut self, arms: &mut Vec<(Vec<Expr>, Block)>, other: &mut Option<Block>) -> Read<()> {
        self.take_word("case");
        if self.take_word("else") || (self.word() == "_" && matches!(self.kind(), Kind::Name)) {
            self.at += usize::from(self.word() == "_");
            *other = Some(self.block("behind the case")?);
            return Ok(());
        }
        let mut values = vec![self.expression()?];
        while self.take_sign(",") {
            values.push(self.expression()?);
        }
        arms.push((values, self.block("behind the case")?));
        Ok(())
    }
}
