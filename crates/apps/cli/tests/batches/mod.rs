//! What reports of the demo and of loads say of batches. The built-in chain settles by proof.

use serde_json::Value;

/// Checks the batches of a report, and that each has what its proof took where batches settle by proof.
pub fn check(report: &Value, by_proof: bool) {
    let batches = report["batches"].as_array().expect("batches");
    assert!(!batches.is_empty());
    for batch in batches {
        assert!(batch["transactions"].as_u64() > Some(0) && batch["settle_gas"].as_u64() > Some(50_000), "{batch}");
        assert_eq!(batch.get("proof_bytes").is_some(), by_proof, "{batch}");
        if by_proof {
            assert!(batch["proof_bytes"].as_u64() > Some(100_000) && batch["security_bits"].as_u64() >= Some(100));
            assert!(batch["prove_seconds"].as_f64() > Some(0.0) && batch["verify_transactions"].as_u64() > Some(3));
            assert!(batch["verify_gas"].as_u64() > Some(10_000_000), "{batch}");
        }
    }
}
