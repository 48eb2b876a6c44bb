//! `talea run`: a program on the network, and its agreed result.

use crate::error::Error;
use crate::market::{self, Seen, Wish, money};
use crate::network::Network;
use crate::network::dev::Role;
use crate::program::{Among, is_program};
use crate::say::Say;
use clap::Args;
use client::{Client, Wallet};
use serde_json::json;
use std::path::{Path, PathBuf};
use task::Standing;
use types::{Fuel, Rate};

/// What to run, and on what terms.
#[derive(Args)]
pub struct Options {
    /// The program: a WASM module with the guest interface of `examples/`, a `.stfl` source, or a folder of one. With
    /// --clear, --mpc or --network the folder at hand, if none is named.
    #[arg(required_unless_present_any = ["clear", "mpc", "network"])]
    program: Option<PathBuf>,
    /// The input: a file for a WASM module, `client:name=value` for each input of a source; without it, empty.
    #[arg(long, value_name = "FILE|NAME=VALUE")]
    input: Vec<String>,
    /// Run a source here, on the clear engine: nothing is secret.
    #[arg(long, conflicts_with_all = ["mpc", "network"])]
    clear: bool,
    #[command(flatten)]
    among: Among,
    /// The most fuel one run may use. What is not used is not paid.
    #[arg(long, default_value_t = 50_000_000)]
    fuel: u64,
    /// The most memory one run may use, in MiB.
    #[arg(long, default_value_t = 16)]
    memory: u64,
    /// What to pay, in quanta of the development token per million fuel, to each of the agreeing providers.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// How many results must agree, 1 to 3.
    #[arg(long, default_value_t = 2)]
    redundancy: u8,
    /// Write the output to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Wait until the committee has signed, and write the verdict's receipt for `talea verify` to a file.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(Error::io(format!("read {}", path.display())))
}

/// Runs a source: here in clear, or among parties.
async fn run_source(options: Options, say: &Say) -> Result<(), Error> {
    let program = options.program.unwrap_or_else(|| PathBuf::from("."));
    if !is_program(&program) {
        let program = program.display();
        return Err(Error::failed(format!(
            "{program} is no `.stfl` source: leave --clear, --mpc and --network out to run it on the network"
        )));
    }
    if options.among.is_wanted() {
        return crate::program::run_among(program, &options.input, &options.among, say).await;
    }
    if !options.clear {
        return Err(Error::failed(
            "a source runs among three parties with --mpc 3 or --network FILE, or here with --clear, where nothing is secret",
        ));
    }
    crate::program::run(program, &options.input, say)
}

/// Runs a program for the requester's development account.
pub async fn run(dir: &Path, options: Options, say: &Say) -> Result<(), Error> {
    let named = options.program.clone();
    let Some(path) = named.filter(|path| !options.clear && !options.among.is_wanted() && !is_program(path)) else {
        return run_source(options, say).await;
    };
    let network = Network::require(dir)?;
    let program = read(&path)?;
    let input = match options.input.as_slice() {
        [] => Vec::new(),
        [file] => read(Path::new(file))?,
        _ => return Err(Error::failed("a WASM module has one input file: give one --input")),
    };
    let wallet = Wallet::connect(Client::new(&network.api), Role::Requester.key(&network)?).await?;
    let token = network.contracts()?.token.ok_or_else(|| Error::failed("this network has no development token"))?;
    let wish = Wish {
        fuel_limit: Fuel(options.fuel),
        memory_bytes: options.memory << 20,
        rate: Rate(options.rate),
        redundancy: options.redundancy,
        asset: ledger::bridge::asset_of(token),
        within: market::DEADLINE,
    };
    let program = market::publish(&wallet, &program).await?;
    let (task, submitted) = market::submit(&wallet, program, &input, &wish).await?;
    say.tell(format!("task {task} submitted in block {}", submitted.height));
    let mut decided = None;
    let client = wallet.client();
    let record = market::follow(client, wallet.chain(), task, submitted.height, |seen, _| match seen {
        Seen::Assigned(considered) => say.tell(format!("{} offers considered", considered.len())),
        Seen::Decided(_, id) => decided = Some(id),
        Seen::Moved => {}
    })
    .await?;
    let Standing::Decided(verdict) = &record.standing else {
        return Err(Error::failed("nobody delivered in time; the price went back: try again, or pay a higher --rate"));
    };
    if verdict.outcome.exit != provider::execute::exit::SUCCESS {
        let exit = verdict.outcome.exit;
        return Err(Error::failed(format!(
            "the program failed with exit {exit} (1 trap, 2 out of fuel, 3 out of memory, 4 bad output, 5 bad program, 6 bad input)"
        )));
    }
    let output = client.content(&verdict.outcome.output).await?;
    if let (Some(path), Some(id)) = (&options.receipt, decided) {
        crate::verify::save(client, &id, path).await?;
    }
    say.tell(format!("{} fuel; {} providers agreed", verdict.outcome.fuel, verdict.agreeing.len()));
    // As the price's tally resolves: in proportion to the fuel used, rounded down.
    let paid = record.price.times_down(verdict.outcome.fuel.0, record.submit.fuel_limit.0);
    let paid = paid.map_err(|error| Error::failed(error.to_string()))?;
    say.tell(format!("paid {} of {} locked", money(paid.quanta()), money(record.price.quanta())));
    let text = String::from_utf8_lossy(&output).into_owned();
    if let Some(path) = &options.output {
        std::fs::write(path, &output).map_err(Error::io(format!("write {}", path.display())))?;
    }
    let shown = if options.output.is_some() { String::new() } else { text.clone() };
    say.give(
        shown,
        &json!({
            "ok": true, "task": task, "fuel": verdict.outcome.fuel, "price": record.price,
            "agreeing": verdict.agreeing, "dissenting": verdict.dissenting, "output": text, "output_id": verdict.outcome.output,
        }),
    );
    Ok(())
}
