//! Accounts and balances.

use crate::Reject;
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, record};

record! {
    /// What is known of an account since its first transaction, or since it was handed over. Its key is in its id.
    #[derive(Default)]
    pub struct AccountRecord {
        /// Who keeps the account, if it was handed over; otherwise it keeps itself.
        pub keeper: Option<AccountId>,
        /// How many transactions it has sent; the next one carries this number.
        pub nonce: u64,
    }
}

record! {
    /// Whose balance of what.
    pub struct BalanceKey {
        /// The holder.
        pub account: AccountId,
        /// What is held.
        pub asset: AssetId,
    }
}

leaf!(
    /// An account's nonce.
    pub Account = 1: AccountId => AccountRecord
);
leaf!(
    /// A balance that is not zero.
    pub Balance = 2: BalanceKey => Amount
);

record! {
    /// Moves value to another account.
    pub struct Transfer {
        /// Who receives.
        pub to: AccountId,
        /// What moves.
        pub asset: AssetId,
        /// How much.
        pub amount: Amount,
    }
}

/// Returns a balance.
pub fn balance(s: &Overlay<'_>, account: AccountId, asset: AssetId) -> Amount {
    s.get::<Balance>(&BalanceKey { account, asset }).unwrap_or_default()
}

fn set(s: &mut Overlay<'_>, account: AccountId, asset: AssetId, amount: Amount) {
    let key = BalanceKey { account, asset };
    if amount.is_zero() { s.remove::<Balance>(&key) } else { s.put::<Balance>(&key, &amount) }
}

pub(crate) fn credit(s: &mut Overlay<'_>, to: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
    let sum = balance(s, to, asset).plus(amount)?;
    set(s, to, asset, sum);
    Ok(())
}

pub(crate) fn debit(s: &mut Overlay<'_>, from: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
    let rest = balance(s, from, asset).minus(amount).map_err(|_| Reject::InsufficientBalance)?;
    set(s, from, asset, rest);
    Ok(())
}

/// Moves value between two accounts. The caller holds the authority to do so.
pub fn post(s: &mut Overlay<'_>, from: AccountId, to: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
    debit(s, from, asset, amount)?;
    credit(s, to, asset, amount)
}

/// Moves value by its owner's signature.
pub fn transfer(s: &mut Overlay<'_>, from: AccountId, tx: &Transfer) -> Result<(), Reject> {
    if tx.amount.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    post(s, from, tx.to, tx.asset, tx.amount)
}
