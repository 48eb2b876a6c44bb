//! A chain to measure on: its configuration, its accounts, and the transfers that they sign.

use crypto::account::SecretKey;
use crypto::eth::{EthKey, keccak};
use ledger::account::Transfer;
use ledger::bridge::{asset_of, token_word};
use ledger::{Deposit, Message};
use proof::committee::Committee;
use rayon::prelude::*;
use task::Parameters;
use transition::{Action, ChainConfig, L1Rules, Transaction};
use types::{AccountId, Amount, AssetId, Bytes32, Digest, Encode as _, EthAddress, Millis, Ppm};

/// The base chain's id, as a development node has it.
pub(crate) const L1_CHAIN_ID: u64 = 31_337;
/// What every account is given, in quanta.
pub(crate) const GIVEN: u64 = 1_000_000;

/// Returns the key that signs confirmations.
pub(crate) fn sequencer_key() -> SecretKey {
    SecretKey::from_seed([0; 32])
}

/// Returns the keys of the three members, in the order of their addresses.
pub(crate) fn members() -> Vec<EthKey> {
    let mut keys: Vec<EthKey> = (1..4).map(|n| EthKey::from_bytes([n; 32]).expect("a small number is a key")).collect();
    keys.sort_by_key(EthKey::address);
    keys
}

/// Returns a configuration in which two of three members sign.
pub(crate) fn config(rules: L1Rules) -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    let parameters = Parameters {
        coordinator: nobody,
        treasury: nobody,
        resolvers: Vec::new(),
        threshold: 2,
        provider_share: Ppm(0),
        author_share: Ppm(0),
        slash: Ppm(0),
        stake_min: Amount::ZERO,
        verdict_window: Millis(0),
    };
    let members = members().iter().map(EthKey::address).collect();
    ChainConfig {
        salt: Bytes32::ZERO,
        l1_chain_id: L1_CHAIN_ID,
        committee: Committee { members, threshold: 2, mandatory: Vec::new() },
        parameters,
        sequencer: sequencer_key().public(),
        rules,
    }
}

/// Returns the asset that is moved.
pub(crate) fn asset() -> AssetId {
    asset_of(EthAddress::ZERO)
}

pub(crate) fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).expect("a small amount")
}

/// Returns the message that credits an account.
pub(crate) fn deposit(index: u64, account: AccountId, quanta: u64) -> Message {
    let (token, amount, sender) = (token_word(EthAddress::ZERO), amount(quanta), EthAddress::ZERO);
    Message::Deposit(Deposit { index, account, token, amount, sender })
}

/// A transfer that shall be signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Who sends, by its place among the accounts.
    from: usize,
    to: AccountId,
    nonce: u64,
    quanta: u64,
    /// Whether the ledger can apply it: what cannot be applied names more than there is.
    pub(crate) is_sound: bool,
}

/// A signed transfer.
pub(crate) struct Signed {
    pub(crate) transaction: Transaction,
    pub(crate) bytes: Box<[u8]>,
    /// Whether the ledger can apply it.
    pub(crate) is_sound: bool,
}

/// Accounts with their keys and the next number of each.
pub(crate) struct Accounts {
    keys: Vec<SecretKey>,
    pub(crate) ids: Vec<AccountId>,
    nonces: Vec<u64>,
    random: u64,
}

impl Accounts {
    pub(crate) fn new(count: usize) -> Self {
        let key = |n: usize| SecretKey::from_seed(keccak(&[b"bench", &n.to_be_bytes()]).0);
        let keys: Vec<SecretKey> = (0..count).into_par_iter().map(key).collect();
        let ids = keys.par_iter().map(SecretKey::account).collect();
        Self { nonces: vec![0; count], keys, ids, random: 0x9e37_79b9_7f4a_7c15 }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns how many transactions were planned so far.
    pub(crate) fn planned(&self) -> u64 {
        self.nonces.iter().sum()
    }

    /// Returns messages that give every account the same.
    pub(crate) fn deposits(&self) -> Vec<Message> {
        (0..).zip(&self.ids).map(|(index, account)| deposit(index, *account, GIVEN)).collect()
    }

    /// Returns a number below `bound`, always the same ones in the same order.
    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let bound = u64::try_from(bound).expect("a length fits 64 bits");
        usize::try_from(self.random % bound).expect("it is below a length")
    }

    /// Plans a transfer of one quantum from an account to any other.
    pub(crate) fn plan(&mut self, from: usize) -> Plan {
        let at = self.below(self.len());
        self.plan_to(from, self.ids[at], 1)
    }

    /// Plans a transfer that the ledger must refuse, because the account has less.
    pub(crate) fn plan_unsound(&mut self, from: usize) -> Plan {
        Plan { quanta: 1 << 61, is_sound: false, ..self.plan(from) }
    }

    /// Plans a transfer of some quanta to an account.
    pub(crate) fn plan_to(&mut self, from: usize, to: AccountId, quanta: u64) -> Plan {
        let nonce = self.nonces[from];
        self.nonces[from] += 1;
        Plan { from, to, nonce, quanta, is_sound: true }
    }

    /// Plans a transfer that can be applied, from any account.
    pub(crate) fn plan_among_all(&mut self) -> Plan {
        let from = self.below(self.len());
        self.plan(from)
    }

    /// Plans a transfer from one of every `of` accounts, counted from `first`.
    pub(crate) fn plan_among(&mut self, first: usize, of: usize) -> Plan {
        let count = (self.len() - first).div_ceil(of);
        let from = first + of * self.below(count);
        // One in twenty fails by rule.
        if self.below(20) == 0 { self.plan_unsound(from) } else { self.plan(from) }
    }

    /// Signs what was planned, on all cores.
    pub(crate) fn sign(&self, plans: &[Plan], chain: &Digest) -> Vec<Signed> {
        let sign = |plan: &Plan| {
            let transfer = Transfer { to: plan.to, asset: asset(), amount: amount(plan.quanta) };
            let key = &self.keys[plan.from];
            let transaction = Transaction::sign(key, chain, plan.nonce, Action::Transfer(transfer));
            let bytes = transaction.to_bytes().into();
            Signed { transaction, bytes, is_sound: plan.is_sound }
        };
        plans.par_iter().map(sign).collect()
    }
}
