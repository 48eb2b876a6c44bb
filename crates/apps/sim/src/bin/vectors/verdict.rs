//! `verdict.json`: a verdict, its digest, and the resolvers' signatures on it.

use crate::chain::{ALICE, BOB, RESOLVERS, account, config, key};
use crate::{decimals, hex};
use crypto::account::PublicKey;
use crypto::{Domain, poseidon};
use proof::agreement::Outcome;
use serde_json::{Value, json};
use task::{Decide, ResolverSignature, Verdict};
use types::{Bytes32, Digest, Encode as _, Fuel, TaskId};

/// Returns the id of a task that the vectors speak of.
pub fn task_id() -> TaskId {
    TaskId(poseidon::hash(Domain::Transaction, &[7]))
}

pub fn outcome() -> Outcome {
    Outcome { exit: 0, output: crypto::content_id(b"output"), fuel: Fuel(5_000_000_123) }
}

/// Returns a verdict with a quorum's signatures.
pub fn decide(chain: &Digest) -> Decide {
    let verdict = Verdict {
        task: task_id(),
        outcome: outcome(),
        agreeing: vec![account(ALICE), account(BOB)],
        dissenting: vec![account(12)],
    };
    let digest = verdict.digest(chain);
    let sign = |(resolver, seed): (u32, u8)| {
        let key = key(seed);
        ResolverSignature { resolver, key: key.public(), signature: key.sign(&digest) }
    };
    let signatures = (0u32..).zip(RESOLVERS).filter(|(resolver, _)| *resolver != 1).map(sign).collect();
    Decide { verdict, signatures }
}

pub fn vector() -> Value {
    let config = config();
    let chain = config.hash();
    let decide = decide(&chain);
    let digest = decide.verdict.digest(&chain);
    let signatures: Vec<Value> = decide.signatures.iter().map(|vote| signature(vote, &digest)).collect();
    let (provider, salt) = (account(ALICE), Bytes32([0x11; 32]));
    json!({
        "about": "The digest is in domain Verdict: the chain's elements, then the verdict's. A resolver signs the digest's \
                  32 bytes. A commitment is in domain Commitment: task, provider, outcome, salt.",
        "chain": chain,
        "verdict": decide.verdict,
        "bytes": hex(&decide.verdict.to_bytes()),
        "elements": decimals(&decide.verdict.to_elements()),
        "digest": digest,
        "resolvers": config.parameters.resolvers.iter().map(resolver).collect::<Vec<_>>(),
        "threshold": config.parameters.threshold,
        "signatures": signatures,
        "commitment": {
            "task": task_id(),
            "provider": provider,
            "outcome": outcome(),
            "salt": salt,
            "digest": task::commitment(task_id(), provider, &outcome(), &salt),
        },
    })
}

fn resolver(key: &PublicKey) -> Value {
    json!({ "scheme": key.scheme, "key": key.key })
}

fn signature(vote: &ResolverSignature, digest: &Digest) -> Value {
    let at = usize::try_from(vote.resolver).expect("a small number");
    assert!(key(RESOLVERS[at]).public().verifies(digest, &vote.signature), "a resolver signed this");
    json!({ "resolver": vote.resolver, "signature": vote.signature })
}
