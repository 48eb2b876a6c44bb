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

#[cfg(test)]
mod tests {
    use super::*;
    use proof::crossing::{Chains, ForcedTransaction, Inbox};
    use proof::joined::{Claim, chain};
    use proof::validity::{VERSION, head};
    use types::Digest;

    fn leaf() -> Leaf {
        let inbox = Inbox { count: 3, hash: Bytes32([5; 32]) };
        let claim = Claim {
            chain: Digest::ZERO,
            parent_root: Digest::ZERO,
            state_root: Digest::ZERO,
            entries: Digest::ZERO,
            inbox_before: inbox,
            inbox_after: inbox,
            withdrawals_root: Bytes32::ZERO,
        };
        let proof = head(&Chains::of(&[], &[])).into();
        Leaf { claim, messages: Vec::new(), withdrawals: Vec::new(), proof }
    }

    fn header(leaves: &[Leaf]) -> BatchHeader {
        let claim = chain(leaves).unwrap();
        BatchHeader {
            config_hash: claim.chain,
            number: 1,
            parent_root: claim.parent_root,
            state_root: claim.state_root,
            inbox_count: claim.inbox_after.count,
            inbox_hash: claim.inbox_after.hash,
            withdrawals_root: claim.withdrawals_root,
            data_root: Bytes32::ZERO,
            diff_hash: Bytes32::ZERO,
        }
    }

    #[test]
    fn evidence_without_crossings_has_nothing_but_its_words() {
        let leaves = [leaf(), leaf()];
        let named = leaves.each_ref().map(|leaf| (Bytes32([9; 32]), leaf));
        let bytes = evidence(&header(&leaves), &[1; 65], &named).unwrap();
        let leaf_words = LEAF_WORDS + 2;
        assert_eq!(bytes.len(), WORD * (1 + EVIDENCE_WORDS + 1 + 3 + 1 + 2 + 2 * leaf_words));
        // The second leaf is as far behind the first as that is long.
        let word = |at: usize| &bytes[WORD * at..WORD * (at + 1)];
        let offsets = 1 + EVIDENCE_WORDS + 1 + 3 + 1;
        assert_eq!(word(offsets + 1), Words::new().number(size(WORD * (2 + leaf_words))).as_bytes());
        assert_eq!(word(offsets + 2 + leaf_words), [9; 32]);
    }

    #[test]
    fn there_is_no_evidence_for_what_no_proof_covers() {
        let (good, name) = (leaf(), Bytes32([9; 32]));
        let header = header(std::slice::from_ref(&good));
        assert_eq!(evidence(&header, &[], &[]), Err(Malformed));
        let other_version = Leaf { proof: [&[VERSION + 1], &good.proof[1..]].concat().into(), ..good.clone() };
        let short = Leaf { proof: good.proof[..64].into(), ..good.clone() };
        let forced = Message::Transaction(ForcedTransaction { index: 3, transaction: Box::from([1]) });
        let forced = Leaf { messages: vec![forced], ..good.clone() };
        for bad in [other_version, short, forced] {
            assert_eq!(evidence(&header, &[], &[(name, &good), (name, &bad)]), Err(Malformed));
        }
    }
}
