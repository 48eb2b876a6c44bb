//! Leaves of whatever kind, by the bytes of their keys.

use ledger::account::{Account, Balance};
use ledger::authority::Session;
use ledger::bridge::{Cursor, Supply, Token};
use ledger::tally::Tally;
use state::{Leaf, LeafRecord, path_of};
use task::{Offer, Params, Program, Task};
use types::{Decode as _, Digest};

/// Does for the kind of leaf that a number names what is said with `$kind` for it.
macro_rules! of_kind {
    ($number:expr, $kind:ident => $does:expr) => {
        of_kind!(@ $number, $kind => $does; Account, Balance, Token, Supply, Tally, Cursor, Session, Params, Program, Offer, Task)
    };
    (@ $number:expr, $name:ident => $does:expr; $($kind:ty),*) => {
        match $number {
            $(<$kind>::NUMBER => { type $name = $kind; $does })*
            _ => None,
        }
    };
}

/// Reads a leaf from the bytes of its key, the kind's number first, and of its value. Total.
pub fn read(key: &[u8], value: &[u8]) -> Option<LeafRecord> {
    let (number, key) = key.split_first()?;
    of_kind!(*number, Kind => LeafRecord::read::<Kind>(key, value))
}

/// Returns where the leaf with a key stands. Total.
pub fn path(key: &[u8]) -> Option<Digest> {
    let (number, key) = key.split_first()?;
    of_kind!(*number, Kind => {
        let key = <Kind as Leaf>::Key::from_bytes(key).ok()?;
        Some(path_of::<Kind>(&key))
    })
}
