//! A batch with its proof: all that somebody needs who trusts nobody and has nothing but the chain's anchor.

use crate::batch::withdrawals;
use crate::block::{Block, Entry, entry_leaves};
use crate::receipt::{Event, Receipt, Status};
use crate::transaction::Transaction;
use crypto::{Domain, list, poseidon};
use ledger::Message;
use proof::BatchHeader;
use proof::crossing::Inbox;
use proof::joined::{self, Aggregator as _, Broken, Chained, Claim, Leaf};
use proof::validity::{Outcome, entries};
use types::{Bytes32, Digest, Millis, record};

record! {
    /// A block with what became of its entries.
    pub struct ProvenBlock {
        /// The block.
        pub block: Block,
        /// One receipt for each entry.
        pub receipts: Vec<Receipt>,
    }
}

record! {
    /// A proof of some of the batch's entries.
    pub struct ProvenLeaf {
        /// How many entries.
        pub entries: u32,
        /// What is claimed of them, and the proof.
        pub leaf: Leaf,
    }
}

record! {
    /// A batch, what is in it, and the proof that this gives its root.
    pub struct ProvenBatch {
        /// What settles.
        pub header: BatchHeader,
        /// The committee's signatures, once there is a quorum.
        pub evidence: Option<Box<[u8]>>,
        /// Its blocks.
        pub blocks: Vec<ProvenBlock>,
        /// The proofs, in the order of the entries.
        pub leaves: Vec<ProvenLeaf>,
    }
}

/// Why a batch with its proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It belongs to another chain.
    #[error("the batch is another chain's: check it against that chain's anchor")]
    Chain,
    /// Its blocks are not those that its header commits to.
    #[error("the batch does not commit to these blocks")]
    Blocks,
    /// The leaves have more or fewer entries than the blocks.
    #[error("the proofs are of more or fewer entries than the batch has")]
    Count,
    /// A leaf claims something else of its entries.
    #[error("the proof of leaf {0} is of other entries than the batch's")]
    Entries(usize),
    /// A receipt tells of another deposit or withdrawal than was proven.
    #[error("a receipt of the batch tells of a deposit or a withdrawal that is not in its proof")]
    Crossings,
    /// The proofs do not hold.
    #[error(transparent)]
    Proof(#[from] Broken),
}

/// Returns what a receipt says of its entry, in a block of this time.
pub fn outcome(receipt: &Receipt, time: Millis) -> Outcome {
    let code = match receipt.status {
        Status::Applied(_) => 0,
        Status::Rejected(code) => code,
    };
    Outcome { id: receipt.id, code, time }
}

impl ProvenBatch {
    /// Checks everything against the digest of the chain's configuration, and returns what was proven. Whether the batch
    /// itself settled is for L1 to tell, or the committee's signatures. Total.
    ///
    /// # Errors
    /// When any part of it does not hold.
    pub fn check(&self, chain: &Digest) -> Result<Claim, Fault> {
        if self.header.config_hash != *chain {
            return Err(Fault::Chain);
        }
        let outcomes = self.outcomes()?;
        let mut rest = outcomes.as_slice();
        for (number, proven) in self.leaves.iter().enumerate() {
            let count = usize::try_from(proven.entries).unwrap_or(usize::MAX);
            let (own, after) = rest.split_at_checked(count).ok_or(Fault::Count)?;
            if entries(own) != proven.leaf.claim.entries {
                return Err(Fault::Entries(number));
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Fault::Count);
        }
        let leaves: Vec<Leaf> = self.leaves.iter().map(|proven| proven.leaf.clone()).collect();
        if !self.tells_what_crossed() {
            return Err(Fault::Crossings);
        }
        let time = |of: Option<&Leaf>, end: fn(&Claim) -> Millis| of.map_or(Millis(0), |leaf| end(&leaf.claim));
        let claim = Claim {
            chain: *chain,
            parent_root: self.header.parent_root,
            state_root: self.header.state_root,
            entries: joined::entries(leaves.iter().map(|leaf| &leaf.claim.entries)),
            // What the parent's root commits to, which the first proof shows.
            inbox_before: leaves
                .first()
                .map_or(Inbox { count: 0, hash: Bytes32::ZERO }, |leaf| leaf.claim.inbox_before),
            inbox_after: Inbox { count: self.header.inbox_count, hash: self.header.inbox_hash },
            // The parent's root commits to the one, too; the other is the last entry's, whose outcome is proven.
            time_before: time(leaves.first(), |claim| claim.time_before),
            time_after: time(leaves.last(), |claim| claim.time_after),
            withdrawals_root: self.header.withdrawals_root,
        };
        Chained.verify(&claim, &leaves)?;
        Ok(claim)
    }

    /// Returns how many entries the batch has.
    pub fn entries(&self) -> usize {
        self.blocks.iter().map(|proven| proven.block.entries.len()).sum()
    }

    /// Says whether the receipts tell of the deposits that were applied, of the withdrawals that the leaves list, and of no
    /// others. Nothing is told of what was rejected.
    fn tells_what_crossed(&self) -> bool {
        let sound = |entry: &Entry, receipt: &Receipt| {
            let told = receipt.events.iter().filter_map(|event| match event {
                Event::Deposited(deposit) => Some(deposit),
                _ => None,
            });
            let applied = match entry {
                Entry::Message(Message::Deposit(deposit)) if receipt.is_applied() => Some(deposit),
                _ => None,
            };
            told.eq(applied) && (receipt.is_applied() || receipt.events.is_empty())
        };
        let mut pairs = self.blocks.iter().flat_map(|proven| proven.block.entries.iter().zip(&proven.receipts));
        let made = self.blocks.iter().flat_map(|proven| withdrawals(&proven.receipts));
        pairs.all(|(entry, receipt)| sound(entry, receipt))
            && made.eq(self.leaves.iter().flat_map(|proven| &proven.leaf.withdrawals))
    }

    /// Checks that the header commits to the blocks and the blocks to their entries, and returns what became of those.
    fn outcomes(&self) -> Result<Vec<Outcome>, Fault> {
        let hashes: Vec<_> = self.blocks.iter().map(|proven| proven.block.header.hash()).collect();
        let last = self.blocks.last().map(|proven| proven.block.header.state_root);
        if hashes.is_empty() || list::root(&hashes) != self.header.data_root || last != Some(self.header.state_root) {
            return Err(Fault::Blocks);
        }
        let follows = |pair: &[ProvenBlock]| {
            let [before, after] = [&pair[0].block.header, &pair[1].block.header];
            after.height == before.height.next() && after.parent == before.hash() && after.time >= before.time
        };
        if !self.blocks.windows(2).all(follows) {
            return Err(Fault::Blocks);
        }
        let mut outcomes = Vec::new();
        for ProvenBlock { block, receipts } in &self.blocks {
            let fits = block.entries.len() == receipts.len()
                && list::root(&entry_leaves(&block.entries, receipts)) == block.header.entries_root
                && ids(&block.entries, &self.header.config_hash).into_iter().eq(receipts.iter().map(|r| r.id));
            if !fits {
                return Err(Fault::Blocks);
            }
            outcomes.extend(receipts.iter().map(|receipt| outcome(receipt, block.header.time)));
        }
        Ok(outcomes)
    }
}

/// Returns the ids that entries have.
fn ids(entries: &[Entry], chain: &Digest) -> Vec<Digest> {
    let bytes = entries.iter().filter_map(|entry| match entry {
        Entry::Transaction(bytes) => Some(bytes),
        Entry::Message(_) => None,
    });
    let bytes: Vec<_> = bytes.collect();
    let of_bytes = bytes.iter().zip(Transaction::check_all(&bytes, chain)).map(|(bytes, verdict)| match verdict {
        Ok(checked) => checked.id().0,
        Err(_) => {
            let elements: Vec<u64> = bytes.iter().map(|byte| u64::from(*byte)).collect();
            poseidon::hash(Domain::Transaction, &elements)
        }
    });
    let mut of_bytes = of_bytes.collect::<Vec<_>>().into_iter();
    let of = |entry: &Entry| match entry {
        Entry::Message(message) => message.id(),
        Entry::Transaction(_) => of_bytes.next().expect("an id for each transaction"),
    };
    entries.iter().map(of).collect()
}
