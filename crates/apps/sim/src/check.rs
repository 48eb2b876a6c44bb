//! What must hold.
//!
//! *What was confirmed stands.* A confirmed transaction keeps its block, its place and its receipt for ever, with one
//! exception: L1 dropped messages that the chain took. Then the chain goes back to the end of the last batch that L1
//! still bears out, and
//!
//! - it goes back only if L1's inbox contradicts the next batch, or is too short for it;
//! - every transaction of a block that is taken back is reported as revoked, and nothing else is;
//! - every revoked transaction comes again, before anything that was sent later, in the old order, whatever crashes. It
//!   may be rejected this time. It may stay away only if it cannot be valid any more: L1 brought another transaction of
//!   its signer or took one away, or the operator was asked about that signer and named something else.
//!
//! Nothing acts twice, whether it was revoked or not: an entry is once in the chain, and what a wallet meant is done
//! once, however often it was signed.
//!
//! *A member signs one batch of a number under one history of L1.* It may sign another only after it took its own chain
//! back, and only where L1 contradicts the batch that it signed before.
//!
//! *Value is conserved.* After every block the books, which are kept from receipts alone, agree with the ledger, each
//! asset's supply with those who hold it, and, while L1's inbox is the one that the chain took, the vault with what is
//! owed. L1 pays a withdrawal once, and never lacks what it owes.
//!
//! *L1's account stays within its limits*, by a count that the outbox has no part in.

use crate::books::{Books, Known, Tallied};
use crate::disk::Disk;
use crate::l1::L1;
use crate::load;
use crypto::eth::EthSignature;
use ledger::Message;
use ledger::account::Balance;
use ledger::bridge::{Cursor, Supply, asset_of, token_word};
use ledger::tally::Tally;
use proof::BatchHeader;
use state::State;
use std::collections::{BTreeMap, BTreeSet};
use task::Offer;
use transition::{Block, Entry, Executed, Receipt, Transaction};
use types::{AccountId, AssetId, Decode as _, EthAddress, Height, TransactionId};

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

/// A transaction that was in a block which is no more.
struct Revoked {
    signer: AccountId,
    nonce: u64,
    /// Its place in the line of what is to come again.
    turn: u64,
}

/// A batch that a member signed.
struct Signed {
    signature: EthSignature,
    header: BatchHeader,
}

/// Books and memory, beside the chain.
pub(crate) struct Checker {
    pub(crate) known: Known,
    pub(crate) books: Books,
    told: Vec<Told>,
    /// What was told of blocks that are no more.
    gone: BTreeMap<(TransactionId, Height, u32), Receipt>,
    signed: BTreeMap<(usize, u64), Signed>,
    revoked: BTreeMap<TransactionId, Revoked>,
    /// The turn of the last that came again.
    turn: u64,
    turns: u64,
    /// Whose transactions need not come again: the operator may have had another in their place.
    excused: BTreeSet<AccountId>,
    /// How often the vault was compared with the ledger.
    pub(crate) compared: u64,
}

impl Checker {
    pub(crate) fn new(known: Known) -> Self {
        Self {
            known,
            books: Books::default(),
            told: Vec::new(),
            gone: BTreeMap::new(),
            signed: BTreeMap::new(),
            revoked: BTreeMap::new(),
            turn: 0,
            turns: 0,
            excused: BTreeSet::new(),
            compared: 0,
        }
    }

    pub(crate) fn tallied(&self) -> &Tallied {
        &self.books.tallied
    }

    /// Notes that a wallet signed a transaction to serve an intention.
    pub(crate) fn intended(&mut self, id: TransactionId, intention: u64) {
        self.known.intentions.insert(id, intention);
    }

    /// Notes that the operator was asked about a transaction of this signer.
    pub(crate) fn excuse(&mut self, signer: AccountId) {
        self.excused.insert(signer);
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

    /// Checks what a wallet heard: it stands, or stood when it was said.
    pub(crate) fn heard(
        &mut self,
        disk: &Disk,
        id: TransactionId,
        height: Height,
        position: u32,
        receipt: &Receipt,
    ) -> Checked {
        if self.gone.get(&(id, height, position)) == Some(receipt) {
            return Ok(());
        }
        self.told(disk, id, height, position, receipt)
    }

    fn stands(disk: &Disk, told: &Told) -> Checked {
        let found = disk.receipt(told.height, told.position);
        ensure(found == Some(&told.receipt) && told.receipt.id == told.id.0, || {
            format!("transaction {} was confirmed at {}.{} and is not there", told.id, told.height, told.position)
        })
    }

    /// Checks that nothing that was ever confirmed is lost or moved, but for what was revoked.
    pub(crate) fn all_told(&self, disk: &Disk) -> Checked {
        self.told.iter().try_for_each(|told| Self::stands(disk, told))
    }

    /// Enters a block that was stored.
    pub(crate) fn block(&mut self, executed: &Executed) -> Checked {
        for (entry, receipt) in executed.block.entries.iter().zip(&executed.receipts) {
            if let Entry::Transaction(bytes) = entry {
                let transaction = Transaction::from_bytes(bytes).map_err(|e| Broken(e.to_string()))?;
                self.in_turn(TransactionId(receipt.id), transaction.sender.account())?;
            }
        }
        self.books.block(&self.known, &executed.block, &executed.receipts)
    }

    /// Checks that what was revoked comes again in its turn, and nothing before it.
    fn in_turn(&mut self, id: TransactionId, signer: AccountId) -> Checked {
        if self.excused.contains(&signer) {
            return Ok(());
        }
        let turn = self.revoked.get(&id).map(|revoked| revoked.turn);
        let is_skipped = |revoked: &Revoked| {
            revoked.turn > self.turn
                && turn.is_none_or(|turn| revoked.turn < turn)
                && !self.excused.contains(&revoked.signer)
        };
        let skipped = self.revoked.iter().find(|(_, revoked)| is_skipped(revoked));
        ensure(skipped.is_none() && turn.is_none_or(|turn| turn > self.turn), || {
            let before = skipped.map_or(id, |(skipped, _)| *skipped);
            format!("transaction {before} was revoked, and {id} came before it")
        })?;
        self.turn = self.turn.max(turn.unwrap_or(0));
        Ok(())
    }
}

/// What happens when L1 drops messages.
impl Checker {
    /// Notes that the chain was taken back to what the disk holds now, and checks that there was a reason, and that
    /// exactly what is no more was reported.
    pub(crate) fn rewound(&mut self, disk: &Disk, reported: &[Block], why: &Reason<'_>) -> Checked {
        ensure(why.holds(), || format!("the chain was taken back behind batch {}, for no reason", why.batch))?;
        let head = disk.head().map_or(Height(0), |head| head.height);
        let (stay, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.told).into_iter().partition(|t| t.height <= head);
        self.told = stay;
        let gone_only = reported.iter().all(|block| block.header.height > head);
        ensure(gone_only, || "a block that stays is reported as revoked".into())?;
        self.all_told(disk)?;
        let (mut ids, mut again) = (BTreeSet::new(), Vec::new());
        for entry in reported.iter().flat_map(|block| &block.entries) {
            match entry {
                Entry::Transaction(bytes) => {
                    let transaction = Transaction::from_bytes(bytes).map_err(|e| Broken(e.to_string()))?;
                    let id = transaction.id(&self.known.chain);
                    ids.insert(id);
                    again.push((id, transaction.sender.account(), transaction.nonce));
                }
                Entry::Message(_) => {}
            }
        }
        let unheard = gone.iter().find(|told| !ids.contains(&told.id));
        ensure(unheard.is_none(), || "a confirmed transaction was revoked, and nobody was told".into())?;
        self.gone.extend(gone.into_iter().map(|told| ((told.id, told.height, told.position), told.receipt)));
        // What was revoked before and did not come again yet waits behind.
        let still = self.revoked.iter().filter(|(id, revoked)| revoked.turn > self.turn && !ids.contains(id));
        let mut still: Vec<_> = still.map(|(id, r)| (r.turn, (*id, r.signer, r.nonce))).collect();
        still.sort_by_key(|(turn, _)| *turn);
        again.extend(still.into_iter().map(|(_, revoked)| revoked));
        self.turn = self.turns;
        for (id, signer, nonce) in again {
            self.turns += 1;
            self.revoked.insert(id, Revoked { signer, nonce, turn: self.turns });
        }
        self.reread(disk)
    }

    /// Keeps the books anew, from what the disk holds.
    fn reread(&mut self, disk: &Disk) -> Checked {
        self.books = Books::default();
        for (block, receipts) in disk.blocks.iter().zip(&disk.receipts) {
            self.books.block(&self.known, block, receipts)?;
        }
        Ok(())
    }

    /// Checks that what was revoked came again.
    fn all_again(&self, disk: &Disk) -> Checked {
        for (id, revoked) in &self.revoked {
            let excused = disk.find(*id).is_some() || self.excused.contains(&revoked.signer);
            ensure(excused, || {
                let (signer, nonce) = (revoked.signer, revoked.nonce);
                format!("transaction {id}, number {nonce} of {signer}, was revoked and never came again")
            })?;
        }
        Ok(())
    }

    /// Checks that a member signs one batch for each number under one history of L1.
    pub(crate) fn signed(&mut self, member: usize, header: &BatchHeader, signature: &EthSignature) -> Checked {
        // Signing is deterministic, so two batches give two signatures and one batch gives one.
        let signed = Signed { signature: *signature, header: header.clone() };
        let first = self.signed.entry((member, header.number)).or_insert(signed);
        ensure(first.signature == *signature, || {
            format!("member {member} signed two batches of number {}", header.number)
        })
    }

    /// Notes that a member took its chain back while it saw this of L1: it is free of what that contradicts, and of
    /// nothing else.
    pub(crate) fn member_rewound(&mut self, member: usize, l1: &L1, view: u64) {
        self.signed.retain(|(who, _), signed| {
            *who != member || l1.inbox_hash(view, signed.header.inbox_count) == Some(signed.header.inbox_hash)
        });
    }
}

/// Why the chain is taken back: what L1 shows, and the first batch or block that is to go.
pub(crate) struct Reason<'a> {
    pub(crate) l1: &'a L1,
    /// The newest block that the settler looks at.
    pub(crate) view: u64,
    /// The last batch that stays.
    pub(crate) batch: u64,
    /// The batch after it.
    pub(crate) next: Option<&'a BatchHeader>,
}

impl Reason<'_> {
    fn holds(&self) -> bool {
        self.next.is_some_and(|next| self.l1.inbox_hash(self.view, next.inbox_count) != Some(next.inbox_hash))
    }
}

/// Value.
impl Checker {
    /// Compares the books with the ledger, and the ledger with the vault.
    pub(crate) fn books(&mut self, state: &State, l1: &L1) -> Checked {
        let tokens = load::TOKENS.map(asset_of);
        let mut held: BTreeMap<(AccountId, AssetId), u64> = BTreeMap::new();
        let mut sums: BTreeMap<AssetId, u64> = BTreeMap::new();
        for (key, amount) in state.iter::<Balance>() {
            *sums.entry(key.asset).or_default() += amount.quanta();
            if tokens.contains(&key.asset) || self.books.is_half(key.asset) {
                held.insert((key.account, key.asset), amount.quanta());
            }
        }
        let booked = self.books.balances.iter().filter(|(_, amount)| **amount > 0);
        let booked: BTreeMap<_, _> = booked.map(|(key, amount)| (*key, *amount)).collect();
        for key in booked.keys().chain(held.keys()) {
            ensure(booked.get(key) == held.get(key), || {
                format!("{} holds {:?} and should hold {:?}", key.0, held.get(key), booked.get(key))
            })?;
        }
        for (_, tally) in state.iter::<Tally>() {
            *sums.entry(tally.terms.collateral).or_default() += tally.locked.quanta();
        }
        sums.retain(|_, sum| *sum > 0);
        let supply: BTreeMap<AssetId, u64> =
            state.iter::<Supply>().map(|(asset, amount)| (asset, amount.quanta())).collect();
        ensure(supply == sums, || "an asset's supply is not what is held and locked of it".into())?;
        for token in load::TOKENS {
            self.vault(state, l1, token, sums.get(&asset_of(token)).copied().unwrap_or(0))?;
        }
        self.offers(state)
    }

    fn vault(&mut self, state: &State, l1: &L1, token: EthAddress, owned: u64) -> Checked {
        let (taken, hash) = state.get::<Cursor>(&0).map_or((0, None), |c| (c.inbox_count, Some(c.inbox_hash)));
        if hash.is_some() && l1.inbox_hash(l1.head, taken) != hash {
            // L1 dropped what the chain stands on, and the chain does not know it yet.
            return Ok(());
        }
        self.compared += 1;
        let word = token_word(token);
        let unclaimed = self.books.withdrawals.iter().filter(|w| w.token == word && !l1.is_claimed(w.index));
        let unclaimed: u64 = unclaimed.map(|w| w.amount.quanta()).sum();
        let waiting: u64 = l1
            .waiting(taken)
            .filter_map(|message| match message {
                Message::Deposit(deposit) if deposit.token == word => Some(deposit.amount.quanta()),
                _ => None,
            })
            .sum();
        let (owed, locked) = (owned + unclaimed + waiting, l1.locked(token));
        ensure(owed == locked, || {
            format!(
                "the vault holds {locked} of {token}; owed are {owned} on the ledger, {unclaimed} to be claimed and \
                 {waiting} in the inbox"
            )
        })
    }

    /// Checks that every offer counts exactly the open tasks that were given to it.
    fn offers(&self, state: &State) -> Checked {
        for (provider, offer) in state.iter::<Offer>() {
            let works = self.books.works.get(&provider).map_or(0, BTreeSet::len);
            let counted = usize::try_from(offer.open_tasks).unwrap_or(usize::MAX);
            ensure(counted == works, || {
                format!("the offer of {provider} counts {} open tasks and has {works}", offer.open_tasks)
            })?;
        }
        Ok(())
    }

    /// Checks what must hold when all is quiet.
    pub(crate) fn quiet(&mut self, state: &State, l1: &L1, disk: &Disk) -> Checked {
        self.all_told(disk)?;
        self.all_again(disk)?;
        disk.check_root()?;
        self.books(state, l1)?;
        ensure(self.compared > 0, || "the vault was never compared with the ledger".into())?;
        for (id, book) in &self.books.tasks {
            ensure(book.ended, || format!("task {id} is neither decided nor refunded"))?;
        }
        for withdrawal in &self.books.withdrawals {
            ensure(l1.is_claimed(withdrawal.index), || format!("withdrawal {} cannot be claimed", withdrawal.index))?;
        }
        Ok(())
    }
}
