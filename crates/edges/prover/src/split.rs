//! The rows of splits in the tally table.

use crate::authority::shown;
use crate::hashes::felts;
use crate::memory::Key;
use crate::record::{Recorder, Request};
use crate::tally::{Outcome, begin, fill_terms, is_open};
use ledger::account::BalanceKey;
use ledger::tally::{Split, Standing, TallyRecord, Terms};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{
    F, REJECTED_BAD, REJECTED_CLOSED, REJECTED_INSUFFICIENT, REJECTED_NARROW, REJECTED_OVERFLOW, REJECTED_ZERO, Tally,
};
use state::State;
use types::{Amount, Encode as _, Ppm};

impl Recorder {
    /// Records a split, and returns its code.
    pub(crate) fn split(&mut self, state: &State, request: &Request, asked: &Split) -> u32 {
        let terms = &asked.terms;
        let id = terms.id();
        let mut row = begin(request, id);
        row.splits = F::ONE;
        row.holders = [felts(&asked.stock.0), felts(&asked.foil.0)];
        fill_terms(&mut row, terms);
        row.tally_sponge = F::from_u64(self.hashes.sponge(crypto::Domain::Tally, &terms.to_elements()).name);
        self.pairs(&mut row, asked.pairs);
        if request.is_narrow {
            row.narrow = F::ONE;
            // Either holder may show that it is another.
            let [stock, foil] = row.holders.map(|holder| shown(&holder, &row.from));
            let by_foil = stock == [F::ZERO; 4];
            (row.asked_inverse, row.after) = if by_foil { (F::ONE, foil) } else { (F::ZERO, stock) };
            row.put(&mut self.tallies);
            return REJECTED_NARROW;
        }
        let before = if self.is_sound(&mut row, terms) { Some(self.memory.tally(state, id)) } else { None };
        let (code, after) = match &before {
            None => {
                self.too_large(&mut row, terms.per_pair, asked.pairs);
                (REJECTED_BAD, None)
            }
            Some(Some(tally)) if !is_open(tally) => {
                self.too_large(&mut row, terms.per_pair, asked.pairs);
                (REJECTED_CLOSED, None)
            }
            Some(tally) => self.issue(state, request, &mut row, asked, tally.as_ref()),
        };
        self.finish(state, request, row, id, (before.flatten(), code, after));
        code
    }

    /// Compares what must be in order in sound terms, and says whether it is.
    fn is_sound(&mut self, row: &mut Tally<F>, terms: &Terms) -> bool {
        let pairs = [
            (terms.cap, terms.floor, true),
            (terms.refund_after.0, terms.resolve_after.0, false),
            (Ppm::ONE.0, terms.refund_stock.0, false),
        ];
        let mut sound = true;
        for (wrong, (higher, lower, above)) in row.wrong.iter_mut().zip(pairs) {
            let right = if above { higher > lower } else { higher >= lower };
            let (first, second) = if right { (higher, lower) } else { (lower, higher) };
            self.compare(first, second, above == right);
            *wrong = F::from_bool(!right);
            sound &= right;
        }
        sound
    }

    /// Locks collateral and makes halves.
    fn issue(
        &mut self,
        state: &State,
        request: &Request,
        row: &mut Tally<F>,
        asked: &Split,
        before: Option<&TallyRecord>,
    ) -> Outcome {
        let (terms, pairs) = (&asked.terms, asked.pairs);
        let Some(locked) = self.locks(row, terms.per_pair, pairs) else {
            return (REJECTED_OVERFLOW, None);
        };
        if locked.is_zero() {
            return (REJECTED_ZERO, None);
        }
        row.inverse = row.quotient.inverse();
        let balance = |account, asset| Key::Balance(BalanceKey { account, asset });
        if !self.post(state, &request.post(6, balance(request.sender, terms.collateral), locked, false)) {
            return (REJECTED_INSUFFICIENT, None);
        }
        let assets = self.halves_of(row, terms.id());
        for ((place, asset), holder) in [2, 4].into_iter().zip(assets).zip([asked.stock, asked.foil]) {
            self.post(state, &request.post(place, balance(holder, asset), pairs, true));
            self.post(state, &request.post(place + 1, Key::Supply(asset), pairs, true));
        }
        let before = before.cloned().unwrap_or_else(|| TallyRecord {
            terms: terms.clone(),
            standing: Standing::Open(0),
            locked: Amount::ZERO,
            stock: Amount::ZERO,
            foil: Amount::ZERO,
        });
        let plus = |amount: Amount, more: Amount| amount.plus(more).expect("no more is locked than there is");
        let (stock, foil) = (plus(before.stock, pairs), plus(before.foil, pairs));
        (0, Some(TallyRecord { locked: plus(before.locked, locked), stock, foil, ..before }))
    }
}
