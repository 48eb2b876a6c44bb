//! Writes the golden files: `vectors/*.json` for other languages, `docs/errors/README.md` for people.
//!
//! Everything follows from fixed seeds, so that the same code writes the same bytes. With `--check` nothing is written:
//! it fails when a file is not what the code gives. A changed vector is a changed protocol.

mod chain;
mod encoding;
mod errors;
mod list;
mod permutation;
mod settlement;
mod signature;
mod tree;
mod verdict;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: vectors [--check]";
const REGENERATE: &str = "`cargo xtask gen vectors`";

/// A file that this program writes.
struct Golden {
    /// From the root of the repository.
    path: &'static str,
    text: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write(&root()),
        ["--check"] => check(&root()),
        _ => Err(USAGE.to_string()),
    };
    match done {
        Ok(said) => {
            eprintln!("{said}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// Returns all files as the code gives them now.
fn golden() -> Vec<Golden> {
    let json = |path, value| Golden { path, text: pretty(value) };
    vec![
        json("vectors/encoding.json", encoding::vector()),
        json("vectors/list.json", list::vector()),
        json("vectors/poseidon.json", permutation::vector()),
        json("vectors/schnorr.json", signature::vector()),
        json("vectors/settlement.json", settlement::vector()),
        json("vectors/state.json", tree::vector()),
        json("vectors/verdict.json", verdict::vector()),
        Golden { path: "docs/errors/README.md", text: errors::page() },
    ]
}

fn write(root: &Path) -> Result<String, String> {
    let files = golden();
    for file in &files {
        let path = root.join(file.path);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = folder.and_then(|()| std::fs::write(&path, &file.text));
        written.map_err(|fault| format!("cannot write {}: {fault}", file.path))?;
    }
    Ok(format!("wrote {} files", files.len()))
}

/// Compares what is committed with what the code gives.
fn check(root: &Path) -> Result<String, String> {
    let files = golden();
    let mut faults = Vec::new();
    for file in &files {
        match std::fs::read_to_string(root.join(file.path)) {
            Ok(text) if text == file.text => {}
            Ok(text) => faults.push(difference(file, &text)),
            Err(fault) => faults.push(format!("{}: {fault}; write it with {REGENERATE}", file.path)),
        }
    }
    if faults.is_empty() {
        Ok(format!("{} files are what the code gives", files.len()))
    } else {
        Err(faults.join("\n"))
    }
}

fn difference(file: &Golden, found: &str) -> String {
    let same = found.lines().zip(file.text.lines()).take_while(|(found, given)| found == given).count();
    let what = if file.path.starts_with("vectors/") {
        "if the protocol was meant to change, commit the new file alone and say why; otherwise undo the change"
    } else {
        "commit the new file with the change"
    };
    format!("{}: line {} is not what the code gives: run {REGENERATE}; {what}", file.path, same + 1)
}

/// Formats with sorted keys, whatever features the JSON library was built with.
fn pretty(mut value: Value) -> String {
    value.sort_all_objects();
    let mut text = serde_json::to_string_pretty(&value).expect("a JSON value has a text");
    text.push('\n');
    text
}

/// Returns bytes as text.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

/// Returns field elements as decimal text: many are above 2^53, where JSON numbers lose digits.
fn decimals(elements: &[u64]) -> Vec<String> {
    elements.iter().map(u64::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_what_the_code_gives() {
        if let Err(faults) = check(&root()) {
            panic!("{faults}");
        }
    }

    #[test]
    fn a_changed_file_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let missing = check(folder.path()).unwrap_err();
        assert_eq!(missing.lines().count(), golden().len());
        write(folder.path()).unwrap();
        check(folder.path()).unwrap();

        let changed = folder.path().join("vectors/list.json");
        let text = std::fs::read_to_string(&changed).unwrap().replacen("0x", "0X", 1);
        std::fs::write(changed, text).unwrap();
        let fault = check(folder.path()).unwrap_err();
        assert!(fault.starts_with("vectors/list.json: line "), "{fault}");
        assert!(fault.contains(REGENERATE), "{fault}");
    }
}
