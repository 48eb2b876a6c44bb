//! Blocks: executing entries, and replaying what somebody else executed.

use crate::receipt::{Event, Receipt, Refunded, Status};
use crate::transaction::{Action, Transaction};
use crate::{ChainConfig, Reject};
use crypto::{Domain, list, poseidon};
use ledger::account::{Account, AccountRecord};
use ledger::{Deposit, conservation};
use proof::BlockHeader;
use proof::header::entry_leaf;
use state::{LeafChange, Overlay, State};
use task::{Context, Moved, Refusal};
use types::{Bytes32, Decode as _, Digest, Encode as _, Height, Millis, choice, limits, record};

choice! {
    /// What a block is made of.
    pub enum Entry {
        /// An L1 inbox message.
        1 => Deposit(Deposit),
        /// The bytes of a transaction, whatever they are.
        2 => Transaction(Box<[u8]>),
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
    /// The leaves that changed, in key order.
    pub changes: Vec<LeafChange>,
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
pub fn execute(
    state: &mut State,
    config: &ChainConfig,
    head: Option<&BlockHeader>,
    entries: Vec<Entry>,
    now: Millis,
) -> Executed {
    let chain = config.hash();
    let time = now.max(head.map_or(Millis(0), |head| head.time));
    let mut overlay = Overlay::new(state);
    let receipts: Vec<Receipt> = entries.iter().map(|entry| apply(&mut overlay, &chain, time, entry)).collect();
    if let Err(imbalance) = conservation::check(&overlay) {
        panic!("value is not conserved: {imbalance:?}");
    }
    let changes = overlay.into_changes();
    state.apply(&changes);
    let leaves: Vec<Bytes32> = entries
        .iter()
        .zip(&receipts)
        .map(|(entry, receipt)| entry_leaf(&entry.to_bytes(), &receipt.to_bytes()))
        .collect();
    let header = BlockHeader {
        height: head.map_or(Height(1), |head| head.height.next()),
        parent: head.map_or(Bytes32::ZERO, BlockHeader::hash),
        time,
        state_root: state.root(),
        entries_root: list::root(&leaves),
    };
    Executed { block: Block { header, entries }, receipts, changes }
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
    let executed = execute(state, config, head, block.entries.clone(), block.header.time);
    if executed.block.header == block.header { Ok(executed) } else { Err(Mismatch::Roots(height)) }
}

fn apply(s: &mut Overlay<'_>, chain: &Digest, now: Millis, entry: &Entry) -> Receipt {
    match entry {
        Entry::Deposit(deposit) => apply_deposit(s, deposit),
        Entry::Transaction(bytes) => apply_transaction(s, chain, now, bytes),
    }
}

fn rejected(id: Digest, code: u32) -> Receipt {
    Receipt { id, status: Status::Rejected(code), events: Vec::new() }
}

fn applied(id: Digest, events: Vec<Event>) -> Receipt {
    Receipt { id, status: Status::Applied(0), events }
}

fn apply_deposit(s: &mut Overlay<'_>, deposit: &Deposit) -> Receipt {
    let id = poseidon::hash_of(Domain::Transaction, deposit);
    if let Err(reject) = ledger::bridge::take(s, deposit) {
        s.discard();
        return rejected(id, reject.code());
    }
    // The message is taken whatever becomes of the credit: a message that cannot be credited must not stop the inbox.
    s.keep();
    match ledger::bridge::deposit(s, deposit) {
        Ok(()) => {
            s.keep();
            applied(id, vec![Event::Deposited(deposit.clone())])
        }
        Err(reject) => {
            s.discard();
            rejected(id, reject.code())
        }
    }
}

fn apply_transaction(s: &mut Overlay<'_>, chain: &Digest, now: Millis, bytes: &[u8]) -> Receipt {
    let tx = match Transaction::check(bytes, chain) {
        Ok(tx) => tx,
        Err(reject) => {
            let elements: Vec<u64> = bytes.iter().map(|byte| u64::from(*byte)).collect();
            return rejected(poseidon::hash(Domain::Transaction, &elements), reject.code());
        }
    };
    let id = tx.id(chain).0;
    if let Err(reject) = take_nonce(s, &tx) {
        return rejected(id, reject.code());
    }
    let context = Context { chain: *chain, now, id, sender: tx.sender.account() };
    match act(s, &context, &tx.action) {
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

/// Uses the nonce up, whatever becomes of the action: a rejected transaction can never be applied later.
fn take_nonce(s: &mut Overlay<'_>, tx: &Transaction) -> Result<(), Reject> {
    let account = tx.sender.account();
    let nonce = s.get::<Account>(&account).map_or(0, |record| record.nonce);
    if tx.nonce < nonce {
        return Err(Reject::NonceTooLow);
    }
    if tx.nonce > nonce {
        return Err(Reject::NonceTooHigh);
    }
    s.put::<Account>(&account, &AccountRecord { key: tx.sender.clone(), nonce: nonce + 1 });
    s.keep();
    Ok(())
}

fn act(s: &mut Overlay<'_>, context: &Context, action: &Action) -> Result<Vec<Event>, Refusal> {
    let sender = context.sender;
    match action {
        Action::Transfer(tx) => ledger::account::transfer(s, sender, tx)?,
        Action::Withdraw(tx) => return Ok(vec![Event::Withdrawn(ledger::bridge::withdraw(s, sender, tx)?)]),
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
