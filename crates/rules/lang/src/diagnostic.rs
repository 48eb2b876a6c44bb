//! What is wrong, where, why, and what to write instead.

use crate::source::{Sources, Span, index};
use std::fmt::Write;

/// How many errors one run tells: more would bury the first.
pub const DIAGNOSTICS_MAX: usize = 50;

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of thing is wrong, stable for tools: `type`, `leak`, `syntax`.
    pub code: &'static str,
    /// One sentence that says what is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// A few words at the place.
    pub label: String,
    /// Other places that matter, in order: the path that a secret took, or where a name was declared.
    pub path: Vec<(Span, String)>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Describes an error.
    pub fn new(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span, label: String::new(), path: Vec::new(), help: None }
    }

    /// Says a few words at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Shows another place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.path.push((span, text.into()));
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the text that a person reads.
    #[must_use]
    pub fn render(&self, sources: &Sources) -> String {
        let mut out = format!("error[{}]: {}\n", self.code, self.message);
        let margin = self.margin(sources);
        frame(&mut out, sources, self.span, &self.label, '^', "-->", margin);
        for (span, text) in &self.path {
            frame(&mut out, sources, *span, text, '-', ":::", margin);
        }
        if let Some(help) = &self.help {
            for (number, line) in help.lines().enumerate() {
                let start = if number == 0 { "= help: " } else { "        " };
                let _ = writeln!(out, "{:margin$} {start}{line}", "");
            }
        }
        out
    }

    fn margin(&self, sources: &Sources) -> usize {
        let last = self.path.iter().map(|(span, _)| sources.place(*span).0);
        let last = last.chain([sources.place(self.span).0]).max().unwrap_or(1);
        last.to_string().len()
    }
}

fn frame(out: &mut String, sources: &Sources, span: Span, label: &str, mark: char, arrow: &str, margin: usize) {
    let Some(file) = sources.file(span.file) else { return };
    let (line, column) = sources.place(span);
    let text = sources.line(span.file, line).replace('\t', " ");
    let wide = sources.text(span).lines().next().map_or(0, |first| first.chars().count()).max(1);
    let column = index(column).saturating_sub(1);
    let marks: String = std::iter::repeat_n(mark, wide).collect();
    let _ = writeln!(out, "{:margin$}{arrow} {}:{line}:{}", "", file.name, column + 1);
    let _ = writeln!(out, "{:margin$} |", "");
    let _ = writeln!(out, "{line:margin$} | {text}");
    let _ = writeln!(out, "{}", format!("{:margin$} | {:column$}{marks} {label}", "", "").trim_end());
}

/// Returns the name closest to `wanted`, if one is close enough to be a slip of the hand.
pub(crate) fn closest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = wanted.chars().count().div_ceil(3).min(3);
    let near = names.into_iter().filter(|name| *name != wanted).map(|name| (distance(wanted, name), name));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
}

/// Returns the number of letters to insert, remove, change or swap.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(64).collect(), right.chars().take(64).collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let same = usize::from(a != b);
            let mut best = (rows[i][j] + same).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i - 1] == *b && *a == right[j - 1] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// Everything that was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one, unless the same was said of the same place or too much was said already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let known = |other: &Diagnostic| other.span == diagnostic.span && other.message == diagnostic.message;
        if self.list.len() < DIAGNOSTICS_MAX && !self.list.iter().any(known) {
            self.list.push(diagnostic);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.list.len() >= DIAGNOSTICS_MAX
    }

    /// Returns all of them in the order of the source.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.span);
        self.list
    }
}
