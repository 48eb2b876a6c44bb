//! Account keys.
//!
//! Scheme 1 is Ed25519 (RFC 8032) in the strict form: non-canonical encodings, small-order keys and small-order
//! commitments are refused, so that every implementation agrees on what verifies. See decision 0002.

use crate::{Domain, Secret, poseidon};
use ed25519_dalek::{Signer, SigningKey, Verifier as _, VerifyingKey};
use types::{AccountId, Digest, Encode, EthAddress, Signature, record};

/// The scheme byte of Ed25519.
pub const ED25519: u8 = 1;

/// The points of small order, canonically encoded and without the bit that tells a point from its negative: y is 0, 1, -1
/// or, for the four points of order eight, one of two others.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

record! {
    /// A public key with its scheme.
    pub struct PublicKey {
        /// The scheme that reads the rest.
        pub scheme: u8,
        /// The key as the scheme encodes it.
        pub key: types::Bytes32,
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
        if self.scheme != ED25519 {
            return false;
        }
        let Ok(key) = VerifyingKey::from_bytes(&self.key.0) else { return false };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        // This is what `verify_strict` accepts, without its reading the commitment as a point: it is compared as bytes with
        // a canonical encoding, so that of each point of small order there is but one to refuse.
        !key.is_weak() && !is_small_order(signature.r_bytes()) && key.verify(&message.to_be_bytes(), &signature).is_ok()
    }
}

/// Says whether a canonically encoded point has a small order.
fn is_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// A secret key with the L1 owner of its account. Wiped when dropped.
pub struct SecretKey {
    key: SigningKey,
    owner: EthAddress,
}

impl SecretKey {
    /// Derives a key from 32 secret bytes. Its account has no owner on L1: see [`SecretKey::owned_by`].
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(&seed), owner: EthAddress::ZERO }
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
        PublicKey { scheme: ED25519, key: types::Bytes32(self.key.verifying_key().to_bytes()) }
    }

    /// Signs a digest. Deterministic: one message gives one signature.
    pub fn sign(&self, message: &Digest) -> Signature {
        Signature(self.key.sign(&message.to_be_bytes()).to_bytes())
    }

    /// Derives a secret that only this key's holder can compute, for one purpose and one subject.
    pub fn derive(&self, purpose: &str, subject: &Digest) -> Secret<[u8; 32]> {
        let key = Secret::new(self.key.to_bytes());
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
        for at in 0..64 {
            let mut bad = signature;
            bad.0[at] ^= 1;
            assert!(!key.public().verifies(&message, &bad), "byte {at}");
        }
    }

    #[test]
    fn an_unknown_scheme_and_a_small_order_key_are_refused() {
        let key = SecretKey::from_seed([1; 32]);
        let message = poseidon::hash(Domain::Transaction, &[1]);
        let other = PublicKey { scheme: 2, ..key.public() };
        assert!(!other.verifies(&message, &key.sign(&message)));
        let mut identity = types::Bytes32::ZERO;
        identity.0[0] = 1;
        let neutral = PublicKey { scheme: ED25519, key: identity };
        let mut forged = Signature::ZERO;
        forged.0[0] = 1;
        assert!(!neutral.verifies(&message, &forged));
    }

    /// Signatures under a key of mixed order whose commitments are the eight points of small order: the equation holds for
    /// them, and only the strict form refuses them.
    #[test]
    fn a_commitment_of_small_order_is_refused() {
        let bytes = |text: &str| text.parse::<types::Bytes32>().unwrap().0;
        let key = bytes("0x3bcfb78c4ad06f9b8d7e8c50e37e33dd40042a7805f5df945fbf33620745bc68");
        let theirs = VerifyingKey::from_bytes(&key).unwrap();
        let ours = PublicKey { scheme: ED25519, key: types::Bytes32(key) };
        let signatures = [
            (
                8,
                "0x0100000000000000000000000000000000000000000000000000000000000000",
                "0x94bccb88a7435d5458e38dd20cbc227a397c459ebfc4464bff4858ba2fca4302",
            ),
            (
                12,
                "0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                "0x18862f25a049f62a3750f7478360d97e4257ab9c32af3585e9eaf15820e7c709",
            ),
            (
                10,
                "0x0000000000000000000000000000000000000000000000000000000000000000",
                "0x5163e6143925d4dd06f20cdec53e2e99ebf05525444f2e78d8c848ede5f74d0f",
            ),
            (
                14,
                "0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                "0x9e02aa8805f6d9f995c63839dd0d352adc99b47e3c416774c44e8b2c2a33b403",
            ),
            (
                8,
                "0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "0x500388557394902518f86b69f1970470d6ba56e02ec89d724fa78772ee0dd90e",
            ),
            (
                1,
                "0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                "0xb6e93dcbf6bef27ff194c9a78942cd314d040ccc1ada2e689ec04e73c36f0002",
            ),
            (
                3,
                "0x0000000000000000000000000000000000000000000000000000000000000080",
                "0x5e03424bcfdcfcb3f28513637e439e43b60586c0a778c547b1cea1f796442905",
            ),
            (
                2,
                "0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                "0x35fe91c73f8fffff221c6eff2051bbb23b235505dd30b3a6cd53779d94aa8809",
            ),
        ];
        for (number, commitment, response) in signatures {
            let message = Digest::new([number, 0, 0, 0]).unwrap();
            let signature = ed25519_dalek::Signature::from_components(bytes(commitment), bytes(response));
            assert!(theirs.verify(&message.to_be_bytes(), &signature).is_ok(), "{commitment}");
            assert!(theirs.verify_strict(&message.to_be_bytes(), &signature).is_err(), "{commitment}");
            assert!(!ours.verifies(&message, &Signature(signature.to_bytes())), "{commitment}");
        }
        assert!(!theirs.is_weak(), "it is not the key that is refused");
    }
}
