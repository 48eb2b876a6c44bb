//! Splits under terms that a quorum resolves, or that are rejected as no terms of an account: the rule is
//! `ledger::tally::split_by`.

use super::super::authority::REJECTED_NARROW;
use super::super::code::{Cell, Code, Element, Quad};
use super::super::split::REJECTED_BAD;
use super::super::tally::REJECTED_CLOSED;
use super::super::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use super::super::{ACTION_SPLIT, KIND_BALANCE, KIND_TALLY, REJECTED_OVERFLOW};
use super::quorum::{
    MEMBERS, OPEN, REFUND_AFTER, RESOLVE_AFTER, SHARE, STANDING, Terms, are_same, ends_with, is_place, locks, one_of,
};
use super::{Asked, LAST, WHOLE, change, half_of, keep, same};
use crypto::Domain;
use types::limits;

/// `ledger::tally::split_by`, under terms that a quorum resolves or a rule.
pub(super) fn split(code: &mut Code, asked: &Asked) {
    let (said, length) = asked.reads(code, ACTION_SPLIT);
    let start = code.number(1);
    let terms = Terms::of(code, said, start);
    let end = code.scaled(terms.after, 1, STANDING.into());
    // Pairs and holders are behind the terms.
    let whole = code.scaled(end, 1, 9);
    code.equal(length, whole);
    let zero = code.number(0);
    code.equal(terms.is_account, zero);
    let pairs = code.load(said, end, 0);
    let holders: [Quad; 2] = [1, 5].map(|place| code.load_all(said, end, place));

    // In a session halves are made for nobody else.
    let mut is_own = code.number(1);
    for holder in holders {
        let is_same = are_same(code, &holder, &asked.account);
        is_own = code.product(is_own, is_same);
    }
    let (in_session, is_other) = (code.not(asked.keeps), code.not(is_own));
    let is_narrow = code.product(in_session, is_other);
    code.when(is_narrow, |code| asked.answer(code, ACTION_SPLIT, REJECTED_NARROW));
    let is_bad = code.bit();
    code.when(is_bad, |code| {
        are_bad(code, &terms);
        asked.answer(code, ACTION_SPLIT, REJECTED_BAD);
    });
    are_sound(code, &terms);

    let (list, count, id) = code.stream(Domain::Tally);
    same(code, (said, start), (list, zero), end);
    let elements = code.scaled(end, 1, -1);
    code.equal(count, elements);
    let before = Before::of(code, asked, id);
    let reject = |code: &mut Code, number: u32| {
        keep(code, KIND_TALLY, &id, before.record);
        asked.answer(code, ACTION_SPLIT, number);
    };
    let pair = terms.pair(code);
    let locked = locks(code, pair, pairs, |code| reject(code, REJECTED_OVERFLOW));
    let is_worthless = code.is_zero(locked);
    code.when(is_worthless, |code| reject(code, REJECTED_ZERO));
    let collateral: Quad = code.load_all(said, start, 4);
    let held = [asked.account, collateral].concat();
    let is_uncovered = code.bit();
    code.when(is_uncovered, |code| {
        code.post((KIND_BALANCE, &held), Element::Known(locked), false, Element::Number(0));
        reject(code, REJECTED_INSUFFICIENT);
    });
    code.post((KIND_BALANCE, &held), Element::Known(locked), false, Element::Number(1));
    for (half, holder) in (0..).zip(&holders) {
        let asset = half_of(code, id, half);
        change(code, asset, holder, Element::Known(pairs), true);
    }
    let (list, length, digest) = code.stream(Domain::Value);
    same(code, (said, start), (list, zero), end);
    let mut more = [locked, pairs, pairs].into_iter();
    let [locked, stock, foil] = before.amounts.map(|amount| code.sum(amount, more.next().expect("three")));
    ends_with(code, (list, length), elements, &[zero, zero, locked, stock, foil]);
    let one = code.number(1);
    code.record((KIND_TALLY, &id), before.record, (digest, one));
    asked.answer(code, ACTION_SPLIT, 0);
}

/// What a split finds: an open tally, or none.
struct Before {
    record: (Quad, Cell),
    amounts: [Cell; 3],
}

impl Before {
    fn of(code: &mut Code, asked: &Asked, id: Quad) -> Self {
        let exists = code.bit();
        let digest = code.quad();
        let amounts = [code.next(), code.next(), code.next()];
        let record = (digest, exists);
        code.when(exists, |code| {
            let (list, _, opened) = code.stream(Domain::Value);
            code.equal_quad(digest, opened);
            let zero = code.number(0);
            let terms = Terms::of(code, list, zero);
            let standing = terms.late::<1>(code, STANDING)[0];
            let is_open = code.is_zero(standing);
            let has_ended = code.not(is_open);
            code.when(has_ended, |code| {
                // Nobody asks for them.
                amounts.into_iter().for_each(|amount| code.equal(amount, zero));
                keep(code, KIND_TALLY, &id, record);
                asked.answer(code, ACTION_SPLIT, REJECTED_CLOSED);
            });
            let kept: [Cell; 3] = terms.late(code, STANDING + OPEN);
            kept.into_iter().zip(amounts).for_each(|(kept, amount)| code.equal(kept, amount));
        });
        let is_new = code.not(exists);
        // What is not there has locked and issued nothing.
        digest.into_iter().chain(amounts).for_each(|cell| code.zero_where(is_new, cell));
        Self { record, amounts }
    }
}

/// Returns the halves of the first elements in which a member differs from the next.
fn neighbours(code: &mut Code, terms: &Terms, member: Cell) -> [[Cell; 2]; 2] {
    let next = code.scaled(member, 1, 1);
    let (first, second) = (terms.member(code, member), terms.member(code, next));
    // So many of the first three are the same, from the beginning on.
    let (one, mut equal) = (code.number(1), code.number(0));
    let mut is_same = one;
    for (first, second) in first.into_iter().zip(second).take(3) {
        is_same = {
            let is_equal = are_same(code, &[first], &[second]);
            code.product(is_same, is_equal)
        };
        equal = code.sum(equal, is_same);
    }
    [member, next].map(|member| {
        let place = code.weighed(member, terms.start, [4, 1, MEMBERS.into()]);
        let place = code.sum(place, equal);
        let element = code.load(terms.list, place, 0);
        digits(code, element)
    })
}

/// Shows that terms are sound: `ledger::tally::split`, for a quorum.
fn are_sound(code: &mut Code, terms: &Terms) {
    let one = code.number(1);
    code.equal(terms.is_quorum, one);
    let [floor, cap] = terms.bounds(code);
    code.compare(cap, floor, true);
    let [resolve_after, refund_after, share] =
        [RESOLVE_AFTER, REFUND_AFTER, SHARE].map(|place| terms.late::<2>(code, place));
    code.compare(refund_after, resolve_after, false);
    let whole = [0, WHOLE].map(|half| code.number(half));
    code.compare(whole, share, false);
    // Not fewer than two thirds, and never one alone.
    let threshold = terms.threshold(code);
    let most = i64::try_from(limits::QUORUM_MEMBERS).expect("a small number");
    let differences = [
        code.scaled(terms.members, -1, most),
        code.scaled(threshold, 1, -2),
        code.difference(terms.members, threshold),
        code.weighed(threshold, terms.members, [3, -2, 0]),
    ];
    differences.into_iter().for_each(|difference| code.amount(difference));
    let zero = code.number(0);
    let [last] = code.repeat([zero], |code, [member]| {
        let [first, second] = neighbours(code, terms, member);
        code.compare(second, first, true);
        ([code.scaled(member, 1, 1)], code.bit())
    });
    let last = code.scaled(last, 1, 1);
    code.equal(last, terms.members);
}

/// Shows why terms are not sound, or that a rule resolves them.
fn are_bad(code: &mut Code, terms: &Terms) {
    let one = code.number(1);
    let times = |code: &mut Code| [RESOLVE_AFTER, REFUND_AFTER].map(|place| terms.late::<2>(code, place));
    let of_rule = |code: &mut Code| {
        let (other, zero) = (code.sum(terms.is_quorum, terms.is_account), code.number(0));
        code.equal(other, zero);
    };
    let of_bounds = |code: &mut Code| {
        let [floor, cap] = terms.bounds(code);
        code.compare(floor, cap, false);
    };
    let of_times = |code: &mut Code| {
        let [resolve_after, refund_after] = times(code);
        code.compare(resolve_after, refund_after, true);
    };
    let of_share = |code: &mut Code| {
        let whole = [0, WHOLE].map(|half| code.number(half));
        let share = terms.late(code, SHARE);
        code.compare(share, whole, true);
    };
    // By how much a quorum misses a bound, less one.
    let of_count = |code: &mut Code, terms_of: [i64; 3]| {
        code.equal(terms.is_quorum, one);
        let threshold = terms.threshold(code);
        let over = code.weighed(terms.members, threshold, terms_of);
        code.amount(over);
    };
    let most = i64::try_from(limits::QUORUM_MEMBERS).expect("a small number");
    let of_many = |code: &mut Code| of_count(code, [1, 0, -most - 1]);
    let of_one = |code: &mut Code| of_count(code, [0, -1, 1]);
    let of_more = |code: &mut Code| of_count(code, [-1, 1, -1]);
    let of_few = |code: &mut Code| of_count(code, [2, -3, -1]);
    let of_order = |code: &mut Code| {
        code.equal(terms.is_quorum, one);
        let member = code.next();
        let next = code.scaled(member, 1, 1);
        code.amount(member);
        is_place(code, next, terms.members);
        let [first, second] = neighbours(code, terms, member);
        code.compare(first, second, false);
    };
    let cases: [&dyn Fn(&mut Code); 9] =
        [&of_rule, &of_bounds, &of_times, &of_share, &of_many, &of_one, &of_more, &of_few, &of_order];
    one_of(code, &cases);
}

/// Returns the halves of an element. They are to be compared, which shows that they have 32 bits each.
fn digits(code: &mut Code, element: Cell) -> [Cell; 2] {
    let (high, low) = (code.next(), code.next());
    let sum = code.weighed(high, low, [1 << 32, 1, 0]);
    code.equal(sum, element);
    // Below the prime the low half is zero where the high one is the largest.
    let below = code.scaled(high, 1, -LAST);
    let is_full = code.is_zero(below);
    code.zero_where(is_full, low);
    [high, low]
}
