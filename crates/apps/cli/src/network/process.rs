//! Processes that outlive the command that started them.

use crate::error::Error;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How much of a log's end is shown.
const TAIL: usize = 2_000;

/// Starts a command in a process group of its own, with its talk in a log file.
pub fn detach(mut command: Command, log: &Path) -> Result<Child, Error> {
    let doing = || format!("write {}", log.display());
    let out = OpenOptions::new().create(true).append(true).open(log).map_err(Error::io(doing()))?;
    let err = out.try_clone().map_err(Error::io(doing()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn();
    child.map_err(Error::io(format!("start {program}")))
}

/// Starts the node of a folder.
pub fn spawn_node(dir: &Path) -> Result<Child, Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new(program);
    command.arg("--dir").arg(dir).args(["node", "all"]);
    detach(command, &dir.join("node.log"))
}

/// Returns the name of this program's file: the node was started from the same one.
pub fn own_name() -> Result<String, Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let name = program.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Error::failed("this program's file has no name"))
}

/// Says whether a process lives and is the one meant: process ids are used again.
pub fn is_alive(pid: u32, name: &str) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(program).rsplit('/').next() == Some(name)
}

/// Sends a signal.
pub fn signal(pid: u32, signal: Signal) -> Result<(), Error> {
    let pid = i32::try_from(pid).map_err(|_| Error::failed(format!("{pid} is no process id: restore network.json")))?;
    match kill(Pid::from_raw(pid), signal) {
        // It ended by itself meanwhile.
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(errno) => Err(Error::failed(format!("cannot stop process {pid}: {errno}"))),
    }
}

/// Returns the end of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let start = text.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
    text[start..].trim().to_owned()
}
