//! A naive chain with one account, and the pool of a node.

use super::{DEPTH, GAS, GWEI};
use crate::outbox::Offer;
use crypto::eth::Words;
use l1::{Answer, Receipt, Standing};
use std::collections::BTreeMap;
use types::Bytes32;

#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) hash: Bytes32,
    pub(super) nonce: u64,
    /// `None` is a stranger's.
    pub(super) package: Option<u64>,
    pub(super) gas_limit: u64,
    pub(super) offer: Offer,
}

impl Transaction {
    pub(super) fn new(nonce: u64, package: Option<u64>, gas_limit: u64, offer: Offer) -> Self {
        let words = Words::new().number(nonce).number(package.unwrap_or(u64::MAX)).number(gas_limit);
        let hash = words.number(offer.max_fee_wei).number(offer.tip_wei).keccak();
        Self { hash, nonce, package, gas_limit, offer }
    }

    pub(super) fn worst_wei(&self) -> u128 {
        u128::from(self.gas_limit) * u128::from(self.offer.max_fee_wei)
    }
}

pub(super) struct Block {
    pub(super) mined: Vec<(Transaction, Receipt)>,
}

/// A chain with one account, and the node's pool.
pub(super) struct Chain {
    pub(super) blocks: Vec<Block>,
    pub(super) pool: BTreeMap<u64, Transaction>,
    pub(super) base_fee_wei: u64,
    pub(super) funds_wei: u128,
    pub(super) made: u64,
}

impl Chain {
    pub(super) fn new() -> Self {
        let funds_wei = u128::from(GAS) * u128::from(5_000 * GWEI);
        let mut chain = Self { blocks: Vec::new(), pool: BTreeMap::new(), base_fee_wei: 10 * GWEI, funds_wei, made: 0 };
        chain.mine(|_| None);
        chain
    }

    pub(super) fn head(&self) -> u64 {
        u64::try_from(self.blocks.len()).unwrap() - 1
    }

    pub(super) fn mined(&self) -> impl Iterator<Item = &(Transaction, Receipt)> {
        self.blocks.iter().flat_map(|block| &block.mined)
    }

    pub(super) fn nonce_at(&self, block: u64) -> u64 {
        u64::try_from(self.mined().filter(|(_, receipt)| receipt.block <= block).count()).unwrap()
    }

    pub(super) fn nonce(&self) -> u64 {
        self.nonce_at(self.head())
    }

    pub(super) fn balance_wei(&self) -> u128 {
        let paid = |(_, receipt): &(Transaction, Receipt)| u128::from(receipt.gas_used) * u128::from(receipt.price_wei);
        self.funds_wei - self.mined().map(paid).sum::<u128>()
    }

    pub(super) fn standing(&self) -> Standing {
        let nonce = self.nonce();
        let nonce_pending = (nonce..).find(|nonce| !self.pool.contains_key(nonce)).unwrap();
        Standing {
            head: self.head(),
            nonce,
            nonce_final: self.nonce_at(self.head().saturating_sub(DEPTH)),
            nonce_pending,
            balance_wei: self.balance_wei(),
            base_fee_wei: self.base_fee_wei,
            tip_wei: GWEI,
        }
    }

    pub(super) fn receipt(&self, hash: &Bytes32) -> Option<Receipt> {
        self.mined().find(|(transaction, _)| transaction.hash == *hash).map(|(_, receipt)| *receipt)
    }

    pub(super) fn take(&mut self, transaction: Transaction) -> Answer {
        if transaction.nonce < self.nonce() {
            return Answer::NonceTooLow;
        }
        let others = self.pool.values().filter(|other| other.nonce != transaction.nonce);
        if others.map(Transaction::worst_wei).sum::<u128>() + transaction.worst_wei() > self.balance_wei() {
            return Answer::Unfunded;
        }
        if let Some(old) = self.pool.get(&transaction.nonce) {
            let dearer = |new: u64, old: u64| new > old && u128::from(new) * 10 >= u128::from(old) * 11;
            let replaces = dearer(transaction.offer.max_fee_wei, old.offer.max_fee_wei)
                && dearer(transaction.offer.tip_wei, old.offer.tip_wei);
            if old.hash == transaction.hash {
                return Answer::Taken;
            }
            if !replaces {
                return Answer::Underpriced;
            }
        }
        self.pool.insert(transaction.nonce, transaction);
        Answer::Taken
    }

    /// Makes a block of what the pool has, until `outcome` leaves a transaction out.
    pub(super) fn mine(&mut self, mut outcome: impl FnMut(&Transaction) -> Option<bool>) {
        self.made += 1;
        let (hash, block) = (Words::new().number(self.made).keccak(), u64::try_from(self.blocks.len()).unwrap());
        let mut mined = Vec::new();
        let mut nonce = if self.blocks.is_empty() { 0 } else { self.nonce() };
        while let Some(transaction) = self.pool.get(&nonce) {
            if transaction.offer.max_fee_wei < self.base_fee_wei {
                break;
            }
            let Some(succeeded) = outcome(transaction) else { break };
            let price_wei = transaction.offer.max_fee_wei.min(self.base_fee_wei + transaction.offer.tip_wei);
            let gas_used = transaction.gas_limit * 4 / 5;
            let transaction = self.pool.remove(&nonce).unwrap();
            let receipt =
                Receipt { transaction: transaction.hash, block, block_hash: hash, succeeded, gas_used, price_wei };
            mined.push((transaction, receipt));
            nonce += 1;
        }
        self.pool.retain(|left, _| *left >= nonce);
        self.blocks.push(Block { mined });
    }

    /// Takes the newest blocks away. Their transactions wait again, if `kept` says so.
    pub(super) fn unwind(&mut self, depth: u64, mut kept: impl FnMut() -> bool) {
        for _ in 0..depth.min(self.head()) {
            for (transaction, _) in self.blocks.pop().unwrap().mined {
                if kept() {
                    self.pool.entry(transaction.nonce).or_insert(transaction);
                }
            }
        }
    }
}
