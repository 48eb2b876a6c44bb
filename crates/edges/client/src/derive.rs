//! An account key from a wallet: one EIP-712 signature, so that the L1 wallet is the only secret its owner keeps.

use crypto::account::SecretKey;
use crypto::eth::{EthKey, Words, keccak};
use proof::Domain;
use types::Bytes32;

const KEY_TYPE: &str = "AccountKey(string statement)";

/// What the wallet shows its owner before signing.
pub const STATEMENT: &str = "This signature is the key to your Talea account on this rollup. Sign it only where you trust the program that asks.";

/// Returns the EIP-712 digest that a wallet signs to derive the key of its account on one rollup.
pub fn key_digest(domain: &Domain) -> Bytes32 {
    let structure =
        Words::new().bytes32(&keccak(&[KEY_TYPE.as_bytes()])).bytes32(&keccak(&[STATEMENT.as_bytes()])).keccak();
    keccak(&[&[0x19, 0x01], &domain.separator().0, &structure.0])
}

/// Derives the account key of an L1 key. The signature is deterministic (RFC 6979), so the key is found again.
pub fn derive_key(wallet: &EthKey, domain: &Domain) -> SecretKey {
    SecretKey::from_wallet_signature(&wallet.sign(&key_digest(domain)), wallet.address())
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::EthAddress;

    #[test]
    fn a_key_belongs_to_one_wallet_and_one_rollup() {
        let wallet = |n| EthKey::from_bytes([n; 32]).expect("in range");
        let domain = Domain { chain_id: 1, rollup: EthAddress([1; 20]) };
        let other = Domain { chain_id: 1, rollup: EthAddress([2; 20]) };
        let key = |wallet: &EthKey, domain: &Domain| derive_key(wallet, domain).public();
        assert_eq!(key(&wallet(1), &domain), key(&wallet(1), &domain));
        assert_ne!(key(&wallet(1), &domain), key(&wallet(2), &domain));
        assert_ne!(key(&wallet(1), &domain), key(&wallet(1), &other));
    }
}
