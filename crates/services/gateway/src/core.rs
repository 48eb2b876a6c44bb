//! What is checked without any state.

use api::SubmitRequest;
use transition::{Reject, Transaction};
use types::Digest;

/// A transaction whose shape and signature hold on this chain. Only [`check`] makes one.
pub struct Checked(Transaction);

impl Checked {
    /// Returns the transaction.
    pub fn into_transaction(self) -> Transaction {
        self.0
    }
}

/// Checks a request's bytes: length, shape, signature.
pub fn check(request: &SubmitRequest, chain: &Digest) -> Result<Checked, Reject> {
    Transaction::check(&request.transaction.0, chain).map(Checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Hex;
    use crypto::account::SecretKey;
    use task::Retire;
    use transition::Action;
    use types::{Encode as _, limits};

    fn verdict(bytes: Vec<u8>) -> Result<(), u32> {
        check(&SubmitRequest { transaction: Hex(bytes) }, &Digest::ZERO).map(|_| ()).map_err(Reject::code)
    }

    #[test]
    fn shape_length_and_signature_are_checked() {
        let key = SecretKey::from_seed([1; 32]);
        let good = Transaction::sign(&key, &Digest::ZERO, 0, Action::Retire(Retire {}));
        assert_eq!(verdict(good.to_bytes()), Ok(()));
        assert_eq!(verdict(Vec::new()), Err(300));
        assert_eq!(verdict(vec![0; limits::TRANSACTION_BYTES + 1]), Err(304));
        let other = Transaction { nonce: 1, ..good };
        assert_eq!(verdict(other.to_bytes()), Err(301));
    }
}
