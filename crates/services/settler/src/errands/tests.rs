//! Batches that settle by proofs against a naive L1: through crashes, reorganisations, and others who send the same steps.

use super::*;
use crate::outbox::{Effect, Failure, Package};
use crate::part::{Evidenced, Queries, Statement};
use crypto::eth::keccak;
use l1::Receipt;
use proof::BatchHeader;
use types::Digest;

const STEPS: u8 = 5;
const DEPTH: usize = 6;
const ROOM: usize = 3;

fn header(number: u64) -> BatchHeader {
    BatchHeader {
        config_hash: Digest::ZERO,
        number,
        parent_root: Digest::ZERO,
        state_root: Digest::ZERO,
        inbox_count: 0,
        inbox_hash: Bytes32::ZERO,
        withdrawals_root: Bytes32::ZERO,
        data_root: Bytes32::ZERO,
        diff_hash: Bytes32::ZERO,
    }
}

/// The parts of a batch whose proof has a statement and some steps of two queries.
fn parts(batch: u64) -> Vec<Part> {
    let context = batch.to_bytes();
    let statement = Statement { batch, context: keccak(&[&context]), bytes: context.clone().into() };
    let mut parts = vec![Part::Statement(statement)];
    parts.extend((0..STEPS).map(|step| {
        let positions = Box::from([2 * step, 2 * step + 1]);
        Part::Queries(Queries { batch, context: context.clone().into(), positions, openings: Box::from([step]) })
    }));
    parts.push(settle(batch));
    parts
}

fn settle(batch: u64) -> Part {
    Part::Settle(Evidenced { header: header(batch), chunks: Vec::new(), evidence: Box::from([1]) })
}

/// Which part: its batch, and its place among the parts.
type Place = (u64, usize);

#[derive(Clone)]
struct Transaction {
    /// Which package of ours; `None` is another's.
    package: Option<u64>,
    place: Place,
    succeeded: bool,
}

/// An owner with its disk, and L1.
struct World {
    seed: u64,
    is_calm: bool,
    batches: u64,
    errands: Errands,
    course: Course,
    waiting: VecDeque<(Package, Place)>,
    /// What has a nonce: survives a crash.
    disk: BTreeMap<u64, (Package, Place)>,
    pool: BTreeSet<u64>,
    blocks: Vec<Vec<Transaction>>,
    next_id: u64,
    /// How often each part of ours came to have a nonce.
    paid: BTreeMap<Place, u32>,
    /// What a reorganisation took from others, or failed: it may be paid for again.
    excused: BTreeSet<Place>,
    crashes: u32,
    helped: u32,
}

fn receipt(succeeded: bool) -> Receipt {
    let (transaction, block_hash) = (Bytes32::ZERO, Bytes32::ZERO);
    Receipt { transaction, block: 1, block_hash, succeeded, gas_used: 1, price_wei: 1 }
}

impl World {
    fn new(seed: u64, batches: u64) -> Self {
        let mut world = Self {
            seed,
            is_calm: false,
            batches,
            errands: Errands::default(),
            course: Course::default(),
            waiting: VecDeque::new(),
            disk: BTreeMap::new(),
            pool: BTreeSet::new(),
            blocks: Vec::new(),
            next_id: 1,
            paid: BTreeMap::new(),
            excused: BTreeSet::new(),
            crashes: 0,
            helped: 0,
        };
        world.begin(1);
        world
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % bound
    }

    fn strikes(&mut self, per_thousand: u64) -> bool {
        self.below(1_000) < per_thousand && !self.is_calm
    }

    fn begin(&mut self, from: u64) {
        self.errands.drop_from(from);
        (from..=self.batches).for_each(|batch| self.errands.begin(batch, parts(batch)));
    }

    fn known(&self) -> Known {
        let mut known = Known::default();
        let (mut registered, mut bits) = (BTreeSet::new(), BTreeMap::<Bytes32, [u8; 32]>::new());
        for transaction in self.blocks.iter().flatten().filter(|transaction| transaction.succeeded) {
            let (batch, place) = transaction.place;
            match parts(batch)[place].fact().unwrap() {
                Fact::Registered(context) => _ = registered.insert(Question::Registered(context)),
                Fact::Answered { context, queries } => {
                    let answered = bits.entry(context).or_default();
                    answered.iter_mut().zip(queries.0).for_each(|(answered, more)| *answered |= more);
                }
                Fact::Settled(number) => known.settled = known.settled.max(number),
                Fact::Published(_) => {}
            }
        }
        known.there = registered;
        known.answered = bits.into_iter().map(|(context, bits)| (context, Bytes32(bits))).collect();
        known
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.waiting.clear();
        self.course = Course::default();
        self.disk.values().for_each(|(package, _)| self.course.begin(package.clone()));
        self.next_id = self.disk.keys().max().map_or(self.next_id, |id| (id + 1).max(self.next_id));
        self.errands = Errands::default();
        self.begin(self.known().settled + 1);
    }

    fn hand_over(&mut self) {
        let asked = self.errands.questions();
        let all = self.known();
        let answered = all.answered.into_iter().filter(|(context, _)| asked.contains(&Question::Answered(*context)));
        let known = Known {
            there: all.there.intersection(&asked).copied().collect(),
            answered: answered.collect(),
            settled: if asked.contains(&Question::Settled) { all.settled } else { 0 },
        };
        for part in self.errands.due(&known, &self.course, ROOM) {
            if self.strikes(20) {
                return self.crash();
            }
            let (batch, what) = (part.batch(), part.to_bytes());
            let place = parts(batch).iter().position(|other| *other == part).unwrap();
            let package = Package { id: self.next_id, what: what.into(), gas: 1 };
            self.next_id += 1;
            self.course.begin(package.clone());
            self.waiting.push_back((package, (batch, place)));
            self.errands.handed_over(&part);
        }
    }

    /// Gives nonces to what waits.
    fn send(&mut self) {
        while let Some((package, place)) = self.waiting.pop_front() {
            *self.paid.entry(place).or_default() += 1;
            self.pool.insert(package.id);
            self.disk.insert(package.id, (package, place));
            if self.strikes(20) {
                return self.crash();
            }
        }
    }

    /// Makes a block of some of the pool, in order, and of what others send.
    fn mine(&mut self) {
        let mut block = Vec::new();
        if self.strikes(150) {
            let place = (1 + self.below(self.batches), usize::try_from(self.below(u64::from(STEPS) + 1)).unwrap());
            self.helped += 1;
            block.push(Transaction { package: None, place, succeeded: true });
        }
        self.blocks.push(block);
        let count = 1 + self.below(3);
        let ids: Vec<u64> = self.pool.iter().copied().take(usize::try_from(count).unwrap()).collect();
        for id in ids {
            self.pool.remove(&id);
            let (_, place) = self.disk[&id];
            let (batch, step) = place;
            let known = self.known();
            let of_batch = parts(batch);
            let is_settlement = step == of_batch.len() - 1;
            let is_there = || of_batch[..step].iter().all(|part| known.has(&part.fact().unwrap()));
            let succeeded = !is_settlement || (is_there() && known.settled == batch - 1);
            let transaction = Transaction { package: Some(id), place, succeeded };
            self.blocks.last_mut().unwrap().push(transaction);
            let receipt = receipt(succeeded);
            if succeeded {
                self.course.hear(&Effect::Mined { package: id, receipt });
            } else {
                self.excused.insert(place);
                self.course.hear(&Effect::Failed { package: id, why: Failure::Reverted(receipt) });
                self.begin(known.settled + 1);
            }
        }
    }

    /// Drops some blocks. What was ours waits again, what was another's is gone.
    fn reorganise(&mut self) {
        let (before, count) = (self.known().settled, 1 + self.below(3));
        for _ in 0..count {
            for transaction in self.blocks.pop().into_iter().flatten() {
                match transaction.package {
                    Some(id) if self.disk.contains_key(&id) => {
                        self.course.hear(&Effect::Reorged { package: id });
                        self.pool.insert(id);
                    }
                    _ => _ = self.excused.insert(transaction.place),
                }
            }
        }
        if self.known().settled < before {
            self.begin(self.known().settled + 1);
        }
    }

    fn finalise(&mut self) {
        let Some(deep) = self.blocks.len().checked_sub(DEPTH) else { return };
        let mined: Vec<u64> = self.blocks[..deep].iter().flatten().filter_map(|one| one.package).collect();
        for id in mined {
            if self.disk.remove(&id).is_some() {
                self.course.hear(&Effect::Final { package: id });
            }
        }
    }

    fn run(&mut self) {
        for round in 0.. {
            self.is_calm = round > 150;
            self.hand_over();
            self.send();
            self.mine();
            if self.strikes(80) && self.blocks.len() > DEPTH {
                self.reorganise();
            }
            if self.strikes(40) {
                self.crash();
            }
            self.finalise();
            if self.is_calm && self.known().settled == self.batches && self.pool.is_empty() {
                return;
            }
            assert!(round < 600, "all batches settle: {} of {}", self.known().settled, self.batches);
        }
    }
}

#[test]
fn every_batch_settles_and_no_step_is_paid_for_twice_whatever_happens() {
    let (mut crashes, mut helped, mut excused, mut saved) = (0, 0, 0, 0);
    for seed in 0..300 {
        let mut world = World::new(seed, 8);
        world.run();
        for (place, times) in &world.paid {
            let excuse = world.excused.contains(place);
            assert!(*times == 1 || excuse, "seed {seed}: {place:?} was paid for {times} times");
        }
        (crashes, helped) = (crashes + world.crashes, helped + world.helped);
        excused += world.excused.len();
        saved += 8 * (usize::from(STEPS) + 2) - world.paid.len();
    }
    assert!(crashes > 300 && helped > 300 && excused > 100 && saved > 100, "{crashes} {helped} {excused} {saved}");
}

fn words(due: &[Part]) -> Vec<String> {
    due.iter().map(|part| format!("{} of {}", part.name(), part.batch())).collect()
}

#[test]
fn a_batch_goes_when_all_that_it_stands_on_is_on_l1() {
    let mut errands = Errands::default();
    [2, 1].into_iter().for_each(|batch| errands.begin(batch, parts(batch)));
    let (course, mut known) = (Course::default(), Known::default());
    let steps = 2 * (usize::from(STEPS) + 1);
    assert_eq!(errands.due(&known, &course, 99).len(), steps, "the steps of both, and neither batch");
    assert_eq!(errands.due(&known, &course, 2).len(), 2);
    assert_eq!(errands.questions().len(), 5);
    for batch in [1, 2] {
        known.there.insert(Question::Registered(keccak(&[&batch.to_bytes()])));
        known.answered.insert(keccak(&[&u64::to_bytes(&batch)]), Bytes32([0xff; 32]));
    }
    assert_eq!(words(&errands.due(&known, &course, 99)), ["the batch of 1"]);
    errands.handed_over(&settle(1));
    assert!(errands.due(&known, &course, 99).is_empty(), "the second waits for the first");
    known.settled = 1;
    assert_eq!(words(&errands.due(&known, &course, 99)), ["the batch of 2"]);
    // A reorganisation takes a step back before the batch went.
    known.answered.clear();
    assert_eq!(errands.due(&known, &course, 99).len(), usize::from(STEPS));
}

#[test]
fn a_batch_with_signatures_goes_at_once_and_asks_nothing() {
    let chunk = |byte| Part::Chunk(crate::part::Chunk { batch: 1, bytes: Box::from([byte]) });
    let mut errands = Errands::default();
    errands.begin(1, [chunk(1), chunk(2), settle(1)]);
    errands.begin(2, [settle(2)]);
    assert!(errands.questions().is_empty());
    let mut course = Course::default();
    course.begin(Package { id: 1, what: chunk(2).to_bytes().into(), gas: 1 });
    let known = Known::default();
    assert_eq!(words(&errands.due(&known, &course, 1)), ["a part of the difference of 1"]);
    assert_eq!(words(&errands.due(&known, &course, 99)), ["the batch of 1", "the batch of 2"]);
    assert!(errands.due(&known, &course, 99).is_empty());
}
