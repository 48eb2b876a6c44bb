//! `talea demo`: the whole idea once, on a real chain, with every balance computed again at the end.
//!
//! It is a client like any other: what it knows comes from the public API and from L1, and it believes neither
//! without a check. Its own notes of what should have happened are kept apart from what it reads.

mod audit;
mod liar;
mod notes;
mod report;
mod steps;

use crate::error::Error;
use crate::load;
use crate::network::{self, Network};
use crate::say::Say;
use clap::Args;
use report::Report;
use std::path::{Path, PathBuf};
use steps::Walk;

/// How the demo runs.
#[derive(Args, Clone)]
pub struct Options {
    /// Let one provider lie: a third decides, the liar is slashed, the result is right.
    #[arg(long)]
    lie: bool,
    /// Stop the network at the end, if the demo started it.
    #[arg(long)]
    exit: bool,
    /// Take many accounts through deposit, transfers, tallies and withdrawal instead; see `talea load`.
    #[arg(long, conflicts_with_all = ["lie", "program", "input"])]
    load: bool,
    /// How many accounts those are.
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "load")]
    accounts: usize,
    /// The program to run instead of the word count.
    #[arg(long, value_name = "FILE", requires = "input")]
    program: Option<PathBuf>,
    /// The input to run it on instead of the licence's text.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// The program that runs without `--program`; `examples/wordcount` has its source.
const PROGRAM: &[u8] = include_bytes!("../../../../../examples/wordcount/wordcount.wasm");
/// Its input: the text of the licence.
const INPUT: &[u8] = include_bytes!("../../../../../examples/wordcount/input.txt");

fn read(path: Option<&Path>, otherwise: &[u8]) -> Result<Vec<u8>, Error> {
    match path {
        Some(path) => std::fs::read(path).map_err(Error::io(format!("read {}", path.display()))),
        None => Ok(otherwise.to_vec()),
    }
}

/// Runs the demo on the folder's network; without one, starts one in a temporary folder.
pub async fn run(dir: &Path, options: Options, say: &Say) -> Result<(), Error> {
    let program = read(options.program.as_deref(), PROGRAM)?;
    let input = read(options.input.as_deref(), INPUT)?;
    let temporary = match Network::load(dir)? {
        Some(_) => None,
        None => {
            let made =
                tempfile::Builder::new().prefix("talea-").tempdir().map_err(Error::io("make a temporary folder"))?;
            // Kept: the network stays up after the demo unless it is asked to stop.
            Some(made.keep())
        }
    };
    let folder = temporary.as_deref().unwrap_or(dir);
    let (network, started) = network::start(folder, say).await?;
    if temporary.is_some() {
        say.tell(format!("a network of its own, in {}", folder.display()));
    }
    let shown = show(&network, program, input, &options, say).await;
    if options.exit && started {
        network::down(folder, temporary.is_some(), &Say::new(false).quiet()).await?;
    } else if temporary.is_some() {
        say.tell(format!("the network stays up; stop it with `talea --dir {} down --wipe`", folder.display()));
    }
    shown
}

/// Does what the options ask for and gives the report.
async fn show(network: &Network, program: Vec<u8>, input: Vec<u8>, options: &Options, say: &Say) -> Result<(), Error> {
    if options.load {
        return load::give(&load::on_network(network, options.accounts, say).await?, say);
    }
    let report = walk(network, program, input, options.lie, say).await?;
    say.give(report.text(), &report.json());
    if report.ok() { Ok(()) } else { Err(Error::failed("the balances do not agree: see the table above")) }
}

async fn walk(network: &Network, program: Vec<u8>, input: Vec<u8>, lie: bool, say: &Say) -> Result<Report, Error> {
    let mut walk = Walk::start(network, program, input, lie, say).await?;
    walk.deposit().await?;
    walk.offers().await?;
    walk.submit().await?;
    walk.work().await?;
    walk.payout().await?;
    walk.settle().await?;
    walk.withdraw().await?;
    walk.audit().await
}
