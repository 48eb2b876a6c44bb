//! The authority table: one transaction in each row whose signer acts for another account, or for one that was handed
//! over.
//!
//! The rule it proves is `ledger::authority::authority`: the account's keeper may do everything; another may act in a
//! session that the keeper granted and that has not expired. Whoever may not is rejected here, before anybody looks at the
//! action. What a session is too narrow for, the table of the action rejects.

use super::columns::columns;
use super::signed::{ACTION_NONE, account_leaf, asked};
use super::{Bus, Circuit, KIND_SESSION, all, moment, since};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The code of a signer who may not act for the account: `ledger::Reject::NotAuthorised`.
pub const REJECTED_STRANGER: u32 = 106;
/// The code of a session that has expired: `ledger::Reject::SessionExpired`.
pub const REJECTED_EXPIRED: u32 = 107;
/// The code of an action that is the keeper's alone: `ledger::Reject::SessionTooNarrow`.
pub const REJECTED_NARROW: u32 = 108;

columns! {
    /// A transaction of somebody who acts for an account.
    pub struct Authority {
        /// One when the signer keeps the account.
        pub keeps: T,
        /// One when it acts in a session.
        pub serves: T,
        /// One when it was rejected because there is no session, or one that another keeper granted.
        pub stranger: T,
        /// One when it was rejected because the session has expired.
        pub expired: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// Who signed.
        pub signer: [T; 4],
        /// For which account.
        pub account: [T; 4],
        /// The digest of what is asked.
        pub action: [T; 4],
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
        /// What shows that the signer does not keep it.
        pub differs: [T; 4],
        /// One when there is a session.
        pub there: T,
        /// Who granted it, or zeros.
        pub granted: [T; 4],
        /// When it expires, in halves, or zeros.
        pub expires: [T; 2],
        /// What shows that somebody granted it who does not keep the account.
        pub void: [T; 4],
        /// Since when the session is so.
        pub session_since: T,
        /// The low 16 bits of the time that passed.
        pub session_passed: T,
        /// The entry's time in halves, where it matters.
        pub time: [T; 2],
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Authority::read(builder.main().current_slice());
    for flag in [row.keeps, row.serves, row.stranger, row.expired] {
        builder.assert_bool(flag);
    }
    // A signer has one standing; a row without one is unused.
    let used = row.keeps + row.serves + row.stranger + row.expired;
    builder.assert_bool(used.clone());

    let acts = [&[row.number][..], &row.id, &row.signer, &row.account, &row.action].concat();
    Bus::Acts.receive(builder, acts, used.clone());
    // The table of the action is told of whoever may act; who may not is rejected.
    let message = asked::<AB>(row.number, &row.id, &row.account, &row.action, row.keeps.into());
    Bus::Asked.send(builder, message, row.keeps + row.serves);
    let mut entry = vec![row.number.into(), AB::Expr::from_u8(ACTION_NONE)];
    entry.extend(all::<AB>(&row.id));
    entry.push(
        row.stranger * AB::Expr::from_u32(REJECTED_STRANGER) + row.expired * AB::Expr::from_u32(REJECTED_EXPIRED),
    );
    Bus::Entry.receive(builder, entry, row.stranger + row.expired);

    keeper(builder, &row, used);
    session(builder, &row);
}

/// Constrains who keeps the account, and whether that is the signer.
fn keeper<AB: Circuit>(builder: &mut AB, row: &Authority<AB::Var>, used: AB::Expr) {
    let time = moment::<AB>(row.number, 1);
    since(builder, row.since.into(), time.clone(), row.passed, used.clone());
    // An account that was not handed over keeps itself.
    for (keeper, account) in row.keeper.into_iter().zip(row.account) {
        builder.assert_zero((AB::Expr::ONE - row.kept) * (keeper - account));
    }
    let leaf = [row.since.into(), time].map(|time| {
        let keeper = row.keeper.map(|cell| row.kept * cell);
        account_leaf::<AB>(&row.account, row.nonce.map(Into::into), row.kept.into(), keeper, time)
    });
    let [before, after] = leaf;
    Bus::Memory.receive(builder, before, used.clone());
    Bus::Memory.send(builder, after, used.clone());

    let mut differs = AB::Expr::ZERO;
    for ((signer, keeper), inverse) in row.signer.into_iter().zip(row.keeper).zip(row.differs) {
        builder.assert_zero(row.keeps * (signer - keeper));
        differs += (signer - keeper) * inverse;
    }
    builder.assert_zero((used - row.keeps) * (differs - AB::Expr::ONE));
}

/// Constrains the session of a signer that does not keep the account.
fn session<AB: Circuit>(builder: &mut AB, row: &Authority<AB::Var>) {
    let valid = row.serves + row.expired;
    let looks = valid.clone() + row.stranger;
    let time = moment::<AB>(row.number, 1);
    since(builder, row.session_since.into(), time.clone(), row.session_passed, looks.clone());
    let leaf = [row.session_since.into(), time].map(|time| {
        session_leaf::<AB>(
            [&row.account, &row.signer],
            row.there.into(),
            row.granted.map(Into::into),
            row.expires.map(Into::into),
            time,
        )
    });
    let [before, after] = leaf;
    Bus::Memory.receive(builder, before, looks.clone());
    Bus::Memory.send(builder, after, looks);

    // A session is the keeper's, or there is none, or it was granted by another.
    builder.assert_zero(valid.clone() * (AB::Expr::ONE - row.there));
    let mut void = AB::Expr::ZERO;
    for ((granted, keeper), inverse) in row.granted.into_iter().zip(row.keeper).zip(row.void) {
        builder.assert_zero(valid.clone() * (granted - keeper));
        void += (granted - keeper) * inverse;
    }
    builder.assert_zero(row.stranger * row.there * (void - AB::Expr::ONE));

    // It expires after the entry's time, or that is at least when it did.
    Bus::Time.send(builder, [row.number, row.time[0], row.time[1]], valid.clone());
    let [first, second] = [(row.serves, row.expired), (row.expired, row.serves)]
        .map(|(expires, time)| [0, 1].map(|half| expires * row.expires[half] + time * row.time[half]));
    let order = first.into_iter().chain(second).chain([row.serves.into()]);
    Bus::Compare.send(builder, order, valid);
}

/// Returns what the memory knows of a session, by the account and who acts for it: one if it is there, who granted it, and
/// when it expires. The order of the cells is that in which an account's are hashed (see the leaf table).
pub(super) fn session_leaf<AB: Circuit>(
    key: [&[AB::Var; 4]; 2],
    there: AB::Expr,
    granted: [AB::Expr; 4],
    [expires_high, expires_low]: [AB::Expr; 2],
    time: AB::Expr,
) -> Vec<AB::Expr> {
    let mut message = vec![AB::Expr::from_u8(KIND_SESSION)];
    message.extend(key.into_iter().flat_map(|part| all::<AB>(part)));
    message.extend([expires_low, there]);
    message.extend(granted);
    message.extend([expires_high, time]);
    message
}
