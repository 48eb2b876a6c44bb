//! The whole state transition: transaction to block to batch to root.
//!
//! Sequencer, committee members and simulator run this and nothing else. It is total: any bytes are a transaction that
//! is applied or rejected with a stable code, and a rejected one leaves no trace but its nonce.
//!
//! ```
//! use crypto::account::SecretKey;
//! use transition::{Action, Transaction};
//! use types::{Amount, AssetId, Digest, Encode};
//!
//! let key = SecretKey::from_seed([1; 32]);
//! let transfer = ledger::account::Transfer {
//!     to: key.account(), asset: AssetId(Digest::ZERO), amount: Amount::new(5)?,
//! };
//! let tx = Transaction::sign(&key, &Digest::ZERO, 0, Action::Transfer(transfer));
//! let checked = Transaction::check(&tx.to_bytes(), &Digest::ZERO)?;
//! assert_eq!(checked.transaction(), &tx);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod block;
mod config;
pub mod diff;
mod forced;
pub mod leaf;
pub mod leaves;
pub mod proven;
mod receipt;
mod transaction;

pub use batch::{Batch, BatchInput, seal};
pub use block::{
    Block, Entry, Executed, Incoming, Left, Mismatch, entry_leaves, execute, execute_or_leave, execute_with, replay,
    replay_with,
};
pub use config::{ChainConfig, ConfigFault, L1Rules, genesis};
pub use receipt::{Event, Receipt, Redeemed, Refunded, Status};
pub use transaction::{Action, Checked, Transaction};

types::rejects! {
    /// Why a transaction is refused before its action is looked at. Codes 300 to 399.
    pub enum Reject {
        300 => Undecodable: "these bytes are no transaction: encode it with this chain's SDK",
        301 => BadSignature: "the signature is not the sender's for this chain: sign again with the right key and chain",
        302 => NonceTooLow: "this nonce was used: read the account's nonce and sign again",
        303 => NonceTooHigh: "an earlier transaction of this account is missing: send that one first",
        304 => TooLong: "the transaction is longer than the chain allows: make it smaller",
        306 => NotForcible: "these elements are no action that can be forced: spell one of those with this chain's SDK",
        307 => BadEndorsement: "a signature that the action brings does not hold on this chain: collect them again",
    }
}

/// Returns what a receipt's code means, for every code of every rule.
pub fn explain(code: u32) -> Option<&'static str> {
    let ours = Reject::ALL.iter().find(|r| r.code() == code).map(|r| r.text());
    let task = || task::Reject::ALL.iter().find(|r| r.code() == code).map(|r| r.text());
    let ledger = || ledger::Reject::ALL.iter().find(|r| r.code() == code).map(|r| r.text());
    ours.or_else(task).or_else(ledger)
}

#[cfg(test)]
mod tests;
