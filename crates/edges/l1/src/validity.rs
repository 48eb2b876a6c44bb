//! The contracts that check validity proofs, step by step: what is sent to them, and what they remember.

use crate::abi::proven::{QueryVerifier, StatementVerifier};
use crate::call::Order;
use crate::chain::Chain;
use crate::convert::word;
use crate::error::Error;
use alloy::sol_types::SolCall as _;
use types::{Bytes32, EthAddress};

/// Where proofs are checked. Anybody may send steps, and a step that was checked stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// Checks statements.
    pub statements: EthAddress,
    /// Checks queries.
    pub queries: EthAddress,
    /// Whom the rollup asks: it believes a batch of which all leaves were checked by the two others.
    pub verifier: EthAddress,
}

/// A part of a proof. The contracts' interfaces say what each is.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// All but the queries. Leaves a context.
    Register {
        /// What the transcript takes.
        statement: &'a [u8],
    },
    /// Some of the queries.
    Answer {
        /// What the statement leaves.
        context: &'a [u8],
        /// Which queries.
        positions: &'a [u8],
        /// What opens them.
        openings: &'a [u8],
    },
}

impl Step<'_> {
    /// Orders the check of this part.
    pub(crate) fn order(self, contracts: &Contracts) -> Order {
        match self {
            Self::Register { statement } => {
                let call = StatementVerifier::registerCall { statement: statement.to_vec().into() };
                Order::call(&contracts.statements, call.abi_encode())
            }
            Self::Answer { context, positions, openings } => {
                let call = QueryVerifier::verifyCall {
                    context: context.to_vec().into(),
                    positions: positions.to_vec().into(),
                    openings: openings.to_vec().into(),
                };
                Order::call(&contracts.queries, call.abi_encode())
            }
        }
    }
}

/// Reads what was checked, as of the newest block: whoever pays for a step wants to know that nobody else did.
#[derive(Debug)]
pub struct Checks {
    chain: Chain,
    contracts: Contracts,
}

impl Checks {
    /// Connects to a node.
    pub async fn connect(url: &str, contracts: Contracts) -> Result<Self, Error> {
        Ok(Self { chain: Chain::connect(url).await?, contracts })
    }

    /// Returns where the contracts are.
    pub fn contracts(&self) -> Contracts {
        self.contracts
    }

    /// Returns the hash of the verifying key: it says which circuit's proofs are checked.
    pub async fn key_hash(&self) -> Result<Bytes32, Error> {
        let hash = self.chain.read(&self.contracts.statements, &StatementVerifier::keyHashCall {}).await?;
        Ok(crate::convert::our_word(hash))
    }

    /// Says whether a statement with a context of this digest was checked.
    pub async fn is_registered(&self, context: &Bytes32) -> Result<bool, Error> {
        let call = StatementVerifier::isRegisteredCall { context: word(context) };
        self.chain.read(&self.contracts.statements, &call).await
    }

    /// Returns which queries of the context with this digest were answered, as bits from the lowest; all are one when
    /// all queries were.
    pub async fn answered(&self, context: &Bytes32) -> Result<Bytes32, Error> {
        let call = QueryVerifier::answeredCall { digest: word(context) };
        let bits = self.chain.read(&self.contracts.queries, &call).await?;
        Ok(Bytes32(bits.to_be_bytes()))
    }
}
