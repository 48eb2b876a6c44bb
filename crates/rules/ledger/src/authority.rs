//! Who may act for an account: its own key, the key that took its place, or a session key within bounds.

use crate::Reject;
use crate::account::{Account, AccountRecord};
use state::{Overlay, leaf};
use types::{AccountId, Millis, record};

record! {
    /// Hands an account to another identity, for good: the old key can do nothing with it any more. Balances stay where
    /// they are, and so does the owner on L1, who is part of the account's id.
    pub struct Rekey {
        /// The account of the new identity.
        pub to: AccountId,
    }
}

record! {
    /// Lets another identity act for the account until a time. It can trade and work, but neither move value to others
    /// nor take it off the ledger, nor change who may act.
    pub struct Authorise {
        /// The account of the session's identity.
        pub agent: AccountId,
        /// From when on it may no longer.
        pub expires: Millis,
    }
}

record! {
    /// Ends a session before its time.
    pub struct Revoke {
        /// The account of the session's identity.
        pub agent: AccountId,
    }
}

record! {
    /// Whose session for whom.
    pub struct SessionKey {
        /// The account that is acted for.
        pub account: AccountId,
        /// The account of the identity that acts.
        pub agent: AccountId,
    }
}

record! {
    /// A session.
    pub struct SessionRecord {
        /// Who granted it. When somebody else keeps the account now, the session is void.
        pub keeper: AccountId,
        /// From when on it is void.
        pub expires: Millis,
    }
}

leaf!(
    /// A session key's authorisation.
    pub Session = 8: SessionKey => SessionRecord
);

/// How far somebody may act for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// May trade and work.
    Session,
    /// May do everything.
    Keeper,
}

/// Returns who keeps an account.
pub fn keeper(s: &Overlay<'_>, account: AccountId) -> AccountId {
    s.get::<Account>(&account).and_then(|record| record.keeper).unwrap_or(account)
}

/// Returns how far `agent` may act for `account` at this time.
pub fn authority(s: &Overlay<'_>, account: AccountId, agent: AccountId, now: Millis) -> Result<Authority, Reject> {
    let keeper = keeper(s, account);
    if agent == keeper {
        return Ok(Authority::Keeper);
    }
    let session = s.get::<Session>(&SessionKey { account, agent }).ok_or(Reject::NotAuthorised)?;
    if session.keeper != keeper {
        return Err(Reject::NotAuthorised);
    }
    if now >= session.expires {
        return Err(Reject::SessionExpired);
    }
    Ok(Authority::Session)
}

/// Hands an account over. The caller holds the keeper's authority.
pub fn rekey(s: &mut Overlay<'_>, account: AccountId, tx: &Rekey) {
    let before = s.get::<Account>(&account);
    let keeper = (tx.to != account).then_some(tx.to);
    let record = AccountRecord { keeper, ..before.clone().unwrap_or_default() };
    // What an owner forced on L1 may be the first that is known of an account, or leave nothing to know.
    if record != AccountRecord::default() {
        s.put::<Account>(&account, &record);
    } else if before.is_some() {
        s.remove::<Account>(&account);
    }
}

/// Grants a session, or changes when it expires. The caller holds the keeper's authority.
pub fn authorise(s: &mut Overlay<'_>, account: AccountId, tx: &Authorise, now: Millis) -> Result<(), Reject> {
    if tx.expires <= now {
        return Err(Reject::SessionExpired);
    }
    let record = SessionRecord { keeper: keeper(s, account), expires: tx.expires };
    s.put::<Session>(&SessionKey { account, agent: tx.agent }, &record);
    Ok(())
}

/// Ends a session. The caller holds the keeper's authority.
pub fn revoke(s: &mut Overlay<'_>, account: AccountId, tx: &Revoke) -> Result<(), Reject> {
    let key = SessionKey { account, agent: tx.agent };
    s.get::<Session>(&key).ok_or(Reject::NotAuthorised)?;
    s.remove::<Session>(&key);
    Ok(())
}
