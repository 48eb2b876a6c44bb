//! `schnorr.json`: keys from seeds to signatures, and what is refused.

use crate::hex;
use crypto::account::{PublicKey, SCHNORR, SecretKey};
use crypto::schnorr::{PART_BYTES, SigningKey};
use crypto::{Domain, poseidon};
use serde_json::{Value, json};
use types::{Digest, Encode as _, EncodedPoint, Signature};

/// The generator, and the group's order.
const GENERATOR: [u64; 5] = [4, 0, 0, 0, 0];
const ORDER: [u64; 5] =
    [0x7fff_fffd_8000_0007, 0x7fff_fff1_0000_0016, 0x7fff_ffe6_cfb8_0639, 0xe888_5c39_d724_a09c, 0xe80f_d996_948b_ffe1];

pub fn vector() -> Value {
    let seeds = [[0; 32], [1; 32], [0xff; 32], std::array::from_fn(|at| u8::try_from(at).expect("below 32"))];
    json!({
        "about": "Schnorr over ecGFp5 (ePrint 2022/274) with Poseidon2. A point is its y/x: five limbs, the constant \
                  coefficient first, eight big-endian bytes each. A scalar is 40 big-endian bytes. The secret is the SHA-512 \
                  of the tag `talea account scalar v1`, a zero byte and the seed, modulo the order; the key is the \
                  secret times the generator. The nonce is the SHA-512 of the tag `talea schnorr nonce v1`, a zero byte, \
                  the secret, the key and the message, modulo the order; the commitment is the nonce times the generator. \
                  (Where a hash is a multiple of the order, the zero byte counts up.) The challenge is limb 0 plus 2^64 \
                  times limb 1 of the Poseidon2 hash in domain Challenge of commitment, key and message. The response is \
                  nonce plus challenge times secret. A signature is commitment, then response; it holds when response \
                  times generator is commitment plus challenge times key. Non-canonical limbs and responses, the neutral \
                  point 0 and what is no point are refused.",
        "scheme": SCHNORR,
        "order": hex(&ORDER.map(u64::to_be_bytes).concat()),
        "generator": EncodedPoint::new(GENERATOR),
        "keys": seeds.iter().map(key).collect::<Vec<_>>(),
        "refused": refused(),
    })
}

fn messages() -> Vec<Digest> {
    vec![Digest::ZERO, poseidon::hash(Domain::Transaction, &[1]), poseidon::hash(Domain::Verdict, &[1, 2, 3])]
}

fn key(seed: &[u8; 32]) -> Value {
    let key = SigningKey::from_seed(seed);
    let account = SecretKey::from_seed(*seed);
    let sign = |message: &Digest| {
        let signature = Signature(key.sign(message));
        assert!(account.public().verifies(message, &signature), "the key signed this");
        json!({
            "message": message,
            "challenge": key.challenge_of(message).map(|limb| limb.to_string()),
            "signature": signature,
        })
    };
    json!({
        "seed": hex(seed),
        "secret": hex(key.to_bytes().expose_secret()),
        "public_key": key.public(),
        "account": account.account(),
        "signatures": messages().iter().map(sign).collect::<Vec<_>>(),
    })
}

/// Returns what every implementation must refuse.
fn refused() -> Vec<Value> {
    let key = SecretKey::from_seed([1; 32]);
    let message = messages()[1];
    let good = key.sign(&message);
    let with = |change: &dyn Fn(&mut [u8; 2 * PART_BYTES])| {
        let mut signature = good;
        change(&mut signature.0);
        signature
    };
    let neutral = with(&|bytes| bytes[..PART_BYTES].fill(0));
    let limb = with(&|bytes| bytes[..8].fill(0xff));
    let order = with(&|bytes| bytes[PART_BYTES..].copy_from_slice(&ORDER.map(u64::to_be_bytes).concat()));
    let flipped = with(&|bytes| bytes[2 * PART_BYTES - 1] ^= 1);
    let public = key.public().key;
    let cases = [
        ("a neutral commitment", public, neutral),
        ("a commitment's limb above the prime", public, limb),
        ("a response that is the order", public, order),
        ("another response", public, flipped),
        ("a neutral key", EncodedPoint::NEUTRAL, good),
        ("another key", SecretKey::from_seed([2; 32]).public().key, good),
    ];
    let shown = cases.into_iter().map(|(why, key, signature)| {
        assert!(!PublicKey { scheme: SCHNORR, key }.verifies(&message, &signature), "{why}");
        json!({ "why": why, "public_key": hex(&key.to_bytes()), "message": message, "signature": signature })
    });
    shown.collect()
}
