//! Batches of those who act for others: what the transition gives is what is proven.

use super::random::config;
use super::rows::{Rows, fault};
use super::tallies::{NOW, agreed, id, terms};
use super::transfers::{asset, key};
use ledger::account::{Account, AccountRecord, Transfer};
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::bridge::Withdraw;
use ledger::tally::{Merge, Redeem, Resolve, Resolver, Split};
use p3_field::{Field as _, PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::{Authority, Bus, F, Grant, Signed, Table, Tally};
use proof::validity::verify;
use prover::{Block, Recorded, prove, record};
use state::{Overlay, State};
use task::Retire;
use transition::{Action, Checked, Entry, Status, Transaction};
use types::{AccountId, Amount, Encode as _, EthAddress, Millis};

/// The time of the first block.
const EARLY: Millis = Millis(0xffff_ffff);
/// The nonce of an account whose next one's low half begins anew.
const LARGE: u64 = 0xffff_ffff;
/// The account that has it.
const FREQUENT: u8 = 8;

/// A transaction: who signs, for whom, with a nonce or the next one, what it asks, and the code that it gives.
struct Case {
    from: u8,
    behalf: Option<u8>,
    nonce: Option<u64>,
    action: Action,
    code: u32,
}

fn account(number: u8) -> AccountId {
    key(number).account()
}

fn own(from: u8, action: Action, code: u32) -> Case {
    Case { from, behalf: None, nonce: None, action, code }
}

fn acting(from: u8, behalf: u8, action: Action, code: u32) -> Case {
    Case { from, behalf: Some(behalf), nonce: None, action, code }
}

fn numbered(from: u8, nonce: u64, action: Action, code: u32) -> Case {
    Case { from, behalf: None, nonce: Some(nonce), action, code }
}

fn transfer(amount: u64) -> Action {
    Action::Transfer(Transfer { to: account(7), asset: asset(), amount: Amount::new(amount).unwrap() })
}

fn withdraw(amount: u64) -> Action {
    let recipient = EthAddress([7; 20]);
    Action::Withdraw(Withdraw { asset: asset(), amount: Amount::new(amount).unwrap(), recipient })
}

fn rekey(to: u8) -> Action {
    Action::Rekey(Rekey { to: account(to) })
}

fn authorise(agent: u8, expires: u64) -> Action {
    Action::Authorise(Authorise { agent: account(agent), expires: Millis(expires) })
}

fn revoke(agent: u8) -> Action {
    Action::Revoke(Revoke { agent: account(agent) })
}

fn merge(subject: u64) -> Action {
    Action::Merge(Merge { tally: id(subject), pairs: Amount::new(1).unwrap() })
}

fn split(subject: u64, [stock, foil]: [u8; 2]) -> Action {
    let terms = terms(subject);
    Action::Split(Split { terms, pairs: Amount::new(1).unwrap(), stock: account(stock), foil: account(foil) })
}

fn resolve(subject: u64) -> Action {
    Action::Resolve(Resolve { tally: id(subject), outcome: 7, endorsements: Vec::new() })
}

fn retire() -> Action {
    Action::Retire(Retire {})
}

/// Sessions, what they are too narrow for, and how they end.
fn sessions() -> Vec<Case> {
    let mut bad = terms(0);
    bad.cap = bad.floor;
    let pairs = Amount::new(1).unwrap();
    let contradictory =
        |holder: u8| Action::Split(Split { terms: bad.clone(), pairs, stock: account(holder), foil: account(holder) });
    vec![
        acting(1, 0, merge(0), 106),
        own(0, authorise(1, EARLY.0 + 1), 0),
        own(0, authorise(1, NOW.0 - 1), 0),
        own(0, authorise(2, EARLY.0), 107),
        own(0, authorise(2, 0), 107),
        acting(2, 0, merge(0), 106),
        acting(1, 0, merge(0), 0),
        acting(1, 0, merge(99), 110),
        acting(1, 0, transfer(1), 108),
        acting(1, 0, transfer(0), 108),
        acting(1, 0, transfer(1_000), 108),
        acting(1, 0, withdraw(1), 108),
        acting(1, 0, withdraw(0), 108),
        acting(1, 0, rekey(1), 108),
        acting(1, 0, rekey(0), 108),
        acting(1, 0, authorise(3, NOW.0), 108),
        acting(1, 0, authorise(3, 0), 108),
        acting(1, 0, revoke(1), 108),
        acting(1, 0, split(0, [0, 0]), 0),
        acting(1, 0, split(0, [1, 0]), 108),
        acting(1, 0, split(0, [0, 1]), 108),
        acting(1, 0, split(0, [1, 2]), 108),
        acting(1, 0, contradictory(1), 108),
        acting(1, 0, contradictory(0), 112),
        acting(1, 0, Action::Redeem(Redeem { tally: id(3) }), 0),
        // A session is for one account, not for the agent's own, nor for those that it acts for.
        acting(0, 1, merge(0), 106),
        acting(2, 1, transfer(1), 106),
        acting(9, 10, retire(), 106),
        own(0, revoke(2), 106),
        own(0, revoke(1), 0),
        own(0, revoke(1), 106),
        acting(1, 0, merge(0), 106),
        // Whoever resolves has somebody resolve: the time is asked for twice.
        own(1, authorise(6, NOW.0), 0),
        acting(6, 1, resolve(0), 0),
        acting(6, 1, resolve(5), 115),
        own(3, authorise(3, NOW.0 + 1), 0),
        own(3, authorise(2, NOW.0), 0),
    ]
}

/// Accounts that are handed over.
fn handed() -> Vec<Case> {
    vec![
        own(2, authorise(5, NOW.0 + 2), 0),
        acting(2, 2, transfer(1), 0),
        own(2, rekey(4), 0),
        own(2, transfer(1), 106),
        acting(2, 2, transfer(1), 106),
        own(2, retire(), 106),
        // What the old key granted is void, but still there.
        acting(5, 2, merge(2), 106),
        acting(4, 2, transfer(1), 0),
        acting(4, 2, transfer(1_000), 100),
        acting(4, 2, withdraw(1), 103),
        acting(4, 2, split(2, [4, 5]), 0),
        acting(4, 2, authorise(5, NOW.0 + 1), 0),
        acting(5, 2, merge(2), 0),
        // The old key acts in a session of the new one.
        acting(4, 2, authorise(2, NOW.0 + 1), 0),
        own(2, merge(2), 0),
        own(2, transfer(1), 108),
        own(2, rekey(2), 108),
        acting(4, 2, revoke(2), 0),
        acting(4, 2, revoke(2), 106),
        own(2, merge(2), 106),
        acting(4, 2, rekey(9), 0),
        acting(4, 2, transfer(1), 106),
        acting(9, 2, rekey(2), 0),
        acting(9, 2, transfer(1), 106),
        own(2, transfer(1), 0),
        // The first session is the old key's again, but another was granted in its place.
        acting(5, 2, merge(2), 106),
        own(5, rekey(5), 0),
        own(5, transfer(1), 0),
        own(4, rekey(5), 0),
        // Whom somebody keeps keeps nobody's account less for it.
        own(5, rekey(4), 0),
        acting(4, 5, transfer(1), 0),
        acting(5, 4, transfer(1), 0),
        own(4, transfer(1), 106),
    ]
}

/// Nonces that are not the next.
fn nonces() -> Vec<Case> {
    vec![
        numbered(11, 1, transfer(1), 303),
        numbered(11, u64::MAX, retire(), 303),
        numbered(11, 1 << 32, retire(), 303),
        own(11, transfer(0), 101),
        numbered(11, 0, transfer(1), 302),
        numbered(5, 0, transfer(1), 302),
        numbered(5, 99, transfer(1), 303),
        Case { nonce: Some(99), ..acting(5, 4, transfer(1), 303) },
        Case { nonce: Some(99), ..acting(5, 0, transfer(1), 303) },
        numbered(FREQUENT, LARGE - 1, transfer(0), 302),
        numbered(FREQUENT, LARGE + 1, transfer(0), 303),
        own(FREQUENT, transfer(0), 101),
        numbered(FREQUENT, LARGE, transfer(0), 302),
        numbered(FREQUENT, LARGE + 2, transfer(0), 303),
        own(FREQUENT, transfer(0), 101),
    ]
}

/// What is left of sessions later.
fn later() -> Vec<Case> {
    vec![
        acting(6, 1, merge(0), 107),
        acting(2, 3, transfer(1), 107),
        own(3, merge(2), 0),
        acting(3, 3, transfer(1), 0),
        own(1, authorise(6, NOW.0 + 1), 0),
        acting(6, 1, resolve(2), 0),
        own(3, revoke(2), 0),
        acting(2, 3, transfer(1), 106),
    ]
}

/// A state with tallies, in which an account has sent many transactions.
fn begin() -> State {
    let mut state = agreed();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Account>(&account(FREQUENT), &AccountRecord { keeper: None, nonce: LARGE });
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

/// Signs the cases of both blocks.
fn signed(blocks: &[Vec<Case>; 2]) -> [Vec<Checked>; 2] {
    let chain = config().hash();
    let mut next = [0; 12];
    next[usize::from(FREQUENT)] = LARGE;
    [0, 1].map(|block| {
        let sign = |case: &Case| {
            let nonce = case.nonce.unwrap_or_else(|| {
                let next = &mut next[usize::from(case.from)];
                *next += 1;
                *next - 1
            });
            let behalf = case.behalf.map(account);
            let tx = Transaction::sign_for(key(case.from), behalf, &chain, nonce, case.action.clone());
            Transaction::check(&tx.to_bytes(), &chain).unwrap()
        };
        blocks[block].iter().map(sign).collect()
    })
}

fn cases() -> [Vec<Case>; 2] {
    [sessions().into_iter().chain(handed()).chain(nonces()).collect(), later()]
}

pub fn recorded() -> Recorded {
    let batches = signed(&cases());
    let [first, second] = [(EARLY, &batches[0]), (NOW, &batches[1])];
    record(&mut begin(), &config().hash(), &[first, second].map(|(time, transactions)| Block { time, transactions }))
        .unwrap()
}

#[test]
fn every_case_has_its_code_and_satisfies_the_tables() {
    let recorded = recorded();
    let expected: Vec<u32> = cases().iter().flatten().map(|case| case.code).collect();
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    let differs = codes.iter().zip(&expected).position(|(code, expected)| code != expected);
    assert_eq!(differs, None, "{codes:?}");
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

#[test]
fn the_transition_gives_every_case_its_code_too() {
    let (mut state, mut head) = (begin(), None);
    for ((time, batch), cases) in [EARLY, NOW].into_iter().zip(signed(&cases())).zip(cases()) {
        let entries: Vec<Entry> = batch.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
        let executed = transition::execute(&mut state, &config(), head.as_ref(), entries, time);
        for (number, (receipt, case)) in executed.receipts.iter().zip(&cases).enumerate() {
            let code = match receipt.status {
                Status::Applied(_) => 0,
                Status::Rejected(code) => code,
            };
            assert_eq!(code, case.code, "case {number} at {time:?}");
        }
        head = Some(executed.block.header);
    }
    assert_eq!(recorded().statement.state_root, state.root());
}

#[test]
fn what_others_ask_for_is_proven() {
    let recorded = recorded();
    let proof = prove(&recorded.statement, &recorded.traces).unwrap();
    assert_eq!(verify(&recorded.statement, &[], &[], &proof), Ok(()));
}

/// What a session may resolve is the account's, whose terms name it and not the agent.
#[test]
fn the_account_that_resolves_is_the_one_that_is_acted_for() {
    assert_eq!(terms(0).resolver, Resolver::Account(account(1)));
    let resolving =
        [vec![own(1, authorise(6, NOW.0), 0), own(6, resolve(0), 117), acting(6, 1, resolve(0), 0)], vec![]];
    let [batch, _] = signed(&resolving);
    let block = Block { time: EARLY, transactions: &batch };
    let codes = record(&mut begin(), &config().hash(), &[block]).unwrap().outcomes;
    assert_eq!(codes.iter().map(|outcome| outcome.code).collect::<Vec<_>>(), [0, 117, 0]);
}

/// Returns the rows of a table in the batch of all cases.
fn rows_of(table: Table) -> Rows {
    let recorded = recorded();
    Rows::of(&recorded.statement, &recorded.traces).into_iter().find(|rows| rows.table() == table).unwrap()
}

fn row(rows: &Rows, number: usize) -> &[F] {
    &rows.cells.values[number * rows.cells.width..(number + 1) * rows.cells.width]
}

/// Whether a row holds by itself: no constraint fails, and what it wants compared is in that order.
fn holds(rows: &mut Rows, number: usize, cells: Vec<F>) -> bool {
    let width = rows.cells.width;
    let before = rows.cells.values.splice(number * width..(number + 1) * width, cells).collect::<Vec<F>>();
    let evaluated = rows.evaluate(number);
    rows.cells.values.splice(number * width..(number + 1) * width, before);
    let in_order = |message: &[F]| {
        let [first, second] =
            [0, 2].map(|at| message[at].as_canonical_u64() << 32 | message[at + 1].as_canonical_u64());
        if message[4] == F::ONE { first > second } else { first >= second }
    };
    let mut compared = evaluated.said.keys().filter_map(|(channel, message)| Bus::Compare.read(channel, message));
    evaluated.failed.is_empty() && compared.all(in_order)
}

/// Returns what shows best that two digests differ.
fn shown(first: &[F; 4], second: &[F; 4]) -> [F; 4] {
    let mut left = true;
    std::array::from_fn(|at| match (first[at] - second[at]).try_inverse() {
        Some(inverse) if std::mem::take(&mut left) => inverse,
        _ => F::ZERO,
    })
}

#[test]
fn nobody_has_another_standing_than_its_own() {
    // The sessions' rows ask for the time only where it matters: a liar may look it up anywhere.
    let times = [EARLY, NOW].map(|time| [time.0 >> 32, time.0 & 0xffff_ffff].map(F::from_u64));
    let last = F::from_usize(cases()[0].len());
    let rows = &mut rows_of(Table::Authority);
    let mut seen = [0; 4];
    for number in 0..rows.height() {
        let own = Authority::read(row(rows, number));
        let flags = [own.keeps, own.serves, own.stranger, own.expired];
        let Some(standing) = flags.iter().position(|flag| *flag == F::ONE) else { continue };
        seen[standing] += 1;
        let time = times[usize::from(own.number.as_canonical_u64() > last.as_canonical_u64())];
        for other in 0..4 {
            let [keeps, serves, stranger, expired] = std::array::from_fn(|at| F::from_bool(at == other));
            let liar = Authority {
                keeps,
                serves,
                stranger,
                expired,
                time,
                differs: shown(&own.signer, &own.keeper),
                void: shown(&own.granted, &own.keeper),
                ..own
            };
            let mut cells = Vec::new();
            liar.put(&mut cells);
            assert_eq!(holds(rows, number, cells), other == standing, "row {number}: {standing} is no {other}");
        }
    }
    assert!(seen.iter().all(|times| *times > 1), "{seen:?}");
}

#[test]
fn no_nonce_is_taken_for_another_than_it_is() {
    let rows = &mut rows_of(Table::Signed);
    let mut seen = [0; 4];
    for number in 0..rows.height() {
        let row = Signed::read(row(rows, number));
        let flags = [row.own, row.delegated, row.low, row.high];
        let Some(way) = flags.iter().position(|flag| *flag == F::ONE) else { continue };
        seen[way] += 1;
        for other in 0..4 {
            let [own, delegated, low, high] = std::array::from_fn(|at| F::from_bool(at == other));
            let taken = other < 2;
            let carry = F::from_bool(taken && row.due[1] == F::from_u64(LARGE));
            let mut cells = Vec::new();
            Signed { own, delegated, low, high, carry, ..row }.put(&mut cells);
            // The authority table answers for one's own account as well.
            let is_sound = other == way || (way, other) == (0, 1);
            assert_eq!(holds(rows, number, cells), is_sound, "row {number}: {way} is no {other}");
        }
    }
    assert!(seen.iter().all(|times| *times > 1), "{seen:?}");
}

#[test]
fn no_change_of_who_may_act_has_another_outcome_than_its_own() {
    let rows = &mut rows_of(Table::Grant);
    let mut seen = [0; 9];
    for number in 0..rows.height() {
        let own = row(rows, number).to_vec();
        let Some(outcome) = own[..9].iter().position(|flag| *flag == F::ONE) else { continue };
        seen[outcome] += 1;
        for other in 0..9 {
            let mut liar = own.clone();
            for (flag, cell) in liar[..9].iter_mut().enumerate() {
                *cell = F::from_bool(flag == other);
            }
            let mut liar = Grant::read(&liar);
            liar.differs = shown(&liar.party, &liar.account);
            if other == 2 {
                liar.grantor = std::array::from_fn(|at| liar.keeper[at] + (F::ONE - liar.kept) * liar.account[at]);
            }
            let mut cells = Vec::new();
            liar.put(&mut cells);
            // Of what an outcome says of leaves the memory knows whether it is so; of the same action none but the true
            // one holds by itself, unless somebody else asked for it.
            let kinds = [0, 0, 1, 1, 2, 2, 0, 1, 2];
            let of_keeper = |outcome: usize| outcome < 6;
            if kinds[other] == kinds[outcome] && of_keeper(other) && of_keeper(outcome) {
                assert_eq!(holds(rows, number, cells), other == outcome, "row {number}: {outcome} is no {other}");
            }
        }
    }
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
}

#[test]
fn a_session_makes_halves_for_its_account_and_for_nobody_else() {
    let rows = &mut rows_of(Table::Tally);
    let outcomes = Table::Tally.columns().iter().filter(|(name, _)| {
        ["applied", "worthless", "bad", "closed", "overflows", "uncovered", "narrow"].contains(name)
    });
    let outcomes: Vec<usize> = outcomes.map(|(_, column)| *column).collect();
    let mut seen = [0; 3];
    for number in 0..rows.height() {
        let own = Tally::read(row(rows, number));
        if own.splits != F::ONE {
            continue;
        }
        let [stock, foil] = own.holders.map(|holder| holder != own.from);
        let is_narrow = own.keeps == F::ZERO && (stock || foil);
        assert_eq!(own.narrow, F::from_bool(is_narrow));
        seen[if is_narrow { 0 } else { 1 + usize::from(own.keeps == F::ONE) }] += 1;
        for outcome in &outcomes {
            let [of_stock, of_foil] = own.holders.map(|holder| shown(&holder, &own.from));
            let mut liar = own;
            let mut cells = Vec::new();
            if own.narrow == F::ZERO {
                liar.wrong = [F::ZERO; 3];
                (liar.asked_inverse, liar.after) = if stock { (F::ZERO, of_stock) } else { (F::ONE, of_foil) };
            }
            liar.put(&mut cells);
            for other in &outcomes {
                cells[*other] = F::from_bool(other == outcome);
            }
            let says_narrow = Tally::read(&cells).narrow == F::ONE;
            if is_narrow != says_narrow {
                assert!(!holds(rows, number, cells), "row {number} with the outcome in column {outcome}");
            }
        }
    }
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
}
