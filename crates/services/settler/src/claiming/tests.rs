//! Batches that settle by claims against a naive contract: through liars and reorganisations.

use super::*;
use l1::claims::doubt_of;
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
    /// The truth about a batch is doubted.
    Doubt(u64),
    Retract(u64),
    Burn,
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
    /// Lost bonds of which something is to be burnt, and how often that was done.
    burning: u64,
    burnt: u64,
}

fn word(root: &Digest) -> Bytes32 {
    Bytes32(root.to_be_bytes())
}

/// That somebody claims this, or doubts it.
fn claimed(header: &BatchHeader, proposer: EthAddress, is_doubt: bool) -> Claimed {
    let digest = header.digest(&domain());
    let rest = l1::claims::Rest {
        config_hash: word(&header.config_hash),
        inbox_count: header.inbox_count,
        inbox_hash: header.inbox_hash,
        withdrawals_root: header.withdrawals_root,
        data_root: header.data_root,
        diff_hash: header.diff_hash,
    };
    let (parent_root, state_root) = (word(&header.parent_root), word(&header.state_root));
    let (digest, doubts) = if is_doubt { (doubt_of(&digest), Some(digest)) } else { (digest, None) };
    Claimed { digest, proposer, doubts, number: header.number, parent_root, state_root, rest }
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
        let counts = |claim: &&Claimed| {
            let stands = self.stance(&claim.digest, &claim.proposer) == Stance::Behind;
            claim.number == number && claim.doubts.is_none() && stands
        };
        self.claimed.iter().filter(counts).map(|claim| claim.digest).collect()
    }

    fn contest(&self, number: u64) -> Contest {
        let counting = self.counting(number);
        let claims = u32::try_from(counting.len()).unwrap();
        let since = counting.iter().map(|digest| self.since[digest]).max().unwrap_or(0);
        Contest { proven: self.proven.get(&number).copied(), since: u64::try_from(since).unwrap(), claims }
    }

    /// Says whether somebody doubts the truth about a batch.
    fn is_doubted(&self, number: u64) -> bool {
        let doubt = doubt_of(&truth(number).digest(&domain()));
        self.stances.iter().any(|((digest, _), stance)| *digest == doubt && *stance == Stance::Behind)
    }

    /// Says whether a claim about a batch can still be contradicted.
    fn is_open(&self, number: u64, now: usize) -> bool {
        u64::try_from(now).unwrap() < self.contest(number).since + u64::try_from(WINDOW).unwrap()
    }

    fn accepts(&self, number: u64, digest: &Bytes32, now: usize) -> bool {
        match self.proven.get(&number) {
            Some(proven) => proven == digest,
            None => {
                let counting = self.counting(number);
                let is_alone = counting.len() == 1 && counting.contains(digest);
                let is_doubted = *digest == truth(number).digest(&domain()) && self.is_doubted(number);
                is_alone && !is_doubted && now >= self.since[digest] + WINDOW
            }
        }
    }

    fn apply(&mut self, Sent { by, act }: &Sent, now: usize) -> bool {
        match act {
            Act::Commit(number) if *number == self.committed.max(self.settled) + 1 => self.committed = *number,
            Act::Join if self.standing(by) == Standing::Stranger => {
                self.standing.insert(*by, Standing::Bonded { open: 0 });
            }
            Act::Claim(number, liar) => return self.claim(by, *number, *liar, now),
            Act::Doubt(number) => return self.doubt(by, *number, now),
            Act::Retract(number) => {
                let doubt = doubt_of(&truth(*number).digest(&domain()));
                let is_open = !self.proven.contains_key(number) && self.is_open(*number, now);
                if !is_open || !self.answers(&doubt, by) {
                    return false;
                }
                self.stances.insert((doubt, *by), Stance::Closed);
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
            Act::Eliminate(digest, who) => return self.eliminate(digest, who),
            Act::Lift(digest, who) => {
                if self.standing(who) != Standing::Eliminated || self.stance(digest, who) != Stance::Behind {
                    return false;
                }
                self.stances.insert((*digest, *who), Stance::Lifted);
            }
            Act::Collect if self.owed > 0 => (self.paid, self.owed) = (self.paid + self.owed, 0),
            Act::Burn if self.burning > 0 => (self.burnt, self.burning) = (self.burnt + self.burning, 0),
            Act::Close(digest) if self.answers(digest, by) => {
                self.stances.insert((*digest, *by), Stance::Closed);
            }
            _ => return false,
        }
        true
    }

    /// Whether somebody's bond answers for a digest.
    fn answers(&self, digest: &Bytes32, who: &EthAddress) -> bool {
        self.stance(digest, who) == Stance::Behind && matches!(self.standing(who), Standing::Bonded { .. })
    }

    fn claim(&mut self, by: &EthAddress, number: u64, liar: Option<usize>, now: usize) -> bool {
        let header = liar.map_or(truth(number), |liar| lie(number, liar));
        let digest = header.digest(&domain());
        let is_bonded = matches!(self.standing(by), Standing::Bonded { .. });
        let is_known = (self.settled + 1..=self.committed).contains(&number);
        let is_first = !self.counting(number).contains(&digest);
        let last = self.counting(number).iter().map(|other| self.since[other]).max();
        let is_late = is_first && last.is_some_and(|since| now >= since + WINDOW);
        if !is_bonded
            || !is_known
            || is_late
            || self.proven.contains_key(&number)
            || self.stance(&digest, by) != Stance::None
        {
            return false;
        }
        if is_first {
            self.since.insert(digest, now);
        }
        self.stances.insert((digest, *by), Stance::Behind);
        self.claimed.push(claimed(&header, *by, false));
        true
    }

    fn doubt(&mut self, by: &EthAddress, number: u64, now: usize) -> bool {
        let made = claimed(&truth(number), *by, true);
        let is_claimed = made.doubts.is_some_and(|digest| self.counting(number).contains(&digest));
        let is_bonded = matches!(self.standing(by), Standing::Bonded { .. });
        let is_new = self.stance(&made.digest, by) == Stance::None;
        let is_open = number > self.settled && !self.proven.contains_key(&number) && self.is_open(number, now);
        if !(is_claimed && is_bonded && is_new && is_open) {
            return false;
        }
        self.stances.insert((made.digest, *by), Stance::Behind);
        self.claimed.push(made);
        true
    }

    fn eliminate(&mut self, digest: &Bytes32, who: &EthAddress) -> bool {
        // A reorganisation may have dropped it.
        let Some(claim) = self.claimed.iter().find(|claim| claim.digest == *digest) else { return false };
        let (number, is_doubt) = (claim.number, claim.doubts.is_some());
        let is_wrong = |proven: &Bytes32| claim.doubts.map_or(proven != digest, |doubted| doubted == *proven);
        if !self.proven.get(&number).is_some_and(is_wrong) || !self.answers(digest, who) {
            return false;
        }
        self.standing.insert(*who, Standing::Eliminated);
        // Nobody earns by a lost doubt.
        self.owed += u64::from(!is_doubt);
        self.burning += 1;
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
    doubts: u64,
    contests: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let (blocks, pool) = (vec![Vec::new()], Vec::new());
        let (paid, excused) = (BTreeMap::new(), BTreeSet::new());
        Self { seed, is_calm: false, pool, blocks, paid, excused, lies: 0, doubts: 0, contests: 0 }
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
            is_burnt: contract.burning > 0,
            now_s: u64::try_from(self.blocks.len() - 1).unwrap(),
            window_s: u64::try_from(WINDOW).unwrap(),
            unseen: Vec::new(),
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
            Wish::Burn => Act::Burn,
            Wish::Close(digest) => Act::Close(digest),
            Wish::Publish(_) => return None,
            Wish::Doubt(_) | Wish::Retract(_) => panic!("who has every batch doubts nothing"),
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
        for by in LIARS {
            if self.strikes(60) {
                let number = contract.settled + 1 + self.below(2);
                sent.push(Sent { by, act: Act::Join });
                sent.push(Sent { by, act: Act::Doubt(number) });
            }
            if self.strikes(60) {
                sent.push(Sent { by, act: Act::Retract(contract.settled + 1) });
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
                self.lies += u64::from(matches!(sent.act, Act::Claim(_, Some(_)) | Act::Doubt(_)));
                self.doubts += u64::from(matches!(sent.act, Act::Doubt(_)));
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
    let (mut lies, mut doubts, mut contests, mut lost, mut calm) = (0, 0, 0, 0, 0);
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
            if contract.settled == BATCHES && world.pool.is_empty() && contract.owed + contract.burning == 0 {
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
            let is_repeated = matches!(act, Act::Collect | Act::Burn);
            assert!(*times == 1 || is_repeated || world.excused.contains(act), "seed {seed}: {act:?} {times}");
        }
        if world.lies == 0 {
            calm += 1;
            assert!(contract.proven.is_empty() && world.contests == 0, "seed {seed}: nobody lies, nothing is proven");
        }
        let eliminated = LIARS.iter().filter(|liar| contract.standing(liar) == Standing::Eliminated).count();
        assert_eq!(
            contract.burnt,
            u64::try_from(eliminated).unwrap(),
            "seed {seed}: of each lost bond something is burnt"
        );
        assert!(contract.paid <= contract.burnt && contract.owed == 0, "seed {seed}: every reward is collected");
        for (liar, by) in LIARS.iter().enumerate() {
            let is_wrong = |number: u64| {
                let digest = lie(number, liar).digest(&domain());
                contract.proven.contains_key(&number) && contract.stance(&digest, by) == Stance::Behind
            };
            let is_shown = (1..=BATCHES).any(is_wrong);
            assert!(!is_shown || contract.standing(by) == Standing::Eliminated, "seed {seed}: a liar keeps its bond");
        }
        (lies, contests, lost) = (lies + world.lies, contests + world.contests, lost + eliminated);
        doubts += world.doubts;
    }
    assert!(lies > 300 && contests > 300 && lost > 200 && calm > 90, "{lies} {contests} {lost} {calm}");
    assert!(doubts > 50, "{doubts}");
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
    let claim = |digest, parent: u64| Claimed {
        digest,
        parent_root: word(&root(parent)),
        state_root: word(&root(7)),
        ..claimed(&truth(2), LIARS[0], false)
    };
    assert!(claiming.questions(&[claim(Bytes32([7; 32]), 66)]).is_empty());
    assert!(claiming.questions(&[claim(digest, 1)]).is_empty(), "the truth");
    assert_eq!(claiming.questions(&[claim(Bytes32([7; 32]), 1)]).len(), 1);
}

#[test]
fn a_doubted_claim_is_proven_when_it_can_be_retracted_no_more() {
    let (claiming, mut world) = (whole(OURS), World::new(0));
    let sent = |by, act| Sent { by, act };
    let join = [OURS, LIARS[0]].map(|by| sent(by, Act::Join));
    world.blocks[0].extend(join);
    world.blocks[0].extend([
        sent(OURS, Act::Commit(1)),
        sent(OURS, Act::Claim(1, None)),
        sent(LIARS[0], Act::Doubt(1)),
    ]);
    let due = |world: &World| claiming.due(&world.sight(&world.contract(), &claiming, OURS));
    while world.blocks.len() <= WINDOW {
        assert!(!due(&world).contains(&Wish::Prove(1)), "it may be taken back yet");
        world.blocks.push(Vec::new());
    }
    assert!(due(&world).contains(&Wish::Prove(1)) && !due(&world).contains(&Wish::Settle(1)));
    world.blocks[WINDOW].push(sent(OURS, Act::Prove(1)));
    let doubt = Behind { digest: doubt_of(&truth(1).digest(&domain())), proposer: LIARS[0] };
    assert!(due(&world).contains(&Wish::Eliminate(doubt)) && due(&world).contains(&Wish::Settle(1)));
}

/// What somebody sees who was shown one batch and no other.
fn half_blind(claims: Vec<Claimed>, now_s: u64, standing: Standing) -> Sight {
    let stance = |claim: &Claimed| ((claim.digest, claim.proposer), (Stance::Behind, Standing::Bonded { open: 1 }));
    let stances = claims.iter().map(stance).collect();
    let contest = Contest { proven: None, since: 100, claims: 1 };
    let unseen = |claim: &Claimed| Unseen { claim: *claim, contest, is_doubted: false };
    let not_shown = claims.iter().filter(|claim| claim.number > 1 && claim.doubts.is_none());
    let unseen = not_shown.map(unseen).collect();
    let sight = seen(&Contract::default());
    Sight {
        standing,
        stances,
        unseen,
        now_s,
        window_s: 40,
        contests: BTreeMap::from([(1, contest)]),
        claimed: claims,
        ..sight
    }
}

#[test]
fn what_is_claimed_of_a_batch_that_is_not_shown_is_doubted_before_its_window_ends() {
    let mut watcher = Claiming::new(domain(), WATCHER);
    watcher.begin(truth(1));
    let lie = claimed(&lie(2, 0), LIARS[0], false);
    let doubts = |now_s, standing| watcher.doubts(&half_blind(vec![lie], now_s, standing));
    let bonded = Standing::Bonded { open: 0 };
    assert!(doubts(129, bonded).is_empty(), "there is time left to be shown it");
    assert_eq!(doubts(130, Standing::Stranger), [Wish::Join]);
    assert_eq!(doubts(139, bonded), [Wish::Doubt(Box::new(lie))]);
    assert!(doubts(140, bonded).is_empty(), "too late");
    let mut sight = half_blind(vec![lie], 139, bonded);
    sight.unseen[0].is_doubted = true;
    assert!(watcher.doubts(&sight).is_empty(), "once");
}

#[test]
fn a_lie_whose_maker_lost_the_bond_elsewhere_is_taken_away_by_whoever_watches() {
    let watcher = whole(WATCHER);
    let lies = [claimed(&lie(1, 0), LIARS[0], false), claimed(&lie(2, 0), LIARS[0], false)];
    let mut sight = half_blind(lies.to_vec(), 139, Standing::Bonded { open: 0 });
    sight.stances.values_mut().for_each(|(_, standing)| *standing = Standing::Eliminated);
    let behind = |lie: &Claimed| Wish::Lift(Behind { digest: lie.digest, proposer: lie.proposer });
    sight.unseen.clear();
    assert_eq!(watcher.contradictions(&sight), [behind(&lies[0])], "the other's contest was not asked for");
    let mut blind = half_blind(lies.to_vec(), 139, Standing::Bonded { open: 0 });
    blind.stances = sight.stances;
    assert_eq!(watcher.doubts(&blind), [behind(&lies[1])], "what is not shown, too");
}

#[test]
fn a_doubt_of_what_turns_out_to_be_true_is_retracted_while_that_is_possible() {
    let mut watcher = Claiming::new(domain(), WATCHER);
    watcher.begin(truth(1));
    let (mine, wrong) = (claimed(&truth(1), WATCHER, true), claimed(&lie(1, 0), WATCHER, true));
    let retracted = |now_s| watcher.doubts(&half_blind(vec![mine, wrong], now_s, Standing::Bonded { open: 1 }));
    assert_eq!(retracted(139), [Wish::Retract(truth(1).digest(&domain()))], "the other is of a lie");
    assert!(retracted(140).is_empty());
}

#[test]
fn only_what_can_come_to_settle_is_doubted() {
    let after = |number, parent: u64, state: u64| {
        let header = BatchHeader { parent_root: root(parent), state_root: root(state), ..truth(number) };
        claimed(&header, LIARS[0], false)
    };
    // Two claims about the third batch, one after each of them, and one after a state that nobody claims.
    let all = [after(2, 1, 2), after(3, 2, 3), after(3, 2, 33), after(4, 33, 44), after(4, 77, 7), after(6, 44, 6)];
    let numbers = |settled: u64, last| {
        let known = |number: u64| (number == 2).then(|| word(&root(2)));
        let found = doubt::reachable(&all, settled..=last, word(&root(settled - 1)), known);
        found.into_iter().map(|claim| (claim.number, claim.state_root)).collect::<Vec<_>>()
    };
    let expected = [(3, 3), (3, 33), (4, 44)].map(|(number, state)| (number, word(&root(state))));
    assert_eq!(numbers(2, 6), expected);
    assert_eq!(numbers(2, 3), expected[..2]);
}
