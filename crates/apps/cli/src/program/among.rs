//! Runs among parties: the shares of each input go straight to them, and nobody sees it.

use super::clear::{Given, choices, given, lanes, listed, printed, unmet};
use super::cost::Price;
use super::{Which, wrong};
use crate::error::Error;
use crate::party::{self, local::Local};
use crate::say::Say;
use ::party::client::{Bringing, Failure, Outcome};
use ::party::{Network, Reason, label, visit::visit};
use clap::Args;
use lang::{Compiled, Parsed};
use mpc::{Parties, Security};
use net::{Endpoint, Identity, Policy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vm::{Name, Port};
use zeroize::Zeroizing;

/// How long parties are looked for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Among whom a program runs.
#[derive(Args)]
pub struct Among {
    /// Run a source among as many parties on this machine, started for this run: 3, 5 or 7. Of these 1, 2 or 3 may put together
    /// what they see, and learn nothing.
    #[arg(long, value_name = "PARTIES", group = "parties", value_parser = count)]
    mpc: Option<Parties>,
    /// Run a source among the parties that this file names, which run already.
    #[arg(long, value_name = "FILE", group = "parties")]
    network: Option<PathBuf>,
    /// Find every lie of one party of three and end the run, at several times the cost. A network's file can ask for it too.
    #[arg(long, requires = "parties")]
    malicious: bool,
    /// Who asks: an identity's file. A network that is open to anybody needs none.
    #[arg(long, value_name = "FILE", requires = "network")]
    identity: Option<PathBuf>,
    /// Take the part of this client only, once for each; without it, of all clients of the program.
    #[arg(long, value_name = "NAME", requires = "session")]
    client: Vec<String>,
    /// What several clients of one run have agreed to call it.
    #[arg(long, value_name = "TEXT", requires = "network")]
    session: Option<String>,
}

impl Among {
    /// Whether parties are asked for.
    pub fn is_wanted(&self) -> bool {
        self.mpc.is_some() || self.network.is_some()
    }

    /// Returns what the clients have agreed to call the run; of one that is alone, what no other is called.
    fn label(&self) -> Result<[u8; 32], Error> {
        let mut fresh = [0; 32];
        random(&mut fresh)?;
        Ok(self.session.as_deref().map_or(fresh, label))
    }

    /// Returns which lies a run among these parties withstands.
    fn security(&self, network: Option<&Network>) -> Security {
        let is_guarded = self.malicious || network.is_some_and(|network| network.malicious);
        if is_guarded { Security::Malicious } else { Security::SemiHonest }
    }
}

/// Reads how many parties are meant.
pub(super) fn count(text: &str) -> Result<Parties, String> {
    let parties = text.parse().ok().and_then(Parties::new);
    parties.ok_or_else(|| "there are protocols for 3, 5 and 7 parties".to_owned())
}

/// A program with what it is given.
pub(super) struct Work {
    parsed: Parsed,
    pub(super) compiled: Compiled,
    given: Given,
    pub(super) security: Security,
    /// What a run costs; `None` when its loops are too long to say.
    price: Option<Price>,
}

/// `talea run --mpc` and `talea run --network`.
pub async fn run(program: PathBuf, inputs: &[String], among: &Among, say: &Say) -> Result<(), Error> {
    let network = among.network.as_deref().map(party::network).transpose()?;
    let parties = network.as_ref().and_then(|network| Parties::new(network.parties.len())).or(among.mpc);
    let work = Work::read(program, inputs, among.security(network.as_ref()), parties.unwrap_or_default())?;
    match &network {
        Some(network) => {
            let identity = match &among.identity {
                Some(file) => party::load(file)?,
                None => party::fresh()?,
            };
            let met = work
                .meet(network, identity, work.names(&among.client)?, among.label()?, std::future::pending())
                .await?;
            work.say(&met, say)
        }
        None => work.local(among, say).await,
    }
}

/// A session that a client went through.
pub(super) struct Met {
    pub(super) outcome: Outcome,
    session: String,
    took: Duration,
}

impl Work {
    /// Reads a program and what it is given.
    pub(super) fn read(
        program: PathBuf,
        inputs: &[String],
        security: Security,
        parties: Parties,
    ) -> Result<Self, Error> {
        let which = Which { program: Some(program) };
        let given = given(inputs)?;
        let (_, parsed) = which.parse()?;
        let compiled = parsed.compile("main", &choices(&given)).map_err(wrong)?;
        // Said here with the line, not by parties without it.
        let price = Price::of(&parsed, &compiled, security, parties)?;
        Ok(Self { parsed, compiled, given, security, price })
    }

    /// Runs among processes that live as long as the run.
    async fn local(&self, among: &Among, say: &Say) -> Result<(), Error> {
        // Wrong inputs are said before anything starts.
        lanes(self.compiled.program.program(), &self.given, None)?;
        let client = self.names(&among.client)?;
        let began = Instant::now();
        let identity = party::fresh()?;
        let count = among.mpc.unwrap_or_default().count();
        let mut local = Local::start(count).await?;
        let names = Bringing::everybody(&self.compiled.program);
        let mut names: Vec<String> = names.iter().map(Name::to_string).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            // Somebody must ask, also for a program that nobody gives anything to.
            names.push("client".to_owned());
        }
        let file = local.meet(identity.id(), &names).await?;
        let network = party::network(&file)?;
        say.tell(format!("{count} parties started in {} ms", began.elapsed().as_millis()));
        let met = self.meet(&network, identity, client, among.label()?, local.ended()).await;
        local.stop().await;
        self.say(&met?, say)
    }

    /// Returns whose part is taken: that of the clients named, or of all.
    pub(super) fn names(&self, named: &[String]) -> Result<BTreeSet<Name>, Error> {
        let everybody = Bringing::everybody(&self.compiled.program);
        if named.is_empty() {
            return Ok(everybody);
        }
        let name = |text: &String| {
            let name = Name::new(text).filter(|name| everybody.contains(name));
            name.ok_or_else(|| Error::failed(format!("the program knows no client `{text}`")))
        };
        named.iter().map(name).collect()
    }

    /// Returns the inputs of the names, by port.
    pub(super) fn inputs(&self, names: &BTreeSet<Name>) -> Result<BTreeMap<u32, Zeroizing<Vec<u64>>>, Error> {
        let lanes = lanes(self.compiled.program.program(), &self.given, Some(names))?;
        Ok(lanes.into_iter().map(|(port, lanes)| (port, Zeroizing::new(lanes))).collect())
    }

    /// Goes through a session of a network's parties.
    pub(super) async fn meet(
        &self,
        network: &Network,
        identity: Identity,
        names: BTreeSet<Name>,
        label: [u8; 32],
        watch: impl Future<Output = (u8, String)>,
    ) -> Result<Met, Error> {
        let bringing = Bringing {
            program: Arc::new(self.compiled.program.clone()),
            security: self.security,
            label,
            parties: network.ids(),
            inputs: self.inputs(&names)?,
            names,
        };
        let mut noise = Noise::default();
        let any = match network.parties[0].address.ip() {
            IpAddr::V4(ip) if ip.is_loopback() => IpAddr::V4(ip),
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        // Nobody calls a client.
        let policy = Policy { idle: network.bounds.gone(), ..Policy::only(&[]) };
        let endpoint = Endpoint::bind(identity, SocketAddr::new(any, 0), policy)?;
        let endpoint = Arc::new(endpoint);
        let (mine, joins) = bringing.split(&mut || noise.word());
        if noise.failed {
            return Err(no_chance());
        }
        let session = label_text(mine.session());
        let began = Instant::now();
        let outcome = visit(Arc::clone(&endpoint), network.parties.clone(), (mine, joins), PATIENCE, watch).await;
        let took = began.elapsed();
        endpoint.close().await;
        let outcome = outcome.map_err(|failure| self.failed(failure))?;
        Ok(Met { outcome, session, took })
    }

    /// A stop is said with its place in the source.
    fn failed(&self, failure: Failure) -> Error {
        if let Failure::Told { reason: Reason::Stopped(stop), .. } = &failure
            && let Some(cause) = stop.cause()
        {
            return unmet(&self.parsed, &self.compiled, cause).unwrap_or(Error::Among(failure));
        }
        Error::Among(failure)
    }

    fn say(&self, met: &Met, say: &Say) -> Result<(), Error> {
        let (text, value) = self.shown(met, say)?;
        say.give(text, &value);
        Ok(())
    }

    /// Tells how a session went, and returns what it gave as text and as JSON.
    pub(super) fn shown(&self, met: &Met, say: &Say) -> Result<(String, Value), Error> {
        let Met { outcome, session, took } = met;
        let contradiction = || Error::Among(Failure::Contradiction);
        let mut lines = Vec::new();
        for told in &outcome.told {
            let arguments: Vec<&[u64]> = told.arguments.iter().map(Vec::as_slice).collect();
            lines.push(printed(&self.compiled, told.host, &arguments).ok_or_else(contradiction)?);
        }
        lines.iter().for_each(|line| say.tell(line));
        let program = self.compiled.program.program();
        let show = |(at, lanes): &(u32, Vec<u64>)| {
            let port: &Port = &program.ports[vm::layout::at(*at)];
            (port.clone(), lang::show(lanes, port.kind.width, port.meaning))
        };
        let (text, outputs) = listed(&outcome.outputs.iter().map(show).collect::<Vec<_>>());
        let each = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ");
        say.tell(format!("{} rounds, {} bytes sent by the parties", outcome.rounds[0], each(&outcome.bytes)));
        if let Some(Price { exact, rounds, sent, .. }) = &self.price {
            let bound = if *exact { "exactly" } else { "at most" };
            say.tell(format!("certified: {bound} {rounds} rounds, {} bytes", each(sent)));
        }
        say.tell(format!("{:.1} ms from the inputs to the outputs", took.as_secs_f64() * 1_000.0));
        let value = json!({
            "ok": true, "outputs": outputs, "printed": lines, "session": session, "program": program.id(),
            "rounds": outcome.rounds[0], "sent": outcome.bytes, "seconds": took.as_secs_f64(),
            "malicious": self.security == Security::Malicious, "certified": self.price,
        });
        Ok((text, value))
    }
}

fn label_text(session: &[u8]) -> String {
    session.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| no_chance())
}

fn no_chance() -> Error {
    Error::failed("the system gave no random numbers: try again")
}

/// Uniformly random words from the system, many at a time.
#[derive(Default)]
struct Noise {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the system once gave none: then no word counts.
    failed: bool,
}

impl Noise {
    fn word(&mut self) -> u64 {
        if self.bytes.is_empty() {
            self.bytes.resize(1 << 12, 0);
            self.failed |= getrandom::fill(&mut self.bytes).is_err();
        }
        let from = self.bytes.len() - 8;
        self.bytes.drain(from..).fold(0, |word, byte| word << 8 | u64::from(byte))
    }
}
