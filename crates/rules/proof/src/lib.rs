//! Why we believe: agreement of results, receipts and their paths, the circuit and its proofs.
//!
//! Everything here is total: any input gives accept or a named reason to reject. Nothing here knows a service.
//!
//! ```
//! use proof::agreement::{Agreement, Delivery, check};
//! use types::{AccountId, ContentId, Digest, Fuel};
//!
//! let result = proof::agreement::Outcome { exit: 0, output: ContentId::ZERO, fuel: Fuel(7) };
//! let by = |n| AccountId(Digest::new([n, 0, 0, 0]).expect("small"));
//! let deliveries = [Delivery { provider: by(1), outcome: result.clone() }, Delivery { provider: by(2), outcome: result }];
//! assert!(matches!(check(&deliveries, 2), Agreement::Decided(_)));
//! ```

pub mod agreement;
pub mod circuit;
pub mod committee;
pub mod confirmation;
pub mod crossing;
pub mod evidence;
pub mod hasher;
pub mod header;
pub mod joined;
pub mod receipt;
pub mod transcript;
pub mod validity;

pub use header::{BatchHeader, BlockHeader, Domain};
pub use receipt::{Anchor, ReceiptProof};
