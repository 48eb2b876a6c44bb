//! From tokens to a program, going on after an error.

mod expr;
mod item;
mod stmt;

use crate::ast::{Block, Module, Name};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::token::{Kind, Token, tokens};

/// How deep expressions and blocks may be nested, and how long a chain such as `a + b + c` may be: what walks the tree
/// later does so by recursion.
const DEPTH_MAX: u32 = 120;

/// Reads one file.
pub(crate) fn parse(file: u32, text: &str, diagnostics: &mut Diagnostics) -> Module {
    let tokens = tokens(file, text, diagnostics);
    let mut parser = Parser { tokens, at: 0, depth: 0, text, diagnostics };
    let mut module = Module::default();
    while !parser.is_end() {
        let before = parser.at;
        parser.item(&mut module);
        if parser.at == before {
            parser.at += 1;
        }
    }
    module
}

/// Why a piece could not be read; the error was told already.
#[derive(Debug, Clone, Copy)]
struct Failed;

type Read<T> = Result<T, Failed>;

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
}

impl Parser<'_> {
    fn kind(&self) -> &Kind {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    fn ahead(&self, by: usize) -> &Kind {
        self.tokens.get(self.at + by).map_or(&Kind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        let last = self.tokens.last().map_or(Span::default(), |token| token.span);
        self.tokens.get(self.at).map_or(last, |token| token.span)
    }

    /// Returns where the token before stands.
    fn last(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(self.span(), |token| token.span)
    }

    fn word(&self) -> &str {
        match self.kind() {
            Kind::Name | Kind::Keyword => self.word_at(self.at),
            _ => "",
        }
    }

    fn word_at(&self, at: usize) -> &str {
        let Some(token) = self.tokens.get(at) else { return "" };
        let range = crate::source::index(token.span.start)..crate::source::index(token.span.end);
        self.text.get(range).unwrap_or("")
    }

    fn is_end(&self) -> bool {
        matches!(self.kind(), Kind::End)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), Kind::Keyword) && self.word() == word
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.kind(), Kind::Sign(found) if *found == sign)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn take_newline(&mut self) -> bool {
        let found = matches!(self.kind(), Kind::Newline);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &'static str, after: &str) -> Read<()> {
        if self.take_sign(sign) {
            return Ok(());
        }
        self.wrong(format!("expected `{sign}` {after}, found {}", self.found()), &format!("write `{sign}` here"))
    }

    fn name(&mut self, of: &str) -> Read<Name> {
        if matches!(self.kind(), Kind::Name) {
            let name = Name { text: self.word().to_string(), span: self.span() };
            self.at += 1;
            return Ok(name);
        }
        let help = match self.kind() {
            Kind::Keyword => format!("`{}` is a word of the language: choose another", self.word()),
            _ => "names begin with a letter".to_string(),
        };
        self.wrong(format!("expected the name of {of}, found {}", self.found()), &help)
    }

    fn found(&self) -> String {
        match self.kind() {
            Kind::Newline => "the end of the line".into(),
            Kind::Indent => "a deeper block".into(),
            Kind::Dedent => "the end of the block".into(),
            Kind::End => "the end of the file".into(),
            _ => format!("`{}`", self.word_at(self.at)),
        }
    }

    fn wrong<T>(&mut self, message: String, help: &str) -> Read<T> {
        let diagnostic = Diagnostic::new("syntax", self.span(), message).label("here").help(help);
        self.diagnostics.push(diagnostic);
        Err(Failed)
    }

    /// Says that the language has no such thing, and what to write instead.
    fn refused(&mut self, span: Span, what: &str, help: &str) {
        self.diagnostics.push(Diagnostic::new("unsupported", span, what).help(help));
    }

    /// Goes one level deeper, unless that is too deep.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= DEPTH_MAX {
            return self.wrong("this is nested too deeply".into(), "give inner parts a name with `var`, or a function");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Skips the rest of a line that could not be read, and the block under it.
    fn recover(&mut self) {
        while !matches!(self.kind(), Kind::Newline | Kind::End | Kind::Dedent) {
            self.at += 1;
        }
        self.take_newline();
        if matches!(self.kind(), Kind::Indent) {
            self.skip_block();
        }
    }

    fn skip_block(&mut self) {
        let mut open = 0usize;
        loop {
            match self.kind() {
                Kind::Indent => open += 1,
                Kind::Dedent => open = open.saturating_sub(1),
                Kind::End => return,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return;
            }
        }
    }

    /// Reads `:` and the indented block behind it, or one statement on the same line.
    fn block(&mut self, after: &str) -> Read<Block> {
        self.expect_sign(":", after)?;
        let mut block = Block::new();
        if !self.take_newline() {
            self.line(&mut block);
            return Ok(block);
        }
        if !matches!(self.kind(), Kind::Indent) {
            let help = "indent the lines that belong to it, or write `pass`";
            return self.wrong(format!("expected an indented block {after}"), help);
        }
        self.at += 1;
        self.deeper(|parser| {
            while !matches!(parser.kind(), Kind::Dedent | Kind::End) {
                let before = parser.at;
                parser.line(&mut block);
                if parser.at == before {
                    parser.at += 1;
                }
            }
            Ok(())
        })?;
        if matches!(self.kind(), Kind::Dedent) {
            self.at += 1;
        }
        Ok(block)
    }

    /// Reads a statement; an error ends with its line.
    fn line(&mut self, block: &mut Block) {
        if matches!(self.kind(), Kind::Indent) {
            let _: Read<()> = self.wrong("this line is indented too far".into(), "align it with the line before");
            self.at += 1;
            while !matches!(self.kind(), Kind::Dedent | Kind::End) {
                let before = self.at;
                self.line_within(block);
                self.at += usize::from(self.at == before);
            }
            self.at += usize::from(matches!(self.kind(), Kind::Dedent));
            return;
        }
        self.line_within(block);
    }

    fn line_within(&mut self, block: &mut Block) {
        let read = self.deeper(Self::statement);
        match read {
            Ok(statement) => block.push(statement),
            Err(Failed) => self.recover(),
        }
    }

    /// Ends a simple statement.
    fn end_of_line(&mut self) -> Read<()> {
        if self.take_newline() || matches!(self.kind(), Kind::Dedent | Kind::End) {
            return Ok(());
        }
        if self.take_sign(";") {
            self.take_newline();
            return Ok(());
        }
        self.wrong(format!("expected the end of the line, found {}", self.found()), "begin a new line here")
    }
}
