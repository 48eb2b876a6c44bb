//! Hashes, signatures, Merkle lists and secret-holding wrappers.
//!
//! Three hashes, each with its place: Poseidon2 for whatever a circuit will recompute (state, accounts, transactions),
//! keccak-256 for whatever a contract recomputes (batches, inbox, withdrawals), SHA-256 for content.
//!
//! ```
//! use crypto::{Domain, account::SecretKey, poseidon};
//!
//! let key = SecretKey::from_seed([7; 32]);
//! let message = poseidon::hash(Domain::Transaction, &[1, 2, 3]);
//! let signature = key.sign(&message);
//! assert!(key.public().verifies(&message, &signature));
//! ```

pub mod account;
mod ecgfp5;
pub mod eth;
pub mod list;
pub mod poseidon;
pub mod schnorr;
mod secret;

pub use poseidon::Domain;
pub use secret::Secret;

use sha2::{Digest as _, Sha256};
use types::ContentId;

/// Returns the content id of bytes: their SHA-256.
pub fn content_id(bytes: &[u8]) -> ContentId {
    ContentId(Sha256::digest(bytes).into())
}
