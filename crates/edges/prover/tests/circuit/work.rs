//! What tests ask for of programs, offers and tasks, and the state that they begin with. The unit tests of the crate read
//! it, too.

use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey};
use proof::agreement::Outcome;
use state::{Overlay, State};
use task::{
    Assignment, Commit, Deliver, MakeOffer, Offer, OfferRecord, Parameters, Params, Program, ProgramRecord, Publish,
    Retire, Stage, Standing, Submit, Task, TaskRecord, commitment,
};
use transition::Action;
use types::{
    AccountId, Amount, AssetId, Bytes32, ContentId, Digest, Fuel, Millis, OfferId, Ppm, Rate, TallyId, TaskId,
};

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
        coordinator: nobody,
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
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
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
        let id = TaskId(Digest::new([5, 5, 5, number]).unwrap());
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
    let id = |number: u64| TaskId(Digest::new([5, 5, 5, number]).unwrap());
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
        (2, submit(&|task| task.fuel_limit = Fuel(types::limits::TASK_FUEL + 1)), 206),
        (2, submit(&|task| task.memory_bytes = 0), 206),
        (2, submit(&|task| task.memory_bytes = types::limits::TASK_MEMORY_BYTES + 1), 206),
        (2, submit(&|task| task.program = content(6)), 201),
        (2, submit(&|task| task.rate = Rate(0)), 101),
        (2, submit(&|task| task.rate = Rate(17)), 100),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), Rate(1 << 61))), 102),
        (2, submit(&|_| ()), 0),
        (2, submit(&|task| task.fuel_limit = Fuel(1)), 0),
        (2, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 100),
        (3, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 0),
        (3, submit(&|task| (task.program, task.redundancy) = (content(7), 1)), 0),
    ]
}
