//! From a recorded batch to a proof of it: traces of the circuit's tables, and the prover that works on them.
//!
//! What is proven is said in `proof::circuit`; nothing here is trusted. A trace that does not satisfy its table, or
//! tables that do not agree, give a proof that no verifier accepts.

mod authority;
mod bridge;
mod compare;
mod conclude;
mod decide;
mod divide;
mod fixed;
mod grant;
mod hashes;
mod job;
mod machine;
mod memory;
pub mod onchain;
mod part;
mod quorum;
mod record;
pub mod security;
mod signature;
mod signed;
mod split;
mod tally;
mod tasks;
mod tree;

pub use job::{Failed, JOB_BYTES, Job, Segment, Stage, Touched};
pub use record::{Block, Incoming, Recorded, Unprovable, record, record_all};

use p3_batch_stark::{ProverData, StarkInstance, prove_batch};
use p3_matrix::Matrix as _;
use p3_matrix::dense::RowMajorMatrix;
use proof::circuit::{Crossed, F, Table};
use proof::crossing::Chains;
use proof::validity::{Config, LOG_HEIGHT, Statement, config, data, head};
use std::sync::LazyLock;

/// The rows of all tables, in their order.
pub struct Traces {
    /// One for each of [`Table::ALL`].
    pub tables: Vec<RowMajorMatrix<F>>,
    /// What the lists of messages and withdrawals come to.
    pub chains: Chains,
    /// What the bridge table is told of them.
    pub crossed: Crossed<F>,
}

impl Traces {
    /// Returns the binary logarithm of each table's height.
    pub fn heights(&self) -> Vec<usize> {
        self.tables.iter().map(|table| log2(table.height())).collect()
    }
}

fn log2(height: usize) -> usize {
    usize::try_from(height.ilog2()).expect("a logarithm is small")
}

/// What all proofs have in common, with the trees over the columns that are the same in all of them.
static DATA: LazyLock<ProverData<Config>> = LazyLock::new(|| data(LOG_HEIGHT));

/// Proves a statement by traces that satisfy it. With others the proof is worth nothing.
///
/// # Errors
/// When the proof system refuses, which it does for traces of a wrong shape only.
pub fn prove(statement: &Statement, traces: &Traces) -> Result<Vec<u8>, String> {
    let config = config();
    let public = statement.public_values(&traces.crossed);
    let tables: Vec<&RowMajorMatrix<F>> = traces.tables.iter().collect();
    let instances = StarkInstance::new_multiple(&Table::ALL, &tables, &public);
    let proof = prove_batch(&config, &instances, &DATA).map_err(|error| error.to_string())?;
    postcard::to_extend(&proof, head(&traces.chains)).map_err(|error| error.to_string())
}
