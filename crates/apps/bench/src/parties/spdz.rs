//! MP-SPDZ on the same machine: three processes of its replicated sharing over a ring, with TLS between them.

use super::Peer;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Its folder, where it is built already, and one for what it makes of our programs.
pub(crate) struct Spdz {
    folder: PathBuf,
    work: TempDir,
}

/// A program that it has compiled.
pub(crate) struct Compiled<'a> {
    spdz: &'a Spdz,
    name: String,
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) result: String,
    /// By the timer around the work where it has one.
    pub(crate) seconds: f64,
    pub(crate) sent: String,
}

impl Spdz {
    /// Returns what the environment's `MP_SPDZ` names.
    pub(crate) fn from_environment() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("MP_SPDZ")?).canonicalize().ok()?;
        if !folder.join("replicated-ring-party.x").exists() {
            return None;
        }
        let work = tempfile::tempdir().expect("there is room for programs");
        std::fs::create_dir_all(work.path().join("Programs/Source")).expect("there is room for programs");
        let spdz = Self { folder, work };
        // Keys and certificates of its parties.
        spdz.done(Command::new("bash").arg(spdz.folder.join("Scripts/setup-ssl.sh")).arg("3"));
        Some(spdz)
    }

    pub(crate) fn path(&self) -> &Path {
        self.work.path()
    }

    fn done(&self, command: &mut Command) {
        let output = command.current_dir(self.path()).output().expect("MP-SPDZ's command starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
    }

    pub(crate) fn compiled(&self, name: &str, peer: &Peer) -> Compiled<'_> {
        let name = name.replace('/', "_");
        let source = self.path().join(format!("Programs/Source/{name}.mpc"));
        std::fs::write(source, peer.source).expect("there is room for a program");
        self.done(Command::new("python3").arg(self.folder.join("compile.py")).args(peer.arguments).arg(&name));
        Compiled { spdz: self, name }
    }
}

impl Compiled<'_> {
    pub(crate) fn run(&self) -> Ran {
        let ports = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = ports.expect("loopback has a free port").port().min(u16::MAX - 3);
        let parties: Vec<_> = (0..3)
            .map(|number| {
                let mut command = Command::new(self.spdz.folder.join("replicated-ring-party.x"));
                command.args(["-p", &number.to_string(), "-pn", &port.to_string(), "-h", "localhost", &self.name]);
                command.current_dir(self.spdz.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().expect("a party of MP-SPDZ starts")
            })
            .collect();
        let mut said: Vec<String> = parties
            .into_iter()
            .map(|party| {
                let output = party.wait_with_output().expect("a party of MP-SPDZ ends");
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8_lossy(&text).into_owned();
                assert!(output.status.success(), "{text}");
                text
            })
            .collect();
        let said = said.swap_remove(0);
        let after = |start: &str| said.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
        let timer = after("Time1 = ").or(after("Time = ")).and_then(|rest| rest.split_whitespace().next());
        Ran {
            result: after("result ").unwrap_or_else(|| panic!("no result: {said}")).to_owned(),
            seconds: timer.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| panic!("no time: {said}")),
            sent: after("Data sent = ").unwrap_or("unknown").to_owned(),
        }
    }
}
