//! Copies of a chain's store: taken while it runs, put back when the disk is lost.

use crate::support::{Chain, also_rich, eventually, json_of, talea};
use l1::Call;
use types::Amount;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_from_a_copy() {
    let chain = Chain::start(&[]);
    let (client, account) = (chain.client(), chain.wallet(1).1.account());
    let writer = chain.writer(&also_rich()).await;
    let deposit = async |quanta| {
        writer.call(Call::DepositEth { account, amount: Amount::new(quanta).unwrap() }).await.unwrap();
    };
    let await_deposits = async |count| {
        let taken = async || (client.status().await.ok()?.cursor.inbox_count == count).then_some(());
        eventually("deposits are credited", taken).await;
    };
    deposit(5).await;
    await_deposits(1).await;
    let head = chain.await_settled().await;

    let copied = json_of(chain.path(), &["chain", "snapshot", "copy"]);
    assert_eq!(copied["height"], head.0);
    let said = |words: &[&str]| {
        let output = talea(chain.path(), words);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&["chain", "restore", "copy"]).contains("stop it with `talea chain down`"));
    json_of(chain.path(), &["chain", "down"]);
    let offline = json_of(chain.path(), &["chain", "snapshot", "offline"]);
    assert_eq!(offline["height"], head.0);

    let mut damaged = std::fs::read(chain.path().join("copy")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(chain.path().join("damaged"), damaged).unwrap();
    assert!(!said(&["chain", "restore", "damaged"]).is_empty());
    std::fs::remove_file(chain.data().join("node/store.redb")).unwrap();
    json_of(chain.path(), &["chain", "restore", "copy"]);
    json_of(chain.path(), &["chain", "up"]);
    assert_eq!(client.status().await.unwrap().head.unwrap().height, head);
    deposit(6).await;
    await_deposits(2).await;
    chain.await_settled().await;
    let status = json_of(chain.path(), &["chain", "status"]);
    assert_eq!((&status["settled"], status["members_seen"].as_u64() >= Some(2)), (&status["sealed"], true), "{status}");
}
