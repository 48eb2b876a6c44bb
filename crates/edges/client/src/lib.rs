//! The Rust SDK: keys, signing, submitting, fetching and checking without trust.
//!
//! A [`Client`] speaks to a gateway and checks what can be checked: content against its id, balances against their
//! path. A [`Wallet`] adds a key and sends actions. Both ride over a gateway that restarts: a request that found nobody
//! is repeated until the client's patience ends, and a transaction that is sent twice is applied once.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! use client::{Client, Wallet};
//! let client = Client::new("http://127.0.0.1:7000");
//! let wallet = Wallet::connect(client, crypto::account::SecretKey::from_seed([7; 32])).await?;
//! println!("{:?}", wallet.client().account(wallet.account()).await?.holdings);
//! # Ok(())
//! # }
//! ```

mod derive;
pub mod hook;
mod wallet;

pub use derive::{STATEMENT, derive_key, key_digest};
pub use wallet::Wallet;

use api::bulk::{self, Outcome};
use api::private::Host;
use api::proving::{self, Lease, Proving, Upload};
use api::{
    AccountView, BalanceProof, BatchSignature, BatchView, Batches, BlockView, Blocks, Confirmation, ContentView,
    Failure, Hex, OfferView, Page, ProgramView, ProvenReceipt, Receipts, Status, SubmitRequest, TallyView, TaskView,
    Vote, WithdrawalProof, path,
};
use ledger::account::{Balance, BalanceKey};
use proof::confirmation::SoftConfirmation;
use serde::{Serialize, de::DeserializeOwned};
use std::time::{Duration, Instant};
use transition::proven::ProvenBatch;
use transition::{Batch, Block};
use types::{
    AccountId, Amount, AssetId, ContentId, Decode, Encode as _, Height, TallyId, TaskId, TransactionId, limits,
};

/// How long a request waits for one answer. Longer than the longest poll.
const ANSWER_MS: u64 = 30_000;
/// Most parts of a list that are asked for. A gateway whose lists never end is not believed.
const PAGES: usize = 1_000;
/// How long to wait before asking again after nobody answered.
const RETRY: Duration = Duration::from_millis(50);

/// Why a request failed; one variant for each thing a caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers: start the node, or check the address.
    #[error("no gateway answers at {base}: start it with `talea up`, or check the address")]
    Unreachable {
        /// The gateway's address.
        base: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The gateway or the chain refused: change the request.
    #[error("refused ({}): {}", .0.code, .0.message)]
    Refused(Failure),
    /// There is no such thing, or not yet: wait or check the id.
    #[error("not found: {0}")]
    Missing(String),
    /// The gateway does not keep this any more: ask a node that keeps everything.
    #[error("not kept any more: {0}")]
    Pruned(String),
    /// The gateway answered something that is not an answer: it is another program, or another version.
    #[error("the gateway at {base} gave an answer that does not read: {reason}")]
    Unreadable {
        /// The gateway's address.
        base: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The gateway lied: use another one.
    #[error("the gateway's answer does not hold: {0}")]
    Lied(&'static str),
}

/// Speaks to a gateway. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    patience: Duration,
}

impl Client {
    /// Takes a gateway's address, such as `http://127.0.0.1:7000`.
    pub fn new(base: &str) -> Self {
        Self::with_patience(base, Duration::from_secs(60))
    }

    /// The same, with another bound on how long an absent gateway is waited for.
    pub fn with_patience(base: &str, patience: Duration) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_millis(ANSWER_MS)).no_proxy().build();
        let http = http.expect("a client without TLS needs nothing that can be missing");
        Self { base: base.trim_end_matches('/').to_owned(), http, patience }
    }

    /// Returns the gateway's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request, again and again while nobody answers.
    async fn ask(
        &self,
        build: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder,
        at: &str,
    ) -> Result<Vec<u8>, Error> {
        let (start, url) = (Instant::now(), format!("{}{at}", self.base));
        let answered = loop {
            let attempt = async {
                let response = build(&self.http, &url).send().await?;
                let status = response.status();
                Ok::<_, reqwest::Error>((status, response.bytes().await?.to_vec()))
            };
            match attempt.await {
                Ok(answer) => break answer,
                Err(_) if start.elapsed() < self.patience => tokio::time::sleep(RETRY).await,
                Err(source) => return Err(Error::Unreachable { base: self.base.clone(), source }),
            }
        };
        let (status, body) = answered;
        if status.is_success() {
            return Ok(body);
        }
        let failure: Failure = self.read(&body)?;
        Err(match status {
            reqwest::StatusCode::NOT_FOUND => Error::Missing(failure.message),
            reqwest::StatusCode::GONE => Error::Pruned(failure.message),
            _ => Error::Refused(failure),
        })
    }

    fn decode<T: Decode>(&self, body: &[u8]) -> Result<T, Error> {
        T::from_bytes(body).map_err(|error| self.unreadable(error))
    }

    /// Asks for the parts of a list until its end.
    async fn all<T, K>(&self, list: &str) -> Result<Vec<T>, Error>
    where
        Page<T, K>: DeserializeOwned,
        K: ToString,
    {
        let (mut items, mut after) = (Vec::new(), None::<K>);
        for _ in 0..PAGES {
            let page: Page<T, K> = self.get(&path::page(list, after.as_ref(), limits::PAGE)).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(items),
            }
        }
        Err(Error::Lied("a list does not end"))
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, reason: impl ToString) -> Error {
        Error::Unreadable { base: self.base.clone(), reason: reason.to_string() }
    }

    async fn get<T: DeserializeOwned>(&self, at: &str) -> Result<T, Error> {
        self.read(&self.ask(|http, url| http.get(url), at).await?)
    }

    async fn post<T: DeserializeOwned>(&self, at: &str, body: &impl Serialize) -> Result<T, Error> {
        self.read(&self.ask(|http, url| http.post(url).json(body), at).await?)
    }

    /// Returns what the chain is and where it stands.
    pub async fn status(&self) -> Result<Status, Error> {
        self.get(path::STATUS).await
    }

    /// Returns the node's numbers of itself, in the text format of Prometheus.
    pub async fn metrics(&self) -> Result<String, Error> {
        let body = self.ask(|http, url| http.get(url), path::METRICS).await?;
        String::from_utf8(body).map_err(|error| self.unreadable(error))
    }

    /// Sends a transaction's bytes and returns what became of it, once that is durable.
    pub async fn submit(&self, transaction: Vec<u8>) -> Result<Confirmation, Error> {
        self.post(path::TRANSACTIONS, &SubmitRequest { transaction: Hex(transaction) }).await
    }

    /// Sends the bytes of several transactions, at most [`bulk::TRANSACTIONS`], and returns what became of each, once that
    /// is durable. The caller checks the blocks' signatures.
    pub async fn submit_all(&self, transactions: Vec<Box<[u8]>>) -> Result<bulk::Answer, Error> {
        let body = transactions.to_bytes();
        let answer = self.ask(|http, url| http.post(url).body(body.clone()), path::BULK).await?;
        let answer: bulk::Answer = self.decode(&answer)?;
        if answer.outcomes.len() != transactions.len() {
            return Err(Error::Lied("not every transaction was answered"));
        }
        let shown = |height| answer.blocks.iter().any(|block| block.header.height == height);
        let named = |outcome: &Outcome| match outcome {
            Outcome::Placed(placed) => shown(placed.height),
            Outcome::Refused(_) | Outcome::Busy(_) => true,
        };
        let holds = answer.blocks.len() <= transactions.len() && answer.outcomes.iter().all(named);
        if holds { Ok(answer) } else { Err(Error::Lied("a transaction's block is not shown")) }
    }

    /// Returns the sequencer's word on a transaction. The caller checks it.
    pub async fn confirmation(&self, id: &TransactionId) -> Result<SoftConfirmation, Error> {
        let answer = self.ask(|http, url| http.get(url), &path::confirmation(id)).await?;
        self.decode(&answer)
    }

    /// Returns what became of a transaction.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Confirmation, Error> {
        self.get(&path::transaction(id)).await
    }

    /// Returns a receipt with its proof, once the batch has its quorum. The caller checks it.
    pub async fn proof(&self, id: &TransactionId) -> Result<ProvenReceipt, Error> {
        self.get(&path::proof(id)).await
    }

    /// Returns what to show the vault for a withdrawal, once its batch is sealed.
    pub async fn withdrawal(&self, id: &TransactionId) -> Result<WithdrawalProof, Error> {
        self.get(&path::withdrawal(id)).await
    }

    /// Returns an account's nonce, keeper, balances and sessions, as the gateway says; of the lists the first part.
    pub async fn account(&self, id: AccountId) -> Result<AccountView, Error> {
        self.get(&path::account(&id)).await
    }

    /// Returns the number of an account's next transaction, as the gateway says.
    pub async fn nonce(&self, id: AccountId) -> Result<u64, Error> {
        let view: AccountView = self.get(&path::page(&path::account(&id), None::<&AssetId>, 1)).await?;
        Ok(view.nonce)
    }

    /// Returns a tally, as the gateway says.
    pub async fn tally(&self, id: &TallyId) -> Result<TallyView, Error> {
        self.get(&path::tally(id)).await
    }

    /// Returns a balance with its path, after checking the path against the block's state root.
    pub async fn balance(&self, account: AccountId, asset: AssetId) -> Result<BalanceProof, Error> {
        let proof: BalanceProof = self.get(&path::balance(&account, &asset)).await?;
        let (key, root) = (BalanceKey { account, asset }, &proof.block.state_root);
        let holds = if proof.amount == Amount::ZERO {
            proof.path.excludes::<Balance>(root, &key)
        } else {
            proof.path.includes::<Balance>(root, &key, &proof.amount)
        };
        if holds { Ok(proof) } else { Err(Error::Lied("a balance's path does not lead to the state root")) }
    }

    /// Stores content and checks the id that comes back.
    pub async fn put_content(&self, bytes: &[u8]) -> Result<ContentId, Error> {
        let body = self.ask(|http, url| http.post(url).body(bytes.to_vec()), path::CONTENTS).await?;
        let view: ContentView = self.read(&body)?;
        if view.id == crypto::content_id(bytes) {
            Ok(view.id)
        } else {
            Err(Error::Lied("content was stored under another id"))
        }
    }

    /// Fetches content and checks it against its id.
    pub async fn content(&self, id: &ContentId) -> Result<Vec<u8>, Error> {
        let bytes = self.ask(|http, url| http.get(url), &path::content(id)).await?;
        let sound = bytes.len() <= limits::CONTENT_BYTES && crypto::content_id(&bytes) == *id;
        if sound { Ok(bytes) } else { Err(Error::Lied("content is not what its id names")) }
    }

    /// Returns who is paid when a program runs.
    pub async fn program(&self, id: &ContentId) -> Result<ProgramView, Error> {
        self.get(&path::program(id)).await
    }

    /// Returns the open offers.
    pub async fn offers(&self) -> Result<Vec<OfferView>, Error> {
        self.all::<_, AccountId>(path::OFFERS).await
    }

    /// Returns the open tasks.
    pub async fn tasks(&self) -> Result<Vec<TaskView>, Error> {
        self.all::<_, TaskId>(path::TASKS).await
    }

    /// Says that a provider takes part in private programs.
    pub async fn put_host(&self, host: &Host) -> Result<(), Error> {
        self.post(path::HOSTS, host).await
    }

    /// Returns the words of those who take part in private programs. The caller checks them.
    pub async fn hosts(&self) -> Result<Vec<Host>, Error> {
        self.get(path::HOSTS).await
    }

    /// Returns a task, open or not.
    pub async fn task(&self, id: &TaskId) -> Result<TaskView, Error> {
        self.get(&path::task(id)).await
    }

    /// Returns blocks from a height on; waits up to `wait_ms` for the first. Whoever relies on them replays them.
    pub async fn blocks(&self, from: Height, wait_ms: u64) -> Result<Vec<Block>, Error> {
        let answer: Blocks = self.get(&path::blocks(from, wait_ms)).await?;
        answer.blocks.iter().map(|bytes| self.decode(&bytes.0)).collect()
    }

    /// Returns a block. Whoever relies on it replays it.
    pub async fn block(&self, height: Height) -> Result<Block, Error> {
        let view: BlockView = self.get(&path::block(height)).await?;
        self.decode(&view.block.0)
    }

    /// Returns what became of a block's entries, as the gateway says.
    pub async fn receipts(&self, height: Height) -> Result<Receipts, Error> {
        self.get(&path::receipts(height)).await
    }

    /// Returns batches from a number on, at most `count`, and from where to go on.
    pub async fn batches(&self, from: u64, count: usize) -> Result<Batches, Error> {
        self.get(&path::batches(from, count)).await
    }

    /// Returns the state differences that are published for a batch, after checking them against its header. Whoever
    /// relies on them checks the header.
    pub async fn diff(&self, batch: &Batch) -> Result<Vec<u8>, Error> {
        let bytes = self.ask(|http, url| http.get(url), &path::diff(batch.header.number)).await?;
        let holds = transition::diff::hash(&bytes) == batch.header.diff_hash;
        if holds { Ok(bytes) } else { Err(Error::Lied("differences are not those of the batch")) }
    }

    /// Returns a batch.
    pub async fn batch(&self, number: u64) -> Result<BatchView, Error> {
        self.get(&path::batch(number)).await
    }

    /// Returns the batch that holds a block, once it is sealed.
    pub async fn batch_of(&self, height: Height) -> Result<BatchView, Error> {
        self.get(&path::batch_of(height)).await
    }

    /// Returns the sealed batches that lack their quorum.
    pub async fn batches_unsigned(&self) -> Result<Vec<Batch>, Error> {
        self.all::<_, u64>(path::BATCHES_UNSIGNED).await
    }

    /// Sends a member's signature on a batch.
    pub async fn sign_batch(&self, number: u64, signature: &BatchSignature) -> Result<(), Error> {
        self.post(&path::signatures(number), signature).await
    }

    /// Returns a batch with its proof, once it is proven. The caller checks it.
    pub async fn proven_batch(&self, number: u64) -> Result<ProvenBatch, Error> {
        let answer = self.ask(|http, url| http.get(url), &path::proven_batch(number)).await?;
        self.decode(&answer)
    }

    /// Returns where proving stands, as the gateway says.
    pub async fn proving(&self) -> Result<Proving, Error> {
        self.get(path::PROVING).await
    }

    /// Asks for a job to prove.
    pub async fn lease(&self, ask: &proving::Ask) -> Result<Option<Lease>, Error> {
        let answer = self.ask(|http, url| http.post(url).json(ask), path::LEASES).await?;
        self.decode(&answer)
    }

    /// Says that a prover lives. Returns whether its lease still counts.
    pub async fn beat(&self, beat: &proving::Beat) -> Result<bool, Error> {
        self.post(path::BEATS, beat).await
    }

    /// Sends a proof.
    pub async fn prove(&self, upload: &Upload) -> Result<(), Error> {
        let body = upload.to_bytes();
        self.read(&self.ask(|http, url| http.post(url).body(body.clone()), path::PROOFS).await?)
    }

    /// Says that a job could not be done.
    pub async fn fail(&self, failure: &proving::Failure) -> Result<(), Error> {
        self.post(path::FAILURES, failure).await
    }

    /// Sends a member's signature on a verdict.
    pub async fn vote(&self, vote: &Vote) -> Result<(), Error> {
        self.post(path::VOTES, vote).await
    }
}
