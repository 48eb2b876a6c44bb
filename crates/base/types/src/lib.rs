//! Ids, quantities, canonical encoding and limits; nothing that decides.
//!
//! A type that is stored, hashed or sent is declared once with [`record!`] or [`choice!`]. That one declaration gives
//! its bytes (for the wire and the store) and its field elements (for hashing and, later, for circuits), so that no
//! value has two encoders.
//!
//! ```
//! use types::{Amount, Decode, Encode};
//!
//! let price = Amount::new(1_500)?;
//! assert_eq!(Amount::from_bytes(&price.to_bytes())?, price);
//! assert_eq!(price.to_elements(), [1_500]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod causes;
mod encode;
mod id;
pub mod limits;
mod quantity;
mod reject;

pub use causes::Causes;
pub use encode::{ByteSink, Decode, DecodeError, Encode, Reader, Sink};
pub use id::{
    AccountId, ActionElements, AssetId, Bytes32, ContentId, Digest, EncodedPoint, EthAddress, GOLDILOCKS, OfferId,
    ParseError, Signature, TallyId, TaskId, TransactionId,
};
pub use quantity::{Amount, Fuel, Height, Millis, Overflow, Ppm, Rate};

#[doc(hidden)]
pub use serde;
