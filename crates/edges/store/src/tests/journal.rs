//! The journal beside the tables: what is in which, what is lost with which, and who waits for whom.

use super::model::{Model, open_with};
use super::power::{Failure, Power};
use super::*;
use crate::chain::journal_of;
use crate::disk::System;
use crate::frame::HEAD_BYTES;
use crate::tail::Bounds;
use std::fs;
use std::sync::Arc;

/// Bounds under which nothing moves by itself, and each segment holds two blocks.
fn still() -> Bounds {
    Bounds { segment_bytes: 200, background: false, ..Bounds::default() }
}

/// Bounds under which the tail is always nearly full.
fn tight() -> Bounds {
    Bounds { group_blocks: 2, tail_blocks: 3, segment_bytes: 1_000, ..Bounds::default() }
}

fn open(folder: &Folder) -> Result<Store, Error> {
    Store::open_on(Arc::new(System), &folder.file(), still())
}

/// A chain of blocks, each with something in it, and the model that knows them.
fn chain(store: &Store, blocks: u64) -> Model {
    let mut model = Model::default();
    model.begin();
    store.resume(&Model::genesis()).unwrap();
    for n in 0..blocks {
        let executed = model.block(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n + 1) | 3);
        store.commit_block(&executed).unwrap();
        model.add(executed);
    }
    model
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(journal_of(&folder.file())).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn blocks_are_in_the_journal_until_the_tables_have_them() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    let model = chain(&store, 5);
    let before = segments(&folder);
    assert!(before.len() > 1, "small segments are closed soon");
    drop(store);
    let store = open(&folder).unwrap();
    model.check(&store);
    store.checkpoint().unwrap();
    model.check(&store);
    assert_eq!(segments(&folder), Vec::<PathBuf>::new(), "the tables have all");
    drop(store);
    model.check(&open(&folder).unwrap());
}

#[test]
fn a_torn_last_write_is_cut_off() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    let mut model = chain(&store, 5);
    drop(store);
    let last = segments(&folder).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(store.head().unwrap().unwrap().height, Height(4));
    let fifth = model.pop();
    model.check(&store);
    store.commit_block(&fifth).unwrap();
    model.add(fifth);
    drop(store);
    model.check(&open(&folder).unwrap());
}

#[test]
fn damage_in_the_journal_is_named_with_file_and_place() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    let model = chain(&store, 5);
    drop(store);
    let first = segments(&folder).remove(0);
    let good = fs::read(&first).unwrap();
    let block = HEAD_BYTES + 12;
    for (at, offset) in [(2, 0), (HEAD_BYTES + 1, 0), (block, block), (block + HEAD_BYTES + 3, block)] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&first, &bad).unwrap();
        match open(&folder).map(|_| ()).unwrap_err() {
            Error::CorruptFile { path, offset: found } => {
                assert_eq!((path, found), (first.clone(), u64::try_from(offset).unwrap()), "byte {at}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(&first).unwrap(), bad, "what is damaged is left as it is");
    }
    fs::write(&first, &good[..good.len() - 1]).unwrap();
    assert!(matches!(open(&folder), Err(Error::CorruptFile { .. })), "only the last file's end can be torn");
    fs::write(&first, &good).unwrap();
    model.check(&open(&folder).unwrap());
}

#[test]
fn a_journal_and_a_file_of_two_stores_are_refused() {
    let folder = Folder::new();
    let refused = |next: u64| match open(&folder).map(|_| ()).unwrap_err() {
        Error::CorruptJournal { path, next: found } => {
            assert_eq!((path, found), (journal_of(&folder.file()), Height(next)))
        }
        other => panic!("{other:?}"),
    };
    let store = open(&folder).unwrap();
    let model = chain(&store, 5);
    store.commit_batch(&model.batch().unwrap()).unwrap();
    drop(store);
    let (paths, kept) = (segments(&folder), folder.0.path().join("kept"));
    let away = |path: &Path| fs::rename(path, &kept).unwrap();
    let back = |path: &Path| fs::rename(&kept, path).unwrap();

    away(&paths[0]);
    refused(1);
    back(&paths[0]);
    let last = paths.last().unwrap();
    away(last);
    refused(5);
    back(last);
    away(&journal_of(&folder.file()));
    refused(1);
    back(&journal_of(&folder.file()));
    away(&folder.file());
    refused(1);
    back(&folder.file());
    assert_eq!(open(&folder).unwrap().head().unwrap(), model.head());
}

#[test]
fn an_old_file_beside_a_journal_of_a_chain_taken_back_is_refused() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    let mut model = chain(&store, 2);
    drop(store);
    let old = fs::read(folder.file()).unwrap();
    let store = open(&folder).unwrap();
    store.rewind(0).unwrap();
    model.rewind(0);
    let first = model.block(3);
    store.commit_block(&first).unwrap();
    drop(store);
    fs::write(folder.file(), old).unwrap();
    assert!(matches!(open(&folder), Err(Error::CorruptJournal { next: Height(1), .. })));
}

#[test]
fn a_journal_that_failed_takes_nothing_more_until_it_is_opened_again() {
    for steps in 1..=2 {
        let disk = Power::new(1);
        let bounds = Bounds { background: false, ..Bounds::default() };
        let store = open_with(&disk, bounds.clone()).unwrap();
        let mut model = chain(&store, 2);
        let third = model.block(7);
        // The write, or the sync behind it.
        disk.fail_in(steps, Failure::Once);
        for _ in 0..2 {
            assert!(
                matches!(store.commit_block(&third), Err(Error::Disk { .. })),
                "what the file ends with is unknown"
            );
            model.check(&store);
        }
        drop(store);
        let store = open_with(&disk, bounds).unwrap();
        if steps == 1 {
            store.commit_block(&third).unwrap();
        }
        model.add(third);
        model.check(&store);
    }
}

#[test]
fn a_chain_without_leaves_is_still_a_chain() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    let mut model = chain(&store, 1);
    // Every key is named and none is set.
    let executed = model.block(0x1f << 40);
    store.commit_block(&executed).unwrap();
    model.add(executed);
    store.checkpoint().unwrap();
    let found = store.resume(&Model::genesis()).unwrap();
    assert_eq!((store.leaves().unwrap(), found.head), (vec![], model.head()));
}

#[test]
fn readers_see_one_chain_while_blocks_move_into_the_tables() {
    const BLOCKS: u64 = 300;
    let disk = Power::new(1);
    let store = open_with(&disk, tight()).unwrap();
    let mut model = Model::default();
    model.begin();
    store.resume(&Model::genesis()).unwrap();
    let seed = |n: u64| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n + 1) | 3;
    let blocks: Vec<_> = (0..BLOCKS)
        .map(|n| {
            let executed = model.block(seed(n));
            model.add(executed.clone());
            executed
        })
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| blocks.iter().for_each(|executed| store.commit_block(executed).unwrap()));
        let mut height = 0;
        while height < BLOCKS {
            let found = store.resume(&[]).unwrap();
            let head = found.head.map_or(0, |head| head.height.0);
            assert!(head >= height, "the chain only grows");
            height = head;
            let (leaves, later) = (store.leaves().unwrap(), store.head().unwrap().map_or(0, |head| head.height.0));
            assert!((height..=later).any(|height| leaves == model.leaves_at(height)), "those of one block");
            assert_eq!(found.unsealed.len(), usize::try_from(height).unwrap());
            let undo = blocks.iter().map(|executed| &executed.undo);
            assert!(found.undo.iter().eq(undo.take(found.unsealed.len())));
            if let Some(last) = height.checked_sub(1) {
                let executed = &blocks[usize::try_from(last).unwrap()];
                assert_eq!(store.block(Height(height)).unwrap().as_ref(), Some(&executed.block));
                assert_eq!(store.receipts(Height(height)).unwrap().as_ref(), Some(&executed.receipts));
                let id = TransactionId(executed.receipts[0].id);
                assert!(store.receipt_of(id).unwrap().is_some_and(|(_, _, receipt)| receipt.id == id.0));
            }
        }
    });
    model.check(&store);
    drop(store);
    model.check(&open_with(&disk, tight()).unwrap());
}

#[test]
fn tables_that_cannot_be_written_stop_the_chain_and_lose_nothing() {
    let disk = Power::new(1);
    let store = open_with(&disk, tight()).unwrap();
    let mut model = chain(&store, 1);
    disk.break_tables();
    let refused = (0..100).find_map(|n| {
        let executed = model.block(n * 4 + 1);
        let refused = store.commit_block(&executed).err();
        if refused.is_none() {
            model.add(executed);
        }
        refused
    });
    let refused = refused.unwrap();
    assert!(matches!(refused, Error::Checkpoint { .. }), "{refused:?}");
    assert!(std::error::Error::source(&refused).is_some_and(|source| source.to_string().contains("disk")));
    assert_eq!(store.head().unwrap(), model.head(), "readers go on");
    drop(store);
    disk.cut();
    model.check(&open_with(&disk, tight()).unwrap());
}
