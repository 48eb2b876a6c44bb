//! What the machine is told of verdicts: the rule of `task::verdict`, recorded.

use crate::quorum::one_of;
use crate::tasks::{Told, Words};
use crypto::account::owned_by;
use ledger::account::balance;
use ledger::tally::{Half, Tally};
use proof::circuit::{REJECTED_ENDED, REJECTED_QUORUM, REJECTED_VERDICT};
use task::{Decide, Offer, Parameters, Params, Program, Stage, Task, TaskRecord, verdict};
use types::{AccountId, Amount, Encode as _, TallyId};

/// Adds what is known of a verdict. Nothing if its code cannot be shown.
pub(crate) fn decide(told: &Told<'_>, words: &mut Words, tx: &Decide) -> Option<()> {
    let id = tx.verdict.task;
    let record = told.before.get::<Task>(&id);
    words.bit(record.is_none());
    let Some(task) = record else { return Some(()) };
    words.stream(&task);
    task.assignments.iter().for_each(|_| words.bit(true));
    words.bit(false);
    if told.code == REJECTED_ENDED {
        return Some(());
    }
    let parameters = told.before.get::<Params>(&0)?;
    words.stream(&parameters);
    words.bit(told.code == REJECTED_QUORUM);
    if told.code == REJECTED_QUORUM {
        return lack(words, &parameters, tx);
    }
    words.stream_of(told.signed);
    let said = tx.verdict.to_elements();
    words.stream_of(&[told.context.chain.to_elements(), said.clone()].concat());
    words.same(said.len());
    (1..=tx.signatures.len()).for_each(|vote| words.bit(vote < tx.signatures.len()));

    if !is_called_for(words, &task, tx) || told.code == REJECTED_VERDICT {
        return Some(());
    }
    if told.code != 0 {
        return None;
    }
    pay(told, words, &parameters, &task, tx)?;
    let after = told.after.get::<Task>(&id)?;
    words.stream(&after);
    // An open task has two elements of standing.
    words.same(task.to_elements().len() - 2);
    words.same(said.len());
    Some(())
}

/// Adds why there is no quorum: too few, out of order, no resolver, or another resolver's key.
fn lack(words: &mut Words, parameters: &Parameters, tx: &Decide) -> Option<()> {
    let (votes, resolvers) = (&tx.signatures, &parameters.resolvers);
    let key = |at: u32| usize::try_from(at).ok().and_then(|at| resolvers.get(at));
    let few = u32::try_from(votes.len()).is_ok_and(|count| count < parameters.threshold.max(1));
    let order = votes.windows(2).position(|pair| pair[0].resolver >= pair[1].resolver);
    let beyond = votes.iter().position(|vote| key(vote.resolver).is_none());
    let other = votes.iter().position(|vote| key(vote.resolver).is_some_and(|key| *key != vote.key));
    let place = if few { 0 } else { order.or(beyond).or(other).unwrap_or(0) };
    words.0.push(u64::try_from(place).ok()?);
    let cases = [few, order.is_some(), beyond.is_some(), other.is_some()];
    cases.contains(&true).then(|| one_of(words, cases))
}

/// Adds how the deliveries compare. Says whether enough are of the verdict's result.
fn is_called_for(words: &mut Words, task: &TaskRecord, tx: &Decide) -> bool {
    let deliveries = task.deliveries();
    let votes = |of: &_| deliveries.iter().filter(|delivery| delivery.outcome == *of).count();
    let agreed = votes(&tx.verdict.outcome);
    let are_few = agreed < usize::from(task.submit.redundancy);
    words.bit(are_few);
    if !are_few {
        for of in &deliveries {
            for with in 1..=deliveries.len() {
                words.bit(with == deliveries.len() && votes(&of.outcome) >= agreed);
            }
        }
    }
    !are_few
}

/// A tally that is resolved, and paid to the account of what it is about and to a holder.
struct Settled {
    tally: TallyId,
    owner: AccountId,
    holder: AccountId,
    outcome: u64,
}

/// Adds what settles a tally. Returns what its own account is paid.
fn settle(told: &Told<'_>, words: &mut Words, of: &Settled, is_task: bool) -> Option<Amount> {
    let terms = told.before.get::<Tally>(&of.tally)?.terms;
    words.number(terms.resolve_after.0);
    if is_task {
        words.number(terms.refund_after.0);
    }
    let per_stock = terms.stock_pays_down(of.outcome).ok()?;
    words.0.push(per_stock.quanta());
    let foil = Half::Foil.asset(of.tally);
    let [of_owner, of_holder] = [of.owner, of.holder].map(|holder| !balance(told.before, holder, foil).is_zero());
    words.bit(of_owner);
    words.bit(of_holder);
    let per_foil = terms.per_pair.minus(per_stock).ok()?;
    if of_owner { per_stock.plus(per_foil).ok() } else { Some(per_stock) }
}

/// Adds what is paid, and what becomes of the offers.
fn pay(told: &Told<'_>, words: &mut Words, parameters: &Parameters, task: &TaskRecord, tx: &Decide) -> Option<()> {
    words.number(told.context.now.0);
    let id = tx.verdict.task;
    let outcome = tx.verdict.outcome.fuel.0;
    let settled = Settled { tally: task.tally, owner: owned_by(&id), holder: task.requester, outcome };
    let paid = settle(told, words, &settled, true)?;
    words.0.extend(told.before.get::<Program>(&task.submit.program)?.author.0.limbs());
    let providers = u64::try_from(tx.verdict.agreeing.len()).ok()?;
    let (each, for_author, _) = verdict::shares_down(parameters, paid, providers).ok()?;
    let for_providers = parameters.provider_share.of_down(paid).ok()?;
    words.0.extend([for_providers, for_author, each].map(Amount::quanta));
    for assignment in &task.assignments {
        let offer = told.before.get::<Offer>(&assignment.provider);
        words.bit(offer.is_some());
        let Some(offer) = offer else { continue };
        words.0.extend(offer.to_elements());
        let dissents = matches!(&assignment.stage, Stage::Delivered(outcome) if *outcome != tx.verdict.outcome);
        if offer.id == assignment.offer && dissents {
            let (owner, holder) = (owned_by(&offer.id), assignment.provider);
            let settled = Settled { tally: offer.tally, owner, holder, outcome: parameters.slash.0 };
            settle(told, words, &settled, false)?;
        }
    }
    Some(())
}
