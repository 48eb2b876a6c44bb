//! How large every crate is: what grows is seen.

use super::Repository;

/// The lines of one crate, or of the contracts.
#[derive(Debug, PartialEq, Eq)]
pub struct Size {
    /// `layer/name`, or the folder outside `crates/`.
    pub name: String,
    /// Lines of its sources, tests inside them included.
    pub source_lines: usize,
    /// Lines of its `tests/` folder.
    pub test_lines: usize,
}

/// Counts the lines of every crate and of the contracts.
pub fn of(repository: &Repository) -> Vec<Size> {
    let lines = |folder: &str, end: &str| -> usize {
        let inside = repository.files.iter().filter(|file| file.path.starts_with(folder) && file.path.ends_with(end));
        inside.map(|file| file.text.lines().count()).sum()
    };
    let mut sizes: Vec<_> = repository
        .members
        .iter()
        .map(|member| Size {
            name: member.room().to_owned(),
            source_lines: lines(&format!("{}/src/", member.folder), ".rs"),
            test_lines: lines(&format!("{}/tests/", member.folder), ".rs"),
        })
        .collect();
    sizes.push(Size {
        name: "contracts".to_owned(),
        source_lines: lines("contracts/src/", ".sol"),
        test_lines: lines("contracts/test/", ".sol"),
    });
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{File, Member};

    #[test]
    fn lines_are_counted_by_crate() {
        let file = |path: &str| File { path: path.to_owned(), text: "a\nb\n".to_owned() };
        let member = Member {
            name: "a".to_owned(),
            folder: "crates/base/a".to_owned(),
            roots: Vec::new(),
            dependencies: Vec::new(),
            manifest: String::new(),
        };
        let files = [
            "crates/base/a/src/lib.rs",
            "crates/base/a/tests/b.rs",
            "crates/base/ab/src/lib.rs",
            "contracts/src/A.sol",
        ];
        let repository = Repository { files: files.map(file).to_vec(), members: vec![member] };
        let size = |name: &str, source_lines, test_lines| Size { name: name.to_owned(), source_lines, test_lines };
        assert_eq!(of(&repository), [size("base/a", 2, 2), size("contracts", 2, 0)]);
    }
}
