//! A small chain from fixed seeds, whose values the vectors show.

use crypto::account::SecretKey;
use crypto::eth::EthKey;
use ledger::account::Account;
use ledger::bridge::Cursor;
use ledger::{Deposit, Withdraw};
use proof::BlockHeader;
use proof::committee::Committee;
use state::State;
use task::Parameters;
use transition::{Action, Batch, BatchInput, ChainConfig, Entry, Executed, Transaction, execute, genesis, seal};
use types::{AccountId, Amount, Bytes32, Digest, Encode as _, EthAddress, Millis, Ppm};

/// Seeds of account keys.
pub const ALICE: u8 = 1;
pub const BOB: u8 = 2;
pub const COORDINATOR: u8 = 3;
pub const TREASURY: u8 = 4;
pub const RESOLVERS: [u8; 3] = [20, 21, 22];
/// Seeds of the committee's L1 keys.
const MEMBERS: [u8; 3] = [31, 32, 33];

pub const L1_CHAIN_ID: u64 = 31337;
pub const ROLLUP: EthAddress = EthAddress([0xc4; 20]);
pub const ETH: EthAddress = EthAddress::ZERO;
pub const TOKEN: EthAddress = EthAddress([0x70; 20]);

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
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
    let committee =
        Committee { members: members().iter().map(EthKey::address).collect(), threshold: 2, mandatory: Vec::new() };
    ChainConfig {
        salt: Bytes32([0x5a; 32]),
        l1_chain_id: L1_CHAIN_ID,
        committee,
        parameters,
        sequencer: SecretKey::from_seed([0; 32]).public(),
        rules: L1Rules::default(),
    }
}

/// A chain that grows by whole blocks.
pub struct Chain {
    pub config: ChainConfig,
    pub state: State,
    pub genesis_root: Digest,
    pub blocks: Vec<Executed>,
    pub inbox: Vec<Deposit>,
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
        let index = self.state.get::<Cursor>(&0).map_or(0, |cursor| cursor.inbox_count);
        let sender = EthAddress([0xa0 | to; 20]);
        let deposit = Deposit { index, account: account(to), token, amount: amount(quanta), sender };
        self.inbox.push(deposit.clone());
        self.run(vec![Entry::Deposit(deposit)]);
    }

    pub fn withdraw(&mut self, from: u8, token: EthAddress, quanta: u64) {
        let recipient = EthAddress([0xe0 | from; 20]);
        let withdraw = Withdraw { asset: ledger::bridge::asset_of(token), amount: amount(quanta), recipient };
        let nonce = self.state.get::<Account>(&account(from)).map_or(0, |account| account.nonce);
        let tx = Transaction::sign(&key(from), &self.config.hash(), nonce, Action::Withdraw(withdraw));
        self.run(vec![Entry::Transaction(tx.to_bytes().into())]);
    }

    /// Seals the blocks from position `from` on.
    pub fn seal(&self, parent: Option<&Batch>, from: usize) -> Batch {
        let blocks = &self.blocks[from..];
        let stored: Vec<_> = blocks.iter().map(|executed| executed.block.clone()).collect();
        let receipts: Vec<_> = blocks.iter().flat_map(|executed| executed.receipts.clone()).collect();
        seal(&BatchInput {
            config_hash: self.config.hash(),
            parent: parent.map(|batch| &batch.header),
            genesis_root: self.genesis_root,
            blocks: &stored,
            receipts: &receipts,
            diff: None,
        })
    }
}
