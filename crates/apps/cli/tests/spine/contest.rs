//! A chain whose batches settle by claims: by the window alone while nobody lies, and by a proof when somebody does.

use crate::settle::steps;
use crate::support::{Chain, also_rich, eventually_within, json_of, talea};
use client::Wallet;
use crypto::Secret;
use l1::claims::{Claims, Standing, Step};
use l1::{Call, Units, Writer};
use ledger::account::Transfer;
use ledger::bridge::{Withdraw, asset_of};
use proof::{BatchHeader, Domain};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use transition::Action;
use types::{Amount, Bytes32, Digest, EthAddress};

/// How long a batch may take to be proven and to settle, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(900);
/// The challenge period: longer than the test takes, so that only the test ends it.
const WINDOW_S: u64 = 3_600;
/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;
/// What a proposer locks.
const BOND_GWEI: u128 = 24 * GWEI;
/// The keys of the third and fourth account that a local L1 funds: public knowledge.
const LIAR: &str = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
const WATCHER: &str = "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6";
/// The first account, which the node settles with.
const OPERATOR: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn secret(key: &str) -> Secret<[u8; 32]> {
    Secret::new(key.parse::<Bytes32>().unwrap().0)
}

/// Lets the window pass.
async fn pass(chain: &Chain) {
    chain.rpc("evm_increaseTime", json!([WINDOW_S + 1])).await;
    chain.rpc("evm_mine", json!([])).await;
}

/// A watcher in a process of its own. It ends with the test.
struct Watching {
    child: Child,
    said: mpsc::Receiver<Value>,
}

impl Watching {
    fn start(chain: &Chain) -> Self {
        std::fs::write(chain.path().join("watcher.key"), WATCHER).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_talea"))
            .args(["watch", "--key", "watcher.key", "--json"])
            .current_dir(chain.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = say.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, said }
    }

    /// Waits until the watcher says this.
    async fn says(&self, event: &str, batch: Option<u64>) {
        let wanted = |said: &Value| said["event"] == event && batch.is_none_or(|batch| said["batch"] == batch);
        let heard = async || self.said.try_iter().any(|said| wanted(&said)).then_some(());
        eventually_within(PATIENCE, event, heard).await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn step(writer: &Writer, claims: &Claims, step: Step<'_>) {
    writer.call(Call::Claims { claims: claims.address(), step }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_settles_by_its_window_and_a_lie_about_a_batch_costs_the_liar_its_bond() {
    let chain = Chain::start(&[
        ("execution = \"committee\"", "execution = \"optimistic\""),
        ("# challenge_period = 604800", "challenge_period = 3600"),
        ("# proposer_bond_eth = 24", "proposer_bond_eth = 24"),
        ("age_ms = 300", "age_ms = 1000"),
        ("# [hook]", "[proving]\nenabled = true\nprocesses = 1\njobs = 1\n\n# [hook]"),
    ]);
    let (client, eth) = (chain.client(), asset_of(EthAddress::ZERO));
    let checks = client.status().await.unwrap().contracts.validity.expect("proofs decide");
    let claims = Claims::of_rollup(&chain.l1, chain.contracts.rollup).await.unwrap().expect("it believes claims");
    let terms = claims.terms().await.unwrap();
    assert_eq!((terms.window_s, terms.bond, terms.prover_ppm), (WINDOW_S, Units::from(BOND_GWEI * GWEI), 500_000));
    let operator = chain.writer(&secret(OPERATOR)).await.address();
    let [from, to] = [1, 2].map(|n| chain.wallet(n).1);
    let (account, recipient) = (to.account(), chain.wallet(1).0.address());
    let writer = chain.writer(&also_rich()).await;
    writer.call(Call::DepositEth { account: from.account(), amount: amount(500) }).await.unwrap();
    let taken = async || (client.status().await.ok()?.cursor.inbox_count == 1).then_some(());
    eventually_within(PATIENCE, "the deposit is credited", taken).await;
    let wallet = Wallet::connect(client.clone(), from).await.unwrap();
    let withdrawn =
        wallet.send(&Action::Withdraw(Withdraw { asset: eth, amount: amount(100), recipient })).await.unwrap();

    // Nobody lies. Claims wait for the window, and nothing but the window.
    let sealed = async || Some(client.batch_of(withdrawn.height).await.ok()?.batch.header.number);
    let batch = eventually_within(PATIENCE, "the withdrawal is in a batch", sealed).await;
    await_claim(&claims, operator, batch).await;
    assert_eq!(claims.settled().await.unwrap(), 0);
    let told = json_of_status(&chain);
    assert_eq!((&told["claims"]["waiting"], &told["claims"]["operator_bond"]), (&json!(batch), &json!("locked")));
    pass(&chain).await;
    let settled = async || (client.status().await.ok()?.settled >= batch).then_some(());
    eventually_within(PATIENCE, "the claims settle", settled).await;
    assert!(steps(&chain, &checks).await.0.is_empty(), "nothing was proven");
    let proof = client.withdrawal(&withdrawn.id).await.unwrap();
    writer.claim(proof.batch, &proof.withdrawal, proof.position, &proof.path).await.unwrap();

    // The node dies with a claim on its way, and somebody claims something else. Only the watcher is there to see it.
    let watching = Watching::start(&chain);
    wallet.send(&Action::Transfer(Transfer { to: account, asset: eth, amount: amount(7) })).await.unwrap();
    let batch = batch + 1;
    await_claim(&claims, operator, batch).await;
    let truth = client.batch(batch).await.unwrap().batch.header;
    watching.says("executed", Some(batch)).await;
    chain.kill_all().await;
    let liar = chain.writer(&secret(LIAR)).await;
    let lie = BatchHeader { state_root: Digest::new([6, 6, 6, 6]).unwrap(), ..truth.clone() };
    step(&liar, &claims, Step::Join { bond: terms.bond }).await;
    step(&liar, &claims, Step::Claim { batch: &lie }).await;
    watching.says("contradicted", Some(batch)).await;
    let domain = Domain { chain_id: 31337, rollup: chain.contracts.rollup };
    let (true_claim, false_claim) = (truth.digest(&domain), lie.digest(&domain));
    assert_eq!(claims.proposers(&true_claim).await.unwrap(), 2, "the node and the watcher");
    assert_eq!(claims.contest(batch, &truth.parent_root).await.unwrap().claims, 2);
    pass(&chain).await;
    assert!(!claims.is_accepted(&false_claim).await.unwrap() && !claims.is_accepted(&true_claim).await.unwrap());

    // The node comes back, sees the contest, proves, and L1 takes some of it back.
    let up = talea(chain.path(), &["chain", "up"]);
    assert!(up.status.success(), "{up:?}");
    let first = async || (!steps(&chain, &checks).await.0.is_empty()).then_some(());
    eventually_within(PATIENCE, "a step of the proof is on L1", first).await;
    let told = json_status(&chain);
    assert_eq!(told["claims"]["contested"][0]["batch"], batch, "{told}");
    chain.rpc("anvil_reorg", json!([2, []])).await;
    let settled = async || (client.status().await.ok()?.settled >= batch).then_some(());
    eventually_within(PATIENCE, "the proof settles the batch", settled).await;
    assert_eq!(chain.reader().await.settled().await.unwrap().state_root, truth.state_root);
    let (found, _) = steps(&chain, &checks).await;
    assert!(!found.is_empty() && found.values().all(|times| *times == 1), "each step went once");

    // Half of the liar's bond pays for the proof, the rest is there to be burnt; everybody else is whole.
    let lost = async || (claims.standing(&liar.address()).await.ok()? == Standing::Eliminated).then_some(());
    eventually_within(PATIENCE, "the liar is eliminated", lost).await;
    assert_eq!(claims.owed(&EthAddress::ZERO).await.unwrap(), Units::from(BOND_GWEI / 2 * GWEI));
    let collected = async || (claims.owed(&operator).await.ok()? == Units::ZERO).then_some(());
    eventually_within(PATIENCE, "the prover is paid", collected).await;
    watching.says("closed", None).await;
    drop(watching);
    chain.kill_all().await;
    std::fs::write(chain.path().join("operator.key"), OPERATOR).unwrap();
    for key in ["watcher.key", "operator.key"] {
        json_of(chain.path(), &["watch", "--key", key, "--leave"]);
    }
    let watcher = chain.writer(&secret(WATCHER)).await.address();
    for whole in [watcher, operator] {
        assert_eq!(claims.standing(&whole).await.unwrap(), Standing::Stranger);
    }
    let held = chain.reader().await.eth_balance(claims.address()).await.unwrap();
    assert_eq!(held, Units::from(BOND_GWEI / 2 * GWEI), "nothing is left but what is burnt");
}

/// Waits until this proposer stands behind a claim about a batch, and no other does.
async fn await_claim(claims: &Claims, proposer: EthAddress, batch: u64) {
    let claimed = async || {
        let all = claims.claimed(0..=claims.head().await.ok()?).await.ok()?;
        let of_batch: Vec<_> = all.iter().filter(|claim| claim.number == batch).collect();
        (!of_batch.is_empty() && of_batch.iter().all(|claim| claim.proposer == proposer)).then_some(())
    };
    eventually_within(PATIENCE, "the batch is claimed", claimed).await;
}

/// What `talea chain status` says when all is well.
fn json_of_status(chain: &Chain) -> Value {
    json_of(chain.path(), &["chain", "status"])
}

/// What it says, whatever that is.
fn json_status(chain: &Chain) -> Value {
    let output = talea(chain.path(), &["chain", "status", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}
