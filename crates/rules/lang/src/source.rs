//! Source files and places in them.

use std::collections::BTreeMap;

/// A stretch of one file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Which file of the [`Sources`].
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// Returns the stretch from the start of this one to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if other.file != self.file {
            return self;
        }
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the empty stretch right behind this one.
    #[must_use]
    pub fn after(self) -> Self {
        Self { start: self.end, ..self }
    }
}

/// Gives the text of modules: the crate itself opens no file.
pub trait Modules {
    /// Returns the text of the module, or nothing when there is none. The path is `["utils", "math"]` for `utils.math`,
    /// and `from` names the file that imports it.
    fn module(&self, path: &[String], from: &str) -> Option<(String, String)>;
    /// Returns the names of modules that could have been meant, for a suggestion.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A map from `utils/math.stfl` to its text.
impl Modules for BTreeMap<String, String> {
    fn module(&self, path: &[String], from: &str) -> Option<(String, String)> {
        let folder = from.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let name = format!("{}.stfl", path.join("/"));
        let near = format!("{folder}{name}");
        let found = if self.contains_key(&near) { near } else { name };
        self.get(&found).map(|text| (found.clone(), text.clone()))
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(|name| name.trim_end_matches(".stfl").replace('/', ".")).collect()
    }
}

/// One file.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name, as messages show it.
    pub name: String,
    /// What is in it.
    pub text: String,
    lines: Vec<u32>,
}

/// All files of a program; a span's `file` counts them in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<File>,
}

impl Sources {
    /// Adds a file and returns its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        let text = text.into();
        let mut lines = vec![0];
        lines.extend(text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next));
        self.files.push(File { name: name.into(), text, lines });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Returns a file by its number.
    #[must_use]
    pub fn file(&self, number: u32) -> Option<&File> {
        self.files.get(index(number))
    }

    /// Returns the number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Tells whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the line and the column of the span's start, both counted from one, columns in characters.
    #[must_use]
    pub fn place(&self, span: Span) -> (u32, u32) {
        let Some(file) = self.file(span.file) else { return (0, 0) };
        let line = file.lines.partition_point(|start| *start <= span.start).max(1);
        let start = file.lines.get(line - 1).copied().unwrap_or(0);
        let before = file.text.get(index(start)..index(span.start)).unwrap_or("");
        let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX);
        (u32::try_from(line).unwrap_or(u32::MAX), column.saturating_add(1))
    }

    /// Returns a line's text without its end.
    #[must_use]
    pub fn line(&self, file: u32, line: u32) -> &str {
        let Some(file) = self.file(file) else { return "" };
        let at = index(line.saturating_sub(1));
        let start = file.lines.get(at).copied().unwrap_or(0);
        let end = file.lines.get(at + 1).map_or(file.text.len(), |next| index(*next));
        file.text.get(index(start)..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// Returns the text of a span.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|file| file.text.get(index(span.start)..index(span.end))).unwrap_or("")
    }
}

/// Returns a count of bytes as an index; all our machines have at least 32 bits.
pub(crate) fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Returns an index as a count that fits; sources above 4 GiB are refused before.
pub(crate) fn count(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
