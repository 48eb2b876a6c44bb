//! A chain whose batches are proven by processes of their own.

use crate::support::{Chain, also_rich, eventually, json_of, talea};
use client::Wallet;
use l1::Call;
use ledger::account::Transfer;
use ledger::bridge::asset_of;
use transition::Action;
use types::{Amount, EthAddress};

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_proven_although_the_prover_is_killed_and_anybody_can_check_the_batch() {
    let proving = "[proving]\nenabled = true\nprocesses = 1\njobs = 1\n\n# [hook]";
    let chain = Chain::start(&[("# [hook]", proving)]);
    let (client, keys) = (chain.client(), [1, 2].map(|n| chain.wallet(n).1));
    let accounts = keys.each_ref().map(crypto::account::SecretKey::account);
    let writer = chain.writer(&also_rich()).await;
    writer.call(Call::DepositEth { account: accounts[0], amount: amount(500) }).await.unwrap();
    let taken = async || (client.status().await.ok()?.cursor.inbox_count == 1).then_some(());
    eventually("the deposit is credited", taken).await;
    chain.await_settled().await;

    let [from, _] = keys;
    let wallet = Wallet::connect(client.clone(), from).await.unwrap();
    let action = Transfer { to: accounts[1], asset: asset_of(EthAddress::ZERO), amount: amount(7) };
    wallet.send(&Action::Transfer(action.clone())).await.unwrap();
    let number = client.batch_of(chain.await_settled().await).await.unwrap().batch.header.number;
    // A prover that dies with a job in its hands leaves it to the next one.
    let at_work = async || {
        let proving = client.proving().await.ok()?;
        let found = proving.batches.iter().any(|batch| batch.batch == number && !batch.at_work.is_empty());
        (found || proving.proven >= Some(number)).then_some(proving.proven < Some(number))
    };
    let was_at_work = eventually("a prover has the batch", at_work).await;
    chain.kill(&["node", "prover"]).await;
    let proven = async || client.proven_batch(number).await.ok();
    let batch = eventually("the batch is proven", proven).await;
    assert_eq!(batch.entries(), 1);
    let anchor = client.status().await.unwrap().anchor;
    batch.check(&anchor.config_hash).unwrap();
    if was_at_work {
        let told = client.metrics().await.unwrap();
        assert!(told.contains("talea_prove_leaves_total{outcome=\"proven\"}"), "{told}");
    }

    // Online against the folder's anchor, then from a file with nobody running.
    let folder = chain.data().to_string_lossy().into_owned();
    let name = number.to_string();
    let checked = json_of(chain.path(), &["--dir", &folder, "verify", "batch", &name, "--save", "proven"]);
    assert_eq!((&checked["entries"], &checked["leaves"]), (&1.into(), &1.into()));
    json_of(chain.path(), &["chain", "down"]);
    json_of(chain.path(), &["--dir", &folder, "verify", "batch", &name, "--file", "proven"]);
    let file = chain.path().join("proven");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refused = talea(chain.path(), &["--dir", &folder, "verify", "batch", &name, "--file", "proven"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}
