//! The base chain: reads deposits and settlements, writes batches, pays gas.
//!
//! Knows the contracts and their node, and no rule of ours: whether a deposit is credited or a batch is right is
//! decided elsewhere. A [`Reader`] trusts its node for availability only as far as it can: messages are believed when
//! they add up to the rolling hash that the contract keeps, and only below a stated depth. One node can still show us
//! a chain of its own making. A [`Writer`] owns its key: nobody else may send with it, or the two race for nonces.
//!
//! Nodes are spoken to over plain HTTP; there is no TLS in here.
//!
//! ```no_run
//! # async fn example(committee: proof::committee::Committee) -> Result<(), l1::Error> {
//! use l1::deploy::{Deployment, deploy};
//! use types::{AccountId, Amount, Digest};
//!
//! let (url, key) = ("http://127.0.0.1:8545", crypto::Secret::new([7; 32]));
//! let one = Digest::new([1, 0, 0, 0]).expect("below the prime");
//! let deployment = Deployment {
//!     config_hash: one,
//!     genesis_root: one,
//!     committee: &committee,
//!     rules: &transition::L1Rules::default(),
//!     owner: types::EthAddress::ZERO,
//!     dev_token: true,
//! };
//! let deployed = deploy(url, &key, &deployment).await?;
//!
//! let writer = l1::Writer::connect(url, &key, deployed.contracts()).await?;
//! writer.deposit_eth(Amount::new(5).expect("small"), AccountId(one)).await?;
//!
//! let reader = l1::Reader::connect(url, deployed.contracts(), 0).await?.starting_at(deployed.block);
//! assert_eq!(reader.messages(0, 10).await?.len(), 1);
//! # Ok(())
//! # }
//! ```

mod abi;
mod call;
mod chain;
pub mod claims;
mod convert;
pub mod deploy;
mod error;
mod escape;
mod history;
mod inbox;
mod payer;
mod reader;
mod refusal;
mod standing;
mod units;
pub mod validity;
mod writer;

pub use call::{Call, Order};
pub use chain::Contracts;
pub use error::Error;
pub use escape::Escape;
pub use history::SettledBatch;
pub use payer::{GAS_PER_TRANSACTION_MAX, Limits, Sent};
pub use reader::{Reader, Settled, Settlement};
pub use standing::{Answer, Receipt, Standing};
pub use units::Units;
pub use writer::{TokenDeposit, Writer};
