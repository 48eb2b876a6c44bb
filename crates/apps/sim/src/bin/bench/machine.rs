//! What a number was measured on.

use std::fs::read_to_string;
use std::path::PathBuf;

const UNKNOWN: &str = "unknown";

/// Returns the processor's name.
pub(crate) fn cpu() -> String {
    let text = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or(UNKNOWN, |(_, name)| name.trim()).to_owned()
}

/// Returns how many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the commit that is checked out, read from the repository's own files.
pub(crate) fn commit() -> String {
    find_commit().unwrap_or_else(|| UNKNOWN.to_owned())
}

fn find_commit() -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let git: PathBuf = here.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir())?;
    let head = read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = read_to_string(git.join(name)) {
        return Some(commit.trim().to_owned());
    }
    let packed = read_to_string(git.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name).map(|commit| commit.trim().to_owned()))
}
