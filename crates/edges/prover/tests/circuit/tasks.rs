//! Batches about tasks: programs, offers, submissions and the work on tasks, each with every code that it may have.

use super::random::{codes_of, config};
use super::rows::{Rows, fault};
use super::tamper::is_noticed;
use super::work::{NOW, all, begun, key, parameters};
use ledger::account::Transfer;
use ledger::tally::Half;
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, Instruction, Machine, Table};
use prover::{Block, Recorded, record};
use task::{Offer, Retire};
use transition::leaves::{ROWS, Weight};
use transition::{Action, ChainConfig, Checked, Entry, Transaction};
use types::{AccountId, Amount, Digest, Encode as _, OfferId};

fn chain() -> ChainConfig {
    ChainConfig { parameters: parameters(), ..config() }
}

fn signed(chain: &Digest) -> Vec<Checked> {
    let mut nonces = [0; 6];
    let sign = |(from, action, _): (u8, Action, u32)| {
        let nonce = &mut nonces[usize::from(from)];
        *nonce += 1;
        let tx = Transaction::sign(&key(from), chain, *nonce - 1, action);
        Transaction::check(&tx.to_bytes(), chain).unwrap()
    };
    let mut transactions: Vec<Checked> = all().into_iter().map(sign).collect();
    // Who sold the FOIL of an offer cannot retire it.
    let made = transactions[5].id().0;
    let mut after = begun();
    record(&mut after, chain, &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let held = after.get::<Offer>(&key(0).account()).unwrap();
    assert_eq!(held.id, OfferId(made));
    let sell =
        Transfer { to: AccountId(Digest::ZERO), asset: Half::Foil.asset(held.tally), amount: Amount::new(1).unwrap() };
    for action in [Action::Transfer(sell), Action::Retire(Retire {})] {
        let tx = Transaction::sign(&key(0), chain, nonces[0], action);
        nonces[0] += 1;
        transactions.push(Transaction::check(&tx.to_bytes(), chain).unwrap());
    }
    transactions
}

pub fn recorded() -> Recorded {
    let chain = chain().hash();
    record(&mut begun(), &chain, &[Block { time: NOW, transactions: &signed(&chain) }]).unwrap()
}

#[test]
fn every_case_has_its_code_as_the_transition_does_and_satisfies_the_tables() {
    let config = chain();
    let (mut ours, mut theirs) = (begun(), begun());
    let transactions = signed(&config.hash());
    let recorded = record(&mut ours, &config.hash(), &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    let expected: Vec<u32> = all().into_iter().map(|(_, _, code)| code).chain([0, 100]).collect();
    assert_eq!(codes, expected);
    let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
    let executed = transition::execute(&mut theirs, &config, None, entries, NOW);
    assert_eq!(recorded.outcomes, codes_of(&executed));
    assert_eq!(ours.root(), theirs.root());
    assert_eq!(recorded.statement.state_root, theirs.root());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

/// A leaf is cut by the weights of its entries, so that its tables are not too high.
#[test]
fn no_table_grows_faster_than_an_entry_weighs() {
    let (chain, mut state) = (chain().hash(), begun());
    let growing = |table: &Table| !matches!(table, Table::Fixed | Table::Program | Table::Base);
    for transaction in signed(&chain) {
        let action = &transaction.transaction().action;
        let most = (Weight::of_action(action, transaction.bytes().len()).units() * ROWS).next_power_of_two();
        let batch = std::slice::from_ref(&transaction);
        let recorded = record(&mut state, &chain, &[Block { time: NOW, transactions: batch }]).unwrap();
        for (table, height) in Table::ALL.iter().zip(recorded.traces.heights()).filter(|(table, _)| growing(table)) {
            assert!(1 << height <= most, "{table:?} has 2^{height} rows for {action:?}");
        }
    }
}

/// Who makes a trace writes all words of the prover: what nobody reads could be anything.
#[test]
fn every_word_of_a_run_is_read() {
    for recorded in [recorded(), super::quorum_cases::recorded(), super::verdict_cases::recorded()] {
        let mut tables = Rows::of(&recorded.statement, &recorded.traces);
        let rows = tables.iter_mut().find(|rows| rows.table() == Table::Machine).unwrap();
        let width = rows.cells.width;
        let values = Table::Machine.columns().iter().find(|(name, _)| *name == "values").unwrap().1;
        let mut seen = 0;
        for number in 0..rows.height() {
            let row = Machine::read(&rows.cells.values[number * width..(number + 1) * width]);
            if row.used == F::ONE && Instruction::read(&row.instruction).free == F::ONE {
                seen += 1;
                assert!(is_noticed(rows, number, values + 2), "nobody reads the word of row {number}");
            }
        }
        assert!(seen > 1000);
    }
}
