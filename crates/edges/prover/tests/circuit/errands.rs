//! The rules about tasks against the program: whatever batch, both give the same roots and codes, and the rows hold.

use super::random::{Numbers, codes_of, config, tried};
use super::rows::{Rows, fault};
use super::work::{key, parameters};
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::tally::Half;
use proof::BlockHeader;
use proof::agreement::Outcome;
use prover::{Block, record};
use state::{Overlay, State};
use std::collections::BTreeSet;
use task::{
    Assign, Commit, Considered, Deliver, MakeOffer, Offer, Parameters, Params, Program, ProgramRecord, Publish, Reason,
    Refund, Retire, Stage, Submit, Task, TaskRecord, commitment,
};
use transition::{Action, ChainConfig, Checked, Entry, Transaction};
use types::{Amount, AssetId, Bytes32, ContentId, Digest, Encode as _, Fuel, Millis, Rate, TallyId, TaskId};

/// Batches that are tried.
const BATCHES: u64 = 8;
/// Blocks of each.
const BLOCKS: u64 = 48;
/// Accounts, the last of which assigns.
const ACCOUNTS: u8 = 6;

/// Codes that some of them have.
const CODES: [u32; 20] =
    [100, 101, 102, 200, 201, 202, 203, 204, 205, 206, 207, 210, 211, 212, 213, 214, 220, 222, 223, 232];

/// A chain on which transactions about tasks are tried.
struct World {
    numbers: Numbers,
    config: ChainConfig,
    state: State,
    head: Option<BlockHeader>,
    now: Millis,
    nonces: Vec<u64>,
    tasks: Vec<TaskId>,
}

fn assets() -> [AssetId; 2] {
    [1, 2].map(|limb| AssetId(Digest::new([limb, 2, 3, 4]).unwrap()))
}

fn chain() -> ChainConfig {
    let coordinator = key(ACCOUNTS - 1).account();
    let parameters =
        Parameters { coordinator, stake_min: Amount::new(3).unwrap(), verdict_window: Millis(2), ..parameters() };
    ChainConfig { parameters, ..config() }
}

/// A state in which every account has something of two assets, and one program is published.
fn begun() -> State {
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Params>(&0, &chain().parameters);
    overlay.put::<Program>(&content(0), &ProgramRecord { author: key(0).account() });
    for (account, asset) in (0..ACCOUNTS).flat_map(|number| assets().map(|asset| (key(number).account(), asset))) {
        overlay.put::<Balance>(&BalanceKey { account, asset }, &Amount::new(60).unwrap());
    }
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

fn content(number: u64) -> ContentId {
    ContentId([u8::try_from(number).unwrap(); 32])
}

/// What a provider finds. It hides it by a salt of its own.
fn found(provider: u8) -> (Outcome, Bytes32) {
    (Outcome { exit: 0, output: content(7), fuel: Fuel(1 + u64::from(provider)) }, Bytes32([provider; 32]))
}

impl World {
    fn new(seed: u64) -> Self {
        let state = begun();
        let now = Millis((1 << 32) - 20);
        Self {
            numbers: Numbers(seed),
            config: chain(),
            state,
            head: None,
            now,
            nonces: vec![0; ACCOUNTS.into()],
            tasks: Vec::new(),
        }
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.numbers.below(many) == 0
    }

    fn account(&mut self) -> u8 {
        u8::try_from(self.numbers.below(ACCOUNTS.into())).unwrap()
    }

    /// A task, if there is one: one of the last, or one that never was.
    fn task(&mut self) -> (TaskId, Option<TaskRecord>) {
        let back = 1 + usize::try_from(self.numbers.below(4)).unwrap();
        let id = self.tasks.len().checked_sub(back).map(|place| self.tasks[place]);
        let id = id.filter(|_| !self.one_in(12)).unwrap_or(TaskId(Digest::ZERO));
        (id, self.state.get::<Task>(&id))
    }

    /// Somebody who works on a task at such a stage, or anybody.
    fn provider(&mut self, task: Option<&TaskRecord>, is_at: fn(&Stage) -> bool) -> u8 {
        let works = task.map(|task| task.assignments.as_slice()).unwrap_or_default();
        let work = works.iter().find(|work| is_at(&work.stage)).filter(|_| !self.one_in(6));
        let number = work.and_then(|work| (0..ACCOUNTS).find(|number| key(*number).account() == work.provider));
        number.unwrap_or_else(|| self.account())
    }

    /// Who does what: every kind of action about tasks has its place here.
    fn errand(&mut self) -> (u8, Action) {
        match self.numbers.below(16) {
            0 => (self.account(), Action::Publish(Publish { program: content(self.numbers.below(3)) })),
            1 | 2 => (self.account(), self.offer()),
            3 => (self.account(), Action::Retire(Retire {})),
            4..=6 => (self.account(), self.submission()),
            7..=9 => self.assignment(),
            10 | 11 => {
                let (task, known) = self.task();
                let provider = self.provider(known.as_ref(), |stage| matches!(stage, Stage::Assigned(_)));
                let (outcome, salt) = found(provider);
                let commitment = commitment(task, key(provider).account(), &outcome, &salt);
                (provider, Action::Commit(Commit { task, commitment }))
            }
            12 | 13 => {
                let (task, known) = self.task();
                let provider = self.provider(known.as_ref(), |stage| matches!(stage, Stage::Committed(_)));
                let (mut outcome, salt) = found(provider);
                if self.one_in(6) {
                    outcome.fuel.0 += 1 << self.numbers.below(40);
                }
                (provider, Action::Deliver(Deliver { task, outcome, salt }))
            }
            14 => (self.account(), Action::Refund(Refund { task: self.task().0 })),
            _ => self.sale(),
        }
    }

    fn offer(&mut self) -> Action {
        Action::MakeOffer(MakeOffer {
            asset: assets()[usize::from(self.one_in(8))],
            stake: Amount::new(self.numbers.below(24)).unwrap(),
            rate: Rate(self.numbers.below(3)),
            fuel_per_second: self.numbers.below(1 << 40),
            memory_bytes: 1 << (16 + self.numbers.below(8)),
        })
    }

    fn submission(&mut self) -> Action {
        let (fuel_limit, rate) = match self.numbers.below(8) {
            0 => (Fuel(self.numbers.below(1 << 41)), Rate(self.numbers.below(u64::MAX))),
            1 => (Fuel(1), Rate(self.numbers.below(3))),
            _ => (Fuel(1_000_000 + self.numbers.below(1_000_000)), Rate(1 + self.numbers.below(4))),
        };
        Action::Submit(Submit {
            program: content(u64::from(self.one_in(6))),
            input: content(9),
            fuel_limit,
            memory_bytes: if self.one_in(9) { 0 } else { 1 << self.numbers.below(20) },
            asset: assets()[usize::from(self.one_in(8))],
            rate,
            redundancy: u8::try_from(1 + self.numbers.below(3)).unwrap() + u8::from(self.one_in(9)),
            deadline: Millis(self.now.0 + self.numbers.below(60)),
        })
    }

    fn assignment(&mut self) -> (u8, Action) {
        let task = self.task().0;
        let considered = (0..self.numbers.below(4))
            .map(|_| {
                let provider = key(self.account()).account();
                // Mostly those who offer something.
                let is_chosen = self.state.get::<Offer>(&provider).is_some() != self.one_in(8);
                Considered {
                    provider,
                    rate: Rate(self.numbers.below(1 << 34)),
                    expected_ms: self.numbers.below(1 << 34),
                    reason: if is_chosen { Reason::Chosen(1) } else { Reason::TooSlow(0) },
                }
            })
            .collect();
        let from = if self.one_in(9) { self.account() } else { ACCOUNTS - 1 };
        (from, Action::Assign(Assign { task, considered }))
    }

    /// Whoever asked for a task, or staked for an offer, may sell the claim to what comes back.
    fn sale(&mut self) -> (u8, Action) {
        let (_, known) = self.task();
        let from = self.account();
        let tally = known.map_or(TallyId(Digest::ZERO), |task| task.tally);
        let to = key(self.account()).account();
        let one = Amount::new(1).unwrap();
        (from, Action::Transfer(Transfer { to, asset: Half::Foil.asset(tally), amount: one }))
    }

    /// Executes a block of a few transactions, and returns it with what became of each.
    fn block(&mut self) -> (Millis, Vec<Checked>, Vec<proof::validity::Outcome>) {
        self.now.0 += self.numbers.below(5);
        let chain = self.config.hash();
        let transactions: Vec<Checked> = (0..1 + self.numbers.below(2))
            .map(|_| {
                let (from, action) = self.errand();
                let nonce = &mut self.nonces[usize::from(from)];
                *nonce += 1;
                let tx = Transaction::sign(&key(from), &chain, *nonce - 1, action);
                let checked = Transaction::check(&tx.to_bytes(), &chain).unwrap();
                if matches!(checked.transaction().action, Action::Submit(_)) {
                    self.tasks.push(TaskId(checked.id().0));
                }
                checked
            })
            .collect();
        let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
        let executed = transition::execute(&mut self.state, &self.config, self.head.as_ref(), entries, self.now);
        let outcomes = codes_of(&executed);
        self.tasks.retain(|id| self.state.get::<Task>(id).is_some());
        self.head = Some(executed.block.header);
        (self.now, transactions, outcomes)
    }
}

#[test]
fn random_errands_are_done_as_the_transition_does_and_can_be_proven() {
    let seen = tried(BATCHES, |seed| {
        let mut seen = BTreeSet::new();
        let mut world = World::new(seed);
        let blocks: Vec<_> = (0..BLOCKS).map(|_| world.block()).collect();
        let batch: Vec<Block<'_>> =
            blocks.iter().map(|(time, transactions, _)| Block { time: *time, transactions }).collect();
        let mut ours = begun();
        let recorded = record(&mut ours, &world.config.hash(), &batch).unwrap();
        let outcomes: Vec<_> = blocks.iter().flat_map(|(_, _, outcomes)| outcomes.clone()).collect();
        assert_eq!(recorded.outcomes, outcomes, "seed {seed}");
        for (tx, outcome) in blocks.iter().flat_map(|(_, transactions, outcomes)| transactions.iter().zip(outcomes)) {
            seen.insert((tx.transaction().action.to_elements()[0], outcome.code));
        }
        assert_eq!(recorded.statement.state_root, world.state.root(), "seed {seed}");
        assert_eq!(ours.root(), world.state.root());
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "seed {seed}");
        seen
    });
    let seen: BTreeSet<_> = seen.into_iter().flatten().collect();
    let applied = seen.iter().filter(|(_, code)| *code == 0).count();
    assert_eq!(applied, 9, "each kind of action was applied: {seen:?}");
    let codes: BTreeSet<u32> = seen.iter().map(|(_, code)| *code).collect();
    let missing: Vec<u32> = CODES.into_iter().filter(|code| !codes.contains(code)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "codes that none had: {seen:?}");
}
