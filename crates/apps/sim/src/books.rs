//! Books kept beside the chain, from entries and receipts alone: who holds what, who may act for whom, which tasks and
//! tallies are open. The rules are written anew here, so that a mistake in one place is a difference.

mod tallies;
mod tasks;

use crate::check::{Broken, Checked, ensure};
use ledger::bridge::{asset_of_word, token_word};
use ledger::{ForcedAction, ForcedWithdrawal, Message, Withdrawal};
use std::collections::{BTreeMap, BTreeSet};
use tallies::TallyBook;
use tasks::TaskBook;
use transition::{Action, Block, Entry, Event, Receipt, Status, Transaction};
use types::{
    AccountId, Amount, AssetId, Bytes32, Decode as _, Digest, EthAddress, Millis, TallyId, TaskId, TransactionId,
};

/// What the load did, as far as it stands in the chain.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// Blocks that the sequencer stored.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Entries that were rejected, by code.
    pub rejected: BTreeMap<u32, u64>,
    /// Tasks opened.
    pub submitted: u64,
    /// Tasks decided and paid.
    pub decided: u64,
    /// Tasks refunded.
    pub refunded: u64,
    /// Stakes cut.
    pub slashed: u64,
    /// Withdrawals made.
    pub withdrawn: u64,
    /// Deposits credited.
    pub deposited: u64,
    /// Withdrawals that were demanded on L1 and made.
    pub withdrawals_forced: u64,
    /// Actions that came by L1 and were applied.
    pub actions_forced: u64,
    /// Tallies split, merged, resolved, redeemed and reclaimed.
    pub tallies: [u64; 5],
    /// Sessions granted, sessions ended, accounts handed over.
    pub authorities: [u64; 3],
    /// Transactions applied for another account than the signer's own.
    pub on_behalf: u64,
}

/// What the books take from outside of the chain.
pub(crate) struct Known {
    pub(crate) chain: Digest,
    pub(crate) treasury: AccountId,
    /// Who lies. All others are honest: they may be slow, or silent.
    pub(crate) liars: BTreeSet<AccountId>,
    /// Which intention of a wallet a transaction serves: signing again must not serve it twice.
    pub(crate) intentions: BTreeMap<TransactionId, u64>,
}

/// The books.
#[derive(Default)]
pub(crate) struct Books {
    seen: BTreeSet<Digest>,
    served: BTreeSet<u64>,
    pub(crate) balances: BTreeMap<(AccountId, AssetId), u64>,
    stakes: BTreeMap<AccountId, (AssetId, u64)>,
    /// The open tasks that were given to each open offer.
    pub(crate) works: BTreeMap<AccountId, BTreeSet<TaskId>>,
    pub(crate) tasks: BTreeMap<TaskId, TaskBook>,
    tallies: BTreeMap<TallyId, TallyBook>,
    keepers: BTreeMap<AccountId, AccountId>,
    /// Who granted a session to whom, and until when.
    sessions: BTreeMap<(AccountId, AccountId), (AccountId, Millis)>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    pub(crate) tallied: Tallied,
}

/// An action while it is entered.
pub(crate) struct Entering<'a> {
    pub(crate) known: &'a Known,
    /// What it does.
    pub(crate) action: &'a Action,
    pub(crate) receipt: &'a Receipt,
    pub(crate) id: TransactionId,
    /// Whose value it moves.
    pub(crate) account: AccountId,
    pub(crate) now: Millis,
}

impl Books {
    /// Enters a block.
    pub(crate) fn block(&mut self, known: &Known, block: &Block, receipts: &[Receipt]) -> Checked {
        self.tallied.blocks += 1;
        ensure(block.entries.len() == receipts.len(), || "a block has not one receipt for each entry".into())?;
        for (entry, receipt) in block.entries.iter().zip(receipts) {
            if let Status::Rejected(code) = receipt.status {
                *self.tallied.rejected.entry(code).or_default() += 1;
            }
            match entry {
                Entry::Message(Message::Deposit(deposit)) => {
                    self.once(receipt)?;
                    ensure(receipt.is_applied(), || format!("deposit {} was rejected", deposit.index))?;
                    let asset = asset_of_word(&deposit.token).ok_or_else(|| Broken("a deposit of no asset".into()))?;
                    self.credit(deposit.account, asset, deposit.amount.quanta());
                    self.tallied.deposited += 1;
                }
                Entry::Message(Message::Withdrawal(forced)) => {
                    self.once(receipt)?;
                    self.forced_withdrawal(forced, receipt)?;
                }
                Entry::Message(Message::Action(forced)) => {
                    self.once(receipt)?;
                    self.forced_action(known, forced, receipt, block.header.time)?;
                }
                Entry::Transaction(bytes) => {
                    self.tallied.transactions += 1;
                    let transaction = Transaction::from_bytes(bytes).map_err(|e| Broken(e.to_string()))?;
                    // A transaction whose nonce is not the next may come again.
                    if acted(receipt) {
                        self.once(receipt)?;
                    }
                    self.transaction(known, &transaction, receipt, block.header.time)?;
                }
            }
        }
        Ok(())
    }

    fn once(&mut self, receipt: &Receipt) -> Checked {
        ensure(self.seen.insert(receipt.id), || format!("entry {} is in the chain twice", receipt.id))
    }

    fn forced_withdrawal(&mut self, forced: &ForcedWithdrawal, receipt: &Receipt) -> Checked {
        let asset = asset_of_word(&forced.token).ok_or_else(|| Broken("a forced withdrawal of no asset".into()))?;
        let held = self.balances.get(&(forced.account, asset)).copied().unwrap_or(0);
        let due = forced.amount.quanta().min(held);
        ensure(receipt.is_applied() == (due > 0), || {
            format!("message {} demands {due} of what the account holds, and was answered otherwise", forced.index)
        })?;
        if due == 0 {
            return Ok(());
        }
        self.tallied.withdrawals_forced += 1;
        self.debit(forced.account, asset, due)?;
        let amount = Amount::new(due).map_err(|_| Broken("an amount beyond all amounts".into()))?;
        self.withdrawn(receipt, forced.recipient, forced.token, amount)
    }

    fn forced_action(&mut self, known: &Known, forced: &ForcedAction, receipt: &Receipt, now: Millis) -> Checked {
        let action = Action::forced(&forced.elements).ok_or_else(|| Broken("L1 queued what is no action".into()))?;
        if !receipt.is_applied() {
            return Ok(());
        }
        self.tallied.actions_forced += 1;
        let (id, account) = (TransactionId(receipt.id), forced.account);
        self.apply(&Entering { known, action: &action, receipt, id, account, now })
    }

    fn transaction(&mut self, known: &Known, transaction: &Transaction, receipt: &Receipt, now: Millis) -> Checked {
        let id = transaction.id(&known.chain);
        let signer = transaction.sender.account();
        let account = transaction.on_behalf.unwrap_or(signer);
        if let Status::Rejected(code) = receipt.status {
            let wrong_reveal = code == task::Reject::WrongReveal.code() && !known.liars.contains(&account);
            return ensure(!wrong_reveal, || {
                format!("the honest provider {account} could not reveal what it committed to")
            });
        }
        let once = known.intentions.get(&id).is_none_or(|intention| self.served.insert(*intention));
        ensure(once, || format!("what transaction {id} asks was applied before"))?;
        self.tallied.on_behalf += u64::from(account != signer);
        ensure(self.may(account, signer, &transaction.action, now), || {
            format!("{signer} acted for {account}, which it may not")
        })?;
        self.apply(&Entering { known, action: &transaction.action, receipt, id, account, now })
    }

    /// Says whether a signer may do this for an account.
    fn may(&self, account: AccountId, signer: AccountId, action: &Action, now: Millis) -> bool {
        let keeper = self.keepers.get(&account).copied().unwrap_or(account);
        if signer == keeper {
            return true;
        }
        let granted = self.sessions.get(&(account, signer)).is_some_and(|(by, until)| *by == keeper && now < *until);
        let moves_out = match action {
            Action::Transfer(_) | Action::Withdraw(_) => true,
            Action::Rekey(_) | Action::Authorise(_) | Action::Revoke(_) => true,
            Action::Split(tx) => tx.stock != account || tx.foil != account,
            _ => false,
        };
        granted && !moves_out
    }

    pub(crate) fn credit(&mut self, account: AccountId, asset: AssetId, amount: u64) {
        *self.balances.entry((account, asset)).or_default() += amount;
    }

    pub(crate) fn debit(&mut self, account: AccountId, asset: AssetId, amount: u64) -> Checked {
        let balance = self.balances.entry((account, asset)).or_default();
        let rest = balance.checked_sub(amount);
        *balance = rest.ok_or_else(|| Broken(format!("{account} spent more than it had")))?;
        Ok(())
    }

    fn apply(&mut self, entering: &Entering<'_>) -> Checked {
        let (account, receipt) = (entering.account, entering.receipt);
        match entering.action {
            Action::Transfer(tx) => {
                self.debit(account, tx.asset, tx.amount.quanta())?;
                self.credit(tx.to, tx.asset, tx.amount.quanta());
                Ok(())
            }
            Action::Withdraw(tx) => {
                self.debit(account, tx.asset, tx.amount.quanta())?;
                let tokens = crate::load::TOKENS.map(token_word);
                let token = tokens.into_iter().find(|token| asset_of_word(token) == Some(tx.asset));
                let token = token.ok_or_else(|| Broken("an unknown token was withdrawn".into()))?;
                self.withdrawn(receipt, tx.recipient, token, tx.amount)
            }
            Action::Rekey(tx) => {
                self.tallied.authorities[2] += 1;
                self.keepers.insert(account, tx.to);
                Ok(())
            }
            Action::Authorise(tx) => {
                self.tallied.authorities[0] += 1;
                let keeper = self.keepers.get(&account).copied().unwrap_or(account);
                self.sessions.insert((account, tx.agent), (keeper, tx.expires));
                ensure(tx.expires > entering.now, || "a session was granted that is over".into())
            }
            Action::Revoke(tx) => {
                self.tallied.authorities[1] += 1;
                let known = self.sessions.remove(&(account, tx.agent)).is_some();
                ensure(known, || "a session was ended that nobody granted".into())
            }
            Action::Split(_) | Action::Merge(_) | Action::Resolve(_) | Action::Redeem(_) | Action::Reclaim(_) => {
                self.tally(entering)
            }
            _ => self.task(entering),
        }
    }

    fn withdrawn(&mut self, receipt: &Receipt, recipient: EthAddress, token: Bytes32, amount: Amount) -> Checked {
        let [Event::Withdrawn(withdrawal)] = &receipt.events[..] else {
            return Err(Broken("a withdrawal's receipt does not tell of it".into()));
        };
        let index = u64::try_from(self.withdrawals.len()).unwrap_or(u64::MAX);
        let asked = Withdrawal { index, recipient, token, amount };
        ensure(*withdrawal == asked, || format!("withdrawal {} is not what was asked", withdrawal.index))?;
        self.tallied.withdrawn += 1;
        self.withdrawals.push(asked);
        Ok(())
    }
}

/// Says whether an entry took its nonce, rejected or not.
pub(crate) fn acted(receipt: &Receipt) -> bool {
    match receipt.status {
        Status::Applied(_) => true,
        Status::Rejected(code) => transition::Reject::ALL.iter().all(|reject| reject.code() != code),
    }
}
