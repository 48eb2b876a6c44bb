//! The one way to write a program: two spaces for a block, one around operators. Comments stay, and no word changes.

use crate::compile::Failed;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Sources, Span, index};
use crate::token::{Kind, Token, tokens};

/// How many spaces a block is indented by.
const INDENT: usize = 2;
/// How many empty lines may follow each other.
const EMPTY_MAX: usize = 2;

/// Returns the text as it should be written.
pub fn format(name: &str, text: &str) -> Result<String, Failed> {
    let mut sources = Sources::default();
    let file = sources.add(name, text);
    let mut diagnostics = Diagnostics::default();
    let before = tokens(file, text, &mut diagnostics);
    crate::parse::parse(file, text, &mut diagnostics);
    let mut out = String::new();
    if diagnostics.is_empty() {
        out = written(text, &before);
        let after = tokens(file, &out, &mut diagnostics);
        // Formatting that changed a word would be a fault of ours: then the text stays as it is.
        if !same(&before, &after) {
            let message = "this file cannot be formatted without changing it";
            diagnostics.push(Diagnostic::new("format", Span { file, start: 0, end: 0 }, message));
        }
    }
    if diagnostics.is_empty() { Ok(out) } else { Err(Failed { sources, diagnostics: diagnostics.into_sorted() }) }
}

fn same(before: &[Token], after: &[Token]) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(a, b)| a.kind == b.kind)
}

fn written(text: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    let (mut depth, mut open, mut at, mut empty, mut offset) = (0usize, 0usize, 0, 0, 0);
    for line in text.split_inclusive('\n') {
        let (start, end) = (offset, offset + line.len());
        offset = end;
        let mut here = Vec::new();
        let continued = open > 0;
        while let Some(token) = tokens.get(at).filter(|token| index(token.span.start) < end) {
            match token.kind {
                Kind::Indent => depth += 1,
                Kind::Dedent => depth = depth.saturating_sub(1),
                Kind::Newline | Kind::End => {}
                _ => here.push(token),
            }
            at += 1;
        }
        let comment = comment(line, start, &here);
        if here.is_empty() && comment.is_none() {
            empty += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(&"\n".repeat(empty.min(EMPTY_MAX)));
        }
        empty = 0;
        // A comment belongs to the line behind it; the depth of that is known from its own spaces.
        let closes = here.first().is_some_and(|token| matches!(token.kind, Kind::Sign(")" | "]" | "}")));
        let level = if here.is_empty() { depth_of(tokens, at, depth) } else { depth };
        let level = level + usize::from(continued && !closes);
        out.push_str(&" ".repeat(level * INDENT));
        out.push_str(&spaced(text, &here, &mut open));
        if let Some(comment) = comment {
            out.push_str(if here.is_empty() { "" } else { "  " });
            out.push_str(comment.trim_end());
        }
        out.push('\n');
    }
    out
}

/// Returns the depth of the next line that has code.
fn depth_of(tokens: &[Token], at: usize, depth: usize) -> usize {
    let mut depth = depth;
    for token in tokens.iter().skip(at) {
        match token.kind {
            Kind::Indent => depth += 1,
            Kind::Dedent => depth = depth.saturating_sub(1),
            Kind::Newline => {}
            _ => break,
        }
    }
    depth
}

/// Returns a line's comment: what begins with `#` behind its last token.
fn comment<'t>(line: &'t str, start: usize, here: &[&Token]) -> Option<&'t str> {
    let from = here.last().map_or(0, |token| index(token.span.end).saturating_sub(start));
    let tail = line.get(from..)?;
    tail.find('#').map(|at| &tail[at..])
}

fn spaced(text: &str, here: &[&Token], open: &mut usize) -> String {
    let mut out = String::new();
    let mut last: Option<&Token> = None;
    let mut unary = false;
    // The brackets that are open on this line: in a slice a colon stands without spaces.
    let mut within: Vec<&str> = Vec::new();
    for token in here {
        let word = text.get(index(token.span.start)..index(token.span.end)).unwrap_or("");
        let slice = within.last() == Some(&"[");
        if let Some(last) = last
            && needs_space(last, token, unary)
            && !(slice && matches!(last.kind, Kind::Sign(":")))
        {
            out.push(' ');
        }
        match token.kind {
            Kind::Sign(sign @ ("(" | "[" | "{" | "{.")) => {
                *open += 1;
                within.push(sign);
            }
            Kind::Sign(")" | "]" | "}" | ".}") => {
                *open = open.saturating_sub(1);
                within.pop();
            }
            _ => {}
        }
        unary = matches!(token.kind, Kind::Sign("-" | "*" | "!" | "~")) && !last.is_some_and(ends_value);
        out.push_str(word);
        last = Some(token);
    }
    out
}

/// Tells whether a token ends something that can stand before an operator.
fn ends_value(token: &Token) -> bool {
    match token.kind {
        Kind::Name | Kind::Int(..) | Kind::Decimal(..) | Kind::Text { .. } => true,
        Kind::Sign(sign) => matches!(sign, ")" | "]" | "}"),
        _ => false,
    }
}

fn needs_space(last: &Token, next: &Token, unary: bool) -> bool {
    if unary {
        return false;
    }
    match (&last.kind, &next.kind) {
        (Kind::Sign("(" | "[" | "{" | "." | ".."), _)
        | (_, Kind::Sign(")" | "]" | "}" | "," | ":" | "." | ".." | ";")) => {
            // A range reads better without spaces; signs that would join into another keep one.
            false
        }
        (_, Kind::Sign("(" | "[")) => {
            !ends_value(last) && !matches!(last.kind, Kind::Keyword if last.span.end == next.span.start)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str) {
        let formatted = format("main.stfl", text).unwrap_or_else(|failed| panic!("{}", failed.render()));
        assert_eq!(formatted, wanted);
        assert_eq!(format("main.stfl", &formatted).unwrap(), wanted, "a second time");
    }

    #[test]
    fn blocks_spaces_and_empty_lines_are_made_even() {
        let text = "# Head.\ndef f( a:int64,b :int64 )->int64 :\n      # Inner.\n      if a<b :   # why\n            return -a+b*( 2 )\n\n\n\n\n      return [1,2] [0]\n";
        let wanted = "# Head.\ndef f(a: int64, b: int64) -> int64:\n  # Inner.\n  if a < b:  # why\n    return -a + b * (2)\n\n\n  return [1, 2][0]\n";
        check(text, wanted);
    }

    #[test]
    fn the_library_is_written_as_it_should_be() {
        check(crate::LIBRARY, crate::LIBRARY);
    }
}
