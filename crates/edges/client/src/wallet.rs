//! A key with a client.

use crate::{Client, Error, RETRY};
use api::bulk::{self, Outcome};
use api::{Confirmation, Failure};
use crypto::account::{PublicKey, SecretKey};
use proof::confirmation::SoftConfirmation;
use std::sync::Arc;
use transition::{Action, Entry, Reject, Status, Transaction};
use types::{AccountId, Decode as _, Digest, Encode as _};

/// How often an action is sent again because another sender of the same account took its nonce, or the chain went back.
const NONCE_RACES: usize = 16;

/// Signs and sends for one account, and believes no confirmation that the sequencer did not sign. Cheap to clone; clones
/// may send at the same time.
#[derive(Clone)]
pub struct Wallet {
    client: Client,
    key: Arc<SecretKey>,
    chain: Digest,
    sequencer: PublicKey,
    account: AccountId,
    sending: Arc<tokio::sync::Mutex<()>>,
}

impl Wallet {
    /// Asks the gateway which chain it serves, and signs for that one.
    pub async fn connect(client: Client, key: SecretKey) -> Result<Self, Error> {
        let status = client.status().await?;
        let chain = status.config.hash();
        if chain != status.anchor.config_hash {
            return Err(Error::Lied("the anchor is not that of the chain's configuration"));
        }
        let (account, sequencer) = (key.account(), status.config.sequencer);
        Ok(Self { client, key: Arc::new(key), chain, sequencer, account, sending: Arc::default() })
    }

    /// Returns the client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Returns the chain that this wallet signs for.
    pub fn chain(&self) -> &Digest {
        &self.chain
    }

    /// Lends the key, for secrets that are derived from it.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Signs and sends an action and returns its confirmation.
    ///
    /// # Errors
    /// [`Error::Refused`] with the receipt's code when the chain rejected the action, [`Error::Lied`] when the sequencer
    /// did not sign what the gateway says.
    pub async fn send(&self, action: &Action) -> Result<Confirmation, Error> {
        let _one_at_a_time = self.sending.lock().await;
        let (mut races, mut signed) = (0, None);
        loop {
            let tx = match signed.take() {
                Some(tx) => tx,
                None => {
                    let nonce = self.client.nonce(self.account).await?;
                    Transaction::sign(&self.key, &self.chain, nonce, action.clone())
                }
            };
            let confirmation = match self.client.submit(tx.to_bytes()).await {
                Err(Error::Refused(failure)) if races < NONCE_RACES && after(&failure) != After::GivingUp => {
                    races += 1;
                    if after(&failure) == After::Waiting {
                        tokio::time::sleep(RETRY).await;
                        signed = Some(tx);
                    }
                    continue;
                }
                other => other?,
            };
            check(&confirmation, &tx, &self.sequencer, &self.chain)?;
            return match confirmation.receipt.status {
                Status::Applied(_) => Ok(confirmation),
                Status::Rejected(code) => {
                    let message = confirmation.explanation.unwrap_or_default();
                    Err(Error::Refused(Failure { code, message }))
                }
            };
        }
    }

    /// Signs actions with successive nonces, sends them in one request, and returns what became of each. At most
    /// [`bulk::TRANSACTIONS`]; none is signed anew.
    ///
    /// # Errors
    /// [`Error::Lied`] when the sequencer did not sign the blocks that the gateway names. That a transaction stands in its
    /// block is shown by [`Client::confirmation`].
    pub async fn send_all(&self, actions: &[Action]) -> Result<Vec<Outcome>, Error> {
        let _one_at_a_time = self.sending.lock().await;
        let next = self.client.nonce(self.account).await?;
        let signed: Vec<Transaction> = (next..)
            .zip(actions)
            .map(|(n, action)| Transaction::sign(&self.key, &self.chain, n, action.clone()))
            .collect();
        let answer = self.client.submit_all(signed.iter().map(|tx| tx.to_bytes().into()).collect()).await?;
        check_all(&answer, &signed, &self.sequencer, &self.chain)?;
        Ok(answer.outcomes)
    }
}

/// How to go on after a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Another transaction has the nonce for good: the action is signed for the next one.
    SigningAnew,
    /// The chain went back behind the nonce, and what stood before it may come again: then the same bytes hold. Signed
    /// anew, the action could be done twice.
    Waiting,
    GivingUp,
}

fn after(failure: &Failure) -> After {
    match failure.code {
        code if code == Reject::NonceTooLow.code() => After::SigningAnew,
        code if code == Reject::NonceTooHigh.code() => After::Waiting,
        _ => After::GivingUp,
    }
}

/// Checks that the sequencer signed all that a confirmation says of a transaction.
pub(crate) fn check(
    confirmation: &Confirmation,
    tx: &Transaction,
    sequencer: &PublicKey,
    chain: &Digest,
) -> Result<(), Error> {
    let soft = SoftConfirmation::from_bytes(&confirmation.soft.0)
        .map_err(|_| Error::Lied("the sequencer's word does not read"))?;
    let entry = Entry::Transaction(tx.to_bytes().into()).to_bytes();
    let is_said = confirmation.id == tx.id(chain)
        && *soft.receipt == *confirmation.receipt.to_bytes()
        && soft.position == u64::from(confirmation.position)
        && soft.block.header.height == confirmation.height;
    if is_said && soft.confirms(&entry, sequencer, chain) {
        Ok(())
    } else {
        Err(Error::Lied("the sequencer did not sign what became of the transaction"))
    }
}

fn check_all(
    answer: &bulk::Answer,
    signed: &[Transaction],
    sequencer: &PublicKey,
    chain: &Digest,
) -> Result<(), Error> {
    let is_other = |(outcome, tx): (&Outcome, &Transaction)| match outcome {
        Outcome::Placed(placed) => placed.id != tx.id(chain),
        Outcome::Refused(_) | Outcome::Busy(_) => false,
    };
    if answer.outcomes.iter().zip(signed).any(is_other) {
        return Err(Error::Lied("another transaction was answered"));
    }
    if !answer.blocks.iter().all(|block| block.is_signed_by(sequencer, chain)) {
        return Err(Error::Lied("the sequencer did not sign a block"));
    }
    Ok(())
}
