//! The settler's account on L1: a pool that loses things, fees that jump, receipts. It keeps its own count of what the
//! account may have to pay, so that the outbox's cap is checked by somebody else.

use super::{At, FINAL, number};
use crate::check::{Broken, Checked, ensure};
use crate::faults::{Fault, Faults};
use crypto::eth::keccak;
use l1::{Answer, Receipt, Standing};
use settler::outbox::{Limits, Offer};
use settler::part::Part;
use std::collections::BTreeMap;
use types::{Bytes32, Decode as _};

/// The usual base fee, in wei.
const BASE_FEE: u64 = 10_000_000_000;
/// The tip that others offer, in wei.
const TIP: u64 = 1_000_000_000;
/// What the account holds, in wei: enough for everything.
const BALANCE: u128 = 1_000_000_000_000_000_000_000;

/// A transaction that waits for a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) nonce: u64,
    pub(crate) transaction: Bytes32,
    pub(crate) gas_limit: u64,
    pub(crate) terms: Offer,
    pub(crate) what: Box<[u8]>,
}

impl Offered {
    /// Signs an offer. The same terms give the same hash.
    pub(crate) fn new(nonce: u64, gas_limit: u64, terms: &Offer, what: &[u8]) -> Self {
        let numbers = [nonce, gas_limit, terms.max_fee_wei, terms.tip_wei].map(u64::to_be_bytes).concat();
        let transaction = keccak(&[b"transaction", &numbers, what]);
        Self { nonce, transaction, gas_limit, terms: terms.clone(), what: what.into() }
    }

    pub(crate) fn part(&self) -> Result<Part, String> {
        Part::from_bytes(&self.what).map_err(|_| "the settler sent bytes that are no part of a batch".to_owned())
    }
}

/// The account.
pub(crate) struct Account {
    limits: Limits,
    base_fee: u64,
    /// Until which of its blocks gas is dear, and how many times.
    dear: (u64, u64),
    blocks: u64,
    pool: BTreeMap<u64, Vec<Offered>>,
    /// What is in blocks, by nonce; `None` is somebody else's use of the key.
    done: Vec<At<(Option<Offered>, Receipt)>>,
    /// The most that each nonce may ever cost by what was sent with it.
    exposed: BTreeMap<u64, u128>,
    pub(crate) spent_wei: u128,
    /// The highest price that was paid for a unit of gas.
    pub(crate) price_wei_max: u64,
}

impl Account {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            base_fee: BASE_FEE,
            dear: (0, 1),
            blocks: 0,
            pool: BTreeMap::new(),
            done: Vec::new(),
            exposed: BTreeMap::new(),
            spent_wei: 0,
            price_wei_max: 0,
        }
    }

    /// Makes gas dear for some blocks.
    pub(crate) fn spike(&mut self, blocks: u64, times: u64) {
        self.dear = (self.blocks + blocks, times);
    }

    /// Returns the base fee of the block that is being made.
    pub(super) fn next_base_fee(&mut self) -> u64 {
        let fee = self.base_fee;
        self.blocks += 1;
        let target = if self.blocks < self.dear.0 { BASE_FEE.saturating_mul(self.dear.1) } else { BASE_FEE };
        // An eighth a block is the most that the base chain allows.
        self.base_fee = target.clamp(fee - fee / 8, fee + fee / 8);
        fee
    }

    fn nonce(&self) -> u64 {
        number(self.done.len())
    }

    /// Returns the next transaction that a block with this base fee takes.
    pub(super) fn next(&self, base_fee: u64) -> Option<Offered> {
        let offers = self.pool.get(&self.nonce())?;
        offers.iter().rev().find(|offered| offered.terms.max_fee_wei >= base_fee).cloned()
    }

    pub(super) fn mined(&mut self, next: &Offered, block: u64, block_hash: Bytes32, succeeded: bool) {
        self.pool.remove(&next.nonce);
        let price_wei = next.terms.max_fee_wei.min(self.base_fee.saturating_add(next.terms.tip_wei));
        let gas_used = next.part().map_or(21_000, |part| needed(&part)).min(next.gas_limit);
        self.spent_wei += u128::from(price_wei) * u128::from(gas_used);
        self.price_wei_max = self.price_wei_max.max(price_wei);
        let transaction = next.transaction;
        let receipt = Receipt { transaction, block, block_hash, succeeded, gas_used, price_wei };
        self.done.push(At { block, what: (Some(next.clone()), receipt) });
    }

    /// Lets somebody else use the key's next nonce.
    pub(crate) fn use_elsewhere(&mut self, block: u64) {
        let transaction = keccak(&[b"elsewhere", &self.nonce().to_be_bytes(), &block.to_be_bytes()]);
        self.pool.remove(&self.nonce());
        let (succeeded, gas_used, price_wei, block_hash) = (true, 21_000, self.base_fee, Bytes32::ZERO);
        let receipt = Receipt { transaction, block, block_hash, succeeded, gas_used, price_wei };
        self.done.push(At { block, what: (None, receipt) });
    }

    /// Loses something that waits, by chance: all offers of a nonce, or the last of them.
    pub(crate) fn lose_by_chance(&mut self, faults: &mut Faults) -> bool {
        if self.pool.is_empty() || !faults.strikes_times(Fault::PoolLost, 4) {
            return false;
        }
        let nonces: Vec<u64> = self.pool.keys().copied().collect();
        let at = usize::try_from(faults.length_ms(0, number(nonces.len()).max(1))).unwrap_or(0);
        let Some(nonce) = nonces.get(at) else { return false };
        let whole = faults.length_ms(0, 2) == 0;
        if let Some(offers) = self.pool.get_mut(nonce) {
            offers.pop();
            if whole || offers.is_empty() {
                self.pool.remove(nonce);
            }
        }
        true
    }

    pub(super) fn reorganise(&mut self, keep: u64, faults: &mut Faults) {
        for At { what: (offered, _), .. } in super::cut(&mut self.done, keep) {
            let Some(offered) = offered else { continue };
            if faults.strikes(Fault::PoolLost) {
                continue;
            }
            // Whatever replaced it later is dearer, and stays last.
            self.pool.entry(offered.nonce).or_default().insert(0, offered);
        }
    }

    /// Returns how the account and the chain stand.
    pub(crate) fn standing(&self, head: u64) -> Standing {
        let nonce = self.nonce();
        let waiting = (nonce..).take_while(|nonce| self.pool.contains_key(nonce)).count();
        Standing {
            head,
            nonce,
            nonce_final: self.nonce_final(head),
            nonce_pending: nonce + number(waiting),
            balance_wei: BALANCE,
            base_fee_wei: self.base_fee,
            tip_wei: TIP,
        }
    }

    fn nonce_final(&self, head: u64) -> u64 {
        let last = head.checked_sub(FINAL);
        last.map_or(0, |last| number(self.done.partition_point(|at| at.block <= last)))
    }

    /// Returns where a transaction is, if it is in a block.
    pub(crate) fn receipt(&self, transaction: &Bytes32) -> Option<Receipt> {
        self.done.iter().map(|at| at.what.1).find(|receipt| receipt.transaction == *transaction)
    }

    /// Checks an offer against the cap, counting on its own, before the network sees it.
    pub(crate) fn check_cap(&mut self, offered: &Offered, head: u64) -> Checked {
        let Limits { gas_price_max_wei, spend_max_wei, gas_max, .. } = self.limits;
        let price = offered.terms.max_fee_wei;
        ensure(price <= gas_price_max_wei, || format!("{price} wei are offered for gas, {gas_price_max_wei} allowed"))?;
        ensure(offered.gas_limit <= gas_max, || format!("one transaction may use {} gas", offered.gas_limit))?;
        let worst = u128::from(price) * u128::from(offered.gas_limit);
        let most = self.exposed.entry(offered.nonce).or_default();
        *most = worst.max(*most);
        let open = self.exposed.range(self.nonce_final(head)..);
        let sum: u128 = open.map(|(_, worst)| *worst).sum();
        ensure(sum <= spend_max_wei, || format!("what is not final may cost {sum} wei, {spend_max_wei} allowed"))
    }

    /// Takes a transaction into the pool, or does not.
    pub(crate) fn take(&mut self, offered: Offered, faults: &mut Faults) -> Answer {
        if faults.strikes(Fault::SendLost) {
            // Some nodes say that they took it and forget it, some say nothing.
            return if faults.length_ms(0, 2) == 0 { Answer::Unreachable } else { Answer::Taken };
        }
        if offered.nonce < self.nonce() {
            return Answer::NonceTooLow;
        }
        let offers = self.pool.entry(offered.nonce).or_default();
        if offers.contains(&offered) {
            return Answer::Taken;
        }
        let tenth_more = |wei: u64| wei.saturating_add(wei / 10);
        if let Some(last) = offers.last()
            && (offered.terms.max_fee_wei < tenth_more(last.terms.max_fee_wei)
                || offered.terms.tip_wei < tenth_more(last.terms.tip_wei))
        {
            return Answer::Underpriced;
        }
        offers.push(offered);
        // It arrived, though nobody heard.
        if faults.strikes(Fault::AnswerLost) { Answer::Unreachable } else { Answer::Taken }
    }
}

/// Returns the gas that a transaction uses: three quarters of the most that it can need.
pub(crate) fn needed(part: &Part) -> u64 {
    part.gas_at_most() / 4 * 3
}

/// Reads a part that the outbox holds.
pub(crate) fn part_of(what: &[u8]) -> Result<Part, Broken> {
    Part::from_bytes(what).map_err(|_| Broken("the outbox holds bytes that are no part of a batch".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use settler::part::Chunk;
    use types::Encode as _;

    fn offered(nonce: u64, max_fee_wei: u64, gas_limit: u64) -> Offered {
        let what = Part::Chunk(Chunk { batch: 1, bytes: [1].into() }).to_bytes();
        Offered::new(nonce, gas_limit, &Offer { max_fee_wei, tip_wei: 1 }, &what)
    }

    #[test]
    fn what_is_beyond_the_cap_is_noticed_and_what_is_final_does_not_count() {
        let limits = Limits { gas_price_max_wei: 10, spend_max_wei: 1_000, gas_max: 90, ..Limits::default() };
        let mut account = Account::new(limits);
        let mut check = |offered: Offered, holds: bool| {
            assert_eq!(account.check_cap(&offered, 0).is_ok(), holds, "{offered:?}");
        };
        check(offered(0, 11, 1), false);
        check(offered(0, 1, 91), false);
        check(offered(0, 10, 60), true);
        check(offered(1, 10, 40), true);
        check(offered(2, 1, 1), false);
        account.mined(&offered(0, 10, 60), 1, Bytes32::ZERO, true);
        assert!(account.check_cap(&offered(2, 1, 1), FINAL).is_err());
        assert!(account.check_cap(&offered(2, 1, 1), FINAL + 1).is_ok());
    }
}
