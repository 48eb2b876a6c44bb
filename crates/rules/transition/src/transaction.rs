//! Transactions.

use crate::Reject;
use crypto::account::{PublicKey, SecretKey};
use crypto::{Domain, poseidon};
use ledger::account::Transfer;
use ledger::bridge::Withdraw;
use task::{Assign, Commit, Decide, Deliver, MakeOffer, Publish, Refund, Retire, Submit};
use types::{Decode as _, Digest, Encode as _, Signature, TransactionId, choice, limits, record};

choice! {
    /// What a transaction asks for.
    pub enum Action {
        /// Moves value to another account.
        1 => Transfer(Transfer),
        /// Takes value off the ledger.
        2 => Withdraw(Withdraw),
        /// Names the sender as a program's author.
        10 => Publish(Publish),
        /// Stakes and offers capacity.
        11 => MakeOffer(MakeOffer),
        /// Withdraws the offer.
        12 => Retire(Retire),
        /// Asks for a program to be run.
        13 => Submit(Submit),
        /// Gives a task to providers.
        14 => Assign(Assign),
        /// Commits to a result.
        15 => Commit(Commit),
        /// Shows the result.
        16 => Deliver(Deliver),
        /// Brings a verdict.
        17 => Decide(Decide),
        /// Takes the price of an undecided task back.
        18 => Refund(Refund),
    }
}

record! {
    /// A signed request to change the state.
    pub struct Transaction {
        /// Who asks.
        pub sender: PublicKey,
        /// How many transactions the sender's account sent before.
        pub nonce: u64,
        /// What is asked.
        pub action: Action,
        /// The sender's signature on the transaction's id.
        pub signature: Signature,
    }
}

impl Transaction {
    /// Signs an action for one chain.
    pub fn sign(key: &SecretKey, chain: &Digest, nonce: u64, action: Action) -> Self {
        let mut tx = Self { sender: key.public(), nonce, action, signature: Signature::ZERO };
        tx.signature = key.sign(&tx.id(chain).0);
        tx
    }

    /// Returns the digest that the sender signs; the chain's configuration is part of it.
    pub fn id(&self, chain: &Digest) -> TransactionId {
        let mut elements = chain.to_elements();
        elements.extend(self.sender.to_elements());
        elements.extend(self.nonce.to_elements());
        elements.extend(self.action.to_elements());
        TransactionId(poseidon::hash(Domain::Transaction, &elements))
    }

    /// Says whether the sender signed this for the chain.
    pub fn is_signed_for(&self, chain: &Digest) -> bool {
        self.sender.verifies(&self.id(chain).0, &self.signature)
    }

    /// Reads bytes and checks everything that needs no state. Total.
    pub fn check(bytes: &[u8], chain: &Digest) -> Result<Self, Reject> {
        if bytes.len() > limits::TRANSACTION_BYTES {
            return Err(Reject::TooLong);
        }
        let tx = Self::from_bytes(bytes).map_err(|_| Reject::Undecodable)?;
        if tx.is_signed_for(chain) { Ok(tx) } else { Err(Reject::BadSignature) }
    }
}
