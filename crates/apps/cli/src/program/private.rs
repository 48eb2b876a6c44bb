//! Private tasks: a committee of the network's providers runs the program, and the ledger pays for it.

use super::among::{Met, Work};
use crate::error::Error;
use crate::market::{self, Seen, Wish, money};
use crate::network::Network as Local;
use crate::network::dev::Role;
use crate::party;
use crate::say::Say;
use crate::task::{committee, paid, receipt};
use ::party::client::Failure;
use ::party::{Bounds, Clients, Network, Reason, Terms};
use api::private::{Guest, Job, PARTIES};
use clap::{Args, ValueEnum};
use client::{Client, Wallet};
use mpc::Security;
use net::{Identity, PeerId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use task::{Standing, TaskRecord};
use types::{AccountId, Bytes32, Digest, Fuel, Height, Millis, Rate, TaskId, TransactionId};
use vm::Name;

/// How long one wait for a block lasts.
const POLL_MS: u64 = 500;
/// How long a committee may take to say where it is, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);
/// The memory that a private task asks for: what a committee's shares take, its programs' bounds say.
const MEMORY_BYTES: u64 = 1 << 20;

/// From whom a program's inputs are kept.
#[derive(Clone, Copy, ValueEnum)]
enum Privacy {
    /// From everybody, by computing on shares among three parties.
    Mpc,
}

/// What to have run, and on what terms.
#[derive(Args)]
pub struct Submit {
    /// The program: a `.stfl` source or a folder of one; without it, the folder at hand.
    program: Option<PathBuf>,
    /// How inputs are kept private. A program that keeps nothing private goes by `talea run`.
    #[arg(long, value_enum)]
    privacy: Privacy,
    /// Find every lie of one party and end the run, at several times the work.
    #[arg(long)]
    malicious: bool,
    /// `client:name=value` for each input of a client that is not somebody else.
    #[arg(long, value_name = "NAME=VALUE")]
    input: Vec<String>,
    /// A client that is somebody else, with the id from its `talea party id`. It joins with `talea task join`.
    #[arg(long, value_name = "NAME=ID")]
    guest: Vec<String>,
    /// What to pay, in quanta of the development token per million fuel of the program's certificate, to each provider.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Within how many seconds it must be done.
    #[arg(long, default_value_t = market::DEADLINE.0 / 1_000)]
    deadline: u64,
    /// Wait until the availability members have signed, and write the verdict's receipt for `talea verify` to a file.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

/// Which task to join, as whom.
#[derive(Args)]
pub struct Join {
    /// The task's id.
    task: TaskId,
    /// The program's source, from which it is built again: what happens to the inputs is what it says.
    program: PathBuf,
    /// Whose part to take; may be given again.
    #[arg(long, value_name = "NAME", required = true)]
    client: Vec<String>,
    /// The identity that the task names for it, from `talea keygen`.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// `client:name=value` for each input.
    #[arg(long, value_name = "NAME=VALUE")]
    input: Vec<String>,
}

fn security(malicious: bool) -> Security {
    if malicious { Security::Malicious } else { Security::SemiHonest }
}

/// Reads `bob=ed49...`.
fn guests(entries: &[String], everybody: &BTreeSet<Name>) -> Result<BTreeMap<Name, PeerId>, Error> {
    let mut guests = BTreeMap::new();
    for entry in entries {
        let parts = entry.split_once('=');
        let read = parts.and_then(|(name, id)| Some((Name::new(name)?, id.parse().ok()?)));
        let wrong = || {
            Error::failed(format!(
                "`{entry}` names no guest: write `--guest NAME=ID` with the id from `talea party id`"
            ))
        };
        let (name, id) = read.ok_or_else(wrong)?;
        if !everybody.contains(&name) {
            return Err(Error::failed(format!("the program knows no client `{name}`")));
        }
        if guests.insert(name, id).is_some() {
            return Err(Error::failed(format!("`{entry}` is there twice: name each guest once")));
        }
    }
    Ok(guests)
}

/// `talea task submit`.
pub async fn submit(local: &Local, options: Submit, say: &Say) -> Result<(), Error> {
    let program = options.program.unwrap_or_else(|| PathBuf::from("."));
    let work = Work::read(program, &options.input, security(options.malicious), mpc::Parties::THREE)?;
    let everybody = work.names(&[])?;
    let guests = guests(&options.guest, &everybody)?;
    let names: BTreeSet<Name> = everybody.iter().filter(|name| !guests.contains_key(*name)).cloned().collect();
    // What is missing or wrong is said before anything is paid.
    work.inputs(&names)?;
    let identity = party::fresh()?;
    let own = names.iter().map(|name| (name.clone(), identity.id()));
    let clients = own.chain(guests.clone()).map(|(name, id)| Guest { name, id: Bytes32(id.bytes()) });
    let job = Job::new(options.malicious, clients.collect());
    let wallet = Wallet::connect(Client::new(&local.api), Role::Requester.key(local)?).await?;
    let token = local.contracts()?.token.ok_or_else(|| Error::failed("this network has no development token"))?;
    let certificate = &work.compiled.program.program().certificate;
    let wish = Wish {
        fuel_limit: Fuel(certificate.fuel.max(1)),
        memory_bytes: MEMORY_BYTES,
        rate: Rate(options.rate),
        redundancy: u8::try_from(PARTIES).expect("they are few"),
        asset: ledger::bridge::asset_of(token),
        within: Millis(options.deadline.saturating_mul(1_000)),
    };
    let bytecode = types::Encode::to_bytes(work.compiled.program.program());
    let program = market::publish(&wallet, &bytecode).await?;
    let (id, submitted) = market::submit(&wallet, program, &types::Encode::to_bytes(&job), &wish).await?;
    say.tell(format!("task {id} submitted in block {}", submitted.height));
    let asked = Asked { client: wallet.client(), chain: wallet.chain(), id, from: submitted.height };
    // Whoever submits for others only has no part in the session.
    let met = match names.is_empty() && !guests.is_empty() {
        true => None,
        false => Some(asked.meet(&work, names, identity, say).await?),
    };
    asked.end(&work, met, options.receipt, options.privacy, say).await
}

/// `talea task join`.
pub async fn join(local: &Local, options: Join, say: &Say) -> Result<(), Error> {
    let identity = party::load(&options.identity)?;
    let client = Client::new(&local.api);
    let status = client.status().await?;
    let from = status.head.map_or(Height(0), |head| head.height);
    let record = client.task(&options.task).await?.record;
    let job = Job::of(record.submit.redundancy, &client.content(&record.submit.input).await?);
    let job = job.ok_or_else(|| Error::failed("this task is not private: nobody joins it"))?;
    let work = Work::read(options.program, &options.input, security(job.malicious), mpc::Parties::THREE)?;
    if work.compiled.program.program().id() != record.submit.program {
        return Err(Error::failed(
            "the task runs another program than this source: ask for the source that it was built from",
        ));
    }
    let names = work.names(&options.client)?;
    let id = Bytes32(identity.id().bytes());
    if let Some(name) =
        names.iter().find(|name| !job.clients.iter().any(|guest| guest.name == **name && guest.id == id))
    {
        return Err(Error::failed(format!(
            "the task names another identity for client `{name}`: have it submitted with yours"
        )));
    }
    work.inputs(&names)?;
    let chain = status.config.hash();
    let asked = Asked { client: &client, chain: &chain, id: options.task, from };
    let met = asked.meet(&work, names, identity, say).await?;
    asked.end(&work, Some(met), None, Privacy::Mpc, say).await
}

/// A task that was asked for.
struct Asked<'a> {
    client: &'a Client,
    chain: &'a Digest,
    id: TaskId,
    /// From which block on it may have moved.
    from: Height,
}

/// What a session gave, and under which terms.
struct Session {
    met: Met,
    terms: Terms,
}

impl Asked<'_> {
    /// Waits until the task has its committee.
    async fn committee(&self) -> Result<[AccountId; PARTIES], Error> {
        let mut next = self.from;
        loop {
            let task = self.client.task(&self.id).await?.record;
            if let Some(committee) = api::private::committee(&task) {
                return Ok(committee);
            }
            if !task.is_open() || market::now() >= task.submit.deadline {
                return Err(Error::failed(
                    "no three providers of different owners took the task, and its price goes back: pay a higher --rate, or see that three take part in private programs",
                ));
            }
            next = self.client.blocks(next, POLL_MS).await?.last().map_or(next, |block| block.header.height.next());
        }
    }

    /// Shares the inputs with the committee, and gathers the outputs from it. Nobody else is told anything of them.
    async fn meet(&self, work: &Work, names: BTreeSet<Name>, identity: Identity, say: &Say) -> Result<Session, Error> {
        let committee = self.committee().await?;
        (1..).zip(&committee).for_each(|(number, member): (u8, _)| say.tell(format!("party {number} is {member}")));
        let began = Instant::now();
        let parties = loop {
            if let Some(peers) = committee::peers(self.client, self.chain, &committee).await? {
                break peers;
            }
            if began.elapsed() > PATIENCE {
                return Err(self.failed("a provider of the committee does not say where it is"));
            }
            tokio::time::sleep(POLL).await;
        };
        let malicious = work.security == Security::Malicious;
        let network =
            Network { parties: parties.into(), clients: Clients::Anybody, malicious, bounds: Bounds::default() };
        let label = committee::label(&self.id);
        let terms = Terms::new(work.security, work.compiled.program.program().id(), label, &network.ids());
        let met = work.meet(&network, identity, names, label, std::future::pending()).await;
        let met = met.map_err(|error| match &error {
            Error::Among(failure) => {
                let blamed = blamed(failure).and_then(|party| Some((party, committee.get(usize::from(party))?)));
                let who =
                    blamed.map_or(String::new(), |(party, who)| format!("; party {} is {who}", u32::from(party) + 1));
                self.failed(&format!("{}{who}", error.chain()))
            }
            _ => error,
        })?;
        Ok(Session { met, terms })
    }

    fn failed(&self, why: &str) -> Error {
        let id = self.id;
        Error::failed(format!(
            "{why}; nobody is paid, and the price goes back: see `talea task show {id}`, and submit again"
        ))
    }

    /// Waits for the verdict, holds the receipt against what was given, and says all of it.
    async fn end(
        &self,
        work: &Work,
        session: Option<Session>,
        file: Option<PathBuf>,
        privacy: Privacy,
        say: &Say,
    ) -> Result<(), Error> {
        let mut decided: Option<TransactionId> = None;
        let seen = |seen: Seen, _: &TaskRecord| {
            if let Seen::Decided(_, id) = seen {
                decided = Some(id);
            }
        };
        let record = market::follow(self.client, self.chain, self.id, self.from, seen).await?;
        let (mut text, mut value) = match &session {
            Some(session) => work.shown(&session.met, say)?,
            None => (String::new(), json!({ "ok": true })),
        };
        let Standing::Decided(verdict) = &record.standing else {
            let given = if text.is_empty() { String::new() } else { format!(" ({})", text.trim_end()) };
            return Err(self.failed(&format!("the committee did not certify one and the same result{given} in time")));
        };
        if verdict.outcome.exit != provider::execute::exit::SUCCESS {
            return Err(self.failed("the committee's session ended early"));
        }
        let receipt = receipt(self.client, &verdict.outcome).await?;
        let holds = session
            .as_ref()
            .is_none_or(|session| receipt.terms == session.terms && receipt.holds(&session.met.outcome.commitments));
        if !holds || receipt.terms.program != record.submit.program {
            let text = text.trim_end();
            return Err(Error::failed(format!(
                "the committee was paid for a receipt of something else than it gave ({text}): keep `talea task show {}` as evidence",
                self.id
            )));
        }
        if let (Some(path), Some(id)) = (&file, decided) {
            crate::verify::save(self.client, &id, path).await?;
        }
        let paid = paid(&record)?;
        say.tell(format!("{} fuel; {} providers certify it", verdict.outcome.fuel, verdict.agreeing.len()));
        say.tell(format!("paid {} of {} locked", money(paid.quanta()), money(record.price.quanta())));
        let Privacy::Mpc = privacy;
        let more = [
            ("task", json!(self.id)),
            ("privacy", json!("mpc")),
            ("fuel", json!(verdict.outcome.fuel)),
            ("price", json!(record.price)),
            ("paid", json!(paid)),
            ("agreeing", json!(verdict.agreeing)),
            ("receipt", json!(verdict.outcome.output)),
        ];
        more.into_iter().for_each(|(name, more): (&str, Value)| value[name] = more);
        if text.is_empty() {
            text = format!("task {} is decided", self.id);
        }
        say.give(text, &value);
        Ok(())
    }
}

/// Returns the number of the party that a session ended for, if there is one.
fn blamed(failure: &Failure) -> Option<u8> {
    match failure {
        Failure::Gone { party, .. } | Failure::Nonsense { party } => Some(*party),
        Failure::Told { reason, .. } => match reason {
            Reason::Gone(party) | Reason::Silent(party) | Reason::Nonsense(party) | Reason::Closed(party) => {
                Some(*party)
            }
            _ => None,
        },
        Failure::Contradiction => None,
    }
}
