//! `settlement.json`: a batch as the contracts see it. The contracts' golden test replays it.

use crate::chain::{ALICE, BOB, Chain, ETH, L1_CHAIN_ID, ROLLUP, TOKEN, amount, half_word, key, members, owner, terms};
use crate::hex;
use crypto::list;
use ledger::account::Transfer;
use ledger::bridge::asset_of;
use ledger::{Half, Message, Withdrawal};
use proof::committee::evidence;
use proof::{BatchHeader, Domain};
use serde_json::{Value, json};
use transition::{Action, Batch, diff};
use types::{Bytes32, EthAddress};

/// A chain, its second batch, and the difference that is published with it.
struct Settled {
    chain: Chain,
    batch: Batch,
    difference: Vec<u8>,
}

/// Makes a batch with every kind of message and of withdrawal. It is the second, so that its numbers are not those of a
/// fresh chain.
fn settled() -> Settled {
    let (mut chain, eth, token) = (Chain::new(), asset_of(ETH), asset_of(TOKEN));
    let (stock, foil) = (Half::Stock.asset(terms().id()), Half::Foil.asset(terms().id()));
    chain.deposit(ALICE, ETH, 5_000_000_000);
    chain.deposit(BOB, TOKEN, 1_000_000);
    chain.withdraw(ALICE, eth, 1);
    chain.split(BOB, 5);
    chain.withdraw(ALICE, stock, 2);
    let (first, _) = chain.seal(None, 0);
    let from = chain.blocks.len();
    chain.deposit(ALICE, TOKEN, 250_000_000);
    chain.deposit(BOB, ETH, 40_000_000_000_000);
    chain.withdraw(ALICE, token, 1_500_000);
    chain.withdraw(BOB, eth, 7_000_000_001);
    chain.withdraw(ALICE, eth, 4_999_999_999);
    chain.deposit_word(BOB, half_word(Half::Stock), 1);
    chain.withdraw(BOB, foil, 4);
    chain.withdraw_forced(ALICE, TOKEN, 3_000_000);
    chain.act_forced(
        BOB,
        &Action::Transfer(Transfer { to: crate::chain::account(ALICE), asset: eth, amount: amount(12) }),
    );
    let (batch, difference) = chain.seal(Some(&first), from);
    Settled { chain, batch, difference }
}

pub fn vector() -> Value {
    let Settled { chain, batch, difference } = settled();
    let domain = Domain { chain_id: L1_CHAIN_ID, rollup: ROLLUP };
    let digest = batch.header.digest(&domain);
    let committee = &chain.config.committee;
    // One more than the threshold could stand here; the threshold itself is the harder case.
    let signatures: Vec<_> = members().iter().skip(1).map(|key| (key.address(), key.sign(&digest))).collect();
    let signatures = evidence(&signatures);
    committee.accepts(&digest, &signatures).expect("the committee accepts its own members' signatures");
    let accounts = [ALICE, BOB].map(account);
    let assets = [ETH, TOKEN].map(asset);
    json!({
        "chain_id": domain.chain_id,
        "rollup": domain.rollup,
        "header": header(&batch.header),
        "domain_separator": domain.separator(),
        "digest": digest,
        "accounts": accounts,
        "assets": assets,
        "chunks": diff::chunks(&difference).map(hex).collect::<Vec<_>>(),
        "inbox": inbox(&chain.inbox, &batch.header),
        "withdrawals": withdrawals(&batch.withdrawals),
        "withdrawals_root": batch.header.withdrawals_root,
        "committee": {
            "members": committee.members,
            "mandatory": committee.mandatory,
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
        "diff_hash": header.diff_hash,
    })
}

/// Returns an account with what its id is made of.
fn account(seed: u8) -> Value {
    let public = key(seed).public();
    json!({ "scheme": public.scheme, "key": public.key, "owner": owner(seed), "account": key(seed).account() })
}

fn asset(token: EthAddress) -> Value {
    json!({ "token": token, "asset": asset_of(token) })
}

fn inbox(messages: &[Message], header: &BatchHeader) -> Vec<Value> {
    let mut hash = Bytes32::ZERO;
    let mut shown = Vec::new();
    for message in messages {
        hash = message.hash_after(&hash);
        let mut fields = fields(message);
        fields["hash_after"] = json!(hash);
        shown.push(fields);
    }
    assert_eq!((u64::try_from(shown.len()), hash), (Ok(header.inbox_count), header.inbox_hash), "all is taken");
    shown
}

fn fields(message: &Message) -> Value {
    match message {
        Message::Deposit(deposit) => json!({
            "kind": 1,
            "account": deposit.account,
            "token": deposit.token,
            "amount": deposit.amount.quanta(),
            "sender": deposit.sender,
        }),
        Message::Withdrawal(forced) => json!({
            "kind": 2,
            "account": forced.account,
            "token": forced.token,
            "amount": forced.amount.quanta(),
            "recipient": forced.recipient,
        }),
        Message::Action(forced) => json!({ "kind": 3, "account": forced.account, "elements": forced.elements }),
    }
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
