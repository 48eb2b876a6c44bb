//! How long a restart takes until the first transaction can be taken.

use super::measured;
use crate::Measured;
use crate::chain::{Accounts, config, deposit};
use crate::node::settings;
use crypto::{Domain, poseidon};
use sequencer::{Effect, Input};
use std::path::Path;
use std::time::Instant;
use store::Store;
use transition::{L1Rules, Transaction};
use types::{AccountId, Millis};

/// Messages that are handed over at a time, as many as a block takes.
const MESSAGES: u64 = 2_048;

pub(crate) fn restart(quick: bool) -> Vec<Measured> {
    let (accounts, times) = if quick { (100_000, 1) } else { (1_000_000, 3) };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("store.redb");
    fill(&path, accounts);
    let runs = (0..times).map(|_| restarted(&path)).collect();
    let mix = format!(
        "{accounts} accounts with a balance; from opening the store to the first step, the file in the system's cache"
    );
    vec![measured("spine/restart", "s", runs, &mix)]
}

/// Makes a chain on which so many accounts hold something, as deposits make them.
fn fill(path: &Path, accounts: u64) {
    let store = Store::open(path).expect("a new store opens");
    let mut sequencer =
        sequencer::run::restore(&store, &settings(config(L1Rules::default()))).expect("a new chain starts");
    let account = |n: u64| AccountId(poseidon::hash(Domain::Account, &[n]));
    for first in (0..accounts).step_by(usize::try_from(MESSAGES).expect("a small number")) {
        let messages = (first..accounts.min(first + MESSAGES)).map(|n| deposit(n, account(n), 1)).collect();
        let now = Millis(first);
        sequencer.step(now, Input::Messages(messages));
        for effect in sequencer.step(now, Input::Tick) {
            match effect {
                Effect::Commit(executed) => store.commit_block(&executed).expect("the block is stored"),
                Effect::Seal { batch, .. } => store.commit_batch(&batch).expect("the batch is stored"),
                other => panic!("nobody waits here, and yet: {other:?}"),
            }
        }
    }
}

fn restarted(path: &Path) -> f64 {
    let settings = settings(config(L1Rules::default()));
    // The restarted chain must do more than exist: it applies the first transfer that it is given.
    let mut sender = Accounts::new(1);
    let start = Instant::now();
    let store = Store::open(path).expect("the store opens");
    let mut sequencer = sequencer::run::restore(&store, &settings).expect("the chain is restored");
    let seconds = start.elapsed().as_secs_f64();
    let (chain, index) = (sequencer.config().hash(), sequencer.inbox_next());
    let plan = sender.plan(0);
    let signed = sender.sign(&[plan], &chain).remove(0);
    let transaction = Transaction::check(&signed.bytes, &chain).expect("a signed transfer");
    sequencer.step(Millis(0), Input::Messages(vec![deposit(index, sender.ids[0], 1)]));
    sequencer.step(Millis(0), Input::Submit { ticket: 1, transaction: Box::new(transaction) });
    let effects = sequencer.step(Millis(0), Input::Tick);
    let applied =
        |effect: &Effect| matches!(effect, Effect::Confirm { confirmed, .. } if confirmed.receipt.is_applied());
    assert!(effects.iter().any(applied), "the first transfer after the restart is applied");
    seconds
}
