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
/// Most words of a watcher that nobody has listened to.
const SAID: usize = 1_024;
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
            // A stranger: nothing but where the chain is.
            .args(["watch", "--api", &chain.api, "--l1", &chain.l1, "--rollup", &chain.contracts.rollup.to_string()])
            .args(["--key", "watcher.key", "--data", "stranger", "--json"])
            .current_dir(chain.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, said) = mpsc::sync_channel(SAID);
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

/// A chain that settles by claims, and who takes part.
struct Optimistic {
    chain: Chain,
    claims: Claims,
    checks: api::Validity,
    operator: EthAddress,
    /// Of somebody who pays for deposits.
    writer: Writer,
}

impl Optimistic {
    async fn start() -> Self {
        let chain = Chain::start(&[
            ("execution = \"committee\"", "execution = \"optimistic\""),
            ("# challenge_period = 604800", "challenge_period = 3600"),
            ("# proposer_bond_eth = 24", "proposer_bond_eth = 24"),
            ("age_ms = 300", "age_ms = 1000"),
            ("# [hook]", "[proving]\nenabled = true\nprocesses = 1\njobs = 1\nleaves = 1\n\n# [hook]"),
        ]);
        let checks = chain.client().status().await.unwrap().contracts.validity.expect("proofs decide");
        let claims = Claims::of_rollup(&chain.l1, chain.contracts.rollup).await.unwrap().expect("it believes claims");
        let terms = claims.terms().await.unwrap();
        assert_eq!((terms.window_s, terms.bond, terms.prover_ppm), (WINDOW_S, Units::from(BOND_GWEI * GWEI), 500_000));
        let operator = chain.writer(&secret(OPERATOR)).await.address();
        let writer = chain.writer(&also_rich()).await;
        Self { chain, claims, checks, operator, writer }
    }

    async fn step(&self, writer: &Writer, step: Step<'_>) {
        writer.call(Call::Claims { claims: self.claims.address(), step }).await.unwrap();
    }

    /// Waits until this batch is settled, and all before it.
    async fn await_settled(&self, batch: u64) {
        let client = self.chain.client();
        let settled = async || (client.status().await.ok()?.settled >= batch).then_some(());
        eventually_within(PATIENCE, "the batch settles", settled).await;
    }

    /// Waits until the operator stands behind a claim about a batch, and nobody else does.
    async fn await_claim(&self, batch: u64) {
        let claimed = async || {
            let all = self.claims.claimed(0..=self.claims.head().await.ok()?).await.ok()?;
            let of_batch: Vec<_> = all.iter().filter(|claim| claim.number == batch).collect();
            (!of_batch.is_empty() && of_batch.iter().all(|claim| claim.proposer == self.operator)).then_some(())
        };
        eventually_within(PATIENCE, "the batch is claimed", claimed).await;
    }

    /// Deposits, and takes some of it off again. Returns the batch of the withdrawal, when L1 paid it.
    async fn pass_without_a_lie(&self, wallet: &EthAddress) -> (Wallet, u64) {
        let (chain, client, from) = (&self.chain, self.chain.client(), self.chain.wallet(1).1);
        let call = Call::DepositEth { account: from.account(), amount: amount(500) };
        self.writer.call(call).await.unwrap();
        let taken = async || (client.status().await.ok()?.cursor.inbox_count == 1).then_some(());
        eventually_within(PATIENCE, "the deposit is credited", taken).await;
        let sender = Wallet::connect(client.clone(), from).await.unwrap();
        let withdraw = Withdraw { asset: asset_of(EthAddress::ZERO), amount: amount(100), recipient: *wallet };
        let withdrawn = sender.send(&Action::Withdraw(withdraw)).await.unwrap();
        let sealed = async || Some(client.batch_of(withdrawn.height).await.ok()?.batch.header.number);
        let batch = eventually_within(PATIENCE, "the withdrawal is in a batch", sealed).await;

        self.await_claim(batch).await;
        assert_eq!(self.claims.settled().await.unwrap(), 0, "claims wait for the window");
        let told = json_of(chain.path(), &["chain", "status"]);
        assert_eq!((&told["claims"]["waiting"], &told["claims"]["operator_bond"]), (&json!(batch), &json!("locked")));
        pass(chain).await;
        self.await_settled(batch).await;
        assert!(steps(chain, &self.checks).await.0.is_empty(), "nothing was proven");
        let proof = client.withdrawal(&withdrawn.id).await.unwrap();
        self.writer.claim(proof.batch, &proof.withdrawal, proof.position, &proof.path).await.unwrap();
        (sender, batch)
    }

    /// Has the node killed while a claim of its own waits, and somebody claim something else about the batch. Only the
    /// watcher is there to see it. Returns the true outcome and the false claim's maker.
    async fn lie(&self, watching: &Watching, batch: u64) -> (BatchHeader, EthAddress) {
        let (chain, claims) = (&self.chain, &self.claims);
        self.await_claim(batch).await;
        let truth = chain.client().batch(batch).await.unwrap().batch.header;
        watching.says("executed", Some(batch)).await;
        chain.kill_all().await;
        let liar = chain.writer(&secret(LIAR)).await;
        let lie = BatchHeader { state_root: Digest::new([6, 6, 6, 6]).unwrap(), ..truth.clone() };
        self.step(&liar, Step::Join { bond: Units::from(BOND_GWEI * GWEI) }).await;
        self.step(&liar, Step::Claim { batch: &lie }).await;
        watching.says("contradicted", Some(batch)).await;
        let domain = Domain { chain_id: 31337, rollup: chain.contracts.rollup };
        let (true_claim, false_claim) = (truth.digest(&domain), lie.digest(&domain));
        assert_eq!(claims.proposers(&true_claim).await.unwrap(), 2, "the node and the watcher");
        assert_eq!(claims.contest(batch, &truth.parent_root).await.unwrap().claims, 2);
        pass(chain).await;
        let is_accepted =
            [true_claim, false_claim].map(|claim| async move { claims.is_accepted(&claim).await.unwrap() });
        for accepted in is_accepted {
            assert!(!accepted.await, "no window decides a contest");
        }
        (truth, liar.address())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_settles_by_its_window_and_a_lie_about_a_batch_costs_the_liar_its_bond() {
    let run = Optimistic::start().await;
    let Optimistic { chain, claims, checks, operator, .. } = &run;
    let (wallet, batch) = run.pass_without_a_lie(&chain.wallet(1).0.address()).await;
    let watching = Watching::start(chain);
    let transfer = Transfer { to: chain.wallet(2).1.account(), asset: asset_of(EthAddress::ZERO), amount: amount(7) };
    wallet.send(&Action::Transfer(transfer)).await.unwrap();
    let batch = batch + 1;
    let (truth, liar) = run.lie(&watching, batch).await;

    // The node comes back, sees the contest, proves, and L1 takes some of it back.
    let up = talea(chain.path(), &["chain", "up"]);
    assert!(up.status.success(), "{up:?}");
    let told = talea(chain.path(), &["chain", "status", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["ok"], &told["claims"]["contested"][0]["batch"]), (&json!(false), &json!(batch)), "{told}");
    let first = async || (!steps(chain, checks).await.0.is_empty()).then_some(());
    eventually_within(PATIENCE, "a step of the proof is on L1", first).await;
    chain.rpc("anvil_reorg", json!([2, []])).await;
    run.await_settled(batch).await;
    assert_eq!(chain.reader().await.settled().await.unwrap().state_root, truth.state_root);
    let (found, _) = steps(chain, checks).await;
    assert!(!found.is_empty() && found.values().all(|times| *times == 1), "each step went once");

    // Half of the liar's bond pays for the proof, the rest is burnt; everybody else is whole.
    let lost = async || (claims.standing(&liar).await.ok()? == Standing::Eliminated).then_some(());
    eventually_within(PATIENCE, "the liar is eliminated", lost).await;
    let collected = async || (claims.owed(operator).await.ok()? == Units::ZERO).then_some(());
    eventually_within(PATIENCE, "the prover is paid", collected).await;
    let burnt = async || (claims.owed(&EthAddress::ZERO).await.ok()? == Units::ZERO).then_some(());
    eventually_within(PATIENCE, "the rest is burnt", burnt).await;
    watching.says("closed", None).await;
    drop(watching);
    chain.kill_all().await;
    std::fs::write(chain.path().join("operator.key"), OPERATOR).unwrap();
    for key in ["watcher.key", "operator.key"] {
        let rollup = chain.contracts.rollup.to_string();
        json_of(chain.path(), &["watch", "--l1", &chain.l1, "--rollup", &rollup, "--key", key, "--leave"]);
    }
    let held = chain.reader().await.eth_balance(claims.address()).await.unwrap();
    assert_eq!(held, Units::ZERO, "what is not paid is burnt, and everybody else has the bond back");
}
