//! Value from and to the base chain.

use crate::Reject;
use crate::account::{credit, debit};
use crypto::eth::Words;
use crypto::{Domain, list, poseidon};
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, Bytes32, EthAddress, record};

record! {
    /// A deposit, as the L1 inbox holds it.
    pub struct Deposit {
        /// Its place in the inbox, from 0.
        pub index: u64,
        /// Who is credited.
        pub account: AccountId,
        /// What was deposited; the zero address is ETH.
        pub token: EthAddress,
        /// How much, in the token's quanta.
        pub amount: Amount,
        /// Who paid on L1.
        pub sender: EthAddress,
    }
}

record! {
    /// Takes value off the ledger, to be claimed on L1 once the batch has settled.
    pub struct Withdraw {
        /// What leaves; it must be an L1 token.
        pub asset: AssetId,
        /// How much, in quanta.
        pub amount: Amount,
        /// Who is paid on L1.
        pub recipient: EthAddress,
    }
}

record! {
    /// A withdrawal, as the batch's withdrawals root commits to it.
    pub struct Withdrawal {
        /// Its number over the chain's life: the nullifier on L1.
        pub index: u64,
        /// Who is paid on L1.
        pub recipient: EthAddress,
        /// The token paid; the zero address is ETH.
        pub token: EthAddress,
        /// How much, in the token's quanta.
        pub amount: Amount,
    }
}

record! {
    /// Where the ledger stands against the base chain.
    pub struct CursorRecord {
        /// How many inbox messages were taken.
        pub inbox_count: u64,
        /// The inbox's rolling hash after them.
        pub inbox_hash: Bytes32,
        /// How many withdrawals were made.
        pub withdrawals: u64,
    }
}

leaf!(
    /// The L1 token behind an asset.
    pub Token = 3: AssetId => EthAddress
);
leaf!(
    /// How much of an asset the ledger owes in all: deposited less withdrawn, or halves outstanding.
    pub Supply = 4: AssetId => Amount
);
leaf!(
    /// The one cursor; its key is 0.
    pub Cursor = 6: u8 => CursorRecord
);

/// Returns the asset that stands for an L1 token.
pub fn asset_of(token: EthAddress) -> AssetId {
    AssetId(poseidon::hash_of(Domain::Token, &token))
}

/// Returns the cursor; before the first message it is at the start.
pub fn cursor(s: &Overlay<'_>) -> CursorRecord {
    s.get::<Cursor>(&0).unwrap_or(CursorRecord { inbox_count: 0, inbox_hash: Bytes32::ZERO, withdrawals: 0 })
}

impl Deposit {
    /// Returns the asset that is credited.
    pub fn asset(&self) -> AssetId {
        asset_of(self.token)
    }

    /// Returns the inbox's rolling hash after this message, as the contract computes it.
    pub fn hash_after(&self, before: &Bytes32) -> Bytes32 {
        Words::new()
            .bytes32(before)
            .number(self.index)
            .digest(&self.account.0)
            .address(&self.token)
            .number(self.amount.quanta())
            .address(&self.sender)
            .keccak()
    }
}

impl Withdrawal {
    /// Returns the leaf digest under the batch's withdrawals root.
    pub fn leaf(&self) -> Bytes32 {
        let words =
            Words::new().number(self.index).address(&self.recipient).address(&self.token).number(self.amount.quanta());
        list::leaf(words.as_bytes())
    }
}

pub(crate) fn supply_plus(s: &mut Overlay<'_>, asset: AssetId, amount: Amount) -> Result<(), Reject> {
    let sum = s.get::<Supply>(&asset).unwrap_or_default().plus(amount)?;
    s.put::<Supply>(&asset, &sum);
    Ok(())
}

pub(crate) fn supply_minus(s: &mut Overlay<'_>, asset: AssetId, amount: Amount) {
    let supply = s.get::<Supply>(&asset).unwrap_or_default();
    let rest = supply.minus(amount).expect("no more of an asset is held than its supply");
    if rest.is_zero() { s.remove::<Supply>(&asset) } else { s.put::<Supply>(&asset, &rest) }
}

/// Takes the next inbox message: advances the cursor, whatever becomes of the credit.
pub fn take(s: &mut Overlay<'_>, deposit: &Deposit) -> Result<(), Reject> {
    let mut cursor = cursor(s);
    if deposit.index != cursor.inbox_count {
        return Err(Reject::InboxOutOfOrder);
    }
    cursor.inbox_hash = deposit.hash_after(&cursor.inbox_hash);
    cursor.inbox_count += 1;
    s.put::<Cursor>(&0, &cursor);
    Ok(())
}

/// Credits a deposit.
pub fn deposit(s: &mut Overlay<'_>, deposit: &Deposit) -> Result<(), Reject> {
    if deposit.amount.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    s.put::<Token>(&deposit.asset(), &deposit.token);
    supply_plus(s, deposit.asset(), deposit.amount)?;
    credit(s, deposit.account, deposit.asset(), deposit.amount)
}

/// Takes value off the ledger by its owner's signature and returns what L1 will pay.
pub fn withdraw(s: &mut Overlay<'_>, from: AccountId, tx: &Withdraw) -> Result<Withdrawal, Reject> {
    if tx.amount.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    if tx.recipient == EthAddress::ZERO {
        return Err(Reject::BadRecipient);
    }
    let token = s.get::<Token>(&tx.asset).ok_or(Reject::UnknownAsset)?;
    debit(s, from, tx.asset, tx.amount)?;
    supply_minus(s, tx.asset, tx.amount);
    let mut cursor = cursor(s);
    let withdrawal = Withdrawal { index: cursor.withdrawals, recipient: tx.recipient, token, amount: tx.amount };
    cursor.withdrawals += 1;
    s.put::<Cursor>(&0, &cursor);
    Ok(withdrawal)
}
