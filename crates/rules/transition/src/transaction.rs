//! Transactions.

use crate::Reject;
use crypto::account::{self, Identity, PublicKey, SecretKey};
use crypto::{Domain, poseidon};
use ledger::account::Transfer;
use ledger::authority::{Authorise, Authority, Rekey, Revoke};
use ledger::bridge::Withdraw;
use ledger::tally::{Merge, Reclaim, Redeem, Resolve, Split, outcome_digest};
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

    /// Returns whose signatures the action brings beside its sender's, and what they must have signed.
    fn endorsed(&self, chain: &Digest) -> (Digest, Vec<(&PublicKey, &Signature)>) {
        match self {
            Self::Resolve(tx) => {
                let signed = tx.endorsements.iter().map(|said| (&said.resolver.key, &said.signature));
                (outcome_digest(chain, tx.tally, tx.outcome), signed.collect())
            }
            Self::Decide(tx) => {
                let signed = tx.signatures.iter().map(|vote| (&vote.key, &vote.signature));
                (tx.verdict.digest(chain), signed.collect())
            }
            _ => (Digest::ZERO, Vec::new()),
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

/// A transaction whose shape and signatures hold on one chain, those that its action brings among them. Only
/// [`Transaction::check`] makes one, so that no signature is checked twice and none is forgotten.
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
        let action = poseidon::hash_of(Domain::Action, &self.action);
        TransactionId(poseidon::hash(Domain::Transaction, &self.id_elements(chain, self.sender.account(), &action)))
    }

    /// Returns what the id is the digest of: the chain, the signer's account, for whom, the nonce, and the action's digest,
    /// which stands for the action so that whoever checks signatures need not know all kinds of actions.
    pub fn id_elements(&self, chain: &Digest, signer: AccountId, action: &Digest) -> Vec<u64> {
        let mut elements = chain.to_elements();
        elements.extend(signer.to_elements());
        elements.extend(self.on_behalf.to_elements());
        elements.extend(self.nonce.to_elements());
        elements.extend(action.to_elements());
        elements
    }

    /// Reads bytes and checks everything that needs no state. Total.
    pub fn check(bytes: &[u8], chain: &Digest) -> Result<Checked, Reject> {
        let transaction = Self::read(bytes)?;
        let (id, signer) = (transaction.id(chain), transaction.sender.account());
        if !transaction.sender.key.verifies(&id.0, &transaction.signature) {
            return Err(Reject::BadSignature);
        }
        let (digest, endorsed) = transaction.action.endorsed(chain);
        let signed: Vec<_> = endorsed.into_iter().map(|(key, signature)| (key, &digest, signature)).collect();
        let endorsed = !account::verify_all(&signed).contains(&false);
        transaction.checked(bytes, id, signer, Holds { own: true, endorsed })
    }

    /// Checks many as [`Transaction::check`] does each, but hashes several at a time and checks their signatures together.
    /// A few dozen at once are worth it; more are no faster.
    pub fn check_all<B: AsRef<[u8]>>(all: &[B], chain: &Digest) -> Vec<Result<Checked, Reject>> {
        let read: Vec<_> = all.iter().map(|bytes| Self::read(bytes.as_ref())).collect();
        let sound = read.iter().flatten();
        let inputs: Vec<_> = sound
            .clone()
            .flat_map(|tx| [(Domain::Account, tx.sender.to_elements()), (Domain::Action, tx.action.to_elements())])
            .collect();
        let digests = poseidon::hash_all(&inputs);
        let (parts, rest) = digests.as_chunks::<2>();
        assert!(rest.is_empty(), "two digests for each that was read");
        let inputs: Vec<_> = sound
            .clone()
            .zip(parts)
            .map(|(tx, [signer, action])| (Domain::Transaction, tx.id_elements(chain, AccountId(*signer), action)))
            .collect();
        let ids = poseidon::hash_all(&inputs);
        let endorsed: Vec<_> = sound.clone().map(|tx| tx.action.endorsed(chain)).collect();
        let signed: Vec<_> = sound
            .zip(&ids)
            .zip(&endorsed)
            .flat_map(|((tx, id), (digest, endorsed))| {
                let brought = endorsed.iter().map(move |(key, signature)| (*key, digest, *signature));
                std::iter::once((&tx.sender.key, id, &tx.signature)).chain(brought)
            })
            .collect();
        let mut holds = account::verify_all(&signed).into_iter();
        let mut answer = || holds.next().expect("an answer for each signature");
        let holds: Vec<Holds> = endorsed
            .iter()
            .map(|(_, endorsed)| Holds {
                own: answer(),
                endorsed: endorsed.iter().fold(true, |all, _| answer() && all),
            })
            .collect();
        let mut answers = parts.iter().zip(&ids).zip(holds);
        let checked = read.into_iter().zip(all).map(|(read, bytes)| {
            let transaction = read?;
            let (([signer, _], id), holds) = answers.next().expect("an answer for each that was read");
            transaction.checked(bytes.as_ref(), TransactionId(*id), AccountId(*signer), holds)
        });
        checked.collect()
    }

    fn read(bytes: &[u8]) -> Result<Self, Reject> {
        if bytes.len() > limits::TRANSACTION_BYTES {
            return Err(Reject::TooLong);
        }
        Self::from_bytes(bytes).map_err(|_| Reject::Undecodable)
    }

    /// Says of what these bytes say that it was checked, where its signatures held.
    fn checked(self, bytes: &[u8], id: TransactionId, signer: AccountId, holds: Holds) -> Result<Checked, Reject> {
        if !holds.own {
            return Err(Reject::BadSignature);
        }
        if !holds.endorsed {
            return Err(Reject::BadEndorsement);
        }
        Ok(Checked { transaction: self, id, signer, bytes: bytes.into() })
    }
}

/// What was found of a transaction's signatures.
struct Holds {
    /// The sender's holds.
    own: bool,
    /// All that its action brings hold.
    endorsed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::tally::Endorsement;
    use types::TallyId;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed([n; 32])
    }

    #[test]
    fn the_largest_quorum_fits_a_transaction() {
        let (tally, outcome) = (TallyId(Digest::ZERO), u64::MAX);
        let digest = outcome_digest(&Digest::ZERO, tally, outcome);
        let endorsement = |n: u8| Endorsement { resolver: key(n).identity(), signature: key(n).sign(&digest) };
        let most = u8::try_from(limits::QUORUM_MEMBERS).unwrap();
        let endorsements = (0..most).map(endorsement).collect();
        let resolve = Resolve { tally, outcome, endorsements };
        let behalf = Some(key(100).account());
        let transaction = Transaction::sign_for(&key(101), behalf, &Digest::ZERO, u64::MAX, Action::Resolve(resolve));
        assert!(Transaction::check(&transaction.to_bytes(), &Digest::ZERO).is_ok());
    }

    #[test]
    fn many_transactions_are_checked_as_each_is() {
        let chain = poseidon::hash(Domain::Config, &[1]);
        let retire = |n: u8| Transaction::sign(&key(n), &chain, 0, Action::Retire(Retire {}));
        let mut all: Vec<Vec<u8>> = (0..20).map(|n| retire(n).to_bytes()).collect();
        let last = all[3].len() - 1;
        all[3][last] ^= 1;
        all[7].truncate(9);
        all[11] = Transaction { sender: key(1).identity(), ..retire(11) }.to_bytes();
        all[12] = vec![0; limits::TRANSACTION_BYTES + 1];
        // A quorum's words beside the senders' own: all hold, or one does not.
        let resolve = |words: [u64; 3]| {
            let tally = TallyId(Digest::ZERO);
            let endorsement = |(n, outcome): (u8, u64)| Endorsement {
                resolver: key(n).identity(),
                signature: key(n).sign(&outcome_digest(&chain, tally, outcome)),
            };
            let endorsements = (30..).zip(words).map(endorsement).collect();
            let action = Action::Resolve(Resolve { tally, outcome: 5, endorsements });
            Transaction::sign(&key(1), &chain, 0, action).to_bytes()
        };
        all[15] = resolve([5, 5, 5]);
        all[17] = resolve([5, 6, 5]);
        let each: Vec<_> = all.iter().map(|bytes| Transaction::check(bytes, &chain)).collect();
        assert_eq!(Transaction::check_all(&all, &chain), each);
        let bad: Vec<usize> = (0..20).filter(|at| each[*at].is_err()).collect();
        assert_eq!(bad, [3, 7, 11, 12, 17]);
        assert_eq!(each[17], Err(Reject::BadEndorsement));
    }
}
