//! Cutting a batch into jobs, each with the part of the state that it needs.
//!
//! When a batch is sealed the chain has gone on. So the part of the state that the batch touches is taken from the head
//! and taken back to where the batch began, by what the store keeps for that. It counts when it has the batch's own
//! roots.

use crypto::list;
use ledger::bridge::CursorRecord;
use proof::crossing::{Inbox, Message, Withdrawal};
use proof::joined::{Claim, LEAVES_MAX};
use proof::validity::{Outcome, entries};
use prover::{Job, Segment, Touched};
use state::{Beyond, LeafChange, LeafRecord, Overlay, Portion, State};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use tokio::runtime::Handle;
use transition::leaves::{Load, Weight};
use transition::proven::outcome;
use transition::{Batch, Block, ChainConfig, Entry, Event, diff, leaf};
use types::{Digest, Height, choice, record};

/// How often a batch is looked at anew because the chain went on meanwhile, before it has to wait for its next turn.
const ROUNDS: usize = 8;

record! {
    /// A leaf of a batch.
    pub struct PlannedLeaf {
        /// What is to be proven.
        pub claim: Claim,
        /// How many entries it has.
        pub entries: u32,
        /// The messages that they take.
        pub messages: Vec<Message>,
        /// The withdrawals that they make.
        pub withdrawals: Vec<Withdrawal>,
    }
}

record! {
    /// A batch that is to be proven.
    pub struct Planned {
        /// Its leaves, in their order.
        pub leaves: Vec<PlannedLeaf>,
    }
}

record! {
    /// A batch that is not proven.
    pub struct Refused {
        /// Why, in words.
        pub reason: Box<[u8]>,
    }
}

choice! {
    /// How a batch is to be proven.
    pub enum Plan {
        /// In leaves.
        1 => Leaves(Planned),
        /// Not at all.
        2 => Refused(Refused),
    }
}

/// A portion of the state after some block.
pub struct At {
    /// The block.
    pub head: Height,
    /// Its root.
    pub root: Digest,
    /// The portion.
    pub portion: Portion,
}

/// A leaf's key with its path.
pub type Named = (Box<[u8]>, Digest);

/// Who has the state.
pub trait View: Clone + Send + Sync + 'static {
    /// Returns the portion of these leaves after the last block.
    fn portion(&self, keys: Vec<Named>) -> impl Future<Output = Result<At, String>> + Send;
}

/// Why a batch has no plan.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It may have one later.
    #[error("not now: {0}")]
    Later(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What leaves held before a batch.
#[derive(Default)]
struct Before {
    /// Up to which block it is known what changed since.
    upto: Height,
    leaves: diff::Before,
}

impl Before {
    /// Takes in what the blocks up to `head` changed. Of blocks that are gone, or final, nothing is known.
    fn extend(&mut self, store: &Store, head: Height) -> Result<(), Fault> {
        if head <= self.upto {
            return Ok(());
        }
        let Some(undo) = store.undo(self.upto.next(), head)? else {
            let is_final = store.batch(store.finalized()?)?.is_some_and(|batch| batch.last > self.upto);
            let gone = "its blocks are final, and what takes them back is gone: it was sealed before proving kept up";
            return Err(if is_final {
                Fault::Never(gone.to_owned())
            } else {
                Fault::Later("a block is gone".to_owned())
            });
        };
        undo.iter().for_each(|undo| diff::note(&mut self.leaves, undo));
        self.upto = head;
        Ok(())
    }
}

/// The whole state as it was before a batch, leaf by leaf.
struct Past<V> {
    view: V,
    store: Store,
    runtime: Handle,
    before: Mutex<Before>,
    /// What was asked, beside what the batch and later blocks changed.
    asked: Mutex<Vec<Box<[u8]>>>,
    fault: Mutex<Option<Fault>>,
}

impl<V: View> Past<V> {
    fn read(&self, key: &[u8]) -> Result<Option<LeafRecord>, Fault> {
        let path = leaf::path(key).ok_or_else(|| Fault::Never("a leaf is of no known kind".to_owned()))?;
        let asked = self.runtime.block_on(self.view.portion(vec![(key.into(), path)]));
        let At { head, portion, .. } = asked.map_err(Fault::Later)?;
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.extend(&self.store, head)?;
        let now = || portion.leaves.into_iter().next().and_then(|leaf| leaf.record);
        Ok(before.leaves.get(key).cloned().unwrap_or_else(now))
    }
}

impl<V: View> Beyond for Past<V> {
    fn leaf(&self, key: &[u8]) -> Option<LeafRecord> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(key.into());
        self.read(key).unwrap_or_else(|fault| {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            None
        })
    }
}

/// Makes the jobs of a sealed batch. Blocks: to be called where that may be.
pub(super) fn plan<V: View>(
    store: &Store,
    config: &ChainConfig,
    view: &V,
    batch: &Batch,
) -> Result<(Planned, Vec<Job>), Fault> {
    let mut blocks = Vec::new();
    for height in (batch.first.0..=batch.last.0).map(Height) {
        let gone = || Fault::Later(format!("block {height} is gone"));
        blocks.push(store.block(height)?.ok_or_else(gone)?);
    }
    let mut more = Vec::new();
    for _ in 0..ROUNDS {
        let Some((mut state, past)) = parent(store, view, batch, &more)? else { continue };
        let work = Work { config, batch, shown: more.as_slice(), past: &past };
        let done = work.cut(&mut state, &blocks);
        if let Some(fault) = past.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(fault);
        }
        let asked = std::mem::take(&mut *past.asked.lock().unwrap_or_else(PoisonError::into_inner));
        if asked.is_empty() {
            return done;
        }
        more.extend(asked);
    }
    Err(Fault::Later("the chain goes on too fast".to_owned()))
}

/// The state before a batch, and who knows the rest of it.
type Beginning<V> = (State, Arc<Past<V>>);

/// Makes the state before a batch, as far as the batch and later blocks changed it and these keys go. Nothing when the
/// chain went on meanwhile.
fn parent<V: View>(store: &Store, view: &V, batch: &Batch, more: &[Box<[u8]>]) -> Result<Option<Beginning<V>>, Fault> {
    let mut before = Before { upto: Height(batch.first.0 - 1), leaves: diff::Before::new() };
    let head = store.head()?.map_or(Height(0), |head| head.height);
    before.extend(store, head)?;
    let keys = before.leaves.keys().chain(more).map(|key| {
        let path = leaf::path(key).ok_or_else(|| Fault::Never("a leaf is of no known kind".to_owned()))?;
        Ok((key.clone(), path))
    });
    let keys: Vec<Named> = keys.collect::<Result<_, Fault>>()?;
    let runtime = Handle::current();
    let at = runtime.block_on(view.portion(keys)).map_err(Fault::Later)?;
    if at.head != head {
        return Ok(None);
    }
    let undo = before.leaves.iter().map(|(key, record)| LeafChange { key: key.clone(), record: record.clone() });
    let undo: Vec<LeafChange> = undo.collect();
    let (asked, fault) = (Mutex::default(), Mutex::default());
    let past = Past { view: view.clone(), store: store.clone(), runtime, before: Mutex::new(before), asked, fault };
    let past = Arc::new(past);
    let opened = at.portion.open(&at.root, past.clone());
    let mut state = opened.map_err(|why| Fault::Later(why.to_string()))?;
    state.apply(&undo);
    Ok((state.root() == batch.header.parent_root).then_some((state, past)))
}

/// What cutting a batch works with.
struct Work<'a, V> {
    config: &'a ChainConfig,
    batch: &'a Batch,
    /// What is shown beside what changed.
    shown: &'a [Box<[u8]>],
    past: &'a Past<V>,
}

impl<V: View> Work<'_, V> {
    /// Executes the batch leaf by leaf and makes the jobs. The state moves.
    fn cut(&self, state: &mut State, blocks: &[Block]) -> Result<(Planned, Vec<Job>), Fault> {
        let keys = self.keys()?;
        let chain = self.config.hash();
        let (mut leaves, mut jobs) = (Vec::new(), Vec::new());
        for (number, segments) in (0..).zip(cut(blocks)) {
            let (portion, parent_root) = (state.portion(keys.iter().cloned()), state.root());
            let before = stands(state);
            let (outcomes, withdrawals) = self.execute(state, &segments);
            let after = stands(state);
            let claim = Claim {
                chain,
                parent_root,
                state_root: state.root(),
                entries: entries(&outcomes),
                inbox_before: inbox(&before),
                inbox_after: inbox(&after),
                time_before: before.time,
                time_after: after.time,
                withdrawals_root: list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>()),
            };
            let count = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
            leaves.push(PlannedLeaf { claim, entries: count, messages: messages(&segments), withdrawals });
            let value = |record: LeafRecord| record.value;
            let touched =
                portion.leaves.into_iter().map(|leaf| Touched { key: leaf.key, value: leaf.record.map(value) });
            let (batch, touched) = (self.batch.header.number, touched.collect());
            jobs.push(Job { batch, leaf: number, claim, segments, touched, parts: portion.parts });
        }
        if state.root() != self.batch.header.state_root {
            return Err(Fault::Later("its blocks give another root".to_owned()));
        }
        if leaves.len() > LEAVES_MAX {
            return Err(Fault::Never(format!("it would have more than {LEAVES_MAX} leaves: seal smaller batches")));
        }
        Ok((Planned { leaves }, jobs))
    }

    /// Returns the leaves that the batch touches: what it changed, and what it asked beside that.
    fn keys(&self) -> Result<Vec<Named>, Fault> {
        let changed = self.past.store.undo(self.batch.first, self.batch.last)?;
        let changed = changed.ok_or_else(|| Fault::Later("its blocks became final meanwhile".to_owned()))?;
        let changed = changed.into_iter().flatten().map(|change| change.key);
        let named = changed.chain(self.shown.iter().cloned()).filter_map(|key| Some((leaf::path(&key)?, key)));
        let named: BTreeMap<Digest, Box<[u8]>> = named.collect();
        Ok(named.into_iter().map(|(path, key)| (key, path)).collect())
    }

    /// Executes entries, and returns what became of each and what was withdrawn.
    fn execute(&self, state: &mut State, segments: &[Segment]) -> (Vec<Outcome>, Vec<Withdrawal>) {
        let (mut outcomes, mut withdrawals) = (Vec::new(), Vec::new());
        for Segment { time, entries } in segments {
            let executed = transition::execute(state, self.config, None, entries.clone(), *time);
            outcomes.extend(executed.receipts.iter().map(|receipt| outcome(receipt, *time)));
            let events = executed.receipts.into_iter().flat_map(|receipt| receipt.events);
            withdrawals.extend(events.filter_map(|event| match event {
                Event::Withdrawn(withdrawal) => Some(withdrawal),
                _ => None,
            }));
        }
        (outcomes, withdrawals)
    }
}

/// Returns where the ledger stands.
fn stands(state: &State) -> CursorRecord {
    ledger::bridge::cursor(&Overlay::new(state))
}

fn inbox(cursor: &CursorRecord) -> Inbox {
    Inbox { count: cursor.inbox_count, hash: cursor.inbox_hash }
}

fn messages(segments: &[Segment]) -> Vec<Message> {
    let entries = segments.iter().flat_map(|segment| &segment.entries);
    let messages = entries.filter_map(|entry| match entry {
        Entry::Message(message) => Some(message.clone()),
        Entry::Transaction(_) => None,
    });
    messages.collect()
}

/// Cuts blocks into leaves of bounded weight, between entries. A batch without entries is one leaf without any.
fn cut(blocks: &[Block]) -> Vec<Vec<Segment>> {
    let (mut leaves, mut load) = (Vec::<Vec<Segment>>::new(), Load::default());
    for block in blocks {
        let time = block.header.time;
        for (number, entry) in block.entries.iter().enumerate() {
            let begins = load.push(Weight::of(entry));
            if begins {
                leaves.push(Vec::new());
            }
            let leaf = leaves.last_mut().expect("the first entry begins a leaf");
            if begins || number == 0 {
                leaf.push(Segment { time, entries: Vec::new() });
            }
            leaf.last_mut().expect("the first entry begins a segment").entries.push(entry.clone());
        }
    }
    if leaves.is_empty() {
        leaves.push(Vec::new());
    }
    leaves
}
