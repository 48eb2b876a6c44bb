//! Offers: a provider's stake and what it sells.

use crate::params::parameters;
use crate::{Assignment, Context, Refusal, Reject, Slashed};
use crypto::account::owned_by;
use ledger::tally::{self, Half, Holders};
use ledger::{Resolver, Terms, account};
use state::{Overlay, leaf};
use types::{AccountId, Amount, AssetId, Millis, OfferId, Ppm, Rate, TallyId, TaskId, record};

record! {
    /// Locks a stake and offers capacity.
    pub struct MakeOffer {
        /// The asset staked and asked for.
        pub asset: AssetId,
        /// How much is staked.
        pub stake: Amount,
        /// What the provider asks, in quanta per million fuel.
        pub rate: Rate,
        /// What its benchmark measured. A claim: it orders plans, it never pays.
        pub fuel_per_second: u64,
        /// The most memory it gives a task, in bytes.
        pub memory_bytes: u64,
    }
}

record! {
    /// Withdraws the sender's offer and frees its stake.
    pub struct Retire {}
}

record! {
    /// An open offer.
    pub struct OfferRecord {
        /// Its id.
        pub id: OfferId,
        /// What was offered.
        pub offer: MakeOffer,
        /// The tally that holds the stake.
        pub tally: TallyId,
        /// How many open tasks it works on.
        pub open_tasks: u32,
    }
}

leaf!(
    /// A provider's open offer: one at a time.
    pub Offer = 22: AccountId => OfferRecord
);

/// Locks the stake and records the offer. The stake's outcome is the fraction slashed, in parts per million: the
/// provider holds the FOIL, and the STOCK belongs to the offer itself until a verdict says otherwise.
pub fn offer(s: &mut Overlay<'_>, context: &Context, tx: &MakeOffer) -> Result<(), Refusal> {
    if s.get::<Offer>(&context.sender).is_some() {
        return Err(Reject::OfferExists.into());
    }
    if tx.stake < parameters(s).stake_min {
        return Err(Reject::StakeTooSmall.into());
    }
    let id = OfferId(context.id);
    let terms = Terms {
        subject: context.id,
        collateral: tx.asset,
        per_pair: tx.stake,
        floor: 0,
        cap: Ppm::ONE.0,
        resolver: Resolver::Rules(0),
        resolve_after: context.now,
        refund_after: Millis(u64::MAX),
        refund_stock: Ppm(0),
    };
    let holders = Holders { payer: context.sender, stock: owned_by(&id), foil: context.sender };
    let tally = tally::split(s, &terms, 1, &holders)?;
    s.put::<Offer>(&context.sender, &OfferRecord { id, offer: tx.clone(), tally, open_tasks: 0 });
    Ok(())
}

/// Frees the stake of an offer without open tasks: the offer's STOCK joins the provider's FOIL.
pub fn retire(s: &mut Overlay<'_>, context: &Context) -> Result<(), Refusal> {
    let offer = s.get::<Offer>(&context.sender).ok_or(Reject::UnknownOffer)?;
    if offer.open_tasks > 0 {
        return Err(Reject::OfferBusy.into());
    }
    let one = Amount::new(1)?;
    account::post(s, owned_by(&offer.id), context.sender, Half::Stock.asset(offer.tally), one)?;
    tally::merge(s, context.sender, offer.tally, one)?;
    s.remove::<Offer>(&context.sender);
    Ok(())
}

/// Changes how many open tasks an offer works on. An offer that was slashed away stays away, and what was begun under
/// it does not count for the one that its provider made later.
pub(crate) fn count(s: &mut Overlay<'_>, provider: AccountId, id: OfferId, opened: bool) {
    if let Some(mut offer) = s.get::<Offer>(&provider).filter(|offer| offer.id == id) {
        offer.open_tasks = if opened { offer.open_tasks.saturating_add(1) } else { offer.open_tasks.saturating_sub(1) };
        s.put::<Offer>(&provider, &offer);
    }
}

/// Cuts a provider's stake and closes its offer: the cut goes to the treasury, the rest back to the provider.
/// Returns `None` when the stake that answered for the work was cut before; one staked since answers only for its own.
pub(crate) fn slash(
    s: &mut Overlay<'_>,
    context: &Context,
    task: TaskId,
    assignment: &Assignment,
) -> Result<Option<Slashed>, Refusal> {
    let provider = assignment.provider;
    let Some(offer) = s.get::<Offer>(&provider).filter(|offer| offer.id == assignment.offer) else { return Ok(None) };
    let (params, owner) = (parameters(s), owned_by(&offer.id));
    tally::resolve(s, offer.tally, params.slash.0, context.now)?;
    let amount = tally::redeem(s, owner, offer.tally)?;
    account::post(s, owner, params.treasury, offer.offer.asset, amount)?;
    let returned = match tally::redeem(s, provider, offer.tally) {
        Ok(returned) => returned,
        // The provider sold its claim: whoever bought it redeems it.
        Err(ledger::Reject::NothingToRedeem) => Amount::ZERO,
        Err(other) => return Err(other.into()),
    };
    s.remove::<Offer>(&provider);
    Ok(Some(Slashed { task, provider, amount, returned }))
}
