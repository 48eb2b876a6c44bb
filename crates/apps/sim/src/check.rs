//! What must hold. The checker keeps books of its own, from receipts alone, and compares.

use crate::disk::Disk;
use crate::l1::L1;
use crate::load;
use crypto::eth::EthSignature;
use ledger::account::Balance;
use ledger::bridge::{Cursor, asset_of, asset_of_word, token_word};
use ledger::tally::Tally;
use ledger::{Message, Withdrawal};
use proof::agreement::Outcome;
use state::State;
use std::collections::{BTreeMap, BTreeSet};
use task::{Decide, MakeOffer, Offer, Reason, Submit, Verdict};
use transition::{Action, Entry, Event, Executed, Receipt, Status, Transaction};
use types::{AccountId, Amount, AssetId, Decode as _, Digest, EthAddress, Height, TaskId, TransactionId};

/// An invariant that does not hold, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

/// Whether something holds.
pub(crate) type Checked = Result<(), Broken>;

/// Breaks off unless something holds.
pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Broken(what())) }
}

/// What somebody was told about a transaction.
struct Told {
    id: TransactionId,
    height: Height,
    position: u32,
    receipt: Receipt,
}

struct TaskBook {
    submit: Submit,
    requester: AccountId,
    price: u64,
    ended: bool,
}

/// What the load did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// Blocks that the sequencer stored.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Transactions that were rejected, by code.
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
}

/// Books kept beside the chain.
pub(crate) struct Checker {
    told: Vec<Told>,
    seen: BTreeSet<Digest>,
    /// Which intention of a wallet a transaction serves: signing again must not serve it twice.
    intentions: BTreeMap<TransactionId, u64>,
    served: BTreeSet<u64>,
    balances: BTreeMap<(AccountId, AssetId), u64>,
    stakes: BTreeMap<AccountId, (AssetId, u64)>,
    /// The open tasks that were given to each open offer.
    works: BTreeMap<AccountId, BTreeSet<TaskId>>,
    tasks: BTreeMap<TaskId, TaskBook>,
    signed: BTreeMap<(usize, u64), EthSignature>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    /// Who lies. All others are honest: they may be slow, or silent.
    pub(crate) liars: BTreeSet<AccountId>,
    treasury: AccountId,
    pub(crate) tallied: Tallied,
}

fn millionths(amount: u64, numerator: u64, denominator: u64) -> u64 {
    let product = u128::from(amount) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

impl Checker {
    pub(crate) fn new(treasury: AccountId) -> Self {
        Self {
            told: Vec::new(),
            seen: BTreeSet::new(),
            intentions: BTreeMap::new(),
            served: BTreeSet::new(),
            balances: BTreeMap::new(),
            stakes: BTreeMap::new(),
            works: BTreeMap::new(),
            tasks: BTreeMap::new(),
            signed: BTreeMap::new(),
            withdrawals: Vec::new(),
            liars: BTreeSet::new(),
            treasury,
            tallied: Tallied::default(),
        }
    }

    /// Notes that a wallet signed a transaction to serve an intention.
    pub(crate) fn intended(&mut self, id: TransactionId, intention: u64) {
        self.intentions.insert(id, intention);
    }

    /// Notes that somebody was told where a transaction stands, and checks that it does.
    pub(crate) fn told(
        &mut self,
        disk: &Disk,
        id: TransactionId,
        height: Height,
        position: u32,
        receipt: &Receipt,
    ) -> Checked {
        let told = Told { id, height, position, receipt: receipt.clone() };
        let holds = Self::stands(disk, &told);
        self.told.push(told);
        holds
    }

    fn stands(disk: &Disk, told: &Told) -> Checked {
        let found = disk.receipt(told.height, told.position);
        ensure(found == Some(&told.receipt) && told.receipt.id == told.id.0, || {
            format!("transaction {} was confirmed at {}.{} and is not there", told.id, told.height, told.position)
        })
    }

    /// Checks that nothing that was ever confirmed is lost or moved.
    pub(crate) fn all_told(&self, disk: &Disk) -> Checked {
        self.told.iter().try_for_each(|told| Self::stands(disk, told))
    }

    /// Checks that a member signs one batch for each number.
    pub(crate) fn signed(&mut self, member: usize, number: u64, signature: &EthSignature) -> Checked {
        // Signing is deterministic, so two batches give two signatures and one batch gives one.
        let first = self.signed.entry((member, number)).or_insert(*signature);
        ensure(first == signature, || format!("member {member} signed two batches of number {number}"))
    }

    /// Enters a block that was stored.
    pub(crate) fn block(&mut self, chain: &Digest, executed: &Executed) -> Checked {
        self.tallied.blocks += 1;
        for (entry, receipt) in executed.block.entries.iter().zip(&executed.receipts) {
            ensure(self.seen.insert(receipt.id), || format!("entry {} is in the chain twice", receipt.id))?;
            match entry {
                Entry::Message(Message::Deposit(deposit)) => {
                    ensure(receipt.is_applied(), || format!("deposit {} was rejected", deposit.index))?;
                    let asset = asset_of_word(&deposit.token).ok_or_else(|| Broken("a deposit of no asset".into()))?;
                    self.credit(deposit.account, asset, deposit.amount.quanta());
                    self.tallied.deposited += 1;
                }
                Entry::Message(other) => return Err(Broken(format!("message {} is no deposit", other.index()))),
                Entry::Transaction(bytes) => {
                    self.tallied.transactions += 1;
                    let transaction = Transaction::from_bytes(bytes).map_err(|e| Broken(e.to_string()))?;
                    let id = transaction.id(chain);
                    match receipt.status {
                        Status::Applied(_) => {
                            let intention = self.intentions.get(&id);
                            let once = intention.is_none_or(|intention| self.served.insert(*intention));
                            ensure(once, || format!("what transaction {id} asks was applied before"))?;
                            self.apply(&transaction, TaskId(id.0), receipt)?;
                        }
                        Status::Rejected(code) => self.rejected(&transaction, code)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn rejected(&mut self, transaction: &Transaction, code: u32) -> Checked {
        *self.tallied.rejected.entry(code).or_default() += 1;
        let sender = transaction.sender.account();
        let wrong_reveal = code == task::Reject::WrongReveal.code() && !self.liars.contains(&sender);
        ensure(!wrong_reveal, || format!("the honest provider {sender} could not reveal what it committed to"))
    }

    fn credit(&mut self, account: AccountId, asset: AssetId, amount: u64) {
        *self.balances.entry((account, asset)).or_default() += amount;
    }

    fn debit(&mut self, account: AccountId, asset: AssetId, amount: u64) -> Checked {
        let balance = self.balances.entry((account, asset)).or_default();
        let rest = balance.checked_sub(amount);
        *balance = rest.ok_or_else(|| Broken(format!("{account} spent more than it had")))?;
        Ok(())
    }

    fn apply(&mut self, transaction: &Transaction, id: TaskId, receipt: &Receipt) -> Checked {
        let sender = transaction.sender.account();
        match &transaction.action {
            Action::Transfer(tx) => {
                self.debit(sender, tx.asset, tx.amount.quanta())?;
                self.credit(tx.to, tx.asset, tx.amount.quanta());
                Ok(())
            }
            Action::Withdraw(tx) => {
                self.debit(sender, tx.asset, tx.amount.quanta())?;
                self.withdrawn(receipt, tx.recipient, tx.amount)
            }
            Action::MakeOffer(tx) => self.offered(sender, tx),
            Action::Retire(_) => {
                let (asset, stake) = self.stakes.remove(&sender).unwrap_or((AssetId(Digest::ZERO), 0));
                self.credit(sender, asset, stake);
                let busy = self.works.remove(&sender).is_some_and(|works| !works.is_empty());
                ensure(!busy, || format!("{sender} retired its stake while it worked on open tasks"))
            }
            Action::Submit(tx) => self.submitted(sender, id, tx),
            Action::Assign(tx) => {
                let chosen = tx.considered.iter().filter(|considered| matches!(considered.reason, Reason::Chosen(_)));
                for considered in chosen {
                    self.works.entry(considered.provider).or_default().insert(tx.task);
                }
                Ok(())
            }
            Action::Decide(tx) => self.decided(tx, receipt),
            Action::Refund(tx) => self.refunded(tx.task, receipt),
            Action::Publish(_) | Action::Commit(_) | Action::Deliver(_) => Ok(()),
            other => Err(Broken(format!("the load does not send this: {other:?}"))),
        }
    }

    fn withdrawn(&mut self, receipt: &Receipt, recipient: EthAddress, amount: Amount) -> Checked {
        let [Event::Withdrawn(withdrawal)] = &receipt.events[..] else {
            return Err(Broken("a withdrawal's receipt does not tell of it".into()));
        };
        let index = u64::try_from(self.withdrawals.len()).unwrap_or(u64::MAX);
        let same = withdrawal.index == index && withdrawal.recipient == recipient && withdrawal.amount == amount;
        ensure(same, || format!("withdrawal {} is not what was asked", withdrawal.index))?;
        self.tallied.withdrawn += 1;
        self.withdrawals.push(withdrawal.clone());
        Ok(())
    }

    fn offered(&mut self, provider: AccountId, tx: &MakeOffer) -> Checked {
        self.debit(provider, tx.asset, tx.stake.quanta())?;
        self.works.insert(provider, BTreeSet::new());
        let before = self.stakes.insert(provider, (tx.asset, tx.stake.quanta()));
        ensure(before.is_none(), || format!("{provider} has two offers"))
    }

    fn submitted(&mut self, requester: AccountId, id: TaskId, tx: &Submit) -> Checked {
        // Written anew: the price of one run rounded up, once for each result that must agree.
        let one = (u128::from(tx.fuel_limit.0) * u128::from(tx.rate.0)).div_ceil(1_000_000);
        let price = u64::try_from(one * u128::from(tx.redundancy)).unwrap_or(u64::MAX);
        self.debit(requester, tx.asset, price)?;
        self.tallied.submitted += 1;
        self.tasks.insert(id, TaskBook { submit: tx.clone(), requester, price, ended: false });
        Ok(())
    }

    fn end(&mut self, id: TaskId) -> Result<(Submit, AccountId, u64), Broken> {
        let book = self.tasks.get_mut(&id).ok_or_else(|| Broken(format!("task {id} was never submitted")))?;
        ensure(!book.ended, || format!("task {id} ended twice"))?;
        book.ended = true;
        for works in self.works.values_mut() {
            works.remove(&id);
        }
        Ok((book.submit.clone(), book.requester, book.price))
    }

    fn decided(&mut self, tx: &Decide, receipt: &Receipt) -> Checked {
        let verdict = &tx.verdict;
        let (submit, requester, price) = self.end(verdict.task)?;
        self.tallied.decided += 1;
        let (mut paid, mut slashed) = (0, BTreeSet::new());
        for event in &receipt.events {
            match event {
                Event::Paid(payment) => {
                    paid += payment.amount.quanta();
                    self.credit(payment.account, submit.asset, payment.amount.quanta());
                }
                Event::Slashed(cut) => {
                    self.slashed(cut)?;
                    slashed.insert(cut.provider);
                }
                other => return Err(Broken(format!("a verdict's receipt tells of {other:?}"))),
            }
        }
        let owed = millionths(price, verdict.outcome.fuel.0, submit.fuel_limit.0);
        ensure(paid == owed, || format!("task {} paid {paid} where {owed} is owed", verdict.task))?;
        self.credit(requester, submit.asset, price - paid);
        self.judged(&submit, verdict)
    }

    /// Checks that a verdict is right wherever redundancy promises that: no two liars tell the same lie.
    fn judged(&self, submit: &Submit, verdict: &Verdict) -> Checked {
        let truth: Outcome = load::run(submit).0;
        if submit.redundancy > 1 || verdict.agreeing.len() > 1 {
            ensure(verdict.outcome == truth, || format!("task {} was decided for a lie", verdict.task))?;
        }
        let enough = verdict.agreeing.len() >= usize::from(submit.redundancy);
        ensure(enough, || format!("task {} was decided by too few", verdict.task))?;
        let honest = verdict.dissenting.iter().find(|provider| !self.liars.contains(provider));
        honest.map_or(Ok(()), |honest| Err(Broken(format!("the honest provider {honest} was refuted"))))
    }

    fn slashed(&mut self, cut: &task::Slashed) -> Checked {
        self.tallied.slashed += 1;
        ensure(self.liars.contains(&cut.provider), || format!("the honest provider {} lost its stake", cut.provider))?;
        let (asset, stake) = self.stakes.remove(&cut.provider).unwrap_or((AssetId(Digest::ZERO), 0));
        self.works.remove(&cut.provider);
        let sum = cut.amount.quanta() + cut.returned.quanta();
        ensure(sum == stake, || format!("a stake of {stake} was cut into parts of {sum}"))?;
        self.credit(cut.provider, asset, cut.returned.quanta());
        self.credit(self.treasury, asset, cut.amount.quanta());
        Ok(())
    }

    fn refunded(&mut self, id: TaskId, receipt: &Receipt) -> Checked {
        let (submit, requester, price) = self.end(id)?;
        self.tallied.refunded += 1;
        let told = receipt.events.iter().any(|e| matches!(e, Event::Refunded(r) if r.amount.quanta() == price));
        ensure(told, || format!("task {id} did not give its whole price back"))?;
        self.credit(requester, submit.asset, price);
        Ok(())
    }

    /// Compares the books with the ledger and the ledger with the vault.
    pub(crate) fn books(&self, state: &State, l1: &L1) -> Checked {
        let tokens = load::TOKENS.map(|token| (token, asset_of(token)));
        let mut held: BTreeMap<(AccountId, AssetId), u64> = BTreeMap::new();
        for (key, amount) in state.iter::<Balance>() {
            if tokens.iter().any(|(_, asset)| *asset == key.asset) {
                held.insert((key.account, key.asset), amount.quanta());
            }
        }
        let booked = self.balances.iter().filter(|(_, amount)| **amount > 0).map(|(key, amount)| (*key, *amount));
        let booked: BTreeMap<_, _> = booked.collect();
        for key in booked.keys().chain(held.keys()) {
            ensure(booked.get(key) == held.get(key), || {
                format!("{} holds {:?} and should hold {:?}", key.0, held.get(key), booked.get(key))
            })?;
        }
        for (token, asset) in tokens {
            self.vault(state, l1, token, asset, &held)?;
        }
        self.offers(state)
    }

    fn vault(
        &self,
        state: &State,
        l1: &L1,
        token: EthAddress,
        asset: AssetId,
        held: &BTreeMap<(AccountId, AssetId), u64>,
    ) -> Checked {
        let balances: u64 = held.iter().filter(|(key, _)| key.1 == asset).map(|(_, amount)| amount).sum();
        let tallies = state.iter::<Tally>().filter(|(_, tally)| tally.terms.collateral == asset);
        let tallies: u64 = tallies.map(|(_, tally)| tally.locked.quanta()).sum();
        let unclaimed = self.withdrawals.iter().filter(|w| w.token == token_word(token) && !l1.is_claimed(w.index));
        let unclaimed: u64 = unclaimed.map(|w| w.amount.quanta()).sum();
        let taken = state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
        let waiting: u64 = l1.waiting(taken).filter(|d| d.token == token_word(token)).map(|d| d.amount.quanta()).sum();
        let (owed, locked) = (balances + tallies + unclaimed + waiting, l1.locked(token));
        ensure(owed == locked, || {
            format!(
                "the vault holds {locked} of {token}; owed are {balances} in balances, {tallies} in tallies, \
                 {unclaimed} to be claimed and {waiting} in the inbox"
            )
        })
    }

    /// Checks that every offer counts exactly the open tasks that were given to it.
    fn offers(&self, state: &State) -> Checked {
        for (provider, offer) in state.iter::<Offer>() {
            let works = self.works.get(&provider).map_or(0, BTreeSet::len);
            let counted = usize::try_from(offer.open_tasks).unwrap_or(usize::MAX);
            ensure(counted == works, || {
                format!("the offer of {provider} counts {} open tasks and has {works}", offer.open_tasks)
            })?;
        }
        Ok(())
    }

    /// Checks what must hold when all is quiet.
    pub(crate) fn quiet(&self, state: &State, l1: &L1, disk: &Disk) -> Checked {
        self.all_told(disk)?;
        disk.check_root()?;
        self.books(state, l1)?;
        for (id, book) in &self.tasks {
            ensure(book.ended, || format!("task {id} is neither decided nor refunded"))?;
        }
        for withdrawal in &self.withdrawals {
            ensure(l1.is_claimed(withdrawal.index), || format!("withdrawal {} cannot be claimed", withdrawal.index))?;
        }
        Ok(())
    }
}
