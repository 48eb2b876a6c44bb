//! A chain's configuration file: making it, checking it, describing it.

mod escape;
mod force;
mod machine;
mod rebuild;
mod watch;

pub use rebuild::Place;

use crate::error::Error;
use crate::network::{self, Network, control};
use crate::say::Say;
use clap::Subcommand;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The name that a chain's file has in its folder.
const FILE: &str = "chain.toml";
/// The folder beside the file that a running chain keeps its data in.
const DATA: &str = ".talea";

/// What to do with a chain's file.
#[derive(Subcommand)]
pub enum Verb {
    /// Write a file for a chain of this name, with every field and what it means.
    New {
        /// What people will call the chain.
        name: String,
    },
    /// Say everything that is wrong with a file.
    Check {
        /// The file, `chain.toml` in the folder if none is named.
        file: Option<PathBuf>,
        /// Also say whether this machine can carry the chain.
        #[arg(long)]
        here: bool,
    },
    /// Print the JSON Schema of the file, which editors use to help with it.
    Schema {
        /// Print the tables of the reference page instead, in Markdown.
        #[arg(long)]
        reference: bool,
    },
    /// Start the chain that a file describes, or go on with it.
    Up {
        /// The file, `chain.toml` in the folder if none is named.
        file: Option<PathBuf>,
        /// A file with the secret key of the L1 account that deploys and pays, in hexadecimal; needed once, for a chain
        /// on an L1 of others.
        #[arg(long, value_name = "FILE")]
        operator_key: Option<PathBuf>,
    },
    /// Say how the chain is: first of all, how long sealed batches have waited for L1.
    Status {
        /// Go on saying it, every second.
        #[arg(long)]
        watch: bool,
    },
    /// Stop the chain; its data stays.
    Down,
    /// Write a copy of the running or stopped chain's store to a new file.
    Snapshot {
        /// The file to write.
        file: PathBuf,
    },
    /// Make the store of a stopped chain anew, from a copy. The store that was there is kept beside it.
    Restore {
        /// The copy.
        file: PathBuf,
    },
    /// Rebuild the chain's state from L1 alone.
    Rebuild(rebuild::Options),
    /// Bring wallets' balances, withdrawals and deposits out of a chain that stopped.
    Escape(escape::Options),
    /// Demand something of an account on L1, where the chain cannot leave it out.
    Force(force::Options),
}

/// Does it. The folder is the current one if none is named.
pub async fn run(dir: Option<&Path>, verb: Verb, say: &Say) -> Result<(), Error> {
    let dir = dir.unwrap_or(Path::new(""));
    let data = dir.join(DATA);
    match verb {
        Verb::New { name } => new(dir, &name, say),
        Verb::Check { file, here } => check(&file.unwrap_or_else(|| dir.join(FILE)), here, say),
        Verb::Schema { reference } => {
            schema(reference, say);
            Ok(())
        }
        Verb::Up { file, operator_key } => {
            up(&data, &file.unwrap_or_else(|| dir.join(FILE)), operator_key.as_deref(), say).await
        }
        Verb::Status { watch: true } => watch::follow(&data, say).await,
        Verb::Status { watch: false } => watch::once(&data, say).await,
        Verb::Down => network::down(&data, false, say).await,
        Verb::Snapshot { file } => snapshot(&data, &file, say).await,
        Verb::Restore { file } => restore(&data, &file, say).await,
        Verb::Rebuild(options) => rebuild::run(&data, &options, say).await,
        Verb::Escape(options) => escape::run(&data, &options, say).await,
        Verb::Force(options) => force::run(&data, &options, say).await,
    }
}

fn new(dir: &Path, name: &str, say: &Say) -> Result<(), Error> {
    let file = dir.join(FILE);
    let text = chain::template(name);
    // Before anything is written: a name may be too long, or hold what no line can show.
    chain::check(&text, None).map_err(|faults| Error::Chain { file: file.clone(), faults })?;
    if dir != Path::new("") {
        std::fs::create_dir_all(dir).map_err(Error::io(format!("make the folder {}", dir.display())))?;
    }
    let mut opened = match OpenOptions::new().write(true).create_new(true).open(&file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text =
                format!("{} is there already: name another folder with --dir, or edit that file", file.display());
            return Err(Error::failed(text));
        }
        opened => opened.map_err(Error::io(format!("write {}", file.display())))?,
    };
    opened.write_all(text.as_bytes()).map_err(Error::io(format!("write {}", file.display())))?;
    let text = format!("{} describes {name}: edit it, then run `talea chain check`", file.display());
    say.give(text, &json!({ "ok": true, "file": file, "name": name }));
    Ok(())
}

fn check(file: &Path, here: bool, say: &Say) -> Result<(), Error> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let machine = if here { Some(machine::of(folder)?) } else { None };
    let config = load(file, machine.as_ref())?;
    let needs = chain::Needs::of(&config);
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let text = format!(
        "{} fits: {}\nneeds {} cores, {} MiB of memory and {} MiB of disk for an hour at {} transactions per second",
        file.display(),
        config.heading.name,
        needs.cores,
        mebibytes(needs.memory_bytes),
        mebibytes(needs.disk_bytes),
        config.heading.tps,
    );
    let needs = json!({ "cores": needs.cores, "memory_bytes": needs.memory_bytes, "disk_bytes": needs.disk_bytes });
    say.give(text, &json!({ "ok": true, "file": file, "name": config.heading.name, "needs": needs }));
    Ok(())
}

/// Starts a chain. What a file says of a chain that was started before must still be true of it; what the operator may
/// choose is taken over.
async fn up(data: &Path, file: &Path, operator_key: Option<&Path>, say: &Say) -> Result<(), Error> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let config = load(file, Some(&machine::of(folder)?))?;
    if let Some(mut network) = Network::load(data)? {
        network.follow(&config)?;
        network.save(data)?;
    } else {
        std::fs::create_dir_all(data).map_err(Error::io(format!("make the folder {}", data.display())))?;
        Network::create(data, &config, operator_key)?;
    }
    network::up(data, say).await
}

/// Copies the store: by the node if it runs, since the store is its alone, and otherwise here.
async fn snapshot(data: &Path, to: &Path, say: &Say) -> Result<(), Error> {
    Network::require(data)?;
    let to = std::path::absolute(to).map_err(Error::io(format!("find {}", to.display())))?;
    let copied = match control::ask(data, &control::Request::Snapshot { to: to.clone() }).await? {
        Some(copied) => copied,
        None => {
            let store = store::Store::open(network::store_path(data)).map_err(Error::role)?;
            control::Copied::of(&store.snapshot(&to).map_err(Error::role)?)
        }
    };
    let text = format!("{} holds the chain up to block {}", to.display(), copied.height);
    say.give(text, &json!({ "ok": true, "file": to, "height": copied.height, "leaves": copied.leaves }));
    Ok(())
}

async fn restore(data: &Path, from: &Path, say: &Say) -> Result<(), Error> {
    let network = Network::require(data)?;
    if network::is_running(&network) {
        return Err(Error::failed("the node runs: stop it with `talea chain down`, then restore"));
    }
    let path = network::store_path(data);
    let copied = network::replace_store(&path, from)?;
    // What was copied counts only when its leaves give the root of its last block.
    let settings = network.sequencer(data)?;
    let store = store::Store::open(&path).map_err(Error::role)?;
    sequencer::run::restore(&store, &settings).map_err(Error::role)?;
    let text = format!("restored up to block {}; start it with `talea chain up`", copied.height);
    say.give(text, &json!({ "ok": true, "height": copied.height, "leaves": copied.leaves }));
    Ok(())
}

/// Reads a chain's file.
pub fn load(file: &Path, machine: Option<&chain::Machine>) -> Result<chain::Config, Error> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text =
                format!("there is no {}: name the file, or make one with `talea chain new NAME`", file.display());
            return Err(Error::failed(text));
        }
        opened => opened.map_err(Error::io(format!("read {}", file.display())))?,
    };
    let mut bytes = Vec::new();
    // One byte more than is allowed tells that there is too much, however much there is.
    let most = u64::try_from(chain::FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    opened.take(most).read_to_end(&mut bytes).map_err(Error::io(format!("read {}", file.display())))?;
    let text = String::from_utf8_lossy(&bytes);
    chain::check(&text, machine).map_err(|faults| Error::Chain { file: file.to_owned(), faults })
}

fn schema(reference: bool, say: &Say) {
    let schema = chain::schema();
    let text = if reference { chain::reference() } else { format!("{schema:#}") };
    say.give(text, &schema);
}
