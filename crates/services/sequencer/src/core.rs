//! The sequencer's decisions.

use crate::alternative::{Asked, Questions};
use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use crypto::list::Tree;
use ledger::Message;
use ledger::account::Account;
use ledger::bridge::Cursor;
use proof::confirmation::SignedHeader;
use proof::{BatchHeader, BlockHeader};
use state::{Join, Sequential, State};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use transition::diff::{self, Before};
use transition::leaves::{Load, Weight};
use transition::{Batch, BatchInput, Block, ChainConfig, Checked, Executed, Incoming, Receipt, Reject};
use types::{AccountId, Bytes32, Digest, Height, Millis, TransactionId, limits};

pub use crate::alternative::{OnTimeout, Questioning};

/// What happens to the sequencer.
#[derive(Debug)]
pub enum Input {
    /// A transaction whose shape and signature were checked; `ticket` names who waits for the answer.
    Submit {
        /// Returned with the answer.
        ticket: u64,
        /// The transaction.
        transaction: Box<Checked>,
    },
    /// Confirmed messages of the L1 inbox, in order. Those already known are passed over.
    Messages(Vec<Message>),
    /// The operator's answer to [`Effect::Ask`]: what shall stand in the place of a transaction, in order. A second answer
    /// for one transaction changes nothing.
    Alternative {
        /// The transaction that was asked about.
        id: TransactionId,
        /// What takes its place; nothing drops it.
        transactions: Vec<Checked>,
    },
    /// Time passes: make a block of what waits, seal a batch that is due.
    Tick,
}

/// A stored transaction's place and receipt, with the sequencer's signature on its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The transaction.
    pub id: TransactionId,
    /// Its block.
    pub height: Height,
    /// Its place in the block.
    pub position: u32,
    /// What became of it.
    pub receipt: Receipt,
    /// The path to the block's entries root.
    pub path: Vec<Bytes32>,
    /// The block's header, signed.
    pub block: Arc<SignedHeader>,
}

/// What the sequencer wants done, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Store a block. The next effects count on it.
    Commit(Box<Executed>),
    /// Tell the sender of a ticket what became of its transaction.
    Confirm {
        /// Whose answer.
        ticket: u64,
        /// The answer.
        confirmed: Box<Confirmed>,
    },
    /// Tell the sender of a ticket that its transaction was not taken into a block.
    Refuse {
        /// Whose answer.
        ticket: u64,
        /// The transaction.
        id: TransactionId,
        /// Why: a code of any rule.
        code: u32,
    },
    /// Tell the sender of a ticket to come back later: too much is waiting.
    Busy {
        /// Whose answer.
        ticket: u64,
    },
    /// Ask the operator what shall stand in the place of a transaction that would be rejected. Asked again until
    /// answered or out of time.
    Ask {
        /// The transaction.
        transaction: Box<Checked>,
        /// Why it would be rejected.
        code: u32,
    },
    /// Tell the operator that no transaction is taken any more until this one's question is answered.
    Halted {
        /// The transaction.
        id: TransactionId,
    },
    /// Store a sealed batch, with the state difference that is published.
    Seal {
        /// The batch.
        batch: Box<Batch>,
        /// The difference; `None` when it stays with the committee.
        diff: Option<Vec<u8>>,
    },
}

/// When a batch is sealed, and what happens to transactions that would be rejected. The operator's choice: no rule of
/// the chain depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How old a batch may grow.
    pub batch_age: Millis,
    /// How long nothing may come before a batch is sealed though it is younger; `None` to wait for its age.
    pub batch_idle: Option<Millis>,
    /// Whether batches settle by their proofs. Then none holds more than one proof's evidence and its provers can take.
    pub by_proof: bool,
    /// How many leaves of such a proof a batch may have, [`limits::BATCH_LEAVES`] at most.
    pub batch_leaves: usize,
    /// How many entries a block may hold, [`limits::BLOCK_ENTRIES`] at most.
    pub block_entries: usize,
    /// How many entries a batch may hold before it is sealed at the end of the block.
    pub batch_entries: usize,
    /// How large its state difference may grow before it is sealed at the end of the block, in bytes at most.
    pub batch_bytes: usize,
    /// Asks the operator for alternatives; without it a rejected transaction is a rejected receipt.
    pub questioning: Option<Questioning>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            batch_age: Millis(500),
            batch_idle: None,
            by_proof: false,
            batch_leaves: limits::BATCH_LEAVES,
            block_entries: limits::BLOCK_ENTRIES,
            batch_entries: 65_536,
            batch_bytes: 4_000_000,
            questioning: None,
        }
    }
}

/// A transaction that waits for the next block.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Who waits for the answer; `None` when it was answered before, or came from the operator.
    pub ticket: Option<u64>,
    pub transaction: Box<Checked>,
}

/// What the batch under way can still hold, where batches settle by their proofs.
struct Room {
    load: Option<Load>,
    leaves: usize,
    attestation: usize,
    is_full: bool,
}

impl Room {
    fn of(sequencer: &Sequencer) -> Self {
        let load = sequencer.policy.by_proof.then_some(sequencer.unsealed.load);
        let attestation = sequencer.config.committee.members.len() * size_of::<EthSignature>();
        Self { load, leaves: sequencer.policy.batch_leaves, attestation, is_full: false }
    }

    /// Takes an entry in, if it fits. Whatever comes first has room in a batch without any.
    fn takes(&mut self, weight: impl FnOnce() -> Weight) -> bool {
        let Some(load) = &mut self.load else { return true };
        let before = *load;
        load.push(weight());
        if before.is_empty() || load.fits(self.leaves, self.attestation) {
            return true;
        }
        *load = before;
        self.is_full = true;
        false
    }
}

impl Waiting {
    fn weight(&self) -> Weight {
        Weight::of_action(&self.transaction.transaction().action, self.transaction.bytes().len())
    }
}

/// A transaction that is in the block that is being made.
struct Taken {
    ticket: Option<u64>,
    id: TransactionId,
}

/// Blocks that no batch holds yet.
#[derive(Default)]
struct Unsealed {
    blocks: Vec<Block>,
    receipts: Vec<Receipt>,
    before: Before,
    bytes: usize,
    /// What it takes to prove them, where batches settle by their proofs.
    load: Load,
    /// Whether what waits first has no room in their batch.
    is_full: bool,
}

impl Unsealed {
    fn push(&mut self, executed: &Executed) {
        self.blocks.push(executed.block.clone());
        self.receipts.extend(executed.receipts.iter().cloned());
        diff::note(&mut self.before, &executed.undo);
        self.bytes += executed.changes.iter().map(diff::bytes_at_most).sum::<usize>();
        self.bytes += diff::withdrawal_bytes_at_most(&executed.receipts);
    }

    /// Adds what it takes to prove a block.
    fn weigh(&mut self, block: &Block, receipts: &[Receipt]) {
        self.load.extend(&block.entries, receipts);
    }
}

/// What a restart finds in the store.
#[derive(Default)]
pub struct Restored {
    /// The state after the last block.
    pub state: State,
    /// The last block's header.
    pub head: Option<BlockHeader>,
    /// The last sealed batch's header.
    pub batch: Option<BatchHeader>,
    /// The blocks after it.
    pub blocks: Vec<Block>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
    /// What the leaves that they changed held before them.
    pub before: Before,
}

/// The one writer of the chain.
pub struct Sequencer {
    config: ChainConfig,
    policy: Policy,
    key: Arc<SecretKey>,
    chain: Digest,
    genesis_root: Digest,
    state: State,
    head: Option<BlockHeader>,
    batch: Option<BatchHeader>,
    unsealed: Unsealed,
    queue: VecDeque<Waiting>,
    inbox: VecDeque<Message>,
    questions: Questions,
    join: Arc<dyn Join + Send>,
}

impl Sequencer {
    /// Takes up from what the store holds.
    ///
    /// # Panics
    /// When the restored state's root is not the head's: the store is damaged, and going on would sign nonsense. When the
    /// key is not the one that the configuration names: nobody would believe its confirmations.
    pub fn restore(config: ChainConfig, policy: Policy, key: Arc<SecretKey>, restored: Restored) -> Self {
        let mut genesis = State::default();
        genesis.apply(&transition::genesis(&config));
        let genesis_root = genesis.root();
        // What the store has before the first block is the genesis too; nothing has it, where there is no store.
        let is_new = restored.head.is_none() && restored.state.is_empty();
        let state = if is_new { genesis } else { restored.state };
        let expected = restored.head.as_ref().map_or(genesis_root, |head| head.state_root);
        assert_eq!(state.root(), expected, "the stored leaves give the root of the stored head");
        assert_eq!(key.public(), config.sequencer, "the key is the one that the chain's configuration names");
        let (blocks, receipts, before) = (restored.blocks, restored.receipts, restored.before);
        let leaves = before.keys().map(|key| diff::leaf_bytes_at_most(key, state.record(key).as_ref()));
        let bytes = leaves.sum::<usize>() + diff::withdrawal_bytes_at_most(&receipts);
        let mut load = Load::default();
        if policy.by_proof {
            let mut rest = receipts.as_slice();
            for block in &blocks {
                let (own, after) = rest.split_at(block.entries.len());
                load.extend(&block.entries, own);
                rest = after;
            }
        }
        Self {
            chain: config.hash(),
            config,
            policy,
            key,
            genesis_root,
            state,
            head: restored.head,
            batch: restored.batch,
            unsealed: Unsealed { blocks, receipts, before, bytes, load, is_full: false },
            queue: VecDeque::new(),
            inbox: VecDeque::new(),
            questions: Questions::default(),
            join: Arc::new(Sequential),
        }
    }

    /// Shares the tree's work as `join` does it. The results are the same.
    pub fn sharing(mut self, join: Arc<dyn Join + Send>) -> Self {
        self.join = join;
        self
    }

    /// Returns the chain's configuration.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Returns the state after the last block.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Lets go of what the state's cache may not hold, now that the store has the leaves of all blocks up to `stored`.
    pub fn trim(&mut self, stored: Height) {
        self.state.trim(self.head.as_ref().map_or(Height(0), |head| head.height), stored);
    }

    /// Returns the last block's header.
    pub fn head(&self) -> Option<&BlockHeader> {
        self.head.as_ref()
    }

    /// Returns the last sealed batch's header.
    pub fn batch(&self) -> Option<&BatchHeader> {
        self.batch.as_ref()
    }

    /// Returns the state root before the first block.
    pub fn genesis_root(&self) -> Digest {
        self.genesis_root
    }

    /// Returns how many transactions wait for a block.
    pub fn queued(&self) -> usize {
        self.queue.len() + self.questions.len()
    }

    /// Returns when the oldest block that no batch holds was made.
    pub fn unsealed_since(&self) -> Option<Millis> {
        self.unsealed.blocks.first().map(|block| block.header.time)
    }

    /// Returns how many inbox messages the chain has taken or holds ready.
    pub fn inbox_next(&self) -> u64 {
        let taken = self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
        self.inbox.back().map_or(taken, |last| last.index() + 1)
    }

    /// Takes over what waits for a block in another sequencer, but not the messages of L1.
    pub fn take_queue_of(&mut self, other: &mut Self) {
        self.queue = std::mem::take(&mut other.queue);
        self.questions = std::mem::take(&mut other.questions);
    }

    /// Signs a stored block's header.
    pub fn sign(&self, header: BlockHeader) -> SignedHeader {
        SignedHeader::sign(&self.key, &self.chain, header)
    }

    /// Puts the transactions of blocks that were taken back in front of the queue, in their order. Those that somebody
    /// waits for come after them.
    pub fn requeue(&mut self, transactions: Vec<Checked>) {
        for transaction in transactions.into_iter().rev() {
            self.queue.push_front(Waiting { ticket: None, transaction: Box::new(transaction) });
        }
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        match input {
            Input::Submit { ticket, transaction } => self.admit(ticket, transaction),
            Input::Messages(messages) => {
                for message in messages {
                    if message.index() == self.inbox_next() {
                        self.inbox.push_back(message);
                    }
                }
                Vec::new()
            }
            Input::Alternative { id, transactions } => self.replace(id, transactions),
            Input::Tick => {
                let mut effects = self.overdue(now);
                if !self.questions.halt(now) {
                    effects.extend(self.block(now));
                }
                effects.extend(self.seal(now));
                effects
            }
        }
    }

    fn admit(&mut self, ticket: u64, transaction: Box<Checked>) -> Vec<Effect> {
        if self.queued() >= limits::QUEUE_TRANSACTIONS {
            return vec![Effect::Busy { ticket }];
        }
        let waiting = Waiting { ticket: Some(ticket), transaction };
        // Whoever's earlier transaction is in question waits behind it.
        if let Err(waiting) = self.questions.defer(waiting) {
            self.queue.push_back(waiting);
        }
        Vec::new()
    }

    /// Makes a block of what waits: L1 messages first, so that nobody can crowd them out.
    fn block(&mut self, now: Millis) -> Vec<Effect> {
        let mut entries: Vec<Incoming> = Vec::new();
        let most = self.policy.block_entries.clamp(2, limits::BLOCK_ENTRIES);
        let mut room = Room::of(self);
        while entries.len() < most / 2 {
            let Some(message) = self.inbox.pop_front_if(|message| room.takes(|| Weight::of_message(message))) else {
                break;
            };
            entries.push(Incoming::Message(message));
        }
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        let mut nonces: BTreeMap<AccountId, u64> = BTreeMap::new();
        while entries.len() < most && !room.is_full {
            let Some(waiting) = self.queue.pop_front() else { break };
            let account = waiting.transaction.signer();
            let stored = || self.state.get::<Account>(&account).map_or(0, |record| record.nonce);
            let next = nonces.entry(account).or_insert_with(stored);
            let reject = match waiting.transaction.transaction().nonce.cmp(next) {
                std::cmp::Ordering::Less => Some(Reject::NonceTooLow),
                std::cmp::Ordering::Greater => Some(Reject::NonceTooHigh),
                std::cmp::Ordering::Equal => None,
            };
            if let Some(reject) = reject {
                refused.push((waiting, reject));
                continue;
            }
            if !room.takes(|| waiting.weight()) {
                self.queue.push_front(waiting);
                break;
            }
            *next += 1;
            taken.push(Taken { ticket: waiting.ticket, id: waiting.transaction.id() });
            entries.push(Incoming::Checked(waiting.transaction));
        }
        self.unsealed.is_full = room.is_full;
        let mut effects = match (entries.is_empty(), &self.policy.questioning) {
            (true, _) => Vec::new(),
            (false, None) => self.execute(now, entries, taken),
            (false, Some(questioning)) => {
                let questioning = questioning.clone();
                self.execute_or_ask(now, entries, taken, &questioning)
            }
        };
        // After the block: bytes that came twice are refused the second time, and that answer is looked up in the
        // store. Looked up too early it would be a refusal, and the sender would sign the same wish again.
        for (waiting, reject) in refused {
            // A copy of what is in question now is no answer to it.
            if let Err(waiting) = self.questions.defer(waiting) {
                effects.extend(waiting.refusal(reject.code()));
            }
        }
        effects
    }

    fn execute(&mut self, now: Millis, entries: Vec<Incoming>, taken: Vec<Taken>) -> Vec<Effect> {
        let executed =
            transition::execute_with(&mut self.state, &self.config, self.head.as_ref(), entries, now, &*self.join);
        self.commit(executed, &taken)
    }

    /// Executes what can be applied, and asks about the rest. Transactions of one signer stay in their order: those
    /// behind one that is asked about wait with it.
    fn execute_or_ask(
        &mut self,
        now: Millis,
        entries: Vec<Incoming>,
        mut taken: Vec<Taken>,
        questioning: &Questioning,
    ) -> Vec<Effect> {
        let head = self.head.as_ref();
        let (executed, left) =
            transition::execute_or_leave(&mut self.state, &self.config, head, entries, now, &*self.join);
        let mut effects = Vec::new();
        for (checked, code) in left {
            let Some(at) = taken.iter().position(|taken| taken.id == checked.id()) else { continue };
            let waiting = Waiting { ticket: taken.remove(at).ticket, transaction: Box::new(checked) };
            if let Err(waiting) = self.questions.defer(waiting) {
                effects.push(Effect::Ask { transaction: waiting.transaction.clone(), code });
                self.questions.ask(Asked::new(waiting, code, now, questioning));
            }
        }
        let mut done = executed.map(|executed| self.commit(executed, &taken)).unwrap_or_default();
        done.extend(effects);
        done
    }

    fn commit(&mut self, executed: Executed, taken: &[Taken]) -> Vec<Effect> {
        let header = executed.block.header.clone();
        let tree = Tree::new(&executed.entry_leaves);
        let block = Arc::new(SignedHeader::sign(&self.key, &self.chain, header.clone()));
        let messages = executed.receipts.len() - taken.len();
        let confirm = |((at, receipt), taken): ((usize, &Receipt), &Taken)| {
            let confirmed = Confirmed {
                id: taken.id,
                height: header.height,
                position: u32::try_from(at).expect("a block has few entries"),
                receipt: receipt.clone(),
                path: tree.path(at).expect("every entry has a path"),
                block: Arc::clone(&block),
            };
            taken.ticket.map(|ticket| Effect::Confirm { ticket, confirmed: Box::new(confirmed) })
        };
        let places = executed.receipts.iter().enumerate().skip(messages);
        let confirmations: Vec<Effect> = places.zip(taken).filter_map(confirm).collect();
        self.head = Some(header);
        self.unsealed.push(&executed);
        if self.policy.by_proof {
            self.unsealed.weigh(&executed.block, &executed.receipts);
        }
        let mut effects = vec![Effect::Commit(Box::new(executed))];
        effects.extend(confirmations);
        effects
    }

    /// Puts the operator's transactions where the one in question stood, and what waited behind it after them.
    fn replace(&mut self, id: TransactionId, transactions: Vec<Checked>) -> Vec<Effect> {
        let Some(asked) = self.questions.take(id) else { return Vec::new() };
        let (refusals, dependents) = asked.parted();
        for waiting in dependents.into_iter().rev() {
            self.queue.push_front(waiting);
        }
        self.requeue(transactions);
        refusals
    }

    /// Deals with questions that nobody answered in time.
    fn overdue(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        for asked in self.questions.overdue(now) {
            match asked.on_timeout {
                OnTimeout::Drop => {
                    let (refusals, dependents) = asked.parted();
                    effects.extend(refusals);
                    self.queue.extend(dependents);
                }
                OnTimeout::Quarantine => {
                    let code = asked.code;
                    let (refusals, dependents) = asked.parted();
                    effects.extend(refusals);
                    effects.extend(dependents.into_iter().filter_map(|waiting| waiting.refusal(code)));
                }
                OnTimeout::Halt => unreachable!("a question that halts the chain is never overdue"),
            }
        }
        effects.extend(self.questions.repeat(now));
        effects
    }

    fn seal(&mut self, now: Millis) -> Option<Effect> {
        let (first, last) = (self.unsealed.blocks.first()?, self.unsealed.blocks.last()?);
        let is_idle = |idle: Millis| now >= last.header.time.after(idle);
        let due = now >= first.header.time.after(self.policy.batch_age)
            || self.policy.batch_idle.is_some_and(is_idle)
            || self.unsealed.is_full
            || self.unsealed.blocks.len() >= limits::BATCH_BLOCKS
            || self.unsealed.receipts.len() >= self.policy.batch_entries
            || self.unsealed.bytes >= self.policy.batch_bytes;
        if !due {
            return None;
        }
        let unsealed = std::mem::take(&mut self.unsealed);
        let diff = self.config.rules.data_on_l1;
        let diff = diff.then(|| diff::encode(&unsealed.before, &self.state, &unsealed.receipts));
        let batch = transition::seal(&BatchInput {
            config_hash: self.chain,
            parent: self.batch.as_ref(),
            genesis_root: self.genesis_root,
            blocks: &unsealed.blocks,
            receipts: &unsealed.receipts,
            diff: diff.as_deref(),
        });
        self.batch = Some(batch.header.clone());
        Some(Effect::Seal { batch: Box::new(batch), diff })
    }
}

#[cfg(test)]
pub(crate) mod tests;
