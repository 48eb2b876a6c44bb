//! `settlement.json`: a batch as the contracts see it. The contracts' golden test replays it.

use crate::chain::{ALICE, BOB, Chain, ETH, L1_CHAIN_ID, ROLLUP, TOKEN, members};
use crate::hex;
use crypto::list;
use ledger::{Deposit, Withdrawal};
use proof::committee::evidence;
use proof::{BatchHeader, Domain};
use serde_json::{Value, json};
use transition::Batch;
use types::Bytes32;

/// Returns a chain whose second batch has three withdrawals, so that its numbers are not those of a fresh chain.
fn batch() -> (Chain, Batch) {
    let mut chain = Chain::new();
    chain.deposit(ALICE, ETH, 5_000_000_000);
    chain.deposit(BOB, TOKEN, 1_000_000);
    chain.withdraw(ALICE, ETH, 1);
    let first = chain.seal(None, 0);
    let from = chain.blocks.len();
    chain.deposit(ALICE, TOKEN, 250_000_000);
    chain.deposit(BOB, ETH, 40_000_000_000_000);
    chain.withdraw(ALICE, TOKEN, 1_500_000);
    chain.withdraw(BOB, ETH, 7_000_000_001);
    chain.withdraw(ALICE, ETH, 4_999_999_999);
    let second = chain.seal(Some(&first), from);
    (chain, second)
}

pub fn vector() -> Value {
    let (chain, batch) = batch();
    let domain = Domain { chain_id: L1_CHAIN_ID, rollup: ROLLUP };
    let digest = batch.header.digest(&domain);
    let committee = &chain.config.committee;
    // One more than the threshold could stand here; the threshold itself is the harder case.
    let signatures: Vec<_> = members().iter().skip(1).map(|key| (key.address(), key.sign(&digest))).collect();
    let signatures = evidence(&signatures);
    committee.accepts(&digest, &signatures).expect("the committee accepts its own members' signatures");
    json!({
        "chain_id": domain.chain_id,
        "rollup": domain.rollup,
        "header": header(&batch.header),
        "domain_separator": domain.separator(),
        "digest": digest,
        "inbox": inbox(&chain.inbox, &batch.header),
        "withdrawals": withdrawals(&batch.withdrawals),
        "withdrawals_root": batch.header.withdrawals_root,
        "committee": {
            "members": committee.members,
            "threshold": committee.threshold,
            "signatures": hex(&signatures),
        },
    })
}

fn header(header: &BatchHeader) -> Value {
    json!({
        "config_hash": header.config_hash,
        "number": header.number,
        "parent_root": header.parent_root,
        "state_root": header.state_root,
        "inbox_count": header.inbox_count,
        "inbox_hash": header.inbox_hash,
        "withdrawals_root": header.withdrawals_root,
        "data_root": header.data_root,
    })
}

fn inbox(deposits: &[Deposit], header: &BatchHeader) -> Vec<Value> {
    let mut hash = Bytes32::ZERO;
    let mut messages = Vec::new();
    for deposit in deposits {
        hash = deposit.hash_after(&hash);
        messages.push(json!({
            "account": deposit.account,
            "token": deposit.token,
            "amount": deposit.amount.quanta(),
            "sender": deposit.sender,
            "hash_after": hash,
        }));
    }
    assert_eq!((u64::try_from(messages.len()), hash), (Ok(header.inbox_count), header.inbox_hash), "all is taken");
    messages
}

fn withdrawals(withdrawals: &[Withdrawal]) -> Vec<Value> {
    let leaves: Vec<Bytes32> = withdrawals.iter().map(Withdrawal::leaf).collect();
    let withdrawals = withdrawals.iter().enumerate();
    withdrawals
        .map(|(position, withdrawal)| {
            json!({
                "index": withdrawal.index,
                "recipient": withdrawal.recipient,
                "token": withdrawal.token,
                "amount": withdrawal.amount.quanta(),
                "leaf": leaves[position],
                "path": list::path(&leaves, position),
            })
        })
        .collect()
}
