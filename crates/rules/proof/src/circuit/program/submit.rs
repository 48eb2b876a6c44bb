//! Submissions: the price is locked, and the task recorded.

use super::{
    ACTION_SUBMIT, Asked, LAST, Locked, REJECTED_LATE, REJECTED_LIMIT, REJECTED_REDUNDANCY, REJECTED_UNPUBLISHED,
    WHOLE, keep, known, lock, nothing, numbers, parameters,
};
use crate::circuit::code::{Cell, Code, Element};
use crate::circuit::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use crate::circuit::{KIND_BALANCE, KIND_PROGRAM, KIND_TASK, REJECTED_OVERFLOW};
use crypto::Domain;
use types::{Amount, limits};

/// `task::submit`: the price is locked, and the task recorded.
pub(super) fn submit(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_SUBMIT, 29);
    let [program, asset] = [1..9, 21..25].map(|range| said[range].to_vec());
    let [fuel, memory, rate, deadline] = [17, 19, 25, 28].map(|place| [said[place], said[place + 1]]);
    let redundancy = said[27];
    let now = code.time();
    let is_late = code.bit();
    code.when(is_late, |code| {
        code.compare(now, deadline, false);
        asked.answer(code, ACTION_SUBMIT, REJECTED_LATE);
    });
    code.compare(deadline, now, true);

    // The redundancy is one, two or three.
    let mut product = code.scaled(redundancy, 1, -1);
    for other in [-2, -3] {
        let next = code.scaled(redundancy, 1, other);
        product = code.product(product, next);
    }
    let is_redundant = code.is_zero(product);
    let is_bad = code.not(is_redundant);
    code.when(is_bad, |code| asked.answer(code, ACTION_SUBMIT, REJECTED_REDUNDANCY));

    limits_hold(code, asked, [(fuel, limits::TASK_FUEL), (memory, limits::TASK_MEMORY_BYTES)]);

    let is_unknown = code.bit();
    code.when(is_unknown, |code| {
        let absent = nothing(code);
        keep(code, KIND_PROGRAM, &program, absent);
        asked.answer(code, ACTION_SUBMIT, REJECTED_UNPUBLISHED);
    });
    let (published, one) = (code.quad(), code.number(1));
    keep(code, KIND_PROGRAM, &program, (published, one));

    let price = price(code, asked, fuel, rate, redundancy);
    let is_worthless = code.is_zero(price);
    code.when(is_worthless, |code| asked.answer(code, ACTION_SUBMIT, REJECTED_ZERO));
    let is_uncovered = code.bit();
    let held = [&asked.account[..], &asset].concat();
    code.when(is_uncovered, |code| {
        code.post((KIND_BALANCE, &held), Element::Known(price), false, Element::Number(0));
        asked.answer(code, ACTION_SUBMIT, REJECTED_INSUFFICIENT);
    });

    // The refund is due when the time for a verdict has passed, or never if there is no such time.
    let window = parameters(code).verdict_window;
    let refund_after = later(code, deadline, window);
    let tally = lock(
        code,
        &Locked {
            subject: asked.id,
            payer: &asked.account,
            asset: &asset,
            amount: price,
            cap: known(&fuel),
            now,
            refund_after: known(&refund_after),
        },
    );
    let task = [known(&said[1..]), known(&asked.account), known(&[price]), known(&tally), numbers(&[0, 0, 0])].concat();
    let (_, record) = code.hash(Domain::Value, &task);
    let absent = nothing(code);
    code.record((KIND_TASK, &asked.id), absent, (record, one));
    asked.answer(code, ACTION_SUBMIT, 0);
}

/// Shows that limits are from one to what they may be, or rejects.
fn limits_hold(code: &mut Code, asked: &Asked, limits: [([Cell; 2], u64); 2]) {
    let is_beyond = code.bit();
    let bounds = limits.map(|(limit, most)| {
        let halves = [most >> 32, most & LAST.unsigned_abs()];
        (limit, halves.map(|half| code.number(i64::try_from(half).expect("32 bits"))))
    });
    let (zero, one) = (code.number(0), code.number(1));
    code.when(is_beyond, |code| {
        for (limit, most) in bounds {
            let sum = code.sum(limit[0], limit[1]);
            // The halves have 32 bits each, so that their sum is zero only with both.
            let is_nothing = code.is_zero(sum);
            code.when(is_nothing, |code| asked.answer(code, ACTION_SUBMIT, REJECTED_LIMIT));
            let is_more = code.bit();
            code.when(is_more, |code| {
                code.compare(limit, most, true);
                asked.answer(code, ACTION_SUBMIT, REJECTED_LIMIT);
            });
        }
        // One of them is.
        code.equal(zero, one);
    });
    for (limit, most) in bounds {
        code.compare(limit, [zero, one], false);
        code.compare(most, limit, false);
    }
}

/// `Rate::price_up` for each of so many runs. Rejects what is no amount.
fn price(code: &mut Code, asked: &Asked, fuel: [Cell; 2], rate: [Cell; 2], runs: Cell) -> Cell {
    let fuel_high = code.scaled(fuel[0], 1 << 32, 0);
    let fuel = code.sum(fuel_high, fuel[1]);
    let sum = code.sum(rate[0], rate[1]);
    let is_free = code.is_zero(sum);
    code.when(is_free, |code| asked.answer(code, ACTION_SUBMIT, REJECTED_ZERO));
    let million = [Element::Number(0), Element::Number(WHOLE.unsigned_abs())];
    // One run costs no amount if and only if it has more fuel than the largest amount pays for.
    let is_dear = code.bit();
    code.when(is_dear, |code| {
        let payable = code.next();
        let most = [Element::Number(Amount::MAX.quanta())];
        code.divide(&[&most[..], &million, &known(&rate), &[Element::Known(payable)]].concat());
        let over = code.difference(fuel, payable);
        let over = code.scaled(over, 1, -1);
        code.amount(over);
        asked.answer(code, ACTION_SUBMIT, REJECTED_OVERFLOW);
    });
    let down = code.next();
    let share = [&[Element::Known(fuel)][..], &known(&rate), &million, &[Element::Known(down)]].concat();
    code.divide(&share);
    // Rounded down it is exact if and only if it leads back to the fuel.
    let back = code.next();
    code.divide(&[&[Element::Known(down)][..], &million, &known(&rate), &[Element::Known(back)]].concat());
    let less = code.difference(fuel, back);
    let is_exact = code.is_zero(less);
    let up = code.difference(down, is_exact);
    let up = code.scaled(up, 1, 1);
    let price = code.product(up, runs);
    let is_large = code.bit();
    code.when(is_large, |code| {
        let over = code.scaled(price, 1, -(1 << 62));
        code.amount(over);
        asked.answer(code, ACTION_SUBMIT, REJECTED_OVERFLOW);
    });
    code.amount(price);
    price
}

/// `Millis::after`: a time later by a length, or the last there is.
fn later(code: &mut Code, time: [Cell; 2], by: [Cell; 2]) -> [Cell; 2] {
    let carry = code.bit();
    let is_last = code.bit();
    let carried = code.scaled(carry, -(1 << 32), 0);
    let low = code.sum(time[1], by[1]);
    let low = code.sum(low, carried);
    let high = code.sum(time[0], by[0]);
    let high = code.sum(high, carry);
    // With what is beyond the last taken off, it is a number again.
    let beyond = code.scaled(is_last, -(1 << 32), 0);
    let rest = code.sum(high, beyond);
    let zero = code.number(0);
    code.compare([rest, low], [zero, zero], false);
    let last = code.number(LAST);
    [high, low].map(|half| code.choose(is_last, last, half))
}
