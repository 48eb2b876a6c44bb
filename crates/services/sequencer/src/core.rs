//! The sequencer's decisions.

use ledger::Deposit;
use ledger::account::Account;
use ledger::bridge::Cursor;
use proof::{BatchHeader, BlockHeader};
use state::State;
use std::collections::{BTreeMap, VecDeque};
use transition::{Batch, BatchInput, Block, ChainConfig, Entry, Executed, Receipt, Reject, Transaction};
use types::{AccountId, Digest, Encode as _, Height, Millis, TransactionId, limits};

/// What happens to the sequencer.
// An input is made, taken and gone: boxing a transaction would cost an allocation and save nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Input {
    /// A transaction whose shape and signature were checked; `ticket` names who waits for the answer.
    Submit {
        /// Returned with the answer.
        ticket: u64,
        /// The transaction.
        transaction: Transaction,
    },
    /// Confirmed messages of the L1 inbox, in order. Those already known are passed over.
    Deposits(Vec<Deposit>),
    /// Time passes: make a block of what waits, seal a batch that is old enough.
    Tick,
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
        /// The transaction.
        id: TransactionId,
        /// Its block.
        height: Height,
        /// Its place in the block.
        position: u32,
        /// What became of it.
        receipt: Receipt,
    },
    /// Tell the sender of a ticket that its transaction was not taken into a block.
    Refuse {
        /// Whose answer.
        ticket: u64,
        /// The transaction.
        id: TransactionId,
        /// Why.
        reject: Reject,
    },
    /// Tell the sender of a ticket to come back later: too much is waiting.
    Busy {
        /// Whose answer.
        ticket: u64,
    },
    /// Store a sealed batch.
    Seal(Box<Batch>),
}

/// What waits for the next block.
struct Waiting {
    ticket: u64,
    id: TransactionId,
    transaction: Transaction,
}

/// Blocks that no batch holds yet.
#[derive(Default)]
struct Unsealed {
    blocks: Vec<Block>,
    receipts: Vec<Receipt>,
}

/// What a restart finds in the store.
pub struct Restored {
    /// All leaves.
    pub state: State,
    /// The last block's header.
    pub head: Option<BlockHeader>,
    /// The last sealed batch's header.
    pub batch: Option<BatchHeader>,
    /// The blocks after it.
    pub blocks: Vec<Block>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
}

/// The one writer of the chain.
pub struct Sequencer {
    config: ChainConfig,
    chain: Digest,
    genesis_root: Digest,
    state: State,
    head: Option<BlockHeader>,
    batch: Option<BatchHeader>,
    unsealed: Unsealed,
    queue: VecDeque<Waiting>,
    inbox: VecDeque<Deposit>,
}

impl Sequencer {
    /// Takes up from what the store holds.
    ///
    /// # Panics
    /// When the restored state's root is not the head's: the store is damaged, and going on would sign nonsense.
    pub fn restore(config: ChainConfig, restored: Restored) -> Self {
        let mut genesis = State::default();
        genesis.apply(&transition::genesis(&config));
        let genesis_root = genesis.root();
        let state = if restored.head.is_none() { genesis } else { restored.state };
        let expected = restored.head.as_ref().map_or(genesis_root, |head| head.state_root);
        assert_eq!(state.root(), expected, "the stored leaves give the root of the stored head");
        Self {
            chain: config.hash(),
            config,
            genesis_root,
            state,
            head: restored.head,
            batch: restored.batch,
            unsealed: Unsealed { blocks: restored.blocks, receipts: restored.receipts },
            queue: VecDeque::new(),
            inbox: VecDeque::new(),
        }
    }

    /// Returns the chain's configuration.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Returns the state after the last block.
    pub fn state(&self) -> &State {
        &self.state
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

    /// Returns how many inbox messages the chain has taken or holds ready.
    pub fn inbox_next(&self) -> u64 {
        let taken = self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
        self.inbox.back().map_or(taken, |last| last.index + 1)
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        match input {
            Input::Submit { ticket, transaction } => self.admit(ticket, transaction),
            Input::Deposits(deposits) => {
                for deposit in deposits {
                    if deposit.index == self.inbox_next() {
                        self.inbox.push_back(deposit);
                    }
                }
                Vec::new()
            }
            Input::Tick => {
                let mut effects = self.block(now);
                effects.extend(self.seal(now));
                effects
            }
        }
    }

    fn admit(&mut self, ticket: u64, transaction: Transaction) -> Vec<Effect> {
        if self.queue.len() >= limits::QUEUE_TRANSACTIONS {
            return vec![Effect::Busy { ticket }];
        }
        let id = transaction.id(&self.chain);
        self.queue.push_back(Waiting { ticket, id, transaction });
        Vec::new()
    }

    /// Makes a block of what waits: L1 messages first, so that nobody can crowd them out.
    fn block(&mut self, now: Millis) -> Vec<Effect> {
        let mut entries: Vec<Entry> = Vec::new();
        while entries.len() < limits::BLOCK_ENTRIES / 2 {
            let Some(deposit) = self.inbox.pop_front() else { break };
            entries.push(Entry::Deposit(deposit));
        }
        let deposits = entries.len();
        let (mut taken, mut refusals) = (Vec::new(), Vec::new());
        let mut nonces: BTreeMap<AccountId, u64> = BTreeMap::new();
        while entries.len() < limits::BLOCK_ENTRIES {
            let Some(waiting) = self.queue.pop_front() else { break };
            let account = waiting.transaction.sender.account();
            let stored = || self.state.get::<Account>(&account).map_or(0, |record| record.nonce);
            let next = nonces.entry(account).or_insert_with(stored);
            let reject = match waiting.transaction.nonce.cmp(next) {
                std::cmp::Ordering::Less => Some(Reject::NonceTooLow),
                std::cmp::Ordering::Greater => Some(Reject::NonceTooHigh),
                std::cmp::Ordering::Equal => None,
            };
            if let Some(reject) = reject {
                refusals.push(Effect::Refuse { ticket: waiting.ticket, id: waiting.id, reject });
                continue;
            }
            *next += 1;
            entries.push(Entry::Transaction(waiting.transaction.to_bytes().into()));
            taken.push(waiting);
        }
        let mut effects = match entries.is_empty() {
            true => Vec::new(),
            false => self.execute(now, entries, taken, deposits),
        };
        // After the block: bytes that came twice are refused the second time, and that answer is looked up in the
        // store. Looked up too early it would be a refusal, and the sender would sign the same wish again.
        effects.extend(refusals);
        effects
    }

    fn execute(&mut self, now: Millis, entries: Vec<Entry>, taken: Vec<Waiting>, deposits: usize) -> Vec<Effect> {
        let executed = transition::execute(&mut self.state, &self.config, self.head.as_ref(), entries, now);
        let header = executed.block.header.clone();
        let confirmations: Vec<Effect> = (0u32..)
            .zip(&executed.receipts)
            .skip(deposits)
            .zip(taken)
            .map(|((position, receipt), waiting)| Effect::Confirm {
                ticket: waiting.ticket,
                id: waiting.id,
                height: header.height,
                position,
                receipt: receipt.clone(),
            })
            .collect();
        self.head = Some(header);
        self.unsealed.blocks.push(executed.block.clone());
        self.unsealed.receipts.extend(executed.receipts.iter().cloned());
        let mut effects = vec![Effect::Commit(Box::new(executed))];
        effects.extend(confirmations);
        effects
    }

    fn seal(&mut self, now: Millis) -> Option<Effect> {
        let first = self.unsealed.blocks.first()?;
        let due =
            now >= first.header.time.after(self.config.batch_age) || self.unsealed.blocks.len() >= limits::BATCH_BLOCKS;
        if !due {
            return None;
        }
        let unsealed = std::mem::take(&mut self.unsealed);
        let batch = transition::seal(&BatchInput {
            config_hash: self.chain,
            parent: self.batch.as_ref(),
            genesis_root: self.genesis_root,
            blocks: &unsealed.blocks,
            receipts: &unsealed.receipts,
            diff: None,
        });
        self.batch = Some(batch.header.clone());
        Some(Effect::Seal(Box::new(batch)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::account::SecretKey;
    use ledger::account::Transfer;
    use proof::committee::Committee;
    use task::Parameters;
    use transition::Action;
    use types::{Amount, AssetId, Bytes32, EthAddress, Ppm};

    fn config() -> ChainConfig {
        let nobody = AccountId(Digest::ZERO);
        let parameters = Parameters {
            coordinator: nobody,
            treasury: nobody,
            resolvers: Vec::new(),
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(0),
        };
        let committee = Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() };
        ChainConfig {
            salt: Bytes32::ZERO,
            l1_chain_id: 1,
            committee,
            parameters,
            sequencer: SecretKey::from_seed([0; 32]).public(),
            rules: L1Rules::default(),
        }
    }

    fn empty() -> Restored {
        Restored { state: State::default(), head: None, batch: None, blocks: Vec::new(), receipts: Vec::new() }
    }

    fn key() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    fn submit(ticket: u64, nonce: u64) -> Input {
        let transfer = Transfer { to: AccountId(Digest::ZERO), asset: AssetId(Digest::ZERO), amount: Amount::ZERO };
        let transaction = Transaction::sign(&key(), &config().hash(), nonce, Action::Transfer(transfer));
        Input::Submit { ticket, transaction }
    }

    fn deposit(index: u64) -> Deposit {
        let amount = Amount::new(5).unwrap();
        Deposit { index, account: key().account(), token: EthAddress::ZERO, amount, sender: EthAddress::ZERO }
    }

    fn show(effects: &[Effect]) -> String {
        let words = effects.iter().map(|effect| match effect {
            Effect::Commit(executed) => {
                format!("commit {}x{}", executed.block.header.height, executed.block.entries.len())
            }
            Effect::Confirm { ticket, height, position, .. } => format!("confirm {ticket} at {height}.{position}"),
            Effect::Refuse { ticket, reject, .. } => format!("refuse {ticket} {}", reject.code()),
            Effect::Busy { ticket } => format!("busy {ticket}"),
            Effect::Seal(batch) => format!("seal {} of {}-{}", batch.header.number, batch.first, batch.last),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_block_is_stored_before_anybody_is_told() {
        let mut sequencer = Sequencer::restore(config(), empty());
        assert_eq!(show(&sequencer.step(Millis(0), Input::Tick)), "", "nothing waits, nothing is made");
        for (ticket, nonce) in [(1, 0), (2, 1), (3, 1), (4, 9)] {
            sequencer.step(Millis(1), submit(ticket, nonce));
        }
        sequencer.step(Millis(1), Input::Deposits(vec![deposit(0), deposit(0), deposit(1), deposit(3)]));
        let effects = sequencer.step(Millis(2), Input::Tick);
        assert_eq!(show(&effects), "commit 1x4; confirm 1 at 1.2; confirm 2 at 1.3; refuse 3 302; refuse 4 303");
        assert_eq!(sequencer.inbox_next(), 2);
    }

    #[test]
    fn the_same_bytes_sent_twice_are_answered_after_they_are_stored() {
        let mut sequencer = Sequencer::restore(config(), empty());
        sequencer.step(Millis(1), submit(1, 0));
        sequencer.step(Millis(1), submit(2, 0));
        let effects = sequencer.step(Millis(2), Input::Tick);
        assert_eq!(show(&effects), "commit 1x1; confirm 1 at 1.0; refuse 2 302");
    }

    #[test]
    fn a_batch_is_sealed_when_it_is_old_enough_and_a_restart_goes_on_with_it() {
        let mut sequencer = Sequencer::restore(config(), empty());
        sequencer.step(Millis(0), Input::Deposits(vec![deposit(0)]));
        let Effect::Commit(executed) = sequencer.step(Millis(10), Input::Tick).remove(0) else { panic!("a block") };
        assert_eq!(show(&sequencer.step(Millis(109), Input::Tick)), "");

        let mut state = State::default();
        state.apply(&transition::genesis(&config()));
        state.apply(&executed.changes);
        let header = executed.block.header.clone();
        let restored = Restored {
            state,
            head: Some(header),
            batch: None,
            blocks: vec![executed.block.clone()],
            receipts: executed.receipts.clone(),
        };
        let mut restarted = Sequencer::restore(config(), restored);
        let (old, new) = (sequencer.step(Millis(110), Input::Tick), restarted.step(Millis(110), Input::Tick));
        assert_eq!(show(&old), "seal 1 of 1-1");
        let (Some(Effect::Seal(old)), Some(Effect::Seal(new))) = (old.first(), new.first()) else { panic!("batches") };
        assert_eq!(old, new);
        assert_eq!(show(&restarted.step(Millis(999), Input::Tick)), "", "a block is sealed once");
    }

    #[test]
    #[should_panic(expected = "the stored leaves give the root of the stored head")]
    fn a_damaged_store_stops_the_sequencer() {
        let mut sequencer = Sequencer::restore(config(), empty());
        sequencer.step(Millis(0), Input::Deposits(vec![deposit(0)]));
        let Effect::Commit(executed) = sequencer.step(Millis(10), Input::Tick).remove(0) else { panic!("a block") };
        Sequencer::restore(config(), Restored { head: Some(executed.block.header), ..empty() });
    }
}
