//! The program of the machine: rules that have no table of their own, step by step.
//!
//! A run begins with who asked, and goes on with the rule of the action that the prover names; that it is the one that was
//! asked for is shown where its digest is made. The rules are `task`'s; each function names its own.

mod assign;
mod decide;
mod quorum;
mod refund;
mod split;
mod submit;

pub use decide::{ACTION_DECIDE, REJECTED_QUORUM, REJECTED_VERDICT};

use super::code::{Array, Cell, Code, Element, Quad, Step};
use super::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use super::{
    ACTION_MERGE, ACTION_RECLAIM, ACTION_REDEEM, ACTION_RESOLVE, ACTION_SPLIT, KIND_BALANCE, KIND_OFFER,
    KIND_PARAMETERS, KIND_PROGRAM, KIND_SUPPLY, KIND_TALLY, KIND_TASK,
};
use crypto::Domain;
use std::sync::OnceLock;

/// Binary logarithm of how many instructions the program may have.
pub const LOG_HEIGHT: usize = 14;

/// The number of publications among actions: `transition::Action::Publish`.
pub const ACTION_PUBLISH: u8 = 10;
/// The number of offers among actions: `transition::Action::MakeOffer`.
pub const ACTION_OFFER: u8 = 11;
/// The number of retirements among actions: `transition::Action::Retire`.
pub const ACTION_RETIRE: u8 = 12;
/// The number of submissions among actions: `transition::Action::Submit`.
pub const ACTION_SUBMIT: u8 = 13;
/// The number of assignments among actions: `transition::Action::Assign`.
pub const ACTION_ASSIGN: u8 = 14;
/// The number of commitments among actions: `transition::Action::Commit`.
pub const ACTION_COMMIT: u8 = 15;
/// The number of deliveries among actions: `transition::Action::Deliver`.
pub const ACTION_DELIVER: u8 = 16;
/// The number of refunds among actions: `transition::Action::Refund`.
pub const ACTION_REFUND: u8 = 18;

/// The code of somebody who may not assign tasks: `task::Reject::NotCoordinator`.
pub const REJECTED_COORDINATOR: u32 = 200;
/// The code of a program that is published already: `task::Reject::ProgramExists`.
pub const REJECTED_PUBLISHED: u32 = 202;
/// The code of a program that nobody published: `task::Reject::UnknownProgram`.
pub const REJECTED_UNPUBLISHED: u32 = 201;
/// The code where there is no such task: `task::Reject::UnknownTask`.
pub const REJECTED_NO_TASK: u32 = 203;
/// The code of a task that has ended: `task::Reject::TaskClosed`.
pub const REJECTED_ENDED: u32 = 204;
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
/// The code of an offer that does not fit the task: `task::Reject::OfferUnfit`.
pub const REJECTED_UNFIT: u32 = 214;

/// The code of somebody who works on the task already: `task::Reject::AlreadyAssigned`.
pub const REJECTED_ASSIGNED: u32 = 220;
/// The code of one provider too many: `task::Reject::TooManyProviders`.
pub const REJECTED_MANY: u32 = 221;
/// The code of somebody who does not work on the task: `task::Reject::NotAssigned`.
pub const REJECTED_UNASSIGNED: u32 = 222;
/// The code of a step out of turn: `task::Reject::WrongStage`.
pub const REJECTED_STAGE: u32 = 223;
/// The code of a result that is shown before enough have committed: `task::Reject::TooFewCommitments`.
pub const REJECTED_FEW: u32 = 224;
/// The code of a result that is another than the one committed to: `task::Reject::WrongReveal`.
pub const REJECTED_REVEAL: u32 = 225;
/// The code of a result that claims too much fuel: `task::Reject::FuelOverLimit`.
pub const REJECTED_FUEL: u32 = 226;
/// The code of a refund while the task may still be decided: `task::Reject::TooEarly`.
pub const REJECTED_UNDUE: u32 = 232;

/// The whole, in parts per million.
const WHOLE: i64 = 1_000_000;
/// The highest half of a number.
const LAST: i64 = 0xffff_ffff;

/// Who asked for what.
struct Asked {
    id: Quad,
    account: Quad,
    action: Quad,
    /// One with a keeper's authority.
    keeps: Cell,
}

/// Writes the instructions of a rule.
type Rule = fn(&mut Code, &Asked);

/// Returns the program.
pub fn program() -> &'static [Step] {
    static PROGRAM: OnceLock<Vec<Step>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut code = Code::default();
        let ([id, account, action], keeps) = code.asked();
        let asked = Asked { id, account, action, keeps };
        let rules: [(u8, Rule); 14] = [
            (ACTION_PUBLISH, publish),
            (ACTION_OFFER, offer),
            (ACTION_RETIRE, retire),
            (ACTION_SUBMIT, submit::submit),
            (ACTION_ASSIGN, assign::assign),
            (ACTION_COMMIT, commit),
            (ACTION_DELIVER, deliver),
            (ACTION_REFUND, refund::refund),
            (ACTION_DECIDE, decide::decide),
            (ACTION_SPLIT, split::split),
            (ACTION_MERGE, quorum::merge),
            (ACTION_RESOLVE, quorum::resolve),
            (ACTION_REDEEM, quorum::redeem),
            (ACTION_RECLAIM, quorum::reclaim),
        ];
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

/// Loads four elements of an array, so many after an index.
fn load_quad(code: &mut Code, list: Array, index: Cell, shift: u8) -> Quad {
    [0, 1, 2, 3].map(|limb| code.load(list, index, shift + limb))
}

/// Returns one where four cells are equal to four others.
fn is_same(code: &mut Code, first: Quad, second: Quad) -> Cell {
    let one = code.number(1);
    first.into_iter().zip(second).fold(one, |is_same, (first, second)| {
        let other = code.difference(first, second);
        let is_equal = code.is_zero(other);
        code.product(is_same, is_equal)
    })
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
    coordinator: Quad,
    list: Array,
    /// How many resolvers there are.
    resolvers: Cell,
    /// Where what follows their keys begins.
    end: Cell,
    stake_min: Cell,
    verdict_window: [Cell; 2],
}

/// Opens the chain's parameters: `task::Parameters`.
fn parameters(code: &mut Code) -> Parameters {
    let (list, _, digest) = code.stream(Domain::Value);
    let one = code.number(1);
    keep(code, KIND_PARAMETERS, &[], (digest, one));
    // Coordinator and treasury precede the resolvers' keys, which are six elements each; then come threshold and shares.
    let zero = code.number(0);
    let coordinator = load_quad(code, list, zero, 0);
    let resolvers = code.load(list, zero, 8);
    let end = code.scaled(resolvers, 6, 9);
    let mut at = |shift| code.load(list, end, shift);
    Parameters { coordinator, list, resolvers, end, stake_min: at(7), verdict_window: [at(8), at(9)] }
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
    change(code, asset, holder, Element::Number(1), makes);
}

/// Makes so much of an asset, or takes it.
fn change(code: &mut Code, asset: Quad, holder: &Quad, amount: Element, makes: bool) {
    let held = [&holder[..], &asset].concat();
    code.post((KIND_BALANCE, &held), amount, makes, Element::Number(1));
    code.post((KIND_SUPPLY, &asset), amount, makes, Element::Number(1));
}

/// Credits an account.
fn credit(code: &mut Code, account: &Quad, asset: &Quad, amount: Cell) {
    let held = [&account[..], asset].concat();
    code.post((KIND_BALANCE, &held), Element::Known(amount), true, Element::Number(1));
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

/// Where the elements of a task's record are, from its beginning: its limit of fuel, its redundancy, its deadline, how many
/// work on it, and the first of them.
const FUEL: u8 = 16;
const REDUNDANCY: u8 = 26;
const DEADLINE: u8 = 27;
const COUNT: u8 = 38;
const WORK: i64 = 39;
/// Where the stage is from the beginning of somebody's work: after who it is and the offer.
const STAGE: u8 = 8;

/// A task that is open.
struct Task<'a> {
    key: &'a [Cell],
    list: Array,
    length: Cell,
    /// Its record, and one.
    record: (Quad, Cell),
    /// How many work on it, and where the work of the last ends.
    count: Cell,
    ends: Cell,
    /// Who works on it by which offer: eight cells for each.
    works: Array,
    /// One if the sender does, and where that work begins.
    found: Cell,
    at: Cell,
    /// How many have committed or delivered.
    committed: Cell,
}

impl Task<'_> {
    /// Leaves the task as it is, and answers with a code.
    fn reject(&self, code: &mut Code, asked: &Asked, action: u8, number: u32) {
        keep(code, KIND_TASK, self.key, self.record);
        asked.answer(code, action, number);
    }
}

/// `task::open`: there is such a task, and it has not ended.
fn open<'a>(code: &mut Code, asked: &Asked, action: u8, key: &'a [Cell]) -> Task<'a> {
    let is_unknown = code.bit();
    code.when(is_unknown, |code| {
        let absent = nothing(code);
        keep(code, KIND_TASK, key, absent);
        asked.answer(code, action, REJECTED_NO_TASK);
    });
    let (list, length, digest) = code.stream(Domain::Value);
    let (zero, one, start) = (code.number(0), code.number(1), code.number(WORK));
    let count = code.load(list, zero, COUNT);
    let (works, first) = (code.array(), [start, zero, zero, zero, zero]);
    let [ends, walked, found, at, committed] = code.repeat(first, |code, [cursor, walked, found, at, committed]| {
        // The frame after the last work walks no further.
        let again = code.bit();
        let who = load_quad(code, list, cursor, 0);
        code.when(again, |code| {
            let offer = load_quad(code, list, cursor, 4);
            let index = code.scaled(walked, 8, 0);
            code.store(&works, index, &[who, offer].concat());
        });
        let stage = code.load(list, cursor, STAGE);
        let is_assigned = code.is_zero(stage);
        let other = code.scaled(stage, 1, -1);
        let is_committed = code.is_zero(other);
        // With its stage a work has 11, 13 or 20 elements.
        let length = code.weighed(is_assigned, is_committed, [-9, -7, 20]);
        let step = code.product(again, length);
        let is_sender = is_same(code, who, asked.account);
        let is_it = code.product(again, is_sender);
        let here = code.product(is_it, cursor);
        let has_begun = code.not(is_assigned);
        let counts = code.product(again, has_begun);
        let left = [(cursor, step), (walked, again), (found, is_it), (at, here), (committed, counts)];
        (left.map(|(before, more)| code.sum(before, more)), again)
    });
    code.equal(walked, count);
    let task = Task { key, list, length, record: (digest, one), count, ends, works, found, at, committed };
    let standing = code.load(list, ends, 0);
    let is_open = code.is_zero(standing);
    let has_ended = code.not(is_open);
    code.when(has_ended, |code| task.reject(code, asked, action, REJECTED_ENDED));
    task
}

/// Rejects what comes after the task's deadline. Returns the entry's time.
fn in_time(code: &mut Code, asked: &Asked, action: u8, task: &Task<'_>) -> [Cell; 2] {
    let (now, zero) = (code.time(), code.number(0));
    let deadline = [DEADLINE, DEADLINE + 1].map(|place| code.load(task.list, zero, place));
    let is_late = code.bit();
    code.when(is_late, |code| {
        code.compare(now, deadline, false);
        task.reject(code, asked, action, REJECTED_LATE);
    });
    code.compare(deadline, now, true);
    now
}

/// `task::at_work`: the task is open, its deadline has not passed, and the sender works on it.
fn at_work<'a>(code: &mut Code, asked: &Asked, action: u8, key: &'a [Cell]) -> Task<'a> {
    let task = open(code, asked, action, key);
    in_time(code, asked, action, &task);
    let is_other = code.is_zero(task.found);
    code.when(is_other, |code| task.reject(code, asked, action, REJECTED_UNASSIGNED));
    task
}

/// Rejects a step out of turn.
fn in_turn(code: &mut Code, asked: &Asked, action: u8, task: &Task<'_>, stage: i64) {
    let is_now = code.load(task.list, task.at, STAGE);
    let other = code.scaled(is_now, 1, -stage);
    let is_it = code.is_zero(other);
    let is_wrong = code.not(is_it);
    code.when(is_wrong, |code| task.reject(code, asked, action, REJECTED_STAGE));
}

/// Replaces the stage of the sender's work, which has so many elements, by others. All else stays.
fn advance(code: &mut Code, task: &Task<'_>, before: u8, after: &[Element]) {
    let (list, length, record) = code.stream(Domain::Value);
    let zero = code.number(0);
    let begin = code.scaled(task.at, 1, STAGE.into());
    same(code, (task.list, zero), (list, zero), begin);
    for (place, element) in (STAGE..).zip(after) {
        let cell = code.load(list, task.at, place);
        let said = match element {
            Element::Known(cell) => *cell,
            Element::Number(number) => code.number(i64::try_from(*number).expect("a small number")),
            Element::New => cell,
        };
        code.equal(cell, said);
    }
    let rest = code.scaled(begin, 1, before.into());
    let more = i64::try_from(after.len()).expect("few elements");
    let moved = code.scaled(begin, 1, more);
    let longer = code.scaled(task.length, 1, more - i64::from(before));
    code.equal(length, longer);
    same(code, (task.list, rest), (list, moved), task.length);
    let one = task.record.1;
    code.record((KIND_TASK, task.key), task.record, (record, one));
}

/// Demands that an array has the same elements from an index on, up to its end, as another has from its own.
fn same(code: &mut Code, (list, from): (Array, Cell), (other, other_from): (Array, Cell), end: Cell) {
    let [reached, _] = code.repeat([from, other_from], |code, [at, other_at]| {
        let (first, second) = (code.load(list, at, 0), code.load(other, other_at, 0));
        code.equal(first, second);
        let left = [at, other_at].map(|index| code.scaled(index, 1, 1));
        (left, code.bit())
    });
    code.equal(reached, end);
}

/// `task::commit`: the sender's work goes from its first stage to the second.
fn commit(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_COMMIT, 8);
    let task = at_work(code, asked, ACTION_COMMIT, &said[1..5]);
    in_turn(code, asked, ACTION_COMMIT, &task, 0);
    advance(code, &task, 3, &[numbers(&[1]), known(&said[5..])].concat());
    asked.answer(code, ACTION_COMMIT, 0);
}

/// `task::deliver`: a result that the sender committed to takes the commitment's place.
fn deliver(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_DELIVER, 23);
    let (outcome, fuel) = (&said[5..16], [said[14], said[15]]);
    let task = at_work(code, asked, ACTION_DELIVER, &said[1..5]);
    in_turn(code, asked, ACTION_DELIVER, &task, 1);
    let zero = code.number(0);
    let redundancy = code.load(task.list, zero, REDUNDANCY);
    let more = code.difference(task.committed, redundancy);
    let are_few = code.bit();
    code.when(are_few, |code| {
        let missing = code.scaled(more, -1, -1);
        code.amount(missing);
        task.reject(code, asked, ACTION_DELIVER, REJECTED_FEW);
    });
    code.amount(more);
    let limit = [FUEL, FUEL + 1].map(|place| code.load(task.list, zero, place));
    let is_over = code.bit();
    code.when(is_over, |code| {
        code.compare(fuel, limit, true);
        task.reject(code, asked, ACTION_DELIVER, REJECTED_FUEL);
    });
    code.compare(limit, fuel, false);
    // Task, provider, outcome and salt are what was committed to.
    let committed = [known(&said[1..5]), known(&asked.account), known(&said[5..])].concat();
    let (_, digest) = code.hash(Domain::Commitment, &committed);
    let before = load_quad(code, task.list, task.at, STAGE + 1);
    let is_same = is_same(code, digest, before);
    let differs = code.not(is_same);
    code.when(differs, |code| task.reject(code, asked, ACTION_DELIVER, REJECTED_REVEAL));
    advance(code, &task, 5, &[numbers(&[2]), known(outcome)].concat());
    asked.answer(code, ACTION_DELIVER, 0);
}
