//! Nothing in the circuit is idle: each constraint can fail, each message is said, and a proof of rows that fail is refused.

use super::rows::Rows;
use super::tamper::{batches, is_noticed};
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, Table};
use proof::validity::verify;
use prover::prove;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a table that are tried at least, if it has as many.
const SAMPLE: usize = 128;

/// Returns the constraints that some change of one cell makes fail, each with the columns in which that was.
fn failing(rows: &mut Rows) -> BTreeMap<usize, BTreeSet<&'static str>> {
    let (height, width) = (rows.height(), rows.cells.width);
    let columns = rows.table().columns();
    let name = |column: usize| columns.iter().rev().find(|(_, first)| *first <= column).map_or("?", |(name, _)| name);
    // The step is odd, so that every row of what repeats by a power of two is met.
    let step = (height / SAMPLE).max(1) | 1;
    let sample = (0..height).filter(|row| height <= 2 * SAMPLE || row % step == 0 || row + 2 >= height);
    let mut failing: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for number in sample.collect::<Vec<_>>() {
        for column in 0..width {
            let at = number * width + column;
            let honest = rows.cells.values[at];
            for other in [honest + F::ONE, F::ZERO, F::ONE, honest.double() + F::from_u32(1 << 20)] {
                if other == honest {
                    continue;
                }
                rows.cells.values[at] = other;
                for reader in [(number + height - 1) % height, number] {
                    for constraint in rows.evaluate(reader).failed {
                        failing.entry(constraint).or_default().insert(name(column));
                    }
                }
            }
            rows.cells.values[at] = honest;
        }
    }
    failing
}

/// Were a constraint left out, nothing but the test of its own rule might show it: so each of them has to be seen to fail,
/// by a change of what it is about.
#[test]
fn a_prover_that_leaves_out_any_constraint_is_caught_by_it() {
    let mut batches = batches();
    for (index, table) in Table::ALL.into_iter().enumerate() {
        let mut rules: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for tables in &mut batches {
            for (constraint, columns) in failing(&mut tables[index]) {
                rules.entry(constraint).or_default().extend(columns);
            }
        }
        for constraint in 0..batches[0][index].evaluate(0).constraints {
            let before = rules.range(..constraint).next_back();
            assert!(
                rules.contains_key(&constraint),
                "{table:?}: nothing makes constraint {constraint} fail, which follows the one of {before:?}"
            );
        }
    }
}

#[test]
fn every_message_of_every_table_is_said_by_some_row() {
    let batches = batches();
    for (index, table) in Table::ALL.into_iter().enumerate() {
        let (mut all, mut said) = (BTreeSet::new(), BTreeSet::new());
        for rows in batches.iter().map(|tables| &tables[index]) {
            for evaluated in (0..rows.height()).map(|row| rows.evaluate(row)) {
                all.extend(0..evaluated.messages);
                said.extend(evaluated.spoken);
            }
        }
        let silent: Vec<usize> = all.difference(&said).copied().collect();
        assert_eq!(silent, [], "messages of {table:?} that no row says, in the order of its rules");
    }
}

/// What the rows' own evaluation shows, the proof system does too: with a change of one cell in any table that some row
/// notices, the proof does not verify.
#[test]
fn a_proof_of_rows_that_do_not_hold_is_refused_whichever_table_they_are_in() {
    let mut recorded = super::tasks::recorded();
    let mut rows = Rows::of(&recorded.statement, &recorded.traces);
    for (index, rows) in rows.iter_mut().enumerate() {
        let (mut cells, width) = (0..rows.cells.values.len(), rows.cells.width);
        let at = cells.find(|at| is_noticed(rows, at / width, at % width)).unwrap();
        recorded.traces.tables[index].values[at] += F::ONE;
        let proof = prove(&recorded.statement, &recorded.traces).unwrap();
        recorded.traces.tables[index].values[at] -= F::ONE;
        assert!(verify(&recorded.statement, &[], &[], &proof).is_err(), "{:?}", Table::ALL[index]);
    }
    let proof = prove(&recorded.statement, &recorded.traces).unwrap();
    assert_eq!(verify(&recorded.statement, &[], &[], &proof), Ok(()));
}
