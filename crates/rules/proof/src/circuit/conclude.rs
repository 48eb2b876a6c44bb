//! Ends of tallies: the rows of the tally table that record an outcome, or the refund where none came in time.
//!
//! The rules are `ledger::tally::resolve_by` and `reclaim_by`, for tallies that an account or a rule resolves. Of what brings
//! endorsements, needed or not, and of a quorum's tallies the machine's program has the rules.

use super::tally::{TERMS_FIRST, Tally};
use super::{Bus, Circuit, range32};
use p3_field::PrimeCharacteristicRing;

/// The number of resolutions among actions: `transition::Action::Resolve`.
pub const ACTION_RESOLVE: u8 = 8;
/// The number of reclaims among actions: `transition::Action::Reclaim`.
pub const ACTION_RECLAIM: u8 = 19;
/// The code before the time that the terms name: `ledger::Reject::TooEarly`.
pub const REJECTED_EARLY: u32 = 115;
/// The code where somebody else resolves: `ledger::Reject::NotResolver`.
pub const REJECTED_FOREIGN: u32 = 117;

/// Constrains the end of a tally, or why it is rejected.
pub(super) fn eval<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let ends = row.resolves + row.reclaims;
    // Only an end is concluded or rejected as these; it is not applied as others are.
    let own = row.concluded + row.early + row.foreign;
    builder.assert_zero(own * (AB::Expr::ONE - ends.clone()));
    builder.assert_zero(ends.clone() * row.applied);
    // An outcome's halves have 32 bits.
    for (half, low) in row.asked.into_iter().zip(row.asked_limbs) {
        range32(builder, half.into(), low, row.resolves.into());
    }

    authority(builder, row);
    time(builder, row);

    // What is concluded has a record that has ended, and locks what it did.
    let [open, ended, by_rule, by_rule_ended] = row.new_form;
    builder.assert_zero(ends.clone() * (row.concluded - ended));
    builder.assert_zero(ends * (open + by_rule + by_rule_ended));
    for (new, old) in row.new_amounts.into_iter().zip(row.amounts) {
        builder.assert_zero(row.concluded * (new - old));
    }
    // Its end is the outcome that was asked for, or a refund at the entry's time.
    builder.assert_zero(row.concluded * (row.refunded - row.reclaims));
    for half in 0..2 {
        builder.assert_zero(row.concluded * row.resolves * (row.ended[half] - row.asked[half]));
        builder.assert_zero(row.concluded * row.reclaims * (row.ended[half] - row.time[half]));
    }
}

/// Constrains who may end a tally: an outcome is the resolving account's to say, a refund anybody's to ask for. What a
/// rule resolves, nobody ends here.
fn authority<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let may = row.concluded + row.early;
    let [by_account, _, by_rule, _] = row.form;
    builder.assert_zero(may.clone() * (AB::Expr::ONE - by_account));
    // Who is told to be no resolver finds the tally open, too.
    builder.assert_zero(row.foreign * (AB::Expr::ONE - by_account - by_rule));
    builder.assert_zero(row.foreign * by_account * row.reclaims);
    let shown = row.factor.into_iter().chain(row.divisor);
    let mut differs = AB::Expr::ZERO;
    for ((resolver, from), inverse) in row.terms[TERMS_FIRST..].iter().zip(row.from).zip(shown) {
        builder.assert_zero(row.resolves * may.clone() * (*resolver - from));
        differs += (*resolver - from) * inverse;
    }
    builder.assert_zero(row.foreign * by_account * (differs - AB::Expr::ONE));
}

/// Constrains when a tally may end: not before the time that its terms name.
fn time<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let asks = row.concluded + row.early;
    Bus::Time.send(builder, [row.number, row.time[0], row.time[1]], asks.clone());
    let due = |half: usize| row.resolves * row.terms[17 + half] + row.reclaims * row.terms[19 + half];
    // The entry's time is at least that, or that is above it.
    let mut message: Vec<AB::Expr> =
        (0..2).map(|half| row.concluded * row.time[half] + row.early * due(half)).collect();
    message.extend((0..2).map(|half| row.early * row.time[half] + row.concluded * due(half)));
    message.push(row.early.into());
    Bus::Compare.send(builder, message, asks);
}
