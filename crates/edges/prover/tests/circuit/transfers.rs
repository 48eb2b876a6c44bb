//! Batches of transfers: what the transition gives is what is proven.

use super::rows::{Rows, fault};
use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey, Transfer};
use proof::validity::entries;
use prover::{Block, Recorded, record};
use state::{Overlay, State};
use std::sync::OnceLock;
use transition::{Action, Checked, Transaction};
use types::{Amount, AssetId, Digest, Encode as _, Millis};

/// The key of that number, made once.
pub fn key(number: u8) -> &'static SecretKey {
    static KEYS: [OnceLock<SecretKey>; 256] = [const { OnceLock::new() }; 256];
    KEYS[usize::from(number)].get_or_init(|| SecretKey::from_seed([number; 32]))
}

pub fn chain() -> Digest {
    Digest::new([7, 8, 9, 10]).expect("small limbs")
}

pub fn asset() -> AssetId {
    AssetId(Digest::new([1, 2, 3, 4]).expect("small limbs"))
}

/// A state in which the first accounts have a hundred each.
pub fn funded(accounts: u8) -> State {
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    for number in 0..accounts {
        let holder = BalanceKey { account: key(number).account(), asset: asset() };
        overlay.put::<Balance>(&holder, &Amount::new(100).expect("an amount"));
    }
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

fn transfer(from: u8, to: u8, nonce: u64, amount: u64) -> Checked {
    let asked = Transfer { to: key(to).account(), asset: asset(), amount: Amount::new(amount).expect("an amount") };
    let tx = Transaction::sign(key(from), &chain(), nonce, Action::Transfer(asked));
    Transaction::check(&tx.to_bytes(), &chain()).expect("just signed")
}

/// Transfers between old and new accounts, to oneself, of all, of too much and of nothing.
pub fn mixed() -> Vec<Checked> {
    vec![
        transfer(0, 1, 0, 30),
        transfer(1, 2, 0, 130),
        transfer(0, 9, 1, 70),
        transfer(2, 2, 0, 5),
        transfer(0, 1, 2, 1),
        transfer(2, 10, 1, 0),
        transfer(9, 11, 0, 70),
    ]
}

pub fn recorded(batch: &[Checked]) -> (Recorded, State) {
    let mut state = funded(6);
    let recorded = record(&mut state, &chain(), &[Block { time: Millis(5), transactions: batch }]).expect("a batch");
    (recorded, state)
}

#[test]
fn what_is_recorded_is_what_the_transition_gives() {
    let (recorded, state) = recorded(&mixed());
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, [0, 0, 0, 0, 100, 101, 0]);
    assert_eq!(recorded.statement.entries, entries(&recorded.outcomes));
    assert_eq!(recorded.statement.parent_root, funded(6).root());
    assert_eq!(recorded.statement.state_root, state.root());
}

#[test]
fn every_table_satisfies_its_constraints_and_all_buses_balance() {
    let (recorded, _) = recorded(&mixed());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}
