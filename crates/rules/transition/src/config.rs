//! A chain's configuration and its genesis.

use crypto::{Domain, poseidon};
use proof::committee::{Committee, Refusal};
use state::{LeafChange, Overlay, State};
use task::{Parameters, Params};
use types::{Bytes32, Digest, Millis, Ppm, record};

record! {
    /// What defines a chain. Its digest stands in every signature and in the rollup contract.
    pub struct ChainConfig {
        /// Random, so that two chains of equal parameters are not one: a transaction of one is no transaction of the other.
        pub salt: Bytes32,
        /// The base chain's id.
        pub l1_chain_id: u64,
        /// Who signs batches.
        pub committee: Committee,
        /// What the rules of tasks are told.
        pub parameters: Parameters,
        /// How old a batch may grow before it is sealed.
        pub batch_age: Millis,
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// The committee is unsound.
    #[error("the committee is unsound: {0}")]
    Committee(#[from] Refusal),
    /// Resolvers and members differ in number, or the verdict threshold is below the batch threshold.
    #[error("every committee member needs one resolver key, and verdicts the same threshold as batches")]
    Resolvers,
    /// Shares exceed the whole.
    #[error("provider and author shares together must be at most 1000000 ppm, and the slash too")]
    Shares,
}

impl ChainConfig {
    /// Returns the configuration's digest.
    pub fn hash(&self) -> Digest {
        poseidon::hash_of(Domain::Config, self)
    }

    /// Checks that the parts fit together.
    pub fn check(&self) -> Result<(), ConfigFault> {
        self.committee.check()?;
        let parameters = &self.parameters;
        if parameters.resolvers.len() != self.committee.members.len()
            || parameters.threshold != self.committee.threshold
        {
            return Err(ConfigFault::Resolvers);
        }
        let shares = parameters.provider_share.0.saturating_add(parameters.author_share.0);
        if shares > Ppm::ONE.0 || parameters.slash > Ppm::ONE {
            return Err(ConfigFault::Shares);
        }
        Ok(())
    }
}

/// Returns the leaves that a chain starts with.
pub fn genesis(config: &ChainConfig) -> Vec<LeafChange> {
    let state = State::default();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Params>(&0, &config.parameters);
    overlay.keep();
    overlay.into_changes()
}
