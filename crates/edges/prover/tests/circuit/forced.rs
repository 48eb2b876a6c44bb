//! Actions that owners force through L1: what the transition gives is what is proven, and no table takes another for them.

use super::crossings::{
    Asked, Case, Owned, TOKENS, agree, all_cases, amount, bordered, holder, misplaced, placed, recorded,
};
use super::random::{Numbers, config};
use super::rows::{Rows, fault};
use super::tallies::{NOW, QUORUMS, QUORUMS_THERE, half, id};
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::bridge::asset_of;
use ledger::tally::{Half, Merge, Reclaim, Redeem, Resolve};
use ledger::{ForcedAction, Message};
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{Bridge, F, Table};
use prover::{Incoming, Recorded, Unprovable, record_all};
use types::{ActionElements, Amount, AssetId, Millis};

fn transfer(to: u8, asset: AssetId, quanta: u64) -> transition::Action {
    transition::Action::Transfer(Transfer { to: holder(to), asset, amount: amount(quanta) })
}

fn act(of: u8, action: transition::Action) -> Asked {
    Asked::Act { of: holder(of), action }
}

/// What is forced, and the code that it gives.
pub fn cases() -> Vec<Case> {
    use transition::Action;
    let gold = asset_of(TOKENS[0]);
    let rekey = |of: u8, to: u8| act(of, Action::Rekey(Rekey { to: holder(to) }));
    let revoke = || act(13, Action::Revoke(Revoke { agent: holder(14) }));
    let authorise = |expires| act(13, Action::Authorise(Authorise { agent: holder(14), expires }));
    let resolve = |of: u8, subject: u64| {
        act(of, Action::Resolve(Resolve { tally: id(subject), outcome: 7 << 33, endorsements: Vec::new() }))
    };
    let redeem = |of: u8, subject: u64| act(of, Action::Redeem(Redeem { tally: id(subject) }));
    let merge =
        |of: u8, subject: u64, pairs: u64| act(of, Action::Merge(Merge { tally: id(subject), pairs: amount(pairs) }));
    vec![
        (act(15, transfer(16, gold, 3)), 0),
        (act(15, transfer(16, gold, 0)), 101),
        (act(15, transfer(16, gold, Amount::MAX.quanta())), 100),
        (misplaced(act(15, transfer(16, gold, 3)), 1), 105),
        (misplaced(redeem(3, 3), u64::MAX), 105),
        (act(15, transfer(15, half(0, Half::Stock), 1)), 0),
        (rekey(13, 14), 0),
        (rekey(13, 13), 0),
        // The first that is known of an account, and what is left when it is undone.
        (rekey(20, 14), 0),
        (rekey(21, 14), 0),
        (rekey(21, 21), 0),
        (rekey(22, 22), 0),
        (revoke(), 106),
        (authorise(NOW), 107),
        (authorise(Millis(NOW.0 + 1)), 0),
        (revoke(), 0),
        (redeem(3, 3), 0),
        (redeem(3, 3), 116),
        (redeem(3, 99), 110),
        (merge(3, 2, 1), 0),
        (merge(3, 2, 0), 101),
        (resolve(3, 2), 117),
        (resolve(1, 2), 0),
        (act(3, Action::Reclaim(Reclaim { tally: id(1) })), 117),
        (act(3, Action::Reclaim(Reclaim { tally: id(5) })), 0),
        (redeem(3, 5), 0),
        // Of a quorum's tally all but the outcome can be forced.
        (merge(3, QUORUMS, 3), 100),
        (merge(3, QUORUMS, 1), 0),
        (redeem(3, QUORUMS), 114),
        (resolve(3, QUORUMS), 117),
        (act(3, Action::Reclaim(Reclaim { tally: id(QUORUMS) })), 0),
        (redeem(3, QUORUMS), 0),
    ]
}

/// Something that an owner might force.
pub fn anything(numbers: &mut Numbers, asset: AssetId, quanta: u64) -> transition::Action {
    use transition::Action;
    let other = holder(u8::try_from(10 + numbers.below(7)).unwrap());
    let of_quorum = numbers.below(3) == 0;
    let tally = id(if of_quorum { QUORUMS + numbers.below(QUORUMS_THERE + 1) } else { numbers.below(9) });
    match numbers.below(9) {
        0 => Action::Rekey(Rekey { to: other }),
        1 => Action::Authorise(Authorise { agent: other, expires: Millis(NOW.0 - 2 + numbers.below(5)) }),
        2 => Action::Revoke(Revoke { agent: other }),
        3 => Action::Merge(Merge { tally, pairs: amount(quanta) }),
        4 => Action::Resolve(Resolve { tally, outcome: numbers.below(9 << 33), endorsements: Vec::new() }),
        5 => Action::Redeem(Redeem { tally }),
        6 => Action::Reclaim(Reclaim { tally }),
        _ => Action::Transfer(Transfer { to: other, asset, amount: amount(quanta) }),
    }
}

#[test]
fn every_action_that_can_be_forced_has_its_code_and_satisfies_the_tables() {
    let chain = config().hash();
    let asked: Vec<Asked> = [Asked::Deposit { word: ledger::bridge::token_word(TOKENS[0]), to: 15, quanta: 9 }]
        .into_iter()
        .chain([act(2, transfer(15, half(0, Half::Stock), 1))])
        .chain(cases().into_iter().map(|(asked, _)| asked))
        .collect();
    let recorded = agree(bordered, &placed(&asked, &chain, u64::MAX >> 2, &mut [0; 256]));
    assert!(recorded.outcomes.iter().all(|outcome| outcome.code == 105), "this inbox is elsewhere");
    let recorded = agree(bordered, &placed(&asked, &chain, super::crossings::TAKEN, &mut [0; 256]));
    let codes: Vec<u32> = recorded.outcomes.iter().skip(2).map(|outcome| outcome.code).collect();
    assert_eq!(codes, cases().into_iter().map(|(_, code)| code).collect::<Vec<_>>());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

/// L1 queues no such message, so that nobody can make a batch that cannot be proven.
#[test]
fn elements_that_are_no_action_are_refused() {
    let mut state = bordered();
    let root = state.root();
    let index = super::crossings::TAKEN;
    let forced = ForcedAction { index, account: holder(1), elements: ActionElements::new([1; 14]).unwrap() };
    let refused = record_all(&mut state, &config().hash(), &[(NOW, Incoming::Message(&Message::Action(forced)))]);
    assert_eq!(refused.err(), Some(Unprovable::Forced(index)));
    assert_eq!(state.root(), root);
}

/// A prover who has an action done that nobody forced has another list than L1.
#[test]
fn another_action_than_was_forced_is_in_another_list() {
    let chain = config().hash();
    let gold = asset_of(TOKENS[0]);
    let of = |asked: &Asked| {
        recorded(&placed(std::slice::from_ref(asked), &chain, super::crossings::TAKEN, &mut [0; 256]), &chain)
    };
    let forced = of(&act(12, transfer(16, gold, 3)));
    for other in [
        act(12, transfer(16, gold, 4)),
        act(12, transfer(17, gold, 3)),
        act(12, transfer(16, half(0, Half::Stock), 3)),
        act(13, transfer(16, gold, 3)),
        act(12, transition::Action::Rekey(Rekey { to: holder(16) })),
    ] {
        let Recorded { statement, mut traces, .. } = of(&other);
        assert_eq!(fault(&Rows::of(&statement, &traces)), None);
        traces.crossed = statement.crossed(&traces.chains, &forced.messages, &[]);
        assert!(fault(&Rows::of(&statement, &traces)).is_some_and(|fault| fault.starts_with("Bridge")));
    }
}

fn bridge(tables: &mut [Rows]) -> &mut Rows {
    tables.iter_mut().find(|rows| rows.table() == Table::Bridge).unwrap()
}

fn row_of(rows: &Rows, number: usize) -> Bridge<F> {
    let width = rows.cells.width;
    Bridge::read(&rows.cells.values[number * width..(number + 1) * width])
}

/// In a row that asks for an action, a cell is free only where it shows something of other crossings.
#[test]
fn every_cell_that_a_forced_action_needs_is_held() {
    let recorded = recorded(&all_cases(&config().hash()), &config().hash());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    let rows = bridge(&mut tables);
    let free = [
        "asset_sponge",
        "custody",
        "custody_sponge",
        "word_low",
        "canonical",
        "party_low",
        "party_inverse",
        "amount_limbs",
        "rest_limbs",
        "moved_inverse",
        "since",
        "passed",
        "withdrawals_low",
        "withdrawal",
        "withdrawal_sponge",
        "cursor",
        "cursor_sponge",
        "asset",
        "high_inverse",
    ];
    let asks: Vec<usize> = (0..rows.height()).filter(|number| row_of(rows, *number).asks == F::ONE).collect();
    assert!(asks.len() > 15);
    let last = *asks.last().unwrap();
    for number in asks {
        for column in 0..rows.cells.width {
            let name = Table::Bridge.columns().iter().rev().find(|(_, first)| *first <= column).unwrap().0;
            let may_be_free = free.contains(&name) || (name == "gap" && number == last);
            assert!(super::tamper::is_noticed(rows, number, column) || may_be_free, "row {number}: {name}");
        }
    }
}

/// Each of these would pass but for one constraint.
#[test]
fn a_row_neither_asks_for_what_was_not_forced_nor_drops_what_was() {
    let recorded = recorded(&all_cases(&config().hash()), &config().hash());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    let rows = bridge(&mut tables);
    type Lie = (&'static str, fn(&Bridge<F>) -> bool, fn(&mut Bridge<F>));
    let lies: [Lie; 4] = [
        (
            "a deposit asks for something",
            |row| row.deposits * row.nothing == F::ONE,
            |row| (row.nothing, row.asks) = (F::ZERO, F::ONE),
        ),
        (
            "an action is rejected as nothing",
            |row| row.asks == F::ONE && row.amount == F::ZERO,
            |row| (row.asks, row.nothing) = (F::ZERO, F::ONE),
        ),
        ("a block is absorbed of what nobody asks", |row| row.acts * row.misplaced == F::ONE, |row| row.long = F::ONE),
        ("two blocks are absorbed for one", |row| row.long == F::ONE, |row| row.long = F::TWO),
    ];
    let width = rows.cells.width;
    for (lie, is_so, tell) in lies {
        let number = (0..rows.height()).find(|number| is_so(&row_of(rows, *number))).expect(lie);
        assert!(rows.evaluate(number).failed.is_empty());
        let honest = row_of(rows, number);
        let mut row = honest;
        tell(&mut row);
        for (row, fails) in [(row, 1), (honest, 0)] {
            let mut cells = Vec::new();
            row.put(&mut cells);
            rows.cells.values[number * width..(number + 1) * width].copy_from_slice(&cells);
            assert_eq!(rows.evaluate(number).failed.len(), fails, "{lie}");
        }
    }
}

/// The same messages in any order with others, and what they ask for.
#[test]
fn forced_and_signed_actions_of_one_account_follow_one_another() {
    let chain = config().hash();
    let gold = asset_of(TOKENS[0]);
    let withdraw = || Asked::Withdraw { from: 12, asset: gold, quanta: 1, paid: super::crossings::PAID };
    let asked = [withdraw(), act(12, transfer(13, gold, 2)), withdraw(), act(12, transfer(13, gold, 2)), withdraw()];
    let entries: Vec<Owned> = placed(&asked, &chain, super::crossings::TAKEN, &mut [0; 256]);
    let recorded = agree(bordered, &entries);
    assert!(recorded.outcomes.iter().all(|outcome| outcome.code == 0), "a forced action takes no nonce");
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}
