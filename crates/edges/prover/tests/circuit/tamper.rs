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

#[test]
fn every_column_of_every_table_is_held() {
    let transactions = [mixed(), super::tallies::mixed()].concat();
    let early = transactions.iter().map(|checked| (Millis(7), Incoming::Transaction(checked)));
    let crossings = super::crossings::all_cases(&chain());
    let entries: Vec<_> = early.chain(crossings.iter().map(|entry| (NOW, entry.incoming()))).collect();
    let recorded = record_all(&mut super::crossings::bordered(), &chain(), &entries).unwrap();
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    assert_eq!(fault(&tables), None);
    for rows in &mut tables {
        let table = rows.table();
        // Of the large tables a part is enough: all kinds of rows are in it.
        let sample: Vec<usize> = (0..rows.height()).step_by((rows.height() / 256).max(1)).collect();
        let mut free = Vec::new();
        for column in 0..rows.cells.width {
            let held = sample.iter().filter(|row| is_noticed(rows, **row, column)).count();
            if held == 0 {
                let name = table.columns().iter().rev().find(|(_, first)| *first <= column);
                free.push(name.map_or("?", |(name, _)| name));
            }
        }
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
