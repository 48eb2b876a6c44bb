//! Account keys.
//!
//! Scheme 2 is Schnorr over ecGFp5 with Poseidon2 (`crypto::schnorr`), which a circuit over our field can check. See
//! decision 0027.

use crate::schnorr::{self, Claim, SigningKey};
use crate::{Domain, Secret, poseidon};
use types::{AccountId, Digest, Encode, EncodedPoint, EthAddress, Signature, record};

/// The scheme byte of Schnorr over ecGFp5. One was Ed25519's, and stays unused.
pub const SCHNORR: u8 = 2;

record! {
    /// A public key with its scheme.
    pub struct PublicKey {
        /// The scheme that reads the rest.
        pub scheme: u8,
        /// The key's point.
        pub key: EncodedPoint,
    }
}

record! {
    /// Who an account belongs to: the key that signs for it here, and the address that answers for it on L1. Both are
    /// in the account's id, so that L1 can pay an account out with no word from anybody who runs the network.
    pub struct Identity {
        /// The key that signs.
        pub key: PublicKey,
        /// Who may force and escape on L1; the zero address is nobody.
        pub owner: EthAddress,
    }
}

impl Identity {
    /// Returns the account of this identity.
    pub fn account(&self) -> AccountId {
        AccountId(poseidon::hash_of(Domain::Account, self))
    }
}

impl PublicKey {
    /// Says whether `signature` is this key's on `message`. Total: any bytes give an answer.
    pub fn verifies(&self, message: &Digest, signature: &Signature) -> bool {
        self.scheme == SCHNORR && self.claim(message, signature).holds()
    }

    fn claim<'a>(&'a self, message: &'a Digest, signature: &'a Signature) -> Claim<'a> {
        Claim { key: self.key.limbs(), message, signature: &signature.0 }
    }
}

/// Says of each whether it is this key's signature on this message: what [`PublicKey::verifies`] says, sooner where most
/// are.
pub fn verify_all(signed: &[(&PublicKey, &Digest, &Signature)]) -> Vec<bool> {
    let known = signed.iter().filter(|(key, ..)| key.scheme == SCHNORR);
    let claims: Vec<Claim<'_>> = known.map(|(key, message, signature)| key.claim(message, signature)).collect();
    let mut holds = schnorr::check_all(&claims).into_iter();
    let mut next = || holds.next().expect("an answer for each claim");
    signed.iter().map(|(key, ..)| key.scheme == SCHNORR && next()).collect()
}

/// A secret key with the L1 owner of its account. Wiped when dropped.
pub struct SecretKey {
    key: SigningKey,
    owner: EthAddress,
}

impl SecretKey {
    /// Derives a key from 32 secret bytes. Its account has no owner on L1: see [`SecretKey::owned_by`].
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Secret::new(seed);
        Self { key: SigningKey::from_seed(seed.expose_secret()), owner: EthAddress::ZERO }
    }

    /// Derives a key from a wallet's signature, so that an L1 wallet is the only secret its owner keeps.
    pub fn from_wallet_signature(signature: &[u8], owner: EthAddress) -> Self {
        Self::from_seed(crate::eth::keccak(&[b"talea account key v1", signature]).0).owned_by(owner)
    }

    /// Names the L1 address that owns the key's account. Another owner makes another account.
    pub fn owned_by(self, owner: EthAddress) -> Self {
        Self { owner, ..self }
    }

    /// Returns the identity of the key's account.
    pub fn identity(&self) -> Identity {
        Identity { key: self.public(), owner: self.owner }
    }

    /// Returns the key's account.
    pub fn account(&self) -> AccountId {
        self.identity().account()
    }

    /// Returns the public key.
    pub fn public(&self) -> PublicKey {
        PublicKey { scheme: SCHNORR, key: self.key.public() }
    }

    /// Signs a digest. Deterministic: one message gives one signature.
    pub fn sign(&self, message: &Digest) -> Signature {
        Signature(self.key.sign(message))
    }

    /// Derives a secret that only this key's holder can compute, for one purpose and one subject.
    pub fn derive(&self, purpose: &str, subject: &Digest) -> Secret<[u8; 32]> {
        let key = self.key.to_bytes();
        let bytes =
            crate::eth::keccak(&[b"talea derive v1", key.expose_secret(), purpose.as_bytes(), &subject.to_be_bytes()]);
        Secret::new(bytes.0)
    }
}

/// Returns the account of a thing that is not a key: nobody signs for it, only rules move its value.
pub fn owned_by(owner: &impl Encode) -> AccountId {
    AccountId(poseidon::hash_of(Domain::Owner, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_owner_is_another_account_of_one_key() {
        let key = |owner: [u8; 20]| SecretKey::from_seed([1; 32]).owned_by(EthAddress(owner));
        assert_eq!(key([1; 20]).public(), key([2; 20]).public());
        assert_ne!(key([1; 20]).account(), key([2; 20]).account());
        assert_eq!(key([1; 20]).account(), key([1; 20]).identity().account());
    }

    #[test]
    fn a_changed_message_key_or_signature_does_not_verify() {
        let key = SecretKey::from_seed([1; 32]);
        let message = poseidon::hash(Domain::Transaction, &[1]);
        let signature = key.sign(&message);
        assert!(key.public().verifies(&message, &signature));
        assert!(!key.public().verifies(&poseidon::hash(Domain::Transaction, &[2]), &signature));
        assert!(!SecretKey::from_seed([2; 32]).public().verifies(&message, &signature));
        for at in 0..80 {
            let mut bad = signature;
            bad.0[at] ^= 1;
            assert!(!key.public().verifies(&message, &bad), "byte {at}");
        }
    }

    #[test]
    fn an_unknown_scheme_and_the_neutral_key_are_refused() {
        let key = SecretKey::from_seed([1; 32]);
        let message = poseidon::hash(Domain::Transaction, &[1]);
        let signature = key.sign(&message);
        let other = PublicKey { scheme: 1, ..key.public() };
        assert!(!other.verifies(&message, &signature));
        let neutral = PublicKey { scheme: SCHNORR, key: EncodedPoint::NEUTRAL };
        assert!(!neutral.verifies(&message, &Signature::ZERO));
        let public = key.public();
        let all = [(&public, &message, &signature), (&other, &message, &signature), (&public, &message, &signature)];
        assert_eq!(verify_all(&all), [true, false, true]);
    }

    #[test]
    fn a_wallet_signature_gives_one_key() {
        let derive = |signature: &[u8]| SecretKey::from_wallet_signature(signature, EthAddress([7; 20]));
        assert_eq!(derive(b"signature").identity(), derive(b"signature").identity());
        assert_ne!(derive(b"signature").public(), derive(b"another").public());
        assert_ne!(derive(b"signature").derive("a", &Digest::ZERO).expose_secret(), &[0; 32]);
    }
}
