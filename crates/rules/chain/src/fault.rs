//! What is wrong with a file.

use std::fmt;

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The field, as in `security.min_stake`; empty when the text is no TOML.
    pub path: String,
    /// The line in the file, from 1; none for what is missing.
    pub line: Option<u64>,
    /// What stands there, shortened; none for what is missing.
    pub value: Option<String>,
    /// What may stand there.
    pub bound: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match (&self.value, self.path.as_str()) {
            (_, "") => f.write_str("the text")?,
            (Some(value), path) => write!(f, "{path} = {value}")?,
            (None, path) => f.write_str(path)?,
        }
        write!(f, " must be {}: {}", self.bound, self.advice)
    }
}
