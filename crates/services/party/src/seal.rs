//! What parties certify when a run is over: what it took, and commitments to what each client was given.
//!
//! Setting: a commitment hashes one component of a client's outputs behind a salt that only the two parties who hold the
//! component know, and the client itself. So the receipt can be shown to anybody: who lacks a component lacks its salt too,
//! and another client has salts of his own. The salts are hashes of the keys that two parties share for one run.

use crate::terms::{Terms, digest};
use mpc::Given;
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
    /// A party's commitments to the two components that it holds of what one client is given.
    pub struct Sealed {
        /// Whose outputs.
        pub name: Name,
        /// To the component with the party's own number.
        pub mine: Bytes32,
        /// To the component with the next party's number.
        pub next: Bytes32,
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
        /// Of the component with the party's own number.
        pub mine: Bytes32,
        /// Of the component with the next party's number.
        pub next: Bytes32,
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

    /// Adds the component of one output: of a share, the one with the holder's number, or the next one's.
    pub(crate) fn add(&mut self, (at, port): (u32, &Port), given: &Given, is_mine: bool) {
        let words = match given {
            Given::Public(numbers) => numbers,
            Given::Secret(share) if is_mine => &share.mine,
            Given::Secret(share) => &share.next,
        };
        // What is above a number's width its two holders need not hold alike.
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
    /// Puts together what three parties certify, each in its place; gives the number of one that
    /// does not fit the one after it.
    pub(crate) fn of(terms: Terms, fuel: u64, seals: [&Seal; 3]) -> Result<Self, u8> {
        let count = seals[0].outputs.len();
        for (number, seal) in (0_u8..).zip(seals) {
            let next = seals[(usize::from(number) + 1) % 3];
            let pairs = || seal.outputs.iter().zip(&next.outputs);
            let fits = seal.outputs.len() == count
                && next.outputs.len() == count
                && pairs().all(|(one, other)| one.name == other.name && one.next == other.mine);
            if !fits {
                return Err(number);
            }
        }
        let all = |at: usize| seals.map(|seal| seal.outputs[at].mine).to_vec();
        let outputs = seals[0].outputs.iter().enumerate();
        let outputs = outputs.map(|(at, one)| Commitments { name: one.name.clone(), components: all(at) }).collect();
        let (rounds, bytes) = (seals.map(|seal| seal.rounds).to_vec(), seals.map(|seal| seal.bytes).to_vec());
        Ok(Self { terms, fuel, rounds, bytes, outputs })
    }

    /// Whether it certifies what a client was given.
    pub fn holds(&self, given: &[Commitments]) -> bool {
        !given.is_empty() && given.iter().all(|one| self.outputs.contains(one))
    }
}
