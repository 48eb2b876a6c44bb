//! What one transaction brings to L1, and by what L1 shows that it is there.

use crate::errands::Fact;
use crypto::eth::keccak;
use l1::validity::{Contracts, Step};
use l1::{Call, Order, Writer};
use proof::BatchHeader;
use std::collections::VecDeque;
use transition::diff;
use types::{Bytes32, choice, record};

record! {
    /// A part of a batch's published difference.
    pub struct Chunk {
        /// Of which batch.
        pub batch: u64,
        /// The bytes.
        pub bytes: Box<[u8]>,
    }
}

record! {
    /// A batch with what makes L1 believe it.
    pub struct Evidenced {
        /// The batch.
        pub header: BatchHeader,
        /// The hashes of its published chunks.
        pub chunks: Vec<Bytes32>,
        /// What the rollup's verifier asks for.
        pub evidence: Box<[u8]>,
    }
}

record! {
    /// All of a leaf's proof but its queries.
    pub struct Statement {
        /// Of which batch.
        pub batch: u64,
        /// The digest of the context that it leaves.
        pub context: Bytes32,
        /// What the transcript takes.
        pub bytes: Box<[u8]>,
    }
}

record! {
    /// Some queries of a leaf's proof.
    pub struct Queries {
        /// Of which batch.
        pub batch: u64,
        /// What the statement leaves.
        pub context: Box<[u8]>,
        /// Which queries.
        pub positions: Box<[u8]>,
        /// What opens them.
        pub openings: Box<[u8]>,
    }
}

choice! {
    /// What one transaction brings to L1. Kept whole, so that it can be sent again whatever became of the batch.
    pub enum Part {
        /// A part of a difference.
        1 => Chunk(Chunk),
        /// A batch.
        2 => Settle(Evidenced),
        /// A statement that is proven.
        3 => Statement(Statement),
        /// Queries of its proof.
        4 => Queries(Queries),
    }
}

impl Part {
    /// Returns the number of the batch that it belongs to.
    pub fn batch(&self) -> u64 {
        match self {
            Self::Chunk(chunk) => chunk.batch,
            Self::Settle(settled) => settled.header.number,
            Self::Statement(statement) => statement.batch,
            Self::Queries(queries) => queries.batch,
        }
    }

    /// Returns the part's name, for operators.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Chunk(_) => "a part of the difference",
            Self::Settle(_) => "the batch",
            Self::Statement(_) => "a proof's statement",
            Self::Queries(_) => "a proof's queries",
        }
    }

    /// Says whether it is a step of checking a proof.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Statement(_) | Self::Queries(_))
    }

    /// Returns by what L1 shows that it is there.
    pub fn fact(&self) -> Fact {
        match self {
            Self::Chunk(chunk) => Fact::Published(keccak(&[&chunk.bytes])),
            Self::Settle(settled) => Fact::Settled(settled.header.number),
            Self::Statement(statement) => Fact::Registered(statement.context),
            Self::Queries(Queries { context, positions, .. }) => {
                let mut bits = [0; 32];
                for position in positions {
                    bits[31 - usize::from(position / 8)] |= 1 << (position % 8);
                }
                Fact::Answered { context: keccak(&[context]), queries: Bytes32(bits) }
            }
        }
    }

    /// Returns the transaction. `checks` is where proofs are checked; without it there are no steps of one.
    pub(crate) fn order(&self, writer: &Writer, checks: Option<Contracts>) -> Option<Order> {
        let step = |step| checks.map(|checks| writer.order(Call::Validity { checks, step }));
        match self {
            Self::Chunk(chunk) => Some(writer.order(Call::Publish { chunk: &chunk.bytes })),
            Self::Settle(Evidenced { header, chunks, evidence }) => {
                Some(writer.order(Call::Settle { batch: header, chunks, evidence }))
            }
            Self::Statement(Statement { bytes, .. }) => step(Step::Register { statement: bytes }),
            Self::Queries(Queries { context, positions, openings, .. }) => {
                step(Step::Answer { context, positions, openings })
            }
        }
    }

    /// Returns the most gas that it can need, for when the node cannot tell: a batch's chunks are on their way before it,
    /// so that an estimate would find them missing. Measured by the contracts' gas tests, with a third on top.
    pub fn gas_at_most(&self) -> u64 {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        match self {
            // The floor price of calldata (EIP-7623), as if no byte were zero, and a slot.
            Self::Chunk(chunk) => 80_000 + 40 * count(chunk.bytes.len() + 128),
            Self::Settle(s) => 200_000 + 15_000 * count(s.evidence.len() / 65) + 8_000 * count(s.chunks.len()),
            // Never sent without an estimate: nothing that is on its way changes what they need.
            Self::Statement(_) | Self::Queries(_) => l1::GAS_PER_TRANSACTION_MAX,
        }
    }
}

/// Cuts a batch into what goes to L1, in order: its chunks, the steps of its proof, itself.
pub fn parts(
    header: BatchHeader,
    evidence: Vec<u8>,
    difference: Option<&[u8]>,
    proof: impl IntoIterator<Item = Part>,
) -> VecDeque<Part> {
    let batch = header.number;
    let chunks: Vec<&[u8]> = difference.map(|bytes| diff::chunks(bytes).collect()).unwrap_or_default();
    let hashes = chunks.iter().map(|bytes| keccak(&[bytes])).collect();
    let published = chunks.into_iter().map(|bytes| Part::Chunk(Chunk { batch, bytes: bytes.into() }));
    let mut parts: VecDeque<Part> = published.chain(proof).collect();
    parts.push_back(Part::Settle(Evidenced { header, chunks: hashes, evidence: evidence.into() }));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_known_on_l1_by_their_bits() {
        let part = |positions: &[u8]| {
            let (context, openings) = (Box::from([7]), Box::from([1]));
            Part::Queries(Queries { batch: 1, context, positions: positions.into(), openings })
        };
        let queries = |positions| match part(positions).fact() {
            Fact::Answered { context, queries } if context == keccak(&[&[7]]) => queries.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(queries(&[0, 3])[31], 0b1001);
        assert_eq!(queries(&[83])[21], 0b1000);
        assert_eq!(queries(&[255])[0], 0b1000_0000);
    }
}
