//! Nothing in the repository knows the machine it was written on.

use super::{Finding, Rule};

/// Folders at the root of a file system that differ from machine to machine. Slashes are added when searching, so
/// that this list does not find itself.
const FOLDERS: [&str; 5] = ["work", "root", "farm", "home", "Users"];
/// What a lock file of npm may name.
const NPM: &str = "https://registry.npmjs.org/";
/// What a lock file of cargo may name.
const CARGO: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Settings that point a package client somewhere else, by the name of the file that holds them.
const SETTINGS: [(&str, &[&str]); 3] = [
    (".npmrc", &["registry"]),
    ("pip.conf", &["index-url", "trusted-host"]),
    (".cargo/config.toml", &["replace-with", "registry", "index"]),
];

static RULE: Rule = Rule {
    name: "machine",
    why: "a clone must build on any machine, and a mirror's address is nobody else's business.",
    fix: "use a path from the root of the repository or from an argument; keep registry settings in your own home folder.",
};

/// Checks a file for paths of a machine and for package registries other than the public ones.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if let Some(folder) = FOLDERS.iter().find(|folder| has_folder(line, folder)) {
            findings.push(RULE.at(path, number, format!("a path below /{folder}")));
        }
        if let Some(what) = foreign(path, line) {
            findings.push(RULE.at(path, number, what));
        }
    }
    findings
}

/// Whether a line holds a path that starts in this folder; one in the middle of another path or address is none.
fn has_folder(line: &str, folder: &str) -> bool {
    let start = format!("/{folder}/");
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | ')' | '~' | '*' | '$');
    line.match_indices(&start).any(|(offset, _)| {
        let before = line[..offset].chars().next_back();
        before.is_none_or(|c| !inner(c)) || line[..offset].ends_with("file://")
    })
}

/// The registry that a line names, when it is not the public one.
fn foreign(path: &str, line: &str) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let line = line.trim_start();
    let value = |key: &str| line.strip_prefix(key).and_then(|rest| rest.split('"').nth(1));
    match file {
        "package-lock.json" => {
            let from = value("\"resolved\":").filter(|from| from.starts_with("http") && !from.starts_with(NPM));
            from.map(|_| "a package from another registry than npm's".to_owned())
        }
        "Cargo.lock" => {
            let from = value("source =").filter(|from| *from != CARGO);
            from.map(|_| "a crate from elsewhere than crates.io".to_owned())
        }
        _ => {
            let (_, keys) = SETTINGS.iter().find(|(name, _)| path == *name || path.ends_with(&format!("/{name}")))?;
            let key = keys.iter().find(|key| line.starts_with(**key))?;
            Some(format!("`{key}` is set"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [usize; 0] = [];

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(path, text).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(found("a.md", &format!("ok\nsee /{folder}/main")), [2]);
            assert_eq!(found("a.json", &format!("\"/{folder}/x\"")), [1]);
            assert_eq!(found("a.toml", &format!("file:///{folder}/x")), [1]);
        }
    }

    #[test]
    fn the_middle_of_a_path_passes() {
        for folder in FOLDERS {
            assert_eq!(found("a.md", &format!("https://example.org/{folder}/x docs/{folder}/y ./{folder}/z")), NOTHING);
        }
        assert_eq!(found("a.md", "net/work at work / root"), NOTHING);
    }

    #[test]
    fn foreign_registries_are_found() {
        assert_eq!(found("x/package-lock.json", "  \"resolved\": \"https://mirror.example/a.tgz\","), [1]);
        assert_eq!(found("x/package-lock.json", "  \"resolved\": \"https://registry.npmjs.org/a.tgz\","), NOTHING);
        assert_eq!(found("Cargo.lock", "source = \"git+https://example.org/a\""), [1]);
        assert_eq!(found("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\""), NOTHING);
        assert_eq!(found("x/.npmrc", "registry=https://mirror.example"), [1]);
        assert_eq!(found(".cargo/config.toml", "[alias]\nreplace-with = \"x\""), [2]);
        assert_eq!(found("x/.npmrc", "fund=false"), NOTHING);
    }
}
