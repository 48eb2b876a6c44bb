//! Parties on this machine, for as long as one run lasts.

use crate::error::Error;
use net::PeerId;
use serde::Deserialize;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long a party may take to start.
const START: Duration = Duration::from_secs(30);
/// How long a party may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// What a party says first.
#[derive(Deserialize)]
struct Hello {
    id: Option<String>,
    address: Option<SocketAddr>,
    error: Option<String>,
}

struct Started {
    child: Child,
    /// While it is open the party runs.
    input: ChildStdin,
    id: String,
    address: SocketAddr,
}

/// Party processes with identities of their own.
pub struct Local {
    parties: Vec<Started>,
    folder: TempDir,
}

impl Local {
    /// Starts the processes.
    pub async fn start(count: usize) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder for the parties"))?;
        let mut parties = Vec::new();
        for number in 1..=count {
            let late = |_| Error::failed(format!("party {number} did not start in time: try again"));
            parties.push(tokio::time::timeout(START, start()).await.map_err(late)??);
        }
        Ok(Self { parties, folder })
    }

    /// Tells the parties of each other and of their clients, and returns the file that says it.
    pub async fn meet(&mut self, client: PeerId, names: &[String]) -> Result<PathBuf, Error> {
        let mut text = String::new();
        for party in &self.parties {
            let _ = write!(text, "[[party]]\nid = \"{}\"\naddress = \"{}\"\n", party.id, party.address);
        }
        for name in names {
            let _ = write!(text, "[[client]]\nname = \"{name}\"\nid = \"{client}\"\n");
        }
        let path = self.folder.path().join("network.toml");
        std::fs::write(&path, text).map_err(Error::io(format!("write {}", path.display())))?;
        let line = format!("{}\n", path.display());
        for party in &mut self.parties {
            party.input.write_all(line.as_bytes()).await.map_err(Error::io("speak to a party"))?;
        }
        Ok(path)
    }

    /// Waits until a party's process ends before its time.
    pub async fn ended(&mut self) -> (u8, String) {
        let waits = self.parties.iter_mut().map(|party| Box::pin(party.child.wait()));
        let mut waits: Vec<_> = (0..).zip(waits).collect();
        let (number, status) = std::future::poll_fn(|context| {
            let ended = waits.iter_mut().map(|(number, wait)| (*number, wait.as_mut().poll(context)));
            let mut ended = ended.filter_map(|(number, status)| match status {
                Poll::Ready(status) => Some((number, status)),
                Poll::Pending => None,
            });
            ended.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        let why = status.map_or_else(|error| error.to_string(), |status| format!("its process ended ({status})"));
        (number, why)
    }

    /// Stops the processes. Those that do not stop are killed.
    pub async fn stop(self) {
        for Started { mut child, input, .. } in self.parties {
            drop(input);
            if tokio::time::timeout(STOP, child.wait()).await.is_err() {
                // It ended meanwhile, or it cannot be helped.
                let _ = child.kill().await;
            }
        }
    }
}

async fn start() -> Result<Started, Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new(program);
    command.args(["--json", "party", "run", "--attached"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(Error::io("start a party"))?;
    let silent = || Error::failed("a party said nothing when it started: try again");
    let (input, output) = (child.stdin.take().ok_or_else(silent)?, child.stdout.take().ok_or_else(silent)?);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).await.map_err(Error::io("hear a party"))?;
    let hello: Hello = serde_json::from_str(&line).map_err(|_| silent())?;
    match hello {
        Hello { id: Some(id), address: Some(address), .. } => Ok(Started { child, input, id, address }),
        Hello { error, .. } => Err(Error::failed(format!("a party did not start: {}", error.unwrap_or_default()))),
    }
}
