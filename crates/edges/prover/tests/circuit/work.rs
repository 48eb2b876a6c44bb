//! What tests ask for of programs, offers and tasks, and the state that they begin with. The unit tests of the crate read
//! it, too.

use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey};
use ledger::tally::Half;
use proof::agreement::Outcome;
use state::{Overlay, State};
use task::{
    Assign, Assignment, Commit, Considered, Context, Deliver, MakeOffer, Offer, OfferRecord, Parameters, Params,
    Program, ProgramRecord, Publish, Reason, Refund, Retire, Stage, Standing, Submit, Task, TaskRecord, commitment,
};
use transition::Action;
use types::{
    AccountId, Amount, AssetId, Bytes32, ContentId, Digest, Fuel, Millis, OfferId, Ppm, Rate, TallyId, TaskId, limits,
};

/// The rate at which a million fuel costs the largest amount.
const MOST: Rate = Rate(Amount::MAX.quanta());

/// When the batch's block is.
pub const NOW: Millis = Millis(7 << 32);

pub fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub fn asset() -> AssetId {
    AssetId(Digest::new([1, 2, 3, 4]).expect("small limbs"))
}

pub fn parameters() -> Parameters {
    let nobody = AccountId(Digest::ZERO);
    Parameters {
        coordinator: key(5).account(),
        treasury: nobody,
        resolvers: (0..3).map(|number| key(number).public()).collect(),
        threshold: 2,
        provider_share: Ppm(1),
        author_share: Ppm(2),
        slash: Ppm(3),
        stake_min: Amount::new(10).unwrap(),
        verdict_window: Millis(0xffff_0000),
    }
}

fn content(number: u8) -> ContentId {
    ContentId([number; 32])
}

/// A state with the chain's parameters, in which six accounts have a hundred each, one program is published, and the fifth
/// account's offer has an open task.
pub fn begun() -> State {
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Params>(&0, &parameters());
    overlay.put::<Program>(&content(1), &ProgramRecord { author: key(5).account() });
    for number in 0..6 {
        let holder = BalanceKey { account: key(number).account(), asset: asset() };
        overlay.put::<Balance>(&holder, &Amount::new(100).unwrap());
    }
    let busy = OfferRecord {
        id: OfferId(Digest::new([9, 9, 9, 9]).unwrap()),
        offer: offer(20),
        tally: TallyId(Digest::new([8, 8, 8, 8]).unwrap()),
        open_tasks: 2,
    };
    overlay.put::<Offer>(&key(4).account(), &busy);
    for (id, record) in tasks() {
        overlay.put::<Task>(&id, &record);
    }
    offered(&mut overlay);
    submitted(&mut overlay);
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

/// Offers of many accounts: most fit the tasks, three do not, one has as many open tasks as there can be, and one none.
fn offered(overlay: &mut Overlay<'_>) {
    for number in (6..=20).chain([22, 23]) {
        let fitting = MakeOffer { rate: Rate(u64::from(number.min(7))), memory_bytes: 1 << 20, ..offer(20) };
        let offer = match number {
            18 => MakeOffer { rate: Rate(8), ..fitting },
            19 => MakeOffer { memory_bytes: (1 << 20) - 1, ..fitting },
            20 => MakeOffer { asset: AssetId(Digest::ZERO), ..fitting },
            _ => fitting,
        };
        let open_tasks = match number {
            22 => u32::MAX,
            23 => 0,
            _ => 1,
        };
        let tally = TallyId(Digest::new([8, 8, 8, number.into()]).unwrap());
        let record = OfferRecord { id: offer_of(number), offer, tally, open_tasks };
        overlay.put::<Offer>(&key(number).account(), &record);
    }
}

fn offer_of(number: u8) -> OfferId {
    OfferId(Digest::new([number.into(), 9, 9, 9]).unwrap())
}

/// A task on which nobody works yet, and three whose time for a verdict ends: before the batch, with it, and after it. Of
/// the second the requester sold the claim.
fn submitted(overlay: &mut Overlay<'_>) {
    let [(_, open), ..] = tasks();
    overlay.put::<Task>(&task_of(4), &TaskRecord { assignments: Vec::new(), ..open });
    let due = Millis(NOW.0 - parameters().verdict_window.0);
    for (number, deadline) in [(5, due.0 - 1), (6, due.0), (7, due.0 + 1)] {
        let context = Context { chain: Digest::ZERO, now: Millis(9), id: task_of(number).0, sender: key(2).account() };
        let submit = Submit { deadline: Millis(deadline), redundancy: 1, ..task() };
        task::submit(overlay, &context, &submit).unwrap();
    }
    let mut first = overlay.get::<Task>(&task_of(5)).unwrap();
    // By their offers, by one that was retired since, and by one whose provider has no other.
    let works = [(6, offer_of(6)), (7, offer_of(1)), (21, offer_of(21)), (22, offer_of(22)), (23, offer_of(23))];
    for ((number, offer), (_, worked)) in works.into_iter().zip(tasks().into_iter().cycle()) {
        let stage = worked.assignments[usize::from(number % 3)].stage.clone();
        first.assignments.push(Assignment { provider: key(number).account(), offer, stage });
    }
    overlay.put::<Task>(&task_of(5), &first);
    let second = overlay.get::<Task>(&task_of(6)).unwrap();
    let claim = |number: u8| BalanceKey { account: key(number).account(), asset: Half::Foil.asset(second.tally) };
    overlay.remove::<Balance>(&claim(2));
    overlay.put::<Balance>(&claim(3), &Amount::new(1).unwrap());
    // They begin with a hundred all the same.
    overlay.put::<Balance>(&BalanceKey { account: key(2).account(), asset: asset() }, &Amount::new(100).unwrap());
}

fn task_of(number: u64) -> TaskId {
    TaskId(Digest::new([5, 5, 5, number]).unwrap())
}

fn offer(stake: u64) -> MakeOffer {
    let stake = Amount::new(stake).unwrap();
    MakeOffer { asset: asset(), stake, rate: Rate(1 << 40), fuel_per_second: 3 << 33, memory_bytes: 4 << 20 }
}

fn task() -> Submit {
    Submit {
        program: content(1),
        input: content(2),
        fuel_limit: Fuel(3_000_000),
        memory_bytes: 1 << 20,
        asset: asset(),
        rate: Rate(7),
        redundancy: 2,
        deadline: Millis(NOW.0 + 1),
    }
}

fn outcome(fuel: u64) -> Outcome {
    Outcome { exit: 3, output: content(8), fuel: Fuel(fuel) }
}

/// Tasks that the first three accounts and the fourth work on, at different stages: one that is open, one that is late, one
/// that has ended, and one in which nobody else has committed.
fn tasks() -> [(TaskId, TaskRecord); 4] {
    [0, 1, 2, 3].map(|number| {
        let id = task_of(number);
        let commit = |provider: u8, fuel: u64| {
            Stage::Committed(commitment(id, key(provider).account(), &outcome(fuel), &Bytes32([provider; 32])))
        };
        let stages = [commit(0, 1), Stage::Assigned(Millis(7)), Stage::Delivered(outcome(2)), commit(3, 3_000_001)];
        let assignments = (0..).zip(stages).map(|(provider, stage)| Assignment {
            provider: key(provider).account(),
            offer: OfferId(Digest::new([provider.into(), 6, 6, 6]).unwrap()),
            stage,
        });
        let mut submit = task();
        let mut assignments: Vec<Assignment> = assignments.collect();
        let mut standing = Standing::Open(0);
        match number {
            1 => submit.deadline = NOW,
            2 => standing = Standing::Refunded(NOW),
            3 => {
                assignments.truncate(2);
                assignments.remove(0);
                assignments.insert(
                    0,
                    Assignment { stage: commit(2, 1), provider: key(2).account(), ..assignments[0].clone() },
                );
            }
            _ => {}
        }
        let (price, tally) = (Amount::new(42).unwrap(), TallyId(Digest::new([4, 4, 4, number]).unwrap()));
        let requester = key(5).account();
        (id, TaskRecord { submit, requester, price, tally, assignments, standing })
    })
}

/// Steps in the work on tasks, and the codes that they have.
pub fn steps() -> Vec<(u8, Action, u32)> {
    let id = task_of;
    let commit = |task: TaskId, provider: u8| {
        let commitment = commitment(task, key(provider).account(), &outcome(4), &Bytes32([provider; 32]));
        Action::Commit(Commit { task, commitment })
    };
    let deliver = |task: TaskId, provider: u8, fuel: u64| {
        Action::Deliver(Deliver { task, outcome: outcome(fuel), salt: Bytes32([provider; 32]) })
    };
    vec![
        (1, commit(id(9), 1), 203),
        (1, commit(id(2), 1), 204),
        (1, commit(id(1), 1), 205),
        (5, commit(id(0), 5), 222),
        (0, commit(id(0), 0), 223),
        (2, commit(id(0), 2), 223),
        (1, deliver(id(0), 1, 4), 223),
        (1, commit(id(0), 1), 0),
        (1, commit(id(0), 1), 223),
        (1, deliver(id(0), 1, 5), 225),
        (1, deliver(id(0), 2, 4), 225),
        (1, deliver(id(0), 1, 4), 0),
        (1, deliver(id(0), 1, 4), 223),
        (0, deliver(id(0), 0, 1), 0),
        (3, deliver(id(0), 3, 3_000_001), 226),
        (2, deliver(id(3), 2, 1), 224),
        (1, commit(id(3), 1), 0),
        (2, deliver(id(3), 2, 1), 0),
        (4, deliver(id(8), 2, 1), 203),
    ]
}

/// Assignments, and the codes that they have: to nobody, to some of those who were considered, to as many as may work on a
/// task, and to those to whom it cannot be assigned.
pub fn assignments() -> Vec<(u8, Action, u32)> {
    let considered = |number: u8, reason: Reason| Considered {
        provider: key(number).account(),
        rate: Rate(1),
        expected_ms: 7 << 33,
        reason,
    };
    let assign = |task: u64, considered: Vec<Considered>| Action::Assign(Assign { task: task_of(task), considered });
    let chosen = |task: u64, chosen: &[u8]| {
        assign(task, chosen.iter().map(|number| considered(*number, Reason::Chosen(1))).collect())
    };
    let some = vec![
        considered(18, Reason::TooDear(0)),
        considered(6, Reason::Chosen(1)),
        considered(21, Reason::NotNeeded(3)),
        considered(7, Reason::Chosen(2)),
        considered(6, Reason::AlreadyAssigned(4)),
    ];
    vec![
        (4, chosen(4, &[6]), 200),
        (5, chosen(9, &[6]), 203),
        (5, chosen(2, &[6]), 204),
        (5, chosen(1, &[6]), 205),
        (5, chosen(4, &[]), 0),
        (5, assign(4, some), 0),
        (5, chosen(4, &[21]), 211),
        (5, chosen(4, &[8, 21, 9]), 211),
        (5, chosen(4, &[8, 18]), 214),
        (5, chosen(4, &[19]), 214),
        (5, chosen(4, &[8, 9, 20]), 214),
        (5, chosen(4, &[8, 7]), 220),
        (5, chosen(4, &[8, 9, 8]), 220),
        (5, chosen(4, &[8, 9, 10, 11, 12, 13, 14, 15]), 221),
        (5, chosen(4, &[8, 9, 10, 11, 12, 13, 14]), 0),
        (5, chosen(4, &[15]), 221),
        (5, chosen(4, &[7]), 220),
        (5, chosen(4, &[21]), 211),
        (5, chosen(4, &[18]), 214),
        (5, chosen(4, &[]), 0),
        (5, chosen(0, &[22, 6]), 0),
        (5, chosen(0, &[1, 6]), 214),
        (5, chosen(0, &[6]), 220),
    ]
}

/// Refunds, and the codes that they have.
pub fn refunds() -> Vec<(u8, Action, u32)> {
    let refund = |number: u64| Action::Refund(Refund { task: task_of(number) });
    vec![
        (4, refund(9), 203),
        (4, refund(2), 204),
        (4, refund(7), 232),
        (4, refund(5), 0),
        (2, refund(5), 204),
        (2, refund(6), 0),
    ]
}

/// All of them, in an order in which they have these codes.
pub fn all() -> Vec<(u8, Action, u32)> {
    [cases(), steps(), assignments(), refunds()].concat()
}

/// Who asks for what, and the code that it has.
pub fn cases() -> Vec<(u8, Action, u32)> {
    let publish = |number: u8| Action::Publish(Publish { program: content(number) });
    let offer = |stake: u64| Action::MakeOffer(offer(stake));
    let retire = || Action::Retire(Retire {});
    let submit = |change: &dyn Fn(&mut Submit)| {
        let mut task = task();
        change(&mut task);
        Action::Submit(task)
    };
    vec![
        (0, publish(7), 0),
        (1, publish(7), 202),
        (1, publish(1), 202),
        (0, offer(9), 212),
        (0, offer(101), 100),
        (0, offer(10), 0),
        (0, offer(10), 210),
        (1, offer(99), 0),
        (1, retire(), 0),
        (1, retire(), 211),
        (4, retire(), 213),
        (1, offer(100), 0),
        (2, submit(&|task| task.deadline = NOW), 205),
        (2, submit(&|task| task.redundancy = 0), 207),
        (2, submit(&|task| task.redundancy = 4), 207),
        (2, submit(&|task| task.fuel_limit = Fuel(0)), 206),
        (2, submit(&|task| task.fuel_limit = Fuel(limits::TASK_FUEL + 1)), 206),
        (2, submit(&|task| task.memory_bytes = 0), 206),
        (2, submit(&|task| task.memory_bytes = limits::TASK_MEMORY_BYTES + 1), 206),
        (2, submit(&|task| task.program = content(6)), 201),
        (2, submit(&|task| task.rate = Rate(0)), 101),
        (2, submit(&|task| task.rate = Rate(17)), 100),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), Rate(1 << 61))), 102),
        // The largest amount and no more, one more for two runs, and one run that costs more than an amount.
        (2, submit(&|task| (task.fuel_limit, task.rate, task.redundancy) = (Fuel(1_000_000), MOST, 1)), 100),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), MOST)), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_001), MOST)), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), Rate(MOST.0 + 1))), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), Rate(u64::MAX))), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(249_999), Rate(u64::MAX))), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(250_000), Rate(u64::MAX))), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(limits::TASK_FUEL), Rate(u64::MAX))), 102),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(limits::TASK_FUEL), Rate(1 << 42))), 102),
        (2, submit(&|_| ()), 0),
        (2, submit(&|task| task.fuel_limit = Fuel(1)), 0),
        (2, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 100),
        (3, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 0),
        (3, submit(&|task| (task.program, task.redundancy) = (content(7), 1)), 0),
    ]
}
