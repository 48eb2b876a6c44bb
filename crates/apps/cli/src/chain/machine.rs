//! What this machine has.

use crate::error::Error;
use chain::Machine;
use std::path::Path;

/// Where the system says how much memory is free.
const MEMORY: &str = "/proc/meminfo";

/// Looks at the cores and the memory that are free, and at the disk of a folder.
pub fn of(folder: &Path) -> Result<Machine, Error> {
    let cores = std::thread::available_parallelism().map_err(Error::io("count the cores"))?;
    let text = std::fs::read_to_string(MEMORY).map_err(Error::io(format!("read {MEMORY}")))?;
    let memory_bytes =
        available_bytes(&text).ok_or_else(|| Error::failed(format!("{MEMORY} does not say what is free")))?;
    let disk = nix::sys::statvfs::statvfs(folder)
        .map_err(|errno| Error::failed(format!("cannot ask for the free disk of {}: {errno}", folder.display())))?;
    Ok(Machine {
        cores: u64::try_from(cores.get()).unwrap_or(u64::MAX),
        memory_bytes,
        disk_free_bytes: disk.blocks_available().saturating_mul(disk.fragment_size()),
    })
}

fn available_bytes(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_as_the_system_writes_it() {
        let text = "MemTotal:       24000 kB\nMemAvailable:    1024 kB\nBuffers: 1 kB\n";
        assert_eq!(available_bytes(text), Some(1 << 20));
        assert_eq!(available_bytes("MemTotal: 1 kB\n"), None);
        assert_eq!(available_bytes("MemAvailable: 1 MB\n"), None);
    }

    #[test]
    fn this_machine_has_something() {
        let machine = of(Path::new(".")).unwrap();
        assert!(machine.cores > 0 && machine.memory_bytes > 0);
    }
}
