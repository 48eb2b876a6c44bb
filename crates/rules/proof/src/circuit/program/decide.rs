//! Verdicts: the rule of `task::verdict`, what it pays and whose stake it cuts.
//!
//! That a task's tally is open with its one pair as long as the task is, an offer's as long as the offer is, that their
//! own accounts hold the STOCK, and that nobody claims more fuel than a task allows is so in every state that the rules
//! have made, and is not shown again. So are the shares of a chain's parameters.
//!
//! A signature that does not hold is no reason to reject: what brings one is no transaction, is in no block that the honest
//! make, and cannot be proven. So whoever proves can reject no verdict that a quorum signed.

use super::super::code::{Array, Cell, Code, Element, Quad};
use super::super::{KIND_BALANCE, KIND_OFFER, KIND_PROGRAM, KIND_SUPPLY, KIND_TALLY, KIND_TASK};
use super::quorum::{are_same, ends_with, is_place, one_of};
use super::{
    Asked, COUNT, FUEL, LAST, Parameters, REDUNDANCY, REJECTED_ENDED, REJECTED_NO_TASK, STAGE, WHOLE, WORK, change,
    credit, half_of, keep, known, nothing, numbers, parameters, quad, same,
};
use crypto::Domain;
use crypto::account::SCHNORR;

/// The number of verdicts among actions: `transition::Action::Decide`.
pub const ACTION_DECIDE: u8 = 17;
/// The code of a verdict that no quorum signed: `task::Reject::NoQuorum`.
pub const REJECTED_QUORUM: u32 = 230;
/// The code of a verdict that contradicts the deliveries: `task::Reject::WrongVerdict`.
pub const REJECTED_VERDICT: u32 = 231;

/// Where the parts of a task's record are that only a verdict needs: the asset, the requester, the price and the tally.
const ASSET: u8 = 20;
const REQUESTER: u8 = 29;
const PRICE: u8 = 33;
const TALLY: u8 = 34;
/// Where the result is from the beginning of a work that was delivered, and how many elements it has.
const OUTCOME: i64 = 9;
const OUTCOME_LENGTH: usize = 11;
/// Where the offer is from the beginning of a work.
const OFFER: u8 = 4;
/// Where the result is in the action, and where the list of who agrees begins.
const SAID_OUTCOME: u8 = 5;
const SAID_AGREEING: i64 = 16;
/// How many elements a resolver's signature has with its place and its key, and the key.
const VOTE: i64 = 27;
const KEY: i64 = 6;
/// Where the keys begin in the chain's parameters.
const KEYS: u8 = 9;

/// A verdict as it is asked for.
struct Said {
    list: Array,
    task: Quad,
    /// How many agree.
    agreeing: Cell,
    /// Where the list of who dissents begins, and how many do.
    at_dissenting: Cell,
    dissenting: Cell,
    /// Where the list of signatures begins, and how many there are: the verdict ends here.
    at_votes: Cell,
    votes: Cell,
}

impl Said {
    fn of(code: &mut Code, asked: &Asked) -> Self {
        let (list, length) = asked.reads(code, ACTION_DECIDE);
        let zero = code.number(0);
        let task = code.load_all(list, zero, 1);
        let at = code.number(SAID_AGREEING);
        let agreeing = code.load(list, at, 0);
        let at_dissenting = code.scaled(agreeing, 4, SAID_AGREEING + 1);
        let dissenting = code.load(list, at_dissenting, 0);
        let at_votes = code.weighed(dissenting, at_dissenting, [4, 1, 1]);
        let votes = code.load(list, at_votes, 0);
        let whole = code.weighed(votes, at_votes, [VOTE, 1, 1]);
        code.equal(length, whole);
        Self { list, task, agreeing, at_dissenting, dissenting, at_votes, votes }
    }

    /// Returns whose place among the resolvers a signature names.
    fn resolver(&self, code: &mut Code, vote: Cell) -> Cell {
        let at = code.weighed(vote, self.at_votes, [VOTE, 1, 1]);
        code.load(self.list, at, 0)
    }

    /// Returns the key that a signature is said to be of.
    fn key(&self, code: &mut Code, vote: Cell) -> [Cell; 6] {
        let at = code.weighed(vote, self.at_votes, [VOTE, 1, 1]);
        code.load_all(self.list, at, 1)
    }
}

/// The task that is decided, and what its deliveries say of the verdict's result.
struct Task {
    list: Array,
    record: (Quad, Cell),
    count: Cell,
    /// Where the standing is.
    ends: Cell,
    delivered: Cell,
    /// How many delivered the result.
    agreed: Cell,
    /// One where the verdict names them, and those who delivered another, in their order.
    is_named: Cell,
    /// Where the work begins of each who delivered.
    deliveries: Array,
    /// Of each who works on it: one where the result was delivered, and one where another was.
    agrees: Array,
    dissents: Array,
}

impl Task {
    fn reject(&self, code: &mut Code, asked: &Asked, said: &Said, number: u32) {
        keep(code, KIND_TASK, &said.task, self.record);
        asked.answer(code, ACTION_DECIDE, number);
    }

    fn at<const N: usize>(&self, code: &mut Code, place: u8) -> [Cell; N] {
        let zero = code.number(0);
        code.load_all(self.list, zero, place)
    }
}

/// Returns one where somebody's work is at its second stage and at its third, and how many elements it has.
fn stage_of(code: &mut Code, list: Array, at: Cell) -> (Cell, Cell) {
    let stage = code.load(list, at, STAGE);
    let is_assigned = code.is_zero(stage);
    let other = code.scaled(stage, 1, -1);
    let is_committed = code.is_zero(other);
    let is_delivered = code.weighed(is_assigned, is_committed, [-1, -1, 1]);
    (is_delivered, code.weighed(is_assigned, is_committed, [-9, -7, 20]))
}

/// Opens the task, and weighs the deliveries. Rejects one that is not there.
fn opened(code: &mut Code, asked: &Asked, said: &Said) -> Task {
    let is_unknown = code.bit();
    code.when(is_unknown, |code| {
        let absent = nothing(code);
        keep(code, KIND_TASK, &said.task, absent);
        asked.answer(code, ACTION_DECIDE, REJECTED_NO_TASK);
    });
    let (list, _, digest) = code.stream(Domain::Value);
    let (zero, one, begin) = (code.number(0), code.number(1), code.number(WORK));
    let count = code.load(list, zero, COUNT);
    let outcome: [Cell; OUTCOME_LENGTH] = code.load_all(said.list, zero, SAID_OUTCOME);
    let [deliveries, agrees, dissents] = [(); 3].map(|()| code.array());
    let first = [begin, zero, zero, zero, one];
    let [ends, walked, delivered, agreed, is_named] =
        code.repeat(first, |code, [at, walked, delivered, agreed, is_named]| {
            // The frame after the last work walks no further.
            let again = code.bit();
            let (is_delivered, length) = stage_of(code, list, at);
            let step = code.product(again, length);
            let counts = code.product(again, is_delivered);
            // Where nothing was delivered, something is compared that does not matter.
            let shown = code.scaled(at, 1, OUTCOME);
            let shown = code.product(counts, shown);
            let result: [Cell; OUTCOME_LENGTH] = code.load_all(list, shown, 0);
            let is_same = are_same(code, &result, &outcome);
            let is_agreed = code.product(counts, is_same);
            let is_other = code.difference(counts, is_agreed);
            // Who delivered is the next in one of the lists, as long as all before were.
            let others = code.difference(delivered, agreed);
            let next = [code.scaled(agreed, 4, SAID_AGREEING + 1), code.weighed(others, said.at_dissenting, [4, 1, 1])];
            let next = code.choose(is_agreed, next[0], next[1]);
            let looks = code.product(counts, is_named);
            let next = code.product(looks, next);
            let named: Quad = code.load_all(said.list, next, 0);
            let who: Quad = code.load_all(list, at, 0);
            let is_it = are_same(code, &named, &who);
            let is_another = code.not(is_it);
            let misses = code.product(looks, is_another);
            let still = code.difference(is_named, misses);
            code.when(counts, |code| code.store(&deliveries, delivered, &[at]));
            code.store(&agrees, walked, &[is_agreed]);
            code.store(&dissents, walked, &[is_other]);
            let sums = [(at, step), (walked, again), (delivered, counts), (agreed, is_agreed)];
            let [at, walked, delivered, agreed] = sums.map(|(before, more)| code.sum(before, more));
            ([at, walked, delivered, agreed, still], again)
        });
    code.equal(walked, count);
    // Nobody else is named.
    let others = code.difference(delivered, agreed);
    let are_all = are_same(code, &[agreed, others], &[said.agreeing, said.dissenting]);
    let is_named = code.product(is_named, are_all);
    Task { list, record: (digest, one), count, ends, delivered, agreed, is_named, deliveries, agrees, dissents }
}

/// `task::decide`: a verdict pays for a task, and cuts the stakes of who delivered something else.
pub(super) fn decide(code: &mut Code, asked: &Asked) {
    let said = Said::of(code, asked);
    let task = opened(code, asked, &said);
    let standing = code.load(task.list, task.ends, 0);
    let is_open = code.is_zero(standing);
    let has_ended = code.not(is_open);
    code.when(has_ended, |code| task.reject(code, asked, &said, REJECTED_ENDED));

    let parameters = parameters(code);
    let lacks = code.bit();
    code.when(lacks, |code| {
        lacks_quorum(code, &parameters, &said);
        task.reject(code, asked, &said, REJECTED_QUORUM);
    });
    let chain = asked.chain(code);
    let (list, length, digest) = code.stream(Domain::Verdict);
    let (zero, one, four) = (code.number(0), code.number(1), code.number(4));
    let first: Quad = code.load_all(list, zero, 0);
    code.equal_quad(first, chain);
    same(code, (said.list, one), (list, four), said.at_votes);
    let whole = code.scaled(said.at_votes, 1, 3);
    code.equal(length, whole);
    has_quorum(code, &parameters, &said, &digest);

    is_called_for(code, asked, &said, &task);
    pay(code, &said, &task, &parameters);
    let (list, length, digest) = code.stream(Domain::Value);
    same(code, (task.list, zero), (list, zero), task.ends);
    let after = code.scaled(task.ends, 1, 1);
    let decided = code.load(list, task.ends, 0);
    code.equal(decided, one);
    same(code, (said.list, one), (list, after), said.at_votes);
    let whole = code.sum(task.ends, said.at_votes);
    ends_with(code, (list, length), whole, &[]);
    code.record((KIND_TASK, &said.task), task.record, (digest, one));
    asked.answer(code, ACTION_DECIDE, 0);
}

/// Returns the key of a resolver.
fn key_of(code: &mut Code, parameters: &Parameters, resolver: Cell) -> [Cell; 6] {
    let at = code.scaled(resolver, KEY, 0);
    code.load_all(parameters.list, at, KEYS)
}

/// `task::verdict::check_quorum`: enough resolvers signed, each once.
fn has_quorum(code: &mut Code, parameters: &Parameters, said: &Said, digest: &Quad) {
    let zero = code.number(0);
    let [walked, _] = code.repeat([zero, zero], |code, [walked, next]| {
        let resolver = said.resolver(code, walked);
        let later = code.difference(resolver, next);
        code.amount(later);
        is_place(code, resolver, parameters.resolvers);
        let (named, own) = (said.key(code, walked), key_of(code, parameters, resolver));
        named.into_iter().zip(own).for_each(|(named, own)| code.equal(named, own));
        let [scheme, key @ ..] = own;
        let schnorr = code.number(SCHNORR.into());
        code.equal(scheme, schnorr);
        code.signed(&key, digest);
        ([code.scaled(walked, 1, 1), code.scaled(resolver, 1, 1)], code.bit())
    });
    code.equal(walked, said.votes);
    let threshold = code.load(parameters.list, parameters.end, 0);
    let more = code.difference(walked, threshold);
    code.amount(more);
}

/// Shows why there is no quorum.
fn lacks_quorum(code: &mut Code, parameters: &Parameters, said: &Said) {
    let place = code.next();
    let few = |code: &mut Code| {
        let threshold = code.load(parameters.list, parameters.end, 0);
        let missing = code.weighed(threshold, said.votes, [1, -1, -1]);
        // Without any it is none, whatever the threshold.
        let is_none = code.is_zero(said.votes);
        let is_some = code.not(is_none);
        let missing = code.product(is_some, missing);
        code.amount(missing);
        let zero = code.number(0);
        code.equal(place, zero);
    };
    let order = |code: &mut Code| {
        let next = code.scaled(place, 1, 1);
        code.amount(place);
        is_place(code, next, said.votes);
        let (first, second) = (said.resolver(code, place), said.resolver(code, next));
        let back = code.difference(first, second);
        code.amount(back);
    };
    let beyond = |code: &mut Code| {
        is_place(code, place, said.votes);
        let resolver = said.resolver(code, place);
        let over = code.difference(resolver, parameters.resolvers);
        code.amount(over);
    };
    // A place is another's than the key.
    let other = |code: &mut Code| {
        is_place(code, place, said.votes);
        let resolver = said.resolver(code, place);
        is_place(code, resolver, parameters.resolvers);
        let (named, own) = (said.key(code, place), key_of(code, parameters, resolver));
        let (is_its, zero) = (are_same(code, &named, &own), code.number(0));
        code.equal(is_its, zero);
    };
    one_of(code, &[&few, &order, &beyond, &other]);
}

/// `task::Verdict::of`: enough delivered the result, no other was delivered as often, and the verdict names them all.
fn is_called_for(code: &mut Code, asked: &Asked, said: &Said, task: &Task) {
    let [redundancy] = task.at(code, REDUNDANCY);
    let more = code.difference(task.agreed, redundancy);
    let are_few = code.bit();
    code.when(are_few, |code| {
        let missing = code.scaled(more, -1, -1);
        code.amount(missing);
        task.reject(code, asked, said, REJECTED_VERDICT);
    });
    code.amount(more);
    // Each delivery is held against all, itself among them. At least one agrees, so that there is one.
    let zero = code.number(0);
    let [_, _, _, tops] = code.repeat([zero; 4], |code, [of, with, votes, tops]| {
        let [result, other] = [of, with].map(|delivery| {
            let at = code.load(task.deliveries, delivery, 0);
            let at = code.scaled(at, 1, OUTCOME);
            code.load_all::<OUTCOME_LENGTH>(task.list, at, 0)
        });
        let is_same = are_same(code, &result, &other);
        let votes = code.sum(votes, is_same);
        let [is_last, is_end] = [with, of].map(|delivery| {
            let rest = code.weighed(task.delivered, delivery, [1, -1, -1]);
            code.is_zero(rest)
        });
        // With all votes there are as many as for the verdict's result, or fewer.
        let is_top = code.bit();
        let goes_on = code.not(is_last);
        code.zero_where(goes_on, is_top);
        let above = code.difference(votes, task.agreed);
        let below = code.scaled(above, -1, -1);
        let shown = code.choose(is_top, above, below);
        let shown = code.product(is_last, shown);
        code.amount(shown);
        let is_over = code.product(is_last, is_end);
        let with = code.scaled(with, 1, 1);
        let left =
            [code.sum(of, is_last), code.product(goes_on, with), code.product(goes_on, votes), code.sum(tops, is_top)];
        (left, code.not(is_over))
    });
    // Those who agree are at the top. If others are, another result has as many votes.
    let rivals = code.difference(tops, task.agreed);
    let is_alone = code.is_zero(rivals);
    let is_right = code.product(is_alone, task.is_named);
    let is_wrong = code.not(is_right);
    code.when(is_wrong, |code| task.reject(code, asked, said, REJECTED_VERDICT));
}

/// A tally of one pair that a rule resolves, and what it is resolved with.
struct Settled<'a> {
    /// What it is about; that thing's account holds the STOCK.
    subject: Quad,
    asset: Quad,
    amount: Cell,
    cap: Vec<Element>,
    /// From when on the refund split applies; the prover's word where it differs.
    refund_after: Vec<Element>,
    tally: Quad,
    outcome: [Cell; 2],
    /// Who holds the FOIL, unless it was handed to the thing's account or somebody else.
    holder: &'a Quad,
    now: [Cell; 2],
}

/// `ledger::tally::resolve`, and `redeem` for the thing's account and for the holder. Returns what the thing's account is
/// paid, which is paid on.
fn settle(code: &mut Code, of: &Settled<'_>) -> Cell {
    let mut terms = known(&[&of.subject[..], &of.asset, &[of.amount]].concat());
    terms.extend(numbers(&[0, 0]));
    terms.extend(&of.cap);
    terms.extend(numbers(&[0, 0]));
    let at = terms.len();
    terms.extend([Element::New; 2]);
    terms.extend(&of.refund_after);
    terms.extend(numbers(&[0, 0]));
    let ends = terms.len();
    terms.extend(numbers(&[0, 0]));
    terms.push(Element::Known(of.amount));
    terms.extend(numbers(&[1, 1]));
    let (terms, before) = code.hash(Domain::Value, &terms);
    code.compare(of.now, [terms[at], terms[at + 1]], false);

    let per_stock = code.next();
    let cap = [terms[11], terms[12]];
    code.divide(&known(&[of.amount, of.outcome[0], of.outcome[1], cap[0], cap[1], per_stock]));
    let per_foil = code.difference(of.amount, per_stock);
    code.amount(per_foil);
    let (_, owner) = code.hash(Domain::Owner, &known(&of.subject));
    let [stock, foil] = [0, 1].map(|half| half_of(code, of.tally, half));
    change(code, stock, &owner, Element::Number(1), false);
    // There is one FOIL. Whoever does not hold it cannot be debited.
    let [of_owner, of_holder] = [&owner, of.holder].map(|holder| {
        let holds = code.bit();
        let held = [&holder[..], &foil].concat();
        code.post((KIND_BALANCE, &held), Element::Number(1), false, Element::Known(holds));
        holds
    });
    let burnt = code.sum(of_owner, of_holder);
    code.post((KIND_SUPPLY, &foil), Element::Known(burnt), false, Element::Number(1));
    let [more, returned] = [of_owner, of_holder].map(|holds| code.product(holds, per_foil));
    let paid = code.sum(per_stock, more);
    credit(code, of.holder, &of.asset, returned);

    let locked = code.difference(of.amount, paid);
    let locked = code.difference(locked, returned);
    let left = code.not(burnt);
    let mut after = known(&terms[..ends]);
    after.push(Element::Number(1));
    after.extend(known(&of.outcome));
    after.push(Element::Known(locked));
    after.push(Element::Number(0));
    after.push(Element::Known(left));
    let (_, after) = code.hash(Domain::Value, &after);
    let one = code.number(1);
    code.record((KIND_TALLY, &of.tally), (before, one), (after, one));
    paid
}

/// `task::verdict::pay`, and what a verdict does to the offers of who worked on the task.
fn pay(code: &mut Code, said: &Said, task: &Task, parameters: &Parameters) {
    let now = code.time();
    let zero = code.number(0);
    let asset: Quad = task.at(code, ASSET);
    let requester: Quad = task.at(code, REQUESTER);
    let [price] = task.at(code, PRICE);
    let (limit, tally): ([Cell; 2], Quad) = (task.at(code, FUEL), task.at(code, TALLY));
    let outcome = code.load_all(said.list, zero, 14);
    let settled = Settled {
        subject: said.task,
        asset,
        amount: price,
        cap: known(&limit),
        refund_after: vec![Element::New; 2],
        tally,
        outcome,
        holder: &requester,
        now,
    };
    let paid = settle(code, &settled);
    let program: [Cell; 8] = task.at(code, 0);
    let (author, record) = code.hash(Domain::Value, &[Element::New; 4]);
    let one = code.number(1);
    keep(code, KIND_PROGRAM, &program, (record, one));

    // The agreeing share one part of it, the author gets another, and the treasury the rest, dust included.
    let shares: [Cell; 6] = code.load_all(parameters.list, parameters.end, 1);
    let [for_providers, for_author] = [0, 2].map(|at| {
        let (share, part) = (known(&shares[at..at + 2]), code.next());
        code.divide(&[known(&[paid]), share, numbers(&[0, WHOLE.unsigned_abs()]), known(&[part])].concat());
        part
    });
    let each = code.next();
    code.divide(&[known(&[for_providers]), numbers(&[0, 1, 0]), known(&[task.agreed, each])].concat());
    let all = code.product(each, task.agreed);
    let rest = code.difference(paid, all);
    let rest = code.difference(rest, for_author);
    code.amount(rest);
    let treasury: Quad = code.load_all(parameters.list, zero, 4);
    credit(code, &quad(&author), &asset, for_author);
    credit(code, &treasury, &asset, rest);
    let due = Due { asset, each, treasury, slash: [shares[4], shares[5]], now };
    let begin = code.number(WORK);
    code.repeat([begin, zero], |code, [at, walked]| {
        let (_, length) = stage_of(code, task.list, at);
        close(code, task, &due, at, walked);
        let rest = code.weighed(task.count, walked, [1, -1, -1]);
        let is_last = code.is_zero(rest);
        ([code.sum(at, length), code.scaled(walked, 1, 1)], code.not(is_last))
    });
}

/// What somebody's work on a decided task comes to.
struct Due {
    asset: Quad,
    /// What each who agreed is paid.
    each: Cell,
    treasury: Quad,
    /// The part of a stake that is cut.
    slash: [Cell; 2],
    now: [Cell; 2],
}

/// Pays who agreed, and closes the work: `task::offer::count`, or `slash` where something else was delivered. It concerns
/// only the offer under which the work was done.
fn close(code: &mut Code, task: &Task, due: &Due, at: Cell, walked: Cell) {
    let who: Quad = code.load_all(task.list, at, 0);
    let id: Quad = code.load_all(task.list, at, OFFER);
    let agrees = code.load(task.agrees, walked, 0);
    code.when(agrees, |code| credit(code, &who, &due.asset, due.each));
    let is_there = code.bit();
    let is_gone = code.not(is_there);
    code.when(is_gone, |code| {
        let absent = nothing(code);
        keep(code, KIND_OFFER, &who, absent);
    });
    code.when(is_there, |code| {
        let (offer, record) = code.hash(Domain::Value, &[Element::New; 20]);
        let one = code.number(1);
        let is_it = are_same(code, &offer[..4], &id);
        let is_other = code.not(is_it);
        code.when(is_other, |code| keep(code, KIND_OFFER, &who, (record, one)));
        let dissents = code.load(task.dissents, walked, 0);
        let is_cut = code.product(is_it, dissents);
        let counts = code.difference(is_it, is_cut);
        code.when(counts, |code| {
            let is_idle = code.is_zero(offer[19]);
            let fewer = code.weighed(offer[19], is_idle, [1, 1, -1]);
            let (_, after) = code.hash(Domain::Value, &[known(&offer[..19]), known(&[fewer])].concat());
            code.record((KIND_OFFER, &who), (record, one), (after, one));
        });
        code.when(is_cut, |code| {
            let absent = nothing(code);
            code.record((KIND_OFFER, &who), (record, one), absent);
            let settled = Settled {
                subject: id,
                asset: quad(&offer[4..8]),
                amount: offer[8],
                cap: numbers(&[0, WHOLE.unsigned_abs()]),
                refund_after: numbers(&[LAST.unsigned_abs(); 2]),
                tally: quad(&offer[15..19]),
                outcome: due.slash,
                holder: &who,
                now: due.now,
            };
            let cut = settle(code, &settled);
            credit(code, &due.treasury, &settled.asset, cut);
        });
    });
}
