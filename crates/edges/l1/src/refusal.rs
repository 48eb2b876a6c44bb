//! The contracts' errors by name, each with what to do about it.

use crate::abi::contested::Claims;
use crate::abi::proven::{QueryVerifier, StatementVerifier, ValidityVerifier};
use crate::abi::{Committee, Exits, Halves, Rollup, TestToken, Vault};
use crate::error::Error;
use alloy::sol_types::{Revert, SolError as _};

/// What to do about each error. Errors of the libraries that the contracts are made of stand last.
const ADVICE: &[(&str, &str)] = &[
    ("ConfigHashWrong", "this batch was made under other rules: settle it on the rollup it was made for"),
    ("NumberWrong", "another settler was faster, or a batch is missing: read what is settled and go on from there"),
    ("ParentRootWrong", "the batch does not start from the settled state: read what is settled and rebuild the batch"),
    ("StateRootZero", "the batch leaves no state: this is a fault in whoever sealed it, do not send it again"),
    (
        "InboxCountOutOfRange",
        "the batch takes deposits back or more than there are: wait for the inbox, then rebuild the batch",
    ),
    ("InboxHashWrong", "the batch took other deposits than the inbox holds: rebuild it from the inbox"),
    ("InboxOverdue", "a message has waited too long: build a batch that takes it, or the rollup will be frozen"),
    ("ChunkCountTooLarge", "the batch changed too much for one: seal smaller batches"),
    ("ChunkUnpublished", "publish every chunk of the batch first, then settle"),
    ("DiffHashWrong", "the chunks are not those that the batch names: name them in their order, or none in a validium"),
    ("ChunkEmpty", "publish at least one byte"),
    ("Frozen", "the rollup stopped for good: claim withdrawals at the Vault and balances at Exits"),
    ("FreezeTooEarly", "no message has waited long enough: wait for the deadline and the grace"),
    ("ActionRefused", "force a transfer, rekey, authorisation, revocation, merge, resolution, redemption or reclaim"),
    ("ElementOutOfRange", "spell the action as this chain's SDK does"),
    ("AmountOutOfRange", "name at least one quantum and less than 2^62"),
    ("TokenRefused", "name a registered token, or the id of a half"),
    ("OwnerZero", "name an owner other than the zero address"),
    ("AccountAlreadyOpened", "nothing to do: the account is open"),
    ("CallerNotOwner", "open the account first, then use the key of its owner"),
    ("VerifierNotAnnounced", "announce a verifier first"),
    ("VerifierTooEarly", "wait until the exit window has passed"),
    (
        "RulesUnsafe",
        "the exit window must cover the deadline and the grace, and no time may be zero or above ten years",
    ),
    ("HeadersNotContradicting", "show two different outcomes of one batch after one state"),
    ("EvidenceRefused", "the verifier does not believe this batch: collect the evidence again"),
    ("InboxTooShort", "the inbox has fewer deposits than asked for: ask for at most its count"),
    ("CallerNotVault", "only the Vault queues deposits: deposit through the Vault"),
    (
        "GenesisIncomplete",
        "the configuration's hash and the genesis root must not be zero: compute both before deploying",
    ),
    ("VerifierWithoutCode", "deploy the committee first and name its address"),
    (
        "TermsUnsafe",
        "name a sequencer, a bond, a window of at most a year, and leave a part of a lost bond to the prover and a part to be burnt",
    ),
    ("RollupWrong", "deploy claims for this rollup: they serve the one that they were deployed for"),
    ("GraceTooShort", "the freeze's grace must be two windows at least: raise it, or shorten the window"),
    ("AlreadyUsed", "deploy claims anew: those that were replaced are not put in place again"),
    (
        "NotServing",
        "these claims are over, or have not begun: take the bond back, or wait until the rollup believes them",
    ),
    ("CallerNotSequencer", "only the sequencer commits to batches: use its key"),
    ("BatchNotCommitted", "wait until the sequencer has committed to the batch"),
    (
        "DataRootWrong",
        "the sequencer committed to another batch of this number: read the commitment and execute that one",
    ),
    ("BatchSettledAlready", "nothing to do: the batch is settled"),
    ("BondWrong", "send exactly the bond"),
    (
        "StandingWrong",
        "join once with a bond, then claim; an eliminated address stays out: take another, with a bond of its own",
    ),
    ("ClaimsOpen", "close every claim of a settled batch first, and wait for the others"),
    ("AlreadyMade", "nothing to do: the claim is made"),
    ("ClaimUnknown", "claim or prove the outcome first"),
    (
        "AlreadyProven",
        "the batch is decided: settle what is proven, or show both proofs to the rollup if they contradict",
    ),
    ("ClaimRefuted", "a proof supports another outcome: settle that one"),
    ("WindowPassed", "it is too late to contradict: lift claims of eliminated proposers, or prove the outcome"),
    ("WindowOpen", "the claim can still be contradicted: wait until its window has passed"),
    ("ClaimDoubted", "somebody doubts the claim: prove it, or lift the doubts of eliminated proposers"),
    ("NothingToRetract", "this proposer does not doubt the claim with a bond"),
    ("ProofAwaited", "claims contradict each other: prove the true one, or lift those of eliminated proposers"),
    ("NobodyBehind", "the claim's proposers were eliminated: claim the same again"),
    ("NothingToLift", "nothing to do: the proposer was not eliminated, or does not stand behind the claim"),
    ("NothingToEliminate", "nothing to do: no proof shows this claim wrong, or its proposer has no bond any more"),
    ("NothingToClose", "wait until the batch is settled; a claim that a proof shows wrong stays open"),
    ("ProofNotAnnounced", "announce the proof with this key, and give it in a later block"),
    ("ProofRefused", "the proof does not support this outcome: prove it again"),
    ("NothingOwed", "nothing to do: nothing is owed"),
    ("StatementLength", PROOF_MISMADE),
    ("HeightOutOfRange", PROOF_MISMADE),
    ("ElementOutOfRange", PROOF_MISMADE),
    ("WorkMissing", PROOF_MISMADE),
    (
        "PointInDomain",
        "by bad luck the proof is opened where it cannot be checked: prove another batch of the same entries",
    ),
    ("ConstraintsViolated", PROOF_MISMADE),
    ("BusesUnbalanced", PROOF_MISMADE),
    ("TranscriptFull", PROOF_MISMADE),
    ("HeaderWrong", "the evidence is of another batch: make it again for this one"),
    ("AttestationRefused", "the committee's signatures do not hold: collect them again"),
    ("LeafCountOutOfRange", "a batch is proven in 1 to 256 leaves: seal smaller batches"),
    ("StatementUnregistered", "register the statement of each leaf first"),
    ("QueriesIncomplete", "answer all queries of each leaf's proof first"),
    ("PublicsWrong", "the proof is of another batch: prove this one"),
    ("MessageKindUnknown", "the evidence has a message of a kind that there is none of: make it again"),
    ("ActionCountWrong", "the evidence has more or fewer actions than messages of them: make it again"),
    ("CrossingOutOfRange", "a message or a withdrawal is no sound one: this is a fault in whoever sealed the batch"),
    ("StateRootWrong", "the leaves lead to another state than the batch: prove the batch again"),
    ("InboxWrong", "the leaves lead to another place of the inbox than the batch: prove the batch again"),
    ("WithdrawalsRootWrong", "the leaves make other withdrawals than the batch: prove the batch again"),
    ("KeyPartMissing", "a contract with a part of the verifying key is gone: deploy the verifier anew"),
    ("KeyChanged", "the verifying key is not what was deployed: deploy the verifier anew"),
    ("ContextMalformed", PROOF_MISMADE),
    ("PositionsMalformed", PROOF_MISMADE),
    ("CommitmentMissed", PROOF_MISMADE),
    ("RoundMissed", PROOF_MISMADE),
    ("FinalMissed", PROOF_MISMADE),
    ("OpeningsMalformed", PROOF_MISMADE),
    ("EvidenceMalformed", "the evidence must be whole 65-byte signatures: build it again from the signatures"),
    (
        "TimeBackwards",
        "a leaf's entries are earlier than those before them: build the evidence again from the batch's leaves in order",
    ),
    ("TimeAhead", "the batch's last entry is ahead of L1's clock: settle it later, and set the sequencer's clock"),
    ("QuorumMissed", "too few members signed: collect more signatures"),
    ("SignatureInvalid", "a signature is not canonical: ask that member to sign again"),
    ("SignersUnsorted", "order the signatures by signer, each signer once"),
    (
        "SignerUnknown",
        "a signer is no member, or signed another batch, chain or contract: drop that signature and ask the member again",
    ),
    ("MandatoryMissing", "a member that must sign did not: wait for that signature"),
    ("MandatoryNoMember", "only members can be mandatory: correct the committee"),
    ("MandatoryUnsorted", "list the mandatory members in strictly increasing order"),
    ("MemberCountOutOfRange", "name at least two members, and no more than the contract takes"),
    ("MembersUnsorted", "list the members in strictly increasing order, without the zero address"),
    (
        "ThresholdOutOfRange",
        "the threshold must be at least two, at least two thirds of the members and at most all of them",
    ),
    ("AccountMalformed", "this is no account of the rollup: check the account's id"),
    ("AmountZero", "deposit at least one quantum"),
    ("AmountNotWhole", "deposit whole quanta of the token"),
    ("AmountTooLarge", "deposit less than 2^62 quanta at a time"),
    ("TokenUnknown", "this token is not registered: check its address, or ask the Vault's owner to register it"),
    ("TokenAlreadyRegistered", "nothing to do: the token is registered"),
    ("TokenWithoutCode", "there is no token at this address: check it"),
    ("QuantumZero", "a quantum is at least one base unit: name a larger one"),
    ("AlreadyClaimed", "nothing to do: this withdrawal was paid before"),
    (
        "ProofInvalid",
        "the path does not lead to this batch's withdrawals: wait until the batch is settled, then ask for the path again",
    ),
    ("RecipientRefused", "a withdrawal to the zero address or to the Vault cannot be paid"),
    ("CallerNotExits", "only Exits has the Vault pay out what a frozen rollup owes: use it"),
    ("RollupRuns", "the rollup is not frozen: withdraw, or force a withdrawal"),
    ("AccountNotOpen", "open the account first: its owner is who is paid"),
    ("KeyMalformed", "this is no account key: each of its five numbers must be below the field's order"),
    ("AlreadyEscaped", "nothing to do: this balance was paid before"),
    ("AlreadyReclaimed", "nothing to do: this deposit was given back before"),
    ("DepositNotWaiting", "a batch took this deposit, so it is in a balance; or there is no such message"),
    ("DepositUnproven", "this is not the deposit at that place of the inbox: read it from the inbox"),
    ("LevelCountOutOfRange", "walk the path in shorter steps, each at least one level"),
    ("NodeUnknown", "descend to it first, starting from the last state's root; the amount must be the whole balance"),
    ("PathWrong", "the path does not lead there: build it again from the last settled state"),
    ("LockedTooLittle", "the Vault holds less than the rollup owes: stop, and tell the operators at once"),
    ("FailedCall", "the recipient refuses the payment: it must be able to receive ETH"),
    ("InsufficientBalance", "the Vault holds less than the rollup owes: stop, and tell the operators at once"),
    ("OwnableInvalidOwner", "name an owner other than the zero address"),
    ("OwnableUnauthorizedAccount", "only the Vault's owner may do this: use the owner's key"),
    ("ReentrancyGuardReentrantCall", "the token or recipient calls back into the Vault: do not use it"),
    ("SafeERC20FailedOperation", "the token refused the transfer: check the balance and the token"),
    ("ERC20InsufficientAllowance", "approve the Vault for the amount first"),
    ("ERC20InsufficientBalance", "the account holds too few tokens: get more, or deposit less"),
    ("ERC20InvalidApprover", "the token refuses this owner: use another account"),
    ("ERC20InvalidReceiver", "the token refuses this recipient: name another"),
    ("ERC20InvalidSender", "the token refuses this sender: use another account"),
    ("ERC20InvalidSpender", "the token refuses this spender: name another"),
    ("ERC1155InsufficientBalance", "the account holds too few of this half: get more, or deposit less"),
    ("ERC1155InvalidApprover", "the halves refuse this owner: use another account"),
    ("ERC1155InvalidArrayLength", UNFORESEEN),
    ("ERC1155InvalidOperator", "the halves refuse this operator: name another"),
    ("ERC1155InvalidReceiver", "the recipient must be able to receive ERC-1155 tokens"),
    ("ERC1155InvalidSender", "the halves refuse this sender: use another account"),
    ("ERC1155MissingApprovalForAll", "approve the operator first, or send from the holder's own account"),
    ("InvalidShortString", UNFORESEEN),
    ("StringTooLong", UNFORESEEN),
];

/// The contracts and the prover disagree about the circuit, or the proof was changed on its way.
const PROOF_MISMADE: &str =
    "the proof is not one of the circuit that was deployed: prove it with the release whose key the contracts keep";

const UNFORESEEN: &str = "this is not foreseen: check that the addresses are those of this rollup and its tokens";

/// Longest reason in a contract's own words that an error repeats: a stranger's token may say anything.
const QUOTE_CHARS_MAX: usize = 100;

/// Names what a contract refused with.
pub fn reverted(data: &[u8]) -> Error {
    let name = name(data);
    let what_to_do = advice(&name).unwrap_or(UNFORESEEN);
    Error::Reverted { name, what_to_do }
}

/// Makes the error of a transaction that used its gas to no effect, and whose reason cannot be found any more.
pub fn reverted_without_reason() -> Error {
    Error::Reverted {
        name: "no reason that can be repeated".to_owned(),
        what_to_do: "it may have run out of gas or into another transaction: read the state, then try again if still needed",
    }
}

/// Makes the error of a refusal that can be foreseen without asking the contract.
pub fn foreseen(name: &'static str) -> Error {
    Error::Reverted { name: name.to_owned(), what_to_do: advice(name).unwrap_or(UNFORESEEN) }
}

fn advice(name: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice)
}

fn name(data: &[u8]) -> String {
    let Some(selector) = data.first_chunk::<4>() else { return "no reason".to_owned() };
    let known = Rollup::RollupErrors::name_by_selector(*selector)
        .or_else(|| Vault::VaultErrors::name_by_selector(*selector))
        .or_else(|| Exits::ExitsErrors::name_by_selector(*selector))
        .or_else(|| Halves::HalvesErrors::name_by_selector(*selector))
        .or_else(|| Committee::CommitteeErrors::name_by_selector(*selector))
        .or_else(|| Claims::ClaimsErrors::name_by_selector(*selector))
        .or_else(|| StatementVerifier::StatementVerifierErrors::name_by_selector(*selector))
        .or_else(|| QueryVerifier::QueryVerifierErrors::name_by_selector(*selector))
        .or_else(|| ValidityVerifier::ValidityVerifierErrors::name_by_selector(*selector))
        .or_else(|| TestToken::TestTokenErrors::name_by_selector(*selector));
    match (known, Revert::abi_decode(data)) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(words)) => words.reason.chars().take(QUOTE_CHARS_MAX).collect(),
        (None, Err(_)) => format!("the unknown error 0x{}", alloy::hex::encode(selector)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, U256};

    #[test]
    fn every_error_of_every_contract_says_what_to_do() {
        let all = [
            Rollup::RollupErrors::SIGNATURES,
            Exits::ExitsErrors::SIGNATURES,
            Halves::HalvesErrors::SIGNATURES,
            Vault::VaultErrors::SIGNATURES,
            Committee::CommitteeErrors::SIGNATURES,
            Claims::ClaimsErrors::SIGNATURES,
            StatementVerifier::StatementVerifierErrors::SIGNATURES,
            QueryVerifier::QueryVerifierErrors::SIGNATURES,
            ValidityVerifier::ValidityVerifierErrors::SIGNATURES,
            TestToken::TestTokenErrors::SIGNATURES,
        ];
        let names: Vec<_> = all.concat().iter().map(|signature| signature.split('(').next().unwrap()).collect();
        for name in &names {
            assert!(advice(name).is_some(), "{name} is new: add what to do about it");
        }
        for (name, _) in ADVICE {
            assert!(names.contains(name), "{name} is no error of the contracts any more: remove it");
        }
    }

    fn check(data: &[u8], expected: &str) {
        let Error::Reverted { name, .. } = reverted(data) else { panic!("not a revert") };
        assert_eq!(name, expected);
    }

    #[test]
    fn any_bytes_have_a_name() {
        check(&[], "no reason");
        check(&[1, 2, 3], "no reason");
        check(&[1, 2, 3, 4, 5], "the unknown error 0x01020304");
        check(&Rollup::NumberWrong { given: 1, expected: 2 }.abi_encode(), "NumberWrong");
        check(&Vault::AlreadyClaimed { index: 1 }.abi_encode(), "AlreadyClaimed");
        check(&Committee::SignerUnknown { signer: Address::ZERO }.abi_encode(), "SignerUnknown");
        let short =
            TestToken::ERC20InsufficientBalance { sender: Address::ZERO, balance: U256::ZERO, needed: U256::ONE };
        check(&short.abi_encode(), "ERC20InsufficientBalance");
        check(&Revert::from("paused").abi_encode(), "paused");
        check(&Revert::from("x".repeat(1_000)).abi_encode(), &"x".repeat(QUOTE_CHARS_MAX));
    }
}
