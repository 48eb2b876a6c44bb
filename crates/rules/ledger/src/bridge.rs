//! Value from and to the base chain.

use crate::Reject;
use crate::account::{balance, credit, debit, post};
use crypto::account::owned_by;
use crypto::{Domain, poseidon};
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, Bytes32, Digest, EthAddress, Millis, record};

pub use proof::crossing::{Deposit, ForcedAction, ForcedWithdrawal, Message, Withdrawal};

record! {
    /// Takes value off the ledger, to be claimed on L1 once the batch has settled.
    pub struct Withdraw {
        /// What leaves: an L1 token, or half a tally, which becomes an ERC-1155 token there.
        pub asset: AssetId,
        /// How much, in quanta.
        pub amount: Amount,
        /// Who is paid on L1.
        pub recipient: EthAddress,
    }
}

record! {
    /// Where the ledger stands: against the base chain, and in time.
    pub struct CursorRecord {
        /// How many inbox messages were taken.
        pub inbox_count: u64,
        /// The inbox's rolling hash after them.
        pub inbox_hash: Bytes32,
        /// How many withdrawals were made.
        pub withdrawals: u64,
        /// The time of the last entry, so that a state has nothing behind it that is later.
        pub time: Millis,
    }
}

impl CursorRecord {
    /// Where the ledger stands before the first entry, which no leaf says.
    pub const START: Self = Self { inbox_count: 0, inbox_hash: Bytes32::ZERO, withdrawals: 0, time: Millis(0) };
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

/// Returns the word that names an L1 token where L1 and the ledger meet: its address, zero for ETH. A word of 2^160 or
/// more is the id of half a tally, and of the ERC-1155 token that stands for it on L1.
pub fn token_word(token: EthAddress) -> Bytes32 {
    let mut word = Bytes32::ZERO;
    word.0[12..].copy_from_slice(&token.0);
    word
}

/// Returns the asset that a token's word names, if it names any. An L1 token's own asset id looks like a half's: whether
/// it is one, only the state tells.
pub fn asset_of_word(word: &Bytes32) -> Option<AssetId> {
    match token_of_word(word) {
        Some(token) => Some(asset_of(token)),
        None => Digest::from_be_bytes(&word.0).map(AssetId),
    }
}

fn token_of_word(word: &Bytes32) -> Option<EthAddress> {
    let (high, low) = word.0.split_at(12);
    let token = <[u8; 20]>::try_from(low).ok()?;
    high.iter().all(|byte| *byte == 0).then_some(EthAddress(token))
}

/// Returns the asset that an L1 message names. An L1 token has one word, its address: by its asset id it would pass for a
/// half, of which there would be tokens on L1 beside the token that is locked there.
fn named_asset(s: &Overlay<'_>, word: &Bytes32) -> Result<AssetId, Reject> {
    let asset = asset_of_word(word).ok_or(Reject::UnknownAsset)?;
    let is_misnamed = token_of_word(word).is_none() && s.get::<Token>(&asset).is_some();
    if is_misnamed { Err(Reject::TokenMisnamed) } else { Ok(asset) }
}

/// Returns the account that holds the halves that are on L1 as ERC-1155 tokens. Nobody signs for it.
fn custody(asset: AssetId) -> AccountId {
    owned_by(&asset)
}

/// Returns the cursor; before the first entry it is at the start.
pub fn cursor(s: &Overlay<'_>) -> CursorRecord {
    s.get::<Cursor>(&0).unwrap_or(CursorRecord::START)
}

/// Notes the time of an entry, which is no earlier than the last one's. What does not move it writes nothing, so that a
/// state has one form.
pub fn stamp(s: &mut Overlay<'_>, time: Millis) {
    let cursor = cursor(s);
    if cursor.time < time {
        s.put::<Cursor>(&0, &CursorRecord { time, ..cursor });
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

/// Takes the next inbox message: advances the cursor, whatever becomes of what it asks.
pub fn take(s: &mut Overlay<'_>, message: &Message) -> Result<(), Reject> {
    let mut cursor = cursor(s);
    if message.index() != cursor.inbox_count {
        return Err(Reject::InboxOutOfOrder);
    }
    cursor.inbox_hash = message.hash_after(&cursor.inbox_hash);
    cursor.inbox_count += 1;
    s.put::<Cursor>(&0, &cursor);
    Ok(())
}

/// Credits a deposit: an L1 token as new value, half a tally out of custody.
pub fn deposit(s: &mut Overlay<'_>, deposit: &Deposit) -> Result<(), Reject> {
    if deposit.amount.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    let asset = named_asset(s, &deposit.token)?;
    let Some(token) = token_of_word(&deposit.token) else {
        return post(s, custody(asset), deposit.account, asset, deposit.amount);
    };
    s.put::<Token>(&asset, &token);
    supply_plus(s, asset, deposit.amount)?;
    credit(s, deposit.account, asset, deposit.amount)
}

/// Takes value off the ledger by its owner's signature and returns what L1 will pay.
pub fn withdraw(s: &mut Overlay<'_>, from: AccountId, tx: &Withdraw) -> Result<Withdrawal, Reject> {
    if tx.amount.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    if tx.recipient == EthAddress::ZERO {
        return Err(Reject::BadRecipient);
    }
    let token = match s.get::<Token>(&tx.asset) {
        Some(token) => {
            debit(s, from, tx.asset, tx.amount)?;
            supply_minus(s, tx.asset, tx.amount);
            token_word(token)
        }
        None => {
            let word = Bytes32(tx.asset.0.to_be_bytes());
            // An id that reads as an address would be paid in another token there.
            if s.get::<Supply>(&tx.asset).is_none() || token_of_word(&word).is_some() {
                return Err(Reject::UnknownAsset);
            }
            post(s, from, custody(tx.asset), tx.asset, tx.amount)?;
            word
        }
    };
    let mut cursor = cursor(s);
    let withdrawal = Withdrawal { index: cursor.withdrawals, recipient: tx.recipient, token, amount: tx.amount };
    cursor.withdrawals += 1;
    s.put::<Cursor>(&0, &cursor);
    Ok(withdrawal)
}

/// Takes off the ledger what an account's owner demanded on L1, as far as the account has it.
pub fn withdraw_forced(s: &mut Overlay<'_>, message: &ForcedWithdrawal) -> Result<Withdrawal, Reject> {
    let asset = named_asset(s, &message.token)?;
    let amount = message.amount.min(balance(s, message.account, asset));
    if amount.is_zero() {
        return Err(Reject::InsufficientBalance);
    }
    withdraw(s, message.account, &Withdraw { asset, amount, recipient: message.recipient })
}
