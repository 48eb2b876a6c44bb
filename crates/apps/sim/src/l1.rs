//! A model of the base chain: blocks that may be reorganised away, and the contracts: the inbox with its rolling hash,
//! the rollup's checks, the vault. What the settler's account sends and pays is in [`account`].
//!
//! Nothing in a contract's storage is ever overwritten, so that a reorganisation only cuts off the ends of lists. No
//! reorganisation is deeper than [`FINAL`], and L1 never comes back to an inbox that it has left for another one. If it
//! did, a batch that nobody follows any more could settle after all, and the settler would stop, as it should: that is an
//! operator's business and not the simulator's.

pub(crate) mod account;

use crate::check::{Broken, Checked, ensure};
use crate::faults::{Fault, Faults};
use crate::load;
use account::Account;
use crypto::eth::keccak;
use crypto::list;
use ledger::bridge::token_word;
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Message, Withdrawal};
use proof::{Anchor, BatchHeader};
use settler::part::{Evidenced, Part};
use state::{LeafChange, State};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use transition::diff;
use types::{AccountId, ActionElements, Amount, Bytes32, Digest, EthAddress};

/// How many blocks on top make a block final: no reorganisation goes deeper.
pub(crate) const FINAL: u64 = 12;

/// What somebody other than the settler sends to L1.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// Locks value in the vault for an account.
    Deposit { account: AccountId, token: EthAddress, amount: Amount },
    /// Demands value as the account's owner.
    ForceWithdrawal { account: AccountId, token: EthAddress, amount: Amount, recipient: EthAddress },
    /// Demands an action as the account's owner.
    ForceAction { account: AccountId, elements: ActionElements },
    /// Claims a withdrawal.
    Claim(Box<Claim>),
}

/// A withdrawal with what proves it.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The batch that it is in.
    pub(crate) header: BatchHeader,
    pub(crate) withdrawal: Withdrawal,
    pub(crate) position: u64,
    pub(crate) path: Vec<Bytes32>,
}

/// Something with the block that it is in.
struct At<T> {
    block: u64,
    what: T,
}

/// Where and how a batch settled.
pub(crate) struct Settled {
    pub(crate) header: BatchHeader,
    pub(crate) transaction: Bytes32,
    chunks: Vec<Bytes32>,
}

/// Why a transaction of the settler did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revert {
    /// The base chain's own reasons.
    Fault,
    /// The batch does not continue what is settled, or its chunks are not there: an earlier transaction is missing.
    Order(&'static str),
    /// The batch stands on messages that the inbox does not have.
    Inbox,
    /// Anything else. No honest node sends such a thing.
    Wrong(String),
}

/// What a block did that somebody outside looks at.
pub(crate) enum Happened {
    Settled(Box<BatchHeader>),
    Reverted { batch: u64, why: Revert },
    Claimed { claim: Box<Claim>, paid: Checked, due: bool },
}

/// What a reorganisation took away.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    pub(crate) settlements: usize,
    /// Whether the inbox is another one now, or shorter for a while.
    pub(crate) inbox_changed: bool,
}

/// The base chain.
pub(crate) struct L1 {
    anchor: Anchor,
    data_on_l1: bool,
    genesis_root: Digest,
    pub(crate) head: u64,
    /// How many reorganisations there were: a block's hash tells them apart.
    pub(crate) forks: u64,
    /// The inbox's hashes that a reorganisation cut off, by the number of messages.
    cut_off: BTreeMap<usize, BTreeSet<Bytes32>>,
    /// Those of them that another message took the place of, for good.
    left: BTreeSet<Bytes32>,
    block_hashes: Vec<At<Bytes32>>,
    inbox: Vec<At<Message>>,
    hashes: Vec<Bytes32>,
    settled: Vec<At<Settled>>,
    published: Vec<At<(Bytes32, Vec<u8>)>>,
    claimed: Vec<At<Box<Claim>>>,
    /// What waits for a block, with the first block that takes it.
    waiting: VecDeque<At<Call>>,
    pub(crate) account: Account,
}

fn cut<T>(list: &mut Vec<At<T>>, keep: u64) -> Vec<At<T>> {
    let from = list.partition_point(|at| at.block <= keep);
    list.split_off(from)
}

fn count_at<T>(list: &[At<T>], block: u64) -> usize {
    list.partition_point(|at| at.block <= block)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn place(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl L1 {
    pub(crate) fn new(anchor: Anchor, genesis_root: Digest, data_on_l1: bool, account: Account) -> Self {
        Self {
            anchor,
            data_on_l1,
            genesis_root,
            head: 0,
            forks: 0,
            cut_off: BTreeMap::new(),
            left: BTreeSet::new(),
            block_hashes: Vec::new(),
            inbox: Vec::new(),
            hashes: vec![Bytes32::ZERO],
            settled: Vec::new(),
            published: Vec::new(),
            claimed: Vec::new(),
            waiting: VecDeque::new(),
            account,
        }
    }

    /// Takes a call into the pool.
    pub(crate) fn send(&mut self, call: Call) {
        let block = self.head + 1;
        self.waiting.push_back(At { block, what: call });
    }

    /// Says whether somebody's call is in no block yet.
    pub(crate) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Makes a block.
    pub(crate) fn mine(&mut self, faults: &mut Faults) -> Vec<Happened> {
        self.head += 1;
        let mut happened = Vec::new();
        let hash = keccak(&[b"block", &self.head.to_be_bytes(), &self.forks.to_be_bytes()]);
        self.block_hashes.push(At { block: self.head, what: hash });
        let (ready, later) =
            std::mem::take(&mut self.waiting).into_iter().partition(|at: &At<Call>| at.block <= self.head);
        self.waiting = later;
        for At { what, .. } in ready {
            happened.extend(self.execute(what));
        }
        let base_fee = self.account.next_base_fee();
        while let Some(next) = self.account.next(base_fee) {
            let part = next.part();
            let done = match &part {
                _ if faults.strikes(Fault::SettlementReverted) => Err(Revert::Fault),
                Ok(Part::Chunk(chunk)) => {
                    self.published.push(At { block: self.head, what: (keccak(&[&chunk.bytes]), chunk.bytes.to_vec()) });
                    Ok(())
                }
                Ok(Part::Settle(evidenced)) => self.settle(evidenced, next.transaction),
                Ok(_) => Err(Revert::Wrong("nothing is proven or claimed on this L1".to_owned())),
                Err(what) => Err(Revert::Wrong(what.clone())),
            };
            self.account.mined(&next, self.head, hash, done.is_ok());
            match (part, done) {
                (Ok(Part::Settle(evidenced)), Ok(())) => {
                    happened.push(Happened::Settled(Box::new(evidenced.header)));
                }
                (Ok(_) | Err(_), Ok(())) => {}
                (part, Err(why)) => {
                    let batch = part.map_or(0, |part| part.batch());
                    happened.push(Happened::Reverted { batch, why });
                }
            }
        }
        happened
    }

    fn execute(&mut self, call: Call) -> Option<Happened> {
        let index = number(self.inbox.len());
        let other = other_than(&call);
        let message = match call {
            Call::Deposit { account, token, amount } => {
                let (token, sender) = (token_word(token), EthAddress([0xaa; 20]));
                Message::Deposit(Deposit { index, account, token, amount, sender })
            }
            Call::ForceWithdrawal { account, token, amount, recipient } => {
                let token = token_word(token);
                Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient })
            }
            Call::ForceAction { account, elements } => Message::Action(ForcedAction { index, account, elements }),
            Call::Claim(claim) => {
                let settled = self.settled_header(claim.header.number) == Some(&claim.header);
                let due = settled && !self.is_claimed(claim.withdrawal.index);
                let paid = self.claim(&claim);
                return Some(Happened::Claimed { claim, paid, due });
            }
        };
        let hash = message.hash_after(self.hashes.last().unwrap_or(&Bytes32::ZERO));
        if self.left.contains(&hash) {
            return other.and_then(|other| self.execute(other));
        }
        self.hashes.push(hash);
        let cut_off = self.cut_off.get(&self.inbox.len()).into_iter().flatten();
        self.left.extend(cut_off.filter(|cut_off| **cut_off != hash));
        self.inbox.push(At { block: self.head, what: message });
        None
    }

    fn settle(&mut self, evidenced: &Evidenced, transaction: Bytes32) -> Result<(), Revert> {
        self.check(evidenced)?;
        let (header, chunks) = (evidenced.header.clone(), evidenced.chunks.clone());
        self.settled.push(At { block: self.head, what: Settled { header, transaction, chunks } });
        Ok(())
    }

    /// Checks what the rollup checks before it settles a batch.
    fn check(&self, evidenced: &Evidenced) -> Result<(), Revert> {
        let Evidenced { header, chunks, evidence } = evidenced;
        let wrong = |what: &str| Err(Revert::Wrong(format!("batch {}: {what}", header.number)));
        if header.config_hash != self.anchor.config_hash {
            return wrong("it is of another configuration");
        }
        if header.number != self.number() + 1 {
            return Err(Revert::Order("its number does not follow"));
        }
        let last = self.settled.last().map(|at| &at.what.header);
        if header.parent_root != last.map_or(self.genesis_root, |last| last.state_root) {
            return Err(Revert::Order("its parent root is not the settled root"));
        }
        let hash = self.hashes.get(place(header.inbox_count));
        if header.inbox_count < last.map_or(0, |last| last.inbox_count) || hash != Some(&header.inbox_hash) {
            return Err(Revert::Inbox);
        }
        let is_there = |chunk: &Bytes32| self.published.iter().any(|at| at.what.0 == *chunk);
        if !chunks.iter().all(is_there) {
            return Err(Revert::Order("a chunk is not published"));
        }
        let joined: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.0).collect();
        let expected = if self.data_on_l1 { keccak(&[&joined]) } else { Bytes32::ZERO };
        if header.diff_hash != expected || (!self.data_on_l1 && !chunks.is_empty()) {
            return wrong("its chunks are not its difference");
        }
        let accepted = self.anchor.committee.accepts(&header.digest(&self.anchor.domain), evidence);
        accepted.map_err(|refusal| Revert::Wrong(format!("batch {}: {refusal}", header.number)))
    }

    /// Says whether a transaction of the settler would do what it should on the newest state.
    pub(crate) fn would(&self, part: &Part) -> bool {
        match part {
            Part::Chunk(_) => true,
            Part::Settle(evidenced) => self.check(evidenced).is_ok(),
            _ => false,
        }
    }

    /// Pays a withdrawal out, once.
    fn claim(&mut self, claim: &Claim) -> Checked {
        let Claim { header, withdrawal, position, path } = claim;
        let token = load::TOKENS.into_iter().find(|token| token_word(*token) == withdrawal.token);
        let token = token.ok_or_else(|| Broken("the vault holds no such token".into()))?;
        let root = self.settled_header(header.number).map_or(Bytes32::ZERO, |settled| settled.withdrawals_root);
        ensure(!self.is_claimed(withdrawal.index), || "claimed before".into())?;
        ensure(list::verifies(&withdrawal.leaf(), *position, path, &root), || "the path does not hold".into())?;
        let holds = self.locked(token) >= withdrawal.amount.quanta();
        ensure(holds, || "the vault holds less than is claimed".into())?;
        self.claimed.push(At { block: self.head, what: Box::new(claim.clone()) });
        Ok(())
    }
}

/// Reorganisations.
impl L1 {
    /// Returns how many blocks a reorganisation may replace.
    pub(crate) fn reach(&self) -> u64 {
        self.head.min(FINAL)
    }

    /// Cuts blocks off. What they held waits for a block again, but for what is lost on the way. The caller makes at
    /// least as many new blocks.
    pub(crate) fn reorganise(&mut self, depth: u64, faults: &mut Faults) -> Dropped {
        let keep = self.head.saturating_sub(depth);
        self.forks += 1;
        cut(&mut self.block_hashes, keep);
        let settlements = cut(&mut self.settled, keep).len();
        cut(&mut self.published, keep);
        let claims = cut(&mut self.claimed, keep);
        let messages = cut(&mut self.inbox, keep);
        for (at, hash) in (self.inbox.len()..).zip(self.hashes.split_off(self.inbox.len() + 1)) {
            self.cut_off.entry(at).or_default().insert(hash);
        }
        self.account.reorganise(keep, faults);
        self.head = keep;
        let before = messages.len();
        let calls = messages.into_iter().map(|At { what, .. }| call_of(what)).collect();
        let (calls, held_until, changed) = rearranged(calls, keep, depth, faults);
        for call in calls.into_iter().rev() {
            self.waiting.push_front(At { block: held_until, what: call });
        }
        let again = claims.into_iter().map(|At { what, .. }| At { block: keep + 1, what: Call::Claim(what) });
        self.waiting.extend(again);
        Dropped { settlements, inbox_changed: changed && before > 0 }
    }
}

/// Returns the call that somebody makes when this one must not come again: of another amount, or none.
fn other_than(call: &Call) -> Option<Call> {
    let mut other = call.clone();
    match &mut other {
        Call::Deposit { amount, .. } | Call::ForceWithdrawal { amount, .. } => {
            *amount = load::amount(amount.quanta() + 1);
            Some(other)
        }
        Call::ForceAction { .. } | Call::Claim(_) => None,
    }
}

/// Turns a message back into the call that made it.
fn call_of(message: Message) -> Call {
    match message {
        Message::Deposit(Deposit { account, token, amount, .. }) => {
            let token = load::TOKENS.into_iter().find(|known| token_word(*known) == token).unwrap_or(EthAddress::ZERO);
            Call::Deposit { account, token, amount }
        }
        Message::Withdrawal(ForcedWithdrawal { account, token, amount, recipient, .. }) => {
            let token = load::TOKENS.into_iter().find(|known| token_word(*known) == token).unwrap_or(EthAddress::ZERO);
            Call::ForceWithdrawal { account, token, amount, recipient }
        }
        Message::Action(ForcedAction { account, elements, .. }) => Call::ForceAction { account, elements },
    }
}

/// Decides what becomes of the messages of dropped blocks: which come again, in which order, from which block on.
/// Says whether the inbox may differ from before.
fn rearranged(mut calls: Vec<Call>, keep: u64, depth: u64, faults: &mut Faults) -> (Vec<Call>, u64, bool) {
    let at_once = keep + 1;
    if calls.is_empty() {
        return (calls, at_once, false);
    }
    let victim = place(faults.length_ms(0, number(calls.len())));
    match faults.length_ms(0, 10) {
        0 | 1 => {
            faults.count(Fault::MessagesLost);
            calls.remove(victim);
            (calls, at_once, true)
        }
        2 | 3 if calls.len() > 1 => {
            faults.count(Fault::MessagesSwapped);
            let other = (victim + 1) % calls.len();
            calls.swap(victim, other);
            (calls, at_once, true)
        }
        4 | 5 => {
            faults.count(Fault::MessagesChanged);
            if let Call::Deposit { amount, .. } | Call::ForceWithdrawal { amount, .. } = &mut calls[victim] {
                *amount = load::amount(amount.quanta() / 2 + 1);
            } else {
                calls.remove(victim);
            }
            (calls, at_once, true)
        }
        6 | 7 => {
            faults.count(Fault::MessagesLate);
            (calls, keep + depth + faults.length_ms(1, LATE_BLOCKS), true)
        }
        _ => (calls, at_once, false),
    }
}

/// For how many blocks messages may stay away that come again: shorter than anybody's patience.
const LATE_BLOCKS: u64 = 8;

/// What readers are told.
impl L1 {
    /// Returns the last block that is as deep as a reader looks.
    pub(crate) fn view(&self, confirmations: u64) -> u64 {
        self.head.saturating_sub(confirmations)
    }

    /// Returns the inbox from a place on, as of a block.
    pub(crate) fn messages(&self, view: u64, from: u64) -> Vec<Message> {
        let until = count_at(&self.inbox, view);
        let from = place(from).min(until);
        self.inbox[from..until].iter().map(|at| at.what.clone()).collect()
    }

    /// Returns the inbox's rolling hash after a number of messages, as of a block.
    pub(crate) fn inbox_hash(&self, view: u64, count: u64) -> Option<Bytes32> {
        let queued = count_at(&self.inbox, view);
        if place(count) > queued { None } else { self.hashes.get(place(count)).copied() }
    }

    /// Returns the messages from a place on, as of the newest block.
    pub(crate) fn waiting(&self, from: u64) -> impl Iterator<Item = &Message> {
        self.inbox.iter().skip(place(from)).map(|at| &at.what)
    }

    /// Returns the last settled number, as of the newest block.
    pub(crate) fn number(&self) -> u64 {
        number(self.settled.len())
    }

    /// Returns the last settled number with its state root, as of a block.
    pub(crate) fn settled(&self, view: u64) -> (u64, Digest) {
        let count = count_at(&self.settled, view);
        let root = count.checked_sub(1).map_or(self.genesis_root, |at| self.settled[at].what.header.state_root);
        (number(count), root)
    }

    /// Returns where a batch settled, as of a block.
    pub(crate) fn settlement(&self, view: u64, number: u64) -> Option<(u64, &Settled)> {
        let at = self.settled.get(place(number.checked_sub(1)?))?;
        (at.block <= view).then_some((at.block, &at.what))
    }

    pub(crate) fn settled_header(&self, number: u64) -> Option<&BatchHeader> {
        self.settlement(self.head, number).map(|(_, settled)| &settled.header)
    }

    pub(crate) fn is_claimed(&self, index: u64) -> bool {
        self.claimed.iter().any(|at| at.what.withdrawal.index == index)
    }

    /// Returns what the vault holds of a token.
    pub(crate) fn locked(&self, token: EthAddress) -> u64 {
        let word = token_word(token);
        let deposited: u64 = self
            .inbox
            .iter()
            .filter_map(|at| match &at.what {
                Message::Deposit(deposit) if deposit.token == word => Some(deposit.amount.quanta()),
                _ => None,
            })
            .sum();
        let paid: u64 = self
            .claimed
            .iter()
            .map(|at| &at.what.withdrawal)
            .filter(|w| w.token == word)
            .map(|w| w.amount.quanta())
            .sum();
        deposited - paid
    }

    /// Rebuilds the state from nothing but what was published here, and checks every settled root.
    pub(crate) fn check_published(&self, genesis: &[LeafChange]) -> Checked {
        if !self.data_on_l1 {
            return Ok(());
        }
        let mut rebuilt = diff::Rebuilt::default();
        let apply = |rebuilt: &mut diff::Rebuilt, bytes: &[u8]| {
            rebuilt.apply(bytes).map_err(|fault| Broken(format!("the published differences do not read: {fault}")))
        };
        let mut state = State::default();
        state.apply(genesis);
        let before = genesis.iter().map(|change| (change.key.clone(), None)).collect();
        apply(&mut rebuilt, &diff::encode(&before, &state, &[]))?;
        for At { what: settled, .. } in &self.settled {
            let mut bytes = Vec::new();
            for chunk in &settled.chunks {
                let found = self.published.iter().find(|at| at.what.0 == *chunk);
                bytes.extend(&found.ok_or_else(|| Broken("a chunk is not published".into()))?.what.1);
            }
            apply(&mut rebuilt, &bytes)?;
            ensure(rebuilt.state().root() == settled.header.state_root, || {
                format!("what is published of batch {} does not give its root", settled.header.number)
            })?;
        }
        Ok(())
    }
}
