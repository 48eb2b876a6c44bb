//! From text to tokens: names, numbers, texts, signs, and where blocks begin and end.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::scalar::Scalar;
use crate::source::{Span, count};

/// The largest source of one file, in bytes.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;
/// How deep blocks may be nested.
const INDENTS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Keyword,
    /// The value, and the type of its suffix.
    Int(u128, Option<Scalar>),
    /// Digits without the point, and how many of them are behind it (negative: zeros to append).
    Decimal(u128, i32),
    /// A text; formatted if it began with `f`.
    Text {
        text: String,
        formatted: bool,
    },
    Sign(&'static str),
    Newline,
    Indent,
    Dedent,
    End,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
}

const KEYWORDS: &[&str] = &[
    "def", "var", "let", "const", "if", "elif", "else", "while", "for", "in", "return", "break", "continue", "pass",
    "assert", "discard", "object", "enum", "import", "as", "secret", "and", "or", "xor", "not", "mod", "shl", "shr",
    "is", "True", "False", "true", "false", "None", "nil", "match", "case", "lambda", "try", "except", "yield", "with",
    "raise", "class",
];

const SIGNS: &[&str] = &[
    "<<=", ">>=", "**=", "//=", "->", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "..", "&&", "||", "<<",
    ">>", "**", "//", "{.", ".}", "+", "-", "*", "/", "%", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".",
    "&", "|", "^", "~", "!", ";", "@", "?",
];

/// Splits the text of file number `file`.
pub(crate) fn tokens(file: u32, text: &str, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let whole = Span { file, start: 0, end: 0 };
    if text.len() > SOURCE_BYTES_MAX {
        let message = format!("this file has more than {SOURCE_BYTES_MAX} bytes");
        diagnostics.push(Diagnostic::new("limit", whole, message).help("split it into modules"));
        return vec![Token { kind: Kind::End, span: whole }];
    }
    let mut lexer = Lexer { file, text, at: 0, offset: 0, out: Vec::new(), indents: vec![0], open: 0, diagnostics };
    lexer.run();
    lexer.out
}

/// Splits a piece of a text that stands `offset` bytes into the file: the hole of a formatted text.
pub(crate) fn tokens_within(file: u32, text: &str, offset: u32, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let mut lexer = Lexer { file, text, at: 0, offset, out: Vec::new(), indents: vec![0], open: 1, diagnostics };
    lexer.run();
    lexer.out
}

struct Lexer<'a> {
    file: u32,
    text: &'a str,
    at: usize,
    offset: u32,
    out: Vec<Token>,
    indents: Vec<usize>,
    /// How many brackets are open: line ends inside them mean nothing.
    open: usize,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        if self.open == 0 {
            self.indent();
        }
        while let Some(next) = self.rest().chars().next() {
            self.token(next);
        }
        if self.out.last().is_some_and(|last| !matches!(last.kind, Kind::Newline | Kind::Dedent)) {
            self.emit(Kind::Newline, self.at);
        }
        while self.indents.len() > 1 {
            self.indents.pop();
            self.emit(Kind::Dedent, self.at);
        }
        self.emit(Kind::End, self.at);
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize) -> Span {
        let place = |at: usize| self.offset.saturating_add(count(at));
        Span { file: self.file, start: place(start), end: place(self.at) }
    }

    fn emit(&mut self, kind: Kind, start: usize) {
        let span = self.span(start);
        self.out.push(Token { kind, span });
    }

    fn wrong(&mut self, start: usize, message: &str, help: &str) {
        let span = self.span(start);
        self.diagnostics.push(Diagnostic::new("syntax", span, message).help(help));
    }

    fn token(&mut self, next: char) {
        let start = self.at;
        match next {
            ' ' | '\t' | '\r' => self.at += 1,
            '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            '\\' if self.rest()[1..].trim_start_matches('\r').starts_with('\n') => {
                self.at += self.rest().find('\n').map_or(1, |end| end + 1);
            }
            '\n' => {
                self.at += 1;
                self.close_forgotten();
                if self.open == 0 {
                    if self
                        .out
                        .last()
                        .is_some_and(|last| !matches!(last.kind, Kind::Newline | Kind::Indent | Kind::Dedent))
                    {
                        self.emit(Kind::Newline, start);
                    }
                    self.indent();
                }
            }
            '"' => self.string(start, false),
            'f' if self.rest()[1..].starts_with('"') => {
                self.at += 1;
                self.string(start, true);
            }
            '\'' => self.single_quoted(start),
            '0'..='9' => self.number(start),
            _ if next.is_alphabetic() || next == '_' => self.name(start),
            _ => self.sign(start, next),
        }
    }

    /// Takes brackets for closed where the next declaration begins: else one forgotten bracket would hide the file.
    fn close_forgotten(&mut self) {
        let declares = ["def ", "object ", "enum ", "import "].iter().any(|word| self.rest().starts_with(word));
        if declares && self.offset == 0 {
            self.open = 0;
        }
    }

    /// Measures the spaces of a line and opens or closes blocks; lines without code do neither.
    fn indent(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r']);
            let wide = rest.len() - trimmed.len();
            if trimmed.starts_with('\n') || trimmed.starts_with('#') {
                self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
                continue;
            }
            if trimmed.is_empty() {
                self.at = self.text.len();
                return;
            }
            let start = self.at;
            self.at += wide;
            if rest[..wide].contains('\t') {
                self.wrong(start, "this line is indented with a tab", "indent with spaces: `talea fmt` does it");
            }
            self.blocks(start, wide);
            return;
        }
    }

    fn blocks(&mut self, start: usize, wide: usize) {
        let current = self.indents.last().copied().unwrap_or(0);
        if wide > current {
            if self.indents.len() > INDENTS_MAX {
                self.wrong(start, "blocks are nested too deeply here", "move the inner blocks into a function");
                return;
            }
            self.indents.push(wide);
            self.emit(Kind::Indent, start);
            return;
        }
        while self.indents.last().is_some_and(|indent| *indent > wide) {
            self.indents.pop();
            self.emit(Kind::Dedent, start);
        }
        if self.indents.last().is_some_and(|indent| *indent != wide) {
            let message = "this line's indentation fits no block around it";
            self.wrong(start, message, "give all lines of a block the same number of spaces");
        }
    }

    fn name(&mut self, start: usize) {
        let rest = self.rest();
        self.at += rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &self.text[start..self.at];
        let kind = if KEYWORDS.contains(&word) { Kind::Keyword } else { Kind::Name };
        self.emit(kind, start);
    }

    fn sign(&mut self, start: usize, next: char) {
        let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) else {
            self.at += next.len_utf8();
            self.wrong(start, "this character means nothing here", "remove it, or put it into a text");
            return;
        };
        self.at += sign.len();
        match *sign {
            "(" | "[" | "{" | "{." => self.open += 1,
            ")" | "]" | "}" | ".}" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.emit(Kind::Sign(sign), start);
    }

    fn single_quoted(&mut self, start: usize) {
        let rest = &self.rest()[1..];
        let line = rest.split('\n').next().unwrap_or("");
        self.at += 1 + line.find('\'').map_or(line.len(), |end| end + 1);
        self.wrong(start, "texts stand in double quotes", "write \"...\"");
        self.emit(Kind::Text { text: String::new(), formatted: false }, start);
    }

    fn string(&mut self, start: usize, formatted: bool) {
        self.at += 1;
        let mut text = String::new();
        loop {
            let mut rest = self.rest().chars();
            match rest.next() {
                None | Some('\n') => {
                    self.wrong(start, "this text has no end", "close it with \" on the same line");
                    break;
                }
                Some('"') => {
                    self.at += 1;
                    break;
                }
                Some('\\') => self.escape(rest.next(), &mut text),
                Some(other) => {
                    text.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
        self.emit(Kind::Text { text, formatted }, start);
    }

    fn escape(&mut self, next: Option<char>, text: &mut String) {
        let start = self.at;
        self.at += 1;
        let meant = match next {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('0') => '\0',
            Some(same @ ('"' | '\\' | '{' | '}')) => same,
            _ => {
                self.wrong(start, "no such escape", "there are \\n, \\t, \\r, \\0, \\\" and \\\\");
                return;
            }
        };
        self.at += 1;
        text.push(meant);
    }

    fn number(&mut self, start: usize) {
        let rest = self.rest();
        let base = match rest.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0b" | "0B") => 2,
            Some("0o" | "0O") => 8,
            _ => 10,
        };
        if base != 10 {
            self.at += 2;
        }
        let mut value = Some(0u128);
        self.digits(base, &mut value);
        let rest = self.rest();
        let point = base == 10 && rest.starts_with('.') && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        let exponent = base == 10 && has_exponent(rest);
        if point || exponent {
            self.decimal(start, value);
            return;
        }
        self.integer(start, value);
    }

    /// Reads digits into `value`, which is nothing once they are too many.
    fn digits(&mut self, base: u32, value: &mut Option<u128>) -> i32 {
        let mut read = 0;
        while let Some(next) = self.rest().chars().next() {
            if next != '_' {
                let Some(digit) = next.to_digit(base) else { break };
                let base = u128::from(base);
                *value = value.and_then(|value| value.checked_mul(base)?.checked_add(u128::from(digit)));
                read += 1;
            }
            self.at += 1;
        }
        read
    }

    fn integer(&mut self, start: usize, value: Option<u128>) {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let suffix = &rest[..length];
        self.at += length;
        let scalar = if suffix.is_empty() { None } else { Scalar::suffix(suffix) };
        if !suffix.is_empty() && scalar.is_none() {
            let help = "suffixes are i8, i16, i32, i64, u8, u16, u32 and u64";
            self.wrong(start, &format!("`{suffix}` is no suffix of a number"), help);
        }
        let value = value.filter(|value| *value <= u128::from(u64::MAX));
        if value.is_none() {
            self.wrong(start, "this number has more than 64 bits", "the largest is 18446744073709551615");
        }
        self.emit(Kind::Int(value.unwrap_or(0), scalar), start);
    }

    fn decimal(&mut self, start: usize, mut value: Option<u128>) {
        let mut behind = 0;
        if self.rest().starts_with('.') {
            self.at += 1;
            behind = self.digits(10, &mut value);
        }
        if has_exponent(self.rest()) {
            self.at += 1;
            let negative = self.rest().starts_with('-');
            if self.rest().starts_with(['-', '+']) {
                self.at += 1;
            }
            let mut power = Some(0);
            self.digits(10, &mut power);
            let power = power.and_then(|power| i32::try_from(power).ok()).unwrap_or(i32::MAX / 2);
            behind += if negative { power } else { -power };
        }
        if value.is_none() || !(-20..=37).contains(&behind) {
            self.wrong(
                start,
                "this number has too many digits",
                "a fix64 has 47 bits before the point and 16 behind it",
            );
        }
        self.emit(Kind::Decimal(value.unwrap_or(0), behind.clamp(-20, 37)), start);
    }
}

fn has_exponent(rest: &str) -> bool {
    let Some(tail) = rest.strip_prefix(['e', 'E']) else { return false };
    tail.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
}
