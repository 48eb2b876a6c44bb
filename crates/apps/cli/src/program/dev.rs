//! `talea dev`: builds, tests and runs a program again whenever one of its sources is saved.

use super::clear::{run_or_compile, test};
use super::{Which, is_source};
use crate::error::Error;
use crate::say::Say;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the sources are looked at. Below this nobody notices; a look reads no file.
const LOOK: Duration = Duration::from_millis(150);
/// How many sources are looked at, and how deep the folders lie.
const FILES_MAX: usize = 2_000;
const DEPTH_MAX: usize = 8;

/// Which program, and what to run it with.
#[derive(Args)]
pub struct Dev {
    #[command(flatten)]
    which: Which,
    /// An input of the program, `client:name=value`; without any, a program that reads some is only compiled.
    #[arg(long, value_name = "NAME=VALUE")]
    input: Vec<String>,
}

/// When each source was written last, and how long it is.
type Stamps = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Goes on until it is interrupted.
pub async fn dev(options: &Dev, say: &Say) -> Result<(), Error> {
    let source = options.which.source()?;
    let folder =
        source.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    loop {
        // Taken before the round: what is saved during it begins the next one.
        let before = stamps(&folder);
        if let Err(error) = round(options, say) {
            say.fail(&error);
        }
        say.tell(format!("waiting for a change of {}", folder.display()));
        while stamps(&folder) == before {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Tests the program, if it has tests, and runs it, if it may.
fn round(options: &Dev, say: &Say) -> Result<(), Error> {
    let (_, parsed) = options.which.parse()?;
    if !parsed.tests().is_empty() {
        test(&options.which, say)?;
    }
    if parsed.has("main") {
        run_or_compile(&options.which, &options.input, say)?;
    }
    Ok(())
}

fn stamps(folder: &Path) -> Stamps {
    let mut stamps = Stamps::new();
    gather(folder, DEPTH_MAX, &mut stamps);
    stamps
}

fn gather(folder: &Path, depth: usize, stamps: &mut Stamps) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(about) = entry.metadata() else { continue };
        let path = entry.path();
        if about.is_dir() && depth > 0 {
            gather(&path, depth - 1, stamps);
        } else if is_source(&path) && stamps.len() < FILES_MAX {
            stamps.insert(path, (about.modified().ok(), about.len()));
        }
    }
}
