//! Tallies that people split by themselves, in the books.

use super::{Books, Entering};
use crate::check::{Broken, Checked, ensure};
use ledger::tally::{Half, Terms};
use transition::{Action, Event, Receipt};
use types::{AccountId, AssetId, TallyId};

/// A tally.
pub(super) struct TallyBook {
    terms: Terms,
    /// What one STOCK is paid, once that is known.
    stock_pays: Option<u64>,
}

fn told(receipt: &Receipt, id: TallyId, amount: u64) -> Checked {
    let told = matches!(&receipt.events[..], [Event::Redeemed(r)] if r.tally == id && r.amount.quanta() == amount);
    ensure(told, || format!("tally {id} does not tell that it paid {amount}"))
}

impl Books {
    pub(super) fn tally(&mut self, entering: &Entering<'_>) -> Checked {
        let (account, receipt) = (entering.account, entering.receipt);
        match entering.action {
            Action::Split(tx) => {
                self.tallied.tallies[0] += 1;
                let id = tx.terms.id();
                let locked = tx.terms.per_pair.quanta() * tx.pairs.quanta();
                self.debit(account, tx.terms.collateral, locked)?;
                self.credit(tx.stock, Half::Stock.asset(id), tx.pairs.quanta());
                self.credit(tx.foil, Half::Foil.asset(id), tx.pairs.quanta());
                let book = TallyBook { terms: tx.terms.clone(), stock_pays: None };
                let open = self.tallies.entry(id).or_insert(book).stock_pays.is_none();
                ensure(open && receipt.events == [Event::Split(id)], || format!("tally {id} was split wrongly"))
            }
            Action::Merge(tx) => {
                self.tallied.tallies[1] += 1;
                let book = self.book(tx.tally)?;
                ensure(book.stock_pays.is_none(), || format!("tally {} was merged after its end", tx.tally))?;
                let (collateral, freed) = (book.terms.collateral, book.terms.per_pair.quanta() * tx.pairs.quanta());
                self.debit(account, Half::Stock.asset(tx.tally), tx.pairs.quanta())?;
                self.debit(account, Half::Foil.asset(tx.tally), tx.pairs.quanta())?;
                self.credit(account, collateral, freed);
                told(receipt, tx.tally, freed)
            }
            Action::Resolve(tx) => {
                self.tallied.tallies[2] += 1;
                let book = self.book(tx.tally)?;
                let early = entering.now < book.terms.resolve_after;
                let width = u128::from(book.terms.cap - book.terms.floor);
                let above = u128::from(tx.outcome.clamp(book.terms.floor, book.terms.cap) - book.terms.floor);
                let pays = u128::from(book.terms.per_pair.quanta()) * above / width;
                let before = book.stock_pays.replace(u64::try_from(pays).unwrap_or(u64::MAX));
                ensure(before.is_none() && !early, || format!("tally {} was resolved twice, or early", tx.tally))
            }
            Action::Redeem(tx) => self.redeemed(account, tx.tally, receipt),
            Action::Reclaim(tx) => {
                self.tallied.tallies[4] += 1;
                let book = self.book(tx.tally)?;
                let early = entering.now < book.terms.refund_after;
                let share = u128::from(book.terms.per_pair.quanta()) * u128::from(book.terms.refund_stock.0);
                let before = book.stock_pays.replace(u64::try_from(share / 1_000_000).unwrap_or(u64::MAX));
                ensure(before.is_none() && !early, || format!("tally {} was reclaimed twice, or early", tx.tally))
            }
            other => Err(Broken(format!("this is no tally's business: {other:?}"))),
        }
    }

    fn book(&mut self, id: TallyId) -> Result<&mut TallyBook, Broken> {
        self.tallies.get_mut(&id).ok_or_else(|| Broken(format!("tally {id} was never split")))
    }

    fn redeemed(&mut self, account: AccountId, id: TallyId, receipt: &Receipt) -> Checked {
        self.tallied.tallies[3] += 1;
        let book = self.book(id)?;
        let pays = book.stock_pays.ok_or_else(|| Broken(format!("tally {id} paid before its end")))?;
        let (collateral, per_pair) = (book.terms.collateral, book.terms.per_pair.quanta());
        let mut take = |asset: AssetId| self.balances.remove(&(account, asset)).unwrap_or(0);
        let (stock, foil) = (take(Half::Stock.asset(id)), take(Half::Foil.asset(id)));
        ensure(stock + foil > 0, || format!("tally {id} paid somebody who holds nothing of it"))?;
        let paid = stock * pays + foil * (per_pair - pays);
        self.credit(account, collateral, paid);
        told(receipt, id, paid)
    }

    /// Says whether these books follow an asset.
    pub(crate) fn is_half(&self, asset: AssetId) -> bool {
        self.tallies.keys().any(|id| [Half::Stock, Half::Foil].iter().any(|half| half.asset(*id) == asset))
    }
}
