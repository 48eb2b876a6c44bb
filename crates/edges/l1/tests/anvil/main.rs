//! The crate against a real node.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

mod claims;
mod node;
mod rollup;

use crypto::eth::{EthKey, keccak};
use crypto::{Secret, list};
use l1::deploy::{Deployed, Deployment, deploy};
use l1::{Error, Limits, Reader, Units, Writer};
use ledger::bridge::token_word;
use ledger::{Deposit, Message, Withdrawal};
use node::Node;
use proof::committee::{Committee, evidence};
use proof::{BatchHeader, Domain};
use std::time::Duration;
use transition::L1Rules;
use types::{AccountId, Amount, Bytes32, Digest, EthAddress};

/// The first two accounts of the node's public mnemonic; both are rich there and nowhere else.
const RICH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ALSO_RICH: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/// A node with a rollup on it.
struct Network {
    node: Node,
    members: Vec<EthKey>,
    deployed: Deployed,
}

impl Network {
    async fn start() -> Self {
        Self::with(&L1Rules::default(), digest(2)).await
    }

    /// Starts a rollup with these rules and this state.
    async fn with(rules: &L1Rules, genesis_root: Digest) -> Self {
        let node = Node::start();
        let mut members: Vec<_> = (1..4).map(|n| EthKey::from_bytes([n; 32]).unwrap()).collect();
        members.sort_by_key(EthKey::address);
        let committee =
            Committee { members: members.iter().map(EthKey::address).collect(), threshold: 2, mandatory: Vec::new() };
        let deployment = Deployment {
            config_hash: digest(1),
            genesis_root,
            committee: &committee,
            rules,
            owner: EthAddress::ZERO,
            dev_token: true,
        };
        let deployed = deploy(&node.url, &secret(RICH), &deployment).await.unwrap();
        Self { node, members, deployed }
    }

    async fn reader(&self, confirmations: u64) -> Reader {
        let reader = Reader::connect(&self.node.url, self.deployed.contracts(), confirmations).await.unwrap();
        reader.starting_at(self.deployed.block)
    }

    async fn writer(&self, key: &str) -> Writer {
        Writer::connect(&self.node.url, &secret(key), self.deployed.contracts()).await.unwrap()
    }

    fn token(&self) -> EthAddress {
        self.deployed.token.unwrap()
    }

    fn evidence(&self, batch: &BatchHeader, signers: usize) -> Vec<u8> {
        let domain = Domain { chain_id: 31337, rollup: self.deployed.rollup };
        let digest = batch.digest(&domain);
        let signatures: Vec<_> = self.members[..signers].iter().map(|key| (key.address(), key.sign(&digest))).collect();
        evidence(&signatures)
    }

    /// Settles the first batch, with these withdrawals.
    async fn settle(&self, writer: &Writer, withdrawals: &[Withdrawal]) -> l1::Sent {
        let leaves: Vec<_> = withdrawals.iter().map(Withdrawal::leaf).collect();
        let batch = BatchHeader { withdrawals_root: list::root(&leaves), ..first_batch() };
        writer.settle(&batch, &[], &self.evidence(&batch, 2)).await.unwrap()
    }
}

fn secret(hex: &str) -> Secret<[u8; 32]> {
    Secret::new(hex.parse::<Bytes32>().unwrap().0)
}

fn digest(n: u64) -> Digest {
    Digest::new([n, n, n, n]).unwrap()
}

fn account(n: u64) -> AccountId {
    AccountId(digest(n))
}

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

/// Returns what a deposit's message says was deposited.
fn deposited(message: &Message) -> Amount {
    match message {
        Message::Deposit(deposit) => deposit.amount,
        other => panic!("no deposit: {other:?}"),
    }
}

fn first_batch() -> BatchHeader {
    BatchHeader {
        config_hash: digest(1),
        number: 1,
        parent_root: digest(2),
        state_root: digest(3),
        inbox_count: 0,
        inbox_hash: Bytes32::ZERO,
        withdrawals_root: Bytes32::ZERO,
        data_root: keccak(&[b"data"]),
        diff_hash: Bytes32::ZERO,
    }
}

fn name<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Reverted { name, .. }) => name,
        other => panic!("expected a revert, not {other:?}"),
    }
}

#[tokio::test]
async fn deposits_read_back_equal_and_add_up() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    let (token, sender) = (network.token(), writer.address());
    assert_eq!(reader.messages(0, 10).await.unwrap(), []);

    writer.mint(token, sender, Units::from(1_000u64)).await.unwrap();
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let first = writer.deposit_token(token, amount(30), account(8)).await.unwrap();
    assert!(first.approval.is_some());
    writer.deposit_eth(amount(6), account(9)).await.unwrap();

    let deposit = |index, of, token, quanta| {
        let (account, token, amount) = (account(of), token_word(token), amount(quanta));
        Message::Deposit(Deposit { index, account, token, amount, sender })
    };
    let expected = [deposit(0, 7, EthAddress::ZERO, 5), deposit(1, 8, token, 30), deposit(2, 9, EthAddress::ZERO, 6)];
    assert_eq!(reader.messages(0, 2).await.unwrap(), expected[..2]);
    assert_eq!(reader.messages(2, 2).await.unwrap(), expected[2..]);
    assert_eq!(reader.messages(3, 2).await.unwrap(), []);
    assert_eq!(reader.messages(4, 2).await.unwrap(), [], "beyond the end");
    assert_eq!(reader.messages(1, u64::MAX).await.unwrap(), expected[1..], "going back");
    assert_eq!(reader.messages(0, 0).await.unwrap(), []);

    let hash = expected.iter().fold(Bytes32::ZERO, |hash, message| message.hash_after(&hash));
    assert_eq!(reader.inbox_hash(3).await.unwrap(), Some(hash));
    assert_eq!(reader.inbox_hash(0).await.unwrap(), Some(Bytes32::ZERO));
    assert_eq!(reader.inbox_hash(4).await.unwrap(), None);
    assert_eq!(reader.vault_locked(EthAddress::ZERO).await.unwrap(), Units::from(11_000_000_000u64));
    assert_eq!(reader.vault_locked(token).await.unwrap(), Units::from(30u64));
    assert_eq!(reader.token_balance(token, sender).await.unwrap(), Units::from(970u64));
    assert_eq!(reader.quantum(token).await.unwrap(), Some(Units::from(1u64)));
    assert_eq!(reader.quantum(EthAddress([9; 20])).await.unwrap(), None);
}

#[tokio::test]
async fn deposits_and_settlements_are_found_across_many_blocks() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(2).await);
    writer.deposit_eth(amount(1), account(1)).await.unwrap();
    let sent = network.settle(&writer, &[]).await;
    // More than are searched at once.
    network.node.mine(2_010).await;
    writer.deposit_eth(amount(2), account(2)).await.unwrap();
    network.node.mine(2).await;
    let found: Vec<_> = reader.messages(0, 9).await.unwrap().iter().map(deposited).collect();
    assert_eq!(found, [amount(1), amount(2)]);
    assert_eq!(reader.settlement(1).await.unwrap().unwrap().block, sent.block);
}

#[tokio::test]
async fn a_settled_batch_is_read_back_once_it_is_deep_enough() {
    let network = Network::start().await;
    let (writer, reader, deep) = (network.writer(RICH).await, network.reader(0).await, network.reader(3).await);
    let before = reader.settled().await.unwrap();
    assert_eq!((before.number, before.state_root), (0, digest(2)));
    assert_eq!(reader.settlement(1).await.unwrap(), None);

    network.node.mine(3).await;
    let sent = network.settle(&writer, &[]).await;
    let after = reader.settled().await.unwrap();
    assert_eq!((after.number, after.state_root), (1, digest(3)));
    assert_eq!(deep.settled().await.unwrap(), before);
    assert_eq!(deep.settlement(1).await.unwrap(), None);
    network.node.mine(3).await;
    assert_eq!(deep.settled().await.unwrap(), after);
    let settlement = deep.settlement(1).await.unwrap().unwrap();
    assert_eq!(
        (settlement.transaction, settlement.block, settlement.gas_used),
        (sent.transaction, sent.block, sent.gas_used)
    );
    assert_eq!(reader.settlement(0).await.unwrap(), None);
    assert_eq!(reader.settlement(2).await.unwrap(), None);
}

#[tokio::test]
async fn a_batch_consumes_the_inbox_it_names() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let inbox_hash = reader.inbox_hash(1).await.unwrap().unwrap();
    let batch = BatchHeader { inbox_count: 1, inbox_hash, ..first_batch() };
    writer.settle(&batch, &[], &network.evidence(&batch, 3)).await.unwrap();
    assert_eq!(reader.settled().await.unwrap().number, 1);
}

#[tokio::test]
async fn a_tampered_batch_is_refused_by_name() {
    let network = Network::start().await;
    let writer = network.writer(RICH).await;
    type Tamper = fn(&mut BatchHeader);
    let cases: [(&str, Tamper); 6] = [
        ("ConfigHashWrong", |batch| batch.config_hash = digest(9)),
        ("NumberWrong", |batch| batch.number = 2),
        ("ParentRootWrong", |batch| batch.parent_root = digest(9)),
        ("StateRootZero", |batch| batch.state_root = Digest::ZERO),
        ("InboxCountOutOfRange", |batch| batch.inbox_count = 1),
        ("InboxHashWrong", |batch| batch.inbox_hash = Bytes32([1; 32])),
    ];
    for (expected, tamper) in cases {
        let mut batch = first_batch();
        tamper(&mut batch);
        assert_eq!(name(writer.settle(&batch, &[], &network.evidence(&batch, 2)).await), expected);
    }

    let (batch, good) = (first_batch(), network.evidence(&first_batch(), 2));
    assert_eq!(name(writer.settle(&batch, &[], &network.evidence(&batch, 1)).await), "QuorumMissed");
    assert_eq!(name(writer.settle(&batch, &[], &[]).await), "QuorumMissed");
    assert_eq!(name(writer.settle(&batch, &[], &good[1..]).await), "EvidenceMalformed");
    assert_eq!(name(writer.settle(&batch, &[], &[&good[65..], &good[..65]].concat()).await), "SignersUnsorted");
    let mut bad = good.clone();
    bad[64] = 0;
    assert_eq!(name(writer.settle(&batch, &[], &bad).await), "SignatureInvalid");
    // Good signatures over another root: each recovers to somebody, but to no member.
    let other = BatchHeader { state_root: digest(8), ..first_batch() };
    let refused = name(writer.settle(&other, &[], &good).await);
    assert!(["SignerUnknown", "SignersUnsorted"].contains(&refused.as_str()), "{refused}");

    writer.settle(&batch, &[], &good).await.unwrap();
    assert_eq!(name(writer.settle(&batch, &[], &good).await), "NumberWrong");
}

#[tokio::test]
async fn a_claim_pays_once() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    let (token, recipient) = (network.token(), EthAddress([0x77; 20]));
    writer.mint(token, writer.address(), Units::from(50u64)).await.unwrap();
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    writer.deposit_token(token, amount(50), account(7)).await.unwrap();

    let withdrawal =
        |index, token, quanta| Withdrawal { index, recipient, token: token_word(token), amount: amount(quanta) };
    let withdrawals = [withdrawal(0, EthAddress::ZERO, 3), withdrawal(1, token, 20), withdrawal(2, token, 1)];
    network.settle(&writer, &withdrawals).await;
    let leaves: Vec<_> = withdrawals.iter().map(Withdrawal::leaf).collect();
    let path = |position| list::path(&leaves, position).unwrap();

    assert!(!reader.is_claimed(0).await.unwrap());
    writer.claim(1, &withdrawals[0], 0, &path(0)).await.unwrap();
    writer.claim(1, &withdrawals[1], 1, &path(1)).await.unwrap();
    assert!(reader.is_claimed(0).await.unwrap() && reader.is_claimed(1).await.unwrap());
    assert_eq!(reader.eth_balance(recipient).await.unwrap(), Units::from(3_000_000_000u64));
    assert_eq!(reader.token_balance(token, recipient).await.unwrap(), Units::from(20u64));
    assert_eq!(reader.vault_locked(token).await.unwrap(), Units::from(30u64));

    assert_eq!(name(writer.claim(1, &withdrawals[0], 0, &path(0)).await), "AlreadyClaimed");
    assert_eq!(name(writer.claim(1, &withdrawals[2], 1, &path(2)).await), "ProofInvalid");
    let forged = Withdrawal { amount: amount(2), ..withdrawals[2].clone() };
    assert_eq!(name(writer.claim(1, &forged, 2, &path(2)).await), "ProofInvalid");
    assert_eq!(name(writer.claim(2, &withdrawals[2], 2, &path(2)).await), "ProofInvalid");
    assert!(!reader.is_claimed(2).await.unwrap());
}

/// Both claims pass the estimate, because neither is in a block yet; only the receipt of the later tells that it failed.
#[tokio::test]
async fn a_claim_that_loses_the_race_is_refused_by_name() {
    let network = Network::start().await;
    let (writer, rival) = (network.writer(RICH).await, network.writer(ALSO_RICH).await);
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let withdrawal = Withdrawal { index: 0, recipient: EthAddress([7; 20]), token: Bytes32::ZERO, amount: amount(3) };
    network.settle(&writer, std::slice::from_ref(&withdrawal)).await;

    network.node.call::<_, ()>("evm_setAutomine", (false,)).await;
    let mined = async {
        while network.pending().await < 2 {
            tokio::task::yield_now().await;
        }
        network.node.mine(1).await;
    };
    let (one, other, ()) =
        tokio::join!(writer.claim(1, &withdrawal, 0, &[]), rival.claim(1, &withdrawal, 0, &[]), mined);
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!((won.is_ok(), name(lost).as_str()), (true, "AlreadyClaimed"));
}

impl Network {
    /// Counts the transactions that wait for a block.
    async fn pending(&self) -> u64 {
        let no_arguments: [(); 0] = [];
        let status: std::collections::BTreeMap<String, String> = self.node.call("txpool_status", no_arguments).await;
        u64::from_str_radix(status["pending"].trim_start_matches("0x"), 16).unwrap()
    }
}

#[tokio::test]
async fn deposits_wait_until_they_are_deep_enough() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(3).await);
    writer.deposit_eth(amount(5), account(7)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(reader.messages(0, 9).await.unwrap(), []);
        assert_eq!(reader.inbox_hash(1).await.unwrap(), None);
        network.node.mine(1).await;
    }
    assert_eq!(reader.messages(0, 9).await.unwrap().len(), 1);
    assert!(reader.inbox_hash(1).await.unwrap().is_some());
}

#[tokio::test]
async fn following_the_inbox_misses_no_block() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    for index in 0..4 {
        assert_eq!(reader.messages(index, 1).await.unwrap(), []);
        writer.deposit_eth(amount(index + 1), account(1)).await.unwrap();
        let found = reader.messages(index, 1).await.unwrap();
        assert_eq!((found.len(), deposited(&found[0])), (1, amount(index + 1)));
    }
}

#[tokio::test]
async fn a_chain_too_short_to_be_sure_says_so() {
    let network = Network::start().await;
    for confirmations in [3, 100, u64::MAX] {
        let reader = network.reader(confirmations).await;
        assert!(matches!(reader.settled().await, Err(Error::TooRecent { .. })));
        assert_eq!(reader.messages(0, 9).await.unwrap(), []);
        assert_eq!(reader.settlement(1).await.unwrap(), None);
        assert_eq!(reader.inbox_hash(0).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_deposit_that_the_chain_drops_never_surfaces() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(3).await);
    writer.deposit_eth(amount(1), account(1)).await.unwrap();
    network.node.mine(3).await;
    assert_eq!(reader.messages(0, 9).await.unwrap().len(), 1);
    assert_eq!(reader.messages(1, 9).await.unwrap(), []);

    writer.deposit_eth(amount(2), account(2)).await.unwrap();
    network.node.mine(1).await;
    assert_eq!(reader.messages(1, 9).await.unwrap(), []);
    network.node.reorganise(2).await;
    network.node.mine(9).await;
    assert_eq!(reader.messages(1, 9).await.unwrap(), [], "dropped by replacing its block");

    writer.deposit_eth(amount(3), account(3)).await.unwrap();
    network.node.mine(1).await;
    network.node.call::<_, ()>("anvil_rollback", (2,)).await;
    assert_eq!(reader.messages(1, 9).await.unwrap(), [], "dropped by shortening the chain");

    writer.deposit_eth(amount(4), account(4)).await.unwrap();
    network.node.mine(3).await;
    let found = reader.messages(1, 9).await.unwrap();
    assert_eq!((found.len(), found[0].index(), deposited(&found[0])), (1, 1, amount(4)));
}

#[tokio::test]
async fn a_reorganisation_below_the_chosen_depth_is_an_error() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    writer.deposit_eth(amount(1), account(1)).await.unwrap();
    assert_eq!(reader.messages(0, 9).await.unwrap().len(), 1);
    network.node.reorganise(1).await;
    assert_eq!(reader.messages(1, 9).await.unwrap(), []);
    writer.deposit_eth(amount(2), account(2)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(reader.messages(1, 9).await, Err(Error::Reorganised { confirmations: 0 })));
    }
}

#[tokio::test]
async fn logs_that_do_not_add_up_are_an_error() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    let block = writer.deposit_eth(amount(1), account(1)).await.unwrap().block;
    let late = network.reader(0).await.starting_at(block + 1);
    let message = late.messages(0, 9).await.unwrap_err().to_string();
    assert!(message.contains("message 0 is queued but not among the logs"), "{message}");

    // The hash after one deposit is in a mapping, at keccak(key, slot). Whichever slot it is, it changes.
    for slot in 0..16 {
        let place = crypto::eth::Words::new().number(1).number(slot).keccak();
        let wrong = Bytes32([0xab; 32]);
        let arguments = (network.deployed.rollup.to_string(), place.to_string(), wrong.to_string());
        assert!(network.node.call::<_, bool>("anvil_setStorageAt", arguments).await);
    }
    let message = reader.messages(0, 9).await.unwrap_err().to_string();
    assert!(message.contains("do not add up"), "{message}");
}

#[tokio::test]
async fn many_calls_of_one_writer_never_share_a_nonce() {
    let network = Network::start().await;
    let (writer, reader) = (network.writer(RICH).await, network.reader(0).await);
    let writer = std::sync::Arc::new(writer);
    let mut calls = tokio::task::JoinSet::new();
    for n in 1..9 {
        let writer = writer.clone();
        calls.spawn(async move { writer.deposit_eth(amount(n), account(n)).await });
    }
    for sent in calls.join_all().await {
        sent.unwrap();
    }
    assert_eq!(reader.messages(0, 99).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_transaction_that_stays_out_of_blocks_is_named_in_the_error() {
    let network = Network::start().await;
    let limits = Limits { receipt_wait: Duration::from_millis(120), ..Limits::default() };
    let (writer, reader) = (network.writer(RICH).await.limited_to(limits), network.reader(0).await);
    network.node.call::<_, ()>("evm_setAutomine", (false,)).await;
    let late = writer.deposit_eth(amount(1), account(1)).await;
    assert!(matches!(late, Err(Error::Timeout { waited_ms: 120, .. })), "{late:?}");
    network.node.mine(1).await;
    assert_eq!(reader.messages(0, 9).await.unwrap().len(), 1, "it may still come");
}

#[tokio::test]
async fn fees_above_the_limit_are_not_paid() {
    let network = Network::start().await;
    let writer = network.writer(RICH).await;
    let (limit_wei, base_wei) = (Limits::default().gas_price_max_wei, 900_000_000_000u64);
    network.node.call::<_, ()>("anvil_setNextBlockBaseFeePerGas", (format!("{base_wei:#x}"),)).await;
    network.node.mine(1).await;
    let refused = writer.deposit_eth(amount(1), account(1)).await;
    assert!(matches!(refused, Err(Error::FeeTooHigh { limit_wei: limit, .. }) if limit == limit_wei), "{refused:?}");
    let generous = writer.limited_to(Limits { gas_price_max_wei: 2 * u128::from(base_wei), ..Limits::default() });
    generous.deposit_eth(amount(1), account(1)).await.unwrap();
}

#[tokio::test]
async fn each_cause_has_its_own_error() {
    let network = Network::start().await;
    let (url, contracts) = (network.node.url.as_str(), network.deployed.contracts());
    let connect = |url: &str, contracts| {
        let url = url.to_owned();
        async move { Reader::connect(&url, contracts, 0).await.map(|_| ()) }
    };
    assert!(matches!(connect("http://127.0.0.1:1", contracts).await, Err(Error::Unreachable { .. })));
    for bad in ["", "localhost", "https://127.0.0.1:1", "ftp://127.0.0.1"] {
        assert!(matches!(connect(bad, contracts).await, Err(Error::BadUrl { .. })), "{bad}");
    }
    let nowhere = l1::Contracts { rollup: EthAddress([9; 20]), ..contracts };
    assert!(matches!(connect(url, nowhere).await, Err(Error::NoCode { address }) if address == nowhere.rollup));
    let mixed = l1::Contracts { vault: network.token(), ..contracts };
    assert!(matches!(connect(url, mixed).await, Err(Error::WrongChain { .. })));
    let swapped = l1::Contracts { rollup: contracts.vault, vault: contracts.rollup };
    assert!(connect(url, swapped).await.is_err());

    let reader = network.reader(0).await;
    assert_eq!((reader.chain_id(), reader.config_hash().await.unwrap()), (31337, digest(1)));
    assert!(reader.check_config(31337, &digest(1)).await.is_ok());
    assert!(matches!(reader.check_config(1, &digest(1)).await, Err(Error::WrongChain { .. })));
    assert!(matches!(reader.check_config(31337, &digest(2)).await, Err(Error::WrongChain { .. })));

    let zero = Secret::new([0; 32]);
    assert!(matches!(Writer::connect(url, &zero, contracts).await.map(|_| ()), Err(Error::BadKey)));
    let poor = Writer::connect(url, &Secret::new([0x42; 32]), contracts).await.unwrap();
    let refused = poor.deposit_eth(amount(1), account(1)).await;
    assert!(matches!(refused, Err(Error::Unfunded { address, .. }) if address == poor.address()), "{refused:?}");
    let refused = poor.mint(network.token(), poor.address(), Units::from(1u64)).await;
    assert!(matches!(refused, Err(Error::Unfunded { .. })), "{refused:?}");

    let writer = network.writer(RICH).await;
    assert_eq!(name(writer.deposit_eth(Amount::ZERO, account(1)).await), "AmountZero");
    assert_eq!(name(writer.deposit_eth(amount(1), AccountId(Digest::ZERO)).await), "AccountMalformed");
    assert_eq!(name(writer.deposit_token(EthAddress::ZERO, amount(1), account(1)).await), "TokenUnknown");
    assert_eq!(name(writer.deposit_token(EthAddress([8; 20]), amount(1), account(1)).await), "TokenUnknown");
    assert_eq!(name(writer.deposit_token(network.token(), amount(1), account(1)).await), "ERC20InsufficientBalance");
    assert!(name(writer.mint(contracts.vault, writer.address(), Units::ZERO).await).starts_with("no reason"));
}

#[tokio::test]
async fn an_unsound_deployment_is_refused() {
    let node = Node::start();
    let members: Vec<_> = (1..4u8).map(|n| EthAddress([n; 20])).collect();
    let sound = Committee { members, threshold: 2, mandatory: Vec::new() };
    let weak = Committee { threshold: 1, ..sound.clone() };
    let rules = L1Rules::default();
    let deployment = Deployment {
        config_hash: digest(1),
        genesis_root: digest(2),
        committee: &weak,
        rules: &rules,
        owner: EthAddress::ZERO,
        dev_token: false,
    };
    let refused = deploy(&node.url, &secret(RICH), &deployment).await;
    assert!(matches!(refused, Err(Error::BadCommittee { .. })), "{refused:?}");
    let rootless = Deployment { genesis_root: Digest::ZERO, committee: &sound, ..deployment };
    assert_eq!(name(deploy(&node.url, &secret(RICH), &rootless).await), "GenesisIncomplete");
    let hasty = L1Rules { exit_window_s: 0, ..rules.clone() };
    let windowless = Deployment { rules: &hasty, committee: &sound, ..deployment };
    assert_eq!(name(deploy(&node.url, &secret(RICH), &windowless).await), "RulesUnsafe");

    let tokenless = Deployment { committee: &sound, ..deployment };
    let deployed = deploy(&node.url, &secret(RICH), &tokenless).await.unwrap();
    assert_eq!((deployed.token, deployed.gas.token, deployed.gas.registration), (None, 0, 0));
}

/// Upper bounds with room, so that a careless change of a contract shows. The exact numbers go to standard error.
#[tokio::test]
async fn gas_stays_within_its_bounds() {
    let network = Network::start().await;
    let writer = network.writer(RICH).await;
    let token = network.token();
    let recipient = EthAddress([7; 20]);
    let withdrawal = |index, token| Withdrawal { index, recipient, token: token_word(token), amount: amount(1) };
    let withdrawals = [withdrawal(0, EthAddress::ZERO), withdrawal(1, token)];
    let leaves: Vec<_> = withdrawals.iter().map(Withdrawal::leaf).collect();
    let path = |position| list::path(&leaves, position).unwrap();

    let minted = writer.mint(token, writer.address(), Units::from(9u64)).await.unwrap();
    let first_eth = writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let later_eth = writer.deposit_eth(amount(5), account(7)).await.unwrap();
    let in_token = writer.deposit_token(token, amount(5), account(7)).await.unwrap();
    let settled = network.settle(&writer, &withdrawals).await;
    let eth_claim = writer.claim(1, &withdrawals[0], 0, &path(0)).await.unwrap();
    let token_claim = writer.claim(1, &withdrawals[1], 1, &path(1)).await.unwrap();

    let gas = network.deployed.gas;
    let bounds = [
        ("deploy committee", gas.committee, 1_100_000),
        ("deploy rollup, vault, exits and halves", gas.rollup, 9_500_000),
        ("deploy dev token", gas.token, 800_000),
        ("register dev token", gas.registration, 180_000),
        ("mint", minted.gas_used, 80_000),
        ("first ETH deposit", first_eth.gas_used, 160_000),
        ("later ETH deposit", later_eth.gas_used, 110_000),
        ("approval", in_token.approval.unwrap().gas_used, 60_000),
        ("first token deposit", in_token.deposit.gas_used, 170_000),
        ("settle, two signatures", settled.gas_used, 170_000),
        ("ETH claim", eth_claim.gas_used, 130_000),
        ("token claim", token_claim.gas_used, 130_000),
    ];
    for (what, used, bound) in bounds {
        eprintln!("{what}: {used} gas");
        assert!(used <= bound, "{what}: {used} gas, above {bound}");
    }
}
