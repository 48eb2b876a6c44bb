//! Plugs the services into the gateway: services do not know each other.

use api::Vote;
use api::private::Host;
use api::proving::{Beat, Failure, Lease, Proving, Upload};
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use gateway::{Confirmed, Node, Refused};
use proof::BlockHeader;
use proof::confirmation::SignedHeader;
use settler::proving::{self, core::JobId};
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
    /// Lends jobs and takes proofs, where batches are proven.
    pub proving: Option<proving::run::Handle>,
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
        self.coordinator.vote(vote).await.map_err(uncoordinated)
    }

    async fn host(&self, host: Host) -> Result<(), Refused> {
        self.coordinator.host(host).await.map_err(uncoordinated)
    }

    async fn hosts(&self) -> Result<Vec<Host>, Refused> {
        self.coordinator.hosts().await.map_err(uncoordinated)
    }

    async fn lend(&self, prover: String) -> Result<Option<Lease>, Refused> {
        let lent = Services::proving(self)?.lend(prover).await.map_err(unproven)?;
        Ok(lent.map(|proving::run::Lent { job, lease, bytes }| Lease {
            batch: job.batch,
            leaf: job.leaf,
            lease,
            lease_ms: proving::run::LEASE_MS,
            job: bytes.into(),
        }))
    }

    async fn beat(&self, beat: Beat) -> Result<bool, Refused> {
        let Beat { batch, leaf, lease, stage } = beat;
        Services::proving(self)?.beat(JobId { batch, leaf }, lease, stage).await.map_err(unproven)
    }

    async fn prove(&self, upload: Upload) -> Result<(), Refused> {
        let Upload { batch, leaf, wall_ms, cpu_ms, proof } = upload;
        let cost = proving::run::Cost { wall_ms, cpu_ms };
        Services::proving(self)?.prove(JobId { batch, leaf }, cost, proof).await.map_err(unproven)
    }

    async fn fail(&self, failure: Failure) -> Result<(), Refused> {
        let Failure { batch, leaf, lease, reason, is_final } = failure;
        Services::proving(self)?.fail(JobId { batch, leaf }, lease, reason, is_final).await.map_err(unproven)
    }

    async fn proving(&self) -> Result<Proving, Refused> {
        Services::proving(self)?.look().await.map_err(unproven)
    }
}

fn uncoordinated(error: coordinator::run::Error) -> Refused {
    use coordinator::run::Error;
    match error {
        Error::Refused(refusal) => Refused::Rejected(0, refusal.to_string()),
        Error::Stopped => Refused::Stopped(error.to_string()),
    }
}

fn unproven(error: proving::run::Error) -> Refused {
    use proving::run::Error;
    match error {
        Error::Unknown(_) | Error::Refused(_) => Refused::Rejected(0, error.to_string()),
        Error::Store(_) | Error::Damaged | Error::Stopped => Refused::Stopped(error.to_string()),
    }
}

impl Services {
    fn proving(&self) -> Result<&proving::run::Handle, Refused> {
        let nothing = "this chain has nothing proven: turn it on in its file, under [proving]";
        self.proving.as_ref().ok_or_else(|| Refused::Rejected(0, nothing.to_owned()))
    }
}
