//! Words and marks of the text form.

use super::TextError;

/// A word, a quoted name or a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Quoted(&'a str),
    Mark(char),
}

/// The tokens of a text, one at a time.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    line: u32,
    next: Option<Token<'a>>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, TextError> {
        let mut scanner = Self { rest: text, line: 1, next: None };
        scanner.advance()?;
        Ok(scanner)
    }

    pub(super) fn error<T>(&self, what: impl Into<String>) -> Result<T, TextError> {
        Err(TextError { line: self.line, what: what.into() })
    }

    fn skip_blank(&mut self) {
        loop {
            let trimmed = self.rest.trim_start();
            let skipped = &self.rest[..self.rest.len() - trimmed.len()];
            let lines = skipped.bytes().filter(|byte| *byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            self.rest = trimmed;
            let Some(comment) = trimmed.strip_prefix('#') else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn advance(&mut self) -> Result<(), TextError> {
        self.skip_blank();
        let Some(first) = self.rest.chars().next() else {
            self.next = None;
            return Ok(());
        };
        let is_mark = |c: char| "()[]{}:,=".contains(c);
        self.next = Some(if first == '"' {
            let Some(end) = self.rest[1..].find('"') else { return self.error("expected a closing quote") };
            let inside = &self.rest[1..=end];
            self.rest = &self.rest[end + 2..];
            Token::Quoted(inside)
        } else if is_mark(first) {
            self.rest = &self.rest[first.len_utf8()..];
            Token::Mark(first)
        } else {
            let is_end = |c: char| c.is_whitespace() || is_mark(c) || c == '"' || c == '#';
            let (word, rest) = self.rest.split_at(self.rest.find(is_end).unwrap_or(self.rest.len()));
            self.rest = rest;
            Token::Word(word)
        });
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.next
    }

    pub(super) fn take(&mut self) -> Result<Token<'a>, TextError> {
        let Some(token) = self.next else { return self.error("the text ends too early") };
        self.advance()?;
        Ok(token)
    }

    /// Takes the token if it is next.
    pub(super) fn accept(&mut self, token: Token<'_>) -> Result<bool, TextError> {
        let is_next = self.next == Some(token);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    pub(super) fn mark(&mut self, mark: char) -> Result<(), TextError> {
        if self.accept(Token::Mark(mark))? { Ok(()) } else { self.error(format!("expected `{mark}`")) }
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<(), TextError> {
        if self.accept(Token::Word(word))? { Ok(()) } else { self.error(format!("expected `{word}`")) }
    }

    pub(super) fn word(&mut self) -> Result<&'a str, TextError> {
        match self.next {
            Some(Token::Word(word)) => {
                self.advance()?;
                Ok(word)
            }
            Some(_) => self.error("expected a word"),
            None => self.error("the text ends too early"),
        }
    }

    pub(super) fn quoted(&mut self) -> Result<&'a str, TextError> {
        match self.next {
            Some(Token::Quoted(name)) => {
                self.advance()?;
                Ok(name)
            }
            _ => self.error("expected a name in quotes"),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T, TextError> {
        let word = self.word()?;
        match word.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.error(format!("`{word}` is no number that fits here")),
        }
    }
}
