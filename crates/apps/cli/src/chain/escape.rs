//! `talea chain escape`: out of a rollup that stopped, with what was rebuilt and the wallets' own keys.
//!
//! Everything here may be sent by anybody and pays only whom the value belongs to, and sending it again changes nothing.
//! So one account may pay the gas for many wallets, and an escape that was interrupted is simply run again.

use super::rebuild::{Place, Rebuilt};
use crate::error::Error;
use crate::say::Say;
use clap::Args;
use client::derive_key;
use crypto::Secret;
use crypto::account::Identity;
use crypto::eth::EthKey;
use crypto::list;
use l1::{Call, Escape, Reader, Writer};
use ledger::account::{Balance, BalanceKey};
use ledger::bridge::{Token, token_word};
use ledger::{Message, Withdrawal};
use proof::Domain;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use types::{AccountId, Amount, AssetId, Bytes32, EthAddress};

/// Transactions that are on their way to L1 at one time.
const ON_THE_WAY: usize = 24;
/// Messages that are asked for at one time.
const PAGE: u64 = 256;

/// Who escapes, and by what.
#[derive(Args)]
pub struct Options {
    /// The folder that `talea chain rebuild` wrote.
    #[arg(long, value_name = "FOLDER", default_value = "rebuilt")]
    state: PathBuf,
    /// A file with the secret keys of L1 wallets, in hexadecimal, one in a line.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// A file with the secret key of the L1 account that pays for gas; the first wallet if none is named.
    #[arg(long, value_name = "FILE")]
    payer: Option<PathBuf>,
    /// Stop the rollup first, for good and for everybody, if a message has waited beyond deadline and grace.
    #[arg(long)]
    freeze: bool,
    #[command(flatten)]
    place: Place,
}

/// One payment to send for, and the calls before it.
enum Way {
    Balance { identity: Box<Identity>, token: Bytes32, amount: Amount, escape: Option<Escape> },
    Withdrawal { batch: u64, claimed: Box<Withdrawal>, position: u64, path: Vec<Bytes32> },
    Deposit(Box<ledger::Deposit>),
}

/// What came out.
#[derive(Default)]
struct Sum {
    balances: u64,
    withdrawals: u64,
    deposits: u64,
    transactions: u64,
    gas: u64,
    gas_most: u64,
}

/// Reads secret keys, one in a line.
pub fn secrets(path: &Path) -> Result<Vec<Secret<[u8; 32]>>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io(format!("read {}", path.display())))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = |(at, line): (usize, &str)| {
        let key = line.parse::<Bytes32>().ok().filter(|key| EthKey::from_bytes(key.0).is_some());
        key.map(|key| Secret::new(key.0)).ok_or_else(|| {
            Error::failed(format!("key {} of {} is not 32 bytes in hexadecimal: correct it", at + 1, path.display()))
        })
    };
    lines.enumerate().map(read).collect()
}

/// Brings out all that belongs to the wallets.
pub async fn run(dir: &Path, options: &Options, say: &Say) -> Result<(), Error> {
    let Rebuilt { facts, state } = Rebuilt::load(&options.state)?;
    let place = Place { rollup: Some(options.place.rollup.unwrap_or(facts.rollup)), ..options.place.clone() };
    let (l1, rollup, first_block) = place.found(dir)?;
    let wallets = secrets(&options.keys)?;
    let payer = match &options.payer {
        Some(path) => secrets(path)?,
        None => secrets(&options.keys)?,
    };
    let payer = payer.first().ok_or_else(|| Error::failed("there is no key in the file: put one in each line"))?;
    let reader = Reader::of_rollup(&l1, rollup, 0).await?.starting_at(first_block);
    reader.check_config(facts.config.l1_chain_id, &facts.config.hash()).await?;
    let writer = Arc::new(Writer::connect(&l1, payer, reader.contracts()).await?);
    stop(&reader, &writer, options.freeze, say).await?;
    if reader.settled().await?.state_root != facts.state_root {
        return Err(Error::failed("L1 stands at another state: run `talea chain rebuild --from-l1` again"));
    }
    let domain = Domain { chain_id: facts.config.l1_chain_id, rollup };
    let mut owners = BTreeMap::new();
    for secret in &wallets {
        let wallet = EthKey::from_bytes(*secret.expose_secret()).ok_or_else(|| Error::failed("a key is no key"))?;
        let identity = derive_key(&wallet, &domain).identity();
        owners.insert(identity.account(), (wallet.address(), identity));
    }
    let rebuilt = Rebuilt { facts, state };
    let mut ways = balances(&rebuilt, &owners);
    let addresses: BTreeSet<EthAddress> = owners.values().map(|(address, _)| *address).collect();
    withdrawals(&rebuilt, &addresses, &reader, &mut ways).await?;
    deposits(&reader, &addresses, &mut ways).await?;
    let sum = send(ways, &reader, &writer, say).await?;
    let text = format!(
        "{} balances, {} withdrawals and {} deposits are out: {} transactions, {} gas, at most {} in one",
        sum.balances, sum.withdrawals, sum.deposits, sum.transactions, sum.gas, sum.gas_most
    );
    let value = json!({
        "ok": true, "balances": sum.balances, "withdrawals": sum.withdrawals, "deposits": sum.deposits,
        "transactions": sum.transactions, "gas": sum.gas, "gas_most": sum.gas_most,
    });
    say.give(text, &value);
    Ok(())
}

async fn stop(reader: &Reader, writer: &Writer, freeze: bool, say: &Say) -> Result<(), Error> {
    if reader.is_frozen().await? {
        return Ok(());
    }
    if !freeze {
        return Err(Error::failed(
            "the rollup runs: withdraw on the ledger, or use `talea chain force`; if it ignores that, use --freeze",
        ));
    }
    done(writer.call(Call::Freeze).await, "Frozen")?;
    say.tell("the rollup is frozen");
    Ok(())
}

/// Takes for done what was done before.
fn done(sent: Result<l1::Sent, l1::Error>, already: &str) -> Result<Option<l1::Sent>, Error> {
    match sent {
        Ok(sent) => Ok(Some(sent)),
        Err(l1::Error::Reverted { name, .. }) if name == already => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn balances(rebuilt: &Rebuilt, owners: &BTreeMap<AccountId, (EthAddress, Identity)>) -> Vec<Way> {
    let state = &rebuilt.state;
    let word = |asset: &AssetId| match state.get::<Token>(asset) {
        Some(token) => token_word(token),
        None => Bytes32(asset.0.to_be_bytes()),
    };
    let mine = state.iter::<Balance>().filter_map(|(key, amount)| Some((owners.get(&key.account)?, key, amount)));
    mine.map(|((_, identity), key, amount)| {
        let path = state.path::<Balance>(&BalanceKey { account: key.account, asset: key.asset });
        let escape = Escape::new(&path, &rebuilt.facts.state_root);
        Way::Balance { identity: Box::new(identity.clone()), token: word(&key.asset), amount, escape }
    })
    .collect()
}

async fn withdrawals(
    rebuilt: &Rebuilt,
    recipients: &BTreeSet<EthAddress>,
    reader: &Reader,
    ways: &mut Vec<Way>,
) -> Result<(), Error> {
    for paid in &rebuilt.facts.withdrawals {
        let leaves: Vec<_> = paid.list.iter().map(Withdrawal::leaf).collect();
        for (at, withdrawal) in paid.list.iter().enumerate() {
            if !recipients.contains(&withdrawal.recipient) || reader.is_claimed(withdrawal.index).await? {
                continue;
            }
            let path =
                list::path(&leaves, at).ok_or_else(|| Error::failed("a batch's list of withdrawals is broken"))?;
            let position = u64::try_from(at).map_err(|_| Error::failed("a batch has too many withdrawals"))?;
            ways.push(Way::Withdrawal { batch: paid.batch, claimed: Box::new(withdrawal.clone()), position, path });
        }
    }
    Ok(())
}

/// Finds the deposits that no settled batch took.
async fn deposits(reader: &Reader, senders: &BTreeSet<EthAddress>, ways: &mut Vec<Way>) -> Result<(), Error> {
    let mut next = reader.consumed().await?;
    loop {
        let messages = reader.messages(next, PAGE).await?;
        let Some(last) = messages.last() else { return Ok(()) };
        next = last.index() + 1;
        let deposits = messages.into_iter().filter_map(|message| match message {
            Message::Deposit(deposit) if senders.contains(&deposit.sender) => Some(Way::Deposit(Box::new(deposit))),
            _ => None,
        });
        ways.extend(deposits);
    }
}

async fn send(ways: Vec<Way>, reader: &Reader, writer: &Arc<Writer>, say: &Say) -> Result<Sum, Error> {
    let mut open = BTreeSet::new();
    for way in &ways {
        if let Way::Balance { identity, .. } = way {
            let account = identity.account();
            if !open.contains(&account) && reader.owner_of(account).await?.is_none() {
                open.insert(account);
            }
        }
    }
    let (count, room, mut sending) = (ways.len(), Arc::new(Semaphore::new(ON_THE_WAY)), JoinSet::new());
    for way in ways {
        let (writer, room) = (Arc::clone(writer), Arc::clone(&room));
        // Each of an account's balances opens it: whichever comes second is told that there is nothing to do.
        let opens = matches!(&way, Way::Balance { identity, .. } if open.contains(&identity.account()));
        sending.spawn(async move {
            let _room = room.acquire().await;
            follow(&way, opens, &writer).await
        });
    }
    let (mut sum, mut finished) = (Sum::default(), 0usize);
    while let Some(followed) = sending.join_next().await {
        let (kind, sent) = followed.map_err(Error::role)??;
        match kind {
            Kind::Balance => sum.balances += 1,
            Kind::Withdrawal => sum.withdrawals += 1,
            Kind::Deposit => sum.deposits += 1,
        }
        for sent in sent {
            sum.transactions += 1;
            sum.gas += sent.gas_used;
            sum.gas_most = sum.gas_most.max(sent.gas_used);
        }
        finished += 1;
        if finished.is_multiple_of(100) {
            say.tell(format!("{finished} of {count}"));
        }
    }
    Ok(sum)
}

enum Kind {
    Balance,
    Withdrawal,
    Deposit,
}

/// Sends all that one payment takes, in order.
async fn follow(way: &Way, opens: bool, writer: &Writer) -> Result<(Kind, Vec<l1::Sent>), Error> {
    let mut sent = Vec::new();
    let kind = match way {
        Way::Balance { identity, token, amount, escape } => {
            if opens {
                sent.extend(done(writer.call(Call::OpenAccount { identity }).await, "AccountAlreadyOpened")?);
            }
            let escape = escape.as_ref().ok_or_else(|| Error::failed("a balance has no path: rebuild again"))?;
            for step in escape.steps() {
                sent.push(writer.call(step).await?);
            }
            let (account, token, amount) = (identity.account(), *token, *amount);
            sent.extend(done(writer.call(Call::Escape { account, token, amount }).await, "AlreadyEscaped")?);
            Kind::Balance
        }
        Way::Withdrawal { batch, claimed, position, path } => {
            let (batch, position) = (*batch, *position);
            sent.extend(done(writer.call(Call::Claim { batch, claimed, position, path }).await, "AlreadyClaimed")?);
            Kind::Withdrawal
        }
        Way::Deposit(deposit) => {
            sent.extend(done(writer.call(Call::Reclaim { deposit }).await, "AlreadyReclaimed")?);
            Kind::Deposit
        }
    };
    Ok((kind, sent))
}
