//! `talea load`: many accounts through deposit, signed transfers, tallies and withdrawal, and every balance computed again.
//!
//! It is a client like any other and works against any network. It keeps a book of what it did, by plain arithmetic, and
//! compares it at the end with all blocks executed again, with L1, and with what the gateway proves.

mod audit;
mod book;
mod chance;
mod lanes;
mod pipe;
mod plan;
mod progress;
mod report;
mod samples;
mod target;
mod walk;

use crate::error::Error;
use crate::network::Network;
use crate::say::Say;
use clap::Args;
use plan::Size;
use report::Report;
use std::path::{Path, PathBuf};
use target::Target;
use types::Amount;
use walk::Walk;

/// Most accounts: everything about them is held in memory.
const ACCOUNTS_MOST: usize = 1_000_000;
/// Most requests on their way at one time: as many as a gateway works on.
const IN_FLIGHT_MOST: usize = 64;
/// What each account has before it begins, in gwei.
const EACH: u64 = 1_000_000;

/// How much load, and on which network.
#[derive(Args, Clone)]
#[command(
    after_help = "Interrupted, it is run again with the same options: the accounts follow from the funder's key and the \
seed, and their nonces and balances are read from the chain first. An account that has enough gets no second deposit."
)]
pub struct Options {
    /// How many accounts take part.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    accounts: usize,
    /// How many transfers each account signs.
    #[arg(long, default_value_t = 2, value_name = "M")]
    transfers: usize,
    /// How many accounts get a deposit of their own on L1, and pay the others on the ledger; all if not named.
    #[arg(long, value_name = "D")]
    deposits: Option<usize>,
    /// What each account has before it begins, in gwei.
    #[arg(long, default_value_t = Amount::new(EACH).expect("it is small"), value_name = "GWEI")]
    each: Amount,
    /// How many withdrawals are claimed on L1.
    #[arg(long, default_value_t = 100, value_name = "C")]
    claims: usize,
    /// About how many confirmations, proofs of receipts and proofs of balances are checked of each.
    #[arg(long, default_value_t = 100, value_name = "S")]
    samples: usize,
    /// Which accounts: other text, other accounts.
    #[arg(long, default_value = "1", value_name = "TEXT")]
    seed: String,
    /// How many requests are on their way at one time, 1 to 64.
    #[arg(long, default_value_t = 8, value_name = "K")]
    in_flight: usize,
    /// The most transactions sent in a second; without it as many as are answered.
    #[arg(long, value_name = "R")]
    rate: Option<u32>,
    /// A file with the L1 key that pays, 32 bytes in hexadecimal digits; without it a development account of the folder's
    /// network. Nothing else may send from it meanwhile.
    #[arg(long, value_name = "FILE")]
    funder_key_file: Option<PathBuf>,
    /// The gateway of a network that is in no folder here.
    #[arg(long, value_name = "URL", requires = "l1", requires = "funder_key_file")]
    api: Option<String>,
    /// The Ethereum node of that network.
    #[arg(long, value_name = "URL", requires = "api")]
    l1: Option<String>,
    /// The L1 block that the contracts of that network were deployed in: nothing is looked for before it.
    #[arg(long, default_value_t = 0, value_name = "BLOCK", requires = "api")]
    l1_block: u64,
}

impl Options {
    /// Takes what the demo says and the values of the tool for all the rest.
    pub fn of_demo(accounts: usize) -> Self {
        Self {
            accounts,
            transfers: 2,
            deposits: None,
            each: Amount::new(EACH).expect("it is small"),
            claims: 100,
            samples: 100,
            seed: "demo".to_owned(),
            in_flight: 8,
            rate: None,
            funder_key_file: None,
            api: None,
            l1: None,
            l1_block: 0,
        }
    }

    /// Returns how much is done, after checking that it can be.
    fn size(&self) -> Result<Size, Error> {
        let deposits = self.deposits.unwrap_or(self.accounts);
        let size = Size { accounts: self.accounts, deposits, transfers: self.transfers, each: self.each.quanta() };
        let wrong = |text: String| Err(Error::failed(text));
        if !(1..=ACCOUNTS_MOST).contains(&self.accounts) {
            return wrong(format!("--accounts must be 1 to {ACCOUNTS_MOST}"));
        }
        if !(1..=self.accounts).contains(&deposits) {
            return wrong(format!("--deposits must be 1 to {}, the number of accounts", self.accounts));
        }
        if !(1..=IN_FLIGHT_MOST).contains(&self.in_flight) {
            return wrong(format!("--in-flight must be 1 to {IN_FLIGHT_MOST}"));
        }
        if size.each < size.each_least() {
            return wrong(format!("--each must be at least {} for {} transfers", size.each_least(), self.transfers));
        }
        if self.rate == Some(0) {
            return wrong("--rate must be at least 1".to_owned());
        }
        Ok(size)
    }
}

/// Runs the tool and gives its report.
pub async fn run(dir: &Path, options: Options, say: &Say) -> Result<(), Error> {
    options.size()?;
    let target = match (&options.api, &options.l1) {
        (Some(api), Some(l1)) => Target::named(api, l1, options.l1_block).await?,
        _ => Target::of_network(&Network::require(dir)?)?,
    };
    let report = load(target, &options, say).await?;
    give(&report, say)
}

/// Runs the tool on a network of a folder, for the demo.
pub async fn on_network(network: &Network, accounts: usize, say: &Say) -> Result<Report, Error> {
    load(Target::of_network(network)?, &Options::of_demo(accounts), say).await
}

/// Gives the report; it is a failure when something does not agree.
pub fn give(report: &Report, say: &Say) -> Result<(), Error> {
    say.give(report.text(), &report.json());
    if report.ok() { Ok(()) } else { Err(Error::failed("not everything agrees: see the report above")) }
}

async fn load(target: Target, options: &Options, say: &Say) -> Result<Report, Error> {
    let size = options.size()?;
    let target = match &options.funder_key_file {
        Some(file) => target.paid_by(file)?,
        None => target,
    };
    let mut walk = Walk::start(target, options, size, say).await?;
    let walked = walk.run().await;
    walk.end();
    walked.map(|()| walk.report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl Fn(&mut Options), said: &str) {
        let mut options = Options::of_demo(100);
        change(&mut options);
        match options.size() {
            Ok(_) => assert_eq!(said, ""),
            Err(error) => assert!(error.to_string().contains(said) && !said.is_empty(), "{error}"),
        }
    }

    #[test]
    fn options_that_cannot_be_are_refused_with_what_can() {
        check(|_| (), "");
        check(|options| options.accounts = 0, "--accounts must be 1");
        check(|options| options.deposits = Some(101), "--deposits must be 1 to 100");
        check(|options| options.in_flight = 65, "--in-flight must be 1 to 64");
        check(|options| options.each = Amount::ZERO, "--each must be at least 1000 for 2 transfers");
        check(|options| options.transfers = 300_000, "--each must be at least 1200000");
        check(|options| options.rate = Some(0), "--rate");
    }
}
