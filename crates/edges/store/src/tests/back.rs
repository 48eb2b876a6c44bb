//! Taking back, forgetting, and copying a chain that was really executed.

use super::*;
use crate::tail::Bounds;
use std::fs;
use std::sync::Arc;

impl Node {
    /// Starts over from what is stored, as after a crash.
    fn again(self) -> Self {
        let (store, config) = (self.store, self.config);
        Self { state: whole(&store), store, config }
    }

    fn root(&self) -> Digest {
        self.store.head().unwrap().unwrap().state_root
    }
}

/// A node with two batches, of three blocks and of one, and a block behind them.
fn two_batches(folder: &Folder) -> (Node, Vec<Executed>) {
    let (mut node, mut blocks) = three_blocks(folder);
    node.store.commit_batch(&node.seal(1)).unwrap();
    blocks.push(node.commit(vec![node.transfer(3).0]));
    node.store.commit_batch(&node.seal(4)).unwrap();
    blocks.push(node.commit(vec![node.transfer(4).0]));
    (node, blocks)
}

#[test]
fn a_chain_taken_back_is_as_it_was_and_goes_on() {
    let folder = Folder::new();
    let (node, blocks) = two_batches(&folder);
    node.store.commit_evidence(2, &[1]).unwrap();
    node.store.commit_outbox(7, Some(&[7])).unwrap();
    let rewound = node.store.rewind(1).unwrap();
    assert_eq!(rewound.head.as_ref(), Some(&blocks[2].block.header));
    assert_eq!(rewound.batch.as_ref().map(|batch| batch.header.number), Some(1));
    let removed: Vec<_> = blocks[3..].iter().map(|executed| executed.block.clone()).collect();
    assert_eq!(rewound.removed, removed);
    let entries: Vec<Entry> = rewound.entries().cloned().collect();
    assert_eq!(entries.len(), 2);

    let mut node = node.again();
    assert_eq!((node.check_whole(), node.root()), (3, blocks[2].block.header.state_root));
    assert_eq!(node.store.find(node.transfer(3).1).unwrap(), None);
    assert_eq!((node.store.evidence(2).unwrap(), node.store.batch(2).unwrap()), (None, None));
    assert_eq!(node.store.outbox().unwrap(), [(7, vec![7])], "what was sent was sent");

    let joined = node.commit(entries);
    assert!(joined.receipts.iter().all(|receipt| receipt.is_applied()), "the same entries fit again");
    assert_eq!(node.root(), blocks[4].block.header.state_root);
    node.store.commit_batch(&node.seal(4)).unwrap();
    drop(node);
    let node = folder.node();
    assert_eq!(node.check_whole(), 4);
    assert_eq!(node.store.last_batch().unwrap().unwrap().header.number, 2);
}

#[test]
fn what_was_taken_back_is_kept_until_it_is_dealt_with() {
    let folder = Folder::new();
    let (node, blocks) = two_batches(&folder);
    let bytes = |entry: &Entry| match entry {
        Entry::Transaction(bytes) => bytes.clone(),
        Entry::Message(_) => panic!("only transactions are taken back here"),
    };
    let of = |blocks: &[Executed]| blocks.iter().flat_map(|b| &b.block.entries).map(bytes).collect::<Vec<_>>();
    assert!(node.store.revoked().unwrap().is_empty());
    node.store.rewind(1).unwrap();
    let mut node = node.again();
    assert_eq!(node.store.revoked().unwrap(), of(&blocks[3..]), "across a crash");
    // One of the two is in the chain again when that is taken back too: it comes first, and once.
    node.commit(blocks[3].block.entries.clone());
    node.store.commit_batch(&node.seal(4)).unwrap();
    let other = node.transfer(7).0;
    node.commit(vec![other.clone()]);
    node.store.rewind(2).unwrap();
    assert_eq!(node.store.revoked().unwrap(), [vec![bytes(&other)], of(&blocks[3..])].concat());
    node.store.rewind(1).unwrap();
    let again = [of(&blocks[3..4]), vec![bytes(&other)], of(&blocks[4..])].concat();
    assert_eq!(node.store.revoked().unwrap(), again);
    node.store.forget_revoked().unwrap();
    drop(node);
    assert!(folder.node().store.revoked().unwrap().is_empty());
}

#[test]
fn a_transaction_stands_again_where_it_stood_before() {
    for between in [true, false] {
        let folder = Folder::new();
        let bounds = Bounds { background: false, ..Bounds::default() };
        let store = Store::open_on(Arc::new(disk::System), &folder.file(), bounds).unwrap();
        let mut node = Node { store, state: State::default(), config: config() };
        node.store.resume(&genesis(&node.config)).unwrap();
        node.state = whole(&node.store);
        let (first, second) = (node.transfer(0), node.transfer(1));
        node.commit(vec![node.deposit(1, 1_000), second.0.clone()]);
        node.store.commit_batch(&node.seal(1)).unwrap();
        if between {
            node.store.checkpoint().unwrap();
        }
        node.commit(vec![first.0.clone(), second.0]);
        node.commit(vec![node.transfer(2).0]);
        let find = |node: &Node| [second.1, first.1].map(|id| node.store.find(id).unwrap());
        assert_eq!(find(&node), [Some((Height(2), 1)), Some((Height(2), 0))]);
        node.store.checkpoint().unwrap();
        assert_eq!(find(&node), [Some((Height(2), 1)), Some((Height(2), 0))]);
        node.store.rewind(1).unwrap();
        assert_eq!(find(&node), [Some((Height(1), 1)), None], "refused first in block 1, moved between: {between}");
    }
}

#[test]
fn a_chain_can_be_taken_back_to_its_genesis() {
    let folder = Folder::new();
    let (node, _) = two_batches(&folder);
    let rewound = node.store.rewind(0).unwrap();
    assert_eq!((rewound.head, rewound.batch, rewound.removed.len()), (None, None, 5));
    let mut node = node.again();
    assert_eq!(node.check_whole(), 0);
    let mut fresh = State::default();
    fresh.apply(&genesis(&node.config));
    assert_eq!(node.state.root(), fresh.root());
    node.commit(vec![node.deposit(1, 5)]);
    assert_eq!(node.check_whole(), 1);
}

#[test]
fn what_is_final_is_not_taken_back_and_only_that_is_pruned() {
    let folder = Folder::new();
    let (mut node, blocks) = two_batches(&folder);
    assert!(matches!(node.store.rewind(3), Err(Error::UnknownBatch(3))));
    assert!(matches!(node.store.finalize(3), Err(Error::UnknownBatch(3))));
    assert!(matches!(node.store.prune(2), Err(Error::NotFinal { asked: 1, last: 0 })));
    node.store.finalize(1).unwrap();
    assert!(matches!(node.store.rewind(0), Err(Error::Final { asked: 0, last: 1 })));
    assert!(matches!(node.store.prune(3), Err(Error::NotFinal { asked: 2, last: 1 })));
    node.store.finalize(1).unwrap();
    assert_eq!(node.check_whole(), 5, "what is refused leaves no trace");

    node.store.prune(2).unwrap();
    node.store.prune(2).unwrap();
    let pruned = |error| matches!(error, Some(Error::Pruned { first: Height(4), .. }));
    for height in (1..=3).map(Height) {
        assert!(pruned(node.store.block(height).err()) && pruned(node.store.receipts(height).err()));
        assert!(node.store.header(height).unwrap().is_some());
    }
    assert!(pruned(node.store.blocks(Height(2), 9).err()));
    assert_eq!(node.store.blocks(Height(4), 9).unwrap().len(), 2);
    assert_eq!(node.store.blocks(Height(6), 9).unwrap(), []);
    assert_eq!(node.store.batches(1, 9).unwrap().len(), 2);
    assert_eq!(node.store.batches(2, 9).unwrap().len(), 1);
    assert_eq!(node.store.find(node.transfer(0).1).unwrap(), None);
    assert_eq!(node.store.find(node.transfer(3).1).unwrap(), Some((Height(4), 0)));

    node.store.rewind(1).unwrap();
    node = node.again();
    assert_eq!(node.root(), blocks[2].block.header.state_root);
    node.commit(vec![node.transfer(3).0]);
    node.store.commit_batch(&node.seal(4)).unwrap();
    drop(node);
    assert_eq!(folder.node().store.finalized().unwrap(), 1);
}

#[test]
fn notes_differences_and_the_outbox_outlive_the_process() {
    let folder = Folder::new();
    let (node, _) = three_blocks(&folder);
    assert!(matches!(node.store.commit_diff(1, &[1]), Err(Error::UnknownBatch(1))));
    let store = &node.store;
    store.commit_batch_with(&node.seal(1), &[5; 40]).unwrap();
    store.put_note("l1/head", &[1]).unwrap();
    store.put_note("l1/head", &[2]).unwrap();
    for nonce in [3, 1, 2] {
        store.commit_outbox(nonce, Some(&nonce.to_bytes())).unwrap();
    }
    store.commit_outbox(2, None).unwrap();
    store.commit_outbox(9, None).unwrap();
    drop(node);
    let store = folder.node().store;
    assert_eq!((store.diff(1).unwrap(), store.diff(2).unwrap()), (Some(vec![5; 40]), None));
    assert_eq!((store.note("l1/head").unwrap(), store.note("l1").unwrap()), (Some(vec![2]), None));
    assert_eq!(store.outbox().unwrap(), [(1, 1u64.to_bytes()), (3, 3u64.to_bytes())]);
    store.commit_diff(1, &[6]).unwrap();
    assert_eq!(store.diff(1).unwrap(), Some(vec![6]));
}

#[test]
fn a_copy_taken_while_the_store_is_in_use_goes_on_elsewhere() {
    let folder = Folder::new();
    let (mut node, _) = two_batches(&folder);
    let program = node.store.put_content(b"program").unwrap();
    node.store.finalize(1).unwrap();
    let (file, to) = (folder.0.path().join("copy"), folder.0.path().join("elsewhere").join("chain.redb"));
    let note = node.store.snapshot(&file).unwrap();
    assert_eq!(note.head, node.store.head().unwrap());
    assert!(matches!(node.store.snapshot(&file), Err(Error::Exists { .. })));
    node.commit(vec![node.transfer(5).0]);

    assert_eq!(Store::restore_snapshot(&file, &to).unwrap(), note);
    assert!(matches!(Store::restore_snapshot(&file, &to), Err(Error::Exists { .. })));
    let mut copy = Node::start(&to);
    assert_eq!((copy.check_whole(), copy.state.root()), (5, note.head.unwrap().state_root));
    assert_eq!(copy.store.content(program).unwrap().as_deref(), Some(&b"program"[..]));
    assert!(matches!(copy.store.rewind(0), Err(Error::Final { .. })));
    let same = copy.commit(vec![copy.transfer(5).0]);
    assert_eq!(Some(same.block.header), node.store.head().unwrap());
    assert_eq!(copy.store.rewind(1).unwrap().removed.len(), 3);
}

#[test]
fn a_copy_that_is_not_whole_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let bounds = Bounds { background: false, ..Bounds::default() };
    let store = Store::open_on(Arc::new(disk::System), &folder.file(), bounds).unwrap();
    store.resume(&genesis(&config())).unwrap();
    let (file, to) = (folder.0.path().join("copy"), folder.0.path().join("elsewhere.redb"));
    store.snapshot(&file).unwrap();
    let good = fs::read(&file).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let refused = Store::restore_snapshot(&file, &to).unwrap_err();
        assert!(!to.exists() && !folder.0.path().join("elsewhere.redb.restoring").exists(), "{refused}");
        refused
    };
    for cut in [0, 10, good.len() / 2, good.len() - 1] {
        assert!(matches!(refused(&good[..cut]), Error::CorruptFile { .. }), "cut at {cut}");
    }
    for at in (0..good.len()).step_by(37) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        assert!(matches!(refused(&bad), Error::CorruptFile { .. }), "byte {at}");
    }
    let longer: Vec<u8> = good.iter().chain(&[0]).copied().collect();
    assert!(matches!(refused(&longer), Error::CorruptSnapshot { what: "end", .. }));

    // Frames that are whole, and do not hold together.
    let note = |note: &Snapshot| [frame::frame(0, &note.to_bytes()), frame::frame(u64::MAX, &0u64.to_bytes())].concat();
    let empty = Snapshot { format: 2, head: None, leaves: 0 };
    let lying = refused(&note(&Snapshot { leaves: 3, ..empty.clone() }));
    assert!(matches!(lying, Error::CorruptSnapshot { what: "number of leaves", .. }), "{lying}");
    assert!(matches!(refused(&note(&Snapshot { format: 1, ..empty.clone() })), Error::Format { known: 2, .. }));
    fs::write(&file, note(&empty)).unwrap();
    assert_eq!(Store::restore_snapshot(&file, &to).unwrap(), empty);
}
