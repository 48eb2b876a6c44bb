//! Soft confirmations: what the sequencer can be held to before a batch settles.

use crate::header::{BlockHeader, entry_leaf};
use crypto::account::{PublicKey, SecretKey};
use crypto::{Domain, list, poseidon};
use types::{Bytes32, Digest, Encode as _, Signature, record};

record! {
    /// A block's header with the sequencer's signature. Two signed headers of one height are proof of its lie.
    pub struct SignedHeader {
        /// The header.
        pub header: BlockHeader,
        /// The sequencer's signature on [`digest`].
        pub signature: Signature,
    }
}

record! {
    /// The sequencer's word on what became of one entry.
    pub struct SoftConfirmation {
        /// The receipt's canonical bytes.
        pub receipt: Box<[u8]>,
        /// The entry's place in its block.
        pub position: u64,
        /// The path to the block's entries root.
        pub path: Vec<Bytes32>,
        /// The block.
        pub block: SignedHeader,
    }
}

/// Returns what the sequencer signs. The chain's configuration is part of it.
pub fn digest(chain: &Digest, header: &BlockHeader) -> Digest {
    let mut elements = chain.to_elements();
    elements.extend(header.hash().to_elements());
    poseidon::hash(Domain::Confirmation, &elements)
}

impl SignedHeader {
    /// Signs a header.
    pub fn sign(key: &SecretKey, chain: &Digest, header: BlockHeader) -> Self {
        let signature = key.sign(&digest(chain, &header));
        Self { header, signature }
    }

    /// Says whether the sequencer signed it.
    pub fn is_signed_by(&self, sequencer: &PublicKey, chain: &Digest) -> bool {
        sequencer.verifies(&digest(chain, &self.header), &self.signature)
    }
}

impl SoftConfirmation {
    /// Says whether the sequencer confirmed that this entry has this receipt. Total.
    pub fn confirms(&self, entry: &[u8], sequencer: &PublicKey, chain: &Digest) -> bool {
        let leaf = entry_leaf(entry, &self.receipt);
        list::verifies(&leaf, self.position, &self.path, &self.block.header.entries_root)
            && self.block.is_signed_by(sequencer, chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Decode as _, Height, Millis};

    #[test]
    fn a_confirmation_tampered_in_any_bit_confirms_nothing() {
        let key = SecretKey::from_seed([1; 32]);
        let leaves: Vec<Bytes32> = (0..3u8).map(|n| entry_leaf(&[n], &[n, n])).collect();
        let header = BlockHeader {
            height: Height(2),
            parent: Bytes32([1; 32]),
            time: Millis(9),
            state_root: Digest::ZERO,
            entries_root: list::root(&leaves),
        };
        let good = SoftConfirmation {
            receipt: [1, 1].into(),
            position: 1,
            path: list::path(&leaves, 1).unwrap(),
            block: SignedHeader::sign(&key, &Digest::ZERO, header),
        };
        let confirms = |c: &SoftConfirmation, entry: &[u8]| c.confirms(entry, &key.public(), &Digest::ZERO);
        assert!(confirms(&good, &[1]));
        assert!(!confirms(&good, &[2]));
        assert!(!good.confirms(&[1], &SecretKey::from_seed([2; 32]).public(), &Digest::ZERO));
        assert!(!good.confirms(&[1], &key.public(), &Digest::new([1, 0, 0, 0]).unwrap()));
        let bytes = good.to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                if let Ok(bad) = SoftConfirmation::from_bytes(&bad) {
                    assert!(!confirms(&bad, &[1]), "bit {bit} of byte {at}");
                }
            }
        }
    }
}
