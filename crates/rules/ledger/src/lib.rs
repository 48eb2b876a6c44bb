//! The only place value moves: balances, tallies, deposits and withdrawals.
//!
//! Other rules ask; this crate moves, and every movement is balanced. [`conservation::check`] is called after each
//! block and stops the node if an asset was made or lost.
//!
//! ```
//! use ledger::{Deposit, account};
//! use state::{Overlay, State};
//! use types::{AccountId, Amount, Digest, EthAddress};
//!
//! let (state, alice) = (State::default(), AccountId(Digest::ZERO));
//! let mut s = Overlay::new(&state);
//! let eth = ledger::bridge::token_word(EthAddress::ZERO);
//! let deposit =
//!     Deposit { index: 0, account: alice, token: eth, amount: Amount::new(5)?, sender: EthAddress::ZERO };
//! ledger::bridge::deposit(&mut s, &deposit)?;
//! let asset = ledger::bridge::asset_of(EthAddress::ZERO);
//! assert_eq!(account::balance(&s, alice, asset), Amount::new(5)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod account;
pub mod authority;
pub mod bridge;
pub mod conservation;
pub mod tally;

pub use bridge::{Deposit, ForcedAction, ForcedWithdrawal, Message, Withdraw, Withdrawal};
pub use tally::{Half, Resolver, Terms};

types::rejects! {
    /// Why the ledger refuses. Codes 100 to 199.
    pub enum Reject {
        100 => InsufficientBalance: "the balance is too small: deposit or receive more of this asset, or move less",
        101 => ZeroAmount: "the amount is zero: name an amount of at least one quantum",
        102 => AmountTooLarge: "the amount is outside 0..2^62 quanta: use a smaller one",
        103 => UnknownAsset: "no such L1 token was ever deposited here: check the asset id, or deposit it first",
        104 => BadRecipient: "the recipient is the zero address: name the L1 address that shall be paid",
        105 => InboxOutOfOrder: "this is not the next L1 message: hand them over in the order of the L1 inbox, none left out",
        106 => NotAuthorised: "the signer may not act for this account: sign with the account's own key, or have it authorise this one",
        107 => SessionExpired: "the session has expired, or is meant to before it begins: have the account authorise it until a later time",
        108 => SessionTooNarrow: "a session key may neither move value to others nor change who may act: sign with the account's own key",
        109 => TokenMisnamed: "this is an L1 token's asset id, which is no half's: name the token by its L1 address",
        110 => UnknownTally: "no such tally: check its id",
        111 => TallyExists: "a tally with these very terms exists: change the terms' subject",
        112 => BadTerms: "the terms are contradictory: set the cap above the floor, the refund no earlier than the resolution, its share at most the whole",
        113 => TallyClosed: "the tally is already resolved or refunded: redeem its halves",
        114 => TallyOpen: "the tally is not resolved yet: wait for its outcome, or merge both halves",
        115 => TooEarly: "it is too early for this: wait until the time that the terms name",
        116 => NothingToRedeem: "this account holds no half of the tally: redeem from an account that holds one",
        117 => NotResolver: "the terms name another resolver: have that one sign, or enough of its quorum in ascending order",
    }
}

impl From<types::Overflow> for Reject {
    fn from(_: types::Overflow) -> Self {
        Self::AmountTooLarge
    }
}

#[cfg(test)]
mod tests;
