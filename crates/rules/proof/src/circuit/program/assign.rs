//! Assignments: the coordinator gives a task to those whose offers it chose.
//!
//! What was considered is walked in its order. An assignment that is rejected for one whom it chose is walked up to that
//! one: those before it fit, and nothing of them changes.

use super::{
    ACTION_ASSIGN, Asked, COUNT, LAST, Parameters, REJECTED_ASSIGNED, REJECTED_COORDINATOR, REJECTED_MANY,
    REJECTED_UNFIT, REJECTED_UNOFFERED, STAGE, Task, WORK, in_time, is_same, keep, known, load_quad, nothing, open,
    parameters, quad, same,
};
use crate::circuit::code::{Array, Cell, Code, Element, Quad};
use crate::circuit::{KIND_OFFER, KIND_TASK};
use crypto::Domain;

/// Most providers of a task: `types::limits::TASK_PROVIDERS`.
const PROVIDERS: i64 = 9;
const _: () = assert!(types::limits::TASK_PROVIDERS == 9, "as many as the program admits");

/// Where the elements of a task's record are that an offer has to fit: its limit of memory, its asset and its rate.
const MEMORY: u8 = 18;
const ASSET: u8 = 20;
const RATE: u8 = 24;
/// Where the first is that was considered, how many elements each has, and where the reason is among them.
const FIRST: i64 = 6;
const CONSIDERED: i64 = 10;
const REASON: u8 = 8;
/// How many elements the work of somebody has that was assigned.
const ASSIGNED: i64 = 11;

/// What a task asks of an offer.
struct Wanted {
    asset: Quad,
    rate: [Cell; 2],
    memory: [Cell; 2],
}

impl Wanted {
    fn of(code: &mut Code, task: &Task<'_>) -> Self {
        let zero = code.number(0);
        let asset = load_quad(code, task.list, zero, ASSET);
        let [rate, memory] = [RATE, MEMORY].map(|place| [0, 1].map(|half| code.load(task.list, zero, place + half)));
        Self { asset, rate, memory }
    }

    /// Shows that an offer fits.
    fn fits(&self, code: &mut Code, offer: &Offer) {
        code.equal_quad(offer.asset, self.asset);
        code.compare(self.rate, offer.rate, false);
        code.compare(offer.memory, self.memory, false);
    }
}

/// Somebody's offer.
struct Offer {
    cells: Vec<Cell>,
    digest: Quad,
    id: Quad,
    asset: Quad,
    rate: [Cell; 2],
    memory: [Cell; 2],
    open_tasks: Cell,
}

impl Offer {
    fn opened(code: &mut Code) -> Self {
        let (cells, digest) = code.hash(Domain::Value, &[Element::New; 20]);
        let pair = |at: usize| [cells[at], cells[at + 1]];
        let (id, asset, rate, memory) = (quad(&cells[..4]), quad(&cells[4..8]), pair(9), pair(13));
        Self { digest, id, asset, rate, memory, open_tasks: cells[19], cells }
    }

    /// Returns its record with one more open task: as many as there can be stay as many.
    fn counted(&self, code: &mut Code) -> Quad {
        let left = code.scaled(self.open_tasks, 1, -LAST);
        let is_last = code.is_zero(left);
        let more = code.weighed(self.open_tasks, is_last, [1, -1, 1]);
        code.hash(Domain::Value, &[known(&self.cells[..19]), known(&[more])].concat()).1
    }
}

/// What an assignment says of those who were considered.
struct Said {
    list: Array,
    /// How many they are.
    considered: Cell,
    /// One if those who were chosen are assigned.
    applies: Cell,
}

/// How far those were walked who were considered.
struct Walked {
    /// Where the next is.
    cursor: Cell,
    count: Cell,
    /// How many work on the task then.
    total: Cell,
}

/// `task::assign`.
pub(super) fn assign(code: &mut Code, asked: &Asked) {
    let (list, length, digest) = code.stream(Domain::Action);
    code.equal_quad(digest, asked.action);
    let (zero, named) = (code.number(0), code.number(ACTION_ASSIGN.into()));
    let action = code.load(list, zero, 0);
    code.equal(action, named);
    let key = load_quad(code, list, zero, 1);
    let considered = code.load(list, zero, 5);
    let whole = code.scaled(considered, CONSIDERED, FIRST);
    code.equal(length, whole);

    let Parameters { coordinator, .. } = parameters(code);
    let is_coordinator = is_same(code, coordinator, asked.account);
    let is_other = code.not(is_coordinator);
    code.when(is_other, |code| asked.answer(code, ACTION_ASSIGN, REJECTED_COORDINATOR));
    let task = open(code, asked, ACTION_ASSIGN, &key);
    let now = in_time(code, asked, ACTION_ASSIGN, &task);

    let said = Said { list, considered, applies: code.bit() };
    let wanted = Wanted::of(code, &task);
    let walked = choose(code, &task, &said, &wanted);
    distinct(code, &task, walked.total);
    let spare = code.scaled(walked.total, -1, PROVIDERS);
    code.amount(spare);
    let refuses = code.not(said.applies);
    code.when(refuses, |code| refuse(code, asked, &task, (&said, &walked), &wanted));

    code.equal(walked.count, considered);
    let record = longer(code, &task, walked.total, now);
    let one = task.record.1;
    code.record((KIND_TASK, &key), task.record, (record, one));
    asked.answer(code, ACTION_ASSIGN, 0);
}

/// Walks those who were considered: whoever was chosen has an offer that fits, and it is counted if that applies.
fn choose(code: &mut Code, task: &Task<'_>, said: &Said, wanted: &Wanted) -> Walked {
    let (zero, one, first) = (code.number(0), code.number(1), code.number(FIRST));
    let [cursor, count, total] = code.repeat([first, zero, task.count], |code, [cursor, count, total]| {
        // The frame after the last walks no further.
        let again = code.bit();
        let reason = code.load(said.list, cursor, REASON);
        let is_taken = code.is_zero(reason);
        let is_chosen = code.product(again, is_taken);
        code.when(is_chosen, |code| {
            let provider = load_quad(code, said.list, cursor, 0);
            let offer = Offer::opened(code);
            wanted.fits(code, &offer);
            let after = offer.counted(code);
            let after = code.choose_quad(said.applies, after, offer.digest);
            code.record((KIND_OFFER, &provider), (offer.digest, one), (after, one));
            let index = code.scaled(total, 8, 0);
            code.store(&task.works, index, &[provider, offer.id].concat());
        });
        let cursor = code.weighed(cursor, again, [1, CONSIDERED, 0]);
        ([cursor, code.sum(count, again), code.sum(total, is_chosen)], again)
    });
    Walked { cursor, count, total }
}

/// Demands that nobody of those who are new works on the task already.
fn distinct(code: &mut Code, task: &Task<'_>, total: Cell) {
    let zero = code.number(0);
    let [_, reached] = code.repeat([zero, task.count], |code, [first, second]| {
        // Each that is new is compared with all before it, and then comes the next.
        let again = code.bit();
        let ahead = code.difference(second, first);
        let is_self = code.is_zero(ahead);
        let is_other = code.not(is_self);
        let compares = code.product(again, is_other);
        code.when(compares, |code| {
            let [first, second] = [first, second].map(|place| {
                let index = code.scaled(place, 8, 0);
                load_quad(code, task.works, index, 0)
            });
            let is_twice = is_same(code, first, second);
            code.zero_where(compares, is_twice);
        });
        let next = code.scaled(first, 1, 1);
        let turns = code.product(again, is_self);
        ([code.product(is_other, next), code.sum(second, turns)], again)
    });
    code.equal(reached, total);
}

/// Rejects an assignment for the one who was considered next, and chosen: there is no such offer, it does not fit, its
/// provider works on the task already, or as many do as may.
fn refuse(code: &mut Code, asked: &Asked, task: &Task<'_>, (said, walked): (&Said, &Walked), wanted: &Wanted) {
    let rest = code.difference(said.considered, walked.count);
    let rest = code.scaled(rest, 1, -1);
    code.amount(rest);
    let (zero, one) = (code.number(0), code.number(1));
    let reason = code.load(said.list, walked.cursor, REASON);
    code.equal(reason, zero);
    let provider = load_quad(code, said.list, walked.cursor, 0);

    // Why is one of these.
    let [is_absent, is_dear, is_small, is_elsewhere, is_twice, is_many] = [(); 6].map(|()| code.bit());
    let limits = code.sum(is_dear, is_small);
    let is_unfit = code.sum(limits, is_elsewhere);
    let fits = code.sum(is_twice, is_many);
    let is_there = code.sum(is_unfit, fits);
    let reasons = code.sum(is_absent, is_there);
    code.equal(reasons, one);
    code.when(is_absent, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &provider, absent);
    });
    code.when(is_there, |code| {
        let offer = Offer::opened(code);
        keep(code, KIND_OFFER, &provider, (offer.digest, one));
        code.when(is_dear, |code| code.compare(offer.rate, wanted.rate, true));
        code.when(is_small, |code| code.compare(wanted.memory, offer.memory, true));
        let is_here = is_same(code, offer.asset, wanted.asset);
        code.zero_where(is_elsewhere, is_here);
        code.when(fits, |code| wanted.fits(code, &offer));
    });
    code.when(is_twice, |code| {
        let place = code.next();
        code.amount(place);
        let beyond = code.difference(walked.total, place);
        let beyond = code.scaled(beyond, 1, -1);
        code.amount(beyond);
        let index = code.scaled(place, 8, 0);
        let who = load_quad(code, task.works, index, 0);
        code.equal_quad(who, provider);
    });
    code.when(is_many, |code| {
        let most = code.number(PROVIDERS);
        code.equal(walked.total, most);
        is_new(code, task, provider, most);
    });
    let [absent, unfit] = [(is_absent, REJECTED_UNOFFERED), (is_unfit, REJECTED_UNFIT)];
    let [twice, many] = [(is_twice, REJECTED_ASSIGNED), (is_many, REJECTED_MANY)];
    let numbers = [[absent, unfit], [twice, many]].map(|[(first, code_of_first), (second, code_of_second)]| {
        code.weighed(first, second, [code_of_first.into(), code_of_second.into(), 0])
    });
    let number = code.sum(numbers[0], numbers[1]);
    keep(code, KIND_TASK, task.key, task.record);
    code.answer(ACTION_ASSIGN, asked.id, number);
}

/// Demands that somebody is none of those who work on the task.
fn is_new(code: &mut Code, task: &Task<'_>, provider: Quad, total: Cell) {
    let zero = code.number(0);
    let [reached] = code.repeat([zero], |code, [place]| {
        let again = code.bit();
        code.when(again, |code| {
            let index = code.scaled(place, 8, 0);
            let who = load_quad(code, task.works, index, 0);
            let is_it = is_same(code, who, provider);
            code.zero_where(again, is_it);
        });
        ([code.sum(place, again)], again)
    });
    code.equal(reached, total);
}

/// Returns the task's record with the work of those who are new, which begins now. All else stays.
fn longer(code: &mut Code, task: &Task<'_>, total: Cell, now: [Cell; 2]) -> Quad {
    let (list, length, record) = code.stream(Domain::Value);
    let (zero, count, start) = (code.number(0), code.number(COUNT.into()), code.number(WORK));
    same(code, (task.list, zero), (list, zero), count);
    let counted = code.load(list, zero, COUNT);
    code.equal(counted, total);
    let is_first = code.is_zero(task.count);
    let has_work = code.not(is_first);
    code.when(has_work, |code| same(code, (task.list, start), (list, start), task.ends));
    let [reached, ends] = code.repeat([task.count, task.ends], |code, [place, at]| {
        let again = code.bit();
        code.when(again, |code| {
            let index = code.scaled(place, 8, 0);
            for cell in 0..STAGE {
                let (said, who) = (code.load(list, at, cell), code.load(task.works, index, cell));
                code.equal(said, who);
            }
            for (cell, expected) in (STAGE..).zip([zero, now[0], now[1]]) {
                let said = code.load(list, at, cell);
                code.equal(said, expected);
            }
        });
        ([code.sum(place, again), code.weighed(at, again, [1, ASSIGNED, 0])], again)
    });
    code.equal(reached, total);
    // It is open as it was.
    for place in [0, 1] {
        let standing = code.load(list, ends, place);
        code.equal(standing, zero);
    }
    let end = code.scaled(ends, 1, 2);
    code.equal(length, end);
    record
}
