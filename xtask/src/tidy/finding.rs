//! What a rule is, and what it says when it is broken.

use std::fmt;

/// A convention, why it exists, and what to do when it is broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// One word, printed in brackets.
    pub name: &'static str,
    /// The reason for the rule.
    pub why: &'static str,
    /// The usual way out.
    pub fix: &'static str,
}

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path from the root of the repository, with forward slashes.
    pub path: String,
    /// Line, from one.
    pub line: usize,
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// What stands there.
    pub what: String,
}

impl Rule {
    /// Reports this rule as broken at a line.
    pub fn at(&'static self, path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, rule: self, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        write!(f, "{path}:{line}: [{}] {what}. Why: {} Do: {}", rule.name, rule.why, rule.fix)
    }
}
