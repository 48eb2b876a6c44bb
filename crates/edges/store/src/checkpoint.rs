//! Moving blocks from the tail into the tables, and what takes them back.
//!
//! A group of blocks is one transaction. A leaf that several of its blocks change is written once; for each block stays
//! what stood there before it, so that the chain can be taken back to any block that is not final.

use crate::Error;
use crate::file::{File, Writer};
use crate::paths;
use crate::tables::{
    ENTRIES, FINAL_NAME, HEADERS, META, Place, RECEIPTS, TRANSACTIONS, UNDO, decode, header_at, number_key,
};
use crate::tail::Kept;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Digest, Encode as _, Height, record};

record! {
    /// A leaf as it was before a block.
    pub struct LeafBefore {
        /// The kind's number and the key's canonical bytes.
        pub key: Box<[u8]>,
        /// The record's canonical bytes, if there was one.
        pub record: Option<Box<[u8]>>,
    }
}

record! {
    /// Where a transaction stood before a block.
    pub struct PlaceBefore {
        /// Which transaction.
        pub id: Digest,
        /// Where.
        pub place: Place,
    }
}

record! {
    /// What takes a block back.
    pub struct Undo {
        /// Every leaf that it changed.
        pub leaves: Vec<LeafBefore>,
        /// Every transaction that stood elsewhere before and stands in it now. Those new in it are in its receipts.
        pub places: Vec<PlaceBefore>,
    }
}

record! {
    /// How far the chain cannot be taken back.
    pub struct Final {
        /// The last batch that is final.
        pub batch: u64,
        /// Its last block.
        pub height: Height,
    }
}

impl Final {
    pub(crate) const NONE: Self = Self { batch: 0, height: Height(0) };

    pub(crate) fn stored(w: &Writer) -> Result<Self, Error> {
        w.get(META, FINAL_NAME)?.map_or(Ok(Self::NONE), |bytes| decode(META, FINAL_NAME, &bytes))
    }
}

/// A leaf after the group.
struct Latest {
    record: Option<Vec<u8>>,
    /// The first block that changed it, and where in that block's undo it is.
    first: (usize, usize),
}

/// Blocks on their way into the tables.
struct Group<'a> {
    blocks: &'a [Arc<Kept>],
    undo: Vec<Undo>,
    leaves: BTreeMap<Box<[u8]>, Latest>,
    /// The place of each entry, with its id and the number of its block in the group.
    places: Vec<(Digest, usize, &'a Place)>,
}

/// Stores the blocks that follow the last one stored.
pub(crate) fn write(file: &File, blocks: &[Arc<Kept>]) -> Result<(), Error> {
    let mut group = Group::of(blocks)?;
    file.write("move blocks into the tables", |w| group.write(w))
}

impl<'a> Group<'a> {
    /// Prepares what can be prepared while others may still write.
    fn of(blocks: &'a [Arc<Kept>]) -> Result<Self, Error> {
        let mut undo = Vec::with_capacity(blocks.len());
        let (mut leaves, mut places) = (BTreeMap::<Box<[u8]>, Latest>::new(), Vec::new());
        for (number, kept) in blocks.iter().enumerate() {
            let mut before = Vec::new();
            for change in kept.changes()? {
                let (record, slot) = (change.record.as_ref().map(types::Encode::to_bytes), before.len());
                let old = match leaves.get_mut(&change.key) {
                    Some(latest) => std::mem::replace(&mut latest.record, record).map(Vec::into_boxed_slice),
                    None => {
                        leaves.insert(change.key.clone(), Latest { record, first: (number, slot) });
                        // What the table holds is filled in when it is replaced.
                        None
                    }
                };
                before.push(LeafBefore { key: change.key, record: old });
            }
            undo.push(Undo { leaves: before, places: Vec::new() });
            places.extend(kept.places.iter().map(|(id, place)| (*id, number, place)));
        }
        // Stable: the places of one id stay in the order of the chain.
        places.sort_by_key(|(id, ..)| *id);
        Ok(Self { blocks, undo, leaves, places })
    }

    fn write(&mut self, w: &Writer) -> Result<(), Error> {
        let stored = w.last(HEADERS)?.map(|(key, bytes)| header_at(&key, &bytes)).transpose()?;
        let next = stored.map_or(Height(1), |header| header.height.next());
        assert!(
            self.blocks.iter().zip(next.0..).all(|(kept, next)| kept.height().0 == next),
            "the tail follows the tables"
        );

        let keys: Vec<[u8; 8]> = self.blocks.iter().map(|kept| number_key(kept.height().0)).collect();
        let blocks = || keys.iter().map(<[u8; 8]>::as_slice).zip(self.blocks);
        let headers: Vec<_> = self.blocks.iter().map(|kept| kept.parts.header.to_bytes()).collect();
        w.change(HEADERS, keys.iter().zip(&headers).map(|(key, header)| (key.as_slice(), Some(header.as_slice()))))?;
        w.change(ENTRIES, blocks().map(|(key, kept)| (key, Some(&*kept.parts.entries))))?;
        w.change(RECEIPTS, blocks().map(|(key, kept)| (key, Some(&*kept.parts.receipts))))?;
        self.write_leaves(w)?;
        self.write_places(w)?;
        self.write_undo(w)
    }

    fn write_leaves(&mut self, w: &Writer) -> Result<(), Error> {
        let (leaves, undo) = (&self.leaves, &mut self.undo);
        let mut firsts = leaves.values().map(|latest| latest.first);
        paths::change_leaves(w, leaves.iter().map(|(key, latest)| (&**key, latest.record.as_deref())), |old| {
            let (number, slot) = firsts.next().expect("each change has its leaf");
            undo[number].leaves[slot].record = old.map(Box::from);
        })
    }

    fn write_places(&mut self, w: &Writer) -> Result<(), Error> {
        // Nearly every id comes once and was never there, so the place is set first and what it replaced looked at then.
        let runs: Vec<&[(Digest, usize, &Place)]> = self.places.chunk_by(|a, b| a.0 == b.0).collect();
        let firsts: Vec<_> = runs.iter().map(|run| (run[0].0.to_bytes(), run[0].2.to_bytes())).collect();
        let (mut rest, mut again) = (runs.into_iter(), Vec::new());
        w.exchange(TRANSACTIONS, firsts.iter().map(|(id, place)| (&**id, Some(&**place))), |id, _, old| {
            let run = rest.next().expect("each change has its run");
            if old.is_some() || run.len() > 1 {
                again.push((id, run, old.map(<[u8]>::to_vec)));
            }
            Ok(())
        })?;
        let mut settled = Vec::new();
        for (id, run, old) in again {
            let mut known: Option<Place> = old.map(|bytes| decode(TRANSACTIONS, id, &bytes)).transpose()?;
            for (digest, number, place) in run {
                if !place.replaces(known.as_ref()) {
                    continue;
                }
                // A place in the same block was noted, if there was one to note, when the block first took the id.
                if let Some(before) = known.filter(|known| known.height < place.height) {
                    self.undo[*number].places.push(PlaceBefore { id: *digest, place: before });
                }
                known = Some((*place).clone());
            }
            settled.extend(known.map(|place| (id, place.to_bytes())));
        }
        w.change(TRANSACTIONS, settled.iter().map(|(id, place)| (*id, Some(&**place))))
    }

    fn write_undo(&self, w: &Writer) -> Result<(), Error> {
        let last = Final::stored(w)?.height;
        let heights = self.blocks.iter().map(|kept| kept.height());
        let undo: Vec<_> = heights
            .zip(&self.undo)
            .filter(|(height, _)| *height > last)
            .map(|(height, undo)| (number_key(height.0), undo.to_bytes()))
            .collect();
        w.change(UNDO, undo.iter().map(|(key, undo)| (key.as_slice(), Some(undo.as_slice()))))
    }
}
