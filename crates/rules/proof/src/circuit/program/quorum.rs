//! Tallies that a quorum resolves: the rules of `ledger::tally`, for records of any length.
//!
//! What accounts resolve has a table of its own ([`super::super::tally`]), which takes no other record. A run takes any:
//! where both could answer, both say the same.
//!
//! A signature that does not hold is no reason to reject: what brings one is no transaction, is in no block that the honest
//! make, and cannot be proven. So whoever proves can reject no resolution that a quorum signed.

use super::super::code::{Array, Cell, Code, Element, Quad};
use super::super::conclude::{REJECTED_EARLY, REJECTED_FOREIGN};
use super::super::tally::{REJECTED_CLOSED, REJECTED_EMPTY, REJECTED_OPEN, REJECTED_UNKNOWN};
use super::super::transfer::REJECTED_INSUFFICIENT;
use super::super::{
    ACTION_MERGE, ACTION_RECLAIM, ACTION_REDEEM, ACTION_RESOLVE, KIND_BALANCE, KIND_TALLY, REJECTED_OVERFLOW,
};
use super::{Asked, LAST, WHOLE, change, credit, half_of, keep, known, nothing, numbers, quad, same};
use crypto::Domain;
use crypto::account::SCHNORR;

/// Where the amount of a pair, the floor, the cap and the resolver are from the beginning of terms.
const PER_PAIR: u8 = 8;
const FLOOR: u8 = 9;
const CAP: u8 = 11;
const RESOLVER: u8 = 13;
/// How many elements precede the members of a quorum, or stand for a rule.
pub(super) const MEMBERS: u8 = 15;
/// Where the times, the share and the standing are from the end of the resolver, and where terms end.
pub(super) const RESOLVE_AFTER: u8 = 0;
pub(super) const REFUND_AFTER: u8 = 2;
pub(super) const SHARE: u8 = 4;
pub(super) const STANDING: u8 = 6;
/// How many elements the standing has of a tally that is open, and of one that has ended.
pub(super) const OPEN: u8 = 2;
const ENDED: u8 = 3;
/// How many elements precede the endorsements, and how many an endorsement has: an identity and a signature.
const ENDORSEMENTS: i64 = 8;
const ENDORSEMENT: i64 = 31;
const IDENTITY: usize = 11;

impl Asked {
    /// Takes an action of any length, and shows that it is what was asked for. Returns it with its length.
    pub(super) fn reads(&self, code: &mut Code, action: u8) -> (Array, Cell) {
        let (list, length, digest) = code.stream(Domain::Action);
        code.equal_quad(digest, self.action);
        let (zero, number) = (code.number(0), code.number(action.into()));
        let first = code.load(list, zero, 0);
        code.equal(first, number);
        (list, length)
    }

    /// Returns the digest of the chain's configuration, of which a signed transaction's id is made.
    pub(super) fn chain(&self, code: &mut Code) -> Quad {
        let (list, _, digest) = code.stream(Domain::Transaction);
        code.equal_quad(digest, self.id);
        let zero = code.number(0);
        code.load_all(list, zero, 0)
    }
}

/// Terms in a list.
pub(super) struct Terms {
    pub(super) list: Array,
    /// Where they begin.
    pub(super) start: Cell,
    pub(super) is_quorum: Cell,
    pub(super) is_account: Cell,
    /// How many members a quorum has.
    pub(super) members: Cell,
    /// Where the times begin: behind the resolver.
    pub(super) after: Cell,
}

impl Terms {
    pub(super) fn of(code: &mut Code, list: Array, start: Cell) -> Self {
        let [resolver, members] = code.load_all(list, start, RESOLVER);
        let is_rule = code.is_zero(resolver);
        let other = code.scaled(resolver, 1, -1);
        let is_account = code.is_zero(other);
        let is_quorum = code.weighed(is_rule, is_account, [-1, -1, 1]);
        // There is no fourth kind.
        let other = code.scaled(resolver, 1, -2);
        code.zero_where(is_quorum, other);
        // A rule has its number, an account four elements, a quorum its members and the threshold.
        let longer = code.scaled(members, 4, 1);
        let longer = code.product(is_quorum, longer);
        let most = code.weighed(is_account, longer, [3, 1, MEMBERS.into()]);
        let after = code.sum(start, most);
        Self { list, start, is_quorum, is_account, members, after }
    }

    pub(super) fn threshold(&self, code: &mut Code) -> Cell {
        let place = code.scaled(self.after, 1, -1);
        code.load(self.list, place, 0)
    }

    pub(super) fn member(&self, code: &mut Code, member: Cell) -> Quad {
        let place = code.weighed(member, self.start, [4, 1, 0]);
        code.load_all(self.list, place, MEMBERS)
    }

    pub(super) fn pair(&self, code: &mut Code) -> Cell {
        code.load(self.list, self.start, PER_PAIR)
    }

    pub(super) fn bounds(&self, code: &mut Code) -> [[Cell; 2]; 2] {
        [FLOOR, CAP].map(|place| code.load_all(self.list, self.start, place))
    }

    pub(super) fn late<const N: usize>(&self, code: &mut Code, place: u8) -> [Cell; N] {
        code.load_all(self.list, self.after, place)
    }
}

/// A tally that there is.
struct Tally {
    id: Quad,
    terms: Terms,
    /// Its record, and one.
    record: (Quad, Cell),
    is_open: Cell,
}

impl Tally {
    /// Leaves the tally as it is, and answers with a code.
    fn reject(&self, code: &mut Code, asked: &Asked, action: u8, number: u32) {
        keep(code, KIND_TALLY, &self.id, self.record);
        asked.answer(code, action, number);
    }

    /// Rejects what needs an open tally where it has ended.
    fn must_be_open(&self, code: &mut Code, asked: &Asked, action: u8) {
        let has_ended = code.not(self.is_open);
        code.when(has_ended, |code| self.reject(code, asked, action, REJECTED_CLOSED));
    }

    /// Replaces what the record has from so many elements after the terms' resolver on.
    fn renew(&self, code: &mut Code, from: u8, rest: &[Cell]) {
        let (list, length, digest) = code.stream(Domain::Value);
        let zero = code.number(0);
        let end = code.scaled(self.terms.after, 1, from.into());
        same(code, (self.terms.list, zero), (list, zero), end);
        ends_with(code, (list, length), end, rest);
        code.record((KIND_TALLY, &self.id), self.record, (digest, self.record.1));
    }

    /// Ends the tally, unless it is too early.
    fn end(&self, code: &mut Code, asked: &Asked, action: u8, (due, number): (u8, i64), ended: Option<[Cell; 2]>) {
        let (now, due) = (code.time(), self.terms.late(code, due));
        let is_early = code.bit();
        code.when(is_early, |code| {
            code.compare(due, now, true);
            self.reject(code, asked, action, REJECTED_EARLY);
        });
        code.compare(now, due, false);
        let [high, low] = ended.unwrap_or(now);
        let number = code.number(number);
        let [locked, stock, foil] = self.terms.late(code, STANDING + OPEN);
        self.renew(code, STANDING, &[number, high, low, locked, stock, foil]);
        asked.answer(code, action, 0);
    }
}

/// Demands that a list ends with these elements from an index on.
pub(super) fn ends_with(code: &mut Code, (list, length): (Array, Cell), from: Cell, rest: &[Cell]) {
    for (shift, cell) in (0..).zip(rest) {
        let element = code.load(list, from, shift);
        code.equal(element, *cell);
    }
    let whole = code.scaled(from, 1, i64::try_from(rest.len()).expect("few elements"));
    code.equal(length, whole);
}

/// Opens a tally, or rejects that there is none.
fn opened(code: &mut Code, asked: &Asked, action: u8, id: Quad) -> Tally {
    let is_unknown = code.bit();
    code.when(is_unknown, |code| {
        let absent = nothing(code);
        keep(code, KIND_TALLY, &id, absent);
        asked.answer(code, action, REJECTED_UNKNOWN);
    });
    let (list, _, digest) = code.stream(Domain::Value);
    let (zero, one) = (code.number(0), code.number(1));
    let terms = Terms::of(code, list, zero);
    let standing = code.load(list, terms.after, STANDING);
    let is_open = code.is_zero(standing);
    Tally { id, terms, record: (digest, one), is_open }
}

/// Returns the halves of an amount, of which it has one form only.
fn halves(code: &mut Code, amount: Cell) -> [Cell; 2] {
    let (high, low) = (code.next(), code.next());
    let sum = code.weighed(high, low, [1 << 32, 1, 0]);
    code.equal(sum, amount);
    let most = [(1 << 30) - 1, LAST].map(|half| code.number(half));
    code.compare(most, [high, low], false);
    [high, low]
}

/// Demands that a cell is below a number of things.
pub(super) fn is_place(code: &mut Code, place: Cell, count: Cell) {
    code.amount(place);
    let rest = code.weighed(count, place, [1, -1, -1]);
    code.amount(rest);
}

/// Executes that one of several for which a bit is one, and demands that it is one of them.
pub(super) fn one_of(code: &mut Code, cases: &[&dyn Fn(&mut Code)]) {
    let bits: Vec<Cell> = cases.iter().map(|_| code.bit()).collect();
    for (bit, case) in bits.iter().zip(cases) {
        code.when(*bit, |code| case(code));
    }
    let none = code.number(0);
    let sum = bits.into_iter().fold(none, |sum, bit| code.sum(sum, bit));
    let one = code.number(1);
    code.equal(sum, one);
}

/// What a resolution brings.
struct Endorsed {
    list: Array,
    count: Cell,
}

impl Endorsed {
    /// Returns the key of the endorsement that begins at an index, and its account.
    fn at(&self, code: &mut Code, at: Cell) -> ([Cell; 6], Quad) {
        let identity: [Cell; IDENTITY] = code.load_all(self.list, at, 0);
        let (_, account) = code.hash(Domain::Account, &known(&identity));
        let [scheme, a, b, c, d, e, ..] = identity;
        ([scheme, a, b, c, d, e], account)
    }

    fn account(&self, code: &mut Code, place: Cell) -> Quad {
        let at = code.scaled(place, ENDORSEMENT, ENDORSEMENTS);
        self.at(code, at).1
    }
}

/// `ledger::tally::resolve_by`, for what brings endorsements or is about a quorum's tally.
pub(super) fn resolve(code: &mut Code, asked: &Asked) {
    let (list, length) = asked.reads(code, ACTION_RESOLVE);
    let zero = code.number(0);
    let id: Quad = code.load_all(list, zero, 1);
    let [high, low, count] = code.load_all(list, zero, 5);
    let whole = code.scaled(count, ENDORSEMENT, ENDORSEMENTS);
    code.equal(length, whole);
    code.compare([high, low], [zero, zero], false);
    let endorsed = Endorsed { list, count };
    let tally = opened(code, asked, ACTION_RESOLVE, id);
    tally.must_be_open(code, asked, ACTION_RESOLVE);

    // An account brings no endorsements: without them its word is for the tally table to weigh.
    let is_bare = code.is_zero(count);
    code.zero_where(is_bare, tally.terms.is_account);
    let is_other = code.not(tally.terms.is_quorum);
    code.when(is_other, |code| tally.reject(code, asked, ACTION_RESOLVE, REJECTED_FOREIGN));
    let lacks = code.bit();
    code.when(lacks, |code| {
        lacks_quorum(code, &tally.terms, &endorsed);
        tally.reject(code, asked, ACTION_RESOLVE, REJECTED_FOREIGN);
    });
    let chain = asked.chain(code);
    let said = [known(&chain), known(&id), known(&[high, low])].concat();
    let (_, digest) = code.hash(Domain::Outcome, &said);
    has_quorum(code, &tally.terms, &endorsed, &digest);
    tally.end(code, asked, ACTION_RESOLVE, (RESOLVE_AFTER, 1), Some([high, low]));
}

/// `ledger::tally::has_quorum`: enough members signed, each once. In the order of their accounts they are in the order of
/// the members.
fn has_quorum(code: &mut Code, terms: &Terms, endorsed: &Endorsed, digest: &Quad) {
    let (zero, begin) = (code.number(0), code.number(ENDORSEMENTS));
    let [walked, _, _] = code.repeat([zero, begin, zero], |code, [walked, at, next]| {
        let ([scheme, key @ ..], account) = endorsed.at(code, at);
        let schnorr = code.number(SCHNORR.into());
        code.equal(scheme, schnorr);
        let member = code.next();
        let later = code.difference(member, next);
        code.amount(later);
        is_place(code, member, terms.members);
        let named = terms.member(code, member);
        code.equal_quad(named, account);
        code.signed(&key, digest);
        let left = [code.scaled(walked, 1, 1), code.scaled(at, 1, ENDORSEMENT), code.scaled(member, 1, 1)];
        (left, code.bit())
    });
    code.equal(walked, endorsed.count);
    let threshold = terms.threshold(code);
    let more = code.difference(walked, threshold);
    code.amount(more);
}

/// Shows why there is no quorum.
fn lacks_quorum(code: &mut Code, terms: &Terms, endorsed: &Endorsed) {
    let place = code.next();
    let few = |code: &mut Code| {
        let threshold = terms.threshold(code);
        let missing = code.weighed(threshold, endorsed.count, [1, -1, -1]);
        code.amount(missing);
        let zero = code.number(0);
        code.equal(place, zero);
    };
    // Two that follow one another are members, and the second is no later one.
    let order = |code: &mut Code| {
        let next = code.scaled(place, 1, 1);
        code.amount(place);
        is_place(code, next, endorsed.count);
        let [first, second] = [place, next].map(|place| {
            let account = endorsed.account(code, place);
            let member = code.next();
            is_place(code, member, terms.members);
            let named = terms.member(code, member);
            code.equal_quad(named, account);
            member
        });
        let back = code.difference(first, second);
        code.amount(back);
    };
    // One is no member.
    let stranger = |code: &mut Code| {
        is_place(code, place, endorsed.count);
        let account = endorsed.account(code, place);
        let zero = code.number(0);
        let [walked, found] = code.repeat([zero, zero], |code, [member, found]| {
            let named = terms.member(code, member);
            let is_it = are_same(code, &named, &account);
            let left = [code.scaled(member, 1, 1), code.sum(found, is_it)];
            (left, code.bit())
        });
        code.equal(walked, terms.members);
        code.equal(found, zero);
    };
    one_of(code, &[&few, &order, &stranger]);
}

/// Returns one where cells are equal to others.
pub(super) fn are_same(code: &mut Code, first: &[Cell], second: &[Cell]) -> Cell {
    let one = code.number(1);
    first.iter().zip(second).fold(one, |is_same, (first, second)| {
        let difference = code.difference(*first, *second);
        let is_equal = code.is_zero(difference);
        code.product(is_same, is_equal)
    })
}

/// `ledger::tally::reclaim_by`, of a tally that a quorum resolves.
pub(super) fn reclaim(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_RECLAIM, 4);
    let tally = opened(code, asked, ACTION_RECLAIM, quad(&said[1..]));
    tally.must_be_open(code, asked, ACTION_RECLAIM);
    // What a rule resolves, it reclaims.
    let one = code.number(1);
    code.equal(tally.terms.is_quorum, one);
    tally.end(code, asked, ACTION_RECLAIM, (REFUND_AFTER, 2), None);
}

/// Shows that pairs lock more than an amount can be, or less. Returns how much.
pub(super) fn locks(code: &mut Code, pair: Cell, pairs: Cell, reject: impl FnOnce(&mut Code)) -> Cell {
    let count = halves(code, pairs);
    let of =
        |divisor: [u64; 2], quotient| [known(&[pair]), known(&count), numbers(&divisor), known(&[quotient])].concat();
    let is_large = code.bit();
    code.when(is_large, |code| {
        let over = code.next();
        code.divide(&of([1 << 30, 0], over));
        let less = code.scaled(over, 1, -1);
        code.amount(less);
        reject(code);
    });
    let locked = code.next();
    code.divide(&of([0, 1], locked));
    locked
}

/// `ledger::tally::merge_by`.
pub(super) fn merge(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_MERGE, 5);
    let (id, pairs) = (quad(&said[1..5]), said[5]);
    let (zero, is_none) = (code.number(0), code.is_zero(pairs));
    code.equal(is_none, zero);
    let tally = opened(code, asked, ACTION_MERGE, id);
    tally.must_be_open(code, asked, ACTION_MERGE);
    let pair = tally.terms.pair(code);
    let freed = locks(code, pair, pairs, |code| tally.reject(code, asked, ACTION_MERGE, REJECTED_OVERFLOW));
    let assets = [0, 1].map(|half| half_of(code, id, half));
    for asset in assets {
        let lacks = code.bit();
        code.when(lacks, |code| {
            let held = [asked.account, asset].concat();
            code.post((KIND_BALANCE, &held), Element::Known(pairs), false, Element::Number(0));
            tally.reject(code, asked, ACTION_MERGE, REJECTED_INSUFFICIENT);
        });
    }
    for asset in assets {
        change(code, asset, &asked.account, Element::Known(pairs), false);
    }
    let collateral: Quad = code.load_all(tally.terms.list, zero, 4);
    credit(code, &asked.account, &collateral, freed);
    let amounts: [Cell; 3] = tally.terms.late(code, STANDING + OPEN);
    let mut less = [freed, pairs, pairs].into_iter();
    let amounts = amounts.map(|amount| code.difference(amount, less.next().expect("three")));
    // An open tally without halves is removed. It has as many of both.
    let is_over = code.is_zero(amounts[1]);
    code.when(is_over, |code| {
        let absent = nothing(code);
        code.record((KIND_TALLY, &id), tally.record, absent);
        asked.answer(code, ACTION_MERGE, 0);
    });
    tally.renew(code, STANDING + OPEN, &amounts);
    asked.answer(code, ACTION_MERGE, 0);
}

/// Returns the difference of two numbers. It is to be used in a division, which shows that it is one.
fn minus(code: &mut Code, from: [Cell; 2], less: [Cell; 2]) -> [Cell; 2] {
    let borrow = code.bit();
    let [high, low] = [0, 1].map(|half| code.difference(from[half], less[half]));
    [code.difference(high, borrow), code.weighed(low, borrow, [1, 1 << 32, 0])]
}

/// `ledger::tally::TallyRecord::stock_pays`, of a tally that has ended.
fn stock_pays(code: &mut Code, terms: &Terms, pair: Cell) -> Cell {
    let pays = code.next();
    let [standing, high, low] = terms.late(code, STANDING);
    let outcome = [high, low];
    let other = code.scaled(standing, 1, -2);
    let is_refunded = code.is_zero(other);
    code.when(is_refunded, |code| {
        let share: [Cell; 2] = terms.late(code, SHARE);
        let million = numbers(&[0, WHOLE.unsigned_abs()]);
        code.divide(&[known(&[pair]), known(&share), million, known(&[pays])].concat());
    });
    let is_resolved = code.not(is_refunded);
    code.when(is_resolved, |code| {
        let [floor, cap] = terms.bounds(code);
        let below = |code: &mut Code| {
            code.compare(floor, outcome, false);
            let zero = code.number(0);
            code.equal(pays, zero);
        };
        let over = |code: &mut Code| {
            code.compare(outcome, cap, false);
            code.equal(pays, pair);
        };
        let within = |code: &mut Code| {
            code.compare(cap, outcome, false);
            let (above, width) = (minus(code, outcome, floor), minus(code, cap, floor));
            code.divide(&[known(&[pair]), known(&above), known(&width), known(&[pays])].concat());
        };
        one_of(code, &[&below, &over, &within]);
    });
    pays
}

/// `ledger::tally::redeem`, for who holds halves.
pub(super) fn redeem(code: &mut Code, asked: &Asked) {
    let said = asked.says(code, ACTION_REDEEM, 4);
    let id = quad(&said[1..]);
    let tally = opened(code, asked, ACTION_REDEEM, id);
    code.when(tally.is_open, |code| tally.reject(code, asked, ACTION_REDEEM, REJECTED_OPEN));
    let assets = [0, 1].map(|half| half_of(code, id, half));
    let is_empty = code.bit();
    let holds_none = |code: &mut Code, asset: Quad| {
        let held = [asked.account, asset].concat();
        code.post((KIND_BALANCE, &held), Element::Number(1), false, Element::Number(0));
    };
    code.when(is_empty, |code| {
        assets.into_iter().for_each(|asset| holds_none(code, asset));
        tally.reject(code, asked, ACTION_REDEEM, REJECTED_EMPTY);
    });
    let pair = tally.terms.pair(code);
    let per_stock = stock_pays(code, &tally.terms, pair);
    let per_foil = code.difference(pair, per_stock);
    // All that is held is given: not even one is held afterwards.
    let given = [code.next(), code.next()];
    let all = code.sum(given[0], given[1]);
    let (zero, is_none) = (code.number(0), code.is_zero(all));
    code.equal(is_none, zero);
    let mut paid = zero;
    for ((asset, given), each) in assets.into_iter().zip(given).zip([per_stock, per_foil]) {
        let (count, product) = (halves(code, given), code.next());
        code.divide(&[known(&[each]), known(&count), numbers(&[0, 1]), known(&[product])].concat());
        paid = code.sum(paid, product);
        change(code, asset, &asked.account, Element::Known(given), false);
        holds_none(code, asset);
    }
    let collateral: Quad = code.load_all(tally.terms.list, zero, 4);
    credit(code, &asked.account, &collateral, paid);
    let amounts: [Cell; 3] = tally.terms.late(code, STANDING + ENDED);
    let mut less = [paid, given[0], given[1]].into_iter();
    let amounts = amounts.map(|amount| code.difference(amount, less.next().expect("three")));
    tally.renew(code, STANDING + ENDED, &amounts);
    asked.answer(code, ACTION_REDEEM, 0);
}
