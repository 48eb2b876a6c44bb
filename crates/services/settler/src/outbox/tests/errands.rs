//! An owner that hands over again what failed, as the settler does, while failures are taken back and made again.

use super::*;

struct Errands {
    world: World,
    count: u64,
    next_id: u64,
    /// Which errand a package is for.
    errands: BTreeMap<u64, u64>,
    crashes: u64,
}

impl Errands {
    fn new(seed: u64, count: u64) -> Self {
        let world = World::new(seed, 0, false);
        Self { world, count, next_id: 0, errands: BTreeMap::new(), crashes: 0 }
    }

    fn packages(&self, errand: u64) -> impl Iterator<Item = u64> {
        self.errands.iter().filter(move |(_, of)| **of == errand).map(|(id, _)| *id)
    }

    fn is_done(&self, errand: u64) -> bool {
        self.packages(errand).any(|id| self.world.finals.contains(&id) && !self.world.failed.contains(&id))
    }

    /// After a crash: what had no nonce is forgotten, and its ids are used again.
    fn recover(&mut self) {
        if self.crashes == self.world.crashes {
            return;
        }
        self.crashes = self.world.crashes;
        let newest = self.world.disk.values().map(|record| record.newest.max(record.package.id)).max();
        self.next_id = newest.map_or(0, |newest| newest + 1);
        self.errands.split_off(&self.next_id);
    }

    fn hand_over(&mut self) -> bool {
        for errand in 0..self.count {
            let package = worded(self.next_id, errand);
            if self.is_done(errand) || self.world.course.is_under_way(&package.what) {
                continue;
            }
            let open: Vec<_> = self.packages(errand).filter(|id| !self.world.failed.contains(id)).collect();
            assert_eq!(open, [0; 0], "nothing that may still succeed is handed over twice");
            if self.world.outbox.room() == 0 {
                break;
            }
            self.errands.insert(self.next_id, errand);
            self.next_id += 1;
            self.world.course.begin(package.clone());
            if !self.world.step(Input::Package(package)) {
                return false;
            }
        }
        true
    }

    fn round(&mut self) {
        self.recover();
        self.world.turn();
        if self.hand_over() {
            self.world.rest_of_round();
        }
    }

    fn run(&mut self, rounds: u64) {
        (0..rounds).for_each(|_| self.round());
        (self.world.faults.on, self.world.chain.base_fee_wei) = (false, 10 * GWEI);
        self.world.chain.funds_wei += Chain::new().funds_wei;
        let patience = 600;
        let end = (0..patience).find(|_| {
            self.round();
            (0..self.count).all(|errand| self.is_done(errand))
        });
        assert!(end.is_some(), "every errand is done in the end: {:?}", self.world.outbox.alerts());
        for errand in 0..self.count {
            let spotless = self.packages(errand).filter(|id| !self.world.ever_failed.contains(id)).count();
            assert!(spotless <= 1, "errand {errand}: another package went although none had failed");
        }
    }
}

#[test]
fn what_failed_is_handed_over_again_and_nothing_else() {
    let (mut again, mut taken_back) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut owner = Errands::new(seed, 20);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| owner.run(250)));
        assert!(outcome.is_ok(), "seed {seed}");
        again += owner.errands.len() - 20;
        taken_back += owner.world.taken_back;
    }
    assert!(again > 400 && taken_back > 100, "the schedules reach what they are for: {again}, {taken_back}");
}
