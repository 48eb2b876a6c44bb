//! The grant table: one change of who may act for an account in each row.
//!
//! The rules it proves are `ledger::authority::rekey`, `authorise` and `revoke`: an account is handed to another identity,
//! or to itself again; a session is granted, unless it would expire before it begins, in the place of what was granted to
//! the same agent before; a session is ended, if there is one. All three are the keeper's alone.

use super::authority::{REJECTED_EXPIRED, REJECTED_NARROW, REJECTED_STRANGER, session_leaf};
use super::columns::columns;
use super::signed::{account_leaf, asked};
use super::{Bus, Circuit, all, moment, range32, since};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of rekeys among actions: `transition::Action::Rekey`.
pub const ACTION_REKEY: u8 = 3;
/// The number of authorisations among actions: `transition::Action::Authorise`.
pub const ACTION_AUTHORISE: u8 = 4;
/// The number of revocations among actions: `transition::Action::Revoke`.
pub const ACTION_REVOKE: u8 = 5;

columns! {
    /// A change of who may act.
    pub struct Grant {
        /// One when an account was handed to another.
        pub handed: T,
        /// One when it was handed to itself.
        pub returned: T,
        /// One when a session was granted.
        pub granted: T,
        /// One when that was rejected because it would have expired.
        pub late: T,
        /// One when a session was ended.
        pub ended: T,
        /// One when that was rejected because there is none.
        pub unknown: T,
        /// One when a rekey, an authorisation or a revocation was rejected because a session is too narrow for it.
        pub narrow: [T; 3],
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// The account.
        pub account: [T; 4],
        /// To whom it is handed, or who may act for it.
        pub party: [T; 4],
        /// What shows that it is handed to another.
        pub differs: [T; 4],
        /// Until when a session is granted, in halves.
        pub expires: [T; 2],
        /// Their low 16 bits.
        pub expires_low: [T; 2],
        /// The entry's time in halves, where it matters.
        pub time: [T; 2],
        /// The account's next nonce, in halves.
        pub nonce: [T; 2],
        /// One when the account was handed over before.
        pub kept: T,
        /// To whom, or zeros.
        pub keeper: [T; 4],
        /// Since when the account is so.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
        /// In whose name a session is granted, or zeros.
        pub grantor: [T; 4],
        /// One when there was a session before.
        pub there: T,
        /// Who granted that, or zeros.
        pub before: [T; 4],
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
    let row = Grant::read(builder.main().current_slice());
    let done = [row.handed, row.returned, row.granted, row.late, row.ended, row.unknown];
    for flag in done.into_iter().chain(row.narrow) {
        builder.assert_bool(flag);
    }
    // A change has one outcome; a row without one is unused.
    let narrow = row.narrow[0] + row.narrow[1] + row.narrow[2];
    let by_keeper = done.into_iter().fold(AB::Expr::ZERO, |sum, flag| sum + flag);
    let used = by_keeper.clone() + narrow.clone();
    builder.assert_bool(used.clone());
    let rekeys = row.handed + row.returned + row.narrow[0];
    let authorises = row.granted + row.late + row.narrow[1];
    let number = rekeys * AB::Expr::from_u8(ACTION_REKEY)
        + authorises.clone() * AB::Expr::from_u8(ACTION_AUTHORISE)
        + (row.ended + row.unknown + row.narrow[2]) * AB::Expr::from_u8(ACTION_REVOKE);

    let mut entry = vec![row.number.into(), number.clone()];
    entry.extend(all::<AB>(&row.id));
    entry.push(
        row.late * AB::Expr::from_u32(REJECTED_EXPIRED)
            + row.unknown * AB::Expr::from_u32(REJECTED_STRANGER)
            + narrow * AB::Expr::from_u32(REJECTED_NARROW),
    );
    Bus::Entry.receive(builder, entry, used.clone());
    request(builder, &row, &used, &authorises, number);
    // The keeper asked for it, or it is rejected because that was a session.
    let message = asked::<AB>(row.number, &row.id, &row.account, &row.action, by_keeper);
    Bus::Asked.receive(builder, message, used.clone());

    account(builder, &row);
    session(builder, &row, used);
}

/// Constrains the action's digest to be that of its number, the other identity, and for a session when it expires.
fn request<AB: Circuit>(
    builder: &mut AB,
    row: &Grant<AB::Var>,
    used: &AB::Expr,
    authorises: &AB::Expr,
    number: AB::Expr,
) {
    // Both have two blocks; what does not expire has zeros there, and two elements less.
    for (half, low) in row.expires.into_iter().zip(row.expires_low) {
        builder.assert_zero((used.clone() - authorises.clone()) * half);
        range32(builder, half.into(), low, authorises.clone());
    }
    let length = used.clone() * AB::Expr::from_u8(5) + authorises.clone().double();
    let [first, second, third, fourth] = row.party.map(Into::into);
    let sponge: AB::Expr = row.action_sponge.into();
    let domain = AB::Expr::from_u64(Domain::Action.number());
    Bus::AbsorbFirst.send(builder, [sponge.clone(), domain, length, number, first, second, third], used.clone());
    let next = sponge + AB::Expr::ONE;
    let [high, low] = row.expires.map(Into::into);
    Bus::AbsorbNext.send(builder, [next.clone(), fourth, high, low, AB::Expr::ZERO], used.clone());
    let mut digest = vec![next];
    digest.extend(all::<AB>(&row.action));
    Bus::Digest.send(builder, digest, used.clone());
}

/// Reads the account, whose keeper a rekey changes and nothing else.
fn account<AB: Circuit>(builder: &mut AB, row: &Grant<AB::Var>) {
    // An account that is handed to itself is nobody else's; what is handed to another is shown to be.
    let mut differs = AB::Expr::ZERO;
    for ((party, account), inverse) in row.party.into_iter().zip(row.account).zip(row.differs) {
        builder.assert_zero(row.returned * (party - account));
        differs += (party - account) * inverse;
    }
    builder.assert_zero(row.handed * (differs - AB::Expr::ONE));

    let reads = row.handed + row.returned + row.granted;
    let time = moment::<AB>(row.number, 2);
    since(builder, row.since.into(), time.clone(), row.passed, reads.clone());
    let nonce: [AB::Expr; 2] = row.nonce.map(Into::into);
    let keeper = row.keeper.map(Into::into);
    let before = account_leaf::<AB>(&row.account, nonce.clone(), row.kept.into(), keeper, row.since.into());
    // To whom it is handed, nobody, or as before.
    let kept = row.handed + row.granted * row.kept;
    let keeper = std::array::from_fn(|cell| row.handed * row.party[cell] + row.granted * row.keeper[cell]);
    let after = account_leaf::<AB>(&row.account, nonce, kept, keeper, time);
    Bus::Memory.receive(builder, before, reads.clone());
    Bus::Memory.send(builder, after, reads);
}

/// Grants a session in the name of the account's keeper, or ends one.
fn session<AB: Circuit>(builder: &mut AB, row: &Grant<AB::Var>, used: AB::Expr) {
    // It expires after the entry's time, or that is at least when it would.
    let begins = row.granted + row.late;
    Bus::Time.send(builder, [row.number, row.time[0], row.time[1]], begins.clone());
    let [first, second] = [(row.granted, row.late), (row.late, row.granted)]
        .map(|(expires, time)| [0, 1].map(|half| expires * row.expires[half] + time * row.time[half]));
    let order = first.into_iter().chain(second).chain([row.granted.into()]);
    Bus::Compare.send(builder, order, begins);

    // An account that was not handed over keeps itself: zeros are its keeper's cells.
    for ((grantor, keeper), account) in row.grantor.into_iter().zip(row.keeper).zip(row.account) {
        let own = (AB::Expr::ONE - row.kept) * account;
        builder.assert_zero(row.granted * (grantor - keeper - own));
        builder.assert_zero((used.clone() - row.granted) * grantor);
    }
    // What is ended is there, and what is rejected as unknown is not.
    builder.assert_zero(row.ended * (AB::Expr::ONE - row.there));
    builder.assert_zero(row.unknown * row.there);
    let touches = row.granted + row.ended + row.unknown;
    let time = moment::<AB>(row.number, 2);
    since(builder, row.session_since.into(), time.clone(), row.session_passed, touches.clone());
    let leaf = |there: AB::Var, grantor: [AB::Var; 4], expires: [AB::Var; 2], time: AB::Expr| {
        let key = [&row.account, &row.party];
        session_leaf::<AB>(key, there.into(), grantor.map(Into::into), expires.map(Into::into), time)
    };
    Bus::Memory.receive(builder, leaf(row.there, row.before, row.expired, row.session_since.into()), touches.clone());
    // What is granted takes its place; what is ended leaves zeros, which are who grants nothing and until when.
    Bus::Memory.send(builder, leaf(row.granted, row.grantor, row.expires, time), touches);
}
