//! A party's side of one session: who says what, in what order, and when it is over.
//!
//! Clients come and bring shares until every name in the program has its client. Then each two parties compare what they
//! must hold alike, one of those who hold a component gives the others a fresh key for it, and the rounds begin. Nothing
//! that depends on a share leaves a party before all others have said that all they hold is the same. When a party has its
//! outputs, it gives them to the clients and tells the others what it certifies; once all that fits, there is a receipt.

use crate::circle::{Circle, circles};
use crate::engine::{Runner, Step, prepare};
use crate::message::{Answer, Bytes, Caught, Join, Message, Opening, Reason, Refusal, Told};
use crate::network::Clients;
use crate::seal::{Committing, Receipt, Salts, Seal, Sealed, salt};
use crate::terms::{Terms, digest};
use mpc::many::Part;
use mpc::{Parties, Party, Prepared, Security};
use net::{PeerId, SESSION};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use types::{Bytes32, Encode as _, Millis};
use vm::{Name, Port, Program};
use zeroize::Zeroizing;

/// How far ahead a party that is heard can be: those who hear this one can be a round further than it, and those who hear
/// these another.
const AHEAD: usize = 4;

/// What a party knows before any session.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Which of how many it is.
    pub me: Party,
    /// The keys of all, in order.
    pub parties: Vec<PeerId>,
    /// Who may be a client.
    pub clients: Clients,
    /// For how long a session waits for its clients.
    pub gather: Millis,
    /// For how long a party that is waited for may say nothing.
    pub silence: Millis,
    /// The most fuel that a run may cost by the program's certificate.
    pub fuel: u64,
    /// Whether it takes part only where a lie of one party is found.
    pub guarded: bool,
}

/// What happens to a session.
pub enum Input {
    /// A link to another party is there.
    Met(Party),
    /// A party said something.
    Heard(Party, Bytes),
    /// The link to a party ended.
    Lost(Party),
    /// A client said something.
    Asked(PeerId, Bytes),
    /// The link to a client ended.
    Left(PeerId),
    /// Time went by.
    Tick,
    /// The party is to stop.
    Stop,
}

/// What a session wants done.
pub enum Effect {
    /// Meet the other parties.
    Meet,
    /// Tell a party.
    Tell(Party, Bytes),
    /// Tell a client.
    Answer(PeerId, Bytes),
    /// End the link to a client.
    Part(PeerId),
    /// All certify this of the run.
    Certify(Box<Receipt>),
    /// It is over: end all links once what was sent has arrived.
    Over(Result<(), Reason>),
}

enum State {
    /// Clients are waited for.
    Gathering,
    /// What the other parties hold is waited for.
    Opening,
    /// Rounds.
    Running(Box<Runner>),
    /// The outputs are out; what the others certify is waited for.
    Sealing(Seal),
    /// It ended.
    Over,
}

/// What is known of another party.
#[derive(Default)]
struct Other {
    is_met: bool,
    is_ready: bool,
    seal: Option<Seal>,
    opening: Option<Opening>,
}

/// One party in one session.
pub struct Session {
    setting: Arc<Setting>,
    name: [u8; SESSION],
    key: Zeroizing<[u8; 16]>,
    /// Who holds each component that it holds.
    circles: Vec<Circle>,
    /// The key of each, once all were given.
    keys: Vec<Zeroizing<[u8; 16]>>,
    terms: Option<Terms>,
    prepared: Option<Arc<Prepared>>,
    people: BTreeSet<PeerId>,
    clients: BTreeMap<Name, PeerId>,
    given: BTreeMap<u32, Part>,
    others: BTreeMap<Party, Other>,
    /// What the parties after it said of rounds to come, the nearest first.
    early: Vec<VecDeque<Bytes>>,
    /// Whether all others were told that they hold the same as this party.
    is_ready: bool,
    state: State,
    deadline: Millis,
}

/// Returns the names in a program that need a client: nobody's inputs are somebody's to give, nobody's outputs everybody's.
pub(crate) fn names(program: &Program) -> BTreeSet<&Name> {
    let needs = |port: &&Port| !port.is_output || !port.client.as_str().is_empty();
    program.ports.iter().filter(needs).map(|port| &port.client).collect()
}

impl Session {
    /// Begins a session of this name. The key is 16 uniformly random bytes, used for this session only: words are drawn from
    /// it, and salts are hashes of it.
    pub fn new(setting: Arc<Setting>, name: [u8; SESSION], key: Zeroizing<[u8; 16]>, now: Millis) -> Self {
        let me = setting.me;
        let others = Party::all(me.among()).filter(|party| *party != me);
        Self {
            deadline: now.after(setting.gather),
            setting,
            name,
            key,
            circles: circles(me),
            keys: Vec::new(),
            terms: None,
            prepared: None,
            people: BTreeSet::new(),
            clients: BTreeMap::new(),
            given: BTreeMap::new(),
            others: others.map(|party| (party, Other::default())).collect(),
            early: (0..me.among().curious()).map(|_| VecDeque::new()).collect(),
            is_ready: false,
            state: State::Gathering,
        }
    }

    /// Returns when the session wants to hear of the time again.
    pub fn deadline(&self) -> Millis {
        self.deadline
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        if let State::Over = self.state {
            return Vec::new();
        }
        let done = match input {
            Input::Met(party) => self.met(party),
            Input::Heard(party, message) => self.heard(now, party, &message),
            Input::Lost(party) => self.lost(party),
            Input::Asked(client, message) => self.asked(now, client, &message),
            Input::Left(client) => self.left(client),
            Input::Tick if now >= self.deadline => Err(self.late()),
            Input::Tick => Ok(Vec::new()),
            Input::Stop => Err(Reason::Closed(self.setting.me.number())),
        };
        done.unwrap_or_else(|reason| self.abort(reason))
    }

    /// Ends the session and tells everybody why.
    fn abort(&mut self, reason: Reason) -> Vec<Effect> {
        self.state = State::Over;
        let told = || Message::Abort(reason.clone()).write();
        let met = self.others.iter().filter(|(_, other)| other.is_met);
        let mut effects: Vec<Effect> = met.map(|(party, _)| Effect::Tell(*party, told())).collect();
        effects.extend(self.people.iter().map(|client| Effect::Answer(*client, told())));
        effects.push(Effect::Over(Err(reason)));
        effects
    }

    fn other(&mut self, party: Party) -> Result<&mut Other, Reason> {
        self.others.get_mut(&party).ok_or(Reason::Nonsense(party.number()))
    }

    fn met(&mut self, party: Party) -> Result<Vec<Effect>, Reason> {
        self.other(party)?.is_met = true;
        match self.state {
            State::Opening => Ok(vec![self.open(party)]),
            _ => Ok(Vec::new()),
        }
    }

    fn lost(&mut self, party: Party) -> Result<Vec<Effect>, Reason> {
        let other = self.other(party)?;
        if other.seal.is_some() { Ok(Vec::new()) } else { Err(Reason::Gone(party.number())) }
    }

    fn left(&mut self, client: PeerId) -> Result<Vec<Effect>, Reason> {
        // It has what is its own.
        if let State::Sealing(_) = self.state {
            return Ok(Vec::new());
        }
        if !self.people.contains(&client) {
            return Ok(self.part(client));
        }
        let name = self.clients.iter().find(|(_, id)| **id == client).map(|(name, _)| name.clone());
        Err(Reason::Left(name.unwrap_or_default()))
    }

    /// Who is waited for in vain.
    fn late(&self) -> Reason {
        match &self.state {
            State::Gathering => {
                let prepared = self.prepared.as_ref();
                let missing = prepared.and_then(|prepared| self.missing(prepared.program()));
                Reason::Missing(missing.unwrap_or_default())
            }
            State::Opening => {
                let silent = self.others.iter().find(|(_, other)| !other.is_ready);
                silent.map_or(Reason::Silent(self.setting.me.next().number()), |(party, other)| match other.is_met {
                    true => Reason::Silent(party.number()),
                    false => Reason::Gone(party.number()),
                })
            }
            State::Sealing(_) => {
                let silent = self.others.iter().find(|(_, other)| other.seal.is_none());
                Reason::Silent(silent.map_or(self.setting.me, |(party, _)| *party).number())
            }
            State::Running(_) | State::Over => {
                let silent = self.early.iter().position(VecDeque::is_empty).unwrap_or_default();
                Reason::Silent(self.setting.me.after(silent + 1).number())
            }
        }
    }

    /// Whether the session waits for a client, and for this one first.
    fn is_missing(&self, name: &Name) -> bool {
        let missing = self.prepared.as_ref().and_then(|prepared| self.missing(prepared.program()));
        matches!(self.state, State::Gathering) && missing.as_ref() == Some(name)
    }

    fn missing(&self, program: &Program) -> Option<Name> {
        names(program).into_iter().find(|name| !self.clients.contains_key(*name)).cloned()
    }

    /// Lets go of a client that has no part in the session; without anybody there is no session.
    fn part(&mut self, client: PeerId) -> Vec<Effect> {
        let mut effects = vec![Effect::Part(client)];
        if self.people.is_empty() && !self.others.values().any(|other| other.is_met) {
            self.state = State::Over;
            effects.push(Effect::Over(Ok(())));
        }
        effects
    }

    fn asked(&mut self, now: Millis, client: PeerId, message: &[u8]) -> Result<Vec<Effect>, Reason> {
        let join = match Message::read(message) {
            Ok(Message::Join(join)) => self.join(client, join),
            // A client may see first that a party is gone.
            Ok(Message::Abort(Reason::Gone(party)))
                if self.people.contains(&client) && !matches!(self.state, State::Sealing(_)) =>
            {
                return Err(Reason::Gone(party));
            }
            // It may hear first, from another party, that a client did not come.
            Ok(Message::Abort(Reason::Missing(name))) if self.people.contains(&client) && self.is_missing(&name) => {
                return Err(Reason::Missing(name));
            }
            Ok(Message::Abort(_)) => return self.left(client),
            _ => Err(Refusal::Unreadable),
        };
        if let Err(refusal) = join {
            let mut effects = vec![Effect::Answer(client, Message::Abort(Reason::Refused(refusal)).write())];
            // Who is in already and talks on is told and not heard; its part stays what it was.
            if !self.people.contains(&client) {
                effects.extend(self.part(client));
            }
            return Ok(effects);
        }
        let mut effects = vec![Effect::Answer(client, Message::Joined.write())];
        let prepared = self.prepared.clone().expect("a client that is in has brought the program");
        if self.missing(prepared.program()).is_none() {
            self.state = State::Opening;
            self.deadline = now.after(self.setting.silence);
            effects.push(Effect::Meet);
            let met: Vec<Party> = self.others.iter().filter(|(_, other)| other.is_met).map(|(at, _)| *at).collect();
            effects.extend(met.into_iter().map(|party| self.open(party)));
            effects.extend(self.begin(now)?);
        }
        Ok(effects)
    }

    /// Lets a client in, or leaves everything as it is.
    fn join(&mut self, client: PeerId, join: Join) -> Result<(), Refusal> {
        let is_open = matches!(self.state, State::Gathering) && !self.people.contains(&client);
        if !is_open {
            return Err(Refusal::Late);
        }
        let parties = self.setting.parties.iter().map(|id| Bytes32(id.bytes()));
        let is_agreed = join.terms.parties.iter().copied().eq(parties) && join.terms.session() == self.name;
        let security = join.terms.security().filter(|_| is_agreed).ok_or(Refusal::Terms)?;
        if self.setting.guarded && security != Security::Malicious {
            return Err(Refusal::Trusting);
        }
        if crypto::content_id(&join.program) != join.terms.program {
            return Err(Refusal::Program);
        }
        let prepared = match &self.prepared {
            Some(prepared) => Arc::clone(prepared),
            None => Arc::new(self.prepare(&join.program, security)?),
        };
        let program = prepared.program();
        let wanted = names(program);
        let may = |name: &Name| match &self.setting.clients {
            Clients::Anybody => true,
            // What nobody's name stands at is public: any client may give it.
            Clients::Named(named) => name.as_str().is_empty() || named.get(name) == Some(&client),
        };
        let claimed: BTreeSet<&Name> = join.names.iter().collect();
        let is_free = |name: &&&Name| wanted.contains(**name) && !self.clients.contains_key(**name) && may(name);
        // A program that nobody gives anything to runs for whoever asks.
        let is_idle = claimed.is_empty() && !wanted.is_empty();
        if is_idle || claimed.iter().filter(is_free).count() != join.names.len() {
            return Err(Refusal::Name);
        }
        let ports = (0_u32..).zip(&program.ports).filter(|(_, port)| !port.is_output && claimed.contains(&port.client));
        let ports: Vec<(u32, &Port)> = ports.collect();
        let fits =
            |((at, port), (given_at, given)): (&(u32, &Port), &(u32, Part))| at == given_at && self.fits(port, given);
        if ports.len() != join.inputs.len() || !ports.iter().zip(&join.inputs).all(fits) {
            return Err(Refusal::Inputs);
        }
        self.prepared = Some(prepared);
        self.terms = Some(join.terms);
        self.people.insert(client);
        self.clients.extend(join.names.into_iter().map(|name| (name, client)));
        self.given.extend(join.inputs);
        Ok(())
    }

    fn prepare(&self, program: &[u8], security: Security) -> Result<Prepared, Refusal> {
        let verified = vm::verify_bytes(program).map_err(|_| Refusal::Program)?;
        if verified.program().certificate.fuel > self.setting.fuel {
            return Err(Refusal::TooDear);
        }
        prepare(Arc::new(verified), self.setting.me.among(), security).map_err(|_| Refusal::Unsupported)
    }

    /// Returns what this party tells another one that it holds.
    fn open(&self, party: Party) -> Effect {
        let me = self.setting.me;
        let given = self.circles.iter().filter(|circle| circle.giver == me && circle.holders.contains(&party));
        let keys = given.map(|circle| self.fresh(circle)).collect();
        let opening = Opening { agreement: self.agreement(), component: self.component(party), keys };
        Effect::Tell(party, Message::Opening(opening).write())
    }

    /// Hashes what all parties hold alike.
    fn agreement(&self) -> [u8; 32] {
        let mut bytes = Zeroizing::new(self.name.to_vec());
        for (name, client) in &self.clients {
            bytes.extend(name.to_bytes());
            bytes.extend(client.bytes());
        }
        for (port, given) in &self.given {
            if let Part::Public(numbers) = given {
                bytes.extend(port.to_bytes());
                bytes.extend(numbers.to_bytes());
            }
        }
        digest(&[b"agreement", &bytes])
    }

    /// Returns the key of a component that this party gives to its other holders.
    fn fresh(&self, circle: &Circle) -> Zeroizing<[u8; 16]> {
        if self.setting.me.among() == Parties::THREE {
            // It gives only one.
            return self.key.clone();
        }
        let number = u64::try_from(circle.component).expect("there are few components");
        let hash = Zeroizing::new(digest(&[b"circle", &self.key[..], &self.name, &number.to_be_bytes()]));
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&hash[..16]);
        key
    }

    /// Hashes the components that this party holds alike with another one. They are uniformly random and the other holds them
    /// too, so the hash tells it nothing.
    fn component(&self, with: Party) -> [u8; 32] {
        let mut bytes = Zeroizing::new(self.name.to_vec());
        for (port, given) in &self.given {
            if let Part::Secret(components) = given {
                bytes.extend(port.to_bytes());
                let both = self.circles.iter().zip(&components.0).filter(|(circle, _)| circle.holders.contains(&with));
                both.flat_map(|(_, words)| words).for_each(|word| bytes.extend(word.to_be_bytes()));
            }
        }
        digest(&[b"component", &bytes])
    }

    fn heard(&mut self, now: Millis, party: Party, message: &[u8]) -> Result<Vec<Effect>, Reason> {
        let nonsense = || Reason::Nonsense(party.number());
        match Message::read(message).map_err(|_| nonsense())? {
            Message::Opening(opening) => {
                let expected = self.circles.iter().filter(|circle| circle.giver == party).count();
                let other = self.other(party)?;
                if other.opening.is_some() || opening.keys.len() != expected {
                    return Err(nonsense());
                }
                other.opening = Some(opening);
                if let State::Opening = self.state { self.begin(now) } else { Ok(Vec::new()) }
            }
            Message::Ready => {
                let other = self.other(party)?;
                if other.is_ready || other.opening.is_none() {
                    return Err(nonsense());
                }
                other.is_ready = true;
                if let State::Opening = self.state { self.begin(now) } else { Ok(Vec::new()) }
            }
            Message::Round(message) => {
                let me = self.setting.me;
                let early = self.early.iter_mut().enumerate().find(|(places, _)| me.after(places + 1) == party);
                let (_, early) = early.filter(|(_, early)| early.len() < AHEAD).ok_or_else(nonsense)?;
                early.push_back(Zeroizing::new(message.to_vec()));
                if let State::Running(_) = self.state { self.go(now, None) } else { Ok(Vec::new()) }
            }
            Message::Finished(seal) => {
                let other = self.other(party)?;
                if other.seal.is_some() {
                    return Err(nonsense());
                }
                other.seal = Some(seal);
                self.certify()
            }
            Message::Abort(reason) => Err(reason),
            _ => Err(nonsense()),
        }
    }

    /// Compares what the others hold, once they have said it; begins the rounds once all have compared.
    fn begin(&mut self, now: Millis) -> Result<Vec<Effect>, Reason> {
        let mut effects = Vec::new();
        if !self.is_ready {
            let agreement = self.agreement();
            for (party, other) in &self.others {
                let Some(opening) = &other.opening else { return Ok(effects) };
                let component = self.component(*party);
                if opening.agreement != agreement || opening.component != component {
                    return Err(Reason::Differs(party.number()));
                }
            }
            self.is_ready = true;
            effects.extend(self.others.keys().map(|party| Effect::Tell(*party, Message::Ready.write())));
        }
        if self.others.values().all(|other| other.is_ready) {
            let first = self.start()?;
            effects.extend(self.go(now, Some(first))?);
        }
        Ok(effects)
    }

    fn start(&mut self) -> Result<Result<Step, mpc::Fault>, Reason> {
        let me = self.setting.me;
        let circles = std::mem::take(&mut self.circles);
        // Each gave the keys of its components in their order.
        let mut theirs: BTreeMap<Party, VecDeque<Zeroizing<[u8; 16]>>> = BTreeMap::new();
        for (party, other) in &mut self.others {
            theirs.insert(*party, other.opening.take().map(|opening| opening.keys.into()).unwrap_or_default());
        }
        for circle in &circles {
            let key = match theirs.get_mut(&circle.giver) {
                Some(keys) => keys.pop_front().ok_or(Reason::Nonsense(circle.giver.number()))?,
                None => self.fresh(circle),
            };
            self.keys.push(key);
        }
        self.circles = circles;
        let prepared = self.prepared.clone().expect("the program is there once all clients are");
        let inputs = std::mem::take(&mut self.given).into_values().collect();
        let runner = Runner::new(prepared, me, &self.keys, inputs);
        let mut runner = runner.expect("each input was compared with its port");
        let first = runner.start();
        self.state = State::Running(Box::new(runner));
        Ok(first)
    }

    /// Goes on for as long as there is something to go on with.
    fn go(&mut self, now: Millis, mut next: Option<Result<Step, mpc::Fault>>) -> Result<Vec<Effect>, Reason> {
        let me = self.setting.me;
        let mut effects = Vec::new();
        loop {
            match next.take() {
                Some(Err(mpc::Fault::Stopped(cause))) => return Err(Reason::Stopped(cause.into())),
                Some(Err(mpc::Fault::Caught(check))) => return Err(Reason::Caught(Caught::new(me, check))),
                Some(Err(mpc::Fault::Message { after, .. })) => return Err(Reason::Nonsense(me.after(after).number())),
                Some(Err(_)) => return Err(Reason::Nonsense(me.next().number())),
                Some(Ok(Step::Send(messages))) => {
                    for (places, message) in (1..).zip(messages) {
                        let (message, to) = (Zeroizing::new(message), me.after(me.among().count() - places));
                        effects.push(Effect::Tell(to, Message::Round(&message).write()));
                    }
                }
                Some(Ok(Step::Done(outputs))) => {
                    effects.extend(self.done(now, outputs));
                    effects.extend(self.certify()?);
                    return Ok(effects);
                }
                None => {}
            }
            let State::Running(runner) = &mut self.state else { return Ok(effects) };
            if self.early.iter().any(VecDeque::is_empty) {
                return Ok(effects);
            }
            let heard = self.early.iter_mut().filter_map(VecDeque::pop_front);
            let heard: Vec<Bytes> = heard.collect();
            self.deadline = now.after(self.setting.silence);
            next = Some(runner.receive(&heard));
        }
    }

    /// Hands out the outputs: to each client what is its own and what is everybody's.
    fn done(&mut self, now: Millis, outputs: Vec<Part>) -> Vec<Effect> {
        let state = std::mem::replace(&mut self.state, State::Over);
        let (State::Running(runner), Some(prepared)) = (state, self.prepared.clone()) else { return Vec::new() };
        let ports = (0_u32..).zip(&prepared.program().ports).filter(|(_, port)| port.is_output);
        let outputs: Vec<(u32, &Port, Part)> = ports.zip(outputs).map(|((at, port), part)| (at, port, part)).collect();
        let told = runner.told().iter().map(|(host, arguments)| Told { host: *host, arguments: arguments.clone() });
        let told: Vec<Told> = told.collect();
        let (seal, salts) = self.seal(&runner, &outputs, &told);
        let mut effects = Vec::new();
        for client in self.people.clone() {
            let is_theirs = |name: &Name| name.as_str().is_empty() || self.clients.get(name) == Some(&client);
            let theirs = outputs.iter().filter(|(_, port, _)| is_theirs(&port.client));
            let outputs = theirs.map(|(at, _, part)| (*at, part.copied())).collect();
            let salts = salts.iter().filter(|salts| is_theirs(&salts.name)).cloned().collect();
            let answer = Answer { outputs, told: told.clone(), rounds: seal.rounds, bytes: seal.bytes, salts };
            effects.push(Effect::Answer(client, Message::Answer(answer).write()));
        }
        let finished = |party: &Party| Effect::Tell(*party, Message::Finished(seal.clone()).write());
        effects.extend(self.others.keys().map(finished));
        self.state = State::Sealing(seal);
        self.deadline = now.after(self.setting.silence);
        effects
    }

    /// Returns what this party certifies, and what opens it.
    fn seal(&self, runner: &Runner, outputs: &[(u32, &Port, Part)], told: &[Told]) -> (Seal, Vec<Salts>) {
        let everybody = Name::default();
        let names: BTreeSet<&Name> = outputs.iter().map(|(_, port, _)| &port.client).chain([&everybody]).collect();
        let (mut sealed, mut all_salts) = (Vec::new(), Vec::new());
        for name in names {
            let salts: Vec<Bytes32> = self.keys.iter().map(|key| salt(key, &self.name, name)).collect();
            let commit = |(place, salt): (usize, &Bytes32)| {
                let mut committing = Committing::new(told);
                let theirs = outputs.iter().filter(|(_, port, _)| port.client == *name);
                theirs.for_each(|(at, port, part)| committing.add((*at, port), part, place));
                committing.done(salt)
            };
            let components = salts.iter().enumerate().map(commit).collect();
            sealed.push(Sealed { name: name.clone(), components });
            all_salts.push(Salts { name: name.clone(), salts });
        }
        let measured = runner.measured();
        (Seal { rounds: measured.rounds, bytes: measured.bytes, outputs: sealed }, all_salts)
    }

    /// Ends the session with a receipt, once all have said what they certify.
    fn certify(&mut self) -> Result<Vec<Effect>, Reason> {
        let State::Sealing(mine) = &self.state else { return Ok(Vec::new()) };
        let me = self.setting.me;
        let seal = |party: Party| if party == me { Some(mine) } else { self.others.get(&party)?.seal.as_ref() };
        let seals: Option<Vec<&Seal>> = Party::all(me.among()).map(seal).collect();
        let Some(seals) = seals else { return Ok(Vec::new()) };
        let (terms, prepared) = self.terms.clone().zip(self.prepared.as_ref()).expect("it ran under terms");
        let fuel = prepared.program().certificate.fuel;
        let receipt = Receipt::of(terms, fuel, me.among(), &seals).map_err(Reason::Unsealed)?;
        self.state = State::Over;
        Ok(vec![Effect::Certify(Box::new(receipt)), Effect::Over(Ok(()))])
    }

    /// Whether what a client gives is what a port takes.
    fn fits(&self, port: &Port, part: &Part) -> bool {
        let lanes = vm::layout::at(port.kind.lanes);
        match part {
            Part::Public(numbers) => {
                let largest = port.kind.width.largest();
                !port.kind.is_secret() && numbers.len() == lanes && numbers.iter().all(|number| *number <= largest)
            }
            Part::Secret(components) => port.kind.is_secret() && components.fits(self.setting.me.among(), lanes),
        }
    }
}
