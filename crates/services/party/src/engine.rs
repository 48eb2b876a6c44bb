//! A run by the protocols of as many parties as there are.

use crate::message::Bytes;
use mpc::many::{self, Components, Part};
use mpc::{Fault, Given, Key, Keys, Measured, Parties, Party, Prepared, Security, Share, Unsupported};
use std::sync::Arc;
use vm::{Type, Verified, Width};
use zeroize::Zeroizing;

/// Makes the plans of a program. More than three parties take all of them to follow the protocol.
pub(crate) fn prepare(program: Arc<Verified>, parties: Parties, security: Security) -> Result<Prepared, Unsupported> {
    match parties {
        Parties::THREE => Prepared::secure(program, security),
        more => Prepared::among(program, more),
    }
}

/// A party in the middle of a program.
pub(crate) enum Runner {
    Three(mpc::Runner),
    More(many::Runner),
}

/// What it does next.
pub(crate) enum Step {
    /// Send these to the parties before it, the first to the nearest.
    Send(Vec<Vec<u8>>),
    Done(Vec<Part>),
}

impl Runner {
    /// Begins with a key and a component of each input for each circle of the party.
    pub(crate) fn new(
        prepared: Arc<Prepared>,
        me: Party,
        keys: &[Zeroizing<[u8; 16]>],
        inputs: Vec<Part>,
    ) -> Result<Self, Fault> {
        if me.among() == Parties::THREE {
            let [own, next] = keys else { return Err(Fault::Keys(2)) };
            let keys = Keys { own: Key::new(**own), next: Key::new(**next) };
            let inputs = inputs.into_iter().map(given).collect();
            return mpc::Runner::new(prepared, me, &keys, inputs).map(Self::Three);
        }
        let keys = many::Keys(keys.iter().map(|key| Key::new(**key)).collect());
        many::Runner::new(prepared, me.index(), &keys, inputs).map(Self::More)
    }

    pub(crate) fn start(&mut self) -> Result<Step, Fault> {
        match self {
            Self::Three(runner) => runner.start().map(Step::from),
            Self::More(runner) => runner.start().map(Step::from),
        }
    }

    /// Takes the messages of the parties after it, the first from the nearest.
    pub(crate) fn receive(&mut self, messages: &[Bytes]) -> Result<Step, Fault> {
        match (self, messages) {
            (Self::Three(runner), [message]) => runner.receive(message).map(Step::from),
            (Self::Three(_), _) => Err(Fault::Over),
            (Self::More(runner), messages) => {
                let messages: Vec<&[u8]> = messages.iter().map(|message| message.as_slice()).collect();
                runner.receive(&messages).map(Step::from)
            }
        }
    }

    pub(crate) fn measured(&self) -> Measured {
        match self {
            Self::Three(runner) => runner.measured(),
            Self::More(runner) => runner.measured(),
        }
    }

    pub(crate) fn told(&self) -> &[(u32, Vec<Vec<u64>>)] {
        match self {
            Self::Three(runner) => runner.told(),
            Self::More(runner) => runner.told(),
        }
    }
}

impl From<mpc::Step> for Step {
    fn from(step: mpc::Step) -> Self {
        match step {
            mpc::Step::Send(message) => Self::Send(vec![message]),
            mpc::Step::Done(outputs) => Self::Done(outputs.into_iter().map(part).collect()),
        }
    }
}

impl From<many::Step> for Step {
    fn from(step: many::Step) -> Self {
        match step {
            many::Step::Send(messages) => Self::Send(messages),
            many::Step::Done(outputs) => Self::Done(outputs),
        }
    }
}

fn part(given: Given) -> Part {
    match given {
        Given::Public(numbers) => Part::Public(numbers),
        Given::Secret(share) => Part::Secret(components(share)),
    }
}

/// What is wiped when it is dropped is taken out, not copied.
fn components(mut share: Share) -> Components {
    Components(vec![std::mem::take(&mut share.mine), std::mem::take(&mut share.next)])
}

fn given(part: Part) -> Given {
    match part {
        Part::Public(numbers) => Given::Public(numbers),
        Part::Secret(mut components) => {
            let mut parts = std::mem::take(&mut components.0).into_iter();
            let mut next = || parts.next().unwrap_or_default();
            Given::Secret(Share { mine: next(), next: next() })
        }
    }
}

/// Splits numbers of a width among parties.
pub(crate) fn share(parties: Parties, width: Width, numbers: &[u64], draw: &mut dyn FnMut() -> u64) -> Vec<Components> {
    match parties {
        Parties::THREE => mpc::share_as(width, numbers, draw).into_iter().map(components).collect(),
        more => many::share(more, width, numbers, draw),
    }
}

/// Puts a port's numbers together from what all parties gave; `None` when they contradict each other.
pub(crate) fn gathered(parties: Parties, kind: Type, parts: Vec<Part>) -> Option<Vec<u64>> {
    match parties {
        Parties::THREE => {
            let parts: Vec<Given> = parts.into_iter().map(given).collect();
            mpc::gathered(kind, &parts.try_into().ok()?)
        }
        more => many::gathered(more, kind, &parts),
    }
}
