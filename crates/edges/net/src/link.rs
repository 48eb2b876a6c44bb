//! Messages between two peers.

use crate::{Error, PeerId};
use quinn::{Connection, RecvStream, SendStream};

/// The longest message.
pub const MESSAGE_BYTES: usize = 1 << 28;

/// What two peers send one another, in order.
pub struct Link {
    peer: PeerId,
    connection: Connection,
    to: SendStream,
    from: RecvStream,
}

impl Link {
    pub(crate) fn new(peer: PeerId, connection: Connection, to: SendStream, from: RecvStream) -> Self {
        Self { peer, connection, to, from }
    }

    /// Returns who is at the other end.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    fn broken(&self, why: impl ToString) -> Error {
        // What ended the connection says more than what a stream on it says.
        let why = self.connection.close_reason().map_or_else(|| why.to_string(), |reason| reason.to_string());
        Error::Broken { peer: self.peer, why }
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
        if let Err(error) = self.to.write_all(&length).await {
            return Err(self.broken(error));
        }
        match self.to.write_all(message).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the link is broken, or the peer sends what is longer than any message.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        let mut length = [0; 4];
        if let Err(error) = self.from.read_exact(&mut length).await {
            return Err(self.broken(error));
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > MESSAGE_BYTES {
            return Err(self.broken("it sent what is longer than any message"));
        }
        let mut message = vec![0; length];
        match self.from.read_exact(&mut message).await {
            Ok(()) => Ok(message),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Ends the link in order: what was sent arrives, and the other end is told that there is no more.
    pub async fn finish(mut self) {
        // Whoever left before has what it wanted.
        if self.to.finish().is_ok() {
            drop(self.to.stopped().await);
        }
    }
}
