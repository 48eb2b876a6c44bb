//! The balance table: one debit or credit in each row, of a balance or of what the ledger owes of an asset.
//!
//! The only table that changes an amount. What it is asked for comes over the post bus, and whether it could be done
//! goes with it: a debit that the balance does not cover changes nothing, nor does a credit that makes it too large.

use super::columns::columns;
use super::{Bus, Circuit, range62, since};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

columns! {
    /// A movement.
    pub struct Balance {
        /// One for a debit.
        pub debits: T,
        /// One for a credit.
        pub credits: T,
        /// One when it was done, zero when the balance does not cover it or would be too large.
        pub done: T,
        /// When.
        pub time: T,
        /// The kind of leaf: a balance, or a supply.
        pub kind: T,
        /// Its key: whose and of what, or only of what.
        pub key: [T; 8],
        /// How much moves: below 2^62, as who asks has constrained. Who takes all that there is has not, and shows in its place
        /// that nothing is left of it ([`super::tally`], [`super::bridge`]).
        pub amount: T,
        /// The balance before.
        pub before: T,
        /// Since when it was that.
        pub since: T,
        /// The lowest 16 bits of the time that passed.
        pub passed: T,
        /// The three lower limbs of 16 bits of the new balance, of what is missing less one, or of what is too much.
        pub limbs: [T; 3],
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Balance::read(builder.main().current_slice());
    let one = AB::Expr::ONE;
    for flag in [row.debits, row.credits, row.done] {
        builder.assert_bool(flag);
    }
    // A row debits, credits or is unused.
    let used = row.debits + row.credits;
    builder.assert_bool(used.clone());

    // What was done leaves a balance of 0 to 2^62-1.
    let moved = row.before + row.credits * row.amount - row.debits * row.amount;
    // What was not done would have left less than nothing: the amount is larger than the balance. Or 2^62 or more.
    let missing = row.amount - row.before - one.clone();
    let surplus = row.before + row.amount - AB::Expr::from_u64(1 << 62);
    let ranged = row.done * moved.clone() + (one - row.done) * (row.debits * missing + row.credits * surplus);
    range62(builder, ranged, row.limbs, used.clone());

    // Only what was done changes the balance.
    let after = row.done * (moved - row.before) + row.before;
    since(builder, row.since.into(), row.time.into(), row.passed, used.clone());
    let leaf = |value: AB::Expr, time: AB::Var| {
        let mut message: Vec<AB::Expr> = vec![row.kind.into()];
        message.extend(row.key.map(Into::into));
        message.push(value);
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 6));
        message.push(time.into());
        message
    };
    Bus::Memory.receive(builder, leaf(row.before.into(), row.since), used.clone());
    Bus::Memory.send(builder, leaf(after, row.time), used.clone());

    let mut asked: Vec<AB::Expr> = vec![row.time.into(), row.kind.into()];
    asked.extend(row.key.map(Into::into));
    asked.extend([row.amount, row.credits, row.done].map(Into::into));
    Bus::Post.receive(builder, asked, used);
}
