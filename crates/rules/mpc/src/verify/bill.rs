//! What a check costs, from what there is to check: the same figures that a run goes by.

use super::{COIN, STATISTICAL_BITS, planes, tags, wide};
use crate::bits::words;
use crate::share::Party;
use vm::plan::{Cost, Plan, Security, Talk};

/// Words of bits beyond which claims are checked though nothing is shown, so that they do not fill the memory.
const WORDS: usize = 1 << 16;
/// Numbers beyond which they are.
const NUMBERS: usize = 1 << 17;

/// A message of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The upper halves of products in the wider ring.
    Products,
    /// Nothing: what was sent before arrives everywhere.
    Wait,
    /// The weight of bits.
    FirstCoin,
    /// The table of sums of bits' products.
    Sums,
    /// The point, and what hides.
    SecondCoin,
    /// What is hidden is shown.
    Shown,
    /// Tags for the previous party, and for the next by way of it.
    Compare,
    /// The next party's tags for the previous one.
    Forward,
}

/// What there is to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Words of claims about bits.
    pub(crate) words: usize,
    /// Numbers in claims about numbers, and the sums of their products.
    numbers: usize,
    products: usize,
    /// Nothing was taken in since tags were compared.
    pub(crate) is_quiet: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self { words: 0, numbers: 0, products: 0, is_quiet: true }
    }
}

impl Load {
    /// Adds claims about bits.
    pub(crate) fn add_bits(&mut self, words: usize) {
        self.words += words;
        self.is_quiet &= words == 0;
    }

    /// Adds claims about sums of products.
    pub(crate) fn add_numbers(&mut self, lanes: usize, group: usize) {
        self.numbers += lanes;
        self.products += lanes / group;
        self.is_quiet &= lanes == 0;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.words >= WORDS || self.numbers >= NUMBERS
    }

    fn larger(self, other: Self) -> Self {
        Self {
            words: self.words.max(other.words),
            numbers: self.numbers.max(other.numbers),
            products: self.products.max(other.products),
            is_quiet: self.is_quiet && other.is_quiet,
        }
    }

    /// Returns the messages of a check, the last first.
    pub(crate) fn stages(&self, compares: bool) -> Vec<Stage> {
        let mut stages = Vec::new();
        if self.numbers > 0 || self.words > 0 {
            stages.push(if self.numbers > 0 { Stage::Products } else { Stage::Wait });
            if self.words > 0 {
                stages.extend([Stage::FirstCoin, Stage::Sums]);
            }
            stages.extend([Stage::Wait, Stage::SecondCoin, Stage::Shown]);
        }
        if compares {
            stages.push(Stage::Compare);
        }
        stages.reverse();
        stages
    }

    /// Returns how long a message is.
    pub(crate) fn bytes(&self, stage: Stage) -> usize {
        match stage {
            Stage::Products => self.products * wide::HALF + wide::SUM,
            Stage::Wait => 1,
            Stage::FirstCoin | Stage::SecondCoin => 8 * COIN,
            Stage::Sums => 8 * planes::sums(planes::levels(self.words)),
            Stage::Shown => self.numbers * wide::OPENED + 8 * self.shown_bits(),
            Stage::Compare => 2 * tags::BYTES,
            Stage::Forward => tags::BYTES,
        }
    }

    /// Returns how many random elements the check uses up, the coins among them.
    pub(crate) fn masks(&self) -> usize {
        let coins = usize::from(self.words > 0) + usize::from(self.words > 0 || self.numbers > 0);
        self.numbers + self.shown_bits() + coins * COIN
    }

    fn shown_bits(&self) -> usize {
        if self.words == 0 { 0 } else { planes::shown(self.words) }
    }
}

/// Returns how many words of bits a step claims something of.
fn words_of_claims(what: &Talk) -> usize {
    match what {
        Talk::And { a, .. } => a.planes * words(a.lanes),
        Talk::DealCarries { from, .. } => from.bits() * words(from.lanes),
        _ => 0,
    }
}

/// Returns how many words of bits stand together at most before a plan's claims are checked.
pub(super) fn words_at_once(plan: &Plan) -> usize {
    let rounds =
        plan.rounds.iter().map(|round| round.talk.iter().map(|step| words_of_claims(&step.what)).sum::<usize>());
    let (sum, most) = rounds.fold((0, 0), |(sum, most), words| (sum + words, words.max(most)));
    sum.min(WORDS + most)
}

/// Returns what a plan costs by itself, exactly: with all that is checked in it and at its end.
pub fn cost(plan: &Plan) -> Cost {
    let mut bill = Bill::new(plan.security);
    if !plan.inputs.is_empty() {
        bill.input();
    }
    bill.plan(plan);
    bill.end();
    bill.cost()
}

/// What a run costs, added up plan by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    security: Security,
    load: Load,
    cost: Cost,
}

impl Bill {
    pub(crate) fn new(security: Security) -> Self {
        let statistical_bits = if security == Security::Malicious { STATISTICAL_BITS } else { 0 };
        let cost = Cost { statistical_bits, ..Cost::default() };
        Self { security, load: Load::default(), cost }
    }

    /// Takes in an input.
    pub(crate) fn input(&mut self) {
        self.load.is_quiet = false;
    }

    /// Adds a plan.
    pub(crate) fn plan(&mut self, plan: &Plan) {
        for round in plan.rounds.iter().filter(|round| !round.talk.is_empty()) {
            let shows = self.is_guarded() && round.shows();
            if shows || self.load.is_full() {
                self.check(shows);
            }
            let said =
                Party::ALL.map(|party| round.talk.iter().map(|step| step.what.bytes(party.index())).sum::<usize>());
            self.message(said.map(|bytes| bytes + if shows { tags::BYTES } else { 0 }));
            if self.is_guarded() {
                round.talk.iter().for_each(|step| self.claim(&step.what));
            }
        }
    }

    /// Adds what is checked at the end.
    pub(crate) fn end(&mut self) {
        if self.is_guarded() && !self.load.is_quiet {
            self.check(true);
            self.message([self.load.bytes(Stage::Forward); 3]);
            self.load.is_quiet = true;
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// Returns the larger of each figure.
    pub(crate) fn dearer(self, other: Self) -> Self {
        let (a, b) = (self.cost, other.cost);
        let cost = Cost {
            rounds: a.rounds.max(b.rounds),
            bytes: std::array::from_fn(|party| a.bytes[party].max(b.bytes[party])),
            masks: a.masks.max(b.masks),
            statistical_bits: a.statistical_bits,
        };
        Self { cost, load: self.load.larger(other.load), ..self }
    }

    /// Returns the bill after as many turns more as the one since an earlier bill, if each costs the same.
    pub(crate) fn again(self, before: &Self, turns: u64) -> Option<Self> {
        if self.load != before.load {
            return None;
        }
        let turns = usize::try_from(turns).ok()?;
        let more = |now: usize, then: usize| now.checked_add((now - then).checked_mul(turns)?);
        let mut cost = self.cost;
        cost.rounds = more(cost.rounds, before.cost.rounds)?;
        cost.masks = more(cost.masks, before.cost.masks)?;
        for (now, then) in cost.bytes.iter_mut().zip(before.cost.bytes) {
            *now = more(*now, then)?;
        }
        Some(Self { cost, ..self })
    }

    fn is_guarded(&self) -> bool {
        self.security == Security::Malicious
    }

    fn message(&mut self, bytes: [usize; 3]) {
        self.cost.rounds += 1;
        self.cost.bytes.iter_mut().zip(bytes).for_each(|(sum, bytes)| *sum += bytes);
    }

    fn check(&mut self, compares: bool) {
        for stage in self.load.stages(compares) {
            self.message([self.load.bytes(stage); 3]);
        }
        self.cost.masks += self.load.masks();
        self.load = Load { is_quiet: compares, ..Load::default() };
    }

    fn claim(&mut self, what: &Talk) {
        match what {
            Talk::Multiply { a, group, .. } => self.load.add_numbers(a.lanes, *group),
            Talk::And { .. } | Talk::DealCarries { .. } => self.load.add_bits(words_of_claims(what)),
            Talk::DealOfBits { from, .. } => self.load.add_numbers(from.planes * from.lanes, 1),
            Talk::Refresh(_) => self.load.is_quiet = false,
            Talk::OpenRing(_) | Talk::OpenBits(_) | Talk::DealSum { .. } | Talk::DealSumBits { .. } => {}
            Talk::RefreshBits(_) | Talk::Complete { .. } | Talk::Mix { .. } => {}
        }
    }
}
