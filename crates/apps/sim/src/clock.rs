//! Virtual time: what happens next, and a record of what happened.

use std::collections::BTreeMap;
use types::Millis;

/// What is going to happen, by time; of things at one time, what was planned first comes first.
pub(crate) struct Queue<E> {
    planned: BTreeMap<(Millis, u64), E>,
    count: u64,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self { planned: BTreeMap::new(), count: 0 }
    }

    /// Plans an event.
    pub(crate) fn plan(&mut self, at: Millis, event: E) {
        self.count += 1;
        self.planned.insert((at, self.count), event);
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self) -> Option<(Millis, E)> {
        self.planned.pop_first().map(|((at, _), event)| (at, event))
    }

    /// Says whether a planned event fits.
    pub(crate) fn any(&self, fits: impl Fn(&E) -> bool) -> bool {
        self.planned.values().any(fits)
    }
}

/// The record of a run. Its hash tells whether two runs were one and the same.
pub(crate) struct Trace {
    hash: u64,
    print: bool,
}

impl Trace {
    pub(crate) fn new(print: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, print }
    }

    /// Adds a line. The hash is FNV-1a, 64 bits.
    pub(crate) fn line(&mut self, step: u64, now: Millis, text: &str) {
        for byte in now.0.to_be_bytes().iter().chain(text.as_bytes()) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if self.print {
            println!("{step:>7} {now:>8} ms  {text}");
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}
