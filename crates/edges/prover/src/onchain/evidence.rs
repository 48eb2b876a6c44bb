//! The evidence by which a batch settles once its proofs were checked: what the contract `ValidityVerifier` is given.
//!
//! The contract knows a leaf by the hash of the context that its statement left, and computes the leaf's public values
//! itself. So the evidence says where each leaf ends and what crosses in it, and nothing of the proofs.

use super::statement::Malformed;
use crypto::eth::Words;
use proof::BatchHeader;
use proof::crossing::{Message, Withdrawal};
use proof::joined::Leaf;
use proof::validity::split;
use types::Bytes32;

/// Bytes of a word of the chain's machine.
const WORD: usize = 32;
/// Words of the evidence before its attestation: two offsets, the header's nine, and where the inbox stands.
const EVIDENCE_WORDS: usize = 13;
/// Words of a leaf before its lists: five hashes and two offsets.
const LEAF_WORDS: usize = 7;

/// Returns the evidence for a batch: `IValidityVerifier.Evidence` as the contract ABI encodes it. Each leaf comes with the
/// hash that its statement was registered under, which is that of [`super::Sent::context`]; `attestation` is what the
/// attester believes, the signatures of a committee's quorum. The proofs are not checked.
///
/// # Errors
/// When there is no leaf, or one takes a forced transaction, or these bytes are no proof of it.
pub fn evidence(header: &BatchHeader, attestation: &[u8], leaves: &[(Bytes32, &Leaf)]) -> Result<Vec<u8>, Malformed> {
    let (_, first) = leaves.first().ok_or(Malformed)?;
    let inbox = first.claim.inbox_before;
    let leaves = leaves.iter().map(|(context, leaf)| encoded(context, leaf)).collect::<Result<Vec<_>, _>>()?;
    let mut padded = attestation.to_vec();
    padded.resize(attestation.len().next_multiple_of(WORD), 0);
    let words = Words::new()
        .number(size(WORD))
        .number(size(EVIDENCE_WORDS * WORD))
        .digest(&header.config_hash)
        .number(header.number)
        .digest(&header.parent_root)
        .digest(&header.state_root)
        .number(header.inbox_count)
        .bytes32(&header.inbox_hash)
        .bytes32(&header.withdrawals_root)
        .bytes32(&header.data_root)
        .bytes32(&header.diff_hash)
        .number(inbox.count)
        .bytes32(&inbox.hash)
        .number(size((EVIDENCE_WORDS + 1) * WORD + padded.len()))
        .number(size(attestation.len()));
    let mut bytes = [words.as_bytes(), &padded, Words::new().number(size(leaves.len())).as_bytes()].concat();
    let mut offset = leaves.len() * WORD;
    for leaf in &leaves {
        bytes.extend(Words::new().number(size(offset)).as_bytes());
        offset += leaf.len();
    }
    Ok([bytes, leaves.concat()].concat())
}

/// Returns a leaf as the contract is given it.
fn encoded(context: &Bytes32, leaf: &Leaf) -> Result<Vec<u8>, Malformed> {
    let (chains, _) = split(&leaf.proof).ok_or(Malformed)?;
    let messages = leaf.messages.iter().map(message).collect::<Result<Vec<_>, _>>()?.concat();
    let head = Words::new()
        .bytes32(context)
        .digest(&leaf.claim.state_root)
        .digest(&leaf.claim.entries)
        .digest(&chains.taken)
        .digest(&chains.made)
        .number(size(LEAF_WORDS * WORD))
        .number(size((LEAF_WORDS + 1) * WORD + messages.len()))
        .number(size(leaf.messages.len()));
    let mut bytes = [head.as_bytes(), &messages, Words::new().number(size(leaf.withdrawals.len())).as_bytes()].concat();
    leaf.withdrawals.iter().for_each(|made| bytes.extend(withdrawal(made)));
    Ok(bytes)
}

/// Returns a message's words. Its index is known by its place.
fn message(message: &Message) -> Result<Vec<u8>, Malformed> {
    let (kind, account, token, amount, party) = match message {
        Message::Deposit(m) => (1, &m.account, &m.token, m.amount, &m.sender),
        Message::Withdrawal(m) => (2, &m.account, &m.token, m.amount, &m.recipient),
        Message::Transaction(_) => return Err(Malformed),
    };
    let words = Words::new().number(kind).digest(&account.0).bytes32(token).number(amount.quanta()).address(party);
    Ok(words.as_bytes().to_vec())
}

/// Returns a withdrawal's words.
fn withdrawal(made: &Withdrawal) -> Vec<u8> {
    let Withdrawal { index, recipient, token, amount } = made;
    Words::new().number(*index).address(recipient).bytes32(token).number(amount.quanta()).as_bytes().to_vec()
}

fn size(size: usize) -> u64 {
    u64::try_from(size).expect("what is sent is far shorter")
}
