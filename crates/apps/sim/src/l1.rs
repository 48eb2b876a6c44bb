//! A model of the contracts: the inbox with its rolling hash, the rollup's checks, the vault.

use crate::check::{Broken, Checked, ensure};
use crate::load;
use crypto::list;
use ledger::bridge::token_word;
use ledger::{Deposit, Message, Withdrawal};
use proof::{Anchor, BatchHeader};
use std::collections::{BTreeMap, BTreeSet};
use types::{AccountId, Amount, Bytes32, Digest, EthAddress, Millis};

/// How old something must be on L1 before readers take it for final.
pub(crate) const DEPTH: Millis = Millis(300);

/// Why the rollup did not take a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Revert {
    /// It was settled before: a repetition, harmless.
    Repeated,
    /// Anything else. No honest node sends such a thing.
    Wrong(String),
}

/// The base chain.
pub(crate) struct L1 {
    anchor: Anchor,
    inbox: Vec<(Millis, Deposit)>,
    hashes: Vec<Bytes32>,
    settled: Vec<(Millis, BatchHeader)>,
    genesis_root: Digest,
    locked: BTreeMap<EthAddress, u64>,
    claimed: BTreeSet<u64>,
}

impl L1 {
    pub(crate) fn new(anchor: Anchor, genesis_root: Digest) -> Self {
        Self {
            anchor,
            inbox: Vec::new(),
            hashes: vec![Bytes32::ZERO],
            settled: Vec::new(),
            genesis_root,
            locked: BTreeMap::new(),
            claimed: BTreeSet::new(),
        }
    }

    /// Locks value and appends to the inbox.
    pub(crate) fn deposit(&mut self, now: Millis, account: AccountId, token: EthAddress, amount: Amount) {
        let index = u64::try_from(self.inbox.len()).unwrap_or(u64::MAX);
        let sender = EthAddress([0xaa; 20]);
        let deposit = Deposit { index, account, token: token_word(token), amount, sender };
        let hash = Message::Deposit(deposit.clone()).hash_after(self.hashes.last().unwrap_or(&Bytes32::ZERO));
        self.hashes.push(hash);
        *self.locked.entry(token).or_default() += amount.quanta();
        self.inbox.push((now, deposit));
    }

    /// Returns the inbox from a place on, as far as it is deep enough.
    pub(crate) fn inbox(&self, now: Millis, from: u64) -> Vec<Message> {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.inbox.len());
        let deep = self.inbox[from..].iter().take_while(|(at, _)| at.after(DEPTH) <= now);
        deep.map(|(_, deposit)| Message::Deposit(deposit.clone())).collect()
    }

    /// Returns the deposits from a place on, whatever their depth.
    pub(crate) fn waiting(&self, from: u64) -> impl Iterator<Item = &Deposit> {
        self.inbox.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).map(|(_, deposit)| deposit)
    }

    pub(crate) fn settle(&mut self, now: Millis, header: &BatchHeader, evidence: &[u8]) -> Result<(), Revert> {
        let wrong = |what: &str| Err(Revert::Wrong(format!("batch {}: {what}", header.number)));
        let next = self.number() + 1;
        if header.number < next {
            return Err(Revert::Repeated);
        }
        if header.number != next {
            return wrong("its number does not follow");
        }
        if header.config_hash != self.anchor.config_hash {
            return wrong("it is of another configuration");
        }
        let last = self.settled.last().map(|(_, header)| header);
        if header.parent_root != last.map_or(self.genesis_root, |last| last.state_root) {
            return wrong("its parent root is not the settled root");
        }
        let hash = usize::try_from(header.inbox_count).ok().and_then(|count| self.hashes.get(count));
        if header.inbox_count < last.map_or(0, |last| last.inbox_count) || hash != Some(&header.inbox_hash) {
            return wrong("its inbox hash is not that of the inbox");
        }
        if let Err(refusal) = self.anchor.committee.accepts(&header.digest(&self.anchor.domain), evidence) {
            return wrong(&refusal.to_string());
        }
        self.settled.push((now, header.clone()));
        Ok(())
    }

    /// Returns the last settled number, whatever its depth.
    pub(crate) fn number(&self) -> u64 {
        self.settled.last().map_or(0, |(_, header)| header.number)
    }

    /// Returns the last settled header that is deep enough.
    pub(crate) fn settled(&self, now: Millis) -> Option<&BatchHeader> {
        self.settled.iter().rev().find(|(at, _)| at.after(DEPTH) <= now).map(|(_, header)| header)
    }

    pub(crate) fn settled_header(&self, number: u64) -> Option<&BatchHeader> {
        self.settled.iter().map(|(_, header)| header).find(|header| header.number == number)
    }

    /// Pays a withdrawal out, once.
    pub(crate) fn claim(&mut self, batch: u64, withdrawal: &Withdrawal, position: u64, path: &[Bytes32]) -> Checked {
        let root = self.settled_header(batch).map_or(Bytes32::ZERO, |header| header.withdrawals_root);
        ensure(!self.claimed.contains(&withdrawal.index), || "claimed before".into())?;
        ensure(list::verifies(&withdrawal.leaf(), position, path, &root), || "the path does not hold".into())?;
        let token = load::TOKENS.into_iter().find(|token| token_word(*token) == withdrawal.token);
        let token = token.ok_or_else(|| Broken("the vault holds no such token".into()))?;
        let locked = self.locked.entry(token).or_default();
        let rest = locked.checked_sub(withdrawal.amount.quanta());
        *locked = rest.ok_or_else(|| Broken("the vault holds less than is claimed".into()))?;
        self.claimed.insert(withdrawal.index);
        Ok(())
    }

    pub(crate) fn is_claimed(&self, index: u64) -> bool {
        self.claimed.contains(&index)
    }

    pub(crate) fn locked(&self, token: EthAddress) -> u64 {
        self.locked.get(&token).copied().unwrap_or(0)
    }
}
