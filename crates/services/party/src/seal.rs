//! What parties certify when a run is over: what it took, and commitments to what each client was given.
//!
//! Setting: a commitment hashes one component of a client's outputs behind a salt that only the parties who hold the
//! component know, and the client itself. So the receipt can be shown to anybody: who lacks a component lacks its salt too,
//! and another client has salts of his own. The salts are hashes of the keys that they share for one run.

use crate::circle::{circles, components};
use crate::terms::{Terms, digest};
use mpc::many::Part;
use mpc::{Parties, Party};
use types::{Bytes32, Encode as _};
use vm::{Name, Port};

types::record! {
    /// Commitments to what one client was given.
    pub struct Commitments {
        /// Whose outputs; without a name, everybody's.
        pub name: Name,
        /// By component.
        pub components: Vec<Bytes32>,
    }
}

types::record! {
    /// What all parties say of a session that ended.
    pub struct Receipt {
        /// What the session was: program, protocol, label and parties.
        pub terms: Terms,
        /// What the program's certificate says that a run costs.
        pub fuel: u64,
        /// By party: how often it waited for a message.
        pub rounds: Vec<u64>,
        /// By party: how many bytes the protocol had it send.
        pub bytes: Vec<u64>,
        /// Commitments to the outputs, by name.
        pub outputs: Vec<Commitments>,
    }
}

types::record! {
    /// A party's commitments to the components that it holds of what one client is given.
    pub struct Sealed {
        /// Whose outputs.
        pub name: Name,
        /// To each component, in the party's order.
        pub components: Vec<Bytes32>,
    }
}

types::record! {
    /// What one party certifies.
    pub struct Seal {
        /// How often it waited for a message.
        pub rounds: u64,
        /// How many bytes the protocol had it send.
        pub bytes: u64,
        /// Its commitments, by name.
        pub outputs: Vec<Sealed>,
    }
}

types::record! {
    /// What opens a party's commitments, for the client they are about.
    pub struct Salts {
        /// Whose outputs.
        pub name: Name,
        /// Of each component, in the party's order.
        pub salts: Vec<Bytes32>,
    }
}

/// Returns the salt of one component of what one client is given, from the key that the holders of the component share.
pub(crate) fn salt(key: &[u8; 16], session: &[u8], name: &Name) -> Bytes32 {
    Bytes32(digest(&[b"salt", key, session, &name.to_bytes()]))
}

/// A commitment to one component, while it is put together port by port.
pub(crate) struct Committing(zeroize::Zeroizing<Vec<u8>>);

impl Committing {
    /// Begins with what the program told the host, which is everybody's.
    pub(crate) fn new(told: &[crate::Told]) -> Self {
        Self(zeroize::Zeroizing::new(told.to_vec().to_bytes()))
    }

    /// Adds the component of one output: of what a party holds, the one at a place.
    pub(crate) fn add(&mut self, (at, port): (u32, &Port), part: &Part, place: usize) {
        let words = match part {
            Part::Public(numbers) => numbers.as_slice(),
            Part::Secret(components) => components.0.get(place).map_or(&[][..], Vec::as_slice),
        };
        // What is above a number's width its holders need not hold alike.
        let mask = if port.kind.width.is_int() { port.kind.width.largest() } else { u64::MAX };
        self.0.extend(at.to_bytes());
        self.0.extend(u64::try_from(words.len()).unwrap_or(u64::MAX).to_be_bytes());
        words.iter().for_each(|word| self.0.extend((word & mask).to_be_bytes()));
    }

    /// Returns the commitment.
    pub(crate) fn done(self, salt: &Bytes32) -> Bytes32 {
        Bytes32(digest(&[b"output", &salt.0, &self.0]))
    }
}

impl Receipt {
    /// Puts together what all parties certify, each in its place; gives the number of one that does not fit the next one that
    /// holds the same component.
    pub(crate) fn of(terms: Terms, fuel: u64, parties: Parties, seals: &[&Seal]) -> Result<Self, u8> {
        let names = || seals[0].outputs.iter().map(|one| &one.name);
        let mut outputs: Vec<Commitments> =
            names().map(|name| Commitments { name: name.clone(), components: Vec::new() }).collect();
        for party in Party::all(parties) {
            let theirs = &seals[party.index()].outputs;
            let is_whole = |one: &Sealed| one.components.len() == circles(party).len();
            if !theirs.iter().map(|one| &one.name).eq(names()) || !theirs.iter().all(is_whole) {
                return Err(party.number());
            }
        }
        for (at, output) in outputs.iter_mut().enumerate() {
            let sealed = |party: Party| seals[party.index()].outputs[at].components.as_slice();
            output.components = agreed(parties, sealed).map_err(Party::number)?;
        }
        let rounds = seals.iter().map(|seal| seal.rounds).collect();
        let bytes = seals.iter().map(|seal| seal.bytes).collect();
        Ok(Self { terms, fuel, rounds, bytes, outputs })
    }

    /// Whether it certifies what a client was given.
    pub fn holds(&self, given: &[Commitments]) -> bool {
        !given.is_empty() && given.iter().all(|one| self.outputs.contains(one))
    }
}

/// Returns what all holders of each component say of it, by component; gives the first one with whom the next one that holds
/// the same does not agree. Each says something of each component that it holds.
pub(crate) fn agreed<'a>(parties: Parties, said: impl Fn(Party) -> &'a [Bytes32]) -> Result<Vec<Bytes32>, Party> {
    let word = |party: Party, component: usize| {
        let place = circles(party).iter().position(|circle| circle.component == component);
        place.and_then(|place| said(party).get(place).copied())
    };
    let mut all = vec![Bytes32([0; 32]); components(parties)];
    for circle in Party::all(parties).flat_map(circles) {
        let words = circle.holders.iter().map(|holder| (*holder, word(*holder, circle.component)));
        let words: Vec<(Party, Option<Bytes32>)> = words.collect();
        for pair in words.windows(2) {
            all[circle.component] = pair[0].1.filter(|_| pair[0].1 == pair[1].1).ok_or(pair[0].0)?;
        }
    }
    Ok(all)
}
