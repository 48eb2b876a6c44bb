//! The demo's audit: the chain is executed again from its first block, and L1 has the last word on its root.

use super::notes::{Purse, Row, Who};
use super::steps::Walk;
use crate::error::Error;
use crate::network::Network;
use l1::Units;
use ledger::Message;
use ledger::account::{Balance, BalanceKey};
use ledger::bridge::{Cursor, asset_of, token_word};
use ledger::tally::Tally;
use proof::BlockHeader;
use state::State;
use transition::{Event, replay};
use types::{AssetId, EthAddress, Height};

/// How long one wait for a block lasts.
const POLL_MS: u64 = 500;

/// Reads base units of L1 as a number that can be subtracted.
pub fn units(units: Units) -> Result<i128, Error> {
    let units = units.to_u128().and_then(|units| i128::try_from(units).ok());
    units.ok_or_else(|| Error::failed("an L1 balance is too large to compare"))
}

/// What a replay of the whole chain gives.
struct Replayed {
    state: State,
    head: BlockHeader,
    withdrawn: Vec<ledger::Withdrawal>,
}

/// Executes every block again up to a height, believing no header.
async fn replay_chain(walk: &Walk<'_>, network: &Network, last: Height) -> Result<Replayed, Error> {
    let mut state = State::default();
    state.apply(&transition::genesis(&network.config));
    let (mut head, mut withdrawn): (Option<BlockHeader>, Vec<_>) = (None, Vec::new());
    let mut next = Height(1);
    while next <= last {
        for block in walk.client().blocks(next, POLL_MS).await? {
            if block.header.height > last {
                break;
            }
            let executed = replay(&mut state, &network.config, head.as_ref(), &block)
                .map_err(|mismatch| Error::failed(format!("the node's chain does not hold: {mismatch}")))?;
            let events = executed.receipts.into_iter().flat_map(|receipt| receipt.events);
            withdrawn.extend(events.filter_map(|event| match event {
                Event::Withdrawn(withdrawal) => Some(withdrawal),
                _ => None,
            }));
            next = block.header.height.next();
            head = Some(block.header);
        }
    }
    let head = head.ok_or_else(|| Error::failed("the chain has no block"))?;
    Ok(Replayed { state, head, withdrawn })
}

/// Compares every watched balance, and the vault with all that the ledger owes.
pub async fn run(walk: &mut Walk<'_>, network: &Network, expected: &[(Who, Purse, i128)]) -> Result<(), Error> {
    let status = walk.client().status().await?;
    let height = status.head.as_ref().map_or(Height(0), |head| head.height);
    let view = walk.settled(height).await?;
    let replayed = replay_chain(walk, network, view.batch.last).await?;
    // L1 may have settled a later batch meanwhile; the roots are compared when it stands at this one.
    let settled = walk.reader.settled().await?;
    if settled.number == view.batch.header.number && settled.state_root != replayed.state.root() {
        return Err(Error::failed("the root that L1 settled is not the one that the blocks give"));
    }
    if replayed.head.state_root != view.batch.header.state_root {
        return Err(Error::failed("the batch does not end with the root that its blocks give"));
    }
    walk.report.event(format!(
        "{} blocks executed again from genesis: the root of batch {} on L1 holds",
        replayed.head.height, view.batch.header.number
    ));
    for (who, purse, balance) in expected {
        let found = match purse {
            Purse::Ledger => ledger(&replayed.state, walk.account(*who)?, walk.asset),
            Purse::LedgerEth => ledger(&replayed.state, walk.account(*who)?, asset_of(EthAddress::ZERO)),
            Purse::L1 => walk.found(*who, *purse).await?,
        };
        let purse = match purse {
            Purse::Ledger => "TTD on the ledger",
            Purse::LedgerEth => "gwei on the ledger",
            Purse::L1 => "TTD on L1",
        };
        walk.report.rows.push(Row { what: format!("{}, {purse}", who.name()), expected: *balance, found });
    }
    let (token, asset) = (walk.token, walk.asset);
    vault(walk, &replayed, token, asset, "TTD").await?;
    vault(walk, &replayed, EthAddress::ZERO, asset_of(EthAddress::ZERO), "gwei").await
}

fn ledger(state: &State, account: types::AccountId, asset: AssetId) -> i128 {
    state.get::<Balance>(&BalanceKey { account, asset }).unwrap_or_default().quanta().into()
}

/// Compares what the vault locks of a token with all balances, all tallies, and all withdrawals not claimed yet.
async fn vault(
    walk: &mut Walk<'_>,
    replayed: &Replayed,
    token: EthAddress,
    asset: AssetId,
    name: &str,
) -> Result<(), Error> {
    let balances: i128 = replayed
        .state
        .iter::<Balance>()
        .filter(|(key, _)| key.asset == asset)
        .map(|(_, amount)| i128::from(amount.quanta()))
        .sum();
    let locked: i128 = replayed
        .state
        .iter::<Tally>()
        .filter(|(_, tally)| tally.terms.collateral == asset)
        .map(|(_, tally)| i128::from(tally.locked.quanta()))
        .sum();
    let mut unclaimed = 0;
    for withdrawal in replayed.withdrawn.iter().filter(|withdrawal| withdrawal.token == token_word(token)) {
        if !walk.reader.is_claimed(withdrawal.index).await? {
            unclaimed += i128::from(withdrawal.amount.quanta());
        }
    }
    let taken = replayed.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
    let waiting: i128 = walk
        .reader
        .messages(taken, u64::MAX)
        .await?
        .iter()
        .map(|message| match message {
            Message::Deposit(deposit) if deposit.token == token_word(token) => deposit.amount.quanta().into(),
            _ => 0,
        })
        .sum();
    let quantum = walk.reader.quantum(token).await?.map_or(Ok(1), units)?;
    let held = units(walk.reader.vault_locked(token).await?)? / quantum;
    let expected = balances + locked + unclaimed + waiting;
    walk.report.rows.push(Row {
        what: format!("vault, {name}: balances + tallies + open claims"),
        expected,
        found: held,
    });
    Ok(())
}
