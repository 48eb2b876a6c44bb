//! Who takes part and what each does: all of it follows from the seed.

use super::book::{Deed, Purse};
use super::chance::Chance;
use crypto::Secret;
use crypto::account::{SecretKey, owned_by};
use crypto::eth::keccak;
use ledger::account::Transfer;
use ledger::bridge::asset_of;
use ledger::tally::{Merge, Resolver, Split};
use ledger::{Half, Terms, Withdraw};
use transition::Action;
use types::{AccountId, Amount, AssetId, EthAddress, Millis, Overflow, Ppm, TallyId};

/// How many accounts share a tally.
const SHARE: usize = 100;
/// Every so many transfers one asks for more than there is, and must be refused.
const OVERDRAFT_EVERY: usize = 97;
/// How much it asks for: more ETH than there is.
const OVERDRAFT: u64 = 1 << 61;
/// Into how many pairs the money of an account could be split.
const PAIRS: u64 = 1_000;
/// How many of them an account splits at most.
const PAIRS_MOST: u64 = 200;
/// The year 2100, in milliseconds. A tally that an interrupted run leaves behind stays open to be merged.
const FAR: Millis = Millis(4_102_444_800_000);

/// How much is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// How many accounts.
    pub accounts: usize,
    /// How many of them are given a deposit of their own; they pay the others.
    pub deposits: usize,
    /// How many transfers each signs.
    pub transfers: usize,
    /// What each has before it begins, in gwei.
    pub each: u64,
}

impl Size {
    /// Returns the least that an account must have for its part.
    pub fn each_least(&self) -> u64 {
        // Of every transfer at least one gwei, from a quarter of what it has.
        (4 * u64::try_from(self.transfers).unwrap_or(u64::MAX / 4)).max(PAIRS)
    }

    /// Returns what a pair locks.
    pub fn per_pair(&self) -> u64 {
        self.each / PAIRS
    }

    /// Returns how many tallies there are.
    pub fn tallies(&self) -> usize {
        self.accounts.div_ceil(SHARE)
    }

    /// Returns the tally of an account.
    pub fn tally_of(&self, who: usize) -> usize {
        who % self.tallies()
    }

    /// Returns the next account with the same tally.
    fn neighbour(&self, who: usize) -> usize {
        let next = who + self.tallies();
        if next < self.accounts { next } else { self.tally_of(who) }
    }
}

/// Something that is to be done, and what must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Who signs.
    pub sender: usize,
    /// What is to be done.
    pub deed: Deed,
    /// The code that it must be rejected with; `None` when it must be applied.
    pub rejected: Option<u32>,
}

impl Intent {
    fn new(sender: usize, deed: Deed) -> Self {
        Self { sender, deed, rejected: None }
    }
}

/// The accounts with their keys, and the tallies that they share.
pub struct Crowd {
    /// The keys.
    pub keys: Vec<SecretKey>,
    /// The accounts.
    pub ids: Vec<AccountId>,
    /// The tallies.
    pub tallies: Vec<TallyId>,
    terms: Vec<Terms>,
    money: AssetId,
    funder: EthAddress,
}

impl Crowd {
    /// Derives everybody. The funder's key is part of every key: nobody else finds the accounts again.
    pub fn derive(funder: EthAddress, secret: &Secret<[u8; 32]>, seed: &str, size: &Size) -> Self {
        let key = |index: usize| {
            let index = u64::try_from(index).unwrap_or(u64::MAX).to_be_bytes();
            let parts: [&[u8]; 4] = [b"talea load v1", secret.expose_secret(), &index, seed.as_bytes()];
            SecretKey::from_seed(keccak(&parts).0).owned_by(funder)
        };
        let keys: Vec<_> = (0..size.accounts).map(key).collect();
        let ids: Vec<_> = keys.iter().map(SecretKey::account).collect();
        let money = asset_of(EthAddress::ZERO);
        // Other accounts agree on other tallies: nobody outside holds halves of these.
        let subject = |tally: usize| {
            let text = format!("talea load {seed} {} {tally} {}", size.accounts, ids[tally]);
            owned_by(&keccak(&[text.as_bytes()])).0
        };
        let terms = |tally: usize| Terms {
            subject: subject(tally),
            collateral: money,
            per_pair: Amount::new(size.per_pair()).unwrap_or(Amount::MAX),
            floor: 0,
            cap: 1,
            resolver: Resolver::Account(ids[tally]),
            resolve_after: Millis(0),
            refund_after: FAR,
            refund_stock: Ppm(500_000),
        };
        let terms: Vec<_> = (0..size.tallies()).map(terms).collect();
        let tallies = terms.iter().map(Terms::id).collect();
        Self { keys, ids, tallies, terms, money, funder }
    }

    /// Returns the asset that is in a purse.
    pub fn asset(&self, purse: Purse) -> AssetId {
        match purse {
            Purse::Money => self.money,
            Purse::Stock(tally) => Half::Stock.asset(self.tallies[tally]),
            Purse::Foil(tally) => Half::Foil.asset(self.tallies[tally]),
        }
    }

    /// Returns what asks the chain for a deed; nothing for a deposit, which L1 is asked for.
    pub fn action(&self, deed: &Deed) -> Result<Option<Action>, Overflow> {
        Ok(match *deed {
            Deed::Deposit { .. } => None,
            Deed::Transfer { to, purse, amount, .. } => {
                let (to, asset, amount) = (self.ids[to], self.asset(purse), Amount::new(amount)?);
                Some(Action::Transfer(Transfer { to, asset, amount }))
            }
            Deed::Split { by, tally, pairs } => {
                let (terms, holder) = (self.terms[tally].clone(), self.ids[by]);
                Some(Action::Split(Split { terms, pairs: Amount::new(pairs)?, stock: holder, foil: holder }))
            }
            Deed::Merge { tally, pairs, .. } => {
                Some(Action::Merge(Merge { tally: self.tallies[tally], pairs: Amount::new(pairs)? }))
            }
            Deed::Withdraw { amount, .. } => {
                let (asset, amount) = (self.money, Amount::new(amount)?);
                Some(Action::Withdraw(Withdraw { asset, amount, recipient: self.funder }))
            }
        })
    }
}

/// Plans the deposits: what each account lacks, and for the first of them also what the others lack whom they pay.
pub fn deposits(size: &Size, held: &[u64]) -> Vec<Deed> {
    let mut amounts = vec![0; size.deposits];
    for (who, held) in held.iter().enumerate() {
        amounts[who % size.deposits] += size.each.saturating_sub(*held);
    }
    let lacking = amounts.into_iter().enumerate().filter(|(_, amount)| *amount > 0);
    lacking.map(|(to, amount)| Deed::Deposit { to, amount }).collect()
}

/// Plans what the accounts with a deposit pay to the others.
pub fn fan_out(size: &Size, held: &[u64]) -> Vec<Intent> {
    let others = held.iter().enumerate().skip(size.deposits);
    let lacking = others.map(|(to, held)| (to, size.each.saturating_sub(*held))).filter(|(_, amount)| *amount > 0);
    let pay = |(to, amount)| {
        let from = to % size.deposits;
        Intent::new(from, Deed::Transfer { from, to, purse: Purse::Money, amount })
    };
    lacking.map(pay).collect()
}

/// Plans the transfers: in every round each account pays another, and now and then one asks for too much.
pub fn transfers(size: &Size, chance: &mut Chance) -> Vec<Intent> {
    let most = size.each / 4 / u64::try_from(size.transfers.max(1)).unwrap_or(u64::MAX);
    let places = (0..size.transfers).flat_map(|_| 0..size.accounts);
    let plan = |(at, from): (usize, usize)| {
        let (to, amount) = (chance.index(size.accounts), chance.between(1, most));
        let transfer = |amount| Deed::Transfer { from, to, purse: Purse::Money, amount };
        if at % OVERDRAFT_EVERY == OVERDRAFT_EVERY - 1 {
            let rejected = Some(ledger::Reject::InsufficientBalance.code());
            return Intent { sender: from, deed: transfer(OVERDRAFT), rejected };
        }
        Intent::new(from, transfer(amount))
    };
    places.enumerate().map(plan).collect()
}

/// What the accounts do with a tally, one step after the other.
pub struct Halves {
    /// Each locks money.
    pub split: Vec<Intent>,
    /// Each pays its neighbour some STOCK.
    pub pay: Vec<Intent>,
    /// Each joins halves that it has still.
    pub merge: Vec<Intent>,
}

/// Plans the splits, the transfers of halves, and the merges.
pub fn halves(size: &Size, chance: &mut Chance) -> Halves {
    let mut plan = Halves { split: Vec::new(), pay: Vec::new(), merge: Vec::new() };
    for by in 0..size.accounts {
        let (tally, to) = (size.tally_of(by), size.neighbour(by));
        let pairs = chance.between(2, PAIRS_MOST);
        let amount = chance.between(1, pairs / 2);
        let joined = chance.between(1, pairs - amount);
        plan.split.push(Intent::new(by, Deed::Split { by, tally, pairs }));
        plan.pay.push(Intent::new(by, Deed::Transfer { from: by, to, purse: Purse::Stock(tally), amount }));
        plan.merge.push(Intent::new(by, Deed::Merge { by, tally, pairs: joined }));
    }
    plan
}

/// Plans the withdrawals.
pub fn withdrawals(size: &Size, chance: &mut Chance) -> Vec<Intent> {
    let mut plan = |by| Intent::new(by, Deed::Withdraw { by, amount: chance.between(size.each / 10, size.each / 4) });
    (0..size.accounts).map(&mut plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::book::Book;

    fn size(accounts: usize, deposits: usize) -> Size {
        Size { accounts, deposits, transfers: 3, each: 10_000 }
    }

    /// Writes everything that must be applied into a book, in the worst order for the senders: nobody is paid before all
    /// have paid. Nobody may ever lack anything.
    fn check(size: &Size, held: &[u64]) {
        let (mut book, mut chance) = (Book::new(size.per_pair()), Chance::new(b"plan"));
        held.iter().enumerate().for_each(|(who, held)| book.begin(who, Purse::Money, *held));
        deposits(size, held).iter().for_each(|deed| book.write(deed));
        let Halves { split, pay, merge } = halves(size, &mut chance);
        let rest = [transfers(size, &mut chance), split, pay, merge, withdrawals(size, &mut chance)];
        for intents in [fan_out(size, held)].into_iter().chain(rest) {
            let applied = || intents.iter().filter(|intent| intent.rejected.is_none());
            let mut paid = book.clone();
            for intent in applied() {
                if let Deed::Transfer { from, purse, amount, .. } = intent.deed {
                    // To nobody of the crowd: what is received does not help.
                    paid.write(&Deed::Transfer { from, to: usize::MAX, purse, amount });
                }
            }
            assert_eq!(paid.faults(), Vec::<String>::new());
            applied().for_each(|intent| book.write(&intent.deed));
            assert_eq!(book.faults(), Vec::<String>::new());
        }
        let poorest = (0..size.accounts).map(|who| book.balance(who, Purse::Money)).min();
        assert!(poorest > Some(0), "{poorest:?}");
    }

    #[test]
    fn nobody_plans_to_pay_what_it_may_not_have() {
        check(&size(250, 250), &[0; 250]);
        check(&size(250, 7), &[0; 250]);
        check(&size(1, 1), &[0]);
        check(&size(101, 101), &[0; 101]);
        let partly: Vec<u64> = (0..250).map(|n| n * 80).collect();
        check(&size(250, 250), &partly);
        check(&size(250, 3), &partly);
    }

    #[test]
    fn an_overdraft_is_planned_now_and_then() {
        let intents = transfers(&size(97, 97), &mut Chance::new(b"x"));
        let bad: Vec<_> = intents.iter().filter(|intent| intent.rejected.is_some()).collect();
        assert_eq!((intents.len(), bad.len()), (291, 3));
        assert!(bad.iter().all(|intent| intent.rejected == Some(100)));
    }

    #[test]
    fn an_account_is_found_again_only_with_the_same_key_and_seed() {
        let derive = |secret: u8, seed: &str| {
            let crowd = Crowd::derive(EthAddress([1; 20]), &Secret::new([secret; 32]), seed, &size(3, 3));
            (crowd.ids, crowd.tallies)
        };
        assert_eq!(derive(1, "a"), derive(1, "a"));
        assert_ne!(derive(1, "a").0, derive(2, "a").0);
        assert_ne!(derive(1, "a").0, derive(1, "b").0);
        assert_ne!(derive(1, "a").1, derive(1, "b").1);
    }
}
