//! The evidence by which a batch settles once its proofs were checked: what the contract `ValidityVerifier` is given.
//!
//! The contract knows a leaf by the hash of the context that its statement left, and computes the leaf's public values
//! itself. So the evidence says where each leaf ends and what crosses in it, and nothing of the proofs.

use super::statement::Malformed;
use crypto::eth::Words;
use proof::BatchHeader;
use proof::crossing::{ForcedAction, Message, Withdrawal};
use proof::evidence::{Contents, EVIDENCE_WORDS, LEAF_WORDS, WORD};
use proof::joined::Leaf;
use proof::validity::split;
use types::{AccountId, Amount, Bytes32, EthAddress};

/// Returns the evidence for a batch: `IValidityVerifier.Evidence` as the contract ABI encodes it. Each leaf comes with the
/// hash that its statement was registered under, which is that of [`super::Sent::context`]; `attestation` is what the
/// attester believes, the signatures of a committee's quorum. The proofs are not checked.
///
/// # Errors
/// When there is no leaf, or these bytes are no proof of it.
pub fn evidence(header: &BatchHeader, attestation: &[u8], leaves: &[(Bytes32, &Leaf)]) -> Result<Vec<u8>, Malformed> {
    let (_, first) = leaves.first().ok_or(Malformed)?;
    let (inbox, time) = (first.claim.inbox_before, first.claim.time_before);
    let length = contents(leaves.iter().map(|(_, leaf)| *leaf)).bytes(attestation.len());
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
        .number(time.0)
        .number(size((EVIDENCE_WORDS + 1) * WORD + padded.len()))
        .number(size(attestation.len()));
    let mut bytes = [words.as_bytes(), &padded, Words::new().number(size(leaves.len())).as_bytes()].concat();
    let mut offset = leaves.len() * WORD;
    for leaf in &leaves {
        bytes.extend(Words::new().number(size(offset)).as_bytes());
        offset += leaf.len();
    }
    let evidence = [bytes, leaves.concat()].concat();
    assert_eq!(evidence.len(), length, "who cuts batches counts as the encoder does");
    Ok(evidence)
}

/// Returns what the evidence of leaves lists.
fn contents<'a>(leaves: impl Iterator<Item = &'a Leaf>) -> Contents {
    leaves.fold(Contents::default(), |sum, leaf| Contents {
        leaves: sum.leaves + 1,
        messages: sum.messages + leaf.messages.len(),
        actions: sum.actions + leaf.messages.iter().filter_map(action).count(),
        withdrawals: sum.withdrawals + leaf.withdrawals.len(),
    })
}

/// Returns a leaf as the contract is given it.
fn encoded(context: &Bytes32, leaf: &Leaf) -> Result<Vec<u8>, Malformed> {
    let (chains, _) = split(&leaf.proof).ok_or(Malformed)?;
    let messages: Vec<u8> = leaf.messages.iter().flat_map(message).collect();
    let actions: Vec<&ForcedAction> = leaf.messages.iter().filter_map(action).collect();
    let elements: Vec<u8> = actions.iter().flat_map(|action| elements(action)).collect();
    let behind = |lists: usize, bytes: usize| size((LEAF_WORDS + lists) * WORD + bytes);
    let head = Words::new()
        .bytes32(context)
        .digest(&leaf.claim.state_root)
        .number(leaf.claim.time_after.0)
        .digest(&leaf.claim.entries)
        .digest(&chains.taken)
        .digest(&chains.made)
        .number(behind(0, 0))
        .number(behind(1, messages.len()))
        .number(behind(2, messages.len() + elements.len()));
    let count = |items: usize| Words::new().number(size(items)).as_bytes().to_vec();
    let withdrawals: Vec<u8> = leaf.withdrawals.iter().flat_map(withdrawal).collect();
    let lists = [(leaf.messages.len(), messages), (actions.len(), elements), (leaf.withdrawals.len(), withdrawals)];
    let lists = lists.map(|(items, bytes)| [count(items), bytes].concat()).concat();
    Ok([head.as_bytes(), &lists].concat())
}

/// Returns a message's words. Its index is known by its place, and what an action asks for stands beside.
fn message(message: &Message) -> Vec<u8> {
    let words = |kind, account: &AccountId| Words::new().number(kind).digest(&account.0);
    let (words, token, amount, party) = match message {
        Message::Deposit(m) => (words(1, &m.account), m.token, m.amount, m.sender),
        Message::Withdrawal(m) => (words(2, &m.account), m.token, m.amount, m.recipient),
        Message::Action(m) => (words(3, &m.account), Bytes32::ZERO, Amount::ZERO, EthAddress::ZERO),
    };
    words.bytes32(&token).number(amount.quanta()).address(&party).as_bytes().to_vec()
}

fn action(message: &Message) -> Option<&ForcedAction> {
    match message {
        Message::Action(action) => Some(action),
        Message::Deposit(_) | Message::Withdrawal(_) => None,
    }
}

/// Returns the words of what an action asks for.
fn elements(action: &ForcedAction) -> Vec<u8> {
    let limbs = action.elements.limbs();
    limbs.iter().fold(Words::new(), |words, element| words.number(*element)).as_bytes().to_vec()
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
    use proof::crossing::{Chains, Deposit, ForcedWithdrawal, Inbox};
    use proof::joined::{Claim, chain};
    use proof::validity::{VERSION, head};
    use types::{ActionElements, Digest, Millis};

    fn leaf() -> Leaf {
        let inbox = Inbox { count: 3, hash: Bytes32([5; 32]) };
        let claim = Claim {
            chain: Digest::ZERO,
            parent_root: Digest::ZERO,
            state_root: Digest::ZERO,
            entries: Digest::ZERO,
            inbox_before: inbox,
            inbox_after: inbox,
            time_before: Millis(7),
            time_after: Millis(7),
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
    fn the_length_of_evidence_is_known_before_it_is_written() {
        let (account, token, amount) = (AccountId(Digest::ZERO), Bytes32::ZERO, Amount::ZERO);
        let party = EthAddress::ZERO;
        let mut full = leaf();
        full.messages = vec![
            Message::Deposit(Deposit { index: 0, account, token, amount, sender: party }),
            Message::Withdrawal(ForcedWithdrawal { index: 1, account, token, amount, recipient: party }),
            Message::Action(ForcedAction { index: 2, account, elements: ActionElements::default() }),
        ];
        full.withdrawals = vec![Withdrawal { index: 0, recipient: party, token, amount }; 2];
        let header = header(&[leaf()]);
        for (leaves, attestation) in [(vec![leaf()], 0), (vec![leaf(), full.clone()], 65), (vec![full; 3], 2_080)] {
            let named: Vec<_> = leaves.iter().map(|leaf| (Bytes32([9; 32]), leaf)).collect();
            let bytes = evidence(&header, &vec![1; attestation], &named).unwrap();
            assert_eq!(bytes.len(), contents(leaves.iter()).bytes(attestation));
        }
    }

    #[test]
    fn evidence_without_crossings_has_nothing_but_its_words() {
        let leaves = [leaf(), leaf()];
        let named = leaves.each_ref().map(|leaf| (Bytes32([9; 32]), leaf));
        let bytes = evidence(&header(&leaves), &[1; 65], &named).unwrap();
        let leaf_words = LEAF_WORDS + 3;
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
        for bad in [other_version, short] {
            assert_eq!(evidence(&header, &[], &[(name, &good), (name, &bad)]), Err(Malformed));
        }
    }
}
