//! The operator's door to a running node: a socket in the network's folder, open to the folder's owner only.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{Snapshot, Store};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use types::Height;

/// Longest line, in bytes.
const LINE: u64 = 8_192;
/// How long a question may take to arrive.
const ASKING: Duration = Duration::from_secs(5);

/// What an operator can ask for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A copy of the store.
    Snapshot {
        /// The file to write.
        to: PathBuf,
    },
}

/// What was copied.
#[derive(Serialize, Deserialize)]
pub struct Copied {
    /// The last block.
    pub height: Height,
    /// How many leaves there are.
    pub leaves: u64,
}

impl Copied {
    /// Says what a copy holds.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { height: snapshot.head.as_ref().map_or(Height(0), |head| head.height), leaves: snapshot.leaves }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Answers operators until the node ends.
pub async fn serve(dir: &Path, store: Store) -> Result<(), Error> {
    let path = path(dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Error::io(format!("remove {}", path.display()))(error));
        }
        _ => {}
    }
    let doing = || format!("listen at {}", path.display());
    let listener = UnixListener::bind(&path).map_err(Error::io(doing()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(Error::io(doing()))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(Error::io(doing()))?;
        if let Err(error) = answer(stream, &store).await {
            tracing::warn!(error = %error, "an operator went away");
        }
    }
}

async fn answer(mut stream: UnixStream, store: &Store) -> Result<(), std::io::Error> {
    let mut line = Vec::new();
    let (reader, mut writer) = stream.split();
    tokio::time::timeout(ASKING, BufReader::new(reader.take(LINE)).read_until(b'\n', &mut line)).await??;
    let copied = match serde_json::from_slice(&line) {
        Ok(Request::Snapshot { to }) => {
            let store = store.clone();
            let copied =
                tokio::task::spawn_blocking(move || store.snapshot(&to)).await.map_err(std::io::Error::other)?;
            copied.map(|snapshot| Copied::of(&snapshot)).map_err(|error| types::Causes(&error).to_string())
        }
        Err(error) => Err(format!("this node does not understand the question: {error}")),
    };
    let mut text = serde_json::to_vec(&copied)?;
    text.push(b'\n');
    writer.write_all(&text).await
}

/// Asks the node of a folder; nothing when none runs.
pub async fn ask(dir: &Path, request: &Request) -> Result<Option<Copied>, Error> {
    let path = path(dir);
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(Error::io(format!("reach the node at {}", path.display()))(error)),
    };
    let doing = || "ask the node".to_owned();
    let unreadable = |source| Error::Unreadable { path: path.clone(), what: "a node's answer", source };
    let mut line = serde_json::to_vec(request).map_err(unreadable)?;
    line.push(b'\n');
    stream.write_all(&line).await.map_err(Error::io(doing()))?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LINE)).read_until(b'\n', &mut answer).await.map_err(Error::io(doing()))?;
    let answer: Result<Copied, String> = serde_json::from_slice(&answer).map_err(unreadable)?;
    answer.map(Some).map_err(Error::Failed)
}
