//! Splits: the rows of the tally table that make new halves.
//!
//! The rule is `ledger::tally::split_by`, for terms that an account resolves. For others, which are rejected or of varying
//! length, the machine's program has it.

use super::tally::{TERMS_FIRST, Tally, has_ended, sum};
use super::{Bus, Circuit, all, hash};
use crypto::Domain;
use p3_field::PrimeCharacteristicRing;

/// The number of splits among actions: `transition::Action::Split`.
pub const ACTION_SPLIT: u8 = 6;
/// The code of terms that contradict themselves: `ledger::Reject::BadTerms`.
pub const REJECTED_BAD: u32 = 112;
/// The whole, in parts per million.
const WHOLE: u32 = 1_000_000;

/// Constrains a split: who asked for it, and what becomes of it.
pub(super) fn eval<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    request(builder, row);
    holders(builder, row);
    soundness(builder, row);

    // Only a split is rejected as this.
    let own = row.bad + row.worthless + row.uncovered + row.narrow;
    builder.assert_zero(own * (AB::Expr::ONE - row.splits));
    // No split needs a tally that is there.
    builder.assert_zero(row.splits * row.unknown);
    // What goes on finds no tally that has ended; nobody but an account resolves it.
    let goes_on = row.applied + row.overflows + row.worthless + row.uncovered;
    builder.assert_zero(row.splits * goes_on * has_ended::<AB>(&row.form));
    builder.assert_zero(row.splits * (row.form[2] + row.form[3]));
    // What is locked is not nothing, except where it is rejected as that.
    let shown = row.quotient * row.inverse - AB::Expr::ONE;
    builder.assert_zero(row.splits * (row.applied + row.uncovered) * shown);
    builder.assert_zero(row.worthless * row.quotient);
    // A tally that was not there had locked and issued nothing. It is there and open afterwards.
    let there = sum::<AB>(&row.form);
    for amount in row.amounts {
        builder.assert_zero(row.splits * (AB::Expr::ONE - there.clone()) * amount);
    }
    let [open, others @ ..] = row.new_form;
    builder.assert_zero(row.splits * (row.applied - open));
    for form in others {
        builder.assert_zero(row.splits * form);
    }
}

/// Somebody asked for it, and the tally's id is the digest of the terms.
fn request<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let splits: AB::Expr = row.splits.into();
    let (first, rest) = row.terms.split_at(TERMS_FIRST);
    let terms = [all::<AB>(first), vec![AB::Expr::ONE], all::<AB>(rest)].concat();
    hash(builder, Domain::Tally, &terms, row.tally_sponge, row.tally.map(Into::into), &splits);

    let mut action = vec![AB::Expr::from_u8(ACTION_SPLIT)];
    action.extend(terms);
    action.extend(all::<AB>(&[&row.asked[..1], row.holders.as_flattened()].concat()));
    hash(builder, Domain::Action, &action, row.action_sponge, row.action.map(Into::into), &splits);
    builder.assert_zero(row.splits * row.asked[1]);
}

/// Constrains for whom the halves are made: in a session for the account that is acted for, and for nobody else.
fn holders<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    builder.assert_zero(row.narrow * row.keeps);
    let in_session = (row.splits - row.narrow) * (AB::Expr::ONE - row.keeps);
    // Whichever of the two is shown to be another: were both the same, so would be all that lies between them.
    let (of_foil, mut differs) = (row.asked_inverse, AB::Expr::ZERO);
    let [stock, foil] = row.holders;
    for ((stock, foil), (from, inverse)) in stock.into_iter().zip(foil).zip(row.from.into_iter().zip(row.after)) {
        builder.assert_zero(in_session.clone() * (stock - from));
        builder.assert_zero(in_session.clone() * (foil - from));
        differs += (stock - from + of_foil * (foil - stock)) * inverse;
    }
    builder.assert_zero(row.narrow * (differs - AB::Expr::ONE));
}

/// Constrains the terms to be sound, or rejected because they are not. Whatever is compared is shown to have 64 bits.
fn soundness<AB: Circuit>(builder: &mut AB, row: &Tally<AB::Var>) {
    let mut none = AB::Expr::ONE;
    for flag in row.wrong {
        builder.assert_bool(flag);
        builder.assert_zero(flag * (AB::Expr::ONE - row.bad));
        none *= AB::Expr::ONE - flag;
    }
    builder.assert_zero(row.bad * none);

    let at = |place: usize| [row.terms[place].into(), row.terms[place + 1].into()];
    let [floor, cap, resolve_after, refund_after, share] = [9, 11, 17, 19, 21].map(at);
    let whole = [AB::Expr::ZERO, AB::Expr::from_u32(WHOLE)];
    // The cap is above the floor, the refund not before the resolution, the share at most the whole.
    let pairs = [(cap, floor, true), (refund_after, resolve_after, false), (whole, share, false)];
    for ((higher, lower, above), wrong) in pairs.into_iter().zip(row.wrong) {
        // What is wrong is shown by comparing the other way round.
        let mut message: Vec<AB::Expr> = Vec::new();
        for (own, other) in [(&higher, &lower), (&lower, &higher)] {
            message.extend((0..2).map(|half| own[half].clone() + (other[half].clone() - own[half].clone()) * wrong));
        }
        let right = AB::Expr::from_bool(above);
        message.push(if above { right - wrong } else { wrong.into() });
        // Nobody looks at the terms where a session is too narrow.
        Bus::Compare.send(builder, message, row.splits - row.narrow);
    }
}
