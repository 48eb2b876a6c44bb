//! The file that names the parties, their clients and their bounds.

use mpc::Parties;
use net::{Peer, PeerId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use vm::Name;

/// Three parties, or five or seven, who may be their client, and what they allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The parties, in order.
    pub parties: Vec<Peer>,
    /// Who may be a client.
    pub clients: Clients,
    /// Whether the parties take part only in runs that find a party's lies.
    pub malicious: bool,
    /// What a party allows.
    pub bounds: Bounds,
}

/// Who may be a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// Whoever comes, under any name that is free.
    Anybody,
    /// The holders of these keys, each under his names.
    Named(BTreeMap<Name, PeerId>),
}

/// What a party allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// After how many seconds a peer that is not heard of at all is gone.
    pub gone_s: u64,
    /// For how many seconds a party may say nothing while it is waited for.
    pub silence_s: u64,
    /// For how many seconds a session waits for its clients.
    pub gather_s: u64,
    /// How many sessions may be open at one time.
    pub sessions: usize,
    /// The most fuel that a run of a program may cost by its certificate.
    pub fuel: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { gone_s: 10, silence_s: 60, gather_s: 60, sessions: 16, fuel: 1 << 40 }
    }
}

impl Bounds {
    /// Returns after which time a peer that is not heard of at all is gone.
    pub fn gone(&self) -> Duration {
        Duration::from_secs(self.gone_s)
    }

    /// Returns for how long a party may say nothing while it is waited for.
    pub fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_s)
    }

    /// Returns for how long a session waits for its clients.
    pub fn gather(&self) -> Duration {
        Duration::from_secs(self.gather_s)
    }
}

/// What is wrong with a network's file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is no such file.
    #[error("it does not read as a network")]
    Form(#[source] toml::de::Error),
    /// A key is no key.
    #[error("`{0}` is no id: take it from that peer's `talea party id`")]
    Id(String),
    /// There are no protocols for as many parties.
    #[error("it names {0} parties: write three `[[party]]`, or five or seven, each with `id` and `address`")]
    Parties(usize),
    /// More than three parties cannot find a liar.
    #[error("{0} parties cannot find a lie yet, and three can: leave `malicious` out, or name three parties")]
    Malicious(usize),
    /// Two parties share a key, or a client has a party's.
    #[error("{0} is named twice: each party has a key of its own, and no client has a party's")]
    Twice(PeerId),
    /// A client's name is none, or is there twice.
    #[error("`{0}` is no client's name, or is there twice: use at most 64 letters, digits and signs, each name once")]
    Name(String),
    /// Nobody may be a client.
    #[error("nobody may be a client: write a `[[client]]` with `name` and `id` for each, or `open = true` for anybody")]
    Nobody,
    /// A bound leaves no room.
    #[error("`{0}` leaves no room: it is from 1 to a million")]
    Bound(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    open: bool,
    #[serde(default)]
    malicious: bool,
    #[serde(default)]
    party: Vec<PartyEntry>,
    #[serde(default)]
    client: Vec<ClientEntry>,
    #[serde(default)]
    bounds: Bounds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyEntry {
    id: String,
    address: SocketAddr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    name: String,
    id: String,
}

/// The largest bound of time or number.
const MOST: u64 = 1_000_000;

fn id(text: &str) -> Result<PeerId, Fault> {
    text.parse().map_err(|_| Fault::Id(text.to_owned()))
}

impl Network {
    /// Reads a network's file.
    ///
    /// # Errors
    /// With the first thing that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let file: File = toml::from_str(text).map_err(Fault::Form)?;
        let mut peers = Vec::new();
        for party in &file.party {
            let peer = Peer { id: id(&party.id)?, address: party.address };
            if peers.iter().any(|other: &Peer| other.id == peer.id) {
                return Err(Fault::Twice(peer.id));
            }
            peers.push(peer);
        }
        let parties = peers;
        let count = Parties::new(parties.len()).ok_or(Fault::Parties(parties.len()))?;
        if file.malicious && count != Parties::THREE {
            return Err(Fault::Malicious(parties.len()));
        }
        let mut named = BTreeMap::new();
        for client in &file.client {
            let fault = || Fault::Name(client.name.clone());
            let name = Name::new(&client.name).filter(|name| !name.as_str().is_empty()).ok_or_else(fault)?;
            let id = id(&client.id)?;
            if parties.iter().any(|party| party.id == id) {
                return Err(Fault::Twice(id));
            }
            if named.insert(name, id).is_some() {
                return Err(fault());
            }
        }
        let clients = match (file.open, named.is_empty()) {
            (true, _) => Clients::Anybody,
            (false, true) => return Err(Fault::Nobody),
            (false, false) => Clients::Named(named),
        };
        let bounds = file.bounds;
        let sessions = u64::try_from(bounds.sessions).unwrap_or(u64::MAX);
        for (name, value) in [
            ("gone_s", bounds.gone_s),
            ("silence_s", bounds.silence_s),
            ("gather_s", bounds.gather_s),
            ("sessions", sessions),
        ] {
            if !(1..=MOST).contains(&value) {
                return Err(Fault::Bound(name));
            }
        }
        Ok(Self { parties, clients, malicious: file.malicious, bounds })
    }

    /// Returns the keys of the parties, in order.
    pub fn ids(&self) -> Vec<PeerId> {
        self.parties.iter().map(|party| party.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u8) -> String {
        format!("[[party]]\nid = \"{}\"\naddress = \"127.0.0.1:70{number:02}\"\n", format!("{number:02x}").repeat(32))
    }

    fn three() -> String {
        [1, 2, 3].map(entry).concat()
    }

    fn five() -> String {
        [1, 2, 3, 4, 5].map(entry).concat()
    }

    #[test]
    fn a_network_names_three_parties_and_its_clients() {
        let network = Network::read(&format!("open = true\n{}[bounds]\nsilence_s = 7\n", three())).unwrap();
        assert_eq!(network.ids(), [1, 2, 3].map(|number| PeerId::new([number; 32])));
        assert_eq!(Network::read(&format!("open = true\n{}", five())).unwrap().parties.len(), 5);
        assert_eq!(network.bounds, Bounds { silence_s: 7, ..Bounds::default() });
        assert_eq!((network.clients, network.malicious), (Clients::Anybody, false));
        assert!(Network::read(&format!("open = true\nmalicious = true\n{}", three())).unwrap().malicious);
        let alice = format!("[[client]]\nname = \"alice\"\nid = \"{}\"\n", "09".repeat(32));
        let network = Network::read(&format!("{}{alice}", three())).unwrap();
        let named = BTreeMap::from([(Name::new("alice").unwrap(), PeerId::new([9; 32]))]);
        assert_eq!(network.clients, Clients::Named(named));
    }

    #[test]
    fn what_is_wrong_with_a_network_is_said() {
        let client = |name: &str, id: &str| format!("[[client]]\nname = \"{name}\"\nid = \"{id}\"\n");
        let nine = "09".repeat(32);
        for (text, says) in [
            (three(), "nobody may be a client"),
            (format!("open = true\n{}", entry(1)), "names 1 parties"),
            (format!("open = true\n{}{}", three(), entry(4)), "names 4 parties"),
            (format!("open = true\nmalicious = true\n{}", five()), "cannot find a lie yet"),
            (format!("open = true\n{}{}{}", five(), [6, 7, 8].map(entry).concat(), entry(9)), "names 9 parties"),
            (format!("open = true\n{}{}{}", entry(1), entry(1), entry(2)), "is named twice"),
            (format!("{}{}", three(), client("a b", &nine)), "is no client's name"),
            (format!("{}{}{}", three(), client("a", &nine), client("a", &nine)), "there twice"),
            (format!("{}{}", three(), client("a", &"01".repeat(32))), "is named twice"),
            (format!("{}{}", three(), client("a", "09")), "is no id"),
            (format!("open = true\n{}[bounds]\nsessions = 0\n", three()), "`sessions` leaves no room"),
            (format!("open = true\nopened = true\n{}", three()), "does not read"),
        ] {
            let fault = Network::read(&text).map(|_| ()).unwrap_err();
            assert!(types::Causes(&fault).to_string().contains(says), "{fault}");
        }
    }
}
