//! The recorder behind the `metrics` facade, and its text.
//!
//! Every series is a few atomic words, so that recording never waits for a scrape and a node that nobody watches does not
//! grow. The number of series is bounded: more than that are counted nowhere.

use ::metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use api::metric::{self, Kind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Gives the numbers as text.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Most series that are kept.
const SERIES: usize = 4_096;

/// Upper bounds of what is measured in seconds.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
    30.0,
];
/// Upper bounds of what is counted.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0];

/// Makes the process record, and returns what gives the numbers. A second call gives the same.
pub fn install() -> Render {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    let registry = REGISTRY.get_or_init(|| {
        let registry = Registry::default();
        if ::metrics::set_global_recorder(registry.clone()).is_err() {
            tracing::warn!("another recorder takes the metrics of this process: this one stays empty");
        }
        registry
    });
    registry.render_handle()
}

/// Keeps the numbers. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<BTreeMap<Id, Series>>>);

/// A series: its name and its labels, written as the text wants them.
type Id = (String, String);

enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

/// How many values lie at or below each bound and above the one before, and their sum.
struct Buckets {
    bounds: &'static [f64],
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Buckets {
    fn new(name: &str) -> Self {
        let bounds = if name.ends_with("_seconds") { SECONDS } else { COUNTS };
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0f64.to_bits()) }
    }

    fn add(&self, value: f64, times: u32) {
        let at = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.counts[at].fetch_add(times.into(), Ordering::Relaxed);
        let more = |sum: u64| Some((f64::from_bits(sum) + value * f64::from(times)).to_bits());
        // It cannot fail: there is always a next sum.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn render(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (at, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = self.bounds.get(at).map_or("+Inf".to_owned(), f64::to_string);
            line(out, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}"));
        }
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        line(out, format_args!("{name}_sum{} {sum}", braced(labels)));
        line(out, format_args!("{name}_count{} {total}", braced(labels)));
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        self.add(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.add(value, u32::try_from(count).unwrap_or(u32::MAX));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes all that is written to it");
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn id(key: &Key) -> Id {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        key.labels().map(|label| format!("{}=\"{}\"", label.key(), escaped(label.value()))).collect();
    (key.name().to_owned(), labels.join(","))
}

impl Registry {
    /// Returns what gives the numbers.
    pub fn render_handle(&self) -> Render {
        let registry = self.clone();
        Arc::new(move || registry.render())
    }

    /// Finds a series or begins it; nothing when there are too many, or when it is of another kind.
    fn series<T>(
        &self,
        key: &Key,
        begin: impl FnOnce() -> Series,
        get: impl FnOnce(&Series) -> Option<T>,
    ) -> Option<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = id(key);
        if !all.contains_key(&id) && all.len() >= SERIES {
            return None;
        }
        get(all.entry(id).or_insert_with(begin))
    }

    /// Gives all numbers in the text format, version 0.0.4.
    fn render(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut out, mut told) = (String::new(), None);
        for ((name, labels), series) in all.iter() {
            if told != Some(name) {
                told = Some(name);
                series.describe(&mut out, name);
            }
            match series {
                Series::Counter(count) => {
                    line(&mut out, format_args!("{name}{} {}", braced(labels), count.load(Ordering::Relaxed)));
                }
                Series::Gauge(bits) => {
                    let value = f64::from_bits(bits.load(Ordering::Relaxed));
                    line(&mut out, format_args!("{name}{} {value}", braced(labels)));
                }
                Series::Histogram(buckets) => buckets.render(&mut out, name, labels),
            }
        }
        out
    }
}

impl Series {
    fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }

    fn describe(&self, out: &mut String, name: &str) {
        if let Some(known) = metric::ALL.iter().find(|known| known.name == name) {
            line(out, format_args!("# HELP {name} {}", known.meaning));
        }
        line(out, format_args!("# TYPE {name} {}", self.kind().name()));
    }
}

impl Recorder for Registry {
    // The table in the api crate says what every name means.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let begin = || Series::Counter(Arc::default());
        let found = self.series(key, begin, |series| match series {
            Series::Counter(count) => Some(Arc::clone(count)),
            _ => None,
        });
        found.map_or_else(Counter::noop, |count| Counter::from_arc(Arc::new(Count(count))))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let begin = || Series::Gauge(Arc::new(AtomicU64::new(0f64.to_bits())));
        let found = self.series(key, begin, |series| match series {
            Series::Gauge(bits) => Some(Arc::clone(bits)),
            _ => None,
        });
        found.map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let begin = || Series::Histogram(Arc::new(Buckets::new(key.name())));
        let found = self.series(key, begin, |series| match series {
            Series::Histogram(buckets) => Some(Arc::clone(buckets)),
            _ => None,
        });
        found.map_or_else(Histogram::noop, Histogram::from_arc)
    }
}

/// A counter that is relaxed: nobody concludes anything from the order of two of them.
struct Count(Arc<AtomicU64>);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(work: impl FnOnce()) -> String {
        let registry = Registry::default();
        ::metrics::with_local_recorder(&registry, work);
        registry.render()
    }

    #[test]
    fn the_text_is_what_a_collector_reads() {
        let text = recorded(|| {
            ::metrics::counter!(metric::TRANSACTIONS, "outcome" => "applied").increment(2);
            ::metrics::counter!(metric::TRANSACTIONS, "outcome" => "applied").increment(1);
            ::metrics::gauge!(metric::HEAD_HEIGHT).set(7.0);
            ::metrics::histogram!(metric::BLOCK_ENTRIES).record(3.0);
            ::metrics::histogram!(metric::BLOCK_ENTRIES).record_many(4.0, 2);
            ::metrics::histogram!(metric::BLOCK_ENTRIES).record(5_000.0);
            ::metrics::counter!("odd", "why" => "a \"quote\", a \\ and\na line").increment(1);
        });
        for wanted in [
            "# TYPE talea_transactions_total counter\ntalea_transactions_total{outcome=\"applied\"} 3\n",
            "# TYPE talea_head_height gauge\ntalea_head_height 7\n",
            "talea_block_entries_bucket{le=\"2\"} 0\ntalea_block_entries_bucket{le=\"4\"} 3\n",
            "talea_block_entries_bucket{le=\"4096\"} 3\ntalea_block_entries_bucket{le=\"+Inf\"} 4\n",
            "talea_block_entries_sum 5011\ntalea_block_entries_count 4\n",
            "# HELP talea_head_height The last stored block.\n",
            "odd{why=\"a \\\"quote\\\", a \\\\ and\\na line\"} 1\n",
        ] {
            assert!(text.contains(wanted), "{wanted}\nis not in\n{text}");
        }
    }

    #[test]
    fn series_beyond_the_bound_and_of_another_kind_are_counted_nowhere() {
        let text = recorded(|| {
            for n in 0..SERIES + 10 {
                ::metrics::counter!("many", "n" => n.to_string()).increment(1);
            }
            ::metrics::gauge!("many", "n" => "0").set(5.0);
        });
        assert_eq!(text.lines().filter(|line| line.starts_with("many{")).count(), SERIES);
        assert!(text.contains("many{n=\"0\"} 1\n"));
    }
}
