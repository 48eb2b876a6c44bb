//! How many signed transfers a second are applied and stored.

use super::{ACCOUNTS, count, measured, runtime};
use crate::chain::{Accounts, GIVEN, Plan, config};
use crate::node::{self, Running};
use crate::{Measured, machine};
use api::bulk::Outcome;
use client::Client;
use ledger::account::{Account, AccountRecord, Balance, BalanceKey};
use state::{LeafChange, Overlay, State};
use std::time::Instant;
use store::Store;
use tokio::task::JoinSet;
use transition::{Block, ChainConfig, L1Rules, Receipt, Status};
use types::{AccountId, Amount, Decode as _, Height};

/// Requests in flight. Each is followed by the next of its own senders, so that no transfer overtakes another.
const LANES: usize = 16;
/// Transfers in a request.
const REQUEST: usize = 512;

/// What one lane sends, request by request, and which of it shall be applied.
type Requests = Vec<(Vec<Box<[u8]>>, Vec<bool>)>;

/// What a run took.
struct Run {
    seconds: f64,
    cpu_seconds: f64,
    applied: usize,
    sent: usize,
    blocks: std::ops::RangeInclusive<u64>,
}

pub(crate) fn transfers(quick: bool) -> Vec<Measured> {
    let (times, requests) = if quick { (3, 5) } else { (5, 20) };
    let config = config(L1Rules::default());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let runtime = runtime();
    let mut accounts = Accounts::new(ACCOUNTS);
    let (runs, store) = runtime.block_on(async {
        let node = node::start(folder.path(), config.clone()).await;
        node.fund(&accounts).await;
        let mut runs = Vec::new();
        for _ in 0..times {
            let lanes = sign(&mut accounts, requests, &node);
            runs.push(run(&node, lanes).await);
        }
        check_state(&node, &accounts).await;
        (runs, node.store)
    });
    runtime.shutdown_background();
    let commit_seconds = replay(&store, &config, &runs);
    let each = |figure: &dyn Fn(&Run) -> f64| runs.iter().map(figure).collect::<Vec<f64>>();
    let shares = runs.iter().zip(&commit_seconds).map(|(run, (commit, _))| commit / run.cpu_seconds).collect();
    let replayed = runs.iter().zip(&commit_seconds).map(|(run, (_, whole))| count(run.sent) / whole).collect();
    let blocks = |run: &Run| count(run.blocks.clone().count());
    let mix = format!(
        "{LANES} requests of {REQUEST} transfers in flight from one process that also serves, {ACCOUNTS} accounts, 5 % \
         of the transfers beyond the balance"
    );
    let mix = mix.as_str();
    vec![
        measured("spine/transfers", "applied transfers/s", each(&|run| count(run.applied) / run.seconds), mix),
        measured("spine/blocks", "durable blocks/s", each(&|run| blocks(run) / run.seconds), mix),
        measured(
            "spine/cpu",
            "CPU s/1,000 transfers",
            each(&|run| run.cpu_seconds * 1_000.0 / count(run.sent)),
            "of the same runs: node and load generator together",
        ),
        measured(
            "spine/commit-share",
            "of the CPU time",
            shares,
            "hashing the changed leaves and the tree, done again on its own, over all CPU time of the run",
        ),
        measured("spine/replay", "transfers/CPU s", replayed, "the same blocks executed as a member does, one thread"),
    ]
}

/// Plans and signs what all lanes send.
fn sign(accounts: &mut Accounts, requests: usize, node: &Running) -> Vec<Requests> {
    let lane = |lane| {
        let plans: Vec<Plan> = (0..requests * REQUEST).map(|_| accounts.plan_among(lane, LANES)).collect();
        let signed = accounts.sign(&plans, &node.chain);
        let request = |chunk: &[crate::chain::Signed]| {
            (chunk.iter().map(|tx| tx.bytes.clone()).collect(), chunk.iter().map(|tx| tx.is_sound).collect())
        };
        signed.chunks(REQUEST).map(request).collect()
    };
    (0..LANES).map(lane).collect()
}

async fn run(node: &Running, lanes: Vec<Requests>) -> Run {
    let sent = lanes.iter().flatten().map(|(request, _)| request.len()).sum();
    let client = Client::new(&node.url);
    let mut tasks = JoinSet::new();
    let first = node.sequencer.head().borrow().0 + 1;
    let (start, cpu) = (Instant::now(), machine::cpu_seconds());
    for lane in lanes {
        tasks.spawn(send(client.clone(), lane));
    }
    let applied = tasks.join_all().await.into_iter().sum();
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), machine::cpu_seconds() - cpu);
    let last = node.sequencer.head().borrow().0;
    Run { seconds, cpu_seconds, applied, sent, blocks: first..=last }
}

/// Sends a lane's requests one after the other and returns how many transfers were applied.
async fn send(client: Client, lane: Requests) -> usize {
    let mut applied = 0;
    for (request, sound) in lane {
        let answer = client.submit_all(request).await.expect("the gateway answers");
        for (outcome, sound) in answer.outcomes.iter().zip(&sound) {
            let Outcome::Placed(placed) = outcome else { panic!("a transfer is in no block: {outcome:?}") };
            let refusal = Status::Rejected(ledger::Reject::InsufficientBalance.code());
            let expected = if *sound { Status::Applied(0) } else { refusal };
            assert_eq!(placed.status, expected, "what the ledger made of a transfer");
            applied += usize::from(*sound);
        }
    }
    applied
}

/// Checks that the work was done: every transfer took its number, and nothing was made or lost.
async fn check_state(node: &Running, accounts: &Accounts) {
    let sums = node.sequencer.read(|sequencer| {
        let state = sequencer.state();
        let nonces: u64 = state.iter::<Account>().map(|(_, record)| record.nonce).sum();
        let balances: u64 = state.iter::<Balance>().map(|(_, balance)| balance.quanta()).sum();
        (nonces, balances)
    });
    let (nonces, balances) = sums.await.expect("the sequencer runs");
    let given = GIVEN * u64::try_from(accounts.len()).expect("a length fits 64 bits");
    assert_eq!((nonces, balances), (accounts.planned(), given), "numbers used, and quanta held");
}

/// Executes the stored blocks as a member does and returns, for each run, the CPU time of the state commit and of the whole.
///
/// # Panics
/// When the store does not hold what the clients were told, or the blocks do not give their roots.
fn replay(store: &Store, config: &ChainConfig, runs: &[Run]) -> Vec<(f64, f64)> {
    let mut replay = Replay { config, state: State::default(), twin: State::default(), head: None };
    let genesis = transition::genesis(config);
    replay.state.apply(&genesis);
    replay.twin.apply(&genesis);
    let mut height = Height(1);
    let mut measured = Vec::new();
    for run in runs {
        let (mut commit, mut whole, mut applied) = (0.0, 0.0, 0);
        while height.0 <= *run.blocks.end() {
            let block = store.block(height).expect("the store reads").expect("the block is stored");
            let receipts = store.receipts(height).expect("the store reads").expect("the receipts are stored");
            let seconds = replay.block(&block);
            if run.blocks.contains(&height.0) {
                applied += receipts.iter().filter(|receipt| Receipt::is_applied(receipt)).count();
                (commit, whole) = (commit + seconds.0, whole + seconds.1);
            }
            height = height.next();
        }
        assert_eq!(applied, run.applied, "the store holds what the clients were told");
        measured.push((commit, whole));
    }
    measured
}

struct Replay<'a> {
    config: &'a ChainConfig,
    state: State,
    /// Takes the same changes on its own, to tell the commit's time.
    twin: State,
    head: Option<proof::BlockHeader>,
}

impl Replay<'_> {
    /// Executes a block and returns the CPU time of the state commit and of the whole.
    fn block(&mut self, block: &Block) -> (f64, f64) {
        let start = machine::thread_seconds();
        let replayed = transition::replay(&mut self.state, self.config, self.head.as_ref(), block);
        let whole = machine::thread_seconds() - start;
        let executed = replayed.expect("the block gives the roots that its header names");
        self.head = Some(block.header.clone());
        (self.commit(&executed.changes), whole)
    }

    /// Commits what changed: from the new values to the new root.
    fn commit(&mut self, changes: &[LeafChange]) -> f64 {
        let mut overlay = Overlay::new(&self.twin);
        if !changes.iter().all(|change| put(&mut overlay, change).is_some()) {
            // A block of deposits has leaves of other kinds too. It is not measured.
            self.twin.apply(changes);
            return 0.0;
        }
        overlay.keep();
        let start = machine::thread_seconds();
        let changes = overlay.into_changes();
        self.twin.apply(&changes);
        let seconds = machine::thread_seconds() - start;
        assert_eq!(self.twin.root(), self.state.root(), "the same leaves give the same root");
        seconds
    }
}

/// Sets an account's number or balance as a change says; `None` when it is of another kind, or goes.
fn put(overlay: &mut Overlay<'_>, change: &LeafChange) -> Option<()> {
    let (kind, key) = change.key.split_first()?;
    let value = &change.record.as_ref()?.value;
    match *kind {
        <Account as state::Leaf>::NUMBER => {
            let (key, value) = (AccountId::from_bytes(key).ok()?, AccountRecord::from_bytes(value).ok()?);
            overlay.put::<Account>(&key, &value);
        }
        <Balance as state::Leaf>::NUMBER => {
            let (key, value) = (BalanceKey::from_bytes(key).ok()?, Amount::from_bytes(value).ok()?);
            overlay.put::<Balance>(&key, &value);
        }
        _ => return None,
    }
    Some(())
}
