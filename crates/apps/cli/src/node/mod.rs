//! Running roles.

mod all;
mod hosting;
mod member;
mod port;
pub mod prover;
mod provider;

use crate::error::Error;
use clap::Subcommand;
use std::path::Path;

/// One role, or all of them.
#[derive(Subcommand)]
pub enum Role {
    /// Every role of one network, as `talea up` starts it.
    All,
    /// One availability member. Ends when its standard input closes.
    Member {
        /// Which member, from 0.
        #[arg(long)]
        index: usize,
    },
    /// One local provider that takes part in private programs. Ends when its standard input closes.
    Provider {
        /// Which provider, from 0.
        #[arg(long)]
        index: usize,
    },
    /// One prover process of the node. Ends when its standard input closes.
    Prover {
        /// Which process, from 0.
        #[arg(long)]
        index: usize,
    },
}

/// Runs a role until it is told to stop.
pub async fn run(dir: &Path, role: Role) -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    match role {
        Role::All => all::run(dir).await,
        Role::Member { index } => member::run(dir, index).await,
        Role::Provider { index } => provider::run(dir, index).await,
        Role::Prover { index } => prover::run(dir, index).await,
    }
}
