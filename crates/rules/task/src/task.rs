//! Tasks, from submission to delivery.

use crate::offer::{self, Offer};
use crate::params::parameters;
use crate::program::Program;
use crate::verdict::Verdict;
use crate::{Context, Refusal, Reject};
use crypto::account::owned_by;
use crypto::{Domain, poseidon};
use ledger::tally::{self, Holders};
use ledger::{Resolver, Terms};
use proof::agreement::{Delivery, Outcome};
use state::{Overlay, leaf};
use types::{
    AccountId, Amount, AssetId, Bytes32, ContentId, Digest, Encode, Fuel, Millis, OfferId, Ppm, Rate, TallyId, TaskId,
    choice, limits, record,
};

record! {
    /// Asks for a program to be run, and locks the price.
    pub struct Submit {
        /// The program's content; it must be published.
        pub program: ContentId,
        /// The input's content.
        pub input: ContentId,
        /// The most fuel one run may use.
        pub fuel_limit: Fuel,
        /// The most memory one run may use, in bytes.
        pub memory_bytes: u64,
        /// The asset that pays.
        pub asset: AssetId,
        /// What is paid for each of the agreeing runs, in quanta per million fuel.
        pub rate: Rate,
        /// How many results must agree.
        pub redundancy: u8,
        /// By when results must be delivered.
        pub deadline: Millis,
    }
}

choice! {
    /// Why the scheduler took or left an offer. The number is the rank among fitting offers, or zero.
    pub enum Reason {
        /// Taken.
        0 => Chosen(u32),
        /// Fits, but enough better ones were taken.
        1 => NotNeeded(u32),
        /// Asks more than the task pays.
        2 => TooDear(u32),
        /// Gives less memory than the task needs.
        3 => TooLittleMemory(u32),
        /// Would not be done by the deadline.
        4 => TooSlow(u32),
        /// Deals in another asset.
        5 => OtherAsset(u32),
        /// Already works on this task.
        6 => AlreadyAssigned(u32),
    }
}

record! {
    /// One offer that the scheduler considered.
    pub struct Considered {
        /// Whose offer.
        pub provider: AccountId,
        /// What it asks.
        pub rate: Rate,
        /// How long the scheduler expects it to take, in milliseconds.
        pub expected_ms: u64,
        /// Why it was taken or left.
        pub reason: Reason,
    }
}

record! {
    /// Gives a task to providers, with the reasons. Only the coordinator may; what it says is checked here.
    pub struct Assign {
        /// Which task.
        pub task: TaskId,
        /// What was considered; those chosen are assigned.
        pub considered: Vec<Considered>,
    }
}

record! {
    /// Commits to a result without showing it.
    pub struct Commit {
        /// Which task.
        pub task: TaskId,
        /// The commitment.
        pub commitment: Digest,
    }
}

record! {
    /// Shows the committed result.
    pub struct Deliver {
        /// Which task.
        pub task: TaskId,
        /// The result.
        pub outcome: Outcome,
        /// What hid it.
        pub salt: Bytes32,
    }
}

record! {
    /// Takes the price of a task back that nobody decided in time. Anybody may send it.
    pub struct Refund {
        /// Which task.
        pub task: TaskId,
    }
}

choice! {
    /// How far a provider is with a task.
    pub enum Stage {
        /// Assigned at this time.
        0 => Assigned(Millis),
        /// Committed to a result.
        1 => Committed(Digest),
        /// Delivered the result.
        2 => Delivered(Outcome),
    }
}

record! {
    /// One provider's work on a task.
    pub struct Assignment {
        /// Who.
        pub provider: AccountId,
        /// The offer whose stake answers for the work.
        pub offer: OfferId,
        /// How far.
        pub stage: Stage,
    }
}

choice! {
    /// How a task stands.
    pub enum Standing {
        /// Not decided. The number is unused and zero.
        0 => Open(u8),
        /// Decided and paid.
        1 => Decided(Verdict),
        /// Refunded at this time.
        2 => Refunded(Millis),
    }
}

record! {
    /// A task on the ledger.
    pub struct TaskRecord {
        /// What was asked.
        pub submit: Submit,
        /// Who asked.
        pub requester: AccountId,
        /// What is locked.
        pub price: Amount,
        /// The tally that locks it.
        pub tally: TallyId,
        /// Who works on it.
        pub assignments: Vec<Assignment>,
        /// How it stands.
        pub standing: Standing,
    }
}

leaf!(
    /// A task.
    pub Task = 23: TaskId => TaskRecord
);

impl TaskRecord {
    /// Returns the results delivered so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let delivered = self.assignments.iter().filter_map(|a| match &a.stage {
            Stage::Delivered(outcome) => Some(Delivery { provider: a.provider, outcome: outcome.clone() }),
            _ => None,
        });
        delivered.collect()
    }

    /// Says whether enough providers have committed for results to be shown.
    pub fn may_reveal(&self) -> bool {
        let committed = self.assignments.iter().filter(|a| !matches!(a.stage, Stage::Assigned(_))).count();
        committed >= usize::from(self.submit.redundancy)
    }

    /// Returns a provider's place among the assignments.
    pub fn place_of(&self, provider: AccountId) -> Option<usize> {
        self.assignments.iter().position(|a| a.provider == provider)
    }

    /// Says whether the task is still to be decided.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open(_))
    }
}

/// Returns an open task.
pub(crate) fn open(s: &Overlay<'_>, id: TaskId) -> Result<TaskRecord, Reject> {
    let task = s.get::<Task>(&id).ok_or(Reject::UnknownTask)?;
    if task.is_open() { Ok(task) } else { Err(Reject::TaskClosed) }
}

/// Locks the price and records the task. The tally's outcome is the fuel that the agreed result used: the task's
/// STOCK is paid for that, the requester's FOIL takes back the rest.
pub fn submit(s: &mut Overlay<'_>, context: &Context, tx: &Submit) -> Result<TaskId, Refusal> {
    if tx.deadline <= context.now {
        return Err(Reject::DeadlinePassed.into());
    }
    if !(1..=3).contains(&tx.redundancy) {
        return Err(Reject::BadRedundancy.into());
    }
    let within = (1..=limits::TASK_FUEL).contains(&tx.fuel_limit.0)
        && (1..=limits::TASK_MEMORY_BYTES).contains(&tx.memory_bytes);
    if !within {
        return Err(Reject::LimitTooLarge.into());
    }
    s.get::<Program>(&tx.program).ok_or(Reject::UnknownProgram)?;
    let id = TaskId(context.id);
    let price = tx.rate.price_up(tx.fuel_limit)?.times_down(tx.redundancy.into(), 1)?;
    let terms = Terms {
        subject: context.id,
        collateral: tx.asset,
        per_pair: price,
        floor: 0,
        cap: tx.fuel_limit.0,
        resolver: Resolver::Rules(0),
        resolve_after: context.now,
        refund_after: tx.deadline.after(parameters(s).verdict_window),
        refund_stock: Ppm(0),
    };
    let holders = Holders { payer: context.sender, stock: owned_by(&id), foil: context.sender };
    let tally = tally::split(s, &terms, 1, &holders)?;
    let record = TaskRecord {
        submit: tx.clone(),
        requester: context.sender,
        price,
        tally,
        assignments: Vec::new(),
        standing: Standing::Open(0),
    };
    s.put::<Task>(&id, &record);
    Ok(id)
}

/// Records the coordinator's choice, after checking that each chosen offer really fits.
pub fn assign(s: &mut Overlay<'_>, context: &Context, tx: &Assign) -> Result<(), Refusal> {
    if context.sender != parameters(s).coordinator {
        return Err(Reject::NotCoordinator.into());
    }
    let mut task = open(s, tx.task)?;
    if context.now >= task.submit.deadline {
        return Err(Reject::DeadlinePassed.into());
    }
    for considered in &tx.considered {
        if !matches!(considered.reason, Reason::Chosen(_)) {
            continue;
        }
        let offer = s.get::<Offer>(&considered.provider).ok_or(Reject::UnknownOffer)?;
        let asked = &offer.offer;
        let fits = asked.asset == task.submit.asset
            && asked.rate <= task.submit.rate
            && asked.memory_bytes >= task.submit.memory_bytes;
        if !fits {
            return Err(Reject::OfferUnfit.into());
        }
        if task.place_of(considered.provider).is_some() {
            return Err(Reject::AlreadyAssigned.into());
        }
        if task.assignments.len() >= limits::TASK_PROVIDERS {
            return Err(Reject::TooManyProviders.into());
        }
        let stage = Stage::Assigned(context.now);
        task.assignments.push(Assignment { provider: considered.provider, offer: offer.id, stage });
        offer::count(s, considered.provider, offer.id, true);
    }
    s.put::<Task>(&tx.task, &task);
    Ok(())
}

/// Returns the commitment of a provider to an outcome.
pub fn commitment(task: TaskId, provider: AccountId, outcome: &Outcome, salt: &Bytes32) -> Digest {
    let mut elements = task.to_elements();
    elements.extend(provider.to_elements());
    elements.extend(outcome.to_elements());
    elements.extend(salt.to_elements());
    poseidon::hash(Domain::Commitment, &elements)
}

fn at_work(s: &Overlay<'_>, context: &Context, id: TaskId) -> Result<(TaskRecord, usize), Reject> {
    let task = open(s, id)?;
    if context.now >= task.submit.deadline {
        return Err(Reject::DeadlinePassed);
    }
    let place = task.place_of(context.sender).ok_or(Reject::NotAssigned)?;
    Ok((task, place))
}

/// Records a commitment.
pub fn commit(s: &mut Overlay<'_>, context: &Context, tx: &Commit) -> Result<(), Refusal> {
    let (mut task, place) = at_work(s, context, tx.task)?;
    if !matches!(task.assignments[place].stage, Stage::Assigned(_)) {
        return Err(Reject::WrongStage.into());
    }
    task.assignments[place].stage = Stage::Committed(tx.commitment);
    s.put::<Task>(&tx.task, &task);
    Ok(())
}

/// Records a result that matches its commitment.
pub fn deliver(s: &mut Overlay<'_>, context: &Context, tx: &Deliver) -> Result<(), Refusal> {
    let (mut task, place) = at_work(s, context, tx.task)?;
    let Stage::Committed(committed) = task.assignments[place].stage else {
        return Err(Reject::WrongStage.into());
    };
    if !task.may_reveal() {
        return Err(Reject::TooFewCommitments.into());
    }
    if tx.outcome.fuel > task.submit.fuel_limit {
        return Err(Reject::FuelOverLimit.into());
    }
    if commitment(tx.task, context.sender, &tx.outcome, &tx.salt) != committed {
        return Err(Reject::WrongReveal.into());
    }
    task.assignments[place].stage = Stage::Delivered(tx.outcome.clone());
    s.put::<Task>(&tx.task, &task);
    Ok(())
}

/// Gives the price back when nobody decided in time.
pub fn refund(s: &mut Overlay<'_>, context: &Context, tx: &Refund) -> Result<Amount, Refusal> {
    let mut task = open(s, tx.task)?;
    match tally::refund(s, task.tally, context.now) {
        Err(ledger::Reject::TooEarly) => return Err(Reject::TooEarly.into()),
        other => other?,
    }
    let returned = match tally::redeem(s, task.requester, task.tally) {
        Ok(returned) => returned,
        // The requester sold its claim: whoever bought it redeems it.
        Err(ledger::Reject::NothingToRedeem) => Amount::ZERO,
        Err(other) => return Err(other.into()),
    };
    for assignment in &task.assignments {
        offer::count(s, assignment.provider, assignment.offer, false);
    }
    task.standing = Standing::Refunded(context.now);
    s.put::<Task>(&tx.task, &task);
    Ok(returned)
}
