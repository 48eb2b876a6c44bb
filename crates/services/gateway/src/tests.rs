//! Every route, as the router answers it.

use crate::port::{Confirmed, Node, Refused};
use crate::run::{Gateway, bind, serve};
use api::bulk::{self, Outcome};
use api::{
    AccountView, BatchView, Batches, BlockView, Blocks, Confirmation, Contracts, Failure, Hex, Page, Receipts, Status,
    SubmitRequest, TallyView, Vote, path,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use client::{Client, Wallet};
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use crypto::list::Tree;
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey};
use ledger::bridge::{asset_of, token_word};
use ledger::tally::Split;
use ledger::{Deposit, Message, Resolver, Terms};
use proof::committee::Committee;
use proof::confirmation::{SignedHeader, SoftConfirmation};
use proof::{Anchor, BatchHeader, BlockHeader, Domain};
use state::State;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Store;
use task::Parameters;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt as _;
use transition::{
    Action, Batch, BatchInput, Block, ChainConfig, Checked, Entry, Incoming, L1Rules, Receipt, Transaction,
    entry_leaves,
};
use types::{
    AccountId, Amount, AssetId, Bytes32, Decode, Digest, Encode as _, EthAddress, Height, Millis, Ppm, Signature,
    TransactionId, limits,
};

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn sequencer() -> SecretKey {
    key(0)
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
    ChainConfig {
        salt: Bytes32::ZERO,
        l1_chain_id: 1,
        committee,
        parameters,
        sequencer: sequencer().public(),
        rules: L1Rules::default(),
    }
}

/// A chain without a queue: every request is a block of its own.
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
    heads: watch::Sender<Height>,
    /// Transactions that are still answered as if something before them were missing, and all that came.
    behind: Arc<Mutex<(usize, Vec<TransactionId>)>>,
    _folder: Arc<TempDir>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store.redb")).unwrap();
        let genesis = transition::genesis(&config());
        store.commit_genesis(&genesis).unwrap();
        let mut state = State::default();
        state.apply(&genesis);
        let genesis_root = state.root();
        let chain = Chain { state, head: None, batch: None, genesis_root, unsealed: Vec::new() };
        let heads = watch::channel(Height(0)).0;
        Self { chain: Arc::new(Mutex::new(chain)), store, heads, behind: Arc::default(), _folder: Arc::new(folder) }
    }

    fn block(&self, entries: Vec<Incoming>) -> (Block, Vec<Receipt>) {
        let mut chain = self.chain.lock().unwrap();
        let Chain { state, head, .. } = &mut *chain;
        let executed = transition::execute(state, &config(), head.as_ref(), entries, Millis(1));
        self.store.commit_block(&executed).unwrap();
        self.heads.send_replace(executed.block.header.height);
        chain.head = Some(executed.block.header.clone());
        chain.unsealed.push((executed.block.clone(), executed.receipts.clone()));
        (executed.block, executed.receipts)
    }

    /// Credits an account with 1,000 of a token, in a block of its own.
    fn deposit(&self, index: u64, to: &SecretKey, token: EthAddress) {
        let (amount, token) = (Amount::new(1_000).unwrap(), token_word(token));
        let deposit = Deposit { index, account: to.account(), token, amount, sender: EthAddress::ZERO };
        assert!(self.block(vec![Incoming::Message(Message::Deposit(deposit))]).1[0].is_applied());
    }

    fn seal(&self, diff: Option<&[u8]>) -> Batch {
        let mut chain = self.chain.lock().unwrap();
        let (blocks, receipts): (Vec<Block>, Vec<_>) = std::mem::take(&mut chain.unsealed).into_iter().unzip();
        let batch = transition::seal(&BatchInput {
            config_hash: config().hash(),
            parent: chain.batch.as_ref(),
            genesis_root: chain.genesis_root,
            blocks: &blocks,
            receipts: &receipts.concat(),
            diff,
        });
        match diff {
            Some(diff) => self.store.commit_batch_with(&batch, diff).unwrap(),
            None => self.store.commit_batch(&batch).unwrap(),
        }
        chain.batch = Some(batch.header.clone());
        batch
    }

    fn gateway(&self) -> Gateway<Self> {
        let config = config();
        let domain = Domain { chain_id: 1, rollup: EthAddress::ZERO };
        let anchor = Anchor { config_hash: config.hash(), domain, committee: config.committee.clone() };
        let nobody = EthAddress::ZERO;
        Gateway {
            node: self.clone(),
            store: self.store.clone(),
            genesis_root: self.chain.lock().unwrap().genesis_root,
            config: Arc::new(config),
            anchor: Arc::new(anchor),
            contracts: Contracts {
                rollup: nobody,
                vault: nobody,
                committee: nobody,
                exits: nobody,
                halves: nobody,
                token: None,
                validity: None,
            },
            members: Arc::new(Mutex::new(BTreeSet::new())),
            render: Some(crate::metrics::install()),
        }
    }

    fn routes(&self) -> Router {
        self.gateway().routes()
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, Bytes) {
        let response = self.routes().oneshot(request).await.unwrap();
        let status = response.status();
        (status, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap())
    }

    async fn get(&self, at: &str) -> (StatusCode, Bytes) {
        self.ask(Request::get(at).body(Body::empty()).unwrap()).await
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, at: &str) -> T {
        let (status, body) = self.get(at).await;
        assert_eq!(status, StatusCode::OK, "{at}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    async fn bytes(&self, at: &str) -> Bytes {
        let (status, body) = self.get(at).await;
        assert_eq!(status, StatusCode::OK, "{at}: {body:?}");
        body
    }

    /// Asks for what is refused, and returns the status and the code.
    async fn refusal(&self, request: Request<Body>) -> (u16, u32) {
        let (status, body) = self.ask(request).await;
        let failure: Failure = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status}: {body:?}"));
        assert!(!failure.message.is_empty());
        (status.as_u16(), failure.code)
    }

    async fn refused(&self, at: &str) -> u16 {
        self.refusal(Request::get(at).body(Body::empty()).unwrap()).await.0
    }

    async fn bulk(&self, transactions: &[Box<[u8]>]) -> bulk::Answer {
        let request = Request::post(path::BULK).body(Body::from(transactions.to_vec().to_bytes())).unwrap();
        let (status, body) = self.ask(request).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        bulk::Answer::from_bytes(&body).unwrap()
    }
}

impl Node for World {
    async fn submit_all(&self, transactions: Vec<Checked>) -> Result<Vec<Result<Confirmed, Refused>>, Refused> {
        let ids: Vec<TransactionId> = transactions.iter().map(Checked::id).collect();
        {
            let mut behind = self.behind.lock().unwrap();
            behind.1.extend(&ids);
            if behind.0 > 0 {
                behind.0 -= 1;
                return Ok(ids.iter().map(|_| Err(Refused::Rejected(303, "missing".to_owned()))).collect());
            }
        }
        let (block, receipts) = self.block(transactions.into_iter().map(|tx| Incoming::Checked(tx.into())).collect());
        let tree = Tree::new(&entry_leaves(&block.entries, &receipts));
        let signed = Arc::new(SignedHeader::sign(&sequencer(), &config().hash(), block.header.clone()));
        let confirmed = receipts.into_iter().zip(ids).enumerate().map(|(at, (receipt, id))| {
            // As the sequencer does: what has no place in the order of its sender is in no block.
            if let transition::Status::Rejected(code @ (302 | 303)) = receipt.status {
                return Err(Refused::Rejected(code, "out of order".to_owned()));
            }
            Ok(Confirmed {
                id,
                height: block.header.height,
                position: u32::try_from(at).unwrap(),
                receipt,
                path: tree.path(at).unwrap(),
                block: Arc::clone(&signed),
            })
        });
        Ok(confirmed.collect())
    }

    async fn confirm(&self, header: BlockHeader) -> Result<SignedHeader, Refused> {
        Ok(SignedHeader::sign(&sequencer(), &config().hash(), header))
    }

    async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State, Option<&BlockHeader>) -> R + Send + 'static,
    ) -> Result<R, Refused> {
        let chain = self.chain.lock().unwrap();
        Ok(read(&chain.state, chain.head.as_ref()))
    }

    fn head(&self) -> watch::Receiver<Height> {
        self.heads.subscribe()
    }

    async fn sign(&self, number: u64, _: EthAddress, _: EthSignature) -> Result<(), Refused> {
        if number == 1 { Ok(()) } else { Err(Refused::Rejected(0, "no such batch".to_owned())) }
    }

    async fn vote(&self, _: Vote) -> Result<(), Refused> {
        Err(Refused::Busy("later".to_owned()))
    }
}

const ETH: EthAddress = EthAddress::ZERO;

fn transfer(quanta: u64) -> Action {
    let amount = Amount::new(quanta).unwrap();
    Action::Transfer(Transfer { to: key(9).account(), asset: asset_of(ETH), amount })
}

fn signed(from: &SecretKey, nonce: u64, action: Action) -> Transaction {
    Transaction::sign(from, &config().hash(), nonce, action)
}

fn post(at: &str, body: &impl serde::Serialize) -> Request<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    Request::post(at).header("content-type", "application/json").body(body).unwrap()
}

fn submit(transaction: Vec<u8>) -> Request<Body> {
    post(path::TRANSACTIONS, &SubmitRequest { transaction: Hex(transaction) })
}

fn id(n: u64) -> Digest {
    Digest::new([n, 1, 1, 1]).unwrap()
}

#[tokio::test]
async fn a_transaction_is_confirmed_by_the_sequencers_signature_then_and_later() {
    let world = World::new();
    world.deposit(0, &key(1), ETH);
    let tx = signed(&key(1), 0, transfer(5));
    let (status, body) = world.ask(submit(tx.to_bytes())).await;
    assert_eq!(status, StatusCode::OK, "{body:?}");
    let confirmation: Confirmation = serde_json::from_slice(&body).unwrap();
    let chain = config().hash();
    assert_eq!((confirmation.id, confirmation.height, confirmation.position), (tx.id(&chain), Height(2), 0));
    let soft = SoftConfirmation::from_bytes(&confirmation.soft.0).unwrap();
    let entry = Entry::Transaction(tx.to_bytes().into()).to_bytes();
    assert!(soft.confirms(&entry, &sequencer().public(), &chain));
    assert_eq!(*soft.receipt, *confirmation.receipt.to_bytes());

    let later: Confirmation = world.json(&path::transaction(&confirmation.id)).await;
    assert_eq!(later, confirmation);
    assert_eq!(*world.bytes(&path::confirmation(&confirmation.id)).await, *confirmation.soft.0);
    for route in [path::transaction, path::confirmation, path::proof, path::withdrawal] {
        assert_eq!(world.refused(&route(&TransactionId(id(1)))).await, 404);
    }
}

#[tokio::test]
async fn a_rejected_transaction_is_explained_and_a_refused_one_has_its_code() {
    let world = World::new();
    let body = world.ask(submit(signed(&key(1), 0, transfer(5)).to_bytes())).await.1;
    let confirmation: Confirmation = serde_json::from_slice(&body).unwrap();
    assert!(!confirmation.receipt.is_applied() && confirmation.explanation.is_some());
    assert_eq!(world.refusal(submit(vec![0])).await, (400, 300));
    let other = Transaction { nonce: 1, ..signed(&key(1), 0, transfer(5)) };
    assert_eq!(world.refusal(submit(other.to_bytes())).await, (400, 301));
    assert_eq!(world.refusal(submit(signed(&key(1), 7, transfer(5)).to_bytes())).await, (400, 303));
    assert_eq!(world.refusal(post(path::TRANSACTIONS, &"no")).await, (422, 0));
    assert_eq!(world.refusal(post(path::TRANSACTIONS, &"x".repeat(1 << 17))).await, (413, 0));
}

#[tokio::test]
async fn many_transactions_are_answered_in_their_order_with_their_blocks() {
    let world = World::new();
    world.deposit(0, &key(1), ETH);
    let mut sent: Vec<Box<[u8]>> = (0..50).map(|nonce| signed(&key(1), nonce, transfer(1)).to_bytes().into()).collect();
    sent[3] = [1, 2, 3].into();
    sent.push(sent[0].clone());
    let answer = world.bulk(&sent).await;
    assert_eq!(answer.outcomes.len(), 51);
    assert_eq!(answer.outcomes[3], Outcome::Refused(300));
    assert_eq!(answer.outcomes[4], Outcome::Refused(303), "the one before it is missing");
    assert_eq!(answer.outcomes[50], Outcome::Refused(302));
    assert_eq!(answer.blocks.len(), 1);
    assert!(answer.blocks[0].is_signed_by(&sequencer().public(), &config().hash()));
    for (at, outcome) in answer.outcomes[..3].iter().enumerate() {
        let Outcome::Placed(placed) = outcome else { panic!("{outcome:?}") };
        assert_eq!(placed.height, answer.blocks[0].header.height);
        assert_eq!(usize::try_from(placed.position).unwrap(), at);
        let soft = world.bytes(&path::confirmation(&placed.id)).await;
        let entry = Entry::Transaction(sent[at].clone()).to_bytes();
        let soft = SoftConfirmation::from_bytes(&soft).unwrap();
        assert!(soft.confirms(&entry, &sequencer().public(), &config().hash()));
    }
    assert_eq!(world.bulk(&[]).await, bulk::Answer { outcomes: Vec::new(), blocks: Vec::new() });
    let bulk = |body: Vec<u8>| Request::post(path::BULK).body(Body::from(body)).unwrap();
    assert_eq!(world.refusal(bulk(vec![0, 0])).await, (400, 0));
    assert_eq!(world.refusal(bulk(vec![Box::<[u8]>::from([]); bulk::TRANSACTIONS + 1].to_bytes())).await, (400, 0));
    assert_eq!(world.refusal(bulk(vec![0; bulk::BYTES + 1])).await, (413, 0));
}

#[tokio::test]
async fn blocks_and_receipts_are_handed_out_in_order_until_they_are_pruned() {
    let world = World::new();
    for index in 0..5 {
        world.deposit(index, &key(1), ETH);
    }
    let first: Blocks = world.json(&format!("{}?from=0&count=2", path::BLOCKS)).await;
    assert_eq!((first.blocks.len(), first.next), (2, Height(3)));
    let rest: Blocks = world.json(&path::blocks(first.next, 0)).await;
    assert_eq!((rest.blocks.len(), rest.next), (3, Height(6)));
    let none: Blocks = world.json(&path::blocks(rest.next, 1)).await;
    assert_eq!((none.blocks.len(), none.next), (0, Height(6)));

    let view: BlockView = world.json(&path::block(Height(4))).await;
    let block = Block::from_bytes(&view.block.0).unwrap();
    assert_eq!((view.header.height, &view.header, view.block.0 == rest.blocks[1].0), (Height(4), &block.header, true));
    let receipts: Receipts = world.json(&path::receipts(Height(4))).await;
    assert_eq!(Some(receipts.receipts), world.store.receipts(Height(4)).unwrap());
    assert_eq!(world.refused(&path::block(Height(6))).await, 404);
    assert_eq!(world.refused(&path::receipts(Height(6))).await, 404);
    assert_eq!(world.refused(&format!("{}?from=x", path::BLOCKS)).await, 400);

    world.seal(None);
    world.deposit(5, &key(1), ETH);
    world.seal(None);
    world.store.finalize(1).unwrap();
    world.store.prune(2).unwrap();
    for at in [path::block(Height(4)), path::receipts(Height(4)), path::blocks(Height(1), 0)] {
        assert_eq!(world.refused(&at).await, 410, "{at}");
    }
    assert_eq!(world.json::<Blocks>(&path::blocks(Height(6), 0)).await.blocks.len(), 1);
}

#[tokio::test]
async fn batches_are_handed_out_with_their_differences() {
    let world = World::new();
    for index in 0..3 {
        world.deposit(index, &key(1), ETH);
        world.seal((index > 0).then_some(&[7, 7]));
    }
    let first: Batches = world.json(&path::batches(1, 2)).await;
    let numbers = |batches: &Batches| -> Vec<u64> { batches.batches.iter().map(|b| b.batch.header.number).collect() };
    assert_eq!((numbers(&first), first.next), (vec![1, 2], 3));
    let rest: Batches = world.json(&path::batches(first.next, 1_000_000)).await;
    assert_eq!((numbers(&rest), rest.next), (vec![3], 4));
    let batch: BatchView = world.json(&path::batch(2)).await;
    assert_eq!(batch, first.batches[1]);
    assert_eq!(world.json::<BatchView>(&path::batch_of(Height(2))).await, batch);
    assert_eq!(*world.bytes(&path::diff(2)).await, [7, 7]);
    for at in [path::diff(1), path::diff(4), path::batch(4), path::batch_of(Height(9))] {
        assert_eq!(world.refused(&at).await, 404, "{at}");
    }
}

#[tokio::test]
async fn a_batch_whose_signatures_were_lost_is_asked_for_again_though_a_later_one_has_its_quorum() {
    let world = World::new();
    let asked = async |ask: &str| -> (Vec<u64>, Option<u64>) {
        let page: Page<Batch, u64> = world.json(&format!("{}{ask}", path::BATCHES_UNSIGNED)).await;
        (page.items.iter().map(|batch| batch.header.number).collect(), page.next)
    };
    assert_eq!(asked("").await, (vec![], None));
    for index in 0..3 {
        world.deposit(index, &key(1), ETH);
        world.seal(None);
    }
    world.store.commit_evidence(2, &[1]).unwrap();
    assert_eq!(asked("").await, (vec![1, 3], None));
    assert_eq!(asked("?count=1").await, (vec![1], Some(2)));
    assert_eq!(asked("?count=1&after=2").await, (vec![3], None));
    let settlement = store::Settlement { transaction: Bytes32::ZERO, block: 1, gas_used: 1 };
    world.store.commit_settlement(1, &settlement).unwrap();
    assert_eq!(asked("").await, (vec![3], None));
}

#[tokio::test]
async fn an_account_shows_its_keeper_its_sessions_and_its_balances_in_parts() {
    let world = World::new();
    for n in 0..3 {
        world.deposit(n.into(), &key(1), EthAddress([n; 20]));
    }
    let me = key(1).account();
    let agents: BTreeSet<Vec<u8>> = (2..4).map(|n| key(n).account().to_bytes()).collect();
    let sessions = (2..4).map(|n| Action::Authorise(Authorise { agent: key(n).account(), expires: Millis(9) }));
    let rekey = Action::Rekey(Rekey { to: key(5).account() });
    for (nonce, action) in (0..).zip(sessions.chain([rekey])) {
        assert_eq!(world.ask(submit(signed(&key(1), nonce, action).to_bytes())).await.0, StatusCode::OK);
    }
    let view: AccountView = world.json(&path::account(&me)).await;
    assert_eq!((view.nonce, view.keeper, view.holdings.items.len()), (3, key(5).account(), 3));
    assert_eq!(view.sessions.items.iter().map(|s| s.agent.to_bytes()).collect::<BTreeSet<_>>(), agents);
    assert!(view.sessions.items.iter().all(|session| session.keeper == me && session.expires == Millis(9)));
    assert_eq!((view.holdings.next, view.sessions.next), (None, None));

    let two: AccountView = world.json(&format!("{}?count=2", path::account(&me))).await;
    assert_eq!(two.holdings.items, view.holdings.items[..2]);
    let after = two.holdings.next.unwrap();
    let rest: AccountView = world.json(&format!("{}?count=2&after={after}", path::account(&me))).await;
    assert_eq!(rest.holdings.items, view.holdings.items[2..]);
    let agent = view.sessions.items[0].agent;
    let rest: AccountView = world.json(&format!("{}?sessions_after={agent}", path::account(&me))).await;
    assert_eq!(rest.sessions.items, view.sessions.items[1..]);

    let nobody: AccountView = world.json(&path::account(&key(8).account())).await;
    assert_eq!((nobody.nonce, nobody.keeper, nobody.holdings.items.len()), (0, key(8).account(), 0));
    assert_eq!(world.refused(&format!("{}?after=7", path::account(&me))).await, 400);
    assert_eq!(world.json::<Page<api::OfferView, AccountId>>(path::OFFERS).await.next, None);
    assert_eq!(world.json::<Page<api::TaskView, types::TaskId>>(path::TASKS).await.next, None);
}

#[tokio::test]
async fn a_tally_and_a_balance_are_found_and_what_is_not_there_is_said() {
    let world = World::new();
    let at = path::balance(&key(1).account(), &asset_of(ETH));
    assert_eq!(world.refused(&at).await, 404, "before the first block there is no root");
    world.deposit(0, &key(1), ETH);
    let proof: api::BalanceProof = world.json(&at).await;
    assert_eq!(proof.amount.quanta(), 1_000);
    let terms = Terms {
        subject: Digest::ZERO,
        collateral: asset_of(ETH),
        per_pair: Amount::new(10).unwrap(),
        floor: 0,
        cap: 10,
        resolver: Resolver::Account(key(1).account()),
        resolve_after: Millis(1),
        refund_after: Millis(100),
        refund_stock: Ppm(0),
    };
    let me = key(1).account();
    let split = Split { terms: terms.clone(), pairs: Amount::new(2).unwrap(), stock: me, foil: me };
    let (status, body) = world.ask(submit(signed(&key(1), 0, Action::Split(split)).to_bytes())).await;
    assert_eq!(status, StatusCode::OK);
    assert!(serde_json::from_slice::<Confirmation>(&body).unwrap().receipt.is_applied(), "{body:?}");
    let view: TallyView = world.json(&path::tally(&terms.id())).await;
    assert_eq!((view.record.terms, view.record.locked.quanta()), (terms, 20));
    for at in [
        path::tally(&types::TallyId(id(1))),
        path::task(&types::TaskId(id(1))),
        path::program(&types::ContentId::ZERO),
        path::content(&types::ContentId::ZERO),
    ] {
        assert_eq!(world.refused(&at).await, 404, "{at}");
    }
}

#[tokio::test]
async fn content_signatures_and_votes_are_taken_or_refused() {
    let world = World::new();
    let content = Request::post(path::CONTENTS).body(Body::from("some content")).unwrap();
    let view: api::ContentView = serde_json::from_slice(&world.ask(content).await.1).unwrap();
    assert_eq!(&*world.bytes(&path::content(&view.id)).await, b"some content");
    let long = Request::post(path::CONTENTS).body(Body::from(vec![0; limits::CONTENT_BYTES + 1])).unwrap();
    assert_eq!(world.refusal(long).await, (413, 0));

    let signature = |bytes| api::BatchSignature { signer: EthAddress([1; 20]), signature: Hex(vec![0; bytes]) };
    assert_eq!(world.ask(post(&path::signatures(1), &signature(65))).await.0, StatusCode::OK);
    assert_eq!(world.refusal(post(&path::signatures(1), &signature(64))).await, (400, 0));
    assert_eq!(world.refusal(post(&path::signatures(2), &signature(65))).await, (400, 0));
    let verdict = task::Verdict {
        task: types::TaskId(id(1)),
        outcome: proof::agreement::Outcome { exit: 0, output: types::ContentId::ZERO, fuel: types::Fuel(0) },
        agreeing: Vec::new(),
        dissenting: Vec::new(),
    };
    let vote = Vote { verdict, resolver: 0, signature: Signature::ZERO };
    assert_eq!(world.refusal(post(path::VOTES, &vote)).await, (503, 0));
    assert_eq!(world.refused("/v1/nowhere").await, 404);
}

#[tokio::test]
async fn the_numbers_of_the_gateway_and_the_process_are_given() {
    let world = World::new();
    world.deposit(0, &key(1), ETH);
    assert_eq!(world.ask(submit(signed(&key(1), 0, transfer(5)).to_bytes())).await.0, StatusCode::OK);
    assert_eq!(world.refusal(submit(vec![0])).await, (400, 300));
    // One set of routes: the first answer is measured when the second is given.
    let text = world.bytes(path::METRICS).await;
    let text = std::str::from_utf8(&text).unwrap();
    for wanted in [
        "talea_transactions_total{outcome=\"unsound\"} ",
        "talea_confirmation_seconds_count ",
        "talea_request_seconds_count{route=\"/v1/transactions\",status=\"200\"} ",
        "talea_process_resident_bytes ",
        "talea_process_open_files ",
        "talea_process_cpu_seconds ",
    ] {
        assert!(text.lines().any(|line| line.starts_with(wanted)), "{wanted}: {text}");
    }
    let silent = Gateway { render: None, ..world.gateway() };
    let asked = Request::get(path::METRICS).body(Body::empty()).unwrap();
    assert_eq!(silent.routes().oneshot(asked).await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_client_and_the_gateway_understand_each_other() {
    let world = World::new();
    world.deposit(0, &key(1), ETH);
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(world.gateway(), listener));
    let wallet = Wallet::connect(Client::with_patience(&base, Duration::ZERO), key(1)).await.unwrap();
    let client = wallet.client();
    assert_eq!(wallet.send(&transfer(5)).await.unwrap().height, Height(2));
    assert!(matches!(wallet.send(&transfer(5_000)).await, Err(client::Error::Refused(_))));
    let outcomes = wallet.send_all(&vec![transfer(1); 10]).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Placed(placed) if placed.height == Height(4))));
    let Outcome::Placed(placed) = &outcomes[9] else { panic!("{outcomes:?}") };
    assert_eq!(client.confirmation(&placed.id).await.unwrap().position, 9);
    assert_eq!(client.transaction(&placed.id).await.unwrap().height, Height(4));
    assert_eq!(client.nonce(wallet.account()).await.unwrap(), 12);
    assert_eq!(client.blocks(Height(1), 0).await.unwrap().len(), 4);
    assert_eq!(client.block(Height(4)).await.unwrap().entries.len(), 10);
    assert_eq!(client.receipts(Height(4)).await.unwrap().receipts.len(), 10);
    assert_eq!((client.offers().await.unwrap().len(), client.tasks().await.unwrap().len()), (0, 0));
    let batch = world.seal(Some(&[1, 2]));
    assert_eq!(client.diff(&batch).await.unwrap(), [1, 2]);
    let mut other = batch.clone();
    other.header.diff_hash = Bytes32::ZERO;
    assert!(matches!(client.diff(&other).await, Err(client::Error::Lied(_))));
    assert_eq!(client.batches(1, 10).await.unwrap().next, 2);
    assert_eq!(client.batches_unsigned().await.unwrap(), [batch]);
    assert_eq!(client.status().await.unwrap().sealed, 1);
    let _: Status = world.json(path::STATUS).await;
    assert_eq!(client.balance(wallet.account(), AssetId(id(2))).await.unwrap().amount, Amount::ZERO);
    serving.abort();
}

#[tokio::test]
async fn a_wallet_signs_no_wish_anew_because_the_chain_went_back() {
    let world = World::new();
    world.deposit(0, &key(1), ETH);
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(world.gateway(), listener));
    let wallet = Wallet::connect(Client::with_patience(&base, Duration::ZERO), key(1)).await.unwrap();
    world.behind.lock().unwrap().0 = 2;
    wallet.send(&transfer(5)).await.unwrap();
    let came = world.behind.lock().unwrap().1.clone();
    assert_eq!((came.len(), &came[1..]), (3, &[came[0]; 2][..]));
    serving.abort();
}
