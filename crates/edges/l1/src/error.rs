//! What can go wrong between us and the base chain, by what the caller can do about it.

use crate::refusal;
use alloy::transports::{RpcError, TransportError};
use types::{Bytes32, EthAddress};

/// The cause of an error, for `source()`.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the base chain gave no answer, or not the wanted one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node did not answer.
    #[error("the base chain's node did not answer when asked for {doing}: try again, and check that it runs")]
    Unreachable {
        /// What was asked for.
        doing: &'static str,
        /// What went wrong on the way.
        source: Cause,
    },

    /// The node answered that it will not.
    #[error("the base chain's node refused to give {doing}: read its reason, then try again or use another node")]
    Refused {
        /// What was asked for.
        doing: &'static str,
        /// The node's reason.
        source: Cause,
    },

    /// The address of the node cannot be used.
    #[error("the node's address must be a URL like http://127.0.0.1:8545: correct it in the configuration")]
    BadUrl {
        /// What is wrong with it.
        source: Cause,
    },

    /// The bytes are no key.
    #[error("the key is zero or too large for secp256k1: make a new one")]
    BadKey,

    /// A contract is not where it should be.
    #[error("there is no contract at {address}: deploy first, or correct the address or the node's URL")]
    NoCode {
        /// Where it should be.
        address: EthAddress,
    },

    /// The node is of another chain, or the contracts of another rollup.
    #[error("{what} is {found}, expected {expected}: correct the configuration, this is another chain or rollup")]
    WrongChain {
        /// What differs.
        what: &'static str,
        /// What the configuration says.
        expected: String,
        /// What the node says.
        found: String,
    },

    /// The node contradicts itself or the contract.
    #[error("the node's answers do not fit together: {what}; try again, and use another node if it repeats")]
    Inconsistent {
        /// What does not fit.
        what: String,
    },

    /// What we returned earlier as final is no longer part of the chain.
    #[error(
        "the base chain dropped deposits that were {confirmations} blocks deep, so what was built on them is void: \
         stop, and start again from the base chain with more confirmations"
    )]
    Reorganised {
        /// The depth that did not suffice.
        confirmations: u64,
    },

    /// The contracts are too new to be read at the wanted depth.
    #[error("the contracts are not yet {confirmations} blocks deep: wait for more blocks")]
    TooRecent {
        /// The wanted depth.
        confirmations: u64,
    },

    /// A contract refuses. Nothing was changed.
    #[error("the contract refused with {name}: {what_to_do}")]
    Reverted {
        /// The contract's own name for the reason.
        name: String,
        /// What to do about it.
        what_to_do: &'static str,
    },

    /// The committee would be refused by the contract.
    #[error("the committee cannot be deployed: correct its members or threshold")]
    BadCommittee {
        /// What is wrong with it.
        source: proof::committee::Refusal,
    },

    /// Gas costs more than allowed.
    #[error("a unit of gas costs {needed_wei} wei, above the limit of {limit_wei}: wait, or raise the limit")]
    FeeTooHigh {
        /// What the next block asks.
        needed_wei: u128,
        /// What we may pay.
        limit_wei: u128,
    },

    /// The transaction needs more gas than one may have.
    #[error("the transaction needs {gas} gas, and one transaction may use {gas_max}: do less in one")]
    TooMuchGas {
        /// What it needs.
        gas: u64,
        /// What the base chain allows.
        gas_max: u64,
    },

    /// The account cannot pay.
    #[error("{address} holds too little ETH for this transaction: send it some")]
    Unfunded {
        /// Who should pay.
        address: EthAddress,
        /// The node's reason.
        source: Cause,
    },

    /// The transaction went out and is not in a block yet. It may still be.
    #[error(
        "transaction {transaction} was not in a block after {waited_ms} ms and may still come into one: \
         look for its effect before sending the same again"
    )]
    Timeout {
        /// The transaction's hash.
        transaction: Bytes32,
        /// How long we waited.
        waited_ms: u128,
    },
}

impl Error {
    /// Sorts what the library reports. A revert is the contract's word, told apart from the node's own refusals.
    pub(crate) fn from_node(doing: &'static str, error: TransportError) -> Self {
        match &error {
            RpcError::ErrorResp(answer) => match answer.as_revert_data() {
                Some(data) => refusal::reverted(&data),
                None if answer.message.contains("revert") => refusal::reverted(&[]),
                None => Self::Refused { doing, source: Box::new(error) },
            },
            RpcError::Transport(_) | RpcError::NullResp => Self::Unreachable { doing, source: Box::new(error) },
            _ => Self::Refused { doing, source: Box::new(error) },
        }
    }
}
