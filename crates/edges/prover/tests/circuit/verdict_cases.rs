//! Batches of verdicts, each with every code that it may have.

use super::random::{codes_of, config};
use super::rows::{Rows, fault};
use super::verdicts::{cases, delivered, parameters, unsigned};
use super::work::{NOW, key};
use prover::{Block, Recorded, record};
use transition::{Action, ChainConfig, Checked, Entry, Reject, Transaction};
use types::{Digest, Encode as _};

fn chain() -> ChainConfig {
    ChainConfig { parameters: parameters(), ..config() }
}

fn signed(chain: &Digest) -> Vec<Checked> {
    let sign = |(nonce, (from, action, _)): (u64, (u8, Action, u32))| {
        let tx = Transaction::sign(&key(from), chain, nonce, action);
        Transaction::check(&tx.to_bytes(), chain).unwrap()
    };
    (0..).zip(cases(chain)).map(sign).collect()
}

pub fn recorded() -> Recorded {
    let chain = chain().hash();
    record(&mut delivered(), &chain, &[Block { time: NOW, transactions: &signed(&chain) }]).unwrap()
}

#[test]
fn every_verdict_has_its_code_as_the_transition_does_and_satisfies_the_tables() {
    let config = chain();
    let (mut ours, mut theirs) = (delivered(), delivered());
    let transactions = signed(&config.hash());
    let recorded = record(&mut ours, &config.hash(), &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    let expected: Vec<u32> = cases(&config.hash()).into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, expected);
    let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
    let executed = transition::execute(&mut theirs, &config, None, entries, NOW);
    assert_eq!(recorded.outcomes, codes_of(&executed));
    assert_eq!(ours.root(), theirs.root());
    assert_eq!(recorded.statement.state_root, theirs.root());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

#[test]
fn a_verdict_with_a_signature_that_does_not_hold_is_no_transaction() {
    let chain = chain().hash();
    for action in unsigned(&chain) {
        let bytes = Transaction::sign(&key(3), &chain, 0, action).to_bytes();
        assert_eq!(Transaction::check(&bytes, &chain), Err(Reject::BadEndorsement));
    }
}
