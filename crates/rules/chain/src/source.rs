//! From text to values, field by field, with everything that is wrong on the way.

use crate::config::SECTIONS;
use crate::fault::Fault;
use crate::field::Section;
use crate::kind::Kind;
use crate::near::near;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Longest file, in bytes.
pub const FILE_BYTES: usize = 65_536;
/// Most keys that nothing reads, and most places where the text is no TOML, that are told: a file that is something else
/// altogether is told so often enough.
const STRANGERS: usize = 100;
/// Most characters of a value or a name that a fault shows.
const SHOWN: usize = 60;

/// A file that is TOML.
pub struct Source<'a> {
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> Source<'a> {
    /// Reads text, or says why it is no TOML. What is no TOML is not looked at further: its fields would be guesses.
    pub fn new(text: &'a str) -> Result<Self, Vec<Fault>> {
        if text.len() > FILE_BYTES {
            let (bound, advice) = (format!("at most {FILE_BYTES} bytes"), format!("it has {}: shorten it", text.len()));
            return Err(vec![Fault { path: String::new(), line: None, value: None, bound, advice }]);
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self { text, root: root.into_inner() });
        }
        let fault = |error: &toml::de::Error| Fault {
            path: String::new(),
            line: error.span().map(|span| line(text, &span)),
            value: None,
            bound: "TOML".to_owned(),
            advice: error.message().to_owned(),
        };
        Err(errors.iter().take(STRANGERS).map(fault).collect())
    }

    /// Returns what stands at a path, and where.
    fn find(&self, path: &str) -> Option<(&DeValue<'a>, Range<usize>)> {
        let mut table = &self.root;
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            let (_, value) = table.iter().find(|(key, _)| key.get_ref() == step)?;
            if steps.peek().is_none() {
                return Some((value.get_ref(), value.span()));
            }
            table = value.get_ref().as_table()?;
        }
        None
    }
}

fn line(text: &str, span: &Range<usize>) -> u64 {
    let before = text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count();
    u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1)
}

/// Shortens what a file says to what a line can show.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A reading of a file: what was found wrong so far.
pub struct Reading<'a> {
    source: &'a Source<'a>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl<'a> Reading<'a> {
    /// Begins, with what does not belong into the file.
    pub fn new(source: &'a Source<'a>) -> Self {
        let mut reading = Self { source, faults: Vec::new() };
        for section in SECTIONS {
            reading.strangers(section);
        }
        reading
    }

    /// Notes what is wrong at a path, whether something stands there or not.
    pub fn fault(&mut self, path: &str, bound: impl Into<String>, advice: impl Into<String>) {
        let found = self.source.find(path);
        let line = found.as_ref().map(|(_, span)| line(self.source.text, span));
        let value = found.and_then(|(_, span)| self.source.text.get(span)).map(|text| match is_private(path) {
            true => "(hidden)".to_owned(),
            false => shown(text),
        });
        let (bound, advice) = (bound.into(), advice.into());
        self.faults.push(Fault { path: path.to_owned(), line, value, bound, advice });
    }

    /// Returns a table that is there, and notes when it has to be there and is not.
    pub fn table(&mut self, section: &Section) -> Option<&'a DeTable<'a>> {
        if section.path.is_empty() {
            return Some(&self.source.root);
        }
        match self.source.find(section.path) {
            Some((DeValue::Table(table), _)) => Some(table),
            Some(_) => {
                let advice = format!("write [{}] on a line of its own, and its fields below", section.path);
                self.fault(section.path, "a table", advice);
                None
            }
            // Whoever stands in the place of a table above was told so; a table that is missing with the one above is
            // told of once more, because its fields are others.
            None if section.is_required && self.is_room(section) => {
                let keys: Vec<&str> =
                    section.fields.iter().filter(|field| field.shape.is_required()).map(|field| field.key).collect();
                let advice = format!("it is missing: add [{}] with {}", section.path, keys.join(", "));
                self.fault(section.path, "a table", advice);
                None
            }
            None => None,
        }
    }

    /// Whether nothing that is no table stands where the table above a section should be.
    fn is_room(&self, section: &Section) -> bool {
        let above = section.path.rsplit_once('.').and_then(|(above, _)| self.source.find(above));
        above.is_none_or(|(value, _)| matches!(value, DeValue::Table(_)))
    }

    /// Returns the value of a field, and notes what is wrong with it.
    pub fn field<K: Kind>(&mut self, section: &Section, table: &DeTable<'_>, key: &str, kind: &K) -> Option<K::Value> {
        let Some((_, given)) = table.iter().find(|(name, _)| name.get_ref() == key) else {
            let absent = kind.absent();
            if absent.is_none() {
                self.fault(&section.path_of(key), kind.bound(), "it is missing: add it");
            }
            return absent;
        };
        match kind.read(given.get_ref()) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fault(&section.path_of(key), kind.bound(), wrong.advice);
                wrong.value
            }
        }
    }

    /// Notes the keys of a table that mean nothing.
    fn strangers(&mut self, section: &Section) {
        let table = match self.source.find(section.path) {
            _ if section.path.is_empty() => &self.source.root,
            Some((DeValue::Table(table), _)) => table,
            _ => return,
        };
        let tables = SECTIONS.iter().filter(|inner| !inner.path.is_empty() && parent(inner.path) == section.path);
        let known: Vec<&'static str> = section.keys().chain(tables.map(|inner| last(inner.path))).collect();
        for (key, _) in table.iter() {
            let key_text = key.get_ref().as_ref();
            if known.contains(&key_text) {
                continue;
            }
            if self.faults.len() >= STRANGERS {
                return;
            }
            let advice = match (near(key_text, known.iter().copied()), home(key_text)) {
                (_, Some(home)) => format!("it belongs to {home}: move it there"),
                (Some(near), None) => format!("did you mean `{near}`?"),
                (None, None) => format!("nothing reads it: remove it; known here are {}", known.join(", ")),
            };
            let (path, bound) = (section.path_of(&shown(key_text)), "a known field".to_owned());
            let line = Some(line(self.source.text, &key.span()));
            // Not what stands there: a misspelt name may hide a credential.
            self.faults.push(Fault { path, line, value: None, bound, advice });
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn last(path: &'static str) -> &'static str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

/// Returns the table that a key belongs to, if it is the name of a field elsewhere.
fn home(key: &str) -> Option<String> {
    let section = SECTIONS.iter().find(|section| section.keys().any(|known| known == key))?;
    Some(if section.path.is_empty() { "the top of the file".to_owned() } else { format!("[{}]", section.path) })
}

fn is_private(path: &str) -> bool {
    let fields = SECTIONS.iter().flat_map(|section| section.fields.iter().map(move |field| (section, field)));
    fields.into_iter().any(|(section, field)| field.shape.is_private() && section.path_of(field.key) == path)
}
