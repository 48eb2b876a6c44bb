//! No dead files, no empty rooms.

use std::collections::{BTreeMap, BTreeSet};

use super::mask::{self, Language};
use super::modules::{self, Named};
use super::{File, Finding, Member, Repository, Rule};

static DEAD: Rule = Rule {
    name: "dead-file",
    why: "nothing compiles it, so nothing checks it, and a reader believes it.",
    fix: "name it with `mod`, or delete it.",
};

static EMPTY: Rule = Rule {
    name: "empty-crate",
    why: "a crate is made when its first real code is written, never as an empty room.",
    fix: "write the first code, or remove the folder, its row in ARCHITECTURE.md and its line in the root Cargo.toml.",
};

/// Checks that every source file is compiled and every crate holds code.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let sources = sources(repository);
    let mut findings = Vec::new();
    for member in &repository.members {
        let reached = reached(&sources, member, true);
        let inside = format!("{}/src/", member.folder);
        let dead = sources.keys().filter(|path| path.starts_with(&inside) && !reached.contains(**path));
        findings.extend(dead.map(|path| DEAD.at(path, 1, "no `mod` line leads to this file")));
        if !member.front().and_then(|front| sources.get(front)).is_some_and(|text| holds_code(text)) {
            let path = member.front().map_or_else(|| format!("{}/Cargo.toml", member.folder), str::to_owned);
            findings.push(EMPTY.at(&path, 1, format!("`{}` holds no code yet", member.room())));
        }
    }
    findings
}

/// The source files that are compiled for tests only.
pub fn only_in_tests(repository: &Repository) -> BTreeSet<String> {
    let sources = sources(repository);
    let mut only = BTreeSet::new();
    for member in &repository.members {
        let product = reached(&sources, member, false);
        only.extend(reached(&sources, member, true).into_iter().filter(|path| !product.contains(path)));
    }
    only
}

fn sources(repository: &Repository) -> BTreeMap<&str, &str> {
    let rust = repository.files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.map(|File { path, text }| (path.as_str(), text.as_str())).collect()
}

/// Every file that the targets of a crate lead to.
fn reached(sources: &BTreeMap<&str, &str>, member: &Member, with_tests: bool) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = member.roots.clone();
    while let Some(path) = open.pop() {
        let Some(text) = sources.get(path.as_str()) else {
            continue;
        };
        if !reached.insert(path.clone()) {
            continue;
        }
        let wanted = |named: &Named| with_tests || !named.only_tests;
        for named in modules::named(&path, text, member.roots.contains(&path)).into_iter().filter(wanted) {
            open.extend(named.candidates.into_iter().find(|path| sources.contains_key(path.as_str())));
        }
    }
    reached
}

/// Whether a file holds more than documentation, attributes and an empty `main`.
fn holds_code(text: &str) -> bool {
    let code = mask::mask(text, Language::Rust).code;
    let solid: String = code.lines().filter(|line| !line.trim_start().starts_with("#![")).collect();
    let solid: String = solid.chars().filter(|c| !c.is_whitespace()).collect();
    !solid.is_empty() && solid != "fnmain(){}"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(files: &[(&str, &str)]) -> Repository {
        let member = Member {
            name: "a".to_owned(),
            folder: "crates/rules/a".to_owned(),
            roots: vec!["crates/rules/a/src/lib.rs".to_owned(), "crates/rules/a/src/bin/tool.rs".to_owned()],
            dependencies: Vec::new(),
            manifest: String::new(),
        };
        let file =
            |(path, text): &(&str, &str)| File { path: format!("crates/rules/a/src/{path}"), text: (*text).to_owned() };
        Repository { files: files.iter().map(file).collect(), members: vec![member] }
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&repository(files)).into_iter().map(|finding| format!("{} {}", finding.rule.name, finding.path)).collect()
    }

    #[test]
    fn every_file_that_a_mod_line_leads_to_lives() {
        let files = [
            ("lib.rs", "mod b;\n#[cfg(test)]\nmod tests;"),
            ("b.rs", "mod c;"),
            ("b/c.rs", "mod d;"),
            ("b/c/d/mod.rs", "fn f() {}"),
            ("tests.rs", ""),
            ("bin/tool.rs", "fn main() {}"),
        ];
        assert_eq!(found(&files), [""; 0]);
        assert_eq!(only_in_tests(&repository(&files)).into_iter().collect::<Vec<_>>(), ["crates/rules/a/src/tests.rs"]);
    }

    #[test]
    fn a_file_that_nothing_names_is_dead() {
        let files = [("lib.rs", "mod b;"), ("b.rs", "// mod c;"), ("b/c.rs", "fn f() {}")];
        assert_eq!(found(&files), ["dead-file crates/rules/a/src/b/c.rs"]);
    }

    #[test]
    fn a_crate_of_nothing_but_words_is_empty() {
        assert_eq!(
            found(&[("lib.rs", "//! A.\n#![forbid(unsafe_code)]\n")]),
            ["empty-crate crates/rules/a/src/lib.rs"]
        );
        assert_eq!(found(&[("lib.rs", "//! A.\nfn main() {}\n")]), ["empty-crate crates/rules/a/src/lib.rs"]);
        assert_eq!(found(&[("lib.rs", "//! A.\npub struct A;\n")]), [""; 0]);
    }
}
