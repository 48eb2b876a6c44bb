//! What is offered for gas, and the cap.

use super::{Alert, Offer};
use l1::{GAS_PER_TRANSACTION_MAX, Standing};
use types::Millis;

/// What the outbox may spend, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most wei offered for a unit of gas, tip included.
    pub gas_price_max_wei: u64,
    /// Most wei that everything which is not final may cost together.
    pub spend_max_wei: u128,
    /// Most gas that one transaction may have.
    pub gas_max: u64,
    /// How many blocks on top make a block final.
    pub depth: u64,
    /// How long an offer may wait before it is raised.
    pub replace_after: Millis,
}

impl Default for Limits {
    /// 500 gwei, 10 ETH, the base chain's own limit, 12 blocks, three blocks' time.
    fn default() -> Self {
        Self {
            gas_price_max_wei: 500_000_000_000,
            spend_max_wei: 10_000_000_000_000_000_000,
            gas_max: GAS_PER_TRANSACTION_MAX,
            depth: 12,
            replace_after: Millis(36_000),
        }
    }
}

impl Limits {
    /// Returns an estimate with a fifth on top, because the state may change before the transaction runs.
    pub(super) fn gas_limit(&self, estimate: u64) -> u64 {
        estimate.saturating_add(estimate / 5).min(self.gas_max)
    }

    /// Returns the first offer for a nonce: room for the base fee to double, as far as the cap allows.
    pub(super) fn first(&self, view: &Standing, gas_limit: u64, others_wei: u128) -> Result<Offer, Alert> {
        let needed = view.base_fee_wei.saturating_add(view.tip_wei);
        let cap = self.cap(view, gas_limit, others_wei);
        if needed > cap {
            return Err(self.reason(needed));
        }
        Ok(Offer { max_fee_wei: needed.saturating_add(view.base_fee_wei).min(cap), tip_wei: view.tip_wei })
    }

    /// Returns an offer that replaces another. Nodes want both numbers a tenth higher; we go an eighth, so that none
    /// finds it short by rounding. Blobs would have to double: this is for transactions without them.
    pub(super) fn raised(
        &self,
        last: &Offer,
        view: &Standing,
        gas_limit: u64,
        others_wei: u128,
    ) -> Result<Offer, Alert> {
        let least = Offer { max_fee_wei: eighth_more(last.max_fee_wei), tip_wei: eighth_more(last.tip_wei) };
        let needed = least.max_fee_wei.max(view.base_fee_wei.saturating_add(view.tip_wei));
        let cap = self.cap(view, gas_limit, others_wei);
        if needed > cap {
            return Err(self.reason(needed));
        }
        let wanted = view.base_fee_wei.saturating_mul(2).saturating_add(view.tip_wei);
        let max_fee_wei = needed.max(wanted).min(cap);
        Ok(Offer { max_fee_wei, tip_wei: least.tip_wei.max(view.tip_wei).min(max_fee_wei) })
    }

    /// Returns the most that a unit of gas may cost for a transaction, given what all others may cost.
    fn cap(&self, view: &Standing, gas_limit: u64, others_wei: u128) -> u64 {
        let funds = view.balance_wei.min(self.spend_max_wei).saturating_sub(others_wei);
        let affordable = funds.checked_div(u128::from(gas_limit)).unwrap_or(funds);
        u64::try_from(affordable).map_or(self.gas_price_max_wei, |affordable| affordable.min(self.gas_price_max_wei))
    }

    fn reason(&self, needed: u64) -> Alert {
        if needed > self.gas_price_max_wei { Alert::FeesTooHigh } else { Alert::FundsTooLow }
    }
}

/// An eighth more, rounded up, and at least one more.
fn eighth_more(wei: u64) -> u64 {
    wei.saturating_add(wei.div_ceil(8).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(base_fee_wei: u64, tip_wei: u64, balance_wei: u128) -> Standing {
        Standing { head: 0, nonce: 0, nonce_final: 0, nonce_pending: 0, balance_wei, base_fee_wei, tip_wei }
    }

    fn limits(gas_price_max_wei: u64, spend_max_wei: u128) -> Limits {
        Limits { gas_price_max_wei, spend_max_wei, ..Limits::default() }
    }

    #[test]
    fn the_first_offer_leaves_room_within_price_balance_and_budget() {
        let check = |base, tip, balance, price, budget, others, expected: Result<u64, Alert>| {
            let offer = limits(price, budget).first(&view(base, tip, balance), 10, others);
            assert_eq!(offer.map(|offer| offer.max_fee_wei), expected);
        };
        check(10, 1, 1_000, 100, 1_000, 0, Ok(21));
        check(10, 1, 1_000, 15, 1_000, 0, Ok(15));
        check(10, 1, 1_000, 11, 1_000, 0, Ok(11));
        check(10, 1, 1_000, 10, 1_000, 0, Err(Alert::FeesTooHigh));
        check(10, 1, 150, 100, 1_000, 0, Ok(15));
        check(10, 1, 1_000, 100, 150, 0, Ok(15));
        check(10, 1, 1_000, 100, 1_000, 850, Ok(15));
        check(10, 1, 1_000, 100, 1_000, 891, Err(Alert::FundsTooLow));
        check(10, 1, 0, 100, 1_000, 5, Err(Alert::FundsTooLow));
        check(u64::MAX, 9, u128::MAX, u64::MAX, u128::MAX, 0, Ok(u64::MAX));
    }

    #[test]
    fn a_replacement_is_an_eighth_dearer_in_both_numbers_or_none() {
        let last = Offer { max_fee_wei: 100, tip_wei: 8 };
        let raised = |base, price| limits(price, 1_000_000).raised(&last, &view(base, 1, 1_000_000), 10, 0);
        assert_eq!(raised(10, 1_000), Ok(Offer { max_fee_wei: 113, tip_wei: 9 }));
        assert_eq!(raised(90, 1_000), Ok(Offer { max_fee_wei: 181, tip_wei: 9 }));
        assert_eq!(raised(90, 120), Ok(Offer { max_fee_wei: 120, tip_wei: 9 }));
        assert_eq!(raised(10, 112), Err(Alert::FeesTooHigh));
        assert_eq!((eighth_more(0), eighth_more(1), eighth_more(8), eighth_more(9)), (1, 2, 9, 11));
    }
}
