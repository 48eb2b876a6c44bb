//! What is to be brought to L1 for each batch, and what of it still has to be.
//!
//! Decides only. A batch is its parts in order: what it stands on, and itself at the end. One that settles by signatures
//! goes as it is, part behind part. One that settles by a proof takes many transactions that cost much, which anybody may
//! have sent, so each part is asked for on L1 first: [`Errands::questions`] says what to look up, and [`Errands::due`]
//! what has to be handed to the outbox now. Nothing is remembered of what L1 said before: what a reorganisation takes
//! away is handed over again. The batch itself goes when all before it is there.

use crate::outbox::Course;
use crate::part::Part;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use types::{Bytes32, Encode as _};

/// Something that L1 shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A chunk with this hash is published.
    Published(Bytes32),
    /// A statement that leaves a context with this digest holds.
    Registered(Bytes32),
    /// Queries of a context are answered.
    Answered {
        /// The context's digest.
        context: Bytes32,
        /// Which queries, as bits.
        queries: Bytes32,
    },
    /// The batch is settled.
    Settled(u64),
}

/// Something to look up on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Whether a chunk is published.
    Published(Bytes32),
    /// Whether a statement holds.
    Registered(Bytes32),
    /// Which queries are answered.
    Answered(Bytes32),
    /// Which batch was settled last.
    Settled,
}

/// What L1 said.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What is published, and what is registered.
    pub there: BTreeSet<Question>,
    /// The bits of the answered queries by context.
    pub answered: BTreeMap<Bytes32, Bytes32>,
    /// The last settled batch.
    pub settled: u64,
}

impl Known {
    pub(crate) fn has(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Published(chunk) => self.there.contains(&Question::Published(*chunk)),
            Fact::Registered(context) => self.there.contains(&Question::Registered(*context)),
            Fact::Answered { context, queries } => self.answered.get(context).is_some_and(|answered| {
                answered.0.iter().zip(queries.0).all(|(answered, asked)| answered & asked == asked)
            }),
            Fact::Settled(number) => self.settled >= *number,
        }
    }
}

impl Fact {
    pub(crate) fn question(&self) -> Question {
        match self {
            Self::Published(chunk) => Question::Published(*chunk),
            Self::Registered(context) => Question::Registered(*context),
            Self::Answered { context, .. } => Question::Answered(*context),
            Self::Settled(_) => Question::Settled,
        }
    }
}

/// A part with its words.
#[derive(Debug, Clone)]
struct Named {
    part: Part,
    what: Box<[u8]>,
    fact: Fact,
}

/// What is to be done for one batch.
#[derive(Debug)]
struct Errand {
    batch: u64,
    parts: VecDeque<Named>,
    /// Whether each part is asked for on L1 before it is sent, and the batch waits for all of them.
    is_asked_for: bool,
}

/// What is still to be handed to the outbox, batch by batch.
#[derive(Debug, Default)]
pub struct Errands(VecDeque<Errand>);

impl Errands {
    /// Takes the parts of a batch, of which the batch itself is the last. They replace what there was of it.
    pub fn begin(&mut self, batch: u64, parts: impl IntoIterator<Item = Part>) {
        self.0.retain(|errand| errand.batch != batch);
        // Whatever has no fact of its own is no part of an errand.
        let named = |part: Part| Some(Named { what: part.to_bytes().into(), fact: part.fact()?, part });
        let parts: VecDeque<Named> = parts.into_iter().filter_map(named).collect();
        let is_asked_for = parts.iter().any(|named| named.part.is_proof());
        let place = self.0.partition_point(|errand| errand.batch < batch);
        self.0.insert(place, Errand { batch, parts, is_asked_for });
    }

    /// Drops this batch and all behind it: whoever wants them sent hands them over again.
    pub fn drop_from(&mut self, batch: u64) {
        self.0.retain(|errand| errand.batch < batch);
    }

    /// Drops this batch and all before it: they are settled, whoever did it.
    pub fn drop_up_to(&mut self, batch: u64) {
        self.0.retain(|errand| errand.batch > batch);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns what has to be looked up before [`Errands::due`].
    pub fn questions(&self) -> BTreeSet<Question> {
        let asked = self.0.iter().filter(|errand| errand.is_asked_for);
        let mut questions: BTreeSet<Question> =
            asked.flat_map(|errand| &errand.parts).map(|named| named.fact.question()).collect();
        if !questions.is_empty() {
            questions.insert(Question::Settled);
        }
        questions
    }

    /// Returns what has to be handed to the outbox now, in order, `room` parts at most. What goes by signatures counts as
    /// handed over then; of a batch with a proof, the owner tells by [`Errands::handed_over`].
    pub fn due(&mut self, known: &Known, course: &Course, room: usize) -> Vec<Part> {
        let mut due = Vec::new();
        for errand in &mut self.0 {
            if errand.is_asked_for {
                errand.missing(known, course, room, &mut due);
            } else {
                errand.go(course, room, &mut due);
            }
        }
        self.0.retain(|errand| !errand.parts.is_empty());
        due
    }

    /// Notes that a part was handed over. A batch whose last part was is done with, unless it fails.
    pub fn handed_over(&mut self, part: &Part) {
        if matches!(part, Part::Settle(_)) {
            self.0.retain(|errand| errand.batch != part.batch());
        }
    }
}

impl Errand {
    /// Takes what has to go of a batch that settles by signatures. What is on its way already, as after a restart or when
    /// L1 took a failure back, is not sent twice.
    fn go(&mut self, course: &Course, room: usize, due: &mut Vec<Part>) {
        while due.len() < room {
            let Some(named) = self.parts.pop_front() else { break };
            if !course.is_under_way(&named.what) {
                due.push(named.part);
            }
        }
    }

    /// Notes what has to go of a batch that settles by a proof: what is neither on L1 nor on its way. The batch goes when
    /// all else is on L1, the batch before it too.
    fn missing(&mut self, known: &Known, course: &Course, room: usize, due: &mut Vec<Part>) {
        let is_ready = known.has(&Fact::Settled(self.batch - 1));
        let is_last = |named: &Named| matches!(named.part, Part::Settle(_));
        let may_settle = is_ready && self.parts.iter().all(|named| is_last(named) || known.has(&named.fact));
        let may_go = |named: &&Named| !known.has(&named.fact) && (may_settle || !is_last(named));
        let missing: Vec<&Named> = self.parts.iter().filter(may_go).collect();
        if missing.iter().any(|named| is_last(named) && course.is_under_way(&named.what)) {
            self.parts.clear();
            return;
        }
        let missing = missing.into_iter().filter(|named| !course.is_under_way(&named.what));
        due.extend(missing.map(|named| named.part.clone()).take(room.saturating_sub(due.len())));
    }
}

#[cfg(test)]
mod tests;
