//! L1 takes back what it said: settlements, messages, or both; or it refuses a batch.

use crate::support::{Chain, also_rich, eventually, talea};
use client::{Client, Wallet};
use crypto::account::SecretKey;
use l1::{Call, Units};
use ledger::account::Transfer;
use ledger::bridge::asset_of;
use serde_json::{Value, json};
use transition::Action;
use types::{AccountId, Amount, EthAddress};

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

async fn balance(client: &Client, account: AccountId) -> Option<u64> {
    let view = client.account(account).await.ok()?;
    let eth = asset_of(EthAddress::ZERO);
    Some(view.holdings.items.iter().find(|holding| holding.asset == eth).map_or(0, |holding| holding.amount.quanta()))
}

async fn await_balance(client: &Client, account: AccountId, quanta: u64) {
    eventually("a balance", async || (balance(client, account).await? == quanta).then_some(())).await;
}

async fn deposit(chain: &Chain, account: AccountId, quanta: u64) {
    let writer = chain.writer(&also_rich()).await;
    writer.call(Call::DepositEth { account, amount: amount(quanta) }).await.unwrap();
}

async fn transfer(chain: &Chain, from: SecretKey, to: AccountId, quanta: u64) {
    let wallet = Wallet::connect(chain.client(), from).await.unwrap();
    let action = Transfer { to, asset: asset_of(EthAddress::ZERO), amount: amount(quanta) };
    wallet.send(&Action::Transfer(action)).await.unwrap();
}

/// Checks that L1 stands where the node does, and that the vault holds what the ledger owes.
async fn check(chain: &Chain, owed: u64) {
    let height = chain.await_settled().await;
    let reader = chain.reader().await;
    let head = chain.client().block(height).await.unwrap().header;
    assert_eq!(reader.settled().await.unwrap().state_root, head.state_root);
    assert_eq!(reader.vault_locked(EthAddress::ZERO).await.unwrap(), Units::from(u128::from(owed) * 1_000_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_takes_messages_and_settlements_and_the_chain_goes_on_from_what_is_left() {
    let chain = Chain::start(&[]);
    let client = chain.client();
    let [one, two, three] = [1, 2, 3].map(|n| chain.wallet(n).1);
    let accounts = [one.account(), two.account(), three.account()];
    deposit(&chain, accounts[0], 100).await;
    await_balance(&client, accounts[0], 100).await;
    chain.await_settled().await;
    let kept = number(&chain.rpc("eth_blockNumber", json!([])).await);

    // What stands on this will be gone.
    deposit(&chain, accounts[1], 200).await;
    await_balance(&client, accounts[1], 200).await;
    transfer(&chain, chain.wallet(1).1, accounts[2], 10).await;
    transfer(&chain, chain.wallet(2).1, accounts[2], 50).await;
    check(&chain, 300).await;
    let head = number(&chain.rpc("eth_blockNumber", json!([])).await);
    chain.rpc("anvil_reorg", json!([head - kept, []])).await;

    // The transfer that stands on what is left comes again by itself; the other one cannot.
    await_balance(&client, accounts[1], 0).await;
    await_balance(&client, accounts[2], 10).await;
    await_balance(&client, accounts[0], 90).await;
    check(&chain, 100).await;
    deposit(&chain, accounts[1], 70).await;
    await_balance(&client, accounts[1], 70).await;
    check(&chain, 170).await;
    assert_eq!(client.status().await.unwrap().members_seen, 3, "members went back too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_l1_lost_while_the_node_was_down_is_taken_back_at_the_start() {
    let chain = Chain::start(&[]);
    let client = chain.client();
    let account = chain.wallet(1).1.account();
    deposit(&chain, account, 100).await;
    await_balance(&client, account, 100).await;
    chain.await_settled().await;
    let kept = number(&chain.rpc("eth_blockNumber", json!([])).await);
    deposit(&chain, account, 5).await;
    await_balance(&client, account, 105).await;
    chain.await_settled().await;
    chain.kill_all().await;
    let head = number(&chain.rpc("eth_blockNumber", json!([])).await);
    chain.rpc("anvil_rollback", json!([head - kept])).await;
    let up = talea(chain.path(), &["chain", "up"]);
    assert!(up.status.success(), "{up:?}");
    await_balance(&client, account, 100).await;
    check(&chain, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_l1_reverts_is_sent_again_and_settles() {
    let chain = Chain::start(&[]);
    let client = chain.client();
    let account = chain.wallet(1).1.account();
    deposit(&chain, account, 100).await;
    await_balance(&client, account, 100).await;
    chain.await_settled().await;

    // A verifier that refuses everybody: what the node estimates and what it sends both fail.
    let verifier = client.status().await.unwrap().contracts.committee.to_string();
    let code = chain.rpc("eth_getCode", json!([verifier, "latest"])).await;
    let since = number(&chain.rpc("eth_blockNumber", json!([])).await);
    chain.rpc("anvil_setCode", json!([verifier, "0x60006000fd"])).await;
    deposit(&chain, account, 7).await;
    let mut at = since;
    eventually("a batch is reverted", async || {
        let head = number(&chain.rpc("eth_blockNumber", json!([])).await);
        while at < head {
            at += 1;
            let receipts = chain.rpc("eth_getBlockReceipts", json!([format!("{at:#x}")])).await;
            if receipts.as_array()?.iter().any(|receipt| receipt["status"] == "0x0") {
                return Some(());
            }
        }
        None
    })
    .await;
    chain.rpc("anvil_setCode", json!([verifier, code])).await;
    await_balance(&client, account, 107).await;
    check(&chain, 107).await;
}
