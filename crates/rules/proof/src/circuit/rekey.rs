//! The rekey table: one account handed to another identity in each row.
//!
//! The rule it proves is `ledger::authority::rekey`, which rejects nothing but a session: only the keeper hands over.

use super::authority::REJECTED_NARROW;
use super::columns::columns;
use super::signed::{account_leaf, asked};
use super::{Bus, Circuit, all, hash, moment, since};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of rekeys among actions: `transition::Action::Rekey`.
pub const ACTION_REKEY: u8 = 3;

columns! {
    /// A rekey.
    pub struct Rekey {
        /// One when it was applied.
        pub applied: T,
        /// One when it was rejected because a session is too narrow for it.
        pub narrow: T,
        /// One when it was applied and the account keeps itself again.
        pub returns: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// The account.
        pub account: [T; 4],
        /// To whom it is handed.
        pub to: [T; 4],
        /// What shows that this is another account.
        pub differs: [T; 4],
        /// The account's next nonce, in halves.
        pub nonce: [T; 2],
        /// One when it was handed over before.
        pub kept: T,
        /// To whom, or zeros.
        pub keeper: [T; 4],
        /// Since when the account is so.
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
    let row = Rekey::read(builder.main().current_slice());
    for flag in [row.applied, row.narrow, row.returns] {
        builder.assert_bool(flag);
    }
    // A rekey has one outcome; a row without one is unused.
    let used = row.applied + row.narrow;
    builder.assert_bool(used.clone());
    builder.assert_zero(row.returns * (AB::Expr::ONE - row.applied));

    let mut entry = vec![row.number.into(), AB::Expr::from_u8(ACTION_REKEY)];
    entry.extend(all::<AB>(&row.id));
    entry.push(row.narrow * AB::Expr::from_u32(REJECTED_NARROW));
    Bus::Entry.receive(builder, entry, used.clone());
    // The keeper asked for it, or it is rejected because that was a session.
    let mut action = vec![AB::Expr::from_u8(ACTION_REKEY)];
    action.extend(all::<AB>(&row.to));
    hash(builder, Domain::Action, &action, row.action_sponge, row.action.map(Into::into), &used);
    let message = asked::<AB>(row.number, &row.id, &row.account, &row.action, row.applied.into());
    Bus::Asked.receive(builder, message, used);

    // An account that is handed to itself is nobody else's; what is handed to another is shown to be.
    let mut differs = AB::Expr::ZERO;
    for ((to, account), inverse) in row.to.into_iter().zip(row.account).zip(row.differs) {
        builder.assert_zero(row.returns * (to - account));
        differs += (to - account) * inverse;
    }
    builder.assert_zero((row.applied - row.returns) * (differs - AB::Expr::ONE));

    // Only its keeper changes.
    let time = moment::<AB>(row.number, 2);
    since(builder, row.since.into(), time.clone(), row.passed, row.applied.into());
    let nonce: [AB::Expr; 2] = row.nonce.map(Into::into);
    let keeper = row.keeper.map(Into::into);
    let before = account_leaf::<AB>(&row.account, nonce.clone(), row.kept.into(), keeper, row.since.into());
    let handed: AB::Expr = AB::Expr::ONE - row.returns;
    let keeper = row.to.map(|cell| handed.clone() * cell);
    let after = account_leaf::<AB>(&row.account, nonce, handed, keeper, time);
    Bus::Memory.receive(builder, before, row.applied);
    Bus::Memory.send(builder, after, row.applied);
}
