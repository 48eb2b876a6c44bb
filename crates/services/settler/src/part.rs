//! What one transaction brings to L1, and by what L1 shows that it is there.

use crate::errands::Fact;
use crypto::eth::keccak;
use l1::validity::{Contracts, Step};
use l1::{Call, Order, Writer, claims};
use proof::BatchHeader;
use std::collections::VecDeque;
use transition::diff;
use types::{Bytes32, EthAddress, choice, record};

/// Wei in a gwei.
const WEI: u128 = 1_000_000_000;

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

record! {
    /// A bond that is locked.
    pub struct Join {
        /// How much, in gwei.
        pub gwei: u64,
    }
}

record! {
    /// That the sender has a proof.
    pub struct Announce {
        /// Of which batch.
        pub batch: u64,
        /// The hash of sender, outcome and evidence.
        pub announcement: Bytes32,
    }
}

record! {
    /// A proof for a contested batch.
    pub struct Prove {
        /// The outcome.
        pub header: BatchHeader,
        /// What the verifier asks for.
        pub evidence: Box<[u8]>,
    }
}

record! {
    /// Who stands behind which claim.
    pub struct Behind {
        /// The claim.
        pub digest: Bytes32,
        /// Who.
        pub proposer: EthAddress,
    }
}

record! {
    /// Whom to pay; the zero address burns.
    pub struct Collect {
        /// Who.
        pub payee: EthAddress,
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
        /// What the batch holds, for claims about it.
        5 => Commit(BatchHeader),
        /// A proposer's bond.
        6 => Join(Join),
        /// What the batch leads to.
        7 => Claim(BatchHeader),
        /// That a proof will follow.
        8 => Announce(Announce),
        /// A proof that decides between claims.
        9 => Prove(Prove),
        /// The end of a proposer whom a proof shows wrong.
        10 => Eliminate(Behind),
        /// The end of a claim that only such a proposer stands behind.
        11 => Lift(Behind),
        /// What a prover has earned.
        12 => Collect(Collect),
    }
}

impl Part {
    /// Returns the number of the batch that it belongs to; 0 where none waits for it.
    pub fn batch(&self) -> u64 {
        match self {
            Self::Chunk(chunk) => chunk.batch,
            Self::Settle(settled) => settled.header.number,
            Self::Statement(statement) => statement.batch,
            Self::Queries(queries) => queries.batch,
            Self::Commit(header) | Self::Claim(header) => header.number,
            Self::Announce(announced) => announced.batch,
            Self::Prove(proven) => proven.header.number,
            Self::Join(_) | Self::Eliminate(_) | Self::Lift(_) | Self::Collect(_) => 0,
        }
    }

    /// Returns the part's name, for operators.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Chunk(_) => "a part of the difference",
            Self::Settle(_) => "the batch",
            Self::Statement(_) => "a proof's statement",
            Self::Queries(_) => "a proof's queries",
            Self::Commit(_) => "a commitment",
            Self::Join(_) => "a bond",
            Self::Claim(_) => "a claim",
            Self::Announce(_) => "a proof's announcement",
            Self::Prove(_) => "a proof for a contested batch",
            Self::Eliminate(_) => "an elimination",
            Self::Lift(_) => "an eliminated proposer's claim",
            Self::Collect(_) => "a reward, or what is burnt",
        }
    }

    /// Says whether it is a step of checking a proof.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Statement(_) | Self::Queries(_))
    }

    /// Returns by what L1 shows that it is there; `None` for what is asked for as a whole, by [`crate::claiming`].
    pub fn fact(&self) -> Option<Fact> {
        Some(match self {
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
            _ => return None,
        })
    }

    /// Returns the transaction; `None` where there is no contract for it.
    pub(crate) fn order(&self, writer: &Writer, places: &Places) -> Option<Order> {
        let step = |step| places.checks.map(|checks| writer.order(Call::Validity { checks, step }));
        let claims = |step| places.claims.map(|claims| writer.order(Call::Claims { claims, step }));
        match self {
            Self::Chunk(chunk) => Some(writer.order(Call::Publish { chunk: &chunk.bytes })),
            Self::Settle(Evidenced { header, chunks, evidence }) => {
                Some(writer.order(Call::Settle { batch: header, chunks, evidence }))
            }
            Self::Statement(Statement { bytes, .. }) => step(Step::Register { statement: bytes }),
            Self::Queries(Queries { context, positions, openings, .. }) => {
                step(Step::Answer { context, positions, openings })
            }
            Self::Commit(batch) => claims(claims::Step::Commit { batch }),
            Self::Join(Join { gwei }) => claims(claims::Step::Join { bond: (u128::from(*gwei) * WEI).into() }),
            Self::Claim(batch) => claims(claims::Step::Claim { batch }),
            Self::Announce(Announce { announcement, .. }) => {
                claims(claims::Step::Announce { announcement: *announcement })
            }
            Self::Prove(Prove { header, evidence }) => claims(claims::Step::Prove { batch: header, evidence }),
            Self::Eliminate(Behind { digest, proposer }) => {
                claims(claims::Step::Eliminate { digest: *digest, proposer: *proposer })
            }
            Self::Lift(Behind { digest, proposer }) => {
                claims(claims::Step::Lift { digest: *digest, proposer: *proposer })
            }
            Self::Collect(Collect { payee }) => claims(claims::Step::Collect { payee: *payee }),
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
            _ => l1::GAS_PER_TRANSACTION_MAX,
        }
    }
}

/// Where parts go besides the rollup.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places {
    /// Where proofs are checked.
    pub checks: Option<Contracts>,
    /// Where claims are made.
    pub claims: Option<EthAddress>,
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
            Some(Fact::Answered { context, queries }) if context == keccak(&[&[7]]) => queries.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(queries(&[0, 3])[31], 0b1001);
        assert_eq!(queries(&[83])[21], 0b1000);
        assert_eq!(queries(&[255])[0], 0b1000_0000);
    }
}
