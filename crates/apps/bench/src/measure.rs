//! The measurements.

use crate::Measured;
use crate::chain::{self, Accounts};
use crate::node::settings;
use crypto::eth::keccak;
use crypto::poseidon;
use ledger::account::{Balance, BalanceKey};
use proof::BlockHeader;
use sequencer::run::Threads;
use sequencer::{Effect, Input, Sequencer};
use state::{Join, LeafChange, Overlay, Sequential, State};
use std::hint::black_box;
use std::time::Instant;
use transition::{ChainConfig, Entry, L1Rules, Transaction};
use types::{AccountId, Bytes32, Digest, Encode as _, Millis};

/// Leaves of the tree that is committed to.
const TREE_LEAVES: u64 = 100_000;
/// Leaves that one commit changes.
const CHANGED_LEAVES: u64 = 1_000;
/// Transfers in a block, and accounts that send one each.
const TRANSFERS: u64 = 1_000;

pub(crate) fn runs(quick: bool) -> u64 {
    if quick { 3 } else { 7 }
}

/// Returns how often something happens in a second, for `count` times within one call.
pub(crate) fn rate(count: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    per_second(count, start.elapsed().as_secs_f64())
}

pub(crate) fn per_second(count: u64, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
}

fn account(n: u64) -> AccountId {
    AccountId(poseidon::hash(crypto::Domain::Account, &[n]))
}

pub(crate) fn hash(quick: bool) -> Vec<Measured> {
    let count = if quick { 50_000 } else { 500_000 };
    let poseidon_runs = (0..runs(quick)).map(|_| {
        rate(count, || {
            let mut digest = Digest::ZERO;
            for _ in 0..count {
                digest = poseidon::compress(&digest, &digest);
            }
            black_box(digest);
        })
    });
    let poseidon_runs = poseidon_runs.collect();
    let keccak_runs = (0..runs(quick)).map(|_| {
        rate(count, || {
            let mut word = Bytes32::ZERO;
            for _ in 0..count {
                word = keccak(&[&word.0, &word.0]);
            }
            black_box(word);
        })
    });
    let keccak_runs = keccak_runs.collect();
    let mix = |what: &str| format!("{what}, each on the one before, one thread");
    vec![
        Measured {
            name: "hash/poseidon2",
            unit: "compressions/s",
            runs: poseidon_runs,
            mix: mix("two digests into one, width 8"),
        },
        Measured { name: "hash/keccak256", unit: "hashes/s", runs: keccak_runs, mix: mix("64 bytes") },
    ]
}

/// Returns the key of the balance of an account.
pub(crate) fn holder(n: u64) -> BalanceKey {
    BalanceKey { account: account(n), asset: chain::asset() }
}

/// Sets the balances of accounts `from..to` and returns the changes.
pub(crate) fn balances(state: &State, from: u64, to: u64, amount: u64) -> Vec<LeafChange> {
    let amount = chain::amount(amount);
    let mut overlay = Overlay::new(state);
    for n in from..to {
        overlay.put::<Balance>(&holder(n), &amount);
    }
    overlay.keep();
    overlay.into_changes()
}

/// Measures commits, each with other leaves, and hands the state on.
fn commits(quick: bool, state: &mut State, amount: u64, join: &dyn Join) -> Vec<f64> {
    let run = |run| {
        let from = run * CHANGED_LEAVES;
        let changes = balances(state, from, from + CHANGED_LEAVES, amount + run);
        rate(CHANGED_LEAVES, || state.apply_with(&changes, join))
    };
    (0..runs(quick)).map(run).collect()
}

pub(crate) fn state(quick: bool) -> Vec<Measured> {
    let mut state = State::default();
    let leaves = balances(&state, 0, TREE_LEAVES, 1);
    state.apply(&leaves);
    let alone = commits(quick, &mut state, 2, &Sequential);
    let shared = commits(quick, &mut state, 100, &Threads);
    let records = || leaves.iter().filter_map(|leaf| Some((leaf.key.to_vec(), leaf.record.clone()?)));
    let restored = |_| rate(TREE_LEAVES, || drop(black_box(State::restore_with(records(), &Threads))));
    let restored = (0..runs(quick)).map(restored).collect();
    let (witnessed, bytes) = witnesses(quick, &state);
    let mix = format!("{CHANGED_LEAVES} changed leaves at once in a tree of {TREE_LEAVES}");
    let measured = |name, unit, runs, mix| Measured { name, unit, runs, mix };
    vec![
        measured("state/commit", "leaves/s", alone, format!("{mix}, one thread")),
        measured("state/commit-shared", "leaves/s", shared, format!("{mix}, a thread for each core")),
        measured("state/restore", "leaves/s", restored, format!("{TREE_LEAVES} leaves, a thread for each core")),
        measured("state/witness", "leaves/s", witnessed, format!("{mix}: the old root checked, the new one found")),
        measured("state/witness-size", "bytes/leaf", bytes, mix),
    ]
}

/// Measures how fast, and with how many bytes, somebody without the state finds the root after a commit.
fn witnesses(quick: bool, state: &State) -> (Vec<f64>, Vec<f64>) {
    let root = state.root();
    let run = |run| {
        let from = run * CHANGED_LEAVES;
        let writes = state.writes_of(&balances(state, from, from + CHANGED_LEAVES, 200 + run));
        let witness = state.witness(writes.iter().map(|write| write.path));
        let rate = rate(CHANGED_LEAVES, || {
            let excerpt = witness.check(&root).expect("a state's own witness holds");
            black_box(excerpt.root_after(&writes).expect("every leaf is shown"));
        });
        let bytes = u64::try_from(witness.to_bytes().len()).expect("a length fits 64 bits");
        (rate, per_second(bytes, 1.0) / per_second(CHANGED_LEAVES, 1.0))
    };
    (0..runs(quick)).map(run).unzip()
}

fn config() -> ChainConfig {
    chain::config(L1Rules::default())
}

fn accounts() -> Accounts {
    Accounts::new(usize::try_from(TRANSFERS).expect("a small number"))
}

/// Signs one transfer of each account.
fn transfers(accounts: &mut Accounts, chain: &Digest) -> Vec<Box<[u8]>> {
    let plans: Vec<_> = (0..accounts.len()).map(|from| accounts.plan(from)).collect();
    accounts.sign(&plans, chain).into_iter().map(|signed| signed.bytes).collect()
}

pub(crate) fn transition(quick: bool) -> Vec<Measured> {
    let (config, mut accounts) = (config(), accounts());
    let chain = config.hash();
    // The second state takes the same changes on its own, to tell the commit's share of the time.
    let (mut state, mut twin) = (State::default(), State::default());
    let genesis = transition::genesis(&config);
    state.apply(&genesis);
    twin.apply(&genesis);
    let entries: Vec<Entry> = accounts.deposits().into_iter().map(Entry::Message).collect();
    let funded = transition::execute(&mut state, &config, None, entries, Millis(1));
    twin.apply(&funded.changes);
    let mut head: BlockHeader = funded.block.header;
    let (mut rates, mut shares) = (Vec::new(), Vec::new());
    for nonce in 0..runs(quick) {
        let signed = transfers(&mut accounts, &chain);
        let entries: Vec<Entry> = signed.into_iter().map(Entry::Transaction).collect();
        let start = Instant::now();
        let executed = transition::execute(&mut state, &config, Some(&head), entries, Millis(2 + nonce));
        let whole = start.elapsed().as_secs_f64();
        assert!(executed.receipts.iter().all(transition::Receipt::is_applied), "every transfer is applied");
        let start = Instant::now();
        twin.apply(&executed.changes);
        shares.push(start.elapsed().as_secs_f64() / whole);
        rates.push(per_second(TRANSFERS, whole));
        head = executed.block.header;
    }
    let mix = format!("blocks of {TRANSFERS} signed transfers by {TRANSFERS} accounts, one thread");
    vec![
        Measured { name: "transition/transfers", unit: "transfers/s", runs: rates, mix: mix.clone() },
        Measured { name: "transition/commit-share", unit: "of the time", runs: shares, mix },
    ]
}

pub(crate) fn journal(quick: bool) -> Vec<Measured> {
    let (config, mut accounts) = (config(), accounts());
    let chain = config.hash();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let store = store::Store::open(folder.path().join("chain.redb")).expect("a new store opens");
    store.commit_genesis(&transition::genesis(&config)).expect("the genesis is stored");
    let mut sequencer = sequencer::run::restore(&store, &settings(config)).expect("a new chain starts");
    sequencer.step(Millis(1), Input::Messages(accounts.deposits()));
    commit(&mut sequencer, &store, Millis(1));
    let mut rates = Vec::new();
    for nonce in 0..runs(quick) {
        let signed = transfers(&mut accounts, &chain);
        rates.push(rate(TRANSFERS, || {
            for (ticket, bytes) in (0..).zip(&signed) {
                let transaction = Transaction::check(bytes, &chain).expect("a signed transfer");
                sequencer.step(Millis(2 + nonce), Input::Submit { ticket, transaction: Box::new(transaction) });
            }
            let confirmed = commit(&mut sequencer, &store, Millis(2 + nonce));
            assert_eq!(confirmed, TRANSFERS, "every transfer is confirmed");
        }));
    }
    let mix = format!("checked, {TRANSFERS} a block, stored in one write that is on the disk, one thread");
    vec![Measured { name: "journal/transfers", unit: "transfers/s", runs: rates, mix }]
}

/// Makes a block of what waits, stores it, and returns how many transfers it confirmed.
fn commit(sequencer: &mut Sequencer, store: &store::Store, now: Millis) -> u64 {
    let mut count = 0;
    for effect in sequencer.step(now, Input::Tick) {
        match effect {
            Effect::Commit(executed) => store.commit_block(&executed).expect("the block is stored"),
            Effect::Confirm { confirmed, .. } if confirmed.receipt.is_applied() => count += 1,
            Effect::Seal { batch, .. } => store.commit_batch(&batch).expect("the batch is stored"),
            _ => {}
        }
    }
    count
}

pub(crate) fn sandbox(quick: bool) -> Vec<Measured> {
    let sandbox = sandbox::Sandbox::new().expect("this machine can run the sandbox");
    let times = if quick { 1 } else { 3 };
    let measured = (0..times).map(|_| sandbox::benchmark(&sandbox).expect("the benchmark runs"));
    let rates = measured.map(|m| per_second(1_000_000, 1.0) * mega(m.fuel_per_second)).collect();
    let mix = "the providers' benchmark program, each run the median of its own five, one thread".to_owned();
    vec![Measured { name: "sandbox/fuel", unit: "fuel/s", runs: rates, mix }]
}

/// Returns millions: a fuel rate is beyond 32 bits, its millions are not.
fn mega(count: u64) -> f64 {
    f64::from(u32::try_from(count / 1_000_000).unwrap_or(u32::MAX))
}
