//! Plugs the services into the gateway: services do not know each other.

use api::Vote;
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use gateway::{Confirmed, Node, Refused};
use proof::BlockHeader;
use proof::confirmation::SignedHeader;
use state::State;
use std::sync::Arc;
use tokio::sync::watch;
use transition::Checked;
use types::{Digest, EthAddress, Height};

/// The services behind the gateway.
#[derive(Clone)]
pub struct Services {
    /// Orders and executes.
    pub sequencer: sequencer::Handle,
    /// Gathers batch signatures.
    pub settler: settler::run::Handle,
    /// Gathers votes.
    pub coordinator: coordinator::run::Handle,
    /// Signs what the sequencer confirmed, for who asks again.
    pub key: Arc<SecretKey>,
    /// The hash of the chain's configuration.
    pub chain: Digest,
}

fn refused(error: sequencer::Error) -> Refused {
    match error {
        sequencer::Error::Refused(code) => {
            Refused::Rejected(code, transition::explain(code).unwrap_or("rejected").to_owned())
        }
        sequencer::Error::Busy => Refused::Busy(error.to_string()),
        sequencer::Error::Store(_) | sequencer::Error::Stopped => Refused::Stopped(error.to_string()),
    }
}

impl Node for Services {
    async fn submit_all(&self, transactions: Vec<Checked>) -> Result<Vec<Result<Confirmed, Refused>>, Refused> {
        let outcomes = self.sequencer.submit_all(transactions).await.map_err(refused)?;
        let confirmed = |confirmed| {
            let sequencer::Confirmed { id, height, position, receipt, path, block } = confirmed;
            Confirmed { id, height, position, receipt, path, block }
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.map(confirmed).map_err(refused)).collect())
    }

    async fn confirm(&self, header: BlockHeader) -> Result<SignedHeader, Refused> {
        Ok(SignedHeader::sign(&self.key, &self.chain, header))
    }

    async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State, Option<&BlockHeader>) -> R + Send + 'static,
    ) -> Result<R, Refused> {
        self.sequencer.read(move |sequencer| read(sequencer.state(), sequencer.head())).await.map_err(refused)
    }

    fn head(&self) -> watch::Receiver<Height> {
        self.sequencer.head()
    }

    async fn sign(&self, number: u64, signer: EthAddress, signature: EthSignature) -> Result<(), Refused> {
        use settler::run::Error;
        self.settler.sign(number, signer, signature).await.map_err(|error| match error {
            Error::Refused(refusal) => Refused::Rejected(0, refusal.to_string()),
            _ => Refused::Stopped(error.to_string()),
        })
    }

    async fn vote(&self, vote: Vote) -> Result<(), Refused> {
        use coordinator::run::Error;
        self.coordinator.vote(vote).await.map_err(|error| match error {
            Error::Refused(refusal) => Refused::Rejected(0, refusal.to_string()),
            Error::Stopped => Refused::Stopped(error.to_string()),
        })
    }
}
