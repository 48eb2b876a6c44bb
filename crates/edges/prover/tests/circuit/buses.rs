//! What keeps the messages of buses apart that share a channel.

use crate::rows::{Message, Rows};
use crate::transfers::{mixed, recorded};
use proof::circuit::{Bus, F};
use std::collections::BTreeSet;

/// The buses that share channels with others.
const SHARING: [Bus; 20] = [
    Bus::Level,
    Bus::AbsorbFirst,
    Bus::AbsorbNext,
    Bus::Digest,
    Bus::Entry,
    Bus::Divide,
    Bus::Compare,
    Bus::Time,
    Bus::Cell,
    Bus::Call,
    Bus::Compress,
    Bus::Node,
    Bus::Terminal,
    Bus::Acts,
    Bus::Asked,
    Bus::Memory,
    Bus::Path,
    Bus::Post,
    Bus::Signed,
    Bus::Base,
];

/// Returns all that is said in a batch of transfers.
fn said() -> BTreeSet<Message> {
    let (recorded, _) = recorded(&mixed());
    let tables = Rows::of(&recorded.statement, &recorded.traces);
    let of = |rows: &Rows| (0..rows.height().min(64)).flat_map(|row| rows.evaluate(row).said.into_keys()).collect();
    tables.iter().flat_map(|rows| -> BTreeSet<Message> { of(rows) }).collect()
}

#[test]
fn every_message_is_read_on_one_bus() {
    let said = said();
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for (channel, message) in &said {
        let buses = SHARING.iter().chain([&Bus::Range, &Bus::Program, &Bus::Multiply]).enumerate();
        let read: Vec<usize> =
            buses.filter(|(_, bus)| bus.read(channel, message).is_some()).map(|(at, _)| at).collect();
        assert_eq!(read.len(), 1, "{channel}: {message:?}");
        seen.extend(read);
    }
    assert!(seen.len() >= 14, "a batch of transfers speaks on most buses, and here on {seen:?} only");
}

#[test]
fn messages_of_a_channel_have_one_length() {
    let lengths: BTreeSet<(String, usize)> =
        said().into_iter().map(|(channel, message): (String, Vec<F>)| (channel, message.len())).collect();
    let channels: BTreeSet<&String> = lengths.iter().map(|(channel, _)| channel).collect();
    assert_eq!(lengths.len(), channels.len(), "{lengths:?}");
}
