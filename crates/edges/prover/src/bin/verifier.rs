//! Writes what holds the contracts that check proofs to this code: `vectors/transcript.json`, what challenges are cut from;
//! `vectors/verifier.json`, the verifying key; `vectors/proof.json`, proofs of transfers as the contracts are sent them; `vectors/queries.bin`, the steps that open one;
//! `vectors/batch.bin`, `vectors/leaf-0.bin` and `vectors/leaf-1.bin`, a batch in leaves with what crosses, all that the contracts
//! are sent until it settles.
//!
//! The same code writes the same bytes. With `--check` nothing is written: it fails when a file is not what the code gives.

use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::bridge::{asset_of, stamp, token_word};
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Message, Withdraw, Withdrawal};
use p3_challenger::{CanObserve as _, CanSample, CanSampleBits as _, GrindingChallenger as _};
use p3_field::{PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::BatchHeader;
use proof::circuit::F;
use proof::crossing::{Chains, Inbox};
use proof::joined::{Aggregator as _, Chained, Claim, Leaf};
use proof::transcript::Transcript;
use proof::validity::head;
use prover::onchain::{Key, Opened, STEP_BYTES, Sent, evidence};
use prover::{Block, Incoming, Recorded, prove, record, record_all};
use state::{Overlay, State};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use transition::{Action, Checked, Transaction};
use types::{
    AccountId, ActionElements, Amount, AssetId, Bytes32, ContentId, Digest, Encode as _, EthAddress, GOLDILOCKS, Millis,
};

const USAGE: &str = "usage: verifier [--check]";
const WORK_BITS: usize = 12;
/// How many transfers the proven batches have: tables of one height nearly all, and of several.
const BATCHES: [u8; 2] = [2, 40];
/// When the proven batches begin: a time that a clock has shown.
const NOW: u64 = 1_700_000_000_000;
/// How many deposits the first leaf of the batch takes: more than fill 64 rows, so that the table of what crosses is higher
/// by far than those on both sides of it.
const DEPOSITS: u64 = 65;
/// How many messages and withdrawals cross in the leaf of many.
const CROSSINGS: u64 = 64;
/// What stands for the signatures of a quorum, which are of one deployment: no whole number of words.
const ATTESTATION: &[u8] = b"the signatures of a quorum over the header of this batch";

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
fn golden() -> [(&'static str, Vec<u8>); 7] {
    let key = Key::new();
    let leaves = crossing_leaves();
    let proven = BATCHES.map(|count| Proven::new(&key, count));
    [
        ("vectors/transcript.json", transcript().into_bytes()),
        ("vectors/verifier.json", verifier(&key).into_bytes()),
        ("vectors/proof.json", proofs(&proven).into_bytes()),
        ("vectors/queries.bin", queries(&key, &proven[0].leaf)),
        ("vectors/batch.bin", batch(&key, &leaves)),
        ("vectors/leaf-0.bin", steps(&key, &leaves[0])),
        ("vectors/leaf-1.bin", steps(&key, &leaves[1])),
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
fn queries(key: &Key, leaf: &Leaf) -> Vec<u8> {
    let opened = Opened::new(key, leaf).expect("what was just proven");
    let steps = opened.steps(STEP_BYTES);
    let opened_by = steps.iter().flat_map(|step| [part(&step.positions), part(&step.openings)]);
    std::iter::once(part(opened.context())).chain(opened_by).flatten().collect()
}

/// Returns bytes after their length.
fn part(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("it fits a transaction");
    [&length.to_be_bytes(), bytes].concat()
}

/// Returns all that is sent of a leaf's proof: the statement as a part, and the steps that answer its queries.
fn steps(key: &Key, leaf: &Leaf) -> Vec<u8> {
    let sent = key.sent(leaf).expect("a proof");
    [part(&sent.statement), queries(key, leaf)].concat()
}

/// Returns a batch's evidence, and that of another one with many crossings that is not proven. Parts, each after its length:
/// the evidence; the encoded identity of the account that a withdrawal is forced from; the evidence of many crossings, and
/// the public values that its leaf's proof would have.
fn batch(key: &Key, leaves: &[Leaf]) -> Vec<u8> {
    let sent = leaves.iter().map(|leaf| key.sent(leaf).expect("a proof"));
    let named: Vec<_> = sent.map(|sent| crypto::eth::keccak(&[&sent.context])).zip(leaves).collect();
    let (claim, _) = Chained.join(leaves.to_vec()).expect("leaves that follow on one another");
    let evidence = evidence(&header(&claim), ATTESTATION, &named).expect("proofs");
    let (many, publics) = many_crossings();
    [&evidence, &owner().identity().to_bytes(), &many, &publics].map(|bytes| part(bytes)).concat()
}

/// Returns the header of a batch whose data nobody looks at.
fn header(claim: &Claim) -> BatchHeader {
    BatchHeader {
        config_hash: claim.chain,
        number: 1,
        parent_root: claim.parent_root,
        state_root: claim.state_root,
        inbox_count: claim.inbox_after.count,
        inbox_hash: claim.inbox_after.hash,
        withdrawals_root: claim.withdrawals_root,
        data_root: crypto::eth::keccak(&[b"data"]),
        diff_hash: Bytes32::ZERO,
    }
}

/// Returns the key of the account that a withdrawal is forced from.
fn owner() -> SecretKey {
    SecretKey::from_seed([1; 32]).owned_by(EthAddress([0xa1; 20]))
}

/// Proves two leaves of one batch: many deposits and a transfer; then a forced transfer and a forced withdrawal, a signed transfer
/// and a withdrawal.
fn crossing_leaves() -> [Leaf; 2] {
    let chain = Digest::new([7, 2, 3, 4]).expect("small limbs");
    let (first, second) = (owner(), SecretKey::from_seed([2; 32]));
    let (token, asset) = (token_word(EthAddress::ZERO), asset_of(EthAddress::ZERO));
    let amount = |quanta| Amount::new(quanta).expect("an amount");
    let deposit = |index, account, quanta| {
        Message::Deposit(Deposit { index, account, token, amount: amount(quanta), sender: EthAddress([0xd0; 20]) })
    };
    let forced = ForcedWithdrawal {
        index: DEPOSITS + 1,
        account: first.account(),
        token,
        amount: amount(25),
        recipient: first.identity().owner,
    };
    let signed = |from: &SecretKey, nonce, action| {
        let signed = Transaction::sign(from, &chain, nonce, action);
        Transaction::check(&signed.to_bytes(), &chain).expect("just signed")
    };
    let transfer =
        |to: &SecretKey, quanta| Action::Transfer(Transfer { to: to.account(), asset, amount: amount(quanta) });
    let elements = transfer(&second, 3).to_forced().expect("a transfer can be forced");
    let small = (2..DEPOSITS).map(|index| deposit(index, second.account(), 1));
    let deposits: Vec<Message> =
        [deposit(0, first.account(), 50), deposit(1, second.account(), 30)].into_iter().chain(small).collect();
    let demands = [
        Message::Action(ForcedAction { index: DEPOSITS, account: first.account(), elements }),
        Message::Withdrawal(forced),
    ];
    let recipient = EthAddress([0xee; 20]);
    let transactions = [
        signed(&first, 0, transfer(&second, 10)),
        signed(&second, 0, transfer(&first, 5)),
        signed(&second, 1, Action::Withdraw(Withdraw { asset, amount: amount(7), recipient })),
    ];
    let [act, demand] = demands.each_ref().map(Incoming::Message);
    let [there, back, out] = transactions.each_ref().map(Incoming::Transaction);
    let mut state = funded(&second, AssetId(chain));
    // There was an entry before, a second ago.
    let mut before = Overlay::new(&state);
    stamp(&mut before, Millis(NOW - 1_000));
    before.keep();
    let before = before.into_changes();
    state.apply(&before);
    let mut leaf = |entries: &[(Millis, Incoming<'_>)]| {
        let recorded = record_all(&mut state, &chain, entries).expect("entries that tables cover");
        let proof = prove(&recorded.statement, &recorded.traces).expect("traces of a batch");
        let leaf = recorded.leaf(proof);
        leaf.verify().expect("what was just proven");
        leaf
    };
    let first = deposits.iter().map(Incoming::Message).chain([there]);
    let first: Vec<_> = first.map(|incoming| (Millis(NOW), incoming)).collect();
    let second = [act, demand, back, out].map(|incoming| (Millis(NOW + 1_500), incoming));
    [leaf(&first), leaf(&second)]
}

/// Returns the evidence of a batch with 64 messages and 64 withdrawals of every kind and size in one leaf, and the public
/// values that its proof would have.
fn many_crossings() -> (Vec<u8>, Vec<u8>) {
    let digest =
        |first: u64| Digest::new([GOLDILOCKS - 1, first, 0, u64::from(u32::MAX)]).expect("limbs in their range");
    let hash = |number: u64| crypto::eth::keccak(&[&number.to_be_bytes()]);
    let address = |number: u64| EthAddress(std::array::from_fn(|byte| hash(number).0[byte]));
    let inbox_before = Inbox { count: (7 << 32) - 9, hash: hash(0) };
    // All but the largest of every size.
    let amount = |number: u64| Amount::new(Amount::MAX.quanta() >> (number % 62)).expect("at most the most");
    let message = |number: u64| {
        let (index, account, token) = (inbox_before.count + number, AccountId(digest(number)), hash(number));
        let (amount, party) = (amount(number), address(number));
        if number % 5 == 4 {
            let element = |place: u64| GOLDILOCKS - 1 - (number * place) % GOLDILOCKS;
            let elements = ActionElements::new([1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41].map(element));
            Message::Action(ForcedAction { index, account, elements: elements.expect("below the order") })
        } else if number.is_multiple_of(3) {
            Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient: party })
        } else {
            Message::Deposit(Deposit { index, account, token, amount, sender: party })
        }
    };
    let withdrawal = |number: u64| Withdrawal {
        index: u64::MAX - number,
        recipient: address(number),
        token: hash(number),
        amount: amount(number),
    };
    let messages: Vec<Message> = (0..CROSSINGS).map(message).collect();
    let withdrawals: Vec<Withdrawal> = (0..CROSSINGS).map(withdrawal).collect();
    let claim = Claim {
        chain: digest(1),
        parent_root: digest(2),
        state_root: digest(3),
        entries: digest(4),
        inbox_before,
        inbox_after: inbox_before.after(&messages).expect("the next messages"),
        time_before: Millis(NOW),
        time_after: Millis(NOW + 2_500),
        withdrawals_root: crypto::list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>()),
    };
    let chains = Chains::of(&messages, &withdrawals);
    let statement = claim.statement();
    let publics = statement.public_values(&statement.crossed(&chains, &messages, &withdrawals)).concat();
    let publics = publics.iter().flat_map(|value| value.as_canonical_u64().to_be_bytes()).collect();
    let leaf = Leaf { claim, messages, withdrawals, proof: head(&chains).into() };
    let evidence = evidence(&header(&claim), ATTESTATION, &[(hash(1), &leaf)]).expect("a leaf's form");
    (evidence, publics)
}

/// Records a batch of so many transfers, each of what the one before brought, and a publication, so that the program's
/// columns count.
fn recorded(count: u8) -> Recorded {
    let digest = |first| Digest::new([first, 2, 3, 4]).expect("small limbs");
    let (chain, asset) = (digest(7), AssetId(digest(1)));
    let key = |number: u8| SecretKey::from_seed([number; 32]);
    let amount = |quanta| Amount::new(quanta).expect("an amount");
    let mut state = funded(&key(0), asset);
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

/// Returns a state in which somebody has a hundred of an asset.
fn funded(holder: &SecretKey, asset: AssetId) -> State {
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    let amount = Amount::new(100).expect("an amount");
    overlay.put::<Balance>(&BalanceKey { account: holder.account(), asset }, &amount);
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
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
