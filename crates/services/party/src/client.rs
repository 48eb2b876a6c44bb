//! A client's side of a session: shares for each party, and what their answers come to.

use crate::circle::circles;
use crate::core::names;
use crate::engine::{gathered, share};
use crate::message::{Answer, Bytes, Join, Message, Reason, Told};
use crate::seal::{Commitments, Committing, Salts, agreed};
use crate::terms::Terms;
use mpc::many::Part;
use mpc::{Parties, Party, Security};
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
    pub parties: Vec<PeerId>,
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
    /// When there is a port that the program has not, or there are no protocols for as many parties.
    pub fn split(self, draw: &mut dyn FnMut() -> u64) -> (Visit, Vec<Bytes>) {
        let count = self.parties.len();
        let parties = Parties::new(count).expect("a network names as many parties as there are protocols for");
        let program = self.program.program();
        let terms = Terms::new(self.security, program.id(), self.label, &self.parties);
        let mut parts: Vec<Vec<(u32, Part)>> = (0..count).map(|_| Vec::new()).collect();
        for (port, lanes) in &self.inputs {
            let kind = program.ports[vm::layout::at(*port)].kind;
            if kind.is_secret() {
                let shares = share(parties, kind.width, lanes, draw);
                parts.iter_mut().zip(shares).for_each(|(to, part)| to.push((*port, Part::Secret(part))));
            } else {
                parts.iter_mut().for_each(|to| to.push((*port, Part::Public(lanes.to_vec()))));
            }
        }
        let names: Vec<Name> = self.names.iter().cloned().collect();
        let joins = parts.into_iter().map(|inputs| {
            let program = program.to_bytes().into();
            Message::Join(Join { terms: terms.clone(), program, names: names.clone(), inputs }).write()
        });
        let joins = joins.collect();
        let answers = (0..count).map(|_| None).collect();
        let visit = Visit { session: terms.session(), parties, program: self.program, names: self.names, answers };
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
    pub rounds: Vec<u64>,
    /// How many bytes the protocol had each party send.
    pub bytes: Vec<u64>,
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
    parties: Parties,
    program: Arc<Verified>,
    names: BTreeSet<Name>,
    answers: Vec<Option<Answer>>,
}

impl Failure {
    /// Returns what the client tells the parties that are left.
    pub(crate) fn farewell(&self, names: &BTreeSet<Name>) -> Bytes {
        let reason = match self {
            Self::Gone { party, .. } => Reason::Gone(*party),
            // A party whose clock is behind is to end for the same reason.
            Self::Told { reason: Reason::Missing(name), .. } => Reason::Missing(name.clone()),
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
                let answers = self.answers.iter_mut().map(|answer| answer.take().expect("none is missing")).collect();
                self.outcome(answers).map(Some).ok_or(Failure::Contradiction)
            }
            _ => Err(nonsense),
        }
    }

    fn outcome(&self, answers: Vec<Answer>) -> Option<Outcome> {
        let is_mine = |port: &Port| port.client.as_str().is_empty() || self.names.contains(&port.client);
        let ports = (0_u32..).zip(&self.program.program().ports).filter(|(_, port)| port.is_output && is_mine(port));
        let told = answers[0].told.clone();
        let rounds = answers.iter().map(|one| one.rounds).collect();
        let bytes = answers.iter().map(|one| one.bytes).collect();
        if answers.iter().any(|answer| answer.told != told) {
            return None;
        }
        let salts: Vec<&[Salts]> = answers.iter().map(|answer| answer.salts.as_slice()).collect();
        let salts = opened(self.parties, &salts)?;
        let begin = |name: &Name| (name.clone(), salts[name].iter().map(|_| Committing::new(&told)).collect());
        let mut committing: BTreeMap<Name, Vec<Committing>> = salts.keys().map(begin).collect();
        let mut parts: Vec<_> = answers.into_iter().map(|answer| answer.outputs.into_iter()).collect();
        let mut outputs = Vec::new();
        for (at, port) in ports {
            let given =
                parts.iter_mut().map(|part| part.next().filter(|(given, _)| *given == at).map(|(_, part)| part));
            let given: Vec<Part> = given.collect::<Option<_>>()?;
            let lanes = vm::layout::at(port.kind.lanes);
            let is_whole = |part: &Part| match part {
                Part::Public(numbers) => numbers.len() == lanes,
                Part::Secret(components) => components.fits(self.parties, lanes),
            };
            if !given.iter().all(is_whole) {
                return None;
            }
            let committing = committing.get_mut(&port.client)?;
            for party in Party::all(self.parties) {
                for (place, circle) in circles(party).into_iter().enumerate() {
                    // Whoever holds it holds the same, which is found out when it is put together.
                    if circle.giver == party {
                        committing[circle.component].add((at, port), &given[party.index()], place);
                    }
                }
            }
            outputs.push((at, gathered(self.parties, port.kind, given)?));
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

/// Returns the salts of all components by name; `None` when parties contradict each other.
fn opened(parties: Parties, answers: &[&[Salts]]) -> Option<BTreeMap<Name, Vec<Bytes32>>> {
    let mut all = BTreeMap::new();
    for (at, first) in answers[0].iter().enumerate() {
        let same: Vec<&[Bytes32]> = answers
            .iter()
            .map(|salts| salts.get(at).filter(|salts| salts.name == first.name).map(|salts| salts.salts.as_slice()))
            .collect::<Option<_>>()?;
        let agreed = agreed(parties, |party| same[party.index()]).ok()?;
        if all.insert(first.name.clone(), agreed).is_some() {
            return None;
        }
    }
    answers.iter().all(|answer| answer.len() == all.len()).then_some(all)
}
