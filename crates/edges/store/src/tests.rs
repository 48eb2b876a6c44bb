use super::*;
use crypto::account::SecretKey;
use ledger::account::Transfer;
use ledger::bridge::{Cursor, asset_of, token_word};
use ledger::{Deposit, Message, Withdraw};
use proof::committee::Committee;
use state::{Sequential, State};
use std::path::{Path, PathBuf};
use task::Parameters;
use transition::{
    Action, Batch, BatchInput, ChainConfig, Entry, Executed, L1Rules, Transaction, execute, genesis, seal,
};
use types::{
    AccountId, Amount, Bytes32, ContentId, Digest, Encode, EthAddress, Height, Millis, Ppm, TransactionId, limits,
};

mod back;
mod cached;
mod crash;
mod journal;
mod model;
mod power;

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn config() -> ChainConfig {
    let parameters = Parameters {
        coordinator: account(3),
        treasury: account(4),
        resolvers: vec![key(20).public(), key(21).public()],
        threshold: 2,
        provider_share: Ppm(800_000),
        author_share: Ppm(50_000),
        slash: Ppm(400_000),
        stake_min: amount(100),
        verdict_window: Millis(500),
    };
    let members = vec![EthAddress([1; 20]), EthAddress([2; 20])];
    ChainConfig {
        salt: Bytes32([1; 32]),
        l1_chain_id: 31337,
        committee: Committee { members, threshold: 2, mandatory: Vec::new() },
        parameters,
        sequencer: key(5).public(),
        rules: L1Rules::default(),
    }
}

fn deposit(index: u64, account: AccountId, quanta: u64) -> Entry {
    let (token, sender) = (token_word(EthAddress::ZERO), EthAddress([8; 20]));
    Entry::Message(Message::Deposit(Deposit { index, account, token, amount: amount(quanta), sender }))
}

/// The whole state, in memory.
fn whole(store: &Store) -> State {
    store.state(None, &Sequential).unwrap()
}

/// A node that is nothing but a state and a store, as it would start from the file.
struct Node {
    store: Store,
    state: State,
    config: ChainConfig,
}

impl Node {
    fn start(path: &Path) -> Self {
        let (store, config) = (Store::open(path).unwrap(), config());
        store.resume(&genesis(&config)).unwrap();
        Self { state: whole(&store), store, config }
    }

    fn execute(&mut self, entries: Vec<Entry>) -> Executed {
        let head = self.store.head().unwrap();
        execute(&mut self.state, &self.config, head.as_ref(), entries, Millis(1_000))
    }

    fn commit(&mut self, entries: Vec<Entry>) -> Executed {
        let executed = self.execute(entries);
        self.store.commit_block(&executed).unwrap();
        executed
    }

    fn inbox_count(&self) -> u64 {
        self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count)
    }

    fn deposit(&self, to: u8, quanta: u64) -> Entry {
        deposit(self.inbox_count(), account(to), quanta)
    }

    fn sign(&self, from: u8, nonce: u64, action: Action) -> (Entry, TransactionId) {
        let tx = Transaction::sign(&key(from), &self.config.hash(), nonce, action);
        (Entry::Transaction(tx.to_bytes().into()), tx.id(&self.config.hash()))
    }

    fn transfer(&self, nonce: u64) -> (Entry, TransactionId) {
        let transfer = Transfer { to: account(2), asset: asset_of(EthAddress::ZERO), amount: amount(1) };
        self.sign(1, nonce, Action::Transfer(transfer))
    }

    fn withdraw(&self, nonce: u64) -> (Entry, TransactionId) {
        let withdraw =
            Withdraw { asset: asset_of(EthAddress::ZERO), amount: amount(7), recipient: EthAddress([9; 20]) };
        self.sign(1, nonce, Action::Withdraw(withdraw))
    }

    /// Seals the blocks from `first` to the head.
    fn seal(&self, first: u64) -> Batch {
        let last = self.store.head().unwrap().unwrap().height.0;
        let heights = || (first..=last).map(Height);
        let blocks: Vec<_> = heights().map(|height| self.store.block(height).unwrap().unwrap()).collect();
        let receipts: Vec<_> = heights().flat_map(|height| self.store.receipts(height).unwrap().unwrap()).collect();
        let parent = self.store.last_batch().unwrap().map(|batch| batch.header);
        seal(&BatchInput {
            config_hash: self.config.hash(),
            parent: parent.as_ref(),
            genesis_root: Digest::ZERO,
            blocks: &blocks,
            receipts: &receipts,
            diff: None,
        })
    }

    /// Checks what must hold of every file that a node finds.
    fn check_whole(&self) -> u64 {
        let Some(head) = self.store.head().unwrap() else {
            return 0;
        };
        assert_eq!(State::restore(self.store.leaves().unwrap()).root(), head.state_root);
        let mut parent = Bytes32::ZERO;
        for height in (1..=head.height.0).map(Height) {
            let block = self.store.block(height).unwrap().unwrap();
            let receipts = self.store.receipts(height).unwrap().unwrap();
            assert_eq!((block.header.height, block.header.parent), (height, parent));
            assert_eq!(block.entries.len(), receipts.len());
            assert_eq!(self.store.header(height).unwrap(), Some(block.header.clone()));
            for (receipt, position) in receipts.iter().zip(0u32..) {
                assert_eq!(self.store.find(TransactionId(receipt.id)).unwrap(), Some((height, position)));
            }
            parent = block.header.hash();
        }
        assert_eq!(self.store.block(head.height.next()).unwrap(), None, "nothing lies beyond the head");
        assert_eq!(self.store.receipts(head.height.next()).unwrap(), None);
        head.height.0
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("node").join("chain.redb")
    }

    fn node(&self) -> Node {
        Node::start(&self.file())
    }
}

/// A node with three blocks: a deposit, transfers, a withdrawal.
fn three_blocks(folder: &Folder) -> (Node, Vec<Executed>) {
    let mut node = folder.node();
    let blocks = vec![
        node.commit(vec![node.deposit(1, 1_000)]),
        node.commit(vec![node.transfer(0).0, node.transfer(1).0]),
        node.commit(vec![node.withdraw(2).0]),
    ];
    (node, blocks)
}

#[test]
fn what_a_block_holds_reads_back() {
    let folder = Folder::new();
    let (node, blocks) = three_blocks(&folder);
    for executed in &blocks {
        let height = executed.block.header.height;
        assert_eq!(node.store.block(height).unwrap().as_ref(), Some(&executed.block));
        assert_eq!(node.store.receipts(height).unwrap().as_ref(), Some(&executed.receipts));
        assert!(executed.receipts.iter().all(|receipt| receipt.is_applied()));
    }
    assert_eq!(node.check_whole(), 3);
    assert_eq!(node.store.find(node.transfer(1).1).unwrap(), Some((Height(2), 1)));
    let placed = (Height(2), 1, blocks[1].receipts[1].clone());
    assert_eq!(node.store.receipt_of(node.transfer(1).1).unwrap(), Some(placed));
    assert_eq!(node.store.find(TransactionId(Digest::ZERO)).unwrap(), None);
    assert_eq!(node.store.receipt_of(TransactionId(Digest::ZERO)).unwrap(), None);
    assert_eq!(node.store.header(Height(0)).unwrap(), None);
}

#[test]
fn an_opened_file_goes_on_where_it_was_closed() {
    let folder = Folder::new();
    let (node, blocks) = three_blocks(&folder);
    let (head, root) = (node.store.head().unwrap(), node.state.root());
    assert_eq!(head.as_ref(), blocks.last().map(|executed| &executed.block.header));
    drop(node);
    let mut node = folder.node();
    assert_eq!((node.store.head().unwrap(), node.state.root()), (head, root));
    node.commit(vec![node.transfer(3).0]);
    assert_eq!(node.check_whole(), 4);
}

#[test]
fn a_chain_is_resumed_with_the_blocks_that_no_batch_holds() {
    let folder = Folder::new();
    let (mut node, blocks) = three_blocks(&folder);
    let batch = node.seal(1);
    let unsealed = |store: &Store| {
        let found = store.resume(&[]).unwrap();
        assert_eq!(whole(store).root(), found.head.unwrap().state_root);
        (found.batch, found.unsealed, found.undo)
    };
    let expected = |batch: Option<&Batch>, blocks: &[Executed]| {
        let pairs: Vec<_> = blocks.iter().map(|executed| (executed.block.clone(), executed.receipts.clone())).collect();
        let undo: Vec<_> = blocks.iter().map(|executed| executed.undo.clone()).collect();
        (batch.cloned(), pairs, undo)
    };
    assert_eq!(unsealed(&node.store), expected(None, &blocks));
    node.store.commit_batch(&batch).unwrap();
    assert_eq!(unsealed(&node.store), expected(Some(&batch), &[]));
    let fourth = node.commit(vec![node.transfer(3).0]);
    assert_eq!(unsealed(&node.store), expected(Some(&batch), &[fourth]));
}

#[test]
fn an_empty_file_has_no_chain() {
    let folder = Folder::new();
    let store = Store::open(folder.file()).unwrap();
    assert_eq!((store.head().unwrap(), store.last_batch().unwrap(), store.leaves().unwrap()), (None, None, vec![]));
    assert_eq!(store.batch_of(Height(1)).unwrap(), None);
}

#[test]
fn a_block_that_does_not_stand_on_the_head_is_refused() {
    let folder = Folder::new();
    let (mut node, blocks) = three_blocks(&folder);
    let refused = |node: &Node, executed: &Executed| {
        let number = executed.block.header.height.0;
        match node.store.commit_block(executed) {
            Err(Error::Order { what: "block", number: found, next: 4 }) => assert_eq!(found, number),
            other => panic!("block {number}: {other:?}"),
        }
    };
    refused(&node, &blocks[2]);
    let entry = node.transfer(3).0;
    let good = node.execute(vec![entry]);
    let mut skipping = good.clone();
    skipping.block.header.height = Height(5);
    refused(&node, &skipping);
    let mut orphan = good.clone();
    orphan.block.header.parent = Bytes32([7; 32]);
    refused(&node, &orphan);
    assert_eq!(node.check_whole(), 3, "a refused block leaves no trace");
    node.store.commit_block(&good).unwrap();
    assert_eq!(node.check_whole(), 4);
}

#[test]
fn a_chain_begins_once() {
    let folder = Folder::new();
    let node = folder.node();
    assert!(matches!(node.store.commit_genesis(&genesis(&node.config)), Err(Error::Begun)));
}

#[test]
fn a_transaction_stands_where_it_took_its_nonce() {
    let folder = Folder::new();
    let mut node = folder.node();
    let (first, second) = (node.transfer(0), node.transfer(1));
    node.commit(vec![node.deposit(1, 1_000), second.0.clone(), second.0.clone()]);
    assert_eq!(node.store.find(second.1).unwrap(), Some((Height(1), 1)), "refused twice: the first time counts");
    node.commit(vec![first.0.clone(), second.0.clone()]);
    assert_eq!(node.store.find(second.1).unwrap(), Some((Height(2), 1)), "applied later: that counts");
    node.commit(vec![second.0, first.0]);
    assert_eq!(node.store.find(second.1).unwrap(), Some((Height(2), 1)), "refused again: the applied one still counts");
    assert_eq!(node.store.find(first.1).unwrap(), Some((Height(2), 0)));
}

#[test]
fn batches_cover_the_blocks_without_gap() {
    let folder = Folder::new();
    let (mut node, _) = three_blocks(&folder);
    let one = node.seal(1);
    assert_eq!(one.withdrawals.len(), 1);
    node.store.commit_batch(&one).unwrap();
    node.commit(vec![node.transfer(3).0]);
    assert_eq!(node.store.batch_of(Height(4)).unwrap(), None, "not sealed yet");
    let two = node.seal(4);
    for bad in [
        one.clone(),
        Batch { first: Height(3), ..two.clone() },
        Batch { first: Height(5), ..two.clone() },
        Batch { last: Height(3), ..two.clone() },
        Batch { last: Height(5), ..two.clone() },
    ] {
        assert!(matches!(node.store.commit_batch(&bad), Err(Error::Order { what: "batch", next: 2, .. })));
    }
    node.store.commit_batch(&two).unwrap();
    let of = |height| node.store.batch_of(Height(height)).unwrap().map(|batch| batch.header.number);
    assert_eq!([0, 1, 3, 4, 5].map(of), [None, Some(1), Some(1), Some(2), None]);
    assert_eq!(node.store.batch(1).unwrap(), Some(one));
    assert_eq!(node.store.batch(3).unwrap(), None);
    assert_eq!(node.store.last_batch().unwrap(), Some(two));
}

#[test]
fn evidence_and_settlement_belong_to_a_batch() {
    let folder = Folder::new();
    let (node, _) = three_blocks(&folder);
    let settlement = Settlement { transaction: Bytes32([3; 32]), block: 9, gas_used: 120_000 };
    assert!(matches!(node.store.commit_evidence(1, &[1]), Err(Error::UnknownBatch(1))));
    assert!(matches!(node.store.commit_settlement(1, &settlement), Err(Error::UnknownBatch(1))));
    node.store.commit_batch(&node.seal(1)).unwrap();
    assert_eq!((node.store.evidence(1).unwrap(), node.store.settlement(1).unwrap()), (None, None));
    assert_eq!(node.store.settled().unwrap(), 0);
    node.store.commit_evidence(1, &[1; 65]).unwrap();
    node.store.commit_evidence(1, &[1; 130]).unwrap();
    node.store.commit_settlement(1, &settlement).unwrap();
    let moved = Settlement { block: 10, ..settlement };
    assert_eq!(node.store.settled().unwrap(), 1);
    node.store.commit_settlement(1, &moved).unwrap();
    drop(node);
    let store = folder.node().store;
    assert_eq!((store.evidence(1).unwrap(), store.settlement(1).unwrap()), (Some(vec![1; 130]), Some(moved)));
}

#[test]
fn content_is_found_by_its_hash_and_no_other_bytes_are_returned() {
    let folder = Folder::new();
    let store = Store::open(folder.file()).unwrap();
    let id = store.put_content(b"program").unwrap();
    assert_eq!(id, crypto::content_id(b"program"));
    assert_eq!(store.put_content(b"program").unwrap(), id, "twice is once");
    assert_eq!(store.content(id).unwrap().as_deref(), Some(&b"program"[..]));
    assert_eq!(store.content(ContentId::ZERO).unwrap(), None);
    store.damage("contents", &id.0, Some(b"other program"));
    assert!(matches!(store.content(id), Err(Error::Corrupt { table: "contents", .. })));
}

#[test]
fn content_is_bounded() {
    let folder = Folder::new();
    let store = Store::open(folder.file()).unwrap();
    let mut bytes = vec![5; limits::CONTENT_BYTES];
    let id = store.put_content(&bytes).unwrap();
    assert_eq!(store.content(id).unwrap().map(|bytes| bytes.len()), Some(limits::CONTENT_BYTES));
    bytes.push(5);
    let refused = store.put_content(&bytes).unwrap_err();
    assert_eq!(refused.to_string(), "the content has 8388609 bytes and may have 8388608: split it or make it smaller");
}

#[test]
fn a_file_in_use_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let held = Store::open(folder.file()).unwrap();
    let clone = held.clone();
    let refused = Store::open(folder.file()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Held { .. }));
    assert!(refused.to_string().contains("`talea down`"), "{refused}");
    drop(held);
    assert!(Store::open(folder.file()).is_err(), "a clone still holds it");
    drop(clone);
    assert!(Store::open(folder.file()).is_ok());
}

#[test]
fn another_format_is_refused() {
    let folder = Folder::new();
    let store = Store::open(folder.file()).unwrap();
    store.damage("meta", b"format", Some(&1u32.to_bytes()));
    drop(store);
    assert!(matches!(Store::open(folder.file()), Err(Error::Format { known: 2, .. })));

    let other = folder.0.path().join("other.redb");
    file::File::open(&disk::System, &other)
        .unwrap()
        .write("make another's file", |w| w.make(file::Table("theirs")))
        .unwrap();
    assert!(matches!(Store::open(&other), Err(Error::Format { known: 2, .. })));

    let text = folder.0.path().join("notes.txt");
    std::fs::write(&text, "no database at all").unwrap();
    assert!(Store::open(&text).is_err());
    assert_eq!(std::fs::read(&text).unwrap(), b"no database at all", "a stranger's file is left as it is");
}

#[test]
fn damage_is_named_and_never_decoded_into_something_else() {
    let folder = Folder::new();
    let (node, blocks) = three_blocks(&folder);
    node.store.commit_batch(&node.seal(1)).unwrap();
    let settlement = Settlement { transaction: Bytes32::ZERO, block: 1, gas_used: 1 };
    node.store.commit_settlement(1, &settlement).unwrap();
    let (store, two, three) = (&node.store, 2u64.to_be_bytes(), 3u64.to_be_bytes());
    let says = |result: Result<(), Error>, what: &str| {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(what) && text.contains("put a copy of the file in its place"), "{text}");
    };
    let id = blocks[1].receipts[0].id;
    store.damage("transactions", &id.to_bytes(), Some(&[1]));
    says(store.find(TransactionId(id)).map(|_| ()), &format!("transactions entry {}", &id.to_string()[2..]));
    store.damage("receipts", &two, Some(&[0, 0, 0, 9]));
    says(store.receipts(Height(2)).map(|_| ()), "receipts entry 2");
    store.damage("entries", &two, None);
    says(store.block(Height(2)).map(|_| ()), "entries entry 2");
    store.damage("settlements", &1u64.to_be_bytes(), Some(&[]));
    says(store.settlement(1).map(|_| ()), "settlements entry 1");
    store.damage("headers", &three, Some(&blocks[0].block.header.to_bytes()));
    says(store.header(Height(3)).map(|_| ()), "headers entry 3");
    store.damage("batch_ends", &three, Some(&2u64.to_be_bytes()));
    says(store.batch_of(Height(1)).map(|_| ()), "batch_ends entry 3");
    store.damage("batches", &1u64.to_be_bytes(), Some(&[1, 2, 3]));
    says(store.batch(1).map(|_| ()), "batches entry 1");
    store.damage("leaves", &[1], Some(&[0]));
    says(store.leaves().map(|_| ()), "leaves entry 01");
}
