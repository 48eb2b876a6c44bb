//! What a lying prover might change.

use super::rows::{Rows, fault};
use super::tallies::NOW;
use super::transfers::{chain, mixed, recorded};
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, Table, Tree};
use proof::validity::{Statement, verify};
use prover::{Incoming, prove, record_all};
use std::collections::BTreeMap;
use types::{Digest, Millis};

/// Changes a cell and says whether one of the rows that read it notices: a constraint fails, or something else is said on
/// a bus, where all was balanced before.
pub fn is_noticed(rows: &mut Rows, number: usize, column: usize) -> bool {
    let (height, width) = (rows.height(), rows.cells.width);
    let readers = [(number + height - 1) % height, number];
    let before = readers.map(|row| rows.evaluate(row));
    rows.cells.values[number * width + column] += F::ONE;
    let after = readers.map(|row| rows.evaluate(row));
    rows.cells.values[number * width + column] -= F::ONE;
    after.iter().any(|row| !row.failed.is_empty()) || {
        let sum = |rows: &[super::rows::Evaluated; 2]| {
            let mut sum = BTreeMap::new();
            for (message, count) in rows.iter().flat_map(|row| &row.said) {
                *sum.entry(message.clone()).or_insert(F::ZERO) += *count;
            }
            sum.retain(|_, count| *count != F::ZERO);
            sum
        };
        sum(&before) != sum(&after)
    }
}

/// Batches that between them have every kind of row.
pub fn batches() -> Vec<Vec<Rows>> {
    let transactions = [mixed(), super::tallies::mixed()].concat();
    let early = transactions.iter().map(|checked| (Millis(7), Incoming::Transaction(checked)));
    let crossings = super::crossings::all_cases(&chain());
    let entries: Vec<_> = early.chain(crossings.iter().map(|entry| (NOW, entry.incoming()))).collect();
    let first = record_all(&mut super::crossings::bordered(), &chain(), &entries).unwrap();
    let others = [super::authority::recorded(), super::tasks::recorded(), super::quorum_cases::recorded()];
    std::iter::once(first).chain(others).map(|recorded| Rows::of(&recorded.statement, &recorded.traces)).collect()
}

#[test]
fn every_column_of_every_table_is_held() {
    let mut batches = batches();
    for tables in &batches {
        assert_eq!(fault(tables), None);
    }
    for (index, table) in Table::ALL.into_iter().enumerate() {
        let mut free: Vec<usize> = (0..batches[0][index].cells.width).collect();
        for tables in &mut batches {
            let rows = &mut tables[index];
            // Of the large tables a part is enough: all kinds of rows are in it.
            let sample: Vec<usize> = (0..rows.height()).step_by((rows.height() / 256).max(1)).collect();
            free.retain(|column| !sample.iter().any(|row| is_noticed(rows, *row, *column)));
        }
        let name = |column: &usize| table.columns().iter().rev().find(|(_, first)| first <= column);
        let free: Vec<&str> = free.iter().map(|column| name(column).map_or("?", |(name, _)| name)).collect();
        assert_eq!(free, Vec::<&str>::new(), "nobody notices a change of these columns of {table:?}");
    }
}

/// In a used row, a cell that is free must be one of those that the row does not need.
#[test]
fn every_cell_of_a_transfer_is_held() {
    let (recorded, _) = recorded(&mixed());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    for (table, used) in [
        (Table::Entry, 7),
        (Table::Signed, 7),
        (Table::Transfer, 7),
        (Table::Signature, 7),
        (Table::Balance, 10),
        (Table::Multiply, 7 * 64),
    ] {
        let rows = tables.iter_mut().find(|rows| rows.table() == table).unwrap();
        for number in 0..used {
            for column in 0..rows.cells.width {
                let name = table.columns().iter().rev().find(|(_, first)| *first <= column).unwrap().0;
                // What shows that an amount is not zero has nothing to show where it is.
                if !is_noticed(rows, number, column) {
                    assert_eq!((table, number, name), (Table::Transfer, 5, "amount_inverse"));
                }
            }
        }
    }
}

/// As for a transfer, of those who act for others: in each outcome a cell is free only where the outcome does not need it.
#[test]
fn every_cell_that_an_outcome_needs_is_held() {
    let recorded = super::authority::recorded();
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    // What a session shows; what an account is before it changes, and a session.
    let session = ["there", "granted", "expires", "void", "session_since", "session_passed", "time"];
    let account = ["nonce", "kept", "keeper", "since", "passed"];
    let before = ["there", "before", "expired", "session_since", "session_passed"];
    let both = [&account[..], &before].concat();
    let timed = ["differs", "expires_low", "time"];
    // Of each table the outcomes, and what each may leave free.
    let cases = [
        (Table::Signed, "own", Vec::new()),
        (Table::Signed, "delegated", Vec::new()),
        (Table::Signed, "low", Vec::new()),
        (Table::Signed, "high", Vec::new()),
        (Table::Authority, "keeps", [&["differs"][..], &session].concat()),
        (Table::Authority, "serves", vec!["void"]),
        (Table::Authority, "stranger", vec!["void", "time"]),
        (Table::Authority, "expired", vec!["void"]),
        (Table::Grant, "handed", [&timed[..], &before].concat()),
        (Table::Grant, "returned", [&timed[..], &before].concat()),
        (Table::Grant, "granted", vec!["differs"]),
        (Table::Grant, "late", [&["differs"][..], &both].concat()),
        (Table::Grant, "ended", [&timed[..], &account].concat()),
        (Table::Grant, "unknown", [&timed[..], &account].concat()),
        (Table::Grant, "narrow", [&timed[..], &both].concat()),
    ];
    for (table, outcome, may_be_free) in cases {
        let rows = tables.iter_mut().find(|rows| rows.table() == table).unwrap();
        let name = |column: usize| table.columns().iter().rev().find(|(_, first)| *first <= column).unwrap().0;
        let width = rows.cells.width;
        let flags: Vec<usize> = (0..width).filter(|column| name(*column) == outcome).collect();
        let is_so = |row: &usize| flags.iter().any(|flag| rows.cells.values[row * width + flag] == F::ONE);
        let of: Vec<usize> = (0..rows.height()).filter(is_so).collect();
        assert!(!of.is_empty(), "no row of {table:?} is {outcome}");
        for (number, column) in of.iter().flat_map(|row| (0..width).map(move |column| (*row, column))) {
            let held = is_noticed(rows, number, column) || may_be_free.contains(&name(column));
            assert!(held, "{table:?} row {number}, {outcome}: nobody notices a change of {}", name(column));
        }
    }
}

/// The tree has one shape: were it otherwise, a prover could choose among many roots for one state.
#[test]
fn no_inner_node_stands_over_fewer_than_two_leaves() {
    let (recorded, _) = recorded(&mixed());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    let rows = tables.iter_mut().find(|rows| rows.table() == Table::Tree).unwrap();
    let width = rows.cells.width;
    let (nothing, leaf, more) = ([1, 0, 0], [0, 1, 0], [0, 0, 0]);
    let mut seen = 0;
    for number in 0..rows.height() {
        let mut row = Tree::read(&rows.cells.values[number * width..(number + 1) * width]);
        if row.inner != F::ONE {
            continue;
        }
        seen += 1;
        let cases = [
            (nothing, nothing, false),
            (nothing, leaf, false),
            (leaf, nothing, false),
            (nothing, more, true),
            (leaf, leaf, true),
            (more, leaf, true),
        ];
        for (left, right, is_sound) in cases {
            (row.left_shape, row.right_shape) = (left.map(F::from_u8), right.map(F::from_u8));
            let mut cells = Vec::new();
            row.put(&mut cells);
            rows.cells.values[number * width..(number + 1) * width].copy_from_slice(&cells);
            assert_eq!(rows.evaluate(number).failed.is_empty(), is_sound, "row {number}: {left:?} {right:?}");
        }
    }
    assert!(seen > 10);
}

#[test]
fn no_difference_or_sum_of_amounts_passes_for_an_amount_that_it_is_not() {
    let most = types::Amount::MAX.quanta();
    assert!(types::GOLDILOCKS - most > most, "less than nothing is no amount");
    assert!(types::GOLDILOCKS - most - 1 > most, "nor is what is missing where nothing is");
    assert!(2 * most < types::GOLDILOCKS, "a sum is itself");
    assert_eq!(most >> 48 << 2 | 3, 0xffff, "the highest limb, four times, has sixteen bits");
}

/// As for a transfer, of each outcome that a transaction about a tally can have.
#[test]
fn every_column_of_a_tally_is_held_in_what_was_applied() {
    let recorded = super::tallies::recorded(&super::tallies::mixed());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    for table in [Table::Tally, Table::Divide, Table::Compare] {
        let rows = tables.iter_mut().find(|rows| rows.table() == table).unwrap();
        for (name, first) in table.columns() {
            let end = table.columns().iter().map(|(_, other)| *other).find(|other| other > first);
            for column in *first..end.unwrap_or(rows.cells.width) {
                let held = (0..rows.height()).any(|row| is_noticed(rows, row, column));
                assert!(held, "nobody notices a change of column {column} of {table:?}: {name}");
            }
        }
    }
}

#[test]
fn a_proof_holds_for_its_own_statement_only_and_no_byte_of_it_can_change() {
    let recorded = super::tallies::recorded(&super::tallies::mixed());
    let statement = &recorded.statement;
    let proof = prove(statement, &recorded.traces).unwrap();
    assert_eq!(verify(statement, &[], &[], &proof), Ok(()));
    let other = |digest: &Digest, limb: usize| {
        let mut limbs = digest.limbs();
        limbs[limb] ^= 1;
        Digest::new(limbs).unwrap()
    };
    for limb in 0..4 {
        let Statement { chain, parent_root, state_root, entries, .. } = statement;
        for tampered in [
            Statement { chain: other(chain, limb), ..statement.clone() },
            Statement { parent_root: other(parent_root, limb), ..statement.clone() },
            Statement { state_root: other(state_root, limb), ..statement.clone() },
            Statement { entries: other(entries, limb), ..statement.clone() },
        ] {
            assert!(verify(&tampered, &[], &[], &proof).is_err(), "limb {limb} of {tampered:?}");
        }
    }
    let later = |time: Millis| Millis(time.0 + 1);
    for tampered in [
        Statement { time_before: later(statement.time_before), ..statement.clone() },
        Statement { time_after: later(statement.time_after), ..statement.clone() },
    ] {
        assert!(verify(&tampered, &[], &[], &proof).is_err(), "{tampered:?}");
    }
    // A part of the bytes, spread over the whole; any byte is as good.
    for at in (0..proof.len()).step_by(proof.len() / 40) {
        let mut tampered = proof.clone();
        tampered[at] ^= 1;
        assert!(verify(statement, &[], &[], &tampered).is_err(), "byte {at}");
    }
    for length in [0, 1, 2, proof.len() / 2, proof.len() - 1] {
        assert!(verify(statement, &[], &[], &proof[..length]).is_err(), "{length} bytes");
    }
    assert!(verify(statement, &[], &[], &[proof.as_slice(), &[0]].concat()).is_err());
}
