//! `transcript.json`: what challenges are cut from. `verifier.json`: the verifying key that the contracts keep.
//! `proof.json`: a proof of two transfers, as the contracts are sent it.

use crate::hex;
use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey, Transfer};
use p3_challenger::{CanObserve as _, CanSample, CanSampleBits as _, GrindingChallenger as _};
use p3_field::{PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::F;
use proof::transcript::Transcript;
use prover::onchain::{Key, Sent};
use prover::{Block, Recorded, prove, record};
use serde_json::{Value, json};
use state::{Overlay, State};
use transition::{Action, Checked, Transaction};
use types::{Amount, AssetId, Digest, Encode as _, GOLDILOCKS, Millis};

const WORK_BITS: usize = 12;

/// Returns what a transcript gives for what it is told.
pub fn transcript() -> Value {
    let mut transcript = Transcript::new(b"vector");
    let elements = [0, 1, GOLDILOCKS - 1, 1 << 63, 0xffff_ffff];
    transcript.observe_slice(&elements.map(F::from_u64));
    let sample = |transcript: &mut Transcript| CanSample::<F>::sample(transcript).as_canonical_u64();
    let first: Vec<u64> = (0..6).map(|_| sample(&mut transcript)).collect();
    transcript.observe_root(&[0xab; 32]);
    let second: Vec<u64> = (0..3).map(|_| sample(&mut transcript)).collect();
    transcript.observe(F::from_u64(7));
    let witness = transcript.grind(WORK_BITS).as_canonical_u64();
    let bits: Vec<usize> = (0..9).map(|_| transcript.sample_bits(20)).collect();
    json!({
        "about": "The state starts as keccak of the protocol's name. Elements are observed as eight big-endian bytes, \
                  roots as 32. Before sampling, what was observed goes into the state: keccak of state and bytes. Words \
                  of 64 bits come from keccak of the state and a counter of four bytes; those from the field's order on \
                  are skipped for elements. Work: the state after the witness begins with so many zero bits.",
        "protocol": hex(b"vector"),
        "elements": crate::decimals(&elements),
        "first": crate::decimals(&first),
        "root": hex(&[0xab; 32]),
        "second": crate::decimals(&second),
        "third": ["7"],
        "workBits": WORK_BITS,
        "witness": witness.to_string(),
        "bits": bits,
    })
}

/// Returns the verifying key and a proof that it accepts.
pub fn verifier_and_proof() -> (Value, Value) {
    let key = Key::new();
    let recorded = recorded();
    let proof = prove(&recorded.statement, &recorded.traces).expect("traces of a batch");
    proof::validity::verify(&recorded.statement, &proof).expect("what was just proven");
    let Sent { statement, context, .. } = key.sent(&recorded.statement, &proof).expect("a proof");
    let verifier = json!({
        "about": "The verifying key of validity proofs, in the parts that data contracts keep.",
        "parts": key.parts().iter().map(|part| hex(part)).collect::<Vec<_>>(),
    });
    let proof = json!({
        "about": "A proof of two transfers: what the statement step is sent, and the context that it leaves.",
        "statement": hex(&statement),
        "context": hex(&context),
    });
    (verifier, proof)
}

/// Records a batch of two transfers.
fn recorded() -> Recorded {
    let digest = |first| Digest::new([first, 2, 3, 4]).expect("small limbs");
    let (chain, asset) = (digest(7), AssetId(digest(1)));
    let key = |number: u8| SecretKey::from_seed([number; 32]);
    let amount = |quanta| Amount::new(quanta).expect("an amount");
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Balance>(&BalanceKey { account: key(0).account(), asset }, &amount(100));
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    let transfer = |from: u8, to: u8| {
        let asked = Transfer { to: key(to).account(), asset, amount: amount(30) };
        let signed = Transaction::sign(&key(from), &chain, 0, Action::Transfer(asked));
        Transaction::check(&signed.to_bytes(), &chain).expect("just signed")
    };
    let batch: [Checked; 2] = [transfer(0, 1), transfer(1, 2)];
    record(&mut state, &chain, &[Block { time: Millis(5), transactions: &batch }]).expect("a batch")
}
