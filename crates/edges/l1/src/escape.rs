//! The way to a balance in the state that a rollup was frozen with, in steps that any user can afford.

use crate::call::Call;
use crypto::poseidon::compress;
use state::Path;
use types::{Bytes32, Digest};

/// Most levels that one call walks down: the contract's own bound.
const DESCEND_LEVELS_MAX: usize = 8;

/// What stands on the right in a leaf's digest, with the digests of its path and value on the left: the state tree's
/// number and the contract's. The way goes one level below the leaf, to its inside, which the contract can compute.
const LEAF_MARK: [u64; 4] = [0x7461_6c65_615f_6c66, 1, 1, 1];

/// The calls that make the inside of a balance's leaf known on L1. After them, [`Call::Escape`] pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escape {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    top: Bytes32,
    node: Bytes32,
    siblings: Vec<Bytes32>,
    directions: u64,
}

impl Escape {
    /// Plans the way from a root down a path; `None` when the path does not lead there from a leaf.
    pub fn new(path: &Path, root: &Digest) -> Option<Self> {
        let terminal = path.terminal.as_ref()?;
        let mut siblings = path.siblings.clone();
        siblings.push(Digest::new(LEAF_MARK)?);
        let turns: Vec<_> = (0..path.siblings.len()).map(|depth| terminal.path.bit(depth)).chain([false]).collect();

        let mut nodes = vec![compress(&terminal.path, &terminal.value)];
        for (sibling, right) in siblings.iter().zip(&turns).rev() {
            let below = nodes.last()?;
            nodes.push(if *right { compress(sibling, below) } else { compress(below, sibling) });
        }
        nodes.reverse();
        if nodes.first() != Some(root) {
            return None;
        }
        let word = |digest: &Digest| Bytes32(digest.to_be_bytes());
        let starts = (0..siblings.len()).step_by(DESCEND_LEVELS_MAX);
        let steps = starts.map(|start| {
            let end = siblings.len().min(start + DESCEND_LEVELS_MAX);
            let directions = turns[start..end].iter().fold(0, |turns, right| turns << 1 | u64::from(*right));
            let siblings = siblings[start..end].iter().map(word).collect();
            Step { top: word(&nodes[start]), node: word(&nodes[end]), siblings, directions }
        });
        Some(Self { steps: steps.collect() })
    }

    /// Returns the calls in order. Making one again changes nothing.
    pub fn steps(&self) -> impl Iterator<Item = Call<'_>> {
        self.steps.iter().map(|step| Call::Descend {
            top: step.top,
            node: step.node,
            siblings: &step.siblings,
            directions: step.directions,
        })
    }
}
