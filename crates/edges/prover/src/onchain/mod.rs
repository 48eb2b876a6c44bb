//! Proofs as a contract checks them: the verifying key, and what is sent of a proof.
//!
//! A contract checks a proof in steps. The first follows the transcript and checks what does not need the Merkle trees:
//! the constraints and the buses. The next ones answer the queries. When all leaves of a batch are through, the batch
//! settles by its [`evidence`]. Everything here is derived from the circuit's tables
//! and the proof system's own descriptions; nothing is written for one table.

mod evidence;
mod formula;
mod key;
#[cfg(test)]
mod native;
mod queries;
mod statement;
mod table;
mod tree;

pub use evidence::evidence;
pub use key::{Key, PART_BYTES};
pub use queries::{Opened, STEP_BYTES, Step};
pub use statement::{Challenges, Malformed, Sent};
pub use table::Shape;

use proof::joined::Leaf;

impl Key {
    /// Returns what a contract is sent of a proof. The proof is not checked.
    ///
    /// # Errors
    /// When these bytes do not have a proof's form.
    pub fn sent(&self, leaf: &Leaf) -> Result<Sent, Malformed> {
        statement::sent(&self.shapes, &self.preprocessed, leaf)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Block, prove, record};
    use crypto::account::SecretKey;
    use ledger::account::{Balance, BalanceKey, Transfer};
    use proof::joined::Leaf;
    use state::{Overlay, State};
    use transition::{Action, Checked, Transaction};
    use types::{Amount, AssetId, ContentId, Digest, Encode as _, Millis};

    /// Proves a batch of two transfers and a publication, so that the program's columns count.
    pub fn proven() -> Leaf {
        let digest = |first| Digest::new([first, 2, 3, 4]).unwrap();
        let (chain, asset) = (digest(7), AssetId(digest(1)));
        let key = |number: u8| SecretKey::from_seed([number; 32]);
        let mut state = State::default();
        let mut overlay = Overlay::new(&state);
        let holder = BalanceKey { account: key(0).account(), asset };
        overlay.put::<Balance>(&holder, &Amount::new(100).unwrap());
        overlay.keep();
        let changes = overlay.into_changes();
        state.apply(&changes);
        let transfer = |from: u8, to: u8| {
            let asked = Transfer { to: key(to).account(), asset, amount: Amount::new(30).unwrap() };
            let signed = Transaction::sign(&key(from), &chain, 0, Action::Transfer(asked));
            Transaction::check(&signed.to_bytes(), &chain).unwrap()
        };
        let publish = Action::Publish(task::Publish { program: ContentId([3; 32]) });
        let publish = Transaction::sign(&key(0), &chain, 1, publish);
        let publish = Transaction::check(&publish.to_bytes(), &chain).unwrap();
        let batch: [Checked; 3] = [transfer(0, 1), transfer(1, 2), publish];
        let recorded = record(&mut state, &chain, &[Block { time: Millis(5), transactions: &batch }]).unwrap();
        let proof = prove(&recorded.statement, &recorded.traces).unwrap();
        let leaf = recorded.leaf(proof);
        assert_eq!(leaf.verify(), Ok(()));
        leaf
    }
}
