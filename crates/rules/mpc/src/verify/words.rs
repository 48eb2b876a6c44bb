//! Where the processor has no vectors for the check of bits: nothing is ever here.

/// Sums of products that are reduced at the end.
pub(super) type Sums = Vec<[u64; 16]>;

/// A processor that has what is needed: none.
#[derive(Clone, Copy)]
pub(super) enum Vectors {}

impl Vectors {
    pub(super) fn new() -> Option<Self> {
        None
    }

    pub(super) fn gather(self, _: u64, _: [&[u64]; 4], _: &mut Sums) {
        match self {}
    }

    pub(super) fn masked(self, _: [&[u64]; 2], _: [&[u64]; 2]) -> [u64; 64] {
        match self {}
    }

    pub(super) fn folded(self, _: &[u64], _: &[u64]) -> [u64; 64] {
        match self {}
    }

    pub(super) fn dot(self, _: &[u64], _: &[u64]) -> u128 {
        match self {}
    }
}

/// Returns the sums in their order: there are none.
pub(super) fn totals(_: &Sums) -> impl Iterator<Item = u128> {
    std::iter::empty()
}
