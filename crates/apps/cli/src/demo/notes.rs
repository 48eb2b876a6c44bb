//! The demo's own notes: what every balance should be, by plain arithmetic that shares no code with the ledger.

use std::collections::BTreeMap;

/// Somebody whose balance is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Buys.
    Requester,
    /// Wrote the program.
    Author,
    /// Gets the chain's share and cut stakes.
    Treasury,
    /// The first local provider.
    ProviderA,
    /// The second local provider.
    ProviderB,
    /// The provider that lies.
    Liar,
}

impl Who {
    /// Returns the name that is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Author => "author",
            Self::Treasury => "treasury",
            Self::ProviderA => "provider-a",
            Self::ProviderB => "provider-b",
            Self::Liar => "liar",
        }
    }
}

/// Where value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purse {
    /// The development token on the ledger, in quanta.
    Ledger,
    /// ETH on the ledger, in gwei.
    LedgerEth,
    /// The development token on L1, in base units.
    L1,
}

/// One comparison: what the notes say and what was found.
pub struct Row {
    /// What is compared.
    pub what: String,
    /// What the notes say.
    pub expected: i128,
    /// What was found.
    pub found: i128,
}

impl Row {
    /// Says whether the two agree.
    pub fn agrees(&self) -> bool {
        self.expected == self.found
    }
}

/// What every watched balance should be.
#[derive(Default)]
pub struct Notes {
    expected: BTreeMap<(Who, Purse), i128>,
}

impl Notes {
    /// Notes a balance as it is before anything happens to it.
    pub fn begin(&mut self, who: Who, purse: Purse, balance: i128) {
        self.expected.insert((who, purse), balance);
    }

    /// Notes that a balance should change.
    pub fn change(&mut self, who: Who, purse: Purse, by: i128) {
        *self.expected.entry((who, purse)).or_default() += by;
    }

    /// Lists what is watched, with what it should be.
    pub fn expected(&self) -> impl Iterator<Item = (Who, Purse, i128)> + '_ {
        self.expected.iter().map(|((who, purse), balance)| (*who, *purse, *balance))
    }
}

/// What a verdict should pay, from the terms that everybody knows: parts per million, each share rounded down, the
/// treasury taking what is left.
pub struct Shares {
    /// Each agreeing provider.
    pub each: i128,
    /// The author.
    pub author: i128,
    /// The treasury.
    pub treasury: i128,
    /// All of it.
    pub paid: i128,
}

impl Shares {
    /// Computes the shares of `price` when `fuel` of `fuel_limit` was used.
    pub fn of(
        price: i128,
        fuel: i128,
        fuel_limit: i128,
        providers: i128,
        provider_ppm: i128,
        author_ppm: i128,
    ) -> Self {
        let paid = price * fuel / fuel_limit;
        let each = paid * provider_ppm / 1_000_000 / providers;
        let author = paid * author_ppm / 1_000_000;
        Self { each, author, treasury: paid - each * providers - author, paid }
    }
}
