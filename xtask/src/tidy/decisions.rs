//! Every decision record is in the index.

use super::links::targets;
use super::{Finding, Repository, Rule};

const FOLDER: &str = "docs/decisions/";

static RULE: Rule = Rule {
    name: "decision",
    why: "a record that the index does not list is not found by who needs it.",
    fix: "add a line with a link to docs/decisions/README.md.",
};

/// Checks that the index links to every record.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let index = repository.file(&format!("{FOLDER}README.md")).map_or("", |file| file.text.as_str());
    let listed: Vec<&str> = index.lines().flat_map(targets).collect();
    let names = repository.files.iter().filter_map(|file| file.path.strip_prefix(FOLDER));
    let records = names.filter(|name| name.ends_with(".md") && *name != "README.md");
    let missing = records.filter(|name| !listed.contains(name));
    missing.map(|name| RULE.at(&format!("{FOLDER}{name}"), 1, "the index does not list this record")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::File;

    fn found(index: &str) -> usize {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = vec![file("docs/decisions/README.md", index), file("docs/decisions/0001-a.md", "# A")];
        check(&Repository { files, members: Vec::new() }).len()
    }

    #[test]
    fn a_listed_record_passes_and_another_is_found() {
        assert_eq!(found("- [0001](0001-a.md): a"), 0);
        assert_eq!(found("- 0001-a.md"), 1);
        assert_eq!(found(""), 1);
    }
}
