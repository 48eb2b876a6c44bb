//! A link in a document leads somewhere.

use std::collections::BTreeSet;

use super::{Finding, Repository, Rule};

static RULE: Rule = Rule {
    name: "link",
    why: "a reader who meets one dead link stops trusting the others.",
    fix: "correct the path, which starts at the folder of the document, or remove the link.",
};

/// Checks every relative link of every Markdown file.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let places = places(repository.files.iter().map(|file| file.path.as_str()));
    let documents = repository.files.iter().filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| check_document(&file.path, &file.text, &places)).collect()
}

/// Every file, and every folder that holds one.
fn places<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut places = BTreeSet::from([""]);
    for path in paths {
        places.insert(path);
        places.extend(path.match_indices('/').map(|(offset, _)| &path[..offset]));
    }
    places
}

fn check_document(path: &str, text: &str, places: &BTreeSet<&str>) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    let mut fenced = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:") || file.is_empty();
            if !outside && !resolve(folder, file).is_some_and(|place| places.contains(place.as_str())) {
                findings.push(RULE.at(path, number, format!("`{target}` leads nowhere")));
            }
        }
    }
    findings
}

/// What the links of a line point to: `[text](target)`, and `[name]: target` at its start.
pub(super) fn targets(line: &str) -> Vec<&str> {
    // Every second piece stands in back quotes, and what stands there is code; keep offsets by looking outside only.
    let outside = |offset: usize| line[..offset].matches('`').count().is_multiple_of(2);
    let inline = line.match_indices("](").filter(|(offset, _)| outside(*offset)).filter_map(|(offset, _)| {
        let rest = &line[offset + 2..];
        rest.split([')', ' ']).next().map(|target| target.trim_matches(['<', '>']))
    });
    let named = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(named).collect()
}

/// The path that a target means, seen from a folder; `None` when it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [usize; 0] = [];

    fn found(text: &str) -> Vec<usize> {
        let places = places(["README.md", "docs/glossary.md", "docs/decisions/README.md"].into_iter());
        check_document("docs/decisions/README.md", text, &places).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        assert_eq!(found("[a](../glossary.md#words) [b](../../README.md) [c](../) [d](#here)"), NOTHING);
        assert_eq!(found("[a](https://example.org/x) [b](mailto:a@example.org)\n[c]: ../glossary.md"), NOTHING);
        assert_eq!(found("`[a](gone.md)`\n```\n[b](gone.md)\n```"), NOTHING);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(found("fine\n[a](gone.md)"), [2]);
        assert_eq!(found("[a](../../../README.md)"), [1]);
        assert_eq!(found("[a]: gone.md\n`x` [b](glossary.md \"title\")"), [1, 2]);
    }
}
