//! What a program costs among parties, before it runs: the plans in the order in which they are carried out, added up.

use super::{Prepared, Protocol};
use crate::many;
use crate::verify::bill::Bill;
use vm::Operation;
use vm::layout::at;
use vm::plan::Plan;

/// Turns of loops that are added up one by one. Most loops cost the same again after a turn or two.
const TURNS: u64 = 1 << 20;

/// What a program costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// How often the parties wait for each other.
    pub rounds: usize,
    /// How many bytes each party sends.
    pub bytes: Vec<usize>,
    /// How many random elements are drawn for checks.
    pub masks: usize,
    /// Whether a run costs just that, and not less: control never depends on what all come to know.
    pub exact: bool,
}

/// What is added up, by whose protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tally {
    Three(Bill),
    Any(many::Bill),
}

impl Tally {
    fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Three(security) => Self::Three(Bill::new(security)),
            Protocol::Any(parties) => Self::Any(many::Bill::new(parties)),
        }
    }

    fn plan(&mut self, plan: &Plan) {
        match self {
            Self::Three(bill) => bill.plan(plan),
            Self::Any(bill) => bill.plan(plan),
        }
    }

    fn dearer(self, other: Self) -> Self {
        match (self, other) {
            (Self::Three(one), Self::Three(other)) => Self::Three(one.dearer(other)),
            (Self::Any(one), Self::Any(other)) => Self::Any(one.dearer(other)),
            _ => unreachable!("a program is prepared for one protocol"),
        }
    }

    fn again(self, before: &Self, turns: u64) -> Option<Self> {
        Some(match (self, before) {
            (Self::Three(now), Self::Three(before)) => Self::Three(now.again(before, turns)?),
            (Self::Any(now), Self::Any(before)) => Self::Any(now.again(before, turns)?),
            _ => unreachable!("a program is prepared for one protocol"),
        })
    }

    fn quote(mut self, exact: bool) -> Quote {
        match &mut self {
            Self::Three(bill) => {
                bill.end();
                let cost = bill.cost();
                Quote { rounds: cost.rounds, bytes: cost.bytes.to_vec(), masks: cost.masks, exact }
            }
            Self::Any(bill) => Quote { rounds: bill.rounds, bytes: bill.bytes(), masks: 0, exact },
        }
    }
}

/// A bill and whether it is exact.
#[derive(Clone, Copy)]
struct Count {
    bill: Tally,
    exact: bool,
}

impl Prepared {
    /// Returns what a run costs at most; `None` when its loops are too long to say.
    pub fn cost(&self) -> Option<Quote> {
        let mut count = Count { bill: Tally::new(self.protocol), exact: true };
        if let Tally::Three(bill) = &mut count.bill
            && self.program().ports.iter().any(|port| !port.is_output)
        {
            bill.input();
        }
        let mut turns = TURNS;
        self.count(&mut count, (0, 0), &mut turns)?;
        Some(count.bill.quote(count.exact))
    }

    fn count(&self, count: &mut Count, (function, block): (usize, usize), turns: &mut u64) -> Option<()> {
        let instructions = &self.program().functions[function].blocks[block].instructions;
        let mut next = 0;
        while let Some(one) = instructions.get(next) {
            if let Some(stretch) = self.stretches.get(&(function, block, next)) {
                count.bill.plan(&stretch.plan);
                next = stretch.end;
                continue;
            }
            next += 1;
            match one.operation {
                Operation::Call { function } => self.count(count, (at(function), 0), turns)?,
                Operation::If { then, otherwise } => {
                    let mut other = *count;
                    self.count(count, (function, at(then)), turns)?;
                    self.count(&mut other, (function, at(otherwise)), turns)?;
                    let is_same = count.bill == other.bill;
                    count.bill = count.bill.dearer(other.bill);
                    count.exact &= other.exact && is_same;
                }
                Operation::Repeat { body, count: times } => {
                    self.repeat(count, times, turns, |turn, turns| self.count(turn, (function, at(body)), turns))?
                }
                Operation::Loop { body, bound } => {
                    let before = count.bill;
                    self.repeat(count, bound, turns, |turn, turns| self.count(turn, (function, at(body)), turns))?;
                    count.exact &= count.bill == before;
                }
                Operation::While { test, body, bound } => {
                    self.count(count, (function, at(test)), turns)?;
                    let before = count.bill;
                    self.repeat(count, bound, turns, |turn, turns| {
                        self.count(turn, (function, at(body)), turns)?;
                        self.count(turn, (function, at(test)), turns)
                    })?;
                    count.exact &= count.bill == before;
                }
                _ => {}
            }
        }
        Some(())
    }

    fn repeat(
        &self,
        count: &mut Count,
        times: u64,
        turns: &mut u64,
        turn: impl Fn(&mut Count, &mut u64) -> Option<()>,
    ) -> Option<()> {
        for done in 0..times {
            let before = count.bill;
            *turns = turns.checked_sub(1)?;
            turn(count, turns)?;
            if let Some(bill) = count.bill.again(&before, times - done - 1) {
                count.bill = bill;
                return Some(());
            }
        }
        Some(())
    }
}
