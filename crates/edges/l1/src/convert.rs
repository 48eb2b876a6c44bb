//! Between our types and those of the Ethereum library. Nothing of the library leaves this crate.

use crate::abi::{IRollup, IVault};
use crate::error::Error;
use alloy::primitives::{Address, B256, U256};
use ledger::Withdrawal;
use proof::BatchHeader;
use types::{Amount, Bytes32, Digest, EthAddress};

/// Wei in one quantum of ETH. The Vault holds the same number.
pub const ETH_QUANTUM_WEI: u64 = 1_000_000_000;

pub fn address(address: &EthAddress) -> Address {
    Address::new(address.0)
}

pub fn our_address(address: Address) -> EthAddress {
    EthAddress(address.into_array())
}

pub fn word(bytes: &Bytes32) -> B256 {
    B256::new(bytes.0)
}

pub fn our_word(word: B256) -> Bytes32 {
    Bytes32(word.0)
}

pub fn digest_word(digest: &Digest) -> B256 {
    B256::new(digest.to_be_bytes())
}

/// Reads a digest. `what` names it for the error: the contracts hold only what we put there, but a node may lie.
pub fn our_digest(word: B256, what: &str) -> Result<Digest, Error> {
    Digest::from_be_bytes(&word.0).ok_or_else(|| Error::Inconsistent { what: format!("{what} is no digest: {word}") })
}

pub fn wei(amount: Amount) -> U256 {
    U256::from(amount.quanta()) * U256::from(ETH_QUANTUM_WEI)
}

pub fn header(header: &BatchHeader) -> IRollup::Header {
    IRollup::Header {
        configHash: digest_word(&header.config_hash),
        number: header.number,
        parentRoot: digest_word(&header.parent_root),
        stateRoot: digest_word(&header.state_root),
        inboxCount: header.inbox_count,
        inboxHash: word(&header.inbox_hash),
        withdrawalsRoot: word(&header.withdrawals_root),
        dataRoot: word(&header.data_root),
        diffHash: word(&header.diff_hash),
    }
}

pub fn withdrawal(withdrawal: &Withdrawal) -> IVault::Withdrawal {
    IVault::Withdrawal {
        index: withdrawal.index,
        recipient: address(&withdrawal.recipient),
        token: word(&withdrawal.token),
        amount: withdrawal.amount.quanta(),
    }
}
