//! The tool's own book: what every balance should be, from what was done and by plain arithmetic that shares no code
//! with the ledger.

use std::collections::BTreeMap;

/// Something that can be held. Tallies are numbered as the tool opens them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purse {
    /// ETH, in gwei.
    Money,
    /// STOCK of a tally.
    Stock(usize),
    /// FOIL of a tally.
    Foil(usize),
}

impl Purse {
    /// Returns the name that is shown.
    pub fn name(self) -> String {
        match self {
            Self::Money => "gwei".to_owned(),
            Self::Stock(tally) => format!("STOCK of tally {tally}"),
            Self::Foil(tally) => format!("FOIL of tally {tally}"),
        }
    }
}

/// Something that was done. Accounts are numbered as the tool derives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Value came in from L1.
    Deposit {
        /// Who was credited.
        to: usize,
        /// How much.
        amount: u64,
    },
    /// Value moved.
    Transfer {
        /// From whom.
        from: usize,
        /// To whom.
        to: usize,
        /// What.
        purse: Purse,
        /// How much.
        amount: u64,
    },
    /// Money was locked, and both halves handed to who locked it.
    Split {
        /// Who.
        by: usize,
        /// In which tally.
        tally: usize,
        /// How many pairs.
        pairs: u64,
    },
    /// Both halves were joined, and their money handed back.
    Merge {
        /// Who.
        by: usize,
        /// Of which tally.
        tally: usize,
        /// How many pairs.
        pairs: u64,
    },
    /// Value left for L1.
    Withdraw {
        /// Whose.
        by: usize,
        /// How much.
        amount: u64,
    },
}

/// What everybody should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    per_pair: i128,
    balances: BTreeMap<(usize, Purse), i128>,
    locked: BTreeMap<usize, i128>,
    /// All money that ever was in the book, less what left it.
    owed: i128,
}

impl Book {
    /// Opens a book in which a pair locks so much money.
    pub fn new(per_pair: u64) -> Self {
        Self { per_pair: per_pair.into(), balances: BTreeMap::new(), locked: BTreeMap::new(), owed: 0 }
    }

    /// Notes what somebody had before the first deed.
    pub fn begin(&mut self, who: usize, purse: Purse, balance: u64) {
        self.change(who, purse, balance.into());
        if purse == Purse::Money {
            self.owed += i128::from(balance);
        }
    }

    /// Notes what a tally had locked before the first deed.
    pub fn begin_locked(&mut self, tally: usize, amount: u64) {
        *self.locked.entry(tally).or_default() += i128::from(amount);
        self.owed += i128::from(amount);
    }

    fn change(&mut self, who: usize, purse: Purse, by: i128) {
        *self.balances.entry((who, purse)).or_default() += by;
    }

    /// Writes a deed down.
    pub fn write(&mut self, deed: &Deed) {
        match *deed {
            Deed::Deposit { to, amount } => {
                self.change(to, Purse::Money, amount.into());
                self.owed += i128::from(amount);
            }
            Deed::Transfer { from, to, purse, amount } => {
                self.change(from, purse, -i128::from(amount));
                self.change(to, purse, amount.into());
            }
            Deed::Split { by, tally, pairs } => self.pairs(by, tally, pairs.into()),
            Deed::Merge { by, tally, pairs } => self.pairs(by, tally, -i128::from(pairs)),
            Deed::Withdraw { by, amount } => {
                self.change(by, Purse::Money, -i128::from(amount));
                self.owed -= i128::from(amount);
            }
        }
    }

    /// Makes pairs out of money, or the other way when there are fewer than none.
    fn pairs(&mut self, by: usize, tally: usize, pairs: i128) {
        let money = pairs * self.per_pair;
        self.change(by, Purse::Money, -money);
        self.change(by, Purse::Stock(tally), pairs);
        self.change(by, Purse::Foil(tally), pairs);
        *self.locked.entry(tally).or_default() += money;
    }

    /// Returns what somebody should have.
    pub fn balance(&self, who: usize, purse: Purse) -> i128 {
        self.balances.get(&(who, purse)).copied().unwrap_or_default()
    }

    /// Lists every balance that ever changed.
    pub fn balances(&self) -> impl Iterator<Item = (usize, Purse, i128)> + '_ {
        self.balances.iter().map(|((who, purse), balance)| (*who, *purse, *balance))
    }

    /// Lists what the tallies should have locked.
    pub fn locked(&self) -> impl Iterator<Item = (usize, i128)> + '_ {
        self.locked.iter().map(|(tally, amount)| (*tally, *amount))
    }

    /// Says what breaks the laws of the book itself: money is conserved, every pair is whole and covered, and nobody has
    /// less than nothing.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let sum = |of: Purse| self.balances().filter(|(_, purse, _)| *purse == of).map(|(.., balance)| balance).sum();
        let (held, locked): (i128, i128) = (sum(Purse::Money), self.locked.values().sum());
        if held + locked != self.owed {
            faults.push(format!("{held} held and {locked} locked are not the {} that came in", self.owed));
        }
        for (tally, locked) in self.locked() {
            let (stock, foil): (i128, i128) = (sum(Purse::Stock(tally)), sum(Purse::Foil(tally)));
            if stock != foil || stock * self.per_pair != locked {
                faults.push(format!("tally {tally} locks {locked} for {stock} STOCK and {foil} FOIL"));
            }
        }
        let negative = self.balances().filter(|(.., balance)| *balance < 0);
        faults.extend(
            negative.map(|(who, purse, balance)| format!("account {who} would have {balance} {}", purse.name())),
        );
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::chance::Chance;

    fn any_deed(chance: &mut Chance) -> Deed {
        let (a, b, tally) = (chance.index(5), chance.index(5), chance.index(2));
        let amount = chance.between(1, 50);
        match chance.index(6) {
            0 => Deed::Deposit { to: a, amount: 1_000 + amount },
            1 => Deed::Split { by: a, tally, pairs: amount },
            2 => Deed::Merge { by: a, tally, pairs: amount },
            3 => Deed::Withdraw { by: a, amount },
            4 => Deed::Transfer { from: a, to: b, purse: Purse::Stock(tally), amount },
            _ => Deed::Transfer { from: a, to: b, purse: Purse::Money, amount },
        }
    }

    #[test]
    fn whatever_is_done_value_is_conserved() {
        let mut chance = Chance::new(b"conserved");
        let (mut book, mut done) = (Book::new(7), 0);
        book.begin(3, Purse::Money, 500);
        for _ in 0..20_000 {
            let mut next = book.clone();
            next.write(&any_deed(&mut chance));
            // What the ledger would refuse is not done.
            if next.balances().all(|(.., balance)| balance >= 0) {
                book = next;
                done += 1;
            }
            assert_eq!(book.faults(), Vec::<String>::new());
        }
        assert!(done > 10_000, "{done} deeds were done");
    }

    #[test]
    fn a_book_that_does_not_add_up_says_so() {
        let mut book = Book::new(10);
        book.begin_locked(0, 20);
        assert_eq!(book.faults(), ["tally 0 locks 20 for 0 STOCK and 0 FOIL"]);
        book.begin(1, Purse::Stock(0), 2);
        book.begin(2, Purse::Foil(0), 2);
        assert_eq!(book.faults(), Vec::<String>::new());
        book.write(&Deed::Withdraw { by: 4, amount: 3 });
        assert_eq!(book.faults(), ["account 4 would have -3 gwei"]);
        book.owed += 1;
        assert_eq!(book.faults()[0], "-3 held and 20 locked are not the 18 that came in");
    }

    #[test]
    fn pairs_lock_money_and_give_it_back() {
        let mut book = Book::new(10);
        book.write(&Deed::Deposit { to: 0, amount: 100 });
        book.write(&Deed::Split { by: 0, tally: 1, pairs: 6 });
        book.write(&Deed::Transfer { from: 0, to: 1, purse: Purse::Stock(1), amount: 2 });
        book.write(&Deed::Merge { by: 0, tally: 1, pairs: 4 });
        let of = |who| [Purse::Money, Purse::Stock(1), Purse::Foil(1)].map(|purse| book.balance(who, purse));
        assert_eq!((of(0), of(1)), ([80, 0, 2], [0, 2, 0]));
        assert_eq!((book.locked().collect::<Vec<_>>(), book.owed), (vec![(1, 20)], 100));
    }
}
