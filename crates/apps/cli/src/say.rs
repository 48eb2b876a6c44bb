//! Talking to people and to programs.

use crate::error::Error;
use std::io::Write as _;

/// Prints text for people, or one JSON value for programs.
pub struct Say {
    json: bool,
    silent: bool,
}

impl Say {
    /// Chooses whom to talk to.
    pub fn new(json: bool) -> Self {
        Self { json, silent: false }
    }

    /// Says nothing at all.
    pub fn quiet(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Says whether programs listen.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Tells people how things go. Programs do not hear it.
    pub fn tell(&self, text: impl AsRef<str>) {
        if !self.json && !self.silent {
            // A reader that closed its end does not stop the work.
            let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
        }
    }

    /// Gives the result: text to people, the value to programs.
    pub fn give(&self, text: impl AsRef<str>, value: &serde_json::Value) {
        if self.silent {
            return;
        }
        let line = if self.json { value.to_string() } else { text.as_ref().trim_end().to_owned() };
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Tells that the command failed, and why.
    pub fn fail(&self, error: &Error) {
        let text = error.chain();
        if self.json {
            let mut value = serde_json::json!({ "ok": false, "error": text });
            if let Error::Chain { faults, .. } = error {
                value["faults"] = serde_json::json!(faults);
            }
            if let Error::Program { faults, .. } = error {
                value["faults"] = serde_json::json!(faults);
            }
            if let Error::Tests { results, .. } = error {
                value["tests"] = serde_json::json!(results);
            }
            let _ = writeln!(std::io::stdout(), "{value}");
        } else {
            let _ = writeln!(std::io::stderr(), "talea: {text}");
        }
    }
}
