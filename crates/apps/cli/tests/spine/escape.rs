//! The operator is gone, with all its data: everybody leaves with what L1 knows.

use crate::support::{Chain, also_rich, eventually, json_of, rich, wallet_secret};
use client::Wallet;
use crypto::Secret;
use l1::{Call, Units};
use ledger::account::Transfer;
use ledger::bridge::{Withdraw, asset_of};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use transition::Action;
use types::{AccountId, Amount, Bytes32, EthAddress};

const WALLETS: u64 = 1_000;
/// Wallets that also transfer to the next one, and withdraw.
const ACTIVE: usize = 40;
/// Wallets that also own another token.
const TOKENS: u64 = 3;
/// What is deposited when nobody is there any more, in gwei.
const LATE: u64 = 11;
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

/// Puts value of every wallet on the ledger, of some also in another token.
async fn deposit_all(chain: &Chain, accounts: &[AccountId]) {
    let payer = Arc::new(chain.writer(&also_rich()).await);
    send_all((0..).zip(accounts.to_vec()).map(|(n, account)| {
        let payer = Arc::clone(&payer);
        async move { payer.call(Call::DepositEth { account, amount: amount(deposited(n)) }).await }
    }))
    .await;
    for (account, quanta) in accounts.iter().zip(7..7 + TOKENS) {
        payer.deposit_token(chain.token, amount(quanta), *account).await.unwrap();
    }
    let client = chain.client();
    eventually("all deposits are credited", async || {
        (client.status().await.ok()?.cursor.inbox_count == WALLETS + TOKENS).then_some(())
    })
    .await;
}

/// Some give the next one 5 and withdraw 3. Returns what each should have: noted here, and nowhere else.
async fn use_it(chain: &Chain, accounts: &[AccountId]) -> Vec<u64> {
    let mut expected: Vec<u64> = (0..WALLETS).map(deposited).collect();
    let eth = asset_of(EthAddress::ZERO);
    for at in 0..ACTIVE {
        let (owner, key) = chain.wallet(u64::try_from(at).unwrap());
        let wallet = Wallet::connect(chain.client(), key).await.unwrap();
        let gift = Transfer { to: accounts[at + 1], asset: eth, amount: amount(5) };
        wallet.send(&Action::Transfer(gift)).await.unwrap();
        let leave = Withdraw { asset: eth, amount: amount(3), recipient: owner.address() };
        wallet.send(&Action::Withdraw(leave)).await.unwrap();
        expected[at] -= 5;
        expected[at + 1] += 5;
    }
    chain.await_settled().await;
    expected
}

/// Deposits when nobody is there to take it, and lets the deadline pass.
async fn deposit_in_vain(chain: &Chain, account: AccountId) {
    let wallet = chain.wallet(0).0;
    chain.rpc("anvil_setBalance", json!([wallet.address().to_string(), "0xde0b6b3a7640000"])).await;
    let writer = chain.writer(&Secret::new(wallet_secret(0).0)).await;
    writer.call(Call::DepositEth { account, amount: amount(LATE) }).await.unwrap();
    chain.rpc("evm_increaseTime", json!([3_700])).await;
    chain.rpc("anvil_mine", json!([1])).await;
}

async fn held(chain: &Chain) -> Vec<u128> {
    let (reader, mut found) = (chain.reader().await, Vec::new());
    for n in 0..WALLETS {
        found.push(reader.eth_balance(chain.wallet(n).0.address()).await.unwrap().to_u128().unwrap());
    }
    found
}

/// Rebuilds and escapes in a folder that has nothing of the chain's.
fn leave(chain: &Chain) {
    let elsewhere = tempfile::tempdir().unwrap();
    let keys: Vec<String> = (0..WALLETS).map(|n| wallet_secret(n).to_string()).collect();
    std::fs::write(elsewhere.path().join("wallets"), keys.join("\n")).unwrap();
    std::fs::write(elsewhere.path().join("payer"), Bytes32(*rich().expose_secret()).to_string()).unwrap();
    let rollup = chain.contracts.rollup.to_string();
    let rebuild = ["chain", "rebuild", "--from-l1", "--l1", &chain.l1, "--rollup", &rollup];
    let rebuilt = json_of(elsewhere.path(), &rebuild);
    assert!(rebuilt["leaves"].as_u64().unwrap() > WALLETS, "{rebuilt}");
    let escape = ["chain", "escape", "--keys", "wallets", "--payer", "payer", "--freeze", "--l1", &chain.l1];
    let out = json_of(elsewhere.path(), &escape);
    let counts = [&out["balances"], &out["withdrawals"], &out["deposits"]].map(|count| count.as_u64().unwrap());
    assert_eq!(counts, [WALLETS + TOKENS, u64::try_from(ACTIVE).unwrap(), 1]);
    assert!(out["gas_most"].as_u64().unwrap() < GAS_MOST, "{out}");
    // Once more finds nothing to claim, and pays nobody twice.
    assert_eq!(json_of(elsewhere.path(), &escape)["withdrawals"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_accounts_leave_a_dead_chain_and_the_vault_ends_empty() {
    let soon = [("\ndeadline = 86400", "\ndeadline = 3600"), ("freeze_grace = 86400", "freeze_grace = 60")];
    let chain = Chain::start(&soon);
    let accounts: Vec<_> = (0..WALLETS).map(|n| chain.wallet(n).1.account()).collect();
    deposit_all(&chain, &accounts).await;
    let mut expected = use_it(&chain, &accounts).await;

    chain.kill_all().await;
    for role in ["node", "member-0", "member-1", "member-2"] {
        std::fs::remove_dir_all(chain.data().join(role)).unwrap();
    }
    deposit_in_vain(&chain, accounts[0]).await;
    expected[0] += LATE;
    let before = held(&chain).await;
    leave(&chain);

    let reader = chain.reader().await;
    for token in [EthAddress::ZERO, chain.token] {
        assert_eq!(reader.vault_locked(token).await.unwrap(), Units::ZERO, "the vault ends empty");
    }
    assert_eq!(reader.eth_balance(chain.contracts.vault).await.unwrap(), Units::ZERO);
    assert_eq!(reader.token_balance(chain.token, chain.contracts.vault).await.unwrap(), Units::ZERO);
    for ((expected, before), after) in expected.iter().zip(before).zip(held(&chain).await) {
        assert_eq!(after - before, u128::from(*expected) * 1_000_000_000);
    }
}
