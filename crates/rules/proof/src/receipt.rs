//! A receipt that convinces somebody who has nothing but the chain's anchor.

use crate::committee::{Committee, Refusal};
use crate::header::{BatchHeader, BlockHeader, Domain, entry_leaf};
use crypto::list;
use types::{Bytes32, Digest, record};

record! {
    /// What a verifier trusts: which chain, which contract, which committee.
    pub struct Anchor {
        /// The digest of the chain's configuration.
        pub config_hash: Digest,
        /// The contract that settles it.
        pub domain: Domain,
        /// Who signs its batches.
        pub committee: Committee,
    }
}

record! {
    /// A receipt with the paths from it to a settled batch.
    pub struct ReceiptProof {
        /// The entry's canonical bytes.
        pub entry: Box<[u8]>,
        /// The receipt's canonical bytes.
        pub receipt: Box<[u8]>,
        /// The entry's place in its block.
        pub position: u64,
        /// The path to the block's entries root.
        pub path: Vec<Bytes32>,
        /// The block's header.
        pub block: BlockHeader,
        /// The block's place in its batch.
        pub block_position: u64,
        /// The path to the batch's data root.
        pub block_path: Vec<Bytes32>,
        /// The batch's header.
        pub batch: BatchHeader,
        /// The committee's signatures on the batch.
        pub evidence: Box<[u8]>,
    }
}

/// Why a receipt proof convinces nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The entry and receipt are not in the block.
    #[error("the entry with this receipt is not in the block")]
    Entry,
    /// The block is not in the batch.
    #[error("the block is not in the batch")]
    Block,
    /// The batch is another chain's.
    #[error("the batch belongs to another chain: check which anchor you verify against")]
    Chain,
    /// The committee did not sign the batch.
    #[error("the batch is not signed by the committee's quorum")]
    Quorum(#[source] Refusal),
}

impl ReceiptProof {
    /// Checks the whole way from the receipt to the committee's signatures, offline.
    pub fn check(&self, anchor: &Anchor) -> Result<(), Fault> {
        let leaf = entry_leaf(&self.entry, &self.receipt);
        if !list::verifies(&leaf, self.position, &self.path, &self.block.entries_root) {
            return Err(Fault::Entry);
        }
        if !list::verifies(&self.block.hash(), self.block_position, &self.block_path, &self.batch.data_root) {
            return Err(Fault::Block);
        }
        if self.batch.config_hash != anchor.config_hash {
            return Err(Fault::Chain);
        }
        let digest = self.batch.digest(&anchor.domain);
        anchor.committee.accepts(&digest, &self.evidence).map_err(Fault::Quorum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committee::evidence;
    use crypto::eth::EthKey;
    use types::{Encode, EthAddress, Height, Millis};

    fn example() -> (Anchor, ReceiptProof) {
        let mut keys: Vec<_> = (1..4).map(|n| EthKey::from_bytes([n; 32]).unwrap()).collect();
        keys.sort_by_key(EthKey::address);
        let domain = Domain { chain_id: 31337, rollup: EthAddress([5; 20]) };
        let committee =
            Committee { members: keys.iter().map(EthKey::address).collect(), threshold: 2, mandatory: Vec::new() };
        let entries: Vec<Bytes32> = (0..3u8).map(|n| entry_leaf(&[n], &[n, n])).collect();
        let block = BlockHeader {
            height: Height(2),
            parent: Bytes32([1; 32]),
            time: Millis(9),
            state_root: Digest::ZERO,
            entries_root: list::root(&entries),
        };
        let blocks = [Bytes32([7; 32]), block.hash()];
        let batch = BatchHeader {
            config_hash: Digest::ZERO,
            number: 1,
            parent_root: Digest::ZERO,
            state_root: Digest::ZERO,
            inbox_count: 0,
            inbox_hash: Bytes32::ZERO,
            withdrawals_root: Bytes32::ZERO,
            data_root: list::root(&blocks),
            diff_hash: Bytes32::ZERO,
        };
        let digest = batch.digest(&domain);
        let signatures: Vec<_> = keys[..2].iter().map(|key| (key.address(), key.sign(&digest))).collect();
        let proof = ReceiptProof {
            entry: [1].into(),
            receipt: [1, 1].into(),
            position: 1,
            path: list::path(&entries, 1).unwrap(),
            block,
            block_position: 1,
            block_path: list::path(&blocks, 1).unwrap(),
            batch,
            evidence: evidence(&signatures).into(),
        };
        (Anchor { config_hash: Digest::ZERO, domain, committee }, proof)
    }

    /// Flips every bit of every byte of the encoding: whatever still decodes must not convince.
    #[test]
    fn a_proof_tampered_in_any_bit_convinces_nobody() {
        use types::Decode as _;
        let (anchor, good) = example();
        assert_eq!(good.check(&anchor), Ok(()));
        let bytes = good.to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                if let Ok(proof) = ReceiptProof::from_bytes(&bad) {
                    assert!(proof.check(&anchor).is_err(), "bit {bit} of byte {at}");
                }
            }
        }
    }

    #[test]
    fn another_contract_chain_or_committee_is_not_convinced() {
        let (good, proof) = example();
        let mut anchor = good.clone();
        anchor.domain.rollup.0[0] ^= 1;
        assert!(matches!(proof.check(&anchor), Err(Fault::Quorum(_))));
        let mut anchor = good.clone();
        anchor.domain.chain_id = 1;
        assert!(matches!(proof.check(&anchor), Err(Fault::Quorum(_))));
        let mut anchor = good.clone();
        anchor.config_hash = Digest::new([1, 0, 0, 0]).unwrap();
        assert_eq!(proof.check(&anchor), Err(Fault::Chain));
        let mut anchor = good;
        anchor.committee.members.remove(0);
        assert!(matches!(proof.check(&anchor), Err(Fault::Quorum(_))));
    }
}
