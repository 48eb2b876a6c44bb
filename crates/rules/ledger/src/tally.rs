//! Tallies: collateral locked under terms, split into two halves that only a signed outcome can join.
//!
//! The collateral of every pair covers every outcome, so nothing here can be owed and not paid: one STOCK is paid
//! `p = floor(per_pair * clamp(v - floor, 0, cap - floor) / (cap - floor))`, one FOIL is paid `per_pair - p`.

use crate::Reject;
use crate::account::{balance, credit, debit};
use crate::bridge::{supply_minus, supply_plus};
use crypto::{Domain, poseidon};
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, Digest, Encode, Millis, Ppm, TallyId, choice, record};

record! {
    /// What was agreed. A tally's id is the digest of its terms.
    pub struct Terms {
        /// What the tally is about, so that two tallies of like terms differ: a task's id, an offer's id.
        pub subject: Digest,
        /// What is locked.
        pub collateral: AssetId,
        /// How much each pair locks, in quanta.
        pub per_pair: Amount,
        /// At this outcome and below, STOCK is paid nothing.
        pub floor: u64,
        /// At this outcome and above, STOCK is paid everything.
        pub cap: u64,
        /// No outcome counts before this time.
        pub resolve_after: Millis,
        /// From this time on the refund split applies if there is no outcome.
        pub refund_after: Millis,
        /// What STOCK is paid at a refund; FOIL is paid the rest.
        pub refund_stock: Ppm,
    }
}

choice! {
    /// How a tally stands.
    pub enum Standing {
        /// No outcome yet. The number is unused and zero.
        0 => Open(u8),
        /// The recorded outcome.
        1 => Resolved(u64),
        /// Refunded at this time.
        2 => Refunded(Millis),
    }
}

record! {
    /// A tally on the ledger.
    pub struct TallyRecord {
        /// What was agreed.
        pub terms: Terms,
        /// How it stands.
        pub standing: Standing,
        /// The collateral still locked.
        pub locked: Amount,
        /// STOCK outstanding.
        pub stock: Amount,
        /// FOIL outstanding.
        pub foil: Amount,
    }
}

leaf!(
    /// A tally.
    pub Tally = 5: TallyId => TallyRecord
);

/// One of a tally's two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Paid more the higher the outcome.
    Stock,
    /// Paid the rest.
    Foil,
}

impl Half {
    /// Returns the asset that this half of the tally is.
    pub fn asset(self, tally: TallyId) -> AssetId {
        let mut elements = vec![match self {
            Self::Stock => 0,
            Self::Foil => 1,
        }];
        elements.extend(tally.to_elements());
        AssetId(poseidon::hash(Domain::Half, &elements))
    }
}

impl Terms {
    /// Returns the tally's id.
    pub fn id(&self) -> TallyId {
        TallyId(poseidon::hash_of(Domain::Tally, self))
    }

    /// Returns what one STOCK is paid at an outcome, rounded down.
    pub fn stock_pays_down(&self, outcome: u64) -> Result<Amount, Reject> {
        let width = self.cap - self.floor;
        let above = outcome.saturating_sub(self.floor).min(width);
        Ok(self.per_pair.times_down(above, width)?)
    }
}

impl TallyRecord {
    /// Returns what one STOCK is paid, once that is known.
    pub fn stock_pays(&self) -> Result<Amount, Reject> {
        match &self.standing {
            Standing::Open(_) => Err(Reject::TallyOpen),
            Standing::Resolved(outcome) => self.terms.stock_pays_down(*outcome),
            Standing::Refunded(_) => Ok(self.terms.refund_stock.of_down(self.terms.per_pair)?),
        }
    }
}

/// Returns a tally that is open.
fn open(s: &Overlay<'_>, id: TallyId) -> Result<TallyRecord, Reject> {
    let tally = s.get::<Tally>(&id).ok_or(Reject::UnknownTally)?;
    if matches!(tally.standing, Standing::Open(_)) { Ok(tally) } else { Err(Reject::TallyClosed) }
}

/// Who gets which half of new pairs.
pub struct Holders {
    /// Who pays the collateral.
    pub payer: AccountId,
    /// Who gets the STOCK.
    pub stock: AccountId,
    /// Who gets the FOIL.
    pub foil: AccountId,
}

/// Locks collateral under new terms and hands out the halves.
pub fn split(s: &mut Overlay<'_>, terms: &Terms, pairs: u64, holders: &Holders) -> Result<TallyId, Reject> {
    let id = terms.id();
    if terms.cap <= terms.floor || terms.refund_after < terms.resolve_after || terms.refund_stock > Ppm::ONE {
        return Err(Reject::BadTerms);
    }
    if s.get::<Tally>(&id).is_some() {
        return Err(Reject::TallyExists);
    }
    let (count, locked) = (Amount::new(pairs)?, terms.per_pair.times_down(pairs, 1)?);
    if locked.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    debit(s, holders.payer, terms.collateral, locked)?;
    for (half, holder) in [(Half::Stock, holders.stock), (Half::Foil, holders.foil)] {
        supply_plus(s, half.asset(id), count)?;
        credit(s, holder, half.asset(id), count)?;
    }
    let standing = Standing::Open(0);
    s.put::<Tally>(&id, &TallyRecord { terms: terms.clone(), standing, locked, stock: count, foil: count });
    Ok(id)
}

/// Gives collateral back for equal numbers of both halves. Allowed at any time while the tally is open.
pub fn merge(s: &mut Overlay<'_>, holder: AccountId, id: TallyId, pairs: Amount) -> Result<Amount, Reject> {
    let mut tally = open(s, id)?;
    let freed = tally.terms.per_pair.times_down(pairs.quanta(), 1)?;
    burn(s, holder, id, Half::Stock, pairs)?;
    burn(s, holder, id, Half::Foil, pairs)?;
    tally.stock = tally.stock.minus(pairs)?;
    tally.foil = tally.foil.minus(pairs)?;
    release(s, holder, id, tally, freed)?;
    Ok(freed)
}

/// Records the outcome, once and for ever. The caller has checked who says so.
pub fn resolve(s: &mut Overlay<'_>, id: TallyId, outcome: u64, now: Millis) -> Result<(), Reject> {
    let mut tally = open(s, id)?;
    if now < tally.terms.resolve_after {
        return Err(Reject::TooEarly);
    }
    tally.standing = Standing::Resolved(outcome);
    s.put::<Tally>(&id, &tally);
    Ok(())
}

/// Applies the refund split when no outcome came in time. Anybody may ask for it.
pub fn refund(s: &mut Overlay<'_>, id: TallyId, now: Millis) -> Result<(), Reject> {
    let mut tally = open(s, id)?;
    if now < tally.terms.refund_after {
        return Err(Reject::TooEarly);
    }
    tally.standing = Standing::Refunded(now);
    s.put::<Tally>(&id, &tally);
    Ok(())
}

/// Pays a holder for all halves it holds, and returns how much.
pub fn redeem(s: &mut Overlay<'_>, holder: AccountId, id: TallyId) -> Result<Amount, Reject> {
    let mut tally = s.get::<Tally>(&id).ok_or(Reject::UnknownTally)?;
    let per_stock = tally.stock_pays()?;
    let per_foil = tally.terms.per_pair.minus(per_stock)?;
    let stock = balance(s, holder, Half::Stock.asset(id));
    let foil = balance(s, holder, Half::Foil.asset(id));
    if stock.is_zero() && foil.is_zero() {
        return Err(Reject::NothingToRedeem);
    }
    let paid = per_stock.times_down(stock.quanta(), 1)?.plus(per_foil.times_down(foil.quanta(), 1)?)?;
    burn(s, holder, id, Half::Stock, stock)?;
    burn(s, holder, id, Half::Foil, foil)?;
    tally.stock = tally.stock.minus(stock)?;
    tally.foil = tally.foil.minus(foil)?;
    release(s, holder, id, tally, paid)?;
    Ok(paid)
}

fn burn(s: &mut Overlay<'_>, holder: AccountId, id: TallyId, half: Half, count: Amount) -> Result<(), Reject> {
    if !count.is_zero() {
        debit(s, holder, half.asset(id), count)?;
        supply_minus(s, half.asset(id), count);
    }
    Ok(())
}

/// Frees collateral to a holder. A tally without halves has nothing left to say and is removed, unless its outcome
/// was recorded: that stays, so that the same terms cannot be agreed and decided twice.
fn release(
    s: &mut Overlay<'_>,
    to: AccountId,
    id: TallyId,
    mut tally: TallyRecord,
    freed: Amount,
) -> Result<(), Reject> {
    tally.locked = tally.locked.minus(freed).expect("the collateral covers every outcome");
    let asset = tally.terms.collateral;
    let over = tally.stock.is_zero() && tally.foil.is_zero();
    if over && matches!(tally.standing, Standing::Open(_)) {
        s.remove::<Tally>(&id);
    } else {
        s.put::<Tally>(&id, &tally);
    }
    credit(s, to, asset, freed)
}
