//! What is checked without any state.

use api::bulk;
use rayon::prelude::*;
use transition::{Checked, Reject, Transaction};
use types::{Decode as _, Digest};

/// Transactions that are checked together: enough to hash several at a time, and few enough to share a request's.
const TOGETHER: usize = 64;

/// Why a request of many transactions is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BulkFault {
    /// Its bytes are no list.
    #[error("these bytes are no list of transactions: a count, then the length and the bytes of each, big-endian")]
    Undecodable,
    /// The list is too long.
    #[error("a request may bring {} transactions: send several requests", bulk::TRANSACTIONS)]
    TooMany,
}

/// Checks a transaction's bytes: length, shape, signature.
pub fn check(bytes: &[u8], chain: &Digest) -> Result<Checked, Reject> {
    Transaction::check(bytes, chain)
}

/// Reads a list of transactions.
pub fn read_bulk(bytes: &[u8]) -> Result<Vec<Box<[u8]>>, BulkFault> {
    // The list is told from its count before anything is copied.
    let count = bytes.first_chunk().map(|count| u32::from_be_bytes(*count)).ok_or(BulkFault::Undecodable)?;
    if usize::try_from(count).map_or(true, |count| count > bulk::TRANSACTIONS) {
        return Err(BulkFault::TooMany);
    }
    Vec::from_bytes(bytes).map_err(|_| BulkFault::Undecodable)
}

/// Checks many transactions as [`check`] does, on all cores.
pub fn check_all(transactions: &[Box<[u8]>], chain: &Digest) -> Vec<Result<Checked, Reject>> {
    let parts = transactions.par_chunks(TOGETHER).flat_map_iter(|part| Transaction::check_all(part, chain));
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::account::SecretKey;
    use task::Retire;
    use transition::Action;
    use types::{Encode as _, limits};

    fn verdict(bytes: &[u8]) -> Result<(), u32> {
        check(bytes, &Digest::ZERO).map(|_| ()).map_err(Reject::code)
    }

    #[test]
    fn shape_length_and_signature_are_checked() {
        let key = SecretKey::from_seed([1; 32]);
        let good = Transaction::sign(&key, &Digest::ZERO, 0, Action::Retire(Retire {}));
        assert_eq!(verdict(&good.to_bytes()), Ok(()));
        assert_eq!(verdict(&[]), Err(300));
        assert_eq!(verdict(&vec![0; limits::TRANSACTION_BYTES + 1]), Err(304));
        let other = Transaction { nonce: 1, ..good };
        assert_eq!(verdict(&other.to_bytes()), Err(301));
    }

    #[test]
    fn many_are_checked_as_one_is_and_keep_their_order() {
        let key = SecretKey::from_seed([1; 32]);
        let sign = |nonce| Transaction::sign(&key, &Digest::ZERO, nonce, Action::Retire(Retire {})).to_bytes();
        let list: Vec<Box<[u8]>> = (0..100).map(|nonce| sign(nonce).into()).collect();
        let mut sent = read_bulk(&list.to_bytes()).unwrap();
        assert_eq!(sent, list);
        sent[7] = [1, 2].into();
        for (at, outcome) in check_all(&sent, &Digest::ZERO).into_iter().enumerate() {
            match outcome {
                Ok(checked) => assert_eq!(checked.bytes(), &*list[at]),
                Err(reject) => assert_eq!((at, reject), (7, Reject::Undecodable)),
            }
        }
    }

    #[test]
    fn a_list_that_is_too_long_cut_short_or_followed_by_more_is_refused() {
        let list = |count: usize| vec![Box::<[u8]>::from([0]); count].to_bytes();
        assert_eq!(read_bulk(&list(bulk::TRANSACTIONS)).map(|list| list.len()), Ok(bulk::TRANSACTIONS));
        assert_eq!(read_bulk(&list(bulk::TRANSACTIONS + 1)), Err(BulkFault::TooMany));
        assert_eq!(read_bulk(&[255; 4]), Err(BulkFault::TooMany));
        assert_eq!(read_bulk(&[0; 3]), Err(BulkFault::Undecodable));
        assert_eq!(read_bulk(&list(2)[..9]), Err(BulkFault::Undecodable));
        assert_eq!(read_bulk(&[list(2), vec![0]].concat()), Err(BulkFault::Undecodable));
    }
}
