//! The command line of the repository's own tasks: `cargo xtask NAME`.

use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand};
use xtask::tidy;

/// The repository's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Line {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks the conventions that a machine can check, and prints the size of every crate.
    Tidy,
    /// Generates committed files.
    #[command(subcommand)]
    Gen(Gen),
    /// Runs the network in one thread under seeded crashes: `sim --seeds 200`.
    Sim(Forwarded),
    /// Runs benchmarks, all of them or the named one: `bench spine`.
    Bench(Forwarded),
}

#[derive(Subcommand)]
enum Gen {
    /// The golden files in `vectors/`; with `--check`, fails if a committed one differs.
    Vectors(Forwarded),
    /// The verifying key and a proof, in `vectors/`, for the contracts; with `--check`, fails if a committed one differs.
    Verifier(Forwarded),
}

/// Arguments passed on as they are.
#[derive(Args)]
struct Forwarded {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    match Line::parse().task {
        Task::Tidy => tidy(),
        Task::Gen(Gen::Vectors(rest)) => forward("sim", &["--bin", "vectors"], &rest, For::Any),
        Task::Gen(Gen::Verifier(rest)) => forward("prover", &["--bin", "verifier"], &rest, For::Any),
        Task::Sim(rest) => forward("sim", &[], &rest, For::Any),
        Task::Bench(rest) => {
            let proves = rest.arguments.iter().any(|argument| argument.starts_with("prove"));
            let named = rest.arguments.iter().find(|argument| !argument.starts_with('-'));
            // Parties are processes of the one command, which stands beside the benchmarks then.
            if named.is_none_or(|name| name.starts_with("mpc")) && !built("cli") {
                return ExitCode::FAILURE;
            }
            forward("bench", &[], &rest, if proves { For::ThisMachine } else { For::Any })
        }
    }
}

fn tidy() -> ExitCode {
    let repository = match tidy::Repository::open() {
        Ok(repository) => repository,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::FAILURE;
        }
    };
    let report = tidy::check(&repository);
    print!("{report}");
    if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Which machine a binary is built for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// Any of its kind, as releases are.
    Any,
    /// The one at hand, with all its vector instructions: Plonky3 takes them from the compiler's target.
    ThisMachine,
}

/// Builds a crate, and says whether that went well.
fn built(package: &str) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--release", "--quiet", "--package", package]).status();
    built.is_ok_and(|status| status.success())
}

/// Runs a crate's binary in the foreground and ends as it ended.
fn forward(package: &str, binary: &[&str], rest: &Forwarded, target: For) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    if target == For::ThisMachine {
        // A folder of its own, so that neither kind of build undoes the other.
        command.env("RUSTFLAGS", "-C target-cpu=native").env("CARGO_TARGET_DIR", "target/native");
    }
    let run = command
        .args(["run", "--release", "--quiet", "--package", package])
        .args(binary)
        .arg("--")
        .args(&rest.arguments)
        .status();
    match run {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: cargo could not be started: {error}. Is it on PATH?");
            ExitCode::FAILURE
        }
    }
}
