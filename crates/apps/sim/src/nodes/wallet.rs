//! A wallet as the SDK has it: one transaction at a time, the same bytes again until somebody answers, and a new nonce
//! when another transaction took this one's.

use crypto::account::SecretKey;
use std::collections::VecDeque;
use transition::{Action, Receipt, Transaction};
use types::{AccountId, Digest, EthAddress, Height, Millis, TransactionId};

/// How long to wait for an answer before sending the same bytes again.
const PATIENCE: Millis = Millis(400);

/// What the node says to a submitted transaction.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It is stored.
    Confirmed {
        /// In which block.
        height: Height,
        /// At which place.
        position: u32,
        /// With which receipt.
        receipt: Receipt,
    },
    /// It was not taken, with the code of the reason.
    Refused(u32),
    /// Too much is waiting.
    Busy,
}

/// What is to be signed: the number of the intention, for whom, and what.
struct Wish {
    intention: u64,
    on_behalf: Option<AccountId>,
    action: Action,
}

struct Flight {
    transaction: Transaction,
    id: TransactionId,
    sent: Millis,
}

/// What a wallet wants.
pub(crate) enum Want {
    /// Nothing.
    Nothing,
    /// To know the account's nonce.
    Nonce,
    /// That these bytes are sent.
    Send(Box<Transaction>),
}

/// What became of an action.
pub(crate) struct Done {
    pub(crate) id: TransactionId,
    pub(crate) receipt: Receipt,
    pub(crate) height: Height,
    pub(crate) position: u32,
}

/// A key and what it is to sign.
pub(crate) struct Wallet {
    key: SecretKey,
    pub(crate) account: AccountId,
    queue: VecDeque<Wish>,
    flight: Option<Flight>,
}

impl Wallet {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        // Every account has an owner on L1, who may demand its value there.
        let key = SecretKey::from_seed(seed).owned_by(EthAddress(std::array::from_fn(|at| seed[at] | 1)));
        Self { account: key.account(), key, queue: VecDeque::new(), flight: None }
    }

    pub(crate) fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Returns who answers for the account on L1.
    pub(crate) fn owner(&self) -> EthAddress {
        self.key.identity().owner
    }

    /// Takes an action to be sent for an account, under the number of its intention.
    pub(crate) fn push(&mut self, intention: u64, on_behalf: Option<AccountId>, action: Action) {
        self.queue.push_back(Wish { intention, on_behalf, action });
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Forgets everything but the key, as a process that dies.
    pub(crate) fn crash(&mut self) {
        self.queue.clear();
        self.flight = None;
    }

    pub(crate) fn want(&mut self, now: Millis) -> Want {
        match &mut self.flight {
            Some(flight) if flight.sent.after(PATIENCE) <= now => {
                flight.sent = now;
                Want::Send(Box::new(flight.transaction.clone()))
            }
            Some(_) => Want::Nothing,
            None if self.queue.is_empty() => Want::Nothing,
            None => Want::Nonce,
        }
    }

    /// Signs the next action with a nonce; returns the transaction and the intention that it serves.
    pub(crate) fn sign(&mut self, chain: &Digest, nonce: u64, now: Millis) -> Option<(Transaction, u64)> {
        let Wish { intention, on_behalf, action } = self.queue.front()?;
        let transaction = Transaction::sign_for(&self.key, *on_behalf, chain, nonce, action.clone());
        self.flight = Some(Flight { id: transaction.id(chain), transaction: transaction.clone(), sent: now });
        Some((transaction, *intention))
    }

    /// Takes an answer; those to questions that nobody waits for any more are passed over.
    pub(crate) fn answer(&mut self, id: TransactionId, answer: Answer) -> Option<Done> {
        if self.flight.as_ref().is_none_or(|flight| flight.id != id) {
            return None;
        }
        match answer {
            Answer::Confirmed { height, position, receipt } => {
                self.flight = None;
                self.queue.pop_front();
                Some(Done { id, receipt, height, position })
            }
            Answer::Refused(code) => {
                self.flight = None;
                let race =
                    code == transition::Reject::NonceTooLow.code() || code == transition::Reject::NonceTooHigh.code();
                if !race {
                    self.queue.pop_front();
                }
                None
            }
            Answer::Busy => None,
        }
    }
}
