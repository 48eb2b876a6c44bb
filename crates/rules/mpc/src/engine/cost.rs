//! What a program costs among parties, before it runs: the plans in the order in which they are carried out, added up.

use super::Prepared;
use crate::verify::bill::Bill;
use vm::Operation;
use vm::layout::at;
use vm::plan::Cost;

/// Turns of loops that are added up one by one. Most loops cost the same again after a turn or two.
const TURNS: u64 = 1 << 20;

/// What a program costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Rounds, bytes, and what is drawn for checks.
    pub cost: Cost,
    /// Whether a run costs just that, and not less: control never depends on what all come to know.
    pub exact: bool,
}

/// A bill and whether it is exact.
#[derive(Clone, Copy)]
struct Count {
    bill: Bill,
    exact: bool,
}

impl Prepared {
    /// Returns what a run costs at most; `None` when its loops are too long to say.
    pub fn cost(&self) -> Option<Quote> {
        let mut count = Count { bill: Bill::new(self.security), exact: true };
        if self.program().ports.iter().any(|port| !port.is_output) {
            count.bill.input();
        }
        let mut turns = TURNS;
        self.count(&mut count, (0, 0), &mut turns)?;
        count.bill.end();
        Some(Quote { cost: count.bill.cost(), exact: count.exact })
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
