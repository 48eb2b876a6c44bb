//! The operator is gone, with all its data: everybody leaves with what L1 knows.

use crate::support::{Chain, also_rich, eventually, json_of, rich, wallet_secret};
use client::Wallet;
use l1::{Call, Units};
use ledger::account::Transfer;
use ledger::bridge::{Withdraw, asset_of};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use transition::Action;
use types::{Amount, EthAddress};

const WALLETS: u64 = 1_000;
/// Wallets that also transfer to the next one, and withdraw.
const ACTIVE: u64 = 40;
/// What an account may pay of gas in one transaction.
const GAS_MOST: u64 = 200_000;

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

/// What a wallet deposits, in gwei; no two are alike.
fn deposited(n: u64) -> u64 {
    1_000 + n
}

/// Sends calls, many at a time.
async fn send_all<F: Future<Output = Result<l1::Sent, l1::Error>> + Send + 'static>(calls: impl Iterator<Item = F>) {
    let (room, mut sending) = (Arc::new(Semaphore::new(24)), JoinSet::new());
    for call in calls {
        let room = Arc::clone(&room);
        sending.spawn(async move {
            let _room = room.acquire().await;
            call.await
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_accounts_leave_a_dead_chain_and_the_vault_ends_empty() {
    let chain =
        Chain::start(&[("\ndeadline = 86400", "\ndeadline = 3600"), ("freeze_grace = 86400", "freeze_grace = 60")]);
    let payer = Arc::new(chain.writer(&also_rich()).await);
    let accounts: Vec<_> = (0..WALLETS).map(|n| chain.wallet(n).1.account()).collect();
    send_all((0..WALLETS).zip(accounts.clone()).map(|(n, account)| {
        let payer = Arc::clone(&payer);
        async move { payer.call(Call::DepositEth { account, amount: amount(deposited(n)) }).await }
    }))
    .await;
    // Some own another token too.
    for n in 0..3u32 {
        let account = accounts[usize::try_from(n).unwrap()];
        payer.deposit_token(chain.token, amount(7 + u64::from(n)), account).await.unwrap();
    }
    let client = chain.client();
    eventually("all deposits are credited", async || {
        (client.status().await.ok()?.cursor.inbox_count == WALLETS + 3).then_some(())
    })
    .await;

    // Each of these gives the next 5 and withdraws 3: what they should have is noted here and nowhere else.
    let mut expected: BTreeMap<u64, u64> = (0..WALLETS).map(|n| (n, deposited(n))).collect();
    let eth = asset_of(EthAddress::ZERO);
    for n in 0..ACTIVE {
        let (owner, key) = chain.wallet(n);
        let wallet = Wallet::connect(client.clone(), key).await.unwrap();
        let to = accounts[usize::try_from(n + 1).unwrap()];
        wallet.send(&Action::Transfer(Transfer { to, asset: eth, amount: amount(5) })).await.unwrap();
        let leave = Withdraw { asset: eth, amount: amount(3), recipient: owner.address() };
        wallet.send(&Action::Withdraw(leave)).await.unwrap();
        *expected.get_mut(&n).unwrap() -= 5 + 3;
        *expected.get_mut(&(n + 1)).unwrap() += 5;
    }
    chain.await_settled().await;

    chain.kill_all();
    for role in ["node", "member-0", "member-1", "member-2"] {
        std::fs::remove_dir_all(chain.data().join(role)).unwrap();
    }
    // Whoever deposits now cannot know. A wallet of its own sends it, and gets it back.
    let late = chain.wallet(0).0;
    let gas = json!([late.address().to_string(), "0xde0b6b3a7640000"]);
    chain.rpc("anvil_setBalance", gas).await;
    let writer = chain.writer(&crypto::Secret::new(wallet_secret(0).0)).await;
    writer.call(Call::DepositEth { account: accounts[0], amount: amount(11) }).await.unwrap();
    chain.rpc("evm_increaseTime", json!([3_700])).await;
    chain.rpc("anvil_mine", json!([1])).await;
    let reader = chain.reader().await;
    let mut before = BTreeMap::new();
    for n in 0..WALLETS {
        before.insert(n, reader.eth_balance(chain.wallet(n).0.address()).await.unwrap());
    }

    // In a folder that has nothing of the chain's.
    let elsewhere = tempfile::tempdir().unwrap();
    let keys: Vec<String> = (0..WALLETS).map(|n| wallet_secret(n).to_string()).collect();
    std::fs::write(elsewhere.path().join("wallets"), keys.join("\n")).unwrap();
    std::fs::write(elsewhere.path().join("payer"), types::Bytes32(*rich().expose_secret()).to_string()).unwrap();
    let rollup = chain.contracts.rollup.to_string();
    let place = ["--l1", &chain.l1, "--rollup", &rollup];
    let rebuilt = json_of(elsewhere.path(), &[&["chain", "rebuild", "--from-l1"], &place[..]].concat());
    assert!(rebuilt["leaves"].as_u64().unwrap() > WALLETS, "{rebuilt}");
    let escape = ["chain", "escape", "--keys", "wallets", "--payer", "payer", "--freeze"];
    let out = json_of(elsewhere.path(), &[&escape[..], &place[..2]].concat());
    assert_eq!(
        (&out["balances"], &out["withdrawals"], &out["deposits"]),
        (&json!(WALLETS + 3), &json!(ACTIVE), &json!(1))
    );
    assert!(out["gas_most"].as_u64().unwrap() < GAS_MOST, "{out}");

    for token in [EthAddress::ZERO, chain.token] {
        assert_eq!(reader.vault_locked(token).await.unwrap(), Units::ZERO, "the vault ends empty");
    }
    assert_eq!(reader.eth_balance(chain.contracts.vault).await.unwrap(), Units::ZERO);
    assert_eq!(reader.token_balance(chain.token, chain.contracts.vault).await.unwrap(), Units::ZERO);
    for (n, quanta) in expected {
        let late = if n == 0 { 11 } else { 0 };
        let found = reader.eth_balance(chain.wallet(n).0.address()).await.unwrap();
        let wei = |units: &Units| units.to_u128().unwrap();
        assert_eq!(
            wei(&found) - wei(&before[&n]),
            u128::from(quanta + late + if n < ACTIVE { 3 } else { 0 }) * 1_000_000_000
        );
    }
    // Once more changes nothing.
    let again = json_of(elsewhere.path(), &[&escape[..], &place[..2]].concat());
    assert_eq!((&again["withdrawals"], &again["gas"].as_u64().unwrap() > &0), (&json!(0), true));
}
