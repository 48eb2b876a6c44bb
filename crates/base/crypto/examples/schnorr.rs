//! Measures signing and checking, one by one and in batches.

use crypto::schnorr::{Claim, SigningKey, check_all};
use crypto::{Domain, poseidon};
use std::time::{Duration, Instant};

/// Signatures that are made and checked.
const COUNT: u8 = 64;
/// How often each is measured; the fastest counts, because the machine does other work, too.
const ROUNDS: usize = 50;

fn main() {
    let keys: Vec<SigningKey> = (0..COUNT).map(|at| SigningKey::from_seed(&[at; 32])).collect();
    let messages: Vec<_> = (0..COUNT).map(|at| poseidon::hash(Domain::Transaction, &[at.into()])).collect();
    let sign = || keys.iter().zip(&messages).map(|(key, message)| key.sign(message)).collect::<Vec<_>>();
    let signatures = sign();
    let publics: Vec<_> = keys.iter().map(SigningKey::public).collect();
    let claims: Vec<Claim<'_>> = publics
        .iter()
        .zip(&messages)
        .zip(&signatures)
        .map(|((key, message), signature)| Claim { key: key.limbs(), message, signature })
        .collect();
    let report = |what: &str, count: usize, took: Duration| {
        println!("{what}: {:.1} us each", took.as_secs_f64() * 1e6 / f64::from(u32::try_from(count).unwrap_or(1)));
    };
    report("sign", claims.len(), fastest(|| sign().len() == claims.len()));
    report("check one", claims.len(), fastest(|| claims.iter().all(Claim::holds)));
    for size in [2, 4, 8, 16, 32, 64] {
        report(
            &format!("check {size} at once"),
            size,
            fastest(|| check_all(&claims[..size]).iter().all(|holds| *holds)),
        );
    }
}

/// Returns the shortest time that the work took.
fn fastest(work: impl Fn() -> bool) -> Duration {
    let once = || {
        let start = Instant::now();
        assert!(work(), "every signature holds");
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}
