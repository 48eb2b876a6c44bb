//! Showing an error in full.

use std::error::Error;
use std::fmt;

/// An error with all its causes, for a log or a person: an error says its own part and leaves the rest to its source.
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = self.0.source();
        while let Some(error) = next {
            let own = error.to_string();
            // Some errors of libraries say their source's part too.
            if !text.ends_with(&own) {
                text.push_str(": ");
                text.push_str(&own);
            }
            next = error.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Layer { text, source: layers(rest) }))
    }

    #[test]
    fn every_cause_is_said_once() {
        let show = |texts: &[&'static str]| Causes(&*layers(texts).unwrap()).to_string();
        assert_eq!(show(&["cannot store"]), "cannot store");
        assert_eq!(show(&["cannot store", "cannot write", "disk full"]), "cannot store: cannot write: disk full");
        assert_eq!(show(&["cannot store: disk full", "disk full"]), "cannot store: disk full");
    }
}
