//! A chain whose batches settle by proof: the committee alone settles nothing, and what was paid for on L1 is not paid again.

use crate::support::{Chain, also_rich, eventually_within, json_of, talea};
use client::Wallet;
use l1::Call;
use ledger::account::Transfer;
use ledger::bridge::{Withdraw, asset_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use task::Publish;
use transition::Action;
use types::{Amount, ContentId, EthAddress};

/// How long a batch may take to be proven and to settle, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(900);
/// Most gas of a transaction, and most bytes of its data that nodes pass on.
const GAS_MOST: u64 = 1 << 24;
const DATA_MOST: usize = 128 << 10;

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// What L1 has of steps: for each transaction's data how often it is there, and the gas that all used.
pub(crate) async fn steps(chain: &Chain, checks: &api::Validity) -> (BTreeMap<String, u32>, u64) {
    let head = number(&chain.rpc("eth_blockNumber", json!([])).await);
    let (mut found, mut gas) = (BTreeMap::new(), 0);
    let contracts = [checks.statements, checks.queries].map(|contract| contract.to_string().to_lowercase());
    for at in 0..=head {
        let at = format!("{at:#x}");
        let block = chain.rpc("eth_getBlockByNumber", json!([at, true])).await;
        // A block that L1 is taking back has none to show.
        let Some(transactions) = block["transactions"].as_array() else { continue };
        let is_step = |one: &&Value| one["to"].as_str().is_some_and(|to| contracts.contains(&to.to_lowercase()));
        for step in transactions.iter().filter(is_step) {
            let receipt = chain.rpc("eth_getTransactionReceipt", json!([step["hash"]])).await;
            assert_eq!(receipt["status"], "0x1", "a step that L1 refuses is not sent");
            let (used, data) = (number(&receipt["gasUsed"]), step["input"].as_str().unwrap().to_owned());
            assert!(used <= GAS_MOST && number(&step["gas"]) <= GAS_MOST && data.len() / 2 < DATA_MOST);
            gas += used;
            *found.entry(data).or_default() += 1;
        }
    }
    (found, gas)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_settle_by_proof_and_a_settler_that_is_killed_pays_for_no_step_twice() {
    let chain = Chain::start(&[
        ("execution = \"committee\"", "execution = \"zk\""),
        ("age_ms = 300", "age_ms = 4000"),
        ("# [hook]", "[proving]\nenabled = true\nprocesses = 1\njobs = 1\n\n# [hook]"),
    ]);
    let (client, eth) = (chain.client(), asset_of(EthAddress::ZERO));
    let checks = client.status().await.unwrap().contracts.validity.expect("it settles by proof");
    let [from, to] = [1, 2].map(|n| chain.wallet(n).1);
    let (account, recipient) = (to.account(), chain.wallet(1).0.address());
    let writer = chain.writer(&also_rich()).await;
    writer.call(Call::DepositEth { account: from.account(), amount: amount(500) }).await.unwrap();
    let taken = async || (client.status().await.ok()?.cursor.inbox_count == 1).then_some(());
    eventually_within(PATIENCE, "the deposit is credited", taken).await;

    let wallet = Wallet::connect(client.clone(), from).await.unwrap();
    wallet.send(&Action::Transfer(Transfer { to: account, asset: eth, amount: amount(7) })).await.unwrap();
    let withdrawn =
        wallet.send(&Action::Withdraw(Withdraw { asset: eth, amount: amount(100), recipient })).await.unwrap();
    // What has no table of its own is proven too.
    wallet.send(&Action::Publish(Publish { program: ContentId([3; 32]) })).await.unwrap();

    // A quorum signs, and nothing settles. The first step is on L1: the node dies with what it holds.
    let signed = async || client.batch(1).await.ok()?.evidence;
    eventually_within(PATIENCE, "the committee signs", signed).await;
    let first = async || (!steps(&chain, &checks).await.0.is_empty()).then_some(());
    eventually_within(PATIENCE, "a step of a proof is on L1", first).await;
    chain.kill_all().await;
    let settled = chain.reader().await.settled().await.unwrap().number;
    let up = talea(chain.path(), &["chain", "up"]);
    assert!(up.status.success(), "{up:?}");
    let done = async || {
        let view = client.batch_of(withdrawn.height).await.ok()?;
        let status = client.status().await.ok()?;
        (view.settlement.is_some() && status.settled == status.sealed).then_some(status.settled)
    };
    let last = eventually_within(PATIENCE, "all batches settle", done).await;
    assert!(last > settled, "some settled after the crash: {settled} of {last} before");

    // Each step went once, and the batches say what it took.
    let (found, gas) = steps(&chain, &checks).await;
    assert!(found.values().all(|times| *times == 1), "{:?}", found.values().collect::<Vec<_>>());
    let (mut count, mut sum) = (0, 0);
    for number in 1..=last {
        let proof = client.batch(number).await.unwrap().proof.expect("it is proven");
        assert!(proof.security_bits >= 100 && proof.bytes > 100_000 && proof.prove_ms > 0, "{proof:?}");
        assert!(proof.verify_transactions > proof.leaves, "{proof:?}");
        (count, sum) = (count + proof.verify_transactions, sum + proof.verify_gas);
    }
    assert_eq!((count, sum), (u64::try_from(found.len()).unwrap(), gas));
    let told = json_of(chain.path(), &["chain", "status"]);
    assert!(told["proof"]["verify_gas"].as_u64().is_some_and(|gas| gas > 10_000_000), "{told}");

    // L1 stands where the blocks do, and pays what left.
    let root = client.batch(last).await.unwrap().batch.header.state_root;
    assert_eq!(chain.reader().await.settled().await.unwrap().state_root, root);
    let proof = client.withdrawal(&withdrawn.id).await.unwrap();
    writer.claim(proof.batch, &proof.withdrawal, proof.position, &proof.path).await.unwrap();
}
