//! What can be asked of the contracts, and how it is encoded.

use crate::abi::{Exits, Rollup, Vault};
use crate::chain::Contracts;
use crate::claims::Step;
use crate::convert::{address, digest_word, header, wei, withdrawal, word};
use crate::validity;
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall as _;
use crypto::account::Identity;
use ledger::{Deposit, Withdrawal};
use proof::BatchHeader;
use types::{AccountId, ActionElements, Amount, Bytes32, EthAddress};

/// A call of the rollup's contracts. The contracts' interfaces say what each does and who may call.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    /// Puts a part of a batch's state difference on L1.
    Publish {
        /// The part.
        chunk: &'a [u8],
    },
    /// Settles a batch.
    Settle {
        /// The batch.
        batch: &'a BatchHeader,
        /// The hashes of its published chunks, in order; none in a validium.
        chunks: &'a [Bytes32],
        /// The committee's signatures.
        evidence: &'a [u8],
    },
    /// Makes the L1 owner of an account known there.
    OpenAccount {
        /// Who the account belongs to.
        identity: &'a Identity,
    },
    /// Demands a withdrawal to the sender, who must be the account's owner.
    ForceWithdrawal {
        /// Whose value leaves.
        account: AccountId,
        /// What leaves, by its word.
        token: Bytes32,
        /// How much at most.
        amount: Amount,
    },
    /// Demands an action of an account, of which the sender must be the owner.
    ForceAction {
        /// Who acts.
        account: AccountId,
        /// What is demanded: see `transition::Action::to_forced`.
        elements: ActionElements,
    },
    /// Calls the contract that takes claims.
    Claims {
        /// The contract.
        claims: EthAddress,
        /// What it shall do.
        step: Step<'a>,
    },
    /// Checks a part of a validity proof.
    Validity {
        /// The contracts that check proofs.
        checks: validity::Contracts,
        /// Which part.
        step: validity::Step<'a>,
    },
    /// Stops the rollup for good, because what was to be proof supports two outcomes of one batch.
    FreezeContradicted {
        /// An outcome.
        first: (&'a BatchHeader, &'a [u8]),
        /// Another, with its evidence too.
        second: (&'a BatchHeader, &'a [u8]),
    },
    /// Stops the rollup for good, when a message has waited too long.
    Freeze,
    /// Makes a node of the last state's tree known, by its path from one that is.
    Descend {
        /// The root or a known node.
        top: Bytes32,
        /// The node below it.
        node: Bytes32,
        /// The siblings on the way down.
        siblings: &'a [Bytes32],
        /// The turns on the way down, the last in the lowest bit; one is right. A step has far fewer than 64.
        directions: u64,
    },
    /// Pays a balance of the last state to the account's owner, once the way to it is known: see [`Escape`](crate::Escape).
    Escape {
        /// Whose balance.
        account: AccountId,
        /// Of what, by its word.
        token: Bytes32,
        /// The whole balance.
        amount: Amount,
    },
    /// Gives a deposit that no batch took back to its sender.
    Reclaim {
        /// The deposit.
        deposit: &'a Deposit,
    },
    /// Deposits ETH for an account.
    DepositEth {
        /// Who is credited.
        account: AccountId,
        /// How much. A quantum is 10^9 wei.
        amount: Amount,
    },
    /// Deposits half a tally, which the sender holds on L1. Needs no approval.
    DepositHalf {
        /// Who is credited.
        account: AccountId,
        /// The half's word.
        half: Bytes32,
        /// How much.
        amount: Amount,
    },
    /// Pays a withdrawal of a settled batch to its recipient.
    Claim {
        /// The batch.
        batch: u64,
        /// The withdrawal.
        claimed: &'a Withdrawal,
        /// Its place in the batch's list.
        position: u64,
        /// Its path to the batch's withdrawals root.
        path: &'a [Bytes32],
    },
}

/// A transaction without its nonce and fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub(crate) to: TxKind,
    pub(crate) wei: U256,
    pub(crate) input: Bytes,
}

impl Order {
    /// Orders a call of a contract.
    pub(crate) fn call(contract: &EthAddress, input: Vec<u8>) -> Self {
        Self { to: TxKind::Call(address(contract)), wei: U256::ZERO, input: input.into() }
    }

    pub(crate) fn request(&self, from: &EthAddress) -> TransactionRequest {
        let mut request =
            TransactionRequest::default().from(address(from)).value(self.wei).input(self.input.clone().into());
        request.to = Some(self.to);
        request
    }
}

impl Call<'_> {
    /// Orders this call of the contracts of a rollup.
    pub(crate) fn order(self, contracts: &Contracts, exits: &EthAddress) -> Order {
        let rollup = |input| Order::call(&contracts.rollup, input);
        let vault = |input| Order::call(&contracts.vault, input);
        let words = |words: &[Bytes32]| words.iter().map(word).collect();
        match self {
            Self::Publish { chunk } => rollup(Rollup::publishCall { chunk: chunk.to_vec().into() }.abi_encode()),
            Self::Settle { batch, chunks, evidence } => {
                let (header, chunks, evidence) = (header(batch), words(chunks), evidence.to_vec().into());
                rollup(Rollup::settleCall { header, chunks, evidence }.abi_encode())
            }
            Self::OpenAccount { identity } => {
                let (scheme, key, owner) = (identity.key.scheme, *identity.key.key.limbs(), address(&identity.owner));
                rollup(Rollup::openAccountCall { scheme, key, owner }.abi_encode())
            }
            Self::ForceWithdrawal { account, token, amount } => {
                let (account, token, amount) = (digest_word(&account.0), word(&token), amount.quanta());
                rollup(Rollup::forceWithdrawalCall { account, token, amount }.abi_encode())
            }
            Self::ForceAction { account, elements } => {
                let (account, elements) = (digest_word(&account.0), *elements.limbs());
                rollup(Rollup::forceActionCall { account, elements }.abi_encode())
            }
            Self::Claims { claims, step } => step.order(&claims),
            Self::Validity { checks, step } => step.order(&checks),
            Self::FreezeContradicted { first: (first, one), second: (second, other) } => rollup(
                Rollup::freezeContradictedCall {
                    first: header(first),
                    firstEvidence: one.to_vec().into(),
                    second: header(second),
                    secondEvidence: other.to_vec().into(),
                }
                .abi_encode(),
            ),
            Self::Freeze => rollup(Rollup::freezeCall {}.abi_encode()),
            Self::Descend { top, node, siblings, directions } => {
                let (top, node, directions) = (word(&top), word(&node), U256::from(directions));
                let input = Exits::descendCall { top, node, siblings: words(siblings), directions }.abi_encode();
                Order::call(exits, input)
            }
            Self::Escape { account, token, amount } => {
                let (account, token, amount) = (digest_word(&account.0), word(&token), amount.quanta());
                Order::call(exits, Exits::escapeCall { account, token, amount }.abi_encode())
            }
            Self::Reclaim { deposit } => {
                let (account, token) = (digest_word(&deposit.account.0), word(&deposit.token));
                let (index, amount, sender) = (deposit.index, deposit.amount.quanta(), address(&deposit.sender));
                Order::call(exits, Exits::reclaimCall { index, account, token, amount, sender }.abi_encode())
            }
            Self::DepositEth { account, amount } => {
                let input = Vault::depositETHCall { account: digest_word(&account.0) }.abi_encode();
                Order { wei: wei(amount), ..vault(input) }
            }
            Self::DepositHalf { account, half, amount } => {
                let (half, amount, account) = (word(&half), U256::from(amount.quanta()), digest_word(&account.0));
                vault(Vault::depositHalfCall { half, amount, account }.abi_encode())
            }
            Self::Claim { batch, claimed, position, path } => {
                let (withdrawal, position, path) = (withdrawal(claimed), U256::from(position), words(path));
                vault(Vault::claimCall { batch, withdrawal, position, path }.abi_encode())
            }
        }
    }
}
