//! A chain whose file bounds what is in memory and what is kept.

use crate::support::{Chain, also_rich, eventually, json_of};
use l1::Call;
use serde_json::json;
use types::{Amount, Height};

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_a_bounded_state_and_a_short_history_is_started_again_and_says_what_it_pruned() {
    let bounds =
        [("# state_cache_leaves = 1000000", "state_cache_leaves = 1000"), ("# history = 100000", "history = 1")];
    let chain = Chain::start(&bounds);
    let (client, account) = (chain.client(), chain.wallet(1).1.account());
    let writer = chain.writer(&also_rich()).await;
    let deposit = async |quanta, count| {
        writer.call(Call::DepositEth { account, amount: Amount::new(quanta).unwrap() }).await.unwrap();
        let taken = async || (client.status().await.ok()?.cursor.inbox_count == count).then_some(());
        eventually("the deposit is credited", taken).await;
        chain.await_settled().await
    };
    deposit(5, 1).await;
    chain.kill_all().await;
    json_of(chain.path(), &["chain", "up"]);
    let second = deposit(6, 2).await;
    assert!(client.block(Height(1)).await.is_ok(), "nothing is final yet");
    chain.rpc("anvil_mine", json!([100])).await;
    let pruned = async || client.block(Height(1)).await.err().map(|error| error.to_string());
    let said = eventually("the first batch is pruned", pruned).await;
    assert!(said.contains("block 1 was pruned: ask a node that keeps all blocks, or begin with block"), "{said}");
    assert!(client.block(second).await.is_ok(), "the last final batch keeps its blocks");
    let third = deposit(7, 3).await;
    assert!(client.block(third).await.is_ok());
}
