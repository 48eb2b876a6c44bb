//! Blocks: executing entries, and replaying what somebody else executed.

use crate::receipt::{Event, Receipt, Redeemed, Refunded, Status};
use crate::transaction::{Action, Checked, Transaction};
use crate::{ChainConfig, Reject};
use crypto::{Domain, list, poseidon};
use ledger::account::{Account, AccountRecord};
use ledger::{ForcedAction, Message, authority, conservation, tally};
use proof::BlockHeader;
use proof::header::entry_leaf;
use state::{Join, LeafChange, Overlay, Sequential, State};
use task::{Context, Moved, Refusal};
use types::{
    AccountId, Amount, Bytes32, Decode as _, Digest, Encode as _, Height, Millis, TallyId, choice, limits, record,
};

/// Transactions whose check is not shared: enough to hash several at a time.
const CHECKED_TOGETHER: usize = 64;

choice! {
    /// What a block is made of.
    pub enum Entry {
        /// A message of the L1 inbox.
        1 => Message(Message),
        /// The bytes of a transaction, whatever they are.
        2 => Transaction(Box<[u8]>),
    }
}

/// What is handed to [`execute`]: an entry, with the work that was already done on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A message of the L1 inbox.
    Message(Message),
    /// A transaction that was checked.
    Checked(Box<Checked>),
    /// The bytes of a transaction, whatever they are.
    Raw(Box<[u8]>),
}

impl From<Entry> for Incoming {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Message(message) => Self::Message(message),
            Entry::Transaction(bytes) => Self::Raw(bytes),
        }
    }
}

impl Incoming {
    fn into_entry(self) -> Entry {
        match self {
            Self::Message(message) => Entry::Message(message),
            Self::Checked(checked) => Entry::Transaction(checked.into_bytes()),
            Self::Raw(bytes) => Entry::Transaction(bytes),
        }
    }
}

record! {
    /// A block: its header and its entries, in order.
    pub struct Block {
        /// What it commits to.
        pub header: BlockHeader,
        /// What was executed.
        pub entries: Vec<Entry>,
    }
}

/// A block with all that executing it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The block.
    pub block: Block,
    /// One receipt for each entry.
    pub receipts: Vec<Receipt>,
    /// The digests under the entries root: see [`entry_leaves`].
    pub entry_leaves: Vec<Bytes32>,
    /// The leaves that changed, in key order.
    pub changes: Vec<LeafChange>,
    /// What those leaves held before.
    pub undo: Vec<LeafChange>,
}

impl Executed {
    /// Lists the keys of one kind of leaf that the block changed.
    pub fn touched<L: state::Leaf>(&self) -> Vec<L::Key> {
        let of_kind = self.changes.iter().filter(|change| change.key.first() == Some(&L::NUMBER));
        of_kind.filter_map(|change| L::Key::from_bytes(&change.key[1..]).ok()).collect()
    }
}

/// How a block differs from what its entries give: the work of a wrong or dishonest sequencer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It does not follow the head.
    #[error("block {0} does not follow the head")]
    Order(Height),
    /// It has more entries than a block may.
    #[error("block {0} has too many entries")]
    TooLong(Height),
    /// Its time goes backwards.
    #[error("block {0} is older than the one before it")]
    Time(Height),
    /// Its roots are not those of its entries.
    #[error("block {0} does not give the roots that its header claims")]
    Roots(Height),
}

/// Executes entries on top of a head and moves the state there. The result goes to the store before anybody is told.
///
/// # Panics
/// When an asset was made or lost: a fault of ours that must stop the node before it is stored or signed.
pub fn execute<I: Into<Incoming>>(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    entries: Vec<I>,
    now: Millis,
) -> Executed {
    execute_with(state, config, head, entries, now, &Sequential)
}

/// Executes like [`execute`], sharing the checks of signatures and the tree's work.
///
/// # Panics
/// As [`execute`] does.
pub fn execute_with<I: Into<Incoming>>(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    entries: Vec<I>,
    now: Millis,
    join: &dyn Join,
) -> Executed {
    let chain = config.hash();
    let time = now.max(head.map_or(Millis(0), |head| head.time));
    let mut overlay = Overlay::new(state);
    let incoming: Vec<Incoming> = entries.into_iter().map(Into::into).collect();
    let mut verdicts = check_raw(&incoming, &chain, join).into_iter();
    let receipts: Vec<Receipt> = incoming
        .iter()
        .map(|entry| match entry {
            Incoming::Raw(bytes) => {
                let verdict = verdicts.next().expect("a verdict for each of them");
                apply_verdict(&mut overlay, &chain, time, bytes, verdict)
            }
            entry => apply(&mut overlay, &chain, time, entry),
        })
        .collect();
    let changes = finish(overlay, if incoming.is_empty() { None } else { Some(time) });
    close(state, head, Done { time, incoming, receipts, changes }, join)
}

/// Checks the bytes that nobody checked, sharing the work.
fn check_raw(entries: &[Incoming], chain: &Digest, join: &dyn Join) -> Vec<Result<Checked, Reject>> {
    let raw = entries.iter().filter_map(|entry| match entry {
        Incoming::Raw(bytes) => Some(&**bytes),
        Incoming::Message(_) | Incoming::Checked(_) => None,
    });
    check_shared(&raw.collect::<Vec<_>>(), chain, join)
}

fn check_shared(all: &[&[u8]], chain: &Digest, join: &dyn Join) -> Vec<Result<Checked, Reject>> {
    if all.len() <= CHECKED_TOGETHER {
        return Transaction::check_all(all, chain);
    }
    let (first, second) = all.split_at(all.len() / 2);
    let (mut checked, mut rest) = (Vec::new(), Vec::new());
    join.join(&mut || checked = check_shared(first, chain, join), &mut || rest = check_shared(second, chain, join));
    checked.append(&mut rest);
    checked
}

/// What [`execute_or_leave`] left out: a checked transaction, and why it would have been rejected.
pub type Left = (Checked, u32);

/// Executes like [`execute`], but leaves out every checked transaction that would be rejected: it uses no nonce up and is
/// in no block. For an operator who offers another transaction in its place.
///
/// # Panics
/// As [`execute`] does.
pub fn execute_or_leave(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    entries: Vec<Incoming>,
    now: Millis,
    join: &dyn Join,
) -> (Option<Executed>, Vec<Left>) {
    let chain = config.hash();
    let time = now.max(head.map_or(Millis(0), |head| head.time));
    let mut overlay = Overlay::new(state);
    let (mut taken, mut receipts, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        if let Incoming::Checked(checked) = &entry
            && let Err(code) = attempt(&mut overlay, &chain, time, checked).map(|receipt| receipts.push(receipt))
        {
            left.push((*checked.clone(), code));
            continue;
        }
        if !matches!(entry, Incoming::Checked(_)) {
            receipts.push(apply(&mut overlay, &chain, time, &entry));
        }
        taken.push(entry);
    }
    if taken.is_empty() {
        return (None, left);
    }
    let changes = finish(overlay, Some(time));
    (Some(close(state, head, Done { time, incoming: taken, receipts, changes }, join)), left)
}

/// Applies a transaction or leaves no trace of it at all.
fn attempt(s: &mut Overlay<'_>, chain: &Digest, now: Millis, checked: &Checked) -> Result<Receipt, u32> {
    let done = take_nonce(s, checked).map_err(Reject::code);
    match done.and_then(|()| act(s, chain, now, checked).map_err(Refusal::code)) {
        Ok(events) => {
            s.keep();
            Ok(applied(checked.id().0, events))
        }
        Err(code) => {
            s.discard();
            Err(code)
        }
    }
}

/// Notes the entries' time, if there are entries, checks that nothing was made or lost, and returns what changed.
fn finish(mut overlay: Overlay<'_>, time: Option<Millis>) -> Vec<LeafChange> {
    if let Some(time) = time {
        ledger::bridge::stamp(&mut overlay, time);
        overlay.keep();
    }
    if let Err(imbalance) = conservation::check(&overlay) {
        panic!("value is not conserved: {imbalance:?}");
    }
    overlay.into_changes()
}

/// What executing gave, before the state moves.
struct Done {
    time: Millis,
    incoming: Vec<Incoming>,
    receipts: Vec<Receipt>,
    changes: Vec<LeafChange>,
}

/// Moves the state and makes the block.
fn close(state: &mut State, head: Option<&BlockHeader>, done: Done, join: &dyn Join) -> Executed {
    let Done { time, incoming, receipts, changes } = done;
    let undo = state.undo_of(&changes);
    state.apply_with(&changes, join);
    let entries: Vec<Entry> = incoming.into_iter().map(Incoming::into_entry).collect();
    let entry_leaves = entry_leaves(&entries, &receipts);
    let header = BlockHeader {
        height: head.map_or(Height(1), |head| head.height.next()),
        parent: head.map_or(Bytes32::ZERO, BlockHeader::hash),
        time,
        state_root: state.root(),
        entries_root: list::root(&entry_leaves),
    };
    Executed { block: Block { header, entries }, receipts, entry_leaves, changes, undo }
}

/// Returns the leaf digests under a block's entries root, of which paths are made.
pub fn entry_leaves(entries: &[Entry], receipts: &[Receipt]) -> Vec<Bytes32> {
    let pairs = entries.iter().zip(receipts);
    pairs.map(|(entry, receipt)| entry_leaf(&entry.to_bytes(), &receipt.to_bytes())).collect()
}

/// Executes a block that somebody else made and compares every root.
///
/// # Errors
/// When it is not the next block or its header does not hold. The state is then spoiled: the caller stops or rebuilds.
pub fn replay(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    block: &Block,
) -> Result<Executed, Mismatch> {
    replay_with(state, config, head, block, &Sequential)
}

/// Replays as [`replay`] does, sharing the checks of signatures and the tree's work.
///
/// # Errors
/// As [`replay`] does.
pub fn replay_with(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    block: &Block,
    join: &dyn Join,
) -> Result<Executed, Mismatch> {
    let height = block.header.height;
    let follows = height == head.map_or(Height(1), |head| head.height.next())
        && block.header.parent == head.map_or(Bytes32::ZERO, BlockHeader::hash);
    if !follows {
        return Err(Mismatch::Order(height));
    }
    if block.entries.len() > limits::BLOCK_ENTRIES {
        return Err(Mismatch::TooLong(height));
    }
    if head.is_some_and(|head| block.header.time < head.time) {
        return Err(Mismatch::Time(height));
    }
    let executed = execute_with(state, config, head, block.entries.clone(), block.header.time, join);
    if executed.block.header == block.header { Ok(executed) } else { Err(Mismatch::Roots(height)) }
}

fn apply(s: &mut Overlay<'_>, chain: &Digest, now: Millis, entry: &Incoming) -> Receipt {
    match entry {
        Incoming::Message(message) => apply_message(s, chain, now, message),
        Incoming::Checked(checked) => apply_transaction(s, chain, now, checked),
        Incoming::Raw(bytes) => apply_bytes(s, chain, now, bytes),
    }
}

fn rejected(id: Digest, code: u32) -> Receipt {
    Receipt { id, status: Status::Rejected(code), events: Vec::new() }
}

fn applied(id: Digest, events: Vec<Event>) -> Receipt {
    Receipt { id, status: Status::Applied(0), events }
}

fn apply_message(s: &mut Overlay<'_>, chain: &Digest, now: Millis, message: &Message) -> Receipt {
    let id = message.id();
    if let Err(reject) = ledger::bridge::take(s, message) {
        s.discard();
        return rejected(id, reject.code());
    }
    // The message is taken whatever becomes of what it asks: one that cannot be done must not stop the inbox.
    s.keep();
    let done = match message {
        Message::Deposit(deposit) => ledger::bridge::deposit(s, deposit)
            .map(|()| vec![Event::Deposited(deposit.clone())])
            .map_err(ledger::Reject::code),
        Message::Withdrawal(forced) => ledger::bridge::withdraw_forced(s, forced)
            .map(|paid| vec![Event::Withdrawn(paid)])
            .map_err(ledger::Reject::code),
        Message::Action(forced) => act_forced(s, chain, now, &id, forced),
    };
    match done {
        Ok(events) => {
            s.keep();
            applied(id, events)
        }
        Err(code) => {
            s.discard();
            rejected(id, code)
        }
    }
}

/// Does what an account's owner demanded on L1, with all authority over the account, whoever keeps it.
fn act_forced(
    s: &mut Overlay<'_>,
    chain: &Digest,
    now: Millis,
    id: &Digest,
    forced: &ForcedAction,
) -> Result<Vec<Event>, u32> {
    let action = Action::forced(&forced.elements).ok_or(Reject::NotForcible.code())?;
    let context = Context { chain: *chain, now, id: *id, sender: forced.account };
    perform(s, &context, &action).map_err(Refusal::code)
}

fn apply_bytes(s: &mut Overlay<'_>, chain: &Digest, now: Millis, bytes: &[u8]) -> Receipt {
    apply_verdict(s, chain, now, bytes, Transaction::check(bytes, chain))
}

/// Applies what the check of these bytes found.
fn apply_verdict(
    s: &mut Overlay<'_>,
    chain: &Digest,
    now: Millis,
    bytes: &[u8],
    verdict: Result<Checked, Reject>,
) -> Receipt {
    match verdict {
        Ok(checked) => apply_transaction(s, chain, now, &checked),
        Err(reject) => {
            let elements: Vec<u64> = bytes.iter().map(|byte| u64::from(*byte)).collect();
            rejected(poseidon::hash(Domain::Transaction, &elements), reject.code())
        }
    }
}

fn apply_transaction(s: &mut Overlay<'_>, chain: &Digest, now: Millis, checked: &Checked) -> Receipt {
    let id = checked.id().0;
    if let Err(reject) = take_nonce(s, checked) {
        return rejected(id, reject.code());
    }
    // The nonce is used up, whatever becomes of the action: a rejected transaction can never be applied later.
    s.keep();
    match act(s, chain, now, checked) {
        Ok(events) => {
            s.keep();
            applied(id, events)
        }
        Err(refusal) => {
            s.discard();
            rejected(id, refusal.code())
        }
    }
}

/// Uses the signer's nonce up.
fn take_nonce(s: &mut Overlay<'_>, checked: &Checked) -> Result<(), Reject> {
    let (account, given) = (checked.signer(), checked.transaction().nonce);
    let record = s.get::<Account>(&account).unwrap_or_default();
    let nonce = record.nonce;
    if given < nonce {
        return Err(Reject::NonceTooLow);
    }
    if given > nonce {
        return Err(Reject::NonceTooHigh);
    }
    s.put::<Account>(&account, &AccountRecord { nonce: nonce + 1, ..record });
    Ok(())
}

/// Finds the account that a transaction acts for, and checks that its signer may.
fn acting_for(s: &Overlay<'_>, now: Millis, checked: &Checked) -> Result<AccountId, ledger::Reject> {
    let tx = checked.transaction();
    let account = tx.on_behalf.unwrap_or(checked.signer());
    let authority = authority::authority(s, account, checked.signer(), now)?;
    if authority < tx.action.needs(account) { Err(ledger::Reject::SessionTooNarrow) } else { Ok(account) }
}

fn act(s: &mut Overlay<'_>, chain: &Digest, now: Millis, checked: &Checked) -> Result<Vec<Event>, Refusal> {
    let sender = acting_for(s, now, checked)?;
    let context = Context { chain: *chain, now, id: checked.id().0, sender };
    perform(s, &context, &checked.transaction().action)
}

/// Does what is asked by whoever may.
fn perform(s: &mut Overlay<'_>, context: &Context, action: &Action) -> Result<Vec<Event>, Refusal> {
    let (sender, now) = (context.sender, context.now);
    match action {
        Action::Transfer(tx) => ledger::account::transfer(s, sender, tx)?,
        Action::Withdraw(tx) => return Ok(vec![Event::Withdrawn(ledger::bridge::withdraw(s, sender, tx)?)]),
        Action::Rekey(tx) => authority::rekey(s, sender, tx),
        Action::Authorise(tx) => authority::authorise(s, sender, tx, now)?,
        Action::Revoke(tx) => authority::revoke(s, sender, tx)?,
        Action::Split(tx) => return Ok(vec![Event::Split(tally::split_by(s, sender, tx)?)]),
        Action::Merge(tx) => return Ok(vec![redeemed(tx.tally, tally::merge_by(s, sender, tx)?)]),
        Action::Resolve(tx) => tally::resolve_by(s, sender, tx, now)?,
        Action::Redeem(tx) => return Ok(vec![redeemed(tx.tally, tally::redeem(s, sender, tx.tally)?)]),
        Action::Reclaim(tx) => tally::reclaim_by(s, tx, now)?,
        Action::Publish(tx) => task::program::publish(s, context, tx)?,
        Action::MakeOffer(tx) => task::offer::offer(s, context, tx)?,
        Action::Retire(_) => task::offer::retire(s, context)?,
        Action::Submit(tx) => return Ok(vec![Event::Submitted(task::submit(s, context, tx)?)]),
        Action::Assign(tx) => task::assign(s, context, tx)?,
        Action::Commit(tx) => task::commit(s, context, tx)?,
        Action::Deliver(tx) => task::deliver(s, context, tx)?,
        Action::Decide(tx) => {
            let moved = task::verdict::decide(s, context, tx)?;
            let event = |moved| match moved {
                Moved::Paid(paid) => Event::Paid(paid),
                Moved::Slashed(slashed) => Event::Slashed(slashed),
            };
            return Ok(moved.into_iter().map(event).collect());
        }
        Action::Refund(tx) => {
            let amount = task::refund(s, context, tx)?;
            return Ok(vec![Event::Refunded(Refunded { task: tx.task, amount })]);
        }
    }
    Ok(Vec::new())
}

fn redeemed(tally: TallyId, amount: Amount) -> Event {
    Event::Redeemed(Redeemed { tally, amount })
}
