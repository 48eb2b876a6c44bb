//! The loop with its store, once with the whole state in memory and once with next to nothing of it.

use super::*;
use crate::core::tests::{config, deposit, key};
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::bridge::asset_of;
use transition::Action;
use types::{AccountId, Amount, Encode as _, EthAddress};

const DEPOSITS: u64 = 30;
const TRANSFERS: u64 = 40;

fn settings(state_cache_leaves: Option<usize>) -> Settings {
    let policy = Policy { batch_age: Millis(10), ..Policy::default() };
    Settings { config: config(), policy, key: Arc::new(key(0)), state_cache_leaves }
}

fn receiver(n: u64) -> AccountId {
    AccountId(Digest::new([n << 50, 1, 2, 3]).unwrap())
}

fn transfer(nonce: u64) -> Checked {
    let asset = asset_of(EthAddress::ZERO);
    let action = Action::Transfer(Transfer { to: receiver(nonce), asset, amount: Amount::new(3).unwrap() });
    let bytes = Transaction::sign(&key(1), &config().hash(), nonce, action).to_bytes();
    Transaction::check(&bytes, &config().hash()).unwrap()
}

async fn root(handle: &Handle) -> Digest {
    handle.read(|sequencer| sequencer.state().root()).await.unwrap()
}

/// Lets a chain run, be taken back and run again, and returns its root.
async fn lived(store: &Store, state_cache_leaves: Option<usize>) -> Digest {
    let Started { handle, failure, .. } = start(store.clone(), settings(state_cache_leaves)).unwrap();
    handle.messages((0..DEPOSITS).map(deposit).collect()).unwrap();
    while handle.read(|sequencer| sequencer.batch().is_none()).await.unwrap() {}
    let batch = handle.read(|sequencer| sequencer.batch().map(|batch| batch.number)).await.unwrap();
    for nonce in 0..TRANSFERS {
        assert!(handle.submit(transfer(nonce)).await.unwrap().receipt.is_applied());
    }
    let before = root(&handle).await;
    store.checkpoint().unwrap();
    handle.submit(transfer(TRANSFERS)).await.unwrap();
    let cached = handle.read(|sequencer| (sequencer.state().cached(), sequencer.state().len())).await.unwrap();
    // Beside what the cache may hold there is what the last block wrote: four leaves, until it is in the tables.
    let most = state_cache_leaves.map_or(cached.1, |leaves_max| leaves_max + 4);
    assert!(cached.0 <= most && cached.1 > 40, "{cached:?}");
    handle.rewind(batch.unwrap()).await.unwrap();
    while handle.read(|sequencer| sequencer.queued() > 0).await.unwrap() {}
    let again = root(&handle).await;
    assert_ne!(again, before, "one transfer more");
    let balance = || BalanceKey { account: receiver(5), asset: asset_of(EthAddress::ZERO) };
    let path = handle.read(move |sequencer| sequencer.state().path::<Balance>(&balance())).await.unwrap();
    assert!(path.includes::<Balance>(&again, &balance(), &Amount::new(3).unwrap()));
    drop(handle);
    assert!(failure.await.is_err(), "it stopped without a failure");
    again
}

/// Executes every block of a store again, the whole state in memory, and returns its root.
fn replayed(store: &Store) -> Digest {
    let mut state = state::State::default();
    state.apply(&transition::genesis(&config()));
    let mut head = None;
    for block in store.blocks(Height(1), 10_000).unwrap() {
        transition::replay(&mut state, &config(), head.as_ref(), &block).unwrap();
        head = Some(block.header);
    }
    assert!(head.is_some(), "there are blocks");
    state.root()
}

#[tokio::test]
async fn a_chain_with_a_bounded_state_has_the_same_root_also_when_it_is_taken_back_and_started_again() {
    for state_cache_leaves in [None, Some(0), Some(7)] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store.redb")).unwrap();
        let root = lived(&store, state_cache_leaves).await;
        assert_eq!(root, replayed(&store));
        for again in [Some(1), None] {
            assert_eq!(restore(&store, &settings(again)).unwrap().state().root(), root);
        }
    }
}
