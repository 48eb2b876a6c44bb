//! Verdicts: the committee's signed decision, and what it pays.

use crate::params::{Parameters, parameters};
use crate::task::{self, Standing, Task, TaskRecord};
use crate::{Context, Moved, Paid, Refusal, Reject, offer};
use crypto::account::{PublicKey, owned_by};
use crypto::{Domain, poseidon};
use ledger::{account, tally};
use proof::agreement::{Agreement, Decision, Outcome, check};
use state::Overlay;
use types::{AccountId, Amount, Digest, Encode, Overflow, Signature, TaskId, record};

record! {
    /// What the resolvers decided.
    pub struct Verdict {
        /// Which task.
        pub task: TaskId,
        /// The outcome that stands.
        pub outcome: Outcome,
        /// Who delivered it, in the order of assignment.
        pub agreeing: Vec<AccountId>,
        /// Who delivered something else.
        pub dissenting: Vec<AccountId>,
    }
}

record! {
    /// One resolver's signature.
    pub struct ResolverSignature {
        /// The resolver's place in the chain's parameters.
        pub resolver: u32,
        /// Its key there, so that whoever has no state can check the signature.
        pub key: PublicKey,
        /// Its signature on the verdict's digest.
        pub signature: Signature,
    }
}

record! {
    /// Brings a verdict with its quorum. Anybody may send it. Signatures that do not hold make it no transaction, so that no
    /// block of the honest has it, and a proof need not show that one fails.
    pub struct Decide {
        /// The decision.
        pub verdict: Verdict,
        /// The resolvers' signatures, by increasing place.
        pub signatures: Vec<ResolverSignature>,
    }
}

impl Verdict {
    /// Returns what resolvers sign.
    pub fn digest(&self, chain: &Digest) -> Digest {
        let mut elements = chain.to_elements();
        elements.extend(self.to_elements());
        poseidon::hash(Domain::Verdict, &elements)
    }

    /// Returns the verdict that a task's deliveries call for, if they call for one.
    pub fn of(id: TaskId, task: &TaskRecord) -> Option<Self> {
        let deliveries = task.deliveries();
        match check(&deliveries, task.submit.redundancy.into()) {
            Agreement::Decided(Decision { outcome, agreeing, dissenting }) if task.is_open() => {
                Some(Self { task: id, outcome, agreeing, dissenting })
            }
            _ => None,
        }
    }
}

/// Checks whose signatures they are. That they hold was checked before anybody ordered them: see [`Decide`].
fn check_quorum(params: &Parameters, tx: &Decide) -> Result<(), Reject> {
    let mut next = 0;
    for vote in &tx.signatures {
        let key =
            usize::try_from(vote.resolver).ok().and_then(|at| params.resolvers.get(at)).ok_or(Reject::NoQuorum)?;
        if vote.resolver < next || *key != vote.key {
            return Err(Reject::NoQuorum);
        }
        next = vote.resolver + 1;
    }
    let enough = usize::try_from(params.threshold).is_ok_and(|threshold| tx.signatures.len() >= threshold.max(1));
    if enough { Ok(()) } else { Err(Reject::NoQuorum) }
}

/// Pays out a verdict: the quorum's word is the authority, and the ledger's own record must not contradict it.
pub fn decide(s: &mut Overlay<'_>, context: &Context, tx: &Decide) -> Result<Vec<Moved>, Refusal> {
    let id = tx.verdict.task;
    let mut task = task::open(s, id)?;
    let params = parameters(s);
    check_quorum(&params, tx)?;
    if Verdict::of(id, &task).as_ref() != Some(&tx.verdict) {
        return Err(Reject::WrongVerdict.into());
    }
    let mut moved = pay(s, context, &params, &task, &tx.verdict)?;
    for assignment in &task.assignments {
        offer::count(s, assignment.provider, assignment.offer, false);
    }
    for assignment in task.assignments.iter().filter(|a| tx.verdict.dissenting.contains(&a.provider)) {
        moved.extend(offer::slash(s, context, id, assignment)?.map(Moved::Slashed));
    }
    task.standing = Standing::Decided(tx.verdict.clone());
    s.put::<Task>(&id, &task);
    Ok(moved)
}

/// Returns what each side gets of a payment: each provider, the author, and the treasury, which takes the dust.
pub fn shares_down(params: &Parameters, paid: Amount, providers: u64) -> Result<(Amount, Amount, Amount), Overflow> {
    let each = params.provider_share.of_down(paid)?.times_down(1, providers)?;
    let author = params.author_share.of_down(paid)?;
    let treasury = paid.minus(each.times_down(providers, 1)?)?.minus(author)?;
    Ok((each, author, treasury))
}

fn pay(
    s: &mut Overlay<'_>,
    context: &Context,
    params: &Parameters,
    task: &TaskRecord,
    verdict: &Verdict,
) -> Result<Vec<Moved>, Refusal> {
    let owner = owned_by(&verdict.task);
    tally::resolve(s, task.tally, verdict.outcome.fuel.0, context.now)?;
    let paid = tally::redeem(s, owner, task.tally)?;
    match tally::redeem(s, task.requester, task.tally) {
        // The requester may have sold its claim: whoever bought it redeems it.
        Ok(_) | Err(ledger::Reject::NothingToRedeem) => {}
        Err(other) => return Err(other.into()),
    }
    let author = s.get::<crate::Program>(&task.submit.program).ok_or(Reject::UnknownProgram)?.author;
    let providers = u64::try_from(verdict.agreeing.len()).map_err(|_| Overflow)?;
    let (each, to_author, to_treasury) = shares_down(params, paid, providers)?;
    let mut payments: Vec<(AccountId, Amount)> = verdict.agreeing.iter().map(|provider| (*provider, each)).collect();
    payments.push((author, to_author));
    payments.push((params.treasury, to_treasury));
    let mut moved = Vec::new();
    for (account, amount) in payments {
        account::post(s, owner, account, task.submit.asset, amount)?;
        moved.push(Moved::Paid(Paid { task: verdict.task, account, amount }));
    }
    Ok(moved)
}
