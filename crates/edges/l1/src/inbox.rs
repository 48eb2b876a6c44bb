//! Deposits as the logs tell them, believed only when they add up to the hash that the contract keeps.

use crate::abi::Rollup;
use crate::chain::{Chain, Contracts, View};
use crate::convert::{address, our_address, our_digest, our_word};
use crate::error::Error;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent as _;
use ledger::Deposit;
use std::ops::Range;
use types::{AccountId, Amount, Bytes32};

/// Most blocks searched with one question.
pub const BLOCKS_PER_QUERY: u64 = 2_000;

/// Returns how many deposits were queued by a block; `None` before the contract's first.
pub async fn count(chain: &Chain, contracts: &Contracts, view: &View) -> Result<Option<u64>, Error> {
    chain.read_at(&contracts.rollup, &Rollup::inboxCountCall {}, view.id).await
}

/// Returns the rolling hash after this many deposits, which must be queued by that block.
pub async fn hash(chain: &Chain, contracts: &Contracts, view: &View, count: u64) -> Result<Bytes32, Error> {
    let found = chain.read_at(&contracts.rollup, &Rollup::inboxHashCall { count }, view.id).await?;
    found.map(our_word).ok_or(Error::NoCode { address: contracts.rollup })
}

/// Deposits and the block of the last of them.
pub struct Found {
    pub deposits: Vec<Deposit>,
    pub block: u64,
}

/// Finds the deposits with these indices. All of them must be in blocks from `first_block` to the view's.
pub async fn search(
    chain: &Chain,
    contracts: &Contracts,
    view: &View,
    first_block: u64,
    wanted: Range<u64>,
) -> Result<Found, Error> {
    let filter =
        Filter::new().address(address(&contracts.rollup)).event_signature(Rollup::DepositQueued::SIGNATURE_HASH);
    let mut found = Found { deposits: Vec::new(), block: first_block };
    let (mut next, mut at) = (wanted.start, first_block);
    while next < wanted.end && at <= view.block {
        let last = view.block.min(at.saturating_add(BLOCKS_PER_QUERY - 1));
        for log in chain.logs(&filter, at, last).await? {
            let deposit = read(&log)?;
            if deposit.index >= wanted.end {
                break;
            }
            if deposit.index < wanted.start {
                continue;
            }
            if deposit.index != next {
                return Err(missing(next));
            }
            next += 1;
            found.block = log.block_number.unwrap_or(found.block);
            found.deposits.push(deposit);
        }
        at = last.saturating_add(1);
    }
    if next == wanted.end { Ok(found) } else { Err(missing(next)) }
}

/// Checks that deposits lead from one rolling hash to another. This is what makes logs trustworthy: changing, adding
/// or leaving out any of them needs a collision of keccak-256, or a lie about the contract's state as well.
pub fn check(deposits: &[Deposit], before: &Bytes32, after: &Bytes32) -> Result<(), Error> {
    if deposits.iter().fold(*before, |hash, deposit| deposit.hash_after(&hash)) == *after {
        return Ok(());
    }
    let first = deposits.first().map_or(0, |deposit| deposit.index);
    Err(Error::Inconsistent { what: format!("deposits from {first} on do not add up to the inbox's hash") })
}

fn missing(index: u64) -> Error {
    Error::Inconsistent { what: format!("deposit {index} is queued but not among the logs") }
}

fn read(log: &Log) -> Result<Deposit, Error> {
    let no_deposit = || Error::Inconsistent { what: "a log is no deposit".to_owned() };
    let event = Rollup::DepositQueued::decode_log_data_validate(&log.inner.data).map_err(|_| no_deposit())?;
    Ok(Deposit {
        index: event.index,
        account: AccountId(our_digest(event.account, "a deposit's account")?),
        token: our_address(event.token),
        amount: Amount::new(event.amount).map_err(|_| no_deposit())?,
        sender: our_address(event.sender),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Digest, EthAddress};

    fn deposits() -> Vec<Deposit> {
        let deposit = |index| Deposit {
            index,
            account: AccountId(Digest::new([9, index, 0, 1]).unwrap()),
            token: EthAddress([3; 20]),
            amount: Amount::new(10 + index).unwrap(),
            sender: EthAddress([4; 20]),
        };
        (5..9).map(deposit).collect()
    }

    #[test]
    fn a_forged_missing_or_swapped_deposit_does_not_add_up() {
        let (good, before) = (deposits(), Bytes32([1; 32]));
        let after = good.iter().fold(before, |hash, deposit| deposit.hash_after(&hash));
        assert!(check(&good, &before, &after).is_ok());
        let forgeries: [fn(&mut Vec<Deposit>); 7] = [
            |d| d[1].amount = Amount::ZERO,
            |d| d[1].account = AccountId(Digest::ZERO),
            |d| d[1].token = EthAddress::ZERO,
            |d| d[1].sender = EthAddress::ZERO,
            |d| d[1].index = 0,
            |d| d.swap(1, 2),
            |d| d.truncate(3),
        ];
        for forge in forgeries {
            let mut bad = good.clone();
            forge(&mut bad);
            assert!(matches!(check(&bad, &before, &after), Err(Error::Inconsistent { .. })), "{bad:?}");
        }
    }
}
