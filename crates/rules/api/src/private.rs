//! Private tasks: what their input says, and where the providers are that take part in them.
//!
//! The ledger knows nothing of them. A task is private when its input names a [`Job`] and as many results must agree as
//! there are parties: then the first providers that it was assigned to are its committee, in that order, and what they
//! deliver is the receipt of their session. Inputs and outputs go between clients and committee only.

use crypto::account::{Identity, SecretKey};
use crypto::{Domain, poseidon};
use serde::{Deserialize, Serialize};
use task::TaskRecord;
use types::{AccountId, Bytes32, Decode as _, Digest, Encode as _, Millis, Signature, record};
use vm::Name;

/// How many providers are a committee, and so how many results must agree.
pub const PARTIES: usize = 3;

/// How often a host repeats its word.
pub const REPEAT: Millis = Millis(10_000);
/// How long a host's word counts.
pub const VALID: Millis = Millis(60_000);

/// What stands before a job, so that no other input is taken for one.
const MARK: Bytes32 = Bytes32(*b"talea private task, version 1\0\0\0");

record! {
    /// Who may give the inputs and get the outputs of one name.
    pub struct Guest {
        /// The client's name in the program.
        pub name: Name,
        /// The key that the client is pinned to.
        pub id: Bytes32,
    }
}

record! {
    /// What the input of a private task says. It is public.
    pub struct Job {
        /// Always the same.
        pub mark: Bytes32,
        /// Whether a lie of one party must be found.
        pub malicious: bool,
        /// Who may be a client.
        pub clients: Vec<Guest>,
    }
}

impl Job {
    /// Describes a private task.
    pub fn new(malicious: bool, clients: Vec<Guest>) -> Self {
        Self { mark: MARK, malicious, clients }
    }

    /// Reads a task's input; `None` when the task is not private.
    pub fn of(redundancy: u8, input: &[u8]) -> Option<Self> {
        let job = Self::from_bytes(input).ok()?;
        (usize::from(redundancy) == PARTIES && job.mark == MARK).then_some(job)
    }
}

/// Returns a private task's committee in its order, once it has one.
pub fn committee(task: &TaskRecord) -> Option<[AccountId; PARTIES]> {
    let first = task.assignments.get(..PARTIES)?;
    first.iter().map(|assignment| assignment.provider).collect::<Vec<_>>().try_into().ok()
}

/// `POST /v1/hosts`, and items of `GET /v1/hosts`: a provider's word that it takes part in private programs, with the key
/// that it is pinned to as a party and where it listens. It need not be believed: the provider's account signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Whose account.
    pub identity: Identity,
    /// The key of the party.
    pub party: Bytes32,
    /// Where it listens: an IP address and a port.
    pub address: String,
    /// When this was said: a later word replaces an earlier one.
    pub at: Millis,
    /// The account's signature on all of it.
    pub signature: Signature,
}

impl Host {
    /// Signs a provider's word for one chain.
    pub fn sign(key: &SecretKey, chain: &Digest, party: Bytes32, address: String, at: Millis) -> Self {
        let mut host = Self { identity: key.identity(), party, address, at, signature: Signature::ZERO };
        host.signature = key.sign(&host.digest(chain));
        host
    }

    /// Returns whose word it is; `None` when the account did not sign it for this chain.
    pub fn account(&self, chain: &Digest) -> Option<AccountId> {
        self.identity.key.verifies(&self.digest(chain), &self.signature).then(|| self.identity.account())
    }

    fn digest(&self, chain: &Digest) -> Digest {
        let mut elements = chain.to_elements();
        elements.extend(self.identity.to_elements());
        elements.extend(self.party.to_elements());
        elements.extend(crypto::content_id(self.address.as_bytes()).to_elements());
        elements.extend(self.at.to_elements());
        poseidon::hash(Domain::Host, &elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_job_with_as_many_results_as_parties_makes_a_task_private() {
        let guest = Guest { name: Name::new("alice").unwrap(), id: Bytes32([7; 32]) };
        let job = Job::new(true, vec![guest]);
        let bytes = job.to_bytes();
        assert_eq!(Job::of(3, &bytes), Some(job.clone()));
        assert_eq!(Job::of(2, &bytes), None);
        assert_eq!(Job::of(3, &bytes[1..]), None);
        assert_eq!(Job::of(3, b"a text"), None);
        let other = Job { mark: Bytes32([0; 32]), ..job };
        assert_eq!(Job::of(3, &other.to_bytes()), None);
    }

    #[test]
    fn a_hosts_word_is_its_accounts_on_one_chain() {
        let key = SecretKey::from_seed([1; 32]);
        let chain = Digest::new([1, 2, 3, 4]).unwrap();
        let address = "127.0.0.1:7001".to_owned();
        let host = Host::sign(&key, &chain, Bytes32([5; 32]), address, Millis(9));
        assert_eq!(host.account(&chain), Some(key.account()));
        assert_eq!(host.account(&Digest::ZERO), None, "another chain");
        let others = [
            Host { party: Bytes32([6; 32]), ..host.clone() },
            Host { address: "127.0.0.1:7002".to_owned(), ..host.clone() },
            Host { at: Millis(10), ..host.clone() },
            Host { identity: SecretKey::from_seed([2; 32]).identity(), ..host.clone() },
        ];
        for other in others {
            assert_eq!(other.account(&chain), None, "{other:?}");
        }
        let text = serde_json::to_string(&host).unwrap();
        assert_eq!(serde_json::from_str::<Host>(&text).unwrap(), host);
    }
}
