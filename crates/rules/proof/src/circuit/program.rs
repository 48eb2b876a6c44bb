//! The program of the machine: rules that have no table of their own, step by step.
//!
//! A run begins with who asked, and goes on with the rule of the action that the prover names; that it is the one that was
//! asked for is shown where its digest is made. The rules are `task`'s; each function names its own.

use super::code::{Cell, Code, Element, Quad, Step};
use super::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use super::{
    KIND_BALANCE, KIND_OFFER, KIND_PARAMETERS, KIND_PROGRAM, KIND_SUPPLY, KIND_TALLY, KIND_TASK, REJECTED_OVERFLOW,
};
use crypto::Domain;
use std::sync::OnceLock;
use types::limits;

/// Binary logarithm of how many instructions the program may have.
pub const LOG_HEIGHT: usize = 12;

/// The number of publications among actions: `transition::Action::Publish`.
pub const ACTION_PUBLISH: u8 = 10;
/// The number of offers among actions: `transition::Action::MakeOffer`.
pub const ACTION_OFFER: u8 = 11;
/// The number of retirements among actions: `transition::Action::Retire`.
pub const ACTION_RETIRE: u8 = 12;
/// The number of submissions among actions: `transition::Action::Submit`.
pub const ACTION_SUBMIT: u8 = 13;

/// The code of a program that is published already: `task::Reject::ProgramExists`.
pub const REJECTED_PUBLISHED: u32 = 202;
/// The code of a program that nobody published: `task::Reject::UnknownProgram`.
pub const REJECTED_UNPUBLISHED: u32 = 201;
/// The code of a deadline that has passed: `task::Reject::DeadlinePassed`.
pub const REJECTED_LATE: u32 = 205;
/// The code of a limit out of bounds: `task::Reject::LimitTooLarge`.
pub const REJECTED_LIMIT: u32 = 206;
/// The code of a redundancy out of bounds: `task::Reject::BadRedundancy`.
pub const REJECTED_REDUNDANCY: u32 = 207;
/// The code of a second offer: `task::Reject::OfferExists`.
pub const REJECTED_OFFERED: u32 = 210;
/// The code where there is no offer: `task::Reject::UnknownOffer`.
pub const REJECTED_UNOFFERED: u32 = 211;
/// The code of a stake that is too small: `task::Reject::StakeTooSmall`.
pub const REJECTED_STAKE: u32 = 212;
/// The code of an offer that has open tasks: `task::Reject::OfferBusy`.
pub const REJECTED_BUSY: u32 = 213;

/// The whole, in parts per million.
const WHOLE: i64 = 1_000_000;
/// The highest half of a number.
const LAST: i64 = 0xffff_ffff;

/// Who asked for what.
struct Asked {
    id: Quad,
    account: Quad,
    action: Quad,
}

/// Returns the program.
pub fn program() -> &'static [Step] {
    static PROGRAM: OnceLock<Vec<Step>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut code = Code::default();
        let [id, account, action] = code.asked();
        let asked = Asked { id, account, action };
        let rules: [(u8, fn(&mut Code, &Asked)); 4] =
            [(ACTION_PUBLISH, publish), (ACTION_OFFER, offer), (ACTION_RETIRE, retire), (ACTION_SUBMIT, submit)];
        let named = code.next();
        for (number, rule) in rules {
            let other = code.scaled(named, 1, -i64::from(number));
            let is_it = code.is_zero(other);
            code.when(is_it, |code| rule(code, &asked));
        }
        let steps = code.steps();
        assert!(steps.len() < 1 << LOG_HEIGHT, "a program of {} instructions fits its table", steps.len());
        steps
    })
}

impl Asked {
    /// Takes what else the action says, and shows that it is what was asked for.
    fn says(&self, code: &mut Code, action: u8, elements: usize) -> Vec<Cell> {
        let mut said = vec![Element::Number(action.into())];
        said.resize(1 + elements, Element::New);
        let (cells, digest) = code.hash(Domain::Action, &said);
        code.equal_quad(digest, self.action);
        cells
    }

    /// Answers for the entry with a number.
    fn answer(&self, code: &mut Code, action: u8, number: u32) {
        let number = code.number(number.into());
        code.answer(action, self.id, number);
    }
}

/// Returns elements that are known.
fn known(cells: &[Cell]) -> Vec<Element> {
    cells.iter().copied().map(Element::Known).collect()
}

fn numbers(numbers: &[u64]) -> Vec<Element> {
    numbers.iter().copied().map(Element::Number).collect()
}

fn quad(cells: &[Cell]) -> Quad {
    cells.try_into().expect("four cells")
}

/// Shows that there is nothing, or that it stays as it is.
fn keep(code: &mut Code, kind: u8, key: &[Cell], record: (Quad, Cell)) {
    code.record((kind, key), record, record);
}

/// Returns what a leaf is known by that is not there.
fn nothing(code: &mut Code) -> (Quad, Cell) {
    let zero = code.number(0);
    ([zero; 4], zero)
}

/// `task::program::publish`: whoever publishes first is the author.
fn publish(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_PUBLISH, 8);
    let program = &said[1..];
    let exists = code.bit();
    let before = code.quad();
    let (_, author) = code.hash(Domain::Value, &known(&asked.account));
    let after = code.choose_quad(exists, before, author);
    let one = code.number(1);
    code.record((KIND_PROGRAM, program), (before, exists), (after, one));
    let number = code.scaled(exists, REJECTED_PUBLISHED.into(), 0);
    code.answer(ACTION_PUBLISH, asked.id, number);
}

/// The chain's parameters, as far as rules need them here.
struct Parameters {
    stake_min: Cell,
    verdict_window: [Cell; 2],
}

/// Opens the chain's parameters: `task::Parameters`.
fn parameters(code: &mut Code) -> Parameters {
    let (list, _, digest) = code.stream(Domain::Value);
    let one = code.number(1);
    keep(code, KIND_PARAMETERS, &[], (digest, one));
    // Coordinator and treasury precede the resolvers' keys, which are six elements each; then come threshold and shares.
    let eight = code.number(8);
    let resolvers = code.load(list, eight, 0);
    let end = code.scaled(resolvers, 6, 9);
    let mut at = |shift| code.load(list, end, shift);
    Parameters { stake_min: at(7), verdict_window: [at(8), at(9)] }
}

/// What a rule locks in a tally of its own.
struct Locked<'a> {
    /// What the tally is about; it also holds the STOCK.
    subject: Quad,
    /// Who pays, and holds the FOIL.
    payer: &'a Quad,
    asset: &'a [Cell],
    amount: Cell,
    cap: Vec<Element>,
    now: [Cell; 2],
    refund_after: Vec<Element>,
}

/// `ledger::tally::split` of one pair that a rule resolves, once it is known that the payer's balance covers it. Returns
/// the tally.
fn lock(code: &mut Code, locked: &Locked<'_>) -> Quad {
    let mut terms = known(&locked.subject);
    terms.extend(known(locked.asset));
    terms.push(Element::Known(locked.amount));
    terms.extend(numbers(&[0, 0]));
    terms.extend(&locked.cap);
    // A rule resolves it, and no share is paid at a refund.
    terms.extend(numbers(&[0, 0]));
    terms.extend(known(&locked.now));
    terms.extend(&locked.refund_after);
    terms.extend(numbers(&[0, 0]));
    let (_, tally) = code.hash(Domain::Tally, &terms);
    // It is open, with one pair.
    terms.extend(numbers(&[0, 0]));
    terms.push(Element::Known(locked.amount));
    terms.extend(numbers(&[1, 1]));
    let (_, record) = code.hash(Domain::Value, &terms);
    let (absent, one) = (nothing(code), code.number(1));
    code.record((KIND_TALLY, &tally), absent, (record, one));

    let held = [&locked.payer[..], locked.asset].concat();
    code.post((KIND_BALANCE, &held), Element::Known(locked.amount), false, Element::Number(1));
    let (_, owner) = code.hash(Domain::Owner, &known(&locked.subject));
    for (half, holder) in [(0, &owner), (1, locked.payer)] {
        issue(code, tally, half, holder, true);
    }
    tally
}

/// Makes one half of a tally, or takes it.
fn issue(code: &mut Code, tally: Quad, half: u64, holder: &Quad, makes: bool) {
    let asset = half_of(code, tally, half);
    let held = [&holder[..], &asset].concat();
    code.post((KIND_BALANCE, &held), Element::Number(1), makes, Element::Number(1));
    code.post((KIND_SUPPLY, &asset), Element::Number(1), makes, Element::Number(1));
}

fn half_of(code: &mut Code, tally: Quad, half: u64) -> Quad {
    code.hash(Domain::Half, &[numbers(&[half]), known(&tally)].concat()).1
}

/// `task::offer::offer`: a stake is locked, and the offer recorded.
fn offer(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_OFFER, 11);
    let (asset, stake) = (&said[1..5], said[5]);
    let exists = code.bit();
    code.when(exists, |code| {
        let (record, one) = (code.quad(), code.number(1));
        keep(code, KIND_OFFER, &asked.account, (record, one));
        asked.answer(code, ACTION_OFFER, REJECTED_OFFERED);
    });
    let parameters = parameters(code);
    code.amount(stake);
    let more = code.difference(stake, parameters.stake_min);
    let is_small = code.bit();
    code.when(is_small, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &asked.account, absent);
        // What is missing, less one, is an amount.
        let missing = code.scaled(more, -1, -1);
        code.amount(missing);
        asked.answer(code, ACTION_OFFER, REJECTED_STAKE);
    });
    code.amount(more);
    let is_worthless = code.is_zero(stake);
    code.when(is_worthless, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &asked.account, absent);
        asked.answer(code, ACTION_OFFER, REJECTED_ZERO);
    });
    let is_uncovered = code.bit();
    let held = [&asked.account[..], asset].concat();
    code.when(is_uncovered, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &asked.account, absent);
        code.post((KIND_BALANCE, &held), Element::Known(stake), false, Element::Number(0));
        asked.answer(code, ACTION_OFFER, REJECTED_INSUFFICIENT);
    });
    let now = code.time();
    let tally = lock(
        code,
        &Locked {
            subject: asked.id,
            payer: &asked.account,
            asset,
            amount: stake,
            cap: numbers(&[0, WHOLE.unsigned_abs()]),
            now,
            refund_after: numbers(&[LAST.unsigned_abs(); 2]),
        },
    );
    // Its id, what was offered, the tally, and no open tasks.
    let record = [known(&asked.id), known(&said[1..]), known(&tally), numbers(&[0])].concat();
    let (_, record) = code.hash(Domain::Value, &record);
    let (absent, one) = (nothing(code), code.number(1));
    code.record((KIND_OFFER, &asked.account), absent, (record, one));
    asked.answer(code, ACTION_OFFER, 0);
}

/// `task::offer::retire`: an offer without open tasks gives its stake back.
fn retire(code: &mut Code, asked: &Asked) {
    asked.says(code, ACTION_RETIRE, 0);
    let is_absent = code.bit();
    code.when(is_absent, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &asked.account, absent);
        asked.answer(code, ACTION_RETIRE, REJECTED_UNOFFERED);
    });
    let (offer, record) = code.hash(Domain::Value, &[Element::New; 20]);
    let (id, asset, stake, tally, open) = (quad(&offer[..4]), &offer[4..8], offer[8], quad(&offer[15..19]), offer[19]);
    let one = code.number(1);
    let idle = code.is_zero(open);
    let is_busy = code.not(idle);
    code.when(is_busy, |code| {
        keep(code, KIND_OFFER, &asked.account, (record, one));
        asked.answer(code, ACTION_RETIRE, REJECTED_BUSY);
    });
    let foil = half_of(code, tally, 1);
    let is_sold = code.bit();
    code.when(is_sold, |code| {
        keep(code, KIND_OFFER, &asked.account, (record, one));
        let held = [asked.account, foil].concat();
        code.post((KIND_BALANCE, &held), Element::Number(1), false, Element::Number(0));
        asked.answer(code, ACTION_RETIRE, REJECTED_INSUFFICIENT);
    });
    // The tally has its one pair: it is open as long as the offer is there.
    let mut locked = known(&offer[..9]);
    locked.extend(numbers(&[0, 0, 0, WHOLE.unsigned_abs(), 0, 0]));
    locked.extend([Element::New; 2]);
    locked.extend(numbers(&[LAST.unsigned_abs(), LAST.unsigned_abs(), 0, 0, 0, 0]));
    locked.push(Element::Known(stake));
    locked.extend(numbers(&[1, 1]));
    let (_, locked) = code.hash(Domain::Value, &locked);
    let absent = nothing(code);
    code.record((KIND_TALLY, &tally), (locked, one), absent);
    let (_, owner) = code.hash(Domain::Owner, &known(&id));
    for (half, holder) in [(0, &owner), (1, &asked.account)] {
        issue(code, tally, half, holder, false);
    }
    let held = [&asked.account[..], asset].concat();
    code.post((KIND_BALANCE, &held), Element::Known(stake), true, Element::Number(1));
    code.record((KIND_OFFER, &asked.account), (record, one), absent);
    asked.answer(code, ACTION_RETIRE, 0);
}

/// `task::submit`: the price is locked, and the task recorded.
fn submit(code: &mut Code, asked: &Asked) {
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

/// `Rate::price_up` for each of so many runs. Rejects what is no amount, as far as one run's price is.
fn price(code: &mut Code, asked: &Asked, fuel: [Cell; 2], rate: [Cell; 2], runs: Cell) -> Cell {
    let fuel_high = code.scaled(fuel[0], 1 << 32, 0);
    let fuel = code.sum(fuel_high, fuel[1]);
    let sum = code.sum(rate[0], rate[1]);
    let is_free = code.is_zero(sum);
    code.when(is_free, |code| asked.answer(code, ACTION_SUBMIT, REJECTED_ZERO));
    let million = [Element::Number(0), Element::Number(WHOLE.unsigned_abs())];
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
