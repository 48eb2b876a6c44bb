//! From a sealed batch to its proof: the queue on a real store, and provers that are honest or not.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use crypto::account::SecretKey;
use ledger::account::Transfer;
use ledger::bridge::{asset_of, token_word};
use ledger::{Deposit, Message};
use proof::committee::Committee;
use proof::joined::Leaf;
use proof::{BatchHeader, BlockHeader};
use prover::{Failed, Job, Unprovable};
use settler::proving::core::JobId;
use settler::proving::run::{Cost, Demand, Error, Handle, Lent, start};
use settler::proving::{At, Named, View};
use state::State;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Store;
use task::Parameters;
use transition::proven::{ProvenBatch, ProvenBlock, ProvenLeaf};
use transition::{Action, BatchInput, Block, ChainConfig, Entry, L1Rules, Receipt, Transaction};
use types::{AccountId, Amount, Bytes32, Decode as _, Digest, Encode as _, EthAddress, Height, Millis, Ppm};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn config() -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    let parameters = Parameters {
        coordinator: nobody,
        treasury: nobody,
        resolvers: Vec::new(),
        threshold: 2,
        provider_share: Ppm(0),
        author_share: Ppm(0),
        slash: Ppm(0),
        stake_min: Amount::ZERO,
        verdict_window: Millis(0),
    };
    let committee = Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() };
    let sequencer = key(0).public();
    let (salt, rules) = (Bytes32::ZERO, L1Rules::default());
    ChainConfig { salt, l1_chain_id: 1, committee, parameters, sequencer, rules }
}

/// The chain as far as it went, and what is not sealed of it.
struct Chain {
    state: State,
    head: Option<BlockHeader>,
    batch: Option<BatchHeader>,
    genesis_root: Digest,
    unsealed: Vec<(Block, Vec<Receipt>)>,
}

#[derive(Clone)]
struct World {
    chain: Arc<Mutex<Chain>>,
    store: Store,
    _folder: Arc<tempfile::TempDir>,
}

impl View for World {
    async fn portion(&self, keys: Vec<Named>) -> Result<At, String> {
        let chain = self.chain.lock().unwrap();
        let head = chain.head.as_ref().map_or(Height(0), |head| head.height);
        Ok(At { head, root: chain.state.root(), portion: chain.state.portion(keys) })
    }
}

fn transfer(from: u8, to: u8, nonce: u64, quanta: u64) -> Entry {
    let asked = Transfer { to: key(to).account(), asset: asset_of(EthAddress::ZERO), amount: amount(quanta) };
    signed(from, nonce, Action::Transfer(asked))
}

fn signed(by: u8, nonce: u64, action: Action) -> Entry {
    Entry::Transaction(Transaction::sign(&key(by), &config().hash(), nonce, action).to_bytes().into())
}

impl World {
    /// A chain whose first batch is deposits of a hundred for so many accounts.
    fn new(accounts: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store.redb")).unwrap();
        let genesis = transition::genesis(&config());
        store.commit_genesis(&genesis).unwrap();
        let mut state = State::default();
        state.apply(&genesis);
        let genesis_root = state.root();
        let chain = Chain { state, head: None, batch: None, genesis_root, unsealed: Vec::new() };
        let world = Self { chain: Arc::new(Mutex::new(chain)), store, _folder: Arc::new(folder) };
        let deposits = (1..=accounts).map(|n| {
            let (token, account, index) = (token_word(EthAddress::ZERO), key(n).account(), u64::from(n) - 1);
            Entry::Message(Message::Deposit(Deposit {
                index,
                account,
                token,
                amount: amount(100),
                sender: EthAddress::ZERO,
            }))
        });
        world.block(deposits.collect());
        world.seal();
        world
    }

    fn block(&self, entries: Vec<Entry>) -> Vec<Receipt> {
        let mut chain = self.chain.lock().unwrap();
        let Chain { state, head, .. } = &mut *chain;
        let time = Millis(head.as_ref().map_or(5, |head| head.time.0 + 7));
        let executed = transition::execute(state, &config(), head.as_ref(), entries, time);
        self.store.commit_block(&executed).unwrap();
        chain.head = Some(executed.block.header.clone());
        chain.unsealed.push((executed.block.clone(), executed.receipts.clone()));
        executed.receipts
    }

    fn seal(&self) -> u64 {
        let mut chain = self.chain.lock().unwrap();
        let (blocks, receipts): (Vec<Block>, Vec<_>) = std::mem::take(&mut chain.unsealed).into_iter().unzip();
        let batch = transition::seal(&BatchInput {
            config_hash: config().hash(),
            parent: chain.batch.as_ref(),
            genesis_root: chain.genesis_root,
            blocks: &blocks,
            receipts: &receipts.concat(),
            diff: None,
        });
        self.store.commit_batch(&batch).unwrap();
        chain.batch = Some(batch.header.clone());
        batch.header.number
    }

    /// Decides how the first batch is proven: not at all.
    fn pass_over_the_first(&self) {
        let plan = settler::proving::Plan::Refused(settler::proving::Refused { reason: Box::default() });
        self.store.commit_plan(1, &plan.to_bytes(), &[]).unwrap();
    }

    fn queue(&self) -> Handle {
        let (handle, queue) = start(self.store.clone(), config(), self.clone(), Demand::All).unwrap();
        tokio::spawn(queue);
        handle
    }

    fn proven(&self, number: u64) -> ProvenBatch {
        let batch = self.store.batch(number).unwrap().unwrap();
        let blocks = (batch.first.0..=batch.last.0).map(|height| ProvenBlock {
            block: self.store.block(Height(height)).unwrap().unwrap(),
            receipts: self.store.receipts(Height(height)).unwrap().unwrap(),
        });
        let leaves = (0..).map_while(|leaf| self.store.leaf_proof(number, leaf).unwrap());
        let leaves = leaves.map(|leaf| ProvenLeaf::from_bytes(&leaf).unwrap()).collect();
        ProvenBatch { header: batch.header, evidence: None, blocks: blocks.collect(), leaves }
    }
}

async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        loop {
            clock.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

async fn job(queue: &Handle) -> (JobId, u64, Job) {
    let lent = eventually("a job", async || queue.lend("a test".to_owned()).await.unwrap()).await;
    let Lent { job, lease, bytes } = lent;
    (job, lease, Job::from_bytes(&bytes).unwrap())
}

async fn proof_of(job: Job) -> Result<Box<[u8]>, Failed> {
    tokio::task::spawn_blocking(move || job.prove(&|_| {})).await.unwrap().map(|leaf| leaf.proof)
}

const COST: Cost = Cost { wall_ms: 1_000, cpu_ms: 2_000 };

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_proven_from_its_job_alone_while_the_chain_goes_on() {
    let world = World::new(5);
    world.pass_over_the_first();
    world.block(vec![transfer(1, 2, 0, 30), transfer(3, 9, 0, 100), transfer(2, 1, 0, 131)]);
    // Of the rejected one, the balance is read and never written; the last account has nothing at all.
    let receipts = world.block(vec![transfer(4, 1, 0, 101), transfer(8, 1, 0, 1), transfer(1, 4, 1, 70)]);
    assert_eq!(receipts.iter().map(Receipt::is_applied).collect::<Vec<_>>(), [false, false, true]);
    let number = world.seal();
    world.block(vec![transfer(4, 7, 1, 5), transfer(2, 3, 1, 9), transfer(9, 5, 0, 100)]);

    let queue = world.queue();
    let (id, lease, work) = job(&queue).await;
    assert_eq!((id, work.entries()), (JobId { batch: number, leaf: 0 }, 6));
    assert!(queue.beat(id, lease, 2).await.unwrap());
    let stage = queue.look().await.unwrap().batches[0].at_work[0].stage.clone();
    assert_eq!(stage, "proving");

    let good = proof_of(work.clone()).await.unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    assert!(matches!(queue.prove(id, COST, bad).await, Err(Error::Refused(_))));
    let nobodys = JobId { batch: number, leaf: 1 };
    assert!(matches!(queue.prove(nobodys, COST, good.clone()).await, Err(Error::Unknown(_))));
    assert_eq!(queue.look().await.unwrap().proven, None, "nothing false was taken");

    // Twice is as good as once.
    queue.prove(id, COST, good.clone()).await.unwrap();
    queue.prove(id, COST, good).await.unwrap();
    assert_eq!(queue.look().await.unwrap().proven, Some(number));
    assert!(queue.lend("a test".to_owned()).await.unwrap().is_none());
    assert!(!queue.beat(id, lease, 3).await.unwrap());

    let proven = world.proven(number);
    assert_eq!(ProvenBatch::from_bytes(&proven.to_bytes()).unwrap(), proven);
    let claim = proven.check(&config().hash()).unwrap();
    assert_eq!((claim.parent_root, claim.state_root), (proven.header.parent_root, proven.header.state_root));
    check_lies(&proven);
    // What a restart finds is proven.
    assert_eq!(world.queue().look().await.unwrap().proven, Some(number));
}

/// Changes every part of a proven batch, of which none may hold then.
fn check_lies(proven: &ProvenBatch) {
    let chain = config().hash();
    let refuse = |what: &str, change: &dyn Fn(&mut ProvenBatch)| {
        let mut changed = proven.clone();
        change(&mut changed);
        assert!(changed.check(&chain).is_err(), "{what}");
    };
    refuse("another root before", &|batch| batch.header.parent_root = batch.header.state_root);
    refuse("another root after", &|batch| batch.header.state_root = batch.header.parent_root);
    refuse("other data", &|batch| batch.header.data_root = Bytes32::ZERO);
    refuse("no block", &|batch| batch.blocks.clear());
    refuse("a block less", &|batch| _ = batch.blocks.pop());
    refuse("an entry less", &|batch| _ = batch.blocks[0].block.entries.pop());
    refuse("another entry", &|batch| batch.blocks[0].block.entries[0] = transfer(1, 2, 0, 31));
    refuse("another outcome", &|batch| batch.blocks[0].receipts.swap(0, 1));
    refuse("no leaf", &|batch| batch.leaves.clear());
    refuse("a leaf twice", &|batch| batch.leaves.push(batch.leaves[0].clone()));
    refuse("an entry too many", &|batch| batch.leaves[0].entries += 1);
    refuse("another claim", &|batch| batch.leaves[0].leaf.claim.entries = Digest::ZERO);
    refuse("no proof", &|batch| batch.leaves[0].leaf.proof = Box::default());
    assert!(proven.check(&Digest::ZERO).is_err(), "another chain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_is_cut_into_leaves_whose_jobs_chain() {
    let world = World::new(2);
    world.pass_over_the_first();
    for block in 0..3 {
        let nonces = block * 700..(block + 1) * 700;
        world.block(nonces.map(|nonce| transfer(1, 2, nonce, 0)).collect());
    }
    let number = world.seal();
    let queue = world.queue();
    let mut jobs = Vec::new();
    for leaf in 0..3 {
        let (id, _, work) = job(&queue).await;
        assert_eq!(id, JobId { batch: number, leaf });
        jobs.push(work);
    }
    assert_eq!(jobs.iter().map(Job::entries).collect::<Vec<_>>(), [1_024, 1_024, 52]);
    let leaf =
        |job: &Job| Leaf { claim: job.claim, messages: Vec::new(), withdrawals: Vec::new(), proof: Box::default() };
    let joined = proof::joined::chain(&jobs.iter().map(leaf).collect::<Vec<_>>()).unwrap();
    let header = world.store.batch(number).unwrap().unwrap().header;
    assert_eq!((joined.parent_root, joined.state_root), (header.parent_root, header.state_root));
    // The last leaf is proven by itself.
    let last = jobs.pop().unwrap();
    let proof = proof_of(last).await.unwrap();
    queue.prove(JobId { batch: number, leaf: 2 }, COST, proof).await.unwrap();
    let at_work = queue.look().await.unwrap().batches;
    assert_eq!((at_work[0].leaves, at_work[0].proven), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_proven_is_recorded_with_the_reason_and_others_go_on() {
    let world = World::new(2);
    world.pass_over_the_first();
    world.block(vec![transfer(1, 2, 0, 3)]);
    let first = world.seal();
    world.block(vec![transfer(2, 1, 0, 3)]);
    let second = world.seal();
    let queue = world.queue();
    let (id, lease, _) = job(&queue).await;
    assert_eq!(id.batch, first);
    let failed = Failed::Unprovable(Unprovable::Time(Millis(1)));
    queue.fail(id, lease, failed.to_string(), true).await.unwrap();
    let (id, ..) = job(&queue).await;
    assert_eq!(id.batch, second);
    let told = queue.look().await.unwrap().not_proven;
    assert!(told.last().is_some_and(|told| told.batch == first && told.reason.contains("older")), "{told:?}");
    let told = world.queue().look().await.unwrap().not_proven;
    assert!(told.iter().any(|told| told.batch == first), "a restart knows it: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_is_not_proven_and_what_comes_in_its_place_is() {
    let world = World::new(2);
    world.pass_over_the_first();
    let queue = world.queue();
    world.block(vec![transfer(1, 2, 0, 3)]);
    let number = world.seal();
    let (id, lease, _) = job(&queue).await;
    assert_eq!(id.batch, number);
    {
        let mut chain = world.chain.lock().unwrap();
        let back = world.store.rewind(1).unwrap();
        (chain.head, chain.batch) = (back.head, back.batch.map(|batch| batch.header));
        chain.state = world.store.state(None, &state::Sequential).unwrap();
    }
    let gone = async || (!queue.beat(id, lease, 0).await.unwrap()).then_some(());
    eventually("the job is gone", gone).await;
    world.block(vec![transfer(2, 1, 0, 4)]);
    assert_eq!(world.seal(), number);
    let (id, _, work) = job(&queue).await;
    assert_eq!((id.batch, work.claim.state_root), (number, world.chain.lock().unwrap().state.root()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_job_is_told_from_one_that_cannot_be_proven() {
    let world = World::new(2);
    world.pass_over_the_first();
    world.block(vec![transfer(1, 2, 0, 3)]);
    world.seal();
    let (_, _, good) = job(&world.queue()).await;
    let changes: [&dyn Fn(&mut Job); 6] = [
        &|job| job.claim.parent_root = Digest::ZERO,
        &|job| job.claim.state_root = Digest::ZERO,
        &|job| job.claim.entries = Digest::ZERO,
        &|job| _ = job.parts.pop(),
        &|job| job.touched[0].key[0] = 255,
        &|job| job.touched.clear(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        let failed = proof_of(bad).await.unwrap_err();
        assert!(matches!(failed, Failed::Damaged(_)), "change {number} gives {failed:?}");
    }
    // Any byte of a job may be wrong: it then does not read, or fails, or says the same in another batch's name.
    let bytes = good.to_bytes();
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(changed) = Job::from_bytes(&changed) else { continue };
        let same = (&changed.claim, &changed.segments) == (&good.claim, &good.segments);
        if !same {
            assert!(proof_of(changed).await.is_err(), "byte {at}");
        }
    }
}

#[test]
fn any_bytes_are_a_job_or_none() {
    let mut chance = 1u64;
    let mut roll = || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chance >> 33
    };
    for _ in 0..20_000 {
        let length = roll() % 300;
        // Small numbers make counts that are likely.
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(roll() % 256 * (roll() % 2)).unwrap()).collect();
        if let Ok(job) = Job::from_bytes(&bytes) {
            assert_eq!(job.to_bytes(), bytes);
            assert!(job.prove(&|_| {}).is_err());
        }
        if let Ok(batch) = ProvenBatch::from_bytes(&bytes) {
            assert!(batch.check(&config().hash()).is_err());
        }
        if let Ok(upload) = api::proving::Upload::from_bytes(&bytes) {
            assert_eq!(upload.to_bytes(), bytes);
        }
    }
}
