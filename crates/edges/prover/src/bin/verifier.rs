//! Writes what holds the contracts that check proofs to this code: `vectors/transcript.json`, what challenges are cut from;
//! `vectors/verifier.json`, the verifying key; `vectors/proof.json`, proofs of transfers as the contracts are sent them; `vectors/queries.bin`, the steps that open one.
//!
//! The same code writes the same bytes. With `--check` nothing is written: it fails when a file is not what the code gives.

use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey, Transfer};
use p3_challenger::{CanObserve as _, CanSample, CanSampleBits as _, GrindingChallenger as _};
use p3_field::{PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::F;
use proof::joined::Leaf;
use proof::transcript::Transcript;
use prover::onchain::{Key, Opened, STEP_BYTES, Sent};
use prover::{Block, Recorded, prove, record};
use state::{Overlay, State};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use transition::{Action, Checked, Transaction};
use types::{Amount, AssetId, ContentId, Digest, Encode as _, GOLDILOCKS, Millis};

const USAGE: &str = "usage: verifier [--check]";
const WORK_BITS: usize = 12;
/// How many transfers the proven batches have: tables of one height nearly all, and of several.
const BATCHES: [u8; 2] = [2, 40];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write(&root()),
        ["--check"] => check(&root()),
        _ => Err(USAGE.to_string()),
    };
    match done {
        Ok(said) => {
            eprintln!("{said}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// Returns all files as the code gives them now: their paths and bytes.
fn golden() -> [(&'static str, Vec<u8>); 4] {
    let key = Key::new();
    let proven = BATCHES.map(|count| Proven::new(&key, count));
    [
        ("vectors/transcript.json", transcript().into_bytes()),
        ("vectors/verifier.json", verifier(&key).into_bytes()),
        ("vectors/proof.json", proofs(&proven).into_bytes()),
        ("vectors/queries.bin", queries(&key, &proven[0])),
    ]
}

fn write(root: &Path) -> Result<String, String> {
    for (path, bytes) in golden() {
        std::fs::write(root.join(path), bytes).map_err(|fault| format!("cannot write {path}: {fault}"))?;
    }
    Ok("wrote the verifier's files".to_string())
}

fn check(root: &Path) -> Result<String, String> {
    for (path, bytes) in golden() {
        if std::fs::read(root.join(path)).ok() != Some(bytes) {
            return Err(format!(
                "{path} is not what the code gives: run `cargo xtask gen verifier`. If the proof was meant to change, commit \
                 the new file and say why; otherwise undo the change"
            ));
        }
    }
    Ok("the verifier's files are what the code gives".to_string())
}

/// Formats an object of values that are formatted already, in the order of their names.
fn object(values: &[(&str, String)]) -> String {
    let lines: Vec<String> = values.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn text(value: impl AsRef<str>) -> String {
    format!("\"{}\"", value.as_ref())
}

fn list(values: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = values.into_iter().map(|value| format!("    {value}")).collect();
    format!("[\n{}\n  ]", lines.join(",\n"))
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text(format!("0x{digits}"))
}

/// Formats field elements as decimal text: many are above 2^53, where JSON numbers lose digits.
fn decimals(elements: &[u64]) -> String {
    list(elements.iter().map(|element| text(element.to_string())))
}

fn transcript() -> String {
    let mut transcript = Transcript::new(b"vector");
    let elements = [0, 1, GOLDILOCKS - 1, 1 << 63, 0xffff_ffff];
    transcript.observe_slice(&elements.map(F::from_u64));
    let sample = |transcript: &mut Transcript| CanSample::<F>::sample(transcript).as_canonical_u64();
    let first: Vec<u64> = (0..6).map(|_| sample(&mut transcript)).collect();
    transcript.observe_root(&[0xab; 32]);
    let second: Vec<u64> = (0..3).map(|_| sample(&mut transcript)).collect();
    transcript.observe(F::from_u64(7));
    let witness = transcript.grind(WORK_BITS).as_canonical_u64();
    let bits: Vec<String> = (0..9).map(|_| transcript.sample_bits(20).to_string()).collect();
    let about = "The state starts as keccak of the protocol's name. Elements are observed as eight big-endian bytes, roots as \
                 32. Before sampling, what was observed goes into the state: keccak of state and bytes. Words of 64 bits come \
                 from keccak of the state and a counter of four bytes; those from the field's order on are skipped for \
                 elements. Work: the state after the witness begins with so many zero bits.";
    object(&[
        ("about", text(about)),
        ("bits", list(bits)),
        ("elements", decimals(&elements)),
        ("first", decimals(&first)),
        ("protocol", hex(b"vector")),
        ("root", hex(&[0xab; 32])),
        ("second", decimals(&second)),
        ("third", decimals(&[7])),
        ("witness", text(witness.to_string())),
        ("workBits", WORK_BITS.to_string()),
    ])
}

fn verifier(key: &Key) -> String {
    let parts = key.parts();
    object(&[
        ("about", text("The verifying key of validity proofs, in the parts that data contracts keep.")),
        ("count", parts.len().to_string()),
        ("hash", hex(&crypto::eth::keccak(&[&key.to_bytes()]).0)),
        ("parts", list(parts.iter().map(|part| hex(part)))),
    ])
}

/// A batch with its proof.
struct Proven {
    leaf: Leaf,
    sent: Sent,
}

impl Proven {
    fn new(key: &Key, count: u8) -> Self {
        let recorded = recorded(count);
        let proof = prove(&recorded.statement, &recorded.traces).expect("traces of a batch");
        let leaf = recorded.leaf(proof);
        leaf.verify().expect("what was just proven");
        let sent = key.sent(&leaf).expect("a proof");
        Self { leaf, sent }
    }
}

fn proofs(proven: &[Proven]) -> String {
    let about = "Proofs of batches of transfers and a publication: what the statement's step is sent, and the context that it leaves.";
    let proof = |Proven { sent, .. }: &Proven| {
        format!("{{ \"context\": {}, \"statement\": {} }}", hex(&sent.context), hex(&sent.statement))
    };
    object(&[("about", text(about)), ("proofs", list(proven.iter().map(proof)))])
}

/// Returns the steps that answer the queries of a proof: parts, each after its length in four bytes. The first is the
/// context; then come each step's positions and what is opened.
fn queries(key: &Key, proven: &Proven) -> Vec<u8> {
    let opened = Opened::new(key, &proven.leaf).expect("what was just proven");
    let mut bytes = Vec::new();
    let mut part = |part: &[u8]| {
        bytes.extend(u32::try_from(part.len()).expect("it fits a transaction").to_be_bytes());
        bytes.extend(part);
    };
    part(opened.context());
    for step in opened.steps(STEP_BYTES) {
        part(&step.positions);
        part(&step.openings);
    }
    bytes
}

/// Records a batch of so many transfers, each of what the one before brought, and a publication, so that the program's
/// columns count.
fn recorded(count: u8) -> Recorded {
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
    let transfer = |from: u8| {
        let asked = Transfer { to: key(from + 1).account(), asset, amount: amount(30) };
        let signed = Transaction::sign(&key(from), &chain, 0, Action::Transfer(asked));
        Transaction::check(&signed.to_bytes(), &chain).expect("just signed")
    };
    let publish = Action::Publish(task::Publish { program: ContentId([3; 32]) });
    let publish = Transaction::sign(&key(0), &chain, 1, publish);
    let publish = Transaction::check(&publish.to_bytes(), &chain).expect("just signed");
    let batch: Vec<Checked> = (0..count).map(transfer).chain([publish]).collect();
    record(&mut state, &chain, &[Block { time: Millis(5), transactions: &batch }]).expect("a batch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_what_the_code_gives() {
        if let Err(fault) = check(&root()) {
            panic!("{fault}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_what_to_do() {
        let fault = check(Path::new("/nowhere")).unwrap_err();
        assert!(fault.starts_with("vectors/transcript.json"), "{fault}");
        assert!(fault.contains("cargo xtask gen verifier"), "{fault}");
    }
}
