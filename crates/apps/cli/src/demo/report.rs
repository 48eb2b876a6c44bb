//! What the demo shows: each step as it happens, and the table at its end.

use crate::demo::notes::Row;
use crate::market::{Settled, money};
use crate::say::Say;
use serde_json::{Value, json};
use std::time::Instant;

/// The gas of L1 transactions, each with what it was for.
type Gas = Vec<(&'static str, u64)>;

/// One step that was done.
struct Step {
    title: &'static str,
    ms: u64,
    gas: Gas,
}

/// The step that runs.
struct Current {
    title: &'static str,
    since: Instant,
    gas: Gas,
}

/// Collects what the demo shows.
pub struct Report {
    began: Instant,
    json: bool,
    lie: bool,
    steps: Vec<Step>,
    current: Option<Current>,
    /// The batches that the demo's transactions settled in.
    pub batches: Vec<Settled>,
    /// The fuel of the agreed result.
    pub fuel: u64,
    /// What was locked.
    pub price: u64,
    /// What was paid of it.
    pub paid: u64,
    /// From sending the task to its confirmation, in milliseconds.
    pub soft_confirmation_ms: u64,
    /// From sending the task to its settlement on L1, in milliseconds.
    pub settlement_ms: u64,
    /// What was compared at the end.
    pub rows: Vec<Row>,
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    /// Starts with nothing done.
    pub fn new(say: &Say, lie: bool) -> Self {
        Self {
            began: Instant::now(),
            json: say.is_json(),
            lie,
            steps: Vec::new(),
            current: None,
            batches: Vec::new(),
            fuel: 0,
            price: 0,
            paid: 0,
            soft_confirmation_ms: 0,
            settlement_ms: 0,
            rows: Vec::new(),
        }
    }

    /// Begins a step and ends the one before it.
    pub fn step(&mut self, title: &'static str) {
        self.finish();
        self.line(&format!("\n{}. {title}", self.steps.len() + 1));
        self.current = Some(Current { title, since: Instant::now(), gas: Gas::new() });
    }

    /// Ends the running step.
    pub fn finish(&mut self) {
        if let Some(Current { title, since, gas }) = self.current.take() {
            self.steps.push(Step { title, ms: ms(since), gas });
        }
    }

    /// Tells something that just happened.
    pub fn event(&self, text: impl AsRef<str>) {
        self.line(&format!("   {:>6} ms  {}", ms(self.began), text.as_ref()));
    }

    /// Notes the gas of an L1 transaction of the running step.
    pub fn gas(&mut self, what: &'static str, used: u64) {
        if let Some(current) = &mut self.current {
            current.gas.push((what, used));
        }
    }

    fn line(&self, text: &str) {
        Say::new(self.json).tell(text);
    }

    /// Says whether every comparison agreed.
    pub fn ok(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Row::agrees)
    }

    /// Returns the table for people.
    pub fn text(&self) -> String {
        let mut text = format!("\n{:<34} {:>8}  L1 gas\n", "step", "ms");
        for step in &self.steps {
            let gas: Vec<String> = step.gas.iter().map(|(what, used)| format!("{what} {used}")).collect();
            text.push_str(&format!("{:<34} {:>8}  {}\n", step.title, step.ms, gas.join(", ")));
        }
        text.push_str(&format!("\nfuel {}   price {}   paid {}\n", self.fuel, money(self.price), money(self.paid)));
        text.push_str(&format!(
            "soft confirmation {} ms   settled on L1 after {} ms\n",
            self.soft_confirmation_ms, self.settlement_ms
        ));
        self.batches.iter().filter_map(Settled::text).for_each(|line| text.push_str(&line));
        text.push_str(&format!("\n{:<44} {:>20} {:>20}\n", "balance", "own notes", "found"));
        for row in &self.rows {
            let mark = if row.agrees() { "" } else { "  <- differs" };
            text.push_str(&format!("{:<44} {:>20} {:>20}{mark}\n", row.what, row.expected, row.found));
        }
        text.push_str(if self.ok() { "\nall agree to the unit\n" } else { "\nNOT all agree\n" });
        text
    }

    /// Returns the report for programs.
    pub fn json(&self) -> Value {
        let gas = |step: &Step| {
            step.gas.iter().map(|(what, used)| ((*what).to_owned(), json!(used))).collect::<serde_json::Map<_, _>>()
        };
        let steps: Vec<_> =
            self.steps.iter().map(|step| json!({ "step": step.title, "ms": step.ms, "l1_gas": gas(step) })).collect();
        let batches: Vec<_> = self.batches.iter().map(Settled::json).collect();
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(
                |row| json!({ "what": row.what, "expected": row.expected.to_string(), "found": row.found.to_string() }),
            )
            .collect();
        json!({
            "ok": self.ok(), "lie": self.lie, "steps": steps, "batches": batches, "balances": rows, "fuel": self.fuel,
            "price": self.price.to_string(), "paid": self.paid.to_string(),
            "soft_confirmation_ms": self.soft_confirmation_ms, "settlement_ms": self.settlement_ms,
            "total_ms": ms(self.began),
        })
    }
}
