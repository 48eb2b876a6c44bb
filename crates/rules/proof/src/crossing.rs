//! What crosses between the base chain and the ledger, as L1 and a batch's header commit to it.

use crypto::eth::{Words, keccak};
use crypto::list;
use types::{AccountId, Amount, Bytes32, EthAddress, choice, record};

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
    /// A transaction that was sent to L1 because nobody took it here. It is worth what its bytes are worth.
    pub struct ForcedTransaction {
        /// Its place in the inbox, from 0.
        pub index: u64,
        /// What L1 was given.
        pub transaction: Box<[u8]>,
    }
}

choice! {
    /// A message of the L1 inbox.
    pub enum Message {
        /// Value came in.
        1 => Deposit(Deposit),
        /// An owner demands value.
        2 => Withdrawal(ForcedWithdrawal),
        /// Somebody demands that a transaction be looked at.
        3 => Transaction(ForcedTransaction),
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
            Self::Transaction(message) => message.index,
        }
    }

    /// Returns the message's kind and the hash of what it says, as the contract computes them.
    fn kind_and_payload(&self) -> (u64, Bytes32) {
        let words = |account: &AccountId, token, amount: Amount| {
            Words::new().digest(&account.0).bytes32(token).number(amount.quanta())
        };
        match self {
            Self::Deposit(m) => (1, words(&m.account, &m.token, m.amount).address(&m.sender).keccak()),
            Self::Withdrawal(m) => (2, words(&m.account, &m.token, m.amount).address(&m.recipient).keccak()),
            Self::Transaction(m) => (3, keccak(&[&m.transaction])),
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
