//! Batches about tallies: what the transition gives is what is proven.

use super::rows::{Rows, fault};
use super::transfers::{asset, chain, funded, key};
use ledger::tally::{self, Half, Holders, Merge, Quorum, Reclaim, Redeem, Resolve, Resolver, Split, Terms};
use prover::{Block, Recorded, Unprovable, record};
use state::{Overlay, State};
use transition::{Action, Checked, Transaction};
use types::{AccountId, Amount, AssetId, Digest, Encode as _, Millis, Ppm, TallyId};

/// How many tallies there are at first.
pub const SUBJECTS: u64 = 9;
/// The subjects from which on a quorum resolves them, and how many of those there are at first.
pub const QUORUMS: u64 = 20;
pub const QUORUMS_THERE: u64 = 3;
/// The subjects of those that have an outcome: between floor and cap, at the floor, and above the cap.
const RESOLVED: [u64; 3] = [3, 6, 8];
/// The subject of one that was refunded.
const REFUNDED: u64 = 4;

/// The time of most blocks.
pub const NOW: Millis = Millis(5 << 32);

/// Terms by their subject: some are resolved by a rule, some by an account, some by a quorum of three accounts.
pub fn terms(subject: u64) -> Terms {
    let mut members: Vec<AccountId> = (0..3).map(|number| key(number).account()).collect();
    members.sort();
    let resolver = match subject {
        QUORUMS.. => Resolver::Quorum(Quorum { members, threshold: 2 }),
        _ if subject % 3 == 1 => Resolver::Rules(0),
        _ => Resolver::Account(key(1).account()),
    };
    let step = subject % QUORUMS;
    Terms {
        subject: Digest::new([subject, 0, 0, 7]).unwrap(),
        collateral: asset(),
        per_pair: Amount::new(1 + subject % 3).unwrap(),
        floor: step << 33 | 5,
        cap: (step + 1) << 33,
        resolver,
        resolve_after: Millis(step << 31),
        refund_after: Millis(step << 32),
        refund_stock: Ppm(step * 80_000),
    }
}

pub fn id(subject: u64) -> TallyId {
    terms(subject).id()
}

pub fn half(subject: u64, half: Half) -> AssetId {
    half.asset(id(subject))
}

/// A state in which the first accounts have pairs of each tally, of some only a half, and some tallies have ended.
pub fn agreed() -> State {
    let mut state = funded(6);
    let mut overlay = Overlay::new(&state);
    for subject in 0..SUBJECTS {
        for payer in 0..4 {
            let [payer, next] = [payer, payer + 1].map(|number| key(number).account());
            let foil = if matches!(subject, 5 | 8) { next } else { payer };
            let terms = terms(subject);
            // A tally that a rule resolves is split once.
            if matches!(terms.resolver, Resolver::Rules(_)) && payer != key(0).account() {
                continue;
            }
            let holders = Holders { payer, stock: payer, foil };
            tally::split(&mut overlay, &terms, 3, &holders).unwrap();
        }
    }
    for (subject, payer) in (QUORUMS..QUORUMS + QUORUMS_THERE).flat_map(|subject| [(subject, 2), (subject, 3)]) {
        let payer = key(payer).account();
        let holders = Holders { payer, stock: payer, foil: payer };
        tally::split(&mut overlay, &terms(subject), 2, &holders).unwrap();
    }
    let outcome = |subject: u64| match subject {
        3 => terms(subject).floor + 0xffff_ffff,
        6 => terms(subject).floor,
        _ => terms(subject).cap + 1,
    };
    for subject in RESOLVED {
        tally::resolve(&mut overlay, id(subject), outcome(subject), terms(subject).resolve_after).unwrap();
    }
    tally::refund(&mut overlay, id(REFUNDED), Millis(REFUNDED << 32)).unwrap();
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

fn signed(from: u8, nonce: u64, action: Action) -> Checked {
    let tx = Transaction::sign(key(from), &chain(), nonce, action);
    Transaction::check(&tx.to_bytes(), &chain()).unwrap()
}

fn merge(subject: u64, pairs: u64) -> Action {
    Action::Merge(Merge { tally: id(subject), pairs: Amount::new(pairs).unwrap() })
}

/// What is asked, and the code that it gives.
fn cases() -> Vec<(u8, Action, u32)> {
    let redeem = |subject: u64| Action::Redeem(Redeem { tally: id(subject) });
    vec![
        (3, merge(0, 2), 0),
        (3, merge(0, 2), 100),
        (3, merge(0, 1), 0),
        (3, merge(0, 0), 101),
        (3, merge(99, 1), 110),
        (3, merge(RESOLVED[0], 1), 113),
        (3, merge(2, Amount::MAX.quanta()), 102),
        (3, merge(2, 3), 0),
        // The first account has STOCK only, the fifth FOIL only.
        (0, merge(5, 1), 100),
        (4, merge(5, 1), 100),
        // The only pairs of a tally that a rule resolves: it is gone then.
        (0, merge(1, 2), 0),
        (0, merge(1, 1), 0),
        (0, merge(1, 1), 110),
        (0, merge(REFUNDED, 1), 113),
        (3, redeem(99), 110),
        (3, redeem(2), 114),
        (3, redeem(RESOLVED[0]), 0),
        (3, redeem(RESOLVED[0]), 116),
        (0, redeem(RESOLVED[0]), 0),
        (3, redeem(RESOLVED[1]), 0),
        (3, redeem(RESOLVED[2]), 0),
        (0, redeem(REFUNDED), 0),
        (5, redeem(REFUNDED), 116),
        (0, redeem(8), 0),
        (4, redeem(8), 0),
    ]
}

/// Splits, and the codes that they give.
fn splits() -> Vec<(u8, Action, u32)> {
    let split = |terms: &Terms, pairs: u64| {
        let [stock, foil] = [4, 5].map(|number| key(number).account());
        Action::Split(Split { terms: terms.clone(), pairs: Amount::new(pairs).unwrap(), stock, foil })
    };
    let new = terms(11);
    let changed = |change: &dyn Fn(&mut Terms)| {
        let mut terms = new.clone();
        change(&mut terms);
        terms
    };
    let largest = changed(&|terms| (terms.floor, terms.cap) = (u64::MAX - 1, u64::MAX));
    vec![
        (5, split(&new, 3), 0),
        (5, split(&new, 4), 0),
        (5, split(&terms(0), 1), 0),
        (5, split(&terms(RESOLVED[0]), 1), 113),
        (5, split(&new, 0), 101),
        (5, split(&changed(&|terms| terms.per_pair = Amount::ZERO), 7), 101),
        (5, split(&new, 1_000), 100),
        (5, split(&changed(&|terms| terms.per_pair = Amount::MAX), 1), 100),
        (5, split(&new, Amount::MAX.quanta()), 102),
        (5, split(&changed(&|terms| terms.per_pair = Amount::new(1 << 61).unwrap()), 2), 102),
        (5, split(&largest, 1), 0),
        (5, split(&changed(&|terms| terms.cap = terms.floor), 1), 112),
        (5, split(&changed(&|terms| terms.cap = terms.floor - 1), 1), 112),
        (5, split(&changed(&|terms| terms.refund_after = Millis(terms.resolve_after.0 - 1)), 1), 112),
        (5, split(&changed(&|terms| terms.refund_after = terms.resolve_after), 1), 0),
        (5, split(&changed(&|terms| terms.refund_stock = Ppm::ONE), 1), 0),
        (5, split(&changed(&|terms| terms.refund_stock = Ppm(1_000_001)), 1), 112),
        (5, split(&changed(&|terms| (terms.cap, terms.refund_stock) = (0, Ppm(u64::MAX))), Amount::MAX.quanta()), 112),
    ]
}

/// Resolutions and reclaims, and the codes that they give.
fn ends() -> Vec<(u8, Action, u32)> {
    let resolve = |tally: TallyId, outcome: u64| Action::Resolve(Resolve { tally, outcome, endorsements: Vec::new() });
    let reclaim = |tally: TallyId| Action::Reclaim(Reclaim { tally });
    // The second account is the resolver.
    vec![
        (1, resolve(id(99), 1), 110),
        (1, resolve(id(RESOLVED[0]), 1), 113),
        (2, resolve(id(0), 1), 117),
        (1, resolve(id(7), 1), 117),
        (1, resolve(id(11), u64::MAX), 115),
        (1, resolve(id(5), u64::MAX), 0),
        (1, resolve(id(5), 1), 113),
        (2, reclaim(id(99)), 110),
        (2, reclaim(id(REFUNDED)), 113),
        (2, reclaim(id(7)), 117),
        (2, reclaim(id(11)), 115),
        (2, reclaim(id(2)), 0),
        (1, resolve(id(2), 1), 113),
        (2, Action::Redeem(Redeem { tally: id(2) }), 0),
    ]
}

pub fn mixed() -> Vec<Checked> {
    let mut nonces = [3, 1, 2, 0, 0, 0];
    cases()
        .into_iter()
        .chain(splits())
        .chain(ends())
        .map(|(from, action, _)| {
            let nonce = &mut nonces[usize::from(from)];
            *nonce += 1;
            signed(from, *nonce - 1, action)
        })
        .collect()
}

/// Records a batch in which those transfers that [`super::transfers::mixed`] has come first, or none.
pub fn recorded(batch: &[Checked]) -> Recorded {
    let before = super::transfers::mixed();
    let all = if batch.len() > before.len() && batch[..before.len()] == before {
        batch.to_vec()
    } else {
        [&before, batch].concat()
    };
    let (first, second) = all.split_at(before.len());
    let blocks = [(Millis(0xffff_ffff), first), (NOW, second)];
    record(&mut agreed(), &chain(), &blocks.map(|(time, transactions)| Block { time, transactions })).unwrap()
}

#[test]
fn every_case_has_its_code_and_satisfies_the_tables() {
    let recorded = recorded(&mixed());
    let codes: Vec<u32> = recorded.outcomes.iter().skip(7).map(|outcome| outcome.code).collect();
    let expected: Vec<u32> = cases().into_iter().chain(splits()).chain(ends()).map(|(_, _, code)| code).collect();
    assert_eq!(codes, expected);
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

#[test]
fn time_that_goes_backwards_is_not_proven() {
    let [first, second] = [0, 1].map(|nonce| signed(0, nonce, merge(0, 1)));
    let at = |time: u64, tx| Block { time: Millis(time), transactions: std::slice::from_ref(tx) };
    let backwards = record(&mut agreed(), &chain(), &[at(2, &first), at(1, &second)]);
    assert_eq!(backwards.err(), Some(Unprovable::Time(Millis(1))));
    assert!(record(&mut agreed(), &chain(), &[at(2, &first), at(2, &second)]).is_ok());
}
