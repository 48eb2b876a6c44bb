//! What the machine is told of transactions about tasks: the rules of `task`, recorded.

use crate::Unprovable;
use crate::divide::halves;
use crate::record::{Recorder, Request};
use crypto::{Domain, poseidon};
use ledger::authority::Authority;
use ledger::tally::Tally;
use proof::circuit::{
    ACTION_OFFER, ACTION_PUBLISH, ACTION_RETIRE, ACTION_SUBMIT, REJECTED_BUSY, REJECTED_INSUFFICIENT, REJECTED_LATE,
    REJECTED_LIMIT, REJECTED_OVERFLOW, REJECTED_STAKE,
};
use state::{Overlay, State};
use task::{Context, Offer, Params, Program, Publish, Refusal, Submit};
use transition::Action;
use types::{Amount, Digest, Encode, limits};

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
        let done = match action {
            Action::Publish(tx) => task::program::publish(&mut after, &context, tx),
            Action::MakeOffer(tx) => task::offer::offer(&mut after, &context, tx),
            Action::Retire(_) => task::offer::retire(&mut after, &context),
            Action::Submit(tx) => task::submit(&mut after, &context, tx).map(|_| ()),
            _ => return Err(Unprovable::Kind(request.id)),
        };
        if done.is_err() {
            after.discard();
        }
        after.keep();
        let code = done.map_or_else(Refusal::code, |()| 0);
        let before = self.memory.overlay(state);
        let known = words(&before, &context, request, action, code).zip(number(action));
        let (words, number) = known.ok_or(Unprovable::Kind(request.id))?;
        self.run(state, request, &after, words.0);
        Ok((number, code))
    }
}

/// Returns what is known of a transaction and its code. Nothing if that cannot be shown.
fn words(before: &Overlay<'_>, context: &Context, request: &Request, action: &Action, code: u32) -> Option<Words> {
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
