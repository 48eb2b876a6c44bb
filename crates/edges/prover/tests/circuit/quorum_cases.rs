//! Batches about tallies that a quorum resolves, each with every code that it may have.

use super::quorums::{agreed, cases, endorsed, terms, unsigned};
use super::random::{codes_of, config};
use super::rows::{Rows, fault};
use super::work::{NOW, key};
use ledger::authority::Authorise;
use ledger::tally::{Half, Split};
use prover::{Block, Recorded, record};
use transition::{Action, Checked, Entry, Reject, Transaction};
use types::{Amount, Digest, Encode as _, Millis};

/// Signs what is asked, each with its sender's next nonce; then somebody asks in a session.
fn signed(chain: &Digest) -> (Vec<Checked>, Vec<u32>) {
    let mut nonces = [0; 8];
    let mut sign = |from: u8, behalf: Option<u8>, action: Action| {
        let nonce = &mut nonces[usize::from(from)];
        *nonce += 1;
        let behalf = behalf.map(|number| key(number).account());
        let tx = Transaction::sign_for(&key(from), behalf, chain, *nonce - 1, action);
        Transaction::check(&tx.to_bytes(), chain).unwrap()
    };
    let (mut transactions, mut codes) = (Vec::new(), Vec::new());
    for (from, action, code) in cases(chain) {
        transactions.push(sign(from, None, action));
        codes.push(code);
    }
    let split = |holders: [u8; 2]| {
        let [stock, foil] = holders.map(|number| key(number).account());
        Action::Split(Split { terms: terms(21), pairs: Amount::new(1).unwrap(), stock, foil })
    };
    let authorise = Action::Authorise(Authorise { agent: key(6).account(), expires: Millis(NOW.0 + 1) });
    let sessions = [
        (4, None, authorise, 0),
        (6, Some(4), split([4, 6]), 108),
        (6, Some(4), split([6, 4]), 108),
        (6, Some(4), split([4, 4]), 0),
        // Whoever acts for whom, a quorum's word is its own.
        (6, Some(4), Action::Resolve(endorsed(chain, &[0, 2], 21, 1)), 0),
    ];
    for (from, behalf, action, code) in sessions {
        transactions.push(sign(from, behalf, action));
        codes.push(code);
    }
    (transactions, codes)
}

pub fn recorded() -> Recorded {
    let chain = config().hash();
    record(&mut agreed(), &chain, &[Block { time: NOW, transactions: &signed(&chain).0 }]).unwrap()
}

#[test]
fn every_case_has_its_code_as_the_transition_does_and_satisfies_the_tables() {
    let config = config();
    let (mut ours, mut theirs) = (agreed(), agreed());
    let (transactions, expected) = signed(&config.hash());
    let recorded = record(&mut ours, &config.hash(), &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, expected);
    let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
    let executed = transition::execute(&mut theirs, &config, None, entries, NOW);
    assert_eq!(recorded.outcomes, codes_of(&executed));
    assert_eq!(ours.root(), theirs.root());
    assert_eq!(recorded.statement.state_root, theirs.root());
    let held =
        ledger::account::balance(&state::Overlay::new(&ours), key(4).account(), Half::Stock.asset(terms(21).id()));
    assert_eq!(held, Amount::new(1).unwrap());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}

#[test]
fn a_resolution_with_a_signature_that_does_not_hold_is_no_transaction() {
    let chain = config().hash();
    for action in unsigned(&chain) {
        let bytes = Transaction::sign(&key(3), &chain, 0, action).to_bytes();
        assert_eq!(Transaction::check(&bytes, &chain), Err(Reject::BadEndorsement));
    }
}
