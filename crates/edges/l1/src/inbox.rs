//! Messages as the logs tell them, believed only when they add up to the hash that the contract keeps.

use crate::abi::Rollup;
use crate::chain::{Chain, Contracts, View};
use crate::convert::{address, our_address, our_digest, our_word};
use crate::error::Error;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent as _;
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Message};
use std::ops::Range;
use types::{AccountId, ActionElements, Amount, Bytes32};

/// Most blocks searched with one question.
pub const BLOCKS_PER_QUERY: u64 = 2_000;

/// Returns how many messages were queued by a block; `None` before the contract's first.
pub async fn count(chain: &Chain, contracts: &Contracts, view: &View) -> Result<Option<u64>, Error> {
    chain.read_at(&contracts.rollup, &Rollup::inboxCountCall {}, view.id).await
}

/// Returns the rolling hash after this many messages, which must be queued by that block.
pub async fn hash(chain: &Chain, contracts: &Contracts, view: &View, count: u64) -> Result<Bytes32, Error> {
    let found = chain.read_at(&contracts.rollup, &Rollup::inboxHashCall { count }, view.id).await?;
    found.map(our_word).ok_or(Error::NoCode { address: contracts.rollup })
}

/// Messages and the block of the last of them.
pub struct Found {
    pub messages: Vec<Message>,
    pub block: u64,
}

/// Finds the messages with these indices. All of them must be in blocks from `first_block` to the view's.
pub async fn search(
    chain: &Chain,
    contracts: &Contracts,
    view: &View,
    first_block: u64,
    wanted: Range<u64>,
) -> Result<Found, Error> {
    let kinds = vec![
        Rollup::DepositQueued::SIGNATURE_HASH,
        Rollup::WithdrawalForced::SIGNATURE_HASH,
        Rollup::ActionForced::SIGNATURE_HASH,
    ];
    let filter = Filter::new().address(address(&contracts.rollup)).event_signature(kinds);
    let mut found = Found { messages: Vec::new(), block: first_block };
    let (mut next, mut at) = (wanted.start, first_block);
    while next < wanted.end && at <= view.block {
        let last = view.block.min(at.saturating_add(BLOCKS_PER_QUERY - 1));
        for log in chain.logs(&filter, at, last).await? {
            let message = read(&log)?;
            if message.index() >= wanted.end {
                break;
            }
            if message.index() < wanted.start {
                continue;
            }
            if message.index() != next {
                return Err(missing(next));
            }
            next += 1;
            found.block = log.block_number.unwrap_or(found.block);
            found.messages.push(message);
        }
        at = last.saturating_add(1);
    }
    if next == wanted.end { Ok(found) } else { Err(missing(next)) }
}

/// Checks that messages lead from one rolling hash to another. This is what makes logs trustworthy: changing, adding
/// or leaving out any of them needs a collision of keccak-256, or a lie about the contract's state as well.
pub fn check(messages: &[Message], before: &Bytes32, after: &Bytes32) -> Result<(), Error> {
    if messages.iter().fold(*before, |hash, message| message.hash_after(&hash)) == *after {
        return Ok(());
    }
    let first = messages.first().map_or(0, Message::index);
    Err(Error::Inconsistent { what: format!("messages from {first} on do not add up to the inbox's hash") })
}

fn missing(index: u64) -> Error {
    Error::Inconsistent { what: format!("message {index} is queued but not among the logs") }
}

fn read(log: &Log) -> Result<Message, Error> {
    let data = &log.inner.data;
    let none = || Error::Inconsistent { what: "a log is no message of the inbox".to_owned() };
    match data.topics().first() {
        Some(&Rollup::DepositQueued::SIGNATURE_HASH) => {
            let event = Rollup::DepositQueued::decode_log_data_validate(data).map_err(|_| none())?;
            Ok(Message::Deposit(Deposit {
                index: event.index,
                account: AccountId(our_digest(event.account, "a deposit's account")?),
                token: our_word(event.token),
                amount: Amount::new(event.amount).map_err(|_| none())?,
                sender: our_address(event.sender),
            }))
        }
        Some(&Rollup::WithdrawalForced::SIGNATURE_HASH) => {
            let event = Rollup::WithdrawalForced::decode_log_data_validate(data).map_err(|_| none())?;
            Ok(Message::Withdrawal(ForcedWithdrawal {
                index: event.index,
                account: AccountId(our_digest(event.account, "a forced withdrawal's account")?),
                token: our_word(event.token),
                amount: Amount::new(event.amount).map_err(|_| none())?,
                recipient: our_address(event.recipient),
            }))
        }
        Some(&Rollup::ActionForced::SIGNATURE_HASH) => {
            let event = Rollup::ActionForced::decode_log_data_validate(data).map_err(|_| none())?;
            let account = AccountId(our_digest(event.account, "a forced action's account")?);
            let elements = ActionElements::new(event.elements).ok_or_else(none)?;
            Ok(Message::Action(ForcedAction { index: event.index, account, elements }))
        }
        _ => Err(none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Digest, EthAddress};

    fn messages() -> Vec<Message> {
        let (account, token) = (AccountId(Digest::new([9, 1, 0, 1]).unwrap()), Bytes32([3; 32]));
        let amount = Amount::new(10).unwrap();
        let party = EthAddress([4; 20]);
        vec![
            Message::Deposit(Deposit { index: 5, account, token, amount, sender: party }),
            Message::Withdrawal(ForcedWithdrawal { index: 6, account, token, amount, recipient: party }),
            Message::Action(ForcedAction { index: 7, account, elements: ActionElements::new([3; 14]).unwrap() }),
            Message::Deposit(Deposit { index: 8, account, token, amount, sender: party }),
        ]
    }

    #[test]
    fn a_forged_missing_or_swapped_message_does_not_add_up() {
        let (good, before) = (messages(), Bytes32([1; 32]));
        let after = good.iter().fold(before, |hash, message| message.hash_after(&hash));
        assert!(check(&good, &before, &after).is_ok());
        let [Message::Deposit(deposit), Message::Withdrawal(withdrawal), Message::Action(action), _] = &good[..] else {
            panic!("as made above")
        };
        let forgeries = [
            (0, Message::Deposit(Deposit { amount: Amount::ZERO, ..deposit.clone() })),
            (0, Message::Deposit(Deposit { account: AccountId(Digest::ZERO), ..deposit.clone() })),
            (0, Message::Deposit(Deposit { token: Bytes32::ZERO, ..deposit.clone() })),
            (0, Message::Deposit(Deposit { sender: EthAddress::ZERO, ..deposit.clone() })),
            (0, Message::Deposit(Deposit { index: 0, ..deposit.clone() })),
            (0, Message::Withdrawal(ForcedWithdrawal { index: 5, ..withdrawal.clone() })),
            (1, Message::Deposit(Deposit { index: 6, ..deposit.clone() })),
            (1, Message::Withdrawal(ForcedWithdrawal { recipient: EthAddress::ZERO, ..withdrawal.clone() })),
            (2, Message::Action(ForcedAction { account: AccountId(Digest::ZERO), ..action.clone() })),
            (2, Message::Action(ForcedAction { elements: ActionElements::default(), ..action.clone() })),
        ];
        let replaced = forgeries.into_iter().map(|(at, forged)| {
            let mut bad = good.clone();
            bad[at] = forged;
            bad
        });
        let swapped = [1, 0, 2, 3].map(|at| good[at].clone()).to_vec();
        for bad in replaced.chain([swapped, good[..3].to_vec()]) {
            assert!(matches!(check(&bad, &before, &after), Err(Error::Inconsistent { .. })), "{bad:?}");
        }
    }
}
