//! How much of the chain can still be taken back, and how much of the rest is kept.

use store::{Error, Store};

/// Makes the next settled batch final once its settlement lies deep enough below L1's head, and forgets the blocks of final
/// batches that are older than the last `history` of them.
pub(crate) fn settle(store: &Store, head: Option<u64>, depth: u64, history: Option<u64>) -> Result<(), Error> {
    let next = store.finalized()? + 1;
    let Some(settlement) = store.settlement(next)? else { return Ok(()) };
    if head.is_none_or(|head| head < settlement.block.saturating_add(depth)) {
        return Ok(());
    }
    store.finalize(next)?;
    history.map_or(Ok(()), |history| store.prune((next + 1).saturating_sub(history)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::core::tests::{chain, config};
    use store::Settlement;
    use types::{Bytes32, Height};

    /// A store with two settled batches: of block 1, and of blocks 2 and 3.
    fn settled(folder: &tempfile::TempDir) -> Store {
        let store = Store::open(folder.path().join("store.redb")).unwrap();
        store.commit_genesis(&transition::genesis(&config())).unwrap();
        let (blocks, batches) = chain(1);
        blocks.iter().for_each(|executed| store.commit_block(executed).unwrap());
        for (batch, block) in batches.iter().zip([10, 20]) {
            store.commit_batch(batch).unwrap();
            let settlement = Settlement { transaction: Bytes32::ZERO, block, gas_used: 1 };
            store.commit_settlement(batch.header.number, &settlement).unwrap();
        }
        store
    }

    #[test]
    fn what_is_final_is_kept_as_long_as_the_operator_says_and_an_older_block_is_said_to_be_pruned() {
        for (history, first) in [(None, 1), (Some(2), 1), (Some(1), 2), (Some(0), 4)] {
            let folder = tempfile::tempdir().unwrap();
            let store = settled(&folder);
            for (head, last) in [(None, 0), (Some(73), 0), (Some(74), 1), (Some(83), 1), (Some(84), 2), (Some(99), 2)] {
                settle(&store, head, 64, history).unwrap();
                assert_eq!(store.finalized().unwrap(), last, "at L1 block {head:?}");
            }
            for height in (1..=3).map(Height) {
                assert_eq!(store.block(height).is_ok(), height.0 >= first, "block {height} with {history:?}");
                assert!(store.header(height).unwrap().is_some());
            }
            if first == 2 {
                let text = "block 1 was pruned: ask a node that keeps all blocks, or begin with block 2";
                assert_eq!(store.block(Height(1)).unwrap_err().to_string(), text);
                assert_eq!(store.blocks(Height(2), 9).unwrap().len(), 2);
            }
        }
    }
}
