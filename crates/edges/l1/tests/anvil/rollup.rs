//! Forced messages, published data, freezing, and the way out.

use crate::{ALSO_RICH, Network, RICH, account, amount, digest, first_batch, name};
use crypto::account::SecretKey;
use crypto::eth::keccak;
use l1::Call;
use ledger::account::{Balance, BalanceKey};
use ledger::bridge::{asset_of, token_word};
use ledger::tally::Redeem;
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Message};
use proof::BatchHeader;
use transition::{Action, L1Rules};
use types::{AccountId, ActionElements, Bytes32, EthAddress, TallyId};

fn rules(data_on_l1: bool) -> L1Rules {
    L1Rules { forced_deadline_s: 100, freeze_grace_s: 50, exit_window_s: 1_000, data_on_l1 }
}

#[tokio::test]
async fn messages_of_every_kind_come_back_in_their_order_and_add_up() {
    let network = Network::start().await;
    let (writer, other, reader) =
        (network.writer(RICH).await, network.writer(ALSO_RICH).await, network.reader(0).await);
    let identity = SecretKey::from_seed([1; 32]).owned_by(writer.address()).identity();
    let (owned, owner, token) = (identity.account(), writer.address(), Bytes32::ZERO);
    assert_eq!(reader.oldest_waiting().await.unwrap(), None);

    writer.deposit_eth(amount(5), owned).await.unwrap();
    let demand = Call::ForceWithdrawal { account: owned, token, amount: amount(3) };
    assert_eq!(name(writer.call(demand).await), "CallerNotOwner");
    assert_eq!(reader.owner_of(owned).await.unwrap(), None);
    other.call(Call::OpenAccount { identity: &identity }).await.unwrap();
    assert_eq!(reader.owner_of(owned).await.unwrap(), Some(owner));
    assert_eq!(name(other.call(demand).await), "CallerNotOwner");
    writer.call(demand).await.unwrap();
    let tally = TallyId(digest(3));
    let elements = Action::Redeem(Redeem { tally }).to_forced().unwrap();
    let action = Call::ForceAction { account: owned, elements };
    assert_eq!(name(other.call(action).await), "CallerNotOwner");
    writer.call(action).await.unwrap();
    writer.deposit_eth(amount(6), account(9)).await.unwrap();
    for (number, refusal) in [(2, "ActionRefused"), (7, "ElementOutOfRange")] {
        let elements = ActionElements::new([number; 14]).unwrap();
        assert_eq!(name(writer.call(Call::ForceAction { account: owned, elements }).await), refusal);
    }

    let deposit = |index, account, quanta| {
        Message::Deposit(Deposit { index, account, token, amount: amount(quanta), sender: owner })
    };
    let expected = [
        deposit(0, owned, 5),
        Message::Withdrawal(ForcedWithdrawal { index: 1, account: owned, token, amount: amount(3), recipient: owner }),
        Message::Action(ForcedAction { index: 2, account: owned, elements }),
        deposit(3, account(9), 6),
    ];
    assert_eq!(reader.messages(0, 9).await.unwrap(), expected);
    assert_eq!(reader.messages(1, 2).await.unwrap(), expected[1..3]);
    assert!(reader.oldest_waiting().await.unwrap().is_some_and(|time| time >= 1_700_000_000));

    let inbox_hash = reader.inbox_hash(4).await.unwrap().unwrap();
    let batch = BatchHeader { inbox_count: 4, inbox_hash, ..first_batch() };
    writer.settle(&batch, &[], &network.evidence(&batch, 2)).await.unwrap();
    assert_eq!(reader.oldest_waiting().await.unwrap(), None);
}

#[tokio::test]
async fn settled_batches_and_their_data_are_read_from_l1_alone() {
    let network = Network::with(&rules(true), digest(2)).await;
    let (writer, reader, deep) = (network.writer(RICH).await, network.reader(0).await, network.reader(2).await);
    let chunks = [b"first".as_slice(), b"second"];
    let hashes = chunks.map(|chunk| keccak(&[chunk]));
    let joined = |hashes: &[Bytes32]| keccak(&hashes.iter().map(|hash| hash.0.as_slice()).collect::<Vec<_>>());
    let first = BatchHeader { diff_hash: joined(&hashes), ..first_batch() };
    assert_eq!(name(writer.settle(&first, &hashes, &network.evidence(&first, 2)).await), "ChunkUnpublished");
    for chunk in [chunks[0], chunks[1], chunks[0]] {
        writer.call(Call::Publish { chunk }).await.unwrap();
    }
    assert_eq!(name(writer.settle(&first, &hashes[..1], &network.evidence(&first, 2)).await), "DiffHashWrong");
    let sent = writer.settle(&first, &hashes, &network.evidence(&first, 2)).await.unwrap();
    // The same chunk may serve another batch.
    let (number, parent_root, state_root) = (2, first.state_root, digest(4));
    let second = BatchHeader { number, parent_root, state_root, diff_hash: joined(&hashes[1..]), ..first_batch() };
    writer.settle(&second, &hashes[1..], &network.evidence(&second, 2)).await.unwrap();

    let found = reader.batches(1..=9).await.unwrap();
    assert_eq!(found.iter().map(|batch| &batch.header).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!((&found[0].chunks[..], &found[1].chunks[..]), (&hashes[..], &hashes[1..]));
    assert_eq!((found[0].block, found[0].transaction), (sent.block, sent.transaction));
    assert_eq!(reader.batches(2..=2).await.unwrap(), found[1..]);
    assert_eq!(reader.batches(3..=9).await.unwrap(), []);
    assert_eq!(deep.batches(1..=9).await.unwrap(), []);
    for (chunk, hash) in chunks.iter().zip(&hashes) {
        assert_eq!(reader.published(hash).await.unwrap().as_deref(), Some(*chunk));
    }
    assert_eq!(reader.published(&keccak(&[b"third"])).await.unwrap(), None);
}

#[tokio::test]
async fn a_rollup_that_ignores_its_inbox_is_frozen_and_gives_deposits_back() {
    let network = Network::with(&rules(false), digest(2)).await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    assert_eq!(name(writer.call(Call::Freeze).await), "FreezeTooEarly");
    network.node.call::<_, i64>("evm_increaseTime", (101,)).await;
    network.node.mine(1).await;
    let batch = first_batch();
    assert_eq!(name(writer.settle(&batch, &[], &network.evidence(&batch, 2)).await), "InboxOverdue");
    network.node.call::<_, i64>("evm_increaseTime", (50,)).await;
    network.node.mine(1).await;
    assert!(!reader.is_frozen().await.unwrap());
    let Message::Deposit(deposit) = reader.messages(0, 1).await.unwrap().remove(0) else { panic!("no deposit") };
    let reclaim = Call::Reclaim { deposit: &deposit };
    assert_eq!(name(writer.call(reclaim).await), "RollupRuns");
    writer.call(Call::Freeze).await.unwrap();
    assert!(reader.is_frozen().await.unwrap());
    assert_eq!(name(writer.deposit_eth(amount(5), account(7)).await), "Frozen");

    let forged = Deposit { sender: EthAddress([9; 20]), ..deposit.clone() };
    assert_eq!(name(writer.call(Call::Reclaim { deposit: &forged }).await), "DepositUnproven");
    writer.call(reclaim).await.unwrap();
    assert_eq!(name(writer.call(reclaim).await), "AlreadyReclaimed");
    assert_eq!(reader.vault_locked(EthAddress::ZERO).await.unwrap(), l1::Units::ZERO);
}

/// A state with balances of ETH, as the rollup's last one.
fn state(balances: &[(AccountId, u64)]) -> state::State {
    let mut state = state::State::default();
    let mut overlay = state::Overlay::new(&state);
    let asset = asset_of(EthAddress::ZERO);
    for (account, quanta) in balances {
        overlay.put::<Balance>(&BalanceKey { account: *account, asset }, &amount(*quanta));
    }
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

#[tokio::test]
async fn a_balance_in_the_last_state_is_paid_to_the_accounts_owner() {
    let owner = EthAddress([0x77; 20]);
    let identity = SecretKey::from_seed([1; 32]).owned_by(owner).identity();
    // Enough of them for a path of more than one step.
    let others = (1..600).map(|n| (account(n), n));
    let state = state(&others.chain([(identity.account(), 5)]).collect::<Vec<_>>());
    let network = Network::with(&rules(false), state.root()).await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    writer.deposit_eth(amount(9), account(7)).await.unwrap();
    network.node.call::<_, i64>("evm_increaseTime", (151,)).await;
    network.node.mine(1).await;
    writer.call(Call::Freeze).await.unwrap();

    let key = BalanceKey { account: identity.account(), asset: asset_of(EthAddress::ZERO) };
    let path = state.path::<Balance>(&key);
    let escape = l1::Escape::new(&path, &state.root()).unwrap();
    assert!(escape.steps().count() > 1 && l1::Escape::new(&path, &digest(3)).is_none());
    let (account, token) = (identity.account(), token_word(EthAddress::ZERO));
    let last = |quanta| Call::Escape { account, token, amount: amount(quanta) };
    assert_eq!(name(writer.call(last(5)).await), "AccountNotOpen");
    writer.call(Call::OpenAccount { identity: &identity }).await.unwrap();
    assert_eq!(name(writer.call(last(5)).await), "NodeUnknown");
    let second = escape.steps().nth(1).unwrap();
    assert_eq!(name(writer.call(second).await), "NodeUnknown");
    for call in escape.steps().chain([last(5)]) {
        assert_eq!(name(writer.call(last(6)).await), "NodeUnknown");
        let sent = writer.call(call).await.unwrap();
        assert!(sent.gas_used < 200_000, "{}", sent.gas_used);
    }
    assert_eq!(name(writer.call(last(5)).await), "AlreadyEscaped");
    assert_eq!(reader.eth_balance(owner).await.unwrap(), l1::Units::from(5_000_000_000u64));
}

#[tokio::test]
async fn a_look_at_the_account_sees_what_is_final_and_what_waits() {
    let network = Network::start().await;
    let writer = network.writer(ALSO_RICH).await;
    let before = writer.view(2).await.unwrap();
    assert_eq!((before.nonce, before.nonce_final, before.nonce_pending), (0, 0, 0));
    assert!(before.base_fee_wei > 0 && before.balance_wei > 1 << 64);
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let mined = writer.view(2).await.unwrap();
    assert_eq!((mined.nonce, mined.nonce_final, mined.head), (1, 0, before.head + 1));
    assert!(mined.balance_wei < before.balance_wei);
    assert_eq!(writer.view(0).await.unwrap().nonce_final, 1);
    network.node.mine(2).await;
    assert_eq!(writer.view(2).await.unwrap().nonce_final, 1);
    assert_eq!(writer.view(u64::MAX).await.unwrap().nonce_final, 0);
    network.node.call::<_, ()>("evm_setAutomine", (false,)).await;
    let order = writer.order(Call::DepositEth { account: account(7), amount: amount(1) });
    let gas = writer.estimate(&order).await.unwrap();
    let (price, tip) = (30_000_000_000, 1_000_000_000);
    let (hash, answer) = writer.sign_and_send(&order, 1, gas + gas / 5, price, tip).await;
    assert_eq!((answer, writer.view(2).await.unwrap().nonce_pending), (l1::Answer::Taken, 2));
    assert_eq!(writer.sign_and_send(&order, 1, gas + gas / 5, price, tip).await, (hash, l1::Answer::Taken));
    let underpriced = writer.sign_and_send(&order, 1, gas + gas / 5, price - 1, tip).await;
    assert_eq!(underpriced.1, l1::Answer::Underpriced);
    assert_eq!(writer.sign_and_send(&order, 0, gas, price, tip).await.1, l1::Answer::NonceTooLow);
    let rich = u64::MAX / 4;
    assert_eq!(writer.sign_and_send(&order, 2, 16_000_000, rich, tip).await.1, l1::Answer::Unfunded);
    assert_eq!(writer.sign_and_send(&order, 2, 1, price, tip).await.1, l1::Answer::Refused);
    assert_eq!(writer.receipt(&hash).await.unwrap(), None);
    network.node.mine(1).await;
    let receipt = writer.receipt(&hash).await.unwrap().unwrap();
    assert!(receipt.succeeded && receipt.price_wei <= price && receipt.gas_used <= gas);
}
