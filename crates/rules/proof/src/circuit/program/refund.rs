//! Refunds: the price of a task that nobody decided in time goes back.

use super::{
    ACTION_REFUND, Asked, FUEL, REJECTED_UNDUE, Task, half_of, is_same, keep, known, load_quad, nothing, numbers, open,
    quad, same,
};
use crate::circuit::code::{Cell, Code, Element, Quad};
use crate::circuit::{KIND_BALANCE, KIND_OFFER, KIND_SUPPLY, KIND_TALLY, KIND_TASK};
use crypto::Domain;

/// Where the elements of a task's record are that say what is locked, for whom and where: its asset, who asked, the price
/// and the tally.
const ASSET: u8 = 20;
const REQUESTER: u8 = 29;
const PRICE: u8 = 33;
const TALLY: u8 = 34;
/// The number of refunds among the standings of a task and of a tally.
const REFUNDED: i64 = 2;

/// `task::refund`.
pub(super) fn refund(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_REFUND, 4);
    let task = open(code, asked, ACTION_REFUND, &said[1..]);
    let now = code.time();
    repay(code, asked, &task, now);
    release(code, &task);
    let record = ended(code, &task, now);
    let one = task.record.1;
    code.record((KIND_TASK, task.key), task.record, (record, one));
    asked.answer(code, ACTION_REFUND, 0);
}

/// `ledger::tally::refund` and `redeem`: the requester's FOIL is paid all that is locked, if the requester still has it. The
/// tally has its one pair, and its STOCK is the task's: it is open as long as the task is.
fn repay(code: &mut Code, asked: &Asked, task: &Task<'_>, now: [Cell; 2]) {
    let (zero, one) = (code.number(0), code.number(1));
    let [asset, requester, tally] = [ASSET, REQUESTER, TALLY].map(|place| load_quad(code, task.list, zero, place));
    let price = code.load(task.list, zero, PRICE);
    let fuel = [FUEL, FUEL + 1].map(|place| code.load(task.list, zero, place));
    let mut terms = [known(task.key), known(&asset), known(&[price]), numbers(&[0, 0]), known(&fuel)].concat();
    terms.extend(numbers(&[0, 0]));
    // Since when it can be resolved, and from when on refunded.
    terms.extend([Element::New; 4]);
    terms.extend(numbers(&[0, 0]));
    let of_terms = terms.len();
    let open = [terms, numbers(&[0, 0]), known(&[price]), numbers(&[1, 1])].concat();
    let (cells, open) = code.hash(Domain::Value, &open);
    let refund_after = [cells[17], cells[18]];
    let is_undue = code.bit();
    code.when(is_undue, |code| {
        code.compare(refund_after, now, true);
        keep(code, KIND_TALLY, &tally, (open, one));
        task.reject(code, asked, ACTION_REFUND, REJECTED_UNDUE);
    });
    code.compare(now, refund_after, false);

    let foil = half_of(code, tally, 1);
    let is_held = code.bit();
    let held = [requester, foil].concat();
    code.post((KIND_BALANCE, &held), Element::Number(1), false, Element::Known(is_held));
    code.when(is_held, |code| {
        code.post((KIND_SUPPLY, &foil), Element::Number(1), false, Element::Number(1));
        let held = [requester, asset].concat();
        code.post((KIND_BALANCE, &held), Element::Known(price), true, Element::Number(1));
    });
    // It is refunded now. Who bought the FOIL redeems it.
    let is_sold = code.not(is_held);
    let locked = code.product(is_sold, price);
    let refunded = code.number(REFUNDED);
    let standing = [&[refunded][..], &now, &[locked, one, is_sold]].concat();
    let (_, after) = code.hash(Domain::Value, &[known(&cells[..of_terms]), known(&standing)].concat());
    code.record((KIND_TALLY, &tally), (open, one), (after, one));
}

/// Counts the task no more in the offers by which others work on it.
pub(super) fn release(code: &mut Code, task: &Task<'_>) {
    let zero = code.number(0);
    let [reached] = code.repeat([zero], |code, [place]| {
        // The frame after the last releases nobody.
        let again = code.bit();
        code.when(again, |code| {
            let index = code.scaled(place, 8, 0);
            let [provider, offer] = [0, 4].map(|cell| load_quad(code, task.works, index, cell));
            uncount(code, provider, offer);
        });
        ([code.sum(place, again)], again)
    });
    code.equal(reached, task.count);
}

/// `task::offer::count`: the provider's offer, if it is the one that is meant, has an open task less.
fn uncount(code: &mut Code, provider: Quad, offer: Quad) {
    let is_there = code.bit();
    let is_absent = code.not(is_there);
    code.when(is_absent, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &provider, absent);
    });
    code.when(is_there, |code| {
        let (cells, before) = code.hash(Domain::Value, &[Element::New; 20]);
        let (is_it, open_tasks) = (is_same(code, quad(&cells[..4]), offer), cells[19]);
        let is_idle = code.is_zero(open_tasks);
        let is_busy = code.not(is_idle);
        let less = code.product(is_it, is_busy);
        let fewer = code.difference(open_tasks, less);
        let (_, after) = code.hash(Domain::Value, &[known(&cells[..19]), known(&[fewer])].concat());
        let one = code.number(1);
        code.record((KIND_OFFER, &provider), (before, one), (after, one));
    });
}

/// Returns the task's record with another end: it was refunded now.
fn ended(code: &mut Code, task: &Task<'_>, now: [Cell; 2]) -> Quad {
    let (list, length, record) = code.stream(Domain::Value);
    let (zero, refunded) = (code.number(0), code.number(REFUNDED));
    same(code, (task.list, zero), (list, zero), task.ends);
    for (place, expected) in (0..).zip([refunded, now[0], now[1]]) {
        let standing = code.load(list, task.ends, place);
        code.equal(standing, expected);
    }
    let end = code.scaled(task.ends, 1, 3);
    code.equal(length, end);
    record
}
