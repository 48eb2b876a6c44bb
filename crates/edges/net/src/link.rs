//! Messages between two peers.

use crate::{Error, PeerId};
use quinn::{Connection, ReadExactError, RecvStream, SendStream};

/// The longest message.
pub const MESSAGE_BYTES: usize = 1 << 28;

/// How much of a message leaves together with its length.
const TOGETHER: usize = 1 << 10;
/// How much room is made at a time for a message that comes.
const PIECE: usize = 1 << 20;

/// What two peers send one another, in order.
pub struct Link {
    to: Sender,
    from: Receiver,
}

/// The half of a link that messages go out by.
pub struct Sender {
    peer: PeerId,
    connection: Connection,
    stream: SendStream,
}

/// The half of a link that messages come in by.
pub struct Receiver {
    peer: PeerId,
    connection: Connection,
    stream: RecvStream,
}

impl Link {
    pub(crate) fn new(peer: PeerId, connection: Connection, to: SendStream, from: RecvStream) -> Self {
        let to = Sender { peer, connection: connection.clone(), stream: to };
        Self { to, from: Receiver { peer, connection, stream: from } }
    }

    /// Returns who is at the other end.
    pub fn peer(&self) -> PeerId {
        self.to.peer
    }

    pub(crate) fn of(to: Sender, from: Receiver) -> Self {
        Self { to, from }
    }

    /// Returns the two halves, so that one can wait while the other sends.
    pub fn split(self) -> (Sender, Receiver) {
        (self.to, self.from)
    }

    /// Sends a message. It may still be on its way when this returns.
    ///
    /// # Errors
    /// When the link is broken or the message is too long.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.to.send(message).await
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the link is broken, or the peer sends what is longer than any message.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        self.from.receive(MESSAGE_BYTES).await
    }

    /// Ends the link in order: what was sent arrives, and the other end is told that there is no more.
    pub async fn finish(self) {
        self.to.finish().await;
    }
}

/// What ended a connection says more than what a stream on it says.
fn broken(peer: PeerId, connection: &Connection, why: impl ToString) -> Error {
    let why = connection.close_reason().map_or_else(|| why.to_string(), |reason| reason.to_string());
    Error::Broken { peer, why }
}

impl Sender {
    /// Returns who is at the other end.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Sends a message. It may still be on its way when this returns.
    ///
    /// # Errors
    /// When the link is broken or the message is too long.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        let too_long = Error::TooLong { length: message.len() };
        if message.len() > MESSAGE_BYTES {
            return Err(too_long);
        }
        let length = u32::try_from(message.len()).map_err(|_| too_long)?.to_le_bytes();
        // A short message leaves in one piece: a packet for each round, not two.
        let head = &message[..message.len().min(TOGETHER)];
        let first = [&length, head].concat();
        for part in [&first[..], &message[head.len()..]] {
            if let Err(error) = self.stream.write_all(part).await {
                return Err(broken(self.peer, &self.connection, error));
            }
        }
        Ok(())
    }

    /// Ends the link in order: what was sent arrives, and the other end is told that there is no more.
    pub async fn finish(mut self) {
        // Whoever left before has what it wanted.
        if self.stream.finish().is_ok() {
            drop(self.stream.stopped().await);
        }
    }
}

impl Receiver {
    /// Waits for the next message; `None` when the peer ended the link in order.
    ///
    /// # Errors
    /// When the link is broken, or the peer sends what is longer than `longest`.
    pub async fn next(&mut self, longest: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length).await {
            Ok(()) => {}
            Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
            Err(error) => return Err(broken(self.peer, &self.connection, error)),
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > longest.min(MESSAGE_BYTES) {
            return Err(broken(self.peer, &self.connection, "it sent what is longer than any message here"));
        }
        // Memory grows with what arrives, not with what was announced.
        let mut message = Vec::new();
        while message.len() < length {
            let from = message.len();
            message.resize(length.min(from + PIECE), 0);
            if let Err(error) = self.stream.read_exact(&mut message[from..]).await {
                return Err(broken(self.peer, &self.connection, error));
            }
        }
        Ok(Some(message))
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// When there is no more, the link is broken, or the peer sends what is longer than `longest`.
    pub async fn receive(&mut self, longest: usize) -> Result<Vec<u8>, Error> {
        let message = self.next(longest).await?;
        message.ok_or_else(|| broken(self.peer, &self.connection, "it ended the link"))
    }
}
