//! The rows of resolutions and reclaims in the tally table.

use crate::divide::halves;
use crate::hashes::felts;
use crate::record::{Recorder, Request};
use crate::tally::{Outcome, begin, is_open};
use ledger::tally::{Reclaim, Resolve, Resolver, Standing, TallyRecord};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{F, REJECTED_CLOSED, REJECTED_EARLY, REJECTED_FOREIGN, REJECTED_UNKNOWN, Tally};
use state::State;
use types::{Millis, TallyId};

impl Recorder {
    /// Records a resolution, and returns its code.
    pub(crate) fn resolve(&mut self, state: &State, request: &Request, asked: &Resolve) -> u32 {
        let mut row = begin(request, asked.tally);
        row.resolves = F::ONE;
        row.asked = halves(asked.outcome).map(F::from_u64);
        let [high, low] = halves(asked.outcome).map(|half| self.lookups.range32(half));
        row.asked_limbs = [high, low, F::ZERO];
        let may = |tally: &TallyRecord| tally.terms.resolver == Resolver::Account(request.sender);
        self.conclude(state, request, row, asked.tally, may, Standing::Resolved(asked.outcome))
    }

    /// Records a reclaim, and returns its code.
    pub(crate) fn reclaim(&mut self, state: &State, request: &Request, asked: &Reclaim) -> u32 {
        let mut row = begin(request, asked.tally);
        row.reclaims = F::ONE;
        let may = |tally: &TallyRecord| !matches!(tally.terms.resolver, Resolver::Rules(_));
        self.conclude(state, request, row, asked.tally, may, Standing::Refunded(request.time))
    }

    fn conclude(
        &mut self,
        state: &State,
        request: &Request,
        mut row: Tally<F>,
        id: TallyId,
        may: impl Fn(&TallyRecord) -> bool,
        standing: Standing,
    ) -> u32 {
        let before = self.memory.tally(state, id);
        let (code, after) = match &before {
            None => (REJECTED_UNKNOWN, None),
            Some(tally) if !is_open(tally) => (REJECTED_CLOSED, None),
            Some(tally) if !may(tally) => {
                show_other(&mut row, tally);
                (REJECTED_FOREIGN, None)
            }
            Some(tally) => self.end(request, &mut row, tally, standing),
        };
        self.finish(state, request, row, id, (before, code, after));
        code
    }

    /// Ends an open tally, unless it is too early.
    fn end(&mut self, request: &Request, row: &mut Tally<F>, tally: &TallyRecord, standing: Standing) -> Outcome {
        let due = if row.resolves == F::ONE { tally.terms.resolve_after } else { tally.terms.refund_after };
        row.time = self.ask_time(request.time);
        let (Millis(now), Millis(due)) = (request.time, due);
        if now < due {
            self.compare(due, now, true);
            return (REJECTED_EARLY, None);
        }
        self.compare(now, due, false);
        (0, Some(TallyRecord { standing, ..tally.clone() }))
    }
}

/// Shows that the account that resolves a tally is not the sender's.
fn show_other(row: &mut Tally<F>, tally: &TallyRecord) {
    let Resolver::Account(resolver) = &tally.terms.resolver else { return };
    let resolver = felts(&resolver.0);
    let shown = row.factor.iter_mut().chain(&mut row.divisor);
    for ((shown, resolver), from) in shown.zip(resolver).zip(row.from) {
        if let Some(inverse) = (resolver - from).try_inverse() {
            *shown = inverse;
            return;
        }
    }
}
