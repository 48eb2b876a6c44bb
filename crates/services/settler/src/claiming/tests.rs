//! Batches that settle by claims against a naive contract: through liars and reorganisations.

use super::*;
use types::Digest;

const WINDOW: usize = 6;
const BATCHES: u64 = 6;
const OURS: EthAddress = EthAddress([1; 20]);
const WATCHER: EthAddress = EthAddress([2; 20]);
const LIARS: [EthAddress; 2] = [EthAddress([3; 20]), EthAddress([4; 20])];

fn domain() -> Domain {
    Domain { chain_id: 31337, rollup: EthAddress([9; 20]) }
}

fn root(n: u64) -> Digest {
    Digest::new([n, 0, 0, 0]).unwrap()
}

fn truth(number: u64) -> BatchHeader {
    BatchHeader {
        config_hash: Digest::ZERO,
        number,
        parent_root: root(number - 1),
        state_root: root(number),
        inbox_count: 0,
        inbox_hash: Bytes32::ZERO,
        withdrawals_root: Bytes32::ZERO,
        data_root: Bytes32::ZERO,
        diff_hash: Bytes32::ZERO,
    }
}

/// What this liar claims of a batch.
fn lie(number: u64, liar: usize) -> BatchHeader {
    BatchHeader { state_root: root(1_000 * u64::try_from(liar + 1).unwrap() + number), ..truth(number) }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Commit(u64),
    Join,
    /// Which outcome: of a liar, or the truth.
    Claim(u64, Option<usize>),
    Prove(u64),
    Settle(u64),
    Eliminate(Bytes32, EthAddress),
    Lift(Bytes32, EthAddress),
    Collect,
    Close(Bytes32),
}

#[derive(Debug, Clone)]
struct Sent {
    by: EthAddress,
    act: Act,
}

/// The contract, as far as it goes.
#[derive(Debug, Clone, Default)]
struct Contract {
    committed: u64,
    settled: u64,
    /// Who settled: the state root after each batch.
    roots: Vec<Digest>,
    standing: BTreeMap<EthAddress, Standing>,
    claimed: Vec<Claimed>,
    stances: BTreeMap<(Bytes32, EthAddress), Stance>,
    since: BTreeMap<Bytes32, usize>,
    proven: BTreeMap<u64, Bytes32>,
    owed: u64,
    paid: u64,
}

impl Contract {
    fn standing(&self, who: &EthAddress) -> Standing {
        self.standing.get(who).copied().unwrap_or(Standing::Stranger)
    }

    fn stance(&self, digest: &Bytes32, who: &EthAddress) -> Stance {
        self.stances.get(&(*digest, *who)).copied().unwrap_or(Stance::None)
    }

    /// Returns the claims about a batch that count.
    fn counting(&self, number: u64) -> BTreeSet<Bytes32> {
        let counts =
            |claim: &&Claimed| claim.number == number && self.stance(&claim.digest, &claim.proposer) == Stance::Behind;
        self.claimed.iter().filter(counts).map(|claim| claim.digest).collect()
    }

    fn contest(&self, number: u64) -> Contest {
        let claims = u32::try_from(self.counting(number).len()).unwrap();
        Contest { proven: self.proven.get(&number).copied(), since: 0, claims }
    }

    fn accepts(&self, number: u64, digest: &Bytes32, now: usize) -> bool {
        match self.proven.get(&number) {
            Some(proven) => proven == digest,
            None => {
                let counting = self.counting(number);
                counting.len() == 1 && counting.contains(digest) && now >= self.since[digest] + WINDOW
            }
        }
    }

    fn apply(&mut self, Sent { by, act }: &Sent, now: usize) -> bool {
        let answers = |it: &Self, digest: &Bytes32, who: &EthAddress| {
            it.stance(digest, who) == Stance::Behind && matches!(it.standing(who), Standing::Bonded { .. })
        };
        match act {
            Act::Commit(number) if *number == self.committed.max(self.settled) + 1 => self.committed = *number,
            Act::Join if self.standing(by) == Standing::Stranger => {
                self.standing.insert(*by, Standing::Bonded { open: 0 });
            }
            Act::Claim(number, liar) => {
                let header = liar.map_or(truth(*number), |liar| lie(*number, liar));
                let digest = header.digest(&domain());
                let is_bonded = matches!(self.standing(by), Standing::Bonded { .. });
                let is_known = (self.settled + 1..=self.committed).contains(number);
                let is_first = !self.counting(*number).contains(&digest);
                let last = self.counting(*number).iter().map(|other| self.since[other]).max();
                let is_late = is_first && last.is_some_and(|since| now >= since + WINDOW);
                if !is_bonded
                    || !is_known
                    || is_late
                    || self.proven.contains_key(number)
                    || self.stance(&digest, by) != Stance::None
                {
                    return false;
                }
                if is_first {
                    self.since.insert(digest, now);
                }
                self.stances.insert((digest, *by), Stance::Behind);
                let word = |root: &Digest| Bytes32(root.to_be_bytes());
                let (parent_root, state_root) = (word(&header.parent_root), word(&header.state_root));
                self.claimed.push(Claimed { digest, proposer: *by, number: *number, parent_root, state_root });
            }
            Act::Prove(number) if !self.proven.contains_key(number) && *number > self.settled => {
                self.proven.insert(*number, truth(*number).digest(&domain()));
            }
            Act::Settle(number) if *number == self.settled + 1 => {
                let outcomes = [truth(*number), lie(*number, 0), lie(*number, 1)];
                let Some(found) = outcomes.iter().find(|it| self.accepts(*number, &it.digest(&domain()), now)) else {
                    return false;
                };
                self.settled = *number;
                self.roots.push(found.state_root);
            }
            Act::Eliminate(digest, who) => {
                // A reorganisation may have dropped it.
                let Some(claim) = self.claimed.iter().find(|claim| claim.digest == *digest) else { return false };
                let number = claim.number;
                if self.proven.get(&number).is_none_or(|proven| proven == digest) || !answers(self, digest, who) {
                    return false;
                }
                self.standing.insert(*who, Standing::Eliminated);
                self.owed += 1;
            }
            Act::Lift(digest, who) => {
                if self.standing(who) != Standing::Eliminated || self.stance(digest, who) != Stance::Behind {
                    return false;
                }
                self.stances.insert((*digest, *who), Stance::Lifted);
            }
            Act::Collect if self.owed > 0 => (self.paid, self.owed) = (self.paid + self.owed, 0),
            Act::Close(digest) if answers(self, digest, by) => {
                self.stances.insert((*digest, *by), Stance::Closed);
            }
            _ => return false,
        }
        true
    }
}

struct World {
    seed: u64,
    is_calm: bool,
    /// What the settler sent and is in no block: its outbox. It has nothing else that a crash could take.
    pool: Vec<Act>,
    blocks: Vec<Vec<Sent>>,
    /// How often the settler paid for each, and what a reorganisation or somebody else's step excuses.
    paid: BTreeMap<Act, u32>,
    excused: BTreeSet<Act>,
    lies: u64,
    contests: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let (blocks, pool) = (vec![Vec::new()], Vec::new());
        let (paid, excused) = (BTreeMap::new(), BTreeSet::new());
        Self { seed, is_calm: false, pool, blocks, paid, excused, lies: 0, contests: 0 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % bound
    }

    fn strikes(&mut self, per_thousand: u64) -> bool {
        self.below(1_000) < per_thousand && !self.is_calm
    }

    /// What L1 shows now: all of its blocks, one after the other.
    fn contract(&self) -> Contract {
        let mut contract = Contract::default();
        for (now, block) in self.blocks.iter().enumerate() {
            for sent in block {
                contract.apply(sent, now);
            }
        }
        contract
    }

    fn sight(&self, contract: &Contract, claiming: &Claiming, me: EthAddress) -> Sight {
        let (mut contests, mut stances) = (BTreeMap::new(), BTreeMap::new());
        for (number, claims) in claiming.questions(&contract.claimed) {
            contests.insert(number, contract.contest(number));
            for claim in claims {
                let stance = contract.stance(&claim.digest, &claim.proposer);
                stances.insert((claim.digest, claim.proposer), (stance, contract.standing(&claim.proposer)));
            }
        }
        let next = contract.settled + 1;
        let accepted = claiming.digest(next);
        let held = |claim: &&Claimed| {
            claim.proposer == me
                && claim.number <= contract.settled
                && contract.stance(&claim.digest, &me) == Stance::Behind
        };
        Sight {
            settled: contract.settled,
            committed: contract.committed.max(contract.settled),
            standing: contract.standing(&me),
            claimed: contract.claimed.clone(),
            contests,
            stances,
            is_accepted: accepted.is_some_and(|digest| contract.accepts(next, digest, self.blocks.len() - 1)),
            is_owed: contract.owed > 0,
            mine: contract.claimed.iter().filter(held).map(|claim| claim.digest).collect(),
        }
    }

    fn act(wish: Wish) -> Option<Act> {
        Some(match wish {
            Wish::Commit(number) => Act::Commit(number),
            Wish::Join => Act::Join,
            Wish::Claim(number) => Act::Claim(number, None),
            Wish::Prove(number) => Act::Prove(number),
            Wish::Settle(number) => Act::Settle(number),
            Wish::Eliminate(behind) => Act::Eliminate(behind.digest, behind.proposer),
            Wish::Lift(behind) => Act::Lift(behind.digest, behind.proposer),
            Wish::Collect => Act::Collect,
            Wish::Close(digest) => Act::Close(digest),
            Wish::Publish(_) => return None,
            Wish::Alarm { batch, why } => panic!("batch {batch}: {why}"),
        })
    }

    fn settle(&mut self) {
        let contract = self.contract();
        let settler = whole(OURS);
        let wishes = settler.due(&self.sight(&contract, &settler, OURS));
        for act in wishes.into_iter().filter_map(Self::act) {
            if matches!(act, Act::Prove(_)) {
                self.contests += 1;
            }
            if !self.pool.contains(&act) {
                *self.paid.entry(act.clone()).or_default() += 1;
                self.pool.push(act);
            }
        }
    }

    /// What others send in the next block.
    fn others(&mut self, contract: &Contract) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (liar, by) in LIARS.into_iter().enumerate() {
            if self.strikes(120) {
                sent.push(Sent { by, act: Act::Join });
                let number = contract.settled + 1 + self.below(3);
                sent.push(Sent { by, act: Act::Claim(number, Some(liar)) });
            }
        }
        // A watcher sees what is in blocks, and is never far.
        let watcher = whole(WATCHER);
        let wishes = watcher.contradictions(&self.sight(contract, &watcher, WATCHER));
        sent.extend(wishes.into_iter().filter_map(Self::act).map(|act| Sent { by: WATCHER, act }));
        sent
    }

    fn mine(&mut self) {
        let contract = self.contract();
        let mut block = self.others(&contract);
        let count = usize::try_from(1 + self.below(3)).unwrap().min(self.pool.len());
        block.extend(self.pool.drain(..count).map(|act| Sent { by: OURS, act }));
        self.blocks.push(Vec::new());
        let (mut state, now) = (contract, self.blocks.len() - 1);
        for sent in block {
            if state.apply(&sent, now) {
                self.lies += u64::from(matches!(sent.act, Act::Claim(_, Some(_))));
            } else if sent.by == OURS {
                // Estimated before it went; another came first.
                self.excused.insert(sent.act.clone());
            }
            self.blocks.last_mut().unwrap().push(sent);
        }
    }

    /// Drops some blocks. What was ours waits again, what was another's is gone.
    fn reorganise(&mut self) {
        for _ in 0..1 + self.below(3) {
            if self.blocks.len() < 3 {
                return;
            }
            let dropped = self.blocks.pop().unwrap();
            let ours: Vec<Act> = dropped.into_iter().filter(|sent| sent.by == OURS).map(|sent| sent.act).collect();
            self.excused.extend(ours.iter().cloned());
            self.pool.splice(0..0, ours);
        }
        // What waits may be due no more: it fails and is excused.
        self.excused.extend(self.pool.iter().cloned());
    }
}

fn whole(me: EthAddress) -> Claiming {
    let mut claiming = Claiming::new(domain(), me);
    (1..=BATCHES).for_each(|number| claiming.begin(truth(number)));
    claiming
}

#[test]
fn nothing_false_settles_liars_lose_their_bonds_and_nothing_is_paid_for_twice() {
    let (mut lies, mut contests, mut lost, mut calm) = (0, 0, 0, 0);
    for seed in 0..400 {
        let mut world = World::new(seed);
        world.is_calm = seed % 4 == 0;
        for round in 0.. {
            world.is_calm |= round > 60;
            world.settle();
            world.mine();
            if world.strikes(60) {
                world.reorganise();
            }
            let contract = world.contract();
            if contract.settled == BATCHES && world.pool.is_empty() && contract.owed == 0 {
                break;
            }
            assert!(round < 400, "seed {seed}: {} of {BATCHES} settle", contract.settled);
        }
        let contract = world.contract();
        assert_eq!(contract.roots, (1..=BATCHES).map(root).collect::<Vec<_>>(), "seed {seed}");
        for honest in [OURS, WATCHER] {
            assert_ne!(contract.standing(&honest), Standing::Eliminated, "seed {seed}");
        }
        for (act, times) in &world.paid {
            assert!(*times == 1 || *act == Act::Collect || world.excused.contains(act), "seed {seed}: {act:?} {times}");
        }
        if world.lies == 0 {
            calm += 1;
            assert!(contract.proven.is_empty() && world.contests == 0, "seed {seed}: nobody lies, nothing is proven");
        }
        let eliminated = LIARS.iter().filter(|liar| contract.standing(liar) == Standing::Eliminated).count();
        assert_eq!(contract.paid, u64::try_from(eliminated).unwrap(), "seed {seed}: each lost bond is collected");
        for (liar, by) in LIARS.iter().enumerate() {
            let is_wrong = |number: u64| {
                let digest = lie(number, liar).digest(&domain());
                contract.proven.contains_key(&number) && contract.stance(&digest, by) == Stance::Behind
            };
            let is_shown = (1..=BATCHES).any(is_wrong);
            assert!(!is_shown || contract.standing(by) == Standing::Eliminated, "seed {seed}: a liar keeps its bond");
        }
        (lies, contests, lost) = (lies + world.lies, contests + world.contests, lost + eliminated);
    }
    assert!(lies > 300 && contests > 300 && lost > 200 && calm > 90, "{lies} {contests} {lost} {calm}");
}

fn seen(contract: &Contract) -> Sight {
    World::new(0).sight(contract, &whole(OURS), OURS)
}

#[test]
fn a_batch_is_committed_to_then_claimed_and_settles_when_the_window_is_over() {
    let (claiming, mut contract) = (whole(OURS), Contract::default());
    assert_eq!(claiming.due(&seen(&contract)), [Wish::Publish(1), Wish::Commit(1)]);
    contract.apply(&Sent { by: OURS, act: Act::Commit(1) }, 0);
    assert_eq!(claiming.due(&seen(&contract)), [Wish::Join, Wish::Publish(2), Wish::Commit(2)]);
    contract.apply(&Sent { by: OURS, act: Act::Join }, 0);
    assert_eq!(claiming.due(&seen(&contract)), [Wish::Claim(1), Wish::Publish(2), Wish::Commit(2)]);
    contract.apply(&Sent { by: OURS, act: Act::Claim(1, None) }, 0);
    let sight = seen(&contract);
    assert_eq!(claiming.due(&sight), [Wish::Publish(2), Wish::Commit(2)]);
    let over = Sight { is_accepted: true, ..sight };
    assert_eq!(claiming.due(&over), [Wish::Publish(1), Wish::Settle(1), Wish::Publish(2), Wish::Commit(2)]);
}

#[test]
fn a_watcher_says_nothing_until_somebody_lies_and_lets_go_when_it_is_decided() {
    let (watcher, mut contract) = (whole(WATCHER), Contract::default());
    let see = |contract: &Contract| World::new(0).sight(contract, &whole(WATCHER), WATCHER);
    let apply = |contract: &mut Contract, by, act| assert!(contract.apply(&Sent { by, act }, 0));
    for act in [Act::Commit(1), Act::Join, Act::Claim(1, None)] {
        apply(&mut contract, OURS, act);
    }
    assert!(watcher.contradictions(&see(&contract)).is_empty());
    apply(&mut contract, LIARS[0], Act::Join);
    apply(&mut contract, LIARS[0], Act::Claim(1, Some(0)));
    assert_eq!(watcher.contradictions(&see(&contract)), [Wish::Join]);
    apply(&mut contract, WATCHER, Act::Join);
    assert_eq!(watcher.contradictions(&see(&contract)), [Wish::Claim(1)], "although the truth is claimed already");
    apply(&mut contract, WATCHER, Act::Claim(1, None));
    assert!(watcher.contradictions(&see(&contract)).is_empty());
    apply(&mut contract, OURS, Act::Prove(1));
    apply(&mut contract, OURS, Act::Settle(1));
    let digest = truth(1).digest(&domain());
    assert_eq!(watcher.contradictions(&see(&contract)), [Wish::Close(digest)]);
    apply(&mut contract, WATCHER, Act::Close(digest));
    assert!(watcher.contradictions(&see(&contract)).is_empty());
}

#[test]
fn a_claim_after_a_state_that_never_was_contradicts_nothing() {
    let claiming = whole(OURS);
    let digest = truth(2).digest(&domain());
    let claim = |digest, parent: u64| {
        let word = |n| Bytes32(root(n).to_be_bytes());
        Claimed { digest, proposer: LIARS[0], number: 2, parent_root: word(parent), state_root: word(7) }
    };
    assert!(claiming.questions(&[claim(Bytes32([7; 32]), 66)]).is_empty());
    assert!(claiming.questions(&[claim(digest, 1)]).is_empty(), "the truth");
    assert_eq!(claiming.questions(&[claim(Bytes32([7; 32]), 1)]).len(), 1);
}
