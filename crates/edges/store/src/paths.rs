//! Leaves in the order of their paths, for a state that is not all in memory: it reads back subtrees of its tree, and a
//! subtree is what a path begins with.
//!
//! The order is kept only where a role asks for it. It costs a second write for each changed leaf.

use crate::Error;
use crate::file::{File, Writer};
use crate::tables::{LEAVES, META, PATHS, PATHS_NAME, corrupt, decode};
use state::{LeafRecord, Terminal};
use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};
use types::{Digest, Encode as _};

/// Leaves that one transaction adds when the order is made.
const GATHERED_LEAVES: usize = 65_536;

/// What changes in the order, by path.
#[derive(Default)]
struct Changes(BTreeMap<[u8; 32], Option<Vec<u8>>>);

impl Changes {
    fn note(&mut self, key: &[u8], new: Option<&[u8]>, old: Option<&[u8]>) -> Result<(), Error> {
        // A key has one path for ever, so what stood there tells it as well.
        if let Some(bytes) = new.or(old) {
            let record: LeafRecord = decode(LEAVES, key, bytes)?;
            self.0.insert(record.path.to_be_bytes(), new.map(|_| record.value_digest.to_bytes()));
        }
        Ok(())
    }

    fn write(&self, w: &Writer) -> Result<(), Error> {
        w.change(PATHS, self.0.iter().map(|(path, value)| (path.as_slice(), value.as_deref())))
    }
}

/// Sets or removes leaves, in both orders where both are kept, and shows for each what stood there before.
pub(crate) fn change_leaves<'k>(
    w: &Writer,
    changes: impl IntoIterator<Item = (&'k [u8], Option<&'k [u8]>)>,
    mut before: impl FnMut(Option<&[u8]>),
) -> Result<(), Error> {
    let mut by_path = w.get(META, PATHS_NAME)?.map(|_| Changes::default());
    w.exchange(LEAVES, changes, |key, new, old| {
        before(old);
        by_path.as_mut().map_or(Ok(()), |changes| changes.note(key, new, old))
    })?;
    by_path.map_or(Ok(()), |changes| changes.write(w))
}

/// Says whether the order is kept.
pub(crate) fn are_kept(file: &File) -> Result<bool, Error> {
    Ok(file.read("look for the leaves' paths")?.get(META, PATHS_NAME)?.is_some())
}

/// Makes the order of all leaves that the tables hold, for whoever keeps others from changing them. It counts when it is
/// whole; what was left of an attempt before is forgotten first.
pub(crate) fn gather(file: &File) -> Result<(), Error> {
    let doing = "order the leaves by their paths";
    file.write(doing, |w| w.clear(PATHS))?;
    let mut changes = Changes::default();
    let add = |changes: &mut Changes| file.write(doing, |w| std::mem::take(changes).write(w));
    file.read(doing)?.each(LEAVES, |key, bytes| {
        changes.note(key, Some(bytes), None)?;
        if changes.0.len() < GATHERED_LEAVES { Ok(()) } else { add(&mut changes) }
    })?;
    add(&mut changes)?;
    file.write(doing, |w| w.put(META, PATHS_NAME, &[]))
}

/// Forgets the order.
pub(crate) fn forget(w: &Writer) -> Result<(), Error> {
    w.change(META, [(PATHS_NAME, None)])?;
    w.clear(PATHS)
}

/// Returns where at most `count` leaves stand and what they hold, the first whose paths lie within a span.
pub(crate) fn terminals(file: &File, span: &RangeInclusive<[u8; 32]>, count: usize) -> Result<Vec<Terminal>, Error> {
    let bounds = (Bound::Included(&span.start()[..]), Bound::Included(&span.end()[..]));
    let found = file.read("read leaves by their paths")?.within(PATHS, bounds, count)?;
    let terminal = |(path, value): (Vec<u8>, Vec<u8>)| {
        let at = path.as_slice().try_into().ok().and_then(Digest::from_be_bytes);
        Ok(Terminal { path: at.ok_or_else(|| corrupt(PATHS, &path))?, value: decode(PATHS, &path, &value)? })
    };
    found.into_iter().map(terminal).collect()
}
