//! The transition against the circuit: whatever batch, both give the same roots and codes, and the rows hold.

use super::rows::{Rows, fault};
use super::tallies::{QUORUMS, QUORUMS_THERE, SUBJECTS, agreed, half, id, terms};
use super::transfers::{asset, key};
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::bridge::Withdraw;
use ledger::tally::{Endorsement, Half, Merge, Reclaim, Redeem, Resolve, Resolver, Split, outcome_digest};
use proof::committee::Committee;
use proof::validity::Outcome;
use prover::{Block, record};
use state::State;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use task::Parameters;
use transition::{Action, ChainConfig, Checked, Entry, Executed, L1Rules, Receipt, Reject, Status, Transaction};
use types::{AccountId, Amount, Bytes32, Digest, Encode as _, EthAddress, Millis, Ppm};

/// Seeds that are tried.
const SEEDS: u64 = 48;

/// Tries so many seeds, or those that `TALEA_BATCHES` says, on all cores, and returns what each gave. It says how many, or
/// from which one up to which, as in `5001..9000`.
pub fn tried<T: Send>(seeds: u64, attempt: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let asked = std::env::var("TALEA_BATCHES").unwrap_or(seeds.to_string());
    let (first, last) = asked.split_once("..").unwrap_or(("1", &asked));
    let [first, last]: [u64; 2] = [first, last].map(|seed| seed.parse().unwrap());
    let cores = std::thread::available_parallelism().unwrap().get();
    let next = AtomicU64::new(first);
    let work = || {
        let mut gave = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last {
                return gave;
            }
            if seed.is_multiple_of(1000) {
                println!("{seed} of {last}");
            }
            gave.push(attempt(seed));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

pub fn config() -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    ChainConfig {
        salt: Bytes32::ZERO,
        l1_chain_id: 1,
        committee: Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() },
        parameters: Parameters {
            coordinator: nobody,
            treasury: nobody,
            resolvers: Vec::new(),
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(0),
        },
        sequencer: key(0).public(),
        rules: L1Rules::default(),
    }
}

/// Numbers that look random, the same ones every time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Transfers, what is asked of tallies and who may act, among a dozen accounts, half of which have nothing yet: of nothing,
/// of little, of all, of too much, and of the most that an amount can be. Some act for others, and some nonces are wrong.
pub fn batch(numbers: &mut Numbers, nonces: &mut [u64; 12], chain: &Digest) -> Vec<Checked> {
    let count = 1 + numbers.below(24);
    (0..count)
        .filter_map(|_| {
            // The second account is the one that resolves.
            let from = u8::try_from(if numbers.below(3) == 0 { 1 } else { numbers.below(12) }).unwrap();
            let action = match numbers.below(6) {
                0 | 1 => transfer(numbers),
                2 => about_authority(numbers),
                _ => about_tally(numbers, chain),
            };
            let next = &mut nonces[usize::from(from)];
            let nonce = match numbers.below(12) {
                0 => *next + 1 + numbers.below(1 << 33),
                1 => next.saturating_sub(1),
                _ => *next,
            };
            let behalf = (numbers.below(2) == 0).then(|| some(numbers, 3));
            let tx = Transaction::sign_for(key(from), behalf, chain, nonce, action);
            // A word on another outcome makes it no transaction.
            let checked = match Transaction::check(&tx.to_bytes(), chain) {
                Err(Reject::BadEndorsement) => return None,
                checked => checked.unwrap(),
            };
            *next += u64::from(nonce == *next);
            Some(checked)
        })
        .collect()
}

fn some(numbers: &mut Numbers, of: u64) -> AccountId {
    key(u8::try_from(numbers.below(of)).unwrap()).account()
}

fn about_authority(numbers: &mut Numbers) -> Action {
    match numbers.below(7) {
        6 => {
            let (asset, recipient) = (half(numbers.below(SUBJECTS), Half::Foil), EthAddress([9; 20]));
            Action::Withdraw(Withdraw { asset, amount: Amount::new(numbers.below(4)).unwrap(), recipient })
        }
        0 => Action::Rekey(Rekey { to: some(numbers, 4) }),
        1 => Action::Revoke(Revoke { agent: some(numbers, 3) }),
        _ => Action::Authorise(Authorise { agent: some(numbers, 3), expires: Millis(numbers.below(12 << 32)) }),
    }
}

fn transfer(numbers: &mut Numbers) -> Action {
    let amount = match numbers.below(8) {
        0 => 0,
        1 => Amount::MAX.quanta(),
        2 => 100,
        3 => 101,
        _ => 1 + numbers.below(40),
    };
    let to = key(u8::try_from(numbers.below(12)).unwrap()).account();
    let tally = if numbers.below(4) == 0 { QUORUMS + numbers.below(QUORUMS_THERE) } else { numbers.below(SUBJECTS) };
    let asset = match numbers.below(4) {
        0 => half(tally, Half::Stock),
        1 => half(tally, Half::Foil),
        _ => asset(),
    };
    Action::Transfer(Transfer { to, asset, amount: Amount::new(amount).unwrap() })
}

/// The subject of a tally, of those that a quorum resolves less often.
fn subject(numbers: &mut Numbers) -> u64 {
    if numbers.below(4) == 0 { QUORUMS + numbers.below(QUORUMS_THERE + 1) } else { numbers.below(SUBJECTS + 2) }
}

/// Some words of members and others on an outcome, or on another one, seldom out of order.
fn endorsements(numbers: &mut Numbers, chain: &Digest, subject: u64, outcome: u64) -> Vec<Endorsement> {
    if subject < QUORUMS && numbers.below(8) != 0 {
        return Vec::new();
    }
    let said = if numbers.below(8) == 0 { outcome + 1 } else { outcome };
    let digest = outcome_digest(chain, id(subject), said);
    let mut signers: Vec<u8> = (0..3).filter(|_| numbers.below(4) != 0).collect();
    signers.extend((numbers.below(8) == 0).then_some(4));
    signers.sort_by_key(|number| key(*number).account());
    if numbers.below(8) == 0 {
        signers.reverse();
    }
    let endorse = |number: u8| {
        let key = key(number);
        Endorsement { resolver: key.identity(), signature: key.sign(&digest) }
    };
    signers.into_iter().map(endorse).collect()
}

fn about_tally(numbers: &mut Numbers, chain: &Digest) -> Action {
    let subject = subject(numbers);
    let tally = id(subject);
    let pairs = match numbers.below(8) {
        0 => 0,
        1 => Amount::MAX.quanta(),
        2 => 20,
        _ => 1 + numbers.below(8),
    };
    match numbers.below(5) {
        3 => {
            let outcome = numbers.below(10 << 33);
            let endorsements = endorsements(numbers, chain, subject, outcome);
            Action::Resolve(Resolve { tally, outcome, endorsements })
        }
        4 => Action::Reclaim(Reclaim { tally }),
        0 => split(numbers, Amount::new(pairs).unwrap()),
        1 => Action::Merge(Merge { tally, pairs: Amount::new(pairs).unwrap() }),
        _ => Action::Redeem(Redeem { tally }),
    }
}

/// A split under the terms of a tally that there is or may be, or under such that contradict themselves.
fn split(numbers: &mut Numbers, pairs: Amount) -> Action {
    let mut terms = terms(subject(numbers));
    match numbers.below(12) {
        0 => terms.cap = numbers.below(terms.cap),
        1 => terms.refund_after = Millis(numbers.below(1 << 33)),
        2 => terms.refund_stock = Ppm(numbers.below(2_000_000)),
        3 => terms.per_pair = Amount::new(numbers.below(1 << 62)).unwrap(),
        4 => terms.per_pair = Amount::ZERO,
        5 => {
            if let Resolver::Quorum(quorum) = &mut terms.resolver {
                quorum.threshold = u32::try_from(numbers.below(5)).unwrap();
            }
        }
        6 => {
            if let Resolver::Quorum(quorum) = &mut terms.resolver {
                quorum.members.swap(0, 2);
            }
        }
        _ => {}
    }
    let [stock, foil] = [0, 1].map(|_| key(u8::try_from(numbers.below(12)).unwrap()).account());
    Action::Split(Split { terms, pairs, stock, foil })
}

/// Returns what became of a block's entries.
pub fn codes_of(executed: &Executed) -> Vec<Outcome> {
    let outcome = |receipt: &Receipt| {
        let code = match receipt.status {
            Status::Applied(_) => 0,
            Status::Rejected(code) => code,
        };
        Outcome { id: receipt.id, code, time: executed.block.header.time }
    };
    executed.receipts.iter().map(outcome).collect()
}

#[test]
fn random_batches_are_executed_as_the_transition_does_and_can_be_proven() {
    let config = config();
    let chain = config.hash();
    let codes = tried(SEEDS, |seed| {
        let mut numbers = Numbers(seed);
        let (mut ours, mut theirs): (State, State) = (agreed(), agreed());
        let mut nonces = [0; 12];
        let batches = [0, 1].map(|_| batch(&mut numbers, &mut nonces, &chain));
        let mut time = 0;
        let times = [0, 1].map(|_| {
            time += numbers.below(6 << 32);
            Millis(time)
        });
        let blocks = [0, 1].map(|block| Block { time: times[block], transactions: &batches[block] });
        let recorded = record(&mut ours, &chain, &blocks).unwrap();
        let mut outcomes = Vec::new();
        let mut head = None;
        for Block { time, transactions } in blocks {
            let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
            let executed = transition::execute(&mut theirs, &config, head.as_ref(), entries, time);
            outcomes.extend(codes_of(&executed));
            head = Some(executed.block.header);
        }
        assert_eq!(recorded.outcomes, outcomes, "seed {seed}");
        assert_eq!(recorded.statement.state_root, theirs.root(), "seed {seed}");
        assert_eq!(ours.root(), theirs.root());
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "seed {seed}");
        outcomes.into_iter().map(|outcome| outcome.code).collect::<Vec<_>>()
    });
    let seen: BTreeSet<u32> = codes.into_iter().flatten().collect();
    assert!([0, 106, 107, 108, 302, 303].iter().all(|code| seen.contains(code)), "{seen:?}");
}
