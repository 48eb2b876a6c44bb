//! How far the tool is: one line that is written again on a terminal, a plain line every second elsewhere.

use crate::error::Error;
use crate::say::Say;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is told.
const EVERY: Duration = Duration::from_secs(1);
/// How long the bar is on a terminal.
const BAR: u64 = 30;

struct Counted {
    doing: Mutex<(String, Instant)>,
    done: AtomicU64,
    total: AtomicU64,
}

/// Counts what is done and tells it. Cheap to clone; it falls silent when [`Progress::end`] is called.
#[derive(Clone)]
pub struct Progress {
    counted: Arc<Counted>,
    ticker: Option<Arc<tokio::task::JoinHandle<()>>>,
}

impl Progress {
    /// Starts to tell people; programs hear nothing.
    pub fn start(say: &Say) -> Self {
        let doing = Mutex::new((String::new(), Instant::now()));
        let counted = Arc::new(Counted { doing, done: AtomicU64::new(0), total: AtomicU64::new(0) });
        let told = Arc::clone(&counted);
        let ticker = (!say.is_json()).then(|| {
            Arc::new(tokio::spawn(async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    told.tell();
                }
            }))
        });
        Self { counted, ticker }
    }

    /// Begins something of which there is so much.
    pub fn begin(&self, doing: &str, total: usize) {
        let mut now = self.counted.doing.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (doing.to_owned(), Instant::now());
        self.counted.done.store(0, Ordering::Relaxed);
        self.counted.total.store(u64::try_from(total).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts what was done.
    pub fn add(&self, count: usize) {
        self.counted.done.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
    }

    /// Says how much is done, and how much there is by now.
    pub fn reach(&self, done: u64, total: u64) {
        self.counted.done.store(done, Ordering::Relaxed);
        self.counted.total.store(total, Ordering::Relaxed);
    }

    /// Does something with each of many, so many at one time, and returns what came of it in their order.
    pub async fn each<T, R, F>(&self, at_once: usize, all: Vec<T>, work: impl Fn(T) -> F) -> Result<Vec<R>, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let (mut running, mut found) = (tokio::task::JoinSet::new(), Vec::new());
        found.resize_with(all.len(), || None);
        let mut waiting = all.into_iter().enumerate();
        loop {
            while running.len() < at_once.max(1)
                && let Some((at, item)) = waiting.next()
            {
                let work = work(item);
                running.spawn(async move { (at, work.await) });
            }
            let Some(ended) = running.join_next().await else { break };
            let (at, result) = ended.map_err(Error::role)?;
            found[at] = Some(result?);
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Ends the telling.
    pub fn end(&self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
            self.counted.clear();
        }
    }
}

impl Counted {
    fn tell(&self) {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if total == 0 {
            return;
        }
        let rate = per_second(done, doing.1.elapsed());
        let text = format!("{}: {done} of {total}, {rate}/s", doing.0);
        let mut out = std::io::stderr();
        // A reader that closed its end does not stop the work.
        let _ = if out.is_terminal() {
            let full = usize::try_from(done.min(total) * BAR / total).unwrap_or(0);
            let bar = "#".repeat(full) + &"-".repeat(usize::try_from(BAR).unwrap_or(0) - full);
            write!(out, "\r\x1b[2K[{bar}] {text}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
    }

    fn clear(&self) {
        let mut out = std::io::stderr();
        if out.is_terminal() {
            let _ = write!(out, "\r\x1b[2K").and_then(|()| out.flush());
        }
    }
}

/// Returns how many there are in a second.
pub fn per_second(count: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_are_done_at_once_and_answered_in_order() {
        let progress = Progress::start(&Say::new(true));
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let work = |n: u64| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..10 - n % 10 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                if n == 1_000 { Err(Error::failed("no")) } else { Ok(n * 2) }
            }
        };
        let found = progress.each(4, (0..100).collect(), work).await.unwrap();
        assert_eq!(found, (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert!((2..=4).contains(&most.load(Ordering::SeqCst)));
        assert!(progress.each(4, vec![1, 1_000, 2], work).await.is_err());
        assert_eq!(per_second(30, Duration::from_millis(1_500)), 20);
    }
}
