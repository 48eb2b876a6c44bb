//! What the gateway needs of the node behind it.

use api::Vote;
use api::private::Host;
use api::proving::{Beat, Failure, Lease, Proving, Upload};
use crypto::eth::EthSignature;
use proof::BlockHeader;
use proof::confirmation::SignedHeader;
use state::State;
use std::sync::Arc;
use tokio::sync::watch;
use transition::{Checked, Receipt};
use types::{Bytes32, EthAddress, Height, TransactionId};

/// Where a transaction stands and what became of it.
pub struct Confirmed {
    /// The transaction.
    pub id: TransactionId,
    /// Its block.
    pub height: Height,
    /// Its place in the block.
    pub position: u32,
    /// What became of it.
    pub receipt: Receipt,
    /// The path to the block's entries root.
    pub path: Vec<Bytes32>,
    /// The block's header, signed by the sequencer.
    pub block: Arc<SignedHeader>,
}

/// Why the node did not take something.
pub enum Refused {
    /// The sender's fault: the stable code, or 0, and what to do.
    Rejected(u32, String),
    /// Nobody's fault: come back in a moment.
    Busy(String),
    /// The node's fault.
    Stopped(String),
}

/// The node behind the gateway.
pub trait Node: Clone + Send + Sync + 'static {
    /// Submits checked transactions in their order and waits until all are stored. What became of each stands in its
    /// place.
    fn submit_all(
        &self,
        transactions: Vec<Checked>,
    ) -> impl Future<Output = Result<Vec<Result<Confirmed, Refused>>, Refused>> + Send;

    /// Has the sequencer sign the header of a stored block.
    fn confirm(&self, header: BlockHeader) -> impl Future<Output = Result<SignedHeader, Refused>> + Send;

    /// Reads the state after the last block.
    fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State, Option<&BlockHeader>) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, Refused>> + Send;

    /// Returns the height of the last stored block, and tells when it changes.
    fn head(&self) -> watch::Receiver<Height>;

    /// Hands over a member's signature on a batch.
    fn sign(
        &self,
        number: u64,
        signer: EthAddress,
        signature: EthSignature,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Hands over a member's vote.
    fn vote(&self, vote: Vote) -> impl Future<Output = Result<(), Refused>> + Send;

    // Private programs. A node that does not know who takes part in them says so.

    /// Hands over a provider's word that it takes part in private programs.
    fn host(&self, _host: Host) -> impl Future<Output = Result<(), Refused>> + Send {
        std::future::ready(Err(hosts_nobody()))
    }

    /// Returns the words of those who take part in private programs.
    fn hosts(&self) -> impl Future<Output = Result<Vec<Host>, Refused>> + Send {
        std::future::ready(Err(hosts_nobody()))
    }

    // Proving. A node that proves nothing says so.

    /// Lends a job to a prover, if there is one.
    fn lend(&self, _prover: String) -> impl Future<Output = Result<Option<Lease>, Refused>> + Send {
        std::future::ready(Err(proves_nothing()))
    }

    /// Hears that a prover lives, and says whether its lease still counts.
    fn beat(&self, _beat: Beat) -> impl Future<Output = Result<bool, Refused>> + Send {
        std::future::ready(Err(proves_nothing()))
    }

    /// Takes a proof.
    fn prove(&self, _upload: Upload) -> impl Future<Output = Result<(), Refused>> + Send {
        std::future::ready(Err(proves_nothing()))
    }

    /// Hears that a prover could not do its job.
    fn fail(&self, _failure: Failure) -> impl Future<Output = Result<(), Refused>> + Send {
        std::future::ready(Err(proves_nothing()))
    }

    /// Says where proving stands.
    fn proving(&self) -> impl Future<Output = Result<Proving, Refused>> + Send {
        std::future::ready(Err(proves_nothing()))
    }
}

fn hosts_nobody() -> Refused {
    Refused::Rejected(0, "this node has no private programs run: ask one with a coordinator".to_owned())
}

fn proves_nothing() -> Refused {
    Refused::Rejected(0, "this node has nothing proven: turn it on in the chain's file, under [proving]".to_owned())
}
