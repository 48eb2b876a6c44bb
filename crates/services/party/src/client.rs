//! A client's side of a session: shares for each party, and what their answers come to.

use crate::core::names;
use crate::message::{Answer, Bytes, Join, Message, Reason, Told};
use crate::seal::{Commitments, Committing, Salts};
use crate::terms::Terms;
use mpc::{Given, Security, gathered, share_as};
use net::{PeerId, SESSION};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use types::{Bytes32, Encode as _};
use vm::{Name, Port, Verified};
use zeroize::Zeroizing;

/// What a client brings to a session.
pub struct Bringing {
    /// The program.
    pub program: Arc<Verified>,
    /// Which lies the session is to withstand.
    pub security: Security,
    /// What tells two sessions of it apart.
    pub label: [u8; 32],
    /// The keys of the parties, in order.
    pub parties: [PeerId; 3],
    /// Whose part it takes.
    pub names: BTreeSet<Name>,
    /// The lanes of each input port of those names, by port.
    pub inputs: BTreeMap<u32, Zeroizing<Vec<u64>>>,
}

impl Bringing {
    /// Returns whose part a client takes that is alone.
    pub fn everybody(program: &Verified) -> BTreeSet<Name> {
        names(program.program()).into_iter().cloned().collect()
    }

    /// Splits the inputs and returns what to send to each party. What draws the noise gives a uniformly random word each
    /// time.
    ///
    /// # Panics
    /// When there is a port that the program has not.
    pub fn split(self, draw: &mut dyn FnMut() -> u64) -> (Visit, [Bytes; 3]) {
        let program = self.program.program();
        let terms = Terms::new(self.security, program.id(), self.label, &self.parties);
        let mut parts: [Vec<(u32, Given)>; 3] = Default::default();
        for (port, lanes) in &self.inputs {
            let kind = program.ports[vm::layout::at(*port)].kind;
            if kind.is_secret() {
                let shares = share_as(kind.width, lanes, draw);
                parts.iter_mut().zip(shares).for_each(|(to, part)| to.push((*port, Given::Secret(part))));
            } else {
                parts.iter_mut().for_each(|to| to.push((*port, Given::Public(lanes.to_vec()))));
            }
        }
        let names: Vec<Name> = self.names.iter().cloned().collect();
        let joins = parts.map(|inputs| {
            let program = program.to_bytes().into();
            Message::Join(Join { terms: terms.clone(), program, names: names.clone(), inputs }).write()
        });
        let visit =
            Visit { session: terms.session(), program: self.program, names: self.names, answers: [const { None }; 3] };
        (visit, joins)
    }
}

/// What a session gave a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// By port: the lanes of each output that is the client's or everybody's.
    pub outputs: Vec<(u32, Vec<u64>)>,
    /// What the program told the host, in order.
    pub told: Vec<Told>,
    /// How often each party waited for a message.
    pub rounds: [u64; 3],
    /// How many bytes the protocol had each party send.
    pub bytes: [u64; 3],
    /// What a receipt of this session must say of these outputs.
    pub commitments: Vec<Commitments>,
}

/// Why a session gave a client nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A party ended the session.
    #[error("party {} ended the session: {reason}", u32::from(*.party) + 1)]
    Told {
        /// Which.
        party: u8,
        /// Why.
        reason: Reason,
    },
    /// A party is gone, or was never there.
    #[error("party {} is gone: {why}", u32::from(*.party) + 1)]
    Gone {
        /// Which.
        party: u8,
        /// What was seen of it.
        why: String,
    },
    /// A party says what it must not say.
    #[error("party {} said what it must not say: it runs another version of `talea`, or lies", u32::from(*.party) + 1)]
    Nonsense {
        /// Which.
        party: u8,
    },
    /// The parties' parts do not fit.
    #[error(
        "the parties contradict each other, so one of them lies or is broken: nothing of the result can be believed"
    )]
    Contradiction,
}

/// A client's side of one session.
pub struct Visit {
    session: [u8; SESSION],
    program: Arc<Verified>,
    names: BTreeSet<Name>,
    answers: [Option<Answer>; 3],
}

impl Failure {
    /// Returns what the client tells the parties that are left.
    pub(crate) fn farewell(&self, names: &BTreeSet<Name>) -> Bytes {
        let reason = match self {
            Self::Gone { party, .. } => Reason::Gone(*party),
            _ => Reason::Left(names.first().cloned().unwrap_or_default()),
        };
        Message::Abort(reason).write()
    }
}

impl Visit {
    /// Returns the session's name.
    pub fn session(&self) -> &[u8; SESSION] {
        &self.session
    }

    /// Returns whose part the client takes.
    pub fn names(&self) -> &BTreeSet<Name> {
        &self.names
    }

    /// Whether a party has given all that it gives.
    pub fn is_answered(&self, party: u8) -> bool {
        self.answers.get(usize::from(party)).is_some_and(Option::is_some)
    }

    /// Takes what a party says; gives the outcome once all have answered.
    ///
    /// # Errors
    /// When the session is over without an outcome.
    pub fn hear(&mut self, party: u8, message: &[u8]) -> Result<Option<Outcome>, Failure> {
        let nonsense = Failure::Nonsense { party };
        match Message::read(message).map_err(|_| nonsense.clone())? {
            Message::Joined => Ok(None),
            Message::Abort(reason) => Err(Failure::Told { party, reason }),
            Message::Answer(answer) => {
                let slot = self.answers.get_mut(usize::from(party)).filter(|slot| slot.is_none()).ok_or(nonsense)?;
                *slot = Some(answer);
                if self.answers.iter().any(Option::is_none) {
                    return Ok(None);
                }
                let answers = std::mem::take(&mut self.answers).map(|answer| answer.expect("none is missing"));
                self.outcome(answers).map(Some).ok_or(Failure::Contradiction)
            }
            _ => Err(nonsense),
        }
    }

    fn outcome(&self, answers: [Answer; 3]) -> Option<Outcome> {
        let is_mine = |port: &Port| port.client.as_str().is_empty() || self.names.contains(&port.client);
        let ports = (0_u32..).zip(&self.program.program().ports).filter(|(_, port)| port.is_output && is_mine(port));
        let told = answers[0].told.clone();
        let (rounds, bytes) = (answers.each_ref().map(|one| one.rounds), answers.each_ref().map(|one| one.bytes));
        if answers.iter().any(|answer| answer.told != told) {
            return None;
        }
        let salts = opened(answers.each_ref().map(|answer| answer.salts.as_slice()))?;
        let begin = |name: &Name| (name.clone(), [(); 3].map(|()| Committing::new(&told)));
        let mut committing: BTreeMap<Name, [Committing; 3]> = salts.keys().map(begin).collect();
        let mut parts = answers.map(|answer| answer.outputs.into_iter());
        let mut outputs = Vec::new();
        for (at, port) in ports {
            let [first, second, third] = parts.each_mut().map(|part| part.next().filter(|(given, _)| *given == at));
            let given = [first?.1, second?.1, third?.1];
            let is_whole = |given: &Given| match given {
                Given::Public(numbers) => numbers.len() == vm::layout::at(port.kind.lanes),
                Given::Secret(share) => {
                    let lanes = vm::layout::at(port.kind.lanes);
                    share.mine.len() == lanes && share.next.len() == lanes
                }
            };
            if !given.iter().all(is_whole) {
                return None;
            }
            let components = committing.get_mut(&port.client)?.iter_mut();
            components.zip(&given).for_each(|(component, given)| component.add((at, port), given, true));
            outputs.push((at, gathered(port.kind, &given)?));
        }
        let is_all = parts.iter_mut().all(|part| part.next().is_none());
        let commitments = committing.into_iter().zip(salts.values()).map(|((name, components), salts)| {
            let components = components.into_iter().zip(salts).map(|(component, salt)| component.done(salt)).collect();
            Commitments { name, components }
        });
        let commitments = commitments.collect();
        is_all.then_some(Outcome { outputs, told, rounds, bytes, commitments })
    }
}

/// Returns the salts of the three components by name; `None` when parties contradict each other.
fn opened(answers: [&[Salts]; 3]) -> Option<BTreeMap<Name, [Bytes32; 3]>> {
    let mut all = BTreeMap::new();
    for (at, first) in answers[0].iter().enumerate() {
        let [second, third] = [answers[1].get(at)?, answers[2].get(at)?];
        let is_one = [second, third].iter().all(|other| other.name == first.name);
        let fits = first.next == second.mine && second.next == third.mine && third.next == first.mine;
        if !is_one || !fits || all.insert(first.name.clone(), [first.mine, second.mine, third.mine]).is_some() {
            return None;
        }
    }
    answers.iter().all(|answer| answer.len() == all.len()).then_some(all)
}
