//! Authenticated, encrypted peer transport: QUIC with mutual TLS between pinned keys.
//!
//! Peers that know one another's keys and addresses meet for a session, and each pair then has a link: messages in
//! order, each as it was sent, or an error. A service takes whoever arrives, one link for each session. Nobody else can join, read or change anything; who is at the other end is
//! the holder of the pinned key. A link does not hide how long messages are and when they are sent.

mod endpoint;
mod identity;
mod link;

pub use endpoint::{Arrival, Endpoint, Peer, Policy, SESSION};
pub use identity::{Guests, Identity, NoPeerId, PeerId};
pub use link::{Link, MESSAGE_BYTES, Receiver, Sender};

use std::net::SocketAddr;

/// What can go wrong between peers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key cannot be used.
    #[error("the identity's key cannot be used: make a new one with `talea keygen`")]
    Key(#[source] rustls::Error),
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}: choose another address")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A peer was not met in time.
    #[error(
        "peer {peer} at {address} was not met within the time given: start it, and check that each has the other's address and id ({last})"
    )]
    Absent {
        /// Who.
        peer: PeerId,
        /// Where it should be.
        address: SocketAddr,
        /// What the last attempt said.
        last: String,
    },
    /// Who is at the address holds another key, or does not know ours.
    #[error(
        "who is at {address} does not hold the key {peer}, or does not accept ours: compare ids with `talea party id` on both sides ({why})"
    )]
    Refused {
        /// Who should be there.
        peer: PeerId,
        /// Where.
        address: SocketAddr,
        /// What the handshake said.
        why: String,
    },
    /// Somebody called and went away before it was clear who and what for.
    #[error("somebody at {address} called and did not introduce itself: {why}")]
    Stranger {
        /// From where.
        address: SocketAddr,
        /// What went wrong.
        why: String,
    },
    /// A peer is there for something else.
    #[error("peer {0} is there for another session: start all parties with the same program, inputs and session")]
    Session(PeerId),
    /// A link broke.
    #[error("the link to peer {peer} broke: {why}")]
    Broken {
        /// To whom.
        peer: PeerId,
        /// Why.
        why: String,
    },
    /// A message is longer than any may be.
    #[error("a message of {length} bytes is longer than {MESSAGE_BYTES}: send it in parts")]
    TooLong {
        /// How long.
        length: usize,
    },
}
