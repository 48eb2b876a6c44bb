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

/// Returns how many programs wanted to run at once over the last minute: what else the machine does bears on a figure.
pub(crate) fn load() -> f64 {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// Parts of a second that the system counts processor time in: fixed for programs, whatever the kernel's own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Returns the processor time that this process has used, in user and system together.
pub(crate) fn cpu_seconds() -> f64 {
    let text = read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in parentheses and may hold anything; the times are the 12th and 13th field after it.
    let ticks = text.rsplit_once(')').map(|(_, after)| {
        let fields = after.split_whitespace().skip(11).take(2);
        fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
    });
    ticks.map_or(f64::NAN, |ticks| ticks / TICKS_PER_SECOND)
}

/// Returns how much memory this process holds.
pub(crate) fn resident_mebibytes() -> f64 {
    let text = read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse::<f64>().ok());
    kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1_024.0)
}

/// Returns the processor time that this thread has used: what others do meanwhile does not count.
pub(crate) fn thread_seconds() -> f64 {
    let text = read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}

/// Returns the processor time of all commands that were run and have ended, in seconds, to a hundredth.
pub(crate) fn children_seconds() -> f64 {
    let text = read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets, the times of children are the fourteenth and the fifteenth field, in hundredths.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Returns the most memory that this process has held at once, in MiB.
pub(crate) fn memory_peak() -> f64 {
    let text = read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Returns the commit that is checked out, read from the repository's own files.
pub(crate) fn commit() -> String {
    find_commit().unwrap_or_else(|| UNKNOWN.to_owned())
}

fn find_commit() -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let git = here.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    // In a further working tree it is a file that names the folder, and that one names the repository's.
    let git = match read_to_string(&git) {
        Ok(text) => PathBuf::from(text.trim().strip_prefix("gitdir: ")?),
        Err(_) => git,
    };
    let shared = read_to_string(git.join("commondir")).map_or_else(|_| git.clone(), |common| git.join(common.trim()));
    let head = read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = read_to_string(shared.join(name)) {
        return Some(commit.trim().to_owned());
    }
    let packed = read_to_string(shared.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name).map(|commit| commit.trim().to_owned()))
}
