//! The revoke table: one session that is ended in each row.
//!
//! The rule it proves is `ledger::authority::revoke`: a session that is not there is rejected, and so is whoever acts in a
//! session itself.

use super::authority::{REJECTED_NARROW, REJECTED_STRANGER, session_leaf};
use super::columns::columns;
use super::signed::asked;
use super::{Bus, Circuit, all, hash, moment, since};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of revocations among actions: `transition::Action::Revoke`.
pub const ACTION_REVOKE: u8 = 5;

columns! {
    /// A revocation.
    pub struct Revoke {
        /// One when it was applied.
        pub applied: T,
        /// One when it was rejected because there is no such session.
        pub unknown: T,
        /// One when it was rejected because a session is too narrow for it.
        pub narrow: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// The account.
        pub account: [T; 4],
        /// Who could act for it.
        pub agent: [T; 4],
        /// Who granted the session, or zeros.
        pub granted: [T; 4],
        /// When it would have expired, in halves, or zeros.
        pub expires: [T; 2],
        /// Since when the session is so.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
        /// The digest of what is asked.
        pub action: [T; 4],
        /// The sponge of the action.
        pub action_sponge: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Revoke::read(builder.main().current_slice());
    for flag in [row.applied, row.unknown, row.narrow] {
        builder.assert_bool(flag);
    }
    // A revocation has one outcome; a row without one is unused.
    let by_keeper = row.applied + row.unknown;
    let used = by_keeper.clone() + row.narrow;
    builder.assert_bool(used.clone());

    let mut entry = vec![row.number.into(), AB::Expr::from_u8(ACTION_REVOKE)];
    entry.extend(all::<AB>(&row.id));
    entry.push(row.unknown * AB::Expr::from_u32(REJECTED_STRANGER) + row.narrow * AB::Expr::from_u32(REJECTED_NARROW));
    Bus::Entry.receive(builder, entry, used.clone());
    // The keeper asked for it, or it is rejected because that was a session.
    let mut action = vec![AB::Expr::from_u8(ACTION_REVOKE)];
    action.extend(all::<AB>(&row.agent));
    hash(builder, Domain::Action, &action, row.action_sponge, row.action.map(Into::into), &used);
    let message = asked::<AB>(row.number, &row.id, &row.account, &row.action, by_keeper.clone());
    Bus::Asked.receive(builder, message, used);

    // The session is there exactly when it was applied, and is not there afterwards.
    let time = moment::<AB>(row.number, 2);
    since(builder, row.since.into(), time.clone(), row.passed, by_keeper.clone());
    let key = [&row.account, &row.agent];
    let (granted, expires) = (row.granted.map(Into::into), row.expires.map(Into::into));
    let before = session_leaf::<AB>(key, row.applied.into(), granted, expires, row.since.into());
    let after = session_leaf::<AB>(key, AB::Expr::ZERO, nothing::<AB, 4>(), nothing::<AB, 2>(), time);
    Bus::Memory.receive(builder, before, by_keeper.clone());
    Bus::Memory.send(builder, after, by_keeper);
}

fn nothing<AB: Circuit, const CELLS: usize>() -> [AB::Expr; CELLS] {
    std::array::from_fn(|_| AB::Expr::ZERO)
}
