//! Transactions.

use crate::Reject;
use crypto::account::{Identity, SecretKey};
use crypto::{Domain, poseidon};
use ledger::account::Transfer;
use ledger::authority::{Authorise, Authority, Rekey, Revoke};
use ledger::bridge::Withdraw;
use ledger::tally::{Merge, Reclaim, Redeem, Resolve, Split};
use task::{Assign, Commit, Decide, Deliver, MakeOffer, Publish, Refund, Retire, Submit};
use types::{AccountId, Decode as _, Digest, Encode as _, Signature, TransactionId, choice, limits, record};

choice! {
    /// What a transaction asks for.
    pub enum Action {
        /// Moves value to another account.
        1 => Transfer(Transfer),
        /// Takes value off the ledger.
        2 => Withdraw(Withdraw),
        /// Hands the account to another identity.
        3 => Rekey(Rekey),
        /// Lets a session key act for the account.
        4 => Authorise(Authorise),
        /// Ends a session.
        5 => Revoke(Revoke),
        /// Locks value in a tally.
        6 => Split(Split),
        /// Joins both halves of a tally.
        7 => Merge(Merge),
        /// Records a tally's outcome.
        8 => Resolve(Resolve),
        /// Is paid for halves of a tally that has ended.
        9 => Redeem(Redeem),
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
        /// Ends a tally that nobody resolved in time.
        19 => Reclaim(Reclaim),
    }
}

impl Action {
    /// Returns how far the signer must be allowed to act for `account`. What moves value to others, or changes who may
    /// act, is the keeper's alone.
    pub fn needs(&self, account: AccountId) -> Authority {
        match self {
            Self::Transfer(_) | Self::Withdraw(_) | Self::Rekey(_) | Self::Authorise(_) | Self::Revoke(_) => {
                Authority::Keeper
            }
            Self::Split(tx) if tx.stock != account || tx.foil != account => Authority::Keeper,
            _ => Authority::Session,
        }
    }
}

record! {
    /// A signed request to change the state.
    pub struct Transaction {
        /// Who signs.
        pub sender: Identity,
        /// For whom, when that is another account than the signer's own.
        pub on_behalf: Option<AccountId>,
        /// How many transactions the signer's account sent before.
        pub nonce: u64,
        /// What is asked.
        pub action: Action,
        /// The signer's signature on the transaction's id.
        pub signature: Signature,
    }
}

/// A transaction whose shape and signature hold on one chain. Only [`Transaction::check`] makes one, so that no
/// signature is checked twice and none is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    transaction: Transaction,
    id: TransactionId,
    signer: AccountId,
    bytes: Box<[u8]>,
}

impl Checked {
    /// Returns the transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Returns its id.
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// Returns the account of whoever signed it, whose nonce it takes.
    pub fn signer(&self) -> AccountId {
        self.signer
    }

    /// Returns its canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        self.bytes
    }
}

impl Transaction {
    /// Signs an action of the key's own account for one chain.
    pub fn sign(key: &SecretKey, chain: &Digest, nonce: u64, action: Action) -> Self {
        Self::sign_for(key, None, chain, nonce, action)
    }

    /// Signs an action of another account, which must have authorised the key or been handed to it.
    pub fn sign_for(key: &SecretKey, on_behalf: Option<AccountId>, chain: &Digest, nonce: u64, action: Action) -> Self {
        let mut tx = Self { sender: key.identity(), on_behalf, nonce, action, signature: Signature::ZERO };
        tx.signature = key.sign(&tx.id(chain).0);
        tx
    }

    /// Returns the digest that the signer signs; the chain's configuration is part of it.
    pub fn id(&self, chain: &Digest) -> TransactionId {
        TransactionId(poseidon::hash(Domain::Transaction, &self.id_elements(chain)))
    }

    fn id_elements(&self, chain: &Digest) -> Vec<u64> {
        let mut elements = chain.to_elements();
        elements.extend(self.sender.to_elements());
        elements.extend(self.on_behalf.to_elements());
        elements.extend(self.nonce.to_elements());
        elements.extend(self.action.to_elements());
        elements
    }

    /// Reads bytes and checks everything that needs no state. Total.
    pub fn check(bytes: &[u8], chain: &Digest) -> Result<Checked, Reject> {
        let transaction = Self::read(bytes)?;
        let (id, signer) = (transaction.id(chain), transaction.sender.account());
        transaction.signed(bytes, id, signer)
    }

    /// Checks many as [`Transaction::check`] does each, and hashes several at a time.
    pub fn check_all<B: AsRef<[u8]>>(all: &[B], chain: &Digest) -> Vec<Result<Checked, Reject>> {
        let read: Vec<_> = all.iter().map(|bytes| Self::read(bytes.as_ref())).collect();
        let sound = read.iter().flatten();
        let inputs: Vec<_> = sound
            .flat_map(|tx| [(Domain::Transaction, tx.id_elements(chain)), (Domain::Account, tx.sender.to_elements())])
            .collect();
        let mut digests = poseidon::hash_all(&inputs).into_iter();
        let mut next = || digests.next().expect("two digests for each that was read");
        let checked = read.into_iter().zip(all).map(|(read, bytes)| {
            let transaction = read?;
            let (id, signer) = (TransactionId(next()), AccountId(next()));
            transaction.signed(bytes.as_ref(), id, signer)
        });
        checked.collect()
    }

    fn read(bytes: &[u8]) -> Result<Self, Reject> {
        if bytes.len() > limits::TRANSACTION_BYTES {
            return Err(Reject::TooLong);
        }
        Self::from_bytes(bytes).map_err(|_| Reject::Undecodable)
    }

    /// Checks the signature of what these bytes say, under its own id and its signer's account.
    fn signed(self, bytes: &[u8], id: TransactionId, signer: AccountId) -> Result<Checked, Reject> {
        if !self.sender.key.verifies(&id.0, &self.signature) {
            return Err(Reject::BadSignature);
        }
        Ok(Checked { transaction: self, id, signer, bytes: bytes.into() })
    }
}
