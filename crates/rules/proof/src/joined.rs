//! Proofs of one batch in several leaves: each leaf proves some of the batch's entries, and together they prove all.
//!
//! A leaf starts from the root at which the one before it ended. [`Chained`] keeps every leaf's proof and checks that;
//! another [`Aggregator`] may prove the same of the leaves and be shorter.

use crate::validity::{Invalid, Statement, verify};
use types::{Digest, Encode, record};

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
    }
}

impl Claim {
    /// Returns what a leaf with this claim has to prove.
    pub fn statement(&self) -> Statement {
        let Self { chain, parent_root, state_root, entries } = *self;
        Statement { chain, parent_root, state_root, entries }
    }
}

impl From<&Statement> for Claim {
    fn from(statement: &Statement) -> Self {
        let Statement { chain, parent_root, state_root, entries } = *statement;
        Self { chain, parent_root, state_root, entries }
    }
}

record! {
    /// A leaf: its claim and the proof of it.
    pub struct Leaf {
        /// What it claims.
        pub claim: Claim,
        /// The proof's bytes.
        pub proof: Box<[u8]>,
    }
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
pub fn chain(claims: &[Claim]) -> Result<Claim, Broken> {
    let (Some(first), Some(last)) = (claims.first(), claims.last()) else { return Err(Broken::Count) };
    if claims.len() > LEAVES_MAX {
        return Err(Broken::Count);
    }
    for (leaf, pair) in claims.windows(2).enumerate() {
        if pair[1].chain != pair[0].chain || pair[1].parent_root != pair[0].state_root {
            return Err(Broken::Chain(leaf + 1));
        }
    }
    let entries = entries(claims.iter().map(|claim| &claim.entries));
    Ok(Claim { chain: first.chain, parent_root: first.parent_root, state_root: last.state_root, entries })
}

/// Joins leaves by keeping all of them: a batch is proven when each leaf is and their roots chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chained;

impl Aggregator for Chained {
    type Proof = Vec<Leaf>;

    fn join(&self, leaves: Vec<Leaf>) -> Result<(Claim, Vec<Leaf>), Broken> {
        let claims: Vec<Claim> = leaves.iter().map(|leaf| leaf.claim).collect();
        Ok((chain(&claims)?, leaves))
    }

    fn verify(&self, claim: &Claim, proof: &Vec<Leaf>) -> Result<(), Broken> {
        let claims: Vec<Claim> = proof.iter().map(|leaf| leaf.claim).collect();
        if chain(&claims)? != *claim {
            return Err(Broken::Claim);
        }
        proof.iter().enumerate().try_for_each(|(number, leaf)| {
            let checked = verify(&leaf.claim.statement(), &leaf.proof);
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
        Claim { chain: digest(9), parent_root: digest(parent), state_root: digest(after), entries: digest(after) }
    }

    #[test]
    fn leaves_are_a_batch_when_each_goes_on_where_the_one_before_it_ended() {
        let joined = chain(&[claim(1, 2), claim(2, 3)]).unwrap();
        assert_eq!((joined.parent_root, joined.state_root), (digest(1), digest(3)));
        assert_eq!(joined.entries, entries([&digest(2), &digest(3)]));
        assert_ne!(joined.entries, entries([&digest(3), &digest(2)]));
        assert_eq!(chain(&[claim(1, 2), claim(3, 4)]), Err(Broken::Chain(1)));
        let foreign = Claim { chain: digest(8), ..claim(2, 3) };
        assert_eq!(chain(&[claim(1, 2), foreign]), Err(Broken::Chain(1)));
        assert_eq!(chain(&[]), Err(Broken::Count));
        assert_eq!(chain(&[claim(1, 1); LEAVES_MAX + 1]), Err(Broken::Count));
    }

    #[test]
    fn a_batch_is_refused_when_its_leaves_claim_something_else_or_prove_nothing() {
        let leaf = Leaf { claim: claim(1, 2), proof: Box::from([1, 2, 3]) };
        let (joined, proof) = Chained.join(vec![leaf]).unwrap();
        assert_eq!(Chained.verify(&claim(1, 3), &proof), Err(Broken::Claim));
        assert!(matches!(Chained.verify(&joined, &proof), Err(Broken::Leaf { leaf: 0, .. })));
    }
}
