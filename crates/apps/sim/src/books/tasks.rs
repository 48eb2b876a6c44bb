//! Tasks, offers and stakes in the books.

use super::{Books, Entering};
use crate::check::{Broken, Checked, ensure};
use crate::load;
use proof::agreement::Outcome;
use std::collections::BTreeSet;
use task::{Decide, MakeOffer, Reason, Submit, Verdict};
use transition::{Action, Event, Receipt};
use types::{AccountId, AssetId, Digest, TaskId};

/// A task as it was asked for.
pub(crate) struct TaskBook {
    submit: Submit,
    requester: AccountId,
    price: u64,
    pub(crate) ended: bool,
}

fn millionths(amount: u64, numerator: u64, denominator: u64) -> u64 {
    let product = u128::from(amount) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

impl Books {
    pub(super) fn task(&mut self, entering: &Entering<'_>) -> Checked {
        let (account, receipt) = (entering.account, entering.receipt);
        match entering.action {
            Action::MakeOffer(tx) => self.offered(account, tx),
            Action::Retire(_) => {
                let (asset, stake) = self.stakes.remove(&account).unwrap_or((AssetId(Digest::ZERO), 0));
                self.credit(account, asset, stake);
                let busy = self.works.remove(&account).is_some_and(|works| !works.is_empty());
                ensure(!busy, || format!("{account} retired its stake while it worked on open tasks"))
            }
            Action::Submit(tx) => self.submitted(account, TaskId(entering.id.0), tx),
            Action::Assign(tx) => {
                let chosen = tx.considered.iter().filter(|considered| matches!(considered.reason, Reason::Chosen(_)));
                for considered in chosen {
                    self.works.entry(considered.provider).or_default().insert(tx.task);
                }
                Ok(())
            }
            Action::Decide(tx) => self.decided(entering, tx),
            Action::Refund(tx) => self.refunded(tx.task, receipt),
            _ => Ok(()),
        }
    }

    fn offered(&mut self, provider: AccountId, tx: &MakeOffer) -> Checked {
        self.debit(provider, tx.asset, tx.stake.quanta())?;
        self.works.insert(provider, BTreeSet::new());
        let before = self.stakes.insert(provider, (tx.asset, tx.stake.quanta()));
        ensure(before.is_none(), || format!("{provider} has two offers"))
    }

    fn submitted(&mut self, requester: AccountId, id: TaskId, tx: &Submit) -> Checked {
        // Written anew: the price of one run rounded up, once for each result that must agree.
        let one = (u128::from(tx.fuel_limit.0) * u128::from(tx.rate.0)).div_ceil(1_000_000);
        let price = u64::try_from(one * u128::from(tx.redundancy)).unwrap_or(u64::MAX);
        self.debit(requester, tx.asset, price)?;
        self.tallied.submitted += 1;
        self.tasks.insert(id, TaskBook { submit: tx.clone(), requester, price, ended: false });
        Ok(())
    }

    fn end(&mut self, id: TaskId) -> Result<(Submit, AccountId, u64), Broken> {
        let book = self.tasks.get_mut(&id).ok_or_else(|| Broken(format!("task {id} was never submitted")))?;
        ensure(!book.ended, || format!("task {id} ended twice"))?;
        book.ended = true;
        for works in self.works.values_mut() {
            works.remove(&id);
        }
        Ok((book.submit.clone(), book.requester, book.price))
    }

    fn decided(&mut self, entering: &Entering<'_>, tx: &Decide) -> Checked {
        let verdict = &tx.verdict;
        let (submit, requester, price) = self.end(verdict.task)?;
        self.tallied.decided += 1;
        let mut paid = 0;
        for event in &entering.receipt.events {
            match event {
                Event::Paid(payment) => {
                    paid += payment.amount.quanta();
                    self.credit(payment.account, submit.asset, payment.amount.quanta());
                }
                Event::Slashed(cut) => self.slashed(entering, cut)?,
                other => return Err(Broken(format!("a verdict's receipt tells of {other:?}"))),
            }
        }
        let owed = millionths(price, verdict.outcome.fuel.0, submit.fuel_limit.0);
        ensure(paid == owed, || format!("task {} paid {paid} where {owed} is owed", verdict.task))?;
        self.credit(requester, submit.asset, price - paid);
        judged(entering, &submit, verdict)
    }

    fn slashed(&mut self, entering: &Entering<'_>, cut: &task::Slashed) -> Checked {
        self.tallied.slashed += 1;
        let lied = entering.known.liars.contains(&cut.provider);
        ensure(lied, || format!("the honest provider {} lost its stake", cut.provider))?;
        let (asset, stake) = self.stakes.remove(&cut.provider).unwrap_or((AssetId(Digest::ZERO), 0));
        self.works.remove(&cut.provider);
        let sum = cut.amount.quanta() + cut.returned.quanta();
        ensure(sum == stake, || format!("a stake of {stake} was cut into parts of {sum}"))?;
        self.credit(cut.provider, asset, cut.returned.quanta());
        self.credit(entering.known.treasury, asset, cut.amount.quanta());
        Ok(())
    }

    fn refunded(&mut self, id: TaskId, receipt: &Receipt) -> Checked {
        let (submit, requester, price) = self.end(id)?;
        self.tallied.refunded += 1;
        let told = receipt.events.iter().any(|e| matches!(e, Event::Refunded(r) if r.amount.quanta() == price));
        ensure(told, || format!("task {id} did not give its whole price back"))?;
        self.credit(requester, submit.asset, price);
        Ok(())
    }
}

/// Checks that a verdict is right wherever redundancy promises that: no two liars tell the same lie.
fn judged(entering: &Entering<'_>, submit: &Submit, verdict: &Verdict) -> Checked {
    let truth: Outcome = load::run(submit).0;
    if submit.redundancy > 1 || verdict.agreeing.len() > 1 {
        ensure(verdict.outcome == truth, || format!("task {} was decided for a lie", verdict.task))?;
    }
    let enough = verdict.agreeing.len() >= usize::from(submit.redundancy);
    ensure(enough, || format!("task {} was decided by too few", verdict.task))?;
    let honest = verdict.dissenting.iter().find(|provider| !entering.known.liars.contains(provider));
    honest.map_or(Ok(()), |honest| Err(Broken(format!("the honest provider {honest} was refuted"))))
}
