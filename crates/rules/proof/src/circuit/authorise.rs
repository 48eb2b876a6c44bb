//! The authorise table: one session that is granted in each row.
//!
//! The rule it proves is `ledger::authority::authorise`: a session that would expire before it begins is rejected, and so
//! is whoever acts in a session itself; another takes the place of what was granted to the same agent before.

use super::authority::{REJECTED_EXPIRED, REJECTED_NARROW, read_account, session_leaf};
use super::columns::columns;
use super::signed::asked;
use super::{Bus, Circuit, all, hash, moment, range32, since};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of authorisations among actions: `transition::Action::Authorise`.
pub const ACTION_AUTHORISE: u8 = 4;

columns! {
    /// An authorisation.
    pub struct Authorise {
        /// One when it was applied.
        pub applied: T,
        /// One when it was rejected because the session would have expired.
        pub late: T,
        /// One when it was rejected because a session is too narrow for it.
        pub narrow: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// The account.
        pub account: [T; 4],
        /// Who may act for it.
        pub agent: [T; 4],
        /// Until when, in halves.
        pub expires: [T; 2],
        /// Their low 16 bits.
        pub expires_low: [T; 2],
        /// The entry's time in halves, where it matters.
        pub time: [T; 2],
        /// The account's next nonce, in halves.
        pub nonce: [T; 2],
        /// One when the account was handed over.
        pub kept: T,
        /// Who keeps it: to whom it was handed, or itself.
        pub keeper: [T; 4],
        /// Since when the account is so.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
        /// One when there was a session.
        pub there: T,
        /// Who granted it, or zeros.
        pub granted: [T; 4],
        /// When it expired, in halves, or zeros.
        pub expired: [T; 2],
        /// Since when the session is so.
        pub session_since: T,
        /// The low 16 bits of the time that passed.
        pub session_passed: T,
        /// The digest of what is asked.
        pub action: [T; 4],
        /// The sponge of the action.
        pub action_sponge: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Authorise::read(builder.main().current_slice());
    for flag in [row.applied, row.late, row.narrow] {
        builder.assert_bool(flag);
    }
    // An authorisation has one outcome; a row without one is unused.
    let by_keeper = row.applied + row.late;
    let used = by_keeper.clone() + row.narrow;
    builder.assert_bool(used.clone());

    let mut entry = vec![row.number.into(), AB::Expr::from_u8(ACTION_AUTHORISE)];
    entry.extend(all::<AB>(&row.id));
    entry.push(row.late * AB::Expr::from_u32(REJECTED_EXPIRED) + row.narrow * AB::Expr::from_u32(REJECTED_NARROW));
    Bus::Entry.receive(builder, entry, used.clone());
    // The keeper asked for it, or it is rejected because that was a session.
    let mut action = vec![AB::Expr::from_u8(ACTION_AUTHORISE)];
    action.extend(all::<AB>(&[&row.agent[..], &row.expires].concat()));
    hash(builder, Domain::Action, &action, row.action_sponge, row.action.map(Into::into), &used);
    for (half, low) in row.expires.into_iter().zip(row.expires_low) {
        range32(builder, half.into(), low, used.clone());
    }
    let message = asked::<AB>(row.number, &row.id, &row.account, &row.action, by_keeper.clone());
    Bus::Asked.receive(builder, message, used);

    // It expires after the entry's time, or that is at least when it would.
    Bus::Time.send(builder, [row.number, row.time[0], row.time[1]], by_keeper.clone());
    let [first, second] = [(row.applied, row.late), (row.late, row.applied)]
        .map(|(expires, time)| [0, 1].map(|half| expires * row.expires[half] + time * row.time[half]));
    let order = first.into_iter().chain(second).chain([row.applied.into()]);
    Bus::Compare.send(builder, order, by_keeper);
    grant(builder, &row);
}

/// Grants the session in the keeper's name.
fn grant<AB: Circuit>(builder: &mut AB, row: &Authorise<AB::Var>) {
    let time = moment::<AB>(row.number, 2);
    let applied: AB::Expr = row.applied.into();
    since(builder, row.since.into(), time.clone(), row.passed, applied.clone());
    let account = (&row.account, row.nonce, row.kept, row.keeper);
    read_account(builder, account, [row.since.into(), time.clone()], applied.clone());

    since(builder, row.session_since.into(), time.clone(), row.session_passed, applied.clone());
    let leaf = |there: AB::Expr, granted: [AB::Var; 4], expires: [AB::Var; 2], time: AB::Expr| {
        let key = [&row.account, &row.agent];
        session_leaf::<AB>(key, there, granted.map(Into::into), expires.map(Into::into), time)
    };
    let before = leaf(row.there.into(), row.granted, row.expired, row.session_since.into());
    Bus::Memory.receive(builder, before, applied.clone());
    Bus::Memory.send(builder, leaf(AB::Expr::ONE, row.keeper, row.expires, time), applied);
}
