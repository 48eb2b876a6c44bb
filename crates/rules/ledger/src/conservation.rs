//! The one check that ends every block: nothing was made, nothing was lost.

use crate::account::Balance;
use crate::bridge::Supply;
use crate::tally::{Standing, Tally, TallyRecord};
use state::Overlay;
use std::collections::BTreeMap;
use types::{Amount, AssetId};

/// An asset whose books do not balance: a fault of ours, never a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// The asset.
    pub asset: AssetId,
    /// How much too much there is; negative when some is missing.
    pub surplus: i128,
}

/// Checks the kept changes of an overlay: for each asset, the change of all balances and of what tallies lock equals
/// the change of what the ledger owes; and each touched tally's collateral covers its halves exactly.
///
/// The check costs only what the block touched. It implies the global statement by induction from an empty ledger.
pub fn check(s: &Overlay<'_>) -> Result<(), Imbalance> {
    let mut surplus: BTreeMap<AssetId, i128> = BTreeMap::new();
    let signed = |amount: Option<Amount>| i128::from(amount.unwrap_or_default().quanta());
    for (key, before, after) in s.touched::<Balance>() {
        *surplus.entry(key.asset).or_default() += signed(after) - signed(before);
    }
    for (asset, before, after) in s.touched::<Supply>() {
        *surplus.entry(asset).or_default() -= signed(after) - signed(before);
    }
    for (_, before, after) in s.touched::<Tally>() {
        for (tally, sign) in [(&before, -1), (&after, 1)] {
            let Some(tally) = tally else { continue };
            *surplus.entry(tally.terms.collateral).or_default() += sign * signed(Some(tally.locked));
        }
        if let Some(tally) = &after {
            check_cover(tally)?;
        }
    }
    match surplus.into_iter().find(|(_, surplus)| *surplus != 0) {
        Some((asset, surplus)) => Err(Imbalance { asset, surplus }),
        None => Ok(()),
    }
}

/// Checks that a tally locks exactly what its halves will be paid.
fn check_cover(tally: &TallyRecord) -> Result<(), Imbalance> {
    let per_pair = i128::from(tally.terms.per_pair.quanta());
    let (stock, foil) = (i128::from(tally.stock.quanta()), i128::from(tally.foil.quanta()));
    let owed = match tally.stock_pays() {
        Ok(per_stock) => {
            let per_stock = i128::from(per_stock.quanta());
            stock * per_stock + foil * (per_pair - per_stock)
        }
        Err(_) => stock * per_pair,
    };
    let unequal = matches!(tally.standing, Standing::Open(_)) && stock != foil;
    let surplus = i128::from(tally.locked.quanta()) - owed;
    if surplus == 0 && !unequal { Ok(()) } else { Err(Imbalance { asset: tally.terms.collateral, surplus }) }
}
