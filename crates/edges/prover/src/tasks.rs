//! What the machine is told of transactions that it answers for: the rules of `task`, recorded. Verdicts and what a quorum
//! resolves are in [`crate::decide`] and [`crate::quorum`].

use crate::divide::halves;
use crate::machine::Known;
use crate::record::{Recorder, Request};
use crate::{Unprovable, decide, quorum};
use crypto::{Domain, poseidon};
use ledger::account::{Balance, BalanceKey};
use ledger::authority::Authority;
use ledger::tally::{self, Half, Resolver, Tally};
use proof::circuit::{
    ACTION_ASSIGN, ACTION_COMMIT, ACTION_DECIDE, ACTION_DELIVER, ACTION_MERGE, ACTION_OFFER, ACTION_PUBLISH,
    ACTION_RECLAIM, ACTION_REDEEM, ACTION_REFUND, ACTION_RESOLVE, ACTION_RETIRE, ACTION_SPLIT, ACTION_SUBMIT,
    REJECTED_BUSY, REJECTED_FEW, REJECTED_FUEL, REJECTED_INSUFFICIENT, REJECTED_LATE, REJECTED_LIMIT, REJECTED_NARROW,
    REJECTED_OVERFLOW, REJECTED_STAKE, REJECTED_UNDUE,
};
use state::{Overlay, State};
use task::{
    Assign, Context, MakeOffer, Offer, Params, Program, Publish, Reason, Refund, Refusal, Stage, Submit, Task,
    TaskRecord,
};
use transition::Action;
use types::{AccountId, Amount, Digest, Encode, Signature, TaskId, limits};

/// What is known of a transaction, in the order in which the program asks for it. Where the program ends early, it does not
/// ask for the rest.
#[derive(Default)]
pub(crate) struct Words(pub(crate) Vec<u64>);

impl Words {
    pub(crate) fn bit(&mut self, bit: bool) {
        self.0.push(bit.into());
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend(halves(number));
    }

    /// Adds what is said after the action's number.
    pub(crate) fn said(&mut self, action: &Action) {
        self.0.extend(&action.to_elements()[1..]);
    }

    /// Adds the digest of a record, or zeros.
    pub(crate) fn digest(&mut self, record: Option<&impl Encode>) {
        let digest = record.map_or(Digest::ZERO, |record| poseidon::hash_of(Domain::Value, record));
        self.0.extend(digest.limbs());
    }

    /// Adds that so many elements are the same.
    pub(crate) fn same(&mut self, count: usize) {
        self.turns(count - 1);
    }

    /// Adds that a loop takes so many turns and one more.
    pub(crate) fn turns(&mut self, count: usize) {
        (0..count).for_each(|_| self.bit(true));
        self.bit(false);
    }

    /// Adds a record of any length.
    pub(crate) fn stream(&mut self, record: &impl Encode) {
        self.stream_of(&record.to_elements());
    }

    /// Adds elements of any number.
    pub(crate) fn stream_of(&mut self, elements: &[u64]) {
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

/// Returns the number of an action for which the machine may answer.
fn number(action: &Action) -> Option<u8> {
    Some(match action {
        Action::Publish(_) => ACTION_PUBLISH,
        Action::MakeOffer(_) => ACTION_OFFER,
        Action::Retire(_) => ACTION_RETIRE,
        Action::Submit(_) => ACTION_SUBMIT,
        Action::Assign(_) => ACTION_ASSIGN,
        Action::Commit(_) => ACTION_COMMIT,
        Action::Deliver(_) => ACTION_DELIVER,
        Action::Refund(_) => ACTION_REFUND,
        Action::Decide(_) => ACTION_DECIDE,
        Action::Split(_) => ACTION_SPLIT,
        Action::Merge(_) => ACTION_MERGE,
        Action::Resolve(_) => ACTION_RESOLVE,
        Action::Redeem(_) => ACTION_REDEEM,
        Action::Reclaim(_) => ACTION_RECLAIM,
        _ => return None,
    })
}

/// Returns the signatures that an action brings.
fn signatures(action: &Action) -> Vec<Signature> {
    match action {
        Action::Decide(tx) => tx.signatures.iter().map(|vote| vote.signature).collect(),
        Action::Resolve(tx) => tx.endorsements.iter().map(|endorsement| endorsement.signature).collect(),
        _ => Vec::new(),
    }
}

impl Recorder {
    /// Says whether the machine answers for an action. The tally table does for tallies of accounts.
    pub(crate) fn is_run(&mut self, state: &State, action: &Action) -> bool {
        let mut of_quorum = |id| {
            let tally = self.memory.tally(state, id);
            tally.is_some_and(|tally| matches!(tally.terms.resolver, Resolver::Quorum(_)))
        };
        match action {
            Action::Split(tx) => !matches!(tx.terms.resolver, Resolver::Account(_)),
            Action::Merge(tx) => !tx.pairs.is_zero() && of_quorum(tx.tally),
            Action::Resolve(tx) => !tx.endorsements.is_empty() || of_quorum(tx.tally),
            Action::Redeem(tx) => of_quorum(tx.tally),
            Action::Reclaim(tx) => of_quorum(tx.tally),
            _ => number(action).is_some(),
        }
    }

    /// Records a transaction for which the machine answers, and returns its action's number and its code.
    pub(crate) fn by_machine(
        &mut self,
        state: &State,
        chain: &Digest,
        request: &Request,
        action: &Action,
    ) -> Result<(u8, u32), Unprovable> {
        let context = Context { chain: *chain, now: request.time, id: request.id, sender: request.sender };
        let mut after = self.memory.overlay(state);
        let code = if request.is_narrow { Some(REJECTED_NARROW) } else { apply(&mut after, &context, action) };
        let code = code.ok_or(Unprovable::Kind(request.id))?;
        let before = self.memory.overlay(state);
        let known = words([&before, &after], &context, request, action, code).zip(number(action));
        let (words, number) = known.ok_or(Unprovable::Kind(request.id))?;
        self.run(state, request, &after, Known { words: words.0, signatures: signatures(action) });
        Ok((number, code))
    }
}

/// What words are made of.
pub(crate) struct Told<'a> {
    /// The state before the rule, and with what it did.
    pub(crate) before: &'a Overlay<'a>,
    pub(crate) after: &'a Overlay<'a>,
    pub(crate) context: &'a Context,
    /// What the id is the digest of, if somebody signed it.
    pub(crate) signed: &'a Vec<u64>,
    /// What became of it.
    pub(crate) code: u32,
}

/// Executes the rule of an action, and returns its code. Nothing for another rule.
fn apply(s: &mut Overlay<'_>, context: &Context, action: &Action) -> Option<u32> {
    let done = match action {
        Action::Publish(tx) => task::program::publish(s, context, tx),
        Action::MakeOffer(tx) => task::offer::offer(s, context, tx),
        Action::Retire(_) => task::offer::retire(s, context),
        Action::Submit(tx) => task::submit(s, context, tx).map(|_| ()),
        Action::Assign(tx) => task::assign(s, context, tx),
        Action::Commit(tx) => task::commit(s, context, tx),
        Action::Deliver(tx) => task::deliver(s, context, tx),
        Action::Refund(tx) => task::refund(s, context, tx).map(|_| ()),
        Action::Decide(tx) => task::verdict::decide(s, context, tx).map(|_| ()),
        Action::Split(tx) => tally::split_by(s, context.sender, tx).map(|_| ()).map_err(Refusal::from),
        Action::Merge(tx) => tally::merge_by(s, context.sender, tx).map(|_| ()).map_err(Refusal::from),
        Action::Resolve(tx) => tally::resolve_by(s, context.sender, tx, context.now).map_err(Refusal::from),
        Action::Redeem(tx) => tally::redeem(s, context.sender, tx.tally).map(|_| ()).map_err(Refusal::from),
        Action::Reclaim(tx) => tally::reclaim_by(s, tx, context.now).map_err(Refusal::from),
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
    let told = Told { before, after, context, signed: &request.signed, code };
    // What has any length comes in the blocks that it is hashed in.
    match action {
        Action::Assign(_) | Action::Decide(_) | Action::Split(_) | Action::Resolve(_) => words.stream(action),
        _ => words.said(action),
    }
    match action {
        Action::Decide(tx) => decide::decide(&told, &mut words, tx)?,
        Action::Split(tx) => quorum::split(&told, &mut words, tx),
        Action::Merge(tx) => quorum::merge(&told, &mut words, tx),
        Action::Resolve(tx) => quorum::resolve(&told, &mut words, tx),
        Action::Redeem(tx) => quorum::redeem(&told, &mut words, tx),
        Action::Reclaim(tx) => quorum::reclaim(&told, &mut words, tx),
        Action::Publish(tx) => publish(before, &mut words, tx),
        Action::MakeOffer(_) => offer(before, &mut words, context, code)?,
        Action::Retire(_) => retire(before, &mut words, context, code)?,
        Action::Submit(tx) => submit(before, &mut words, context, tx, code)?,
        Action::Assign(tx) => assign([before, after], &mut words, context, tx, code)?,
        Action::Commit(tx) => at_work([before, after], &mut words, context, tx.task, code),
        Action::Deliver(tx) => at_work([before, after], &mut words, context, tx.task, code),
        Action::Refund(tx) => refund([before, after], &mut words, context, tx, code)?,
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
    let (fuel, rate, million) = (u128::from(tx.fuel_limit.0), u128::from(tx.rate.0), 1_000_000);
    let decided = [REJECTED_LATE, task::Reject::BadRedundancy.code(), task::Reject::UnknownProgram.code()];
    if decided.contains(&code) || rate == 0 {
        return Some(());
    }
    let is_dear = tx.rate.price_up(tx.fuel_limit).is_err();
    words.bit(is_dear);
    if is_dear {
        // How much fuel the largest amount pays for.
        words.0.push(u64::try_from(u128::from(Amount::MAX.quanta()) * million / rate).ok()?);
        return Some(());
    }
    // What one run costs, rounded down, and what that pays for.
    let down = fuel * rate / million;
    let [amount, back] = [down, down * million / rate].map(|number| u64::try_from(number).ok());
    let (amount, back) = amount.zip(back)?;
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

/// Where the work of the first begins in a task's record.
const WORK: usize = 39;

/// Returns how many elements the work of the first of those has who work on a task.
fn length(record: &TaskRecord, works: usize) -> usize {
    record.assignments[..works].iter().map(|work| work.to_elements().len()).sum()
}

/// What is known of a task, if there is one.
fn opened(before: &Overlay<'_>, words: &mut Words, id: TaskId) -> Option<TaskRecord> {
    let record = before.get::<Task>(&id);
    words.bit(record.is_none());
    let record = record?;
    words.stream(&record);
    words.turns(record.assignments.len());
    Some(record)
}

/// What is known of a step in the work on a task, from the task as it was to the task as it is.
fn at_work([before, after]: [&Overlay<'_>; 2], words: &mut Words, context: &Context, id: TaskId, code: u32) {
    let Some(record) = opened(before, words, id) else { return };
    words.number(context.now.0);
    words.bit(code == REJECTED_LATE);
    let (Some(place), Some(changed)) = (record.place_of(context.sender), after.get::<Task>(&id)) else { return };
    if matches!(record.assignments[place].stage, Stage::Committed(_)) {
        words.bit(code == REJECTED_FEW);
        words.bit(code == REJECTED_FUEL);
    }
    words.stream(&changed);
    // The elements before the stage, and those after it.
    words.same(WORK + length(&record, place) + 8);
    words.same(record.to_elements().len() - WORK - length(&record, place + 1));
}

/// Why somebody who was considered cannot be assigned: one of what the program asks for, in its order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfit {
    NoOffer,
    TooDear,
    TooSmall,
    OtherAsset,
    /// At this place.
    Assigned(usize),
    TooMany,
}

impl Unfit {
    /// Says why an offer cannot be taken, if it cannot, where these work on the task.
    fn of(asked: &Submit, working: &[AccountId], provider: AccountId, offer: Option<&MakeOffer>) -> Option<Self> {
        let Some(offer) = offer else { return Some(Self::NoOffer) };
        let place = working.iter().position(|other| *other == provider);
        let reasons = [
            (Self::TooDear, offer.rate > asked.rate),
            (Self::TooSmall, offer.memory_bytes < asked.memory_bytes),
            (Self::OtherAsset, offer.asset != asked.asset),
            (Self::Assigned(place.unwrap_or_default()), place.is_some()),
            (Self::TooMany, working.len() >= limits::TASK_PROVIDERS),
        ];
        reasons.into_iter().find(|(_, is_so)| *is_so).map(|(reason, _)| reason)
    }

    /// Adds which of them it is, and what shows it.
    fn tell(self, words: &mut Words, offer: Option<&impl Encode>, working: &[AccountId]) {
        words.bit(self == Self::NoOffer);
        words.bit(self == Self::TooDear);
        words.bit(self == Self::TooSmall);
        words.bit(self == Self::OtherAsset);
        words.bit(matches!(self, Self::Assigned(_)));
        words.bit(self == Self::TooMany);
        words.0.extend(offer.map(Encode::to_elements).unwrap_or_default());
        match self {
            Self::Assigned(place) => words.0.push(u64::try_from(place).expect("few work on a task")),
            Self::TooMany => words.turns(working.len()),
            _ => {}
        }
    }
}

/// What is known of an assignment.
fn assign(
    [before, after]: [&Overlay<'_>; 2],
    words: &mut Words,
    context: &Context,
    tx: &Assign,
    code: u32,
) -> Option<()> {
    words.stream(&before.get::<Params>(&0)?);
    let Some(record) = opened(before, words, tx.task) else { return Some(()) };
    words.number(context.now.0);
    words.bit(code == REJECTED_LATE);
    words.bit(code == 0);
    let mut working: Vec<AccountId> = record.assignments.iter().map(|work| work.provider).collect();
    let mut unfit = None;
    for considered in &tx.considered {
        let (provider, is_chosen) = (considered.provider, matches!(considered.reason, Reason::Chosen(_)));
        let offer = before.get::<Offer>(&provider).filter(|_| is_chosen);
        if is_chosen {
            let asked = offer.as_ref().map(|record| &record.offer);
            if let Some(reason) = Unfit::of(&record.submit, &working, provider, asked) {
                unfit = Some((reason, offer));
                break;
            }
            working.push(provider);
        }
        words.bit(true);
        words.0.extend(offer.as_ref().map(Encode::to_elements).unwrap_or_default());
    }
    words.bit(false);
    // Each that is new is compared with those before it, and with itself.
    let first = record.assignments.len();
    words.turns((first..working.len()).map(|place| place + 1).sum());
    if let Some((reason, offer)) = unfit {
        reason.tell(words, offer.as_ref(), &working);
        return Some(());
    }
    words.stream(&after.get::<Task>(&tx.task)?);
    words.same(WORK - 1);
    if first > 0 {
        words.same(length(&record, first));
    }
    words.turns(working.len() - first);
    Some(())
}

/// What is known of a refund.
fn refund(
    [before, after]: [&Overlay<'_>; 2],
    words: &mut Words,
    context: &Context,
    tx: &Refund,
    code: u32,
) -> Option<()> {
    let Some(record) = opened(before, words, tx.task).filter(TaskRecord::is_open) else { return Some(()) };
    words.number(context.now.0);
    let terms = before.get::<Tally>(&record.tally)?.terms;
    words.number(terms.resolve_after.0);
    words.number(terms.refund_after.0);
    words.bit(code == REJECTED_UNDUE);
    let held = BalanceKey { account: record.requester, asset: Half::Foil.asset(record.tally) };
    words.bit(!before.get::<Balance>(&held).unwrap_or_default().is_zero());
    for work in &record.assignments {
        words.bit(true);
        let offer = before.get::<Offer>(&work.provider);
        words.bit(offer.is_some());
        words.0.extend(offer.as_ref().map(Encode::to_elements).unwrap_or_default());
    }
    words.bit(false);
    words.stream(&after.get::<Task>(&tx.task)?);
    words.same(WORK + length(&record, record.assignments.len()));
    Some(())
}

#[cfg(test)]
#[path = "../tests/circuit/quorums.rs"]
mod quorums;
#[cfg(test)]
#[path = "../tests/circuit/verdicts.rs"]
mod verdicts;
#[cfg(test)]
#[path = "../tests/circuit/work.rs"]
mod work;

#[cfg(test)]
mod tests {
    use super::work::{NOW, all, begun, key};
    use super::*;
    use crate::hashes::Sponge;
    use proof::circuit::REJECTED_FOREIGN;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use transition::Transaction;

    #[test]
    fn no_word_of_a_run_about_work_can_be_another() {
        check(begun(), all(), usize::MAX);
    }

    #[test]
    fn no_word_of_a_run_about_a_quorums_tally_can_be_another() {
        check(quorums::agreed(), quorums::cases(&Digest::ZERO), 48);
    }

    #[test]
    fn no_word_of_a_run_about_a_verdict_can_be_another() {
        check(verdicts::delivered(), verdicts::cases(&Digest::ZERO), 32);
    }

    /// What any word but the true one leads to is an instruction whose assertion fails: the rule that it breaks. Of each run
    /// as many words are changed, others in each.
    fn check(mut state: State, cases: Vec<(u8, Action, u32)>, tried: usize) {
        let chain = Digest::ZERO;
        for (number, (from, action, code)) in (1..).zip(cases) {
            let request = request(number, from, &chain, &action);
            let mut honest = Recorder::default();
            if !honest.is_run(&state, &action) {
                assert_ne!(code, 0, "case {number} changes nothing");
                continue;
            }
            assert_eq!(honest.by_machine(&state, &chain, &request, &action).unwrap().1, code, "case {number}");
            let changes = honest.memory.changes(&state);
            let context = Context { chain, now: NOW, id: request.id, sender: request.sender };
            let (before, mut after) = (Overlay::new(&state), Overlay::new(&state));
            apply(&mut after, &context, &action);
            let words = words([&before, &after], &context, &request, &action, code).unwrap().0;
            let run = |words: Vec<u64>| {
                catch_unwind(AssertUnwindSafe(|| {
                    let known = Known { words, signatures: signatures(&action) };
                    Recorder::default().run(&state, &request, &after, known)
                }))
            };
            let asked = words.len() - run(words.clone()).expect("the true words lead to an answer");
            // Who asked is another table's to say.
            let step = asked.div_ceil(tried);
            let first = 13 + usize::try_from(number).unwrap() % step;
            for place in (first..asked).step_by(step) {
                let mut words = words.clone();
                words[place] = if words[place] <= 1 { 1 - words[place] } else { words[place] + 1 };
                assert!(run(words).is_err(), "case {number}: word {place} may be another");
            }
            state.apply(&changes);
        }
    }

    /// A transaction as the machine is asked for it.
    fn request(number: u64, from: u8, chain: &Digest, action: &Action) -> Request {
        let tx = Transaction::sign(&key(from), chain, number, action.clone());
        let (id, sender) = (tx.id(chain).0, key(from).account());
        let action = Sponge { name: 0, digest: poseidon::hash_of(Domain::Action, action) };
        let signed = tx.id_elements(chain, sender, &action.digest);
        Request { number, time: NOW, id, sender, authority: Authority::Keeper, is_narrow: false, action, signed }
    }

    /// Tries to have something applied that a rule rejects, with what a prover would say then.
    fn is_applied(state: &State, request: &Request, action: &Action, after: &Overlay<'_>, words: Vec<u64>) -> bool {
        let known = Known { words, signatures: signatures(action) };
        catch_unwind(AssertUnwindSafe(|| Recorder::default().run(state, request, after, known))).is_ok()
    }

    #[test]
    fn a_prover_resolves_no_tally_without_its_quorum() {
        let (state, chain) = (quorums::agreed(), Digest::ZERO);
        let mut tried = 0;
        let cases = quorums::cases(&chain).into_iter().map(|(from, action, code)| (from, action, Some(code)));
        let unsigned = quorums::unsigned(&chain).into_iter().map(|action| (3, action, None));
        for (from, action, code) in cases.chain(unsigned) {
            let Action::Resolve(tx) = &action else { continue };
            // Others are rejected for what became of the tally before.
            if code.is_some_and(|code| ![0, REJECTED_FOREIGN].contains(&code)) {
                continue;
            }
            let before = Overlay::new(&state);
            let Some(tally) = before.get::<Tally>(&tx.tally) else { continue };
            let Resolver::Quorum(quorum) = &tally.terms.resolver else { continue };
            let mut after = Overlay::new(&state);
            if tally::resolve(&mut after, tx.tally, tx.outcome, NOW).is_err() {
                continue;
            }
            after.keep();
            let request = request(1, from, &chain, &action);
            let mut words = Words::default();
            words.0.extend([request.id, request.sender.0, request.action.digest].iter().flat_map(Digest::limbs));
            words.bit(true);
            words.0.push(ACTION_RESOLVE.into());
            words.stream(&action);
            words.bit(false);
            words.stream(&tally);
            // There is a quorum, says the prover.
            words.bit(false);
            words.stream_of(&request.signed);
            for (place, endorsement) in (1..).zip(&tx.endorsements) {
                let member = quorum.members.iter().position(|member| *member == endorsement.resolver.account());
                words.0.push(u64::try_from(member.unwrap_or_default()).unwrap());
                words.bit(place < tx.endorsements.len());
            }
            words.number(NOW.0);
            words.bit(false);
            words.stream(&after.get::<Tally>(&tx.tally).unwrap());
            words.same(tally.terms.to_elements().len());
            // An endorsement that is not there cannot be walked over, whatever is said of it.
            words.0.extend([0; 64]);
            if code == Some(0) {
                assert!(is_applied(&state, &request, &action, &after, words.0), "{tx:?}");
            } else {
                tried += 1;
                assert!(!is_applied(&state, &request, &action, &after, words.0), "{tx:?}");
            }
        }
        assert!(tried >= 10);
    }

    #[test]
    fn a_prover_decides_no_task_without_a_quorum() {
        let (state, chain) = (verdicts::delivered(), Digest::ZERO);
        let (before, mut after) = (Overlay::new(&state), Overlay::new(&state));
        let verdict = verdicts::verdict(0, 3);
        let sound = Action::Decide(verdicts::decided(&chain, &verdict, &verdict, &[0, 1]));
        let of = |request: &Request| Context { chain, now: NOW, id: request.id, sender: request.sender };
        let honest = request(1, 3, &chain, &sound);
        assert_eq!(apply(&mut after, &of(&honest), &sound), Some(0));
        let paid = words([&before, &after], &of(&honest), &honest, &sound, 0).unwrap().0;
        let (task, parameters) = (before.get::<Task>(&verdict.task).unwrap(), before.get::<Params>(&0).unwrap());
        // What a prover says up to the end of the signatures.
        let begin = |request: &Request, action: &Action| {
            let Action::Decide(tx) = action else { unreachable!("a verdict") };
            let mut words = Words::default();
            words.0.extend([request.id, request.sender.0, request.action.digest].iter().flat_map(Digest::limbs));
            words.bit(true);
            words.0.push(ACTION_DECIDE.into());
            words.stream(action);
            words.bit(false);
            words.stream(&task);
            words.0.extend([1, 1, 0]);
            words.stream(&parameters);
            words.bit(false);
            words.stream_of(&request.signed);
            let said = tx.verdict.to_elements();
            words.stream_of(&[chain.to_elements(), said.clone()].concat());
            words.same(said.len());
            (1..=tx.signatures.len().max(1)).for_each(|vote| words.bit(vote < tx.signatures.len()));
            words.0
        };
        let prefix = begin(&honest, &sound);
        assert_eq!(paid[..prefix.len()], prefix);
        let mut tried = 0;
        let lacking = verdicts::cases(&chain).into_iter().filter(|(_, _, code)| *code == 230);
        let lacking = lacking.map(|(from, action, _)| (from, action));
        let unsigned = verdicts::unsigned(&chain).into_iter().map(|action| (3, action));
        for (from, action) in lacking.chain(unsigned) {
            tried += 1;
            let request = request(1, from, &chain, &action);
            let words = [&begin(&request, &action), &paid[prefix.len()..]].concat();
            assert!(!is_applied(&state, &request, &action, &after, words), "{action:?}");
        }
        assert_eq!(tried, 10);
        assert!(is_applied(&state, &honest, &sound, &after, paid));
    }

    /// What a prover says who denies that there is a quorum, whichever reason of so many it names: at every place, and with
    /// every two members there.
    fn denials(before: &[u64], reasons: usize) -> Vec<Vec<u64>> {
        let mut all = Vec::new();
        for reason in 0..reasons {
            for place in [0, 1, 2, types::GOLDILOCKS - 1] {
                for (first, second) in (0..3).flat_map(|first| (0..3).map(move |second| (first, second))) {
                    let mut words = before.to_vec();
                    words.extend([1, place]);
                    words.extend((0..reasons).map(|other| u64::from(other == reason)));
                    words.extend([first, second]);
                    // Of other reasons, words that lead on.
                    words.extend([1, 1, 0, 0]);
                    all.push(words);
                }
            }
        }
        all
    }

    #[test]
    fn a_prover_rejects_nothing_that_a_quorum_signed() {
        let chain = Digest::ZERO;
        let (tallies, tasks) = (quorums::agreed(), verdicts::delivered());
        let resolve = Action::Resolve(quorums::endorsed(&chain, &[0, 1, 2], 0, 7));
        let resolve_of_few = Action::Resolve(quorums::endorsed(&chain, &[2], 0, 7));
        let verdict = verdicts::verdict(0, 3);
        let decide = |resolvers: &[u32]| Action::Decide(verdicts::decided(&chain, &verdict, &verdict, resolvers));
        for (state, action, code) in [
            (&tallies, resolve, 0),
            (&tallies, resolve_of_few, REJECTED_FOREIGN),
            (&tasks, decide(&[0, 1]), 0),
            (&tasks, decide(&[0]), proof::circuit::REJECTED_QUORUM),
        ] {
            let request = request(1, 3, &chain, &action);
            let unchanged = Overlay::new(state);
            let mut before = Words::default();
            before.0.extend([request.id, request.sender.0, request.action.digest].iter().flat_map(Digest::limbs));
            before.bit(true);
            before.0.push(number(&action).unwrap().into());
            before.stream(&action);
            before.bit(false);
            let reasons = match &action {
                Action::Resolve(tx) => {
                    before.stream(&unchanged.get::<Tally>(&tx.tally).unwrap());
                    3
                }
                _ => {
                    let task = unchanged.get::<Task>(&verdict.task).unwrap();
                    before.stream(&task);
                    task.assignments.iter().for_each(|_| before.bit(true));
                    before.bit(false);
                    before.stream(&unchanged.get::<Params>(&0).unwrap());
                    4
                }
            };
            // The prover's words lead as far as the reason: where there is one, it is shown.
            let is_rejected = denials(&before.0, reasons)
                .into_iter()
                .any(|words| is_applied(state, &request, &action, &unchanged, words));
            assert_eq!(is_rejected, code != 0, "{action:?}");
        }
    }
}
