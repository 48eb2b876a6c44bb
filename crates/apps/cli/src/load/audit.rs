//! The audit: the chain is executed again from its first block, and its state compared with the tool's own book, with
//! what L1 settled, and with what the gateway proves.

use super::book::{Book, Purse};
use super::plan::Crowd;
use super::progress::Progress;
use crate::error::Error;
use client::Client;
use l1::{Reader, Units};
use ledger::account::{Account, Balance, BalanceKey};
use ledger::bridge::{Cursor, asset_of, token_word};
use ledger::tally::Tally;
use ledger::{Message, Withdrawal};
use proof::BlockHeader;
use state::State;
use std::collections::BTreeMap;
use std::sync::Arc;
use transition::{ChainConfig, Event, replay};
use types::{AccountId, Digest, EthAddress, Height};

/// How long one wait for a block lasts.
const POLL_MS: u64 = 500;
/// How many questions are asked of L1 at one time.
const AT_ONCE: usize = 32;
/// Most messages of L1 that are read at one time.
const MESSAGES: u64 = 2_048;

/// Two numbers that should be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is compared.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Check {
    /// Compares.
    pub fn new(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// Says whether the two agree.
    pub fn agrees(&self) -> bool {
        self.expected == self.found
    }
}

/// A balance that is not what the book says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The number of the account; nothing for a tally.
    pub number: Option<usize>,
    /// The account, or the tally.
    pub id: String,
    /// What of it.
    pub what: String,
    /// What the book says.
    pub expected: i128,
    /// What the chain says.
    pub found: i128,
}

/// The chain, executed again as far as it was read.
pub struct Replay {
    config: ChainConfig,
    /// The state after the last block.
    pub state: State,
    head: Option<BlockHeader>,
    roots: BTreeMap<Height, Digest>,
    withdrawn: Vec<Withdrawal>,
}

impl Replay {
    /// Starts before the first block.
    pub fn new(config: ChainConfig) -> Self {
        let mut state = State::default();
        state.apply(&transition::genesis(&config));
        Self { config, state, head: None, roots: BTreeMap::new(), withdrawn: Vec::new() }
    }

    fn next(&self) -> Height {
        self.head.as_ref().map_or(Height(1), |head| head.height.next())
    }

    /// Executes every block again up to a height, believing no header.
    pub async fn run_to(&mut self, client: &Client, last: Height, progress: &Progress) -> Result<(), Error> {
        let first = self.next();
        progress.begin("blocks executed again", usize::try_from((last.0 + 1).saturating_sub(first.0)).unwrap_or(0));
        while self.next() <= last {
            let blocks = match client.blocks(self.next(), POLL_MS).await {
                Err(client::Error::Pruned(_)) => {
                    return Err(Error::failed(
                        "this gateway keeps not all blocks, and the audit needs all: name one that keeps everything",
                    ));
                }
                other => other?,
            };
            for block in blocks.iter().take_while(|block| block.header.height <= last) {
                let executed =
                    tokio::task::block_in_place(|| replay(&mut self.state, &self.config, self.head.as_ref(), block));
                let executed = executed
                    .map_err(|mismatch| Error::failed(format!("the node's chain does not hold: {mismatch}")))?;
                let events = executed.receipts.into_iter().flat_map(|receipt| receipt.events);
                self.withdrawn.extend(events.filter_map(|event| match event {
                    Event::Withdrawn(withdrawal) => Some(withdrawal),
                    _ => None,
                }));
                self.roots.insert(block.header.height, block.header.state_root);
                self.head = Some(block.header.clone());
                progress.add(1);
            }
        }
        Ok(())
    }

    /// Returns the state root after a block; nothing for one that was not executed.
    pub fn root_at(&self, height: Height) -> Option<Digest> {
        self.roots.get(&height).copied()
    }

    /// Returns the number of an account's next transaction.
    pub fn nonce(&self, account: AccountId) -> u64 {
        self.state.get::<Account>(&account).map_or(0, |record| record.nonce)
    }

    /// Returns how many messages of L1 the chain has taken.
    pub fn taken(&self) -> u64 {
        self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count)
    }
}

/// Returns what an account has.
pub fn held(state: &State, crowd: &Crowd, who: usize, purse: Purse) -> u64 {
    let key = BalanceKey { account: crowd.ids[who], asset: crowd.asset(purse) };
    state.get::<Balance>(&key).unwrap_or_default().quanta()
}

/// Returns what a tally has locked.
pub fn locked(state: &State, crowd: &Crowd, tally: usize) -> u64 {
    state.get::<Tally>(&crowd.tallies[tally]).map_or(0, |tally| tally.locked.quanta())
}

/// Compares every balance and every tally of the book with a state, and lists what differs.
pub fn compare(book: &Book, crowd: &Crowd, state: &State) -> Vec<Deviation> {
    let balances = book.balances().map(|(who, purse, expected)| Deviation {
        number: Some(who),
        id: crowd.ids[who].to_string(),
        what: purse.name(),
        expected,
        found: held(state, crowd, who, purse).into(),
    });
    let tallies = book.locked().map(|(tally, expected)| Deviation {
        number: None,
        id: crowd.tallies[tally].to_string(),
        what: format!("gwei locked in tally {tally}"),
        expected,
        found: locked(state, crowd, tally).into(),
    });
    balances.chain(tallies).filter(|each| each.expected != each.found).collect()
}

fn number(units: Units) -> Result<i128, Error> {
    let number = units.to_u128().and_then(|units| i128::try_from(units).ok());
    number.ok_or_else(|| Error::failed("an L1 balance is too large to compare"))
}

/// Reads the messages of L1 from one on.
pub async fn messages(reader: &Reader, mut from: u64) -> Result<Vec<Message>, Error> {
    let mut all = Vec::new();
    loop {
        let found = reader.messages(from, MESSAGES).await?;
        let Some(last) = found.last() else { return Ok(all) };
        from = last.index() + 1;
        all.extend(found);
    }
}

/// Compares what the vault locks of ETH with all balances, all tallies, all withdrawals not claimed yet and all deposits
/// that wait: of everybody, not only of the tool's accounts.
pub async fn vault(replay: &Replay, reader: &Arc<Reader>, progress: &Progress) -> Result<Check, Error> {
    let (eth, word) = (asset_of(EthAddress::ZERO), token_word(EthAddress::ZERO));
    let balances = replay.state.iter::<Balance>().filter(|(key, _)| key.asset == eth);
    let balances: i128 = balances.map(|(_, amount)| i128::from(amount.quanta())).sum();
    let tallies = replay.state.iter::<Tally>().filter(|(_, tally)| tally.terms.collateral == eth);
    let tallies: i128 = tallies.map(|(_, tally)| i128::from(tally.locked.quanta())).sum();
    let withdrawn: Vec<(u64, i128)> = replay
        .withdrawn
        .iter()
        .filter(|withdrawal| withdrawal.token == word)
        .map(|withdrawal| (withdrawal.index, withdrawal.amount.quanta().into()))
        .collect();
    progress.begin("withdrawals looked up on L1", withdrawn.len());
    let unclaimed = |(index, amount): (u64, i128)| {
        let (reader, progress) = (Arc::clone(reader), progress.clone());
        async move {
            progress.add(1);
            Ok(if reader.is_claimed(index).await? { 0 } else { amount })
        }
    };
    let unclaimed: i128 = progress.each(AT_ONCE, withdrawn, unclaimed).await?.into_iter().sum();
    let waiting = messages(reader, replay.taken()).await?;
    let waiting: i128 = waiting
        .iter()
        .map(|message| match message {
            Message::Deposit(deposit) if deposit.token == word => deposit.amount.quanta().into(),
            _ => 0,
        })
        .sum();
    let quantum = reader.quantum(EthAddress::ZERO).await?.map_or(Ok(1), number)?;
    let held = number(reader.vault_locked(EthAddress::ZERO).await?)?;
    let expected = (balances + tallies + unclaimed + waiting) * quantum;
    Ok(Check::new("vault on L1, wei: balances + tallies + open claims + open deposits", expected, held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::book::Deed;
    use crate::load::chance::Chance;
    use crate::load::plan::{self, Intent, Size};
    use crypto::Secret;
    use ledger::Deposit;
    use transition::{Entry, Transaction};
    use types::{Amount, Encode as _, Millis};

    fn config() -> ChainConfig {
        let text = chain::template("local");
        let file = chain::check(&text, None).expect("the template holds");
        let folder = tempfile::tempdir().expect("a folder");
        crate::network::Network::create(folder.path(), &file, None).expect("a network").config
    }

    /// Runs all that the plan has through the real rules, and returns the book with the state that came of it.
    fn run(size: &Size) -> (Book, Crowd, State) {
        let config = config();
        let (crowd, mut book) =
            (Crowd::derive(EthAddress([1; 20]), &Secret::new([2; 32]), "audit", size), Book::new(size.per_pair()));
        let (mut state, mut head, mut chance) = (State::default(), None, Chance::new(b"audit"));
        state.apply(&transition::genesis(&config));
        let held = vec![0; size.accounts];
        let mut entries = Vec::new();
        for (index, deed) in (0..).zip(plan::deposits(size, &held)) {
            let Deed::Deposit { to, amount } = deed else { panic!("a deposit") };
            let (account, amount) = (crowd.ids[to], Amount::new(amount).expect("small"));
            let token = token_word(EthAddress::ZERO);
            entries.push(Entry::Message(Message::Deposit(Deposit {
                index,
                account,
                token,
                amount,
                sender: EthAddress::ZERO,
            })));
            book.write(&deed);
        }
        let halves = plan::halves(size, &mut chance);
        let mut rest = plan::transfers(size, &mut chance);
        rest.extend([halves.split, halves.pay, halves.merge].concat());
        rest.extend(plan::withdrawals(size, &mut chance));
        let mut nonces = vec![0; size.accounts];
        let intents: Vec<Intent> = plan::fan_out(size, &held).into_iter().chain(rest).collect();
        for Intent { sender, deed, rejected } in &intents {
            let action = crowd.action(deed).expect("in range").expect("a transaction");
            let tx = Transaction::sign(&crowd.keys[*sender], &config.hash(), nonces[*sender], action);
            nonces[*sender] += 1;
            entries.push(Entry::Transaction(tx.to_bytes().into()));
            if rejected.is_none() {
                book.write(deed);
            }
        }
        for part in entries.chunks(500) {
            let executed = transition::execute(&mut state, &config, head.as_ref(), part.to_vec(), Millis(1_000));
            head = Some(executed.block.header);
        }
        (book, crowd, state)
    }

    #[test]
    fn the_book_says_what_the_ledger_does() {
        for (accounts, deposits) in [(150, 150), (150, 4), (1, 1)] {
            let size = Size { accounts, deposits, transfers: 3, each: 10_000 };
            let (book, crowd, state) = run(&size);
            assert_eq!(book.faults(), Vec::<String>::new());
            assert_eq!(compare(&book, &crowd, &state), []);
            assert!(book.balances().count() >= 2 * accounts);
        }
    }

    #[test]
    fn whatever_is_tampered_with_is_found_and_named() {
        let size = Size { accounts: 120, deposits: 120, transfers: 2, each: 10_000 };
        let (book, crowd, state) = run(&size);
        let check = |deed: Deed, named: &[(Option<usize>, &str, i128)]| {
            let mut wrong = book.clone();
            wrong.write(&deed);
            let found = compare(&wrong, &crowd, &state);
            let differs = |each: &Deviation| (each.number, each.what.clone(), each.expected - each.found);
            let named: Vec<_> = named.iter().map(|(who, what, by)| (*who, (*what).to_owned(), *by)).collect();
            assert_eq!(found.iter().map(differs).collect::<Vec<_>>(), named, "{deed:?}");
            assert!(found.iter().flat_map(|each| each.number).all(|who| {
                found.iter().any(|each| each.number == Some(who) && each.id == crowd.ids[who].to_string())
            }));
        };
        check(Deed::Deposit { to: 17, amount: 1 }, &[(Some(17), "gwei", 1)]);
        check(Deed::Withdraw { by: 99, amount: 5 }, &[(Some(99), "gwei", -5)]);
        let (from, to) = (3, 4);
        check(
            Deed::Transfer { from, to, purse: Purse::Money, amount: 2 },
            &[(Some(3), "gwei", -2), (Some(4), "gwei", 2)],
        );
        check(
            Deed::Transfer { from: 1, to: 3, purse: Purse::Foil(1), amount: 1 },
            &[(Some(1), "FOIL of tally 1", -1), (Some(3), "FOIL of tally 1", 1)],
        );
        let locked = size.per_pair().into();
        check(
            Deed::Split { by: 8, tally: 0, pairs: 1 },
            &[
                (Some(8), "gwei", -i128::from(size.per_pair())),
                (Some(8), "STOCK of tally 0", 1),
                (Some(8), "FOIL of tally 0", 1),
                (None, "gwei locked in tally 0", locked),
            ],
        );
        check(Deed::Transfer { from: 5, to: 5, purse: Purse::Money, amount: 9 }, &[]);
    }
}
