//! State differences: what a batch changed, short enough to be published on L1, and enough to rebuild the state from
//! nothing else.
//!
//! A changed leaf is named by as many leading bytes of its path as no other leaf shares, because whoever reads has the
//! state before the batch; a new leaf brings its key. Zero bytes of values are left out. Reading is total, and what was
//! read counts only when it gives the root that L1 settled.
//!
//! A batch's withdrawals stand behind its leaves: the tree no longer holds them, and whoever is to be paid needs the whole
//! list for a path to its root.

use crate::batch::withdrawals;
use crate::leaf;
use crate::receipt::Receipt;
use crypto::eth::keccak;
use ledger::Withdrawal;
use ledger::bridge::{Cursor, CursorRecord};
use state::{Leaf as _, LeafChange, LeafRecord, State, shared_bits};
use std::collections::BTreeMap;
use types::{Amount, Bytes32, Decode as _, Digest, EthAddress, limits};

/// What leaves held before the first change of a batch: the key, and the record if there was one.
pub type Before = BTreeMap<Box<[u8]>, Option<LeafRecord>>;

/// Notes what a block's leaves held before it, unless an earlier block of the batch touched them.
pub fn note(before: &mut Before, undo: &[LeafChange]) {
    for change in undo {
        before.entry(change.key.clone()).or_insert_with(|| change.record.clone());
    }
}

/// Returns the most that a leaf can take in a difference, in bytes.
pub fn leaf_bytes_at_most(key: &[u8], record: Option<&LeafRecord>) -> usize {
    // The tag, the longer of key and path, two counts of at most three bytes, and a mask for each eight bytes.
    let value = record.map_or(0, |record| record.value.len() + record.value.len().div_ceil(8));
    7 + key.len().max(PATH_BYTES) + value
}

/// Returns the most that a change can take in a difference, in bytes.
pub fn bytes_at_most(change: &LeafChange) -> usize {
    leaf_bytes_at_most(&change.key, change.record.as_ref())
}

/// Returns the most that the withdrawals of these receipts can take in a difference, in bytes.
pub fn withdrawal_bytes_at_most(receipts: &[Receipt]) -> usize {
    // The tag, a count, and a mask for each eight bytes.
    withdrawals(receipts).count() * (2 + WITHDRAWAL_BYTES + WITHDRAWAL_BYTES.div_ceil(8))
}

/// Why bytes are no state difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end too early, or say something that they cannot.
    #[error("the bytes are no state difference")]
    Malformed,
    /// A prefix names no leaf, or more than one.
    #[error("a changed leaf is not in the state that the difference starts from")]
    Unknown,
    /// A leaf's bytes do not fit its kind.
    #[error("a leaf's bytes do not fit its kind")]
    Leaf,
    /// The ledger counted more or fewer withdrawals.
    #[error("the withdrawals are not those that the ledger counted")]
    Withdrawals,
}

const CHANGED: u8 = 0;
const REMOVED: u8 = 1;
const CREATED: u8 = 2;
const WITHDRAWN: u8 = 3;

/// A withdrawal without its index: recipient, token, amount.
const WITHDRAWAL_BYTES: usize = 20 + 32 + 8;

/// Writes what the leaves in `before` became, and the withdrawals that the receipts tell of. Canonical: one change has one
/// encoding.
pub fn encode(before: &Before, after: &State, receipts: &[Receipt]) -> Vec<u8> {
    let mut changes: Vec<Change<'_>> = before
        .iter()
        .filter_map(|(key, old)| {
            let new = after.record(key);
            let path = old.as_ref().or(new.as_ref())?.path;
            (*old != new).then_some(Change { path, key, is_old: old.is_some(), new })
        })
        .collect();
    changes.sort_unstable_by_key(|change| change.path);
    let removed: Vec<Digest> = changes.iter().filter(|c| c.new.is_none()).map(|c| c.path).collect();
    let mut out = Vec::new();
    for change in &changes {
        change.write(after, &removed, &mut out);
    }
    for withdrawal in withdrawals(receipts) {
        out.push(WITHDRAWN);
        let amount = withdrawal.amount.quanta().to_be_bytes();
        put_value(&[&withdrawal.recipient.0[..], &withdrawal.token.0, &amount].concat(), &mut out);
    }
    out
}

struct Change<'a> {
    path: Digest,
    key: &'a [u8],
    is_old: bool,
    new: Option<LeafRecord>,
}

impl Change<'_> {
    fn write(&self, after: &State, removed: &[Digest], out: &mut Vec<u8>) {
        match (self.is_old, &self.new) {
            (false, Some(new)) => {
                out.push(CREATED);
                put_count(self.key.len(), out);
                out.extend(self.key);
                put_value(&new.value, out);
            }
            (true, Some(new)) => {
                self.write_name(CHANGED, after, removed, out);
                put_value(&new.value, out);
            }
            (true, None) => self.write_name(REMOVED, after, removed, out),
            (false, None) => {}
        }
    }

    /// Writes how a leaf is told apart from every other leaf of the state before: each of those is in the state after,
    /// or among the removed.
    fn write_name(&self, tag: u8, after: &State, removed: &[Digest], out: &mut Vec<u8>) {
        let at = removed.partition_point(|path| *path < self.path);
        let next = if removed.get(at) == Some(&self.path) { at + 1 } else { at };
        let neighbours = [at.checked_sub(1).and_then(|at| removed.get(at)), removed.get(next)];
        let apart = neighbours.into_iter().flatten().map(|path| shared_bits(path, &self.path) + 1);
        let bits = apart.fold(after.unique_bits(&self.path), usize::max);
        let count = bits.div_ceil(8).clamp(1, PATH_BYTES);
        out.push(tag | u8::try_from(count << 2).expect("a path has 32 bytes"));
        out.extend(&self.path.to_be_bytes()[..count]);
    }
}

const PATH_BYTES: usize = limits::PATH_DEPTH / 8;

/// Writes a number in base 128, the low digits first.
fn put_count(mut count: usize, out: &mut Vec<u8>) {
    loop {
        let digit = u8::try_from(count & 0x7f).expect("seven bits");
        count >>= 7;
        if count == 0 {
            return out.push(digit);
        }
        out.push(digit | 0x80);
    }
}

/// Writes bytes by groups of eight: which of them are not zero, then those.
fn put_value(value: &[u8], out: &mut Vec<u8>) {
    put_count(value.len(), out);
    for group in value.chunks(8) {
        let mask = group.iter().enumerate().filter(|(_, byte)| **byte != 0).fold(0u8, |mask, (at, _)| mask | 1 << at);
        out.push(mask);
        out.extend(group.iter().filter(|byte| **byte != 0));
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Fault::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    /// Reads a count of bytes, refusing a longer spelling than needed and more than a leaf can have.
    fn count(&mut self) -> Result<usize, Fault> {
        let mut count = 0usize;
        for shift in (0..28).step_by(7) {
            let digit = self.byte()?;
            count |= usize::from(digit & 0x7f) << shift;
            if digit & 0x80 == 0 {
                let shortest = digit != 0 || shift == 0;
                return if shortest && count <= limits::LEAF_BYTES { Ok(count) } else { Err(Fault::Malformed) };
            }
        }
        Err(Fault::Malformed)
    }

    fn value(&mut self) -> Result<Vec<u8>, Fault> {
        let count = self.count()?;
        let mut value = Vec::with_capacity(count);
        while value.len() < count {
            let mask = self.byte()?;
            let group = (count - value.len()).min(8);
            if group < 8 && mask >> group != 0 {
                return Err(Fault::Malformed);
            }
            for at in 0..group {
                let byte = if mask >> at & 1 == 1 { self.byte()? } else { 0 };
                if byte == 0 && mask >> at & 1 == 1 {
                    return Err(Fault::Malformed);
                }
                value.push(byte);
            }
        }
        Ok(value)
    }
}

/// Returns how many withdrawals the ledger's cursor counts.
fn withdrawals_of(record: &LeafRecord) -> Option<u64> {
    CursorRecord::from_bytes(&record.value).ok().map(|cursor| cursor.withdrawals)
}

fn withdrawal(index: u64, bytes: &[u8]) -> Option<Withdrawal> {
    let (recipient, rest) = bytes.split_at_checked(20)?;
    let (token, amount) = rest.split_at_checked(32)?;
    Some(Withdrawal {
        index,
        recipient: EthAddress(recipient.try_into().ok()?),
        token: Bytes32(token.try_into().ok()?),
        amount: Amount::new(u64::from_be_bytes(amount.try_into().ok()?)).ok()?,
    })
}

/// A state that is rebuilt from differences alone.
#[derive(Default)]
pub struct Rebuilt {
    state: State,
    keys: BTreeMap<Digest, Box<[u8]>>,
}

impl From<State> for Rebuilt {
    /// Goes on from a state that is known.
    fn from(state: State) -> Self {
        let keys = state.records().map(|(key, record)| (record.path, key.into())).collect();
        Self { state, keys }
    }
}

impl Rebuilt {
    /// Reads a whole state, written by [`encode`] as its leaves' difference from nothing and without withdrawals.
    pub fn of_leaves(bytes: &[u8]) -> Option<State> {
        let mut rebuilt = Self::default();
        let (changes, _) = rebuilt.read_leaves(bytes).ok()?;
        rebuilt.state.apply(&changes);
        Some(rebuilt.state)
    }

    /// Returns the state as far as it is rebuilt.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the rebuilt state.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Applies a batch's difference and returns the batch's withdrawals. The caller compares the roots of both with what
    /// settled.
    ///
    /// # Errors
    /// When the bytes are no difference of this state, which is then as before.
    pub fn apply(&mut self, bytes: &[u8]) -> Result<Vec<Withdrawal>, Fault> {
        let (changes, withdrawals) = self.read(bytes)?;
        for change in &changes {
            let known = || self.state.record(&change.key).map(|record| record.path);
            match (change.record.as_ref().map(|record| record.path).or_else(known), &change.record) {
                (Some(path), Some(_)) => drop(self.keys.insert(path, change.key.clone())),
                (Some(path), None) => drop(self.keys.remove(&path)),
                (None, _) => {}
            }
        }
        self.state.apply(&changes);
        Ok(withdrawals)
    }

    fn read(&self, bytes: &[u8]) -> Result<(Vec<LeafChange>, Vec<Withdrawal>), Fault> {
        let (changes, withdrawals) = self.read_leaves(bytes)?;
        let counted = (self.withdrawals()..).nth(withdrawals.len()).ok_or(Fault::Withdrawals)?;
        let cursor = changes.iter().find(|change| change.key.first() == Some(&Cursor::NUMBER));
        let told = match cursor {
            Some(cursor) => cursor.record.as_ref().and_then(withdrawals_of),
            None => Some(self.withdrawals()),
        };
        if told == Some(counted) { Ok((changes, withdrawals)) } else { Err(Fault::Withdrawals) }
    }

    fn withdrawals(&self) -> u64 {
        self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.withdrawals)
    }

    fn read_leaves(&self, bytes: &[u8]) -> Result<(Vec<LeafChange>, Vec<Withdrawal>), Fault> {
        let mut input = Input(bytes);
        let mut withdrawals = Vec::new();
        let mut changes: BTreeMap<Box<[u8]>, LeafChange> = BTreeMap::new();
        while !input.0.is_empty() {
            let head = input.byte()?;
            if !withdrawals.is_empty() && head != WITHDRAWN {
                return Err(Fault::Malformed);
            }
            let change = match head & 3 {
                CREATED if head == CREATED => {
                    let count = input.count()?;
                    let key: Box<[u8]> = input.take(count)?.into();
                    if self.state.record(&key).is_some() {
                        return Err(Fault::Malformed);
                    }
                    let record = leaf::read(&key, &input.value()?).ok_or(Fault::Leaf)?;
                    LeafChange { key, record: Some(record) }
                }
                CHANGED => {
                    let key = self.named(input.take(usize::from(head >> 2))?)?;
                    let record = leaf::read(&key, &input.value()?).ok_or(Fault::Leaf)?;
                    LeafChange { key, record: Some(record) }
                }
                WITHDRAWN if head == WITHDRAWN => {
                    let index = (self.withdrawals()..).nth(withdrawals.len()).ok_or(Fault::Withdrawals)?;
                    withdrawals.push(withdrawal(index, &input.value()?).ok_or(Fault::Malformed)?);
                    continue;
                }
                REMOVED => LeafChange { key: self.named(input.take(usize::from(head >> 2))?)?, record: None },
                _ => return Err(Fault::Malformed),
            };
            if changes.insert(change.key.clone(), change).is_some() {
                return Err(Fault::Malformed);
            }
        }
        Ok((changes.into_values().collect(), withdrawals))
    }

    /// Finds the one leaf whose path begins with these bytes.
    fn named(&self, prefix: &[u8]) -> Result<Box<[u8]>, Fault> {
        if prefix.is_empty() || prefix.len() > PATH_BYTES {
            return Err(Fault::Malformed);
        }
        let mut low = [0; PATH_BYTES];
        low[..prefix.len()].copy_from_slice(prefix);
        // A prefix may end within a limb that no path can have, and then it names nothing.
        let low = Digest::from_be_bytes(&low).ok_or(Fault::Unknown)?;
        let mut found = self.keys.range(low..).take_while(|(path, _)| path.to_be_bytes().starts_with(prefix));
        match (found.next(), found.next()) {
            (Some((_, key)), None) => Ok(key.clone()),
            _ => Err(Fault::Unknown),
        }
    }
}

/// Cuts a difference into the chunks that are published, each in a transaction of its own.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(limits::CHUNK_BYTES)
}

/// Returns the hash of a published difference: of its chunks' hashes, one after the other.
pub fn hash(bytes: &[u8]) -> Bytes32 {
    let hashes: Vec<u8> = chunks(bytes).flat_map(|chunk| keccak(&[chunk]).0).collect();
    keccak(&[&hashes])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Status};
    use ledger::account::{Account, AccountRecord, Balance, BalanceKey};
    use proptest::prelude::*;
    use state::Overlay;
    use types::{AccountId, AssetId};

    fn account(n: u64) -> AccountId {
        AccountId(Digest::new([n, 0, 0, 1]).unwrap())
    }

    /// Sets or removes leaves of two kinds as the numbers say, and notes what they held.
    fn block(state: &mut State, before: &mut Before, steps: &[(u64, u64)]) {
        let mut s = Overlay::new(state);
        for (who, what) in steps {
            let key = BalanceKey { account: account(*who), asset: AssetId(Digest::ZERO) };
            match what {
                0 => s.remove::<Balance>(&key),
                1 => s.remove::<Account>(&account(*who)),
                n if n % 2 == 0 => s.put::<Balance>(&key, &Amount::new(n << 20).unwrap()),
                n => s.put::<Account>(&account(*who), &AccountRecord { keeper: None, nonce: *n }),
            }
        }
        s.keep();
        let changes = s.into_changes();
        let undo = state.undo_of(&changes);
        note(before, &undo);
        state.apply(&changes);
    }

    proptest! {
        /// Whatever blocks make up the batches, their differences alone give the state, batch for batch.
        #[test]
        fn differences_rebuild_the_state(
            batches in prop::collection::vec(prop::collection::vec(prop::collection::vec((0u64..60, 0u64..8), 0..30), 1..4), 1..6)
        ) {
            let (mut state, mut rebuilt) = (State::default(), Rebuilt::default());
            for blocks in batches {
                let mut before = Before::new();
                for steps in &blocks {
                    block(&mut state, &mut before, steps);
                }
                let bytes = encode(&before, &state, &[]);
                rebuilt.apply(&bytes).unwrap();
                prop_assert_eq!(rebuilt.state().root(), state.root());
            }
            prop_assert!(rebuilt.state().records().eq(state.records()));
        }

        /// Any bytes are a difference or none, and a refused one leaves no trace.
        #[test]
        fn reading_is_total(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut state, mut before) = (State::default(), Before::new());
            block(&mut state, &mut before, &[(1, 2), (2, 4), (3, 3)]);
            let mut rebuilt = Rebuilt::default();
            rebuilt.apply(&encode(&before, &state, &[])).unwrap();
            if rebuilt.apply(&bytes).is_err() {
                prop_assert_eq!(rebuilt.state().root(), state.root());
            }
        }

        #[test]
        fn a_changed_byte_is_refused_or_gives_another_root(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let (mut state, mut before) = (State::default(), Before::new());
            block(&mut state, &mut before, &[(1, 2), (2, 4), (3, 3), (4, 6)]);
            let mut rebuilt = Rebuilt::default();
            rebuilt.apply(&encode(&before, &state, &[])).unwrap();
            let mut before = Before::new();
            block(&mut state, &mut before, &[(1, 0), (2, 6), (5, 3)]);
            let mut bytes = encode(&before, &state, &[]);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if rebuilt.apply(&bytes).is_ok() {
                prop_assert_ne!(rebuilt.state().root(), state.root());
            }
        }
    }

    /// Pays out once for each amount, and returns the difference: its leaves and its withdrawals.
    fn withdraw(state: &mut State, amounts: &[u64]) -> (Vec<u8>, Vec<u8>, Vec<Withdrawal>) {
        let mut s = Overlay::new(state);
        let mut cursor = s.get::<Cursor>(&0).unwrap_or(CursorRecord::START);
        let paid: Vec<Withdrawal> = (cursor.withdrawals..)
            .zip(amounts)
            .map(|(index, amount)| Withdrawal {
                index,
                recipient: EthAddress([7; 20]),
                token: Bytes32([u8::try_from(index % 3).unwrap(); 32]),
                amount: Amount::new(*amount).unwrap(),
            })
            .collect();
        cursor.withdrawals += u64::try_from(paid.len()).unwrap();
        s.put::<Cursor>(&0, &cursor);
        s.keep();
        let changes = s.into_changes();
        let mut before = Before::new();
        note(&mut before, &state.undo_of(&changes));
        state.apply(&changes);
        let events = paid.iter().cloned().map(Event::Withdrawn).collect();
        let receipts = [Receipt { id: Digest::ZERO, status: Status::Applied(0), events }];
        let leaves = encode(&before, state, &[]);
        let listed = encode(&before, state, &receipts).split_off(leaves.len());
        assert!(listed.len() <= withdrawal_bytes_at_most(&receipts));
        (leaves, listed, paid)
    }

    #[test]
    fn whoever_has_the_differences_can_claim_every_withdrawal() {
        let (mut state, mut rebuilt) = (State::default(), Rebuilt::default());
        for amounts in [&[5, 6, 7][..], &[], &[1 << 61]] {
            let (leaves, listed, paid) = withdraw(&mut state, amounts);
            assert_eq!(rebuilt.apply(&[leaves, listed].concat()).unwrap(), paid);
            assert_eq!(rebuilt.state().root(), state.root());
        }
    }

    #[test]
    fn withdrawals_are_as_many_as_the_ledger_counts_and_stand_behind_the_leaves() {
        let mut state = State::default();
        let (leaves, listed, _) = withdraw(&mut state, &[5, 6]);
        let read = |parts: &[&[u8]]| Rebuilt::default().apply(&parts.concat());
        assert!(read(&[&leaves, &listed]).is_ok());
        assert_eq!(read(&[&leaves]), Err(Fault::Withdrawals));
        assert_eq!(read(&[&leaves, &listed, &listed]), Err(Fault::Withdrawals));
        assert_eq!(read(&[&listed]), Err(Fault::Withdrawals));
        assert_eq!(read(&[&listed, &leaves]), Err(Fault::Malformed));
    }

    #[test]
    fn a_changed_balance_costs_a_few_bytes() {
        let (mut state, mut before) = (State::default(), Before::new());
        let all: Vec<(u64, u64)> = (0..1_000).map(|n| (n, 2)).collect();
        block(&mut state, &mut before, &all);
        let mut before = Before::new();
        let half: Vec<(u64, u64)> = (0..500).map(|n| (n, 4)).collect();
        block(&mut state, &mut before, &half);
        let bytes = encode(&before, &state, &[]);
        assert!(bytes.len() <= 500 * 7, "{} bytes", bytes.len());
    }
}
