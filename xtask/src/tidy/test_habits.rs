//! Tests run, always, and never wait for a clock; gaps are counted.

use super::mask::{self, Language, line_at};
use super::{Finding, Rule};

static SKIPPED: Rule = Rule {
    name: "unfinished",
    why: "an ignored test and a missing body both look done from outside.",
    fix: "finish it, or delete it; a known gap is a `// Gap:` comment that says what the user loses.",
};

static SLEEP: Rule = Rule {
    name: "sleep",
    why: "a sleeping test is slow on a fast machine and fails on a slow one.",
    fix: "wait for the event itself: a channel, a line of output, an answer; or drive the core with virtual time.",
};

/// Checks a Rust file for ignored tests and missing bodies, and the `tests/` folders for sleeps.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    if Language::of(path) != Some(Language::Rust) {
        return Vec::new();
    }
    let code = mask::mask(text, Language::Rust).code;
    let in_tests = path.split('/').any(|part| part == "tests");
    let mut findings = Vec::new();
    for (offset, word) in mask::words(&code) {
        let before = code[..offset].trim_end();
        let after = code[offset + word.len()..].trim_start();
        let line = line_at(&code, offset);
        match word {
            "ignore" if before.ends_with("#[") => findings.push(SKIPPED.at(path, line, "an ignored test")),
            "todo" | "unimplemented" if after.starts_with('!') => {
                findings.push(SKIPPED.at(path, line, format!("`{word}!`")));
            }
            "sleep" | "sleep_until" if in_tests && after.starts_with('(') => {
                findings.push(SLEEP.at(path, line, format!("`{word}` in a test")));
            }
            _ => {}
        }
    }
    findings
}

/// The known gaps of a source file, as `path:line: text`.
pub fn gaps(path: &str, text: &str) -> Vec<String> {
    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    let comments = mask::mask(text, language).comments;
    let mut gaps = Vec::new();
    for (line, number) in comments.lines().zip(1..) {
        let words = line.trim().trim_start_matches(['/', '*', '!']).trim_start();
        if let Some(gap) = words.strip_prefix("Gap:") {
            gaps.push(format!("{path}:{number}: {}", gap.trim()));
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(path, text).into_iter().map(|finding| format!("{}:{}", finding.rule.name, finding.line)).collect()
    }

    #[test]
    fn ignored_tests_and_missing_bodies_are_found_everywhere() {
        assert_eq!(found("crates/a/b/src/x.rs", "#[test]\n#[ignore]\nfn f() {}"), ["unfinished:2"]);
        assert_eq!(found("crates/a/b/src/x.rs", "#[ignore = \"slow\"]"), ["unfinished:1"]);
        assert_eq!(found("crates/a/b/src/x.rs", "fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }").len(), 2);
        assert_eq!(
            found("crates/a/b/src/x.rs", "let ignore = 1; // todo!()\nlet a = \"#[ignore]\"; fn todo() {}"),
            [""; 0]
        );
    }

    #[test]
    fn sleeping_is_found_in_tests_folders() {
        assert_eq!(found("crates/a/b/tests/x.rs", "std::thread::sleep(d);"), ["sleep:1"]);
        assert_eq!(found("crates/a/b/tests/x.rs", "use tokio::time::sleep;\nsleep(d).await;"), ["sleep:2"]);
        assert_eq!(found("crates/a/b/src/run.rs", "tokio::time::sleep(d).await;"), [""; 0]);
        assert_eq!(found("crates/a/b/tests/x.rs", "// sleep(1)\nlet sleepers = 1;"), [""; 0]);
    }

    #[test]
    fn gaps_are_listed() {
        assert_eq!(
            gaps("a.rs", "// Gap: no cancel.\nlet a = \"// Gap: no\"; // See the Gap: above.\n"),
            ["a.rs:1: no cancel."]
        );
        assert_eq!(gaps("a.rs", "fn f() {}"), [""; 0]);
    }
}
