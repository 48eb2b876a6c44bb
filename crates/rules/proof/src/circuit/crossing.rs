//! Lists of crossings: the rows of the bridge table one after another.
//!
//! A row holds what the crossings up to its own come to: how many messages were taken and withdrawals made, a chain of
//! digests over each list, and each list as a polynomial at three points. Why that binds what L1 knows is told in
//! [`crate::crossing`]. The first row is where the ledger stood before the batch, the last where it stands after it: there
//! the cursor's leaf is opened, and its inbox, its time and all that the lists come to are public values. The hashes of the
//! inbox are nothing but public here: who knows the messages computes them. So are the times: the table of entries has them.

use super::bridge::{Bridge, is_message, message};
use super::columns::columns;
use super::{Bus, Circuit, KIND_CURSOR, all, hash, range32};
use crypto::Domain;
use p3_air::AirBuilder;
use p3_field::PrimeCharacteristicRing;

/// How many elements a message has: `Message`, as it is encoded.
pub const MESSAGE: usize = 21;
/// How many elements a withdrawal has: `Withdrawal`, as it is encoded.
pub const WITHDRAWAL: usize = 16;
/// At how many points a list is evaluated.
pub const POINTS: usize = 3;

columns! {
    /// The public values of the bridge table.
    pub struct Crossed {
        /// How many messages were taken before the batch, in halves.
        pub count_before: [T; 2],
        /// The inbox's hash then, in limbs of 32 bits.
        pub hash_before: [T; 8],
        /// The time of the entry before the batch, in halves.
        pub time_before: [T; 2],
        /// How many are taken after it.
        pub count_after: [T; 2],
        /// The inbox's hash then.
        pub hash_after: [T; 8],
        /// The time of the last entry.
        pub time_after: [T; 2],
        /// What the messages come to.
        pub taken: [T; 4],
        /// What the withdrawals come to.
        pub made: [T; 4],
        /// The points.
        pub points: [T; POINTS],
        /// The list of messages at each.
        pub taken_at: [T; POINTS],
        /// The list of withdrawals at each.
        pub made_at: [T; POINTS],
    }
}

/// Constrains the rows in their order. Public values: [`Crossed`].
pub(super) fn eval<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, next: &Bridge<AB::Var>, used: &AB::Expr) {
    let public: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
    let public = Public::<AB>::of(&public);
    order(builder, row, next, used);
    let taken = is_taken::<AB>(row);
    counts(builder, row, next, &public);
    withdrawal(builder, row);
    lists(builder, row, next, &public);
    cursor(builder, row, next, &public);
    // A message is taken in its turn, and rejected as misplaced out of it.
    let place = inbox_before::<AB>(row);
    let mut differs = AB::Expr::ZERO;
    for ((index, place), inverse) in row.index.into_iter().zip(place).zip([row.moved_inverse, row.party_inverse]) {
        let difference = index - place;
        builder.assert_zero(taken.clone() * difference.clone());
        differs += difference * inverse;
    }
    builder.assert_zero(row.misplaced * (differs - AB::Expr::ONE));
}

/// The public values as expressions.
struct Public<AB: Circuit> {
    before: Vec<AB::Expr>,
    after: Vec<AB::Expr>,
    chains: [Vec<AB::Expr>; 2],
    points: Vec<AB::Expr>,
    values: [Vec<AB::Expr>; 2],
}

impl<AB: Circuit> Public<AB> {
    fn of(public: &[AB::Expr]) -> Self {
        let (before, rest) = public.split_at(12);
        let (after, rest) = rest.split_at(12);
        let (taken, rest) = rest.split_at(4);
        let (made, rest) = rest.split_at(4);
        let (points, rest) = rest.split_at(POINTS);
        let (taken_at, made_at) = rest.split_at(POINTS);
        Self {
            before: before.to_vec(),
            after: after.to_vec(),
            chains: [taken.to_vec(), made.to_vec()],
            points: points.to_vec(),
            values: [taken_at.to_vec(), made_at.to_vec()],
        }
    }
}

/// Returns one for a message that is taken.
fn is_taken<AB: Circuit>(row: &Bridge<AB::Var>) -> AB::Expr {
    is_message::<AB>(row) - row.misplaced
}

/// Constrains the rows to begin with the first, which is no crossing, and to stand in the order of their entries.
fn order<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, next: &Bridge<AB::Var>, used: &AB::Expr) {
    builder.assert_bool(row.first);
    builder.assert_bool(row.last);
    builder.when_first_row().assert_one(row.first);
    builder.when_transition().assert_zero(next.first);
    builder.when_last_row().assert_one(row.last);
    builder.when_transition().assert_zero(row.last);
    // The first row stands before entry one. No row continues the last: what is next to it is the first.
    builder.assert_zero(row.first * used.clone());
    builder.assert_zero(row.first * row.number);
    let next_used = is_message::<AB>(next) + next.withdraws;
    builder.assert_zero(next_used.clone() * (AB::Expr::ONE - used.clone() - row.first));
    range32(builder, next.number - row.number - AB::Expr::ONE, row.gap, next_used);
}

/// Returns how many messages were taken before this row, in halves.
fn inbox_before<AB: Circuit>(row: &Bridge<AB::Var>) -> [AB::Expr; 2] {
    halves_before::<AB>(row.inbox, is_taken::<AB>(row), row.inbox_carry)
}

/// Returns what a number was, in halves, before it was counted up.
fn halves_before<AB: Circuit>([high, low]: [AB::Var; 2], counted: AB::Expr, carry: AB::Var) -> [AB::Expr; 2] {
    [high - carry, low - counted + carry * AB::Expr::from_u64(1 << 32)]
}

/// Counts messages and withdrawals.
fn counts<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, next: &Bridge<AB::Var>, public: &Public<AB>) {
    let (taken, next_taken) = (is_taken::<AB>(row), is_taken::<AB>(next));
    for (carry, counted) in [(row.inbox_carry, taken), (row.withdrawals_carry, row.leaves.into())] {
        builder.assert_bool(carry);
        builder.assert_zero(carry * (AB::Expr::ONE - counted));
    }
    // Each goes on from the one before it. That the halves of the inbox's count have 32 bits is seen where a message has
    // this place, and in the public values; those of the withdrawals' had them before.
    let before = halves_before::<AB>(next.inbox, next_taken, next.inbox_carry);
    let made_before = halves_before::<AB>(next.withdrawals, next.leaves.into(), next.withdrawals_carry);
    for half in 0..2 {
        builder.when_transition().assert_eq(before[half].clone(), row.inbox[half]);
        builder.when_transition().assert_eq(made_before[half].clone(), row.withdrawals[half]);
        builder.when_first_row().assert_eq(row.inbox[half], public.before[half].clone());
        builder.when_last_row().assert_eq(row.inbox[half], public.after[half].clone());
    }
    range32(builder, row.withdrawals[1].into(), row.withdrawals_low, row.leaves.into());
}

/// Returns a withdrawal's elements: `Withdrawal`, as it is encoded.
fn withdrawal_of<AB: Circuit>(row: &Bridge<AB::Var>) -> Vec<AB::Expr> {
    let mut elements = halves_before::<AB>(row.withdrawals, row.leaves.into(), row.withdrawals_carry).to_vec();
    elements.extend(all::<AB>(&[&row.party[..], &row.word, &[row.moved]].concat()));
    elements
}

fn withdrawal<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) {
    let digest = row.withdrawal.map(Into::into);
    let elements = withdrawal_of::<AB>(row);
    hash(builder, Domain::Withdrawal, &elements, row.withdrawal_sponge, digest, &row.leaves.into());
}

/// Adds each message to one list and each withdrawal to the other. A message's id is its digest.
fn lists<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, next: &Bridge<AB::Var>, public: &Public<AB>) {
    let lists = [
        (row.taken, next.taken, next.id, is_taken::<AB>(next), row.taken_at, next.taken_at, message::<AB>(next)),
        (
            row.made,
            next.made,
            next.withdrawal,
            next.leaves.into(),
            row.made_at,
            next.made_at,
            withdrawal_of::<AB>(next),
        ),
    ];
    for (list, (chain, longer, digest, adds, values, evaluated, elements)) in lists.into_iter().enumerate() {
        Bus::Compress.send(builder, [chain, digest, longer].concat(), adds.clone());
        let same = AB::Expr::ONE - adds.clone();
        for cell in 0..4 {
            builder.when_first_row().assert_zero(chain[cell]);
            builder.when_transition().assert_zero(same.clone() * (longer[cell] - chain[cell]));
            builder.when_last_row().assert_eq(chain[cell], public.chains[list][cell].clone());
        }
        for (index, point) in public.points.iter().enumerate() {
            // The element that is added last weighs one, and a one stands before the first: so the list's length matters.
            let mut value: AB::Expr = values[index].into();
            for element in &elements {
                value = value * point.clone() + element.clone();
            }
            let unchanged: AB::Expr = values[index].into();
            let value = adds.clone() * value + same.clone() * unchanged;
            builder.when_first_row().assert_one(values[index]);
            builder.when_transition().assert_eq(evaluated[index], value);
            builder.when_last_row().assert_eq(values[index], public.values[list][index].clone());
        }
    }
}

/// Opens the cursor's leaf before the batch and after it.
fn cursor<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, next: &Bridge<AB::Var>, public: &Public<AB>) {
    builder.assert_bool(row.kept);
    // It is made by the first message or withdrawal, or by the first entry that has a time, which the last row shows; and
    // it stays. Halves of 32 bits are nothing together when each is nothing.
    let moves = is_taken::<AB>(next) + next.withdraws * next.leaves;
    let [before, after] = [&public.before, &public.after].map(|public| public[10..].iter().cloned().sum::<AB::Expr>());
    let is_timed = |row: &Bridge<AB::Var>| after.clone() * row.timed_inverse;
    builder.assert_bool(is_timed(row));
    let kept = row.kept + (AB::Expr::ONE - row.kept) * (moves + is_timed(next) * next.last);
    builder.when_transition().assert_eq(next.kept, kept);
    // Before that there is nothing.
    let absent = AB::Expr::ONE - row.kept;
    for public in public.before[..10].iter().chain([&before]) {
        builder.when_first_row().assert_zero(absent.clone() * public.clone());
    }
    builder.when_last_row().assert_zero(absent.clone() * after.clone());
    for half in row.withdrawals {
        builder.when_first_row().assert_zero(absent.clone() * half);
    }
    let ends = row.first + row.last;
    for cell in row.cursor {
        builder.assert_zero(absent.clone() * cell);
    }

    let mut record = all::<AB>(&row.inbox);
    let [hashes, times] = [2..10, 10..12].map(|cells| {
        let ends = public.before[cells.clone()].iter().zip(&public.after[cells]);
        ends.map(|(before, after)| row.first * before.clone() + row.last * after.clone()).collect::<Vec<_>>()
    });
    record.extend(hashes);
    record.extend(all::<AB>(&row.withdrawals));
    record.extend(times);
    let digest = row.cursor.map(Into::into);
    hash(builder, Domain::Value, &record, row.cursor_sponge, digest, &(ends * row.kept));

    // No other row looks at it.
    let leaf = |time: AB::Expr| {
        let mut message = vec![AB::Expr::from_u8(KIND_CURSOR)];
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 8));
        message.extend(all::<AB>(&row.cursor));
        message.extend([row.kept.into(), AB::Expr::ZERO, AB::Expr::ZERO, time]);
        message
    };
    Bus::Memory.receive(builder, leaf(AB::Expr::ZERO), row.first);
    Bus::Memory.send(builder, leaf(AB::Expr::ONE), row.last);
}
