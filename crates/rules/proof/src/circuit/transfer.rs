//! The transfer table: one transfer in each row.
//!
//! The rule it proves is `ledger::account::transfer`: a transfer of nothing and one that the balance does not cover are
//! rejected, with the rule's code; any other moves the amount. None is for a session to ask.

use super::authority::REJECTED_NARROW;
use super::columns::columns;
use super::signed::asked;
use super::{Bus, Circuit, KIND_BALANCE, all, hash, moment, range62};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of transfers among actions: `transition::Action::Transfer`.
pub const ACTION_TRANSFER: u8 = 1;
/// The code of a transfer that the balance does not cover: `ledger::Reject::InsufficientBalance`.
pub const REJECTED_INSUFFICIENT: u32 = 100;
/// The code of a transfer of nothing: `ledger::Reject::ZeroAmount`.
pub const REJECTED_ZERO: u32 = 101;

columns! {
    /// A transfer.
    pub struct Transfer {
        /// One when it was applied.
        pub applied: T,
        /// One when it was rejected because the balance does not cover it.
        pub insufficient: T,
        /// One when it was rejected because it moves nothing.
        pub nothing: T,
        /// One when it was rejected because a session is too narrow for it.
        pub narrow: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// Who sends.
        pub from: [T; 4],
        /// Who receives.
        pub to: [T; 4],
        /// What moves.
        pub asset: [T; 4],
        /// How much.
        pub amount: T,
        /// The three lower limbs of 16 bits of the amount.
        pub amount_limbs: [T; 3],
        /// What shows that the amount is not zero.
        pub amount_inverse: T,
        /// The digest of what is asked.
        pub action: [T; 4],
        /// The sponge of the action.
        pub action_sponge: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Transfer::read(builder.main().current_slice());
    for flag in [row.applied, row.insufficient, row.nothing, row.narrow] {
        builder.assert_bool(flag);
    }
    // A transfer has one outcome; a row without one is unused.
    let by_keeper = row.applied + row.insufficient + row.nothing;
    let used = by_keeper.clone() + row.narrow;
    builder.assert_bool(used.clone());

    // It answers for an entry with the code of its outcome.
    let code = row.insufficient * AB::Expr::from_u32(REJECTED_INSUFFICIENT)
        + row.nothing * AB::Expr::from_u32(REJECTED_ZERO)
        + row.narrow * AB::Expr::from_u32(REJECTED_NARROW);
    let mut entry: Vec<AB::Expr> = vec![row.number.into(), AB::Expr::from_u8(ACTION_TRANSFER)];
    entry.extend(all::<AB>(&row.id));
    entry.push(code);
    Bus::Entry.receive(builder, entry, used.clone());

    // The keeper asked for it, or it is rejected because that was a session: the action's digest is that of the transfer.
    let mut action = vec![AB::Expr::from_u8(ACTION_TRANSFER)];
    action.extend(all::<AB>(&[&row.to[..], &row.asset, &[row.amount]].concat()));
    hash(builder, Domain::Action, &action, row.action_sponge, row.action.map(Into::into), &used);
    let message = asked::<AB>(row.number, &row.id, &row.from, &row.action, by_keeper);
    Bus::Asked.receive(builder, message, used.clone());

    movement(builder, &row, used);
}

/// Moves the amount, or shows why not.
fn movement<AB: Circuit>(builder: &mut AB, row: &Transfer<AB::Var>, used: AB::Expr) {
    // An amount is below 2^62.
    range62(builder, row.amount.into(), row.amount_limbs, used);
    // What is rejected as nothing is zero, and what is not is not.
    let asks = row.applied + row.insufficient;
    builder.assert_zero(row.nothing * row.amount);
    builder.assert_zero(asks.clone() * (row.amount * row.amount_inverse - AB::Expr::ONE));

    let post = |place: u8, who: [AB::Var; 4], credit: AB::Expr, done: AB::Expr| {
        let mut message = vec![moment::<AB>(row.number, place), AB::Expr::from_u8(KIND_BALANCE)];
        message.extend(all::<AB>(&who));
        message.extend(all::<AB>(&row.asset));
        message.extend([row.amount.into(), credit, done]);
        message
    };
    // The sender is debited, if the balance covers it; then the recipient is credited.
    Bus::Post.send(builder, post(1, row.from, AB::Expr::ZERO, row.applied.into()), asks);
    Bus::Post.send(builder, post(2, row.to, AB::Expr::ONE, AB::Expr::ONE), row.applied);
}
