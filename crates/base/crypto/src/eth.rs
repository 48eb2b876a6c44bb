//! What the base chain computes: keccak-256, ABI words, and recoverable secp256k1 signatures.

use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use sha3::{Digest as _, Keccak256};
use types::{Bytes32, Digest, EthAddress};
use zeroize::Zeroize as _;

/// Hashes the parts, one after the other.
pub fn keccak(parts: &[&[u8]]) -> Bytes32 {
    let mut hasher = Keccak256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Bytes32(hasher.finalize().into())
}

/// Static values as the contract ABI encodes them: one 32-byte word each.
#[derive(Default)]
pub struct Words(Vec<u8>);

impl Words {
    /// Starts with no word.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word.
    pub fn bytes32(mut self, word: &Bytes32) -> Self {
        self.0.extend(word.0);
        self
    }

    /// Adds a digest.
    pub fn digest(self, digest: &Digest) -> Self {
        self.bytes32(&Bytes32(digest.to_be_bytes()))
    }

    /// Adds a number.
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend([0; 24]);
        self.0.extend(number.to_be_bytes());
        self
    }

    /// Adds an address.
    pub fn address(mut self, address: &EthAddress) -> Self {
        self.0.extend([0; 12]);
        self.0.extend(address.0);
        self
    }

    /// Returns the bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the keccak-256 of the words.
    pub fn keccak(&self) -> Bytes32 {
        keccak(&[&self.0])
    }
}

/// A 65-byte signature, r then s then v, with v 27 or 28 and s in the lower half.
pub type EthSignature = [u8; 65];

fn address_of(key: &VerifyingKey) -> EthAddress {
    let point = key.to_encoded_point(false);
    let hash = keccak(&[&point.as_bytes()[1..]]);
    let mut address = EthAddress::ZERO;
    address.0.copy_from_slice(&hash.0[12..]);
    address
}

/// Recovers who signed a digest. Refuses a high s and any v but 27 and 28, as the contract does.
pub fn recover(digest: &Bytes32, signature: &EthSignature) -> Option<EthAddress> {
    let id = RecoveryId::from_byte(signature[64].checked_sub(27)?).filter(|id| !id.is_x_reduced())?;
    let parsed = Signature::from_slice(&signature[..64]).ok()?;
    if parsed.normalize_s().is_some() {
        return None;
    }
    VerifyingKey::recover_from_prehash(&digest.0, &parsed, id).ok().map(|key| address_of(&key))
}

/// A secp256k1 key: a committee member's or an L1 account's. Wiped when dropped.
pub struct EthKey(SigningKey);

impl EthKey {
    /// Takes a secret scalar; `None` when it is zero or not below the group order.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Option<Self> {
        let key = SigningKey::from_slice(&bytes).ok();
        bytes.zeroize();
        key.map(Self)
    }

    /// Returns the key's address.
    pub fn address(&self) -> EthAddress {
        address_of(self.0.verifying_key())
    }

    /// Signs a digest, with a deterministic nonce (RFC 6979) and a low s.
    pub fn sign(&self, digest: &Bytes32) -> EthSignature {
        let (signature, id) =
            self.0.sign_prehash_recoverable(&digest.0).expect("a 32-byte digest can always be signed");
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + id.to_byte();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dev_account_has_its_known_address() {
        // The first account of the public test mnemonic "test test ... junk".
        let secret: Bytes32 = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80".parse().unwrap();
        let key = EthKey::from_bytes(secret.0).unwrap();
        assert_eq!(key.address().to_string(), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    }

    #[test]
    fn the_signer_is_recovered_and_tampering_is_not() {
        let key = EthKey::from_bytes([3; 32]).unwrap();
        let digest = keccak(&[b"message"]);
        let signature = key.sign(&digest);
        assert_eq!(recover(&digest, &signature), Some(key.address()));
        for at in 0..65 {
            let mut bad = signature;
            bad[at] ^= 1;
            assert_ne!(recover(&digest, &bad), Some(key.address()), "byte {at}");
        }
        let mut bad = signature;
        bad[64] -= 27;
        assert_eq!(recover(&digest, &bad), None, "v must be 27 or 28");
    }

    #[test]
    fn keccak_of_nothing_is_the_known_constant() {
        assert_eq!(keccak(&[]).to_string(), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    }
}
