//! A name says what a thing is.

use super::mask::{self, Language, line_at};
use super::{Finding, Member, Rule};

/// Words that say nothing about what is inside.
const EMPTY: [&str; 10] =
    ["utils", "util", "common", "shared", "helpers", "helper", "misc", "manager", "managers", "miscellaneous"];

static RULE: Rule = Rule {
    name: "name",
    why: "such a name means that the concept has none yet, and everything ends up there.",
    fix: "name it after the concept; if there are several, they are several modules.",
};

/// Checks the names of the crates.
pub fn check_members(members: &[Member]) -> Vec<Finding> {
    let bad = members.iter().filter(|member| parts(&member.name).iter().any(|part| is_empty(part)));
    bad.map(|member| {
        RULE.at(&format!("{}/Cargo.toml", member.folder), 1, format!("a crate is named `{}`", member.name))
    })
    .collect()
}

/// Checks the path of a source file, and the modules and types it declares.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let language = Language::of(path);
    if language.is_none() && !path.ends_with(".py") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if let Some(name) = path.split('/').find(|name| parts(name).iter().any(|part| is_empty(part))) {
        findings.push(RULE.at(path, 1, format!("a folder or file is named `{name}`")));
    }
    let Some(language) = language else {
        return findings;
    };
    let code = mask::mask(text, language).code;
    let keywords: &[&str] = match language {
        Language::Rust => &["mod", "struct", "enum", "trait", "type", "union"],
        Language::Solidity => &["contract", "library", "interface", "struct", "enum", "type"],
        Language::Script => &["class", "interface", "type", "enum"],
    };
    let words: Vec<_> = mask::words(&code).collect();
    for pair in words.windows(2) {
        let ((offset, keyword), (start, name)) = (pair[0], pair[1]);
        let adjacent = code[offset + keyword.len()..start].trim().is_empty();
        if !keywords.contains(&keyword) || !adjacent {
            continue;
        }
        let parts = parts(name);
        // A module is what its name says as a whole; in a type the last word is the noun (`SharedSecret` is a secret).
        let bad = if keyword == "mod" {
            parts.iter().any(|p| is_empty(p))
        } else {
            parts.last().is_some_and(|p| is_empty(p))
        };
        if bad {
            findings.push(RULE.at(path, line_at(&code, start), format!("`{keyword} {name}`")));
        }
    }
    findings
}

fn is_empty(part: &str) -> bool {
    EMPTY.contains(&part)
}

/// The words of a name, in lower case: `TaskManager`, `task_manager` and `task-manager.rs` all begin with `task`, `manager`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let starts = character.is_uppercase() && after_lower;
        if starts || matches!(character, '_' | '-' | '.') {
            parts.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase() || character.is_ascii_digit();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [usize; 0] = [];

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(path, text).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(found("crates/rules/state/src/utils.rs", ""), [1]);
        assert_eq!(found("crates/apps/cli/tests/common/mod.rs", ""), [1]);
        assert_eq!(found("contracts/src/VaultHelper.sol", ""), [1]);
        assert_eq!(found("tools/task_helpers.py", ""), [1]);
        assert_eq!(found("a.rs", "\npub mod shared;\nmod misc {}"), [2, 3]);
        assert_eq!(found("a.rs", "pub struct TaskManager;\nenum Misc {}\ntype Utils = u8;"), [1, 2, 3]);
        assert_eq!(found("A.sol", "contract FeeManager {}"), [1]);
        assert_eq!(found("a.ts", "export class Helpers {}"), [1]);
    }

    #[test]
    fn other_names_pass() {
        assert_eq!(
            found(
                "crates/base/crypto/src/secret.rs",
                "struct SharedSecret; // struct Manager\nlet misc = \"mod utils\";"
            ),
            NOTHING
        );
        assert_eq!(found("docs/common.md", ""), NOTHING);
        assert_eq!(found("a.rs", "fn commonly() {} mod community {}"), NOTHING);
    }

    #[test]
    fn a_crate_named_after_nothing_is_found() {
        let member = |name: &str| Member {
            name: name.to_owned(),
            folder: format!("crates/base/{name}"),
            roots: Vec::new(),
            dependencies: Vec::new(),
            manifest: String::new(),
        };
        assert_eq!(check_members(&[member("talea-common")]).len(), 1);
        assert_eq!(check_members(&[member("types")]), []);
    }
}
