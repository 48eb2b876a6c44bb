//! The outbox against a naive chain with a pool, through drops, reorganisations, dear gas, reverts, a stranger with the
//! same key, and crashes between any two effects.

use super::*;
use crypto::eth::Words;
use std::collections::{BTreeMap, BTreeSet};
use types::{Decode as _, Encode as _};

mod chain;
mod errands;

use chain::{Chain, Transaction};

/// A round of the loop.
const ROUND: u64 = 500;
const GWEI: u64 = 1_000_000_000;
const GAS: u64 = 100_000;
const DEPTH: u64 = 12;
const SCHEDULES: u64 = 400;

fn limits() -> Limits {
    let spend_max_wei = u128::from(GAS) * u128::from(2_000 * GWEI);
    Limits {
        gas_price_max_wei: 200 * GWEI,
        spend_max_wei,
        depth: DEPTH,
        replace_after: Millis(3_000),
        ..Limits::default()
    }
}

fn package(id: u64) -> Package {
    worded(id, id)
}

fn worded(id: u64, errand: u64) -> Package {
    Package { id, what: errand.to_bytes().into(), gas: GAS }
}

/// The sequence of SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn strikes(&mut self, per_thousand: u64) -> bool {
        self.below(1_000) < per_thousand
    }
}

/// What may go wrong in a schedule.
#[derive(Clone, Copy)]
struct Faults {
    on: bool,
    stranger: bool,
}

/// An owner, its disk, the outbox and the chain.
struct World {
    chance: Chance,
    chain: Chain,
    outbox: Outbox,
    faults: Faults,
    now: u64,
    count: u64,
    disk: BTreeMap<u64, Record>,
    /// The owner's own disk.
    finals: BTreeSet<u64>,
    failed: BTreeSet<u64>,
    ever_failed: BTreeSet<u64>,
    /// How many failures L1 took back.
    taken_back: u64,
    course: Course,
    /// Which package every nonce was ever used for.
    uses: BTreeMap<u64, u64>,
    replaced: u64,
    crashes: u64,
}

impl World {
    fn new(seed: u64, count: u64, stranger: bool) -> Self {
        let (chance, chain, disk) = (Chance(seed), Chain::new(), BTreeMap::new());
        let outbox = Outbox::restore(limits(), BTreeMap::new());
        let (finals, uses, course) = (BTreeSet::new(), BTreeMap::new(), Course::default());
        let (failed, ever_failed) = (BTreeSet::new(), BTreeSet::new());
        let (now, taken_back, replaced, crashes) = (0, 0, 0, 0);
        let faults = Faults { on: true, stranger };
        Self {
            chance,
            chain,
            outbox,
            faults,
            now,
            count,
            disk,
            finals,
            failed,
            ever_failed,
            taken_back,
            course,
            uses,
            replaced,
            crashes,
        }
    }

    fn fault(&mut self, per_thousand: u64) -> bool {
        self.faults.on && self.chance.strikes(per_thousand)
    }

    fn crash(&mut self) {
        self.crashes += 1;
        let bytes: BTreeMap<u64, Vec<u8>> =
            self.disk.iter().map(|(nonce, record)| (*nonce, record.to_bytes())).collect();
        let kept = bytes.iter().map(|(nonce, bytes)| (*nonce, Record::from_bytes(bytes).unwrap())).collect();
        self.outbox = Outbox::restore(limits(), kept);
        self.course = Course::default();
        let open = self.disk.values().filter(|record| !record.closed);
        open.for_each(|record| self.course.begin(record.package.clone()));
    }

    /// Steps the outbox and performs the effects, or those before a crash. Says whether it lives.
    fn step(&mut self, input: Input) -> bool {
        for effect in self.outbox.step(Millis(self.now), input) {
            if self.fault(6) {
                self.crash();
                return false;
            }
            if !self.perform(effect) {
                return false;
            }
        }
        true
    }

    fn perform(&mut self, effect: Effect) -> bool {
        self.course.hear(&effect);
        match effect {
            Effect::Keep { nonce, record } => {
                let id = record.package.id;
                assert_eq!(*self.uses.entry(nonce).or_insert(id), id, "a nonce belongs to one package");
                self.replaced += u64::from(record.offers.len() > 1);
                self.disk.insert(nonce, record);
            }
            Effect::Forget { nonce } => {
                self.disk.remove(&nonce);
            }
            Effect::Send { nonce, offer, package, gas_limit, terms } => {
                let record = &self.disk[&nonce];
                assert_eq!((&record.package, &record.offers[offer]), (&package, &terms), "kept before it is sent");
                return self.send(Transaction::new(nonce, Some(package.id), gas_limit, terms), offer);
            }
            Effect::Mined { package, receipt } => {
                assert!(receipt.succeeded, "package {package}");
                self.failed.remove(&package);
            }
            Effect::Failed { package, .. } => {
                self.failed.insert(package);
                self.ever_failed.insert(package);
            }
            Effect::Reorged { package } => self.taken_back += u64::from(self.failed.remove(&package)),
            Effect::Alert(_) => {}
            Effect::Final { package } => self.finalise(package),
        }
        true
    }

    fn send(&mut self, transaction: Transaction, offer: usize) -> bool {
        assert!(transaction.offer.max_fee_wei <= limits().gas_price_max_wei);
        let (nonce, hash) = (transaction.nonce, transaction.hash);
        let arrives = !self.fault(100);
        let taken = if arrives { self.chain.take(transaction) } else { Answer::Unreachable };
        let heard = !self.fault(100);
        if !self.faults.stranger {
            self.check_spending();
            assert_ne!(taken, Answer::Unfunded, "what is out can be paid for");
        }
        let answer = if heard { taken } else { Answer::Unreachable };
        self.step(Input::Sent { nonce, offer, transaction: hash, answer })
    }

    /// The worst case of all that may still come into a block, now or after a reorganisation.
    fn check_spending(&self) {
        let worst = |record: &Record| {
            u128::from(record.gas_limit) * record.offers.last().map_or(0, |offer| u128::from(offer.max_fee_wei))
        };
        let open = self.disk.iter().filter(|(_, record)| !record.closed);
        assert!(open.clone().map(|(_, record)| worst(record)).sum::<u128>() <= limits().spend_max_wei);
        let unmined = open.filter(|(nonce, _)| **nonce >= self.chain.nonce());
        assert!(unmined.map(|(_, record)| worst(record)).sum::<u128>() <= self.chain.balance_wei());
    }

    fn finalise(&mut self, package: u64) {
        let of = |(transaction, _): &&(Transaction, Receipt)| transaction.package == Some(package);
        let (_, receipt) = self.chain.mined().find(of).expect("what is final is in a block");
        assert!(receipt.block + DEPTH <= self.chain.head(), "and deep");
        assert_eq!(self.failed.contains(&package), !receipt.succeeded, "its owner knows the right outcome");
        self.finals.insert(package);
    }

    fn check_chain(&self) {
        let ids: Vec<_> = self.chain.mined().filter_map(|(transaction, _)| transaction.package).collect();
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "no package comes twice: {ids:?}");
        if !self.faults.stranger {
            assert!(ids.is_sorted(), "packages come in order: {ids:?}");
        }
        let lost: Vec<_> = self.finals.iter().filter(|id| !ids.contains(id)).collect();
        assert!(lost.is_empty(), "final for ever: {lost:?}");
    }

    /// The world around the outbox moves on.
    fn turn(&mut self) {
        self.now += ROUND;
        if self.fault(20) {
            self.chain.base_fee_wei = (1 + self.chance.below(300)) * GWEI;
        }
        if self.fault(40) {
            let nonces: Vec<_> = self.chain.pool.keys().copied().collect();
            if !nonces.is_empty() {
                let lost = usize::try_from(self.chance.next()).unwrap() % nonces.len();
                self.chain.pool.remove(&nonces[lost]);
            }
        }
        if self.faults.stranger && self.fault(15) {
            let nonce = self.chain.nonce() + self.chance.below(3);
            let offer = Offer { max_fee_wei: 400 * GWEI, tip_wei: 2 * GWEI };
            self.chain.pool.insert(nonce, Transaction::new(nonce, None, 21_000, offer));
        }
        if self.fault(15) {
            self.reorganise();
        }
        if !self.faults.on || self.chance.strikes(400) {
            self.mine();
        }
        self.check_chain();
    }

    fn mine(&mut self) {
        let Self { chance, chain, faults, .. } = self;
        chain.mine(|_| (!faults.on || !chance.strikes(200)).then(|| !faults.on || !chance.strikes(100)));
    }

    fn reorganise(&mut self) {
        let depth = 1 + self.chance.below(DEPTH).min(self.chain.head());
        let Self { chance, chain, .. } = self;
        let depth = depth.min(DEPTH);
        chain.unwind(depth, || chance.strikes(600));
        for _ in 0..depth {
            self.mine();
        }
    }

    fn round(&mut self) {
        self.turn();
        let from = (0..self.count).find(|id| !self.finals.contains(id)).unwrap_or(self.count);
        for id in from..self.count {
            if self.outbox.room() == 0 || !self.step(Input::Package(package(id))) {
                break;
            }
        }
        self.rest_of_round();
    }

    fn rest_of_round(&mut self) {
        if !self.step(Input::View(self.chain.standing())) {
            return;
        }
        // The chain may move on while the loop is asking.
        if self.fault(100) {
            self.turn();
        }
        for transaction in self.outbox.watched() {
            let input = match self.chain.receipt(&transaction) {
                Some(receipt) => Input::Receipt(receipt),
                None => Input::Gone { transaction },
            };
            if !self.step(input) {
                return;
            }
        }
        self.step(Input::Tick);
    }

    fn run(&mut self, rounds: u64) {
        (0..rounds).for_each(|_| self.round());
        (self.faults.on, self.chain.base_fee_wei) = (false, 10 * GWEI);
        // What the operators do when told.
        self.chain.funds_wei += Chain::new().funds_wei;
        let patience = 600;
        for _ in 0..patience {
            if self.finals.len() == usize::try_from(self.count).unwrap() {
                break;
            }
            self.round();
        }
        assert_eq!(
            self.finals.len(),
            usize::try_from(self.count).unwrap(),
            "all come in the end: {:?}",
            self.outbox.alerts()
        );
        (0..3).for_each(|_| self.round());
        assert!(self.disk.len() <= 1, "what is final needs no place");
    }
}

#[test]
fn packages_come_once_in_order_and_within_the_caps_whatever_fails() {
    let (mut replaced, mut crashes) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed, 30, false);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run(250)));
        assert!(outcome.is_ok(), "seed {seed}");
        (replaced, crashes) = (replaced + world.replaced, crashes + world.crashes);
    }
    assert!(replaced > 400 && crashes > 400, "the schedules reach what they are for: {replaced}, {crashes}");
}

#[test]
fn packages_come_once_even_when_somebody_else_uses_the_key() {
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed, 30, true);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run(250)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

/// An outbox fed by hand.
struct Desk {
    outbox: Outbox,
    course: Course,
    now: u64,
    view: Standing,
}

impl Desk {
    fn new() -> Self {
        let view = Standing {
            head: 100,
            nonce: 5,
            nonce_final: 5,
            nonce_pending: 5,
            balance_wei: 1 << 80,
            base_fee_wei: 10 * GWEI,
            tip_wei: GWEI,
        };
        let outbox = Outbox::restore(limits(), BTreeMap::new());
        Self { outbox, course: Course::default(), now: 0, view }
    }

    fn words(effects: Vec<Effect>) -> String {
        let word = |effect: Effect| match effect {
            Effect::Keep { nonce, record } if record.closed => format!("mark {nonce}"),
            Effect::Keep { nonce, record } => format!("keep {nonce} for {}", record.package.id),
            Effect::Forget { nonce } => format!("forget {nonce}"),
            Effect::Send { nonce, offer, terms, .. } => format!("send {nonce}.{offer} at {}", terms.max_fee_wei / GWEI),
            Effect::Mined { package, .. } => format!("mined {package}"),
            Effect::Failed { package, why: Failure::TooMuchGas } => format!("{package} is too large"),
            Effect::Failed { package, .. } => format!("failed {package}"),
            Effect::Reorged { package } => format!("reorged {package}"),
            Effect::Final { package } => format!("final {package}"),
            Effect::Alert(alert) => format!("{alert:?}"),
        };
        effects.into_iter().map(word).collect::<Vec<_>>().join("; ")
    }

    fn check(&mut self, input: Input, expected: &str) {
        if let Input::Package(package) = &input {
            self.course.begin(package.clone());
        }
        let effects = self.outbox.step(Millis(self.now), input);
        effects.iter().for_each(|effect| drop(self.course.hear(effect)));
        assert_eq!(Self::words(effects), expected);
    }

    /// A view as it stands, then a tick.
    fn look(&mut self, expected: &str) {
        self.now += 1;
        self.check(Input::View(self.view.clone()), "");
        self.now += 1;
        self.check(Input::Tick, expected);
    }

    fn sent(&mut self, nonce: u64, offer: usize, answer: Answer) {
        self.check(Input::Sent { nonce, offer, transaction: hash(nonce, offer), answer }, "");
    }

    fn receipt(&mut self, nonce: u64, offer: usize, block: u64, succeeded: bool, expected: &str) {
        let (transaction, block_hash) = (hash(nonce, offer), Words::new().number(block).keccak());
        let receipt = Receipt { transaction, block, block_hash, succeeded, gas_used: GAS, price_wei: GWEI };
        self.check(Input::Receipt(receipt), expected);
    }

    fn gone(&mut self, nonce: u64, offer: usize, expected: &str) {
        self.check(Input::Gone { transaction: hash(nonce, offer) }, expected);
    }
}

fn hash(nonce: u64, offer: usize) -> Bytes32 {
    Words::new().number(nonce).number(u64::try_from(offer).unwrap()).keccak()
}

#[test]
fn a_package_goes_from_its_nonce_to_final() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.check(Input::Package(package(1)), "");
    desk.check(Input::Package(package(1)), "");
    desk.check(Input::Tick, "");
    desk.look("keep 5 for 0; send 5.0 at 21; keep 6 for 1; send 6.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    desk.sent(6, 0, Answer::Taken);
    assert_eq!(desk.outbox.watched(), []);
    (desk.view.head, desk.view.nonce, desk.view.nonce_pending) = (101, 7, 7);
    desk.look("");
    assert_eq!(desk.outbox.watched(), [hash(5, 0), hash(6, 0)]);
    desk.receipt(5, 0, 101, true, "mined 0");
    desk.receipt(6, 0, 101, false, "failed 1");
    desk.view.head = 101 + DEPTH;
    desk.look("");
    desk.receipt(6, 0, 101, false, "final 1; mark 6");
    desk.receipt(5, 0, 101, true, "final 0; forget 5");
    desk.check(Input::Package(package(1)), "");
    desk.check(Input::Package(package(2)), "");
    desk.look("keep 7 for 2; forget 6; send 7.0 at 21");
}

#[test]
fn a_late_offer_is_raised_and_any_of_them_counts() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.look("keep 5 for 0; send 5.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    (desk.view.nonce_pending, desk.now) = (6, 3_100);
    desk.look("");
    desk.view.base_fee_wei = 100 * GWEI;
    desk.look("keep 5 for 0; send 5.1 at 200");
    desk.sent(5, 1, Answer::Taken);
    (desk.now, desk.view.base_fee_wei) = (6_000, 199 * GWEI);
    desk.look("");
    (desk.now, desk.view.base_fee_wei) = (6_300, 200 * GWEI);
    desk.look("send 5.1 at 200; FeesTooHigh");
    desk.sent(5, 1, Answer::Taken);
    desk.look("");
    assert_eq!(desk.outbox.alerts().first(), Some(&Alert::FeesTooHigh));
    (desk.view.nonce, desk.view.head) = (6, 101);
    desk.look("");
    desk.receipt(5, 0, 101, true, "mined 0");
}

#[test]
fn what_waits_at_the_front_for_no_known_reason_is_raised_once_a_block_passed() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.check(Input::Package(package(1)), "");
    desk.look("keep 5 for 0; send 5.0 at 21; keep 6 for 1; send 6.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    desk.sent(6, 0, Answer::Taken);
    (desk.view.nonce_pending, desk.now) = (7, 3_100);
    desk.look("");
    desk.view.head = 101;
    desk.look("keep 5 for 0; send 5.1 at 23");
}

#[test]
fn what_the_pool_lost_is_sent_again_as_it_was() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.check(Input::Package(package(1)), "");
    desk.look("keep 5 for 0; send 5.0 at 21; keep 6 for 1; send 6.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    desk.sent(6, 0, Answer::Unreachable);
    desk.view.nonce_pending = 6;
    desk.look("");
    desk.now = RESEND.0 + 10;
    desk.look("send 6.0 at 21");
    desk.look("");
}

#[test]
fn a_dropped_block_sends_its_package_back_to_wait() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.look("keep 5 for 0; send 5.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    (desk.view.head, desk.view.nonce, desk.view.nonce_pending) = (101, 6, 6);
    desk.look("");
    desk.receipt(5, 0, 101, true, "mined 0");
    desk.view = Standing { head: 102, nonce: 5, nonce_pending: 5, ..desk.view.clone() };
    desk.now = 2_100;
    desk.check(Input::View(desk.view.clone()), "");
    desk.gone(5, 0, "reorged 0");
    desk.now += 1;
    desk.check(Input::Tick, "send 5.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    (desk.view.head, desk.view.nonce) = (104, 6);
    desk.look("");
    desk.receipt(5, 0, 103, true, "mined 0");
    desk.receipt(5, 0, 104, false, "reorged 0; failed 0");
}

#[test]
fn a_failure_stands_until_l1_takes_it_back() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.look("keep 5 for 0; send 5.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    (desk.view.head, desk.view.nonce, desk.view.nonce_pending) = (101, 6, 6);
    desk.look("");
    assert!(!desk.course.is_under_way(&package(7).what));
    let is_under_way = |desk: &Desk| desk.course.is_under_way(&package(0).what);
    assert!(is_under_way(&desk));
    desk.receipt(5, 0, 101, false, "failed 0");
    assert!(!is_under_way(&desk));
    desk.check(Input::View(desk.view.clone()), "");
    desk.gone(5, 0, "reorged 0");
    assert!(is_under_way(&desk), "it waits again");
    desk.receipt(5, 0, 102, false, "failed 0");
    assert!(!is_under_way(&desk));
    desk.receipt(5, 0, 103, true, "reorged 0; mined 0");
    assert!(is_under_way(&desk), "it is in a block");
    desk.view.head = 103 + DEPTH;
    desk.look("");
    desk.receipt(5, 0, 103, true, "final 0; mark 5");
    assert!(!is_under_way(&desk), "and now it is settled");
}

#[test]
fn a_nonce_taken_by_somebody_else_is_left_only_when_that_is_final() {
    let mut desk = Desk::new();
    desk.check(Input::Package(package(0)), "");
    desk.check(Input::Package(package(1)), "");
    desk.look("keep 5 for 0; send 5.0 at 21; keep 6 for 1; send 6.0 at 21");
    desk.sent(5, 0, Answer::Taken);
    desk.sent(6, 0, Answer::Taken);
    desk.check(Input::Package(package(2)), "");
    desk.view = Standing { head: 101, nonce: 6, nonce_pending: 7, ..desk.view.clone() };
    desk.look("");
    desk.gone(5, 0, "");
    desk.look("");
    desk.view = Standing { head: 120, nonce: 7, nonce_pending: 7, nonce_final: 7, ..desk.view.clone() };
    desk.check(Input::View(desk.view.clone()), "");
    desk.receipt(6, 0, 102, true, "mined 1; final 1; mark 6");
    desk.gone(5, 0, "");
    let moved = "keep 7 for 0; forget 6; forget 5; send 7.0 at 21; keep 8 for 2; send 8.0 at 21";
    desk.check(Input::Tick, &format!("{moved}; KeyUsedElsewhere {{ nonce: 5 }}"));
}

#[test]
fn a_restart_between_a_move_and_its_end_follows_the_move() {
    let record = |id, closed| {
        let offers = vec![Offer { max_fee_wei: 21 * GWEI, tip_wei: GWEI }];
        Record { package: package(id), gas_limit: GAS, offers, newest: 6, closed }
    };
    let kept = [(4, record(3, true)), (5, record(4, false)), (6, record(5, false)), (7, record(4, false))];
    let mut desk = Desk::new();
    desk.outbox = Outbox::restore(limits(), kept.into_iter().collect());
    desk.view = Standing { nonce: 6, nonce_pending: 8, ..desk.view };
    desk.look("forget 5; forget 4; send 6.0 at 21; send 7.0 at 21");
    for id in 0..7 {
        desk.check(Input::Package(package(id)), "");
    }
    desk.look("");
}

#[test]
fn the_cap_holds_packages_back_and_says_so_once() {
    let mut desk = Desk::new();
    desk.view.base_fee_wei = 200 * GWEI;
    desk.check(Input::Package(package(0)), "");
    desk.look("FeesTooHigh");
    desk.look("");
    (desk.view.base_fee_wei, desk.view.balance_wei) = (10 * GWEI, u128::from(10 * GWEI * GAS));
    desk.look("FundsTooLow");
    desk.view.balance_wei = u128::from(15 * GWEI) * u128::from(GAS + GAS / 5);
    desk.look("keep 5 for 0; send 5.0 at 15");
    desk.check(Input::Package(package(1)), "");
    desk.look("FundsTooLow");
    desk.view.nonce = 4;
    desk.look("ChainBehind");
}

#[test]
fn bounds_are_kept_and_named() {
    let mut desk = Desk::new();
    desk.check(Input::Package(Package { gas: limits().gas_max + 1, ..package(0) }), "0 is too large");
    assert!(!desk.course.is_under_way(&package(0).what));
    for id in 1..100 {
        desk.check(Input::Package(package(id)), "");
    }
    assert_eq!(desk.outbox.room(), 0);
    desk.now += 1;
    desk.check(Input::View(desk.view.clone()), "");
    let effects = desk.outbox.step(Millis(desk.now), Input::Tick);
    let sent = effects.iter().filter(|effect| matches!(effect, Effect::Send { .. })).count();
    assert_eq!((sent, effects.last()), (IN_FLIGHT_MAX, Some(&Effect::Alert(Alert::QueueFull))));
    assert_eq!(desk.outbox.room(), IN_FLIGHT_MAX);
}

#[test]
fn refusals_that_money_does_not_cure_are_not_answered_with_money() {
    for (answer, alert) in [(Answer::Refused, "Refused { nonce: 5 }"), (Answer::Unfunded, "FundsTooLow")] {
        let mut desk = Desk::new();
        desk.check(Input::Package(package(0)), "");
        desk.look("keep 5 for 0; send 5.0 at 21");
        desk.sent(5, 0, answer);
        desk.look(alert);
        (desk.now, desk.view.base_fee_wei) = (5_000, 100 * GWEI);
        desk.look("send 5.0 at 21");
    }
}
