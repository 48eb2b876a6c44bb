//! A crate's first doc line is its row in ARCHITECTURE.md.

use super::{Finding, Repository, Rule};

const MAP: &str = "ARCHITECTURE.md";

static RULE: Rule = Rule {
    name: "doc-line",
    why: "the map and the code must tell the same story.",
    fix: "make the first `//!` line of the crate and its row in ARCHITECTURE.md the same sentence.",
};

struct Row<'a> {
    room: &'a str,
    sentence: &'a str,
    line: usize,
}

/// Compares every crate with its row, and every row with its crate.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let Some(map) = repository.file(MAP) else {
        return vec![RULE.at(MAP, 1, "the map of the crates is missing")];
    };
    let rows = table(&map.text);
    let mut findings = Vec::new();
    for member in &repository.members {
        let Some(front) = member.front() else {
            continue;
        };
        let said = repository.file(front).and_then(|file| first_doc_line(&file.text)).unwrap_or("");
        match rows.iter().find(|row| row.room == member.room()) {
            None => findings.push(RULE.at(MAP, 1, format!("`{}` has no row in the table of crates", member.room()))),
            Some(row) if row.sentence != said => {
                findings.push(RULE.at(front, 1, format!("it begins \"{said}\", its row says \"{}\"", row.sentence)));
            }
            Some(_) => {}
        }
    }
    for row in rows {
        if !repository.members.iter().any(|member| member.room() == row.room) {
            findings.push(RULE.at(MAP, row.line, format!("there is no crate `{}`", row.room)));
        }
    }
    findings
}

/// The rows below the header `| crate | one line |`.
fn table(map: &str) -> Vec<Row<'_>> {
    let lines = map.lines().zip(1..).skip_while(|(text, _)| cells(text) != Some(("crate", "one line")));
    let rows = lines.skip(2).map_while(|(text, line)| cells(text).map(|(room, sentence)| Row { room, sentence, line }));
    rows.collect()
}

fn cells(line: &str) -> Option<(&str, &str)> {
    let (room, sentence) = line.trim().strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
    Some((room.trim().trim_matches('`'), sentence.trim()))
}

fn first_doc_line(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix("//!")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{File, Member};

    const MAP_TEXT: &str = "# Map\n\n| folder | one line |\n|---|---|\n| x | y |\n\n| crate | one line |\n|---|---|\n| base/a | Ids. |\n\nEnd.\n";

    fn found(map: &str, crate_text: &str) -> Vec<String> {
        let member = Member {
            name: "a".to_owned(),
            folder: "crates/base/a".to_owned(),
            roots: vec!["crates/base/a/src/lib.rs".to_owned()],
            dependencies: Vec::new(),
            manifest: String::new(),
        };
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = vec![file(MAP, map), file("crates/base/a/src/lib.rs", crate_text)];
        let findings = check(&Repository { files, members: vec![member] });
        findings.into_iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
    }

    #[test]
    fn equal_lines_pass() {
        assert_eq!(found(MAP_TEXT, "//! Ids.\n//!\n//! More.\n"), [""; 0]);
    }

    #[test]
    fn a_different_line_a_missing_row_and_a_row_too_many_are_found() {
        assert_eq!(found(MAP_TEXT, "//! Names.\n"), ["crates/base/a/src/lib.rs:1"]);
        assert_eq!(found(MAP_TEXT, "fn f() {}\n"), ["crates/base/a/src/lib.rs:1"]);
        assert_eq!(
            found(&MAP_TEXT.replace("base/a", "base/b"), "//! Ids.\n"),
            ["ARCHITECTURE.md:1", "ARCHITECTURE.md:9"]
        );
    }
}
