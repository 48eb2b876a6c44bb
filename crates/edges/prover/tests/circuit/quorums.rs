//! What tests ask for of tallies that a quorum resolves, and the state that they begin with. The unit tests of the crate
//! read it, too.

use super::work::{NOW, asset, begun, key};
use ledger::tally::{
    self, Endorsement, Holders, Merge, Quorum, Reclaim, Redeem, Resolve, Resolver, Split, Terms, outcome_digest,
};
use state::{Overlay, State};
use transition::Action;
use types::{AccountId, Amount, Digest, Millis, Ppm, TallyId};

/// What most resolutions say.
const OUTCOME: u64 = (1 << 32) + 7;

/// The members of most quorums: the first three accounts, two of whom must sign.
pub fn quorum(numbers: impl IntoIterator<Item = u8>, threshold: u32) -> Resolver {
    let mut members: Vec<AccountId> = numbers.into_iter().map(|number| key(number).account()).collect();
    members.sort();
    Resolver::Quorum(Quorum { members, threshold })
}

/// Terms by their subject: the eighth are resolved by an account, the ninth by a rule, the others by a quorum.
pub fn terms(subject: u64) -> Terms {
    let resolver = match subject {
        8 => Resolver::Account(key(1).account()),
        9 => Resolver::Rules(0),
        _ => quorum(0..3, 2),
    };
    let late = if subject == 1 { NOW.0 + 1 } else { NOW.0 - 1 };
    Terms {
        subject: Digest::new([subject, 0, 0, 8]).unwrap(),
        collateral: asset(),
        per_pair: Amount::new(3).unwrap(),
        floor: (1 << 32) + 5,
        cap: 2 << 32,
        resolver,
        resolve_after: Millis(late),
        refund_after: Millis(late),
        refund_stock: Ppm(400_000),
    }
}

fn id(subject: u64) -> TallyId {
    terms(subject).id()
}

/// A state in which the first account has three pairs of each tally, and the second has a STOCK of the first and the third
/// account a FOIL; the fourth to the seventh have ended.
pub fn agreed() -> State {
    let mut state = begun();
    let mut overlay = Overlay::new(&state);
    let [own, stock, foil] = [0, 1, 2].map(|number| key(number).account());
    for subject in 0..10 {
        tally::split(&mut overlay, &terms(subject), 3, &Holders { payer: own, stock: own, foil: own }).unwrap();
    }
    tally::split(&mut overlay, &terms(0), 1, &Holders { payer: own, stock, foil }).unwrap();
    for (subject, outcome) in [(3, 2 << 32), (4, 1 << 32), (5, (1 << 32) + 0xf000_0000)] {
        tally::resolve(&mut overlay, id(subject), outcome, NOW).unwrap();
    }
    tally::refund(&mut overlay, id(6), NOW).unwrap();
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

fn endorse(chain: &Digest, number: u8, tally: TallyId, outcome: u64) -> Endorsement {
    let signature = key(number).sign(&outcome_digest(chain, tally, outcome));
    Endorsement { resolver: key(number).identity(), signature }
}

/// Brings these accounts' words in the order of their accounts.
pub fn endorsed(chain: &Digest, signers: &[u8], subject: u64, outcome: u64) -> Resolve {
    let mut signers = signers.to_vec();
    signers.sort_by_key(|number| key(*number).account());
    let endorsements = signers.into_iter().map(|number| endorse(chain, number, id(subject), outcome)).collect();
    Resolve { tally: id(subject), outcome, endorsements }
}

fn changed(chain: &Digest, change: &dyn Fn(&mut Vec<Endorsement>)) -> Action {
    let mut asked = endorsed(chain, &[0, 1, 2], 0, OUTCOME);
    change(&mut asked.endorsements);
    Action::Resolve(asked)
}

/// Resolutions with words that were given elsewhere, of something else, or by another key: no transactions.
pub fn unsigned(chain: &Digest) -> Vec<Action> {
    let elsewhere = Digest::new([1, 1, 1, 1]).unwrap();
    let other = |number: u8, chain: &Digest, outcome: u64| {
        let said = endorse(chain, number, id(0), outcome);
        move |all: &mut Vec<Endorsement>| {
            all.iter_mut().filter(|of| of.resolver == said.resolver).for_each(|of| *of = said.clone());
        }
    };
    vec![
        changed(chain, &other(0, &elsewhere, OUTCOME)),
        changed(chain, &other(1, chain, OUTCOME + 1)),
        changed(chain, &|all| all[2].signature = all[1].signature),
        changed(chain, &|all| all[1].resolver.key.scheme = 1),
    ]
}

/// Resolutions, and the codes that they have.
fn resolutions(chain: &Digest) -> Vec<(u8, Action, u32)> {
    let by = |signers: &[u8], subject: u64| Action::Resolve(endorsed(chain, signers, subject, OUTCOME));
    vec![
        (3, by(&[0, 1], 99), 110),
        (3, by(&[0, 1], 3), 113),
        (3, by(&[], 3), 113),
        (1, by(&[1], 8), 117),
        (1, by(&[0, 1], 9), 117),
        (3, by(&[], 0), 117),
        (3, by(&[2], 0), 117),
        // The same word twice, another order, and somebody else's.
        (3, changed(chain, &|all| all[1] = all[0].clone()), 117),
        (3, changed(chain, &|all| all.swap(1, 2)), 117),
        (3, by(&[0, 5], 0), 117),
        (3, by(&[5, 0, 1, 2], 0), 117),
        (3, by(&[0, 1], 1), 115),
        (3, by(&[0, 1], 0), 0),
        (3, by(&[0, 1], 0), 113),
        (0, Action::Resolve(endorsed(chain, &[0, 1, 2], 2, u64::MAX)), 0),
        (0, Action::Redeem(Redeem { tally: id(2) }), 0),
    ]
}

/// What holders ask for, and the codes that they have.
fn movements() -> Vec<(u8, Action, u32)> {
    let redeem = |subject: u64| Action::Redeem(Redeem { tally: id(subject) });
    let reclaim = |subject: u64| Action::Reclaim(Reclaim { tally: id(subject) });
    let merge =
        |subject: u64, pairs: u64| Action::Merge(Merge { tally: id(subject), pairs: Amount::new(pairs).unwrap() });
    vec![
        (0, merge(99, 1), 110),
        (0, merge(0, 0), 101),
        (0, merge(4, 1), 113),
        (0, merge(0, Amount::MAX.quanta()), 102),
        (0, merge(0, 4), 100),
        // One has a STOCK only, another a FOIL only.
        (1, merge(0, 1), 100),
        (2, merge(0, 1), 100),
        (0, merge(0, 1), 0),
        (0, merge(7, 3), 0),
        (0, merge(7, 1), 110),
        (0, redeem(99), 110),
        (0, redeem(0), 114),
        (1, redeem(3), 116),
        (0, redeem(3), 0),
        (0, redeem(3), 116),
        (0, redeem(4), 0),
        (0, redeem(5), 0),
        (0, redeem(6), 0),
        (3, reclaim(99), 110),
        (3, reclaim(3), 113),
        (3, reclaim(1), 115),
    ]
}

/// Splits, and the codes that they have.
fn splits() -> Vec<(u8, Action, u32)> {
    let split = |terms: Terms, pairs: u64| {
        let [stock, foil] = [4, 5].map(|number| key(number).account());
        Action::Split(Split { terms, pairs: Amount::new(pairs).unwrap(), stock, foil })
    };
    let changed = |change: &dyn Fn(&mut Terms)| {
        let mut terms = terms(20);
        change(&mut terms);
        terms
    };
    let bad = |change: &dyn Fn(&mut Terms)| (5, split(changed(change), 1), 112);
    let members = |change: &dyn Fn(&mut Vec<AccountId>)| {
        changed(&|terms| {
            if let Resolver::Quorum(quorum) = &mut terms.resolver {
                change(&mut quorum.members);
            }
        })
    };
    let alike = |last: u64| AccountId(Digest::new([1, 2, last, 4]).unwrap());
    vec![
        bad(&|terms| terms.resolver = Resolver::Rules(0)),
        bad(&|terms| terms.floor = terms.cap),
        bad(&|terms| terms.refund_after = Millis(terms.resolve_after.0 - 1)),
        bad(&|terms| terms.refund_stock = Ppm(1_000_001)),
        bad(&|terms| terms.resolver = quorum(0..25, 17)),
        bad(&|terms| terms.resolver = quorum([0, 1], 1)),
        bad(&|terms| terms.resolver = quorum([], 0)),
        bad(&|terms| terms.resolver = quorum(0..3, 4)),
        bad(&|terms| terms.resolver = quorum(0..5, 3)),
        (5, split(members(&|all| all.swap(0, 1)), 1), 112),
        (5, split(members(&|all| all[2] = all[1]), 1), 112),
        (5, split(members(&|all| *all = vec![alike(9), alike(3)]), 1), 112),
        (5, split(members(&|all| *all = vec![alike(3), alike(u64::from(u32::MAX) << 32)]), 1), 0),
        (5, split(changed(&|terms| terms.resolver = quorum(0..24, 16)), 1), 0),
        (5, split(terms(3), 1), 113),
        (5, split(terms(20), Amount::MAX.quanta()), 102),
        (5, split(terms(20), 0), 101),
        (5, split(terms(20), 33), 100),
        (5, split(terms(20), 2), 0),
        (5, split(terms(20), 1), 0),
        (5, split(terms(0), 1), 0),
    ]
}

/// Who asks for what on a chain, and the code that it has.
pub fn cases(chain: &Digest) -> Vec<(u8, Action, u32)> {
    let tail = vec![
        (3, Action::Reclaim(Reclaim { tally: id(20) }), 0),
        (4, Action::Redeem(Redeem { tally: id(20) }), 0),
        (3, Action::Reclaim(Reclaim { tally: id(20) }), 113),
    ];
    [movements(), splits(), resolutions(chain), tail].concat()
}
