//! The rows of the tally table: the rules of `ledger::tally`, recorded.

use crate::divide::halves;
use crate::hashes::felts;
use crate::memory::Key;
use crate::record::{Post, Recorder, Request, moment};
use ledger::account::BalanceKey;
use ledger::authority::Authority;
use ledger::tally::{Half, Merge, Resolver, Standing, TallyRecord, Terms};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{
    F, REJECTED_BAD, REJECTED_CLOSED, REJECTED_EARLY, REJECTED_EMPTY, REJECTED_FOREIGN, REJECTED_INSUFFICIENT,
    REJECTED_OPEN, REJECTED_OVERFLOW, REJECTED_UNKNOWN, REJECTED_ZERO, Tally,
};
use state::State;
use types::{Amount, AssetId, Encode as _, Ppm, TallyId};

/// What became of a tally: a code, and the record afterwards when it was applied.
pub(crate) type Outcome = (u32, Option<TallyRecord>);

/// What a holder gives, and what that frees.
struct Paid {
    given: [Amount; 2],
    freed: Amount,
}

impl Request {
    /// Returns a debit or a credit at a place among the entry's accesses.
    pub(crate) fn post(&self, place: u64, key: Key, amount: Amount, credit: bool) -> Post {
        Post { time: moment(self.number, place), key, amount: amount.quanta(), credit }
    }
}

/// Returns a row of a transaction in which nothing else is said yet.
pub(crate) fn begin(request: &Request, tally: TallyId) -> Tally<F> {
    Tally {
        number: F::from_u64(request.number),
        id: felts(&request.id),
        from: felts(&request.sender.0),
        action: felts(&request.action.digest),
        action_sponge: F::from_u64(request.action.name),
        tally: felts(&tally.0),
        holders: [felts(&request.sender.0); 2],
        keeps: F::from_bool(request.authority == Authority::Keeper),
        ..Tally::read(&[F::ZERO; Tally::WIDTH])
    }
}

pub(crate) fn is_open(record: &TallyRecord) -> bool {
    matches!(record.standing, Standing::Open(_))
}

impl Recorder {
    /// Records a merge, and returns its code.
    pub(crate) fn merge(&mut self, state: &State, request: &Request, asked: &Merge) -> u32 {
        let mut row = begin(request, asked.tally);
        row.merges = F::ONE;
        self.pairs(&mut row, asked.pairs);
        row.asked_inverse = row.asked[0].try_inverse().unwrap_or_default();
        if asked.pairs.is_zero() {
            row.nothing = F::ONE;
            row.put(&mut self.tallies);
            return REJECTED_ZERO;
        }
        let before = self.memory.tally(state, asked.tally);
        let (code, after) = match &before {
            None => (REJECTED_UNKNOWN, None),
            Some(tally) if !is_open(tally) => {
                self.too_large(&mut row, tally.terms.per_pair, asked.pairs);
                (REJECTED_CLOSED, None)
            }
            Some(tally) => self.join(state, request, &mut row, tally, asked.pairs),
        };
        self.finish(state, request, row, asked.tally, (before, code, after));
        code
    }

    /// Fills in how many pairs are asked for.
    pub(crate) fn pairs(&mut self, row: &mut Tally<F>, pairs: Amount) {
        row.asked[0] = F::from_u64(pairs.quanta());
        row.asked_limbs = self.lookups.range62(pairs.quanta());
        row.given = [row.asked[0]; 2];
        row.factor = halves(pairs.quanta()).map(F::from_u64);
        row.divisor[1] = F::ONE;
    }

    /// Returns how much collateral pairs lock, if that is an amount.
    pub(crate) fn locks(&mut self, row: &mut Tally<F>, per_pair: Amount, pairs: Amount) -> Option<Amount> {
        let Ok(locked) = per_pair.times_down(pairs.quanta(), 1) else {
            self.too_large(row, per_pair, pairs);
            row.inverse = row.quotient.inverse();
            return None;
        };
        row.quotient = F::from_u64(self.divide(per_pair.quanta(), pairs.quanta(), 1));
        row.paid[0] = row.quotient;
        Some(locked)
    }

    /// Fills in by how many times pairs lock more than an amount can be.
    pub(crate) fn too_large(&mut self, row: &mut Tally<F>, per_pair: Amount, pairs: Amount) {
        row.quotient = F::from_u64(self.divide(per_pair.quanta(), pairs.quanta(), 1 << 62));
        row.divisor = halves(1 << 62).map(F::from_u64);
        row.paid[0] = row.quotient;
    }

    /// Joins pairs of an open tally.
    fn join(
        &mut self,
        state: &State,
        request: &Request,
        row: &mut Tally<F>,
        tally: &TallyRecord,
        pairs: Amount,
    ) -> Outcome {
        let Some(freed) = self.locks(row, tally.terms.per_pair, pairs) else {
            return (REJECTED_OVERFLOW, None);
        };
        let assets = self.halves_of(row, tally.terms.id());
        let balance = |asset| Key::Balance(BalanceKey { account: request.sender, asset });
        let post = |place, key, amount: Amount, credit| request.post(place, key, amount, credit);
        let [stock, foil] = assets.map(|asset| self.memory.value(state, &balance(asset))[0]);
        // The one that does not cover it shows so; the other stays as it is.
        if stock.min(foil) < pairs.quanta() {
            let lacks_foil = stock >= pairs.quanta();
            row.lacks_foil = F::from_bool(lacks_foil);
            let place = if lacks_foil { 4 } else { 2 };
            self.post(state, &post(place, balance(assets[usize::from(lacks_foil)]), pairs, false));
            return (REJECTED_INSUFFICIENT, None);
        }
        let new = self.give(state, request, tally, &assets, Paid { given: [pairs; 2], freed });
        let left = F::from_u64(new.stock.quanta()) + F::from_u64(new.foil.quanta());
        row.inverse = left.try_inverse().unwrap_or_default();
        let remains = !new.stock.is_zero() || !new.foil.is_zero();
        (0, remains.then_some(new))
    }

    /// Fills in both halves of a tally, and returns them.
    pub(crate) fn halves_of(&mut self, row: &mut Tally<F>, id: TallyId) -> [AssetId; 2] {
        let assets = [Half::Stock, Half::Foil].map(|half| half.asset(id));
        for (half, asset) in assets.iter().enumerate() {
            let number = u64::try_from(half).expect("zero or one");
            let elements = [&[number], id.to_elements().as_slice()].concat();
            row.half_sponges[half] = F::from_u64(self.hashes.sponge(crypto::Domain::Half, &elements).name);
            row.halves[half] = felts(&asset.0);
        }
        assets
    }

    /// Takes halves from the sender, pays it what they free, and returns the record afterwards.
    fn give(
        &mut self,
        state: &State,
        request: &Request,
        tally: &TallyRecord,
        assets: &[AssetId; 2],
        paid: Paid,
    ) -> TallyRecord {
        let balance = |asset| Key::Balance(BalanceKey { account: request.sender, asset });
        for ((place, asset), given) in [2, 4].into_iter().zip(assets).zip(paid.given) {
            self.post(state, &request.post(place, balance(*asset), given, false));
            self.post(state, &request.post(place + 1, Key::Supply(*asset), given, false));
        }
        self.post(state, &request.post(6, balance(tally.terms.collateral), paid.freed, true));
        let minus = |amount: Amount, less: Amount| amount.minus(less).expect("a tally covers its halves");
        let [stock, foil] = paid.given;
        TallyRecord {
            locked: minus(tally.locked, paid.freed),
            stock: minus(tally.stock, stock),
            foil: minus(tally.foil, foil),
            ..tally.clone()
        }
    }

    /// Records a redemption, and returns its code.
    pub(crate) fn redeem(&mut self, state: &State, request: &Request, id: TallyId) -> u32 {
        let mut row = begin(request, id);
        row.redeems = F::ONE;
        let before = self.memory.tally(state, id);
        let (code, after) = match &before {
            None => (REJECTED_UNKNOWN, None),
            Some(tally) if is_open(tally) => (REJECTED_OPEN, None),
            Some(tally) => self.pay(state, request, &mut row, tally),
        };
        self.finish(state, request, row, id, (before, code, after));
        code
    }

    /// Pays for all halves that the sender holds.
    fn pay(&mut self, state: &State, request: &Request, row: &mut Tally<F>, tally: &TallyRecord) -> Outcome {
        let assets = self.halves_of(row, tally.terms.id());
        let balance = |asset| Key::Balance(BalanceKey { account: request.sender, asset });
        let one = Amount::new(1).expect("small");
        let given = assets.map(|asset| Amount::new(self.memory.value(state, &balance(asset))[0]));
        let given = given.map(|amount| amount.expect("balances are below 2^62"));
        let result = if given.iter().all(|amount| amount.is_zero()) {
            (REJECTED_EMPTY, None)
        } else {
            let freed = self.price(row, tally, given);
            row.given = given.map(|amount| F::from_u64(amount.quanta()));
            row.given_low = given.map(|amount| F::from_u64(halves(amount.quanta())[1]));
            if given[0].is_zero() {
                row.asked_inverse = row.given[1].inverse();
            } else {
                row.inverse = row.given[0].inverse();
            }
            (0, Some(self.give(state, request, tally, &assets, Paid { given, freed })))
        };
        for (place, asset) in [7, 9].into_iter().zip(assets) {
            self.post(state, &request.post(place, balance(asset), one, false));
        }
        result
    }

    /// Says what the halves of a tally that has ended are paid, and returns the sum.
    fn price(&mut self, row: &mut Tally<F>, tally: &TallyRecord, given: [Amount; 2]) -> Amount {
        let terms = &tally.terms;
        let width = terms.cap - terms.floor;
        let (case, factor, divisor) = match tally.standing {
            Standing::Resolved(outcome) if outcome <= terms.floor => (0, 0, width),
            Standing::Resolved(outcome) if outcome < terms.cap => (1, outcome - terms.floor, width),
            Standing::Resolved(_) => (2, width, width),
            Standing::Refunded(_) | Standing::Open(_) => (3, terms.refund_stock.0, Ppm::ONE.0),
        };
        row.cases[case] = F::ONE;
        if let Standing::Resolved(outcome) = tally.standing {
            let (first, second) = [(terms.floor, outcome), (terms.cap, outcome), (outcome, terms.cap)][case];
            self.compare(first, second, false);
            let is_borrowed = |number: u64| F::from_bool(halves(number)[1] < halves(terms.floor)[1]);
            row.borrows = [is_borrowed(terms.cap), if case == 1 { is_borrowed(outcome) } else { F::ZERO }];
        }
        (row.factor, row.divisor) = (halves(factor).map(F::from_u64), halves(divisor).map(F::from_u64));
        let per_pair = terms.per_pair.quanta();
        let per_stock = self.divide(per_pair, factor, divisor);
        row.quotient = F::from_u64(per_stock);
        let paid = [(per_stock, given[0]), (per_pair - per_stock, given[1])];
        let paid = paid.map(|(each, given)| self.divide(each, given.quanta(), 1));
        row.paid = paid.map(F::from_u64);
        Amount::new(paid[0] + paid[1]).expect("a tally covers its halves")
    }

    /// Records what became of a tally's leaf, and ends the row.
    pub(crate) fn finish(
        &mut self,
        state: &State,
        request: &Request,
        mut row: Tally<F>,
        id: TallyId,
        (before, code, after): (Option<TallyRecord>, u32, Option<TallyRecord>),
    ) {
        let splits = row.splits == F::ONE;
        let ends = row.resolves + row.reclaims == F::ONE;
        let outcome = match code {
            REJECTED_ZERO if splits => &mut row.worthless,
            REJECTED_INSUFFICIENT if splits => &mut row.uncovered,
            REJECTED_BAD => &mut row.bad,
            REJECTED_EARLY => &mut row.early,
            REJECTED_FOREIGN => &mut row.foreign,
            0 if ends => &mut row.concluded,
            0 => &mut row.applied,
            REJECTED_UNKNOWN => &mut row.unknown,
            REJECTED_CLOSED => &mut row.closed,
            REJECTED_OPEN => &mut row.open,
            REJECTED_EMPTY => &mut row.empty,
            REJECTED_OVERFLOW => &mut row.overflows,
            REJECTED_INSUFFICIENT => &mut row.insufficient,
            _ => unreachable!("no other code is given"),
        };
        *outcome = F::ONE;
        if let Some(record) = &before {
            row.form[form(record)] = F::ONE;
            fill(&mut row, record);
            let sponge = self.hashes.sponge(crypto::Domain::Value, &record.to_elements());
            (row.before, row.before_sponge) = (felts(&sponge.digest), F::from_u64(sponge.name));
        }
        if let (0, Some(record)) = (code, &after) {
            row.new_form[form(record)] = F::ONE;
            row.new_amounts = amounts(record);
            fill_end(&mut row, record);
            let sponge = self.hashes.sponge(crypto::Domain::Value, &record.to_elements());
            (row.after, row.after_sponge) = (felts(&sponge.digest), F::from_u64(sponge.name));
        }
        if code != 0 {
            row.after = row.before;
        }
        // Nobody looks for the tally of terms that contradict themselves.
        if code == REJECTED_BAD {
            row.put(&mut self.tallies);
            return;
        }
        let time = moment(request.number, 1);
        let kept = if code == 0 { after } else { before };
        let since = self.memory.set_tally(state, id, kept, time);
        row.since = F::from_u64(since);
        row.passed = self.lookups.range32(time - since - 1);
        row.put(&mut self.tallies);
    }
}

/// Returns which form a record has.
fn form(record: &TallyRecord) -> usize {
    let ended = usize::from(!is_open(record));
    match &record.terms.resolver {
        Resolver::Account(_) => ended,
        Resolver::Rules(_) => 2 + ended,
        Resolver::Quorum(_) => unreachable!("for a quorum's tally the machine answers"),
    }
}

/// Returns the amounts of a record.
fn amounts(record: &TallyRecord) -> [F; 3] {
    [record.locked, record.stock, record.foil].map(|amount| F::from_u64(amount.quanta()))
}

/// Fills in what a record says.
fn fill(row: &mut Tally<F>, record: &TallyRecord) {
    fill_terms(row, &record.terms);
    fill_end(row, record);
    row.amounts = amounts(record);
}

/// Fills in how a record has ended.
fn fill_end(row: &mut Tally<F>, record: &TallyRecord) {
    let (refunded, ended) = match record.standing {
        Standing::Open(_) => (false, 0),
        Standing::Resolved(outcome) => (false, outcome),
        Standing::Refunded(time) => (true, time.0),
    };
    row.refunded = F::from_bool(refunded);
    row.ended = halves(ended).map(F::from_u64);
}

/// Fills in what terms say.
pub(crate) fn fill_terms(row: &mut Tally<F>, terms: &Terms) {
    let resolver = match &terms.resolver {
        Resolver::Account(account) => account.0.limbs(),
        Resolver::Rules(_) | Resolver::Quorum(_) => [0; 4],
    };
    let mut elements = [terms.subject.limbs(), terms.collateral.0.limbs()].concat();
    elements.push(terms.per_pair.quanta());
    elements.extend([terms.floor, terms.cap].map(halves).as_flattened());
    elements.extend(resolver);
    let late = [terms.resolve_after.0, terms.refund_after.0, terms.refund_stock.0];
    elements.extend(late.map(halves).as_flattened());
    for (cell, element) in row.terms.iter_mut().zip(elements) {
        *cell = F::from_u64(element);
    }
}
