//! What a command can fail with.

use std::path::{Path, PathBuf};

/// Why a command failed. The text says its own part; the cause is printed after it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway or the chain.
    #[error("the network did not do it")]
    Client(#[from] client::Error),
    /// L1.
    #[error("L1 did not do it")]
    L1(#[from] l1::Error),
    /// A role failed.
    #[error("a role of the node stopped")]
    Role(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file or a process.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that does not read.
    #[error("{} does not read as {what}: restore it, or start anew with `talea down --wipe` and `talea up`", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        source: serde_json::Error,
    },
    /// A chain's file of which something is wrong.
    #[error("{}", faults_text(file, faults))]
    Chain {
        /// Which file.
        file: PathBuf,
        /// All that is wrong.
        faults: Vec<chain::Fault>,
    },
    /// A program of the language of which something is wrong.
    #[error("the program is wrong\n{text}")]
    Program {
        /// All that is wrong, for programs.
        faults: Vec<serde_json::Value>,
        /// The same, for people.
        text: String,
    },
    /// Tests of a program that failed.
    #[error("tests failed\n{text}")]
    Tests {
        /// Each test's result.
        results: Vec<serde_json::Value>,
        /// The same, for people.
        text: String,
    },
    /// A network's file of which something is wrong.
    #[error("{} names no network", file.display())]
    Network {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        source: party::Fault,
    },
    /// A run among parties.
    #[error("the run among parties gave nothing")]
    Among(#[from] party::client::Failure),
    /// A link to another process, or the key for it.
    #[error("the parties cannot be spoken to")]
    Net(#[from] net::Error),
    /// Anything that the text says in full.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// Says in full what failed and what to do.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// Wraps what the system said.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Wraps a role's failure.
    pub fn role(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Role(Box::new(source))
    }

    /// Returns the text with all its causes.
    pub fn chain(&self) -> String {
        types::Causes(self).to_string()
    }
}

fn faults_text(file: &Path, faults: &[chain::Fault]) -> String {
    let count = if faults.len() == 1 { "one fault".to_owned() } else { format!("{} faults", faults.len()) };
    let lines: String = faults.iter().map(|fault| format!("\n{fault}")).collect();
    format!("{} has {count}{lines}", file.display())
}
