//! A chain's configuration and its genesis.

use crypto::account::PublicKey;
use crypto::{Domain, poseidon};
use proof::committee::{Committee, Refusal};
use state::{LeafChange, Overlay, State};
use task::{Parameters, Params};
use types::{Bytes32, Digest, Ppm, record};

record! {
    /// What the rollup contract is deployed with. Its users' way out depends on these numbers, so the chain's digest
    /// covers them.
    pub struct L1Rules {
        /// How long a message may wait in the L1 inbox before batches that leave it there are refused, in seconds.
        pub forced_deadline_s: u64,
        /// How long after that deadline anybody may freeze the chain and open the exits, in seconds.
        pub freeze_grace_s: u64,
        /// How long before another verifier takes over it is announced, in seconds.
        pub exit_window_s: u64,
        /// Whether state differences are published on L1 (a rollup) or stay with the committee (a validium).
        pub data_on_l1: bool,
    }
}

impl Default for L1Rules {
    /// A week to include, a day of grace, a fortnight's notice; data with the committee.
    fn default() -> Self {
        Self { forced_deadline_s: 604_800, freeze_grace_s: 86_400, exit_window_s: 1_209_600, data_on_l1: false }
    }
}

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
        /// Whose signature on a block's header confirms it before it settles.
        pub sequencer: PublicKey,
        /// What the contract on L1 holds the chain to.
        pub rules: L1Rules,
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
    /// There would be no time to leave before another verifier takes over.
    #[error("the forced deadline must not be zero, and the exit window not shorter than deadline and grace together")]
    ExitWindow,
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
        let needed = self.rules.forced_deadline_s.saturating_add(self.rules.freeze_grace_s);
        if self.rules.forced_deadline_s == 0 || self.rules.exit_window_s < needed {
            return Err(ConfigFault::ExitWindow);
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
