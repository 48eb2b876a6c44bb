//! A provider's loop: stakes once, then works on what the ledger says is its own.

use crate::core::{Effect, Input, Provider, Ran};
use crate::execute::{Execute, Failed};
use crate::private::{Private, Seat};
use api::private::{Job, PARTIES};
use client::Wallet;
use l1::{Reader, Writer};
use ledger::Message;
use std::sync::Arc;
use std::time::Duration;
use task::{MakeOffer, Submit};
use tokio::sync::mpsc;
use transition::Action;
use types::{AccountId, Amount, Causes, EthAddress, Height, Rate, TaskId};

/// How long one wait for a block lasts.
const POLL_MS: u64 = 500;
/// How long to pause after something failed that passes.
const PAUSE: Duration = Duration::from_millis(200);
/// Most runs at one time.
const RUNS: usize = 64;

/// Why a provider stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway or the chain refused something that waiting does not mend.
    #[error("the provider cannot go on: see the cause")]
    Client(#[from] client::Error),
    /// The stake could not be deposited.
    #[error("the stake could not be deposited: see the cause")]
    Deposit(#[from] l1::Error),
    /// The benchmark failed.
    #[error("this machine could not be measured: see the cause")]
    Benchmark(#[from] crate::execute::Failed),
    /// The offer is gone.
    #[error("the offer is closed, by its owner or because a result was refuted: find out why before staking again")]
    Closed,
}

/// What a provider stakes and asks.
pub struct Stake {
    /// Sends the stake from the provider's L1 account.
    pub writer: Writer,
    /// Reads the L1 inbox at its head, so that a deposit already on its way is not made again.
    pub reader: Reader,
    /// The token that is staked and asked for.
    pub token: EthAddress,
    /// How much is staked, in quanta.
    pub stake: Amount,
    /// What is asked, in quanta per million fuel.
    pub rate: Rate,
    /// The most memory a task gets, in bytes.
    pub memory_bytes: u64,
}

/// What a provider runs tasks with.
#[derive(Clone)]
pub struct Executors {
    /// Runs what is not private.
    pub plain: Arc<dyn Execute>,
    /// Takes part in private programs, if this provider does.
    pub private: Option<Arc<dyn Private>>,
}

/// Stakes if there is no offer yet, then works until the offer is closed.
pub async fn run(wallet: Wallet, executors: Executors, stake: Stake) -> Result<(), Error> {
    offer(&wallet, &executors.plain, &stake).await?;
    let seed = wallet.key().derive("delivery salts", &wallet.account().0);
    let mut provider = Provider::new(wallet.account(), seed);
    let (done, mut results) = mpsc::channel(RUNS);
    let mut seen = Height(0);
    loop {
        tokio::select! {
            moved = wallet.client().blocks(seen.next(), POLL_MS) => match moved {
                Ok(blocks) => seen = blocks.last().map_or(seen, |block| block.header.height),
                Err(error) => pause(&error).await,
            },
            result = results.recv() => {
                if let Some((task, ran)) = result {
                    provider.step(Input::Ran { task, ran });
                }
            }
        }
        match work(&mut provider, &wallet, &executors, &done).await {
            Ok(true) => {}
            Ok(false) => return Err(Error::Closed),
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &client::Error) {
    tracing::warn!(error = %Causes(error), "provider");
    tokio::time::sleep(PAUSE).await;
}

async fn has_offer(wallet: &Wallet) -> Result<bool, client::Error> {
    Ok(wallet.client().offers().await?.iter().any(|offer| offer.provider == wallet.account()))
}

/// Deposits what the stake lacks, measures this machine, and makes the offer.
async fn offer(wallet: &Wallet, executor: &Arc<dyn Execute>, stake: &Stake) -> Result<(), Error> {
    if has_offer(wallet).await? {
        return Ok(());
    }
    let asset = ledger::bridge::asset_of(stake.token);
    let held = held_or_coming(wallet, stake).await?;
    if let Ok(lacking) = stake.stake.minus(held)
        && !lacking.is_zero()
    {
        stake.writer.deposit_token(stake.token, lacking, wallet.account()).await?;
    }
    let measuring = Arc::clone(executor);
    let measured = tokio::task::spawn_blocking(move || measuring.fuel_per_second()).await;
    let fuel_per_second = measured.map_err(|error| crate::execute::Failed(error.to_string()))??;
    let (rate, memory_bytes) = (stake.rate, stake.memory_bytes);
    let make = Action::MakeOffer(MakeOffer { asset, stake: stake.stake, rate, fuel_per_second, memory_bytes });
    wait_for_balance(wallet, asset, stake.stake).await?;
    wallet.send(&make).await?;
    tracing::info!(fuel_per_second, stake = stake.stake.quanta(), "offered");
    Ok(())
}

/// Returns what the account holds, with what L1 has queued for it: a crash between a deposit and its credit must not
/// deposit twice.
async fn held_or_coming(wallet: &Wallet, stake: &Stake) -> Result<Amount, Error> {
    let (client, account) = (wallet.client(), wallet.account());
    let asset = ledger::bridge::asset_of(stake.token);
    loop {
        let taken = client.status().await?.cursor.inbox_count;
        let balance = match client.balance(account, asset).await {
            Ok(proof) => proof.amount,
            // Before the first block there is no root to prove a balance against, and no balance.
            Err(client::Error::Missing(_)) => Amount::ZERO,
            Err(error) => return Err(error.into()),
        };
        let queued = stake.reader.messages(taken, u64::MAX).await?;
        // A message that was taken between the two looks would be counted twice or not at all: look again.
        if client.status().await?.cursor.inbox_count != taken {
            continue;
        }
        let mut mine = queued.iter().filter_map(|message| match message {
            Message::Deposit(deposit) => {
                let is_mine =
                    deposit.account == account && ledger::bridge::asset_of_word(&deposit.token) == Some(asset);
                is_mine.then_some(deposit.amount)
            }
            Message::Withdrawal(_) | Message::Action(_) => None,
        });
        let coming = mine.try_fold(balance, Amount::plus);
        return Ok(coming.unwrap_or(Amount::MAX));
    }
}

/// Waits until the ledger has credited the deposit. L1 decides how long that takes.
async fn wait_for_balance(wallet: &Wallet, asset: types::AssetId, wanted: Amount) -> Result<(), client::Error> {
    let mut seen = Height(0);
    loop {
        match wallet.client().balance(wallet.account(), asset).await {
            Ok(proof) if proof.amount >= wanted => return Ok(()),
            Ok(proof) => seen = proof.block.height,
            Err(client::Error::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        wallet.client().blocks(seen.next(), POLL_MS).await?;
    }
}

/// Looks at the open tasks and does what is to be done. Says whether the offer still stands.
async fn work(
    provider: &mut Provider,
    wallet: &Wallet,
    executors: &Executors,
    done: &mpsc::Sender<(TaskId, Option<Ran>)>,
) -> Result<bool, client::Error> {
    let tasks = wallet.client().tasks().await?.into_iter().map(|view| (view.id, view.record)).collect();
    for effect in provider.step(Input::Tasks(tasks)) {
        let action = match effect {
            Effect::Run { task, submit, assigned } => {
                let (wallet, executors, done) = (wallet.clone(), executors.clone(), done.clone());
                tokio::spawn(async move {
                    let ran = fetch_and_run(&wallet, executors, (task, submit), &assigned).await;
                    // The loop that waits for this is gone only when the provider stops.
                    drop(done.send((task, ran)).await);
                });
                continue;
            }
            Effect::Send(action) => action,
            Effect::Deliver { output, action } => {
                if !output.is_empty() {
                    wallet.client().put_content(&output).await?;
                }
                action
            }
        };
        match wallet.send(&action).await {
            Ok(_) => {}
            // The ledger moved since the tasks were read: the next look tells.
            Err(client::Error::Refused(failure)) => tracing::info!(code = failure.code, failure.message, "refused"),
            Err(error) => return Err(error),
        }
    }
    has_offer(wallet).await
}

async fn fetch_and_run(
    wallet: &Wallet,
    executors: Executors,
    (task, submit): (TaskId, Submit),
    assigned: &[AccountId],
) -> Option<Ran> {
    let fetched = async {
        let program = wallet.client().content(&submit.program).await?;
        Ok::<_, client::Error>((program, wallet.client().content(&submit.input).await?))
    };
    let (program, input) = match fetched.await {
        Ok(fetched) => fetched,
        Err(error) => {
            pause(&error).await;
            return None;
        }
    };
    let run = match Job::of(submit.redundancy, &input) {
        Some(job) => {
            let committee = assigned.get(..PARTIES).and_then(|first| first.try_into().ok());
            match (committee, &executors.private) {
                (Some(committee), Some(private)) => {
                    private.take(Seat { task, submit, job, committee }).await.map(Ran::from)
                }
                _ => Err(Failed("this provider takes no part in private programs".to_owned())),
            }
        }
        None => {
            let run = tokio::task::spawn_blocking(move || executors.plain.execute(&program, &input, &submit)).await;
            run.unwrap_or_else(|error| Err(Failed(Causes(&error).to_string())))
        }
    };
    match run {
        Ok(ran) => Some(ran),
        Err(failed) => {
            tracing::error!(why = failed.0, "run");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}
