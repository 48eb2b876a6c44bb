//! Where the processor has no vectors for the check of bits: nothing is ever here.

/// Lanes of a vector.
pub(super) const LANES: usize = 8;
/// Bits of a word.
const WORD: usize = 64;

/// Words of all rows at as many places as a vector has lanes.
pub(super) type Block = [[u64; LANES]; WORD];

/// Sums of products that are reduced at the end.
pub(super) type Totals = Vec<[u64; LANES]>;

/// What rows are folded by.
pub(super) type Square = [[u64; LANES]; LANES];

/// A processor that has what is needed: none.
#[derive(Clone, Copy)]
pub(super) enum Vectors {}

impl Vectors {
    pub(super) fn new() -> Option<Self> {
        None
    }

    pub(super) fn gather(self, _: &[u64; LANES], _: [&Block; 4], _: &mut Totals) {
        match self {}
    }

    pub(super) fn weighed(self, _: &[u64; LANES], _: &Block, _: &mut Totals) {
        match self {}
    }

    pub(super) fn masked(self, _: u64, _: [&[u64; WORD]; 2], _: [&[u64; WORD]; 2], _: &mut Totals) {
        match self {}
    }

    pub(super) fn weights(self, _: &[u64; WORD]) -> Square {
        match self {}
    }

    pub(super) fn folded(self, _: &[u64; WORD], _: &Square) -> [u64; WORD] {
        match self {}
    }

    pub(super) fn hidden(self, _: &[u64; WORD], _: &[u64; WORD]) -> [u64; WORD] {
        match self {}
    }

    pub(super) fn dot(self, _: &[u64; WORD], _: &[u64; WORD]) -> u128 {
        match self {}
    }
}

/// Returns the sums in their order: there are none.
pub(super) fn totals(_: &Totals) -> impl Iterator<Item = u128> {
    std::iter::empty()
}
