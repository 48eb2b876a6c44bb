//! What crosses between the base chain and the ledger, as L1 and a batch's header commit to it, and as a validity proof
//! is bound to it.
//!
//! L1 commits to the messages and to the withdrawals by Keccak-256, which the circuit does not compute. The circuit has
//! two lists of its own, of the messages that were taken and the withdrawals that were made, each an element after the
//! other. It commits to each by a chain of Poseidon2 digests ([`Chains`]), and evaluates each as a polynomial at three
//! points. Whoever checks a proof has the lists that Keccak commits to, evaluates them at the same points, and compares.
//!
//! Setting: the prover chooses lists, chains and proof. The points are a Keccak hash of all that fixes the lists of both
//! sides: the statement, in which the inbox's hashes and the withdrawals' root fix the verifier's, and the chains, which fix
//! the circuit's. So the lists are chosen before the points, or a collision of Keccak or Poseidon2 was found. Every item of a
//! list has as many elements as the others, each below the prime, and of each element the circuit shows that it is in its
//! one form; with a one before the first element, different lists are different polynomials of a degree d of at most
//! 21 * 2^20. Two of them agree at a point in at most d places (Schwartz, Zippel), and a point is any place with a
//! probability of at most 2^-63; so different lists pass with one of at most 2 * (d * 2^-63)^3 < 2^-114 at each try, and a
//! try costs a hash.
//!
//! A place of the prime field and not of its extension is a point, so that a contract has three multiplications for an
//! element.

use crate::circuit::{F, POINTS};
use crate::validity::LOG_HEIGHT_MAX;
use crypto::eth::Words;
use crypto::{Domain, list, poseidon};
use p3_field::PrimeCharacteristicRing as _;
use types::{AccountId, ActionElements, Amount, Bytes32, Digest, Encode, EthAddress, GOLDILOCKS, choice, record};

record! {
    /// A deposit, as the L1 inbox holds it.
    pub struct Deposit {
        /// Its place in the inbox, from 0.
        pub index: u64,
        /// Who is credited.
        pub account: AccountId,
        /// What was deposited: see `ledger::bridge::token_word`.
        pub token: Bytes32,
        /// How much, in the token's quanta.
        pub amount: Amount,
        /// Who paid on L1.
        pub sender: EthAddress,
    }
}

record! {
    /// A withdrawal that the account's owner demanded on L1, who checked that it was the owner.
    pub struct ForcedWithdrawal {
        /// Its place in the inbox, from 0.
        pub index: u64,
        /// Whose value leaves.
        pub account: AccountId,
        /// What leaves: see `ledger::bridge::token_word`.
        pub token: Bytes32,
        /// How much at most, in the token's quanta; a smaller balance leaves whole.
        pub amount: Amount,
        /// Who is paid on L1.
        pub recipient: EthAddress,
    }
}

record! {
    /// An action that the account's owner demanded on L1, who checked that it was the owner. Nobody signs it, and it uses
    /// no nonce up: the inbox has each message once.
    pub struct ForcedAction {
        /// Its place in the inbox, from 0.
        pub index: u64,
        /// Who acts.
        pub account: AccountId,
        /// What is demanded: see `transition::Action::forced`.
        pub elements: ActionElements,
    }
}

choice! {
    /// A message of the L1 inbox.
    pub enum Message {
        /// Value came in.
        1 => Deposit(Deposit),
        /// An owner demands value.
        2 => Withdrawal(ForcedWithdrawal),
        /// An owner demands an action.
        3 => Action(ForcedAction),
    }
}

record! {
    /// A withdrawal, as the batch's withdrawals root commits to it.
    pub struct Withdrawal {
        /// Its number over the chain's life: the nullifier on L1.
        pub index: u64,
        /// Who is paid on L1.
        pub recipient: EthAddress,
        /// What is paid: see `ledger::bridge::token_word`.
        pub token: Bytes32,
        /// How much, in the token's quanta.
        pub amount: Amount,
    }
}

impl Message {
    /// Returns its place in the inbox.
    pub fn index(&self) -> u64 {
        match self {
            Self::Deposit(message) => message.index,
            Self::Withdrawal(message) => message.index,
            Self::Action(message) => message.index,
        }
    }

    /// Returns its id, which its receipt bears.
    pub fn id(&self) -> Digest {
        poseidon::hash_of(Domain::Message, self)
    }

    /// Returns the message's kind and the hash of what it says, as the contract computes them.
    fn kind_and_payload(&self) -> (u64, Bytes32) {
        let words = |account: &AccountId, token, amount: Amount| {
            Words::new().digest(&account.0).bytes32(token).number(amount.quanta())
        };
        match self {
            Self::Deposit(m) => (1, words(&m.account, &m.token, m.amount).address(&m.sender).keccak()),
            Self::Withdrawal(m) => (2, words(&m.account, &m.token, m.amount).address(&m.recipient).keccak()),
            Self::Action(m) => {
                let words = Words::new().digest(&m.account.0);
                (3, m.elements.limbs().iter().fold(words, |words, element| words.number(*element)).keccak())
            }
        }
    }

    /// Returns the inbox's rolling hash after this message, as the contract computes it.
    pub fn hash_after(&self, before: &Bytes32) -> Bytes32 {
        let (kind, payload) = self.kind_and_payload();
        Words::new().bytes32(before).number(self.index()).number(kind).bytes32(&payload).keccak()
    }
}

impl Withdrawal {
    /// Returns the leaf digest under the batch's withdrawals root.
    pub fn leaf(&self) -> Bytes32 {
        let words =
            Words::new().number(self.index).address(&self.recipient).bytes32(&self.token).number(self.amount.quanta());
        list::leaf(words.as_bytes())
    }
}

record! {
    /// Where the inbox stands.
    #[derive(Copy)]
    pub struct Inbox {
        /// How many messages were taken.
        pub count: u64,
        /// The rolling hash after them.
        pub hash: Bytes32,
    }
}

impl Inbox {
    /// Returns where the inbox stands after more messages, if those are the next.
    pub fn after(&self, messages: &[Message]) -> Option<Self> {
        messages.iter().try_fold(*self, |inbox, message| {
            let hash = message.hash_after(&inbox.hash);
            (message.index() == inbox.count).then_some(Self { count: inbox.count.checked_add(1)?, hash })
        })
    }
}

record! {
    /// What the circuit's lists come to: the prover's word, by which it is bound before the points are known.
    #[derive(Copy)]
    pub struct Chains {
        /// The messages that were taken.
        pub taken: Digest,
        /// The withdrawals that were made.
        pub made: Digest,
    }
}

/// Most items of a list: a row of the circuit each.
pub const ITEMS: usize = 1 << LOG_HEIGHT_MAX;
/// Bits of security with which a list is bound, as the module says.
pub const BITS: usize = 114;

impl Chains {
    /// Returns what lists come to.
    pub fn of(messages: &[Message], withdrawals: &[Withdrawal]) -> Self {
        let chain = |digests: Vec<Digest>| {
            digests.into_iter().fold(Digest::ZERO, |chain, digest| poseidon::compress(&chain, &digest))
        };
        let taken = messages.iter().map(|item| item.id()).collect();
        let made = withdrawals.iter().map(|item| poseidon::hash_of(Domain::Withdrawal, item)).collect();
        Self { taken: chain(taken), made: chain(made) }
    }
}

/// Returns the points that a hash names: ten bytes each, so that hardly any place is likelier than another.
pub fn points(hash: &Bytes32) -> [F; POINTS] {
    let mut bytes = hash.0.chunks_exact(10);
    std::array::from_fn(|_| {
        let bytes = bytes.next().expect("three times ten bytes of thirty-two");
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        F::from_u64(u64::try_from(number % u128::from(GOLDILOCKS)).expect("below the prime"))
    })
}

/// Adds an item to a list that has a value at a point.
pub fn longer(value: F, item: &impl Encode, point: F) -> F {
    item.to_elements().into_iter().fold(value, |value, element| value * point + F::from_u64(element))
}

/// Returns a list's values at the points.
pub fn values<T: Encode>(list: &[T], points: &[F; POINTS]) -> [F; POINTS] {
    points.map(|point| list.iter().fold(F::ONE, |value, item| longer(value, item, point)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{MESSAGE, WITHDRAWAL};
    use crypto::eth::keccak;

    fn deposit(index: u64, amount: u64) -> Message {
        Message::Deposit(Deposit {
            index,
            account: AccountId(Digest::new([1, 2, 3, 4]).unwrap()),
            token: Bytes32([0xff; 32]),
            amount: Amount::new(amount).unwrap(),
            sender: EthAddress([7; 20]),
        })
    }

    fn withdrawal(index: u64) -> Withdrawal {
        let recipient = EthAddress([9; 20]);
        Withdrawal { index, recipient, token: Bytes32([0xff; 32]), amount: Amount::MAX }
    }

    #[test]
    fn every_item_has_as_many_elements_as_the_circuit_gives_it() {
        let Message::Deposit(Deposit { index, account, token, amount, sender: recipient }) = deposit(u64::MAX, 1)
        else {
            unreachable!("a deposit")
        };
        let forced = Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient });
        assert_eq!(deposit(0, 0).to_elements().len(), MESSAGE);
        let elements = ActionElements::new([GOLDILOCKS - 1; 14]).unwrap();
        let action = Message::Action(ForcedAction { index, account, elements });
        assert_eq!(forced.to_elements().len(), MESSAGE);
        assert_eq!(action.to_elements().len(), MESSAGE);
        assert_eq!(withdrawal(0).to_elements().len(), WITHDRAWAL);
    }

    #[test]
    fn lists_are_bound_as_tightly_as_is_said() {
        let degree = u128::try_from(MESSAGE * ITEMS).unwrap();
        // A place has at most 2^16 + 1 of the 2^80 numbers of ten bytes.
        assert!((1 << 80) / u128::from(GOLDILOCKS) < 1 << 17);
        assert!(degree < 1 << 25);
        assert_eq!(BITS, 3 * (63 - 25));
    }

    #[test]
    fn a_list_that_is_longer_shorter_or_in_another_order_has_other_values() {
        let points = points(&keccak(&[b"points"]));
        let lists: [&[Message]; 6] = [
            &[],
            &[deposit(0, 0)],
            &[deposit(0, 1)],
            &[deposit(0, 1), deposit(1, 1)],
            &[deposit(1, 1), deposit(0, 1)],
            &[deposit(0, 1), deposit(1, 1), deposit(2, 1)],
        ];
        for (number, list) in lists.iter().enumerate() {
            for other in &lists[..number] {
                let (own, others) = (values(list, &points), values(other, &points));
                assert!(own.iter().zip(others).all(|(own, other)| *own != other));
            }
        }
        assert_ne!(Chains::of(lists[3], &[]), Chains::of(lists[4], &[]));
        assert_ne!(Chains::of(&[], &[withdrawal(0)]), Chains::of(&[], &[]));
    }

    #[test]
    fn an_inbox_goes_on_with_the_next_message_only() {
        let start = Inbox { count: 3, hash: Bytes32([1; 32]) };
        assert_eq!(start.after(&[]), Some(start));
        let after = start.after(&[deposit(3, 1), deposit(4, 1)]).unwrap();
        assert_eq!(after.count, 5);
        assert_eq!(after.hash, deposit(4, 1).hash_after(&deposit(3, 1).hash_after(&start.hash)));
        assert_eq!(start.after(&[deposit(4, 1)]), None);
        assert_eq!(start.after(&[deposit(3, 1), deposit(3, 1)]), None);
        assert_eq!(Inbox { count: u64::MAX, ..start }.after(&[deposit(u64::MAX, 1)]), None);
    }
}
