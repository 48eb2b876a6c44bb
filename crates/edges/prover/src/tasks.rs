//! What the machine is told of transactions about tasks: the rules of `task`, recorded.

use crate::Unprovable;
use crate::divide::halves;
use crate::record::{Recorder, Request};
use crypto::{Domain, poseidon};
use ledger::authority::Authority;
use ledger::tally::Tally;
use proof::circuit::{
    ACTION_COMMIT, ACTION_DELIVER, ACTION_OFFER, ACTION_PUBLISH, ACTION_RETIRE, ACTION_SUBMIT, REJECTED_BUSY,
    REJECTED_ENDED, REJECTED_FEW, REJECTED_FUEL, REJECTED_INSUFFICIENT, REJECTED_LATE, REJECTED_LIMIT,
    REJECTED_OVERFLOW, REJECTED_STAKE,
};
use state::{Overlay, State};
use task::{Context, Offer, Params, Program, Publish, Refusal, Stage, Submit, Task, TaskRecord};
use transition::Action;
use types::{Amount, Digest, Encode, TaskId, limits};

/// What is known of a transaction, in the order in which the program asks for it. Where the program ends early, it does not
/// ask for the rest.
#[derive(Default)]
struct Words(Vec<u64>);

impl Words {
    fn bit(&mut self, bit: bool) {
        self.0.push(bit.into());
    }

    fn number(&mut self, number: u64) {
        self.0.extend(halves(number));
    }

    /// Adds what is said after the action's number.
    fn said(&mut self, action: &Action) {
        self.0.extend(&action.to_elements()[1..]);
    }

    /// Adds the digest of a record, or zeros.
    fn digest(&mut self, record: Option<&impl Encode>) {
        let digest = record.map_or(Digest::ZERO, |record| poseidon::hash_of(Domain::Value, record));
        self.0.extend(digest.limbs());
    }

    /// Adds that so many elements are the same.
    fn same(&mut self, count: usize) {
        (1..count).for_each(|_| self.bit(true));
        self.bit(false);
    }

    /// Adds a record of any length.
    fn stream(&mut self, record: &impl Encode) {
        let elements = record.to_elements();
        let blocks = elements.len().div_ceil(4);
        self.0.push(u64::try_from(elements.len()).expect("few elements"));
        for (index, block) in elements.chunks(4).enumerate() {
            self.0.extend(block);
            self.0.extend(std::iter::repeat_n(0, 4 - block.len()));
            if index > 0 {
                self.bit(index + 1 < blocks);
            }
        }
    }
}

/// Says whether the machine answers for an action.
pub(crate) fn is_run(action: &Action) -> bool {
    number(action).is_some()
}

/// Returns the number of an action for which the machine answers.
fn number(action: &Action) -> Option<u8> {
    Some(match action {
        Action::Publish(_) => ACTION_PUBLISH,
        Action::MakeOffer(_) => ACTION_OFFER,
        Action::Retire(_) => ACTION_RETIRE,
        Action::Submit(_) => ACTION_SUBMIT,
        Action::Commit(_) => ACTION_COMMIT,
        Action::Deliver(_) => ACTION_DELIVER,
        _ => return None,
    })
}

impl Recorder {
    /// Records a transaction about tasks, and returns its action's number and its code.
    pub(crate) fn about_tasks(
        &mut self,
        state: &State,
        chain: &Digest,
        request: &Request,
        action: &Action,
    ) -> Result<(u8, u32), Unprovable> {
        let context = Context { chain: *chain, now: request.time, id: request.id, sender: request.sender };
        let mut after = self.memory.overlay(state);
        let code = apply(&mut after, &context, action).ok_or(Unprovable::Kind(request.id))?;
        let before = self.memory.overlay(state);
        let known = words([&before, &after], &context, request, action, code).zip(number(action));
        let (words, number) = known.ok_or(Unprovable::Kind(request.id))?;
        self.run(state, request, &after, words.0);
        Ok((number, code))
    }
}

/// Executes the rule of an action, and returns its code. Nothing for another rule.
fn apply(s: &mut Overlay<'_>, context: &Context, action: &Action) -> Option<u32> {
    let done = match action {
        Action::Publish(tx) => task::program::publish(s, context, tx),
        Action::MakeOffer(tx) => task::offer::offer(s, context, tx),
        Action::Retire(_) => task::offer::retire(s, context),
        Action::Submit(tx) => task::submit(s, context, tx).map(|_| ()),
        Action::Commit(tx) => task::commit(s, context, tx),
        Action::Deliver(tx) => task::deliver(s, context, tx),
        _ => return None,
    };
    if done.is_err() {
        s.discard();
    }
    s.keep();
    Some(done.map_or_else(Refusal::code, |()| 0))
}

/// Returns what is known of a transaction and its code. Nothing if that cannot be shown.
fn words(
    [before, after]: [&Overlay<'_>; 2],
    context: &Context,
    request: &Request,
    action: &Action,
    code: u32,
) -> Option<Words> {
    let mut words = Words::default();
    words.0.extend([request.id, request.sender.0, request.action.digest].iter().flat_map(Digest::limbs));
    words.bit(request.authority == Authority::Keeper);
    words.0.push(number(action)?.into());
    words.said(action);
    match action {
        Action::Publish(tx) => publish(before, &mut words, tx),
        Action::MakeOffer(_) => offer(before, &mut words, context, code)?,
        Action::Retire(_) => retire(before, &mut words, context, code)?,
        Action::Submit(tx) => submit(before, &mut words, context, tx, code)?,
        Action::Commit(tx) => at_work([before, after], &mut words, context, tx.task, code),
        Action::Deliver(tx) => at_work([before, after], &mut words, context, tx.task, code),
        _ => return None,
    }
    Some(words)
}

fn publish(before: &Overlay<'_>, words: &mut Words, tx: &Publish) {
    let record = before.get::<Program>(&tx.program);
    words.bit(record.is_some());
    words.digest(record.as_ref());
}

fn offer(before: &Overlay<'_>, words: &mut Words, context: &Context, code: u32) -> Option<()> {
    let record = before.get::<Offer>(&context.sender);
    words.bit(record.is_some());
    if record.is_some() {
        words.digest(record.as_ref());
    }
    words.stream(&before.get::<Params>(&0)?);
    words.bit(code == REJECTED_STAKE);
    words.bit(code == REJECTED_INSUFFICIENT);
    words.number(context.now.0);
    Some(())
}

fn retire(before: &Overlay<'_>, words: &mut Words, context: &Context, code: u32) -> Option<()> {
    let record = before.get::<Offer>(&context.sender);
    words.bit(record.is_none());
    let Some(offer) = record else { return Some(()) };
    words.0.extend(offer.to_elements());
    if code != REJECTED_BUSY {
        words.bit(code == REJECTED_INSUFFICIENT);
        let tally = before.get::<Tally>(&offer.tally)?;
        words.number(tally.terms.resolve_after.0);
    }
    Some(())
}

fn submit(before: &Overlay<'_>, words: &mut Words, context: &Context, tx: &Submit, code: u32) -> Option<()> {
    words.number(context.now.0);
    words.bit(code == REJECTED_LATE);
    words.bit(code == REJECTED_LIMIT);
    if code == REJECTED_LIMIT {
        for (limit, most) in [(tx.fuel_limit.0, limits::TASK_FUEL), (tx.memory_bytes, limits::TASK_MEMORY_BYTES)] {
            words.bit(limit > most);
        }
        return Some(());
    }
    let program = before.get::<Program>(&tx.program);
    words.bit(program.is_none());
    words.digest(program.as_ref());
    // What one run costs, rounded down. Gap: what is no amount cannot be shown to be none.
    let (fuel, rate, million) = (u128::from(tx.fuel_limit.0), u128::from(tx.rate.0), 1_000_000);
    let decided = [REJECTED_LATE, task::Reject::BadRedundancy.code(), task::Reject::UnknownProgram.code()];
    if decided.contains(&code) || rate == 0 {
        return Some(());
    }
    let down = fuel * rate / million;
    let amount = u64::try_from(down).ok().filter(|down| *down <= Amount::MAX.quanta())?;
    let back = u64::try_from(down * million / rate).ok()?;
    words.0.extend([amount, back]);
    words.bit(code == REJECTED_OVERFLOW);
    words.bit(code == REJECTED_INSUFFICIENT);
    let window = before.get::<Params>(&0)?;
    words.stream(&window);
    let [[high, low], [more_high, more_low]] = [tx.deadline.0, window.verdict_window.0].map(halves);
    let carry = (low + more_low) >> 32;
    words.0.extend([carry, (high + more_high + carry) >> 32]);
    Some(())
}

/// What is known of a step in the work on a task, from the task as it was to the task as it is.
fn at_work([before, after]: [&Overlay<'_>; 2], words: &mut Words, context: &Context, id: TaskId, code: u32) {
    let record = before.get::<Task>(&id);
    words.bit(record.is_none());
    let Some(record) = record else { return };
    words.stream(&record);
    record.assignments.iter().for_each(|_| words.bit(true));
    words.bit(false);
    if code == REJECTED_ENDED {
        return;
    }
    words.number(context.now.0);
    words.bit(code == REJECTED_LATE);
    let (Some(place), Some(changed)) = (record.place_of(context.sender), after.get::<Task>(&id)) else { return };
    let work = |record: &TaskRecord| record.assignments[place].to_elements().len();
    let is_second = matches!(record.assignments[place].stage, Stage::Committed(_));
    if is_second {
        words.bit(code == REJECTED_FEW);
        words.bit(code == REJECTED_FUEL);
    }
    words.stream(&changed);
    // The elements before the stage, and those after it.
    let ahead: usize = record.assignments[..place].iter().map(|work| work.to_elements().len()).sum();
    let stage = 39 + ahead + 8;
    words.same(stage);
    words.same(record.to_elements().len() - (stage - 8 + work(&record)));
}

#[cfg(test)]
#[path = "../tests/circuit/work.rs"]
mod work;

#[cfg(test)]
mod tests {
    use super::work::{NOW, begun, cases, key, steps};
    use super::*;
    use crate::hashes::Sponge;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// What any word but the true one leads to is an instruction whose assertion fails: the rule that it breaks.
    #[test]
    fn no_word_of_a_run_can_be_another() {
        let (mut state, chain) = (begun(), Digest::ZERO);
        let mut number = 0;
        for (from, action, code) in cases().into_iter().chain(steps()) {
            number += 1;
            let id = Digest::new([number, 1, 1, 1]).unwrap();
            let asked = Sponge { name: 0, digest: poseidon::hash_of(Domain::Action, &action) };
            let sender = key(from).account();
            let authority = Authority::Keeper;
            let request = Request { number, time: NOW, id, sender, authority, is_narrow: false, action: asked };
            let mut honest = Recorder::default();
            assert_eq!(honest.about_tasks(&state, &chain, &request, &action).unwrap().1, code, "case {number}");
            let changes = honest.memory.changes(&state);
            let context = Context { chain, now: NOW, id, sender };
            let (before, mut after) = (Overlay::new(&state), Overlay::new(&state));
            apply(&mut after, &context, &action);
            let words = words([&before, &after], &context, &request, &action, code).unwrap().0;
            let run = |words: Vec<u64>| {
                catch_unwind(AssertUnwindSafe(|| Recorder::default().run(&state, &request, &after, words)))
            };
            let asked = words.len() - run(words.clone()).expect("the true words lead to an answer");
            // Who asked is another table's to say.
            for place in 13..asked {
                let mut words = words.clone();
                words[place] = if words[place] <= 1 { 1 - words[place] } else { words[place] + 1 };
                assert!(run(words).is_err(), "case {number}: word {place} may be another");
            }
            state.apply(&changes);
        }
    }
}
