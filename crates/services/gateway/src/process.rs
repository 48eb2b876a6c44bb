//! What the system knows of this process. Where it does not tell as Linux does, nothing is reported.

use api::metric;
use std::fs;

/// Parts of a second that the system counts processor time in: fixed for programs, whatever the kernel's own clock is.
const TICKS_PER_SECOND: u32 = 100;

/// Looks at the process and records what it finds.
pub(crate) fn sample() {
    let read = |path: &str| fs::read_to_string(path).ok();
    if let Some(ticks) = read("/proc/self/stat").as_deref().and_then(cpu_ticks) {
        ::metrics::gauge!(metric::PROCESS_CPU_SECONDS).set(f64::from(ticks) / f64::from(TICKS_PER_SECOND));
    }
    if let Some(kib) = read("/proc/self/status").as_deref().and_then(resident_kib) {
        ::metrics::gauge!(metric::PROCESS_RESIDENT_BYTES).set(f64::from(kib) * 1_024.0);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder that is being read.
        let open = files.count().saturating_sub(1);
        ::metrics::gauge!(metric::PROCESS_OPEN_FILES).set(f64::from(u32::try_from(open).unwrap_or(u32::MAX)));
    }
}

/// Reads user and system time: the 12th and 13th field after the name, which stands in parentheses and may hold anything.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system))
}

fn resident_kib(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_move_the_fields() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some(200));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        assert_eq!(cpu_ticks(""), None);
    }

    #[test]
    fn memory_is_read_in_its_unit_or_not_at_all() {
        assert_eq!(resident_kib("Name:\ta\nVmRSS:\t  1234 kB\nVmSwap: 9 kB\n"), Some(1_234));
        assert_eq!(resident_kib("VmRSS:\t 12 pages\n"), None);
        assert_eq!(resident_kib("Name:\ta\n"), None);
    }
}
