//! Proofs of one batch in several leaves: each leaf proves some of the batch's entries, and together they prove all.
//!
//! A leaf starts from the root, the place of the inbox and the time at which the one before it ended. [`Chained`] keeps every leaf's proof and checks that;
//! another [`Aggregator`] may prove the same of the leaves and be shorter.

use crate::crossing::{Inbox, Message, Withdrawal};
use crate::validity::{Invalid, Statement, verify};
use crypto::list;
use types::{Bytes32, Digest, Encode, Millis, record};

/// Most leaves of a batch.
pub const LEAVES_MAX: usize = 256;

record! {
    /// What a leaf, or a whole batch, claims: applying entries to the parent state gives the state.
    #[derive(Copy)]
    pub struct Claim {
        /// The digest of the chain's configuration.
        pub chain: Digest,
        /// The root before the first entry.
        pub parent_root: Digest,
        /// The root after the last.
        pub state_root: Digest,
        /// What the entries with their outcomes come to: of a leaf [`crate::validity::entries`], of a batch [`entries`].
        pub entries: Digest,
        /// Where the inbox stands before the first entry.
        pub inbox_before: Inbox,
        /// Where it stands after the last.
        pub inbox_after: Inbox,
        /// The time of the entry before the first, zero if there is none; no entry is earlier.
        pub time_before: Millis,
        /// The time of the last entry, or of the one before the first where there is none.
        pub time_after: Millis,
        /// The list root over the withdrawals.
        pub withdrawals_root: Bytes32,
    }
}

impl Claim {
    /// Returns what a leaf with this claim has to prove.
    pub fn statement(&self) -> Statement {
        let Self { chain, parent_root, state_root, entries, .. } = *self;
        let Self { inbox_before, inbox_after, time_before, time_after, withdrawals_root, .. } = *self;
        Statement {
            chain,
            parent_root,
            state_root,
            entries,
            inbox_before,
            inbox_after,
            time_before,
            time_after,
            withdrawals_root,
        }
    }
}

impl From<&Statement> for Claim {
    fn from(statement: &Statement) -> Self {
        let Statement { chain, parent_root, state_root, entries, .. } = *statement;
        let Statement { inbox_before, inbox_after, time_before, time_after, withdrawals_root, .. } = *statement;
        Self {
            chain,
            parent_root,
            state_root,
            entries,
            inbox_before,
            inbox_after,
            time_before,
            time_after,
            withdrawals_root,
        }
    }
}

record! {
    /// A leaf: its claim and the proof of it.
    pub struct Leaf {
        /// What it claims.
        pub claim: Claim,
        /// The messages that its entries take.
        pub messages: Vec<Message>,
        /// The withdrawals that they make.
        pub withdrawals: Vec<Withdrawal>,
        /// The proof's bytes.
        pub proof: Box<[u8]>,
    }
}

impl Leaf {
    /// Checks that the proof is one of the claim. Total.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self) -> Result<(), Invalid> {
        verify(&self.claim.statement(), &self.messages, &self.withdrawals, &self.proof)
    }
}

/// Returns the list root over the withdrawals of all leaves.
fn withdrawals_root(leaves: &[Leaf]) -> Bytes32 {
    list::root(&leaves.iter().flat_map(|leaf| &leaf.withdrawals).map(Withdrawal::leaf).collect::<Vec<_>>())
}

/// Returns what the entries of a batch come to, leaf by leaf.
pub fn entries<'a>(leaves: impl IntoIterator<Item = &'a Digest>) -> Digest {
    leaves.into_iter().fold(Digest::ZERO, |before, leaf| crypto::poseidon::compress(&before, leaf))
}

/// Why leaves are not one batch's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// There is no leaf, or there are too many.
    #[error("a batch has one leaf to {LEAVES_MAX}")]
    Count,
    /// A leaf does not go on where the one before it ended.
    #[error("leaf {0} does not go on where the one before it ended: get the batch's proof again")]
    Chain(usize),
    /// They come to another claim than the batch's.
    #[error("the leaves do not come to what the batch claims: get the batch's proof again")]
    Claim,
    /// A leaf's proof does not hold.
    #[error("the proof of leaf {leaf} does not hold")]
    Leaf {
        /// Which leaf, from 0.
        leaf: usize,
        /// Why.
        source: Invalid,
    },
}

/// Makes one proof of a batch out of the proofs of its leaves.
pub trait Aggregator {
    /// The proof of a batch.
    type Proof: Encode;

    /// Joins leaves, whose proofs were checked, and returns what they prove together.
    ///
    /// # Errors
    /// When they are not one batch's.
    fn join(&self, leaves: Vec<Leaf>) -> Result<(Claim, Self::Proof), Broken>;

    /// Checks the proof of a claim. Total.
    ///
    /// # Errors
    /// When it does not hold.
    fn verify(&self, claim: &Claim, proof: &Self::Proof) -> Result<(), Broken>;
}

/// Returns what leaves claim together.
///
/// # Errors
/// When one does not go on where the one before it ended.
pub fn chain(leaves: &[Leaf]) -> Result<Claim, Broken> {
    let (Some(first), Some(last)) = (leaves.first(), leaves.last()) else { return Err(Broken::Count) };
    if leaves.len() > LEAVES_MAX {
        return Err(Broken::Count);
    }
    for (leaf, pair) in leaves.windows(2).enumerate() {
        let [before, after] = [pair[0].claim, pair[1].claim];
        let goes_on = after.parent_root == before.state_root
            && after.inbox_before == before.inbox_after
            && after.time_before == before.time_after;
        if after.chain != before.chain || !goes_on {
            return Err(Broken::Chain(leaf + 1));
        }
    }
    let entries = entries(leaves.iter().map(|leaf| &leaf.claim.entries));
    let withdrawals_root = withdrawals_root(leaves);
    let Claim { state_root, inbox_after, time_after, .. } = last.claim;
    Ok(Claim { state_root, entries, inbox_after, time_after, withdrawals_root, ..first.claim })
}

/// Joins leaves by keeping all of them: a batch is proven when each leaf is and their roots chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chained;

impl Aggregator for Chained {
    type Proof = Vec<Leaf>;

    fn join(&self, leaves: Vec<Leaf>) -> Result<(Claim, Vec<Leaf>), Broken> {
        Ok((chain(&leaves)?, leaves))
    }

    fn verify(&self, claim: &Claim, proof: &Vec<Leaf>) -> Result<(), Broken> {
        if chain(proof)? != *claim {
            return Err(Broken::Claim);
        }
        proof.iter().enumerate().try_for_each(|(number, leaf)| {
            let checked = leaf.verify();
            checked.map_err(|source| Broken::Leaf { leaf: number, source })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u64) -> Digest {
        Digest::new([n, 0, 0, 0]).unwrap()
    }

    fn claim(parent: u64, after: u64) -> Claim {
        let inbox = |count: u64| Inbox { count, hash: Bytes32([u8::try_from(count).unwrap(); 32]) };
        Claim {
            chain: digest(9),
            parent_root: digest(parent),
            state_root: digest(after),
            entries: digest(after),
            inbox_before: inbox(parent),
            inbox_after: inbox(after),
            time_before: Millis(parent),
            time_after: Millis(after),
            withdrawals_root: Bytes32::ZERO,
        }
    }

    fn of(claim: Claim) -> Leaf {
        Leaf { claim, messages: Vec::new(), withdrawals: Vec::new(), proof: Box::from([1, 2, 3]) }
    }

    fn chained(claims: &[Claim]) -> Result<Claim, Broken> {
        chain(&claims.iter().copied().map(of).collect::<Vec<_>>())
    }

    #[test]
    fn leaves_are_a_batch_when_each_goes_on_where_the_one_before_it_ended() {
        let joined = chained(&[claim(1, 2), claim(2, 3)]).unwrap();
        assert_eq!((joined.parent_root, joined.state_root), (digest(1), digest(3)));
        assert_eq!(joined.entries, entries([&digest(2), &digest(3)]));
        assert_ne!(joined.entries, entries([&digest(3), &digest(2)]));
        assert_eq!((joined.inbox_before.count, joined.inbox_after.count), (1, 3));
        assert_eq!(chained(&[claim(1, 2), claim(3, 4)]), Err(Broken::Chain(1)));
        let foreign = Claim { chain: digest(8), ..claim(2, 3) };
        assert_eq!(chained(&[claim(1, 2), foreign]), Err(Broken::Chain(1)));
        let skips = Claim { inbox_before: claim(3, 3).inbox_before, ..claim(2, 3) };
        assert_eq!(chained(&[claim(1, 2), skips]), Err(Broken::Chain(1)));
        assert_eq!((joined.time_before, joined.time_after), (Millis(1), Millis(3)));
        for time in [Millis(1), Millis(3)] {
            let other_time = Claim { time_before: time, ..claim(2, 3) };
            assert_eq!(chained(&[claim(1, 2), other_time]), Err(Broken::Chain(1)));
        }
        assert_eq!(chained(&[]), Err(Broken::Count));
        assert_eq!(chained(&[claim(1, 1); LEAVES_MAX + 1]), Err(Broken::Count));
        // The batch's withdrawals are those of its leaves, one after another.
        let made = |index| Withdrawal {
            index,
            recipient: types::EthAddress([1; 20]),
            token: Bytes32::ZERO,
            amount: types::Amount::new(5).unwrap(),
        };
        let with = |parent, index| Leaf { withdrawals: vec![made(index)], ..of(claim(parent, parent + 1)) };
        let joined = chain(&[with(1, 0), with(2, 1)]).unwrap();
        assert_eq!(joined.withdrawals_root, list::root(&[made(0).leaf(), made(1).leaf()]));
    }

    #[test]
    fn a_batch_is_refused_when_its_leaves_claim_something_else_or_prove_nothing() {
        let leaf = of(claim(1, 2));
        let (joined, proof) = Chained.join(vec![leaf]).unwrap();
        assert_eq!(Chained.verify(&claim(1, 3), &proof), Err(Broken::Claim));
        assert!(matches!(Chained.verify(&joined, &proof), Err(Broken::Leaf { leaf: 0, .. })));
    }
}
