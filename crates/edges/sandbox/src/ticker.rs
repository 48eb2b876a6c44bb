//! The clock that ends runs which take too long.

use crate::Error;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wasmtime::Engine;

/// The time between two ticks, and so the precision of the time limit.
pub(crate) const TICK_MS: u64 = 10;

/// Moves an engine's epoch forward until dropped.
pub(crate) struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> Result<Self, Error> {
        let (stop, stopped) = mpsc::sync_channel(0);
        let tick = Duration::from_millis(TICK_MS);
        let thread = thread::Builder::new()
            .name("sandbox-ticker".into())
            .spawn(move || {
                while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            })
            .map_err(|reason| Error::Host { doing: "starting the clock", reason: reason.to_string() })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// How many ticks surely cover a time: the first one may come at once, so one more than fits.
    pub(crate) fn ticks_up(wall_ms: u64) -> u64 {
        // The engine adds this to its epoch; the bound keeps the sum in range and is longer than a year.
        (wall_ms.div_ceil(TICK_MS) + 1).min(u64::from(u32::MAX))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its thread, and there is nothing left to protect.
            let _ = thread.join();
        }
    }
}
