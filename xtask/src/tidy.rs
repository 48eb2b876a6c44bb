//! The conventions that a machine can check.
//!
//! Every rule is a pure function from text to findings. Only [`Repository::open`] touches the disk.

use std::fmt;

pub mod decisions;
pub mod doc_lines;
pub mod files;
pub mod layers;
pub mod lengths;
pub mod links;
pub mod machine;
pub mod names;
pub mod purity;
pub mod sizes;
pub mod test_habits;

mod finding;
mod mask;
mod modules;
mod repository;

pub use finding::{Finding, Rule};
pub use repository::{Dependency, Error, File, Kind, Member, Repository};

/// What one run of every rule found.
pub struct Report {
    /// What must be mended, in order of path and line.
    pub findings: Vec<Finding>,
    /// Known gaps, as `path:line: text`. Counted, never a failure.
    pub gaps: Vec<String>,
    /// The size of every crate.
    pub sizes: Vec<sizes::Size>,
}

/// Applies every rule to the repository.
pub fn check(repository: &Repository) -> Report {
    let mut findings = layers::check(&repository.members);
    findings.extend(names::check_members(&repository.members));
    findings.extend(doc_lines::check(repository));
    findings.extend(decisions::check(repository));
    findings.extend(links::check(repository));
    findings.extend(files::check(repository));

    let only_tests = files::only_in_tests(repository);
    let mut gaps = Vec::new();
    for file in &repository.files {
        findings.extend(machine::check(&file.path, &file.text));
        findings.extend(names::check(&file.path, &file.text));
        findings.extend(lengths::check(&file.path, &file.text));
        findings.extend(test_habits::check(&file.path, &file.text));
        gaps.extend(test_habits::gaps(&file.path, &file.text));
        if !only_tests.contains(&file.path) {
            findings.extend(purity::check(&file.path, &file.text));
        }
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Report { findings, gaps, sizes: sizes::of(repository) }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>7} {:>7}", "crate", "src", "tests")?;
        for size in &self.sizes {
            writeln!(f, "{:<24} {:>7} {:>7}", size.name, size.source_lines, size.test_lines)?;
        }
        writeln!(f, "\ngaps: {}", self.gaps.len())?;
        for gap in &self.gaps {
            writeln!(f, "  {gap}")?;
        }
        writeln!(f, "findings: {}", self.findings.len())?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}
