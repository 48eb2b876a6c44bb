//! How long the evidence is by which a proven batch settles.
//!
//! The words are those of `IValidityVerifier.Evidence` in the contract ABI. Whoever writes evidence and whoever sees to it
//! that a batch's evidence fits a transaction count by the same numbers.

/// Bytes of a word of the base chain's machine.
pub const WORD: usize = 32;
/// Words of the evidence before its attestation: two offsets, the header's nine, where the inbox stands, and the time.
pub const EVIDENCE_WORDS: usize = 14;
/// Words of a leaf before its lists: five hashes, a time and three offsets.
pub const LEAF_WORDS: usize = 9;
/// Lists of a leaf, each after its length: messages, what they force, withdrawals.
const LISTS: usize = 3;
/// Words of a message: its kind, the account, the token, the amount and the party.
pub const MESSAGE_WORDS: usize = 5;
/// Words of what a forced action asks for.
pub const ACTION_WORDS: usize = 14;
/// Words of a withdrawal.
pub const WITHDRAWAL_WORDS: usize = 4;

/// What the evidence of a batch lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// The leaves that the batch is proven in.
    pub leaves: usize,
    /// The messages of the inbox that it takes, forced actions among them.
    pub messages: usize,
    /// The forced actions among them.
    pub actions: usize,
    /// The withdrawals that it makes.
    pub withdrawals: usize,
}

impl Contents {
    /// Returns the length of the evidence, with an attestation of so many bytes in it.
    pub fn bytes(&self, attestation: usize) -> usize {
        let Self { leaves, messages, actions, withdrawals } = *self;
        // The offset of the evidence itself, and the lengths of the attestation and of the list of leaves; each leaf has
        // an offset.
        let frame = 1 + EVIDENCE_WORDS + 1 + 1 + leaves * (1 + LEAF_WORDS + LISTS);
        let crossings = messages * MESSAGE_WORDS + actions * ACTION_WORDS + withdrawals * WITHDRAWAL_WORDS;
        (frame + crossings) * WORD + attestation.next_multiple_of(WORD)
    }
}
