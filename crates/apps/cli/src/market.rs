//! What the demo and `talea run` share: publish, submit, wait for the parts of a task's life.

use crate::error::Error;
use api::{BatchView, Confirmation, ProofView};
use client::{Client, Wallet};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use task::{Considered, Publish, Submit, TaskRecord};
use transition::{Action, Entry, Transaction};
use types::{ContentId, Decode as _, Fuel, Height, Millis, Rate, TaskId};

/// How long one wait for a block lasts.
const POLL_MS: u64 = 500;
/// How often things are asked for that no block announces.
const POLL: Duration = Duration::from_millis(50);
/// How long a batch may take to settle: proving it shares the machine with all else.
const SLOWEST: Duration = Duration::from_secs(900);
/// How soon it is told that a batch went on, and how often that it did not.
const TELL: Duration = Duration::from_secs(1);
const TELL_AGAIN: Duration = Duration::from_secs(10);
/// How long a task may take, if nothing else is asked for.
pub const DEADLINE: Millis = Millis(120_000);

/// A batch that settled.
pub struct Settled {
    /// Its number.
    pub number: u64,
    /// How many entries it holds.
    pub transactions: usize,
    /// What settling it used.
    pub gas: u64,
    /// What its proof took, where it is proven.
    pub proof: Option<ProofView>,
}

impl Settled {
    /// Notes a batch that settled; `None` of one that has not.
    pub async fn of(client: &Client, view: &BatchView) -> Result<Option<Self>, Error> {
        let Some(settlement) = &view.settlement else { return Ok(None) };
        let (mut transactions, mut next) = (0, view.batch.first);
        while next <= view.batch.last {
            for block in client.blocks(next, 0).await? {
                if block.header.height <= view.batch.last {
                    transactions += block.entries.len();
                }
                next = block.header.height.next();
            }
        }
        let (number, proof) = (view.batch.header.number, view.proof.clone());
        Ok(Some(Self { number, transactions, gas: settlement.gas_used, proof }))
    }

    /// Returns what its proof took, for people; nothing where there is none.
    pub fn text(&self) -> Option<String> {
        let ProofView { bytes, prove_ms, verify_transactions, verify_gas, security_bits, .. } = self.proof.as_ref()?;
        Some(format!(
            "batch {}: {} transactions, proof of {bytes} bytes in {:.1} s, {security_bits} bits; checked on L1 by {verify_gas} gas in {verify_transactions} steps, settled by {}\n",
            self.number,
            self.transactions,
            Duration::from_millis(*prove_ms).as_secs_f64(),
            self.gas
        ))
    }

    /// Returns the batch for programs.
    pub fn json(&self) -> Value {
        let mut value = json!({ "number": self.number, "transactions": self.transactions, "settle_gas": self.gas });
        if let Some(proof) = &self.proof {
            let ProofView { leaves, bytes, prove_ms, verify_transactions, verify_gas, security_bits } = proof;
            let seconds = Duration::from_millis(*prove_ms).as_secs_f64();
            let took = [
                ("leaves", json!(leaves)),
                ("proof_bytes", json!(bytes)),
                ("prove_seconds", json!(seconds)),
                ("verify_transactions", json!(verify_transactions)),
                ("verify_gas", json!(verify_gas)),
                ("security_bits", json!(security_bits)),
            ];
            took.into_iter().for_each(|(name, took)| value[name] = took);
        }
        value
    }
}

/// What a task asks for besides its program and input.
pub struct Wish {
    /// The most fuel one run may use.
    pub fuel_limit: Fuel,
    /// The most memory one run may use, in bytes.
    pub memory_bytes: u64,
    /// What is paid, in quanta per million fuel.
    pub rate: Rate,
    /// How many results must agree.
    pub redundancy: u8,
    /// The asset that pays.
    pub asset: types::AssetId,
    /// How long it may take.
    pub within: Millis,
}

/// The time.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Stores a program and names the wallet's account as its author, unless somebody already is.
pub async fn publish(author: &Wallet, program: &[u8]) -> Result<ContentId, Error> {
    let id = author.client().put_content(program).await?;
    match author.send(&Action::Publish(Publish { program: id })).await {
        Err(client::Error::Refused(failure)) if failure.code == task::Reject::ProgramExists.code() => Ok(id),
        other => Ok(other.map(|_| id)?),
    }
}

/// Stores the input and submits a task.
pub async fn submit(
    requester: &Wallet,
    program: ContentId,
    input: &[u8],
    wish: &Wish,
) -> Result<(TaskId, Confirmation), Error> {
    let input = requester.client().put_content(input).await?;
    let submit = Submit {
        program,
        input,
        fuel_limit: wish.fuel_limit,
        memory_bytes: wish.memory_bytes,
        asset: wish.asset,
        rate: wish.rate,
        redundancy: wish.redundancy,
        deadline: now().after(wish.within),
    };
    let confirmation = requester.send(&Action::Submit(submit)).await?;
    Ok((TaskId(confirmation.id.0), confirmation))
}

/// Something about a task that the feed showed.
pub enum Seen {
    /// The scheduler assigned providers, with its reasons.
    Assigned(Vec<Considered>),
    /// The task moved on.
    Moved,
    /// The verdict was applied, by this transaction.
    Decided(Height, types::TransactionId),
}

/// Follows the feed and tells what happens to a task until it is decided or refunded.
pub async fn follow(
    client: &Client,
    chain: &types::Digest,
    id: TaskId,
    from: Height,
    mut tell: impl FnMut(Seen, &TaskRecord),
) -> Result<TaskRecord, Error> {
    let mut next = from;
    loop {
        let blocks = client.blocks(next, POLL_MS).await?;
        // Read after the blocks, so that whatever they hold is in it.
        let record = client.task(&id).await?.record;
        let mut closed = false;
        for block in &blocks {
            next = block.header.height.next();
            for entry in &block.entries {
                let Entry::Transaction(bytes) = entry else { continue };
                let Ok(tx) = Transaction::from_bytes(bytes) else { continue };
                match &tx.action {
                    Action::Assign(assign) if assign.task == id => {
                        tell(Seen::Assigned(assign.considered.clone()), &record)
                    }
                    Action::Decide(decide) if decide.verdict.task == id && !record.is_open() => {
                        closed = true;
                        tell(Seen::Decided(block.header.height, tx.id(chain)), &record);
                    }
                    Action::Refund(refund) if refund.task == id && !record.is_open() => closed = true,
                    _ => {}
                }
            }
        }
        tell(Seen::Moved, &record);
        if closed {
            return Ok(record);
        }
    }
}

/// Waits until L1 has settled the batch that holds a block.
pub async fn settled(client: &Client, height: Height) -> Result<BatchView, Error> {
    loop {
        match client.batch_of(height).await {
            Ok(view) if view.settlement.is_some() => return Ok(view),
            Ok(_) | Err(client::Error::Missing(_)) => tokio::time::sleep(POLL).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits as [`settled`] does, but not for ever, and tells people how far the batch is.
pub async fn settled_in_time(client: &Client, height: Height, tell: impl Fn(&str)) -> Result<BatchView, Error> {
    let watching = async {
        let (mut told, mut since) = (String::new(), Instant::now());
        loop {
            let view = match client.batch_of(height).await {
                Ok(view) if view.settlement.is_some() => return Ok(view),
                Ok(view) => Some(view),
                Err(client::Error::Missing(_)) => None,
                Err(error) => return Err(error.into()),
            };
            let at = waits_for(client, view.as_ref()).await;
            // Soon when it goes on, and now and then while it does not.
            if (at != told && since.elapsed() > TELL) || since.elapsed() > TELL_AGAIN {
                tell(&at);
                (told, since) = (at, Instant::now());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(SLOWEST, watching).await.unwrap_or_else(|_| {
        let seconds = SLOWEST.as_secs();
        Err(Error::failed(format!("nothing settled on L1 in {seconds} s: look at node.log in the network's folder")))
    })
}

/// Says what a batch that has not settled waits for.
async fn waits_for(client: &Client, view: Option<&BatchView>) -> String {
    let Some(view) = view else { return "waiting for a batch to be sealed".to_owned() };
    let number = view.batch.header.number;
    if let Some(proof) = &view.proof {
        let (leaves, kib, steps) = (proof.leaves, proof.bytes >> 10, proof.verify_transactions);
        return format!("batch {number}: {leaves} proven, {kib} KiB; {steps} steps of checking it are on L1");
    }
    // Nobody proves where the committee settles.
    let Ok(proving) = client.proving().await else { return format!("batch {number}: sealed, waiting for L1") };
    let at_work = proving.batches.iter().find(|batch| batch.batch == number).and_then(|batch| batch.at_work.first());
    match at_work {
        Some(leaf) => format!("batch {number}: {} since {} s", leaf.stage, leaf.for_ms / 1_000),
        None => format!("batch {number}: sealed, waiting for a prover"),
    }
}

/// Returns an amount with the decimals of the development token.
pub fn money(quanta: u64) -> String {
    format!("{}.{:06}", quanta / 1_000_000, quanta % 1_000_000)
}
