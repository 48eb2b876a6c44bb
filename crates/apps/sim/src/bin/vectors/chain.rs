//! A small chain from fixed seeds, whose values the vectors show.

use crypto::account::SecretKey;
use crypto::eth::EthKey;
use ledger::account::Account;
use ledger::bridge::{Cursor, asset_of, token_word};
use ledger::tally::Split;
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Half, Message, Resolver, Terms, Withdraw};
use proof::BlockHeader;
use proof::committee::Committee;
use state::State;
use task::Parameters;
use transition::diff::{self, Before};
use transition::{
    Action, Batch, BatchInput, ChainConfig, Entry, Executed, L1Rules, Transaction, execute, genesis, seal,
};
use types::{AccountId, Amount, AssetId, Bytes32, Digest, Encode as _, EthAddress, Millis, Ppm};

/// Seeds of account keys.
pub const ALICE: u8 = 1;
pub const BOB: u8 = 2;
pub const COORDINATOR: u8 = 3;
pub const TREASURY: u8 = 4;
const SEQUENCER: u8 = 5;
pub const RESOLVERS: [u8; 3] = [20, 21, 22];
/// Seeds of the committee's L1 keys.
const MEMBERS: [u8; 3] = [31, 32, 33];

pub const L1_CHAIN_ID: u64 = 31337;
pub const ROLLUP: EthAddress = EthAddress([0xc4; 20]);
pub const ETH: EthAddress = EthAddress::ZERO;
pub const TOKEN: EthAddress = EthAddress([0x70; 20]);

/// Returns who owns an account on L1.
pub fn owner(seed: u8) -> EthAddress {
    EthAddress([0xa0 | seed; 20])
}

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32]).owned_by(owner(seed))
}

pub fn account(seed: u8) -> AccountId {
    key(seed).account()
}

pub fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).expect("the vectors' amounts are in range")
}

/// Returns the committee's keys in the order of their addresses.
pub fn members() -> Vec<EthKey> {
    let key = |seed: &u8| EthKey::from_bytes([*seed; 32]).expect("a small seed is a scalar");
    let mut keys: Vec<EthKey> = MEMBERS.iter().map(key).collect();
    keys.sort_by_key(EthKey::address);
    keys
}

pub fn config() -> ChainConfig {
    let parameters = Parameters {
        coordinator: account(COORDINATOR),
        treasury: account(TREASURY),
        resolvers: RESOLVERS.iter().map(|seed| key(*seed).public()).collect(),
        threshold: 2,
        provider_share: Ppm(800_000),
        author_share: Ppm(50_000),
        slash: Ppm(400_000),
        stake_min: amount(100),
        verdict_window: Millis(60_000),
    };
    let members: Vec<EthAddress> = members().iter().map(EthKey::address).collect();
    let mandatory = members.last().copied().into_iter().collect();
    ChainConfig {
        salt: Bytes32([0x5a; 32]),
        l1_chain_id: L1_CHAIN_ID,
        committee: Committee { members, threshold: 2, mandatory },
        parameters,
        sequencer: key(SEQUENCER).public(),
        rules: L1Rules { data_on_l1: true, ..L1Rules::default() },
    }
}

/// Returns the terms of a tally that the vectors speak of, which one account resolves.
pub fn terms() -> Terms {
    Terms {
        subject: Digest::ZERO,
        collateral: asset_of(TOKEN),
        per_pair: amount(100),
        floor: 10,
        cap: 20,
        resolver: Resolver::Account(account(COORDINATOR)),
        resolve_after: Millis(1_700_000_000_000),
        refund_after: Millis(1_800_000_000_000),
        refund_stock: Ppm(500_000),
    }
}

/// Returns the word of an asset that is one half of the tally.
pub fn half_word(half: Half) -> Bytes32 {
    Bytes32(half.asset(terms().id()).0.to_be_bytes())
}

/// A chain that grows by whole blocks.
pub struct Chain {
    pub config: ChainConfig,
    pub state: State,
    pub genesis_root: Digest,
    pub blocks: Vec<Executed>,
    pub inbox: Vec<Message>,
    now: Millis,
}

impl Chain {
    pub fn new() -> Self {
        let (config, mut state) = (config(), State::default());
        state.apply(&genesis(&config));
        let genesis_root = state.root();
        Self { config, state, genesis_root, blocks: Vec::new(), inbox: Vec::new(), now: Millis(1_700_000_000_000) }
    }

    /// Runs entries as the next block; the vectors show applied ones only.
    pub fn run(&mut self, entries: Vec<Entry>) {
        self.now = self.now.after(Millis(250));
        let head: Option<BlockHeader> = self.blocks.last().map(|last| last.block.header.clone());
        let executed = execute(&mut self.state, &self.config, head.as_ref(), entries, self.now);
        assert!(executed.receipts.iter().all(transition::Receipt::is_applied), "the vectors' entries are applied");
        self.blocks.push(executed);
    }

    pub fn deposit(&mut self, to: u8, token: EthAddress, quanta: u64) {
        self.deposit_word(to, token_word(token), quanta);
    }

    /// Deposits what a word names: an L1 token, or halves that were withdrawn.
    pub fn deposit_word(&mut self, to: u8, token: Bytes32, quanta: u64) {
        let (index, account, sender) = (self.next_index(), account(to), owner(to));
        self.take(Message::Deposit(Deposit { index, account, token, amount: amount(quanta), sender }));
    }

    /// Takes the demand of an account's owner on L1.
    pub fn withdraw_forced(&mut self, from: u8, token: EthAddress, quanta: u64) {
        let (index, account, recipient) = (self.next_index(), account(from), owner(from));
        let (token, amount) = (token_word(token), amount(quanta));
        self.take(Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient }));
    }

    /// Takes an action that the account's owner forced on L1.
    pub fn act_forced(&mut self, from: u8, action: &Action) {
        let elements = action.to_forced().expect("the vectors' actions can be forced");
        let index = self.next_index();
        self.take(Message::Action(ForcedAction { index, account: account(from), elements }));
    }

    pub fn send(&mut self, from: u8, action: Action) {
        let tx = self.sign(from, action);
        self.run(vec![Entry::Transaction(tx.to_bytes().into())]);
    }

    pub fn withdraw(&mut self, from: u8, asset: AssetId, quanta: u64) {
        self.send(from, withdraw(from, asset, quanta));
    }

    /// Splits some of an account's tokens into halves: the STOCK goes to Alice, the FOIL to Bob.
    pub fn split(&mut self, from: u8, pairs: u64) {
        let (stock, foil) = (account(ALICE), account(BOB));
        self.send(from, Action::Split(Split { terms: terms(), pairs: amount(pairs), stock, foil }));
    }

    fn next_index(&self) -> u64 {
        self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count)
    }

    fn take(&mut self, message: Message) {
        self.inbox.push(message.clone());
        self.run(vec![Entry::Message(message)]);
    }

    fn sign(&self, from: u8, action: Action) -> Transaction {
        let nonce = self.state.get::<Account>(&account(from)).map_or(0, |account| account.nonce);
        Transaction::sign(&key(from), &self.config.hash(), nonce, action)
    }

    /// Seals the blocks from position `from` on, and returns the difference that is published with them.
    pub fn seal(&self, parent: Option<&Batch>, from: usize) -> (Batch, Vec<u8>) {
        let blocks = &self.blocks[from..];
        let stored: Vec<_> = blocks.iter().map(|executed| executed.block.clone()).collect();
        let receipts: Vec<_> = blocks.iter().flat_map(|executed| executed.receipts.clone()).collect();
        let mut before = Before::new();
        blocks.iter().for_each(|executed| diff::note(&mut before, &executed.undo));
        let difference = diff::encode(&before, &self.state, &receipts);
        let batch = seal(&BatchInput {
            config_hash: self.config.hash(),
            parent: parent.map(|batch| &batch.header),
            genesis_root: self.genesis_root,
            blocks: &stored,
            receipts: &receipts,
            diff: Some(&difference),
        });
        (batch, difference)
    }
}

/// Returns a withdrawal to an L1 address that follows from the account's seed.
pub fn withdraw(from: u8, asset: AssetId, quanta: u64) -> Action {
    Action::Withdraw(Withdraw { asset, amount: amount(quanta), recipient: EthAddress([0xe0 | from; 20]) })
}
