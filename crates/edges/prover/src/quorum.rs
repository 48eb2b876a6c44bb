//! What the machine is told of tallies that a quorum resolves: the rules of `ledger::tally`, recorded.

use crate::divide::halves;
use crate::tasks::{Told, Words};
use ledger::account::balance;
use ledger::tally::{
    Endorsement, Half, Merge, Quorum, Reclaim, Redeem, Resolve, Resolver, Split, Standing, Tally, TallyRecord, Terms,
};
use proof::circuit::{
    REJECTED_BAD, REJECTED_EARLY, REJECTED_EMPTY, REJECTED_INSUFFICIENT, REJECTED_NARROW, REJECTED_OVERFLOW,
};
use types::{AccountId, Amount, Encode as _, Ppm, TallyId, limits};

/// How many elements the standing has of a tally that is open, and of one that has ended.
const OPEN: usize = 2;
const ENDED: usize = 3;

fn is_open(tally: &TallyRecord) -> bool {
    matches!(tally.standing, Standing::Open(_))
}

/// Adds the one case of several that holds.
pub(crate) fn one_of<const N: usize>(words: &mut Words, cases: [bool; N]) {
    let first = cases.iter().position(|case| *case).expect("one of the cases holds");
    (0..N).for_each(|case| words.bit(case == first));
}

/// Adds what opens a tally, and returns it.
fn opened(told: &Told<'_>, words: &mut Words, id: TallyId) -> Option<TallyRecord> {
    let record = told.before.get::<Tally>(&id);
    words.bit(record.is_none());
    record.inspect(|record| words.stream(record))
}

/// Adds the record afterwards, of which all but so many elements of the terms' and what follows them are as they were.
fn renewed(told: &Told<'_>, words: &mut Words, id: TallyId, standing: usize) {
    if let Some(after) = told.after.get::<Tally>(&id) {
        words.stream(&after);
        words.same(after.terms.to_elements().len() + standing);
    }
}

/// Adds whether it is time, and the record afterwards.
fn ended(told: &Told<'_>, words: &mut Words, id: TallyId) {
    words.number(told.context.now.0);
    words.bit(told.code == REJECTED_EARLY);
    if told.code == 0 {
        renewed(told, words, id, 0);
    }
}

pub(crate) fn resolve(told: &Told<'_>, words: &mut Words, tx: &Resolve) {
    let Some(tally) = opened(told, words, tx.tally).filter(is_open) else { return };
    let Resolver::Quorum(quorum) = &tally.terms.resolver else { return };
    let lacks = lack(quorum, &tx.endorsements);
    words.bit(lacks.is_some());
    if let Some((place, cases, members)) = lacks {
        words.0.push(place);
        one_of(words, cases);
        match cases.iter().position(|case| *case) {
            Some(1) => words.0.extend(members),
            Some(2) => words.same(quorum.members.len()),
            _ => {}
        }
        return;
    }
    words.stream_of(told.signed);
    for (place, endorsement) in (1..).zip(&tx.endorsements) {
        words.0.extend(member(quorum, endorsement.resolver.account()));
        words.bit(place < tx.endorsements.len());
    }
    ended(told, words, tx.tally);
}

/// Returns an account's place among the members.
fn member(quorum: &Quorum, account: AccountId) -> Option<u64> {
    quorum.members.binary_search(&account).ok().and_then(|place| u64::try_from(place).ok())
}

/// Why there is no quorum: where that is, which case it is, and where two members are.
type Lack = (u64, [bool; 3], Vec<u64>);

/// Returns why there is no quorum: too few, out of order, or no member.
fn lack(quorum: &Quorum, endorsements: &[Endorsement]) -> Option<Lack> {
    if u32::try_from(endorsements.len()).is_ok_and(|count| count < quorum.threshold) {
        return Some((0, [true, false, false], Vec::new()));
    }
    let members: Vec<_> = endorsements.iter().map(|of| member(quorum, of.resolver.account())).collect();
    let at = |place: usize| u64::try_from(place).expect("few endorsements");
    if let Some(place) = members.iter().position(Option::is_none) {
        return Some((at(place), [false, false, true], Vec::new()));
    }
    let members: Vec<u64> = members.into_iter().flatten().collect();
    let place = members.windows(2).position(|pair| pair[0] >= pair[1])?;
    Some((at(place), [false, true, false], members[place..place + 2].to_vec()))
}

pub(crate) fn reclaim(told: &Told<'_>, words: &mut Words, tx: &Reclaim) {
    if opened(told, words, tx.tally).is_some_and(|tally| is_open(&tally)) {
        ended(told, words, tx.tally);
    }
}

/// Adds how much pairs lock. Says whether that is an amount.
fn locks(words: &mut Words, terms: &Terms, pairs: Amount) -> bool {
    words.number(pairs.quanta());
    let locked = terms.per_pair.times_down(pairs.quanta(), 1);
    words.bit(locked.is_err());
    let over = || (u128::from(terms.per_pair.quanta()) * u128::from(pairs.quanta())) >> 62;
    let said = locked.map_or_else(|_| u64::try_from(over()).expect("below 2^62"), Amount::quanta);
    words.0.push(said);
    locked.is_ok()
}

pub(crate) fn merge(told: &Told<'_>, words: &mut Words, tx: &Merge) {
    let Some(tally) = opened(told, words, tx.tally).filter(is_open) else { return };
    if !locks(words, &tally.terms, tx.pairs) {
        return;
    }
    for half in [Half::Stock, Half::Foil] {
        let lacks = balance(told.before, told.context.sender, half.asset(tx.tally)) < tx.pairs;
        words.bit(lacks);
        if lacks {
            return;
        }
    }
    renewed(told, words, tx.tally, OPEN);
}

pub(crate) fn redeem(told: &Told<'_>, words: &mut Words, tx: &Redeem) {
    let Some(tally) = opened(told, words, tx.tally).filter(|tally| !is_open(tally)) else { return };
    words.bit(told.code == REJECTED_EMPTY);
    if told.code == REJECTED_EMPTY {
        return;
    }
    let terms = &tally.terms;
    let per_stock = tally.stock_pays().map_or(0, Amount::quanta);
    words.0.push(per_stock);
    if let Standing::Resolved(outcome) = tally.standing {
        let cases = [outcome <= terms.floor, outcome >= terms.cap, true];
        one_of(words, cases);
        if !cases[0] && !cases[1] {
            for number in [outcome, terms.cap] {
                words.bit(halves(number)[1] < halves(terms.floor)[1]);
            }
        }
    }
    let given = [Half::Stock, Half::Foil].map(|half| balance(told.before, told.context.sender, half.asset(tx.tally)));
    words.0.extend(given.map(Amount::quanta));
    for (given, each) in given.into_iter().zip([per_stock, terms.per_pair.quanta() - per_stock]) {
        words.number(given.quanta());
        words.0.push(each * given.quanta());
    }
    renewed(told, words, tx.tally, ENDED);
}

pub(crate) fn split(told: &Told<'_>, words: &mut Words, tx: &Split) {
    let terms = &tx.terms;
    if told.code == REJECTED_NARROW {
        return;
    }
    words.bit(told.code == REJECTED_BAD);
    let members = match &terms.resolver {
        Resolver::Quorum(quorum) => quorum.members.as_slice(),
        _ => &[],
    };
    if told.code == REJECTED_BAD {
        bad(words, terms);
        return;
    }
    for (place, pair) in (2..).zip(members.windows(2)) {
        neighbours(words, pair);
        words.bit(place < members.len());
    }
    words.stream(terms);
    words.same(terms.to_elements().len());
    let before = told.before.get::<Tally>(&terms.id());
    words.bit(before.is_some());
    words.digest(before.as_ref());
    let open = before.as_ref().filter(|tally| is_open(tally));
    let amounts = open.map_or([Amount::ZERO; 3], |tally| [tally.locked, tally.stock, tally.foil]);
    words.0.extend(amounts.map(Amount::quanta));
    if let Some(tally) = &before {
        words.stream(tally);
        if !is_open(tally) {
            return;
        }
    }
    locks(words, terms, tx.pairs);
    if told.code == REJECTED_OVERFLOW {
        return;
    }
    words.bit(told.code == REJECTED_INSUFFICIENT);
    renewed(told, words, terms.id(), 0);
}

/// Adds why terms are bad.
fn bad(words: &mut Words, terms: &Terms) {
    let Resolver::Quorum(quorum) = &terms.resolver else {
        one_of(words, [true, false, false, false, false, false, false, false, false]);
        return;
    };
    let (count, threshold) = (quorum.members.len(), u64::from(quorum.threshold));
    let members = u64::try_from(count).expect("few members");
    let order = quorum.members.windows(2).position(|pair| pair[0] >= pair[1]);
    let cases = [
        false,
        terms.floor >= terms.cap,
        terms.resolve_after > terms.refund_after,
        terms.refund_stock > Ppm::ONE,
        count > limits::QUORUM_MEMBERS,
        threshold < 2,
        threshold > members,
        threshold * 3 < members * 2,
        order.is_some(),
    ];
    one_of(words, cases);
    if let (false, Some(place)) = (cases[..8].contains(&true), order) {
        words.0.push(u64::try_from(place).expect("few members"));
        neighbours(words, &quorum.members[place..place + 2]);
    }
}

/// Adds the halves of the first elements in which two members differ.
fn neighbours(words: &mut Words, pair: &[AccountId]) {
    let limbs = [0, 1].map(|place: usize| pair[place].0.limbs());
    let equal = (0..3).take_while(|limb| limbs[0][*limb] == limbs[1][*limb]).count();
    limbs.iter().for_each(|limbs| words.number(limbs[equal]));
}
