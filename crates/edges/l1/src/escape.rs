//! A path in the last state, cut into transactions that each fit into a user's gas.

use crate::call::Call;
use crypto::poseidon::compress;
use state::Path;
use types::{AccountId, Amount, Bytes32, Digest};

/// Most levels that one call of the contract walks down, and most that the last one does. The contract's own bounds.
const DESCEND_LEVELS_MAX: usize = 10;
const ESCAPE_LEVELS_MAX: usize = 1;

/// What a leaf's digest ends in, so that it is no inner node's. The state tree's and the contract's own number.
const LEAF_MARK: [u64; 4] = [0x7461_6c65_615f_6c66, 1, 1, 1];

/// The way to a balance in the state that a rollup was frozen with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escape {
    /// The nodes where calls meet, the root first.
    stops: Vec<Bytes32>,
    steps: Vec<Step>,
    last: Vec<Bytes32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    siblings: Vec<Bytes32>,
    directions: u64,
}

impl Escape {
    /// Plans the way from a root to a balance's leaf; `None` when the path does not lead there.
    pub fn new(path: &Path, root: &Digest) -> Option<Self> {
        let terminal = path.terminal.as_ref()?;
        let mut node = compress(&compress(&terminal.path, &terminal.value), &Digest::new(LEAF_MARK)?);
        let mut nodes = vec![node];
        for (depth, sibling) in path.siblings.iter().enumerate().rev() {
            node = if terminal.path.bit(depth) { compress(sibling, &node) } else { compress(&node, sibling) };
            nodes.push(node);
        }
        nodes.reverse();
        if nodes.first() != Some(root) {
            return None;
        }
        let word = |digest: &Digest| Bytes32(digest.to_be_bytes());
        let above = path.siblings.len().saturating_sub(ESCAPE_LEVELS_MAX);
        let (mut stops, mut steps) = (vec![word(root)], Vec::new());
        for start in (0..above).step_by(DESCEND_LEVELS_MAX) {
            let levels = start..above.min(start + DESCEND_LEVELS_MAX);
            let turn = |turns, depth| turns << 1 | u64::from(terminal.path.bit(depth));
            let directions = levels.clone().fold(0, turn);
            stops.push(word(&nodes[levels.end]));
            steps.push(Step { siblings: path.siblings[levels].iter().map(word).collect(), directions });
        }
        Some(Self { stops, steps, last: path.siblings[above..].iter().map(word).collect() })
    }

    /// Returns the calls that make the path's nodes known, in order. One that was made before does no harm.
    pub fn steps(&self) -> impl Iterator<Item = Call<'_>> {
        self.steps.iter().zip(self.stops.windows(2)).map(|(step, ends)| Call::Descend {
            top: ends[0],
            node: ends[1],
            siblings: &step.siblings,
            directions: step.directions,
        })
    }

    /// Returns the call that pays the balance, once the steps are made.
    pub fn last(&self, account: AccountId, token: Bytes32, amount: Amount) -> Call<'_> {
        let top = self.stops.last().copied().unwrap_or(Bytes32::ZERO);
        Call::Escape { account, token, amount, top, siblings: &self.last }
    }
}
