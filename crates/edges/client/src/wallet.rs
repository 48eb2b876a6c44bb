//! A key with a client.

use crate::{Client, Error};
use api::{Confirmation, Failure};
use crypto::account::SecretKey;
use std::sync::Arc;
use transition::{Action, Reject, Status, Transaction};
use types::{AccountId, Digest, Encode as _};

/// How often an action is signed anew because another sender of the same account took its nonce.
const NONCE_RACES: usize = 16;

/// Signs and sends for one account. Cheap to clone; clones may send at the same time.
#[derive(Clone)]
pub struct Wallet {
    client: Client,
    key: Arc<SecretKey>,
    chain: Digest,
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
        let account = key.account();
        Ok(Self { client, key: Arc::new(key), chain, account, sending: Arc::default() })
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
    /// [`Error::Refused`] with the receipt's code when the chain rejected the action.
    pub async fn send(&self, action: &Action) -> Result<Confirmation, Error> {
        let _one_at_a_time = self.sending.lock().await;
        let mut races = 0;
        loop {
            let nonce = self.client.account(self.account).await?.nonce;
            let tx = Transaction::sign(&self.key, &self.chain, nonce, action.clone());
            let confirmation = match self.client.submit(tx.to_bytes()).await {
                Err(Error::Refused(failure)) if is_nonce_race(&failure) && races < NONCE_RACES => {
                    races += 1;
                    continue;
                }
                other => other?,
            };
            return match confirmation.receipt.status {
                Status::Applied(_) => Ok(confirmation),
                Status::Rejected(code) => {
                    let message = confirmation.explanation.unwrap_or_default();
                    Err(Error::Refused(Failure { code, message }))
                }
            };
        }
    }
}

fn is_nonce_race(failure: &Failure) -> bool {
    failure.code == Reject::NonceTooLow.code() || failure.code == Reject::NonceTooHigh.code()
}
