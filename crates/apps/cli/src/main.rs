//! The one binary, talea.
//!
//! Nouns group, verbs act, `--json` is everywhere. Data goes to standard output, talk to standard error. Every failure
//! says what to do next and exits with 1; a wrong use of the command exits with 2.

mod account;
mod chain;
mod demo;
mod error;
mod load;
mod market;
mod network;
mod node;
mod party;
mod program;
mod prover;
mod run;
mod say;
mod task;
mod verify;
mod watch;

use clap::{Parser, Subcommand};
use error::Error;
use say::Say;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "talea", version, about = "A network and an exchange for compute that shows what it did.")]
struct Cli {
    /// Print one JSON value on one line instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// The folder of the network on this machine, `.talea` if none is named; for `chain`, the folder of its file.
    #[arg(long, global = true, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a whole network on this machine, or go on with the one in the folder.
    Up {
        /// The file of the chain, as `talea chain new` writes it; without it, a chain that is built in.
        file: Option<PathBuf>,
        /// Have three providers, each a process of its own, that also take part in private programs.
        #[arg(long)]
        private: bool,
    },
    /// Stop the network of the folder; its data stays.
    Down {
        /// Remove the network's data too.
        #[arg(long)]
        wipe: bool,
    },
    /// Say what runs and where the chain stands.
    Status,
    /// Walk the whole idea once: deposit, run, agree, pay, settle, withdraw.
    Demo(demo::Options),
    /// Take many accounts through deposit, transfers, tallies and withdrawal, and compute every balance again.
    Load(load::Options),
    /// Begin a private program in a new folder.
    New(program::New),
    /// Say what is wrong with a private program.
    Check(program::Which),
    /// Compile a private program to bytecode.
    Build(program::Build),
    /// Run a private program's tests on the clear engine.
    Test(program::Which),
    /// Test and run a private program on the clear engine, again whenever a source is saved.
    Dev(program::Dev),
    /// Format private programs.
    Fmt(program::Format),
    /// Show a private program's bytecode.
    Disasm(program::Which),
    /// Say what a run of a private program costs, line by line.
    Cost(program::Cost),
    /// Run a program: on the network, where its agreed result is awaited; among parties with --mpc or --network; or here
    /// with --clear.
    Run(run::Options),
    /// Have a private program run by three providers of the network, and look at tasks.
    Task {
        #[command(subcommand)]
        verb: task::Verb,
    },
    /// Be one of three parties that run private programs.
    Party {
        #[command(subcommand)]
        verb: party::Verb,
    },
    /// Make an identity: the secret key of a party or of its client, in a file that only its owner reads.
    Keygen {
        /// The new file.
        file: PathBuf,
    },
    /// Check a receipt or a batch offline, trusting nobody.
    Verify(verify::Options),
    /// Execute a chain's batches again, and contradict on L1 whoever claims something else.
    Watch(watch::Options),
    /// Show the network's development accounts with their balances.
    Account,
    /// Deposit from a development account.
    Deposit(account::Deposit),
    /// Describe a chain of your own, run it, and look after it.
    Chain {
        #[command(subcommand)]
        verb: chain::Verb,
    },
    /// Prove batches of a chain that runs here or elsewhere.
    Prover {
        #[command(subcommand)]
        verb: prover::Verb,
    },
    /// Run one role in this process.
    Node {
        #[command(subcommand)]
        role: node::Role,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let say = Say::new(cli.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli, &say)),
        Err(source) => Err(Error::Io { doing: "start the runtime".into(), source }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say.fail(&error);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli, say: &Say) -> Result<(), Error> {
    let named = cli.dir;
    let dir = named.clone().unwrap_or_else(|| PathBuf::from(".talea"));
    match cli.command {
        // A chain's file is written by hand and kept with other sources, not among a network's data.
        Command::Chain { verb } => chain::run(named.as_deref(), verb, say).await,
        Command::Up { file: Some(file), private } => network::up_as(&dir, &file, private, say).await,
        Command::Up { file: None, private } => network::up_at(&dir, private, say).await,
        Command::Down { wipe } => network::down(&dir, wipe, say).await,
        Command::Status => network::status(&dir, say).await,
        Command::Demo(options) => demo::run(&dir, options, say).await,
        Command::Load(options) => load::run(&dir, options, say).await,
        Command::New(options) => program::new(&options, say),
        Command::Check(which) => program::check(&which, say),
        Command::Build(options) => program::build(&options, say),
        Command::Test(which) => program::test(&which, say),
        Command::Dev(options) => program::dev(&options, say).await,
        Command::Fmt(options) => program::fmt(&options, say),
        Command::Disasm(which) => program::disasm(&which, say),
        Command::Cost(options) => program::cost(&options, say),
        Command::Run(options) => run::run(&dir, options, say).await,
        Command::Task { verb } => task::run(&dir, verb, say).await,
        Command::Party { verb } => party::run(verb, say).await,
        Command::Keygen { file } => party::keygen(&file, say),
        Command::Verify(options) => verify::run(&dir, &options, say).await,
        Command::Watch(options) => watch::run(&dir, options, say).await,
        Command::Account => account::list(&dir, say).await,
        Command::Deposit(options) => account::deposit(&dir, options, say).await,
        Command::Prover { verb } => prover::run(&dir, verb, say).await,
        Command::Node { role } => node::run(&dir, role).await,
    }
}
