//! Tallies: collateral locked under terms, split into two halves that only a signed outcome can join.
//!
//! The collateral of every pair covers every outcome, so nothing here can be owed and not paid: one STOCK is paid
//! `p = floor(per_pair * clamp(v - floor, 0, cap - floor) / (cap - floor))`, one FOIL is paid `per_pair - p`.

use crate::Reject;
use crate::account::{balance, credit, debit};
use crate::bridge::{supply_minus, supply_plus};
use crypto::account::Identity;
use crypto::{Domain, poseidon};
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, Digest, Encode, Millis, Ppm, Signature, TallyId, choice, limits, record};

record! {
    /// Several resolvers of whom enough must sign.
    pub struct Quorum {
        /// The accounts whose own keys sign, in ascending order.
        pub members: Vec<AccountId>,
        /// How many of them must sign.
        pub threshold: u32,
    }
}

choice! {
    /// Who may say how a tally ends.
    pub enum Resolver {
        /// Another rule of the ledger, such as the verdict on a task. The number is unused and zero.
        0 => Rules(u8),
        /// Whoever acts for this account.
        1 => Account(AccountId),
        /// A quorum's signatures, whoever brings them.
        2 => Quorum(Quorum),
    }
}

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
        /// Who may say the outcome.
        pub resolver: Resolver,
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

impl Resolver {
    fn is_sound(&self) -> bool {
        match self {
            Self::Rules(unused) => *unused == 0,
            Self::Account(_) => true,
            Self::Quorum(quorum) => {
                let members = quorum.members.len();
                let threshold = usize::try_from(quorum.threshold).unwrap_or(usize::MAX);
                // Not fewer than two thirds, and never one alone: that would be an account.
                members <= limits::QUORUM_MEMBERS
                    && (2..=members).contains(&threshold)
                    && threshold * 3 >= members * 2
                    && quorum.members.is_sorted_by(|a, b| a < b)
            }
        }
    }
}

/// Locks collateral under terms and hands out the halves. Terms of a rule open one tally; others can be split again,
/// and the new halves are like the old ones.
pub fn split(s: &mut Overlay<'_>, terms: &Terms, pairs: u64, holders: &Holders) -> Result<TallyId, Reject> {
    let id = terms.id();
    let sound = terms.cap > terms.floor
        && terms.refund_after >= terms.resolve_after
        && terms.refund_stock <= Ppm::ONE
        && terms.resolver.is_sound();
    if !sound {
        return Err(Reject::BadTerms);
    }
    let before = match s.get::<Tally>(&id) {
        Some(_) if matches!(terms.resolver, Resolver::Rules(_)) => return Err(Reject::TallyExists),
        Some(tally) if !matches!(tally.standing, Standing::Open(_)) => return Err(Reject::TallyClosed),
        found => found,
    };
    let (count, locked) = (Amount::new(pairs)?, terms.per_pair.times_down(pairs, 1)?);
    if locked.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    debit(s, holders.payer, terms.collateral, locked)?;
    for (half, holder) in [(Half::Stock, holders.stock), (Half::Foil, holders.foil)] {
        supply_plus(s, half.asset(id), count)?;
        credit(s, holder, half.asset(id), count)?;
    }
    let before = before.unwrap_or_else(|| TallyRecord {
        terms: terms.clone(),
        standing: Standing::Open(0),
        locked: Amount::ZERO,
        stock: Amount::ZERO,
        foil: Amount::ZERO,
    });
    let (stock, foil) = (before.stock.plus(count)?, before.foil.plus(count)?);
    s.put::<Tally>(&id, &TallyRecord { locked: before.locked.plus(locked)?, stock, foil, ..before });
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

record! {
    /// Locks the sender's value under terms that no rule of the ledger resolves.
    pub struct Split {
        /// What is agreed.
        pub terms: Terms,
        /// How many pairs.
        pub pairs: Amount,
        /// Who gets the STOCK.
        pub stock: AccountId,
        /// Who gets the FOIL.
        pub foil: AccountId,
    }
}

record! {
    /// Joins equal numbers of both halves, which gives their collateral back.
    pub struct Merge {
        /// Which tally.
        pub tally: TallyId,
        /// How many pairs.
        pub pairs: Amount,
    }
}

record! {
    /// One resolver's word on an outcome.
    pub struct Endorsement {
        /// Who says so.
        pub resolver: Identity,
        /// Its signature on [`outcome_digest`].
        pub signature: Signature,
    }
}

record! {
    /// Records how a tally ends. Signatures that do not hold make it no transaction, so that no block of the honest has it,
    /// and a proof need not show that one fails.
    pub struct Resolve {
        /// Which tally.
        pub tally: TallyId,
        /// How it ends.
        pub outcome: u64,
        /// A quorum's signatures in ascending order of their accounts; empty when one account resolves.
        pub endorsements: Vec<Endorsement>,
    }
}

record! {
    /// Pays the sender for the halves it holds of a tally that has ended.
    pub struct Redeem {
        /// Which tally.
        pub tally: TallyId,
    }
}

record! {
    /// Ends a tally that nobody resolved in time. Anybody may send it.
    pub struct Reclaim {
        /// Which tally.
        pub tally: TallyId,
    }
}

/// Returns what a resolver of a quorum signs.
pub fn outcome_digest(chain: &Digest, tally: TallyId, outcome: u64) -> Digest {
    let mut elements = chain.to_elements();
    elements.extend(tally.to_elements());
    elements.extend(outcome.to_elements());
    poseidon::hash(Domain::Outcome, &elements)
}

/// Locks the sender's value by its signature.
pub fn split_by(s: &mut Overlay<'_>, sender: AccountId, tx: &Split) -> Result<TallyId, Reject> {
    // Terms that a rule resolves are split by that rule: nobody else would ever end them.
    if matches!(tx.terms.resolver, Resolver::Rules(_)) {
        return Err(Reject::BadTerms);
    }
    split(s, &tx.terms, tx.pairs.quanta(), &Holders { payer: sender, stock: tx.stock, foil: tx.foil })
}

/// Joins halves by their holder's signature.
pub fn merge_by(s: &mut Overlay<'_>, sender: AccountId, tx: &Merge) -> Result<Amount, Reject> {
    if tx.pairs.is_zero() {
        return Err(Reject::ZeroAmount);
    }
    merge(s, sender, tx.tally, tx.pairs)
}

/// Records an outcome that the terms' own resolver says. The caller has checked that the endorsements are signed.
pub fn resolve_by(s: &mut Overlay<'_>, sender: AccountId, tx: &Resolve, now: Millis) -> Result<(), Reject> {
    let tally = open(s, tx.tally)?;
    let may = match &tally.terms.resolver {
        Resolver::Rules(_) => false,
        Resolver::Account(account) => *account == sender && tx.endorsements.is_empty(),
        Resolver::Quorum(quorum) => has_quorum(quorum, &tx.endorsements),
    };
    if !may {
        return Err(Reject::NotResolver);
    }
    resolve(s, tx.tally, tx.outcome, now)
}

fn has_quorum(quorum: &Quorum, endorsements: &[Endorsement]) -> bool {
    let accounts: Vec<AccountId> = endorsements.iter().map(|endorsement| endorsement.resolver.account()).collect();
    let enough = u32::try_from(accounts.len()).is_ok_and(|count| count >= quorum.threshold);
    enough
        && accounts.is_sorted_by(|a, b| a < b)
        && accounts.iter().all(|account| quorum.members.binary_search(account).is_ok())
}

/// Ends an unresolved tally by its refund split.
pub fn reclaim_by(s: &mut Overlay<'_>, tx: &Reclaim, now: Millis) -> Result<(), Reject> {
    // The rule that split it ends it too, with all that hangs on it.
    if matches!(open(s, tx.tally)?.terms.resolver, Resolver::Rules(_)) {
        return Err(Reject::NotResolver);
    }
    refund(s, tx.tally, now)
}
