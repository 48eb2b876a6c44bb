//! The tally table: one transaction about a tally in each row.
//!
//! The rules it proves are `ledger::tally`'s. The leaf of a tally is known to the memory by the digest of its record, which
//! is opened here, and made anew where the rule changes it. Terms that a quorum resolves have no row: their length varies,
//! and the machine's program has their rules.
//!
//! That the collateral covers every outcome, that no more halves are held than there are, and that those of an open tally
//! are equally many is so in every state that the rules have made, and is not shown again.

use super::authority::REJECTED_NARROW;
use super::columns::columns;
use super::conclude::{self, ACTION_RECLAIM, ACTION_RESOLVE, REJECTED_EARLY, REJECTED_FOREIGN};
use super::signed::asked;
use super::split::{self, ACTION_SPLIT, REJECTED_BAD};
use super::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use super::{
    Bus, Circuit, KIND_BALANCE, KIND_SUPPLY, KIND_TALLY, all, hash, inverse_of_two_to, moment, range62, since,
};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of merges among actions: `transition::Action::Merge`.
pub const ACTION_MERGE: u8 = 7;
/// The number of redemptions among actions: `transition::Action::Redeem`.
pub const ACTION_REDEEM: u8 = 9;
/// The code of an amount that is too large: `ledger::Reject::AmountTooLarge`.
pub const REJECTED_OVERFLOW: u32 = 102;
/// The code where there is no such tally: `ledger::Reject::UnknownTally`.
pub const REJECTED_UNKNOWN: u32 = 110;
/// The code of a tally that has ended: `ledger::Reject::TallyClosed`.
pub const REJECTED_CLOSED: u32 = 113;

/// The code of a tally that has no outcome: `ledger::Reject::TallyOpen`.
pub const REJECTED_OPEN: u32 = 114;
/// The code of an account that holds no half: `ledger::Reject::NothingToRedeem`.
pub const REJECTED_EMPTY: u32 = 116;

/// How many cells the terms have.
pub const TERMS: usize = 23;
/// How many of them precede the resolver.
pub(super) const TERMS_FIRST: usize = 13;
/// The forms of a record: an account resolves or a rule, and the tally is open or has ended.
const FORMS: usize = 4;
/// How many elements a record of each form has.
const LENGTHS: [usize; FORMS] = [29, 30, 26, 27];

columns! {
    /// A transaction about a tally.
    pub struct Tally {
        /// One for a merge.
        pub merges: T,
        /// One for a redemption.
        pub redeems: T,
        /// One for a split.
        pub splits: T,
        /// One for a resolution.
        pub resolves: T,
        /// One for a reclaim.
        pub reclaims: T,
        /// One when a resolution or a reclaim was applied.
        pub concluded: T,
        /// One when it was rejected because it is too early.
        pub early: T,
        /// One when it was rejected because somebody else resolves the tally.
        pub foreign: T,
        /// One when another transaction was applied.
        pub applied: T,
        /// One when a merge was rejected because it moves nothing.
        pub nothing: T,
        /// One when a split was rejected because it locks nothing.
        pub worthless: T,
        /// One when it was rejected because the terms contradict themselves.
        pub bad: T,
        /// One when it was rejected because there is no such tally.
        pub unknown: T,
        /// One when it was rejected because the tally has ended.
        pub closed: T,
        /// One when it was rejected because the tally has no outcome.
        pub open: T,
        /// One when it was rejected because the sender holds no half.
        pub empty: T,
        /// One when it was rejected because an amount is too large.
        pub overflows: T,
        /// One when a merge was rejected because a balance of halves does not cover it.
        pub insufficient: T,
        /// One when a split was rejected because the balance does not cover what it locks.
        pub uncovered: T,
        /// One when a split was rejected because it makes halves for another, for which a session is too narrow.
        pub narrow: T,
        /// One when the keeper asked for it, zero when that was a session.
        pub keeps: T,
        /// Its entry's number.
        pub number: T,
        /// The transaction's id.
        pub id: [T; 4],
        /// Who sends.
        pub from: [T; 4],
        /// The digest of what is asked.
        pub action: [T; 4],
        /// The sponge of the action.
        pub action_sponge: T,
        /// Which tally.
        pub tally: [T; 4],
        /// What is asked of it: of a merge or a split how many pairs, of a resolution the outcome in halves.
        pub asked: [T; 2],
        /// The three lower limbs of 16 bits of the pairs; or the low 16 bits of the outcome's halves.
        pub asked_limbs: [T; 3],
        /// What shows that the pairs, or with the other inverse the halves that are redeemed, are not zero. Where a session is
        /// too narrow, zero if the holder of the STOCK shows it, one if that of the FOIL does.
        pub asked_inverse: T,

        /// The terms: subject, collateral, amount of a pair, floor and cap; the account that resolves, or zeros; then the
        /// times of resolution and refund, and what STOCK is paid at a refund. Numbers of 64 bits are in halves, the high
        /// one first.
        pub terms: [T; TERMS],
        /// For each condition of sound terms, one where they do not meet it.
        pub wrong: [T; 3],
        /// The sponge of the terms of a split.
        pub tally_sponge: T,
        /// Which form the record has; none when there is none.
        pub form: [T; FORMS],
        /// One when it was refunded, where it has ended before or afterwards.
        pub refunded: T,
        /// Its outcome, or when it was refunded, in halves; before or afterwards.
        pub ended: [T; 2],
        /// The collateral locked, the STOCK and the FOIL outstanding.
        pub amounts: [T; 3],
        /// The digest of the record, or zeros.
        pub before: [T; 4],
        /// The sponge of the record.
        pub before_sponge: T,
        /// Since when the tally is as it is.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
        /// Which form the new record has; none when nothing changes or the tally is removed.
        pub new_form: [T; FORMS],
        /// The amounts of the new record.
        pub new_amounts: [T; 3],
        /// The digest of the tally's record afterwards. Where a session is too narrow, what shows that a holder is another.
        pub after: [T; 4],
        /// The sponge of the new record.
        pub after_sponge: T,

        /// Whose STOCK and whose FOIL: the sender's, or for whom a split makes them.
        pub holders: [[T; 4]; 2],
        /// How many STOCK and how many FOIL the sender gives, or a split makes.
        pub given: [T; 2],
        /// Their low 32 bits, where they are redeemed.
        pub given_low: [T; 2],
        /// Why a redeemed STOCK is paid what it is: the outcome is not above the floor; it is between floor and cap; it is
        /// not below the cap; or the tally was refunded.
        pub cases: [T; 4],
        /// One where the low half of the floor is above that of the cap, and where it is above that of the outcome.
        pub borrows: [T; 2],
        /// The entry's time in halves, where it matters.
        pub time: [T; 2],
        /// What the amount of a pair is multiplied by, in halves. Where another account resolves, this and the divisor show
        /// that it is another.
        pub factor: [T; 2],
        /// By what the product is divided, in halves.
        pub divisor: [T; 2],
        /// The quotient: what a merge frees or a split locks, what one redeemed STOCK is paid, or what shows that it is
        /// too much.
        pub quotient: T,
        /// What is paid for the STOCK and for the FOIL; a merge or a split moves the quotient at once.
        pub paid: [T; 2],
        /// What shows that the quotient, what remains of both halves, or what is redeemed is not zero.
        pub inverse: T,
        /// One when the balance that does not cover it is that of the FOIL.
        pub lacks_foil: T,
        /// The assets that the STOCK and the FOIL are.
        pub halves: [[T; 4]; 2],
        /// The sponges of both.
        pub half_sponges: [T; 2],
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Tally::read(builder.main().current_slice());
    let used = outcome(builder, &row);
    request(builder, &row, &used);
    record(builder, &row);
    leaf(builder, &row);
    pairs(builder, &row);
    merge(builder, &row);
    split::eval(builder, &row);
    redeem(builder, &row);
    conclude::eval(builder, &row);
    quotients(builder, &row);
    movements(builder, &row);
}

/// Constrains kind and outcome, and answers for the entry. Returns one for a row that is not unused.
fn outcome<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) -> AB::Expr {
    let outcomes = [
        (row.applied, 0),
        (row.nothing, REJECTED_ZERO),
        (row.unknown, REJECTED_UNKNOWN),
        (row.closed, REJECTED_CLOSED),
        (row.open, REJECTED_OPEN),
        (row.empty, REJECTED_EMPTY),
        (row.bad, REJECTED_BAD),
        (row.worthless, REJECTED_ZERO),
        (row.uncovered, REJECTED_INSUFFICIENT),
        (row.concluded, 0),
        (row.early, REJECTED_EARLY),
        (row.foreign, REJECTED_FOREIGN),
        (row.overflows, REJECTED_OVERFLOW),
        (row.narrow, REJECTED_NARROW),
        (row.insufficient, REJECTED_INSUFFICIENT),
    ];
    let kinds = [
        (row.merges, ACTION_MERGE),
        (row.redeems, ACTION_REDEEM),
        (row.splits, ACTION_SPLIT),
        (row.resolves, ACTION_RESOLVE),
        (row.reclaims, ACTION_RECLAIM),
    ];
    let (mut used, mut code, mut kind, mut action) = (AB::Expr::ZERO, AB::Expr::ZERO, AB::Expr::ZERO, AB::Expr::ZERO);
    for (flag, number) in outcomes {
        builder.assert_bool(flag);
        used += flag.into();
        code += flag * AB::Expr::from_u32(number);
    }
    for (flag, number) in kinds {
        builder.assert_bool(flag);
        kind += flag.into();
        action += flag * AB::Expr::from_u8(number);
    }
    // A transaction is of one kind and has one outcome; a row without one is unused.
    builder.assert_bool(used.clone());
    builder.assert_eq(kind, used.clone());

    let mut entry: Vec<AB::Expr> = vec![row.number.into(), action];
    entry.extend(all::<AB>(&row.id));
    entry.push(code);
    Bus::Entry.receive(builder, entry, used.clone());
    used
}

/// Somebody asked for it: the action's digest is that of kind, tally and what is asked.
fn request<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>, used: &AB::Expr) {
    let names: AB::Expr = used.clone() - row.splits;
    // Number, tally and pairs of a merge are six elements; what else only names a tally has five; a resolution has eight,
    // the outcome's halves and that no endorsements follow.
    let lengths = [
        (row.merges, ACTION_MERGE, 6),
        (row.redeems, ACTION_REDEEM, 5),
        (row.reclaims, ACTION_RECLAIM, 5),
        (row.resolves, ACTION_RESOLVE, 8),
    ];
    let (mut number, mut length) = (AB::Expr::ZERO, AB::Expr::ZERO);
    for (flag, own, elements) in lengths {
        number += flag * AB::Expr::from_u8(own);
        length += flag * AB::Expr::from_u8(elements);
    }
    let [pairs, more] = row.asked;
    builder.assert_zero(row.merges * more);
    for cell in row.asked {
        builder.assert_zero((row.redeems + row.reclaims) * cell);
    }
    let [first, second, third, fourth] = row.tally.map(Into::into);
    let sponge: AB::Expr = row.action_sponge.into();
    let domain = AB::Expr::from_u64(Domain::Action.number());
    Bus::AbsorbFirst.send(builder, [sponge.clone(), domain, length, number, first, second, third], names.clone());
    let next = sponge + AB::Expr::ONE;
    Bus::AbsorbNext.send(builder, [next.clone(), fourth, pairs.into(), more.into(), AB::Expr::ZERO], names.clone());
    let mut digest = vec![next];
    digest.extend(all::<AB>(&row.action));
    Bus::Digest.send(builder, digest, names);
    let message = asked::<AB>(row.number, &row.id, &row.from, &row.action, row.keeps.into());
    Bus::Asked.receive(builder, message, used.clone());
}

/// Returns one in all outcomes that speak of the record of a tally that is there; a split may find none.
fn speaks<AB: Circuit>(row: &Tally<AB::Var>) -> AB::Expr {
    let ends = row.concluded + row.early + row.foreign;
    ends + row.applied + row.closed + row.open + row.empty + row.overflows + row.insufficient
}

/// Returns the sum of a record's forms: one when there is one.
pub(super) fn sum<AB: Circuit>(form: &[AB::Var; FORMS]) -> AB::Expr {
    form.iter().fold(AB::Expr::ZERO, |sum, flag| sum + *flag)
}

/// Returns one when the record has ended.
pub(super) fn has_ended<AB: Circuit>(form: &[AB::Var; FORMS]) -> AB::Expr {
    form[1] + form[3]
}

/// Opens the record before, and makes the one after.
fn record<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    for flag in row.form.into_iter().chain(row.new_form).chain([row.refunded]) {
        builder.assert_bool(flag);
    }
    // A record has one form exactly when it is there.
    let (there, renewed) = (sum::<AB>(&row.form), sum::<AB>(&row.new_form));
    let elsewhere = AB::Expr::ONE - row.splits;
    builder.assert_bool(there.clone());
    builder.assert_bool(renewed);
    builder.assert_zero(elsewhere * (there.clone() - speaks::<AB>(row)));
    builder.assert_zero((row.bad + row.narrow) * there);
    // A new one only where the transaction was applied; of a merge and a redemption it has the same form.
    for (new, old) in row.new_form.into_iter().zip(row.form) {
        builder.assert_zero(new * (AB::Expr::ONE - row.applied - row.concluded));
        builder.assert_zero((row.merges + row.redeems) * new * (AB::Expr::ONE - old));
    }
    // Where an account resolves, it is in the terms; a rule has zeros.
    for cell in &row.terms[TERMS_FIRST..TERMS_FIRST + 4] {
        builder.assert_zero((row.form[2] + row.form[3]) * *cell);
    }

    let amounts = row.amounts.map(Into::into);
    let before = elements::<AB>(row, &row.form, amounts);
    absorb(builder, &before, &row.form, row.before_sponge, row.before);
    // A split adds to its amounts what others take.
    let moved = [row.paid[0] + row.paid[1], row.given[0].into(), row.given[1].into()];
    let sign = row.splits.into().double() - AB::Expr::ONE;
    for ((new, old), moved) in row.new_amounts.into_iter().zip(row.amounts).zip(moved) {
        builder.assert_zero(row.applied * (new - old - moved * sign.clone()));
    }
    let after = elements::<AB>(row, &row.new_form, row.new_amounts.map(Into::into));
    absorb(builder, &after, &row.new_form, row.after_sponge, row.after);
}

/// Returns a record's elements in its form: `ledger::tally::TallyRecord`, as it is encoded.
fn elements<AB: Circuit>(row: &Tally<AB::Var>, form: &[AB::Var; FORMS], amounts: [AB::Expr; 3]) -> Vec<AB::Expr> {
    let (first, rest) = row.terms.split_at(TERMS_FIRST);
    let (resolver, rest) = rest.split_at(4);
    let open = [AB::Expr::ZERO, AB::Expr::ZERO];
    let [high, low] = row.ended.map(Into::into);
    let ended = [AB::Expr::ONE + row.refunded, high, low];
    let rule = [AB::Expr::ZERO];
    let resolver = all::<AB>(resolver);
    let forms: [Vec<AB::Expr>; FORMS] =
        [(&resolver[..], &open[..]), (&resolver, &ended), (&rule, &open), (&rule, &ended)]
            .map(|(resolver, standing)| [resolver, &all::<AB>(rest), standing, &amounts].concat());

    let mut elements = all::<AB>(first);
    // The number of the resolver's choice: an account's is one, a rule's zero.
    elements.push(form[0] + form[1]);
    let length = forms.iter().map(Vec::len).max().unwrap_or_default();
    elements.extend((0..length).map(|place| {
        form.iter().zip(&forms).fold(AB::Expr::ZERO, |sum, (flag, form)| {
            let element = form.get(place).cloned().unwrap_or(AB::Expr::ZERO);
            sum + element * *flag
        })
    }));
    elements
}

/// Asks for the digest of a record, if it has a form.
fn absorb<AB: Circuit>(
    builder: &mut AB,
    elements: &[AB::Expr],
    form: &[AB::Var; FORMS],
    sponge: AB::Var,
    digest: [AB::Var; 4],
) {
    let flag = sum::<AB>(form);
    let length =
        form.iter().zip(LENGTHS).fold(AB::Expr::ZERO, |sum, (flag, length)| sum + *flag * AB::Expr::from_usize(length));
    let by_account = form[0] + form[1];
    for (index, block) in elements.chunks(4).enumerate() {
        let mut message: Vec<AB::Expr> = vec![sponge + AB::Expr::from_usize(index)];
        if index == 0 {
            message.extend([AB::Expr::from_u64(Domain::Value.number()), length.clone()]);
        }
        message.extend((0..4).map(|cell| block.get(cell).cloned().unwrap_or(AB::Expr::ZERO)));
        let bus = if index == 0 { Bus::AbsorbFirst } else { Bus::AbsorbNext };
        // The eighth block is the last; the record of a tally that a rule resolves has seven.
        bus.send(builder, message, if index == 7 { by_account.clone() } else { flag.clone() });
    }
    let mut message: Vec<AB::Expr> = vec![sponge + AB::Expr::from_u8(6) + by_account];
    message.extend(digest.map(Into::into));
    Bus::Digest.send(builder, message, flag);
}

/// Takes the tally's leaf from the memory, and gives it back.
fn leaf<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let looked: AB::Expr = speaks::<AB>(row) + row.unknown + row.worthless + row.uncovered;
    let (there, renewed) = (sum::<AB>(&row.form), sum::<AB>(&row.new_form));
    let changed = row.applied + row.concluded;
    for (before, after) in row.before.into_iter().zip(row.after) {
        // What is not there has no record.
        builder.assert_zero((AB::Expr::ONE - there.clone()) * before);
        // Only what was applied changes it; a tally that is removed leaves none.
        builder.assert_zero((looked.clone() - changed.clone()) * (after - before));
        builder.assert_zero((changed.clone() - renewed.clone()) * after);
    }
    let time = moment::<AB>(row.number, 1);
    since(builder, row.since.into(), time.clone(), row.passed, looked.clone());
    let leaf = |digest: [AB::Var; 4], there: AB::Expr, time: AB::Expr| {
        let mut message = vec![AB::Expr::from_u8(KIND_TALLY)];
        message.extend(all::<AB>(&row.tally));
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 4));
        message.extend(all::<AB>(&digest));
        message.extend([there, AB::Expr::ZERO, AB::Expr::ZERO, time]);
        message
    };
    Bus::Memory.receive(builder, leaf(row.before, there.clone(), row.since.into()), looked.clone());
    Bus::Memory.send(builder, leaf(row.after, there * (AB::Expr::ONE - changed) + renewed, time), looked);
}

/// Constrains what pairs lock, for a merge and a split.
fn pairs<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let [pairs, _] = row.asked;
    let counts = row.merges + row.splits;
    // An amount is below 2^62.
    range62(builder, pairs.into(), row.asked_limbs, counts.clone());
    // As many of each half are given or made.
    for given in row.given {
        builder.assert_zero(counts.clone() * (given - pairs));
    }
    // The pairs lock so much, which is an amount and moves. Or, by 2^62, it is not zero, and is none. Nor is it looked at
    // where there is another reason to reject.
    let large = row.overflows + row.closed + row.bad;
    let low = row.asked_limbs[0] + row.asked_limbs[1] * AB::Expr::from_u64(1 << 16);
    let high = (pairs - low.clone()) * AB::Expr::from(inverse_of_two_to(32));
    let divisor = [large.clone() * AB::Expr::from_u64(1 << 30), AB::Expr::ONE - large];
    for (cell, value) in row.factor.into_iter().chain(row.divisor).zip([high, low].into_iter().chain(divisor)) {
        builder.assert_zero(counts.clone() * (cell - value));
    }
    builder.assert_zero(row.overflows * (row.quotient * row.inverse - AB::Expr::ONE));
    builder.assert_zero(counts.clone() * (row.paid[0] - row.quotient));
    builder.assert_zero(counts.clone() * row.paid[1]);
    // Only these are rejected as too much; a redemption is not rejected as closed.
    builder.assert_zero(row.overflows * (AB::Expr::ONE - counts));
    builder.assert_zero(row.closed * row.redeems);
    builder.assert_zero(row.closed * (AB::Expr::ONE - has_ended::<AB>(&row.form)));
}

/// Constrains a merge: `ledger::tally::merge_by`.
fn merge<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let [pairs, _] = row.asked;
    // The pairs are nothing only where it is rejected as such.
    builder.assert_zero(row.nothing * pairs);
    builder.assert_zero((row.merges - row.nothing) * (pairs * row.asked_inverse - AB::Expr::ONE));
    // Only a merge is rejected as this.
    builder.assert_zero((row.nothing + row.insufficient) * (AB::Expr::ONE - row.merges));
    // What goes on finds an open tally.
    let goes_on = row.applied + row.overflows + row.insufficient;
    builder.assert_zero(row.merges * goes_on * has_ended::<AB>(&row.form));
    // A tally without halves is removed. An open one has as many STOCK as FOIL, so that their sum is not the prime.
    let left = row.amounts[1] + row.amounts[2] - pairs.into().double();
    let renewed = sum::<AB>(&row.new_form);
    builder.assert_zero(row.merges * (row.applied - renewed.clone()) * left.clone());
    builder.assert_zero(row.merges * renewed * (left * row.inverse - AB::Expr::ONE));
}

/// Constrains what one redeemed STOCK is paid, or why the redemption is rejected: `ledger::tally::redeem`.
fn redeem<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let ended = has_ended::<AB>(&row.form);
    // What goes on finds a tally that has ended, and what is rejected as open does not.
    builder.assert_zero(row.redeems * (row.applied + row.empty) * (AB::Expr::ONE - ended.clone()));
    builder.assert_zero(row.open * ended);
    // Only a redemption is rejected as this.
    builder.assert_zero((row.open + row.empty) * (AB::Expr::ONE - row.redeems));
    // Where it is applied, one half at least is held, and the record stays.
    let applied = row.redeems * row.applied;
    let shown = row.given[0] * row.inverse + row.given[1] * row.asked_inverse;
    builder.assert_zero(applied.clone() * (shown - AB::Expr::ONE));
    builder.assert_zero(row.redeems * (row.applied - sum::<AB>(&row.new_form)));

    // It is paid for one of four reasons.
    for flag in row.cases.into_iter().chain(row.borrows) {
        builder.assert_bool(flag);
    }
    let [below, within, over, refund] = row.cases;
    builder.assert_eq(below + within + over + refund, applied);
    builder.assert_zero(refund * (AB::Expr::ONE - row.refunded));
    let resolved = below + within + over;
    builder.assert_zero(resolved.clone() * row.refunded);

    // At a refund the share of a million that the terms name is paid.
    for (cell, share) in row.factor.into_iter().zip(&row.terms[21..23]) {
        builder.assert_zero(refund * (cell - *share));
    }
    builder.assert_zero(refund * row.divisor[0]);
    builder.assert_zero(refund * (row.divisor[1] - AB::Expr::from_u32(1_000_000)));

    // After an outcome: so much of the width between floor and cap as the outcome is above the floor.
    let (floor, cap) = ([row.terms[9], row.terms[10]], [row.terms[11], row.terms[12]]);
    let width = difference::<AB>(cap, floor, row.borrows[0]);
    let above = difference::<AB>(row.ended, floor, row.borrows[1]);
    for half in 0..2 {
        builder.assert_zero(resolved.clone() * (row.divisor[half] - width[half].clone()));
        builder.assert_zero(below * row.factor[half]);
        builder.assert_zero(within * (row.factor[half] - above[half].clone()));
        builder.assert_zero(over * (row.factor[half] - row.divisor[half]));
    }
    // The floor is at least the outcome, or the cap is, or the outcome is at least the cap. That it is not below the floor
    // when it is between them is so because its difference from it has 64 bits.
    let first = [0, 1].map(|half| below * floor[half] + within * cap[half] + over * row.ended[half]);
    let second = [0, 1].map(|half| (below + within) * row.ended[half] + over * cap[half]);
    let message = first.into_iter().chain(second).chain([AB::Expr::ZERO]);
    Bus::Compare.send(builder, message, resolved);
}

/// Returns the halves of a difference, given what is borrowed.
fn difference<AB: Circuit>(from: [AB::Var; 2], less: [AB::Var; 2], borrow: AB::Var) -> [AB::Expr; 2] {
    let low = from[1] - less[1] + borrow * AB::Expr::from_u64(1 << 32);
    [from[0] - less[0] - borrow, low]
}

/// Asks for the quotient, and for what is paid for the halves that are redeemed.
fn quotients<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let per_pair = row.terms[8];
    // Where a split is rejected for another reason, too, the amount of a pair is shown to be one.
    let closed = row.closed * (row.merges + row.splits);
    let asks = closed + row.applied + row.overflows + row.insufficient + row.bad + row.worthless + row.uncovered;
    let message = [&[per_pair][..], &row.factor, &row.divisor, &[row.quotient]].concat();
    Bus::Divide.send(builder, message, asks);

    // One STOCK is paid the quotient, one FOIL the rest. A product is an amount, so that its factor has its one form.
    let redeemed = row.cases.into_iter().fold(AB::Expr::ZERO, |sum, flag| sum + flag);
    let per_half: [AB::Expr; 2] = [row.quotient.into(), per_pair - row.quotient];
    for (half, each) in per_half.into_iter().enumerate() {
        let low = row.given_low[half];
        let high = (row.given[half] - low) * AB::Expr::from(inverse_of_two_to(32));
        let message = [each, high, low.into(), AB::Expr::ZERO, AB::Expr::ONE, row.paid[half].into()];
        Bus::Divide.send(builder, message, redeemed.clone());
    }
}

/// Moves halves and collateral, or shows which balance does not cover it.
fn movements<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let tries = row.applied + row.insufficient;
    let tally = all::<AB>(&row.tally);
    for (half, (asset, sponge)) in row.halves.into_iter().zip(row.half_sponges).enumerate() {
        let named = [&[AB::Expr::from_usize(half)][..], &tally].concat();
        hash(builder, Domain::Half, &named, sponge, asset.map(Into::into), &(tries.clone() + row.empty));
    }
    builder.assert_bool(row.lacks_foil);
    builder.assert_zero(row.lacks_foil * (AB::Expr::ONE - row.insufficient));

    // What a split does, others do the other way round.
    let (makes, takes): (AB::Expr, AB::Expr) = (row.splits.into(), AB::Expr::ONE - row.splits);
    for cell in 0..4 {
        for holder in row.holders {
            builder.assert_zero(takes.clone() * (holder[cell] - row.from[cell]));
        }
    }
    let post = |place: u8, kind: u8, key: &[AB::Expr], amount: AB::Expr, credit: &AB::Expr, done: AB::Expr| {
        let mut message = vec![moment::<AB>(row.number, place), AB::Expr::from_u8(kind)];
        message.extend((0..8).map(|cell| key.get(cell).cloned().unwrap_or(AB::Expr::ZERO)));
        message.extend([amount, credit.clone(), done]);
        message
    };
    let done: AB::Expr = row.applied.into();
    // Halves are credited to whom they are made for. Or the sender's are debited, or one debit shows that it cannot be done; with them goes what is owed of them.
    let tried = [tries - row.lacks_foil, row.applied + row.lacks_foil];
    let redeemed = row.cases.into_iter().fold(AB::Expr::ZERO, |sum, flag| sum + flag);
    for ((half, asset), tried) in row.halves.into_iter().enumerate().zip(tried) {
        let (given, place): (AB::Expr, u8) = (row.given[half].into(), if half == 0 { 2 } else { 4 });
        let held = all::<AB>(&[row.holders[half], asset].concat());
        Bus::Post.send(builder, post(place, KIND_BALANCE, &held, given.clone(), &makes, done.clone()), tried);
        let owed = post(place + 1, KIND_SUPPLY, &all::<AB>(&asset), given, &makes, AB::Expr::ONE);
        Bus::Post.send(builder, owed, row.applied);
        // Whoever redeems gives all it holds, or holds nothing: not even one can be debited afterwards. What is given is
        // bounded by nothing else, and where it is paid nothing a number like p - 1 would mint.
        let more = post(place + 5, KIND_BALANCE, &held, AB::Expr::ONE, &AB::Expr::ZERO, AB::Expr::ZERO);
        Bus::Post.send(builder, more, redeemed.clone() + row.empty);
    }
    // The sender is credited what is freed of the collateral, or debited what is locked, if the balance covers it.
    let held = all::<AB>(&[&row.from[..], &row.terms[4..8]].concat());
    let moved = post(6, KIND_BALANCE, &held, row.paid[0] + row.paid[1], &takes, done);
    Bus::Post.send(builder, moved, row.applied + row.uncovered);
}
