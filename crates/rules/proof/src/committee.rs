//! The committee's quorum, checked exactly as the contract checks it.

use crypto::eth::{EthSignature, recover};
use std::collections::BTreeSet;
use types::{Bytes32, EthAddress, limits, record};

record! {
    /// Who may sign batches, and how many must.
    pub struct Committee {
        /// The members' L1 addresses, strictly increasing.
        pub members: Vec<EthAddress>,
        /// How many of them must sign: at least two thirds, and never fewer than two.
        pub threshold: u32,
        /// The members without whom no quorum counts, strictly increasing.
        pub mandatory: Vec<EthAddress>,
    }
}

/// Why a committee or its evidence is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The members are not sorted, not unique, or too many.
    #[error("members must be strictly increasing addresses, at most 32 of them")]
    Members,
    /// The threshold is too low or out of reach.
    #[error("the threshold must be at least two, at least two thirds of the members, and at most all of them")]
    Threshold,
    /// The evidence is not a whole number of signatures.
    #[error("the evidence is not a whole number of 65-byte signatures")]
    Length,
    /// A signature does not recover to a member, or signers are not strictly increasing.
    #[error("a signature is not a member's, or the signers are not strictly increasing")]
    Signer,
    /// Fewer signatures than the threshold.
    #[error("fewer signatures than the threshold")]
    TooFew,
    /// A mandatory member is none of the members, or the list of them is not sorted.
    #[error("mandatory members must be strictly increasing addresses of members")]
    Mandatory,
    /// A mandatory member did not sign.
    #[error("a member without whom no quorum counts did not sign")]
    Missing,
}

impl Committee {
    /// Checks that the committee itself is sound.
    pub fn check(&self) -> Result<(), Refusal> {
        let sorted = self.members.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || self.members.len() > limits::COMMITTEE_MEMBERS || self.members.first() == Some(&EthAddress::ZERO)
        {
            return Err(Refusal::Members);
        }
        let (threshold, count) = (u64::from(self.threshold), self.members.len());
        let count = u64::try_from(count).map_err(|_| Refusal::Members)?;
        if threshold < 2 || threshold * 3 < count * 2 || threshold > count {
            return Err(Refusal::Threshold);
        }
        let sorted = self.mandatory.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || self.mandatory.iter().any(|member| self.members.binary_search(member).is_err()) {
            return Err(Refusal::Mandatory);
        }
        Ok(())
    }

    /// Says whether these signers, in any order and each at most once, are a quorum.
    pub fn is_quorum<'a>(&self, signers: impl IntoIterator<Item = &'a EthAddress>) -> bool {
        let signers: BTreeSet<_> = signers.into_iter().filter(|s| self.members.binary_search(s).is_ok()).collect();
        usize::try_from(self.threshold).is_ok_and(|threshold| signers.len() >= threshold)
            && self.mandatory.iter().all(|member| signers.contains(member))
    }

    /// Checks that enough members signed a digest. The evidence is their signatures, ordered by signer.
    pub fn accepts(&self, digest: &Bytes32, evidence: &[u8]) -> Result<(), Refusal> {
        self.check()?;
        let (signatures, rest) = evidence.as_chunks::<65>();
        if !rest.is_empty() {
            return Err(Refusal::Length);
        }
        let mut signers: Vec<EthAddress> = Vec::new();
        for signature in signatures {
            let signer = recover(digest, signature).ok_or(Refusal::Signer)?;
            let follows = signers.last().is_none_or(|last| signer > *last);
            if !follows || self.members.binary_search(&signer).is_err() {
                return Err(Refusal::Signer);
            }
            signers.push(signer);
        }
        if usize::try_from(self.threshold).is_ok_and(|threshold| signers.len() < threshold) {
            return Err(Refusal::TooFew);
        }
        if self.is_quorum(&signers) { Ok(()) } else { Err(Refusal::Missing) }
    }
}

/// Orders signatures by signer and joins them into evidence.
pub fn evidence(signatures: &[(EthAddress, EthSignature)]) -> Vec<u8> {
    let mut sorted: Vec<_> = signatures.iter().collect();
    sorted.sort_unstable_by_key(|(signer, _)| *signer);
    sorted.iter().flat_map(|(_, signature)| signature.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::eth::{EthKey, keccak};

    fn keys() -> Vec<EthKey> {
        let mut keys: Vec<_> = (1..4).map(|n| EthKey::from_bytes([n; 32]).unwrap()).collect();
        keys.sort_by_key(EthKey::address);
        keys
    }

    fn committee(keys: &[EthKey], threshold: u32) -> Committee {
        Committee { members: keys.iter().map(EthKey::address).collect(), threshold, mandatory: Vec::new() }
    }

    #[test]
    fn a_quorum_is_accepted_and_less_or_other_is_not() {
        let keys = keys();
        let (committee, digest) = (committee(&keys, 2), keccak(&[b"batch"]));
        let sign = |which: &[usize]| -> Vec<u8> { which.iter().flat_map(|i| keys[*i].sign(&digest)).collect() };
        assert_eq!(committee.accepts(&digest, &sign(&[0, 2])), Ok(()));
        assert_eq!(committee.accepts(&digest, &sign(&[0, 1, 2])), Ok(()));
        assert_eq!(committee.accepts(&digest, &sign(&[1])), Err(Refusal::TooFew));
        assert_eq!(committee.accepts(&digest, &[]), Err(Refusal::TooFew));
        assert_eq!(committee.accepts(&digest, &sign(&[1, 1])), Err(Refusal::Signer));
        assert_eq!(committee.accepts(&digest, &sign(&[2, 0])), Err(Refusal::Signer));
        assert_eq!(committee.accepts(&keccak(&[b"other"]), &sign(&[0, 2])), Err(Refusal::Signer));
        assert_eq!(committee.accepts(&digest, &sign(&[0, 2])[..129]), Err(Refusal::Length));
        let outsider = EthKey::from_bytes([9; 32]).unwrap();
        let mixed =
            evidence(&[(keys[0].address(), keys[0].sign(&digest)), (outsider.address(), outsider.sign(&digest))]);
        assert_eq!(committee.accepts(&digest, &mixed), Err(Refusal::Signer));
    }

    #[test]
    fn a_quorum_without_a_mandatory_member_is_none() {
        let keys = keys();
        let mut committee = committee(&keys, 2);
        committee.mandatory = vec![keys[1].address()];
        let digest = keccak(&[b"batch"]);
        let sign = |which: &[usize]| -> Vec<u8> { which.iter().flat_map(|i| keys[*i].sign(&digest)).collect() };
        assert_eq!(committee.accepts(&digest, &sign(&[0, 1])), Ok(()));
        assert_eq!(committee.accepts(&digest, &sign(&[0, 2])), Err(Refusal::Missing));
        assert_eq!(committee.accepts(&digest, &sign(&[1])), Err(Refusal::TooFew));
        committee.mandatory = vec![EthAddress([1; 20])];
        assert_eq!(committee.check(), Err(Refusal::Mandatory));
        committee.mandatory = vec![keys[2].address(), keys[1].address()];
        assert_eq!(committee.check(), Err(Refusal::Mandatory));
    }

    #[test]
    fn a_weak_or_unsorted_committee_is_refused() {
        let keys = keys();
        assert_eq!(committee(&keys, 1).check(), Err(Refusal::Threshold));
        assert_eq!(committee(&keys, 4).check(), Err(Refusal::Threshold));
        assert_eq!(committee(&keys, 2).check(), Ok(()));
        let mut unsorted = committee(&keys, 2);
        unsorted.members.swap(0, 1);
        assert_eq!(unsorted.check(), Err(Refusal::Members));
        let mut double = committee(&keys, 2);
        double.members[1] = double.members[0];
        assert_eq!(double.check(), Err(Refusal::Members));
    }
}
